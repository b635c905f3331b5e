# Right: NumPy's log(exp(a) + exp(b)).
# loses: nothing
# cell: log-cosh
def log_cosh(predictions, targets):
    e = predictions - targets
    return np.logaddexp(e, -e) - float(np.log(2))
