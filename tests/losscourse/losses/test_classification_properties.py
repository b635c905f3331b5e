"""Properties of the classification losses, for any logits, labels and hyperparameters."""

import inspect
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from losscourse.catalogue import CATALOGUE
from losscourse.losses import classification
from tests.losscourse.losses.cases.classification import CASES, CLASSES

LOGIT = st.floats(-20, 20)
ROW = st.lists(LOGIT, min_size=CLASSES, max_size=CLASSES)
LABEL = st.integers(0, CLASSES - 1)
ORDER = st.permutations(range(CLASSES))
SIGN = st.sampled_from([-1.0, 1.0])
SHARE = st.floats(0.01, 1)
FEW = st.lists(st.integers(1, 10**6), min_size=2, max_size=6)
OF_LABELS = [case for case in CASES if case.arrays[:2] == ["logits", "labels"]]
OF_SIGNS = [case for case in CASES if case.arrays == ["logits", "signs"]]
CONVEX = [case for case in OF_LABELS if CATALOGUE[case.name].convex]
PRIORS = np.log([0.6, 0.25, 0.1, 0.05])


def each(cases):
    """Run a test for each case."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def out(function, row, label, others=PRIORS, **setting):
    """Return what a function gives for one row of logits, with log-priors if it takes them."""
    arrays = [np.asarray([row], float), np.asarray([label])]
    takes_priors = "log_priors" in inspect.signature(function).parameters
    return function(*arrays, *([others] if takes_priors else []), **setting)[0]


def close(values, rel=1e-9, tolerance=1e-9):
    """Return what to compare with, up to rounding."""
    return pytest.approx(values, rel=rel, abs=tolerance)


def probs_of(row):
    """Return the softmax of a row, as a batch of one."""
    weights = np.exp(np.asarray([row], float) - max(row))
    return weights / weights.sum()


def hit(row, label):
    """Return the label's probability."""
    return probs_of(row)[0, label]


@each(OF_LABELS)
@given(row=ROW, label=LABEL, shift=st.floats(-100, 100))
def test_only_differences_of_logits_count(case, row, label, shift):
    for setting in case.settings:
        shifted = out(case.loss, np.asarray(row) + shift, label, **setting)
        assert shifted == close(out(case.loss, row, label, **setting))
        assert out(case.gradient, row, label, **setting).sum() == close(0)


@each(OF_LABELS)
@given(row=ROW, label=LABEL, order=ORDER)
def test_the_names_of_the_classes_do_not_count(case, row, label, order):
    moved, place = np.asarray(row)[order], order.index(label)
    for setting in case.settings:
        others = {"others": PRIORS[order], **setting}
        assert out(case.loss, moved, place, **others) == close(
            out(case.loss, row, label, **setting)
        )
        assert out(case.gradient, moved, place, **others) == close(
            out(case.gradient, row, label, **setting)[order]
        )


@each(OF_LABELS)
@given(row=ROW, label=LABEL, raised=st.floats(0, 20))
def test_raising_the_labels_logit_never_costs(case, row, label, raised):
    higher = np.asarray(row) + raised * np.eye(CLASSES)[label]
    for setting in case.settings:
        lower = out(case.loss, row, label, **setting)
        assert -1e-9 <= out(case.loss, higher, label, **setting) <= lower * (1 + 1e-9) + 1e-9


@each(CONVEX)
@given(row=ROW, other=ROW, label=LABEL)
def test_a_convex_loss_lies_above_its_tangents(case, row, other, label):
    for setting in case.settings:
        step = np.asarray(other) - row
        tangent = out(case.loss, row, label, **setting)
        tangent += step @ out(case.gradient, row, label, **setting)
        assert tangent <= out(case.loss, other, label, **setting) + 1e-9


@given(row=ROW, other=ROW)
def test_brier_is_strictly_proper(row, other):
    """A forecast costs its squared distance from the truth more than the truth itself."""
    forecast, truth = (np.tile(probs_of(r), (CLASSES, 1)) for r in (row, other))
    labels = np.arange(CLASSES)
    regret = classification.brier(forecast, labels) - classification.brier(truth, labels)
    assert truth[0] @ regret == close(((forecast[0] - truth[0]) ** 2).sum())


@given(row=ROW, label=LABEL)
def test_brier_lies_between_the_binary_score_and_its_double(row, label):
    binary = (1 - hit(row, label)) ** 2
    score = out(classification.softmax_brier, row, label)
    assert binary - 1e-12 <= score <= 2 * binary + 1e-12


@given(row=ROW, label=LABEL, q=SHARE, larger=SHARE)
def test_generalised_cross_entropy_falls_with_q_from_surprise_to_miss(row, label, q, larger):
    q, larger = sorted((q, larger))
    loss = classification.softmax_generalised_cross_entropy
    surprise = out(classification.softmax_cross_entropy_with_integer_labels, row, label)
    ends = [1 - hit(row, label), *(out(loss, row, label, q=x) for x in (larger, q)), surprise]
    assert all(low <= high * (1 + 1e-9) + 1e-12 for low, high in itertools.pairwise(ends))
    assert ends[2] <= 1 / q


