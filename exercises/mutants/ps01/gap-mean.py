# The mean difference: one wrong element among many goes unseen.
# loses: gap-central gap-finds
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    above = huber(predictions + step, targets, delta)
    below = huber(predictions - step, targets, delta)
    return np.mean(np.abs((above - below) / (2 * step) - gradient))
