# The mean in place of the loss of each example.
# loses: squared-values absolute-values errors-shapes errors-dtype
# cell: errors
def squared_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return np.mean((predictions - targets) ** 2)


def absolute_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return np.mean(np.abs(predictions - targets))
