"""arrays: intervals, the namespace of the arguments, and messages that say what came."""

import math
import re
import warnings
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
    UNIT_CLOSED,
    UNIT_OPEN,
    Interval,
    check_all,
    check_axes,
    check_boxes,
    check_distributions,
    check_in,
    check_labels,
    check_mask,
    check_signs,
    check_values,
    float_namespace,
    one_hot,
    pick,
    real_namespace,
    stop_gradient,
)
from tests.losscourse.libraries import FORMATS, dtype_name, make, read


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


def test_real_namespace_lets_shapes_differ_and_nothing_else():
    assert real_namespace(a=np.zeros(3), b=np.zeros((2, 2))).__name__ == "array_api_compat.numpy"
    for bad, message in (
        (np.zeros(3, np.float32), "b: expected dtype float64, as a has, got float32"),
        (torch.zeros(3), "b: expected ndarray, as a is, got Tensor"),
        (np.zeros(3, int), "b: expected a real floating-point dtype, got int64"),
        ([0.0], "b: expected an array of floats (NumPy, torch), got list"),
    ):
        with pytest.raises(TypeError) as caught:
            real_namespace(a=np.zeros(3), b=bad)
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("axes", "shapes"),
    [
        ("N K, N", [(3, 4), (3,)]),
        ("N K, N", [(0, 4), (0,)]),
        ("... K, ...", [(4,), ()]),
        ("... K, ...", [(2, 3, 4), (2, 3)]),
        ("... K, ... K, K", [(2, 4), (2, 4), (4,)]),
        ("N D, M D, N M", [(2, 5), (3, 5), (2, 3)]),
        ("...", [()]),
    ],
)
def test_axes_that_fit_pass(axes, shapes):
    for library in (np, torch, array_api_strict):
        arrays = {f"a{i}": library.zeros(shape) for i, shape in enumerate(shapes)}
        assert check_axes(axes, **arrays) is None


@pytest.mark.parametrize(
    ("axes", "shapes", "message"),
    [
        ("N K, N", [(3, 4), (4,)], "a1: expected shape (3,), as a0 has (3, 4), got (4,)"),
        ("N K, N", [(3, 4), (3, 1)], "a1: expected shape (3,), as a0 has (3, 4), got (3, 1)"),
        ("N K, N", [(3, 4), (1,)], "a1: expected shape (3,), as a0 has (3, 4), got (1,)"),
        ("N K, N", [(3,), (3,)], "a0: expected shape (N, K), got (3,)"),
        ("N K, N", [(2, 3, 4), (2,)], "a0: expected shape (N, K), got (2, 3, 4)"),
        ("... K, ...", [(), ()], "a0: expected shape (..., K), got ()"),
        (
            "... K, ...",
            [(2, 3, 4), (2, 4)],
            "a1: expected shape (2, 3), as a0 has (2, 3, 4), got (2, 4)",
        ),
        ("N D, M D", [(2, 5), (3, 4)], "a1: expected shape (M, 5), as a0 has (2, 5), got (3, 4)"),
        ("N N", [(2, 3)], "a0: expected shape (N, N), got (2, 3)"),
    ],
)
def test_axes_that_do_not_fit_name_the_odd_one(axes, shapes, message):
    arrays = {f"a{i}": np.zeros(shape) for i, shape in enumerate(shapes)}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_axes(axes, **arrays)


def test_axes_of_no_array_are_a_type_error():
    with pytest.raises(TypeError, match=r"^a: expected an array, got list$"):
        check_axes("N", a=[1])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64"])
