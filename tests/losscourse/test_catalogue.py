"""The catalogue: every claim of an entry held against the function that it describes."""

import dataclasses
import functools
import inspect
import itertools
import math
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from losscourse.arrays import POSITIVE, Interval
from losscourse.catalogue import CATALOGUE, RESIDUAL
from tests.losscourse.losses.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
CASE = {case.name: case for case in CASES}
ENTRY = pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)

RESIDUALS = np.concatenate([np.linspace(-30, 30, 241), [-1e-3, 1e-3, 0.1, -1.345, 9.99]])


def _settings(entry):
    """Yield the defaults, then every combination of the examples."""
    yield {}
    names = list(entry.parameters)
    for values in itertools.product(*(entry.parameters[n].examples for n in names)):
        if names:
            yield dict(zip(names, values, strict=True))


def _symbols(entry, setting):
    return {p.symbol: setting.get(name, p.default) for name, p in entry.parameters.items()}


def _evaluate(expression, entry, setting, residuals):
    """Return a SymPy expression at the residuals, in 30 digits: apart from any NumPy code."""
    exact = expression.subs(
        {symbol: sympy.Rational(str(v)) for symbol, v in _symbols(entry, setting).items()}
    )
    function = sympy.lambdify(RESIDUAL, exact, modules="mpmath")
    with mpmath.workdps(30):
        return np.asarray([float(function(mpmath.mpf(float(e)))) for e in residuals])


def _of_residual(function, setting):
    return lambda e: function(np.asarray(e, float), np.zeros_like(e, dtype=float), **setting)


@ENTRY
def test_formula_is_the_code(entry):
    for setting in _settings(entry):
        np.testing.assert_allclose(
            _of_residual(entry.function, setting)(RESIDUALS),
            _evaluate(entry.formula, entry, setting, RESIDUALS),
            rtol=1e-12,
            atol=1e-15,
        )


@ENTRY
def test_derivative_is_the_code(entry):
    for setting in _settings(entry):
        np.testing.assert_allclose(
            _of_residual(entry.gradient, setting)(RESIDUALS),
            _evaluate(entry.derivative, entry, setting, RESIDUALS),
            rtol=1e-12,
            atol=1e-15,
        )


@ENTRY
def test_derivative_is_that_of_the_formula(entry):
    derived = sympy.diff(entry.formula, RESIDUAL)
    for setting in _settings(entry):
        seams = np.asarray(CASE[entry.name].seams(**setting))
        distance = np.abs(RESIDUALS[:, None] - np.append(seams, 0.0)).min(axis=1)
        smooth = RESIDUALS[distance > 1e-9]
        np.testing.assert_allclose(
            _evaluate(derived, entry, setting, smooth),
            _evaluate(entry.derivative, entry, setting, smooth),
            rtol=1e-12,
            atol=1e-15,
        )


@ENTRY
def test_formula_uses_the_declared_symbols_alone(entry):
    declared = {p.symbol for p in entry.parameters.values()} | {RESIDUAL}
    assert entry.formula.free_symbols == declared
    assert entry.derivative.free_symbols <= declared


@ENTRY
def test_parameters_and_defaults_are_the_signatures(entry):
    for function in (entry.function, entry.gradient):
        signature = inspect.signature(function).parameters
        keyword_only = {n: p.default for n, p in signature.items() if p.kind is p.KEYWORD_ONLY}
        assert keyword_only == entry.defaults
    for parameter in entry.parameters.values():
        assert parameter.default in parameter.domain
        assert all(value in parameter.domain for value in parameter.examples)


@ENTRY
def test_range_holds_and_its_lower_end_is_reached(entry):
    for setting in _settings(entry):
        values = _of_residual(entry.function, setting)(RESIDUALS)
        assert all(float(v) in entry.range for v in values)
        far = _of_residual(entry.function, setting)(np.asarray([-1e12, 1e12]))
        assert values.min() == pytest.approx(entry.range.low)
        assert (far.max() > 1e9) == math.isinf(entry.range.high)


