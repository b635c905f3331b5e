"""arrays: intervals, the namespace of the arguments, and messages that say what came."""

import math
from decimal import Decimal
from fractions import Fraction

import array_api_strict
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    REALS,
    UNIT_OPEN,
    Interval,
    check_in,
    check_mask,
    float_namespace,
)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_intervals_hold_what_they_say(x):
    assert x in REALS
    assert (x in POSITIVE) == (x > 0)
    assert (x in NON_NEGATIVE) == (x >= 0)
    assert (x in UNIT_OPEN) == (0 < x < 1)
    assert (x in Interval(0, 1, low_closed=True, high_closed=True)) == (0 <= x <= 1)


@pytest.mark.parametrize("interval", [REALS, POSITIVE, NON_NEGATIVE, UNIT_OPEN], ids=str)
def test_no_interval_holds_nan_or_infinity(interval):
    for value in (math.nan, math.inf, -math.inf):
        assert value not in interval


def test_interval_reads_as_mathematics():
    assert str(REALS) == "(-∞, ∞)"
    assert str(Interval(-1.5, 1, high_closed=True)) == "(-1.5, 1]"


@pytest.mark.parametrize(
    ("array", "module"),
    [
        (np.zeros(2), "array_api_compat.numpy"),
        (np.float32(1.0), "array_api_compat.numpy"),
        (torch.zeros(2, dtype=torch.bfloat16), "array_api_compat.torch"),
        (array_api_strict.zeros(2), "array_api_strict"),
    ],
    ids=["numpy", "numpy scalar", "torch", "strict"],
)
def test_namespace_is_the_arguments_library(array, module):
    assert float_namespace(x=array, y=array).__name__ == module


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            [1.0],
            "predictions: expected an array of floats (NumPy, torch), got list",
        ),
        (np.zeros(2, int), "predictions: expected a real floating-point dtype, got int64"),
        (np.zeros(2, complex), "predictions: expected a real floating-point dtype, got complex128"),
        (np.zeros(2, bool), "predictions: expected a real floating-point dtype, got bool"),
        (np.zeros(2, object), "predictions: expected a real floating-point dtype, got object"),
        (np.asarray(["a"]), "predictions: expected a real floating-point dtype, got <U1"),
        (
            torch.zeros(2).int(),
            "predictions: expected a real floating-point dtype, got torch.int32",
        ),
    ],
    ids=lambda value: getattr(value, "dtype", type(value).__name__),
)
def test_what_is_no_array_of_floats_is_a_type_error(bad, message):
    with pytest.raises(TypeError) as caught:
        float_namespace(predictions=bad)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (np.zeros((3, 1)), ValueError, "b: expected shape (3,), as a has, got (3, 1)"),
        (np.zeros(()), ValueError, "b: expected shape (3,), as a has, got ()"),
        (np.zeros(1), ValueError, "b: expected shape (3,), as a has, got (1,)"),
        (np.zeros(3, np.float32), TypeError, "b: expected dtype float64, as a has, got float32"),
        (torch.zeros(3), TypeError, "b: expected ndarray, as a is, got Tensor"),
    ],
    ids=["column", "0-d", "one element", "dtype", "library"],
)
def test_arguments_that_do_not_fit_name_the_odd_one(bad, error, message):
    with pytest.raises(error) as caught:
        float_namespace(a=np.zeros(3), b=bad)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ([True, False], TypeError, "mask: expected an array of booleans, got list"),
        (np.ones(2), TypeError, "mask: expected dtype bool, got float64"),
        (np.ones(2, np.uint8), TypeError, "mask: expected dtype bool, got uint8"),
        (
            torch.ones(2, dtype=torch.bool),
            TypeError,
            "mask: expected ndarray, as the losses are, got Tensor",
        ),
        (
            np.ones((2, 1), bool),
            ValueError,
            "mask: expected shape (2,), as the losses have, got (2, 1)",
        ),
    ],
    ids=["list", "float", "uint8", "library", "shape"],
)
def test_a_mask_that_does_not_fit_says_so(mask, error, message):
    with pytest.raises(error) as caught:
        check_mask(mask, like=np.zeros(2))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "value",
    [1, 0.5, np.float16(0.5), np.float64(0.5), np.int64(1), Fraction(1, 2)],
    ids=lambda value: type(value).__name__,
)
def test_a_hyperparameter_comes_back_as_a_python_float(value):
    """A NumPy float64 would raise the dtype of a float32 loss."""
    checked = check_in(POSITIVE, delta=value)
    assert type(checked) is float
    assert checked == float(value)


@pytest.mark.parametrize(
    "value",
    [True, np.True_, "1", None, 1j, [1.0], np.ones(1), np.ones(()), torch.tensor(1.0), Decimal(1)],
    ids=lambda value: type(value).__name__,
)
def test_a_hyperparameter_that_is_no_number_is_a_type_error(value):
    with pytest.raises(TypeError) as caught:
        check_in(POSITIVE, delta=value)
    assert str(caught.value) == f"delta: expected a real number, got {type(value).__name__}"


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, -math.inf], ids=str)
def test_a_hyperparameter_out_of_its_domain_is_a_value_error(value):
    with pytest.raises(ValueError, match=r"delta: expected a number in \(0, ∞\), got "):
        check_in(POSITIVE, delta=value)
