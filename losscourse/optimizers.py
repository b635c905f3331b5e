"""Optimisers as pairs of pure functions: `init(params)` and `update(grads, state, params)`.

State is passed in and returned, never kept; nothing is changed in place. An update is added to the
parameters. An optimiser handles one array; `each` makes of it one for a list or dict of arrays,
`scheduled` one whose learning rate changes with the step, `sam` one that looks uphill first.

In formulas $g$ is the gradient, $\\theta$ the parameters and $\\eta$ the `learning_rate`; powers
and roots are taken element by element, and every state starts at 0. An L2 penalty is part of the
objective, so its gradient is part of `grads`; weight decay is a hyperparameter. With torch, call an
update under `torch.no_grad()` where parameters or gradients have a graph that should end here.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from losscourse import stable
from losscourse.arrays import (
    NON_NEGATIVE,
    POSITIVE,
    Array,
    Interval,
    check_axes,
    check_in,
    clamp,
    float_namespace,
    real_namespace,
)

__all__ = [
    "Optimizer",
    "adagrad",
    "adam",
    "adamw",
    "apply_updates",
    "clip_by_norm",
    "clip_by_value",
    "each",
    "global_norm",
    "gradient_descent",
    "lion",
    "momentum",
    "muon",
    "nesterov",
    "orthogonalize",
    "rmsprop",
    "sam",
    "scheduled",
]

_DECAY = Interval(0, 1, low_closed=True)
"""What a running average may keep of its past: all would keep out what comes."""

Arrays = Any
"""An array, or a list, tuple or dict of arrays."""


class Optimizer(NamedTuple):
    """The two functions of an optimiser.

    Args:
        init: `init(params) -> state`.
        update: `update(grads, state, params) -> (updates, state)`; add the updates to the
            parameters.
    """

    init: Callable[[Array], Any]
    update: Callable[[Array, Any, Array], tuple[Array, Any]]


def gradient_descent(learning_rate: float) -> Optimizer:
    r"""Return gradient descent with a constant learning rate.

    Formula: $\theta \leftarrow \theta - \eta\,\nabla L(\theta)$ with $\eta$ the `learning_rate`.

    Args:
        learning_rate: The step per unit of gradient; at least 0.

    Returns:
        An `Optimizer` whose state is None.

    Raises:
        TypeError: `learning_rate` is no number; from `update`, gradients and parameters differ in
            dtype or library.
        ValueError: `learning_rate` is negative; from `update`, the shapes differ.

    Convention:
        `torch.optim.SGD(params, lr=learning_rate)`. On the gradient of a random batch it is
        stochastic gradient descent.

    Example:
        >>> import numpy as np
        >>> params = np.asarray([1.0, -2.0])
        >>> init, update = gradient_descent(0.1)
        >>> updates, state = update(2 * params, init(params), params)
        >>> (params + updates).tolist()
        [0.8, -1.6]

    Reference:
        Robbins and Monro (1951), A Stochastic Approximation Method, for random batches.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)

    def update(grads: Array, state: None, params: Array) -> tuple[Array, None]:
        float_namespace(params=params, grads=grads)
        return -learning_rate * grads, state

    return Optimizer(init=lambda params: None, update=update)