@ENTRY
def test_gradient_range_holds_and_is_tight(entry):
    far = np.asarray([-1e12, 1e12])
    for setting in _settings(entry):
        low, high = (
            float(sympy.sympify(bound).subs(_symbols(entry, setting)))
            for bound in entry.gradient_range
        )
        gradient = _of_residual(entry.gradient, setting)
        values = gradient(np.concatenate([RESIDUALS, far]))
        assert low - 1e-12 <= values.min()
        assert values.max() <= high + 1e-12
        for bound, reached in ((low, values.min()), (high, values.max())):
            if math.isinf(bound):
                assert abs(reached) > 1e9
            else:
                assert reached == pytest.approx(bound)


@ENTRY
def test_robust_means_a_bounded_gradient(entry):
    assert entry.robust == all(sympy.sympify(b).is_finite for b in entry.gradient_range)


@ENTRY
@given(
    a=st.floats(-50, 50), b=st.floats(-50, 50), part=st.floats(0, 1), which=st.integers(0, 10**6)
)
def test_convexity(entry, a, b, part, which):
    settings = list(_settings(entry))
    loss = _of_residual(entry.function, settings[which % len(settings)])
    between, chord = loss(part * a + (1 - part) * b), part * loss(a) + (1 - part) * loss(b)
    assert not entry.convex or between <= chord + 1e-9 * (1 + chord)


@ENTRY
def test_what_is_not_called_convex_is_not(entry):
    loss = _of_residual(entry.function, {})
    middle, sides = loss(RESIDUALS), (loss(RESIDUALS - 0.5) + loss(RESIDUALS + 0.5)) / 2
    assert entry.convex == bool(np.all(middle <= sides + 1e-9))


@ENTRY
def test_smoothness_counts_the_continuous_derivatives(entry):
    """At the seams the first derivatives agree from both sides, the next one jumps."""
    highest = 4 if entry.smoothness == sympy.oo else int(entry.smoothness) + 1
    for setting in _settings(entry):
        jumps = np.zeros(highest + 1)
        for seam in CASE[entry.name].seams(**setting):
            for order in range(highest + 1):
                left, right = (_one_sided(entry, setting, seam, order, s) for s in (-1, 1))
                jumps[order] = max(jumps[order], abs(right - left))
        continuous = highest if entry.smoothness == sympy.oo else int(entry.smoothness)
        assert jumps[: continuous + 1].max() < 1e-6
        assert entry.smoothness == sympy.oo or jumps[continuous + 1] > 1e-2


def _one_sided(entry, setting, at, order, side):
    """Return a derivative of the case's exact loss, by differences on one side of `at`."""
    exact = CASE[entry.name].exact
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -10
        start = mpmath.mpf(at)
        terms = (
            (-1) ** k
            * mpmath.binomial(order, k)
            * exact(start + side * (k + 1) * step, mpmath.mpf(0), **setting)
            for k in range(order + 1)
        )
        return float(mpmath.fsum(terms) * (-1) ** order * side**order / step**order)


@ENTRY
def test_at_chance_is_the_best_constants_loss_on_a_standard_normal(entry):
    def expected_loss(constant):
        def integrand(y):
            return float(entry.function(np.asarray(constant), np.asarray(y))) * norm.pdf(y)

        kinks = sorted({constant, constant - 1, constant + 1})
        return quad(integrand, -12, 12, points=kinks, epsabs=1e-10)[0]

    best = minimize_scalar(expected_loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-6})
    assert entry.at_chance == pytest.approx(best.fun, abs=1e-7)


@ENTRY
@given(residual=st.floats(-20, 20), scale=st.floats(0.1, 10), which=st.integers(0, 10**6))
def test_unit_tells_how_the_loss_scales_with_the_target(entry, residual, scale, which):
    """In another unit, residuals and parameters with that unit change by the same factor."""
    settings = [{**entry.defaults, **setting} for setting in _settings(entry)]
    setting = settings[which % len(settings)]
    scaled = {
        name: value * scale if entry.parameters[name].unit == "target" else value
        for name, value in setting.items()
    }
    power = {"target": 1, "target²": 2}.get(entry.unit)
    if power is not None:
        np.testing.assert_allclose(
            _of_residual(entry.function, scaled)(scale * residual),
            scale**power * _of_residual(entry.function, setting)(residual),
            rtol=1e-9,
            atol=1e-12,
        )


