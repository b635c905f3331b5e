"""optimizers: trajectories against torch.optim and first steps by hand, wrong updates as mutants.

Trajectories run with a large epsilon, a large decay and a gradient that turns, so that it shows
where epsilon stands and in which order things happen.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import array_api_compat
import numpy as np
import pytest
import torch

from losscourse import optimizers
from losscourse.optimizers import (
    Optimizer,
    adam,
    adamw,
    apply_updates,
    each,
    gradient_descent,
    lion,
    momentum,
    muon,
    nesterov,
    orthogonalize,
    sam,
    scheduled,
)
from tests.losscourse.libraries import FORMATS, PRECISION, dtype_name, make, read
from tests.losscourse.losses.helper import Helper
from tests.losscourse.mutants import Mutant, assert_rejected

STEPS = 10
START = np.asarray([[2.0, -1.0], [0.5, 3.0], [-2.0, 0.25]])
TURN = np.asarray([[0.3, -1.0, 0.2], [0.9, 0.1, -0.5], [-0.4, 0.6, 0.2]])


def gradient(params, step):
    """Return a gradient that turns with the parameters and with the step."""
    return TURN @ params + np.cos(step + np.asarray([[0.0, 2.0], [1.0, 5.0], [4.0, 3.0]]))


def close(left, right, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(read(left), read(right), rtol=rtol, atol=atol)


def refused(error, message, function, *arguments, **named):
    with pytest.raises(error, match=f"^{message}"):
        function(*arguments, **named)


def run(optimizer, params=START, steps=STEPS, gradient=gradient):
    """Return the parameters after every step."""
    state, path = optimizer.init(params), []
    for step in range(steps):
        updates, state = optimizer.update(gradient(params, step), state, params)
        params = params + updates
        path.append(params)
    return np.asarray(path)


def run_torch(make_optimizer, params=START, steps=STEPS, gradient=gradient):
    """Return the parameters of a torch optimiser after every step."""
    theirs, path = torch.tensor(params), []
    optimizer = make_optimizer([theirs])
    for step in range(steps):
        theirs.grad = torch.tensor(gradient(theirs.numpy(), step))
        optimizer.step()
        path.append(theirs.numpy().copy())
    return np.asarray(path)


@dataclass(frozen=True)
class Case:
    """One optimiser of one array, and what is known of it.

    Args:
        function: Returns the optimiser.
        options: Hyperparameters with which every part of the formula shows.
        theirs: From the list of parameters, the rate and the options to torch's optimiser.
        first: From gradient, parameters, rate and options to the first update, by hand.
        own: Checks of this optimiser alone.
        mutants: By what is wrong, `body(rate, options, grads, state, params)` that returns the
            updates and the state.
        domains: By hyperparameter, values outside of its domain.
        slack: How many roundings more than a few an update takes.
    """

    function: Callable[..., Optimizer]
    options: dict[str, float]
    theirs: Callable[..., Any] | None
    first: Callable[..., Any]
    own: tuple[Callable[..., None], ...] = ()
    mutants: dict[str, Callable[..., Any]] = field(default_factory=dict)
    domains: dict[str, tuple[float, ...]] = field(default_factory=dict)
    slack: float = 4

    @property
    def name(self):
        return self.function.__name__

    @property
    def checks(self):
        """The checks: those of all optimisers, held against this one, and its own."""
        own = (self.trajectory_is_torchs,) if self.theirs else ()
        return (
            *own,
            self.first_step_is_the_one_by_hand,
            self.formats_are_kept_and_agree,
            self.arguments_stay_as_they_were,
            self.updates_know_nothing_of_earlier_ones,
            self.wrong_hyperparameters_are_refused,
            self.wrong_arrays_are_refused,
            *self.own,
        )

    def trajectory_is_torchs(self, function):
        for rate in (0.01, 0.3):
            ours = run(function(rate, **self.options))
            close(ours, run_torch(lambda p, rate=rate: self.theirs(p, rate, self.options)), 1e-10)

    def first_step_is_the_one_by_hand(self, function):
        for options in ({}, self.options):
            init, update = function(0.1, **options)
            grads = gradient(START, 0)
            updates, _ = update(grads, init(START), START)
            close(updates, self.first(grads, START, 0.1, options), 1e-8)
        init, update = function(0, **self.options)
        assert not np.any(update(grads, init(START), START)[0])

    def formats_are_kept_and_agree(self, function):
        exact = run(function(0.1, **self.options), steps=3)
        for library, dtype in FORMATS:
            params = make(library, dtype, START)
            for rate in (0.1, np.float64(0.1)):
                init, update = function(rate, **self.options)
                state = init(params)
                for step in range(3):
                    grads = make(
                        library, dtype, gradient(START if not step else exact[step - 1], step)
                    )
                    updates, state = update(grads, state, params)
                    assert dtype_name(updates) == dtype
                    assert type(updates) is type(params)
                    params = params + updates
                params, last = make(library, dtype, START), params
            tolerance = self.slack * PRECISION[dtype].rtol
            close(last, exact[-1], tolerance, tolerance)
        for shape in ((0, 2), (1, 1)):
            params = np.ones(shape)
            updates, _ = update(params, init(params), params)
            assert updates.shape == shape
            assert np.isfinite(updates).all()

    def arguments_stay_as_they_were(self, function):
        init, update = function(0.1, **self.options)
        params, grads = torch.tensor(START), torch.tensor(gradient(START, 0))
        state = init(params)
        for _ in range(2):
            before = [x.clone() for x in _tensors(params, grads, state)]
            _, later = update(grads, state, params)
            after = _tensors(params, grads, state)
            assert all(torch.equal(x, y) for x, y in zip(before, after, strict=True))
            state = later

    def updates_know_nothing_of_earlier_ones(self, function):
        init, update = function(0.1, **self.options)
        grads = gradient(START, 0)
        first, state = update(grads, init(START), START)
        second, _ = update(grads, state, START)
        again, _ = update(grads, init(START), START)
        assert again.tolist() == first.tolist()
        assert update(grads, state, START)[0].tolist() == second.tolist()

    def wrong_hyperparameters_are_refused(self, function):
        for name, bad in {"learning_rate": (-0.1,), **self.domains}.items():
            for value in (*bad, math.nan, math.inf):
                named = {"learning_rate": 0.1, name: value}
                refused(
                    ValueError, rf"{name}: expected a number in [\[(]0, .*got", function, **named
                )
            for value in ("0.1", None, True, [0.1]):
                named = {"learning_rate": 0.1, name: value}
                refused(TypeError, f"{name}: expected a real number, got ", function, **named)

    def wrong_arrays_are_refused(self, function):
        init, update = function(0.1)
        params = START
        state = init(params)
        for error, message, grads in (
            (ValueError, r"grads: expected shape \(3, 2\), as params has, got \(2,\)", params[0]),
            (TypeError, "grads: expected dtype float64", params.astype(np.float32)),
            (TypeError, "grads: expected ndarray", torch.tensor(params)),
            (TypeError, "grads: expected an array", params.tolist()),
            (TypeError, "grads: expected a real floating-point dtype", np.ones((3, 2), int)),
        ):
            refused(error, message, update, grads, state, params)
        if state is not None:
            message = r"state: expected shape \(2, 2\), as params has, got \(3, 2\)"
            refused(ValueError, message, update, params[:2], state, params[:2])
            refused(TypeError, "params: expected an array", init, [1.0])

    def mutant(self, body):
        """Return the optimiser with another update; the arguments are checked as they were."""

        def make_optimizer(learning_rate, **options):
            right = self.function(learning_rate, **options)
            filled = {**_defaults(self.function), **options}

            def update(grads, state, params):
                right.update(grads, state, params)
                return body(float(learning_rate), filled, grads, state, params)

            return Optimizer(right.init, update)

        return make_optimizer


def _defaults(function):
    return dict(function.__kwdefaults__ or {})


def _tensors(*values):
    """Return the tensors in arguments and states, flat."""
    found = []
    for value in values:
        found += _tensors(*value) if isinstance(value, tuple) else []
        found += [value] if isinstance(value, torch.Tensor) else []
    return found


def common_mutants(function):
    """Return what can go wrong with any optimiser, whatever its formula."""

    def around(change):
        def make_optimizer(learning_rate, **options):
            return change(function(learning_rate, **options))

        return make_optimizer

    def changed(change):
        def altered(right):
            def update(grads, state, params):
                updates, new = right.update(grads, state, params)
                return change(updates, grads, params), new

            return Optimizer(right.init, update)

        return around(altered)

    def remembers(right):
        memory = {}

        def update(grads, state, params):
            updates, memory["state"] = right.update(grads, memory.get("state", state), params)
            memory["count"] = memory.get("count", 0) + 1
            return updates * memory["count"], memory["state"]

        return Optimizer(right.init, update)

    def in_place(updates, grads, params):
        grads[...] = updates
        return updates

    def careless(learning_rate, **options):
        try:
            return function(learning_rate, **options)
        except (TypeError, ValueError):
            return function(0.1)

    def forgiving(right):
        def update(grads, state, params):
            try:
                return right.update(grads, state, params)
            except (TypeError, ValueError):
                return 0 * params, state

        return Optimizer(right.init, update)

    return {
        "ascent": changed(lambda updates, grads, params: -updates),
        "half the step": changed(lambda updates, grads, params: updates / 2),
        "returns the new parameters": changed(lambda updates, grads, params: params + updates),
        "in float64": changed(lambda updates, grads, params: read(updates)),
        "writes into the gradients": changed(in_place),
        "keeps its state": around(remembers),
        "hyperparameters unchecked": careless,
        "arrays unchecked": around(forgiving),
    }


# Gradient descent.


def quadratic_shrinks_by_its_known_factor(function):
    """On L = θ² a step multiplies θ by 1 - 2η: it converges below η = 1 and diverges above."""
    for rate in (0.1, 0.5, 0.9, 1.1):
        path = run(function(rate), np.asarray([1.0]), 20, lambda theta, step: 2 * theta)
        close(path[:, 0], (1 - 2 * rate) ** np.arange(1, 21), 1e-10)


GRADIENT_DESCENT = Case(
    function=gradient_descent,
    options={},
    theirs=lambda p, rate, o: torch.optim.SGD(p, lr=rate),
    first=lambda g, p, rate, o: -rate * g,
    own=(quadratic_shrinks_by_its_known_factor,),
    mutants={
        "rate left out": lambda rate, o, g, s, p: (-g, s),
        "decays the weights": lambda rate, o, g, s, p: (-rate * (g + 0.01 * p), s),
        "along the sign": lambda rate, o, g, s, p: (-rate * np.sign(g), s),
    },
)

# Momentum.


def a_constant_gradient_ends_in_a_constant_step(function):
    for beta in (0.0, 0.5, 0.9):
        path = run(function(0.1, beta=beta), np.zeros(1), 400, lambda theta, step: np.ones(1))
        close(np.diff(path[:, 0])[-1], -0.1 / (1 - beta), 1e-10)


def parameters_are_the_points_where_nesterov_looks(function):
    """Sutskever's form: the velocity is the step, the gradient is taken where it is to lead."""
    for beta in (0.5, 0.9):
        theta, velocity = START, 0 * START
        ours = run(function(0.1, beta=beta))
        for step, ahead in enumerate([START, *ours[:-1]]):
            close(ahead, theta + beta * velocity, 1e-10)
            velocity = beta * velocity - 0.1 * gradient(theta + beta * velocity, step)
            theta = theta + velocity


