"""The cases of `losscourse.losses.generative`."""

import math
from collections.abc import Callable
from typing import Any

import array_api_compat
import mpmath
import numpy as np
import scipy.special
import torch
import torch.nn.functional as F

from losscourse import stable
from losscourse.arrays import Array
from losscourse.losses import generative, regression
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
    link=scipy.special.expit,
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


NEGATIVE_ELBO = Case(
    loss=generative.negative_elbo,
    gradient=generative.negative_elbo_grad,
    settings=({}, {"beta": 0.0}, {"beta": 1.0}, {"beta": 4.0}),
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

CASES = [
    GAUSSIAN_RECONSTRUCTION,
    BERNOULLI_RECONSTRUCTION,
    GAUSSIAN_KL,
    NEGATIVE_ELBO,
]
HELPERS: list[Helper] = []
