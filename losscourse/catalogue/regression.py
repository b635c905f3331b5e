"""The entries of `losscourse.losses.regression`."""

import dataclasses
import math
from types import MappingProxyType

import sympy
from sympy import Abs, Eq, Max, Piecewise, Rational, cosh, exp, log, oo, sign, sqrt

from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    REALS,
    UNIT_CLOSED,
    UNIT_OPEN,
    Interval,
)
from losscourse.catalogue.entry import PREDICTION, RESIDUAL, TARGET, Loss, Parameter
from losscourse.losses import regression

__all__ = ["ENTRIES"]

_DELTA = sympy.Symbol("delta", positive=True)
_BETA = sympy.Symbol("beta", positive=True)
_EPSILON = sympy.Symbol("epsilon", positive=True)
_C = sympy.Symbol("c", positive=True)
_ALPHA = sympy.Symbol("alpha", real=True)
_TAU = sympy.Symbol("tau", positive=True)
_HALF = Rational(1, 2)
_e, _z, _y = RESIDUAL, PREDICTION, TARGET


def _clip(x: sympy.Expr, bound: sympy.Expr) -> sympy.Expr:
    """Return `x` clipped to [-bound, bound]."""
    return Piecewise((x, Abs(x) <= bound), (bound * sign(x), True))


def _c(meaning: str) -> Parameter:
    """Return the scale of a robust loss; each says its own meaning."""
    return Parameter(
        symbol=_C,
        default=1.0,
        domain=POSITIVE,
        unit="target",
        meaning=meaning,
        examples=(0.5, 1.0, 2.0),
    )


_WIDTH = Abs(_ALPHA - 2)
_STEEPEST = Piecewise(
    (oo, _ALPHA > 1),
    (1 / _C, Eq(_ALPHA, 1)),
    (((2 - _ALPHA) / (1 - _ALPHA)) ** ((_ALPHA - 1) / 2) / _C, True),
)
_SIDE = Piecewise((_TAU, _e < 0), (1 - _TAU, True))

