r"""Losses for a score whose sign, or whose rank, is the decision: by how much is it right?

In the formulas of two classes `m = signs * logits` is the margin: positive where the decision is
right. Each loss is followed by its gradient, the derivative of the summed loss by the logits.
"""

import math
from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    Array,
    check_axes,
    check_in,
    check_labels,
    check_signs,
    float_namespace,
    one_hot,
    pick,
    real_namespace,
)

__all__ = [
    "crammer_singer",
    "crammer_singer_grad",
    "hinge",
    "hinge_grad",
    "multilabel_hinge",
    "multilabel_hinge_grad",
    "perceptron",
    "perceptron_grad",
    "smooth_hinge",
    "smooth_hinge_grad",
    "squared_hinge",
    "squared_hinge_grad",
    "weston_watkins",
    "weston_watkins_grad",
]


def perceptron(logits: Array, signs: Array) -> Array:
    r"""Return the perceptron loss of each logit: how far a wrong decision is from the border.

    Formula: $\max(0, -m)$, where `m = signs * logits`.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, in the unit of `logits`; at least 0.

    Gradient:
        $-s$ where $m \le 0$, else 0, with s the sign; see `perceptron_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Numerics:
        Exact: nothing is rounded.

    Convention:
        `torch.nn.functional.margin_ranking_loss(logits, torch.zeros_like(logits), signs,
        margin=0.0, reduction="none")`. Logits of 0 have the loss 0 whatever the data, so that
        `hinge` asks for a margin of 1.

    Example:
        >>> import numpy as np
        >>> perceptron(np.asarray([2.0, 2.0]), np.asarray([1.0, -1.0])).tolist()
        [0.0, 2.0]

    Reference:
        Rosenblatt (1958), The Perceptron: A Probabilistic Model for Information Storage and
        Organization in the Brain, whose update is a step along this gradient.
    """
    xp = _check_signs(logits, signs)
    return xp.clip(-signs * logits, min=0)


def perceptron_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `perceptron` by the logits.

    Formula: $-s$ where $m \le 0$, else 0, where `m = signs * logits` and s is the sign. At the
    kink $m = 0$ the subgradient is $-s$: a score of 0 decides nothing, and learning that starts
    from zero weights would never start with 0.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; -1, 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> perceptron_grad(np.asarray([2.0, 2.0, 0.0]), np.asarray([1.0, -1.0, 1.0])).tolist()
        [-0.0, 1.0, -1.0]
    """
    _check_signs(logits, signs)
    return -_is_active(-signs * logits) * signs


def hinge(logits: Array, signs: Array) -> Array:
    r"""Return the hinge loss of each logit: how far its margin falls short of 1.

    Formula: $\max(0, 1 - m)$, where `m = signs * logits`.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit, since the margin is measured
        against 1; at least 0.

    Gradient:
        $-s$ where $m \le 1$, else 0, with s the sign; see `hinge_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1: labels 0 and 1 become
            signs by `2 * labels - 1`.

    Numerics:
        Exact up to one rounding.

    Convention:
        `torch.nn.functional.margin_ranking_loss(logits, torch.zeros_like(logits), signs,
        margin=1.0, reduction="none")`. The best constant is the median of the signs, -1 or 1: the
        more frequent class, and nothing about its probability.

    Example:
        >>> import numpy as np
        >>> hinge(np.asarray([2.0, 0.5, -1.0]), np.asarray([1.0, 1.0, 1.0])).tolist()
        [0.0, 0.5, 2.0]

    Reference:
        Cortes and Vapnik (1995), Support-Vector Networks, whose slack variables these are.
    """
    xp = _check_signs(logits, signs)
    return xp.clip(1 - signs * logits, min=0)


def hinge_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `hinge` by the logits.

    Formula: $-s$ where $m \le 1$, else 0, where `m = signs * logits` and s is the sign. At the
    kink $m = 1$ the subgradient is $-s$.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; -1, 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> hinge_grad(np.asarray([0.5, 0.5, 1.0]), np.asarray([1.0, -1.0, 1.0])).tolist()
        [-1.0, 1.0, -1.0]
    """
    _check_signs(logits, signs)
    return -_is_active(1 - signs * logits) * signs


def squared_hinge(logits: Array, signs: Array) -> Array:
    r"""Return the squared hinge loss of each logit: the square of its margin's shortfall from 1.

    Formula: $\max(0, 1 - m)^2$, where `m = signs * logits`.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; at least 0.

    Gradient:
        $-2s \max(0, 1 - m)$, with s the sign; see `squared_hinge_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Numerics:
        Overflows where the shortfall exceeds the square root of the largest float: 255 in float16.

    Convention:
        No factor ½. The square of
        `torch.nn.functional.margin_ranking_loss(logits, torch.zeros_like(logits), signs,
        margin=1.0, reduction="none")`. The best constant is the mean of the signs, twice the
        probability of class 1 minus 1: the squared hinge estimates what the hinge cannot.

    Example:
        >>> import numpy as np
        >>> squared_hinge(np.asarray([2.0, 0.5, -1.0]), np.asarray([1.0, 1.0, 1.0])).tolist()
        [0.0, 0.25, 4.0]

    Reference:
        Cortes and Vapnik (1995), Support-Vector Networks, whose slack variables are squared here.
    """
    xp = _check_signs(logits, signs)
    return xp.square(xp.clip(1 - signs * logits, min=0))


def squared_hinge_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `squared_hinge` by the logits.

    Formula: $-2s \max(0, 1 - m)$, where `m = signs * logits` and s is the sign. There is no kink.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> squared_hinge_grad(np.asarray([0.5, 0.5]), np.asarray([1.0, -1.0])).tolist()
        [-1.0, 3.0]
    """
    xp = _check_signs(logits, signs)
    return -2 * signs * xp.clip(1 - signs * logits, min=0)


