"""Losses of models that generate: reconstruct, fool a critic, match features, remove noise.

The features of an example stand along the last axis and are summed over, so that the loss is one
number per example; a loss of images or of feature maps names its own last axes. Each loss is
followed by its gradient, the derivative of the summed loss by its first arguments.
"""

import math
from collections.abc import Callable
from typing import Any

from array_api_compat import is_torch_array

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    REALS,
    UNIT_CLOSED,
    Array,
    check_axes,
    check_in,
    check_values,
    float_namespace,
    real_namespace,
)
from losscourse.losses.classification import (
    sigmoid_binary_cross_entropy,
    sigmoid_binary_cross_entropy_grad,
)
from losscourse.losses.regression import (
    absolute_error,
    absolute_error_grad,
    squared_error,
    squared_error_grad,
)

__all__ = [
    "bernoulli_reconstruction",
    "bernoulli_reconstruction_grad",
    "content",
    "content_grad",
    "cycle_consistency",
    "cycle_consistency_grad",
    "diffuse",
    "flow_matching",
    "flow_matching_grad",
    "gaussian_kl",
    "gaussian_kl_grad",
    "gaussian_reconstruction",
    "gaussian_reconstruction_grad",
    "gradient_penalty",
    "gram",
    "hinge_discriminator",
    "hinge_discriminator_grad",
    "image_total_variation",
    "image_total_variation_grad",
    "interpolate",
    "least_squares_discriminator",
    "least_squares_discriminator_grad",
    "least_squares_generator",
    "least_squares_generator_grad",
    "min_snr_noise_weights",
    "min_snr_v_weights",
    "minimax_discriminator",
    "minimax_discriminator_grad",
    "minimax_generator",
    "minimax_generator_grad",
    "negative_elbo",
    "negative_elbo_grad",
    "noise_prediction",
    "noise_prediction_grad",
    "non_saturating_generator",
    "non_saturating_generator_grad",
    "r1_penalty",
    "style",
    "style_grad",
    "v_prediction",
    "v_prediction_grad",
    "v_target",
    "wasserstein_critic",
    "wasserstein_critic_grad",
    "wasserstein_generator",
    "wasserstein_generator_grad",
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
    _check_axes("... D, ... D", predictions=predictions, targets=targets)
    return _squared_distance(predictions, targets) / 2


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
    reconstruction_losses: Array, means: Array, log_variances: Array, *, beta: float = 1.0
) -> Array:
    r"""Return the negative evidence lower bound of each example: a variational autoencoder's loss.

    Formula: $r + \beta\,\mathrm{KL}(\mathcal{N}(\mu, \sigma^2) \,\|\, \mathcal{N}(0, I))$, where r
    is the loss of the reconstruction and the divergence is `gaussian_kl`. With $\beta = 1$ and
    $r = -\log p(x \mid z)$, its mean over z is an upper bound on $-\log p(x)$.

    Args:
        reconstruction_losses: Floats of shape (...): what each example's reconstruction from one
            drawn code costs, such as `gaussian_reconstruction` or `bernoulli_reconstruction`.
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
    _check_elbo(reconstruction_losses, means, log_variances)
    beta = check_in(NON_NEGATIVE, beta=beta)
    means, log_variances = _counted(beta, means, log_variances)
    return reconstruction_losses + beta * gaussian_kl(means, log_variances)


def negative_elbo_grad(
    reconstruction_losses: Array, means: Array, log_variances: Array, *, beta: float = 1.0
) -> tuple[Array, Array, Array]:
    r"""Return the derivatives of the summed `negative_elbo` by its three arguments.

    Formula: $(1, \; \beta\mu, \; \beta (e^v - 1)/2)$, where μ are the means and v the
    log-variances.

    Args:
        reconstruction_losses: Floats of shape (...).
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
    _check_elbo(reconstruction_losses, means, log_variances)
    beta = check_in(NON_NEGATIVE, beta=beta)
    means, log_variances = _counted(beta, means, log_variances)
    by_mean, by_log_variance = gaussian_kl_grad(means, log_variances)
    return _constant(reconstruction_losses, 1.0), beta * by_mean, beta * by_log_variance


def minimax_discriminator(real_logits: Array, fake_logits: Array) -> Array:
    r"""Return the discriminator's loss in the minimax game, for each pair of a real and a fake.

    Formula: $-\log \sigma(r) - \log(1 - \sigma(f))$, where r and f are the logits of the real and
    of the fake example.

    Args:
        real_logits: Floats of any shape: the discriminator's logits of real examples.
        fake_logits: Floats of the shape and dtype of `real_logits`: those of generated examples.

    Returns:
        Array of the shape and dtype of `real_logits`, in nats; at least 0.

    Gradient:
        $-\sigma(-r)$ and $\sigma(f)$; see `minimax_discriminator_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        As `stable.softplus`: a logarithm of a probability that rounded to 0 is -inf.

    Convention:
        The value function of the game with its sign turned, so that it is minimised. It is
        $\log 4$ where no critic can tell real from fake. The pairing means nothing: batches of
        one size add up the same in any order. torch: `F.softplus(-real_logits) +
        F.softplus(fake_logits)`.

    Example:
        >>> import numpy as np
        >>> minimax_discriminator(np.asarray([0.0]), np.asarray([0.0])).round(4).tolist()
        [1.3863]

    Reference:
        Goodfellow et al. (2014), Generative Adversarial Nets, eq. 1.
    """
    float_namespace(real_logits=real_logits, fake_logits=fake_logits)
    return stable.softplus(-real_logits) + stable.softplus(fake_logits)


