# The shapes are taken to fit.
# loses: diagnosis-broadcast
# cell: diagnosis
def residuals_shape():
    return (100, 1)


def after_one_step():
    return "higher"


def gradient_factor():
    return 100


def slope_without_intercept():
    return 46 / 14
