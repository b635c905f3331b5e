# Right: the two sides as they stand in the formula.
# loses: nothing
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    e = predictions - targets
    return np.where(e < 0, -quantile * e, (1 - quantile) * e)
