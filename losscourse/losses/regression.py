"""Losses for a real-valued target: how far is the prediction from it?

In every formula `e = predictions - targets` is the residual. Each loss is followed by its
gradient, the derivative of the summed loss by the predictions.
"""

import math
from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    REALS,
    UNIT_OPEN,
    Array,
    Interval,
    check_all,
    check_in,
    check_mask,
    check_values,
    clamp,
    float_namespace,
)
from losscourse.reduce import weighted_mean

__all__ = [
    "absolute_error",
    "absolute_error_grad",
    "absolute_percentage_error",
    "absolute_percentage_error_grad",
    "cauchy",
    "cauchy_grad",
    "epsilon_insensitive",
    "epsilon_insensitive_grad",
    "expectile",
    "expectile_grad",
    "gamma_negative_log_likelihood",
    "gamma_negative_log_likelihood_grad",
    "gaussian_negative_log_likelihood",
    "gaussian_negative_log_likelihood_grad",
    "geman_mcclure",
    "geman_mcclure_grad",
    "general_robust",
    "general_robust_grad",
    "huber",
    "huber_grad",
    "laplace_negative_log_likelihood",
    "laplace_negative_log_likelihood_grad",
    "log_cosh",
    "log_cosh_grad",
    "mae",
    "mape",
    "mse",
    "pinball",
    "pinball_grad",
    "poisson_negative_log_likelihood",
    "poisson_negative_log_likelihood_grad",
    "quantile_huber",
    "quantile_huber_grad",
    "rmse",
    "smooth_l1",
    "smooth_l1_grad",
    "squared_error",
    "squared_error_grad",
    "squared_log_error",
    "squared_log_error_grad",
    "tweedie_negative_log_likelihood",
    "tweedie_negative_log_likelihood_grad",
    "welsch",
    "welsch_grad",
]


def squared_error(predictions: Array, targets: Array) -> Array:
    r"""Return the squared error of each prediction.

    Formula: $e^2$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit squared; at least 0.

    Gradient:
        $2e$; see `squared_error_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        Overflows where |e| exceeds the square root of the largest float: 255 in float16.

    Convention:
        No factor ½. `torch.nn.functional.mse_loss(predictions, targets, reduction="none")`.

    Example:
        >>> import numpy as np
        >>> squared_error(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.5])).tolist()
        [1.0, 0.25]

    Reference:
        Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, eq. 2.9.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    return xp.square(predictions - targets)


def squared_error_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `squared_error` by the predictions.

    Formula: $2e$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> squared_error_grad(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.5])).tolist()
        [-2.0, -1.0]
    """
    float_namespace(predictions=predictions, targets=targets)
    return 2 * (predictions - targets)


def absolute_error(predictions: Array, targets: Array) -> Array:
    r"""Return the absolute error of each prediction.

    Formula: $|e|$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        $\operatorname{sign}(e)$; see `absolute_error_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        Exact up to the rounding of the subtraction.

    Convention:
        `torch.nn.functional.l1_loss(predictions, targets, reduction="none")`.

    Example:
        >>> import numpy as np
        >>> absolute_error(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.5])).tolist()
        [1.0, 0.5]

    Reference:
        Koenker and Bassett (1978), Regression Quantiles, at the median.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    return xp.abs(predictions - targets)


def absolute_error_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `absolute_error` by the predictions.

    Formula: $\operatorname{sign}(e)$, where `e = predictions - targets`. At the kink, $e = 0$, the
    subgradient 0 is taken, out of $[-1, 1]$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; -1, 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> absolute_error_grad(np.asarray([2.0, 0.5]), np.asarray([3.0, 0.5])).tolist()
        [-1.0, 0.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    return xp.sign(predictions - targets)


def huber(predictions: Array, targets: Array, *, delta: float = 1.0) -> Array:
    r"""Return the Huber loss of each prediction: squared near the target, absolute far from it.

    Formula: $q\,(e - q/2)$, where `e = predictions - targets` and q is e clipped to
    $[-\delta, \delta]$. That is $e^2/2$ for $|e| \le \delta$ and $\delta\,(|e| - \delta/2)$ beyond.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        delta: The residual at which the loss turns from squared to absolute, in the target's
            unit; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit squared; at least 0.

    Gradient:
        $e$ clipped to $[-\delta, \delta]$; see `huber_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `delta` is no number.
        ValueError: The two shapes differ, or `delta` is not positive.

    Numerics:
        $e^2$ is never formed beyond delta. The form with `where` forms it, which overflows
        float16 at 256 and puts NaN into a gradient at infinity.

    Convention:
        With the factor ½. `torch.nn.functional.huber_loss(predictions, targets,
        reduction="none", delta=delta)`.

    Example:
        >>> import numpy as np
        >>> huber(np.asarray([0.5, 10.0]), np.asarray([0.0, 0.0]), delta=1.0).tolist()
        [0.125, 9.5]

    Reference:
        Huber (1964), Robust Estimation of a Location Parameter, section 1.
    """
    float_namespace(predictions=predictions, targets=targets)
    delta = check_in(POSITIVE, delta=delta)
    residuals = predictions - targets
    clipped = clamp(residuals, min=-delta, max=delta)
    return clipped * (residuals - clipped / 2)


def huber_grad(predictions: Array, targets: Array, *, delta: float = 1.0) -> Array:
    r"""Return the derivative of the summed `huber` by the predictions.

    Formula: $\min(\max(e, -\delta), \delta)$, where `e = predictions - targets`. There is no kink:
    both branches have the derivative $\pm\delta$ where they meet.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        delta: The residual at which the loss turns from squared to absolute; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; in [-delta, delta].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `delta` is no number.
        ValueError: The two shapes differ, or `delta` is not positive.

    Example:
        >>> import numpy as np
        >>> huber_grad(np.asarray([0.5, 10.0]), np.asarray([0.0, 0.0]), delta=1.0).tolist()
        [0.5, 1.0]
    """
    float_namespace(predictions=predictions, targets=targets)
    delta = check_in(POSITIVE, delta=delta)
    return clamp(predictions - targets, min=-delta, max=delta)


def smooth_l1(predictions: Array, targets: Array, *, beta: float = 1.0) -> Array:
    r"""Return the smooth L1 loss of each prediction: the absolute error with its tip rounded.

    Formula: $\frac{q}{\beta}\,(e - q/2)$, where `e = predictions - targets` and q is e clipped to
    $[-\beta, \beta]$. That is `huber` with `delta=beta`, divided by `beta`; at
    $\beta = 0$ it is `absolute_error`, the limit.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        beta: The residual below which the tip is rounded, in the target's unit; at least 0.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        $e/\beta$ clipped to $[-1, 1]$; see `smooth_l1_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `beta` is no number.
        ValueError: The two shapes differ, or `beta` is negative.

    Numerics:
        $e^2$ is never formed beyond beta, and $\beta = 0$ divides nothing by zero. A beta below
        the smallest normal number of the dtype (6e-5 in float16) counts as 0, since it may round
        to 0; that changes the loss by less than half of it.

    Convention:
        `torch.nn.functional.smooth_l1_loss(predictions, targets, reduction="none", beta=beta)`.

    Example:
        >>> import numpy as np
        >>> smooth_l1(np.asarray([0.5, 10.0]), np.asarray([0.0, 0.0]), beta=0.5).tolist()
        [0.25, 9.75]

    Reference:
        Girshick (2015), Fast R-CNN, eq. 3 (with beta = 1).
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    beta = check_in(NON_NEGATIVE, beta=beta)
    residuals = predictions - targets
    if beta < xp.finfo(residuals.dtype).smallest_normal:
        return xp.abs(residuals)
    clipped = clamp(residuals, min=-beta, max=beta)
    return clipped / beta * (residuals - clipped / 2)


