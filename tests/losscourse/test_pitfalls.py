"""Numerical pitfalls that real libraries shipped: a test for each, named for what it guards.

The numbers are those of the course's table of pitfalls. The folder `pitfalls` holds more, by family
of losses.
"""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from losscourse import stable
from losscourse.losses import regression
from losscourse.losses.classification import (
    sigmoid_binary_cross_entropy,
    sigmoid_focal,
    smooth_labels,
    softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels,
    softmax_focal,
)
from losscourse.losses.divergence import forward_kl
from losscourse.losses.sequence import ctc, ctc_grad
from losscourse.optimizers import adam, adamw
from losscourse.reduce import sequence_mean, sum_and_count, token_mean, weighted_mean
from tests.losscourse.losses.cases import CASES
from tests.losscourse.pitfalls.gradients import autograd

ALL = pytest.mark.parametrize(
    ("case", "function"),
    [(case, function) for case in CASES for function in case.functions],
    ids=lambda value: value.__name__ if callable(value) else "",
)
SIGNED = [case for case in CASES if "signs" in case.arrays]


def _drawn(case, n=4, scale=1.0):
    """Return examples of a case as what its functions take."""
    arrays = case.draw(np.random.default_rng(0), n, scale)
    return [torch.as_tensor(a) for a in arrays] if case.torch_only else list(arrays)


def test_01_nothing_selected_is_an_error_and_no_nan():
    losses, ignored = np.asarray([1.0, 2.0]), np.asarray([False, False])
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        weighted_mean(losses, mask=ignored)
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        token_mean(losses[None], mask=ignored[None])
    with pytest.raises(ValueError, match="total weight above 0, got 0"):
        sequence_mean(losses[None], mask=ignored[None])


def test_02_an_ignored_class_stays_in_the_softmaxs_denominator():
    logits = np.asarray([[1.0, 2.0, 3.0], [3.0, 0.0, 1.0], [0.0, 1.0, 5.0]])
    labels, ignored = np.asarray([0, 1, 2]), 2
    losses = softmax_cross_entropy_with_integer_labels(logits, labels)
    mean = weighted_mean(losses, mask=labels != ignored)
    theirs = F.cross_entropy(torch.as_tensor(logits), torch.as_tensor(labels), ignore_index=ignored)
    assert float(mean) == pytest.approx(float(theirs), rel=1e-14)
    without = softmax_cross_entropy_with_integer_labels(logits[:2, :2], labels[:2]).mean()
    assert float(mean) > float(without) + 0.5


def test_03_weighted_mean_divides_by_the_sum_of_the_weights():
    weighted, weights = np.asarray([5.6390, 4.9593]), np.asarray([6.0, 4.0])
    mean = weighted_mean(weighted / weights, weights=weights)
    assert float(mean) == pytest.approx(1.0598, abs=5e-5)
    assert float(mean) != pytest.approx(weighted.mean())


