"""The card that opens a page: what the catalogue knows about a loss, at a glance."""

import dataclasses
import math
from collections.abc import Callable

import sympy
from sympy.printing.latex import LatexPrinter

from losscourse.arrays import Array
from losscourse.catalogue import CATALOGUE, MARGIN, PREDICTION, RESIDUAL, Loss

__all__ = ["Card", "card", "facts"]

_SMOOTHNESS = {0: "no, it has a kink", 1: "once continuously differentiable"}
_CHANCE = {
    "ranking": "equal scores",
    "generative": "logits 0",
    "value": "logits 0",
    "policy": "logits 0",
}
"""What chance means where there are no labels of classes, by the family of the loss."""
_UNITS = {
    "target": ", in the {}’s unit",
    "target²": ", in the {}’s unit²",
    "nats": ", in nats",
    "none": "",
}
_TARGETS = {"policy": "reward", "value": "reward"}
"""What carries the unit where it is not called a target, by the family of the loss."""
_VARIABLES = {
    RESIDUAL: r"with the residual $e = \hat{y} - y$",
    MARGIN: "with the margin $m$, sign times score",
    PREDICTION: "with the prediction $z$ and the target $y$",
}


class Card:
    """A loss's entry in the catalogue, as a table.

    Args:
        loss: The entry.
        prerequisites: What a reader should have read, in words or MyST links.
        minutes: How long the page takes.
    """

    def __init__(self, loss: Loss, *, prerequisites: str, minutes: int) -> None:
        self.loss, self.prerequisites, self.minutes = loss, prerequisites, minutes

    def _repr_markdown_(self) -> str:
        loss = self.loss
        rows = facts(loss) | {
            "Read first": self.prerequisites,
            "Time": f"{self.minutes} minutes",
        }
        table = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)
        return f"| {loss.title} | |\n| :-- | :-- |\n{table}\n"

    def __repr__(self) -> str:
        """The Markdown: what a terminal can show of a card."""
        return self._repr_markdown_()


def card(function: Callable[..., Array], *, prerequisites: str, minutes: int) -> Card:
    """Return the card of a loss.

    Args:
        function: A loss of the catalogue, such as `losses.regression.huber`.
        prerequisites: What a reader should have read, in words or MyST links.
        minutes: How long the page takes.

    Returns:
        A `Card`, which a notebook shows as a table.

    Raises:
        KeyError: The catalogue has no entry for the function.
    """
    return Card(CATALOGUE[function.__name__], prerequisites=prerequisites, minutes=minutes)


def facts(loss: Loss) -> dict[str, str]:
    """Return what a card and the atlas say of a loss.

    Args:
        loss: An entry of the catalogue.

    Returns:
        Markdown by the name of the fact; empty where there is nothing to say.
    """
    return {
        "Formula": _formula(loss),
        "Use": loss.use,
        "Range": f"${_interval(loss)}$"
        + _UNITS[loss.unit].format(_TARGETS.get(_family(loss), "target")),
        "At chance": _at_chance(loss),
        "Gradient": _gradient(loss),
        "Convex": "yes, in the predictions" if loss.convex else "no",
        "Smooth": _SMOOTHNESS.get(loss.smoothness, "all derivatives exist"),
        "Robust": "yes: one outlier’s pull is bounded"
        if loss.robust
        else "no: one outlier’s pull is unbounded",
        "Elicits": _elicits(loss),
        "Package": f"`{loss.qualified_name}`",
        "torch": f"`{loss.torch}`" if loss.torch else "none",
        "Also called": ", ".join(loss.aliases),
    }


