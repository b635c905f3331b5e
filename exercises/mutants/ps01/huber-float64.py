# Converted to float64 first.
# loses: huber-form
# cell: huber
def huber(predictions, targets, delta=1.0):
    size = np.abs(predictions.astype(float) - targets)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