def _velocity(weight):
    """Return a body whose velocity takes a share of the gradient."""

    def body(rate, o, g, v, p):
        v = o["beta"] * v + weight(o["beta"]) * g
        return -rate * v, v

    return body


def _ahead(step):
    """Return a body of Nesterov's with another step, from gradient, old and new velocity."""

    def body(rate, o, g, v, p):
        new = o["beta"] * v + g
        return -rate * step(g, v, new, o["beta"]), new

    return body


MOMENTUM = Case(
    function=momentum,
    options={"beta": 0.6},
    theirs=lambda p, rate, o: torch.optim.SGD(p, lr=rate, momentum=o["beta"]),
    first=lambda g, p, rate, o: -rate * g,
    own=(a_constant_gradient_ends_in_a_constant_step,),
    mutants={
        "damped": _velocity(lambda beta: 1 - beta),
        "nesterov's": _ahead(lambda g, old, new, beta: g + beta * new),
        "velocity not kept": lambda rate, o, g, v, p: (-rate * (o["beta"] * v + g), v),
        "steps by the old velocity": _ahead(lambda g, old, new, beta: old),
        "beta twice": _ahead(lambda g, old, new, beta: beta * beta * old + g),
    },
    domains={"beta": (-0.1, 1.0, 1.5)},
)
NESTEROV = Case(
    function=nesterov,
    options={"beta": 0.6},
    theirs=lambda p, rate, o: torch.optim.SGD(p, lr=rate, momentum=o["beta"], nesterov=True),
    first=lambda g, p, rate, o: -rate * (1 + o.get("beta", 0.9)) * g,
    own=(
        a_constant_gradient_ends_in_a_constant_step,
        parameters_are_the_points_where_nesterov_looks,
    ),
    mutants={
        "plain momentum": _ahead(lambda g, old, new, beta: new),
        "looks from the old velocity": _ahead(lambda g, old, new, beta: g + beta * old),
        "gradient left out": _ahead(lambda g, old, new, beta: beta * new),
        "beta left out": _ahead(lambda g, old, new, beta: g + new),
        "damped": _velocity(lambda beta: 1 - beta),
    },
    domains={"beta": (-0.1, 1.0)},
)

# AdaGrad and RMSprop.


def steps_fall_as_one_over_the_root(function):
    for scale in (1e-4, 1.0, 1e4):
        path = run(function(0.1), np.zeros(1), 50, lambda x, step, c=scale: np.asarray([c]))
        steps = -np.diff(path[:, 0], prepend=0.0)
        close(steps, 0.1 / np.sqrt(np.arange(1, 51)), 1e-5)


def steps_become_the_rate(function):
    for scale in (1e-3, 1.0, 1e4):
        constant = lambda x, step, c=scale: np.asarray([c])  # noqa: E731
        path = run(function(0.1, decay=0.9), np.zeros(1), 200, constant)
        steps = -np.diff(path[:, 0], prepend=0.0)
        close(steps[0], 0.1 / math.sqrt(0.1), 1e-4)
        close(steps[-1], 0.1, 1e-4)


def _quotient(square, below):
    """Return a body: from old squares and gradient to new ones, and what the step is divided by."""

    def body(rate, o, g, s, p):
        new = square(s, g, o)
        return -rate * g / below(new, o["epsilon"], s), new

    return body


def _outside(s, epsilon, old):
    return s**0.5 + epsilon


