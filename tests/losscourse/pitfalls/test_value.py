import numpy as np
import pytest
import torch

from losscourse.losses.policy import generalized_advantage_estimation
from losscourse.losses.value import (
    clipped_value,
    clipped_value_grad,
    double_q_targets,
    n_step_returns,
    project_distribution,
    q_learning_targets,
    quantile_td,
    quantile_td_grad,
    td,
    td_targets,
)


def test_atoms_that_fall_on_the_support_keep_their_mass():
    """Curt-Park/rainbow-is-all-you-need#76, floringogianu/categorical-dqn#1.

    Where the position is whole, floor and ceiling are one atom, and both weights are 0.
    """
    support = np.linspace(-2, 2, 5)
    probs = np.asarray([[0.1, 0.2, 0.4, 0.2, 0.1]])
    np.testing.assert_allclose(project_distribution(probs, support[None], support), probs)
    clamped = project_distribution(probs, support[None] + 9, support)
    np.testing.assert_allclose(clamped, [[0, 0, 0, 0, 1]], rtol=1e-15)
    halved = project_distribution(probs, support[None] / 2, support)
    np.testing.assert_allclose(halved, [[0, 0.2, 0.6, 0.2, 0]], rtol=1e-14, atol=1e-17)
    position = support / 2 + 2
    low, high = np.floor(position).astype(int), np.ceil(position).astype(int)
    naive = np.zeros(5)
    np.add.at(naive, low, probs[0] * (high - position))
    np.add.at(naive, high, probs[0] * (position - low))
    assert naive.sum() == pytest.approx(0.4)


@pytest.mark.parametrize("atoms", [11, 51, 101])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_atom_at_the_supports_end_does_not_fall_beyond_it(atoms, dtype):
    """anthonytorlucci/rlevo#350: (z - low)/gap rounds to a little above the last index."""
    for bound in np.arange(0.1, 10, 0.7):
        support = np.linspace(-bound / 3, bound, atoms, dtype=dtype)
        last = np.full((1, 1), support[-1], dtype=dtype)
        projected = project_distribution(np.ones((1, 1), dtype), last, support)
        assert projected[0].tolist() == [0.0] * (atoms - 1) + [1.0]


def test_predicted_quantiles_rise_with_their_levels():
    """chainer/chainerrl#590: with the sign turned, τ meant 1 - τ."""
    targets = np.arange(100.0)[None]
    settled = quantile_td_grad(np.asarray([[24.5, 74.5]]), targets, kappa=1e-6)
    np.testing.assert_allclose(settled, 0, atol=1e-18)
    turned = quantile_td_grad(np.asarray([[74.5, 24.5]]), targets, kappa=1e-6)
    assert turned[0, 0] > 0 > turned[0, 1]


@pytest.mark.parametrize("count", [2, 3])
def test_a_level_belongs_to_the_predicted_quantile(count):
    """BY571/QR-DQN#1, archsyscall/DistRL-TensorFlow2#1: it was broadcast along the targets."""
    quantiles, targets = np.asarray([[-9.0, 6.0]]), np.asarray([[1.0, 5.0, -4.0]])[:, :count]
    levels, errors = np.asarray([0.25, 0.75]), quantiles[0][:, None] - targets
    size = abs(errors) - 0.5
    expected = (abs(levels[:, None] - (errors > 0)) * size).mean(axis=1).sum()
    loss = quantile_td(quantiles, targets)
    np.testing.assert_allclose(loss, [expected], rtol=1e-15)
    if count == 2:
        along_targets = (abs(levels - (errors > 0)) * size).mean(axis=1).sum()
        assert abs(along_targets - expected) > 0.5


def test_double_q_learning_values_the_action_that_the_other_network_chose():
    """higgsfield/RL-Adventure#5, MaximeVandegar/Papers-in-100-Lines-of-Code#21."""
    rewards, discounts = np.asarray([1.0]), np.asarray([0.5])
    target_network, online_network = np.asarray([[4.0, 9.0]]), np.asarray([[3.0, 2.0]])
    assert double_q_targets(rewards, target_network, online_network, discounts).tolist() == [3.0]
    assert q_learning_targets(rewards, target_network, discounts).tolist() == [5.5]


