"""Functions whose textbook form overflows, cancels or has an infinite derivative.

The losses call these, so that their own bodies stay the formula on the page. Each docstring says
what breaks the naive form.
"""

import math

from losscourse.arrays import Array, float_namespace

__all__ = ["log_cosh", "log_sum_exp", "softplus", "sqrt"]


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)), element by element.

    Args:
        x: Floats of any shape.

    Returns:
        Array of the shape and dtype of `x`; at least 0.

    Numerics:
        exp(x) overflows float32 at x = 89. Here the exponent is never positive. At 0 autograd
        takes half of max's slope, which gives the derivative ½; `clip` would give 1.

    Example:
        >>> import numpy as np
        >>> softplus(np.asarray([-1000.0, 0.0, 1000.0])).round(4).tolist()
        [0.0, 0.6931, 1000.0]
    """
    xp = float_namespace(x=x)
    return xp.maximum(x, xp.zeros_like(x)) + xp.log1p(xp.exp(-xp.abs(x)))


def log_sum_exp(x: Array, *, axis: int = -1) -> Array:
    """Return log(Σ exp(x)) along an axis.

    Args:
        x: Floats of any shape with at least one element along `axis`.
        axis: The axis that is summed over.

    Returns:
        Array of the dtype of `x` without `axis`. A slice of -inf alone gives -inf.

    Raises:
        TypeError: `x` is no array of floats.
        ValueError: `x` has no such axis, or the axis has no element: an empty sum has no logarithm.

    Numerics:
        The largest element is subtracted before exp and added after log. Where it is infinite,
        0 is subtracted instead, since inf - inf is NaN.

    Example:
        >>> import numpy as np
        >>> float(log_sum_exp(np.asarray([1000.0, 1000.0])))
        1000.6931471805599
    """
    xp = float_namespace(x=x)
    if axis not in range(-x.ndim, x.ndim):
        raise ValueError(f"axis: expected one of the {x.ndim} axes of x, got {axis}")
    if x.shape[axis] == 0:
        raise ValueError(f"x: expected at least one element along axis {axis}, got none")
    largest = xp.max(x, axis=axis, keepdims=True)
    shift = xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest))
    total = xp.log(xp.sum(xp.exp(x - shift), axis=axis))
    return total + xp.squeeze(shift, axis=axis)


def log_cosh(x: Array) -> Array:
    """Return log(cosh(x)), element by element.

    Args:
        x: Floats of any shape.

    Returns:
        Array of the shape and dtype of `x`; at least 0, about x²/2 near 0 and |x| - log 2 far out.

    Numerics:
        cosh(x) overflows float32 at x = 90, and near 0 it rounds to 1, whose logarithm is 0. Far
        out, the larger of the two exponentials is taken out of the logarithm; near 0,
        cosh² = 1 + sinh² leaves log1p a small argument, so the relative error stays small.

    Example:
        >>> import numpy as np
        >>> log_cosh(np.asarray([0.0, 100.0])).round(5).tolist()
        [0.0, 99.30685]
    """
    xp = float_namespace(x=x)
    magnitude = xp.abs(x)
    far = magnitude + xp.log1p(xp.exp(-2 * magnitude)) - math.log(2)
    near = xp.log1p(xp.square(xp.sinh(xp.clip(x, min=-1, max=1)))) / 2
    return xp.where(magnitude < 1, near, far)


def sqrt(x: Array) -> Array:
    """Return the square root, with derivative 0 where it is 0.

    Args:
        x: Floats of any shape, at least 0.

    Returns:
        Array of the shape and dtype of `x`.

    Numerics:
        The derivative of √x at 0 is infinite, and autograd multiplies it by an inner derivative
        of 0: NaN. A root of squares (a distance, an RMSE) has 0 in its subdifferential there, and
        that is what this function propagates.

    Example:
        >>> import numpy as np
        >>> sqrt(np.asarray([0.0, 4.0])).tolist()
        [0.0, 2.0]
    """
    xp = float_namespace(x=x)
    zero = x == 0
    return xp.where(zero, xp.zeros_like(x), xp.sqrt(xp.where(zero, xp.ones_like(x), x)))