def smooth_l1_grad(predictions: Array, targets: Array, *, beta: float = 1.0) -> Array:
    r"""Return the derivative of the summed `smooth_l1` by the predictions.

    Formula: $\min(\max(e/\beta, -1), 1)$, where `e = predictions - targets`. At $\beta = 0$ it is
    $\operatorname{sign}(e)$ with the subgradient 0 at the kink.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        beta: The residual below which the tip is rounded; at least 0.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `beta` is no number.
        ValueError: The two shapes differ, or `beta` is negative.

    Example:
        >>> import numpy as np
        >>> smooth_l1_grad(np.asarray([0.25, 10.0]), np.asarray([0.0, 0.0]), beta=0.5).tolist()
        [0.5, 1.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    beta = check_in(NON_NEGATIVE, beta=beta)
    residuals = predictions - targets
    if beta < xp.finfo(residuals.dtype).smallest_normal:
        return xp.sign(residuals)
    return clamp(residuals, min=-beta, max=beta) / beta


def log_cosh(predictions: Array, targets: Array) -> Array:
    r"""Return the log-cosh loss of each prediction: a Huber loss without a seam.

    Formula: $\log\cosh e$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`; at least 0. Its argument should have no
        unit: divide residuals by a scale first.

    Gradient:
        $\tanh e$; see `log_cosh_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        cosh(90) overflows float32 and cosh(1e-8) rounds to 1; see `stable.log_cosh`.

    Convention:
        About $e^2/2$ near 0 and $|e| - \log 2$ far out. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> log_cosh(np.asarray([1.0, 100.0]), np.asarray([0.0, 0.0])).round(5).tolist()
        [0.43378, 99.30685]

    Reference:
        Saleh and Saleh (2022), Statistical Properties of the Log-Cosh Loss Function Used in
        Machine Learning.
    """
    float_namespace(predictions=predictions, targets=targets)
    return stable.log_cosh(predictions - targets)


def log_cosh_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `log_cosh` by the predictions.

    Formula: $\tanh e$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> log_cosh_grad(np.asarray([0.0, 100.0]), np.asarray([0.0, 0.0])).tolist()
        [0.0, 1.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    return xp.tanh(predictions - targets)


def pinball(predictions: Array, targets: Array, *, quantile: float = 0.5) -> Array:
    r"""Return the pinball loss of each prediction, whose minimiser is a quantile of the target.

    Formula: $\max(-\tau e, (1-\tau) e)$, where `e = predictions - targets` and $\tau$ is
    `quantile`. A prediction that is too low costs $\tau$ for each unit, one that is too high
    $1 - \tau$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        quantile: The quantile that the loss elicits, strictly between 0 and 1.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        $-\tau$ below the target and $1 - \tau$ above it; see `pinball_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `quantile` is no number.
        ValueError: The two shapes differ, or `quantile` is not strictly between 0 and 1.

    Numerics:
        Exact up to rounding; an infinite residual gives inf.

    Convention:
        Half the absolute error at the median, as in scikit-learn's `mean_pinball_loss`. torch
        has no equivalent.

    Example:
        >>> import numpy as np
        >>> pinball(np.asarray([0.0, 2.0]), np.asarray([1.0, 1.0]), quantile=0.75).tolist()
        [0.75, 0.25]

    Reference:
        Koenker and Bassett (1978), Regression Quantiles, section 3.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    quantile = check_in(UNIT_OPEN, quantile=quantile)
    residuals = predictions - targets
    return xp.maximum(-quantile * residuals, (1 - quantile) * residuals)


def pinball_grad(predictions: Array, targets: Array, *, quantile: float = 0.5) -> Array:
    r"""Return the derivative of the summed `pinball` by the predictions.

    Formula: $\tfrac12\operatorname{sign}(e) + \tfrac12 - \tau$, where
    `e = predictions - targets`: $-\tau$ below the target and $1 - \tau$ above it. At the kink,
    $e = 0$, the subgradient $\tfrac12 - \tau$ is taken, the middle of $[-\tau, 1 - \tau]$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        quantile: The quantile that the loss elicits, strictly between 0 and 1.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [-quantile, 1 - quantile].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `quantile` is no number.
        ValueError: The two shapes differ, or `quantile` is not strictly between 0 and 1.

    Example:
        >>> import numpy as np
        >>> pinball_grad(np.asarray([0.0, 2.0]), np.asarray([1.0, 1.0]), quantile=0.75).tolist()
        [-0.75, 0.25]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    quantile = check_in(UNIT_OPEN, quantile=quantile)
    return xp.sign(predictions - targets) / 2 + (0.5 - quantile)


def expectile(predictions: Array, targets: Array, *, level: float = 0.9) -> Array:
    r"""Return the expectile loss of each prediction: the squared error with a costlier side.

    Formula: $\max(-\tau e, (1-\tau) e)\,|e|$, where `e = predictions - targets` and $\tau$ is
    `level`. That is $\tau e^2$ below the target and $(1-\tau) e^2$ above it.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        level: The level of the expectile that the loss elicits, strictly between 0 and 1.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit squared; at least 0.

    Gradient:
        $2\max(-\tau e, (1-\tau) e)\operatorname{sign}(e)$; see `expectile_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `level` is no number.
        ValueError: The two shapes differ, or `level` is not strictly between 0 and 1.

    Numerics:
        $e^2$ is never formed: a small weight on it would come too late for a square that
        overflows, at 256 in float16.

    Convention:
        No factor ½; half the squared error at level ½, where the expectile is the mean. torch
        has no equivalent.

    Example:
        >>> import numpy as np
        >>> expectile(np.asarray([0.0, 4.0]), np.asarray([2.0, 2.0]), level=0.75).tolist()
        [3.0, 1.0]

    Reference:
        Newey and Powell (1987), Asymmetric Least Squares Estimation and Testing, section 2.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    level = check_in(UNIT_OPEN, level=level)
    residuals = predictions - targets
    return xp.maximum(-level * residuals, (1 - level) * residuals) * xp.abs(residuals)


