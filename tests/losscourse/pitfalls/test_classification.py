import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import rel_entr

from losscourse import stable
from losscourse.losses.classification import (
    brier,
    distillation,
    distillation_grad,
    effective_number_weights,
    inverse_frequency_weights,
    modified_huber,
    modified_huber_grad,
    sigmoid_binary_cross_entropy,
    sigmoid_focal,
    sigmoid_focal_grad,
    softmax_cross_entropy_with_integer_labels,
    softmax_focal,
)
from losscourse.losses.divergence import forward_kl, reverse_kl
from losscourse.losses.sequence import label_smoothed_cross_entropy
from losscourse.reduce import weighted_mean
from tests.losscourse.pitfalls.gradients import autograd


def test_ignored_examples_add_nothing_to_the_smoothing_either():
    """pytorch/pytorch#73205: the uniform part of the loss still counted them."""
    logits = np.random.default_rng(0).normal(size=(4, 3))
    labels, mask = np.asarray([0, 2, 1, 1]), np.asarray([True, False, True, False])
    losses = label_smoothed_cross_entropy(logits, labels, smoothing=0.2)
    kept = torch.as_tensor(logits[mask]), torch.as_tensor(labels[mask])
    expected = float(F.cross_entropy(*kept, label_smoothing=0.2))
    assert float(weighted_mean(losses, mask=mask)) == pytest.approx(expected, rel=1e-14)
    uniform = -stable.log_softmax(logits).mean(axis=-1)
    naive = (0.8 * (losses - 0.2 * uniform)[mask].sum() / 0.8 + 0.2 * uniform.sum()) / 2
    assert naive > expected + 0.1


def test_a_weight_of_1_leaves_a_large_logits_loss_as_it_is():
    """pytorch/pytorch#13773: NaN with positive weights of 1, finite without."""
    logits = np.asarray([0.0, -120.0], dtype=np.float32)
    losses = sigmoid_binary_cross_entropy(logits, np.asarray([0.0, 1.0], dtype=np.float32))
    np.testing.assert_allclose(losses, [math.log(2), 120], rtol=1e-7)
    mean = weighted_mean(losses, weights=np.ones(2, dtype=np.float32))
    assert float(mean) == pytest.approx((math.log(2) + 120) / 2, rel=1e-7)
    with np.errstate(over="ignore"):
        assert np.log1p(np.exp(-logits))[1] == math.inf


@pytest.mark.parametrize(("logit", "target"), [(-math.inf, 0.9), (math.inf, 0.1)])
def test_an_impossible_outcome_with_a_soft_target_costs_infinitely_much(logit, target):
    """pytorch/pytorch#135359: the difference of two infinite terms was NaN."""
    loss = sigmoid_binary_cross_entropy(np.asarray([logit]), np.asarray([target]))
    assert loss.tolist() == [math.inf]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_focal_with_a_gamma_below_1_has_a_gradient_where_p_is_0_or_1(dtype):
    """kornia/kornia#918, fizyr/keras-retinanet#706: the power's derivative at 0 is infinite."""
    logits = torch.tensor([-100.0, -100.0, 100.0, 100.0], dtype=dtype)
    targets = torch.tensor([0.0, 1.0, 0.0, 1.0], dtype=dtype)
    losses = sigmoid_focal(logits, targets, gamma=0.5).tolist()
    assert losses == pytest.approx([0.0, 100.0, 100.0, 0.0], abs=1e-60)
    slope = autograd(sigmoid_focal, logits, targets, gamma=0.5)
    torch.testing.assert_close(slope, torch.tensor([0.0, -1.0, 1.0, 0.0], dtype=dtype))
    torch.testing.assert_close(sigmoid_focal_grad(logits, targets, gamma=0.5), slope)
    naive = autograd(lambda z: -((1 - z.sigmoid()) ** 0.5) * z.sigmoid().log(), logits[-1:])
    assert torch.isnan(naive).all()


@pytest.mark.parametrize("weigh", [inverse_frequency_weights, effective_number_weights])
def test_a_class_without_examples_is_an_error(weigh):
    """vandit15/Class-balanced-loss-pytorch#5: 1/0, and a loss of NaN."""
    with pytest.raises(ValueError, match=r"^counts: expected values in \(0, ∞\), got 0.0$"):
        weigh(np.asarray([3.0, 0.0, 7.0]))


