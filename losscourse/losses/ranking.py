"""Losses on the order of scores: which of the items comes first?

Scores have no unit and no origin: only their differences within a pair or a list count. Each loss
is followed by its gradient, the derivative of the summed loss by its scores.
"""

from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    Array,
    check_axes,
    check_in,
    check_signs,
    check_values,
    float_namespace,
    stop_gradient,
)
from losscourse.losses.classification import (
    sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_grad,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
)

__all__ = [
    "bpr",
    "bpr_grad",
    "lambda_weights",
    "listwise_softmax",
    "listwise_softmax_grad",
    "margin_ranking",
    "margin_ranking_grad",
    "pairwise_logistic",
    "pairwise_logistic_grad",
]


def margin_ranking(
    first_scores: Array, second_scores: Array, signs: Array, *, margin: float = 1.0
) -> Array:
    r"""Return the margin ranking loss of each pair: a hinge on the difference of two scores.

    Formula: $\max(0,\ m - y\,(a - b))$, where a is the first score, b the second, y = 1 where the
    first item should come first and -1 where the second should, and m is the `margin`.

    Args:
        first_scores: Floats of any shape.
        second_scores: Floats of the shape and dtype of `first_scores`.
        signs: Floats of the shape and dtype of `first_scores`, each 1 or -1.
        margin: By how much the right order must win to cost nothing; at least 0.

    Returns:
        Array of the shape and dtype of `first_scores`, without a unit as the scores; at least 0.

    Gradient:
        $-y\,[y\,(a - b) \le m]$ by the first score, its negative by the second; see
        `margin_ranking_grad`.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes differ, a sign is neither 1 nor -1, or `margin` is negative.

    Numerics:
        Exact up to the rounding of the difference.

    Convention:
        `torch.nn.functional.margin_ranking_loss(first_scores, second_scores, signs,
        margin=margin, reduction="none")`, whose default margin is 0: there equal scores for all
        items cost nothing.

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([2.0, 0.5]), np.asarray([0.0, 0.0]), np.asarray([1.0, -1.0]))
        >>> margin_ranking(*arrays).tolist()
        [0.0, 1.5]

    Reference:
        Cortes and Vapnik (1995), Support-Vector Networks, for the hinge; here it is taken of a
        difference.
    """
    xp, gaps, margin = _check_pairs(first_scores, second_scores, signs, margin)
    return xp.clip(margin - signs * gaps, min=0)


