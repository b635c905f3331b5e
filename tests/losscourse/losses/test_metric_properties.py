"""Properties of the metric losses, for any embeddings and any hyperparameter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse.losses import metric

SEED = st.integers(0, 10**6)
FACTOR = st.floats(1e-3, 1e3)
TEMPERATURE = st.floats(0.02, 5.0)

PAIRED = (metric.info_nce, metric.clip, metric.nt_xent, metric.siglip)
WITH_TEMPERATURE = (*PAIRED, metric.supervised_contrastive)
OF_DIRECTIONS = (*WITH_TEMPERATURE, metric.cosine_embedding)
OF_DISTANCES = (metric.contrastive, metric.triplet)
OF_FEATURES = (metric.vicreg, metric.barlow_twins)
EACH = (*OF_DIRECTIONS, *OF_DISTANCES)


def each(losses):
    """Return a test for each loss."""
    return pytest.mark.parametrize("loss", losses, ids=lambda loss: loss.__name__)


def draw(loss, seed, n=5, width=3):
    """Return the embeddings of a batch, and what else the loss takes after them."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(3, n, width))
    if loss is metric.supervised_contrastive:
        return [rows[0]], [rng.integers(0, 3, n)]
    if loss is metric.triplet:
        return [*rows], []
    pairs_with_signs = loss in (metric.contrastive, metric.cosine_embedding)
    return [*rows[:2]], [rng.choice([-1.0, 1.0], n)] if pairs_with_signs else []


def gradients(loss, *arguments, **setting):
    """Return a loss's derivatives, one by each embedding."""
    out = getattr(metric, f"{loss.__name__}_grad")(*arguments, **setting)
    return out if isinstance(out, tuple) else (out,)


def close(actual, expected, size=1.0):
    """Assert equality up to rounding of numbers of a size."""
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-11 * size)


@each(OF_DIRECTIONS)
@given(seed=SEED)
def test_lengths_do_not_count(loss, seed):
    embeddings, others = draw(loss, seed)
    lengths = np.random.default_rng(seed).uniform(0.01, 100.0, size=(2, 5, 1))
    longer = [x * k for x, k in zip(embeddings, lengths, strict=False)]
    close(loss(*longer, *others), loss(*embeddings, *others), size=10)


@each(OF_DIRECTIONS)
@given(seed=SEED, factor=FACTOR)
def test_gradients_are_across_and_shrink_with_the_length(loss, seed, factor):
    embeddings, others = draw(loss, seed)
    longer = gradients(loss, *(factor * x for x in embeddings), *others)
    for x, g, far in zip(embeddings, gradients(loss, *embeddings, *others), longer, strict=True):
        size = 1e3 * np.abs(g).max()
        close(np.sum(x * g, axis=-1), np.zeros(5), size=size)
        close(factor * far, g, size=size)


