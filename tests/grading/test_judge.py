"""What one submission is given: time."""

import pytest

from losscourse.grading.judge import Step

CODE = """
import time
def stuck(x):
    while x:
        pass
    return 1
def slow(x):
    time.sleep(x)
    return 1
"""


def call(name, x):
    code = f"from losscourse import checks\nchecks.call({name}, {x}).gives(1)"
    return Step("test", f"{name}({x})", code, 1)


@pytest.mark.slow
def test_a_function_that_did_not_end_has_a_tenth_of_the_time_from_then_on(warm):
    calls = [("stuck", 1.0), ("stuck", 2.0), ("stuck", 0.0), ("slow", 1.5)]
    steps = [Step("student", "code", CODE), *(call(*one) for one in calls)]
    report = warm.grade(steps, ["stuck", "slow"], cell_seconds=3)
    first, second, *_ = report.verdicts[1:]
    assert [v.score for v in report.verdicts[1:]] == [0, 0, 1, 1]
    assert 3 <= first.seconds < 5
    assert "within 3 s" in first.message
    assert 1 <= second.seconds < 2.5
    assert "within 1 s" in second.message


def test_a_cell_that_did_not_end_shortens_no_other(warm):
    steps = [Step("student", "code", CODE), Step("student", "endless", "while True: pass")]
    steps += [Step("student", "long", "time.sleep(1.5)\nlong = 1")]
    report = warm.grade(steps, [], cell_seconds=3)
    assert [bool(v.message) for v in report.verdicts] == [False, True, False]
