"""The cases of `losscourse.losses.segmentation`."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np
import scipy.special
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score, jaccard_score

from losscourse import stable
from losscourse.arrays import Array, one_hot
from losscourse.losses import classification, segmentation
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import wrong
from tests.losscourse.losses.helper import Helper

INF = math.inf
PIXELS, CLASSES = 4, 3


def draw_masks(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return probabilities and masks: hard ones, soft ones, and one in five empty."""
    probs = scipy.special.expit(scale * rng.normal(size=(n, PIXELS)))
    targets = rng.integers(0, 2, size=(n, PIXELS)).astype(float)
    targets[1::5] = rng.random(size=targets[1::5].shape)
    targets[2::5] = 0
    return probs, targets


def hard_masks(n: int = 40) -> tuple[np.ndarray, ...]:
    """Return hard predictions and masks, none of them empty."""
    rng = np.random.default_rng(3)
    probs, targets = rng.integers(0, 2, size=(2, n, PIXELS)).astype(float)
    targets[:, 0] = 1
    return probs, targets


def by_image(
    score: Callable[..., float], arrays: tuple[np.ndarray, ...], **named: Any
) -> np.ndarray:
    """Return a score of scikit-learn for each image."""
    return np.asarray([score(y, p, **named) for p, y in zip(*arrays, strict=True)])


def masks() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_masks(np.random.default_rng(0), 50, 2.0)


def mask_corners() -> tuple[tuple[np.ndarray, ...], ...]:
    """Return the ends: nothing predicted, all predicted, empty and full masks, ½ throughout."""
    rows = np.asarray([np.zeros(PIXELS), np.ones(PIXELS), np.full(PIXELS, 0.5)])
    pairs = np.asarray(list(itertools.product(rows, rows)))
    return ((pairs[:, 0], pairs[:, 1]),)


def torch_tversky(
    probs: np.ndarray,
    targets: np.ndarray,
    alpha: float = 0.3,
    beta: float = 0.7,
    smoothing: float = 1.0,
) -> np.ndarray:
    """Return the definition by torch's inner products; 0 for nothing against nothing."""
    p, y = torch.as_tensor(probs), torch.as_tensor(targets)
    hits = torch.linalg.vecdot(p, y)
    alarms, misses = torch.linalg.vecdot(p, 1 - y), torch.linalg.vecdot(1 - p, y)
    score = (hits + smoothing) / (hits + alpha * alarms + beta * misses + smoothing)
    return torch.nan_to_num(1 - score, nan=0.0).numpy()


def torch_dice(probs: np.ndarray, targets: np.ndarray, smoothing: float = 1.0) -> np.ndarray:
    """Return the definition by torch's inner products; 0 for nothing against nothing."""
    p, y = torch.as_tensor(probs), torch.as_tensor(targets)
    score = (2 * torch.linalg.vecdot(p, y) + smoothing) / ((p + y).sum(dim=-1) + smoothing)
    return torch.nan_to_num(1 - score, nan=0.0).numpy()


def exact_dice(p: Sequence, y: Sequence, smoothing: float = 1.0) -> Any:
    """Return the Dice loss in mpmath."""
    both = mpmath.fsum(a * b for a, b in zip(p, y, strict=True))
    total = mpmath.fsum(p) + mpmath.fsum(y) + smoothing
    return 1 - (2 * both + smoothing) / total if total else mpmath.mpf(0)


def exact_tversky(
    p: list, y: list, alpha: float = 0.3, beta: float = 0.7, smoothing: float = 1.0
) -> Any:
    """Return the Tversky loss in mpmath, from what is predicted and what is true alone."""
    hits = mpmath.fsum(a * b for a, b in zip(p, y, strict=True))
    alarms, misses = mpmath.fsum(p) - hits, mpmath.fsum(y) - hits
    total = hits + mpmath.mpf(alpha) * alarms + mpmath.mpf(beta) * misses + smoothing
    return 1 - (hits + smoothing) / total if total else mpmath.mpf(0)


EMPTY = (0.0, 0.0)
WITHOUT = {"minimiser_is_the_statistic": "it elicits no statistic: an image shares a denominator"}


def soft_dice(xp: Any, p: Array, y: Array, s: float, **changed: Array) -> Array:
    """Return the Dice loss as it is usually written, with a part changed."""
    both = changed.get("both", p * y)
    total = changed.get("total", p + y)
    top, bottom = 2 * xp.sum(both, axis=-1) + s, xp.sum(total, axis=-1) + s
    return 1 - top / bottom


