# Stable for positive residuals only: no |e|.
# loses: log-cosh-extremes
# cell: log-cosh
def log_cosh(predictions, targets):
    e = predictions - targets
    return e + np.log1p(np.exp(-2 * e)) - float(np.log(2))
