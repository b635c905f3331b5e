"""What autograd makes of a loss, for tests that show a naive form to fail."""

from collections.abc import Callable
from typing import Any

import torch


def autograd(loss: Callable[..., Any], first: Any, *others: Any, **setting: Any) -> torch.Tensor:
    """Return autograd's gradient of the summed loss by its first argument.

    Args:
        loss: A loss, or a naive form of one.
        first: Floats to differentiate by; what is no tensor is taken as float64.
        *others: The other arrays.
        **setting: Hyperparameters.

    Returns:
        The gradient, of the shape and dtype of `first`.
    """
    as_given = isinstance(first, torch.Tensor)
    leaf = (first.clone() if as_given else torch.tensor(first, dtype=torch.float64)).detach()
    leaf.requires_grad_()
    loss(leaf, *map(torch.as_tensor, others), **setting).sum().backward()
    return leaf.grad
