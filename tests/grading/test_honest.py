"""Honest work, however it is written, gets the points that it earned: honest.txt, honest_ps01.txt.

What stock nbgrader makes of some of it is measured here too.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from losscourse.grading.rebuild import Cell, read, rebuild
from losscourse.grading.student import MOST_OUTPUT
from tests.grading.notebooks import data, of_python
from tests.grading.runs import nbgrader

pytestmark = pytest.mark.slow


def cases(file):
    """Return the texts of a file's cases by their names."""
    text = Path(__file__).with_name(file).read_text(encoding="utf-8").rstrip("\n")
    parts = re.split(r"\n+^=== (.+)\n", text, flags=re.M)[1:]
    assert len(set(parts[::2])) == len(parts) // 2
    return dict(zip(parts[::2], parts[1::2], strict=True))


RIGHT = {name: text.split("\n---\n") for name, text in cases("honest.txt").items()}
STYLES = {
    name: re.findall(r"^--- (\S+)\n(.*?)(?=\n--- |\Z)", text, re.M | re.S)
    for name, text in cases("honest_ps01.txt").items()
}
DOUBLE = "def double(x):\n    return 2 * x"

REFUSED = {
    "asks for input": (f"name = input('Your name? ')\n{DOUBLE}", "write the value into the code"),
    "starts processes": (
        f"import multiprocessing\nmultiprocessing.Pool(2).map(abs, [-1])\n{DOUBLE}",
        "when your code is graded, it has no other process and no network",
    ),
    "starts a program": (
        f"import subprocess\nsubprocess.run(['ls'])\n{DOUBLE}",
        "when your code is graded, it has no other process and no network",
    ),
    "needs a package that is not there": (
        f"import a_package_of_mine\n{DOUBLE}",
        "No module named 'a_package_of_mine'",
    ),
    "has an error in its syntax": (
        "def double(x)\n    return 2 * x",
        "name 'double' is not defined: .* SyntaxError: expected ':'\nline 1: def double\\(x\\)$",
    ),
    "returns a fraction": (
        "from fractions import Fraction\ndef double(x):\n    return Fraction(2 * x)",
        "expected plain data: .* got Fraction",
    ),
    "stops in the debugger": (
        "def double(x):\n    breakpoint()\n    return 2 * x",
        "calls settrace, which a check cannot follow",
    ),
}
"""Answers that cannot count as they stand, and what their author is told."""


def notebook(questions, ours=(), above=()):
    """Return a notebook: (its answer, its test, its points) by the name of each question.

    Args:
        questions: By name, in order.
        ours: Cells of the instructor's at the beginning, without names.
        above: Cells of the student's own at the beginning.
    """
    cells = [new_code_cell(text) for text in (*ours, *above)]
    for name, (answer, test, points) in questions.items():
        cells.append(new_code_cell(answer, metadata=data(name, solution=True)))
        cells.append(new_code_cell(test, metadata=data(f"{name}-test", points=points)))
    return of_python(*cells)


def solved(answer):
    return f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"


TEST = (
    "from losscourse import checks\nfor x in (3.0, -1.5):\n    checks.call(double, x).gives(2 * x)"
)
SOURCE = notebook({"double": (solved(DOUBLE), TEST, 10)})


def grade(warm, source, submitted):
    """Return the report on a submission, and its verdicts by cell."""
    rebuilt = rebuild(source, read(json.dumps(submitted).encode()))
    report = rebuilt.marked(warm.grade(rebuilt.steps, rebuilt.names))
    return report, {verdict.cell: verdict for verdict in report.verdicts}


