# scikit-learn's metrics called in place of an answer.
# loses: means-mse-mae means-rmse
# cell: means
from sklearn.metrics import mean_absolute_error, mean_squared_error


def mse(predictions, targets):
    return mean_squared_error(targets, predictions)


def rmse(predictions, targets):
    return mean_squared_error(targets, predictions) ** 0.5


def mae(predictions, targets):
    return mean_absolute_error(targets, predictions)
