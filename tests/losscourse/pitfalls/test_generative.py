import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from losscourse.losses.generative import (
    gaussian_kl,
    gaussian_kl_grad,
    gradient_penalty,
    gram,
    image_total_variation,
    min_snr_noise_weights,
    min_snr_v_weights,
    wasserstein_generator,
)
from tests.losscourse.pitfalls.gradients import autograd


def test_the_divergence_of_a_code_is_summed_over_its_features():
    """maxhodak/keras-molecules#59, mkusner/grammarVAE#2: the mean weighs it by 1/D."""
    rng = np.random.default_rng(0)
    means, log_variances = rng.normal(size=(2, 3, 7))
    mine = Normal(torch.as_tensor(means), torch.as_tensor(np.exp(log_variances / 2)))
    expected = kl_divergence(mine, Normal(0.0, 1.0)).sum(dim=-1)
    np.testing.assert_allclose(gaussian_kl(means, log_variances), expected, rtol=1e-12)


def test_a_variance_that_underflows_has_a_finite_divergence():
    """vanderschaarlab/synthcity#331: from the variance, its logarithm is lost."""
    means, log_variances = np.zeros((1, 2), np.float32), np.full((1, 2), -200, np.float32)
    assert np.exp(log_variances).tolist() == [[0.0, 0.0]]
    assert gaussian_kl(means, log_variances).tolist() == [199.0]
    assert gaussian_kl_grad(means, log_variances)[1].tolist() == [[-0.5, -0.5]]


def test_a_critic_without_slope_has_a_finite_penalty():
    """keras-team/keras-io#910, tdeboissiere/DeepLearningImplementations#68: the root at 0."""
    weights = torch.zeros(3, requires_grad=True)
    real, fake = torch.ones(2, 3), torch.zeros(2, 3)
    penalties = gradient_penalty(lambda x: x @ weights, real, fake, torch.tensor([0.3, 0.8]))
    assert penalties.tolist() == [1.0, 1.0]
    penalties.sum().backward()
    assert torch.isfinite(weights.grad).all()


def test_the_slope_of_an_image_is_taken_over_all_its_axes():
    """caogang/wgan-gp#27, Zeleni9/pytorch-wgan#40: a norm over the channels alone."""
    weights = torch.full((1, 2, 2), 3.0)
    images = torch.randn(2, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    penalties = gradient_penalty(
        lambda x: (weights * x).sum(dim=(1, 2, 3)), images, -images, torch.tensor([0.1, 0.9])
    )
    assert penalties.tolist() == [25.0, 25.0]  # (6 - 1)², where each pixel's would be (3 - 1)²


def test_min_snr_weights_at_pure_noise():
    """kohya-ss/sd-scripts#934, huggingface/diffusers#6307.

    min(r, γ)/(r + 1) for a velocity: no division by r, and no 1 added to the numerator.
    """
    snr = np.asarray([0.0, 1.0, 5.0, 100.0])
    with np.errstate(divide="ignore"):
        log_snr = np.log(snr)
    velocity = min_snr_v_weights(log_snr, gamma=5.0)
    np.testing.assert_allclose(velocity, [0, 1 / 2, 5 / 6, 5 / 101], rtol=1e-14)
    noise = min_snr_noise_weights(log_snr, gamma=5.0)
    np.testing.assert_allclose(noise, [1, 1, 1, 1 / 20], rtol=1e-14)
    with np.errstate(invalid="ignore"):
        assert np.isnan((np.minimum(snr, 5) / snr * snr / (snr + 1))[0])


def test_the_total_variation_of_an_oblong_image():
    """pkmital/CADL#92: the height was read for the width too."""
    image = np.asarray([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    down, right = 7 + 14 + 28, 1 + 2 + 8 + 16
    assert image_total_variation(image[None]).tolist() == [down + right]
    assert image_total_variation(image.T[None]).tolist() == [down + right]


def test_the_images_of_a_batch_have_gram_matrices_of_their_own():
    """enomotokenji/pytorch-Neural-Style-Transfer#2: one matrix for all images."""
    features = np.random.default_rng(0).normal(size=(2, 3, 4))
    grams = gram(features)
    assert grams.shape == (2, 3, 3)
    for features_of_one, gram_of_one in zip(features, grams, strict=True):
        np.testing.assert_allclose(gram_of_one, features_of_one @ features_of_one.T / 12)
    assert math.isclose(grams[1, 0, 2], grams[1, 2, 0])


@pytest.mark.parametrize("gamma", [1.0, 5.0])
def test_min_snr_weights_of_both_objectives_agree(gamma):
    """TiankaiHang/Min-SNR-Diffusion-Training#5: a velocity's error is (r + 1)/r of the noise's."""
    log_snr = np.linspace(-5, 5, 11)
    snr = np.exp(log_snr)
    ratio = min_snr_noise_weights(log_snr, gamma=gamma) / min_snr_v_weights(log_snr, gamma=gamma)
    np.testing.assert_allclose(ratio, (snr + 1) / snr, rtol=1e-13)


@pytest.mark.parametrize("score", [-3.0, 0.0, 3.0])
def test_a_hinge_gans_generator_is_not_cut_off(score):
    """zurutech/ashpy#23: -max(0, score) gives the worst fakes no gradient."""
    assert wasserstein_generator(np.asarray([score])).tolist() == [-score]
    assert autograd(wasserstein_generator, [score]).tolist() == [-1.0]
