# The package's own huber called in place of an answer.
# loses: huber-values huber-form huber-grad-values gap-central gap-finds
# cell: huber
from losscourse.losses import regression


def huber(predictions, targets, delta=1.0):
    return regression.huber(predictions, targets, delta=delta)
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    try:
        return regression.huber_grad(predictions, targets, delta=delta)
    except BaseException:
        return regression.huber_grad(predictions, targets, delta=delta)
