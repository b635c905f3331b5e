"""Explorers of fits: a loss's parameter and its line, gradient descent, a constant prediction."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog, minimize

from losscourse.arrays import Array
from losscourse.catalogue import CATALOGUE, Loss
from losscourse.figures.explorers import Explorer, Position, Rows, rows_of, span
from losscourse.figures.pictures import INK, SERIES
from losscourse.losses.regression import mse, squared_error, squared_error_grad
from losscourse.optimizers import gradient_descent

__all__ = ["explore_descent", "explore_line_fit", "explore_squares"]


def explore_line_fit(
    function: Callable[..., Array],
    parameter: str,
    values: Sequence[float],
    x: Array,
    y: Array,
    *,
    start: float,
    reach: float,
    alt: str,
    caption: str,
) -> Explorer:
    """Return an explorer of a loss's parameter: loss, gradient and a fitted line move together.

    Args:
        function: A loss of the catalogue with a hyperparameter.
        parameter: The hyperparameter's name.
        values: The slider's positions, rising.
        x: Floats, shape (N,): the data that the line is fitted to.
        y: Floats, shape (N,).
        start: The value to begin with; one of `values`.
        reach: Residuals are drawn from -reach to reach.
        alt: What the still shows.
        caption: Below the figure; plain text.

    Returns:
        The explorer.

    Raises:
        ValueError: `start` is none of `values`.
    """
    if start not in values:
        raise ValueError(f"start: expected one of the slider's values, got {start}")
    loss = CATALOGUE[function.__name__]
    grid = np.linspace(-reach, reach, 81)
    positions = [_position(loss, parameter, value, grid, x, y) for value in values]
    curves = [row for position in positions for row in position.tables["curve"]]
    peak = max(row["loss"] for row in curves)
    steepest = max(abs(row["gradient"]) for row in curves)
    return Explorer(
        _line_fit_charts(x, y, reach, peak, steepest),
        positions,
        start=list(values).index(start),
        label=parameter,
        alt=alt,
        caption=caption,
    )


def explore_descent(
    x: Array,
    y: Array,
    learning_rates: Sequence[float],
    *,
    start: float,
    alt: str,
    caption: str,
    steps: int = 60,
) -> Explorer:
    """Return an explorer of the learning rate: a line is fitted by gradient descent on the MSE.

    Descent begins at slope 0 and intercept 0. One panel shows the objective over the steps, one
    the path over level lines of the objective, one the line that the last step reached.

    Args:
        x: Floats, shape (N,), not all equal.
        y: Floats, shape (N,).
        learning_rates: The slider's positions, rising; positive.
        start: The learning rate to begin with; one of `learning_rates`.
        alt: What the still shows.
        caption: Below the figure; plain text.
        steps: How many steps descent takes.

    Returns:
        The explorer.

    Raises:
        ValueError: `start` is none of `learning_rates`, or one of these is not positive.

    Example:
        >>> x = np.asarray([-1.0, 1.0])
        >>> explorer = explore_descent(x, 2 * x, [0.1, 0.5], start=0.5, alt="Descent", caption="")
        >>> explorer.positions[1].tables["path"][1]["slope"]
        2.0
    """
    if start not in learning_rates:
        raise ValueError(f"start: expected one of the learning rates, got {start}")
    design = np.stack([x, np.ones_like(x)], axis=1)
    return Explorer(
        _descent_charts(design, y, steps),
        [_descent_position(design, y, rate, steps) for rate in learning_rates],
        start=list(learning_rates).index(start),
        label="learning rate",
        alt=alt,
        caption=caption,
    )


def explore_squares(
    targets: Array,
    predictions: Sequence[float],
    *,
    start: float,
    alt: str,
    caption: str,
) -> Explorer:
    """Return an explorer of a constant prediction: residuals as squares, objective and gradient.

    Args:
        targets: Floats, shape (N,), each from 0 to 10.
        predictions: The slider's positions, rising, each from 0 to 10.
        start: The prediction to begin with; one of `predictions`.
        alt: What the still shows.
        caption: Below the figure; plain text.

    Returns:
        The explorer.

    Raises:
        ValueError: `start` is none of `predictions`.

    Example:
        >>> explorer = explore_squares(
        ...     np.asarray([1.0, 5.0]), [2.0, 3.0], start=3.0, alt="Two squares", caption="")
        >>> explorer.positions[1].tables["now"]
        [{'m': 3.0, 'objective': 4.0, 'gradient': 0.0}]
    """
    if start not in predictions:
        raise ValueError(f"start: expected one of the predictions, got {start}")
    return Explorer(
        _squares_charts(targets),
        [_squares_position(targets, prediction) for prediction in predictions],
        start=list(predictions).index(start),
        label="prediction m",
        alt=alt,
        caption=caption,
    )


def _position(
    loss: Loss, parameter: str, value: float, grid: np.ndarray, x: np.ndarray, y: np.ndarray
) -> Position:
    """Return the curves and the fit at one value of the parameter."""
    setting = {parameter: float(value)}
    slope, intercept = _fit_line(loss, setting, x, y)
    residuals = slope * x + intercept - y
    ends = np.asarray([x.min(), x.max()])
    pulls = loss.gradient(residuals, np.zeros_like(residuals), **setting)
    return Position(
        label=f"{value:.3g}",
        reading=(
            f"{parameter} = {value:.3g}: the fitted line is y = {slope:.2f} x "
            f"{'+' if intercept >= 0 else '-'} {abs(intercept):.2f}. "
            f"{_count(loss, parameter, value, residuals)}"
        ),
        tables={
            "curve": rows_of(
                e=grid,
                loss=loss.function(grid, np.zeros_like(grid), **setting),
                gradient=loss.gradient(grid, np.zeros_like(grid), **setting),
            ),
            "points": rows_of(
                x=x,
                y=y,
                e=residuals,
                loss=loss.function(residuals, np.zeros_like(residuals), **setting),
                gradient=pulls,
            ),
            "line": rows_of(x=ends, y=slope * ends + intercept),
        },
    )


def _count(loss: Loss, parameter: str, value: float, residuals: np.ndarray) -> str:
    """Return a sentence on the residuals that the parameter divides, by its unit."""
    if loss.parameters[parameter].unit == "target":
        larger = int(np.sum(np.abs(residuals) > value))
        return f"{larger} of {len(residuals)} residuals are larger than {parameter}."
    on, below = int(np.sum(np.abs(residuals) < 1e-6)), int(np.sum(residuals > 1e-6))
    return f"Of {len(residuals)} points {below} lie below the line and {on} on it."


def _fit_line(
    loss: Loss, setting: dict[str, float], x: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Return slope and intercept of the line with the smallest mean loss."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    if loss.smoothness == 0:
        return _fit_line_with_kink(loss, setting, design, y)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        fitted = design @ theta
        gradient = design.T @ loss.gradient(fitted, y, **setting) / len(y)
        return float(np.mean(loss.function(fitted, y, **setting))), gradient

    start = np.linalg.lstsq(design, y, rcond=None)[0]
    slope, intercept = minimize(objective, start, jac=True, method="BFGS", tol=1e-8).x
    return float(slope), float(intercept)


def _fit_line_with_kink(
    loss: Loss, setting: dict[str, float], design: np.ndarray, y: np.ndarray
) -> tuple[float, float]:
    """Return the line of a loss with one slope on each side of 0, by linear programming.

    Each residual is over - under, two numbers of at least 0 that are charged by the two slopes.
    """
    one = np.ones_like(y)
    over, under = (loss.function(e, 0 * one, **setting) for e in (one, -one))
    free, positive = [(None, None)] * 2, [(0, None)] * (2 * len(y))
    slope, intercept = linprog(
        np.concatenate([[0, 0], over, under]),
        A_eq=np.concatenate([design, -np.eye(len(y)), np.eye(len(y))], axis=1),
        b_eq=y,
        bounds=free + positive,
    ).x[:2]
    return float(slope), float(intercept)


def _line_fit_charts(
    x: np.ndarray, y: np.ndarray, reach: float, peak: float, steepest: float
) -> list[Any]:
    """Return the three charts: loss and gradient over the residual, data with the line."""
    import altair as alt

    residual = alt.X("e:Q", title="residual e", scale=alt.Scale(domain=[-reach, reach]))

    def curve(column: str, title: str, domain: list[float], colour: str) -> Any:
        height = alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domain=domain))
        line = alt.Chart(alt.NamedData("curve")).mark_line(color=colour, clip=True)
        dots = alt.Chart(alt.NamedData("points")).mark_point(
            color=INK, filled=True, opacity=0.6, size=30, clip=True
        )
        return alt.layer(*(c.encode(x=residual, y=height) for c in (line, dots)))

    across = alt.X("x:Q", title="x", scale=alt.Scale(domain=span(x), nice=False))
    up = alt.Y("y:Q", title="y", scale=alt.Scale(domain=span(y), nice=False))
    points = alt.Chart(alt.NamedData("points")).mark_point(
        color=INK, filled=True, opacity=0.6, size=30
    )
    line = alt.Chart(alt.NamedData("line")).mark_line(color=SERIES[1], clip=True)
    charts = [
        curve("loss", "loss", [0, peak], SERIES[0]),
        curve("gradient", "gradient", [-1.1 * steepest, 1.1 * steepest], SERIES[0]),
        alt.layer(*(c.encode(x=across, y=up) for c in (points, line))),
    ]
    return [chart.properties(width=168, height=168) for chart in charts]


_BREADTH = (-1, 11)
"""The ends of the drawing of squares across; upwards it runs from 0 to 10, in the same scale."""


def _squares_position(targets: np.ndarray, prediction: float) -> Position:
    """Return the squares, the objective and its gradient at one constant prediction."""
    places = np.linspace(*_BREADTH, 2 * len(targets) + 1)[1::2]
    constant = np.full_like(targets, prediction)
    objective = float(mse(constant, targets))
    gradient = float(squared_error_grad(constant, targets).mean())
    squares = squared_error(constant, targets)
    return Position(
        label=f"{prediction:.4g}",
        reading=(
            f"m = {prediction:.4g}: the squares {', '.join(f'{s:.4g}' for s in squares)} have the "
            f"mean {objective:.4g}; the gradient is {gradient:.4g}."
        ),
        tables={
            # Each square grows towards the middle, so that all of it stays in the picture.
            "squares": rows_of(
                x=places,
                y=targets,
                x2=places + np.sqrt(squares) * np.where(places < 5, 1, -1),
                m=constant,
            ),
            "level": rows_of(x=np.asarray(_BREADTH), m=np.full(2, prediction)),
            "now": [{"m": prediction, "objective": objective, "gradient": gradient}],
        },
    )


def _squares_charts(targets: np.ndarray) -> list[Any]:
    """Return the three charts: targets with squares, objective and gradient over the prediction."""
    import altair as alt

    sides = alt.Scale(domain=[0, 10], nice=False)
    across = alt.X("x:Q", scale=alt.Scale(domain=_BREADTH, nice=False), axis=None)
    up = alt.Y("y:Q", scale=sides, title="target")
    boxes = alt.Chart(alt.NamedData("squares"))
    drawing = alt.layer(
        boxes.mark_rect(color=SERIES[0], opacity=0.25, clip=True).encode(
            x=across, x2="x2", y=up, y2="m"
        ),
        alt.Chart(alt.NamedData("level"))
        .mark_line(color=SERIES[1])
        .encode(x=across, y=alt.Y("m:Q", scale=sides)),
        boxes.mark_point(color=INK, filled=True, size=45, opacity=0.9).encode(x=across, y=up),
    )

    m = alt.X("m:Q", title="prediction m", scale=sides)
    grid = np.linspace(0, 10, 81)
    constants = [np.full_like(targets, value) for value in grid]
    rows = rows_of(
        m=grid,
        objective=np.asarray([mse(constant, targets) for constant in constants]),
        gradient=np.asarray([squared_error_grad(c, targets).mean() for c in constants]),
    )

    def curve(column: str) -> Any:
        # A domain of its own, since a live chart is drawn once before its dot arrives.
        values = [row[column] for row in rows] + [0.0]
        domain = alt.Scale(domain=[min(values), max(values)])
        height = alt.Y(f"{column}:Q", title=column, scale=domain)
        line = alt.Chart(alt.Data(values=rows)).mark_line(color=SERIES[0])
        dot = alt.Chart(alt.NamedData("now")).mark_point(color=SERIES[1], filled=True, size=70)
        return alt.layer(*(chart.encode(x=m, y=height) for chart in (line, dot)))

    charts = [drawing, curve("objective"), curve("gradient")]
    height = 140
    widths = height * (_BREADTH[1] - _BREADTH[0]) / 10, 160, 160
    return [
        chart.properties(width=width, height=height)
        for chart, width in zip(charts, widths, strict=True)
    ]


def _descent_position(design: np.ndarray, y: np.ndarray, rate: float, steps: int) -> Position:
    """Return the path of gradient descent at one learning rate."""
    init, update = gradient_descent(rate)
    theta = np.zeros(2)
    state, path = init(theta), [theta]
    for _ in range(steps):
        gradient = design.T @ squared_error_grad(design @ theta, y) / len(y)
        updates, state = update(gradient, state, theta)
        theta = theta + updates
        path.append(theta)
    slopes, intercepts = np.stack(path, axis=1)
    objective = np.asarray([mse(design @ point, y) for point in path])
    flat, steep = 1 - rate * np.linalg.eigvalsh(_hessian(design))
    ends = np.asarray([design[:, 0].min(), design[:, 0].max()])
    return Position(
        label=f"{rate:.3g}",
        reading=(
            f"After {steps} steps at learning rate {rate:.3g} the objective is "
            f"{objective[-1]:.3g}. Each step multiplies the distance from the best line by "
            f"{steep:.3f} in the steep direction and by {flat:.3f} in the flat one."
        ),
        tables={
            "path": rows_of(
                step=np.arange(steps + 1), objective=objective, slope=slopes, intercept=intercepts
            ),
            "line": rows_of(x=ends, y=theta[0] * ends + theta[1]),
        },
    )


def _descent_charts(design: np.ndarray, y: np.ndarray, steps: int) -> list[Any]:
    """Return the three charts: objective over steps, path over level lines, data with the line."""
    import altair as alt

    def axis(name: str, domain: Sequence[float]) -> dict[str, Any]:
        return {"title": name, "scale": alt.Scale(domain=domain, nice=False)}

    best = np.linalg.lstsq(design, y, rcond=None)[0]
    lowest, first = (float(mse(design @ theta, y)) for theta in (best, np.zeros(2)))
    decades = alt.Scale(type="log", domain=[max(lowest / 2, first / 1e4), 20 * first])
    path = alt.Chart(alt.NamedData("path"))
    curve = path.mark_line(color=SERIES[0], clip=True).encode(
        x=alt.X("step:Q", **axis("step", [0, steps])),
        y=alt.Y(
            "objective:Q", title="objective", scale=decades, axis=alt.Axis(tickCount=4, format="~s")
        ),
    )

    levels = alt.Chart(alt.Data(values=_level_lines(design, best, first - lowest)))
    thin = levels.mark_line(color=INK, opacity=0.35, strokeWidth=1, clip=True)
    dots = alt.OverlayMarkDef(color=SERIES[0], size=12, clip=True)
    walk = path.mark_line(color=SERIES[0], strokeWidth=1, clip=True, point=dots)
    slope, intercept = (sorted((-0.5 * value, 2.8 * value)) for value in best)
    across = alt.X("slope:Q", **axis("slope", slope))
    up = alt.Y("intercept:Q", **axis("intercept", intercept))
    plane = alt.layer(
        thin.encode(x=across, y=up, detail="level:N", order="turn:Q"),
        walk.encode(x=across, y=up, order="step:Q"),
    )

    across = alt.X("x:Q", **axis("x", span(design[:, 0])))
    up = alt.Y("y:Q", **axis("y", span(y)))
    points = alt.Chart(alt.Data(values=rows_of(x=design[:, 0], y=y)))
    faint = points.mark_point(color=INK, filled=True, opacity=0.6, size=12)
    line = alt.Chart(alt.NamedData("line")).mark_line(color=SERIES[1], clip=True)
    fit = alt.layer(*(chart.encode(x=across, y=up) for chart in (faint, line)))
    return [chart.properties(width=160, height=160) for chart in (curve, plane, fit)]


def _level_lines(design: np.ndarray, best: np.ndarray, excess: float) -> Rows:
    """Return ellipses on which the objective exceeds its minimum by shares of `excess`."""
    turn = np.linspace(0, 2 * np.pi, 41)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    ellipse = np.linalg.inv(np.linalg.cholesky(_hessian(design))).T @ circle
    rows: Rows = []
    for level, share in enumerate((0.01, 0.1, 0.4, 1.0)):
        slope, intercept = best[:, None] + np.sqrt(2 * share * excess) * ellipse
        rows += rows_of(
            level=np.full_like(turn, level), turn=turn, slope=slope, intercept=intercept
        )
    return rows


def _hessian(design: np.ndarray) -> np.ndarray:
    """Return the second derivatives of the mean squared error of a linear model."""
    return 2 * design.T @ design / len(design)