def _inside(s, epsilon, old):
    return (s + epsilon) ** 0.5


ADAGRAD = Case(
    function=optimizers.adagrad,
    options={"epsilon": 0.5},
    theirs=lambda p, rate, o: torch.optim.Adagrad(p, lr=rate, eps=o["epsilon"]),
    first=lambda g, p, rate, o: -rate * g / (np.abs(g) + o.get("epsilon", 0)),
    own=(steps_fall_as_one_over_the_root,),
    mutants={
        "epsilon inside the root": _quotient(lambda s, g, o: s + g**2, _inside),
        "epsilon left out": _quotient(lambda s, g, o: s + g**2, lambda s, e, old: s**0.5 + 1e-30),
        "no root": _quotient(lambda s, g, o: s + g**2, lambda s, e, old: s + e),
        "a mean": _quotient(lambda s, g, o: (s + g**2) / 2, _outside),
        "sizes for squares": _quotient(lambda s, g, o: s + abs(g), _outside),
        "the squares of before": _quotient(
            lambda s, g, o: s + g**2, lambda s, e, old: old**0.5 + e
        ),
    },
    domains={"epsilon": (0.0, -1.0)},
)


def _mean_square(s, g, o):
    return o["decay"] * s + (1 - o["decay"]) * g**2


RMSPROP = Case(
    function=optimizers.rmsprop,
    options={"decay": 0.7, "epsilon": 0.5},
    theirs=lambda p, rate, o: torch.optim.RMSprop(p, lr=rate, alpha=o["decay"], eps=o["epsilon"]),
    first=lambda g, p, rate, o: (
        -rate * g / (math.sqrt(1 - o.get("decay", 0.99)) * np.abs(g) + o.get("epsilon", 1e-8))
    ),
    own=(steps_become_the_rate,),
    mutants={
        "epsilon inside the root": _quotient(_mean_square, _inside),
        "no root": _quotient(_mean_square, lambda s, e, old: s + e),
        "the squares of before": _quotient(_mean_square, lambda s, e, old: old**0.5 + e),
        "decay of the new": _quotient(
            lambda s, g, o: (1 - o["decay"]) * s + o["decay"] * g**2, _outside
        ),
        "a sum": _quotient(lambda s, g, o: s + g**2, _outside),
        "sizes for squares": _quotient(
            lambda s, g, o: o["decay"] * s + (1 - o["decay"]) * abs(g), _outside
        ),
    },
    domains={"decay": (-0.1, 1.0), "epsilon": (0.0, -1.0)},
)

# Adam and AdamW.


def every_step_is_the_rates_size(function):
    for scale in (1e-3, -1.0, 1e4):
        constant = lambda x, step, c=scale: np.asarray([c])  # noqa: E731
        path = run(function(0.1), np.zeros(1), 20, constant)
        close(np.diff(path[:, 0], prepend=0.0), -0.1 * np.sign(scale) * np.ones(20), 1e-4)


def _adam(
    means=lambda m, s, t, b1, b2: (m / (1 - b1**t), s / (1 - b2**t)),
    below=lambda s, e, t, b2: s**0.5 + e,
    betas=lambda b1, b2: (b1, b2),
    square=lambda g: g**2,
    stored=False,
):
    """Return a body of Adam's with one part replaced."""

    def body(rate, o, g, state, p):
        (t, m, s), (b1, b2) = state, betas(o["beta1"], o["beta2"])
        t, m, s = t + 1, b1 * m + (1 - b1) * g, b2 * s + (1 - b2) * square(g)
        m_hat, s_hat = means(m, s, t, b1, b2)
        new = (t, m_hat, s_hat) if stored else (t, m, s)
        return -rate * m_hat / below(s_hat, o["epsilon"], t, b2), new

    return body


ADAM_OPTIONS = {"beta1": 0.6, "beta2": 0.8, "epsilon": 0.5}
ADAM_DOMAINS = {"beta1": (-0.1, 1.0), "beta2": (-0.1, 1.0), "epsilon": (0.0, -1.0)}

ADAM = Case(
    function=adam,
    options=ADAM_OPTIONS,
    theirs=lambda p, rate, o: torch.optim.Adam(
        p, lr=rate, betas=(o["beta1"], o["beta2"]), eps=o["epsilon"]
    ),
    first=lambda g, p, rate, o: -rate * g / (np.abs(g) + o.get("epsilon", 1e-8)),
    own=(every_step_is_the_rates_size,),
    mutants={
        "right but for the sign of the rate": lambda rate, *rest: _adam()(-rate, *rest),
        "no correction": _adam(means=lambda m, s, t, b1, b2: (m, s)),
        "mean alone corrected": _adam(means=lambda m, s, t, b1, b2: (m / (1 - b1**t), s)),
        "corrected by the first power": _adam(
            means=lambda m, s, t, b1, b2: (m / (1 - b1), s / (1 - b2))
        ),
        "power one too high": _adam(
            means=lambda m, s, t, b1, b2: (m / (1 - b1 ** (t + 1)), s / (1 - b2 ** (t + 1)))
        ),
        "corrections kept in the state": _adam(stored=True),
        "epsilon inside the root": _adam(below=lambda s, e, t, b2: (s + e) ** 0.5),
        "epsilon before the correction": _adam(
            below=lambda s, e, t, b2: s**0.5 + e / (1 - b2**t) ** 0.5
        ),
        "betas swapped": _adam(betas=lambda b1, b2: (b2, b1)),
        "sizes for squares": _adam(square=abs),
        "no root": _adam(below=lambda s, e, t, b2: s + e),
    },
    domains=ADAM_DOMAINS,
)


def without_gradients_parameters_shrink_by_a_known_factor(function):
    for rate, decay in ((0.1, 0.5), (0.3, 3.0)):
        path = run(function(rate, weight_decay=decay), gradient=lambda p, step: 0 * p)
        factors = (1 - rate * decay) ** np.arange(1, STEPS + 1)
        close(path, factors[:, None, None] * START, 1e-12)


def decay_is_the_same_whatever_the_gradients_scale(function):
    for scale in (1e-3, 1.0, 1e3):
        plain, decayed = function(0.1, weight_decay=0), function(0.1, weight_decay=2.0)
        grads = scale * gradient(START, 0)
        (first, _), (second, _) = (o.update(grads, o.init(START), START) for o in (plain, decayed))
        close(second - first, -0.2 * START, 1e-10)


def _adamw(decayed):
    """Return a body: from rate, decay, gradient, parameters and Adam's step to the update."""

    def body(rate, o, g, state, p):
        o = dict(o)
        decay = o.pop("weight_decay")
        step = lambda g: adam(rate, **o).update(g, state, p)  # noqa: E731
        return decayed(rate, decay, g, p, step)

    return body


def _after(rate, decay, g, p, step):
    updates, state = step(g)
    return updates - rate * decay * (p + updates), state


