# delta is 1 whatever the call says.
# loses: huber-values huber-form
# cell: huber
def huber(predictions, targets, delta=1.0):
    size = np.abs(predictions - targets)
    return np.where(size <= 1, size**2 / 2, size - 0.5)
