import numpy as np
import pytest

from losscourse.losses.margin import crammer_singer, multilabel_hinge, multilabel_hinge_grad


@pytest.mark.parametrize(("logits", "expected"), [([-3.0, -5.0], 0.0), ([-3.0, -3.5], 0.5)])
def test_the_best_rival_may_have_a_negative_logit(logits, expected):
    """keras-team/keras#8083: the rivals were multiplied by 0s and 1s, so that one had 0."""
    label = np.asarray(0)
    assert crammer_singer(np.asarray(logits), label).item() == expected
    # The loss depends on differences alone.
    assert crammer_singer(np.asarray(logits) + 8, label).item() == expected
    targets = np.asarray([1.0, 0.0])
    naive = max(0, ((1 - targets) * logits).max() - targets @ logits + 1)
    assert naive == 4


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_an_example_with_all_labels_or_none_costs_nothing(sign):
    """deeplearning4j/deeplearning4j#6880: NaN, for the pairs are none."""
    logits, signs = np.asarray([[1.0, -2.0, 3.0]]), np.full((1, 3), sign)
    assert multilabel_hinge(logits, signs).tolist() == [0.0]
    assert not multilabel_hinge_grad(logits, signs).any()
