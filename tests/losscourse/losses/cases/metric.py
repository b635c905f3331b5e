"""The cases of `losscourse.losses.metric`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
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

CASES = [CONTRASTIVE, TRIPLET, COSINE_EMBEDDING, INFO_NCE, CLIP, NT_XENT]
HELPERS: list[Helper] = []
