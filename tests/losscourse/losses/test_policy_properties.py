"""Properties of the policy losses, for any policy, advantage and hyperparameter."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from losscourse.losses import policy, value
from losscourse.stable import softmax
from tests.losscourse.losses.cases.policy import PPO_CLIP, PPO_KL, REINFORCE, SAC_CRITIC

NUMBER = st.floats(-10, 10)
PART = st.floats(0.01, 0.99)
ACTIONS = 4
LOGITS = arrays(np.float64, ACTIONS, elements=NUMBER)
LEARNED = {REINFORCE.name: (0,), PPO_CLIP.name: (0,), PPO_KL.name: (0,), SAC_CRITIC.name: (0, 1)}


@pytest.mark.parametrize("case", [REINFORCE, PPO_CLIP, PPO_KL, SAC_CRITIC], ids=lambda c: c.name)
def test_only_the_policy_or_the_critics_are_learned(case):
    """Autograd takes nothing through advantages, old policies and targets."""
    drawn = case.draw(np.random.default_rng(0), 4, 1.0)
    tensors = [torch.as_tensor(a).requires_grad_(a.dtype == np.float64) for a in drawn]
    case.loss(*tensors).sum().backward()
    learned = [k for k, tensor in enumerate(tensors) if tensor.grad is not None]
    assert learned == [*LEARNED[case.name]]


@given(logits=LOGITS, rewards=LOGITS, baseline=st.floats(-100, 100))
def test_a_baseline_leaves_the_expected_gradient(logits, rewards, baseline):
    def expected(weights):
        every = np.tile(logits, (ACTIONS, 1)), np.arange(ACTIONS), weights
        return softmax(logits) @ policy.reinforce_grad(*every)

    np.testing.assert_allclose(expected(rewards - baseline), expected(rewards), atol=1e-9)


@given(logits=LOGITS, action=st.integers(0, ACTIONS - 1), advantage=NUMBER, rate=st.floats(0, 0.1))
def test_a_step_makes_an_action_of_positive_advantage_likelier(logits, action, advantage, rate):
    actions, advantages = np.asarray(action), np.asarray(advantage)
    moved = logits - rate * policy.reinforce_grad(logits, actions, advantages)
    gain = softmax(moved)[action] - softmax(logits)[action]
    assert gain * advantage >= -1e-12


@given(ratio=st.floats(-3, 3), advantage=NUMBER, clip=PART)
def test_ppo_is_pessimistic_and_stops_beyond_the_clip(ratio, advantage, clip):
    """`ratio` is a log-ratio. Nothing is gained beyond the clip, and losses count in full."""
    taken = np.asarray(ratio), np.zeros(()), np.asarray(advantage)
    loss = policy.ppo_clip(*taken, clip=clip)
    assert loss >= -np.exp(ratio) * advantage - 1e-12
    assert loss >= -(1 + clip) * abs(advantage) - 1e-12
    gained = (np.exp(ratio) - 1) * np.sign(advantage)
    slope = policy.ppo_clip_grad(*taken, clip=clip)
    if gained > clip + 1e-9:
        assert slope == 0
        assert loss == pytest.approx(-advantage - clip * abs(advantage))
    elif gained < clip - 1e-9:
        assert slope == pytest.approx(-np.exp(ratio) * advantage)


@given(logits=LOGITS, old=LOGITS, advantage=NUMBER, betas=st.tuples(*2 * [st.floats(0, 10)]))
def test_the_penalty_never_pays(logits, old, advantage, betas):
    taken = logits, old, np.asarray(1), np.asarray(advantage)
    low, high = (policy.ppo_kl(*taken, beta=beta) for beta in sorted(betas))
    assert low <= high + 1e-9 * (1 + abs(low))


@given(logits=LOGITS, temperatures=st.tuples(*2 * [st.floats(0.1, 10)]))
def test_entropy_is_bounded_and_grows_with_the_temperature(logits, temperatures):
    low, high = (policy.entropy(logits / temperature) for temperature in sorted(temperatures))
    assert -1e-12 <= low <= high + 1e-9
    assert high <= np.log(ACTIONS) + 1e-12


@pytest.mark.parametrize("function", [policy.entropy, policy.entropy_grad])
def test_a_policy_without_actions_has_no_entropy(function):
    with pytest.raises(ValueError, match=r"^logits: expected at least one action, got none$"):
        function(np.zeros((2, 0)))


@given(values=LOGITS, temperature=st.floats(0.1, 10), order=st.permutations(range(ACTIONS)))
def test_boltzmann_keeps_the_order_of_the_actions(values, temperature, order):
    probs = policy.boltzmann(values, temperature=temperature)
    assert (np.diff(probs[np.argsort(values)]) >= -1e-12).all()
    permuted = policy.boltzmann(values[list(order)], temperature=temperature)
    np.testing.assert_allclose(permuted, probs[list(order)], rtol=1e-12)


@given(
    rewards=arrays(np.float64, 5, elements=NUMBER),
    discounts=arrays(np.float64, 5, elements=st.floats(0, 1)),
    last=NUMBER,
    trace_decay=st.floats(0, 1),
)
def test_true_values_leave_no_advantage(rewards, discounts, last, trace_decay):
    values = np.append(value.discounted_returns(rewards, discounts, np.asarray(last)), last)
    found = policy.generalized_advantage_estimation(
        rewards, values, discounts, trace_decay=trace_decay
    )
    np.testing.assert_allclose(found, 0, atol=1e-9)


@given(q=NUMBER, twin=NUMBER, log_prob=NUMBER, alpha=st.floats(0, 10), shift=NUMBER)
def test_sac_actor_treats_both_values_alike(q, twin, log_prob, alpha, shift):
    q, twin, log_prob = (np.asarray(x) for x in (q, twin, log_prob))
    loss = policy.sac_actor(q, twin, log_prob, alpha=alpha)
    assert loss == policy.sac_actor(twin, q, log_prob, alpha=alpha)
    moved = policy.sac_actor(q + shift, twin + shift, log_prob, alpha=alpha)
    assert moved == pytest.approx(float(loss) - shift, abs=1e-9)
