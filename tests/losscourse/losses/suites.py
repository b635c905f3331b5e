"""The generic suites: each takes a Case and fails where its loss or gradient is wrong.

A suite is a plain function, so that the same code tests the losses and their mutants.
"""

import functools
import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy.optimize import minimize, minimize_scalar

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
            _assert_close(case, _call(case, case.loss, arrays, setting), oracle(*arrays, **setting))


def matches_exact_value(case: Case) -> None:
    """The value is mpmath's to a few roundings, in every dtype of every library."""
    _assert_exact(case, case.loss, _exact_losses)


def matches_exact_gradient(case: Case) -> None:
    """The gradient is mpmath's derivative to a few roundings, in every dtype of every library."""
    _assert_exact(case, case.gradient, _exact_gradients)


def gradient_matches_autograd(case: Case) -> None:
    """The gradient is what torch derives from the loss, for a non-uniform upstream gradient."""
    for setting in case.settings:
        for scale in SCALES:
            arrays = case.draw(_rng(), 20, scale)
            upstream = _upstream(case, 20)
            derived = _autograd(case, arrays, setting, upstream)
            gradients = _gradients(case, arrays, setting)
            assert len(derived) == len(gradients) == case.by
            for theirs, ours in zip(derived, gradients, strict=True):
                _assert_close(case, theirs, _spread(upstream, ours) * ours)


def gradient_matches_central_differences(case: Case) -> None:
    """The gradient is the central difference of the upstream-weighted sum, by each coordinate."""
    step = 1e-6
    for setting in case.settings:
        arrays = case.draw(_rng(), 8, 1.0)
        upstream = _upstream(case, 8)

        def objective(moved: tuple, upstream=upstream, setting=setting):
            losses = _call(case, case.loss, moved, setting)
            return float((_spread(upstream, losses) * losses).sum())

        for k, gradient in enumerate(_gradients(case, arrays, setting)):
            numeric = np.zeros_like(arrays[k])
            for index in np.ndindex(*numeric.shape):
                above, below = (tuple(a.copy() for a in arrays) for _ in range(2))
                above[k][index] += step
                below[k][index] -= step
                numeric[index] = (objective(above) - objective(below)) / (2 * step)
            analytic = _spread(upstream, gradient) * gradient
            np.testing.assert_allclose(analytic, numeric, rtol=1e-6, atol=1e-8)


def kink_takes_declared_subgradient(case: Case) -> None:
    """At a kink, gradient and autograd are the declared one, between the slopes of both sides."""
    step = 1e-7
    convex = CATALOGUE[case.name].convex
    for setting in case.settings:
        for point in case.kinks(**setting):
            arrays = _point_arrays(case, point)
            declared = np.ravel(point.gradient)
            if case.gradient is not None:
                found = _gradients(case, arrays, setting)[0]
                np.testing.assert_allclose(np.ravel(found), declared, atol=1e-12)
            derived = _autograd(case, arrays, setting, np.ones(1))[0]
            np.testing.assert_allclose(np.ravel(derived), declared, atol=1e-12)
            slopes = np.asarray(
                [_slopes(case, arrays, setting, k, step) for k in range(declared.size)]
            )
            jump = slopes[:, 1] - slopes[:, 0]
            assert np.abs(jump).max() > 1e-3, f"no kink at {point.arguments}: slopes {slopes}"
            assert not convex or jump.min() > -1e-6
            assert (slopes.min(axis=1) - 1e-6 <= declared).all()
            assert (declared <= slopes.max(axis=1) + 1e-6).all()


def limits_are_declared(case: Case) -> None:
    """At infinite arguments, value, gradient and autograd are the declared ones."""
    assert any(case.limits(**setting) for setting in case.settings), "no limit is declared"
    for setting in case.settings:
        for point in case.limits(**setting):
            arrays = _point_arrays(case, point)
            expected = np.asarray(point.gradient, dtype=np.float64)
            with np.errstate(invalid="raise"):
                value = _call(case, case.loss, arrays, setting)
                found = _gradients(case, arrays, setting)[:1] if case.gradient else ()
            np.testing.assert_allclose(np.ravel(value), [point.value], atol=1e-15)
            for gradient in (*found, _autograd(case, arrays, setting, np.ones(1))[0]):
                np.testing.assert_allclose(np.ravel(gradient), np.ravel(expected), atol=1e-15)


