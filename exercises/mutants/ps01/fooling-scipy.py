# SciPy's huber, a compiled function, called through a helper.
# loses: huber-values huber-form gap-central gap-finds
# cell: huber
import scipy.special


def helper(size, delta):
    return scipy.special.huber(delta, size)


def huber(predictions, targets, delta=1.0):
    return helper(predictions - targets, delta)
