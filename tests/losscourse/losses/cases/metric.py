"""The cases of `losscourse.losses.metric`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import paired_cosine_distances, paired_euclidean_distances

from losscourse import stable
from losscourse.arrays import Array
from losscourse.losses import metric
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import wrong
from tests.losscourse.losses.cases.margin import SIGNS
from tests.losscourse.losses.helper import Helper

INF = math.inf
NO_STATISTIC = "an embedding is judged by other embeddings: no constant is a statistic of them"
NO_DIRECTION = "an infinite embedding has no direction of its own"


def draw_signed(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of embeddings at distances of the size of `scale`, and signs."""
    first, second = scale * rng.normal(size=(2, n, 3))
    return first, second, rng.choice([-1.0, 1.0], size=n)


def draw_triplets(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return triplets in which the negative is much nearer, or much farther, than the positive."""
    anchors, toward, away = scale * rng.normal(size=(3, n, 3))
    away = away * rng.choice([0.2, 2.0], size=(n, 1))
    return anchors, anchors + toward / 2, anchors + away


def draw_directions(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of embeddings, lengths of many sizes: long far out, aligned close to a fit."""
    first, other = rng.normal(size=(2, n, 3))
    second = other if scale >= 1 else first + scale * other
    lengths = math.sqrt(max(scale, 1.0)) * np.exp(rng.normal(size=(2, n, 1)))
    return first * lengths[0], second * lengths[1]


def draw_signed_directions(rng: np.random.Generator, n: int, scale: float) -> tuple:
    """Return pairs of embeddings, some of them very short, and signs."""
    first, second = draw_directions(rng, n, scale)
    short = np.exp(-2 * np.abs(rng.normal(size=(n, 1))))
    return first, short * second, rng.choice([-1.0, 1.0], size=n)


def example(draw: Callable, n: int = 50, scale: float = 1.0) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw(np.random.default_rng(3), n, scale)


def dot(x: list, y: list) -> Any:
    """Return an inner product in mpmath."""
    return mpmath.fsum(a * b for a, b in zip(x, y, strict=True))


def distance(x: list, y: list) -> Any:
    """Return a distance in mpmath."""
    return mpmath.norm([a - b for a, b in zip(x, y, strict=True)])


def cosine(x: list, y: list) -> Any:
    """Return a cosine in mpmath."""
    return dot(x, y) / mpmath.sqrt(dot(x, x) * dot(y, y))


def direction(x: np.ndarray) -> np.ndarray:
    """Return each row divided by its length."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def plain_distance(xp: Any, x: Array, y: Array) -> Array:
    """Return distances as the textbook has them: the square overflows, the root has no slope."""
    return xp.sqrt(xp.sum(xp.square(x - y), axis=-1))


def safe_distance(xp: Any, x: Array, y: Array) -> Array:
    """Return distances with a slope at 0."""
    return metric._polar(xp, x - y)[0]


def wrong_pair(same: Callable, other: Callable) -> Callable[..., Array]:
    """Return a pair loss with other terms of distance and margin."""

    def body(xp: Any, first: Array, second: Array, signs: Array, margin: float = 1.0) -> Array:
        d = safe_distance(xp, first, second)
        like, unlike = (1 + signs) / 2, (1 - signs) / 2
        return like * same(d) + unlike * other(xp, margin - d)

    return body


def wrong_pair_grad(factor: Callable, *, swapped: bool = False) -> Callable[..., tuple]:
    """Return a gradient of pairs with another factor of their difference."""

    def body(xp: Any, first: Array, second: Array, signs: Array, margin: float = 1.0) -> tuple:
        d, u = metric._polar(xp, first - second)
        slope = xp.where(signs > 0, d, -factor(xp, margin - d))[..., None] * u
        return (-slope, slope) if swapped else (slope, -slope)

    return body


CONTRASTIVE = Case(
    loss=metric.contrastive,
    gradient=metric.contrastive_grad,
    settings=({}, {"margin": 1.0}, {"margin": 0.5}),
    draw=draw_signed,
    oracle=(
        "scikit-learn distances",
        lambda first, second, signs, margin=1.0: np.where(
            signs > 0,
            0.5 * paired_euclidean_distances(first, second) ** 2,
            0.5 * np.maximum(margin - paired_euclidean_distances(first, second), 0) ** 2,
        ),
    ),
    exact=lambda x, y, s, margin=1.0: (
        distance(x, y) ** 2 / 2 if s > 0 else max(0, margin - distance(x, y)) ** 2 / 2
    ),
    limits=lambda margin=1.0: (
        Point(((INF, 0.0), (0.0, 0.0), -1.0), (0.0, 0.0), 0.0),
        Point(((1.0, 0.0), (0.0, -INF), -1.0), (0.0, 0.0), 0.0),
    ),
    kinks=lambda margin=1.0: (Point(((1.0, 2.0), (1.0, 2.0), -1.0), (0.0, 0.0)),),
    corners=lambda: (
        (np.zeros((2, 3)), np.zeros((2, 3)), np.asarray([1.0, -1.0])),
        (0.3 * np.eye(3), 0.2 * np.eye(3), np.asarray([-1.0, 1.0, -1.0])),
    ),
    wrong_values={"signs": SIGNS},
    by=2,
    rounding=1.0,
    without={"minimiser_is_the_statistic": NO_STATISTIC},
    identities=(
        Identity(
            "no order within a pair",
            lambda loss: (
                loss(*example(draw_signed)),
                loss(*(example(draw_signed)[k] for k in (1, 0, 2))),
            ),
        ),
        Identity(
            "half the squared distance of the differences from 0",
            lambda loss: (
                loss(*example(draw_signed)[:2], np.ones(50)),
                0.5 * np.sum((example(draw_signed)[0] - example(draw_signed)[1]) ** 2, axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "no half", wrong_pair(lambda d: d * d, lambda xp, r: xp.clip(r, min=0) ** 2)),
        wrong(
            "loss",
            "hinge not squared",
            wrong_pair(lambda d: d * d / 2, lambda xp, r: xp.clip(r, min=0) / 2),
        ),
        wrong("loss", "no hinge", wrong_pair(lambda d: d * d / 2, lambda xp, r: r * r / 2)),
        wrong(
            "loss",
            "distance not squared",
            wrong_pair(lambda d: d / 2, lambda xp, r: xp.clip(r, min=0) ** 2 / 2),
        ),
        wrong(
            "loss",
            "signs swapped",
            lambda xp, x, y, s, margin=1.0: metric.contrastive(x, y, -s, margin=margin),
        ),
        wrong(
            "loss",
            "margin left out",
            lambda xp, x, y, s, margin=1.0: metric.contrastive(x, y, s),
        ),
        wrong(
            "loss",
            "squares that overflow",
            lambda xp, x, y, s, margin=1.0: xp.where(
                s > 0,
                plain_distance(xp, x, y) ** 2 / 2,
                xp.clip(margin - plain_distance(xp, x, y), min=0) ** 2 / 2,
            ),
        ),
        wrong("gradient", "no hinge", wrong_pair_grad(lambda xp, r: r)),
        wrong("gradient", "step", wrong_pair_grad(lambda xp, r: xp.astype(r > 0, r.dtype))),
        wrong(
            "gradient",
            "arguments swapped",
            wrong_pair_grad(lambda xp, r: xp.clip(r, min=0), swapped=True),
        ),
        wrong(
            "gradient",
            "by the first alone",
            lambda xp, x, y, s, margin=1.0: (
                metric.contrastive_grad(x, y, s, margin=margin)[0],
                xp.zeros_like(x),
            ),
        ),
        wrong(
            "gradient",
            "no sign",
            lambda xp, x, y, s, margin=1.0: metric.contrastive_grad(
                x, y, xp.ones_like(s), margin=margin
            ),
        ),
    ),
)


def wrong_triplet(body: Callable, measure: Callable = safe_distance) -> Callable[..., Array]:
    """Return a triplet loss of another body or another distance."""
    return lambda xp, a, p, n, margin=1.0: body(xp, measure(xp, a, p), measure(xp, a, n), margin)


def wrong_triplet_grad(body: Callable) -> Callable[..., tuple]:
    """Return the three derivatives from the right ones: `body(xp, by_a, by_p, by_n, slack)`."""

    def gradient(xp: Any, a: Array, p: Array, n: Array, margin: float = 1.0) -> tuple:
        toward, away = (metric._polar(xp, a - other)[1] for other in (p, n))
        slack = safe_distance(xp, a, p) - safe_distance(xp, a, n) + margin
        return body(xp, toward, away, slack[..., None])

    return gradient


TRIPLET = Case(
    loss=metric.triplet,
    gradient=metric.triplet_grad,
    settings=({}, {"margin": 1.0}, {"margin": 0.2}),
    draw=draw_triplets,
    oracle=(
        "torch triplet_margin_loss",
        lambda a, p, n, margin=1.0: F.triplet_margin_loss(
            *map(torch.as_tensor, (a, p, n)), margin=margin, eps=0.0, reduction="none"
        ).numpy(),
    ),
    exact=lambda a, p, n, margin=1.0: max(0, distance(a, p) - distance(a, n) + margin),
    limits=lambda margin=1.0: (
        Point(((0.0, 0.0), (1.0, 0.0), (INF, 0.0)), (0.0, 0.0), 0.0),
        Point(((0.0, 0.0), (0.0, -INF), (1.0, 0.0)), (1.0, 1.0), INF),
    ),
    kinks=lambda margin=1.0: (
        Point(((0.0, 0.0), (0.0, 0.0), (0.06, 0.08)), (0.6, 0.8)),
        Point(((0.0, 0.0), (1.0, 0.0), (0.0, 1.0 + margin)), (-1.0, 1.0)),
    ),
    corners=lambda: (
        tuple(np.zeros((1, 3)) for _ in range(3)),
        (np.eye(3), np.eye(3), np.eye(3) + 0.25),
    ),
    by=3,
    rounding=3.0,
    without={"minimiser_is_the_statistic": NO_STATISTIC},
    identities=(
        Identity(
            "the hinge of the difference of the distances",
            lambda loss: (
                loss(*example(draw_triplets)),
                np.maximum(
                    0,
                    1
                    + np.diag(cdist(*example(draw_triplets)[:2]))
                    - np.diag(cdist(*example(draw_triplets)[::2])),
                ),
            ),
        ),
        Identity(
            "the derivatives sum to 0: moving all three changes nothing",
            lambda loss: (
                sum(metric.triplet_grad(*example(draw_triplets))),
                np.zeros((50, 3)),
            ),
        ),
        Identity(
            "a positive that is the anchor has a finite gradient",
            lambda loss: (
                metric.triplet_grad(np.zeros((1, 2)), np.zeros((1, 2)), np.asarray([[0.0, 0.5]])),
                [[[0.0, 1.0]], [[0.0, 0.0]], [[0.0, -1.0]]],
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "positive and negative swapped",
            wrong_triplet(lambda xp, near, far, m: xp.clip(far - near + m, min=0)),
        ),
        wrong("loss", "no hinge", wrong_triplet(lambda xp, near, far, m: near - far + m)),
        wrong(
            "loss",
            "squared distances",
            wrong_triplet(lambda xp, near, far, m: xp.clip(near**2 - far**2 + m, min=0)),
        ),
        wrong(
            "loss",
            "margin of 1",
            wrong_triplet(lambda xp, near, far, m: xp.clip(near - far + 1, min=0)),
        ),
        wrong(
            "loss",
            "margin subtracted",
            wrong_triplet(lambda xp, near, far, m: xp.clip(near - far - m, min=0)),
        ),
        wrong(
            "loss",
            "softplus",
            wrong_triplet(lambda xp, near, far, m: stable.softplus(near - far + m)),
        ),
        wrong(
            "loss",
            "root without a slope at 0",
            wrong_triplet(
                lambda xp, near, far, m: xp.clip(near - far + m, min=0), measure=plain_distance
            ),
        ),
        wrong(
            "loss",
            "torch's 1e-6 in each difference",
            wrong_triplet(
                lambda xp, near, far, m: xp.clip(near - far + m, min=0),
                measure=lambda xp, x, y: safe_distance(xp, x + 1e-6, y),
            ),
        ),
        wrong("gradient", "no hinge", wrong_triplet_grad(lambda xp, u, v, r: (u - v, -u, v))),
        wrong(
            "gradient",
            "positive and negative swapped",
            wrong_triplet_grad(
                lambda xp, u, v, r: tuple(xp.where(r < 0, 0 * u, x) for x in (u - v, v, -u))
            ),
        ),
        wrong(
            "gradient",
            "anchor held constant",
            wrong_triplet_grad(
                lambda xp, u, v, r: tuple(xp.where(r < 0, 0 * u, x) for x in (0 * u, -u, v))
            ),
        ),
        wrong(
            "gradient",
            "nothing on the border",
            wrong_triplet_grad(
                lambda xp, u, v, r: tuple(xp.where(r > 0, x, 0 * u) for x in (u - v, -u, v))
            ),
        ),
    ),
)


def exact_cosine_embedding(x: list, y: list, s: Any, margin: float = 0.0) -> Any:
    """Return the cosine embedding loss of one pair, in mpmath."""
    return 1 - cosine(x, y) if s > 0 else max(0, cosine(x, y) - margin)


def wrong_cosine(body: Callable) -> Callable[..., Array]:
    """Return a loss of cosines with another body: `body(xp, cosine, signs, margin)`."""

    def loss(xp: Any, x: Array, y: Array, s: Array, margin: float = 0.0) -> Array:
        return body(xp, xp.sum(metric._polar(xp, x)[1] * metric._polar(xp, y)[1], -1), s, margin)

    return loss


def wrong_cosine_grad(body: Callable) -> Callable[..., tuple]:
    """Return a gradient by other terms: `body(xp, u, v, cosine, length)` times the right slope."""

    def gradient(xp: Any, x: Array, y: Array, s: Array, margin: float = 0.0) -> tuple:
        (a, u), (b, v) = metric._polar(xp, x), metric._polar(xp, y)
        c = xp.sum(u * v, axis=-1)
        slope = xp.where(s > 0, -1.0 + 0 * c, xp.where(c < margin, 0 * c, 1.0 + 0 * c))[..., None]
        c, a, b = c[..., None], a[..., None], b[..., None]
        return slope * body(u, v, c, a), slope * body(v, u, c, b)

    return gradient


COSINE_EMBEDDING = Case(
    loss=metric.cosine_embedding,
    gradient=metric.cosine_embedding_grad,
    settings=({}, {"margin": 0.0}, {"margin": 0.5}),
    draw=draw_signed_directions,
    oracle=(
        "scikit-learn cosine distances",
        lambda x, y, s, margin=0.0: np.where(
            s > 0,
            paired_cosine_distances(x, y),
            np.maximum(0, 1 - margin - paired_cosine_distances(x, y)),
        ),
    ),
    exact=exact_cosine_embedding,
    kinks=lambda margin=0.0: () if margin else (Point(((2.0, 0.0), (0.0, 1.0), -1.0), (0.0, 0.5)),),
    corners=lambda: (
        (np.eye(3), np.eye(3), np.asarray([1.0, -1.0, 1.0])),
        (np.eye(3), -2.0 * np.eye(3), np.asarray([1.0, -1.0, 1.0])),
    ),
    wrong_values={"signs": SIGNS},
    by=2,
    rounding=30.0,
    without={
        "minimiser_is_the_statistic": NO_STATISTIC,
        "limits_are_declared": NO_DIRECTION,
    },
    identities=(
        Identity(
            "torch's, where the embeddings are long beside its 1e-12",
            lambda loss: (
                loss(
                    *(1e4 * direction(x) for x in signed_directions()[:2]), signed_directions()[2]
                ),
                F.cosine_embedding_loss(
                    *(torch.as_tensor(1e4 * direction(x)) for x in signed_directions()[:2]),
                    torch.as_tensor(signed_directions()[2]),
                    reduction="none",
                ).numpy(),
            ),
        ),
        Identity(
            "lengths do not count",
            lambda loss: (
                loss(*signed_directions()),
                loss(
                    3.7 * signed_directions()[0],
                    direction(signed_directions()[1]),
                    signed_directions()[2],
                ),
            ),
        ),
        Identity(
            "a row of zeros has cosine 0",
            lambda loss: (
                loss(np.zeros((2, 2)), np.ones((2, 2)), np.asarray([1.0, -1.0]), margin=-0.25),
                [1.0, 0.25],
            ),
        ),
        Identity(
            "a row of zeros has gradient 0, and gives none",
            lambda loss: (
                metric.cosine_embedding_grad(np.zeros((1, 2)), np.ones((1, 2)), np.ones(1)),
                np.zeros((2, 1, 2)),
            ),
        ),
        Identity(
            "nearly equal directions keep their digits",
            lambda loss: (
                loss(np.asarray([[1.0, 0.0]]), np.asarray([[1.0, 1e-9]]), np.ones(1)),
                [5e-19],
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "no hinge",
            wrong_cosine(lambda xp, c, s, m: xp.where(s > 0, 1 - c, c - m)),
        ),
        wrong(
            "loss",
            "signs swapped",
            wrong_cosine(lambda xp, c, s, m: xp.where(s < 0, 1 - c, xp.clip(c - m, min=0))),
        ),
        wrong(
            "loss",
            "margin left out",
            wrong_cosine(lambda xp, c, s, m: xp.where(s > 0, 1 - c, xp.clip(c, min=0))),
        ),
        wrong(
            "loss",
            "not normalised",
            lambda xp, x, y, s, margin=0.0: xp.where(
                s > 0, 1 - xp.sum(x * y, axis=-1), xp.clip(xp.sum(x * y, axis=-1) - margin, min=0)
            ),
        ),
        wrong(
            "loss",
            "1 - c, which cancels",
            wrong_cosine(lambda xp, c, s, m: xp.where(s > 0, 1 - c, xp.clip(c - m, min=0))),
        ),
        wrong("gradient", "not across", wrong_cosine_grad(lambda u, v, c, a: v / a)),
        wrong("gradient", "length left out", wrong_cosine_grad(lambda u, v, c, a: v - c * u)),
        wrong("gradient", "not by the row", wrong_cosine_grad(lambda u, v, c, a: (u - c * v) / a)),
        wrong("gradient", "sign", wrong_cosine_grad(lambda u, v, c, a: -(v - c * u) / a)),
        wrong(
            "gradient",
            "0 · inf at a row of zeros",
            wrong_cosine_grad(lambda u, v, c, a: (v - c * u) / a),
        ),
    ),
)


def signed_directions() -> tuple[np.ndarray, ...]:
    """Return pairs and signs for an identity."""
    return example(draw_signed_directions)


CASES = [CONTRASTIVE, TRIPLET, COSINE_EMBEDDING]
HELPERS: list[Helper] = []
