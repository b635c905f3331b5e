"""weighting: each function against its definition, with wrong versions as mutants."""

import math
from itertools import permutations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from losscourse import weighting
from losscourse.losses.regression import cauchy, squared_error
from losscourse.weighting import Weighting
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.helper import Helper
from tests.losscourse.mutants import Mutant, assert_rejected

LOSSES = np.asarray([2.0, 1.0, 0.5])
LATER = np.asarray([1.0, 0.9, 0.6])
GRADIENTS = np.asarray([[3.0, 0.0, 4.0], [-1.0, 2.0, -2.0], [0.5, -0.5, -0.1]])


def close(left, right, rtol=1e-12):
    np.testing.assert_allclose(read(left), read(right), rtol=rtol, atol=1e-14)


def refused(error, message, function, *arguments, **named):
    with pytest.raises(error, match=f"^{message}"):
        function(*arguments, **named)


def run(method, *epochs):
    """Return the weights of each update; an epoch holds the losses, and what else it takes."""
    state, found = method.init(epochs[0][0]), []
    for losses, *more in epochs:
        weights, state = method.update(losses, state, *more)
        found.append(weights)
    return found


def altered(make_method, change):
    """Return a method whose weights are changed."""

    def make_altered(*arguments, **named):
        init, update = make_method(*arguments, **named)

        def changed(losses, state, *more):
            weights, state = update(losses, state, *more)
            return change(weights, losses, state), state

        return Weighting(init, changed)

    return make_altered


# Fixed weights.


def weights_are_those_given(fixed_weights):
    for library, dtype in FORMATS:
        losses = make(library, dtype, LOSSES)
        init, update = fixed_weights([1, 0.5, np.float64(0.25)])
        weights, state = update(losses, init(losses))
        assert state is None
        assert type(weights) is type(losses)
        assert dtype_name(weights) == dtype
        assert read(weights).tolist() == [1.0, 0.5, 0.25]


def other_losses_are_refused(fixed_weights):
    refused(ValueError, "weights: expected a number", fixed_weights, [1.0, -1.0])
    refused(TypeError, "weights: expected a real number", fixed_weights, ["1"])
    refused(TypeError, "weights: expected a sequence of numbers, got float", fixed_weights, 0.5)
    init, update = fixed_weights([1.0, 2.0])
    refused(ValueError, r"losses: expected shape \(2,\), got \(3,\)", update, LOSSES, init(LOSSES))
    refused(ValueError, r"losses: expected shape \(K,\)", update, LOSSES[None], None)
    refused(TypeError, "losses: expected an array", update, [1.0, 2.0], None)


FIXED_WEIGHTS = Helper(
    function=weighting.fixed_weights,
    checks=(weights_are_those_given, other_losses_are_refused),
    mutants={
        "normalised": altered(weighting.fixed_weights, lambda w, losses, state: w / w.sum()),
        "all alike": altered(weighting.fixed_weights, lambda w, losses, state: 0 * w + 1),
        "in float64": altered(weighting.fixed_weights, lambda w, losses, state: read(w)),
        "unchecked": lambda weights: Weighting(
            lambda losses: None, lambda losses, state: (0 * losses + losses.dtype.type(1), state)
        ),
    },
)

# Dynamic weight average.


def weights_follow_the_papers_formula(average):
    for temperature in (0.5, 2.0):
        first, second = run(average(temperature=temperature), (LOSSES,), (LATER,))
        assert first.tolist() == [1.0] * 3
        scores = [math.exp(new / old / temperature) for new, old in zip(LATER, LOSSES, strict=True)]
        close(second, [3 * score / sum(scores) for score in scores])
    close(
        run(average(), (LOSSES,), (LATER,))[1], run(average(temperature=2), (LOSSES,), (LATER,))[1]
    )


def each_update_looks_one_epoch_back(average):
    *_, third = run(average(), (LOSSES,), (LATER,), (LATER,))
    close(third, np.ones(3))


def a_sudden_rise_does_not_overflow(average):
    second = run(average(temperature=1e-3), (LOSSES,), (LOSSES * [1, 1e6, 1],))[1]
    assert second.tolist() == [0.0, 3.0, 0.0]


