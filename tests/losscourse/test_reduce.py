"""reduce: weights, masks and means, with the denominators that circulate as mutants."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losscourse import reduce
from losscourse.losses.regression import squared_error
from tests.losscourse.libraries import FORMATS, dtype_name, make, read
from tests.losscourse.mutants import Mutant, assert_rejected

RIGHT = SimpleNamespace(**{name: getattr(reduce, name) for name in reduce.__all__})
"""The functions as one subject; a mutant replaces one of them."""

LENGTHS = np.asarray([5, 1, 3])
MASK = np.arange(5) < LENGTHS[:, None]


def _tokens() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 2, size=(3, 5))


def _loop_sum(losses, weights, mask) -> tuple[float, float]:
    """Return the two sums as a loop over Python floats, exactly rounded."""
    kept = [
        (w * x, w)
        for x, w, m in zip(losses.ravel(), weights.ravel(), mask.ravel(), strict=True)
        if m
    ]
    return math.fsum(a for a, _ in kept), math.fsum(w for _, w in kept)


def sums_equal_a_loop(r):
    losses, weights = _tokens(), _tokens() + 0.1
    ones, all_of_them = np.ones_like(losses), np.ones_like(MASK)
    for arguments, w, m in (
        ({}, ones, all_of_them),
        ({"weights": weights}, weights, all_of_them),
        ({"mask": MASK}, ones, MASK),
        ({"weights": weights, "mask": MASK}, weights, MASK),
    ):
        total, count = _loop_sum(losses, w, m)
        np.testing.assert_allclose(r.sum_and_count(losses, **arguments), (total, count), rtol=1e-13)
        np.testing.assert_allclose(r.weighted_mean(losses, **arguments), total / count, rtol=1e-13)


def sequence_means_equal_a_loop(r):
    losses = _tokens()
    rows = [losses[b, :n] for b, n in enumerate(LENGTHS)]
    tokens = np.concatenate(rows)
    assert float(r.token_mean(losses, mask=MASK)) == pytest.approx(tokens.sum() / len(tokens))
    per_sequence = [row.sum() / len(row) for row in rows]
    expected = sum(per_sequence) / len(per_sequence)
    assert float(r.sequence_mean(losses, mask=MASK)) == pytest.approx(expected)
    fixed = sum(row.sum() / 8 for row in rows) / len(rows)
    assert float(r.fixed_length_mean(losses, mask=MASK, length=8)) == pytest.approx(fixed)


def micro_batches_add_up_to_the_batch(r):
    losses, weights = _tokens().ravel(), _tokens().ravel() + 0.1
    mask = MASK.ravel()
    parts = [
        r.sum_and_count(losses[at], weights=weights[at], mask=mask[at])
        for at in (slice(0, 4), slice(4, 5), slice(5, 15))
    ]
    total, count = (sum(map(float, column)) for column in zip(*parts, strict=True))
    whole = r.weighted_mean(losses, weights=weights, mask=mask)
    assert total / count == pytest.approx(float(whole))


def what_is_masked_out_has_no_influence(r):
    losses, weights = _tokens(), _tokens() + 0.1
    expected = [
        *map(float, r.sum_and_count(losses, weights=weights, mask=MASK)),
        float(r.weighted_mean(losses, weights=weights, mask=MASK)),
        float(r.token_mean(losses, mask=MASK)),
        float(r.sequence_mean(losses, mask=MASK)),
        float(r.fixed_length_mean(losses, mask=MASK, length=7)),
    ]
    for junk in (math.nan, math.inf, -math.inf, -1.0):
        losses[~MASK] = weights[~MASK] = junk
        with np.errstate(all="raise"):
            got = [
                *map(float, r.sum_and_count(losses, weights=weights, mask=MASK)),
                float(r.weighted_mean(losses, weights=weights, mask=MASK)),
                float(r.token_mean(losses, mask=MASK)),
                float(r.sequence_mean(losses, mask=MASK)),
                float(r.fixed_length_mean(losses, mask=MASK, length=7)),
            ]
        assert got == expected


def gradient_passes_through_the_selected_only(r):
    for junk in (math.nan, math.inf):
        losses = torch.tensor([1.0, 2.0, junk], dtype=torch.float64, requires_grad=True)
        weights = torch.tensor([1.0, 3.0, junk], dtype=torch.float64, requires_grad=True)
        r.weighted_mean(losses, weights=weights, mask=torch.tensor([True, True, False])).backward()
        assert losses.grad.tolist() == [0.25, 0.75, 0.0]
        # The derivative by a weight: (its loss - the mean) / the total weight.
        assert weights.grad.tolist() == pytest.approx([(1 - 1.75) / 4, (2 - 1.75) / 4, 0.0])
    tokens = torch.tensor([[1.0, 2.0], [3.0, math.nan]], requires_grad=True)
    r.sequence_mean(tokens, mask=torch.tensor([[True, True], [True, False]])).backward()
    assert tokens.grad.tolist() == [[0.25, 0.25], [0.5, 0.0]]


def nothing_selected_is_an_error(r):
    losses = np.ones((2, 3))
    none, one_row = np.zeros((2, 3), bool), np.asarray([[True] * 3, [False] * 3])
    for call in (
        lambda: r.weighted_mean(losses[:0]),
        lambda: r.weighted_mean(losses, mask=none),
        lambda: r.weighted_mean(losses, weights=0 * losses),
        lambda: r.weighted_mean(losses, weights=1.0 * one_row, mask=~one_row),
        lambda: r.token_mean(losses, mask=none),
        lambda: r.token_mean(losses[:0], mask=none[:0]),
        lambda: r.sequence_mean(losses, mask=one_row),
        lambda: r.fixed_length_mean(losses, mask=none, length=3),
        lambda: r.fixed_length_mean(losses[:0], mask=none[:0], length=3),
        lambda: r.sequence_mean(losses[:0], mask=none[:0]),
        lambda: r.sequence_mean(losses[:, :0], mask=none[:, :0]),
    ):
        with pytest.raises(ValueError, match="expected a total weight above 0, got 0"):
            call()
    assert [float(x) for x in r.sum_and_count(losses, mask=none)] == [0.0, 0.0]
    assert [float(x) for x in r.sum_and_count(losses[:0])] == [0.0, 0.0]


def wrong_weights_are_refused(r):
    losses = np.ones(3)
    for bad in (-1.0, math.nan, math.inf):
        weights = np.asarray([1.0, bad, 1.0])
        for library in ("numpy", "torch", "strict"):
            arguments = make(library, "float64", losses), make(library, "float64", weights)
            for function in (r.sum_and_count, r.weighted_mean):
                message = f"^weights: expected finite numbers of at least 0, got {bad}$"
                with pytest.raises(ValueError, match=message):
                    function(arguments[0], weights=arguments[1])


def half_precision_is_summed_in_float32(r):
    for library, dtype in FORMATS:
        losses = make(library, dtype, np.full(70_000, 2.0))
        total, count = r.sum_and_count(losses)
        assert (float(total), float(count)) == (140_000.0, 70_000.0)
        wide = "float32" if dtype in ("float16", "bfloat16") else dtype
        assert dtype_name(total) == dtype_name(count) == wide
        tokens = make(library, dtype, np.full((2, 35_000), 2.0))
        mask = make(library, dtype, np.ones((2, 35_000), bool))
        for mean in (
            r.weighted_mean(losses, weights=losses),
            r.token_mean(tokens, mask=mask),
            r.sequence_mean(tokens, mask=mask),
            r.fixed_length_mean(tokens, mask=mask, length=np.float64(35_000)),
        ):
            assert dtype_name(mean) == dtype
            assert float(mean) == 2.0


def any_shape_and_library_gives_a_scalar(r):
    for library in ("numpy", "torch", "strict"):
        for shape in ((), (1,), (4,), (2, 2), (2, 1, 2)):
            losses = make(library, "float64", np.full(shape, 3.0))
            mask = make(library, "float64", np.ones(shape, bool))
            mean = r.weighted_mean(losses, weights=losses, mask=mask)
            assert mean.shape == ()
            assert float(read(mean)) == 3.0


def inputs_stay_as_they_were(r):
    losses, weights, mask = _tokens(), _tokens(), MASK.copy()
    for array in (losses, weights, mask):
        array.setflags(write=False)
    r.weighted_mean(losses, weights=weights, mask=mask)
    r.sequence_mean(losses, mask=mask)
    tensors = [torch.tensor(array) for array in (losses, weights, mask)]
    r.weighted_mean(tensors[0], weights=tensors[1], mask=tensors[2])
    for tensor, array in zip(tensors, (losses, weights, mask), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), array)


def arguments_that_do_not_fit_are_refused(r):
    ones, mask = np.ones((2, 3)), np.ones((2, 3), bool)
    for error, message, call in (
        (TypeError, "losses: expected an array", lambda: r.weighted_mean([1.0])),
        (TypeError, "losses: expected a real fl", lambda: r.weighted_mean(mask)),
        (TypeError, "losses: expected a real fl", lambda: r.sum_and_count(np.ones(2, int))),
        (
            TypeError,
            "weights: expected dtype",
            lambda: r.weighted_mean(ones, weights=ones.astype("f4")),
        ),
        (TypeError, "weights: expected a real fl", lambda: r.weighted_mean(ones, weights=mask)),
        (
            TypeError,
            "weights: expected ndarray",
            lambda: r.weighted_mean(ones, weights=torch.tensor(ones)),
        ),
        (ValueError, "weights: expected shape", lambda: r.weighted_mean(ones, weights=ones[:1])),
        (ValueError, "weights: expected shape", lambda: r.weighted_mean(ones, weights=np.ones(3))),
        (TypeError, "mask: expected dtype bool", lambda: r.weighted_mean(ones, mask=ones)),
        (ValueError, "mask: expected shape", lambda: r.weighted_mean(ones, mask=mask[:, :1])),
        (TypeError, "mask: expected dtype bool", lambda: r.token_mean(ones, mask=ones)),
        (TypeError, "mask: expected an array", lambda: r.sequence_mean(ones, mask=[[True]])),
        (
            ValueError,
            r"losses: expected shape \(batch, time\), got \(3,\)",
            lambda: r.token_mean(ones[0], mask=mask[0]),
        ),
        (
            ValueError,
            r"losses: expected shape \(batch, time\), got \(1, 2, 3\)",
            lambda: r.sequence_mean(ones[None], mask=mask[None]),
        ),
        (
            ValueError,
            r"losses: expected shape \(batch, time\), got \(3,\)",
            lambda: r.fixed_length_mean(ones[0], mask=mask[0], length=3),
        ),
        (ValueError, "length: expected", lambda: r.fixed_length_mean(ones, mask=mask, length=0)),
        (TypeError, "length: expected", lambda: r.fixed_length_mean(ones, mask=mask, length="3")),
        (TypeError, "mask: exp", lambda: r.fixed_length_mean(ones, mask=ones, length=3)),
    ):
        with pytest.raises(error, match=f"^{message}"):
            call()


CHECKS = (
    sums_equal_a_loop,
    sequence_means_equal_a_loop,
    micro_batches_add_up_to_the_batch,
    what_is_masked_out_has_no_influence,
    gradient_passes_through_the_selected_only,
    nothing_selected_is_an_error,
    wrong_weights_are_refused,
    half_precision_is_summed_in_float32,
    any_shape_and_library_gives_a_scalar,
    inputs_stay_as_they_were,
    arguments_that_do_not_fit_are_refused,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_reduce(check):
    check(RIGHT)


def _replaced(name, **functions):
    return Mutant(name, SimpleNamespace(**{**vars(RIGHT), **functions}))


def _plain(losses, weights, mask):
    weights = losses * 0 + 1 if weights is None else weights
    mask = (weights == weights) if mask is None else mask
    return weights, mask


def _checked(body):
    """Return `body(losses, weights, mask)` behind the right function's checks."""

    def mutant(losses, *, weights=None, mask=None):
        right = reduce.weighted_mean(losses, weights=weights, mask=mask)
        return body(losses, *_plain(losses, weights, mask)) + 0 * right

    return mutant