def minimax_discriminator_grad(real_logits: Array, fake_logits: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `minimax_discriminator` by the two logits.

    Formula: $(-\sigma(-r), \; \sigma(f))$, where r and f are the logits of the real and of the
    fake example.

    Args:
        real_logits: Floats of any shape.
        fake_logits: Floats of the shape and dtype of `real_logits`.

    Returns:
        Two arrays of the shape and dtype of `real_logits`; in [-1, 0] and in [0, 1].

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> minimax_discriminator_grad(np.asarray([0.0]), np.asarray([0.0]))
        (array([-0.5]), array([0.5]))
    """
    float_namespace(real_logits=real_logits, fake_logits=fake_logits)
    return -stable.sigmoid(-real_logits), stable.sigmoid(fake_logits)


def minimax_generator(fake_logits: Array) -> Array:
    r"""Return the generator's loss in the minimax game: the form that saturates.

    Formula: $\log(1 - \sigma(f))$, where f is the discriminator's logit of a fake.

    Args:
        fake_logits: Floats of any shape: the discriminator's logits of generated examples.

    Returns:
        Array of the shape and dtype of `fake_logits`, in nats; at most 0.

    Gradient:
        $-\sigma(f)$; see `minimax_generator_grad`. It vanishes where the discriminator is sure of
        the fake: f far below 0. See `non_saturating_generator`.

    Raises:
        TypeError: `fake_logits` is no array of floats.

    Numerics:
        $1 - \sigma(f)$ rounds to 0 from f = 18 in float32, whose logarithm is -inf; here it is
        `-stable.softplus`.

    Convention:
        What the discriminator's loss holds of the fakes, with the other sign: the game is
        zero-sum. torch: `-F.softplus(fake_logits)`.

    Example:
        >>> import numpy as np
        >>> minimax_generator(np.asarray([-10.0, 0.0, 10.0])).round(4).tolist()
        [-0.0, -0.6931, -10.0]

    Reference:
        Goodfellow et al. (2014), Generative Adversarial Nets, eq. 1.
    """
    float_namespace(fake_logits=fake_logits)
    return -stable.softplus(fake_logits)


def minimax_generator_grad(fake_logits: Array) -> Array:
    r"""Return the derivative of the summed `minimax_generator` by the logits.

    Formula: $-\sigma(f)$, where f is the discriminator's logit of a fake.

    Args:
        fake_logits: Floats of any shape.

    Returns:
        Array of the shape and dtype of `fake_logits`; in [-1, 0].

    Raises:
        TypeError: `fake_logits` is no array of floats.

    Example:
        >>> import numpy as np
        >>> minimax_generator_grad(np.asarray([-10.0, 0.0, 10.0])).round(4).tolist()
        [-0.0, -0.5, -1.0]
    """
    float_namespace(fake_logits=fake_logits)
    return -stable.sigmoid(fake_logits)


def non_saturating_generator(fake_logits: Array) -> Array:
    r"""Return the generator's non-saturating loss: the cross-entropy of calling a fake real.

    Formula: $-\log \sigma(f)$, where f is the discriminator's logit of a fake.

    Args:
        fake_logits: Floats of any shape: the discriminator's logits of generated examples.

    Returns:
        Array of the shape and dtype of `fake_logits`, in nats; at least 0.

    Gradient:
        $-\sigma(-f)$; see `non_saturating_generator_grad`. It is largest where the discriminator
        is sure of the fake, and has the sign of `minimax_generator_grad` everywhere.

    Raises:
        TypeError: `fake_logits` is no array of floats.

    Numerics:
        As `stable.softplus`.

    Convention:
        Not the discriminator's loss with the other sign: the game is no longer zero-sum, its
        fixed point is the same. torch: `F.softplus(-fake_logits)`.

    Example:
        >>> import numpy as np
        >>> non_saturating_generator(np.asarray([-10.0, 0.0, 10.0])).round(4).tolist()
        [10.0, 0.6931, 0.0]

    Reference:
        Goodfellow et al. (2014), Generative Adversarial Nets, section 3.
    """
    float_namespace(fake_logits=fake_logits)
    return stable.softplus(-fake_logits)


def non_saturating_generator_grad(fake_logits: Array) -> Array:
    r"""Return the derivative of the summed `non_saturating_generator` by the logits.

    Formula: $-\sigma(-f)$, where f is the discriminator's logit of a fake.

    Args:
        fake_logits: Floats of any shape.

    Returns:
        Array of the shape and dtype of `fake_logits`; in [-1, 0].

    Raises:
        TypeError: `fake_logits` is no array of floats.

    Example:
        >>> import numpy as np
        >>> non_saturating_generator_grad(np.asarray([-10.0, 0.0, 10.0])).round(4).tolist()
        [-1.0, -0.5, -0.0]
    """
    float_namespace(fake_logits=fake_logits)
    return -stable.sigmoid(-fake_logits)


def least_squares_discriminator(
    real_scores: Array,
    fake_scores: Array,
    *,
    real_target: float = 1.0,
    fake_target: float = 0.0,
) -> Array:
    r"""Return the discriminator's least-squares loss, for each pair of a real and a fake.

    Formula: $\frac{1}{2} (r - b)^2 + \frac{1}{2} (f - a)^2$, where r and f are the scores of the
    real and of the fake example, b is `real_target` and a is `fake_target`.

    Args:
        real_scores: Floats of any shape: the discriminator's scores of real examples, without a
            sigmoid.
        fake_scores: Floats of the shape and dtype of `real_scores`: those of generated examples.
        real_target: The score that a real example should get: b in the paper.
        fake_target: The score that a fake should get: a in the paper.

    Returns:
        Array of the shape and dtype of `real_scores`; at least 0.

    Gradient:
        $r - b$ and $f - a$; see `least_squares_discriminator_grad`.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            target is no number.
        ValueError: The two shapes differ, or a target is not finite.

    Numerics:
        As `squared_error`: overflows from scores of 255 in float16.

    Convention:
        With the factor ½. The paper's two codings: a = 0, b = 1 and the generator's c = 1; or
        a = -1, b = 1, c = 0. The generator's loss, counted on the real examples too and under the
        best discriminator, is then half of Pearson's χ² between p + q and 2q; but steps with the
        discriminator held do not descend that. torch: half of `mse_loss` to each target.

    Example:
        >>> import numpy as np
        >>> least_squares_discriminator(np.asarray([0.5]), np.asarray([1.0])).tolist()
        [0.625]

    Reference:
        Mao et al. (2017), Least Squares Generative Adversarial Networks.
    """
    xp = float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    real_target = check_in(REALS, real_target=real_target)
    fake_target = check_in(REALS, fake_target=fake_target)
    return (xp.square(real_scores - real_target) + xp.square(fake_scores - fake_target)) / 2


def least_squares_discriminator_grad(
    real_scores: Array,
    fake_scores: Array,
    *,
    real_target: float = 1.0,
    fake_target: float = 0.0,
) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `least_squares_discriminator` by the two scores.

    Formula: $(r - b, \; f - a)$, where r and f are the scores of the real and of the fake example,
    b is `real_target` and a is `fake_target`.

    Args:
        real_scores: Floats of any shape.
        fake_scores: Floats of the shape and dtype of `real_scores`.
        real_target: The score that a real example should get.
        fake_target: The score that a fake should get.

    Returns:
        Two arrays of the shape and dtype of `real_scores`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, the two differ in dtype or library, or a
            target is no number.
        ValueError: The two shapes differ, or a target is not finite.

    Example:
        >>> import numpy as np
        >>> least_squares_discriminator_grad(np.asarray([0.5]), np.asarray([1.0]))
        (array([-0.5]), array([1.]))
    """
    float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    real_target = check_in(REALS, real_target=real_target)
    fake_target = check_in(REALS, fake_target=fake_target)
    return real_scores - real_target, fake_scores - fake_target


def least_squares_generator(fake_scores: Array, *, target: float = 1.0) -> Array:
    r"""Return the generator's least-squares loss of each fake.

    Formula: $\frac{1}{2} (f - c)^2$, where f is the score of the fake and c is `target`.

    Args:
        fake_scores: Floats of any shape: the discriminator's scores of generated examples.
        target: The score that the generator wants its fakes to get: c in the paper.

    Returns:
        Array of the shape and dtype of `fake_scores`; at least 0.

    Gradient:
        $f - c$; see `least_squares_generator_grad`.

    Raises:
        TypeError: `fake_scores` is no array of floats, or `target` is no number.
        ValueError: `target` is not finite.

    Numerics:
        As `squared_error`: overflows from scores of 255 in float16.

    Convention:
        With the factor ½; see `least_squares_discriminator` for the two codings. torch: half of
        `mse_loss` to the target.

    Example:
        >>> import numpy as np
        >>> least_squares_generator(np.asarray([0.5, 1.0, 3.0])).tolist()
        [0.125, 0.0, 2.0]

    Reference:
        Mao et al. (2017), Least Squares Generative Adversarial Networks.
    """
    xp = float_namespace(fake_scores=fake_scores)
    target = check_in(REALS, target=target)
    return xp.square(fake_scores - target) / 2


def least_squares_generator_grad(fake_scores: Array, *, target: float = 1.0) -> Array:
    r"""Return the derivative of the summed `least_squares_generator` by the scores.

    Formula: $f - c$, where f is the score of the fake and c is `target`.

    Args:
        fake_scores: Floats of any shape.
        target: The score that the generator wants its fakes to get.

    Returns:
        Array of the shape and dtype of `fake_scores`; unbounded.

    Raises:
        TypeError: `fake_scores` is no array of floats, or `target` is no number.
        ValueError: `target` is not finite.

    Example:
        >>> import numpy as np
        >>> least_squares_generator_grad(np.asarray([0.5, 1.0, 3.0])).tolist()
        [-0.5, 0.0, 2.0]
    """
    float_namespace(fake_scores=fake_scores)
    return fake_scores - check_in(REALS, target=target)


def hinge_discriminator(real_scores: Array, fake_scores: Array) -> Array:
    r"""Return the discriminator's hinge loss, for each pair of a real and a fake.

    Formula: $\max(0, 1 - r) + \max(0, 1 + f)$, where r and f are the scores of the real and of the
    fake example. The generator's side of it is `wasserstein_generator`.

    Args:
        real_scores: Floats of any shape: the discriminator's scores of real examples.
        fake_scores: Floats of the shape and dtype of `real_scores`: those of generated examples.

    Returns:
        Array of the shape and dtype of `real_scores`; at least 0.

    Gradient:
        -1 where $r \le 1$ and 1 where $f \ge -1$, else 0; see `hinge_discriminator_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        As `losscourse.losses.margin.hinge`, of the margins r and -f.

    Convention:
        It is 2 where no critic can tell real from fake. torch: `F.relu(1 - real_scores) +
        F.relu(1 + fake_scores)`.

    Example:
        >>> import numpy as np
        >>> hinge_discriminator(np.asarray([0.5, 2.0]), np.asarray([0.0, -3.0])).tolist()
        [1.5, 0.0]

    Reference:
        Lim and Ye (2017), Geometric GAN; Miyato et al. (2018), Spectral Normalization for
        Generative Adversarial Networks.
    """
    xp = float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    return xp.clip(1 - real_scores, min=0) + xp.clip(1 + fake_scores, min=0)


def hinge_discriminator_grad(real_scores: Array, fake_scores: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `hinge_discriminator` by the two scores.

    Formula: $(-[r \le 1], \; [f \ge -1])$, where r and f are the scores of the real and of the fake
    example. At the kinks, r = 1 and f = -1, the subgradients -1 and 1 are taken, as `hinge_grad`
    does.

    Args:
        real_scores: Floats of any shape.
        fake_scores: Floats of the shape and dtype of `real_scores`.

    Returns:
        Two arrays of the shape and dtype of `real_scores`; -1 or 0, and 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> of_real, of_fake = hinge_discriminator_grad(np.asarray([0.5]), np.asarray([-3.0]))
        >>> of_real.tolist(), of_fake.tolist()
        ([-1.0], [0.0])
    """
    xp = float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    # The sign and 1 is 0, 1 or 2, or NaN: cut at 1, whether a term is active.
    real, fake = (xp.clip(xp.sign(x) + 1, max=1) for x in (1 - real_scores, 1 + fake_scores))
    return -real, fake


def wasserstein_critic(real_scores: Array, fake_scores: Array) -> Array:
    r"""Return the critic's loss in a Wasserstein GAN, for each pair of a real and a fake.

    Formula: $f - r$, where r and f are the critic's scores of the real and of the fake example.

    Args:
        real_scores: Floats of any shape: the critic's scores of real examples.
        fake_scores: Floats of the shape and dtype of `real_scores`: those of generated examples.

    Returns:
        Array of the shape and dtype of `real_scores`, in the unit of the scores; unbounded.

    Gradient:
        -1 and 1; see `wasserstein_critic_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Numerics:
        Exact up to the rounding of the subtraction. Nothing bounds it below: the critic must be
        held to slopes of 1, see `gradient_penalty`.

    Convention:
        Over the critics that are 1-Lipschitz, its mean has the infimum -W₁, minus the Wasserstein
        distance of the two distributions.

    Example:
        >>> import numpy as np
        >>> wasserstein_critic(np.asarray([2.0]), np.asarray([0.5])).tolist()
        [-1.5]

    Reference:
        Arjovsky, Chintala and Bottou (2017), Wasserstein Generative Adversarial Networks.
    """
    float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    return fake_scores - real_scores


def wasserstein_critic_grad(real_scores: Array, fake_scores: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `wasserstein_critic` by the two scores.

    Formula: $(-1, \; 1)$.

    Args:
        real_scores: Floats of any shape.
        fake_scores: Floats of the shape and dtype of `real_scores`.

    Returns:
        Two arrays of the shape and dtype of `real_scores`; -1, and 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Example:
        >>> import numpy as np
        >>> wasserstein_critic_grad(np.asarray([2.0]), np.asarray([0.5]))
        (array([-1.]), array([1.]))
    """
    float_namespace(real_scores=real_scores, fake_scores=fake_scores)
    return _constant(real_scores, -1.0), _constant(fake_scores, 1.0)


def wasserstein_generator(fake_scores: Array) -> Array:
    r"""Return the generator's loss in a Wasserstein GAN, and in a hinge GAN.

    Formula: $-f$, where f is the critic's score of a fake.

    Args:
        fake_scores: Floats of any shape: the critic's scores of generated examples.

    Returns:
        Array of the shape and dtype of `fake_scores`, in the unit of the scores; unbounded.

    Gradient:
        -1; see `wasserstein_generator_grad`. How strong the pull on the generator is, the critic's
        own slope decides.

    Raises:
        TypeError: `fake_scores` is no array of floats.

    Numerics:
        Exact.

    Convention:
        The generator of `wasserstein_critic` and that of `hinge_discriminator`: one formula.

    Example:
        >>> import numpy as np
        >>> wasserstein_generator(np.asarray([0.5, -2.0])).tolist()
        [-0.5, 2.0]

    Reference:
        Arjovsky, Chintala and Bottou (2017), Wasserstein Generative Adversarial Networks; for the
        hinge, Lim and Ye (2017), Geometric GAN.
    """
    float_namespace(fake_scores=fake_scores)
    return -fake_scores


def wasserstein_generator_grad(fake_scores: Array) -> Array:
    r"""Return the derivative of the summed `wasserstein_generator` by the scores.

    Formula: $-1$.

    Args:
        fake_scores: Floats of any shape.

    Returns:
        Array of the shape and dtype of `fake_scores`; -1.

    Raises:
        TypeError: `fake_scores` is no array of floats.

    Example:
        >>> import numpy as np
        >>> wasserstein_generator_grad(np.asarray([0.5, -2.0])).tolist()
        [-1.0, -1.0]
    """
    float_namespace(fake_scores=fake_scores)
    return _constant(fake_scores, -1.0)


def content(features: Array, targets: Array) -> Array:
    r"""Return the content loss of each image: half the squared distance of its feature maps.

    Formula: $\frac{1}{2} \sum_{cp} e_{cp}^2$, where `e = features - targets`, over channels c and
    positions p.

    Args:
        features: Floats of shape (..., C, P): one layer's response to the image that is made, by
            channel and position; flatten height and width.
        targets: Floats of the shape and dtype of `features`: the response to the content image.

    Returns:
        Array of shape (...) and the dtype of `features`, in the features' unit squared; at least
        0.

    Gradient:
        $e$; see `content_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there are no axes of channels and positions.

    Numerics:
        As `squared_error`: overflows from |e| = 255 in float16.

    Convention:
        With the factor ½, and summed. Johnson et al. take the mean instead: `2 / (C * P)` times
        this. torch: half of `mse_loss`, summed over both axes.

    Example:
        >>> import numpy as np
        >>> content(np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))).tolist()
        15.0

    Reference:
        Gatys, Ecker and Bethge (2016), Image Style Transfer Using Convolutional Neural Networks,
        eq. 1.
    """
    xp = _check_axes("... C P, ... C P", features=features, targets=targets)
    return xp.sum(gaussian_reconstruction(features, targets), axis=-1)


def content_grad(features: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `content` by the features.

    Formula: $e$, where `e = features - targets`.

    Args:
        features: Floats of shape (..., C, P).
        targets: Floats of the shape and dtype of `features`.

    Returns:
        Array of the shape and dtype of `features`, in their unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there are no axes of channels and positions.

    Example:
        >>> import numpy as np
        >>> content_grad(np.asarray([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 2))).tolist()
        [[0.0, 1.0], [2.0, 3.0]]
    """
    _check_axes("... C P, ... C P", features=features, targets=targets)
    return features - targets


