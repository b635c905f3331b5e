"""Plots of a loss, its gradient, a fit and an experiment. Each returns a panel for a `Picture`."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from scipy.optimize import minimize_scalar

from losscourse.arrays import Array
from losscourse.catalogue import CATALOGUE, MARGIN
from losscourse.figures.pictures import INK, SERIES, panel
from losscourse.intervals import Interval, mean_interval

__all__ = [
    "plot_bands",
    "plot_classes",
    "plot_curves",
    "plot_gradients",
    "plot_graph",
    "plot_histograms",
    "plot_images",
    "plot_intervals",
    "plot_lines",
    "plot_losses",
    "plot_objectives",
    "plot_regions",
    "plot_series",
    "plot_simplex",
    "plot_trellis",
]

Curves = Sequence[tuple[Callable[..., Array], Mapping[str, float]]]
"""Losses with their hyperparameters: `[(huber, {"delta": 1.0}), …]`."""

_DASHES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 2)))
_MARKERS = "osD^vP"


def plot_losses(curves: Curves, *, reach: float = 3.0, ylabel: str = "loss") -> Figure:
    """Return a panel with losses over the residual, or over the margin.

    Where one of them is a loss of the margin, the axis is the margin: the score of a point of the
    positive class, so that `sigmoid_binary_cross_entropy` may stand beside it.

    Args:
        curves: Losses of the catalogue with their hyperparameters.
        reach: The axis runs from -reach to reach; a residual has the target's unit.
        ylabel: The vertical axis, with its unit.

    Returns:
        The panel.
    """
    # A loss of the residual is high at both ends, one of the margin at the left, and gradients
    # rise: these corners are free for the legend.
    corner = "upper right" if _of_margin(curves) else "upper center"
    return _over_axis(curves, reach, ylabel, lambda function: function, corner)


def plot_gradients(curves: Curves, *, reach: float = 3.0, ylabel: str = "gradient") -> Figure:
    """Return a panel with the gradients of losses over the residual, or over the margin.

    Args:
        curves: Losses of the catalogue with their hyperparameters, as for `plot_losses`.
        reach: The axis runs from -reach to reach; a residual has the target's unit.
        ylabel: The vertical axis, with its unit.

    Returns:
        The panel.
    """
    return _over_axis(
        curves,
        reach,
        ylabel,
        lambda function: CATALOGUE[function.__name__].gradient,
        "upper left",
    )


def plot_graph(
    nodes: Mapping[str, tuple[float, float, str, str]], edges: Mapping[tuple[str, str], str]
) -> Figure:
    """Return a panel with a computational graph, its arrows pointing downwards.

    Args:
        nodes: Column, row and two texts of each node by its name. Rows count upwards, and a
            column is about as wide as a text of ten letters. The first text is in the page's
            ink, the second below it in a colour: what is computed forwards and backwards.
        edges: The text of each arrow by its ends, `("from", "to")`.

    Returns:
        The panel.

    Raises:
        ValueError: An arrow does not lead to a lower row.

    Example:
        >>> figure = plot_graph(
        ...     {"x": (0, 1, "x = 3", "6"), "y": (0, 0, "y = 9", "1")}, {("x", "y"): "2x = 6"})
        >>> [text.get_text() for text in figure.axes[0].texts if text.get_text()]
        ['x = 3', '6', 'y = 9', '1', '2x = 6']
    """
    columns, rows = ([node[k] for node in nodes.values()] for k in (0, 1))
    left, right, low, high = min(columns), max(columns), min(rows), max(rows)
    size = {"width": 0.95 * (right - left + 1.1), "height": 0.78 * (high - low + 0.9)}
    figure, axes = panel(xlabel="", ylabel="", **size)
    axes.axis("off")
    axes.set(xlim=(left - 0.55, right + 0.55), ylim=(low - 0.45, high + 0.45))
    centred = {"ha": "center", "va": "center", "fontsize": 9.5}
    half = 0.3  # of a box's height, in rows
    for column, row, forwards, backwards in nodes.values():
        axes.text(column, row + 0.12, forwards, color=INK, **centred)
        axes.text(column, row - 0.14, backwards, color=SERIES[1], **centred)
        box = FancyBboxPatch(
            (column - 0.38, row - half + 0.08),
            *(0.76, 2 * half - 0.16),
            boxstyle="round,pad=0.08",
            facecolor="none",
            edgecolor=INK,
        )
        axes.add_patch(box)
    for (source, target), said in edges.items():
        (x0, y0, *_), (x1, y1, *_) = nodes[source], nodes[target]
        if y1 >= y0:
            raise ValueError(f"edges: expected arrows to a lower row, got {source} to {target}")
        shift = 0.3 * np.sign(x0 - x1)
        ends = {"xy": (x1 + shift, y1 + half), "xytext": (x0 - shift, y0 - half)}
        axes.annotate("", **ends, arrowprops={"arrowstyle": "->", "color": INK, "shrinkA": 0})
        middle = (x0 + x1) / 2 + (0.06 if shift <= 0 else -0.06)
        side = {"ha": "left" if shift <= 0 else "right", "va": "center", "fontsize": 9}
        axes.text(middle, (y0 + y1) / 2, said, color=SERIES[0], **side)
    return figure


def plot_objectives(
    targets: Array,
    curves: Curves,
    *,
    reach: tuple[float, float],
    xlabel: str = "constant prediction",
    title: str = "",
) -> Figure:
    """Return a panel with the mean loss of a constant prediction, its minimum marked and named.

    Each curve is divided by its minimum, since losses differ in unit.

    Args:
        targets: Floats, shape (N,); marked below the curves.
        curves: Losses of the catalogue with their hyperparameters.
        reach: The prediction runs from the first number to the second.
        xlabel: The horizontal axis, with its unit.
        title: Above the axes.

    Returns:
        The panel.

    Raises:
        ValueError: All targets are equal: each minimum is then 0.

    Example:
        >>> import numpy as np
        >>> from losscourse.losses.regression import absolute_error, squared_error
        >>> targets = np.asarray([1.0, 2.0, 9.0])
        >>> curves = [(squared_error, {}), (absolute_error, {})]
        >>> figure = plot_objectives(targets, curves, reach=(0, 10))
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['Squared error: best at 4.0', 'Absolute error: best at 2.0']
    """
    if np.ptp(targets) == 0:
        raise ValueError(f"targets: expected at least two different numbers, got {targets}")
    figure, axes = panel(xlabel=xlabel, ylabel="mean loss / its minimum", title=title, width=4.4)
    predictions = np.linspace(*reach, 201)
    for i, (function, parameters) in enumerate(curves):

        def objective(prediction: float, function=function, parameters=parameters) -> float:
            constant = np.full_like(targets, prediction)
            return float(np.mean(function(constant, targets, **parameters)))

        best = minimize_scalar(
            objective, bounds=(np.min(targets), np.max(targets)), method="bounded"
        )
        heights = [objective(prediction) / best.fun for prediction in predictions]
        label = f"{_label(function, parameters)}: best at {best.x:.1f}"
        axes.plot(predictions, heights, linestyle=_DASHES[i], color=SERIES[i])
        axes.plot(best.x, 1, marker=_MARKERS[i], color=SERIES[i], linestyle=_DASHES[i], label=label)
    axes.plot(targets, np.full(len(targets), 0.85), "|", color=INK, markersize=9)
    axes.set(xlim=reach, ylim=(0.75, 2.5))
    _legend(axes)
    return figure


def plot_lines(
    x: Array,
    y: Array,
    lines: Mapping[str, tuple[float, float]],
    *,
    xlabel: str = "x",
    ylabel: str = "y",
    title: str = "",
) -> Figure:
    """Return a panel with points and straight lines through them.

    Args:
        x: Floats, shape (N,).
        y: Floats, shape (N,).
        lines: Slope and intercept of each line by its name.
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=4.4, height=3.3)
    axes.plot(x, y, "o", color=INK, markersize=4, alpha=0.6, linestyle="none")
    ends = np.asarray([np.min(x), np.max(x)])
    for i, (name, (slope, intercept)) in enumerate(lines.items()):
        axes.plot(ends, slope * ends + intercept, linestyle=_DASHES[i], color=SERIES[i], label=name)
    if lines:
        _legend(axes)
    return figure