def averages_keep_dtype_and_drop_the_graph(average):
    for library, dtype in FORMATS:
        new, old = make(library, dtype, LATER), make(library, dtype, LOSSES)
        first, second = run(average(), (old,), (new,))
        assert {dtype_name(first), dtype_name(second)} == {dtype}
        close(second, 3 * _softmax(LATER / LOSSES / 2), rtol=2 * PRECISION[dtype].rtol)
    losses = torch.tensor(LOSSES, requires_grad=True)
    assert not any(w.requires_grad for w in run(average(), (losses,), (2 * losses,)))


def losses_that_cannot_be_compared_are_refused(average):
    refused(ValueError, "temperature: expected a number", average, temperature=0)
    init, update = average()
    refused(ValueError, r"losses: expected values in \(0, ∞\), got 0.0", update, 0 * LOSSES, None)
    refused(ValueError, r"losses: expected shape \(3,\), as state", update, LOSSES[:2], LOSSES)
    refused(TypeError, "losses: expected an array", update, [1.0], init(LOSSES))


def _average(body):
    """Return an average whose update is `body(losses, state, temperature)` from the second on."""

    def average(*, temperature=2.0):
        init, update = weighting.dynamic_weight_average(temperature=temperature)

        def changed(losses, state):
            weights, new = update(losses, state)
            return (weights, new) if state is None else body(losses, state, temperature, new)

        return Weighting(init, changed)

    return average


def _softmax(x):
    e = np.exp(read(x) - read(x).max())
    return e / e.sum()


DYNAMIC_WEIGHT_AVERAGE = Helper(
    function=weighting.dynamic_weight_average,
    checks=(
        weights_follow_the_papers_formula,
        each_update_looks_one_epoch_back,
        a_sudden_rise_does_not_overflow,
        averages_keep_dtype_and_drop_the_graph,
        losses_that_cannot_be_compared_are_refused,
    ),
    mutants={
        "old over new": _average(lambda new, old, t, state: (3 * _softmax(old / new / t), state)),
        "sum 1": _average(lambda new, old, t, state: (_softmax(new / old / t), state)),
        "temperature multiplies": _average(
            lambda new, old, t, state: (3 * _softmax(new / old * t), state)
        ),
        "difference for ratio": _average(
            lambda new, old, t, state: (3 * _softmax((new - old) / t), state)
        ),
        "over the first losses": _average(
            lambda new, old, t, state: (3 * _softmax(new / old / t), old)
        ),
        "exp overflows": _average(
            lambda new, old, t, state: (
                3 * np.exp(new / old / t) / np.exp(new / old / t).sum(),
                state,
            )
        ),
        "graph kept": altered(
            weighting.dynamic_weight_average,
            lambda w, losses, state: w + 0 * losses,
        ),
        "unchecked": lambda *, temperature=2.0: Weighting(
            lambda losses: None,
            lambda losses, state: (
                0 * losses + 1 if state is None else 3 * _softmax(losses / state / temperature),
                losses,
            ),
        ),
    },
)

# GradNorm.


def steps_are_autograds(gradnorm):
    """The gradient of the sum of distances by the weights, their targets held constant."""
    rng = np.random.default_rng(0)
    weights = np.ones(3)
    method = gradnorm(0.01, alpha=0.7)
    state = method.init(LOSSES)
    for _ in range(5):
        losses, gradients = rng.uniform(0.5, 2, size=3), rng.normal(size=(3, 4))
        w = torch.tensor(weights, requires_grad=True)
        pulls = torch.linalg.vector_norm(w[:, None] * torch.tensor(gradients), dim=1)
        rates = torch.tensor(losses / LOSSES)
        targets = (pulls.mean() * (rates / rates.mean()) ** 0.7).detach()
        F.l1_loss(pulls, targets, reduction="sum").backward()
        moved = (w - 0.01 * w.grad).detach().numpy()
        weights = 3 * moved / moved.sum()
        ours, state = method.update(losses, state, gradients)
        close(ours, weights)


def pulls_meet_at_alpha_0(gradnorm):
    norms = np.linalg.norm(GRADIENTS, axis=1)
    weights = run(gradnorm(2e-3, alpha=0.0), *[(LOSSES, GRADIENTS)] * 800)[-1]
    close(weights, 3 / norms / (1 / norms).sum(), rtol=0.04)


def slow_tasks_pull_more(gradnorm):
    same = np.asarray([[1.0, 0.0], [0.0, 1.0]])
    epochs = [(np.ones(2), same), (np.asarray([0.2, 0.8]), same)]
    for named in ({}, {"alpha": 1.0}):
        weights = run(gradnorm(0.05, **named), *epochs)[1]
        assert weights[1] > 1 > weights[0]


