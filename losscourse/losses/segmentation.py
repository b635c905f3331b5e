"""Losses of overlap: how well a predicted region covers the true one.

In every formula p are the predicted probabilities of the pixels, y their targets (1 inside the true
region, 0 outside) and sums run over the pixels of one image, the axis P. Images of more axes are
flattened by the caller. A loss here belongs to an image, not to a pixel: the pixels of one image
share one denominator. Each loss is followed by its gradient, the derivative of the summed loss by
its first argument.
"""

import math
from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    UNIT_CLOSED,
    Array,
    Interval,
    check_axes,
    check_in,
    check_labels,
    check_signs,
    check_values,
    one_hot,
    real_namespace,
)
from losscourse.losses.classification import (
    sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_grad,
)

__all__ = [
    "dice",
    "dice_cross_entropy",
    "dice_cross_entropy_grad",
    "dice_grad",
    "focal_tversky",
    "focal_tversky_grad",
    "generalised_dice",
    "generalised_dice_grad",
    "lovasz_hinge",
    "lovasz_hinge_grad",
    "lovasz_softmax",
    "lovasz_softmax_grad",
    "tversky",
    "tversky_grad",
]

_FROM_ONE = Interval(1, math.inf, low_closed=True)


def dice(probs: Array, targets: Array, *, smoothing: float = 1.0) -> Array:
    r"""Return the Dice loss of each image: 1 minus twice the overlap over the sum of both regions.

    Formula: $1 - \frac{2 \sum_i p_i y_i + s}{\sum_i p_i + \sum_i y_i + s}$, where s is `smoothing`.

    Args:
        probs: Floats of shape (..., P), from 0 to 1: each pixel's probability.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1: the mask.
        smoothing: What is added to both sides of the fraction, in pixels; at least 0. Above 0, an
            empty mask teaches: its loss falls with what is predicted there.

    Returns:
        Array of shape (...) and the dtype of `probs`; in [0, 1]. 0 where prediction and mask are
        both empty. With smoothing 0, an empty mask makes it 1 for any other prediction.

    Gradient:
        $(1 - 2 y_i - L) / (\sum p + \sum y + s)$, where L is the loss; see `dice_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `smoothing` is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or `smoothing` is negative.

    Numerics:
        1 minus a fraction near 1 cancels. Here the numerator is summed as what is wrong, $\sum p (1
        - y) + (1 - p) y$, without a difference. 0/0 is 0. Half precision is summed in float32,
        since a mask of 70,000 pixels overflows float16.

    Convention:
        Equal to `tversky` with alpha and beta of ½ and half the smoothing. Some add the smoothing
        to the denominator alone, and V-Net squares p and y there: with soft predictions that is
        another loss. The Dice of a batch taken as one image is another one, too. At a hard
        prediction it is 1 minus the F1 score. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5, 0.0]]), np.asarray([[1.0, 0.0, 0.0]])
        >>> dice(probs, targets, smoothing=0.0).tolist()
        [0.5]

    Reference:
        Dice (1945), Measures of the Amount of Ecologic Association Between Species; Milletari et
        al. (2016), V-Net, as a loss, with squares in the denominator.
    """
    xp, p, y = _masks("... P", probs, targets)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    loss, _, _ = _overlap(*_counts(p, 1 - p, y), smoothing=smoothing / 2)
    return xp.astype(loss[..., 0], probs.dtype)