def _spoilt_sum(losses, *, weights=None, mask=None):
    total, count = reduce.sum_and_count(losses, weights=weights, mask=mask)
    return total / max(float(count), 1e-9), count


def _multiplied_mask(losses, *, weights=None, mask=None):
    weights, mask = _plain(losses, weights, mask)
    return (losses * weights * mask).sum() / (weights * mask).sum()


def _sum_in_own_dtype(losses, *, weights=None, mask=None):
    reduce.sum_and_count(losses, weights=weights, mask=mask)
    weights, mask = _plain(losses, weights, mask)
    kept = weights[mask]
    return (losses[mask] * kept).sum(), kept.sum()


def _nan_for_nothing(losses, *, weights=None, mask=None):
    total, count = reduce.sum_and_count(losses, weights=weights, mask=mask)
    return total / count


def _mask_in_place(losses, *, weights=None, mask=None):
    mean = reduce.weighted_mean(losses, weights=weights, mask=mask)
    losses += 1.0
    return mean


def _mean_over_first_axis(losses, *, weights=None, mask=None):
    mean = reduce.weighted_mean(losses, weights=weights, mask=mask)
    return mean + 0 * losses[0] if losses.shape else mean


MUTANTS = (
    _replaced("divided by the number", weighted_mean=_checked(lambda x, w, m: (x * w)[m].mean())),
    _replaced(
        "mask on the numerator only",
        weighted_mean=_checked(lambda x, w, m: (x * w)[m].sum() / w.sum()),
    ),
    _replaced(
        "mask on the denominator only",
        weighted_mean=_checked(lambda x, w, m: (x * w).sum() / w[m].sum()),
    ),
    _replaced("weights left out", weighted_mean=_checked(lambda x, w, m: x[m].mean())),
    _replaced("mask multiplied", weighted_mean=_multiplied_mask),
    _replaced("NaN for nothing", weighted_mean=_nan_for_nothing),
    _replaced("sum divided already", sum_and_count=_spoilt_sum),
    _replaced("sum in half precision", sum_and_count=_sum_in_own_dtype),
    _replaced("writes into the losses", weighted_mean=_mask_in_place),
    _replaced("keeps an axis", weighted_mean=_mean_over_first_axis),
    _replaced("sequence mean for token mean", token_mean=reduce.sequence_mean),
    _replaced("token mean for sequence mean", sequence_mean=reduce.token_mean),
    _replaced(
        "fixed length divides by the tokens too",
        fixed_length_mean=lambda losses, mask, length: (
            reduce.token_mean(losses, mask=mask) / length
        ),
    ),
    _replaced(
        "batch forgotten beside the fixed length",
        fixed_length_mean=lambda losses, mask, length: (
            reduce.fixed_length_mean(losses, mask=mask, length=length) * losses.shape[0]
        ),
    ),
    _replaced(
        "padding in the token mean",
        token_mean=lambda losses, mask: (
            reduce.weighted_mean(losses) + 0 * reduce.token_mean(losses, mask=mask)
        ),
    ),
    _replaced(
        "mask ignored by the weights' check",
        weighted_mean=lambda losses, weights=None, mask=None: reduce.weighted_mean(
            losses, weights=weights if weights is None else abs(weights), mask=mask
        ),
    ),
)