def nan_stays_visible(case: Case) -> None:
    """NaN in gives NaN out, in that example and in no other."""
    for setting in case.settings:
        for position in _float_arguments(case):
            arrays = [a.copy() for a in case.draw(_rng(), 4, 1.0)]
            arrays[position][2] = math.nan
            for function in case.functions:
                outs = _parts(_call(case, function, arrays, setting))
                if case.coupled or not case.per_example[position]:
                    assert all(np.isnan(out).any() for out in outs)
                    continue
                found = np.stack([np.isnan(out).reshape(4, -1).all(axis=1) for out in outs])
                some = np.stack([np.isnan(out).reshape(4, -1).any(axis=1) for out in outs])
                assert some.any(axis=0).tolist() == [False, False, True, False]
                assert found.any(axis=0).tolist() == [False, False, True, False]
                assert case.by > 1 or found.tolist() == some.tolist()


def libraries_agree(case: Case) -> None:
    """NumPy, torch and array-api-strict give the same numbers, each in its own arrays."""
    for dtype in ("float64", "float32"):
        rtol = PRECISION[dtype].rtol
        for setting in case.settings:
            arrays = case.draw(_rng(), 30, 1.0)
            for function in case.functions:
                results = {}
                for library in ("numpy", "torch", "strict"):
                    inputs = [make(library, dtype, a) for a in arrays]
                    outs = _parts(function(*inputs, **setting))
                    kinds = (np.ndarray, np.floating) if library == "numpy" else type(inputs[0])
                    assert all(isinstance(out, kinds) for out in outs)  # a scalar is none of arrays
                    results[library] = [read(out) for out in outs]
                for library in ("torch", "strict"):
                    for ours, numpys in zip(results[library], results["numpy"], strict=True):
                        atol = rtol * case.rounding
                        np.testing.assert_allclose(ours, numpys, rtol=rtol, atol=atol)


def keeps_dtype(case: Case) -> None:
    """The result has the dtype of the input, also for NumPy scalars as hyperparameters."""
    for library, dtype in _formats(case):
        inputs = [make(library, dtype, a) for a in case.draw(_rng(), 5, 1.0)]
        for setting in case.settings:
            scalars = {name: np.float64(value) for name, value in setting.items()}
            for function in case.functions:
                for values in (setting, scalars):
                    outs = _parts(function(*inputs, **values))
                    assert {dtype_name(out) for out in outs} == {dtype}


def keeps_shape(case: Case) -> None:
    """Any shape is kept: none, one element, no element, several axes, strided views."""
    shapes = ((), (1,), (0,), (0, 3), (2, 3), (2, 1, 3)) if case.any_leading_axes else ()
    libraries = ("torch",) if case.torch_only else ("numpy", "torch", "strict")
    for setting in _distinct(case):
        for shape in shapes:
            flat = case.draw(_rng(), math.prod(shape), 1.0)
            shaped = [
                a.reshape(shape + a.shape[1:]) if each else a
                for a, each in zip(flat, case.per_example, strict=True)
            ]
            for function in case.functions:
                rows = _parts(_call(case, function, flat, setting))
                for library in libraries:
                    inputs = [make(library, "float64", a) for a in shaped]
                    outs = _parts(function(*inputs, **setting))
                    like = [a.shape for a in inputs[: case.by]]
                    expected = [shape] if function is case.loss else like
                    assert [tuple(out.shape) for out in outs] == [*map(tuple, expected)]
                    for ours, theirs in zip(outs, rows, strict=True):
                        np.testing.assert_allclose(
                            read(ours).ravel(), theirs.ravel(), atol=1e-15 * case.rounding
                        )
    for library in libraries:
        for setting in _distinct(case):
            for n in case.batches:
                inputs = [make(library, "float64", a) for a in case.draw(_rng(), n, 1.0)]
                out = tuple(case.loss(*inputs, **setting).shape)
                assert out[:1] == (n,) or (case.coupled and out == ())
                if case.gradient is not None:
                    for k, gradient in enumerate(_parts(case.gradient(*inputs, **setting))):
                        assert gradient.shape == inputs[k].shape
    whole = case.draw(_rng(), 6, 1.0)
    wide = [a.repeat(2, axis=0) for a in whole]
    strided = [
        w[::2] if each else a for a, w, each in zip(whole, wide, case.per_example, strict=True)
    ]
    for function in case.functions:
        for ours, theirs in zip(
            _parts(_call(case, function, strided, {})),
            _parts(_call(case, function, whole, {})),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)


