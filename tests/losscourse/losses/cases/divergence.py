"""The cases of `losscourse.losses.divergence`."""

import math
from typing import Any

import mpmath
import numpy as np
import scipy.spatial.distance
import scipy.special
import torch.nn.functional as F

from losscourse import stable
from losscourse.losses import classification, divergence
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import CLASSES, from_torch, wrong
from tests.losscourse.losses.helper import Helper

INF = math.inf
LOG2 = math.log(2)
UNNORMALISED = "its minimum in numbers that are not normalised is no distribution"


def draw_logs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return the log-probabilities of predictions and of targets, `scale` apart."""
    targets = (1 + scale) * rng.normal(size=(n, CLASSES))
    predictions = targets + scale * rng.normal(size=(n, CLASSES))
    return tuple(scipy.special.log_softmax(a, axis=-1) for a in (predictions, targets))


def draw(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities and target distributions, every third of these one-hot."""
    log_probs, target_log_probs = draw_logs(rng, n, scale)
    targets = np.exp(target_log_probs)
    targets[::3] = np.eye(CLASSES)[rng.integers(0, CLASSES, len(targets[::3]))]
    return log_probs, targets


def draw_apart(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return the same without ties, where rounding would choose the side of a kink."""
    log_probs, targets = draw(rng, n, scale)
    probs = np.exp(log_probs)
    tied = (np.abs(probs - targets) < 0.02 * probs).any(axis=-1)
    targets[tied] = np.eye(CLASSES)[probs[tied].argmin(axis=-1)]
    return log_probs, targets


def uniform_against_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return uniform predictions, and each class once as a one-hot target."""
    return np.full((CLASSES, CLASSES), -math.log(CLASSES)), np.eye(CLASSES)


def agreement() -> tuple[np.ndarray, np.ndarray]:
    """Return predictions that are, up to rounding, the targets."""
    probs = np.asarray([[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]])
    return np.log(probs), probs


def pair(seed: int = 0, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probabilities and targets for an identity, no target 0."""
    log_probs, target_log_probs = draw_logs(np.random.default_rng(seed), n, 1.0)
    return log_probs, np.exp(target_log_probs)


def swapped(log_probs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets as the prediction, and the prediction as targets."""
    return np.log(targets), np.exp(log_probs)


def exact_kl(p: list, t: list) -> Any:
    """Return KL(p, t) in mpmath, from probabilities."""
    terms = (a * mpmath.log(a / b) for a, b in zip(p, t, strict=True) if a > 0)
    return mpmath.fsum(terms)


def exact_forward(log_probs: list, targets: list) -> Any:
    """Return KL(t, p) in mpmath."""
    return exact_kl(targets, [mpmath.exp(x) for x in log_probs])


def exact_reverse(log_probs: list, target_log_probs: list) -> Any:
    """Return KL(p, t) in mpmath."""
    return exact_kl(*([mpmath.exp(x) for x in row] for row in (log_probs, target_log_probs)))


def exact_jensen_shannon(log_probs: list, targets: list) -> Any:
    """Return the mean divergence from the mixture, in mpmath."""
    probs = [mpmath.exp(x) for x in log_probs]
    mixture = [(p + t) / 2 for p, t in zip(probs, targets, strict=True)]
    return (exact_kl(probs, mixture) + exact_kl(targets, mixture)) / 2


def exact_total_variation(log_probs: list, targets: list) -> Any:
    """Return half the sum of distances, in mpmath."""
    pairs = zip(log_probs, targets, strict=True)
    return mpmath.fsum(abs(mpmath.exp(x) - t) for x, t in pairs) / 2


def exact_hellinger(log_probs: list, targets: list) -> Any:
    """Return the squared Hellinger distance in mpmath: half the squares multiplied out."""
    pairs = [(mpmath.exp(x), t) for x, t in zip(log_probs, targets, strict=True)]
    return mpmath.fsum(p + t - 2 * mpmath.sqrt(p * t) for p, t in pairs) / 2


def torch_reverse(log_probs: np.ndarray, target_log_probs: np.ndarray) -> np.ndarray:
    """Return torch's divergence, its arguments in torch's order."""
    found = from_torch(F.kl_div)(target_log_probs, log_probs, log_target=True)
    return found.sum(axis=-1)


FORWARD_KL = Case(
    loss=divergence.forward_kl,
    gradient=divergence.forward_kl_grad,
    settings=({},),
    draw=draw,
    oracle=("torch kl_div", lambda x, t: from_torch(F.kl_div)(x, t).sum(axis=-1)),
    exact=exact_forward,
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, -1.0), 0.0),
        Point(((-INF, 0.0), (0.5, 0.5)), (-0.5, -0.5), INF),
    ),
    chance=uniform_against_labels,
    corners=lambda: (uniform_against_labels(), agreement()),
    wrong_values={"targets": (-0.5, 1.5, 0.5)},
    rounding=2.0,
    without={"minimiser_is_the_statistic": "unbounded below in numbers that are not normalised"},
    identities=(
        Identity(
            "negative log-likelihood of a label",
            lambda loss: (
                loss(pair()[0], np.eye(CLASSES)[np.arange(50) % CLASSES]),
                classification.negative_log_likelihood(pair()[0], np.arange(50) % CLASSES),
            ),
        ),
        Identity(
            "cross-entropy less the target's entropy",
            lambda loss: (
                loss(*pair()),
                classification.softmax_cross_entropy(*pair())
                - scipy.special.entr(pair()[1]).sum(axis=-1),
            ),
        ),
        Identity(
            "the reverse one with the distributions swapped",
            lambda loss: (loss(*pair()), divergence.reverse_kl(np.log(pair()[1]), pair()[0])),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, x, t: -divergence.forward_kl(x, t)),
        wrong(
            "loss",
            "the other direction",
            lambda xp, x, t: xp.sum(xp.exp(x) * (x - divergence._log(t)), axis=-1),
        ),
        wrong("loss", "entropy left out", lambda xp, x, t: -xp.sum(stable.times(t, x), axis=-1)),
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, x, t: divergence.forward_kl(x, t) / x.shape[-1],
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, x, t: xp.sum(t * (xp.log(t) - x), axis=-1),
        ),
        wrong(
            "loss",
            "probabilities clipped",
            lambda xp, x, t: xp.sum(
                t * (xp.log(xp.clip(t, min=1e-7)) - xp.clip(x, min=math.log(1e-7))), axis=-1
            ),
        ),
        wrong("gradient", "sign", lambda xp, x, t: t),
        wrong("gradient", "of the softmax too", lambda xp, x, t: xp.exp(x) - t),
        wrong("gradient", "by the probabilities", lambda xp, x, t: -t / xp.exp(x)),
    ),
)