@ENTRY
def test_a_loss_without_unit_scales_like_none(entry):
    loss = _of_residual(entry.function, {})
    ratios = loss(np.asarray([2.0, 20.0])) / loss(np.asarray([1.0, 10.0]))
    homogeneous = np.ptp(ratios) < 1e-9
    has_unit = any(p.unit == "target" for p in entry.parameters.values())
    assert entry.unit in ("target", "target²", "none")
    assert (entry.unit == "none") == (not homogeneous and not has_unit)


STATISTICS = {
    "mean": lambda sample, setting: np.mean(sample),
    "median": lambda sample, setting: np.median(sample),
    "quantile": lambda sample, setting: np.quantile(
        sample, setting.get("quantile", 0.5), method="inverted_cdf"
    ),
}


@ENTRY
def test_elicits_names_the_cases_statistic(entry):
    """The suites hold the case's statistic against the minimiser; here it gets its name."""
    sample = np.random.default_rng(5).gamma(1.0, 2.0, size=101)
    case = CASE[entry.name]
    if entry.elicits not in STATISTICS:
        # A location of its own: named for the loss, and neither mean nor median.
        assert entry.elicits.endswith(" location")
        named = (np.mean(sample), np.median(sample))
        assert min(abs(case.statistic(sample) - value) for value in named) > 1e-2
        return
    for setting in case.settings:
        expected = STATISTICS[entry.elicits](sample, setting)
        assert case.statistic(sample, **setting) == pytest.approx(expected)


@ENTRY
def test_torch_call_gives_the_same_values(entry):
    rng = np.random.default_rng(0)
    predictions, targets = torch.tensor(rng.normal(size=(2, 40)) * 3)
    for setting in _settings(entry):
        ours = entry.function(predictions, targets, **setting)
        if entry.torch is None:
            assert not hasattr(F, entry.name)
            assert not hasattr(F, f"{entry.name}_loss")
            continue
        names = {"F": F, "predictions": predictions, "targets": targets}
        theirs = eval(entry.torch, {**names, **entry.defaults, **setting})
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


@ENTRY
def test_references_are_in_the_bibliography(entry):
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, flags=re.MULTILINE))
    assert entry.references
    assert not set(entry.references) - keys


@ENTRY
def test_page_exists(entry):
    assert (ROOT / "book" / f"{entry.page}.md").is_file()


@ENTRY
def test_texts_are_filled_in(entry):
    assert entry.title
    assert entry.aliases
    assert entry.use.endswith(".")
    assert all(parameter.meaning for parameter in entry.parameters.values())


def test_entries_are_named_for_their_functions():
    assert all(name == entry.function.__name__ for name, entry in CATALOGUE.items())
    assert all(entry.gradient.__name__ == f"{name}_grad" for name, entry in CATALOGUE.items())
    for entry in CATALOGUE.values():
        module, _, name = entry.qualified_name.rpartition(".")
        assert getattr(__import__(module, fromlist=[name]), name) is entry.function
    titles = [entry.title for entry in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)


def test_the_catalogue_cannot_be_written_to():
    with pytest.raises(TypeError):
        CATALOGUE["mine"] = None
    with pytest.raises(AttributeError):
        CATALOGUE["huber"].convex = False
    with pytest.raises(TypeError):
        CATALOGUE["huber"].parameters["delta"] = None


def _capped(right, cap):
    """Return the loss cut off at `cap`: no longer convex, no longer unbounded."""

    @functools.wraps(right)
    def capped(*arrays, **hyperparameters):
        return np.minimum(right(*arrays, **hyperparameters), cap)

    return capped


