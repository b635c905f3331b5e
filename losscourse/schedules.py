"""Schedules: a number as a function of the step, for a learning rate or a loss's hyperparameter.

Each is a pure function of the step and of keywords. The step counts from 0, and need not be whole:
it can be an epoch with its part. With `optimizers.scheduled` a schedule drives an optimiser.
Schedules of teacher forcing are in `losses.sequence`.
"""

import math
from collections.abc import Callable

from losscourse.arrays import NON_NEGATIVE, POSITIVE, REALS, UNIT_OPEN, Interval, check_in

__all__ = [
    "cosine_restart_schedule",
    "cosine_schedule",
    "exponential_schedule",
    "inverse_square_root_schedule",
    "linear_schedule",
    "one_cycle_schedule",
    "polynomial_schedule",
    "step_decay_schedule",
    "warmup_schedule",
]

_FROM_ONE = Interval(1, math.inf, low_closed=True)


def linear_schedule(step: float, *, start: float, end: float, steps: float) -> float:
    r"""Return a hyperparameter that goes from one value to another at a constant rate.

    Formula: $a + (b - a)\,t$ with $t = \min(\text{step}/\text{steps}, 1)$, a the `start` and b the
    `end`.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the value stays.
        start: The value at step 0, such as focal's gamma or Huber's delta.
        end: The value from `steps` on.
        steps: How long the change takes; positive.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `step` counts from 0: step 0 has the value `start`.
        `torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, end_factor=end / start,
        total_iters=steps)`.

    Example:
        >>> [linear_schedule(step, start=0.0, end=2.0, steps=10) for step in (0, 5, 10, 15)]
        [0.0, 1.0, 2.0, 2.0]
    """
    part = _part(step, steps)
    start, end = check_in(REALS, start=start), check_in(REALS, end=end)
    return (1 - part) * start + part * end


def cosine_schedule(step: float, *, start: float, end: float, steps: float) -> float:
    r"""Return a hyperparameter that goes from one value to another along half a cosine.

    Formula: $b + (a - b)\,(1 + \cos \pi t)/2$ with $t = \min(\text{step}/\text{steps}, 1)$, a the
    `start` and b the `end`: slow at both ends.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the value stays.
        start: The value at step 0.
        end: The value from `steps` on.
        steps: How long the change takes; positive.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `step` counts from 0: step 0 has the value `start`. No restart.
        `torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=end)` up to
        `steps`, from where on torch's rises again.

    Example:
        >>> [cosine_schedule(step, start=2.0, end=0.0, steps=10) for step in (0, 5, 10)]
        [2.0, 1.0, 0.0]

    Reference:
        Loshchilov and Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts.
    """
    part = (1 - math.cos(math.pi * _part(step, steps))) / 2
    start, end = check_in(REALS, start=start), check_in(REALS, end=end)
    return (1 - part) * start + part * end


def exponential_schedule(step: float, *, start: float, end: float, steps: float) -> float:
    r"""Return a hyperparameter that goes from one value to another by a constant factor.

    Formula: $a\,(b/a)^t$ with $t = \min(\text{step}/\text{steps}, 1)$, a the `start` and b the
    `end`.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the value stays.
        start: The value at step 0; positive.
        end: The value from `steps` on; positive.
        steps: How long the change takes; positive.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `step` counts from 0: step 0 has the value `start`.
        `torch.optim.lr_scheduler.ExponentialLR(optimizer, (end / start) ** (1 / steps))` up to
        `steps`, from where on torch's goes on.

    Example:
        >>> [exponential_schedule(step, start=16.0, end=1.0, steps=4) for step in (0, 1, 2, 4)]
        [16.0, 8.0, 4.0, 1.0]
    """
    part = _part(step, steps)
    start, end = check_in(POSITIVE, start=start), check_in(POSITIVE, end=end)
    return start ** (1 - part) * end**part


