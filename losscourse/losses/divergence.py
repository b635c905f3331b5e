"""Losses between probability distributions: how far is one from another, or from an outcome?

In every formula p is the predicted distribution and t the target. A model's last layer gives
log-probabilities, so these are what the losses take: p itself has underflowed where its logarithm
still tells how wrong it is. Each loss is followed by its gradient, the derivative of the summed
loss by its first argument.
"""

import math
from typing import Any

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    Array,
    Interval,
    check_axes,
    check_distributions,
    check_in,
    check_labels,
    float_namespace,
    real_namespace,
)

__all__ = [
    "crps_ensemble",
    "crps_ensemble_grad",
    "crps_gaussian",
    "crps_gaussian_grad",
    "expected_calibration_error",
    "fair_crps_ensemble",
    "fair_crps_ensemble_grad",
    "forward_kl",
    "forward_kl_grad",
    "jensen_shannon",
    "jensen_shannon_grad",
    "reverse_kl",
    "reverse_kl_grad",
    "squared_hellinger",
    "squared_hellinger_grad",
    "total_variation",
    "total_variation_grad",
]


def forward_kl(log_probs: Array, targets: Array) -> Array:
    r"""Return the Kullback-Leibler divergence of each target from its prediction: KL(t, p).

    Formula: $\sum_k t_k\,(\log t_k - \log p_k)$, where p is the prediction and t the target
    distribution. It costs most where p misses what t has: the fit covers all of t.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities, such as
            `stable.log_softmax` gives. Logits here are a silent bug.
        targets: Floats of the shape and dtype of `log_probs`; each row, along the last axis, is a
            distribution.

    Returns:
        Array of shape (...) and the dtype of `log_probs`, in nats; at least 0 where the rows are
        log-probabilities, 0 where they agree, inf where p is 0 and t is not.

    Gradient:
        $-t$; see `forward_kl_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Numerics:
        0 log 0 is 0: a class that cannot occur costs nothing. In floats it is 0 · inf.

    Convention:
        `torch.nn.functional.kl_div(log_probs, targets, reduction="none").sum(-1)`. Its mean over
        the batch is torch's "batchmean"; torch's "mean" is K times smaller. For targets that do
        not change it is the cross-entropy less a constant, the entropy of t.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([[0.5, 0.5], [1.0, 0.0]])
        >>> forward_kl(np.log([[0.9, 0.1], [0.9, 0.1]]), targets).round(4).tolist()
        [0.5108, 0.1054]

    Reference:
        Kullback and Leibler (1951), On Information and Sufficiency.
    """
    xp = _check_rows(log_probs, targets)
    terms = stable.times(targets, _log(targets)) - stable.times(targets, log_probs)
    return xp.sum(terms, axis=-1)


