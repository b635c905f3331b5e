"""The cases of `losscourse.losses.regression`."""

import math
from collections.abc import Callable

import array_api_compat
import mpmath
import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import brentq, least_squares
from scipy.special import boxcox1p, gammaln, logsumexp, pseudo_huber
from scipy.stats import expon, fisk, gamma, norm, poisson, rayleigh
from sklearn.metrics import (
    mean_absolute_percentage_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_log_error,
    mean_tweedie_deviance,
)

from losscourse.arrays import Array
from losscourse.losses import regression
from tests.losscourse.losses.case import Case, Identity, Point, Wrong


def draw(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets whose residuals reach from a tenth of `scale` to three."""
    targets = rng.normal(size=n)
    return targets + scale * rng.normal(size=n), targets


def from_torch(function: Callable[..., torch.Tensor]) -> Callable[..., np.ndarray]:
    """Return a torch loss as a function of NumPy arrays that does not reduce."""

    def oracle(predictions: np.ndarray, targets: np.ndarray, **setting: float) -> np.ndarray:
        tensors = torch.as_tensor(predictions), torch.as_tensor(targets)
        return function(*tensors, reduction="none", **setting).numpy()

    return oracle


def wrong_loss(name: str, body: Callable[..., Array]) -> Wrong:
    """Return a wrong loss; `body(xp, e, **hyperparameters)` gets the residual."""
    return Wrong(name, "loss", _of_residual(body))


def wrong_gradient(name: str, body: Callable[..., Array]) -> Wrong:
    """Return a wrong gradient; `body(xp, e, **hyperparameters)` gets the residual."""
    return Wrong(name, "gradient", _of_residual(body))


def unchecked(of: str, body: Callable[..., Array]) -> Wrong:
    """Return the right formula without its checks of arguments."""
    return Wrong("arguments unchecked", of, _of_residual(body), unchecked=True)


def _of_residual(body: Callable[..., Array]) -> Callable[..., Array]:
    def wrong(predictions: Array, targets: Array, **hyperparameters: float) -> Array:
        xp = array_api_compat.array_namespace(predictions)
        return body(xp, predictions - targets, **hyperparameters)

    return wrong


def subtract_in_place(predictions: Array, targets: Array) -> Array:
    """Return the squared error, having spoilt the caller's predictions."""
    predictions -= targets
    return predictions**2


def infinite(above: float, below: float) -> tuple[Point, ...]:
    """Return the limits of a loss that is infinite at an infinite residual, with its slopes."""
    inf = math.inf
    return (
        Point((inf, 0.0), above, inf),
        Point((-inf, 0.0), below, inf),
        Point((0.0, inf), below, inf),
        Point((0.0, -inf), above, inf),
    )


def root(score: Callable[[np.ndarray], np.ndarray], targets: np.ndarray) -> float:
    """Return where the summed score of the residuals is 0: an M-estimate of location."""
    return brentq(lambda c: score(c - targets).sum(), targets.min(), targets.max(), xtol=1e-13)


def example(seed: int = 0, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets for an identity."""
    return draw(np.random.default_rng(seed), n, 2.0)


SQUARED_ERROR = Case(
    loss=regression.squared_error,
    gradient=regression.squared_error_grad,
    settings=({},),
    draw=draw,
    oracle=("torch mse_loss", from_torch(F.mse_loss)),
    exact=lambda p, t: (p - t) ** 2,
    statistic=lambda targets: float(np.mean(targets)),
    limits=lambda: infinite(math.inf, -math.inf),
    identities=(
        Identity(
            "|e|²", lambda loss: (loss(*example()), regression.absolute_error(*example()) ** 2)
        ),
        Identity(
            "mean loss = variance + bias²",
            lambda loss: (
                np.mean(loss(np.full(50, 0.7), example()[1])),
                np.var(example()[1]) + (0.7 - np.mean(example()[1])) ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong_loss("factor ½", lambda xp, e: e**2 / 2),
        wrong_loss("absolute for squared", lambda xp, e: xp.abs(e)),
        wrong_loss("sign kept", lambda xp, e: e * xp.abs(e)),
        wrong_loss("mean over the batch", lambda xp, e: xp.mean(e**2) + 0 * e),
        Wrong("sum for difference", "loss", lambda p, t: (p + t) ** 2),
        Wrong("expanded square", "loss", lambda p, t: p**2 - 2 * p * t + t**2),
        Wrong("in place", "loss", subtract_in_place),
        unchecked("loss", lambda xp, e: e**2),
        wrong_gradient("missing 2", lambda xp, e: e),
        wrong_gradient("descent for gradient", lambda xp, e: -2 * e),
        wrong_gradient("of the mean", lambda xp, e: 2 * e / max(1, math.prod(e.shape))),
        unchecked("gradient", lambda xp, e: 2 * e),
    ),
)

ABSOLUTE_ERROR = Case(
    loss=regression.absolute_error,
    gradient=regression.absolute_error_grad,
    settings=({},),
    draw=draw,
    oracle=("torch l1_loss", from_torch(F.l1_loss)),
    exact=lambda p, t: max(p - t, t - p),
    statistic=lambda targets: float(np.median(targets)),
    limits=lambda: infinite(1.0, -1.0),
    kinks=lambda: (Point((0.0, 0.0), 0.0), Point((1.5, 1.5), 0.0)),
    identities=(
        Identity("max(e, -e)", lambda loss: (loss(*example()), np.abs(np.subtract(*example())))),
        Identity(
            "symmetric in its arguments", lambda loss: (loss(*example()), loss(*example()[::-1]))
        ),
    ),
    wrongs=(
        wrong_loss("missing abs", lambda xp, e: e),
        wrong_loss("squared", lambda xp, e: e**2),
        wrong_loss("root of the square", lambda xp, e: xp.sqrt(e**2)),
        wrong_loss("rounded tip", lambda xp, e: xp.sqrt(e**2 + 1e-6)),
        wrong_loss("negative part lost", lambda xp, e: xp.clip(e, min=0)),
        unchecked("loss", lambda xp, e: xp.abs(e)),
        wrong_gradient("sign", lambda xp, e: -xp.sign(e)),
        wrong_gradient("1 at the kink", lambda xp, e: xp.where(e >= 0, 0 * e + 1, 0 * e - 1)),
        wrong_gradient("e/|e|", lambda xp, e: e / xp.abs(e)),
        unchecked("gradient", lambda xp, e: xp.sign(e)),
    ),
)


def exact_huber(p, t, delta):
    """Return the Huber loss by its two branches."""
    e = abs(p - t)
    return e**2 / 2 if e <= delta else delta * (e - mpmath.mpf(delta) / 2)


def huber_with_where(xp: object, e: Array, delta: float) -> Array:
    """Return the Huber loss with both branches formed everywhere."""
    return xp.where(xp.abs(e) <= delta, e**2 / 2, delta * (xp.abs(e) - delta / 2))


HUBER = Case(
    loss=regression.huber,
    gradient=regression.huber_grad,
    settings=({}, {"delta": 0.1}, {"delta": 1.0}, {"delta": 1.345}, {"delta": 10.0}),
    draw=draw,
    oracle=("torch huber_loss", from_torch(F.huber_loss)),
    exact=lambda p, t, delta=1.0: exact_huber(p, t, delta),
    statistic=lambda targets, delta=1.0: root(lambda e: np.clip(e, -delta, delta), targets),
    limits=lambda delta=1.0: infinite(delta, -delta),
    seams=lambda delta=1.0: (-delta, delta),
    identities=(
        Identity(
            "half the squared error where delta is large",
            lambda loss: (loss(*example(), delta=1e3), regression.squared_error(*example()) / 2),
        ),
        Identity(
            "delta · absolute error where delta is small",
            lambda loss: (
                loss(*example(), delta=1e-15) / 1e-15,
                regression.absolute_error(*example()),
            ),
        ),
        Identity(
            "delta · smooth L1",
            lambda loss: (
                loss(*example(), delta=0.3),
                0.3 * regression.smooth_l1(*example(), beta=0.3),
            ),
        ),
    ),
    wrongs=(
        wrong_loss(
            "½ missing near the target",
            lambda xp, e, delta=1.0: xp.where(
                xp.abs(e) <= delta, e**2, delta * (xp.abs(e) - delta / 2)
            ),
        ),
        wrong_loss(
            "jump at the seam",
            lambda xp, e, delta=1.0: xp.where(xp.abs(e) <= delta, e**2 / 2, delta * xp.abs(e)),
        ),
        wrong_loss(
            "delta² for delta²/2",
            lambda xp, e, delta=1.0: xp.where(
                xp.abs(e) <= delta, e**2 / 2, delta * (xp.abs(e) - delta)
            ),
        ),
        wrong_loss(
            "branches swapped",
            lambda xp, e, delta=1.0: xp.where(
                xp.abs(e) > delta, e**2 / 2, delta * (xp.abs(e) - delta / 2)
            ),
        ),
        wrong_loss(
            "missing abs in the comparison",
            lambda xp, e, delta=1.0: xp.where(
                e <= delta, e**2 / 2, delta * (xp.abs(e) - delta / 2)
            ),
        ),
        wrong_loss("delta left out", lambda xp, e, delta=1.0: huber_with_where(xp, e, 1.0)),
        wrong_loss("smooth L1", lambda xp, e, delta=1.0: huber_with_where(xp, e, delta) / delta),
        wrong_loss(
            "square formed far out", lambda xp, e, delta=1.0: huber_with_where(xp, e, delta)
        ),
        unchecked(
            "loss",
            lambda xp, e, delta=1.0: (
                xp.clip(xp.abs(e), max=delta) * (xp.abs(e) - xp.clip(xp.abs(e), max=delta) / 2)
            ),
        ),
        wrong_gradient("not clipped", lambda xp, e, delta=1.0: e),
        wrong_gradient("clipped at 1", lambda xp, e, delta=1.0: xp.clip(e, min=-1, max=1)),
        wrong_gradient("clipped above only", lambda xp, e, delta=1.0: xp.clip(e, max=delta)),
        wrong_gradient("sign", lambda xp, e, delta=1.0: xp.clip(-e, min=-delta, max=delta)),
        unchecked("gradient", lambda xp, e, delta=1.0: xp.clip(e, min=-delta, max=delta)),
    ),
)


def exact_smooth_l1(p, t, beta):
    """Return the smooth L1 loss by its two branches."""
    e = abs(p - t)
    return e**2 / (2 * mpmath.mpf(beta)) if e < beta else e - mpmath.mpf(beta) / 2


def smooth_l1_location(targets: np.ndarray, beta: float = 1.0) -> float:
    """Return Huber's location, or the median, its limit at beta 0."""
    if beta == 0:
        return float(np.median(targets))
    return root(lambda e: np.clip(e, -beta, beta), targets)


def smooth_l1_with_where(xp: object, e: Array, beta: float) -> Array:
    """Return the smooth L1 loss with both branches formed everywhere."""
    return xp.where(xp.abs(e) < beta, e**2 / (2 * beta), xp.abs(e) - beta / 2)


SMOOTH_L1 = Case(
    loss=regression.smooth_l1,
    gradient=regression.smooth_l1_grad,
    settings=({}, {"beta": 0.0}, {"beta": 0.1}, {"beta": 1.0}, {"beta": 10.0}),
    draw=draw,
    oracle=("torch smooth_l1_loss", from_torch(F.smooth_l1_loss)),
    exact=lambda p, t, beta=1.0: exact_smooth_l1(p, t, beta),
    statistic=smooth_l1_location,
    limits=lambda beta=1.0: infinite(1.0, -1.0),
    kinks=lambda beta=1.0: (Point((1.5, 1.5), 0.0),) if beta == 0 else (),
    seams=lambda beta=1.0: (-beta, beta),
    identities=(
        Identity(
            "Huber / beta",
            lambda loss: (
                loss(*example(), beta=0.3),
                regression.huber(*example(), delta=0.3) / 0.3,
            ),
        ),
        Identity(
            "absolute error at beta 0",
            lambda loss: (loss(*example(), beta=0.0), regression.absolute_error(*example())),
        ),
    ),
    wrongs=(
        wrong_loss(
            "not divided by beta",
            lambda xp, e, beta=1.0: beta * smooth_l1_with_where(xp, e, beta) if beta else xp.abs(e),
        ),
        wrong_loss(
            "jump at the seam",
            lambda xp, e, beta=1.0: (
                xp.where(xp.abs(e) < beta, e**2 / (2 * beta), xp.abs(e) - 0.5)
                if beta
                else xp.abs(e)
            ),
        ),
        wrong_loss(
            "beta divides by zero",
            lambda xp, e, beta=1.0: (
                xp.clip(xp.abs(e), max=beta)
                / make_like(e, beta)
                * (xp.abs(e) - xp.clip(xp.abs(e), max=beta) / 2)
            ),
        ),
        wrong_loss(
            "missing abs far out",
            lambda xp, e, beta=1.0: (
                xp.where(xp.abs(e) < beta, e**2 / (2 * beta), e - beta / 2) if beta else xp.abs(e)
            ),
        ),
        unchecked(
            "loss",
            lambda xp, e, beta=1.0: smooth_l1_with_where(xp, e, beta) if beta else xp.abs(e),
        ),
        wrong_gradient(
            "not divided by beta",
            lambda xp, e, beta=1.0: xp.clip(e, min=-beta, max=beta) if beta else xp.sign(e),
        ),
        wrong_gradient("sign of the residual", lambda xp, e, beta=1.0: xp.sign(e)),
        wrong_gradient("not clipped", lambda xp, e, beta=1.0: e / beta if beta else xp.sign(e)),
        wrong_gradient(
            "1 at the kink",
            lambda xp, e, beta=1.0: (
                xp.clip(e / beta, min=-1, max=1) if beta else xp.where(e >= 0, 0 * e + 1, 0 * e - 1)
            ),
        ),
        unchecked(
            "gradient",
            lambda xp, e, beta=1.0: xp.clip(e / beta, min=-1, max=1) if beta else xp.sign(e),
        ),
    ),
)


def make_like(e: Array, value: float) -> Array:
    """Return `value` in the dtype of `e`, so that a division by 0 gives inf and not an error."""
    return 0 * e + value


LOG_COSH = Case(
    loss=regression.log_cosh,
    gradient=regression.log_cosh_grad,
    settings=({},),
    draw=draw,
    oracle=(
        "SciPy logsumexp",
        lambda p, t: logsumexp(np.stack([p - t, t - p]), axis=0) - math.log(2),
    ),
    exact=lambda p, t: mpmath.log(mpmath.cosh(p - t)),
    statistic=lambda targets: root(np.tanh, targets),
    limits=lambda: infinite(1.0, -1.0),
    identities=(
        Identity(
            "symmetric in its arguments", lambda loss: (loss(*example()), loss(*example()[::-1]))
        ),
        Identity(
            "half the squared error near 0",
            lambda loss: (
                loss(example()[0] * 1e-7, np.zeros(50)),
                regression.squared_error(example()[0] * 1e-7, np.zeros(50)) / 2,
            ),
        ),
        Identity(
            "absolute error - log 2 far out",
            lambda loss: (
                loss(np.linspace(50, 1e3, 20), np.zeros(20)),
                np.linspace(50, 1e3, 20) - math.log(2),
            ),
        ),
    ),
    wrongs=(
        wrong_loss("cosh overflows", lambda xp, e: xp.log(xp.cosh(e))),
        wrong_loss(
            "cancels near 0",
            lambda xp, e: xp.abs(e) + xp.log1p(xp.exp(-2 * xp.abs(e))) - math.log(2),
        ),
        wrong_loss(
            "missing log 2",
            lambda xp, e: xp.abs(e) + xp.log1p(xp.exp(-2 * xp.abs(e))),
        ),
        wrong_loss("missing abs", lambda xp, e: e + xp.log1p(xp.exp(-2 * e)) - math.log(2)),
        wrong_loss("parabola", lambda xp, e: e**2 / 2),
        unchecked(
            "loss",
            lambda xp, e: xp.where(
                xp.abs(e) < 1,
                xp.log1p(xp.sinh(xp.clip(e, min=-1, max=1)) ** 2) / 2,
                xp.abs(e) + xp.log1p(xp.exp(-2 * xp.abs(e))) - math.log(2),
            ),
        ),
        wrong_gradient("sinh/cosh overflows", lambda xp, e: xp.sinh(e) / xp.cosh(e)),
        wrong_gradient("sign", lambda xp, e: -xp.tanh(e)),
        wrong_gradient("second derivative", lambda xp, e: 1 - xp.tanh(e) ** 2),
        wrong_gradient("sigmoid for tanh", lambda xp, e: 2 / (1 + xp.exp(-e)) - 1),
        unchecked("gradient", lambda xp, e: xp.tanh(e)),
    ),
)


def sklearn_pinball(p: np.ndarray, t: np.ndarray, quantile: float = 0.5) -> np.ndarray:
    """Return scikit-learn's pinball loss of each example, taken as outputs of one example."""
    return mean_pinball_loss(t[None], p[None], alpha=quantile, multioutput="raw_values")


PINBALL = Case(
    loss=regression.pinball,
    gradient=regression.pinball_grad,
    settings=({}, {"quantile": 0.1}, {"quantile": 0.5}, {"quantile": 0.9}),
    draw=draw,
    oracle=("scikit-learn mean_pinball_loss", sklearn_pinball),
    exact=lambda p, t, quantile=0.5: (
        quantile * (t - p) if p < t else (1 - mpmath.mpf(quantile)) * (p - t)
    ),
    statistic=lambda targets, quantile=0.5: float(
        np.quantile(targets, quantile, method="inverted_cdf")
    ),
    limits=lambda quantile=0.5: infinite(1 - quantile, -quantile),
    kinks=lambda quantile=0.5: (
        Point((0.0, 0.0), 0.5 - quantile),
        Point((1.5, 1.5), 0.5 - quantile),
    ),
    identities=(
        Identity(
            "half the absolute error at ½",
            lambda loss: (
                loss(*example(), quantile=0.5),
                regression.absolute_error(*example()) / 2,
            ),
        ),
        Identity(
            "mirrored at 1 - quantile",
            lambda loss: (loss(*example(), quantile=0.2), loss(*example()[::-1], quantile=0.8)),
        ),
        Identity(
            "two mirrored quantiles add up to the absolute error",
            lambda loss: (
                loss(*example(), quantile=0.2) + loss(*example(), quantile=0.8),
                regression.absolute_error(*example()),
            ),
        ),
    ),
    wrongs=(
        wrong_loss(
            "quantile for 1 - quantile",
            lambda xp, e, quantile=0.5: xp.maximum(-(1 - quantile) * e, quantile * e),
        ),
        wrong_loss(
            "min for max",
            lambda xp, e, quantile=0.5: xp.minimum(-quantile * e, (1 - quantile) * e),
        ),
        wrong_loss("one side only", lambda xp, e, quantile=0.5: -quantile * e),
        wrong_loss(
            "twice", lambda xp, e, quantile=0.5: 2 * xp.maximum(-quantile * e, (1 - quantile) * e)
        ),
        wrong_loss("quantile left out", lambda xp, e, quantile=0.5: xp.abs(e) / 2),
        unchecked(
            "loss", lambda xp, e, quantile=0.5: xp.maximum(-quantile * e, (1 - quantile) * e)
        ),
        wrong_gradient(
            "quantile for 1 - quantile",
            lambda xp, e, quantile=0.5: xp.sign(e) / 2 + (quantile - 0.5),
        ),
        wrong_gradient(
            "end of the subdifferential at the kink",
            lambda xp, e, quantile=0.5: xp.where(e > 0, 0 * e + (1 - quantile), 0 * e - quantile),
        ),
        wrong_gradient("sign", lambda xp, e, quantile=0.5: quantile - 0.5 - xp.sign(e) / 2),
        unchecked("gradient", lambda xp, e, quantile=0.5: xp.sign(e) / 2 + (0.5 - quantile)),
    ),
)


def sklearn_expectile(p: np.ndarray, t: np.ndarray, level: float = 0.9) -> np.ndarray:
    """Return the expectile loss from scikit-learn's pinball loss, which is linear in |e|."""
    return sklearn_pinball(p, t, quantile=level) * np.abs(p - t)


def expectile_of(targets: np.ndarray, level: float = 0.9) -> float:
    """Return where the weighted residuals on both sides balance."""
    return root(lambda e: np.where(e < 0, level, 1 - level) * e, targets)


EXPECTILE = Case(
    loss=regression.expectile,
    gradient=regression.expectile_grad,
    settings=({}, {"level": 0.1}, {"level": 0.25}, {"level": 0.5}, {"level": 0.9}),
    draw=draw,
    # mpmath's differences straddle the seam at 0; the catalogue's grid holds the gradient there.
    corners=lambda: ((np.asarray([2.0**-20, -(2.0**-20), 300.0, -300.0]), np.zeros(4)),),
    oracle=("scikit-learn mean_pinball_loss, times |e|", sklearn_expectile),
    exact=lambda p, t, level=0.9: (
        (mpmath.mpf(level) if p < t else 1 - mpmath.mpf(level)) * (p - t) ** 2
    ),
    statistic=expectile_of,
    limits=lambda level=0.9: infinite(math.inf, -math.inf),
    identities=(
        Identity(
            "half the squared error at ½",
            lambda loss: (
                loss(*example(), level=0.5),
                regression.squared_error(*example()) / 2,
            ),
        ),
        Identity(
            "mirrored at 1 - level",
            lambda loss: (loss(*example(), level=0.2), loss(*example()[::-1], level=0.8)),
        ),
        Identity(
            "two mirrored levels add up to the squared error",
            lambda loss: (
                loss(*example(), level=0.2) + loss(*example(), level=0.8),
                regression.squared_error(*example()),
            ),
        ),
    ),
    wrongs=(
        wrong_loss(
            "level for 1 - level",
            lambda xp, e, level=0.9: xp.maximum(-(1 - level) * e, level * e) * xp.abs(e),
        ),
        wrong_loss("pinball", lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e)),
        wrong_loss(
            "weight squared too",
            lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e) ** 2,
        ),
        wrong_loss(
            "factor ½",
            lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e) * xp.abs(e) / 2,
        ),
        wrong_loss(
            "missing abs",
            lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e) * e,
        ),
        wrong_loss(
            "square formed first",
            lambda xp, e, level=0.9: (
                level * xp.clip(e, max=0) ** 2 + (1 - level) * xp.clip(e, min=0) ** 2
            ),
        ),
        unchecked(
            "loss",
            lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e) * xp.abs(e),
        ),
        wrong_gradient(
            "missing 2",
            lambda xp, e, level=0.9: xp.maximum(-level * e, (1 - level) * e) * xp.sign(e),
        ),
        wrong_gradient(
            "missing sign", lambda xp, e, level=0.9: 2 * xp.maximum(-level * e, (1 - level) * e)
        ),
        wrong_gradient(
            "level for 1 - level",
            lambda xp, e, level=0.9: 2 * xp.maximum(-(1 - level) * e, level * e) * xp.sign(e),
        ),
        unchecked(
            "gradient",
            lambda xp, e, level=0.9: 2 * xp.maximum(-level * e, (1 - level) * e) * xp.sign(e),
        ),
    ),
)