def batch_equals_loop(case: Case) -> None:
    """Each example's loss and gradient are what it would get alone."""
    for setting in case.settings:
        arrays = case.draw(_rng(), 9, 1.0)
        for function in case.functions:
            alone = [
                _parts(_call(case, function, _rows(case, arrays, slice(i, i + 1)), setting))
                for i in range(9)
            ]
            batch = _parts(_call(case, function, arrays, setting))
            for out, single in zip(batch, zip(*alone, strict=True), strict=True):
                np.testing.assert_allclose(out, np.concatenate(single), atol=1e-15 * case.rounding)


def mask_equals_indexing(case: Case) -> None:
    """Masking examples out of the mean equals leaving them out, even where they are NaN."""
    for setting in case.settings:
        arrays = [a.copy() for a in case.draw(_rng(), 12, 1.0)]
        mask = np.arange(12) % 3 != 0
        kept = _call(case, case.loss, _rows(case, arrays, mask), setting)
        for position in _float_arguments(case):
            if case.per_example[position]:
                arrays[position][~mask] = math.nan
        losses = _call(case, case.loss, arrays, setting)
        wide = np.broadcast_to(_spread(mask, losses), losses.shape)
        masked = weighted_mean(losses, mask=wide)
        np.testing.assert_allclose(masked, weighted_mean(kept), rtol=1e-12)


def leaves_inputs_unchanged(case: Case) -> None:
    """No call writes into its arguments."""
    for setting in case.settings:
        arrays = case.draw(_rng(), 6, 1.0)
        for function in case.functions:
            frozen = [a.copy() for a in arrays]
            for array in frozen:
                array.setflags(write=False)
            if not case.torch_only:
                function(*frozen, **setting)
            for library in ("torch",) if case.torch_only else ("numpy", "torch"):
                inputs = [make(library, "float64", a) for a in arrays]
                function(*inputs, **setting)
                for after, before in zip(inputs, arrays, strict=True):
                    np.testing.assert_array_equal(read(after), before)


def minimiser_is_the_statistic(case: Case) -> None:
    """The constant that minimises the mean loss of a skewed sample is the declared statistic."""
    others = case.sample(_rng())
    for setting in case.settings:
        found = case.link(_minimiser(case, others, setting))
        np.testing.assert_allclose(found, case.statistic(*others, **setting), rtol=1e-5)


def identities_hold(case: Case) -> None:
    """The declared relations to other functions hold."""
    for identity in case.identities:
        left, right = identity.sides(case.loss)
        atol = 1e-15 + PRECISION["float64"].rtol * case.rounding
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=atol, err_msg=identity.name)


def rejects_wrong_arrays(case: Case) -> None:
    """An argument of another kind, dtype, shape or library is an error that says so."""
    good = dict(zip(case.arrays, case.draw(_rng(), 3, 1.0), strict=True))
    floats = [case.arrays[position] for position in _float_arguments(case)]
    for function in case.functions:
        refused = functools.partial(_assert_refused, case, function)
        for name, array in good.items():
            is_float = name in floats
            for bad, came in (
                (array.astype(np.int64 if is_float else np.float64), r"(int|float)64"),
                (array.astype(np.complex128), "complex128"),
                (array > 0, "bool"),
                (
                    torch.zeros(array.shape, dtype=torch.int32 if is_float else torch.float32),
                    ".*32",
                ),
                (array.tolist(), "list"),
                (None, "NoneType"),
                (1.0, "float"),
                ("1", "str"),
            ):
                came = rf"(torch\.)?{came}"
                refused(TypeError, f"{name}: expected", came, {**good, name: bad})
        for name, bad, error, came, among in _misfits(case, good, floats):
            # Of two arguments that do not fit, the later one is named: the first leads, and is
            # named itself only where it has too many axes.
            leads = name == among[0]
            named = "|".join(among[1:] if leads else among[among.index(name) :])
            start = rf"({named}): expected .*as ({'|'.join(among)}) (is|has)"
            start = rf"({start}|{name}: expected shape)" if leads else start
            refused(error, start, f"({came})", {**good, name: bad})


def rejects_wrong_values(case: Case) -> None:
    """A label out of range, a sign that is none: an error that names the argument and the value."""
    for library in ("torch",) if case.torch_only else ("numpy", "torch", "strict"):
        for name, values in case.wrong_values.items():
            for value in values:
                arrays = [a.copy() for a in case.draw(_rng(), 3, 1.0)]
                arrays[case.arrays.index(name)].reshape(-1)[-1] = value
                inputs = [make(library, "float64", a) for a in arrays]
                for function in case.functions:
                    with pytest.raises(ValueError, match=f"^{name}: expected .*got "):
                        function(*inputs)