DICE = Case(
    loss=segmentation.dice,
    gradient=segmentation.dice_grad,
    settings=({}, {"smoothing": 0.0}),
    draw=draw_masks,
    oracle=("the definition by torch's inner products", torch_dice),
    exact=exact_dice,
    # No argument is infinite; these are the empty masks, whose fraction is 0/0 without smoothing.
    limits=lambda smoothing=1.0: (
        Point((EMPTY, EMPTY), (1 / smoothing,) * 2 if smoothing else EMPTY, 0.0),
        *([] if smoothing else [Point(((1.0, 0.5), EMPTY), EMPTY, 1.0)]),
    ),
    corners=mask_corners,
    wrong_values={"probs": (-0.5, 1.5), "targets": (-0.5, 1.5)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "1 - F1 of hard predictions",
            lambda loss: (
                loss(*hard_masks(), smoothing=0.0),
                1 - by_image(f1_score, hard_masks()),
            ),
        ),
        Identity(
            "Tversky with alpha and beta of ½ and half the smoothing",
            lambda loss: (
                loss(*masks()),
                segmentation.tversky(*masks(), alpha=0.5, beta=0.5, smoothing=0.5),
            ),
        ),
        Identity(
            "prediction and mask change places",
            lambda loss: (loss(*masks()), loss(*masks()[::-1])),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "score for loss",
            lambda xp, p, y, smoothing=1.0: 1 - soft_dice(xp, p, y, smoothing),
        ),
        wrong(
            "loss",
            "squares in the denominator",
            lambda xp, p, y, smoothing=1.0: soft_dice(xp, p, y, smoothing, total=p * p + y * y),
        ),
        wrong(
            "loss",
            "union in the denominator",
            lambda xp, p, y, smoothing=1.0: soft_dice(xp, p, y, smoothing, total=p + y - p * y),
        ),
        wrong(
            "loss",
            "smoothing below alone",
            lambda xp, p, y, smoothing=1.0: (
                1 - 2 * xp.sum(p * y, axis=-1) / (xp.sum(p + y, axis=-1) + smoothing)
            ),
        ),
        wrong(
            "loss",
            "0/0",
            lambda xp, p, y, smoothing=1.0: soft_dice(xp, p, y, smoothing),
        ),
        wrong(
            "loss",
            "the batch taken as one image",
            lambda xp, p, y, smoothing=1.0: (
                xp.zeros_like(p[..., 0])
                + soft_dice(xp, xp.reshape(p, (-1,)), xp.reshape(y, (-1,)), smoothing)
            ),
        ),
        wrong(
            "loss",
            "mean over the pixels",
            lambda xp, p, y, smoothing=1.0: xp.mean(
                1 - (2 * p * y + smoothing) / (p + y + smoothing), axis=-1
            ),
        ),
        wrong(
            "gradient",
            "denominator held constant",
            lambda xp, p, y, smoothing=1.0: (
                -2 * y / (xp.sum(p + y, axis=-1, keepdims=True) + smoothing)
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, p, y, smoothing=1.0: -segmentation.dice_grad(p, y, smoothing=smoothing),
        ),
        wrong(
            "gradient",
            "of the score's two places",
            lambda xp, p, y, smoothing=1.0: segmentation.dice_grad(y, p, smoothing=smoothing),
        ),
    ),
)


