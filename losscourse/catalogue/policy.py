"""The entries of the policy losses."""

from types import MappingProxyType

import sympy
from sympy import log, oo

from losscourse.arrays import NON_NEGATIVE, REALS, UNIT_OPEN, Interval
from losscourse.catalogue.entry import CLASSES, Loss, Parameter
from losscourse.losses import policy

__all__ = ["ENTRIES"]

_EPSILON = sympy.Symbol("varepsilon", positive=True)
_ALPHA = sympy.Symbol("alpha", nonnegative=True)
_BETA = sympy.Symbol("beta", nonnegative=True)
_STEEPEST = sympy.Float("0.22387160235", 11)
"""The largest value of p (1 - p) log((1 - p) / p): the slope of the entropy of two actions."""

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
    Loss(
        title="PPO's penalised loss",
        aliases=("PPO-KL", "KL-penalised PPO", "adaptive KL penalty"),
        use="Small steps of a policy where a budget of divergence says more than a clip.",
        function=policy.ppo_kl,
        gradient=policy.ppo_kl_grad,
        display=r"-r A + \beta \sum_k \pi'_k\,(\log \pi'_k - \log \pi_k),\quad r = \pi_a / \pi'_a",
        display_gradient=r"r A\,(\pi - 1_a) + \beta\,(\pi - \pi')",
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="target",
                    meaning="what a nat of divergence costs",
                    examples=(1.0,),
                )
            }
        ),
        range=REALS,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="target",
        torch=None,
        references=("schulman2017ppo",),
        page="reinforcement/actor-critic",
    ),
    Loss(
        title="Entropy of a policy",
        aliases=("entropy bonus", "entropy regularisation"),
        use="Subtracted from a policy's loss, it keeps the policy from settling early.",
        function=policy.entropy,
        gradient=policy.entropy_grad,
        display=r"-\sum_k \pi_k \log \pi_k,\quad \pi = \operatorname{softmax}(z)",
        display_gradient=r"-\pi\,(\log \pi + H)",
        range=Interval(0, log(CLASSES), low_closed=True, high_closed=True),
        gradient_range=(-_STEEPEST - log(CLASSES - 1) / 4, _STEEPEST),
        elicits=None,
        at_chance=log(CLASSES),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="torch.distributions.Categorical(logits=logits).entropy()",
        references=("mnih2016a3c",),
        page="reinforcement/actor-critic",
    ),
    Loss(
        title="Soft actor-critic's critic loss",
        aliases=("SAC critic loss", "soft Bellman residual", "twin critics"),
        use="Two values of continuous actions, whose minimum guards against overestimates.",
        function=policy.sac_critic,
        gradient=policy.sac_critic_grad,
        display=r"\tfrac12 (q - y)^2 + \tfrac12 (\tilde q - y)^2",
        display_gradient=r"(q - y,\; \tilde q - y)",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="target²",
        torch='(F.mse_loss(q_values, targets, reduction="none") + '
        'F.mse_loss(twin_q_values, targets, reduction="none")) / 2',
        references=("haarnoja2018sac",),
        page="reinforcement/actor-critic",
    ),
    Loss(
        title="Soft actor-critic's policy loss",
        aliases=("SAC actor loss", "maximum entropy policy loss"),
        use="A policy over continuous actions that is to stay as random as it can afford.",
        function=policy.sac_actor,
        gradient=policy.sac_actor_grad,
        display=r"\alpha \log \pi - \min(q, \tilde q)",
        display_gradient=r"(-[q < \tilde q],\; -[\tilde q < q],\; \alpha)",
        parameters=MappingProxyType(
            {
                "alpha": Parameter(
                    symbol=_ALPHA,
                    default=0.2,
                    domain=NON_NEGATIVE,
                    unit="target",
                    meaning="what a nat of entropy is worth",
                    examples=(0.0, 0.2),
                )
            }
        ),
        range=REALS,
        gradient_range=(-sympy.Integer(1), _ALPHA),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="target",
        torch="alpha * log_probs - torch.minimum(q_values, twin_q_values)",
        references=("haarnoja2018sac",),
        page="reinforcement/actor-critic",
    ),
)
