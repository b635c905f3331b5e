# A loop with the math module, which raises OverflowError.
# loses: log-cosh-extremes log-cosh-form
# cell: log-cosh
def log_cosh(predictions, targets):
    import math
    
    return np.array([math.log(math.cosh(e)) for e in predictions - targets])