def test_mutants_are_rejected(request):
    assert_rejected(request, "reduce", CHECKS, MUTANTS, table="reduce")


LOSSES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@pytest.mark.slow
def test_means_compile_whole():
    losses = torch.as_tensor(_tokens())
    mask, weights = torch.as_tensor(MASK), losses + 0.1
    for function, named in (
        (reduce.sum_and_count, {"weights": weights}),
        (reduce.weighted_mean, {"weights": weights, "mask": mask}),
        (reduce.token_mean, {"mask": mask}),
        (reduce.sequence_mean, {"mask": mask}),
        (reduce.fixed_length_mean, {"mask": mask, "length": 8.0}),
    ):
        torch._dynamo.reset()
        compiled = torch.compile(function, fullgraph=True, backend="eager")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Dynamo's, about array-api-compat's look-ups
            found = compiled(losses, **named)
        torch.testing.assert_close(found, function(losses, **named))


@given(LOSSES, st.floats(1e-3, 1e3))
def test_mean_ignores_the_scale_of_the_weights(values, scale):
    losses = np.asarray(values)
    weights = np.linspace(0.5, 2, len(values))
    np.testing.assert_allclose(
        reduce.weighted_mean(losses, weights=scale * weights),
        reduce.weighted_mean(losses, weights=weights),
        rtol=1e-9,
        atol=1e-9,
    )