def dice_grad(probs: Array, targets: Array, *, smoothing: float = 1.0) -> Array:
    r"""Return the derivative of the summed `dice` by the probabilities.

    Formula: $(1 - 2 y_i - L) / (\sum p + \sum y + s)$, where L is the loss. The denominator is the
    image's: a pixel of a small region pulls harder than one of a large region.

    Args:
        probs: Floats of shape (..., P), from 0 to 1.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1.
        smoothing: What is added to both sides of the fraction; at least 0.

    Returns:
        Array of the shape and dtype of `probs`; at least -2, at most 1/s, and at most ½ where s is
        0. With smoothing 0, it is 0 throughout an empty mask: nothing is learned there.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `smoothing` is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or `smoothing` is negative.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5, 0.0]]), np.asarray([[1.0, 0.0, 0.0]])
        >>> dice_grad(probs, targets, smoothing=0.0).tolist()
        [[-0.75, 0.25, 0.25]]
    """
    xp, p, y = _masks("... P", probs, targets)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    slope = _overlap_slope(y, *_overlap(*_counts(p, 1 - p, y), smoothing=smoothing / 2))
    return xp.astype(slope, probs.dtype)


def _masks(axes: str, probs: Array, targets: Array) -> tuple[Any, Array, Array]:
    """Check probabilities and masks of one shape; return the namespace and both, widened."""
    xp = real_namespace(probs=probs, targets=targets)
    check_axes(f"{axes}, {axes}", probs=probs, targets=targets)
    check_values(UNIT_CLOSED, probs=probs, targets=targets)
    return xp, _widened(probs), _widened(targets)


def _widened(array: Array) -> Array:
    """Return half precision as float32, for the sums over the pixels."""
    xp = array_api_compat.array_namespace(array)
    return xp.astype(array, xp.float32) if xp.finfo(array.dtype).bits < 32 else array


