"""Losses for a target that is a class: which one is it, and how sure is the prediction?

In every formula z are logits, `softmax(z)` or the sigmoid `σ(z)` the probabilities, and y is the
label. Each loss is followed by its gradient, the derivative of the summed loss by its first
argument.
"""

import math
from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    UNIT_CLOSED,
    Array,
    Interval,
    check_axes,
    check_distributions,
    check_in,
    check_labels,
    check_signs,
    check_values,
    float_namespace,
    one_hot,
    pick,
    real_namespace,
)

__all__ = [
    "brier",
    "brier_grad",
    "distillation",
    "distillation_grad",
    "effective_number_weights",
    "exponential",
    "exponential_grad",
    "inverse_frequency_weights",
    "logit_adjusted_cross_entropy",
    "logit_adjusted_cross_entropy_grad",
    "modified_huber",
    "modified_huber_grad",
    "negative_log_likelihood",
    "negative_log_likelihood_grad",
    "sigmoid_binary_cross_entropy",
    "sigmoid_binary_cross_entropy_grad",
    "sigmoid_focal",
    "sigmoid_focal_grad",
    "smooth_labels",
    "softmax_brier",
    "softmax_brier_grad",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "softmax_cross_entropy_with_integer_labels",
    "softmax_cross_entropy_with_integer_labels_grad",
    "softmax_focal",
    "softmax_focal_grad",
    "softmax_generalised_cross_entropy",
    "softmax_generalised_cross_entropy_grad",
    "softmax_poly1",
    "softmax_poly1_grad",
    "softmax_symmetric_cross_entropy",
    "softmax_symmetric_cross_entropy_grad",
    "z_loss",
    "z_loss_grad",
]

_UNIT_FROM_ZERO = Interval(0, 1, low_closed=True)
_UNIT_TO_ONE = Interval(0, 1, high_closed=True)
_FROM_MINUS_ONE = Interval(-1, math.inf, low_closed=True)
_NEGATIVE = Interval(-math.inf, 0)
_NOT_POSITIVE = Interval(-math.inf, 0, high_closed=True)


def sigmoid_binary_cross_entropy(logits: Array, targets: Array) -> Array:
    r"""Return the binary cross-entropy of each logit: the log loss.

    Formula: $-y \log \sigma(z) - (1 - y) \log \sigma(-z)$, where z is a logit, y its target and
    $\sigma(z) = 1/(1 + e^{-z})$. That is $|z|$ times the target's part that the sign of z opposes,
    plus $\log(1 + e^{-|z|})$.

    Args:
        logits: Floats of any shape.
        targets: Floats of the shape and dtype of `logits`, from 0 to 1: a label, or its
            probability.

    Returns:
        Array of the shape and dtype of `logits`, in nats; at least the entropy of the target,
        which is 0 for a label.

    Gradient:
        $\sigma(z) - y$; see `sigmoid_binary_cross_entropy_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target lies outside [0, 1].

    Numerics:
        The logarithm of a probability that rounds to 0 is -inf: computed from probabilities, the
        loss of the logit -50 against 1 is right, but from -89 on it is inf in float32 with a NaN
        for its gradient, and so is that of +50 against 0. From logits both are kept; see
        `stable.softplus`.

    Convention:
        `torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")`.
        A row of several labels is a row of losses: sum or average them yourself.

    Example:
        >>> import numpy as np
        >>> losses = sigmoid_binary_cross_entropy(np.asarray([0.0, -50.0]), np.asarray([1.0, 1.0]))
        >>> losses.round(4).tolist()
        [0.6931, 50.0]

    Reference:
        Good (1952), Rational Decisions.
    """
    xp = _check_targets(logits, targets)
    opposed = xp.maximum(stable.times(1 - targets, logits), -stable.times(targets, logits))
    return opposed + xp.log1p(xp.exp(-xp.abs(logits)))


