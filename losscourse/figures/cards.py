"""The card that opens a page: what the catalogue knows about a loss, at a glance."""

from collections.abc import Callable

import sympy
from sympy.printing.latex import LatexPrinter

from losscourse.arrays import Array
from losscourse.catalogue import CATALOGUE, RESIDUAL, Loss

__all__ = ["Card", "card"]

_SMOOTHNESS = {0: "no, it has a kink", 1: "once continuously differentiable"}


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
        low, high = (_latex(bound) for bound in loss.gradient_range)
        chance = ", ".join(f"{name} = {value:g}" for name, value in loss.defaults.items())
        unit = f", in {loss.unit.replace('target', 'the target’s unit')}"
        rows = {
            "Formula": f"${_latex(loss.formula)}$ with ${_latex(RESIDUAL)} = \\hat{{y}} - y$",
            "Use": loss.use,
            "Range": f"${_latex_interval(loss)}$" + (unit if loss.unit != "none" else ""),
            "At chance": f"{loss.at_chance:.4g}: the best constant for a standard normal target"
            + (f", {chance}" if chance else ""),
            "Gradient": f"${_latex(loss.derivative)}$, between ${low}$ and ${high}$",
            "Convex": "yes" if loss.convex else "no",
            "Smooth": _SMOOTHNESS.get(loss.smoothness, "all derivatives exist"),
            "Robust": "yes: one outlier’s pull is bounded"
            if loss.robust
            else "no: one outlier’s pull is unbounded",
            "Elicits": f"the {loss.elicits}" if loss.elicits.islower() else loss.elicits,
            "Package": f"`{loss.qualified_name}`",
            "torch": f"`{loss.torch}`" if loss.torch else "none",
            "Also called": ", ".join(loss.aliases),
            "Read first": self.prerequisites,
            "Time": f"{self.minutes} minutes",
        }
        table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
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
    return _Printer({"order": "none"}).doprint(expression)


def _latex_interval(loss: Loss) -> str:
    """Return the loss's range in LaTeX."""
    return str(loss.range).replace("∞", r"\infty")
