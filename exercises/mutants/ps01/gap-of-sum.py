# One difference for the summed loss: faults of opposite sign cancel.
# loses: gap-central gap-finds
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    above = huber(predictions + step, targets, delta)
    below = huber(predictions - step, targets, delta)
    return abs(np.sum(above - below) / (2 * step) - np.sum(gradient))