@each(EACH)
@given(seed=SEED)
def test_a_turn_or_a_mirror_of_space_changes_nothing(loss, seed):
    embeddings, others = draw(loss, seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    turned = [x @ turn for x in embeddings]
    close(loss(*turned, *others), loss(*embeddings, *others), size=10)


@each((*OF_DISTANCES, metric.vicreg))
@given(seed=SEED)
def test_a_shift_of_space_changes_nothing(loss, seed):
    embeddings, others = draw(loss, seed)
    shift = 10 * np.random.default_rng(seed).normal(size=3)
    close(loss(*(x + shift for x in embeddings), *others), loss(*embeddings, *others), size=100)


@pytest.mark.parametrize(("loss", "power"), [(metric.contrastive, 2), (metric.triplet, 1)])
@given(seed=SEED, factor=FACTOR, margin=st.floats(0.1, 5.0))
def test_distances_carry_the_embeddings_unit(loss, power, seed, factor, margin):
    embeddings, others = draw(loss, seed)
    scaled = loss(*(factor * x for x in embeddings), *others, margin=factor * margin)
    expected = factor**power * loss(*embeddings, *others, margin=margin)
    close(scaled, expected, size=10 * factor**power)


@each((*EACH, *OF_FEATURES))
@given(seed=SEED)
def test_the_order_of_the_batch_does_not_count(loss, seed):
    embeddings, others = draw(loss, seed)
    order = np.random.default_rng(seed).permutation(5)
    shuffled = loss(*(x[order] for x in (*embeddings, *others)))
    losses = loss(*embeddings, *others)
    close(shuffled, losses[order] if losses.ndim else losses, size=100)


@each(WITH_TEMPERATURE)
@given(seed=SEED, temperature=TEMPERATURE)
def test_cosines_over_the_temperature_bound_the_loss(loss, seed, temperature):
    embeddings, others = draw(loss, seed)
    losses = loss(*embeddings, *others, temperature=temperature)
    rivals = {metric.nt_xent: 9, metric.supervised_contrastive: 4}.get(loss, 5)
    assert losses.min() >= -1e-12
    if loss is not metric.siglip:
        assert losses.max() <= 2 / temperature + np.log(rivals) + 1e-9


@each((metric.info_nce, metric.clip, metric.siglip, metric.nt_xent))
@given(seed=SEED, temperature=TEMPERATURE)
def test_more_rivals_never_cost_less(loss, seed, temperature):
    embeddings, _ = draw(loss, seed)
    fewer = loss(*(x[:4] for x in embeddings), temperature=temperature)
    assert (fewer <= loss(*embeddings, temperature=temperature)[:4] + 1e-9).all()


@each((*WITH_TEMPERATURE, *OF_FEATURES))
def test_a_batch_that_is_too_small_is_refused(loss):
    embeddings, others = draw(loss, 0)
    least = 1 if loss in PAIRED else 2
    enough = [x[:least] for x in (*embeddings, *others)]
    assert np.isfinite(loss(*enough)).all()
    fewer = [x[: least - 1] for x in (*embeddings, *others)]
    narrow = [x[:, :0] for x in embeddings]
    for function in (loss, getattr(metric, f"{loss.__name__}_grad")):
        with pytest.raises(ValueError, match=rf": expected a batch of {least} or more, got \("):
            function(*fewer)
        with pytest.raises(ValueError, match=r": expected rows of at least one number, got \("):
            function(*narrow, *others)


@given(seed=SEED, temperature=TEMPERATURE)
def test_what_a_row_of_zeros_gets(seed, temperature):
    """It has no direction: its gradient is 0, and every other one stays finite."""
    (x, y), _ = draw(metric.info_nce, seed)
    x[2] = 0.0
    for loss in PAIRED:
        by_first, by_second = gradients(loss, x, y, temperature=temperature)
        assert not by_first[2].any()
        assert np.isfinite([by_first, by_second]).all()


@given(seed=SEED, margin=st.floats(0.0, 1.5), scale=st.floats(1.0, 64.0))
def test_arcface_asks_for_more_and_falls_in_the_labels_cosine(seed, margin, scale):
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(-1, 1, size=(64, 4))
    cosines[:, 1:] = cosines[0, 1:]
    cosines[:, 0] = np.sort(cosines[:, 0])
    labels = np.zeros(64, int)
    losses = metric.arcface(cosines, labels, margin=margin, scale=scale)
    assert (np.diff(losses) <= 1e-9).all()
    assert (losses >= metric.arcface(cosines, labels, margin=0.0, scale=scale) - 1e-9).all()


@given(seed=SEED)
def test_no_triplet_of_a_batch_is_harder_than_the_mined_one(seed):
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(7, 2)), rng.integers(0, 3, 7)
    positives, negatives, complete = metric.batch_hard_triplets(x, labels)
    hardest = metric.triplet(x, x[positives], x[negatives])
    for i in np.flatnonzero(complete):
        for j in np.flatnonzero((labels == labels[i]) & (np.arange(7) != i)):
            for k in np.flatnonzero(labels != labels[i]):
                one = metric.triplet(x[i : i + 1], x[j : j + 1], x[k : k + 1])
                assert one[0] <= hardest[i] + 1e-12


@given(seed=SEED, factor=FACTOR)
def test_barlow_twins_sees_neither_shift_nor_size_of_a_feature(seed, factor):
    (x, y), _ = draw(metric.barlow_twins, seed)
    moved = x * np.asarray([factor, 1.0, 2.0]) + np.asarray([0.0, 5.0, -3.0])
    close(metric.barlow_twins(moved, y), metric.barlow_twins(x, y), size=100)
    for g in metric.barlow_twins_grad(x, y):
        close(g.sum(axis=0), np.zeros(3), size=10)


@given(seed=SEED, invariance=FACTOR, variance=FACTOR, covariance=FACTOR)
def test_vicreg_is_linear_in_its_weights(seed, invariance, variance, covariance):
    (x, y), _ = draw(metric.vicreg, seed)
    terms = [
        metric.vicreg(x, y, invariance=a, variance=b, covariance=c)
        for a, b, c in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    ]
    total = metric.vicreg(x, y, invariance=invariance, variance=variance, covariance=covariance)
    close(total, np.dot(terms, [invariance, variance, covariance]))
