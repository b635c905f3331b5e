# A loop that fills an array of float64, whatever comes in.
# loses: errors-dtype
# cell: errors
def squared_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    losses = np.empty(len(predictions))
    for i in range(len(predictions)):
        losses[i] = (predictions[i] - targets[i]) ** 2
    return losses


def absolute_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    return np.abs(predictions - targets)