def margin_ranking_grad(
    first_scores: Array, second_scores: Array, signs: Array, *, margin: float = 1.0
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `margin_ranking` by the first and the second scores.

    Formula: $-y\,[y\,(a - b) \le m]$ and its negative. At the kink, where the difference is the
    margin, the full pull is taken, out of the slopes between it and 0.

    Args:
        first_scores: Floats of any shape.
        second_scores: Floats of the shape and dtype of `first_scores`.
        signs: Floats of the shape and dtype of `first_scores`, each 1 or -1.
        margin: By how much the right order must win; at least 0.

    Returns:
        Two arrays of the shape and dtype of `first_scores`; -1, 0 or 1. They sum to 0.

    Raises:
        TypeError: An argument is no array of floats, they differ in dtype or library, or `margin`
            is no number.
        ValueError: The shapes differ, a sign is neither 1 nor -1, or `margin` is negative.

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([2.0, 0.5]), np.asarray([0.0, 0.0]), np.asarray([1.0, -1.0]))
        >>> [part.tolist() for part in margin_ranking_grad(*arrays)]
        [[0.0, 1.0], [0.0, -1.0]]
    """
    xp, gaps, margin = _check_pairs(first_scores, second_scores, signs, margin)
    margins = signs * gaps
    active = xp.astype(margins <= margin, gaps.dtype)
    pull = signs * xp.where(xp.isnan(margins), margins, active)
    return 0 - pull, pull


def _check_pairs(
    first_scores: Array, second_scores: Array, signs: Array, margin: float
) -> tuple[Any, Array, float]:
    """Check pairs of scores, signs and the margin; return the namespace, differences and margin."""
    xp = float_namespace(first_scores=first_scores, second_scores=second_scores, signs=signs)
    check_signs(signs=signs)
    return xp, first_scores - second_scores, check_in(NON_NEGATIVE, margin=margin)


def pairwise_logistic(first_scores: Array, second_scores: Array, targets: Array) -> Array:
    r"""Return the RankNet loss of each pair: cross-entropy of the probability of its order.

    Formula: $-t \log \sigma(a - b) - (1 - t) \log \sigma(b - a)$, where a is the first score, b the
    second, and t the probability that the first item comes first: 1, 0, or ½ for a tie.

    Args:
        first_scores: Floats of any shape.
        second_scores: Floats of the shape and dtype of `first_scores`.
        targets: Floats of the shape and dtype of `first_scores`, from 0 to 1.

    Returns:
        Array of the shape and dtype of `first_scores`, in nats; at least the entropy of the
        target, log 2 where the scores are equal.

    Gradient:
        $\sigma(a - b) - t$ by the first score, its negative by the second; see
        `pairwise_logistic_grad`.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ, or a target lies outside [0, 1].

    Numerics:
        See `sigmoid_binary_cross_entropy`, whose logit the difference is.

    Convention:
        `torch.nn.functional.binary_cross_entropy_with_logits(first_scores - second_scores,
        targets, reduction="none")`. For a list, sum it over the pairs that differ in relevance:
        times `lambda_weights`, that is LambdaRank.

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([0.0, 3.0]), np.asarray([0.0, 0.0]), np.asarray([0.5, 1.0]))
        >>> pairwise_logistic(*arrays).round(4).tolist()
        [0.6931, 0.0486]

    Reference:
        Burges et al. (2005), Learning to Rank using Gradient Descent.
    """
    return sigmoid_binary_cross_entropy(_gaps(first_scores, second_scores, targets), targets)


def pairwise_logistic_grad(
    first_scores: Array, second_scores: Array, targets: Array
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `pairwise_logistic` by the first and second scores.

    Formula: $\sigma(a - b) - t$ and its negative: what the one item gains, the other loses.

    Args:
        first_scores: Floats of any shape.
        second_scores: Floats of the shape and dtype of `first_scores`.
        targets: Floats of the shape and dtype of `first_scores`, from 0 to 1.

    Returns:
        Two arrays of the shape and dtype of `first_scores`; in [-1, 1]. They sum to 0.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ, or a target lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([0.0]), np.asarray([0.0]), np.asarray([1.0]))
        >>> [part.tolist() for part in pairwise_logistic_grad(*arrays)]
        [[-0.5], [0.5]]
    """
    gaps = _gaps(first_scores, second_scores, targets)
    slopes = sigmoid_binary_cross_entropy_grad(gaps, targets)
    return slopes, -slopes


def _gaps(first_scores: Array, second_scores: Array, targets: Array) -> Array:
    """Check pairs of scores and their targets; return the differences."""
    float_namespace(first_scores=first_scores, second_scores=second_scores, targets=targets)
    return first_scores - second_scores


def bpr(positive_scores: Array, negative_scores: Array) -> Array:
    r"""Return the Bayesian personalised ranking loss of each pair of a chosen and another item.

    Formula: $-\log \sigma(p - n)$, where p is the score of an item that the user took and n that
    of one drawn from those that the user did not take.

    Args:
        positive_scores: Floats of any shape.
        negative_scores: Floats of the shape and dtype of `positive_scores`.

    Returns:
        Array of the shape and dtype of `positive_scores`, in nats; at least 0, log 2 where the
        scores are equal.

    Gradient:
        $-\sigma(n - p)$ by the positive score, its negative by the other; see `bpr_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        See `stable.softplus`: the sigmoid of -1000 is 0, whose logarithm is -inf.

    Convention:
        `-torch.nn.functional.logsigmoid(positive_scores - negative_scores)`. It is
        `pairwise_logistic` at the target 1. The paper's criterion is its negative, less a squared
        norm of the parameters: that part belongs to the optimiser.

    Example:
        >>> import numpy as np
        >>> bpr(np.asarray([1.0, 3.0]), np.asarray([1.0, 1.0])).round(4).tolist()
        [0.6931, 0.1269]

    Reference:
        Rendle et al. (2009), BPR: Bayesian Personalized Ranking from Implicit Feedback.
    """
    float_namespace(positive_scores=positive_scores, negative_scores=negative_scores)
    return stable.softplus(negative_scores - positive_scores)