def forward_kl_grad(log_probs: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `forward_kl` by the log-probabilities.

    Formula: $-t$. It knows nothing of the normalisation: the softmax before it makes $p - t$ of
    it.

    Args:
        log_probs: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `log_probs`; in [-1, 0].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Example:
        >>> import numpy as np
        >>> forward_kl_grad(np.log([[0.5, 0.5]]), np.asarray([[0.75, 0.25]])).tolist()
        [[-0.75, -0.25]]
    """
    xp = _check_rows(log_probs, targets)
    # The derivative does not depend on the value, but NaN in is NaN out.
    return xp.where(xp.isnan(log_probs), log_probs, 0 - targets)


def reverse_kl(log_probs: Array, target_log_probs: Array) -> Array:
    r"""Return the Kullback-Leibler divergence of each prediction from its target: KL(p, t).

    Formula: $\sum_k p_k\,(\log p_k - \log t_k)$, where p is the prediction and t the target
    distribution. It costs most where p has what t misses: the fit may settle on a part of t.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities, such as
            `stable.log_softmax` gives.
        target_log_probs: Floats of the shape and dtype of `log_probs`: the logarithms of the
            target. From probabilities that have underflowed the loss would be inf.

    Returns:
        Array of shape (...) and the dtype of `log_probs`, in nats; at least 0 where the rows are
        log-probabilities, 0 where they agree, inf where t is 0 and p is not.

    Gradient:
        $p\,(\log p - \log t + 1)$; see `reverse_kl_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit.

    Numerics:
        0 log 0 is 0. A predicted probability that underflows costs what 0 does: nothing.

    Convention:
        `torch.nn.functional.kl_div(target_log_probs, log_probs, reduction="none",
        log_target=True).sum(-1)`: torch's second argument leads. It is `forward_kl` with the two
        distributions swapped.

    Example:
        >>> import numpy as np
        >>> target_log_probs = np.log([[0.5, 0.5], [0.99, 0.01]])
        >>> reverse_kl(np.log([[0.9, 0.1], [0.9, 0.1]]), target_log_probs).round(4).tolist()
        [0.3681, 0.1445]

    Reference:
        Kullback and Leibler (1951), On Information and Sufficiency.
    """
    xp = _check_log_rows(log_probs, target_log_probs)
    probs = xp.exp(log_probs)
    terms = stable.times(probs, log_probs) - stable.times(probs, target_log_probs)
    return xp.sum(terms, axis=-1)


def reverse_kl_grad(log_probs: Array, target_log_probs: Array) -> Array:
    r"""Return the derivative of the summed `reverse_kl` by the log-probabilities.

    Formula: $p\,(\log p - \log t + 1)$. Where p is normalised, the 1 pulls all log-probabilities
    alike, and the softmax before it takes that out.

    Args:
        log_probs: Floats of shape (..., K).
        target_log_probs: Floats of the shape and dtype of `log_probs`.

    Returns:
        Array of the shape and dtype of `log_probs`; at least $-e^{-2}$ where the target's rows are
        log-probabilities.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np
        >>> rows = np.log([[0.75, 0.25]])
        >>> reverse_kl_grad(rows, rows).tolist()
        [[0.75, 0.25]]
    """
    xp = _check_log_rows(log_probs, target_log_probs)
    probs = xp.exp(log_probs)
    return stable.times(probs, log_probs) - stable.times(probs, target_log_probs) + probs


def jensen_shannon(log_probs: Array, targets: Array) -> Array:
    r"""Return the Jensen-Shannon divergence of each prediction and target: symmetric and bounded.

    Formula: $\frac12 \sum_k \left(p_k \log\frac{p_k}{m_k} + t_k \log\frac{t_k}{m_k}\right)$ with
    the mixture $m = (p + t)/2$, where p is the prediction and t the target distribution.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities.
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of shape (...) and the dtype of `log_probs`, in nats; from 0, where the two agree, to
        log 2, where they have no class in common.

    Gradient:
        $\frac12\, p \log\frac{p}{m}$; see `jensen_shannon_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Numerics:
        Near agreement the terms cancel. With p/m rounded near 1 their sum may come out below 0,
        whose root, the distance, is NaN; here log1p of (p - t)/(p + t) keeps the digits.

    Convention:
        The divergence in nats: `scipy.spatial.distance.jensenshannon` gives its square root. torch
        has no equivalent.

    Example:
        >>> import numpy as np
        >>> targets = np.asarray([[0.5, 0.5], [0.0, 1.0]])
        >>> jensen_shannon(np.log([[0.5, 0.5], [0.5, 0.5]]), targets).round(4).tolist()
        [0.0, 0.2158]

    Reference:
        Nowozin, Cseke and Tomioka (2016), f-GAN: Training Generative Neural Samplers using
        Variational Divergence Minimization.
    """
    xp = _check_rows(log_probs, targets)
    probs = xp.exp(log_probs)
    return xp.sum(_from_middle(probs, targets) + _from_middle(targets, probs), axis=-1) / 2


def jensen_shannon_grad(log_probs: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `jensen_shannon` by the log-probabilities.

    Formula: $\frac12\, p \log\frac{p}{m}$ with $m = (p + t)/2$. What p misses altogether exerts no
    pull.

    Args:
        log_probs: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `log_probs`; from $W(-1/(2e))/2 \approx -0.116$, W being
        Lambert's function, to $\frac12 \log 2$.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Example:
        >>> import numpy as np
        >>> rows, targets = np.log([[0.5, 0.5]]), np.asarray([[0.0, 1.0]])
        >>> jensen_shannon_grad(rows, targets).round(4).tolist()
        [[0.1733, -0.1014]]
    """
    xp = _check_rows(log_probs, targets)
    return _from_middle(xp.exp(log_probs), targets) / 2


def total_variation(log_probs: Array, targets: Array) -> Array:
    r"""Return the total variation distance of each prediction and target.

    Formula: $\frac12 \sum_k |p_k - t_k|$, where p is the prediction and t the target distribution:
    the largest difference in probability that any event can have.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities.
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of shape (...) and the dtype of `log_probs`, without unit; from 0, where the two
        agree, to 1, where they have no class in common.

    Gradient:
        $\frac12\, p \operatorname{sign}(p - t)$; see `total_variation_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Numerics:
        Exact up to the rounding of the probabilities, which is absolute: of two distributions that
        agree to the last digit nothing is left.

    Convention:
        With the factor ½, so that the largest value is 1.
        `torch.nn.functional.l1_loss(torch.exp(log_probs), targets, reduction="none").sum(-1) / 2`.

    Example:
        >>> import numpy as np
        >>> total_variation(np.log([[0.5, 0.5]]), np.asarray([[0.75, 0.25]])).round(4).tolist()
        [0.25]

    Reference:
        Nowozin, Cseke and Tomioka (2016), f-GAN: Training Generative Neural Samplers using
        Variational Divergence Minimization.
    """
    xp = _check_rows(log_probs, targets)
    return xp.sum(xp.abs(xp.exp(log_probs) - targets), axis=-1) / 2


def total_variation_grad(log_probs: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `total_variation` by the log-probabilities.

    Formula: $\frac12\, p \operatorname{sign}(p - t)$. At the kink, $p_k = t_k$, the subgradient 0
    is taken, out of $[-p_k/2, p_k/2]$.

    Args:
        log_probs: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `log_probs`; in [-½, ½].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Example:
        >>> import numpy as np
        >>> rows, targets = np.log([[0.5, 0.5]]), np.asarray([[0.75, 0.25]])
        >>> total_variation_grad(rows, targets).round(4).tolist()
        [[-0.25, 0.25]]
    """
    xp = _check_rows(log_probs, targets)
    probs = xp.exp(log_probs)
    return probs * xp.sign(probs - targets) / 2


def squared_hellinger(log_probs: Array, targets: Array) -> Array:
    r"""Return the squared Hellinger distance of each prediction and target.

    Formula: $\frac12 \sum_k \left(\sqrt{p_k} - \sqrt{t_k}\right)^2$, where p is the prediction and
    t the target distribution. That is $1 - \sum_k \sqrt{p_k t_k}$ where both sum to 1.

    Args:
        log_probs: Floats of shape (..., K): logarithms of probabilities.
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of shape (...) and the dtype of `log_probs`, without unit; from 0, where the two
        agree, to 1, where they have no class in common.

    Gradient:
        $\frac12 \sqrt{p}\,(\sqrt{p} - \sqrt{t})$; see `squared_hellinger_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Numerics:
        The root of a probability has an infinite slope at 0; half its logarithm has not. The form
        $1 - \sum\sqrt{pt}$ cancels where the two almost agree.

    Convention:
        The square, with the factor ½, so that the largest value is 1; for the distance take
        `stable.sqrt` of it. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> squared_hellinger(np.log([[0.5, 0.5]]), np.asarray([[0.0, 1.0]])).round(4).tolist()
        [0.2929]

    Reference:
        Nowozin, Cseke and Tomioka (2016), f-GAN: Training Generative Neural Samplers using
        Variational Divergence Minimization; there without the ½.
    """
    xp = _check_rows(log_probs, targets)
    return xp.sum(xp.square(stable.sqrt(targets) - xp.exp(log_probs / 2)), axis=-1) / 2


def squared_hellinger_grad(log_probs: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `squared_hellinger` by the log-probabilities.

    Formula: $\frac12 \sqrt{p}\,(\sqrt{p} - \sqrt{t})$.

    Args:
        log_probs: Floats of shape (..., K).
        targets: Floats of the shape and dtype of `log_probs`; each row is a distribution.

    Returns:
        Array of the shape and dtype of `log_probs`; in [-⅛, ½].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or a row of targets is no distribution.

    Example:
        >>> import numpy as np
        >>> rows, targets = np.log([[0.5, 0.5]]), np.asarray([[0.0, 1.0]])
        >>> squared_hellinger_grad(rows, targets).round(4).tolist()
        [[0.25, -0.1036]]
    """
    xp = _check_rows(log_probs, targets)
    root = xp.exp(log_probs / 2)
    return root * (root - stable.sqrt(targets)) / 2


def crps_gaussian(means: Array, log_scales: Array, targets: Array) -> Array:
    r"""Return the continuous ranked probability score of each Gaussian forecast.

    Formula: $e\,(2\Phi(e/\sigma) - 1) + \sigma\,(2\varphi(e/\sigma) - 1/\sqrt\pi)$, where
    `e = means - targets`, $\sigma = e^{s}$ with s the `log_scales`, and $\Phi$, $\varphi$ are the
    standard normal distribution function and density. It is $\int (F(x) - [x \ge y])^2\,dx$, the
    squared distance of the forecast's distribution function F from the outcome's step.

    Args:
        means: Floats of any shape: the forecast's mean.
        log_scales: Floats of the shape and dtype of `means`: the logarithm of its standard
            deviation.
        targets: Floats of the shape and dtype of `means`: the outcome.

    Returns:
        Array of the shape and dtype of `means`, in the target's unit; at least 0. As the scale
        goes to 0 it becomes the absolute error.

    Gradient:
        $2\Phi(e/\sigma) - 1$ by the means, $\sigma\,(2\varphi(e/\sigma) - 1/\sqrt\pi)$ by the
        logarithms of the scales; see `crps_gaussian_grad`.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ.

    Numerics:
        A target far out, where $\varphi$ has underflowed, costs |e| less a constant: unlike the
        log score, which squares e, it does not overflow. The standard does not have the error
        function: $2\Phi - 1$ is a sum of sines here.

    Convention:
        Smaller is better; Gneiting and Raftery give its negative. It is convex in the mean, not in
        the logarithm of the scale. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> means, log_scales = np.asarray([0.0, 0.0]), np.log([1.0, 0.5])
        >>> crps_gaussian(means, log_scales, np.asarray([0.0, 10.0])).round(4).tolist()
        [0.2337, 9.7179]

    Reference:
        Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        section 4.2.
    """
    scales, residuals, central, density = _gaussian(means, log_scales, targets)
    return residuals * central + scales * (2 * density - 1 / math.sqrt(math.pi))


def crps_gaussian_grad(means: Array, log_scales: Array, targets: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `crps_gaussian` by the means and the log-scales.

    Formula: $2\Phi(e/\sigma) - 1$ and $\sigma\,(2\varphi(e/\sigma) - 1/\sqrt\pi)$, where
    `e = means - targets`. Far out they are $\pm 1$ and $-\sigma/\sqrt\pi$: an outlier's pull does
    not grow with its distance.

    Args:
        means: Floats of any shape.
        log_scales: Floats of the shape and dtype of `means`.
        targets: Floats of the shape and dtype of `means`.

    Returns:
        Two arrays of the shape and dtype of `means`; the first in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ.

    Example:
        >>> import numpy as np
        >>> arrays = (np.asarray([0.0]), np.asarray([0.0]), np.asarray([10.0]))
        >>> [part.round(4).tolist() for part in crps_gaussian_grad(*arrays)]
        [[-1.0], [-0.5642]]
    """
    scales, _residuals, central, density = _gaussian(means, log_scales, targets)
    return central, scales * (2 * density - 1 / math.sqrt(math.pi))


def crps_ensemble(members: Array, targets: Array) -> Array:
    r"""Return the continuous ranked probability score of each ensemble of forecasts.

    Formula: $\frac1M \sum_i |x_i - y| - \frac1{2M^2} \sum_{ij} |x_i - x_j|$, where $x_i$ are the M
    members and y is the target. It is $\int (F(x) - [x \ge y])^2\,dx$ with F the members'
    empirical distribution function. The second term rewards spread.

    Args:
        members: Floats of shape (..., M), in any order; M at least 1.
        targets: Floats of shape (...) and the dtype of `members`.

    Returns:
        Array of the shape and dtype of `targets`, in their unit; at least 0. Of one member it is
        the absolute error.

    Gradient:
        $\frac1M \operatorname{sign}(x_i - y) - \frac1{M^2} \sum_j \operatorname{sign}(x_i - x_j)$;
        see `crps_ensemble_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there is no member.

    Numerics:
        All pairs are compared, M² per example, one member with all at a time: M² numbers would
        fill the memory. Sorting would do with M log M, but of equal members autograd would then
        pull one up and one down, by their place.

    Convention:
        The score of these M members as they are. Where they stand for a distribution from which
        more could be drawn, it is too large on average: see `fair_crps_ensemble`. torch has no
        equivalent.

    Example:
        >>> import numpy as np
        >>> members = np.asarray([[0.0, 2.0], [1.0, 1.0]])
        >>> crps_ensemble(members, np.asarray([1.0, 1.5])).tolist()
        [0.5, 0.5]

    Reference:
        Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        section 4.2.
    """
    xp = _check_members(1, members, targets)
    return _distance(xp, members, targets) - _spread(xp, members) / 2


def crps_ensemble_grad(members: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `crps_ensemble` by the members.

    Formula:
    $\frac1M \operatorname{sign}(x_i - y) - \frac1{M^2} \sum_j \operatorname{sign}(x_i - x_j)$. At
    the kinks, where a member meets the target or another member, $\operatorname{sign}(0) = 0$ is
    taken, the mean of both sides' slopes.

    Args:
        members: Floats of shape (..., M), in any order; M at least 1.
        targets: Floats of shape (...) and the dtype of `members`.

    Returns:
        Array of the shape and dtype of `members`; at most $(2M - 1)/M^2$ in size.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there is no member.

    Example:
        >>> import numpy as np
        >>> crps_ensemble_grad(np.asarray([[0.0, 2.0]]), np.asarray([5.0])).tolist()
        [[-0.25, -0.75]]
    """
    xp = _check_members(1, members, targets)
    return _distance_pull(xp, members, targets) - _spread_pull(xp, members)


def fair_crps_ensemble(members: Array, targets: Array) -> Array:
    r"""Return the fair score of each ensemble: without bias as that of the members' distribution.

    Formula: $\frac1M \sum_i |x_i - y| - \frac1{2M(M-1)} \sum_{ij} |x_i - x_j|$, where $x_i$ are
    the M members and y is the target. A member is at distance 0 from itself, so the second sum has
    M(M - 1) terms to average.

    Args:
        members: Floats of shape (..., M), drawn from the forecast's distribution; M at least 2.
        targets: Floats of shape (...) and the dtype of `members`.

    Returns:
        Array of the shape and dtype of `targets`, in their unit; at least 0, and at most
        `crps_ensemble`.

    Gradient:
        $\frac1M \operatorname{sign}(x_i - y)
        - \frac1{M(M-1)} \sum_j \operatorname{sign}(x_i - x_j)$; see `fair_crps_ensemble_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there are fewer than two members.

    Numerics:
        See `crps_ensemble`: all pairs are compared.

    Convention:
        Use it to train or to compare ensembles of different sizes; `crps_ensemble` favours large
        ones. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> members = np.asarray([[0.0, 2.0], [0.0, 2.0]])
        >>> fair_crps_ensemble(members, np.asarray([1.0, 3.0])).tolist()
        [0.0, 1.0]

    Reference:
        Gneiting and Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation,
        section 4.2, with its expectations estimated without bias.
    """
    xp = _check_members(2, members, targets)
    unbiased = members.shape[-1] / (members.shape[-1] - 1)
    return _distance(xp, members, targets) - unbiased * _spread(xp, members) / 2


def fair_crps_ensemble_grad(members: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `fair_crps_ensemble` by the members.

    Formula:
    $\frac1M \operatorname{sign}(x_i - y) - \frac1{M(M-1)} \sum_j \operatorname{sign}(x_i - x_j)$,
    with $\operatorname{sign}(0) = 0$ at the kinks.

    Args:
        members: Floats of shape (..., M); M at least 2.
        targets: Floats of shape (...) and the dtype of `members`.

    Returns:
        Array of the shape and dtype of `members`; at most 2/M in size.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there are fewer than two members.

    Example:
        >>> import numpy as np
        >>> fair_crps_ensemble_grad(np.asarray([[0.0, 2.0]]), np.asarray([5.0])).tolist()
        [[0.0, -1.0]]
    """
    xp = _check_members(2, members, targets)
    unbiased = members.shape[-1] / (members.shape[-1] - 1)
    return _distance_pull(xp, members, targets) - unbiased * _spread_pull(xp, members)


def expected_calibration_error(probs: Array, labels: Array, *, bins: int = 15) -> Array:
    r"""Return how far confidence and accuracy lie apart: a metric of a whole batch, no loss.

    Formula: $\sum_b \frac{n_b}{N}\,|\text{accuracy}_b - \text{confidence}_b|$ over bins of equal
    width, where an example's confidence is its largest probability, and bin b holds the $n_b$
    examples with a confidence in $(\frac{b-1}{B}, \frac{b}{B}]$. It is not strictly proper:
    predicting the classes' frequencies for every example has an error of 0 as well.

    Args:
        probs: Floats of shape (N, K); each row is a distribution. N at least 1.
        labels: Integers of shape (N,), from 0 to K - 1.
        bins: How many bins divide [0, 1]; a whole number, at least 1.

    Returns:
        A scalar of the dtype of `probs`; in [0, 1].

    Raises:
        TypeError: `probs` is no array of floats, `labels` is no array of integers, the two differ
            in library, or `bins` is no number.
        ValueError: The shapes do not fit, there is no example, a row is no distribution, a label
            is out of range, or `bins` is not a whole number of at least 1.

    Convention:
        A bin's right edge belongs to it, as in Guo et al. Of classes that tie, the first is the
        prediction. The value depends on the number of bins: compare only at the same.

    Example:
        >>> import numpy as np
        >>> probs = np.asarray([[0.75, 0.25], [0.75, 0.25]])
        >>> float(expected_calibration_error(probs, np.asarray([0, 1])))
        0.25

    Reference:
        Pakdaman Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities
        Using Bayesian Binning; Guo et al. (2017), On Calibration of Modern Neural Networks.
    """
    xp = real_namespace(probs=probs)
    check_axes("N K, N", probs=probs, labels=labels)
    check_labels(probs.shape[-1], probs=probs, labels=labels)
    check_distributions(probs=probs)
    bins = check_in(Interval(1, math.inf, low_closed=True), bins=bins)
    if bins % 1:
        raise ValueError(f"bins: expected a whole number, got {bins}")
    if probs.shape[0] == 0:
        raise ValueError(f"probs: expected at least one example, got shape {tuple(probs.shape)}")
    confidences = xp.max(probs, axis=-1)
    right = xp.astype(labels, xp.int64) == xp.argmax(probs, axis=-1)
    gaps = xp.astype(right, probs.dtype) - confidences
    device = array_api_compat.device(probs)
    edges = xp.linspace(0, 1, int(bins) + 1, dtype=probs.dtype, device=device)
    inside = (edges[:-1] < confidences[:, None]) & (confidences[:, None] <= edges[1:])
    # n_b · |accuracy - confidence| is the sum of the bin's gaps; the product keeps NaN visible.
    return xp.sum(xp.abs(xp.mean(xp.astype(inside, probs.dtype) * gaps[:, None], axis=0)))


def _check_rows(log_probs: Array, targets: Array) -> Any:
    """Check log-probabilities and target distributions (..., K); return their namespace."""
    xp = real_namespace(log_probs=log_probs, targets=targets)
    check_axes("... K, ... K", log_probs=log_probs, targets=targets)
    check_distributions(targets=targets)
    return xp


def _check_log_rows(log_probs: Array, target_log_probs: Array) -> Any:
    """Check log-probabilities (..., K) of prediction and target; return their namespace."""
    xp = real_namespace(log_probs=log_probs, target_log_probs=target_log_probs)
    check_axes("... K, ... K", log_probs=log_probs, target_log_probs=target_log_probs)
    return xp


def _log(probs: Array) -> Array:
    """Return the logarithms of probabilities, -inf at 0 without a warning."""
    xp = real_namespace(probs=probs)
    empty = probs == 0
    logs = xp.log(xp.where(empty, xp.ones_like(probs), probs))
    return xp.where(empty, xp.full_like(probs, -float("inf")), logs)


def _from_middle(probs: Array, others: Array) -> Array:
    """Return p log(p/m) with m half way to the others, 0 where p is 0; it does not cancel at m."""
    xp = real_namespace(probs=probs)
    least = float(xp.finfo(probs.dtype).smallest_normal)
    total = xp.clip(probs + others, min=least)
    ratio = 2 * probs / total
    near = xp.log1p(xp.clip((probs - others) / total, min=-0.5))
    return probs * xp.where(ratio < 0.5, xp.log(xp.clip(ratio, min=least)), near)


def _gaussian(means: Array, log_scales: Array, targets: Array) -> tuple[Array, Array, Array, Array]:
    """Return the scales, the residuals e, and 2Φ(e/σ) - 1 and the density φ(e/σ)."""
    xp = float_namespace(means=means, log_scales=log_scales, targets=targets)
    residuals = means - targets
    # A scale that underflows has an infinite inverse, which times 0 would be NaN.
    largest = math.log(xp.finfo(means.dtype).max) - 1
    z = xp.clip(residuals * xp.exp(xp.clip(-log_scales, max=largest)), min=-_FAR, max=_FAR)
    density = xp.exp(-xp.square(z) / 2) / math.sqrt(2 * math.pi)
    return xp.exp(log_scales), residuals, _central(z), density


_FAR = 9.0
"""In standard deviations: beyond, 2Φ - 1 is a sign and φ is 0, to the last digit of a float64."""


def _central(z: Array) -> Array:
    """Return 2Φ(z) - 1, the signed probability between -z and z, for |z| up to `_FAR`.

    It is a square wave of half period 2 · `_FAR`, blurred by a standard normal: each odd harmonic
    fades by the normal's characteristic function. 25 of them give a float64's digits.
    """
    xp = real_namespace(z=z)
    total = xp.zeros_like(z)
    for k in range(49, 0, -2):  # the smallest first
        rate = math.pi * k / (2 * _FAR)
        total = total + 2 / (_FAR * rate) * math.exp(-(rate**2) / 2) * xp.sin(rate * z)
    return total


def _check_members(least: int, members: Array, targets: Array) -> Any:
    """Check at least so many members (..., M) and targets (...); return their namespace."""
    xp = real_namespace(members=members, targets=targets)
    check_axes("... M, ...", members=members, targets=targets)
    if members.shape[-1] < least:
        raise ValueError(f"members: expected at least {least}, got {members.shape[-1]}")
    return xp


def _distance(xp: Any, members: Array, targets: Array) -> Array:
    """Return the members' mean distance from the target."""
    return xp.mean(xp.abs(members - targets[..., None]), axis=-1)


def _spread(xp: Any, members: Array) -> Array:
    """Return the mean distance of all M² pairs: of all members from each in turn."""
    size = members.shape[-1]
    from_each = (xp.abs(members - members[..., i : i + 1]) for i in range(size))
    return sum(xp.mean(distances, axis=-1) / size for distances in from_each)


def _distance_pull(xp: Any, members: Array, targets: Array) -> Array:
    """Return the derivative of `_distance` by the members."""
    return xp.sign(members - targets[..., None]) / members.shape[-1]


def _spread_pull(xp: Any, members: Array) -> Array:
    """Return the derivative of half of `_spread` by the members."""
    size = members.shape[-1]
    return sum(xp.sign(members - members[..., i : i + 1]) for i in range(size)) / size**2