def plot_classes(
    points: Array,
    signs: Array,
    boundaries: Mapping[str, Sequence[float]],
    *,
    xlabel: str = "first feature",
    ylabel: str = "second feature",
    title: str = "",
) -> Figure:
    """Return a panel with points of two classes and straight lines that would part them.

    Args:
        points: Floats, shape (N, 2).
        signs: Shape (N,), each -1 or 1.
        boundaries: By its name, a line as three weights (a, b, c): where a·x + b·y + c = 0.
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes.

    Returns:
        The panel.

    Raises:
        ValueError: A line's first two weights are 0.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=4.4, height=3.3)
    for sign, marker, fill in ((1, "o", "full"), (-1, "s", "none")):
        x, y = points[signs == sign].T
        axes.plot(
            x, y, marker, color=INK, markersize=5, alpha=0.7, fillstyle=fill, label=f"{sign:+d}"
        )
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    for i, (name, (a, b, c)) in enumerate(boundaries.items()):
        if a == b == 0:
            raise ValueError(f"boundaries: expected a line, got the weights 0, 0, {c} of {name}")
        normal = np.asarray([a, b]) / (a**2 + b**2)
        foot, along = -c * normal, np.asarray([-normal[1], normal[0]])
        style = {"linestyle": _DASHES[i], "color": SERIES[i], "label": name}
        axes.axline(foot, foot + along, **style)
    _legend(axes)
    return figure


def plot_regions(
    points: Array,
    labels: Array,
    weights: Array,
    *,
    xlabel: str = "first feature",
    ylabel: str = "second feature",
    title: str = "",
) -> Figure:
    """Return a panel with points of several classes, over the regions where each class wins.

    The winner has the largest of the scores `[x, y, 1] @ weights`. Where that score is 0, a dashed
    line runs.

    Args:
        points: Floats, shape (N, 2).
        labels: Integers from 0 to K - 1, shape (N,); K is at most 6.
        weights: Floats, shape (3, K).
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=3.3)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = np.linspace(low - 0.1 * (high - low), high + 0.1 * (high - low), 201).T
    scores = np.stack([*np.meshgrid(x, y), np.ones((201, 201))], axis=-1) @ weights
    for k in range(weights.shape[1]):
        won = (scores.argmax(axis=-1) == k).astype(float)
        if won.any():
            axes.contourf(x, y, won, levels=[0.5, 1.5], colors=[SERIES[k]], alpha=0.25)
        own = points[labels == k].T
        axes.plot(*own, _MARKERS[k], color=SERIES[k], markersize=3.5, label=str(k))
    largest = scores.max(axis=-1)
    if largest.min() < 0 < largest.max():
        axes.contour(x, y, largest, levels=[0.0], colors=[INK], linestyles="--")
    return figure


