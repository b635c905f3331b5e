# The plain formula: it overflows, and loses those points alone.
# loses: log-cosh-extremes
# cell: log-cosh
def log_cosh(predictions, targets):
    return np.log(np.cosh(predictions - targets))
