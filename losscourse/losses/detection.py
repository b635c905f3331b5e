"""Losses of boxes: does the predicted box hold the object, and which object is it?

A box is a row of four numbers, its corners `x1 y1 x2 y2`. For a prediction any two opposite corners
do: they are put in order first. Of a target, x1 <= x2 and y1 <= y2 is asked. In every formula A is
the predicted box's area, B the target's, I that of their intersection, U = A + B - I that of their
union, and C that of the smallest box that encloses both. A side of 0 is allowed; where both boxes
are without area, the union is too, and IoU counts as 0.

The names end in `_loss`, since IoU alone names the similarity: the loss is one minus it.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    UNIT_CLOSED,
    Array,
    check_axes,
    check_boxes,
    check_in,
    check_labels,
    float_namespace,
    real_namespace,
    stop_gradient,
)
from losscourse.losses.classification import (
    softmax_cross_entropy_with_integer_labels,
    softmax_cross_entropy_with_integer_labels_grad,
)
from losscourse.losses.regression import smooth_l1, smooth_l1_grad

__all__ = [
    "centers_from_corners",
    "ciou_loss",
    "ciou_loss_grad",
    "corners_from_centers",
    "detection_loss",
    "detection_loss_grad",
    "diou_loss",
    "diou_loss_grad",
    "giou_loss",
    "giou_loss_grad",
    "iou_loss",
    "iou_loss_grad",
    "iou_threshold_schedule",
    "smooth_l1_boxes",
    "smooth_l1_boxes_grad",
]


def iou_loss(predictions: Array, targets: Array) -> Array:
    r"""Return the IoU loss of each box: the part of the union that the boxes do not share.

    Formula: $1 - I/U$, where I is the area of the intersection and U that of the union.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of shape (...) and the dtype of `predictions`, without unit; in [0, 1]. Boxes that do
        not overlap get 1, however far apart.

    Gradient:
        $((I/U)\,\mathrm dU - \mathrm dI)/U$; see `iou_loss_grad`. It is 0 for boxes with area that
        do not overlap: nothing says where the target lies.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Numerics:
        IoU does not change with the unit of an axis. Each axis is measured in its longer side, so
        that areas do not overflow (float16: from a side of 256), and underflow only where two
        slivers cross; and 1 - I/U is (A - I + B - I)/U, which does not cancel near a fit. An
        infinite corner gives NaN.

    Convention:
        The diagonal of `torchvision.ops.box_iou(predictions, targets)`, which takes all pairs, is
        the similarity: 1 minus this.

    Example:
        >>> import numpy as np
        >>> boxes = np.asarray([[0.0, 0.0, 2.0, 2.0], [8.0, 8.0, 9.0, 9.0]])
        >>> iou_loss(boxes, np.asarray([[0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 1.0, 2.0]])).tolist()
        [0.5, 1.0]

    Reference:
        Rezatofighi et al. (2019), Generalized Intersection over Union: A Metric and A Loss for
        Bounding Box Regression, algorithm 2.
    """
    _check(predictions, targets)
    return _jaccard(_sides(predictions, targets))[0]


def iou_loss_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `iou_loss` by the predictions.

    Formula: $((I/U)\,\mathrm dU - \mathrm dI)/U$ with $\mathrm dU = \mathrm dA - \mathrm dI$. Where
    an edge of the prediction meets one of the target, or its own opposite, the loss has a kink: the
    mean of the slopes on both sides is taken, as autograd does. It is 0 where the union is.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, per unit of length. It grows without bound
        as the boxes shrink.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Example:
        >>> import numpy as np
        >>> box, target = np.asarray([[1.0, 1.0, 3.0, 2.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
        >>> iou_loss_grad(box, target).tolist()
        [[0.0625, 0.125, -0.0625, -0.125]]
    """
    _check(predictions, targets)
    return _by_corners(predictions, _jaccard_slope(predictions, targets))


