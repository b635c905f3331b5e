"""The entries of `losscourse.losses.divergence`."""

import math

import sympy
from sympy import E, LambertW, Rational, exp, log, oo, sqrt

from losscourse.arrays import NON_NEGATIVE, UNIT_CLOSED, Interval
from losscourse.catalogue.entry import CLASSES, Loss
from losscourse.losses import divergence

__all__ = ["ENTRIES"]

_ZERO, _ONE = sympy.Integer(0), sympy.Integer(1)
_HALF = Rational(1, 2)
_MIXED = log(2 * CLASSES / (CLASSES + 1)) + log(2 / (CLASSES + 1)) / CLASSES
"""The mixture's part of the Jensen-Shannon divergence of a label from the uniform distribution."""

ENTRIES: tuple[Loss, ...] = (
    Loss(
        title="Forward Kullback-Leibler divergence",
        aliases=("KL divergence", "relative entropy", "mass-covering KL", "inclusive KL"),
        use="Fitting a distribution to a target that it must cover, as in distillation.",
        function=divergence.forward_kl,
        gradient=divergence.forward_kl_grad,
        display=r"\sum_k t_k (\log t_k - \log p_k)",
        display_gradient=r"-t",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ZERO),
        elicits=None,
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.kl_div(log_probs, targets, reduction="none").sum(-1)',
        references=("kullback1951information",),
        page="divergences/kullback-leibler",
    ),
    Loss(
        title="Reverse Kullback-Leibler divergence",
        aliases=("reverse KL", "mode-seeking KL", "exclusive KL"),
        use="Staying close to a reference: variational inference, policies, preference models.",
        function=divergence.reverse_kl,
        gradient=divergence.reverse_kl_grad,
        display=r"\sum_k p_k (\log p_k - \log t_k)",
        display_gradient=r"p\,(\log p - \log t + 1)",
        range=NON_NEGATIVE,
        gradient_range=(-exp(-2), oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch="F.kl_div(target_log_probs, log_probs, reduction='none', log_target=True).sum(-1)",
        references=("kullback1951information",),
        page="divergences/kullback-leibler",
    ),
    Loss(
        title="Jensen-Shannon divergence",
        aliases=("JS divergence", "JSD", "information radius"),
        use="A symmetric, bounded distance that stays finite where supports differ.",
        function=divergence.jensen_shannon,
        gradient=divergence.jensen_shannon_grad,
        display=r"\tfrac12 \sum_k \left(p_k \log\frac{p_k}{m_k} + t_k \log\frac{t_k}{m_k}\right),"
        r"\quad m = \frac{p + t}{2}",
        display_gradient=r"\tfrac12\, p \log\frac{p}{m}",
        range=Interval(0, math.log(2), low_closed=True, high_closed=True),
        gradient_range=(LambertW(-1 / (2 * E)) / 2, log(2) / 2),
        elicits=None,
        at_chance=(_MIXED + (1 - 1 / CLASSES) * log(2)) / 2,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch=None,
        references=("nowozin2016fgan",),
        page="divergences/kullback-leibler",
    ),
    Loss(
        title="Total variation",
        aliases=("total variation distance", "statistical distance"),
        use="The largest difference in probability that any event can have.",
        function=divergence.total_variation,
        gradient=divergence.total_variation_grad,
        display=r"\tfrac12 \sum_k |p_k - t_k|",
        display_gradient=r"\tfrac12\, p \operatorname{sign}(p - t)",
        range=UNIT_CLOSED,
        gradient_range=(-_HALF, _HALF),
        elicits=None,
        at_chance=1 - 1 / CLASSES,
        convex=False,
        smoothness=_ZERO,
        robust=True,
        unit="none",
        torch='F.l1_loss(torch.exp(log_probs), targets, reduction="none").sum(-1) / 2',
        references=("nowozin2016fgan",),
        page="divergences/kullback-leibler",
    ),
    Loss(
        title="Squared Hellinger distance",
        aliases=("Hellinger distance", "Bhattacharyya coefficient"),
        use="A bounded distance with a smooth gradient where probabilities vanish.",
        function=divergence.squared_hellinger,
        gradient=divergence.squared_hellinger_grad,
        display=r"\tfrac12 \sum_k \left(\sqrt{p_k} - \sqrt{t_k}\right)^2",
        display_gradient=r"\tfrac12 \sqrt{p}\,(\sqrt{p} - \sqrt{t})",
        range=UNIT_CLOSED,
        gradient_range=(-Rational(1, 8), _HALF),
        elicits=None,
        at_chance=1 - 1 / sqrt(CLASSES),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("nowozin2016fgan",),
        page="divergences/kullback-leibler",
    ),
)
