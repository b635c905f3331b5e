"""Losses between probability distributions: how far is one from another, or from an outcome?

In every formula p is the predicted distribution and t the target. A model's last layer gives
log-probabilities, so these are what the losses take: p itself has underflowed where its logarithm
still tells how wrong it is. Each loss is followed by its gradient, the derivative of the summed
loss by its first argument.
"""

from typing import Any

from losscourse import stable
from losscourse.arrays import Array, check_axes, check_distributions, real_namespace

__all__ = [
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
        Near agreement the terms cancel, and p/m, rounded near 1, has lost the digits that are
        left. Here log1p of (p - t)/(p + t) keeps them.

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
    return xp.sum(xp.square(xp.exp(log_probs / 2) - stable.sqrt(targets)), axis=-1) / 2


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
    one, zero = xp.ones_like(probs), xp.zeros_like(probs)
    total = xp.where(probs == 0, one, probs + others)
    tilt = (probs - others) / total
    near = xp.abs(tilt) < 0.5
    far_ratio = xp.where(near | (probs == 0), one, 2 * probs / total)
    return probs * xp.where(near, xp.log1p(xp.where(near, tilt, zero)), xp.log(far_ratio))
