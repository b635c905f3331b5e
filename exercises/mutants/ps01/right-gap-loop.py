# Right: one prediction moved at a time.
# loses: nothing
# cell: gradient-gap
def gradient_gap(predictions, targets, gradient, delta=1.0, step=1e-6):
    largest = 0.0
    for i in range(len(predictions)):
        shift = np.zeros_like(predictions)
        shift[i] = step
        above = np.sum(huber(predictions + shift, targets, delta))
        below = np.sum(huber(predictions - shift, targets, delta))
        largest = max(largest, abs((above - below) / (2 * step) - gradient[i]))
    return largest
