"""figures: what every card, picture and table must say, for every loss of the catalogue."""

import dataclasses
import re

import numpy as np
import pytest

from losscourse import figures
from losscourse.catalogue import CATALOGUE
from losscourse.figures.cards import Card
from losscourse.figures.pictures import INK, SERIES, themed_svg
from losscourse.intervals import Interval, mean_interval


@pytest.mark.parametrize("loss", CATALOGUE.values(), ids=lambda loss: loss.name)
def test_a_card_is_a_whole_table(loss):
    text = figures.card(loss.function, prerequisites="nothing", minutes=5)._repr_markdown_()
    rows = text.strip().splitlines()
    assert all(row.count("|") == 3 for row in rows), "a bar in a cell would end it"
    cells = dict(re.match(r"\| (.*?) \| ?(.*?) ?\|$", row).groups() for row in rows)
    assert cells[loss.title] == ""
    assert cells["Package"] == f"`{loss.qualified_name}`"
    assert cells["Convex"] == ("yes, in the predictions" if loss.convex else "no")
    assert cells["Formula"].startswith("$")
    assert cells["Time"] == "5 minutes"
    assert not re.search(r"\bNone\b|\$\$", text), "an empty field must leave its row out"


def test_a_card_leaves_out_what_a_loss_does_not_have():
    bare = dataclasses.replace(CATALOGUE["huber"], at_chance=None, elicits=None, gradient=None)
    text = Card(bare, prerequisites="nothing", minutes=5)._repr_markdown_()
    assert "At chance" not in text
    assert "Elicits" not in text
    assert "| Gradient | left to autograd |" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("huber", "0.4247: the best constant for a standard normal target, delta = 1"),
        ("hinge", "1: logits 0, balanced classes"),
        ("perceptron", "0: logits 0, balanced classes"),
        ("pairwise_logistic", r"$\log{\left(2 \right)}$: equal scores"),
        ("hinge_discriminator", "2: logits 0"),
        ("sigmoid_binary_cross_entropy", r"$\log{\left(2 \right)}$: logits 0, balanced classes"),
    ],
)
def test_a_card_says_what_chance_is(name, said):
    card = figures.card(CATALOGUE[name].function, prerequisites="nothing", minutes=5)
    assert f"| At chance | {said} |" in card._repr_markdown_()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("huber", "in the target’s unit²"),
        ("absolute_error", "in the target’s unit"),
        ("reinforce", "in the reward’s unit"),
        ("td", "in the reward’s unit²"),
        ("softmax_cross_entropy", "in nats"),
    ],
)
def test_a_card_says_whose_unit_a_loss_has(name, said):
    card = figures.card(CATALOGUE[name].function, prerequisites="nothing", minutes=5)
    (row,) = [line for line in card._repr_markdown_().splitlines() if "| Range |" in line]
    assert row.endswith(f"$, {said} |")


def test_a_card_writes_the_sigmoid_as_such():
    card = figures.card(CATALOGUE["sigmoid_focal"].function, prerequisites="nothing", minutes=5)
    (formula,) = [li for li in card._repr_markdown_().splitlines() if "| Formula |" in li]
    assert r"y \sigma(- z)^{\gamma} \log{\left(1 + e^{- z} \right)}" in formula
    assert r"+ \sigma(z)^{\gamma} \left(1 - y\right) \log{\left(1 + e^{z} \right)}$" in formula


def test_a_card_can_break_a_list_of_formulas():
    card = figures.card(CATALOGUE["crammer_singer"].function, prerequisites="nothing", minutes=5)
    assert r"\,(1_r - 1_y)$, $r = \arg\max_{k \ne y} z_k$" in card._repr_markdown_()


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_the_formulas_of_a_card_are_whole(entry):
    text = figures.card(entry.function, prerequisites="nothing", minutes=5)._repr_markdown_()
    for formula in re.findall(r"\$(.*?)\$", text):
        assert formula.strip()
        assert formula.count("{") == formula.count("}"), formula
        left, right = (re.findall(rf"\\{side}(?![a-z])", formula) for side in ("left", "right"))
        assert len(left) == len(right), formula


