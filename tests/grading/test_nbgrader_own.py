"""nbgrader's own tests of `nbgrader autograde`, run with the course's grader in its place."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.converters.base import NbGraderException
from traitlets.config import Config

from losscourse.grading.intake import read_source
from losscourse.grading.rebuild import solution_names

SETTINGS = Path(__file__).parents[2] / "exercises" / "nbgrader_config.py"

# What the course words and values for itself is no matter of the grader: the tests speak of
# nbgrader's own texts for a blank answer and of its own late policy.
CONFIG = """\
c = get_config()
load_subconfig({name!r}, path={folder!r})
del c["ClearSolutions"], c["AssignLatePenalties"]
"""

TESTS = "nbgrader.tests.apps.test_nbgrader_autograde"
FOUND = 42  # in nbgrader 0.9.6
SKIPPED = {"test_many_students", "test_infinite_loop_with_output"}  # by nbgrader itself

OTHERWISE = {
    "test_side_effects": "a file that student code writes stays in its scratch folder, and goes "
    "with it: nothing that a student makes lands among the graded notebooks",
    "test_no_execute": "with --no-execute the outputs in the student's file are the score, and "
    "anyone can type those: the code runs in any case, and a warning says so",
    "test_infinite_loop": "the endless loop is in the instructor's own cell: nothing is graded and "
    "the reason is given, instead of a score by tests that lack what this cell defines",
    "test_missing_source_kernelspec": "a submission that names an unknown kernel must fail; here "
    "the kernel is the source's, and what a student's editor calls its own costs nothing",
    "test_handle_failure": "a notebook with another assignment's tests must fail, where this one "
    "asks for nothing; here such cells are the student's own, run and score nothing",
    "test_handle_failure_single_notebook": "as test_handle_failure",
    "test_force_single_notebook": "a notebook without a cell must be graded, as 0, where answers "
    "are asked for; here it fails alone and the student is asked for the right file",
    "test_update_newer": "as test_force_single_notebook",
    "test_update_newer_single_notebook": "as test_force_single_notebook",
}
"""The tests of nbgrader's that fail here, and what the grader does otherwise on purpose."""


def outcomes(folder):
    """Run nbgrader's tests of autograde under the course's settings; return each one's end."""
    settings = CONFIG.format(name=SETTINGS.name, folder=str(SETTINGS.parent))
    (folder / "jupyter").mkdir()
    (folder / "jupyter" / "nbgrader_config.py").write_text(settings)
    (folder / "tmp").mkdir()
    options = ["-q", "-p", "no:cacheprovider", "--junitxml=report.xml"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--pyargs", TESTS],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ
        | {"JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "TMPDIR": str(folder / "tmp")},
    )
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    cases = ET.parse(folder / "report.xml").iter("testcase")
    return {case.get("name"): next((part.tag for part in case), "passed") for case in cases}


@pytest.mark.slow
def test_autograde_does_what_nbgrader_tests_of_it(tmp_path):
    assert version("nbgrader") == "0.9.6", "count its tests, and look at the exceptions, again"
    ends = outcomes(tmp_path)
    assert len(ends) == FOUND
    by_end = {end: {name for name in ends if ends[name] == end} for end in set(ends.values())}
    assert by_end.pop("skipped") == SKIPPED
    assert by_end.pop("failure") == set(OTHERWISE)
    assert set(by_end) == {"passed"}


def source(*cells, **metadata):
    """Return an instructor's notebook: (its kind, its code) of each cell."""
    return new_notebook(
        cells=[
            new_code_cell(code, metadata={"nbgrader": {kind: True}} if kind else {})
            for kind, code in cells
        ],
        metadata=metadata,
    )


def test_what_a_solution_defines_is_the_student_s():
    nb = source(("solution", "def f(x): return x"), ("grade", "assert f(1) == g"))
    assert solution_names(nb) == ["f"]


def test_without_a_solution_it_is_what_tests_use_and_nobody_defines():
    nb = source(
        ("", "import math\ndef close(a, b): return abs(a - b) < eps"),
        ("solution", "raise NotImplementedError"),
        ("grade", "eps = 1e-9\nfor case in cases:\n    assert close(f(case), math.pi), len(case)"),
    )
    assert solution_names(nb) == ["cases", "f"]


@pytest.mark.parametrize("hiding", ["from math import *", "%pylab", "globals()['ours'] = max"])
def test_a_name_that_may_be_the_instructor_s_is_not_the_student_s(hiding):
    nb = source(("", hiding), ("solution", "raise NotImplementedError"), ("grade", "ours(f)"))
    assert solution_names(nb) == []


def test_a_source_in_another_language_is_refused(tmp_path):
    kernel = {"name": "ir", "display_name": "R", "language": "R"}
    (tmp_path / "source" / "ps").mkdir(parents=True)
    nbformat.write(source(kernelspec=kernel), tmp_path / "source" / "ps" / "a.ipynb")
    course = Config({"CourseDirectory": {"root": str(tmp_path)}})
    with pytest.raises(
        NbGraderException, match=r"a\.ipynb is written in R: the grader runs Python"
    ):
        read_source(course, {"nbgrader": {"assignment": "ps", "notebook": "a"}})
