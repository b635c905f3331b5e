import math

import mpmath
import numpy as np
import pytest
import torch

from losscourse.losses.preference import (
    bradley_terry,
    bradley_terry_grad,
    dpo,
    dpo_grad,
    group_relative_advantages,
    grpo,
    grpo_grad,
    ipo,
    ipo_grad,
    kto,
    orpo,
)
from tests.losscourse.pitfalls.gradients import autograd


@pytest.mark.parametrize("gap", [-100.0, -90.0, -80.0])
def test_a_reward_far_on_the_wrong_side_has_a_finite_loss(gap):
    """deepspeedai/DeepSpeedExamples#501: -log sigmoid(-90) was infinite in float32."""
    chosen, rejected = torch.tensor([gap]), torch.zeros(1)
    assert bradley_terry(chosen, rejected).tolist() == [-gap]
    assert autograd(bradley_terry, chosen, rejected).tolist() == [-1.0]
    assert bradley_terry_grad(chosen, rejected)[0].tolist() == [-1.0]


def test_dpo_far_on_the_wrong_side_keeps_its_gradient():
    """thinking-machines-lab/tinker-cookbook#188: log(sigmoid) underflows, and its slope is NaN."""
    arrays = [torch.tensor([x]) for x in (-1500.0, 0.0, 0.0, 0.0)]
    assert dpo(*arrays, beta=0.1).tolist() == [150.0]
    assert autograd(dpo, *arrays, beta=0.1).tolist() == [pytest.approx(-0.1)]
    naive = autograd(lambda gap: -torch.log(torch.sigmoid(0.1 * gap)), arrays[0])
    assert not torch.isfinite(naive).any()


def test_each_loss_of_a_pair_is_its_own():
    """modelscope/ms-swift#10167: whatever was asked for, the loss and gradient were DPO's."""
    arrays = [np.asarray([x]) for x in (6.0, 0.0, 0.0, 0.0)]
    for loss, gradient, setting, value, slope in (
        (dpo, dpo_grad, {"beta": 0.1}, 0.437488, -0.035434),
        (ipo, ipo_grad, {"tau": 0.1}, 1.0, 2.0),
    ):
        assert float(loss(*arrays, **setting)[0]) == pytest.approx(value, abs=1e-6)
        assert float(gradient(*arrays, **setting)[0][0]) == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("log_prob", [-1e-6, -1e-3, -1.0, -50.0])
def test_log_odds_near_certainty_are_exact(log_prob):
    """hpcaitech/ColossalAI#6407, huggingface/trl#1491: 1.0001 in place of 1 biased them."""
    with mpmath.workdps(40):
        odds = [x - mpmath.log(1 - mpmath.exp(x)) for x in (mpmath.mpf(log_prob), mpmath.mpf(-1))]
        exact = 2 * mpmath.log(1 + mpmath.exp(odds[1] - odds[0])) - log_prob
    loss = orpo(np.asarray([log_prob]), np.asarray([-1.0]), weight=2.0)
    assert float(loss[0]) == pytest.approx(float(exact), rel=1e-12)


def test_a_negative_estimate_of_a_divergence_is_an_error():
    """PKU-Alignment/align-anything#216: each estimate is cut off at 0 before it is averaged."""
    arrays = [np.asarray([x]) for x in (-1.0, -1.0, 1.0)]
    with pytest.raises(ValueError, match=r"^divergences: expected values in \[0, ∞\), got -0.1$"):
        kto(*arrays, np.asarray([-0.1]))


@pytest.mark.parametrize("reward", [0.1, 0.35, 1e30])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_equal_rewards_have_no_advantage(reward, size):
    """axolotl-ai-cloud/axolotl#3353, NVIDIA-NeMo/RL#4161.

    One answer has no spread, and rounding leaves equal ones a tiny one to divide by.
    """
    rewards = np.full((1, size), reward, dtype=np.float32)
    assert not group_relative_advantages(rewards).any()


def test_each_group_is_compared_with_itself():
    """XU-YIJIE/grpo-flat#2: mean and spread were those of the batch."""
    rewards = np.asarray([[0.0, 2.0], [10.0, 30.0]])
    assert group_relative_advantages(rewards).tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


@pytest.mark.parametrize("gap", [100.0, 500.0])
def test_a_penalty_that_overflows_is_infinite_and_without_weight_is_none(gap):
    """huggingface/trl#6549, OpenRLHF/OpenRLHF#1335: 0 · inf in the loss or in its gradient."""
    arrays = [torch.tensor([x]) for x in (-gap, -gap, 0.0, 0.5)]
    assert grpo(*arrays, beta=0.04).tolist() == [math.inf]
    assert grpo_grad(*arrays, beta=0.04).tolist() == [-math.inf]
    assert grpo(*arrays, beta=0.0).tolist() == [-0.5]
    assert grpo_grad(*arrays, beta=0.0).tolist() == [-0.5]
    assert autograd(grpo, *arrays, beta=0.0).tolist() == [-0.5]
