"""Properties of the regression losses, for any residual and any hyperparameter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse.catalogue import CATALOGUE
from losscourse.losses import regression
from tests.losscourse.losses.cases.regression import CASES

RESIDUAL = st.floats(-1e3, 1e3)
POSITIVE = st.floats(1e-3, 1e3)
PART = st.floats(0.01, 0.99)
TILTED = (regression.pinball, regression.expectile)
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
@given(e=RESIDUAL)
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
@given(a=RESIDUAL, b=RESIDUAL)
def test_grows_away_from_zero(case, a, b):
    near, far = sorted((abs(a), abs(b)))
    for setting in case.settings:
        assert value(case.loss, 0.0, **setting) == 0.0 <= value(case.loss, a, **setting)
        for side in (-1, 1):
            nearer, farther = (value(case.loss, side * e, **setting) for e in (near, far))
            assert nearer <= above(farther)


@pytest.mark.parametrize("case", CONVEX, ids=lambda case: case.name)
@given(a=RESIDUAL, b=RESIDUAL)
def test_the_gradient_of_a_convex_loss_never_falls(case, a, b):
    low, high = sorted((a, b))
    for setting in case.settings:
        assert value(case.gradient, low, **setting) <= above(value(case.gradient, high, **setting))


@pytest.mark.parametrize("case", CONVEX, ids=lambda case: case.name)
@given(a=RESIDUAL, b=RESIDUAL)
def test_lies_above_its_tangents(case, a, b):
    """What a gradient, or the declared subgradient, of a convex function means."""
    for setting in case.settings:
        tangent = value(case.loss, a, **setting) + value(case.gradient, a, **setting) * (b - a)
        assert tangent <= value(case.loss, b, **setting) + 1e-9 * (1 + a**2 + b**2)


@given(e=RESIDUAL, delta=POSITIVE, scale=POSITIVE)
def test_huber_carries_the_targets_unit(e, delta, scale):
    scaled = value(regression.huber, scale * e, delta=scale * delta)
    assert scaled == close(scale**2 * value(regression.huber, e, delta=delta))


@given(e=RESIDUAL, beta=POSITIVE, scale=POSITIVE)
def test_smooth_l1_carries_the_targets_unit(e, beta, scale):
    scaled = value(regression.smooth_l1, scale * e, beta=scale * beta)
    assert scaled == close(scale * value(regression.smooth_l1, e, beta=beta))


@given(e=RESIDUAL, quantile=PART, scale=POSITIVE)
def test_pinball_is_positively_homogeneous(e, quantile, scale):
    scaled = value(regression.pinball, scale * e, quantile=quantile)
    assert scaled == close(scale * value(regression.pinball, e, quantile=quantile))


@given(e=RESIDUAL, quantile=PART)
def test_pinball_mirrors_at_one_minus_the_quantile(e, quantile):
    mirrored = value(regression.pinball, -e, quantile=1 - quantile)
    assert value(regression.pinball, e, quantile=quantile) == close(mirrored)


@given(e=RESIDUAL, delta=POSITIVE)
def test_huber_lies_below_its_neighbours_and_grows_with_delta(e, delta):
    huber = value(regression.huber, e, delta=delta)
    assert huber <= above(e**2 / 2)
    assert huber <= above(delta * abs(e))
    assert huber <= above(value(regression.huber, e, delta=2 * delta))


@given(e=RESIDUAL, delta=POSITIVE)
def test_huber_and_smooth_l1_are_one_loss(e, delta):
    assert value(regression.huber, e, delta=delta) == close(
        delta * value(regression.smooth_l1, e, beta=delta)
    )


@given(e=RESIDUAL)
def test_log_cosh_lies_between_the_absolute_error_less_log_2_and_the_parabola(e):
    loss = value(regression.log_cosh, e)
    assert abs(e) - np.log(2) <= above(loss)
    assert loss <= above(min(e**2 / 2, abs(e)))


@given(a=RESIDUAL, b=RESIDUAL)
def test_absolute_error_obeys_the_triangle_inequality(a, b):
    both = value(regression.absolute_error, a + b)
    assert both <= above(value(regression.absolute_error, a) + value(regression.absolute_error, b))