def momentum(learning_rate: float, *, beta: float = 0.9) -> Optimizer:
    r"""Return gradient descent with momentum: the heavy ball.

    Formula: $v \leftarrow \beta v + g$, then $\theta \leftarrow \theta - \eta v$.

    Args:
        learning_rate: The step per unit of velocity; at least 0.
        beta: What the velocity keeps of itself in a step; at least 0, below 1. A constant gradient
            ends in steps of $\eta g/(1 - \beta)$.

    Returns:
        An `Optimizer` whose state is the velocity v, of the shape and dtype of the parameters.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Convention:
        `torch.optim.SGD(params, lr=learning_rate, momentum=beta)`. Polyak's velocity is the step
        itself, $-\eta v$: the same while the rate is constant. Where a schedule lowers the rate,
        this form slows at once, and Polyak's keeps the speed that it has.

    Example:
        >>> import numpy as np
        >>> params, grads = np.asarray([1.0]), np.asarray([2.0])
        >>> init, update = momentum(0.1, beta=0.5)
        >>> first, state = update(grads, init(params), params)
        >>> second, state = update(grads, state, params + first)
        >>> first.round(4).tolist(), second.round(4).tolist()
        ([-0.2], [-0.3])

    Reference:
        Polyak (1964), Some Methods of Speeding up the Convergence of Iteration Methods.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    beta = check_in(_DECAY, beta=beta)

    def update(grads: Array, velocity: Array, params: Array) -> tuple[Array, Array]:
        float_namespace(params=params, grads=grads, state=velocity)
        velocity = beta * velocity + grads
        return -learning_rate * velocity, velocity

    return Optimizer(_zeros, update)


def nesterov(learning_rate: float, *, beta: float = 0.9) -> Optimizer:
    r"""Return gradient descent with Nesterov's momentum, which brakes before the slope turns.

    Formula: $v \leftarrow \beta v + g$, then $\theta \leftarrow \theta - \eta\,(g + \beta v)$.

    Args:
        learning_rate: The step per unit of velocity; at least 0.
        beta: What the velocity keeps of itself in a step; at least 0, below 1.

    Returns:
        An `Optimizer` whose state is the velocity v, of the shape and dtype of the parameters.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Convention:
        `torch.optim.SGD(params, lr=learning_rate, momentum=beta, nesterov=True)`. Nesterov takes
        the gradient where the velocity is about to lead, at $\theta - \eta \beta v$. Here the
        parameters are those points themselves, so that the gradient is taken where they are; and
        beta is constant where his grows towards 1. As with `momentum`, the rate is outside the
        velocity.

    Example:
        >>> import numpy as np
        >>> params, grads = np.asarray([1.0]), np.asarray([2.0])
        >>> init, update = nesterov(0.1, beta=0.5)
        >>> updates, state = update(grads, init(params), params)
        >>> updates.round(4).tolist()
        [-0.3]

    Reference:
        Nesterov (1983), A Method of Solving a Convex Programming Problem with Convergence Rate
        O(1/k²). In this form: Sutskever et al. (2013), On the Importance of Initialization and
        Momentum in Deep Learning.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    beta = check_in(_DECAY, beta=beta)

    def update(grads: Array, velocity: Array, params: Array) -> tuple[Array, Array]:
        float_namespace(params=params, grads=grads, state=velocity)
        velocity = beta * velocity + grads
        return -learning_rate * (grads + beta * velocity), velocity

    return Optimizer(_zeros, update)


