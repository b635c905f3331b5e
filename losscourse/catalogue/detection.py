"""The entries of the detection losses."""

from sympy import S, oo

from losscourse.arrays import UNIT_CLOSED, Interval
from losscourse.catalogue.entry import Loss
from losscourse.losses import detection

__all__ = ["ENTRIES"]

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
        aliases=("GIoU",),
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
        aliases=("DIoU",),
        use="As generalised IoU, with a pull from centre to centre, which fits in fewer steps.",
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
        aliases=("CIoU",),
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
)