def plot_simplex(
    shaded: Sequence[Array], marked: Array, *, corners: Sequence[str], title: str = ""
) -> Figure:
    """Return a panel with the probabilities of three classes as the points of a triangle.

    Args:
        shaded: Regions, each by its corners: probabilities of shape (corners, 3), in order.
        marked: Probabilities that get a mark, shape (N, 3); N is at most 6. The legend has their
            numbers.
        corners: What the three corners are, where one probability is 1.
        title: Above the triangle.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel="", ylabel="", title=title, width=3.3, height=2.8)
    axes.axis("off")
    corner = np.asarray([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    axes.plot(*corner[[0, 1, 2, 0]].T, color=INK, linewidth=1)
    for region in shaded:
        axes.fill(*(region @ corner).T, color=SERIES[1], alpha=0.35, linewidth=0)
    for mark, probs in zip(_MARKERS, marked, strict=False):
        numbers = ", ".join(f"{p:g}" for p in probs)
        axes.plot(*(probs @ corner), mark, color=SERIES[0], markersize=6, label=numbers)
    words = {"color": INK, "fontsize": 9, "textcoords": "offset points", "ha": "center"}
    for place, name, drop in zip(corner, corners, (-13, -13, 5), strict=True):
        axes.annotate(name, place, (0, drop), **words)
    axes.set(xlim=(-0.3, 1.12), ylim=(-0.12, 0.95), aspect="equal")
    if len(marked):
        _legend(axes, "upper left")
    return figure


def plot_curves(
    x: Array,
    y: Array,
    curves: Mapping[str, tuple[Array, Array]],
    *,
    xlabel: str,
    ylabel: str,
    band: tuple[Array, Array, Array] | None = None,
    title: str = "",
    ylim: tuple[float, float] | None = None,
) -> Figure:
    """Return a panel with points, curves through them and perhaps a shaded band.

    Args:
        x: The points, floats, shape (N,).
        y: Floats, shape (N,).
        curves: x and y of each curve by its name, floats of shape (M,).
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        band: x, lower and upper end of the band, floats of shape (M,).
        title: Above the axes.
        ylim: The ends of the vertical axis; without them, all that is drawn.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=4.4, height=3.3)
    axes.plot(x, y, "o", color=INK, markersize=4, alpha=0.5, linestyle="none")
    if band is not None:
        axes.fill_between(*band, color=INK, alpha=0.12, linewidth=0)
    for i, (name, curve) in enumerate(curves.items()):
        axes.plot(*curve, linestyle=_DASHES[i], color=SERIES[i], label=name)
    if ylim is not None:
        axes.set_ylim(ylim)
    _legend(axes)
    return figure


