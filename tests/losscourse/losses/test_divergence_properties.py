"""Properties of the divergences and of the scores, for any distributions and any outcome."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse import stable
from losscourse.losses import divergence

LOGIT = st.floats(-30, 30)
ROWS = st.lists(st.tuples(LOGIT, LOGIT), min_size=3, max_size=6)
NUMBER = st.floats(-100, 100)
SCALE = st.floats(0.01, 100)
MEMBERS = st.lists(NUMBER, min_size=2, max_size=7)


def reverse_kl(log_probs, targets):
    """Return the reverse divergence from what the others take."""
    return divergence.reverse_kl(log_probs, divergence._log(targets))


SYMMETRIC = (divergence.jensen_shannon, divergence.total_variation, divergence.squared_hellinger)
ALL = pytest.mark.parametrize("loss", [divergence.forward_kl, reverse_kl, *SYMMETRIC])


def logs(pairs):
    """Return the log-probabilities of two distributions."""
    return tuple(stable.log_softmax(np.asarray(row)[None]) for row in zip(*pairs, strict=True))


def value(loss, log_probs, target_log_probs):
    """Return the loss of one prediction as a Python float."""
    return float(loss(log_probs, np.exp(target_log_probs))[0])


def merged(log_probs):
    """Return the distribution that does not tell the first two classes apart."""
    first = stable.log_sum_exp(log_probs[:, :2])[:, None]
    return np.concatenate([first, log_probs[:, 2:]], axis=-1)


@ALL
@given(pairs=ROWS)
def test_at_least_0_and_0_where_the_two_agree(loss, pairs):
    p, t = logs(pairs)
    assert value(loss, p, t) >= -1e-12
    assert abs(value(loss, p, p)) <= 1e-12


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_jensen_shannon_of_neighbouring_floats_is_not_negative(dtype):
    rng = np.random.default_rng(0)
    log_probs = stable.log_softmax(rng.normal(size=(2000, 3))).astype(dtype)
    steps = rng.integers(-2, 3, log_probs.shape) * np.finfo(dtype).eps
    losses = divergence.jensen_shannon(log_probs, (np.exp(log_probs) * (1 + steps)).astype(dtype))
    assert losses.min() >= 0
    assert losses.max() > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_jensen_shannon_pulls_a_rare_class_with_all_its_digits(dtype):
    """There p/m is near 0: with 1 added, it has lost its digits."""
    rare = np.asarray([-8.0, -14.0, -30.0])
    log_probs = np.stack([rare, np.log1p(-np.exp(rare))], axis=-1).astype(dtype)
    pulls = divergence.jensen_shannon_grad(log_probs, np.full((3, 2), 0.5, dtype))
    expected = np.exp(rare) * (rare + math.log(4) - np.log1p(2 * np.exp(rare))) / 2
    np.testing.assert_allclose(pulls[:, 0], expected, rtol=4 * np.finfo(dtype).eps)


@ALL
@given(pairs=ROWS)
def test_no_loss_of_detail_raises_a_divergence(loss, pairs):
    p, t = logs(pairs)
    assert value(loss, merged(p), merged(t)) <= value(loss, p, t) * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize("loss", SYMMETRIC)
@given(pairs=ROWS)
def test_symmetric(loss, pairs):
    p, t = logs(pairs)
    assert value(loss, p, t) == pytest.approx(value(loss, t, p), rel=1e-9, abs=1e-12)


@given(pairs=ROWS)
def test_the_divergences_bound_each_other(pairs):
    p, t = logs(pairs)
    variation = value(divergence.total_variation, p, t)
    hellinger = value(divergence.squared_hellinger, p, t)
    shannon = value(divergence.jensen_shannon, p, t)
    slack = 1e-12
    for kl in (value(divergence.forward_kl, p, t), value(reverse_kl, p, t)):
        assert 2 * variation**2 <= kl + slack  # Pinsker's inequality
        assert 2 * hellinger <= kl + slack
    assert hellinger <= variation + slack
    assert variation**2 <= hellinger * (2 - hellinger) + slack
    assert shannon <= math.log(2) * variation + slack


@given(first=ROWS, second=ROWS)
def test_kullback_leibler_of_independent_pairs_adds_up(first, second):
    (p, t), (q, u) = logs(first), logs(second)
    both = [(a[0][:, None] + b[0][None, :]).reshape(1, -1) for a, b in ((p, q), (t, u))]
    for loss in (divergence.forward_kl, reverse_kl):
        parts = value(loss, p, t) + value(loss, q, u)
        assert value(loss, *both) == pytest.approx(parts, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("gradient", [divergence.forward_kl_grad, divergence.jensen_shannon_grad])
@given(pairs=ROWS)
def test_where_the_two_agree_a_softmax_feels_no_pull(gradient, pairs):
    p, _t = logs(pairs)
    slopes = gradient(p, np.exp(p))
    through_softmax = slopes - np.exp(p) * slopes.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(through_softmax, 0, atol=1e-12)


def gaussian(mean, scale, target):
    """Return the score of one Gaussian forecast as a Python float."""
    arrays = (np.asarray([float(x)]) for x in (mean, math.log(scale), target))
    return float(divergence.crps_gaussian(*arrays)[0])


@given(mean=NUMBER, scale=SCALE, target=NUMBER, factor=SCALE, shift=NUMBER)
def test_a_gaussians_score_carries_the_unit_and_knows_no_origin(mean, scale, target, factor, shift):
    moved = gaussian(factor * (mean + shift), factor * scale, factor * (target + shift))
    expected = factor * gaussian(mean, scale, target)
    assert moved == pytest.approx(expected, rel=1e-9, abs=1e-11 * factor * (1 + scale))


@given(mean=NUMBER, scale=SCALE, target=NUMBER)
def test_a_gaussians_score_lies_below_the_absolute_error_and_the_mean_spread(mean, scale, target):
    score, error = gaussian(mean, scale, target), abs(mean - target)
    assert error - scale / math.sqrt(math.pi) <= score + 1e-9 * (1 + error + scale)
    assert score <= error + scale * (math.sqrt(2) - 1) / math.sqrt(math.pi) + 1e-9 * (1 + error)


@given(mean=st.floats(-3, 3), log_scale=st.floats(-1.5, 1.5))
def test_no_other_gaussian_scores_better_on_average_than_the_true_one(mean, log_scale):
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()

    def expected(m, s):
        return float(weights @ divergence.crps_gaussian(0 * nodes + m, 0 * nodes + s, nodes))

    assert expected(0.0, 0.0) <= expected(mean, log_scale) + 1e-9


SCORES = pytest.mark.parametrize("loss", [divergence.crps_ensemble, divergence.fair_crps_ensemble])


def ensemble(loss, members, target):
    """Return the score of one ensemble as a Python float."""
    return float(loss(np.asarray([members]), np.asarray([float(target)]))[0])


@SCORES
@given(members=MEMBERS, target=NUMBER, factor=SCALE, shift=NUMBER)
def test_an_ensembles_score_carries_the_unit_and_knows_no_origin_nor_order(
    loss, members, target, factor, shift
):
    moved = ensemble(loss, [factor * (x + shift) for x in members[::-1]], factor * (target + shift))
    assert moved == pytest.approx(factor * ensemble(loss, members, target), abs=1e-9 * factor)


@given(members=MEMBERS, target=NUMBER)
def test_the_fair_score_lies_between_0_and_the_plain_one(members, target):
    fair = ensemble(divergence.fair_crps_ensemble, members, target)
    plain = ensemble(divergence.crps_ensemble, members, target)
    mean_distance = np.abs(np.asarray(members) - target).mean()
    assert -1e-9 <= fair <= plain + 1e-9
    assert plain <= mean_distance + 1e-9


@given(members=st.lists(NUMBER, min_size=4, max_size=7), target=NUMBER)
def test_the_fair_score_does_not_depend_on_the_ensembles_size(members, target):
    """Left out each in turn, members give the same score on average: what no bias means."""
    loss = divergence.fair_crps_ensemble
    smaller = [ensemble(loss, members[:i] + members[i + 1 :], target) for i in range(len(members))]
    assert np.mean(smaller) == pytest.approx(ensemble(loss, members, target), abs=1e-9)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_best_members_are_the_middles_of_equal_parts_of_the_targets(size):
    """The quantiles at (i - ½)/M: there no member feels a pull, and any move costs."""
    targets = np.sort(np.random.default_rng(0).gamma(1.0, 2.0, size=10 * 2 * size + 1))
    best = np.quantile(targets, (np.arange(size) + 0.5) / size, method="inverted_cdf")

    def mean_score(members):
        rows = np.broadcast_to(members, (len(targets), size)).copy()
        return float(divergence.crps_ensemble(rows, targets).mean())

    for move in (1e-3, 0.1, 1.0):
        for i in range(size):
            for side in (-move, move):
                assert mean_score(best + side * np.eye(size)[i]) >= mean_score(best) - 1e-12
