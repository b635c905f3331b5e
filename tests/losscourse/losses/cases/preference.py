"""The cases of `losscourse.losses.preference`."""

import math
import statistics
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from scipy.special import expit, log_expit, logit

from losscourse import stable
from losscourse.arrays import Array
from losscourse.losses import policy, preference
from tests.losscourse.libraries import read
from tests.losscourse.losses.by_definition import helper_by_definition
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import wrong

INF = math.inf
PAIRS = {"minimiser_is_the_statistic": "it compares two answers, and knows no target"}


def draw_pairs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return what two answers have, of both orders."""
    return scale * rng.normal(size=n), scale * rng.normal(size=n)


def draw_policies(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities of two answers under a policy and its reference.

    The policy moves the two apart or together, so that its log-ratios do not cancel.
    """
    references = -rng.integers(1, 9, size=(2, n)).astype(float)
    move = scale * rng.normal(size=n)
    share = rng.random(size=n)
    return references[0] + move, references[1] - share * move, references[0], references[1]


def draw_answers(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities of answers under a policy and its reference, signs, divergences."""
    reference = -rng.integers(1, 9, size=n).astype(float)
    signs = rng.choice([-1.0, 1.0], size=n)
    signs[:2] = [1.0, -1.0][: len(signs[:2])]
    return reference + scale * rng.normal(size=n), reference, signs, rng.integers(3, size=n) / 4


def draw_means(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return mean log-probabilities of two answers."""
    return tuple(-scale * (0.25 + rng.exponential(size=(2, n))))


def example(
    draw: Callable[..., tuple[np.ndarray, ...]], n: int = 20, scale: float = 2.0
) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw(np.random.default_rng(11), n, scale)


def exact_pair(gap: Any) -> Any:
    """Return minus the logarithm of the probability that wins by a gap, in mpmath."""
    return mpmath.log(1 + mpmath.exp(-gap))


BRADLEY_TERRY = Case(
    loss=preference.bradley_terry,
    gradient=preference.bradley_terry_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=("SciPy log_expit", lambda c, d: -log_expit(c - d)),
    exact=lambda c, d: exact_pair(c - d),
    by=2,
    rounding=1.0,
    limits=lambda: (
        Point((INF, 0.0), 0.0, 0.0),
        Point((0.0, INF), -1.0, INF),
        Point((-INF, 0.0), -1.0, INF),
    ),
    without=PAIRS,
    identities=(
        Identity(
            "the probabilities of both outcomes sum to 1",
            lambda loss: (
                np.exp(-loss(*example(draw_pairs))) + np.exp(-loss(*example(draw_pairs)[::-1])),
                np.ones(20),
            ),
        ),
        Identity(
            "rewards count up to a constant",
            lambda loss: (
                loss(*(r + 8.0 for r in example(draw_pairs))),
                loss(*example(draw_pairs)),
            ),
        ),
        Identity(
            "the two derivatives cancel",
            lambda loss: (
                sum(preference.bradley_terry_grad(*example(draw_pairs))),
                np.zeros(20),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "the rejected one wins", lambda xp, c, d: stable.softplus(c - d)),
        wrong("loss", "no logarithm", lambda xp, c, d: stable.sigmoid(d - c)),
        wrong("loss", "sum for difference", lambda xp, c, d: stable.softplus(-c - d)),
        wrong("loss", "hinge", lambda xp, c, d: xp.clip(1 - (c - d), min=0)),
        wrong("loss", "naive", lambda xp, c, d: -xp.log(1 / (1 + xp.exp(d - c)))),
        wrong(
            "gradient",
            "order of the two",
            lambda xp, c, d: preference.bradley_terry_grad(c, d)[::-1],
        ),
        wrong(
            "gradient",
            "by the chosen alone",
            lambda xp, c, d: (-stable.sigmoid(d - c), xp.zeros_like(d)),
        ),
        wrong(
            "gradient",
            "probability of the right order",
            lambda xp, c, d: (-stable.sigmoid(c - d), stable.sigmoid(c - d)),
        ),
    ),
)


def gap_of(c: Any, d: Any, rc: Any, rd: Any) -> Any:
    """Return the difference of the log-ratios of two answers."""
    return (c - rc) - (d - rd)


def torch_dpo(*arrays: np.ndarray, beta: float = 0.1) -> np.ndarray:
    """Return DPO as the cross-entropy between the rewards of the two answers."""
    c, d, rc, rd = (torch.as_tensor(a) for a in arrays)
    rewards = beta * torch.stack([c - rc, d - rd], dim=-1)
    first = torch.zeros(len(c), dtype=torch.int64)
    return torch.nn.functional.cross_entropy(rewards, first, reduction="none").numpy()


DPO = Case(
    loss=preference.dpo,
    gradient=preference.dpo_grad,
    settings=({}, {"beta": 0.5}),
    draw=draw_policies,
    oracle=("torch cross_entropy of the rewards", torch_dpo),
    exact=lambda c, d, rc, rd, beta=0.1: exact_pair(mpmath.mpf(beta) * gap_of(c, d, rc, rd)),
    by=2,
    rounding=1.0,
    limits=lambda beta=0.1: (
        Point((-INF, -1.0, -1.0, -1.0), -beta, INF),
        Point((-1.0, -INF, -1.0, -1.0), 0.0, 0.0),
    ),
    without=PAIRS,
    identities=(
        Identity(
            "log 2 at the reference",
            lambda loss: (
                loss(*(example(draw_policies)[k] for k in (2, 3, 2, 3))),
                np.full(20, math.log(2)),
            ),
        ),
        Identity(
            "the reward model's loss of the log-ratios",
            lambda loss: (
                loss(*example(draw_policies), beta=0.5),
                preference.bradley_terry(
                    0.5 * (example(draw_policies)[0] - example(draw_policies)[2]),
                    0.5 * (example(draw_policies)[1] - example(draw_policies)[3]),
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "reference left out",
            lambda xp, c, d, rc, rd, beta=0.1: stable.softplus(-beta * (c - d)),
        ),
        wrong(
            "loss",
            "the rejected one wins",
            lambda xp, c, d, rc, rd, beta=0.1: stable.softplus(beta * gap_of(c, d, rc, rd)),
        ),
        wrong(
            "loss",
            "beta outside",
            lambda xp, c, d, rc, rd, beta=0.1: beta * stable.softplus(-gap_of(c, d, rc, rd)),
        ),
        wrong(
            "loss",
            "references swapped",
            lambda xp, c, d, rc, rd, beta=0.1: stable.softplus(-beta * gap_of(c, d, rd, rc)),
        ),
        wrong(
            "loss",
            "policy and reference swapped",
            lambda xp, c, d, rc, rd, beta=0.1: stable.softplus(-beta * gap_of(rc, rd, c, d)),
        ),
        wrong(
            "gradient",
            "beta left out",
            lambda xp, *a, beta=0.1: tuple(g / beta for g in preference.dpo_grad(*a, beta=beta)),
        ),
        wrong(
            "gradient",
            "both fall",
            lambda xp, *a, beta=0.1: (preference.dpo_grad(*a, beta=beta)[0],) * 2,
        ),
        wrong(
            "gradient",
            "constant pull",
            lambda xp, c, d, rc, rd, beta=0.1: (0 * c - beta / 2, 0 * c + beta / 2),
        ),
    ),
)


def torch_ipo(*arrays: np.ndarray, tau: float = 0.1) -> np.ndarray:
    """Return the squared distance of the gap from its goal, as torch's mse_loss."""
    gap = torch.as_tensor(gap_of(*arrays))
    goal = torch.full_like(gap, 0.5 / tau)
    return torch.nn.functional.mse_loss(gap, goal, reduction="none").numpy()


IPO = Case(
    loss=preference.ipo,
    gradient=preference.ipo_grad,
    settings=({}, {"tau": 0.5}),
    draw=draw_policies,
    oracle=("torch mse_loss", torch_ipo),
    exact=lambda c, d, rc, rd, tau=0.1: (gap_of(c, d, rc, rd) - 1 / (2 * mpmath.mpf(tau))) ** 2,
    by=2,
    rounding=100.0,
    limits=lambda tau=0.1: (
        Point((-INF, -1.0, -1.0, -1.0), -INF, INF),
        Point((-1.0, -INF, -1.0, -1.0), INF, INF),
    ),
    without=PAIRS,
    identities=(
        Identity(
            "0 where the gap is half of 1/tau",
            lambda loss: (
                loss(
                    *(a + b for a, b in zip(REFERENCES, (2.0, 0.0, 0.0, 0.0), strict=True)),
                    tau=0.25,
                ),
                np.zeros(3),
            ),
        ),
        Identity(
            "in units of its goal, the gap is drawn to 1",
            lambda loss: (
                0.25 * loss(*example(draw_policies), tau=0.25),
                (0.5 * gap_of(*example(draw_policies)) - 1.0) ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "1/tau",
            lambda xp, c, d, rc, rd, tau=0.1: (gap_of(c, d, rc, rd) - 1 / tau) ** 2,
        ),
        wrong(
            "loss",
            "sign of the goal",
            lambda xp, c, d, rc, rd, tau=0.1: (gap_of(c, d, rc, rd) + 1 / (2 * tau)) ** 2,
        ),
        wrong(
            "loss",
            "reference left out",
            lambda xp, c, d, rc, rd, tau=0.1: (c - d - 1 / (2 * tau)) ** 2,
        ),
        wrong(
            "loss",
            "one-sided",
            lambda xp, c, d, rc, rd, tau=0.1: (
                xp.clip(1 / (2 * tau) - gap_of(c, d, rc, rd), min=0) ** 2
            ),
        ),
        wrong(
            "gradient",
            "2 missing",
            lambda xp, *a, tau=0.1: tuple(g / 2 for g in preference.ipo_grad(*a, tau=tau)),
        ),
        wrong(
            "gradient", "order of the two", lambda xp, *a, tau=0.1: preference.ipo_grad(*a)[::-1]
        ),
        wrong(
            "gradient",
            "both fall",
            lambda xp, *a, tau=0.1: (preference.ipo_grad(*a, tau=tau)[0],) * 2,
        ),
    ),
)
REFERENCES = (np.asarray([-1.0, -4.0, -9.0]),) * 4


def exact_kto(p: Any, q: Any, s: Any, z: Any, beta: float = 0.1) -> Any:
    """Return 1 less the value of an answer, as the paper has it, in mpmath."""
    reward = mpmath.mpf(beta) * (p - q - z)
    return 1 - 1 / (1 + mpmath.exp(-reward if s > 0 else reward))


def scipy_kto(
    p: np.ndarray, q: np.ndarray, s: np.ndarray, z: np.ndarray, beta: float = 0.1
) -> np.ndarray:
    """Return each kind of answer by its own formula."""
    return np.where(s > 0, expit(beta * (z - (p - q))), expit(beta * (p - q - z)))


def kto_margins(p: Array, q: Array, s: Array, z: Array, beta: float) -> Array:
    """Return the signed rewards."""
    return beta * s * (p - q - z)


def two_answers(divergence: float) -> tuple[np.ndarray, ...]:
    """Return a desirable and an undesirable answer alike."""
    signs = np.asarray([1.0, -1.0])
    return np.asarray([-1.0, -1.0]), np.asarray([-2.0, -2.0]), signs, np.full(2, divergence)


KTO = Case(
    loss=preference.kto,
    gradient=preference.kto_grad,
    settings=({}, {"beta": 1.0}),
    draw=draw_answers,
    oracle=("SciPy expit, by kind of answer", scipy_kto),
    exact=exact_kto,
    rounding=1.0,
    wrong_values={"signs": (0.0, 0.5, 2.0), "divergences": (-1.0,)},
    corners=lambda: (two_answers(0.0), two_answers(64.0)),
    limits=lambda beta=0.1: (
        Point((-INF, -1.0, 1.0, 0.25), 0.0, 1.0),
        Point((-INF, -1.0, -1.0, 0.25), 0.0, 0.0),
    ),
    without={"minimiser_is_the_statistic": "unbounded log-ratios minimise it"},
    identities=(
        Identity(
            "a good and a bad answer alike cost 1 together",
            lambda loss: (
                loss(*example(draw_answers)[:2], np.ones(20), np.full(20, 0.5))
                + loss(*example(draw_answers)[:2], -np.ones(20), np.full(20, 0.5)),
                np.ones(20),
            ),
        ),
        Identity(
            "the divergence shifts the log-probabilities",
            lambda loss: (
                loss(example(draw_answers)[0] + 2.0, *example(draw_answers)[1:3], np.full(20, 2.5)),
                loss(*example(draw_answers)[:3], np.full(20, 0.5)),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sign of the margin",
            lambda xp, p, q, s, z, beta=0.1: stable.sigmoid(kto_margins(p, q, s, z, beta)),
        ),
        wrong(
            "loss",
            "divergence left out",
            lambda xp, p, q, s, z, beta=0.1: stable.sigmoid(-kto_margins(p, q, s, 0 * z, beta)),
        ),
        wrong(
            "loss",
            "beta left out",
            lambda xp, p, q, s, z, beta=0.1: stable.sigmoid(-kto_margins(p, q, s, z, 1.0)),
        ),
        wrong(
            "loss",
            "divergence outside the sign",
            lambda xp, p, q, s, z, beta=0.1: stable.sigmoid(-beta * (s * (p - q) - z)),
        ),
        wrong(
            "gradient",
            "sign left out",
            lambda xp, p, q, s, z, beta=0.1: s * preference.kto_grad(p, q, s, z, beta=beta),
        ),
        wrong(
            "gradient",
            "of the logarithm",
            lambda xp, p, q, s, z, beta=0.1: (
                -beta * s * stable.sigmoid(-kto_margins(p, q, s, z, beta))
            ),
        ),
        wrong(
            "gradient",
            "beta left out",
            lambda xp, p, q, s, z, beta=0.1: preference.kto_grad(p, q, s, z, beta=beta) / beta,
        ),
    ),
)


def exact_orpo(c: Any, d: Any, weight: float = 0.1) -> Any:
    """Return the fit and the odds ratio from the two probabilities, in mpmath."""
    p, q = mpmath.exp(c), mpmath.exp(d)
    odds = (p / (-mpmath.expm1(c))) / (q / (-mpmath.expm1(d)))
    return -c + mpmath.mpf(weight) * mpmath.log(1 + 1 / odds)


def scipy_orpo(c: np.ndarray, d: np.ndarray, weight: float = 0.1) -> np.ndarray:
    """Return the loss with SciPy's logit of the smaller of p and 1 - p."""

    def log_odds(log_p: np.ndarray) -> np.ndarray:
        near, far = log_p > -0.5, log_p < -30
        q = -np.expm1(log_p)
        middle = logit(np.exp(np.clip(log_p, -30, None)))
        return np.select([near, far], [-logit(np.where(near, q, 0.5)), log_p], middle)

    return -c - weight * log_expit(log_odds(c) - log_odds(d))


ORPO = Case(
    loss=preference.orpo,
    gradient=preference.orpo_grad,
    settings=({}, {"weight": 1.0}),
    draw=draw_means,
    oracle=("SciPy logit and log_expit", scipy_orpo),
    exact=exact_orpo,
    by=2,
    rounding=1.0,
    corners=lambda: (
        (np.asarray([-(2.0**-8), -1.0]), np.asarray([-1.0, -(2.0**-8)])),
        (np.asarray([-0.5]), np.asarray([-0.5])),
    ),
    wrong_values={"chosen_mean_log_probs": (0.0, 0.5), "rejected_mean_log_probs": (0.0, 0.5)},
    limits=lambda weight=0.1: (
        Point((-INF, -1.0), -1 - weight, INF),
        Point((-1.0, -INF), -1.0, 1.0),
    ),
    without=PAIRS,
    identities=(
        Identity(
            "grows in a straight line with the weight",
            lambda loss: (
                loss(*example(draw_means), weight=1.5) - loss(*example(draw_means), weight=1.0),
                loss(*example(draw_means), weight=1.0) - loss(*example(draw_means), weight=0.5),
            ),
        ),
        Identity(
            "log 2 beside the fit where both are as likely",
            lambda loss: (
                loss(*(example(draw_means)[0],) * 2, weight=1.0) + example(draw_means)[0],
                np.full(20, math.log(2)),
            ),
        ),
        Identity(
            "the odds ratio turns over with the two answers",
            lambda loss: (
                np.exp(-(loss(*example(draw_means), weight=1.0) + example(draw_means)[0]))
                + np.exp(-(loss(*example(draw_means)[::-1], weight=1.0) + example(draw_means)[1])),
                np.ones(20),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "ratio of probabilities for odds",
            lambda xp, c, d, weight=0.1: weight * stable.softplus(d - c) - c,
        ),
        wrong(
            "loss",
            "fit left out",
            lambda xp, c, d, weight=0.1: preference.orpo(c, d, weight=weight) + c,
        ),
        wrong(
            "loss",
            "the rejected one wins",
            lambda xp, c, d, weight=0.1: preference.orpo(d, c, weight=weight) + d - c,
        ),
        wrong(
            "loss",
            "weight on the fit too",
            lambda xp, c, d, weight=0.1: weight * preference.orpo(c, d, weight=1.0),
        ),
        wrong(
            "loss",
            "1 - p cancels",
            lambda xp, c, d, weight=0.1: (
                weight * stable.softplus((d - xp.log(1 - xp.exp(d))) - (c - xp.log(1 - xp.exp(c))))
                - c
            ),
        ),
        wrong(
            "gradient",
            "odds taken for probabilities",
            lambda xp, c, d, weight=0.1: (
                -1 - weight * stable.sigmoid(d - c),
                weight * stable.sigmoid(d - c),
            ),
        ),
        wrong(
            "gradient",
            "fit left out",
            lambda xp, c, d, weight=0.1: (
                preference.orpo_grad(c, d, weight=weight)[0] + 1,
                preference.orpo_grad(c, d, weight=weight)[1],
            ),
        ),
        wrong(
            "gradient",
            "order of the two",
            lambda xp, c, d, weight=0.1: preference.orpo_grad(c, d, weight=weight)[::-1],
        ),
    ),
)

SIMPO = Case(
    loss=preference.simpo,
    gradient=preference.simpo_grad,
    settings=({}, {"beta": 0.5, "margin": 0.0}),
    draw=draw_pairs,
    oracle=(
        "SciPy log_expit",
        lambda c, d, beta=2.0, margin=1.0: -log_expit(beta * (c - d) - margin),
    ),
    exact=lambda c, d, beta=2.0, margin=1.0: exact_pair(mpmath.mpf(beta) * (c - d) - margin),
    by=2,
    rounding=2.0,
    limits=lambda beta=2.0, margin=1.0: (
        Point((-INF, -1.0), -beta, INF),
        Point((-1.0, -INF), 0.0, 0.0),
    ),
    without=PAIRS,
    identities=(
        Identity(
            "the reward model's loss without a margin",
            lambda loss: (
                loss(*example(draw_pairs), beta=1.0, margin=0.0),
                preference.bradley_terry(*example(draw_pairs)),
            ),
        ),
        Identity(
            "the margin is taken off the chosen reward",
            lambda loss: (
                loss(*example(draw_pairs), beta=2.0, margin=1.0),
                loss(example(draw_pairs)[0] - 0.5, example(draw_pairs)[1], beta=2.0, margin=0.0),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sign of the margin",
            lambda xp, c, d, beta=2.0, margin=1.0: stable.softplus(-beta * (c - d) - margin),
        ),
        wrong(
            "loss",
            "margin within beta",
            lambda xp, c, d, beta=2.0, margin=1.0: stable.softplus(-beta * (c - d - margin)),
        ),
        wrong(
            "loss",
            "the rejected one wins",
            lambda xp, c, d, beta=2.0, margin=1.0: stable.softplus(beta * (c - d) + margin),
        ),
        wrong(
            "loss",
            "margin left out",
            lambda xp, c, d, beta=2.0, margin=1.0: stable.softplus(-beta * (c - d)),
        ),
        wrong(
            "gradient",
            "beta left out",
            lambda xp, c, d, beta=2.0, margin=1.0: tuple(
                g / beta for g in preference.simpo_grad(c, d, beta=beta, margin=margin)
            ),
        ),
        wrong(
            "gradient",
            "margin left out",
            lambda xp, c, d, beta=2.0, margin=1.0: preference.simpo_grad(
                c, d, beta=beta, margin=0.0
            ),
        ),
        wrong(
            "gradient",
            "order of the two",
            lambda xp, c, d, beta=2.0, margin=1.0: preference.simpo_grad(
                c, d, beta=beta, margin=margin
            )[::-1],
        ),
    ),
)


def draw_tokens(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities of tokens under three policies, and advantages."""
    reference = -rng.integers(1, 9, size=n).astype(float)
    old = reference + min(scale, 2.0) * rng.normal(size=n)
    advantages = max(scale, 1.0) * rng.normal(size=n)
    return old + min(scale, 2.0) * rng.normal(size=n), old, reference, advantages


def exact_grpo(p: Any, old: Any, q: Any, a: Any, clip: float = 0.2, beta: float = 0.04) -> Any:
    """Return the clipped loss and the estimate from the two ratios, in mpmath."""
    ratio, x = mpmath.exp(p - old), q - p
    clipped = min(max(ratio, 1 - mpmath.mpf(clip)), 1 + mpmath.mpf(clip))
    return -min(ratio * a, clipped * a) + mpmath.mpf(beta) * (mpmath.exp(x) - x - 1)


def torch_grpo(*arrays: np.ndarray, clip: float = 0.2, beta: float = 0.04) -> np.ndarray:
    """Return the loss from the ratios themselves, in torch."""
    p, old, q, a = (torch.as_tensor(array) for array in arrays)
    ratio = torch.exp(p) / torch.exp(old)
    gain = torch.minimum(ratio * a, torch.clamp(ratio, 1 - clip, 1 + clip) * a)
    of_reference = torch.exp(q) / torch.exp(p)
    return (beta * (of_reference - torch.log(of_reference) - 1) - gain).numpy()


def reference_alone(clip: float = 0.2) -> tuple[np.ndarray, ...]:
    """Return tokens whose policy drew them, with the advantage 0."""
    p, _, q, _ = example(draw_tokens)
    return p, p, q, np.zeros(20)


GRPO = Case(
    loss=preference.grpo,
    gradient=preference.grpo_grad,
    settings=({}, {"clip": 0.1, "beta": 1.0}, {"clip": 0.2, "beta": 0.0}),
    draw=draw_tokens,
    oracle=("the ratios in torch", torch_grpo),
    exact=exact_grpo,
    rounding=16.0,
    corners=lambda: ((*[np.asarray([-2.0, -1.0])] * 3, np.asarray([1.0, 0.0])),),
    limits=lambda clip=0.2, beta=0.04: (
        Point((-INF, -1.0, -1.0, -1.0), -INF if beta else 0.0, INF if beta else 1 - clip),
    ),
    kinks=lambda clip=0.2, beta=0.04: (
        Point((math.log1p(clip), 0.0, math.log1p(clip), 1.0), -(1 + clip)),
        Point((math.log1p(-clip), 0.0, math.log1p(-clip), -1.0), 1 - clip),
    ),
    without={"minimiser_is_the_statistic": "it knows no target"},
    identities=(
        Identity(
            "PPO's clipped loss at beta 0",
            lambda loss: (
                loss(*example(draw_tokens), beta=0.0),
                policy.ppo_clip(*(example(draw_tokens)[k] for k in (0, 1, 3))),
            ),
        ),
        Identity(
            "minus the advantage where all three policies agree",
            lambda loss: (
                loss(*(example(draw_tokens)[0],) * 3, example(draw_tokens)[3]),
                -example(draw_tokens)[3],
            ),
        ),
        Identity(
            "grows in a straight line with beta",
            lambda loss: (
                loss(*reference_alone(), beta=2.0),
                2 * loss(*reference_alone(), beta=1.0),
            ),
        ),
        Identity(
            "over all tokens, the estimate's mean is the divergence",
            lambda loss: (
                (PROBS * loss(*(np.log(PROBS),) * 2, np.log(OTHERS), 0 * PROBS, beta=1.0)).sum(),
                np.asarray((PROBS * np.log(PROBS / OTHERS)).sum()),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sign of the divergence",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: (
                2 * policy.ppo_clip(p, o, a, clip=clip)
                - preference.grpo(p, o, q, a, clip=clip, beta=beta)
            ),
        ),
        wrong(
            "loss",
            "the other direction",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: (
                policy.ppo_clip(p, o, a, clip=clip) + beta * (xp.expm1(p - q) - (p - q))
            ),
        ),
        wrong(
            "loss",
            "the log-ratio for the estimate",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: (
                policy.ppo_clip(p, o, a, clip=clip) + beta * (p - q)
            ),
        ),
        wrong(
            "loss",
            "the old policy for the reference",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: preference.grpo(
                p, o, o, a, clip=clip, beta=beta
            ),
        ),
        wrong(
            "gradient",
            "divergence left out",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: policy.ppo_clip_grad(p, o, a, clip=clip),
        ),
        wrong(
            "gradient",
            "of the log-ratio",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: (
                policy.ppo_clip_grad(p, o, a, clip=clip) + beta
            ),
        ),
        wrong(
            "gradient",
            "never cut off",
            lambda xp, p, o, q, a, clip=0.2, beta=0.04: -a * xp.exp(p - o) - beta * xp.expm1(q - p),
        ),
    ),
)
PROBS, OTHERS = np.asarray([0.5, 0.25, 0.25]), np.asarray([0.125, 0.75, 0.125])


def draw_rewards(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rewards of five answers to each of three questions."""
    return {"rewards": rng.normal(size=(3, 5)) + 4.0}


def relative_by_loop(rewards: np.ndarray) -> np.ndarray:
    """Return each reward's distance from its group's mean, in population deviations."""
    return np.asarray(
        [[(x - statistics.fmean(g)) / statistics.pstdev(g) for x in g] for g in rewards.tolist()]
    )


def centred_by_loop(rewards: np.ndarray) -> np.ndarray:
    """Return each reward's distance from its group's mean."""
    return np.asarray([[x - statistics.fmean(g) for x in g] for g in rewards.tolist()])


def equal_rewards_have_no_advantage(advantages: Callable[..., Array]) -> None:
    for reward in (0.0, 0.1, 1e-8, 3e8):
        for group in (1, 3, 7):
            np.testing.assert_array_equal(advantages(rewards=np.full((2, group), reward)), 0.0)


def scale_and_shift_do_not_count(advantages: Callable[..., Array]) -> None:
    rewards = draw_rewards(np.random.default_rng(0))["rewards"]
    expected = advantages(rewards=rewards)
    for scale in (1e-160, 1e-3, 1e160):
        np.testing.assert_allclose(advantages(rewards=scale * (rewards - 4.0)), expected, rtol=1e-9)


def no_group_is_refused(advantages: Callable[..., Array]) -> None:
    for bad in (np.zeros((2, 0)), np.asarray(1.0)):
        with pytest.raises(ValueError, match=r"^rewards: expected .*got "):
            advantages(rewards=bad)


RELATIVE = helper_by_definition(
    preference.group_relative_advantages,
    draw=draw_rewards,
    definition=relative_by_loop,
    refused=(),
    rounding=16.0,
    checks=(equal_rewards_have_no_advantage, scale_and_shift_do_not_count, no_group_is_refused),
    mutants={
        "divided by G - 1": lambda rewards: (
            preference.group_relative_advantages(rewards) * math.sqrt(1 - 1 / rewards.shape[-1])
        ),
        "over the whole batch": lambda rewards: (
            (rewards - rewards.mean()) / max(float(np.std(read(rewards))), 1e-300)
        ),
        "not divided": lambda rewards: preference.group_centred_advantages(rewards),
        "naive": lambda rewards: (
            (rewards - rewards.mean(-1, keepdims=True)) / rewards.std(-1, keepdims=True)
        ),
        "a small number in the divisor": lambda rewards: (
            (rewards - rewards.mean(-1, keepdims=True)) / (rewards.std(-1, keepdims=True) + 1e-4)
        ),
    },
)

CENTRED = helper_by_definition(
    preference.group_centred_advantages,
    draw=draw_rewards,
    definition=centred_by_loop,
    refused=(),
    rounding=8.0,
    checks=(equal_rewards_have_no_advantage, no_group_is_refused),
    mutants={
        "over the whole batch": lambda rewards: rewards - rewards.mean(),
        "divided too": lambda rewards: preference.group_relative_advantages(rewards),
        "naive": lambda rewards: rewards - rewards.mean(-1, keepdims=True),
        "the best for the mean": lambda rewards: rewards - rewards.max(-1, keepdims=True),
    },
)

CASES = [BRADLEY_TERRY, DPO, IPO, KTO, ORPO, SIMPO, GRPO]
HELPERS = [RELATIVE, CENTRED]
