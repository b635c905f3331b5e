# Weights from np.array([...]) lift float32 to float64.
# loses: pinball-form
# cell: pinball
def pinball(predictions, targets, quantile=0.5):
    e = predictions - targets
    low, high = np.array([-quantile, 1 - quantile])
    return np.maximum(low * e, high * e)