def adagrad(learning_rate: float, *, epsilon: float = 1e-10) -> Optimizer:
    r"""Return AdaGrad: each parameter's rate falls with the gradients that it has seen.

    Formula: $s \leftarrow s + g^2$, then $\theta \leftarrow \theta - \eta\,g/(\sqrt s + \epsilon)$.

    Args:
        learning_rate: The size of the first step, in the parameters' unit; at least 0.
        epsilon: Keeps the quotient finite where every gradient was 0; positive, in the gradient's
            unit.

    Returns:
        An `Optimizer` whose state is the sum of squares s.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Numerics:
        In float16 an epsilon below 3e-8 is 0, so that a gradient of 0 gives NaN. The sum
        overflows there from gradients of 256 on, and the parameter stays where it is.

    Convention:
        `torch.optim.Adagrad(params, lr=learning_rate, eps=epsilon)`: epsilon outside the root.

    Example:
        >>> import numpy as np
        >>> params, grads = np.zeros(2), np.asarray([3.0, -0.01])
        >>> init, update = adagrad(0.1)
        >>> updates, state = update(grads, init(params), params)
        >>> updates.round(4).tolist()
        [-0.1, 0.1]

    Reference:
        Duchi et al. (2011), Adaptive Subgradient Methods for Online Learning and Stochastic
        Optimization.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    epsilon = check_in(POSITIVE, epsilon=epsilon)

    def update(grads: Array, squares: Array, params: Array) -> tuple[Array, Array]:
        xp = float_namespace(params=params, grads=grads, state=squares)
        squares = squares + grads**2
        return -learning_rate * grads / (xp.sqrt(squares) + epsilon), squares

    return Optimizer(_zeros, update)


def rmsprop(learning_rate: float, *, decay: float = 0.99, epsilon: float = 1e-8) -> Optimizer:
    r"""Return RMSprop: gradients over the root of a running mean of their squares.

    Formula: $s \leftarrow \rho s + (1 - \rho)\,g^2$, then
    $\theta \leftarrow \theta - \eta\,g/(\sqrt s + \epsilon)$, with $\rho$ the `decay`.

    Args:
        learning_rate: The size of a typical step, in the parameters' unit; at least 0. The first
            step is $1/\sqrt{1 - \rho}$ times as long, since s starts at 0.
        decay: What the mean of squares keeps of itself in a step; at least 0, below 1.
        epsilon: Keeps the quotient finite; positive, in the gradient's unit.

    Returns:
        An `Optimizer` whose state is the mean of squares s.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Numerics:
        In float16 an epsilon below 3e-8 is 0, so that a gradient of 0 gives NaN. The square
        overflows there from gradients of 256 on, and the step is 0; for first gradients below
        1.7e-3 the mean of squares is 0, and the step infinite.

    Convention:
        `torch.optim.RMSprop(params, lr=learning_rate, alpha=decay, eps=epsilon)`: epsilon outside
        the root, not centred. The lecture has a decay of 0.9.

    Example:
        >>> import numpy as np
        >>> params, grads = np.zeros(2), np.asarray([3.0, -0.01])
        >>> init, update = rmsprop(0.1, decay=0.75)
        >>> updates, state = update(grads, init(params), params)
        >>> updates.round(4).tolist()
        [-0.2, 0.2]

    Reference:
        Tieleman and Hinton (2012), Lecture 6.5: Divide the Gradient by a Running Average of Its
        Recent Magnitude.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    decay, epsilon = check_in(_DECAY, decay=decay), check_in(POSITIVE, epsilon=epsilon)

    def update(grads: Array, square: Array, params: Array) -> tuple[Array, Array]:
        xp = float_namespace(params=params, grads=grads, state=square)
        square = decay * square + (1 - decay) * grads**2
        return -learning_rate * grads / (xp.sqrt(square) + epsilon), square

    return Optimizer(_zeros, update)


