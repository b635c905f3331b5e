"""environments: rollouts equal to Gymnasium's own single environments, step by step."""

from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from losscourse.environments import collect, transition_arrays


def poles(count: int, **options):
    return gymnasium.make_vec(
        "CartPole-v1", num_envs=count, vectorization_mode="vector_entry_point", **options
    )


def leaning(observations):
    """Push towards the side that the pole leans to: episodes of some 40 steps."""
    return (observations[:, 2] > 0).astype(int)


def test_a_rollout_is_what_single_environments_do():
    rollout = collect(poles(3), leaning, 200, seed=4)
    one = gymnasium.make("CartPole-v1").unwrapped
    one.reset()
    compared = 0
    for n in range(3):
        for t in range(200):
            if not rollout.counted[t, n]:
                continue
            one.state = rollout.observations[t, n].astype(float)
            one.steps_beyond_terminated = None
            seen, reward, terminated, _, _ = one.step(int(rollout.actions[t, n]))
            np.testing.assert_allclose(seen, rollout.next_observations[t, n], atol=2e-6)
            assert (reward, terminated) == (rollout.rewards[t, n], rollout.terminated[t, n])
            compared += 1
    assert compared > 550


def test_a_step_that_only_resets_does_not_count():
    rollout = collect(poles(4), leaning, 150, seed=0)
    ended = rollout.terminated | rollout.truncated
    assert ended.sum() > 8
    np.testing.assert_array_equal(~rollout.counted[1:], ended[:-1])
    assert rollout.counted[0].all()
    assert (rollout.rewards[~rollout.counted] == 0).all()
    assert np.abs(rollout.next_observations[~rollout.counted]).max() <= 0.05  # a fresh start
    assert np.abs(rollout.next_observations[rollout.terminated][:, 2]).max() > 0.2


def test_a_rollout_goes_on_from_another():
    whole = collect(poles(4), leaning, 90, seed=7)
    environments = poles(4)
    first = collect(environments, leaning, 41, seed=7)
    second = collect(environments, leaning, 49, after=first)
    for name, part in whole._asdict().items():
        joined = np.concatenate([getattr(first, name), getattr(second, name)])
        np.testing.assert_array_equal(joined, part, err_msg=name)


def test_time_that_is_up_is_no_end_of_the_task():
    rollout = collect(poles(2, max_episode_steps=5), leaning, 12, seed=0)
    assert rollout.truncated.sum() == 4
    assert rollout.terminated.sum() == 0
    np.testing.assert_array_equal(~rollout.counted[1:], rollout.truncated[:-1])


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"^steps: expected a whole number of at least 1, got 0$"):
        collect(poles(2), leaning, 0)
    hiding = gymnasium.make_vec(
        "CartPole-v1",
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP},
    )
    with pytest.raises(ValueError, match=r"autoreset mode NEXT_STEP, got SAME_STEP$"):
        collect(hiding, leaning, 1)


@pytest.mark.parametrize("is_slippery", [True, False])
def test_transition_arrays_are_the_lakes(is_slippery):
    lake = gymnasium.make("FrozenLake-v1", is_slippery=is_slippery)
    probabilities, rewards = transition_arrays(lake)
    np.testing.assert_allclose(probabilities.sum(axis=2), 1)
    # State 14 lies left of the goal, 15; action 2 is "right".
    assert rewards[14, 2] == pytest.approx(1 / 3 if is_slippery else 1)
    assert (probabilities[15, :, 15] == 1).all()
    assert (rewards[15] == 0).all()
    assert rewards.sum() == pytest.approx(1)


def test_a_state_that_ends_the_episode_leads_to_itself_without_reward():
    """A table may say what would happen after the end, as Taxi's does."""
    table = {
        0: {0: [(0.5, 1, 2.0, True), (0.5, 0, 0.0, False)]},
        1: {0: [(1.0, 0, 9.0, False)]},
    }
    environment = SimpleNamespace(unwrapped=SimpleNamespace(P=table))
    probabilities, rewards = transition_arrays(environment)
    assert probabilities[:, 0].tolist() == [[0.5, 0.5], [0.0, 1.0]]
    assert rewards[:, 0].tolist() == [1.0, 0.0]


def test_the_best_value_of_the_slippery_lake_is_known():
    """Value iteration at discount 1: the start reaches the goal with probability 14/17."""
    probabilities, rewards = transition_arrays(gymnasium.make("FrozenLake-v1"))
    values = np.zeros(16)
    for _ in range(5000):
        values = (rewards + probabilities @ values).max(axis=1)
    assert values[0] == pytest.approx(14 / 17, abs=1e-6)


def test_a_sampled_lake_agrees_with_its_arrays():
    lake = gymnasium.make_vec("FrozenLake-v1", num_envs=40, vectorization_mode="sync")
    probabilities = transition_arrays(lake.envs[0])[0]
    rng = np.random.default_rng(0)
    rollout = collect(lake, lambda seen: rng.integers(4, size=len(seen)), 400, seed=1)
    own = rollout.counted
    counts = np.zeros((16, 4, 16))
    np.add.at(
        counts, (rollout.observations[own], rollout.actions[own], rollout.next_observations[own]), 1
    )
    often = counts.sum(axis=2) > 100
    shares = counts[often] / counts[often].sum(axis=1, keepdims=True)
    assert often.sum() > 20
    assert np.abs(shares - probabilities[often]).max() < 0.15
    assert (
        rollout.rewards[own].sum()
        == rollout.terminated[own & (rollout.next_observations == 15)].sum()
    )