def terms(xp: Any, p: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return hits, false alarms and misses."""
    return tuple(xp.sum(a, axis=-1) for a in (p * y, p * (1 - y), (1 - p) * y))


def wrong_tversky(body: Callable[..., Array]) -> Callable[..., Array]:
    """Return a wrong loss: `body(hits, alarms, misses, alpha, beta, smoothing)`."""

    def replaced(xp, p, y, alpha=0.3, beta=0.7, smoothing=1.0):
        return body(*terms(xp, p, y), alpha, beta, smoothing)

    return replaced


TVERSKY_SETTINGS = ({}, {"alpha": 1.0, "beta": 2.0, "smoothing": 0.0})

TVERSKY = Case(
    loss=segmentation.tversky,
    gradient=segmentation.tversky_grad,
    settings=TVERSKY_SETTINGS,
    draw=draw_masks,
    oracle=("the definition by torch's inner products", torch_tversky),
    exact=exact_tversky,
    limits=lambda alpha=0.3, beta=0.7, smoothing=1.0: (
        Point((EMPTY, EMPTY), (alpha / smoothing,) * 2 if smoothing else EMPTY, 0.0),
        *([] if smoothing else [Point(((1.0, 0.5), EMPTY), EMPTY, 1.0)]),
    ),
    corners=mask_corners,
    wrong_values={"probs": (-0.5, 1.5), "targets": (-0.5, 1.5)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "Dice with alpha and beta of ½",
            lambda loss: (
                loss(*masks(), alpha=0.5, beta=0.5, smoothing=0.0),
                segmentation.dice(*masks(), smoothing=0.0),
            ),
        ),
        Identity(
            "1 - intersection over union of hard predictions, with alpha and beta of 1",
            lambda loss: (
                loss(*hard_masks(), alpha=1.0, beta=1.0, smoothing=0.0),
                1 - by_image(jaccard_score, hard_masks()),
            ),
        ),
        Identity(
            "alpha and beta change places with prediction and mask",
            lambda loss: (
                loss(*masks(), alpha=0.2, beta=0.9),
                loss(*masks()[::-1], alpha=0.9, beta=0.2),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "alpha and beta change places",
            wrong_tversky(lambda h, f, m, a, b, s: 1 - (h + s) / (h + b * f + a * m + s)),
        ),
        wrong(
            "loss",
            "weights scale the hits too",
            wrong_tversky(lambda h, f, m, a, b, s: 1 - (h + s) / ((a + b) * h + a * f + b * m + s)),
        ),
        wrong(
            "loss",
            "smoothing below alone",
            wrong_tversky(lambda h, f, m, a, b, s: 1 - h / (h + a * f + b * m + s)),
        ),
        wrong(
            "loss",
            "0/0",
            wrong_tversky(lambda h, f, m, a, b, s: 1 - (h + s) / (h + a * f + b * m + s)),
        ),
        wrong(
            "loss",
            "score for loss",
            wrong_tversky(lambda h, f, m, a, b, s: (h + s) / (h + a * f + b * m + s + 1e-300)),
        ),
        wrong(
            "gradient",
            "alpha and beta change places",
            lambda xp, p, y, alpha=0.3, beta=0.7, smoothing=1.0: segmentation.tversky_grad(
                p, y, alpha=beta, beta=alpha, smoothing=smoothing
            ),
        ),
        wrong(
            "gradient",
            "of Dice",
            lambda xp, p, y, alpha=0.3, beta=0.7, smoothing=1.0: segmentation.dice_grad(
                p, y, smoothing=2 * smoothing
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, p, y, **named: -segmentation.tversky_grad(p, y, **named),
        ),
    ),
)

FOCAL_TVERSKY = Case(
    loss=segmentation.focal_tversky,
    gradient=segmentation.focal_tversky_grad,
    settings=(
        {},
        {"alpha": 0.3, "beta": 0.7, "gamma": 1.0, "smoothing": 0.0},
        {"alpha": 1.0, "beta": 2.0, "gamma": 2.0, "smoothing": 1.0},
    ),
    draw=draw_masks,
    oracle=(
        "the definition by torch's inner products",
        lambda p, y, gamma=2.0, **named: torch_tversky(p, y, **named) ** gamma,
    ),
    exact=lambda p, y, gamma=2.0, **named: exact_tversky(p, y, **named) ** gamma,
    limits=lambda alpha=0.3, beta=0.7, gamma=2.0, smoothing=1.0: (
        (
            Point((EMPTY, EMPTY), EMPTY, 0.0),
            Point(((1.0, 1.0), (1.0, 1.0)), EMPTY, 0.0),
        )
        if gamma > 1
        else (Point((EMPTY, EMPTY), EMPTY, 0.0), Point(((1.0, 0.5), EMPTY), EMPTY, 1.0))
    ),
    corners=mask_corners,
    wrong_values={"probs": (-0.5, 1.5), "targets": (-0.5, 1.5)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "Tversky at gamma 1",
            lambda loss: (loss(*masks(), gamma=1.0), segmentation.tversky(*masks())),
        ),
        Identity(
            "the square of Dice at gamma 2, with alpha and beta of ½",
            lambda loss: (
                loss(*masks(), alpha=0.5, beta=0.5, smoothing=0.5),
                segmentation.dice(*masks()) ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "exponent of 1/γ",
            lambda xp, p, y, gamma=2.0, **named: segmentation.tversky(p, y, **named) ** (1 / gamma),
        ),
        wrong(
            "loss",
            "power of the score",
            lambda xp, p, y, gamma=2.0, **named: (
                1 - (1 - segmentation.tversky(p, y, **named)) ** gamma
            ),
        ),
        wrong(
            "loss",
            "gamma left out",
            lambda xp, p, y, gamma=2.0, **named: segmentation.tversky(p, y, **named) ** 2,
        ),
        wrong(
            "loss",
            "gamma scales",
            lambda xp, p, y, gamma=2.0, **named: gamma * segmentation.tversky(p, y, **named),
        ),
        wrong(
            "gradient",
            "power held constant",
            lambda xp, p, y, gamma=2.0, **named: (
                segmentation.tversky(p, y, **named)[..., None] ** (gamma - 1)
                * segmentation.tversky_grad(p, y, **named)
            ),
        ),
        wrong(
            "gradient",
            "of Tversky",
            lambda xp, p, y, gamma=2.0, **named: segmentation.tversky_grad(p, y, **named),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, p, y, **named: -segmentation.focal_tversky_grad(p, y, **named),
        ),
    ),
)


def draw_classes(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return probabilities and masks of three classes: hard, soft, absent, tiny ones far out."""
    logits = scale * rng.normal(size=(n, CLASSES, PIXELS))
    probs = scipy.special.softmax(logits, axis=-2)
    labels = rng.integers(0, CLASSES, size=(n, PIXELS))
    labels[1::5] = labels[1::5, :1]
    targets = np.swapaxes(np.eye(CLASSES)[labels], -1, -2)
    targets[2::5] = rng.dirichlet(np.ones(CLASSES), size=targets[2::5, 0].shape).swapaxes(-1, -2)
    targets[4::5] = 0
    targets[4::5, 1, 0] = 1
    if scale > 10:
        targets[3::5] = 0
        targets[3::5, :2, 0] = 1e-6, 1e-3
        probs[3::5, 0] = 0
        probs[3::5, 1, 0] = 1
    return probs, targets


def torch_generalised(probs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the definition by torch's einsum; 0 where nothing is there."""
    p, y = torch.as_tensor(probs), torch.as_tensor(targets)
    weights = torch.where(y.sum(-1) == 0, 0.0, y.sum(-1) ** -2.0)
    both = torch.einsum("nk,nkp,nkp->n", weights, p, y)
    total = torch.einsum("nk,nkp->n", weights, p + y)
    return torch.nan_to_num(1 - 2 * both / total, nan=0.0).numpy()


def exact_generalised(p: list, y: list) -> Any:
    """Return the generalised Dice loss in mpmath."""
    weights = [1 / mpmath.fsum(row) ** 2 if any(row) else mpmath.mpf(0) for row in y]
    rows = list(zip(weights, p, y, strict=True))
    both = mpmath.fsum(w * a * b for w, ps, ys in rows for a, b in zip(ps, ys, strict=True))
    total = mpmath.fsum(w * (mpmath.fsum(ps) + mpmath.fsum(ys)) for w, ps, ys in rows)
    return 1 - 2 * both / total if total else mpmath.mpf(0)


def classes() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_classes(np.random.default_rng(0), 50, 2.0)


def weighted_dice(
    weights: Callable[[Any, Array], Array],
) -> Callable[..., Array]:
    """Return generalised Dice with other weights: `weights(xp, volumes)`."""

    def body(xp, p, y):
        w = weights(xp, xp.sum(y, axis=-1))
        both = xp.sum(w * xp.sum(p * y, axis=-1), axis=-1)
        return 1 - 2 * both / xp.sum(w * xp.sum(p + y, axis=-1), axis=-1)

    return body


NOTHING = ((0.0, 0.0), (0.0, 0.0))

GENERALISED_DICE = Case(
    loss=segmentation.generalised_dice,
    gradient=segmentation.generalised_dice_grad,
    settings=({},),
    draw=draw_classes,
    oracle=("the definition by torch's einsum", torch_generalised),
    exact=exact_generalised,
    limits=lambda: (
        Point((NOTHING, NOTHING), NOTHING, 0.0),
        Point((((1.0, 0.0), (0.5, 0.5)), NOTHING), NOTHING, 0.0),
        Point((((1.0, 0.0), (0.0, 1.0)), ((1.0, 1.0), EMPTY)), ((-4 / 9, -4 / 9), EMPTY), 1 / 3),
    ),
    corners=lambda: (
        (np.full((1, CLASSES, PIXELS), 0.5), np.eye(CLASSES, PIXELS)[None]),
        (np.zeros((1, CLASSES, PIXELS)), np.zeros((1, CLASSES, PIXELS))),
        (np.eye(CLASSES, PIXELS)[None], np.eye(CLASSES, PIXELS)[None]),
    ),
    wrong_values={"probs": (-0.5, 1.5), "targets": (-0.5, 1.5)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "Dice of one class",
            lambda loss: (
                loss(*(a[:, None] for a in masks())),
                segmentation.dice(*masks(), smoothing=0.0) * (masks()[1].sum(axis=-1) > 0),
            ),
        ),
        Identity(
            "Dice of all pixels at once where the classes are of one size",
            lambda loss: (
                loss(*balanced_classes()),
                segmentation.dice(*(a.reshape(20, -1) for a in balanced_classes()), smoothing=0.0),
            ),
        ),
        Identity(
            "each pixel ten times",
            lambda loss: (loss(*classes()), loss(*(a.repeat(10, axis=-1) for a in classes()))),
        ),
    ),
    wrongs=(
        wrong("loss", "no weights", weighted_dice(lambda xp, v: xp.ones_like(v))),
        wrong("loss", "1 over the volume", weighted_dice(lambda xp, v: 1 / xp.clip(v, min=1e-30))),
        wrong("loss", "infinite weight of an absent class", weighted_dice(lambda xp, v: 1 / v**2)),
        wrong(
            "loss",
            "an absent class weighs as a pixel",
            weighted_dice(lambda xp, v: 1 / xp.where(v == 0, xp.ones_like(v), v) ** 2),
        ),
        wrong(
            "loss",
            "mean of the classes' Dice",
            lambda xp, p, y: xp.mean(segmentation.dice(p, y, smoothing=0.0), axis=-1),
        ),
        wrong(
            "gradient",
            "weights left out",
            lambda xp, p, y: (
                (1 - 2 * y - segmentation.generalised_dice(p, y)[..., None, None])
                / xp.sum(p + y, axis=(-2, -1), keepdims=True)
            ),
        ),
        wrong("gradient", "sign", lambda xp, p, y: -segmentation.generalised_dice_grad(p, y)),
        wrong(
            "gradient",
            "of each class's Dice",
            lambda xp, p, y: segmentation.dice_grad(p, y, smoothing=0.0),
        ),
    ),
)


def balanced_classes() -> tuple[np.ndarray, ...]:
    """Return masks of two classes with two pixels each."""
    rng = np.random.default_rng(0)
    targets = np.tile([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]], (20, 1, 1))
    return rng.random(size=targets.shape), targets


