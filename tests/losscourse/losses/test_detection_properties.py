"""Properties of the detection losses, for any boxes: also such as touch or have no area."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losscourse.losses import detection

OVERLAPS = {
    detection.iou_loss: (detection.iou_loss_grad, 1.0),
    detection.giou_loss: (detection.giou_loss_grad, 2.0),
    detection.diou_loss: (detection.diou_loss_grad, 2.0),
    detection.ciou_loss: (detection.ciou_loss_grad, 2.5),
}
OVERLAP = pytest.mark.parametrize("loss", OVERLAPS, ids=lambda loss: loss.__name__)
WHOLE = st.integers(-4, 4)
SIDE = st.integers(0, 5)


@st.composite
def box(draw, shortest=0):
    """Return a box with corners at whole numbers, in a batch of one."""
    x, y, width, height = draw(WHOLE), draw(WHOLE), draw(SIDE), draw(SIDE)
    return np.asarray([[x, y, x + max(width, shortest), y + max(height, shortest)]], dtype=float)


def area(boxes):
    return float(np.prod(boxes[0, 2:] - boxes[0, :2]))


@OVERLAP
@given(prediction=box(), target=box())
def test_lies_in_its_range_and_is_0_at_a_fit_alone(loss, prediction, target):
    value = float(loss(prediction, target)[0])
    assert 0 <= value <= OVERLAPS[loss][1]
    assert (value == 0) == (area(target) > 0 and np.array_equal(prediction, target))


@OVERLAP
@given(prediction=box(), target=box(), shift=st.tuples(WHOLE, WHOLE), scale=st.integers(1, 50))
def test_neither_a_shift_nor_a_unit_changes_it(loss, prediction, target, shift, scale):
    moved = [scale * (boxes + np.asarray([*shift, *shift])) for boxes in (prediction, target)]
    np.testing.assert_allclose(loss(*moved), loss(prediction, target), rtol=1e-12, atol=1e-14)


@OVERLAP
@given(first=box(), second=box())
def test_symmetric(loss, first, second):
    np.testing.assert_allclose(loss(first, second), loss(second, first), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", [detection.iou_loss, detection.giou_loss])
@given(prediction=box(), target=box(), scales=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_each_axis_may_have_its_own_unit(loss, prediction, target, scales):
    stretched = [boxes * np.asarray([*scales, *scales]) for boxes in (prediction, target)]
    np.testing.assert_allclose(loss(*stretched), loss(prediction, target), rtol=1e-12, atol=1e-14)


@given(prediction=box(), target=box())
def test_each_penalty_adds_to_the_overlap(prediction, target):
    iou, giou, diou, ciou = (float(loss(prediction, target)[0]) for loss in OVERLAPS)
    assert iou <= giou + 1e-12
    assert iou <= diou <= ciou


@given(first=box(shortest=1), second=box(shortest=1))
def test_iou_loss_is_a_distance(first, second):
    """A detour over the enclosure is no shorter: the Jaccard distance obeys the triangle."""
    low, high = np.minimum(first, second)[:, :2], np.maximum(first, second)[:, 2:]
    hull = np.concatenate([low, high], axis=1)
    detour = detection.iou_loss(first, hull) + detection.iou_loss(hull, second)
    assert float(detection.iou_loss(first, second)[0]) <= float(detour[0]) + 1e-12


@given(prediction=box(shortest=1), target=box(shortest=1), away=st.integers(14, 30))
def test_boxes_that_lie_apart_feel_no_pull_of_iou_but_of_the_others(prediction, target, away):
    prediction = prediction + np.asarray([away, 0.0, away, 0.0])
    assert detection.iou_loss(prediction, target).tolist() == [1.0]
    assert not detection.iou_loss_grad(prediction, target).any()
    for loss in (detection.giou_loss, detection.diou_loss, detection.ciou_loss):
        assert np.abs(OVERLAPS[loss][0](prediction, target)).max() > 1e-3


@OVERLAP
@given(prediction=box(), target=box())
def test_gradient_is_finite_and_autograds_at_every_kink(loss, prediction, target):
    ours = OVERLAPS[loss][0](prediction, target)
    tensor = torch.tensor(prediction, requires_grad=True)
    loss(tensor, torch.tensor(target)).sum().backward()
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(tensor.grad.numpy(), ours, rtol=1e-10, atol=1e-12)


@OVERLAP
@given(prediction=box(), target=box())
def test_a_point_pulls_no_box_larger_or_smaller(loss, prediction, target):
    """Euler: seen from the point, the loss is the same in every unit."""
    point = np.concatenate([target[:, :2], target[:, :2]], axis=1)
    radial = np.sum(OVERLAPS[loss][0](prediction, point) * (prediction - point))
    assert abs(radial) < 1e-9