@pytest.mark.parametrize(
    ("name", "said"),
    [("huber", r"between $- \delta$ and $\delta$"), ("general_robust", "at most $")],
)
def test_a_card_says_a_gradient_s_bound_once_where_it_is_long(name, said):
    card = figures.card(CATALOGUE[name].function, prerequisites="nothing", minutes=5)
    (row,) = [line for line in card._repr_markdown_().splitlines() if "| Gradient |" in line]
    assert said in row


def test_a_card_of_no_loss_is_an_error():
    with pytest.raises(KeyError, match="panel"):
        figures.card(figures.panel, prerequisites="nothing", minutes=5)


def test_a_picture_needs_a_text_and_escapes_it():
    panel, axes = figures.panel(xlabel="x", ylabel="y")
    axes.plot([0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"^alt: expected a text"):
        figures.Picture(panel, alt=" ")
    page = figures.Picture(panel, alt='a "line" < b', caption="1 < 2")._repr_html_()
    assert 'role="img" aria-label="a &quot;line&quot; &lt; b"' in page
    assert "<figcaption>1 &lt; 2</figcaption>" in page


def test_a_picture_takes_the_pages_colours_and_keeps_its_ids_apart():
    panels = []
    for _ in range(2):
        panel, axes = figures.panel(xlabel="x", ylabel="y")
        axes.plot(np.arange(3), np.arange(3))
        panels.append(panel)
    page = figures.Picture(*panels, alt="two lines")._repr_html_()
    assert INK not in page
    assert "currentColor" in page
    assert f"var(--series-1, {SERIES[0]})" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:href=\"|url\()#([\w-]+)", page)) <= set(ids)


def test_themed_svg_leaves_nothing_that_reaches_the_rest_of_the_page():
    svg = '<?xml version="1.0"?><svg id="a"><style>*{color:red}</style><metadata>m</metadata></svg>'
    assert themed_svg(svg) == "<svg></svg>"


def test_a_table_shows_four_digits_and_refuses_ragged_rows():
    text = figures.table(["name", "value"], [["pi", 3.14159265], ["n", 7]])._repr_markdown_()
    assert text.splitlines() == [
        "| name | value |",
        "| :--- | ---: |",
        "| pi | 3.142 |",
        "| n | 7 |",
    ]
    for rows in ([], [["only one"]]):
        with pytest.raises(ValueError, match=r"^rows: expected rows of 2 cells"):
            figures.table(["name", "value"], rows)


def test_curves_are_the_functions_of_the_catalogue():
    loss = CATALOGUE["huber"]
    for plot, function in (
        (figures.plot_losses, loss.function),
        (figures.plot_gradients, loss.gradient),
    ):
        (line,) = plot([(loss.function, {"delta": 0.5})], reach=2.0).axes[0].get_lines()
        residuals = line.get_xdata()
        assert (residuals[0], residuals[-1]) == (-2.0, 2.0)
        expected = function(residuals, np.zeros_like(residuals), delta=0.5)
        np.testing.assert_array_equal(line.get_ydata(), expected)
        assert line.get_label() == "Huber, delta 0.5"


def test_a_loss_of_the_margin_is_drawn_over_the_margin():
    hinge, logistic = CATALOGUE["hinge"], CATALOGUE["sigmoid_binary_cross_entropy"]
    for plot, functions in (
        (figures.plot_losses, [hinge.function, logistic.function]),
        (figures.plot_gradients, [hinge.gradient, logistic.gradient]),
    ):
        (axes,) = plot([(hinge.function, {}), (logistic.function, {})]).axes
        assert axes.get_xlabel() == "margin m = sign × score"
        for line, function in zip(axes.get_lines(), functions, strict=True):
            margins = line.get_xdata()
            np.testing.assert_array_equal(
                line.get_ydata(), function(margins, np.ones_like(margins))
            )


def test_classes_are_told_apart_by_their_marks_and_the_line_is_where_the_score_is_0():
    points = np.asarray([[0.0, 0.0], [2.0, 1.0], [3.0, 3.0]])
    signs = np.asarray([-1, 1, 1])
    (axes,) = figures.plot_classes(points, signs, {"a line": (1.0, 2.0, -2.0)}).axes
    plus, minus, line = axes.get_lines()
    assert (plus.get_label(), minus.get_label(), line.get_label()) == ("+1", "-1", "a line")
    assert plus.get_marker() != minus.get_marker()
    np.testing.assert_array_equal(plus.get_xydata(), points[1:])
    for x, y in (line.get_xy1(), line.get_xy2()):
        assert x + 2 * y - 2 == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match=r"^boundaries: expected a line"):
        figures.plot_classes(points, signs, {"none": (0.0, 0.0, 1.0)})


