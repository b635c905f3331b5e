"""Data for the pages and the problem sets: generated, or shipped inside a dependency."""

import numpy as np

from losscourse.arrays import NON_NEGATIVE, UNIT_OPEN, Interval, check_in

__all__ = ["corrupt", "noisy_line"]


def noisy_line(
    n: int = 100,
    *,
    slope: float = 2.0,
    intercept: float = 3.0,
    noise: float = 0.5,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return points around a straight line: y = slope · x + intercept + noise · N(0, 1).

    Args:
        n: How many points; at least 1.
        slope: Slope of the line.
        intercept: Value of the line at x = 0.
        noise: Standard deviation of the Gaussian noise; at least 0.
        seed: Seed of the generator.

    Returns:
        x, uniform on [0, 5], and y: two float64 arrays of shape (n,).

    Raises:
        ValueError: `n` is below 1, or `noise` is negative.
    """
    if n < 1:
        raise ValueError(f"n: expected a whole number of at least 1, got {n}")
    check_in(NON_NEGATIVE, noise=noise)
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 5, n)
    return x, slope * x + intercept + noise * rng.standard_normal(n)


def corrupt(
    targets: np.ndarray, *, fraction: float, factor: float = 10.0, seed: int = 0
) -> np.ndarray:
    """Return targets of which a fraction slipped by a decimal place: multiplied by `factor`.

    Args:
        targets: Floats, shape (N,).
        fraction: Share of targets that slip, from 0 to below 1; rounded to whole examples.
        factor: What a slipped target is multiplied by.
        seed: Seed of the choice.

    Returns:
        A new array of the shape and dtype of `targets`.

    Raises:
        ValueError: `fraction` lies outside [0, 1).
    """
    check_in(Interval(0, UNIT_OPEN.high, low_closed=True), fraction=fraction)
    rng = np.random.default_rng(seed)
    slipped = rng.choice(len(targets), size=round(fraction * len(targets)), replace=False)
    result = targets.copy()
    result[slipped] *= factor
    return result
