"""The helpers of `losscourse.losses.physics`: no case can hold what takes a function."""

import functools
import math
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from losscourse.losses import physics
from losscourse.losses.physics import boundary_residual, ode_residual, pde_residual
from tests.losscourse.losses.case import Case
from tests.losscourse.losses.helper import Helper

TIMES = torch.linspace(-1, 2, 7, dtype=torch.float64)
POINTS = torch.tensor(
    np.random.default_rng(0).uniform(-1, 1, size=(6, 2)), requires_grad=False, dtype=torch.float64
)
PI = math.pi


def close(left: Any, right: Any, atol: float = 1e-10) -> None:
    torch.testing.assert_close(left, right, rtol=1e-12, atol=atol)


# Ordinary differential equations.


def decay(t: Any, u: Any, du: Any) -> Any:
    """Return the residual of u' = -3u."""
    return du + 3 * u


def oscillator(t: Any, u: Any, du: Any, d2u: Any) -> Any:
    """Return the residual of u'' = -4u."""
    return d2u + 4 * u


def solutions_of_an_ode_have_no_residual(residual: Callable) -> None:
    zero = torch.zeros_like(TIMES)
    close(residual(lambda t: 5 * torch.exp(-3 * t), decay, TIMES), zero)
    close(residual(lambda t: torch.cos(2 * t), oscillator, TIMES, order=np.int64(2)), zero)
    close(residual(torch.sinh, lambda t, u, d1, d2, d3: d3 - d1, TIMES, order=3), zero)


def wrong_functions_have_their_residual_squared(residual: Callable) -> None:
    t = TIMES
    close(residual(torch.square, decay, t), (2 * t + 3 * t**2) ** 2)
    close(residual(lambda t: t**3, oscillator, t, order=2), (6 * t + 4 * t**3) ** 2)
    close(residual(torch.exp, lambda t, u, du: du - t, t), (torch.exp(t) - t) ** 2)


def lines_and_constants_have_derivatives_too(residual: Callable) -> None:
    t = TIMES
    close(residual(lambda t: 7 * t, lambda t, u, d1, d2: d1 + d2, t, order=2), 0 * t + 49)
    close(residual(torch.ones_like, decay, t), 0 * t + 9)


def parameters_get_their_gradient(residual: Callable) -> None:
    a = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    residual(lambda t: a * t**2, decay, TIMES).sum().backward()
    slope = 2 * TIMES + 3 * TIMES**2
    close(a.grad, (2 * 1.5 * slope**2).sum())
    rate = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    residual(torch.exp, lambda t, u, du: du - rate * u, TIMES).sum().backward()
    close(rate.grad, (2 * torch.exp(2 * TIMES)).sum())


def without_a_graph_the_value_is_the_same(residual: Callable) -> None:
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            out = residual(torch.square, decay, TIMES + 0)
        assert not out.requires_grad
        close(out, (2 * TIMES + 3 * TIMES**2) ** 2)


def points_keep_dtype_and_stay_alone(residual: Callable) -> None:
    for dtype in (torch.float32, torch.float64):
        times = torch.tensor([1.0, math.nan, 2.0], dtype=dtype)
        out = residual(torch.square, decay, times)
        assert out.dtype == dtype
        assert out.isnan().tolist() == [False, True, False]
        assert times.grad is None
        assert not times.requires_grad
        assert residual(torch.square, decay, times[:0]).shape == (0,)


