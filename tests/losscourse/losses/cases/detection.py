"""The cases of `losscourse.losses.detection`."""

import math
from collections.abc import Callable
from typing import Any

import array_api_compat
import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from losscourse.arrays import Array
from losscourse.losses import classification, detection, regression
from tests.losscourse.libraries import FORMATS, dtype_name, make, read
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import example, wrong
from tests.losscourse.losses.cases.regression import exact_smooth_l1
from tests.losscourse.losses.helper import Helper

TURNED = [2, 1, 0, 3]
"""The corners of a box with left and right exchanged."""


def draw_boxes(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return predicted and target boxes: some overlap, some do not, one in five is turned.

    The corners miss by the size of `scale`; the sides are at least of the size of 1. Boxes after
    the hundredth are a thousand times smaller: gradients per unit of length have no bound.
    """
    size = max(scale, 1.0)
    corner = size * rng.uniform(-1, 1, size=(n, 2))
    targets = np.concatenate([corner, corner + size * rng.uniform(0.5, 2, size=(n, 2))], axis=1)
    predictions = targets + 0.8 * scale * rng.uniform(-1, 1, size=(n, 4))
    predictions[1::4] += scale * np.asarray([1.5, 0.0, 1.5, 0.0])
    predictions[::5] = predictions[::5][:, TURNED]
    predictions[100:] *= 1e-3
    targets[100:] *= 1e-3
    return predictions, targets


def few_boxes() -> tuple[np.ndarray, np.ndarray]:
    """Return a fit, boxes that touch or lie inside, and boxes without area."""
    pairs = [
        ([0.0, 0.0, 2.0, 3.0], [0.0, 0.0, 2.0, 3.0]),
        ([0.0, 0.0, 2.0, 2.0], [0.0, -1.0, 4.0, 3.0]),
        ([0.0, 0.0, 2.0, 2.0], [2.0, -1.0, 6.0, 3.0]),
        ([0.0, 0.0, 1.0, 1.0], [5000.0, 0.5, 5001.0, 0.75]),
        ([0.0, 0.0, 1.0, 4000.0], [-4000.0, 1.0, 4.0, 2.0]),
        ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]),
        ([1.0, 1.0, 1.0, 2.0], [1.0, 1.0, 1.0, 2.0]),
        ([1.0, 1.0, 1.0, 2.0], [3.0, 4.0, 3.0, 4.0]),
        ([1.0, 1.0, 1.0, 3.0], [0.0, 0.0, 4.0, 4.0]),
    ]
    return tuple(np.asarray(boxes) for boxes in zip(*pairs, strict=True))


def cells(prediction: np.ndarray, target: np.ndarray) -> tuple[float, float, float]:
    """Return the areas of intersection, union and enclosure, summed over the cells of a grid.

    The grid is what all edges cut the plane into: a cell lies in a box or outside.
    """
    edges = [np.sort([prediction[k], prediction[k + 2], target[k], target[k + 2]]) for k in (0, 1)]
    area = np.outer(*(np.diff(e) for e in edges))
    middle = [(e[1:] + e[:-1]) / 2 for e in edges]

    def inside(box: np.ndarray) -> np.ndarray:
        within = [
            (min(box[k], box[k + 2]) < middle[k]) & (middle[k] < max(box[k], box[k + 2]))
            for k in (0, 1)
        ]
        return np.outer(*within)

    first, second = inside(prediction), inside(target)
    return area[first & second].sum(), area[first | second].sum(), area.sum()


def by_cells(loss: Callable[..., float]) -> Callable[..., np.ndarray]:
    """Return an oracle from the loss of the areas and the two boxes."""
    return lambda predictions, targets: np.asarray(
        [loss(*cells(p, t), p, t) for p, t in zip(predictions, targets, strict=True)]
    )


def diagonals(p: np.ndarray, t: np.ndarray) -> float:
    """Return the centres' distance over the enclosure's diagonal, squared, by complex numbers."""
    corners = np.asarray([*p, *t]).reshape(4, 2) @ [1, 1j]
    span = np.ptp(corners.real) + 1j * np.ptp(corners.imag)
    return abs((corners[:2].sum() - corners[2:].sum()) / 2 / span) ** 2


def shapes(p: np.ndarray, t: np.ndarray) -> float:
    """Return v, by the arguments of complex numbers."""
    angles = [np.angle(abs(b[3] - b[1]) + 1j * abs(b[2] - b[0])) for b in (p, t)]
    return 4 / math.pi**2 * (angles[0] - angles[1]) ** 2


def exact_areas(p: list, t: list) -> tuple[Any, Any, Any]:
    """Return the areas of intersection, union and enclosure in mpmath."""
    sides, inner, outer = [], [], []
    for k in (0, 1):
        low, high = sorted((p[k], p[k + 2]))
        sides.append((high - low, t[k + 2] - t[k]))
        inner.append(max(min(high, t[k + 2]) - max(low, t[k]), mpmath.mpf(0)))
        outer.append(max(high, t[k + 2]) - min(low, t[k]))
    common = inner[0] * inner[1]
    own, other = (sides[0][k] * sides[1][k] for k in (0, 1))
    return common, own + other - common, outer[0] * outer[1]


def exact_iou(p: list, t: list) -> Any:
    """Return 1 - I/U in mpmath, I/U being 0 where there is no area."""
    common, union, _ = exact_areas(p, t)
    return 1 - common / union if union else mpmath.mpf(1)


def exact_giou(p: list, t: list) -> Any:
    """Return the generalised IoU loss in mpmath."""
    _, union, hull = exact_areas(p, t)
    return exact_iou(p, t) + ((hull - union) / hull if hull else 0)


def exact_diou(p: list, t: list) -> Any:
    """Return the distance-IoU loss in mpmath."""
    apart = [(p[k] + p[k + 2] - t[k] - t[k + 2]) / 2 for k in (0, 1)]
    span = [max(p[k], p[k + 2], t[k + 2]) - min(p[k], p[k + 2], t[k]) for k in (0, 1)]
    diagonal = span[0] ** 2 + span[1] ** 2
    return exact_iou(p, t) + ((apart[0] ** 2 + apart[1] ** 2) / diagonal if diagonal else 0)


def exact_ciou(p: list, t: list) -> Any:
    """Return the complete IoU loss in mpmath."""
    angles = [mpmath.atan2(abs(b[2] - b[0]), abs(b[3] - b[1])) for b in (p, t)]
    v = 4 / mpmath.pi**2 * (angles[1] - angles[0]) ** 2
    distance = exact_iou(p, t)
    return exact_diou(p, t) + (v * v / (distance + v) if v else 0)


def boxes(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes for an identity."""
    return example(draw_boxes, n=n)


def inner(part: float) -> tuple[np.ndarray, np.ndarray]:
    """Return boxes around the middle of their targets, with a part of each side."""
    targets = boxes()[1]
    middle = (targets[:, :2] + targets[:, 2:]) / 2
    half = part * (targets[:, 2:] - targets[:, :2]) / 2
    return np.concatenate([middle - half, middle + half], axis=1), targets


SHARED_IDENTITIES = (
    Identity("a perfect fit costs nothing", lambda loss: (loss(boxes()[1], boxes()[1]), 0.0)),
    Identity(
        "any two opposite corners name the box",
        lambda loss: (loss(*boxes()), loss(boxes()[0][:, TURNED], boxes()[1])),
    ),
    Identity(
        "in another unit the same",
        lambda loss: (loss(*boxes()), loss(*(1024 * b for b in boxes()))),
    ),
    Identity(
        "x and y are alike",
        lambda loss: (loss(*boxes()), loss(*(b[:, [1, 0, 3, 2]] for b in boxes()))),
    ),
)

WITHOUT = {
    "limits_are_declared": "an infinite box overlaps with nothing finite: NaN",
    "minimiser_is_the_statistic": "the best constant box is no statistic with a name",
}


def parts(xp: Any, p: Array, t: Array, more: float = 0.0) -> tuple[Array, ...]:
    """Return the areas A, B, I and C by the naive formula; `more` lengthens each side."""
    low, high = xp.minimum(p[..., :2], p[..., 2:]), xp.maximum(p[..., :2], p[..., 2:])
    start, end = t[..., :2], t[..., 2:]
    gap = xp.minimum(high, end) - xp.maximum(low, start) + more
    hull = xp.maximum(high, end) - xp.minimum(low, start) + more
    lengths = (high - low + more, end - start + more, xp.maximum(gap, 0 * gap), hull)
    return tuple(x[..., 0] * x[..., 1] for x in lengths)


def naive(body: Callable[..., Array], more: float = 0.0) -> Callable[[Any, Array, Array], Array]:
    """Return a loss of the naive areas A, B, I and C."""
    return lambda xp, p, t: body(*parts(xp, p, t, more))


def unsorted(loss: Callable[..., Array]) -> Callable[..., Array]:
    """Return the loss of a prediction whose corners are taken as they stand: no side, no area."""
    return lambda xp, p, t: loss(
        xp.concat([p[..., :2], xp.maximum(p[..., :2], p[..., 2:])], axis=-1), t
    )


def swapped(xp: Any, p: Array, t: Array) -> tuple[Array, Array]:
    """Return the boxes as if their rows were x1 x2 y1 y2."""
    return tuple(xp.stack([b[..., 0], b[..., 2], b[..., 1], b[..., 3]], axis=-1) for b in (p, t))


IOU = Case(
    loss=detection.iou_loss,
    gradient=detection.iou_loss_grad,
    settings=({},),
    draw=draw_boxes,
    oracle=("sum over grid cells", by_cells(lambda common, union, hull, p, t: 1 - common / union)),
    exact=exact_iou,
    kinks=lambda: (
        Point(((0.0, 0.0, 2.0, 2.0), (0.0, -1.0, 4.0, 3.0)), (3 / 64, 1 / 8, -1 / 8, -1 / 8)),
        Point(((0.0, 0.0, 2.0, 2.0), (2.0, -1.0, 6.0, 3.0)), (0.0, 0.0, -1 / 20, 0.0)),
        Point(((1.0, 1.0, 1.0, 3.0), (0.0, 0.0, 4.0, 4.0)), (0.0, 0.0, 0.0, 0.0)),
    ),
    corners=lambda: (few_boxes(),),
    wrong_values={"targets": (-1e6,)},
    rounding=4.0,
    without=WITHOUT,
    identities=(
        *SHARED_IDENTITIES,
        Identity("half of the target", lambda loss: (loss(*inner(math.sqrt(0.5))), 0.5)),
        Identity("symmetric", lambda loss: (loss(*inner(0.3)), loss(*inner(0.3)[::-1]))),
    ),
    wrongs=(
        wrong("loss", "similarity", naive(lambda a, b, i, c: i / (a + b - i))),
        wrong("loss", "sum for union", naive(lambda a, b, i, c: 1 - i / (a + b))),
        wrong("loss", "Dice", naive(lambda a, b, i, c: 1 - 2 * i / (a + b))),
        wrong("loss", "over the target's area", naive(lambda a, b, i, c: 1 - i / b)),
        wrong("loss", "sides counted in pixels", naive(lambda a, b, i, c: 1 - i / (a + b - i), 1)),
        wrong("loss", "areas overflow", naive(lambda a, b, i, c: 1 - i / (a + b - i))),
        wrong("loss", "eps below", naive(lambda a, b, i, c: 1 - i / (a + b - i + 1e-7))),
        wrong("loss", "corners as they stand", unsorted(detection.iou_loss)),
        wrong("gradient", "descent for gradient", lambda xp, p, t: -detection.iou_loss_grad(p, t)),
        wrong(
            "gradient",
            "corners as they stand",
            lambda xp, p, t: detection.iou_loss_grad(xp.sort(p, axis=-1), t),
        ),
        wrong(
            "gradient",
            "generalised",
            lambda xp, p, t: detection.giou_loss_grad(p, t),
        ),
        wrong(
            "gradient",
            "one side at a kink",
            lambda xp, p, t: detection.iou_loss_grad(p + 1e-9, t),
        ),
    ),
)

GIOU = Case(
    loss=detection.giou_loss,
    gradient=detection.giou_loss_grad,
    settings=({},),
    draw=draw_boxes,
    oracle=(
        "sum over grid cells",
        by_cells(lambda common, union, hull, p, t: 2 - common / union - union / hull),
    ),
    exact=exact_giou,
    kinks=lambda: (
        Point(((0.0, 0.0, 2.0, 2.0), (0.0, -1.0, 4.0, 3.0)), (-1 / 64, 1 / 8, -1 / 8, -1 / 8)),
        Point(((0.0, 0.0, 2.0, 2.0), (2.0, -1.0, 6.0, 3.0)), (-1 / 18, 1 / 12, -11 / 120, -1 / 12)),
    ),
    corners=lambda: (few_boxes(),),
    wrong_values={"targets": (-1e6,)},
    rounding=4.0,
    without=WITHOUT,
    identities=(
        *SHARED_IDENTITIES,
        Identity(
            "IoU's where one box holds the other",
            lambda loss: (loss(*inner(0.3)), detection.iou_loss(*inner(0.3))),
        ),
        Identity(
            "unit squares three apart",
            lambda loss: (loss(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[3.0, 0, 4, 1]])), [1.5]),
        ),
    ),
    wrongs=(
        wrong("loss", "IoU's", lambda xp, p, t: detection.iou_loss(p, t)),
        wrong(
            "loss",
            "penalty taken off",
            lambda xp, p, t: 2 * detection.iou_loss(p, t) - detection.giou_loss(p, t),
        ),
        wrong(
            "loss",
            "areas overflow",
            naive(lambda a, b, i, c: 2 - i / (a + b - i) - (a + b - i) / c),
        ),
        wrong(
            "loss",
            "over the union",
            naive(lambda a, b, i, c: 1 - i / (a + b - i) + c / (a + b - i) - 1),
        ),
        wrong("loss", "sum for union", naive(lambda a, b, i, c: 2 - i / (a + b - i) - (a + b) / c)),
        wrong("loss", "similarity", lambda xp, p, t: 1 - detection.giou_loss(p, t)),
        wrong("loss", "corners as they stand", unsorted(detection.giou_loss)),
        wrong("gradient", "IoU's", lambda xp, p, t: detection.iou_loss_grad(p, t)),
        wrong("gradient", "sign", lambda xp, p, t: -detection.giou_loss_grad(p, t)),
        wrong(
            "gradient", "one side at a kink", lambda xp, p, t: detection.giou_loss_grad(p + 1e-9, t)
        ),
    ),
)