REVERSE_KL = Case(
    loss=divergence.reverse_kl,
    gradient=divergence.reverse_kl_grad,
    settings=({},),
    draw=draw_logs,
    oracle=("torch kl_div, swapped", torch_reverse),
    exact=exact_reverse,
    limits=lambda: (
        Point(((-INF, 0.0), (-INF, 0.0)), (0.0, 1.0), 0.0),
        Point(((-INF, 0.0), (-LOG2, -LOG2)), (0.0, 1 + LOG2), LOG2),
        Point(((0.0, -INF), (-INF, 0.0)), (INF, 0.0), INF),
    ),
    corners=lambda: ((agreement()[0], agreement()[0]),),
    rounding=2.0,
    without={"minimiser_is_the_statistic": UNNORMALISED},
    identities=(
        Identity(
            "the forward one with the distributions swapped",
            lambda loss: (
                loss(pair()[0], np.log(pair()[1])),
                divergence.forward_kl(*swapped(*pair())),
            ),
        ),
        Identity(
            "SciPy's relative entropies summed",
            lambda loss: (
                loss(pair()[0], np.log(pair()[1])),
                scipy.special.rel_entr(np.exp(pair()[0]), pair()[1]).sum(axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, x, t: -divergence.reverse_kl(x, t)),
        wrong("loss", "the other direction", lambda xp, x, t: xp.sum(xp.exp(t) * (t - x), axis=-1)),
        wrong(
            "loss",
            "entropy left out",
            lambda xp, x, t: -xp.sum(stable.times(xp.exp(x), t), axis=-1),
        ),
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, x, t: divergence.reverse_kl(x, t) / x.shape[-1],
        ),
        wrong("loss", "0 times infinity", lambda xp, x, t: xp.sum(xp.exp(x) * (x - t), axis=-1)),
        wrong("loss", "log-ratio alone", lambda xp, x, t: xp.sum(x - t, axis=-1)),
        wrong("gradient", "sign", lambda xp, x, t: -divergence.reverse_kl_grad(x, t)),
        wrong("gradient", "1 left out", lambda xp, x, t: xp.exp(x) * (x - t)),
        wrong("gradient", "by the probabilities", lambda xp, x, t: x - t + 1),
        wrong(
            "gradient",
            "through the softmax",
            lambda xp, x, t: xp.exp(x) * (x - t - divergence.reverse_kl(x, t)[..., None]),
        ),
    ),
)

JENSEN_SHANNON = Case(
    loss=divergence.jensen_shannon,
    gradient=divergence.jensen_shannon_grad,
    settings=({},),
    draw=draw,
    oracle=(
        "SciPy jensenshannon, squared",
        lambda x, t: scipy.spatial.distance.jensenshannon(np.exp(x), t, axis=-1) ** 2,
    ),
    exact=exact_jensen_shannon,
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((0.0, -INF), (0.0, 1.0)), (LOG2 / 2, 0.0), LOG2),
        Point(((-INF, 0.0), (0.5, 0.5)), (0.0, math.log(4 / 3) / 2), 0.75 * math.log(4 / 3)),
    ),
    chance=uniform_against_labels,
    corners=lambda: (uniform_against_labels(), agreement()),
    wrong_values={"targets": (-0.5, 1.5, 0.5)},
    rounding=1.0,
    without={"minimiser_is_the_statistic": UNNORMALISED},
    identities=(
        Identity("symmetric", lambda loss: (loss(*pair()), loss(*swapped(*pair())))),
        Identity(
            "mean divergence from the mixture",
            lambda loss: (
                2 * loss(*pair()),
                divergence.forward_kl(
                    np.log((np.exp(pair()[0]) + pair()[1]) / 2), np.exp(pair()[0])
                )
                + divergence.forward_kl(np.log((np.exp(pair()[0]) + pair()[1]) / 2), pair()[1]),
            ),
        ),
        Identity(
            "log 2 where no class is common",
            lambda loss: (
                loss(np.asarray([[0.0, -INF, -INF]]), np.asarray([[0.0, 0.25, 0.75]])),
                [LOG2],
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "½ missing", lambda xp, x, t: 2 * divergence.jensen_shannon(x, t)),
        wrong(
            "loss", "the distance", lambda xp, x, t: stable.sqrt(divergence.jensen_shannon(x, t))
        ),
        wrong("loss", "bits", lambda xp, x, t: divergence.jensen_shannon(x, t) / LOG2),
        wrong(
            "loss",
            "prediction alone",
            lambda xp, x, t: xp.sum(divergence._from_middle(xp.exp(x), t), axis=-1),
        ),
        wrong(
            "loss",
            "mean of both directions",
            lambda xp, x, t: xp.sum((xp.exp(x) - t) * (x - divergence._log(t)), axis=-1) / 2,
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, x, t: (
                xp.sum(
                    xp.exp(x) * xp.log(2 * xp.exp(x) / (xp.exp(x) + t))
                    + t * xp.log(2 * t / (xp.exp(x) + t)),
                    axis=-1,
                )
                / 2
            ),
        ),
        wrong("gradient", "½ missing", lambda xp, x, t: divergence._from_middle(xp.exp(x), t)),
        wrong(
            "gradient", "of the target", lambda xp, x, t: divergence._from_middle(t, xp.exp(x)) / 2
        ),
        wrong(
            "gradient",
            "by the probabilities",
            lambda xp, x, t: xp.log(2 * xp.exp(x) / (xp.exp(x) + t)) / 2,
        ),
    ),
)

