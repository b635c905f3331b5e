"""The array namespace and the argument checks: the first lines of every loss.

One source runs on NumPy and on torch because each function asks its arguments for their
namespace (`xp`) and calls only what the array API standard defines.

Kinds, dtypes and shapes are always checked. What is in an array (a label's range, a sign) is
checked too, except while torch.compile or torch.export traces: there the values are not known yet,
and a branch on them would break the graph. On a GPU such a check waits for the device.
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
    "UNIT_CLOSED",
    "UNIT_OPEN",
    "Array",
    "Interval",
    "check_all",
    "check_axes",
    "check_boxes",
    "check_distributions",
    "check_in",
    "check_labels",
    "check_mask",
    "check_signs",
    "check_values",
    "clamp",
    "float_namespace",
    "one_hot",
    "pick",
    "real_namespace",
    "stop_gradient",
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
UNIT_CLOSED = Interval(0, 1, low_closed=True, high_closed=True)
"""Numbers from 0 to 1, the ends included: probabilities."""


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
    xp = real_namespace(**named)
    (first, lead), *others = named.items()
    for name, array in others:
        if array.shape != lead.shape:
            raise ValueError(
                f"{name}: expected shape {tuple(lead.shape)}, as {first} has, "
                f"got {tuple(array.shape)}"
            )
    return xp


def real_namespace(**named: Array) -> Any:
    """Return the array namespace of the arguments, whose shapes may differ.

    Args:
        **named: Arrays by argument name, of one library and one real floating-point dtype.

    Returns:
        The namespace `xp` whose functions work on the arrays.

    Raises:
        TypeError: An argument is no array, is not of a real floating-point dtype, or differs in
            library or dtype from the first.

    Example:
        >>> import numpy as np
        >>> real_namespace(logits=np.zeros((3, 2)), labels=np.zeros(3, int))
        Traceback (most recent call last):
            ...
        TypeError: labels: expected a real floating-point dtype, got int64
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
        _check_library(own, xp, name, first, named)
        if array.dtype != lead.dtype:
            raise TypeError(
                f"{name}: expected dtype {lead.dtype}, as {first} has, got {array.dtype}"
            )
    return xp


def _check_library(own: Any, xp: Any, name: str, first: str, named: dict[str, Array]) -> None:
    if own is not xp:
        expected, got = type(named[first]).__name__, type(named[name]).__name__
        raise TypeError(f"{name}: expected {expected}, as {first} is, got {got}")


def check_axes(axes: str, **named: Array) -> None:
    """Check shapes against named axes: an axis has one size wherever its name stands.

    Args:
        axes: For each array, its axes by name, separated by commas: `"N K, N"` for logits and
            labels. `...` stands first, for any number of axes, the same in every array.
        **named: The arrays by argument name, in the order of `axes`.

    Raises:
        TypeError: An argument is no array.
        ValueError: A shape does not fit. Nothing is broadcast.

    Example:
        >>> import numpy as np
        >>> check_axes("... K, ...", logits=np.zeros((3, 4)), labels=np.zeros((3, 1), int))
        Traceback (most recent call last):
            ...
        ValueError: labels: expected shape (3,), as logits has (3, 4), got (3, 1)
    """
    known: dict[str, tuple[int, ...]] = {}
    fit = ""
    for part, (name, array) in zip(axes.split(","), named.items(), strict=True):
        if not array_api_compat.is_array_api_obj(array):
            raise TypeError(f"{name}: expected an array, got {type(array).__name__}")
        shape, wanted = tuple(array.shape), part.split()
        sizes = _sizes(wanted, shape)
        if sizes is None or any((dict(sizes) | known)[axis] != size for axis, size in sizes):
            raise ValueError(f"{name}: expected shape {_shape(wanted, known)}{fit}, got {shape}")
        known.update(sizes)
        fit = fit or f", as {name} has {shape}"


def _sizes(axes: list[str], shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]] | None:
    """Return each axis with its sizes, several for `...`, or None where the number is wrong."""
    lead = len(shape) - len(axes) + 1
    if axes[:1] != ["..."]:
        return list(zip(axes, [(n,) for n in shape], strict=True)) if lead == 1 else None
    if lead < 0:
        return None
    rest = zip(axes[1:], shape[lead:], strict=True)
    return [("...", shape[:lead]), *((axis, (size,)) for axis, size in rest)]


def _shape(axes: list[str], known: dict[str, tuple[int, ...]]) -> str:
    """Return a shape as Python writes it, unknown axes by their names."""
    words = [str(word) for axis in axes for word in known.get(axis, (axis,))]
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"


