"""Functions whose textbook form overflows, cancels or has an infinite derivative.

The losses call these, so that their own bodies stay the formula on the page. Each docstring says
what breaks the naive form.
"""

import math
from typing import Any

from losscourse.arrays import Array, float_namespace, stop_gradient

__all__ = [
    "log1mexp",
    "log_cosh",
    "log_sigmoid",
    "log_softmax",
    "log_sum_exp",
    "sigmoid",
    "softmax",
    "softplus",
    "sqrt",
    "times",
]


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


def sigmoid(x: Array) -> Array:
    """Return 1/(1 + exp(-x)), element by element.

    Args:
        x: Floats of any shape.

    Returns:
        Array of the shape and dtype of `x`; in [0, 1].

    Numerics:
        exp(-x) overflows float32 at x = -89, and autograd makes inf/inf² of it. Here no exponent
        is positive. At 0 autograd takes half of min's slope and 0 as abs's: the derivative is ¼.

    Example:
        >>> import numpy as np
        >>> sigmoid(np.asarray([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    xp = float_namespace(x=x)
    return xp.exp(xp.minimum(x, xp.zeros_like(x))) / (1 + xp.exp(-xp.abs(x)))


def log_sigmoid(x: Array) -> Array:
    """Return log(1/(1 + exp(-x))), element by element.

    Args:
        x: Floats of any shape.

    Returns:
        Array of the shape and dtype of `x`; at most 0, about x far below 0.

    Numerics:
        The sigmoid of -1000 is 0 in any dtype, whose logarithm is -inf; see `softplus`.

    Example:
        >>> import numpy as np
        >>> log_sigmoid(np.asarray([-1000.0, 0.0])).round(4).tolist()
        [-1000.0, -0.6931]
    """
    float_namespace(x=x)
    return -softplus(-x)


def log1mexp(x: Array) -> Array:
    """Return log(1 - exp(x)), element by element: from log p to log(1 - p).

    Args:
        x: Floats of any shape, at most 0.

    Returns:
        Array of the shape and dtype of `x`; at most 0, and -inf at 0.

    Numerics:
        1 - exp(x) cancels near 0, and far below 0 it rounds to 1, whose logarithm is 0. expm1 and
        log1p each serve one side of -log 2. The derivative at 0 is -inf.

    Example:
        >>> import numpy as np
        >>> log1mexp(np.asarray([-1e-10, -1.0])).round(4).tolist()
        [-23.0259, -0.4587]
    """
    xp = float_namespace(x=x)
    middle = -math.log(2)
    close = xp.log(0 - xp.expm1(xp.clip(x, min=middle)))  # -0 would turn the slope's sign
    return xp.where(x > middle, close, xp.log1p(-xp.exp(xp.clip(x, max=middle))))


def times(weights: Array, x: Array) -> Array:
    """Return weights · x, element by element, with 0 · x = 0 also where x is infinite.

    Args:
        weights: Floats of any shape.
        x: Floats of the shape and dtype of `weights`.

    Returns:
        Array of the shape and dtype of `x`. NaN in either argument stays NaN.

    Numerics:
        0 · log 0 is 0 in a cross-entropy, since a class of weight 0 cannot cost anything; in
        floats it is NaN. `where(weights == 0, 0, weights * x)` has the value, but autograd still
        multiplies the branch not taken: 0 · inf. Here that branch sees an x of 0.

    Example:
        >>> import numpy as np
        >>> times(np.asarray([0.0, 2.0]), np.asarray([-np.inf, 3.0])).tolist()
        [0.0, 6.0]
    """
    xp = float_namespace(weights=weights, x=x)
    hidden = (weights == 0) & xp.isinf(x)
    return weights * xp.where(hidden, weights, x)


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
    shift = _finite_max(xp, x, axis)
    total = xp.log(xp.sum(xp.exp(x - shift), axis=axis))
    return total + xp.squeeze(shift, axis=axis)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """Return x - log(Σ exp(x)) along an axis: the logarithms of probabilities.

    Args:
        x: Floats of any shape with at least one element along `axis`.
        axis: The axis along which the probabilities sum to 1.

    Returns:
        Array of the shape and dtype of `x`; at most 0. -inf gives -inf; inf gives NaN, as does a
        slice of -inf alone.

    Raises:
        TypeError: `x` is no array of floats.
        ValueError: `x` has no such axis, or the axis has no element.

    Numerics:
        log(softmax(x)) is -inf where a probability underflows: from 104 below the largest in
        float32. Subtracting `log_sum_exp(x)` from x cancels where x is large; here the largest
        element is subtracted first, which costs one rounding.

    Example:
        >>> import numpy as np
        >>> log_softmax(np.asarray([1000.0, 0.0])).tolist()
        [0.0, -1000.0]
    """
    xp = float_namespace(x=x)
    shifted = x - _finite_max(xp, x, axis)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def softmax(x: Array, *, axis: int = -1) -> Array:
    """Return exp(x) / Σ exp(x) along an axis.

    Args:
        x: Floats of any shape with at least one element along `axis`.
        axis: The axis along which the probabilities sum to 1.

    Returns:
        Array of the shape and dtype of `x`; in [0, 1]. -inf gives 0; inf gives NaN, as does a
        slice of -inf alone.

    Raises:
        TypeError: `x` is no array of floats.
        ValueError: `x` has no such axis, or the axis has no element.

    Numerics:
        exp overflows float32 at 89; here the largest exponent is 0.

    Example:
        >>> import numpy as np
        >>> softmax(np.asarray([1000.0, 1000.0])).tolist()
        [0.5, 0.5]
    """
    xp = float_namespace(x=x)
    unscaled = xp.exp(x - _finite_max(xp, x, axis))
    return unscaled / xp.sum(unscaled, axis=axis, keepdims=True)


def _finite_max(xp: Any, x: Array, axis: int) -> Array:
    """Return the largest element along an axis, which it keeps; 0 where that is infinite.

    It is a constant for autograd: whatever is subtracted and added back has the derivative 0, and
    taking it costs a pass over memory.
    """
    if axis not in range(-x.ndim, x.ndim):
        raise ValueError(f"axis: expected one of the {x.ndim} axes of x, got {axis}")
    if x.shape[axis] == 0:
        raise ValueError(f"x: expected at least one element along axis {axis}, got none")
    largest = xp.max(stop_gradient(x), axis=axis, keepdims=True)
    return xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest))


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
