"""The entries of `losscourse.losses.segmentation`."""

import math
from types import MappingProxyType

import sympy
from sympy import Max, Min, Piecewise, Rational, oo

from losscourse.arrays import NON_NEGATIVE, POSITIVE, UNIT_CLOSED, Interval
from losscourse.catalogue.entry import CLASSES, Loss, Parameter
from losscourse.losses import segmentation

__all__ = ["ENTRIES"]

_ALPHA = sympy.Symbol("alpha", positive=True)
_BETA = sympy.Symbol("beta", positive=True)
_GAMMA = sympy.Symbol("gamma", positive=True)
_SMOOTHING = sympy.Symbol("s", nonnegative=True)
_WEIGHT = sympy.Symbol("w", nonnegative=True)
_ONE = sympy.Integer(1)
_LAST_AXIS = CLASSES  # here it holds the pixels


def _smoothing(*examples: float) -> Parameter:
    """Return the parameter of the smoothing."""
    return Parameter(
        symbol=_SMOOTHING,
        default=1.0,
        domain=NON_NEGATIVE,
        unit="none",
        meaning="what is added to both sides of the fraction, in pixels",
        examples=examples,
    )


_DICE = MappingProxyType({"smoothing": _smoothing(0.0, 1.0)})
_TVERSKY = MappingProxyType(
    {
        "alpha": Parameter(
            symbol=_ALPHA,
            default=0.3,
            domain=POSITIVE,
            unit="none",
            meaning="the weight of a false alarm",
            examples=(0.3, 1.0),
        ),
        "beta": Parameter(
            symbol=_BETA,
            default=0.7,
            domain=POSITIVE,
            unit="none",
            meaning="the weight of a miss",
            examples=(0.7, 2.0),
        ),
        "smoothing": _smoothing(0.0, 1.0),
    }
)
_FOCAL = MappingProxyType(
    {
        "alpha": _TVERSKY["alpha"],
        "beta": _TVERSKY["beta"],
        "gamma": Parameter(
            symbol=_GAMMA,
            default=2.0,
            domain=Interval(1, math.inf, low_closed=True),
            unit="none",
            meaning="how fast an image fades as it is covered well",
            examples=(1.0, 2.0),
        ),
        "smoothing": _TVERSKY["smoothing"],
    }
)
_COMPOUND = MappingProxyType(
    {
        "smoothing": _smoothing(0.01, 1.0),
        "weight": Parameter(
            symbol=_WEIGHT,
            default=1.0,
            domain=NON_NEGATIVE,
            unit="none",
            meaning="the weight of the cross-entropy",
            examples=(0.0, 1.0),
        ),
    }
)

_LEAST = Max(_BETA, 1 / _BETA)
_MOST = Piecewise(
    (_ALPHA / _SMOOTHING, _SMOOTHING > 0),
    (_ALPHA * Max(1, 1 / (4 * Min(_ALPHA, _BETA) ** 2)), True),
)

