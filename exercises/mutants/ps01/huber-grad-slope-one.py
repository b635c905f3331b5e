# The line's slope is taken as 1 and not delta.
# loses: huber-grad-values
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    e = predictions - targets
    return np.where(np.abs(e) <= delta, e, np.sign(e))
