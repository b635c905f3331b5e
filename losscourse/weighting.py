"""Several losses at once: how much each counts, and what to do where their gradients disagree.

A method that adapts its weights is a pair of pure functions, `init(losses)` and
`update(losses, state, ...)`, as an optimiser is: state is passed in and returned, never kept. The
weights are constants for autograd; the objective is the sum of weights times losses. The other
functions here take what they need and return it, summing nothing; the last ones are a loss that is
itself learned. A loss's hyperparameter that changes over the training is in `schedules`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import array_api_compat

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    Array,
    check_axes,
    check_in,
    check_values,
    float_namespace,
    real_namespace,
    stop_gradient,
)

__all__ = [
    "Weighting",
    "dynamic_weight_average",
    "fixed_weights",
    "gradnorm",
    "learned_mixture",
    "learned_mixture_grad",
    "pcgrad",
    "task_gradients",
    "uncertainty_weighted",
    "uncertainty_weighted_grad",
    "unrolled_step",
]


class Weighting(NamedTuple):
    """The two functions of a method that weighs losses.

    Args:
        init: `init(losses) -> state`, from the tasks' first losses, floats of shape (K,).
        update: `update(losses, state, ...) -> (weights, state)`; the weights have the losses' shape
            and dtype.
    """

    init: Callable[[Array], Any]
    update: Callable[..., tuple[Array, Any]]


def fixed_weights(weights: Sequence[float]) -> Weighting:
    r"""Return the weighting that never changes.

    Formula: $\sum_k w_k L_k$ with the given `weights`.

    Args:
        weights: One number per task, at least 0.

    Returns:
        A `Weighting` whose state is None.

    Raises:
        TypeError: `weights` is no sequence of numbers; from `update`, the losses are no array of
            floats.
        ValueError: A weight is negative; from `update`, there are more or fewer losses.

    Convention:
        The weights are used as given: they need not sum to 1.

    Example:
        >>> import numpy as np
        >>> init, update = fixed_weights([1.0, 0.5])
        >>> losses = np.asarray([2.0, 4.0])
        >>> weights, state = update(losses, init(losses))
        >>> float(np.sum(weights * losses))
        4.0
    """
    if not isinstance(weights, Iterable):
        raise TypeError(f"weights: expected a sequence of numbers, got {type(weights).__name__}")
    values = [check_in(NON_NEGATIVE, weights=weight) for weight in weights]

    def update(losses: Array, state: None) -> tuple[Array, None]:
        xp = _check_losses(losses, len(values))
        device = array_api_compat.device(losses)
        return xp.asarray(values, dtype=losses.dtype, device=device), state

    return Weighting(init=lambda losses: None, update=update)


def dynamic_weight_average(*, temperature: float = 2.0) -> Weighting:
    r"""Return the weighting that favours the tasks whose losses fall most slowly.

    Formula: $w_k = K\,\operatorname{softmax}_k(r/T)$, where $r_k$ is the loss of task k over its
    loss one update ago and T the `temperature`. Before there are two losses, every weight is 1.

    Args:
        temperature: How evenly the weights are spread; positive. Towards infinity all are 1.

    Returns:
        A `Weighting` whose state is the losses of the last update, None before the first. Update
        it once an epoch, with the epoch's mean losses; the weights are for the epoch to come, and
        sum to the number of tasks.

    Raises:
        TypeError: `temperature` is no number; from `update`, the losses are no array of floats.
        ValueError: `temperature` is not positive; from `update`, a loss is not positive, or there
            are more or fewer than before.

    Convention:
        The ratio is of epochs, not of steps, whose noise it would follow. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> init, update = dynamic_weight_average()
        >>> losses = np.asarray([1.0, 1.0])
        >>> weights, state = update(losses, init(losses))
        >>> weights, state = update(np.asarray([0.5, 1.0]), state)
        >>> weights.round(4).tolist()
        [0.8756, 1.1244]

    Reference:
        Liu et al. (2019), End-to-End Multi-Task Learning with Attention, section on DWA.
    """
    temperature = check_in(POSITIVE, temperature=temperature)

    def update(losses: Array, state: Array | None) -> tuple[Array, Array]:
        xp = _check_losses(losses)
        check_values(POSITIVE, losses=losses)
        losses = stop_gradient(losses)
        if state is None:
            return xp.ones_like(losses), losses
        float_namespace(state=state, losses=losses)
        return losses.shape[0] * stable.softmax(losses / state / temperature), losses

    return Weighting(init=lambda losses: None, update=update)


def gradnorm(learning_rate: float, *, alpha: float = 1.5) -> Weighting:
    r"""Return the weighting that brings the tasks' gradients to a common length.

    Formula: $w_k \leftarrow w_k - \eta\,\operatorname{sign}(G_k - \bar G r_k^\alpha)\,\|g_k\|$,
    then scaled to the sum K. $g_k$ is the gradient of the loss of task k by the shared parameters,
    $G_k = w_k \|g_k\|$ with the mean $\bar G$, and $r_k$ is $L_k/L_k(0)$ over its mean.

    Args:
        learning_rate: The step of the weights, $\eta$; positive.
        alpha: How much more a slow task may pull; at least 0. At 0 all pull alike.

    Returns:
        A `Weighting` whose state is the weights and the first losses, and whose update is
        `update(losses, state, gradients)`, the gradients of shape (K, P): see `task_gradients`.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, an argument is no array of floats,
            or they differ in dtype or library.
        ValueError: A hyperparameter is out of its domain; from `init` or `update`, a loss is not
            positive, or the shapes do not fit.

    Convention:
        The step is that of $\sum_k |G_k - \bar G r_k^\alpha|$ by the weights, the target
        $\bar G r_k^\alpha$ held constant. Nothing keeps a weight positive but a small learning
        rate. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> init, update = gradnorm(0.1, alpha=0.0)
        >>> losses, gradients = np.asarray([1.0, 1.0]), np.asarray([[3.0, 0.0], [0.0, 1.0]])
        >>> weights, state = update(losses, init(losses), gradients)
        >>> weights.round(4).tolist()
        [0.7778, 1.2222]

    Reference:
        Chen et al. (2018), GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
        Multitask Networks, algorithm 1.
    """
    learning_rate = check_in(POSITIVE, learning_rate=learning_rate)
    alpha = check_in(NON_NEGATIVE, alpha=alpha)

    def init(losses: Array) -> tuple[Array, Array]:
        xp = _check_losses(losses)
        check_values(POSITIVE, losses=losses)
        return xp.ones_like(losses), stop_gradient(losses)

    def update(
        losses: Array, state: tuple[Array, Array], gradients: Array
    ) -> tuple[Array, tuple[Array, Array]]:
        weights, first = state
        _check_losses(losses)
        check_values(POSITIVE, losses=losses)
        float_namespace(state=first, losses=losses)
        xp = real_namespace(losses=losses, gradients=gradients)
        check_axes("K, K P", losses=losses, gradients=gradients)
        norms = _norms(stop_gradient(gradients))[:, 0]
        pulls, progress = weights * norms, stop_gradient(losses) / first
        targets = xp.mean(pulls) * (progress / xp.mean(progress)) ** alpha
        moved = weights - learning_rate * xp.sign(pulls - targets) * norms
        weights = moved * (losses.shape[0] / xp.sum(moved))
        return weights, (weights, first)

    return Weighting(init, update)


def task_gradients(losses: Array, parameters: Sequence[Array]) -> Array:
    r"""Return the gradient of each task's loss by the parameters that the tasks share, flattened.

    Formula: row k is $\nabla_\theta L_k$, all parameters in one row.

    Args:
        losses: A torch tensor of shape (K,) with a graph, which is kept.
        parameters: torch tensors that the losses depend on.

    Returns:
        Tensor of shape (K, P) and the dtype of `losses`, P the number of elements of all
        parameters; 0 where a loss does not depend on one.

    Raises:
        TypeError: `losses` is no torch tensor of floats, or `parameters` is one tensor: its rows
            are other tensors, on which no loss depends.
        ValueError: `losses` has not one axis, or there is no parameter.

    Convention:
        `torch.autograd.grad` of each loss; it leaves every `.grad` as it was.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> task_gradients(torch.stack([x.sum(), (x**2).sum()]), [x]).tolist()
        [[1.0, 1.0], [2.0, 4.0]]
    """
    import torch  # the caller has it; the package can do without

    if not array_api_compat.is_torch_array(losses):
        raise TypeError(f"losses: expected a torch tensor, got {type(losses).__name__}")
    _check_losses(losses)
    if array_api_compat.is_torch_array(parameters):
        raise TypeError("parameters: expected a sequence of tensors, got a Tensor")
    parameters = list(parameters)
    if not parameters:
        raise ValueError("parameters: expected at least one tensor, got none")
    rows = [
        torch.autograd.grad(
            loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        for loss in losses
    ]
    return torch.stack([torch.cat([part.reshape(-1) for part in row]) for row in rows])


def pcgrad(gradients: Array, order: Sequence[int]) -> Array:
    r"""Return the gradient of each task without what works against another task.

    Formula: for each task i, and every other task j in the given order,
    $p_i \leftarrow p_i - \min(p_i \cdot u_j,\, 0)\,u_j$, where $p_i$ starts as $g_i$ and
    $u_j = g_j/\|g_j\|$.

    Args:
        gradients: Floats of shape (K, P), one row per task: see `task_gradients`.
        order: The tasks, each once: in which order a gradient meets the others. The paper draws
            one at random for each task and step.

    Returns:
        Array of the shape and dtype of `gradients`. Their sum is the direction to step against.

    Raises:
        TypeError: `gradients` is no array of floats.
        ValueError: `gradients` has not two axes or no column, or `order` does not name each row
            once.

    Convention:
        A gradient is held against the others as they were, not as projected. Of two tasks that
        disagree, each result is orthogonal to the other's gradient; of more, a later projection
        may undo an earlier one. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> pcgrad(np.asarray([[2.0, 0.0], [-3.0, 4.0]]), [0, 1]).round(4).tolist()
        [[1.28, 0.96], [0.0, 4.0]]

    Reference:
        Yu et al. (2020), Gradient Surgery for Multi-Task Learning, algorithm 1.
    """
    xp = float_namespace(gradients=gradients)
    check_axes("K P", gradients=gradients)
    if sorted(order) != list(range(gradients.shape[0])):
        raise ValueError(
            f"order: expected each of the {gradients.shape[0]} tasks once, got {list(order)}"
        )
    norms = _norms(gradients)
    units = gradients / xp.where(norms == 0, xp.ones_like(norms), norms)
    tasks = xp.arange(gradients.shape[0], device=array_api_compat.device(gradients))
    projected = gradients
    for other in map(int, order):
        against = xp.clip(xp.sum(projected * units[other, :], axis=1), max=0)
        against = xp.where(tasks == other, xp.zeros_like(against), against)
        projected = projected - against[:, None] * units[other, :]
    return projected


def uncertainty_weighted(losses: Array, log_variances: Array) -> Array:
    r"""Return each loss weighted by a learned precision, and the price of being unsure.

    Formula: $e^{-s} L + s/2$, where s is the task's `log_variances`.

    Args:
        losses: Floats of any shape, such as one mean loss per task.
        log_variances: Floats of the shape and dtype of `losses`: parameters that are trained with
            the model's.

    Returns:
        Array of the shape and dtype of `losses`; the objective is its sum. For a loss L above 0 the
        least value is $(1 + \log 2L)/2$, at $s = \log 2L$.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Convention:
        For $L = e^2/2$ it is a Gaussian's negative log-likelihood of variance $e^s$, without its
        constant. For a cross-entropy it is the paper's approximation with $\sigma^2 = e^s$ as the
        temperature. Some code has s for s/2, which moves the least value to $s = \log L$.

    Example:
        >>> import numpy as np
        >>> uncertainty_weighted(np.asarray([2.0, 2.0]), np.asarray([0.0, np.log(4)])).tolist()
        [2.0, 1.1931471805599454]

    Reference:
        Kendall et al. (2018), Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
        Geometry and Semantics.
    """
    xp = float_namespace(losses=losses, log_variances=log_variances)
    return stable.times(losses, xp.exp(-log_variances)) + log_variances / 2


def uncertainty_weighted_grad(losses: Array, log_variances: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `uncertainty_weighted` by losses and log-variances.

    Formula: $e^{-s}$ and $\tfrac12 - e^{-s} L$.

    Args:
        losses: Floats of any shape.
        log_variances: Floats of the shape and dtype of `losses`.

    Returns:
        Two arrays of the shape and dtype of `losses`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The two shapes differ.

    Convention:
        As `uncertainty_weighted`.

    Example:
        >>> import numpy as np
        >>> grads = uncertainty_weighted_grad(np.asarray([2.0]), np.asarray([0.0]))
        >>> [grad.tolist() for grad in grads]
        [[1.0], [-1.5]]
    """
    xp = float_namespace(losses=losses, log_variances=log_variances)
    precisions = xp.exp(-log_variances)
    return precisions, 0.5 - stable.times(losses, precisions)


