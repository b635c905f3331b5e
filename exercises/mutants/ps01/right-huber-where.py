# Right: the two branches as they stand in the formula.
# loses: nothing
# cell: huber
def huber(predictions, targets, delta=1.0):
    size = np.abs(predictions - targets)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
