import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from losscourse.losses.metric import (
    arcface,
    arcface_grad,
    barlow_twins,
    clip,
    contrastive,
    cosine_embedding,
    info_nce,
    nt_xent,
    supervised_contrastive,
    triplet,
    vicreg,
)
from tests.losscourse.pitfalls.gradients import autograd


def test_a_row_of_zeros_has_cosine_0_and_a_finite_gradient():
    """google-deepmind/optax#946: NaN from an embedding that is the 0 vector."""
    zero, other = [[0.0, 0.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 2.0]]
    arrays = np.asarray(zero), np.asarray(other)
    # Cosines of the first query: 0 and 0. Of the second: 3/5 and 4/5, the latter its own.
    expected = [math.log(2), math.log1p(math.exp(-0.2))]
    np.testing.assert_allclose(info_nce(*arrays, temperature=1.0), expected, rtol=1e-14)
    assert float(nt_xent(*arrays)[0, 0]) == pytest.approx(math.log(3), rel=1e-14)
    signs = np.asarray([1.0, 1.0])
    np.testing.assert_allclose(cosine_embedding(*arrays, signs), [1.0, 0.2], rtol=1e-14)
    for loss, others in (
        (info_nce, (other,)),
        (nt_xent, (other,)),
        (cosine_embedding, (other, signs)),
    ):
        others = [np.asarray(a) for a in others]
        assert torch.isfinite(autograd(loss, zero, *others)).all()
    naive = autograd(lambda x: x / x.square().sum(dim=-1, keepdim=True).sqrt(), zero)
    assert torch.isnan(naive[0]).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_low_temperature_does_not_overflow(dtype):
    """Lightning-Universe/lightning-bolts#811: exp(1/T) is 2.7e43 at T = 0.01."""
    first, temperature = np.asarray([[1.0, 0.0], [0.0, 1.0]], dtype=dtype), 0.01
    with np.errstate(over="ignore"):
        assert np.exp(np.asarray(1 / temperature, dtype)) == math.inf
    np.testing.assert_allclose(nt_xent(first, first, temperature=temperature), 0, atol=1e-6)
    # The other view lies opposite, at cosine -1, and two views of another example at 0.
    apart = nt_xent(first, -first, temperature=temperature)
    np.testing.assert_allclose(apart, 100 + math.log(2), rtol=2 * np.finfo(dtype).eps)


def test_an_anchor_without_a_positive_costs_nothing():
    """HobbitLong/SupContrast#141: labels 0, 1, 1, 3 gave NaN for the first and the last."""
    embeddings = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]
    labels = np.asarray([0, 1, 1, 3])
    losses = supervised_contrastive(np.asarray(embeddings), labels, temperature=1.0)
    # Cosines of the second: 0.6, 0.8 (its positive), -0.6. Of the third: 0, 0.8 (its), 0.
    second = math.log(math.exp(0.6) + math.exp(0.8) + math.exp(-0.6)) - 0.8
    third = math.log(2 + math.exp(0.8)) - 0.8
    np.testing.assert_allclose(losses, [0, second, third, 0], rtol=1e-14)
    assert torch.isfinite(autograd(supervised_contrastive, embeddings, labels)).all()