def bpr_grad(positive_scores: Array, negative_scores: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `bpr` by the positive and the negative scores.

    Formula: $-\sigma(n - p)$ and $\sigma(n - p)$: the pull is the probability of the wrong order.

    Args:
        positive_scores: Floats of any shape.
        negative_scores: Floats of the shape and dtype of `positive_scores`.

    Returns:
        Two arrays of the shape and dtype of `positive_scores`; in [-1, 0] and [0, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> [part.tolist() for part in bpr_grad(np.asarray([1.0]), np.asarray([1.0]))]
        [[-0.5], [0.5]]
    """
    float_namespace(positive_scores=positive_scores, negative_scores=negative_scores)
    pull = stable.sigmoid(negative_scores - positive_scores)
    return -pull, pull


def listwise_softmax(scores: Array, relevances: Array) -> Array:
    r"""Return the ListNet loss of each list: cross-entropy of who comes first.

    Formula: $-\sum_k \operatorname{softmax}(r)_k \log \operatorname{softmax}(s)_k$, where s are the
    scores of a list's items and r their relevances. The softmax of an item is the probability
    that it comes first, if items are drawn one after another with weights $e^s$.

    Args:
        scores: Floats of shape (..., K).
        relevances: Floats of the shape and dtype of `scores`: grades or scores to imitate. An item
            that is only padding has -inf in both.

    Returns:
        Array of shape (...) and the dtype of `scores`, in nats; at least the entropy of
        `softmax(relevances)`, log K where all scores are equal.

    Gradient:
        $\operatorname{softmax}(s) - \operatorname{softmax}(r)$; see `listwise_softmax_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis or no item.

    Numerics:
        See `softmax_cross_entropy`: an item of probability 0 costs nothing, even where its score
        is -inf. A list of padding alone has no probabilities and gives NaN: leave it out.

    Convention:
        `torch.nn.functional.cross_entropy(scores, torch.softmax(relevances, -1),
        reduction="none")`, there with the items on axis 1. Where the relevances are a
        distribution already, `softmax_cross_entropy` takes them as they are.

    Example:
        >>> import numpy as np
        >>> scores, relevances = np.asarray([[0.0, 0.0], [9.0, 0.0]]), np.log([[3.0, 1.0]] * 2)
        >>> listwise_softmax(scores, relevances).round(4).tolist()
        [0.6931, 2.2501]

    Reference:
        Cao et al. (2007), Learning to Rank: From Pairwise Approach to Listwise Approach, with the
        top-one probability.
    """
    return softmax_cross_entropy(scores, _top_one(scores, relevances))


def listwise_softmax_grad(scores: Array, relevances: Array) -> Array:
    r"""Return the derivative of the summed `listwise_softmax` by the scores.

    Formula: $\operatorname{softmax}(s) - \operatorname{softmax}(r)$. Each row sums to 0.

    Args:
        scores: Floats of shape (..., K).
        relevances: Floats of the shape and dtype of `scores`.

    Returns:
        Array of the shape and dtype of `scores`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis or no item.

    Example:
        >>> import numpy as np
        >>> scores, relevances = np.asarray([[0.0, 0.0]]), np.log([[3.0, 1.0]])
        >>> listwise_softmax_grad(scores, relevances).round(4).tolist()
        [[-0.25, 0.25]]
    """
    return softmax_cross_entropy_grad(scores, _top_one(scores, relevances))


def _top_one(scores: Array, relevances: Array) -> Array:
    """Check lists (..., K); return the relevances' probabilities of coming first."""
    _check_lists(scores, relevances)
    return stable.softmax(relevances)


def _check_lists(scores: Array, relevances: Array) -> Any:
    """Check scores and relevances (..., K) of at least one item; return their namespace."""
    xp = float_namespace(scores=scores, relevances=relevances)
    check_axes("... K, ... K", scores=scores, relevances=relevances)
    if scores.shape[-1] == 0:
        raise ValueError(f"scores: expected at least one item, got shape {tuple(scores.shape)}")
    return xp


def lambda_weights(scores: Array, relevances: Array) -> Array:
    r"""Return how much the NDCG changes if two items of a list swap places, for each pair.

    Formula: $|g_i - g_j| \, |d_i - d_j| / D$ with gains $g = 2^r - 1$ and discounts
    $d = 1/\log_2(1 + \text{rank})$, where r are the relevances, the rank is that of the scores,
    from 1 down, and D is the discounted gain of the best order. Times the pairwise logistic loss of
    the pairs with $r_i > r_j$, these weights make RankNet a LambdaRank: it cares for the top.

    Args:
        scores: Floats of shape (..., K). Of equal scores the earlier item ranks first.
        relevances: Floats of the shape and dtype of `scores`, at least 0: grades. An item that is
            only padding has 0, and -inf for its score: it ranks last, and its pairs cost nothing.

    Returns:
        Array of shape (..., K, K) and the dtype of `scores`; in [0, 1], symmetric, 0 on the
        diagonal, and 0 throughout where no item is relevant.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, there is no axis or no item, or a relevance is negative.

    Numerics:
        Gains are measured in $2^r$ of the best item: $2^{16}$ overflows float16.

    Convention:
        Exponential gains, and no cut-off. scikit-learn's `ndcg_score` takes its gains as they are:
        give it $2^r - 1$. No gradient runs through the ranks: the weights are constants.

    Example:
        >>> import numpy as np
        >>> scores, relevances = np.asarray([3.0, 1.0]), np.asarray([0.0, 2.0])
        >>> weights = lambda_weights(scores, relevances)
        >>> weights.round(4).tolist()
        [[0.0, 0.3691], [0.3691, 0.0]]
        >>> above = relevances[:, None] > relevances[None, :]
        >>> first, second = (s[above] for s in np.broadcast_arrays(scores[:, None], scores))
        >>> losses = pairwise_logistic(first, second, np.ones_like(first))
        >>> float((weights[above] * losses).sum().round(4))
        0.785

    Reference:
        Burges, Ragno and Le (2006), Learning to Rank with Nonsmooth Cost Functions.
    """
    xp = _check_lists(scores, relevances)
    check_values(NON_NEGATIVE, relevances=relevances)
    scores, relevances = stop_gradient(scores), stop_gradient(relevances)
    device = array_api_compat.device(scores)
    places = xp.arange(scores.shape[-1], dtype=scores.dtype, device=device)
    order = xp.argsort(scores, axis=-1, descending=True, stable=True)
    ranks = xp.astype(xp.argsort(order, axis=-1), scores.dtype)
    highest = xp.max(relevances, axis=-1, keepdims=True)
    gains, discounts = 2 ** (relevances - highest) - 2**-highest, 1 / xp.log2(2 + ranks)
    best = xp.sum(xp.sort(gains, axis=-1, descending=True) / xp.log2(2 + places), axis=-1)
    best = xp.where(best == 0, xp.ones_like(best), best)[..., None, None]
    # An order knows no NaN, but NaN in is NaN out.
    unknown = xp.sum(xp.where(xp.isnan(scores), scores, xp.zeros_like(scores)), axis=-1)
    return _apart(gains) * _apart(discounts) / best + unknown[..., None, None]


def _apart(values: Array) -> Array:
    """Return the distances of all pairs along the last axis."""
    xp = array_api_compat.array_namespace(values)
    return xp.abs(values[..., :, None] - values[..., None, :])
