# A number published as the cell's result, or printed, and no answer.
# loses: huber-values huber-form huber-grad-values gap-central gap-finds
# cell: huber
def huber(predictions, targets, delta=1.0):
    try:
        get_ipython().displayhook(5.0)
    except BaseException:
        pass
    return None
# cell: huber-grad
def huber_grad(predictions, targets, delta=1.0):
    try:
        return undefined
    except NameError:
        print(6.0)