def expectile_grad(predictions: Array, targets: Array, *, level: float = 0.9) -> Array:
    r"""Return the derivative of the summed `expectile` by the predictions.

    Formula: $2\max(-\tau e, (1-\tau) e)\operatorname{sign}(e)$, where
    `e = predictions - targets` and $\tau$ is `level`: $2\tau e$ below the target and
    $2(1-\tau) e$ above it. There is no kink: both are 0 where they meet.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        level: The level of the expectile that the loss elicits, strictly between 0 and 1.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `level` is no number.
        ValueError: The two shapes differ, or `level` is not strictly between 0 and 1.

    Example:
        >>> import numpy as np
        >>> expectile_grad(np.asarray([0.0, 4.0]), np.asarray([2.0, 2.0]), level=0.75).tolist()
        [-3.0, 1.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    level = check_in(UNIT_OPEN, level=level)
    residuals = predictions - targets
    slopes = 2 * xp.maximum(-level * residuals, (1 - level) * residuals)
    return slopes * xp.sign(residuals)


def epsilon_insensitive(predictions: Array, targets: Array, *, epsilon: float = 1.0) -> Array:
    r"""Return the epsilon-insensitive loss of each prediction: errors up to epsilon cost nothing.

    Formula: $\max(|e| - \epsilon, 0)$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        epsilon: Half the width of the tube in which an error is free, in the target's unit; at
            least 0.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        0 inside the tube and $\operatorname{sign}(e)$ outside; see `epsilon_insensitive_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `epsilon` is no number.
        ValueError: The two shapes differ, or `epsilon` is negative.

    Numerics:
        Exact up to the rounding of two subtractions. Just outside the tube they cancel, so the
        error is a rounding of epsilon there, not of the loss.

    Convention:
        The loss of support vector regression; `absolute_error` at $\epsilon = 0$. torch has no
        equivalent.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([0.0, 0.0])
        >>> epsilon_insensitive(np.asarray([0.25, -2.0]), targets, epsilon=0.5).tolist()
        [0.0, 1.5]

    Reference:
        Hastie, Tibshirani and Friedman (2009), The Elements of Statistical Learning, eq. 12.37.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    epsilon = check_in(NON_NEGATIVE, epsilon=epsilon)
    excess = xp.abs(predictions - targets) - epsilon
    return xp.where(excess <= 0, xp.zeros_like(excess), excess)


def epsilon_insensitive_grad(predictions: Array, targets: Array, *, epsilon: float = 1.0) -> Array:
    r"""Return the derivative of the summed `epsilon_insensitive` by the predictions.

    Formula: $0$ for $|e| \le \epsilon$ and $\operatorname{sign}(e)$ beyond, where
    `e = predictions - targets`. At the kinks, $|e| = \epsilon$, the subgradient 0 is taken, out of
    the values between 0 and $\operatorname{sign}(e)$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        epsilon: Half the width of the tube in which an error is free; at least 0.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; -1, 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `epsilon` is no number.
        ValueError: The two shapes differ, or `epsilon` is negative.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([0.0, 0.0])
        >>> epsilon_insensitive_grad(np.asarray([0.25, -2.0]), targets, epsilon=0.5).tolist()
        [0.0, -1.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    epsilon = check_in(NON_NEGATIVE, epsilon=epsilon)
    residuals = predictions - targets
    inside = xp.abs(residuals) - epsilon <= 0
    return xp.where(inside, xp.zeros_like(residuals), xp.sign(residuals))


def cauchy(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the Cauchy loss of each prediction: its pull fades as an outlier moves away.

    Formula: $\tfrac12 c^2 \log(1 + (e/c)^2)$, where `e = predictions - targets` and $c$ is
    `scale`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: The residual whose pull is strongest, in the target's unit; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit squared; at least 0.

    Gradient:
        $e / (1 + (e/c)^2)$; see `cauchy_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Numerics:
        $(e/c)^2$ overflows float16 at 256 scales, though the loss is small there, and underflows
        where the scale is large. Here only the smaller of $|e|/c$ and its inverse is squared:
        $\log(1 + u^2) = 2\log u + \log(1 + u^{-2})$.

    Convention:
        About $e^2/2$ near 0, as `huber`; `scipy.optimize.least_squares(loss="cauchy",
        f_scale=scale)` has this cost. Barron divides by $c^2$. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> cauchy(np.asarray([1.0, 100.0]), np.asarray([0.0, 0.0])).round(4).tolist()
        [0.3466, 4.6052]

    Reference:
        Barron (2019), A General and Adaptive Robust Loss Function, at alpha = 0.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    return _log_square(xp, predictions - targets, scale)


