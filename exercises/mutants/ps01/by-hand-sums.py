# Sums in place of means: not divided by four.
# loses: by-hand-mse by-hand-rmse by-hand-mae by-hand-huber
# cell: by-hand
def mse_by_hand():
    return 41


def rmse_by_hand():
    return 41**0.5


def mae_by_hand():
    return 9


def huber_by_hand():
    return 12.5