def tube(xp: object, e: Array, epsilon: float) -> Array:
    """Return the epsilon-insensitive loss, for its mutants."""
    excess = xp.abs(e) - epsilon
    return xp.where(excess <= 0, 0 * excess, excess)


def two_relus(p: np.ndarray, t: np.ndarray, epsilon: float = 1.0) -> np.ndarray:
    """Return what torch's relu leaves of the residual above the tube and below it."""
    e = torch.as_tensor(p - t)
    return (F.relu(e - epsilon) + F.relu(-e - epsilon)).numpy()


EPSILON_INSENSITIVE = Case(
    loss=regression.epsilon_insensitive,
    gradient=regression.epsilon_insensitive_grad,
    settings=({}, {"epsilon": 0.0}, {"epsilon": 0.25}, {"epsilon": 1.0}, {"epsilon": 4.0}),
    draw=draw,
    oracle=("two of torch's relu", two_relus),
    exact=lambda p, t, epsilon=1.0: max(p - t - epsilon, t - p - epsilon, mpmath.mpf(0)),
    limits=lambda epsilon=1.0: infinite(1.0, -1.0),
    kinks=lambda epsilon=1.0: (
        Point((1.5 + epsilon, 1.5), 0.0),
        Point((1.5 - epsilon, 1.5), 0.0),
    ),
    seams=lambda epsilon=1.0: (-epsilon, epsilon),
    identities=(
        Identity(
            "absolute error at epsilon 0",
            lambda loss: (loss(*example(), epsilon=0.0), regression.absolute_error(*example())),
        ),
        Identity(
            "the absolute error beyond the soft threshold",
            lambda loss: (
                loss(*example(), epsilon=0.5),
                F.softshrink(torch.as_tensor(np.subtract(*example())), 0.5).abs().numpy(),
            ),
        ),
        Identity(
            "a residual of 3 costs 1 in a tube of 2",
            lambda loss: (loss(np.full(5, 3.0), np.zeros(5), epsilon=2.0), np.ones(5)),
        ),
    ),
    wrongs=(
        wrong_loss(
            "epsilon kept outside",
            lambda xp, e, epsilon=1.0: (
                tube(xp, e, epsilon) + (xp.where(xp.abs(e) > epsilon, 0 * e + epsilon, 0 * e))
            ),
        ),
        wrong_loss("missing abs", lambda xp, e, epsilon=1.0: xp.clip(e - epsilon, min=0)),
        wrong_loss("not cut at 0", lambda xp, e, epsilon=1.0: xp.abs(e) - epsilon),
        wrong_loss("squared", lambda xp, e, epsilon=1.0: tube(xp, e, epsilon) ** 2),
        wrong_loss("the whole width", lambda xp, e, epsilon=1.0: tube(xp, e, 2 * epsilon)),
        wrong_loss("epsilon left out", lambda xp, e, epsilon=1.0: xp.abs(e)),
        wrong_loss(
            "slope of clip at the kink",
            lambda xp, e, epsilon=1.0: xp.clip(xp.abs(e) - epsilon, min=0),
        ),
        unchecked("loss", lambda xp, e, epsilon=1.0: tube(xp, e, epsilon)),
        wrong_gradient("inside too", lambda xp, e, epsilon=1.0: xp.sign(e)),
        wrong_gradient(
            "1 at the kink",
            lambda xp, e, epsilon=1.0: xp.where(xp.abs(e) < epsilon, 0 * e, xp.sign(e)),
        ),
        wrong_gradient(
            "sign",
            lambda xp, e, epsilon=1.0: xp.where(xp.abs(e) <= epsilon, 0 * e, -xp.sign(e)),
        ),
        wrong_gradient(
            "missing abs",
            lambda xp, e, epsilon=1.0: xp.where(e <= epsilon, 0 * e, xp.sign(e)),
        ),
        unchecked(
            "gradient",
            lambda xp, e, epsilon=1.0: xp.where(xp.abs(e) <= epsilon, 0 * e, xp.sign(e)),
        ),
    ),
    rounding=4.0,
    without={
        "minimiser_is_the_statistic": "any constant may be best that leaves as many targets above "
        "the tube as below it"
    },
)