ENTRIES = (
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
    Loss(
        title="Expectile loss",
        aliases=("asymmetric least squares", "asymmetric squared error"),
        use="Estimating an expectile: a mean that weighs errors below and above it differently.",
        function=regression.expectile,
        gradient=regression.expectile_grad,
        formula=Max(-_TAU * _e, (1 - _TAU) * _e) * Abs(_e),
        derivative=2 * Max(-_TAU * _e, (1 - _TAU) * _e) * sign(_e),
        parameters=MappingProxyType(
            {
                "level": Parameter(
                    symbol=_TAU,
                    default=0.9,
                    domain=UNIT_OPEN,
                    unit="none",
                    meaning="the level of the expectile that the loss elicits",
                    examples=(0.1, 0.25, 0.9),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="expectile",
        at_chance=0.2555648051855,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=False,
        unit="target²",
        torch=None,
        references=("newey1987asymmetric",),
        page="regression/quantiles",
    ),
    Loss(
        title="Epsilon-insensitive loss",
        aliases=("support vector regression's loss", "tube loss"),
        use="Support vector regression: errors within a tolerance cost nothing.",
        function=regression.epsilon_insensitive,
        gradient=regression.epsilon_insensitive_grad,
        formula=Max(Abs(_e) - _EPSILON, 0),
        derivative=Piecewise((0, Abs(_e) <= _EPSILON), (sign(_e), True)),
        parameters=MappingProxyType(
            {
                "epsilon": Parameter(
                    symbol=_EPSILON,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="target",
                    meaning="half the width of the tube in which an error is free",
                    examples=(0.25, 1.0, 4.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(sympy.Integer(-1), sympy.Integer(1)),
        elicits=None,
        at_chance=0.16663094117537,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="target",
        torch=None,
        references=("hastie2009esl",),
        page="regression/robust",
    ),
    Loss(
        title="Cauchy loss",
        aliases=("Lorentzian loss", "Student's t with one degree of freedom"),
        use="Regression with gross outliers, whose pull should fade as they move away.",
        function=regression.cauchy,
        gradient=regression.cauchy_grad,
        formula=_C**2 * log(1 + (_e / _C) ** 2) / 2,
        derivative=_e / (1 + (_e / _C) ** 2),
        parameters=MappingProxyType(
            {
                "scale": _c("the residual whose pull is strongest"),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_C / 2, _C / 2),
        elicits=None,
        at_chance=0.26672658992207,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="target²",
        torch=None,
        references=("barron2019robust",),
        page="regression/robust",
    ),
    Loss(
        title="General robust loss",
        aliases=("Barron's loss", "adaptive robust loss", "generalised Charbonnier loss"),
        use="Choosing by one number how much an outlier may pull; bounded for alpha up to 1.",
        function=regression.general_robust,
        gradient=regression.general_robust_grad,
        formula=Piecewise(
            ((_e / _C) ** 2 / 2, Eq(_ALPHA, 2)),
            (log((_e / _C) ** 2 / 2 + 1), Eq(_ALPHA, 0)),
            (_WIDTH / _ALPHA * (((_e / _C) ** 2 / _WIDTH + 1) ** (_ALPHA / 2) - 1), True),
        ),
        derivative=Piecewise(
            (_e / _C**2, Eq(_ALPHA, 2)),
            (_e / _C**2 * ((_e / _C) ** 2 / _WIDTH + 1) ** (_ALPHA / 2 - 1), True),
        ),
        parameters=MappingProxyType(
            {
                "alpha": Parameter(
                    symbol=_ALPHA,
                    default=1.0,
                    domain=REALS,
                    unit="none",
                    meaning="the power with which the loss grows far out",
                    examples=(-2.0, 0.0, 1.0, 2.0),
                ),
                "scale": dataclasses.replace(
                    _c("the residual at which the square begins to bend"), examples=(0.5, 1.0)
                ),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_STEEPEST, _STEEPEST),
        elicits=None,
        at_chance=0.35453080648132,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="none",
        torch=None,
        references=("barron2019robust",),
        page="regression/robust",
    ),
    Loss(
        title="Welsch loss",
        aliases=("Leclerc loss", "correntropy loss", "exponential squared loss"),
        use="Regression where a gross outlier should have no say at all.",
        function=regression.welsch,
        gradient=regression.welsch_grad,
        formula=1 - exp(-((_e / _C) ** 2) / 2),
        derivative=_e / _C**2 * exp(-((_e / _C) ** 2) / 2),
        parameters=MappingProxyType({"scale": _c("the residual whose pull is strongest")}),
        range=UNIT_CLOSED,
        gradient_range=(-exp(-_HALF) / _C, exp(-_HALF) / _C),
        elicits=None,
        at_chance=float(1 - 1 / sqrt(2)),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("barron2019robust",),
        page="regression/robust",
    ),
    Loss(
        title="Geman-McClure loss",
        aliases=("Geman and McClure's estimator", "saturating quadratic"),
        use="Fitting among many outliers, such as false matches of points in images.",
        function=regression.geman_mcclure,
        gradient=regression.geman_mcclure_grad,
        formula=2 * (_e / _C) ** 2 / ((_e / _C) ** 2 + 4),
        derivative=_e / _C**2 * 16 / ((_e / _C) ** 2 + 4) ** 2,
        parameters=MappingProxyType(
            {"scale": _c("half the residual at which the loss is half of its bound")}
        ),
        range=Interval(0, 2, low_closed=True, high_closed=True),
        gradient_range=(-3 * sqrt(3) / (8 * _C), 3 * sqrt(3) / (8 * _C)),
        elicits=None,
        at_chance=0.31452308284778,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("barron2019robust",),
        page="regression/robust",
    ),
    Loss(
        title="Quantile Huber loss",
        aliases=("Huberised pinball loss", "smoothed quantile loss", "QR-DQN loss"),
        use="Quantile regression with a smooth gradient, as for the returns of a policy.",
        function=regression.quantile_huber,
        gradient=regression.quantile_huber_grad,
        formula=_SIDE
        * Piecewise((_e**2 / (2 * _DELTA), Abs(_e) <= _DELTA), (Abs(_e) - _DELTA / 2, True)),
        derivative=_SIDE * _clip(_e / _DELTA, sympy.Integer(1)),
        parameters=MappingProxyType(
            {
                "quantile": Parameter(
                    symbol=_TAU,
                    default=0.5,
                    domain=UNIT_OPEN,
                    unit="none",
                    meaning="the quantile that the loss is about",
                    examples=(0.25, 0.5, 0.9),
                ),
                "delta": Parameter(
                    symbol=_DELTA,
                    default=1.0,
                    domain=POSITIVE,
                    unit="target",
                    meaning="the residual below which the tip is rounded",
                    examples=(0.5, 1.0),
                ),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_TAU, 1 - _TAU),
        elicits="M-quantile location",
        at_chance=0.21233010832812,
        convex=True,
        smoothness=sympy.Integer(1),
        robust=True,
        unit="target",
        torch=None,
        references=("dabney2018qrdqn",),
        page="regression/quantiles",
    ),
    Loss(
        title="Absolute percentage error",
        aliases=("MAPE", "relative absolute error"),
        use="Reporting errors of positive amounts as percentages; it forecasts too low.",
        function=regression.absolute_percentage_error,
        gradient=regression.absolute_percentage_error_grad,
        variable=_z,
        formula=Abs(_z - _y) / Abs(_y),
        derivative=sign(_z - _y) / Abs(_y),
        targets=(0.5, 2.0, -4.0),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="weighted median",
        at_chance=None,
        convex=True,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="none",
        torch=None,
        references=("gneiting2011point",),
        page="regression/absolute-error",
    ),
    Loss(
        title="Squared log error",
        aliases=("MSLE", "RMSLE", "squared logarithmic error"),
        use="Counts and amounts over many orders of magnitude, where ratios matter.",
        function=regression.squared_log_error,
        gradient=regression.squared_log_error_grad,
        variable=_z,
        formula=(log(1 + _z) - log(1 + _y)) ** 2,
        derivative=2 * (log(1 + _z) - log(1 + _y)) / (1 + _z),
        predictions=Interval(-1, math.inf),
        targets=(-0.5, 0.0, 2.0),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits="shifted geometric mean",
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="none",
        torch=None,
        references=("gneiting2011point",),
        page="regression/squared-error",
    ),
)