def giou_loss(predictions: Array, targets: Array) -> Array:
    r"""Return the generalised IoU loss of each box: IoU's, and the part of the enclosure unfilled.

    Formula: $1 - I/U + (C - U)/C$, where I is the area of the intersection, U that of the union and
    C that of the smallest box that encloses both.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of shape (...) and the dtype of `predictions`, without unit; in [0, 2]. It nears 2 as
        the boxes move apart, and is 1 where the enclosure has no area.

    Gradient:
        That of `iou_loss`, and $((U/C)\,\mathrm dC - \mathrm dU)/C$; see `giou_loss_grad`. It pulls
        at boxes that do not overlap too.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Numerics:
        As `iou_loss`. U/C is a product of ratios of lengths: the area C is never formed.

    Convention:
        `torchvision.ops.generalized_box_iou_loss(predictions, targets)`, without its eps.

    Example:
        >>> import numpy as np
        >>> boxes = np.asarray([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]])
        >>> targets = np.asarray([[0.0, 0.0, 1.0, 2.0], [3.0, 0.0, 4.0, 1.0]])
        >>> giou_loss(boxes, targets).tolist()
        [0.5, 1.5]

    Reference:
        Rezatofighi et al. (2019), Generalized Intersection over Union: A Metric and A Loss for
        Bounding Box Regression, algorithm 2.
    """
    _check(predictions, targets)
    sides = _sides(predictions, targets)
    distance, union, unit = _jaccard(sides)
    return distance + _unfilled(union, unit, sides.hull)


