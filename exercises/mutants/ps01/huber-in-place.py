# The caller's predictions are overwritten.
# loses: huber-form
# cell: huber
def huber(predictions, targets, delta=1.0):
    predictions -= targets
    size = np.abs(predictions)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
