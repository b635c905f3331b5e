import pytest
import torch

from losscourse.reduce import sequence_mean, sum_and_count, token_mean, weighted_mean


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