@pytest.mark.parametrize("library", [np, torch, array_api_strict])
def test_labels_of_any_integer_dtype_pass(library, dtype):
    labels = library.asarray([0, 2, 1], dtype=getattr(library, dtype))
    assert check_labels(3, logits=library.zeros((3, 3)), labels=labels) is None
    assert check_labels(3, logits=library.zeros((0, 3)), labels=labels[:0]) is None


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.asarray([0, 3]), ValueError, "labels: expected integers from 0 to 2, got 3"),
        (np.asarray([-1, 0]), ValueError, "labels: expected integers from 0 to 2, got -1"),
        (np.asarray(-100), ValueError, "labels: expected integers from 0 to 2, got -100"),
        (np.asarray([0.0]), TypeError, "labels: expected an integer dtype, got float64"),
        (np.asarray([True]), TypeError, "labels: expected an integer dtype, got bool"),
        ([0], TypeError, "labels: expected an array of integers, got list"),
        (torch.tensor([0]), TypeError, "labels: expected ndarray, as logits is, got Tensor"),
    ],
)
def test_labels_that_are_wrong_say_so(labels, error, message):
    with pytest.raises(error) as caught:
        check_labels(3, logits=np.zeros((2, 3)), labels=labels)
    assert str(caught.value) == message


def test_labels_of_groups_have_no_upper_end():
    like = np.zeros(2)
    assert check_labels(None, like=like, labels=np.asarray([0, 10**12])) is None
    with pytest.raises(ValueError, match=r"^labels: expected integers from 0 on, got -1$"):
        check_labels(None, like=like, labels=np.asarray([5, -1]))


REFUSED = (
    (check_signs, [1.0, -1.0, 0.0], "x: expected values of -1 or 1, got 0.0"),
    (check_signs, [2.0], "x: expected values of -1 or 1, got 2.0"),
    (check_signs, [-math.inf], "x: expected values of -1 or 1, got -inf"),
    (
        lambda **x: check_values(UNIT_CLOSED, **x),
        [0.0, 1.5],
        "x: expected values in [0, 1], got 1.5",
    ),
    (lambda **x: check_values(UNIT_OPEN, **x), [0.5, 0.0], "x: expected values in (0, 1), got 0.0"),
    (lambda **x: check_values(UNIT_OPEN, **x), [1.0], "x: expected values in (0, 1), got 1.0"),
    (lambda **x: check_values(POSITIVE, **x), [0.0], "x: expected values in (0, ∞), got 0.0"),
    (lambda **x: check_values(NON_NEGATIVE, **x), [-1.0], "x: expected values in [0, ∞), got -1.0"),
    (check_distributions, [0.5, 0.25], "x: expected rows that sum to 1, got 0.75"),
    (check_distributions, [1.5, -0.5], "x: expected values in [0, 1], got -0.5"),
    (
        check_boxes,
        [3.0, 0.0, 2.0, 1.0],
        "x: expected boxes with x1 <= x2 and y1 <= y2, got -1.0 for a side",
    ),
    (
        check_boxes,
        [[0.0, 0.0, 2.0, 1.0], [0.0, 0.5, 2.0, 0.0]],
        "x: expected boxes with x1 <= x2 and y1 <= y2, got -0.5 for a side",
    ),
    (lambda x: check_all(x < 2, "less", x=x), [1.0, 3.0], "x: expected less, got 3.0"),
    (check_boxes, [0.0, 1.0], "x: expected shape (..., 4), got (2,)"),
    (check_boxes, 1.0, "x: expected shape (..., 4), got ()"),
)


@pytest.mark.parametrize(("check", "values", "message"), REFUSED)
def test_values_out_of_their_domain_are_refused(check, values, message):
    for library, dtype in FORMATS:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            check(x=make(library, dtype, np.asarray(values)))


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (check_signs, [1.0, -1.0, math.nan]),
        (check_signs, []),
        (lambda **x: check_values(UNIT_CLOSED, **x), [0.0, 0.5, 1.0, math.nan]),
        (lambda **x: check_values(POSITIVE, **x), [1e-3, math.inf, math.nan]),
        (lambda **x: check_values(REALS, **x), [-math.inf, math.inf]),
        (check_distributions, [0.1, 0.2, 0.7]),
        (check_distributions, [math.nan, 0.5]),
        (lambda x: check_all(x < 2, "less", x=x), [0.0, 1.0]),
        (check_boxes, [[-1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 2.0, math.nan]]),
    ],
)
def test_values_in_their_domain_and_nan_pass(check, values):
    for library, dtype in FORMATS:
        assert check(x=make(library, dtype, np.asarray(values, dtype=float))) is None


