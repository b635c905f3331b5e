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
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import expectile, gmean, norm

from losscourse.arrays import POSITIVE, REALS, Interval
from losscourse.catalogue import CATALOGUE, CLASSES, MARGIN, PREDICTION, RESIDUAL, TARGET
from tests.losscourse.losses.cases import CASES
from tests.losscourse.planned_pages import PLANNED

ROOT = Path(__file__).resolve().parents[2]
CASE = {case.name: case for case in CASES}


def _each(entries):
    return pytest.mark.parametrize("entry", entries, ids=lambda entry: entry.name)


def _has(variable):
    return [e for e in CATALOGUE.values() if e.formula is not None and e.variable == variable]


ENTRY = _each(CATALOGUE.values())
SCALAR = _each([e for e in CATALOGUE.values() if e.formula is not None])
RESIDUAL_LOSS = _each(_has(RESIDUAL))
OTHER = _each([e for e in CATALOGUE.values() if e not in _has(RESIDUAL)])

GRID = np.concatenate([np.linspace(-30, 30, 241), [-1e-3, 1e-3, 0.1, -1.345, 9.99]])


def _settings(entry):
    """Yield the defaults, then every combination of the examples."""
    yield {}
    names = list(entry.parameters)
    for values in itertools.product(*(entry.parameters[n].examples for n in names)):
        if names:
            yield dict(zip(names, values, strict=True))


def _symbols(entry, setting):
    return {p.symbol: setting.get(name, p.default) for name, p in entry.parameters.items()}


def _grid(entry):
    """Return values of the entry's variable: where it is defined."""
    return GRID[[x in entry.predictions for x in GRID]]


def _targets(entry):
    """Return the targets that stand for themselves in a formula; of the others, one will do."""
    return entry.targets if entry.variable == PREDICTION else (0.0,)


def _evaluate(expression, entry, setting, values, target=0.0):
    """Return a SymPy expression at the values, in 30 digits: apart from any NumPy code."""
    exact = expression.subs(
        {symbol: sympy.Rational(str(v)) for symbol, v in _symbols(entry, setting).items()}
    ).subs(TARGET, sympy.Rational(str(target)))
    function = sympy.lambdify(entry.variable, exact, modules="mpmath")
    with mpmath.workdps(30):
        return np.asarray([float(function(mpmath.mpf(float(x)))) for x in values])


def _of_variable(entry, function, setting, target=0.0):
    """Return the function of the entry's variable: residual, margin, or prediction at a target."""
    second = {RESIDUAL: 0.0, MARGIN: 1.0, PREDICTION: target}[entry.variable]
    return lambda x: function(
        np.asarray(x, float), np.full_like(np.asarray(x, float), second), **setting
    )


def _of_residual(function, setting):
    return lambda e: function(np.asarray(e, float), np.zeros_like(e, dtype=float), **setting)


@SCALAR
def test_formula_is_the_code(entry):
    for setting in _settings(entry):
        for target in _targets(entry):
            np.testing.assert_allclose(
                _of_variable(entry, entry.function, setting, target)(_grid(entry)),
                _evaluate(entry.formula, entry, setting, _grid(entry), target),
                rtol=1e-12,
                atol=1e-15,
            )


@SCALAR
def test_derivative_is_the_code(entry):
    for setting in _settings(entry):
        for target in _targets(entry):
            np.testing.assert_allclose(
                _of_variable(entry, entry.gradient, setting, target)(_grid(entry)),
                _evaluate(entry.derivative, entry, setting, _grid(entry), target),
                rtol=1e-12,
                atol=1e-15,
            )


@SCALAR
def test_derivative_is_that_of_the_formula(entry):
    derived = sympy.diff(entry.formula, entry.variable)
    for setting in _settings(entry):
        seams = np.asarray(CASE[entry.name].seams(**setting))
        grid = _grid(entry)
        distance = np.abs(grid[:, None] - np.append(seams, 0.0)).min(axis=1)
        smooth = grid[distance > 1e-9]
        for target in _targets(entry):
            np.testing.assert_allclose(
                _evaluate(derived, entry, setting, smooth, target),
                _evaluate(entry.derivative, entry, setting, smooth, target),
                rtol=1e-12,
                atol=1e-15,
            )