ADAMW = Case(
    function=adamw,
    options={**ADAM_OPTIONS, "weight_decay": 2.0},
    theirs=lambda p, rate, o: torch.optim.AdamW(
        p,
        lr=rate,
        betas=(o["beta1"], o["beta2"]),
        eps=o["epsilon"],
        weight_decay=o["weight_decay"],
    ),
    first=lambda g, p, rate, o: (
        -rate * g / (np.abs(g) + o.get("epsilon", 1e-8)) - rate * o.get("weight_decay", 0.01) * p
    ),
    own=(
        without_gradients_parameters_shrink_by_a_known_factor,
        decay_is_the_same_whatever_the_gradients_scale,
    ),
    mutants={
        "L2 in place of decay": _adamw(lambda rate, decay, g, p, step: step(g + decay * p)),
        "decay after the step": _adamw(_after),
        "decay not times the rate": _adamw(
            lambda rate, decay, g, p, step: (step(g)[0] - decay * p, step(g)[1])
        ),
        "decay scaled by the adapted step": _adamw(
            lambda rate, decay, g, p, step: (
                step(g)[0] - rate * decay * p * abs(step(g)[0]) / rate,
                step(g)[1],
            )
        ),
        "no decay": _adamw(lambda rate, decay, g, p, step: step(g)),
        "grows": _adamw(
            lambda rate, decay, g, p, step: (step(g)[0] + rate * decay * p, step(g)[1])
        ),
    },
    domains={**ADAM_DOMAINS, "weight_decay": (-0.1,)},
)

# Lion.


def trajectory_follows_the_papers_algorithm(function):
    """Element by element, as algorithm 2 has it; torch has no Lion."""
    rate, b1, b2, decay = 0.1, 0.8, 0.6, 0.8
    ours = run(function(rate, beta1=b1, beta2=b2, weight_decay=decay), steps=60)
    theta, m = [*START.flat], [0.0] * START.size
    for step, path in enumerate(ours):
        grads = [*gradient(np.reshape(theta, START.shape), step).flat]
        for i, g in enumerate(grads):
            c = b1 * m[i] + (1 - b1) * g
            theta[i] -= rate * (math.copysign(1, c) + decay * theta[i])
            m[i] = b2 * m[i] + (1 - b2) * g
        close(path.flat, theta, 1e-10)


def every_element_moves_by_the_rate(function):
    path = run(function(0.1), steps=30)
    close(abs(np.diff(path, axis=0)), 0.1 * np.ones((29, 3, 2)), 1e-10)
    init, update = function(0.1)
    assert not update(0 * START, init(START), START)[0].any()


def _lion(direction, mean=lambda m, g, b1, b2: b2 * m + (1 - b2) * g, sign=np.sign):
    def body(rate, o, g, m, p):
        new = mean(m, g, o["beta1"], o["beta2"])
        u = direction(m, g, new, o["beta1"], o["beta2"])
        return -rate * (sign(u) + o["weight_decay"] * p), new

    return body


def _lion_right(m, g, new, b1, b2):
    return b1 * m + (1 - b1) * g


LION = Case(
    function=lion,
    options={"beta1": 0.3, "beta2": 0.7, "weight_decay": 0.8},
    theirs=None,
    first=lambda g, p, rate, o: -rate * (np.sign(g) + o.get("weight_decay", 0) * p),
    own=(
        trajectory_follows_the_papers_algorithm,
        every_element_moves_by_the_rate,
        without_gradients_parameters_shrink_by_a_known_factor,
        decay_is_the_same_whatever_the_gradients_scale,
    ),
    mutants={
        "betas swapped": _lion(
            lambda m, g, new, b1, b2: b2 * m + (1 - b2) * g,
            mean=lambda m, g, b1, b2: b1 * m + (1 - b1) * g,
        ),
        "beta1 of the new": _lion(lambda m, g, new, b1, b2: (1 - b1) * m + b1 * g),
        "mean of the new": _lion(_lion_right, mean=lambda m, g, b1, b2: (1 - b2) * m + b2 * g),
        "sign of the mean kept": _lion(lambda m, g, new, b1, b2: new),
        "no sign": _lion(_lion_right, sign=lambda u: u),
        "decay within the sign": lambda rate, o, g, m, p: _lion(_lion_right)(
            rate, {**o, "weight_decay": 0}, g + o["weight_decay"] * p, m, p
        ),
        "decay not times the rate": lambda rate, o, g, m, p: _lion(_lion_right)(
            rate, {**o, "weight_decay": o["weight_decay"] / (rate or 1)}, g, m, p
        ),
    },
    domains={"beta1": (-0.1, 1.0), "beta2": (-0.1, 1.0), "weight_decay": (-0.1,)},
)

# Muon.


