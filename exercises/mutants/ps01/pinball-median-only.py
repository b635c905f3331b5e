# The quantile is ignored.
# loses: pinball-values pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    return np.abs(predictions - targets) / 2