@SCALAR
def test_formula_uses_the_declared_symbols_alone(entry):
    declared = {p.symbol for p in entry.parameters.values()} | {entry.variable}
    declared |= {TARGET} if entry.variable == PREDICTION else set()
    assert entry.formula.free_symbols == declared
    assert entry.derivative.free_symbols <= declared


@SCALAR
def test_a_loss_of_the_prediction_names_targets(entry):
    assert bool(entry.targets) == (entry.variable == PREDICTION)


@ENTRY
def test_every_loss_has_one_formula_to_show(entry):
    """SymPy where it is of one number, else LaTeX; the derivative likewise."""
    assert (entry.formula is None) == bool(entry.display)
    if entry.gradient is None:
        assert entry.derivative is None
        assert not entry.display_gradient
    else:
        assert (entry.derivative is None) == bool(entry.display_gradient)
    assert (entry.gradient is None) == (entry.gradient_range is None)


@ENTRY
def test_parameters_and_defaults_are_the_signatures(entry):
    for function in CASE[entry.name].functions:
        signature = inspect.signature(function).parameters
        keyword_only = {n: p.default for n, p in signature.items() if p.kind is p.KEYWORD_ONLY}
        assert keyword_only == entry.defaults
    for parameter in entry.parameters.values():
        assert parameter.default in parameter.domain
        assert all(value in parameter.domain for value in parameter.examples)


@ENTRY
def test_function_and_gradient_are_the_cases(entry):
    assert entry.function is CASE[entry.name].loss
    assert entry.gradient is CASE[entry.name].gradient


@RESIDUAL_LOSS
def test_range_holds_and_its_lower_end_is_reached(entry):
    """Whether the range ends at all, the parameters may decide: one of the settings shows it."""
    ends = []
    for setting in _settings(entry):
        values = _of_residual(entry.function, setting)(GRID)
        assert all(float(v) in entry.range for v in values)
        far = _of_residual(entry.function, setting)(np.asarray([-math.inf, math.inf]))
        assert values.min() == pytest.approx(entry.range.low)
        ends.append(far.max())
    assert math.isinf(max(ends)) == math.isinf(entry.range.high)


def _draws(entry, seed=0, n=400):
    """Yield arrays of the case at each scale, as what the function takes."""
    case = CASE[entry.name]
    for scale in (1e-3, 1.0, 30.0, 1e4):
        arrays = case.draw(np.random.default_rng(seed), n, scale)
        yield [torch.as_tensor(a) for a in arrays] if case.torch_only else arrays


def _flat(out):
    """Return all numbers of a result."""
    parts = out if isinstance(out, tuple) else (out,)
    return np.concatenate([np.ravel(np.asarray(part)) for part in parts])


@OTHER
def test_range_holds_on_drawn_examples(entry):
    """Each end is held at every setting; one that is infinite is approached at one of them."""
    least, most = math.inf, -math.inf
    classes = np.shape(next(iter(_draws(entry)))[0])[-1]
    ends = (sympy.sympify(end) for end in (entry.range.low, entry.range.high))
    low, high = (float(end.subs(CLASSES, classes)) for end in ends)
    for setting in _settings(entry):
        drawn = [_flat(entry.function(*arrays, **setting)) for arrays in _draws(entry)]
        values = np.concatenate(drawn)
        slack = 1e-12 * (1 + np.abs(values).max())
        assert low - slack <= values.min()
        assert values.max() <= high + slack
        least, most = min(least, values.min()), max(most, values.max())
    assert least < -100 or not math.isinf(low)
    assert most > 100 or not math.isinf(high)