HUBER = CATALOGUE["huber"]
DELTA = HUBER.parameters["delta"]
WRONG_CLAIMS = (
    (test_formula_is_the_code, "huber", {"formula": 2 * HUBER.formula}),
    (test_derivative_is_the_code, "huber", {"derivative": -HUBER.derivative}),
    (test_derivative_is_that_of_the_formula, "huber", {"derivative": 2 * HUBER.derivative}),
    (test_formula_uses_the_declared_symbols_alone, "huber", {"formula": RESIDUAL**2 / 2}),
    (
        test_parameters_and_defaults_are_the_signatures,
        "huber",
        {"parameters": {"delta": dataclasses.replace(DELTA, default=1.345)}},
    ),
    (test_parameters_and_defaults_are_the_signatures, "huber", {"parameters": {}}),
    (
        test_parameters_and_defaults_are_the_signatures,
        "huber",
        {"parameters": {"delta": dataclasses.replace(DELTA, domain=Interval(0, 1))}},
    ),
    (test_range_holds_and_its_lower_end_is_reached, "huber", {"range": POSITIVE}),
    (
        test_range_holds_and_its_lower_end_is_reached,
        "huber",
        {"range": Interval(-1, math.inf)},
    ),
    (
        test_range_holds_and_its_lower_end_is_reached,
        "huber",
        {"function": _capped(HUBER.function, 2.0)},
    ),
    (test_gradient_range_holds_and_is_tight, "huber", {"gradient_range": (-1, 1)}),
    (
        test_gradient_range_holds_and_is_tight,
        "huber",
        {"gradient_range": (-2 * DELTA.symbol, 2 * DELTA.symbol)},
    ),
    (test_robust_means_a_bounded_gradient, "huber", {"robust": False}),
    (test_robust_means_a_bounded_gradient, "squared_error", {"robust": True}),
    (test_convexity, "huber", {"function": _capped(HUBER.function, 2.0)}),
    (test_what_is_not_called_convex_is_not, "huber", {"convex": False}),
    (test_smoothness_counts_the_continuous_derivatives, "huber", {"smoothness": sympy.oo}),
    (test_smoothness_counts_the_continuous_derivatives, "huber", {"smoothness": 0}),
    (test_smoothness_counts_the_continuous_derivatives, "pinball", {"smoothness": 1}),
    (test_smoothness_counts_the_continuous_derivatives, "log_cosh", {"smoothness": 1}),
    (
        test_at_chance_is_the_best_constants_loss_on_a_standard_normal,
        "huber",
        {"at_chance": HUBER.at_chance + 1e-4},
    ),
    (test_unit_tells_how_the_loss_scales_with_the_target, "huber", {"unit": "target"}),
    (test_a_loss_without_unit_scales_like_none, "huber", {"unit": "none"}),
    (test_a_loss_without_unit_scales_like_none, "log_cosh", {"unit": "target"}),
    (test_elicits_names_the_cases_statistic, "squared_error", {"elicits": "median"}),
    (test_elicits_names_the_cases_statistic, "squared_error", {"elicits": "my location"}),
    (test_elicits_names_the_cases_statistic, "pinball", {"elicits": "median"}),
    (
        test_torch_call_gives_the_same_values,
        "huber",
        {"torch": 'F.smooth_l1_loss(predictions, targets, reduction="none", beta=delta)'},
    ),
    (test_torch_call_gives_the_same_values, "huber", {"torch": None}),
    (test_references_are_in_the_bibliography, "huber", {"references": ("nobody2000nothing",)}),
    (test_references_are_in_the_bibliography, "huber", {"references": ()}),
    (test_page_exists, "huber", {"page": "regression/nowhere"}),
    (test_texts_are_filled_in, "huber", {"use": ""}),
)


@pytest.mark.parametrize(
    ("check", "name", "change"),
    WRONG_CLAIMS,
    ids=[f"{check.__name__}-{name}-{'-'.join(change)}" for check, name, change in WRONG_CLAIMS],
)
def test_a_wrong_claim_is_rejected(check, name, change):
    with pytest.raises(AssertionError):
        check(entry=dataclasses.replace(CATALOGUE[name], **change))


def test_every_check_of_an_entry_is_shown_to_fail():
    checks = {
        function
        for name, function in globals().items()
        if name.startswith("test_") and "entry" in inspect.signature(function).parameters
    }
    assert checks == {check for check, _, _ in WRONG_CLAIMS}
