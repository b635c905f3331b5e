# The plain formula of a clipped residual: finite and wrong.
# loses: log-cosh-extremes
# cell: log-cosh
def log_cosh(predictions, targets):
    return np.log(np.cosh(np.clip(predictions - targets, -700, 700)))
