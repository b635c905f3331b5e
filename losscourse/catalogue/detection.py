"""The entries of the detection losses."""

from types import MappingProxyType

from sympy import Max, S, Symbol, log, oo

from losscourse.arrays import NON_NEGATIVE, UNIT_CLOSED, Interval
from losscourse.catalogue.entry import CLASSES, Loss, Parameter
from losscourse.losses import detection

__all__ = ["ENTRIES"]

_BETA = Symbol("beta", nonnegative=True)
_LAMBDA = Symbol("lambda", nonnegative=True)

_TWICE = Interval(0, 2, low_closed=True, high_closed=True)

ENTRIES: tuple[Loss, ...] = (
    Loss(
        title="IoU loss",
        aliases=("Jaccard loss of boxes", "intersection over union"),
        use="Boxes judged by their overlap, as the metric of detection does.",
        function=detection.iou_loss,
        gradient=detection.iou_loss_grad,
        display=r"1 - I/U",
        display_gradient=r"\bigl((I/U)\,\mathrm dU - \mathrm dI\bigr)/U",
        range=UNIT_CLOSED,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=S.Zero,
        robust=False,
        unit="none",
        torch=None,
        references=("rezatofighi2019giou",),
        page="detection/boxes",
    ),
    Loss(
        title="Generalised IoU loss",
        aliases=("GIoU", "generalized intersection over union"),
        use="Boxes that may not overlap yet: the gap to the enclosing box pulls them together.",
        function=detection.giou_loss,
        gradient=detection.giou_loss_grad,
        display=r"1 - I/U + (C - U)/C",
        display_gradient=(
            r"\bigl((I/U)\,\mathrm dU - \mathrm dI\bigr)/U"
            r" + \bigl((U/C)\,\mathrm dC - \mathrm dU\bigr)/C"
        ),
        range=_TWICE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=S.Zero,
        robust=False,
        unit="none",
        torch=None,
        references=("rezatofighi2019giou",),
        page="detection/boxes",
    ),
    Loss(
        title="Distance-IoU loss",
        aliases=("DIoU", "distance intersection over union"),
        use="As generalised IoU, with a pull from centre to centre, also between nested boxes.",
        function=detection.diou_loss,
        gradient=detection.diou_loss_grad,
        display=r"1 - I/U + \rho^2/c^2",
        display_gradient=(
            r"\bigl((I/U)\,\mathrm dU - \mathrm dI\bigr)/U"
            r" + \bigl(\mathrm d\rho^2 - (\rho^2/c^2)\,\mathrm dc^2\bigr)/c^2"
        ),
        range=_TWICE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=S.Zero,
        robust=False,
        unit="none",
        torch=None,
        references=("zheng2020diou",),
        page="detection/boxes",
    ),
    Loss(
        title="Complete IoU loss",
        aliases=("CIoU", "complete intersection over union"),
        use="As distance-IoU, and the box should have the target's shape.",
        function=detection.ciou_loss,
        gradient=detection.ciou_loss_grad,
        display=(
            r"1 - I/U + \rho^2/c^2 + \alpha v,\quad"
            r" v = \tfrac{4}{\pi^2}\bigl(\arctan\tfrac{w^*}{h^*} - \arctan\tfrac wh\bigr)^2,"
            r"\ \alpha = \frac{v}{1 - I/U + v}"
        ),
        display_gradient=(
            r"\bigl((I/U)\,\mathrm dU - \mathrm dI\bigr)/U"
            r" + \bigl(\mathrm d\rho^2 - (\rho^2/c^2)\,\mathrm dc^2\bigr)/c^2 + \alpha\,\mathrm dv"
        ),
        range=Interval(0, 2.5, low_closed=True),
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=S.Zero,
        robust=False,
        unit="none",
        torch=None,
        references=("zheng2020diou", "zheng2022ciou"),
        page="detection/boxes",
    ),
    Loss(
        title="Smooth L1 loss of boxes",
        aliases=("box regression loss", "localisation loss", "localization loss"),
        use="Offsets of a box from its anchor, coordinate by coordinate.",
        function=detection.smooth_l1_boxes,
        gradient=detection.smooth_l1_boxes_grad,
        display=r"\sum_i \operatorname{smooth}_{L1}(p_i - t_i)",
        display_gradient=r"\min(\max((p - t)/\beta, -1), 1)",
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="target",
                    meaning="the residual below which the tip is rounded",
                    examples=(0.1, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(S.NegativeOne, S.One),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=S.One,
        robust=True,
        unit="target",
        torch='F.smooth_l1_loss(predictions, targets, reduction="none", beta=beta).sum(-1)',
        references=("girshick2015fast",),
        page="detection/boxes",
    ),
    Loss(
        title="Detection loss",
        aliases=("multi-task loss of Fast R-CNN", "classification and localisation"),
        use="Anchors of which few have an object: a class for each, a box for those.",
        function=detection.detection_loss,
        gradient=detection.detection_loss_grad,
        display=(
            r"-\log p_y + [y > 0]\,\lambda \sum_i \operatorname{smooth}_{L1}(o_i - t_i),"
            r"\quad p = \operatorname{softmax}(z)"
        ),
        display_gradient=r"p - 1_y,\quad [y > 0]\,\lambda \min(\max(o - t, -1), 1)",
        parameters=MappingProxyType(
            {
                "weight": Parameter(
                    symbol=_LAMBDA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="how much a box counts beside a class",
                    examples=(1.0, 2.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-Max(1, _LAMBDA), Max(1, _LAMBDA)),
        elicits=None,
        at_chance=log(CLASSES),
        convex=True,
        smoothness=S.One,
        robust=True,
        unit="nats",
        torch=(
            'F.cross_entropy(logits, labels, reduction="none") + weight * (labels > 0)'
            ' * F.smooth_l1_loss(offsets, targets, reduction="none").sum(-1)'
        ),
        references=("girshick2015fast",),
        page="detection/composite",
    ),
)
