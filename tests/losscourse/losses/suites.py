"""The generic suites: each takes a Case and fails where its loss or gradient is wrong.

A suite is a plain function, so that the same code tests the losses and their mutants.
"""

import functools
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from losscourse.catalogue import CATALOGUE
from losscourse.reduce import weighted_mean
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.case import Case, Point, Setting

SCALES = (1.0, 1e-3, 1e4)
"""Sizes of residuals or logits: usual, close to a fit, far out."""


def matches_oracle(case: Case) -> None:
    """The value is an independent library's, in float64."""
    _name, oracle = case.oracle
    for setting in case.settings:
        for scale in SCALES:
            arrays = case.draw(_rng(), 30, scale)
            np.testing.assert_allclose(
                case.loss(*arrays, **setting), oracle(*arrays, **setting), rtol=1e-12, atol=1e-15
            )


def matches_exact_value(case: Case) -> None:
    """The value is mpmath's to a few roundings, in every dtype of every library."""
    _assert_exact(case, case.loss, _exact_value)


def matches_exact_gradient(case: Case) -> None:
    """The gradient is mpmath's derivative to a few roundings, in every dtype of every library."""
    _assert_exact(case, case.gradient, _exact_gradient)


def gradient_matches_autograd(case: Case) -> None:
    """The gradient is what torch derives from the loss, for a non-uniform upstream gradient."""
    for setting in case.settings:
        for scale in SCALES:
            arrays = case.draw(_rng(), 20, scale)
            upstream = _rng(1).uniform(-2, 2, size=20)
            _assert_close(
                _autograd(case, arrays, setting, upstream),
                _spread(upstream, arrays[0]) * case.gradient(*arrays, **setting),
            )


def gradient_matches_central_differences(case: Case) -> None:
    """The gradient is the central difference of the upstream-weighted sum, by each coordinate."""
    step = 1e-6
    for setting in case.settings:
        predictions, *others = case.draw(_rng(), 8, 1.0)
        upstream = _rng(1).uniform(-2, 2, size=8)

        def objective(moved: np.ndarray, others=others, upstream=upstream, setting=setting):
            return float((upstream * case.loss(moved, *others, **setting)).sum())

        numeric = np.zeros_like(predictions)
        for index in np.ndindex(*predictions.shape):
            above, below = predictions.copy(), predictions.copy()
            above[index] += step
            below[index] -= step
            numeric[index] = (objective(above) - objective(below)) / (2 * step)
        analytic = _spread(upstream, predictions) * case.gradient(predictions, *others, **setting)
        np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-8)


def kink_takes_declared_subgradient(case: Case) -> None:
    """At a kink, gradient and autograd are the declared one, and it is a subgradient."""
    step = 1e-7
    for setting in case.settings:
        for point in case.kinks(**setting):
            arrays = _point_arrays(point)
            assert float(case.gradient(*arrays, **setting)[0]) == pytest.approx(point.gradient)
            derived = _autograd(case, arrays, setting, np.ones(1))
            assert float(derived[0]) == pytest.approx(point.gradient)
            predictions, *others = arrays
            at, above, below = (
                float(case.loss(predictions + move, *others, **setting)[0])
                for move in (0, step, -step)
            )
            left, right = (at - below) / step, (above - at) / step
            assert right - left > 1e-3, f"no kink at {point.arguments}: slopes {left}, {right}"
            assert left - 1e-6 <= point.gradient <= right + 1e-6


def limits_are_declared(case: Case) -> None:
    """At infinite arguments, value, gradient and autograd are the declared ones."""
    for setting in case.settings:
        for point in case.limits(**setting):
            arrays = _point_arrays(point)
            with np.errstate(invalid="raise"):
                value = case.loss(*arrays, **setting)
                gradient = case.gradient(*arrays, **setting)
            np.testing.assert_allclose(value, [point.value])
            np.testing.assert_allclose(gradient, [point.gradient])
            derived = _autograd(case, arrays, setting, np.ones(1))
            np.testing.assert_allclose(derived, [point.gradient])


def nan_stays_visible(case: Case) -> None:
    """NaN in gives NaN out, in that example and in no other."""
    for setting in case.settings:
        for position in _float_arguments(case):
            arrays = [a.copy() for a in case.draw(_rng(), 4, 1.0)]
            arrays[position][2] = math.nan
            expected = [False, False, True, False]
            for function in (case.loss, case.gradient):
                out = np.isnan(function(*arrays, **setting)).reshape(4, -1)
                assert out.all(axis=1).tolist() == out.any(axis=1).tolist() == expected


