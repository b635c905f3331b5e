# The derivative by the target: the other sign.
# loses: huber-grad-values
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    return np.clip(targets - predictions, -delta, delta)
