import numpy as np
import pytest
import torch

from losscourse.losses.segmentation import (
    dice,
    dice_grad,
    focal_tversky,
    focal_tversky_grad,
    generalised_dice,
    generalised_dice_grad,
    lovasz_softmax,
    tversky,
)
from tests.losscourse.pitfalls.gradients import autograd


@pytest.mark.parametrize("smoothing", [0.0, 1e-6, 1.0])
def test_nothing_found_where_nothing_is_costs_nothing(smoothing):
    """Project-MONAI/MONAI#120, open-mmlab/mmocr#408, aim-uofa/AdelaiDet#610.

    0/0, or a loss of 1 where the smoothing is in the denominator alone.
    """
    empty = np.zeros((1, 5))
    assert dice(empty, empty, smoothing=smoothing).tolist() == [0.0]
    assert np.isfinite(dice_grad(empty, empty, smoothing=smoothing)).all()
    assert tversky(empty, empty, smoothing=smoothing).tolist() == [0.0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_large_mask_does_not_overflow_half_precision(dtype):
    """qubvel-org/segmentation_models.pytorch#463: 512 · 512 pixels sum to inf in float16."""
    mask = torch.ones(1, 512 * 512, dtype=dtype)
    assert dice(mask, mask).tolist() == [0.0]
    assert dice(mask / 2, mask, smoothing=0.0).tolist() == [pytest.approx(1 / 3, rel=4e-3)]
    assert torch.isfinite(dice_grad(mask, mask)).all()


def test_only_the_product_is_in_the_numerator():
    """MIC-DKFZ/nnUNet#12: its square was, where the denominator had none."""
    probs, targets = np.asarray([[0.5, 0.25, 0.0]]), np.asarray([[1.0, 0.0, 1.0]])
    expected = 1 - 2 * 0.5 / (0.75 + 2)
    assert dice(probs, targets, smoothing=0.0).tolist() == [pytest.approx(expected, rel=1e-14)]


def test_alpha_weighs_false_alarms_and_beta_misses():
    """keras-team/keras#23322, FluxML/Flux.jl#1993: the two were swapped."""
    targets = np.asarray([[0.0, 1.0, 0.0, 1.0, 1.0, 1.0]])
    alarms, misses = np.ones((1, 6)), np.asarray([[0.0, 1.0, 0.0, 1.0, 0.0, 0.0]])
    weights = {"alpha": 0.3, "beta": 0.7, "smoothing": 0.0}
    assert tversky(alarms, targets, **weights).tolist() == [pytest.approx(1 - 4 / (4 + 0.6))]
    assert tversky(misses, targets, **weights).tolist() == [pytest.approx(1 - 2 / (2 + 1.4))]


def test_an_absent_class_has_a_weight_of_0():
    """Project-MONAI/MONAI#371: 1 over a volume of 0."""
    rng = np.random.default_rng(0)
    probs, targets = rng.uniform(size=(1, 3, 6)), np.eye(3)[[0, 0, 2, 0, 2, 2]].T[None]
    present = [0, 2]
    loss = generalised_dice(probs, targets)
    expected = generalised_dice(probs[:, present], targets[:, present])
    np.testing.assert_allclose(loss, expected, rtol=1e-14)
    slope = generalised_dice_grad(probs, targets)
    assert np.isfinite(slope).all()
    assert not slope[:, 1].any()


def test_an_image_of_which_every_pixel_is_left_out_costs_nothing():
    """bermanmaxim/LovaszSoftmax#14: an error, or NaN, where no pixel is left."""
    loss = lovasz_softmax(np.zeros((1, 0, 3)), np.zeros((1, 0), dtype=int))
    assert loss.tolist() == [0.0]


def test_the_focal_power_is_taken_of_each_image():
    """qubvel-org/segmentation_models.pytorch#734: of the mean, it was."""
    probs, targets = np.asarray([[0.5, 0.5], [1.0, 0.0]]), np.asarray([[1.0, 0.0], [1.0, 0.0]])
    base = tversky(probs, targets, smoothing=0.0)
    assert base.tolist() == [0.5, 0.0]
    assert focal_tversky(probs, targets, gamma=2.0, smoothing=0.0).tolist() == [0.25, 0.0]


def test_a_perfect_mask_has_no_infinite_focal_slope():
    """nabsabraham/focal-tversky-unet#29: with the published power of 3/4, NaN."""
    mask = [[1.0, 0.0, 1.0]]
    for gamma in (1.0, 4 / 3, 2.0):
        slope = autograd(focal_tversky, mask, np.asarray(mask), gamma=gamma)
        assert torch.isfinite(slope).all()
        np.testing.assert_allclose(
            focal_tversky_grad(np.asarray(mask), np.asarray(mask), gamma=gamma), slope, rtol=1e-14
        )
    with pytest.raises(ValueError, match=r"^gamma: expected a number in \[1, ∞\), got 0.75$"):
        focal_tversky(np.asarray(mask), np.asarray(mask), gamma=0.75)
    naive = autograd(lambda p: tversky(p, torch.as_tensor(mask).double()) ** 0.75, mask)
    assert not torch.isfinite(naive).any()
