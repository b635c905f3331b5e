"""Intervals of what an experiment measured over its seeds or splits."""

from typing import NamedTuple

import numpy as np

__all__ = ["Interval", "mean_interval"]


class Interval(NamedTuple):
    """A mean and the half width of its interval; formatted as "0.31 ± 0.04" by f"{interval:.2f}".

    The spaces are no-break spaces: an interval stays on one line of a narrow table.

    Args:
        mean: The mean, in the values' unit.
        half_width: Half the interval's width, in the values' unit.
    """

    mean: float
    half_width: float

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.half_width

    def __format__(self, spec: str) -> str:
        """Return mean and half width, each in the format `spec` of a float; `+` is the mean's."""
        mean, half_width = f"{self.mean:{spec}}", f"{self.half_width:{spec.lstrip('+')}}"
        return f"{mean}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{half_width}"

    def __str__(self) -> str:
        """Return mean and half width with three significant digits each."""
        return f"{self:.3g}"


def mean_interval(values: np.ndarray, *, level: float = 0.95) -> Interval:
    """Return the mean of independent values with its interval by Student's t.

    For two methods on the same seeds or splits, pass the differences: the interval is the paired
    one. Values of splits that share examples are not quite independent, and the interval is then
    too narrow.

    Args:
        values: Floats, shape (N,), N at least 2: one value per seed or split.
        level: The share of such intervals that hold the true mean, where values are normal;
            above 0 and below 1.

    Returns:
        The mean and the half width t · s / √N, where s has N - 1 in its denominator and t is the
        quantile (1 + level) / 2 of Student's distribution with N - 1 degrees of freedom.

    Raises:
        ValueError: `values` is not one row of at least two numbers, or `level` is not in (0, 1).
    """
    from scipy.stats import t  # loaded only where an interval is asked for

    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"values: expected shape (N,) with N at least 2, got {values.shape}")
    if not 0 < level < 1:
        raise ValueError(f"level: expected a number in (0, 1), got {level}")
    quantile = t.ppf((1 + level) / 2, len(values) - 1)
    return Interval(
        float(values.mean()), float(quantile * values.std(ddof=1) / np.sqrt(len(values)))
    )
