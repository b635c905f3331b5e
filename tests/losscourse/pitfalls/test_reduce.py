import math

import numpy as np
import pytest
import torch

from losscourse.reduce import (
    fixed_length_mean,
    sequence_mean,
    sum_and_count,
    token_mean,
    weighted_mean,
)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_hundred_thousand_losses_of_half_precision_have_a_mean(dtype):
    """pytorch/pytorch#166232: the sum overflows float16, and stands still in bfloat16."""
    losses = torch.ones(1, 100_000, dtype=dtype)
    mask = torch.ones(1, 100_000, dtype=torch.bool)
    for mean in (weighted_mean, token_mean, sequence_mean):
        assert mean(losses, mask=mask).item() == 1.0
    total, count = sum_and_count(losses)
    assert total.item() == count.item() == 100_000
    stuck = torch.tensor(2048.0 if dtype == torch.float16 else 256.0, dtype=dtype)
    assert stuck + 1 == stuck


def test_a_fixed_length_does_not_favour_short_wrong_answers():
    """huggingface/trl#3138: by its own length, a token of a long answer weighs less."""
    losses = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    mask = losses > 0
    slopes = []
    for mean in (fixed_length_mean, sequence_mean, token_mean):
        leaf = losses.clone().requires_grad_()
        mean(leaf, mask=mask, **({"length": 4} if mean is fixed_length_mean else {})).backward()
        slopes.append(leaf.grad[mask])
    np.testing.assert_allclose(slopes[0], 1 / 8)
    np.testing.assert_allclose(slopes[1], [1 / 2, *[1 / 8] * 4])
    np.testing.assert_allclose(slopes[2], 1 / 5)


@pytest.mark.parametrize("mean", [weighted_mean, token_mean, sequence_mean])
def test_what_a_mask_leaves_out_has_no_say_and_what_it_keeps_has(mean):
    """ecmwf/WeatherGenerator#2723, chemprop/chemprop#960: times 0, NaN is NaN."""
    losses = torch.tensor([[1.0, math.nan], [2.0, 3.0]], requires_grad=True)
    mask = torch.tensor([[True, False], [True, True]])
    assert torch.isnan((losses * mask).sum())
    value = mean(losses, mask=mask)
    assert value.item() == pytest.approx(1.75 if mean is sequence_mean else 2.0)
    value.backward()
    assert losses.grad[0, 1] == 0
    assert losses.grad.sum().item() == pytest.approx(1.0)
    assert torch.isnan(mean(losses, mask=torch.ones_like(mask)))


def test_a_batch_that_is_masked_throughout_is_an_error_and_adds_nothing():
    """NVIDIA-NeMo/Automodel#3796, EleutherAI/bergson#461: 0/0 destroyed the model."""
    losses, mask = np.asarray([[3.0, 5.0]]), np.asarray([[False, False]])
    for mean in (weighted_mean, token_mean, sequence_mean):
        with pytest.raises(ValueError, match=r"^losses: expected a total weight above 0, got 0.0$"):
            mean(losses, mask=mask)
    assert sum_and_count(losses, mask=mask) == (0.0, 0.0)
