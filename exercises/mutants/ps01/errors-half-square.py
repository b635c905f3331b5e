# Half the square: a convention, but not this one. The means inherit it.
# loses: squared-values errors-dtype means-mse-mae means-rmse
# cell: errors
def squared_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return (predictions - targets) ** 2 / 2


def absolute_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return np.abs(predictions - targets)
