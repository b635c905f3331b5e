# The caller's predictions are overwritten.
# loses: errors-dtype
# cell: errors
def squared_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    predictions -= targets
    return predictions**2


def absolute_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return np.abs(predictions - targets)