def gram(features: Array) -> Array:
    r"""Return each image's Gram matrix: which channels respond together, wherever they do.

    Formula: $G_{cd} = \frac{1}{CP} \sum_p F_{cp} F_{dp}$, where F are the features.

    Args:
        features: Floats of shape (..., C, P): by channel and position, at least one of each.

    Returns:
        Array of shape (..., C, C) and the dtype of `features`, in their unit squared; symmetric
        up to rounding.

    Raises:
        TypeError: `features` is no array of floats.
        ValueError: There are no axes of channels and positions, or one of them is empty.

    Convention:
        Each factor is divided by the root of C · P, which float16 holds. Gatys, Ecker and Bethge
        (2016) leave their matrix undivided, and divide in `style` instead.

    Example:
        >>> import numpy as np
        >>> gram(np.asarray([[2.0, 0.0], [2.0, 4.0]])).tolist()
        [[1.0, 1.0], [1.0, 5.0]]
    """
    xp = _check_maps(features=features)
    scaled = _over_root_size(features)
    return xp.matmul(scaled, xp.matrix_transpose(scaled))


def style(features: Array, targets: Array) -> Array:
    r"""Return the style loss of each image: the squared distance of the Gram matrices.

    Formula: $\frac{1}{4} \sum_{cd} (G_{cd} - A_{cd})^2$, where G and A are `gram` of the features
    and of the targets. With undivided matrices, that is a factor of $1/(4 C^2 P^2)$.

    Args:
        features: Floats of shape (..., C, P): one layer's response to the image that is made, by
            channel and position; flatten height and width.
        targets: Floats of the shape and dtype of `features`: the response to the style image.

    Returns:
        Array of shape (...) and the dtype of `features`; at least 0, and 0 also where the
        positions of the targets are shuffled.

    Gradient:
        $(G - A)\,F / (CP)$; see `style_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, there are no axes of channels and positions, or one of
            them is empty.

    Numerics:
        The fourth power of a feature overflows float16 from 16 on; the division comes first.

    Convention:
        One layer's E of Gatys et al.; the sum over layers with their weights is the caller's.
        Johnson et al. take the squared Frobenius norm of the same matrices: 4 times this.

    Example:
        >>> import numpy as np
        >>> style(np.asarray([[2.0, 0.0], [2.0, 4.0]]), np.zeros((2, 2))).tolist()
        7.0

    Reference:
        Gatys, Ecker and Bethge (2016), Image Style Transfer Using Convolutional Neural Networks,
        eq. 4.
    """
    _check_maps(features=features, targets=targets)
    return content(gram(features), gram(targets)) / 2


