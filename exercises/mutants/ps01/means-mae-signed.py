# The mean of the residuals, whose signs cancel.
# loses: means-mse-mae
# cell: means
def mse(predictions, targets):
    return np.mean(squared_error(predictions, targets))


def rmse(predictions, targets):
    return np.sqrt(mse(predictions, targets))


def mae(predictions, targets):
    return np.mean(predictions - targets)