def test_regions_are_those_of_the_largest_score_and_a_line_is_where_it_is_0():
    points, labels = np.asarray([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.asarray([0, 2, 1])
    weights = np.asarray([[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [-0.5, -0.5, -9.0]])
    (axes,) = figures.plot_regions(points, labels, weights).axes
    marks = [line.get_marker() for line in axes.get_lines()]
    assert len(set(marks)) == 3, "a class is told by its mark, not by its colour alone"
    np.testing.assert_array_equal(axes.get_lines()[2].get_xydata(), [[0.0, 1.0]])
    first, second, border = axes.collections  # the third class never wins
    assert first.get_paths()[0].get_extents().xmax == pytest.approx(0, abs=0.02)
    assert second.get_paths()[0].get_extents().xmin == pytest.approx(0, abs=0.02)
    levels = border.get_paths()[0].vertices
    np.testing.assert_allclose(np.abs(levels[:, 0]), 0.5, rtol=0, atol=1e-9)


def test_a_simplex_has_a_corner_per_class_and_names_what_it_marks():
    marked = np.asarray([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])
    corners = ("a", "b", "c")
    (axes,) = figures.plot_simplex([np.eye(3)], marked, corners=corners, title="all").axes
    said = {text.get_text(): text.xy for text in axes.texts}
    assert list(said) == list(corners)
    _, mixed, pure = axes.get_lines()
    assert (mixed.get_label(), pure.get_label()) == ("0.5, 0.25, 0.25", "0, 0, 1")
    np.testing.assert_array_equal(pure.get_xydata(), [said["c"]])
    (whole,) = axes.patches
    np.testing.assert_array_equal(whole.get_xy()[:3], [said[name] for name in corners])


def test_images_stand_in_named_rows_and_are_painted_by_their_brightness():
    images = np.stack([np.eye(2), np.full((2, 2), 0.5), np.full((2, 2), 2.0)])
    (axes,) = figures.plot_images({"three": images, "one": images[:1]}).axes
    assert [text.get_text() for text in axes.texts] == ["three", "one"]
    strengths = [shown.get_array()[::6, ::6, 3] for shown in axes.images]
    np.testing.assert_array_equal(strengths, [*np.clip(images, 0, 1), images[0]])
    left, right, low, high = np.transpose([shown.get_extent() for shown in axes.images])
    assert left[0] < right[0] < left[1] < right[1] < left[2], "side by side"
    assert high[0] < low[0] < high[3] < low[3], "the axis points down: the first row on top"
    assert left[0] == left[3]
    with pytest.raises(ValueError, match="images of one shape"):
        figures.plot_images({"two": images, "other": np.ones((1, 3, 2))})


def test_curves_run_through_the_points_and_a_band_lies_behind_them():
    x, y = np.asarray([0.0, 1.0, 2.0]), np.asarray([1.0, 0.0, 4.0])
    figure = figures.plot_curves(
        x, y, {"fit": (x, x**2)}, xlabel="x", ylabel="y", band=(x, x - 1, x + 1), ylim=(-2, 5)
    )
    (axes,) = figure.axes
    points, fit = axes.get_lines()
    np.testing.assert_array_equal(points.get_xydata(), np.stack([x, y], axis=1))
    assert points.get_linestyle() == "None", "points are not joined"
    np.testing.assert_array_equal(fit.get_ydata(), x**2)
    (band,) = axes.collections
    ends = band.get_paths()[0].get_extents()
    assert (ends.ymin, ends.ymax) == (-1.0, 3.0)
    assert axes.get_ylim() == (-2.0, 5.0)


def test_a_graph_names_its_nodes_and_arrows_and_runs_downwards():
    nodes = {"x": (0, 1, "x = 3", "6"), "y": (1, 0, "y = 9", "1")}
    (axes,) = figures.plot_graph(nodes, {("x", "y"): "2x = 6"}).axes
    said = {text.get_text(): text.get_position() for text in axes.texts if text.get_text()}
    assert said.keys() == {"x = 3", "6", "y = 9", "1", "2x = 6"}
    assert said["6"][1] < said["x = 3"][1]
    assert len(axes.patches) == len(nodes)
    (arrow,) = [text for text in axes.texts if text.get_text() == ""]
    assert arrow.xyann[1] > arrow.xy[1]
    for wrong in (("y", "x"), ("x", "x")):
        with pytest.raises(ValueError, match=r"^edges: expected arrows to a lower row"):
            figures.plot_graph(nodes, {wrong: ""})


def test_a_trellis_has_the_moves_of_an_alignment_and_marks_what_none_reaches():
    scores = np.asarray([[-1.0, -2.0, -np.inf], [-1.5, -3.0, -4.0]])
    (axes,) = figures.plot_trellis(scores, ["-", "a", "-"], [0, 1]).axes
    said = {text.get_text(): text.get_position() for text in axes.texts}
    assert said == {"-1.0": (1, 0), "-2.0": (1, 1), "-1.5": (2, 0), "-3.0": (2, 1), "-4.0": (2, 2)}
    lines = [li for li in axes.lines if len(li.get_xdata()) == 2]
    moves = [tuple(np.round(li.get_ydata()).astype(int)) for li in lines]
    assert moves == [(0, 0), (0, 1), (1, 1), (1, 2), (0, 1)], "none from blank to blank; the path"
    assert [li.get_color() for li in lines] == [INK] * 4 + [SERIES[1]]
    dots = [li for li in axes.lines if li.get_marker() == "."]
    assert [(*li.get_xdata(), *li.get_ydata()) for li in dots] == [(1, 2)]


def test_a_band_is_the_interval_over_the_runs_and_one_method_needs_no_legend():
    runs = np.asarray([[1.0, 2.0, 4.0], [3.0, 2.0, 8.0]])
    x = np.asarray([1.0, 2.0, 3.0])
    figure = figures.plot_bands(x, {"two runs": runs}, xlabel="step", ylabel="return")
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), [2, 2, 6])
    corners = axes.collections[0].get_paths()[0].vertices
    for place, values in zip(x, runs.T, strict=True):
        interval = mean_interval(values)
        heights = corners[corners[:, 0] == place, 1]
        np.testing.assert_allclose([heights.min(), heights.max()], [interval.low, interval.high])
    assert axes.get_legend() is None
    both = figures.plot_bands(x, {"a": runs, "b": 2 * runs}, xlabel="step", ylabel="return")
    names = [text.get_text() for text in both.axes[0].get_legend().get_texts()]
    assert names == ["a", "b"]


def test_histograms_are_shares_of_each_group_and_marks_stand_in_the_legend():
    groups = {"two": np.asarray([0.5, 1.5]), "four": np.asarray([0.1, 0.2, 0.3, 9.0])}
    figure = figures.plot_histograms(
        groups, edges=np.asarray([0.0, 1.0, 2.0]), xlabel="size (m)", marks={"here": 1.2}
    )
    (axes,) = figure.axes
    two, four = axes.patches
    np.testing.assert_array_equal(two.get_data().values, [50, 50])
    np.testing.assert_array_equal(four.get_data().values, [75, 0])  # one of four is outside
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["two", "four", "here"]
    assert axes.get_lines()[0].get_xdata() == [1.2, 1.2]


def test_intervals_stand_side_by_side_by_condition():
    results = {
        "Huber": {"clean": Interval(3.0, 1.0), "spoilt": Interval(4.0, 0.5)},
        "squared": {"spoilt": Interval(9.0, 2.0), "clean": Interval(2.0, 0.25)},
    }
    axes = figures.plot_intervals(results, xlabel="data", ylabel="error").axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["clean", "spoilt"]
    drawn = {bar.get_label(): bar for bar in axes.containers}
    for method, means, ends in (
        ("Huber", [3, 4], [[2, 4], [3.5, 4.5]]),
        ("squared", [2, 9], [[1.75, 2.25], [7, 11]]),
    ):
        line, _, (bars,) = drawn[method].lines
        assert line.get_ydata().tolist() == means
        assert [segment[:, 1].tolist() for segment in bars.get_segments()] == ends
    assert (drawn["Huber"].lines[0].get_xdata() < drawn["squared"].lines[0].get_xdata()).all()
