"""The array namespace and the argument checks: the first lines of every loss.

One source runs on NumPy and on torch because each function asks its arguments for their
namespace (`xp`) and calls only what the array API standard defines.
"""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import array_api_compat

__all__ = [
    "NON_NEGATIVE",
    "POSITIVE",
    "REALS",
    "UNIT_OPEN",
    "Array",
    "Interval",
    "check_in",
    "check_mask",
    "float_namespace",
]

Array = Any
"""An array of NumPy, torch or another library that follows the array API standard."""


@dataclass(frozen=True)
class Interval:
    """A set of real numbers between two ends.

    Args:
        low: The lower end.
        high: The upper end.
        low_closed: Whether `low` belongs to the set.
        high_closed: Whether `high` belongs to the set.

    Example:
        >>> str(Interval(0, math.inf, low_closed=True)), 0.0 in POSITIVE
        ('[0, ∞)', False)
    """

    low: float
    high: float
    low_closed: bool = False
    high_closed: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether `value` lies in the set; NaN lies in none."""
        above = self.low <= value if self.low_closed else self.low < value
        below = value <= self.high if self.high_closed else value < self.high
        return above and below

    def __str__(self) -> str:
        """The interval as mathematics writes it."""
        low, high = (
            f"{'-' if x < 0 else ''}∞" if math.isinf(x) else f"{x:g}" for x in (self.low, self.high)
        )
        return f"{'[' if self.low_closed else '('}{low}, {high}{']' if self.high_closed else ')'}"


REALS = Interval(-math.inf, math.inf)
"""Every finite number."""
POSITIVE = Interval(0, math.inf)
"""Finite numbers above zero."""
NON_NEGATIVE = Interval(0, math.inf, low_closed=True)
"""Zero and the finite numbers above it."""
UNIT_OPEN = Interval(0, 1)
"""Numbers strictly between 0 and 1."""


def float_namespace(**named: Array) -> Any:
    """Return the array namespace of the arguments, once they are seen to fit together.

    Args:
        **named: Arrays by argument name. All must come from one library and have one shape and
            one real floating-point dtype.

    Returns:
        The namespace `xp` whose functions work on the arrays.

    Raises:
        TypeError: An argument is no array, is not of a real floating-point dtype, or differs in
            library or dtype from the first.
        ValueError: An argument's shape differs from the first one's. Nothing is broadcast: (N,)
            against (N, 1) would make an (N, N) loss in silence.

    Example:
        >>> import numpy as np
        >>> float_namespace(predictions=np.zeros(3), targets=np.zeros((3, 1)))
        Traceback (most recent call last):
            ...
        ValueError: targets: expected shape (3,), as predictions has, got (3, 1)
    """
    first, xp = None, None
    for name, array in named.items():
        if not array_api_compat.is_array_api_obj(array):
            raise TypeError(
                f"{name}: expected an array of floats (NumPy, torch), got {type(array).__name__}"
            )
        own = array_api_compat.array_namespace(array)
        if not own.isdtype(array.dtype, "real floating"):
            raise TypeError(f"{name}: expected a real floating-point dtype, got {array.dtype}")
        if first is None:
            first, xp = name, own
            continue
        lead = named[first]
        if own is not xp:
            raise TypeError(
                f"{name}: expected {type(lead).__name__}, as {first} is, got {type(array).__name__}"
            )
        if array.dtype != lead.dtype:
            raise TypeError(
                f"{name}: expected dtype {lead.dtype}, as {first} has, got {array.dtype}"
            )
        if array.shape != lead.shape:
            raise ValueError(
                f"{name}: expected shape {tuple(lead.shape)}, as {first} has, "
                f"got {tuple(array.shape)}"
            )
    return xp


def check_mask(mask: Array, *, like: Array) -> None:
    """Check that `mask` selects elements of `like`.

    Args:
        mask: Booleans, of the shape of `like` and of its array library.
        like: The array that the mask selects from.

    Raises:
        TypeError: `mask` is no array of booleans, or comes from another array library.
        ValueError: `mask` has another shape than `like`.

    Example:
        >>> import numpy as np
        >>> check_mask(np.asarray([1, 0]), like=np.zeros(2))
        Traceback (most recent call last):
            ...
        TypeError: mask: expected dtype bool, got int64
    """
    if not array_api_compat.is_array_api_obj(mask):
        raise TypeError(f"mask: expected an array of booleans, got {type(mask).__name__}")
    xp = array_api_compat.array_namespace(mask)
    if not xp.isdtype(mask.dtype, "bool"):
        raise TypeError(f"mask: expected dtype bool, got {mask.dtype}")
    if xp is not array_api_compat.array_namespace(like):
        raise TypeError(
            f"mask: expected {type(like).__name__}, as the losses are, got {type(mask).__name__}"
        )
    if mask.shape != like.shape:
        raise ValueError(
            f"mask: expected shape {tuple(like.shape)}, as the losses have, got {tuple(mask.shape)}"
        )


def check_in(interval: Interval, **named: float) -> float:
    """Return a hyperparameter as a Python float, once it is seen to lie in `interval`.

    A Python float takes the dtype of the array it meets. A NumPy scalar does not: a float64 from
    `linspace` would turn a float32 loss into a float64 one.

    Args:
        interval: The allowed values.
        **named: One hyperparameter by its name; a Python or NumPy number, not an array.

    Returns:
        The value as a Python float.

    Raises:
        TypeError: The value is no real number. A bool is none.
        ValueError: The value lies outside the interval. NaN always does.

    Example:
        >>> check_in(POSITIVE, delta=-1.0)
        Traceback (most recent call last):
            ...
        ValueError: delta: expected a number in (0, ∞), got -1.0
    """
    ((name, value),) = named.items()
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}: expected a real number, got {type(value).__name__}")
    if value not in interval:
        raise ValueError(f"{name}: expected a number in {interval}, got {value}")
    return float(value)