ENTRIES = (
    Loss(
        title="Dice loss",
        aliases=("soft Dice", "F1 loss", "Sørensen–Dice loss"),
        use="A small region in a large image, judged by overlap.",
        function=segmentation.dice,
        gradient=segmentation.dice_grad,
        display=r"1 - \frac{2 \sum_i p_i y_i + s}{\sum_i p_i + \sum_i y_i + s}",
        display_gradient=r"\frac{1 - 2 y_i - L}{\sum p + \sum y + s}",
        parameters=_DICE,
        range=UNIT_CLOSED,
        gradient_range=(
            -2 * _ONE,
            Piecewise((1 / _SMOOTHING, _SMOOTHING > 0), (Rational(1, 2), True)),
        ),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("dice1945measures", "milletari2016vnet"),
        page="segmentation/overlap",
    ),
    Loss(
        title="Generalised Dice loss",
        aliases=("generalized Dice loss", "GDL"),
        use="Several regions of very different size.",
        function=segmentation.generalised_dice,
        gradient=segmentation.generalised_dice_grad,
        display=r"1 - \frac{2 \sum_k w_k \sum_i p_{ki} y_{ki}}"
        r"{\sum_k w_k \sum_i (p_{ki} + y_{ki})},"
        r"\quad w_k = \left(\sum_i y_{ki}\right)^{-2}",
        display_gradient=r"\frac{w_k (1 - 2 y_{ki} - L)}{\sum_k w_k \sum_i (p_{ki} + y_{ki})}",
        range=UNIT_CLOSED,
        gradient_range=(-2 * _ONE, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="none",
        torch=None,
        references=("sudre2017dice",),
        page="segmentation/overlap",
    ),
    Loss(
        title="Tversky loss",
        aliases=("Tversky index loss", "soft Jaccard loss", "soft IoU loss"),
        use="A region whose misses cost more than its false alarms, or less.",
        function=segmentation.tversky,
        gradient=segmentation.tversky_grad,
        display=r"1 - \frac{h + s}{h + \alpha f + \beta m + s},\quad h = \sum p y,"
        r"\ f = \sum p (1 - y),\ m = \sum (1 - p) y",
        display_gradient=r"\frac{(\alpha (1 - y_i) - \beta y_i)(1 - L) - y_i L}"
        r"{h + \alpha f + \beta m + s}",
        parameters=_TVERSKY,
        range=UNIT_CLOSED,
        gradient_range=(-_LEAST, _MOST),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("salehi2017tversky",),
        page="segmentation/overlap",
    ),
    Loss(
        title="Focal Tversky loss",
        aliases=("FTL",),
        use="Images of which most are covered well already.",
        function=segmentation.focal_tversky,
        gradient=segmentation.focal_tversky_grad,
        display=r"L^\gamma,\quad L \text{ the Tversky loss}",
        display_gradient=r"\gamma L^{\gamma - 1} \nabla L",
        parameters=_FOCAL,
        range=UNIT_CLOSED,
        gradient_range=(-_GAMMA * _LEAST, _GAMMA * _MOST),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("salehi2017tversky", "lin2017focal"),
        page="segmentation/overlap",
    ),
    Loss(
        title="Dice and cross-entropy",
        aliases=("compound loss", "combo loss", "DiceCE"),
        use="Overlap as the goal, with a gradient also where a pixel is surely wrong.",
        function=segmentation.dice_cross_entropy,
        gradient=segmentation.dice_cross_entropy_grad,
        display=r"D(\sigma(z), y) + \frac{w}{P} \sum_i H(z_i, y_i)",
        display_gradient=r"p_i (1 - p_i)\,\frac{\partial D}{\partial p_i}"
        r" + \frac{w}{P} (p_i - y_i)",
        parameters=_COMPOUND,
        range=NON_NEGATIVE,
        gradient_range=(
            -Rational(1, 4) - _WEIGHT / _LAST_AXIS,
            Rational(1, 4) + _WEIGHT / _LAST_AXIS,
        ),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("milletari2016vnet", "good1952rational"),
        page="segmentation/overlap",
    ),
    Loss(
        title="Lovász hinge",
        aliases=("Lovász extension of the Jaccard loss", "IoU hinge"),
        use="Intersection over union of one region, by a convex loss of its scores.",
        function=segmentation.lovasz_hinge,
        gradient=segmentation.lovasz_hinge_grad,
        display=r"\sum_i m_i (\Delta(S_i) - \Delta(S_{i-1})),\quad m_i = \max(0, 1 - s_i z_i)"
        r" \text{ in falling order}",
        display_gradient=r"-s_i (\Delta(S_i) - \Delta(S_{i-1})) \text{ where } s_i z_i \le 1",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="none",
        torch=None,
        references=("berman2018lovasz",),
        page="segmentation/overlap",
    ),
    Loss(
        title="Lovász-softmax",
        aliases=("Lovász softmax loss", "mean IoU loss"),
        use="Mean intersection over union of several classes.",
        function=segmentation.lovasz_softmax,
        gradient=segmentation.lovasz_softmax_grad,
        display=r"\frac1K \sum_k \sum_i m_{ki} (\Delta_k(S_{ki}) - \Delta_k(S_{k,i-1})),"
        r"\quad m_{ki} = \lvert 1_{y_i = k} - p_{ik} \rvert \text{ in falling order}",
        display_gradient=r"\pm \frac1K (\Delta_k(S_{ki}) - \Delta_k(S_{k,i-1}))",
        range=UNIT_CLOSED,
        gradient_range=(-1 / CLASSES, 1 / CLASSES),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="none",
        torch=None,
        references=("berman2018lovasz",),
        page="segmentation/overlap",
    ),
)
