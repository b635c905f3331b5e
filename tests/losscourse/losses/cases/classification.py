"""The cases of `losscourse.losses.classification`."""

import math
from collections.abc import Callable
from typing import Any

import array_api_compat
import mpmath
import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F
from sklearn.metrics import brier_score_loss
from sklearn.utils.class_weight import compute_class_weight

from losscourse import stable
from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import classification, margin
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.case import Case, Identity, Point, Wrong
from tests.losscourse.losses.helper import Helper

INF = math.inf
CLASSES = 4


def draw_binary(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits and targets: labels 0 and 1, and probabilities between."""
    targets = np.where(rng.random(n) < 0.3, rng.random(n), rng.integers(0, 2, n))
    return scale * rng.normal(size=n), targets


def draw_labelled(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of four classes and integer labels."""
    return scale * rng.normal(size=(n, CLASSES)), rng.integers(0, CLASSES, n)


def draw_soft(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of four classes and target distributions, the even ones one-hot."""
    logits, labels = draw_labelled(rng, n, scale)
    targets = rng.dirichlet(np.full(CLASSES, 0.5), size=n)
    targets[::2] = np.eye(CLASSES)[labels[::2]]
    return logits, targets


def sample_binary(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return binary targets of which three in ten are 1."""
    return ((rng.random(101) < 0.3).astype(float),)


def sample_labels(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return labels of unequal frequencies."""
    return (rng.choice(CLASSES, size=101, p=[0.5, 0.25, 0.15, 0.1]),)


def sample_soft(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return target distributions that favour the first classes."""
    return (rng.dirichlet([4.0, 2.0, 1.0, 1.0], size=101),)


def frequencies(labels: np.ndarray, **setting: float) -> np.ndarray:
    """Return how often each class occurs."""
    return np.bincount(labels, minlength=CLASSES) / len(labels)


def balanced_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return logits 0, and each class once."""
    return np.zeros((CLASSES, CLASSES)), np.arange(CLASSES)


def hard(scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a sure prediction of each class, and the same label each time."""
    return scale * np.eye(CLASSES), np.zeros(CLASSES, dtype=int)


def far_from_0() -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are large beside their differences."""
    return 3e3 + np.asarray([[0.0, 2.0, 4.0, 6.0]]), np.asarray([3])


def from_torch(function: Callable[..., torch.Tensor]) -> Callable[..., np.ndarray]:
    """Return a torch loss as a function of NumPy arrays that does not reduce."""

    def oracle(*arrays: np.ndarray, **setting: float) -> np.ndarray:
        tensors = map(torch.as_tensor, arrays)
        return function(*tensors, reduction="none", **setting).numpy()

    return oracle


def wrong(of: str, name: str, body: Callable[..., Array]) -> Wrong:
    """Return a wrong version; `body(xp, *arrays, **hyperparameters)` gets the namespace too."""

    def with_namespace(*arrays: Array, **hyperparameters: float) -> Array:
        return body(array_api_compat.array_namespace(arrays[0]), *arrays, **hyperparameters)

    return Wrong(name, of, with_namespace)


def exact_log_softmax(logits: list) -> list:
    """Return log-probabilities in mpmath."""
    total = mpmath.log(mpmath.fsum(map(mpmath.exp, logits)))
    return [z - total for z in logits]


def example(draw: Callable = draw_labelled, seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw(np.random.default_rng(seed), n, 2.0)


def two_classes(logits: np.ndarray) -> np.ndarray:
    """Return rows of two logits whose softmax is the sigmoid of one."""
    return np.stack([np.zeros_like(logits), logits], axis=-1)


def exact_binary(z: Any, y: Any) -> Any:
    """Return the binary cross-entropy in mpmath."""
    return y * mpmath.log1p(mpmath.exp(-z)) + (1 - y) * mpmath.log1p(mpmath.exp(z))


BINARY_CROSS_ENTROPY = Case(
    loss=classification.sigmoid_binary_cross_entropy,
    gradient=classification.sigmoid_binary_cross_entropy_grad,
    settings=({},),
    draw=draw_binary,
    oracle=(
        "torch binary_cross_entropy_with_logits",
        from_torch(F.binary_cross_entropy_with_logits),
    ),
    exact=exact_binary,
    statistic=lambda targets: float(np.mean(targets)),
    sample=sample_binary,
    search=(-10.0, 10.0),
    link=scipy.special.expit,
    chance=lambda: (np.zeros(2), np.asarray([0.0, 1.0])),
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -1.0, INF),
        Point((INF, 0.0), 1.0, INF),
        Point((-INF, 0.0), 0.0, 0.0),
        Point((INF, 0.5), 0.5, INF),
    ),
    wrong_values={"targets": (-1.0, 1.5)},
    rounding=1.0,
    identities=(
        Identity(
            "softmax cross-entropy of the logits 0 and z",
            lambda loss: (
                loss(*example(draw_binary)),
                classification.softmax_cross_entropy(
                    two_classes(example(draw_binary)[0]),
                    np.stack([1 - example(draw_binary)[1], example(draw_binary)[1]], axis=-1),
                ),
            ),
        ),
        Identity(
            "the other class with the other sign",
            lambda loss: (
                loss(*example(draw_binary)),
                loss(-example(draw_binary)[0], 1 - example(draw_binary)[1]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss", "sign", lambda xp, z, y: y * stable.softplus(z) + (1 - y) * stable.softplus(-z)
        ),
        wrong("loss", "positives only", lambda xp, z, y: y * stable.softplus(-z)),
        wrong("loss", "logits taken for signs", lambda xp, z, y: stable.softplus(-y * z)),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, z, y: (
                -y * xp.log(stable.sigmoid(z)) - (1 - y) * xp.log(1 - stable.sigmoid(z))
            ),
        ),
        wrong(
            "loss",
            "probabilities clipped",
            lambda xp, z, y: (
                -y * xp.log(xp.clip(stable.sigmoid(z), min=1e-7, max=1 - 1e-7))
                - (1 - y) * xp.log(xp.clip(1 - stable.sigmoid(z), min=1e-7, max=1 - 1e-7))
            ),
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, y: y * stable.softplus(-z) + (1 - y) * stable.softplus(z),
        ),
        wrong("loss", "bits", lambda xp, z, y: (stable.softplus(z) - y * z) / math.log(2)),
        wrong("gradient", "sign", lambda xp, z, y: y - stable.sigmoid(z)),
        wrong(
            "gradient",
            "of the squared error",
            lambda xp, z, y: (stable.sigmoid(z) - y) * stable.sigmoid(z) * stable.sigmoid(-z),
        ),
        wrong("gradient", "by the probability", lambda xp, z, y: z - y),
    ),
)


SOFTMAX_CROSS_ENTROPY = Case(
    loss=classification.softmax_cross_entropy,
    gradient=classification.softmax_cross_entropy_grad,
    settings=({},),
    draw=draw_soft,
    oracle=("torch cross_entropy", from_torch(F.cross_entropy)),
    exact=lambda z, y: (
        -mpmath.fsum(t * log_p for t, log_p in zip(y, exact_log_softmax(z), strict=True))
    ),
    statistic=lambda targets: targets.mean(axis=0),
    sample=sample_soft,
    link=scipy.special.softmax,
    chance=lambda: (np.zeros((CLASSES, CLASSES)), np.eye(CLASSES)),
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), (0.5, 0.5)), (-0.5, 0.5), INF),
        Point(((-INF, 0.0, 0.0), (0.0, 1.0, 0.0)), (0.0, -0.5, 0.5), math.log(2)),
    ),
    corners=lambda: (
        (np.zeros((1, CLASSES)), np.full((1, CLASSES), 1 / CLASSES)),
        (1e4 * np.eye(CLASSES), np.eye(CLASSES)[[0, 0, 0, 0]]),
        (far_from_0()[0], np.full((1, CLASSES), 1 / CLASSES)),
    ),
    wrong_values={"targets": (-0.5, 1.5, 0.5)},
    rounding=1.0,
    identities=(
        Identity(
            "integer labels where the targets are one-hot",
            lambda loss: (
                loss(example()[0], np.eye(CLASSES)[example()[1]]),
                classification.softmax_cross_entropy_with_integer_labels(*example()),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (
                loss(*example(draw_soft)),
                loss(example(draw_soft)[0] + 8.0, example(draw_soft)[1]),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.softmax_cross_entropy_grad(*example(draw_soft)).sum(axis=-1),
                np.zeros(50),
            ),
        ),
        Identity(
            "smoothing adds a part of the mean cost of all classes",
            lambda loss: (
                loss(
                    example()[0],
                    classification.smooth_labels(np.eye(CLASSES)[example()[1]], smoothing=0.2),
                ),
                0.8 * classification.softmax_cross_entropy_with_integer_labels(*example())
                - 0.2 * scipy.special.log_softmax(example()[0], axis=-1).mean(axis=-1),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, z, y: -xp.mean(stable.times(y, stable.log_softmax(z)), axis=-1),
        ),
        wrong("loss", "sign", lambda xp, z, y: xp.sum(y * stable.log_softmax(z), axis=-1)),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, y: -xp.sum(y * stable.log_softmax(z), axis=-1),
        ),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, z, y: -xp.sum(stable.times(y, xp.log(stable.softmax(z))), axis=-1),
        ),
        wrong(
            "loss",
            "softmax over the batch",
            lambda xp, z, y: -xp.sum(stable.times(y, stable.log_softmax(z, axis=0)), axis=-1),
        ),
        wrong(
            "loss",
            "softmax twice",
            lambda xp, z, y: (
                -xp.sum(stable.times(y, stable.log_softmax(stable.softmax(z))), axis=-1)
            ),
        ),
        wrong(
            "loss",
            "divergence for cross-entropy",
            lambda xp, z, y: xp.sum(
                stable.times(y, xp.log(xp.clip(y, min=1e-300)) - stable.log_softmax(z)), axis=-1
            ),
        ),
        wrong("gradient", "sign", lambda xp, z, y: y - stable.softmax(z)),
        wrong(
            "gradient",
            "mean over the classes",
            lambda xp, z, y: (stable.softmax(z) - y) / z.shape[-1],
        ),
        wrong("gradient", "sigmoid for softmax", lambda xp, z, y: stable.sigmoid(z) - y),
    ),
)

LABEL_LIMITS = (
    Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
    Point(((-INF, 0.0), 0), (-1.0, 1.0), INF),
    Point(((-INF, 0.0, 0.0), 1), (0.0, -0.5, 0.5), math.log(2)),
)

INTEGER_CROSS_ENTROPY = Case(
    loss=classification.softmax_cross_entropy_with_integer_labels,
    gradient=classification.softmax_cross_entropy_with_integer_labels_grad,
    settings=({},),
    draw=draw_labelled,
    oracle=("torch cross_entropy", from_torch(F.cross_entropy)),
    exact=lambda z, y: -exact_log_softmax(z)[int(y)],
    statistic=frequencies,
    sample=sample_labels,
    link=scipy.special.softmax,
    chance=balanced_labels,
    limits=lambda: LABEL_LIMITS,
    corners=lambda: (balanced_labels(), hard(1e4), far_from_0()),
    wrong_values={"labels": (-1, CLASSES, -100)},
    rounding=1.0,
    identities=(
        Identity(
            "negative log-likelihood of the log-softmax",
            lambda loss: (
                loss(*example()),
                classification.negative_log_likelihood(
                    scipy.special.log_softmax(example()[0], axis=-1), example()[1]
                ),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (loss(*example()), loss(example()[0] - 8.0, example()[1])),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.softmax_cross_entropy_with_integer_labels_grad(*example()).sum(-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, z, y: pick(stable.log_softmax(z), y)),
        wrong("loss", "logits for log-probabilities", lambda xp, z, y: -pick(z, y)),
        wrong("loss", "labels from 1", lambda xp, z, y: -pick(stable.log_softmax(z), (y + 3) % 4)),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, z, y: -xp.log(pick(stable.softmax(z), y)),
        ),
        wrong(
            "loss",
            "largest logit not subtracted",
            lambda xp, z, y: xp.log(xp.sum(xp.exp(z), axis=-1)) - pick(z, y),
        ),
        wrong(
            "loss",
            "log-sum-exp minus logit, which cancels",
            lambda xp, z, y: stable.log_sum_exp(z) - pick(z, y),
        ),
        wrong(
            "loss",
            "the label's class left out of the denominator",
            lambda xp, z, y: (
                stable.log_sum_exp(xp.where(one_hot(y, z) == 1, z - INF, z)) - pick(z, y)
            ),
        ),
        wrong("gradient", "sign", lambda xp, z, y: one_hot(y, z) - stable.softmax(z)),
        wrong("gradient", "label left out", lambda xp, z, y: stable.softmax(z)),
        wrong(
            "gradient",
            "of the label's logit alone",
            lambda xp, z, y: (stable.softmax(z) - 1) * one_hot(y, z),
        ),
    ),
)


def draw_log_probs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities of four classes and integer labels."""
    logits, labels = draw_labelled(rng, n, scale)
    return scipy.special.log_softmax(logits, axis=-1), labels


NEGATIVE_LOG_LIKELIHOOD = Case(
    loss=classification.negative_log_likelihood,
    gradient=classification.negative_log_likelihood_grad,
    settings=({},),
    draw=draw_log_probs,
    oracle=("torch nll_loss", from_torch(F.nll_loss)),
    exact=lambda log_probs, y: -log_probs[int(y)],
    limits=lambda: (
        Point(((-INF, 0.0), 0), (-1.0, 0.0), INF),
        Point(((-INF, 0.0), 1), (0.0, -1.0), 0.0),
    ),
    chance=lambda: (np.full((CLASSES, CLASSES), -math.log(CLASSES)), np.arange(CLASSES)),
    corners=lambda: (balanced_labels(), hard(-1e4)),
    wrong_values={"labels": (-1, CLASSES)},
    without={
        "minimiser_is_the_statistic": "unbounded below in numbers that are not normalised",
    },
    identities=(
        Identity(
            "linear in the log-probabilities",
            lambda loss: (
                loss(3 * example()[0], example()[1]),
                3 * loss(*example()),
            ),
        ),
        Identity(
            "the loss is its gradient times the log-probabilities",
            lambda loss: (
                loss(*example()),
                (classification.negative_log_likelihood_grad(*example()) * example()[0]).sum(-1),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, logp, y: pick(logp, y)),
        wrong("loss", "mean over the classes", lambda xp, logp, y: -pick(logp, y) / logp.shape[-1]),
        wrong("loss", "probability for its logarithm", lambda xp, logp, y: -xp.exp(pick(logp, y))),
        wrong("loss", "normalised again", lambda xp, logp, y: -pick(stable.log_softmax(logp), y)),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, logp, y: -xp.sum(logp * one_hot(y, logp), axis=-1),
        ),
        wrong("loss", "likeliest class", lambda xp, logp, y: -xp.max(logp, axis=-1)),
        wrong("gradient", "sign", lambda xp, logp, y: one_hot(y, logp)),
        wrong(
            "gradient", "of the softmax too", lambda xp, logp, y: xp.exp(logp) - one_hot(y, logp)
        ),
        wrong("gradient", "all classes", lambda xp, logp, y: 0 * logp - 1),
    ),
)


GAMMAS = ({}, {"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0})


def exact_focal(z: Any, gamma: float) -> Any:
    """Return the focal loss of the logit of an example of class 1, in mpmath."""
    miss = 1 / (1 + mpmath.exp(z))
    return miss**gamma * mpmath.log1p(mpmath.exp(-z))


def torch_focal(logits: np.ndarray, targets: np.ndarray, gamma: float = 2.0) -> np.ndarray:
    """Return torchvision's formula for both labels, mixed as the target says."""
    z = torch.as_tensor(logits)

    def of_label(label: float) -> torch.Tensor:
        labels = torch.full_like(z, label)
        p = torch.sigmoid(z)
        cost = F.binary_cross_entropy_with_logits(z, labels, reduction="none")
        hit = p * labels + (1 - p) * (1 - labels)
        return cost * (1 - hit) ** gamma

    y = torch.as_tensor(targets)
    return (y * of_label(1.0) + (1 - y) * of_label(0.0)).numpy()


def positive_focal(xp: Any, z: Array, gamma: float) -> Array:
    """Return the focal loss of class 1 with the power of 1 - p taken directly."""
    return (1 - stable.sigmoid(z)) ** gamma * stable.softplus(-z)


def mixed(of_positive: Callable[[Array], Array], z: Array, y: Array) -> Array:
    """Return a loss of both labels from that of label 1."""
    return y * of_positive(z) + (1 - y) * of_positive(-z)


SIGMOID_FOCAL = Case(
    loss=classification.sigmoid_focal,
    gradient=classification.sigmoid_focal_grad,
    settings=GAMMAS,
    draw=draw_binary,
    oracle=("torchvision's formula on torch", torch_focal),
    exact=lambda z, y, gamma=2.0: y * exact_focal(z, gamma) + (1 - y) * exact_focal(-z, gamma),
    limits=lambda gamma=2.0: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 0.0), 0.0, 0.0),
        Point((-INF, 1.0), -1.0, INF),
        Point((INF, 0.0), 1.0, INF),
    ),
    chance=lambda: (np.zeros(2), np.asarray([0.0, 1.0])),
    wrong_values={"targets": (-1.0, 1.5)},
    rounding=1.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it shrinks the log-odds",
    },
    identities=(
        Identity(
            "cross-entropy at gamma 0",
            lambda loss: (
                loss(*example(draw_binary), gamma=0.0),
                classification.sigmoid_binary_cross_entropy(*example(draw_binary)),
            ),
        ),
        Identity(
            "the other class with the other sign",
            lambda loss: (
                loss(*example(draw_binary)),
                loss(-example(draw_binary)[0], 1 - example(draw_binary)[1]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "power of p",
            lambda xp, z, y, gamma=2.0: mixed(
                lambda m: stable.sigmoid(m) ** gamma * stable.softplus(-m), z, y
            ),
        ),
        wrong(
            "loss",
            "gamma left out",
            lambda xp, z, y, gamma=2.0: mixed(lambda m: positive_focal(xp, m, 2.0), z, y),
        ),
        wrong(
            "loss",
            "weight alpha of ¼",
            lambda xp, z, y, gamma=2.0: (
                y * positive_focal(xp, z, gamma) / 4
                + (1 - y) * positive_focal(xp, -z, gamma) * 3 / 4
            ),
        ),
        wrong(
            "loss",
            "slope of the root of 0",
            lambda xp, z, y, gamma=2.0: mixed(lambda m: positive_focal(xp, m, gamma), z, y),
        ),
        wrong(
            "loss",
            "the weight's slope of 0 times an infinite surprise",
            lambda xp, z, y, gamma=2.0: mixed(
                lambda m: xp.exp(-gamma * stable.softplus(m)) * stable.softplus(-m), z, y
            ),
        ),
        wrong(
            "loss",
            "negatives left out",
            lambda xp, z, y, gamma=2.0: y * positive_focal(xp, z, gamma),
        ),
        wrong(
            "gradient",
            "weight held constant",
            lambda xp, z, y, gamma=2.0: (
                -y * stable.sigmoid(-z) ** (gamma + 1) + (1 - y) * stable.sigmoid(z) ** (gamma + 1)
            ),
        ),
        wrong("gradient", "of cross-entropy", lambda xp, z, y, gamma=2.0: stable.sigmoid(z) - y),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, gamma=2.0: -classification.sigmoid_focal_grad(z, y, gamma=gamma),
        ),
    ),
)


def exact_softmax_focal(z: list, y: Any, gamma: float = 2.0) -> Any:
    """Return the focal loss of one row, in mpmath; the miss is summed, so that it is exact."""
    weights = [mpmath.exp(x - max(z)) for x in z]
    others = mpmath.fsum(w for k, w in enumerate(weights) if k != int(y))
    total = mpmath.fsum(weights)
    return -((others / total) ** gamma) * (z[int(y)] - max(z) - mpmath.log(total))


def torch_softmax_focal(logits: np.ndarray, labels: np.ndarray, gamma: float = 2.0) -> np.ndarray:
    """Return the focal loss from torch's cross-entropy, whose exponential is p."""
    cost = F.cross_entropy(torch.as_tensor(logits), torch.as_tensor(labels), reduction="none")
    return ((1 - torch.exp(-cost)) ** gamma * cost).numpy()


def wrong_focal(xp: Any, z: Array, y: Array, weight: Callable[[Array], Array]) -> Array:
    """Return cross-entropy with another weight of the label's probability."""
    log_hit = pick(stable.log_softmax(z), y)
    return -weight(xp.exp(log_hit)) * log_hit


SOFTMAX_FOCAL = Case(
    loss=classification.softmax_focal,
    gradient=classification.softmax_focal_grad,
    settings=GAMMAS,
    draw=draw_labelled,
    oracle=("torch cross_entropy, weighted", torch_softmax_focal),
    exact=exact_softmax_focal,
    limits=lambda gamma=2.0: (
        Point(
            ((-INF, 0.0, 0.0), 1),
            tuple(0.5**gamma * (gamma * 0.5 * math.log(2) + 0.5) * r for r in (0, -1, 1)),
            0.5**gamma * math.log(2),
        ),
        Point(((-INF, 0.0), 0), (-1.0, 1.0), INF),
        Point(((0.0, -INF), 0), (0.0, 0.0), 0.0),
        Point(((0.0,), 0), (0.0,), 0.0),
    ),
    chance=balanced_labels,
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0)),
    wrong_values={"labels": (-1, CLASSES)},
    rounding=1.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it flattens the frequencies",
    },
    identities=(
        Identity(
            "cross-entropy at gamma 0",
            lambda loss: (
                loss(*example(), gamma=0.0),
                classification.softmax_cross_entropy_with_integer_labels(*example()),
            ),
        ),
        Identity(
            "sigmoid focal of two classes",
            lambda loss: (
                loss(two_classes(example()[0][:, 0]), example()[1] % 2),
                classification.sigmoid_focal(example()[0][:, 0], (example()[1] % 2).astype(float)),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.softmax_focal_grad(*example()).sum(axis=-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "power of p",
            lambda xp, z, y, gamma=2.0: wrong_focal(xp, z, y, lambda p: p**gamma),
        ),
        wrong(
            "loss",
            "gamma left out",
            lambda xp, z, y, gamma=2.0: wrong_focal(xp, z, y, lambda p: (1 - p) ** 2),
        ),
        wrong(
            "loss",
            "slope of the root of 0",
            lambda xp, z, y, gamma=2.0: wrong_focal(xp, z, y, lambda p: (1 - p) ** gamma),
        ),
        wrong(
            "loss",
            "the sum of no other class has no slope",
            lambda xp, z, y, gamma=2.0: (
                xp.exp(gamma * stable.log_sum_exp(xp.where(one_hot(y, z) == 1, -INF + 0 * z, z)))
                * xp.exp(-gamma * stable.log_sum_exp(z))
                * surprises(z, y)
            ),
        ),
        wrong(
            "loss",
            "linear weight",
            lambda xp, z, y, gamma=2.0: wrong_focal(xp, z, y, lambda p: 1 - gamma * p),
        ),
        wrong(
            "loss",
            "sum over all classes",
            lambda xp, z, y, gamma=2.0: (
                -xp.sum((1 - stable.softmax(z)) ** gamma * stable.log_softmax(z), axis=-1)
            ),
        ),
        wrong(
            "gradient",
            "weight held constant",
            lambda xp, z, y, gamma=2.0: (
                (1 - pick(stable.softmax(z), y))[..., None] ** gamma
                * (stable.softmax(z) - one_hot(y, z))
            ),
        ),
        wrong(
            "gradient",
            "of cross-entropy",
            lambda xp, z, y, gamma=2.0: stable.softmax(z) - one_hot(y, z),
        ),
        wrong(
            "gradient",
            "1 - p divides",
            lambda xp, z, y, gamma=2.0: (
                (
                    gamma
                    * (1 - pick(stable.softmax(z), y)) ** (gamma - 1)
                    * pick(stable.softmax(z) * stable.log_softmax(z), y)
                    - (1 - pick(stable.softmax(z), y)) ** gamma
                )[..., None]
                * (one_hot(y, z) - stable.softmax(z))
            ),
        ),
    ),
)


def draw_probs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return probabilities of four classes, sharper as the scale grows, and integer labels."""
    logits, labels = draw_labelled(rng, n, scale)
    return scipy.special.softmax(logits, axis=-1), labels


def sklearn_brier(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return scikit-learn's Brier score of each row alone."""
    classes = list(range(probs.shape[-1]))
    return np.asarray(
        [
            brier_score_loss([y], [p], labels=classes, scale_by_half=False)
            for p, y in zip(probs, labels, strict=True)
        ]
    )


def exact_brier(probs: list, y: Any) -> Any:
    """Return the squared distance, class by class."""
    return mpmath.fsum((p - (1 if k == int(y) else 0)) ** 2 for k, p in enumerate(probs))


def exact_softmax(logits: list) -> list:
    """Return probabilities in mpmath."""
    return [mpmath.exp(log_p) for log_p in exact_log_softmax(logits)]


def uniform_probs() -> tuple[np.ndarray, np.ndarray]:
    """Return equal probabilities, and each class once."""
    return np.full((CLASSES, CLASSES), 1 / CLASSES), np.arange(CLASSES)


BRIER = Case(
    loss=classification.brier,
    gradient=classification.brier_grad,
    settings=({},),
    draw=draw_probs,
    oracle=("scikit-learn brier_score_loss", sklearn_brier),
    exact=exact_brier,
    statistic=frequencies,
    sample=sample_labels,
    chance=uniform_probs,
    corners=lambda: (uniform_probs(), (np.eye(CLASSES), np.zeros(CLASSES, dtype=int))),
    wrong_values={"probs": (-0.5, 1.5, 0.5), "labels": (-1, CLASSES)},
    rounding=1.0,
    without={
        "gradient_matches_central_differences": "a probability moved alone leaves no distribution",
        "minimiser_is_the_statistic": "its search leaves the distributions: a property tests it",
        "limits_are_declared": "probabilities are finite",
    },
    identities=(
        Identity(
            "twice the squared error of one of two classes",
            lambda loss: (
                loss(np.asarray([[0.3, 0.7], [0.3, 0.7]]), np.asarray([1, 0])),
                np.asarray([2 * 0.3**2, 2 * 0.7**2]),
            ),
        ),
        Identity(
            "one less twice the label's probability, and the squared length",
            lambda loss: (
                loss(*example(draw_probs)),
                1
                - 2 * pick(*example(draw_probs))
                + np.linalg.norm(example(draw_probs)[0], axis=-1) ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "factor ½", lambda xp, p, y: xp.sum((p - one_hot(y, p)) ** 2, axis=-1) / 2),
        wrong(
            "loss", "mean over the classes", lambda xp, p, y: xp.mean((p - one_hot(y, p)) ** 2, -1)
        ),
        wrong("loss", "the label's class alone", lambda xp, p, y: (1 - pick(p, y)) ** 2),
        wrong(
            "loss", "absolute distance", lambda xp, p, y: xp.sum(xp.abs(p - one_hot(y, p)), axis=-1)
        ),
        wrong("loss", "root of the sum", lambda xp, p, y: classification.brier(p, y) ** 0.5),
        wrong("loss", "of the others alone", lambda xp, p, y: xp.sum(p**2, -1) - pick(p, y) ** 2),
        wrong("gradient", "missing 2", lambda xp, p, y: p - one_hot(y, p)),
        wrong("gradient", "sign", lambda xp, p, y: 2 * (one_hot(y, p) - p)),
        wrong(
            "gradient",
            "through a softmax",
            lambda xp, p, y: 2 * p * (1 - p) * (p - one_hot(y, p)),
        ),
    ),
)


def softmax_score(xp: Any, z: Array, y: Array) -> Array:
    """Return the distances of the softmax from the label, class by class."""
    return stable.softmax(z) - one_hot(y, z)


SOFTMAX_BRIER = Case(
    loss=classification.softmax_brier,
    gradient=classification.softmax_brier_grad,
    settings=({},),
    draw=draw_labelled,
    oracle=(
        "scikit-learn brier_score_loss of SciPy's softmax",
        lambda z, y: sklearn_brier(scipy.special.softmax(z, axis=-1), y),
    ),
    exact=lambda z, y: exact_brier(exact_softmax(z), y),
    statistic=frequencies,
    sample=sample_labels,
    link=scipy.special.softmax,
    chance=balanced_labels,
    limits=lambda: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (0.0, 0.0), 2.0),
        Point(((-INF, 0.0, 0.0), 1), (0.0, -0.5, 0.5), 0.5),
    ),
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0), far_from_0()),
    wrong_values={"labels": (-1, CLASSES)},
    rounding=1.0,
    identities=(
        Identity(
            "the Brier score of the softmax",
            lambda loss: (
                loss(*example()),
                classification.brier(scipy.special.softmax(example()[0], axis=-1), example()[1]),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (loss(*example()), loss(example()[0] - 8.0, example()[1])),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (classification.softmax_brier_grad(*example()).sum(-1), np.zeros(50)),
        ),
    ),
    wrongs=(
        wrong("loss", "of the logits", lambda xp, z, y: xp.sum((z - one_hot(y, z)) ** 2, axis=-1)),
        wrong("loss", "factor ½", lambda xp, z, y: xp.sum(softmax_score(xp, z, y) ** 2, -1) / 2),
        wrong(
            "loss",
            "sigmoid for softmax",
            lambda xp, z, y: xp.sum((stable.sigmoid(z) - one_hot(y, z)) ** 2, axis=-1),
        ),
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, z, y: xp.mean(softmax_score(xp, z, y) ** 2, axis=-1),
        ),
        wrong(
            "loss",
            "softmax without its largest logit subtracted",
            lambda xp, z, y: xp.sum(
                (xp.exp(z) / xp.sum(xp.exp(z), axis=-1, keepdims=True) - one_hot(y, z)) ** 2, -1
            ),
        ),
        wrong("gradient", "by the probabilities", lambda xp, z, y: 2 * softmax_score(xp, z, y)),
        wrong(
            "gradient",
            "of the softmax's diagonal alone",
            lambda xp, z, y: (
                2 * softmax_score(xp, z, y) * stable.softmax(z) * (1 - stable.softmax(z))
            ),
        ),
        wrong("gradient", "sign", lambda xp, z, y: -classification.softmax_brier_grad(z, y)),
    ),
)