def check_labels(classes: int | None, **named: Array) -> None:
    """Check labels: integers from 0 to `classes` - 1. A label of -1 is out of range.

    Args:
        classes: How many classes there are; None where labels only tell groups apart and may be
            any integer from 0 on.
        **named: By argument name, an array of the library that the labels must have, then the
            labels.

    Raises:
        TypeError: The labels are no array, not of an integer dtype (a bool is none), or of another
            library.
        ValueError: A label is out of range. Not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> check_labels(3, logits=np.zeros((2, 3)), labels=np.asarray([0, -1]))
        Traceback (most recent call last):
            ...
        ValueError: labels: expected integers from 0 to 2, got -1
    """
    (first, like), (name, labels) = named.items()
    if not array_api_compat.is_array_api_obj(labels):
        raise TypeError(f"{name}: expected an array of integers, got {type(labels).__name__}")
    xp = array_api_compat.array_namespace(labels)
    if not xp.isdtype(labels.dtype, "integral"):
        raise TypeError(f"{name}: expected an integer dtype, got {labels.dtype}")
    _check_library(xp, array_api_compat.array_namespace(like), name, first, named)
    if _is_known(labels):
        outside = labels < 0 if classes is None else (labels < 0) | (labels >= classes)
        if bool(xp.any(outside)):
            got = int(xp.reshape(labels, (-1,))[xp.reshape(outside, (-1,))][0])
            end = "on" if classes is None else f"to {classes - 1}"
            raise ValueError(f"{name}: expected integers from 0 {end}, got {got}")


def check_values(interval: Interval, **named: Array) -> None:
    """Check that every element lies in an interval. NaN passes: it comes out as NaN.

    Args:
        interval: The allowed values. An infinite end bounds nothing, so that inf passes.
        **named: Arrays of floats by argument name.

    Raises:
        ValueError: An element lies outside. Not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> check_values(UNIT_CLOSED, targets=np.asarray([0.0, -1.0, 1.0]))
        Traceback (most recent call last):
            ...
        ValueError: targets: expected values in [0, 1], got -1.0
    """
    for name, array in named.items():
        low = array < interval.low if interval.low_closed else array <= interval.low
        high = array > interval.high if interval.high_closed else array >= interval.high
        for outside, end in ((low, interval.low), (high, interval.high)):
            if not math.isinf(end):
                _refuse(array, outside, f"{name}: expected values in {interval}")


def check_signs(**named: Array) -> None:
    """Check that every element is -1 or 1. NaN passes: it comes out as NaN.

    Args:
        **named: Arrays of floats by argument name.

    Raises:
        ValueError: An element is another number, such as the 0 of a {0, 1} label. Not checked
            while torch traces.

    Example:
        >>> import numpy as np
        >>> check_signs(signs=np.asarray([1.0, 0.0]))
        Traceback (most recent call last):
            ...
        ValueError: signs: expected values of -1 or 1, got 0.0
    """
    for name, array in named.items():
        xp = array_api_compat.array_namespace(array)
        other = (xp.abs(array) != 1) & ~xp.isnan(array)
        _refuse(array, other, f"{name}: expected values of -1 or 1")


def check_distributions(**named: Array) -> None:
    """Check that each row, along the last axis, is a probability distribution.

    Args:
        **named: Arrays of floats by argument name, with at least one axis.

    Raises:
        ValueError: An element lies outside [0, 1], or a row's sum differs from 1 by more than the
            root of the dtype's epsilon: half of its digits. Not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> check_distributions(targets=np.asarray([[0.5, 0.4]]))
        Traceback (most recent call last):
            ...
        ValueError: targets: expected rows that sum to 1, got 0.9
    """
    check_values(UNIT_CLOSED, **named)
    for name, array in named.items():
        xp = array_api_compat.array_namespace(array)
        sums = xp.sum(array, axis=-1)
        off = xp.abs(sums - 1) > math.sqrt(xp.finfo(array.dtype).eps)
        _refuse(sums, off, f"{name}: expected rows that sum to 1")


