# Twice the loss, so that the median gives |e|.
# loses: pinball-values pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    e = predictions - targets
    return 2 * np.maximum(-quantile * e, (1 - quantile) * e)