def smooth_hinge(logits: Array, signs: Array, *, gamma: float = 1.0) -> Array:
    r"""Return the smooth hinge loss of each logit: the hinge with its corner rounded.

    Formula: $q\,(r - \gamma q/2)$ with $r = \max(0, 1 - m)$ and $q = \min(r/\gamma, 1)$, where
    `m = signs * logits`. That is $r^2/(2\gamma)$ up to $r = \gamma$ and $r - \gamma/2$ beyond; at
    $\gamma = 0$ it is `hinge`, the limit.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.
        gamma: How far below the margin 1 the corner is rounded; at least 0.

    Returns:
        Array of the shape and dtype of `logits`, without unit; at least 0.

    Gradient:
        $-s\,q$, with s the sign; see `smooth_hinge_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `gamma` is no number.
        ValueError: The two shapes differ, a sign is neither -1 nor 1, or `gamma` is negative.

    Numerics:
        $r^2$ is never formed, $r/\gamma$ is cut at 1 where it overflows, and $\gamma = 0$ divides
        nothing by zero. A gamma below the smallest normal number of the dtype (6e-5 in float16)
        counts as 0, since it may round to 0; that changes the loss by less than half of it.

    Convention:
        `torch.nn.functional.smooth_l1_loss(torch.clamp(signs * logits, max=1),
        torch.ones_like(logits), reduction="none", beta=gamma)`.

    Example:
        >>> import numpy as np
        >>> smooth_hinge(np.asarray([2.0, 0.5, -1.0]), np.asarray([1.0, 1.0, 1.0])).tolist()
        [0.0, 0.125, 1.5]

    Reference:
        Huber (1964), Robust Estimation of a Location Parameter, for the rounding, and Cortes and
        Vapnik (1995), Support-Vector Networks, for the margin.
    """
    xp = _check_signs(logits, signs)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    slack = xp.clip(1 - signs * logits, min=0)
    if gamma < xp.finfo(slack.dtype).smallest_normal:
        return slack
    slope = xp.clip(slack / gamma, max=1)
    return slope * (slack - gamma * slope / 2)


def smooth_hinge_grad(logits: Array, signs: Array, *, gamma: float = 1.0) -> Array:
    r"""Return the derivative of the summed `smooth_hinge` by the logits.

    Formula: $-s \min(\max(0, 1 - m)/\gamma, 1)$, where `m = signs * logits` and s is the sign. At
    $\gamma = 0$ it is that of `hinge`, with the subgradient $-s$ at the kink.

    Args:
        logits: Floats of any shape.
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.
        gamma: How far below the margin 1 the corner is rounded; at least 0.

    Returns:
        Array of the shape and dtype of `logits`, without unit; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `gamma` is no number.
        ValueError: The two shapes differ, a sign is neither -1 nor 1, or `gamma` is negative.

    Example:
        >>> import numpy as np
        >>> smooth_hinge_grad(np.asarray([0.5, 0.5]), np.asarray([1.0, -1.0])).tolist()
        [-0.5, 1.0]
    """
    xp = _check_signs(logits, signs)
    gamma = check_in(NON_NEGATIVE, gamma=gamma)
    slack = 1 - signs * logits
    if gamma < xp.finfo(slack.dtype).smallest_normal:
        return -_is_active(slack) * signs
    return -xp.clip(slack / gamma, min=0, max=1) * signs


