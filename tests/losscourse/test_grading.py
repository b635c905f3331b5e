"""nbgrader with the course's configuration, on a problem set of one question."""

import copy
import csv
import html
import json
import re
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook

from losscourse.grading.late import PointsPerDay
from tests.grading.notebooks import data, of_python
from tests.grading.runs import CONFIG, nbgrader

SOLUTION = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TEST = (
    "assert double(1.0) == 2.0, 'double(1.0): expected 2.0'\n"
    "### BEGIN HIDDEN TESTS\n"
    "assert double(-7.25) == -14.5, 'double of a negative number'\n"
    "### END HIDDEN TESTS"
)
WRONG = "def double(x): return abs(2 * x)"


def source_notebook():
    return of_python(
        new_code_cell(SOLUTION, metadata=data("double", solution=True)),
        new_code_cell(TEST, metadata=data("double-test", points=10)),
        new_markdown_cell("Solution.", metadata=data("essay", points=5, solution=True)),
    )


def variants():
    """Submissions by student: what each hands in, as the text of the file."""
    good = json.loads(nbformat.writes(source_notebook()))
    good["cells"][2]["source"] = "Because."

    def changed(change):
        notebook = copy.deepcopy(good)
        change(notebook["cells"])
        return json.dumps(notebook)

    def copied(index):
        return changed(lambda cells: cells.append(cells[index] | {"id": "another"}))

    def with_data(index, **values):
        return changed(lambda cells: cells[index]["metadata"]["nbgrader"].update(values))

    graded = {
        "good": json.dumps(good),
        "copied-test": copied(1),
        "copied-solution": copied(0),
        "no-test": changed(lambda cells: cells.pop(1)),
        "wrong": changed(lambda cells: cells[0].update(source=WRONG)),
        "newer": with_data(0, schema_version=99),
        "older": with_data(0, schema_version=1),
        "points": with_data(1, points="many"),
        "number": changed(lambda cells: cells[1]["metadata"].update(nbgrader=5)),
        "two-answers": changed(lambda cells: cells.append(cells[0] | {"source": WRONG})),
    }
    ungradable = {
        "cut": json.dumps(good)[:600],
        "empty": "",
        "list": "[]",
        "other": '{"a": 1}',
    }
    return graded, ungradable


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course in which one problem set was autograded, and what nbgrader said."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(CONFIG, folder)
    (folder / "source" / "ps").mkdir(parents=True)
    nbformat.write(source_notebook(), folder / "source" / "ps" / "ps.ipynb")
    nbgrader(folder, "generate_assignment", "ps")
    nbgrader(folder, "db", "student", "add", "absent", "--last-name=de Groot, Jr.")
    graded, ungradable = variants()
    for student, text in (graded | ungradable).items():
        (folder / "submitted" / student / "ps").mkdir(parents=True)
        (folder / "submitted" / student / "ps" / "ps.ipynb").write_text(text)
    output = nbgrader(folder, "autograde", "ps", "--log-level=ERROR", status=1)
    return folder, output


@pytest.fixture(scope="module")
def rows(course):
    nbgrader(course[0], "export")
    with (course[0] / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("student", "score"),
    [
        ("good", 10),
        ("copied-test", 10),
        ("copied-solution", 10),
        ("no-test", 10),
        ("wrong", 0),
        ("two-answers", 0),
        ("newer", 10),
        ("older", 10),
        ("points", 10),
        ("number", 10),
    ],
)
def test_a_submission_is_graded_whatever_lies_beside_it(rows, student, score):
    assert float(rows[student]["score"]) == score
    assert rows[student]["status"] == "needs marking"


@pytest.mark.slow
def test_points_that_two_answers_may_have_cost_await_a_person(course):
    with Gradebook(f"sqlite:///{course[0] / 'gradebook.db'}") as gradebook:
        grades = {
            student: gradebook.find_grade("double-test", "ps", "ps", student)
            for student in ("good", "wrong", "copied-solution", "two-answers")
        }
        waiting = [student for student, grade in grades.items() if grade.needs_manual_grade]
        assert waiting == ["two-answers"]
        assert grades["two-answers"].auto_score == 0


@pytest.mark.slow
@pytest.mark.parametrize("student", variants()[1])
def test_what_cannot_be_graded_is_named_in_one_line_and_has_no_score(course, rows, student):
    folder, output = course
    (line,) = [line for line in output.splitlines() if f"{student} is not graded" in line]
    assert f"{folder}/submitted/{student}/ps/ps.ipynb cannot be used (" in line
    assert line.endswith(f"run: nbgrader autograde ps --student={student}")
    assert rows[student]["status"] == "not graded"
    assert rows[student]["score"] == rows[student]["raw_score"] == ""
    assert not (folder / "autograded" / student).joinpath("ps").exists()


@pytest.mark.slow
def test_nothing_ends_in_a_traceback(course):
    assert "| ERROR] Traceback" not in course[1], course[1]


@pytest.mark.slow
def test_who_hands_in_nothing_is_listed_without_a_score(rows):
    assert rows["absent"]["status"] == "not submitted"
    assert rows["absent"]["score"] == ""
    assert rows["absent"]["last_name"] == "de Groot, Jr."


@pytest.mark.slow
def test_a_mended_notebook_is_graded_on_the_next_call(course):
    folder, output = course
    command = re.search(r"run: nbgrader (autograde ps --student=cut)$", output, re.M)[1]
    mended = variants()[0]["good"]
    (folder / "submitted" / "cut" / "ps" / "ps.ipynb").write_text(mended)
    nbgrader(folder, *command.split())
    assert (folder / "autograded" / "cut" / "ps" / "ps.ipynb").exists()


@pytest.mark.slow
def test_feedback_keeps_the_message_and_hides_the_test(course):
    folder, _ = course
    nbgrader(folder, "generate_feedback", "ps", "--student=wrong")
    page = (folder / "feedback" / "wrong" / "ps" / "ps.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert "double of a negative number" in text
    assert "assert double(1.0) == 2.0" in text
    assert "double(-7.25)" not in text
    assert "HIDDEN" not in text


@pytest.mark.parametrize(("seconds", "points"), [(1, 5), (86400, 5), (86401, 10), (7 * 86400, 35)])
def test_late_days_count_when_they_begin(seconds, points):
    policy = PointsPerDay(points_per_day=5.0)
    assert policy.late_submission_penalty("ada", 90.0, seconds) == points
