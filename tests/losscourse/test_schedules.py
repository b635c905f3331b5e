"""schedules: known values, torch's schedulers, the papers' formulas; wrong versions as mutants."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from losscourse import schedules
from losscourse.schedules import cosine_schedule, linear_schedule
from tests.losscourse.losses.helper import Helper
from tests.losscourse.mutants import Mutant, assert_rejected


def refused(error, message, function, *arguments, **named):
    with pytest.raises(error, match=f"^{message}"):
        function(*arguments, **named)


def rates(make_scheduler, steps, start):
    """Return the learning rates of torch's scheduler, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=start)
    scheduler, found = make_scheduler(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def agrees(schedule, make_scheduler, steps, start):
    """Check a schedule against torch's."""
    expected = rates(make_scheduler, steps, start)
    values = [schedule(step) for step in range(steps)]
    assert values == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert all(type(value) is float for value in values)


# From one value to another.


def checks_between(middle, make_scheduler, **more):
    """Return the checks of a schedule from 8 to 2 whose value at each quarter is known."""

    def known_values_are_reached(schedule):
        values = [schedule(step, start=8.0, end=2.0, steps=4, **more) for step in range(6)]
        assert values == pytest.approx([8.0, *middle, 2.0, 2.0], rel=1e-12)
        assert all(type(value) is float for value in values)

    def values_are_torchs(schedule):
        ours = partial(schedule, start=0.8, end=0.2 * (not more), steps=7, **more)
        agrees(ours, make_scheduler, 8, 0.8)

    def ends_are_exact_both_ways(schedule):
        for start, end in ((0.1, 0.3), (0.3, 0.1), (2.0, 2.0)):
            assert schedule(0, start=start, end=end, steps=7, **more) == start
            for step in (7, 8, 1e9):
                assert schedule(step, start=start, end=end, steps=7, **more) == end

    def wrong_arguments_are_refused(schedule):
        good = {"start": 1.0, "end": 2.0, "steps": 4, **more}
        refused(ValueError, "step: expected a number", schedule, -1, **good)
        refused(ValueError, "steps: expected a number", schedule, 1, **{**good, "steps": 0})
        for argument in ("start", "end", *more):
            for bad, error in ((math.nan, ValueError), ("1", TypeError), (math.inf, ValueError)):
                message = f"{argument}: expected a"
                refused(error, message, schedule, 1, **{**good, argument: bad})
        refused(TypeError, "step: expected a real number", schedule, None, **good)

    return (
        known_values_are_reached,
        values_are_torchs,
        ends_are_exact_both_ways,
        wrong_arguments_are_refused,
    )


def mutants_between(right, **other):
    """Return what can go wrong with any schedule, and with this one."""

    def wrong(body):
        def schedule(step, *, start, end, steps, **more):
            right(step, start=start, end=end, steps=steps, **more)
            return body(partial(right, **more), step, start, end, steps)

        return schedule

    return {
        "backwards": wrong(lambda right, step, a, b, n: right(step, start=b, end=a, steps=n)),
        "one step late": wrong(
            lambda right, step, a, b, n: right(max(step - 1, 0), start=a, end=b, steps=n)
        ),
        "starts again": wrong(
            lambda right, step, a, b, n: right(step % n, start=a, end=b, steps=n)
        ),
        "last step at n - 1": wrong(
            lambda right, step, a, b, n: right(step, start=a, end=b, steps=n - 1)
        ),
        "unchecked": lambda step, *, start, end, steps, **more: (
            start
            if not step
            else end
            if step >= steps
            else right(abs(step), start=start, end=end, steps=steps, **more)
        ),
        **{name: wrong(body) for name, body in other.items()},
    }


def _linear(right, step, a, b, n):
    return linear_schedule(step, start=a, end=b, steps=n)


def _cosine(right, step, a, b, n):
    return cosine_schedule(step, start=a, end=b, steps=n)


def _power(change):
    """Return a polynomial schedule of another power."""
    return lambda right, step, a, b, n: schedules.polynomial_schedule(
        step, start=a, end=b, steps=n, power=change(right.keywords["power"])
    )


def _part_to_a_power(right, step, a, b, n):
    part = min(step / n, 1) ** right.keywords["power"]
    return (1 - part) * a + part * b


LINEAR = Helper(
    function=schedules.linear_schedule,
    checks=checks_between(
        [6.5, 5.0, 3.5], lambda o: lr_scheduler.LinearLR(o, 1.0, end_factor=0.25, total_iters=7)
    ),
    mutants=mutants_between(schedules.linear_schedule, cosine=_cosine),
)
COSINE = Helper(
    function=schedules.cosine_schedule,
    checks=checks_between(
        [5 + 3 / math.sqrt(2), 5.0, 5 - 3 / math.sqrt(2)],
        lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=7, eta_min=0.2),
    ),
    mutants=mutants_between(schedules.cosine_schedule, linear=_linear),
)
EXPONENTIAL = Helper(
    function=schedules.exponential_schedule,
    checks=checks_between(
        [4 * math.sqrt(2), 4.0, 2 * math.sqrt(2)],
        lambda o: lr_scheduler.ExponentialLR(o, 0.25 ** (1 / 7)),
    ),
    mutants=mutants_between(schedules.exponential_schedule, linear=_linear),
)
POLYNOMIAL = Helper(
    function=schedules.polynomial_schedule,
    checks=checks_between(
        [2 + 6 * 0.75**3, 2 + 6 * 0.5**3, 2 + 6 * 0.25**3],
        lambda o: lr_scheduler.PolynomialLR(o, 7, power=3.0),
        power=3.0,
    ),
    mutants=mutants_between(
        schedules.polynomial_schedule,
        linear=_linear,
        **{
            "power of what is done": _part_to_a_power,
            "one over the power": _power(lambda p: 1 / p),
            "power less 1": _power(lambda p: p - 1),
        },
    ),
)


