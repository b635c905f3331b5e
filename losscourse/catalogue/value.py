"""The entries of `losscourse.losses.value`."""

from types import MappingProxyType

import sympy
from sympy import log, oo

from losscourse.arrays import NON_NEGATIVE, POSITIVE
from losscourse.catalogue.entry import CLASSES, RESIDUAL, Loss, Parameter
from losscourse.losses import value

__all__ = ["ENTRIES"]

_DELTA = sympy.Symbol("delta", positive=True)
_KAPPA = sympy.Symbol("kappa", positive=True)
_EPSILON = sympy.Symbol("varepsilon", positive=True)
_e = RESIDUAL

ENTRIES = (
    Loss(
        title="Temporal-difference loss",
        aliases=("TD loss", "mean squared TD error", "critic loss"),
        use="The value of each state, from rewards and the value of the next state.",
        function=value.td,
        gradient=value.td_grad,
        formula=_e**2 / 2,
        derivative=_e,
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=0.5,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="target²",
        torch='F.mse_loss(values, targets, reduction="none") / 2',
        references=("sutton1988td", "sutton2018reinforcement"),
        page="reinforcement/value",
    ),
    Loss(
        title="Q-learning loss",
        aliases=("DQN loss", "double DQN loss"),
        use="The value of each action, from transitions that a replay memory holds.",
        function=value.q_learning,
        gradient=value.q_learning_grad,
        display=r"h_\delta(q_a - y),\quad h_\delta(e) = \begin{cases} "
        r"e^2/2 & \lvert e \rvert \le \delta \\ "
        r"\delta(\lvert e \rvert - \delta/2) & \lvert e \rvert > \delta \end{cases}",
        display_gradient=r"1_a \min(\max(q_a - y, -\delta), \delta)",
        parameters=MappingProxyType(
            {
                "delta": Parameter(
                    symbol=_DELTA,
                    default=1.0,
                    domain=POSITIVE,
                    unit="target",
                    meaning="the TD error at which the loss turns from squared to absolute",
                    examples=(0.25, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_DELTA, _DELTA),
        elicits="Huber's location",
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=True,
        unit="target²",
        torch="F.huber_loss(q_values.gather(-1, actions.unsqueeze(-1)).squeeze(-1), targets, "
        'reduction="none", delta=delta)',
        references=("mnih2015dqn", "watkins1992qlearning", "hasselt2016double"),
        page="reinforcement/value",
    ),
    Loss(
        title="Categorical TD loss",
        aliases=("C51", "categorical DQN loss", "distributional cross-entropy"),
        use="The distribution of the return, as probabilities of fixed atoms.",
        function=value.categorical_td,
        gradient=value.categorical_td_grad,
        display=r"-\sum_i m_i \log \operatorname{softmax}(z)_i",
        display_gradient=r"\operatorname{softmax}(z) - m",
        range=NON_NEGATIVE,
        gradient_range=(-sympy.Integer(1), sympy.Integer(1)),
        elicits="class frequencies",
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits, target_probs, reduction="none")',
        references=("bellemare2017c51",),
        page="reinforcement/distributional",
    ),
    Loss(
        title="Quantile TD loss",
        aliases=("QR-DQN loss", "quantile Huber loss", "quantile regression TD"),
        use="The distribution of the return, as values of fixed quantiles.",
        function=value.quantile_td,
        gradient=value.quantile_td_grad,
        display=r"\sum_i \frac{1}{J} \sum_j \lvert \tau_i - [y_j < q_i] \rvert\,"
        r"h_\kappa(q_i - y_j),\quad \tau_i = \frac{i + 1/2}{M}",
        display_gradient=r"\frac{1}{J} \sum_j \lvert \tau_i - [y_j < q_i] \rvert\,"
        r"\min(\max(q_i - y_j, -\kappa), \kappa)",
        parameters=MappingProxyType(
            {
                "kappa": Parameter(
                    symbol=_KAPPA,
                    default=1.0,
                    domain=POSITIVE,
                    unit="target",
                    meaning="the error at which the loss turns from squared to absolute",
                    examples=(0.25, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_KAPPA * (1 - 1 / (2 * CLASSES)), _KAPPA * (1 - 1 / (2 * CLASSES))),
        elicits="quantile Huber location",
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=True,
        unit="target²",
        torch=None,
        references=("dabney2018qrdqn",),
        page="reinforcement/distributional",
    ),
    Loss(
        title="Clipped value loss",
        aliases=("PPO value loss", "value clipping"),
        use="A critic beside PPO that should not run far from its values when the data came.",
        function=value.clipped_value,
        gradient=value.clipped_value_grad,
        display=r"\tfrac12 \max\bigl((v - y)^2, (c - y)^2\bigr),\quad "
        r"c = \min(\max(v, v' - \varepsilon), v' + \varepsilon)",
        display_gradient=r"[\,\lvert v - y \rvert \ge \lvert c - y \rvert\,]\,(v - y)",
        parameters=MappingProxyType(
            {
                "clip": Parameter(
                    symbol=_EPSILON,
                    default=0.2,
                    domain=POSITIVE,
                    unit="target",
                    meaning="how far from the old value a step may still lower the loss",
                    examples=(0.2, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="target²",
        torch=None,
        references=("schulman2017ppo",),
        page="reinforcement/actor-critic",
    ),
)