def test_rows_that_sum_to_1_in_a_dtypes_half_digits_pass():
    rows = np.random.default_rng(0).dirichlet(np.full(1000, 0.1), size=20)
    for library, dtype in FORMATS:
        assert check_distributions(x=make(library, dtype, rows)) is None
    with pytest.raises(ValueError, match="x: expected rows that sum to 1"):
        check_distributions(x=np.asarray([[0.5, 0.5], [0.5, 0.5 + 1e-6]]))


CHECKS_OF_VALUES = (
    lambda x: check_signs(x=x),
    lambda x: check_values(UNIT_CLOSED, x=x),
    lambda x: check_distributions(x=x),
    lambda x: check_boxes(x=torch.cat([x, -x], dim=-1)),
    lambda x: check_all(x < -1e9, "less", x=x),
    lambda x: check_labels(3, x=x, labels=x.to(torch.int64)),
)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS_OF_VALUES)
def test_values_are_checked_in_eager_mode_and_left_alone_while_torch_traces(check):
    wrong = torch.tensor([[7.0, 0.5]])

    def checked(x):
        check(x)
        return 2 * x

    with pytest.raises(ValueError, match="expected"):
        checked(wrong)
    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # array-api-compat's caches, which dynamo traces through
        compiled = torch.compile(checked, fullgraph=True, backend="eager")
        assert compiled(wrong).tolist() == [[14.0, 1.0]]
        exported = torch.export.export(_Module(checked), (wrong,), strict=False)
    assert exported.module()(wrong).tolist() == [[14.0, 1.0]]
    with pytest.raises(ValueError, match="expected"):
        checked(wrong)


class _Module(torch.nn.Module):
    """A function as what torch.export takes."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.slow
def test_kinds_and_shapes_are_checked_also_while_torch_traces():
    def checked(logits, labels):
        check_axes("... K, ...", logits=logits, labels=labels)
        check_labels(logits.shape[-1], logits=logits, labels=labels)
        return logits

    for labels, message in (
        (torch.zeros(2).long(), "labels: expected shape"),
        (torch.zeros(3), "labels: expected an integer dtype"),
    ):
        torch._dynamo.reset()
        compiled = torch.compile(checked, backend="eager")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises((TypeError, ValueError), match=message):
                compiled(torch.zeros(3, 2), labels)


@pytest.mark.parametrize("labels", [0, [2, 0], [[1, 1], [0, 2]], []])
def test_pick_and_one_hot_are_numpys_indexing(labels):
    labels = np.asarray(labels, dtype=np.int64)
    rows = np.random.default_rng(0).normal(size=(*labels.shape, 3))
    picked = np.take_along_axis(rows, labels[..., None], axis=-1)[..., 0]
    for library, dtype in FORMATS:
        scores = make(library, dtype, rows)
        for kind in ("int64", "uint8", "int32"):
            named = make(library, dtype, labels.astype(kind))
            hot = one_hot(named, scores)
            assert dtype_name(pick(scores, named)) == dtype_name(hot) == dtype
            assert read(hot).tolist() == np.eye(3)[labels].tolist()
            np.testing.assert_allclose(read(pick(scores, named)), picked, rtol=1e-2)
            assert tuple(hot.shape) == rows.shape


def test_one_hot_of_many_classes_does_not_wrap_round():
    """uint8 counts to 255: class 256 must not look like class 0."""
    hot = one_hot(np.asarray([0], dtype=np.uint8), np.zeros((1, 300)))
    assert hot.sum() == 1.0


def test_a_stopped_gradient_leaves_the_values_and_hides_the_slope():
    values = np.asarray([1.5, -2.0])
    for library, dtype in FORMATS:
        out = stop_gradient(make(library, dtype, values))
        assert dtype_name(out) == dtype
        assert read(out).tolist() == values.tolist()
    x = torch.tensor(values, requires_grad=True)
    (stop_gradient(x**2) * x).sum().backward()
    assert x.grad.tolist() == (values**2).tolist()
    with pytest.raises(TypeError, match=r"^array: expected an array of floats"):
        stop_gradient([1.0])
