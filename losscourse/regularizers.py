"""Regularisers: penalties on the parameters, layers with noise, mixed examples, an early stop.

A penalty is one number per array of parameters; the objective adds it times a strength. Each is
followed by its gradient, for which the kink at 0 has slope 0. A layer's gradient takes the gradient
by the layer's outputs and returns that by its inputs. What is random is an argument: the caller
draws. Penalties on a critic's gradients are in `losses.generative`, smoothed labels in
`losses.classification`.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    UNIT_CLOSED,
    Array,
    Interval,
    check_axes,
    check_in,
    check_labels,
    check_values,
    clamp,
    float_namespace,
    real_namespace,
)

__all__ = [
    "Progress",
    "Statistics",
    "Tracker",
    "batch_norm",
    "batch_norm_grad",
    "cutmix",
    "dropout",
    "dropout_grad",
    "early_stopping",
    "elastic_net",
    "elastic_net_grad",
    "group_lasso",
    "group_lasso_grad",
    "l1",
    "l1_grad",
    "l2",
    "l2_grad",
    "mix",
    "mixup",
    "running_statistics",
    "soft_threshold",
]

_FROM_ONE = Interval(1, math.inf, low_closed=True)
_RATE = Interval(0, 1, low_closed=True)


def l1(params: Array) -> Array:
    r"""Return the L1 penalty, which makes parameters exactly 0.

    Formula: $\sum |\theta|$.

    Args:
        params: Floats of any shape.

    Returns:
        Array of shape () and the dtype of `params`, in their unit.

    Raises:
        TypeError: `params` is no array of floats.

    Convention:
        With the strength $\lambda$, scikit-learn's `Lasso(alpha=λ)` has it beside half the mean
        squared error. In torch: `params.abs().sum()`.

    Example:
        >>> import numpy as np
        >>> float(l1(np.asarray([3.0, -4.0])))
        7.0

    Reference:
        Tibshirani (1996), Regression Shrinkage and Selection via the Lasso.
    """
    xp = float_namespace(params=params)
    return xp.sum(xp.abs(params))


def l1_grad(params: Array) -> Array:
    r"""Return the gradient of `l1`.

    Formula: $\operatorname{sign}\theta$, 0 at 0.

    Args:
        params: Floats of any shape.

    Returns:
        Array of the shape and dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats.

    Convention:
        As `l1`. Descent along it jumps across 0 and stops at none: see `soft_threshold`.

    Example:
        >>> import numpy as np
        >>> l1_grad(np.asarray([3.0, -4.0, 0.0])).tolist()
        [1.0, -1.0, 0.0]
    """
    return float_namespace(params=params).sign(params)


def l2(params: Array) -> Array:
    r"""Return the L2 penalty, half the sum of squares.

    Formula: $\tfrac12 \sum \theta^2$.

    Args:
        params: Floats of any shape.

    Returns:
        Array of shape () and the dtype of `params`, in their unit squared.

    Raises:
        TypeError: `params` is no array of floats.

    Convention:
        With the half, the strength $\lambda$ is the `weight_decay` of `torch.optim.SGD` and
        `torch.optim.Adam`. Without it, as in scikit-learn's `Ridge(alpha=λ)`, which has it beside
        the sum of squared errors, the strength is half as large.

    Example:
        >>> import numpy as np
        >>> float(l2(np.asarray([3.0, -4.0])))
        12.5

    Reference:
        Hoerl and Kennard (1970), Ridge Regression: Biased Estimation for Nonorthogonal Problems.
        In networks: Krogh and Hertz (1991), A Simple Weight Decay Can Improve Generalization.
    """
    return float_namespace(params=params).sum(params**2) / 2


def l2_grad(params: Array) -> Array:
    r"""Return the gradient of `l2`: the parameters.

    Formula: $\theta$.

    Args:
        params: Floats of any shape.

    Returns:
        Array of the shape and dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats.

    Convention:
        As `l2`. Under gradient descent it is weight decay; under Adam it is not: see `adamw`.

    Example:
        >>> import numpy as np
        >>> l2_grad(np.asarray([3.0, -4.0])).tolist()
        [3.0, -4.0]
    """
    float_namespace(params=params)
    return 1.0 * params


def elastic_net(params: Array, *, l1_ratio: float = 0.5) -> Array:
    r"""Return the elastic net: a mean of the L1 and the L2 penalty.

    Formula: $\rho \sum |\theta| + (1 - \rho)\,\tfrac12 \sum \theta^2$ with $\rho$ the `l1_ratio`.

    Args:
        params: Floats of any shape.
        l1_ratio: The weight of `l1`; from 0 to 1.

    Returns:
        Array of shape () and the dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats, or `l1_ratio` no number.
        ValueError: `l1_ratio` is out of its domain.

    Convention:
        scikit-learn's `ElasticNet(alpha=λ, l1_ratio=l1_ratio)` has it times $\lambda$ beside half
        the mean squared error.

    Example:
        >>> import numpy as np
        >>> float(elastic_net(np.asarray([3.0, -4.0]), l1_ratio=0.2))
        11.4

    Reference:
        Zou and Hastie (2005), Regularization and Variable Selection via the Elastic Net.
    """
    l1_ratio = check_in(UNIT_CLOSED, l1_ratio=l1_ratio)
    return l1_ratio * l1(params) + (1 - l1_ratio) * l2(params)


def elastic_net_grad(params: Array, *, l1_ratio: float = 0.5) -> Array:
    r"""Return the gradient of `elastic_net`.

    Formula: $\rho \operatorname{sign}\theta + (1 - \rho)\,\theta$.

    Args:
        params: Floats of any shape.
        l1_ratio: The weight of `l1`; from 0 to 1.

    Returns:
        Array of the shape and dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats, or `l1_ratio` no number.
        ValueError: `l1_ratio` is out of its domain.

    Convention:
        As `elastic_net`.

    Example:
        >>> import numpy as np
        >>> elastic_net_grad(np.asarray([3.0, -4.0]), l1_ratio=0.5).tolist()
        [2.0, -2.5]
    """
    l1_ratio = check_in(UNIT_CLOSED, l1_ratio=l1_ratio)
    return l1_ratio * l1_grad(params) + (1 - l1_ratio) * l2_grad(params)


def group_lasso(params: Array) -> Array:
    r"""Return the sum of the groups' lengths, which makes whole groups exactly 0.

    Formula: $\sum_g \|\theta_g\|$, one group per row.

    Args:
        params: Floats of shape (G, P): groups of one size, such as the weights that leave a unit.

    Returns:
        Array of shape () and the dtype of `params`, in their unit.

    Raises:
        TypeError: `params` is no array of floats.
        ValueError: `params` has not two axes.

    Convention:
        The paper weighs a group by the root of its size, which is the same for all rows here.

    Example:
        >>> import numpy as np
        >>> float(group_lasso(np.asarray([[3.0, -4.0], [0.0, 2.0]])))
        7.0

    Reference:
        Yuan and Lin (2006), Model Selection and Estimation in Regression with Grouped Variables.
    """
    xp = float_namespace(params=params)
    check_axes("G P", params=params)
    return xp.sum(stable.sqrt(xp.sum(params**2, axis=1)))


def group_lasso_grad(params: Array) -> Array:
    r"""Return the gradient of `group_lasso`.

    Formula: $\theta_g/\|\theta_g\|$ in row g, 0 where the row is 0.

    Args:
        params: Floats of shape (G, P).

    Returns:
        Array of the shape and dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats.
        ValueError: `params` has not two axes.

    Convention:
        As `group_lasso`.

    Example:
        >>> import numpy as np
        >>> group_lasso_grad(np.asarray([[3.0, -4.0], [0.0, 0.0]])).tolist()
        [[0.6, -0.8], [0.0, 0.0]]
    """
    xp = float_namespace(params=params)
    check_axes("G P", params=params)
    norms = stable.sqrt(xp.sum(params**2, axis=1, keepdims=True))
    return params / xp.where(norms == 0, xp.ones_like(norms), norms)


def soft_threshold(params: Array, *, threshold: float) -> Array:
    r"""Return parameters brought towards 0 by a constant: the proximal operator of L1.

    Formula: $\operatorname{sign}(\theta) \max(|\theta| - t, 0)$ with t the `threshold`. It is where
    $\tfrac12 (x - \theta)^2 + t|x|$ is least.

    Args:
        params: Floats of any shape.
        threshold: How far, in the parameters' unit; at least 0.

    Returns:
        Array of the shape and dtype of `params`.

    Raises:
        TypeError: `params` is no array of floats, or `threshold` no number.
        ValueError: `threshold` is negative.

    Convention:
        `torch.nn.functional.softshrink(params, threshold)`. After a step of gradient descent on the
        loss alone, the threshold is the learning rate times the strength of `l1`. The proximal
        operator of `l2` is $\theta/(1 + t)$.

    Example:
        >>> import numpy as np
        >>> soft_threshold(np.asarray([3.0, -0.5, -4.0]), threshold=1.0).tolist()
        [2.0, 0.0, -3.0]
    """
    float_namespace(params=params)
    threshold = check_in(NON_NEGATIVE, threshold=threshold)
    return clamp(params - threshold, min=0) + clamp(params + threshold, max=0)


def dropout(inputs: Array, uniforms: Array, *, rate: float = 0.5) -> Array:
    r"""Return the inputs with some at 0 and the others larger, so that the mean stays.

    Formula: $x/(1 - r)$ where $u \ge r$, otherwise 0, with u the `uniforms` and r the `rate`.

    Args:
        inputs: Floats of any shape.
        uniforms: Random numbers between 0 and 1, of the shape and dtype of `inputs`.
        rate: The probability of 0; at least 0, below 1.

    Returns:
        Array of the shape and dtype of `inputs`. Its expectation is `inputs`, so that evaluation
        needs no layer at all.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ, a random number is outside [0, 1], or `rate` is out of its
            domain.

    Numerics:
        An input of inf or NaN that is dropped is 0: it is not multiplied.

    Convention:
        `torch.nn.functional.dropout(inputs, p=rate)`, inverted dropout. The paper's rate is that of
        the kept ones, and it shrinks the weights at evaluation in place of the scaling here.

    Example:
        >>> import numpy as np
        >>> dropout(np.asarray([1.0, 2.0]), np.asarray([0.1, 0.7]), rate=0.5).tolist()
        [0.0, 4.0]

    Reference:
        Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from
        Overfitting.
    """
    xp = float_namespace(inputs=inputs, uniforms=uniforms)
    check_values(UNIT_CLOSED, uniforms=uniforms)
    rate = check_in(_RATE, rate=rate)
    return xp.where(uniforms >= rate, inputs / (1 - rate), xp.zeros_like(inputs))


def dropout_grad(upstream: Array, uniforms: Array, *, rate: float = 0.5) -> Array:
    r"""Return the gradient by the inputs of `dropout`, from that by its outputs.

    Formula: $g/(1 - r)$ where $u \ge r$, otherwise 0, with g the `upstream`.

    Args:
        upstream: Floats of any shape: the gradient of the objective by the outputs.
        uniforms: The random numbers that the layer had.
        rate: The rate that the layer had.

    Returns:
        Array of the shape and dtype of `upstream`.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes differ, a random number is outside [0, 1], or `rate` is out of its
            domain.

    Convention:
        The layer is linear in its inputs: its gradient is dropout of the upstream one, with the
        same random numbers.

    Example:
        >>> import numpy as np
        >>> dropout_grad(np.asarray([1.0, 1.0]), np.asarray([0.1, 0.7]), rate=0.5).tolist()
        [0.0, 2.0]
    """
    float_namespace(upstream=upstream, uniforms=uniforms)
    return dropout(upstream, uniforms, rate=rate)


class Statistics(NamedTuple):
    """What batch normalisation remembers of the inputs.

    Args:
        mean: Floats of shape (F,), one per feature.
        variance: Floats of shape (F,).
    """

    mean: Array
    variance: Array


class Tracker(NamedTuple):
    """The two functions of what is kept track of over a training.

    Args:
        init: Returns the state before the first update.
        update: `update(value, state) -> state`.
    """

    init: Callable[..., Any]
    update: Callable[[Any, Any], Any]


def batch_norm(
    inputs: Array,
    scale: Array,
    shift: Array,
    *,
    statistics: Statistics | None = None,
    epsilon: float = 1e-5,
) -> Array:
    r"""Return the inputs with each feature brought to a learned mean and spread.

    Formula: $\gamma\,(x - m)/\sqrt{v + \epsilon} + \beta$ with $\gamma$ the `scale`, $\beta$ the
    `shift`, and m and v the feature's mean and variance in the batch, or in `statistics`.

    Args:
        inputs: Floats of shape (N, F, ...): N examples, F features or channels, and places within
            an image, over which the mean is taken as well.
        scale: Floats of shape (F,).
        shift: Floats of shape (F,).
        statistics: None in training, for those of the batch; in evaluation those of
            `running_statistics`.
        epsilon: Keeps the quotient finite; positive, in the inputs' unit squared.

    Returns:
        Array of the shape and dtype of `inputs`.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, a batch has fewer than two values per feature, or
            `epsilon` is not positive.

    Numerics:
        The variance is the mean of $(x - m)^2$. As the mean of squares less the square of the mean
        it would cancel where the mean is large, even to below 0. In float16 an epsilon below 3e-8
        is 0.

    Convention:
        `torch.nn.functional.batch_norm(inputs, None, None, scale, shift, training=True)`, and with
        `running_mean` and `running_var` and `training=False` in evaluation. The batch's variance is
        divided by the number of values, not by one less.

    Example:
        >>> import numpy as np
        >>> inputs = np.asarray([[1.0, 10.0], [3.0, 30.0]])
        >>> batch_norm(inputs, np.ones(2), np.zeros(2)).round(4).tolist()
        [[-1.0, -1.0], [1.0, 1.0]]

    Reference:
        Ioffe and Szegedy (2015), Batch Normalization: Accelerating Deep Network Training by
        Reducing Internal Covariate Shift, algorithm 1.
    """
    _check_features(inputs, scale=scale, shift=shift)
    if statistics is None:
        normal, _ = _normalised(inputs, *_moments(inputs), epsilon)
    else:
        mean, variance = statistics
        _check_features(inputs, mean=mean, variance=variance)
        normal, _ = _normalised(inputs, _spread(mean, inputs), _spread(variance, inputs), epsilon)
    return _spread(scale, inputs) * normal + _spread(shift, inputs)


def batch_norm_grad(
    upstream: Array, inputs: Array, scale: Array, *, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    r"""Return the gradients by inputs, scale and shift of `batch_norm` in training.

    Formula: $\tfrac{\gamma}{\sqrt{v + \epsilon}}\,(g - \bar g - \hat x\,\overline{g \hat x})$,
    $\sum g \hat x$ and $\sum g$, with g the `upstream`, $\hat x = (x - m)/\sqrt{v + \epsilon}$ and
    a bar for the feature's mean over the batch.

    Args:
        upstream: Floats of shape (N, F, ...): the gradient of the objective by the outputs.
        inputs: Floats of the shape of `upstream`: what the layer had.
        scale: Floats of shape (F,).
        epsilon: That of the layer.

    Returns:
        Arrays of the shapes of `inputs`, `scale` and `scale`. The first has the sum 0 for each
        feature: what is added to all inputs changes nothing.

    Raises:
        TypeError: An argument is no array of floats, or they differ in dtype or library.
        ValueError: The shapes do not fit, a batch has fewer than two values per feature, or
            `epsilon` is not positive.

    Convention:
        As `batch_norm` in training, through the mean and the variance. In evaluation these are
        constants, and the gradient by the inputs is $\gamma g/\sqrt{v + \epsilon}$.

    Example:
        >>> import numpy as np
        >>> inputs, upstream = np.asarray([[1.0], [2.0], [6.0]]), np.asarray([[1.0], [0.0], [0.0]])
        >>> by_inputs, by_scale, by_shift = batch_norm_grad(upstream, inputs, np.ones(1))
        >>> by_inputs[:, 0].round(3).tolist(), by_scale.round(3).tolist(), by_shift.tolist()
        ([0.176, -0.22, 0.044], [-0.926], [1.0])
    """
    xp = float_namespace(upstream=upstream, inputs=inputs)
    axes = _check_features(inputs, scale=scale)
    normal, deviation = _normalised(inputs, *_moments(inputs), epsilon)
    along = xp.mean(upstream * normal, axis=axes, keepdims=True)
    centred = upstream - xp.mean(upstream, axis=axes, keepdims=True) - normal * along
    by_scale, by_shift = xp.sum(upstream * normal, axis=axes), xp.sum(upstream, axis=axes)
    return _spread(scale, inputs) / deviation * centred, by_scale, by_shift


def running_statistics(*, momentum: float = 0.1) -> Tracker:
    r"""Return the tracker of the means and variances that batch normalisation evaluates with.

    Formula: $m \leftarrow (1 - \mu)\,m + \mu\,\bar x$ and
    $v \leftarrow (1 - \mu)\,v + \mu\,\tfrac{n}{n - 1} \overline{(x - \bar x)^2}$ over the n values
    of a feature, with $\mu$ the `momentum`.

    Args:
        momentum: The weight of the new batch; from 0 to 1.

    Returns:
        A `Tracker` with `init(inputs) -> state` and `update(inputs, state) -> state`, the state
        being `Statistics`: mean 0 and variance 1 at first. Evaluation uses them and updates
        nothing.

    Raises:
        TypeError: `momentum` is no number; from `update`, the arrays differ in dtype or library.
        ValueError: `momentum` is out of its domain; from `update`, the shapes do not fit, or a
            batch has fewer than two values per feature.

    Convention:
        `torch.nn.functional.batch_norm(..., momentum=momentum)`: the batch normalises by the
        variance over n and remembers that over n - 1. Elsewhere momentum is the weight of the old.

    Example:
        >>> import numpy as np
        >>> init, update = running_statistics(momentum=0.5)
        >>> inputs = np.asarray([[1.0], [3.0]])
        >>> statistics = update(inputs, init(inputs))
        >>> statistics.mean.tolist(), statistics.variance.tolist()
        ([1.0], [1.5])
    """
    momentum = check_in(UNIT_CLOSED, momentum=momentum)

    def init(inputs: Array) -> Statistics:
        _check_features(inputs)
        xp = float_namespace(inputs=inputs)
        zeros = xp.sum(xp.zeros_like(inputs), axis=_axes(inputs))
        return Statistics(zeros, zeros + 1.0)

    def update(inputs: Array, state: Statistics) -> Statistics:
        xp = real_namespace(inputs=inputs)
        axes = _check_features(inputs, mean=state.mean, variance=state.variance)
        mean, variance = (xp.squeeze(moment, axis=axes) for moment in _moments(inputs))
        count = _count(inputs)
        variance = variance * (count / (count - 1))
        return Statistics(
            (1 - momentum) * state.mean + momentum * mean,
            (1 - momentum) * state.variance + momentum * variance,
        )

    return Tracker(init, update)


def mix(array: Array, partners: Array, *, share: float) -> Array:
    r"""Return each example mixed with a partner.

    Formula: $\lambda x_i + (1 - \lambda)\,x_{j(i)}$ with $\lambda$ the `share`.

    Args:
        array: Floats of shape (N, ...), one example per row: inputs, or targets such as one-hot
            rows.
        partners: Integers of shape (N,): j, such as a random permutation of the rows.
        share: How much of an example is its own; from 0 to 1.

    Returns:
        Array of the shape and dtype of `array`.

    Raises:
        TypeError: `array` is none of floats, or `partners` none of integers.
        ValueError: `partners` has another length, names no row, or `share` is out of its domain.

    Convention:
        Labels that are integers cannot be mixed. Mix the two losses instead, which is the same for
        a cross-entropy: it is linear in its targets.

    Example:
        >>> import numpy as np
        >>> mix(np.asarray([[1.0, 0.0], [0.0, 1.0]]), np.asarray([1, 0]), share=0.75).tolist()
        [[0.75, 0.25], [0.25, 0.75]]

    Reference:
        Zhang et al. (2018), mixup: Beyond Empirical Risk Minimization.
    """
    theirs, share = _of(partners, array=array), check_in(UNIT_CLOSED, share=share)
    return share * array + (1 - share) * theirs


def mixup(inputs: Array, targets: Array, partners: Array, *, share: float) -> tuple[Array, Array]:
    r"""Return examples mixed with partners, inputs and targets alike.

    Formula: `mix` of both with one $\lambda$, the `share`.

    Args:
        inputs: Floats of shape (N, ...).
        targets: Floats of shape (N, ...), such as one-hot rows.
        partners: Integers of shape (N,), such as a random permutation of the rows.
        share: How much of an example is its own; from 0 to 1. The paper draws one for each batch,
            from a beta distribution with both parameters equal, say 0.2.

    Returns:
        The mixed inputs and targets.

    Raises:
        TypeError: `inputs` or `targets` is none of floats, or `partners` none of integers.
        ValueError: The lengths differ, a partner is no row, or `share` is out of its domain.

    Convention:
        `torchvision.transforms.v2.MixUp`, whose partner is the example before.

    Example:
        >>> import numpy as np
        >>> inputs, targets = np.asarray([[10.0], [20.0]]), np.eye(2)
        >>> inputs, targets = mixup(inputs, targets, np.asarray([1, 0]), share=0.9)
        >>> inputs.tolist(), targets.round(4).tolist()
        ([[11.0], [19.0]], [[0.9, 0.1], [0.1, 0.9]])

    Reference:
        Zhang et al. (2018), mixup: Beyond Empirical Risk Minimization.
    """
    return mix(inputs, partners, share=share), mix(targets, partners, share=share)


def cutmix(
    inputs: Array, targets: Array, partners: Array, *, box: tuple[int, int, int, int]
) -> tuple[Array, Array]:
    r"""Return images with a rectangle of a partner's, and targets mixed by the areas.

    Formula: pixels in the `box` are the partner's, the others the image's own; the targets are
    `mix` with the `share` $1 - (x_2 - x_1)(y_2 - y_1)/(WH)$.

    Args:
        inputs: Floats of shape (N, C, H, W).
        targets: Floats of shape (N, ...), such as one-hot rows.
        partners: Integers of shape (N,), such as a random permutation of the rows.
        box: Pixels x1, y1, x2, y2: columns x1 to x2 - 1 and rows y1 to y2 - 1. The paper draws
            $\lambda$ uniformly, sides of $\sqrt{1 - \lambda}$ of the image's and the centre, and
            cuts off what is outside.

    Returns:
        The images and the mixed targets.

    Raises:
        TypeError: `inputs` or `targets` is none of floats, or `partners` none of integers.
        ValueError: The lengths differ, a partner is no row, `inputs` are no images, or `box` is
            outside of them.

    Convention:
        `torchvision.transforms.v2.CutMix`, whose partner is the example before. The
        share is that of the box as it is, after what was cut off.

    Example:
        >>> import numpy as np
        >>> images = np.stack([np.zeros((1, 2, 2)), np.ones((1, 2, 2))])
        >>> images, targets = cutmix(images, np.eye(2), np.asarray([1, 0]), box=(1, 0, 2, 1))
        >>> images[0, 0].tolist(), targets[0].tolist()
        ([[0.0, 1.0], [0.0, 0.0]], [0.75, 0.25])

    Reference:
        Yun et al. (2019), CutMix: Regularization Strategy to Train Strong Classifiers with
        Localizable Features, equation 1.
    """
    xp = real_namespace(inputs=inputs)
    check_axes("N C H W", inputs=inputs)
    height, width = inputs.shape[2:]
    x1, y1, x2, y2 = box
    if not (0 <= x1 <= x2 <= width and 0 <= y1 <= y2 <= height):
        raise ValueError(f"box: expected pixels within {width} by {height}, got {tuple(box)}")
    device = array_api_compat.device(inputs)
    x, y = xp.arange(width, device=device), xp.arange(height, device=device)[:, None]
    is_inside = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    share = 1 - (x2 - x1) * (y2 - y1) / (width * height)
    images = xp.where(is_inside, _of(partners, inputs=inputs), inputs)
    return images, mix(targets, partners, share=share)


class Progress(NamedTuple):
    """How far a training has come, as early stopping sees it.

    Args:
        count: How many losses were seen.
        best: The least of them that counted as better; infinite before the first.
        best_step: Which one it was, counted from 0; -1 before the first.
        stop: Whether it is time to stop.
    """

    count: int
    best: float
    best_step: int
    stop: bool


def early_stopping(*, patience: int, min_delta: float = 0.0) -> Tracker:
    r"""Return the tracker that says when the validation loss no longer falls.

    Formula: loss k is better where $L_k < L_b - \delta$, b being the best so far and $\delta$ the
    `min_delta`; stop at the first k with $k - b \ge$ `patience`.

    Args:
        patience: After how many losses in a row without a better one to stop; at least 1.
        min_delta: By how much a better loss is lower, in the loss's unit; at least 0.

    Returns:
        A `Tracker` with `init() -> state` and `update(loss, state) -> state`, the state being
        `Progress`. Keep a copy of the parameters at each `best_step`, and return to the last one.

    Raises:
        TypeError: A hyperparameter is no number.
        ValueError: A hyperparameter is out of its domain.

    Numerics:
        A loss of NaN is never better.

    Convention:
        `keras.callbacks.EarlyStopping(patience=patience, min_delta=min_delta)`. torch has none.

    Example:
        >>> init, update = early_stopping(patience=2)
        >>> state = init()
        >>> for loss in (3.0, 1.0, 2.0, 1.5):
        ...     state = update(loss, state)
        >>> state
        Progress(count=4, best=1.0, best_step=1, stop=True)

    Reference:
        Prechelt (1998), Early Stopping – But When?
    """
    patience = check_in(_FROM_ONE, patience=patience)
    min_delta = check_in(NON_NEGATIVE, min_delta=min_delta)

    def update(loss: float, state: Progress) -> Progress:
        step, best, best_step = state.count, state.best, state.best_step
        if loss < best - min_delta:
            best, best_step = float(loss), step
        return Progress(step + 1, best, best_step, step - best_step >= patience)

    return Tracker(lambda: Progress(0, math.inf, -1, False), update)


def _axes(inputs: Array) -> tuple[int, ...]:
    """Return the axes that a feature's mean is taken over: all but the second."""
    return (0, *range(2, inputs.ndim))


