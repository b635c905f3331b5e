# No gap, whatever comes.
# loses: gap-central gap-finds
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    return 0.0