@RESIDUAL_LOSS
def test_gradient_range_holds_and_is_tight(entry):
    far = np.asarray([-1e12, 1e12])
    for setting in _settings(entry):
        low, high = (
            float(sympy.sympify(bound).subs(_symbols(entry, setting)))
            for bound in entry.gradient_range
        )
        gradient = _of_residual(entry.gradient, setting)
        values = gradient(np.concatenate([GRID, far]))
        steepest = GRID[[values[: GRID.size].argmin(), values[: GRID.size].argmax()]]
        near = steepest[:, None] + np.linspace(-0.25, 0.25, 5001)  # the next ones of the grid
        values = np.append(values, gradient(near.ravel()))
        assert low - 1e-12 <= values.min()
        assert values.max() <= high + 1e-12
        for bound, reached in ((low, values.min()), (high, values.max())):
            if math.isinf(bound):
                assert abs(reached) > 1e9
            else:
                assert reached == pytest.approx(bound)


@OTHER
def test_gradient_range_holds_on_drawn_examples(entry):
    """Each bound is held at every setting and, to a twentieth of the width, reached at one."""
    if entry.gradient is None:
        return
    gaps = []
    classes = np.shape(next(iter(_draws(entry)))[0])[-1]
    for setting in _settings(entry):
        low, high = (
            float(sympy.sympify(bound).subs(_symbols(entry, setting)).subs(CLASSES, classes))
            for bound in entry.gradient_range
        )
        drawn = [_flat(entry.gradient(*arrays, **setting)) for arrays in _draws(entry)]
        values = np.concatenate(drawn)
        assert low - 1e-9 <= values.min()
        assert values.max() <= high + 1e-9
        width = high - low if 0 < high - low < math.inf else 1.0
        gaps.append([_gap(low, values.min(), width), _gap(high, values.max(), width)])
    assert np.min(gaps, axis=0).max() <= 0.05


def _gap(bound, reached, width):
    """Return how far from its bound a gradient stays, as a part of the width between bounds."""
    if math.isinf(bound):
        return 0.0 if abs(reached) > 100 else math.inf
    return abs(reached - bound) / width


@ENTRY
def test_robust_means_a_bounded_gradient(entry):
    if entry.gradient_range is not None:
        bounds = [
            sympy.sympify(bound).subs(_symbols(entry, setting))
            for bound in entry.gradient_range
            for setting in _settings(entry)
        ]
        assert entry.robust == all(bound.is_finite for bound in bounds)


