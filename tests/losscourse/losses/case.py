"""What is stated about a loss so that the suites can test it: one Case per public loss.

How to add a family is in README.md beside this file.
"""

import contextlib
import dataclasses
import functools
import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import array_api_compat
import numpy as np

from losscourse.arrays import Array
from tests.losscourse.libraries import read

Setting = Mapping[str, float]
"""Hyperparameters by name."""


@dataclass(frozen=True)
class Point:
    """One example whose gradient is declared: a kink, or a limit where an argument is infinite.

    `gradient` is the derivative by the first argument, a tuple if that is a row; `value` is the
    loss, None where the exact formula gives it. Of a coupled loss the arguments are a whole batch.
    """

    arguments: tuple[Any, ...]
    gradient: Any
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


def gamma_sample(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return a skewed sample of a real target."""
    return (rng.gamma(1.0, 2.0, size=101),)


@dataclass(frozen=True)
class Case:
    """One loss, and all that its tests need.

    Args:
        loss: The loss per example; its first arguments are what the gradient is taken by.
        gradient: The derivative of the summed loss by the first argument, or a tuple of them, `by`
            many; None where it is left to autograd.
        settings: Hyperparameters to test at, the defaults among them.
        draw: `draw(rng, n, scale)` returns the arrays of n examples as NumPy arrays, floats as
            float64, labels as integers. Residuals or logits are of the size of `scale`.
        oracle: Who else computes it, and `oracle(*arrays, **setting)` on float64 NumPy arrays.
        exact: The loss of one example in mpmath, from numbers (nested lists for rows; a label
            comes as a number too). Of a `coupled` loss: the list of all losses, from all examples.
        statistic: `statistic(*others, **setting)`: the constant prediction that minimises the mean
            loss of the sample, found without the loss; through `link` where that is needed.
        limits: `limits(**setting)`: examples with an infinite argument, with value and gradient.
        identities: Relations to other functions.
        wrongs: Plausible wrong versions, at least three of the loss.
        kinks: `kinks(**setting)`: where the loss has no derivative, and the subgradient declared.
        seams: `seams(**setting)`: values of the catalogue's variable where the formula's pieces
            meet, for its smoothness; one smooth point where there are none.
        corners: `corners()`: more inputs for the exact values; by default all arrays zero.
        chance: `chance(**setting)`: arrays whose mean loss is the catalogue's value at chance, for
            a loss of classes; its K is the size of the first one's last axis.
        sample: `sample(rng)`: the arguments after the first, for the minimiser.
        search: Where to look for the minimiser; by default, between the sample's ends.
        link: From a prediction to the statistic, such as softmax.
        wrong_values: By argument, values that must be refused if they stand in one element: -1 and
            K in labels, 0 in signs.
        any_leading_axes: Examples may stand along any number of axes; else along the first alone.
        by: By how many of the first arguments the gradient is taken.
        shared: Arguments without an axis of examples, such as class priors.
        groups: Arguments of integers that only tell groups apart: they have no upper end.
        coupled: The loss of an example depends on the others, as in-batch negatives make it.
        batches: Sizes of batch that it must take.
        torch_only: It runs on torch alone.
        rounding: The size of the terms that the formula adds up, in units of the loss and of the
            gradient: an error may be a few roundings of the value and of this.
        without: Suites that cannot apply, by name, and why. A test holds that each would fail.
    """

    loss: Callable[..., Array]
    gradient: Callable[..., Any] | None
    settings: tuple[Setting, ...]
    draw: Callable[[np.random.Generator, int, float], tuple[np.ndarray, ...]]
    oracle: tuple[str, Callable[..., np.ndarray]]
    exact: Callable[..., Any]
    identities: tuple[Identity, ...]
    wrongs: tuple[Wrong, ...]
    statistic: Callable[..., Any] | None = None
    limits: Callable[..., Sequence[Point]] = field(default=lambda **setting: ())
    kinks: Callable[..., Sequence[Point]] = field(default=lambda **setting: ())
    seams: Callable[..., Sequence[float]] = field(default=lambda **setting: (0.0,))
    corners: Callable[[], Sequence[tuple[np.ndarray, ...]]] | None = None
    chance: Callable[..., tuple[np.ndarray, ...]] | None = None
    sample: Callable[[np.random.Generator], tuple[np.ndarray, ...]] = gamma_sample
    search: tuple[float, float] | None = None
    link: Callable[[Any], Any] = field(default=lambda prediction: prediction)
    wrong_values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    any_leading_axes: bool = True
    by: int = 1
    shared: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    coupled: bool = False
    batches: tuple[int, ...] = (0, 1, 3)
    torch_only: bool = False
    rounding: float = 0.0
    without: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The loss's name."""
        return self.loss.__name__

    @property
    def functions(self) -> tuple[Callable[..., Any], ...]:
        """The loss, and its gradient where it has one."""
        return (self.loss,) if self.gradient is None else (self.loss, self.gradient)

    @property
    def arrays(self) -> list[str]:
        """The names of the array arguments."""
        return [name for name, p in self._parameters if p.kind is not p.KEYWORD_ONLY]

    @property
    def per_example(self) -> list[bool]:
        """Which of the arrays have an axis of examples."""
        return [name not in self.shared for name in self.arrays]

    @property
    def hyperparameters(self) -> list[str]:
        """The names of the keyword-only arguments."""
        return [name for name, p in self._parameters if p.kind is p.KEYWORD_ONLY]

    @property
    def _parameters(self) -> list[tuple[str, inspect.Parameter]]:
        return list(inspect.signature(self.loss).parameters.items())

    @property
    def left_out(self) -> dict[str, str]:
        """The suites that do not apply, and why: those declared, and those that follow."""
        found = dict(self.without)
        if self.gradient is None:
            gradient_suites = (
                "matches_exact_gradient",
                "gradient_matches_autograd",
                "gradient_matches_central_differences",
            )
            found |= dict.fromkeys(gradient_suites, "the gradient is autograd's")
        if self.coupled:
            coupled_suites = ("batch_equals_loop", "mask_equals_indexing")
            found |= dict.fromkeys(coupled_suites, "the loss of an example depends on the others")
        if self.torch_only:
            found["libraries_agree"] = "torch only"
        if not any(self.kinks(**setting) for setting in self.settings):
            found["kink_takes_declared_subgradient"] = "no kink"
        if not self.hyperparameters:
            found["rejects_wrong_hyperparameters"] = "no hyperparameter"
        if not self.wrong_values:
            found["rejects_wrong_values"] = "any float is allowed"
        return found

    def mutated(self, wrong: Wrong) -> "Case":
        """Return the case with the loss or its gradient replaced by the wrong version."""
        right = getattr(self, wrong.of)

        @functools.wraps(right)
        def replaced(*arrays: Array, **hyperparameters: float) -> Array:
            if not wrong.unchecked:
                right(*arrays, **hyperparameters)
                hyperparameters = {
                    name: value if name in self.arrays else float(value)
                    for name, value in hyperparameters.items()
                }
            return wrong.body(*arrays, **hyperparameters)

        return dataclasses.replace(self, **{wrong.of: replaced})

    @property
    def common_wrongs(self) -> tuple[Wrong, ...]:
        """What can go wrong with any loss, whatever its formula."""
        spoils = dict(_SPOILS)
        if not self.any_leading_axes:
            del spoils["flattened"]  # it is flat already
        if self.coupled:
            for name in (
                "NaN shared with the batch",
                "reduced to its mean",
                "divided by the batch",
            ):
                del spoils[name]  # what a coupled loss may do
        kinds = ("loss", "gradient") if self.gradient else ("loss",)
        return tuple(
            Wrong(name, "loss", functools.partial(_spoilt, self.loss, spoil))
            for name, spoil in spoils.items()
        ) + tuple(
            Wrong("checks left out", of, functools.partial(unguarded, getattr(self, of)), True)
            for of in kinds
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
    "reduced to its mean": lambda xp, losses, first: xp.mean(losses),
    "left in NumPy": lambda xp, losses, first: np.asarray(read(losses)),
    "divided by the batch": lambda xp, losses, first: losses / max(1, math.prod(losses.shape)),
    "NaN shared with the batch": lambda xp, losses, first: losses + 0 * xp.sum(losses),
    "written into the caller's array": _shift_in_place,
}


def unguarded(function: Callable, *arrays: Array, **named: Any) -> Any:
    """Call a function with the checks of `arrays` off: in its module, and where it borrows from."""
    with contextlib.ExitStack() as stack:
        for name in _modules_behind(function.__module__):
            module = sys.modules[name]
            unchecked = {name: to for name, to in _UNCHECKED.items() if hasattr(module, name)}
            stack.enter_context(mock.patch.multiple(module, **unchecked))
        return function(*arrays, **named)


@functools.cache
def _modules_behind(name: str) -> set[str]:
    """Return the names of a module and of the families of losses that it imports functions from."""
    origins = {getattr(value, "__module__", None) for value in vars(sys.modules[name]).values()}
    return {name} | {n for n in origins if n and n.startswith("losscourse.losses.")}


def _namespace(**named: Array) -> Any:
    return array_api_compat.array_namespace(next(iter(named.values())))


def _nothing(*arguments: Any, **named: Any) -> None:
    return None


_UNCHECKED = {
    "float_namespace": _namespace,
    "real_namespace": _namespace,
    "check_in": lambda interval, **named: next(iter(named.values())),
    "check_axes": _nothing,
    "check_labels": _nothing,
    "check_values": _nothing,
    "check_signs": _nothing,
    "check_distributions": _nothing,
    "check_boxes": _nothing,
    "check_all": _nothing,
}