def test_arcface_at_a_cosine_of_1_has_a_finite_gradient():
    """ronghuaiyang/arcface-pytorch#32, TreB1eN/InsightFace_Pytorch#93: the root of 1 - c² at 0."""
    cosines, labels = [[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], np.asarray([0, 0, 1])
    losses = arcface(np.asarray(cosines), labels, margin=0.5, scale=1.0)
    # The label's logit: cos 0.5, then cos(π/2 + 0.5), then -1 - 0.5 sin 0.5, beyond π.
    own = np.asarray([math.cos(0.5), -math.sin(0.5), -1 - 0.5 * math.sin(0.5)])
    np.testing.assert_allclose(losses, np.log1p(np.exp([0, 1, 0] - own)), rtol=1e-14)
    slope = autograd(arcface, cosines, labels)
    assert torch.isfinite(slope).all()
    assert np.isfinite(arcface_grad(np.asarray(cosines), labels)).all()
    naive = autograd(lambda c: c * math.cos(0.5) - (1 - c.square()).sqrt() * math.sin(0.5), [1.0])
    assert not torch.isfinite(naive).any()


def test_a_cosine_that_rounding_carries_beyond_1_is_a_cosine():
    """xialuxi/arcface-caffe#7: two like directions had a cosine above 1."""
    beyond, exact = np.asarray([[1.0000001, 0.0], [1.0, 0.0]], dtype="float32")
    label = np.asarray(0)
    assert beyond[0] > 1
    assert arcface(beyond, label, scale=1.0) == pytest.approx(
        float(arcface(exact, label, scale=1.0)), rel=1e-6
    )
    slope = torch.as_tensor(beyond).requires_grad_()
    arcface(slope, torch.as_tensor(label), scale=1.0).backward()
    assert torch.isfinite(slope.grad).all()
    assert np.isfinite(arcface_grad(beyond, label)).all()
    with pytest.raises(ValueError, match=r"^cosines: expected values in \[-1, 1\], got 1.25$"):
        arcface(np.asarray([1.25, 0.0]), label)
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.arccos(beyond[0]))


def test_embeddings_that_coincide_have_a_finite_gradient():
    """huggingface/sentence-transformers#4033: the root of a sum of squares at 0."""
    points, signs = [[1.0, 2.0]], np.asarray([1.0])
    same = np.asarray(points)
    assert triplet(same, same, same, margin=0.7).tolist() == [0.7]
    assert not autograd(triplet, points, same, same).any()
    assert not autograd(contrastive, points, same, signs).any()
    assert torch.isfinite(autograd(contrastive, points, same, -signs)).all()
    naive = autograd(lambda x: (x - torch.as_tensor(same)).square().sum(dim=-1).sqrt(), points)
    assert torch.isnan(naive).all()


def test_clip_searches_in_both_directions():
    """lucidrains/DALLE-pytorch#32: the text for an image, but no image for a text."""
    images = np.asarray([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    texts = np.asarray([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    logits = torch.as_tensor(images @ texts.T / 0.5)
    of_text, of_image = (
        F.cross_entropy(z, torch.arange(3), reduction="none") for z in (logits, logits.T)
    )
    losses = clip(images, texts, temperature=0.5)
    np.testing.assert_allclose(losses, (of_text + of_image) / 2, rtol=1e-14)
    assert abs(of_text - of_image).max() > 0.1


def test_barlow_twins_knows_no_scale_and_no_shift_of_a_view():
    """lightly-ai/lightly#1806: both views were standardised as one batch."""
    views = np.random.default_rng(0).normal(size=(8, 3))
    same = float(barlow_twins(views, views))
    assert float(barlow_twins(views, 2 * views + 4)) == pytest.approx(same, rel=1e-13)


def test_barlow_twins_of_a_constant_feature_is_finite():
    """IgorSusmelj/barlowtwins#10: a standard deviation of 0 to divide by."""
    views = np.random.default_rng(0).normal(size=(8, 3))
    views[:, 1] = 0.3
    assert math.isfinite(barlow_twins(views, views))
    assert torch.isfinite(autograd(barlow_twins, views.tolist(), views)).all()


def test_vicreg_adds_the_variances_of_both_views():
    """facebookresearch/vicreg#8: the paper's sum, where the code takes the mean."""
    collapsed = np.ones((4, 2))
    lacking = 1 - math.sqrt(1e-4)
    loss = vicreg(collapsed, collapsed, invariance=0.0, variance=1.0, covariance=0.0)
    assert float(loss) == pytest.approx(2 * lacking, rel=1e-14)
    assert torch.isfinite(autograd(vicreg, collapsed.tolist(), collapsed)).all()
