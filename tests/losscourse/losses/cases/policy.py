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
from tests.losscourse.losses.cases.value import discounts_with_ends, half_squared_error

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


def draw_moved(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of a policy that has moved a little, the old ones, actions and advantages."""
    old = rng.normal(size=(n, ACTIONS))
    moved = 0.3 * min(scale, 1.0) * rng.normal(size=(n, ACTIONS))
    weights = max(1.0, scale / 250) * rng.normal(size=n)
    return old + moved, old, rng.integers(0, ACTIONS, n), weights


def exact_ppo_kl(z: list, old: list, a: Any, weight: Any, beta: float = 1.0) -> Any:
    """Return minus ratio times advantage, plus the divergence by its definition."""
    new, before = exact_log_softmax(z), exact_log_softmax(old)
    divergence = mpmath.fsum(mpmath.exp(q) * (q - p) for p, q in zip(new, before, strict=True))
    return mpmath.mpf(beta) * divergence - mpmath.exp(new[int(a)] - before[int(a)]) * weight


def ppo_kl_by_torch(
    logits: np.ndarray,
    old_logits: np.ndarray,
    actions: np.ndarray,
    weights: np.ndarray,
    beta: float = 1.0,
) -> np.ndarray:
    """Return the loss from torch's distributions and their divergence."""
    new, old = (Categorical(logits=torch.as_tensor(z)) for z in (logits, old_logits))
    taken = torch.as_tensor(actions)
    ratio = (new.log_prob(taken) - old.log_prob(taken)).exp()
    divergence = torch.distributions.kl_divergence(old, new)
    return (beta * divergence - ratio * torch.as_tensor(weights)).numpy()


def divergences(z: Array, old: Array) -> tuple[Array, Array]:
    """Return KL(old, new) and KL(new, old) of policies."""
    new_log, old_log = stable.log_softmax(z), stable.log_softmax(old)
    return (
        (stable.softmax(old) * (old_log - new_log)).sum(-1),
        (stable.softmax(z) * (new_log - old_log)).sum(-1),
    )


PPO_KL = Case(
    loss=policy.ppo_kl,
    gradient=policy.ppo_kl_grad,
    settings=({}, {"beta": 1.0}),
    draw=draw_moved,
    oracle=("torch.distributions", ppo_kl_by_torch),
    exact=exact_ppo_kl,
    corners=lambda: (
        (
            np.zeros((2, ACTIONS)),
            np.zeros((2, ACTIONS)),
            np.asarray([0, 1]),
            np.asarray([0.0, -1.0]),
        ),
        (
            np.asarray([[1e4, 0.0]]),
            np.asarray([[0.0, 1e4]]),
            np.asarray([0]),
            np.asarray([0.0]),
        ),
    ),
    limits=lambda beta=1.0: (
        Point(((-INF, 0.0), (-INF, 0.0), 1, 1.0), (0.0, 0.0), -1.0),
        Point(((-INF, 0.0), (0.0, 0.0), 1, 1.0), (-beta / 2, beta / 2), INF),
    ),
    wrong_values={"actions": (-1, ACTIONS)},
    rounding=100.0,
    without=UNBOUNDED,
    identities=(
        Identity(
            "its gradient where nothing has moved is REINFORCE's",
            lambda loss: (
                policy.ppo_kl_grad(
                    example(draw_moved)[0], example(draw_moved)[0], *example(draw_moved)[2:]
                ),
                policy.reinforce_grad(example(draw_moved)[0], *example(draw_moved)[2:]),
            ),
        ),
        Identity(
            "the divergence alone where no advantage counts",
            lambda loss: (
                loss(*example(draw_moved)[:3], np.zeros(50)),
                divergences(*example(draw_moved)[:2])[0],
            ),
        ),
        Identity(
            "beta weighs the divergence",
            lambda loss: (
                loss(*example(draw_moved), beta=3.0) - loss(*example(draw_moved), beta=0.0),
                3 * divergences(*example(draw_moved)[:2])[0],
            ),
        ),
        Identity(
            "beta weighs the divergence's gradient",
            lambda loss: (
                policy.ppo_kl_grad(*example(draw_moved), beta=3.0)
                - policy.ppo_kl_grad(*example(draw_moved), beta=0.0),
                3
                * (stable.softmax(example(draw_moved)[0]) - stable.softmax(example(draw_moved)[1])),
            ),
        ),
        Identity(
            "minus ratio times advantage at beta 0",
            lambda loss: (
                loss(*example(draw_moved), beta=0.0),
                unclipped(
                    pick(stable.log_softmax(example(draw_moved)[0]), example(draw_moved)[2]),
                    pick(stable.log_softmax(example(draw_moved)[1]), example(draw_moved)[2]),
                    example(draw_moved)[3],
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "beta left out",
            lambda xp, z, old, a, w, beta=1.0: policy.ppo_kl(z, old, a, w),
        ),
        wrong(
            "loss",
            "the divergence the other way round",
            lambda xp, z, old, a, w, beta=1.0: (
                policy.ppo_kl(z, old, a, w, beta=0.0) + beta * divergences(z, old)[1]
            ),
        ),
        wrong(
            "loss",
            "the divergence rewarded",
            lambda xp, z, old, a, w, beta=1.0: (
                policy.ppo_kl(z, old, a, w, beta=0.0) - beta * divergences(z, old)[0]
            ),
        ),
        wrong(
            "loss",
            "the log-ratio for the ratio",
            lambda xp, z, old, a, w, beta=1.0: (
                beta * divergences(z, old)[0]
                - w * pick(stable.log_softmax(z) - stable.log_softmax(old), a)
            ),
        ),
        wrong(
            "loss",
            "the divergence estimated from the action",
            lambda xp, z, old, a, w, beta=1.0: (
                policy.ppo_kl(z, old, a, w, beta=0.0)
                - beta * pick(stable.log_softmax(z) - stable.log_softmax(old), a)
            ),
        ),
        wrong(
            "loss",
            "mean over the actions",
            lambda xp, z, old, a, w, beta=1.0: policy.ppo_kl(z, old, a, w, beta=beta / z.shape[-1]),
        ),
        wrong(
            "gradient",
            "without the ratio",
            lambda xp, z, old, a, w, beta=1.0: (
                policy.reinforce_grad(z, a, w) + beta * (stable.softmax(z) - stable.softmax(old))
            ),
        ),
        wrong(
            "gradient",
            "pushed away from the old policy",
            lambda xp, z, old, a, w, beta=1.0: policy.ppo_kl_grad(z, old, a, w, beta=-beta),
        ),
        wrong(
            "gradient",
            "without the divergence",
            lambda xp, z, old, a, w, beta=1.0: policy.ppo_kl_grad(z, old, a, w, beta=0.0),
        ),
    ),
)


def draw_policies(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of two actions."""
    return (scale * rng.normal(size=(n, 2)),)


def several_actions(seed: int = 0) -> np.ndarray:
    """Return logits of five actions."""
    return 2.0 * np.random.default_rng(seed).normal(size=(50, 5))


def exact_entropy(z: list) -> Any:
    """Return the entropy in mpmath, by its definition."""
    weights = [mpmath.exp(x) for x in z]
    probs = [w / mpmath.fsum(weights) for w in weights]
    return -mpmath.fsum(p * mpmath.log(p) for p in probs if p > 0)


ENTROPY = Case(
    loss=policy.entropy,
    gradient=policy.entropy_grad,
    settings=({},),
    draw=draw_policies,
    oracle=(
        "SciPy entr of softmax",
        lambda z: scipy.special.entr(scipy.special.softmax(z, axis=-1)).sum(axis=-1),
    ),
    exact=exact_entropy,
    chance=lambda: (np.zeros((1, ACTIONS)),),
    corners=lambda: (
        (np.zeros((1, 4)),),
        (np.asarray([[1.0, -2.0, 0.5, 3.0], [0.0, 0.0, 8.0, 0.0]]),),
        (np.asarray([[1e4, 0.0, 1e4, -1e4]]),),
    ),
    limits=lambda: (
        Point(((-INF, 0.0),), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0, 0.0),), (0.0, 0.0, 0.0), math.log(2)),
    ),
    rounding=1.0,
    without={"minimiser_is_the_statistic": "it has no target"},
    identities=(
        Identity(
            "log K less the divergence from all actions alike",
            lambda loss: (
                loss(several_actions()),
                math.log(5)
                - scipy.special.rel_entr(
                    scipy.special.softmax(several_actions(), axis=-1), 0.2
                ).sum(axis=-1),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (loss(several_actions()), loss(several_actions() + 8.0)),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (policy.entropy_grad(several_actions()).sum(axis=-1), np.zeros(50)),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, z: -policy.entropy(z)),
        wrong("loss", "bits", lambda xp, z: policy.entropy(z) / math.log(2)),
        wrong("loss", "mean over the actions", lambda xp, z: policy.entropy(z) / z.shape[-1]),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z: -xp.sum(stable.softmax(z) * stable.log_softmax(z), axis=-1),
        ),
        wrong(
            "loss",
            "logarithm of a probability that underflows",
            lambda xp, z: -xp.sum(stable.softmax(z) * xp.log(stable.softmax(z)), axis=-1),
        ),
        wrong(
            "loss",
            "a small number added",
            lambda xp, z: -xp.sum(stable.softmax(z) * xp.log(stable.softmax(z) + 1e-8), axis=-1),
        ),
        wrong("gradient", "sign", lambda xp, z: -policy.entropy_grad(z)),
        wrong(
            "gradient",
            "the entropy's share left out",
            lambda xp, z: -stable.times(stable.softmax(z), stable.log_softmax(z)),
        ),
        wrong(
            "gradient",
            "by the probabilities",
            lambda xp, z: -1 - stable.log_softmax(z),
        ),
    ),
)


def draw_twins(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return values by two networks and their targets."""
    targets = rng.normal(size=n)
    return targets + scale * rng.normal(size=n), targets + scale * rng.normal(size=n), targets


def sample_twins(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return a skewed sample of targets, and in another order as the other network's values."""
    targets = rng.gamma(1.0, 2.0, size=101)
    return targets[::-1].copy(), targets


SAC_CRITIC = Case(
    loss=policy.sac_critic,
    gradient=policy.sac_critic_grad,
    settings=({},),
    draw=draw_twins,
    oracle=(
        "torch mse_loss",
        lambda q, twin, y: half_squared_error(q, y) + half_squared_error(twin, y),
    ),
    exact=lambda q, twin, y: ((q - y) ** 2 + (twin - y) ** 2) / 2,
    by=2,
    limits=lambda: (
        Point((INF, 0.0, 0.0), INF, INF),
        Point((-INF, 0.0, 0.0), -INF, INF),
        Point((0.0, 0.0, INF), -INF, INF),
    ),
    statistic=lambda twin_q_values, targets: float(np.mean(targets)),
    sample=sample_twins,
    identities=(
        Identity(
            "the TD loss of one value where the other is at the target",
            lambda loss: (
                loss(example(draw_twins)[0], example(draw_twins)[2], example(draw_twins)[2]),
                value.td(example(draw_twins)[0], example(draw_twins)[2]),
            ),
        ),
        Identity(
            "the networks count alike",
            lambda loss: (
                loss(*example(draw_twins)),
                loss(example(draw_twins)[1], example(draw_twins)[0], example(draw_twins)[2]),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "mean of both", lambda xp, q, twin, y: policy.sac_critic(q, twin, y) / 2),
        wrong("loss", "factor ½ left out", lambda xp, q, twin, y: (q - y) ** 2 + (twin - y) ** 2),
        wrong(
            "loss",
            "of the smaller value",
            lambda xp, q, twin, y: value.td(xp.minimum(q, twin), y),
        ),
        wrong("loss", "of the mean value", lambda xp, q, twin, y: value.td((q + twin) / 2, y)),
        wrong(
            "gradient",
            "swapped",
            lambda xp, q, twin, y: policy.sac_critic_grad(twin, q, y),
        ),
        wrong("gradient", "sign", lambda xp, q, twin, y: (y - q, y - twin)),
        wrong("gradient", "of the first alone", lambda xp, q, twin, y: (q - y, 0 * twin)),
    ),
)


def draw_drawn(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return values by two networks and log-probabilities of actions that a policy has drawn."""
    q_values = scale * rng.normal(size=n)
    return q_values, q_values + scale * rng.normal(size=n), 0.5 - rng.gamma(2.0, 1.0, size=n)


SAC_ACTOR = Case(
    loss=policy.sac_actor,
    gradient=policy.sac_actor_grad,
    settings=({}, {"alpha": 0.0}, {"alpha": 0.2}),
    draw=draw_drawn,
    oracle=(
        "torch minimum",
        lambda q, twin, lp, alpha=0.2: (
            alpha * lp - torch.minimum(torch.as_tensor(q), torch.as_tensor(twin)).numpy()
        ),
    ),
    exact=lambda q, twin, lp, alpha=0.2: mpmath.mpf(alpha) * lp - (q if q < twin else twin),
    by=3,
    limits=lambda alpha=0.2: (
        Point((INF, 0.0, 0.0), 0.0, 0.0),
        Point((-INF, 0.0, 0.0), -1.0, INF),
        Point((0.0, 1.0, -INF), -1.0, -INF if alpha else 0.0),
    ),
    kinks=lambda alpha=0.2: (Point((1.5, 1.5, -1.0), -0.5),),
    rounding=1.0,
    corners=lambda: ((np.asarray([1.0, 2.0]), np.asarray([2.0, 1.0]), np.asarray([0.0, -1e4])),),
    without={"minimiser_is_the_statistic": "unbounded below: a value may be as high as one likes"},
    identities=(
        Identity(
            "minus the smaller value at alpha 0",
            lambda loss: (
                loss(*example(draw_drawn), alpha=0.0),
                -np.minimum(*example(draw_drawn)[:2]),
            ),
        ),
        Identity(
            "minus what the next state is worth to the critic",
            lambda loss: (
                loss(*example(draw_drawn)),
                -policy.soft_targets(np.zeros(50), *example(draw_drawn), np.ones(50)),
            ),
        ),
        Identity(
            "the gradients by both values share -1",
            lambda loss: (sum(policy.sac_actor_grad(*example(draw_drawn))[:2]), -np.ones(50)),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, q, twin, lp, **k: -policy.sac_actor(q, twin, lp, **k)),
        wrong(
            "loss",
            "the larger value",
            lambda xp, q, twin, lp, alpha=0.2: alpha * lp - xp.maximum(q, twin),
        ),
        wrong(
            "loss",
            "the mean value",
            lambda xp, q, twin, lp, alpha=0.2: alpha * lp - (q + twin) / 2,
        ),
        wrong(
            "loss",
            "entropy punished",
            lambda xp, q, twin, lp, alpha=0.2: -alpha * lp - xp.minimum(q, twin),
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, q, twin, lp, alpha=0.2: alpha * lp - xp.minimum(q, twin),
        ),
        wrong(
            "gradient",
            "the first alone at the kink",
            lambda xp, q, twin, lp, alpha=0.2: (
                -xp.astype(q <= twin, q.dtype) + 0 * q,
                -xp.astype(twin < q, q.dtype) + 0 * twin,
                alpha + 0 * lp,
            ),
        ),
        wrong(
            "gradient",
            "of the larger value",
            lambda xp, q, twin, lp, **k: policy.sac_actor_grad(twin, q, lp, **k),
        ),
        wrong(
            "gradient",
            "alpha left out",
            lambda xp, q, twin, lp, **k: (*policy.sac_actor_grad(q, twin, lp, **k)[:2], 1 + 0 * lp),
        ),
    ),
)


def draw_soft_step(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return a step of soft actor-critic."""
    return {
        "rewards": rng.normal(size=6),
        "next_q_values": rng.normal(size=6),
        "twin_next_q_values": rng.normal(size=6),
        "next_log_probs": -rng.gamma(2.0, 1.0, size=6),
        "discounts": discounts_with_ends(rng, 6),
    }


def equal_twins_and_no_entropy_give_the_td_target(targets: Callable) -> None:
    step = draw_soft_step(np.random.default_rng(0))
    step["twin_next_q_values"] = step["next_q_values"]
    expected = value.td_targets(step["rewards"], step["next_q_values"], step["discounts"])
    np.testing.assert_array_equal(targets(**step, alpha=0.0), expected)


def a_terminal_step_has_no_entropy_to_come(targets: Callable) -> None:
    step = draw_soft_step(np.random.default_rng(0))
    step["discounts"] = np.zeros(6)
    step["next_log_probs"] = np.full(6, -INF)
    np.testing.assert_array_equal(targets(**step), step["rewards"])


SOFT_TARGETS = helper_by_definition(
    policy.soft_targets,
    draw=draw_soft_step,
    definition=lambda *, alpha=0.2, **arrays: [
        r + g * (min(q, twin) - alpha * lp)
        for r, q, twin, lp, g in zip(*arrays.values(), strict=True)
    ],
    settings=({}, {"alpha": 0.0}, {"alpha": 1.0}),
    refused=(
        Refused(ValueError, "discounts", {"discounts": np.full(6, 1.5)}),
        Refused(ValueError, "alpha", {"alpha": -0.1}),
        Refused(TypeError, "alpha", {"alpha": "1"}),
    ),
    checks=(
        equal_twins_and_no_entropy_give_the_td_target,
        a_terminal_step_has_no_entropy_to_come,
    ),
    mutants={
        "entropy punished": lambda *, alpha=0.2, **step: policy.soft_targets(
            **{**step, "next_log_probs": -step["next_log_probs"]}, alpha=alpha
        ),
        "the larger value": lambda *, alpha=0.2, **step: policy.soft_targets(
            **{
                **step,
                "next_q_values": np.maximum(step["next_q_values"], step["twin_next_q_values"]),
                "twin_next_q_values": INF + step["twin_next_q_values"],
            },
            alpha=alpha,
        ),
        "entropy not discounted": lambda *, alpha=0.2, **step: (
            policy.soft_targets(**step, alpha=0.0) - alpha * step["next_log_probs"]
        ),
        "one value alone": lambda *, alpha=0.2, **step: policy.soft_targets(
            **{**step, "twin_next_q_values": step["next_q_values"]}, alpha=alpha
        ),
        "always some entropy": lambda *, alpha=0.2, **step: policy.soft_targets(
            **step, alpha=alpha + 0.1
        ),
    },
)


def softmax_by_definition(q_values: Any, temperature: float = 1.0) -> list[list[float]]:
    """Return the probabilities of each row, one by one."""
    rows = [[math.exp(q / temperature) for q in row] for row in q_values]
    return [[weight / math.fsum(row) for weight in row] for row in rows]


def a_low_temperature_takes_the_best(explore: Callable) -> None:
    values = np.asarray([[1.0, 2.0, 1.5], [3e300, 1.0, 2.0]])
    with np.errstate(over="ignore"):  # what is far behind is at -inf
        found = explore(values, temperature=1e-10)
    np.testing.assert_array_equal(found, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])


def a_high_temperature_takes_all_alike(explore: Callable) -> None:
    values = np.asarray([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(explore(values, temperature=1e12), np.full((1, 3), 1 / 3))


def another_unit_is_another_temperature(explore: Callable) -> None:
    values = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(explore(8 * values, temperature=4.0), explore(2 * values))


BOLTZMANN = helper_by_definition(
    policy.boltzmann,
    draw=lambda rng: {"q_values": rng.normal(size=(4, 3))},
    definition=softmax_by_definition,
    settings=({}, {"temperature": 0.5}, {"temperature": 3.0}),
    refused=(
        Refused(ValueError, "q_values", {"q_values": np.zeros(())}),
        Refused(ValueError, "q_values", {"q_values": np.zeros((2, 0))}),
        Refused(ValueError, "temperature", {"temperature": 0.0}),
        Refused(ValueError, "temperature", {"temperature": -1.0}),
        Refused(TypeError, "temperature", {"temperature": "1"}),
    ),
    checks=(
        a_low_temperature_takes_the_best,
        a_high_temperature_takes_all_alike,
        another_unit_is_another_temperature,
    ),
    mutants={
        "times the temperature": lambda q_values, temperature=1.0: policy.boltzmann(
            q_values, temperature=1 / temperature
        ),
        "temperature left out": lambda q_values, temperature=1.0: policy.boltzmann(q_values),
        "the best action always": lambda q_values, temperature=1.0: (
            0 * q_values + (q_values == q_values.max(-1)[..., None])
        ),
        "overflow before the largest is subtracted": lambda q_values, temperature=1.0: (
            stable.softmax(q_values / temperature)
        ),
        "costs for values": lambda q_values, temperature=1.0: policy.boltzmann(
            -q_values, temperature=temperature
        ),
    },
)

CASES = [REINFORCE, PPO_CLIP, PPO_KL, ENTROPY, SAC_CRITIC, SAC_ACTOR]
HELPERS = [GENERALIZED_ADVANTAGE_ESTIMATION, SOFT_TARGETS, BOLTZMANN]
