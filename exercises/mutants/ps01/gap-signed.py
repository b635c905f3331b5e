# The largest signed difference: it sees faults of one sign only.
# loses: gap-finds
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    above = huber(predictions + step, targets, delta)
    below = huber(predictions - step, targets, delta)
    return np.max(gradient - (above - below) / (2 * step))
