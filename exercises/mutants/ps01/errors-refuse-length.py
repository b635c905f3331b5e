# Only the lengths are compared: (5, 1) against (5,) passes.
# loses: errors-shapes
# cell: errors
def squared_error(predictions, targets):
    if len(predictions) != len(targets):
        raise ValueError("lengths differ")
    return (predictions - targets) ** 2


def absolute_error(predictions, targets):
    if len(predictions) != len(targets):
        raise ValueError("lengths differ")
    return np.abs(predictions - targets)
