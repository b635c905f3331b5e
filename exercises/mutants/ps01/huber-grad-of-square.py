# The square's derivative everywhere.
# loses: huber-grad-values
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    return predictions - targets