def libraries_agree(case: Case) -> None:
    """NumPy, torch and array-api-strict give the same numbers, each in its own arrays."""
    for dtype in ("float64", "float32"):
        for setting in case.settings:
            arrays = case.draw(_rng(), 30, 1.0)
            for function in (case.loss, case.gradient):
                results = {}
                for library in ("numpy", "torch", "strict"):
                    inputs = [make(library, dtype, a) for a in arrays]
                    out = function(*inputs, **setting)
                    assert type(out) is type(inputs[0])
                    results[library] = read(out)
                rtol = PRECISION[dtype].rtol
                for library in ("torch", "strict"):
                    np.testing.assert_allclose(results[library], results["numpy"], rtol=rtol)


def keeps_dtype(case: Case) -> None:
    """The result has the dtype of the input, also for NumPy scalars as hyperparameters."""
    for library, dtype in FORMATS:
        inputs = [make(library, dtype, a) for a in case.draw(_rng(), 5, 1.0)]
        for setting in case.settings:
            scalars = {name: np.float64(value) for name, value in setting.items()}
            for function in (case.loss, case.gradient):
                for values in (setting, scalars):
                    assert dtype_name(function(*inputs, **values)) == dtype


def keeps_shape(case: Case) -> None:
    """Any shape is kept: none, one element, no element, several axes, strided views."""
    shapes = ((), (1,), (0,), (0, 3), (2, 3), (2, 1, 3)) if case.elementwise else ()
    for library in ("numpy", "torch", "strict"):
        for setting in case.settings:
            for shape in shapes:
                flat = case.draw(_rng(), math.prod(shape), 1.0)
                inputs = [make(library, "float64", a.reshape(shape)) for a in flat]
                for function in (case.loss, case.gradient):
                    out = function(*inputs, **setting)
                    assert tuple(out.shape) == shape
                    np.testing.assert_allclose(read(out).ravel(), function(*flat, **setting))
            for n in (0, 1, 3):
                inputs = [make(library, "float64", a) for a in case.draw(_rng(), n, 1.0)]
                assert tuple(case.loss(*inputs, **setting).shape)[:1] == (n,)
                assert case.gradient(*inputs, **setting).shape == inputs[0].shape
    wide = [a.repeat(2, axis=0) for a in case.draw(_rng(), 6, 1.0)]
    for function in (case.loss, case.gradient):
        np.testing.assert_array_equal(
            function(*(a[::2] for a in wide)), function(*(a[::2].copy() for a in wide))
        )


def batch_equals_loop(case: Case) -> None:
    """Each example's loss and gradient are what it would get alone."""
    for setting in case.settings:
        arrays = case.draw(_rng(), 9, 1.0)
        for function in (case.loss, case.gradient):
            alone = [function(*(a[i : i + 1] for a in arrays), **setting) for i in range(9)]
            np.testing.assert_allclose(function(*arrays, **setting), np.concatenate(alone))


def mask_equals_indexing(case: Case) -> None:
    """Masking examples out of the mean equals leaving them out, even where they are NaN."""
    for setting in case.settings:
        arrays = [a.copy() for a in case.draw(_rng(), 12, 1.0)]
        mask = np.arange(12) % 3 != 0
        expected = weighted_mean(case.loss(*(a[mask] for a in arrays), **setting))
        for position in _float_arguments(case):
            arrays[position][~mask] = math.nan
        masked = weighted_mean(case.loss(*arrays, **setting), mask=mask)
        np.testing.assert_allclose(masked, expected, rtol=1e-12)


def leaves_inputs_unchanged(case: Case) -> None:
    """No call writes into its arguments."""
    for setting in case.settings:
        arrays = case.draw(_rng(), 6, 1.0)
        for function in (case.loss, case.gradient):
            frozen = [a.copy() for a in arrays]
            for array in frozen:
                array.setflags(write=False)
            function(*frozen, **setting)
            for library in ("numpy", "torch"):
                inputs = [make(library, "float64", a) for a in arrays]
                function(*inputs, **setting)
                for after, before in zip(inputs, arrays, strict=True):
                    np.testing.assert_array_equal(read(after), before)


def minimiser_is_the_statistic(case: Case) -> None:
    """The constant that minimises the mean loss of a skewed sample is the declared statistic."""
    targets = _rng().gamma(1.0, 2.0, size=101)
    for setting in case.settings:
        found = minimize_scalar(
            lambda c, setting=setting: case.loss(
                np.full_like(targets, c), targets, **setting
            ).mean(),
            bounds=(targets.min(), targets.max()),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert found.x == pytest.approx(case.statistic(targets, **setting), rel=1e-5)


def identities_hold(case: Case) -> None:
    """The declared relations to other functions hold."""
    for identity in case.identities:
        left, right = identity.sides(case.loss)
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-15, err_msg=identity.name)


