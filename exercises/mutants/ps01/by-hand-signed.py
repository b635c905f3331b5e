# The signed mean of the residuals: the minus sign is kept.
# loses: by-hand-mae
# cell: by-hand
def mse_by_hand():
    return 10.25


def rmse_by_hand():
    return 10.25**0.5


def mae_by_hand():
    return (-1 + 2 + 0 + 6) / 4


def huber_by_hand():
    return 3.125