def polynomial(matrix, steps=5):
    """Return the matrix with its singular values through Muon's polynomial, by an SVD."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(steps):
        s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
    return u * s @ v


def trajectory_is_torchs_in_double_precision(function):
    """torch rounds to bfloat16 on the way; here its rounding is a copy."""
    for matrix in (START, START.T.copy()):
        turning = gradient if matrix is START else lambda p, step: gradient(p.T, step).T.copy()
        for rate in (0.01, 0.3):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
                theirs = run_torch(
                    lambda p, rate=rate: torch.optim.Muon(
                        p, lr=rate, momentum=0.6, weight_decay=0.8
                    ),
                    matrix,
                    gradient=turning,
                )
            ours = run(function(rate, beta=0.6, weight_decay=0.8), matrix, gradient=turning)
            close(ours, theirs, 1e-9)


def trajectory_is_torchs_up_to_bfloat16(function):
    theirs = run_torch(lambda p: torch.optim.Muon(p, lr=0.1))
    close(run(function(0.1)), theirs, 0.0, 0.05)


def updates_have_singular_values_near_the_rate(function):
    rng = np.random.default_rng(0)
    for shape in ((20, 20), (40, 10), (10, 40)):
        params = rng.normal(size=shape)
        init, update = function(0.1, weight_decay=0)
        left, _, right = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
        grads = left * np.geomspace(1e-2, 1, left.shape[1]) @ right
        values = np.linalg.svd(update(grads, init(params), params)[0], compute_uv=False)
        size = 0.1 * max(1, shape[0] / shape[1]) ** 0.5
        assert 0.65 * size < values.min() < values.max() < 1.25 * size


def only_matrices_are_taken(function):
    init, update = function(0.1)
    for shape in ((3,), (2, 2, 2), ()):
        params = np.ones(shape)
        refused(
            ValueError, r"params: expected shape \(M, N\)", update, params, init(params), params
        )


def _muon(
    direction=lambda m, g, b: b * m + (1 - b) * g,
    ortho=orthogonalize,
    size=lambda rows, columns: math.sqrt(max(1, rows / max(columns, 1))),
    decay=lambda scale, p: p,
):
    def body(rate, o, g, m, p):
        m = o["beta"] * m + (1 - o["beta"]) * g
        scale = size(*p.shape)
        step = scale * ortho(direction(m, g, o["beta"]))
        return -rate * (step + o["weight_decay"] * decay(scale, p)), m

    return body


MUON = Case(
    function=muon,
    options={"beta": 0.6, "weight_decay": 0.8},
    theirs=None,
    first=lambda g, p, rate, o: (
        -rate * (math.sqrt(1.5) * polynomial(g) + o.get("weight_decay", 0.1) * p)
    ),
    own=(
        trajectory_is_torchs_in_double_precision,
        trajectory_is_torchs_up_to_bfloat16,
        updates_have_singular_values_near_the_rate,
        only_matrices_are_taken,
        without_gradients_parameters_shrink_by_a_known_factor,
        decay_is_the_same_whatever_the_gradients_scale,
    ),
    mutants={
        "momentum without a look ahead": _muon(direction=lambda m, g, b: m),
        "gradient alone": _muon(direction=lambda m, g, b: g),
        "not orthogonalised": _muon(ortho=lambda x: x),
        "divided by the norm alone": _muon(ortho=lambda x: orthogonalize(x, steps=0)),
        "size by columns over rows": _muon(size=lambda m, n: math.sqrt(max(1, n / max(m, 1)))),
        "size left out": _muon(size=lambda m, n: 1.0),
        "size without its root": _muon(size=lambda m, n: max(1, m / max(n, 1))),
        "size below 1": _muon(size=lambda m, n: math.sqrt(m / max(n, 1))),
        "decay scaled by the size": _muon(decay=lambda scale, p: scale * p),
        "no decay": _muon(decay=lambda scale, p: 0 * p),
        "tall matrices not turned back": _muon(
            ortho=lambda x: orthogonalize(x.T if x.shape[0] > x.shape[1] else x)
        ),
    },
    domains={"beta": (-0.1, 1.0), "weight_decay": (-0.1,)},
    slack=60,
)


CASES = (
    GRADIENT_DESCENT,
    MOMENTUM,
    NESTEROV,
    ADAGRAD,
    RMSPROP,
    ADAM,
    ADAMW,
    LION,
    MUON,
)


def _mutants(case):
    own = {name: case.mutant(body) for name, body in case.mutants.items()}
    return [Mutant(name, make) for name, make in {**common_mutants(case.function), **own}.items()]


@pytest.mark.parametrize(
    ("case", "check"),
    [(case, check) for case in CASES for check in case.checks],
    ids=lambda value: value.name if isinstance(value, Case) else value.__name__,
)
def test_optimizers(case, check):
    check(case.function)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mutants_of_optimizers_are_rejected(request, case):
    assert_rejected(
        request, case.name, case.checks, _mutants(case), table=f"optimizers {case.name}"
    )


# The matrix that Muon moves along.


def singular_values_go_through_the_polynomial(orthogonalize):
    rng = np.random.default_rng(1)
    for shape in ((4, 4), (3, 7), (7, 3), (1, 5), (5, 1)):
        matrix = rng.normal(size=shape)
        for steps in (0, 1, 5):
            close(orthogonalize(matrix, steps=steps), polynomial(matrix, steps), 1e-9)
        close(orthogonalize(matrix), polynomial(matrix), 1e-9)
        close(orthogonalize(1e5 * matrix), polynomial(matrix), 1e-9)


def matrices_without_a_direction_stay_finite(orthogonalize):
    for shape in ((2, 3), (3, 2), (0, 2), (2, 0)):
        assert orthogonalize(np.zeros(shape)).tolist() == np.zeros(shape).tolist()
    close(orthogonalize(np.diag([1e-9, 0.0]), steps=0), np.diag([1e-2, 0.0]), 1e-9)


def matrices_keep_their_format(orthogonalize):
    for library, dtype in FORMATS:
        found = orthogonalize(make(library, dtype, 300 * START))
        assert dtype_name(found) == dtype
        close(found, polynomial(START), 60 * PRECISION[dtype].rtol, 60 * PRECISION[dtype].rtol)


def what_is_no_matrix_is_refused(orthogonalize):
    refused(ValueError, r"matrix: expected shape \(M, N\)", orthogonalize, START[0])
    refused(TypeError, "matrix: expected an array", orthogonalize, START.tolist())
    refused(ValueError, "steps: expected a number", orthogonalize, START, steps=-1)


def _iterated(coefficients=(3.4445, -4.775, 2.0315), norm=np.linalg.norm, tall=lambda x: x):
    def ortho(matrix, *, steps=5):
        optimizers.orthogonalize(matrix, steps=steps)
        a, b, c = coefficients
        x = matrix / np.maximum(norm(matrix), 1e-7)
        for _ in range(steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return tall(x)

    return ortho


ORTHOGONALIZE = Helper(
    function=orthogonalize,
    checks=(
        singular_values_go_through_the_polynomial,
        matrices_without_a_direction_stay_finite,
        matrices_keep_their_format,
        what_is_no_matrix_is_refused,
    ),
    mutants={
        "coefficients that converge": _iterated((1.5, -0.5, 0.0)),
        "divided by the largest element": _iterated(norm=lambda x: abs(x).max()),
        "tall matrices not turned back": _iterated(
            tall=lambda x: x.T if x.shape[0] > x.shape[1] else x
        ),
        "divided by 0": lambda matrix, *, steps=5: optimizers.orthogonalize(
            matrix / np.linalg.norm(matrix), steps=steps
        ),
        "in float64": lambda matrix, *, steps=5: optimizers.orthogonalize(
            read(matrix), steps=steps
        ),
        "one step more": lambda matrix, *, steps=4: optimizers.orthogonalize(
            matrix, steps=steps + 1
        ),
    },
)

# Uphill first.


def steps_follow_the_papers_algorithm(sam):
    """Two passes of autograd over a loss of two arrays, the norm taken over both."""

    def loss(weights, bias):
        return (torch.sin(weights @ weights.T).sum() + bias**2 * weights.sum()).sum()

    def slopes(arrays):
        tensors = [torch.tensor(a).requires_grad_() for a in arrays]
        return [g.numpy() for g in torch.autograd.grad(loss(*tensors), tensors)]

    params = [START, np.asarray([0.7])]
    theirs = [a.copy() for a in params]
    init, update = sam(each(momentum(0.01, beta=0.6)), rho=0.3)
    state, velocity = init(params), [0.0, 0.0]
    for _ in range(5):
        updates, state = update(slopes, state, params)
        params = apply_updates(params, updates)
        first = slopes(theirs)
        norm = math.sqrt(sum((g**2).sum() for g in first))
        second = slopes([t + 0.3 * g / norm for t, g in zip(theirs, first, strict=True)])
        velocity = [0.6 * v + g for v, g in zip(velocity, second, strict=True)]
        theirs = [t - 0.01 * v for t, v in zip(theirs, velocity, strict=True)]
        for ours, expected in zip(params, theirs, strict=True):
            close(ours, expected, 1e-10)


def radius_defaults_to_a_twentieth(sam):
    init, update = sam(gradient_descent(1.0))
    params = np.asarray([1.0, 0.0])
    close(update(lambda x: x, init(params), params)[0], [-1.05, 0.0])


def a_gradient_of_zero_stays_finite(sam):
    for library, dtype in FORMATS:
        params = make(library, dtype, np.zeros(2))
        init, update = sam(adam(0.1, epsilon=0.5), rho=0.1)
        updates, _ = update(lambda x: x + 0, init(params), params)
        assert dtype_name(updates) == dtype
        assert not read(updates).any()


def what_has_no_way_uphill_is_refused(sam):
    refused(ValueError, r"rho: expected a number in \[0, ∞\)", sam, adam(0.1), rho=-1.0)
    init, update = sam(gradient_descent(0.1))
    state = init(START)
    refused(ValueError, "updates: expected shape", update, lambda x: x[0], state, START)


def _sam(uphill, at=lambda params, there: params):
    """Return a SAM whose way uphill is `uphill(array, norm, rho)`."""

    def sam(optimizer, *, rho=0.05):
        right = optimizers.sam(optimizer, rho=rho)

        def update(gradient, state, params):
            right.update(gradient, state, params)
            grads = gradient(params)
            norm = optimizers.global_norm(grads)
            way = optimizers._map(lambda array: uphill(array, norm, rho), grads=grads)
            there = apply_updates(params, way)
            updates, state = optimizer.update(gradient(there), state, params)
            updates = apply_updates(updates, optimizers._map(lambda a: at(0 * a, a), way=way))
            return updates, state

        return Optimizer(right.init, update)

    return sam


def _own_norm(array, norm, rho):
    return rho * array / max(np.linalg.norm(read(array)), 1e-30)


SAM = Helper(
    function=sam,
    checks=(
        steps_follow_the_papers_algorithm,
        radius_defaults_to_a_twentieth,
        a_gradient_of_zero_stays_finite,
        what_has_no_way_uphill_is_refused,
    ),
    mutants={
        "downhill": _sam(lambda array, norm, rho: -rho * array / (norm + (norm == 0))),
        "not normalised": _sam(lambda array, norm, rho: rho * array),
        "each array by its own norm": _sam(_own_norm),
        "squared norm": _sam(lambda array, norm, rho: rho * array / (norm**2 + (norm == 0))),
        "steps from above": _sam(
            lambda array, norm, rho: rho * array / (norm + (norm == 0)), at=lambda p, there: there
        ),
        "0 over 0": _sam(lambda array, norm, rho: rho * array / norm),
        "unchecked": lambda optimizer, *, rho=0.05: optimizer,
    },
)

# Schedules within an optimiser.


def schedules_are_torchs(scheduled):
    for ours, theirs in (
        (lambda rate: momentum(rate, beta=0.6), lambda p: torch.optim.SGD(p, 0.3, momentum=0.6)),
        (lambda rate: adam(rate, epsilon=0.5), lambda p: torch.optim.Adam(p, 0.3, eps=0.5)),
    ):
        found = run(scheduled(lambda step, ours=ours: ours(0.3 * 0.7**step)))
        close(found, run_torch(lambda p, theirs=theirs: _Decaying(theirs(p), 0.7)), 1e-10)


class _Decaying:
    """A torch optimiser that steps its schedule, too."""

    def __init__(self, optimizer, factor):
        self.optimizer = optimizer
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, factor)

    def step(self):
        self.optimizer.step()
        self.schedule.step()


def steps_are_counted_from_0_in_the_state(scheduled):
    init, update = scheduled(lambda step: gradient_descent(10.0**-step))
    params = np.ones(1)
    states = [init(params)]
    for _ in range(3):
        states.append(update(params, states[-1], params)[1])
    found = [float(update(params, state, params)[0][0]) for state in (*states, states[0])]
    assert found == pytest.approx([-1, -0.1, -0.01, -0.001, -1], rel=1e-12)


def each_array_counts_for_itself(scheduled):
    init, update = each(scheduled(lambda step: gradient_descent(1.0 / (step + 1))))
    params = [np.ones(1), np.ones(2)]
    _, state = update(params, init(params), params)
    updates, _ = update(params, state, params)
    assert [u.tolist() for u in updates] == [[-0.5], [-0.5, -0.5]]


def a_rate_below_0_is_refused_when_its_step_comes(scheduled):
    init, update = scheduled(lambda step: gradient_descent(0.1 - 0.1 * step))
    params = np.ones(1)
    state = init(params)
    for _ in range(2):
        updates, state = update(params, state, params)
    assert not updates.any()
    refused(ValueError, "learning_rate: expected", update, params, state, params)


def _scheduled(at=lambda step: step, count=lambda step: step + 1, keep=lambda old, new: new):
    def scheduled(optimizer_at):
        def update(grads, state, params):
            step, inner = state
            updates, new = optimizer_at(at(step)).update(grads, inner, params)
            return updates, (count(step), keep(inner, new))

        return Optimizer(lambda params: (0, optimizer_at(0).init(params)), update)

    return scheduled


def _counting(optimizer_at):
    """Return an optimiser that counts its calls."""
    right, calls = optimizers.scheduled(optimizer_at), []

    def update(grads, state, params):
        calls.append(None)
        return right.update(grads, (len(calls) - 1, state[1]), params)

    return Optimizer(right.init, update)


SCHEDULED = Helper(
    function=scheduled,
    checks=(
        schedules_are_torchs,
        steps_are_counted_from_0_in_the_state,
        each_array_counts_for_itself,
        a_rate_below_0_is_refused_when_its_step_comes,
    ),
    mutants={
        "counts from 1": _scheduled(at=lambda step: step + 1),
        "one step late": _scheduled(at=lambda step: max(step - 1, 0)),
        "counts not": _scheduled(count=lambda step: step),
        "counts by two": _scheduled(count=lambda step: step + 2),
        "state not kept": _scheduled(keep=lambda old, new: old),
        "counts outside of the state": _counting,
        "stops at the second step": _scheduled(at=lambda step: min(step, 1)),
    },
)

# Lists and dicts of arrays.

NETWORK = {"hidden": [START, START[0]], "out": (START[:, 0], np.asarray(0.5))}


def every_array_moves_as_by_itself(each):
    for alone in (adam(0.1, epsilon=0.5), momentum(0.1)):
        init, update = each(alone)
        params, state = NETWORK, init(NETWORK)
        own = [run(alone, a, 4, lambda p, step: p + step) for a in _flat(NETWORK)]
        for step in range(4):
            grads = optimizers._map(lambda a, k=step: a + k, params=params)
            updates, state = update(grads, state, params)
            params = apply_updates(params, updates)
            for found, expected in zip(_flat(params), own, strict=True):
                close(found, expected[step])


def _flat(arrays):
    return [*arrays["hidden"], *arrays["out"]]


def forms_are_kept(each):
    init, update = each(gradient_descent(1.0))
    updates, state = update(NETWORK, init(NETWORK), NETWORK)
    assert (list(updates), type(updates["hidden"])) == (["hidden", "out"], list)
    assert (type(updates["out"]), updates["out"][1].shape) == (tuple, ())
    assert state == {"hidden": [None, None], "out": (None, None)}
    assert init([]) == []
    assert update([], [], []) == ([], [])
    assert update(START, init(START), START)[0].shape == START.shape


def other_forms_are_refused(each):
    init, update = each(gradient_descent(1.0))
    named, two = {"a": START, "b": START}, [START, START]
    for message, params, grads in (
        (r"a dict of \['a', 'b'\], as params has, got a dict of \['a'\]", named, {"a": START}),
        (r"a dict of \['a', 'b'\], as params has, got a list of 2", named, two),
        ("a list of 2, as params has, got a list of 1", two, two[:1]),
        ("a list of 2, as params has, got a ndarray", two, np.ones((2, 3, 2))),
    ):
        refused(ValueError, f"grads: expected {message}", update, grads, init(params), params)
    refused(TypeError, "grads: expected an array", update, [two], None, START)


def _each(pair):
    """Return an `each` for the network alone, from one array's arguments to its pair."""

    def each(optimizer):
        def update(grads, state, params):
            pairs = [
                pair(optimizer, *one, START)
                for one in zip(_flat(grads), _flat(state), _flat(params), strict=True)
            ]
            (a, b, c, d), (r, s, t, u) = zip(*pairs, strict=True)
            return {"hidden": [a, b], "out": (c, d)}, {"hidden": [r, s], "out": (t, u)}

        return Optimizer(optimizers.each(optimizer).init, update)

    return each