def _check_features(inputs: Array, **vectors: Array) -> tuple[int, ...]:
    """Check inputs of shape (N, F, ...) and vectors of shape (F,); return the other axes."""
    real_namespace(inputs=inputs, **vectors)
    if inputs.ndim < 2:
        raise ValueError(f"inputs: expected shape (N, F, ...), got {tuple(inputs.shape)}")
    for name, vector in vectors.items():
        if vector.shape != inputs.shape[1:2]:
            raise ValueError(
                f"{name}: expected shape ({inputs.shape[1]},), as inputs has "
                f"{tuple(inputs.shape)}, got {tuple(vector.shape)}"
            )
    return _axes(inputs)


def _count(inputs: Array) -> int:
    """Return how many values a feature has."""
    return math.prod(inputs.shape[axis] for axis in _axes(inputs))


def _moments(inputs: Array) -> tuple[Array, Array]:
    """Return mean and variance of each feature of a batch, with the axes kept."""
    if _count(inputs) < 2:
        raise ValueError(
            f"inputs: expected at least 2 values of each feature, got {_count(inputs)}"
        )
    xp, axes = float_namespace(inputs=inputs), _axes(inputs)
    mean = xp.mean(inputs, axis=axes, keepdims=True)
    return mean, xp.mean((inputs - mean) ** 2, axis=axes, keepdims=True)


def _normalised(inputs: Array, mean: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """Return inputs of mean 0 and variance 1, and what they were divided by."""
    xp = real_namespace(inputs=inputs)
    deviation = xp.sqrt(variance + check_in(POSITIVE, epsilon=epsilon))
    return (inputs - mean) / deviation, deviation


def _spread(vector: Array, inputs: Array) -> Array:
    """Return one number per feature in a shape that meets the inputs' second axis."""
    xp = real_namespace(vector=vector)
    return xp.reshape(vector, (vector.shape[0], *(1,) * (inputs.ndim - 2)))


def _of(partners: Array, **named: Array) -> Array:
    """Return the rows of an array that the partners name."""
    ((name, array),) = named.items()
    xp = real_namespace(**named)
    check_labels(array.shape[0] if array.ndim else 0, **named, partners=partners)
    if partners.shape != array.shape[:1]:
        raise ValueError(
            f"partners: expected shape {tuple(array.shape[:1])}, as {name} has "
            f"{tuple(array.shape)}, got {tuple(partners.shape)}"
        )
    return xp.take(array, partners, axis=0)
