"""`nbgrader autograde` on notebooks of other names: they count as they do in `losscourse grade`."""

import csv
import shutil

import nbformat
import pytest
from nbformat.v4 import new_notebook

from losscourse.grading import evening
from losscourse.grading.intake import find_notebooks
from tests.grading import runs
from tests.grading.notebooks import half

RIGHT = nbformat.writes(half("def half(x):\n    return x / 2"))
WRONG = nbformat.writes(half("def half(x):\n    return x"))
FILES = {
    "named": {"ps.ipynb": RIGHT},
    "renamed": {"ada_ps (1).ipynb": RIGHT},
    "beside": {"ps.ipynb": RIGHT, "another lecture.ipynb": nbformat.writes(new_notebook())},
    "damaged and renamed": {"ps.ipynb": RIGHT[:300], "ps-1.ipynb": RIGHT},
    "two": {"a.ipynb": RIGHT, "b.ipynb": WRONG},
    "cut off": {"a.ipynb": RIGHT[:300]},
    "none of it": {"another lecture.ipynb": nbformat.writes(new_notebook())},
}
GRADED = {"named", "renamed", "beside", "damaged and renamed"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "course"
    runs.make(folder, "sqlite:///gradebook.db", {"ps": half()}, {}, {})
    for student, handed_in in FILES.items():
        place = folder / "submitted" / student / "ps"
        place.mkdir(parents=True)
        for name, text in handed_in.items():
            (place / name).write_text(text)
    return folder


@pytest.fixture
def course(made, tmp_path, lent):
    return shutil.copytree(made, tmp_path / "course")


def test_what_notebook_selects_stays_selected(tmp_path, monkeypatch):
    """The hook alone, on a problem set of two notebooks of which nbgrader was asked for one."""
    source, theirs = tmp_path / "source" / "ps", tmp_path / "submitted" / "ada" / "ps"
    for folder in (source, theirs):
        folder.mkdir(parents=True)
        for name in ("one.ipynb", "two.ipynb"):
            (folder / name).write_text(RIGHT if folder == theirs else nbformat.writes(half()))
    monkeypatch.chdir(tmp_path)
    (theirs / "two.ipynb").rename(theirs / "mine.ipynb")
    asked = [str(theirs / "one.ipynb")]
    find_notebooks(assignment="ps", student="*", notebooks=asked)
    assert asked == [str(theirs / "one.ipynb")]
    asked.append(str(theirs / "mine.ipynb"))
    find_notebooks(assignment="ps", student="*", notebooks=asked)
    assert asked == [str(theirs / "one.ipynb"), str(theirs / "two.ipynb")]


def scores(course):
    whole = runs.export(course).decode()
    return {row["student_id"]: row["score"] for row in csv.DictReader(whole.splitlines())}


@pytest.mark.slow
def test_both_ways_grade_what_holds_answers_and_say_what_to_do_about_the_rest(course, capsys):
    logs = {}
    with runs.api(course) as api:
        for student in FILES:
            done = api.autograde("ps", student)
            assert done["success"] == (student in GRADED), done
            logs[student] = done["log"]
    assert (
        "ada_ps (1).ipynb was graded in the place of ps.ipynb, which is missing"
        in (logs["renamed"])
    )
    assert "Skipping unknown notebook" not in logs["beside"]
    for student, words in {
        "two": "a.ipynb and b.ipynb hold different answers, ps.ipynb has none",
        "cut off": "it is cut off or damaged",
        "none of it": "hand in",
    }.items():
        said = f"{student} is not graded: {course}/submitted/{student}/ps/ps.ipynb cannot be used"
        assert said in logs[student]
        assert words in logs[student]
        assert f"nbgrader autograde ps --student={student}" in logs[student]
    first = scores(course)
    assert first == {student: "3.0" if student in GRADED else "" for student in FILES}
    assert evening.grade("ps", course=course, workers=1) == 1
    assert scores(course) == first
    assert "hold different answers" in capsys.readouterr().out
