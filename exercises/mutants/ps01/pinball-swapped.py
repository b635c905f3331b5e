# The two sides are swapped: it elicits the quantile 1 - tau.
# loses: pinball-values pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    e = predictions - targets
    return np.where(e < 0, (quantile - 1) * e, quantile * e)