def scipy_cost(loss: str) -> Callable[..., np.ndarray]:
    """Return SciPy's cost of a robust least-squares fit, one example at a time."""

    def oracle(p: np.ndarray, t: np.ndarray, scale: float = 1.0) -> np.ndarray:
        options = {"loss": loss, "f_scale": scale, "max_nfev": 1}
        return np.asarray([least_squares(lambda x: x, [e], **options).cost for e in p - t])

    return oracle


SEVERAL_MINIMA = {"minimiser_is_the_statistic": "not convex: a sample may have several minima"}

CAUCHY = Case(
    loss=regression.cauchy,
    gradient=regression.cauchy_grad,
    settings=({}, {"scale": 0.5}, {"scale": 1.0}, {"scale": 2.0}),
    draw=draw,
    oracle=("SciPy least_squares", scipy_cost("cauchy")),
    exact=lambda p, t, scale=1.0: scale**2 * mpmath.log1p(((p - t) / scale) ** 2) / 2,
    limits=lambda scale=1.0: infinite(0.0, 0.0),
    seams=lambda scale=1.0: (-scale, 0.0, scale),
    identities=(
        Identity(
            "half the squared error where scale is large",
            lambda loss: (loss(*example(), scale=1e8), regression.squared_error(*example()) / 2),
        ),
        Identity(
            "symmetric in its arguments", lambda loss: (loss(*example()), loss(*example()[::-1]))
        ),
        Identity(
            "scale² · log cosh of the hyperbolic angle",
            lambda loss: (
                loss(*example(), scale=0.5),
                0.25 * np.log(np.cosh(np.arcsinh(np.subtract(*example()) / 0.5))),
            ),
        ),
    ),
    wrongs=(
        wrong_loss("½ missing", lambda xp, e, scale=1.0: scale**2 * xp.log1p((e / scale) ** 2)),
        wrong_loss(
            "square overflows", lambda xp, e, scale=1.0: scale**2 * xp.log1p((e / scale) ** 2) / 2
        ),
        wrong_loss("scale² missing", lambda xp, e, scale=1.0: xp.log1p((e / scale) ** 2) / 2),
        wrong_loss("scale left out", lambda xp, e, scale=1.0: xp.log1p(e**2) / 2),
        wrong_loss(
            "cancels near 0", lambda xp, e, scale=1.0: scale**2 * xp.log(1 + (e / scale) ** 2) / 2
        ),
        unchecked("loss", lambda xp, e, scale=1.0: scale**2 * xp.log1p((e / scale) ** 2) / 2),
        wrong_gradient("twice", lambda xp, e, scale=1.0: 2 * e / (1 + (e / scale) ** 2)),
        wrong_gradient("square overflows", lambda xp, e, scale=1.0: e / (1 + (e / scale) ** 2)),
        wrong_gradient("sign", lambda xp, e, scale=1.0: -e / (1 + (e / scale) ** 2)),
        wrong_gradient("scale left out", lambda xp, e, scale=1.0: e / (1 + e**2)),
        unchecked("gradient", lambda xp, e, scale=1.0: e / (1 + (e / scale) ** 2)),
    ),
    without=SEVERAL_MINIMA,
)


