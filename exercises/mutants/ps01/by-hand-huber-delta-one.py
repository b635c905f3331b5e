# Huber with delta = 1, as in the example, in place of 2.
# loses: by-hand-huber
# cell: by-hand
def mse_by_hand():
    return 10.25


def rmse_by_hand():
    return 10.25**0.5


def mae_by_hand():
    return 2.25


def huber_by_hand():
    return (0.5 + 1.5 + 0 + 5.5) / 4
