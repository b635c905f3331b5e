"""What is stated about a loss so that the suites can test it: one Case per public loss."""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import array_api_compat
import numpy as np

from losscourse.arrays import Array
from tests.losscourse.libraries import read

Setting = Mapping[str, float]
"""Hyperparameters by name."""


@dataclass(frozen=True)
class Point:
    """One example whose gradient is declared: a kink, or a limit where an argument is infinite.

    `gradient` is the derivative by the first argument; `value` is the loss, None where the exact
    formula gives it.
    """

    arguments: tuple[float, ...]
    gradient: float
    value: float | None = None


@dataclass(frozen=True)
class Identity:
    """A relation to another function: `sides(loss)` returns two arrays that must be equal."""

    name: str
    sides: Callable[[Callable[..., Array]], tuple[Array, Array]]


@dataclass(frozen=True)
class Wrong:
    """A wrong body for the loss or its gradient, `body(*arrays, **hyperparameters)`.

    Unless `unchecked`, the arguments are still checked as the right function checks them, so that
    it is the formula that must be found wrong.
    """

    name: str
    of: str
    body: Callable[..., Array]
    unchecked: bool = False


@dataclass(frozen=True)
class Case:
    """One loss, and all that its tests need.

    Args:
        loss: The loss per example; its first argument is what the gradient is taken by.
        gradient: The derivative of the summed loss by the first argument.
        settings: Hyperparameters to test at, the defaults among them.
        draw: `draw(rng, n, scale)` returns the arrays of n examples as NumPy arrays, floats as
            float64. Residuals or logits are of the size of `scale`.
        oracle: Who else computes it, and `oracle(*arrays, **setting)` on float64 NumPy arrays.
        exact: The loss of one example in mpmath, from numbers (nested lists for rows).
        statistic: `statistic(targets, **setting)`: the constant prediction that minimises the
            mean loss, found without the loss.
        kinks: `kinks(**setting)`: where the loss has no derivative, and the subgradient declared.
        seams: `seams(**setting)`: residuals where the formula's pieces meet, for the catalogue's
            smoothness; one smooth point where there are none.
        limits: `limits(**setting)`: examples with an infinite argument, with value and gradient.
        identities: Relations to other functions.
        wrongs: Plausible wrong versions, at least three.
        elementwise: The arrays may have any one shape; else the first axis alone is the batch.
    """

    loss: Callable[..., Array]
    gradient: Callable[..., Array]
    settings: tuple[Setting, ...]
    draw: Callable[[np.random.Generator, int, float], tuple[np.ndarray, ...]]
    oracle: tuple[str, Callable[..., np.ndarray]]
    exact: Callable[..., Any]
    statistic: Callable[..., float]
    limits: Callable[..., Sequence[Point]]
    identities: tuple[Identity, ...]
    wrongs: tuple[Wrong, ...]
    kinks: Callable[..., Sequence[Point]] = field(default=lambda **setting: ())
    seams: Callable[..., Sequence[float]] = field(default=lambda **setting: (0.0,))
    elementwise: bool = True

    @property
    def name(self) -> str:
        """The loss's name."""
        return self.loss.__name__

    @property
    def arrays(self) -> list[str]:
        """The names of the array arguments."""
        return [name for name, p in self._parameters if p.kind is not p.KEYWORD_ONLY]

    @property
    def hyperparameters(self) -> list[str]:
        """The names of the keyword-only arguments."""
        return [name for name, p in self._parameters if p.kind is p.KEYWORD_ONLY]

    @property
    def _parameters(self) -> list[tuple[str, inspect.Parameter]]:
        return list(inspect.signature(self.loss).parameters.items())

    def mutated(self, wrong: Wrong) -> "Case":
        """Return the case with the loss or its gradient replaced by the wrong version."""
        right = getattr(self, wrong.of)

        @functools.wraps(right)
        def replaced(*arrays: Array, **hyperparameters: float) -> Array:
            if not wrong.unchecked:
                right(*arrays, **hyperparameters)
                hyperparameters = {name: float(value) for name, value in hyperparameters.items()}
            return wrong.body(*arrays, **hyperparameters)

        return dataclasses.replace(self, **{wrong.of: replaced})

    @property
    def common_wrongs(self) -> tuple[Wrong, ...]:
        """What can go wrong with any loss, whatever its formula."""
        return tuple(
            Wrong(name, "loss", functools.partial(_spoilt, self.loss, spoil))
            for name, spoil in _SPOILS.items()
        )


def _spoilt(loss: Callable, spoil: Callable, *arrays: Array, **hyperparameters: float) -> Array:
    losses = loss(*arrays, **hyperparameters)
    return spoil(array_api_compat.array_namespace(losses), losses, arrays[0])


def _shift_in_place(xp: Any, losses: Array, first: Array) -> Array:
    first += 1
    return losses


_SPOILS = {
    "NaN hidden": lambda xp, losses, first: xp.where(
        xp.isnan(losses), xp.zeros_like(losses), losses
    ),
    "raised to float64": lambda xp, losses, first: xp.astype(losses, xp.float64),
    "flattened": lambda xp, losses, first: xp.reshape(losses, (-1,)),
    "left in NumPy": lambda xp, losses, first: np.asarray(read(losses)),
    "divided by the batch": lambda xp, losses, first: losses / max(1, math.prod(losses.shape)),
    "NaN shared with the batch": lambda xp, losses, first: losses + 0 * xp.sum(losses),
    "written into the caller's array": _shift_in_place,
}
