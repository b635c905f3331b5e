import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from losscourse import stable
from losscourse.losses.sequence import ctc, ctc_grad, inverse_sigmoid_teacher_forcing
from tests.losscourse.pitfalls.gradients import autograd


def _lengths(frames, labels):
    return np.asarray([frames]), np.asarray([labels])


def _log_probs(*shape):
    return stable.log_softmax(np.random.default_rng(0).normal(size=shape))


def test_a_repeated_label_needs_a_blank_between():
    """chainer/chainer#2292: aaa was taken for aa, so that repeats cost too little."""
    log_probs = _log_probs(1, 3, 3)
    loss = ctc(log_probs, np.asarray([[1, 1]]), *_lengths(3, 2))
    # a_a is the one alignment.
    assert loss.tolist() == [pytest.approx(-log_probs[0, [0, 1, 2], [1, 0, 1]].sum(), rel=1e-14)]


def test_the_blank_is_no_label():
    """tensorflow/tensorflow#13457: a label with the blank's index cost 0.811, without complaint."""
    log_probs = np.full((1, 2, 3), -math.log(3))
    loss = ctc(log_probs, np.asarray([[0]]), *_lengths(2, 1), blank=2)
    assert loss.tolist() == [pytest.approx(math.log(3), rel=1e-14)]
    with pytest.raises(ValueError, match=r"^labels: "):
        ctc(log_probs, np.asarray([[2]]), *_lengths(2, 1), blank=2)
    # No label at all: blanks alone.
    loss = ctc(log_probs, np.asarray([[0]]), *_lengths(2, 0), blank=2)
    assert loss.tolist() == [pytest.approx(2 * math.log(3), rel=1e-14)]


@pytest.mark.parametrize("blank", [1, 3])
def test_a_blank_other_than_0_is_the_blank(blank):
    """liuhu-bigeye/enctc.crnn#9: the recursion took class 0 for it."""
    log_probs, label = _log_probs(1, 4, 4), np.asarray([[2, 0, 2]])
    loss = ctc(log_probs, label, *_lengths(4, 3), blank=blank)
    paths = [
        path
        for path in itertools.product(range(4), repeat=4)
        if [k for k, _ in itertools.groupby(path) if k != blank] == [2, 0, 2]
    ]
    likelihood = sum(math.exp(log_probs[0, range(4), path].sum()) for path in paths)
    assert loss.tolist() == [pytest.approx(-math.log(likelihood), rel=1e-14)]


def test_the_gradient_by_log_probabilities_is_no_gradient_by_logits():
    """pytorch/pytorch#127608, pytorch/pytorch#52241: renormalised, as if by a log-softmax."""
    log_probs, label = _log_probs(1, 4, 3), np.asarray([[1, 2]])
    lengths = _lengths(4, 2)
    slope = autograd(ctc, log_probs, label, *lengths)
    np.testing.assert_allclose(slope.sum(dim=-1), -1, rtol=1e-14)
    step = np.zeros_like(log_probs)
    step[0, 1, 1] = 1e-6
    up, down = (ctc(log_probs + s, label, *lengths) for s in (step, -step))
    assert float(slope[0, 1, 1]) == pytest.approx(((up - down) / 2e-6).item(), rel=1e-8)

    def torchs(x):
        return F.ctc_loss(x.transpose(0, 1), torch.as_tensor(label), (4,), (2,), reduction="sum")

    np.testing.assert_allclose(autograd(torchs, log_probs).sum(dim=-1), 0, atol=1e-14)


@pytest.mark.parametrize("padding", [0.0, -1e30, -math.inf, math.nan])
def test_a_shorter_sequence_has_its_own_gradient_in_a_batch(padding):
    """pytorch/pytorch#14401, tensorflow/tensorflow#41280: padded frames changed or kept one."""
    log_probs, labels = _log_probs(2, 5, 4), np.asarray([[1, 2, 3], [3, 1, 1]])
    log_probs[1, 3:] = padding
    frames, widths = np.asarray([5, 3]), np.asarray([3, 2])
    slope = autograd(ctc, log_probs, labels, frames, widths)
    short = log_probs[1:, :3]
    own = autograd(ctc, short, labels[1:, :2], *_lengths(3, 2))
    np.testing.assert_allclose(slope[1:, :3], own, atol=1e-15)
    assert not slope[1, 3:].any()
    np.testing.assert_allclose(ctc_grad(log_probs, labels, frames, widths), slope, atol=1e-15)


def test_teacher_forcing_fades_without_an_overflow():
    """llSourcell/Reinforcement_Learning_for_Stock_Prediction#14: OverflowError from math.exp."""
    with pytest.raises(OverflowError):
        math.exp(1e6)
    assert inverse_sigmoid_teacher_forcing(1e6, scale=1) == 0
    assert inverse_sigmoid_teacher_forcing(700, scale=1) == pytest.approx(math.exp(-700))
