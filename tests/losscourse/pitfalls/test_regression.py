import math

import numpy as np
import pytest

from losscourse.losses.regression import (
    absolute_percentage_error,
    huber,
    huber_grad,
    mape,
    pinball,
    pinball_grad,
    squared_log_error,
)


def test_the_pinball_loss_is_positive_on_both_sides():
    """scikit-learn/scikit-learn#6076: negative errors gave -0.25 at the median."""
    errors = np.linspace(-1, 0, 101)
    assert pinball(errors, 0 * errors, quantile=0.5).mean() == pytest.approx(0.25, rel=1e-14)
    assert pinball(-errors, 0 * errors, quantile=0.5).mean() == pytest.approx(0.25, rel=1e-14)


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_the_quantile_weighs_the_side_below_the_target(quantile):
    """Nixtla/utilsforecast#63, ufal/npfl139#17: it acted as its complement."""
    below, above, target = np.asarray([2.0]), np.asarray([4.0]), np.asarray([3.0])
    assert pinball(below, target, quantile=quantile).tolist() == [pytest.approx(quantile)]
    assert pinball(above, target, quantile=quantile).tolist() == [pytest.approx(1 - quantile)]
    # Of a hundred targets, the loss is least at the quantile itself and not at the other one.
    targets = np.arange(100.0)
    at = np.full(100, 100 * quantile - 0.5)
    assert pinball_grad(at, targets, quantile=quantile).sum() == pytest.approx(0, abs=1e-12)
    losses = [
        pinball(np.full(100, x), targets, quantile=quantile).sum() for x in (at[0], 99 - at[0])
    ]
    assert losses[0] < losses[1] - 100


def test_huber_is_not_0_far_below_the_target():
    """marlbenchmark/on-policy#47: the linear branch asked for e > δ, not |e| > δ."""
    errors, zeros = np.asarray([-3.0, 3.0]), np.zeros(2)
    assert huber(errors, zeros, delta=2.0).tolist() == [4.0, 4.0]
    assert huber_grad(errors, zeros, delta=2.0).tolist() == [-2.0, 2.0]


@pytest.mark.parametrize("delta", [0.1, 1.0, 5.0])
def test_hubers_linear_branch_knows_delta(delta):
    """tensorforce/tensorforce#139: |e| - ½ was negative for small δ."""
    errors = np.asarray([np.nextafter(delta, 0), delta, np.nextafter(delta, 9), 3 * delta])
    losses = huber(errors, np.zeros(4), delta=delta)
    np.testing.assert_allclose(losses, delta**2 * np.asarray([0.5, 0.5, 0.5, 2.5]), rtol=1e-14)


def test_the_log_error_of_a_prediction_below_minus_1_is_an_error():
    """scikit-learn/scikit-learn#9963: refused only if all were negative, else NaN."""
    targets = np.asarray([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"^predictions: expected values in \(-1, ∞\), got -2.0$"):
        squared_log_error(np.asarray([1.0, -2.0, 3.0]), targets)


def test_the_log_error_of_a_prediction_between_minus_1_and_0_is_none():
    """scikit-learn/scikit-learn#29678: log(1 + x) is defined there."""
    loss = squared_log_error(np.asarray([-0.5]), np.asarray([1.0]))
    assert loss.tolist() == [pytest.approx(math.log(4) ** 2, rel=1e-14)]


def test_a_percentage_of_nothing_is_an_error():
    """biolab/orange3#7041, Nixtla/utilsforecast#86: an arbitrary large number, or 0, hid it."""
    predictions, targets = np.asarray([5.0, 3.0]), np.asarray([4.0, 0.0])
    for loss in (absolute_percentage_error, mape):
        with pytest.raises(ValueError, match=r"^targets: expected values other than 0, got 0.0$"):
            loss(predictions, targets)
    assert float(mape(predictions, targets, mask=np.asarray([True, False]))) == 0.25