def what_is_no_ode_is_refused(residual: Callable) -> None:
    for error, message, arguments, named in (
        (TypeError, "times: expected a torch tensor", (torch.exp, decay, np.ones(3)), {}),
        (TypeError, "times: expected a real floa", (torch.exp, decay, torch.ones(3).int()), {}),
        (ValueError, r"times: expected shape \(N,\)", (torch.exp, decay, POINTS), {}),
        (
            TypeError,
            "order: expected an integer, got float",
            (torch.exp, decay, TIMES),
            {"order": 1.0},
        ),
        (
            TypeError,
            "order: expected an integer, got bool",
            (torch.exp, decay, TIMES),
            {"order": True},
        ),
        (
            ValueError,
            "order: expected .* at least 1, got 0",
            (torch.exp, decay, TIMES),
            {"order": 0},
        ),
        (
            ValueError,
            "function: expected values of shape",
            (lambda t: t[:, None], decay, TIMES),
            {},
        ),
        (TypeError, "function: expected dtype", (lambda t: t.float(), decay, TIMES), {}),
        (
            ValueError,
            "equation: expected values of shape",
            (torch.exp, lambda t, u, du: (du - u).sum(), TIMES),
            {},
        ),
    ):
        with pytest.raises(error, match=f"^{message}"):
            residual(*arguments, **named)


def _altered(right: Callable, **patches: Callable) -> Callable:
    """Return a function whose module's parts are replaced."""

    @functools.wraps(right)
    def mutant(*arguments: Any, **named: Any) -> Any:
        with mock.patch.multiple(physics, **patches):
            return right(*arguments, **named)

    return mutant


def _after(right: Callable, change: Callable) -> Callable:
    """Return a function whose result is changed."""
    return functools.wraps(right)(lambda *arguments, **named: change(right(*arguments, **named)))


def _slope_without_graph(values: Any, points: Any) -> Any:
    return torch.autograd.grad(values.sum(), points, retain_graph=True)[0].requires_grad_()


def _slope_of_curves_alone(values: Any, points: Any) -> Any:
    return torch.autograd.grad(values.sum(), points, create_graph=True)[0]


def _slope_of_the_mean(values: Any, points: Any) -> Any:
    return torch.autograd.grad(values.mean(), points, create_graph=True, materialize_grads=True)[0]


def _changed_squares(change: Callable) -> Callable:
    """Return `_squared` with another last step."""

    def squared(residual: Callable, points: Any) -> Any:
        points = points.detach().requires_grad_()
        return change(physics._values("equation", residual(points), points))

    return squared


def _with_graph_alone(residual: Callable, points: Any) -> Any:
    """Return `_squared`'s result without leaving inference mode."""
    wanted = torch.is_grad_enabled()
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        squared = physics._values("equation", residual(points), points) ** 2
    return squared if wanted else squared.detach()


def mutants_of_a_residual(right: Callable) -> dict[str, Callable]:
    """Return what can go wrong with either residual."""
    return {
        "parameters out of reach": _altered(right, _slope=_slope_without_graph),
        "constants have no slope": _altered(right, _slope=_slope_of_curves_alone),
        "slope of the mean": _altered(right, _slope=_slope_of_the_mean),
        "not squared": _altered(right, _squared=_changed_squares(torch.abs)),
        "½": _altered(right, _squared=_changed_squares(lambda r: r**2 / 2)),
        "reduced": _after(right, torch.mean),
        "detached": _after(right, torch.detach),
        "needs a graph": _altered(right, _squared=_changed_squares(torch.square)),
        "no slope in inference mode": _altered(right, _squared=_with_graph_alone),
        "shapes unchecked": _altered(right, _values=lambda name, values, points: values),
        "points unchecked": _altered(right, _check_points=lambda axes, **named: None),
        "NaN hidden": _after(right, torch.nan_to_num),
        "raised to float64": _after(right, torch.Tensor.double),
    }


ODE_RESIDUAL = Helper(
    function=ode_residual,
    checks=(
        solutions_of_an_ode_have_no_residual,
        wrong_functions_have_their_residual_squared,
        lines_and_constants_have_derivatives_too,
        parameters_get_their_gradient,
        without_a_graph_the_value_is_the_same,
        points_keep_dtype_and_stay_alone,
        what_is_no_ode_is_refused,
    ),
    mutants={
        **mutants_of_a_residual(ode_residual),
        "first order alone": lambda function, equation, times, *, order=1: ode_residual(
            function, lambda t, u, du, *more: equation(t, u, *[du] * order), times, order=order
        ),
        "equation of the time alone": lambda function, equation, times, *, order=1: ode_residual(
            function, lambda t, u, *more: equation(t, t, *more), times, order=order
        ),
    },
)

