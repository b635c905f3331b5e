"""What an entry of the catalogue says, and the symbols that its formula is written in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import sympy

from losscourse.arrays import REALS, Array, Interval

__all__ = ["CLASSES", "MARGIN", "PREDICTION", "RESIDUAL", "TARGET", "Loss", "Parameter"]

RESIDUAL = sympy.Symbol("e", real=True)
"""Prediction minus target: the variable of a loss of the residual alone."""
MARGIN = sympy.Symbol("m", real=True)
"""Sign times score: the variable of a loss of the margin alone."""
PREDICTION = sympy.Symbol("z", real=True)
"""The prediction or the logit: the variable of any other loss of one number, with `TARGET`."""
TARGET = sympy.Symbol("y", real=True)
"""The target of a loss whose variable is `PREDICTION`."""
CLASSES = sympy.Symbol("K", integer=True, positive=True)
"""The number of classes, in a value at chance."""


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter of a loss.

    Args:
        symbol: How the formula writes it.
        default: Its default value.
        domain: The allowed values.
        unit: "target" if it carries the target's unit, else "none".
        meaning: One line for a reader.
        examples: Values that tests and explorers use, all in `domain`.
    """

    symbol: sympy.Symbol
    default: float
    domain: Interval
    unit: str
    meaning: str
    examples: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What the course says about one loss.

    A loss of one number (a residual, a margin, a prediction with its target) has its formula and
    derivative in SymPy, and the tests hold them against the code. A loss of a row of numbers, such
    as softmax cross-entropy, has its formula in LaTeX, which nothing can check: there the oracle
    and the exact value of the loss's case do.

    Args:
        title: The name in prose.
        aliases: Other names in use, for the search.
        use: One line: what it is for.
        function: The loss per example.
        gradient: The derivative of the summed loss by the predictions, None where it is left to
            autograd.
        formula: SymPy expression in `variable` and the parameters, None for a loss of a row.
        derivative: SymPy expression of the gradient, kinks included; None where `formula` is.
        variable: `RESIDUAL`, `MARGIN` or `PREDICTION` (then the formula may hold `TARGET`).
        display: The formula in LaTeX where `formula` is None, else empty.
        display_gradient: The gradient in LaTeX, likewise; empty too where `gradient` is None.
        predictions: The predictions that a formula in `PREDICTION` is defined for.
        targets: The targets that its tests and explorers use.
        range: Values that the loss takes; its upper end may be an expression in `CLASSES`.
        gradient_range: Values that each element of the gradient takes, as SymPy bounds
            (low, high); None without a gradient.
        elicits: The statistic of the target that minimises the expected loss, None where the loss
            elicits none (the case says why).
        at_chance: Of a loss of the residual: the expected loss of the best constant prediction of
            a standard normal target, at the default parameters. Of a loss of classes: the mean
            loss of logits 0 over balanced labels, as an expression in `CLASSES`. Else None.
        convex: Convex in the predictions, which are the first argument, the others held.
        smoothness: How many continuous derivatives: 0 (a kink), 1, or `oo`.
        robust: The gradient is bounded, so that one outlier has a bounded pull.
        unit: "target", "target²", "nats" or "none".
        torch: The equivalent call in torch, in the names of the arguments, or None.
        references: Keys in `book/references.bib`.
        page: The page that teaches it, relative to `book/`.
        parameters: Hyperparameters by argument name.
    """

    title: str
    aliases: tuple[str, ...]
    use: str
    function: Callable[..., Array]
    gradient: Callable[..., Array] | None
    formula: sympy.Expr | None = None
    derivative: sympy.Expr | None = None
    variable: sympy.Symbol = RESIDUAL
    display: str = ""
    display_gradient: str = ""
    predictions: Interval = REALS
    targets: tuple[float, ...] = ()
    range: Interval
    gradient_range: tuple[sympy.Expr, sympy.Expr] | None
    elicits: str | None
    at_chance: float | sympy.Expr | None
    convex: bool
    smoothness: sympy.Expr
    robust: bool
    unit: str
    torch: str | None
    references: tuple[str, ...]
    page: str
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def qualified_name(self) -> str:
        """Where to import it from."""
        return f"{self.function.__module__}.{self.name}"

    @property
    def defaults(self) -> dict[str, float]:
        """Hyperparameters at their defaults, by argument name."""
        return {name: parameter.default for name, parameter in self.parameters.items()}
