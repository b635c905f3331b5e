"""Losses of policies in reinforcement learning: which actions should become likelier?

A policy is a softmax over the logits of the actions, or given by the log-probabilities of the
actions that were taken. Each loss is a surrogate: its gradient is the one that policy gradients ask
for, its value means little, and a lower one is no better policy. Advantages, old policies and
targets are held constant: autograd takes nothing through them.

An actor-critic adds what is here to a value loss of `losses.value`: the objective is the mean of
`reinforce` or `ppo_clip`, plus a weight times `value.td`, minus a weight times `entropy`.
"""

import math
from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    UNIT_CLOSED,
    UNIT_OPEN,
    Array,
    check_axes,
    check_in,
    check_labels,
    check_values,
    float_namespace,
    pick,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.classification import (
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)
from losscourse.losses.divergence import forward_kl
from losscourse.losses.value import discounted_returns, td, td_grad, td_targets

__all__ = [
    "boltzmann",
    "entropy",
    "entropy_grad",
    "generalized_advantage_estimation",
    "ppo_clip",
    "ppo_clip_grad",
    "ppo_kl",
    "ppo_kl_grad",
    "reinforce",
    "reinforce_grad",
    "sac_actor",
    "sac_actor_grad",
    "sac_critic",
    "sac_critic_grad",
    "soft_targets",
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
    xp, advantages, _, held = _cut_off(log_probs, old_log_probs, advantages, clip)
    return -advantages * xp.exp(held)


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
    xp, advantages, log_ratios, held = _cut_off(log_probs, old_log_probs, advantages, clip)
    slopes = -advantages * xp.exp(held)
    return slopes * xp.astype(held == log_ratios, slopes.dtype)


def _cut_off(
    log_probs: Array, old_log_probs: Array, advantages: Array, clip: float
) -> tuple[Any, Array, Array, Array]:
    """Return the namespace, the advantages, and the log-ratios: as they are, and cut off."""
    xp = float_namespace(log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    clip = check_in(UNIT_OPEN, clip=clip)
    low, high = math.log1p(-clip), math.log1p(clip)
    log_ratios, advantages = log_probs - stop_gradient(old_log_probs), stop_gradient(advantages)
    held = xp.where(advantages >= 0, xp.clip(log_ratios, max=high), xp.clip(log_ratios, min=low))
    return xp, advantages, log_ratios, held


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
    check_axes("... T, ... T", rewards=rewards, discounts=discounts)
    expected = (*rewards.shape[:-1], rewards.shape[-1] + 1)
    if values.shape != expected:
        raise ValueError(
            f"values: expected shape {expected}, one value more than rewards, "
            f"got {tuple(values.shape)}"
        )
    check_values(UNIT_CLOSED, discounts=discounts)
    trace_decay = check_in(UNIT_CLOSED, trace_decay=trace_decay)
    errors = td_targets(rewards, values[..., 1:], discounts) - values[..., :-1]
    return discounted_returns(errors, trace_decay * discounts, xp.zeros_like(values[..., 0]))


def entropy(logits: Array) -> Array:
    r"""Return the entropy of each policy: how undecided it is.

    Formula: $H = -\sum_k \pi_k \log \pi_k$, where `π = softmax(logits)`.

    Args:
        logits: Floats of shape (..., K).

    Returns:
        Array of shape (...) and the dtype of `logits`, in nats; from 0, one sure action, to log K,
        all actions alike.

    Gradient:
        $-\pi\,(\log \pi + H)$; see `entropy_grad`.

    Raises:
        TypeError: `logits` is no array of floats.
        ValueError: `logits` has no axis, or no element along the last one.

    Numerics:
        An action of the logit -inf adds nothing; the naive product is 0 · -inf.

    Convention:
        It is a bonus: an objective that is minimised has minus a weight times the entropy.
        `torch.distributions.Categorical(logits=logits).entropy()`.

    Example:
        >>> import numpy as np
        >>> entropy(np.asarray([[0.0, 0.0], [0.0, -np.inf]])).round(4).tolist()
        [0.6931, 0.0]

    Reference:
        Mnih et al. (2016), Asynchronous Methods for Deep Reinforcement Learning, who add it to the
        objective of the policy.
    """
    return _mean_surprises(logits)[..., 0]


def entropy_grad(logits: Array) -> Array:
    r"""Return the derivative of the summed `entropy` by the logits.

    Formula: $-\pi\,(\log \pi + H)$, where `π = softmax(logits)` and H is the entropy. Each row sums
    to 0: it lifts actions that are rarer than the average and lowers the others.

    Args:
        logits: Floats of shape (..., K).

    Returns:
        Array of the shape and dtype of `logits`; bounded.

    Raises:
        TypeError: `logits` is no array of floats.
        ValueError: `logits` has no axis, or no element along the last one.

    Example:
        >>> import numpy as np
        >>> entropy_grad(np.asarray([[0.0, 0.0], [2.0, 0.0]])).round(4).tolist()
        [[0.0, 0.0], [-0.21, 0.21]]
    """
    mean, probs = _mean_surprises(logits), stable.softmax(logits)
    return stable.times(probs, -stable.log_softmax(logits)) - probs * mean


def _mean_surprises(logits: Array) -> Array:
    """Return the mean of -log π under π, of each row of logits; the last axis keeps one element."""
    xp = _check_actions(logits=logits)
    terms = stable.times(stable.softmax(logits), -stable.log_softmax(logits))
    return xp.sum(terms, axis=-1, keepdims=True)


def _check_actions(**named: Array) -> Any:
    """Check that one array of floats has rows of at least one action; return its namespace."""
    xp = real_namespace(**named)
    check_axes("... K", **named)
    ((name, rows),) = named.items()
    if rows.shape[-1] == 0:
        raise ValueError(f"{name}: expected at least one action, got none")
    return xp


def boltzmann(q_values: Array, *, temperature: float = 1.0) -> Array:
    r"""Return the probabilities of Boltzmann exploration: better actions more often, none never.

    Formula: $\operatorname{softmax}(q / T)$, where q are the values of the actions and T is
    `temperature`.

    Args:
        q_values: Floats of shape (..., K).
        temperature: How even the probabilities are, in the reward's unit; positive. Towards 0 the
            best action takes all, towards infinity all are alike.

    Returns:
        Array of the shape and dtype of `q_values`; each row a distribution.

    Raises:
        TypeError: `q_values` is no array of floats, or `temperature` is no number.
        ValueError: `q_values` has no axis, or no element along the last one, or `temperature` is
            not positive.

    Convention:
        The temperature has the unit of the values: rewards scaled by 10 need a tenfold one. Best
        actions that tie share the probability. The largest value is subtracted before the division,
        which a low temperature could make overflow.

    Example:
        >>> import numpy as np
        >>> boltzmann(np.asarray([[1.0, 0.0]]), temperature=0.5).round(4).tolist()
        [[0.8808, 0.1192]]

    Reference:
        Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 2.8, whose
        preferences are $q/T$ here.
    """
    xp = _check_actions(q_values=q_values)
    temperature = check_in(POSITIVE, temperature=temperature)
    behind = q_values - xp.max(q_values, axis=-1, keepdims=True)
    return stable.softmax(behind / temperature)


def soft_targets(
    rewards: Array,
    next_q_values: Array,
    twin_next_q_values: Array,
    next_log_probs: Array,
    discounts: Array,
    *,
    alpha: float = 0.2,
) -> Array:
    r"""Return the targets of soft actor-critic: the reward, the next value and the next entropy.

    Formula: $y = r + \gamma\,(\min(q', \tilde q') - \alpha \log \pi')$, where q' and $\tilde q'$
    are the values that two networks give to a next action drawn from the policy, $\pi'$ is its
    probability and $\alpha$ is `alpha`.

    Args:
        rewards: Floats of any shape.
        next_q_values: Floats of the shape and dtype of `rewards`, from the one target network.
        twin_next_q_values: Floats of the shape and dtype of `rewards`, from the other.
        next_log_probs: Floats of the shape and dtype of `rewards`: the log-probability, or
            log-density, of the next action.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.
        alpha: What a nat of entropy is worth, in the reward's unit; at least 0.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `alpha` is
            no number.
        ValueError: The shapes differ, a discount lies outside [0, 1], or `alpha` is negative.

    Convention:
        The paper scales the rewards and leaves alpha at 1, and learns the value of a state as well;
        here that value is the bracket, from one action.

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([x]) for x in (1.0, 2.0, 3.0, -1.0, 0.5))
        >>> soft_targets(*arrays, alpha=0.5).tolist()
        [2.25]

    Reference:
        Haarnoja et al. (2018), Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement
        Learning with a Stochastic Actor, section 4.2.
    """
    float_namespace(
        rewards=rewards,
        next_q_values=next_q_values,
        twin_next_q_values=twin_next_q_values,
        next_log_probs=next_log_probs,
        discounts=discounts,
    )
    soft_values = -sac_actor(next_q_values, twin_next_q_values, next_log_probs, alpha=alpha)
    return td_targets(rewards, soft_values, discounts)


def sac_critic(q_values: Array, twin_q_values: Array, targets: Array) -> Array:
    r"""Return the loss of soft actor-critic's two critics: both against one target.

    Formula: $\tfrac12 (q - y)^2 + \tfrac12 (\tilde q - y)^2$, where q and $\tilde q$ are the values
    that the two networks give to the action that was taken, and y is the target.

    Args:
        q_values: Floats of any shape, from the one network.
        twin_q_values: Floats of the shape and dtype of `q_values`, from the other.
        targets: Floats of the shape and dtype of `q_values`, such as `soft_targets` gives. Held
            constant.

    Returns:
        Array of the shape and dtype of `q_values`, in the reward's unit squared; at least 0.

    Gradient:
        $q - y$ and $\tilde q - y$; see `sac_critic_grad`.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ.

    Numerics:
        Overflows where `value.td` does.

    Convention:
        The sum of two `value.td` losses, each with its factor ½. Half of
        `torch.nn.functional.mse_loss` of both, unreduced.

    Example:
        >>> import numpy as np
        >>> sac_critic(np.asarray([2.0]), np.asarray([0.0]), np.asarray([1.0])).tolist()
        [1.0]

    Reference:
        Haarnoja et al. (2018), Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement
        Learning with a Stochastic Actor, section 4.2.
    """
    float_namespace(q_values=q_values, twin_q_values=twin_q_values, targets=targets)
    return td(q_values, targets) + td(twin_q_values, targets)


def sac_critic_grad(q_values: Array, twin_q_values: Array, targets: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `sac_critic` by both values.

    Formula: $q - y$ and $\tilde q - y$.

    Args:
        q_values: Floats of any shape.
        twin_q_values: Floats of the shape and dtype of `q_values`.
        targets: Floats of the shape and dtype of `q_values`.

    Returns:
        Two arrays of the shape and dtype of `q_values`, in the reward's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np
        >>> gradients = sac_critic_grad(np.asarray([2.0]), np.asarray([0.0]), np.asarray([1.0]))
        >>> [gradient.tolist() for gradient in gradients]
        [[1.0], [-1.0]]
    """
    float_namespace(q_values=q_values, twin_q_values=twin_q_values, targets=targets)
    return td_grad(q_values, targets), td_grad(twin_q_values, targets)


def sac_actor(
    q_values: Array, twin_q_values: Array, log_probs: Array, *, alpha: float = 0.2
) -> Array:
    r"""Return soft actor-critic's loss of the policy: less value and less entropy cost more.

    Formula: $\alpha \log \pi - \min(q, \tilde q)$, where $\pi$ is the probability of an action
    drawn from the policy, q and $\tilde q$ are the values that two networks give to it, and
    $\alpha$ is `alpha`.

    Args:
        q_values: Floats of any shape, from the one network: values of actions that the policy
            has drawn in such a way that they can be differentiated.
        twin_q_values: Floats of the shape and dtype of `q_values`, from the other.
        log_probs: Floats of the shape and dtype of `q_values`: the log-probability, or
            log-density, of each action.
        alpha: What a nat of entropy is worth, in the reward's unit; at least 0.

    Returns:
        Array of the shape and dtype of `q_values`, in the reward's unit; any sign.

    Gradient:
        -1 for the smaller value, 0 for the larger, alpha for the log-probability; see
        `sac_actor_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `alpha` is
            no number.
        ValueError: The shapes differ, or `alpha` is negative.

    Numerics:
        At alpha 0 a log-probability of -inf counts nothing.

    Convention:
        The gradient reaches the policy through the action: keep it in the graph, and step with the
        policy's parameters alone. Minus this loss is the soft value of the state, from one action.

    Example:
        >>> import numpy as np
        >>> sac_actor(np.asarray([2.0]), np.asarray([3.0]), np.asarray([-1.0]), alpha=0.5).tolist()
        [-2.5]

    Reference:
        Haarnoja et al. (2018), Soft Actor-Critic: Off-Policy Maximum Entropy Deep Reinforcement
        Learning with a Stochastic Actor, section 4.2.
    """
    xp = float_namespace(q_values=q_values, twin_q_values=twin_q_values, log_probs=log_probs)
    weights = xp.full_like(log_probs, check_in(NON_NEGATIVE, alpha=alpha))
    return stable.times(weights, log_probs) - xp.minimum(q_values, twin_q_values)


def sac_actor_grad(
    q_values: Array, twin_q_values: Array, log_probs: Array, *, alpha: float = 0.2
) -> tuple[Array, Array, Array]:
    r"""Return the derivatives of the summed `sac_actor` by both values and the log-probabilities.

    Formula: $-[q < \tilde q]$, $-[\tilde q < q]$ and $\alpha$. At the kink, where the values are
    equal, each takes half.

    Args:
        q_values: Floats of any shape.
        twin_q_values: Floats of the shape and dtype of `q_values`.
        log_probs: Floats of the shape and dtype of `q_values`.
        alpha: What a nat of entropy is worth; at least 0.

    Returns:
        Three arrays of the shape and dtype of `q_values`; the first two from -1 to 0, the third
        alpha.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `alpha` is
            no number.
        ValueError: The shapes differ, or `alpha` is negative.

    Example:
        >>> import numpy as np
        >>> arrays = np.asarray([2.0, 2.0]), np.asarray([3.0, 2.0]), np.asarray([-1.0, -1.0])
        >>> [gradient.tolist() for gradient in sac_actor_grad(*arrays, alpha=0.5)]
        [[-1.0, -0.5], [-0.0, -0.5], [0.5, 0.5]]
    """
    xp = float_namespace(q_values=q_values, twin_q_values=twin_q_values, log_probs=log_probs)
    alpha = check_in(NON_NEGATIVE, alpha=alpha)
    tied = q_values == twin_q_values  # also where both are infinite: no inf - inf
    lead = xp.where(tied, xp.zeros_like(q_values), xp.sign(q_values - twin_q_values))
    slopes = xp.where(xp.isnan(log_probs), log_probs, xp.full_like(log_probs, alpha))
    return (lead - 1) / 2, -(lead + 1) / 2, slopes


def ppo_kl(
    logits: Array, old_logits: Array, actions: Array, advantages: Array, *, beta: float = 1.0
) -> Array:
    r"""Return PPO's loss with a penalty: the divergence of the policy from the one before.

    Formula: $-r A + \beta \sum_k \pi'_k\,(\log \pi'_k - \log \pi_k)$ with $r = \pi_a / \pi'_a$,
    where `π = softmax(logits)` is the policy, π' the one that took the action a, A the action's
    advantage and $\beta$ is `beta`.

    Args:
        logits: Floats of shape (..., K).
        old_logits: Floats of the shape and dtype of `logits`, from when the actions were taken.
            Held constant.
        actions: Integers of shape (...), from 0 to K - 1.
        advantages: Floats of shape (...) and the dtype of `logits`. Held constant.
        beta: What a nat of divergence costs, in the advantage's unit; at least 0.

    Returns:
        Array of the shape of `actions` and the dtype of `logits`, in the advantage's unit.

    Gradient:
        $r A\,(\pi - 1_a) + \beta\,(\pi - \pi')$; see `ppo_kl_grad`.

    Raises:
        TypeError: `logits`, `old_logits` or `advantages` is no array of floats, `actions` is no
            array of integers, they differ in library or dtype, or `beta` is no number.
        ValueError: The shapes do not fit, an action is out of range, or `beta` is negative.

    Numerics:
        Where the advantage is 0, the ratio is not formed: one that overflows would make NaN of it.
        Where it is not, such a ratio makes the loss infinite and the gradient infinite or NaN, from
        autograd too: from a log-ratio of 89 in float32, 12 in float16. The penalty is there to
        prevent it.
        At a `beta` of 0 an infinite divergence costs nothing.

    Convention:
        KL(π', π), the old policy first, per state and over all actions: no estimate from the
        action taken. The paper changes beta from update to update. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, old_logits = np.log([[0.6, 0.4]]), np.log([[0.5, 0.5]])
        >>> ppo_kl(logits, old_logits, np.asarray([0]), np.asarray([1.0])).round(4).tolist()
        [-1.1796]

    Reference:
        Schulman et al. (2017), Proximal Policy Optimization Algorithms, eq. 8.
    """
    weighted = _weighted_ratios(logits, old_logits, actions, advantages)
    beta = check_in(NON_NEGATIVE, beta=beta)
    old_probs = stable.softmax(stop_gradient(old_logits))
    divergences = forward_kl(stable.log_softmax(logits), old_probs)
    weights = real_namespace(divergences=divergences).full_like(divergences, beta)
    return stable.times(weights, divergences) - weighted


def ppo_kl_grad(
    logits: Array, old_logits: Array, actions: Array, advantages: Array, *, beta: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `ppo_kl` by the logits.

    Formula: $r A\,(\pi - 1_a) + \beta\,(\pi - \pi')$: that of `reinforce` with the advantage times
    the ratio, and a pull back to the old policy. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        old_logits: Floats of the shape and dtype of `logits`.
        actions: Integers of shape (...), from 0 to K - 1.
        advantages: Floats of shape (...) and the dtype of `logits`.
        beta: What a nat of divergence costs, in the advantage's unit; at least 0.

    Returns:
        Array of the shape and dtype of `logits`, in the advantage's unit; unbounded.

    Raises:
        TypeError: `logits`, `old_logits` or `advantages` is no array of floats, `actions` is no
            array of integers, they differ in library or dtype, or `beta` is no number.
        ValueError: The shapes do not fit, an action is out of range, or `beta` is negative.

    Example:
        >>> import numpy as np
        >>> logits, old_logits = np.log([[0.6, 0.4]]), np.log([[0.5, 0.5]])
        >>> ppo_kl_grad(logits, old_logits, np.asarray([0]), np.asarray([1.0])).round(4).tolist()
        [[-0.38, 0.38]]
    """
    weighted = _weighted_ratios(logits, old_logits, actions, advantages)
    beta = check_in(NON_NEGATIVE, beta=beta)
    pull = stable.softmax(logits) - stable.softmax(old_logits)
    return reinforce_grad(logits, actions, weighted) + beta * pull


def _weighted_ratios(logits: Array, old_logits: Array, actions: Array, advantages: Array) -> Array:
    """Return the ratio of each action's probabilities times its advantage."""
    xp = real_namespace(logits=logits, old_logits=old_logits, advantages=advantages)
    check_axes(
        "... K, ... K, ..., ...",
        logits=logits,
        old_logits=old_logits,
        actions=actions,
        advantages=advantages,
    )
    check_labels(logits.shape[-1], logits=logits, actions=actions)
    old, advantages = stop_gradient(old_logits), stop_gradient(advantages)
    log_probs, old_log_probs = (pick(stable.log_softmax(z), actions) for z in (logits, old))
    log_ratios = log_probs - old_log_probs
    counted = xp.where(advantages == 0, xp.zeros_like(log_ratios), log_ratios)
    return xp.exp(counted) * advantages
