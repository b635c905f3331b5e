# An assert in place of ValueError.
# loses: errors-shapes
# cell: errors
def squared_error(predictions, targets):
    assert predictions.shape == targets.shape
    return (predictions - targets) ** 2


def absolute_error(predictions, targets):
    assert predictions.shape == targets.shape
    return np.abs(predictions - targets)
