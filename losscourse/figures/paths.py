"""Paths of optimisers over a surface's level lines, step by step, with a button that plays them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import contourpy
import numpy as np

from losscourse.figures.explorers import DASHES, SHAPES, Explorer, Position, Rows, rows_of
from losscourse.figures.pictures import INK, SERIES
from losscourse.surfaces import Surface

__all__ = ["explore_paths"]

_POSITIONS = 36
_LEVELS = (0.003, 0.02, 0.07, 0.15, 0.28, 0.45, 0.65, 0.88)  # shares of the window below
_TRAIL = 120  # points of one path in a picture


def explore_paths(
    surface: Surface,
    paths: Mapping[str, np.ndarray],
    *,
    alt: str,
    caption: str,
    start: int | None = None,
) -> Explorer:
    """Return an explorer that walks optimisers over a surface: the slider is the step.

    One panel shows the paths so far over the surface's level lines, with its minima as crosses;
    the other the height above the minimum that each has reached. A button plays the steps.

    Args:
        surface: Where they walk.
        paths: Each walk by its name, floats of shape (T + 1, 2), the start first; all of one
            length, at most six. Points outside the surface's window are not drawn.
        alt: What the still shows, in words that carry its message.
        caption: Below the figure; plain text.
        start: The step that the still shows, and the slider begins with; without one the last. The
            position nearest to it is taken.

    Returns:
        The explorer.

    Raises:
        ValueError: The paths are none, more than six, of different lengths, or not in the plane.

    Example:
        >>> from losscourse.optimizers import gradient_descent
        >>> from losscourse.surfaces import bowl, descend
        >>> path = descend(gradient_descent(0.1), bowl(), np.asarray([2.0, 1.0]), 20)
        >>> explorer = explore_paths(bowl(), {"descent": path}, alt="A path", caption="")
        >>> explorer.positions[-1].label
        '20'
    """
    import altair  # the book's extra

    shapes = {np.shape(path) for path in paths.values()}
    if not 1 <= len(paths) <= len(SERIES) or len(shapes) != 1:
        raise ValueError(
            f"paths: expected one to {len(SERIES)} of one shape, got {len(paths)} of {shapes}"
        )
    (shape,) = shapes
    if len(shape) != 2 or shape[1] != 2 or shape[0] < 2:
        raise ValueError(f"paths: expected shape (T + 1, 2) with T at least 1, got {shape}")
    last = shape[0] - 1
    steps = np.unique(np.linspace(0, last, min(_POSITIONS, last + 1)).round().astype(int))
    begin = int(np.abs(steps - (last if start is None else start)).argmin())
    floor = float(np.min(surface.value(np.asarray(surface.minima))))
    with np.errstate(over="ignore", invalid="ignore"):
        heights = {name: surface.value(path) - floor for name, path in paths.items()}
    tables = {"levels": _level_lines(surface), "trails": _trails(paths, heights, steps)}
    now = altair.param(name="now", value=int(steps[begin]))
    return Explorer(
        [_plane(surface, list(paths), now), _heights(heights, last, now)],
        [
            Position(f"{step}", _reading(step, heights), tables, {"now": int(step)})
            for step in steps
        ],
        start=begin,
        label="step",
        alt=alt,
        caption=caption,
        plays=True,
    )


def _trails(
    paths: Mapping[str, np.ndarray], heights: Mapping[str, np.ndarray], steps: np.ndarray
) -> Rows:
    """Return the paths as rows: the slider's steps and enough of those between."""
    between = np.linspace(0, steps[-1], min(_TRAIL, steps[-1] + 1)).round().astype(int)
    shown = np.union1d(steps, between)
    rows: Rows = []
    for number, (name, path) in enumerate(paths.items()):
        kept = shown[np.isfinite(heights[name][shown])]
        x, y = path[kept].T
        series = np.full(len(kept), number)
        rows += rows_of(step=kept, series=series, x=x, y=y, height=heights[name][kept])
    return rows


def _reading(step: int, heights: Mapping[str, np.ndarray]) -> str:
    """Return where the paths are at a step."""
    heard = [
        f"{name} at {height[step]:.2g}" if np.isfinite(height[step]) else f"{name} out of range"
        for name, height in heights.items()
    ]
    return f"Step {step}, height above the minimum: {', '.join(heard)}."


