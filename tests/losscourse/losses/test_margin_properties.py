"""Properties of the margin losses, for any logits, signs and labels."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losscourse.losses import margin
from tests.losscourse.losses.cases.classification import CLASSES
from tests.losscourse.losses.cases.margin import CASES

LOGIT = st.integers(-80, 80).map(lambda k: k / 8)
ROW = st.lists(LOGIT, min_size=CLASSES, max_size=CLASSES)
SIGN = st.sampled_from([-1.0, 1.0])
SIGNS = st.lists(SIGN, min_size=CLASSES, max_size=CLASSES)
LABEL = st.integers(0, CLASSES - 1)
ORDER = st.permutations(range(CLASSES))
OF_LABELS = [case for case in CASES if case.arrays == ["logits", "labels"]]
OF_ONE_SIGN = [
    case
    for case in CASES
    if case.arrays == ["logits", "signs"] and case.loss is not margin.multilabel_hinge
]


def each(cases):
    """Run a test for each case."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def out(function, *arguments, **setting):
    """Return what a function gives for one example."""
    return function(*(np.asarray([argument]) for argument in arguments), **setting)[0]


@each(OF_ONE_SIGN)
@given(z=LOGIT, other=LOGIT, sign=SIGN)
def test_falls_with_the_margin_and_lies_above_its_tangents(case, z, other, sign):
    for setting in case.settings:
        value, slope = (out(f, z, sign, **setting) for f in (case.loss, case.gradient))
        assert value == out(case.loss, -z, -sign, **setting) >= 0
        assert sign * slope <= 0
        tangent = value + slope * (other - z)
        assert tangent <= out(case.loss, other, sign, **setting) + 1e-9 * (1 + value)


@each(OF_LABELS)
@given(row=ROW, other=ROW, label=LABEL, order=ORDER, shift=LOGIT)
def test_differences_count_names_do_not_and_tangents_lie_below(
    case, row, other, label, order, shift
):
    value, slope = (out(f, row, label) for f in (case.loss, case.gradient))
    moved = np.asarray(row)[order] + shift
    assert out(case.loss, moved, order.index(label)) == pytest.approx(value, abs=1e-12)
    assert out(case.gradient, moved, order.index(label)) == pytest.approx(slope[order])
    assert value + slope @ (np.asarray(other) - row) <= out(case.loss, other, label) + 1e-9


@given(row=ROW, other=ROW, signs=SIGNS, order=ORDER, shift=LOGIT)
def test_multilabel_hinge_bounds_the_pairs_in_the_wrong_order(row, other, signs, order, shift):
    """And differences count, names do not, and tangents lie below."""
    loss, gradient = margin.multilabel_hinge, margin.multilabel_hinge_grad
    value, slope = (out(f, row, signs) for f in (loss, gradient))
    pairs = [
        (z, x)
        for z, s in zip(row, signs, strict=True)
        for x, t in zip(row, signs, strict=True)
        if s > t
    ]
    assert value >= sum(z <= x for z, x in pairs)
    assert (value == 0) == all(z >= x + 1 for z, x in pairs)
    moved = np.asarray(row)[order] + shift, np.asarray(signs)[order]
    assert out(loss, *moved) == pytest.approx(value)
    assert out(gradient, *moved) == pytest.approx(slope[order])
    assert value + slope @ (np.asarray(other) - row) <= out(loss, other, signs) + 1e-9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools")
def test_a_compiled_smooth_hinge_takes_another_gamma():
    """torch.compile makes a symbol of a gamma that changes, which not every function may see."""
    torch._dynamo.reset()
    compiled = torch.compile(margin.smooth_hinge, fullgraph=True, backend="eager")
    logits = torch.linspace(-2, 2, 6, dtype=torch.float64)
    for gamma in (1.0, 0.5, 2.0):
        expected = margin.smooth_hinge(logits, torch.ones_like(logits), gamma=gamma)
        found = compiled(logits, torch.ones_like(logits), gamma=gamma)
        torch.testing.assert_close(found, expected)
