"""Meters in the student's process: what they say, and that the grader looks from outside."""

import os
import subprocess
import sys

import pytest

from losscourse import checks
from losscourse.grading import judge
from losscourse.grading.judge import Step, student_names

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the sandbox is Linux's; elsewhere grading refuses to start"
)

SETUP = "import numpy as np\nimport torch\nfrom losscourse import checks\n"
ANSWERS = """
def table(n):
    return np.ones((n, 1000)).sum()

def rows(n):
    return sum(np.ones(1000).sum() for _ in range(n))

def tensors(n):
    a = torch.ones(n, 1000)
    return float((2 * a).sum())

def product(a, b):
    return a @ b

def product_twice(a, b):
    a @ b
    return a @ b

def busy(seconds):
    import time
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds

def wrong(n):
    raise ValueError("n")
"""
MATRICES = "torch.ones(10, 20), torch.ones(20, 30)"
RIGHT = {
    "bytes": "checks.measure(table, 1000).at_most(bytes=9e6)",
    "bytes of rows": "checks.measure(rows, 1000).at_most(bytes=1e5)",
    "bytes of tensors": "checks.measure(tensors, 1000).at_most(bytes=9e6)",
    "operations": f"checks.measure(product, {MATRICES}).at_most(flops=2 * 10 * 20 * 30)",
    "seconds": "checks.measure(busy, 0.1).at_most(seconds=0.3)",
}
WRONG = {
    "bytes": (
        "checks.measure(table, 1000).at_most(bytes=1e6, why='a row at a time')",
        "table(n=1000)\nexpected at most 1 MB of memory at once, it took 8 MB.\na row at a time",
    ),
    "bytes of tensors": (
        "checks.measure(tensors, 1000).at_most(bytes=7e6)",
        "expected at most 7 MB of memory at once, it took 8 MB.",
    ),
    "operations": (
        f"checks.measure(product_twice, {MATRICES}).at_most(flops=12000)",
        "expected at most 0.012 million floating-point operations, it took 0.024 million.",
    ),
    "seconds": (
        "checks.measure(busy, 0.3).at_most(seconds=0.1)",
        "expected at most 100 ms of processor time, it took 3",
    ),
    "an error": ("checks.measure(wrong, 1).at_most(bytes=1e9)", "it raised ValueError: n"),
}


def elsewhere(warm, test, answers=""):
    """Grade a test in a pair of processes; return the report and the test's verdict."""
    steps = [Step("setup", "setup", SETUP), Step("student", "answers", ANSWERS + answers)]
    names = student_names(ANSWERS + answers)
    report = warm.grade([*steps, Step("test", "t", test, 1.0)], names)
    assert not report.verdicts[1].message, report.verdicts[1]
    return report, report.verdicts[-1]


def here(test):
    space = {"__name__": "__main__"}
    exec(SETUP + ANSWERS, space)
    exec(test, space)


@pytest.mark.slow
@pytest.mark.parametrize("test", RIGHT.values(), ids=RIGHT)
def test_what_takes_little_passes_and_is_marked(warm, test):
    here(test)
    report, verdict = elsewhere(warm, test)
    assert (report.state, verdict.score, verdict.message) == ("graded", 1.0, "")
    assert verdict.inside
    assert verdict.printed.startswith("Measured in the process of your code:\n")
    assert "from outside" in verdict.printed


@pytest.mark.parametrize(("test", "says"), WRONG.values(), ids=WRONG)
def test_what_takes_more_is_told_so(warm, test, says):
    with pytest.raises(checks.CheckFailed) as caught:
        here(test)
    assert says in str(caught.value)
    report, verdict = elsewhere(warm, test)
    assert (report.state, verdict.score) == ("graded", 0.0)
    assert says in verdict.message


def test_meters_write_nothing_for_stock_nbgrader_gives_no_points_then(capfd):
    here(RIGHT["bytes of tensors"] + "\n" + RIGHT["operations"])
    assert capfd.readouterr() == ("", "")


def test_other_tests_are_not_marked(warm):
    _, verdict = elsewhere(warm, "checks.measure(rows, 3).gives(3000.0)")
    assert (verdict.score, verdict.inside, verdict.printed) == (1.0, False, "")


DECEIVED = {
    "no memory": (
        "checks.calls._METERS['bytes'] = lambda call: (call(), 0)[1]\n"
        "def answer(n): return np.ones(n).sum()",
        "checks.measure(answer, 2**25).at_most(bytes=1e6)",  # 256 MiB
    ),
    "no time": (
        "checks.calls._METERS['seconds'] = lambda call: (call(), 0.0)[1]\n"
        "def answer(seconds): return busy(seconds)",
        "checks.measure(answer, 1.0).at_most(seconds=0.5)",
    ),
    "memory out of sight": (
        "import ctypes\ndef answer(n):\n    libc = ctypes.CDLL(None)\n"
        "    libc.malloc.restype = ctypes.c_void_p\n"
        "    ctypes.memset(libc.malloc(ctypes.c_size_t(n)), 1, n)\n    return 0",
        "checks.measure(answer, 2**28).at_most(bytes=1e6)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "test"), DECEIVED.values(), ids=DECEIVED)
def test_meters_that_say_less_than_is_seen_from_outside_need_a_person(warm, answer, test):
    report, verdict = elsewhere(warm, test, answer)
    assert (report.state, verdict.score) == ("needs a person", None)
    assert verdict.message.startswith("A person must look: from outside")


def test_a_test_that_fails_anyway_needs_nobody(warm):
    answer, test = DECEIVED["no memory"]
    report, verdict = elsewhere(warm, test + "\nraise AssertionError('other')", answer)
    assert (report.state, verdict.score) == ("graded", 0.0)


@pytest.mark.parametrize("took", ["'a lot'", "-1", "float('nan')", "None", "True", "[0]", "1 / 0"])
def test_what_is_no_measure_is_no_answer(warm, took):
    answer = f"checks.calls._METERS['bytes'] = lambda call: {took}\nanswer = rows"
    report, verdict = elsewhere(warm, "checks.measure(answer, 1).at_most(bytes=1e9)", answer)
    assert (report.state, verdict.score) == ("graded", 0.0)


def test_where_nothing_is_seen_from_outside_a_person_must_look():
    seen = judge._Usage(1.0, 2**20, 2**20)
    assert judge._compared("bytes", 0, seen, seen, 0)[1] is False
    assert judge._compared("bytes", 0, None, seen, 0)[1] is True
    assert judge._Usage.of(2**22 + 1) is None  # beyond the largest number of a process
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert judge._Usage.of(ended.pid) is None  # it waits to be reaped
    ended.wait()