def _flattened(optimizer):
    right = optimizers.each(optimizer)

    def update(grads, state, params):
        updates, new = right.update(grads, state, params)
        return _flat(updates), new

    return Optimizer(right.init, update)


def _unchecked(optimizer):
    def update(grads, state, params):
        try:
            return optimizers.each(optimizer).update(grads, state, params)
        except ValueError:
            return params, state

    return Optimizer(optimizers.each(optimizer).init, update)


EACH = Helper(
    function=each,
    checks=(every_array_moves_as_by_itself, forms_are_kept, other_forms_are_refused),
    mutants={
        "state not kept": _each(lambda o, g, s, p, start: (o.update(g, s, p)[0], s)),
        "state begun again": _each(lambda o, g, s, p, start: o.update(g, o.init(p), p)),
        "parameters for gradients": _each(lambda o, g, s, p, start: o.update(p, s, p)),
        "flattened": _flattened,
        "unchecked": _unchecked,
    },
)


def sums_are_new_arrays(apply_updates):
    for library, dtype in FORMATS:
        params = [make(library, dtype, START), {"bias": make(library, dtype, START[0])}]
        updated = apply_updates(params, params)
        assert dtype_name(updated[0]) == dtype
        assert read(updated[0]).tolist() == (2 * START).tolist()
        assert read(updated[1]["bias"]).tolist() == (2 * START[0]).tolist()
        assert read(params[0]).tolist() == START.tolist()


