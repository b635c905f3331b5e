"""Losses of values in reinforcement learning: how much return follows from here?

A value is compared with a target that is built from rewards and from the value of what comes next.
Each loss holds its target constant: autograd takes nothing through it, though it may come from the
network that is trained. With the gradient through the target, it would be another method.

One convention for time. `rewards[..., t]` is the reward of the action at time t,
`discounts[..., t]` the weight of all that follows it, and `next_values[..., t]` the value of the
state that follows it. The discount is gamma where the episode goes on and 0 where it terminates, so
that no other flag is needed. A time limit that cuts an episode short is no termination: there the
discount stays gamma, the value of the last state stands for what would have come, and the row ends.
Time lies along the last axis; each episode that was cut has a row of its own.
"""

from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    POSITIVE,
    UNIT_CLOSED,
    Array,
    Interval,
    check_axes,
    check_distributions,
    check_in,
    check_labels,
    check_values,
    float_namespace,
    one_hot,
    pick,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.classification import softmax_cross_entropy, softmax_cross_entropy_grad
from losscourse.losses.regression import huber, huber_grad

__all__ = [
    "categorical_td",
    "categorical_td_grad",
    "clipped_value",
    "clipped_value_grad",
    "discounted_returns",
    "double_q_targets",
    "expected_sarsa_targets",
    "lambda_returns",
    "n_step_returns",
    "project_distribution",
    "q_learning",
    "q_learning_grad",
    "q_learning_targets",
    "quantile_td",
    "quantile_td_grad",
    "td",
    "td_grad",
    "td_targets",
]

_FROM_ONE = Interval(1, float("inf"), low_closed=True)


def td(values: Array, targets: Array) -> Array:
    r"""Return half the squared temporal-difference error of each value.

    Formula: $\tfrac12 (v - y)^2$, where v is a value and y its target. The TD error is
    $\delta = y - v$.

    Args:
        values: Floats of any shape: predicted returns.
        targets: Floats of the shape and dtype of `values`, such as `td_targets` gives; held
            constant.

    Returns:
        Array of the shape and dtype of `values`, in the reward's unit squared; at least 0.

    Gradient:
        $v - y = -\delta$, called a semi-gradient, since the target depends on the values too; see
        `td_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        Overflows where |v - y| exceeds the root of twice the largest float: 361 in float16.

    Convention:
        With the factor ½, so that a step of descent is TD(0)'s update, the learning rate times the
        TD error. `torch.nn.functional.mse_loss(values, targets, reduction="none") / 2`.

    Example:
        >>> import numpy as np
        >>> td(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.0])).tolist()
        [0.5, 0.0]

    Reference:
        Sutton (1988), Learning to Predict by the Methods of Temporal Differences.
    """
    float_namespace(values=values, targets=targets)
    return _half_square(values - stop_gradient(targets))