def rejects_wrong_hyperparameters(case: Case) -> None:
    """A hyperparameter of another kind, NaN, or out of its domain is an error that says so."""
    arrays = _inputs(case, case.draw(_rng(), 3, 1.0))
    for function in case.functions:
        with pytest.raises(TypeError):  # keyword-only: a further array is never a hyperparameter
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
    """torch.compile traces loss and gradient without a graph break.

    Called again with another value, a hyperparameter becomes a symbol: what looks at it breaks
    only then, so that one compiled function takes all settings.
    """
    tensors = [torch.as_tensor(a) for a in case.draw(_rng(), 6, 1.0)]
    for function in case.functions:
        torch._dynamo.reset()
        compiled = torch.compile(function, fullgraph=True, backend="eager")
        for setting in _distinct(case):
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
    rejects_wrong_values,
    rejects_wrong_hyperparameters,
)
"""The suites that mutants run through; `compiles_whole` is left out, being slow and about torch."""


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _formats(case: Case) -> list[tuple[str, str]]:
    """Return the libraries and dtypes that the case runs on."""
    return [f for f in FORMATS if f[0] == "torch" or not case.torch_only]


def _distinct(case: Case) -> list[Setting]:
    """Return the settings that differ once the defaults are filled in."""
    given = inspect.signature(case.loss).parameters
    defaults = {name: given[name].default for name in case.hyperparameters}
    return list({_key(defaults | dict(setting)): setting for setting in case.settings}.values())


def _inputs(case: Case, arrays: Any) -> list[Any]:
    """Return NumPy arrays as what the case takes: themselves, or torch's."""
    return [torch.as_tensor(np.array(a)) for a in arrays] if case.torch_only else list(arrays)


def _parts(out: Any) -> tuple[Any, ...]:
    """Return the arrays of a result: several where the gradient is by several arguments."""
    return out if isinstance(out, tuple) else (out,)


def _call(case: Case, function: Callable[..., Any], arrays: Any, setting: Setting) -> Any:
    """Return the result for NumPy arrays in NumPy arrays, also of a function of torch alone."""
    out = function(*_inputs(case, arrays), **setting)
    if not case.torch_only:
        return out
    return tuple(map(read, out)) if isinstance(out, tuple) else read(out)


def _gradients(case: Case, arrays: Any, setting: Setting) -> tuple[np.ndarray, ...]:
    return _parts(_call(case, case.gradient, arrays, setting))


def _rows(case: Case, arrays: Any, index: Any) -> list[np.ndarray]:
    """Return the examples at an index, and the shared arrays whole."""
    return [a[index] if each else a for a, each in zip(arrays, case.per_example, strict=True)]


def _float_arguments(case: Case) -> list[int]:
    """Return the positions of the arguments that hold floats."""
    arrays = case.draw(_rng(), max(case.batches), 1.0)
    return [i for i, a in enumerate(arrays) if np.issubdtype(a.dtype, np.floating)]


def _point_arrays(case: Case, point: Point) -> list[np.ndarray]:
    """Return a point's arguments as a batch of one, or whole where the examples are coupled.

    Whole numbers stay integers.
    """
    return [
        np.asarray([value] if each and not case.coupled else value)
        for value, each in zip(point.arguments, case.per_example, strict=True)
    ]


def _upstream(case: Case, n: int) -> np.ndarray:
    """Return one weight per example: 1 where the examples' losses hang together."""
    return np.ones(1) if case.coupled else _rng(1).uniform(-2, 2, size=n)