def sigmoid_binary_cross_entropy_grad(logits: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `sigmoid_binary_cross_entropy` by the logits.

    Formula: $\sigma(z) - y$: predicted minus actual probability.

    Args:
        logits: Floats of any shape.
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a target lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> logits, targets = np.asarray([0.0, -50.0]), np.asarray([1.0, 1.0])
        >>> sigmoid_binary_cross_entropy_grad(logits, targets).round(4).tolist()
        [-0.5, -1.0]
    """
    _check_targets(logits, targets)
    return stable.sigmoid(logits) - targets


def _check_targets(logits: Array, targets: Array) -> Any:
    """Check logits and targets from 0 to 1 of one shape; return their namespace."""
    xp = float_namespace(logits=logits, targets=targets)
    check_values(UNIT_CLOSED, targets=targets)
    return xp


def softmax_cross_entropy(logits: Array, targets: Array) -> Array:
    r"""Return the cross-entropy between each target distribution and the softmax of the logits.

    Formula: $-\sum_k y_k \log p_k$, where `p = softmax(logits)` and y is the target distribution.

    Args:
        logits: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `logits`; each row, along the last axis, is a
            distribution: one-hot, smoothed or a teacher's.

    Returns:
        Array of shape (...) and the dtype of `logits`, in nats; at least the entropy of the
        target, which is 0 for a one-hot row.

    Gradient:
        $p - y$; see `softmax_cross_entropy_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Numerics:
        See `stable.log_softmax`. A class with the logit -inf and the target 0 costs nothing; the
        naive product is 0 · inf.

    Convention:
        `torch.nn.functional.cross_entropy(logits, targets, reduction="none")`, there with the
        classes on axis 1.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[0.0, 0.0], [-np.inf, 0.0]])
        >>> softmax_cross_entropy(logits, np.asarray([[0.5, 0.5], [0.0, 1.0]])).round(4).tolist()
        [0.6931, 0.0]

    Reference:
        Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.108.
    """
    xp = _check_distributions(logits, targets)
    return xp.sum(stable.times(targets, -stable.log_softmax(logits)), axis=-1)


def softmax_cross_entropy_grad(logits: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `softmax_cross_entropy` by the logits.

    Formula: $p \sum_k y_k - y$, where `p = softmax(logits)`. The sum is 1 up to the rounding of
    the targets, so each row is predicted minus actual probabilities and sums to 0.

    Args:
        logits: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `logits`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Example:
        >>> import numpy as np
        >>> softmax_cross_entropy_grad(np.asarray([[0.0, 0.0]]), np.asarray([[0.0, 1.0]])).tolist()
        [[0.5, -0.5]]
    """
    xp = _check_distributions(logits, targets)
    total = xp.sum(targets, axis=-1, keepdims=True)
    return stable.softmax(logits) * total - targets


def _check_distributions(logits: Array, targets: Array) -> Any:
    """Check logits and target distributions (..., K); return their namespace."""
    xp = real_namespace(logits=logits, targets=targets)
    check_axes("... K, ... K", logits=logits, targets=targets)
    check_distributions(targets=targets)
    return xp


def softmax_cross_entropy_with_integer_labels(logits: Array, labels: Array) -> Array:
    r"""Return the cross-entropy of each label under the softmax of its logits.

    Formula: $-\log p_y = \log \sum_k e^{z_k} - z_y$, where `p = softmax(logits)` and y is the
    label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1. To leave examples out, give them any
            label and a mask in `reduce`: -1 or -100 are out of range.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least 0, log K where
        all logits are equal.

    Gradient:
        $p - 1_y$; see `softmax_cross_entropy_with_integer_labels_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        See `stable.log_softmax`.

    Convention:
        `torch.nn.functional.cross_entropy(logits, labels, reduction="none")`, there with the
        classes on axis 1. It takes logits: a softmax before it is a silent bug.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
        >>> labels = np.asarray([2, 1])
        >>> softmax_cross_entropy_with_integer_labels(logits, labels).round(4).tolist()
        [1.0986, 100.0]

    Reference:
        Bishop (2006), Pattern Recognition and Machine Learning, eq. 4.108.
    """
    _check_labels(labels, logits=logits)
    return -pick(stable.log_softmax(logits), labels)


def softmax_cross_entropy_with_integer_labels_grad(logits: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed cross-entropy of integer labels by the logits.

    Formula: $p - 1_y$, where `p = softmax(logits)` and $1_y$ is the one-hot row of the label. Each
    row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0]]), np.asarray([1])
        >>> softmax_cross_entropy_with_integer_labels_grad(logits, labels).tolist()
        [[0.5, -0.5]]
    """
    _check_labels(labels, logits=logits)
    return stable.softmax(logits) - one_hot(labels, logits)


def _check_labels(labels: Array, **named: Array) -> Any:
    """Check scores (..., K), by their name, and their labels (...); return the namespace."""
    (scores,) = named.values()
    xp = real_namespace(**named)
    check_axes("... K, ...", **named, labels=labels)
    check_labels(scores.shape[-1], **named, labels=labels)
    return xp


def smooth_labels(targets: Array, *, smoothing: float = 0.1) -> Array:
    r"""Return target distributions mixed with the uniform one.

    Formula: $(1 - \varepsilon)\, y + \varepsilon / K$, where $\varepsilon$ is `smoothing`. A row
    still sums to 1: the wrong classes share $\varepsilon (K - 1)/K$, not $\varepsilon$.

    Args:
        targets: Floats of shape (..., K); each row is a distribution, such as `arrays.one_hot`
            gives for labels.
        smoothing: The part of the mass that is spread over all K classes, in [0, 1).

    Returns:
        Array of the shape and dtype of `targets`; each row a distribution.

    Raises:
        TypeError: `targets` is no array of floats, or `smoothing` is no number.
        ValueError: A row of targets is no distribution, or `smoothing` is not in [0, 1).

    Convention:
        `label_smoothing` of `torch.nn.functional.cross_entropy`, which also spreads ε over all K
        classes. With ε/(K - 1) on the wrong classes alone, the same name means another target.

    Example:
        >>> import numpy as np
        >>> smooth_labels(np.asarray([[1.0, 0.0]]), smoothing=0.2).tolist()
        [[0.9, 0.1]]

    Reference:
        Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision, section 7.
    """
    real_namespace(targets=targets)
    check_axes("... K", targets=targets)
    check_distributions(targets=targets)
    smoothing = check_in(_UNIT_FROM_ZERO, smoothing=smoothing)
    return (1 - smoothing) * targets + smoothing / targets.shape[-1]


def negative_log_likelihood(log_probs: Array, labels: Array) -> Array:
    r"""Return the negative log-probability of each label.

    Formula: $-\log p_y$, where y is the label.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities, such as
            `stable.log_softmax` gives. Logits here are a silent bug.
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape of `labels` and the dtype of `log_probs`, in nats; at least 0 where the
        rows are log-probabilities, inf where the label's probability is 0.

    Gradient:
        $-1_y$, minus the one-hot row of the label; see `negative_log_likelihood_grad`.

    Raises:
        TypeError: `log_probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        Exact. The logarithm must not be taken of probabilities that have underflowed to 0.

    Convention:
        `torch.nn.functional.nll_loss(log_probs, labels, reduction="none")`, there with the classes
        on axis 1.

    Example:
        >>> import numpy as np
        >>> negative_log_likelihood(np.log([[0.5, 0.25, 0.25]]), np.asarray([1])).round(4).tolist()
        [1.3863]

    Reference:
        Good (1952), Rational Decisions.
    """
    _check_labels(labels, log_probs=log_probs)
    return -pick(log_probs, labels)


def negative_log_likelihood_grad(log_probs: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `negative_log_likelihood` by the log-probabilities.

    Formula: $-1_y$, minus the one-hot row of the label. It knows nothing of the normalisation:
    the softmax before it brings in the other classes.

    Args:
        log_probs: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `log_probs`; -1 at the label, 0 elsewhere.

    Raises:
        TypeError: `log_probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> negative_log_likelihood_grad(np.log([[0.5, 0.5]]), np.asarray([1])).tolist()
        [[0.0, -1.0]]
    """
    xp = _check_labels(labels, log_probs=log_probs)
    # The derivative does not depend on the value, but NaN in is NaN out.
    return xp.where(xp.isnan(log_probs), log_probs, 0 - one_hot(labels, log_probs))


def sigmoid_focal(logits: Array, targets: Array, *, gamma: float = 2.0) -> Array:
    r"""Return the focal loss of each logit: cross-entropy that fades for what is well classified.

    Formula: $-y\,(1 - p)^\gamma \log p - (1 - y)\, p^\gamma \log(1 - p)$, where
    $p = \sigma(z)$.

    Args:
        logits: Floats of any shape.
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.
        gamma: How fast the weight of an example fades as it is classified well; at least 0. At 0
            the loss is the binary cross-entropy.

    Returns:
        Array of the shape and dtype of `logits`, in nats; at least 0.

    Gradient:
        $y\,s(z) - (1 - y)\,s(-z)$ with
        $s(z) = \sigma(-z)^\gamma\,(\gamma\,\sigma(z)\log\sigma(z) - \sigma(-z))$; see
        `sigmoid_focal_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `gamma` is no number.
        ValueError: The two shapes differ, a target lies outside [0, 1], or `gamma` is negative.

    Numerics:
        At the logit 1000, 1 - p is 0, and autograd multiplies the infinite slope of its root by 0.
        Here the power is taken of log(1 - p), which is -1000. At the logit -inf the slope of the
        power is 0, and meets an infinite logarithm; it is left out.

    Convention:
        `torchvision.ops.sigmoid_focal_loss(logits, targets, alpha=-1, gamma=gamma)` for labels 0
        and 1. Its alpha is a weight of the classes: give `reduce.weighted_mean` the weights
        alpha and 1 - alpha, and divide by what that paper divides by.

    Example:
        >>> import numpy as np
        >>> logits, targets = np.asarray([0.0, 3.0]), np.asarray([1.0, 1.0])
        >>> sigmoid_focal(logits, targets).round(5).tolist()
        [0.17329, 0.00011]

    Reference:
        Lin et al. (2017), Focal Loss for Dense Object Detection, eq. 4.
    """
    _check_targets(logits, targets)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    hit_cost, miss_cost = stable.softplus(-logits), stable.softplus(logits)
    positive = stable.times(targets * _power(miss_cost, gamma), hit_cost)
    return positive + stable.times((1 - targets) * _power(hit_cost, gamma), miss_cost)


def sigmoid_focal_grad(logits: Array, targets: Array, *, gamma: float = 2.0) -> Array:
    r"""Return the derivative of the summed `sigmoid_focal` by the logits.

    Formula: $y\,s(z) - (1 - y)\,s(-z)$ with
    $s(z) = \sigma(-z)^\gamma\,(\gamma\,\sigma(z)\log\sigma(z) - \sigma(-z))$.

    Args:
        logits: Floats of any shape.
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.
        gamma: How fast the weight of an example fades; at least 0.

    Returns:
        Array of the shape and dtype of `logits`; bounded, and at gamma 0 in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `gamma` is no number.
        ValueError: The two shapes differ, a target lies outside [0, 1], or `gamma` is negative.

    Example:
        >>> import numpy as np
        >>> sigmoid_focal_grad(np.asarray([0.0]), np.asarray([1.0])).round(4).tolist()
        [-0.2983]
    """
    _check_targets(logits, targets)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    hit_cost, miss_cost = stable.softplus(-logits), stable.softplus(logits)
    positive = targets * _focal_slope(hit_cost, miss_cost, gamma)
    return positive - _focal_slope(miss_cost, hit_cost, gamma) * (1 - targets)


def _focal_slope(hit_cost: Array, miss_cost: Array, gamma: float) -> Array:
    """Return (1 - p)^γ (γ p log p - (1 - p)) from the costs -log p and -log(1 - p)."""
    xp = real_namespace(hit_cost=hit_cost)
    slope = xp.exp(-hit_cost) * xp.clip(hit_cost, max=float(xp.finfo(hit_cost.dtype).max))
    slope = gamma * slope + xp.exp(-miss_cost)
    return -_power(miss_cost, gamma) * slope


def _power(cost: Array, exponent: float) -> Array:
    """Return exp(-cost) ** exponent of costs from 0, with slope 0 at the costs 0 and infinity.

    The slope at these ends meets an infinite factor: autograd would make NaN of the two. Costs end
    at the root of the largest float, where the cost that they multiply has long been 0.
    """
    xp = real_namespace(cost=cost)
    limits = xp.finfo(cost.dtype)
    tiny, huge = float(limits.smallest_normal) * float(limits.eps), float(limits.max) ** 0.5
    return xp.exp(-exponent * xp.clip(cost, min=tiny, max=huge))


def softmax_focal(logits: Array, labels: Array, *, gamma: float = 2.0) -> Array:
    r"""Return the focal loss of each label under the softmax of its logits.

    Formula: $-(1 - p_y)^\gamma \log p_y$, where `p = softmax(logits)` and y is the label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        gamma: How fast the weight of an example fades as it is classified well; at least 0. At 0
            the loss is the cross-entropy.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least 0.

    Gradient:
        $(1 - p_y)^\gamma\,(\gamma\,p_y \log p_y - (1 - p_y))\,(1_y - r)$, where $r$ is the softmax
        over the other classes; see `softmax_focal_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `gamma` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `gamma` is negative.

    Numerics:
        Where p rounds to 1, 1 - p is 0 and its root has an infinite slope. Here log(1 - p) is the
        log-sum-exp of the other classes, which keeps its value and its slope.

    Convention:
        Two classes with the logits 0 and z give `sigmoid_focal` of z. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0], [0.0, 3.0]]), np.asarray([1, 1])
        >>> softmax_focal(logits, labels).round(5).tolist()
        [0.17329, 0.00011]

    Reference:
        Lin et al. (2017), Focal Loss for Dense Object Detection, eq. 4, for one class of many.
    """
    _check_labels(labels, logits=logits)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    hit_cost, miss_cost = _costs(logits, labels)
    return _power(miss_cost, gamma) * hit_cost


def softmax_focal_grad(logits: Array, labels: Array, *, gamma: float = 2.0) -> Array:
    r"""Return the derivative of the summed `softmax_focal` by the logits.

    Formula: $(1 - p_y)^\gamma\,(\gamma\,p_y \log p_y - (1 - p_y))\,(1_y - r)$, where
    `p = softmax(logits)`, $1_y$ is the one-hot row of the label, and $r_k = p_k/(1 - p_y)$ for the
    other classes, $r_y = 0$. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        gamma: How fast the weight of an example fades; at least 0.

    Returns:
        Array of the shape and dtype of `logits`; bounded, and at gamma 0 in [-1, 1].

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `gamma` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `gamma` is negative.

    Example:
        >>> import numpy as np
        >>> softmax_focal_grad(np.asarray([[0.0, 0.0]]), np.asarray([1])).round(4).tolist()
        [[0.2983, -0.2983]]
    """
    xp = _check_labels(labels, logits=logits)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    slope = _focal_slope(*_costs(logits, labels), gamma)
    hit = one_hot(labels, logits)
    others = stable.softmax(xp.where(hit == 1, _lowest(logits), logits))
    return slope[..., None] * (hit - others)


def _costs(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Return -log p_y, and -log(1 - p_y) from the other classes: it does not cancel."""
    xp = real_namespace(logits=logits)
    log_probs = stable.log_softmax(logits)
    hit_cost, label = -pick(log_probs, labels), one_hot(labels, logits) == 1
    # The lowest float for -inf: where no class is left, an infinite sum would have no slope.
    log_probs = xp.maximum(xp.where(label, _lowest(logits), log_probs), _lowest(logits))
    return hit_cost, -stable.log_sum_exp(log_probs)


def _lowest(logits: Array) -> Array:
    """Return the lowest float, in a shape that stands for each class."""
    xp = real_namespace(logits=logits)
    return xp.full_like(logits[..., :1], float(xp.finfo(logits.dtype).min))


def brier(probs: Array, labels: Array) -> Array:
    r"""Return the Brier score of each row of probabilities: its squared distance from the label.

    Formula: $\sum_k (p_k - [k = y])^2$, where p are the probabilities and y is the label.

    Args:
        probs: Floats of shape (..., K); each row, along the last axis, is a distribution.
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape of `labels` and the dtype of `probs`, without unit; in [0, 2]: 0 where
        the label has probability 1, 2 where another class has it.

    Gradient:
        $2 (p - 1_y)$; see `brier_grad`.

    Raises:
        TypeError: `probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, a label is out of range, or a row is no distribution:
            logits and the sigmoids of several labels are refused.

    Numerics:
        The expanded form $1 - 2 p_y + \sum_k p_k^2$ cancels where the label is nearly certain.

    Convention:
        Brier's own sum over all classes. With two classes it is twice the $(p - y)^2$ of the
        probability of one, which is called a Brier score too. It is bounded: a certain error costs
        2, where `negative_log_likelihood` is infinite.

    Example:
        >>> import numpy as np
        >>> brier(np.asarray([[0.5, 0.5], [0.0, 1.0]]), np.asarray([0, 0])).tolist()
        [0.5, 2.0]

    Reference:
        Brier (1950), Verification of Forecasts Expressed in Terms of Probability, and Gneiting and
        Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation.
    """
    xp = _check_probs(probs, labels)
    return xp.sum(xp.square(probs - one_hot(labels, probs)), axis=-1)


def brier_grad(probs: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `brier` by the probabilities.

    Formula: $2 (p - 1_y)$, where $1_y$ is the one-hot row of the label. It moves each probability
    by itself: that the row must sum to 1 is the softmax's business, see `softmax_brier_grad`.

    Args:
        probs: Floats of shape (..., K); each row is a distribution.
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `probs`; in [-2, 2].

    Raises:
        TypeError: `probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, a label is out of range, or a row is no distribution.

    Example:
        >>> import numpy as np
        >>> brier_grad(np.asarray([[0.5, 0.5]]), np.asarray([0])).tolist()
        [[-1.0, 1.0]]
    """
    _check_probs(probs, labels)
    return 2 * (probs - one_hot(labels, probs))


def _check_probs(probs: Array, labels: Array) -> Any:
    """Check distributions (..., K) and their labels (...); return the namespace."""
    xp = _check_labels(labels, probs=probs)
    check_distributions(probs=probs)
    return xp


def softmax_brier(logits: Array, labels: Array) -> Array:
    r"""Return the Brier score of the softmax of the logits.

    Formula: $\sum_k (p_k - [k = y])^2$, where `p = softmax(logits)` and y is the label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, without unit; in [0, 2].

    Gradient:
        $p_j (g_j - \sum_k p_k g_k)$ with $g = 2 (p - 1_y)$; see `softmax_brier_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        See `stable.softmax` and `brier`.

    Convention:
        Brier's sum over all classes, of probabilities. It is not the squared error of the logits:
        where the softmax is certain and wrong, its gradient fades to 0, and plain gradient descent
        stalls where `softmax_cross_entropy_with_integer_labels` pulls hardest.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[0.0, 0.0], [0.0, 50.0]])
        >>> softmax_brier(logits, np.asarray([0, 0])).tolist()
        [0.5, 2.0]

    Reference:
        Brier (1950), Verification of Forecasts Expressed in Terms of Probability.
    """
    xp = _check_labels(labels, logits=logits)
    return xp.sum(xp.square(stable.softmax(logits) - one_hot(labels, logits)), axis=-1)


def softmax_brier_grad(logits: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `softmax_brier` by the logits.

    Formula: $p_j (g_j - \sum_k p_k g_k)$ with $g = 2 (p - 1_y)$, the gradient by the probabilities,
    where `p = softmax(logits)` and $1_y$ is the one-hot row of the label. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-16/27, 16/27], where the bounds belong to
        two classes and the label's probability 1/3.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> softmax_brier_grad(np.asarray([[0.0, 0.0]]), np.asarray([0])).tolist()
        [[-0.5, 0.5]]
    """
    xp = _check_labels(labels, logits=logits)
    probs = stable.softmax(logits)
    by_probs = 2 * (probs - one_hot(labels, logits))
    return probs * (by_probs - xp.sum(probs * by_probs, axis=-1, keepdims=True))


def z_loss(logits: Array) -> Array:
    r"""Return the squared logarithm of the softmax's denominator: what holds it near 1.

    Formula: $\log^2 Z$, where $Z = \sum_k e^{z_k}$ and z are the logits.

    Args:
        logits: Floats of shape (..., K).

    Returns:
        Array of shape (...) and the dtype of `logits`, in squared nats; at least 0, and 0 where the
        logits are log-probabilities.

    Gradient:
        $2 \log Z \cdot p$ with `p = softmax(logits)`; see `z_loss_grad`.

    Raises:
        TypeError: `logits` is no array of floats.
        ValueError: `logits` has no axis, or no class.

    Numerics:
        See `stable.log_sum_exp`. The square overflows from $|\log Z|$ = 256 in float16.

    Convention:
        Without a coefficient. It knows no label and is added to a cross-entropy, which a shift of
        all logits leaves unchanged, so that they could drift: PaLM adds 1e-4 times this loss.

    Example:
        >>> import numpy as np
        >>> z_loss(np.asarray([[0.0, 0.0], [1000.0, 0.0]])).round(4).tolist()
        [0.4805, 1000000.0]

    Reference:
        Zoph et al. (2022), ST-MoE: Designing Stable and Transferable Sparse Expert Models, for the
        router; Chowdhery et al. (2023), PaLM: Scaling Language Modeling with Pathways, for the
        vocabulary.
    """
    xp = _check_rows(logits=logits)
    return xp.square(stable.log_sum_exp(logits))


def z_loss_grad(logits: Array) -> Array:
    r"""Return the derivative of the summed `z_loss` by the logits.

    Formula: $2 \log Z \cdot p$, where $Z = \sum_k e^{z_k}$ and `p = softmax(logits)`. Each row sums
    to $2 \log Z$: all logits are lowered where Z is above 1, and raised where it is below.

    Args:
        logits: Floats of shape (..., K).

    Returns:
        Array of the shape and dtype of `logits`; unbounded.

    Raises:
        TypeError: `logits` is no array of floats.
        ValueError: `logits` has no axis, or no class.

    Example:
        >>> import numpy as np
        >>> z_loss_grad(np.asarray([[0.0, 0.0]])).round(4).tolist()
        [[0.6931, 0.6931]]
    """
    _check_rows(logits=logits)
    return 2 * stable.log_sum_exp(logits)[..., None] * stable.softmax(logits)


def _check_rows(**named: Array) -> Any:
    """Check rows (..., K) of one shape, with a class at least; return their namespace."""
    xp = real_namespace(**named)
    check_axes(", ".join(["... K"] * len(named)), **named)
    for name, array in named.items():
        if array.shape[-1] == 0:
            raise ValueError(f"{name}: expected at least one class, got {tuple(array.shape)}")
    return xp


def distillation(
    student_logits: Array, teacher_logits: Array, *, temperature: float = 2.0
) -> Array:
    r"""Return the distillation loss: how far the student's softened softmax is from the teacher's.

    Formula: $T^2 \sum_k q_k (\log q_k - \log p_k)$, where `p = softmax(student_logits / T)`,
    `q = softmax(teacher_logits / T)` and T is the temperature.

    Args:
        student_logits: Floats of shape (..., K).
        teacher_logits: Floats of the shape and dtype of `student_logits`. They are a target: leave
            them out of the graph.
        temperature: How much both are softened; above 0. At 1 the loss is the divergence itself.

    Returns:
        Array of shape (...) and the dtype of `student_logits`, in nats times $T^2$; at least 0, and
        0 where the student has the teacher's logits up to a shift.

    Gradient:
        $T (p - q)$ by the student's logits; see `distillation_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes differ, there is no class, or `temperature` is not above 0.

    Numerics:
        See `stable.log_softmax`. A class that the teacher rules out with the logit -inf costs
        nothing, also where the student rules it out too; the naive product is 0 · inf, and the
        naive difference of logarithms inf - inf.

    Convention:
        `T**2 * torch.nn.functional.kl_div(log_p, log_q, reduction="none", log_target=True).sum(-1)`
        with the two log-softmaxes: the student stands first, and the divergence is from the
        teacher. The factor $T^2$ keeps the gradient's size, which softening alone divides by T
        twice. Add the cross-entropy of the labels yourself, at temperature 1.

    Example:
        >>> import numpy as np
        >>> student, teacher = np.asarray([[0.0, 0.0]]), np.asarray([[2.0, 0.0]])
        >>> distillation(student, teacher, temperature=1.0).round(4).tolist()
        [0.3278]

    Reference:
        Hinton et al. (2015), Distilling the Knowledge in a Neural Network, section 2.
    """
    xp = _check_rows(student_logits=student_logits, teacher_logits=teacher_logits)
    temperature = check_in(POSITIVE, temperature=temperature)
    log_student = stable.log_softmax(student_logits / temperature)
    gaps = stable.log_softmax(teacher_logits / temperature)
    teacher = xp.exp(gaps)
    gaps = xp.clip(gaps, min=float(xp.finfo(gaps.dtype).min)) - log_student
    return temperature**2 * xp.sum(stable.times(teacher, gaps), axis=-1)


def distillation_grad(
    student_logits: Array, teacher_logits: Array, *, temperature: float = 2.0
) -> Array:
    r"""Return the derivative of the summed `distillation` by the student's logits.

    Formula: $T (p - q)$, where `p = softmax(student_logits / T)`, `q = softmax(teacher_logits / T)`
    and T is the temperature. Each row sums to 0. As T grows, it tends to the difference of the
    centred logits over K.

    Args:
        student_logits: Floats of shape (..., K).
        teacher_logits: Floats of the shape and dtype of `student_logits`.
        temperature: How much both are softened; above 0.

    Returns:
        Array of the shape and dtype of `student_logits`; in [-T, T].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `temperature` is no number.
        ValueError: The shapes differ, there is no class, or `temperature` is not above 0.

    Example:
        >>> import numpy as np
        >>> student, teacher = np.asarray([[0.0, 0.0]]), np.asarray([[2.0, 0.0]])
        >>> distillation_grad(student, teacher, temperature=1.0).round(4).tolist()
        [[-0.3808, 0.3808]]
    """
    _check_rows(student_logits=student_logits, teacher_logits=teacher_logits)
    temperature = check_in(POSITIVE, temperature=temperature)
    student = stable.softmax(student_logits / temperature)
    return temperature * (student - stable.softmax(teacher_logits / temperature))


def softmax_poly1(logits: Array, labels: Array, *, epsilon: float = 2.0) -> Array:
    r"""Return the Poly-1 loss of each label: cross-entropy with its leading term changed.

    Formula: $-\log p_y + \varepsilon (1 - p_y)$, where `p = softmax(logits)`, y is the label and
    $\varepsilon$ is `epsilon`: the series $\sum_j (1 - p_y)^j / j$ of the cross-entropy with
    $1 + \varepsilon$ in front of its first term.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        epsilon: What is added to the first coefficient; at least -1. At 0 the loss is the
            cross-entropy, at -1 its first term is gone.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least 0.

    Gradient:
        $(1 + \varepsilon p_y)(p - 1_y)$; see `softmax_poly1_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `epsilon` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `epsilon` is below -1.

    Numerics:
        1 - p cancels where p is nearly 1; from its logarithm, `expm1` keeps the digits.

    Convention:
        `optax.losses.poly_loss_cross_entropy`. The paper takes 2 for ImageNet and -1 for COCO: the
        best value depends on the task.

    Example:
        >>> import numpy as np
        >>> softmax_poly1(np.asarray([[0.0, 0.0]]), np.asarray([1]), epsilon=2.0).round(4).tolist()
        [1.6931]

    Reference:
        Leng et al. (2022), PolyLoss: A Polynomial Expansion Perspective of Classification Loss
        Functions.
    """
    _check_labels(labels, logits=logits)
    epsilon = check_in(_FROM_MINUS_ONE, epsilon=epsilon)
    return _surprise_and_miss(logits, labels, 1.0, epsilon)


def softmax_poly1_grad(logits: Array, labels: Array, *, epsilon: float = 2.0) -> Array:
    r"""Return the derivative of the summed `softmax_poly1` by the logits.

    Formula: $(1 + \varepsilon p_y)(p - 1_y)$, where `p = softmax(logits)` and $1_y$ is the one-hot
    row of the label. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        epsilon: What is added to the first coefficient; at least -1.

    Returns:
        Array of the shape and dtype of `logits`; within $\pm 1$ where $\varepsilon \le 1$, else
        within $\pm (1 + \varepsilon)^2 / (4 \varepsilon)$.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `epsilon` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `epsilon` is below -1.

    Example:
        >>> import numpy as np
        >>> softmax_poly1_grad(np.asarray([[0.0, 0.0]]), np.asarray([1]), epsilon=2.0).tolist()
        [[1.0, -1.0]]
    """
    _check_labels(labels, logits=logits)
    epsilon = check_in(_FROM_MINUS_ONE, epsilon=epsilon)
    return _surprise_and_miss_grad(logits, labels, 1.0, epsilon)


def _surprise_and_miss(logits: Array, labels: Array, surprise: float, miss: float) -> Array:
    """Return surprise · (-log p_y) + miss · (1 - p_y)."""
    xp = real_namespace(logits=logits)
    log_hit = pick(stable.log_softmax(logits), labels)
    return -surprise * log_hit - miss * xp.expm1(log_hit)


def _surprise_and_miss_grad(logits: Array, labels: Array, surprise: float, miss: float) -> Array:
    """Return the derivative of the summed `_surprise_and_miss` by the logits."""
    probs = stable.softmax(logits)
    slope = surprise + miss * pick(probs, labels)
    return slope[..., None] * (probs - one_hot(labels, logits))


def softmax_generalised_cross_entropy(logits: Array, labels: Array, *, q: float = 0.7) -> Array:
    r"""Return the generalised cross-entropy of each label: from cross-entropy to the mere miss.

    Formula: $(1 - p_y^q)/q$, where `p = softmax(logits)` and y is the label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        q: How much a wrong label is forgiven, in (0, 1]. As q tends to 0 the loss tends to the
            cross-entropy; at 1 it is $1 - p_y$, half of the absolute error of the probabilities.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, without unit; from 0 to $1/q$.

    Gradient:
        $p_y^q (p - 1_y)$; see `softmax_generalised_cross_entropy_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `q` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `q` is not in (0, 1].

    Numerics:
        At a small q the power rounds to 1, and the difference to 0, before they are divided by q;
        `expm1` of $q \log p_y$ keeps the digits. Where p underflows, the power's slope is infinite,
        and autograd multiplies it by 0; of its logarithm there is none. A q that the dtype cannot
        hold is taken for 0.

    Convention:
        Not truncated. The absolute error of the paper sums over the classes, which is
        $2 (1 - p_y)$. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0], [0.0, 50.0]]), np.asarray([1, 0])
        >>> softmax_generalised_cross_entropy(logits, labels, q=0.5).round(4).tolist()
        [0.5858, 2.0]

    Reference:
        Zhang and Sabuncu (2018), Generalized Cross Entropy Loss for Training Deep Neural Networks
        with Noisy Labels. Ghosh et al. (2017), Robust Loss Functions under Label Noise for Deep
        Neural Networks, show why q = 1 withstands noise: its sum over all labels is constant.
    """
    xp = _check_labels(labels, logits=logits)
    q = check_in(_UNIT_TO_ONE, q=q)
    log_hit = pick(stable.log_softmax(logits), labels)
    if q < xp.finfo(log_hit.dtype).smallest_normal:
        return -log_hit
    return -xp.expm1(q * log_hit) / q


def softmax_generalised_cross_entropy_grad(
    logits: Array, labels: Array, *, q: float = 0.7
) -> Array:
    r"""Return the derivative of the summed generalised cross-entropy by the logits.

    Formula: $p_y^q (p - 1_y)$, where `p = softmax(logits)` and $1_y$ is the one-hot row of the
    label: that of cross-entropy, faded where the label is unlikely. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        q: How much a wrong label is forgiven, in (0, 1].

    Returns:
        Array of the shape and dtype of `logits`; within $\pm q^q/(1 + q)^{1 + q}$.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `q` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `q` is not in (0, 1].

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0]]), np.asarray([1])
        >>> softmax_generalised_cross_entropy_grad(logits, labels, q=1.0).tolist()
        [[0.25, -0.25]]
    """
    xp = _check_labels(labels, logits=logits)
    q = check_in(_UNIT_TO_ONE, q=q)
    weights = xp.exp(q * pick(stable.log_softmax(logits), labels))
    return weights[..., None] * (stable.softmax(logits) - one_hot(labels, logits))


def softmax_symmetric_cross_entropy(
    logits: Array,
    labels: Array,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
) -> Array:
    r"""Return the symmetric cross-entropy of each label: of the label, and of the prediction.

    Formula: $-\alpha \log p_y - \beta \sum_k p_k \log [k = y]$ with $\log 0 := A$, where
    `p = softmax(logits)`, y is the label and A is `log_zero`. The sum is $A (1 - p_y)$.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        alpha: Weight of the cross-entropy, which learns fast; above 0.
        beta: Weight of the reversed cross-entropy, which withstands wrong labels; at least 0.
        log_zero: What stands for the logarithm of the label's zeros; below 0.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least 0.

    Gradient:
        $(\alpha - \beta A p_y)(p - 1_y)$; see `softmax_symmetric_cross_entropy_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or a hyperparameter is no number.
        ValueError: The shapes do not fit, a label is out of range, or a hyperparameter is out of
            its domain.

    Numerics:
        See `softmax_poly1`, which this is up to a factor: $\alpha$ times the one with
        $\varepsilon = -\beta A/\alpha$.

    Convention:
        `log_zero` is a choice and scales the second part. Code that clips the one-hot row at 1e-4
        has log(1e-4) = -9.21 there, not -4. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0]]), np.asarray([1])
        >>> softmax_symmetric_cross_entropy(logits, labels, alpha=1.0).round(4).tolist()
        [2.6931]

    Reference:
        Wang et al. (2019), Symmetric Cross Entropy for Robust Learning with Noisy Labels.
    """
    _check_labels(labels, logits=logits)
    return _surprise_and_miss(logits, labels, *_symmetric_weights(alpha, beta, log_zero))


def softmax_symmetric_cross_entropy_grad(
    logits: Array,
    labels: Array,
    *,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
) -> Array:
    r"""Return the derivative of the summed symmetric cross-entropy by the logits.

    Formula: $(\alpha - \beta A p_y)(p - 1_y)$, where `p = softmax(logits)`, $1_y$ is the one-hot
    row of the label and A is `log_zero`. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        alpha: Weight of the cross-entropy; above 0.
        beta: Weight of the reversed cross-entropy; at least 0.
        log_zero: What stands for the logarithm of the label's zeros; below 0.

    Returns:
        Array of the shape and dtype of `logits`; bounded.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, the two differ
            in library, or a hyperparameter is no number.
        ValueError: The shapes do not fit, a label is out of range, or a hyperparameter is out of
            its domain.

    Example:
        >>> import numpy as np
        >>> logits, labels = np.asarray([[0.0, 0.0]]), np.asarray([1])
        >>> softmax_symmetric_cross_entropy_grad(logits, labels, alpha=1.0).tolist()
        [[1.5, -1.5]]
    """
    _check_labels(labels, logits=logits)
    return _surprise_and_miss_grad(logits, labels, *_symmetric_weights(alpha, beta, log_zero))


def _symmetric_weights(alpha: float, beta: float, log_zero: float) -> tuple[float, float]:
    """Return the weights of surprise and miss in the symmetric cross-entropy."""
    alpha = check_in(POSITIVE, alpha=alpha)
    return alpha, -check_in(NON_NEGATIVE, beta=beta) * check_in(_NEGATIVE, log_zero=log_zero)


def exponential(logits: Array, signs: Array) -> Array:
    r"""Return the exponential loss of each logit: what AdaBoost lowers step by step.

    Formula: $e^{-m}$, where `m = signs * logits` is the margin.

    Args:
        logits: Floats of any shape: scores whose sign is the decision.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; above 0, and 1 where the score is 0.

    Gradient:
        $-s\, e^{-m}$ with s the sign; see `exponential_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Numerics:
        It overflows float32 at the margin -89, and float16 at -12: one example that is far on the
        wrong side outweighs all others long before. `sigmoid_binary_cross_entropy` grows linearly.

    Convention:
        `torch.exp(-signs * logits)`. The best constant is half of the log-odds, so that the
        probability is the sigmoid of twice the score.

    Example:
        >>> import numpy as np
        >>> exponential(np.asarray([0.0, 1.0, 1.0]), np.asarray([1.0, 1.0, -1.0])).round(4).tolist()
        [1.0, 0.3679, 2.7183]

    Reference:
        Hastie et al. (2009), The Elements of Statistical Learning, section 10.4, and Zhang (2004),
        Statistical Behavior and Consistency of Classification Methods Based on Convex Risk
        Minimization.
    """
    xp = _check_signs(logits, signs)
    return xp.exp(-signs * logits)


def exponential_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `exponential` by the logits.

    Formula: $-s\, e^{-m}$, where `m = signs * logits` and s is the sign: each example pulls with
    the weight that AdaBoost gives it.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> exponential_grad(np.asarray([0.0, 1.0]), np.asarray([1.0, -1.0])).round(4).tolist()
        [-1.0, 2.7183]
    """
    xp = _check_signs(logits, signs)
    return -signs * xp.exp(-signs * logits)