DIOU = Case(
    loss=detection.diou_loss,
    gradient=detection.diou_loss_grad,
    settings=({},),
    draw=draw_boxes,
    oracle=(
        "sum over grid cells, and complex numbers",
        by_cells(lambda common, union, hull, p, t: 1 - common / union + diagonals(p, t)),
    ),
    exact=exact_diou,
    kinks=lambda: (
        Point(((0.0, 0.0, 2.0, 2.0), (0.0, -1.0, 4.0, 3.0)), (5 / 256, 1 / 8, -5 / 32, -1 / 8)),
    ),
    corners=lambda: (few_boxes(),),
    wrong_values={"targets": (-1e6,)},
    rounding=4.0,
    without=WITHOUT,
    identities=(
        *SHARED_IDENTITIES,
        Identity(
            "IoU's where the centres meet",
            lambda loss: (loss(*inner(0.3)), detection.iou_loss(*inner(0.3))),
        ),
        Identity(
            "unit squares three apart",
            lambda loss: (
                loss(np.asarray([[0.0, 0, 1, 1]]), np.asarray([[3.0, 0, 4, 1]])),
                [1 + 9 / 17],
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "IoU's", lambda xp, p, t: detection.iou_loss(p, t)),
        wrong(
            "loss",
            "distance not squared",
            lambda xp, p, t: (
                detection.iou_loss(p, t)
                + xp.sqrt(detection.diou_loss(p, t) - detection.iou_loss(p, t))
            ),
        ),
        wrong(
            "loss", "squares overflow", lambda xp, p, t: detection.iou_loss(p, t) + off(xp, p, t)
        ),
        wrong(
            "loss",
            "corners for centres",
            lambda xp, p, t: detection.iou_loss(p, t) + off(xp, p, t, weight=0.0),
        ),
        wrong(
            "loss",
            "taken off",
            lambda xp, p, t: 2 * detection.iou_loss(p, t) - detection.diou_loss(p, t),
        ),
        wrong("loss", "corners as they stand", unsorted(detection.diou_loss)),
        wrong("gradient", "IoU's", lambda xp, p, t: detection.iou_loss_grad(p, t)),
        wrong("gradient", "generalised", lambda xp, p, t: detection.giou_loss_grad(p, t)),
        wrong("gradient", "sign", lambda xp, p, t: -detection.diou_loss_grad(p, t)),
    ),
)


def off(xp: Any, p: Array, t: Array, weight: float = 0.5) -> Array:
    """Return the squared distance over the squared diagonal, naively."""
    low, high = xp.minimum(p[..., :2], p[..., 2:]), xp.maximum(p[..., :2], p[..., 2:])
    start, end = t[..., :2], t[..., 2:]
    apart = (1 - weight) * (low - start) + weight * (high - end)
    hull = xp.maximum(high, end) - xp.minimum(low, start)
    return xp.sum(apart**2, axis=-1) / xp.sum(hull**2, axis=-1)


def frozen_weight() -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of the complete IoU loss, and the exact one with its weight frozen."""
    predictions, targets = boxes(12)
    rows = []
    for p, t in zip(predictions.tolist(), targets.tolist(), strict=True):
        angle = mpmath.atan2(t[2] - t[0], t[3] - t[1])

        def shape(p: list, angle: Any = angle) -> Any:
            own = mpmath.atan2(abs(p[2] - p[0]), abs(p[3] - p[1]))
            return 4 / mpmath.pi**2 * (angle - own) ** 2

        weight = shape(p) / (exact_iou(p, t) + shape(p))

        def moved(k: int, x: Any, p: list = p, t: list = t, weight: Any = weight) -> Any:
            box = [*p[:k], x, *p[k + 1 :]]
            return exact_diou(box, t) + weight * shape(box)

        rows.append([float(mpmath.diff(lambda x, k=k: moved(k, x), p[k])) for k in range(4)])
    return detection.ciou_loss_grad(predictions, targets), np.asarray(rows)


def shaped(xp: Any, p: Array, t: Array, constant: bool) -> Array:
    """Return the complete IoU loss by the naive formula, its weight differentiated or not."""
    own, other = xp.abs(p[..., 2:] - p[..., :2]), t[..., 2:] - t[..., :2]
    angle = xp.atan(other[..., 0] / other[..., 1]) - xp.atan(own[..., 0] / own[..., 1])
    v = (4 / math.pi**2) * angle**2
    weight = v / (detection.iou_loss(p, t) + v)
    if constant and isinstance(weight, torch.Tensor):
        weight = weight.detach()
    return detection.diou_loss(p, t) + weight * v


CIOU = Case(
    loss=detection.ciou_loss,
    gradient=detection.ciou_loss_grad,
    settings=({},),
    draw=draw_boxes,
    oracle=(
        "sum over grid cells, and complex numbers",
        by_cells(
            lambda common, union, hull, p, t: (
                1
                - common / union
                + diagonals(p, t)
                + shapes(p, t) ** 2 / (1 - common / union + shapes(p, t))
            )
        ),
    ),
    exact=exact_ciou,
    kinks=lambda: (
        Point(((0.0, 0.0, 2.0, 2.0), (0.0, -1.0, 4.0, 3.0)), (5 / 256, 1 / 8, -5 / 32, -1 / 8)),
    ),
    corners=lambda: (few_boxes(),),
    wrong_values={"targets": (-1e6,)},
    rounding=4.0,
    without={
        **WITHOUT,
        "matches_exact_gradient": "its weight is held constant: see the identity",
        "gradient_matches_central_differences": "its weight is held constant: see the identity",
    },
    identities=(
        *SHARED_IDENTITIES,
        Identity(
            "distance-IoU's where the shapes agree",
            lambda loss: (loss(*inner(0.3)), detection.diou_loss(*inner(0.3))),
        ),
        Identity(
            "widest against tallest: v is 1",
            lambda loss: (
                loss(np.asarray([[0.0, 0.0, 2.0, 0.0]]), np.asarray([[0.0, 0.0, 0.0, 2.0]])),
                [1 + 2 / 8 + 1 / 2],
            ),
        ),
        Identity("the gradient with the weight frozen", lambda loss: frozen_weight()),
    ),
    wrongs=(
        wrong("loss", "distance-IoU's", lambda xp, p, t: detection.diou_loss(p, t)),
        wrong("loss", "weight differentiated", lambda xp, p, t: shaped(xp, p, t, False)),
        wrong("loss", "0/0 at a fit", lambda xp, p, t: shaped(xp, p, t, True)),
        wrong(
            "loss",
            "weight 1",
            lambda xp, p, t: (
                detection.diou_loss(p, t) + (4 / math.pi**2) * (turn(xp, t) - turn(xp, p)) ** 2
            ),
        ),
        wrong(
            "loss",
            "4/π² left out",
            lambda xp, p, t: (
                detection.diou_loss(p, t)
                + (turn(xp, t) - turn(xp, p)) ** 4
                / (detection.iou_loss(p, t) + (turn(xp, t) - turn(xp, p)) ** 2)
            ),
        ),
        wrong("loss", "corners as they stand", unsorted(detection.ciou_loss)),
        wrong("gradient", "distance-IoU's", lambda xp, p, t: detection.diou_loss_grad(p, t)),
        wrong(
            "gradient",
            "shape's part turned",
            lambda xp, p, t: 2 * detection.diou_loss_grad(p, t) - detection.ciou_loss_grad(p, t),
        ),
        wrong("gradient", "sign", lambda xp, p, t: -detection.ciou_loss_grad(p, t)),
    ),
)


def turn(xp: Any, box: Array) -> Array:
    """Return arctan(w/h)."""
    side = xp.abs(box[..., 2:] - box[..., :2])
    return xp.atan2(side[..., 0], side[..., 1])


COORDINATES = 4
CLASSES = 3


def draw_offsets(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return offsets of any sign, and their targets."""
    targets = rng.normal(size=(n, COORDINATES))
    return targets + scale * rng.normal(size=(n, COORDINATES)), targets


def exact_smooth_l1_boxes(p: list, t: list, beta: float = 1.0) -> Any:
    """Return the sum of the coordinates' smooth L1 losses in mpmath."""
    return mpmath.fsum(exact_smooth_l1(x, y, beta) for x, y in zip(p, t, strict=True))


def far_in_one(size: float) -> tuple[float, ...]:
    """Return coordinates 0 but for the first."""
    return (size, *[0.0] * (COORDINATES - 1))


SMOOTH_L1_BOXES = Case(
    loss=detection.smooth_l1_boxes,
    gradient=detection.smooth_l1_boxes_grad,
    settings=({}, {"beta": 0.0}, {"beta": 0.1}),
    draw=draw_offsets,
    oracle=(
        "torch smooth_l1_loss, summed",
        lambda p, t, beta=1.0: (
            F.smooth_l1_loss(*map(torch.as_tensor, (p, t)), reduction="none", beta=beta)
            .sum(-1)
            .numpy()
        ),
    ),
    exact=exact_smooth_l1_boxes,
    limits=lambda beta=1.0: (
        Point((far_in_one(math.inf), far_in_one(0.0)), far_in_one(1.0), math.inf),
        Point((far_in_one(0.0), far_in_one(math.inf)), far_in_one(-1.0), math.inf),
    ),
    kinks=lambda beta=1.0: (
        (Point(((1.5, 0.0, 1.0, -1.0), (1.5, -3.0, 0.0, 0.0)), (0.0, 1.0, 1.0, -1.0)),)
        if beta == 0
        else ()
    ),
    without={"minimiser_is_the_statistic": "each coordinate's is smooth_l1's, tested there"},
    identities=(
        Identity(
            "of one coordinate, smooth L1",
            lambda loss: (
                loss(*(a[:, :1] for a in example(draw_offsets)), beta=0.3),
                regression.smooth_l1(*(a[:, 0] for a in example(draw_offsets)), beta=0.3),
            ),
        ),
        Identity(
            "the sum over any order",
            lambda loss: (
                loss(*example(draw_offsets)),
                loss(*(a[:, ::-1] for a in example(draw_offsets))),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "mean over the coordinates",
            lambda xp, p, t, beta=1.0: xp.mean(regression.smooth_l1(p, t, beta=beta), axis=-1),
        ),
        wrong(
            "loss",
            "Huber",
            lambda xp, p, t, beta=1.0: xp.sum(
                regression.huber(p, t, delta=beta) if beta else xp.abs(p - t), axis=-1
            ),
        ),
        wrong(
            "loss",
            "beta left out",
            lambda xp, p, t, beta=1.0: xp.sum(regression.smooth_l1(p, t), axis=-1),
        ),
        wrong(
            "loss",
            "of the distance",
            lambda xp, p, t, beta=1.0: regression.smooth_l1(
                xp.sqrt(xp.sum((p - t) ** 2, axis=-1)), 0 * p[..., 0], beta=beta
            ),
        ),
        wrong(
            "gradient",
            "of the mean",
            lambda xp, p, t, beta=1.0: regression.smooth_l1_grad(p, t, beta=beta) / COORDINATES,
        ),
        wrong("gradient", "not clipped", lambda xp, p, t, beta=1.0: (p - t) / (beta or 1.0)),
        wrong(
            "gradient",
            "sign",
            lambda xp, p, t, beta=1.0: regression.smooth_l1_grad(t, p, beta=beta),
        ),
    ),
)


def draw_anchors(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits, offsets, labels and targets; two in four anchors are background."""
    offsets, targets = draw_offsets(rng, n, scale)
    labels = rng.integers(1, CLASSES, n)
    labels[::4] = 0
    labels[1::4] = 0
    return scale * rng.normal(size=(n, CLASSES)), offsets, labels, targets


def torch_detection(
    z: np.ndarray, o: np.ndarray, y: np.ndarray, t: np.ndarray, weight: float = 1.0
) -> np.ndarray:
    """Return torch's cross-entropy, and its smooth L1 loss of the anchors with an object."""
    losses = F.cross_entropy(torch.as_tensor(z), torch.as_tensor(y), reduction="none").numpy()
    found = np.flatnonzero(y)
    boxes = F.smooth_l1_loss(*(torch.as_tensor(a[found]) for a in (o, t)), reduction="none")
    np.add.at(losses, found, weight * boxes.sum(-1).numpy())
    return losses


def exact_detection(z: list, o: list, y: Any, t: list, weight: float = 1.0) -> Any:
    """Return the detection loss of one anchor in mpmath."""
    entropy = mpmath.log(mpmath.fsum(mpmath.exp(x - z[int(y)]) for x in z))
    return entropy + (mpmath.mpf(weight) * exact_smooth_l1_boxes(o, t) if y > 0 else 0)


def unguided() -> tuple[np.ndarray, ...]:
    """Return logits 0, each label once, and offsets that fit."""
    offsets = np.ones((CLASSES, COORDINATES))
    return np.zeros((CLASSES, CLASSES)), offsets, np.arange(CLASSES), offsets


def without_background_boxes() -> tuple[np.ndarray, ...]:
    """Return anchors of which the background has NaN for its target."""
    z, o, y, t = example(draw_anchors)
    return z, o, y, np.where(y[:, None] > 0, t, math.nan)


def background_pull(loss: Callable[..., Array]) -> np.ndarray:
    """Return autograd's pull on the background's offsets, its targets being NaN."""
    z, o, y, t = map(torch.as_tensor, without_background_boxes())
    o.requires_grad_()
    loss(z, o, y, t).sum().backward()
    return torch.where(y[:, None] > 0, 0.0, o.grad).numpy()


def anchor(body: Callable[..., Array]) -> Callable[..., Array]:
    """Return a loss of an anchor from its cross-entropy, its box loss, its label and the weight."""

    def loss(xp: Any, z: Array, o: Array, y: Array, t: Array, weight: float = 1.0) -> Array:
        entropy = classification.softmax_cross_entropy_with_integer_labels(z, y)
        return body(xp, entropy, detection.smooth_l1_boxes(o, t), y, weight)

    return loss


def number(xp: Any, mask: Array, like: Array) -> Array:
    """Return 1 where the mask holds, and 0 elsewhere."""
    return xp.where(mask, xp.ones_like(like), xp.zeros_like(like))


DETECTION = Case(
    loss=detection.detection_loss,
    gradient=detection.detection_loss_grad,
    settings=({}, {"weight": 2.0}),
    draw=draw_anchors,
    oracle=("torch cross_entropy and smooth_l1_loss", torch_detection),
    exact=exact_detection,
    by=2,
    chance=unguided,
    wrong_values={"labels": (-1, CLASSES)},
    rounding=1.0,
    limits=lambda weight=1.0: (
        Point(
            ((0.0, 0.0, 0.0), far_in_one(math.inf), 0, far_in_one(0.0)),
            (-2 / 3, 1 / 3, 1 / 3),
            math.log(3),
        ),
    ),
    without={"minimiser_is_the_statistic": "class frequencies and box locations at once"},
    identities=(
        Identity(
            "the background's targets are not looked at",
            lambda loss: (loss(*example(draw_anchors)), loss(*without_background_boxes())),
        ),
        Identity(
            "nor do they reach the gradient",
            lambda loss: (
                detection.detection_loss_grad(*example(draw_anchors))[1],
                detection.detection_loss_grad(*without_background_boxes())[1],
            ),
        ),
        Identity(
            "nor autograd's",
            lambda loss: (background_pull(loss), np.zeros((50, COORDINATES))),
        ),
        Identity(
            "cross-entropy at weight 0",
            lambda loss: (
                loss(*example(draw_anchors), weight=0.0),
                classification.softmax_cross_entropy_with_integer_labels(
                    *example(draw_anchors)[::2]
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "boxes of the background too",
            anchor(lambda xp, entropy, box, y, weight: entropy + weight * box),
        ),
        wrong(
            "loss",
            "boxes of the background alone",
            anchor(lambda xp, entropy, box, y, w: entropy + w * box * number(xp, y == 0, box)),
        ),
        wrong(
            "loss",
            "mask multiplies",
            anchor(lambda xp, entropy, box, y, w: entropy + w * box * number(xp, y > 0, box)),
        ),
        wrong(
            "loss",
            "background cut off too late for autograd",
            anchor(
                lambda xp, entropy, box, y, w: (
                    entropy + w * xp.where(y > 0, box, xp.zeros_like(box))
                )
            ),
        ),
        wrong(
            "loss",
            "weight on the class",
            anchor(lambda xp, entropy, box, y, w: w * entropy + box * number(xp, y > 0, box)),
        ),
        wrong(
            "loss",
            "weight left out",
            lambda xp, z, o, y, t, weight=1.0: detection.detection_loss(z, o, y, t),
        ),
        wrong(
            "loss",
            "class of objects alone",
            anchor(lambda xp, entropy, box, y, w: (entropy + w * box) * number(xp, y > 0, box)),
        ),
        wrong(
            "gradient",
            "weight left out",
            lambda xp, z, o, y, t, weight=1.0: detection.detection_loss_grad(z, o, y, t),
        ),
        wrong(
            "gradient",
            "offsets of the background too",
            lambda xp, z, o, y, t, weight=1.0: (
                detection.detection_loss_grad(z, o, y, t)[0],
                weight * detection.smooth_l1_boxes_grad(o, t),
            ),
        ),
        wrong(
            "gradient",
            "weight on the class",
            lambda xp, z, o, y, t, weight=1.0: tuple(
                weight * g for g in detection.detection_loss_grad(z, o, y, t)
            ),
        ),
    ),
)


def conversion(function: Callable, wanted: list, given: list) -> Callable[[Callable], None]:
    """Return a check of a conversion by hand, in every format, for any leading axes."""

    def known_boxes_are_converted(convert: Callable) -> None:
        for library, dtype in FORMATS:
            out = convert(make(library, dtype, np.asarray([given])))
            assert dtype_name(out) == dtype
            assert read(out).tolist() == [wanted]
        assert convert(np.asarray(given[0])).tolist() == wanted[0]
        assert convert(np.zeros((0, 4))).shape == (0, 4)

    def there_and_back(convert: Callable) -> None:
        corners = draw_boxes(np.random.default_rng(0), 20, 1.0)[1]
        inverse, other = detection.corners_from_centers, detection.centers_from_corners
        start = corners if function is other else other(corners)
        back = inverse if function is other else other
        np.testing.assert_allclose(back(convert(start)), start, rtol=1e-12, atol=1e-12)

    def wrong_shapes_are_refused(convert: Callable) -> None:
        for bad in (np.zeros(3), np.asarray(1.0), np.zeros((4, 2))):
            with pytest.raises(ValueError, match=r"^boxes: expected shape \(\.\.\., 4\), got"):
                convert(bad)
        for bad in ([1.0] * 4, np.zeros(4, int)):
            with pytest.raises(TypeError, match=r"^boxes: expected"):
                convert(bad)

    return known_boxes_are_converted, there_and_back, wrong_shapes_are_refused


CENTERS = [[2.0, 1.0, 4.0, 6.0], [-1.0, 0.5, 0.0, 1.0]]
CORNERS = [[0.0, -2.0, 4.0, 4.0], [-1.0, 0.0, -1.0, 1.0]]


def halves_do_not_overflow(convert: Callable) -> None:
    far = np.asarray([6e4, 6e4, 6.4e4, 6.4e4], dtype=np.float16)
    with np.errstate(over="raise"):
        np.testing.assert_allclose(convert(far), [6.2e4, 6.2e4, 4e3, 4e3], rtol=1e-2)


def inverted_corners_are_refused(convert: Callable) -> None:
    with pytest.raises(ValueError, match=r"^boxes: expected boxes with x1 <= x2 .* got -1\.0"):
        convert(np.asarray([1.0, 0.0, 0.0, 1.0]))


def _converted(body: Callable[..., tuple]) -> Callable[[Array], Array]:
    """Return a conversion by coordinate."""

    def convert(boxes: Array) -> Array:
        detection.corners_from_centers(boxes)
        xp = array_api_compat.array_namespace(boxes)
        return xp.stack(body(*(boxes[..., k] for k in range(4))), axis=-1)

    return convert


CORNERS_FROM_CENTERS = Helper(
    function=detection.corners_from_centers,
    checks=conversion(detection.corners_from_centers, CORNERS, CENTERS),
    mutants={
        "whole side": _converted(lambda x, y, w, h: (x - w, y - h, x + w, y + h)),
        "from the corner": _converted(lambda x, y, w, h: (x, y, x + w, y + h)),
        "w and h exchanged": _converted(
            lambda x, y, w, h: (x - h / 2, y - w / 2, x + h / 2, y + w / 2)
        ),
        "pixels": _converted(
            lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2 - 1, y + h / 2 - 1)
        ),
        "any size": lambda boxes: (
            detection.corners_from_centers(boxes) if boxes.shape[-1:] == (4,) else boxes
        ),
    },
)

CENTERS_FROM_CORNERS = Helper(
    function=detection.centers_from_corners,
    checks=(
        *conversion(detection.centers_from_corners, CENTERS, CORNERS),
        halves_do_not_overflow,
        inverted_corners_are_refused,
    ),
    mutants={
        "corner for centre": _converted(lambda a, b, c, d: (a, b, c - a, d - b)),
        "half sides": _converted(lambda a, b, c, d: ((a + c) / 2, (b + d) / 2, c - a, d - b)),
        "pixels": _converted(
            lambda a, b, c, d: (a / 2 + c / 2, b / 2 + d / 2, c - a + 1, d - b + 1)
        ),
        "negative sides": _converted(
            lambda a, b, c, d: (a / 2 + c / 2, b / 2 + d / 2, c - a, d - b)
        ),
        "any size": lambda boxes: (
            detection.centers_from_corners(boxes) if boxes.shape[-1:] == (4,) else boxes
        ),
    },
)


def thirds_of_the_training(schedule: Callable) -> None:
    values = [schedule(step, steps=9) for step in range(12)]
    assert values == [0.5] * 3 + [0.6] * 3 + [0.7] * 6
    assert schedule(1e308, steps=9) == 0.7
    assert all(type(value) is float for value in values)


def stages_of_the_cascade(schedule: Callable) -> None:
    assert [schedule(stage, steps=3) for stage in range(3)] == [0.5, 0.6, 0.7]


def any_thresholds_that_do_not_fall(schedule: Callable) -> None:
    assert schedule(5, steps=10, thresholds=(0.3,)) == 0.3
    assert schedule(4.9, steps=10, thresholds=[0.0, 1.0]) == 0.0
    assert schedule(5, steps=10, thresholds=[0.0, 1.0]) == 1.0


def wrong_schedules_are_refused(schedule: Callable) -> None:
    for error, name, step, named in (
        (ValueError, "step", -1, {"steps": 9}),
        (TypeError, "step", "1", {"steps": 9}),
        (ValueError, "steps", 1, {"steps": 0}),
        (ValueError, "thresholds", 1, {"steps": 9, "thresholds": (0.5, 1.5)}),
        (ValueError, "thresholds", 1, {"steps": 9, "thresholds": (0.7, 0.5)}),
        (ValueError, "thresholds", 1, {"steps": 9, "thresholds": ()}),
        (TypeError, "thresholds", 1, {"steps": 9, "thresholds": 0.5}),
    ):
        with pytest.raises(error, match=rf"^{name}: expected .*got"):
            schedule(step, **named)


def _scheduled(body: Callable[[float, list], float]) -> Callable[..., float]:
    """Return a schedule of the part of the training that is done."""

    def schedule(step: float, *, steps: float, thresholds: Any = (0.5, 0.6, 0.7)) -> float:
        detection.iou_threshold_schedule(step, steps=steps, thresholds=thresholds)
        return body(step / steps, list(thresholds))

    return schedule


IOU_THRESHOLD_SCHEDULE = Helper(
    function=detection.iou_threshold_schedule,
    checks=(
        thirds_of_the_training,
        stages_of_the_cascade,
        any_thresholds_that_do_not_fall,
        wrong_schedules_are_refused,
    ),
    mutants={
        "linear": _scheduled(lambda part, us: us[0] + (us[-1] - us[0]) * min(part, 1)),
        "rounded": _scheduled(lambda part, us: us[min(round(part * len(us)), len(us) - 1)]),
        "n - 1 stages": _scheduled(
            lambda part, us: us[min(int(part * (len(us) - 1)), len(us) - 1)]
        ),
        "starts again": _scheduled(lambda part, us: us[int(part * len(us)) % len(us)]),
        "falls": _scheduled(lambda part, us: us[::-1][min(int(part * len(us)), len(us) - 1)]),
        "unchecked": lambda step, *, steps, thresholds=(0.5, 0.6, 0.7): thresholds[
            min(int(len(thresholds) * step / steps), len(thresholds) - 1)
        ],
    },
)

CASES: list[Case] = [IOU, GIOU, DIOU, CIOU, SMOOTH_L1_BOXES, DETECTION]
HELPERS: list[Helper] = [CORNERS_FROM_CENTERS, CENTERS_FROM_CORNERS, IOU_THRESHOLD_SCHEDULE]