def plot_series(
    x: Array,
    series: Mapping[str, Array],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    log: str = "",
) -> Figure:
    """Return a panel with one line per series over a common axis.

    Args:
        x: Floats, shape (N,).
        series: Floats of shape (N,) by name.
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes.
        log: The axes to draw logarithmically: "", "x", "y" or "xy".

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title)
    for i, (name, values) in enumerate(series.items()):
        axes.plot(x, values, linestyle=_DASHES[i], color=SERIES[i], label=name)
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    if len(series) > 1:
        _legend(axes)
    return figure


def plot_bands(
    x: Array,
    series: Mapping[str, Array],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
) -> Figure:
    """Return a panel with the mean of several runs over a common axis, in its 95% interval.

    Args:
        x: Floats, shape (N,).
        series: The runs of each method by its name, floats of shape (runs, N), at least two runs;
            at most 6 methods.
        xlabel: The horizontal axis, with its unit.
        ylabel: The vertical axis, with its unit.
        title: Above the axes.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=4.4, height=3.3)
    for i, (name, runs) in enumerate(series.items()):
        intervals = [mean_interval(values) for values in np.asarray(runs).T]
        low, high = np.asarray([(one.low, one.high) for one in intervals]).T
        axes.fill_between(x, low, high, color=SERIES[i], alpha=0.15, linewidth=0)
        means = [one.mean for one in intervals]
        axes.plot(x, means, linestyle=_DASHES[i], color=SERIES[i], label=name)
    if len(series) > 1:
        _legend(axes)
    return figure