def rejects_wrong_arrays(case: Case) -> None:
    """An argument of another kind, dtype, shape or library is an error that says so."""
    good = dict(zip(case.arrays, case.draw(_rng(), 3, 1.0), strict=True))
    for function in (case.loss, case.gradient):
        for position in _float_arguments(case):
            name = case.arrays[position]
            array = good[name]
            for error, bad, came in (
                (TypeError, array.astype(np.int64), "int64"),
                (TypeError, array.astype(np.complex128), "complex128"),
                (TypeError, array > 0, "bool"),
                (TypeError, torch.zeros(array.shape, dtype=torch.int32), "torch.int32"),
                (TypeError, array.tolist(), "list"),
                (TypeError, None, "NoneType"),
                (TypeError, 1.0, "float"),
                (TypeError, "1", "str"),
            ):
                _assert_refused(function, error, f"{name}: expected", came, {**good, name: bad})
            if len(good) > 1:
                # Of two arguments that do not fit, the later one is named: the first leads.
                named = name if position else next(n for n in case.arrays if n != name)
                lead = "|".join(case.arrays)
                for error, bad, came in (
                    (TypeError, array.astype(np.float32), "float32|float64"),
                    (TypeError, torch.as_tensor(array), "Tensor|ndarray"),
                    (ValueError, array[:, None], r"\(3, 1\)|\(3,\)"),
                    (ValueError, array[:2], r"\(2,\)|\(3,\)"),
                    (ValueError, array[:1], r"\(1,\)|\(3,\)"),
                ):
                    start = rf"{named}: expected .*as ({lead}) (is|has)"
                    _assert_refused(function, error, start, f"({came})", {**good, name: bad})


def rejects_wrong_hyperparameters(case: Case) -> None:
    """A hyperparameter of another kind, NaN, or out of its domain is an error that says so."""
    arrays = case.draw(_rng(), 3, 1.0)
    for function in (case.loss, case.gradient):
        with pytest.raises(TypeError):  # keyword-only: a third array is never a hyperparameter
            function(*arrays, 0.5)
        with pytest.raises(TypeError):
            function(*arrays, unknown=0.5)
        for name in case.hyperparameters:
            domain = CATALOGUE[case.name].parameters[name].domain
            for bad, came in (
                ("1", "str"),
                (None, "NoneType"),
                (True, "bool"),
                (np.True_, "bool"),
                (1j, "complex"),
                ([0.5], "list"),
                (np.full(3, 0.5), "ndarray"),
                (torch.tensor(0.5), "Tensor"),
            ):
                _refuse_value(function, TypeError, name, came, arrays, bad)
            outside = [domain.low - 1, domain.high + 1, math.nan, math.inf, -math.inf]
            outside += [end for end in (domain.low, domain.high) if end not in domain]
            for bad in outside:
                _refuse_value(function, ValueError, name, str(bad), arrays, bad)


def compiles_whole(case: Case) -> None:
    """torch.compile traces loss and gradient without a graph break."""
    tensors = [torch.as_tensor(a) for a in case.draw(_rng(), 6, 1.0)]
    for setting in case.settings:
        for function in (case.loss, case.gradient):
            torch._dynamo.reset()
            compiled = torch.compile(function, fullgraph=True, backend="eager")
            with warnings.catch_warnings():
                # Dynamo traces through the lru_cache of array-api-compat's type look-ups.
                warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools")
                out = compiled(*tensors, **setting)
            torch.testing.assert_close(out, function(*tensors, **setting), rtol=1e-12, atol=0)


SUITES: tuple[Callable[[Case], None], ...] = (
    matches_oracle,
    matches_exact_value,
    matches_exact_gradient,
    gradient_matches_autograd,
    gradient_matches_central_differences,
    kink_takes_declared_subgradient,
    limits_are_declared,
    nan_stays_visible,
    libraries_agree,
    keeps_dtype,
    keeps_shape,
    batch_equals_loop,
    mask_equals_indexing,
    leaves_inputs_unchanged,
    minimiser_is_the_statistic,
    identities_hold,
    rejects_wrong_arrays,
    rejects_wrong_hyperparameters,
)
"""The suites that mutants run through; `compiles_whole` is left out, being slow and about torch."""


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _float_arguments(case: Case) -> list[int]:
    """Return the positions of the arguments that hold floats."""
    arrays = case.draw(_rng(), 1, 1.0)
    return [i for i, a in enumerate(arrays) if np.issubdtype(a.dtype, np.floating)]


