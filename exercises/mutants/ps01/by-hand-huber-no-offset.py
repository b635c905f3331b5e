# Huber's line through the origin, delta * |e|, in place of delta * (|e| - delta / 2).
# loses: by-hand-huber
# cell: by-hand
def mse_by_hand():
    return 10.25


def rmse_by_hand():
    return 10.25**0.5


def mae_by_hand():
    return 2.25


def huber_by_hand():
    return (0.5 + 4 + 0 + 12) / 4