def _check_signs(logits: Array, signs: Array) -> Any:
    """Check logits and signs of one shape; return their namespace."""
    xp = float_namespace(logits=logits, signs=signs)
    check_signs(signs=signs)
    return xp


def modified_huber(logits: Array, signs: Array) -> Array:
    r"""Return the modified Huber loss of each logit: the squared hinge, continued by its tangent.

    Formula: $\max(0, 1 - m)^2$ where $m \ge -1$, else $-4m$, where `m = signs * logits` is the
    margin.

    Args:
        logits: Floats of any shape: scores whose sign is the decision.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; at least 0.

    Gradient:
        $-2 s \min(\max(0, 1 - m), 2)$ with s the sign; see `modified_huber_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Numerics:
        The square of a margin far out overflows, also in the branch that is not taken, where
        autograd multiplies it by 0. Here only the part up to 2 is squared.

    Convention:
        `loss="modified_huber"` of scikit-learn's `SGDClassifier`: 4 times `margin.smooth_hinge` at
        gamma 2. The best constant is the mean of the signs, so that the probability is
        $(z + 1)/2$, cut to [0, 1].

    Example:
        >>> import numpy as np
        >>> modified_huber(np.asarray([2.0, 0.0, -3.0]), np.asarray([1.0, 1.0, 1.0])).tolist()
        [0.0, 1.0, 12.0]

    Reference:
        Hastie et al. (2009), The Elements of Statistical Learning, table 12.1, and Huber (1964),
        Robust Estimation of a Location Parameter, for the idea.
    """
    xp = _check_signs(logits, signs)
    slack = xp.clip(1 - signs * logits, min=0)
    quadratic = xp.clip(slack, max=2)
    return quadratic * (2 * slack - quadratic)