def gradnorm_keeps_dtype_and_drops_the_graph(gradnorm):
    for library, dtype in FORMATS:
        losses, gradients = (make(library, dtype, a) for a in (LOSSES, 300 * GRADIENTS))
        weights = run(gradnorm(1e-5), (losses, gradients))[0]
        assert dtype_name(weights) == dtype
        close(read(weights).sum(), 3.0, rtol=8 * PRECISION[dtype].rtol)
    losses = torch.tensor(LOSSES, requires_grad=True)
    gradients = torch.tensor(GRADIENTS, requires_grad=True)
    first, second = run(gradnorm(0.01), (losses, gradients), (losses, gradients))
    assert not first.requires_grad
    assert not second.requires_grad


def a_task_without_gradient_stays_finite(gradnorm):
    weights = run(gradnorm(0.1), (LOSSES, np.asarray([[1.0], [0.0], [2.0]])))[0]
    assert np.isfinite(weights).all()


def what_gradnorm_cannot_balance_is_refused(gradnorm):
    refused(ValueError, "learning_rate: expected", gradnorm, 0.0)
    refused(ValueError, "alpha: expected", gradnorm, 0.1, alpha=-1)
    init, update = gradnorm(0.1)
    state = init(LOSSES)
    refused(ValueError, "losses: expected values", init, -LOSSES)
    refused(ValueError, "losses: expected values", update, -LOSSES, state, GRADIENTS)
    refused(ValueError, "gradients: expected shape", update, LOSSES, state, GRADIENTS[:2])
    refused(ValueError, "gradients: expected shape", update, LOSSES, state, LOSSES)
    refused(ValueError, "gradients: expected at least", update, LOSSES, state, GRADIENTS[:, :0])
    refused(TypeError, "gradients: expected dtype", update, LOSSES, state, GRADIENTS.astype("f4"))
    refused(ValueError, "losses: expected shape", update, LOSSES[:2], state, GRADIENTS)


def _gradnorm(step, *, scaled=True, checked=True):
    """Return a GradNorm whose step is `step(weights, norms, losses, first, alpha)`."""

    def gradnorm(learning_rate, *, alpha=1.5):
        right = weighting.gradnorm(learning_rate, alpha=alpha)

        def update(losses, state, gradients):
            if checked:
                right.update(losses, state, gradients)
            weights, first = state
            norms = np.linalg.norm(read(gradients), axis=1)
            moved = weights - learning_rate * step(weights, norms, losses, first, alpha)
            moved = moved * 3 / moved.sum() if scaled else moved
            return moved, (moved, first)

        return Weighting(right.init, update)

    return gradnorm


def _targets(pulls, rates, alpha):
    return pulls.mean() * (rates / rates.mean()) ** alpha


def _right_step(w, n, losses, first, a):
    return np.sign(w * n - _targets(w * n, losses / first, a)) * n


GRADNORM = Helper(
    function=weighting.gradnorm,
    checks=(
        steps_are_autograds,
        pulls_meet_at_alpha_0,
        slow_tasks_pull_more,
        gradnorm_keeps_dtype_and_drops_the_graph,
        a_task_without_gradient_stays_finite,
        what_gradnorm_cannot_balance_is_refused,
    ),
    mutants={
        "ascent": _gradnorm(lambda *arguments: -_right_step(*arguments)),
        "not scaled": _gradnorm(_right_step, scaled=False),
        "alpha left out": _gradnorm(
            lambda w, n, losses, first, a: np.sign(w * n - (w * n).mean()) * n
        ),
        "fast tasks pull more": _gradnorm(
            lambda w, n, losses, first, a: _right_step(w, n, first, losses, a)
        ),
        "rates not over their mean": _gradnorm(
            lambda w, n, losses, first, a: (
                np.sign(w * n - (w * n).mean() * (losses / first) ** a) * n
            )
        ),
        "squared distance": _gradnorm(
            lambda w, n, losses, first, a: 2 * (w * n - _targets(w * n, losses / first, a)) * n
        ),
        "length left out": _gradnorm(
            lambda w, n, losses, first, a: np.sign(w * n - _targets(w * n, losses / first, a))
        ),
        "divided by the length": _gradnorm(
            lambda w, n, losses, first, a: _right_step(w, n / n, losses, first, a) / n
        ),
        "unchecked": _gradnorm(_right_step, checked=False),
        "graph kept": altered(weighting.gradnorm, lambda w, losses, state: w + 0 * losses),
    },
)

