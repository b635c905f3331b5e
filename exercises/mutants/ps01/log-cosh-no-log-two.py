# The constant log 2 is forgotten.
# loses: log-cosh-values log-cosh-extremes log-cosh-form
# cell: log-cosh
def log_cosh(predictions, targets):
    size = np.abs(predictions - targets)
    return size + np.log1p(np.exp(-2 * size))