def _counts(p: Array, q: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the hits, false alarms and misses of each image, of shape (..., 1); q is 1 - p."""
    xp = array_api_compat.array_namespace(p)
    hits = xp.sum(p * y, axis=-1, keepdims=True)
    alarms = xp.sum(p * (1 - y), axis=-1, keepdims=True)
    misses = xp.sum(q * y, axis=-1, keepdims=True)
    return hits, alarms, misses


def _overlap(
    hits: Array,
    alarms: Array,
    misses: Array,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smoothing: float = 0.0,
) -> tuple[Array, Array, Array]:
    """Return Tversky's loss, 1 minus the loss, and their denominator; if that is 0, all are 0."""
    errors = alpha * alarms + beta * misses
    total = hits + errors + smoothing
    return _ratio(errors, total), _ratio(hits + smoothing, total), total


def _overlap_slope(
    y: Array,
    loss: Array,
    score: Array,
    total: Array,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
) -> Array:
    """Return the derivative of Tversky's loss by p, from what `_overlap` returns."""
    return _ratio((alpha * (1 - y) - beta * y) * score - y * loss, total)


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Return the quotient; 0, with derivative 0, where the denominator is 0."""
    xp = array_api_compat.array_namespace(denominator)
    empty = denominator == 0
    numerator = xp.where(empty, xp.zeros_like(numerator), numerator)
    return numerator / xp.where(empty, xp.ones_like(denominator), denominator)


def tversky(
    probs: Array,
    targets: Array,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smoothing: float = 1.0,
) -> Array:
    r"""Return the Tversky loss of each image: false alarms and misses with weights of their own.

    Formula: $1 - \frac{h + s}{h + \alpha f + \beta m + s}$ with the hits $h = \sum p y$, the false
    alarms $f = \sum p (1 - y)$ and the misses $m = \sum (1 - p) y$, where s is `smoothing`.

    Args:
        probs: Floats of shape (..., P), from 0 to 1: each pixel's probability.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1: the mask.
        alpha: The weight of a false alarm; positive.
        beta: The weight of a miss; positive. Above alpha, the predicted region grows.
        smoothing: What is added to both sides of the fraction, in pixels; at least 0.

    Returns:
        Array of shape (...) and the dtype of `probs`; in [0, 1]. 0 where prediction and mask are
        both empty. With smoothing 0, an empty mask makes it 1 for any other prediction.

    Gradient:
        $((\alpha (1 - y_i) - \beta y_i)(1 - L) - y_i L) / (h + \alpha f + \beta m + s)$, where L is
        the loss; see `tversky_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or a hyperparameter lies outside
            its domain.

    Numerics:
        As `dice`: what is wrong is summed, not subtracted from 1; 0/0 is 0.

    Convention:
        Alpha is the false alarms', beta the misses', as published; some swap the two. Alpha and
        beta of ½ give `dice` with twice the smoothing; of 1, 1 minus the intersection over the
        union. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5]]), np.asarray([[1.0, 0.0]])
        >>> tversky(probs, targets, alpha=0.5, beta=1.5, smoothing=0.0).round(4).tolist()
        [0.6667]

    Reference:
        Salehi et al. (2017), Tversky Loss Function for Image Segmentation using 3D Fully
        Convolutional Deep Networks.
    """
    xp, p, y = _masks("... P", probs, targets)
    weights = _weights_of_errors(alpha, beta)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    loss, _, _ = _overlap(*_counts(p, 1 - p, y), **weights, smoothing=smoothing)
    return xp.astype(loss[..., 0], probs.dtype)


def tversky_grad(
    probs: Array,
    targets: Array,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    smoothing: float = 1.0,
) -> Array:
    r"""Return the derivative of the summed `tversky` by the probabilities.

    Formula: $((\alpha (1 - y_i) - \beta y_i)(1 - L) - y_i L) / (h + \alpha f + \beta m + s)$, where
    L is the loss and h, f, m are its hits, false alarms and misses.

    Args:
        probs: Floats of shape (..., P), from 0 to 1.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1.
        alpha: The weight of a false alarm; positive.
        beta: The weight of a miss; positive.
        smoothing: What is added to both sides of the fraction; at least 0.

    Returns:
        Array of the shape and dtype of `probs`; bounded. With smoothing 0, it is 0 throughout an
        empty mask.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or a hyperparameter lies outside
            its domain.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5]]), np.asarray([[1.0, 0.0]])
        >>> tversky_grad(probs, targets, alpha=0.5, beta=0.5, smoothing=0.0).tolist()
        [[-0.75, 0.25]]
    """
    xp, p, y = _masks("... P", probs, targets)
    weights = _weights_of_errors(alpha, beta)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    overlap = _overlap(*_counts(p, 1 - p, y), **weights, smoothing=smoothing)
    return xp.astype(_overlap_slope(y, *overlap, **weights), probs.dtype)


def _weights_of_errors(alpha: float, beta: float) -> dict[str, float]:
    """Check and return Tversky's weights by name."""
    return {"alpha": check_in(POSITIVE, alpha=alpha), "beta": check_in(POSITIVE, beta=beta)}


def focal_tversky(
    probs: Array,
    targets: Array,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 2.0,
    smoothing: float = 1.0,
) -> Array:
    r"""Return the focal Tversky loss of each image: images that are covered well fade.

    Formula: $L^\gamma$, where L is the `tversky` loss.

    Args:
        probs: Floats of shape (..., P), from 0 to 1: each pixel's probability.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1: the mask.
        alpha: The weight of a false alarm; positive.
        beta: The weight of a miss; positive.
        gamma: How fast an image fades as it is covered well; at least 1. At 1 the loss is
            `tversky`.
        smoothing: What is added to both sides of the fraction, in pixels; at least 0.

    Returns:
        Array of shape (...) and the dtype of `probs`; in [0, 1].

    Gradient:
        $\gamma L^{\gamma - 1} \nabla L$; see `focal_tversky_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or a hyperparameter lies outside
            its domain.

    Numerics:
        As `tversky`. A gamma below 1 is refused: its slope at a perfect fit is infinite.

    Convention:
        The exponent is gamma itself. It is also published as 1/γ: a γ of 4/3 there would be 0.75
        here, which lifts the images that are covered well instead of fading them. torch has no
        equivalent.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5]]), np.asarray([[1.0, 0.0]])
        >>> focal_tversky(probs, targets, smoothing=0.0).tolist()
        [0.25]

    Reference:
        Salehi et al. (2017), Tversky Loss Function for Image Segmentation using 3D Fully
        Convolutional Deep Networks; the power after Lin et al. (2017), Focal Loss for Dense Object
        Detection.
    """
    gamma = check_in(_FROM_ONE, gamma=gamma)
    return tversky(probs, targets, alpha=alpha, beta=beta, smoothing=smoothing) ** gamma


def focal_tversky_grad(
    probs: Array,
    targets: Array,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 2.0,
    smoothing: float = 1.0,
) -> Array:
    r"""Return the derivative of the summed `focal_tversky` by the probabilities.

    Formula: $\gamma L^{\gamma - 1} \nabla L$, where L is the `tversky` loss.

    Args:
        probs: Floats of shape (..., P), from 0 to 1.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1.
        alpha: The weight of a false alarm; positive.
        beta: The weight of a miss; positive.
        gamma: How fast an image fades as it is covered well; at least 1.
        smoothing: What is added to both sides of the fraction; at least 0.

    Returns:
        Array of the shape and dtype of `probs`; bounded.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a value lies outside [0, 1], or a hyperparameter lies outside
            its domain.

    Example:
        >>> import numpy as np
        >>> probs, targets = np.asarray([[0.5, 0.5]]), np.asarray([[1.0, 0.0]])
        >>> focal_tversky_grad(probs, targets, alpha=0.5, beta=0.5, smoothing=0.0).tolist()
        [[-0.75, 0.25]]
    """
    gamma = check_in(_FROM_ONE, gamma=gamma)
    setting = {"alpha": alpha, "beta": beta, "smoothing": smoothing}
    fade = gamma * tversky(probs, targets, **setting) ** (gamma - 1)
    return fade[..., None] * tversky_grad(probs, targets, **setting)


def generalised_dice(probs: Array, targets: Array) -> Array:
    r"""Return the generalised Dice loss of each image: small classes weigh as much as large ones.

    Formula: $1 - \frac{2 \sum_k w_k \sum_i p_{ki} y_{ki}}{\sum_k w_k \sum_i (p_{ki} + y_{ki})}$
    with $w_k = 1 / \left(\sum_i y_{ki}\right)^2$, and $w_k = 0$ for a class that the mask lacks.

    Args:
        probs: Floats of shape (..., K, P), from 0 to 1: each pixel's probability of each class.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1: the mask of each class.

    Returns:
        Array of shape (...) and the dtype of `probs`; in [0, 1]. An absent class counts only by the
        pixels that it takes from the others. 0 where all classes are absent.

    Gradient:
        $w_k (1 - 2 y_{ki} - L) / \sum_k w_k \sum_i (p_{ki} + y_{ki})$, where L is the loss; see
        `generalised_dice_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes differ, or a value lies outside [0, 1].

    Numerics:
        As `dice`. The weight of an absent class would be infinite; the others are taken in units of
        the largest, since that of a soft mask which sums to 1e-20 overflows float32.

    Convention:
        One fraction of two sums over the classes, not a mean of the classes' Dice. Others give an
        absent class the largest weight of the present ones. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([[[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]])
        >>> background = np.asarray([[[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]])
        >>> generalised_dice(background, targets).round(4).tolist()
        [0.625]

    Reference:
        Sudre et al. (2017), Generalised Dice Overlap as a Deep Learning Loss Function for Highly
        Unbalanced Segmentations.
    """
    xp, p, y = _masks("... K P", probs, targets)
    loss, _, _ = _overlap(*_weighted_counts(p, y, _weights_of_classes(y)))
    return xp.astype(loss[..., 0, 0], probs.dtype)


def generalised_dice_grad(probs: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `generalised_dice` by the probabilities.

    Formula: $w_k (1 - 2 y_{ki} - L) / \sum_k w_k \sum_i (p_{ki} + y_{ki})$, where L is the loss
    and $w_k$ the weights of its classes.

    Args:
        probs: Floats of shape (..., K, P), from 0 to 1.
        targets: Floats of the shape and dtype of `probs`, from 0 to 1.

    Returns:
        Array of the shape and dtype of `probs`; at least -2. It is 0 for the pixels of an absent
        class, and without bound for a soft mask whose pixels sum to nearly 0.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes differ, or a value lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> generalised_dice_grad(np.full((1, 2, 3), 0.5), targets).round(3).tolist()
        [[[-0.115, -0.115, 0.033], [0.132, 0.132, -0.461]]]
    """
    xp, p, y = _masks("... K P", probs, targets)
    weights = _weights_of_classes(y)
    overlap = _overlap(*_weighted_counts(p, y, weights))
    return xp.astype(weights * _overlap_slope(y, *overlap), probs.dtype)


def _weights_of_classes(y: Array) -> Array:
    """Return each class's weight in units of the largest, (..., K, 1); 0 where there is none.

    Only ratios of the weights count, and 1 over the square of a small volume overflows.
    """
    xp = array_api_compat.array_namespace(y)
    volume = xp.sum(y, axis=-1, keepdims=True)
    present = xp.where(volume == 0, xp.full_like(volume, math.inf), volume)
    return _ratio(xp.min(present, axis=-2, keepdims=True), volume) ** 2


def _weighted_counts(p: Array, y: Array, weights: Array) -> list[Array]:
    """Return the weighted sums over the classes of hits, false alarms and misses, (..., 1, 1)."""
    xp = array_api_compat.array_namespace(p)
    counts = _counts(p, 1 - p, y)
    return [xp.sum(weights * count, axis=-2, keepdims=True) for count in counts]


def dice_cross_entropy(
    logits: Array, targets: Array, *, smoothing: float = 1.0, weight: float = 1.0
) -> Array:
    r"""Return the Dice loss of each image plus the mean cross-entropy of its pixels.

    Formula: $D(\sigma(z), y) + \frac{w}{P} \sum_i H(z_i, y_i)$, where D is `dice`, H is
    `sigmoid_binary_cross_entropy`, w is `weight` and P the number of pixels.

    Args:
        logits: Floats of shape (..., P).
        targets: Floats of the shape and dtype of `logits`, from 0 to 1: the mask.
        smoothing: What is added to both sides of Dice's fraction, in pixels; at least 0.
        weight: The weight of the cross-entropy; at least 0.

    Returns:
        Array of shape (...) and the dtype of `logits`; at least 0. A sum of a number without unit
        and of nats per pixel.

    Gradient:
        $p_i (1 - p_i)\,\partial D / \partial p_i + \frac{w}{P} (p_i - y_i)$ with $p = \sigma(z)$;
        see `dice_cross_entropy_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a target lies outside [0, 1], or a hyperparameter is
            negative.

    Numerics:
        The factor p (1 - p) takes Dice's gradient away where a pixel is surely wrong; that of the
        cross-entropy stays. 1 - p is the sigmoid of -z, which does not cancel.

    Convention:
        The cross-entropy is averaged over the pixels of its image. Other sums use other weights,
        such as w and 1 - w. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, targets = np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]])
        >>> dice_cross_entropy(logits, targets, smoothing=0.0).round(4).tolist()
        [1.1931]

    Reference:
        Milletari et al. (2016), V-Net, for Dice; Good (1952), Rational Decisions, for the
        cross-entropy.
    """
    xp, z, y = _logits(logits, targets)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    weight = check_in(NON_NEGATIVE, weight=weight)
    entropy = xp.sum(sigmoid_binary_cross_entropy(z, y), axis=-1) / max(z.shape[-1], 1)
    p, q = stable.sigmoid(z), stable.sigmoid(-z)
    loss, _, _ = _overlap(*_counts(p, q, y), smoothing=smoothing / 2)
    weighted = stable.times(xp.full_like(entropy, weight), entropy)
    return xp.astype(loss[..., 0] + weighted, logits.dtype)


def dice_cross_entropy_grad(
    logits: Array, targets: Array, *, smoothing: float = 1.0, weight: float = 1.0
) -> Array:
    r"""Return the derivative of the summed `dice_cross_entropy` by the logits.

    Formula: $p_i (1 - p_i)\,\partial D / \partial p_i + \frac{w}{P} (p_i - y_i)$ with
    $p = \sigma(z)$; see `dice_grad` for the derivative of D.

    Args:
        logits: Floats of shape (..., P).
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.
        smoothing: What is added to both sides of Dice's fraction; at least 0.
        weight: The weight of the cross-entropy; at least 0.

    Returns:
        Array of the shape and dtype of `logits`; in [-¼ - w/P, ¼ + w/P].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            hyperparameter is no number.
        ValueError: The shapes differ, a target lies outside [0, 1], or a hyperparameter is
            negative.

    Example:
        >>> import numpy as np
        >>> logits, targets = np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]])
        >>> dice_cross_entropy_grad(logits, targets, smoothing=0.0).tolist()
        [[-0.4375, 0.3125]]
    """
    xp, z, y = _logits(logits, targets)
    smoothing = check_in(NON_NEGATIVE, smoothing=smoothing)
    weight = check_in(NON_NEGATIVE, weight=weight)
    p, q = stable.sigmoid(z), stable.sigmoid(-z)
    slope = _overlap_slope(y, *_overlap(*_counts(p, q, y), smoothing=smoothing / 2))
    entropy_slope = sigmoid_binary_cross_entropy_grad(z, y) / max(z.shape[-1], 1)
    return xp.astype(p * q * slope + weight * entropy_slope, logits.dtype)


def _logits(logits: Array, targets: Array) -> tuple[Any, Array, Array]:
    """Check logits and masks of one shape; return the namespace and both, widened."""
    xp = real_namespace(logits=logits, targets=targets)
    check_axes("... P, ... P", logits=logits, targets=targets)
    return xp, _widened(logits), _widened(targets)


def lovasz_hinge(logits: Array, signs: Array) -> Array:
    r"""Return the Lovász hinge loss of each image: a convex loss for the intersection over union.

    Formula: $\sum_i m_i\,(\Delta(S_i) - \Delta(S_{i-1}))$ with the hinge errors $m_i = \max(0, 1 -
    s_i z_i)$ of the pixels in falling order, where s are the signs, $S_i$ holds the i pixels of the
    largest errors, and $\Delta(S) = |S| / |F \cup S|$ is the Jaccard loss of a prediction that is
    wrong on S alone, when F is the true region.

    Args:
        logits: Floats of shape (..., P).
        signs: Floats of the shape and dtype of `logits`: 1 inside the true region, -1 outside.

    Returns:
        Array of shape (...) and the dtype of `logits`; at least 0. Where the region is empty, it is
        the largest error alone, since one wrong pixel makes the Jaccard loss 1.

    Gradient:
        $-s_i\,(\Delta(S_i) - \Delta(S_{i-1}))$ where $s_i z_i \le 1$, else 0; see
        `lovasz_hinge_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes differ, or a sign is neither -1 nor 1: labels 0 and 1 become signs by
            `2 * labels - 1`.

    Numerics:
        Neighbours in $\Delta$ differ by about 1/P, and their difference cancels. Here the steps are
        $1/U$ for a pixel of the region and $(I/U)/(U - 1)$ for another, where I pixels of the
        region are left outside S and U are in $F \cup S$. Half precision is counted in float32.

    Convention:
        Each image has its own order: a batch taken as one image is another loss. Between equal
        errors the value does not depend on the order. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> logits, signs = np.asarray([[0.0, 3.0, -3.0]]), np.asarray([[1.0, 1.0, -1.0]])
        >>> lovasz_hinge(logits, signs).tolist()  # one of two pixels missed
        [0.5]

    Reference:
        Berman et al. (2018), The Lovász-Softmax Loss.
    """
    xp = _check_signs(logits, signs)
    z, s = _widened(logits), _widened(signs)
    errors = xp.clip(1 - s * z, min=0)
    return xp.astype(_extension(errors, (s + 1) / 2), logits.dtype)


def lovasz_hinge_grad(logits: Array, signs: Array) -> Array:
    r"""Return the derivative of the summed `lovasz_hinge` by the logits.

    Formula: $-s_i\,(\Delta(S_i) - \Delta(S_{i-1}))$ where $s_i z_i \le 1$, else 0. At the kinks it
    is a subgradient: of equal errors the earlier pixel counts as the larger, and at $s_i z_i = 1$
    it is that of the error's side.

    Args:
        logits: Floats of shape (..., P).
        signs: Floats of the shape and dtype of `logits`, each -1 or 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes differ, or a sign is neither -1 nor 1.

    Example:
        >>> import numpy as np
        >>> logits, signs = np.asarray([[0.0, 3.0, -3.0]]), np.asarray([[1.0, 1.0, -1.0]])
        >>> lovasz_hinge_grad(logits, signs).tolist()
        [[-0.5, 0.0, 0.0]]
    """
    xp = _check_signs(logits, signs)
    z, s = _widened(logits), _widened(signs)
    errors = 1 - s * z
    slope = -s * _extension_slope(xp.clip(errors, min=0), (s + 1) / 2)
    slope = xp.where(errors < 0, xp.zeros_like(slope), slope)
    return xp.astype(xp.where(xp.isnan(errors), errors, slope), logits.dtype)


def _check_signs(logits: Array, signs: Array) -> Any:
    """Check logits (..., P) and signs of one shape; return their namespace."""
    xp = real_namespace(logits=logits, signs=signs)
    check_axes("... P, ... P", logits=logits, signs=signs)
    check_signs(signs=signs)
    return xp


def _extension(errors: Array, region: Array) -> Array:
    """Return the Lovász extension of the Jaccard loss: of errors, shape (..., P), for a region."""
    xp = array_api_compat.array_namespace(errors)
    order, steps = _ordered_steps(errors, region)
    return xp.sum(stable.times(steps, xp.take_along_axis(errors, order, axis=-1)), axis=-1)


def _extension_slope(errors: Array, region: Array) -> Array:
    """Return its derivative by the errors: what each pixel adds when it joins those of larger."""
    xp = array_api_compat.array_namespace(errors)
    order, steps = _ordered_steps(errors, region)
    return xp.take_along_axis(steps, xp.argsort(order, axis=-1), axis=-1)


def _ordered_steps(errors: Array, region: Array) -> tuple[Array, Array]:
    """Return the pixels from the largest error down, and what each adds to the Jaccard loss.

    The region is 1 inside, else 0. Of equal errors, the first pixel's counts as the largest.
    """
    xp = array_api_compat.array_namespace(errors)
    order = xp.argsort(-errors, axis=-1)
    inside = xp.take_along_axis(region, order, axis=-1)
    size = xp.sum(region, axis=-1, keepdims=True)
    left = size - xp.cumulative_sum(inside, axis=-1)
    union = size + xp.cumulative_sum(1 - inside, axis=-1)
    # A pixel of the region adds 1/U; so does the first of all pixels where the region is empty.
    whole = (inside == 1) | (union == 1)
    return order, xp.where(whole, 1 / union, left / union / xp.clip(union - 1, min=1))


def lovasz_softmax(probs: Array, labels: Array) -> Array:
    r"""Return the Lovász-softmax loss of each image: the classes' mean Jaccard loss, made convex.

    Formula: $\frac1K \sum_k \sum_i m_{ki}\,(\Delta_k(S_{ki}) - \Delta_k(S_{k,i-1}))$ with the
    errors $m_{ki} = |1_{y_i = k} - p_{ik}|$ in falling order for each class k, where $S_{ki}$ holds
    the i pixels of the largest errors and $\Delta_k(S) = |S| / |F_k \cup S|$ is the Jaccard loss of
    a prediction that is wrong on S alone, when $F_k$ is the region of class k.

    Args:
        probs: Floats of shape (..., P, K), from 0 to 1: the probabilities of each pixel, such as
            `stable.softmax` gives.
        labels: Integers of shape (..., P), from 0 to K - 1.

    Returns:
        Array of shape (...) and the dtype of `probs`; in [0, 1]. At a hard prediction it is the
        mean over the classes of 1 minus the intersection over the union. A class that the image
        lacks costs its largest probability.

    Gradient:
        $\pm\frac1K (\Delta_k(S_{ki}) - \Delta_k(S_{k,i-1}))$, minus at the pixel's label; see
        `lovasz_softmax_grad`.

    Raises:
        TypeError: `probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, a probability lies outside [0, 1], or a label is out of
            range.

    Numerics:
        As `lovasz_hinge`.

    Convention:
        The mean is over all K classes, as published; the authors' code leaves out, by default, the
        classes that the image lacks. Each image has its own order. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> probs = np.asarray([[[1.0, 0.0], [0.5, 0.5]]])
        >>> lovasz_softmax(probs, np.asarray([[0, 1]])).tolist()
        [0.375]

    Reference:
        Berman et al. (2018), The Lovász-Softmax Loss.
    """
    xp, p, region = _by_class(probs, labels)
    errors = xp.where(region == 1, 1 - p, p)
    return xp.astype(xp.mean(_extension(errors, region), axis=-1), probs.dtype)


def lovasz_softmax_grad(probs: Array, labels: Array) -> Array:
    r"""Return the derivative of the summed `lovasz_softmax` by the probabilities.

    Formula: $\pm\frac1K (\Delta_k(S_{ki}) - \Delta_k(S_{k,i-1}))$: minus at the pixel's label, plus
    elsewhere. Between equal errors it is a subgradient: the earlier pixel counts as the larger.

    Args:
        probs: Floats of shape (..., P, K), from 0 to 1.
        labels: Integers of shape (..., P), from 0 to K - 1.

    Returns:
        Array of the shape and dtype of `probs`; in [-1/K, 1/K].

    Raises:
        TypeError: `probs` is no array of floats, `labels` is no array of integers, or the two
            differ in library.
        ValueError: The shapes do not fit, a probability lies outside [0, 1], or a label is out of
            range.

    Example:
        >>> import numpy as np
        >>> probs = np.asarray([[[1.0, 0.0], [0.5, 0.5]]])
        >>> lovasz_softmax_grad(probs, np.asarray([[0, 1]])).tolist()
        [[[-0.25, 0.0], [0.25, -0.5]]]
    """
    xp, p, region = _by_class(probs, labels)
    slope = _extension_slope(xp.where(region == 1, 1 - p, p), region) / p.shape[-2]
    slope = xp.where(region == 1, -slope, slope)
    slope = xp.where(xp.isnan(p), p, slope)
    return xp.astype(xp.matrix_transpose(slope), probs.dtype)


def _by_class(probs: Array, labels: Array) -> tuple[Any, Array, Array]:
    """Check the arguments; return the namespace, and p and the regions of shape (..., K, P)."""
    xp = real_namespace(probs=probs)
    check_axes("... P K, ... P", probs=probs, labels=labels)
    check_labels(probs.shape[-1], probs=probs, labels=labels)
    check_values(UNIT_CLOSED, probs=probs)
    p = _widened(probs)
    return xp, xp.matrix_transpose(p), xp.matrix_transpose(one_hot(labels, p))