def modified_huber_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `modified_huber` by the logits.

    Formula: $-2 s \min(\max(0, 1 - m), 2)$, where `m = signs * logits` and s is the sign.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-4, 4].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> modified_huber_grad(np.asarray([0.0, -3.0]), np.asarray([1.0, 1.0])).tolist()
        [-2.0, -4.0]
    """
    xp = _check_signs(logits, signs)
    return -2 * signs * xp.clip(1 - signs * logits, min=0, max=2)


def logit_adjusted_cross_entropy(
    logits: Array, labels: Array, log_priors: Array, *, tau: float = 1.0
) -> Array:
    r"""Return the cross-entropy of logits to which the classes' log-priors are added.

    Formula: $-\log \operatorname{softmax}(z + \tau \log \pi)_y$, where z are the logits, $\pi$ the
    priors and y is the label. A frequent class has a head start that the logits need not learn.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        log_priors: Floats of shape (K,) and the dtype of `logits`, at most 0: logarithms of the
            classes' frequencies, the same for all examples.
        tau: How strongly the priors count; at least 0. At 0 the loss is the cross-entropy.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, in nats; at least 0.

    Gradient:
        $p - 1_y$ with $p = \operatorname{softmax}(z + \tau \log \pi)$; see
        `logit_adjusted_cross_entropy_grad`.

    Raises:
        TypeError: `logits` or `log_priors` is no array of floats, `labels` is no array of integers,
            they differ in dtype or library, or `tau` is no number.
        ValueError: The shapes do not fit, a label is out of range, a log-prior is above 0, or `tau`
            is negative.

    Numerics:
        See `stable.log_softmax`. The log-prior -inf of an absent class rules it out; at tau 0 it
        does nothing, where the naive product is 0 · inf.

    Convention:
        `torch.nn.functional.cross_entropy(logits + tau * log_priors, labels, reduction="none")`.
        Add the priors in training and leave them out when predicting: the largest logit is then
        the decision of the least balanced error at tau 1. Subtracting them is the other way, for a
        network trained without.

    Example:
        >>> import numpy as np
        >>> logits, log_priors = np.asarray([[0.0, 0.0], [0.0, 0.0]]), np.log([0.9, 0.1])
        >>> logit_adjusted_cross_entropy(logits, np.asarray([0, 1]), log_priors).round(4).tolist()
        [0.1054, 2.3026]

    Reference:
        Menon et al. (2021), Long-Tail Learning via Logit Adjustment.
    """
    adjusted = _adjusted(logits, labels, log_priors, tau)
    return -pick(stable.log_softmax(adjusted), labels)


def logit_adjusted_cross_entropy_grad(
    logits: Array, labels: Array, log_priors: Array, *, tau: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `logit_adjusted_cross_entropy` by the logits.

    Formula: $p - 1_y$, where $p = \operatorname{softmax}(z + \tau \log \pi)$ and $1_y$ is the
    one-hot row of the label. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.
        log_priors: Floats of shape (K,) and the dtype of `logits`, at most 0.
        tau: How strongly the priors count; at least 0.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: `logits` or `log_priors` is no array of floats, `labels` is no array of integers,
            they differ in dtype or library, or `tau` is no number.
        ValueError: The shapes do not fit, a label is out of range, a log-prior is above 0, or `tau`
            is negative.

    Example:
        >>> import numpy as np
        >>> logits, log_priors = np.asarray([[0.0, 0.0]]), np.log([0.9, 0.1])
        >>> logit_adjusted_cross_entropy_grad(logits, np.asarray([1]), log_priors).round(4).tolist()
        [[0.9, -0.9]]
    """
    adjusted = _adjusted(logits, labels, log_priors, tau)
    return stable.softmax(adjusted) - one_hot(labels, logits)