@SCALAR
@given(
    a=st.floats(-50, 50), b=st.floats(-50, 50), part=st.floats(0, 1), which=st.integers(0, 10**6)
)
def test_convexity(entry, a, b, part, which):
    settings = list(_settings(entry))
    targets = _targets(entry)
    assume(a in entry.predictions and b in entry.predictions)
    loss = _of_variable(
        entry,
        entry.function,
        settings[which % len(settings)],
        targets[which // len(settings) % len(targets)],
    )
    between, chord = loss(part * a + (1 - part) * b), part * loss(a) + (1 - part) * loss(b)
    assert not entry.convex or between <= chord + 1e-9 * (1 + abs(chord))


@RESIDUAL_LOSS
def test_what_is_not_called_convex_is_not(entry):
    """Convex is a loss that is so at every setting."""
    convex = True
    for setting in _settings(entry):
        loss = _of_residual(entry.function, setting)
        middle, sides = loss(GRID), (loss(GRID - 0.5) + loss(GRID + 0.5)) / 2
        convex = convex and bool(np.all(middle <= sides + 1e-9))
    assert entry.convex == convex


@OTHER
def test_convex_is_whether_every_chord_lies_above(entry):
    """Between two drawn predictions of the same examples, at every setting; if not convex, not."""
    violated = 0.0
    for setting in _settings(entry):
        for arrays, others in zip(_draws(entry), _draws(entry, seed=1), strict=True):
            ends = (arrays[0], others[0])
            middle, *sides = (
                _flat(entry.function(first, *arrays[1:], **setting))
                for first in ((ends[0] + ends[1]) / 2, *ends)
            )
            chord = (sides[0] + sides[1]) / 2
            violated = max(violated, float(((middle - chord) / (1 + np.abs(chord))).max()))
    assert entry.convex == (violated < 1e-9)


@SCALAR
def test_smoothness_counts_the_continuous_derivatives(entry):
    """At the seams the first derivatives agree from both sides, the next one jumps."""
    highest = 4 if entry.smoothness == sympy.oo else int(entry.smoothness) + 1
    for setting, target in itertools.product(_settings(entry), _targets(entry)):
        jumps = np.zeros(highest + 1)
        for seam in CASE[entry.name].seams(**setting):
            for order in range(highest + 1):
                left, right = (_one_sided(entry, setting, target, seam, order, s) for s in (-1, 1))
                jumps[order] = max(jumps[order], abs(right - left))
        continuous = highest if entry.smoothness == sympy.oo else int(entry.smoothness)
        assert jumps[: continuous + 1].max() < 1e-6
        assert entry.smoothness == sympy.oo or jumps[continuous + 1] > 1e-2


def _one_sided(entry, setting, target, at, order, side):
    """Return a derivative of the case's exact loss, by differences on one side of `at`."""
    exact = CASE[entry.name].exact
    second = {RESIDUAL: 0.0, MARGIN: 1.0, PREDICTION: target}[entry.variable]
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -10
        start = mpmath.mpf(at)
        terms = (
            (-1) ** k
            * mpmath.binomial(order, k)
            * exact(start + side * (k + 1) * step, mpmath.mpf(second), **setting)
            for k in range(order + 1)
        )
        return float(mpmath.fsum(terms) * (-1) ** order * side**order / step**order)


@RESIDUAL_LOSS
def test_at_chance_is_the_best_constants_loss_on_a_standard_normal(entry):
    def expected_loss(constant):
        def integrand(y):
            return float(entry.function(np.asarray(constant), np.asarray(y))) * norm.pdf(y)

        kinks = sorted({constant, constant - 1, constant + 1})
        return quad(integrand, -12, 12, points=kinks, epsabs=1e-10)[0]

    best = minimize_scalar(expected_loss, bounds=(-3, 3), method="bounded", options={"xatol": 1e-6})
    assert entry.at_chance == pytest.approx(best.fun, abs=1e-7)


@OTHER
def test_at_chance_is_the_mean_loss_of_the_cases_balanced_guess(entry):
    chance = CASE[entry.name].chance
    assert (entry.at_chance is None) == (chance is None)
    if chance is not None:
        arrays = chance()
        classes = arrays[0].shape[-1]
        expected = float(sympy.sympify(entry.at_chance).subs(CLASSES, classes))
        assert float(np.mean(entry.function(*arrays))) == pytest.approx(expected, abs=1e-12)


@RESIDUAL_LOSS
@given(residual=st.floats(-20, 20), scale=st.floats(0.1, 10), which=st.integers(0, 10**6))
def test_unit_tells_how_the_loss_scales_with_the_target(entry, residual, scale, which):
    """In another unit, residuals and parameters with that unit change by the same factor."""
    settings = [{**entry.defaults, **setting} for setting in _settings(entry)]
    setting = settings[which % len(settings)]
    scaled = {
        name: value * scale if entry.parameters[name].unit == "target" else value
        for name, value in setting.items()
    }
    power = {"target": 1, "target²": 2, "none": 0}[entry.unit]
    if entry.unit != "none" or scaled != setting:
        np.testing.assert_allclose(
            _of_residual(entry.function, scaled)(scale * residual),
            scale**power * _of_residual(entry.function, setting)(residual),
            rtol=1e-9,
            atol=1e-12,
        )


@RESIDUAL_LOSS
def test_a_loss_without_unit_scales_like_none(entry):
    loss = _of_residual(entry.function, {})
    ratios = loss(np.asarray([2.0, 20.0])) / loss(np.asarray([1.0, 10.0]))
    homogeneous = np.ptp(ratios) < 1e-9
    has_unit = any(p.unit == "target" for p in entry.parameters.values())
    assert entry.unit in ("target", "target²", "none")
    assert has_unit or (entry.unit == "none") == (not homogeneous)


@OTHER
def test_unit_is_one_of_the_known(entry):
    assert entry.unit in ("target", "target²", "nats", "none")


STATISTICS = {
    "mean": lambda sample, setting: np.mean(sample, axis=0),
    "median": lambda sample, setting: np.median(sample, axis=0),
    "quantile": lambda sample, setting: np.quantile(
        sample, setting.get("quantile", 0.5), method="inverted_cdf"
    ),
    "expectile": lambda sample, setting: expectile(sample, alpha=setting.get("level", 0.9)),
    "weighted median": lambda sample, setting: min(
        sample, key=lambda constant: np.mean(np.abs(constant / sample - 1))
    ),
    "shifted geometric mean": lambda sample, setting: gmean(1 + sample) - 1,
    "class frequencies": lambda sample, setting: _frequencies(sample),
    "top-one probabilities": lambda sample, setting: softmax(sample, axis=-1).mean(axis=0),
}


def _frequencies(sample):
    """Return the mean of distributions, or how often each label comes, at each place."""
    if np.issubdtype(sample.dtype, np.floating):
        return sample.mean(axis=0)
    return np.stack([np.mean(sample == k, axis=0) for k in range(sample.max() + 1)], axis=-1)


@ENTRY
def test_elicits_names_the_cases_statistic(entry):
    """The suites hold the case's statistic against the minimiser; here it gets its name."""
    case = CASE[entry.name]
    assert (entry.elicits is None) == (case.statistic is None)
    if entry.elicits is None:
        return
    others = case.sample(np.random.default_rng(5))
    if entry.elicits not in STATISTICS:
        # A location of its own: named for the loss, and neither mean nor median.
        assert entry.elicits.endswith(" location")
        named = (np.mean(others[-1]), np.median(others[-1]))
        assert min(np.abs(case.statistic(*others) - value).min() for value in named) > 1e-2
        return
    for setting in case.settings:
        expected = STATISTICS[entry.elicits](others[0], setting)
        np.testing.assert_allclose(case.statistic(*others, **setting), expected, rtol=1e-6)


@ENTRY
def test_torch_call_gives_the_same_values(entry):
    case = CASE[entry.name]
    tensors = [torch.as_tensor(a) for a in case.draw(np.random.default_rng(0), 40, 3.0)]
    for setting in _settings(entry):
        ours = entry.function(*tensors, **setting)
        if entry.torch is None:
            assert not hasattr(F, entry.name)
            assert not hasattr(F, f"{entry.name}_loss")
            continue
        names = {"F": F, "torch": torch, **dict(zip(case.arrays, tensors, strict=True))}
        theirs = eval(entry.torch, {**names, **entry.defaults, **setting})
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15 * (1 + case.rounding))


