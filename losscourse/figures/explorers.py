"""Sliders that run from the static site: every position's values are computed at build time.

An explorer is a figure with a still picture, which is what print and a browser without scripts
show. `book/_static/explorer.js` puts live charts in the still's place and a slider below it.
"""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from losscourse.arrays import Array
from losscourse.figures.pictures import INK, SERIES, frame, themed_svg

__all__ = [
    "DASHES",
    "SHAPES",
    "Explorer",
    "Position",
    "Rows",
    "View",
    "explore",
    "rows_of",
    "span",
]

Rows = list[dict[str, float]]

DASHES = [[1, 0], [6, 3], [6, 3, 1, 3], [1, 3], [9, 2], [3, 2]]
"""How lines are told apart, beside their colour."""

SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
"""How dots are told apart, beside their colour."""


@dataclass(frozen=True)
class Position:
    """What an explorer shows at one position of its slider.

    Args:
        label: The parameter's value, as the reader sees it.
        reading: The picture in a sentence or two.
        tables: Rows by the name of the table that the charts draw.
        signals: Values by the name of the charts' parameter that takes them.
    """

    label: str
    reading: str
    tables: dict[str, Rows]
    signals: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """One panel of an explorer at one position of its slider.

    Args:
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        lines: x and y of each line by its name, floats of shape (N,); what is not finite is left
            out.
        dots: x and y of each group of dots by its name, floats of shape (N,).
        xlim: The ends of the horizontal axis; without them, all that any position shows.
        ylim: The ends of the vertical axis.
        log: The axes that are logarithmic: "", "x", "y" or "xy".
    """

    xlabel: str
    ylabel: str
    lines: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    dots: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    log: str = ""


class Explorer:
    """A figure with a slider.

    Args:
        charts: Altair charts whose data are named tables; one panel each.
        positions: What to show at each position of the slider.
        start: The position to begin with, and the still's.
        label: What the slider changes.
        alt: What the still shows, in words that carry its message.
        caption: One or two sentences below it; plain text.
        plays: Whether a button moves the slider from position to position.
    """

    def __init__(
        self,
        charts: Sequence[Any],
        positions: Sequence[Position],
        *,
        start: int,
        label: str,
        alt: str,
        caption: str,
        plays: bool = False,
    ) -> None:
        self.charts, self.positions, self.start = charts, positions, start
        self.label, self.alt, self.caption, self.plays = label, alt, caption, plays

    def _repr_html_(self) -> str:
        import vl_convert  # the book's extra: drawing needs it, computing does not

        specs = [_styled(chart.to_dict()) for chart in self.charts]
        first = self.positions[self.start]
        stills = [
            themed_svg(vl_convert.vegalite_to_svg(_with_tables(spec, first.tables)))
            for spec in specs
        ]
        # A table that no position changes is written once.
        fixed = {
            name: rows
            for name, rows in first.tables.items()
            if all(position.tables.get(name) is rows for position in self.positions)
        }
        live = {
            "specs": [_themed_json(vl_convert.vegalite_to_vega(spec)) for spec in specs],
            "tables": _columns(fixed),
            "positions": [
                {
                    "label": p.label,
                    "reading": p.reading,
                    "tables": _columns({k: v for k, v in p.tables.items() if k not in fixed}),
                    "signals": p.signals,
                }
                for p in self.positions
            ],
        }
        script = json.dumps(live, separators=(",", ":")).replace("</", r"<\/")
        button = '<button type="button">Play</button>' if self.plays else ""
        controls = (
            f'<div class="slider" hidden>{button}<label>'
            f"<span>{html.escape(self.label)}</span>"
            f'<input type="range" min="0" max="{len(self.positions) - 1}" step="1" '
            f'value="{self.start}" aria-valuetext="{html.escape(first.label)}"></label>'
            f"<output>{html.escape(first.label)}</output></div>"
            f'<p class="reading" aria-live="polite">{html.escape(first.reading)}</p>'
            '<script type="application/json">'
            f"{script}</script>"
        )
        views = [f'<div class="view">{still}</div>' for still in stills]
        whole = frame(views, alt=self.alt, caption=self.caption, below=controls)
        return whole.replace('class="picture"', 'class="picture explorer"', 1)

    def __repr__(self) -> str:
        """The alternative text: what a terminal can show of an explorer."""
        return f"[Explorer: {self.alt}]"


