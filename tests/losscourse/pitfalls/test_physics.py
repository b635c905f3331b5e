import torch

from losscourse.losses.physics import ode_residual, pde_residual


def test_the_second_derivative_of_a_line_is_0():
    """pytorch/pytorch#32304: the slope is a constant, which has no graph."""
    times = torch.linspace(0, 1, 5)
    slope = torch.tensor(3.0, requires_grad=True)
    losses = ode_residual(lambda t: slope * t, lambda t, u, v, a: a - 2, times, order=2)
    assert losses.tolist() == [4.0] * 5
    fixed = ode_residual(lambda t: 3 * t, lambda t, u, v, a: a, times, order=2)
    assert fixed.tolist() == [0.0] * 5
    third = ode_residual(lambda t: 3 * t, lambda t, u, *rest: rest[-1] + rest[0], times, order=3)
    assert third.tolist() == [9.0] * 5


def test_a_coordinate_that_the_function_ignores_has_derivative_0():
    """pytorch/pytorch#44189: None in place of 0."""
    points = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    losses = pde_residual(
        lambda x: x[:, 0] ** 2, lambda x, u, g, h: g[:, 1] + h[:, 1, 1] + h[:, 0, 0], points
    )
    assert losses.tolist() == [4.0] * 4
