"""The cases of `losscourse.losses.value`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import scipy.special
import torch
import torch.nn.functional as F

from losscourse import stable
from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import regression, value
from tests.losscourse.losses.by_definition import Refused, helper_by_definition
from tests.losscourse.losses.case import Case, Identity, Point, Wrong
from tests.losscourse.losses.cases.classification import (
    CLASSES,
    draw_soft,
    example,
    from_torch,
    sample_soft,
    wrong,
)
from tests.losscourse.losses.cases.regression import (
    draw,
    exact_huber,
    infinite,
    root,
    wrong_gradient,
    wrong_loss,
)

INF = math.inf
ACTIONS = 3


def half_squared_error(values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return half of torch's squared error."""
    return F.mse_loss(*map(torch.as_tensor, (values, targets)), reduction="none").numpy() / 2


TD = Case(
    loss=value.td,
    gradient=value.td_grad,
    settings=({},),
    draw=draw,
    oracle=("torch mse_loss", half_squared_error),
    exact=lambda v, y: (v - y) ** 2 / 2,
    statistic=lambda targets: float(np.mean(targets)),
    corners=lambda: ((np.asarray([0.0, 300.0]), np.zeros(2)),),
    limits=lambda: infinite(INF, -INF),
    identities=(
        Identity(
            "half the squared error",
            lambda loss: (loss(*example(draw)), regression.squared_error(*example(draw)) / 2),
        ),
        Identity(
            "Q-learning's with one action and a large delta",
            lambda loss: (
                loss(*example(draw)),
                value.q_learning(
                    example(draw)[0][:, None],
                    np.zeros(50, dtype=int),
                    example(draw)[1],
                    delta=1e3,
                ),
            ),
        ),
        Identity(
            "a step of learning rate 1 arrives at the target",
            lambda loss: (
                example(draw)[0] - value.td_grad(*example(draw)),
                example(draw)[1],
            ),
        ),
    ),
    wrongs=(
        wrong_loss("factor ½ left out", lambda xp, e: e**2),
        wrong_loss("absolute error", lambda xp, e: xp.abs(e)),
        wrong_loss("the TD error itself", lambda xp, e: -e),
        wrong_loss("square overflows before it is halved", lambda xp, e: e**2 / 2),
        Wrong("sum for difference", "loss", lambda v, y: (v + y) ** 2 / 2),
        wrong_gradient("the update for the gradient", lambda xp, e: -e),
        wrong_gradient("2 left in", lambda xp, e: 2 * e),
        wrong_gradient("clipped", lambda xp, e: xp.clip(e, min=-1, max=1)),
    ),
)