# Gradients of several tasks.


def rows_are_each_tasks_gradient(task_gradients):
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    y = torch.tensor(5.0, requires_grad=True)
    losses = torch.stack([(x**2).sum(), x[0].sum() * y, y**3])
    rows = [[2, 4, 6, 8, 0], [5, 5, 0, 0, 3], [0, 0, 0, 0, 75]]
    for _ in range(2):
        assert task_gradients(losses, [x, y]).tolist() == rows
    assert task_gradients(losses, iter([y])).tolist() == [[0], [3], [75]]
    assert x.grad is None
    losses.sum().backward()
    assert x.grad.tolist() == [[7, 9], [6, 8]]


def what_has_no_gradient_is_refused(task_gradients):
    x = torch.ones(2, requires_grad=True)
    refused(TypeError, "losses: expected a torch tensor", task_gradients, LOSSES, [x])
    refused(ValueError, r"losses: expected shape \(K,\)", task_gradients, x.sum(), [x])
    refused(ValueError, "parameters: expected at least one", task_gradients, 2 * x, [])
    refused(TypeError, "parameters: expected a sequence of tensors", task_gradients, 2 * x, x)


def _grads(loss, parameters, **named):
    return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True, **named)


def _backward(losses, parameters):
    rows = weighting.task_gradients(losses, parameters)
    losses.sum().backward(retain_graph=True)
    return rows


def _once(losses, parameters):
    weighting.task_gradients(losses, parameters)
    return torch.stack([torch.cat([g.reshape(-1) for g in _grads(k, parameters)]) for k in losses])


TASK_GRADIENTS = Helper(
    function=weighting.task_gradients,
    checks=(rows_are_each_tasks_gradient, what_has_no_gradient_is_refused),
    mutants={
        "of the sum": lambda losses, parameters: weighting.task_gradients(
            losses.sum() + 0 * losses, parameters
        ),
        "first parameter alone": lambda losses, parameters: weighting.task_gradients(
            losses, list(parameters)[:1]
        ),
        "graph freed": _once,
        "written into grad": _backward,
        "columns": lambda losses, parameters: weighting.task_gradients(losses, parameters).T,
        "rows of one tensor": lambda losses, parameters: weighting.task_gradients(
            losses, list(parameters)
        ),
        "unchecked": lambda losses, parameters: torch.stack(
            [
                torch.cat([g.reshape(-1) for g in _grads(k, list(parameters), retain_graph=True)])
                for k in losses
            ]
        ),
    },
)

# Gradient surgery.


def surgery(gradients, order):
    """Return the paper's algorithm, task by task."""
    projected = [row.astype(float) for row in gradients]
    for i, own in enumerate(projected):
        for j in order:
            if j != i and own @ gradients[j] < 0:
                own -= own @ gradients[j] / (gradients[j] @ gradients[j]) * gradients[j]
    return np.asarray(projected)


def surgery_follows_the_algorithm(pcgrad):
    rng = np.random.default_rng(0)
    for _ in range(5):
        gradients = rng.normal(size=(3, 4)) - 0.2
        for order in permutations(range(3)):
            close(pcgrad(gradients, order), surgery(gradients, order), rtol=1e-10)
    wide = np.asarray([[1.0, 0.0], [-0.9, 0.1], [-0.9, -0.1], [0.0, 1.0]])
    for order in permutations(range(4)):
        np.testing.assert_allclose(pcgrad(wide, order), surgery(wide, order), atol=1e-12)


def tasks_that_agree_are_left_alone(pcgrad):
    gradients = np.abs(GRADIENTS)
    assert pcgrad(gradients, [2, 0, 1]).tolist() == gradients.tolist()
    assert pcgrad(np.asarray([[1.0, 0.0], [0.0, 0.0]]), [0, 1]).tolist() == [[1, 0], [0, 0]]


def surgery_keeps_library_and_dtype_and_does_not_overflow(pcgrad):
    for library, dtype in FORMATS:
        out = pcgrad(make(library, dtype, [[512.0, 0.0], [-768.0, 1024.0]]), [1, 0])
        assert dtype_name(out) == dtype
        rtol = 8 * PRECISION[dtype].rtol
        np.testing.assert_allclose(
            read(out), [[327.68, 245.76], [0, 1024]], rtol=rtol, atol=1e3 * PRECISION[dtype].epsilon
        )


