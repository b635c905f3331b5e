"""Properties of the generative losses: what each family of them claims, for any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from losscourse.losses import generative

NUMBER = st.floats(-30, 30)
PART = st.floats(0, 1)
SEED = st.integers(0, 2**32 - 1)
ROWS = (
    generative.gaussian_reconstruction,
    generative.cycle_consistency,
    generative.noise_prediction,
)


def number(loss, *arguments, **setting):
    """Return the loss of one example, whose arguments are numbers, as a Python float."""
    return float(loss(*(np.asarray([float(a)]) for a in arguments), **setting)[0])


def normal(seed, *shapes):
    """Return arrays of standard normal numbers."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def close(value):
    """Return a number to compare with, up to rounding."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("loss", ROWS, ids=lambda loss: loss.__name__)
@given(seed=SEED, order=st.permutations(range(5)), cut=st.integers(0, 5))
def test_features_add_up_in_any_order(loss, seed, order, cut):
    predictions, targets = normal(seed, (4, 5), (4, 5))
    whole = loss(predictions, targets)
    parts = loss(predictions[:, :cut], targets[:, :cut])
    parts = parts + loss(predictions[:, cut:], targets[:, cut:])
    np.testing.assert_allclose(parts, whole, rtol=1e-12)
    np.testing.assert_allclose(loss(predictions[:, order], targets[:, order]), whole, rtol=1e-12)


@pytest.mark.parametrize("loss", ROWS, ids=lambda loss: loss.__name__)
@given(seed=SEED, scale=st.floats(0.1, 10))
def test_the_unit_is_the_targets_to_its_power(loss, seed, scale):
    predictions, targets = normal(seed, (4, 5), (4, 5))
    power = 1 if loss is generative.cycle_consistency else 2
    scaled = loss(scale * predictions, scale * targets)
    np.testing.assert_allclose(scaled, scale**power * loss(predictions, targets), rtol=1e-11)


@given(mean=st.floats(-3, 3), log_variance=st.floats(-3, 2))
def test_gaussian_kl_is_the_integral_of_its_definition(mean, log_variance):
    code, prior = norm(mean, math.exp(log_variance / 2)), norm()
    low, high = mean - 12 * code.std(), mean + 12 * code.std()
    expected, _ = quad(
        lambda z: code.pdf(z) * (code.logpdf(z) - prior.logpdf(z)), low, high, epsabs=1e-12
    )
    found = generative.gaussian_kl(np.asarray([mean]), np.asarray([log_variance]))
    assert float(found) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(mean=NUMBER, log_variance=NUMBER)
def test_gaussian_kl_is_least_at_the_prior(mean, log_variance):
    assert generative.gaussian_kl(np.asarray([mean]), np.asarray([log_variance])) >= -1e-12


@given(mean=st.floats(-2, 2), log_variance=st.floats(-3, 2), x=st.floats(-3, 3))
def test_the_negative_bound_lies_above_minus_the_log_evidence(mean, log_variance, x):
    """For the decoder x = z + noise, whose evidence is known: N(0, 2)."""
    codes = mean + math.exp(log_variance / 2) * np.polynomial.hermite_e.hermegauss(20)[0]
    weights = np.polynomial.hermite_e.hermegauss(20)[1] / math.sqrt(2 * math.pi)
    reconstructions = generative.gaussian_reconstruction(codes[:, None], np.full((20, 1), x))
    means, log_variances = np.full((20, 1), mean), np.full((20, 1), log_variance)
    losses = generative.negative_elbo(reconstructions, means, log_variances)
    bound = np.sum(weights * losses) + math.log(2 * math.pi) / 2
    evidence = -norm(0, math.sqrt(2)).logpdf(x)
    assert bound >= evidence - 1e-9
    # The gap is the divergence from the true posterior, N(x/2, 1/2).
    spread = math.exp(log_variance)
    gap = (math.log(0.5 / spread) + 2 * (spread + (mean - x / 2) ** 2) - 1) / 2
    assert bound - evidence == pytest.approx(gap, abs=1e-9)


@given(real=NUMBER, fake=NUMBER)
def test_a_discriminator_gains_by_parting_real_from_fake(real, fake):
    for loss in (
        generative.minimax_discriminator,
        generative.hinge_discriminator,
        generative.wasserstein_critic,
    ):
        assert number(loss, real + 1, fake) <= number(loss, real, fake)
        assert number(loss, real, fake - 1) <= number(loss, real, fake)


@given(fake=NUMBER)
def test_a_generator_gains_by_a_higher_score(fake):
    for loss in (
        generative.minimax_generator,
        generative.non_saturating_generator,
        generative.wasserstein_generator,
    ):
        assert number(loss, fake + 1) < number(loss, fake)


@given(real=NUMBER, fake=NUMBER, shift=NUMBER)
def test_the_wasserstein_critic_ignores_a_shift_of_all_scores(real, fake, shift):
    shifted = number(generative.wasserstein_critic, real + shift, fake + shift)
    assert shifted == close(number(generative.wasserstein_critic, real, fake))


@given(fake=NUMBER, real=NUMBER)
def test_the_hinge_lies_above_the_wasserstein_critic(fake, real):
    """By 2 inside of the margins, and by more outside: it clips what the critic gains there."""
    excess = number(generative.hinge_discriminator, real, fake) - number(
        generative.wasserstein_critic, real, fake
    )
    inside = real <= 1 and fake >= -1
    assert excess == close(2) if inside else excess >= 2 - 1e-9


@given(seed=SEED, angle=st.floats(0, 6))
def test_style_ignores_a_rotation_of_the_positions(seed, angle):
    features, targets = normal(seed, (3, 2), (3, 2))
    turn = np.asarray([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    expected = generative.style(features, targets)
    np.testing.assert_allclose(generative.style(features @ turn, targets), expected, atol=1e-12)


@given(seed=SEED, scale=st.floats(0.1, 10))
def test_style_is_of_the_fourth_power_and_content_of_the_second(seed, scale):
    maps = normal(seed, (3, 4), (3, 4))
    for loss, power in ((generative.style, 4), (generative.content, 2)):
        scaled = loss(*(scale * a for a in maps))
        np.testing.assert_allclose(scaled, scale**power * loss(*maps), rtol=1e-9)


@given(seed=SEED)
def test_the_gram_matrix_is_positive_semidefinite(seed):
    matrix = generative.gram(normal(seed, (4, 3))[0])
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-15)
    assert np.linalg.eigvalsh(matrix).min() >= -1e-12
    assert np.trace(matrix) > 0


@given(seed=SEED, shift=NUMBER, scale=st.floats(-10, 10))
def test_total_variation_ignores_a_shift_and_takes_the_size_of_a_factor(seed, shift, scale):
    image = normal(seed, (4, 3))[0]
    expected = abs(scale) * generative.image_total_variation(image)
    found = generative.image_total_variation(scale * image + shift)
    assert found == close(expected)
    assert generative.image_total_variation_grad(image).sum() == 0


@given(seed=SEED, level=st.floats(-1, 1))
def test_total_variation_is_the_sum_of_that_of_the_two_halves(seed, level):
    """Clipping an image above and below a level splits its variation: the coarea formula."""
    image = normal(seed, (4, 3))[0]
    halves = np.minimum(image, level), np.maximum(image, level)
    parts = sum(map(generative.image_total_variation, halves))
    assert parts == close(generative.image_total_variation(image))


@given(seed=SEED, log_snr=st.floats(-20, 20))
def test_data_and_noise_turn_into_noised_examples_and_velocities(seed, log_snr):
    """A rotation: it keeps the length of the pair."""
    data, noise = normal(seed, (2, 3), (2, 3))
    ratios = np.full(2, log_snr)
    pair = generative.diffuse(data, noise, ratios), generative.v_target(data, noise, ratios)
    np.testing.assert_allclose(sum(a**2 for a in pair), data**2 + noise**2, rtol=1e-11)


@given(seed=SEED, log_snr=st.floats(-5, 5), gamma=st.floats(0.1, 50))
def test_min_snr_weighs_noise_and_velocity_alike(seed, log_snr, gamma):
    """A predicted velocity implies a noise; both losses, weighted, are one."""
    predictions, data, noise = normal(seed, (2, 3), (2, 3), (2, 3))
    ratios = np.full(2, log_snr)
    noised = generative.diffuse(data, noise, ratios)
    spread, signal = (1 / math.sqrt(1 + math.exp(s * log_snr)) for s in (1, -1))
    implied = spread * noised + signal * predictions
    of_noise = generative.min_snr_noise_weights(ratios, gamma=gamma)
    of_velocity = generative.min_snr_v_weights(ratios, gamma=gamma)
    np.testing.assert_allclose(
        of_velocity * generative.v_prediction(predictions, data, noise, ratios),
        of_noise * generative.noise_prediction(implied, noise),
        rtol=1e-8,
    )


@given(log_snr=st.floats(-50, 50), gamma=st.floats(0.1, 50))
def test_min_snr_weights_stay_below_1(log_snr, gamma):
    for weights in (generative.min_snr_noise_weights, generative.min_snr_v_weights):
        assert 0 <= number(weights, log_snr, gamma=gamma) <= 1
        assert number(weights, log_snr, gamma=gamma) <= number(weights, log_snr, gamma=2 * gamma)


@given(seed=SEED, early=PART, late=PART)
def test_a_path_is_straight_and_its_velocity_costs_nothing(seed, early, late):
    start, end = normal(seed, (2, 3), (2, 3))
    points = [generative.interpolate(start, end, np.full(2, t)) for t in (early, late)]
    np.testing.assert_allclose(points[1] - points[0], (late - early) * (end - start), atol=1e-12)
    assert generative.flow_matching(end - start, start, end).tolist() == [0.0, 0.0]