def _point_arrays(point: Point) -> list[np.ndarray]:
    return [np.asarray([value], dtype=np.float64) for value in point.arguments]


def _spread(upstream: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return one factor per example, in a shape that multiplies `like`."""
    return upstream.reshape(-1, *[1] * (like.ndim - 1))


def _autograd(case: Case, arrays: Any, setting: Setting, upstream: np.ndarray) -> np.ndarray:
    """Return torch's derivative of the upstream-weighted loss by the first argument."""
    first, *others = (torch.as_tensor(np.array(a)) for a in arrays)
    first.requires_grad_()
    case.loss(first, *others, **setting).backward(torch.as_tensor(upstream))
    return first.grad.numpy()


def _assert_close(actual: np.ndarray, desired: np.ndarray) -> None:
    np.testing.assert_allclose(actual, desired, rtol=1e-12, atol=1e-15)


def _assert_exact(case: Case, function: Callable[..., Any], exact: Callable[..., Any]) -> None:
    """Hold the function against exact numbers, example by example, in every format."""
    for library, dtype in FORMATS:
        precision = PRECISION[dtype]
        for setting in case.settings:
            for arrays in _rounded_draws(case, library, dtype):
                with np.errstate(over="ignore", invalid="raise", divide="raise"):
                    out = read(function(*arrays, **setting))
                values = [read(a) for a in arrays]
                expected = [
                    exact(case.exact, tuple(_plain(v[i]) for v in values), _key(setting))
                    for i in range(len(values[0]))
                ]
                _assert_rounded(out, np.asarray(expected), precision)


def _rounded_draws(case: Case, library: str, dtype: str) -> Iterator[list[Any]]:
    """Yield inputs in the dtype, at each scale and at zero."""
    for scale in SCALES:
        yield [make(library, dtype, a) for a in case.draw(_rng(2), 12, scale)]
    yield [make(library, dtype, np.zeros_like(a)) for a in case.draw(_rng(2), 1, 1.0)]


def _assert_rounded(out: np.ndarray, expected: np.ndarray, precision: Any) -> None:
    """Assert equality up to the format's rounding, underflow and overflow."""
    representable = np.abs(expected) < precision.largest * (1 - precision.rtol)
    overflown = np.abs(expected) > precision.largest * (1 + precision.rtol)
    np.testing.assert_allclose(
        out[representable],
        expected[representable],
        rtol=precision.rtol,
        atol=precision.tiny,
        err_msg=f"epsilon {precision.epsilon}",
    )
    assert np.array_equal(out[overflown], np.copysign(math.inf, expected[overflown]))


def _plain(value: np.ndarray) -> Any:
    """Return a number, or nested tuples of numbers: something a cache can key."""
    return tuple(map(_plain, value)) if np.ndim(value) else float(value)


def _key(setting: Setting) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(setting.items()))


def _exact_numbers(value: Any) -> Any:
    return [*map(_exact_numbers, value)] if isinstance(value, tuple) else mpmath.mpf(value)


@functools.cache
def _exact_value(exact: Callable[..., Any], arguments: tuple, setting: tuple) -> float:
    """Return the loss of one example to 60 digits, rounded to a float at the end."""
    with mpmath.workdps(60):
        return float(exact(*map(_exact_numbers, arguments), **dict(setting)))


@functools.cache
def _exact_gradient(exact: Callable[..., Any], arguments: tuple, setting: tuple) -> Any:
    """Return mpmath's derivative by the first argument, coordinate by coordinate."""
    with mpmath.workdps(60):
        first, *others = map(_exact_numbers, arguments)
        if not isinstance(first, list):
            return float(mpmath.diff(lambda x: exact(x, *others, **dict(setting)), first))
        return [
            float(
                mpmath.diff(
                    lambda x, k=k: exact(
                        [*first[:k], x, *first[k + 1 :]], *others, **dict(setting)
                    ),
                    first[k],
                )
            )
            for k in range(len(first))
        ]


def _assert_refused(
    function: Callable[..., Any], error: type, start: str, came: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(error, match=f"^{start}.*got {came}"):
        function(**arguments)


def _refuse_value(
    function: Callable[..., Any], error: type, name: str, came: str, arrays: Any, bad: Any
) -> None:
    with pytest.raises(error, match=f"^{name}: expected a (real )?number.*got ") as caught:
        function(*arrays, **{name: bad})
    assert str(caught.value).endswith(f"got {came}")
