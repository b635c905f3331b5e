"""The interval of a mean: SciPy's own, the share it promises, and how it reads in a table."""

import numpy as np
import pytest
from scipy import stats

from losscourse.intervals import Interval, mean_interval


@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_it_is_scipys(n, level):
    values = np.random.default_rng(n).normal(3, 2, n)
    found = mean_interval(values, level=level)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(level)
    np.testing.assert_allclose([found.low, found.high], [low, high], rtol=1e-12)
    assert found.mean == pytest.approx(values.mean(), rel=1e-15)


def test_it_holds_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    runs = [mean_interval(rng.normal(1, 1, 5), level=0.8) for _ in range(4000)]
    held = np.mean([run.low < 1 < run.high for run in runs])
    assert abs(held - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 4000)


def test_a_constant_has_no_width():
    assert mean_interval([2.0, 2.0, 2.0]) == Interval(2.0, 0.0)


def test_it_reads_as_a_mean_and_a_width():
    assert f"{Interval(0.314, 0.0449):.2f}" == "0.31\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.04"
    assert f"{Interval(-0.314, 0.0449):+.1%}" == "-31.4%\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}4.5%"
    assert str(Interval(12.3456, 0.5)) == "12.3\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.5"


@pytest.mark.parametrize("values", [[1.0], [], [[1.0, 2.0]], 3.0])
def test_too_little_is_refused(values):
    with pytest.raises(ValueError, match=r"values: expected shape \(N,\) with N at least 2"):
        mean_interval(values)


@pytest.mark.parametrize("level", [0, 1, 95, float("nan")])
def test_a_senseless_level_is_refused(level):
    with pytest.raises(ValueError, match="level: expected a number in"):
        mean_interval([1.0, 2.0], level=level)