def what_does_not_fit_is_refused(apply_updates):
    refused(ValueError, r"updates: expected shape \(2,\)", apply_updates, START[0], START)
    refused(ValueError, "updates: expected a list of 1", apply_updates, [START], [START, START])
    refused(TypeError, "updates: expected dtype", apply_updates, START, START.astype("f4"))


def _applied(change):
    def apply(params, updates):
        optimizers.apply_updates(params, updates)
        return optimizers._map(change, params=params, updates=updates)

    return apply


def _add_in_place(p, u):
    p += u
    return p


APPLY_UPDATES = Helper(
    function=apply_updates,
    checks=(sums_are_new_arrays, what_does_not_fit_is_refused),
    mutants={
        "subtracted": _applied(lambda p, u: p - u),
        "updates alone": _applied(lambda p, u: u),
        "in place": _applied(_add_in_place),
        "in float64": _applied(lambda p, u: read(p) + read(u)),
        "unchecked": lambda params, updates: (
            params + updates
            if isinstance(params, np.ndarray)
            else [params[0] + updates[0], {"bias": params[1]["bias"] + updates[1]["bias"]}]
        ),
    },
)

# Clipping.

GRADS = {"weights": 3 * START, "bias": [np.asarray([-4.0]), np.asarray(0.5)]}


def _leaves(arrays):
    return [arrays["weights"], *arrays["bias"]]


for _array in (START, *_leaves(GRADS)):
    _array.flags.writeable = False  # a mutant that writes spoils no other test


def _as_torch(clip, **named):
    """Return what a function of torch.nn.utils makes of the gradients."""
    tensors = [torch.zeros(array.shape, dtype=torch.float64) for array in _leaves(GRADS)]
    for tensor, array in zip(tensors, _leaves(GRADS), strict=True):
        tensor.grad = torch.tensor(array)
    clip(tensors, **named)
    return [tensor.grad.numpy() for tensor in tensors]


def _made(library, dtype, scale=1.0):
    return optimizers._map(lambda a: make(library, dtype, scale * a), grads=GRADS)


def norms_are_torchs(global_norm):
    total = torch.nn.utils.get_total_norm([torch.tensor(a) for a in _leaves(GRADS)])
    close(global_norm(GRADS), total)
    close(global_norm(START), np.linalg.norm(START))
    close(global_norm([np.zeros(3), np.zeros((0, 2))]), 0.0)
    close(global_norm(np.zeros(0)), 0.0)
    close(global_norm(np.asarray(-2.0)), 2.0)
    assert math.isinf(global_norm(np.asarray([1.0, -math.inf])))
    assert math.isnan(global_norm(np.asarray([1.0, math.nan])))


def squares_neither_overflow_nor_vanish(global_norm):
    exact = math.sqrt(sum((a**2).sum() for a in _leaves(GRADS)))
    for library, dtype in FORMATS:
        for scale in (1e3, 1e-3):
            found = global_norm(_made(library, dtype, scale))
            assert dtype_name(found) == dtype
            assert tuple(found.shape) == ()
            close(found, scale * exact, 2 * PRECISION[dtype].rtol)
    many = global_norm(np.ones(10**5, np.float16))
    close(many, math.sqrt(10**5), 2 * PRECISION["float16"].rtol)


def autograd_has_a_slope_at_zero(global_norm):
    x = torch.zeros(2, requires_grad=True)
    global_norm(x).backward()
    assert x.grad.tolist() == [0.0, 0.0]


def what_has_no_norm_is_refused(global_norm):
    refused(ValueError, "grads: expected at least one array, got none", global_norm, [])
    refused(TypeError, r"grads\[1\]: expected dtype", global_norm, [START, START.astype("f4")])
    refused(TypeError, r"grads\[0\]: expected an array", global_norm, 3.0)


def _joined(norm):
    """Return a norm from the namespace and the elements of all arrays."""

    def global_norm(grads):
        optimizers.global_norm(grads)
        leaves = []
        optimizers._map(leaves.append, grads=grads)
        xp = array_api_compat.array_namespace(*leaves)
        return norm(xp, xp.concat([xp.reshape(leaf, (-1,)) for leaf in leaves]))

    return global_norm


GLOBAL_NORM = Helper(
    function=optimizers.global_norm,
    checks=(
        norms_are_torchs,
        squares_neither_overflow_nor_vanish,
        autograd_has_a_slope_at_zero,
        what_has_no_norm_is_refused,
    ),
    mutants={
        "no root": _joined(lambda xp, x: xp.sum(x**2)),
        "mean of squares": _joined(lambda xp, x: xp.mean(x**2) ** 0.5),
        "sum of sizes": _joined(lambda xp, x: xp.sum(xp.abs(x))),
        "squares overflow": _joined(lambda xp, x: xp.sum(x**2) ** 0.5),
        "sum of the arrays' norms": lambda grads: (
            sum(map(optimizers.global_norm, _leaves(grads)))
            if isinstance(grads, dict)
            else optimizers.global_norm(grads)
        ),
        "slope of a bare root": lambda grads: (
            (grads**2).sum() ** 0.5
            if isinstance(grads, torch.Tensor)
            else optimizers.global_norm(grads)
        ),
        "unchecked": lambda grads: (
            0.0 if not len(grads) else optimizers.global_norm(optimizers._map(read, grads=grads))
        ),
    },
)


def gradients_are_clipped_as_torchs(clip_by_norm):
    norm = float(optimizers.global_norm(GRADS))
    for bound in (0.5, norm, 2 * norm):
        theirs = _as_torch(torch.nn.utils.clip_grad_norm_, max_norm=bound)
        for found, expected in zip(
            _leaves(clip_by_norm(GRADS, max_norm=bound)), theirs, strict=True
        ):
            close(found, expected, 1e-13)
    tiny = np.asarray([3e-7, 4e-7])
    close(clip_by_norm(tiny, max_norm=1e-7), tiny / 15, 1e-12)


def clipped_gradients_keep_direction_and_format(clip_by_norm):
    for library, dtype in FORMATS:
        grads = _made(library, dtype, 1e3)
        before = [read(a).tolist() for a in _leaves(grads)]
        clipped = clip_by_norm(grads, max_norm=1.0)
        assert {dtype_name(a) for a in _leaves(clipped)} == {dtype}
        close(optimizers.global_norm(clipped), 1.0, 2 * PRECISION[dtype].rtol, 1e-6)
        assert [read(a).tolist() for a in _leaves(grads)] == before
    assert clip_by_norm(np.zeros(2), max_norm=1.0).tolist() == [0.0, 0.0]