def test_no_gradient_flows_through_the_target():
    """philtabor/Deep-Q-Learning-Paper-To-Code#16, AgileRL/AgileRL#63."""
    value = torch.tensor([2.0], requires_grad=True)
    targets = td_targets(torch.tensor([1.0]), value, torch.tensor([0.9]))
    td(value, targets).backward()
    assert value.grad.tolist() == [pytest.approx(2 - 2.8)]
    with_it = (2 - 2.8) * (1 - 0.9)
    assert value.grad.item() != pytest.approx(with_it)


def test_a_clipped_value_pays_the_larger_loss():
    """openai/baselines#91, implementation-matters/code-for-paper#1.

    The larger of the two losses, not the smaller, and not the larger of two signed errors.
    """
    values, old, targets = (np.asarray(a) for a in ([0.0, 2.0], [1.0, 0.0], [2.0, 3.0]))
    # Errors -2 and, clipped at 0.8, -1.2; then -1 and, clipped at 0.2, -2.8.
    losses = clipped_value(values, old, targets, clip=0.2)
    np.testing.assert_allclose(losses, [2.0, 3.92], rtol=1e-14)
    assert clipped_value_grad(values, old, targets, clip=0.2).tolist() == [-2.0, 0.0]


def test_running_out_of_time_is_no_end():
    """vwxyzjn/cleanrl#198, vwxyzjn/cleanrl#457: a truncated episode lost its future's value."""
    discount, steps = 0.9, 4
    rewards = np.ones((1, steps))
    values = np.full((1, steps + 1), 1 / (1 - discount))  # exact: the episode has no end
    truncated = np.full((1, steps), discount)
    exact = generalized_advantage_estimation(rewards, values, truncated, trace_decay=0.5)
    np.testing.assert_allclose(exact, 0, atol=1e-14)
    terminated = truncated.copy()
    terminated[0, -1] = 0
    biased = generalized_advantage_estimation(rewards, values, terminated, trace_decay=0.5)
    fading = (discount * 0.5) ** np.arange(steps)[::-1]
    np.testing.assert_allclose(biased[0], -9 * fading, rtol=1e-13)


def test_the_bootstrap_takes_the_next_states_value():
    """leggedrobotics/rsl_rl#151: the value of the state before the time ran out."""
    rewards, discounts = np.asarray([[1.0]]), np.asarray([[0.5]])
    advantages = generalized_advantage_estimation(rewards, np.asarray([[10.0, 4.0]]), discounts)
    assert advantages.tolist() == [[1 + 0.5 * 4 - 10]]


def test_the_value_after_n_steps_is_discounted_n_times():
    """younggyoseo/FastTD3#6: by γ once, however many steps."""
    rewards, discounts = np.asarray([[1.0, 2.0, 4.0]]), np.full((1, 3), 0.5)
    next_values = np.asarray([[16.0, 32.0, 64.0]])
    returns = n_step_returns(rewards, next_values, discounts, steps=2)
    assert returns.tolist() == [[1 + 0.5 * 2 + 0.25 * 32, 2 + 0.5 * 4 + 0.25 * 64, 4 + 0.5 * 64]]


def test_the_last_reward_counts_and_nothing_after_it():
    """thu-ml/tianshou#135: the reward of the step that ends the episode was left out."""
    rewards, discounts = np.asarray([[1.0, 2.0, 4.0]]), np.asarray([[0.5, 0.0, 0.5]])
    next_values = np.asarray([[16.0, 32.0, 64.0]])
    returns = n_step_returns(rewards, next_values, discounts, steps=3)
    assert returns.tolist() == [[1 + 0.5 * 2, 2.0, 4 + 0.5 * 64]]
