# The factor the wrong way up, with the 2 counted in.
# loses: diagnosis-mean
# cell: diagnosis
def residuals_shape():
    return (100, 100)


def after_one_step():
    return "higher"


def gradient_factor():
    return 1 / 200


def slope_without_intercept():
    return 46 / 14
