# The branch is chosen by e and not by |e|: large negative residuals stay squared.
# loses: huber-values
# cell: huber
def huber(predictions, targets, delta=1.0):
    e = predictions - targets
    return np.where(e <= delta, e**2 / 2, delta * (np.abs(e) - delta / 2))
