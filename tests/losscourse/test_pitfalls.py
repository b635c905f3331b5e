"""Numerical pitfalls that real libraries shipped: a test for each, named for what it guards.

The numbers are those of the course's table of pitfalls. Rows whose loss does not exist yet are in
AWAITED and fail there once it does.
"""

import importlib.util
import math
import re

import numpy as np
import pytest
import torch

from losscourse import optimizers, stable
from losscourse.catalogue import CATALOGUE
from losscourse.losses import regression
from losscourse.reduce import sequence_mean, sum_and_count, token_mean, weighted_mean

AWAITED = {
    2: "losscourse.losses.classification",
    4: "losscourse.losses.classification",
    5: "losscourse.losses.classification",
    7: "losscourse.losses.classification",
    8: "losscourse.losses.classification",
    11: "losscourse.losses.sequence",
    14: "losscourse.losses.divergence",
    18: "losscourse.losses.margin",
    19: "losscourse.optimizers.adam",
    20: "losscourse.optimizers.adamw",
    22: "losscourse.losses.classification",
}
"""Rows of the table, by number, and the module or function that each needs."""

ALL = pytest.mark.parametrize(
    "function",
    [f for entry in CATALOGUE.values() for f in (entry.function, entry.gradient)],
    ids=lambda function: function.__name__,
)


def test_01_nothing_selected_is_an_error_and_no_nan():
    losses, ignored = np.asarray([1.0, 2.0]), np.asarray([False, False])
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        weighted_mean(losses, mask=ignored)
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        token_mean(losses[None], mask=ignored[None])
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        sequence_mean(losses[None], mask=ignored[None])


def test_03_weighted_mean_divides_by_the_sum_of_the_weights():
    weighted, weights = np.asarray([5.6390, 4.9593]), np.asarray([6.0, 4.0])
    mean = weighted_mean(weighted / weights, weights=weights)
    assert float(mean) == pytest.approx(1.0598, abs=5e-5)
    assert float(mean) != pytest.approx(weighted.mean())


@pytest.mark.parametrize("x", [0.0, 1e-300, 1.0, 100.0, 1e4, 1e300])
@pytest.mark.parametrize("function", [stable.log_cosh, stable.softplus, stable.sqrt])
def test_06_gradient_is_finite_on_the_branch_not_taken(function, x):
    tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    function(tensor).backward()
    assert math.isfinite(tensor.grad)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("x", [-100, 100])
def test_09_log_cosh_does_not_overflow(x, dtype):
    predictions = np.asarray([x], dtype=dtype)
    loss = regression.log_cosh(predictions, np.zeros_like(predictions))
    np.testing.assert_allclose(loss, 99.30685, rtol=max(1e-7, float(np.finfo(dtype).eps)))
    assert regression.log_cosh_grad(predictions, 0 * predictions).tolist() == [math.copysign(1, x)]


def test_10_root_at_zero_has_a_finite_gradient():
    predictions = torch.ones(3, dtype=torch.float64, requires_grad=True)
    rmse = regression.rmse(predictions, torch.ones(3, dtype=torch.float64))
    rmse.backward()
    assert rmse.item() == 0.0
    assert predictions.grad.tolist() == [0.0, 0.0, 0.0]


@ALL
def test_12_a_column_against_a_row_is_an_error(function):
    for make in (np.zeros, torch.zeros):
        with pytest.raises(ValueError, match=r"targets: expected shape \(4,\).*got \(4, 1\)"):
            function(make(4), make((4, 1)))
        with pytest.raises(ValueError, match=r"targets: expected shape \(4, 1\).*got \(4,\)"):
            function(make((4, 1)), make(4))


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_13_smooth_l1_is_continuous_at_beta_and_huber_over_beta(beta):
    around = np.asarray([np.nextafter(beta, 0), beta, np.nextafter(beta, 9)])
    zeros = np.zeros(3)
    for sign in (-1, 1):
        values = regression.smooth_l1(sign * around, zeros, beta=beta)
        np.testing.assert_allclose(values, beta / 2, rtol=1e-15)
        slopes = regression.smooth_l1_grad(sign * around, zeros, beta=beta)
        np.testing.assert_allclose(slopes, sign, rtol=1e-15)
    e = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(
        regression.smooth_l1(e, 0 * e, beta=beta),
        regression.huber(e, 0 * e, delta=beta) / beta,
        rtol=1e-14,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("beta", [0.0, 1e-8, 1e-50])
def test_13_smooth_l1_at_a_vanishing_beta_is_the_absolute_error(beta, dtype):
    """1e-8 is 0 in float16, and 1e-50 in float32: no 0/0 there."""
    e = torch.tensor([-2.0, 0.0, 0.5], dtype=getattr(torch, dtype), requires_grad=True)
    loss = regression.smooth_l1(e, torch.zeros_like(e), beta=beta)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([2.0, 0.0, 0.5])
    assert e.grad.tolist() == [-1.0, 0.0, 1.0]
    gradient = regression.smooth_l1_grad(e.detach(), torch.zeros_like(e), beta=beta)
    assert gradient.tolist() == [-1.0, 0.0, 1.0]


def test_15_sums_and_counts_of_micro_batches_equal_the_batch():
    losses = np.asarray([1.0, 2.0, 3.0, 10.0])
    mask = np.asarray([True, True, True, False])
    halves = (slice(0, 2), slice(2, 4))
    sums, counts = zip(*(sum_and_count(losses[at], mask=mask[at]) for at in halves), strict=True)
    assert sum(sums) / sum(counts) == weighted_mean(losses, mask=mask) == 2.0
    mean_of_means = np.mean([weighted_mean(losses[at], mask=mask[at]) for at in halves])
    assert mean_of_means == 2.25


def test_16_token_mean_and_sequence_mean_differ_on_unequal_lengths():
    losses = np.asarray([[1.0, 1.0, 1.0], [5.0, 0.0, 0.0]])
    mask = np.asarray([[True, True, True], [True, False, False]])
    assert float(token_mean(losses, mask=mask)) == 2.0
    assert float(sequence_mean(losses, mask=mask)) == 3.0
    equal = np.ones((2, 3), bool)
    np.testing.assert_allclose(token_mean(losses, mask=equal), sequence_mean(losses, mask=equal))


@pytest.mark.parametrize("padding", [100.0, math.nan, math.inf])
def test_17_a_mask_is_on_the_numerator_and_the_denominator(padding):
    losses = np.asarray([[1.0, padding], [1.0, -50.0]])
    mask = np.asarray([[True, False], [True, False]])
    for mean in (weighted_mean, token_mean, sequence_mean):
        assert float(mean(losses, mask=mask)) == 1.0


@ALL
def test_21_inputs_are_unchanged_after_any_call(function):
    for make in (np.asarray, torch.tensor):
        predictions, targets = make([0.0, 2.0, -3.0]), make([0.5, 0.5, 0.5])
        function(predictions, targets)
        assert predictions.tolist() == [0.0, 2.0, -3.0]
        assert targets.tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("number", "needed"), AWAITED.items())
def test_row_still_awaits_its_loss(number, needed):
    module, _, name = needed.rpartition(".")
    is_there = (
        hasattr(optimizers, name)
        if module == optimizers.__name__
        else importlib.util.find_spec(needed) is not None
    )
    assert not is_there, f"{needed} exists: write the test of pitfall {number}"


def test_every_row_is_tested_or_awaited():
    tested = {int(m[1]) for name in globals() if (m := re.match(r"test_(\d\d)_", name))}
    assert tested | set(AWAITED) == set(range(1, 23))
    assert not tested & set(AWAITED)
