import numpy as np
import pytest

from losscourse.weighting import gradnorm, pcgrad, uncertainty_weighted


def test_a_task_without_gradient_conflicts_with_none():
    """WeiChengTseng/Pytorch-PCGrad#7: divided by a length of 0."""
    gradients = np.asarray([[1.0, 2.0], [0.0, 0.0], [-1.0, 0.0]])
    projected = pcgrad(gradients, [0, 1, 2])
    # The first loses its part along the third; the third its part along the first.
    expected = [[0.0, 2.0], [0.0, 0.0], [-1 + 1 / 5, 2 / 5]]
    np.testing.assert_allclose(projected, expected, rtol=1e-14, atol=1e-16)


def test_a_gradient_meets_the_others_as_they_were():
    """tianheyu927/PCGrad#12: not as they have been projected."""
    first, second = np.asarray([1.0, 0.0]), np.asarray([-1.0, 1.0])
    gradients = np.stack([first, second])
    expected = [first + second / 2, second + first]
    for order in ([0, 1], [1, 0]):
        np.testing.assert_allclose(pcgrad(gradients, order), expected, rtol=1e-14)


def test_gradnorms_progress_is_relative_to_each_tasks_first_loss():
    """hosseinshn/GradNorm#2: divided by the mean of both."""
    init, update = gradnorm(0.01, alpha=1.0)
    first, gradients = np.asarray([100.0, 1.0]), np.eye(2)
    # Both tasks have halved their loss, so that none is slow.
    weights, _ = update(first / 2, init(first), gradients)
    assert weights.tolist() == [1.0, 1.0]


def test_the_least_uncertain_price_may_be_negative():
    """Hui-Li/multi-task-learning-example-PyTorch#2, lorenmt/mtan#51: a negative sum."""
    loss = 0.01
    at = np.log(2 * loss)
    least = uncertainty_weighted(np.asarray([loss]), np.asarray([at]))
    assert least.tolist() == [pytest.approx((1 + np.log(2 * loss)) / 2)]
    assert least[0] < 0
    for near in (at - 0.1, at + 0.1):
        assert uncertainty_weighted(np.asarray([loss]), np.asarray([near]))[0] > least[0]