def answered(warm, *cells):
    """Return what comes of an answer to the question, below other cells."""
    *above, answer = cells
    submitted = notebook({"double": (answer, TEST, 10)}, above=above)
    report, verdicts = grade(warm, SOURCE, submitted)
    assert report.state == "graded"
    return verdicts


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_that(name, warm):
    verdicts = answered(warm, *RIGHT[name])
    assert verdicts["double-test"].score == 10.0, verdicts


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_is_refused_in_words_that(name, warm):
    answer, told = REFUSED[name]
    verdict = answered(warm, answer)["double-test"]
    assert verdict.score == 0.0
    assert re.search(told, verdict.message, re.S)


def test_what_was_printed_is_kept_and_bounded(warm):
    short = answered(warm, *RIGHT["draws a progress bar with carriage returns"])["double"]
    assert short.printed.split() == [f"{step}/50" for step in range(1, 51)]
    long = answered(warm, *RIGHT["prints a megabyte"])["double"]
    assert set(long.printed) == {"x", "\n"}
    assert len(long.printed) == MOST_OUTPUT


PS01 = Path(__file__).parents[2] / "exercises" / "source" / "ps01" / "ps01.ipynb"


@pytest.mark.parametrize("style", STYLES)
def test_an_answer_to_ps01_loses_nothing_by_its_style(style, warm):
    source = nbformat.read(PS01, as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell.source for cell in source.cells}
    own = {place: text for place, text in STYLES[style] if place in ("above", "below")}
    answers = {name: text for name, text in STYLES[style] if name not in own}
    assert answers.keys() <= cells.keys()
    submitted = []
    for name, text in (cells | answers).items():
        submitted.append(Cell("prose" if name.startswith("q") else "code", text, name))
        if name == "setup" and "above" in own:
            submitted.append(Cell("code", own["above"], None))
    submitted.append(Cell("code", own.get("below", ""), None))
    rebuilt = rebuild(source, submitted)
    report = rebuilt.marked(warm.grade(rebuilt.steps, rebuilt.names))
    assert not [
        v for v in report.verdicts if v.message or (v.kind == "test" and v.score != v.points)
    ]
    assert sum(v.kind == "test" for v in report.verdicts) > 30


# --- what nbgrader makes of it --------------------------------------------------------------------

CALLS = "assert answer() == 1"
NUMPY, TORCH = "import numpy as np", "import torch"
STDERR = {
    "warning": f"{NUMPY}\ndef answer():\n    return int(np.exp(np.log(np.zeros(1)))[0]) + 1",
    "log": "import logging\ndef answer():\n    logging.warning('here')\n    return 1",
    "bar": "import sys\ndef answer():\n    sys.stderr.write('\\r1/1')\n    return 1",
}
"""Right answers that write to stderr while they are tested."""

PARTS = {
    "float": ("0.5", 0.5, 0.5),
    "zero": ("0.0", 0.0, 0.0),
    "numpy-float": (f"{NUMPY}\nnp.float64(0.5)", 0.5, 2.0),
    "numpy-int": (f"{NUMPY}\nnp.int64(0)", 0.0, 2.0),
    "numpy-array": (f"{NUMPY}\nnp.asarray(0.5)", 0.5, 2.0),
    "tensor": (f"{TORCH}\ntorch.tensor(0.5)", 0.5, 2.0),
    "nan": ("float('nan')", None, 2.0),
    "negative": ("-1.0", None, 2.0),
    "bool": ("1 > 2", None, 2.0),
    "numpy-bool": (f"{NUMPY}\nnp.float64(1) > 2", None, 2.0),
    "tensor-bool": (f"{TORCH}\ntorch.tensor(1.0) > 2", None, 2.0),
    "text": ("'0.5'", None, 2.0),
    "list": ("[0.5, 0.5]", None, 2.0),
}
"""A test's last value, its score of 2 points here (None: a person decides), and in nbgrader."""

QUESTIONS = {name: (answer, CALLS, 2) for name, answer in STDERR.items()}
QUESTIONS |= {f"part-{name}": ("answer = 1", test, 2) for name, (test, _, _) in PARTS.items()}
MANY = notebook({name: (solved(x), test, most) for name, (x, test, most) in QUESTIONS.items()})


