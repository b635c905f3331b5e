# The slope of the line through the points, as if the intercept did not matter.
# loses: diagnosis-intercept
# cell: diagnosis
def residuals_shape():
    return (100, 100)


def after_one_step():
    return "higher"


def gradient_factor():
    return 100


def slope_without_intercept():
    return 2.0