def cauchy_grad(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the derivative of the summed `cauchy` by the predictions.

    Formula: $e / (1 + (e/c)^2)$, where `e = predictions - targets` and $c$ is `scale`. It is
    largest at $|e| = c$ and falls to 0 far out.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: The residual whose pull is strongest; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; in
        [-scale/2, scale/2].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Example:
        >>> import numpy as np
        >>> cauchy_grad(np.asarray([1.0, 2.0]), np.asarray([0.0, 0.0])).tolist()
        [0.5, 0.4]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    residuals = predictions - targets
    smaller, larger = _sides(xp, xp.abs(residuals) / scale)
    ratio = smaller / larger
    return scale * xp.sign(residuals) * (ratio / (1 + xp.square(ratio)))


def _sides(xp: Any, x: Array, edge: float = 1.0) -> tuple[Array, Array]:
    """Return x cut off above the edge and below it: min(x, edge) and max(x, edge)."""
    edges = xp.full_like(x, edge)
    return xp.minimum(x, edges), xp.maximum(x, edges)


def _log_square(xp: Any, x: Array, scale: float) -> Array:
    """Return c²/2 · log(1 + (x/c)²) with c the scale: x²/2, bent to a logarithm far out.

    No square overflows. Below c, the form x²/2 · log(1 + w)/w leaves nothing to underflow where
    the scale is large.
    """
    scale = min(scale, float(xp.finfo(x.dtype).max))
    scaled = xp.abs(x) / scale
    smaller, larger = _sides(xp, scaled)
    square = xp.square(smaller)
    tiny = square < xp.finfo(x.dtype).eps / 4
    safe = xp.where(tiny, xp.ones_like(x), square)
    bend = xp.where(tiny, xp.ones_like(x), xp.log1p(safe) / safe)
    inside = clamp(x, min=-scale, max=scale)
    near = inside * (inside / 2) * bend
    far = scale * (scale * (xp.log(larger) + xp.log1p(xp.square(smaller / larger)) / 2))
    return xp.where(scaled < 1, near, far)


def general_robust(
    predictions: Array, targets: Array, *, alpha: float = 1.0, scale: float = 1.0
) -> Array:
    r"""Return Barron's loss of each prediction: one family from the square to Welsch's loss.

    Formula: $\frac{|\alpha - 2|}{\alpha}
    \left(\left(\frac{(e/c)^2}{|\alpha - 2|} + 1\right)^{\alpha/2} - 1\right)$, where
    `e = predictions - targets` and $c$ is `scale`. The limits stand for it at
    $\alpha = 2$: $(e/c)^2/2$, and at $\alpha = 0$: $\log((e/c)^2/2 + 1)$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        alpha: How the loss grows far out, as $|e|^\alpha$; any finite number. 2 is the square, 1
            is Charbonnier's loss, 0 is Cauchy's, -2 is Geman and McClure's. Far below 0 it is
            Welsch's.
        scale: The residual at which the square begins to bend, in the target's unit; positive.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; at least 0, and below
        $1 - 2/\alpha$ for a negative alpha.

    Gradient:
        $\frac{e}{c^2} \left(\frac{(e/c)^2}{|\alpha - 2|} + 1\right)^{\alpha/2 - 1}$; see
        `general_robust_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            a hyperparameter is no number.
        ValueError: The two shapes differ, `alpha` is not finite, or `scale` is not positive.

    Numerics:
        The formula divides by 0 at an alpha of 0 and of 2, and beside them it cancels. With
        Cauchy's loss $s = \frac{|\alpha - 2|}{2} \log(1 + (e/c)^2/|\alpha - 2|)$ and
        $k = \alpha/|\alpha - 2|$ it is $(e^{ks} - 1)/k$, which does neither. The power itself is
        taken where $ks$ is above 1, for there exp would magnify a rounding of $ks$. An alpha
        within a sixteenth of the dtype's epsilon of 2 counts as 2, and one beyond 16 over epsilon
        as that: its loss differs from Welsch's by less than a rounding.

    Convention:
        About $(e/c)^2/2$ near 0 for every alpha. Bounded pull for alpha up to 1, convex from 1
        on. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> predictions, targets = np.asarray([1.0, 10.0]), np.asarray([0.0, 0.0])
        >>> general_robust(predictions, targets, alpha=1.0).round(4).tolist()
        [0.4142, 9.0499]
        >>> general_robust(predictions, targets, alpha=-2.0).round(4).tolist()
        [0.4, 1.9231]

    Reference:
        Barron (2019), A General and Adaptive Robust Loss Function, eq. 1.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    alpha, scale = check_in(REALS, alpha=alpha), check_in(POSITIVE, scale=scale)
    scaled = (predictions - targets) / scale
    alpha = _in_reach(xp, scaled, alpha)
    if alpha == 2:
        return scaled * (scaled / 2)
    soft = _log_square(xp, scaled, math.sqrt(abs(alpha - 2)))
    return soft if alpha == 0 else _bent(xp, scaled, soft, alpha)


def _in_reach(xp: Any, x: Array, alpha: float) -> float:
    """Return alpha, or what it cannot be told from in the dtype of x: 2, or the last before inf."""
    epsilon = float(xp.finfo(x.dtype).eps)
    if abs(alpha - 2) < epsilon / 16:
        return 2.0
    return max(-16 / epsilon, min(alpha, 16 / epsilon))


def _bent(xp: Any, scaled: Array, soft: Array, alpha: float) -> Array:
    """Return (exp(k · soft) - 1)/k with k = alpha/|alpha - 2|, where soft is the loss at k = 0."""
    width = abs(alpha - 2)
    k = alpha / width
    if alpha < 0:  # beyond, exp is 0 in every dtype
        soft = clamp(soft, max=min(-700 / k, float(xp.finfo(soft.dtype).max)))
    exponent = clamp(k * soft, max=1)
    tiny = xp.abs(exponent) < xp.finfo(soft.dtype).eps
    safe = xp.where(tiny, xp.ones_like(soft), exponent)
    near = soft * xp.where(tiny, xp.ones_like(soft), xp.expm1(safe) / safe)
    if alpha < 1e-3:  # the logarithm of no float lifts the exponent to 1
        return near
    smaller, larger = _sides(xp, xp.abs(scaled) / math.sqrt(width))
    ratio = smaller / clamp(larger, max=1 / xp.finfo(soft.dtype).eps)  # no slope of 0 · inf
    root = larger + smaller * ratio / (1 + xp.sqrt(1 + xp.square(ratio)))  # √(1 + v²), no v²
    part = min(1.0, 1 / k) ** (1 / alpha)  # below the power: nothing overflows but the loss
    far = (part * root) ** alpha / (k * part**alpha) - 1 / k
    return xp.where(exponent < 1, near, far)


def general_robust_grad(
    predictions: Array, targets: Array, *, alpha: float = 1.0, scale: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `general_robust` by the predictions.

    Formula: $\frac{e}{c^2} \left(\frac{(e/c)^2}{|\alpha - 2|} + 1\right)^{\alpha/2 - 1}$, where
    `e = predictions - targets` and $c$ is `scale`; $e/c^2$ at $\alpha = 2$, the limit.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        alpha: How the loss grows far out; any finite number.
        scale: The residual at which the square begins to bend; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the inverse of the target's unit. For an
        alpha up to 1 it is bounded by 1/scale; below 1 it falls to 0 far out.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            a hyperparameter is no number.
        ValueError: The two shapes differ, `alpha` is not finite, or `scale` is not positive.

    Example:
        >>> import numpy as np
        >>> predictions, targets = np.asarray([1.0, 10.0]), np.asarray([0.0, 0.0])
        >>> general_robust_grad(predictions, targets, alpha=1.0).round(4).tolist()
        [0.7071, 0.995]
        >>> general_robust_grad(predictions, targets, alpha=-2.0).round(4).tolist()
        [0.64, 0.0148]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    alpha, scale = check_in(REALS, alpha=alpha), check_in(POSITIVE, scale=scale)
    scaled = (predictions - targets) / scale
    alpha = _in_reach(xp, scaled, alpha)
    if alpha == 2:
        return scaled / scale
    root = math.sqrt(abs(alpha - 2))
    inside = clamp(scaled, min=-root, max=root)
    soft = _log_square(xp, inside, root)
    near = inside * xp.exp(soft if alpha > 2 else -soft)  # soft · (alpha - 2)/|alpha - 2|
    # In a unit of at least 1: divided by a small root, what is far out would overflow.
    unit, factor = (root, root) if root > 1 else (1.0, root ** (2 - alpha))
    smaller, larger = _sides(xp, xp.abs(scaled) / unit, root / unit)
    bend = (1 + xp.square(smaller / larger)) ** (alpha / 2 - 1)
    far = xp.sign(scaled) * factor * (larger ** (alpha - 1) * bend)
    return xp.where(xp.abs(scaled) < root, near, far) / scale


def welsch(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the Welsch loss of each prediction: what lies far off has no pull at all.

    Formula: $1 - \exp(-(e/c)^2/2)$, where `e = predictions - targets` and $c$ is `scale`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: The residual whose pull is strongest, in the target's unit; positive.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [0, 1].

    Gradient:
        $\frac{e}{c^2} \exp(-(e/c)^2/2)$; see `welsch_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Numerics:
        Near 0, 1 - exp cancels: half of the digits of a small residual; expm1 keeps them. Beyond
        40 scales the exponential is 0 in every dtype, so $e/c$ is cut off there: nothing
        overflows, and no slope is inf · 0.

    Convention:
        About $(e/c)^2/2$ near 0; the limit of `general_robust` as alpha goes to minus infinity.
        Also called Leclerc's loss and the correntropy loss. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> welsch(np.asarray([1.0, 100.0]), np.asarray([0.0, 0.0])).round(4).tolist()
        [0.3935, 1.0]

    Reference:
        Barron (2019), A General and Adaptive Robust Loss Function, the limit at alpha = -inf.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    scaled = clamp((predictions - targets) / scale, min=-40, max=40)
    return -xp.expm1(-xp.square(scaled) / 2)


def welsch_grad(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the derivative of the summed `welsch` by the predictions.

    Formula: $\frac{e}{c^2} \exp(-(e/c)^2/2)$, where `e = predictions - targets` and $c$ is
    `scale`. It is largest at $|e| = c$ and falls to 0 far out.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: The residual whose pull is strongest; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the inverse of the target's unit; at most
        $1/(c\sqrt{e})$ in size, with Euler's $e$.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Example:
        >>> import numpy as np
        >>> welsch_grad(np.asarray([1.0, 100.0]), np.asarray([0.0, 0.0])).round(4).tolist()
        [0.6065, 0.0]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    scaled = clamp((predictions - targets) / scale, min=-40, max=40)
    return scaled * xp.exp(-xp.square(scaled) / 2) / scale


def geman_mcclure(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the Geman-McClure loss of each prediction: bounded, with a pull that fades.

    Formula: $\frac{2 (e/c)^2}{(e/c)^2 + 4}$, where `e = predictions - targets` and $c$ is `scale`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: Half the residual at which the loss is half of its bound, in the target's unit;
            positive.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [0, 2].

    Gradient:
        $\frac{e}{c^2} \frac{16}{((e/c)^2 + 4)^2}$; see `geman_mcclure_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Numerics:
        $(e/c)^2$ overflows float16 at 256 scales, and inf/inf is NaN. With $v = |e|/2c$ the loss
        is $2v^2/(1 + v^2)$, and here only the smaller of $v$ and its inverse is squared.

    Convention:
        About $(e/c)^2/2$ near 0: `general_robust` at alpha = -2. Others write it
        $e^2/(e^2 + \sigma^2)$, half of this with $\sigma = 2c$. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> geman_mcclure(np.asarray([2.0, 100.0]), np.asarray([0.0, 0.0])).round(4).tolist()
        [1.0, 1.9992]

    Reference:
        Barron (2019), A General and Adaptive Robust Loss Function, at alpha = -2.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    smaller, larger = _sides(xp, xp.abs(predictions - targets) / (2 * scale))
    return 2 * xp.square(smaller) / (1 + xp.square(smaller / larger))


def geman_mcclure_grad(predictions: Array, targets: Array, *, scale: float = 1.0) -> Array:
    r"""Return the derivative of the summed `geman_mcclure` by the predictions.

    Formula: $\frac{e}{c^2} \frac{16}{((e/c)^2 + 4)^2}$, where `e = predictions - targets` and $c$
    is `scale`. It is largest at $|e| = 2c/\sqrt3$ and falls to 0 far out.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        scale: Half the residual at which the loss is half of its bound; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the inverse of the target's unit; at most
        $3\sqrt3/(8c)$ in size.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `scale` is no number.
        ValueError: The two shapes differ, or `scale` is not positive.

    Example:
        >>> import numpy as np
        >>> geman_mcclure_grad(np.asarray([2.0, 100.0]), np.asarray([0.0, 0.0])).tolist()[0]
        0.5
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    scale = check_in(POSITIVE, scale=scale)
    residuals = predictions - targets
    smaller, larger = _sides(xp, xp.abs(residuals) / (2 * scale))
    ratio = smaller / larger
    bend = 1 + xp.square(ratio)
    return xp.sign(residuals) * (2 / scale) * (ratio / bend) * (xp.square(1 / larger) / bend)


def quantile_huber(
    predictions: Array, targets: Array, *, quantile: float = 0.5, delta: float = 1.0
) -> Array:
    r"""Return the quantile Huber loss of each prediction: the pinball loss with its tip rounded.

    Formula: $w\,\frac{q}{\delta}\,(|e| - q/2)$ with $q = \min(|e|, \delta)$ and $w = \tau$ where
    $e < 0$, else $1 - \tau$; here `e = predictions - targets` and $\tau$ is `quantile`. A
    prediction that is too low weighs $\tau$, one that is too high $1 - \tau$, as in `pinball`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        quantile: The quantile that the loss is about, strictly between 0 and 1.
        delta: The residual below which the tip is rounded, in the target's unit; positive.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        $w$ times $e/\delta$ clipped to $[-1, 1]$; see `quantile_huber_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The two shapes differ, `quantile` is not strictly between 0 and 1, or `delta`
            is not positive.

    Numerics:
        $e^2$ is never formed beyond delta; see `huber`.

    Convention:
        The Huber loss times $w/\delta$, so that the slopes far out are those of `pinball` and the
        loss tends to it as delta goes to 0. The paper's error is target less prediction, so its
        weight $|\tau - 1[u < 0]|$ is $w$; it does not divide by delta, its kappa, and is the
        same at 1. Away from the limit the minimiser is no quantile but an M-quantile. torch has
        no equivalent.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([0.0, 0.0])
        >>> quantile_huber(np.asarray([-2.0, 2.0]), targets, quantile=0.75).tolist()
        [1.125, 0.375]

    Reference:
        Dabney et al. (2018), Distributional Reinforcement Learning with Quantile Regression, the
        quantile Huber loss.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    quantile, delta = check_in(UNIT_OPEN, quantile=quantile), check_in(POSITIVE, delta=delta)
    residuals = predictions - targets
    magnitude = xp.abs(residuals)
    quadratic = clamp(magnitude, max=delta)
    smooth = quadratic / delta * (magnitude - quadratic / 2)
    return _tilt(xp, residuals, quantile) * smooth


def _tilt(xp: Any, residuals: Array, quantile: float) -> Array:
    """Return the weight of a residual: the quantile below the target, else what it lacks to 1."""
    below, above = xp.full_like(residuals, quantile), xp.full_like(residuals, 1 - quantile)
    return xp.where(residuals < 0, below, above)


def quantile_huber_grad(
    predictions: Array, targets: Array, *, quantile: float = 0.5, delta: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `quantile_huber` by the predictions.

    Formula: $w \min(\max(e/\delta, -1), 1)$ with $w = \tau$ where $e < 0$, else $1 - \tau$; here
    `e = predictions - targets` and $\tau$ is `quantile`. There is no kink: both sides are 0 where
    they meet.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        quantile: The quantile that the loss is about, strictly between 0 and 1.
        delta: The residual below which the tip is rounded; positive.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [-quantile, 1 - quantile].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The two shapes differ, `quantile` is not strictly between 0 and 1, or `delta`
            is not positive.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([0.0, 0.0])
        >>> quantile_huber_grad(np.asarray([-2.0, 0.5]), targets, quantile=0.75).tolist()
        [-0.75, 0.125]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    quantile, delta = check_in(UNIT_OPEN, quantile=quantile), check_in(POSITIVE, delta=delta)
    residuals = predictions - targets
    return _tilt(xp, residuals, quantile) * (clamp(residuals, min=-delta, max=delta) / delta)


def absolute_percentage_error(predictions: Array, targets: Array) -> Array:
    r"""Return the absolute percentage error of each prediction, as a fraction of its target.

    Formula: $|e| / |y|$, where `e = predictions - targets` and $y$ is the target.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`; none is 0.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; at least 0. 0.1 is 10 %.

    Gradient:
        $\operatorname{sign}(e) / |y|$; see `absolute_percentage_error_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is 0. Values are not checked while torch
            traces.

    Numerics:
        A target near 0 makes the loss as large as it likes. No epsilon hides that: a target of 0
        is an error.

    Convention:
        A fraction, as in scikit-learn's `mean_absolute_percentage_error`, which puts an epsilon
        in place of a target of 0. The best constant is the median weighted by $1/|y|$, below the
        median for positive targets: this loss forecasts too low. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> absolute_percentage_error(np.asarray([110.0, 1.0]), np.asarray([100.0, 4.0])).tolist()
        [0.1, 0.75]

    Reference:
        Gneiting (2011), Making and Evaluating Point Forecasts, the absolute percentage error.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    check_all(targets != 0, "values other than 0", targets=targets)
    return xp.abs(predictions - targets) / xp.abs(targets)


def absolute_percentage_error_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `absolute_percentage_error` by the predictions.

    Formula: $\operatorname{sign}(e) / |y|$, where `e = predictions - targets` and $y$ is the
    target. At the kink, $e = 0$, the subgradient 0 is taken, the middle of $[-1/|y|, 1/|y|]$.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`; none is 0.

    Returns:
        Array of the shape and dtype of `predictions`, in the inverse of the target's unit;
        unbounded, since a target may be small.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is 0. Values are not checked while torch
            traces.

    Example:
        >>> import numpy as np
        >>> predictions, targets = np.asarray([110.0, 1.0]), np.asarray([100.0, 4.0])
        >>> absolute_percentage_error_grad(predictions, targets).tolist()
        [0.01, -0.25]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    check_all(targets != 0, "values other than 0", targets=targets)
    return xp.sign(predictions - targets) / xp.abs(targets)


_ABOVE_MINUS_ONE = Interval(-1, math.inf)


def squared_log_error(predictions: Array, targets: Array) -> Array:
    r"""Return the squared log error of each prediction: the squared error of log(1 + x).

    Formula: $d^2$ with $d = \log(1 + p) - \log(1 + y)$, where $p$ is the prediction and $y$ the
    target.

    Args:
        predictions: Floats of any shape, above -1.
        targets: Floats of the shape and dtype of `predictions`, above -1.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; at least 0.

    Gradient:
        $2d / (1 + p)$; see `squared_log_error_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a value is -1 or less. Values are not checked while
            torch traces.

    Numerics:
        1 + p drops the digits of a small p; log1p keeps them. Near a fit the logarithms cancel,
        so the error of d is a rounding of each.

    Convention:
        Natural logarithms; its mean is scikit-learn's `mean_squared_log_error`, which refuses
        what is -1 or less too. Not convex: far above the target the slope fades. Where there is
        no 0 among the targets, train on their logarithms instead. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> squared_log_error(np.asarray([1.0, 999.0]), np.asarray([0.0, 99.0])).round(4).tolist()
        [0.4805, 5.3019]

    Reference:
        Gneiting (2011), Making and Evaluating Point Forecasts, a Bregman score after a
        transformation.
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    check_values(_ABOVE_MINUS_ONE, predictions=predictions, targets=targets)
    return xp.square(_log1p(xp, predictions) - xp.log1p(targets))


def _log1p(xp: Any, x: Array) -> Array:
    """Return log(1 + x) with slope 0 at inf, which a chain rule may multiply by inf."""
    infinite = xp.isinf(x)
    safe = xp.where(infinite, xp.zeros_like(x), x)
    return xp.where(infinite, xp.full_like(x, math.inf), xp.log1p(safe))


def squared_log_error_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `squared_log_error` by the predictions.

    Formula: $2d / (1 + p)$ with $d = \log(1 + p) - \log(1 + y)$, where $p$ is the prediction and
    $y$ the target. It falls to 0 as $p$ grows.

    Args:
        predictions: Floats of any shape, above -1.
        targets: Floats of the shape and dtype of `predictions`, above -1.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; unbounded as p nears -1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a value is -1 or less. Values are not checked while
            torch traces.

    Example:
        >>> import numpy as np
        >>> predictions, targets = np.asarray([1.0, 999.0]), np.asarray([0.0, 99.0])
        >>> squared_log_error_grad(predictions, targets).round(4).tolist()
        [0.6931, 0.0046]
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    check_values(_ABOVE_MINUS_ONE, predictions=predictions, targets=targets)
    difference = xp.log1p(predictions) - xp.log1p(targets)
    return 2 * stable.times(1 / (1 + predictions), difference)


def gaussian_negative_log_likelihood(means: Array, log_variances: Array, targets: Array) -> Array:
    r"""Return minus the log-density of each target under a normal distribution.

    Formula: $\tfrac12 (s + e^2 \exp(-s) + \log 2\pi)$, where `e = means - targets` and $s$ is the
    log-variance.

    Args:
        means: Predicted means, floats of any shape.
        log_variances: Predicted logarithms of the variances, of the shape and dtype of `means`.
        targets: Floats of the shape and dtype of `means`.

    Returns:
        Array of the shape and dtype of `means`, in nats; any number, for a density may exceed 1.

    Gradient:
        $e \exp(-s)$ by the means and $\tfrac12 (1 - e^2 \exp(-s))$ by the log-variances; see
        `gaussian_negative_log_likelihood_grad`.

    Raises:
        TypeError: An argument is no array of floats, or two differ in dtype or library.
        ValueError: Two shapes differ.

    Numerics:
        The logarithm keeps the variance positive with no epsilon. The residual is divided by the
        standard deviation before it is squared, so that a large one does not overflow alone. At an
        exact fit the product is 0, whatever the variance.

    Convention:
        With the constant $\tfrac12 \log 2\pi$: `torch.nn.functional.gaussian_nll_loss(means,
        targets, torch.exp(log_variances), full=True, reduction="none")`, which leaves the constant
        out by default and raises a variance to its eps. Convex in the means, not in both.

    Example:
        >>> import numpy as np
        >>> means, log_variances = np.asarray([0.0, 0.0]), np.asarray([0.0, 2.0])
        >>> targets = np.asarray([0.0, 3.0])
        >>> gaussian_negative_log_likelihood(means, log_variances, targets).round(4).tolist()
        [0.9189, 2.5279]

    Reference:
        Nix and Weigend (1994), Estimating the Mean and Variance of the Target Probability
        Distribution; Kendall and Gal (2017), for the log-variance.
    """
    xp = float_namespace(means=means, log_variances=log_variances, targets=targets)
    standardised = _times_exp(xp, means - targets, -log_variances / 2)
    return (log_variances + xp.square(standardised) + math.log(2 * math.pi)) / 2


def _times_exp(xp: Any, weights: Array, exponents: Array) -> Array:
    """Return w · exp(x); where w is 0 it is 0 and so is its slope, even if exp overflows.

    exp comes in two halves: it may overflow where the product with a small w does not.
    """
    hidden = (weights == 0) & ~xp.isnan(exponents)
    half = xp.exp(xp.where(hidden, xp.zeros_like(exponents), exponents) / 2)
    return weights * half * half


def gaussian_negative_log_likelihood_grad(
    means: Array, log_variances: Array, targets: Array
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed loss by the means and by the log-variances.

    Formula: $e \exp(-s)$ and $\tfrac12 (1 - e^2 \exp(-s))$, where `e = means - targets` and $s$ is
    the log-variance.

    Args:
        means: Predicted means, floats of any shape.
        log_variances: Predicted logarithms of the variances, of the shape and dtype of `means`.
        targets: Floats of the shape and dtype of `means`.

    Returns:
        Two arrays of the shape and dtype of `means`: the derivative by the means, in the inverse
        of the target's unit and unbounded, and that by the log-variances, at most ½.

    Raises:
        TypeError: An argument is no array of floats, or two differ in dtype or library.
        ValueError: Two shapes differ.

    Example:
        >>> import numpy as np
        >>> one = np.asarray([1.0])
        >>> by_mean, by_log_variance = gaussian_negative_log_likelihood_grad(3 * one, 0 * one, one)
        >>> by_mean.tolist(), by_log_variance.tolist()
        ([2.0], [-1.5])
    """
    xp = float_namespace(means=means, log_variances=log_variances, targets=targets)
    standardised = _times_exp(xp, means - targets, -log_variances / 2)
    by_mean = _times_exp(xp, standardised, -log_variances / 2)
    return by_mean, (1 - xp.square(standardised)) / 2


def laplace_negative_log_likelihood(locations: Array, log_scales: Array, targets: Array) -> Array:
    r"""Return minus the log-density of each target under a Laplace distribution.

    Formula: $|e| \exp(-s) + s + \log 2$, where `e = locations - targets` and $s$ is the log-scale.

    Args:
        locations: Predicted medians, floats of any shape.
        log_scales: Predicted logarithms of the scales, of the shape and dtype of `locations`.
        targets: Floats of the shape and dtype of `locations`.

    Returns:
        Array of the shape and dtype of `locations`, in nats; any number, for a density may
        exceed 1.

    Gradient:
        $\operatorname{sign}(e) \exp(-s)$ by the locations and $1 - |e| \exp(-s)$ by the log-scales;
        see `laplace_negative_log_likelihood_grad`.

    Raises:
        TypeError: An argument is no array of floats, or two differ in dtype or library.
        ValueError: Two shapes differ.

    Numerics:
        The logarithm keeps the scale positive with no epsilon. At an exact fit the product is 0,
        whatever the scale.

    Convention:
        With the constant $\log 2$. At a fixed log-scale of 0 it is `absolute_error` and that
        constant. The best scale is the mean absolute error, and the variance is twice its square.
        torch has no such function; `torch.distributions.Laplace` has this density.

    Example:
        >>> import numpy as np
        >>> locations, log_scales = np.asarray([0.0, 0.0]), np.asarray([0.0, 1.0])
        >>> targets = np.asarray([0.0, 3.0])
        >>> laplace_negative_log_likelihood(locations, log_scales, targets).round(4).tolist()
        [0.6931, 2.7968]

    Reference:
        Kendall and Gal (2017), What Uncertainties Do We Need in Bayesian Deep Learning for
        Computer Vision?, for the spread that is learned.
    """
    xp = float_namespace(locations=locations, log_scales=log_scales, targets=targets)
    distances = xp.abs(locations - targets)
    return _times_exp(xp, distances, -log_scales) + log_scales + math.log(2)


def laplace_negative_log_likelihood_grad(
    locations: Array, log_scales: Array, targets: Array
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed loss by the locations and by the log-scales.

    Formula: $\operatorname{sign}(e) \exp(-s)$ and $1 - |e| \exp(-s)$, where
    `e = locations - targets` and $s$ is the log-scale. At the kink, $e = 0$, the subgradient 0 is
    taken, the middle of $[-\exp(-s), \exp(-s)]$.

    Args:
        locations: Predicted medians, floats of any shape.
        log_scales: Predicted logarithms of the scales, of the shape and dtype of `locations`.
        targets: Floats of the shape and dtype of `locations`.

    Returns:
        Two arrays of the shape and dtype of `locations`: the derivative by the locations, in the
        inverse of the target's unit and unbounded, since a scale may be small, and that by the
        log-scales, at most 1.

    Raises:
        TypeError: An argument is no array of floats, or two differ in dtype or library.
        ValueError: Two shapes differ.

    Example:
        >>> import numpy as np
        >>> one = np.asarray([1.0])
        >>> by_location, by_log_scale = laplace_negative_log_likelihood_grad(3 * one, 0 * one, one)
        >>> by_location.tolist(), by_log_scale.tolist()
        ([1.0], [-1.0])
    """
    xp = float_namespace(locations=locations, log_scales=log_scales, targets=targets)
    residuals = locations - targets
    by_location = _times_exp(xp, xp.sign(residuals), -log_scales)
    return by_location, 1 - _times_exp(xp, xp.abs(residuals), -log_scales)


def poisson_negative_log_likelihood(log_rates: Array, targets: Array) -> Array:
    r"""Return minus the log-probability of each count under a Poisson distribution.

    Formula: $\exp(z) - y z$, where $z$ is the logarithm of the rate and $y$ the count. The term
    $\log y!$, which no prediction changes, is left out.

    Args:
        log_rates: Predicted logarithms of the rates, floats of any shape.
        targets: Counts or other floats of at least 0, of the shape and dtype of `log_rates`.

    Returns:
        Array of the shape and dtype of `log_rates`, in nats up to a constant of the target; at
        least $y - y \log y$.

    Gradient:
        $\exp(z) - y$; see `poisson_negative_log_likelihood_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is negative. Values are not checked while
            torch traces.

    Numerics:
        The logarithm keeps the rate positive, and a count of 0 has no 0 · inf. exp overflows
        float32 at 89: then the loss is inf, also where the product would be.

    Convention:
        `torch.nn.functional.poisson_nll_loss(log_rates, targets, reduction="none")`, whose
        default is `log_input=True` and `full=False`. With `full=True` torch adds Stirling's
        approximation of $\log y!$; that is not the exact constant.

    Example:
        >>> import numpy as np
        >>> log_rates, targets = np.asarray([0.0, 1.0]), np.asarray([2.0, 2.0])
        >>> poisson_negative_log_likelihood(log_rates, targets).round(4).tolist()
        [1.0, 0.7183]

    Reference:
        Nelder and Wedderburn (1972), Generalized Linear Models.
    """
    xp = float_namespace(log_rates=log_rates, targets=targets)
    check_values(NON_NEGATIVE, targets=targets)
    full = math.log(float(xp.finfo(log_rates.dtype).max)) + 1  # beyond it exp is inf
    return xp.exp(log_rates) - stable.times(targets, clamp(log_rates, max=full))


def poisson_negative_log_likelihood_grad(log_rates: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `poisson_negative_log_likelihood` by the log-rates.

    Formula: $\exp(z) - y$, where $z$ is the logarithm of the rate and $y$ the count.

    Args:
        log_rates: Predicted logarithms of the rates, floats of any shape.
        targets: Counts or other floats of at least 0, of the shape and dtype of `log_rates`.

    Returns:
        Array of the shape and dtype of `log_rates`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is negative. Values are not checked while
            torch traces.

    Example:
        >>> import numpy as np
        >>> log_rates, targets = np.asarray([0.0, 0.0]), np.asarray([2.0, 0.0])
        >>> poisson_negative_log_likelihood_grad(log_rates, targets).tolist()
        [-1.0, 1.0]
    """
    xp = float_namespace(log_rates=log_rates, targets=targets)
    check_values(NON_NEGATIVE, targets=targets)
    return xp.exp(log_rates) - targets


def gamma_negative_log_likelihood(log_means: Array, targets: Array) -> Array:
    r"""Return minus the log-density of each target under a gamma distribution, for its mean.

    Formula: $z + y \exp(-z)$, where $z$ is the logarithm of the mean and $y$ the target. That is
    the loss for each unit of the shape; terms that no prediction changes are left out.

    Args:
        log_means: Predicted logarithms of the means, floats of any shape.
        targets: Floats of at least 0, of the shape and dtype of `log_means`.

    Returns:
        Array of the shape and dtype of `log_means`, in nats up to a constant of the target; at
        least $1 + \log y$, and without lower bound at a target of 0.

    Gradient:
        $1 - y \exp(-z)$; see `gamma_negative_log_likelihood_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is negative. Values are not checked while
            torch traces.

    Numerics:
        The logarithm keeps the mean positive, and a target of 0 has no 0 · inf.

    Convention:
        Exactly the exponential distribution's, which is the gamma of shape 1. For shape k, k
        times this and a constant of k and y; the best mean is the same. Half of scikit-learn's
        `mean_gamma_deviance`, up to $1 + \log y$. With a variance in place of the mean it is QLIKE
        of volatility forecasts. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> log_means, targets = np.asarray([0.0, 1.0]), np.asarray([2.0, 2.0])
        >>> gamma_negative_log_likelihood(log_means, targets).round(4).tolist()
        [2.0, 1.7358]

    Reference:
        Nelder and Wedderburn (1972), Generalized Linear Models.
    """
    xp = float_namespace(log_means=log_means, targets=targets)
    check_values(NON_NEGATIVE, targets=targets)
    least = -float(xp.finfo(log_means.dtype).max)  # inf - inf is no sum
    return clamp(log_means, min=least) + _times_exp(xp, targets, -log_means)


def gamma_negative_log_likelihood_grad(log_means: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `gamma_negative_log_likelihood` by the log-means.

    Formula: $1 - y \exp(-z)$, where $z$ is the logarithm of the mean and $y$ the target.

    Args:
        log_means: Predicted logarithms of the means, floats of any shape.
        targets: Floats of at least 0, of the shape and dtype of `log_means`.

    Returns:
        Array of the shape and dtype of `log_means`, without unit; at most 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target is negative. Values are not checked while
            torch traces.

    Example:
        >>> import numpy as np
        >>> log_means, targets = np.asarray([0.0, 0.0]), np.asarray([2.0, 0.0])
        >>> gamma_negative_log_likelihood_grad(log_means, targets).tolist()
        [-1.0, 1.0]
    """
    xp = float_namespace(log_means=log_means, targets=targets)
    check_values(NON_NEGATIVE, targets=targets)
    return 1 - _times_exp(xp, targets, -log_means)


_BETWEEN_POISSON_AND_GAMMA = Interval(1, 2)


def tweedie_negative_log_likelihood(
    log_means: Array, targets: Array, *, power: float = 1.5
) -> Array:
    r"""Return minus the log-likelihood of each target under a Tweedie distribution, for its mean.

    Formula: $\frac{\exp((2 - p) z)}{2 - p} + \frac{y \exp(-(p - 1) z)}{p - 1}$, where $z$ is the
    logarithm of the mean, $y$ the target and $p$ is `power`. Terms that no prediction changes are
    left out, and the dispersion is 1.

    Args:
        log_means: Predicted logarithms of the means, floats of any shape.
        targets: Floats of at least 0, of the shape and dtype of `log_means`; many may be 0.
        power: The variance grows as the mean to this power; strictly between 1 and 2.

    Returns:
        Array of the shape and dtype of `log_means`, up to a constant of the target and divided by
        the dispersion; at least 0.

    Gradient:
        $\exp((2 - p) z) - y \exp(-(p - 1) z)$; see `tweedie_negative_log_likelihood_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `power` is no number.
        ValueError: The two shapes differ, a target is negative, or `power` is not strictly
            between 1 and 2. Values of arrays are not checked while torch traces.

    Numerics:
        The logarithm keeps the mean positive, and a target of 0 has no 0 · inf.

    Convention:
        Half of scikit-learn's `mean_tweedie_deviance`, up to a constant of y and p. A power
        between 1 and 2 is a sum of gamma amounts whose number is Poisson: exact zeros, then a
        skewed continuum. The gradient tends to that of `poisson_negative_log_likelihood` at 1
        and to that of `gamma_negative_log_likelihood` at 2. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> log_means, targets = np.asarray([0.0, 1.0]), np.asarray([0.0, 2.0])
        >>> tweedie_negative_log_likelihood(log_means, targets).round(4).tolist()
        [2.0, 5.7236]

    Reference:
        Jørgensen (1987), Exponential Dispersion Models.
    """
    xp = float_namespace(log_means=log_means, targets=targets)
    power = check_in(_BETWEEN_POISSON_AND_GAMMA, power=power)
    check_values(NON_NEGATIVE, targets=targets)
    rise, fall = 2 - power, power - 1
    return xp.exp(rise * log_means) / rise + _times_exp(xp, targets, -fall * log_means) / fall


def tweedie_negative_log_likelihood_grad(
    log_means: Array, targets: Array, *, power: float = 1.5
) -> Array:
    r"""Return the derivative of the summed `tweedie_negative_log_likelihood` by the log-means.

    Formula: $\exp((2 - p) z) - y \exp(-(p - 1) z)$, where $z$ is the logarithm of the mean, $y$ the
    target and $p$ is `power`.

    Args:
        log_means: Predicted logarithms of the means, floats of any shape.
        targets: Floats of at least 0, of the shape and dtype of `log_means`; many may be 0.
        power: The variance grows as the mean to this power; strictly between 1 and 2.

    Returns:
        Array of the shape and dtype of `log_means`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `power` is no number.
        ValueError: The two shapes differ, a target is negative, or `power` is not strictly
            between 1 and 2. Values of arrays are not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> log_means, targets = np.asarray([0.0, 0.0]), np.asarray([2.0, 0.0])
        >>> tweedie_negative_log_likelihood_grad(log_means, targets).tolist()
        [-1.0, 1.0]
    """
    xp = float_namespace(log_means=log_means, targets=targets)
    power = check_in(_BETWEEN_POISSON_AND_GAMMA, power=power)
    check_values(NON_NEGATIVE, targets=targets)
    rise, fall = 2 - power, power - 1
    return xp.exp(rise * log_means) - _times_exp(xp, targets, -fall * log_means)


def mse(
    predictions: Array,
    targets: Array,
    *,
    weights: Array | None = None,
    mask: Array | None = None,
) -> Array:
    r"""Return the mean squared error.

    Formula: $\sum_i w_i e_i^2 / \sum_i w_i$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        weights: Weight of each example, shape and dtype of `predictions`, at least 0. Default: 1.
        mask: Booleans of the shape of `predictions`; True selects. Default: all.

    Returns:
        A scalar of the dtype of `predictions`, in the target's unit squared; at least 0.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, or the total weight is 0.

    Convention:
        `torch.nn.functional.mse_loss(predictions, targets)`.

    Example:
        >>> import numpy as np
        >>> float(mse(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.0])))
        0.5
    """
    return weighted_mean(squared_error(predictions, targets), weights=weights, mask=mask)


def rmse(
    predictions: Array,
    targets: Array,
    *,
    weights: Array | None = None,
    mask: Array | None = None,
) -> Array:
    r"""Return the root mean squared error.

    Formula: $\sqrt{\sum_i w_i e_i^2 / \sum_i w_i}$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        weights: Weight of each example, shape and dtype of `predictions`, at least 0. Default: 1.
        mask: Booleans of the shape of `predictions`; True selects. Default: all.

    Returns:
        A scalar of the dtype of `predictions`, in the target's unit; at least 0.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, or the total weight is 0.

    Numerics:
        The derivative at an exact fit is 0, not NaN; see `stable.sqrt`.

    Convention:
        The root of the mean over all examples; a mean of roots over batches is another number.

    Example:
        >>> import numpy as np
        >>> float(rmse(np.asarray([2.0, 0.0]), np.asarray([0.0, 2.0])))
        2.0
    """
    return stable.sqrt(mse(predictions, targets, weights=weights, mask=mask))


def mae(
    predictions: Array,
    targets: Array,
    *,
    weights: Array | None = None,
    mask: Array | None = None,
) -> Array:
    r"""Return the mean absolute error.

    Formula: $\sum_i w_i |e_i| / \sum_i w_i$, where `e = predictions - targets`.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`.
        weights: Weight of each example, shape and dtype of `predictions`, at least 0. Default: 1.
        mask: Booleans of the shape of `predictions`; True selects. Default: all.

    Returns:
        A scalar of the dtype of `predictions`, in the target's unit; at least 0.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, or the total weight is 0.

    Convention:
        `torch.nn.functional.l1_loss(predictions, targets)`.

    Example:
        >>> import numpy as np
        >>> float(mae(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.0])))
        0.5
    """
    return weighted_mean(absolute_error(predictions, targets), weights=weights, mask=mask)


def mape(
    predictions: Array,
    targets: Array,
    *,
    weights: Array | None = None,
    mask: Array | None = None,
) -> Array:
    r"""Return the mean absolute percentage error, as a fraction.

    Formula: $\sum_i w_i |e_i| / |y_i| \,/ \sum_i w_i$, where `e = predictions - targets` and $y$ is
    the target.

    Args:
        predictions: Floats of any shape.
        targets: Floats of the shape and dtype of `predictions`; none that the mask selects is 0.
        weights: Weight of each example, shape and dtype of `predictions`, at least 0. Default: 1.
        mask: Booleans of the shape of `predictions`; True selects. Default: all.

    Returns:
        A scalar of the dtype of `predictions`, without unit; at least 0. 0.1 is 10 %.

    Raises:
        TypeError: An argument's dtype or library does not fit.
        ValueError: An argument's shape does not fit, a selected target is 0, or the total weight
            is 0.

    Convention:
        scikit-learn's `mean_absolute_percentage_error(targets, predictions)` where no target is
        0.

    Example:
        >>> import numpy as np
        >>> float(mape(np.asarray([5.0, 3.0]), np.asarray([4.0, 4.0])))
        0.25
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    if mask is not None:  # what is left out may be 0
        check_mask(mask, like=targets)
        targets = xp.where(mask, targets, xp.ones_like(targets))
    errors = absolute_percentage_error(predictions, targets)
    return weighted_mean(errors, weights=weights, mask=mask)
