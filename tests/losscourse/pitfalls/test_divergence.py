import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import rel_entr

from losscourse import stable
from losscourse.losses.divergence import (
    crps_ensemble,
    expected_calibration_error,
    fair_crps_ensemble,
    forward_kl,
    jensen_shannon,
    reverse_kl,
)
from tests.losscourse.pitfalls.gradients import autograd


def test_a_target_of_0_leaves_the_divergence_and_its_gradients_finite():
    """google-deepmind/optax#1786, google-deepmind/optax#473: also where the prediction is 0 too."""
    log_probs = stable.log_softmax(np.asarray([[0.5, 1.0, 2.0, -math.inf]]))
    targets = np.asarray([[0.0, 0.4, 0.6, 0.0]])
    expected = rel_entr(targets, np.exp(log_probs)).sum(axis=-1)
    np.testing.assert_allclose(forward_kl(log_probs, targets), expected, rtol=1e-14)
    assert torch.isfinite(autograd(forward_kl, log_probs.tolist(), targets)).all()
    by_targets = autograd(lambda t, p: forward_kl(p, t), targets.tolist(), log_probs)
    assert torch.isfinite(by_targets).all()
    naive = autograd(lambda t: torch.where(t == 0, 0.0, t.log()) * t, targets.tolist())
    assert torch.isnan(naive).any()


def test_a_log_target_of_minus_infinity_costs_nothing_where_nothing_is_predicted():
    """google-deepmind/optax#1786: exp(-inf) · (-inf - x) is 0 · inf."""
    rows = np.asarray([[0.0, -math.inf]]), np.asarray([[math.log(0.5), -math.inf]])
    np.testing.assert_allclose(reverse_kl(*rows), math.log(2), rtol=1e-15)
    assert torch.isfinite(autograd(reverse_kl, rows[0].tolist(), rows[1])).all()


def test_jensen_shannon_of_near_distributions_is_no_negative_number():
    """scipy/scipy#20083: in float32 rounding made it negative, and its root NaN."""
    first = np.asarray([0.027501475, 0.055202297], dtype=np.float32)
    second = np.asarray([0.027537677, 0.055334348], dtype=np.float32)
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    assert (rel_entr(p, middle) + rel_entr(q, middle)).sum() < 0
    with mpmath.workdps(30):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(p, q, strict=True)]
        exact = sum(
            a * mpmath.log(2 * a / (a + b)) + b * mpmath.log(2 * b / (a + b)) for a, b in pairs
        )
    loss = jensen_shannon(np.log(p)[None], q[None])
    assert loss.dtype == np.float32
    assert float(loss[0]) == pytest.approx(float(exact / 2), rel=0.02)
    assert jensen_shannon(np.log(p)[None], p[None])[0] >= 0


@pytest.mark.parametrize("target", [-1.0, 0.5, 4.0])
def test_a_fair_ensemble_score_has_no_bias(target):
    """properscoring/properscoring#7, properscoring/properscoring#16: own pairs were counted."""
    values = [0.0, 1.0, 5.0]  # members are drawn evenly from these
    ensembles = np.asarray(list(itertools.product(values, repeat=3)))
    targets = np.full(len(ensembles), target)
    distance = np.mean([abs(x - target) for x in values])
    spread = np.mean([abs(x - y) for x in values for y in values])
    exact = distance - spread / 2
    assert fair_crps_ensemble(ensembles, targets).mean() == pytest.approx(exact, rel=1e-13)
    assert crps_ensemble(ensembles, targets).mean() == pytest.approx(exact + spread / 6, rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_confidence_of_1_belongs_to_the_last_bin(dtype):
    """Lightning-AI/torchmetrics#3510: a bin of its own made this 0.525."""
    probs = np.asarray([[0.05, 0.95], [0.0, 1.0]], dtype=dtype)
    error = expected_calibration_error(probs, np.asarray([1, 0]), bins=10)
    assert float(error) == pytest.approx(0.475, rel=1e-6)


@pytest.mark.parametrize("bins", [1, 2, 4, 10])
def test_the_lowest_confidence_counts_too(bins):
    """UKGovernmentBEIS/inspect_evals#2141: in the denominator, but in no bin."""
    probs = np.full((5, 4), 0.25)
    error = expected_calibration_error(probs, np.asarray([0, 0, 0, 0, 3]), bins=bins)
    assert float(error) == pytest.approx(0.8 - 0.25, rel=1e-14)


def test_a_token_that_both_rule_out_costs_nothing():
    """p-e-w/heretic#348: 0 · (-inf - -inf) in the divergence of suppressed tokens."""
    rows = np.asarray([[math.log(0.5), math.log(0.5), -math.inf]])
    others = np.asarray([[math.log(0.9), math.log(0.1), -math.inf]])
    expected = rel_entr(np.exp(others), np.exp(rows)).sum()
    assert float(forward_kl(rows, np.exp(others))[0]) == pytest.approx(expected, rel=1e-14)
    assert float(reverse_kl(others, rows)[0]) == pytest.approx(expected, rel=1e-14)
    tensors = torch.as_tensor(rows), torch.as_tensor(others)
    assert torch.isnan(F.kl_div(*tensors, log_target=True, reduction="none")).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_divergence_at_a_low_temperature_has_a_finite_gradient(dtype):
    """MakazhanAlpamys/Soup#719: probabilities that underflow, in the target's derivative."""
    student = torch.tensor([[10.0, 0.0, -10.0]], dtype=dtype)
    teacher = torch.tensor([[9.0, 1.0, -10.0]], dtype=dtype)

    def softened(z):
        return stable.log_softmax(z / 0.05)

    for loss in (
        lambda z: reverse_kl(softened(z), softened(teacher)),
        lambda z: jensen_shannon(softened(z), softened(teacher).exp()),
        lambda z: forward_kl(softened(z), softened(teacher).exp()),
    ):
        assert torch.isfinite(loss(student)).all()
        assert torch.isfinite(autograd(loss, student)).all()
    naive = autograd(
        lambda z: F.kl_div(softened(teacher), softened(z).exp(), reduction="none"), student.float()
    )
    assert not torch.isfinite(naive).all()