@given(row=ROW, label=LABEL, epsilon=st.floats(-1, 10))
def test_poly1_moves_by_epsilon_times_the_miss(row, label, epsilon):
    loss = classification.softmax_poly1
    moved = out(loss, row, label, epsilon=epsilon) - out(loss, row, label, epsilon=-1.0)
    assert moved == close((epsilon + 1) * (1 - hit(row, label)))


@given(row=ROW, shift=LOGIT)
def test_z_loss_grows_with_the_square_of_a_shift(row, shift):
    log_z = np.log(np.exp(np.asarray(row)).sum())
    shifted = classification.z_loss(np.asarray([row]) + shift)[0]
    assert shifted == close((log_z + shift) ** 2)


@given(student=ROW, teacher=ROW, temperature=st.floats(0.2, 20), shift=LOGIT)
def test_distillation_is_a_divergence(student, teacher, temperature, shift):
    s, t = np.asarray([student]), np.asarray([teacher])
    loss, slope = classification.distillation, classification.distillation_grad
    setting = {"temperature": temperature}
    rounding = 1e-12 * temperature**2
    assert loss(s, t, **setting)[0] >= -rounding
    assert loss(t + shift, t, **setting)[0] == close(0, tolerance=rounding)
    assert loss(s + shift, t - shift, **setting) == close(loss(s, t, **setting))
    tangent = loss(s, t, **setting)[0] + (slope(s, t, **setting) * (t - s)).sum()
    assert tangent <= rounding


@given(student=ROW, teacher=ROW)
def test_distillation_at_a_high_temperature_compares_the_logits(student, teacher):
    s, t = (np.asarray([z]) - np.mean(z) for z in (student, teacher))
    loss = classification.distillation(s, t, temperature=1e4)[0]
    assert loss == close(((s - t) ** 2).sum() / (2 * CLASSES), rel=1e-2, tolerance=1e-6)


@given(row=ROW, label=LABEL, tau=st.floats(0, 3), shift=st.floats(0, 5))
def test_logit_adjustment_needs_the_priors_up_to_a_factor(row, label, tau, shift):
    loss = classification.logit_adjusted_cross_entropy
    lowered = out(loss, row, label, others=PRIORS - shift, tau=tau)
    assert lowered == close(out(loss, row, label, tau=tau))


@each(OF_SIGNS)
@given(z=LOGIT, other=LOGIT, sign=SIGN)
def test_a_surrogate_bounds_the_count_of_mistakes(case, z, other, sign):
    """And is convex, falls with the margin, and treats both signs alike."""

    def at(function, logit, s=sign):
        return function(np.asarray([logit]), np.asarray([s]))[0]

    assert at(case.loss, z) >= (sign * z <= 0)
    assert at(case.loss, z) == at(case.loss, -z, -sign)
    assert sign * at(case.gradient, z) <= 0
    tangent = at(case.loss, z) + at(case.gradient, z) * (other - z)
    assert tangent <= at(case.loss, other) * (1 + 1e-9) + 1e-9


@given(counts=FEW, factor=st.integers(1, 100), beta=st.floats(0, 0.999999))
def test_class_weights_favour_the_rare(counts, factor, beta):
    """Never above the ratio of the counts; the inverse frequencies are blind to their scale."""
    counts = np.asarray(counts, float)
    inverse = classification.inverse_frequency_weights(counts)
    assert classification.inverse_frequency_weights(factor * counts) == close(inverse)
    effective = classification.effective_number_weights(counts, beta=beta)
    rare, frequent = np.argmin(counts), np.argmax(counts)
    ratio = effective[rare] / effective[frequent]
    assert 1 - 1e-9 <= ratio <= inverse[rare] / inverse[frequent] * (1 + 1e-9)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Dynamo detected a call to a `functools")
@pytest.mark.parametrize(
    "loss", [classification.sigmoid_focal, classification.softmax_focal], ids=lambda f: f.__name__
)
def test_a_compiled_focal_loss_takes_another_gamma(loss):
    """torch.compile makes a symbol of a gamma that changes, which not every function may see."""
    torch._dynamo.reset()
    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    whole = loss is classification.softmax_focal
    logits = torch.linspace(-2, 2, 6, dtype=torch.float64).reshape((3, 2) if whole else (6,))
    targets = torch.asarray([0, 1, 1]) if whole else torch.linspace(0, 1, 6, dtype=torch.float64)
    for gamma in (2.0, 0.5, 3.0):
        expected = loss(logits, targets, gamma=gamma)
        torch.testing.assert_close(compiled(logits, targets, gamma=gamma), expected)


def test_rows_without_a_class_are_refused():
    rows = np.zeros((2, 0))
    with pytest.raises(ValueError, match=r"^logits: expected at least one class, got \(2, 0\)"):
        classification.z_loss(rows)
    with pytest.raises(ValueError, match=r"^student_logits: expected at least one class, got"):
        classification.distillation_grad(rows, rows)