def exact_general(p, t, alpha=1.0, scale=1.0):
    """Return Barron's loss by its definition and the two limits."""
    a, square = mpmath.mpf(alpha), ((p - t) / mpmath.mpf(scale)) ** 2
    if a == 2:
        return square / 2
    if a == 0:
        return mpmath.log(square / 2 + 1)
    width = abs(a - 2)
    return width / a * ((square / width + 1) ** (a / 2) - 1)


def scipy_general(
    p: np.ndarray, t: np.ndarray, alpha: float = 1.0, scale: float = 1.0
) -> np.ndarray:
    """Return Barron's loss as the Box-Cox transform of 1 + (e/c)²/|alpha - 2|."""
    square, width = ((p - t) / scale) ** 2, abs(alpha - 2)
    return square / 2 if width == 0 else width / 2 * boxcox1p(square / width, alpha / 2)


def general_as_written(
    xp: object, e: Array, alpha: float, scale: float, power: float | None = None
) -> Array:
    """Return Barron's loss with its square formed, for its mutants."""
    square, width = (e / scale) ** 2, abs(alpha - 2)
    if width == 0:
        return square / 2
    if alpha == 0:
        return xp.log1p(square / 2)
    return width / alpha * ((square / width + 1) ** (alpha / 2 if power is None else power) - 1)


def general_slope(e: Array, alpha: float, scale: float, power: float) -> Array:
    """Return the derivative of Barron's loss with a power of its own, for its mutants."""
    width = abs(alpha - 2) or 1e-300
    return e / scale**2 * ((e / scale) ** 2 / width + 1) ** power


def steep_far_out(alpha: float = 1.0, scale: float = 1.0) -> tuple[Point, ...]:
    """Return the limits of Barron's loss at both infinities."""
    value = math.inf if alpha >= 0 else 1 - 2 / alpha
    slope = math.inf if alpha > 1 else 1 / scale if alpha == 1 else 0.0
    return (Point((math.inf, 0.0), slope, value), Point((0.0, math.inf), -slope, value))


GENERAL_ROBUST = Case(
    loss=regression.general_robust,
    gradient=regression.general_robust_grad,
    settings=(
        {},
        {"alpha": 1.0, "scale": 0.5},
        {"alpha": 2.0, "scale": 1.0},
        {"alpha": 0.0},
        {"alpha": -2.0, "scale": 0.5},
        {"alpha": 1.5},
    ),
    draw=draw,
    oracle=("SciPy boxcox1p", scipy_general),
    exact=exact_general,
    limits=steep_far_out,
    rounding=0.25,
    identities=(
        Identity(
            "half the squared error at 2",
            lambda loss: (loss(*example(), alpha=2.0), regression.squared_error(*example()) / 2),
        ),
        Identity(
            "SciPy's pseudo-Huber loss at 1",
            lambda loss: (
                loss(*example(), alpha=1.0, scale=0.5),
                pseudo_huber(1.0, np.subtract(*example()) / 0.5),
            ),
        ),
        Identity(
            "the Cauchy loss at 0, in its own unit",
            lambda loss: (
                loss(*example(), alpha=0.0, scale=0.5) * 0.5**2,
                regression.cauchy(*example(), scale=0.5 * math.sqrt(2)),
            ),
        ),
        Identity(
            "the Geman-McClure loss at -2",
            lambda loss: (
                loss(*example(), alpha=-2.0, scale=0.5),
                regression.geman_mcclure(*example(), scale=0.5),
            ),
        ),
        Identity(
            "the Welsch loss far below 0",
            lambda loss: (
                loss(*example(), alpha=-1e15, scale=2.0),
                regression.welsch(*example(), scale=2.0),
            ),
        ),
        Identity(
            "no jump at 0",
            lambda loss: (loss(*example(), alpha=1e-15), loss(*example(), alpha=-1e-15)),
        ),
        Identity(
            "no jump at 2",
            lambda loss: (loss(*example(), alpha=2 - 2e-15), loss(*example(), alpha=2.0)),
        ),
    ),
    wrongs=(
        wrong_loss(
            "square overflows",
            lambda xp, e, alpha=1.0, scale=1.0: general_as_written(xp, e, alpha, scale),
        ),
        wrong_loss(
            "alpha for alpha/2",
            lambda xp, e, alpha=1.0, scale=1.0: general_as_written(xp, e, alpha, scale, alpha),
        ),
        wrong_loss(
            "scale left out",
            lambda xp, e, alpha=1.0, scale=1.0: general_as_written(xp, e, alpha, 1.0),
        ),
        wrong_loss(
            "alpha left out",
            lambda xp, e, alpha=1.0, scale=1.0: general_as_written(xp, e, 1.0, scale),
        ),
        wrong_loss(
            "in the target's unit",
            lambda xp, e, alpha=1.0, scale=1.0: scale**2 * general_as_written(xp, e, alpha, scale),
        ),
        wrong_loss(
            "width left out",
            lambda xp, e, alpha=1.0, scale=1.0: (
                (((e / scale) ** 2 + 1) ** (alpha / 2) - 1) / (alpha or 1e-9)
            ),
        ),
        unchecked(
            "loss", lambda xp, e, alpha=1.0, scale=1.0: general_as_written(xp, e, alpha, scale)
        ),
        wrong_gradient(
            "of the square", lambda xp, e, alpha=1.0, scale=1.0: general_slope(e, alpha, scale, 0)
        ),
        wrong_gradient(
            "power not lowered",
            lambda xp, e, alpha=1.0, scale=1.0: general_slope(e, alpha, scale, alpha / 2),
        ),
        wrong_gradient(
            "square overflows",
            lambda xp, e, alpha=1.0, scale=1.0: general_slope(
                e, alpha, scale, 0 if alpha == 2 else alpha / 2 - 1
            ),
        ),
        wrong_gradient(
            "scale once",
            lambda xp, e, alpha=1.0, scale=1.0: (
                scale * general_slope(e, alpha, scale, 0 if alpha == 2 else alpha / 2 - 1)
            ),
        ),
        unchecked(
            "gradient",
            lambda xp, e, alpha=1.0, scale=1.0: general_slope(
                e, alpha, scale, 0 if alpha == 2 else alpha / 2 - 1
            ),
        ),
    ),
    without=SEVERAL_MINIMA,
)

