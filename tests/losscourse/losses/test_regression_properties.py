"""Properties of the regression losses, for any residual and any hyperparameter."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse.catalogue import CATALOGUE, RESIDUAL
from losscourse.losses import regression
from tests.losscourse.libraries import PRECISION
from tests.losscourse.losses.cases import regression as cases

E = st.floats(-1e3, 1e3)
POSITIVE = st.floats(1e-3, 1e3)
PART = st.floats(0.01, 0.99)
TILTED = (regression.pinball, regression.expectile, regression.quantile_huber)
CASES = [
    case
    for case in cases.CASES
    if CATALOGUE[case.name].formula is not None and CATALOGUE[case.name].variable == RESIDUAL
]
SYMMETRIC = [case for case in CASES if case.loss not in TILTED]
CONVEX = [case for case in CASES if CATALOGUE[case.name].convex]


def value(loss, residual, **setting):
    """Return the loss of one residual as a Python float."""
    return float(loss(np.asarray([float(residual)]), np.zeros(1), **setting)[0])


def close(number):
    """Return a number to compare with, up to rounding."""
    return pytest.approx(number, rel=1e-9, abs=1e-12)


def above(number):
    """Return a number a little larger: rounding may lift what should lie at or below."""
    return number + 1e-9 * (1e-3 + abs(number))


@pytest.mark.parametrize("case", SYMMETRIC, ids=lambda case: case.name)
@given(e=E)
def test_symmetric(case, e):
    for setting in case.settings:
        assert value(case.loss, e, **setting) == value(case.loss, -e, **setting)
        assert value(case.gradient, e, **setting) == -value(case.gradient, -e, **setting)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@given(e=st.integers(-1000, 1000), shift=st.integers(-1000, 1000))
def test_only_the_residual_counts(case, e, shift):
    """Whole numbers, so that the shift itself does not round."""
    shifted = np.asarray([float(e + shift)]), np.asarray([float(shift)])
    for setting in case.settings:
        for function in (case.loss, case.gradient):
            assert float(function(*shifted, **setting)[0]) == value(function, e, **setting)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@given(a=E, b=E)
def test_grows_away_from_zero(case, a, b):
    near, far = sorted((abs(a), abs(b)))
    for setting in case.settings:
        assert value(case.loss, 0.0, **setting) == 0.0 <= value(case.loss, a, **setting)
        for side in (-1, 1):
            nearer, farther = (value(case.loss, side * e, **setting) for e in (near, far))
            assert nearer <= above(farther)


@pytest.mark.parametrize("case", CONVEX, ids=lambda case: case.name)
@given(a=E, b=E)
def test_the_gradient_of_a_convex_loss_never_falls(case, a, b):
    low, high = sorted((a, b))
    for setting in case.settings:
        assert value(case.gradient, low, **setting) <= above(value(case.gradient, high, **setting))


@pytest.mark.parametrize("case", CONVEX, ids=lambda case: case.name)
@given(a=E, b=E)
def test_lies_above_its_tangents(case, a, b):
    """What a gradient, or the declared subgradient, of a convex function means."""
    for setting in case.settings:
        tangent = value(case.loss, a, **setting) + value(case.gradient, a, **setting) * (b - a)
        assert tangent <= value(case.loss, b, **setting) + 1e-9 * (1 + a**2 + b**2)


@given(e=E, delta=POSITIVE, scale=POSITIVE)
def test_huber_carries_the_targets_unit(e, delta, scale):
    scaled = value(regression.huber, scale * e, delta=scale * delta)
    assert scaled == close(scale**2 * value(regression.huber, e, delta=delta))


@given(e=E, beta=POSITIVE, scale=POSITIVE)
def test_smooth_l1_carries_the_targets_unit(e, beta, scale):
    scaled = value(regression.smooth_l1, scale * e, beta=scale * beta)
    assert scaled == close(scale * value(regression.smooth_l1, e, beta=beta))


@given(e=E, quantile=PART, scale=POSITIVE)
def test_pinball_is_positively_homogeneous(e, quantile, scale):
    scaled = value(regression.pinball, scale * e, quantile=quantile)
    assert scaled == close(scale * value(regression.pinball, e, quantile=quantile))


@given(e=E, quantile=PART)
def test_pinball_mirrors_at_one_minus_the_quantile(e, quantile):
    mirrored = value(regression.pinball, -e, quantile=1 - quantile)
    assert value(regression.pinball, e, quantile=quantile) == close(mirrored)


@given(e=E, delta=POSITIVE)
def test_huber_lies_below_its_neighbours_and_grows_with_delta(e, delta):
    huber = value(regression.huber, e, delta=delta)
    assert huber <= above(e**2 / 2)
    assert huber <= above(delta * abs(e))
    assert huber <= above(value(regression.huber, e, delta=2 * delta))


@given(e=E, delta=POSITIVE)
def test_huber_and_smooth_l1_are_one_loss(e, delta):
    assert value(regression.huber, e, delta=delta) == close(
        delta * value(regression.smooth_l1, e, beta=delta)
    )


@given(e=E)
def test_log_cosh_lies_between_the_absolute_error_less_log_2_and_the_parabola(e):
    loss = value(regression.log_cosh, e)
    assert abs(e) - np.log(2) <= above(loss)
    assert loss <= above(min(e**2 / 2, abs(e)))


@given(a=E, b=E)
def test_absolute_error_obeys_the_triangle_inequality(a, b):
    both = value(regression.absolute_error, a + b)
    assert both <= above(value(regression.absolute_error, a) + value(regression.absolute_error, b))


ALPHA = st.one_of(
    st.floats(-50, 4).map(lambda alpha: round(alpha, 9)),
    st.floats(0, 8).map(lambda power: -(10.0**power)),
    st.sampled_from((0.0, 2.0)).flatmap(lambda a: st.floats(-20, -1).map(lambda d: a + 10**d)),
    st.sampled_from((0.0, 2.0)).flatmap(lambda a: st.floats(-20, -1).map(lambda d: a - 10**d)),
)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@given(alpha=ALPHA, power=st.floats(-3, 1.5), scale=st.sampled_from((0.5, 1.0, 4.0)))
def test_general_robust_is_its_formula_at_any_alpha(dtype, alpha, power, scale):
    """Also beside 0 and 2, where the formula itself cancels, and where its square overflows."""
    precision = PRECISION[dtype]
    e = np.asarray([10.0**power]).astype(dtype)
    with mpmath.workdps(60):
        exact, width = mpmath.mpf(float(e[0])), abs(mpmath.mpf(alpha) - 2)
        expected = float(cases.exact_general(exact, 0, alpha, scale))
        bend = ((exact / scale) ** 2 / width + 1) ** (mpmath.mpf(alpha) / 2 - 1) if width else 1
        slope = float(exact / scale**2 * bend)
    found, steep = (
        float(function(e, 0 * e, alpha=alpha, scale=scale)[0])
        for function in (regression.general_robust, regression.general_robust_grad)
    )
    assert found == pytest.approx(expected, rel=4 * precision.rtol, abs=precision.tiny)
    assert steep == pytest.approx(slope, rel=4 * precision.rtol, abs=precision.rtol / scale)


@given(a=ALPHA, b=ALPHA, e=E, scale=POSITIVE)
def test_general_robust_grows_with_alpha(a, b, e, scale):
    low, high = sorted((a, b))
    smaller, larger = (
        value(regression.general_robust, e, alpha=alpha, scale=scale) for alpha in (low, high)
    )
    assert smaller <= above(larger)


@given(e=E, scale=POSITIVE)
def test_redescending_losses_are_bounded_and_fade(e, scale):
    for loss, bound in ((regression.welsch, 1.0), (regression.geman_mcclure, 2.0)):
        assert value(loss, e, scale=scale) <= min(bound, above((e / scale) ** 2 / 2))
    welsch = value(regression.welsch, e, scale=scale)
    assert welsch <= above(value(regression.geman_mcclure, e, scale=scale))


@given(e=E, quantile=PART, delta=POSITIVE)
def test_quantile_huber_lies_just_below_pinball(e, quantile, delta):
    smooth = value(regression.quantile_huber, e, quantile=quantile, delta=delta)
    sharp = value(regression.pinball, e, quantile=quantile)
    assert smooth <= above(sharp)
    assert sharp - smooth <= above(delta / 2 * max(quantile, 1 - quantile))


AMOUNT = st.floats(0.01, 1e3)


def of_pair(loss, prediction, target, **setting):
    """Return the loss of one prediction and its target as a Python float."""
    return float(loss(np.asarray([prediction]), np.asarray([target]), **setting)[0])


@given(p=E, y=AMOUNT, unit=st.one_of(st.floats(-1e3, -1e-3), st.floats(1e-3, 1e3)))
def test_percentages_have_no_unit(p, y, unit):
    error = of_pair(regression.absolute_percentage_error, p, y)
    assert of_pair(regression.absolute_percentage_error, unit * p, unit * y) == close(error)


@given(y=AMOUNT, factor=st.floats(0.01, 0.99))
def test_percentages_punish_too_high_more_than_too_low(y, factor):
    """Halving costs at most 1, as 0 does; doubling costs 1 and more of it costs more."""
    low = of_pair(regression.absolute_percentage_error, factor * y, y)
    assert low < 1
    assert low < of_pair(regression.absolute_percentage_error, y / factor, y)


@given(p=AMOUNT, y=AMOUNT, factor=st.floats(0.1, 10))
def test_squared_log_error_sees_the_ratio_alone(p, y, factor):
    """Of one more than each: both sides may be multiplied, and exchanged."""
    error = of_pair(regression.squared_log_error, p - 1, y - 1)
    near = pytest.approx(error, rel=1e-6, abs=1e-12)
    assert of_pair(regression.squared_log_error, factor * p - 1, factor * y - 1) == near
    assert of_pair(regression.squared_log_error, y - 1, p - 1) == near


LOG = st.floats(-5, 5)


def of_three(loss, centre, log_spread, target):
    """Return the loss of one target under one distribution as a Python float."""
    return float(loss(*(np.asarray([x]) for x in (centre, log_spread, target)))[0])


@pytest.mark.parametrize(
    ("loss", "power"),
    [
        (regression.gaussian_negative_log_likelihood, 2),
        (regression.laplace_negative_log_likelihood, 1),
    ],
)
@given(e=st.floats(-50, 50), log=LOG, shift=st.floats(-50, 50), unit=LOG)
def test_a_density_follows_its_location_and_unit(loss, power, e, log, shift, unit):
    """Another unit of the target changes its density by the unit: the loss by its logarithm."""
    at_zero = of_three(loss, e, log, 0.0)
    factor = np.exp(unit)
    near = pytest.approx(at_zero, rel=1e-6, abs=1e-6)
    assert of_three(loss, e + shift, log, shift) == near
    assert of_three(loss, factor * e, log + power * unit, 0.0) - unit == near


@pytest.mark.parametrize(
    ("loss", "power"),
    [
        (regression.gaussian_negative_log_likelihood, 2),
        (regression.laplace_negative_log_likelihood, 1),
    ],
)
@given(e=st.floats(0.01, 100), log=LOG)
def test_the_best_spread_of_one_target_is_its_distance(loss, power, e, log):
    best = of_three(loss, e, power * np.log(e), 0.0)
    assert best <= above(of_three(loss, e, log, 0.0))


LOG_MEAN = (
    (regression.poisson_negative_log_likelihood, {}),
    (regression.gamma_negative_log_likelihood, {}),
    (regression.tweedie_negative_log_likelihood, {"power": 1.3}),
)


@pytest.mark.parametrize(("loss", "setting"), LOG_MEAN)
@given(z=LOG, y=st.floats(0.01, 100), part=PART)
def test_a_log_mean_is_best_at_the_logarithm_of_the_target(loss, setting, z, y, part):
    best = of_pair(loss, np.log(y), y, **setting)
    nearer = np.log(y) + part * (z - np.log(y))
    assert best <= above(of_pair(loss, nearer, y, **setting))
    assert of_pair(loss, nearer, y, **setting) <= above(of_pair(loss, z, y, **setting))


@given(z=LOG, y=st.floats(0, 100), unit=LOG, power=st.floats(1.01, 1.99))
def test_tweedie_is_homogeneous_in_the_target(z, y, unit, power):
    tweedie = regression.tweedie_negative_log_likelihood
    moved = of_pair(tweedie, z + unit, np.exp(unit) * y, power=power)
    assert moved == close(np.exp((2 - power) * unit) * of_pair(tweedie, z, y, power=power))