def test_large_classes_keep_finite_weights():
    """richardaecn/class-balanced-loss#17: β to the power of 900000 is 0."""
    counts, beta = np.asarray([900000.0, 700000.0, 60000.0]), 0.9999
    raw = 1 / (1 - np.exp(counts * math.log(beta)))
    weights = effective_number_weights(counts, beta=beta)
    np.testing.assert_allclose(weights, raw / raw.mean(), rtol=1e-12)
    np.testing.assert_allclose(weights, 1, rtol=2e-3)


def test_distillation_is_the_divergence_from_the_teacher():
    """paiml/aprender#2153: the value was the other direction's, the gradient this one's."""
    student, teacher = np.asarray([[1.0, -2.0, 0.5]]), np.asarray([[0.0, 3.0, 1.0]])
    p, q = stable.softmax(student), stable.softmax(teacher)
    from_teacher, from_student = rel_entr(q, p).sum(), rel_entr(p, q).sum()
    assert abs(from_teacher - from_student) > 0.1
    value = float(distillation(student, teacher, temperature=1.0)[0])
    assert value == pytest.approx(from_teacher, rel=1e-14)
    np.testing.assert_allclose(distillation_grad(student, teacher, temperature=1.0), p - q)
    assert float(forward_kl(np.log(p), q)[0]) == pytest.approx(from_teacher, rel=1e-14)
    assert float(reverse_kl(np.log(p), np.log(q))[0]) == pytest.approx(from_student, rel=1e-14)


def test_distillation_keeps_its_gradient_at_a_high_temperature():
    """IntelLabs/distiller#122, keras-team/keras-io#869: the factor T² was left out."""
    student, teacher = np.asarray([[1.0, -2.0, 0.5]]), np.asarray([[0.0, 3.0, 1.0]])
    limit = ((student - student.mean()) - (teacher - teacher.mean())) / 3
    gradient = distillation_grad(student, teacher, temperature=1e4)
    np.testing.assert_allclose(gradient, limit, rtol=1e-3)
    assert abs(gradient / 1e4**2).max() < 1e-7


@pytest.mark.parametrize("label", [-1, 2, 100])
def test_a_label_that_names_no_class_is_an_error(label):
    """tensorflow/tensorflow#8484, tensorflow/tensorflow#10268: NaN on a GPU, and no error."""
    for loss in (softmax_cross_entropy_with_integer_labels, softmax_focal):
        with pytest.raises(ValueError, match="labels"):
            loss(torch.zeros(1, 2), torch.tensor([label]))


def test_modified_huber_has_the_slope_of_its_three_parts():
    """stdlib-js/stdlib#13111, scikit-learn/scikit-learn#27547: half of it, and from 1 on too."""
    margins = np.asarray([-3.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    for sign in (-1.0, 1.0):
        logits, signs = sign * margins, np.full(6, sign)
        assert modified_huber(logits, signs).tolist() == [12.0, 4.0, 2.25, 0.25, 0.0, 0.0]
        slope = [-4.0, -4.0, -3.0, -1.0, 0.0, 0.0]
        assert (sign * modified_huber_grad(logits, signs)).tolist() == slope
        assert (sign * autograd(modified_huber, logits, signs)).tolist() == slope


def test_the_brier_score_of_a_sure_error_is_2_for_any_number_of_classes():
    """probml/pml-book#642, EleutherAI/lm-evaluation-harness#1924: over K, or a bound of 1."""
    for classes in (2, 3, 10):
        probs = np.eye(classes)[[0, 1]]
        assert brier(probs, np.asarray([1, 1])).tolist() == [2.0, 0.0]


def test_smoothing_asks_for_every_class_and_a_hidden_one_is_no_nan():
    """candle-org/MindAct#1633: NaN from a logit of -inf, even without smoothing."""
    logits, labels = [[0.0, -math.inf, 0.0]], np.asarray([0])
    losses = [
        label_smoothed_cross_entropy(np.asarray(logits), labels, smoothing=s) for s in (0, 0.3)
    ]
    assert losses[0].tolist() == [pytest.approx(math.log(2), rel=1e-15)]
    assert losses[1].tolist() == [math.inf]
    slope = autograd(label_smoothed_cross_entropy, logits, labels, smoothing=0.3)
    np.testing.assert_allclose(slope, [[0.5 - 0.8, -0.1, 0.5 - 0.1]], rtol=1e-14)
