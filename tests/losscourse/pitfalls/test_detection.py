import numpy as np
import pytest
import torch

from losscourse.losses.detection import (
    ciou_loss,
    ciou_loss_grad,
    corners_from_centers,
    detection_loss,
    detection_loss_grad,
    diou_loss,
    diou_loss_grad,
    giou_loss,
    giou_loss_grad,
    iou_loss,
    iou_loss_grad,
)
from tests.losscourse.pitfalls.gradients import autograd

LOSSES = {
    "iou": (iou_loss, iou_loss_grad, 1.0),
    "giou": (giou_loss, giou_loss_grad, 1.0),
    "diou": (diou_loss, diou_loss_grad, 1.0 + 49**2 / 20000),
    "ciou": (ciou_loss, ciou_loss_grad, 1.0 + 49**2 / 20000 + 0.05),
}
"""Each with its value where a flat box lies across a square of 100, 49 below its centre."""
each = pytest.mark.parametrize(("loss", "gradient", "value"), LOSSES.values(), ids=LOSSES)


@each
def test_a_predicted_box_without_height_has_a_finite_gradient(loss, gradient, value):
    """open-mmlab/mmdetection#3394, Zzh-tju/DIoU-pytorch-detectron#19."""
    flat = torch.tensor([[200.0, 599.0, 300.0, 599.0]])
    target = torch.tensor([[200.0, 500.0, 300.0, 600.0]])
    assert loss(flat, target).tolist() == [pytest.approx(value, rel=1e-6)]
    slope = autograd(loss, flat, target)
    assert torch.isfinite(slope).all()
    torch.testing.assert_close(slope, gradient(flat, target))


def test_the_naive_angle_of_a_flat_box_has_no_gradient():
    """Zzh-tju/DIoU-pytorch-detectron#19: the arctangent of w/h is right, its slope is 0 · inf."""
    box = [[200.0, 599.0, 300.0, 599.0]]
    naive = autograd(lambda b: torch.atan((b[:, 2] - b[:, 0]) / (b[:, 3] - b[:, 1])), box)
    assert torch.isnan(naive).any()


@each
def test_a_padding_box_of_zeros_does_not_turn_the_batch_into_nan(loss, gradient, value):
    """tensorflow/addons#914: a mask that multiplies cannot undo the NaN."""
    boxes = torch.tensor([[0.0, 0.0, 0.0, 0.0], [5.0, 6.0, 10.0, 7.0]])
    labels = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.isfinite(loss(boxes, labels)).all()
    assert torch.isfinite(autograd(loss, boxes, labels)).all()
    assert torch.isfinite(gradient(boxes, labels)).all()
    assert not gradient(boxes, labels)[0].any()


@each
def test_a_target_by_its_centre_is_an_error(loss, gradient, value):
    """stevebottos/owl-vit-object-detection#14: centre, width and height passed for corners."""
    by_centre = np.asarray([[0.5, 0.5, 0.2, 0.2]])
    for function in (loss, gradient):
        with pytest.raises(ValueError, match="targets"):
            function(by_centre, by_centre)
    corners = corners_from_centers(by_centre)
    np.testing.assert_allclose(corners, [[0.4, 0.4, 0.6, 0.6]], rtol=1e-15)
    np.testing.assert_allclose(loss(corners, corners), 0, atol=1e-15)


def test_an_image_without_objects_has_a_finite_loss():
    """kuangliu/pytorch-retinanet#14, andreaazzini/retinanet.pytorch#4: divided by 0 positives."""
    logits, offsets = np.zeros((3, 2)), np.full((3, 4), 9.0)
    labels, targets = np.zeros(3, dtype=int), np.zeros((3, 4))
    np.testing.assert_allclose(detection_loss(logits, offsets, labels, targets), np.log(2))
    assert not detection_loss_grad(logits, offsets, labels, targets)[1].any()