def _looks(names: Sequence[str], legend: bool) -> dict[str, Any]:
    """Return how the paths are told apart: by colour, dash and mark."""
    import altair as alt

    domain = list(range(len(names)))
    words = f"{json.dumps(list(names))}[datum.value]"
    shown = legend and len(names) > 1
    key = alt.Legend(title=None, orient="top", columns=2, labelExpr=words) if shown else None

    def channel(kind: Any, looks: Sequence[Any]) -> Any:
        return kind(
            "series:N", scale=alt.Scale(domain=domain, range=looks[: len(names)]), legend=key
        )

    return {
        "color": channel(alt.Color, SERIES),
        "strokeDash": channel(alt.StrokeDash, DASHES),
        "shape": channel(alt.Shape, SHAPES),
    }


def _plane(surface: Surface, names: Sequence[str], now: Any) -> Any:
    """Return the chart of the level lines, the minima and the paths."""
    import altair as alt

    low_x, high_x, low_y, high_y = surface.window
    across = alt.X("x:Q", title="x", scale=alt.Scale(domain=[low_x, high_x], nice=False))
    up = alt.Y("y:Q", title="y", scale=alt.Scale(domain=[low_y, high_y], nice=False))
    levels = alt.Chart(alt.NamedData("levels"))
    thin = levels.mark_line(color=INK, opacity=0.3, strokeWidth=1, clip=True)
    x, y = np.asarray(surface.minima).T
    minima = alt.Chart(alt.Data(values=rows_of(x=x, y=y)))
    crosses = minima.mark_point(shape="cross", color=INK, filled=True, size=70, opacity=1)
    looks = _looks(names, legend=True)
    color, dash, shape = looks["color"], looks["strokeDash"], looks["shape"]
    walked = alt.Chart(alt.NamedData("trails"))
    trails = walked.transform_filter("datum.step <= now").mark_line(strokeWidth=1.8, clip=True)
    ends = walked.transform_filter("datum.step == now").mark_point(
        filled=True, size=60, opacity=1, clip=True
    )
    layers = [
        thin.encode(x=across, y=up, detail="line:N", order="turn:Q"),
        crosses.encode(x=across, y=up),
        trails.encode(x=across, y=up, order="step:Q", color=color, strokeDash=dash),
        ends.encode(x=across, y=up, color=color, shape=shape),
    ]
    return alt.layer(*layers).add_params(now).properties(width=270, height=230)


def _heights(heights: Mapping[str, np.ndarray], last: int, now: Any) -> Any:
    """Return the chart of the heights over the steps."""
    import altair as alt

    known = np.concatenate([height[np.isfinite(height)] for height in heights.values()])
    top = min(float(known.max()), 100 * max(float(height[0]) for height in heights.values()))
    bottom = max(float(known.min()), 1e-8 * top, 1e-300)
    scale = alt.Scale(type="log", domain=[bottom / 2, 2 * top], nice=False)
    across = alt.X("step:Q", title="step", scale=alt.Scale(domain=[0, last], nice=False))
    up = alt.Y(
        "height:Q",
        title="height above the minimum",
        scale=scale,
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    looks = _looks(list(heights), legend=False)
    trails = alt.Chart(alt.NamedData("trails")).mark_line(clip=True)
    walked = trails.transform_filter("datum.step <= now").add_params(now)
    coloured = walked.encode(x=across, y=up, color=looks["color"], strokeDash=looks["strokeDash"])
    return coloured.properties(width=200, height=230)


def _level_lines(surface: Surface) -> Rows:
    """Return lines below which lie given shares of the window, as thin as a drawing allows."""
    low_x, high_x, low_y, high_y = surface.window
    x, y = np.linspace(low_x, high_x, 121), np.linspace(low_y, high_y, 121)
    heights = surface.value(np.stack(np.meshgrid(x, y), axis=-1))
    above = heights - heights.min()
    levels = np.quantile(above, _LEVELS)
    generator = contourpy.contour_generator(x, y, above)
    lines = [line for level in levels for line in generator.lines(level) if len(line) > 6]
    rows: Rows = []
    for number, line in enumerate(lines):
        count = np.clip(len(line) // 2, 12, 90)
        kept = line[np.unique(np.linspace(0, len(line) - 1, count).round().astype(int))]
        turn = np.arange(len(kept))
        rows += rows_of(x=kept[:, 0], y=kept[:, 1], line=np.full(len(kept), number), turn=turn)
    return rows