@pytest.mark.parametrize("smoothing", [0.1, 0.5, 0.9])
def test_04_a_smoothed_row_sums_to_1(smoothing):
    rows = smooth_labels(np.eye(5), smoothing=smoothing)
    np.testing.assert_allclose(rows.sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(rows[0, 1:], smoothing / 5, rtol=1e-15)


def test_05_a_class_of_probability_0_costs_nothing():
    logits, targets = [[-math.inf, 0.0]], [[0.0, 1.0]]
    loss = softmax_cross_entropy(np.asarray(logits), np.asarray(targets))
    assert loss.tolist() == [0.0]
    assert autograd(softmax_cross_entropy, logits, torch.as_tensor(targets).double()).tolist() == [
        [0.0, 0.0]
    ]


@pytest.mark.parametrize("x", [0.0, 1e-300, 1.0, 100.0, 1e4, 1e300])
@pytest.mark.parametrize(
    "function",
    [stable.log_cosh, stable.softplus, stable.sqrt, stable.sigmoid, stable.log_sigmoid],
)
def test_06_gradient_is_finite_on_the_branch_not_taken(function, x):
    for sign in (1, -1) if function is not stable.sqrt else (1,):
        assert math.isfinite(autograd(function, sign * x))


def test_06_gradient_of_0_times_infinity_is_0():
    weights, x = torch.tensor([0.0, 2.0]), torch.tensor([-math.inf, 3.0])
    for tensor in (weights, x):
        tensor.requires_grad_()
    stable.times(weights, x).sum().backward()
    assert weights.grad.tolist() == [0.0, 3.0]
    assert x.grad.tolist() == [0.0, 2.0]


@pytest.mark.parametrize("x", [-1e-300, -1e-10, -math.log(2), -1.0, -700.0, -1e4])
def test_06_log1mexp_has_a_finite_gradient_on_both_sides_of_its_seam(x):
    assert math.isfinite(autograd(stable.log1mexp, x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_07_the_logit_minus_50_keeps_its_gradient(dtype):
    logits = torch.tensor([-50.0], dtype=dtype, requires_grad=True)
    sigmoid_binary_cross_entropy(logits, torch.ones(1, dtype=dtype)).backward()
    assert logits.grad.tolist() == [-1.0]
    rows = torch.tensor([[-50.0, 0.0]], dtype=dtype, requires_grad=True)
    softmax_cross_entropy_with_integer_labels(rows, torch.tensor([0])).backward()
    assert rows.grad.tolist() == [[-1.0, 1.0]]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("logit", [-1000.0, 0.0, 1000.0])
@pytest.mark.parametrize("label", [0, 1])
def test_08_focal_is_finite_where_p_is_1(gamma, logit, label):
    right = (logit > 0) == bool(label)
    expected = 0.0 if right else 1000.0
    binary, target = np.asarray([logit]), np.asarray([float(label)])
    row, labels = np.asarray([[0.0, logit]]), np.asarray([label])
    for loss, first, second in (
        (sigmoid_focal, binary, target),
        (softmax_focal, row, labels),
    ):
        value = loss(first, second, gamma=gamma).tolist()
        if logit:
            assert value == [pytest.approx(expected, abs=1e-200)]
        assert torch.isfinite(autograd(loss, first, second, gamma=gamma)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("x", [-100, 100])
def test_09_log_cosh_does_not_overflow(x, dtype):
    predictions = np.asarray([x], dtype=dtype)
    loss = regression.log_cosh(predictions, np.zeros_like(predictions))
    np.testing.assert_allclose(loss, 99.30685, rtol=max(1e-7, float(np.finfo(dtype).eps)))
    assert regression.log_cosh_grad(predictions, 0 * predictions).tolist() == [math.copysign(1, x)]


def test_10_root_at_zero_has_a_finite_gradient():
    predictions = torch.ones(3, dtype=torch.float64, requires_grad=True)
    rmse = regression.rmse(predictions, torch.ones(3, dtype=torch.float64))
    rmse.backward()
    assert rmse.item() == 0.0
    assert predictions.grad.tolist() == [0.0, 0.0, 0.0]


def test_11_each_frames_ctc_gradient_sums_to_0_through_the_log_softmax():
    logits = np.random.default_rng(0).normal(size=(3, 6, 5)) * 3
    others = np.asarray([[1, 2], [3, 3], [4, 1]]), np.asarray([6, 5, 3]), np.asarray([2, 2, 1])
    gradient = autograd(lambda z, *rest: ctc(stable.log_softmax(z), *rest), logits, *others)
    np.testing.assert_allclose(gradient.sum(dim=-1), 0, atol=1e-14)
    posterior = -ctc_grad(stable.log_softmax(logits), *others)
    inside = np.arange(6) < others[1][:, None]
    np.testing.assert_allclose(posterior.sum(axis=-1), inside, atol=1e-14)
    softmax = stable.softmax(logits) * inside[..., None]
    np.testing.assert_allclose(gradient, softmax - posterior, atol=1e-14)


@pytest.mark.parametrize("labels", [[1, 1, 1], [1, 2, 3], [1, 1, 2]])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_11_ctc_without_alignment_is_inf_and_has_gradient_0(labels, dtype):
    frames = 4 if labels == [1, 1, 1] else 3 if labels == [1, 1, 2] else 2
    logits = torch.zeros((1, 5, 4), dtype=dtype, requires_grad=True)
    log_probs = stable.log_softmax(logits)
    others = torch.tensor([labels]), torch.tensor([frames]), torch.tensor([3])
    loss = ctc(log_probs, *others)
    loss.sum().backward()
    assert loss.tolist() == [math.inf]
    assert not logits.grad.any()
    assert not ctc_grad(log_probs.detach(), *others).any()
    assert torch.isfinite(ctc(log_probs.detach(), others[0], others[1] + 1, others[2])).all()


@pytest.mark.parametrize("width", [0, 2])
def test_11_ctc_of_no_label_is_the_cost_of_blanks_alone(width):
    log_probs = stable.log_softmax(np.random.default_rng(0).normal(size=(2, 4, 3)))
    others = np.ones((2, width), dtype=int), np.asarray([4, 0]), np.asarray([0, 0])
    np.testing.assert_allclose(ctc(log_probs, *others), [-log_probs[0, :, 0].sum(), 0], rtol=1e-15)
    gradient = ctc_grad(log_probs, *others)
    np.testing.assert_allclose(gradient[0, :, 0], -1, rtol=1e-15)
    assert not gradient[0, :, 1:].any()
    assert not gradient[1].any()


@ALL
def test_12_a_column_against_a_row_is_an_error(case, function):
    """One more axis in any one of the arrays that go by examples."""
    names = [name for name in case.arrays if name not in case.shared]
    for make in (torch.as_tensor,) if case.torch_only else (np.asarray, torch.as_tensor):
        for name in names if len(names) > 1 else ():
            arrays = {n: make(a) for n, a in zip(case.arrays, _drawn(case), strict=True)}
            arrays[name] = arrays[name][:, None]
            with pytest.raises(ValueError, match=r": expected shape .*got \("):
                function(**arrays)


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_13_smooth_l1_is_continuous_at_beta_and_huber_over_beta(beta):
    around = np.asarray([np.nextafter(beta, 0), beta, np.nextafter(beta, 9)])
    zeros = np.zeros(3)
    for sign in (-1, 1):
        values = regression.smooth_l1(sign * around, zeros, beta=beta)
        np.testing.assert_allclose(values, beta / 2, rtol=1e-15)
        slopes = regression.smooth_l1_grad(sign * around, zeros, beta=beta)
        np.testing.assert_allclose(slopes, sign, rtol=1e-15)
    e = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(
        regression.smooth_l1(e, 0 * e, beta=beta),
        regression.huber(e, 0 * e, delta=beta) / beta,
        rtol=1e-14,
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("beta", [0.0, 1e-8, 1e-50])
def test_13_smooth_l1_at_a_vanishing_beta_is_the_absolute_error(beta, dtype):
    """1e-8 is 0 in float16, and 1e-50 in float32: no 0/0 there."""
    e = torch.tensor([-2.0, 0.0, 0.5], dtype=getattr(torch, dtype), requires_grad=True)
    loss = regression.smooth_l1(e, torch.zeros_like(e), beta=beta)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([2.0, 0.0, 0.5])
    assert e.grad.tolist() == [-1.0, 0.0, 1.0]
    gradient = regression.smooth_l1_grad(e.detach(), torch.zeros_like(e), beta=beta)
    assert gradient.tolist() == [-1.0, 0.0, 1.0]


def test_14_kl_is_averaged_over_the_batch_and_not_over_the_elements():
    rng = np.random.default_rng(0)
    log_probs = stable.log_softmax(rng.normal(size=(6, 5)))
    targets = stable.softmax(rng.normal(size=(6, 5)))
    losses = forward_kl(log_probs, targets)
    assert losses.shape == (6,)
    tensors = torch.as_tensor(log_probs), torch.as_tensor(targets)
    per_example = float(F.kl_div(*tensors, reduction="batchmean"))
    per_element = float(F.kl_div(*tensors, reduction="none").mean())
    assert float(weighted_mean(losses)) == pytest.approx(per_example, rel=1e-14)
    assert float(weighted_mean(losses)) == pytest.approx(5 * per_element, rel=1e-14)


def test_15_sums_and_counts_of_micro_batches_equal_the_batch():
    losses = np.asarray([1.0, 2.0, 3.0, 10.0])
    mask = np.asarray([True, True, True, False])
    halves = (slice(0, 2), slice(2, 4))
    sums, counts = zip(*(sum_and_count(losses[at], mask=mask[at]) for at in halves), strict=True)
    assert sum(sums) / sum(counts) == weighted_mean(losses, mask=mask) == 2.0
    mean_of_means = np.mean([weighted_mean(losses[at], mask=mask[at]) for at in halves])
    assert mean_of_means == 2.25


def test_16_token_mean_and_sequence_mean_differ_on_unequal_lengths():
    losses = np.asarray([[1.0, 1.0, 1.0], [5.0, 0.0, 0.0]])
    mask = np.asarray([[True, True, True], [True, False, False]])
    assert float(token_mean(losses, mask=mask)) == 2.0
    assert float(sequence_mean(losses, mask=mask)) == 3.0
    equal = np.ones((2, 3), bool)
    np.testing.assert_allclose(token_mean(losses, mask=equal), sequence_mean(losses, mask=equal))


@pytest.mark.parametrize("padding", [100.0, math.nan, math.inf])
def test_17_a_mask_is_on_the_numerator_and_the_denominator(padding):
    losses = np.asarray([[1.0, padding], [1.0, -50.0]])
    mask = np.asarray([[True, False], [True, False]])
    for mean in (weighted_mean, token_mean, sequence_mean):
        assert float(mean(losses, mask=mask)) == 1.0


@pytest.mark.parametrize("epsilon", [1e-8, 0.5])
def test_19_adams_epsilon_is_outside_the_root(epsilon):
    """Inside, a first gradient of 1e-8 would make a step of 1e-4 in place of one half."""
    params, grads = np.asarray([1.0]), np.asarray([1e-8])
    theirs = torch.tensor(params)
    theirs.grad = torch.tensor(grads)
    torch.optim.Adam([theirs], lr=1.0, eps=epsilon).step()
    init, update = adam(1.0, epsilon=epsilon)
    updates, _ = update(grads, init(params), params)
    np.testing.assert_allclose(params + updates, theirs.numpy(), rtol=1e-14)
    assert float(updates[0]) == pytest.approx(-1e-8 / (1e-8 + epsilon), rel=1e-12)


def test_20_adamw_decays_the_weight_as_it_was_before_the_step():
    params, grads = np.asarray([1.0, -3.0]), np.asarray([0.5, 2.0])
    theirs = torch.tensor(params)
    theirs.grad = torch.tensor(grads)
    torch.optim.AdamW([theirs], lr=0.5, weight_decay=1.5).step()
    init, update = adamw(0.5, weight_decay=1.5)
    updates, _ = update(grads, init(params), params)
    np.testing.assert_allclose(params + updates, theirs.numpy(), rtol=1e-14)
    np.testing.assert_allclose(updates, -0.5 - 0.75 * params, rtol=1e-7)


@ALL
def test_21_inputs_are_unchanged_after_any_call(case, function):
    arrays = _drawn(case, n=4, scale=3.0)
    for make in (lambda a: a, torch.as_tensor) if not case.torch_only else (torch.as_tensor,):
        inputs = [make(a) for a in arrays]
        before = [a.tolist() for a in inputs]
        function(*inputs)
        assert [a.tolist() for a in inputs] == before


def test_22_two_shards_of_the_vocabulary_smooth_as_one():
    """Smoothed cross-entropy is lse - (1 - ε) z_y - ε Σz/K: each term adds up over shards."""
    logits = np.random.default_rng(0).normal(size=(6, 8)) * 3
    labels, smoothing = np.asarray([0, 3, 4, 7, 5, 2]), 0.2
    targets = smooth_labels(np.eye(8)[labels], smoothing=smoothing)
    whole = softmax_cross_entropy(logits, targets)
    shards = np.split(logits, 2, axis=-1)
    total = stable.log_sum_exp(np.stack([stable.log_sum_exp(s) for s in shards], axis=-1))
    of_label = np.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
    mean = sum(s.sum(axis=-1) for s in shards) / 8
    np.testing.assert_allclose(
        whole, total - (1 - smoothing) * of_label - smoothing * mean, rtol=1e-13
    )


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor])
def test_18_labels_of_0_and_1_are_no_signs(case, make):
    arrays = _drawn(case)
    position = case.arrays.index("signs")
    arrays[position] = (np.asarray(arrays[position]) + 1) / 2
    for function in case.functions:
        with pytest.raises(ValueError, match=r"^signs: expected values of -1 or 1, got 0.0$"):
            function(*map(make, arrays))


def test_every_row_is_tested():
    tested = {int(m[1]) for name in globals() if (m := re.match(r"test_(\d\d)_", name))}
    assert tested == set(range(1, 23))