def td_grad(values: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `td` by the values.

    Formula: $v - y$, minus the TD error.

    Args:
        values: Floats of any shape.
        targets: Floats of the shape and dtype of `values`.

    Returns:
        Array of the shape and dtype of `values`, in the reward's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> td_grad(np.asarray([2.0, 0.0]), np.asarray([3.0, 0.0])).tolist()
        [-1.0, 0.0]
    """
    float_namespace(values=values, targets=targets)
    return values - targets


def _half_square(x: Array) -> Array:
    """Return x²/2, which overflows only where that does."""
    return x * (x / 2)


def q_learning(q_values: Array, actions: Array, targets: Array, *, delta: float = 1.0) -> Array:
    r"""Return the Huber loss of the value of each action that was taken: DQN's loss.

    Formula: $h_\delta(q_a - y)$, where q are the values of the actions, a is the one taken, y its
    target, and $h_\delta$ is the Huber loss: $e^2/2$ for $|e| \le \delta$ and
    $\delta\,(|e| - \delta/2)$ beyond.

    Args:
        q_values: Floats of shape (..., A).
        actions: Integers of shape (...), from 0 to A - 1.
        targets: Floats of shape (...) and the dtype of `q_values`, such as `q_learning_targets`
            or `double_q_targets` give; held constant.
        delta: The TD error at which the loss turns from squared to absolute, in the reward's
            unit; positive.

    Returns:
        Array of the shape of `actions` and the dtype of `q_values`, in the reward's unit squared;
        at least 0.

    Gradient:
        $q_a - y$ clipped to $[-\delta, \delta]$ at the action taken, 0 at the others; see
        `q_learning_grad`.

    Raises:
        TypeError: `q_values` or `targets` is no array of floats, `actions` is no array of integers,
            they differ in library or dtype, or `delta` is no number.
        ValueError: The shapes do not fit, an action is out of range, or `delta` is not positive.

    Numerics:
        The square is never formed beyond delta; see `regression.huber`.

    Convention:
        With the factor ½. The squared loss of the action's value is
        `td(arrays.pick(q_values, actions), targets)`, which a large delta gives as well. At delta 1
        it is the clipped error term of DQN.

    Example:
        >>> import numpy as np
        >>> q_values, actions = np.asarray([[2.0, 0.0], [0.0, 10.0]]), np.asarray([0, 1])
        >>> q_learning(q_values, actions, np.asarray([1.5, 0.0])).tolist()
        [0.125, 9.5]

    Reference:
        Mnih et al. (2015), Human-Level Control through Deep Reinforcement Learning, methods.
    """
    _check_taken(q_values, actions, targets)
    return huber(pick(q_values, actions), stop_gradient(targets), delta=delta)


def q_learning_grad(
    q_values: Array, actions: Array, targets: Array, *, delta: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `q_learning` by the values of the actions.

    Formula: $\min(\max(q_a - y, -\delta), \delta)$ at the action taken, 0 at the others.

    Args:
        q_values: Floats of shape (..., A).
        actions: Integers of shape (...), from 0 to A - 1.
        targets: Floats of shape (...) and the dtype of `q_values`.
        delta: The TD error at which the loss turns from squared to absolute; positive.

    Returns:
        Array of the shape and dtype of `q_values`, in the reward's unit; in [-delta, delta].

    Raises:
        TypeError: `q_values` or `targets` is no array of floats, `actions` is no array of integers,
            they differ in library or dtype, or `delta` is no number.
        ValueError: The shapes do not fit, an action is out of range, or `delta` is not positive.

    Example:
        >>> import numpy as np
        >>> q_values, actions = np.asarray([[2.0, 0.0], [0.0, 10.0]]), np.asarray([0, 1])
        >>> q_learning_grad(q_values, actions, np.asarray([1.5, 0.0])).tolist()
        [[0.5, 0.0], [0.0, 1.0]]
    """
    _check_taken(q_values, actions, targets)
    slope = huber_grad(pick(q_values, actions), targets, delta=delta)
    return slope[..., None] * one_hot(actions, q_values)


def _check_taken(q_values: Array, actions: Array, targets: Array) -> None:
    """Check values of actions (..., A), the actions taken and their targets (...)."""
    real_namespace(q_values=q_values, targets=targets)
    check_axes("... A, ..., ...", q_values=q_values, actions=actions, targets=targets)
    check_labels(q_values.shape[-1], q_values=q_values, actions=actions)


def clipped_value(values: Array, old_values: Array, targets: Array, *, clip: float = 0.2) -> Array:
    r"""Return the value loss with clipping that goes with PPO: a step pays off only near the old.

    Formula: $\tfrac12 \max\bigl((v - y)^2, (c - y)^2\bigr)$ with
    $c = \min(\max(v, v' - \varepsilon), v' + \varepsilon)$, where v is a value, v' the one before
    the update, y the target and $\varepsilon$ is `clip`. That is `td` with a floor:
    $\tfrac12 \max(|v - y|, |v' - y| - \varepsilon)^2$.

    Args:
        values: Floats of any shape: predicted returns.
        old_values: Floats of the shape and dtype of `values`: what was predicted when the data
            were gathered; held constant.
        targets: Floats of the shape and dtype of `values`; held constant.
        clip: How far from the old value a step may still lower the loss, in the reward's unit;
            positive.

    Returns:
        Array of the shape and dtype of `values`, in the reward's unit squared; at least 0.

    Gradient:
        $v - y$ where the first square is the larger one or c is v, else 0; see
        `clipped_value_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `clip` is
            no number.
        ValueError: The shapes differ, or `clip` is not positive.

    Numerics:
        The larger error is chosen before it is squared, so that the square left out cannot put NaN
        into a gradient by overflow.

    Convention:
        With the factor ½, as `td`. `clip` has the reward's unit: 0.2 means nothing apart from the
        scale of the returns. PPO's paper has no such term; implementations added it.

    Example:
        >>> import numpy as np
        >>> values, old_values = np.asarray([0.1, 0.5]), np.zeros(2)
        >>> clipped_value(values, old_values, np.ones(2)).round(3).tolist()
        [0.405, 0.32]

    Reference:
        Schulman et al. (2017), Proximal Policy Optimization Algorithms, whose clipping it carries
        over to values.
    """
    xp, clip = _check_clipped(values, old_values, targets, clip)
    error, clipped_error = _clipped_errors(xp, values, old_values, targets, clip)
    return _half_square(xp.where(xp.abs(error) >= xp.abs(clipped_error), error, clipped_error))


def clipped_value_grad(
    values: Array, old_values: Array, targets: Array, *, clip: float = 0.2
) -> Array:
    r"""Return the derivative of the summed `clipped_value` by the values.

    Formula: $v - y$ where $|v - y| \ge |c - y|$, else 0, where c is v clipped to
    $[v' - \varepsilon, v' + \varepsilon]$. At the kinks, where both are equal and c is not yet, or
    no longer, v, the slope of `td` is taken.

    Args:
        values: Floats of any shape.
        old_values: Floats of the shape and dtype of `values`.
        targets: Floats of the shape and dtype of `values`.
        clip: How far from the old value a step may still lower the loss; positive.

    Returns:
        Array of the shape and dtype of `values`, in the reward's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `clip` is
            no number.
        ValueError: The shapes differ, or `clip` is not positive.

    Example:
        >>> import numpy as np
        >>> values, old_values = np.asarray([0.1, 0.5]), np.zeros(2)
        >>> clipped_value_grad(values, old_values, np.ones(2)).tolist()
        [-0.9, 0.0]
    """
    xp, clip = _check_clipped(values, old_values, targets, clip)
    error, clipped_error = _clipped_errors(xp, values, old_values, targets, clip)
    farther = xp.abs(error) >= xp.abs(clipped_error)
    held = xp.where(xp.isnan(clipped_error), clipped_error, xp.zeros_like(error))
    return xp.where(farther, error, held)


def _check_clipped(
    values: Array, old_values: Array, targets: Array, clip: float
) -> tuple[Any, float]:
    """Check the arguments of `clipped_value`; return their namespace and `clip`."""
    xp = float_namespace(values=values, old_values=old_values, targets=targets)
    return xp, check_in(POSITIVE, clip=clip)


def _clipped_errors(
    xp: Any, values: Array, old_values: Array, targets: Array, clip: float
) -> tuple[Array, Array]:
    """Return the error of the value and that of the clipped value."""
    old_values, targets = stop_gradient(old_values), stop_gradient(targets)
    clipped = xp.minimum(xp.maximum(values, old_values - clip), old_values + clip)
    return values - targets, clipped - targets


def categorical_td(logits: Array, target_probs: Array) -> Array:
    r"""Return the cross-entropy between a target distribution of returns and the predicted one.

    Formula: $-\sum_i m_i \log p_i$, where `p = softmax(logits)` are the probabilities of the atoms
    of a fixed support and m the target's, brought onto the same atoms: C51's loss.

    Args:
        logits: Floats of shape (..., M): one logit for each atom of the support.
        target_probs: Floats of the shape and dtype of `logits`; each row is a distribution, such
            as `project_distribution` gives. Held constant.

    Returns:
        Array of shape (...) and the dtype of `logits`, in nats; at least the entropy of the
        target.

    Gradient:
        $p - m$; see `categorical_td_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of `target_probs` is no distribution.

    Numerics:
        See `stable.log_softmax`.

    Convention:
        `classification.softmax_cross_entropy`: what is new is the target. For the values of
        actions, take the logits of the action that was taken. The predicted return is
        $\sum_i p_i z_i$ over the atoms $z_i$. In torch: `torch.nn.functional.cross_entropy(logits,
        target_probs, reduction="none")`, there with the atoms on axis 1.

    Example:
        >>> import numpy as np
        >>> categorical_td(np.zeros((1, 2)), np.asarray([[0.25, 0.75]])).round(4).tolist()
        [0.6931]

    Reference:
        Bellemare, Dabney and Munos (2017), A Distributional Perspective on Reinforcement Learning,
        section 4.
    """
    _check_atoms(logits, target_probs)
    return softmax_cross_entropy(logits, stop_gradient(target_probs))


def categorical_td_grad(logits: Array, target_probs: Array) -> Array:
    r"""Return the derivative of the summed `categorical_td` by the logits.

    Formula: $p \sum_i m_i - m$, where `p = softmax(logits)`. The sum is 1 up to the rounding of the
    target, so each row is predicted minus target probabilities and sums to 0.

    Args:
        logits: Floats of shape (..., M).
        target_probs: Floats of the shape and dtype of `logits`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of `target_probs` is no distribution.

    Example:
        >>> import numpy as np
        >>> categorical_td_grad(np.zeros((1, 2)), np.asarray([[0.25, 0.75]])).tolist()
        [[0.25, -0.25]]
    """
    _check_atoms(logits, target_probs)
    return softmax_cross_entropy_grad(logits, target_probs)


def _check_atoms(logits: Array, target_probs: Array) -> None:
    """Check logits and target probabilities (..., M)."""
    real_namespace(logits=logits, target_probs=target_probs)
    check_axes("... M, ... M", logits=logits, target_probs=target_probs)
    check_distributions(target_probs=target_probs)


def project_distribution(probs: Array, atoms: Array, support: Array) -> Array:
    r"""Return a distribution brought onto other atoms: each mass goes to its two neighbours.

    Formula: $m_i = \sum_j w_i(x_j)\,p_j$, where $x_j$ is atom j clipped to the ends of the support
    and $w_i$ is the hat of the support's atom $z_i$: 1 there, 0 at its neighbours, linear between.

    Args:
        probs: Floats of shape (..., J); each row is a distribution.
        atoms: Floats of the shape and dtype of `probs`: where the mass lies. For C51's target that
            is `rewards[..., None] + discounts[..., None] * support`.
        support: Floats of shape (M,) and the dtype of `probs`, increasing, M at least 2: where the
            mass shall lie. The atoms need not be evenly spaced.

    Returns:
        Array of shape (..., M) and the dtype of `probs`; each row a distribution. Its mean is that
        of the argument where no atom lies beyond the ends.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, a row of `probs` is no distribution, or the support does
            not increase.

    Convention:
        An atom that falls on one of the support gives it all of its mass. With the weights
        $\lceil b \rceil - b$ and $b - \lfloor b \rfloor$ of the indices, where b is whole, the mass
        is lost.

    Example:
        >>> import numpy as np
        >>> support = np.asarray([0.0, 1.0, 2.0])
        >>> probs, atoms = np.asarray([0.5, 0.5]), np.asarray([0.25, 7.0])
        >>> project_distribution(probs, atoms, support).tolist()
        [0.375, 0.125, 0.5]

    Reference:
        Bellemare, Dabney and Munos (2017), A Distributional Perspective on Reinforcement Learning,
        section 4.
    """
    xp = real_namespace(probs=probs, atoms=atoms, support=support)
    check_axes("... J, ... J, M", probs=probs, atoms=atoms, support=support)
    check_distributions(probs=probs)
    if support.shape[0] < 2:
        raise ValueError(f"support: expected at least two atoms, got {support.shape[0]}")
    gaps = support[1:] - support[:-1]
    check_values(POSITIVE, **{"support's gaps": gaps})
    inside = xp.minimum(xp.maximum(atoms, support[0]), support[-1])
    offsets = inside[..., None, :] - support[:, None]
    below, above = xp.concat([gaps[:1], gaps]), xp.concat([gaps, gaps[-1:]])
    hats = xp.minimum(1 + offsets / below[:, None], 1 - offsets / above[:, None])
    return xp.sum(xp.clip(hats, min=0) * probs[..., None, :], axis=-1)


def quantile_td(quantiles: Array, targets: Array, *, kappa: float = 1.0) -> Array:
    r"""Return the quantile Huber loss of predicted quantiles of the return: QR-DQN's loss.

    Formula: $\sum_i \frac{1}{J} \sum_j |\tau_i - [y_j < q_i]|\,h_\kappa(q_i - y_j)$ with
    $\tau_i = (i + \tfrac12)/M$, where $q_i$ are the quantiles, counted from 0, $y_j$ the targets
    and $h_\kappa$ is the Huber loss: $e^2/2$ for $|e| \le \kappa$ and $\kappa\,(|e| - \kappa/2)$
    beyond.

    Args:
        quantiles: Floats of shape (..., M): the predicted quantile at each level $\tau_i$, the
            middle of the i-th of M equal parts of [0, 1].
        targets: Floats of shape (..., J) and the dtype of `quantiles`, J at least 1: samples of
            the return, such as `rewards[..., None] + discounts[..., None] * next_quantiles`. Held
            constant.
        kappa: The error at which the loss turns from squared to absolute, in the reward's unit;
            positive.

    Returns:
        Array of shape (...) and the dtype of `quantiles`, in the reward's unit squared; at least 0.
        The sum over the quantiles, the mean over the targets.

    Gradient:
        $\frac{1}{J} \sum_j |\tau_i - [y_j < q_i]|$ times $q_i - y_j$ clipped to
        $[-\kappa, \kappa]$; see `quantile_td_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `kappa` is no number.
        ValueError: The shapes do not fit, there is no target, or `kappa` is not positive.

    Numerics:
        All M · J differences are formed at once. The square is never formed beyond kappa.

    Convention:
        Not divided by kappa, as in the paper; divided by a small kappa it tends to the sum of
        `regression.pinball` at the levels. The order of the quantiles is not enforced. torch has no
        equivalent.

    Example:
        >>> import numpy as np
        >>> quantile_td(np.asarray([[0.0, 4.0]]), np.asarray([[1.0, 3.0]])).tolist()
        [0.75]

    Reference:
        Dabney et al. (2018), Distributional Reinforcement Learning with Quantile Regression.
    """
    xp, predicted, samples = _quantile_pairs(quantiles, targets)
    losses = huber(predicted, samples, delta=check_in(POSITIVE, kappa=kappa))
    return xp.sum(xp.mean(losses * _tilts(xp, predicted, samples), axis=-1), axis=-1)


def quantile_td_grad(quantiles: Array, targets: Array, *, kappa: float = 1.0) -> Array:
    r"""Return the derivative of the summed `quantile_td` by the quantiles.

    Formula: $\frac{1}{J} \sum_j |\tau_i - [y_j < q_i]|\,\min(\max(q_i - y_j, -\kappa), \kappa)$.
    There is no kink: where a quantile meets a target, the slope is 0 from both sides.

    Args:
        quantiles: Floats of shape (..., M).
        targets: Floats of shape (..., J) and the dtype of `quantiles`, J at least 1.
        kappa: The error at which the loss turns from squared to absolute; positive.

    Returns:
        Array of the shape and dtype of `quantiles`, in the reward's unit; element i in
        $[-\kappa \tau_i, \kappa (1 - \tau_i)]$.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `kappa` is no number.
        ValueError: The shapes do not fit, there is no target, or `kappa` is not positive.

    Example:
        >>> import numpy as np
        >>> quantile_td_grad(np.asarray([[0.0, 4.0]]), np.asarray([[1.0, 3.0]])).tolist()
        [[-0.25, 0.25]]
    """
    xp, predicted, samples = _quantile_pairs(quantiles, targets)
    slopes = huber_grad(predicted, samples, delta=check_in(POSITIVE, kappa=kappa))
    return xp.mean(slopes * _tilts(xp, predicted, samples), axis=-1)


def _quantile_pairs(quantiles: Array, targets: Array) -> tuple[Any, Array, Array]:
    """Return the namespace, and each quantile with each target: two views (..., M, J)."""
    xp = real_namespace(quantiles=quantiles, targets=targets)
    check_axes("... M, ... J", quantiles=quantiles, targets=targets)
    if targets.shape[-1] == 0:
        raise ValueError("targets: expected at least one sample, got none")
    pairs = quantiles[..., :, None], stop_gradient(targets)[..., None, :]
    return xp, *xp.broadcast_arrays(*pairs)


def _tilts(xp: Any, predicted: Array, samples: Array) -> Array:
    """Return the weight of each pair: tau where the quantile is too low, else 1 - tau."""
    count, device = predicted.shape[-2], array_api_compat.device(predicted)
    levels = (xp.arange(count, dtype=predicted.dtype, device=device)[:, None] + 0.5) / count
    return xp.where(predicted > samples, 1 - levels, levels)


def td_targets(rewards: Array, next_values: Array, discounts: Array) -> Array:
    r"""Return the target of each value: the reward and the discounted value of what follows.

    Formula: $y = r + \gamma v'$, where r is the reward, v' the value of the next state and
    $\gamma$ the discount, 0 at a terminal step.

    Args:
        rewards: Floats of any shape.
        next_values: Floats of the shape and dtype of `rewards`. With the value of the next action
            taken it is SARSA's target.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1].

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit. At a terminal step it is
        the reward, whatever the next value, an infinite one too.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ, or a discount lies outside [0, 1].

    Convention:
        At a time limit the discount stays gamma: the state is not terminal, its value counts.

    Example:
        >>> import numpy as np
        >>> rewards, next_values = np.asarray([1.0, 1.0]), np.asarray([10.0, 10.0])
        >>> td_targets(rewards, next_values, np.asarray([0.9, 0.0])).tolist()
        [10.0, 1.0]

    Reference:
        Sutton (1988), Learning to Predict by the Methods of Temporal Differences.
    """
    float_namespace(rewards=rewards, next_values=next_values, discounts=discounts)
    check_values(UNIT_CLOSED, discounts=discounts)
    return rewards + stable.times(discounts, next_values)


def q_learning_targets(rewards: Array, next_q_values: Array, discounts: Array) -> Array:
    r"""Return Q-learning's target: the reward and the discounted value of the best next action.

    Formula: $y = r + \gamma \max_a q'_a$, where q' are the values of the next actions.

    Args:
        rewards: Floats of any shape (...).
        next_q_values: Floats of shape (..., A) and the dtype of `rewards`; in DQN those of the
            target network.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, there is no action, or a discount lies outside [0, 1].

    Convention:
        Where the values carry noise, the maximum is too high on average: see `double_q_targets`.

    Example:
        >>> import numpy as np
        >>> rewards, next_q_values = np.asarray([1.0]), np.asarray([[10.0, 20.0]])
        >>> q_learning_targets(rewards, next_q_values, np.asarray([0.5])).tolist()
        [11.0]

    Reference:
        Watkins and Dayan (1992), Q-Learning.
    """
    real_namespace(rewards=rewards, next_q_values=next_q_values, discounts=discounts)
    check_axes("..., ... A, ...", rewards=rewards, next_q_values=next_q_values, discounts=discounts)
    return td_targets(rewards, _best(next_q_values=next_q_values), discounts)


def double_q_targets(
    rewards: Array, next_q_values: Array, selector_q_values: Array, discounts: Array
) -> Array:
    r"""Return double Q-learning's target: one network chooses the next action, another values it.

    Formula: $y = r + \gamma\,q'_b$ with $b = \arg\max_a s_a$, where s are the values that choose
    and q' those that count.

    Args:
        rewards: Floats of any shape (...).
        next_q_values: Floats of shape (..., A) and the dtype of `rewards`: the values that count,
            in double DQN those of the target network.
        selector_q_values: Floats of the shape and dtype of `next_q_values`: the values that
            choose, in double DQN those of the network that is trained.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit; at most
        `q_learning_targets` of the values that count.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, there is no action, or a discount lies outside [0, 1].

    Convention:
        Of actions that tie, the first is chosen in NumPy; torch promises no order.

    Example:
        >>> import numpy as np
        >>> next_q_values, selector = np.asarray([[10.0, 20.0]]), np.asarray([[3.0, 2.0]])
        >>> double_q_targets(np.asarray([1.0]), next_q_values, selector, np.asarray([0.5])).tolist()
        [6.0]

    Reference:
        van Hasselt, Guez and Silver (2016), Deep Reinforcement Learning with Double Q-learning.
    """
    xp = real_namespace(
        rewards=rewards,
        next_q_values=next_q_values,
        selector_q_values=selector_q_values,
        discounts=discounts,
    )
    check_axes(
        "..., ... A, ... A, ...",
        rewards=rewards,
        next_q_values=next_q_values,
        selector_q_values=selector_q_values,
        discounts=discounts,
    )
    best = _best(selector_q_values=selector_q_values)
    chosen = pick(next_q_values, xp.argmax(selector_q_values, axis=-1))
    # A choice among NaN is none: the NaN stays.
    return td_targets(rewards, xp.where(xp.isnan(best), best, chosen), discounts)


def expected_sarsa_targets(
    rewards: Array, next_q_values: Array, next_probs: Array, discounts: Array
) -> Array:
    r"""Return expected SARSA's target: the next actions' values, weighted by the policy.

    Formula: $y = r + \gamma \sum_a \pi_a q'_a$, where $\pi$ is the policy in the next state.

    Args:
        rewards: Floats of any shape (...).
        next_q_values: Floats of shape (..., A) and the dtype of `rewards`.
        next_probs: Floats of the shape and dtype of `next_q_values`; each row is a distribution.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, a row of `next_probs` is no distribution, or a discount
            lies outside [0, 1].

    Convention:
        An action of probability 0 does not count, whatever its value. A greedy policy gives
        `q_learning_targets`.

    Example:
        >>> import numpy as np
        >>> next_q_values, next_probs = np.asarray([[10.0, 20.0]]), np.asarray([[0.75, 0.25]])
        >>> rewards, discounts = np.asarray([1.0]), np.asarray([0.5])
        >>> expected_sarsa_targets(rewards, next_q_values, next_probs, discounts).tolist()
        [7.25]

    Reference:
        Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 6.6.
    """
    xp = real_namespace(
        rewards=rewards, next_q_values=next_q_values, next_probs=next_probs, discounts=discounts
    )
    check_axes(
        "..., ... A, ... A, ...",
        rewards=rewards,
        next_q_values=next_q_values,
        next_probs=next_probs,
        discounts=discounts,
    )
    check_distributions(next_probs=next_probs)
    expected = xp.sum(stable.times(next_probs, next_q_values), axis=-1)
    return td_targets(rewards, expected, discounts)


def _best(**named: Array) -> Array:
    """Return the value of the best action of each row of one named array."""
    xp = real_namespace(**named)
    ((name, q_values),) = named.items()
    if q_values.shape[-1] == 0:
        raise ValueError(f"{name}: expected at least one action, got none")
    return xp.max(q_values, axis=-1)


def discounted_returns(rewards: Array, discounts: Array, last_values: Array) -> Array:
    r"""Return the discounted sum of the rewards from each time on: the Monte Carlo return.

    Formula: $G_t = r_t + \gamma_t G_{t+1}$, backwards from $G_T = v_T$, the value of the state
    after the last step.

    Args:
        rewards: Floats of shape (..., T), T at least 1, time along the last axis.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.
        last_values: Floats of shape (...) and the dtype of `rewards`; they count only where the
            row ends before its episode does.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, there is no step, or a discount lies outside [0, 1].

    Convention:
        Several episodes may follow each other in a row, each ended by a discount of 0. An episode
        that a time limit cut has its own row: its discounts stay gamma, `last_values` stands for
        the rest.

    Example:
        >>> import numpy as np
        >>> rewards, discounts = np.asarray([1.0, 1.0, 1.0]), np.asarray([0.5, 0.5, 0.0])
        >>> discounted_returns(rewards, discounts, np.asarray(0.0)).tolist()
        [1.75, 1.5, 1.0]

    Reference:
        Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 3.3.
    """
    xp = real_namespace(rewards=rewards, discounts=discounts, last_values=last_values)
    check_axes("... T, ... T, ...", rewards=rewards, discounts=discounts, last_values=last_values)
    _check_time(rewards, discounts)
    returns = [last_values]
    for t in reversed(range(rewards.shape[-1])):
        returns.append(td_targets(rewards[..., t], returns[-1], discounts[..., t]))
    return xp.stack(returns[:0:-1], axis=-1)


def n_step_returns(
    rewards: Array, next_values: Array, discounts: Array, *, steps: int = 5
) -> Array:
    r"""Return n rewards and then the value of the state that they lead to, from each time on.

    Formula: $G^1_t = r_t + \gamma_t v'_t$ and $G^n_t = r_t + \gamma_t G^{n-1}_{t+1}$; where fewer
    than n steps are left, as many as there are.

    Args:
        rewards: Floats of shape (..., T), T at least 1, time along the last axis.
        next_values: Floats of the shape and dtype of `rewards`: the value of the state after each
            step.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.
        steps: How many rewards before the value takes over; a whole number, at least 1.

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `steps`
            is no number.
        ValueError: The shapes do not fit, there is no step, a discount lies outside [0, 1], or
            `steps` is no whole number from 1.

    Convention:
        One step gives `td_targets`, T steps or more `discounted_returns` with the last value.

    Example:
        >>> import numpy as np
        >>> rewards, next_values = np.asarray([1.0, 2.0, 4.0]), np.asarray([10.0, 20.0, 30.0])
        >>> n_step_returns(rewards, next_values, np.full(3, 0.5), steps=2).tolist()
        [7.0, 11.5, 19.0]

    Reference:
        Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 7.1.
    """
    xp = float_namespace(rewards=rewards, next_values=next_values, discounts=discounts)
    check_axes("... T", rewards=rewards)
    _check_time(rewards, discounts)
    whole = check_in(_FROM_ONE, steps=steps)
    if not whole.is_integer():
        raise ValueError(f"steps: expected a whole number, got {steps}")
    returns = td_targets(rewards, next_values, discounts)
    for _ in range(1, min(int(whole), rewards.shape[-1])):
        following = xp.concat([returns[..., 1:], next_values[..., -1:]], axis=-1)
        returns = td_targets(rewards, following, discounts)
    return returns


def lambda_returns(
    rewards: Array, next_values: Array, discounts: Array, *, trace_decay: float = 0.95
) -> Array:
    r"""Return the average of all n-step returns with weights that fade geometrically in n.

    Formula: $G_t = r_t + \gamma_t\bigl((1 - \lambda)\,v'_t + \lambda\,G_{t+1}\bigr)$, backwards
    from $G_T = v'_{T-1}$, where $\lambda$ is `trace_decay`.

    Args:
        rewards: Floats of shape (..., T), T at least 1, time along the last axis.
        next_values: Floats of the shape and dtype of `rewards`: the value of the state after each
            step.
        discounts: Floats of the shape and dtype of `rewards`, in [0, 1]; 0 at a terminal step.
        trace_decay: Lambda, from 0 (`td_targets`) to 1 (`discounted_returns` with the last value).

    Returns:
        Array of the shape and dtype of `rewards`, in the reward's unit.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or
            `trace_decay` is no number.
        ValueError: The shapes do not fit, there is no step, or a discount or `trace_decay` lies
            outside [0, 1].

    Convention:
        The n-step return has the weight $(1 - \lambda)\lambda^{n-1}$, the last one what is left of
        1.

    Example:
        >>> import numpy as np
        >>> rewards, next_values = np.asarray([1.0, 2.0]), np.asarray([10.0, 20.0])
        >>> lambda_returns(rewards, next_values, np.full(2, 0.5), trace_decay=0.5).tolist()
        [6.5, 12.0]

    Reference:
        Sutton and Barto (2018), Reinforcement Learning: An Introduction, section 12.1.
    """
    float_namespace(rewards=rewards, next_values=next_values, discounts=discounts)
    check_axes("... T", rewards=rewards)
    _check_time(rewards, discounts)
    trace_decay = check_in(UNIT_CLOSED, trace_decay=trace_decay)
    stopped = td_targets(rewards, next_values, (1 - trace_decay) * discounts)
    return discounted_returns(stopped, trace_decay * discounts, next_values[..., -1])


def _check_time(rewards: Array, discounts: Array) -> None:
    """Check that there is a step, and that the discounts are such."""
    if rewards.shape[-1] == 0:
        raise ValueError("rewards: expected at least one step, got none")
    check_values(UNIT_CLOSED, discounts=discounts)