def explore(
    label: str,
    values: Sequence[float],
    show: Callable[[float], tuple[str, Sequence[View]]],
    *,
    start: float,
    alt: str,
    caption: str,
) -> Explorer:
    """Return an explorer of whatever a function shows at each value of the slider.

    Args:
        label: What the slider changes, with its unit.
        values: The slider's positions, rising.
        show: Takes a value; returns the picture in a sentence or two, and one to three panels.
        start: The value to begin with; one of `values`.
        alt: What the still shows, in words that carry its message.
        caption: Below the figure; plain text.

    Returns:
        The explorer.

    Raises:
        ValueError: `start` is none of `values`, or the panels of two positions differ in their
            axes or in the names of what they show.

    Example:
        >>> x = np.linspace(-1, 1, 3)
        >>> def show(power):
        ...     return f"Power {power:g}.", [View("x", "y", lines={"curve": (x, x**power)})]
        >>> explorer = explore("power", [1, 2], show, start=2, alt="A parabola", caption="")
        >>> explorer.positions[1].tables["lines 0"][0]
        {'x': -1.0, 'y': 1.0, 'series': 0.0}
    """
    if start not in values:
        raise ValueError(f"start: expected one of the slider's values, got {start}")
    readings, shown = zip(*(show(value) for value in values), strict=True)
    for value, views in zip(values, shown, strict=True):
        if [_outline(view) for view in views] != [_outline(view) for view in shown[0]]:
            raise ValueError(f"show: the panels at {value} are not those at {values[0]}")
    return Explorer(
        [
            _chart(number, panel, side={1: 300, 2: 230}.get(len(shown[0]), 168))
            for number, panel in enumerate(zip(*shown, strict=True))
        ],
        [
            Position(f"{value:.4g}", reading, _tables(views))
            for value, reading, views in zip(values, readings, shown, strict=True)
        ],
        start=list(values).index(start),
        label=label,
        alt=alt,
        caption=caption,
    )


def _outline(view: View) -> tuple[Any, ...]:
    """Return what a panel has in common at all positions."""
    return view.xlabel, view.ylabel, view.xlim, view.ylim, view.log, *view.lines, 0, *view.dots


def _tables(views: Sequence[View]) -> dict[str, Rows]:
    """Return what the panels draw; a series is named by its number, which is shorter."""
    tables = {}
    for number, view in enumerate(views):
        for kind, groups in (("lines", view.lines), ("dots", view.dots)):
            tables[f"{kind} {number}"] = [
                row
                for series, (x, y) in enumerate(groups.values())
                for row in rows_of(x=x, y=y, series=np.full(np.shape(x), series))
                if np.isfinite(row["x"]) and np.isfinite(row["y"])
            ]
    return tables