def draw_logits(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits and masks; in one example of four, all but one pixel are surely outside."""
    logits, targets = scale * rng.normal(size=(n, PIXELS)), draw_masks(rng, n, scale)[1]
    alone = slice(3, None, 4)
    logits[alone], targets[alone] = -40, 0
    logits[alone, 0] = rng.uniform(-6, 0, size=logits[alone, 0].shape)
    targets[alone, 0] = rng.integers(0, 2, size=logits[alone, 0].shape)
    return logits, targets


def exact_compound(z: list, y: list, smoothing: float = 1.0, weight: float = 1.0) -> Any:
    """Return Dice of the sigmoid plus the mean cross-entropy, in mpmath."""
    p = [1 / (1 + mpmath.exp(-a)) for a in z]
    costs = (
        b * mpmath.log1p(mpmath.exp(-a)) + (1 - b) * mpmath.log1p(mpmath.exp(a))
        for a, b in zip(z, y, strict=True)
    )
    return exact_dice(p, y, smoothing) + weight * mpmath.fsum(costs) / len(z)


def torch_compound(
    logits: np.ndarray, targets: np.ndarray, smoothing: float = 1.0, weight: float = 1.0
) -> np.ndarray:
    """Return torch's cross-entropy and the Dice of torch's sigmoid."""
    z, y = torch.as_tensor(logits), torch.as_tensor(targets)
    entropy = F.binary_cross_entropy_with_logits(z, y, reduction="none").mean(dim=-1).numpy()
    return torch_dice(torch.sigmoid(z).numpy(), targets, smoothing) + weight * entropy


def compound() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_logits(np.random.default_rng(0), 50, 2.0)


DICE_CROSS_ENTROPY = Case(
    loss=segmentation.dice_cross_entropy,
    gradient=segmentation.dice_cross_entropy_grad,
    settings=({}, {"smoothing": 0.01, "weight": 0.0}),
    draw=draw_logits,
    oracle=("torch binary_cross_entropy_with_logits and sigmoid", torch_compound),
    exact=exact_compound,
    limits=lambda smoothing=1.0, weight=1.0: (
        Point(((INF, -INF), (1.0, 0.0)), EMPTY, 0.0),
        Point(
            ((-INF, -INF), (1.0, 0.0)),
            (-weight / 2, 0.0),
            INF if weight else 1 / (1 + smoothing),
        ),
        Point(((-INF, -INF), EMPTY), EMPTY, 0.0),
    ),
    corners=lambda: (
        (np.zeros((3, PIXELS)), np.asarray([np.zeros(PIXELS), np.ones(PIXELS), np.eye(PIXELS)[0]])),
    ),
    wrong_values={"targets": (-0.5, 1.5)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "Dice of the sigmoid at weight 0",
            lambda loss: (
                loss(*compound(), weight=0.0),
                segmentation.dice(scipy.special.expit(compound()[0]), compound()[1]),
            ),
        ),
        Identity(
            "the weight times the mean cross-entropy above it",
            lambda loss: (
                loss(*compound(), weight=3.0) - loss(*compound(), weight=1.0),
                2 * classification.sigmoid_binary_cross_entropy(*compound()).mean(axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "cross-entropy summed",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                segmentation.dice(stable.sigmoid(z), y, smoothing=smoothing)
                + weight * xp.sum(classification.sigmoid_binary_cross_entropy(z, y), axis=-1)
            ),
        ),
        wrong(
            "loss",
            "Dice of the logits, cut to [0, 1]",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                segmentation.dice(xp.clip(z, min=0, max=1), y, smoothing=smoothing)
                + weight * xp.mean(classification.sigmoid_binary_cross_entropy(z, y), axis=-1)
            ),
        ),
        wrong(
            "loss",
            "weights w and 1 - w",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                (1 - weight) * segmentation.dice(stable.sigmoid(z), y, smoothing=smoothing)
                + weight * xp.mean(classification.sigmoid_binary_cross_entropy(z, y), axis=-1)
            ),
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                segmentation.dice(stable.sigmoid(z), y, smoothing=smoothing)
                + weight * xp.mean(classification.sigmoid_binary_cross_entropy(z, y), axis=-1)
            ),
        ),
        wrong(
            "gradient",
            "by the probabilities",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                segmentation.dice_grad(stable.sigmoid(z), y, smoothing=smoothing)
                + weight * (stable.sigmoid(z) - y) / z.shape[-1]
            ),
        ),
        wrong(
            "gradient",
            "of the cross-entropy alone",
            lambda xp, z, y, smoothing=1.0, weight=1.0: (
                weight * (stable.sigmoid(z) - y) / z.shape[-1]
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, **named: -segmentation.dice_cross_entropy_grad(z, y, **named),
        ),
    ),
)

LEVELS = np.asarray([-1.7, -0.6, 0.3, 1.4])


def draw_margins(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits and signs whose margins differ by more than any rounding: no two are tied."""
    margins = rng.permuted(np.tile(LEVELS, (n, 1)), axis=-1) + rng.uniform(-0.2, 0.2, (n, PIXELS))
    signs = rng.choice([-1.0, 1.0], size=(n, PIXELS))
    return scale * margins * signs, signs


def exact_extension(errors: Sequence, region: Sequence) -> Any:
    """Return the Jaccard loss's Lovász extension in mpmath, as an integral over thresholds.

    The mean Jaccard loss of "wrong where the error exceeds t", t from 0 up: no order, no steps.
    """
    levels = sorted({*errors, mpmath.mpf(0)}, reverse=True)
    parts = []
    for high, low in itertools.pairwise(levels):
        is_wrong = [e >= high for e in errors]
        union = sum(1 for w, inside in zip(is_wrong, region, strict=True) if w or inside)
        parts.append((high - low) * sum(is_wrong) / union)
    return mpmath.fsum(parts)


@functools.cache
def jaccard_loss(region: tuple[bool, ...], is_wrong: tuple[bool, ...]) -> float:
    """Return scikit-learn's 1 - intersection over union of a prediction wrong on some pixels."""
    predicted = np.asarray(region) ^ np.asarray(is_wrong)
    return 1 - jaccard_score(region, predicted, zero_division=1.0)


def largest_over_orders(errors: np.ndarray, region: np.ndarray) -> float:
    """Return the largest sum of errors and steps over all orders: what a convex closure is."""
    inside = tuple(bool(r) for r in region)
    best = 0.0
    for order in itertools.permutations(range(len(inside))):
        is_wrong, before, total = [False] * len(inside), 0.0, 0.0
        for pixel in order:
            is_wrong[pixel] = True
            after = jaccard_loss(inside, tuple(is_wrong))
            total, before = total + errors[pixel] * (after - before), after
        best = max(best, total)
    return best


def orders_of_images(errors: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return the largest sum for each row."""
    return np.asarray([largest_over_orders(e, r) for e, r in zip(errors, region, strict=True)])


def signed() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_margins(np.random.default_rng(0), 50, 1.0)


def hard_scores() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores whose hinge error is 1 on some pixels and 0 on the others, signs, and which."""
    rng = np.random.default_rng(0)
    signs, is_wrong = rng.choice([-1.0, 1.0], size=(30, PIXELS)), rng.random((30, PIXELS)) < 0.4
    return np.where(is_wrong, 0.0, 2 * signs), signs, is_wrong


def stepped(
    cut: Callable[[Any, Array], Array], steps: Callable[..., Array] = segmentation._extension_slope
) -> Callable[..., Array]:
    """Return a wrong Lovász hinge: other errors, or other steps."""

    def body(xp, z, s):
        errors = cut(xp, s * z)
        return xp.sum(steps(errors, (s + 1) / 2) * errors, axis=-1)

    return body


def constant_steps(errors: Array, region: Array) -> Array:
    """Return the mean over the pixels for the Jaccard steps."""
    return 0 * errors + 1 / errors.shape[-1]


LOVASZ_HINGE = Case(
    loss=segmentation.lovasz_hinge,
    gradient=segmentation.lovasz_hinge_grad,
    settings=({},),
    draw=draw_margins,
    oracle=(
        "scikit-learn's jaccard_score, the largest over all orders",
        lambda z, s: orders_of_images(np.maximum(1 - s * z, 0), s > 0),
    ),
    exact=lambda z, s: exact_extension(
        [max(1 - a * b, mpmath.mpf(0)) for a, b in zip(s, z, strict=True)], [a > 0 for a in s]
    ),
    limits=lambda: (
        Point(((INF, -INF), (1.0, -1.0)), (0.0, 0.0), 0.0),
        Point(((-INF, -INF), (1.0, -1.0)), (-1.0, 0.0), INF),
        Point(((INF, INF), (-1.0, -1.0)), (1.0, 0.0), INF),
        Point(((INF, 0.0), (1.0, 1.0)), (0.0, -0.5), 0.5),
    ),
    kinks=lambda: (
        Point(((1.0, -2.0), (1.0, 1.0)), (-0.5, -0.5)),
        Point(((0.0, 0.0), (1.0, -1.0)), (-1.0, 0.0)),
        Point(((0.0, 0.0), (-1.0, 1.0)), (0.5, -0.5)),
    ),
    corners=lambda: (
        (
            np.asarray([[-2.0, -1.0, 0.5, 3.0]] * 3),
            np.asarray([[1.0] * 4, [-1.0] * 4, [1.0, -1.0] * 2]),
        ),
    ),
    wrong_values={"signs": (0.0, 0.5, -2.0)},
    rounding=1.0,
    without=WITHOUT,
    identities=(
        Identity(
            "the Jaccard loss of hard predictions",
            lambda loss: (
                loss(*hard_scores()[:2]),
                [
                    jaccard_loss(tuple(s > 0), tuple(w))
                    for s, w in zip(*hard_scores()[1:], strict=True)
                ],
            ),
        ),
        Identity(
            "the hinge of one pixel",
            lambda loss: (
                loss(signed()[0][:, :1], signed()[1][:, :1]),
                np.maximum(1 - signed()[0][:, 0] * signed()[1][:, 0], 0),
            ),
        ),
        Identity(
            "the largest error where the region is empty",
            lambda loss: (
                loss(signed()[0], -np.ones((50, PIXELS))),
                np.maximum(1 + signed()[0], 0).max(axis=-1),
            ),
        ),
        Identity(
            "the mean hinge where the region is everything",
            lambda loss: (
                loss(signed()[0], np.ones((50, PIXELS))),
                np.maximum(1 - signed()[0], 0).mean(axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "errors not cut at 0", stepped(lambda xp, m: 1 - m)),
        wrong("loss", "margin of 0", stepped(lambda xp, m: xp.clip(-m, min=0))),
        wrong("loss", "sign of the margin", stepped(lambda xp, m: xp.clip(1 + m, min=0))),
        wrong("loss", "mean hinge", stepped(lambda xp, m: xp.clip(1 - m, min=0), constant_steps)),
        wrong(
            "loss",
            "errors in rising order",
            stepped(
                lambda xp, m: xp.clip(1 - m, min=0),
                lambda errors, region: segmentation._extension_slope(-errors, region),
            ),
        ),
        wrong(
            "loss",
            "regions change places",
            stepped(
                lambda xp, m: xp.clip(1 - m, min=0),
                lambda errors, region: segmentation._extension_slope(errors, 1 - region),
            ),
        ),
        wrong("loss", "0 times infinity", stepped(lambda xp, m: xp.clip(1 - m, min=0))),
        wrong("gradient", "sign", lambda xp, z, s: -segmentation.lovasz_hinge_grad(z, s)),
        wrong(
            "gradient",
            "0 at the hinge",
            lambda xp, z, s: xp.where(s * z < 1, segmentation.lovasz_hinge_grad(z, s), 0 * z),
        ),
        wrong(
            "gradient",
            "not cut",
            lambda xp, z, s: -s * segmentation._extension_slope(1 - s * z, (s + 1) / 2),
        ),
        wrong(
            "gradient",
            "of the mean hinge",
            lambda xp, z, s: -s * xp.astype(s * z <= 1, z.dtype) / z.shape[-1],
        ),
    ),
)


def draw_errors(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return probabilities and labels whose errors differ by more than any rounding."""
    levels = np.tile([[0.15], [0.4], [0.6], [0.85]], (n, 1, CLASSES))
    errors = rng.permuted(levels, axis=-2) + rng.uniform(-0.05, 0.05, size=levels.shape)
    labels = rng.integers(0, CLASSES, size=(n, PIXELS))
    errors = np.clip(scale, 0.2, 1.0) * errors
    return np.where(np.eye(CLASSES)[labels] == 1, 1 - errors, errors), labels


def split(probs: np.ndarray, labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each class's errors and region."""
    return [(np.abs((labels == k) - probs[..., k]), labels == k) for k in range(probs.shape[-1])]


def exact_lovasz_softmax(probs: list, labels: list) -> Any:
    """Return the mean extension over the classes, in mpmath."""
    count = len(probs[0])
    losses = []
    for k in range(count):
        region = [int(y) == k for y in labels]
        errors = [
            1 - row[k] if inside else row[k] for row, inside in zip(probs, region, strict=True)
        ]
        losses.append(exact_extension(errors, region))
    return mpmath.fsum(losses) / count


def labelled() -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw_errors(np.random.default_rng(0), 40, 1.0)


def hard_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return predicted and true labels."""
    return tuple(np.random.default_rng(0).integers(0, CLASSES, size=(2, 40, PIXELS)))


def class_mean(
    change: Callable[[Any, Array, Array, Array], Array],
) -> Callable[..., Array]:
    """Return a wrong loss from each class's extension: `change(xp, losses, region, probs)`."""

    def body(xp, probs, labels):
        region = xp.matrix_transpose(one_hot(labels, probs))
        p = xp.matrix_transpose(probs)
        errors = xp.where(region == 1, 1 - p, p)
        losses = xp.sum(segmentation._extension_slope(errors, region) * errors, axis=-1)
        return change(xp, losses, region, errors)

    return body


LOVASZ_SOFTMAX = Case(
    loss=segmentation.lovasz_softmax,
    gradient=segmentation.lovasz_softmax_grad,
    settings=({},),
    draw=draw_errors,
    oracle=(
        "scikit-learn's jaccard_score, the largest over all orders",
        lambda p, y: np.mean([orders_of_images(*part) for part in split(p, y)], axis=0),
    ),
    exact=exact_lovasz_softmax,
    kinks=lambda: (
        Point((((0.5, 0.5), (0.5, 0.5)), (0, 1)), (-0.5, 0.25, 0.0, -0.25)),
        Point((((0.5, 0.25), (0.5, 0.25)), (0, 0)), (-0.25, 0.5, -0.25, 0.0)),
    ),
    corners=lambda: (
        (
            np.asarray(
                [[[0.7, 0.2, 0.1], [0.6, 0.1, 0.3], [0.1, 0.3, 0.6], [0.05, 0.95, 0.2]]] * 2
            ),
            np.asarray([[0, 0, 1, 1], [2, 2, 2, 2]]),
        ),
    ),
    wrong_values={"probs": (-0.5, 1.5), "labels": (-1, CLASSES)},
    rounding=1.0,
    without={**WITHOUT, "limits_are_declared": "a probability is finite, and nothing is 0/0"},
    identities=(
        Identity(
            "the mean Jaccard loss of hard predictions",
            lambda loss: (
                loss(np.eye(CLASSES)[hard_labels()[0]], hard_labels()[1]),
                1
                - by_image(
                    functools.partial(
                        jaccard_score,
                        labels=range(CLASSES),
                        average="macro",
                        zero_division=1.0,
                    ),
                    hard_labels(),
                ),
            ),
        ),
        Identity(
            "two classes, from probabilities that sum to 1: the mean of both regions' extensions",
            lambda loss: (
                loss(
                    np.stack([1 - masks()[0], masks()[0]], axis=-1), (masks()[1] > 0.5).astype(int)
                ),
                (
                    orders_of_images(np.abs((masks()[1] > 0.5) - masks()[0]), masks()[1] > 0.5)
                    + orders_of_images(np.abs((masks()[1] > 0.5) - masks()[0]), masks()[1] <= 0.5)
                )
                / 2,
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sum over the classes",
            class_mean(lambda xp, losses, r, e: xp.sum(losses, axis=-1)),
        ),
        wrong(
            "loss",
            "absent classes left out",
            class_mean(
                lambda xp, losses, r, e: (
                    xp.sum(losses * xp.max(r, axis=-1), axis=-1)
                    / xp.sum(xp.max(r, axis=-1), axis=-1)
                )
            ),
        ),
        wrong("loss", "mean error", class_mean(lambda xp, losses, r, e: xp.mean(e, axis=(-2, -1)))),
        wrong(
            "loss",
            "error of the label alone",
            class_mean(lambda xp, losses, r, e: xp.mean(xp.sum(e * r, axis=-2), axis=-1)),
        ),
        wrong(
            "loss",
            "errors in rising order",
            class_mean(
                lambda xp, losses, r, e: xp.mean(
                    xp.sum(segmentation._extension_slope(-e, r) * e, axis=-1), axis=-1
                )
            ),
        ),
        wrong(
            "loss",
            "soft Jaccard without an order",
            class_mean(
                lambda xp, losses, r, e: xp.mean(
                    xp.sum(e, axis=-1) / xp.sum(r + (1 - r) * e, axis=-1), axis=-1
                )
            ),
        ),
        wrong("gradient", "sign", lambda xp, p, y: -segmentation.lovasz_softmax_grad(p, y)),
        wrong(
            "gradient",
            "sum over the classes",
            lambda xp, p, y: p.shape[-1] * segmentation.lovasz_softmax_grad(p, y),
        ),
        wrong(
            "gradient",
            "of the label alone",
            lambda xp, p, y: segmentation.lovasz_softmax_grad(p, y) * one_hot(y, p),
        ),
    ),
)

CASES = [
    DICE,
    TVERSKY,
    FOCAL_TVERSKY,
    GENERALISED_DICE,
    DICE_CROSS_ENTROPY,
    LOVASZ_HINGE,
    LOVASZ_SOFTMAX,
]
HELPERS: list[Helper] = []