# Partial differential equations.


def heat(x: Any, u: Any, gradient: Any, hessian: Any) -> Any:
    """Return the residual of u_t = u_xx/2, the time being the second coordinate."""
    return gradient[:, 1] - hessian[:, 0, 0] / 2


def poisson(x: Any, u: Any, gradient: Any, hessian: Any) -> Any:
    """Return the residual of u_xx + u_yy = -2π² sin(πx) sin(πy)."""
    waves = torch.sin(PI * x[:, 0]) * torch.sin(PI * x[:, 1])
    return hessian[:, 0, 0] + hessian[:, 1, 1] + 2 * PI**2 * waves


def solutions_of_a_pde_have_no_residual(residual: Callable) -> None:
    zero = torch.zeros(len(POINTS), dtype=torch.float64)

    def cooling(x: Any) -> Any:
        return torch.exp(-(PI**2) * x[:, 1] / 2) * torch.sin(PI * x[:, 0])

    close(residual(cooling, heat, POINTS), zero)
    close(residual(lambda x: torch.sin(PI * x).prod(dim=1), poisson, POINTS), zero)


def wrong_fields_have_their_residual_squared(residual: Callable) -> None:
    x, t = POINTS.T
    close(residual(lambda p: p[:, 0] ** 3 * p[:, 1], heat, POINTS), (x**3 - 3 * x * t) ** 2)
    mixed = residual(lambda p: p[:, 0] * p[:, 1] ** 3, lambda p, u, g, h: h[:, 0, 1] + u, POINTS)
    close(mixed, (3 * t**2 + x * t**3) ** 2)


def flat_fields_have_derivatives_too(residual: Callable) -> None:
    one = torch.ones(len(POINTS), dtype=torch.float64)
    close(
        residual(lambda p: 3 * p[:, 1], lambda p, u, g, h: g.sum(1) + h.sum((1, 2)), POINTS),
        9 * one,
    )
    close(residual(lambda p: one, lambda p, u, g, h: u + g.sum(1) + h.sum((1, 2)), POINTS), one)


def parameters_of_a_field_get_their_gradient(residual: Callable) -> None:
    a = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    x, t = POINTS.T
    residual(lambda p: a * p[:, 0] ** 3 * p[:, 1], heat, POINTS).sum().backward()
    close(a.grad, (2 * 1.5 * (x**3 - 3 * x * t) ** 2).sum())


def without_a_graph_the_field_is_the_same(residual: Callable) -> None:
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            out = residual(lambda p: p[:, 0] ** 3 * p[:, 1], heat, POINTS + 0)
        assert not out.requires_grad
        close(out, (POINTS[:, 0] ** 3 - 3 * POINTS[:, 0] * POINTS[:, 1]) ** 2)


def fields_keep_dtype_and_points_stay_alone(residual: Callable) -> None:
    for dtype in (torch.float32, torch.float64):
        points = torch.tensor([[1.0, 2.0, 0.5], [math.nan, 1.0, 0.5]], dtype=dtype)
        out = residual(lambda p: (p**2).sum(1), lambda p, u, g, h: g.sum(1) - u, points)
        assert out.dtype == dtype
        assert out.isnan().tolist() == [False, True]
        assert out[0].item() == (7.0 - 5.25) ** 2
        assert points.grad is None
        assert not points.requires_grad


