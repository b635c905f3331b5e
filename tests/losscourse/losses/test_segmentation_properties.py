"""Properties of the segmentation losses, for any prediction and any mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from losscourse.losses import segmentation

SHAPE = st.tuples(st.just(3), st.integers(1, 12))
PROBS = npst.arrays(np.float64, SHAPE, elements=st.floats(0, 1))
SMOOTHING = st.floats(0, 10)
WEIGHT = st.floats(0.05, 5)


def mask_like(probs, seed):
    """Return a hard mask for each image."""
    return np.random.default_rng(seed).integers(0, 2, size=probs.shape).astype(float)


def close(values):
    """Return numbers to compare with, up to rounding."""
    return pytest.approx(values, rel=1e-9, abs=1e-12)


@given(p=PROBS, seed=st.integers(0, 999), a=WEIGHT, b=WEIGHT, s=SMOOTHING)
def test_overlap_losses_lie_between_0_and_1_and_grow_with_each_error(p, seed, a, b, s):
    y = mask_like(p, seed)
    loss = segmentation.tversky(p, y, alpha=a, beta=b, smoothing=s)
    assert (loss >= 0).all()
    assert (loss <= 1).all()
    assert segmentation.tversky(y, y, alpha=a, beta=b, smoothing=s).tolist() == [0.0] * 3
    worse = p + 0.5 * (1 - y - p)
    assert (segmentation.tversky(worse, y, alpha=a, beta=b, smoothing=s) >= loss - 1e-12).all()
    slope = segmentation.tversky_grad(p, y, alpha=a, beta=b, smoothing=s)
    assert (slope * (1 - 2 * y) >= 0).all()


@given(p=PROBS, seed=st.integers(0, 999), s=SMOOTHING, times=st.integers(2, 5))
def test_smoothing_is_counted_in_pixels(p, seed, s, times):
    y = mask_like(p, seed)
    repeated = (a.repeat(times, axis=-1) for a in (p, y))
    assert segmentation.dice(*repeated, smoothing=times * s) == close(
        segmentation.dice(p, y, smoothing=s)
    )


@given(p=PROBS, seed=st.integers(0, 999), a=WEIGHT, b=WEIGHT)
def test_dice_is_twice_the_jaccard_index_over_1_plus_it(p, seed, a, b):
    """Tversky with weights of 1 is Jaccard's, J; Dice's score is 2J/(1 + J). Others lie around."""
    y = mask_like(p, seed)
    jaccard = 1 - segmentation.tversky(p, y, alpha=1.0, beta=1.0, smoothing=0.0)
    dice = 1 - segmentation.dice(p, y, smoothing=0.0)
    assert dice == close(2 * jaccard / (1 + jaccard))
    middle = segmentation.tversky(p, y, alpha=a, beta=b, smoothing=0.0)
    low, high = (
        segmentation.tversky(p, y, alpha=w, beta=w, smoothing=0.0) for w in (min(a, b), max(a, b))
    )
    assert (low - 1e-12 <= middle).all()
    assert (middle <= high + 1e-12).all()


@pytest.mark.parametrize(
    "loss", [segmentation.dice, segmentation.tversky, segmentation.focal_tversky]
)
@given(p=PROBS, seed=st.integers(0, 999))
def test_the_order_of_the_pixels_does_not_matter(loss, p, seed):
    y, order = mask_like(p, seed), np.random.default_rng(seed).permutation(p.shape[-1])
    assert loss(p[:, order], y[:, order]) == close(loss(p, y))


@given(p=PROBS, seed=st.integers(0, 999))
def test_the_order_of_the_pixels_does_not_matter_to_the_lovasz_losses(p, seed):
    y, order = mask_like(p, seed), np.random.default_rng(seed).permutation(p.shape[-1])
    z, signs = 6 * p - 3, 2 * y - 1
    assert segmentation.lovasz_hinge(z[:, order], signs[:, order]) == close(
        segmentation.lovasz_hinge(z, signs)
    )
    rows, labels = np.stack([1 - p, p], axis=-1), y.astype(int)
    assert segmentation.lovasz_softmax(rows[:, order], labels[:, order]) == close(
        segmentation.lovasz_softmax(rows, labels)
    )


@given(p=PROBS, other=PROBS, seed=st.integers(0, 999))
def test_the_lovasz_losses_lie_above_their_tangents(p, other, seed):
    """What a gradient, or the declared subgradient, of a convex function means."""
    width = min(p.shape[-1], other.shape[-1])
    p, other = p[:, :width], other[:, :width]
    y = mask_like(p, seed)
    signs, labels = 2 * y - 1, y.astype(int)
    for loss, gradient, at, to, truth in (
        (
            segmentation.lovasz_hinge,
            segmentation.lovasz_hinge_grad,
            6 * p - 3,
            6 * other - 3,
            signs,
        ),
        (
            segmentation.lovasz_softmax,
            segmentation.lovasz_softmax_grad,
            np.stack([1 - p, p], axis=-1),
            np.stack([1 - other, other], axis=-1),
            labels,
        ),
    ):
        step = (gradient(at, truth) * (to - at)).reshape(3, -1).sum(axis=-1)
        assert (loss(at, truth) + step <= loss(to, truth) + 1e-9).all()


@given(p=PROBS, seed=st.integers(0, 999))
def test_the_lovasz_hinge_lies_above_the_jaccard_loss_of_its_decisions(p, seed):
    y = mask_like(p, seed)
    z, inside = 6 * p - 3, y == 1
    wrong = (z > 0) != inside
    union = np.maximum((inside | wrong).sum(axis=-1), 1)
    assert (segmentation.lovasz_hinge(z, 2 * y - 1) >= wrong.sum(axis=-1) / union - 1e-12).all()


@given(p=PROBS, seed=st.integers(0, 999), factor=st.floats(0.1, 1))
def test_the_lovasz_softmax_scales_with_the_errors(p, seed, factor):
    """The extension is positively homogeneous: half the errors, half the loss."""
    labels = mask_like(p, seed).astype(int)
    rows = np.stack([1 - p, p], axis=-1)
    hit = np.eye(2)[labels]
    assert segmentation.lovasz_softmax(hit + factor * (rows - hit), labels) == close(
        factor * segmentation.lovasz_softmax(rows, labels)
    )


@given(seed=st.integers(0, 999), swap=st.permutations(range(3)))
def test_the_names_of_the_classes_do_not_matter(seed, swap):
    rng = np.random.default_rng(seed)
    rows, labels = rng.dirichlet(np.ones(3), size=(2, 6)), rng.integers(0, 3, size=(2, 6))
    inverse = np.argsort(swap)
    assert segmentation.lovasz_softmax(rows[..., swap], inverse[labels]) == close(
        segmentation.lovasz_softmax(rows, labels)
    )
    probs, targets = np.swapaxes(rows, -1, -2), np.swapaxes(np.eye(3)[labels], -1, -2)
    assert segmentation.generalised_dice(probs[:, swap], targets[:, swap]) == close(
        segmentation.generalised_dice(probs, targets)
    )


@given(seed=st.integers(0, 999), volume=st.sampled_from([1e-5, 1e-22, 1e-38]))
def test_a_soft_mask_that_is_almost_empty_keeps_generalised_dice_finite(seed, volume):
    rng = np.random.default_rng(seed)
    probs, targets = rng.random((2, 1, 3, 4)).astype(np.float32)
    targets[:, 1] *= np.float32(volume)
    for function in (segmentation.generalised_dice, segmentation.generalised_dice_grad):
        exact = function(probs.astype(float), targets.astype(float))
        np.testing.assert_allclose(function(probs, targets), exact, rtol=1e-3, atol=1e-40)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_large_masks_do_not_overflow_and_keep_small_steps(dtype):
    """70,000 pixels: more than float16 can count, and steps of the Jaccard loss of 1e-5."""
    targets = np.ones((1, 70_000), dtype=dtype)
    targets[0, ::2] = 0
    probs = np.full_like(targets, 0.5)
    for loss in (segmentation.dice, segmentation.tversky):
        assert loss(probs, targets, smoothing=0.0)[0] == pytest.approx(0.5, rel=1e-3)
    logits = np.linspace(-3, 3, 70_000, dtype=np.float32)[None].astype(dtype)
    gradient = segmentation.lovasz_hinge_grad(logits, 2 * targets - 1)
    exact = segmentation.lovasz_hinge_grad(logits.astype(float), 2 * targets.astype(float) - 1)
    atol = float(np.finfo(dtype).smallest_subnormal)
    np.testing.assert_allclose(gradient, exact, rtol=4 * np.finfo(dtype).eps, atol=atol)
