"""The entries of the policy losses."""

from types import MappingProxyType

import sympy
from sympy import oo

from losscourse.arrays import REALS, UNIT_OPEN
from losscourse.catalogue.entry import Loss, Parameter
from losscourse.losses import policy

__all__ = ["ENTRIES"]

_EPSILON = sympy.Symbol("varepsilon", positive=True)

ENTRIES = (
    Loss(
        title="REINFORCE",
        aliases=("policy gradient loss", "vanilla policy gradient", "actor loss"),
        use="A policy over actions, from returns or advantages of what it did itself.",
        function=policy.reinforce,
        gradient=policy.reinforce_grad,
        display=r"-A \log \pi_a,\quad \pi = \operatorname{softmax}(z)",
        display_gradient=r"A\,(\pi - 1_a)",
        range=REALS,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="target",
        torch='F.cross_entropy(logits, actions, reduction="none") * advantages',
        references=("williams1992reinforce", "sutton2018reinforcement"),
        page="reinforcement/policy-gradient",
    ),
    Loss(
        title="PPO's clipped loss",
        aliases=("PPO", "proximal policy optimization", "clipped surrogate objective"),
        use="Several steps on one batch of actions without running far from what gathered it.",
        function=policy.ppo_clip,
        gradient=policy.ppo_clip_grad,
        display=r"-\min\bigl(r A, \min(\max(r, 1 - \varepsilon), 1 + \varepsilon)\,A\bigr),\quad "
        r"r = \pi_a / \pi'_a",
        display_gradient=r"-r A\,[\,r \le 1 + \varepsilon \text{ if } A \ge 0 \text{ else } "
        r"r \ge 1 - \varepsilon\,]",
        parameters=MappingProxyType(
            {
                "clip": Parameter(
                    symbol=_EPSILON,
                    default=0.2,
                    domain=UNIT_OPEN,
                    unit="none",
                    meaning="by how much the ratio may differ from 1 to the policy's gain",
                    examples=(0.1, 0.2),
                )
            }
        ),
        range=REALS,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="target",
        torch=None,
        references=("schulman2017ppo",),
        page="reinforcement/actor-critic",
    ),
)
