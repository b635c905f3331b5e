"""The entries of the ranking losses."""

from types import MappingProxyType

import sympy
from sympy import log, oo

from losscourse.arrays import NON_NEGATIVE
from losscourse.catalogue.entry import CLASSES, Loss, Parameter
from losscourse.losses import ranking

__all__ = ["ENTRIES"]

_ZERO, _ONE = sympy.Integer(0), sympy.Integer(1)

ENTRIES: tuple[Loss, ...] = (
    Loss(
        title="Margin ranking loss",
        aliases=("pairwise hinge", "ranking hinge", "max-margin ranking loss"),
        use="Putting one of two items first by a margin, without probabilities.",
        function=ranking.margin_ranking,
        gradient=ranking.margin_ranking_grad,
        display=r"\max(0,\ m - y\,(a - b))",
        display_gradient=r"-y\,[y\,(a - b) \le m],\quad y\,[y\,(a - b) \le m]",
        parameters=MappingProxyType(
            {
                "margin": Parameter(
                    symbol=sympy.Symbol("m", nonnegative=True),
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="by how much the right order must win to cost nothing",
                    examples=(0.0, 1.0, 2.5),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=_ONE,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch="F.margin_ranking_loss(first_scores, second_scores, signs, margin=margin, "
        'reduction="none")',
        references=("cortes1995support",),
        page="similarity/ranking",
    ),
    Loss(
        title="Pairwise logistic loss",
        aliases=("RankNet", "pairwise cross-entropy"),
        use="Learning an order from pairs, whose targets may be unsure.",
        function=ranking.pairwise_logistic,
        gradient=ranking.pairwise_logistic_grad,
        display=r"-t \log \sigma(a - b) - (1 - t) \log \sigma(b - a)",
        display_gradient=r"\sigma(a - b) - t,\quad t - \sigma(a - b)",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="Bradley-Terry location",
        at_chance=log(2),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="F.binary_cross_entropy_with_logits(first_scores - second_scores, targets, "
        'reduction="none")',
        references=("burges2005ranknet",),
        page="similarity/ranking",
    ),
    Loss(
        title="Bayesian personalised ranking loss",
        aliases=("BPR", "Bayesian personalized ranking", "pairwise softplus loss"),
        use="Recommending from clicks alone: what was taken ranks above what was not.",
        function=ranking.bpr,
        gradient=ranking.bpr_grad,
        display=r"-\log \sigma(p - n)",
        display_gradient=r"-\sigma(n - p),\quad \sigma(n - p)",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=log(2),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="-F.logsigmoid(positive_scores - negative_scores)",
        references=("rendle2009bpr",),
        page="similarity/ranking",
    ),
    Loss(
        title="Listwise softmax loss",
        aliases=("ListNet", "top-one cross-entropy", "listwise cross-entropy"),
        use="Learning the order of a list at once, from grades of its items.",
        function=ranking.listwise_softmax,
        gradient=ranking.listwise_softmax_grad,
        display=r"-\sum_k \operatorname{softmax}(r)_k \log \operatorname{softmax}(s)_k",
        display_gradient=r"\operatorname{softmax}(s) - \operatorname{softmax}(r)",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="top-one probabilities",
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(scores, torch.softmax(relevances, -1), reduction="none")',
        references=("cao2007listnet",),
        page="similarity/ranking",
    ),
)
