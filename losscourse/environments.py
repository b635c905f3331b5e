"""Gymnasium's environments as arrays: many episodes collected at once, and exact transitions.

The environments are Gymnasium's own. Nothing here imports it: an environment is passed in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Rollout", "collect", "transition_arrays"]


class Rollout(NamedTuple):
    """T steps of N environments side by side; time is the first axis.

    Args:
        observations: What each step saw, shape (T, N, ...).
        actions: What it did, integers of shape (T, N).
        rewards: What it got, float64, shape (T, N).
        next_observations: What the step led to, shape (T, N, ...): where an episode ended, its
            last state, not the first of the next episode.
        terminated: Whether the task ended there, booleans of shape (T, N). The value of what
            follows is then 0.
        truncated: Whether only the time was up, booleans of shape (T, N). What follows has a value.
        counted: Whether the step is one of the policy's, booleans of shape (T, N). False where the
            environment reset itself: that step's action did nothing, and belongs in no mean.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    next_observations: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    counted: np.ndarray


def collect(
    environments: Any,
    choose: Callable[[np.ndarray], np.ndarray],
    steps: int,
    *,
    after: Rollout | None = None,
    seed: int | None = None,
) -> Rollout:
    """Return a number of steps of a policy in environments that run side by side.

    Args:
        environments: A vector environment, as `gymnasium.make_vec("CartPole-v1", num_envs=64,
            vectorization_mode="vector_entry_point")` makes it.
        choose: Maps observations, shape (N, ...), to actions, integers of shape (N,).
        steps: How many steps each environment takes, T; at least 1.
        after: The rollout of the same environments that this one goes on from. Without one they
            are reset.
        seed: The seed of that reset.

    Returns:
        The steps. An episode that ends is followed by a step that only resets, with `counted`
        False, and by the next episode.

    Raises:
        ValueError: `steps` is below 1, or the environments reset themselves within the step that
            ends an episode, which hides its last state.
    """
    if steps < 1:
        raise ValueError(f"steps: expected a whole number of at least 1, got {steps}")
    mode = getattr(environments.metadata.get("autoreset_mode"), "name", None)
    if mode != "NEXT_STEP":
        raise ValueError(f"environments: expected the autoreset mode NEXT_STEP, got {mode}")
    if after is None:
        seen = environments.reset(seed=seed)[0]
        ended = np.zeros(environments.num_envs, dtype=bool)
    else:
        seen, ended = after.next_observations[-1], after.terminated[-1] | after.truncated[-1]
    taken = []
    for _ in range(steps):
        actions = np.asarray(choose(seen))
        following, rewards, terminated, truncated, _ = environments.step(actions)
        taken.append(Rollout(seen, actions, rewards, following, terminated, truncated, ~ended))
        seen, ended = following, terminated | truncated
    rollout = Rollout(*map(np.stack, zip(*taken, strict=True)))
    return rollout._replace(rewards=rollout.rewards.astype(float))


def transition_arrays(environment: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact dynamics of a tabular environment, such as FrozenLake, as two arrays.

    Args:
        environment: One whose `unwrapped.P[state][action]` lists (probability, next state, reward,
            whether it ends), as Gymnasium's toy texts have it.

    Returns:
        The probabilities of the next state, float64 of shape (S, A, S), and the expected rewards,
        float64 of shape (S, A). A state that ends the episode leads to itself with reward 0, so
        that its value is 0.
    """
    table = environment.unwrapped.P
    states, actions = len(table), len(table[0])
    probabilities, rewards = np.zeros((states, actions, states)), np.zeros((states, actions))
    last = set()
    for state, choices in table.items():
        for action, outcomes in choices.items():
            for probability, following, reward, ends in outcomes:
                probabilities[state, action, following] += probability
                rewards[state, action] += probability * reward
                if ends:
                    last.add(following)
    for state in last:
        probabilities[state], rewards[state] = 0, 0
        probabilities[state, :, state] = 1
    return probabilities, rewards