def plot_histograms(
    groups: Mapping[str, Array],
    *,
    edges: Array,
    xlabel: str,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Return a panel with the outlines of histograms: each group's share in each bin.

    Args:
        groups: Floats, shape (N,), by the group's name.
        edges: The bins' ends, rising floats, shape (M,).
        xlabel: What is counted, with its unit.
        marks: Where to draw a dotted upright line, by its name in the legend.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel="share of each group (%)", width=4.4, height=3.3)
    for i, (name, values) in enumerate(groups.items()):
        counts, _ = np.histogram(values, edges)
        style = {"linestyle": _DASHES[i], "color": SERIES[i], "linewidth": 2, "label": name}
        axes.stairs(100 * counts / len(values), edges, **style)
    for name, place in (marks or {}).items():
        axes.axvline(place, color=INK, linewidth=1.5, linestyle=":", label=name)
    axes.set_ylim(0, 1.4 * axes.get_ylim()[1])  # the legend stands above the bars
    _legend(axes, "upper left")
    return figure


def plot_images(rows: Mapping[str, Array], *, size: float = 0.42) -> Figure:
    """Return a panel with rows of small grey images, each row below its name.

    An image is painted in one colour whose strength is the brightness, so that 0 is the page's own
    ground in either theme.

    Args:
        rows: Images by the row's name: floats from 0 to 1, shape (N, height, width). All images
            are of one shape; rows may differ in N.
        size: The width of an image in inches.

    Returns:
        The panel.

    Raises:
        ValueError: There is no row, or the images differ in shape.

    Example:
        >>> import numpy as np
        >>> figure = plot_images({"grey": np.full((3, 8, 8), 0.5)})
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['grey']
    """
    shapes = {images.shape[1:] for images in rows.values()}
    if len(shapes) != 1:
        raise ValueError(f"rows: expected images of one shape, got {sorted(shapes)}")
    ((height, width),) = shapes
    across, down = 1.15 * width, 1.6 * height
    count = max(len(images) for images in rows.values())
    inches = size / width
    figure, axes = panel(
        xlabel="", ylabel="", width=across * count * inches, height=down * len(rows) * inches
    )
    axes.axis("off")
    colour = to_rgb(SERIES[0])
    for i, (name, images) in enumerate(rows.items()):
        top = i * down + 0.45 * height
        axes.text(0, top - 0.06 * height, name, color=INK, fontsize=9, va="bottom")
        for k, image in enumerate(images):
            paint = np.empty((height, width, 4))
            paint[..., :3], paint[..., 3] = colour, np.clip(image, 0, 1)
            paint = paint.repeat(6, axis=0).repeat(6, axis=1)  # a browser blurs what it enlarges
            place = (k * across, k * across + width, top + height, top)
            axes.imshow(paint, extent=place, interpolation="none", aspect="equal")
            x = (place[0], place[1], place[1], place[0], place[0])
            y = (top, top, top + height, top + height, top)
            axes.plot(x, y, color=INK, linewidth=0.4, alpha=0.5)
    axes.set(xlim=(-0.1 * width, across * count), ylim=(down * len(rows), 0))
    return figure