TOTAL_VARIATION = Case(
    loss=divergence.total_variation,
    gradient=divergence.total_variation_grad,
    settings=({},),
    draw=draw_apart,
    oracle=(
        "SciPy cityblock, halved",
        lambda x, t: np.asarray(
            [scipy.spatial.distance.cityblock(np.exp(a), b) / 2 for a, b in zip(x, t, strict=True)]
        ),
    ),
    exact=exact_total_variation,
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((0.0, -INF), (0.0, 1.0)), (0.5, 0.0), 1.0),
        Point(((-INF, 0.0), (0.5, 0.5)), (0.0, 0.5), 0.5),
    ),
    kinks=lambda: (Point(((0.0, -1.0), (1.0, 0.0)), (0.0, math.exp(-1) / 2)),),
    chance=uniform_against_labels,
    corners=lambda: (uniform_against_labels(),),
    wrong_values={"targets": (-0.5, 1.5, 0.5)},
    rounding=1.0,
    without={"minimiser_is_the_statistic": "a median, in numbers that are not normalised"},
    identities=(
        Identity("symmetric", lambda loss: (loss(*pair()), loss(*swapped(*pair())))),
        Identity(
            "what the prediction has too much",
            lambda loss: (
                loss(*pair()),
                np.maximum(np.exp(pair()[0]) - pair()[1], 0).sum(axis=-1),
            ),
        ),
        Identity(
            "1 where no class is common",
            lambda loss: (
                loss(np.asarray([[0.0, -INF, -INF]]), np.asarray([[0.0, 0.25, 0.75]])),
                [1.0],
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "½ missing", lambda xp, x, t: xp.sum(xp.abs(xp.exp(x) - t), axis=-1)),
        wrong("loss", "missing abs", lambda xp, x, t: xp.sum(xp.exp(x) - t, axis=-1) / 2),
        wrong("loss", "largest class", lambda xp, x, t: xp.max(xp.abs(xp.exp(x) - t), axis=-1)),
        wrong("loss", "squared", lambda xp, x, t: xp.sum(xp.square(xp.exp(x) - t), axis=-1) / 2),
        wrong("loss", "mean over the classes", lambda xp, x, t: xp.mean(abs(xp.exp(x) - t), -1)),
        wrong("gradient", "by the probabilities", lambda xp, x, t: xp.sign(xp.exp(x) - t) / 2),
        wrong("gradient", "sign", lambda xp, x, t: xp.exp(x) * xp.sign(t - xp.exp(x)) / 2),
        wrong(
            "gradient",
            "½ at the kink",
            lambda xp, x, t: xp.exp(x) * (xp.astype(xp.exp(x) >= t, x.dtype) - 0.5),
        ),
    ),
)