def adam(
    learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Optimizer:
    r"""Return Adam: a running mean of the gradients over the root of one of their squares.

    Formula: $m \leftarrow \beta_1 m + (1 - \beta_1)\,g$ and
    $s \leftarrow \beta_2 s + (1 - \beta_2)\,g^2$ in step t, then
    $\theta \leftarrow \theta - \eta\,\hat m/(\sqrt{\hat s} + \epsilon)$ with
    $\hat m = m/(1 - \beta_1^t)$ and $\hat s = s/(1 - \beta_2^t)$.

    Args:
        learning_rate: The size of the first step, in the parameters' unit; at least 0.
        beta1: What the mean keeps of itself in a step; at least 0, below 1.
        beta2: What the mean of squares keeps of itself in a step; at least 0, below 1.
        epsilon: Keeps the quotient finite; positive, in the gradient's unit.

    Returns:
        An `Optimizer` whose state is the number of steps done, m and s.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Numerics:
        In float16 the usual epsilon is 0, so that a gradient of 0 gives NaN; and the mean of
        squares is 0 for first gradients below 5e-3, so that the step is infinite. Keep parameters
        and state in float32.

    Convention:
        `torch.optim.Adam(params, lr=learning_rate, betas=(beta1, beta2), eps=epsilon)`: epsilon
        outside the root, and added to the corrected one. Without the corrections, which the first
        steps need as both means start at 0, step 1 would be $(1 - \beta_1)/\sqrt{1 - \beta_2}$
        times as long: 3.2 times.

    Example:
        >>> import numpy as np
        >>> params, grads = np.zeros(2), np.asarray([3.0, -0.01])
        >>> init, update = adam(0.1)
        >>> updates, state = update(grads, init(params), params)
        >>> updates.round(4).tolist()
        [-0.1, 0.1]

    Reference:
        Kingma and Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    beta1, beta2 = check_in(_DECAY, beta1=beta1), check_in(_DECAY, beta2=beta2)
    epsilon = check_in(POSITIVE, epsilon=epsilon)

    def update(grads: Array, state: Any, params: Array) -> tuple[Array, Any]:
        step, mean, square = state
        xp = float_namespace(params=params, grads=grads, state=mean)
        step = step + 1
        mean = beta1 * mean + (1 - beta1) * grads
        square = beta2 * square + (1 - beta2) * grads**2
        mean_hat, square_hat = mean / (1 - beta1**step), square / (1 - beta2**step)
        return -learning_rate * mean_hat / (xp.sqrt(square_hat) + epsilon), (step, mean, square)

    return Optimizer(lambda params: (0, _zeros(params), _zeros(params)), update)


def adamw(
    learning_rate: float,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Optimizer:
    r"""Return Adam with decoupled weight decay: each step also shrinks the parameters.

    Formula: $\theta \leftarrow \theta - \eta\lambda\theta + u$ with $\lambda$ the `weight_decay`
    and u the update of `adam`.

    Args:
        learning_rate: The size of the first step, in the parameters' unit; at least 0.
        beta1: What the mean keeps of itself in a step; at least 0, below 1.
        beta2: What the mean of squares keeps of itself in a step; at least 0, below 1.
        epsilon: Keeps the quotient finite; positive, in the gradient's unit.
        weight_decay: A step takes this share, times the learning rate, off each parameter; at
            least 0.

    Returns:
        An `Optimizer` whose state is that of `adam`.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Numerics:
        As `adam`.

    Convention:
        `torch.optim.AdamW(params, lr=learning_rate, betas=(beta1, beta2), eps=epsilon,
        weight_decay=weight_decay)`. The decay is of the parameters before the step. An L2 penalty
        (`torch.optim.Adam` with a `weight_decay`) goes through the quotient instead, and then
        shrinks a parameter less the larger its gradients are. The paper's decay is not multiplied
        by the learning rate, only by its schedule.

    Example:
        >>> import numpy as np
        >>> params, grads = np.asarray([2.0, 2.0]), np.asarray([3.0, -0.01])
        >>> init, update = adamw(0.1, weight_decay=0.5)
        >>> updates, state = update(grads, init(params), params)
        >>> updates.round(4).tolist()
        [-0.2, -0.0]

    Reference:
        Loshchilov and Hutter (2019), Decoupled Weight Decay Regularization, algorithm 2.
    """
    adam_init, adam_update = adam(learning_rate, beta1=beta1, beta2=beta2, epsilon=epsilon)
    shrink = float(learning_rate) * check_in(NON_NEGATIVE, weight_decay=weight_decay)

    def update(grads: Array, state: Any, params: Array) -> tuple[Array, Any]:
        updates, state = adam_update(grads, state, params)
        return updates - shrink * params, state

    return Optimizer(adam_init, update)


def lion(
    learning_rate: float, *, beta1: float = 0.9, beta2: float = 0.99, weight_decay: float = 0.0
) -> Optimizer:
    r"""Return Lion: every parameter moves by the learning rate, up or down.

    Formula: $u = \operatorname{sign}(\beta_1 m + (1 - \beta_1)\,g)$, then
    $\theta \leftarrow \theta - \eta\,(u + \lambda\theta)$ and
    $m \leftarrow \beta_2 m + (1 - \beta_2)\,g$, with $\lambda$ the `weight_decay`.

    Args:
        learning_rate: The size of every step, in the parameters' unit; at least 0. A third to a
            tenth of Adam's, says the paper.
        beta1: The mean's weight in the step's direction; at least 0, below 1.
        beta2: What the mean keeps of itself in a step; at least 0, below 1.
        weight_decay: A step takes this share, times the learning rate, off each parameter; at
            least 0. Three to ten times that of `adamw`, so that the product stays.

    Returns:
        An `Optimizer` whose state is the mean m.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ.

    Convention:
        torch has no equivalent. The direction weighs the new gradient by $1 - \beta_1$, the mean
        by the smaller $1 - \beta_2$. A direction of 0 gives no step.

    Example:
        >>> import numpy as np
        >>> params, grads = np.zeros(3), np.asarray([3.0, -0.01, 0.0])
        >>> init, update = lion(0.1)
        >>> updates, state = update(grads, init(params), params)
        >>> (updates + 0).tolist()
        [-0.1, 0.1, 0.0]

    Reference:
        Chen et al. (2023), Symbolic Discovery of Optimization Algorithms, algorithm 2.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    beta1, beta2 = check_in(_DECAY, beta1=beta1), check_in(_DECAY, beta2=beta2)
    weight_decay = check_in(NON_NEGATIVE, weight_decay=weight_decay)

    def update(grads: Array, mean: Array, params: Array) -> tuple[Array, Array]:
        xp = float_namespace(params=params, grads=grads, state=mean)
        direction = xp.sign(beta1 * mean + (1 - beta1) * grads)
        mean = beta2 * mean + (1 - beta2) * grads
        return -learning_rate * (direction + weight_decay * params), mean

    return Optimizer(_zeros, update)


def muon(learning_rate: float, *, beta: float = 0.95, weight_decay: float = 0.1) -> Optimizer:
    r"""Return Muon: a matrix moves by its momentum with all singular values brought near 1.

    Formula: $m \leftarrow \beta m + (1 - \beta)\,g$ and $u = \beta m + (1 - \beta)\,g$, then
    $\theta \leftarrow \theta - \eta\,(\sqrt{\max(1, M/N)}\;O(u) + \lambda\theta)$ for matrices of
    M rows and N columns, with O the function `orthogonalize` and $\lambda$ the `weight_decay`.

    Args:
        learning_rate: About the singular values of a step, unless the matrix is tall, in the
            parameters' unit; at least 0.
        beta: What the momentum keeps of itself in a step; at least 0, below 1.
        weight_decay: A step takes this share, times the learning rate, off each parameter; at
            least 0.

    Returns:
        An `Optimizer` whose state is the momentum m.

    Raises:
        TypeError: A hyperparameter is no number; from `update`, the arrays differ in dtype or
            library.
        ValueError: A hyperparameter is out of its domain; from `update`, the shapes differ or are
            not those of a matrix.

    Convention:
        `torch.optim.Muon(params, lr=learning_rate, momentum=beta, weight_decay=weight_decay)`,
        which orthogonalises in bfloat16; here it is the parameters' dtype. The web article has no
        weight decay. It is for a network's hidden matrices, whose rows are outputs, as in
        `torch.nn.Linear`; give biases, embeddings and the last layer to `adamw`.

    Example:
        >>> import numpy as np
        >>> params, grads = np.zeros((2, 2)), np.diag([3.0, -1.0])
        >>> init, update = muon(0.1)
        >>> updates, state = update(grads, init(params), params)
        >>> np.diag(updates).round(2).tolist()
        [-0.08, 0.11]

    Reference:
        Jordan et al. (2024), Muon: An Optimizer for Hidden Layers in Neural Networks.
    """
    learning_rate = check_in(NON_NEGATIVE, learning_rate=learning_rate)
    beta = check_in(_DECAY, beta=beta)
    weight_decay = check_in(NON_NEGATIVE, weight_decay=weight_decay)

    def update(grads: Array, mean: Array, params: Array) -> tuple[Array, Array]:
        float_namespace(params=params, grads=grads, state=mean)
        check_axes("M N", params=params)
        mean = beta * mean + (1 - beta) * grads
        direction = orthogonalize(beta * mean + (1 - beta) * grads)
        size = math.sqrt(max(1.0, params.shape[0] / max(params.shape[1], 1)))
        return -learning_rate * (size * direction + weight_decay * params), mean

    return Optimizer(_zeros, update)


def orthogonalize(matrix: Array, *, steps: int = 5) -> Array:
    r"""Return a matrix with the same singular vectors and singular values near 1.

    Formula: $X \leftarrow X/\|X\|$, then `steps` times
    $X \leftarrow aX + (bA + cA^2)\,X$ with $A = XX^\top$, for (a, b, c) of (3.4445, −4.775,
    2.0315): each singular value goes through $a\sigma + b\sigma^3 + c\sigma^5$.

    Args:
        matrix: Floats of shape (M, N).
        steps: How often the polynomial is applied; an integer, at least 0.

    Returns:
        Array of the shape and dtype of `matrix`. After 5 steps, singular values of at least 1/500
        of the norm lie between 0.68 and 1.21; smaller ones grow up to 485 times, and 0 stays 0.

    Raises:
        TypeError: `matrix` is no array of floats.
        ValueError: `matrix` has not two axes, or `steps` is negative.

    Numerics:
        A singular value decomposition would be exact; this takes matrix products alone, which a
        GPU does fast and in half precision. A tall matrix is transposed on the way, for the
        smaller product $XX^\top$.

    Convention:
        The function within `torch.optim.Muon`, which works in bfloat16. The norm is Frobenius's,
        never taken below 1e-7. The coefficients give up convergence to 1 for a steep start.

    Example:
        >>> import numpy as np
        >>> orthogonalize(np.diag([5.0, 0.1])).round(2).tolist()
        [[0.7, 0.0], [0.0, 0.68]]

    Reference:
        Jordan et al. (2024), Muon: An Optimizer for Hidden Layers in Neural Networks.
    """
    xp = float_namespace(matrix=matrix)
    check_axes("M N", matrix=matrix)
    check_in(NON_NEGATIVE, steps=steps)
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix / clamp(global_norm(matrix), min=1e-7)
    x = xp.matrix_transpose(x) if is_tall else x
    for _ in range(steps):
        gram = x @ xp.matrix_transpose(x)
        x = 3.4445 * x + (-4.775 * gram + 2.0315 * gram @ gram) @ x
    return xp.matrix_transpose(x) if is_tall else x


def sam(optimizer: Optimizer, *, rho: float = 0.05) -> Optimizer:
    r"""Return an optimiser that takes the gradient a little way uphill: it looks for flat minima.

    Formula: the gradient $\nabla L$ at $\theta + \rho\,\nabla L(\theta)/\|\nabla L(\theta)\|$ goes
    to the `optimizer`, which steps from $\theta$.

    Args:
        optimizer: What makes the step; `each(...)` for a list or dict of arrays.
        rho: How far uphill, in the parameters' unit; at least 0.

    Returns:
        An `Optimizer` whose update is `update(gradient, state, params)` with a function
        `gradient(params) -> grads` in place of the gradients: it is called twice. Both calls must
        see the same batch. The state is that of `optimizer`.

    Raises:
        TypeError: `rho` is no number; from `update`, the arrays differ in dtype or library.
        ValueError: `rho` is negative; from `update`, the shapes differ.

    Convention:
        The norm is taken over all arrays together. Where the gradient is 0, the second is taken in
        the same place. torch has no equivalent.

    Example:
        >>> import numpy as np
        >>> init, update = sam(gradient_descent(0.1), rho=0.5)
        >>> params = np.asarray([1.0])
        >>> updates, state = update(lambda x: 2 * x, init(params), params)
        >>> updates.round(4).tolist()
        [-0.3]

    Reference:
        Foret et al. (2021), Sharpness-Aware Minimization for Efficiently Improving Generalization,
        algorithm 1.
    """
    rho = check_in(NON_NEGATIVE, rho=rho)

    def update(
        gradient: Callable[[Arrays], Arrays], state: Any, params: Arrays
    ) -> tuple[Arrays, Any]:
        grads = gradient(params)
        norm = global_norm(grads)
        xp = float_namespace(norm=norm)
        norm = xp.where(norm == 0, xp.ones_like(norm), norm)
        uphill = apply_updates(params, _map(lambda array: rho * (array / norm), grads=grads))
        return optimizer.update(gradient(uphill), state, params)

    return Optimizer(optimizer.init, update)


def scheduled(optimizer_at: Callable[[int], Optimizer]) -> Optimizer:
    r"""Return an optimiser whose hyperparameters are functions of the step.

    Formula: step k is that of `optimizer_at(k)`, for k = 0, 1, 2, …

    Args:
        optimizer_at: From the number of steps done to the optimiser of the next; always of one
            kind, as they share their state.

    Returns:
        An `Optimizer` whose state is the number of steps done and the optimiser's state.

    Raises:
        TypeError: From `update`, as the optimiser.
        ValueError: From `update`, as the optimiser; a hyperparameter is out of its domain at this
            step.

    Convention:
        `torch.optim.lr_scheduler` with `scheduler.step()` after each `optimizer.step()`: the first
        step has the value at 0.

    Example:
        >>> import numpy as np
        >>> init, update = scheduled(lambda step: gradient_descent(0.1 / (step + 1)))
        >>> params = np.asarray([1.0])
        >>> first, state = update(params, init(params), params)
        >>> second, state = update(params, state, params)
        >>> first.tolist(), second.tolist()
        ([-0.1], [-0.05])
    """

    def update(
        grads: Array, state: tuple[int, Any], params: Array
    ) -> tuple[Array, tuple[int, Any]]:
        step, inner = state
        updates, inner = optimizer_at(step).update(grads, inner, params)
        return updates, (step + 1, inner)

    return Optimizer(lambda params: (0, optimizer_at(0).init(params)), update)


def each(optimizer: Optimizer) -> Optimizer:
    r"""Return an optimiser for a list, tuple or dict of arrays, each with a state of its own.

    Formula: $\theta_i \leftarrow \theta_i + u_i$ with $u_i$ the update of array i by itself.

    Args:
        optimizer: What updates one array.

    Returns:
        An `Optimizer` whose parameters, gradients, updates and state have one form: lists, tuples
        or dicts, also of each other.

    Raises:
        TypeError: From `update`, as the optimiser.
        ValueError: From `update`, as the optimiser, or where parameters and gradients do not have
            one form.

    Convention:
        torch's optimisers take a list of parameters.

    Example:
        >>> import numpy as np
        >>> params = {"slope": np.asarray([2.0]), "intercept": np.asarray(1.0)}
        >>> init, update = each(gradient_descent(0.1))
        >>> updates, state = update(params, init(params), params)
        >>> {name: array.tolist() for name, array in apply_updates(params, updates).items()}
        {'slope': [1.8], 'intercept': 0.9}
    """

    def one(params: Array, grads: Array, state: Any) -> tuple[Array, Any]:
        return optimizer.update(grads, state, params)

    def update(grads: Arrays, state: Any, params: Arrays) -> tuple[Arrays, Any]:
        pairs = _map(one, params=params, grads=grads, state=state)
        updates = _map(lambda array, pair: pair[0], params=params, pairs=pairs)
        return updates, _map(lambda array, pair: pair[1], params=params, pairs=pairs)

    return Optimizer(lambda params: _map(optimizer.init, params=params), update)


def apply_updates(params: Arrays, updates: Arrays) -> Arrays:
    r"""Return the parameters with their updates added.

    Formula: $\theta + u$.

    Args:
        params: An array, or a list, tuple or dict of arrays.
        updates: The same form, with arrays of the same shapes and dtype.

    Returns:
        New arrays in the form of `params`.

    Raises:
        TypeError: The arrays differ in dtype or library.
        ValueError: The forms or the shapes differ.

    Convention:
        What `optimizer.step()` does in place in torch.

    Example:
        >>> import numpy as np
        >>> apply_updates([np.ones(2), np.zeros(1)], [np.ones(2), np.ones(1)])
        [array([2., 2.]), array([1.])]
    """

    def add(params: Array, updates: Array) -> Array:
        float_namespace(params=params, updates=updates)
        return params + updates

    return _map(add, params=params, updates=updates)


def global_norm(grads: Arrays) -> Array:
    r"""Return the length of all gradients together, as if they were one vector.

    Formula: $\sqrt{\sum g^2}$ over all elements of all arrays.

    Args:
        grads: An array, or a list, tuple or dict of arrays, of one library and dtype.

    Returns:
        Array of shape () and the dtype of the gradients; 0 where there is no element.

    Raises:
        TypeError: An array is none of floats, or they differ in dtype or library.
        ValueError: There is no array.

    Numerics:
        The elements are divided by the largest before they are squared: in float16 a square
        overflows from 256 on, and is 0 below 2e-4.

    Convention:
        `torch.nn.utils.get_total_norm(grads)`.

    Example:
        >>> import numpy as np
        >>> float(global_norm({"weights": np.asarray([[3.0, 0.0]]), "bias": np.asarray([4.0])}))
        5.0
    """
    leaves: list[Array] = []
    _map(leaves.append, grads=grads)
    if not leaves:
        raise ValueError("grads: expected at least one array, got none")
    xp = real_namespace(**{f"grads[{i}]": leaf for i, leaf in enumerate(leaves)})
    flat = xp.concat([xp.reshape(leaf, (-1,)) for leaf in leaves])
    if flat.shape[0] == 0:
        return xp.sum(flat)
    largest = xp.max(xp.abs(flat))
    scale = xp.where((largest > 0) & xp.isfinite(largest), largest, xp.ones_like(largest))
    return scale * math.sqrt(flat.shape[0]) * stable.sqrt(xp.mean((flat / scale) ** 2))


def clip_by_norm(grads: Arrays, *, max_norm: float) -> Arrays:
    r"""Return gradients of at most a given length, in the direction that they had.

    Formula: $g \min(1,\, c/(\|g\| + 10^{-6}))$ with c the `max_norm`.

    Args:
        grads: An array, or a list, tuple or dict of arrays: the norm is that of all together.
        max_norm: The greatest length; positive.

    Returns:
        New arrays in the form of `grads`.

    Raises:
        TypeError: An array is none of floats, or `max_norm` is no number.
        ValueError: `max_norm` is not positive, or there is no array.

    Numerics:
        A gradient with an infinite element becomes NaN there and 0 elsewhere.

    Convention:
        `torch.nn.utils.clip_grad_norm_(params, max_norm)`, with its 1e-6: a gradient of just the
        length `max_norm` is a little shortened. What that function returns is `global_norm`.

    Example:
        >>> import numpy as np
        >>> clip_by_norm(np.asarray([30.0, 40.0]), max_norm=5.0).round(4).tolist()
        [3.0, 4.0]

    Reference:
        Pascanu et al. (2013), On the Difficulty of Training Recurrent Neural Networks,
        algorithm 1.
    """
    max_norm = check_in(POSITIVE, max_norm=max_norm)
    factor = clamp(max_norm / (global_norm(grads) + 1e-6), max=1)
    return _map(lambda array: array * factor, grads=grads)


def clip_by_value(grads: Arrays, *, max_value: float) -> Arrays:
    r"""Return gradients whose elements are held between two values; the direction changes.

    Formula: $\min(\max(g, -c), c)$ with c the `max_value`.

    Args:
        grads: An array, or a list, tuple or dict of arrays.
        max_value: The greatest size of an element; positive.

    Returns:
        New arrays in the form of `grads`.

    Raises:
        TypeError: An array is none of floats, or `max_value` is no number.
        ValueError: `max_value` is not positive.

    Convention:
        `torch.nn.utils.clip_grad_value_(params, max_value)`.

    Example:
        >>> import numpy as np
        >>> clip_by_value(np.asarray([30.0, -0.5]), max_value=1.0).tolist()
        [1.0, -0.5]
    """
    max_value = check_in(POSITIVE, max_value=max_value)

    def clip(grads: Array) -> Array:
        float_namespace(grads=grads)
        return clamp(grads, min=-max_value, max=max_value)

    return _map(clip, grads=grads)


def _zeros(params: Array) -> Array:
    """Return the state before the first step: zeros like the parameters."""
    return float_namespace(params=params).zeros_like(params)


def _map(function: Callable[..., Any], **named: Arrays) -> Arrays:
    """Return what a function gives for each array of lists, tuples or dicts of one form."""
    (first, lead), *others = named.items()
    keys = _keys(lead)
    if keys is None:
        return function(*named.values())
    for name, other in others:
        if _keys(other) != keys:
            raise ValueError(f"{name}: expected {_form(lead)}, as {first} has, got {_form(other)}")
    mapped = {k: _map(function, **{n: other[k] for n, other in named.items()}) for k in keys}
    return mapped if isinstance(lead, dict) else type(lead)(mapped.values())


def _keys(arrays: Arrays) -> Any:
    """Return what the arrays of a list, tuple or dict go by; None for an array."""
    if isinstance(arrays, dict):
        return arrays.keys()
    return range(len(arrays)) if isinstance(arrays, list | tuple) else None


def _form(arrays: Arrays) -> str:
    """Return the form of arrays in words."""
    if isinstance(arrays, dict):
        return f"a dict of {list(arrays)}"
    kind = type(arrays).__name__
    return f"a {kind} of {len(arrays)}" if isinstance(arrays, list | tuple) else f"a {kind}"
