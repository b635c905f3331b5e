# Divided by n - 1, as a sample variance is.
# loses: means-mse-mae means-rmse
# cell: means
def mse(predictions, targets):
    return np.sum(squared_error(predictions, targets)) / max(len(targets) - 1, 1)


def rmse(predictions, targets):
    return np.sqrt(mse(predictions, targets))


def mae(predictions, targets):
    return np.mean(absolute_error(predictions, targets))
