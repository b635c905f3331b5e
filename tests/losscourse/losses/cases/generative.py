"""The cases of `losscourse.losses.generative`."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import array_api_compat
import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon
from scipy.special import expit
from scipy.stats import wasserstein_distance

from losscourse import stable
from losscourse.arrays import Array
from losscourse.losses import generative, regression
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.case import Case, Identity, Point, Wrong
from tests.losscourse.losses.helper import Helper

INF = math.inf
FEATURES = 3


def draw(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return rows of predictions, and of targets that they miss by about `scale`."""
    targets = rng.normal(size=(n, FEATURES))
    return targets + scale * rng.normal(size=(n, FEATURES)), targets


def draw_binary(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return rows of logits, and of targets: 0, 1, and grey values between."""
    shape = (n, FEATURES)
    targets = np.where(rng.random(shape) < 0.3, rng.random(shape), rng.integers(0, 2, shape))
    return scale * rng.normal(size=shape), targets


def draw_codes(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return means, and log-variances up to where the variance overflows float32."""
    means = scale * rng.normal(size=(n, FEATURES))
    return means, min(scale, 30.0) * rng.normal(size=(n, FEATURES))


def draw_elbo(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return losses of reconstructions of both signs, which a large divergence does not cancel."""
    codes = draw_codes(rng, n, min(scale, 40.0))
    losses = scale * rng.choice([-1.0, 1.0], size=n) * (1 + np.abs(rng.normal(size=n)))
    return losses, codes[0], np.clip(codes[1], None, 8.0)


def sample_rows(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return skewed rows of targets."""
    return (rng.gamma(1.0, 2.0, size=(101, FEATURES)),)


def sample_binary_rows(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return binary rows of which each feature is on at its own rate."""
    return ((rng.random((101, FEATURES)) < [0.2, 0.5, 0.8]).astype(float),)


def example(draw: Callable = draw, seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw(np.random.default_rng(seed), n, 2.0)


def from_torch(function: Callable[..., torch.Tensor]) -> Callable[..., np.ndarray]:
    """Return a function of tensors as one of NumPy arrays."""

    def oracle(*arrays: np.ndarray, **setting: float) -> np.ndarray:
        return function(*map(torch.as_tensor, arrays), **setting).numpy()

    return oracle


def wrong(of: str, name: str, body: Callable[..., Any]) -> Wrong:
    """Return a wrong version; `body(xp, *arrays, **hyperparameters)` gets the namespace too."""

    def with_namespace(*arrays: Array, **hyperparameters: float) -> Any:
        return body(array_api_compat.array_namespace(arrays[0]), *arrays, **hyperparameters)

    return Wrong(name, of, with_namespace)


def far(rest: tuple[Any, ...] = ((0.0, 0.0),)) -> tuple[Point, ...]:
    """Return the limits of a squared error of rows where the first feature is infinite."""
    return (
        Point(((INF, 0.0), *rest), (INF, 0.0), INF),
        Point(((-INF, 0.0), *rest), (-INF, 0.0), INF),
    )


SQUARED_WRONGS = (
    wrong("loss", "mean over the features", lambda xp, p, t: xp.mean((p - t) ** 2, axis=-1) / 2),
    wrong("loss", "½ missing", lambda xp, p, t: xp.sum((p - t) ** 2, axis=-1)),
    wrong("loss", "root of the sum", lambda xp, p, t: stable.sqrt(xp.sum((p - t) ** 2, axis=-1))),
    wrong("loss", "absolute for squared", lambda xp, p, t: xp.sum(xp.abs(p - t), axis=-1)),
    wrong("loss", "square of the sum", lambda xp, p, t: xp.sum(p - t, axis=-1) ** 2 / 2),
    wrong("gradient", "twice", lambda xp, p, t: 2 * (p - t)),
    wrong("gradient", "sign", lambda xp, p, t: t - p),
)

GAUSSIAN_RECONSTRUCTION = Case(
    loss=generative.gaussian_reconstruction,
    gradient=generative.gaussian_reconstruction_grad,
    settings=({},),
    draw=draw,
    oracle=(
        "torch mse_loss, summed",
        from_torch(lambda p, t: F.mse_loss(p, t, reduction="none").sum(-1) / 2),
    ),
    exact=lambda p, t: mpmath.norm([a - b for a, b in zip(p, t, strict=True)]) ** 2 / 2,
    statistic=lambda targets: targets.mean(axis=0),
    sample=sample_rows,
    limits=lambda: far(),
    identities=(
        Identity(
            "minus the log-density of the decoder's Gaussian, up to its constant",
            lambda loss: (
                loss(*example()) + FEATURES / 2 * math.log(2 * math.pi),
                -torch.distributions.Normal(torch.as_tensor(example()[0]), 1.0)
                .log_prob(torch.as_tensor(example()[1]))
                .sum(-1)
                .numpy(),
            ),
        ),
        Identity(
            "half the squared error of a single feature",
            lambda loss: (
                loss(*(a[:, :1] for a in example())),
                regression.squared_error(*(a[:, 0] for a in example())) / 2,
            ),
        ),
    ),
    wrongs=SQUARED_WRONGS,
)


BERNOULLI_RECONSTRUCTION = Case(
    loss=generative.bernoulli_reconstruction,
    gradient=generative.bernoulli_reconstruction_grad,
    settings=({},),
    draw=draw_binary,
    oracle=(
        "torch binary_cross_entropy_with_logits, summed",
        from_torch(lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1)),
    ),
    exact=lambda z, y: mpmath.fsum(
        -target * mpmath.log(1 / (1 + mpmath.exp(-logit)))
        - (1 - target) * mpmath.log(1 / (1 + mpmath.exp(logit)))
        for logit, target in zip(z, y, strict=True)
    ),
    statistic=lambda targets: targets.mean(axis=0),
    sample=sample_binary_rows,
    link=expit,
    limits=lambda: (
        Point(((INF, 0.0), (1.0, 0.0)), (0.0, 0.5), math.log(2)),
        Point(((INF, 0.0), (0.0, 0.0)), (1.0, 0.5), INF),
    ),
    wrong_values={"targets": (-1.0, 1.5)},
    rounding=3.0,
    identities=(
        Identity(
            "minus the log-probability of black and white pixels",
            lambda loss: (
                loss(example(draw_binary)[0], np.round(example(draw_binary)[1])),
                -torch.distributions.Bernoulli(logits=torch.as_tensor(example(draw_binary)[0]))
                .log_prob(torch.as_tensor(np.round(example(draw_binary)[1])))
                .sum(-1)
                .numpy(),
            ),
        ),
        Identity(
            "the negative with the other sign",
            lambda loss: (
                loss(*example(draw_binary)),
                loss(-example(draw_binary)[0], 1 - example(draw_binary)[1]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "mean over the features",
            lambda xp, z, y: xp.mean(stable.softplus(z) - y * z, axis=-1),
        ),
        wrong("loss", "white pixels only", lambda xp, z, y: xp.sum(y * stable.softplus(-z), -1)),
        wrong(
            "loss",
            "squared error of the probabilities",
            lambda xp, z, y: xp.sum((stable.sigmoid(z) - y) ** 2, axis=-1),
        ),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, z, y: (
                -xp.sum(
                    y * xp.log(stable.sigmoid(z)) + (1 - y) * xp.log(1 - stable.sigmoid(z)), axis=-1
                )
            ),
        ),
        wrong("gradient", "sign", lambda xp, z, y: y - stable.sigmoid(z)),
        wrong("gradient", "by the probability", lambda xp, z, y: z - y),
    ),
)


def exact_gaussian_kl(means: list, log_variances: list) -> Any:
    """Return KL(N(μ, σ²) ‖ N(0, 1)) as the divergence of any two Gaussians has it, in mpmath."""
    deviations = [mpmath.exp(v / 2) for v in log_variances]
    return mpmath.fsum(
        mpmath.log(1 / s) + (s**2 + (m - 0) ** 2) / 2 - mpmath.mpf(1) / 2
        for m, s in zip(means, deviations, strict=True)
    )


def torch_gaussian_kl(means: torch.Tensor, log_variances: torch.Tensor) -> torch.Tensor:
    """Return torch's divergence of two normal distributions."""
    code = torch.distributions.Normal(means, torch.exp(log_variances / 2))
    prior = torch.distributions.Normal(torch.zeros_like(means), torch.ones_like(means))
    return torch.distributions.kl_divergence(code, prior).sum(-1)


GAUSSIAN_KL = Case(
    loss=generative.gaussian_kl,
    gradient=generative.gaussian_kl_grad,
    settings=({},),
    draw=draw_codes,
    oracle=("torch kl_divergence", from_torch(torch_gaussian_kl)),
    exact=exact_gaussian_kl,
    by=2,
    rounding=4.0,
    limits=lambda: (
        Point(((INF, 0.0), (0.0, 0.0)), (INF, 0.0), INF),
        Point(((1.0, 0.0), (-INF, 0.0)), (1.0, 0.0), INF),
        Point(((1.0, 0.0), (INF, 0.0)), (1.0, 0.0), INF),
    ),
    without={"minimiser_is_the_statistic": "it knows no target"},
    identities=(
        Identity(
            "0 at the prior",
            lambda loss: (loss(np.zeros((2, FEATURES)), np.zeros((2, FEATURES))), np.zeros(2)),
        ),
        Identity(
            "half the squared mean at variance 1",
            lambda loss: (
                loss(example()[0], np.zeros_like(example()[0])),
                generative.gaussian_reconstruction(example()[0], np.zeros_like(example()[0])),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "½ missing",
            lambda xp, m, v: xp.sum(xp.square(m) + xp.expm1(v) - v, axis=-1),
        ),
        wrong(
            "loss",
            "mean over the features",
            lambda xp, m, v: xp.mean(xp.square(m) + xp.expm1(v) - v, axis=-1) / 2,
        ),
        wrong(
            "loss",
            "deviation for variance",
            lambda xp, m, v: xp.sum(xp.square(m) + xp.exp(v / 2) - 1 - v, axis=-1) / 2,
        ),
        wrong(
            "loss",
            "variance for its logarithm",
            lambda xp, m, v: xp.sum(xp.square(m) + xp.abs(v) - 1 - xp.log(xp.abs(v)), -1) / 2,
        ),
        wrong(
            "loss",
            "the other direction",
            lambda xp, m, v: xp.sum(xp.square(m) * xp.exp(-v) + xp.exp(-v) - 1 + v, axis=-1) / 2,
        ),
        wrong(
            "loss",
            "sign of the logarithm",
            lambda xp, m, v: xp.sum(xp.square(m) + xp.expm1(v) + v, axis=-1) / 2,
        ),
        wrong(
            "loss",
            "inf - inf",
            lambda xp, m, v: xp.sum(xp.square(m) + xp.expm1(v) - v, axis=-1) / 2,
        ),
        wrong("gradient", "order of the two", lambda xp, m, v: (xp.expm1(v) / 2, m)),
        wrong("gradient", "1 missing", lambda xp, m, v: (m, xp.exp(v) / 2)),
        wrong("gradient", "twice", lambda xp, m, v: (2 * m, xp.expm1(v))),
    ),
)


def wrong_elbo(name: str, body: Callable[..., Array]) -> Wrong:
    """Return a wrong bound; `body(xp, r, kl, beta)` gets the divergence."""
    return wrong(
        "loss",
        name,
        lambda xp, r, m, v, beta=1.0: body(xp, r, generative.gaussian_kl(m, v), beta),
    )


def pull_on_log_variances(loss: Callable[..., torch.Tensor], **setting: float) -> np.ndarray:
    """Return autograd's derivative by log-variances of which one's exponential overflows."""
    log_variances = torch.tensor([[1000.0, 1.0]], dtype=torch.float64, requires_grad=True)
    zeros = torch.zeros_like(log_variances)
    loss(zeros[:, 0], zeros, log_variances, **setting).sum().backward()
    return log_variances.grad.numpy()


NEGATIVE_ELBO = Case(
    loss=generative.negative_elbo,
    gradient=generative.negative_elbo_grad,
    settings=({}, {"beta": 0.0}, {"beta": 4.0}),
    draw=draw_elbo,
    oracle=(
        "torch kl_divergence, added",
        from_torch(lambda r, m, v, beta=1.0: r + beta * torch_gaussian_kl(m, v)),
    ),
    exact=lambda r, m, v, beta=1.0: r + beta * exact_gaussian_kl(m, v),
    by=3,
    rounding=16.0,
    limits=lambda beta=1.0: (
        Point((INF, (0.0, 0.0), (0.0, 0.0)), 1.0, INF),
        Point((2.0, (0.0, 0.0), (INF, 0.0)), 1.0, INF if beta else 2.0),
    ),
    without={"minimiser_is_the_statistic": "it knows no target: the reconstruction does"},
    identities=(
        Identity(
            "the reconstruction's loss alone at beta 0",
            lambda loss: (loss(*example(draw_elbo), beta=0.0), example(draw_elbo)[0]),
        ),
        Identity(
            "no pull at beta 0 of a variance that overflows",
            lambda loss: (pull_on_log_variances(loss, beta=0.0), np.zeros((1, 2))),
        ),
        Identity(
            "linear in beta",
            lambda loss: (
                loss(*example(draw_elbo), beta=3.0) - loss(*example(draw_elbo), beta=1.0),
                2 * generative.gaussian_kl(*example(draw_elbo)[1:]),
            ),
        ),
    ),
    wrongs=(
        wrong_elbo("divergence subtracted", lambda xp, r, kl, beta: r - beta * kl),
        wrong_elbo("beta on the reconstruction", lambda xp, r, kl, beta: beta * r + kl),
        wrong_elbo("beta left out", lambda xp, r, kl, beta: r + kl),
        wrong_elbo("evidence to maximise", lambda xp, r, kl, beta: -(r + beta * kl)),
        wrong_elbo("0 times infinity", lambda xp, r, kl, beta: r + beta * kl),
        wrong_elbo(
            "0 times an infinite slope",
            lambda xp, r, kl, beta: r + stable.times(xp.full_like(kl, beta), kl),
        ),
        wrong_elbo("one divergence for all", lambda xp, r, kl, beta: r + beta * xp.mean(kl)),
        wrong(
            "gradient",
            "beta left out",
            lambda xp, r, m, v, beta=1.0: (xp.ones_like(r), *generative.gaussian_kl_grad(m, v)),
        ),
        wrong(
            "gradient",
            "beta everywhere",
            lambda xp, r, m, v, beta=1.0: (
                beta * xp.ones_like(r),
                *(beta * g for g in generative.gaussian_kl_grad(m, v)),
            ),
        ),
    ),
)


def draw_pairs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of real examples and of fakes."""
    return scale * rng.normal(size=n), scale * rng.normal(size=n)


def draw_fakes(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of fakes."""
    return (scale * rng.normal(size=n),)


BOTH_ARE_PREDICTIONS = {"minimiser_is_the_statistic": "both arguments are predictions: no target"}
NO_TARGET = {"minimiser_is_the_statistic": "a generator has no target"}

SURE = np.asarray([-30.0, -8.0, -3.0, 0.0, 3.0, 8.0, 30.0])
"""Logits of a discriminator that is ever surer."""

OUTCOMES = np.asarray([[0.5, 0.1], [0.25, 0.2], [0.15, 0.3], [0.1, 0.4]])
"""Probabilities of four outcomes: among the real, and among the fakes."""


def exact_log_sigmoid(x: Any) -> Any:
    """Return the logarithm of the sigmoid, in enough digits for any float64."""
    with mpmath.workdps(400):
        return mpmath.log(1 / (1 + mpmath.exp(-x)))


def torch_cross_entropy(label: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return torch's binary cross-entropy against one label."""
    return lambda z: F.binary_cross_entropy_with_logits(
        z, torch.full_like(z, label), reduction="none"
    )


MINIMAX_DISCRIMINATOR = Case(
    loss=generative.minimax_discriminator,
    gradient=generative.minimax_discriminator_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=(
        "torch binary_cross_entropy_with_logits, of labels 1 and 0",
        from_torch(lambda r, f: torch_cross_entropy(1.0)(r) + torch_cross_entropy(0.0)(f)),
    ),
    exact=lambda r, f: -exact_log_sigmoid(r) - exact_log_sigmoid(-f),
    by=2,
    limits=lambda: (
        Point((INF, 0.0), 0.0, math.log(2)),
        Point((-INF, 0.0), -1.0, INF),
        Point((0.0, INF), -0.5, INF),
        Point((0.0, -INF), -0.5, math.log(2)),
    ),
    chance=lambda: (np.zeros(2), np.zeros(2)),
    corners=lambda: ((SURE, SURE[::-1]),),
    without=BOTH_ARE_PREDICTIONS,
    identities=(
        Identity(
            "log 4 - 2 · Jensen-Shannon at the best discriminator",
            lambda loss: (
                np.sum(
                    OUTCOMES[:, 0]
                    * loss(np.log(OUTCOMES[:, 0] / OUTCOMES[:, 1]), -INF * np.ones(4))
                    + OUTCOMES[:, 1]
                    * loss(INF * np.ones(4), np.log(OUTCOMES[:, 0] / OUTCOMES[:, 1]))
                ),
                math.log(4) - 2 * jensenshannon(OUTCOMES[:, 0], OUTCOMES[:, 1]) ** 2,
            ),
        ),
        Identity(
            "the roles swapped with the signs",
            lambda loss: (
                loss(*example(draw_pairs)),
                loss(-example(draw_pairs)[1], -example(draw_pairs)[0]),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, r, f: -stable.softplus(-r) - stable.softplus(f)),
        wrong("loss", "labels swapped", lambda xp, r, f: stable.softplus(r) + stable.softplus(-f)),
        wrong(
            "loss", "both called real", lambda xp, r, f: stable.softplus(-r) + stable.softplus(-f)
        ),
        wrong(
            "loss",
            "mean of the two",
            lambda xp, r, f: (stable.softplus(-r) + stable.softplus(f)) / 2,
        ),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, r, f: -xp.log(stable.sigmoid(r)) - xp.log(1 - stable.sigmoid(f)),
        ),
        wrong("gradient", "sign", lambda xp, r, f: (stable.sigmoid(-r), -stable.sigmoid(f))),
        wrong("gradient", "order", lambda xp, r, f: (stable.sigmoid(f), -stable.sigmoid(-r))),
        wrong(
            "gradient", "1 - σ cancels", lambda xp, r, f: (stable.sigmoid(r) - 1, stable.sigmoid(f))
        ),
    ),
)

MINIMAX_GENERATOR = Case(
    loss=generative.minimax_generator,
    gradient=generative.minimax_generator_grad,
    settings=({},),
    draw=draw_fakes,
    oracle=(
        "torch binary_cross_entropy_with_logits of label 0, negated",
        from_torch(lambda f: -torch_cross_entropy(0.0)(f)),
    ),
    exact=lambda f: exact_log_sigmoid(-f),
    limits=lambda: (Point((INF,), -1.0, -INF), Point((-INF,), 0.0, 0.0)),
    chance=lambda: (np.zeros(2),),
    corners=lambda: ((SURE,),),
    without=NO_TARGET,
    identities=(
        Identity(
            "zero-sum: what the discriminator's loss holds of the fakes",
            lambda loss: (
                loss(*example(draw_fakes)),
                -generative.minimax_discriminator(INF * np.ones(50), *example(draw_fakes)),
            ),
        ),
        Identity(
            "the logarithm of a real example's probability in the discriminator's eyes, mirrored",
            lambda loss: (loss(*example(draw_fakes)), np.log1p(-expit(*example(draw_fakes)))),
        ),
    ),
    wrongs=(
        wrong("loss", "non-saturating", lambda xp, f: stable.softplus(-f)),
        wrong("loss", "sign", lambda xp, f: stable.softplus(f)),
        wrong("loss", "of the real", lambda xp, f: -stable.softplus(-f)),
        wrong("loss", "from probabilities", lambda xp, f: xp.log(1 - stable.sigmoid(f))),
        wrong("loss", "linear", lambda xp, f: -f),
        wrong("gradient", "non-saturating", lambda xp, f: -stable.sigmoid(-f)),
        wrong("gradient", "sign", lambda xp, f: stable.sigmoid(f)),
    ),
)

NON_SATURATING_GENERATOR = Case(
    loss=generative.non_saturating_generator,
    gradient=generative.non_saturating_generator_grad,
    settings=({},),
    draw=draw_fakes,
    oracle=(
        "torch binary_cross_entropy_with_logits of label 1",
        from_torch(torch_cross_entropy(1.0)),
    ),
    exact=lambda f: -exact_log_sigmoid(f),
    limits=lambda: (Point((INF,), 0.0, 0.0), Point((-INF,), -1.0, INF)),
    chance=lambda: (np.zeros(2),),
    corners=lambda: ((SURE,),),
    without=NO_TARGET,
    identities=(
        Identity(
            "minus the logit, minus the minimax loss",
            lambda loss: (
                loss(*example(draw_fakes)),
                -example(draw_fakes)[0] - generative.minimax_generator(*example(draw_fakes)),
            ),
        ),
        Identity(
            "the two generators' gradients sum to -1",
            lambda loss: (
                generative.non_saturating_generator_grad(*example(draw_fakes))
                + generative.minimax_generator_grad(*example(draw_fakes)),
                -np.ones(50),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "saturating", lambda xp, f: -stable.softplus(f)),
        wrong("loss", "sign", lambda xp, f: -stable.softplus(-f)),
        wrong("loss", "the discriminator's", lambda xp, f: stable.softplus(f)),
        wrong("loss", "from probabilities", lambda xp, f: -xp.log(stable.sigmoid(f))),
        wrong("loss", "overflows", lambda xp, f: xp.log1p(xp.exp(-f))),
        wrong("gradient", "saturating", lambda xp, f: -stable.sigmoid(f)),
        wrong("gradient", "sign", lambda xp, f: stable.sigmoid(-f)),
        wrong("gradient", "1 - σ cancels", lambda xp, f: stable.sigmoid(f) - 1),
    ),
)


def torch_half_squared(scores: torch.Tensor, target: float) -> torch.Tensor:
    """Return half of torch's squared error to one number."""
    return F.mse_loss(scores, torch.full_like(scores, target), reduction="none") / 2


LEAST_SQUARES_DISCRIMINATOR = Case(
    loss=generative.least_squares_discriminator,
    gradient=generative.least_squares_discriminator_grad,
    settings=({}, {"fake_target": -1.0}),
    draw=draw_pairs,
    oracle=(
        "torch mse_loss to each target, halved",
        from_torch(
            lambda r, f, real_target=1.0, fake_target=0.0: (
                torch_half_squared(r, real_target) + torch_half_squared(f, fake_target)
            )
        ),
    ),
    exact=lambda r, f, real_target=1.0, fake_target=0.0: (
        mpmath.norm([r - real_target, f - fake_target]) ** 2 / 2
    ),
    by=2,
    limits=lambda real_target=1.0, fake_target=0.0: (
        Point((INF, 0.0), INF, INF),
        Point((-INF, 0.0), -INF, INF),
        Point((1.0, INF), 1.0 - real_target, INF),
    ),
    without=BOTH_ARE_PREDICTIONS,
    identities=(
        Identity(
            "the best discriminator's loss, from its score (b p + a q)/(p + q)",
            lambda loss: (
                np.sum(
                    OUTCOMES[:, 0] * loss(best_score(), np.zeros(4))
                    + OUTCOMES[:, 1] * loss(np.ones(4), best_score())
                ),
                np.sum(np.prod(OUTCOMES, axis=1) / OUTCOMES.sum(axis=1)) / 2,
            ),
        ),
        Identity(
            "half the squared distance of the two scores from their targets",
            lambda loss: (
                loss(*example(draw_pairs), fake_target=-1.0),
                generative.gaussian_reconstruction(
                    np.stack(example(draw_pairs), axis=-1), np.tile([1.0, -1.0], (50, 1))
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "½ missing",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: (
                (r - real_target) ** 2 + (f - fake_target) ** 2
            ),
        ),
        wrong(
            "loss",
            "targets swapped",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: (
                ((r - fake_target) ** 2 + (f - real_target) ** 2) / 2
            ),
        ),
        wrong(
            "loss",
            "fake target left out",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: ((r - real_target) ** 2 + f**2) / 2,
        ),
        wrong(
            "loss",
            "of probabilities",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: (
                ((stable.sigmoid(r) - real_target) ** 2 + (stable.sigmoid(f) - fake_target) ** 2)
                / 2
            ),
        ),
        wrong(
            "gradient",
            "twice",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: (
                2 * (r - real_target),
                2 * (f - fake_target),
            ),
        ),
        wrong(
            "gradient",
            "order",
            lambda xp, r, f, real_target=1.0, fake_target=0.0: (f - fake_target, r - real_target),
        ),
    ),
)


def best_score() -> np.ndarray:
    """Return the least-squares discriminator's best scores of the outcomes, for targets 1 and 0."""
    return OUTCOMES[:, 0] / OUTCOMES.sum(axis=1)


LEAST_SQUARES_GENERATOR = Case(
    loss=generative.least_squares_generator,
    gradient=generative.least_squares_generator_grad,
    settings=({}, {"target": 0.0}),
    draw=draw_fakes,
    oracle=(
        "torch mse_loss, halved",
        from_torch(lambda f, target=1.0: torch_half_squared(f, target)),
    ),
    exact=lambda f, target=1.0: (f**2 - 2 * target * f + target**2) / 2,
    limits=lambda target=1.0: (Point((INF,), INF, INF), Point((-INF,), -INF, INF)),
    without=NO_TARGET,
    identities=(
        Identity(
            "half the squared error",
            lambda loss: (
                loss(*example(draw_fakes), target=0.5),
                regression.squared_error(*example(draw_fakes), np.full(50, 0.5)) / 2,
            ),
        ),
        Identity(
            "the discriminator's loss of a perfect real score and of fakes called real",
            lambda loss: (
                loss(*example(draw_fakes)),
                generative.least_squares_discriminator(
                    np.ones(50), *example(draw_fakes), fake_target=1.0
                ),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "½ missing", lambda xp, f, target=1.0: (f - target) ** 2),
        wrong("loss", "the discriminator's target", lambda xp, f, target=1.0: f**2 / 2),
        wrong("loss", "sign of the target", lambda xp, f, target=1.0: (f + target) ** 2 / 2),
        wrong("loss", "absolute", lambda xp, f, target=1.0: xp.abs(f - target)),
        wrong(
            "loss",
            "of a probability",
            lambda xp, f, target=1.0: (stable.sigmoid(f) - target) ** 2 / 2,
        ),
        wrong("gradient", "twice", lambda xp, f, target=1.0: 2 * (f - target)),
        wrong("gradient", "sign", lambda xp, f, target=1.0: target - f),
    ),
)

HINGE_DISCRIMINATOR = Case(
    loss=generative.hinge_discriminator,
    gradient=generative.hinge_discriminator_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=(
        "torch margin_ranking_loss, of signs 1 and -1",
        from_torch(
            lambda r, f: sum(
                F.margin_ranking_loss(
                    z, torch.zeros_like(z), s * torch.ones_like(z), margin=1.0, reduction="none"
                )
                for z, s in ((r, 1), (f, -1))
            )
        ),
    ),
    exact=lambda r, f: (abs(1 - r) + (1 - r)) / 2 + (abs(1 + f) + (1 + f)) / 2,
    by=2,
    kinks=lambda: (Point((1.0, 0.0), -1.0), Point((1.0, -2.0), -1.0)),
    limits=lambda: (
        Point((INF, 0.0), 0.0, 1.0),
        Point((-INF, 0.0), -1.0, INF),
        Point((2.0, -INF), 0.0, 0.0),
        Point((2.0, INF), 0.0, INF),
    ),
    chance=lambda: (np.zeros(2), np.zeros(2)),
    rounding=1.0,
    without=BOTH_ARE_PREDICTIONS,
    identities=(
        Identity(
            "2 - 2 · total variation at the best discriminator",
            lambda loss: (
                np.sum(
                    OUTCOMES[:, 0] * loss(np.sign(np.subtract(*OUTCOMES.T)), -np.ones(4))
                    + OUTCOMES[:, 1] * loss(np.ones(4), np.sign(np.subtract(*OUTCOMES.T)))
                ),
                2 - np.abs(np.subtract(*OUTCOMES.T)).sum(),
            ),
        ),
        Identity(
            "the roles swapped with the signs",
            lambda loss: (
                loss(*example(draw_pairs)),
                loss(-example(draw_pairs)[1], -example(draw_pairs)[0]),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the fake", lambda xp, r, f: relu(xp, 1 - r) + relu(xp, 1 - f)),
        wrong("loss", "margin 0", lambda xp, r, f: relu(xp, -r) + relu(xp, f)),
        wrong("loss", "no hinge", lambda xp, r, f: 1 - r + 1 + f),
        wrong("loss", "one hinge for both", lambda xp, r, f: relu(xp, 2 - r + f)),
        wrong("loss", "squared", lambda xp, r, f: relu(xp, 1 - r) ** 2 + relu(xp, 1 + f) ** 2),
        wrong(
            "gradient",
            "the critic's",
            lambda xp, r, f: (-xp.ones_like(r), xp.ones_like(f)),
        ),
        wrong(
            "gradient",
            "0 at the kink",
            lambda xp, r, f: (
                -xp.astype(r < 1, r.dtype),
                xp.astype(f > -1, f.dtype),
            ),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, r, f: (
                xp.astype(r <= 1, r.dtype),
                -xp.astype(f >= -1, f.dtype),
            ),
        ),
    ),
)


def relu(xp: Any, x: Array) -> Array:
    """Return the positive part."""
    return xp.clip(x, min=0)


WASSERSTEIN_CRITIC = Case(
    loss=generative.wasserstein_critic,
    gradient=generative.wasserstein_critic_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=("NumPy subtract", lambda r, f: np.subtract(f, r)),
    exact=lambda r, f: -(r - f),
    by=2,
    limits=lambda: (
        Point((INF, 0.0), -1.0, -INF),
        Point((-INF, 0.0), -1.0, INF),
        Point((0.0, INF), -1.0, INF),
    ),
    without=BOTH_ARE_PREDICTIONS,
    identities=(
        Identity(
            "minus the Wasserstein distance, for the critic x of samples of which one is shifted",
            lambda loss: (
                np.mean(loss(np.arange(9.0) + 2.5, np.arange(9.0))),
                -wasserstein_distance(np.arange(9.0) + 2.5, np.arange(9.0)),
            ),
        ),
        Identity(
            "zero-sum with the generator",
            lambda loss: (
                loss(np.zeros(50), *example(draw_fakes)),
                -generative.wasserstein_generator(*example(draw_fakes)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, r, f: r - f),
        wrong("loss", "absolute", lambda xp, r, f: xp.abs(f - r)),
        wrong("loss", "mean of the two", lambda xp, r, f: (f - r) / 2),
        wrong("loss", "logistic", lambda xp, r, f: stable.softplus(f - r)),
        wrong("gradient", "sign", lambda xp, r, f: (xp.ones_like(r), -xp.ones_like(f))),
        wrong("gradient", "NaN hidden", lambda xp, r, f: (-xp.ones_like(r), xp.ones_like(f))),
    ),
)

WASSERSTEIN_GENERATOR = Case(
    loss=generative.wasserstein_generator,
    gradient=generative.wasserstein_generator_grad,
    settings=({},),
    draw=draw_fakes,
    oracle=("NumPy negative", np.negative),
    exact=lambda f: 0 - f,
    limits=lambda: (Point((INF,), -1.0, -INF), Point((-INF,), -1.0, INF)),
    without=NO_TARGET,
    identities=(
        Identity(
            "what the critic's loss holds of the fakes, negated",
            lambda loss: (
                loss(*example(draw_fakes)),
                -generative.wasserstein_critic(np.zeros(50), *example(draw_fakes)),
            ),
        ),
        Identity(
            "the tail of the non-saturating loss",
            lambda loss: (
                loss(np.linspace(-90.0, -40.0, 50)),
                generative.non_saturating_generator(np.linspace(-90.0, -40.0, 50)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, f: +1 * f),
        wrong("loss", "hinge", lambda xp, f: relu(xp, 1 - f)),
        wrong("loss", "logistic", lambda xp, f: stable.softplus(-f)),
        wrong("loss", "absolute", lambda xp, f: -xp.abs(f)),
        wrong("gradient", "sign", lambda xp, f: xp.ones_like(f)),
        wrong("gradient", "NaN hidden", lambda xp, f: -xp.ones_like(f)),
    ),
)


def draw_maps(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return feature maps of two channels at three positions, and targets that they miss."""
    targets = rng.normal(size=(n, 2, 3))
    return targets + scale * rng.normal(size=(n, 2, 3)), targets


def draw_styles(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return rectified feature maps, whose products do not cancel, in Gram matrices for float16."""
    features, targets = map(np.abs, draw_maps(rng, n, min(scale, 100.0)))
    swapped = np.arange(n)[:, None, None] % 2 == 0
    return np.where(swapped, targets, features), np.where(swapped, features, targets)


def draw_images(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return images of three by three pixels."""
    return (scale * rng.normal(size=(n, 3, 3)),)


def sample_maps(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return skewed feature maps."""
    return (rng.gamma(1.0, 2.0, size=(101, 2, 3)),)


CONTENT = Case(
    loss=generative.content,
    gradient=generative.content_grad,
    settings=({},),
    draw=draw_maps,
    oracle=(
        "torch mse_loss, summed",
        from_torch(lambda f, t: F.mse_loss(f, t, reduction="none").sum((-2, -1)) / 2),
    ),
    exact=lambda f, t: mpmath.fsum(
        (x - y) * (x - y) / 2
        for row, others in zip(f, t, strict=True)
        for x, y in zip(row, others, strict=True)
    ),
    statistic=lambda targets: targets.mean(axis=0),
    sample=sample_maps,
    limits=lambda: (
        Point((((INF, 1.0),), ((0.0, 0.0),)), ((INF, 1.0),), INF),
        Point((((-INF, 1.0),), ((0.0, 0.0),)), ((-INF, 1.0),), INF),
    ),
    identities=(
        Identity(
            "the Gaussian reconstruction loss of the flattened maps",
            lambda loss: (
                loss(*example(draw_maps)),
                generative.gaussian_reconstruction(*(a.reshape(50, 6) for a in example(draw_maps))),
            ),
        ),
        Identity(
            "symmetric in its arguments",
            lambda loss: (loss(*example(draw_maps)), loss(*example(draw_maps)[::-1])),
        ),
    ),
    wrongs=(
        wrong("loss", "½ missing", lambda xp, f, t: xp.sum((f - t) ** 2, axis=(-2, -1))),
        wrong("loss", "mean", lambda xp, f, t: xp.mean((f - t) ** 2, axis=(-2, -1))),
        wrong("loss", "over the channels only", lambda xp, f, t: xp.sum((f - t) ** 2, axis=-2) / 2),
        wrong("loss", "absolute", lambda xp, f, t: xp.sum(xp.abs(f - t), axis=(-2, -1)) / 2),
        wrong(
            "loss",
            "of the Gram matrices",
            lambda xp, f, t: xp.sum((generative.gram(f) - generative.gram(t)) ** 2, (-2, -1)) / 2,
        ),
        wrong("gradient", "twice", lambda xp, f, t: 2 * (f - t)),
        wrong("gradient", "rectified", lambda xp, f, t: xp.clip(f - t, min=0)),
    ),
)


def exact_style(features: list, targets: list) -> Any:
    """Return the style loss from undivided Gram matrices, in mpmath."""
    channels, positions = len(features), len(features[0])
    terms = (
        (mpmath.fdot(features[c], features[d]) - mpmath.fdot(targets[c], targets[d])) ** 2
        for c in range(channels)
        for d in range(channels)
    )
    return mpmath.fsum(terms) / (4 * channels**2 * positions**2)


def torch_style(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the style loss from undivided Gram matrices."""
    made, wanted = (torch.einsum("ncp,ndp->ncd", a, a) for a in (features, targets))
    return torch.sum((made - wanted) ** 2, dim=(1, 2)) / (4 * features[0].numel() ** 2)


def wrong_style(name: str, body: Callable[[Any, Array], Array]) -> Wrong:
    """Return a style loss of another matrix: `body(xp, features)`."""
    return wrong(
        "loss",
        name,
        lambda xp, f, t: xp.sum((body(xp, f) - body(xp, t)) ** 2, axis=(-2, -1)) / 4,
    )


STYLE = Case(
    loss=generative.style,
    gradient=generative.style_grad,
    settings=({},),
    draw=draw_styles,
    oracle=("torch einsum", from_torch(torch_style)),
    exact=exact_style,
    rounding=1.0,
    limits=lambda: (
        Point((((1.0, 2.0),), ((INF, 0.0),)), ((-INF, -INF),), INF),
        Point((((-1.0, 2.0),), ((INF, 0.0),)), ((INF, -INF),), INF),
    ),
    without={"minimiser_is_the_statistic": "many feature maps have the same Gram matrix"},
    identities=(
        Identity(
            "no matter where: the positions of the targets shuffled",
            lambda loss: (
                loss(*example(draw_maps)),
                loss(example(draw_maps)[0], example(draw_maps)[1][:, :, [2, 0, 1]]),
            ),
        ),
        Identity(
            "no matter which sign",
            lambda loss: (
                loss(*example(draw_maps)),
                loss(-example(draw_maps)[0], example(draw_maps)[1]),
            ),
        ),
        Identity(
            "of one channel: the squared difference of the mean squares, over 4",
            lambda loss: (
                loss(*(a[:, :1] for a in example(draw_maps))),
                np.subtract(*(np.mean(a[:, 0] ** 2, axis=-1) for a in example(draw_maps))) ** 2 / 4,
            ),
        ),
    ),
    wrongs=(
        wrong_style("½ for ¼", lambda xp, f: 2**0.5 * generative.gram(f)),
        wrong_style(
            "divided by the positions alone",
            lambda xp, f: xp.matmul(f, xp.matrix_transpose(f)) / f.shape[-1],
        ),
        wrong_style(
            "positions for channels", lambda xp, f: generative.gram(xp.matrix_transpose(f))
        ),
        wrong_style(
            "centred", lambda xp, f: generative.gram(f - xp.mean(f, axis=-1, keepdims=True))
        ),
        wrong(
            "loss",
            "mean of the matrices",
            lambda xp, f, t: xp.mean((generative.gram(f) - generative.gram(t)) ** 2, (-2, -1)) / 4,
        ),
        wrong("loss", "of the features", lambda xp, f, t: xp.sum((f - t) ** 2, (-2, -1)) / 4),
        wrong(
            "gradient",
            "by the Gram matrix alone",
            lambda xp, f, t: xp.matmul(generative.gram(f) - generative.gram(t), f),
        ),
        wrong(
            "gradient",
            "at the targets",
            lambda xp, f, t: xp.matmul(generative.gram(f) - generative.gram(t), t) / 6,
        ),
        wrong("gradient", "sign", lambda xp, f, t: -generative.style_grad(f, t)),
    ),
)


def exact_image_total_variation(image: list) -> Any:
    """Return the summed distances of all pairs of pixels that are neighbours, in mpmath."""
    pixels = [(h, w) for h in range(len(image)) for w in range(len(image[0]))]
    return mpmath.fsum(
        abs(image[h][w] - image[k][v])
        for i, (h, w) in enumerate(pixels)
        for k, v in pixels[i:]
        if abs(h - k) + abs(w - v) == 1
    )


def wrong_variation(name: str, body: Callable[[Any, Array, Array], Array]) -> Wrong:
    """Return a wrong total variation: `body(xp, down, right)` gets the differences."""
    return wrong(
        "loss",
        name,
        lambda xp, x: body(xp, x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]),
    )


BOTH = (-2, -1)

IMAGE_TOTAL_VARIATION = Case(
    loss=generative.image_total_variation,
    gradient=generative.image_total_variation_grad,
    settings=({},),
    draw=draw_images,
    oracle=(
        "torch diff",
        from_torch(lambda x: sum(x.diff(dim=axis).abs().sum(BOTH) for axis in BOTH)),
    ),
    exact=exact_image_total_variation,
    kinks=lambda: (
        Point((((0.0, 0.0), (0.0, 0.0)),), ((0.0, 0.0), (0.0, 0.0))),
        Point((((1.0, 1.0), (0.0, 2.0)),), ((1.0, -1.0), (-2.0, 2.0))),
    ),
    limits=lambda: (
        Point((((INF, 0.0), (0.0, 1.0)),), ((2.0, -2.0), (-2.0, 2.0)), INF),
        Point((((-INF, 0.0), (0.0, 1.0)),), ((-2.0, 0.0), (0.0, 2.0)), INF),
    ),
    without={"minimiser_is_the_statistic": "it knows no target"},
    identities=(
        Identity("a slope along the rows", lambda loss: (loss(np.tile(np.arange(4.0), (3, 1))), 9)),
        Identity(
            "no matter how the image lies",
            lambda loss: (
                loss(*example(draw_images)),
                loss(np.rot90(*example(draw_images), axes=(1, 2))),
            ),
        ),
        Identity(
            "the image times its gradient",
            lambda loss: (
                loss(*example(draw_images)),
                (
                    example(draw_images)[0]
                    * generative.image_total_variation_grad(*example(draw_images))
                ).sum(axis=BOTH),
            ),
        ),
    ),
    wrongs=(
        wrong_variation(
            "squares", lambda xp, down, right: xp.sum(down**2, axis=BOTH) + xp.sum(right**2, BOTH)
        ),
        wrong_variation(
            "abs missing", lambda xp, down, right: xp.sum(down, axis=BOTH) + xp.sum(right, BOTH)
        ),
        wrong_variation("rows only", lambda xp, down, right: xp.sum(xp.abs(down), axis=BOTH)),
        wrong_variation(
            "mean",
            lambda xp, down, right: xp.mean(xp.abs(down), axis=BOTH) + xp.mean(xp.abs(right), BOTH),
        ),
        wrong_variation(
            "isotropic",
            lambda xp, down, right: xp.sum(
                xp.sqrt(down[..., :, :-1] ** 2 + right[..., :-1, :] ** 2), axis=BOTH
            ),
        ),
        wrong(
            "loss",
            "around the edge",
            lambda xp, x: sum(xp.sum(xp.abs(x - xp.roll(x, 1, axis=a)), axis=BOTH) for a in BOTH),
        ),
        wrong("gradient", "sign", lambda xp, x: -generative.image_total_variation_grad(x)),
        wrong(
            "gradient",
            "around the edge",
            lambda xp, x: sum(xp.sign(x - xp.roll(x, by, axis=a)) for a in BOTH for by in (-1, 1)),
        ),
    ),
)

CYCLE_CONSISTENCY = Case(
    loss=generative.cycle_consistency,
    gradient=generative.cycle_consistency_grad,
    settings=({},),
    draw=draw,
    oracle=(
        "torch l1_loss, summed",
        from_torch(lambda p, t: F.l1_loss(p, t, reduction="none").sum(-1)),
    ),
    exact=lambda p, t: mpmath.fsum(max(a - b, b - a) for a, b in zip(p, t, strict=True)),
    kinks=lambda: (
        Point(((0.0, 1.0), (0.0, 0.0)), (0.0, 1.0)),
        Point(((0.0, 0.0), (0.0, 0.0)), (0.0, 0.0)),
    ),
    limits=lambda: (
        Point(((INF, 0.0), (0.0, 1.0)), (1.0, -1.0), INF),
        Point(((0.0, 0.0), (INF, 1.0)), (-1.0, -1.0), INF),
    ),
    statistic=lambda targets: np.median(targets, axis=0),
    sample=sample_rows,
    identities=(
        Identity(
            "the absolute error of a single feature",
            lambda loss: (
                loss(*(a[:, :1] for a in example())),
                regression.absolute_error(*(a[:, 0] for a in example())),
            ),
        ),
        Identity(
            "the residuals times the gradient",
            lambda loss: (
                loss(*example()),
                np.sum(
                    np.subtract(*example()) * generative.cycle_consistency_grad(*example()), axis=-1
                ),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "mean over the features", lambda xp, p, t: xp.mean(xp.abs(p - t), axis=-1)),
        wrong("loss", "squared", lambda xp, p, t: xp.sum((p - t) ** 2, axis=-1)),
        wrong("loss", "2-norm", lambda xp, p, t: stable.sqrt(xp.sum((p - t) ** 2, axis=-1))),
        wrong("loss", "abs of the sum", lambda xp, p, t: xp.abs(xp.sum(p - t, axis=-1))),
        wrong("loss", "largest feature", lambda xp, p, t: xp.max(xp.abs(p - t), axis=-1)),
        wrong("gradient", "sign", lambda xp, p, t: xp.sign(t - p)),
        wrong("gradient", "of the squared error", lambda xp, p, t: 2 * (p - t)),
    ),
)


def gram_is_the_mean_product_of_channels(gram: Callable) -> None:
    features = example(draw_maps)[0]
    expected = np.einsum("ncp,ndp->ncd", features, features) / 6
    np.testing.assert_allclose(gram(features), expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(gram(features[0]), expected[0], rtol=1e-13, atol=1e-15)


def gram_forgets_the_positions(gram: Callable) -> None:
    features = example(draw_maps)[0]
    np.testing.assert_allclose(gram(features[:, :, ::-1]), gram(features), rtol=1e-13, atol=1e-15)
    assert gram(features).shape == (50, 2, 2)


def gram_keeps_library_and_dtype(gram: Callable) -> None:
    for library, dtype in FORMATS:
        out = gram(make(library, dtype, np.asarray([[[300.0, 0.0], [0.0, 2.0]]])))
        assert dtype_name(out) == dtype
        expected = [[22500.0, 0.0], [0.0, 1.0]]
        np.testing.assert_allclose(read(out)[0], expected, rtol=PRECISION[dtype].rtol)


def gram_of_an_image_of_256_by_256(gram: Callable) -> None:
    for library, dtype in FORMATS:
        out = gram(make(library, dtype, np.full((1, 1, 256 * 256), 2.0)))
        np.testing.assert_allclose(read(out)[0], [[4.0]], rtol=PRECISION[dtype].rtol)


def gram_refuses_bad_arguments(gram: Callable) -> None:
    for bad, error in (
        ([[1.0]], TypeError),
        (np.ones((2, 2), dtype=int), TypeError),
        (np.ones(3), ValueError),
        (np.ones((2, 0)), ValueError),
        (np.ones((3, 0, 2)), ValueError),
    ):
        with pytest.raises(error, match=r"^features: expected .*got "):
            gram(bad)


def _checked(body: Callable[[Any, Array], Array]) -> Callable[[Array], Array]:
    def mutant(features: Array) -> Array:
        generative.gram(features)
        return body(array_api_compat.array_namespace(features), features)

    return mutant


GRAM = Helper(
    function=generative.gram,
    checks=(
        gram_is_the_mean_product_of_channels,
        gram_forgets_the_positions,
        gram_keeps_library_and_dtype,
        gram_of_an_image_of_256_by_256,
        gram_refuses_bad_arguments,
    ),
    mutants={
        "undivided": _checked(lambda xp, f: xp.matmul(f, xp.matrix_transpose(f))),
        "divided after the sum": _checked(
            lambda xp, f: xp.matmul(f, xp.matrix_transpose(f)) / (f.shape[-2] * f.shape[-1])
        ),
        "one factor divided": _checked(
            lambda xp, f: xp.matmul(f / (f.shape[-2] * f.shape[-1]), xp.matrix_transpose(f))
        ),
        "by position": _checked(
            lambda xp, f: xp.matmul(xp.matrix_transpose(f), f) / (f.shape[-2] * f.shape[-1])
        ),
        "divided by the channels twice": _checked(
            lambda xp, f: generative.gram(f) * f.shape[-1] / f.shape[-2]
        ),
        "shifted by one position": _checked(
            lambda xp, f: xp.matmul(f, xp.matrix_transpose(xp.roll(f, 1, axis=-1)))
        ),
        "unchecked": lambda features: features @ np.swapaxes(features, -2, -1) / 6,
    },
)


def draw_velocities(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return velocities missed by about `scale`, data, noise and log signal-to-noise ratios."""
    data, noise = rng.normal(size=(2, n, FEATURES))
    log_snr = 3 * rng.normal(size=n)
    return (
        velocity(data, noise, log_snr) + scale * rng.normal(size=data.shape),
        data,
        noise,
        log_snr,
    )


def draw_flow(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return velocities missed by about `scale`, noise and data."""
    start, end = rng.normal(size=(2, n, FEATURES))
    return end - start + scale * rng.normal(size=start.shape), start, end


def velocity(data: np.ndarray, noise: np.ndarray, log_snr: np.ndarray) -> np.ndarray:
    """Return the velocity by the angle whose tangent is σ/α."""
    angle = np.arctan(np.exp(-log_snr / 2))[..., None]
    return np.cos(angle) * noise - np.sin(angle) * data


def torch_squared_distance(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return torch's squared distance of rows."""
    return torch.linalg.vector_norm(predictions - targets, dim=-1) ** 2


def exact_velocity(data: list, noise: list, log_snr: Any) -> list:
    """Return the velocity by the signal-to-noise ratio itself, in mpmath."""
    snr = mpmath.exp(log_snr)
    return [
        (mpmath.sqrt(snr) * e - x) / mpmath.sqrt(1 + snr) for x, e in zip(data, noise, strict=True)
    ]


def exact_squared_distance(predictions: list, targets: list) -> Any:
    """Return the squared distance of two rows, in mpmath."""
    return mpmath.norm([p - t for p, t in zip(predictions, targets, strict=True)]) ** 2


def sample_velocities(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return skewed data, noise, and log signal-to-noise ratios."""
    data, noise = rng.gamma(1.0, 2.0, size=(101, FEATURES)), rng.normal(size=(101, FEATURES))
    return data, noise, 3 * rng.normal(size=101) - 3


def sample_flow(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return noise away from 0, and skewed data."""
    return 1 + rng.normal(size=(101, FEATURES)), rng.gamma(1.0, 2.0, size=(101, FEATURES))


NOISE_PREDICTION = Case(
    loss=generative.noise_prediction,
    gradient=generative.noise_prediction_grad,
    settings=({},),
    draw=draw,
    oracle=("torch vector_norm, squared", from_torch(torch_squared_distance)),
    exact=exact_squared_distance,
    statistic=lambda noise: noise.mean(axis=0),
    sample=sample_rows,
    limits=lambda: far(),
    identities=(
        Identity(
            "twice the Gaussian reconstruction loss",
            lambda loss: (loss(*example()), 2 * generative.gaussian_reconstruction(*example())),
        ),
        Identity(
            "SNR times the squared error of the data that the noise implies",
            lambda loss: (
                loss(example()[0], example()[1]),
                np.exp(-1.5)
                * loss(implied_data(example()[0], -1.5), implied_data(example()[1], -1.5)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "½", lambda xp, p, t: xp.sum((p - t) ** 2, axis=-1) / 2),
        wrong("loss", "mean over the features", lambda xp, p, t: xp.mean((p - t) ** 2, axis=-1)),
        wrong("loss", "norm", lambda xp, p, t: stable.sqrt(xp.sum((p - t) ** 2, axis=-1))),
        wrong("loss", "absolute", lambda xp, p, t: xp.sum(xp.abs(p - t), axis=-1)),
        wrong("loss", "sum of the two", lambda xp, p, t: xp.sum((p + t) ** 2, axis=-1)),
        wrong("gradient", "2 missing", lambda xp, p, t: p - t),
        wrong("gradient", "sign", lambda xp, p, t: 2 * (t - p)),
    ),
)


def implied_data(noise: np.ndarray, log_snr: float) -> np.ndarray:
    """Return the data (z - σ ε)/α of a noised example z of 0.7."""
    signal, spread = np.sqrt(expit([log_snr, -log_snr]))
    return (0.7 - spread * noise) / signal


def wrong_velocity(name: str, body: Callable[..., Array]) -> Wrong:
    """Return a v-prediction of another target: `body(xp, x, e, a, s)` gets α² and σ²."""

    def loss(xp: Any, p: Array, x: Array, e: Array, log_snr: Array) -> Array:
        a, s = stable.sigmoid(log_snr)[..., None], stable.sigmoid(-log_snr)[..., None]
        return xp.sum((p - body(xp, x, e, a, s)) ** 2, axis=-1)

    return wrong("loss", name, loss)


V_PREDICTION = Case(
    loss=generative.v_prediction,
    gradient=generative.v_prediction_grad,
    settings=({},),
    draw=draw_velocities,
    oracle=(
        "NumPy, by the angle of signal and noise",
        lambda p, x, e, log_snr: np.linalg.norm(p - velocity(x, e, log_snr), axis=-1) ** 2,
    ),
    exact=lambda p, x, e, log_snr: exact_squared_distance(p, exact_velocity(x, e, log_snr)),
    statistic=lambda x, e, log_snr: velocity(x, e, log_snr).mean(axis=0),
    sample=sample_velocities,
    rounding=8.0,
    limits=lambda: (
        *far(((0.0, 0.0), (0.0, 0.0), 0.0)),
        Point(((0.0, 0.0), (1.0, 1.0), (3.0, 0.0), INF), (-6.0, 0.0), 9.0),
        Point(((0.0, 0.0), (1.0, 1.0), (3.0, 0.0), -INF), (2.0, 2.0), 2.0),
    ),
    identities=(
        Identity(
            "1 + SNR times the squared error of the data that the velocity implies",
            lambda loss: (
                loss(*example(draw_velocities)),
                (1 + np.exp(example(draw_velocities)[3]))
                * generative.noise_prediction(
                    data_of_velocity(*example(draw_velocities)), example(draw_velocities)[1]
                ),
            ),
        ),
        Identity(
            "the error of the noise where there is no noise",
            lambda loss: (
                loss(*example(draw_velocities)[:3], np.full(50, 80.0)),
                generative.noise_prediction(
                    example(draw_velocities)[0], example(draw_velocities)[2]
                ),
            ),
        ),
    ),
    wrongs=(
        wrong_velocity("noise for velocity", lambda xp, x, e, a, s: e),
        wrong_velocity("the noised example", lambda xp, x, e, a, s: a**0.5 * x + s**0.5 * e),
        wrong_velocity("sign", lambda xp, x, e, a, s: s**0.5 * x - a**0.5 * e),
        wrong_velocity("roots missing", lambda xp, x, e, a, s: a * e - s * x),
        wrong_velocity("α and σ swapped", lambda xp, x, e, a, s: s**0.5 * e - a**0.5 * x),
        wrong(
            "loss",
            "mean over the features",
            lambda xp, p, x, e, log_snr: generative.v_prediction(p, x, e, log_snr) / p.shape[-1],
        ),
        wrong(
            "gradient",
            "2 missing",
            lambda xp, p, x, e, log_snr: p - generative.v_target(x, e, log_snr),
        ),
        wrong("gradient", "of the noise's loss", lambda xp, p, x, e, log_snr: 2 * (p - e)),
    ),
)


def data_of_velocity(
    predictions: np.ndarray, data: np.ndarray, noise: np.ndarray, log_snr: np.ndarray
) -> np.ndarray:
    """Return the data α z - σ v that a velocity implies."""
    signal, spread = np.sqrt(expit([log_snr, -log_snr]))[..., None]
    return signal * (signal * data + spread * noise) - spread * predictions


FLOW_MATCHING = Case(
    loss=generative.flow_matching,
    gradient=generative.flow_matching_grad,
    settings=({},),
    draw=draw_flow,
    oracle=(
        "torch vector_norm, squared",
        from_torch(lambda p, start, end: torch_squared_distance(p, end - start)),
    ),
    exact=lambda p, start, end: mpmath.fsum(
        (v + a - b) ** 2 for v, a, b in zip(p, start, end, strict=True)
    ),
    statistic=lambda start, end: end.mean(axis=0) - start.mean(axis=0),
    sample=sample_flow,
    rounding=8.0,
    limits=lambda: far(((0.0, 0.0), (0.0, 0.0))),
    identities=(
        Identity(
            "the derivative of the path by time is right",
            lambda loss: (
                loss(slope_of_path(*example(draw_flow)[1:]), *example(draw_flow)[1:]) + 1,
                np.ones(50),
            ),
        ),
        Identity(
            "no matter where the pair lies",
            lambda loss: (
                loss(*example(draw_flow)),
                loss(example(draw_flow)[0], *(a + 8.0 for a in example(draw_flow)[1:])),
            ),
        ),
        Identity(
            "backwards in time",
            lambda loss: (
                loss(*example(draw_flow)),
                loss(-example(draw_flow)[0], *example(draw_flow)[:0:-1]),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "time reversed", lambda xp, p, a, b: xp.sum((p - (a - b)) ** 2, axis=-1)),
        wrong("loss", "data for velocity", lambda xp, p, a, b: xp.sum((p - b) ** 2, axis=-1)),
        wrong("loss", "½", lambda xp, p, a, b: xp.sum((p - (b - a)) ** 2, axis=-1) / 2),
        wrong("loss", "mean", lambda xp, p, a, b: xp.mean((p - (b - a)) ** 2, axis=-1)),
        wrong("loss", "absolute", lambda xp, p, a, b: xp.sum(xp.abs(p - (b - a)), axis=-1)),
        wrong("gradient", "2 missing", lambda xp, p, a, b: p - (b - a)),
        wrong("gradient", "time reversed", lambda xp, p, a, b: 2 * (p - (a - b))),
    ),
)


def slope_of_path(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the difference quotient of the path over half of the time."""
    early, late = (generative.interpolate(start, end, np.full(50, t)) for t in (0.25, 0.75))
    return (late - early) / 0.5


DATA, NOISE, LOG_SNR = draw_velocities(np.random.default_rng(1), 20, 1.0)[1:]


def diffuse_has_the_ratio(diffuse: Callable) -> None:
    zeros = np.zeros_like(DATA)
    signal, spread = diffuse(DATA, zeros, LOG_SNR), diffuse(zeros, NOISE, LOG_SNR)
    ratio = np.tile(np.exp(LOG_SNR)[:, None], 3)
    np.testing.assert_allclose((signal / DATA) ** 2 / (spread / NOISE) ** 2, ratio, rtol=1e-12)
    np.testing.assert_allclose(signal + spread, diffuse(DATA, NOISE, LOG_SNR), rtol=1e-12)


def diffuse_keeps_the_variance(diffuse: Callable) -> None:
    rows = np.eye(2)
    total = sum(diffuse(*(np.tile(r, (20, 1)) for r in (x, 1 - x)), LOG_SNR) ** 2 for x in rows)
    np.testing.assert_allclose(total, np.ones((20, 2)), rtol=1e-13)
    assert (diffuse(np.abs(DATA), np.abs(NOISE), LOG_SNR) > 0).all()


def diffuse_reaches_both_ends(diffuse: Callable) -> None:
    ends = [diffuse(DATA, NOISE, np.full(20, end)) for end in (INF, -INF)]
    np.testing.assert_array_equal(ends, [DATA, NOISE])


def diffuse_keeps_little_noise_in_float16(diffuse: Callable) -> None:
    """The noise's variance would underflow."""
    zeros, ones = np.zeros((1, 1), np.float16), np.ones((1, 1), np.float16)
    found = diffuse(zeros, ones, np.asarray([18.0], np.float16))
    np.testing.assert_allclose(found, [[math.exp(-9)]], rtol=0.01)


def v_target_turns_back_into_data_and_noise(v_target: Callable) -> None:
    v, z = v_target(DATA, NOISE, LOG_SNR), generative.diffuse(DATA, NOISE, LOG_SNR)
    signal, spread = np.sqrt(expit([LOG_SNR, -LOG_SNR]))[..., None]
    np.testing.assert_allclose(signal * z - spread * v, DATA, rtol=1e-10)
    np.testing.assert_allclose(spread * z + signal * v, NOISE, rtol=1e-10)


def v_target_is_the_velocity_by_the_angle(v_target: Callable) -> None:
    angle, step = np.arctan(np.exp(-LOG_SNR / 2)), 1e-6
    ahead, behind = (
        generative.diffuse(DATA, NOISE, -2 * np.log(np.tan(angle + move))) for move in (step, -step)
    )
    np.testing.assert_allclose(
        v_target(DATA, NOISE, LOG_SNR), (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8
    )


def keeps_rows_in_library_and_dtype(function: Callable) -> None:
    for library, dtype in FORMATS:
        arrays = [make(library, dtype, a) for a in (DATA[:3], NOISE[:3], np.full(3, 0.5))]
        out = function(*arrays)
        assert dtype_name(out) == dtype
        expected = function(*(read(a) for a in arrays))
        slack = 4 * PRECISION[dtype].rtol
        np.testing.assert_allclose(read(out), expected, rtol=PRECISION[dtype].rtol, atol=slack)


def refuses_bad_rows(function: Callable) -> None:
    good = dict(
        zip(inspect.signature(function).parameters, (DATA, NOISE, np.full(20, 0.5)), strict=True)
    )
    _, second, third = good
    for name, bad, error in (
        (second, good[second][:2], ValueError),
        (second, good[second].astype(np.float32), TypeError),
        (second, good[second].astype(int), TypeError),
        (third, good[third][:, None], ValueError),
        (third, 0.5, TypeError),
    ):
        with pytest.raises(error, match=rf"^{name}: expected .*got "):
            function(**{**good, name: bad})


def _rows(
    right: Callable[..., Array], body: Callable[[Any, Array, Array, Array], Array]
) -> Callable[..., Array]:
    """Return a wrong version whose arguments are still checked; the last one gets an axis."""

    @functools.wraps(right)
    def mutant(*arrays: Array, **named: Array) -> Array:
        right(*arrays, **named)
        first, second, last = (*arrays, *named.values())
        return body(array_api_compat.array_namespace(first), first, second, last[..., None])

    return mutant


def _of_snr(right: Callable, body: Callable[[Array, Array, Array, Array], Array]) -> Callable:
    """Return a wrong version from data, noise, α and σ."""

    def by_log_snr(xp: Any, x: Array, e: Array, log_snr: Array) -> Array:
        return body(x, e, xp.sqrt(stable.sigmoid(log_snr)), xp.sqrt(stable.sigmoid(-log_snr)))

    return _rows(right, by_log_snr)


def _in_float64(right: Callable) -> Callable:
    """Return a wrong version that forgets the dtype."""
    return _rows(right, lambda xp, x, e, t: xp.astype(right(x, e, t[..., 0]), xp.float64))


DIFFUSE = Helper(
    function=generative.diffuse,
    checks=(
        diffuse_has_the_ratio,
        diffuse_keeps_the_variance,
        diffuse_reaches_both_ends,
        diffuse_keeps_little_noise_in_float16,
        keeps_rows_in_library_and_dtype,
        refuses_bad_rows,
    ),
    mutants={
        "roots missing": _of_snr(generative.diffuse, lambda x, e, a, s: a**2 * x + s**2 * e),
        "velocity": _of_snr(generative.diffuse, lambda x, e, a, s: a * e - s * x),
        "signal and noise swapped": _of_snr(generative.diffuse, lambda x, e, a, s: s * x + a * e),
        "noise subtracted": _of_snr(generative.diffuse, lambda x, e, a, s: a * x - s * e),
        "σ² underflows": _of_snr(generative.diffuse, lambda x, e, a, s: a * x + s * e),
        "variance exploding": _of_snr(generative.diffuse, lambda x, e, a, s: x + s / a * e),
        "dtype forgotten": _in_float64(generative.diffuse),
        "unchecked": lambda data, noise, log_snr: (
            np.sqrt(expit(log_snr))[:, None] * data + np.sqrt(expit(-log_snr))[:, None] * noise
        ),
    },
)

V_TARGET = Helper(
    function=generative.v_target,
    checks=(
        v_target_turns_back_into_data_and_noise,
        v_target_is_the_velocity_by_the_angle,
        keeps_rows_in_library_and_dtype,
        refuses_bad_rows,
    ),
    mutants={
        "sign": _of_snr(generative.v_target, lambda x, e, a, s: s * x - a * e),
        "roots missing": _of_snr(generative.v_target, lambda x, e, a, s: a**2 * e - s**2 * x),
        "α and σ swapped": _of_snr(generative.v_target, lambda x, e, a, s: s * e - a * x),
        "noised example": _of_snr(generative.v_target, lambda x, e, a, s: a * x + s * e),
        "velocity of the straight path": _of_snr(generative.v_target, lambda x, e, a, s: e - x),
        "dtype forgotten": _in_float64(generative.v_target),
        "unchecked": lambda data, noise, log_snr: velocity(data, noise, np.asarray(log_snr)),
    },
)


def path_leads_from_start_to_end(interpolate: Callable) -> None:
    for time, expected in ((0.0, DATA), (1.0, NOISE), (0.25, 0.75 * DATA + 0.25 * NOISE)):
        found = interpolate(DATA, NOISE, np.full(20, time))
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


def path_has_a_time_for_each_example(interpolate: Callable) -> None:
    times = np.linspace(0, 1, 20)
    found = interpolate(np.zeros((20, 3)), np.ones((20, 3)), times)
    np.testing.assert_allclose(found, np.tile(times[:, None], 3), rtol=1e-13)
    found = interpolate(np.zeros((4, 5, 3)), np.ones((4, 5, 3)), times.reshape(4, 5))
    np.testing.assert_allclose(found[..., 0].ravel(), times, rtol=1e-13)


def path_ends_with_time(interpolate: Callable) -> None:
    for bad in (-0.1, 1.1):
        with pytest.raises(ValueError, match=r"^times: expected values in \[0, 1\], got "):
            interpolate(DATA, NOISE, np.full(20, bad))


INTERPOLATE = Helper(
    function=generative.interpolate,
    checks=(
        path_leads_from_start_to_end,
        path_has_a_time_for_each_example,
        path_ends_with_time,
        keeps_rows_in_library_and_dtype,
        refuses_bad_rows,
    ),
    mutants={
        "time reversed": _rows(generative.interpolate, lambda xp, a, b, t: t * a + (1 - t) * b),
        "start kept": _rows(generative.interpolate, lambda xp, a, b, t: a + t * b),
        "one time for all": _rows(
            generative.interpolate, lambda xp, a, b, t: a + xp.mean(t) * (b - a)
        ),
        "roots": _rows(generative.interpolate, lambda xp, a, b, t: (1 - t) ** 0.5 * a + t**0.5 * b),
        "dtype forgotten": _in_float64(generative.interpolate),
        "unchecked": lambda start, end, times: start + np.asarray(times)[..., None] * (end - start),
    },
)

RATIOS = np.asarray([0.01, 0.5, 3.0, 4.9, 5.1, 40.0, 1e4])


def noise_weights_are_the_ratio(weights: Callable) -> None:
    for gamma in (0.5, 5.0, 20.0):
        expected = np.minimum(RATIOS, gamma) / RATIOS
        np.testing.assert_allclose(weights(np.log(RATIOS), gamma=gamma), expected, rtol=1e-13)


def v_weights_are_the_ratio(weights: Callable) -> None:
    for gamma in (0.5, 5.0, 20.0):
        expected = np.minimum(RATIOS, gamma) / (RATIOS + 1)
        np.testing.assert_allclose(weights(np.log(RATIOS), gamma=gamma), expected, rtol=1e-13)


def weighted_losses_of_noise_and_data_agree(weights: Callable) -> None:
    """The noise's weighted error is min(SNR, γ) times the data's."""
    noise_error = np.exp(LOG_SNR) * generative.noise_prediction(DATA, NOISE)
    expected = np.minimum(np.exp(LOG_SNR), 5.0) * generative.noise_prediction(DATA, NOISE)
    np.testing.assert_allclose(weights(LOG_SNR) * noise_error, expected, rtol=1e-13)


def weighted_losses_of_velocity_and_data_agree(weights: Callable) -> None:
    """The velocity's weighted error is min(SNR, γ) times the data's."""
    arrays = example(draw_velocities)
    data_error = generative.noise_prediction(data_of_velocity(*arrays), arrays[1])
    found = weights(arrays[3]) * generative.v_prediction(*arrays)
    np.testing.assert_allclose(found, np.minimum(np.exp(arrays[3]), 5.0) * data_error, rtol=1e-11)


def weights_hold_at_the_ends_in_any_dtype(weights: Callable) -> None:
    """The ratio itself would overflow float16 from 11 on."""
    ends = np.asarray([-INF, -100.0, 12.0, 100.0, INF])
    expected = [0.0, math.exp(-100), 5 / (math.exp(12) + 1), 5 * math.exp(-100), 0.0]
    if weights.__name__ == "min_snr_noise_weights":
        expected[:3] = [1.0, 1.0, 5 * math.exp(-12)]
    for library, dtype in FORMATS:
        out = weights(make(library, dtype, ends), gamma=np.float64(5))
        assert dtype_name(out) == dtype
        rtol = 16 * PRECISION[dtype].rtol  # the exponent is rounded, and is up to 12
        np.testing.assert_allclose(read(out), expected, rtol=rtol, atol=PRECISION[dtype].tiny)


def weights_refuse_bad_arguments(weights: Callable) -> None:
    for bad in ([1.0], np.ones(2, dtype=int), 1.0):
        with pytest.raises(TypeError, match=r"^log_snr: expected .*got "):
            weights(bad)
    for bad, error in ((0.0, ValueError), (-1.0, ValueError), (INF, ValueError), ("5", TypeError)):
        with pytest.raises(error, match=r"^gamma: expected .*got "):
            weights(np.zeros(2), gamma=bad)


def _weights(right: Callable, body: Callable[[Any, Array, float], Array]) -> Callable[..., Array]:
    @functools.wraps(right)
    def mutant(log_snr: Array, *, gamma: float = 5.0) -> Array:
        right(log_snr, gamma=gamma)
        return body(array_api_compat.array_namespace(log_snr), log_snr, float(gamma))

    return mutant


def _unchecked_weights(right: Callable) -> Callable[..., Array]:
    @functools.wraps(right)
    def mutant(log_snr: Array, *, gamma: float = 5.0) -> Array:
        return np.minimum(1.0, float(gamma) * np.exp(-np.asarray(log_snr)))

    return mutant


MIN_SNR_NOISE_WEIGHTS = Helper(
    function=generative.min_snr_noise_weights,
    checks=(
        noise_weights_are_the_ratio,
        weighted_losses_of_noise_and_data_agree,
        weights_hold_at_the_ends_in_any_dtype,
        weights_refuse_bad_arguments,
    ),
    mutants={
        "of the data": _weights(
            generative.min_snr_noise_weights, lambda xp, x, g: xp.clip(xp.exp(x), max=g)
        ),
        "of the velocity": _weights(
            generative.min_snr_noise_weights,
            lambda xp, x, g: xp.clip(xp.exp(x), max=g) / (xp.exp(x) + 1),
        ),
        "largest for least": _weights(
            generative.min_snr_noise_weights, lambda xp, x, g: xp.clip(g * xp.exp(-x), min=1)
        ),
        "ratio overflows": _weights(
            generative.min_snr_noise_weights,
            lambda xp, x, g: xp.clip(xp.exp(x), max=g) / xp.exp(x),
        ),
        "gamma left out": _weights(
            generative.min_snr_noise_weights, lambda xp, x, g: xp.exp(xp.clip(-x, max=0))
        ),
        "unchecked": _unchecked_weights(generative.min_snr_noise_weights),
    },
)

MIN_SNR_V_WEIGHTS = Helper(
    function=generative.min_snr_v_weights,
    checks=(
        v_weights_are_the_ratio,
        weighted_losses_of_velocity_and_data_agree,
        weights_hold_at_the_ends_in_any_dtype,
        weights_refuse_bad_arguments,
    ),
    mutants={
        "of the noise": _weights(
            generative.min_snr_v_weights, lambda xp, x, g: xp.clip(g * xp.exp(-x), max=1)
        ),
        "ratio overflows": _weights(
            generative.min_snr_v_weights,
            lambda xp, x, g: xp.clip(xp.exp(x), max=g) / (xp.exp(x) + 1),
        ),
        "noise for signal": _weights(
            generative.min_snr_v_weights,
            lambda xp, x, g: generative.min_snr_noise_weights(x, gamma=g) * stable.sigmoid(-x),
        ),
        "1 + gamma": _weights(
            generative.min_snr_v_weights,
            lambda xp, x, g: xp.clip(xp.exp(x), max=g) / (xp.clip(xp.exp(x), max=g) + 1),
        ),
        "unchecked": _unchecked_weights(generative.min_snr_v_weights),
    },
)


REAL, FAKE = torch.as_tensor(np.random.default_rng(2).normal(size=(2, 6, 2, 2)))
MIXING = torch.linspace(0, 1, 6, dtype=torch.float64)
SLOPES = torch.as_tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)


def linear(weights: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a critic whose slope is the same everywhere."""
    return lambda x: (weights * x).flatten(1).sum(dim=1)


def quadratic(x: torch.Tensor) -> torch.Tensor:
    """Return the scores of a critic whose slope at x is x."""
    return (x**2).flatten(1).sum(dim=1, keepdim=True) / 2


def penalty_of_a_linear_critic(penalty: Callable) -> None:
    found = penalty(linear(SLOPES), REAL, FAKE, MIXING)
    expected = (SLOPES.norm() - 1).square().expand(6)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def penalty_is_taken_between(penalty: Callable) -> None:
    between = MIXING[:, None, None] * REAL + (1 - MIXING[:, None, None]) * FAKE
    expected = (between.flatten(1).norm(dim=1) - 1) ** 2
    found = penalty(quadratic, REAL, FAKE, MIXING)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def penalty_of_a_gentle_slope(penalty: Callable) -> None:
    found = penalty(linear(SLOPES / 100), REAL, FAKE, MIXING)
    torch.testing.assert_close(found, ((SLOPES / 100).norm() - 1).square().expand(6))


def penalty_trains_the_critic(penalty: Callable) -> None:
    weights = SLOPES.clone().requires_grad_()
    penalty(linear(weights), REAL, FAKE, MIXING).mean().backward()
    expected = 2 * (SLOPES.norm() - 1) * SLOPES / SLOPES.norm()
    torch.testing.assert_close(weights.grad, expected, rtol=1e-12, atol=0)


def penalty_of_a_flat_critic_has_no_pull(penalty: Callable) -> None:
    weights = torch.zeros_like(SLOPES).requires_grad_()
    losses = penalty(linear(weights), REAL, FAKE, MIXING)
    losses.sum().backward()
    torch.testing.assert_close(losses.detach(), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(weights.grad, torch.zeros_like(SLOPES))


def penalty_is_measured_without_gradients(penalty: Callable) -> None:
    with torch.no_grad():
        found = penalty(quadratic, REAL, REAL, MIXING)
    torch.testing.assert_close(found, (REAL.flatten(1).norm(dim=1) - 1) ** 2)


def penalty_refuses_bad_arguments(penalty: Callable) -> None:
    good = {"critic": linear(SLOPES), "real": REAL, "fake": FAKE, "mixing": MIXING}
    penalty(**good)
    for name, bad, error in (
        ("real", REAL.numpy(), TypeError),
        ("fake", FAKE[:3], ValueError),
        ("fake", FAKE.float(), TypeError),
        ("mixing", MIXING[:, None], ValueError),
        ("mixing", MIXING[:3], ValueError),
        ("mixing", 2 * MIXING, ValueError),
        ("mixing", 0.5, TypeError),
        ("critic", lambda x: x, ValueError),
        ("critic", lambda x: x.sum(), ValueError),
        ("critic", lambda x: torch.zeros(len(x)), ValueError),
        ("critic", lambda x: SLOPES.clone().requires_grad_().sum().expand(len(x)), ValueError),
        ("critic", REAL, TypeError),
    ):
        with pytest.raises(error, match=rf"^{name}: expected .*got "):
            penalty(**{**good, name: bad})
    with pytest.raises(ValueError, match=r"^real: expected shape \(N, ...\), got "):
        penalty(linear(SLOPES), REAL[:, 0, 0], FAKE[:, 0, 0], MIXING)


def slopes(critic: Callable, inputs: torch.Tensor, graph: bool = True) -> torch.Tensor:
    """Return the critic's gradient by its inputs, flattened."""
    inputs = inputs.detach().requires_grad_()
    return torch.autograd.grad(critic(inputs).sum(), inputs, create_graph=graph)[0].flatten(1)


def at(real: torch.Tensor, fake: torch.Tensor, mixing: torch.Tensor) -> torch.Tensor:
    """Return the points between real and fake."""
    mixing = mixing[:, None, None]
    return mixing * real + (1 - mixing) * fake


def _penalty(body: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def mutant(
        critic: Callable, real: torch.Tensor, fake: torch.Tensor, mixing: torch.Tensor
    ) -> torch.Tensor:
        generative.gradient_penalty(critic, real, fake, mixing)
        return body(critic, real, fake, mixing)

    return mutant


GRADIENT_PENALTY = Helper(
    function=generative.gradient_penalty,
    checks=(
        penalty_of_a_linear_critic,
        penalty_is_taken_between,
        penalty_of_a_gentle_slope,
        penalty_trains_the_critic,
        penalty_of_a_flat_critic_has_no_pull,
        penalty_is_measured_without_gradients,
        penalty_refuses_bad_arguments,
    ),
    mutants={
        "slope 0 wanted": _penalty(
            lambda critic, real, fake, mixing: (
                slopes(critic, at(real, fake, mixing)).square().sum(dim=1)
            )
        ),
        "gentle slopes free": _penalty(
            lambda critic, real, fake, mixing: F.relu(
                slopes(critic, at(real, fake, mixing)).norm(dim=1) - 1
            ).square()
        ),
        "at the real": _penalty(
            lambda critic, real, fake, mixing: (slopes(critic, real).norm(dim=1) - 1).square()
        ),
        "mixing turned round": _penalty(
            lambda critic, real, fake, mixing: (
                slopes(critic, at(fake, real, mixing)).norm(dim=1) - 1
            ).square()
        ),
        "one norm for the batch": _penalty(
            lambda critic, real, fake, mixing: (
                (slopes(critic, at(real, fake, mixing)).norm() - 1).square().expand(len(real))
            )
        ),
        "square not of the norm": _penalty(
            lambda critic, real, fake, mixing: (
                slopes(critic, at(real, fake, mixing)).square().sum(dim=1) - 1
            ).square()
        ),
        "graph lost": _penalty(
            lambda critic, real, fake, mixing: (
                slopes(critic, at(real, fake, mixing), graph=False).norm(dim=1) - 1
            ).square()
        ),
        "root of 0": _penalty(
            lambda critic, real, fake, mixing: (
                slopes(critic, at(real, fake, mixing)).square().sum(dim=1).sqrt() - 1
            ).square()
        ),
        "unchecked": lambda critic, real, fake, mixing: (
            slopes(critic, at(real, fake, mixing)).norm(dim=1) - 1
        ).square(),
    },
)


def r1_of_a_linear_critic(penalty: Callable) -> None:
    found = penalty(linear(SLOPES), REAL)
    torch.testing.assert_close(found, (SLOPES.square().sum() / 2).expand(6), rtol=1e-13, atol=0)


def r1_is_taken_at_each_example(penalty: Callable) -> None:
    expected = REAL.flatten(1).square().sum(dim=1) / 2
    torch.testing.assert_close(penalty(quadratic, REAL), expected, rtol=1e-13, atol=0)


def r1_trains_the_critic(penalty: Callable) -> None:
    weights = SLOPES.clone().requires_grad_()
    penalty(linear(weights), REAL).mean().backward()
    torch.testing.assert_close(weights.grad, SLOPES, rtol=1e-13, atol=0)


def r1_refuses_bad_arguments(penalty: Callable) -> None:
    for bad, error in (
        (REAL.numpy(), TypeError),
        (REAL.int(), TypeError),
        (REAL[0, 0], ValueError),
    ):
        with pytest.raises(error, match=r"^real: expected .*got "):
            penalty(quadratic, bad)
    for critic, error in ((lambda x: x, ValueError), (REAL, TypeError)):
        with pytest.raises(error, match=r"^critic: expected .*got "):
            penalty(critic, REAL)


R1_PENALTY = Helper(
    function=generative.r1_penalty,
    checks=(
        r1_of_a_linear_critic,
        r1_is_taken_at_each_example,
        r1_trains_the_critic,
        r1_refuses_bad_arguments,
    ),
    mutants={
        "½ missing": lambda critic, real: 2 * generative.r1_penalty(critic, real),
        "slope 1 wanted": lambda critic, real: generative.gradient_penalty(
            critic, real, real, torch.ones(len(real), dtype=real.dtype)
        ),
        "length not squared": lambda critic, real: (2 * generative.r1_penalty(critic, real)).sqrt(),
        "one slope for the batch": lambda critic, real: (
            generative.r1_penalty(critic, real).mean().expand(len(real))
        ),
        "graph lost": lambda critic, real: (
            generative.r1_penalty(critic, real).detach().requires_grad_()
        ),
        "unchecked": lambda critic, real: slopes(critic, real).square().sum(dim=1) / 2,
    },
)

CASES = [
    GAUSSIAN_RECONSTRUCTION,
    BERNOULLI_RECONSTRUCTION,
    GAUSSIAN_KL,
    NEGATIVE_ELBO,
    MINIMAX_DISCRIMINATOR,
    MINIMAX_GENERATOR,
    NON_SATURATING_GENERATOR,
    LEAST_SQUARES_DISCRIMINATOR,
    LEAST_SQUARES_GENERATOR,
    HINGE_DISCRIMINATOR,
    WASSERSTEIN_CRITIC,
    WASSERSTEIN_GENERATOR,
    CONTENT,
    STYLE,
    IMAGE_TOTAL_VARIATION,
    CYCLE_CONSISTENCY,
    NOISE_PREDICTION,
    V_PREDICTION,
    FLOW_MATCHING,
]
HELPERS = [
    GRAM,
    DIFFUSE,
    V_TARGET,
    INTERPOLATE,
    MIN_SNR_NOISE_WEIGHTS,
    MIN_SNR_V_WEIGHTS,
    GRADIENT_PENALTY,
    R1_PENALTY,
]