def polynomial_schedule(
    step: float, *, start: float, end: float, steps: float, power: float
) -> float:
    r"""Return a hyperparameter that goes from one value to another by a power of what is left.

    Formula: $b + (a - b)\,(1 - t)^p$ with $t = \min(\text{step}/\text{steps}, 1)$, a the `start`, b
    the `end` and p the `power`.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the value stays.
        start: The value at step 0.
        end: The value from `steps` on.
        steps: How long the change takes; positive.
        power: Positive. At 1 it is `linear_schedule`; above, most of the change comes early.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `torch.optim.lr_scheduler.PolynomialLR(optimizer, steps, power)`, whose end is 0.

    Example:
        >>> [polynomial_schedule(step, start=4.0, end=0.0, steps=4, power=2) for step in (0, 2, 4)]
        [4.0, 1.0, 0.0]
    """
    left = (1 - _part(step, steps)) ** check_in(POSITIVE, power=power)
    start, end = check_in(REALS, start=start), check_in(REALS, end=end)
    return left * start + (1 - left) * end


def step_decay_schedule(step: float, *, start: float, factor: float, every: float) -> float:
    r"""Return a hyperparameter that is multiplied by a factor every so many steps.

    Formula: $a f^{\lfloor \text{step}/n \rfloor}$ with a the `start`, f the `factor`, n `every`.

    Args:
        step: How many steps are done; at least 0.
        start: The value at step 0.
        factor: What it is multiplied by; positive.
        every: How many steps have one value; positive.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `torch.optim.lr_scheduler.StepLR(optimizer, step_size=every, gamma=factor)`.

    Example:
        >>> [step_decay_schedule(step, start=8.0, factor=0.5, every=3) for step in (0, 2, 3, 6)]
        [8.0, 8.0, 4.0, 2.0]
    """
    times = check_in(NON_NEGATIVE, step=step) // check_in(POSITIVE, every=every)
    return check_in(REALS, start=start) * check_in(POSITIVE, factor=factor) ** times


def inverse_square_root_schedule(step: float, *, start: float, steps: float) -> float:
    r"""Return a hyperparameter that falls as one over the root of the step, without an end.

    Formula: $a \sqrt{n/(n + \text{step})}$ with a the `start` and n the `steps`.

    Args:
        step: How many steps are done; at least 0.
        start: The value at step 0.
        steps: After three times as many it is half; positive.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        The Transformer's schedule is this one after a `warmup_schedule` of as many `steps`, from 0,
        at the step that the paper counts from 1. torch has no equivalent but `LambdaLR`.

    Example:
        >>> [inverse_square_root_schedule(step, start=1.0, steps=10) for step in (0, 30, 150)]
        [1.0, 0.5, 0.25]

    Reference:
        Vaswani et al. (2017), Attention Is All You Need, equation 3.
    """
    step, steps = check_in(NON_NEGATIVE, step=step), check_in(POSITIVE, steps=steps)
    return check_in(REALS, start=start) * math.sqrt(steps / (steps + step))


def cosine_restart_schedule(
    step: float, *, start: float, end: float, steps: float, factor: float = 1.0
) -> float:
    r"""Return a hyperparameter that follows `cosine_schedule` again and again.

    Formula: the cosine of `cosine_schedule` over n steps, then over $nf$, $nf^2$, …, each from the
    `start` anew, with n the `steps` and f the `factor`.

    Args:
        step: How many steps are done; at least 0.
        start: The value at step 0 and after each restart.
        end: What the value goes towards; the restart comes in place of it.
        steps: How long the first cycle takes; positive.
        factor: By how much each cycle is longer than the one before; at least 1.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=steps, T_mult=factor,
        eta_min=end)`.

    Example:
        >>> [cosine_restart_schedule(step, start=2.0, end=0.0, steps=2) for step in range(5)]
        [2.0, 1.0, 2.0, 1.0, 2.0]

    Reference:
        Loshchilov and Hutter (2017), SGDR: Stochastic Gradient Descent with Warm Restarts,
        equation 5.
    """
    step, steps = check_in(NON_NEGATIVE, step=step), check_in(POSITIVE, steps=steps)
    factor = check_in(_FROM_ONE, factor=factor)
    step = step % steps if factor == 1 else step
    while step >= steps:
        step, steps = step - steps, steps * factor
    return cosine_schedule(step, start=start, end=end, steps=steps)


