"""The cases of `losscourse.losses.ranking`."""

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
import torch.nn.functional as F
from sklearn.metrics import ndcg_score

from losscourse import stable
from losscourse.arrays import Array
from losscourse.losses import classification, divergence, margin, preference, ranking
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, format_of, make, read
from tests.losscourse.losses.case import Case, Identity, Point
from tests.losscourse.losses.cases.classification import (
    CLASSES,
    draw_binary,
    exact_log_softmax,
    from_torch,
    wrong,
)
from tests.losscourse.losses.helper import Helper

INF = math.inf


def draw_ordered(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of scores, and signs."""
    signs = rng.permutation(np.resize([-1.0, 1.0], n))
    return scale * rng.normal(size=n), scale * rng.normal(size=n), signs


def draw_likely(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of scores, and the probability that the first item comes first."""
    first, targets = draw_binary(rng, n, scale)
    return first, scale * rng.normal(size=n), targets


def draw_pairs(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return pairs of scores."""
    return scale * rng.normal(size=n), scale * rng.normal(size=n)


def draw_lists(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return lists of scores, and the grades of their items."""
    return scale * rng.normal(size=(n, CLASSES)), rng.integers(0, 5, (n, CLASSES)).astype(float)


def drawn(draw: Callable, seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return arrays for an identity."""
    return draw(np.random.default_rng(seed), n, 2.0)


def equal_scores(*others: float) -> tuple[np.ndarray, ...]:
    """Return pairs of equal scores, with what else a loss of pairs takes."""
    return np.zeros(len(others)), np.zeros(len(others)), np.asarray(others)


def hinge(xp: Any, a: Array, b: Array, s: Array, m: float) -> Array:
    """Return the margin ranking loss, for wrong versions."""
    return xp.clip(m - s * (a - b), min=0)


MARGIN_RANKING = Case(
    loss=ranking.margin_ranking,
    gradient=ranking.margin_ranking_grad,
    settings=({}, {"margin": 0.0}, {"margin": 2.5}),
    draw=draw_ordered,
    oracle=(
        "torch margin_ranking_loss",
        lambda a, b, s, margin=1.0: from_torch(F.margin_ranking_loss)(a, b, s, margin=margin),
    ),
    exact=lambda a, b, s, margin=1.0: max(margin - s * (a - b), 0),
    by=2,
    kinks=lambda margin=1.0: (
        Point((2.0 + margin, 2.0, 1.0), -1.0),
        Point((2.0, 2.0 + margin, -1.0), 1.0),
    ),
    limits=lambda margin=1.0: (
        Point((INF, 0.0, 1.0), 0.0, 0.0),
        Point((-INF, 0.0, 1.0), -1.0, INF),
        Point((0.0, -INF, -1.0), 1.0, INF),
    ),
    corners=lambda: ((np.asarray([3.0, 3.0]), np.asarray([2.5, 3.5]), np.asarray([1.0, -1.0])),),
    chance=lambda: equal_scores(1.0, -1.0),
    wrong_values={"signs": (0.0, 0.5, 2.0, -3.0)},
    rounding=3.0,
    without={
        "minimiser_is_the_statistic": "any score far enough above its rivals minimises it",
    },
    identities=(
        Identity(
            "hinge of the difference",
            lambda loss: (
                loss(*drawn(draw_ordered)),
                margin.hinge(
                    drawn(draw_ordered)[0] - drawn(draw_ordered)[1], drawn(draw_ordered)[2]
                ),
            ),
        ),
        Identity(
            "the other item with the other sign",
            lambda loss: (
                loss(*drawn(draw_ordered), margin=0.5),
                loss(
                    drawn(draw_ordered)[1],
                    drawn(draw_ordered)[0],
                    -drawn(draw_ordered)[2],
                    margin=0.5,
                ),
            ),
        ),
        Identity(
            "both items' pulls sum to 0",
            lambda loss: (sum(ranking.margin_ranking_grad(*drawn(draw_ordered))), np.zeros(50)),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, a, b, s, margin=1.0: hinge(xp, b, a, s, margin)),
        wrong("loss", "not cut at 0", lambda xp, a, b, s, margin=1.0: margin - s * (a - b)),
        wrong("loss", "margin left out", lambda xp, a, b, s, margin=1.0: hinge(xp, a, b, s, 0.0)),
        wrong("loss", "margin always 1", lambda xp, a, b, s, margin=1.0: hinge(xp, a, b, s, 1.0)),
        wrong("loss", "margin added", lambda xp, a, b, s, margin=1.0: hinge(xp, a, b, s, -margin)),
        wrong("loss", "squared", lambda xp, a, b, s, margin=1.0: hinge(xp, a, b, s, margin) ** 2),
        wrong(
            "gradient",
            "sign",
            lambda xp, a, b, s, margin=1.0: ranking.margin_ranking_grad(a, b, s, margin=margin)[
                ::-1
            ],
        ),
        wrong(
            "gradient",
            "of the first alone",
            lambda xp, a, b, s, margin=1.0: (
                ranking.margin_ranking_grad(a, b, s, margin=margin)[0],
                0 * b,
            ),
        ),
        wrong(
            "gradient",
            "0 at the kink",
            lambda xp, a, b, s, margin=1.0: tuple(
                sign * s * xp.astype(s * (a - b) < margin, a.dtype) for sign in (-1, 1)
            ),
        ),
    ),
)


def ranknet_location(second_scores: np.ndarray, targets: np.ndarray) -> float:
    """Return the score at which as many wins are expected as there are."""

    def excess(score: float) -> float:
        return float(np.sum(scipy.special.expit(score - second_scores) - targets))

    return scipy.optimize.brentq(excess, -30, 30, xtol=1e-12)


def wrong_ranknet(of: str, name: str, body: Callable[..., Any]) -> Any:
    """Return a wrong version from a body of the namespace, the difference and the target."""
    return wrong(of, name, lambda xp, a, b, t: body(xp, a - b, t))


PAIRWISE_LOGISTIC = Case(
    loss=ranking.pairwise_logistic,
    gradient=ranking.pairwise_logistic_grad,
    settings=({},),
    draw=draw_likely,
    oracle=(
        "torch binary_cross_entropy_with_logits",
        lambda a, b, t: from_torch(F.binary_cross_entropy_with_logits)(a - b, t),
    ),
    exact=lambda a, b, t: (
        t * mpmath.log(1 + mpmath.exp(b) / mpmath.exp(a))
        + (1 - t) * mpmath.log(1 + mpmath.exp(a) / mpmath.exp(b))
    ),
    by=2,
    statistic=ranknet_location,
    sample=lambda rng: (rng.normal(size=101), (rng.random(101) < 0.7).astype(float)),
    search=(-10.0, 10.0),
    limits=lambda: (
        Point((INF, 0.0, 1.0), 0.0, 0.0),
        Point((0.0, INF, 1.0), -1.0, INF),
        Point((-INF, 0.0, 0.0), 0.0, 0.0),
        Point((INF, 0.0, 0.5), 0.5, INF),
    ),
    chance=lambda: equal_scores(0.0, 1.0),
    wrong_values={"targets": (-1.0, 1.5)},
    rounding=1.0,
    identities=(
        Identity(
            "the other item with the other target",
            lambda loss: (
                loss(*drawn(draw_likely)),
                loss(drawn(draw_likely)[1], drawn(draw_likely)[0], 1 - drawn(draw_likely)[2]),
            ),
        ),
        Identity(
            "softmax cross-entropy of a list of two",
            lambda loss: (
                loss(*drawn(draw_likely)),
                classification.softmax_cross_entropy(
                    np.stack(drawn(draw_likely)[:2], axis=-1),
                    np.stack([drawn(draw_likely)[2], 1 - drawn(draw_likely)[2]], axis=-1),
                ),
            ),
        ),
        Identity(
            "both items' pulls sum to 0",
            lambda loss: (sum(ranking.pairwise_logistic_grad(*drawn(draw_likely))), np.zeros(50)),
        ),
    ),
    wrongs=(
        wrong_ranknet(
            "loss", "sign", lambda xp, o, t: classification.sigmoid_binary_cross_entropy(-o, t)
        ),
        wrong_ranknet("loss", "first item's wins alone", lambda xp, o, t: t * stable.softplus(-o)),
        wrong_ranknet("loss", "targets taken for signs", lambda xp, o, t: stable.softplus(-t * o)),
        wrong_ranknet("loss", "exp overflows", lambda xp, o, t: xp.log(1 + xp.exp(o)) - t * o),
        wrong_ranknet("loss", "bits", lambda xp, o, t: (stable.softplus(o) - t * o) / math.log(2)),
        wrong_ranknet(
            "gradient",
            "sign",
            lambda xp, o, t: (t - stable.sigmoid(o), stable.sigmoid(o) - t),
        ),
        wrong_ranknet(
            "gradient", "the same for both", lambda xp, o, t: (stable.sigmoid(o) - t,) * 2
        ),
        wrong_ranknet(
            "gradient",
            "of the probability",
            lambda xp, o, t: tuple(
                sign * (stable.sigmoid(o) - t) * stable.sigmoid(o) * stable.sigmoid(-o)
                for sign in (1, -1)
            ),
        ),
    ),
)

BPR = Case(
    loss=ranking.bpr,
    gradient=ranking.bpr_grad,
    settings=({},),
    draw=draw_pairs,
    oracle=(
        "torch logsigmoid",
        lambda p, n: -F.logsigmoid(torch.as_tensor(p) - torch.as_tensor(n)).numpy(),
    ),
    exact=lambda p, n: -mpmath.log(mpmath.exp(p) / (mpmath.exp(p) + mpmath.exp(n))),
    by=2,
    limits=lambda: (
        Point((INF, 0.0), 0.0, 0.0),
        Point((-INF, 0.0), -1.0, INF),
        Point((0.0, INF), -1.0, INF),
        Point((0.0, -INF), 0.0, 0.0),
    ),
    chance=lambda: (np.zeros(2), np.zeros(2)),
    without={"minimiser_is_the_statistic": "it falls for ever as the positive score grows"},
    identities=(
        Identity(
            "RankNet at the target 1",
            lambda loss: (
                loss(*drawn(draw_pairs)),
                ranking.pairwise_logistic(*drawn(draw_pairs), np.ones(50)),
            ),
        ),
        Identity(
            "Bradley and Terry's reward model",
            lambda loss: (loss(*drawn(draw_pairs)), preference.bradley_terry(*drawn(draw_pairs))),
        ),
        Identity(
            "both orders differ by the difference",
            lambda loss: (
                loss(*drawn(draw_pairs)[::-1]),
                loss(*drawn(draw_pairs)) + np.subtract(*drawn(draw_pairs)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, p, n: stable.softplus(p - n)),
        wrong("loss", "missing minus", lambda xp, p, n: stable.log_sigmoid(p - n)),
        wrong("loss", "probability for its logarithm", lambda xp, p, n: stable.sigmoid(n - p)),
        wrong("loss", "logarithm of 0", lambda xp, p, n: -xp.log(stable.sigmoid(p - n))),
        wrong(
            "loss", "guarded by an epsilon", lambda xp, p, n: -xp.log(stable.sigmoid(p - n) + 1e-10)
        ),
        wrong("loss", "hinge", lambda xp, p, n: xp.clip(1 - p + n, min=0)),
        wrong("gradient", "sign", lambda xp, p, n: (stable.sigmoid(n - p), -stable.sigmoid(n - p))),
        wrong(
            "gradient",
            "right order's",
            lambda xp, p, n: tuple(sign * stable.sigmoid(p - n) for sign in (-1, 1)),
        ),
        wrong("gradient", "the same for both", lambda xp, p, n: (-stable.sigmoid(n - p),) * 2),
    ),
)


def exact_listwise(scores: list, relevances: list) -> Any:
    """Return the cross-entropy of the top-one probabilities, in mpmath."""
    targets = [mpmath.exp(x) for x in exact_log_softmax(relevances)]
    terms = zip(targets, exact_log_softmax(scores), strict=True)
    return -mpmath.fsum(t * log_p for t, log_p in terms)


def torch_listwise(scores: np.ndarray, relevances: np.ndarray) -> np.ndarray:
    """Return torch's cross-entropy of the relevances' softmax."""
    return from_torch(F.cross_entropy)(scores, scipy.special.softmax(relevances, axis=-1))


def shifted(scores: np.ndarray, relevances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same list from other origins."""
    return scores + 8.0, relevances - 3.0


LISTWISE_SOFTMAX = Case(
    loss=ranking.listwise_softmax,
    gradient=ranking.listwise_softmax_grad,
    settings=({},),
    draw=draw_lists,
    oracle=("torch cross_entropy", torch_listwise),
    exact=exact_listwise,
    statistic=lambda relevances: scipy.special.softmax(relevances, axis=-1).mean(axis=0),
    sample=lambda rng: (rng.normal([2.0, 1.0, 0.0, 0.0], 1.0, size=(101, CLASSES)),),
    link=scipy.special.softmax,
    limits=lambda: (
        Point(((-INF, 0.0), (-INF, 1.0)), (0.0, 0.0), 0.0),
        Point(((-INF, 0.0), (0.0, 0.0)), (-0.5, 0.5), INF),
        Point(((-INF, 0.0, 0.0), (-INF, 5.0, -INF)), (0.0, -0.5, 0.5), math.log(2)),
    ),
    chance=lambda: (np.zeros((CLASSES, CLASSES)), np.eye(CLASSES)),
    corners=lambda: (
        (np.zeros((1, CLASSES)), np.zeros((1, CLASSES))),
        (1e4 * np.eye(CLASSES), np.eye(CLASSES)[[0, 0, 0, 0]]),
        (3e3 + np.asarray([[0.0, 2.0, 4.0, 6.0]]), np.asarray([[0.0, 1.0, 2.0, 3.0]])),
    ),
    rounding=1.0,
    identities=(
        Identity(
            "no list has an origin",
            lambda loss: (loss(*drawn(draw_lists)), loss(*shifted(*drawn(draw_lists)))),
        ),
        Identity(
            "forward Kullback-Leibler divergence and the relevances' entropy",
            lambda loss: (
                loss(*drawn(draw_lists)),
                divergence.forward_kl(
                    scipy.special.log_softmax(drawn(draw_lists)[0], axis=-1),
                    scipy.special.softmax(drawn(draw_lists)[1], axis=-1),
                )
                + scipy.special.entr(scipy.special.softmax(drawn(draw_lists)[1], axis=-1)).sum(
                    axis=-1
                ),
            ),
        ),
        Identity(
            "RankNet of a list of two, the target from the relevances",
            lambda loss: (
                loss(drawn(draw_lists)[0][:, :2], drawn(draw_lists)[1][:, :2]),
                ranking.pairwise_logistic(
                    drawn(draw_lists)[0][:, 0],
                    drawn(draw_lists)[0][:, 1],
                    scipy.special.expit(-np.diff(drawn(draw_lists)[1][:, :2])[:, 0]),
                ),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "sign", lambda xp, s, r: -ranking.listwise_softmax(s, r)),
        wrong("loss", "roles swapped", lambda xp, s, r: ranking.listwise_softmax(r, s)),
        wrong(
            "loss",
            "relevances divided by their sum",
            lambda xp, s, r: (
                -xp.sum(
                    stable.times(r / xp.sum(r, axis=-1, keepdims=True), stable.log_softmax(s)),
                    axis=-1,
                )
            ),
        ),
        wrong(
            "loss",
            "mean over the items",
            lambda xp, s, r: ranking.listwise_softmax(s, r) / s.shape[-1],
        ),
        wrong(
            "loss",
            "0 times infinity",
            lambda xp, s, r: -xp.sum(stable.softmax(r) * stable.log_softmax(s), axis=-1),
        ),
        wrong(
            "loss",
            "from probabilities",
            lambda xp, s, r: (
                -xp.sum(stable.times(stable.softmax(r), xp.log(stable.softmax(s))), axis=-1)
            ),
        ),
        wrong("gradient", "sign", lambda xp, s, r: stable.softmax(r) - stable.softmax(s)),
        wrong("gradient", "relevances as they are", lambda xp, s, r: stable.softmax(s) - r),
        wrong(
            "gradient",
            "through the probabilities",
            lambda xp, s, r: (stable.softmax(s) - stable.softmax(r)) * stable.softmax(s),
        ),
    ),
)


def graded(seed: int = 0, n: int = 8, items: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return lists of distinct scores, and grades of which some are equal."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, items)), rng.integers(0, 4, (n, items)).astype(float)


def weights_are_what_a_swap_changes_in_scikit_learns_ndcg(weights: Callable) -> None:
    scores, relevances = graded()
    found = weights(scores, relevances)
    assert found.shape == (8, 5, 5)
    for row, (score, grade) in enumerate(zip(scores, relevances, strict=True)):
        gains = 2.0 ** grade[None] - 1
        before = ndcg_score(gains, score[None], ignore_ties=True)
        for i, j in np.ndindex(5, 5):
            swapped = score.copy()
            swapped[[i, j]] = score[[j, i]]
            change = abs(ndcg_score(gains, swapped[None], ignore_ties=True) - before)
            assert found[row, i, j] == pytest.approx(change, abs=1e-12)


def equal_scores_rank_in_the_order_of_the_items(weights: Callable) -> None:
    """At the start of training all scores are equal, and still the pairs must count."""
    relevances = np.asarray([0.0, 3.0, 1.0])
    for library in ("numpy", "torch", "strict"):
        arrays = (make(library, "float64", a) for a in (np.zeros(3), relevances))
        expected = weights(np.asarray([3.0, 2.0, 1.0]), relevances)
        np.testing.assert_array_equal(read(weights(*arrays)), expected)


def nothing_relevant_weighs_nothing(weights: Callable) -> None:
    assert weights(np.asarray([2.0, 1.0]), np.zeros(2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert weights(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3, 3)
    assert weights(np.asarray([-INF, INF]), np.asarray([1.0, 0.0])).max() > 0


def high_grades_do_not_overflow(weights: Callable) -> None:
    grades = np.asarray([20.0, 19.0, 18.0, 0.0])
    for library, dtype in FORMATS:
        arrays = (make(library, dtype, a) for a in (np.asarray([1.0, 2.0, 4.0, 3.0]), grades))
        gains, places = 2.0**grades - 1, np.log2([2, 3, 4, 5])
        expected = (gains[0] - gains[2]) * (1 - 1 / places[3]) / (gains / places).sum()
        out = read(weights(*arrays))
        np.testing.assert_allclose(out[0, 2], expected, rtol=4 * PRECISION[dtype].rtol)


def weighted_pairs_pull_as_lambdarank_does(weights: Callable) -> None:
    """The lambdas of a list, from autograd of the weighted RankNet loss: they sum to 0."""
    scores, relevances = (torch.as_tensor(a[0]) for a in graded(3))
    scores.requires_grad_()
    i, j = torch.nonzero(relevances[:, None] > relevances[None, :], as_tuple=True)
    found = weights(scores, relevances)
    assert not found.requires_grad
    losses = ranking.pairwise_logistic(scores[i], scores[j], torch.ones(len(i)).double())
    (found[i, j] * losses).sum().backward()
    lambdas = np.zeros(5)
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        gap = float((scores[a] - scores[b]).detach())
        pull = float(found[a, b]) / (1 + math.exp(gap))
        lambdas[a] -= pull
        lambdas[b] += pull
    np.testing.assert_allclose(scores.grad.numpy(), lambdas, rtol=1e-12, atol=1e-15)


def every_library_dtype_and_nan_is_kept(weights: Callable) -> None:
    scores, relevances = np.asarray([[1.0, 3.0, 2.0]]), np.asarray([[2.0, 0.0, 1.0]])
    ideal = 3 + 1 / math.log2(3)
    expected = (1 - 0.5) * 3 / ideal
    for library, dtype in FORMATS:
        arrays = [make(library, dtype, a) for a in (scores, relevances)]
        out = weights(*arrays)
        assert dtype_name(out) == dtype
        assert tuple(out.shape) == (1, 3, 3)
        np.testing.assert_allclose(read(out)[0, 0, 1], expected, rtol=2 * PRECISION[dtype].rtol)
        for k in range(2):
            broken = [scores.repeat(2, 0), relevances.repeat(2, 0)]
            broken[k][1, 2] = math.nan
            found = read(weights(*(make(library, dtype, a) for a in broken)))
            assert np.isnan(found[1]).all()
            np.testing.assert_array_equal(found[:1], read(out))


def bad_lists_are_refused(weights: Callable) -> None:
    good = np.ones(3)
    for name, bad, error in (
        ("scores", [1.0], TypeError),
        ("scores", np.ones(3, int), TypeError),
        ("relevances", np.ones(3, int), TypeError),
        ("relevances", np.ones((3, 1)), ValueError),
        ("relevances", torch.ones(3).double(), TypeError),
        ("relevances", np.asarray([1.0, -1.0, 0.0]), ValueError),
    ):
        with pytest.raises(error, match=rf"^{name}: expected .*got "):
            weights(**{"scores": good, "relevances": good, name: bad})
    with pytest.raises(ValueError, match=r"^scores: expected .*got "):
        weights(np.asarray(1.0), np.asarray(1.0))
    with pytest.raises(
        ValueError, match=r"^scores: expected at least one item, got shape \(2, 0\)"
    ):
        weights(np.ones((2, 0)), np.ones((2, 0)))


def reweighted(body: Callable[..., Any]) -> Callable[..., Any]:
    """Return wrong weights from a body of namespace, scores, relevances, right weights."""

    def mutant(scores: Any, relevances: Any) -> Any:
        right = ranking.lambda_weights(scores, relevances)
        if np.asarray(read(right)).size == 0:
            return right
        return make(
            *format_of(scores), body(read(scores), read(relevances), np.asarray(read(right)))
        )

    return mutant


def _ideal(gains: np.ndarray) -> np.ndarray:
    places = np.log2(np.arange(gains.shape[-1]) + 2)
    return (np.sort(gains, axis=-1)[..., ::-1] / places).sum(axis=-1)[..., None, None]


LAMBDA_WEIGHTS = Helper(
    function=ranking.lambda_weights,
    checks=(
        weights_are_what_a_swap_changes_in_scikit_learns_ndcg,
        equal_scores_rank_in_the_order_of_the_items,
        nothing_relevant_weighs_nothing,
        high_grades_do_not_overflow,
        weighted_pairs_pull_as_lambdarank_does,
        every_library_dtype_and_nan_is_kept,
        bad_lists_are_refused,
    ),
    mutants={
        "not divided by the ideal": reweighted(
            lambda s, r, w: w * np.maximum(_ideal(2.0**r - 1), 1e-300)
        ),
        "linear gains": reweighted(
            lambda s, r, w: (
                w
                * np.abs(r[..., :, None] - r[..., None, :])
                / np.maximum(np.abs(2 ** r[..., :, None] - 2 ** r[..., None, :]), 1e-300)
            )
        ),
        "ranks the wrong way round": lambda scores, relevances: ranking.lambda_weights(
            -scores, relevances
        ),
        "equal scores share a rank": reweighted(
            lambda s, r, w: w * (s[..., :, None] != s[..., None, :])
        ),
        "gains overflow": reweighted(
            lambda s, r, w: (
                w
                * np.abs(2 ** r[..., :, None] - 2 ** r[..., None, :])
                / np.abs(2 ** r[..., :, None] - 2 ** r[..., None, :]).clip(1e-300, 65504)
            )
        ),
        "0 divides": reweighted(
            lambda s, r, w: w * np.where(_ideal(2.0**r - 1) == 0, math.nan, 1.0)
        ),
        "signed": reweighted(lambda s, r, w: w * np.sign(r[..., :, None] - r[..., None, :])),
        "NaN ranks somewhere": reweighted(
            lambda s, r, w: ranking.lambda_weights(np.nan_to_num(s), np.nan_to_num(r))
        ),
        "a gradient through the scores": lambda scores, relevances: (
            ranking.lambda_weights(scores, relevances) + 0 * scores[..., None]
        ),
        "unchecked": lambda scores, relevances: ranking.lambda_weights(
            np.asarray(scores, float).reshape(-1), np.abs(np.asarray(relevances, float)).reshape(-1)
        ),
    },
)

CASES: list[Case] = [MARGIN_RANKING, PAIRWISE_LOGISTIC, BPR, LISTWISE_SOFTMAX]
HELPERS: list[Helper] = [LAMBDA_WEIGHTS]