def _adjusted(logits: Array, labels: Array, log_priors: Array, tau: float) -> Array:
    """Return the logits plus tau times the log-priors, once all are checked."""
    xp = real_namespace(logits=logits, log_priors=log_priors)
    check_axes("... K, ..., K", logits=logits, labels=labels, log_priors=log_priors)
    check_labels(logits.shape[-1], logits=logits, labels=labels)
    check_values(_NOT_POSITIVE, log_priors=log_priors)
    tau = check_in(NON_NEGATIVE, tau=tau)
    return logits + stable.times(xp.full_like(log_priors, tau), log_priors)


def inverse_frequency_weights(counts: Array) -> Array:
    r"""Return one weight per class under which all classes weigh the same.

    Formula: $n / (K n_k)$, where $n_k$ are the classes' counts, n is their sum and K their number.

    Args:
        counts: Floats of shape (..., K), above 0: how many examples each class has.

    Returns:
        Array of the shape and dtype of `counts`; above 0. Over all examples their mean is 1, since
        $\sum_k n_k w_k = n$.

    Raises:
        TypeError: `counts` is no array of floats.
        ValueError: `counts` has no axis, or a count is not above 0: a class without an example has
            no weight.

    Convention:
        scikit-learn's `class_weight="balanced"`. Pick an example's weight by its label and give it
        to `reduce.weighted_mean`, which divides by the sum of the weights.

    Example:
        >>> import numpy as np
        >>> inverse_frequency_weights(np.asarray([6.0, 2.0])).round(4).tolist()
        [0.6667, 2.0]

    Reference:
        Pedregosa et al. (2011), Scikit-learn: Machine Learning in Python.
    """
    xp = _check_counts(counts)
    return xp.mean(counts, axis=-1, keepdims=True) / counts


