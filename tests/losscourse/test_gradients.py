"""gradients: central differences and the report, held against known derivatives and mutants."""

import math
import warnings

import numpy as np
import pytest
import sympy
import torch

from losscourse import gradients
from losscourse.catalogue import CATALOGUE, RESIDUAL
from losscourse.gradients import GradientReport, central_difference, check_gradient
from losscourse.losses import classification, regression
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, format_of, make, read
from tests.losscourse.mutants import Mutant, assert_rejected


def draw_point():
    """Return numbers of several sizes, afresh: a mutant may write into them."""
    return np.asarray([[0.5, -2.0, 30.0], [1e-3, 4.0, -0.25]])


def finds_known_derivatives(difference):
    """x³, by its exact derivative, to the error that the formula promises."""
    found = difference(lambda x: x**3, draw_point())
    np.testing.assert_allclose(found, 3 * draw_point() ** 2, rtol=1e-8, atol=1e-9)


def sums_what_the_function_returns(difference):
    """An element that moves several outputs collects all their slopes."""
    point = draw_point()
    found = difference(lambda x: x * x.sum(), draw_point())
    np.testing.assert_allclose(found, np.full_like(point, 2 * point.sum()), rtol=1e-8)


def follows_large_points(difference):
    """At 1e8 a step of 1e-5 would be lost in rounding."""
    np.testing.assert_allclose(difference(lambda x: x**2, np.asarray([1e8])), [2e8], rtol=1e-6)


def works_in_every_format(difference):
    for library, dtype in FORMATS:
        point = make(library, dtype, [0.5, -2.0])
        found = difference(lambda x: x * x, point)
        assert type(found) is type(point)
        assert dtype_name(found) == dtype
        tolerance = 10 * PRECISION[dtype].epsilon ** (2 / 3)
        np.testing.assert_allclose(read(found), [1.0, -4.0], rtol=tolerance)


def keeps_shape_and_point(difference):
    for shape in ((), (0,), (2, 1, 3)):
        point = np.full(shape, 2.0)
        found = difference(lambda x: 3 * x, point)
        assert found.shape == shape
        np.testing.assert_allclose(found, np.full(shape, 3.0))
        assert (point == 2.0).all()


def a_large_neighbour_costs_no_digits(difference):
    """The element at 1e6 must not drown the one at 1e-3 in the sum's rounding."""
    found = difference(lambda x: x**2, np.asarray([1e6, 1e-3]))
    np.testing.assert_allclose(found, [2e6, 2e-3], rtol=1e-8)


def refuses_what_is_no_float_array(difference):
    for bad in ([1.0], np.arange(3), 1.0):
        with pytest.raises(TypeError, match=r"^point: expected"):
            difference(lambda x: x, bad)
    with pytest.raises(TypeError, match=r"^function: expected an array of floats.*got float"):
        difference(lambda x: float(x.sum()), draw_point())


