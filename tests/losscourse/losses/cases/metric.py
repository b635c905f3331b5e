"""The cases of `losscourse.losses.metric`."""

import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import array_api_compat
import mpmath
import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import (
    cosine_similarity,
    paired_cosine_distances,
    paired_euclidean_distances,
)

from losscourse import stable
from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import metric
from tests.losscourse.libraries import FORMATS, PRECISION, make, read
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import CLASSES, wrong
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


def draw_flat(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of embeddings in the plane: long far out, aligned close to a fit."""
    first, other = rng.normal(size=(2, n, 2))
    second = other if scale >= 1 else first + scale * other
    lengths = math.sqrt(max(scale, 1.0)) * np.exp(rng.normal(size=(2, n, 1)) / 2)
    return direction(first) * lengths[0], direction(second) * lengths[1]


def exact_own(logits: list, own: int) -> Any:
    """Return the cross-entropy of one logit among others, in mpmath."""
    return mpmath.log(mpmath.fsum(map(mpmath.exp, logits))) - logits[own]


def exact_info_nce(queries: list, keys: list, temperature: float = 0.1) -> list:
    """Return the InfoNCE losses of a batch, in mpmath."""
    table = cosines(queries, keys)
    return [exact_own([c / temperature for c in row], i) for i, row in enumerate(table)]


def exact_clip(images: list, texts: list, temperature: float = 0.07) -> list:
    """Return the CLIP losses of a batch, in mpmath."""
    table = [[c / temperature for c in row] for row in cosines(images, texts)]
    columns = [list(column) for column in zip(*table, strict=True)]
    return [(exact_own(table[i], i) + exact_own(columns[i], i)) / 2 for i in range(len(table))]


def exact_nt_xent(first: list, second: list, temperature: float = 0.5) -> list:
    """Return the losses of both views of each example, in mpmath: rows without the view itself."""
    views, count = first + second, len(first)
    table = cosines(views, views)
    losses = []
    for i, row in enumerate(table):
        logits = [c / temperature for k, c in enumerate(row) if k != i]
        partner = (i + count) % (2 * count)
        losses.append(exact_own(logits, partner - (partner > i)))
    return [[losses[i], losses[count + i]] for i in range(count)]


def cosines(x: list, y: list) -> list:
    """Return the table of cosines, in mpmath."""
    u, v = ([[a / mpmath.norm(row) for a in row] for row in rows] for rows in (x, y))
    return [[dot(a, b) for b in v] for a in u]


def torch_info_nce(queries: np.ndarray, keys: np.ndarray, temperature: float = 0.1) -> np.ndarray:
    """Return torch's cross-entropy of cosines."""
    q, k = torch.as_tensor(queries), torch.as_tensor(keys)
    table = F.cosine_similarity(q[:, None], k[None], dim=-1) / temperature
    return F.cross_entropy(table, torch.arange(len(q)), reduction="none").numpy()


def scipy_log_softmax(x: np.ndarray, y: np.ndarray, temperature: float) -> np.ndarray:
    """Return the log-softmax of SciPy's cosines, row by row."""
    return scipy.special.log_softmax((1 - cdist(x, y, "cosine")) / temperature, axis=1)


def scipy_clip(images: np.ndarray, texts: np.ndarray, temperature: float = 0.07) -> np.ndarray:
    """Return the losses of both directions from SciPy's log-softmax."""
    rows = scipy_log_softmax(images, texts, temperature)
    columns = scipy_log_softmax(texts, images, temperature)
    return -(np.diag(rows) + np.diag(columns)) / 2


def scikit_nt_xent(first: np.ndarray, second: np.ndarray, temperature: float = 0.5) -> np.ndarray:
    """Return scikit-learn's cosines of all views, each row without itself, summed by SciPy."""
    views, n = np.concatenate([first, second]), len(first)
    table = cosine_similarity(views) / temperature
    kept = table[~np.eye(2 * n, dtype=bool)].reshape(2 * n, 2 * n - 1)
    own = np.concatenate([np.diag(table, n), np.diag(table, -n)])
    return (scipy.special.logsumexp(kept, axis=1) - own).reshape(2, n).T


def scores(xp: Any, x: Array, y: Array, temperature: float) -> Array:
    """Return cosines over the temperature."""
    return unit(xp, x) @ xp.matrix_transpose(unit(xp, y)) / temperature


def unit(xp: Any, x: Array) -> Array:
    """Return the directions of rows."""
    return metric._polar(xp, x)[1]


def own(xp: Any, table: Array) -> Array:
    """Return the diagonal of a square table."""
    return pick(table, metric._numbers(xp, table, table.shape[0]))


def by_direction(xp: Any, x: Array, slopes: Array) -> Array:
    """Return the derivative by embeddings from that by their directions."""
    return metric._by_row(xp, slopes, *metric._polar(xp, x))


def info_nce_slopes(xp: Any, x: Array, y: Array, temperature: float) -> Array:
    """Return the derivative of InfoNCE by the cosines."""
    table = scores(xp, x, y, temperature)
    labels = metric._numbers(xp, x, x.shape[0])
    return (stable.softmax(table) - one_hot(labels, table)) / temperature


def both_ways(xp: Any, x: Array, y: Array, temperature: float = 0.1) -> Array:
    """Return InfoNCE both ways, not joined pair by pair."""
    pairs = ((x, y), (y, x))
    return xp.concat([metric.info_nce(*pair, temperature=temperature) for pair in pairs])


def flat_corners() -> tuple:
    """Return two pairs at right angles, each aligned, then each with the other's."""
    return (np.eye(2), 3.0 * np.eye(2)), (np.eye(2), np.eye(2)[::-1])


def zeros_stay(function: Callable) -> Identity:
    """Return the claim that a row of zeros has gradient 0 and leaves that of others finite."""

    def sides(loss: Callable) -> tuple:
        rows = np.asarray([[0.0, 0.0], [1.0, 2.0], [3.0, -1.0]])
        by_first, by_second = function(rows, rows[::-1])
        finite = np.isfinite([by_first, by_second]).all()
        return [*by_first[0], *by_second[2], finite], [0.0, 0.0, 0.0, 0.0, True]

    return Identity("a row of zeros has gradient 0", sides)


def lengths_do_not_count(draw: Callable = draw_flat) -> Identity:
    """Return the claim that each embedding's length is divided out."""

    def sides(loss: Callable) -> tuple:
        first, second = example(draw, n=8)
        lengths = np.random.default_rng(4).uniform(0.1, 9.0, size=(2, 8, 1))
        return loss(first, second), loss(first * lengths[0], second * lengths[1])

    return Identity("lengths do not count", sides)


BATCH = {
    "draw": draw_flat,
    "by": 2,
    "coupled": True,
    "batches": (2, 4),
    "any_leading_axes": False,
    "rounding": 300.0,
    "corners": flat_corners,
    "without": {
        "minimiser_is_the_statistic": NO_STATISTIC,
        "limits_are_declared": NO_DIRECTION,
    },
}
"""What the losses of a batch of pairs have in common."""

INFO_NCE = Case(
    loss=metric.info_nce,
    gradient=metric.info_nce_grad,
    settings=({}, {"temperature": 0.1}, {"temperature": 0.02}),
    oracle=("torch cross_entropy of cosine_similarity", torch_info_nce),
    exact=exact_info_nce,
    identities=(
        lengths_do_not_count(),
        zeros_stay(metric.info_nce_grad),
        Identity(
            "log N where all keys are equal",
            lambda loss: (loss(example(draw_flat, 7)[0], np.ones((7, 2))), np.full(7, np.log(7))),
        ),
        Identity(
            "two pairs: the logistic loss of the difference of the cosines",
            lambda loss: (
                loss(np.asarray([[1.0, 0.0], [0.0, 2.0]]), np.asarray([[3.0, 4.0], [4.0, 3.0]])),
                np.logaddexp(0, np.asarray([2.0, 2.0])),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "softmax over the queries",
            lambda xp, q, k, temperature=0.1: (
                -own(xp, stable.log_softmax(scores(xp, q, k, temperature), axis=0))
            ),
        ),
        wrong(
            "loss",
            "own key left out of the sum",
            lambda xp, q, k, temperature=0.1: (
                stable.log_sum_exp(
                    xp.where(
                        xp.eye(q.shape[0], dtype=q.dtype) == 1,
                        xp.full_like(scores(xp, q, k, temperature), -INF),
                        scores(xp, q, k, temperature),
                    )
                )
                - own(xp, scores(xp, q, k, temperature))
            ),
        ),
        wrong(
            "loss",
            "temperature left out",
            lambda xp, q, k, temperature=0.1: metric.info_nce(q, k, temperature=0.1),
        ),
        wrong(
            "loss",
            "times the temperature",
            lambda xp, q, k, temperature=0.1: metric.info_nce(q, k, temperature=1 / temperature),
        ),
        wrong(
            "loss",
            "not normalised",
            lambda xp, q, k, temperature=0.1: (
                -own(xp, stable.log_softmax(q @ xp.matrix_transpose(k) / temperature))
            ),
        ),
        wrong(
            "loss",
            "mean over the keys",
            lambda xp, q, k, temperature=0.1: (
                metric.info_nce(q, k, temperature=temperature) - math.log(q.shape[0])
            ),
        ),
        wrong("loss", "both ways, one after the other", both_ways),
        wrong(
            "loss",
            "exp that overflows",
            lambda xp, q, k, temperature=0.1: (
                -xp.log(
                    xp.exp(own(xp, scores(xp, q, k, temperature)))
                    / xp.sum(xp.exp(scores(xp, q, k, temperature)), axis=-1)
                )
            ),
        ),
        wrong(
            "gradient",
            "keys held constant",
            lambda xp, q, k, temperature=0.1: (
                metric.info_nce_grad(q, k, temperature=temperature)[0],
                xp.zeros_like(k),
            ),
        ),
        wrong(
            "gradient",
            "not transposed",
            lambda xp, q, k, temperature=0.1: (
                by_direction(xp, q, info_nce_slopes(xp, q, k, temperature) @ unit(xp, k)),
                by_direction(xp, k, info_nce_slopes(xp, q, k, temperature) @ unit(xp, q)),
            ),
        ),
        wrong(
            "gradient",
            "by the directions",
            lambda xp, q, k, temperature=0.1: (
                info_nce_slopes(xp, q, k, temperature) @ unit(xp, k),
                xp.matrix_transpose(info_nce_slopes(xp, q, k, temperature)) @ unit(xp, q),
            ),
        ),
        wrong(
            "gradient",
            "temperature left out",
            lambda xp, q, k, temperature=0.1: tuple(
                temperature * g for g in metric.info_nce_grad(q, k, temperature=temperature)
            ),
        ),
    ),
    **BATCH,
)

CLIP = Case(
    loss=metric.clip,
    gradient=metric.clip_grad,
    settings=({}, {"temperature": 0.07}, {"temperature": 0.02}),
    oracle=("SciPy log_softmax of cosine distances", scipy_clip),
    exact=exact_clip,
    identities=(
        lengths_do_not_count(),
        zeros_stay(metric.clip_grad),
        Identity(
            "images and texts may change places",
            lambda loss: (loss(*example(draw_flat)), loss(*example(draw_flat)[::-1])),
        ),
        Identity(
            "the mean of InfoNCE both ways",
            lambda loss: (
                loss(*example(draw_flat), temperature=0.3),
                (
                    torch_info_nce(*example(draw_flat), temperature=0.3)
                    + torch_info_nce(*example(draw_flat)[::-1], temperature=0.3)
                )
                / 2,
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "one way",
            lambda xp, x, y, temperature=0.07: metric.info_nce(x, y, temperature=temperature),
        ),
        wrong("loss", "both ways, one after the other", both_ways),
        wrong(
            "loss",
            "sum of both ways",
            lambda xp, x, y, temperature=0.07: 2 * metric.clip(x, y, temperature=temperature),
        ),
        wrong(
            "loss",
            "InfoNCE's temperature",
            lambda xp, x, y, temperature=0.1: metric.clip(x, y, temperature=temperature),
        ),
        wrong(
            "loss",
            "one softmax over all pairs",
            lambda xp, x, y, temperature=0.07: (
                stable.log_sum_exp(xp.reshape(scores(xp, x, y, temperature), (1, -1)))
                - own(xp, scores(xp, x, y, temperature))
            ),
        ),
        wrong(
            "gradient",
            "one way",
            lambda xp, x, y, temperature=0.07: metric.info_nce_grad(x, y, temperature=temperature),
        ),
        wrong(
            "gradient",
            "texts and images swapped",
            lambda xp, x, y, temperature=0.07: metric.clip_grad(x, y, temperature=temperature)[
                ::-1
            ],
        ),
        wrong(
            "gradient",
            "no half",
            lambda xp, x, y, temperature=0.07: tuple(
                2 * g for g in metric.clip_grad(x, y, temperature=temperature)
            ),
        ),
    ),
    **BATCH,
)


def wrong_nt_xent(logits: Callable, shift: int = 0) -> Callable[..., Array]:
    """Return NT-Xent with other logits, or partners that stand elsewhere."""

    def loss(xp: Any, x: Array, y: Array, temperature: float = 0.5) -> Array:
        u = unit(xp, xp.concat([x, y]))
        partners = (metric._partners(xp, u) + shift) % u.shape[0]
        losses = pick(-stable.log_softmax(logits(xp, u, temperature)), partners)
        return xp.matrix_transpose(xp.reshape(losses, (2, x.shape[0])))

    return loss


def wrong_nt_xent_grad(both: Callable) -> Callable[..., tuple]:
    """Return a gradient of NT-Xent from another sum of slopes."""

    def gradient(xp: Any, x: Array, y: Array, temperature: float = 0.5) -> tuple:
        views = xp.concat([x, y])
        u = unit(xp, views)
        logits = metric._others(xp, u, temperature)
        slopes = stable.softmax(logits) - one_hot(metric._partners(xp, u), logits)
        slopes = both(xp, slopes / temperature)
        out = by_direction(xp, views, slopes @ u)
        return out[: x.shape[0], :], out[x.shape[0] :, :]

    return gradient


NT_XENT = Case(
    loss=metric.nt_xent,
    gradient=metric.nt_xent_grad,
    settings=({}, {"temperature": 0.5}, {"temperature": 0.02}),
    oracle=("scikit-learn cosine_similarity, SciPy logsumexp", scikit_nt_xent),
    exact=exact_nt_xent,
    identities=(
        lengths_do_not_count(),
        zeros_stay(metric.nt_xent_grad),
        Identity(
            "views may change places",
            lambda loss: (loss(*example(draw_flat)), loss(*example(draw_flat)[::-1])[:, ::-1]),
        ),
        Identity(
            "log(2N - 1) where all views are equal",
            lambda loss: (loss(np.ones((3, 2)), np.ones((3, 2))), np.full((3, 2), np.log(5))),
        ),
        Identity(
            "one example alone has no rival",
            lambda loss: (loss(np.ones((1, 2)), -np.ones((1, 2))), np.zeros((1, 2))),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "the view itself among its rivals",
            wrong_nt_xent(lambda xp, u, t: u @ xp.matrix_transpose(u) / t),
        ),
        wrong(
            "loss",
            "the next view as partner",
            wrong_nt_xent(lambda xp, u, t: metric._others(xp, u, t), shift=1),
        ),
        wrong(
            "loss",
            "temperature left out",
            wrong_nt_xent(lambda xp, u, t: metric._others(xp, u, 0.5)),
        ),
        wrong(
            "loss",
            "temperature squared",
            wrong_nt_xent(lambda xp, u, t: metric._others(xp, u, t * t)),
        ),
        wrong(
            "loss",
            "other views alone as rivals",
            lambda xp, x, y, temperature=0.5: xp.stack(
                [
                    metric.info_nce(x, y, temperature=temperature),
                    metric.info_nce(y, x, temperature=temperature),
                ],
                axis=-1,
            ),
        ),
        wrong(
            "loss",
            "not transposed",
            lambda xp, x, y, temperature=0.5: xp.matrix_transpose(
                metric.nt_xent(x, y, temperature=temperature)
            ),
        ),
        wrong(
            "loss",
            "all first views, then all second ones",
            lambda xp, x, y, temperature=0.5: xp.reshape(
                xp.matrix_transpose(metric.nt_xent(x, y, temperature=temperature)),
                (x.shape[0], 2),
            ),
        ),
        wrong("gradient", "as query alone", wrong_nt_xent_grad(lambda xp, s: s)),
        wrong("gradient", "as key alone", wrong_nt_xent_grad(lambda xp, s: xp.matrix_transpose(s))),
        wrong("gradient", "twice as query", wrong_nt_xent_grad(lambda xp, s: 2 * s)),
        wrong(
            "gradient",
            "views swapped",
            lambda xp, x, y, temperature=0.5: metric.nt_xent_grad(x, y, temperature=temperature)[
                ::-1
            ],
        ),
    ),
    **BATCH,
)


def exact_siglip(images: list, texts: list, temperature: float = 0.1, bias: float = -10.0) -> list:
    """Return the SigLIP losses of a batch, in mpmath: minus the logarithms of sigmoids."""
    return [
        mpmath.fsum(
            -mpmath.log(1 / (1 + mpmath.exp((-1 if i == j else 1) * (c / temperature + bias))))
            for j, c in enumerate(row)
        )
        for i, row in enumerate(cosines(images, texts))
    ]


def torch_siglip(
    images: np.ndarray, texts: np.ndarray, temperature: float = 0.1, bias: float = -10.0
) -> np.ndarray:
    """Return torch's binary cross-entropy of all pairs, summed by image."""
    x, y = torch.as_tensor(images), torch.as_tensor(texts)
    logits = F.cosine_similarity(x[:, None], y[None], dim=-1) / temperature + bias
    own = torch.eye(len(x), dtype=logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, own, reduction="none").sum(dim=1).numpy()


def wrong_siglip(body: Callable) -> Callable[..., Array]:
    """Return SigLIP with another body: `body(xp, cosines over temperature, signs, bias)`."""

    def loss(xp: Any, x: Array, y: Array, temperature: float = 0.1, bias: float = -10.0) -> Array:
        z = scores(xp, x, y, temperature)
        signs = 2 * one_hot(metric._numbers(xp, z, z.shape[0]), z) - 1
        return body(xp, z, signs, bias)

    return loss


def wrong_siglip_grad(slope: Callable) -> Callable[..., tuple]:
    """Return a gradient of SigLIP from other slopes: `slope(xp, logits, signs, temperature)`."""

    def gradient(
        xp: Any, x: Array, y: Array, temperature: float = 0.1, bias: float = -10.0
    ) -> tuple:
        z = scores(xp, x, y, temperature) + bias
        signs = 2 * one_hot(metric._numbers(xp, z, z.shape[0]), z) - 1
        slopes = slope(xp, z, signs, temperature)
        return (
            by_direction(xp, x, slopes @ unit(xp, y)),
            by_direction(xp, y, xp.matrix_transpose(slopes) @ unit(xp, x)),
        )

    return gradient


SIGLIP = Case(
    loss=metric.siglip,
    gradient=metric.siglip_grad,
    settings=({}, {"temperature": 0.1, "bias": -10.0}, {"temperature": 0.05, "bias": 0.0}),
    oracle=("torch binary_cross_entropy_with_logits", torch_siglip),
    exact=exact_siglip,
    identities=(
        lengths_do_not_count(),
        zeros_stay(metric.siglip_grad),
        Identity(
            "one pair alone: the logistic loss",
            lambda loss: (
                loss(np.asarray([[3.0, 4.0]]), np.asarray([[1.0, 0.0]]), bias=1.0),
                [np.logaddexp(0, -7.0)],
            ),
        ),
        Identity(
            "the sum over the batch is the same by texts",
            lambda loss: (
                np.sum(loss(*example(draw_flat))),
                np.sum(loss(*example(draw_flat)[::-1])),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "mean over the texts",
            wrong_siglip(lambda xp, z, s, b: xp.mean(stable.softplus(-s * (z + b)), axis=-1)),
        ),
        wrong(
            "loss",
            "bias subtracted",
            wrong_siglip(lambda xp, z, s, b: xp.sum(stable.softplus(-s * (z - b)), axis=-1)),
        ),
        wrong(
            "loss",
            "bias left out of the sign",
            wrong_siglip(lambda xp, z, s, b: xp.sum(stable.softplus(-s * z + b), axis=-1)),
        ),
        wrong(
            "loss",
            "signs swapped",
            wrong_siglip(lambda xp, z, s, b: xp.sum(stable.softplus(s * (z + b)), axis=-1)),
        ),
        wrong(
            "loss",
            "the own pair alone",
            wrong_siglip(lambda xp, z, s, b: own(xp, stable.softplus(-s * (z + b)))),
        ),
        wrong(
            "loss",
            "sum over the images",
            wrong_siglip(lambda xp, z, s, b: xp.sum(stable.softplus(-s * (z + b)), axis=0)),
        ),
        wrong(
            "loss",
            "each pair for itself",
            wrong_siglip(lambda xp, z, s, b: xp.reshape(stable.softplus(-s * (z + b)), (-1,))),
        ),
        wrong(
            "gradient",
            "temperature left out",
            wrong_siglip_grad(lambda xp, z, s, t: -s * stable.sigmoid(-s * z)),
        ),
        wrong(
            "gradient",
            "sigmoid of the other side",
            wrong_siglip_grad(lambda xp, z, s, t: -s * stable.sigmoid(s * z) / t),
        ),
        wrong(
            "gradient",
            "no sign",
            wrong_siglip_grad(lambda xp, z, s, t: -stable.sigmoid(-s * z) / t),
        ),
        wrong(
            "gradient",
            "texts held constant",
            lambda xp, x, y, temperature=0.1, bias=-10.0: (
                metric.siglip_grad(x, y, temperature=temperature, bias=bias)[0],
                xp.zeros_like(y),
            ),
        ),
    ),
    **{**BATCH, "rounding": 1000.0},
)


def draw_classes(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return embeddings of small classes, aligned by class close to a fit, and one alone."""
    noise = rng.normal(size=(n, 2))
    lengths = math.sqrt(max(scale, 1.0)) * np.exp(rng.normal(size=(n, 1)) / 2)
    labels = rng.integers(0, max(2, n // 2), n)
    labels[n // 2 : n // 2 + 1] = 10**6
    centres = np.stack([np.cos(labels), np.sin(labels)], axis=-1)
    rows = noise if scale >= 1 else centres + scale * noise
    return lengths * direction(rows), labels


def exact_supervised_contrastive(x: list, labels: list, temperature: float = 0.1) -> list:
    """Return the supervised contrastive losses of a batch, in mpmath, from sums of exponentials."""
    table, losses = cosines(x, x), []
    for i, row in enumerate(table):
        total = mpmath.fsum(mpmath.exp(c / temperature) for a, c in enumerate(row) if a != i)
        parts = [
            mpmath.log(mpmath.exp(row[j] / temperature) / total)
            for j in range(len(x))
            if j != i and labels[j] == labels[i]
        ]
        losses.append(-mpmath.fsum(parts) / len(parts) if parts else mpmath.mpf(0))
    return losses


def scikit_supervised_contrastive(
    x: np.ndarray, labels: np.ndarray, temperature: float = 0.1
) -> np.ndarray:
    """Return the losses, anchor by anchor, from scikit-learn's cosines and SciPy's softmax."""
    table, losses = cosine_similarity(x) / temperature, np.zeros(len(x))
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        hits = (labels == labels[i])[others]
        if hits.any():
            losses[i] = -scipy.special.log_softmax(table[i, others])[hits].mean()
    return losses


def wrong_supervised(body: Callable) -> Callable[..., Array]:
    """Return a supervised contrastive loss of another body: `body(xp, table, logits, weights)`."""

    def loss(xp: Any, x: Array, labels: Array, temperature: float = 0.1) -> Array:
        table = scores(xp, x, x, temperature)
        logits = metric._others(xp, unit(xp, x), temperature)
        return body(xp, table, logits, metric._positives(xp, labels, table))

    return loss


def wrong_supervised_grad(body: Callable) -> Callable[..., Array]:
    """Return a gradient from other slopes: `body(xp, probabilities, weights)`."""

    def gradient(xp: Any, x: Array, labels: Array, temperature: float = 0.1) -> Array:
        probs = stable.softmax(metric._others(xp, unit(xp, x), temperature))
        slopes = body(xp, probs, metric._positives(xp, labels, probs)) / temperature
        return by_direction(xp, x, slopes @ unit(xp, x))

    return gradient


def both_sides(xp: Any, slopes: Array) -> Array:
    """Return slopes by a pair's cosine, from either of the two as anchor."""
    return slopes + xp.matrix_transpose(slopes)


def with_positives(xp: Any, weights: Array) -> Array:
    """Return 1 for each anchor that has positives, else 0."""
    return xp.astype(xp.sum(weights, axis=-1, keepdims=True) > 0, weights.dtype)


SUPERVISED_CONTRASTIVE = Case(
    loss=metric.supervised_contrastive,
    gradient=metric.supervised_contrastive_grad,
    settings=({}, {"temperature": 0.1}, {"temperature": 0.02}),
    oracle=("scikit-learn cosine_similarity, SciPy log_softmax", scikit_supervised_contrastive),
    exact=exact_supervised_contrastive,
    wrong_values={"labels": (-1,)},
    groups=("labels",),
    identities=(
        Identity(
            "NT-Xent where a class is the two views of an example",
            lambda loss: (
                loss(np.concatenate(example(draw_flat)), np.tile(np.arange(50), 2)),
                metric.nt_xent(*example(draw_flat), temperature=0.1).T.ravel(),
            ),
        ),
        Identity(
            "the names of the classes do not count",
            lambda loss: (
                loss(*example(draw_classes)),
                loss(example(draw_classes)[0], 3 * 10**6 - 3 * example(draw_classes)[1]),
            ),
        ),
        Identity(
            "an anchor without positives costs nothing and is pushed by nothing of its own",
            lambda loss: (
                [
                    *loss(np.eye(2), np.asarray([0, 1])),
                    *metric.supervised_contrastive_grad(np.eye(2), np.asarray([0, 1])).ravel(),
                ],
                np.zeros(6),
            ),
        ),
        Identity(
            "lengths do not count",
            lambda loss: (
                loss(*example(draw_classes)),
                loss(direction(example(draw_classes)[0]), example(draw_classes)[1]),
            ),
        ),
        Identity(
            "a row of zeros has gradient 0",
            lambda loss: (
                metric.supervised_contrastive_grad(
                    np.asarray([[0.0, 0.0], [1.0, 2.0], [3.0, 1.0]]), np.asarray([0, 0, 1])
                )[0],
                np.zeros(2),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "L_in: the mean inside of the logarithm",
            wrong_supervised(
                lambda xp, t, z, w: xp.where(
                    xp.sum(w, axis=-1) > 0,
                    -xp.log(xp.sum(w * stable.softmax(z), axis=-1) + 1e-300),
                    0 * t[:, 0],
                )
            ),
        ),
        wrong(
            "loss",
            "sum over the positives",
            wrong_supervised(
                lambda xp, t, z, w: xp.sum(
                    stable.times(xp.astype(w > 0, w.dtype), -stable.log_softmax(z)), axis=-1
                )
            ),
        ),
        wrong(
            "loss",
            "the anchor itself among its rivals",
            wrong_supervised(lambda xp, t, z, w: xp.sum(w * -stable.log_softmax(t), axis=-1)),
        ),
        wrong(
            "loss",
            "no positives: 0/0",
            wrong_supervised(
                lambda xp, t, z, w: (
                    xp.sum(stable.times(w, -stable.log_softmax(z)), axis=-1) / xp.sum(w, axis=-1)
                )
            ),
        ),
        wrong(
            "loss",
            "temperature left out",
            lambda xp, x, y, temperature=0.1: metric.supervised_contrastive(x, y),
        ),
        wrong(
            "loss",
            "over its base temperature",
            lambda xp, x, y, temperature=0.1: (
                metric.supervised_contrastive(x, y, temperature=temperature) * temperature / 0.07
            ),
        ),
        wrong(
            "loss",
            "anchors without positives left out",
            lambda xp, x, y, temperature=0.1: metric.supervised_contrastive(
                x, y, temperature=temperature
            )[1:],
        ),
        wrong(
            "gradient",
            "as anchor alone",
            wrong_supervised_grad(lambda xp, p, w: with_positives(xp, w) * (p - w)),
        ),
        wrong(
            "gradient",
            "anchors without positives push",
            wrong_supervised_grad(lambda xp, p, w: both_sides(xp, p - w)),
        ),
        wrong(
            "gradient",
            "of the sum over the positives",
            wrong_supervised_grad(
                lambda xp, p, w: both_sides(
                    xp, with_positives(xp, w) * (p - xp.astype(w > 0, w.dtype))
                )
            ),
        ),
    ),
    **{
        **BATCH,
        "draw": draw_classes,
        "by": 1,
        "corners": lambda: (
            (np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), np.asarray([3, 3, 3])),
            (np.asarray([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]]), np.asarray([0, 1, 0])),
        ),
    },
)


def draw_cosines(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return cosines of any size but ±1, where the slope is infinite, and labels."""
    cosines_of = 0.95 * np.sin(scale * rng.normal(size=(n, CLASSES)))
    return cosines_of, rng.integers(0, CLASSES, n)


def exact_arcface(c: list, y: Any, margin: float = 0.5, scale: float = 64.0) -> Any:
    """Return the ArcFace loss of one row, in mpmath, through the angle."""
    angle = mpmath.acos(c[int(y)])
    hit = c[int(y)] - margin * mpmath.sin(margin)
    if angle + margin < mpmath.pi:
        hit = mpmath.cos(angle + margin)
    return exact_own([scale * (hit if k == int(y) else x) for k, x in enumerate(c)], int(y))


def torch_arcface(
    cosines: np.ndarray, labels: np.ndarray, margin: float = 0.5, scale: float = 64.0
) -> np.ndarray:
    """Return torch's cross-entropy, the label's cosine moved through its angle."""
    c, y = torch.as_tensor(cosines), torch.as_tensor(labels)
    angle = torch.arccos(c) + margin
    moved = torch.where(angle < math.pi, torch.cos(angle), c - margin * math.sin(margin))
    logits = scale * torch.where(F.one_hot(y, CLASSES).bool(), moved, c)
    return F.cross_entropy(logits, y, reduction="none").numpy()


def wrong_arcface(move: Callable, elsewhere: Callable = lambda xp, c, m: c) -> Callable:
    """Return ArcFace with another cosine of the label, or of the other classes."""

    def loss(xp: Any, c: Array, y: Array, margin: float = 0.5, scale: float = 64.0) -> Array:
        moved = xp.where(one_hot(y, c) == 1, move(xp, c, margin), elsewhere(xp, c, margin))
        return -pick(stable.log_softmax(scale * moved), y)

    return loss


def harder(xp: Any, c: Array, m: float) -> Array:
    """Return cosines of angles with a margin added."""
    return metric._harder(xp, c, m)[0]


def wrong_arcface_grad(slope: Callable) -> Callable[..., Array]:
    """Return a gradient of ArcFace with another slope: `slope(xp, cosines, margin, is_label)`."""

    def gradient(xp: Any, c: Array, y: Array, margin: float = 0.5, scale: float = 64.0) -> Array:
        hit = one_hot(y, c)
        logits = scale * xp.where(hit == 1, harder(xp, c, margin), c)
        return scale * (stable.softmax(logits) - hit) * slope(xp, c, margin, hit == 1)

    return gradient


def far_label(margin: float = 0.5, scale: float = 64.0) -> tuple[Point, ...]:
    """Return a label's cosine at the angle π - m, where the loss jumps; one rival is far ahead."""
    if margin == 0:
        return ()
    return (Point(((-math.cos(margin), 0.9, -0.9), 0), (-scale, scale, 0.0)),)


ARCFACE = Case(
    loss=metric.arcface,
    gradient=metric.arcface_grad,
    settings=({}, {"margin": 0.5, "scale": 64.0}, {"margin": 0.0, "scale": 16.0}),
    draw=draw_cosines,
    oracle=("torch arccos, cos and cross_entropy", torch_arcface),
    exact=exact_arcface,
    kinks=far_label,
    corners=lambda: (
        (np.zeros((1, CLASSES)), np.zeros(1, dtype=int)),
        (np.asarray([[-0.9375, 0.5, 0.0, 0.25], [0.9375, 0.5, 0.0, 0.25]]), np.asarray([0, 0])),
    ),
    wrong_values={"labels": (-1, CLASSES), "cosines": (-1.5, 1.25)},
    rounding=300.0,
    without={
        "minimiser_is_the_statistic": "cosines are those of one embedding, and bounded",
        "limits_are_declared": "a cosine is finite",
    },
    identities=(
        Identity(
            "cross-entropy of scaled cosines at margin 0",
            lambda loss: (
                loss(*example(draw_cosines), margin=0.0),
                torch_arcface(*example(draw_cosines), margin=0.0),
            ),
        ),
        Identity(
            "a cosine of 1 or -1 has a finite gradient",
            lambda loss: (
                metric.arcface_grad(
                    np.asarray([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2, int), scale=1.0
                ),
                [
                    [
                        -math.cos(0.5) * stable_sigmoid(-math.cos(0.5)),
                        stable_sigmoid(-math.cos(0.5)),
                    ],
                    [
                        -stable_sigmoid(1 + 0.5 * math.sin(0.5)),
                        stable_sigmoid(1 + 0.5 * math.sin(0.5)),
                    ],
                ],
            ),
        ),
        Identity(
            "the angle is added: 60° and 30° make 90°",
            lambda loss: (
                loss(np.asarray([[0.5, 0.0]]), np.zeros(1, int), margin=math.pi / 6, scale=3.0),
                [math.log(2)],
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "margin taken off the cosine", wrong_arcface(lambda xp, c, m: c - m)),
        wrong("loss", "margin subtracted", wrong_arcface(lambda xp, c, m: harder(xp, c, -m))),
        wrong("loss", "margin for every class", wrong_arcface(harder, harder)),
        wrong("loss", "margin for the others", wrong_arcface(lambda xp, c, m: c, harder)),
        wrong(
            "loss",
            "rising again beyond π",
            wrong_arcface(
                lambda xp, c, m: c * math.cos(m) - xp.sqrt(1 - c * c) * math.sin(m),
            ),
        ),
        wrong(
            "loss",
            "easy margin",
            wrong_arcface(lambda xp, c, m: xp.where(c > 0, harder(xp, c, m), c)),
        ),
        wrong(
            "loss",
            "scale left out",
            lambda xp, c, y, margin=0.5, scale=64.0: metric.arcface(c, y, margin=margin),
        ),
        wrong(
            "gradient",
            "the angle's slope left out",
            wrong_arcface_grad(lambda xp, c, m, hit: xp.ones_like(c)),
        ),
        wrong(
            "gradient",
            "the angle's slope everywhere",
            wrong_arcface_grad(lambda xp, c, m, hit: metric._harder(xp, c, m)[1]),
        ),
        wrong(
            "gradient",
            "rising again beyond π",
            wrong_arcface_grad(
                lambda xp, c, m, hit: xp.where(
                    hit, math.cos(m) + math.sin(m) * c / xp.sqrt(1 - c * c), xp.ones_like(c)
                )
            ),
        ),
        wrong(
            "gradient",
            "scale left out",
            lambda xp, c, y, margin=0.5, scale=64.0: (
                metric.arcface_grad(c, y, margin=margin, scale=scale) / scale
            ),
        ),
    ),
)


def stable_sigmoid(x: float) -> float:
    """Return the sigmoid of a number."""
    return float(scipy.special.expit(x))


def finds_the_hardest(mine: Callable) -> None:
    rng = np.random.default_rng(0)
    for library, dtype in FORMATS:
        for labels in (rng.integers(0, 3, 12), rng.integers(0, 9, 12), np.arange(12) // 6):
            x = read(make(library, dtype, rng.normal(size=(12, 3))))
            table = cdist(x, x)
            positives, negatives, complete = map(
                read, mine(make(library, dtype, x), make(library, dtype, labels))
            )
            for i in range(12):
                same = [j for j in range(12) if j != i and labels[j] == labels[i]]
                other = [j for j in range(12) if labels[j] != labels[i]]
                assert complete[i] == bool(same and other)
                if same:
                    farthest = table[i, int(positives[i])]
                    assert int(positives[i]) in same
                    assert farthest >= max(table[i, same]) * (1 - PRECISION[dtype].rtol)
                if other:
                    nearest = table[i, int(negatives[i])]
                    assert int(negatives[i]) in other
                    assert nearest <= min(table[i, other]) * (1 + PRECISION[dtype].rtol)


def a_row_without_is_paired_with_itself(mine: Callable) -> None:
    x = np.asarray([[0.0], [1.0], [2.0], [5.0]])
    positives, negatives, complete = mine(x, np.asarray([0, 0, 1, 2]))
    assert positives.tolist() == [1, 0, 2, 3]
    assert negatives.tolist() == [2, 2, 1, 2]
    assert complete.tolist() == [True, True, False, False]
    positives, negatives, complete = mine(x, np.asarray([4, 4, 4, 4]))
    assert positives.tolist() == [3, 3, 3, 0]
    assert negatives.tolist() == [0, 1, 2, 3]
    assert not complete.any()


def the_first_of_equals_counts(mine: Callable) -> None:
    x = np.asarray([[0.0], [1.0], [-1.0], [1.0], [-1.0]])
    positives, negatives, _ = mine(x, np.asarray([0, 0, 0, 1, 1]))
    assert positives.tolist() == [1, 2, 1, 4, 3]
    assert negatives.tolist() == [3, 3, 4, 1, 2]
    positives, _, _ = mine(np.zeros((3, 2)), np.asarray([0, 0, 0]))
    assert positives.tolist() == [1, 0, 0]  # never itself


def no_square_overflows(mine: Callable) -> None:
    x = make("numpy", "float16", [[0.0, 0.0], [3e3, 0.0], [4e3, 0.0], [9e3, 0.0], [5e3, 0.0]])
    with np.errstate(over="ignore"):
        positives, negatives, _ = mine(x, np.asarray([0, 0, 0, 1, 1]))
    assert positives.tolist() == [2, 0, 0, 4, 3]
    assert negatives.tolist() == [4, 4, 4, 2, 2]


def gives_triplets_that_autograd_can_use(mine: Callable) -> None:
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    positives, negatives, complete = mine(x, torch.arange(8) // 2)
    assert complete.all()
    assert {positives.dtype, negatives.dtype, complete.dtype} == {torch.int64, torch.bool}
    metric.triplet(x, x[positives], x[negatives]).sum().backward()
    assert x.grad.isfinite().all()


def bad_batches_are_refused(mine: Callable) -> None:
    x, labels = np.zeros((3, 2)), np.asarray([0, 1, 1])
    for arguments, error, message in (
        ((x.tolist(), labels), TypeError, "embeddings: expected an array"),
        ((x.astype(int), labels), TypeError, "embeddings: expected a real floating-point dtype"),
        ((x[0], labels), ValueError, "embeddings: expected shape"),
        ((x[:1], labels[:1]), ValueError, "embeddings: expected a batch of 2 or more"),
        ((x[:, :0], labels), ValueError, "embeddings: expected rows of at least one number"),
        ((x, labels[:2]), ValueError, "labels: expected shape"),
        ((x, labels.astype(float)), TypeError, "labels: expected an integer dtype"),
        ((x, -labels), ValueError, "labels: expected integers from 0 on"),
        ((x, torch.as_tensor(labels)), TypeError, "labels: expected ndarray"),
    ):
        with pytest.raises(error, match=f"^{message}.*got "):
            mine(*arguments)


def wrong_miner(
    hardest: Callable[..., tuple],
    *,
    itself: bool = False,
    missing: int | None = None,
    power: int = 1,
) -> Callable[..., Any]:
    """Return a miner in NumPy or torch that chooses otherwise."""

    def mine(x: Array, labels: Array) -> tuple:
        right = metric.batch_hard_triplets(x, labels)
        xp = array_api_compat.array_namespace(x)
        rows = metric._numbers(xp, x, x.shape[0])
        same, diagonal = metric._alike(xp, labels, x)
        d = metric._polar(xp, x[:, None, :] - x[None, :, :])[0] ** power
        like = same if itself else same & ~diagonal
        far = xp.full_like(d, INF)
        positives = hardest(xp, xp.where(like, d, -far), xp.where(like, d, far))[0]
        negatives = hardest(xp, xp.where(same, -far, d), xp.where(same, far, d))[1]
        absent = rows if missing is None else 0 * rows + missing
        has_positive = xp.any(same & ~diagonal, axis=-1)
        positives = xp.where(has_positive, xp.astype(positives, rows.dtype), absent)
        has_negative = xp.any(~same, axis=-1)
        return positives, xp.where(has_negative, xp.astype(negatives, rows.dtype), absent), right[2]

    return mine


def hard(xp: Any, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the farthest and the nearest row: of what is absent, `low` holds -inf, `high` inf."""
    return xp.argmax(low, axis=-1), xp.argmin(high, axis=-1)


def unchecked_miner(x: Array, labels: Array) -> tuple:
    """Return the miner without its checks."""
    with mock.patch.object(
        metric, "_check_groups", lambda x, labels: array_api_compat.array_namespace(x)
    ):
        return metric.batch_hard_triplets(x, labels)


BATCH_HARD_TRIPLETS = Helper(
    function=metric.batch_hard_triplets,
    checks=(
        finds_the_hardest,
        a_row_without_is_paired_with_itself,
        the_first_of_equals_counts,
        no_square_overflows,
        gives_triplets_that_autograd_can_use,
        bad_batches_are_refused,
    ),
    mutants={
        "easiest positive": wrong_miner(
            lambda xp, low, high: (xp.argmin(high, axis=-1), xp.argmin(high, axis=-1))
        ),
        "easiest negative": wrong_miner(
            lambda xp, low, high: (xp.argmax(low, axis=-1), xp.argmax(low, axis=-1))
        ),
        "itself as its positive": wrong_miner(hard, itself=True),
        "-1 where there is none": wrong_miner(hard, missing=-1),
        "squares that overflow": wrong_miner(hard, power=2),
        "complete where it has a positive": lambda x, labels: (
            *metric.batch_hard_triplets(x, labels)[:2],
            metric.batch_hard_triplets(x, labels)[0]
            != metric._numbers(array_api_compat.array_namespace(x), x, x.shape[0]),
        ),
        "indices as floats": lambda x, labels: tuple(
            array_api_compat.array_namespace(x).astype(out, x.dtype)
            for out in metric.batch_hard_triplets(x, labels)
        ),
        "the last of equals": lambda x, labels: _reversed(
            metric.batch_hard_triplets(
                *(array_api_compat.array_namespace(x).flip(a, axis=0) for a in (x, labels))
            ),
            x,
        ),
        "unchecked": unchecked_miner,
    },
)


def _reversed(out: tuple, x: Array) -> tuple:
    """Return what a miner found in a batch that stood in reverse."""
    xp = array_api_compat.array_namespace(x)
    positives, negatives, complete = (xp.flip(a, axis=0) for a in out)
    return x.shape[0] - 1 - positives, x.shape[0] - 1 - negatives, complete


def draw_views(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return two views with a common factor, equal close to a fit; many features where n is large.

    The features' spread is near 1, far above it far out, and far below it close to a fit.
    """
    width = 2 if n <= 100 else 24
    common, first, other = rng.normal(size=(3, n, width))
    first, other = first + common[:, :1], other + common[:, :1]
    second = other if scale >= 1 else first + 0.1 * other
    size = 0.1 if scale < 1 else min(scale, 10.0) * rng.choice([0.3, 1.0], size=width)
    return size * first, size * second


def draw_features(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return two views of unlike sizes, whose features are of unlike sizes too."""
    sizes = 0.2 * math.sqrt(max(scale, 1.0)) * np.exp(-2 * np.abs(rng.normal(size=(2, 1))))
    first, second = draw_views(rng, n, min(scale, 1.0))
    sizes = sizes * np.exp(-np.abs(rng.normal(size=(2, first.shape[1]))))
    return first * sizes[0], second * sizes[1]


def means(x: list) -> list:
    """Return the mean of each column, in mpmath."""
    return [mpmath.fsum(column) / len(x) for column in zip(*x, strict=True)]


def covariances(x: list, y: list) -> list:
    """Return sums of products of centred columns, in mpmath."""
    a, b = ([[row[j] - m for row in rows] for j, m in enumerate(means(rows))] for rows in (x, y))
    return [[dot(p, q) for q in b] for p in a]


def exact_vicreg(
    x: list,
    y: list,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Any:
    """Return the VICReg loss in mpmath: three terms of the paper, each by itself."""
    n, d = len(x), len(x[0])
    floor = mpmath.mpf(1) / 10**4
    loss = invariance * mpmath.fsum(distance(a, b) ** 2 for a, b in zip(x, y, strict=True)) / n
    for views in (x, y):
        table = [[c / (n - 1) for c in row] for row in covariances(views, views)]
        spread = [mpmath.sqrt(table[j][j] + floor) for j in range(d)]
        loss += variance * mpmath.fsum(max(0, 1 - deviation) for deviation in spread) / d
        shared = [table[j][k] ** 2 for j in range(d) for k in range(d) if j != k]
        loss += covariance * mpmath.fsum(shared) / d
    return loss


def torch_vicreg(
    first: np.ndarray,
    second: np.ndarray,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> float:
    """Return the VICReg loss from torch's mse_loss, var and cov."""
    x, y = torch.as_tensor(first), torch.as_tensor(second)
    loss = invariance * F.mse_loss(x, y) * x.shape[1]
    for views in (x, y):
        loss += variance * F.relu(1 - torch.sqrt(views.var(dim=0) + 1e-4)).mean()
        table = torch.atleast_2d(torch.cov(views.T))
        loss += covariance * (table - torch.diag(table.diag())).square().sum() / x.shape[1]
    return loss.numpy()


def vicreg_as_coded(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the loss that the paper's authors run: means where the paper has sums."""
    loss = 25 * np.mean((first - second) ** 2)
    for views in (first, second):
        table = np.cov(views, rowvar=False)
        lacking = np.maximum(0, 1 - np.sqrt(np.diag(table) + 1e-4))
        off = table - np.diag(np.diag(table))
        loss += 25 * lacking.mean() / 2 + np.sum(off**2) / len(off)
    return loss


def wrong_vicreg(
    *,
    over: int = 1,
    floor: float = 1e-4,
    kept: bool = False,
    root: bool = True,
    hinged: bool = True,
    width: bool = True,
    views: int = 2,
    centred: bool = True,
) -> Callable[..., Array]:
    """Return VICReg with one thing wrong."""

    def loss(
        xp: Any,
        x: Array,
        y: Array,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
    ) -> Array:
        n, d = x.shape
        total = invariance * xp.sum(xp.square(x - y)) / n
        eye = one_hot(metric._numbers(xp, x, d), xp.matrix_transpose(x) @ x)
        for rows in (x, y)[:views]:
            z = rows - xp.mean(rows, axis=0, keepdims=True) if centred else rows
            table = xp.matrix_transpose(z) @ z / (n - over)
            spread = xp.sum(eye * table, axis=0) + floor
            lack = 1 - (xp.sqrt(spread) if root else spread)
            lack = xp.clip(lack, min=0) if hinged else lack
            total = total + variance * xp.mean(lack)
            off = table if kept else table * (1 - eye)
            total = total + covariance * xp.sum(off * off) / (d if width else 1)
        return total

    return loss


def wrong_vicreg_grad(body: Callable) -> Callable[..., tuple]:
    """Return a gradient with another push: `body(xp, centred, deviations, off, weights)`."""

    def gradient(
        xp: Any,
        x: Array,
        y: Array,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
    ) -> tuple:
        n, d = x.shape
        pull = 2 * invariance * (x - y) / n
        pushes = [
            body(xp, *metric._spread(xp, rows), variance, covariance) / (d * (n - 1))
            for rows in (x, y)
        ]
        return pull + pushes[0], -pull + pushes[1]

    return gradient


def lacking(xp: Any, deviations: Array) -> Array:
    """Return 1 for features whose spread is at most 1, else 0."""
    return xp.astype(deviations <= 1, deviations.dtype)


def at_the_variance_hinge(
    invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0
) -> tuple[Point, ...]:
    """Return two rows of one feature whose deviation is 1: what the hinge asks for."""
    a = math.sqrt((1 - 1e-4) / 2)
    return (Point((((a,), (-a,)), ((a,), (-a,))), (-variance * a, variance * a)),)


VIEWS = {
    **BATCH,
    "corners": lambda: (
        (np.asarray([[1.0, 0.0], [-1.0, 0.5]]), np.asarray([[0.5, 0.0], [-0.5, 0.25]])),
    ),
    "without": {
        "minimiser_is_the_statistic": NO_STATISTIC,
        "limits_are_declared": "an infinite element leaves its feature without a mean",
    },
}
"""What the losses of two views' features have in common."""

VICREG = Case(
    loss=metric.vicreg,
    gradient=metric.vicreg_grad,
    settings=(
        {},
        {"invariance": 25.0, "variance": 25.0, "covariance": 1.0},
        {"invariance": 1.0, "variance": 3.0, "covariance": 25.0},
    ),
    oracle=("torch mse_loss, var and cov", torch_vicreg),
    exact=exact_vicreg,
    kinks=at_the_variance_hinge,
    identities=(
        Identity(
            "views may change places",
            lambda loss: (loss(*example(draw_views)), loss(*example(draw_views)[::-1])),
        ),
        Identity(
            "its authors' code, at the weights that the docstring names",
            lambda loss: (
                loss(*example(draw_views), invariance=25 / 2, variance=25 / 2),
                vicreg_as_coded(*example(draw_views)),
            ),
        ),
        Identity(
            "a shift of both views does not count",
            lambda loss: (
                loss(*example(draw_views)),
                loss(*(x + np.asarray([3.0, -2.0]) for x in example(draw_views))),
            ),
        ),
        Identity(
            "a collapsed batch lacks a spread of 0.99 in each feature, and has a gradient of 0",
            lambda loss: (
                [loss(np.ones((4, 3)), np.ones((4, 3))), np.abs(collapsed()).max()],
                [2 * 25 * 0.99, 0.0],
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "covariances over N", wrong_vicreg(over=0)),
        wrong("loss", "no floor", wrong_vicreg(floor=0.0)),
        wrong("loss", "variances among the covariances", wrong_vicreg(kept=True)),
        wrong("loss", "variance, not deviation", wrong_vicreg(root=False)),
        wrong("loss", "no hinge", wrong_vicreg(hinged=False)),
        wrong("loss", "covariances not over D", wrong_vicreg(width=False)),
        wrong("loss", "the first view's spread alone", wrong_vicreg(views=1)),
        wrong("loss", "not centred", wrong_vicreg(centred=False)),
        wrong(
            "loss",
            "distance over D too",
            lambda xp, x, y, invariance=25.0, variance=25.0, covariance=1.0: metric.vicreg(
                x,
                y,
                invariance=invariance / x.shape[1],
                variance=variance,
                covariance=covariance,
            ),
        ),
        wrong(
            "loss",
            "one loss for each example",
            lambda xp, x, y, invariance=25.0, variance=25.0, covariance=1.0: xp.broadcast_to(
                metric.vicreg(
                    x, y, invariance=invariance, variance=variance, covariance=covariance
                ),
                (x.shape[0] + 1,),
            ),
        ),
        wrong(
            "gradient",
            "no hinge",
            wrong_vicreg_grad(lambda xp, z, s, off, v, c: 4 * c * (z @ off) - v * z / s),
        ),
        wrong(
            "gradient",
            "half of the covariance's",
            wrong_vicreg_grad(
                lambda xp, z, s, off, v, c: 2 * c * (z @ off) - v * lacking(xp, s) * z / s
            ),
        ),
        wrong(
            "gradient",
            "of the variance, not the deviation",
            wrong_vicreg_grad(
                lambda xp, z, s, off, v, c: 4 * c * (z @ off) - v * lacking(xp, s) * 2 * z
            ),
        ),
        wrong(
            "gradient",
            "views swapped",
            lambda xp, x, y, **weights: metric.vicreg_grad(x, y, **weights)[::-1],
        ),
    ),
    **{**VIEWS, "draw": draw_views, "rounding": 1000.0},
)


def collapsed() -> tuple[np.ndarray, ...]:
    """Return the gradient of VICReg where all embeddings are one."""
    return metric.vicreg_grad(np.ones((4, 3)), np.ones((4, 3)))


def exact_barlow_twins(x: list, y: list, redundancy: float = 0.005) -> Any:
    """Return the Barlow Twins loss in mpmath, from covariances over roots of variances."""
    table = covariances(x, y)
    left, right = covariances(x, x), covariances(y, y)
    terms = []
    for j, row in enumerate(table):
        for k, product in enumerate(row):
            c = product / mpmath.sqrt(left[j][j] * right[k][k])
            terms.append((1 - c) ** 2 if j == k else redundancy * c**2)
    return mpmath.fsum(terms)


def numpy_barlow_twins(first: np.ndarray, second: np.ndarray, redundancy: float = 0.005) -> float:
    """Return the Barlow Twins loss from NumPy's correlation matrix of all features."""
    width = first.shape[1]
    table = np.corrcoef(first, second, rowvar=False)[:width, width:]
    on = np.diag(table)
    return np.sum((1 - on) ** 2) + redundancy * (np.sum(table**2) - np.sum(on**2))


def wrong_barlow(body: Callable, measure: Callable = metric._features) -> Callable[..., Array]:
    """Return Barlow Twins with another body: `body(xp, correlations, eye, redundancy)`."""

    def loss(xp: Any, x: Array, y: Array, redundancy: float = 0.005) -> Array:
        table = measure(xp, x)[1] @ xp.matrix_transpose(measure(xp, y)[1])
        eye = one_hot(metric._numbers(xp, table, table.shape[0]), table)
        return body(xp, table, eye, redundancy)

    return loss


def wrong_barlow_grad(slope: Callable, *, turned: bool = True, by_row: bool = True) -> Callable:
    """Return a gradient of Barlow Twins with another slope by the correlations."""

    def gradient(xp: Any, x: Array, y: Array, redundancy: float = 0.005) -> tuple:
        (a, u), (b, v) = metric._features(xp, x), metric._features(xp, y)
        table = u @ xp.matrix_transpose(v)
        eye = one_hot(metric._numbers(xp, table, table.shape[0]), table)
        slopes = slope(table, eye, redundancy)
        by_v = (xp.matrix_transpose(slopes) if turned else slopes) @ u
        outs = (slopes @ v, by_v)
        if by_row:
            outs = (metric._by_row(xp, outs[0], a, u), metric._by_row(xp, outs[1], b, v))
        return tuple(xp.matrix_transpose(out) for out in outs)

    return gradient


def barlow(table: Array, eye: Array, redundancy: float) -> Array:
    """Return the right slopes of Barlow Twins by the correlations."""
    return 2 * (eye + redundancy * (1 - eye)) * (table - eye)


BARLOW_TWINS = Case(
    loss=metric.barlow_twins,
    gradient=metric.barlow_twins_grad,
    settings=({}, {"redundancy": 0.005}, {"redundancy": 1.0}),
    oracle=("NumPy corrcoef", numpy_barlow_twins),
    exact=exact_barlow_twins,
    identities=(
        Identity(
            "shift and scale of a feature do not count",
            lambda loss: (
                loss(*example(draw_features)),
                loss(
                    example(draw_features)[0] * np.asarray([3.0, 0.5]) + 1.0,
                    example(draw_features)[1] - np.asarray([2.0, 7.0]),
                ),
            ),
        ),
        Identity(
            "views may change places",
            lambda loss: (loss(*example(draw_features)), loss(*example(draw_features)[::-1])),
        ),
        Identity(
            "a constant feature has no correlation, and gradient 0",
            lambda loss: (
                loss(np.asarray([[1.0, 5.0], [2.0, 5.0]]), np.asarray([[1.0, 5.0], [2.0, 5.0]]))
                + np.abs(
                    metric.barlow_twins_grad(np.ones((2, 1)), np.asarray([[1.0], [2.0]]))
                ).sum(),
                1.0,
            ),
        ),
        Identity(
            "nor has one whose mean rounds",
            lambda loss: (
                [
                    loss(np.full((49, 1), 0.1), np.full((49, 1), 0.1)),
                    np.ptp(metric.barlow_twins_grad(np.full((49, 1), 0.1), np.ones((49, 1)))),
                    np.ptp(metric.barlow_twins_grad(np.full((3, 1), 0.1), np.eye(3)[:, :1])[0]),
                ],
                [1.0, 0.0, 0.0],
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "redundancy left out",
            wrong_barlow(lambda xp, c, eye, w: xp.sum(xp.square(c - eye))),
        ),
        wrong(
            "loss",
            "the diagonal weighted too",
            wrong_barlow(lambda xp, c, eye, w: w * xp.sum(xp.square(c - eye))),
        ),
        wrong(
            "loss",
            "not squared",
            wrong_barlow(lambda xp, c, eye, w: xp.sum((eye + w * (1 - eye)) * xp.abs(c - eye))),
        ),
        wrong(
            "loss",
            "diagonal to 0",
            wrong_barlow(lambda xp, c, eye, w: xp.sum((eye + w * (1 - eye)) * c * c)),
        ),
        wrong(
            "loss",
            "not centred",
            wrong_barlow(
                lambda xp, c, eye, w: xp.sum((eye + w * (1 - eye)) * xp.square(c - eye)),
                measure=lambda xp, x: metric._polar(xp, xp.matrix_transpose(x)),
            ),
        ),
        wrong(
            "loss",
            "what rounding leaves of a constant feature",
            wrong_barlow(
                lambda xp, c, eye, w: xp.sum((eye + w * (1 - eye)) * xp.square(c - eye)),
                measure=lambda xp, x: metric._polar(
                    xp, xp.matrix_transpose(x - xp.mean(x, axis=0, keepdims=True))
                ),
            ),
        ),
        wrong(
            "loss",
            "rows normalised, not features",
            wrong_barlow(
                lambda xp, c, eye, w: xp.sum((eye + w * (1 - eye)) * xp.square(c - eye)),
                measure=lambda xp, x: (0, xp.matrix_transpose(unit(xp, x))),
            ),
        ),
        wrong(
            "loss",
            "one loss for each feature",
            wrong_barlow(
                lambda xp, c, eye, w: xp.sum(
                    (eye + w * (1 - eye)) * xp.square(c - eye), axis=0, keepdims=True
                )
            ),
        ),
        wrong("gradient", "no half", wrong_barlow_grad(lambda c, eye, w: barlow(c, eye, w) / 2)),
        wrong(
            "gradient",
            "redundancy left out",
            wrong_barlow_grad(lambda c, eye, w: 2 * (c - eye)),
        ),
        wrong("gradient", "not transposed", wrong_barlow_grad(barlow, turned=False)),
        wrong("gradient", "by the directions", wrong_barlow_grad(barlow, by_row=False)),
    ),
    **{**VIEWS, "draw": draw_features, "rounding": 300.0},
)

CASES = [
    CONTRASTIVE,
    TRIPLET,
    COSINE_EMBEDDING,
    INFO_NCE,
    CLIP,
    NT_XENT,
    SIGLIP,
    SUPERVISED_CONTRASTIVE,
    ARCFACE,
    VICREG,
    BARLOW_TWINS,
]
HELPERS = [BATCH_HARD_TRIPLETS]
