"""Losses of a physical law: how far is a function from solving its equation?

The function u is a torch model or formula that maps points to values, each point by itself; its
derivatives come from autograd: what it detaches counts as constant. Each term is squared and given
per point. The terms stand at different points (inside, on the boundary, at the start), so each has
its own mean; a physics-informed objective is the weighted sum of these means, formed outside.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import array_api_compat

from losscourse.arrays import Array, check_axes, real_namespace
from losscourse.losses.regression import squared_error

__all__ = ["boundary_residual", "ode_residual", "pde_residual"]


def ode_residual(
    function: Callable[[Array], Array],
    equation: Callable[..., Array],
    times: Array,
    *,
    order: int = 1,
) -> Array:
    r"""Return the squared residual of an ordinary differential equation at each time.

    Formula: $F(t, u(t), u'(t), \dots, u^{(n)}(t))^2$, where F is the `equation`, 0 for a solution,
    and n is the `order`.

    Args:
        function: u, from times of shape (N,) to values of shape (N,), each time by itself.
        equation: F, called as `equation(times, u, du, ..., dnu)` with `order` derivatives; returns
            residuals of shape (N,).
        times: torch floats of shape (N,).
        order: The highest derivative in the equation; at least 1.

    Returns:
        Tensor of the shape and dtype of `times`; at least 0. Its gradient reaches what `function`
        and `equation` are made of, not the times. It is detached under `torch.no_grad()` and in
        inference mode.

    Raises:
        TypeError: `times` is no torch tensor of floats, what `function` or `equation` returns has
            another dtype, or `order` is no integer.
        ValueError: `times` has not one axis, what is returned has another shape (a model's (N, 1)
            would broadcast), or `order` is below 1.

    Convention:
        Without the factor ½. An initial slope is a residual too: `equation` is `du - slope`, at
        the first time alone. torch has no equivalent.

    Example:
        >>> import torch
        >>> times = torch.tensor([0.0, 1.0])
        >>> ode_residual(torch.exp, lambda t, u, du: du - u, times).tolist()
        [0.0, 0.0]
        >>> ode_residual(torch.square, lambda t, u, du: du - u, times).tolist()
        [0.0, 1.0]

    Reference:
        Raissi et al. (2019), Physics-Informed Neural Networks: A Deep Learning Framework for
        Solving Forward and Inverse Problems Involving Nonlinear Partial Differential Equations.
    """
    if isinstance(order, bool) or not isinstance(order, Integral):
        raise TypeError(f"order: expected an integer, got {type(order).__name__}")
    if order < 1:
        raise ValueError(f"order: expected an integer of at least 1, got {order}")
    _check_points("N", times=times)

    def residual(times: Array) -> Array:
        derivatives = [_values("function", function(times), times)]
        for _ in range(order):
            derivatives.append(_slope(derivatives[-1], times))
        return equation(times, *derivatives)

    return _squared(residual, times)


def pde_residual(
    function: Callable[[Array], Array], equation: Callable[..., Array], points: Array
) -> Array:
    r"""Return the squared residual of a partial differential equation at each point.

    Formula: $F(x, u(x), \nabla u(x), \nabla^2 u(x))^2$, where F is the `equation`, 0 for a
    solution.

    Args:
        function: u, from points of shape (N, D) to values of shape (N,), each point by itself.
        equation: F, called as `equation(points, u, gradient, hessian)` with the first derivatives
            (N, D) and the second ones (N, D, D); returns residuals of shape (N,).
        points: torch floats of shape (N, D); time is one of the D coordinates.

    Returns:
        Tensor of shape (N,) and the dtype of `points`; at least 0. Its gradient reaches what
        `function` and `equation` are made of, not the points. It is detached under
        `torch.no_grad()` and in inference mode.

    Raises:
        TypeError: `points` is no torch tensor of floats, or what `function` or `equation` returns
            has another dtype.
        ValueError: `points` has not two axes, or what is returned has another shape.

    Convention:
        Without the factor ½. A condition on the slope at a boundary is a residual too: `equation`
        is the slope along the normal less its target, at the boundary's points alone. torch has no
        equivalent.

    Example:
        >>> import torch
        >>> points = torch.tensor([[0.5, 1.0], [2.0, 3.0]])
        >>> laplace = lambda x, u, gradient, hessian: hessian[:, 0, 0] + hessian[:, 1, 1]
        >>> pde_residual(lambda x: x[:, 0] ** 2 - x[:, 1] ** 2, laplace, points).tolist()
        [0.0, 0.0]
        >>> pde_residual(lambda x: x[:, 0] ** 2 + x[:, 1] ** 2, laplace, points).tolist()
        [16.0, 16.0]

    Reference:
        Raissi et al. (2019), Physics-Informed Neural Networks: A Deep Learning Framework for
        Solving Forward and Inverse Problems Involving Nonlinear Partial Differential Equations.
    """
    _check_points("N D", points=points)

    def residual(points: Array) -> Array:
        values = _values("function", function(points), points)
        gradient = _slope(values, points)
        columns = [_slope(gradient[:, d], points) for d in range(points.shape[1])]
        hessian = real_namespace(points=points).stack(columns, axis=1)
        return equation(points, values, gradient, hessian)

    return _squared(residual, points)


def boundary_residual(function: Callable[[Array], Array], points: Array, targets: Array) -> Array:
    r"""Return the squared error of a function at points where its values are known.

    Formula: $(u(x) - g)^2$, where g are the `targets`: boundary values, initial values, or
    measurements.

    Args:
        function: u, from points to values of shape (N,).
        points: torch floats of shape (N,) or (N, D).
        targets: torch floats of shape (N,) and the dtype of `points`.

    Returns:
        Tensor of shape (N,) and the dtype of `points`; at least 0.

    Raises:
        TypeError: `points` or `targets` is no torch tensor of floats, or the dtypes differ.
        ValueError: The number of targets is not that of the points, or what `function` returns has
            another shape.

    Convention:
        Without the factor ½: `squared_error` of the values.

    Example:
        >>> import torch
        >>> boundary_residual(torch.exp, torch.tensor([0.0]), torch.tensor([3.0])).tolist()
        [4.0]

    Reference:
        Raissi et al. (2019), Physics-Informed Neural Networks: A Deep Learning Framework for
        Solving Forward and Inverse Problems Involving Nonlinear Partial Differential Equations.
    """
    _check_points(None, points=points)
    real_namespace(points=points, targets=targets)
    check_axes("N, N" if points.ndim == 1 else "N D, N", points=points, targets=targets)
    return squared_error(_values("function", function(points), points), targets)


def _check_points(axes: str | None, **named: Array) -> None:
    """Check that the points are a torch tensor of floats, with the axes if there are any."""
    ((name, points),) = named.items()
    if not array_api_compat.is_torch_array(points):
        raise TypeError(f"{name}: expected a torch tensor, got {type(points).__name__}")
    real_namespace(**named)
    if axes is not None:
        check_axes(axes, **named)


def _values(name: str, values: Array, points: Array) -> Array:
    """Return what a function gave, once it is seen to be one float for each point."""
    real_namespace(points=points, **{name: values})
    if values.shape != points.shape[:1]:
        raise ValueError(
            f"{name}: expected values of shape {tuple(points.shape[:1])}, one for each point, "
            f"got {tuple(values.shape)}"
        )
    return values


def _slope(values: Array, points: Array) -> Array:
    """Return the derivative of each value by its point, itself open to differentiation."""
    import torch  # the caller has it; the package can do without

    if not values.requires_grad:  # a constant, such as the slope of a line
        return torch.zeros_like(points)
    (slope,) = torch.autograd.grad(
        values.sum(), points, create_graph=True, allow_unused=True, materialize_grads=True
    )
    return slope


def _squared(residual: Callable[[Array], Array], points: Array) -> Any:
    """Return the squared residual at the points, with a graph if the caller wants one."""
    import torch

    wanted = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        points = points.detach().clone().requires_grad_()  # may come from inference mode
        squared = _values("equation", residual(points), points) ** 2
    return squared if wanted else squared.detach()
