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