def test_an_exponential_schedule_has_positive_ends():
    exponential = schedules.exponential_schedule
    for bad in (0.0, -1.0):
        refused(ValueError, "start", exponential, 1, start=bad, end=1, steps=4)
        refused(ValueError, "end", exponential, 1, start=1, end=bad, steps=4)


# Without an end.


def refusals(good, **bad):
    """Return the check that wrong arguments are refused, by name of the argument."""

    def wrong_arguments_are_refused(schedule):
        for name, value in {"step": -1.0, **bad}.items():
            arguments = {"step": 1.0, **good}
            for wrong, error in ((value, ValueError), (math.nan, ValueError), ("1", TypeError)):
                refused(error, f"{name}: expected a", schedule, **{**arguments, name: wrong})

    return wrong_arguments_are_refused


def careless(right, **good):
    """Return the schedule, its arguments unchecked."""

    def schedule(step, **named):
        try:
            return right(step, **named)
        except (TypeError, ValueError):
            return right(1.0, **good)

    return schedule


def stairs_are_torchs(schedule):
    for factor in (0.3, 2.0):
        ours = partial(schedule, start=0.8, factor=factor, every=3)
        agrees(ours, lambda o, f=factor: lr_scheduler.StepLR(o, step_size=3, gamma=f), 10, 0.8)
    assert schedule(2.5, start=1.0, factor=0.5, every=0.5) == 0.5**5


STAIRS = {"start": 1.0, "factor": 0.5, "every": 3}


def _stairs(body):
    def schedule(step, *, start, factor, every):
        schedules.step_decay_schedule(step, start=start, factor=factor, every=every)
        return float(body(step, start, factor, every))

    return schedule


