"""Optimisers as pairs of pure functions: `init(params)` and `update(grads, state, params)`.

State is passed in and returned, never kept. An update is added to the parameters.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from losscourse.arrays import POSITIVE, Array, check_in, float_namespace

__all__ = ["Optimizer", "gradient_descent"]


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
        learning_rate: The step per unit of gradient; positive.

    Returns:
        An `Optimizer` whose state is None.

    Raises:
        TypeError: `learning_rate` is no number; from `update`, gradients and parameters differ in
            dtype or library.
        ValueError: `learning_rate` is not positive; from `update`, the shapes differ.

    Convention:
        `torch.optim.SGD(params, lr=learning_rate)` on the full batch.

    Example:
        >>> import numpy as np
        >>> params = np.asarray([1.0, -2.0])
        >>> init, update = gradient_descent(0.1)
        >>> updates, state = update(2 * params, init(params), params)
        >>> (params + updates).tolist()
        [0.8, -1.6]
    """
    learning_rate = check_in(POSITIVE, learning_rate=learning_rate)

    def update(grads: Array, state: None, params: Array) -> tuple[Array, None]:
        float_namespace(params=params, grads=grads)
        return -learning_rate * grads, state

    return Optimizer(init=lambda params: None, update=update)