def test_stderr_costs_nothing_and_a_part_is_a_number_or_a_persons(warm):
    report, verdicts = grade(warm, MANY, notebook(QUESTIONS))
    scores = {name: verdicts[f"{name}-test"].score for name in QUESTIONS}
    expected = dict.fromkeys(STDERR, 2.0)
    assert scores == expected | {f"part-{name}": ours for name, (_, ours, _) in PARTS.items()}
    assert report.state == "needs a person"
    assert report.score == sum(score or 0.0 for score in scores.values())
    nan = verdicts["part-nan-test"].message
    assert nan == "A person must look: the test's value is nan, not a number of points."


@pytest.mark.parametrize("value", ["2.1", "float('inf')", "1j", "b'1'", f"{NUMPY}\nnp.ones(2)"])
def test_a_part_beyond_the_points_is_a_persons(value, warm):
    source = notebook({"part": (solved("answer = 1"), value, 2)})
    report, verdicts = grade(warm, source, notebook({"part": ("answer = 1", value, 2)}))
    assert report.state == "needs a person"
    assert verdicts["part-test"].score is None


def test_nbgrader_alone_misjudges_them(tmp_path):
    for place, nb in {"source": MANY, "submitted/ada": notebook(QUESTIONS)}.items():
        (tmp_path / place / "ps").mkdir(parents=True)
        nbformat.write(nb, tmp_path / place / "ps" / "ps.ipynb")
    nbgrader(tmp_path, "generate_assignment", "ps")
    nbgrader(tmp_path, "autograde", "ps")
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        grades = book.find_submission_notebook("ps", "ps", "ada").grades
        scores = {grade.name.removesuffix("-test"): grade.score for grade in grades}
    expected = dict.fromkeys(STDERR, 0.0)
    assert scores == expected | {f"part-{name}": stock for name, (_, _, stock) in PARTS.items()}


# --- notebooks that instructors have --------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "test"),
    [
        ([], "try:\n    root(-1)\nexcept ValueError:\n    pass\nelse:\n    assert False"),
        (["import math"], "assert math.isclose(root(2.0), math.sqrt(2.0))"),
        (["%matplotlib inline\nimport math\n!ls"], "assert root(4.0) == math.sqrt(4.0)"),
        (["%%time\nimport math"], "assert root(4.0) == math.sqrt(4.0)"),
        (["nine = root(81.0)"], "assert nine == 9.0"),
        ([], "import os\nassert os.environ['NBGRADER_EXECUTION'] == 'autograde'"),
        (
            [],
            "kept = check\ndel check\ntry:\n    root(4.0)\nexcept NameError:\n    pass\nelse:\n"
            "    assert False, 'root does not use check'\nfinally:\n    check = kept",
        ),
    ],
    ids=["catches", "imports", "magic", "timed", "calls", "why it runs", "takes a function away"],
)
def test_the_tests_of_a_notebook_made_for_nbgrader_work(ours, test, warm):
    check = "def check(x):\n    if x < 0:\n        raise ValueError(x)"
    root = "def root(x):\n    check(x)\n    return x ** 0.5"
    wrong = "def root(x):\n    return -abs(x)"
    source = notebook({"root": (solved(f"{check}\n{root}"), test, 3)})
    first = [new_code_cell(text) for text in ours if "root" not in text]
    later = [new_code_cell(text) for text in ours if "root" in text]
    source.cells = first + source.cells[:1] + later + source.cells[1:]
    scores = []
    for answer in (f"{check}\n{root}", f"{check}\n{wrong}"):
        report, verdicts = grade(warm, source, notebook({"root": (answer, test, 3)}))
        assert report.state == "graded"
        scores.append(verdicts["root-test"].score)
    assert scores[0] == 3.0
    assert scores[1] == (3.0 if "environ" in test else 0.0)
