"""Properties of the physics losses: polynomials, whose derivatives are known, and a fit."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

from losscourse.losses.physics import boundary_residual, ode_residual, pde_residual
from losscourse.reduce import weighted_mean

COEFFICIENT = st.integers(-5, 5)
COEFFICIENTS = st.lists(COEFFICIENT, min_size=1, max_size=5)
TIMES = torch.linspace(-1, 1, 9, dtype=torch.float64)


def evaluate(coefficients, x):
    """Return a polynomial by Horner's rule, on tensors."""
    value = torch.zeros_like(x)
    for c in reversed(coefficients):
        value = value * x + c
    return value


@settings(deadline=None, max_examples=40)
@given(coefficients=COEFFICIENTS, order=st.integers(1, 4))
def test_the_highest_derivative_of_a_polynomial_is_its_own(coefficients, order):
    ours = ode_residual(
        lambda t: evaluate(coefficients, t),
        lambda t, u, *slopes: slopes[-1],
        TIMES,
        order=order,
    )
    theirs = Polynomial(coefficients).deriv(order)(TIMES.numpy()) ** 2
    np.testing.assert_allclose(ours.detach(), theirs, rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(first=COEFFICIENTS, second=COEFFICIENTS, a=COEFFICIENT, b=COEFFICIENT)
def test_residuals_of_a_linear_equation_add_up(first, second, a, b):
    """The root of the loss is the residual: its sign is taken from a shift of 1000."""

    def residual(function):
        squares = ode_residual(function, lambda t, u, d1, d2: d2 + 3 * d1 - u + 1e4, TIMES, order=2)
        return squares.detach().sqrt() - 1e4

    both = residual(lambda t: a * evaluate(first, t) + b * evaluate(second, t))
    apart = [residual(lambda t, c=c: evaluate(c, t)) for c in (first, second)]
    np.testing.assert_allclose(both, a * apart[0] + b * apart[1], atol=1e-8)


@settings(deadline=None, max_examples=40)
@given(along_x=COEFFICIENTS, along_y=COEFFICIENTS)
def test_the_hessian_of_a_product_is_that_of_its_factors(along_x, along_y):
    points = torch.stack([TIMES, TIMES.flip(0) / 2], dim=1)
    p, q = Polynomial(along_x), Polynomial(along_y)
    x, y = points.T.numpy()
    expected = {
        (0, 0): p.deriv(2)(x) * q(y),
        (0, 1): p.deriv(1)(x) * q.deriv(1)(y),
        (1, 1): p(x) * q.deriv(2)(y),
    }
    for (i, j), value in expected.items():
        ours = pde_residual(
            lambda p: evaluate(along_x, p[:, 0]) * evaluate(along_y, p[:, 1]),
            lambda p, u, g, h, i=i, j=j: h[:, i, j],
            points,
        )
        np.testing.assert_allclose(ours.detach(), value**2, rtol=1e-10, atol=1e-10)


def test_the_pieces_together_find_the_solution():
    """u' = -2u with u(0) = 3: least squares over polynomials of degree 8 come to 3 exp(-2t)."""
    weights = torch.zeros(9, dtype=torch.float64, requires_grad=True)
    times = torch.linspace(0, 1, 30, dtype=torch.float64)
    start = torch.zeros(1, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def function(t):
        return torch.stack([t**k for k in range(9)], dim=1) @ weights

    def objective():
        optimizer.zero_grad()
        inside = ode_residual(function, lambda t, u, du: du + 2 * u, times)
        value = weighted_mean(inside) + weighted_mean(boundary_residual(function, start, start + 3))
        value.backward()
        return value

    optimizer.step(objective)
    with torch.no_grad():
        torch.testing.assert_close(function(times), 3 * torch.exp(-2 * times), rtol=0, atol=1e-3)
