"""The entries of `losscourse.losses.margin`."""

from types import MappingProxyType

import sympy
from sympy import Piecewise, oo

from losscourse.arrays import NON_NEGATIVE
from losscourse.catalogue.entry import CLASSES, MARGIN, Loss, Parameter
from losscourse.losses import margin

__all__ = ["ENTRIES"]

_ZERO, _ONE = sympy.Integer(0), sympy.Integer(1)
_GAMMA = sympy.Symbol("gamma", positive=True)
_m = MARGIN

ENTRIES = (
    Loss(
        title="Perceptron loss",
        aliases=("perceptron criterion",),
        use="Learning online from mistakes alone; the ancestor of the hinge.",
        function=margin.perceptron,
        gradient=margin.perceptron_grad,
        variable=MARGIN,
        formula=Piecewise((-_m, _m <= 0), (_ZERO, True)),
        derivative=Piecewise((-_ONE, _m <= 0), (_ZERO, True)),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=0.0,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch="F.margin_ranking_loss(logits, torch.zeros_like(logits), signs, margin=0.0, "
        'reduction="none")',
        references=("rosenblatt1958perceptron",),
        page="margins/perceptron",
    ),
    Loss(
        title="Hinge loss",
        aliases=("SVM loss", "max-margin loss", "soft-margin loss"),
        use="Decisions between two classes by a wide margin, without probabilities.",
        function=margin.hinge,
        gradient=margin.hinge_grad,
        variable=MARGIN,
        formula=Piecewise((1 - _m, _m <= 1), (_ZERO, True)),
        derivative=Piecewise((-_ONE, _m <= 1), (_ZERO, True)),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="median",
        at_chance=1.0,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch="F.margin_ranking_loss(logits, torch.zeros_like(logits), signs, margin=1.0, "
        'reduction="none")',
        references=("cortes1995support",),
        page="margins/hinge",
    ),
    Loss(
        title="Squared hinge loss",
        aliases=("L2-SVM loss", "quadratic hinge"),
        use="A hinge without a kink, whose score also tells the probability.",
        function=margin.squared_hinge,
        gradient=margin.squared_hinge_grad,
        variable=MARGIN,
        formula=Piecewise(((1 - _m) ** 2, _m <= 1), (_ZERO, True)),
        derivative=Piecewise((-2 * (1 - _m), _m <= 1), (_ZERO, True)),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=1.0,
        convex=True,
        smoothness=_ONE,
        robust=False,
        unit="none",
        torch="F.margin_ranking_loss(logits, torch.zeros_like(logits), signs, margin=1.0, "
        'reduction="none") ** 2',
        references=("cortes1995support",),
        page="margins/hinge",
    ),
    Loss(
        title="Smooth hinge loss",
        aliases=("smoothed hinge", "Huberised hinge"),
        use="A hinge for optimisers that need a continuous gradient, still robust.",
        function=margin.smooth_hinge,
        gradient=margin.smooth_hinge_grad,
        variable=MARGIN,
        formula=Piecewise(
            (1 - _m - _GAMMA / 2, _m <= 1 - _GAMMA),
            ((1 - _m) ** 2 / (2 * _GAMMA), _m <= 1),
            (_ZERO, True),
        ),
        derivative=Piecewise(
            (-_ONE, _m <= 1 - _GAMMA), (-(1 - _m) / _GAMMA, _m <= 1), (_ZERO, True)
        ),
        parameters=MappingProxyType(
            {
                "gamma": Parameter(
                    symbol=_GAMMA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="how far below the margin 1 the corner is rounded",
                    examples=(0.1, 1.0, 2.5),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="smooth-hinge location",
        at_chance=0.5,
        convex=True,
        smoothness=_ONE,
        robust=True,
        unit="none",
        torch="F.smooth_l1_loss(torch.clamp(signs * logits, max=1), torch.ones_like(logits), "
        'reduction="none", beta=gamma)',
        references=("huber1964robust", "cortes1995support"),
        page="margins/hinge",
    ),
    Loss(
        title="Crammer-Singer hinge loss",
        aliases=("multiclass hinge", "multiclass SVM loss"),
        use="Decisions among several classes by a margin over the best rival.",
        function=margin.crammer_singer,
        gradient=margin.crammer_singer_grad,
        display=r"\max(0, 1 + \max_{k \ne y} z_k - z_y)",
        display_gradient=r"[1 + z_r \ge z_y]\,(1_r - 1_y),\quad r = \arg\max_{k \ne y} z_k",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=1.0,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch=None,
        references=("crammer2001multiclass",),
        page="margins/multiclass",
    ),
    Loss(
        title="Weston-Watkins hinge loss",
        aliases=("multiclass hinge", "multi-margin loss"),
        use="Decisions among several classes by a margin over every rival, as torch has it.",
        function=margin.weston_watkins,
        gradient=margin.weston_watkins_grad,
        display=r"\sum_{k \ne y} \max(0, 1 + z_k - z_y)",
        display_gradient=r"a_k - 1_y \sum_j a_j,\quad a_k = [k \ne y]\,[1 + z_k \ge z_y]",
        range=NON_NEGATIVE,
        gradient_range=(1 - CLASSES, _ONE),
        elicits=None,
        at_chance=CLASSES - 1,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch='F.multi_margin_loss(logits, labels, reduction="none") * logits.shape[-1]',
        references=("weston1999multiclass",),
        page="margins/multiclass",
    ),
    Loss(
        title="Multilabel hinge loss",
        aliases=("multilabel margin loss", "ranking hinge of labels"),
        use="Several classes that apply at once, each to be ranked above those that do not.",
        function=margin.multilabel_hinge,
        gradient=margin.multilabel_hinge_grad,
        display=r"\sum_{j: s_j = 1} \sum_{k: s_k = -1} \max(0, 1 + z_k - z_j)",
        display_gradient=r"\sum_j a_{jk} - \sum_j a_{kj},\quad "
        r"a_{jk} = [s_j = 1]\,[s_k = -1]\,[1 + z_k \ge z_j]",
        range=NON_NEGATIVE,
        gradient_range=(1 - CLASSES, CLASSES - 1),
        elicits=None,
        at_chance=CLASSES - 1,
        convex=True,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch="F.multilabel_margin_loss(logits, torch.where(signs > 0, "
        "torch.arange(signs.shape[-1]), -1).sort(-1, descending=True).values, "
        'reduction="none") * logits.shape[-1]',
        references=("weston1999multiclass",),
        page="margins/multiclass",
    ),
)
