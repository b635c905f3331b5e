"""The stopwatch: contestants take turns, and a ratio is that of medians."""

import time

import pytest

from benchmarks.timing import interleaved, ratio


def test_contestants_take_turns():
    calls = []
    contestants = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = interleaved(contestants, rounds=3)
    assert calls == [*"aabb", *"ababab"]  # twice each to warm up, then in turn
    assert {name: len(times) for name, times in seconds.items()} == {"a": 3, "b": 3}


def test_no_round_begins_after_the_time_is_up():
    seconds = interleaved({"a": lambda: time.sleep(1e-3)}, rounds=100, enough=0.0)
    assert len(seconds["a"]) == 5


def test_what_is_timed_is_the_call():
    seconds = interleaved({"a": lambda: time.sleep(0.02), "b": lambda: None}, rounds=3)
    assert min(seconds["a"]) >= 0.02
    assert max(seconds["b"]) < 0.02


def test_ratio_is_of_the_medians_with_the_quartiles_of_the_rounds():
    seconds = {"a": [2.0, 4.0, 6.0, 100.0, 8.0], "b": [1.0, 1.0, 2.0, 2.0, 8.0]}
    found = ratio(seconds, "a", "b")
    assert found["ratio"] == 3.0  # 6 / 2, whatever the 100 is
    assert (found["ours_ms"], found["theirs_ms"], found["rounds"]) == (6000.0, 2000.0, 5)
    assert (found["low"], found["high"]) == pytest.approx((1.5, 27.0))
