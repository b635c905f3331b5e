import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from losscourse.losses.regression import (
    absolute_percentage_error,
    gamma_negative_log_likelihood,
    gaussian_negative_log_likelihood,
    huber,
    huber_grad,
    log_cosh,
    mape,
    pinball,
    pinball_grad,
    poisson_negative_log_likelihood,
    squared_log_error,
    tweedie_negative_log_likelihood,
)
from tests.losscourse.pitfalls.gradients import autograd


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


def test_tweedies_deviance_is_not_negative():
    """Nixtla/utilsforecast#270: -6.67 at a power of 1.5, for one of three terms was doubled."""
    means, targets, power = np.asarray([1.0, 4.0, 9.0]), np.asarray([4.0, 1.0, 9.0]), 1.5
    log_means = np.log(means)
    loss = tweedie_negative_log_likelihood(log_means, targets, power=power)
    deviance = 2 * (loss - tweedie_negative_log_likelihood(np.log(targets), targets, power=power))
    # 4 (√y - √μ)² / √μ
    np.testing.assert_allclose(deviance, [4.0, 2.0, 0.0], atol=1e-14)
    naive = -8 * np.sqrt(targets) + 2 * targets / np.sqrt(means) + 2 * np.sqrt(means)
    assert (naive < 0).all()


def test_the_gamma_loss_grows_with_the_mean():
    """OpenTabular/DeepTab#427: log(y/μ) for log(μ/y), -14.6 at μ = 1000 y."""
    log_means, target = np.log([2.0, 20.0, 2000.0]), np.asarray([2.0, 2.0, 2.0])
    loss = gamma_negative_log_likelihood(log_means, target)
    deviance = 2 * (loss - loss[0])
    expected = [2 * (math.log(r) + 1 / r - 1) for r in (1, 10, 1000)]
    np.testing.assert_allclose(deviance, expected, atol=1e-14)
    assert deviance[2] > 11


def test_the_gamma_loss_of_a_target_of_0_is_finite():
    """dmlc/xgboost#6723: log y at a target of 0 made each evaluation NaN."""
    log_means, target = np.asarray([-1000.0, 0.0, 3.0]), np.zeros(3)
    assert gamma_negative_log_likelihood(log_means, target).tolist() == [-1000.0, 0.0, 3.0]
    assert autograd(gamma_negative_log_likelihood, log_means, target).tolist() == [
        1.0,
        1.0,
        1.0,
    ]


def test_a_poisson_rate_of_0_costs_no_nan():
    """pytorch/pytorch#3336, pytorch/pytorch#184030: NaN from log(rate) at 0 and below."""
    log_rates, counts = np.asarray([-1000.0, -1000.0]), np.asarray([0.0, 4.0])
    assert np.exp(log_rates).tolist() == [0.0, 0.0]
    assert poisson_negative_log_likelihood(log_rates, counts).tolist() == [0.0, 4000.0]
    slope = autograd(poisson_negative_log_likelihood, log_rates, counts)
    assert slope.tolist() == [0.0, -4.0]
    assert poisson_negative_log_likelihood(np.asarray([-np.inf]), np.zeros(1)).tolist() == [0.0]
    rates = torch.exp(torch.as_tensor(log_rates))
    naive = rates - torch.as_tensor(counts) * torch.log(rates)
    assert torch.isnan(naive[0])
    assert torch.isinf(naive[1])


def test_the_poisson_loss_lacks_the_exact_constant_and_not_stirlings():
    """pytorch/pytorch#28575: rate 3, count 5: 2.29443 by the formula, 2.27779 by Stirling."""
    log_rate, count = np.log(np.asarray([3.0])), np.asarray([5.0])
    whole = poisson_negative_log_likelihood(log_rate, count) + math.lgamma(6)
    assert whole.tolist() == [pytest.approx(2.29443, abs=5e-6)]
    torchs = F.poisson_nll_loss(*map(torch.as_tensor, (log_rate, count)), full=True)
    assert float(torchs) == pytest.approx(2.27779, abs=5e-6)


@pytest.mark.parametrize("output", [-200.0, -3.0, 0.0, 200.0])
def test_any_output_is_the_logarithm_of_a_variance(output):
    """mattpoggi/mono-uncertainty#13: NaN from the logarithm of a negative output."""
    log_variance, mean, target = np.asarray([output]), np.asarray([1.0]), np.asarray([3.0])
    loss = gaussian_negative_log_likelihood(mean, log_variance, target)
    expected = (output + 4 * math.exp(-output) + math.log(2 * math.pi)) / 2
    assert loss.tolist() == [pytest.approx(expected, rel=1e-14)]
    fit = torch.as_tensor(mean)
    slope = autograd(lambda s: gaussian_negative_log_likelihood(fit, s, fit), log_variance)
    assert slope.tolist() == [0.5]


def test_a_small_variance_is_kept():
    """pytorch/pytorch#190058: torch's eps replaces a variance below it, and adds to none."""
    variances, fit = np.asarray([1e-12, 1.0]), np.zeros(2)
    losses = gaussian_negative_log_likelihood(fit, np.log(variances), fit)
    np.testing.assert_allclose(losses - math.log(2 * math.pi) / 2, np.log([1e-6, 1.0]), rtol=1e-14)
    torchs = F.gaussian_nll_loss(*map(torch.as_tensor, (fit, fit, variances)), reduction="none")
    np.testing.assert_allclose(torchs, np.log([1e-3, 1.0]), rtol=1e-14)


def test_the_gaussian_loss_is_one_of_each_element():
    """pytorch/pytorch#53964: summed over all axes but the first, even unreduced."""
    means, targets = np.zeros((2, 3, 4)), np.ones((2, 3, 4))
    assert gaussian_negative_log_likelihood(means, 0 * means, targets).shape == (2, 3, 4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_log_cosh_of_a_large_error_is_the_error_less_log_2(dtype):
    """Lightning-AI/torchmetrics#3488, JuliaAI/MLJBase.jl#437: cosh overflowed."""
    errors = np.asarray([100.0, -100.0, 712.0, 1e-2], dtype=dtype)
    expected = [100 - math.log(2), 100 - math.log(2), 712 - math.log(2), 0.5e-4]
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(log_cosh(errors, 0 * errors), expected, rtol=4 * eps + 2e-5)
    # The repair by logaddexp(e, -e) - log 2 loses small errors.
    small = np.asarray([1e-4], dtype="float32")
    assert log_cosh(small, 0 * small) == pytest.approx(0.5e-8, rel=1e-6)
    assert np.logaddexp(small, -small) - np.log(np.float32(2)) == pytest.approx(0, abs=1e-12)