@ENTRY
def test_references_are_in_the_bibliography(entry):
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, flags=re.MULTILINE))
    assert entry.references
    assert not set(entry.references) - keys


def _is_written(page):
    return (ROOT / "book" / f"{page}.md").is_file()


@ENTRY
def test_page_is_written_or_planned(entry):
    assert _is_written(entry.page) or entry.page in PLANNED


def test_no_written_page_is_still_planned():
    assert [page for page in PLANNED if _is_written(page)] == []
    assert len(set(PLANNED)) == len(PLANNED)


@ENTRY
def test_texts_are_filled_in(entry):
    assert entry.title
    assert entry.aliases
    assert entry.use.endswith(".")
    assert all(parameter.meaning for parameter in entry.parameters.values())


def test_entries_are_named_for_their_functions():
    assert all(name == entry.function.__name__ for name, entry in CATALOGUE.items())
    for entry in CATALOGUE.values():
        assert entry.gradient is None or entry.gradient.__name__ == f"{entry.name}_grad"
        module, _, name = entry.qualified_name.rpartition(".")
        assert getattr(__import__(module, fromlist=[name]), name) is entry.function
    titles = [entry.title for entry in CATALOGUE.values()]
    assert len(set(titles)) == len(titles)


def test_no_entry_replaces_another():
    """Two families cannot have a loss of one name: the catalogue is keyed by it."""
    assert len(CATALOGUE) == len(CASES) == len(CASE)


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
    (test_range_holds_on_drawn_examples, "softmax_cross_entropy", {"range": Interval(0, 5)}),
    (test_range_holds_on_drawn_examples, "softmax_cross_entropy", {"range": REALS}),
    (test_range_holds_on_drawn_examples, "softmax_focal", {"range": Interval(1, math.inf)}),
    (
        test_gradient_range_holds_on_drawn_examples,
        "softmax_focal",
        {"gradient_range": (sympy.Integer(-1), sympy.Integer(1))},
    ),
    (
        test_gradient_range_holds_on_drawn_examples,
        "softmax_cross_entropy",
        {"gradient_range": (sympy.Integer(-2), sympy.Integer(2))},
    ),
    (
        test_gradient_range_holds_on_drawn_examples,
        "softmax_cross_entropy",
        {"gradient_range": (-sympy.oo, sympy.oo)},
    ),
    (
        test_convex_is_whether_every_chord_lies_above,
        "softmax_cross_entropy",
        {"convex": False},
    ),
    (test_convex_is_whether_every_chord_lies_above, "sigmoid_focal", {"convex": True}),
    (
        test_at_chance_is_the_mean_loss_of_the_cases_balanced_guess,
        "softmax_cross_entropy",
        {"at_chance": sympy.log(2)},
    ),
    (
        test_at_chance_is_the_mean_loss_of_the_cases_balanced_guess,
        "softmax_cross_entropy",
        {"at_chance": None},
    ),
    (test_unit_is_one_of_the_known, "softmax_cross_entropy", {"unit": "bits"}),
    (test_every_loss_has_one_formula_to_show, "softmax_cross_entropy", {"display": ""}),
    (test_every_loss_has_one_formula_to_show, "huber", {"display": "e"}),
    (test_every_loss_has_one_formula_to_show, "huber", {"gradient": None}),
    (test_every_loss_has_one_formula_to_show, "huber", {"gradient_range": None}),
    (test_every_loss_has_one_formula_to_show, "softmax_focal", {"display_gradient": ""}),
    (test_a_loss_of_the_prediction_names_targets, "sigmoid_focal", {"targets": ()}),
    (test_a_loss_of_the_prediction_names_targets, "huber", {"targets": (0.0,)}),
    (
        test_function_and_gradient_are_the_cases,
        "huber",
        {"gradient": CATALOGUE["pinball"].gradient},
    ),
    (test_function_and_gradient_are_the_cases, "softmax_focal", {"gradient": None}),
    (test_formula_is_the_code, "sigmoid_focal", {"formula": PREDICTION * TARGET}),
    (test_derivative_is_the_code, "sigmoid_focal", {"derivative": PREDICTION * TARGET}),
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
    (test_unit_tells_how_the_loss_scales_with_the_target, "huber", {"unit": "none"}),
    (test_a_loss_without_unit_scales_like_none, "log_cosh", {"unit": "target"}),
    (test_elicits_names_the_cases_statistic, "squared_error", {"elicits": "median"}),
    (test_elicits_names_the_cases_statistic, "squared_error", {"elicits": "my location"}),
    (test_elicits_names_the_cases_statistic, "pinball", {"elicits": "median"}),
    (test_elicits_names_the_cases_statistic, "pinball", {"elicits": None}),
    (test_elicits_names_the_cases_statistic, "sigmoid_focal", {"elicits": "mean"}),
    (test_elicits_names_the_cases_statistic, "softmax_cross_entropy", {"elicits": "median"}),
    (
        test_torch_call_gives_the_same_values,
        "huber",
        {"torch": 'F.smooth_l1_loss(predictions, targets, reduction="none", beta=delta)'},
    ),
    (test_torch_call_gives_the_same_values, "huber", {"torch": None}),
    (test_references_are_in_the_bibliography, "huber", {"references": ("nobody2000nothing",)}),
    (test_references_are_in_the_bibliography, "huber", {"references": ()}),
    (test_page_is_written_or_planned, "huber", {"page": "regression/nowhere"}),
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
