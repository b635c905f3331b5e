"""Losses of models that generate: reconstruct, fool a critic, match features, remove noise.

The features of an example stand along the last axis and are summed over, so that the loss is one
number per example; a loss of images or of feature maps names its own last axes. Each loss is
followed by its gradient, the derivative of the summed loss by its first arguments.
"""

from typing import Any

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    UNIT_CLOSED,
    Array,
    check_axes,
    check_in,
    check_values,
    real_namespace,
)
from losscourse.losses.classification import (
    sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_grad,
)
from losscourse.losses.regression import squared_error

__all__ = [
    "bernoulli_reconstruction",
    "bernoulli_reconstruction_grad",
    "gaussian_kl",
    "gaussian_kl_grad",
    "gaussian_reconstruction",
    "gaussian_reconstruction_grad",
    "negative_elbo",
    "negative_elbo_grad",
]


def gaussian_reconstruction(predictions: Array, targets: Array) -> Array:
    r"""Return half the squared error of each example, summed over its features.

    Formula: $\frac{1}{2} \sum_d e_d^2$, where `e = predictions - targets`. That is
    $-\log p(x \mid z)$ for a decoder that says $\mathcal{N}(\text{predictions}, I)$, up to the
    constant $\frac{D}{2} \log 2\pi$.

    Args:
        predictions: Floats of shape (..., D): the decoder's means.
        targets: Floats of the shape and dtype of `predictions`: the data.

    Returns:
        Array of shape (...) and the dtype of `predictions`, in the target's unit squared; at
        least 0.

    Gradient:
        $e$; see `gaussian_reconstruction_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Numerics:
        Overflows where |e| exceeds the square root of the largest float: 255 in float16.

    Convention:
        With the factor ½, and summed over the features: a mean over them would weigh a prior's
        divergence D times as much. `torch.nn.functional.mse_loss(predictions, targets,
        reduction="none").sum(-1) / 2`.

    Example:
        >>> import numpy as np
        >>> gaussian_reconstruction(np.asarray([[2.0, 0.0]]), np.asarray([[3.0, 0.5]])).tolist()
        [0.625]

    Reference:
        Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix C.
    """
    xp = _check_axes("... D, ... D", predictions=predictions, targets=targets)
    return xp.sum(squared_error(predictions, targets), axis=-1) / 2


