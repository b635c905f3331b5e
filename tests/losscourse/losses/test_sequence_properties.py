"""Properties of the sequence losses, for any logits, any labels and any length."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from losscourse.losses import sequence
from losscourse.reduce import sequence_mean, token_mean

SEED = st.integers(0, 10**6)


def draw(seed, frames, classes, width, n=3):
    """Return log-probabilities and labels that are not the blank 0."""
    rng = np.random.default_rng(seed)
    log_probs = log_softmax(3 * rng.normal(size=(n, frames, classes)), axis=-1)
    return log_probs, rng.integers(1, classes, size=(n, width))


@given(seed=SEED, frames=st.integers(0, 4), classes=st.integers(1, 3))
@settings(max_examples=30)
def test_ctc_shares_all_probability_among_the_label_sequences(seed, frames, classes):
    """No more labels than frames: over all such sequences, the probabilities sum to 1."""
    log_probs, _ = draw(seed, frames, 3, 0, n=1)
    log_probs = log_softmax(log_probs[..., :classes], axis=-1)
    total = 0.0
    for length in range(frames + 1):
        shown = list(itertools.product(range(1, classes), repeat=length))
        if shown:
            labels = np.asarray(shown, dtype=int).reshape(len(shown), length)
            lengths = np.full(len(shown), frames), np.full(len(shown), length)
            rows = np.repeat(log_probs, len(shown), axis=0)
            total += np.exp(-sequence.ctc(rows, labels, *lengths)).sum()
    assert total == pytest.approx(1, rel=1e-12)


@given(seed=SEED, frames=st.integers(1, 25), width=st.integers(0, 8), data=st.data())
@settings(max_examples=60)
def test_ctc_and_its_gradient_are_torchs(seed, frames, width, data):
    log_probs, labels = draw(seed, frames, 4, width)
    input_lengths = np.asarray([data.draw(st.integers(1, frames)) for _ in range(3)])
    label_lengths = np.asarray([data.draw(st.integers(0, width)) for _ in range(3)])
    losses = sequence.ctc(log_probs, labels, input_lengths, label_lengths)
    logits = torch.as_tensor(log_probs).requires_grad_()
    rest = map(torch.as_tensor, (labels, input_lengths, label_lengths))
    theirs = F.ctc_loss(logits.log_softmax(-1).transpose(0, 1), *rest, reduction="none")
    np.testing.assert_allclose(losses, theirs.detach(), rtol=1e-11)
    possible = torch.as_tensor(np.isfinite(losses))
    torch.where(possible, theirs, 0.0).sum().backward()
    posterior = -sequence.ctc_grad(log_probs, labels, input_lengths, label_lengths)
    through = np.exp(log_probs) * posterior.sum(axis=-1, keepdims=True) - posterior
    np.testing.assert_allclose(through, torch.nan_to_num(logits.grad), atol=1e-11)


@given(seed=SEED, frames=st.integers(1, 8), width=st.integers(0, 4))
def test_ctc_reads_as_well_from_the_end(seed, frames, width):
    log_probs, labels = draw(seed, frames, 4, width)
    lengths = np.full(3, frames), np.full(3, width)
    forwards = sequence.ctc(log_probs, labels, *lengths)
    backwards = sequence.ctc(log_probs[:, ::-1], labels[:, ::-1], *lengths)
    np.testing.assert_allclose(backwards, forwards, rtol=1e-12)
    gradient = sequence.ctc_grad(log_probs[:, ::-1], labels[:, ::-1], *lengths)[:, ::-1]
    np.testing.assert_allclose(gradient, sequence.ctc_grad(log_probs, labels, *lengths), atol=1e-12)


@given(seed=SEED, padding=st.sampled_from([0.0, -np.inf, np.nan, 1e30]), data=st.data())
def test_ctc_does_not_see_its_padding(seed, padding, data):
    log_probs, labels = draw(seed, 6, 4, 3, n=1)
    frames, length = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 3))
    lengths = np.asarray([frames]), np.asarray([length])
    for function in (sequence.ctc, sequence.ctc_grad):
        cut = function(log_probs[:, :frames], labels[:, :length], *lengths)
        padded = log_probs.copy()
        padded[:, frames:] = padding
        other = labels.copy()
        other[:, length:] = 0
        whole = function(padded, other, *lengths)
        if function is sequence.ctc_grad:
            assert not whole[:, frames:].any()
            whole = whole[:, :frames]
        np.testing.assert_allclose(whole, cut, rtol=1e-12)


@given(seed=SEED, lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_padded_tokens_do_not_count_in_the_means(seed, lengths):
    rng = np.random.default_rng(seed)
    n = len(lengths)
    logits, labels = rng.normal(size=(n, 6, 5)), rng.integers(0, 5, size=(n, 6))
    mask = np.arange(6) < np.asarray(lengths)[:, None]
    alone = [
        sequence.token_cross_entropy(logits[i : i + 1, :k], labels[i : i + 1, :k])
        for i, k in enumerate(lengths)
    ]
    logits[~mask] = np.nan
    losses = sequence.token_cross_entropy(logits, labels)
    each = np.concatenate([a.ravel() for a in alone])
    assert float(token_mean(losses, mask=mask)) == pytest.approx(each.mean())
    assert float(sequence_mean(losses, mask=mask)) == pytest.approx(
        np.mean([a.mean() for a in alone])
    )


@given(seed=SEED, smoothing=st.floats(0, 0.999))
def test_smoothing_moves_on_a_line_towards_the_mean_cost_of_all_classes(seed, smoothing):
    rng = np.random.default_rng(seed)
    logits, labels = 3 * rng.normal(size=(4, 2, 5)), rng.integers(0, 5, size=(4, 2))
    smoothed = sequence.label_smoothed_cross_entropy(logits, labels, smoothing=smoothing)
    plain = sequence.token_cross_entropy(logits, labels)
    uniform = -log_softmax(logits, axis=-1).mean(axis=-1)
    np.testing.assert_allclose(smoothed, (1 - smoothing) * plain + smoothing * uniform, rtol=1e-12)


@given(step=st.floats(0, 1e6), further=st.floats(0, 1e6), scale=st.floats(1, 1e4))
def test_schedules_fall(step, further, scale):
    for schedule, named in (
        (sequence.linear_teacher_forcing, {"slope": 1 / scale, "floor": 0.1}),
        (sequence.exponential_teacher_forcing, {"base": 1 - 0.5 / scale}),
        (sequence.inverse_sigmoid_teacher_forcing, {"scale": scale}),
    ):
        assert 0 <= schedule(step + further, **named) <= schedule(step, **named) <= 1