def effective_number_weights(counts: Array, *, beta: float = 0.999) -> Array:
    r"""Return one weight per class, the inverse of how many examples effectively differ.

    Formula: $w_k \propto (1 - \beta)/(1 - \beta^{n_k})$, where $n_k$ are the classes' counts,
    scaled so that the mean of the K weights is 1.

    Args:
        counts: Floats of shape (..., K), above 0: how many examples each class has.
        beta: How much of each further example is new, in [0, 1). At 0 every class has one
            effective example and the weight 1; as beta tends to 1, all examples count and the
            weights tend to the inverse frequencies.

    Returns:
        Array of the shape and dtype of `counts`; above 0, with the mean 1 over the classes.

    Raises:
        TypeError: `counts` is no array of floats, or `beta` is no number.
        ValueError: `counts` has no axis, a count is not above 0, since a class without an example
            has no weight, or `beta` is not in [0, 1).

    Convention:
        The paper's: the weights sum to K. That is a mean of 1 over the classes; the mean of 1 over
        the examples is that of `inverse_frequency_weights`. In `reduce.weighted_mean`, which
        divides by the sum of the weights, the scale cancels.

    Example:
        >>> import numpy as np
        >>> effective_number_weights(np.asarray([6.0, 2.0]), beta=0.5).round(4).tolist()
        [0.8649, 1.1351]

    Reference:
        Cui et al. (2019), Class-Balanced Loss Based on Effective Number of Samples.
    """
    xp = _check_counts(counts)
    beta = check_in(_UNIT_FROM_ZERO, beta=beta)
    # 1 - beta^n cancels where beta is nearly 1, and beta itself rounds to 1 in float16.
    log_beta = math.log(beta) if beta > 0 else -math.inf
    if -log_beta < xp.finfo(counts.dtype).smallest_normal:
        weights = inverse_frequency_weights(counts)
    else:
        weights = (1 - beta) / -xp.expm1(log_beta * counts)
    return weights / xp.mean(weights, axis=-1, keepdims=True)


def _check_counts(counts: Array) -> Any:
    """Check counts (..., K); return their namespace."""
    xp = real_namespace(counts=counts)
    check_axes("... K", counts=counts)
    check_values(POSITIVE, counts=counts)
    return xp
