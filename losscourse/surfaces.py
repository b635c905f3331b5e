"""Named test surfaces in the plane, for watching optimisers: value, gradient, minima, window.

Each takes points of shape (..., 2) of NumPy or torch and returns their values, shape (...).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from losscourse.arrays import NON_NEGATIVE, Array, Interval, check_in, float_namespace
from losscourse.optimizers import Optimizer

__all__ = [
    "BEALE",
    "HIMMELBLAU",
    "RASTRIGIN",
    "ROSENBROCK",
    "SADDLE",
    "Surface",
    "bowl",
    "descend",
]


@dataclass(frozen=True)
class Surface:
    """A function of two parameters to be minimised.

    Args:
        name: As the reader sees it.
        formula: In LaTeX, of the parameters x and y.
        value: Maps points, floats of shape (..., 2), to values of shape (...).
        grad: Maps points to gradients, shape (..., 2).
        minima: Its global minima, each (x, y); none where it falls for ever.
        window: The part worth drawing: (lowest x, highest x, lowest y, highest y).
    """

    name: str
    formula: str
    value: Callable[[Array], Array]
    grad: Callable[[Array], Array]
    minima: tuple[tuple[float, float], ...]
    window: tuple[float, float, float, float]


def _surface(
    name: str,
    formula: str,
    value: Callable[..., Array],
    slopes: Callable[..., tuple[Array, Array]],
    minima: tuple[tuple[float, float], ...],
    window: tuple[float, float, float, float],
) -> Surface:
    """Return the surface of functions of x and y."""

    def of_points(points: Array) -> Array:
        xp = _check(points)
        return value(xp, points[..., 0], points[..., 1])

    def grad(points: Array) -> Array:
        xp = _check(points)
        return xp.stack(slopes(xp, points[..., 0], points[..., 1]), axis=-1)

    return Surface(name, formula, of_points, grad, minima, window)


def _check(points: Array) -> Any:
    """Return the array namespace of points in the plane."""
    xp = float_namespace(points=points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(f"points: expected shape (..., 2), got {tuple(points.shape)}")
    return xp


def bowl(condition: float = 10.0) -> Surface:
    """Return a quadratic with curvature 1 along x and `condition` along y.

    Args:
        condition: The Hessian's condition number; at least 1.

    Returns:
        A surface with its minimum, 0, at the origin.

    Raises:
        ValueError: `condition` is below 1.
    """
    condition = check_in(Interval(1, np.inf, low_closed=True), condition=condition)
    return _surface(
        "bowl",
        rf"\tfrac12\,(x^2 + {condition:g}\,y^2)",
        lambda xp, x, y: (x**2 + condition * y**2) / 2,
        lambda xp, x, y: (x, condition * y),
        ((0.0, 0.0),),
        (-3.0, 3.0, -1.5, 1.5),
    )


ROSENBROCK = _surface(
    "Rosenbrock's valley",
    r"(1 - x)^2 + 100\,(y - x^2)^2",
    lambda xp, x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    lambda xp, x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
    ((1.0, 1.0),),
    (-2.0, 2.0, -1.0, 3.0),
)
"""A curved valley: easy to find, slow to follow. Its minimum is 0."""

HIMMELBLAU = _surface(
    "Himmelblau's function",
    r"(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    lambda xp, x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    lambda xp, x, y: (
        4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
        2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
    ),
    (
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    ),
    (-5.5, 5.5, -5.5, 5.5),
)
"""Four minima, all 0: where descent ends depends on where it begins."""

BEALE = _surface(
    "Beale's function",
    r"(\tfrac32 - x + xy)^2 + (\tfrac94 - x + xy^2)^2 + (\tfrac{21}8 - x + xy^3)^2",
    lambda xp, x, y: (
        (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    ),
    lambda xp, x, y: (
        2 * (1.5 - x + x * y) * (y - 1)
        + 2 * (2.25 - x + x * y**2) * (y**2 - 1)
        + 2 * (2.625 - x + x * y**3) * (y**3 - 1),
        2 * (1.5 - x + x * y) * x
        + 4 * (2.25 - x + x * y**2) * x * y
        + 6 * (2.625 - x + x * y**3) * x * y**2,
    ),
    ((3.0, 0.5),),
    (-1.0, 4.5, -2.0, 2.0),
)
"""A flat floor between steep walls. Its minimum is 0."""

SADDLE = _surface(
    "saddle",
    r"\tfrac12\,(x^2 - y^2) + \tfrac14\,y^4",
    lambda xp, x, y: (x**2 - y**2) / 2 + y**4 / 4,
    lambda xp, x, y: (x, y**3 - y),
    ((0.0, -1.0), (0.0, 1.0)),
    (-2.0, 2.0, -1.8, 1.8),
)
"""A saddle at the origin, between two minima of -1/4."""

RASTRIGIN = _surface(
    "Rastrigin's function",
    r"20 + x^2 + y^2 - 10\,(\cos 2\pi x + \cos 2\pi y)",
    lambda xp, x, y: 20 + x**2 + y**2 - 10 * (xp.cos(2 * np.pi * x) + xp.cos(2 * np.pi * y)),
    lambda xp, x, y: (
        2 * x + 20 * np.pi * xp.sin(2 * np.pi * x),
        2 * y + 20 * np.pi * xp.sin(2 * np.pi * y),
    ),
    ((0.0, 0.0),),
    (-2.6, 2.6, -2.6, 2.6),
)
"""A minimum near every pair of whole numbers; the lowest, 0, at the origin."""


def descend(
    optimizer: Optimizer,
    surface: Surface,
    start: Array,
    steps: int,
    *,
    noise: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """Return the path of an optimiser over a surface.

    Args:
        optimizer: Its `init` and `update`.
        surface: Where it walks.
        start: Floats, shape (..., 2): one start or several, which walk side by side.
        steps: How many updates, T; at least 1.
        noise: Standard deviation of Gaussian noise on each slope, as a batch's gradient has; at
            least 0.
        seed: Seed of the noise.

    Returns:
        Float64, shape (T + 1, ..., 2), the start first. Where the path leaves what float64 holds,
        not finite.

    Raises:
        ValueError: `steps` is below 1, or `noise` is negative.
    """
    if steps < 1:
        raise ValueError(f"steps: expected a whole number of at least 1, got {steps}")
    noise = check_in(NON_NEGATIVE, noise=noise)
    rng = np.random.default_rng(seed)
    params = np.asarray(start, dtype=float)
    state, path = optimizer.init(params), [params]
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            grads = surface.grad(params)
            if noise:
                grads = grads + noise * rng.standard_normal(grads.shape)
            updates, state = optimizer.update(grads, state, params)
            params = params + updates
            path.append(params)
    return np.stack(path)
