"""Preference losses: what shifts, swaps and scales do to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscourse.losses import preference

LOG_PROBS = st.floats(-50, -0.01)
FOUR = st.tuples(LOG_PROBS, LOG_PROBS, LOG_PROBS, LOG_PROBS)
BETA = st.floats(0.01, 10)


def one(*values):
    return [np.asarray([value]) for value in values]


@given(FOUR, BETA, st.floats(-20, 20))
def test_dpo_counts_the_policy_relative_to_its_reference_alone(four, beta, shift):
    c, d, rc, rd = four
    moved = preference.dpo(*one(c + shift, d, rc + shift, rd), beta=beta)
    np.testing.assert_allclose(moved, preference.dpo(*one(*four), beta=beta), rtol=1e-6, atol=1e-12)


@given(FOUR, BETA)
def test_dpo_gives_both_orders_probabilities_that_sum_to_1(four, beta):
    c, d, rc, rd = four
    both = [preference.dpo(*one(*a), beta=beta) for a in ((c, d, rc, rd), (d, c, rd, rc))]
    assert sum(float(np.exp(-loss[0])) for loss in both) == pytest.approx(1)


@given(FOUR, st.floats(0.05, 10), st.floats(0.1, 20))
def test_ipo_stops_where_dpo_goes_on(four, tau, beyond):
    """Past the goal, a wider gap costs IPO more, and DPO less."""
    _, d, rc, rd = four
    goal = d - rd + rc + 1 / (2 * tau)
    near, far = (one(goal + step, d, rc, rd) for step in (beyond, 2 * beyond))
    assert preference.ipo(*far, tau=tau) > preference.ipo(*near, tau=tau)
    assert preference.dpo(*far) < preference.dpo(*near)


@given(st.tuples(LOG_PROBS, LOG_PROBS), st.sampled_from([-1.0, 1.0]), BETA, st.floats(0, 5))
def test_kto_is_bounded_and_falls_with_the_signed_log_ratio(two, sign, beta, divergence):
    p, q = two
    here, there = (
        preference.kto(*one(p + step, q, sign, divergence), beta=beta)[0] for step in (0.0, sign)
    )
    assert 0 <= there <= here <= 1


@given(st.tuples(LOG_PROBS, LOG_PROBS), st.floats(0.01, 5))
def test_orpo_pulls_the_chosen_up_and_the_rejected_down(two, weight):
    chosen, rejected = preference.orpo_grad(*one(*two), weight=weight)
    assert chosen[0] <= -1
    assert rejected[0] >= 0
    assert preference.orpo(*one(*two), weight=weight)[0] >= -two[0]


@given(st.tuples(LOG_PROBS, LOG_PROBS, LOG_PROBS), st.floats(0.01, 2))
def test_the_divergence_of_grpo_is_never_negative(three, beta):
    p, old, q = three
    free = preference.grpo(*one(p, old, q, 1.0), beta=0.0)
    assert preference.grpo(*one(p, old, q, 1.0), beta=beta)[0] >= free[0]


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=2, max_size=8))
def test_relative_advantages_are_standardised_or_0(rewards):
    found = preference.group_relative_advantages(np.asarray(rewards))
    assert abs(found.mean()) < 1e-12
    assert np.mean(found**2) == pytest.approx(float(len(set(rewards)) > 1))
