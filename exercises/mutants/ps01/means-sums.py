# Sums in place of means.
# loses: means-mse-mae means-rmse
# cell: means
def mse(predictions, targets):
    return np.sum(squared_error(predictions, targets))


def rmse(predictions, targets):
    return np.sqrt(mse(predictions, targets))


def mae(predictions, targets):
    return np.sum(absolute_error(predictions, targets))