def draw_logits(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of four classes."""
    return draw_labelled(rng, n, scale)[:1]


Z_LOSS = Case(
    loss=classification.z_loss,
    gradient=classification.z_loss_grad,
    settings=({},),
    draw=draw_logits,
    oracle=("SciPy logsumexp, squared", lambda z: scipy.special.logsumexp(z, axis=-1) ** 2),
    exact=lambda z: mpmath.log(mpmath.fsum(map(mpmath.exp, z))) ** 2,
    chance=lambda: (np.zeros((1, CLASSES)),),
    limits=lambda: (
        Point(((-INF, 0.0),), (0.0, 0.0), 0.0),
        Point(((-INF, 1.0),), (0.0, 2.0), 1.0),
        Point(((-INF, 0.0, 0.0),), (0.0, math.log(2), math.log(2)), math.log(2) ** 2),
    ),
    corners=lambda: (
        (np.zeros((1, CLASSES)),),
        (hard(1e4)[0],),
        (-hard(1e4)[0] - 1e4,),
        (far_from_0()[0],),
    ),
    rounding=4.0,
    without={
        "minimiser_is_the_statistic": "it has no target",
    },
    identities=(
        Identity(
            "0 for log-probabilities",
            lambda loss: (loss(scipy.special.log_softmax(example()[0], axis=-1)), np.zeros(50)),
        ),
        Identity(
            "the square of a shift of log-probabilities",
            lambda loss: (
                loss(scipy.special.log_softmax(example()[0], axis=-1) - 3.0),
                np.full(50, 9.0),
            ),
        ),
        Identity(
            "what tells cross-entropy from the logit",
            lambda loss: (
                loss(example()[0]),
                (
                    classification.softmax_cross_entropy_with_integer_labels(*example())
                    + pick(*example())
                )
                ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "not squared", lambda xp, z: stable.log_sum_exp(z)),
        wrong("loss", "factor ½", lambda xp, z: stable.log_sum_exp(z) ** 2 / 2),
        wrong("loss", "PaLM's coefficient inside", lambda xp, z: 1e-4 * stable.log_sum_exp(z) ** 2),
        wrong("loss", "log of the square", lambda xp, z: 2 * stable.log_sum_exp(z)),
        wrong("loss", "of the mean", lambda xp, z: xp.log(xp.mean(xp.exp(z), axis=-1)) ** 2),
        wrong(
            "loss",
            "largest logit not subtracted",
            lambda xp, z: xp.log(xp.sum(xp.exp(z), axis=-1)) ** 2,
        ),
        wrong("gradient", "missing 2", lambda xp, z: classification.z_loss_grad(z) / 2),
        wrong("gradient", "missing log Z", lambda xp, z: 2 * stable.softmax(z)),
        wrong("gradient", "sign", lambda xp, z: -classification.z_loss_grad(z)),
    ),
)


def draw_pair(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of a student and a teacher."""
    return scale * rng.normal(size=(n, CLASSES)), scale * rng.normal(size=(n, CLASSES))


def exact_distillation(s: list, t: list, temperature: float = 2.0) -> Any:
    """Return the divergence from the softened teacher, times the squared temperature."""
    p, q = ([mpmath.exp(x / mpmath.mpf(temperature)) for x in row] for row in (s, t))
    p, q = ([w / mpmath.fsum(row) for w in row] for row in (p, q))
    gaps = (b * mpmath.log(b / a) for a, b in zip(p, q, strict=True))
    return mpmath.mpf(temperature) ** 2 * mpmath.fsum(gaps)


def torch_distillation(
    student: np.ndarray, teacher: np.ndarray, temperature: float = 2.0
) -> np.ndarray:
    """Return torch's divergence of the softened logits, rescaled."""
    p, q = (torch.as_tensor(z / temperature).log_softmax(-1) for z in (student, teacher))
    return temperature**2 * F.kl_div(p, q, reduction="none", log_target=True).sum(-1).numpy()


def log_softened(logits: Array, temperature: float) -> Array:
    """Return the log-softmax of the softened logits."""
    return stable.log_softmax(logits / temperature)


def divergence(xp: Any, log_p: Array, log_q: Array) -> Array:
    """Return the divergence from q to p, of logarithms."""
    return xp.sum(xp.exp(log_q) * (log_q - log_p), axis=-1)


def centred(logits: np.ndarray) -> np.ndarray:
    """Return logits less their mean."""
    return logits - logits.mean(axis=-1, keepdims=True)


DISTILLATION = Case(
    loss=classification.distillation,
    gradient=classification.distillation_grad,
    settings=({}, {"temperature": 1.0}, {"temperature": 4.0}),
    draw=draw_pair,
    oracle=("torch kl_div", torch_distillation),
    exact=exact_distillation,
    limits=lambda temperature=2.0: (
        Point(((-INF, 0.0), (-INF, 0.0)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), (0.0, 0.0)), (-temperature / 2, temperature / 2), INF),
        Point(
            ((0.0, 0.0), (-INF, 0.0)),
            (temperature / 2, -temperature / 2),
            temperature**2 * math.log(2),
        ),
    ),
    corners=lambda: (
        (np.zeros((1, CLASSES)), np.zeros((1, CLASSES))),
        (1e4 * np.eye(CLASSES), 1e4 * np.eye(CLASSES)[[0, 0, 0, 0]]),
        (far_from_0()[0], far_from_0()[0][:, ::-1].copy()),
    ),
    rounding=8.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is the teacher's mean softened softmax, "
        "for which the catalogue has no name",
    },
    identities=(
        Identity(
            "cross-entropy less the teacher's entropy at temperature 1",
            lambda loss: (
                loss(*example(draw_pair), temperature=1.0),
                classification.softmax_cross_entropy(
                    example(draw_pair)[0], scipy.special.softmax(example(draw_pair)[1], axis=-1)
                )
                - scipy.special.entr(scipy.special.softmax(example(draw_pair)[1], axis=-1)).sum(-1),
            ),
        ),
        Identity(
            "0 where the student has the teacher's logits up to a shift",
            lambda loss: (loss(example()[0] + 8.0, example()[0]), np.zeros(50)),
        ),
        Identity(
            "a shift of the teacher's logits changes nothing",
            lambda loss: (
                loss(*example(draw_pair)),
                loss(example(draw_pair)[0], example(draw_pair)[1] - 8.0),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.distillation_grad(*example(draw_pair)).sum(-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "T² left out",
            lambda xp, s, t, temperature=2.0: divergence(
                xp, log_softened(s, temperature), log_softened(t, temperature)
            ),
        ),
        wrong(
            "loss",
            "student and teacher exchanged",
            lambda xp, s, t, temperature=2.0: (
                temperature**2
                * divergence(xp, log_softened(t, temperature), log_softened(s, temperature))
            ),
        ),
        wrong(
            "loss",
            "the student not softened",
            lambda xp, s, t, temperature=2.0: (
                temperature**2 * divergence(xp, log_softened(s, 1.0), log_softened(t, temperature))
            ),
        ),
        wrong(
            "loss",
            "sharpened: multiplied by the temperature",
            lambda xp, s, t, temperature=2.0: (
                temperature**2
                * divergence(xp, log_softened(s, 1 / temperature), log_softened(t, 1 / temperature))
            ),
        ),
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, s, t, temperature=2.0: (
                classification.distillation(s, t, temperature=temperature) / s.shape[-1]
            ),
        ),
        wrong(
            "loss",
            "inf - inf where both rule a class out",
            lambda xp, s, t, temperature=2.0: (
                temperature**2
                * divergence(xp, log_softened(s, temperature), log_softened(t, temperature))
            ),
        ),
        wrong(
            "gradient",
            "T left out",
            lambda xp, s, t, temperature=2.0: (
                stable.softmax(s / temperature) - stable.softmax(t / temperature)
            ),
        ),
        wrong(
            "gradient",
            "T² for T",
            lambda xp, s, t, temperature=2.0: (
                temperature * classification.distillation_grad(s, t, temperature=temperature)
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, s, t, temperature=2.0: (
                -classification.distillation_grad(s, t, temperature=temperature)
            ),
        ),
    ),
)


def exact_miss(z: list, y: Any) -> Any:
    """Return the probability of the other classes in mpmath: their sum, not 1 less the label's."""
    return mpmath.fsum(p for k, p in enumerate(exact_softmax(z)) if k != int(y))


def torch_poly1(logits: np.ndarray, labels: np.ndarray, epsilon: float = 2.0) -> np.ndarray:
    """Return torch's cross-entropy, and the miss of torch's softmax."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    hit = z.softmax(-1).gather(-1, y[:, None])[:, 0]
    return (F.cross_entropy(z, y, reduction="none") + epsilon * (1 - hit)).numpy()


def misses(xp: Any, z: Array, y: Array) -> Array:
    """Return 1 less the label's probability."""
    return 1 - pick(stable.softmax(z), y)


def surprises(z: Array, y: Array) -> Array:
    """Return the cross-entropy of the labels."""
    return classification.softmax_cross_entropy_with_integer_labels(z, y)


def cross_entropy_slope(z: Array, y: Array) -> Array:
    """Return the gradient of the cross-entropy."""
    return classification.softmax_cross_entropy_with_integer_labels_grad(z, y)


def miss_slope(z: Array, y: Array) -> Array:
    """Return the gradient of the miss."""
    return pick(stable.softmax(z), y)[..., None] * cross_entropy_slope(z, y)


POLY1 = Case(
    loss=classification.softmax_poly1,
    gradient=classification.softmax_poly1_grad,
    settings=({}, {"epsilon": -1.0}, {"epsilon": 0.0}),
    draw=draw_labelled,
    oracle=("torch cross_entropy and softmax", torch_poly1),
    exact=lambda z, y, epsilon=2.0: (
        -exact_log_softmax(z)[int(y)] + mpmath.mpf(epsilon) * exact_miss(z, y)
    ),
    limits=lambda epsilon=2.0: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (-1.0, 1.0), INF),
        Point(
            ((-INF, 0.0, 0.0), 1),
            tuple((1 + epsilon / 2) * r for r in (0.0, -0.5, 0.5)),
            math.log(2) + epsilon / 2,
        ),
    ),
    chance=balanced_labels,
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0), far_from_0()),
    wrong_values={"labels": (-1, CLASSES)},
    rounding=2.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it bends the frequencies",
    },
    identities=(
        Identity(
            "cross-entropy at epsilon 0",
            lambda loss: (loss(*example(), epsilon=0.0), surprises(*example())),
        ),
        Identity(
            "the series of powers of the miss, its first coefficient changed",
            lambda loss: (
                loss(example()[0] / 4, example()[1], epsilon=0.5),
                sum(
                    (1.5 if j == 1 else 1 / j) * misses(np, example()[0] / 4, example()[1]) ** j
                    for j in range(1, 1500)
                ),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (classification.softmax_poly1_grad(*example()).sum(-1), np.zeros(50)),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sign of epsilon",
            lambda xp, z, y, epsilon=2.0: surprises(z, y) - epsilon * misses(xp, z, y),
        ),
        wrong(
            "loss",
            "the hit for the miss",
            lambda xp, z, y, epsilon=2.0: surprises(z, y) + epsilon * pick(stable.softmax(z), y),
        ),
        wrong(
            "loss",
            "1 + epsilon added",
            lambda xp, z, y, epsilon=2.0: surprises(z, y) + (1 + epsilon) * misses(xp, z, y),
        ),
        wrong(
            "loss",
            "the second coefficient changed",
            lambda xp, z, y, epsilon=2.0: surprises(z, y) + epsilon * misses(xp, z, y) ** 2,
        ),
        wrong("loss", "epsilon left out", lambda xp, z, y, epsilon=2.0: surprises(z, y)),
        wrong(
            "gradient",
            "epsilon's part held constant",
            lambda xp, z, y, epsilon=2.0: cross_entropy_slope(z, y),
        ),
        wrong(
            "gradient",
            "p left out",
            lambda xp, z, y, epsilon=2.0: (1 + epsilon) * cross_entropy_slope(z, y),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, epsilon=2.0: -classification.softmax_poly1_grad(z, y, epsilon=epsilon),
        ),
    ),
)