@given(LOSSES)
def test_mean_lies_between_the_extremes(values):
    losses = np.asarray(values)
    mean = float(reduce.weighted_mean(losses, weights=np.linspace(0.5, 2, len(values))))
    slack = 1e-9 * (1 + np.abs(losses).max())
    assert losses.min() - slack <= mean <= losses.max() + slack


@given(LOSSES, st.data())
def test_a_whole_weight_counts_as_copies(values, data):
    losses = np.asarray(values)
    copies = data.draw(st.lists(st.integers(0, 4), min_size=len(values), max_size=len(values)))
    if sum(copies) == 0:
        copies[0] = 1
    np.testing.assert_allclose(
        reduce.weighted_mean(losses, weights=np.asarray(copies, float)),
        np.repeat(losses, copies).mean(),
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_missing_target_spoils_the_gradient_unless_it_is_filled_before_the_loss():
    targets = torch.tensor([0.0, math.nan, 0.0])
    there = ~targets.isnan()
    gradients = []
    for filled in (targets, torch.where(there, targets, torch.zeros(()))):
        predictions = torch.tensor([1.0, 1.0, 2.0], requires_grad=True)
        reduce.weighted_mean(squared_error(predictions, filled), mask=there).backward()
        gradients.append(predictions.grad)
    assert gradients[0].isnan().tolist() == [False, True, False]
    assert gradients[1].tolist() == [1.0, 0.0, 2.0]
