# The derivative of the mean: divided by n.
# loses: huber-grad-values
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    return np.clip(predictions - targets, -delta, delta) / max(predictions.size, 1)