STEP_DECAY = Helper(
    function=schedules.step_decay_schedule,
    checks=(stairs_are_torchs, refusals(STAIRS, start=math.inf, factor=0.0, every=0.0)),
    mutants={
        "a smooth fall": _stairs(lambda step, a, f, n: a * f ** (step / n)),
        "one step late": _stairs(lambda step, a, f, n: a * f ** (max(step - 1, 0) // n)),
        "once alone": _stairs(lambda step, a, f, n: a * (f if step >= n else 1)),
        "rounded": _stairs(lambda step, a, f, n: a * f ** round(step / n)),
        "unchecked": careless(schedules.step_decay_schedule, **STAIRS),
    },
)


def roots_fall_as_in_the_paper(schedule):
    """The Transformer's schedule counts from 1 and rises for `steps` before it falls."""
    for steps in (4, 100):
        peak = 512**-0.5 * steps**-0.5
        for number in (steps, steps + 1, 3 * steps, 50 * steps):
            paper = 512**-0.5 * min(number**-0.5, number * steps**-1.5)
            assert schedule(number - steps, start=peak, steps=steps) == pytest.approx(paper, 1e-12)
    whole = partial(schedules.warmup_schedule, steps=8, after=partial(schedule, start=2.0, steps=8))
    for number in (1, 5, 8, 9, 70):
        paper = 2 * math.sqrt(8) * min(number**-0.5, number * 8**-1.5)
        assert whole(number) == pytest.approx(paper, rel=1e-12)


def _root(body):
    def schedule(step, *, start, steps):
        schedules.inverse_square_root_schedule(step, start=start, steps=steps)
        return body(step, start, steps)

    return schedule


INVERSE_SQUARE_ROOT = Helper(
    function=schedules.inverse_square_root_schedule,
    checks=(
        roots_fall_as_in_the_paper,
        refusals({"start": 1.0, "steps": 5.0}, start=math.inf, steps=0.0),
    ),
    mutants={
        "no root": _root(lambda step, a, n: a * n / (n + step)),
        "of the step alone": _root(lambda step, a, n: a / math.sqrt(step + 1)),
        "one step late": _root(lambda step, a, n: a * math.sqrt(n / (n + max(step - 1, 0)))),
        "steps left out": _root(lambda step, a, n: a / math.sqrt(n + step)),
        "unchecked": careless(schedules.inverse_square_root_schedule, start=1.0, steps=5.0),
    },
)


def restarts_are_torchs(schedule):
    for factor in (1, 2, 3):
        ours = partial(schedule, start=0.8, end=0.2, steps=3, factor=factor)
        theirs = partial(
            lr_scheduler.CosineAnnealingWarmRestarts, T_0=3, T_mult=factor, eta_min=0.2
        )
        agrees(ours, theirs, 30, 0.8)
    agrees(
        partial(schedule, start=0.8, end=0.0, steps=4),
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=4),
        9,
        0.8,
    )


def late_steps_are_fast_and_exact(schedule):
    assert schedule(10**9, start=2.0, end=0.0, steps=10) == 2.0
    assert schedule(10**9 + 5, start=2.0, end=0.0, steps=10) == pytest.approx(1.0)
    assert schedule(2.0**40 - 1, start=2.0, end=0.0, steps=1, factor=2) == 2.0


RESTARTS = {"start": 1.0, "end": 0.5, "steps": 4}


def _restarts(body):
    def schedule(step, *, start, end, steps, factor=1.0):
        schedules.cosine_restart_schedule(step, start=start, end=end, steps=steps, factor=factor)
        return body(step, start, end, steps, factor)

    return schedule


def _looped(late=0, grow=lambda n, f, first: n * f):
    def body(step, a, b, n, f):
        first = n
        for _ in range(60):
            if step >= n + late:
                step, n = step - n - late, grow(n, f, first)
        return cosine_schedule(step, start=a, end=b, steps=n)

    return _restarts(body)


COSINE_RESTART = Helper(
    function=schedules.cosine_restart_schedule,
    checks=(
        restarts_are_torchs,
        late_steps_are_fast_and_exact,
        refusals(RESTARTS, start=math.inf, end=math.inf, steps=0.0, factor=0.5),
    ),
    mutants={
        "no restart": _restarts(
            lambda step, a, b, n, f: cosine_schedule(step, start=a, end=b, steps=n)
        ),
        "cycles of one length": _restarts(
            lambda step, a, b, n, f: cosine_schedule(step % n, start=a, end=b, steps=n)
        ),
        "cycles grow by a sum": _looped(grow=lambda n, f, first: n + f * first),
        "restart a step late": _looped(late=1),
        "loses itself in late steps": _looped(),
        "goes back up": _restarts(
            lambda step, a, b, n, f: b + (a - b) * (1 + math.cos(math.pi * step / n)) / 2
        ),
        "unchecked": careless(schedules.cosine_restart_schedule, **RESTARTS),
    },
)

# Up and down.

CYCLE = {"start": 0.1, "peak": 1.0, "end": 0.01, "steps": 10}


def cycles_are_torchs(schedule):
    for rise in (0.3, 0.5, 0.25):
        ours = partial(schedule, **CYCLE, rise=rise)
        theirs = partial(
            lr_scheduler.OneCycleLR,
            max_lr=1.0,
            total_steps=11,
            pct_start=(rise * 10 + 1) / 11,
            div_factor=10,
            final_div_factor=10,
            cycle_momentum=False,
        )
        expected = rates(lambda o, t=theirs: _Capped(t(o), 11), 11, 0.1)
        assert [ours(step) for step in range(11)] == pytest.approx(expected, rel=1e-10)
    assert schedule(3, **CYCLE) == 1.0


class _Capped:
    """A scheduler that is not asked beyond its last step."""

    def __init__(self, scheduler, steps):
        self.scheduler, self.left = scheduler, steps - 1

    def step(self):
        if self.left:
            self.scheduler.step()
        self.left -= 1


def corners_are_exact(schedule):
    for step, value in ((0, 0.1), (5, 1.0), (10, 0.01), (11, 0.01), (1e9, 0.01)):
        assert schedule(step, **CYCLE, rise=0.5) == value


def _cycle(body):
    def schedule(step, *, start, peak, end, steps, rise=0.3):
        schedules.one_cycle_schedule(step, start=start, peak=peak, end=end, steps=steps, rise=rise)
        return body(step, start, peak, end, steps, rise)

    return schedule


def _two(between, down_from=lambda top, n: top):
    def body(step, a, p, b, n, r):
        top = r * n
        if step < top:
            return between(step, start=a, end=p, steps=top)
        first = down_from(top, n)
        return between(max(step - first, 0), start=p, end=b, steps=n - first)

    return _cycle(body)


ONE_CYCLE = Helper(
    function=schedules.one_cycle_schedule,
    checks=(
        cycles_are_torchs,
        corners_are_exact,
        refusals(CYCLE, start=math.inf, peak=math.inf, end=math.inf, steps=0.0, rise=1.0),
    ),
    mutants={
        "straight lines": _two(linear_schedule),
        "down a step late": _two(cosine_schedule, down_from=lambda top, n: top + 1),
        "down to the start": _cycle(
            lambda step, a, p, b, n, r: schedules.one_cycle_schedule(
                step, start=a, peak=p, end=a, steps=n, rise=r
            )
        ),
        "rise and fall swapped": _cycle(
            lambda step, a, p, b, n, r: schedules.one_cycle_schedule(
                step, start=a, peak=p, end=b, steps=n, rise=1 - r
            )
        ),
        "falls over all steps": _two(cosine_schedule, down_from=lambda top, n: 0),
        "unchecked": careless(schedules.one_cycle_schedule, **CYCLE),
    },
)

# Warm-up.


def _falling(step):
    return cosine_schedule(step, start=0.8, end=0.1, steps=6)


def warm_starts_are_torchs(schedule):
    def theirs(optimizer):
        warm = lr_scheduler.LinearLR(optimizer, 0.25, total_iters=4)
        cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=6, eta_min=0.1)
        return lr_scheduler.SequentialLR(optimizer, [warm, cosine], milestones=[4])

    agrees(partial(schedule, after=_falling, steps=4, start=0.2), theirs, 11, 0.8)


