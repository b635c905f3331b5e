"""Losses of policies in reinforcement learning: which actions should become likelier?

A policy is a softmax over the logits of the actions, or given by the log-probabilities of the
actions that were taken. Each loss is a surrogate: its gradient is the one that policy gradients ask
for, its value means little, and a lower one is no better policy. Advantages, old policies and
values are held constant: autograd takes nothing through them.

An actor-critic adds what is here to a value loss of `losses.value`: the objective is the mean of
`reinforce` or `ppo_clip`, plus a weight times `value.td`, minus a weight times `entropy`.
"""

import math

from losscourse import stable
from losscourse.arrays import (
    UNIT_CLOSED,
    UNIT_OPEN,
    Array,
    check_axes,
    check_in,
    check_labels,
    check_values,
    float_namespace,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.classification import (
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)
from losscourse.losses.value import discounted_returns, td_targets

__all__ = [
    "generalized_advantage_estimation",
    "ppo_clip",
    "ppo_clip_grad",
    "reinforce",
    "reinforce_grad",
]


def reinforce(logits: Array, actions: Array, advantages: Array) -> Array:
    r"""Return the policy-gradient loss of each action that was taken: REINFORCE.

    Formula: $-A \log \pi_a$, where `π = softmax(logits)` is the policy, a the action that was taken
    and A its advantage.

    Args:
        logits: Floats of shape (..., K): one logit for each action.
        actions: Integers of shape (...), from 0 to K - 1: drawn from this policy.
        advantages: Floats of shape (...) and the dtype of `logits`: the return that followed, or
            better the return minus a baseline, such as the state's value. Held constant.

    Returns:
        Array of the shape of `actions` and the dtype of `logits`, in the reward's unit; any sign.

    Gradient:
        $A\,(\pi - 1_a)$, whose mean over actions from the policy estimates minus the gradient of
        the expected return; see `reinforce_grad`.

    Raises:
        TypeError: `logits` or `advantages` is no array of floats, `actions` is no array of
            integers, or they differ in library or dtype.
        ValueError: The shapes do not fit, or an action is out of range.

    Numerics:
        See `stable.log_softmax`. An advantage of 0 costs nothing, also where $\log\pi_a$ is -inf.

    Convention:
        The advantage times `classification.softmax_cross_entropy_with_integer_labels` of the
        action. A baseline that knows the state alone leaves the expected gradient as it is and
        may lower its variance.

    Example:
        >>> import numpy as np
        >>> actions, advantages = np.asarray([0, 1]), np.asarray([1.0, -2.0])
        >>> reinforce(np.zeros((2, 2)), actions, advantages).round(4).tolist()
        [0.6931, -1.3863]

    Reference:
        Williams (1992), Simple Statistical Gradient-Following Algorithms for Connectionist
        Reinforcement Learning.
    """
    _check_taken(logits, actions, advantages)
    surprise = softmax_cross_entropy_with_integer_labels(logits, actions)
    return stable.times(stop_gradient(advantages), surprise)


def reinforce_grad(logits: Array, actions: Array, advantages: Array) -> Array:
    r"""Return the derivative of the summed `reinforce` by the logits.

    Formula: $A\,(\pi - 1_a)$, where `π = softmax(logits)` and $1_a$ is the one-hot row of the
    action. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        actions: Integers of shape (...), from 0 to K - 1.
        advantages: Floats of shape (...) and the dtype of `logits`.

    Returns:
        Array of the shape and dtype of `logits`, in the reward's unit; in [-|A|, |A|].

    Raises:
        TypeError: `logits` or `advantages` is no array of floats, `actions` is no array of
            integers, or they differ in library or dtype.
        ValueError: The shapes do not fit, or an action is out of range.

    Example:
        >>> import numpy as np
        >>> reinforce_grad(np.zeros((1, 2)), np.asarray([0]), np.asarray([2.0])).tolist()
        [[-1.0, 1.0]]
    """
    _check_taken(logits, actions, advantages)
    return advantages[..., None] * softmax_cross_entropy_with_integer_labels_grad(logits, actions)


def _check_taken(logits: Array, actions: Array, advantages: Array) -> None:
    """Check logits of actions (..., K), the actions taken and their advantages (...)."""
    real_namespace(logits=logits, advantages=advantages)
    check_axes("... K, ..., ...", logits=logits, actions=actions, advantages=advantages)
    check_labels(logits.shape[-1], logits=logits, actions=actions)


def ppo_clip(
    log_probs: Array, old_log_probs: Array, advantages: Array, *, clip: float = 0.2
) -> Array:
    r"""Return PPO's clipped loss of each action that was taken.

    Formula: $-\min(r A, \min(\max(r, 1 - \varepsilon), 1 + \varepsilon)\,A)$ with
    $r = \pi_a / \pi'_a$, where $\pi_a$ is the probability of the action, $\pi'_a$ the one under the
    policy that took it, A its advantage and $\varepsilon$ is `clip`. What the policy could gain by
    moving further than $\varepsilon$ is cut off; what it loses is not.

    Args:
        log_probs: Floats of any shape: $\log \pi_a$ of the actions that were taken, or the
            logarithms of densities.
        old_log_probs: Floats of the shape and dtype of `log_probs`: $\log \pi'_a$, as recorded
            when the actions were taken. Held constant.
        advantages: Floats of the shape and dtype of `log_probs`. Held constant.
        clip: By how much the ratio may differ from 1 to the policy's gain, in (0, 1).

    Returns:
        Array of the shape and dtype of `log_probs`, in the advantage's unit; at least
        $-(1 + \varepsilon)|A|$.

    Gradient:
        $-r A$ where the ratio is not cut off, else 0; see `ppo_clip_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `clip` is
            no number.
        ValueError: The shapes differ, or `clip` lies outside (0, 1).

    Numerics:
        The log-ratio is cut off before exp is taken. A ratio that overflows, in a term that the
        minimum then leaves out, would put 0 · inf into the gradient.

    Convention:
        The loss is minus the paper's objective. At ratio 1 its gradient is REINFORCE's. torch has
        no equivalent.

    Example:
        >>> import numpy as np
        >>> log_probs, old_log_probs = np.log([0.6, 0.6]), np.log([0.4, 0.4])
        >>> ppo_clip(log_probs, old_log_probs, np.asarray([1.0, -1.0])).round(4).tolist()
        [-1.2, 1.5]

    Reference:
        Schulman et al. (2017), Proximal Policy Optimization Algorithms, eq. 7.
    """
    xp = float_namespace(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    low, high = _bounds(clip)
    old_log_probs, advantages = stop_gradient(old_log_probs), stop_gradient(advantages)
    log_ratios = log_probs - old_log_probs
    held = xp.where(advantages >= 0, xp.clip(log_ratios, max=high), xp.clip(log_ratios, min=low))
    return -stable.times(advantages, xp.exp(held))


def ppo_clip_grad(
    log_probs: Array, old_log_probs: Array, advantages: Array, *, clip: float = 0.2
) -> Array:
    r"""Return the derivative of the summed `ppo_clip` by the log-probabilities.

    Formula: $-r A$ where $A \ge 0$ and $r \le 1 + \varepsilon$, or $A < 0$ and
    $r \ge 1 - \varepsilon$, else 0, with $r = \pi_a / \pi'_a$. At the kink, where r is at its
    bound, the slope of what is not cut off is taken.

    Args:
        log_probs: Floats of any shape.
        old_log_probs: Floats of the shape and dtype of `log_probs`.
        advantages: Floats of the shape and dtype of `log_probs`.
        clip: By how much the ratio may differ from 1 to the policy's gain, in (0, 1).

    Returns:
        Array of the shape and dtype of `log_probs`, in the advantage's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `clip` is
            no number.
        ValueError: The shapes differ, or `clip` lies outside (0, 1).

    Example:
        >>> import numpy as np
        >>> log_probs, old_log_probs = np.log([0.6, 0.6]), np.log([0.4, 0.4])
        >>> ppo_clip_grad(log_probs, old_log_probs, np.asarray([1.0, -1.0])).round(4).tolist()
        [-0.0, 1.5]
    """
    xp = float_namespace(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    low, high = _bounds(clip)
    log_ratios = log_probs - old_log_probs
    free = xp.where(advantages >= 0, log_ratios <= high, log_ratios >= low)
    # exp has the derivative exp: what is not cut off is its own slope.
    losses = ppo_clip(log_probs, old_log_probs, advantages, clip=clip)
    return losses * xp.astype(free, losses.dtype)


def _bounds(clip: float) -> tuple[float, float]:
    """Return the logarithms of 1 - clip and 1 + clip."""
    clip = check_in(UNIT_OPEN, clip=clip)
    return math.log1p(-clip), math.log1p(clip)


def generalized_advantage_estimation(
    rewards: Array, values: Array, discounts: Array, *, trace_decay: float = 0.95
) -> Array:
    r"""Return the advantage of each action: a fading sum of the TD errors that follow it.

    Formula: $A_t = \delta_t + \gamma_t \lambda A_{t+1}$ with
    $\delta_t = r_t + \gamma_t v_{t+1} - v_t$, backwards from $A_T = 0$, where $\lambda$ is
    `trace_decay`.

    Args:
        rewards: Floats of shape (..., T), T at least 1, time along the last axis.
        values: Floats of shape (..., T + 1) and the dtype of `rewards`: the values of all states,
            the one after the last step included.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]: gamma, and 0 at a
            terminal step, where the next value and all later errors do not count.
        trace_decay: Lambda, from 0 (the TD error) to 1 (the return minus the value). A larger one
            trusts the rewards more than the values: less bias, more variance.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or
            `trace_decay` is no number.
        ValueError: The shapes do not fit, there is no step, or a discount or `trace_decay` lies
            outside [0, 1].

    Convention:
        Adding `values[..., :-1]` gives `value.lambda_returns`, the targets of the values. After a
        time limit the discount stays gamma and the row ends, with the last state's value.

    Example:
        >>> import numpy as np
        >>> rewards, values = np.asarray([1.0, 1.0]), np.asarray([2.0, 2.0, 4.0])
        >>> discounts = np.asarray([0.5, 0.5])
        >>> generalized_advantage_estimation(rewards, values, discounts, trace_decay=0.5).tolist()
        [0.25, 1.0]

    Reference:
        Schulman et al. (2016), High-Dimensional Continuous Control Using Generalized Advantage
        Estimation, eq. 16.
    """
    xp = real_namespace(rewards=rewards, values=values, discounts=discounts)
    check_axes("... T, ... S, ... T", rewards=rewards, values=values, discounts=discounts)
    if values.shape[-1] != rewards.shape[-1] + 1:
        expected = (*rewards.shape[:-1], rewards.shape[-1] + 1)
        raise ValueError(f"values: expected shape {expected}, got {tuple(values.shape)}")
    check_values(UNIT_CLOSED, discounts=discounts)
    trace_decay = check_in(UNIT_CLOSED, trace_decay=trace_decay)
    errors = td_targets(rewards, values[..., 1:], discounts) - values[..., :-1]
    return discounted_returns(errors, trace_decay * discounts, xp.zeros_like(values[..., 0]))