def gaussian_reconstruction_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `gaussian_reconstruction` by the predictions.

    Formula: $e$, where `e = predictions - targets`.

    Args:
        predictions: Floats of shape (..., D).
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, in the target's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Example:
        >>> import numpy as np
        >>> gaussian_reconstruction_grad(np.asarray([[2.0, 0.0]]), np.asarray([[3.0, 0.5]]))
        array([[-1. , -0.5]])
    """
    _check_axes("... D, ... D", predictions=predictions, targets=targets)
    return predictions - targets


def bernoulli_reconstruction(logits: Array, targets: Array) -> Array:
    r"""Return the binary cross-entropy of each example, summed over its features.

    Formula: $-\sum_d \left(y_d \log \sigma(z_d) + (1 - y_d) \log \sigma(-z_d)\right)$, where z are
    logits and y targets. That is $-\log p(x \mid z)$ for a decoder that draws each black or white
    pixel by itself.

    Args:
        logits: Floats of shape (..., D): the decoder's output.
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.

    Returns:
        Array of shape (...) and the dtype of `logits`, in nats; at least the targets' entropy,
        which is 0 where each is 0 or 1.

    Gradient:
        $\sigma(z) - y$; see `bernoulli_reconstruction_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, there is no axis of features, or a target lies outside
            [0, 1].

    Numerics:
        As `sigmoid_binary_cross_entropy`: finite wherever the logits are.

    Convention:
        `torch.nn.functional.binary_cross_entropy_with_logits(logits, targets,
        reduction="none").sum(-1)`. Grey values between 0 and 1 are allowed, though the Bernoulli
        distribution has no such outcome.

    Example:
        >>> import numpy as np
        >>> logits, targets = np.asarray([[0.0, 2.0]]), np.asarray([[1.0, 1.0]])
        >>> bernoulli_reconstruction(logits, targets).round(4).tolist()
        [0.8201]

    Reference:
        Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix C.
    """
    xp = _check_bernoulli(logits, targets)
    return xp.sum(sigmoid_binary_cross_entropy(logits, targets), axis=-1)


def bernoulli_reconstruction_grad(logits: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `bernoulli_reconstruction` by the logits.

    Formula: $\sigma(z) - y$, where z are logits and y targets.

    Args:
        logits: Floats of shape (..., D).
        targets: Floats of the shape and dtype of `logits`, from 0 to 1.

    Returns:
        Array of the shape and dtype of `logits`; in [-1, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, there is no axis of features, or a target lies outside
            [0, 1].

    Example:
        >>> import numpy as np
        >>> bernoulli_reconstruction_grad(np.asarray([[0.0, 0.0]]), np.asarray([[1.0, 0.0]]))
        array([[-0.5,  0.5]])
    """
    _check_bernoulli(logits, targets)
    return sigmoid_binary_cross_entropy_grad(logits, targets)


def gaussian_kl(means: Array, log_variances: Array) -> Array:
    r"""Return how far each code's Gaussian lies from the standard normal, in nats.

    Formula: $\mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I)) =
    \frac{1}{2} \sum_d \left(\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2\right)$, where
    $\sigma^2 = e^v$, μ are the means and v the log-variances.

    Args:
        means: Floats of shape (..., D): the encoder's means.
        log_variances: Floats of the shape and dtype of `means`: the logarithms of its variances.

    Returns:
        Array of shape (...) and the dtype of `means`, in nats; at least 0.

    Gradient:
        $\mu$ by the means and $(e^v - 1)/2$ by the log-variances; see `gaussian_kl_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Numerics:
        $e^v - 1$ comes from expm1. At v = ±inf the divergence is inf: where $e^v$ overflows, the v
        that is subtracted stays finite, since inf - inf is NaN.

    Convention:
        From the code's distribution to the prior. torch:
        `kl_divergence(Normal(means, (log_variances / 2).exp()), Normal(0, 1)).sum(-1)`.

    Example:
        >>> import numpy as np
        >>> gaussian_kl(np.asarray([[0.0, 1.0]]), np.asarray([[0.0, 0.0]])).tolist()
        [0.5]

    Reference:
        Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix B.
    """
    xp = _check_axes("... D, ... D", means=means, log_variances=log_variances)
    largest = float(xp.finfo(means.dtype).max)
    spread = xp.expm1(log_variances) - xp.clip(log_variances, max=largest)
    return xp.sum(xp.square(means) + spread, axis=-1) / 2


def gaussian_kl_grad(means: Array, log_variances: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `gaussian_kl` by the means and the log-variances.

    Formula: $(\mu, \; (e^v - 1)/2)$, where μ are the means and v the log-variances.

    Args:
        means: Floats of shape (..., D).
        log_variances: Floats of the shape and dtype of `means`.

    Returns:
        Two arrays of the shape and dtype of `means`. The first is unbounded, the second at least
        -½.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Example:
        >>> import numpy as np
        >>> gaussian_kl_grad(np.asarray([[2.0]]), np.asarray([[0.0]]))
        (array([[2.]]), array([[0.]]))
    """
    xp = _check_axes("... D, ... D", means=means, log_variances=log_variances)
    return xp.asarray(means, copy=True), xp.expm1(log_variances) / 2


