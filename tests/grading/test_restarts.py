"""A cell that ends Python costs what it defines: the rest runs once more, without it."""

import sys
import time

import pytest

from losscourse.grading.judge import Step

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the sandbox is Linux's; elsewhere grading refuses to start"
)


SETUP = Step("setup", "setup", "import numpy as np\nfrom losscourse import checks")


def theirs(cell, code):
    return Step("student", cell, code)


def asks(cell, code):
    return Step("test", cell, code, 1.0)


def grade(warm, *steps, **times):
    """Return the report, and its verdicts by cell."""
    report = warm.grade([SETUP, *steps], ["square", "half"], **times)
    assert report.state == "graded", report
    return report, {verdict.cell: verdict for verdict in report.verdicts}


SQUARE = theirs("square", "def square(x): return x * x")
HALF = theirs("half", "def half(x): return x / 2")
SQUARE_TEST = asks("t-square", "import math\nchecks.call(square, 3.0).gives(9.0)")
HALF_TEST = asks("t-half", "checks.call(half, 3.0).gives(math.sqrt(2.25))")
ENDS = {
    "os._exit": ("import os\nos._exit(0)", "ended Python"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "a deaf loop": (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "did not end within",
    ),
    "files": ("for i in range(2100): open(str(i), 'w').close()", "files"),
}


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
def test_a_cell_that_ends_python_costs_what_it_defines_and_no_more(warm, end):
    code, says = ENDS[end]
    own = theirs("cell 3", code)
    seconds = 2.0 if end == "a deaf loop" else 30.0
    report, verdicts = grade(
        warm, SQUARE, own, SQUARE_TEST, HALF, HALF_TEST, cell_seconds=seconds, total_seconds=120.0
    )
    assert report.score == 2.0
    assert says in verdicts["cell 3"].message
    assert "were run without it" in verdicts["cell 3"].message


def test_two_cells_may_end_python_and_a_function_too(warm):
    report, verdicts = grade(
        warm,
        theirs("cell 2", "import os\nos.abort()"),
        theirs("square", "def square(x): import os; os.abort()"),
        SQUARE_TEST,  # half's test needs what this one has imported
        HALF,
        HALF_TEST,
        theirs("cell 7", "os.abort()"),
    )
    assert (report.score, report.ended) == (1.0, None)
    assert verdicts["t-square"].message == "Your code crashed Python (SIGABRT)."


def test_a_function_that_crashes_in_each_of_its_tests_costs_these_alone(warm):
    crashes = theirs("square", "import os\ndef square(x): os.abort()")
    tests = [asks(f"t{number}", SQUARE_TEST.code) for number in range(6)]
    report, verdicts = grade(warm, crashes, *tests, HALF, HALF_TEST)
    assert (report.score, verdicts["t-half"].score) == (1.0, 1.0)
    assert {verdicts[test.cell].message for test in tests} == {
        "Your code crashed Python (SIGABRT)."
    }


def test_a_function_that_does_not_end_is_named_and_has_less_time_then(warm):
    endless = theirs("square", "def square(x):\n    while True: pass")
    again = asks("t-again", SQUARE_TEST.code)
    report, verdicts = grade(
        warm, endless, SQUARE_TEST, again, HALF, HALF_TEST, cell_seconds=1.5, total_seconds=60.0
    )
    ends = ": is there an endless loop?"
    assert verdicts["t-square"].message == f"square did not end within 1.5 s{ends}"
    assert verdicts["t-again"].message == (
        f"square did not end within 1 s (it has less time once it did not end){ends}"
    )
    assert report.score == 1.0


def test_after_too_many_ends_the_message_names_the_cell(warm):
    ends = [theirs(f"cell {number}", "import os\nos._exit(0)") for number in range(2, 20)]
    report, verdicts = grade(warm, *ends, HALF, HALF_TEST)
    assert report.score == 0.0
    assert verdicts["t-half"].message == (
        "This was not run, for what happened in cell 12: Your code ended Python."
    )


def test_restarts_take_no_more_than_the_submissions_time(warm):
    deaf = ENDS["a deaf loop"][0]
    start = time.monotonic()
    report, verdicts = grade(
        warm, theirs("cell 2", deaf), HALF, HALF_TEST, cell_seconds=0.5, total_seconds=1.0
    )
    assert time.monotonic() - start < 20.0  # the grace for an interrupt is 2 s; the rest is noise
    assert report.score == 0.0
    assert verdicts["t-half"].message.startswith(
        "This was not run, for what happened in cell 2: It"
    )


@pytest.mark.slow
def test_a_forged_answer_gets_no_second_process(warm):
    """Else whoever answers for the grader could try again."""
    forges = (
        "import gc\n"
        "from losscourse.grading import wire\n"
        "(channel,) = [x for x in gc.get_objects() if type(x) is wire.Channel]\n"
        "channel.send({'number': '0'})"
    )
    report, verdicts = grade(warm, theirs("cell 2", forges), HALF, HALF_TEST)
    assert (report.score, report.ended) == (0.0, None)
    assert "in the place of the grader" in verdicts["t-half"].message


def test_a_notebooks_own_commands_pass(warm):
    report, verdicts = grade(
        warm,
        theirs("cell 2", "%cd /\n%cd ~\n%pwd\n!ls\n%matplotlib inline"),
        theirs("cell 3", "import sys\nprint('matplotlib.pyplot' in sys.modules)"),
        theirs("cell 4", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a')"),
    )
    assert report.score == 0.0
    assert not [v.message for v in report.verdicts if v.message]
    assert verdicts["cell 3"].printed == "True\n"  # its import takes half a second