def _spread(upstream: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return one factor per example, in a shape that multiplies `like`."""
    return upstream.reshape(-1, *[1] * (like.ndim - 1)) if like.ndim else upstream.reshape(())


def _slopes(
    case: Case, arrays: list[np.ndarray], setting: Setting, k: int, step: float
) -> tuple[float, float]:
    """Return the slopes of a loss below and above, by coordinate k of its first argument."""

    def at(move: float) -> float:
        moved = arrays[0].copy()
        moved.reshape(-1)[k] += move
        return float(np.sum(_call(case, case.loss, [moved, *arrays[1:]], setting)))

    return (at(0) - at(-step)) / step, (at(step) - at(0)) / step


def _autograd(case: Case, arrays: Any, setting: Setting, upstream: np.ndarray) -> list[np.ndarray]:
    """Return torch's derivatives of the upstream-weighted loss by the first arguments."""
    tensors = [torch.as_tensor(np.array(a)) for a in arrays]
    for tensor in tensors[: case.by]:
        tensor.requires_grad_()
    losses = case.loss(*tensors, **setting)
    weights = torch.as_tensor(_spread(upstream, losses)).broadcast_to(losses.shape)
    losses.backward(weights)
    return [tensor.grad.numpy() for tensor in tensors[: case.by]]


def _minimiser(case: Case, others: tuple[np.ndarray, ...], setting: Setting) -> Any:
    """Return the constant prediction of the least mean loss: a number, or a row of them."""
    first, *_ = case.draw(_rng(), len(others[0]), 1.0)

    def predict(constant: Any) -> np.ndarray:
        return np.broadcast_to(np.reshape(constant, first.shape[1:]), first.shape).copy()

    def mean_loss(constant: Any) -> float:
        losses = _call(case, case.loss, [predict(constant), *others], setting)
        return float(losses.sum() / len(first))  # of an example, which may have several losses

    if first.ndim == 1:
        bounds = case.search or (others[0].min(), others[0].max())
        options = {"xatol": 1e-9}
        return minimize_scalar(mean_loss, bounds=bounds, method="bounded", options=options).x

    def slope(constant: np.ndarray) -> np.ndarray:
        return _gradients(case, [predict(constant), *others], setting)[0].mean(axis=0).ravel()

    start = np.zeros(math.prod(first.shape[1:]))
    found = minimize(mean_loss, start, jac=slope, method="BFGS", options={"gtol": 1e-9}).x
    return found.reshape(first.shape[1:])


def _misfits(
    case: Case, good: dict[str, Any], floats: list[str]
) -> Iterator[tuple[str, Any, type, str, list[str]]]:
    """Yield arguments that do not fit the others: name, array, error, what came, and the others.

    Where an argument stands alone (the one array of floats, the one with its axes), no dtype or
    shape can differ from the others'.
    """
    for name, array in good.items():
        if len(good) > 1 and not case.torch_only:
            yield name, torch.as_tensor(array), TypeError, "Tensor|ndarray", list(good)
        if len(floats) > 1 and name in floats:
            single = array.astype(np.float32)
            yield name, single, TypeError, r"(torch\.)?float(32|64)", floats
        batched = [n for n in good if n not in case.shared]
        if len(batched) > 1 and name in batched:
            for bad in (array[:, None], array[:2], array[:1]):
                yield name, bad, ValueError, r"\([\d, ]*\)", list(good)


def _assert_close(case: Case, actual: np.ndarray, desired: np.ndarray) -> None:
    atol = 1e-15 + PRECISION["float64"].rtol * case.rounding
    np.testing.assert_allclose(actual, desired, rtol=1e-12, atol=atol)


def _assert_exact(case: Case, function: Callable[..., Any], exact: Callable[..., Any]) -> None:
    """Hold the function against exact numbers, in every format."""
    if (function, case.exact) in _EXACT:  # a mutant of the loss leaves the gradient as it is
        return
    for library, dtype in _formats(case):
        for setting in case.settings:
            for arrays in _rounded_draws(case, library, dtype):
                with np.errstate(over="ignore", invalid="raise", divide="raise"):
                    outs = [read(out) for out in _parts(function(*arrays, **setting))]
                values = [read(a) for a in arrays]
                expected = exact(case, values, _key(setting))
                for out, right in zip(outs, expected, strict=True):
                    _assert_rounded(out, right, PRECISION[dtype], case.rounding)
    _EXACT.add((function, case.exact))


_EXACT: set[tuple[Callable[..., Any], Callable[..., Any]]] = set()
"""Functions that were found to have the exact values."""


def _rounded_draws(case: Case, library: str, dtype: str) -> Iterator[list[Any]]:
    """Yield inputs in the dtype, at each scale and in the corners: by default, at zero.

    Where each example stands alone, those of one shape come in one batch: fewer calls.
    """
    few = max(4, *case.batches) if case.coupled else 12  # coupled: mpmath needs all at once
    draws = [case.draw(_rng(2), few, scale) for scale in SCALES]
    if case.corners is None:
        one = case.draw(_rng(2), max(1, min(case.batches)), 1.0)
        draws.append(tuple(np.zeros_like(a) for a in one))
    else:
        draws += case.corners()
    for arrays in draws if case.coupled else _joined(case, draws):
        yield [make(library, dtype, a) for a in arrays]


def _joined(case: Case, draws: list[tuple[np.ndarray, ...]]) -> list[list[np.ndarray]]:
    """Return the draws joined along the examples, those of one shape together."""
    alike: dict[tuple, list[tuple[np.ndarray, ...]]] = {}
    for arrays in draws:
        kind = tuple(
            a.shape[1:] if each else a.tobytes()
            for a, each in zip(arrays, case.per_example, strict=True)
        )
        alike.setdefault(kind, []).append(arrays)
    return [
        [
            np.concatenate(parts) if each else parts[0]
            for parts, each in zip(zip(*group, strict=True), case.per_example, strict=True)
        ]
        for group in alike.values()
    ]


def _assert_rounded(out: np.ndarray, expected: np.ndarray, precision: Any, rounding: float) -> None:
    """Assert equality up to the format's rounding, underflow and overflow."""
    assert out.shape == expected.shape
    representable = np.abs(expected) < precision.largest * (1 - precision.rtol)
    overflown = np.abs(expected) > precision.largest * (1 + precision.rtol)
    np.testing.assert_allclose(
        out[representable],
        expected[representable],
        rtol=precision.rtol,
        atol=precision.tiny + precision.rtol * rounding,
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


def _examples(case: Case, values: list[np.ndarray]) -> list[tuple]:
    """Return the arguments of each example, or the whole batch where the examples are coupled."""
    if case.coupled:
        return [tuple(map(_plain, values))]
    count = next(len(v) for v, each in zip(values, case.per_example, strict=True) if each)
    return [
        tuple(_plain(v[i] if each else v) for v, each in zip(values, case.per_example, strict=True))
        for i in range(count)
    ]


def _exact_losses(case: Case, values: list[np.ndarray], setting: tuple) -> list[np.ndarray]:
    """Return mpmath's losses."""
    found = [_exact_value(case.exact, example, setting) for example in _examples(case, values)]
    return [np.asarray(found[0] if case.coupled else found, dtype=np.float64)]


def _exact_gradients(case: Case, values: list[np.ndarray], setting: tuple) -> list[np.ndarray]:
    """Return mpmath's derivatives by each of the first arguments."""
    found = [
        _exact_gradient(case.exact, example, setting, case.by)
        for example in _examples(case, values)
    ]
    by_argument = found[0] if case.coupled else zip(*found, strict=True)
    return [np.asarray(gradient, dtype=np.float64) for gradient in by_argument]


@functools.cache
def _exact_value(exact: Callable[..., Any], arguments: tuple, setting: tuple) -> Any:
    """Return the loss to 60 digits, rounded to floats at the end."""
    with mpmath.workdps(60):
        return _floats(exact(*map(_exact_numbers, arguments), **dict(setting)))


@functools.cache
def _exact_gradient(exact: Callable[..., Any], arguments: tuple, setting: tuple, by: int) -> list:
    """Return mpmath's derivatives of the summed loss, coordinate by coordinate."""
    with mpmath.workdps(60):
        numbers = [*map(_exact_numbers, arguments)]
        return [
            _derivatives(
                lambda x, k=k: _sum(exact(*numbers[:k], x, *numbers[k + 1 :], **dict(setting))),
                numbers[k],
            )
            for k in range(by)
        ]


def _derivatives(function: Callable[[Any], Any], at: Any) -> Any:
    """Return the derivative by a number, or by each number of nested lists."""
    if not isinstance(at, list):
        return float(mpmath.diff(function, at))
    return [
        _derivatives(lambda x, k=k: function([*at[:k], x, *at[k + 1 :]]), at[k])
        for k in range(len(at))
    ]


def _sum(losses: Any) -> Any:
    return mpmath.fsum(map(_sum, losses)) if isinstance(losses, list) else losses


def _floats(losses: Any) -> Any:
    return [*map(_floats, losses)] if isinstance(losses, list) else float(losses)


def _assert_refused(
    case: Case,
    function: Callable[..., Any],
    error: type,
    start: str,
    came: str,
    arguments: dict[str, Any],
) -> None:
    if case.torch_only:
        arguments = {
            name: torch.as_tensor(value) if isinstance(value, np.ndarray) else value
            for name, value in arguments.items()
        }
    with pytest.raises(error, match=f"^{start}.*got {came}"):
        function(**arguments)


def _refuse_value(
    function: Callable[..., Any], error: type, name: str, came: str, arrays: Any, bad: Any
) -> None:
    with pytest.raises(error, match=f"^{name}: expected a (real )?number.*got ") as caught:
        function(*arrays, **{name: bad})
    assert str(caught.value).endswith(f"got {came}")