def arguments_of_surgery_stay_and_are_checked(pcgrad):
    gradients = GRADIENTS.copy()
    pcgrad(gradients, (0, 1, 2))
    assert gradients.tolist() == GRADIENTS.tolist()
    for order in ([0, 1], [0, 1, 1], [1, 2, 3], [0, 1, 2, 3]):
        refused(ValueError, "order: expected each of the 3 tasks once", pcgrad, GRADIENTS, order)
    refused(ValueError, r"gradients: expected shape \(K, P\)", pcgrad, LOSSES, [0, 1, 2])
    refused(
        ValueError, "gradients: expected at least one column", pcgrad, GRADIENTS[:, :0], [0, 1, 2]
    )
    refused(TypeError, "gradients: expected an array", pcgrad, GRADIENTS.tolist(), [0, 1, 2])


def _surgery(body):
    """Return a surgery whose step is `body(own, other, i, j)`, on what the others were."""

    def pcgrad(gradients, order):
        weighting.pcgrad(gradients, order)
        rows = []
        for i in range(len(gradients)):
            own = gradients[i]
            for j in order:
                own = body(own, gradients[j], i, j)
            rows.append(own)
        return np.stack(rows)

    return pcgrad


def _off(own, other):
    return own - (own @ other) / (other @ other) * other


def _on_projected(gradients, order):
    weighting.pcgrad(gradients, order)
    rows = gradients.copy()
    for i in range(len(rows)):
        for j in order:
            if i != j and rows[i] @ rows[j] < 0:
                rows[i] = _off(rows[i], rows[j])
    return rows


PCGRAD = Helper(
    function=weighting.pcgrad,
    checks=(
        surgery_follows_the_algorithm,
        tasks_that_agree_are_left_alone,
        surgery_keeps_library_and_dtype_and_does_not_overflow,
        arguments_of_surgery_stay_and_are_checked,
    ),
    mutants={
        "projects always": _surgery(
            lambda own, other, i, j: own if i == j or not other.any() else _off(own, other)
        ),
        "projects where they agree": _surgery(
            lambda own, other, i, j: _off(own, other) if i != j and own @ other > 0 else own
        ),
        "length not squared": _surgery(
            lambda own, other, i, j: (
                own - own @ other / np.sqrt(other @ other) * other
                if i != j and own @ other < 0
                else own
            )
        ),
        "in float64": _surgery(
            lambda own, other, i, j: (
                _off(own, other) if i != j and own @ other < 0 else own.astype(float)
            )
        ),
        "onto its own gradient too": _surgery(
            lambda own, other, i, j: _off(own, other) if own @ other < 0 else own
        ),
        "onto what is projected already": _on_projected,
        "one order": lambda gradients, order: weighting.pcgrad(gradients, sorted(order)),
        "summed": lambda gradients, order: weighting.pcgrad(gradients, order).sum(axis=0),
        "unchecked": lambda gradients, order: surgery(np.asarray(gradients), order),
    },
)

# Uncertainty.

UNSURE = np.asarray([-1.0, 0.0, 2.0])


def a_gaussians_likelihood_is_uncertainty_weighted(weighted):
    errors = np.asarray([0.5, -2.0, 3.0])
    theirs = F.gaussian_nll_loss(
        torch.tensor(errors), torch.zeros(3).double(), torch.tensor(UNSURE).exp(), reduction="none"
    )
    close(weighted(errors**2 / 2, UNSURE), theirs)


def the_least_value_is_where_it_is_said(weighted):
    best = np.log(2 * LOSSES)
    close(weighted(LOSSES, best), (1 + best) / 2)
    assert (weighted(LOSSES, best + 0.1) > weighted(LOSSES, best)).all()
    assert (weighted(LOSSES, best - 0.1) > weighted(LOSSES, best)).all()


def no_loss_costs_nothing_however_sure(weighted):
    with np.errstate(over="ignore"):
        assert weighted(np.zeros(1), np.asarray([-1e4])).tolist() == [-5e3]


def uncertainty_keeps_dtype_and_is_checked(weighted):
    for library, dtype in FORMATS:
        out = weighted(make(library, dtype, LOSSES), make(library, dtype, 0 * UNSURE))
        assert dtype_name(out) == dtype
        assert read(out).tolist() == LOSSES.tolist()
    refused(ValueError, "log_variances: expected shape", weighted, LOSSES, UNSURE[:1])
    refused(TypeError, "log_variances: expected an array", weighted, LOSSES, 0.0)