def negative_elbo(
    reconstructions: Array, means: Array, log_variances: Array, *, beta: float = 1.0
) -> Array:
    r"""Return the negative evidence lower bound of each example: a variational autoencoder's loss.

    Formula: $r + \beta\,\mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I))$, where r
    is the loss of the reconstruction and the divergence is `gaussian_kl`. With $\beta = 1$ and
    $r = -\log p(x \mid z)$, its mean over z is an upper bound on $-\log p(x)$.

    Args:
        reconstructions: Floats of shape (...): the loss of each example's reconstruction from one
            drawn code, such as `gaussian_reconstruction` or `bernoulli_reconstruction`.
        means: Floats of shape (..., D): the encoder's means.
        log_variances: Floats of the shape and dtype of `means`: the logarithms of its variances.
        beta: The weight of the divergence; at least 0. At 1 the loss is a bound, above 1 that of
            the β-VAE, and below 1 it is on its way there from an autoencoder.

    Returns:
        Array of shape (...) and the dtype of `means`, in nats; at least the reconstruction's loss.

    Gradient:
        1 by the reconstruction's loss, and β times `gaussian_kl_grad`; see `negative_elbo_grad`.

    Raises:
        TypeError: An argument is no array of floats, the three differ in dtype or library, or
            `beta` is no number.
        ValueError: The shapes do not fit, or `beta` is negative.

    Numerics:
        As `gaussian_kl`; at β = 0 an infinite divergence counts nothing.

    Convention:
        Minimised, hence negative. A Gaussian decoder of variance s instead of 1 is β = s, with
        `gaussian_reconstruction`, up to the factor 1/s. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> means, log_variances = np.asarray([[0.0, 1.0]]), np.asarray([[0.0, 0.0]])
        >>> negative_elbo(np.asarray([3.0]), means, log_variances, beta=4.0).tolist()
        [5.0]

    Reference:
        Kingma and Welling (2014), Auto-Encoding Variational Bayes; with β, Higgins et al. (2017),
        beta-VAE.
    """
    _check_elbo(reconstructions, means, log_variances)
    beta = check_in(NON_NEGATIVE, beta=beta)
    return reconstructions + _scaled(gaussian_kl(means, log_variances), beta)


def negative_elbo_grad(
    reconstructions: Array, means: Array, log_variances: Array, *, beta: float = 1.0
) -> tuple[Array, Array, Array]:
    r"""Return the derivatives of the summed `negative_elbo` by its three arguments.

    Formula: $(1, \; \beta\mu, \; \beta (e^v - 1)/2)$, where μ are the means and v the
    log-variances.

    Args:
        reconstructions: Floats of shape (...).
        means: Floats of shape (..., D).
        log_variances: Floats of the shape and dtype of `means`.
        beta: The weight of the divergence; at least 0.

    Returns:
        Three arrays, of the shapes and the dtype of the arguments.

    Raises:
        TypeError: An argument is no array of floats, the three differ in dtype or library, or
            `beta` is no number.
        ValueError: The shapes do not fit, or `beta` is negative.

    Example:
        >>> import numpy as np
        >>> one = np.asarray([[1.0]])
        >>> by_loss, by_mean, by_spread = negative_elbo_grad(one[0], one, 0 * one, beta=4.0)
        >>> by_loss.tolist(), by_mean.tolist(), by_spread.tolist()
        ([1.0], [[4.0]], [[0.0]])
    """
    _check_elbo(reconstructions, means, log_variances)
    beta = check_in(NON_NEGATIVE, beta=beta)
    by_mean, by_log_variance = gaussian_kl_grad(means, log_variances)
    return _constant(reconstructions, 1.0), _scaled(by_mean, beta), _scaled(by_log_variance, beta)


def _check_axes(axes: str, **named: Array) -> Any:
    """Return the namespace of floats whose named axes fit; see `check_axes`."""
    xp = real_namespace(**named)
    check_axes(axes, **named)
    return xp


def _check_bernoulli(logits: Array, targets: Array) -> Any:
    xp = _check_axes("... D, ... D", logits=logits, targets=targets)
    check_values(UNIT_CLOSED, targets=targets)
    return xp


def _check_elbo(reconstructions: Array, means: Array, log_variances: Array) -> Any:
    return _check_axes(
        "..., ... D, ... D",
        reconstructions=reconstructions,
        means=means,
        log_variances=log_variances,
    )


def _constant(like: Array, value: float) -> Array:
    """Return a derivative that does not depend on the argument; NaN in is still NaN out."""
    xp = real_namespace(like=like)
    return xp.where(xp.isnan(like), like, xp.full_like(like, value))


def _scaled(x: Array, factor: float) -> Array:
    """Return factor · x, where 0 · inf is 0."""
    xp = real_namespace(x=x)
    return stable.times(xp.full_like(x, factor), x)
