"""The cases of `losscourse.losses.divergence`."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.spatial.distance
import scipy.special
import scipy.stats
import torch.nn.functional as F
from sklearn.calibration import calibration_curve

from losscourse import stable
from losscourse.losses import classification, divergence, regression
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, format_of, make, read
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

MEMBERS = 4


def draw_gaussian(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return means, log-scales and targets: residuals of the size of the forecast's scale, or not.

    Some standard deviations are near 1, the others near `scale`, where only the residual is near
    `scale`. No residual lies at the zero of the scale's gradient, where rounding is all there is.
    """
    z = rng.normal(size=n)
    z = np.where(np.abs(np.abs(z) - 0.8) < 0.6, z / 7, z)
    wide = rng.random(n) < 0.5
    log_scales = np.where(wide, math.log(scale), 0.0) + 0.3 * rng.normal(size=n)
    targets = scale * rng.normal(size=n)
    means = targets + np.where(wide, 1.0, scale) * np.exp(log_scales) * z
    return means, log_scales, targets


def gaussian(seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return means, log-scales and targets for an identity."""
    return draw_gaussian(np.random.default_rng(seed), n, 1.0)


def exact_crps_gaussian(mean: Any, log_scale: Any, y: Any) -> Any:
    """Return E|X - y| - E|X - X'|/2 in mpmath: a folded normal's mean, and half a difference's."""
    scale, e = mpmath.exp(log_scale), mean - y
    from_target = scale * mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-((e / scale) ** 2) / 2)
    from_target += e * (1 - 2 * mpmath.ncdf(-e / scale))
    return from_target - scale / mpmath.sqrt(mpmath.pi)