def torch_generalised(logits: np.ndarray, labels: np.ndarray, q: float = 0.7) -> np.ndarray:
    """Return torch's cross-entropy, shrunk by SciPy's (exp(x) - 1)/x."""
    cost = F.cross_entropy(torch.as_tensor(logits), torch.as_tensor(labels), reduction="none")
    return cost.numpy() * scipy.special.exprel(-q * cost.numpy())


GENERALISED = Case(
    loss=classification.softmax_generalised_cross_entropy,
    gradient=classification.softmax_generalised_cross_entropy_grad,
    settings=({}, {"q": 0.001}, {"q": 1.0}),
    draw=draw_labelled,
    oracle=("torch cross_entropy, shrunk by SciPy exprel", torch_generalised),
    exact=lambda z, y, q=0.7: (1 - exact_softmax(z)[int(y)] ** mpmath.mpf(q)) / mpmath.mpf(q),
    limits=lambda q=0.7: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (0.0, 0.0), 1 / q),
        Point(
            ((-INF, 0.0, 0.0), 1),
            tuple(0.5**q * r for r in (0.0, -0.5, 0.5)),
            -math.expm1(-q * math.log(2)) / q,
        ),
    ),
    chance=balanced_labels,
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0), far_from_0()),
    wrong_values={"labels": (-1, CLASSES)},
    rounding=1.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it sharpens the frequencies",
    },
    identities=(
        Identity(
            "cross-entropy as q tends to 0",
            lambda loss: (loss(*example(), q=1e-15), surprises(*example())),
        ),
        Identity(
            "cross-entropy where the dtype cannot hold q",
            lambda loss: (loss(*example(), q=1e-322), surprises(*example())),
        ),
        Identity(
            "SciPy's Box-Cox transform of the probability, its sign changed",
            lambda loss: (
                loss(*example(), q=0.3),
                -scipy.special.boxcox(pick(stable.softmax(example()[0]), example()[1]), 0.3),
            ),
        ),
        Identity(
            "half the absolute error of the probabilities at q 1",
            lambda loss: (
                loss(*example(), q=1.0),
                np.abs(softmax_score(np, *example())).sum(-1) / 2,
            ),
        ),
        Identity(
            "the miss at q 1: over all labels it sums to K - 1",
            lambda loss: (
                sum(loss(example()[0], np.full(50, k), q=1.0) for k in range(CLASSES)),
                np.full(50, CLASSES - 1.0),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.softmax_generalised_cross_entropy_grad(*example()).sum(-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "not divided by q",
            lambda xp, z, y, q=0.7: 1 - pick(stable.softmax(z), y) ** q,
        ),
        wrong(
            "loss",
            "divided by a tiny q",
            lambda xp, z, y, q=0.7: -xp.expm1(q * pick(stable.log_softmax(z), y)) / q,
        ),
        wrong(
            "loss",
            "q-th power of the miss",
            lambda xp, z, y, q=0.7: misses(xp, z, y) ** q / q,
        ),
        wrong(
            "loss",
            "the power's digits lost at small q",
            lambda xp, z, y, q=0.7: (1 - pick(stable.softmax(z), y) ** q) / q,
        ),
        wrong(
            "loss",
            "q left out",
            lambda xp, z, y, q=0.7: misses(xp, z, y),
        ),
        wrong(
            "loss",
            "sum over all classes",
            lambda xp, z, y, q=0.7: xp.sum(1 - stable.softmax(z) ** q, axis=-1) / q,
        ),
        wrong(
            "gradient",
            "weight left out",
            lambda xp, z, y, q=0.7: cross_entropy_slope(z, y),
        ),
        wrong(
            "gradient",
            "by the probability",
            lambda xp, z, y, q=0.7: (
                pick(stable.softmax(z), y)[..., None] ** (q - 1) * cross_entropy_slope(z, y)
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, q=0.7: (
                -classification.softmax_generalised_cross_entropy_grad(z, y, q=q)
            ),
        ),
    ),
)


def exact_symmetric(z: list, y: Any, alpha: float, beta: float, log_zero: float) -> Any:
    """Return both cross-entropies, class by class, with the logarithm of 0 replaced."""
    probs, label = exact_softmax(z), int(y)
    forward = -mpmath.log(probs[label])
    backward = -mpmath.fsum(
        p * (mpmath.log(1) if k == label else mpmath.mpf(log_zero)) for k, p in enumerate(probs)
    )
    return mpmath.mpf(alpha) * forward + mpmath.mpf(beta) * backward


def torch_symmetric(
    logits: np.ndarray,
    labels: np.ndarray,
    alpha: float = 0.1,
    beta: float = 1.0,
    log_zero: float = -4.0,
) -> np.ndarray:
    """Return torch's cross-entropies both ways, of a one-hot row clipped at exp(log_zero)."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    targets = F.one_hot(y, z.shape[-1]).double().clamp(min=math.exp(log_zero))
    backward = F.cross_entropy(
        torch.log(targets) - torch.log(targets.sum(-1, keepdim=True)),
        z.softmax(-1),
        reduction="none",
    ) - torch.log(targets.sum(-1))
    return (alpha * F.cross_entropy(z, y, reduction="none") + beta * backward).numpy()


SYMMETRIC = Case(
    loss=classification.softmax_symmetric_cross_entropy,
    gradient=classification.softmax_symmetric_cross_entropy_grad,
    settings=(
        {},
        {"alpha": 6.0, "beta": 0.0},
        {"alpha": 6.0, "log_zero": -1.0},
    ),
    draw=draw_labelled,
    oracle=("torch cross_entropy both ways", torch_symmetric),
    exact=lambda z, y, alpha=0.1, beta=1.0, log_zero=-4.0: exact_symmetric(
        z, y, alpha, beta, log_zero
    ),
    limits=lambda alpha=0.1, beta=1.0, log_zero=-4.0: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (-alpha, alpha), INF),
        Point(
            ((-INF, 0.0, 0.0), 1),
            tuple((alpha - beta * log_zero / 2) * r for r in (0.0, -0.5, 0.5)),
            alpha * math.log(2) - beta * log_zero / 2,
        ),
    ),
    chance=balanced_labels,
    corners=lambda: (balanced_labels(), hard(1e4), hard(10.0), far_from_0()),
    wrong_values={"labels": (-1, CLASSES)},
    rounding=6.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it sharpens the frequencies",
    },
    identities=(
        Identity(
            "cross-entropy where beta is 0",
            lambda loss: (loss(*example(), alpha=1.0, beta=0.0), surprises(*example())),
        ),
        Identity(
            "alpha times Poly-1",
            lambda loss: (
                loss(*example(), alpha=0.5, beta=2.0, log_zero=-3.0),
                0.5 * classification.softmax_poly1(*example(), epsilon=12.0),
            ),
        ),
        Identity(
            "generalised cross-entropy at q 1 where alpha is tiny",
            lambda loss: (
                loss(*example(), alpha=1e-300, log_zero=-1.0),
                classification.softmax_generalised_cross_entropy(*example(), q=1.0),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                classification.softmax_symmetric_cross_entropy_grad(*example()).sum(-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "weights exchanged",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                beta * surprises(z, y) - alpha * log_zero * misses(xp, z, y)
            ),
        ),
        wrong(
            "loss",
            "sign of A",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                alpha * surprises(z, y) + beta * log_zero * misses(xp, z, y)
            ),
        ),
        wrong(
            "loss",
            "labels clipped at 1e-4",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                alpha * surprises(z, y) - beta * math.log(1e-4) * misses(xp, z, y)
            ),
        ),
        wrong(
            "loss",
            "A for the label too",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                alpha * surprises(z, y) - beta * log_zero
            ),
        ),
        wrong(
            "loss",
            "mean over the classes",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                alpha * surprises(z, y) - beta * log_zero * misses(xp, z, y) / z.shape[-1]
            ),
        ),
        wrong(
            "gradient",
            "of the cross-entropy alone",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: alpha * cross_entropy_slope(z, y),
        ),
        wrong(
            "gradient",
            "sign of A",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                alpha * cross_entropy_slope(z, y) + beta * log_zero * miss_slope(z, y)
            ),
        ),
        wrong(
            "gradient",
            "p left out",
            lambda xp, z, y, alpha=0.1, beta=1.0, log_zero=-4.0: (
                (alpha - beta * log_zero) * cross_entropy_slope(z, y)
            ),
        ),
    ),
)


def draw_signed(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits and signs."""
    return scale * rng.normal(size=n), rng.choice([-1.0, 1.0], size=n)


def sample_signs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return signs of which seven in ten are positive."""
    return (rng.permutation(np.repeat([1.0, -1.0], [70, 30])),)


def undecided() -> tuple[np.ndarray, np.ndarray]:
    """Return logits 0, and each sign once."""
    return np.zeros(2), np.asarray([1.0, -1.0])


def around_the_seams() -> tuple[np.ndarray, np.ndarray]:
    """Return logits on both sides of the margins -1 and 1, beside the seams."""
    logits = np.asarray([1.0 + 2**-7, 1.0 - 2**-7, -1.0 + 2**-7, -1.0 - 2**-6, 0.0])
    return np.concatenate([logits, -logits]), np.repeat([1.0, -1.0], 5)


def torch_exponential(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return torch's Poisson loss of the logarithm -m and the count 0: its exponential."""
    rate = -torch.as_tensor(logits * signs)
    return F.poisson_nll_loss(rate, torch.zeros_like(rate), reduction="none").numpy()


def draw_countable(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits and signs whose exponential float64 still holds."""
    return draw_signed(rng, n, min(scale, 100.0))


EXPONENTIAL = Case(
    loss=classification.exponential,
    gradient=classification.exponential_grad,
    settings=({},),
    draw=draw_countable,
    oracle=("torch poisson_nll_loss of -margin and 0", torch_exponential),
    exact=lambda z, s: mpmath.e ** (-s * z),
    statistic=lambda signs: float(np.mean(signs)),
    sample=sample_signs,
    search=(-5.0, 5.0),
    link=np.tanh,
    chance=undecided,
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -INF, INF),
        Point((INF, -1.0), INF, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    corners=lambda: (undecided(), around_the_seams()),
    wrong_values={"signs": (0.0, 0.5, 2.0)},
    identities=(
        Identity(
            "both signs together cost twice the hyperbolic cosine",
            lambda loss: (
                loss(example(draw_signed)[0], np.ones(50))
                + loss(example(draw_signed)[0], -np.ones(50)),
                2 * np.cosh(example(draw_signed)[0]),
            ),
        ),
        Identity(
            "the exponential of the cross-entropy of twice the logit, less 1, rooted",
            lambda loss: (
                loss(*example(draw_signed)) ** 2,
                np.expm1(
                    classification.sigmoid_binary_cross_entropy(
                        2 * example(draw_signed)[0], (example(draw_signed)[1] + 1) / 2
                    )
                ),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the margin", lambda xp, z, s: xp.exp(s * z)),
        wrong("loss", "of labels 0 and 1", lambda xp, z, s: xp.exp(-(s + 1) / 2 * z)),
        wrong("loss", "logistic", lambda xp, z, s: stable.softplus(-s * z)),
        wrong("loss", "of half the margin", lambda xp, z, s: xp.exp(-s * z / 2)),
        wrong("loss", "clipped", lambda xp, z, s: xp.exp(-xp.clip(s * z, min=-10.0))),
        wrong("gradient", "sign", lambda xp, z, s: s * xp.exp(-s * z)),
        wrong("gradient", "by the margin", lambda xp, z, s: -xp.exp(-s * z)),
        wrong("gradient", "of the logistic loss", lambda xp, z, s: -s * stable.sigmoid(-s * z)),
    ),
)


def torch_modified_huber(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return twice torch's Huber loss of the margin, cut at 1, from 1."""
    margins = torch.clamp(torch.as_tensor(logits * signs), max=1)
    return 2 * F.huber_loss(margins, torch.ones_like(margins), reduction="none", delta=2.0).numpy()


def sklearn_modified_huber(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return the loss as scikit-learn's example of its SGD losses defines it."""
    margins = logits * signs
    return np.select([margins >= 1, margins >= -1], [0.0, (1 - margins) ** 2], -4 * margins)


def exact_modified_huber(z: Any, s: Any) -> Any:
    """Return the integral of the slope, from the margin to 1."""
    m = s * z
    if m >= 1:
        return mpmath.mpf(0)
    parabola = max(m, -1)
    return (1 - parabola) ** 2 + 4 * (parabola - m)


MODIFIED_HUBER = Case(
    loss=classification.modified_huber,
    gradient=classification.modified_huber_grad,
    settings=({},),
    draw=draw_signed,
    oracle=("torch huber_loss of the margin cut at 1", torch_modified_huber),
    exact=exact_modified_huber,
    statistic=lambda signs: float(np.mean(signs)),
    sample=sample_signs,
    chance=undecided,
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -4.0, INF),
        Point((INF, -1.0), 4.0, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    seams=lambda: (1.0, -1.0),
    corners=lambda: (undecided(), around_the_seams()),
    wrong_values={"signs": (0.0, 0.5, 2.0)},
    identities=(
        Identity(
            "scikit-learn's pieces",
            lambda loss: (
                loss(*example(draw_signed)),
                sklearn_modified_huber(*example(draw_signed)),
            ),
        ),
        Identity(
            "4 times the smooth hinge at gamma 2",
            lambda loss: (
                loss(*example(draw_signed)),
                4 * margin.smooth_hinge(*example(draw_signed), gamma=2.0),
            ),
        ),
        Identity(
            "the squared hinge of margins from -1",
            lambda loss: (
                loss(np.linspace(-1.0, 3.0, 20), np.ones(20)),
                margin.squared_hinge(np.linspace(-1.0, 3.0, 20), np.ones(20)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the margin", lambda xp, z, s: classification.modified_huber(z, -s)),
        wrong("loss", "squared hinge everywhere", lambda xp, z, s: margin.squared_hinge(z, s)),
        wrong("loss", "factor ½", lambda xp, z, s: classification.modified_huber(z, s) / 2),
        wrong(
            "loss",
            "not joined: -2m below -1",
            lambda xp, z, s: xp.where(s * z < -1, -2 * s * z, xp.clip(1 - s * z, min=0) ** 2),
        ),
        wrong(
            "loss",
            "not cut at margin 1",
            lambda xp, z, s: xp.where(s * z < -1, -4 * s * z, (1 - s * z) ** 2),
        ),
        wrong(
            "loss",
            "the square's slope times 0 far out",
            lambda xp, z, s: xp.where(
                s * z < -1, -4 * s * z, xp.clip(1 - s * z, min=0) * xp.clip(1 - s * z, min=0)
            ),
        ),
        wrong("gradient", "not capped", lambda xp, z, s: margin.squared_hinge_grad(z, s)),
        wrong("gradient", "missing 2", lambda xp, z, s: -s * xp.clip(1 - s * z, min=0, max=2)),
        wrong("gradient", "sign", lambda xp, z, s: 2 * s * xp.clip(1 - s * z, min=0, max=2)),
    ),
)


def draw_with_priors(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits, labels, and log-priors of which none is 0."""
    return *draw_labelled(rng, n, scale), np.log([0.6, 0.25, 0.1, 0.05])


def torch_adjusted(
    logits: np.ndarray, labels: np.ndarray, log_priors: np.ndarray, tau: float = 1.0
) -> np.ndarray:
    """Return torch's cross-entropy of the adjusted logits."""
    adjusted = torch.as_tensor(logits) + tau * torch.as_tensor(log_priors)
    return F.cross_entropy(adjusted, torch.as_tensor(labels), reduction="none").numpy()


def exact_adjusted(z: list, y: Any, log_priors: list, tau: float = 1.0) -> Any:
    """Return the logarithm of the sum over the rivals, each with its ratio of priors."""
    label = int(y)
    ratios = (
        mpmath.exp(x - z[label]) * mpmath.exp(log_prior - log_priors[label]) ** mpmath.mpf(tau)
        for x, log_prior in zip(z, log_priors, strict=True)
    )
    return mpmath.log(mpmath.fsum(ratios))


def with_priors(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return logits and labels with the draws' log-priors."""
    return *arrays, draw_with_priors(np.random.default_rng(0), 1, 1.0)[2]


LOGIT_ADJUSTED = Case(
    loss=classification.logit_adjusted_cross_entropy,
    gradient=classification.logit_adjusted_cross_entropy_grad,
    settings=({}, {"tau": 0.0}, {"tau": 1.5}),
    draw=draw_with_priors,
    oracle=("torch cross_entropy of the adjusted logits", torch_adjusted),
    exact=exact_adjusted,
    chance=lambda: (*balanced_labels(), np.full(CLASSES, -math.log(CLASSES))),
    limits=lambda tau=1.0: (
        Point(((-INF, 0.0), 1, (-0.5, -0.5)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0, (-0.5, -0.5)), (-1.0, 1.0), INF),
        Point(
            ((0.0, 0.0, 0.0), 1, (-INF, -1.0, -1.0)),
            (0.0, -0.5, 0.5) if tau else (1 / 3, -2 / 3, 1 / 3),
            math.log(2 if tau else 3),
        ),
    ),
    corners=lambda: (
        with_priors(*balanced_labels()),
        with_priors(*hard(1e4)),
        with_priors(*hard(10.0)),
    ),
    wrong_values={"labels": (-1, CLASSES), "log_priors": (0.25, 1.0)},
    rounding=4.0,
    shared=("log_priors",),
    without={
        "minimiser_is_the_statistic": "its minimiser is the frequencies over the priors to the "
        "tau, which is no statistic of the labels alone",
    },
    identities=(
        Identity(
            "cross-entropy at tau 0",
            lambda loss: (
                loss(*example(draw_with_priors), tau=0.0),
                surprises(*example(draw_with_priors)[:2]),
            ),
        ),
        Identity(
            "cross-entropy where the priors are equal",
            lambda loss: (
                loss(*example(), np.full(CLASSES, -math.log(CLASSES)), tau=1.5),
                surprises(*example()),
            ),
        ),
        Identity(
            "the best constant logits are the frequencies over the priors to the tau",
            lambda loss: (
                classification.logit_adjusted_cross_entropy_grad(
                    np.tile(
                        np.log([0.4, 0.3, 0.2, 0.1]) - 0.5 * example(draw_with_priors)[2],
                        (10, 1),
                    ),
                    np.repeat(np.arange(CLASSES), [4, 3, 2, 1]),
                    example(draw_with_priors)[2],
                    tau=0.5,
                ).sum(axis=0),
                np.zeros(CLASSES),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "priors subtracted",
            lambda xp, z, y, log_priors, tau=1.0: surprises(z - tau * log_priors, y),
        ),
        wrong(
            "loss",
            "priors for their logarithms",
            lambda xp, z, y, log_priors, tau=1.0: surprises(z + tau * xp.exp(log_priors), y),
        ),
        wrong(
            "loss",
            "tau left out",
            lambda xp, z, y, log_priors, tau=1.0: surprises(z + log_priors, y),
        ),
        wrong(
            "loss",
            "weighted by the prior",
            lambda xp, z, y, log_priors, tau=1.0: (
                surprises(z, y) * xp.exp(-tau * pick(log_priors + 0 * z, y))
            ),
        ),
        wrong(
            "loss",
            "only the label's logit adjusted",
            lambda xp, z, y, log_priors, tau=1.0: surprises(
                z + tau * log_priors * one_hot(y, z), y
            ),
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, y, log_priors, tau=1.0: surprises(z + tau * log_priors, y),
        ),
        wrong(
            "gradient",
            "priors left out",
            lambda xp, z, y, log_priors, tau=1.0: cross_entropy_slope(z, y),
        ),
        wrong(
            "gradient",
            "tau as a factor",
            lambda xp, z, y, log_priors, tau=1.0: tau * cross_entropy_slope(z + log_priors, y),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, y, log_priors, tau=1.0: (
                -classification.logit_adjusted_cross_entropy_grad(z, y, log_priors, tau=tau)
            ),
        ),
    ),
)


def rows_still_sum_to_1(smooth: Callable) -> None:
    targets = draw_soft(np.random.default_rng(0), 20, 1.0)[1]
    for smoothing in (0.0, 0.1, 0.5, 0.99):
        np.testing.assert_allclose(smooth(targets, smoothing=smoothing).sum(-1), 1, rtol=1e-14)


def matches_torch(smooth: Callable) -> None:
    logits, labels = (torch.as_tensor(a) for a in example())
    ours = classification.softmax_cross_entropy(
        logits, smooth(one_hot(labels, logits), smoothing=0.3)
    )
    theirs = F.cross_entropy(logits, labels, label_smoothing=0.3, reduction="none")
    torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=0)


def default_is_a_tenth(smooth: Callable) -> None:
    rows = np.eye(CLASSES)
    np.testing.assert_array_equal(smooth(rows), smooth(rows, smoothing=0.1))
    np.testing.assert_array_equal(smooth(rows, smoothing=0.0), rows)


def every_library_and_dtype_is_kept(smooth: Callable) -> None:
    for library, dtype in FORMATS:
        out = smooth(make(library, dtype, np.eye(3)[None]), smoothing=np.float64(0.3))
        assert dtype_name(out) == dtype
        expected = [0.8, 0.1, 0.1]
        np.testing.assert_allclose(read(out)[0, 0], expected, rtol=PRECISION[dtype].rtol)


def bad_arguments_are_refused(smooth: Callable) -> None:
    for bad, error in (
        ([1.0], TypeError),
        (np.eye(2, dtype=int), TypeError),
        (np.asarray(1.0), ValueError),
        (np.ones((2, 2)), ValueError),
        (np.asarray([[1.5, -0.5]]), ValueError),
    ):
        with pytest.raises(error, match=r"^targets: expected .*got "):
            smooth(bad)
    for bad, error in ((1.0, ValueError), (-0.1, ValueError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(error, match=r"^smoothing: expected .*got "):
            smooth(np.eye(2), smoothing=bad)


def _smoothed(body: Callable[[Array, float], Array]) -> Callable[..., Array]:
    def mutant(targets: Array, *, smoothing: float = 0.1) -> Array:
        classification.smooth_labels(targets, smoothing=smoothing)
        return body(targets, float(smoothing))

    return mutant


SMOOTH_LABELS = Helper(
    function=classification.smooth_labels,
    checks=(
        rows_still_sum_to_1,
        matches_torch,
        default_is_a_tenth,
        every_library_and_dtype_is_kept,
        bad_arguments_are_refused,
    ),
    mutants={
        "ε on each wrong class": _smoothed(lambda t, s: t * (1 - s) + s),
        "ε/(K - 1), and the label keeps its part": _smoothed(
            lambda t, s: (1 - s) * t + s / (t.shape[-1] - 1)
        ),
        "ε/(K - 1) on the wrong classes": _smoothed(
            lambda t, s: (1 - s) * t + s * (1 - t) / (t.shape[-1] - 1)
        ),
        "nothing by default": lambda targets, *, smoothing=0.0: classification.smooth_labels(
            targets, smoothing=smoothing
        ),
        "unchecked": lambda targets, *, smoothing=0.1: (
            (1 - smoothing) * targets + smoothing / np.shape(targets)[-1]
        ),
    },
)

COUNTS = np.asarray([1.0, 7.0, 40.0, 2000.0])


def is_scikit_learns_balanced(weights: Callable) -> None:
    labels = np.repeat(np.arange(CLASSES), COUNTS.astype(int))
    expected = compute_class_weight("balanced", classes=np.arange(CLASSES), y=labels)
    np.testing.assert_allclose(weights(COUNTS), expected, rtol=1e-14)


def each_class_weighs_the_same(weights: Callable) -> None:
    np.testing.assert_allclose(weights(COUNTS) * COUNTS, np.full(4, COUNTS.mean()), rtol=1e-14)


def rows_are_apart(weights: Callable) -> None:
    both = weights(np.stack([COUNTS, 3 * COUNTS[::-1]]))
    alone = np.stack([weights(COUNTS), weights(3 * COUNTS[::-1])])
    np.testing.assert_allclose(both, alone, rtol=1e-14)
    one = weights(np.asarray([5.0]))
    np.testing.assert_allclose(one, [1.0], rtol=1e-14)


def weights_keep_library_and_dtype(weights: Callable) -> None:
    counts = np.asarray([3.0, 5.0, 112.0])
    expected = weights(counts)
    for library, dtype in FORMATS:
        inputs = make(library, dtype, counts)
        out = weights(inputs)
        assert type(out) is type(inputs)
        assert dtype_name(out) == dtype
        np.testing.assert_allclose(read(out), expected, rtol=2 * PRECISION[dtype].rtol)


def bad_counts_are_refused(weights: Callable) -> None:
    for bad, error in (
        ([1.0], TypeError),
        (np.asarray([1, 2]), TypeError),
        (np.asarray(1.0), ValueError),
        (np.asarray([1.0, 0.0]), ValueError),
        (np.asarray([1.0, -2.0]), ValueError),
    ):
        with pytest.raises(error, match=r"^counts: expected .*got "):
            weights(bad)


def _of_counts(body: Callable[..., Array]) -> Callable[..., Array]:
    """Return a wrong version that still checks the counts."""

    def mutant(counts: Array, **hyperparameters: float) -> Array:
        classification.inverse_frequency_weights(counts)
        return body(counts, **hyperparameters)

    return mutant


INVERSE_FREQUENCY_WEIGHTS = Helper(
    function=classification.inverse_frequency_weights,
    checks=(
        is_scikit_learns_balanced,
        each_class_weighs_the_same,
        rows_are_apart,
        weights_keep_library_and_dtype,
        bad_counts_are_refused,
    ),
    mutants={
        "frequencies": _of_counts(lambda counts: counts / counts.mean(-1, keepdims=True)),
        "K left out": _of_counts(lambda counts: counts.sum(-1, keepdims=True) / counts),
        "not scaled": _of_counts(lambda counts: 1 / counts),
        "mean over the classes 1": _of_counts(
            lambda counts: (1 / counts) / (1 / counts).mean(-1, keepdims=True)
        ),
        "rows taken together": _of_counts(lambda counts: counts.mean() / counts),
        "left in NumPy": _of_counts(
            lambda counts: read(counts).mean(-1, keepdims=True) / read(counts)
        ),
        "unchecked": lambda counts: np.mean(counts, axis=-1, keepdims=True) / counts,
    },
)


def matches_the_definition(weights: Callable) -> None:
    for beta in (0.0, 0.5, 0.9, 0.999):
        effective = [math.fsum(beta**k for k in range(int(n))) for n in COUNTS]
        shares = 1 / np.asarray(effective)
        found = weights(COUNTS, beta=beta)
        np.testing.assert_allclose(found, CLASSES * shares / shares.sum(), rtol=1e-12)


def mean_over_the_classes_is_1(weights: Callable) -> None:
    for beta in (0.0, 0.5, 0.999, 1 - 1e-15):
        np.testing.assert_allclose(weights(COUNTS, beta=beta).mean(), 1.0, rtol=1e-14)


def all_are_1_at_beta_0(weights: Callable) -> None:
    np.testing.assert_array_equal(weights(COUNTS, beta=0.0), np.ones(4))


def tends_to_the_inverse_frequencies(weights: Callable) -> None:
    inverse = classification.inverse_frequency_weights(COUNTS)
    for library, dtype in FORMATS:
        found = read(weights(make(library, dtype, COUNTS), beta=1 - 2.0**-50))
        rtol = max(1e-11, 2 * PRECISION[dtype].rtol)
        np.testing.assert_allclose(found, inverse / inverse.mean(), rtol=rtol)


def beta_is_999_thousandths_by_default(weights: Callable) -> None:
    np.testing.assert_array_equal(weights(COUNTS), weights(COUNTS, beta=np.float64(0.999)))


def bad_betas_are_refused(weights: Callable) -> None:
    for bad, error in ((1.0, ValueError), (-0.1, ValueError), ("1", TypeError), (True, TypeError)):
        with pytest.raises(error, match=r"^beta: expected .*got "):
            weights(COUNTS, beta=bad)


def _effective(body: Callable[[Array, float], Array]) -> Callable[..., Array]:
    """Return a wrong version that still checks its arguments, scaled to the mean 1."""

    def mutant(counts: Array, *, beta: float = 0.999) -> Array:
        classification.effective_number_weights(counts, beta=beta)
        found = body(counts, float(beta))
        return found / found.mean(-1, keepdims=True)

    return mutant


def _naive_effective(counts: Array, *, beta: float = 0.999) -> Array:
    return (1 - beta) / (1 - beta**counts)


EFFECTIVE_NUMBER_WEIGHTS = Helper(
    function=classification.effective_number_weights,
    checks=(
        matches_the_definition,
        mean_over_the_classes_is_1,
        all_are_1_at_beta_0,
        tends_to_the_inverse_frequencies,
        beta_is_999_thousandths_by_default,
        rows_are_apart,
        weights_keep_library_and_dtype,
        bad_counts_are_refused,
        bad_betas_are_refused,
    ),
    mutants={
        "not scaled": _of_counts(_naive_effective),
        "1 - beta^n cancels": _effective(lambda counts, beta: 1 / (1 - beta**counts)),
        "a beta that float16 takes for 1": _effective(
            lambda counts, beta: (
                (1 - beta)
                / -array_api_compat.array_namespace(counts).expm1(
                    counts * (math.log(beta) if beta else -INF)
                )
            )
        ),
        "effective numbers for their inverses": _effective(
            lambda counts, beta: 1 - beta ** read(counts)
        ),
        "inverse frequencies whatever beta": _effective(
            lambda counts, beta: classification.inverse_frequency_weights(counts)
        ),
        "frequencies for counts": _effective(
            lambda counts, beta: 1 / (1 - beta ** (counts / counts.sum(-1, keepdims=True)))
        ),
        "another default": lambda counts, *, beta=0.9999: classification.effective_number_weights(
            counts, beta=beta
        ),
        "rows taken together": lambda counts, *, beta=0.999: (
            classification.effective_number_weights(counts.reshape(-1), beta=beta).reshape(
                counts.shape
            )
        ),
        "unchecked": _naive_effective,
    },
)

CASES = [
    BINARY_CROSS_ENTROPY,
    SOFTMAX_CROSS_ENTROPY,
    INTEGER_CROSS_ENTROPY,
    NEGATIVE_LOG_LIKELIHOOD,
    SIGMOID_FOCAL,
    SOFTMAX_FOCAL,
    BRIER,
    SOFTMAX_BRIER,
    Z_LOSS,
    DISTILLATION,
    POLY1,
    GENERALISED,
    SYMMETRIC,
    EXPONENTIAL,
    MODIFIED_HUBER,
    LOGIT_ADJUSTED,
]
HELPERS = [SMOOTH_LABELS, INVERSE_FREQUENCY_WEIGHTS, EFFECTIVE_NUMBER_WEIGHTS]