SCALES_OF_C = ({}, {"scale": 0.5}, {"scale": 1.0}, {"scale": 2.0})


def bounded(bound: float) -> tuple[Point, ...]:
    """Return the limits of a loss that goes to a bound."""
    return tuple(
        Point(ends, 0.0, bound)
        for ends in ((math.inf, 0.0), (-math.inf, 0.0), (0.0, math.inf), (0.0, -math.inf))
    )


WELSCH = Case(
    loss=regression.welsch,
    gradient=regression.welsch_grad,
    settings=SCALES_OF_C,
    draw=draw,
    oracle=(
        "SciPy's Rayleigh distribution",
        lambda p, t, scale=1.0: rayleigh.cdf(np.abs(p - t), scale=scale),
    ),
    exact=lambda p, t, scale=1.0: 1 - mpmath.exp(-(((p - t) / mpmath.mpf(scale)) ** 2) / 2),
    limits=lambda scale=1.0: bounded(1.0),
    rounding=0.25,
    identities=(
        Identity(
            "its complements multiply",
            lambda loss: (
                1 - loss(np.hypot(*example()), np.zeros(50), scale=2.0),
                (1 - loss(example()[0], np.zeros(50), scale=2.0))
                * (1 - loss(example()[1], np.zeros(50), scale=2.0)),
            ),
        ),
        Identity(
            "half the squared error near 0",
            lambda loss: (
                loss(example()[0] * 1e-7, np.zeros(50)),
                regression.squared_error(example()[0] * 1e-7, np.zeros(50)) / 2,
            ),
        ),
    ),
    wrongs=(
        wrong_loss("½ missing", lambda xp, e, scale=1.0: -xp.expm1(-((e / scale) ** 2))),
        wrong_loss("scale left out", lambda xp, e, scale=1.0: -xp.expm1(-(e**2) / 2)),
        wrong_loss(
            "in the target's unit",
            lambda xp, e, scale=1.0: -(scale**2) * xp.expm1(-((e / scale) ** 2) / 2),
        ),
        wrong_loss("the bell itself", lambda xp, e, scale=1.0: xp.exp(-((e / scale) ** 2) / 2)),
        wrong_loss(
            "slope of inf · 0 far out", lambda xp, e, scale=1.0: -xp.expm1(-((e / scale) ** 2) / 2)
        ),
        unchecked("loss", lambda xp, e, scale=1.0: -xp.expm1(-((e / scale) ** 2) / 2)),
        wrong_gradient(
            "scale once", lambda xp, e, scale=1.0: e / scale * xp.exp(-((e / scale) ** 2) / 2)
        ),
        wrong_gradient(
            "sign", lambda xp, e, scale=1.0: -e / scale**2 * xp.exp(-((e / scale) ** 2) / 2)
        ),
        wrong_gradient(
            "inf · 0 far out",
            lambda xp, e, scale=1.0: e / scale**2 * xp.exp(-((e / scale) ** 2) / 2),
        ),
        unchecked(
            "gradient", lambda xp, e, scale=1.0: e / scale**2 * xp.exp(-((e / scale) ** 2) / 2)
        ),
    ),
    without=SEVERAL_MINIMA,
)


def geman(e: Array, scale: float) -> Array:
    """Return the Geman-McClure loss with its square formed, for its mutants."""
    return 2 * (e / scale) ** 2 / ((e / scale) ** 2 + 4)


def geman_slope(e: Array, scale: float) -> Array:
    """Return its derivative with the square formed."""
    return 16 * e / scale**2 / ((e / scale) ** 2 + 4) ** 2


GEMAN_MCCLURE = Case(
    loss=regression.geman_mcclure,
    gradient=regression.geman_mcclure_grad,
    settings=SCALES_OF_C,
    draw=draw,
    oracle=(
        "SciPy's log-logistic distribution",
        lambda p, t, scale=1.0: 2 * fisk.cdf(np.abs(p - t) / (2 * scale), 2),
    ),
    exact=lambda p, t, scale=1.0: (
        2 / (1 + 4 * mpmath.mpf(scale) ** 2 / (p - t) ** 2) if p != t else mpmath.mpf(0)
    ),
    limits=lambda scale=1.0: bounded(2.0),
    identities=(
        Identity(
            "half of its bound at two scales",
            lambda loss: (loss(np.full(3, -4.0), np.zeros(3), scale=2.0), np.ones(3)),
        ),
        Identity(
            "a sine of the angle",
            lambda loss: (
                loss(*example(), scale=0.5),
                2 * np.sin(np.arctan(np.subtract(*example()))) ** 2,
            ),
        ),
    ),
    wrongs=(
        wrong_loss("2 missing", lambda xp, e, scale=1.0: geman(e, scale) / 2),
        wrong_loss(
            "1 for 4", lambda xp, e, scale=1.0: 2 * (e / scale) ** 2 / ((e / scale) ** 2 + 1)
        ),
        wrong_loss("scale left out", lambda xp, e, scale=1.0: geman(e, 1.0)),
        wrong_loss("in the target's unit", lambda xp, e, scale=1.0: scale**2 * geman(e, scale)),
        wrong_loss("square overflows", lambda xp, e, scale=1.0: geman(e, scale)),
        unchecked("loss", lambda xp, e, scale=1.0: geman(e, scale)),
        wrong_gradient("half", lambda xp, e, scale=1.0: geman_slope(e, scale) / 2),
        wrong_gradient("scale once", lambda xp, e, scale=1.0: scale * geman_slope(e, scale)),
        wrong_gradient("sign", lambda xp, e, scale=1.0: -geman_slope(e, scale)),
        wrong_gradient("square overflows", lambda xp, e, scale=1.0: geman_slope(e, scale)),
        unchecked("gradient", lambda xp, e, scale=1.0: geman_slope(e, scale)),
    ),
    without=SEVERAL_MINIMA,
)


def tilted(xp: object, e: Array, quantile: float, body: Array) -> Array:
    """Return `body` weighed by the side of the residual, for the mutants."""
    return xp.where(e < 0, quantile * body, (1 - quantile) * body)


def smooth_slope(xp: object, e: Array, delta: float) -> Array:
    """Return the slope of the smooth L1 loss, for the mutants."""
    return xp.clip(e / delta, min=-1, max=1)


def torch_quantile_huber(
    p: np.ndarray, t: np.ndarray, quantile: float = 0.5, delta: float = 1.0
) -> np.ndarray:
    """Return torch's Huber loss, weighed as the paper does, with u = target - prediction."""
    huber = from_torch(F.huber_loss)(p, t, delta=delta)
    return np.abs(quantile - (t - p < 0)) * huber / delta


QUANTILE_HUBER = Case(
    loss=regression.quantile_huber,
    gradient=regression.quantile_huber_grad,
    settings=(
        {},
        {"quantile": 0.25, "delta": 0.5},
        {"quantile": 0.5, "delta": 1.0},
        {"quantile": 0.9},
    ),
    draw=draw,
    # mpmath's differences straddle the seam at 0; the catalogue's grid holds the gradient there.
    corners=lambda: ((np.asarray([2.0**-10, -(2.0**-10), 300.0, -300.0]), np.zeros(4)),),
    oracle=("torch huber_loss, tilted", torch_quantile_huber),
    exact=lambda p, t, quantile=0.5, delta=1.0: (
        (mpmath.mpf(quantile) if p < t else 1 - mpmath.mpf(quantile)) * exact_smooth_l1(p, t, delta)
    ),
    statistic=lambda targets, quantile=0.5, delta=1.0: root(
        lambda e: np.where(e < 0, quantile, 1 - quantile) * np.clip(e, -delta, delta), targets
    ),
    limits=lambda quantile=0.5, delta=1.0: infinite(1 - quantile, -quantile),
    seams=lambda quantile=0.5, delta=1.0: (-delta, delta),
    identities=(
        Identity(
            "half the smooth L1 loss at ½",
            lambda loss: (
                loss(*example(), delta=0.5),
                regression.smooth_l1(*example(), beta=0.5) / 2,
            ),
        ),
        Identity(
            "the pinball loss where delta is small",
            lambda loss: (
                loss(*example(), quantile=0.2, delta=1e-15),
                regression.pinball(*example(), quantile=0.2),
            ),
        ),
        Identity(
            "half the expectile loss over delta where delta is large",
            lambda loss: (
                loss(*example(), quantile=0.2, delta=128.0),
                regression.expectile(*example(), level=0.2) / 256,
            ),
        ),
        Identity(
            "mirrored at 1 - quantile",
            lambda loss: (loss(*example(), quantile=0.2), loss(*example()[::-1], quantile=0.8)),
        ),
    ),
    wrongs=(
        wrong_loss(
            "quantile for 1 - quantile",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(
                xp, -e, quantile, smooth_l1_with_where(xp, e, delta)
            ),
        ),
        wrong_loss(
            "not divided by delta",
            lambda xp, e, quantile=0.5, delta=1.0: (
                delta * tilted(xp, e, quantile, smooth_l1_with_where(xp, e, delta))
            ),
        ),
        wrong_loss(
            "weight left out",
            lambda xp, e, quantile=0.5, delta=1.0: smooth_l1_with_where(xp, e, delta) / 2,
        ),
        wrong_loss(
            "missing abs in the weight",
            lambda xp, e, quantile=0.5, delta=1.0: xp.where(
                e > 0, (quantile - 1) * xp.abs(e), quantile * xp.abs(e)
            ),
        ),
        wrong_loss(
            "tip not rounded",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(xp, e, quantile, xp.abs(e)),
        ),
        wrong_loss(
            "square formed far out",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(
                xp, e, quantile, smooth_l1_with_where(xp, e, delta)
            ),
        ),
        unchecked(
            "loss",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(
                xp, e, quantile, smooth_l1_with_where(xp, e, delta)
            ),
        ),
        wrong_gradient(
            "quantile for 1 - quantile",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(
                xp, -e, quantile, smooth_slope(xp, e, delta)
            ),
        ),
        wrong_gradient(
            "not divided by delta",
            lambda xp, e, quantile=0.5, delta=1.0: (
                delta * tilted(xp, e, quantile, smooth_slope(xp, e, delta))
            ),
        ),
        wrong_gradient(
            "sign",
            lambda xp, e, quantile=0.5, delta=1.0: (
                -tilted(xp, e, quantile, smooth_slope(xp, e, delta))
            ),
        ),
        unchecked(
            "gradient",
            lambda xp, e, quantile=0.5, delta=1.0: tilted(
                xp, e, quantile, smooth_slope(xp, e, delta)
            ),
        ),
    ),
)