def integrated(means: np.ndarray, log_scales: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the integral that defines the score, in standard deviations, by Gauss's rule."""
    far, (nodes, weights) = 12.0, np.polynomial.legendre.leggauss(120)
    z = np.abs(means - targets) / np.exp(log_scales)
    step = np.minimum(z, far)[:, None]
    below = scipy.special.ndtr(-far + (step + far) * (nodes + 1) / 2)
    above = scipy.special.ndtr(-(step + (far - step) * (nodes + 1) / 2))
    total = ((step + far) * below**2 + (far - step) * above**2) @ weights / 2
    return np.exp(log_scales) * (total + np.maximum(z - far, 0))


def crps_location(log_scales: np.ndarray, targets: np.ndarray) -> float:
    """Return where the mean probability below the targets is ½."""

    def excess(mean: float) -> float:
        z = (mean - targets) / np.exp(log_scales)
        return float(np.mean(scipy.stats.norm.cdf(z)) - 0.5)

    return scipy.optimize.brentq(excess, targets.min(), targets.max(), xtol=1e-12)


def standard(xp: Any, mean: Any, log_scale: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return 2Φ - 1, the density and the scale, for wrong versions."""
    scales, _residuals, central, density = divergence._gaussian(mean, log_scale, y)
    return central, density, scales


ROOT_PI = math.sqrt(math.pi)

CRPS_GAUSSIAN = Case(
    loss=divergence.crps_gaussian,
    gradient=divergence.crps_gaussian_grad,
    settings=({},),
    draw=draw_gaussian,
    oracle=("the integral, by Gauss's rule on SciPy's ndtr", integrated),
    exact=exact_crps_gaussian,
    by=2,
    statistic=crps_location,
    sample=lambda rng: (np.zeros(101), rng.gamma(1.0, 2.0, size=101)),
    search=(0.0, 20.0),
    limits=lambda: (
        Point((0.0, 0.0, INF), -1.0, INF),
        Point((0.0, 0.0, -INF), 1.0, INF),
        Point((-INF, 0.0, 0.0), -1.0, INF),
    ),
    rounding=1.0,
    identities=(
        Identity(
            "absolute error of a forecast without spread",
            lambda loss: (
                loss(gaussian()[0], np.full(50, -60.0), gaussian()[2]),
                regression.absolute_error(gaussian()[0], gaussian()[2]),
            ),
        ),
        Identity(
            "SciPy's folded normal, less the spread",
            lambda loss: (
                loss(np.abs(gaussian()[0]), np.zeros(50), np.zeros(50)),
                scipy.stats.foldnorm.mean(np.abs(gaussian()[0])) - 1 / ROOT_PI,
            ),
        ),
        Identity(
            "one unit for all",
            lambda loss: (
                loss(3 * gaussian()[0], gaussian()[1] + math.log(3), 3 * gaussian()[2]),
                3 * loss(*gaussian()),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, m, s, y: -divergence.crps_gaussian(m, s, y)),
        wrong(
            "loss",
            "Φ for 2Φ - 1",
            lambda xp, m, s, y: (
                (m - y) * (standard(xp, m, s, y)[0] + 1) / 2
                + xp.exp(s) * (2 * standard(xp, m, s, y)[1] - 1 / ROOT_PI)
            ),
        ),
        wrong(
            "loss",
            "spread left out",
            lambda xp, m, s, y: divergence.crps_gaussian(m, s, y) + xp.exp(s) / ROOT_PI,
        ),
        wrong(
            "loss",
            "in standard deviations",
            lambda xp, m, s, y: divergence.crps_gaussian(m, s, y) / xp.exp(s),
        ),
        wrong(
            "loss", "variance for scale", lambda xp, m, s, y: divergence.crps_gaussian(m, s / 2, y)
        ),
        wrong(
            "loss",
            "scale for its logarithm",
            lambda xp, m, s, y: divergence.crps_gaussian(m, xp.log(xp.abs(s)), y),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, m, s, y: tuple(-g for g in divergence.crps_gaussian_grad(m, s, y)),
        ),
        wrong(
            "gradient",
            "by the scale",
            lambda xp, m, s, y: (
                standard(xp, m, s, y)[0],
                2 * standard(xp, m, s, y)[1] - 1 / ROOT_PI,
            ),
        ),
        wrong(
            "gradient",
            "of the log score",
            lambda xp, m, s, y: ((m - y) / xp.exp(2 * s), 1 - ((m - y) / xp.exp(s)) ** 2),
        ),
        wrong(
            "gradient", "by the mean alone", lambda xp, m, s, y: (standard(xp, m, s, y)[0], 0 * s)
        ),
    ),
)


def draw_ensemble(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return members and targets, these farther out: less of the two terms cancels."""
    return scale * rng.normal(size=(n, MEMBERS)), 2 * scale * rng.normal(size=n)


def ensembles(seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return members and targets for an identity."""
    return draw_ensemble(np.random.default_rng(seed), n, 1.0)


def exact_crps_ensemble(members: list, y: Any, fair: bool = False) -> Any:
    """Return the integral of the squared distance from the step, exactly: F is a staircase.

    The fair one leaves out what each member's distance from itself takes from the mean of pairs.
    """
    knots, size = sorted([*members, y]), len(members)
    pieces = []
    for low, high in itertools.pairwise(knots):
        below = sum(x <= low for x in members)
        share = mpmath.mpf(below if low < y else size - below) / size
        self_pairs = share * (1 - share) / (size - 1) if fair else 0
        pieces.append((high - low) * (share**2 - self_pairs))
    return mpmath.fsum(pieces)


def integrated_ensemble(members: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return SciPy's energy distance of the members from the outcome, squared and halved."""
    return np.asarray(
        [
            scipy.stats.energy_distance(row, [y]) ** 2 / 2
            for row, y in zip(members, targets, strict=True)
        ]
    )


def paired(members: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the fair score by SciPy's distances of distinct pairs, each once."""
    spread = [scipy.spatial.distance.pdist(row[:, None]).mean() for row in members]
    return np.abs(members - targets[:, None]).mean(axis=-1) - np.asarray(spread) / 2


def far_outcomes(most: float) -> tuple[Point, ...]:
    """Return the limits at an infinite outcome, of two members that differ."""
    return (
        Point(((0.0, 1.0), INF), (most - 1, -most), INF),
        Point(((0.0, 1.0), -INF), (most, 1 - most), INF),
    )


CRPS_ENSEMBLE = Case(
    loss=divergence.crps_ensemble,
    gradient=divergence.crps_ensemble_grad,
    settings=({},),
    draw=draw_ensemble,
    oracle=("SciPy energy_distance, squared and halved", integrated_ensemble),
    exact=exact_crps_ensemble,
    kinks=lambda: (
        Point(((1.0, 2.0, 4.0), 2.0), (-1 / 9, 0.0, 1 / 9)),
        Point(((1.0, 1.0, 4.0), 3.0), (-2 / 9, -2 / 9, 1 / 9)),
    ),
    limits=lambda: far_outcomes(0.75),
    without={
        "minimiser_is_the_statistic": "its members are quantiles, but the search starts where all"
        " are 0, and a gradient pulls equal members alike",
    },
    identities=(
        Identity(
            "absolute error of one member",
            lambda loss: (
                loss(ensembles()[0][:, :1], ensembles()[1]),
                regression.absolute_error(ensembles()[0][:, 0], ensembles()[1]),
            ),
        ),
        Identity(
            "each member twice",
            lambda loss: (
                loss(np.repeat(ensembles()[0], 2, axis=-1), ensembles()[1]),
                loss(*ensembles()),
            ),
        ),
        Identity(
            "mean pinball loss of the sorted members",
            lambda loss: (
                loss(*ensembles()),
                2
                * np.mean(
                    [
                        regression.pinball(
                            np.sort(ensembles()[0])[:, i],
                            ensembles()[1],
                            quantile=(i + 0.5) / MEMBERS,
                        )
                        for i in range(MEMBERS)
                    ],
                    axis=0,
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "½ missing",
            lambda xp, x, y: 2 * divergence.crps_ensemble(x, y) - divergence._distance(xp, x, y),
        ),
        wrong("loss", "spread left out", lambda xp, x, y: divergence._distance(xp, x, y)),
        wrong(
            "loss",
            "spread added",
            lambda xp, x, y: divergence._distance(xp, x, y) + divergence._spread(xp, x) / 2,
        ),
        wrong("loss", "fair", lambda xp, x, y: divergence.fair_crps_ensemble(x, y)),
        wrong("loss", "error of the mean", lambda xp, x, y: xp.abs(xp.mean(x, axis=-1) - y)),
        wrong("gradient", "of the distances alone", lambda xp, x, y: xp.sign(x - y[..., None]) / 4),
        wrong(
            "gradient",
            "each pair once",
            lambda xp, x, y: (
                divergence._distance_pull(xp, x, y) - divergence._spread_pull(xp, x) / 2
            ),
        ),
        wrong("gradient", "sign", lambda xp, x, y: -divergence.crps_ensemble_grad(x, y)),
        wrong(
            "gradient",
            "one side of the kink",
            lambda xp, x, y: divergence.crps_ensemble_grad(
                x, xp.where(xp.any(x == y[..., None], axis=-1), y + 1e-9, y)
            ),
        ),
    ),
)

FAIR_CRPS_ENSEMBLE = Case(
    loss=divergence.fair_crps_ensemble,
    gradient=divergence.fair_crps_ensemble_grad,
    settings=({},),
    draw=draw_ensemble,
    oracle=("SciPy pdist", paired),
    exact=lambda members, y: exact_crps_ensemble(members, y, fair=True),
    kinks=lambda: (
        Point(((1.0, 2.0, 4.0), 2.0), (0.0, 0.0, 0.0)),
        Point(((1.0, 1.0, 4.0), 3.0), (-1 / 6, -1 / 6, 0.0)),
    ),
    limits=lambda: far_outcomes(1.0),
    without={
        "minimiser_is_the_statistic": "its members are quantiles, but the search starts where all"
        " are 0, and a gradient pulls equal members alike",
    },
    identities=(
        Identity(
            "of two members, how far the outcome lies outside",
            lambda loss: (
                loss(ensembles()[0][:, :2], ensembles()[1]),
                np.abs(ensembles()[1] - np.clip(ensembles()[1], *np.sort(ensembles()[0][:, :2]).T)),
            ),
        ),
        Identity(
            "mean over the pairs of members",
            lambda loss: (
                loss(*ensembles()),
                np.mean(
                    [
                        loss(ensembles()[0][:, list(chosen)], ensembles()[1])
                        for chosen in itertools.combinations(range(MEMBERS), 2)
                    ],
                    axis=0,
                ),
            ),
        ),
    ),
    rounding=1.0,
    wrongs=(
        wrong("loss", "not fair", lambda xp, x, y: divergence.crps_ensemble(x, y)),
        wrong(
            "loss",
            "½ missing",
            lambda xp, x, y: (
                2 * divergence.fair_crps_ensemble(x, y) - divergence._distance(xp, x, y)
            ),
        ),
        wrong(
            "loss",
            "all of it scaled",
            lambda xp, x, y: divergence.crps_ensemble(x, y) * x.shape[-1] / (x.shape[-1] - 1),
        ),
        wrong("loss", "spread left out", lambda xp, x, y: divergence._distance(xp, x, y)),
        wrong("gradient", "not fair", lambda xp, x, y: divergence.crps_ensemble_grad(x, y)),
        wrong("gradient", "of the distances alone", lambda xp, x, y: xp.sign(x - y[..., None]) / 4),
        wrong("gradient", "sign", lambda xp, x, y: -divergence.fair_crps_ensemble_grad(x, y)),
    ),
)


def confident(seed: int = 0, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of three classes, and labels drawn from other ones."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet([0.7, 0.7, 0.7], size=n)
    return probs, (rng.random((n, 1)) > np.cumsum(np.sqrt(probs) / 2, axis=-1)[:, :2]).sum(-1)


def matches_a_loop_over_bins(error: Callable) -> None:
    probs, labels = confident()
    confidences, right = probs.max(axis=-1), probs.argmax(axis=-1) == labels
    for bins in (1, 2, 7, 15, 40):
        expected = 0.0
        for b in range(bins):
            inside = (b / bins < confidences) & (confidences <= (b + 1) / bins)
            if inside.any():
                gap = abs(right[inside].mean() - confidences[inside].mean())
                expected += inside.mean() * gap
        assert float(error(probs, labels, bins=bins)) == pytest.approx(expected, rel=1e-12)
    assert float(error(probs, labels)) == float(error(probs, labels, bins=15))


def matches_scikit_learns_reliability_curve(error: Callable) -> None:
    probs, labels = confident(1)
    confidences, right = probs.max(axis=-1), probs.argmax(axis=-1) == labels
    accuracy, confidence = calibration_curve(right, confidences, n_bins=10)
    counts = np.histogram(confidences, bins=10, range=(0, 1))[0]
    expected = (counts[counts > 0] / 200) @ np.abs(accuracy - confidence)
    assert float(error(probs, labels, bins=10)) == pytest.approx(expected, rel=1e-12)


def right_edges_belong_to_their_bin(error: Callable) -> None:
    """0.5 lies in the lower half, so that its gap and that of 0.75 cannot cancel."""
    probs = np.asarray([[0.5, 0.5], [0.75, 0.25]])
    assert float(error(probs, np.asarray([0, 1]), bins=2)) == (0.5 + 0.75) / 2
    assert float(error(probs, np.asarray([0, 1]), bins=1)) == 0.125
    assert float(error(np.asarray([[1.0, 0.0]]), np.asarray([0]))) == 0.0
    assert float(error(np.asarray([[1.0, 0.0]]), np.asarray([1]))) == 1.0


def one_number_in_every_library(error: Callable) -> None:
    probs, labels = np.asarray([[0.75, 0.25], [0.25, 0.75], [0.375, 0.625]]), np.asarray([0, 0, 1])
    for library, dtype in FORMATS:
        out = error(make(library, dtype, probs), make(library, dtype, labels), bins=8)
        assert dtype_name(out) == dtype
        assert tuple(out.shape) == ()
        expected = (0.375 + 0.75 - 0.25) / 3
        np.testing.assert_allclose(read(out), expected, rtol=PRECISION[dtype].rtol)
    probs[1] = math.nan
    assert np.isnan(error(probs, labels))


def bad_arguments_are_refused(error: Callable) -> None:
    probs, labels = np.eye(3), np.asarray([0, 1, 2])
    for name, bad, kind in (
        ("probs", [[1.0]], TypeError),
        ("probs", np.eye(3, dtype=int), TypeError),
        ("probs", np.ones((3, 3)), ValueError),
        ("probs", np.ones((0, 3)), ValueError),
        ("probs", np.eye(3)[:, :, None], ValueError),
        ("labels", np.asarray([0.0, 1.0, 2.0]), TypeError),
        ("labels", np.asarray([0, 1, 3]), ValueError),
        ("labels", np.asarray([0, -1, 2]), ValueError),
        ("labels", np.asarray([0, 1]), ValueError),
        ("bins", 0, ValueError),
        ("bins", 2.5, ValueError),
        ("bins", "2", TypeError),
        ("bins", True, TypeError),
    ):
        good = {"probs": probs, "labels": labels, "bins": 15}
        if np.shape(bad) == (0, 3):
            good["labels"] = labels[:0]
        with pytest.raises(kind, match=rf"^({name}|labels): expected .*got "):
            error(**{**good, name: bad})


def binned(body: Callable[..., np.ndarray]) -> Callable[..., Any]:
    """Return a wrong error from a body of confidences, hits and bin indices."""

    def mutant(probs: Any, labels: Any, *, bins: int = 15) -> Any:
        divergence.expected_calibration_error(probs, labels, bins=bins)
        p, y = read(probs), read(labels)
        confidences, right = p.max(axis=-1), p.argmax(axis=-1) == y
        found = body(confidences, right.astype(float), bins)
        return make(*format_of(probs), np.asarray(found))

    return mutant


def gap_of_bins(
    confidences: np.ndarray, right: np.ndarray, bins: int, index: np.ndarray, power: int = 1
) -> float:
    """Return the error over bins that an index names."""
    sums = [(right - confidences)[index == b].sum() for b in range(bins)]
    return float((np.abs(sums) ** power).sum() / len(confidences))


def right_closed(confidences: np.ndarray, bins: int) -> np.ndarray:
    """Return each confidence's bin."""
    return np.ceil(confidences * bins) - 1


EXPECTED_CALIBRATION_ERROR = Helper(
    function=divergence.expected_calibration_error,
    checks=(
        matches_a_loop_over_bins,
        matches_scikit_learns_reliability_curve,
        right_edges_belong_to_their_bin,
        one_number_in_every_library,
        bad_arguments_are_refused,
    ),
    mutants={
        "left edges": binned(
            lambda c, r, bins: gap_of_bins(c, r, bins, np.minimum(c * bins // 1, bins - 1))
        ),
        "absolute gap of each example": binned(lambda c, r, bins: np.abs(r - c).mean()),
        "one bin": binned(lambda c, r, bins: abs((r - c).mean())),
        "bins that count alike": binned(
            lambda c, r, bins: np.mean(
                [
                    abs((r - c)[right_closed(c, bins) == b].mean())
                    for b in set(right_closed(c, bins))
                ]
            )
        ),
        "squared": binned(
            lambda c, r, bins: gap_of_bins(c, r, bins, right_closed(c, bins), power=2)
        ),
        "NaN left out": lambda probs, labels, *, bins=15: divergence.expected_calibration_error(
            probs[~np.isnan(read(probs)).any(axis=-1)] if "numpy" in format_of(probs) else probs,
            labels[~np.isnan(read(probs)).any(axis=-1)] if "numpy" in format_of(probs) else labels,
            bins=bins,
        ),
        "ten bins by default": lambda probs, labels, *, bins=10: (
            divergence.expected_calibration_error(probs, labels, bins=bins)
        ),
        "unchecked": lambda probs, labels, *, bins=15: binned(
            lambda c, r, b: gap_of_bins(c, r, b, right_closed(c, b))
        )(probs[: len(labels)], labels, bins=max(1, int(bins))),
    },
)

CASES: list[Case] = [
    FORWARD_KL,
    REVERSE_KL,
    JENSEN_SHANNON,
    TOTAL_VARIATION,
    SQUARED_HELLINGER,
    CRPS_GAUSSIAN,
    CRPS_ENSEMBLE,
    FAIR_CRPS_ENSEMBLE,
]
HELPERS: list[Helper] = [EXPECTED_CALIBRATION_ERROR]
