# The root is forgotten.
# loses: means-rmse
# cell: means
def mse(predictions, targets):
    return np.mean(squared_error(predictions, targets))


def rmse(predictions, targets):
    return mse(predictions, targets)


def mae(predictions, targets):
    return np.mean(absolute_error(predictions, targets))
