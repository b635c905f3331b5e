# Shapes that differ are not refused: NumPy broadcasts them.
# loses: errors-shapes
# cell: errors
def squared_error(predictions, targets):
    return (predictions - targets) ** 2


def absolute_error(predictions, targets):
    return np.abs(predictions - targets)