def _weighted(body):
    def weighted(losses, log_variances):
        weighting.uncertainty_weighted(losses, log_variances)
        xp = torch if isinstance(losses, torch.Tensor) else np
        return body(xp, losses, log_variances)

    return weighted


UNCERTAINTY_WEIGHTED = Helper(
    function=weighting.uncertainty_weighted,
    checks=(
        a_gaussians_likelihood_is_uncertainty_weighted,
        the_least_value_is_where_it_is_said,
        no_loss_costs_nothing_however_sure,
        uncertainty_keeps_dtype_and_is_checked,
    ),
    mutants={
        "price s": _weighted(lambda xp, x, s: xp.exp(-s) * x + s),
        "no price": _weighted(lambda xp, x, s: xp.exp(-s) * x),
        "variance for precision": _weighted(lambda xp, x, s: xp.exp(s) * x + s / 2),
        "½ twice": _weighted(lambda xp, x, s: xp.exp(-s) * x / 2 + s / 2),
        "deviation for variance": _weighted(lambda xp, x, s: xp.exp(-2 * s) * x + s),
        "0 times infinity": _weighted(lambda xp, x, s: xp.exp(-s) * x + s / 2),
        "unchecked": lambda x, s: np.where(x == 0, 0, x * np.exp(-s)) + s / 2,
    },
)


def slopes_are_autograds(gradient):
    x, s = (torch.tensor(a, requires_grad=True) for a in (LOSSES, UNSURE))
    weighting.uncertainty_weighted(x, s).sum().backward()
    for ours, theirs in zip(gradient(LOSSES, UNSURE), (x.grad, s.grad), strict=True):
        close(ours, theirs)


def slope_vanishes_at_the_least_value(gradient):
    np.testing.assert_allclose(gradient(LOSSES, np.log(2 * LOSSES))[1], 0, atol=1e-15)


def slopes_without_a_loss_are_finite_and_checked(gradient):
    with np.errstate(over="ignore"):
        assert gradient(np.zeros(1), np.asarray([-1e4]))[1].tolist() == [0.5]
    refused(ValueError, "log_variances: expected shape", gradient, LOSSES, UNSURE[:1])


def _slopes(body):
    def gradient(losses, log_variances):
        weighting.uncertainty_weighted_grad(losses, log_variances)
        return body(losses, log_variances, np.exp(-log_variances))

    return gradient


UNCERTAINTY_WEIGHTED_GRAD = Helper(
    function=weighting.uncertainty_weighted_grad,
    checks=(
        slopes_are_autograds,
        slope_vanishes_at_the_least_value,
        slopes_without_a_loss_are_finite_and_checked,
    ),
    mutants={
        "by s alone": _slopes(lambda x, s, p: 0.5 - p * x),
        "sign": _slopes(lambda x, s, p: (p, p * x - 0.5)),
        "price s": _slopes(lambda x, s, p: (p, 1 - p * x)),
        "by the deviation": _slopes(lambda x, s, p: (p, 1 - 2 * p * x)),
        "0 times infinity": _slopes(lambda x, s, p: (p, 0.5 - p * x)),
        "unchecked": lambda x, s: (np.exp(-s), np.where(x == 0, 0.5, 0.5 - np.exp(-s) * x)),
    },
)

# A learned loss.

MANY = np.random.default_rng(0).uniform(0, 3, size=(4, 3))
LOGITS = np.asarray([0.3, -1.0, 2.0])


def mixtures_are_torchs(mixture):
    close(mixture(MANY, LOGITS), torch.tensor(MANY) @ torch.tensor(LOGITS).softmax(0))
    close(mixture(MANY, LOGITS + 1000), mixture(MANY, LOGITS))


def equal_logits_give_the_mean(mixture):
    close(mixture(MANY, np.zeros(3)), MANY.mean(axis=1))
    close(mixture(MANY[0], np.asarray([0.0, 800.0, 0.0])), MANY[0, 1])


def mixtures_keep_axes_and_dtype(mixture):
    for library, dtype in FORMATS:
        losses, logits = make(library, dtype, MANY[None]), make(library, dtype, LOGITS)
        out = mixture(losses, logits)
        assert dtype_name(out) == dtype
        assert tuple(out.shape) == (1, 4)
        close(out, mixture(MANY[None], LOGITS), rtol=4 * PRECISION[dtype].rtol)