def style_grad(features: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `style` by the features.

    Formula: $(G - A)\,F / (CP)$, where F are the features and G and A the `gram` of the features
    and of the targets.

    Args:
        features: Floats of shape (..., C, P).
        targets: Floats of the shape and dtype of `features`.

    Returns:
        Array of the shape and dtype of `features`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, there are no axes of channels and positions, or one of
            them is empty.

    Example:
        >>> import numpy as np
        >>> style_grad(np.asarray([[2.0, 0.0], [2.0, 4.0]]), np.zeros((2, 2))).tolist()
        [[1.0, 1.0], [3.0, 5.0]]
    """
    xp = _check_maps(features=features, targets=targets)
    divided = _over_root_size(_over_root_size(features))
    return xp.matmul(gram(features) - gram(targets), divided)


def image_total_variation(images: Array) -> Array:
    r"""Return the total variation of each image: how much neighbouring pixels differ.

    Formula: $\sum_{hw} |x_{h+1,w} - x_{hw}| + |x_{h,w+1} - x_{hw}|$, over neighbours in the image.

    Args:
        images: Floats of shape (..., H, W); a colour image has a loss for each channel.

    Returns:
        Array of shape (...) and the dtype of `images`, in the pixels' unit; at least 0, and 0
        where the image is flat.

    Gradient:
        How many neighbours are darker than the pixel, less how many are brighter; see
        `image_total_variation_grad`.

    Raises:
        TypeError: `images` is no array of floats.
        ValueError: There are no axes of height and width.

    Numerics:
        Exact up to the rounding of the differences and of their sum.

    Convention:
        Anisotropic: rows and columns add up. The isotropic kind takes the root of the sum of the
        two squares at each pixel, and some codes take the squares themselves.

    Example:
        >>> import numpy as np
        >>> image_total_variation(np.asarray([[0.0, 1.0], [0.0, 3.0]])).tolist()
        6.0

    Reference:
        Johnson, Alahi and Fei-Fei (2016), Perceptual Losses for Real-Time Style Transfer and
        Super-Resolution, as a regulariser.
    """
    xp = _check_axes("... H W", images=images)
    down = absolute_error(images[..., 1:, :], images[..., :-1, :])
    right = absolute_error(images[..., 1:], images[..., :-1])
    return xp.sum(down, axis=(-2, -1)) + xp.sum(right, axis=(-2, -1))


def image_total_variation_grad(images: Array) -> Array:
    r"""Return the derivative of the summed `image_total_variation` by the pixels.

    Formula: $\sum_n \operatorname{sign}(x - x_n)$ over the up to four neighbours n of a pixel. At
    the kinks, equal neighbours, the subgradient 0 is taken, out of $[-1, 1]$.

    Args:
        images: Floats of shape (..., H, W).

    Returns:
        Array of the shape and dtype of `images`, without unit; in [-4, 4].

    Raises:
        TypeError: `images` is no array of floats.
        ValueError: There are no axes of height and width.

    Example:
        >>> import numpy as np
        >>> image_total_variation_grad(np.asarray([[0.0, 1.0], [0.0, 3.0]])).tolist()
        [[-1.0, 0.0], [-1.0, 2.0]]
    """
    xp = _check_axes("... H W", images=images)
    down = absolute_error_grad(images[..., 1:, :], images[..., :-1, :])
    row = xp.zeros_like(images[..., :1, :])
    slope = xp.concat([row, down], axis=-2) - xp.concat([down, row], axis=-2)
    del down
    right = absolute_error_grad(images[..., 1:], images[..., :-1])
    column = xp.zeros_like(images[..., :1])
    slope = slope + xp.concat([column, right], axis=-1)
    return slope - xp.concat([right, column], axis=-1)


def cycle_consistency(predictions: Array, targets: Array) -> Array:
    r"""Return how far each example is from itself after a translation there and back.

    Formula: $\sum_d |e_d|$, where `e = predictions - targets`.

    Args:
        predictions: Floats of shape (..., D): the examples translated to the other domain and
            back, F(G(x)).
        targets: Floats of the shape and dtype of `predictions`: the examples themselves, x.

    Returns:
        Array of shape (...) and the dtype of `predictions`, in the target's unit; at least 0.

    Gradient:
        $\operatorname{sign}(e)$; see `cycle_consistency_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Numerics:
        Exact up to the rounding of the differences and of their sum.

    Convention:
        One direction: the paper adds F(G(x)) against x and G(F(y)) against y. Its identity loss,
        which keeps colours, is this function of G(y) and y, and of F(x) and x. Flatten images;
        summed, as the 1-norm is. `torch.nn.functional.l1_loss(predictions, targets,
        reduction="none").sum(-1)`.

    Example:
        >>> import numpy as np
        >>> cycle_consistency(np.asarray([[2.0, 0.0]]), np.asarray([[3.0, 0.5]])).tolist()
        [1.5]

    Reference:
        Zhu et al. (2017), Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
        Networks, eq. 2.
    """
    xp = _check_axes("... D, ... D", predictions=predictions, targets=targets)
    return xp.sum(absolute_error(predictions, targets), axis=-1)


def cycle_consistency_grad(predictions: Array, targets: Array) -> Array:
    r"""Return the derivative of the summed `cycle_consistency` by the predictions.

    Formula: $\operatorname{sign}(e)$, where `e = predictions - targets`. At the kinks, $e_d = 0$,
    the subgradient 0 is taken, out of $[-1, 1]$.

    Args:
        predictions: Floats of shape (..., D).
        targets: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, without unit; -1, 0 or 1.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Example:
        >>> import numpy as np
        >>> cycle_consistency_grad(np.asarray([[2.0, 0.5]]), np.asarray([[3.0, 0.5]])).tolist()
        [[-1.0, 0.0]]
    """
    _check_axes("... D, ... D", predictions=predictions, targets=targets)
    return absolute_error_grad(predictions, targets)


def noise_prediction(predictions: Array, noise: Array) -> Array:
    r"""Return the squared error of each example's predicted noise: the simple diffusion loss.

    Formula: $\sum_d e_d^2$, where `e = predictions - noise`.

    Args:
        predictions: Floats of shape (..., D): the noise that the model sees in a noised example.
        noise: Floats of the shape and dtype of `predictions`: the noise that was drawn.

    Returns:
        Array of shape (...) and the dtype of `predictions`, without unit; at least 0.

    Gradient:
        $2e$; see `noise_prediction_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Numerics:
        As `squared_error`: overflows from |e| = 255 in float16.

    Convention:
        The squared norm, without ½ and without the weights of the likelihood's bound; many codes
        take the mean over the features. Flatten images.
        `torch.nn.functional.mse_loss(predictions, noise, reduction="none").sum(-1)`.

    Example:
        >>> import numpy as np
        >>> noise_prediction(np.asarray([[2.0, 0.0]]), np.asarray([[3.0, 0.5]])).tolist()
        [1.25]

    Reference:
        Ho, Jain and Abbeel (2020), Denoising Diffusion Probabilistic Models, eq. 14.
    """
    _check_axes("... D, ... D", predictions=predictions, noise=noise)
    return _squared_distance(predictions, noise)


def noise_prediction_grad(predictions: Array, noise: Array) -> Array:
    r"""Return the derivative of the summed `noise_prediction` by the predictions.

    Formula: $2e$, where `e = predictions - noise`.

    Args:
        predictions: Floats of shape (..., D).
        noise: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ, or there is no axis of features.

    Example:
        >>> import numpy as np
        >>> noise_prediction_grad(np.asarray([[2.0, 0.0]]), np.asarray([[3.0, 0.5]])).tolist()
        [[-2.0, -1.0]]
    """
    _check_axes("... D, ... D", predictions=predictions, noise=noise)
    return squared_error_grad(predictions, noise)


def diffuse(data: Array, noise: Array, log_snr: Array) -> Array:
    r"""Return noised examples, of a given log signal-to-noise ratio.

    Formula: $\alpha x + \sigma \epsilon$ with $\alpha^2 = \sigma(\lambda)$ and
    $\sigma^2 = \sigma(-\lambda)$, where x are the data, ε the noise, λ is `log_snr` and
    $\sigma(\cdot)$ the sigmoid, so that $\lambda = \log(\alpha^2/\sigma^2)$ and
    $\alpha^2 + \sigma^2 = 1$.

    Args:
        data: Floats of shape (..., D).
        noise: Floats of the shape and dtype of `data`: drawn from the standard normal.
        log_snr: Floats of shape (...): inf gives the data, -inf the noise.

    Returns:
        Array of the shape and dtype of `data`.

    Raises:
        TypeError: An argument is no array of floats, or the three differ in dtype or library.
        ValueError: The shapes do not fit.

    Convention:
        Variance-preserving: data of variance 1 keep it. In the words of the DDPM paper, α² is
        `alpha_bar`, so that λ = log(alpha_bar / (1 - alpha_bar)).

    Example:
        >>> import numpy as np
        >>> data, noise = np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]])
        >>> diffuse(data, noise, np.log([9.0])).round(4).tolist()
        [[0.9487, 0.3162]]
    """
    _check_diffusion(data=data, noise=noise, log_snr=log_snr)
    signal, spread = _signal_and_spread(log_snr)
    return signal * data + spread * noise


def v_target(data: Array, noise: Array, log_snr: Array) -> Array:
    r"""Return the velocity that `v_prediction` predicts.

    Formula: $\alpha \epsilon - \sigma x$, with the α and σ of `diffuse`, where x are the data and
    ε the noise.

    Args:
        data: Floats of shape (..., D).
        noise: Floats of the shape and dtype of `data`: drawn from the standard normal.
        log_snr: Floats of shape (...): inf gives the noise, -inf the data with the other sign.

    Returns:
        Array of the shape and dtype of `data`.

    Raises:
        TypeError: An argument is no array of floats, or the three differ in dtype or library.
        ValueError: The shapes do not fit.

    Convention:
        The derivative of `diffuse` by the angle whose tangent is σ/α. With z from `diffuse`, the
        data are α z - σ v and the noise is σ z + α v.

    Example:
        >>> import numpy as np
        >>> data, noise = np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]])
        >>> v_target(data, noise, np.log([9.0])).round(4).tolist()
        [[-0.3162, 0.9487]]
    """
    _check_diffusion(data=data, noise=noise, log_snr=log_snr)
    signal, spread = _signal_and_spread(log_snr)
    return signal * noise - spread * data


def v_prediction(predictions: Array, data: Array, noise: Array, log_snr: Array) -> Array:
    r"""Return the squared error of each example's predicted velocity.

    Formula: $\sum_d (\hat{v}_d - v_d)^2$ with $v = \alpha \epsilon - \sigma x$, where $\hat{v}$
    are the predictions; see `v_target`.

    Args:
        predictions: Floats of shape (..., D): the model's velocity at a noised example.
        data: Floats of the shape and dtype of `predictions`: the example, x.
        noise: Floats of the shape and dtype of `predictions`: the noise that was drawn, ε.
        log_snr: Floats of shape (...): the log signal-to-noise ratio, λ.

    Returns:
        Array of shape (...) and the dtype of `predictions`; at least 0.

    Gradient:
        $2(\hat{v} - v)$; see `v_prediction_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the four differ in dtype or library.
        ValueError: The shapes do not fit.

    Numerics:
        α and σ come from log-sigmoids: no difference 1 - α² cancels, no σ² underflows, and both
        ends of the noise schedule are allowed. There, a predicted noise or datum would say nothing.

    Convention:
        1 + SNR times the squared error of the data that the velocity implies, and 1 + 1/SNR times
        that of the noise. Summed, without ½.

    Example:
        >>> import numpy as np
        >>> data, noise = np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]])
        >>> v_prediction(np.zeros((1, 2)), data, noise, np.log([9.0])).round(4).tolist()
        [1.0]

    Reference:
        Salimans and Ho (2022), Progressive Distillation for Fast Sampling of Diffusion Models,
        section 4.
    """
    _check_diffusion(predictions=predictions, data=data, noise=noise, log_snr=log_snr)
    return _squared_distance(predictions, v_target(data, noise, log_snr))


def v_prediction_grad(predictions: Array, data: Array, noise: Array, log_snr: Array) -> Array:
    r"""Return the derivative of the summed `v_prediction` by the predictions.

    Formula: $2(\hat{v} - v)$, where $\hat{v}$ are the predictions and v is `v_target`.

    Args:
        predictions: Floats of shape (..., D).
        data: Floats of the shape and dtype of `predictions`.
        noise: Floats of the shape and dtype of `predictions`.
        log_snr: Floats of shape (...).

    Returns:
        Array of the shape and dtype of `predictions`; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the four differ in dtype or library.
        ValueError: The shapes do not fit.

    Example:
        >>> import numpy as np
        >>> data, noise = np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]])
        >>> v_prediction_grad(np.zeros((1, 2)), data, noise, np.log([9.0])).round(4).tolist()
        [[0.6325, -1.8974]]
    """
    _check_diffusion(predictions=predictions, data=data, noise=noise, log_snr=log_snr)
    return squared_error_grad(predictions, v_target(data, noise, log_snr))


def min_snr_noise_weights(log_snr: Array, *, gamma: float = 5.0) -> Array:
    r"""Return the min-SNR weights of `noise_prediction`.

    Formula: $\min(\mathrm{SNR}, \gamma)/\mathrm{SNR}$, where $\mathrm{SNR} = e^\lambda$ and λ is
    `log_snr`.

    Args:
        log_snr: Floats of any shape.
        gamma: The signal-to-noise ratio above which an example counts less; positive.

    Returns:
        Array of the shape and dtype of `log_snr`; in [0, 1].

    Raises:
        TypeError: `log_snr` is no array of floats, or `gamma` is no number.
        ValueError: `gamma` is not positive.

    Convention:
        The weights min(SNR, γ) of the squared error of the data (Hang et al., 2023), carried over
        to the noise's, which is SNR times as large. They multiply the losses before a plain mean;
        a weighted mean would divide by their sum.

    Example:
        >>> import numpy as np
        >>> min_snr_noise_weights(np.log([0.1, 5.0, 50.0])).round(4).tolist()
        [1.0, 1.0, 0.1]
    """
    xp = float_namespace(log_snr=log_snr)
    gamma = check_in(POSITIVE, gamma=gamma)
    return xp.exp(xp.clip(math.log(gamma) - log_snr, max=0))


def min_snr_v_weights(log_snr: Array, *, gamma: float = 5.0) -> Array:
    r"""Return the min-SNR weights of `v_prediction`.

    Formula: $\min(\mathrm{SNR}, \gamma)/(\mathrm{SNR} + 1)$, where $\mathrm{SNR} = e^\lambda$ and
    λ is `log_snr`.

    Args:
        log_snr: Floats of any shape.
        gamma: The signal-to-noise ratio above which an example counts less; positive.

    Returns:
        Array of the shape and dtype of `log_snr`; at least 0, below 1, and 0 at both ends.

    Raises:
        TypeError: `log_snr` is no array of floats, or `gamma` is no number.
        ValueError: `gamma` is not positive.

    Convention:
        The weights min(SNR, γ) of the squared error of the data (Hang et al., 2023), carried over
        to the velocity's, which is SNR + 1 times as large. They multiply the losses before a
        plain mean; a weighted mean would divide by their sum.

    Example:
        >>> import numpy as np
        >>> min_snr_v_weights(np.log([0.25, 4.0, 49.0])).round(4).tolist()
        [0.2, 0.8, 0.1]
    """
    float_namespace(log_snr=log_snr)
    return min_snr_noise_weights(log_snr, gamma=gamma) * stable.sigmoid(log_snr)


def interpolate(start: Array, end: Array, times: Array) -> Array:
    r"""Return the points between pairs of examples.

    Formula: $(1 - t)\,x_0 + t\,x_1$, where $x_0$ is `start`, $x_1$ is `end` and t are the times.

    Args:
        start: Floats of shape (..., D): what there is at time 0, such as noise.
        end: Floats of the shape and dtype of `start`: what there is at time 1, such as data.
        times: Floats of shape (...), from 0 to 1.

    Returns:
        Array of the shape and dtype of `start`.

    Raises:
        TypeError: An argument is no array of floats, or the three differ in dtype or library.
        ValueError: The shapes do not fit, or a time lies outside [0, 1].

    Convention:
        Noise at time 0 and data at time 1, as Lipman et al. (2023) and Liu, Gong and Liu (2023)
        have it; diffusion models run the other way.

    Example:
        >>> import numpy as np
        >>> start, end = np.asarray([[0.0, 4.0]]), np.asarray([[1.0, 2.0]])
        >>> interpolate(start, end, np.asarray([0.25])).tolist()
        [[0.25, 3.5]]
    """
    _check_axes("... D, ... D, ...", start=start, end=end, times=times)
    check_values(UNIT_CLOSED, times=times)
    return (1 - times)[..., None] * start + times[..., None] * end


def flow_matching(predictions: Array, start: Array, end: Array) -> Array:
    r"""Return the squared error of each predicted velocity along a straight path.

    Formula: $\sum_d (\hat{v}_d - (x_{1,d} - x_{0,d}))^2$, where $\hat{v}$ are the predictions,
    $x_0$ is `start` and $x_1$ is `end`.

    Args:
        predictions: Floats of shape (..., D): the model's velocity at a point of `interpolate`.
        start: Floats of the shape and dtype of `predictions`: noise, or an example of the one
            distribution.
        end: Floats of the shape and dtype of `predictions`: data, or an example of the other.

    Returns:
        Array of shape (...) and the dtype of `predictions`, in the data's unit squared; at least
        0. Its mean does not go down to 0: paths that cross have several velocities at one point,
        of which the best prediction is the mean.

    Gradient:
        $2(\hat{v} - (x_1 - x_0))$; see `flow_matching_grad`.

    Raises:
        TypeError: An argument is no array of floats, or the three differ in dtype or library.
        ValueError: The shapes differ, or there is no axis of features.

    Numerics:
        As `squared_error`: overflows from residuals of 255 in float16.

    Convention:
        The straight path without noise at its end: σ_min = 0 in the optimal-transport path of
        Lipman et al., which is the rectified flow. Summed, without ½.

    Example:
        >>> import numpy as np
        >>> start, end = np.asarray([[0.0, 4.0]]), np.asarray([[1.0, 2.0]])
        >>> flow_matching(np.asarray([[1.0, 0.0]]), start, end).tolist()
        [4.0]

    Reference:
        Lipman et al. (2023), Flow Matching for Generative Modeling; Liu, Gong and Liu (2023),
        Flow Straight and Fast.
    """
    _check_axes("... D, ... D, ... D", predictions=predictions, start=start, end=end)
    return _squared_distance(predictions, end - start)


def flow_matching_grad(predictions: Array, start: Array, end: Array) -> Array:
    r"""Return the derivative of the summed `flow_matching` by the predictions.

    Formula: $2(\hat{v} - (x_1 - x_0))$, where $\hat{v}$ are the predictions, $x_0$ is `start` and
    $x_1$ is `end`.

    Args:
        predictions: Floats of shape (..., D).
        start: Floats of the shape and dtype of `predictions`.
        end: Floats of the shape and dtype of `predictions`.

    Returns:
        Array of the shape and dtype of `predictions`, in the data's unit; unbounded.

    Raises:
        TypeError: An argument is no array of floats, or the three differ in dtype or library.
        ValueError: The shapes differ, or there is no axis of features.

    Example:
        >>> import numpy as np
        >>> start, end = np.asarray([[0.0, 4.0]]), np.asarray([[1.0, 2.0]])
        >>> flow_matching_grad(np.asarray([[1.0, 0.0]]), start, end).tolist()
        [[0.0, 4.0]]
    """
    _check_axes("... D, ... D, ... D", predictions=predictions, start=start, end=end)
    return squared_error_grad(predictions, end - start)


def gradient_penalty(
    critic: Callable[[Array], Array], real: Array, fake: Array, mixing: Array
) -> Array:
    r"""Return how far the critic's slope is from 1 at a point between each real and each fake.

    Formula: $(\lVert \nabla D(\hat{x}) \rVert_2 - 1)^2$ at
    $\hat{x} = \epsilon\,x + (1 - \epsilon)\,\tilde{x}$, where D is the critic, x the real example,
    $\tilde{x}$ the fake one and ε the mixing.

    Args:
        critic: From a batch of the shape of `real` to one score per example, each from its own
            example alone: no batch normalisation.
        real: Tensor of floats of shape (N, ...).
        fake: Tensor of the shape and dtype of `real`.
        mixing: Tensor of shape (N,) and the dtype of `real`, from 0 to 1: drawn uniformly.

    Returns:
        Tensor of shape (N,), at least 0. It can be differentiated by the critic's parameters;
        real and fake are held constant.

    Raises:
        TypeError: `critic` is no function, another argument is no tensor of floats, or the three
            differ in dtype.
        ValueError: The shapes do not fit, a mixing lies outside [0, 1], or the critic does not
            return one score per example that autograd takes back to its inputs.

    Convention:
        Per example and without the weight, 10 in Gulrajani et al. (2017), by which its mean is
        added to the mean of `wasserstein_critic`. torch alone: the slope is its autograd's. Where
        the slope is 0, so is the derivative of its length.

    Example:
        >>> import torch
        >>> real, fake, mixing = torch.ones(1, 2), torch.zeros(1, 2), torch.ones(1)
        >>> gradient_penalty(lambda x: 3 * x[:, 0] - 4 * x[:, 1], real, fake, mixing).tolist()
        [16.0]
    """
    _check_tensors(real=real, fake=fake, mixing=mixing)
    float_namespace(real=real, fake=fake)
    if mixing.shape != real.shape[:1]:
        raise ValueError(
            f"mixing: expected shape {tuple(real.shape[:1])}, one for each example, "
            f"got {tuple(mixing.shape)}"
        )
    check_values(UNIT_CLOSED, mixing=mixing)
    between = interpolate(fake.flatten(1), real.flatten(1), mixing).reshape(real.shape)
    return (stable.sqrt(_squared_slopes(critic, between)) - 1) ** 2


def r1_penalty(critic: Callable[[Array], Array], real: Array) -> Array:
    r"""Return half the squared slope of the critic at each real example.

    Formula: $\frac{1}{2} \lVert \nabla D(x) \rVert_2^2$, where D is the critic and x the real
    example.

    Args:
        critic: From a batch of the shape of `real` to one score per example, each from its own
            example alone: no batch normalisation.
        real: Tensor of floats of shape (N, ...).

    Returns:
        Tensor of shape (N,), at least 0. It can be differentiated by the critic's parameters;
        real is held constant.

    Raises:
        TypeError: `critic` is no function, or `real` is no tensor of floats.
        ValueError: `real` has no axis of features, or the critic does not return one score per
            example that autograd takes back to its inputs.

    Convention:
        With the factor ½ of Mescheder, Geiger and Nowozin (2018), without their weight γ. It asks
        for a flat critic at the data, where `gradient_penalty` asks for a slope of 1.

    Example:
        >>> import torch
        >>> r1_penalty(lambda x: 3 * x[:, 0] - 4 * x[:, 1], torch.ones(1, 2)).tolist()
        [12.5]
    """
    _check_tensors(real=real)
    return _squared_slopes(critic, real) / 2


def _check_axes(axes: str, **named: Array) -> Any:
    """Return the namespace of floats whose named axes fit; see `check_axes`."""
    xp = real_namespace(**named)
    check_axes(axes, **named)
    return xp


def _check_bernoulli(logits: Array, targets: Array) -> Any:
    xp = _check_axes("... D, ... D", logits=logits, targets=targets)
    check_values(UNIT_CLOSED, targets=targets)
    return xp


def _check_elbo(reconstruction_losses: Array, means: Array, log_variances: Array) -> Any:
    return _check_axes(
        "..., ... D, ... D",
        reconstruction_losses=reconstruction_losses,
        means=means,
        log_variances=log_variances,
    )


def _constant(like: Array, value: float) -> Array:
    """Return a derivative that does not depend on the argument; NaN in is still NaN out."""
    xp = real_namespace(like=like)
    return xp.where(xp.isnan(like), like, xp.full_like(like, value))


def _counted(beta: float, means: Array, log_variances: Array) -> tuple[Array, Array]:
    """Return both, or zeros where the dtype rounds beta to 0: it would be 0 · inf and its slope."""
    xp = real_namespace(means=means)
    limits = xp.finfo(means.dtype)
    if beta > float(limits.smallest_normal) * float(limits.eps) / 2:
        return means, log_variances
    return 0 * xp.clip(means, min=-1, max=1), 0 * xp.clip(log_variances, min=-1, max=1)


def _check_maps(**named: Array) -> Any:
    """Return the namespace of feature maps (..., C, P), none of whose last axes is empty."""
    xp = _check_axes(", ".join(["... C P"] * len(named)), **named)
    for name, array in named.items():
        if 0 in array.shape[-2:]:
            raise ValueError(
                f"{name}: expected at least one channel and one position, got {tuple(array.shape)}"
            )
    return xp


def _over_root_size(features: Array) -> Array:
    """Return the features over the root of channels times positions, which float16 holds."""
    return features / math.sqrt(features.shape[-2] * features.shape[-1])


def _squared_distance(predictions: Array, targets: Array) -> Array:
    """Return the squared errors, summed over the features."""
    xp = real_namespace(predictions=predictions)
    return xp.sum(squared_error(predictions, targets), axis=-1)


def _check_diffusion(**named: Array) -> Any:
    """Return the namespace of rows (..., D), and of the log signal-to-noise ratio (...)."""
    return _check_axes("... D, " * (len(named) - 1) + "...", **named)


def _signal_and_spread(log_snr: Array) -> tuple[Array, Array]:
    """Return α and σ, with an axis for the features."""
    xp = real_namespace(log_snr=log_snr)
    signal, spread = (xp.exp(stable.log_sigmoid(x) / 2) for x in (log_snr, -log_snr))
    return signal[..., None], spread[..., None]


def _check_tensors(real: Array, **named: Array) -> None:
    """Check that all are tensors of floats of one dtype, and that the real ones have features."""
    for name, tensor in {"real": real, **named}.items():
        if not is_torch_array(tensor):
            raise TypeError(f"{name}: expected a torch tensor, got {type(tensor).__name__}")
    real_namespace(real=real, **named)
    if real.ndim < 2:
        raise ValueError(f"real: expected shape (N, ...), got {tuple(real.shape)}")


def _squared_slopes(critic: Callable[[Array], Array], inputs: Array) -> Array:
    """Return the squared length of the critic's gradient by each of its inputs."""
    import torch  # here, since the other losses need no torch

    if not callable(critic):
        raise TypeError(f"critic: expected a function, got {type(critic).__name__}")
    inputs = inputs.detach().requires_grad_()
    with torch.enable_grad():  # a slope is wanted also where a caller evaluates without gradients
        scores = critic(inputs)
        total = scores.sum()
    if tuple(scores.shape) not in ((len(inputs),), (len(inputs), 1)):
        raise ValueError(
            f"critic: expected one score for each of {len(inputs)} examples, "
            f"got shape {tuple(scores.shape)}"
        )
    slopes = None
    if total.requires_grad:
        (slopes,) = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    if slopes is None:
        raise ValueError("critic: expected scores that autograd takes back to its inputs, got none")
    return slopes.flatten(1).square().sum(dim=1)