def draw_taken(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return values of three actions, the actions taken, and targets."""
    targets = rng.normal(size=n)
    return (
        targets[:, None] + scale * rng.normal(size=(n, ACTIONS)),
        rng.integers(0, ACTIONS, n),
        targets,
    )


def huber_of_gathered(
    q_values: np.ndarray, actions: np.ndarray, targets: np.ndarray, delta: float = 1.0
) -> np.ndarray:
    """Return torch's Huber loss of the gathered values."""
    q, a, y = map(torch.as_tensor, (q_values, actions, targets))
    return F.huber_loss(q.gather(-1, a[:, None])[:, 0], y, reduction="none", delta=delta).numpy()


def sample_taken(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return actions, and a skewed sample of targets that are higher for later actions."""
    actions = rng.permutation(np.arange(102) % ACTIONS)
    return actions, rng.gamma(1.0, 2.0, size=102) + actions


def huber_locations(actions: np.ndarray, targets: np.ndarray, delta: float = 1.0) -> np.ndarray:
    """Return Huber's location of each action's targets."""
    return np.asarray(
        [root(lambda e: np.clip(e, -delta, delta), targets[actions == a]) for a in range(ACTIONS)]
    )


def errors_taken(xp: Any, q: Array, a: Array, y: Array) -> Array:
    """Return value minus target of the actions taken."""
    return pick(q, a) - y


Q_LEARNING = Case(
    loss=value.q_learning,
    gradient=value.q_learning_grad,
    settings=({}, {"delta": 0.25}, {"delta": 1.0}),
    draw=draw_taken,
    oracle=("torch huber_loss of the gathered values", huber_of_gathered),
    exact=lambda q, a, y, delta=1.0: exact_huber(q[int(a)], y, delta),
    statistic=huber_locations,
    sample=sample_taken,
    limits=lambda delta=1.0: (
        Point(((INF, 0.0), 0, 0.0), (delta, 0.0), INF),
        Point(((INF, 0.0), 1, 0.0), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0, 0.0), (-delta, 0.0), INF),
        Point(((0.0, 0.0), 1, INF), (0.0, -delta), INF),
    ),
    wrong_values={"actions": (-1, ACTIONS)},
    identities=(
        Identity(
            "half the squared error of the action's value where delta is large",
            lambda loss: (
                loss(*example(draw_taken), delta=1e3),
                value.td(pick(*example(draw_taken)[:2]), example(draw_taken)[2]),
            ),
        ),
        Identity(
            "the other actions do not count",
            lambda loss: (
                loss(*example(draw_taken)),
                loss(
                    example(draw_taken)[0] * np.eye(ACTIONS)[example(draw_taken)[1]],
                    *example(draw_taken)[1:],
                ),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "the best action for the one taken",
            lambda xp, q, a, y, delta=1.0: regression.huber(xp.max(q, axis=-1), y, delta=delta),
        ),
        wrong("loss", "squared", lambda xp, q, a, y, delta=1.0: errors_taken(xp, q, a, y) ** 2 / 2),
        wrong(
            "loss",
            "divided by delta",
            lambda xp, q, a, y, delta=1.0: regression.smooth_l1(pick(q, a), y, beta=delta),
        ),
        wrong(
            "loss",
            "actions from 1",
            lambda xp, q, a, y, delta=1.0: regression.huber(
                pick(q, (a + ACTIONS - 1) % ACTIONS), y, delta=delta
            ),
        ),
        wrong(
            "loss",
            "mean over the actions",
            lambda xp, q, a, y, delta=1.0: value.q_learning(q, a, y, delta=delta) / q.shape[-1],
        ),
        wrong(
            "gradient",
            "at every action",
            lambda xp, q, a, y, delta=1.0: xp.clip(q - y[..., None], min=-delta, max=delta),
        ),
        wrong(
            "gradient",
            "not clipped",
            lambda xp, q, a, y, delta=1.0: errors_taken(xp, q, a, y)[..., None] * one_hot(a, q),
        ),
        wrong(
            "gradient",
            "0 where the error is clipped",
            lambda xp, q, a, y, delta=1.0: xp.where(
                xp.abs(errors_taken(xp, q, a, y))[..., None] <= delta,
                value.q_learning_grad(q, a, y, delta=delta),
                0 * q,
            ),
        ),
    ),
)


def draw_with_old(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return values, old values and targets, each about `scale` from the one before."""
    targets = rng.normal(size=n)
    old = targets + scale * rng.normal(size=n)
    return old + scale * rng.normal(size=n), old, targets


def exact_clipped(v: Any, old: Any, y: Any, clip: float = 0.2) -> Any:
    """Return the larger of the two squared errors."""
    clipped = old - clip if v < old - clip else old + clip if v > old + clip else v
    return max((v - y) ** 2, (clipped - y) ** 2) / 2


def clipped_by_torch(
    values: np.ndarray, old_values: np.ndarray, targets: np.ndarray, clip: float = 0.2
) -> np.ndarray:
    """Return the larger of torch's two squared errors."""
    v, old, y = map(torch.as_tensor, (values, old_values, targets))
    clipped = torch.clamp(v, old - clip, old + clip)
    errors = [F.mse_loss(x, y, reduction="none") for x in (v, clipped)]
    return torch.stack(errors).amax(dim=0).numpy() / 2


def clipped(xp: Any, v: Array, old: Array, clip: float) -> Array:
    """Return the value clipped to the neighbourhood of the old one."""
    return old + xp.clip(v - old, min=-clip, max=clip)


CLIPPED_VALUE = Case(
    loss=value.clipped_value,
    gradient=value.clipped_value_grad,
    settings=({}, {"clip": 0.2}, {"clip": 1.0}),
    draw=draw_with_old,
    oracle=("torch mse_loss and clamp", clipped_by_torch),
    exact=exact_clipped,
    corners=lambda: (
        (np.asarray([0.0, 3.0, -3.0, 3.0]), np.zeros(4), np.asarray([0.0, 5.0, 5.0, -5.0])),
        (np.asarray([1e4, 1e4]), np.asarray([0.0, 1e4]), np.zeros(2)),
    ),
    limits=lambda clip=0.2: (
        Point((INF, 0.0, 0.0), INF, INF),
        Point((-INF, 0.0, 0.0), -INF, INF),
        Point((0.0, 0.0, INF), -INF, INF),
        Point((0.0, 0.0, -INF), INF, INF),
    ),
    kinks=lambda clip=0.2: (
        Point((clip, 0.0, 3.0), clip - 3.0),
        Point((-clip, 0.0, -3.0), 3.0 - clip),
        Point((8.0 - clip, 0.0, 4.0), 4.0 - clip),
    ),
    without={
        "minimiser_is_the_statistic": "flat about the target where the old value is far from it",
    },
    identities=(
        Identity(
            "half the squared error with a floor",
            lambda loss: (
                loss(*example(draw_with_old)),
                np.maximum(
                    np.abs(example(draw_with_old)[0] - example(draw_with_old)[2]),
                    np.abs(example(draw_with_old)[1] - example(draw_with_old)[2]) - 0.2,
                )
                ** 2
                / 2,
            ),
        ),
        Identity(
            "the TD loss where the clip is wide",
            lambda loss: (
                loss(*example(draw_with_old), clip=1e3),
                value.td(example(draw_with_old)[0], example(draw_with_old)[2]),
            ),
        ),
        Identity(
            "the TD loss where the value has not moved",
            lambda loss: (
                loss(example(draw)[0], *example(draw)),
                value.td(*example(draw)),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "the smaller error",
            lambda xp, v, old, y, clip=0.2: (
                xp.minimum((v - y) ** 2, (clipped(xp, v, old, clip) - y) ** 2) / 2
            ),
        ),
        wrong(
            "loss",
            "the clipped error alone",
            lambda xp, v, old, y, clip=0.2: (clipped(xp, v, old, clip) - y) ** 2 / 2,
        ),
        wrong(
            "loss",
            "factor ½ left out",
            lambda xp, v, old, y, clip=0.2: xp.maximum(
                (v - y) ** 2, (clipped(xp, v, old, clip) - y) ** 2
            ),
        ),
        wrong(
            "loss",
            "clipped about the target",
            lambda xp, v, old, y, clip=0.2: (
                xp.maximum((v - y) ** 2, (clipped(xp, v, y, clip) - y) ** 2) / 2
            ),
        ),
        wrong(
            "loss",
            "clipped by a factor",
            lambda xp, v, old, y, clip=0.2: (
                xp.maximum(
                    (v - y) ** 2, (old * xp.clip(v / old, min=1 - clip, max=1 + clip) - y) ** 2
                )
                / 2
            ),
        ),
        wrong("gradient", "never 0", lambda xp, v, old, y, clip=0.2: v - y),
        wrong(
            "gradient",
            "0 wherever the value is clipped",
            lambda xp, v, old, y, clip=0.2: xp.where(xp.abs(v - old) <= clip, v - y, 0 * v),
        ),
        wrong(
            "gradient",
            "of the smaller error",
            lambda xp, v, old, y, clip=0.2: xp.where(
                xp.abs(v - y) <= xp.abs(clipped(xp, v, old, clip) - y), v - y, 0 * v
            ),
        ),
    ),
)

CATEGORICAL_TD = Case(
    loss=value.categorical_td,
    gradient=value.categorical_td_grad,
    settings=({},),
    draw=draw_soft,
    oracle=("torch cross_entropy", from_torch(F.cross_entropy)),
    exact=lambda z, m: mpmath.fsum(
        p * (mpmath.log(mpmath.fsum(map(mpmath.exp, z))) - x) for p, x in zip(m, z, strict=True)
    ),
    statistic=lambda target_probs: target_probs.mean(axis=0),
    sample=sample_soft,
    link=scipy.special.softmax,
    chance=lambda: (np.zeros((CLASSES, CLASSES)), np.eye(CLASSES)),
    corners=lambda: (
        (np.zeros((1, CLASSES)), np.full((1, CLASSES), 1 / CLASSES)),
        (1e4 * np.eye(CLASSES), np.eye(CLASSES)[[0, 0, 0, 0]]),
    ),
    limits=lambda: (
        Point(((-INF, 0.0), (0.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), (0.5, 0.5)), (-0.5, 0.5), INF),
    ),
    wrong_values={"target_probs": (-0.5, 1.5, 0.5)},
    rounding=1.0,
    identities=(
        Identity(
            "divergence from the target plus the target's entropy",
            lambda loss: (
                loss(*example(draw_soft)),
                scipy.special.rel_entr(
                    example(draw_soft)[1], scipy.special.softmax(example(draw_soft)[0], axis=-1)
                ).sum(axis=-1)
                + scipy.special.entr(example(draw_soft)[1]).sum(axis=-1),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                value.categorical_td_grad(*example(draw_soft)).sum(axis=-1),
                np.zeros(50),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, z, m: xp.sum(m * stable.log_softmax(z), axis=-1)),
        wrong(
            "loss",
            "divergence for cross-entropy",
            lambda xp, z, m: xp.sum(
                stable.times(m, xp.log(xp.clip(m, min=1e-30)) - stable.log_softmax(z)), axis=-1
            ),
        ),
        wrong(
            "loss",
            "squared distance of the probabilities",
            lambda xp, z, m: xp.sum((stable.softmax(z) - m) ** 2, axis=-1),
        ),
        wrong(
            "loss",
            "mean over the atoms",
            lambda xp, z, m: value.categorical_td(z, m) / z.shape[-1],
        ),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, z, m: -xp.sum(stable.times(m, xp.log(stable.softmax(z))), axis=-1),
        ),
        wrong("gradient", "sign", lambda xp, z, m: m - stable.softmax(z)),
        wrong("gradient", "target left out", lambda xp, z, m: stable.softmax(z) + 0 * m),
        wrong(
            "gradient",
            "of the squared distance",
            lambda xp, z, m: 2 * (stable.softmax(z) - m) * stable.softmax(z),
        ),
    ),
)


def draw_quantiles(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return four quantiles and three targets."""
    return scale * rng.normal(size=(n, 4)), scale * rng.normal(size=(n, 3))


def sample_returns(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return skewed returns, two for each example."""
    return (rng.gamma(1.0, 2.0, size=(101, 2)),)


def levels(count: int) -> np.ndarray:
    """Return the middles of equal parts of [0, 1]."""
    return (np.arange(count) + 0.5) / count


def quantile_locations(targets: np.ndarray, kappa: float = 1.0) -> np.ndarray:
    """Return where the tilted, clipped residuals of all targets add up to 0, at four levels."""
    return np.asarray(
        [
            root(
                lambda e, tau=tau: np.where(e > 0, 1 - tau, tau) * np.clip(e, -kappa, kappa),
                targets.ravel(),
            )
            for tau in levels(4)
        ]
    )


def exact_quantile_td(q: list, y: list, kappa: float = 1.0) -> Any:
    """Return the sum over quantiles of the mean over targets."""
    total = mpmath.mpf(0)
    for i, predicted in enumerate(q):
        tau = mpmath.mpf(2 * i + 1) / (2 * len(q))
        for target in y:
            below = 1 if target < predicted else 0
            total += abs(tau - below) * exact_huber(predicted, target, kappa)
    return total / len(y)


def quantiles_by_torch(quantiles: np.ndarray, targets: np.ndarray, kappa: float = 1.0) -> Any:
    """Return torch's Huber loss of all pairs, each with its weight."""
    pairs = torch.broadcast_tensors(
        torch.as_tensor(quantiles)[:, :, None], torch.as_tensor(targets)[:, None, :]
    )
    losses = F.huber_loss(*pairs, reduction="none", delta=kappa).numpy()
    over = targets[:, None, :] < quantiles[:, :, None]
    tau = levels(quantiles.shape[1])[:, None]
    return (np.abs(tau - over) * losses).mean(axis=2).sum(axis=1)


def quantile_pairs(xp: Any, q: Array, y: Array) -> tuple[Array, Array]:
    """Return the differences of all pairs, and the levels in a column."""
    tau = xp.asarray(levels(q.shape[-1]).tolist(), dtype=q.dtype)[:, None]
    return q[..., :, None] - y[..., None, :], tau


def quantile_losses(xp: Any, q: Array, y: Array, kappa: float, weigh: Callable) -> Array:
    """Return the Huber losses of all pairs (..., M, J), with the weights `weigh(e, tau)`."""
    e, tau = quantile_pairs(xp, q, y)
    return weigh(e, tau) * regression.huber(e, 0 * e, delta=kappa)


QUANTILE_TD = Case(
    loss=value.quantile_td,
    gradient=value.quantile_td_grad,
    settings=({}, {"kappa": 0.25}, {"kappa": 1.0}),
    draw=draw_quantiles,
    oracle=("torch huber_loss of all pairs", quantiles_by_torch),
    exact=exact_quantile_td,
    statistic=quantile_locations,
    sample=sample_returns,
    limits=lambda kappa=1.0: (
        Point(((INF, 0.0), (0.0, 0.0)), (0.75 * kappa, 0.0), INF),
        Point(((0.0, -INF), (0.0, 0.0)), (0.0, -0.75 * kappa), INF),
        Point(((0.0, 0.0), (INF, 0.0)), (-0.125 * kappa, -0.375 * kappa), INF),
    ),
    rounding=1.0,
    identities=(
        Identity(
            "kappa times the pinball losses where kappa is small",
            lambda loss: (
                loss(*example(draw_quantiles), kappa=1e-15) / 1e-15,
                sum(
                    regression.pinball(
                        np.repeat(example(draw_quantiles)[0][:, i : i + 1], 3, axis=1),
                        example(draw_quantiles)[1],
                        quantile=tau,
                    ).mean(axis=1)
                    for i, tau in enumerate(levels(4))
                ),
            ),
        ),
        Identity(
            "half the Huber loss of one quantile and one target",
            lambda loss: (
                loss(example(draw)[0][:, None], example(draw)[1][:, None]),
                regression.huber(*example(draw)) / 2,
            ),
        ),
        Identity(
            "the order of the targets does not count",
            lambda loss: (
                loss(*example(draw_quantiles)),
                loss(example(draw_quantiles)[0], example(draw_quantiles)[1][:, ::-1]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "levels mirrored",
            lambda xp, q, y, kappa=1.0: xp.sum(
                xp.mean(
                    quantile_losses(
                        xp, q, y, kappa, lambda e, tau: xp.where(e > 0, tau + 0 * e, 1 - tau)
                    ),
                    axis=-1,
                ),
                axis=-1,
            ),
        ),
        wrong(
            "loss",
            "mean over the quantiles too",
            lambda xp, q, y, kappa=1.0: value.quantile_td(q, y, kappa=kappa) / q.shape[-1],
        ),
        wrong(
            "loss",
            "sum over the targets",
            lambda xp, q, y, kappa=1.0: value.quantile_td(q, y, kappa=kappa) * y.shape[-1],
        ),
        wrong(
            "loss",
            "sum over the targets, mean over the quantiles",
            lambda xp, q, y, kappa=1.0: xp.sum(
                xp.mean(
                    quantile_losses(
                        xp, q, y, kappa, lambda e, tau: xp.where(e > 0, 1 - tau, tau + 0 * e)
                    ),
                    axis=-2,
                ),
                axis=-1,
            ),
        ),
        wrong(
            "loss",
            "divided by kappa",
            lambda xp, q, y, kappa=1.0: value.quantile_td(q, y, kappa=kappa) / kappa,
        ),
        wrong(
            "loss",
            "not tilted",
            lambda xp, q, y, kappa=1.0: xp.sum(
                xp.mean(quantile_losses(xp, q, y, kappa, lambda e, tau: 0.5 + 0 * e), axis=-1),
                axis=-1,
            ),
        ),
        wrong(
            "loss",
            "levels at the upper ends",
            lambda xp, q, y, kappa=1.0: xp.sum(
                xp.mean(
                    quantile_losses(
                        xp,
                        q,
                        y,
                        kappa,
                        lambda e, tau: xp.where(e > 0, 0.875 - tau, tau + 0.125 + 0 * e),
                    ),
                    axis=-1,
                ),
                axis=-1,
            ),
        ),
        wrong("gradient", "sign", lambda xp, q, y, **k: -value.quantile_td_grad(q, y, **k)),
        wrong(
            "gradient",
            "of the pinball loss",
            lambda xp, q, y, kappa=1.0: xp.mean(
                xp.where(
                    quantile_pairs(xp, q, y)[0] > 0,
                    1 - quantile_pairs(xp, q, y)[1],
                    -quantile_pairs(xp, q, y)[1],
                ),
                axis=-1,
            ),
        ),
        wrong(
            "gradient",
            "sum over the targets",
            lambda xp, q, y, **k: value.quantile_td_grad(q, y, **k) * y.shape[-1],
        ),
    ),
)


def discounts_with_ends(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return discounts of which some are 0: the episode ends there."""
    return np.where(rng.random(shape) < 0.2, 0.0, rng.uniform(0.5, 1.0, shape))


def draw_steps(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rewards, next values and discounts of two rows of five steps."""
    return {
        "rewards": rng.normal(size=(2, 5)),
        "next_values": rng.normal(size=(2, 5)),
        "discounts": discounts_with_ends(rng, 2, 5),
    }


def draw_next_actions(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rewards, values of the next actions and discounts."""
    return {
        "rewards": rng.normal(size=6),
        "next_q_values": rng.normal(size=(6, ACTIONS)),
        "discounts": discounts_with_ends(rng, 6),
    }


BAD_DISCOUNTS = (
    Refused(ValueError, "discounts", {"discounts": np.full((2, 5), 1.5)}),
    Refused(ValueError, "discounts", {"discounts": np.full((2, 5), -0.5)}),
)
NO_STEP = Refused(
    ValueError,
    "rewards",
    {name: np.zeros((2, 0)) for name in ("rewards", "next_values", "discounts")},
)
NO_TIME = Refused(
    ValueError, "rewards", {n: np.zeros(()) for n in ("rewards", "next_values", "discounts")}
)


def a_terminal_step_is_worth_its_reward(targets: Callable) -> None:
    rewards, ends = np.asarray([1.0, 2.0]), np.zeros(2)
    for next_value in (5.0, INF, -INF):
        np.testing.assert_array_equal(targets(rewards, np.full(2, next_value), ends), rewards)


TD_TARGETS = helper_by_definition(
    value.td_targets,
    draw=draw_steps,
    definition=lambda rewards, next_values, discounts: [
        [r + g * v for r, v, g in zip(*rows, strict=True)]
        for rows in zip(rewards, next_values, discounts, strict=True)
    ],
    refused=BAD_DISCOUNTS,
    checks=(a_terminal_step_is_worth_its_reward,),
    mutants={
        "discount left out": lambda rewards, next_values, discounts: (
            rewards + next_values + 0 * discounts
        ),
        "reward discounted too": lambda rewards, next_values, discounts: (
            discounts * (rewards + next_values)
        ),
        "reward left out": lambda rewards, next_values, discounts: (
            0 * rewards + discounts * next_values
        ),
        "0 times infinity": lambda rewards, next_values, discounts: (
            rewards + discounts * next_values
        ),
    },
)


def targets_by_definition(rewards: Any, next_values: Any, discounts: Any) -> list[float]:
    """Return reward plus discounted value, one by one."""
    return [r + g * v for r, v, g in zip(rewards, next_values, discounts, strict=True)]


def no_overestimate_without_noise(targets: Callable) -> None:
    """Values that all actions share leave nothing to choose."""
    arrays = draw_next_actions(np.random.default_rng(0))
    arrays["next_q_values"][...] = arrays["next_q_values"][:, :1]
    expected = value.td_targets(
        arrays["rewards"], arrays["next_q_values"][:, 0], arrays["discounts"]
    )
    np.testing.assert_array_equal(targets(**arrays), expected)


NO_ACTION = Refused(ValueError, "next_q_values", {"next_q_values": np.zeros((6, 0))})

Q_LEARNING_TARGETS = helper_by_definition(
    value.q_learning_targets,
    draw=draw_next_actions,
    definition=lambda rewards, next_q_values, discounts: targets_by_definition(
        rewards, [max(row) for row in next_q_values], discounts
    ),
    refused=(
        NO_ACTION,
        Refused(ValueError, "discounts", {"discounts": np.full(6, 1.5)}),
    ),
    checks=(no_overestimate_without_noise,),
    mutants={
        "mean of the next values": lambda rewards, next_q_values, discounts: value.td_targets(
            rewards, next_q_values.mean(-1), discounts
        ),
        "sum of the next values": lambda rewards, next_q_values, discounts: value.td_targets(
            rewards, next_q_values.sum(-1), discounts
        ),
        "smallest of the next values": lambda rewards, next_q_values, discounts: (
            -value.q_learning_targets(-rewards, -next_q_values, discounts)
        ),
    },
)


def draw_next_twice(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what double Q-learning needs: the values of the next actions by two networks."""
    drawn = draw_next_actions(rng)
    return {
        "rewards": drawn["rewards"],
        "next_q_values": drawn["next_q_values"],
        "selector_q_values": rng.normal(size=(6, ACTIONS)),
        "discounts": drawn["discounts"],
    }


def one_network_gives_q_learnings(targets: Callable) -> None:
    drawn = draw_next_actions(np.random.default_rng(3))
    rewards, q_values, discounts = drawn.values()
    np.testing.assert_array_equal(
        targets(rewards, q_values, q_values, discounts),
        value.q_learning_targets(rewards, q_values, discounts),
    )


DOUBLE_Q_TARGETS = helper_by_definition(
    value.double_q_targets,
    draw=draw_next_twice,
    definition=lambda rewards, next_q_values, selector_q_values, discounts: targets_by_definition(
        rewards,
        [
            row[max(range(ACTIONS), key=chooser.__getitem__)]
            for row, chooser in zip(next_q_values, selector_q_values, strict=True)
        ],
        discounts,
    ),
    refused=(
        Refused(
            ValueError,
            "selector_q_values",
            {"next_q_values": np.zeros((6, 0)), "selector_q_values": np.zeros((6, 0))},
        ),
        Refused(ValueError, "discounts", {"discounts": np.full(6, -0.5)}),
    ),
    checks=(one_network_gives_q_learnings,),
    mutants={
        "the networks swapped": lambda rewards, next_q_values, selector_q_values, discounts: (
            value.double_q_targets(rewards, selector_q_values, next_q_values, discounts)
        ),
        "one network for both": lambda rewards, next_q_values, selector_q_values, discounts: (
            value.q_learning_targets(rewards, next_q_values + 0 * selector_q_values, discounts)
        ),
        "the smaller of two maxima": lambda rewards, next_q_values, selector_q_values, discounts: (
            value.td_targets(
                rewards, np.minimum(next_q_values, selector_q_values).max(-1), discounts
            )
        ),
        "the worst action chosen": lambda rewards, next_q_values, selector_q_values, discounts: (
            value.double_q_targets(rewards, next_q_values, -selector_q_values, discounts)
        ),
    },
)


def draw_next_policy(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what expected SARSA needs: the next actions' values and probabilities."""
    drawn = draw_next_actions(rng)
    return {
        "rewards": drawn["rewards"],
        "next_q_values": drawn["next_q_values"],
        "next_probs": rng.dirichlet(np.ones(ACTIONS), size=6),
        "discounts": drawn["discounts"],
    }


def a_greedy_policy_gives_q_learnings(targets: Callable) -> None:
    rewards, q_values, discounts = draw_next_actions(np.random.default_rng(3)).values()
    greedy = np.eye(ACTIONS)[q_values.argmax(-1)]
    np.testing.assert_array_equal(
        targets(rewards, q_values, greedy, discounts),
        value.q_learning_targets(rewards, q_values, discounts),
    )


def an_action_never_taken_does_not_count(targets: Callable) -> None:
    q_values, probs = np.asarray([[2.0, -INF]]), np.asarray([[1.0, 0.0]])
    np.testing.assert_array_equal(targets(np.ones(1), q_values, probs, np.ones(1)), [3.0])


EXPECTED_SARSA_TARGETS = helper_by_definition(
    value.expected_sarsa_targets,
    draw=draw_next_policy,
    definition=lambda rewards, next_q_values, next_probs, discounts: targets_by_definition(
        rewards,
        [
            math.fsum(p * q for p, q in zip(*rows, strict=True))
            for rows in zip(next_probs, next_q_values, strict=True)
        ],
        discounts,
    ),
    refused=(
        Refused(ValueError, "next_probs", {"next_probs": np.full((6, ACTIONS), 0.5)}),
        Refused(ValueError, "discounts", {"discounts": np.full(6, 1.5)}),
    ),
    checks=(a_greedy_policy_gives_q_learnings, an_action_never_taken_does_not_count),
    mutants={
        "all actions alike": lambda rewards, next_q_values, next_probs, discounts: (
            value.td_targets(rewards, next_q_values.mean(-1), discounts) + 0 * next_probs.sum(-1)
        ),
        "mean for sum": lambda rewards, next_q_values, next_probs, discounts: value.td_targets(
            rewards, (next_probs * next_q_values).mean(-1), discounts
        ),
        "the likeliest action alone": lambda rewards, next_q_values, next_probs, discounts: (
            value.double_q_targets(rewards, next_q_values, next_probs, discounts)
        ),
        "0 times infinity": lambda rewards, next_q_values, next_probs, discounts: value.td_targets(
            rewards, (next_probs * next_q_values).sum(-1), discounts
        ),
    },
)


def draw_rows(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rewards, discounts and last values of two rows of five steps."""
    return {
        "rewards": rng.normal(size=(2, 5)),
        "discounts": discounts_with_ends(rng, 2, 5),
        "last_values": rng.normal(size=2),
    }


def sum_of_rewards(rewards: Any, discounts: Any, last: float, start: int, stop: int) -> float:
    """Return the rewards from `start` to `stop` and what follows, each with its discounts."""
    total, weight = 0.0, 1.0
    for t in range(start, stop):
        total += weight * rewards[t]
        weight *= discounts[t]
    return total + weight * last


def a_constant_reward_makes_a_geometric_series(returns: Callable) -> None:
    found = returns(np.ones(20), np.full(20, 0.5), np.zeros(()))
    np.testing.assert_allclose(found, 2 - 2.0 ** -np.arange(19.0, -1.0, -1.0), rtol=1e-14)


DISCOUNTED_RETURNS = helper_by_definition(
    value.discounted_returns,
    draw=draw_rows,
    definition=lambda rewards, discounts, last_values: [
        [sum_of_rewards(r, g, last, t, len(r)) for t in range(len(r))]
        for r, g, last in zip(rewards, discounts, last_values, strict=True)
    ],
    refused=(
        *BAD_DISCOUNTS,
        Refused(ValueError, "rewards", {n: np.zeros((2, 0)) for n in ("rewards", "discounts")}),
    ),
    rounding=5.0,
    checks=(a_constant_reward_makes_a_geometric_series,),
    mutants={
        "forwards": lambda rewards, discounts, last_values: value.discounted_returns(
            rewards[..., ::-1], discounts[..., ::-1], last_values
        )[..., ::-1],
        "not discounted": lambda rewards, discounts, last_values: value.discounted_returns(
            rewards, 0 * discounts + 1, last_values
        ),
        "last value left out": lambda rewards, discounts, last_values: value.discounted_returns(
            rewards, discounts, 0 * last_values
        ),
        "the next step's discount": lambda rewards, discounts, last_values: (
            value.discounted_returns(rewards, np.roll(discounts, -1, axis=-1), last_values)
        ),
        "the return of the start everywhere": lambda rewards, discounts, last_values: (
            0 * rewards + value.discounted_returns(rewards, discounts, last_values)[..., :1]
        ),
    },
)


def n_step_by_definition(
    rewards: Any, next_values: Any, discounts: Any, steps: float = 5
) -> list[list[float]]:
    """Return each n-step return from the rewards that it holds."""
    found = []
    for r, v, g in zip(rewards, next_values, discounts, strict=True):
        stops = [min(t + int(steps), len(r)) for t in range(len(r))]
        found.append([sum_of_rewards(r, g, v[stop - 1], t, stop) for t, stop in enumerate(stops)])
    return found


def one_step_gives_the_td_target(returns: Callable) -> None:
    steps = draw_steps(np.random.default_rng(0))
    np.testing.assert_array_equal(returns(**steps, steps=1), value.td_targets(**steps))


def many_steps_give_the_whole_return(returns: Callable) -> None:
    steps = draw_steps(np.random.default_rng(0))
    whole = value.discounted_returns(
        steps["rewards"], steps["discounts"], steps["next_values"][:, -1]
    )
    for n in (5, 6, 100):
        np.testing.assert_array_equal(returns(**steps, steps=n), whole)


N_STEP_RETURNS = helper_by_definition(
    value.n_step_returns,
    draw=draw_steps,
    definition=n_step_by_definition,
    settings=({}, {"steps": 1}, {"steps": 2}, {"steps": 3}),
    refused=(
        *BAD_DISCOUNTS,
        NO_STEP,
        NO_TIME,
        *(
            Refused(error, "steps", {"steps": bad})
            for bad, error in (
                (0, ValueError),
                (-1, ValueError),
                (1.5, ValueError),
                (INF, ValueError),
                ("1", TypeError),
                (True, TypeError),
            )
        ),
    ),
    rounding=5.0,
    checks=(one_step_gives_the_td_target, many_steps_give_the_whole_return),
    mutants={
        "a step too many": lambda *, steps=5, **arrays: value.n_step_returns(
            **arrays, steps=steps + 1
        ),
        "one step always": lambda *, steps=5, **arrays: value.td_targets(**arrays),
        "the end not bootstrapped": lambda rewards, next_values, discounts, steps=5: (
            value.n_step_returns(rewards, next_values * (np.arange(5) < 4), discounts, steps=steps)
        ),
        "the whole return always": lambda *, steps=5, **arrays: value.n_step_returns(
            **arrays, steps=100
        ),
        "wrapped round": lambda rewards, next_values, discounts, steps=5: wrapped(
            rewards, next_values, discounts, steps
        ),
    },
)


def wrapped(rewards: Array, next_values: Array, discounts: Array, steps: float) -> Array:
    """Return n-step returns that go on with the first step after the last."""
    returns = value.td_targets(rewards, next_values, discounts)
    for _ in range(1, int(steps)):
        returns = value.td_targets(rewards, np.roll(returns, -1, axis=-1), discounts)
    return returns


def average_of_n_step_returns(
    rewards: Any, next_values: Any, discounts: Any, trace_decay: float = 0.95
) -> np.ndarray:
    """Return the n-step returns in their geometric weights, the last with the rest."""
    length = np.shape(rewards)[-1]
    each = [n_step_by_definition(rewards, next_values, discounts, n + 1) for n in range(length)]
    found = np.zeros(np.shape(rewards))
    for t in range(length):
        left = length - t
        for n in range(1, left):
            weight = (1 - trace_decay) * trace_decay ** (n - 1)
            found[:, t] += weight * np.asarray(each[n - 1])[:, t]
        found[:, t] += trace_decay ** (left - 1) * np.asarray(each[left - 1])[:, t]
    return found


def lambda_0_gives_the_td_target(returns: Callable) -> None:
    steps = draw_steps(np.random.default_rng(0))
    np.testing.assert_array_equal(returns(**steps, trace_decay=0.0), value.td_targets(**steps))


def lambda_1_gives_the_whole_return(returns: Callable) -> None:
    steps = draw_steps(np.random.default_rng(0))
    whole = value.n_step_returns(**steps, steps=5)
    np.testing.assert_array_equal(returns(**steps, trace_decay=1.0), whole)


LAMBDA_RETURNS = helper_by_definition(
    value.lambda_returns,
    draw=draw_steps,
    definition=average_of_n_step_returns,
    settings=({}, {"trace_decay": 0.0}, {"trace_decay": 0.5}, {"trace_decay": 1.0}),
    refused=(
        *BAD_DISCOUNTS,
        NO_STEP,
        NO_TIME,
        *(
            Refused(error, "trace_decay", {"trace_decay": bad})
            for bad, error in ((-0.1, ValueError), (1.1, ValueError), ("1", TypeError))
        ),
    ),
    rounding=5.0,
    checks=(lambda_0_gives_the_td_target, lambda_1_gives_the_whole_return),
    mutants={
        "1 - lambda": lambda *, trace_decay=0.95, **arrays: value.lambda_returns(
            **arrays, trace_decay=1 - trace_decay
        ),
        "another default": lambda *, trace_decay=0.9, **arrays: value.lambda_returns(
            **arrays, trace_decay=trace_decay
        ),
        "next values not weighted": lambda rewards, next_values, discounts, trace_decay=0.95: (
            value.discounted_returns(
                value.td_targets(rewards, next_values, discounts),
                trace_decay * discounts,
                next_values[..., -1],
            )
        ),
        "the end not bootstrapped": lambda rewards, next_values, discounts, trace_decay=0.95: (
            value.discounted_returns(
                value.td_targets(rewards, next_values, (1 - trace_decay) * discounts),
                trace_decay * discounts,
                0 * next_values[..., -1],
            )
        ),
        "through the end of an episode": lambda rewards, next_values, discounts, trace_decay=0.95: (
            value.discounted_returns(
                value.td_targets(rewards, next_values, (1 - trace_decay) * discounts),
                0 * discounts + trace_decay,
                next_values[..., -1],
            )
        ),
    },
)


def draw_mass(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return distributions on four atoms, some beyond the ends, and an uneven support."""
    return {
        "probs": rng.dirichlet(np.ones(4), size=3),
        "atoms": rng.uniform(-3.0, 3.0, size=(3, 4)),
        "support": np.cumsum(rng.uniform(0.5, 1.5, size=5)) - 3.0,
    }


def projection_by_neighbours(probs: Any, atoms: Any, support: Any) -> np.ndarray:
    """Return the mass of each atom shared between its two neighbours, one by one."""
    found = np.zeros((len(probs), len(support)))
    for row, (p, x) in enumerate(zip(probs, atoms, strict=True)):
        for mass, atom in zip(p, x, strict=True):
            atom = min(max(atom, support[0]), support[-1])
            right = max(1, int(np.searchsorted(support, atom)))
            part = (atom - support[right - 1]) / (support[right] - support[right - 1])
            found[row, right - 1] += (1 - part) * mass
            found[row, right] += part * mass
    return found


def even_support_gives_the_papers_algorithm(project: Callable) -> None:
    """With the index of each atom on the support, its floor and its ceiling."""
    support = np.linspace(-2.0, 2.0, 9)
    drawn = draw_mass(np.random.default_rng(1))
    atoms = np.round(drawn["atoms"], 2)
    found = np.zeros((3, 9))
    for row in range(3):
        for mass, atom in zip(drawn["probs"][row], atoms[row], strict=True):
            b = (min(max(atom, -2.0), 2.0) + 2.0) / 0.5
            low, high = math.floor(b), math.ceil(b)
            if low == high:
                found[row, low] += mass
            else:
                found[row, low] += mass * (high - b)
                found[row, high] += mass * (b - low)
    np.testing.assert_allclose(project(drawn["probs"], atoms, support), found, atol=1e-14)


def mass_and_mean_are_kept(project: Callable) -> None:
    for seed in range(5):
        drawn = draw_mass(np.random.default_rng(seed))
        assert np.allclose(project(**drawn).sum(axis=-1), 1, rtol=1e-14)
        drawn["atoms"] = np.clip(drawn["atoms"], *drawn["support"][[0, -1]])
        means = (drawn["probs"] * drawn["atoms"]).sum(axis=-1)
        np.testing.assert_allclose(project(**drawn) @ drawn["support"], means, atol=1e-14)


def the_same_atoms_change_nothing(project: Callable) -> None:
    drawn = draw_mass(np.random.default_rng(2))
    atoms = np.broadcast_to(drawn["support"], (3, 5)).copy()
    probs = np.random.default_rng(3).dirichlet(np.ones(5), size=3)
    np.testing.assert_array_equal(project(probs, atoms, drawn["support"]), probs)


def infinite_atoms_go_to_the_ends(project: Callable) -> None:
    probs, atoms = np.asarray([0.25, 0.75]), np.asarray([INF, -INF])
    np.testing.assert_array_equal(project(probs, atoms, np.arange(3.0)), [0.75, 0.0, 0.25])


def by_floor_and_ceiling(probs: Array, atoms: Array, support: Array) -> Array:
    """Return the projection that loses the mass of an atom which falls on one of the support."""
    indices = np.interp(atoms, support, np.arange(len(support)))
    low, high = np.floor(indices), np.ceil(indices)
    where = np.arange(len(support))[:, None]
    weights = (where == low[..., None, :]) * (high - indices)[..., None, :]
    weights = weights + (where == high[..., None, :]) * (indices - low)[..., None, :]
    return (weights * probs[..., None, :]).sum(-1)


PROJECT_DISTRIBUTION = helper_by_definition(
    value.project_distribution,
    draw=draw_mass,
    definition=projection_by_neighbours,
    refused=(
        Refused(ValueError, "probs", {"probs": np.full((3, 4), 0.5)}),
        Refused(ValueError, "support", {"support": np.asarray([0.0, 1.0, 1.0])}),
        Refused(ValueError, "support", {"support": np.asarray([2.0, 1.0, 0.0])}),
        Refused(ValueError, "support", {"support": np.asarray([1.0])}),
    ),
    checks=(
        even_support_gives_the_papers_algorithm,
        mass_and_mean_are_kept,
        the_same_atoms_change_nothing,
        infinite_atoms_go_to_the_ends,
    ),
    mutants={
        "mass lost where an atom falls on one of the support": by_floor_and_ceiling,
        "mass beyond the ends lost": lambda probs, atoms, support: (
            value.project_distribution(probs, atoms, support)
            * (value.project_distribution(probs, 0 * atoms + support[0], support) == 0)
        ),
        "all to the nearest": lambda probs, atoms, support: (
            (
                abs(atoms[..., None, :] - support[:, None])
                == abs(atoms[..., None, :] - support[:, None]).min(-2)[..., None, :]
            )
            * probs[..., None, :]
        ).sum(-1),
        "an even support assumed": lambda probs, atoms, support: value.project_distribution(
            probs, atoms, np.linspace(support[0], support[-1], len(support))
        ),
    },
)

CASES = [TD, Q_LEARNING, CATEGORICAL_TD, QUANTILE_TD, CLIPPED_VALUE]
HELPERS = [
    TD_TARGETS,
    Q_LEARNING_TARGETS,
    DOUBLE_Q_TARGETS,
    EXPECTED_SARSA_TARGETS,
    DISCOUNTED_RETURNS,
    N_STEP_RETURNS,
    LAMBDA_RETURNS,
    PROJECT_DISTRIBUTION,
]