class _Printer(LatexPrinter):
    """LaTeX as the pages write it: `|e| <= delta`, not `delta >= |e|`; what is subtracted
    comes last; and no bare bar, which would end a table's cell.
    """

    def _as_ordered_terms(self, expr: sympy.Expr, order: str | None = None) -> list[sympy.Expr]:
        terms = super()._as_ordered_terms(expr, order)
        return sorted(terms, key=lambda term: term.could_extract_minus_sign())

    def _print_GreaterThan(self, expr: sympy.Ge) -> str:
        return self._print(expr.reversed)

    def _print_Abs(self, expr: sympy.Abs) -> str:
        return rf"\lvert {self._print(expr.args[0])} \rvert"


def _latex(expression: sympy.Expr) -> str:
    """Return an expression in LaTeX, its terms in the order in which they were written."""
    return _Printer({"order": "none"}).doprint(expression.replace(_is_sigmoid, _sigmoid))


class _Sigmoid(sympy.Function):
    """The sigmoid as the pages write it, its exponent behind: σ(z)^γ."""

    def _latex(self, printer: LatexPrinter, exp: str = "") -> str:
        return rf"\sigma({printer.doprint(self.args[0])})" + (f"^{{{exp}}}" if exp else "")


def _is_sigmoid(part: sympy.Basic) -> bool:
    """Return whether a part is 1 + e^z under a fraction's bar, to any power."""
    if not (isinstance(part, sympy.Pow) and part.exp.could_extract_minus_sign()):
        return False
    one, *others = part.base.args if part.base.is_Add else (part.base,)
    return one == 1 and len(others) == 1 and isinstance(others[0], sympy.exp)


def _sigmoid(part: sympy.Pow) -> sympy.Expr:
    """Return 1 / (1 + e^z)^n as σ(-z)^n."""
    return _Sigmoid(-part.base.args[1].args[0]) ** -part.exp


def _formula(loss: Loss) -> str:
    """Return the formula and what its variable means."""
    if loss.formula is None:
        return f"${_in_pieces(loss.display)}$"
    return f"${_latex(loss.formula)}$ {_VARIABLES[loss.variable]}"


def _in_pieces(display: str) -> str:
    """Return a list of formulas as several, between which a narrow page can break the line."""
    return display.replace(r",\quad ", "$, $")


def _gradient(loss: Loss) -> str:
    """Return the gradient's formula and range, if there is a closed form."""
    if loss.gradient is None:
        return "left to autograd"
    below, above = loss.gradient_range
    low, high = _latex(below), _latex(above)
    formula = (
        _in_pieces(loss.display_gradient) if loss.derivative is None else _latex(loss.derivative)
    )
    if isinstance(above, sympy.Piecewise) and below == -above:  # twice, it overflows the table
        return f"${formula}$, at most ${high}$ in size"
    return f"${formula}$, between ${low}$ and ${high}$"


def _family(loss: Loss) -> str:
    """Return the name of the module that holds the loss."""
    return loss.function.__module__.rsplit(".", 1)[-1]


def _at_chance(loss: Loss) -> str:
    """Return the value at chance and what chance means; empty where there is none."""
    if loss.at_chance is None:
        return ""
    if loss.formula is None or loss.variable != RESIDUAL:
        value = loss.at_chance
        shown = f"{value:.4g}" if isinstance(value, float) else f"${_latex(value)}$"
        return f"{shown}: {_CHANCE.get(_family(loss), 'logits 0, balanced classes')}"
    at = "".join(f", {name} = {value:g}" for name, value in loss.defaults.items())
    return f"{loss.at_chance:.4g}: the best constant for a standard normal target{at}"


def _elicits(loss: Loss) -> str:
    """Return the statistic with its article; empty where there is none."""
    if loss.elicits is None:
        return ""
    return f"the {loss.elicits}" if loss.elicits.islower() else loss.elicits


def _interval(loss: Loss) -> str:
    """Return the loss's range in LaTeX."""
    high = loss.range.high
    if isinstance(high, sympy.Expr):  # it depends on the number of classes
        shown = str(dataclasses.replace(loss.range, high=math.inf))
        return shown.replace("∞", _latex(high))
    return str(loss.range).replace("∞", r"\infty")
