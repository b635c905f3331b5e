# The logarithm to base ten.
# loses: log-cosh-values log-cosh-extremes log-cosh-form
# cell: log-cosh
def log_cosh(predictions, targets):
    return np.log10(np.cosh(predictions - targets))