def each_output(metric: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return a metric of scikit-learn for each example, taken as outputs of one example."""
    return lambda p, t: metric(t[None], p[None], multioutput="raw_values")


def wrong(of: str, name: str, body: Callable[..., Array], unchecked: bool = False) -> Wrong:
    """Return a wrong loss or gradient; `body(xp, *arrays, **hyperparameters)`."""

    def replaced(*arrays: Array, **hyperparameters: float) -> Array:
        xp = array_api_compat.array_namespace(arrays[0])
        return body(xp, *arrays, **hyperparameters)

    return Wrong(name, of, replaced, unchecked=unchecked)


def draw_ratios(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets of both signs, from a thousandth to a thousand."""
    targets = np.exp(2 * rng.normal(size=n)) * rng.choice([-1, 1], size=n)
    return targets + scale * rng.normal(size=n), targets


def ratios(seed: int = 0, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets other than 0, for an identity."""
    return draw_ratios(np.random.default_rng(seed), n, 2.0)


def median_of_weights(targets: np.ndarray) -> float:
    """Return where half of the total of 1/|y| lies below."""
    ordered = np.sort(targets)
    total = np.cumsum(1 / np.abs(ordered))
    return float(ordered[np.searchsorted(total, total[-1] / 2)])


ABSOLUTE_PERCENTAGE_ERROR = Case(
    loss=regression.absolute_percentage_error,
    gradient=regression.absolute_percentage_error_grad,
    settings=({},),
    draw=draw_ratios,
    oracle=(
        "scikit-learn mean_absolute_percentage_error",
        each_output(mean_absolute_percentage_error),
    ),
    exact=lambda p, t: max(p - t, t - p) / max(t, -t),
    statistic=median_of_weights,
    corners=lambda: ((np.asarray([0.0, -0.0, 300.0]), np.asarray([2.0, -0.5, -0.25])),),
    limits=lambda: (
        Point((math.inf, 2.0), 0.5, math.inf),
        Point((-math.inf, 2.0), -0.5, math.inf),
        Point((math.inf, -0.25), 4.0, math.inf),
    ),
    kinks=lambda: (Point((0.5, 0.5), 0.0), Point((-4.0, -4.0), 0.0)),
    seams=lambda: (0.5, 2.0, -4.0),
    wrong_values={"targets": (0.0, -0.0)},
    identities=(
        Identity(
            "the absolute error over the target",
            lambda loss: (
                loss(*ratios()) * np.abs(ratios()[1]),
                regression.absolute_error(*ratios()),
            ),
        ),
        Identity(
            "in any unit", lambda loss: (loss(*ratios()), loss(-8 * ratios()[0], -8 * ratios()[1]))
        ),
        Identity("1 for a prediction of 0", lambda loss: (loss(np.zeros(50), ratios()[1]), 1.0)),
    ),
    wrongs=(
        wrong("loss", "over the prediction", lambda xp, p, t: xp.abs(p - t) / xp.abs(p)),
        wrong("loss", "sign of the target kept", lambda xp, p, t: xp.abs(p - t) / t),
        wrong("loss", "in percent", lambda xp, p, t: 100 * xp.abs(p - t) / xp.abs(t)),
        wrong(
            "loss",
            "symmetric",
            lambda xp, p, t: 2 * xp.abs(p - t) / (xp.abs(p) + xp.abs(t)),
        ),
        wrong("loss", "ratio less 1 cancels", lambda xp, p, t: xp.abs(p / t - 1)),
        wrong("loss", "targets of 0", lambda xp, p, t: xp.abs(p - t) / xp.abs(t), True),
        wrong("gradient", "sign of the target kept", lambda xp, p, t: xp.sign(p - t) / t),
        wrong("gradient", "not divided", lambda xp, p, t: xp.sign(p - t)),
        wrong("gradient", "sign", lambda xp, p, t: xp.sign(t - p) / xp.abs(t)),
        wrong(
            "gradient",
            "1 at the kink",
            lambda xp, p, t: xp.where(p >= t, 1 / xp.abs(t), -1 / xp.abs(t)),
        ),
    ),
)


def draw_above_minus_one(
    rng: np.random.Generator, n: int, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and targets above -1; far out, some of them close to it."""
    least = 2.0**-8 if scale > 1 else 2.0**-2
    lifted = np.maximum(rng.gamma(0.5, 2.0, size=n), least)
    moved = lifted * np.abs(1 + scale * rng.normal(size=n))
    return np.clip(moved, least, 6e4) - 1, lifted - 1


def log_ratio(xp: object, p: Array, t: Array) -> Array:
    """Return the difference of the logarithms, for the mutants."""
    return xp.log1p(p) - xp.log1p(t)


SQUARED_LOG_ERROR = Case(
    loss=regression.squared_log_error,
    gradient=regression.squared_log_error_grad,
    settings=({},),
    draw=draw_above_minus_one,
    oracle=("scikit-learn mean_squared_log_error", each_output(mean_squared_log_error)),
    exact=lambda p, t: mpmath.log((1 + p) / (1 + t)) ** 2,
    statistic=lambda targets: float(np.expm1(np.log1p(targets).mean())),
    limits=lambda: (
        Point((math.inf, 0.0), 0.0, math.inf),
        Point((0.0, math.inf), -math.inf, math.inf),
    ),
    wrong_values={"predictions": (-1.0, -2.0), "targets": (-1.0, -math.inf)},
    rounding=4.0,
    identities=(
        Identity(
            "the squared error of the logarithms",
            lambda loss: (
                loss(np.expm1(example()[0]), np.expm1(example()[1])),
                regression.squared_error(*example()),
            ),
        ),
        Identity(
            "symmetric in its arguments",
            lambda loss: (
                loss(np.expm1(example()[0]), np.expm1(example()[1])),
                loss(np.expm1(example()[1]), np.expm1(example()[0])),
            ),
        ),
        Identity(
            "1 for a prediction e times too large",
            lambda loss: (loss(math.e * np.arange(1.0, 4.0) - 1, np.arange(3.0)), np.ones(3)),
        ),
    ),
    wrongs=(
        wrong("loss", "1 left out", lambda xp, p, t: (xp.log(xp.abs(p)) - xp.log1p(t)) ** 2),
        wrong("loss", "absolute for squared", lambda xp, p, t: xp.abs(log_ratio(xp, p, t))),
        wrong("loss", "factor ½", lambda xp, p, t: log_ratio(xp, p, t) ** 2 / 2),
        wrong("loss", "base 10", lambda xp, p, t: (log_ratio(xp, p, t) / math.log(10)) ** 2),
        wrong("loss", "logarithm of the residual", lambda xp, p, t: xp.log1p(xp.abs(p - t)) ** 2),
        wrong("loss", "slope of inf · 0", lambda xp, p, t: log_ratio(xp, p, t) ** 2),
        wrong("loss", "domain unchecked", lambda xp, p, t: log_ratio(xp, p, t) ** 2, True),
        wrong("gradient", "missing 2", lambda xp, p, t: log_ratio(xp, p, t) / (1 + p)),
        wrong("gradient", "over the target", lambda xp, p, t: 2 * log_ratio(xp, p, t) / (1 + t)),
        wrong("gradient", "sign", lambda xp, p, t: -2 * log_ratio(xp, p, t) / (1 + p)),
        wrong("gradient", "inf/inf", lambda xp, p, t: 2 * log_ratio(xp, p, t) / (1 + p)),
    ),
)


def draw_spread(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, ...]:
    """Return locations, logarithms of spreads, and targets.

    Far out, each fourth is an exact fit whose spread is too small for the exponential of minus
    its logarithm: nothing may be made of 0 · inf.
    """
    targets, logs = rng.normal(size=n), (2 if scale > 1 else 1) * rng.normal(size=n)
    locations = targets + scale * rng.normal(size=n)
    if scale > 1e3:
        locations[::4], logs[::4] = targets[::4], -scale / 16
    return locations, logs, targets


def spread(seed: int = 0, n: int = 50) -> tuple[np.ndarray, ...]:
    """Return locations, logarithms of spreads and targets, for an identity."""
    return draw_spread(np.random.default_rng(seed), n, 2.0)


def ends_of_spread(far: float) -> tuple[Point, ...]:
    """Return the limits of a loss with a spread: `far` is its slope at an infinite residual."""
    return (
        Point((math.inf, 0.0, 0.0), far, math.inf),
        Point((0.0, 0.0, math.inf), -far, math.inf),
        Point((1.0, math.inf, 0.0), 0.0, math.inf),
    )


PAIR = {"minimiser_is_the_statistic": "its minimiser is a pair; the identities hold it"}


def gaussian(xp: object, m: Array, s: Array, t: Array) -> Array:
    """Return the Gaussian loss as it is written, for its mutants."""
    return (s + (m - t) ** 2 * xp.exp(-s) + math.log(2 * math.pi)) / 2


def best_spread(
    gradient: Callable[..., tuple[np.ndarray, ...]], centre: float, log_spread: float
) -> tuple[list[float], list[float]]:
    """Return the mean derivatives at the best constants for the targets, and zeros."""
    targets = spread()[2]
    parts = gradient(np.full(50, centre), np.full(50, log_spread), targets)
    return [1 + float(part.mean()) for part in parts], [1.0, 1.0]


GAUSSIAN = Case(
    loss=regression.gaussian_negative_log_likelihood,
    gradient=regression.gaussian_negative_log_likelihood_grad,
    settings=({},),
    draw=draw_spread,
    by=2,
    rounding=2.0,
    oracle=("SciPy norm.logpdf", lambda m, s, t: -norm.logpdf(t, m, np.exp(s / 2))),
    exact=lambda m, s, t: (s + (m - t) ** 2 * mpmath.exp(-s) + mpmath.log(2 * mpmath.pi)) / 2,
    limits=lambda: ends_of_spread(math.inf),
    without=PAIR,
    identities=(
        Identity(
            "half the squared error and a constant at variance 1",
            lambda loss: (
                loss(example()[0], np.zeros(50), example()[1]),
                (regression.squared_error(*example()) + np.log(2 * np.pi)) / 2,
            ),
        ),
        Identity(
            "best at the mean and the variance",
            lambda loss: best_spread(
                regression.gaussian_negative_log_likelihood_grad,
                np.mean(spread()[2]),
                np.log(np.var(spread()[2])),
            ),
        ),
        Identity(
            "the entropy there",
            lambda loss: (
                np.mean(
                    loss(
                        np.full(50, np.mean(spread()[2])),
                        np.full(50, np.log(np.var(spread()[2]))),
                        spread()[2],
                    )
                ),
                norm.entropy(scale=np.std(spread()[2])),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "log of the deviation",
            lambda xp, m, s, t: gaussian(xp, m, 2 * s, t),
        ),
        wrong(
            "loss",
            "constant left out",
            lambda xp, m, s, t: gaussian(xp, m, s, t) - math.log(2 * math.pi) / 2,
        ),
        wrong(
            "loss",
            "variance free",
            lambda xp, m, s, t: gaussian(xp, m, s, t) - s / 2,
        ),
        wrong("loss", "inverse variance", lambda xp, m, s, t: gaussian(xp, m, -s, t)),
        wrong("loss", "0 · inf at a fit", gaussian),
        wrong(
            "loss",
            "epsilon in the variance",
            lambda xp, m, s, t: (s + (m - t) ** 2 / (xp.exp(s) + 1e-6) + math.log(2 * math.pi)) / 2,
        ),
        wrong(
            "gradient",
            "not divided by the variance",
            lambda xp, m, s, t: (m - t, (1 - (m - t) ** 2 * xp.exp(-s)) / 2),
        ),
        wrong(
            "gradient",
            "½ missing",
            lambda xp, m, s, t: ((m - t) * xp.exp(-s), 1 - (m - t) ** 2 * xp.exp(-s)),
        ),
        wrong(
            "gradient",
            "by the variance",
            lambda xp, m, s, t: (
                (m - t) * xp.exp(-s),
                (1 - (m - t) ** 2 * xp.exp(-s)) / 2 * xp.exp(-s),
            ),
        ),
        wrong(
            "gradient",
            "0 · inf at a fit",
            lambda xp, m, s, t: ((m - t) * xp.exp(-s), (1 - (m - t) ** 2 * xp.exp(-s)) / 2),
        ),
    ),
)


def laplace_loss(xp: object, m: Array, s: Array, t: Array) -> Array:
    """Return the Laplace loss as it is written, for its mutants."""
    return xp.abs(m - t) * xp.exp(-s) + s + math.log(2)


def torch_laplace(m: np.ndarray, s: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return torch's log-density, with a minus sign."""
    m, s, t = map(torch.as_tensor, (m, s, t))
    return -torch.distributions.Laplace(m, s.exp()).log_prob(t).numpy()


LAPLACE = Case(
    loss=regression.laplace_negative_log_likelihood,
    gradient=regression.laplace_negative_log_likelihood_grad,
    settings=({},),
    draw=draw_spread,
    by=2,
    rounding=2.0,
    oracle=("torch.distributions.Laplace", torch_laplace),
    exact=lambda m, s, t: max(m - t, t - m) / mpmath.exp(s) + s + mpmath.log(2),
    limits=lambda: ends_of_spread(1.0),
    kinks=lambda: (Point((1.5, 0.25, 1.5), 0.0), Point((0.0, 2.0, 0.0), 0.0)),
    without=PAIR,
    identities=(
        Identity(
            "the absolute error and a constant at scale 1",
            lambda loss: (
                loss(example()[0], np.zeros(50), example()[1]),
                regression.absolute_error(*example()) + np.log(2),
            ),
        ),
        Identity(
            "best at the median and the mean absolute error",
            lambda loss: best_spread(
                regression.laplace_negative_log_likelihood_grad,
                np.median(spread()[2]),
                np.log(np.mean(np.abs(spread()[2] - np.median(spread()[2])))),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "inverse scale", lambda xp, m, s, t: laplace_loss(xp, m, -s, t)),
        wrong(
            "loss", "constant left out", lambda xp, m, s, t: laplace_loss(xp, m, s, t) - math.log(2)
        ),
        wrong("loss", "scale free", lambda xp, m, s, t: laplace_loss(xp, m, s, t) - s),
        wrong("loss", "squared", lambda xp, m, s, t: gaussian(xp, m, s, t)),
        wrong("loss", "0 · inf at a fit", laplace_loss),
        wrong(
            "gradient",
            "not divided by the scale",
            lambda xp, m, s, t: (xp.sign(m - t), 1 - xp.abs(m - t) * xp.exp(-s)),
        ),
        wrong(
            "gradient",
            "sign",
            lambda xp, m, s, t: (
                xp.sign(t - m) * xp.exp(-s),
                1 - xp.abs(m - t) * xp.exp(-s),
            ),
        ),
        wrong(
            "gradient",
            "missing abs",
            lambda xp, m, s, t: (xp.sign(m - t) * xp.exp(-s), 1 - (m - t) * xp.exp(-s)),
        ),
        wrong(
            "gradient",
            "0 · inf at a fit",
            lambda xp, m, s, t: (
                xp.sign(m - t) * xp.exp(-s),
                1 - xp.abs(m - t) * xp.exp(-s),
            ),
        ),
    ),
)


def draw_amounts(rng: np.random.Generator, n: int, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logarithms of means, and amounts of which each fifth is 0; far out, large ones."""
    targets = rng.gamma(1.0, np.exp((2 if scale > 1 else 1) * rng.normal(size=n)))
    targets = targets * 16 if scale > 1 else targets
    targets[1::5] = 0.0
    logs = np.log(targets + 0.5) + scale * rng.normal(size=n)
    return np.clip(logs, -600, 600), targets


def amounts(seed: int = 0, n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Return logarithms of means, and amounts above 0, for an identity."""
    logs, targets = draw_amounts(np.random.default_rng(seed), n, 1.0)
    return logs, targets + 0.25


def sample_counts(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return counts with a skew."""
    return (rng.negative_binomial(1, 0.25, size=101).astype(float),)


def ends_of_log_mean(high: float) -> tuple[Point, ...]:
    """Return the limits of a loss of a log-mean: `high` is its slope where the mean is inf."""
    return (
        Point((math.inf, 2.0), high, math.inf),
        Point((math.inf, 0.0), high, math.inf),
        Point((-math.inf, 2.0), -math.inf, math.inf),
    )


LOG_LINK = {
    "draw": draw_amounts,
    "corners": lambda: ((np.asarray([-600.0, 600.0, 0.0, 0.0]), np.asarray([0.0, 0.0, 0.0, 4.0])),),
    "statistic": lambda targets, **setting: float(np.mean(targets)),
    "sample": sample_counts,
    "search": (-5.0, 5.0),
    "link": np.exp,
    "wrong_values": {"targets": (-1.0, -math.inf)},
}

POISSON = Case(
    loss=regression.poisson_negative_log_likelihood,
    gradient=regression.poisson_negative_log_likelihood_grad,
    settings=({},),
    **LOG_LINK,
    rounding=8.0,
    oracle=(
        "scikit-learn mean_poisson_deviance",
        lambda z, t: np.asarray(
            [
                mean_poisson_deviance([y], [mean]) / 2 + (y - y * np.log(y) if y else 0.0)
                for y, mean in zip(t, np.exp(z), strict=True)
            ]
        ),
    ),
    exact=lambda z, t: mpmath.exp(z) - t * z,
    limits=lambda: (
        *ends_of_log_mean(math.inf)[:2],
        Point((-math.inf, 2.0), -2.0, math.inf),
        Point((-math.inf, 0.0), 0.0, 0.0),
    ),
    identities=(
        Identity(
            "SciPy's Poisson distribution",
            lambda loss: (
                loss(amounts()[0], np.round(amounts()[1])) + gammaln(np.round(amounts()[1]) + 1),
                -poisson.logpmf(np.round(amounts()[1]), np.exp(amounts()[0])),
            ),
        ),
        Identity(
            "the slope is mean less target",
            lambda loss: (
                regression.poisson_negative_log_likelihood_grad(*amounts()) + amounts()[1],
                np.exp(amounts()[0]),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "rate for its logarithm", lambda xp, z, t: z - t * xp.log(xp.abs(z))),
        wrong("loss", "sign", lambda xp, z, t: t * z - xp.exp(z)),
        wrong("loss", "rate left out", lambda xp, z, t: -t * z),
        wrong("loss", "squared error of the rate", lambda xp, z, t: (xp.exp(z) - t) ** 2),
        wrong("loss", "0 · inf", lambda xp, z, t: xp.exp(z) - t * z),
        wrong("loss", "domain unchecked", lambda xp, z, t: xp.exp(z) - t * z, True),
        wrong("gradient", "of the log-rate", lambda xp, z, t: z - t),
        wrong("gradient", "sign", lambda xp, z, t: t - xp.exp(z)),
        wrong("gradient", "by the rate", lambda xp, z, t: 1 - t * xp.exp(-z)),
    ),
)

GAMMA = Case(
    loss=regression.gamma_negative_log_likelihood,
    gradient=regression.gamma_negative_log_likelihood_grad,
    settings=({},),
    **LOG_LINK,
    rounding=4.0,
    oracle=("SciPy expon.logpdf", lambda z, t: -expon.logpdf(t, scale=np.exp(z))),
    exact=lambda z, t: z + t / mpmath.exp(z),
    limits=lambda: ends_of_log_mean(1.0),
    identities=(
        Identity(
            "SciPy's gamma distribution of shape 3",
            lambda loss: (
                3 * loss(*amounts()) - 2 * np.log(amounts()[1]) + gammaln(3) - 3 * np.log(3),
                -gamma.logpdf(amounts()[1], 3, scale=np.exp(amounts()[0]) / 3),
            ),
        ),
        Identity(
            "half of scikit-learn's deviance",
            lambda loss: (
                np.mean(loss(*amounts()) - 1 - np.log(amounts()[1])),
                mean_tweedie_deviance(amounts()[1], np.exp(amounts()[0]), power=2) / 2,
            ),
        ),
        Identity(
            "the mirror of the Poisson loss, over the target",
            lambda loss: (
                loss(amounts()[0], np.ones(50)),
                regression.poisson_negative_log_likelihood(-amounts()[0], np.ones(50)),
            ),
        ),
    ),
    wrongs=(
        wrong("loss", "mean for its inverse", lambda xp, z, t: z + t * xp.exp(z)),
        wrong("loss", "logarithm left out", lambda xp, z, t: t * xp.exp(-z)),
        wrong("loss", "log-mean for the mean", lambda xp, z, t: xp.log(xp.abs(z)) + t / z),
        wrong("loss", "a deviance", lambda xp, z, t: z + t * xp.exp(-z) - 1),
        wrong("loss", "0 · inf", lambda xp, z, t: z + t * xp.exp(-z)),
        wrong("loss", "domain unchecked", lambda xp, z, t: z + t * xp.exp(-z), True),
        wrong("gradient", "sign", lambda xp, z, t: t * xp.exp(-z) - 1),
        wrong("gradient", "Poisson's", lambda xp, z, t: xp.exp(z) - t),
        wrong("gradient", "0 · inf", lambda xp, z, t: 1 - t * xp.exp(-z)),
    ),
)


def exact_tweedie(z, t, power=1.5):
    """Return the Tweedie loss from the mean."""
    mean, p = mpmath.exp(z), mpmath.mpf(power)
    return mean ** (2 - p) / (2 - p) - t * mean ** (1 - p) / (1 - p)


def sklearn_tweedie(z: np.ndarray, t: np.ndarray, power: float = 1.5) -> np.ndarray:
    """Return half of scikit-learn's deviance, less what depends on the target alone."""
    saturated = t ** (2 - power) / ((1 - power) * (2 - power))
    pairs = zip(t, np.exp(z), strict=True)
    deviances = [mean_tweedie_deviance([y], [mean], power=power) for y, mean in pairs]
    return np.asarray(deviances) / 2 - saturated


def tweedie(xp: object, z: Array, t: Array, power: float = 1.5) -> Array:
    """Return the Tweedie loss as it is written, for its mutants."""
    return xp.exp((2 - power) * z) / (2 - power) + t * xp.exp((1 - power) * z) / (power - 1)


def tweedie_slope(xp: object, z: Array, t: Array, power: float = 1.5) -> Array:
    """Return its derivative, likewise."""
    return xp.exp((2 - power) * z) - t * xp.exp((1 - power) * z)


TWEEDIE = Case(
    loss=regression.tweedie_negative_log_likelihood,
    gradient=regression.tweedie_negative_log_likelihood_grad,
    settings=({}, {"power": 1.25}, {"power": 1.5}, {"power": 1.75}),
    **LOG_LINK,
    rounding=8.0,
    oracle=("scikit-learn mean_tweedie_deviance", sklearn_tweedie),
    exact=exact_tweedie,
    limits=lambda power=1.5: (
        *ends_of_log_mean(math.inf),
        Point((-math.inf, 0.0), 0.0, 0.0),
    ),
    identities=(
        Identity(
            "its slope is Poisson's at 1",
            lambda loss: (
                regression.tweedie_negative_log_likelihood_grad(*amounts(), power=1 + 1e-15),
                regression.poisson_negative_log_likelihood_grad(*amounts()),
            ),
        ),
        Identity(
            "its slope is gamma's at 2",
            lambda loss: (
                regression.tweedie_negative_log_likelihood_grad(*amounts(), power=2 - 1e-15),
                regression.gamma_negative_log_likelihood_grad(*amounts()),
            ),
        ),
        Identity(
            "another unit of the target multiplies it",
            lambda loss: (
                loss(amounts()[0] + np.log(8), 8 * amounts()[1], power=1.25),
                8**0.75 * loss(*amounts(), power=1.25),
            ),
        ),
    ),
    wrongs=(
        wrong(
            "loss",
            "sign of the second term",
            lambda xp, z, t, power=1.5: (
                xp.exp((2 - power) * z) / (2 - power) - t * xp.exp((1 - power) * z) / (power - 1)
            ),
        ),
        wrong(
            "loss",
            "divisors swapped",
            lambda xp, z, t, power=1.5: (
                xp.exp((2 - power) * z) / (power - 1) + t * xp.exp((1 - power) * z) / (2 - power)
            ),
        ),
        wrong(
            "loss",
            "divisors left out",
            lambda xp, z, t, power=1.5: xp.exp((2 - power) * z) + t * xp.exp((1 - power) * z),
        ),
        wrong("loss", "power left out", lambda xp, z, t, power=1.5: tweedie(xp, z, t)),
        wrong("loss", "deviance", lambda xp, z, t, power=1.5: 2 * tweedie(xp, z, t, power)),
        wrong("loss", "0 · inf", tweedie),
        wrong("loss", "domain unchecked", tweedie, True),
        wrong("gradient", "power left out", lambda xp, z, t, power=1.5: tweedie_slope(xp, z, t)),
        wrong("gradient", "sign", lambda xp, z, t, power=1.5: -tweedie_slope(xp, z, t, power)),
        wrong(
            "gradient",
            "by the mean",
            lambda xp, z, t, power=1.5: tweedie_slope(xp, z, t, power) * xp.exp(-z),
        ),
        wrong("gradient", "0 · inf", tweedie_slope),
    ),
)

CASES = [
    SQUARED_ERROR,
    ABSOLUTE_ERROR,
    HUBER,
    SMOOTH_L1,
    LOG_COSH,
    PINBALL,
    EXPECTILE,
    EPSILON_INSENSITIVE,
    CAUCHY,
    GENERAL_ROBUST,
    WELSCH,
    GEMAN_MCCLURE,
    QUANTILE_HUBER,
    ABSOLUTE_PERCENTAGE_ERROR,
    SQUARED_LOG_ERROR,
    GAUSSIAN,
    LAPLACE,
    POISSON,
    GAMMA,
    TWEEDIE,
]
