"""The cases of `losscourse.losses.policy`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.special
import torch
from torch.distributions import Categorical

from losscourse import stable
from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import classification, policy, value
from tests.losscourse.losses.by_definition import Refused, helper_by_definition
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import exact_log_softmax, example, wrong
from tests.losscourse.losses.cases.value import discounts_with_ends

INF = math.inf
ACTIONS = 3

UNBOUNDED = {
    "minimiser_is_the_statistic": "unbounded below: an action of negative advantage can become "
    "as unlikely as one likes",
}


def advantages(rng: np.random.Generator, n: int, scale: float) -> np.ndarray:
    """Return advantages of either sign, large where the logits are far apart."""
    return max(1.0, scale / 30) * rng.normal(size=n)


def draw_taken(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of three actions, the actions taken, and advantages."""
    logits = scale * rng.normal(size=(n, ACTIONS))
    return logits, rng.integers(0, ACTIONS, n), advantages(rng, n, scale)


def surprise_in_torch(logits: np.ndarray, actions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return minus torch's log-probability of each action, weighted."""
    policies = Categorical(logits=torch.as_tensor(logits))
    return -weights * policies.log_prob(torch.as_tensor(actions)).numpy()


REINFORCE = Case(
    loss=policy.reinforce,
    gradient=policy.reinforce_grad,
    settings=({},),
    draw=draw_taken,
    oracle=("torch.distributions.Categorical", surprise_in_torch),
    exact=lambda z, a, weight: -weight * exact_log_softmax(z)[int(a)],
    corners=lambda: (
        (np.zeros((2, ACTIONS)), np.asarray([0, 1]), np.asarray([0.0, -1.0])),
        (1e4 * np.eye(ACTIONS), np.zeros(ACTIONS, dtype=int), np.asarray([1.0, 2.0, -1.0])),
    ),
    limits=lambda: (
        Point(((-INF, 0.0), 1, 2.0), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0, 2.0), (-2.0, 2.0), INF),
        Point(((-INF, 0.0), 0, -1.0), (1.0, -1.0), -INF),
        Point(((-INF, 0.0), 0, 0.0), (0.0, 0.0), 0.0),
    ),
    wrong_values={"actions": (-1, ACTIONS)},
    rounding=4.0,
    without=UNBOUNDED,
    identities=(
        Identity(
            "cross-entropy where every advantage is 1",
            lambda loss: (
                loss(*example(draw_taken)[:2], np.ones(50)),
                classification.softmax_cross_entropy_with_integer_labels(*example(draw_taken)[:2]),
            ),
        ),
        Identity(
            "a baseline of the state leaves the expected gradient as it is",
            lambda loss: (
                expected_gradient(np.full((50, ACTIONS), 3.0) + example(draw_taken)[0] ** 2),
                expected_gradient(example(draw_taken)[0] ** 2),
            ),
        ),
        Identity(
            "the expected gradient is minus that of the expected reward",
            lambda loss: (
                expected_gradient(example(draw_taken)[0] ** 2),
                -gradient_of_expected_reward(example(draw_taken)[0] ** 2),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, z, a, w: -policy.reinforce(z, a, w)),
        wrong(
            "loss",
            "probability for its logarithm",
            lambda xp, z, a, w: -w * pick(stable.softmax(z), a),
        ),
        wrong("loss", "logits for log-probabilities", lambda xp, z, a, w: -w * pick(z, a)),
        wrong(
            "loss",
            "size of the advantage alone",
            lambda xp, z, a, w: policy.reinforce(z, a, abs(w)),
        ),
        wrong(
            "loss",
            "advantages made to have mean 0",
            lambda xp, z, a, w: policy.reinforce(z, a, w - xp.sum(w) / max(1, math.prod(w.shape))),
        ),
        wrong("loss", "0 times infinity", lambda xp, z, a, w: -w * pick(stable.log_softmax(z), a)),
        wrong("gradient", "ascent", lambda xp, z, a, w: -policy.reinforce_grad(z, a, w)),
        wrong(
            "gradient",
            "of the action's logit alone",
            lambda xp, z, a, w: policy.reinforce_grad(z, a, w) * one_hot(a, z),
        ),
        wrong(
            "gradient",
            "advantage left out",
            lambda xp, z, a, w: policy.reinforce_grad(z, a, 0 * w + 1),
        ),
    ),
)


def expected_gradient(rewards: np.ndarray) -> np.ndarray:
    """Return the mean of REINFORCE's gradient over the policy's actions, each with its reward."""
    logits = example(draw_taken)[0]
    probs = scipy.special.softmax(logits, axis=-1)
    return sum(
        probs[:, a : a + 1] * policy.reinforce_grad(logits, np.full(len(logits), a), rewards[:, a])
        for a in range(ACTIONS)
    )


def gradient_of_expected_reward(rewards: np.ndarray) -> np.ndarray:
    """Return torch's derivative of the expected reward by the logits."""
    logits = torch.as_tensor(example(draw_taken)[0]).requires_grad_()
    (logits.softmax(dim=-1) * torch.as_tensor(rewards)).sum().backward()
    return logits.grad.numpy()


def draw_ratios(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return log-probabilities, old ones, and advantages; the ratios stay below about e⁵."""
    old = -rng.gamma(2.0, 0.5, size=n)
    moved = 0.5 * min(scale, 2.5) * rng.normal(size=n)
    return old + moved, old, advantages(rng, n, scale)


def exact_ppo(lp: Any, old: Any, weight: Any, clip: float = 0.2) -> Any:
    """Return minus the smaller of both terms."""
    ratio, clip = mpmath.exp(lp - old), mpmath.mpf(clip)
    return -min(ratio * weight, min(max(ratio, 1 - clip), 1 + clip) * weight)


def ppo_by_torch(
    log_probs: np.ndarray, old_log_probs: np.ndarray, weights: np.ndarray, clip: float = 0.2
) -> np.ndarray:
    """Return minus the smaller of both terms, by torch's clamp and minimum."""
    new, old, weight = map(torch.as_tensor, (log_probs, old_log_probs, weights))
    ratio = (new - old).exp()
    return -torch.minimum(ratio * weight, ratio.clamp(1 - clip, 1 + clip) * weight).numpy()


def ratio_terms(xp: Any, new: Array, old: Array, w: Array, clip: float) -> tuple[Array, Array]:
    """Return the ratio times the advantage, and the clipped ratio times it."""
    ratio = xp.exp(new - old)
    return ratio * w, xp.clip(ratio, min=1 - clip, max=1 + clip) * w


def gradient_at_ratio_1() -> tuple[np.ndarray, np.ndarray]:
    """Return PPO's gradient by the logits where nothing has moved, and REINFORCE's."""
    logits, actions, weights = example(draw_taken)
    log_probs = pick(stable.log_softmax(logits), actions)
    slope = policy.ppo_clip_grad(log_probs, log_probs, weights)
    by_logits = slope[:, None] * (one_hot(actions, logits) - stable.softmax(logits))
    return by_logits, policy.reinforce_grad(logits, actions, weights)


PPO_CLIP = Case(
    loss=policy.ppo_clip,
    gradient=policy.ppo_clip_grad,
    settings=({}, {"clip": 0.1}, {"clip": 0.2}),
    draw=draw_ratios,
    oracle=("torch clamp and minimum", ppo_by_torch),
    exact=exact_ppo,
    corners=lambda: (
        (np.zeros(3), np.asarray([0.0, -1e4, -1e4]), np.asarray([0.0, 1.0, 0.0])),
        (np.asarray([-1e4, -1e4]), np.zeros(2), np.asarray([-1.0, 1.0])),
    ),
    limits=lambda clip=0.2: (
        Point((-INF, 0.0, 1.0), 0.0, 0.0),
        Point((-INF, 0.0, -1.0), 0.0, 1 - clip),
        Point((0.0, -INF, 1.0), 0.0, -(1 + clip)),
        Point((INF, 0.0, -1.0), INF, INF),
        Point((INF, 0.0, 0.0), 0.0, 0.0),
    ),
    kinks=lambda clip=0.2: (
        Point((math.log1p(clip), 0.0, 1.0), -(1 + clip)),
        Point((math.log1p(-clip), 0.0, -2.0), 2 * (1 - clip)),
    ),
    without=UNBOUNDED,
    identities=(
        Identity("its gradient at ratio 1 is REINFORCE's", lambda loss: gradient_at_ratio_1()),
        Identity(
            "minus the advantage at ratio 1",
            lambda loss: (
                loss(example(draw_ratios)[0], example(draw_ratios)[0], example(draw_ratios)[2]),
                -example(draw_ratios)[2],
            ),
        ),
        Identity(
            "never below minus ratio times advantage",
            lambda loss: (
                np.minimum(loss(*example(draw_ratios)), unclipped(*example(draw_ratios))),
                unclipped(*example(draw_ratios)),
            ),
        ),
        Identity(
            "the advantage's scale is the loss's",
            lambda loss: (
                loss(*example(draw_ratios)[:2], 3 * example(draw_ratios)[2]),
                3 * loss(*example(draw_ratios)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, new, old, w, **k: -policy.ppo_clip(new, old, w, **k)),
        wrong(
            "loss",
            "the larger term",
            lambda xp, new, old, w, clip=0.2: -xp.maximum(*ratio_terms(xp, new, old, w, clip)),
        ),
        wrong(
            "loss",
            "clipped on both sides",
            lambda xp, new, old, w, clip=0.2: -ratio_terms(xp, new, old, w, clip)[1],
        ),
        wrong(
            "loss",
            "not clipped",
            lambda xp, new, old, w, clip=0.2: -ratio_terms(xp, new, old, w, clip)[0],
        ),
        wrong(
            "loss",
            "the log-ratio clipped",
            lambda xp, new, old, w, clip=0.2: (
                -xp.minimum(
                    xp.exp(new - old) * w, xp.exp(xp.clip(new - old, min=-clip, max=clip)) * w
                )
            ),
        ),
        wrong(
            "loss",
            "ratio upside down",
            lambda xp, new, old, w, **k: policy.ppo_clip(old, new, w, **k),
        ),
        wrong(
            "loss",
            "an overflowing ratio in the term left out",
            lambda xp, new, old, w, clip=0.2: -xp.minimum(*ratio_terms(xp, new, old, w, clip)),
        ),
        wrong(
            "gradient",
            "never 0",
            lambda xp, new, old, w, clip=0.2: -xp.exp(new - old) * w,
        ),
        wrong(
            "gradient",
            "0 wherever the ratio is far from 1",
            lambda xp, new, old, w, clip=0.2: xp.where(
                xp.abs(xp.exp(new - old) - 1) <= clip, -xp.exp(new - old) * w, 0 * w
            ),
        ),
        wrong(
            "gradient",
            "REINFORCE's, without the ratio",
            lambda xp, new, old, w, clip=0.2: xp.where(
                policy.ppo_clip_grad(new, old, w, clip=clip) == 0, 0 * w, -w
            ),
        ),
        wrong(
            "gradient",
            "0 at the kink",
            lambda xp, new, old, w, clip=0.2: xp.where(
                (new - old == math.log1p(clip)) | (new - old == math.log1p(-clip)),
                0 * w,
                policy.ppo_clip_grad(new, old, w, clip=clip),
            ),
        ),
    ),
)


def unclipped(log_probs: np.ndarray, old_log_probs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return minus ratio times advantage."""
    return -np.exp(log_probs - old_log_probs) * weights


def draw_episode(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rewards, values of one state more, and discounts, of two rows of five steps."""
    return {
        "rewards": rng.normal(size=(2, 5)),
        "values": rng.normal(size=(2, 6)),
        "discounts": discounts_with_ends(rng, 2, 5),
    }


def sum_of_errors(
    rewards: Any, values: Any, discounts: Any, trace_decay: float = 0.95
) -> np.ndarray:
    """Return the TD errors that follow each step, each with its weight, in two loops."""
    found = np.zeros(np.shape(rewards))
    for row, (r, v, g) in enumerate(zip(rewards, values, discounts, strict=True)):
        for start in range(len(r)):
            weight = 1.0
            for t in range(start, len(r)):
                found[row, start] += weight * (r[t] + g[t] * v[t + 1] - v[t])
                weight *= trace_decay * g[t]
    return found


def lambda_0_gives_the_td_error(estimate: Callable) -> None:
    rewards, values, discounts = draw_episode(np.random.default_rng(0)).values()
    errors = value.td_targets(rewards, values[:, 1:], discounts) - values[:, :-1]
    np.testing.assert_array_equal(estimate(rewards, values, discounts, trace_decay=0.0), errors)


def lambda_1_gives_the_return_minus_the_value(estimate: Callable) -> None:
    rewards, values, discounts = draw_episode(np.random.default_rng(0)).values()
    returns = value.discounted_returns(rewards, discounts, values[:, -1])
    found = estimate(rewards, values, discounts, trace_decay=1.0)
    np.testing.assert_allclose(found, returns - values[:, :-1], atol=1e-14)


def values_added_give_the_lambda_returns(estimate: Callable) -> None:
    rewards, values, discounts = draw_episode(np.random.default_rng(0)).values()
    returns = value.lambda_returns(rewards, values[:, 1:], discounts, trace_decay=0.7)
    found = estimate(rewards, values, discounts, trace_decay=0.7) + values[:, :-1]
    np.testing.assert_allclose(found, returns, atol=1e-14)


def nothing_passes_the_end_of_an_episode(estimate: Callable) -> None:
    episode = draw_episode(np.random.default_rng(0))
    episode["discounts"][:, 2] = 0.0
    before = estimate(**episode)
    episode["rewards"][:, 3:] += 10.0
    episode["values"][:, 3:] += 10.0
    np.testing.assert_array_equal(estimate(**episode)[:, :3], before[:, :3])


GENERALIZED_ADVANTAGE_ESTIMATION = helper_by_definition(
    policy.generalized_advantage_estimation,
    draw=draw_episode,
    definition=sum_of_errors,
    settings=({}, {"trace_decay": 0.0}, {"trace_decay": 0.5}, {"trace_decay": 1.0}),
    refused=(
        Refused(ValueError, "discounts", {"discounts": np.full((2, 5), 1.5)}),
        Refused(ValueError, "values", {"values": np.zeros((2, 5))}),
        Refused(ValueError, "values", {"values": np.zeros((2, 7))}),
        Refused(
            ValueError,
            "rewards",
            {
                "rewards": np.zeros((2, 0)),
                "values": np.zeros((2, 1)),
                "discounts": np.zeros((2, 0)),
            },
        ),
        Refused(ValueError, "trace_decay", {"trace_decay": 1.5}),
        Refused(TypeError, "trace_decay", {"trace_decay": "1"}),
    ),
    rounding=5.0,
    checks=(
        lambda_0_gives_the_td_error,
        lambda_1_gives_the_return_minus_the_value,
        values_added_give_the_lambda_returns,
        nothing_passes_the_end_of_an_episode,
    ),
    mutants={
        "1 - lambda": lambda *, trace_decay=0.95, **arrays: policy.generalized_advantage_estimation(
            **arrays, trace_decay=1 - trace_decay
        ),
        "the value not subtracted": lambda rewards, values, discounts, trace_decay=0.95: (
            value.lambda_returns(rewards, values[..., 1:], discounts, trace_decay=trace_decay)
        ),
        "the last value left out": lambda rewards, values, discounts, trace_decay=0.95: (
            policy.generalized_advantage_estimation(
                rewards, values * (np.arange(6) < 5), discounts, trace_decay=trace_decay
            )
        ),
        "through the end of an episode": lambda rewards, values, discounts, trace_decay=0.95: (
            value.discounted_returns(
                value.td_targets(rewards, values[..., 1:], discounts) - values[..., :-1],
                0 * discounts + trace_decay,
                0 * values[..., 0],
            )
        ),
        "errors not discounted": lambda rewards, values, discounts, trace_decay=0.95: (
            value.discounted_returns(
                value.td_targets(rewards, values[..., 1:], discounts) - values[..., :-1],
                trace_decay * (discounts > 0),
                0 * values[..., 0],
            )
        ),
        "values a step late": lambda rewards, values, discounts, trace_decay=0.95: (
            policy.generalized_advantage_estimation(
                rewards, np.roll(values, 1, axis=-1), discounts, trace_decay=trace_decay
            )
        ),
    },
)

CASES = [REINFORCE, PPO_CLIP]
HELPERS = [GENERALIZED_ADVANTAGE_ESTIMATION]
