import math

import numpy as np
import pytest
import torch

from losscourse.losses.policy import (
    entropy,
    entropy_grad,
    ppo_clip,
    ppo_clip_grad,
    ppo_kl,
    soft_targets,
)
from tests.losscourse.pitfalls.gradients import autograd


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_ratio_that_overflows_does_not_turn_the_loss_into_nan(dtype):
    """radixark/miles#1363: inf · 0 where the advantage is 0."""
    log_probs, old = torch.zeros(2, dtype=dtype), torch.full((2,), -1000.0, dtype=dtype)
    advantages = torch.tensor([0.0, 2.0], dtype=dtype)
    losses = ppo_clip(log_probs, old, advantages, clip=0.25)
    torch.testing.assert_close(losses, torch.tensor([0.0, -2.5], dtype=dtype))
    assert not autograd(ppo_clip, log_probs, old, advantages, clip=0.25).any()
    assert not ppo_clip_grad(log_probs, old, advantages, clip=0.25).any()

    def naive(log_probs, old, advantages):
        ratio = torch.exp(log_probs - old)
        return -torch.minimum(ratio * advantages, ratio.clip(0.75, 1.25) * advantages)

    assert torch.isnan(naive(log_probs, old, advantages)[0])
    assert torch.isnan(autograd(naive, log_probs, old, advantages)).all()


def test_a_divergence_that_is_infinite_costs_nothing_without_weight():
    """radixark/miles#1363, for the penalty: 0 · inf where the policy rules an action out."""
    logits, old = torch.tensor([[0.0, -math.inf]]), torch.tensor([[-1000.0, 0.0]])
    others = old, torch.tensor([0]), torch.tensor([0.0])
    assert ppo_kl(logits, *others, beta=0.0).tolist() == [0.0]
    assert ppo_kl(logits, *others, beta=0.1).tolist() == [math.inf]
    assert autograd(ppo_kl, logits, *others, beta=0.0).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss"),
    [(1.5, 1.0, -1.2), (0.5, 1.0, -0.5), (1.5, -1.0, 1.5), (0.5, -1.0, 0.8)],
)
def test_ppo_multiplies_by_the_advantage_before_it_takes_the_minimum(ratio, advantage, loss):
    """takuseno/ppo#3, tensorforce/tensorforce#106, ray-project/ray#37334."""
    arrays = (np.asarray([x]) for x in (math.log(ratio), 0.0, advantage))
    assert float(ppo_clip(*arrays, clip=0.2)[0]) == pytest.approx(loss, rel=1e-14)


def test_the_entropy_of_masked_actions_is_that_of_the_others():
    """pytorch/pytorch#40553, huggingface/trl#7221: 0 · -inf."""
    logits = torch.tensor([[0.0, 0.0, -math.inf]])
    assert entropy(logits).tolist() == [pytest.approx(math.log(2))]
    assert not autograd(entropy, logits).any()
    assert not entropy_grad(logits).any()
    half = torch.tensor([[65504.0, -65504.0]], dtype=torch.float16)
    assert entropy(half).tolist() == [0.0]
    naive = -(half.softmax(-1) * half.log_softmax(-1)).sum(-1)
    assert torch.isnan(naive).all()


def test_the_next_entropy_is_discounted_too():
    """DLR-RM/stable-baselines3#76, rail-berkeley/serl#93: it counted even after the end."""
    names = ("rewards", "next_q_values", "twin_next_q_values", "next_log_probs", "discounts")
    rows = ([1.0, 1.0], [5.0, 5.0], [4.0, 4.0], [-2.0, -2.0], [0.0, 0.5])
    arrays = dict(zip(names, map(np.asarray, rows), strict=True))
    assert soft_targets(**arrays, alpha=0.5).tolist() == [1.0, 1.0 + 0.5 * (4.0 + 0.5 * 2.0)]
