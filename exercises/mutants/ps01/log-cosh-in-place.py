# The caller's predictions are overwritten.
# loses: log-cosh-form
# cell: log-cosh
def log_cosh(predictions, targets):
    np.subtract(predictions, targets, out=predictions)
    size = np.abs(predictions)
    return size + np.log1p(np.exp(-2 * size)) - float(np.log(2))
