# A list of the sizes, and the sign read the wrong way.
# loses: diagnosis-broadcast diagnosis-sign
# cell: diagnosis
def residuals_shape():
    return [100, 100]


def after_one_step():
    return "lower"


def gradient_factor():
    return 100


def slope_without_intercept():
    return 46 / 14
