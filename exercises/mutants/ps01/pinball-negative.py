# The low side keeps its minus sign.
# loses: pinball-values pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    e = predictions - targets
    return np.where(e < 0, quantile * e, (1 - quantile) * e)
