"""Pictures: matplotlib figures as SVG inside the page, with alternative text and a caption.

Standing inside the page, a picture inherits the page's ink (`currentColor`) and its series colours
(CSS variables), so one drawing serves the light theme, the dark one and print.
"""

import hashlib
import html
import io
import re
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["INK", "SERIES", "Picture", "frame", "panel", "themed_svg"]

INK = "#1b1e23"
"""Stands for the page's text colour; `themed_svg` writes `currentColor` for it."""

SERIES = ("#0072b2", "#d55e00", "#008a63", "#a9578c", "#8a6d00", "#4b87a8")
"""Colours of the first, second, … series: Okabe and Ito's, darkened to read on white. The
stylesheet lightens them for the dark theme."""

_STYLE = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.prop_cycle": mpl.cycler(color=SERIES),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 2,
    "figure.constrained_layout.use": True,
}


def panel(
    *, xlabel: str, ylabel: str, title: str = "", width: float = 3.5, height: float = 2.8
) -> tuple[Figure, Axes]:
    """Return an empty figure with one pair of axes, in the style of the course.

    Args:
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes; needed where a picture has several panels.
        width: Inches. Up to 4.6 it stays legible on a phone.
        height: Inches.

    Returns:
        The figure and its axes.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.subplots()
        axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    return figure, axes


class Picture:
    """One or more panels with one alternative text; they stand in a row, or a column on a phone.

    Args:
        *panels: Figures made by `panel`.
        alt: What the picture shows, in words that carry its message.
        caption: One or two sentences below it; plain text.

    Raises:
        ValueError: `alt` is empty.
    """

    def __init__(self, *panels: Figure, alt: str, caption: str = "") -> None:
        if not alt.strip():
            raise ValueError("alt: expected a text that carries the picture's message, got none")
        self.panels, self.alt, self.caption = panels, alt, caption

    def _repr_html_(self) -> str:
        svgs = [_svg(figure, salt=f"{self.alt}{i}") for i, figure in enumerate(self.panels)]
        return frame(svgs, alt=self.alt, caption=self.caption)

    def __repr__(self) -> str:
        """The alternative text: what a terminal can show of a picture."""
        return f"[Picture: {self.alt}]"


def frame(svgs: Sequence[str], *, alt: str, caption: str, below: str = "") -> str:
    """Return the HTML of a figure: the panels as one image, then `below`, then the caption.

    Args:
        svgs: The panels, as `themed_svg` returns them.
        alt: What the panels show, in words.
        caption: Plain text; empty for none.
        below: HTML between the panels and the caption.

    Returns:
        A `<figure>` element.
    """
    legend = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return (
        '<figure class="picture">'
        f'<div class="panels" role="img" aria-label="{html.escape(alt)}">{"".join(svgs)}</div>'
        f"{below}{legend}</figure>"
    )


def themed_svg(svg: str) -> str:
    """Return an SVG to stand inside a page: the page's colours and font, no needless ids.

    Args:
        svg: A whole SVG document.

    Returns:
        The `<svg>` element.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r"\s*<title>.*?</title>", "", svg, flags=re.S)
    svg = svg.replace(INK, "currentColor")
    for i, colour in enumerate(SERIES, start=1):
        svg = svg.replace(colour, f"var(--series-{i}, {colour})")
    svg = re.sub(r"font-family: [^;\"]*", "font-family: inherit", svg)
    svg = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font-size: \1", svg)
    used = set(re.findall(r"#([\w-]+)", svg))
    return re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg)


def _svg(figure: Figure, *, salt: str) -> str:
    """Return a matplotlib figure as an SVG for the page; `salt` keeps its ids apart."""
    buffer = io.StringIO()
    digest = hashlib.sha256(salt.encode()).hexdigest()[:12]
    with mpl.rc_context({**_STYLE, "svg.hashsalt": digest, "svg.id": None}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = themed_svg(buffer.getvalue())
    return svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