def learned_mixture(losses: Array, logits: Array) -> Array:
    r"""Return the mixture of several losses of each example, in proportions that are learned.

    Formula: $\sum_k p_k L_k$ with `p = softmax(logits)`.

    Args:
        losses: Floats of shape (..., K): K losses of each example, such as a squared and a robust
            one.
        logits: Floats of shape (K,) and the dtype of `losses`: the parameters of this loss.

    Returns:
        Array of shape (...) and the dtype of `losses`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there is no loss.

    Convention:
        The proportions are not to be trained on the objective that they form: it is least where
        all weight is on the smallest loss. They are trained on what a step with this loss does to
        another one: see `unrolled_step`.

    Example:
        >>> import numpy as np
        >>> learned_mixture(np.asarray([[1.0, 3.0], [0.0, 8.0]]), np.zeros(2)).tolist()
        [2.0, 4.0]
    """
    xp = real_namespace(losses=losses, logits=logits)
    check_axes("... K, K", losses=losses, logits=logits)
    return xp.sum(stable.softmax(logits) * losses, axis=-1)


def learned_mixture_grad(losses: Array, logits: Array) -> tuple[Array, Array]:
    r"""Return the derivatives of the summed `learned_mixture` by the losses and the logits.

    Formula: $p_k$, and $p_k \sum (L_k - \sum_j p_j L_j)$ over the examples.

    Args:
        losses: Floats of shape (..., K).
        logits: Floats of shape (K,) and the dtype of `losses`.

    Returns:
        Two arrays, of the shapes and the dtype of `losses` and `logits`.

    Raises:
        TypeError: An argument is no array of floats, or the two differ in dtype or library.
        ValueError: The shapes do not fit, or there is no loss.

    Convention:
        As `learned_mixture`.

    Example:
        >>> import numpy as np
        >>> by_losses, by_logits = learned_mixture_grad(np.asarray([[1.0, 3.0]]), np.zeros(2))
        >>> by_losses.tolist(), by_logits.tolist()
        ([[0.5, 0.5]], [-0.5, 0.5])
    """
    mixed = learned_mixture(losses, logits)
    xp = real_namespace(losses=losses)
    parts = stable.softmax(logits)
    leading = tuple(range(losses.ndim - 1))
    above = xp.sum(losses - mixed[..., None], axis=leading)
    return xp.broadcast_to(parts, losses.shape), parts * above