def plot_intervals(
    results: Mapping[str, Mapping[str, Interval]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
) -> Figure:
    """Return a panel with a mean and its interval for each method under each condition.

    Args:
        results: Intervals by condition by method: `{"Huber": {"10 %": mean_interval(errors)}}`.
        xlabel: What the conditions are.
        ylabel: What is measured, with its unit.
        title: Above the axes.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel, title=title, width=4.4, height=3.3)
    conditions = list(next(iter(results.values())))
    shift = 0.16
    for i, (method, by_condition) in enumerate(results.items()):
        mean, half_width = np.asarray([by_condition[c] for c in conditions]).T
        x = np.arange(len(conditions)) + shift * (i - (len(results) - 1) / 2)
        axes.errorbar(
            x,
            mean,
            yerr=half_width,
            fmt=_MARKERS[i],
            color=SERIES[i],
            capsize=3,
            label=method,
        )
    axes.set_xticks(range(len(conditions)), conditions)
    _legend(axes)
    return figure


def plot_trellis(scores: Array, states: Sequence[str], path: Sequence[int]) -> Figure:
    """Return a panel with CTC's states against its frames, the moves between them, and one path.

    A path stays where it is, goes on by one state, or skips one: a blank between two labels that
    differ.

    Args:
        scores: The logarithm of each state's probability in each frame, which is written on it:
            floats, shape (T, W). -inf where no alignment comes by: a small dot.
        states: The W states: a blank, a label, a blank, ..., a blank.
        path: The state in each frame of the path to be marked, T integers.

    Returns:
        The panel.
    """
    figure, axes = panel(xlabel="frame", ylabel="state", width=4.6, height=3.7)
    possible = np.isfinite(scores)

    def move(t: int, s: int, to: int, **style: object) -> None:
        room = 0.32  # on each side, for the state itself
        ends = np.asarray([room, 1 - room])
        axes.plot(t + 1 + ends, s + (to - s) * ends, **style)

    for t, s in np.argwhere(possible[:-1]):
        for to in range(s, min(s + 3, len(states))):
            skips_between_twins = to == s + 2 and states[to] == states[s]
            if possible[t + 1, to] and not skips_between_twins:
                move(t, s, to, color=INK, alpha=0.4, linewidth=1)
    for t, (s, to) in enumerate(pairwise(path)):
        move(t, s, to, color=SERIES[1], linewidth=4)
    low, high = scores[possible].min(), scores[possible].max()
    for (t, s), score in np.ndenumerate(scores):
        if not possible[t, s]:
            axes.plot(t + 1, s, ".", color=INK, alpha=0.4, markersize=3)
            continue
        alpha = 0.08 + 0.5 * (score - low) / max(high - low, 1e-9)
        axes.plot(t + 1, s, "s", color=SERIES[0], alpha=alpha, markersize=19, markeredgewidth=0)
        if path[t] == s:
            style = {"markerfacecolor": "none", "markeredgecolor": SERIES[1], "markeredgewidth": 2}
            axes.plot(t + 1, s, "s", markersize=19, **style)
        words = {"ha": "center", "va": "center", "fontsize": 8, "color": INK}
        axes.text(t + 1, s, f"{score:.1f}", **words)
    axes.set_xticks(range(1, len(scores) + 1))
    axes.set_yticks(range(len(states)), states)
    axes.margins(0.1)
    axes.invert_yaxis()
    return figure


def _over_axis(
    curves: Curves,
    reach: float,
    ylabel: str,
    choose: Callable[[Callable[..., Array]], Callable[..., Array]],
    corner: str,
) -> Figure:
    """Draw `choose(loss)` of each loss over residuals, or margins, in [-reach, reach]."""
    if _of_margin(curves):
        xlabel, second = "margin m = sign × score", np.ones(601)
    else:
        xlabel, second = "residual e = prediction - target", np.zeros(601)
    figure, axes = panel(xlabel=xlabel, ylabel=ylabel)
    grid = np.linspace(-reach, reach, 601)
    for i, (function, parameters) in enumerate(curves):
        values = choose(function)(grid, second, **parameters)
        axes.plot(grid, values, linestyle=_DASHES[i], label=_label(function, parameters))
    _legend(axes, corner)
    return figure


def _of_margin(curves: Curves) -> bool:
    """Tell whether one of the losses is a loss of the margin."""
    return any(CATALOGUE[function.__name__].variable == MARGIN for function, _ in curves)


def _legend(axes: Axes, corner: str = "best") -> None:
    """Draw the legend in the page's ink."""
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc=corner)


def _label(function: Callable[..., Array], parameters: Mapping[str, float]) -> str:
    """Return a loss's name in a legend, with its hyperparameters."""
    values = ", ".join(f"{name} {value:g}" for name, value in parameters.items())
    title = CATALOGUE[function.__name__].title.removesuffix(" loss")
    return f"{title}, {values}" if values else title