def the_first_value_is_0_and_the_last_of_the_rise_is_next_to_the_peak(schedule):
    values = [schedule(step, after=lambda step: 8.0 - step, steps=4) for step in range(7)]
    assert values == [0.0, 2.0, 4.0, 6.0, 8.0, 7.0, 6.0]
    assert type(schedule(9, after=lambda step: np.float64(2), steps=4)) is float


def what_is_no_schedule_is_refused(schedule):
    for step in (1, 9):
        refused(
            TypeError, "after: expected a function of the step", schedule, step, after=1.0, steps=4
        )
    refused(ValueError, "steps: expected", schedule, 1, after=_falling, steps=0)
    refused(ValueError, "step: expected", schedule, -1, after=_falling, steps=4)
    for step in (1, 9):
        refused(
            ValueError, "start: expected", schedule, step, after=_falling, steps=4, start=math.inf
        )


def _warmup(body):
    def schedule(step, *, after, steps, start=0.0):
        schedules.warmup_schedule(step, after=after, steps=steps, start=start)
        return float(body(step, after, steps, start))

    return schedule


def _rising(step, after, n, a):
    return linear_schedule(step, start=a, end=after(0), steps=n)


WARMUP = Helper(
    function=schedules.warmup_schedule,
    checks=(
        warm_starts_are_torchs,
        the_first_value_is_0_and_the_last_of_the_rise_is_next_to_the_peak,
        what_is_no_schedule_is_refused,
    ),
    mutants={
        "after counts from the start": _warmup(
            lambda step, after, n, a: after(step) if step >= n else _rising(step, after, n, a)
        ),
        "rises towards the schedule as it falls": _warmup(
            lambda step, after, n, a: (
                after(step - n) if step >= n else a + (after(step) - a) * step / n
            )
        ),
        "counts from 1": _warmup(
            lambda step, after, n, a: (
                after(step - n) if step >= n else _rising(step + 1, after, n, a)
            )
        ),
        "no rise": _warmup(lambda step, after, n, a: after(max(step - n, 0))),
        "start left out": _warmup(
            lambda step, after, n, a: after(step - n) if step >= n else _rising(step, after, n, 0.0)
        ),
        "in NumPy's float": lambda step, **named: np.float64(
            schedules.warmup_schedule(step, **named)
        ),
        "unchecked": careless(schedules.warmup_schedule, after=_falling, steps=4),
    },
)

HELPERS = (
    LINEAR,
    COSINE,
    EXPONENTIAL,
    POLYNOMIAL,
    STEP_DECAY,
    INVERSE_SQUARE_ROOT,
    COSINE_RESTART,
    ONE_CYCLE,
    WARMUP,
)


def test_every_public_function_is_held():
    assert {helper.name for helper in HELPERS} == set(schedules.__all__)


@pytest.mark.parametrize(
    ("helper", "check"),
    [pytest.param(h, c, id=f"{h.name}-{c.__name__}") for h in HELPERS for c in h.checks],
)
def test_schedules(helper, check):
    check(helper.function)


@pytest.mark.parametrize("helper", HELPERS, ids=lambda helper: helper.name)
def test_mutants_are_rejected(request, helper):
    mutants = [Mutant(name, function) for name, function in helper.mutants.items()]
    assert_rejected(request, helper.name, helper.checks, mutants, table=f"schedules {helper.name}")