def unrolled_step(
    objective: Callable[[Array], Array], parameters: Array, *, learning_rate: float
) -> Array:
    r"""Return parameters after a step of gradient descent, open to differentiation.

    Formula: $\theta - \eta\,\nabla L(\theta)$. The derivative of another loss at the result reaches
    whatever L is made of: the logits of a `learned_mixture`, or a weight.

    Args:
        objective: L, from parameters to one number.
        parameters: A torch tensor of floats.
        learning_rate: The step per unit of gradient, $\eta$; positive.

    Returns:
        Tensor of the shape and dtype of `parameters`, with a graph.

    Raises:
        TypeError: `parameters` is no torch tensor of floats, or `learning_rate` is no number.
        ValueError: `learning_rate` is not positive.

    Convention:
        `gradient_descent` with `create_graph=True`. Call it again on the result for more steps.

    Example:
        >>> import torch
        >>> weight = torch.tensor(0.5, requires_grad=True)
        >>> theta = unrolled_step(lambda x: weight * x**2, torch.tensor(1.0), learning_rate=0.1)
        >>> (theta**2).backward()
        >>> theta.item(), round(weight.grad.item(), 4)
        (0.8999999761581421, -0.36)

    Reference:
        Bechtle et al. (2021), Meta-Learning via Learned Loss.
    """
    import torch

    if not array_api_compat.is_torch_array(parameters):
        raise TypeError(f"parameters: expected a torch tensor, got {type(parameters).__name__}")
    real_namespace(parameters=parameters)
    learning_rate = check_in(POSITIVE, learning_rate=learning_rate)
    if not parameters.requires_grad:
        parameters = parameters.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(parameters), parameters, create_graph=True)
    return parameters - learning_rate * gradient


def _check_losses(losses: Array, count: int | None = None) -> Any:
    """Return the namespace of losses of shape (K,), once there are as many as expected."""
    xp = float_namespace(losses=losses)
    check_axes("K", losses=losses)
    if count is not None and losses.shape[0] != count:
        raise ValueError(f"losses: expected shape ({count},), got {tuple(losses.shape)}")
    return xp


def _norms(rows: Array) -> Array:
    """Return the length of each row, which keeps its axis; no square overflows."""
    xp = float_namespace(rows=rows)
    if rows.shape[1] == 0:
        raise ValueError(f"gradients: expected at least one column, got {tuple(rows.shape)}")
    largest = xp.max(xp.abs(rows), axis=1, keepdims=True)
    scale = xp.where(largest == 0, xp.ones_like(largest), largest)
    return scale * stable.sqrt(xp.sum((rows / scale) ** 2, axis=1, keepdims=True))
