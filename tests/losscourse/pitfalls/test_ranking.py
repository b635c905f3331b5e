import math

import numpy as np
import pytest
import torch

from losscourse.losses.ranking import bpr, lambda_weights, listwise_softmax, listwise_softmax_grad
from tests.losscourse.pitfalls.gradients import autograd


def test_bpr_far_in_the_wrong_order_is_finite():
    """maciejkula/triplet_recommendations_keras#1, tanatosuu/GDE#2."""
    scores = torch.tensor([-500.0]), torch.tensor([500.0])
    assert bpr(*scores).tolist() == [1000.0]
    assert autograd(bpr, *scores).tolist() == [-1.0]
    naive = autograd(lambda x: -torch.log(torch.sigmoid(x - 500)), scores[0])
    assert not torch.isfinite(naive).any()


def test_padding_stays_out_of_a_lists_normaliser():
    """huggingface/sentence-transformers#3827: the loss grew with the longest list of the batch."""
    scores, relevances = np.asarray([[1.5, 0.3]]), np.asarray([[2.0, 1.0]])
    padded = [np.pad(a, ((0, 0), (0, 3)), constant_values=-math.inf) for a in (scores, relevances)]
    target = 1 / (1 + math.exp(-1))
    expected = math.log1p(math.exp(-1.2)) + 1.2 * (1 - target)
    for arrays in ((scores, relevances), padded):
        np.testing.assert_allclose(listwise_softmax(*arrays), expected, rtol=1e-14)
        slope = 1 / (1 + math.exp(-1.2)) - target
        np.testing.assert_allclose(listwise_softmax_grad(*arrays)[0, :2], [slope, -slope])
        assert not listwise_softmax_grad(*arrays)[0, 2:].any()


def test_equal_scores_are_not_ranked_by_relevance():
    """elixir-nx/scholar#360: ties broken in the model's favour made a constant model ideal."""
    relevances = np.asarray([[0.0, 2.0, 1.0]])
    weights = lambda_weights(np.ones((1, 3)), relevances)
    discounts = 1 / np.log2([2, 3, 4])  # the items keep their order
    gains = np.asarray([0.0, 3.0, 1.0])
    best = 3 * discounts[0] + 1 * discounts[1]
    expected = abs(np.subtract.outer(gains, gains) * np.subtract.outer(discounts, discounts)) / best
    np.testing.assert_allclose(weights[0], expected, rtol=1e-14)
    assert weights[0, 0, 1] == pytest.approx(3 * (1 - 1 / math.log2(3)) / best)


def test_a_list_without_relevance_has_weights_of_0():
    """allegro/allRank#25, lenskit/lkpy#957: the ideal gain is 0, and 0/0 no weight."""
    assert not lambda_weights(np.asarray([[3.0, 1.0, 2.0]]), np.zeros((1, 3))).any()


@pytest.mark.parametrize(("scores", "relevances"), [([3.0, 1.0], [2.0, 2.0]), ([3.0], [1.0])])
def test_a_list_of_equal_grades_has_weights_of_0(scores, relevances):
    """huggingface/sentence-transformers#4032: the mean of no pair was NaN."""
    assert not lambda_weights(np.asarray([scores]), np.asarray([relevances])).any()
