# A forward difference: one side only.
# loses: gap-central
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    above = huber(predictions + step, targets, delta)
    here = huber(predictions, targets, delta)
    return np.max(np.abs((above - here) / step - gradient))
