"""Properties of the ranking losses, for any scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse.losses import ranking

SCORE = st.floats(-100, 100)
WHOLE = st.integers(-100, 100)
TARGET = st.floats(0, 1)
SHIFT = st.integers(-1000, 1000)
ITEMS = st.lists(st.tuples(st.floats(-20, 20), st.integers(0, 4)), min_size=2, max_size=6)


def on_pairs(function, last):
    """Return a function of two scores as one of Python floats; `last` are its other arrays."""

    def of_scores(first, second):
        arrays = (np.asarray([float(x)]) for x in (first, second, *last))
        out = function(*arrays)
        return [float(part[0]) for part in out] if isinstance(out, tuple) else float(out[0])

    return of_scores


def prefers_first(loss):
    """Return a loss whose target says that the first item comes first."""
    return on_pairs(loss, () if loss.__name__.startswith("bpr") else (1.0,))


LOSSES = [ranking.margin_ranking, ranking.pairwise_logistic, ranking.bpr]
GRADIENTS = [ranking.margin_ranking_grad, ranking.pairwise_logistic_grad, ranking.bpr_grad]


@pytest.mark.parametrize("function", [*LOSSES, *GRADIENTS])
@given(first=WHOLE, second=WHOLE, shift=SHIFT)
def test_scores_have_no_origin(function, first, second, shift):
    of_scores = prefers_first(function)
    assert of_scores(first + shift, second + shift) == of_scores(first, second)


@pytest.mark.parametrize("loss", LOSSES)
@given(first=SCORE, second=SCORE, rise=st.floats(0, 10))
def test_a_better_order_never_costs_more(loss, first, second, rise):
    of_scores = prefers_first(loss)
    before = of_scores(first, second)
    assert of_scores(first + rise, second) <= before + 1e-12
    assert of_scores(first, second - rise) <= before + 1e-12


@pytest.mark.parametrize(
    ("loss", "least"),
    [
        (ranking.margin_ranking, 1.0),
        (ranking.pairwise_logistic, math.log(2)),
        (ranking.bpr, math.log(2)),
    ],
)
@given(first=SCORE, second=SCORE)
def test_a_wrong_order_costs_at_least_a_mistake(loss, least, first, second):
    cost = prefers_first(loss)(first, second)
    assert cost >= (least if first <= second else 0.0) - 1e-12


@pytest.mark.parametrize("gradient", GRADIENTS)
@given(first=SCORE, second=SCORE)
def test_what_one_item_gains_the_other_loses(gradient, first, second):
    up, down = prefers_first(gradient)(first, second)
    assert up == -down
    assert up <= 0.0


@given(first=SCORE, second=SCORE, target=TARGET)
def test_a_pair_has_no_order_of_its_own(first, second, target):
    one_way = on_pairs(ranking.pairwise_logistic, (target,))(first, second)
    other_way = on_pairs(ranking.pairwise_logistic, (1 - target,))(second, first)
    assert one_way == pytest.approx(other_way, rel=1e-9, abs=1e-12)


def lists(items):
    """Return the scores and the grades of one list."""
    scores, grades = (np.asarray([row], dtype=float) for row in zip(*items, strict=True))
    return scores, grades


@given(items=ITEMS, shift=SHIFT, seed=st.integers(0, 99))
def test_a_list_has_no_origin_and_no_order_of_its_own(items, shift, seed):
    scores, grades = lists(items)
    order = np.random.default_rng(seed).permutation(len(items))
    cost = float(ranking.listwise_softmax(scores, grades)[0])
    moved = ranking.listwise_softmax(scores[:, order] + shift, grades[:, order] - shift)
    assert float(moved[0]) == pytest.approx(cost, rel=1e-9, abs=1e-9)
    pulls = ranking.listwise_softmax_grad(scores, grades)
    permuted = ranking.listwise_softmax_grad(scores[:, order], grades[:, order])
    np.testing.assert_allclose(permuted, pulls[:, order], rtol=1e-12, atol=1e-15)
    assert abs(pulls.sum()) < 1e-12


@given(items=ITEMS)
def test_no_scores_beat_the_relevances_themselves(items):
    scores, grades = lists(items)
    best = float(ranking.listwise_softmax(grades, grades)[0])
    assert best <= float(ranking.listwise_softmax(scores, grades)[0]) + 1e-12


@given(items=ITEMS)
def test_weights_are_symmetric_and_at_most_1_and_know_ranks_alone(items):
    scores, grades = lists(items)
    weights = ranking.lambda_weights(scores, grades)[0]
    np.testing.assert_array_equal(weights, weights.T)
    assert weights.min() >= 0.0
    assert weights.max() <= 1.0
    assert np.diag(weights).tolist() == [0.0] * len(items)
    ranks = (scores[0][:, None] > scores[0]).sum(axis=-1, dtype=float)
    np.testing.assert_array_equal(ranking.lambda_weights(ranks[None] * 7 - 3, grades)[0], weights)


@given(items=ITEMS, padding=st.integers(1, 3))
def test_padding_ranks_last_and_costs_nothing(items, padding):
    scores, grades = lists(items)
    long_scores = np.pad(scores, ((0, 0), (0, padding)), constant_values=-math.inf)
    long_grades = np.pad(grades, ((0, 0), (0, padding)))
    weights = ranking.lambda_weights(long_scores, long_grades)[0]
    count = len(items)
    alone = ranking.lambda_weights(scores, grades)[0]
    np.testing.assert_allclose(weights[:count, :count], alone, rtol=1e-12)
    beside = weights[:count, count:]
    first, second = np.broadcast_arrays(scores[0][:, None], long_scores[0, count:])
    assert not (beside * ranking.bpr(first, second)).any()
    assert not (beside * ranking.bpr_grad(first, second)[0]).any()


@given(count=st.integers(3, 8), grade=st.integers(0, 4))
def test_a_swap_of_neighbours_weighs_more_the_farther_up_they_stand(count, grade):
    grades = grade + np.arange(count) % 2.0
    weights = ranking.lambda_weights(np.arange(count, 0, -1.0), grades)
    assert (np.diff(np.diagonal(weights, offset=1)) < 0).all()
