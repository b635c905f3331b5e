"""The entries of `losscourse.losses.preference`."""

from types import MappingProxyType

import sympy
from sympy import oo

from losscourse.arrays import NON_NEGATIVE, POSITIVE, REALS, UNIT_CLOSED, UNIT_OPEN
from losscourse.catalogue.entry import Loss, Parameter
from losscourse.losses import preference

__all__ = ["ENTRIES"]

_ONE = sympy.Integer(1)
_BETA = sympy.Symbol("beta", positive=True)
_TAU = sympy.Symbol("tau", positive=True)
_PAGE = "preference/preferences"

ENTRIES = (
    Loss(
        title="Bradley-Terry loss",
        aliases=("reward-model loss", "paired-comparison loss", "RLHF reward loss"),
        use="A reward model, from which of two answers people prefer.",
        function=preference.bradley_terry,
        gradient=preference.bradley_terry_grad,
        display=r"-\log \sigma(c - d)",
        display_gradient=r"\left(-\sigma(d - c), \; \sigma(d - c)\right)",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="-F.logsigmoid(chosen_rewards - rejected_rewards)",
        references=("bradley1952rank", "ouyang2022instructgpt"),
        page=_PAGE,
    ),
    Loss(
        title="Direct preference optimisation",
        aliases=("DPO", "direct preference optimization"),
        use="A policy straight from preferences, without a reward model.",
        function=preference.dpo,
        gradient=preference.dpo_grad,
        display=r"-\log \sigma\left(\beta (r_c - r_d)\right),"
        r"\quad r = \log\tfrac{\pi}{\pi_\text{ref}}",
        display_gradient=r"\left(-\beta\,\sigma(-\beta (r_c - r_d)), \;"
        r" \beta\,\sigma(-\beta (r_c - r_d))\right)",
        range=NON_NEGATIVE,
        gradient_range=(-_BETA, _BETA),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="-F.logsigmoid(beta * ((chosen_log_probs - rejected_log_probs)"
        " - (reference_chosen_log_probs - reference_rejected_log_probs)))",
        references=("rafailov2023dpo",),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=0.1,
                    domain=POSITIVE,
                    unit="none",
                    meaning="how strongly the policy is held to its reference",
                    examples=(0.1, 0.5),
                )
            }
        ),
    ),
    Loss(
        title="Identity preference optimisation",
        aliases=("IPO", "identity preference optimization"),
        use="Preferences that are almost certain, which DPO would overfit.",
        function=preference.ipo,
        gradient=preference.ipo_grad,
        display=r"\left(r_c - r_d - \tfrac{1}{2\tau}\right)^2,"
        r"\quad r = \log\tfrac{\pi}{\pi_\text{ref}}",
        display_gradient=r"\left(2\,(r_c - r_d - \tfrac{1}{2\tau}), \;"
        r" -2\,(r_c - r_d - \tfrac{1}{2\tau})\right)",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="none",
        torch="torch.square((chosen_log_probs - rejected_log_probs)"
        " - (reference_chosen_log_probs - reference_rejected_log_probs) - 1 / (2 * tau))",
        references=("azar2024ipo",),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "tau": Parameter(
                    symbol=_TAU,
                    default=0.1,
                    domain=POSITIVE,
                    unit="none",
                    meaning="how strongly the policy is held to its reference",
                    examples=(0.1, 0.5),
                )
            }
        ),
    ),
    Loss(
        title="Kahneman-Tversky optimisation",
        aliases=("KTO", "Kahneman-Tversky optimization", "prospect-theoretic loss"),
        use="Answers that were marked good or bad one by one, without pairs.",
        function=preference.kto,
        gradient=preference.kto_grad,
        display=r"\sigma(-m),\quad m = s\,\beta\,(r - z),\quad r = \log\tfrac{\pi}{\pi_\text{ref}}",
        display_gradient=r"-s\,\beta\,\sigma(m)\,\sigma(-m)",
        range=UNIT_CLOSED,
        gradient_range=(-_BETA / 4, _BETA / 4),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("ethayarajh2024kto",),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=0.1,
                    domain=POSITIVE,
                    unit="none",
                    meaning="how strongly the policy is held to its reference",
                    examples=(0.1, 1.0),
                ),
            }
        ),
    ),
    Loss(
        title="Odds-ratio preference optimisation",
        aliases=("ORPO", "odds ratio preference optimization"),
        use="Fitting the chosen answers and turning from the rejected ones in one training.",
        function=preference.orpo,
        gradient=preference.orpo_grad,
        display=r"-\log p - \lambda \log \sigma\left(\log\tfrac{p}{1 - p}"
        r" - \log\tfrac{q}{1 - q}\right)",
        display_gradient=r"\left(-1 - \lambda\,\tfrac{\sigma(-d)}{1 - p}, \;"
        r" \lambda\,\tfrac{\sigma(-d)}{1 - q}\right)",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("hong2024orpo",),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "weight": Parameter(
                    symbol=sympy.Symbol("lambda", positive=True),
                    default=0.1,
                    domain=POSITIVE,
                    unit="none",
                    meaning="the weight of the odds ratio beside the fit",
                    examples=(0.1, 1.0),
                )
            }
        ),
    ),
    Loss(
        title="Simple preference optimisation",
        aliases=("SimPO", "simple preference optimization"),
        use="Preferences without a reference policy, and without a reward for length.",
        function=preference.simpo,
        gradient=preference.simpo_grad,
        display=r"-\log \sigma\left(\beta (c - d) - \gamma\right)",
        display_gradient=r"\left(-\beta\,\sigma(\gamma - \beta (c - d)), \;"
        r" \beta\,\sigma(\gamma - \beta (c - d))\right)",
        range=NON_NEGATIVE,
        gradient_range=(-_BETA, _BETA),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="-F.logsigmoid(beta * (chosen_mean_log_probs - rejected_mean_log_probs) - margin)",
        references=("meng2024simpo",),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=2.0,
                    domain=POSITIVE,
                    unit="none",
                    meaning="the scale of the reward",
                    examples=(0.5, 2.0),
                ),
                "margin": Parameter(
                    symbol=sympy.Symbol("gamma", nonnegative=True),
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="by how much the chosen reward should exceed the other",
                    examples=(0.0, 1.0),
                ),
            }
        ),
    ),
    Loss(
        title="Group relative policy optimisation",
        aliases=("GRPO", "Dr. GRPO", "group relative policy optimization"),
        use="Training a language model on rewards, without a value model.",
        function=preference.grpo,
        gradient=preference.grpo_grad,
        display=r"C + \beta\,(e^x - 1 - x),\quad x = \log\tfrac{q}{p},\quad C = \text{PPO}",
        display_gradient=r"C' + \beta\,(1 - e^x)",
        range=REALS,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="none",
        torch=None,
        references=("shao2024grpo", "liu2025drgrpo"),
        page=_PAGE,
        parameters=MappingProxyType(
            {
                "clip": Parameter(
                    symbol=sympy.Symbol("epsilon", positive=True),
                    default=0.2,
                    domain=UNIT_OPEN,
                    unit="none",
                    meaning="by how much the ratio may differ from 1 to the policy's gain",
                    examples=(0.1, 0.2),
                ),
                "beta": Parameter(
                    symbol=sympy.Symbol("beta", nonnegative=True),
                    default=0.04,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="the weight of the divergence from the reference",
                    examples=(0.0, 0.04, 1.0),
                ),
            }
        ),
    ),
)
