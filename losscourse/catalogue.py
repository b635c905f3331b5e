"""The catalogue: one entry per loss, read by the pages' cards, the explorers and the tests.

It is data. No code picks a loss by a string at run time: import the function. The tests hold every
claim of an entry against the function (formula, gradient, range, bound, convexity, minimiser).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import sympy
from sympy import Abs, Max, Piecewise, Rational, cosh, log, oo, sign, sqrt

from losscourse.arrays import NON_NEGATIVE, POSITIVE, UNIT_OPEN, Array, Interval
from losscourse.losses import regression

__all__ = ["CATALOGUE", "RESIDUAL", "Loss", "Parameter"]

RESIDUAL = sympy.Symbol("e", real=True)
"""Prediction minus target: the variable of every formula."""


@dataclass(frozen=True)
class Parameter:
    """A hyperparameter of a loss.

    Args:
        symbol: How the formula writes it.
        default: Its default value.
        domain: The allowed values.
        unit: "target" if it carries the target's unit, else "none".
        meaning: One line for a reader.
        examples: Values that tests and explorers use, all in `domain`.
    """

    symbol: sympy.Symbol
    default: float
    domain: Interval
    unit: str
    meaning: str
    examples: tuple[float, ...]


@dataclass(frozen=True)
class Loss:
    """What the course says about one loss.

    Args:
        title: The name in prose.
        aliases: Other names in use, for the search.
        use: One line: what it is for.
        function: The loss per example.
        gradient: The derivative of the summed loss by the predictions.
        formula: SymPy expression in `RESIDUAL` (prediction minus target) and the parameters.
        derivative: SymPy expression of the gradient, kinks included.
        range: Values that the loss takes.
        gradient_range: Values that the gradient takes, as SymPy bounds (low, high).
        elicits: The statistic of the target that minimises the expected loss.
        at_chance: Expected loss of the best constant prediction of a standard normal target, at
            the default parameters.
        convex: Convex in the prediction.
        smoothness: How many continuous derivatives: 0 (a kink), 1, or `oo`.
        robust: The gradient is bounded, so that one outlier has a bounded pull.
        unit: "target", "target²" or "none".
        torch: The equivalent call in torch, or None.
        references: Keys in `book/references.bib`.
        page: The page that teaches it, relative to `book/`.
        parameters: Hyperparameters by argument name.
    """

    title: str
    aliases: tuple[str, ...]
    use: str
    function: Callable[..., Array]
    gradient: Callable[..., Array]
    formula: sympy.Expr
    derivative: sympy.Expr
    range: Interval
    gradient_range: tuple[sympy.Expr, sympy.Expr]
    elicits: str
    at_chance: float
    convex: bool
    smoothness: sympy.Expr
    robust: bool
    unit: str
    torch: str | None
    references: tuple[str, ...]
    page: str
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__

    @property
    def qualified_name(self) -> str:
        """Where to import it from."""
        return f"{self.function.__module__}.{self.name}"

    @property
    def defaults(self) -> dict[str, float]:
        """Hyperparameters at their defaults, by argument name."""
        return {name: parameter.default for name, parameter in self.parameters.items()}


_DELTA = sympy.Symbol("delta", positive=True)
_BETA = sympy.Symbol("beta", positive=True)
_TAU = sympy.Symbol("tau", positive=True)
_HALF = Rational(1, 2)
_e = RESIDUAL


def _clip(x: sympy.Expr, bound: sympy.Expr) -> sympy.Expr:
    """Return `x` clipped to [-bound, bound]."""
    return Piecewise((x, Abs(x) <= bound), (bound * sign(x), True))


_ENTRIES = (
    Loss(
        title="Squared error",
        aliases=("L2 loss", "quadratic loss", "MSE", "least squares"),
        use="Regression when large residuals deserve large corrections and outliers are rare.",
        function=regression.squared_error,
        gradient=regression.squared_error_grad,
        formula=_e**2,
        derivative=2 * _e,
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=1.0,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="target²",
        torch='F.mse_loss(predictions, targets, reduction="none")',
        references=("hastie2009esl",),
        page="regression/squared-error",
    ),
    Loss(
        title="Absolute error",
        aliases=("L1 loss", "least absolute deviations", "MAE"),
        use="Regression when every unit of error costs the same and outliers must not steer.",
        function=regression.absolute_error,
        gradient=regression.absolute_error_grad,
        formula=Abs(_e),
        derivative=sign(_e),
        range=NON_NEGATIVE,
        gradient_range=(sympy.Integer(-1), sympy.Integer(1)),
        elicits="median",
        at_chance=float(sqrt(2 / sympy.pi)),
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="target",
        torch='F.l1_loss(predictions, targets, reduction="none")',
        references=("koenker1978quantiles",),
        page="regression/absolute-error",
    ),
    Loss(
        title="Huber loss",
        aliases=("Huber's M-estimator", "robust squared loss"),
        use="Regression with mostly Gaussian noise and some outliers.",
        function=regression.huber,
        gradient=regression.huber_grad,
        formula=Piecewise((_e**2 / 2, Abs(_e) <= _DELTA), (_DELTA * (Abs(_e) - _DELTA / 2), True)),
        derivative=_clip(_e, _DELTA),
        parameters=MappingProxyType(
            {
                "delta": Parameter(
                    symbol=_DELTA,
                    default=1.0,
                    domain=POSITIVE,
                    unit="target",
                    meaning="the residual at which the loss turns from squared to absolute",
                    examples=(0.1, 1.0, 1.345, 10.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_DELTA, _DELTA),
        elicits="Huber's location",
        at_chance=0.4246602,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=True,
        unit="target²",
        torch='F.huber_loss(predictions, targets, reduction="none", delta=delta)',
        references=("huber1964robust",),
        page="regression/huber",
    ),
    Loss(
        title="Smooth L1 loss",
        aliases=("smooth absolute error",),
        use="Box regression in detectors: the absolute error with its tip rounded.",
        function=regression.smooth_l1,
        gradient=regression.smooth_l1_grad,
        formula=Piecewise((_e**2 / (2 * _BETA), Abs(_e) <= _BETA), (Abs(_e) - _BETA / 2, True)),
        derivative=_clip(_e / _BETA, sympy.Integer(1)),
        parameters=MappingProxyType(
            {
                "beta": Parameter(
                    symbol=_BETA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="target",
                    meaning="the residual below which the tip is rounded",
                    examples=(0.1, 1.0, 10.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(sympy.Integer(-1), sympy.Integer(1)),
        elicits="Huber's location",
        at_chance=0.4246602,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=True,
        unit="target",
        torch='F.smooth_l1_loss(predictions, targets, reduction="none", beta=beta)',
        references=("girshick2015fast",),
        page="regression/huber",
    ),
    Loss(
        title="Log-cosh loss",
        aliases=("logarithm of the hyperbolic cosine", "logcosh"),
        use="A Huber-like loss with all derivatives, for optimisers that use curvature.",
        function=regression.log_cosh,
        gradient=regression.log_cosh_grad,
        formula=log(cosh(_e)),
        derivative=sympy.tanh(_e),
        range=NON_NEGATIVE,
        gradient_range=(sympy.Integer(-1), sympy.Integer(1)),
        elicits="log-cosh location",
        at_chance=0.3745672,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("saleh2022logcosh",),
        page="regression/huber",
    ),
    Loss(
        title="Pinball loss",
        aliases=("quantile loss", "check loss", "tilted absolute error"),
        use="Forecasting a quantile, such as a demand that is exceeded one day in ten.",
        function=regression.pinball,
        gradient=regression.pinball_grad,
        formula=Max(-_TAU * _e, (1 - _TAU) * _e),
        derivative=sign(_e) / 2 + _HALF - _TAU,
        parameters=MappingProxyType(
            {
                "quantile": Parameter(
                    symbol=_TAU,
                    default=0.5,
                    domain=UNIT_OPEN,
                    unit="none",
                    meaning="the quantile that the loss elicits",
                    examples=(0.1, 0.5, 0.9),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_TAU, 1 - _TAU),
        elicits="quantile",
        at_chance=float(1 / sqrt(2 * sympy.pi)),
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="target",
        torch=None,
        references=("koenker1978quantiles",),
        page="regression/absolute-error",
    ),
)

CATALOGUE: Mapping[str, Loss] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every loss of the package, by the name of its function."""
