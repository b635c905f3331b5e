"""optimizers: trajectories against torch.optim, with wrong updates as mutants."""

import math

import numpy as np
import pytest
import torch

from losscourse.losses.regression import squared_error, squared_error_grad
from losscourse.optimizers import Optimizer, gradient_descent
from tests.losscourse.libraries import FORMATS, dtype_name, make, read
from tests.losscourse.mutants import Mutant, assert_rejected

STEPS = 20


def trajectory_is_torchs(make_optimizer):
    start, target = np.asarray([3.0, -1.0, 0.5]), np.asarray([0.5, 2.0, 0.5])
    for rate in (0.01, 0.3):
        theirs = torch.tensor(start, requires_grad=True)
        torch_optimizer = torch.optim.SGD([theirs], lr=rate)
        init, update = make_optimizer(rate)
        ours, state = start, init(start)
        for _ in range(STEPS):
            torch_optimizer.zero_grad()
            squared_error(theirs, torch.tensor(target)).sum().backward()
            torch_optimizer.step()
            updates, state = update(squared_error_grad(ours, target), state, ours)
            ours = ours + updates
            np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)


def quadratic_shrinks_by_its_known_factor(make_optimizer):
    """On L = θ² a step multiplies θ by 1 - 2η: it converges below η = 1 and diverges above."""
    for rate in (0.1, 0.5, 0.9, 1.1):
        init, update = make_optimizer(rate)
        theta = np.asarray([1.0])
        state = init(theta)
        for _ in range(STEPS):
            updates, state = update(2 * theta, state, theta)
            theta = theta + updates
        np.testing.assert_allclose(theta, (1 - 2 * rate) ** STEPS, rtol=1e-10, atol=1e-15)


def dtype_shape_and_library_are_kept(make_optimizer):
    for library, dtype in FORMATS:
        for shape in ((), (0,), (2, 3)):
            params = make(library, dtype, np.ones(shape))
            for rate in (0.5, np.float64(0.5)):
                init, update = make_optimizer(rate)
                updates, _ = update(params, init(params), params)
                assert dtype_name(updates) == dtype
                assert tuple(updates.shape) == shape
                assert read(updates).tolist() == (-0.5 * np.ones(shape)).tolist()


def arguments_stay_as_they_were(make_optimizer):
    params, grads = torch.ones(3), torch.full((3,), 2.0)
    init, update = make_optimizer(0.1)
    update(grads, init(params), params)
    assert params.tolist() == [1.0] * 3
    assert grads.tolist() == [2.0] * 3


def updates_know_nothing_of_earlier_ones(make_optimizer):
    params = np.ones(2)
    init, update = make_optimizer(0.1)
    first, state = update(params, init(params), params)
    second, _ = update(params, state, params)
    assert first.tolist() == second.tolist()


def wrong_arguments_are_refused(make_optimizer):
    for bad in ("0.1", None, True, [0.1]):
        with pytest.raises(TypeError, match=r"^learning_rate: expected a real number, got "):
            make_optimizer(bad)
    for bad in (0, -0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^learning_rate: expected a number in \(0, ∞\)"):
            make_optimizer(bad)
    init, update = make_optimizer(0.1)
    params = np.ones(3)
    for error, message, grads in (
        (ValueError, r"grads: expected shape \(3,\), as params has, got \(3, 1\)", params[:, None]),
        (TypeError, "grads: expected dtype float64", params.astype(np.float32)),
        (TypeError, "grads: expected ndarray", torch.ones(3)),
        (TypeError, "grads: expected an array", [1.0] * 3),
        (TypeError, "grads: expected a real floating-point dtype", np.ones(3, int)),
    ):
        with pytest.raises(error, match=f"^{message}"):
            update(grads, init(params), params)


CHECKS = (
    trajectory_is_torchs,
    quadratic_shrinks_by_its_known_factor,
    dtype_shape_and_library_are_kept,
    arguments_stay_as_they_were,
    updates_know_nothing_of_earlier_ones,
    wrong_arguments_are_refused,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_gradient_descent(check):
    check(gradient_descent)


def _wrong(body):
    """Return an optimiser whose update is `body(rate, grads, params, memory)`."""

    def make_optimizer(learning_rate):
        right = gradient_descent(learning_rate)
        memory = {}

        def update(grads, state, params):
            right.update(grads, state, params)
            return body(float(learning_rate), grads, params, memory), state

        return Optimizer(right.init, update)

    return make_optimizer


def _momentum(rate, grads, params, memory):
    memory["velocity"] = 0.5 * memory.get("velocity", 0 * grads) + grads
    return -rate * memory["velocity"]


def _in_place(rate, grads, params, memory):
    grads *= -rate
    return grads


def _unchecked(learning_rate):
    return Optimizer(
        lambda params: None, lambda grads, state, params: (-learning_rate * grads, state)
    )


MUTANTS = (
    Mutant("ascent", _wrong(lambda rate, grads, params, memory: rate * grads)),
    Mutant("returns the new parameters", _wrong(lambda rate, g, p, memory: p - rate * g)),
    Mutant("rate left out", _wrong(lambda rate, grads, params, memory: -grads)),
    Mutant("half the rate", _wrong(lambda rate, grads, params, memory: -rate * grads / 2)),
    Mutant("keeps a velocity", _wrong(_momentum)),
    Mutant("decays the weights", _wrong(lambda rate, g, p, memory: -rate * (g + 0.01 * p))),
    Mutant("writes into the gradients", _wrong(_in_place)),
    Mutant("arguments unchecked", _unchecked),
)


def test_mutants_are_rejected(request):
    assert_rejected(request, "gradient_descent", CHECKS, MUTANTS, table="optimizers")
