# The plain mean of the points' slopes, without the weights x squared.
# loses: diagnosis-intercept
# cell: diagnosis
def residuals_shape():
    return (100, 100)


def after_one_step():
    return "higher"


def gradient_factor():
    return 100


def slope_without_intercept():
    return (5 + 3.5 + 3) / 3
