# The root taken of each square before the mean, which is the mean absolute error.
# loses: by-hand-rmse
# cell: by-hand
def mse_by_hand():
    return 10.25


def rmse_by_hand():
    return (1 + 2 + 0 + 6) / 4


def mae_by_hand():
    return 2.25


def huber_by_hand():
    return 3.125
