"""The explorers' numbers: lines of a kinked loss, what a reading counts, squares in the picture."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from sklearn.linear_model import QuantileRegressor

from losscourse.datasets import noisy_line
from losscourse.figures.explorers import View, explore
from losscourse.figures.fits import explore_line_fit, explore_squares
from losscourse.figures.paths import explore_paths
from losscourse.losses.regression import huber, pinball
from losscourse.optimizers import gradient_descent
from losscourse.surfaces import HIMMELBLAU, bowl, descend

X, Y = noisy_line(41, seed=0)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_a_quantile_line_is_the_exact_one(quantile: float) -> None:
    explorer = explore_line_fit(
        pinball, "quantile", [quantile], X, Y, start=quantile, reach=3.0, alt="A line", caption=""
    )
    left, right = explorer.positions[0].tables["line"]
    expected = QuantileRegressor(quantile=quantile, alpha=0).fit(X[:, None], Y)
    ends = expected.predict(np.asarray([[left["x"]], [right["x"]]]))
    # Tables carry four significant digits.
    assert np.allclose([left["y"], right["y"]], ends, rtol=1e-3, atol=0)


def test_a_quantile_divides_the_points_below_its_line() -> None:
    (position,) = explore_line_fit(
        pinball, "quantile", [0.25], X, Y, start=0.25, reach=3.0, alt="A line", caption=""
    ).positions
    assert position.reading.endswith("Of 41 points 9 lie below the line and 2 on it.")


def test_a_threshold_divides_the_residuals_by_their_size() -> None:
    (position,) = explore_line_fit(
        huber, "delta", [0.3], X, Y, start=0.3, reach=3.0, alt="A line", caption=""
    ).positions
    residuals = np.asarray([row["e"] for row in position.tables["points"]])
    larger = np.sum(np.abs(residuals) > 0.3)
    assert position.reading.endswith(f"{larger} of 41 residuals are larger than delta.")


def test_every_square_has_equal_sides_and_stays_in_the_picture() -> None:
    targets = np.asarray([1.0, 2.0, 4.0, 9.0])
    explorer = explore_squares(targets, [1.0, 4.0, 9.0], start=4.0, alt="Four squares", caption="")
    for position in explorer.positions:
        for square in position.tables["squares"]:
            assert abs(square["x2"] - square["x"]) == abs(square["m"] - square["y"])
            assert -1 <= square["x2"] <= 11
    assert explorer.positions[1].tables["now"] == [{"m": 4.0, "objective": 9.5, "gradient": 0.0}]


def bump(power: float) -> tuple[str, list[View]]:
    x = np.linspace(0, 2, 5)
    with np.errstate(divide="ignore"):
        lines = {"power": (x, x**power), "log": (x, np.log(x))}
    dots = {"few": (x[:2], x[:2]), "none": (x[:0], x[:0])}
    return f"Power {power:g}.", [View("x", "y", lines=lines, dots=dots), View("x", "y", dots=dots)]


def test_an_explorer_of_ones_own_draws_only_what_is_finite_and_says_each_series_name() -> None:
    explorer = explore("power", [1, 2], bump, start=2, alt="Two curves", caption="")
    lines = explorer.positions[1].tables["lines 0"]
    assert [row["y"] for row in lines if row["series"] == 0] == [0.0, 0.25, 1.0, 2.25, 4.0]
    assert [row["x"] for row in lines if row["series"] == 1] == [0.5, 1.0, 1.5, 2.0]
    shown = explorer._repr_html_()
    assert shown.count('class="view"') == 2
    assert all(f">{name}<" in shown for name in ("power", "log", "few", "none"))
    assert "NaN" not in shown
    assert "Infinity" not in shown


def test_the_axes_of_an_explorer_hold_every_position() -> None:
    explorer = explore("power", [1, 2], bump, start=1, alt="Two curves", caption="")
    up = explorer.charts[0].to_dict()["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert up[0] < np.log(0.5)
    assert up[1] > 4


def test_a_line_that_turns_back_is_drawn_as_its_points_come() -> None:
    ring = np.asarray([0.0, 1.0, 1.0, 0.0, 0.0]), np.asarray([0.0, 0.0, 1.0, 1.0, 0.0])

    def show(value: float) -> tuple[str, list[View]]:
        return "", [View("x", "y", {"ring": ring})]

    shown = explore("value", [1], show, start=1, alt="A square", caption="")._repr_html_()
    (ends,) = re.findall(r'd="M([^"]*(?:L[^"]*){4})"', shown)
    corners = [tuple(map(float, end.split(","))) for end in ends.split("L")]
    assert corners[0] == corners[4]
    assert len(set(corners)) == 4
    for before, after in pairwise(corners):
        assert sum(a == b for a, b in zip(before, after, strict=True)) == 1, "a side is level"


def test_an_explorer_whose_panels_change_is_refused() -> None:
    def show(value: float) -> tuple[str, list[View]]:
        return "", [View("x", f"y at {value}", dots={"a": (X, Y)})]

    with pytest.raises(ValueError, match="panels at 2 are not those at 1"):
        explore("value", [1, 2], show, start=1, alt="Dots", caption="")
    with pytest.raises(ValueError, match="start: expected one of"):
        explore("power", [1, 2], bump, start=3, alt="Dots", caption="")


def two_paths(steps: int = 200) -> dict[str, np.ndarray]:
    start = np.asarray([2.0, 1.0])
    slow, wild = (descend(gradient_descent(rate), bowl(10.0), start, steps) for rate in (0.1, 40.0))
    return {"slow": slow, "wild": wild}


def test_paths_are_drawn_where_they_were_and_end_where_they_leave_float64() -> None:
    paths = two_paths()
    explorer = explore_paths(bowl(10.0), paths, alt="Two paths", caption="")
    assert [position.signals["now"] for position in explorer.positions][:2] == [0, 6]
    assert explorer.positions[-1].signals == {"now": 200}
    rows = explorer.positions[0].tables["trails"]
    for number, name in enumerate(paths):
        own = {row["step"]: row for row in rows if row["series"] == number}
        for step, row in own.items():
            here = paths[name][int(step)]
            assert np.allclose([row["x"], row["y"]], here, rtol=1e-3)
            assert np.isclose(row["height"], bowl(10.0).value(here), rtol=1e-3)
    steps = {
        name: {row["step"] for row in rows if row["series"] == i} for i, name in enumerate(paths)
    }
    assert {position.signals["now"] for position in explorer.positions} <= steps["slow"]
    assert 50 < max(steps["wild"]) < 200
    assert explorer.positions[-1].reading == (
        "Step 200, height above the minimum: slow at 1e-18, wild out of range."
    )


def test_level_lines_are_level_and_lie_in_the_window() -> None:
    explorer = explore_paths(HIMMELBLAU, two_paths(), alt="Two paths", caption="")
    lines: dict[float, list[float]] = {}
    for row in explorer.positions[0].tables["levels"]:
        assert abs(row["x"]) <= 5.5
        assert abs(row["y"]) <= 5.5
        height = float(HIMMELBLAU.value(np.asarray([row["x"], row["y"]])))
        lines.setdefault(row["line"], []).append(height)
    assert len(lines) > 8
    for heights in lines.values():
        assert np.ptp(heights) < 0.05 * np.mean(heights) + 0.5


def test_what_no_position_changes_is_written_once() -> None:
    explorer = explore_paths(bowl(10.0), two_paths(), alt="Two paths", caption="", start=102)
    shown = explorer._repr_html_()
    live = json.loads(re.search(r'<script type="application/json">(.*?)</script>', shown)[1])
    assert set(live["tables"]) == {"levels", "trails"}
    assert {tuple(position["tables"]) for position in live["positions"]} == {()}
    assert live["positions"][explorer.start]["signals"] == {"now": 103}
    assert "<button" in shown
    plain = explore("power", [1, 2], bump, start=2, alt="Two curves", caption="")._repr_html_()
    assert "<button" not in plain


def test_paths_that_do_not_fit_are_refused() -> None:
    paths = two_paths()
    for bad, said in (
        ({}, "one to 6 of one shape, got 0"),
        ({"a": paths["slow"], "b": paths["slow"][:5]}, "one to 6 of one shape, got 2"),
        ({str(i): paths["slow"] for i in range(7)}, "one to 6 of one shape, got 7"),
        ({"a": paths["slow"][:, :1]}, r"\(T \+ 1, 2\) with T at least 1, got \(201, 1\)"),
        ({"a": paths["slow"][:1]}, r"got \(1, 2\)"),
    ):
        with pytest.raises(ValueError, match=said):
            explore_paths(bowl(10.0), bad, alt="Paths", caption="")