def _chart(number: int, views: Sequence[View], side: int) -> Any:
    """Return one panel's chart, whose axes have room for what it shows at any position."""
    import altair as alt

    view, *_ = views
    rows = [row for one in views for table in _tables([one]).values() for row in table]

    def axis(name: str, title: str, limits: tuple[float, float] | None) -> dict[str, Any]:
        found = np.asarray([row[name] for row in rows])
        kind = "log" if name in view.log else "linear"
        ends = [found.min(), found.max()] if kind == "log" else span(found)
        scale = alt.Scale(type=kind, domain=[float(end) for end in limits or ends], nice=False)
        ticks = alt.Axis(tickCount=4, format="~g") if kind == "log" else alt.Undefined
        return {"title": title, "scale": scale, "axis": ticks}

    def groups(channel: Any, names: Sequence[str], looks: Sequence[Any]) -> Any:
        several = len(names) > 1
        words = json.dumps(list(names))
        legend = alt.Legend(title=None, orient="top", columns=1, labelExpr=f"{words}[datum.value]")
        scale = alt.Scale(domain=list(range(len(names))), range=list(looks[: len(names)]))
        return channel("series:N", scale=scale, legend=legend if several else None)

    across = alt.X("x:Q", **axis("x", view.xlabel, view.xlim))
    up = alt.Y("y:Q", **axis("y", view.ylabel, view.ylim))
    layers = []
    if view.lines:
        lines = alt.Chart(alt.NamedData(f"lines {number}")).mark_line(clip=True)
        names = list(view.lines)
        looks = groups(alt.Color, names, SERIES), groups(alt.StrokeDash, names, DASHES)
        # One number a line, so that its points stay as they come: it may turn back.
        layers.append(lines.encode(across, up, *looks, alt.Order("series:Q")))
    if view.dots:
        dots = alt.Chart(alt.NamedData(f"dots {number}")).mark_point(
            filled=True, opacity=0.7, size=36, clip=True
        )
        names = list(view.dots)
        colours = [INK] if len(names) == 1 else SERIES[1:]
        looks = groups(alt.Color, names, colours), groups(alt.Shape, names, SHAPES)
        layers.append(dots.encode(across, up, *looks))
    own = dict.fromkeys(("color", "strokeDash", "shape"), "independent")
    chart = alt.layer(*layers).resolve_scale(**own)
    return chart.properties(width=side, height=min(side, 200))


def span(values: np.ndarray) -> list[float]:
    """Return the values' range with a margin.

    Args:
        values: Floats, of any shape.

    Returns:
        Two numbers: the ends of an axis.
    """
    margin = 0.06 * float(np.ptp(values))
    return [float(np.min(values)) - margin, float(np.max(values)) + margin]


def rows_of(**columns: np.ndarray) -> Rows:
    """Return a table as rows, with four significant digits: enough for a drawing.

    Args:
        **columns: Floats, shape (N,), by name.

    Returns:
        N rows.
    """
    names = list(columns)
    return [
        {name: float(f"{value:.4g}") for name, value in zip(names, row, strict=True)}
        for row in zip(*columns.values(), strict=True)
    ]


def _columns(tables: dict[str, Rows]) -> dict[str, dict[str, list[float]]]:
    """Return tables by column, which says each column's name once."""
    return {
        table: {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
        for table, rows in tables.items()
    }


def _styled(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a chart's specification with the ink and the font of the pages."""
    ink = {"labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK}
    axis = {**ink, "gridColor": INK, "gridOpacity": 0.12, "labelFontSize": 12, "titleFontSize": 12}
    legend = {"labelColor": INK, "labelFontSize": 12, "labelLimit": 220}
    config = {
        "axis": {**axis, "titleFontWeight": "normal"},
        "legend": legend,
        "view": {"stroke": None},
    }
    return {**spec, "background": "transparent", "config": config, "usermeta": None}


def _with_tables(spec: Any, tables: dict[str, Rows]) -> Any:
    """Return the specification with every named table filled in."""
    if isinstance(spec, list):
        return [_with_tables(part, tables) for part in spec]
    if not isinstance(spec, dict):
        return spec
    if set(spec) == {"name"} and spec["name"] in tables:
        return {"name": spec["name"], "values": tables[spec["name"]]}
    return {key: _with_tables(part, tables) for key, part in spec.items()}


def _themed_json(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a Vega specification whose colours are the page's."""
    text = json.dumps(spec).replace(INK, "currentColor")
    for i, colour in enumerate(SERIES, start=1):
        text = text.replace(colour, f"var(--series-{i}, {colour})")
    return json.loads(text)