def check_boxes(**named: Array) -> None:
    """Check that each row, along the last axis, is a box: corners x1, y1, x2, y2 in this order.

    Args:
        **named: Arrays of floats by argument name.

    Raises:
        ValueError: The last axis has not four elements, or a side, x2 - x1 or y2 - y1, is negative.
            A side of 0 passes, as does NaN. Sides are not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> check_boxes(targets=np.asarray([[0.0, 0.0, 2.0, -1.0]]))
        Traceback (most recent call last):
            ...
        ValueError: targets: expected boxes with x1 <= x2 and y1 <= y2, got -1.0 for a side
    """
    for name, array in named.items():
        if array.ndim == 0 or array.shape[-1] != 4:
            raise ValueError(f"{name}: expected shape (..., 4), got {tuple(array.shape)}")
        sides = array[..., 2:] - array[..., :2]
        expected = f"{name}: expected boxes with x1 <= x2 and y1 <= y2"
        _refuse(sides, sides < 0, expected, " for a side")


def check_all(holds: Array, expected: str, **named: Array) -> None:
    """Check a condition that the caller has worked out for each element.

    Args:
        holds: Booleans of the shape of the array.
        expected: What the condition asks for, in words.
        **named: The array by its argument name.

    Raises:
        ValueError: The condition fails for an element. Not checked while torch traces.

    Example:
        >>> import numpy as np
        >>> labels = np.asarray([3, 0])
        >>> check_all(labels != 0, "no blank", labels=labels)
        Traceback (most recent call last):
            ...
        ValueError: labels: expected no blank, got 0.0
    """
    ((name, array),) = named.items()
    _refuse(array, ~holds, f"{name}: expected {expected}")


def _refuse(array: Array, outside: Array, expected: str, of: str = "") -> None:
    """Raise where an element is `outside`, naming the first such one."""
    if _is_known(array):
        xp = array_api_compat.array_namespace(array)
        if bool(xp.any(outside)):
            flat = xp.reshape(array, (-1,))[xp.reshape(outside, (-1,))]
            raise ValueError(f"{expected}, got {float(flat[0])}{of}")


def _is_known(array: Array) -> bool:
    """Whether the array has values by now: not so while torch.compile or torch.export traces."""
    if not array_api_compat.is_torch_array(array):
        return True
    import torch  # loaded already, since the array is torch's

    return not torch.compiler.is_compiling()


def pick(array: Array, labels: Array) -> Array:
    """Return, from each row, the element that its label names.

    Args:
        array: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1: see `check_labels`.

    Returns:
        Array of the shape of `labels` and the dtype of `array`.

    Example:
        >>> import numpy as np
        >>> pick(np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.asarray([1, 0])).tolist()
        [2.0, 3.0]
    """
    xp = array_api_compat.array_namespace(array)
    index = xp.astype(labels, xp.int64)[..., None]
    return xp.take_along_axis(array, index, axis=-1)[..., 0]


def one_hot(labels: Array, like: Array) -> Array:
    """Return rows of 0 with a 1 where the label says.

    Args:
        labels: Integers of shape (...), from 0 to K - 1.
        like: Floats of shape (..., K), such as the logits: their K and their dtype are taken.

    Returns:
        Array of the shape and dtype of `like`.

    Example:
        >>> import numpy as np
        >>> one_hot(np.asarray([1, 0]), np.zeros((2, 3))).tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    xp = array_api_compat.array_namespace(like)
    device = array_api_compat.device(like)
    classes = xp.arange(like.shape[-1], dtype=xp.int64, device=device)
    return xp.astype(xp.astype(labels, xp.int64)[..., None] == classes, like.dtype)


def clamp(array: Array, *, min: float | None = None, max: float | None = None) -> Array:
    """Return the array with its elements held between two numbers.

    array-api-compat's `clip` looks at the bounds, which breaks the graph where torch.compile has
    made a symbol of a hyperparameter that changed between calls.

    Args:
        array: Floats of any shape.
        min: The least value; None for no bound.
        max: The largest value; None for no bound.

    Returns:
        Array of the shape and dtype of `array`. NaN stays NaN. At a bound, autograd takes the slope
        1 of what is not held.

    Example:
        >>> import numpy as np
        >>> clamp(np.asarray([-2.0, 0.5, 3.0]), min=0, max=1).tolist()
        [0.0, 0.5, 1.0]
    """
    if array_api_compat.is_torch_array(array):
        return array.clamp(min=min, max=max)
    return array_api_compat.array_namespace(array).clip(array, min=min, max=max)


def stop_gradient(array: Array) -> Array:
    """Return the array as a constant: autograd takes nothing through it.

    Args:
        array: Floats of any shape.

    Returns:
        Array of the same values; torch's is detached, any other is the argument itself.

    Example:
        >>> import torch
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (stop_gradient(x) * x).backward()
        >>> x.grad.item()
        3.0
    """
    real_namespace(array=array)
    return array.detach() if array_api_compat.is_torch_array(array) else array


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
