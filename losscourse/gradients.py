"""Gradients without trusting the formula: central differences, a report, SymPy's derivative.

A loss has its closed-form gradient beside it. These functions are how one checks it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import sympy

from losscourse.arrays import Array, float_namespace, stop_gradient
from losscourse.catalogue import CATALOGUE

__all__ = ["GradientReport", "central_difference", "check_gradient", "symbolic_derivative"]


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found, at the worst element.

    Args:
        correct: Whether every element is within its allowance.
        index: Where the worst element lies.
        gradient: What the function under check says there.
        numeric: The central difference there.
        allowed: How far the two may lie apart there.
    """

    correct: bool
    index: tuple[int, ...]
    gradient: float
    numeric: float
    allowed: float

    def __str__(self) -> str:
        """The verdict in one line, for a reader."""
        return (
            f"{'right' if self.correct else 'wrong'}: the worst element is {list(self.index)}, "
            f"gradient {self.gradient:g}, central difference {self.numeric:g}, "
            f"allowed error {self.allowed:.1g}"
        )


def central_difference(function: Callable[[Array], Array], point: Array) -> Array:
    r"""Return the derivative of the summed `function` by each element of `point`, numerically.

    Formula: $\frac{f(x + h) - f(x - h)}{2h}$ for each element in turn, with
    $h = \epsilon^{1/3} \max(1, |x|)$, where $\epsilon$ is the spacing of the dtype at 1. This step
    balances the two errors: truncation grows as $h^2$, rounding as $\epsilon / h$.

    Args:
        function: Maps an array like `point` to an array of any shape; it is summed.
        point: Floats of any shape.

    Returns:
        Array of the shape and dtype of `point`. Two evaluations of `function` for each element.

    Raises:
        TypeError: `point` is no array of floats, or what `function` returns is none.

    Numerics:
        The step is the difference of the two points as they are stored, not the one asked for.
        Outputs are subtracted before they are summed, so that what does not move cancels exactly.
        At a kink the result lies between the slopes of the two sides.

    Example:
        >>> import numpy as np
        >>> central_difference(lambda x: x**2, np.asarray([3.0, -1.0])).round(6).tolist()
        [6.0, -2.0]

    Reference:
        Baydin, Pearlmutter, Radul and Siskind (2018), Automatic Differentiation in Machine
        Learning: a Survey, section 2.1.
    """
    xp = float_namespace(point=point)
    point = stop_gradient(point)
    step = xp.finfo(point.dtype).eps ** (1 / 3)
    flat = xp.reshape(point, (-1,))
    slopes = []
    for i in range(flat.shape[0]):
        move = step * max(1.0, abs(float(flat[i])))
        here = xp.arange(flat.shape[0], device=flat.device) == i
        above, below = (xp.where(here, flat + sign * move, flat) for sign in (1, -1))
        up, down = (_double(function(xp.reshape(side, point.shape))) for side in (above, below))
        slopes.append(float(xp.sum(up - down)) / (float(above[i]) - float(below[i])))
    found = xp.asarray(slopes, dtype=point.dtype, device=point.device)
    return xp.reshape(found, point.shape)


def check_gradient(
    function: Callable[[Array], Array], gradient: Callable[[Array], Array], point: Array
) -> GradientReport:
    r"""Compare a gradient with central differences and report the worst element.

    Formula: an element may be off by $10\,\epsilon^{2/3} \max(1, |g|, |f|)$, where $g$ is the
    central difference, $f$ the largest output and $\epsilon$ the spacing of the dtype at 1:
    what the two errors of a central difference leave, ten times over.

    Args:
        function: Maps an array like `point` to an array of any shape; it is summed.
        gradient: Claims to be the derivative of the summed function: the shape of `point`.
        point: Floats of any shape with at least one element, away from kinks.

    Returns:
        The report; `print` shows its verdict in one line.

    Raises:
        TypeError: `point` is no array of floats, what `function` returns is none, or the gradient
            is of another dtype or library.
        ValueError: `point` is empty, or the gradient has another shape.

    Example:
        >>> import numpy as np
        >>> print(check_gradient(lambda x: x**2, lambda x: x, np.asarray([3.0, 1.0])))
        wrong: the worst element is [0], gradient 3, central difference 6, allowed error 3e-09
    """
    xp = float_namespace(point=point)
    if 0 in point.shape:
        raise ValueError(f"point: expected at least one element, got shape {tuple(point.shape)}")
    numeric, analytic = central_difference(function, point), gradient(point)
    float_namespace(point=point, gradient=analytic)
    analytic = stop_gradient(analytic)
    scale = max(1.0, float(xp.max(xp.abs(_double(function(point))))))
    epsilon = xp.finfo(point.dtype).eps
    allowed = 10 * epsilon ** (2 / 3) * xp.clip(xp.abs(numeric), min=scale)
    excess = xp.abs(analytic - numeric) / allowed
    # argmax takes NaN for the largest, in NumPy and in torch.
    worst = _unravel(int(xp.argmax(xp.reshape(excess, (-1,)))), tuple(point.shape))
    return GradientReport(
        correct=bool(excess[worst] <= 1),
        index=worst,
        gradient=float(analytic[worst]),
        numeric=float(numeric[worst]),
        allowed=float(allowed[worst]),
    )


def symbolic_derivative(function: Callable[..., Array]) -> sympy.Expr:
    """Return SymPy's derivative of a loss's formula in the catalogue.

    Args:
        function: A loss of one number, such as `losses.regression.huber`.

    Returns:
        The derivative by the variable of the formula, away from kinks.

    Raises:
        KeyError: The catalogue has no entry of the function's name.
        ValueError: The loss is of a row of numbers and has no formula in SymPy.

    Example:
        >>> from losscourse.losses.regression import squared_error
        >>> symbolic_derivative(squared_error)
        2*e
    """
    if function.__name__ not in CATALOGUE:
        raise KeyError(f"function: expected a loss of the catalogue, got {function.__name__}")
    loss = CATALOGUE[function.__name__]
    if loss.formula is None:
        raise ValueError(f"function: expected a loss of one number, got {loss.name}")
    return sympy.diff(loss.formula, loss.variable)


def _double(values: Array) -> Array:
    """Return what a function gave, in double precision and as a constant."""
    xp = float_namespace(function=values)
    return xp.astype(stop_gradient(values), xp.float64)


def _unravel(position: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index of an element of a flattened array."""
    index = []
    for size in reversed(shape):
        position, along = divmod(position, size)
        index.append(along)
    return tuple(reversed(index))