def what_cannot_be_mixed_is_refused(mixture):
    refused(ValueError, r"logits: expected shape \(3,\)", mixture, MANY, LOGITS[:1])
    refused(ValueError, r"logits: expected shape \(3,\)", mixture, MANY, MANY)
    refused(TypeError, "logits: expected dtype", mixture, MANY, LOGITS.astype("f4"))
    refused(TypeError, "losses: expected an array", mixture, MANY.tolist(), LOGITS)


def _mixed(body):
    def mixture(losses, logits):
        weighting.learned_mixture(losses, logits)
        return body(losses, logits)

    return mixture


LEARNED_MIXTURE = Helper(
    function=weighting.learned_mixture,
    checks=(
        mixtures_are_torchs,
        equal_logits_give_the_mean,
        mixtures_keep_axes_and_dtype,
        what_cannot_be_mixed_is_refused,
    ),
    mutants={
        "sum": _mixed(lambda losses, logits: losses.sum(-1)),
        "mean": _mixed(lambda losses, logits: losses.mean(-1)),
        "sigmoid": _mixed(lambda losses, logits: (losses / (1 + np.exp(-logits))).sum(-1)),
        "exp overflows": _mixed(lambda x, z: (x * np.exp(z)).sum(-1) / np.exp(z).sum()),
        "reduced": lambda losses, logits: weighting.learned_mixture(losses, logits).mean(),
        "unchecked": lambda losses, logits: (np.asarray(losses) * _softmax(logits)).sum(-1),
    },
)


def slopes_of_mixtures_are_autograds(gradient):
    for shape in ((3,), (4, 3), (2, 2, 3)):
        losses = np.resize(MANY, shape)
        x, z = (torch.tensor(a, requires_grad=True) for a in (losses, LOGITS))
        weighting.learned_mixture(x, z).sum().backward()
        for library in ("numpy", "torch", "strict"):
            found = gradient(make(library, "float64", losses), make(library, "float64", LOGITS))
            for ours, theirs in zip(found, (x.grad, z.grad), strict=True):
                assert ours.shape == tuple(theirs.shape)
                close(ours, theirs, rtol=1e-11)


def slopes_by_logits_sum_to_0(gradient):
    assert abs(gradient(MANY, LOGITS)[1].sum()) < 1e-14
    refused(ValueError, "logits: expected shape", gradient, MANY, LOGITS[:2])


LEARNED_MIXTURE_GRAD = Helper(
    function=weighting.learned_mixture_grad,
    checks=(slopes_of_mixtures_are_autograds, slopes_by_logits_sum_to_0),
    mutants={
        "by losses alone": lambda x, z: weighting.learned_mixture_grad(x, z)[0],
        "normalisation left out": lambda x, z: (
            weighting.learned_mixture_grad(x, z)[0],
            read(z) * 0 + _softmax(z) * read(x).reshape(-1, 3).sum(0),
        ),
        "of the mean": lambda x, z: tuple(g / 4 for g in weighting.learned_mixture_grad(x, z)),
        "exchanged": lambda x, z: weighting.learned_mixture_grad(x, z)[::-1],
    },
)


def a_step_on_a_parabola(step):
    rate, theta = torch.tensor(0.5, requires_grad=True), torch.tensor([2.0, -1.0])
    moved = step(lambda t: rate * (t**2).sum(), theta, learning_rate=0.1)
    torch.testing.assert_close(moved, 0.9 * theta)
    (moved**2).sum().backward()
    assert rate.grad.item() == pytest.approx(2 * 0.9 * 5 * -0.2)
    assert not theta.requires_grad


def two_steps_reach_the_start(step):
    start = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    once = step(lambda t: t**3 / 3, start, learning_rate=0.1)
    step(lambda t: t**3 / 3, once, learning_rate=0.1).backward()
    assert start.grad.item() == pytest.approx((1 - 0.2 * 3) * (1 - 0.2 * 2.1))


def what_cannot_be_stepped_is_refused(step):
    refused(TypeError, "parameters: expected a torch", step, np.sum, np.ones(2), learning_rate=1)
    refused(
        TypeError,
        "parameters: expected a real",
        step,
        torch.sum,
        torch.tensor([1]),
        learning_rate=1,
    )
    refused(ValueError, "learning_rate: expected", step, torch.sum, torch.ones(2), learning_rate=0)


