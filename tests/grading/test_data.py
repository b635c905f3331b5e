"""Files that come with a problem set: there for the student's code and for the tests alike."""

import contextlib
import io
import shutil

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.coursedir import CourseDirectory

from losscourse.grading import evening, files
from losscourse.grading.course import read_config
from losscourse.grading.judge import Step
from tests.grading import runs
from tests.grading.notebooks import data, of_python
from tests.grading.runs import export

TABLE = b"1.0\n2.0\n3.5\n"


def array(values):
    file = io.BytesIO()
    np.save(file, np.asarray(values))
    return file.getvalue()


FILES = {"data.csv": TABLE, "more/x.npy": array([4.0, 5.0]), "units.py": b"factor = 10\n"}


def results(warm, code, test="1", **named):
    """Return the verdicts on a cell of the student's and on a test."""
    steps = [Step("student", "theirs", code), Step("test", "ours", test, 1.0)]
    return warm.grade(steps, ["total"], files=FILES, cell_seconds=10, **named).verdicts


@pytest.mark.slow
def test_both_sides_open_a_file_under_its_name_in_the_notebook(warm):
    code = (
        "import numpy as np\nimport units\n"
        "def total():\n"
        "    table = np.loadtxt('data.csv').sum() + sum(map(float, open('data.csv')))\n"
        "    return units.factor * (table + np.load('more/x.npy').sum())"
    )
    test = (
        "import numpy as np\nimport units\nfrom losscourse import checks\n"
        "sums = 2 * np.loadtxt('data.csv').sum() + np.load('more/x.npy').sum()\n"
        "checks.call(total).gives(float(units.factor * sums))\nfloat(sums == 22)"
    )
    theirs, ours = results(warm, code, test)
    assert (theirs.message, ours.message, ours.score) == ("", "", 1)


def test_what_a_student_does_to_a_file_changes_nothing_for_a_test_or_for_the_next(warm):
    code = (
        "import os\n"
        "for name in ('data.csv', 'units.py'):\n    open(name, 'w').write('0')\n"
        "os.remove('more/x.npy')\nos.rmdir('more')\nprint(open('data.csv').read())"
    )
    test = "table = open('data.csv').read()\nfloat(table == '1.0\\n2.0\\n3.5\\n')"
    theirs, ours = results(warm, code, test)
    assert (theirs.printed, theirs.message) == ("0\n", "")
    assert ours.score == 1
    theirs, _ = results(warm, "print(open('data.csv').read(), end='')")
    assert theirs.printed.encode() == TABLE


def test_the_copy_of_the_tests_and_all_else_is_out_of_reach(warm):
    code = (
        "import os\n"
        "print(sorted(os.listdir('.')), sorted(os.listdir('more')))\n"
        "for path in ('../tests/data.csv', '../tests/new.csv'):\n"
        "    try:\n        open(path, 'a')\n"
        "    except OSError as error:\n        print(type(error).__name__)\n"
    )
    theirs, _ = results(warm, code)
    assert theirs.printed.splitlines() == [
        "['data.csv', 'more', 'units.py'] ['x.npy']",
        "PermissionError",
        "PermissionError",
    ]


@pytest.mark.parametrize("name", ["mine.csv", "/etc/passwd"])
def test_a_file_that_did_not_come_with_the_notebook_is_explained(warm, name):
    code = f"import numpy as np\ndef total():\n    return np.loadtxt({name!r})\nopen({name!r})"
    test = "from losscourse import checks\nchecks.call(total).gives(1.0)"
    for verdict in results(warm, code, test):
        assert "the files that came with the notebook beside it, and no others" in verdict.message
        assert name in verdict.message


@pytest.mark.parametrize("name", ["/etc/new", "../new", "a/../../new"])
def test_a_path_that_leads_elsewhere_is_refused(warm, name):
    report = warm.grade([Step("test", "ours", "1", 1.0)], [], files={name: b""})
    assert report.state == "failed"
    assert "expected a path from the notebook" in report.reason


# ---------------------------------------------------------------- a course


SOLUTION = "def total():\n    ### BEGIN SOLUTION\n    return {}\n    ### END SOLUTION"
TEST = "from losscourse import checks\nchecks.call(total).gives(sum(map(float, open('data.csv'))))"


def notebook(answer="sum(map(float, open('data.csv')))"):
    return of_python(
        new_code_cell(SOLUTION.format(answer), metadata=data("total", solution=True)),
        new_code_cell(TEST, metadata=data("total-test", points=3)),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course with a table beside its notebook, and two students, one with files of his own."""
    answers = {"ada": notebook(), "bo": notebook("sum(map(float, open('mine.csv')))")}
    texts = {student: nbformat.writes(nb) for student, nb in answers.items()}
    folder = tmp_path_factory.mktemp("made") / "course"
    runs.make(folder, "sqlite:///gradebook.db", {"ps": notebook()}, texts, {})
    source = folder / "source" / "ps"
    (folder / "table").write_bytes(TABLE)
    (source / "data.csv").symlink_to("../../table")
    shutil.copy(source / "ps.ipynb", source / "ps.ipynb.bak")
    for name in ("data.csv", "mine.csv"):
        (folder / "submitted" / "bo" / "ps" / name).write_text("6.5\n")
    return folder


@pytest.fixture
def course(made, lent, tmp_path):
    """A course of its own, nothing graded; whatever grades there uses the parent that is there."""
    return shutil.copytree(made, tmp_path / "course", symlinks=True)


@pytest.mark.slow
def test_losscourse_grade_and_nbgrader_autograde_give_the_files(course, capsys):
    assert evening.grade("ps", course=course, workers=1) == 0
    first = export(course)
    assert b"3.0" in first
    assert "bo: graded, 0 points" in capsys.readouterr().out
    page = (course / "autograded" / "bo" / "ps" / "ps.ipynb").read_text()
    assert "the files that came with the notebook beside it" in page
    assert (course / "autograded" / "bo" / "ps" / "data.csv").read_bytes() == TABLE
    shutil.rmtree(course / "autograded")
    with runs.api(course) as api:
        for student in ("ada", "bo"):
            done = api.autograde("ps", student)
            assert done["success"], done
    assert export(course) == first


def test_a_notebook_is_no_file_that_comes_with_it(course):
    with contextlib.chdir(course):
        assert files.Folders(CourseDirectory(config=read_config(course)), "ps").data() == {
            "data.csv": TABLE
        }


def test_another_table_is_another_grading(course, capsys):
    evening.grade("ps", course=course, workers=1, students=["ada"])
    (course / "table").write_text("7\n")
    evening.grade("ps", course=course, workers=1, students=["ada"])
    assert capsys.readouterr().out.count("ada: graded, 3 points") == 2


def test_more_than_can_go_with_each_submission_stops_the_run(course, monkeypatch, capsys):
    monkeypatch.setattr(files, "MOST_DATA", 2**20)
    (course / "source" / "ps" / "large.bin").write_bytes(bytes(2**20))
    assert evening.grade("ps", course=course, workers=1) == 2
    said = capsys.readouterr().out
    assert "1 MiB in 2 files" in said
    assert "The largest is large.bin" in said
    with runs.api(course) as api:
        done = api.autograde("ps", "ada")
    assert not done["success"]
    assert "The largest is large.bin" in done["log"]
