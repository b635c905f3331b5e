# np.log(2) is a float64 scalar: float32 comes out as float64.
# loses: log-cosh-form
# cell: log-cosh
def log_cosh(predictions, targets):
    size = np.abs(predictions - targets)
    return size + np.log1p(np.exp(-2 * size)) - np.log(2)