def crammer_singer(logits: Array, labels: Array) -> Array:
    r"""Return the multiclass hinge of Crammer and Singer: the label against its best rival.

    Formula: $\max(0, 1 + \max_{k \ne y} z_k - z_y)$, where z are the logits and y is the label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, without unit; at least 0, and 0
        where the label leads every rival by 1. With one class there is no rival: 0.

    Gradient:
        1 at the best rival and -1 at the label where the loss is active; see
        `crammer_singer_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        The 1 is added to the difference of the logits, not to a logit: at 1e4 in float16 the sum
        of a logit and 1 is the logit.

    Convention:
        Not divided by K. torch has no equivalent: its `multi_margin_loss` sums over the rivals.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[2.0, 1.5, 0.0], [2.0, 0.0, -1.0]])
        >>> crammer_singer(logits, np.asarray([0, 0])).tolist()
        [0.5, 0.0]

    Reference:
        Crammer and Singer (2001), On the Algorithmic Implementation of Multiclass Kernel-based
        Vector Machines.
    """
    xp = _check_labels(logits, labels)
    best = xp.max(_rivals(xp, logits, labels), axis=-1)
    return xp.clip(best - pick(logits, labels) + 1, min=0)


def crammer_singer_grad(logits: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `crammer_singer` by the logits.

    Formula: $1_r - 1_y$ where $1 + z_r - z_y \ge 0$, else 0, where r is the best rival of the label
    y. At the kink the loss counts as active; rivals that tie share the 1 equally. Each row sums
    to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; in [-1, 1].

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> crammer_singer_grad(np.asarray([[2.0, 1.5, 1.5]]), np.asarray([0])).tolist()
        [[-1.0, 0.5, 0.5]]
    """
    xp = _check_labels(logits, labels)
    rivals = _rivals(xp, logits, labels)
    best = xp.max(rivals, axis=-1, keepdims=True)
    shares = xp.astype(rivals == best, logits.dtype)
    del rivals
    # Where there is NaN nothing leads; the NaN comes in with the slope.
    shares = shares / xp.clip(xp.sum(shares, axis=-1, keepdims=True), min=1)
    active = _is_active(best[..., 0] - pick(logits, labels) + 1)
    return active[..., None] * (shares - one_hot(labels, logits))


def weston_watkins(logits: Array, labels: Array) -> Array:
    r"""Return the multiclass hinge of Weston and Watkins: the label against every rival.

    Formula: $\sum_{k \ne y} \max(0, 1 + z_k - z_y)$, where z are the logits and y is the label.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`, without unit; at least 0, and 0
        where the label leads every rival by 1. With one class there is no rival: 0.

    Gradient:
        1 at each rival that comes within 1, and minus their number at the label; see
        `weston_watkins_grad`.

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Numerics:
        The 1 is added to the difference of the logits, not to a logit: at 1e4 in float16 the sum
        of a logit and 1 is the logit.

    Convention:
        The sum over the rivals, not divided by K: K times
        `torch.nn.functional.multi_margin_loss(logits, labels, reduction="none")`.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[2.0, 1.5, 1.25], [2.0, 0.0, -1.0]])
        >>> weston_watkins(logits, np.asarray([0, 0])).tolist()
        [0.75, 0.0]

    Reference:
        Weston and Watkins (1999), Support Vector Machines for Multi-Class Pattern Recognition.
    """
    xp = _check_labels(logits, labels)
    return xp.sum(xp.clip(_slacks(xp, logits, labels), min=0), axis=-1)


def weston_watkins_grad(logits: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `weston_watkins` by the logits.

    Formula: 1 at each rival k with $1 + z_k - z_y \ge 0$, minus their number at the label y, else
    0. At a kink the rival counts as active. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        labels: Integers of shape (...), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; in [1 - K, 1].

    Raises:
        TypeError: `logits` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, or a label is out of range.

    Example:
        >>> import numpy as np
        >>> weston_watkins_grad(np.asarray([[2.0, 1.5, 1.25]]), np.asarray([0])).tolist()
        [[-2.0, 1.0, 1.0]]
    """
    xp = _check_labels(logits, labels)
    active = _is_active(_slacks(xp, logits, labels))
    return active - one_hot(labels, logits) * xp.sum(active, axis=-1, keepdims=True)


def multilabel_hinge(logits: Array, signs: Array) -> Array:
    r"""Return the multilabel hinge: each class that applies against each that does not.

    Formula: $\sum_{j: s_j = 1} \sum_{k: s_k = -1} \max(0, 1 + z_k - z_j)$, where z are the logits
    and s the signs.

    Args:
        logits: Floats of shape (..., K).
        signs: Floats of the shape and dtype of `logits`: 1 for each class that applies, else -1.

    Returns:
        Array of shape (...) and the dtype of `logits`, without unit; at least 0, and 0 where every
        class that applies leads every other by 1, or where all do or none does.

    Gradient:
        For each pair that comes within 1, 1 at the class that does not apply and -1 at the one
        that does; see `multilabel_hinge_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a sign is neither -1 nor 1.

    Numerics:
        A pair that does not count must not cost 0 · inf, nor inf - inf, where a logit is infinite.
        All K² pairs are held at once.

    Convention:
        The sum over the pairs, not divided by K: K times
        `torch.nn.functional.multilabel_margin_loss`, which takes lists of labels ended by -1. It
        ranks the classes; `hinge` of each logit also says where to cut.

    Example:
        >>> import numpy as np
        >>> logits = np.asarray([[2.0, 1.5, 1.25], [2.0, 1.5, 1.25]])
        >>> multilabel_hinge(logits, np.asarray([[1.0, -1.0, -1.0], [1.0, 1.0, -1.0]])).tolist()
        [0.75, 1.0]

    Reference:
        Weston and Watkins (1999), Support Vector Machines for Multi-Class Pattern Recognition,
        whose loss this is where one class applies.
    """
    weights, slacks = _label_pairs(logits, signs)
    xp = float_namespace(slacks=slacks)
    slacks = xp.clip(slacks, min=0)
    return xp.sum(stable.times(weights, slacks), axis=(-2, -1))


def multilabel_hinge_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `multilabel_hinge` by the logits.

    Formula: at a class k that does not apply the number of classes j that do with
    $1 + z_k - z_j \ge 0$; at a class that applies minus the number of its rivals. At a kink the
    pair counts. Each row sums to 0.

    Args:
        logits: Floats of shape (..., K).
        signs: Floats of the shape and dtype of `logits`: 1 for each class that applies, else -1.

    Returns:
        Array of the shape and dtype of `logits`, without unit; in [1 - K, K - 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> logits, signs = np.asarray([[2.0, 1.5, 1.25]]), np.asarray([[1.0, -1.0, -1.0]])
        >>> multilabel_hinge_grad(logits, signs).tolist()
        [[-2.0, 1.0, 1.0]]
    """
    weights, slacks = _label_pairs(logits, signs)
    xp = float_namespace(slacks=slacks)
    active = weights * _is_active(slacks)
    return xp.sum(active, axis=-2) - xp.sum(active, axis=-1)


def _check_signs(logits: Array, signs: Array) -> Any:
    """Check logits and signs of one shape; return their namespace."""
    xp = float_namespace(logits=logits, signs=signs)
    check_signs(signs=signs)
    return xp


def _is_active(slack: Array) -> Array:
    """Return the slope of max(0, slack): 1 from 0 upwards, else 0; NaN stays NaN."""
    xp = float_namespace(slack=slack)
    return xp.clip(xp.sign(slack) + 1, max=1)


def _check_labels(logits: Array, labels: Array) -> Any:
    """Check logits (..., K) and their labels (...); return the namespace."""
    xp = real_namespace(logits=logits)
    check_axes("... K, ...", logits=logits, labels=labels)
    check_labels(logits.shape[-1], logits=logits, labels=labels)
    return xp


def _rivals(xp: Any, logits: Array, labels: Array) -> Array:
    """Return the logits with that of the label at -inf."""
    nothing = xp.full_like(logits[..., :1], -math.inf)
    return xp.where(one_hot(labels, logits) == 1, nothing, logits)


def _slacks(xp: Any, logits: Array, labels: Array) -> Array:
    """Return by how much each rival comes within 1 of the label, and -inf at the label."""
    label, own = one_hot(labels, logits) == 1, pick(logits, labels)[..., None]
    # The label is no rival of itself; NaN there stays, also where there is no rival to carry it.
    nothing = xp.where(xp.isnan(own), own, xp.full_like(own, -math.inf))
    # Of an infinite logit itself is not subtracted: inf - inf would be NaN.
    return xp.where(label, nothing, logits) - xp.where(label, xp.zeros_like(own), own) + 1


def _label_pairs(logits: Array, signs: Array) -> tuple[Array, Array]:
    """Return for each two classes (j, k) whether j applies and k does not, and 1 + z_k - z_j."""
    real_namespace(logits=logits, signs=signs)
    check_axes("... K, ... K", logits=logits, signs=signs)
    check_signs(signs=signs)
    # From the signs by arithmetic: a comparison would take NaN for a class that does not apply.
    applies, not_so = (1 + signs) / 2, (1 - signs) / 2
    # Of two infinite logits whose pair does not count, the difference would be NaN.
    own, rival = stable.times(applies, logits), stable.times(not_so, logits)
    weights = applies[..., :, None] * not_so[..., None, :]
    return weights, rival[..., None, :] - own[..., :, None] + 1
