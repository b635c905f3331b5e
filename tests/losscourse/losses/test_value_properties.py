"""Properties of the value losses and their targets, for any values, rewards and discounts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from losscourse.losses import value
from tests.losscourse.losses.cases.value import CASES

NUMBER = st.floats(-100, 100)
POSITIVE = st.floats(0.01, 100)
PART = st.floats(0, 1)
STEPS, ACTIONS = 6, 3


def rows(size, elements=NUMBER):
    """Return a strategy for arrays of a size, or of a shape."""
    return arrays(np.float64, size, elements=elements)


def episodes():
    """Return a strategy for rewards, next values and discounts."""
    return st.tuples(rows(STEPS), rows(STEPS), rows(STEPS, PART))


def distributions(size):
    """Return a strategy for distributions."""
    return rows(size, st.floats(0.01, 1)).map(lambda weights: weights / weights.sum())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_the_prediction_is_learned(case):
    """Autograd takes nothing through the target, nor through an old value."""
    drawn = case.draw(np.random.default_rng(0), 4, 1.0)
    tensors = [torch.as_tensor(a).requires_grad_(a.dtype == np.float64) for a in drawn]
    case.loss(*tensors).sum().backward()
    assert tensors[0].grad is not None
    assert all(tensor.grad is None for tensor in tensors[1:])


@given(rewards=rows(4), discounts=rows(4, PART), values=st.tuples(*2 * [rows((4, ACTIONS))]))
def test_q_learnings_target_is_a_contraction(rewards, discounts, values):
    """Two tables of values come nearer by their discount at least: why Q-learning can converge."""
    one, other = (value.q_learning_targets(rewards, table, discounts) for table in values)
    apart = np.abs(values[0] - values[1]).max(axis=-1)
    assert (np.abs(one - other) <= discounts * apart + 1e-8).all()


@given(
    rewards=rows(4),
    discounts=rows(4, PART),
    next_q_values=rows((4, ACTIONS)),
    selector=rows((4, ACTIONS)),
    probs=distributions(ACTIONS),
)
def test_no_other_target_is_above_q_learnings(rewards, discounts, next_q_values, selector, probs):
    highest = value.q_learning_targets(rewards, next_q_values, discounts) + 1e-9
    policy = np.tile(probs, (4, 1))
    assert (value.double_q_targets(rewards, next_q_values, selector, discounts) <= highest).all()
    expected = value.expected_sarsa_targets(rewards, next_q_values, policy, discounts)
    assert (expected <= highest).all()


@given(episode=episodes(), trace_decay=PART)
def test_a_lambda_return_lies_among_the_n_step_returns(episode, trace_decay):
    each = [value.n_step_returns(*episode, steps=n) for n in range(1, STEPS + 1)]
    found = value.lambda_returns(*episode, trace_decay=trace_decay)
    assert (np.min(each, axis=0) - 1e-9 <= found).all()
    assert (found <= np.max(each, axis=0) + 1e-9).all()


@given(rewards=rows(STEPS), discounts=rows(STEPS, PART), last=NUMBER, trace_decay=PART)
def test_true_values_are_their_own_targets(rewards, discounts, last, trace_decay):
    """Where the values are the returns, every estimate agrees with them."""
    values = value.discounted_returns(rewards, discounts, np.asarray(last))
    episode = rewards, np.append(values[1:], last), discounts
    for found in (
        value.td_targets(*episode),
        value.n_step_returns(*episode, steps=3),
        value.lambda_returns(*episode, trace_decay=trace_decay),
    ):
        np.testing.assert_allclose(found, values, atol=1e-9)


@given(
    probs=distributions(4),
    atoms=rows(4),
    gaps=rows(5, st.floats(0.1, 10)),
    start=st.floats(-20, 0),
)
def test_a_projection_keeps_the_mass_and_the_clipped_mean(probs, atoms, gaps, start):
    support = start + np.cumsum(gaps)
    found = value.project_distribution(probs, atoms, support)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1, abs=1e-9)
    mean = probs @ np.clip(atoms, support[0], support[-1])
    assert found @ support == pytest.approx(mean, abs=1e-9)


@given(quantiles=rows(4), targets=rows(3), kappa=POSITIVE, scale=POSITIVE)
def test_quantile_td_carries_the_rewards_unit_and_mirrors(quantiles, targets, kappa, scale):
    loss = value.quantile_td(quantiles, targets, kappa=kappa)
    scaled = value.quantile_td(scale * quantiles, scale * targets, kappa=scale * kappa)
    np.testing.assert_allclose(scaled, scale**2 * loss, rtol=1e-9, atol=1e-9)
    mirrored = value.quantile_td(-quantiles[::-1], -targets, kappa=kappa)
    np.testing.assert_allclose(mirrored, loss, rtol=1e-9, atol=1e-9)


@given(v=NUMBER, old=NUMBER, target=NUMBER, clip=POSITIVE)
def test_clipping_never_lowers_the_value_loss(v, old, target, clip):
    v, old, target = (np.asarray(x) for x in (v, old, target))
    clipped = value.clipped_value(v, old, target, clip=clip)
    assert clipped >= value.td(v, target)
    floor = max(0.0, abs(float(old - target)) - clip) ** 2 / 2
    assert clipped >= floor - 1e-9 * (1 + floor)
    assert value.clipped_value_grad(v, old, target, clip=clip) in (0.0, v - target)