def bounds_that_are_none_are_refused(clip_by_norm):
    for bad, error in ((0.0, ValueError), (-1.0, ValueError), (math.nan, ValueError)):
        refused(
            error, r"max_norm: expected a number in \(0, ∞\)", clip_by_norm, GRADS, max_norm=bad
        )
    refused(TypeError, "max_norm: expected a real number", clip_by_norm, GRADS, max_norm="1")
    refused(ValueError, "grads: expected at least one", clip_by_norm, {}, max_norm=1.0)


def _scaled(factor):
    def clip(grads, *, max_norm):
        optimizers.clip_by_norm(grads, max_norm=max_norm)
        norm = optimizers.global_norm(grads)
        return optimizers._map(lambda a: a * factor(max_norm, norm, a), grads=grads)

    return clip


def _clip_in_place(grads, *, max_norm):
    clipped = optimizers.clip_by_norm(grads, max_norm=max_norm)

    def write(array, new):
        array[...] = new
        return array

    return optimizers._map(write, grads=grads, clipped=clipped)


CLIP_BY_NORM = Helper(
    function=optimizers.clip_by_norm,
    checks=(
        gradients_are_clipped_as_torchs,
        clipped_gradients_keep_direction_and_format,
        bounds_that_are_none_are_refused,
    ),
    mutants={
        "always of this length": _scaled(lambda c, norm, a: c / (norm + 1e-6)),
        "without the 1e-6": _scaled(lambda c, norm, a: min(1, c / norm) if norm else 1),
        "by squares": _scaled(lambda c, norm, a: min(1, (c / (norm + 1e-6)) ** 2)),
        "each array by itself": _scaled(
            lambda c, norm, a: min(1, c / (optimizers.global_norm(a) + 1e-6))
        ),
        "in place": _clip_in_place,
        "unchecked": lambda grads, *, max_norm: (
            optimizers.clip_by_norm(grads, max_norm=abs(float(max_norm)) or 1.0) if grads else grads
        ),
    },
)


def elements_are_clipped_as_torchs(clip_by_value):
    for bound in (0.4, 3.0, 100.0):
        theirs = _as_torch(torch.nn.utils.clip_grad_value_, clip_value=bound)
        ours = clip_by_value(GRADS, max_value=bound)
        for found, expected in zip(_leaves(ours), theirs, strict=True):
            assert found.tolist() == expected.tolist()


def elements_keep_their_format(clip_by_value):
    for library, dtype in FORMATS:
        grads = _made(library, dtype)
        assert {dtype_name(a) for a in _leaves(clip_by_value(grads, max_value=1.0))} == {dtype}
        assert read(grads["weights"]).tolist() == GRADS["weights"].tolist()


def values_that_are_none_are_refused(clip_by_value):
    for bad in (0.0, -1.0, math.nan):
        refused(ValueError, "max_value: expected a number", clip_by_value, GRADS, max_value=bad)
    refused(TypeError, "max_value: expected a real", clip_by_value, GRADS, max_value=None)
    refused(TypeError, "grads: expected an array", clip_by_value, 3.0, max_value=1.0)


def _held(change):
    def clip(grads, *, max_value):
        optimizers.clip_by_value(grads, max_value=max_value)
        return optimizers._map(lambda a: change(a, max_value), grads=grads)

    return clip


def _hold_in_place(a, c):
    if isinstance(a, np.ndarray):
        np.clip(a, -c, c, out=a)
    return a


CLIP_BY_VALUE = Helper(
    function=optimizers.clip_by_value,
    checks=(
        elements_are_clipped_as_torchs,
        elements_keep_their_format,
        values_that_are_none_are_refused,
    ),
    mutants={
        "from above alone": _held(lambda a, c: np.minimum(a, c)),
        "to the sign": _held(lambda a, c: c * np.sign(a)),
        "large ones dropped": _held(lambda a, c: a * (abs(a) <= c)),
        "in place": _held(_hold_in_place),
        "in float64": _held(lambda a, c: np.clip(read(a), -c, c)),
        "unchecked": lambda grads, *, max_value: optimizers._map(
            lambda a: np.clip(a, -1, 1), grads=grads
        ),
    },
)

HELPERS = (
    ORTHOGONALIZE,
    SAM,
    SCHEDULED,
    EACH,
    APPLY_UPDATES,
    GLOBAL_NORM,
    CLIP_BY_NORM,
    CLIP_BY_VALUE,
)


@pytest.mark.parametrize(
    ("helper", "check"),
    [(helper, check) for helper in HELPERS for check in helper.checks],
    ids=lambda value: value.name if isinstance(value, Helper) else value.__name__,
)
def test_what_goes_around_an_optimizer(helper, check):
    check(helper.function)


@pytest.mark.parametrize("helper", HELPERS, ids=lambda helper: helper.name)
def test_mutants_are_rejected(request, helper):
    mutants = [Mutant(name, mutant) for name, mutant in helper.mutants.items()]
    assert_rejected(request, helper.name, helper.checks, mutants, table=f"optimizers {helper.name}")


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_a_small_network_trains_as_with_torchs_optimizer(library):
    """A training loop as a page writes it: a dict of arrays, clipped, with a schedule."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    start = {"w": rng.normal(size=(3, 4)), "b": np.zeros(4), "v": rng.normal(size=(4, 1))}

    def slopes(params):
        leaves = {k: torch.tensor(read(p), requires_grad=True) for k, p in params.items()}
        out = torch.tanh(torch.tensor(x) @ leaves["w"] + leaves["b"]) @ leaves["v"]
        grads = torch.autograd.grad(((out - torch.tensor(y)) ** 2).sum(), [*leaves.values()])
        return {k: make(library, "float64", g) for k, g in zip(leaves, grads, strict=True)}

    init, update = each(scheduled(lambda step: adamw(0.1 / (step + 1), weight_decay=0.5)))
    params = {k: make(library, "float64", p) for k, p in start.items()}
    state = init(params)
    theirs = {k: torch.tensor(p) for k, p in start.items()}
    optimizer = torch.optim.AdamW([*theirs.values()], lr=0.1, weight_decay=0.5)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    for _ in range(STEPS):
        grads = optimizers.clip_by_norm(slopes(params), max_norm=2.0)
        updates, state = update(grads, state, params)
        params = apply_updates(params, updates)
        for k, g in slopes(theirs).items():
            theirs[k].grad = torch.as_tensor(g)
        torch.nn.utils.clip_grad_norm_([*theirs.values()], 2.0)
        optimizer.step()
        schedule.step()
    for k, p in params.items():
        close(p, theirs[k], 1e-9)


@pytest.mark.parametrize(
    ("function", "least"),
    [(optimizers.adagrad, 1.7e-4), (optimizers.rmsprop, 1.7e-3), (adam, 5e-3)],
)
def test_float16_fails_where_the_docstrings_say(function, least):
    """An epsilon of 1e-8 is 0 there, and so is the mean of small squares."""
    init, update = function(0.1)
    params = np.zeros(4, np.float16)
    grads = np.asarray([0.0, 0.95 * least, 1.2 * least, 256.0], np.float16)
    with np.errstate(all="ignore"):
        updates, _ = update(grads, init(params), params)
    assert np.isnan(updates[0])
    assert np.isinf(updates[1])
    assert np.isfinite(updates[2])
    assert updates[3] == 0


def test_every_function_is_tested():
    tested = {case.name for case in (*CASES, *HELPERS)} | {"Optimizer"}
    assert tested == set(optimizers.__all__)
