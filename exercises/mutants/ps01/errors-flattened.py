# Shapes that differ are flattened until they fit.
# loses: errors-shapes
# cell: errors
def squared_error(predictions, targets):
    return (predictions.ravel() - targets.ravel()) ** 2


def absolute_error(predictions, targets):
    return np.abs(predictions.ravel() - targets.ravel())
