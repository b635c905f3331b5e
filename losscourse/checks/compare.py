"""Comparing plain data: how what came differs from what was expected, in words."""

from typing import NamedTuple

import numpy as np

from losscourse.checks.plain import (
    CONTAINERS,
    as_array,
    dtype_name,
    is_number,
    is_tensor,
    show,
)

__all__ = ["Tolerance", "difference", "form_difference"]

_RTOL = {"float16": 1e-2, "float32": 1e-5, "complex64": 1e-5}
_RTOL_BFLOAT16 = 5e-2


class Tolerance(NamedTuple):
    """How far a number may lie from the expected one.

    Args:
        rtol: Relative to the expected number; None for the default of its dtype.
        atol: Beyond that; None for a thousandth of the relative one.
    """

    rtol: float | None
    atol: float | None

    def allowed(self, expected: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Return the largest error that is allowed for each element.

        Args:
            expected: The expected numbers.
            dtype: The dtype of those that came.
        """
        default = _RTOL.get(dtype.name, 1e-9 if dtype.kind in "fc" else 0.0)
        rtol = self.rtol if self.rtol is not None else default
        atol = self.atol if self.atol is not None else rtol / 1000
        return atol + rtol * np.abs(expected)


def difference(got, expected, path, tolerance, inputs) -> str | None:
    """Say how a result differs from the expected one.

    Args:
        got: The result, plain data.
        expected: Plain data.
        path: Where both stand in what was returned, such as `["rows"][0]`; "" at the top.
        tolerance: How far numbers may lie apart.
        inputs: The call's arguments, to show beside the element that is wrong.

    Returns:
        A sentence or a small table; None where they agree.
    """
    at = f" at {path}" if path else ""
    if type(expected) in CONTAINERS:
        if type(got) is not type(expected):
            return f"expected a {type(expected).__name__}{at}, got {show(got)}."
        if type(expected) is dict:
            if got.keys() != expected.keys():
                return f"expected the keys {sorted(expected)}{at}, got {sorted(got, key=str)}."
            pairs = [(f"{path}[{key!r}]", got[key], expected[key]) for key in expected]
        else:
            if len(got) != len(expected):
                return f"expected {len(expected)} elements{at}, got {len(got)}."
            pairs = [
                (f"{path}[{i}]", *pair) for i, pair in enumerate(zip(got, expected, strict=True))
            ]
        faults = (difference(a, b, where, tolerance, {}) for where, a, b in pairs)
        return next(filter(None, faults), None)
    if type(expected) is np.ndarray:
        form = form_difference(got, expected.shape, expected.dtype, at)
        return form or _element_difference(got, expected, at, tolerance, inputs)
    if is_tensor(expected):
        if tolerance.rtol is None and dtype_name(expected) == "bfloat16":
            tolerance = tolerance._replace(rtol=_RTOL_BFLOAT16)
        form = _tensor_form_difference(got, expected, at)
        return form or _element_difference(as_array(got), as_array(expected), at, tolerance, inputs)
    if type(expected) is float:
        if not is_number(got):
            return f"expected one number{at}, got {show(got)}."
        got = (
            as_array(got) if is_tensor(got) else np.asarray(got)
        )  # a coarser dtype, which the student may choose, buys no tolerance
        got = got.astype(np.result_type(got, np.float32))
        return _element_difference(got, np.asarray(expected), at, tolerance, {})
    if type(got) is not type(expected) or got != expected:
        return f"wrong result{at}\n  expected  {show(expected)}\n  got       {show(got)}"
    return None


def form_difference(got, shape, dtype, at) -> str | None:
    """Say how an array's shape or dtype differs from the expected one.

    Args:
        got: The result, plain data.
        shape: The expected shape.
        dtype: The expected dtype.
        at: Where it stands, for the message.

    Returns:
        A sentence; None where they agree.
    """
    if type(got) is not np.ndarray:
        if shape == () and type(got) is dtype.type:
            return None
        return f"expected an array of shape {shape}{at}, got {show(got)}."
    if got.shape != shape:
        return f"expected shape {shape}{at}, got shape {got.shape}."
    if got.dtype != dtype:
        return f"expected dtype {dtype}{at}, got {got.dtype}."
    return None


def _tensor_form_difference(got, expected, at) -> str | None:
    if not is_tensor(got):
        return f"expected a tensor of shape {tuple(expected.shape)}{at}, got {show(got)}."
    if got.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}{at}, got shape {tuple(got.shape)}."
    if got.dtype != expected.dtype:
        return f"expected dtype {dtype_name(expected)}{at}, got {dtype_name(got)}."
    return None


def _element_difference(got, expected, at, tolerance, inputs) -> str | None:
    """Report the worst element of two arrays of one shape."""
    got = np.asarray(got)
    with np.errstate(all="ignore"):
        allowed = tolerance.allowed(expected, got.dtype)
        excess = np.abs(np.subtract(got, expected, dtype=np.result_type(got, expected, float)))
        excess = excess - allowed
    same = (got == expected) | ((got != got) & (expected != expected))
    finite = np.isfinite(got) & np.isfinite(expected)
    excess = np.where(same, -np.inf, np.where(finite, excess, np.inf))
    wrong = int(np.sum(excess > 0))
    if not wrong:
        return None
    worst = np.unravel_index(np.argmax(excess), expected.shape)
    index = ", ".join(str(int(i)) for i in worst)
    inputs = {k: as_array(value) if is_tensor(value) else value for k, value in inputs.items()}
    rows = {
        f"{key}[{index}]": value[worst]
        for key, value in inputs.items()
        if type(value) is np.ndarray and value.shape == expected.shape != ()
    }
    rows |= {"expected": expected[worst], "got": got[worst]}
    width = max(map(len, rows))
    table = "".join(f"\n  {key:{width}}  {show(value)}" for key, value in rows.items())
    if expected.ndim == 0:
        return f"wrong result{at}{table}"
    right = expected.size - wrong
    return f"wrong at index [{index}]{at}; {right} of {expected.size} elements are right{table}"
