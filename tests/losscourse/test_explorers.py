"""The explorers' numbers: lines of a kinked loss, what a reading counts, squares in the picture."""

import numpy as np
import pytest
from sklearn.linear_model import QuantileRegressor

from losscourse.datasets import noisy_line
from losscourse.figures.explorers import View, explore
from losscourse.figures.fits import explore_line_fit, explore_squares
from losscourse.losses.regression import huber, pinball

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


def test_an_explorer_whose_panels_change_is_refused() -> None:
    def show(value: float) -> tuple[str, list[View]]:
        return "", [View("x", f"y at {value}", dots={"a": (X, Y)})]

    with pytest.raises(ValueError, match="panels at 2 are not those at 1"):
        explore("value", [1, 2], show, start=1, alt="Dots", caption="")
    with pytest.raises(ValueError, match="start: expected one of"):
        explore("power", [1, 2], bump, start=3, alt="Dots", caption="")