def giou_loss_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `giou_loss` by the predictions.

    Formula: $((I/U)\,\mathrm dU - \mathrm dI)/U + ((U/C)\,\mathrm dC - \mathrm dU)/C$. At a kink,
    where two edges meet, the mean of the slopes on both sides is taken, as autograd does.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, per unit of length. It grows without bound
        as the boxes shrink.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Example:
        >>> import numpy as np
        >>> box, target = np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[3.0, 0.0, 4.0, 1.0]])
        >>> giou_loss_grad(box, target).tolist()
        [[0.125, 0.0, -0.25, 0.0]]
    """
    _check(predictions, targets)
    slope = _jaccard_slope(predictions, targets) + _unfilled_slope(predictions, targets)
    return _by_corners(predictions, slope)


def diou_loss(predictions: Array, targets: Array) -> Array:
    r"""Return the distance-IoU loss of each box: IoU's, and how far the centres lie apart.

    Formula: $1 - I/U + \rho^2/c^2$, where $\rho$ is the distance of the two centres and c the
    diagonal of the smallest box that encloses both.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of shape (...) and the dtype of `predictions`, without unit; in [0, 2], with 2
        for two points apart.

    Gradient:
        That of `iou_loss`, and that of $\rho^2/c^2$; see `diou_loss_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Numerics:
        As `iou_loss`. Distance and diagonal are measured in the enclosure's longer side, so that
        their squares do not overflow. Of two equal points, 0/0 counts as 0.

    Convention:
        `torchvision.ops.distance_box_iou_loss(predictions, targets)`, without its eps.

    Example:
        >>> import numpy as np
        >>> boxes = np.asarray([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 3.0, 3.0]])
        >>> targets = np.asarray([[3.0, 0.0, 4.0, 1.0], [0.0, 0.0, 4.0, 4.0]])
        >>> diou_loss(boxes, targets).round(4).tolist()
        [1.5294, 0.75]

    Reference:
        Zheng et al. (2020), Distance-IoU Loss: Faster and Better Learning for Bounding Box
        Regression.
    """
    _check(predictions, targets)
    sides = _sides(predictions, targets)
    return _jaccard(sides)[0] + _off_centre(predictions, targets, sides.hull)


def diou_loss_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `diou_loss` by the predictions.

    Formula: that of `iou_loss_grad`, and
    $(\mathrm d\rho^2 - (\rho^2/c^2)\,\mathrm dc^2)/c^2$. At a kink, where two edges meet, the mean
    of the slopes on both sides is taken, as autograd does.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, per unit of length. It grows without bound
        as the boxes shrink.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Example:
        >>> import numpy as np
        >>> box, target = np.asarray([[0.0, 0.0, 1.0, 1.0]]), np.asarray([[3.0, 0.0, 4.0, 1.0]])
        >>> diou_loss_grad(box, target).round(4).tolist()
        [[0.0727, 0.0311, -0.1765, -0.0311]]
    """
    _check(predictions, targets)
    return _by_corners(predictions, _diou_slope(predictions, targets))


def ciou_loss(predictions: Array, targets: Array) -> Array:
    r"""Return the complete IoU loss of each box: distance-IoU's, and how the shapes differ.

    Formula: $1 - I/U + \rho^2/c^2 + \alpha v$, with
    $v = \frac{4}{\pi^2}\left(\arctan\frac{w^*}{h^*} - \arctan\frac wh\right)^2$ of the target's
    and the predicted box's width and height, and $\alpha = v/(1 - I/U + v)$.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of shape (...) and the dtype of `predictions`, without unit; in [0, 2.5).

    Gradient:
        That of `diou_loss`, and $\alpha\,\mathrm dv$ with $\alpha$ held constant, for autograd too;
        see `ciou_loss_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Numerics:
        As `diou_loss`. The arctangent takes width and height apart, so that a height of 0 divides
        nothing. At a fit, where $\alpha$ is 0/0, it counts as 0.

    Convention:
        $\alpha$ is a weight, not a function to be differentiated, as in the paper and in
        `torchvision.ops.complete_box_iou_loss(predictions, targets)`, which adds an eps. The paper
        of 2022 sets $\alpha$ to 0 where IoU is below ½; this is the one of 2020. Its authors
        train with 1 for the factor $1/(w^2 + h^2)$ of the derivative; here it is kept.

    Example:
        >>> import numpy as np
        >>> boxes, targets = np.asarray([[1.0, 0.0, 3.0, 4.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
        >>> diou_loss(boxes, targets).tolist(), ciou_loss(boxes, targets).round(4).tolist()
        ([0.5], [0.5032])

    Reference:
        Zheng et al. (2020), Distance-IoU Loss: Faster and Better Learning for Bounding Box
        Regression; Zheng et al. (2022), Enhancing Geometric Factors in Model Learning and Inference
        for Object Detection and Instance Segmentation.
    """
    _check(predictions, targets)
    sides = _sides(predictions, targets)
    distance = _jaccard(sides)[0]
    weight, difference = _shape(sides, distance)
    return distance + _off_centre(predictions, targets, sides.hull) + weight * difference**2


def ciou_loss_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `ciou_loss` by the predictions, with constant weights.

    Formula: that of `diou_loss_grad`, and $\alpha\,\mathrm dv$ with
    $\partial v/\partial w = -\frac{8}{\pi^2}(\arctan\frac{w^*}{h^*} - \arctan\frac wh)
    \frac{h}{w^2 + h^2}$ and $\partial v/\partial h$ the same with $-w$ for h. At a kink, where two
    edges meet, the mean of the slopes on both sides is taken, as autograd does.

    Args:
        predictions: Boxes `x1 y1 x2 y2`, floats of shape (..., 4).
        targets: Boxes of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, per unit of length. It grows without bound
        as the boxes shrink.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, the last axis has not four elements, or a target has a
            negative side.

    Example:
        >>> import numpy as np
        >>> box, target = np.asarray([[1.0, 1.0, 3.0, 2.0]]), np.asarray([[0.0, 0.0, 4.0, 4.0]])
        >>> ciou_loss_grad(box, target).round(4).tolist()
        [[0.0601, 0.1141, -0.0601, -0.1454]]
    """
    xp = _check(predictions, targets)
    by_distance = _diou_slope(predictions, targets)
    sides = _sides(predictions, targets)
    weight, difference = _shape(sides, _jaccard(sides)[0])
    longest = _or_one(xp.max(sides.own, axis=-1, keepdims=True))
    size = sides.own / longest
    turned = xp.concat([size[..., 1:], -size[..., :1]], axis=-1)  # (h, -w)
    turn = turned / _or_one(xp.sum(size**2, axis=-1, keepdims=True)) / longest
    slope = -2 * (weight * difference)[..., None] * turn
    by_shape = xp.concat([-slope, slope], axis=-1)
    return _by_corners(predictions, by_distance + by_shape)


def smooth_l1_boxes(predictions: Array, targets: Array, *, beta: float = 1.0) -> Array:
    r"""Return the smooth L1 loss of each box, summed over its coordinates.

    Formula: $\sum_i \operatorname{smooth}_{L1}(p_i - t_i)$, the sum of `smooth_l1` along the last
    axis. The coordinates are what the detector regresses, such as offsets from an anchor: they may
    have any sign, and nothing is asked of their order.

    Args:
        predictions: Coordinates of the predicted boxes, floats of shape (..., D); D is 4 for boxes
            in a plane.
        targets: Coordinates of the targets, of the shape and dtype of `predictions`.
        beta: The residual below which the tip is rounded, in the coordinates' unit; at least 0.

    Returns:
        Array of shape (...) and the dtype of `predictions`, in the coordinates' unit; at least 0.

    Gradient:
        That of `smooth_l1`, coordinate by coordinate; see `smooth_l1_boxes_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `beta` is no number.
        ValueError: The two shapes differ, there is no axis of coordinates, or `beta` is negative.

    Numerics:
        As `smooth_l1`.

    Convention:
        The sum over the coordinates, not their mean: `torch.nn.functional.smooth_l1_loss(
        predictions, targets, reduction="none", beta=beta).sum(-1)`.

    Example:
        >>> import numpy as np
        >>> smooth_l1_boxes(np.asarray([[0.5, 0.0, 3.0, 0.0]]), np.zeros((1, 4))).tolist()
        [2.625]

    Reference:
        Girshick (2015), Fast R-CNN, eq. 2 and 3 (with beta = 1).
    """
    xp = float_namespace(predictions=predictions, targets=targets)
    check_axes("... D, ... D", predictions=predictions, targets=targets)
    return xp.sum(smooth_l1(predictions, targets, beta=beta), axis=-1)


def smooth_l1_boxes_grad(predictions: Array, targets: Array, *, beta: float = 1.0) -> Array:
    r"""Return the derivative of the summed `smooth_l1_boxes` by the predictions.

    Formula: $\min(\max(e/\beta, -1), 1)$ with `e = predictions - targets`, each coordinate by
    itself. At $\beta = 0$ it is $\operatorname{sign}(e)$ with the subgradient 0 at the kink.

    Args:
        predictions: Coordinates of the predicted boxes, floats of shape (..., D).
        targets: Coordinates of the targets, of the shape and dtype of `predictions`.
        beta: The residual below which the tip is rounded; at least 0.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or
            `beta` is no number.
        ValueError: The two shapes differ, there is no axis of coordinates, or `beta` is negative.

    Example:
        >>> import numpy as np
        >>> smooth_l1_boxes_grad(np.asarray([[0.5, 0.0, 3.0, 0.0]]), np.zeros((1, 4))).tolist()
        [[0.5, 0.0, 1.0, 0.0]]
    """
    float_namespace(predictions=predictions, targets=targets)
    check_axes("... D, ... D", predictions=predictions, targets=targets)
    return smooth_l1_grad(predictions, targets, beta=beta)


def detection_loss(
    logits: Array, offsets: Array, labels: Array, targets: Array, *, weight: float = 1.0
) -> Array:
    r"""Return the detection loss of each anchor: its class, and its box where it has an object.

    Formula: $-\log p_y + [y > 0]\,\lambda \sum_i \operatorname{smooth}_{L1}(o_i - t_i)$, where
    `p = softmax(logits)`, y is the label, o the `offsets`, t the `targets` and $\lambda$ the
    `weight`. The label 0 is the background.

    Args:
        logits: Floats of shape (..., K), K classes with the background as the first.
        offsets: Predicted coordinates, floats of shape (..., D) and the dtype of `logits`.
        labels: Integers of shape (...), from 0 to K - 1.
        targets: Target coordinates, of the shape and dtype of `offsets`. Those of the background
            are not looked at, nor are its `offsets`: they may be NaN.
        weight: How much a box counts beside a class; at least 0.

    Returns:
        Array of the shape of `labels` and the dtype of `logits`; at least 0.

    Gradient:
        By the logits $p - 1_y$; by the offsets $\lambda$ times that of `smooth_l1_boxes`, and 0 for
        the background; see `detection_loss_grad`.

    Raises:
        TypeError: An argument is no array of its kind, they differ in dtype or library, or
            `weight` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `weight` is negative.

    Numerics:
        The background selects: [y > 0] · NaN would be NaN.

    Convention:
        One set of offsets per anchor, whatever its class. The mean over which anchors (all, or the
        positive ones) is the caller's: see `reduce`.

    Example:
        >>> import numpy as np
        >>> logits, offsets = np.zeros((2, 2)), np.asarray([[0.5, 0.0], [0.5, 0.0]])
        >>> losses = detection_loss(logits, offsets, np.asarray([1, 0]), np.zeros((2, 2)))
        >>> losses.round(4).tolist()
        [0.8181, 0.6931]

    Reference:
        Girshick (2015), Fast R-CNN, eq. 1.
    """
    xp, weight, positive = _check_anchors(logits, offsets, labels, targets, weight)
    nothing = xp.zeros_like(offsets)
    boxes = smooth_l1_boxes(xp.where(positive, offsets - targets, nothing), nothing)
    return softmax_cross_entropy_with_integer_labels(logits, labels) + weight * boxes


def detection_loss_grad(
    logits: Array, offsets: Array, labels: Array, targets: Array, *, weight: float = 1.0
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `detection_loss` by the logits and by the offsets.

    Formula: $p - 1_y$, where `p = softmax(logits)` and $1_y$ is the one-hot row of the label, and
    $[y > 0]\,\lambda\,\min(\max(o - t, -1), 1)$.

    Args:
        logits: Floats of shape (..., K), K classes with the background as the first.
        offsets: Predicted coordinates, floats of shape (..., D) and the dtype of `logits`.
        labels: Integers of shape (...), from 0 to K - 1.
        targets: Target coordinates, of the shape and dtype of `offsets`.
        weight: How much a box counts beside a class; at least 0.

    Returns:
        Two arrays, of the shapes and the dtype of `logits` and `offsets`; in [-1, 1] and in
        [-weight, weight].

    Raises:
        TypeError: An argument is no array of its kind, they differ in dtype or library, or
            `weight` is no number.
        ValueError: The shapes do not fit, a label is out of range, or `weight` is negative.

    Example:
        >>> import numpy as np
        >>> logits, offsets = np.zeros((2, 2)), np.asarray([[0.5, 0.0], [0.5, 0.0]])
        >>> grads = detection_loss_grad(logits, offsets, np.asarray([1, 0]), np.zeros((2, 2)))
        >>> [grad.tolist() for grad in grads]
        [[[0.5, -0.5], [-0.5, 0.5]], [[0.5, 0.0], [0.0, 0.0]]]
    """
    xp, weight, positive = _check_anchors(logits, offsets, labels, targets, weight)
    by_offsets = weight * smooth_l1_boxes_grad(offsets, targets)
    return (
        softmax_cross_entropy_with_integer_labels_grad(logits, labels),
        xp.where(positive, by_offsets, xp.zeros_like(offsets)),
    )


def _check_anchors(
    logits: Array, offsets: Array, labels: Array, targets: Array, weight: float
) -> tuple[Any, float, Array]:
    """Return the namespace, the weight, and which anchors have an object, with an axis of one."""
    xp = real_namespace(logits=logits, offsets=offsets, targets=targets)
    named = {"logits": logits, "offsets": offsets, "labels": labels, "targets": targets}
    check_axes("... K, ... D, ..., ... D", **named)
    check_labels(logits.shape[-1], logits=logits, labels=labels)
    return xp, check_in(NON_NEGATIVE, weight=weight), (labels > 0)[..., None]


def corners_from_centers(boxes: Array) -> Array:
    r"""Return boxes `x1 y1 x2 y2` from boxes `x y w h`: a centre, a width and a height.

    Formula: $(x - w/2,\ y - h/2,\ x + w/2,\ y + h/2)$.

    Args:
        boxes: Floats of shape (..., 4): centre, width and height.

    Returns:
        Array of the shape and dtype of `boxes`.

    Raises:
        TypeError: `boxes` is no array of floats.
        ValueError: The last axis has not four elements.

    Convention:
        `torchvision.ops.box_convert(boxes, "cxcywh", "xyxy")`. A negative width gives corners in
        the wrong order, which a prediction may have.

    Example:
        >>> import numpy as np
        >>> corners_from_centers(np.asarray([[2.0, 1.0, 4.0, 2.0]])).tolist()
        [[0.0, 0.0, 4.0, 2.0]]
    """
    xp = float_namespace(boxes=boxes)
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"boxes: expected shape (..., 4), got {tuple(boxes.shape)}")
    center, half = boxes[..., :2], boxes[..., 2:] / 2
    return xp.concat([center - half, center + half], axis=-1)


def centers_from_corners(boxes: Array) -> Array:
    r"""Return boxes `x y w h`, a centre, a width and a height, from boxes `x1 y1 x2 y2`.

    Formula: $\bigl(\frac{x_1 + x_2}{2},\ \frac{y_1 + y_2}{2},\ x_2 - x_1,\ y_2 - y_1\bigr)$.

    Args:
        boxes: Floats of shape (..., 4), with x1 <= x2 and y1 <= y2.

    Returns:
        Array of the shape and dtype of `boxes`.

    Raises:
        TypeError: `boxes` is no array of floats.
        ValueError: The last axis has not four elements, or a side is negative.

    Convention:
        `torchvision.ops.box_convert(boxes, "xyxy", "cxcywh")`, which checks nothing.

    Example:
        >>> import numpy as np
        >>> centers_from_corners(np.asarray([[0.0, 0.0, 4.0, 2.0]])).tolist()
        [[2.0, 1.0, 4.0, 2.0]]
    """
    xp = float_namespace(boxes=boxes)
    check_boxes(boxes=boxes)
    low, high = boxes[..., :2], boxes[..., 2:]
    return xp.concat([low / 2 + high / 2, high - low], axis=-1)


def iou_threshold_schedule(
    step: float, *, steps: float, thresholds: Sequence[float] = (0.5, 0.6, 0.7)
) -> float:
    r"""Return the IoU from which an anchor counts as an object's, at a step of the training.

    Formula: $u_k$ with $k = \min(\lfloor n\,s/S \rfloor,\ n - 1)$, where s is the `step`, S the
    `steps`, and $u_0 \dots u_{n-1}$ the `thresholds`: each holds for an equal part of the training.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the last threshold holds.
        steps: How long the training is; positive.
        thresholds: The thresholds in turn, from 0 to 1, none below the one before.

    Returns:
        One of the thresholds, as a Python float.

    Raises:
        TypeError: An argument is no number, or `thresholds` is no sequence.
        ValueError: An argument is out of its domain, there is no threshold, or they fall.

    Convention:
        Cascade R-CNN has three detectors in a row, of thresholds 0.5, 0.6 and 0.7, and trains
        them together: there `step` counts the detectors, and `steps` is 3.

    Example:
        >>> [iou_threshold_schedule(step, steps=90) for step in (0, 29, 30, 89, 200)]
        [0.5, 0.5, 0.6, 0.7, 0.7]

    Reference:
        Cai and Vasconcelos (2018), Cascade R-CNN: Delving into High Quality Object Detection.
    """
    step, steps = check_in(NON_NEGATIVE, step=step), check_in(POSITIVE, steps=steps)
    if not isinstance(thresholds, Iterable):
        got = type(thresholds).__name__
        raise TypeError(f"thresholds: expected a sequence of numbers, got {got}")
    values = [check_in(UNIT_CLOSED, thresholds=threshold) for threshold in thresholds]
    if not values or values != sorted(values):
        raise ValueError(f"thresholds: expected numbers that do not fall, got {thresholds}")
    return values[int(min(len(values) * step / steps, len(values) - 1))]


class _Sides(NamedTuple):
    """Lengths along x and y, each of shape (..., 2)."""

    own: Array
    other: Array
    shared: Array
    hull: Array


def _check(predictions: Array, targets: Array) -> Any:
    """Return the namespace of two arrays of boxes of one shape, once the targets are in order."""
    xp = float_namespace(predictions=predictions, targets=targets)
    check_boxes(targets=targets)
    return xp


def _ordered(predictions: Array) -> tuple[Array, Array]:
    """Return the lower and the upper corner, whichever stands first."""
    xp = float_namespace(predictions=predictions)
    first, second = predictions[..., :2], predictions[..., 2:]
    return xp.minimum(first, second), xp.maximum(first, second)


def _sides(predictions: Array, targets: Array) -> _Sides:
    """Return the sides of the predicted box, the target, the intersection and the enclosure."""
    xp = float_namespace(predictions=predictions)
    low, high = _ordered(predictions)
    start, end = targets[..., :2], targets[..., 2:]
    common = xp.minimum(high, end) - xp.maximum(low, start)
    hull = xp.maximum(high, end) - xp.minimum(low, start)
    return _Sides(high - low, end - start, xp.maximum(common, xp.zeros_like(common)), hull)


def _jaccard(sides: _Sides) -> tuple[Array, Array, Array]:
    """Return 1 - I/U, and U in squares of the unit along each axis, then these units."""
    xp = float_namespace(sides=sides.own)
    unit = stop_gradient(_or_one(xp.maximum(sides.own, sides.other)))  # the unit cancels out
    area, target, common = (_area(side / unit) for side in sides[:3])
    apart = (area - common) + (target - common)
    union = apart + common
    distance = xp.where(union == 0, xp.ones_like(union), apart / _or_one(union))
    return distance, union, unit


def _unfilled(union: Array, unit: Array, hull: Array) -> Array:
    """Return the part of the enclosure that the union leaves free; 0 where it has no area."""
    xp = float_namespace(union=union)
    filled = union * _area(unit / _or_one(hull))
    return 1 - xp.where(xp.any(hull == 0, axis=-1), xp.ones_like(filled), filled)


def _off_centre(predictions: Array, targets: Array, hull: Array) -> Array:
    """Return the squared distance of the centres over that of the enclosure's far corners."""
    xp = float_namespace(hull=hull)
    longest = stop_gradient(_or_one(xp.max(hull, axis=-1, keepdims=True)))
    apart = xp.sum((_between_centres(predictions, targets) / longest) ** 2, axis=-1)
    return apart / _or_one(xp.sum((hull / longest) ** 2, axis=-1))


def _between_centres(predictions: Array, targets: Array) -> Array:
    """Return the vector from the target's centre to the predicted box's."""
    halves = (predictions - targets) / 2
    return halves[..., :2] + halves[..., 2:]


def _shape(sides: _Sides, distance: Array) -> tuple[Array, Array]:
    """Return 4α/π², a constant, and the difference of the angles, whose square it weighs."""
    difference = _angle(sides.other) - _angle(sides.own)
    mismatch = (4 / math.pi**2) * difference**2
    weight = mismatch / _or_one(distance + mismatch)
    return (4 / math.pi**2) * stop_gradient(weight), difference


def _angle(side: Array) -> Array:
    """Return arctan(w/h), and 0 for a point."""
    xp = float_namespace(side=side)
    width, height = side[..., 0], side[..., 1]
    point = (width == 0) & (height == 0)
    return xp.atan2(width, xp.where(point, xp.ones_like(height), height))


def _jaccard_slope(predictions: Array, targets: Array) -> Array:
    """Return the derivative of 1 - I/U by the lower and the upper corner."""
    xp = float_namespace(predictions=predictions)
    sides = _sides(predictions, targets)
    distance, union, unit = _jaccard(sides)
    area, common = _area_slopes(predictions, targets, sides, unit)
    slope = ((1 - distance)[..., None] * (area - common) - common) / _or_one(union)[..., None]
    return xp.where((union == 0)[..., None], xp.zeros_like(slope), slope)


def _unfilled_slope(predictions: Array, targets: Array) -> Array:
    """Return the derivative of 1 - U/C by the lower and the upper corner."""
    xp = float_namespace(predictions=predictions)
    sides = _sides(predictions, targets)
    _, union, unit = _jaccard(sides)
    area, common = _area_slopes(predictions, targets, sides, unit)
    hull = _hull_slope(predictions, targets) / _twice(_or_one(sides.hull))
    part = _area(unit / _or_one(sides.hull))[..., None]
    slope = part * (union[..., None] * hull - (area - common))
    flat = xp.any(sides.hull == 0, axis=-1)[..., None]
    return xp.where(flat, xp.zeros_like(slope), slope)


def _diou_slope(predictions: Array, targets: Array) -> Array:
    """Return the derivative of the distance-IoU loss by the lower and the upper corner."""
    xp = float_namespace(predictions=predictions)
    by_overlap = _jaccard_slope(predictions, targets)
    hull = _sides(predictions, targets).hull
    longest = _or_one(xp.max(hull, axis=-1, keepdims=True))
    apart, side = _between_centres(predictions, targets) / longest, hull / longest
    diagonal = _or_one(xp.sum(side**2, axis=-1))[..., None]
    ratio = _off_centre(predictions, targets, hull)[..., None]
    by_hull = 2 * ratio * _twice(side) * _hull_slope(predictions, targets)
    return by_overlap + (_twice(apart) - by_hull) / diagonal / longest


def _area_slopes(
    predictions: Array, targets: Array, sides: _Sides, unit: Array
) -> tuple[Array, Array]:
    """Return how the box's area and the intersection's grow with the lower and upper corner."""
    xp = float_namespace(predictions=predictions)
    low, high = _ordered(predictions)
    start, end = targets[..., :2], targets[..., 2:]
    meets = _step(xp.minimum(high, end) - xp.maximum(low, start))
    shared = xp.concat([-meets * _step(low - start), meets * _step(end - high)], axis=-1)
    area = _across(sides.own, unit)
    return xp.concat([-area, area], axis=-1), shared * _twice(_across(sides.shared, unit))


def _hull_slope(predictions: Array, targets: Array) -> Array:
    """Return how the enclosure's sides grow with the lower and the upper corner."""
    low, high = _ordered(predictions)
    lower, upper = -_step(targets[..., :2] - low), _step(high - targets[..., 2:])
    return float_namespace(predictions=predictions).concat([lower, upper], axis=-1)


def _by_corners(predictions: Array, slope: Array) -> Array:
    """Return a derivative by the lower and upper corner as one by the corners as they stand."""
    xp = float_namespace(predictions=predictions)
    lower, upper = slope[..., :2], slope[..., 2:]
    sorted_ = _step(predictions[..., 2:] - predictions[..., :2])
    first = sorted_ * lower + (1 - sorted_) * upper
    return xp.concat([first, lower + upper - first], axis=-1)


def _step(x: Array) -> Array:
    """Return the derivative of max(x, 0): 0, ½ at the kink, 1."""
    return (float_namespace(x=x).sign(x) + 1) / 2


def _across(side: Array, unit: Array) -> Array:
    """Return how fast an area grows with each of its sides: the other side."""
    return float_namespace(side=side).flip(side / unit, axis=-1) / unit


def _area(side: Array) -> Array:
    return side[..., 0] * side[..., 1]


def _twice(x: Array) -> Array:
    """Return the row for the lower corner and again for the upper one."""
    return float_namespace(x=x).concat([x, x], axis=-1)


def _or_one(x: Array) -> Array:
    """Return x, and 1 where it is 0: what 0 is divided by to stay 0."""
    xp = float_namespace(x=x)
    return xp.where(x == 0, xp.ones_like(x), x)
