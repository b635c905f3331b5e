# A function that calls itself without end.
# loses: pinball-values pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    return pinball(predictions, targets, quantile)
