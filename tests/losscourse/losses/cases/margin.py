"""The cases of `losscourse.losses.margin`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import torch
import torch.nn.functional as F

from losscourse.arrays import Array, one_hot, pick
from losscourse.losses import margin, regression
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import (
    CLASSES,
    balanced_labels,
    draw_labelled,
    draw_signed,
    example,
    sample_signs,
    undecided,
    wrong,
)

INF = math.inf
SIGNS = (0.0, 0.5, 2.0, -3.0)
"""What is no sign."""


def few_margins() -> tuple[np.ndarray, np.ndarray]:
    """Return logits on both sides of the kinks at margins 0 and 1."""
    logits = np.asarray([1.0 + 2**-7, 1.0 - 2**-7, 2**-7, 3.0])
    return np.concatenate([logits, -logits]), np.tile([1.0, -1.0], 4)


def ranked_above_zero(logits: np.ndarray, signs: np.ndarray, width: float) -> np.ndarray:
    """Return torch's ranking loss of each logit against 0."""
    z, s = torch.as_tensor(logits), torch.as_tensor(signs)
    zero = torch.zeros_like(z)
    return F.margin_ranking_loss(z, zero, s, margin=width, reduction="none").numpy()


def signed(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and signs for an identity."""
    return example(draw_signed, n=n)


PERCEPTRON = Case(
    loss=margin.perceptron,
    gradient=margin.perceptron_grad,
    settings=({},),
    draw=draw_signed,
    oracle=(
        "torch margin_ranking_loss against 0",
        lambda z, s: ranked_above_zero(z, s, 0.0),
    ),
    exact=lambda z, s: max(-s * z, 0),
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -1.0, INF),
        Point((INF, -1.0), 1.0, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    kinks=lambda: (Point((0.0, 1.0), -1.0), Point((0.0, -1.0), 1.0)),
    corners=lambda: (few_margins(),),
    chance=undecided,
    wrong_values={"signs": SIGNS},
    without={
        "minimiser_is_the_statistic": "the score 0 minimises it, whatever the share of each sign",
    },
    identities=(
        Identity(
            "both signs together cost |logit|",
            lambda loss: (
                loss(signed()[0], np.ones(50)) + loss(signed()[0], -np.ones(50)),
                np.abs(signed()[0]),
            ),
        ),
        Identity(
            "scales with the logits",
            lambda loss: (loss(3 * signed()[0], signed()[1]), 3 * loss(*signed())),
        ),
        Identity(
            "its gradient times the logit",
            lambda loss: (loss(*signed()), margin.perceptron_grad(*signed()) * signed()[0]),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the margin", lambda xp, z, s: xp.clip(s * z, min=0)),
        wrong("loss", "not cut at 0", lambda xp, z, s: -s * z),
        wrong("loss", "distance also when right", lambda xp, z, s: xp.abs(z)),
        wrong("loss", "hinge", lambda xp, z, s: xp.clip(1 - s * z, min=0)),
        wrong("loss", "counts mistakes", lambda xp, z, s: xp.astype(s * z <= 0, z.dtype)),
        wrong(
            "loss",
            "0 where the score is 0, for autograd too",
            lambda xp, z, s: xp.where(s * z < 0, -s * z, 0 * z),
        ),
        wrong("gradient", "sign", lambda xp, z, s: s * xp.astype(s * z <= 0, z.dtype)),
        wrong("gradient", "0 at the kink", lambda xp, z, s: -s * xp.astype(s * z < 0, z.dtype)),
        wrong("gradient", "by the margin", lambda xp, z, s: -xp.astype(s * z <= 0, z.dtype)),
    ),
)

HINGE = Case(
    loss=margin.hinge,
    gradient=margin.hinge_grad,
    settings=({},),
    draw=draw_signed,
    oracle=(
        "torch margin_ranking_loss against 0",
        lambda z, s: ranked_above_zero(z, s, 1.0),
    ),
    exact=lambda z, s: max(1 - s * z, 0),
    statistic=lambda signs: float(np.median(signs)),
    sample=sample_signs,
    search=(-3.0, 3.0),
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -1.0, INF),
        Point((INF, -1.0), 1.0, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    kinks=lambda: (Point((1.0, 1.0), -1.0), Point((-1.0, -1.0), 1.0)),
    seams=lambda: (1.0,),
    corners=lambda: (few_margins(), undecided()),
    chance=undecided,
    wrong_values={"signs": SIGNS},
    identities=(
        Identity(
            "the perceptron loss of a logit moved by its sign",
            lambda loss: (
                loss(*signed()),
                margin.perceptron(signed()[0] - signed()[1], signed()[1]),
            ),
        ),
        Identity(
            "the other class with the other sign",
            lambda loss: (loss(*signed()), loss(-signed()[0], -signed()[1])),
        ),
        Identity(
            "at least the count of mistakes",
            lambda loss: (
                np.minimum(loss(*signed()), np.prod(signed(), axis=0) <= 0),
                (np.prod(signed(), axis=0) <= 0).astype(float),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the margin", lambda xp, z, s: xp.clip(1 + s * z, min=0)),
        wrong("loss", "margin of 0", lambda xp, z, s: xp.clip(-s * z, min=0)),
        wrong("loss", "not cut at 0", lambda xp, z, s: 1 - s * z),
        wrong("loss", "squared", lambda xp, z, s: xp.clip(1 - s * z, min=0) ** 2),
        wrong("loss", "of labels 0 and 1", lambda xp, z, s: xp.clip(1 - (s + 1) / 2 * z, min=0)),
        wrong(
            "loss",
            "0 at the kink, for autograd too",
            lambda xp, z, s: xp.where(s * z < 1, 1 - s * z, 0 * z),
        ),
        wrong("gradient", "sign", lambda xp, z, s: s * xp.astype(s * z <= 1, z.dtype)),
        wrong("gradient", "0 at the kink", lambda xp, z, s: -s * xp.astype(s * z < 1, z.dtype)),
        wrong("gradient", "mistakes alone", lambda xp, z, s: -s * xp.astype(s * z <= 0, z.dtype)),
        wrong("gradient", "by the margin", lambda xp, z, s: -xp.astype(s * z <= 1, z.dtype)),
    ),
)


def two_class_margin(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return torch's squared multiclass hinge of the logits 0 and z; it divides by the classes."""
    rows = torch.stack([torch.zeros(logits.shape), torch.as_tensor(logits)], dim=-1)
    labels = torch.as_tensor(signs > 0).long()
    return 2 * F.multi_margin_loss(rows, labels, p=2, reduction="none").numpy()


SQUARED_HINGE = Case(
    loss=margin.squared_hinge,
    gradient=margin.squared_hinge_grad,
    settings=({},),
    draw=draw_signed,
    oracle=("torch multi_margin_loss of two classes", two_class_margin),
    exact=lambda z, s: max(1 - s * z, 0) ** 2,
    statistic=lambda signs: float(np.mean(signs)),
    sample=sample_signs,
    limits=lambda: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -INF, INF),
        Point((INF, -1.0), INF, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    seams=lambda: (1.0,),
    corners=lambda: (few_margins(), undecided()),
    chance=undecided,
    wrong_values={"signs": SIGNS},
    identities=(
        Identity("the hinge squared", lambda loss: (loss(*signed()), margin.hinge(*signed()) ** 2)),
        Identity(
            "the squared error where the margin is at most 1",
            lambda loss: (
                loss(np.linspace(-5.0, 1.0, 20), np.ones(20)),
                (np.linspace(-5.0, 1.0, 20) - 1) ** 2,
            ),
        ),
        Identity(
            "the other class with the other sign",
            lambda loss: (loss(*signed()), loss(-signed()[0], -signed()[1])),
        ),
    ),
    wrongs=(
        wrong("loss", "sign of the margin", lambda xp, z, s: xp.clip(1 + s * z, min=0) ** 2),
        wrong("loss", "factor ½", lambda xp, z, s: xp.clip(1 - s * z, min=0) ** 2 / 2),
        wrong("loss", "not squared", lambda xp, z, s: xp.clip(1 - s * z, min=0)),
        wrong("loss", "squared error: right decisions cost too", lambda xp, z, s: (z - s) ** 2),
        wrong("loss", "margin of 0", lambda xp, z, s: xp.clip(-s * z, min=0) ** 2),
        wrong("gradient", "missing 2", lambda xp, z, s: -s * xp.clip(1 - s * z, min=0)),
        wrong("gradient", "sign", lambda xp, z, s: 2 * s * xp.clip(1 - s * z, min=0)),
        wrong("gradient", "by the margin", lambda xp, z, s: -2 * xp.clip(1 - s * z, min=0)),
        wrong("gradient", "of the hinge", lambda xp, z, s: margin.hinge_grad(z, s)),
    ),
)


def exact_smooth_hinge(z: Any, s: Any, gamma: float = 1.0) -> Any:
    """Return the smooth hinge loss by its three branches."""
    slack = max(1 - s * z, 0)
    return slack**2 / (2 * mpmath.mpf(gamma)) if slack < gamma else slack - mpmath.mpf(gamma) / 2


def torch_smooth_hinge(logits: np.ndarray, signs: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """Return torch's smooth L1 distance of the margin, cut at 1, from 1."""
    margins = torch.clamp(torch.as_tensor(logits * signs), max=1)
    return F.smooth_l1_loss(margins, torch.ones_like(margins), reduction="none", beta=gamma).numpy()


def smooth_hinge_location(signs: np.ndarray, gamma: float = 1.0) -> float:
    """Return where the pull of the more frequent sign's quadratic part equals the other's."""
    share = np.mean(signs > 0)
    assert share > 0.5
    beyond = 1 - gamma * (1 - share) / share  # the rarer sign is in its linear part
    return beyond if 1 + beyond >= gamma else 2 * share - 1


def wrong_smooth(xp: Any, z: Array, s: Array, body: Callable[[Array], Array]) -> Array:
    """Return another function of the shortfall of the margin from 1."""
    return body(xp.clip(1 - s * z, min=0))


SMOOTH_HINGE = Case(
    loss=margin.smooth_hinge,
    gradient=margin.smooth_hinge_grad,
    settings=({}, {"gamma": 0.0}, {"gamma": 0.1}, {"gamma": 2.5}),
    draw=draw_signed,
    oracle=("torch smooth_l1_loss of the margin cut at 1", torch_smooth_hinge),
    exact=exact_smooth_hinge,
    statistic=smooth_hinge_location,
    sample=sample_signs,
    search=(-3.0, 3.0),
    limits=lambda gamma=1.0: (
        Point((INF, 1.0), 0.0, 0.0),
        Point((-INF, 1.0), -1.0, INF),
        Point((INF, -1.0), 1.0, INF),
        Point((-INF, -1.0), 0.0, 0.0),
    ),
    kinks=lambda gamma=1.0: () if gamma else (Point((1.0, 1.0), -1.0), Point((-1.0, -1.0), 1.0)),
    seams=lambda gamma=1.0: (1.0, 1.0 - gamma),
    corners=lambda: (few_margins(), (np.asarray([0.25, -0.25]), np.ones(2))),
    chance=undecided,
    wrong_values={"signs": SIGNS},
    identities=(
        Identity(
            "the hinge at gamma 0",
            lambda loss: (loss(*signed(), gamma=0.0), margin.hinge(*signed())),
        ),
        Identity(
            "the hinge where gamma is tiny",
            lambda loss: (loss(*signed(), gamma=1e-310), margin.hinge(*signed())),
        ),
        Identity(
            "the squared hinge over twice gamma where gamma is large",
            lambda loss: (loss(*signed(), gamma=1e3), margin.squared_hinge(*signed()) / 2e3),
        ),
        Identity(
            "smooth L1 of a margin below 1",
            lambda loss: (
                loss(np.linspace(-5.0, 1.0, 20), np.ones(20), gamma=0.7),
                regression.smooth_l1(np.linspace(-5.0, 1.0, 20), np.ones(20), beta=0.7),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "½ missing in the corner",
            lambda xp, z, s, gamma=1.0: wrong_smooth(
                xp, z, s, lambda r: xp.where(r < gamma, r**2 / gamma, r - gamma / 2)
            ),
        ),
        wrong(
            "loss",
            "not joined to the line",
            lambda xp, z, s, gamma=1.0: wrong_smooth(
                xp, z, s, lambda r: xp.where(r < gamma, r**2 / (2 * gamma), r)
            ),
        ),
        wrong(
            "loss",
            "gamma left out",
            lambda xp, z, s, gamma=1.0: margin.smooth_hinge(z, s),
        ),
        wrong(
            "loss",
            "gamma · loss, as Huber's",
            lambda xp, z, s, gamma=1.0: gamma * margin.smooth_hinge(z, s, gamma=gamma),
        ),
        wrong(
            "loss",
            "divided by a gamma of 0",
            lambda xp, z, s, gamma=1.0: wrong_smooth(
                xp,
                z,
                s,
                lambda r: xp.clip(r, max=gamma) / gamma * (r - xp.clip(r, max=gamma) / 2),
            ),
        ),
        wrong(
            "loss",
            "corner rounded on both sides",
            lambda xp, z, s, gamma=1.0: regression.smooth_l1(z, s, beta=gamma),
        ),
        wrong(
            "gradient",
            "not capped",
            lambda xp, z, s, gamma=1.0: -s * xp.clip(1 - s * z, min=0) / (gamma or 1.0),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, z, s, gamma=1.0: -margin.smooth_hinge_grad(z, s, gamma=gamma),
        ),
        wrong(
            "gradient",
            "of the hinge",
            lambda xp, z, s, gamma=1.0: margin.hinge_grad(z, s),
        ),
    ),
)


def labelled_corners() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return rows with distinct rivals, away from every kink: far apart, large, one decided."""
    return (
        (1e4 * np.asarray([[0.0, 1.0, 2.0, -1.0]]), np.asarray([0])),
        (256 + np.asarray([[0.0, 2.0, 4.0, 6.0]]), np.asarray([2])),
        (np.asarray([[8.0, 0.0, 2.0, 4.0], [0.5, 0.25, 0.75, 0.0]]), np.asarray([0, 3])),
    )


def exact_crammer_singer(z: list, y: Any) -> Any:
    """Return the loss as the largest over all classes, the label's own without the 1."""
    return max(x - z[int(y)] + (0 if k == int(y) else 1) for k, x in enumerate(z))


def torch_crammer_singer(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the largest of torch's margins of two classes: the label's and each rival's."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    own = z.gather(-1, y[:, None]).expand_as(z)
    pairs = torch.stack([own, z], dim=-1).reshape(-1, 2)
    costs = 2 * F.multi_margin_loss(pairs, torch.zeros(len(pairs)).long(), reduction="none")
    return costs.reshape(z.shape).scatter(-1, y[:, None], 0.0).amax(dim=-1).numpy()


def best_rival(xp: Any, z: Array, y: Array) -> Array:
    """Return the largest logit but the label's."""
    return xp.max(xp.where(one_hot(y, z) == 1, z - INF, z), axis=-1)


CRAMMER_SINGER = Case(
    loss=margin.crammer_singer,
    gradient=margin.crammer_singer_grad,
    settings=({},),
    draw=draw_labelled,
    oracle=("torch multi_margin_loss of each pair", torch_crammer_singer),
    exact=exact_crammer_singer,
    limits=lambda: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (-1.0, 1.0), INF),
        Point(((INF, 0.0), 1), (1.0, -1.0), INF),
        Point(((INF, 0.0, 1.0), 0), (0.0, 0.0, 0.0), 0.0),
    ),
    kinks=lambda: (
        Point(((1.0, 0.0, -1.0), 0), (-1.0, 1.0, 0.0)),
        Point(((0.0, 2.0, 2.0), 0), (-1.0, 0.5, 0.5)),
    ),
    corners=labelled_corners,
    chance=balanced_labels,
    wrong_values={"labels": (-1, CLASSES)},
    rounding=1.0,
    without={
        "minimiser_is_the_statistic": "all logits 0 minimise it where no class has a majority",
    },
    identities=(
        Identity(
            "the hinge of the difference of two classes",
            lambda loss: (
                loss(np.stack([np.zeros(50), signed()[0]], axis=-1), (signed()[1] > 0).astype(int)),
                margin.hinge(*signed()),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (loss(example()[0] + 8.0, example()[1]), loss(*example())),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (margin.crammer_singer_grad(*example()).sum(axis=-1), np.zeros(50)),
        ),
        Identity(
            "one class has no rival",
            lambda loss: (loss(np.ones((3, 1)), np.zeros(3, dtype=int)), np.zeros(3)),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "the label among its rivals",
            lambda xp, z, y: xp.clip(xp.max(z, axis=-1) - pick(z, y) + 1, min=0),
        ),
        wrong(
            "loss",
            "margin of 0",
            lambda xp, z, y: xp.clip(best_rival(xp, z, y) - pick(z, y), min=0),
        ),
        wrong("loss", "not cut at 0", lambda xp, z, y: best_rival(xp, z, y) - pick(z, y) + 1),
        wrong(
            "loss",
            "sign",
            lambda xp, z, y: xp.clip(pick(z, y) - best_rival(xp, z, y) + 1, min=0),
        ),
        wrong(
            "loss",
            "1 added to a large logit",
            lambda xp, z, y: xp.clip((best_rival(xp, z, y) + 1) - pick(z, y), min=0),
        ),
        wrong(
            "loss",
            "divided by the classes",
            lambda xp, z, y: margin.crammer_singer(z, y) / z.shape[-1],
        ),
        wrong("gradient", "sign", lambda xp, z, y: -margin.crammer_singer_grad(z, y)),
        wrong(
            "gradient",
            "label left out",
            lambda xp, z, y: xp.clip(margin.crammer_singer_grad(z, y), min=0),
        ),
        wrong(
            "gradient",
            "active everywhere",
            lambda xp, z, y: (
                xp.astype(z == best_rival(xp, z, y)[..., None], z.dtype) - one_hot(y, z)
            ),
        ),
        wrong(
            "gradient",
            "every rival that ties gets 1",
            lambda xp, z, y: (
                xp.astype(margin.crammer_singer_grad(z, y) > 0, z.dtype)
                + xp.clip(margin.crammer_singer_grad(z, y), max=0)
            ),
        ),
    ),
)


def exact_weston_watkins(z: list, y: Any) -> Any:
    """Return the sum over the rivals."""
    return sum(max(0, 1 + x - z[int(y)]) for k, x in enumerate(z) if k != int(y))


def torch_weston_watkins(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return torch's multi-margin loss without its division by the classes."""
    z, y = torch.as_tensor(logits), torch.as_tensor(labels)
    return (z.shape[-1] * F.multi_margin_loss(z, y, reduction="none")).numpy()


def distances(xp: Any, z: Array, y: Array) -> Array:
    """Return each logit's distance above the label's."""
    return z - pick(z, y)[..., None]


WESTON_WATKINS = Case(
    loss=margin.weston_watkins,
    gradient=margin.weston_watkins_grad,
    settings=({},),
    draw=draw_labelled,
    oracle=("torch multi_margin_loss", torch_weston_watkins),
    exact=exact_weston_watkins,
    limits=lambda: (
        Point(((-INF, 0.0), 1), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), 0), (-1.0, 1.0), INF),
        Point(((INF, 0.0), 1), (1.0, -1.0), INF),
        Point(((INF, 0.0, 1.0), 0), (0.0, 0.0, 0.0), 0.0),
    ),
    kinks=lambda: (Point(((1.0, 0.0, 2.0), 0), (-2.0, 1.0, 1.0)),),
    corners=labelled_corners,
    chance=balanced_labels,
    wrong_values={"labels": (-1, CLASSES)},
    rounding=4.0,
    without={
        "minimiser_is_the_statistic": "all logits 0 minimise it where no class has a majority",
    },
    identities=(
        Identity(
            "two classes: Crammer and Singer's",
            lambda loss: (
                loss(example()[0][:, :2], example()[1] % 2),
                margin.crammer_singer(example()[0][:, :2], example()[1] % 2),
            ),
        ),
        Identity(
            "a shift of all logits changes nothing",
            lambda loss: (loss(example()[0] + 8.0, example()[1]), loss(*example())),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (margin.weston_watkins_grad(*example()).sum(axis=-1), np.zeros(50)),
        ),
        Identity(
            "one class has no rival, and NaN stays",
            lambda loss: (
                loss(np.asarray([[1.0], [math.nan]]), np.zeros(2, dtype=int)),
                np.asarray([0.0, math.nan]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "the label among its rivals",
            lambda xp, z, y: xp.sum(xp.clip(distances(xp, z, y) + 1, min=0), axis=-1),
        ),
        wrong("loss", "the best rival alone", lambda xp, z, y: margin.crammer_singer(z, y)),
        wrong(
            "loss",
            "margin of 0",
            lambda xp, z, y: xp.sum(xp.clip(distances(xp, z, y), min=0), axis=-1),
        ),
        wrong(
            "loss",
            "divided by the classes",
            lambda xp, z, y: margin.weston_watkins(z, y) / z.shape[-1],
        ),
        wrong(
            "loss",
            "1 added to a large logit",
            lambda xp, z, y: xp.sum(xp.clip((z + 1) - pick(z, y)[..., None], min=0), axis=-1) - 1,
        ),
        wrong("gradient", "sign", lambda xp, z, y: -margin.weston_watkins_grad(z, y)),
        wrong(
            "gradient",
            "label left out",
            lambda xp, z, y: xp.clip(margin.weston_watkins_grad(z, y), min=0),
        ),
        wrong(
            "gradient",
            "the label pulled once",
            lambda xp, z, y: xp.clip(margin.weston_watkins_grad(z, y), min=-1),
        ),
    ),
)


def draw_several(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return logits of four classes, and which of them apply; all or none among others."""
    return scale * rng.normal(size=(n, CLASSES)), rng.choice([-1.0, 1.0], size=(n, CLASSES))


def torch_multilabel(logits: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return torch's loss of the lists of labels, without its division by the classes."""
    lists = [[k for k, s in enumerate(row) if s > 0] for row in signs]
    labels = torch.as_tensor([row + [-1] * (signs.shape[-1] - len(row)) for row in lists])
    losses = F.multilabel_margin_loss(torch.as_tensor(logits), labels, reduction="none")
    return signs.shape[-1] * losses.numpy()


def exact_multilabel(z: list, signs: list) -> Any:
    """Return the sum over the classes that apply of their sums over the others."""
    pairs = list(zip(z, signs, strict=True))
    hits, rivals = ([x for x, s in pairs if s == side] for side in (1, -1))
    return sum(max(0, 1 - (own - rival)) for own in hits for rival in rivals)


def several_corners() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return rows away from every kink: large, one decided, all classes or none."""
    rows = np.asarray([[8.0, 0.0, 2.0, 4.5], [0.5, 0.25, 0.75, 0.0]])
    signs = np.asarray([[1.0, -1.0, -1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]])
    return (
        (1e4 * np.asarray([[0.0, 1.0, 2.0, -1.0]]), signs[:1]),
        (256 + np.asarray([[0.0, 2.0, 4.0, 6.0]]), signs[1:]),
        (rows, signs),
        (rows, np.stack([np.ones(CLASSES), -np.ones(CLASSES)])),
    )


def one_label(labels: np.ndarray) -> np.ndarray:
    """Return signs of which the label's alone is 1."""
    return 2 * np.eye(CLASSES)[labels] - 1


def pair_weights(s: Array) -> Array:
    """Return 1 for each pair of a class that applies and one that does not."""
    return (1 + s)[..., :, None] * (1 - s)[..., None, :] / 4


def pair_slacks(z: Array) -> Array:
    """Return by how much the second class of each pair comes within 1 of the first."""
    return 1 + z[..., None, :] - z[..., :, None]


MULTILABEL_HINGE = Case(
    loss=margin.multilabel_hinge,
    gradient=margin.multilabel_hinge_grad,
    settings=({},),
    draw=draw_several,
    oracle=("torch multilabel_margin_loss", torch_multilabel),
    exact=exact_multilabel,
    limits=lambda: (
        Point(((-INF, 0.0), (-1.0, 1.0)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), (1.0, -1.0)), (-1.0, 1.0), INF),
        Point(((INF, 0.0), (-1.0, 1.0)), (1.0, -1.0), INF),
        Point(((INF, INF, 0.0), (1.0, 1.0, -1.0)), (0.0, 0.0, 0.0), 0.0),
        Point(((-INF, -INF, 0.0), (-1.0, -1.0, 1.0)), (0.0, 0.0, 0.0), 0.0),
    ),
    kinks=lambda: (
        Point(((1.0, 0.0, 2.0), (1.0, -1.0, -1.0)), (-2.0, 1.0, 1.0)),
        Point(((1.0, 0.0, 1.0), (1.0, -1.0, 1.0)), (-1.0, 2.0, -1.0)),
    ),
    corners=several_corners,
    chance=lambda: (np.zeros((CLASSES, CLASSES)), one_label(np.arange(CLASSES))),
    wrong_values={"signs": SIGNS},
    rounding=4.0,
    without={
        "minimiser_is_the_statistic": "its minimiser is no statistic: it may lie anywhere "
        "between the logits at which two pairs begin to cost",
    },
    identities=(
        Identity(
            "one class that applies: Weston and Watkins's",
            lambda loss: (
                loss(example()[0], one_label(example()[1])),
                margin.weston_watkins(*example()),
            ),
        ),
        Identity(
            "signs and logits with the other sign",
            lambda loss: (
                loss(*example(draw_several)),
                loss(-example(draw_several)[0], -example(draw_several)[1]),
            ),
        ),
        Identity(
            "the gradient of each row sums to 0",
            lambda loss: (
                margin.multilabel_hinge_grad(*example(draw_several)).sum(axis=-1),
                np.zeros(50),
            ),
        ),
        Identity(
            "no pair, no loss, but NaN in a sign or a logit",
            lambda loss: (
                loss(
                    np.asarray([[1.0, 2.0], [1.0, math.nan], [1.0, 2.0], [1.0, 2.0]]),
                    np.asarray([[1.0, 1.0], [1.0, 1.0], [-1.0, math.nan], [-1.0, -1.0]]),
                ),
                np.asarray([0.0, math.nan, math.nan, 0.0]),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "divided by the classes",
            lambda xp, z, s: margin.multilabel_hinge(z, s) / z.shape[-1],
        ),
        wrong(
            "loss",
            "each class by itself",
            lambda xp, z, s: xp.sum(margin.hinge(z, s), axis=-1),
        ),
        wrong("loss", "classes exchanged", lambda xp, z, s: margin.multilabel_hinge(z, -s)),
        wrong(
            "loss",
            "all pairs of classes that apply too",
            lambda xp, z, s: xp.sum(
                xp.clip(pair_slacks(z), min=0) * (1 + s)[..., :, None] / 2, axis=(-2, -1)
            ),
        ),
        wrong(
            "loss",
            "margin of 0",
            lambda xp, z, s: xp.sum(
                xp.clip(pair_slacks(z) - 1, min=0) * pair_weights(s), axis=(-2, -1)
            ),
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, z, s: xp.sum(
                xp.clip(pair_slacks(z), min=0) * pair_weights(s), axis=(-2, -1)
            ),
        ),
        wrong(
            "loss",
            "NaN taken for a class that does not apply",
            lambda xp, z, s: margin.multilabel_hinge(
                z, xp.where(s > 0, xp.ones_like(s), -xp.ones_like(s))
            ),
        ),
        wrong("gradient", "sign", lambda xp, z, s: -margin.multilabel_hinge_grad(z, s)),
        wrong(
            "gradient",
            "the classes that apply left out",
            lambda xp, z, s: xp.clip(margin.multilabel_hinge_grad(z, s), min=0),
        ),
        wrong(
            "gradient",
            "each class moved once",
            lambda xp, z, s: xp.clip(margin.multilabel_hinge_grad(z, s), min=-1, max=1),
        ),
        wrong(
            "gradient",
            "0 at the kink",
            lambda xp, z, s: (
                xp.sum(pair_weights(s) * xp.astype(pair_slacks(z) > 0, z.dtype), axis=-2)
                - xp.sum(pair_weights(s) * xp.astype(pair_slacks(z) > 0, z.dtype), axis=-1)
            ),
        ),
    ),
)


CASES = [
    PERCEPTRON,
    HINGE,
    SQUARED_HINGE,
    SMOOTH_HINGE,
    CRAMMER_SINGER,
    WESTON_WATKINS,
    MULTILABEL_HINGE,
]