SQUARED_HELLINGER = Case(
    loss=divergence.squared_hellinger,
    gradient=divergence.squared_hellinger_grad,
    settings=({},),
    draw=draw,
    oracle=(
        "SciPy's distance of roots",
        lambda x, t: np.asarray(
            [
                scipy.spatial.distance.sqeuclidean(np.sqrt(np.exp(a)), np.sqrt(b)) / 2
                for a, b in zip(x, t, strict=True)
            ]
        ),
    ),
    exact=exact_hellinger,
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((0.0, -INF), (0.0, 1.0)), (0.5, 0.0), 1.0),
        Point(((-INF, 0.0), (0.5, 0.5)), (0.0, (1 - math.sqrt(0.5)) / 2), 1 - math.sqrt(0.5)),
    ),
    chance=uniform_against_labels,
    corners=lambda: (uniform_against_labels(), agreement()),
    wrong_values={"targets": (-0.5, 1.5, 0.5)},
    rounding=0.5,
    without={"minimiser_is_the_statistic": UNNORMALISED},
    identities=(
        Identity("symmetric", lambda loss: (loss(*pair()), loss(*swapped(*pair())))),
        Identity(
            "1 less the Bhattacharyya coefficient",
            lambda loss: (
                loss(*pair()),
                1 - np.sqrt(np.exp(pair()[0]) * pair()[1]).sum(axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "½ missing", lambda xp, x, t: 2 * divergence.squared_hellinger(x, t)),
        wrong(
            "loss",
            "the distance",
            lambda xp, x, t: stable.sqrt(divergence.squared_hellinger(x, t)),
        ),
        wrong(
            "loss",
            "slope of the root of 0",
            lambda xp, x, t: xp.sum(xp.square(xp.sqrt(xp.exp(x)) - xp.sqrt(t)), axis=-1) / 2,
        ),
        wrong("loss", "no root", lambda xp, x, t: xp.sum(xp.square(xp.exp(x) - t), axis=-1) / 2),
        wrong(
            "loss",
            "Bhattacharyya's distance",
            lambda xp, x, t: -xp.log(1 - divergence.squared_hellinger(x, t)),
        ),
        wrong(
            "gradient", "½ missing", lambda xp, x, t: 2 * divergence.squared_hellinger_grad(x, t)
        ),
        wrong("gradient", "root left out", lambda xp, x, t: (xp.exp(x / 2) - xp.sqrt(t)) / 2),
        wrong(
            "gradient",
            "sign",
            lambda xp, x, t: xp.exp(x / 2) * (xp.sqrt(t) - xp.exp(x / 2)) / 2,
        ),
    ),
)

CASES: list[Case] = [FORWARD_KL, REVERSE_KL, JENSEN_SHANNON, TOTAL_VARIATION, SQUARED_HELLINGER]
HELPERS: list[Helper] = []