def what_is_no_pde_is_refused(residual: Callable) -> None:
    def norm(p: Any) -> Any:
        return (p**2).sum(1)

    for error, message, arguments in (
        (TypeError, "points: expected a torch tensor", (norm, heat, np.ones((3, 2)))),
        (TypeError, "points: expected a real floating", (norm, heat, POINTS.int())),
        (ValueError, r"points: expected shape \(N, D\)", (norm, heat, TIMES)),
        (ValueError, "function: expected values of shape", (torch.square, heat, POINTS)),
        (TypeError, "function: expected dtype", (lambda p: norm(p).float(), heat, POINTS)),
        (
            ValueError,
            "equation: expected values of shape",
            (norm, lambda p, u, g, h: g, POINTS),
        ),
    ):
        with pytest.raises(error, match=f"^{message}"):
            residual(*arguments)


PDE_RESIDUAL = Helper(
    function=pde_residual,
    checks=(
        solutions_of_a_pde_have_no_residual,
        wrong_fields_have_their_residual_squared,
        flat_fields_have_derivatives_too,
        parameters_of_a_field_get_their_gradient,
        without_a_graph_the_field_is_the_same,
        fields_keep_dtype_and_points_stay_alone,
        what_is_no_pde_is_refused,
    ),
    mutants={
        **mutants_of_a_residual(pde_residual),
        "diagonal of the Hessian alone": lambda function, equation, points: pde_residual(
            function,
            lambda x, u, g, h: equation(x, u, g, h * torch.eye(x.shape[1], dtype=x.dtype)),
            points,
        ),
        "coordinates exchanged": lambda function, equation, points: pde_residual(
            function, lambda x, u, g, h: equation(x, u, g.flip(1), h), points
        ),
    },
)

# Known values.


def known_values_are_squared_errors(residual: Callable) -> None:
    targets = torch.linspace(0, 1, 7, dtype=torch.float64)
    close(residual(torch.exp, TIMES, targets), (torch.exp(TIMES) - targets) ** 2)
    norms = residual(lambda p: (p**2).sum(1), POINTS, targets[:6])
    close(norms, ((POINTS**2).sum(1) - targets[:6]) ** 2)


def known_values_reach_the_parameters(residual: Callable) -> None:
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    residual(lambda t: a * t, TIMES, torch.ones_like(TIMES)).sum().backward()
    close(a.grad, (2 * TIMES * (2 * TIMES - 1)).sum())


def what_is_no_known_value_is_refused(residual: Callable) -> None:
    for error, message, arguments in (
        (TypeError, "points: expected a torch tensor", (np.exp, np.ones(3), np.ones(3))),
        (ValueError, r"targets: expected shape \(7,\)", (torch.exp, TIMES, TIMES[:1])),
        (ValueError, r"targets: expected shape \(7,\)", (torch.exp, TIMES, TIMES[:, None])),
        (TypeError, "targets: expected dtype", (torch.exp, TIMES, TIMES.float())),
        (TypeError, "targets: expected Tensor", (torch.exp, TIMES, TIMES.numpy())),
        (ValueError, r"points: expected shape \(N, D\)", (torch.sum, POINTS[None], TIMES)),
        (ValueError, "function: expected values", (lambda t: t[:, None], TIMES, TIMES)),
    ):
        with pytest.raises(error, match=f"^{message}"):
            residual(*arguments)


BOUNDARY_RESIDUAL = Helper(
    function=boundary_residual,
    checks=(
        known_values_are_squared_errors,
        known_values_reach_the_parameters,
        what_is_no_known_value_is_refused,
    ),
    mutants={
        "½": _after(boundary_residual, lambda losses: losses / 2),
        "reduced": _after(boundary_residual, torch.mean),
        "detached": _after(boundary_residual, torch.detach),
        "targets added": lambda function, points, targets: boundary_residual(
            function, points, -targets
        ),
        "unchecked": lambda function, points, targets: (function(points) - targets) ** 2,
    },
)

CASES: list[Case] = []
HELPERS: list[Helper] = [ODE_RESIDUAL, PDE_RESIDUAL, BOUNDARY_RESIDUAL]
