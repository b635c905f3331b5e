"""The cases of `losscourse.losses.detection`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import torch

from losscourse.arrays import Array
from losscourse.losses import detection
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import example, wrong
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


CASES: list[Case] = [IOU, GIOU, DIOU, CIOU]
HELPERS: list[Helper] = []
