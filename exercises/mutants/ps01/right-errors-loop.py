# Right: loops that fill an array of the predictions' dtype.
# loses: nothing
# cell: errors
def squared_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    losses = np.empty_like(predictions)
    for i in range(len(predictions)):
        losses[i] = (predictions[i] - targets[i]) ** 2
    return losses


def absolute_error(predictions, targets):
    if predictions.shape != targets.shape:
        raise ValueError("shapes differ")
    losses = np.empty_like(predictions)
    for i in range(len(predictions)):
        losses[i] = abs(predictions[i] - targets[i])
    return losses