def leaves_autograd_alone(difference):
    """A point that autograd follows is a number here, and no warning is due."""
    point = torch.tensor([3.0, -1.0], dtype=torch.float64, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = difference(lambda x: x**2, point)
    assert not found.requires_grad
    np.testing.assert_allclose(found, [6.0, -2.0], rtol=1e-8)


DIFFERENCE_CHECKS = (
    finds_known_derivatives,
    sums_what_the_function_returns,
    follows_large_points,
    works_in_every_format,
    keeps_shape_and_point,
    a_large_neighbour_costs_no_digits,
    refuses_what_is_no_float_array,
    leaves_autograd_alone,
)


def _difference(step, *, forward=False, checked=True, jointly=False):
    """Return a wrong central difference for NumPy and the others, one fault at a time."""

    def difference(function, point):
        if checked:
            central_difference(function, point)
        flat = point.reshape(-1)
        slopes = []
        for i in range(len(flat)):
            h = step(abs(float(flat[i])))
            move = np.zeros(len(flat))
            move[slice(None) if jointly else i] = h
            above, below = (
                float(
                    read(
                        function((flat + make_like(point, sign * move)).reshape(point.shape))
                    ).sum()
                )
                for sign in (1, 0 if forward else -1)
            )
            slopes.append((above - below) / (h if forward else 2 * h))
        return make_like(point, np.asarray(slopes).reshape(point.shape))

    return difference


def make_like(point, values):
    """Return values in the library and dtype of the point."""
    return make(*format_of(point), values) if hasattr(point, "dtype") else values


def _in_place(function, point):
    found = central_difference(function, point)
    point *= 1.5
    return found


CUBE_ROOT = np.finfo(float).eps ** (1 / 3)

DIFFERENCE_MUTANTS = (
    Mutant("forward difference", _difference(lambda x: CUBE_ROOT * max(1, x), forward=True)),
    Mutant("one step for every size", _difference(lambda x: CUBE_ROOT)),
    Mutant("one step for every dtype", _difference(lambda x: 1e-6 * max(1, x))),
    Mutant("all elements at once", _difference(lambda x: CUBE_ROOT * max(1, x), jointly=True)),
    Mutant("not divided by 2", lambda f, x: 2 * central_difference(f, x)),
    Mutant("sign", lambda f, x: -central_difference(f, x)),
    Mutant("flattened", lambda f, x: central_difference(f, x).reshape(-1)),
    Mutant("graph kept", lambda f, x: central_difference(f, x) + 0 * x),
    Mutant("writes into the point", _in_place),
    Mutant("unchecked", _difference(lambda x: CUBE_ROOT * max(1, x), checked=False)),
    Mutant(
        "first output alone", lambda f, x: central_difference(lambda z: f(z).reshape(-1)[:1], x)
    ),
)


@pytest.mark.parametrize("check", DIFFERENCE_CHECKS, ids=lambda check: check.__name__)
def test_central_difference(check):
    check(central_difference)


def test_difference_mutants_are_rejected(request):
    assert_rejected(
        request, "central_difference", DIFFERENCE_CHECKS, DIFFERENCE_MUTANTS, table="gradients"
    )


def passes_the_gradients_of_the_losses(check):
    """Every gradient of a loss of the residual passes at points away from its kinks."""
    point = np.asarray([0.3, -0.6, 2.2, -7.1])
    for loss in CATALOGUE.values():
        if loss.variable == RESIDUAL and loss.formula is not None:
            targets = np.zeros_like(point)
            report = check(
                lambda x, f=loss.function, t=targets: f(x, t),
                lambda x, g=loss.gradient, t=targets: g(x, t),
                point,
            )
            assert report.correct, f"{loss.name}: {report}"


def names_the_worst_element(check):
    wrong = np.asarray([[0.0, 0.1, 0.0], [0.0, 0.0, -0.5]])
    report = check(lambda x: x**2, lambda x: 2 * x + wrong, draw_point())
    assert not report.correct
    assert report.index == (1, 2)
    assert report.gradient == pytest.approx(-1.0)
    assert report.numeric == pytest.approx(-0.5)
    for part in ("wrong", "[1, 2]", "gradient -1", "central difference -0.5"):
        assert part in str(report)


def sees_a_small_error(check):
    """A gradient that is off by a millionth of itself is wrong in float64."""
    assert not check(lambda x: x**2, lambda x: 2 * x * (1 + 1e-6), np.asarray([3.0, 1.0])).correct


def a_nan_is_wrong(check):
    report = check(lambda x: x**2, lambda x: np.where(x > 3, np.nan, 2 * x), draw_point())
    assert not report.correct
    assert math.isnan(report.gradient)


def judges_half_precision_by_its_own_rounding(check):
    point = torch.tensor([0.3, -1.7, 2.9], dtype=torch.float16)
    assert check(lambda x: x * x, lambda x: 2 * x, point).correct
    assert not check(lambda x: x * x, lambda x: 3 * x, point).correct


def takes_autograds_gradient(check):
    """The report is silent about a graph, too."""
    point = torch.tensor([0.3, -1.7], dtype=torch.float64, requires_grad=True)

    def derived(x):
        return torch.autograd.grad((x**2).sum(), x, create_graph=True)[0]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check(lambda x: x**2, derived, point)
    assert report.correct


def refuses_what_does_not_fit(check):
    with pytest.raises(ValueError, match=r"^gradient: expected shape \(2, 3\).*got \(6,\)"):
        check(lambda x: x**2, lambda x: (2 * x).reshape(-1), draw_point())
    with pytest.raises(TypeError, match=r"^gradient: expected dtype float64.*got float32"):
        check(lambda x: x**2, lambda x: (2 * x).astype(np.float32), draw_point())
    with pytest.raises(ValueError, match=r"^point: expected at least one element"):
        check(lambda x: x**2, lambda x: 2 * x, np.zeros((0, 2)))


REPORT_CHECKS = (
    passes_the_gradients_of_the_losses,
    names_the_worst_element,
    sees_a_small_error,
    a_nan_is_wrong,
    judges_half_precision_by_its_own_rounding,
    takes_autograds_gradient,
    refuses_what_does_not_fit,
)


def _report(change):
    """Return a checker whose report is changed."""

    def check(function, gradient, point):
        report = check_gradient(function, gradient, point)
        return GradientReport(**{**vars(report), **change(report)})

    return check


def _allowing(factor):
    def change(report):
        off = abs(report.gradient - report.numeric)
        return {"correct": off <= factor * report.allowed}

    return _report(change)


def _without_nan(function, gradient, point):
    return check_gradient(
        function, lambda x: np.nan_to_num(gradient(x), nan=float(2 * point.max())), point
    )


def _float64_for_all(function, gradient, point):
    report = check_gradient(function, gradient, point)
    off = abs(report.gradient - report.numeric)
    return GradientReport(**{**vars(report), "correct": off <= 1e-8 * max(1, abs(report.numeric))})


def _forgiving_shapes(function, gradient, point):
    return check_gradient(
        function, lambda x: gradient(x).reshape(x.shape).astype(x.dtype), np.asarray(point)
    )


REPORT_MUTANTS = (
    Mutant("always right", _report(lambda report: {"correct": True})),
    Mutant("always wrong", _report(lambda report: {"correct": False})),
    Mutant("names the first element", _report(lambda r: {"index": (0,) * len(r.index)})),
    Mutant("the two swapped", _report(lambda r: {"gradient": r.numeric, "numeric": r.gradient})),
    Mutant("a hundred times too generous", _allowing(1e4)),
    Mutant("a hundred times too strict", _allowing(1e-6)),
    Mutant("NaN passed over", _without_nan),
    Mutant("float64's rounding for all", _float64_for_all),
    Mutant("shapes and dtypes forgiven", _forgiving_shapes),
)


@pytest.mark.parametrize("check", REPORT_CHECKS, ids=lambda check: check.__name__)
def test_check_gradient(check):
    check(check_gradient)


def test_report_mutants_are_rejected(request):
    assert_rejected(request, "check_gradient", REPORT_CHECKS, REPORT_MUTANTS, table="reports")


def test_symbolic_derivative_is_the_gradient_that_the_catalogue_prints():
    for loss in CATALOGUE.values():
        if loss.formula is None:
            continue
        difference = gradients.symbolic_derivative(loss.function) - loss.derivative
        symbols = sorted(difference.free_symbols, key=str)
        for numbers in np.random.default_rng(0).uniform(0.2, 0.8, size=(5, len(symbols))):
            at = dict(zip(symbols, map(sympy.Float, numbers), strict=True))
            assert abs(float(difference.subs(at).doit())) < 1e-12, loss.name


def test_symbolic_derivative_refuses_what_has_no_formula():
    with pytest.raises(ValueError, match=r"^function: expected a loss of one number, got softmax"):
        gradients.symbolic_derivative(classification.softmax_cross_entropy)
    with pytest.raises(KeyError, match="function: expected a loss of the catalogue, got mse"):
        gradients.symbolic_derivative(regression.mse)
