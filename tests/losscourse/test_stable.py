"""stable: held against mpmath and torch where the textbook forms break, with those as mutants."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import array_api_compat
import mpmath
import numpy as np
import pytest
import torch

from losscourse import stable
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.mutants import Mutant, assert_rejected

SPREAD = np.concatenate([s * 10.0 ** np.arange(-12, 4) for s in (-1, 1)])
AROUND_ONE = np.concatenate([s * np.linspace(0.9, 1.1, 21) for s in (-1, 1)])


@dataclass(frozen=True)
class Elementwise:
    """A function of one array: exact values, derivatives declared, wrong versions.

    `special` holds inputs, each with the declared value and autograd's derivative there; `inside`
    is any input of the domain.
    """

    function: Callable
    exact: Callable
    derivative: Callable
    inputs: np.ndarray
    special: tuple[tuple[float, float, float], ...]
    mutants: dict[str, Callable]
    inside: float = 1.0

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__


FUNCTIONS = (
    Elementwise(
        function=stable.softplus,
        exact=lambda x: mpmath.log1p(mpmath.exp(x)),
        derivative=lambda x: 1 / (1 + mpmath.exp(-x)),
        inputs=np.concatenate([SPREAD, AROUND_ONE]),
        special=(
            (0.0, math.log(2), 0.5),
            (-0.0, math.log(2), 0.5),
            (math.inf, math.inf, 1.0),
            (-math.inf, 0.0, 0.0),
        ),
        mutants={
            "exp overflows": lambda xp, x: xp.log1p(xp.exp(x)),
            "cancels far below 0": lambda xp, x: xp.log(1 + xp.exp(-xp.abs(x))) + xp.clip(x, min=0),
            "sign": lambda xp, x: stable.softplus(-x),
            "derivative 1 at 0": lambda xp, x: xp.clip(x, min=0) + xp.log1p(xp.exp(-xp.abs(x))),
            "rectifier": lambda xp, x: xp.clip(x, min=0),
        },
    ),
    Elementwise(
        function=stable.sigmoid,
        exact=lambda x: 1 / (1 + mpmath.exp(-x)),
        derivative=lambda x: 1 / (2 + mpmath.exp(x) + mpmath.exp(-x)),
        inputs=np.concatenate([SPREAD, AROUND_ONE]),
        special=(
            (0.0, 0.5, 0.25),
            (-0.0, 0.5, 0.25),
            (math.inf, 1.0, 0.0),
            (-math.inf, 0.0, 0.0),
        ),
        mutants={
            "exp overflows": lambda xp, x: 1 / (1 + xp.exp(-x)),
            "cancels far below 0": lambda xp, x: (1 + xp.tanh(x / 2)) / 2,
            "slope 0 at 0": lambda xp, x: (
                xp.where(x < 0, xp.exp(-xp.abs(x)), xp.ones_like(x)) / (1 + xp.exp(-xp.abs(x)))
            ),
            "slope ½ at 0": lambda xp, x: xp.exp(xp.clip(x, max=0)) / (1 + xp.exp(-xp.abs(x))),
            "exponent of a logarithm": lambda xp, x: xp.exp(stable.log_sigmoid(x)),
            "sign": lambda xp, x: stable.sigmoid(-x),
        },
    ),
    Elementwise(
        function=stable.log_sigmoid,
        exact=lambda x: -mpmath.log1p(mpmath.exp(-x)),
        derivative=lambda x: 1 / (1 + mpmath.exp(x)),
        inputs=np.concatenate([SPREAD, AROUND_ONE]),
        special=(
            (0.0, -math.log(2), 0.5),
            (-0.0, -math.log(2), 0.5),
            (math.inf, 0.0, 0.0),
            (-math.inf, -math.inf, 1.0),
        ),
        mutants={
            "logarithm of a sigmoid": lambda xp, x: xp.log(stable.sigmoid(x)),
            "exp overflows": lambda xp, x: -xp.log1p(xp.exp(-x)),
            "sign": lambda xp, x: -stable.softplus(x),
            "rectifier": lambda xp, x: -xp.clip(-x, min=0),
        },
    ),
    Elementwise(
        function=stable.log1mexp,
        inside=-1.0,
        exact=lambda x: mpmath.log1p(-mpmath.exp(x)) if x < -1 else mpmath.log(-mpmath.expm1(x)),
        derivative=lambda x: 1 / mpmath.expm1(-x) * -1,
        inputs=-np.abs(np.concatenate([SPREAD, AROUND_ONE, AROUND_ONE * math.log(2)])),
        special=(
            (-math.log(2), -math.log(2), -1.0),
            (-math.inf, 0.0, 0.0),
            (0.0, -math.inf, -math.inf),
        ),
        mutants={
            "1 - exp cancels": lambda xp, x: xp.log(1 - xp.exp(x)),
            "expm1 alone": lambda xp, x: xp.log(-xp.expm1(x)),
            "slope inf at 0": lambda xp, x: xp.where(
                x > -math.log(2),
                xp.log(-xp.expm1(xp.clip(x, min=-math.log(2)))),
                stable.log1mexp(xp.clip(x, max=-math.log(2))),
            ),
            "log1p alone": lambda xp, x: xp.log1p(-xp.exp(x)),
            "log(1 + exp)": lambda xp, x: stable.softplus(x),
            "branches swapped": lambda xp, x: xp.where(
                x < -math.log(2), xp.log(-xp.expm1(x)), xp.log1p(-xp.exp(x))
            ),
        },
    ),
    Elementwise(
        function=stable.log_cosh,
        exact=lambda x: mpmath.log(mpmath.cosh(x)),
        derivative=mpmath.tanh,
        inputs=np.concatenate([SPREAD, AROUND_ONE]),
        special=(
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, 0.0),
            (1.0, math.log(math.cosh(1)), math.tanh(1)),
            (-1.0, math.log(math.cosh(1)), -math.tanh(1)),
            (math.inf, math.inf, 1.0),
            (-math.inf, math.inf, -1.0),
        ),
        mutants={
            "cosh overflows": lambda xp, x: xp.log(xp.cosh(x)),
            "cancels near 0": lambda xp, x: (
                xp.abs(x) + xp.log1p(xp.exp(-2 * xp.abs(x))) - math.log(2)
            ),
            "softplus(2x) - x - log 2": lambda xp, x: stable.softplus(2 * x) - x - math.log(2),
            "log 2 left out": lambda xp, x: xp.log1p(xp.exp(-2 * xp.abs(x))) + xp.abs(x),
            "parabola near 0": lambda xp, x: xp.where(
                xp.abs(x) < 1, xp.square(xp.clip(x, min=-1, max=1)) / 2, stable.log_cosh(x)
            ),
        },
    ),
    Elementwise(
        function=stable.sqrt,
        exact=mpmath.sqrt,
        derivative=lambda x: 1 / (2 * mpmath.sqrt(x)),
        inputs=np.abs(np.concatenate([SPREAD, AROUND_ONE])),
        special=((0.0, 0.0, 0.0), (-0.0, 0.0, 0.0), (math.inf, math.inf, 0.0)),
        mutants={
            "infinite slope at 0": lambda xp, x: xp.sqrt(x),
            "NaN slope at 0": lambda xp, x: xp.where(x == 0, xp.zeros_like(x), xp.sqrt(x)),
            "shifted by an epsilon": lambda xp, x: xp.sqrt(x + 1e-12),
            "floor under small numbers": lambda xp, x: xp.sqrt(xp.clip(x, min=1e-8)),
        },
    ),
)


def value_is_exact_in_every_format(f: Elementwise) -> None:
    _assert_exact(f, lambda x: f.function(x), f.exact)


def autograd_is_exact_in_every_torch_format(f: Elementwise) -> None:
    def derived(x):
        x.requires_grad_()
        f.function(x).sum().backward()
        return x.grad

    _assert_exact(f, derived, f.derivative, library="torch")


def special_inputs_give_the_declared_value_and_slope(f: Elementwise) -> None:
    for x, value, slope in f.special:
        pole = "ignore" if math.isinf(slope) else "raise"
        with np.errstate(all="raise", under="ignore", divide=pole):
            assert float(f.function(np.asarray(x))) == pytest.approx(value)
        tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        f.function(tensor).backward()
        assert float(tensor.grad) == pytest.approx(slope)


def nan_shape_and_dtype_are_kept(f: Elementwise) -> None:
    for library, dtype in FORMATS:
        x = make(library, dtype, np.asarray([[math.nan, f.inside]]))
        out = f.function(x)
        assert dtype_name(out) == dtype
        assert np.isnan(read(out)).tolist() == [[True, False]]
        for shape in ((), (0,), (0, 2)):
            assert tuple(f.function(make(library, dtype, np.full(shape, f.inside))).shape) == shape


def _assert_exact(f: Elementwise, function: Callable, exact: Callable, library: str = "") -> None:
    for where, dtype in FORMATS:
        if library in ("", where):
            x = make(where, dtype, f.inputs)
            values = read(x)
            out = read(function(x))
            with mpmath.workdps(60):
                # Values whose float16 is 0 or inf are among the special ones.
                usual = np.isfinite(values) & (values != 0)
                expected = [float(exact(mpmath.mpf(v))) for v in values[usual]]
            precision = PRECISION[dtype]
            expected = [
                e if abs(e) <= precision.largest else math.copysign(math.inf, e) for e in expected
            ]
            np.testing.assert_allclose(
                out[usual], expected, rtol=precision.rtol, atol=precision.tiny, err_msg=dtype
            )


CHECKS = (
    value_is_exact_in_every_format,
    autograd_is_exact_in_every_torch_format,
    special_inputs_give_the_declared_value_and_slope,
    nan_shape_and_dtype_are_kept,
)
FUNCTION = pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.name)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@FUNCTION
def test_elementwise(f, check):
    check(f)


@FUNCTION
def test_mutants_are_rejected(request, f):
    def wrong(body):
        return lambda x: body(array_api_compat.array_namespace(x), x)

    mutants = [
        Mutant(name, replace(f, function=wrong(body))) for name, body in f.mutants.items()
    ] + [
        Mutant("float64", replace(f, function=lambda x: _as_float64(f.function(x)))),
    ]
    assert_rejected(request, f.name, CHECKS, mutants, table="stable")


def _as_float64(x):
    xp = array_api_compat.array_namespace(x)
    return xp.astype(x, xp.float64)


@FUNCTION
def test_what_is_no_array_of_floats_is_refused(f):
    for bad in ([1.0], 1.0, np.ones(2, int)):
        with pytest.raises(TypeError, match=r"^x: expected .*got (list|float|int64)$"):
            f.function(bad)


@FUNCTION
def test_inputs_stay_as_they_were(f):
    x = np.asarray([1.0, 4.0])
    x.setflags(write=False)
    f.function(x)
    assert x.tolist() == [1.0, 4.0]


def test_sqrt_of_a_negative_number_is_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(stable.sqrt(np.asarray([-1.0]))).all()


# log_sum_exp reduces an axis, so it has its own checks.

ROWS = np.asarray([[1.0, 2.0, 3.0], [-1000.0, -1000.0, -1001.0], [1000.0, -1000.0, 999.0]])


def sums_are_exact(log_sum_exp):
    for library, dtype in FORMATS:
        x = make(library, dtype, ROWS)
        out = log_sum_exp(x)
        assert dtype_name(out) == dtype
        with mpmath.workdps(60):
            exact = [float(mpmath.log(mpmath.fsum(map(mpmath.exp, row)))) for row in read(x)]
        np.testing.assert_allclose(read(out), exact, rtol=PRECISION[dtype].rtol)


def any_axis_can_be_summed(log_sum_exp):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    for axis in (-3, -2, -1, 0, 1, 2):
        np.testing.assert_allclose(
            log_sum_exp(x, axis=axis), torch.logsumexp(torch.as_tensor(x), axis).numpy()
        )


def infinities_are_handled(log_sum_exp):
    inf = math.inf
    rows = np.asarray([[-inf, -inf], [-inf, 0.0], [inf, 0.0], [inf, inf], [inf, -inf]])
    for library in ("numpy", "torch", "strict"):
        with np.errstate(invalid="raise", divide="ignore"):
            out = read(log_sum_exp(make(library, "float64", rows)))
        assert out.tolist() == [-inf, 0.0, inf, inf, inf]
    assert np.isnan(log_sum_exp(np.asarray([[math.nan, 0.0]]))).tolist() == [True]


def gradient_is_the_softmax(log_sum_exp):
    x = torch.as_tensor(np.concatenate([ROWS, [[5.0, 5.0, 5.0], [-math.inf, 0.0, 1.0]]]))
    x.requires_grad_()
    log_sum_exp(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.softmax(x, -1).detach(), rtol=1e-12, atol=1e-15)


def empty_axis_is_an_error(log_sum_exp):
    with pytest.raises(ValueError, match="x: expected at least one element along axis -1"):
        log_sum_exp(np.zeros((2, 0)))
    for x, axis in ((np.zeros(2), 1), (np.zeros(2), -2), (np.asarray(1.0), -1)):
        with pytest.raises(ValueError, match=r"axis: expected one of the \d axes of x, got"):
            log_sum_exp(x, axis=axis)
    assert log_sum_exp(np.zeros((0, 2))).shape == (0,)


LSE_CHECKS = (
    sums_are_exact,
    any_axis_can_be_summed,
    infinities_are_handled,
    gradient_is_the_softmax,
    empty_axis_is_an_error,
)


@pytest.mark.parametrize("check", LSE_CHECKS, ids=lambda check: check.__name__)
def test_log_sum_exp(check):
    check(stable.log_sum_exp)


def test_log_sum_exp_mutants_are_rejected(request):
    def wrong(body):
        def mutant(x, *, axis=-1):
            stable.log_sum_exp(x, axis=axis)
            return body(array_api_compat.array_namespace(x), x, axis)

        return mutant

    def shifted(xp, x, axis):
        largest = xp.max(x, axis=axis, keepdims=True)
        return xp.log(xp.sum(xp.exp(x - largest), axis=axis)) + xp.squeeze(largest, axis=axis)

    def unchecked(x, *, axis=-1):
        try:
            return stable.log_sum_exp(x, axis=axis)
        except ValueError:
            return -math.inf

    mutants = [
        Mutant("exp overflows", wrong(lambda xp, x, axis: xp.log(xp.sum(xp.exp(x), axis=axis)))),
        Mutant("infinity minus infinity", wrong(shifted)),
        Mutant("last axis always", wrong(lambda xp, x, axis: stable.log_sum_exp(x))),
        Mutant("mean for sum", wrong(lambda xp, x, axis: shifted(xp, x, axis) - math.log(3))),
        Mutant("maximum", wrong(lambda xp, x, axis: xp.max(x, axis=axis))),
        Mutant("empty sum allowed", unchecked),
    ]
    assert_rejected(request, "log_sum_exp", LSE_CHECKS, mutants, table="stable: log_sum_exp")


# log_softmax and softmax keep the axis.

WIDE = np.concatenate([ROWS, [[3000.0, 3002.0, 3004.0], [0.0, -60.0, -20.0]]])


def _exact_rows(function, rows, last):
    """Return the exact rows: with `last`, logarithms, else probabilities."""
    with mpmath.workdps(60):
        found = []
        for row in rows:
            total = mpmath.fsum(map(mpmath.exp, row))
            exact = [mpmath.exp(x) / total for x in row]
            found.append([float(mpmath.log(p) if last else p) for p in exact])
        return np.asarray(found)


def rows_are_exact(function, logarithm):
    for library, dtype in FORMATS:
        x = make(library, dtype, WIDE)
        out = function(x)
        assert dtype_name(out) == dtype
        assert out.shape == x.shape
        exact = _exact_rows(function, read(x), logarithm)
        rtol = PRECISION[dtype].rtol
        np.testing.assert_allclose(read(out), exact, rtol=rtol, atol=rtol)


def rows_agree_with_torch_on_any_axis(function, logarithm):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)) * 5
    theirs = torch.log_softmax if logarithm else torch.softmax
    np.testing.assert_array_equal(function(x), function(x, axis=-1))
    for axis in (-3, -2, -1, 0, 1, 2):
        np.testing.assert_allclose(
            function(x, axis=axis), theirs(torch.as_tensor(x), axis).numpy(), rtol=1e-13
        )


def infinite_logits_are_handled(function, logarithm):
    rows = np.asarray([[-math.inf, 0.0, 0.0], [-math.inf, -math.inf, 0.0]])
    probs = np.asarray([[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    for library in ("numpy", "torch", "strict"):
        out = read(function(make(library, "float64", rows)))
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(out, np.log(probs) if logarithm else probs, rtol=1e-15)
    with np.errstate(all="ignore"):
        for row in ([math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]):
            assert np.isnan(function(np.asarray([row]))).any()


def autograd_of_rows_is_torchs(function, logarithm):
    upstream = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    values = np.concatenate([WIDE, [[5.0, 5.0, 5.0], [-math.inf, 0.0, 1.0]]])
    grads = []
    for own in (function, lambda x: (torch.log_softmax if logarithm else torch.softmax)(x, -1)):
        x = torch.as_tensor(values).requires_grad_()
        out = own(x)
        (torch.where(torch.isinf(out), 0 * upstream, upstream * out)).sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-12, atol=1e-14)


def rows_without_an_element_are_an_error(function, logarithm):
    with pytest.raises(ValueError, match="x: expected at least one element along axis -1"):
        function(np.zeros((2, 0)))
    for x, axis in ((np.zeros(2), 1), (np.zeros(2), -2), (np.asarray(1.0), -1)):
        with pytest.raises(ValueError, match=r"axis: expected one of the \d axes of x, got"):
            function(x, axis=axis)
    with pytest.raises(TypeError, match="x: expected a real floating-point dtype, got int64"):
        function(np.zeros(2, int))
    assert function(np.zeros((0, 2))).shape == (0, 2)


ROW_CHECKS = (
    rows_are_exact,
    rows_agree_with_torch_on_any_axis,
    infinite_logits_are_handled,
    autograd_of_rows_is_torchs,
    rows_without_an_element_are_an_error,
)
ROW_FUNCTIONS = {stable.log_softmax: True, stable.softmax: False}


@pytest.mark.parametrize("check", ROW_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("function", ROW_FUNCTIONS, ids=lambda function: function.__name__)
def test_rows(function, check):
    check(function, ROW_FUNCTIONS[function])


@pytest.mark.parametrize("right", ROW_FUNCTIONS, ids=lambda function: function.__name__)
def test_row_mutants_are_rejected(request, right):
    logarithm = ROW_FUNCTIONS[right]

    def wrong(body):
        def mutant(x, *, axis=-1):
            right(x, axis=axis)
            return body(array_api_compat.array_namespace(x), x, axis)

        return mutant

    def unchecked(x, *, axis=-1):
        try:
            return right(x, axis=axis)
        except ValueError:
            return x

    def naive(xp, x, axis):
        return xp.exp(x) / xp.sum(xp.exp(x), axis=axis, keepdims=True)

    mutants = [
        Mutant("exp overflows", wrong(naive)),
        Mutant("last axis always", wrong(lambda xp, x, axis: right(x))),
        Mutant("not normalised", wrong(lambda xp, x, axis: x if logarithm else xp.exp(x))),
        Mutant("axis unchecked", unchecked),
        Mutant("the other one", wrong(lambda xp, x, axis: stable.softmax(x, axis=axis)))
        if logarithm
        else Mutant("logarithm", wrong(lambda xp, x, axis: stable.log_softmax(x, axis=axis))),
        Mutant(
            "log-sum-exp subtracted, which cancels",
            wrong(
                lambda xp, x, axis: (lambda z: z if logarithm else xp.exp(z))(
                    x - xp.expand_dims(stable.log_sum_exp(x, axis=axis), axis=axis)
                )
            ),
        ),
    ]
    checks = [_bound(check, logarithm) for check in ROW_CHECKS]
    assert_rejected(request, right.__name__, checks, mutants, table="stable: rows")


def _bound(check, logarithm):
    @functools.wraps(check)
    def bound(function):
        check(function, logarithm)

    return bound


# times takes two arrays.

INF = math.inf
PRODUCTS = (  # weight, x, product, derivative by the weight, derivative by x
    (0.0, -INF, 0.0, 0.0, 0.0),
    (0.0, INF, 0.0, 0.0, 0.0),
    (-0.0, INF, 0.0, 0.0, 0.0),
    (0.0, 3.0, 0.0, 3.0, 0.0),
    (2.0, 3.0, 6.0, 3.0, 2.0),
    (2.0, -INF, -INF, -INF, 2.0),
    (-1.0, INF, -INF, INF, -1.0),
)


def products_are_declared(times):
    for library, dtype in FORMATS:
        for weight, x, product, _, _ in PRODUCTS:
            with np.errstate(invalid="raise"):
                out = times(*(make(library, dtype, np.asarray([v])) for v in (weight, x)))
            assert dtype_name(out) == dtype
            assert read(out).tolist() == [product]


def slopes_of_products_are_declared(times):
    for weight, x, _, by_weight, by_x in PRODUCTS:
        tensors = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (weight, x)]
        times(*tensors).backward()
        assert [t.grad.item() for t in tensors] == [by_weight, by_x]


def nan_is_kept_in_products(times):
    out = times(np.asarray([math.nan, 0.0, 1.0]), np.asarray([1.0, math.nan, 1.0]))
    assert np.isnan(out).tolist() == [True, True, False]


def factors_that_do_not_fit_are_refused(times):
    with pytest.raises(
        ValueError, match=r"^x: expected shape \(2,\), as weights has, got \(2, 1\)$"
    ):
        times(np.zeros(2), np.zeros((2, 1)))


TIMES_CHECKS = (
    products_are_declared,
    slopes_of_products_are_declared,
    nan_is_kept_in_products,
    factors_that_do_not_fit_are_refused,
)


@pytest.mark.parametrize("check", TIMES_CHECKS, ids=lambda check: check.__name__)
def test_times(check):
    check(stable.times)


def test_times_mutants_are_rejected(request):
    def wrong(body):
        def mutant(weights, x):
            stable.times(weights, x)
            return body(array_api_compat.array_namespace(x), weights, x)

        return mutant

    mutants = [
        Mutant("0 times infinity", wrong(lambda xp, w, x: w * x)),
        Mutant("branch not taken", wrong(lambda xp, w, x: xp.where(w == 0, 0 * w, w * x))),
        Mutant(
            "NaN hidden", wrong(lambda xp, w, x: xp.where((w == 0) | xp.isnan(x), 0 * w, w * x))
        ),
        Mutant("finite infinity", wrong(lambda xp, w, x: w * xp.clip(x, min=-1e300, max=1e300))),
        Mutant("unchecked", lambda w, x: w * x),
    ]
    assert_rejected(request, "times", TIMES_CHECKS, mutants, table="stable: times")
