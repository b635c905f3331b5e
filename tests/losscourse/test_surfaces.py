"""surfaces: what is printed is what is computed, its slope is the gradient, its minima are such."""

import re

import numpy as np
import pytest
import sympy
import torch
from scipy.optimize import minimize, rosen, rosen_der
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

from losscourse.optimizers import gradient_descent, momentum
from losscourse.surfaces import (
    BEALE,
    HIMMELBLAU,
    RASTRIGIN,
    ROSENBROCK,
    SADDLE,
    Surface,
    bowl,
    descend,
)

ALL = [BEALE, HIMMELBLAU, RASTRIGIN, ROSENBROCK, SADDLE, bowl(), bowl(50.0)]
each_surface = pytest.mark.parametrize("surface", ALL, ids=lambda surface: surface.name)


def spread(surface: Surface, count: int = 40) -> np.ndarray:
    low_x, high_x, low_y, high_y = surface.window
    rng = np.random.default_rng(0)
    return rng.uniform([low_x, low_y], [high_x, high_y], (count, 2))


@each_surface
def test_the_gradient_is_autograds(surface):
    points = torch.tensor(spread(surface), requires_grad=True)
    surface.value(points).sum().backward()
    np.testing.assert_allclose(surface.grad(points.detach()), points.grad, rtol=1e-9, atol=1e-9)


@each_surface
def test_numpy_and_torch_agree_and_points_may_have_any_shape(surface):
    points = spread(surface).reshape(4, 10, 2)
    np.testing.assert_allclose(surface.value(points), surface.value(torch.tensor(points)))
    assert surface.value(points).shape == (4, 10)
    assert surface.grad(points).shape == (4, 10, 2)
    assert surface.grad(points[0, 0]).shape == (2,)


@each_surface
def test_the_minima_are_the_lowest_points_of_the_window(surface):
    minima = np.asarray(surface.minima)
    np.testing.assert_allclose(surface.grad(minima), 0, atol=1e-9)
    lowest = surface.value(minima)
    np.testing.assert_allclose(lowest, lowest[0], atol=1e-12)
    low_x, high_x, low_y, high_y = surface.window
    grid = np.stack(
        np.meshgrid(np.linspace(low_x, high_x, 400), np.linspace(low_y, high_y, 400)), -1
    )
    assert (surface.value(grid) >= lowest[0]).all()
    ends = [
        minimize(surface.value, point, jac=surface.grad, tol=1e-12).x
        for point in grid[20::60, 20::60].reshape(-1, 2)
    ]
    found = [end for end in ends if surface.value(end) < lowest[0] + 1e-9]
    away = np.linalg.norm(np.asarray(found)[:, None] - minima, axis=-1)
    assert away.min(axis=1).max() < 1e-3  # there is no other
    assert away.min(axis=0).max() < 1e-3  # and each is found


def test_rosenbrocks_valley_is_scipys():
    points = spread(ROSENBROCK)
    np.testing.assert_allclose(ROSENBROCK.value(points), [rosen(point) for point in points])
    np.testing.assert_allclose(ROSENBROCK.grad(points), [rosen_der(point) for point in points])


def read_formula(latex: str) -> sympy.Expr:
    """Return what a formula of these says: fractions of digits, powers, cosines, products."""
    text = re.sub(r"\\tfrac(?:{(\d+)}|(\d))(\d)", r"(\1\2/\3)", latex).replace(r"\,", "")
    text = re.sub(r"\\cos 2\\pi ([xy])", r"cos(2*pi*\1)", text)
    rules = (*standard_transformations, implicit_multiplication_application, convert_xor)
    return parse_expr(text, transformations=rules)


@each_surface
def test_the_printed_formula_is_the_function(surface):
    said = sympy.lambdify(sympy.symbols("x y"), read_formula(surface.formula))
    points = spread(surface)
    np.testing.assert_allclose(surface.value(points), said(*points.T), rtol=1e-9, atol=1e-9)


def test_the_bowls_condition_number_is_its_hessians():
    steps = np.eye(2) * 1e-3
    hessian = (bowl(50.0).grad(steps) - bowl(50.0).grad(-steps)) / 2e-3
    assert np.linalg.cond(hessian) == pytest.approx(50)


def test_a_path_begins_at_its_start_and_follows_the_gradient():
    path = descend(gradient_descent(0.1), bowl(10.0), np.asarray([2.0, 1.0]), 3)
    expected = np.stack([2 * 0.9 ** np.arange(4), [1.0, 0.0, 0.0, 0.0]], axis=1)
    np.testing.assert_allclose(path, expected, atol=1e-12)


def test_paths_of_several_starts_are_those_of_each():
    starts = spread(HIMMELBLAU, 5)
    together = descend(momentum(0.001), HIMMELBLAU, starts, 30)
    alone = [descend(momentum(0.001), HIMMELBLAU, start, 30) for start in starts]
    np.testing.assert_allclose(together, np.stack(alone, axis=1))


def test_noise_is_the_seeds_and_has_its_standard_deviation():
    starts = np.zeros((4000, 2))
    path = descend(gradient_descent(0.1), bowl(10.0), starts, 1, noise=2.0, seed=3)
    assert np.std(path[1]) == pytest.approx(0.2, rel=0.05)
    again = descend(gradient_descent(0.1), bowl(10.0), starts, 1, noise=2.0, seed=3)
    assert (path == again).all()
    other = descend(gradient_descent(0.1), bowl(10.0), starts, 1, noise=2.0, seed=4)
    assert (path != other).any()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"^condition: expected a number in \[1, ∞\), got 0.5"):
        bowl(0.5)
    with pytest.raises(ValueError, match=r"^points: expected shape \(\.\.\., 2\), got \(3,\)$"):
        BEALE.value(np.zeros(3))
    with pytest.raises(ValueError, match=r"^steps: expected a whole number of at least 1, got 0$"):
        descend(gradient_descent(0.1), BEALE, np.zeros(2), 0)
    with pytest.raises(ValueError, match=r"^noise: expected a number in \[0, ∞\), got -1"):
        descend(gradient_descent(0.1), BEALE, np.zeros(2), 1, noise=-1)
