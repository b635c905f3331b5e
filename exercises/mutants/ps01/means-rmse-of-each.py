# The root before the mean, which is the mean absolute error.
# loses: means-rmse
# cell: means
def mse(predictions, targets):
    return np.mean(squared_error(predictions, targets))


def rmse(predictions, targets):
    return np.mean(np.sqrt(squared_error(predictions, targets)))


def mae(predictions, targets):
    return np.mean(absolute_error(predictions, targets))
