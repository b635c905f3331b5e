# Both sides, but divided by h in place of 2h.
# loses: gap-central gap-finds
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    above = huber(predictions + step, targets, delta)
    below = huber(predictions - step, targets, delta)
    return np.max(np.abs((above - below) / step - gradient))