def one_cycle_schedule(
    step: float, *, start: float, peak: float, end: float, steps: float, rise: float = 0.3
) -> float:
    r"""Return a hyperparameter that goes up along half a cosine and down along another.

    Formula: `cosine_schedule` from `start` to `peak` until step $rn$, then from `peak` to `end`
    until step n, with r the `rise` and n the `steps`.

    Args:
        step: How many steps are done; at least 0. Beyond `steps` the value stays.
        start: The value at step 0.
        peak: The value in between.
        end: The value from `steps` on.
        steps: How long both take; positive.
        rise: The share of the steps until the peak; above 0, below 1.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number.
        ValueError: An argument is out of its domain.

    Convention:
        `torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=steps + 1,
        pct_start=(rise * steps + 1) / (steps + 1), div_factor=peak / start,
        final_div_factor=start / end)`: torch counts the step that is at the `end`. The paper's
        cycle is of straight lines; momentum goes the other way: schedule that as well.

    Example:
        >>> rates = {"start": 0.5, "peak": 2.0, "end": 0.0, "steps": 10}
        >>> [one_cycle_schedule(step, **rates) for step in (0, 3, 10)]
        [0.5, 2.0, 0.0]

    Reference:
        Smith and Topin (2019), Super-Convergence: Very Fast Training of Neural Networks Using
        Large Learning Rates.
    """
    top = check_in(POSITIVE, steps=steps) * check_in(UNIT_OPEN, rise=rise)
    start, end = check_in(REALS, start=start), check_in(REALS, end=end)
    peak = check_in(REALS, peak=peak)
    if check_in(NON_NEGATIVE, step=step) < top:
        return cosine_schedule(step, start=start, end=peak, steps=top)
    return cosine_schedule(step - top, start=peak, end=end, steps=steps - top)


def warmup_schedule(
    step: float, *, after: Callable[[float], float], steps: float, start: float = 0.0
) -> float:
    r"""Return a hyperparameter that rises at a constant rate, and then follows another schedule.

    Formula: $a + (s(0) - a)\,\text{step}/n$ before step n, then $s(\text{step} - n)$, with a the
    `start`, s the schedule `after` and n the `steps`.

    Args:
        step: How many steps are done; at least 0.
        after: From the step after the warm-up, counted from 0, to the value.
        steps: How long the warm-up takes; positive.
        start: The value at step 0.

    Returns:
        The value, as a Python float.

    Raises:
        TypeError: An argument is no number, or `after` no function.
        ValueError: An argument is out of its domain.

    Convention:
        From a `start` of 0 the first step of an optimiser does nothing. With another,
        `torch.optim.lr_scheduler.SequentialLR(optimizer, [LinearLR(optimizer, start / after(0),
        total_iters=steps), ...], milestones=[steps])`, where `...` is torch's schedule `after`.

    Example:
        >>> def falling(step):
        ...     return linear_schedule(step, start=1.0, end=0.0, steps=8)
        >>> [warmup_schedule(step, after=falling, steps=2) for step in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if not callable(after):
        raise TypeError(f"after: expected a function of the step, got {type(after).__name__}")
    start = check_in(REALS, start=start)
    if check_in(NON_NEGATIVE, step=step) < check_in(POSITIVE, steps=steps):
        return linear_schedule(step, start=start, end=after(0.0), steps=steps)
    return float(after(step - steps))


def _part(step: float, steps: float) -> float:
    """Return which part of the steps is done, at most 1."""
    return min(check_in(NON_NEGATIVE, step=step) / check_in(POSITIVE, steps=steps), 1.0)