def _stepped(body):
    def step(objective, parameters, *, learning_rate):
        weighting.unrolled_step(objective, parameters, learning_rate=learning_rate)
        return body(objective, parameters, learning_rate)

    return step


def _leaf(parameters):
    return parameters.detach().requires_grad_()


UNROLLED_STEP = Helper(
    function=weighting.unrolled_step,
    checks=(a_step_on_a_parabola, two_steps_reach_the_start, what_cannot_be_stepped_is_refused),
    mutants={
        "ascent": _stepped(
            lambda f, p, rate: 2 * p - weighting.unrolled_step(f, p, learning_rate=rate)
        ),
        "without a graph": _stepped(
            lambda f, p, rate: weighting.unrolled_step(f, p, learning_rate=rate).detach()
        ),
        "gradient held constant": _stepped(
            lambda f, p, rate: p + (weighting.unrolled_step(f, p, learning_rate=rate) - p).detach()
        ),
        "start cut off": _stepped(
            lambda f, p, rate: weighting.unrolled_step(f, _leaf(p), learning_rate=rate)
        ),
        "marks the parameters": _stepped(
            lambda f, p, rate: weighting.unrolled_step(
                f, p if p.requires_grad else p.requires_grad_(), learning_rate=rate
            )
        ),
        "unchecked": lambda f, p, *, learning_rate: (
            weighting.unrolled_step(f, p, learning_rate=learning_rate)
            if isinstance(p, torch.Tensor) and learning_rate and p.is_floating_point()
            else p
        ),
    },
)

HELPERS = (
    FIXED_WEIGHTS,
    DYNAMIC_WEIGHT_AVERAGE,
    GRADNORM,
    TASK_GRADIENTS,
    PCGRAD,
    UNCERTAINTY_WEIGHTED,
    UNCERTAINTY_WEIGHTED_GRAD,
    LEARNED_MIXTURE,
    LEARNED_MIXTURE_GRAD,
    UNROLLED_STEP,
)


def test_every_public_function_is_held():
    functions = {helper.name for helper in HELPERS}
    assert functions == set(weighting.__all__) - {"Weighting"}


@pytest.mark.parametrize(
    ("helper", "check"),
    [pytest.param(h, c, id=f"{h.name}-{c.__name__}") for h in HELPERS for c in h.checks],
)
def test_weighting(helper, check):
    check(helper.function)


@pytest.mark.parametrize("helper", HELPERS, ids=lambda helper: helper.name)
def test_mutants_are_rejected(request, helper):
    mutants = [Mutant(name, function) for name, function in helper.mutants.items()]
    assert_rejected(request, helper.name, helper.checks, mutants, table=f"weighting {helper.name}")


PAIRS = st.lists(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=2
)


@given(pairs=PAIRS)
def test_surgery_of_two_tasks_works_against_neither(pairs):
    gradients = np.asarray(pairs)
    projected = weighting.pcgrad(gradients, [0, 1])
    assert (projected @ gradients.T >= -1e-9).all()
    lengths = np.linalg.norm(projected, axis=1)
    assert (lengths <= np.linalg.norm(gradients, axis=1) + 1e-12).all()


@pytest.mark.slow
def test_a_learned_mixture_turns_robust_among_outliers():
    """Meta-learning: the proportions are trained on what a step with them does to clean data."""
    rng = np.random.default_rng(0)
    clean = torch.tensor(rng.normal(1.0, 0.1, size=50))
    spoilt = clean.clone()
    spoilt[:10] += 30.0
    logits = torch.zeros(2, dtype=torch.float64, requires_grad=True)

    def objective(location):
        at = location.expand(50)
        losses = torch.stack([squared_error(at, spoilt) / 2, cauchy(at, spoilt)], dim=-1)
        return weighting.learned_mixture(losses, logits).mean()

    def found():
        location = torch.zeros((), dtype=torch.float64)
        for _ in range(10):
            location = weighting.unrolled_step(objective, location, learning_rate=0.5)
        return location

    optimizer = torch.optim.Adam([logits], lr=0.3)
    start = (found() - clean.mean()).item() ** 2
    for _ in range(40):
        optimizer.zero_grad()
        squared_error(found(), clean.mean()).backward()
        optimizer.step()
    assert logits[1] - logits[0] > 3
    assert (found() - clean.mean()).item() ** 2 < 0.01 * start
