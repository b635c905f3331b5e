# A loop over the first axis: right for one dimension only.
# loses: huber-form
# cell: huber
def huber(predictions, targets, delta=1.0):
    losses = np.empty_like(predictions)
    for i in range(len(predictions)):
        size = abs(predictions[i] - targets[i])
        losses[i] = size**2 / 2 if size <= delta else delta * (size - delta / 2)
    return losses
