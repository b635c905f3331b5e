"""`losscourse grade`: the grades of a class, whatever is killed on the way."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from losscourse import cli
from losscourse.grading import coordinator, files, gradebook, judge, sandbox
from losscourse.grading.scratch import Scratch
from losscourse.grading.warm import Warm
from tests.grading.notebooks import double_and_triple, of_python, text
from tests.grading.runs import CONFIG, Lent, children, export, nbgrader, states_of, wait_for

pytestmark = pytest.mark.slow

RIGHT = {"double": "def double(x):\n    return 2 * x", "triple": "def triple(x):\n    return 3 * x"}
SUBMISSIONS = {
    "ada": text(**RIGHT),
    "bo": text(
        double="def double(x):\n    return x + x", triple="def triple(x): return abs(3 * x)"
    ),
    "cy": text(double="def double(x):\n    return x", triple=RIGHT["triple"]),
    "di": text(**RIGHT)[:900],
    "ed": text(double="def double(x):\n    while True: pass", triple=RIGHT["triple"]),
    "fay": text(double="import os\ndef double(x):\n    os.abort()", triple=RIGHT["triple"]),
    "gus": text(double="def double(x) return", triple=RIGHT["triple"]),
    "hal": "",
    "ivy": text(**RIGHT, extra=["print('hello')", "1 / 0"]),
    "jo": text(double="def double(x):\n    raise NotImplementedError", triple=RIGHT["triple"]),
    "kim": text(double="import warnings\nwarnings.warn('x')\n" + RIGHT["double"], triple=""),
    "lee": text(**RIGHT, essay="*Your answer here.*"),
}
LATE = {"bo": "2026-03-03 12:00:00", "ada": "2026-02-27 12:00:00"}
FAILED = {"di", "hal"}
POINTS = {"ada": 15, "bo": 12, "cy": 5, "ed": 5, "fay": 5, "gus": 5, "ivy": 15, "jo": 5}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course with a problem set and a class's submissions, nothing graded."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(CONFIG, folder)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("\nc.RunElsewhere.cell_seconds = 1\n")
    (folder / "source" / "ps").mkdir(parents=True)
    nbformat.write(double_and_triple(), folder / "source" / "ps" / "ps.ipynb")
    (folder / "source" / "ps" / "data.csv").write_text("ours")
    nbgrader(folder, "generate_assignment", "ps")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "losscourse") as book:
        book.update_or_create_assignment("ps", duedate="2026-03-01")
        book.update_or_create_student("absent")
    for student, content in SUBMISSIONS.items():
        place = folder / "submitted" / student / "ps"
        place.mkdir(parents=True)
        (place / "ps.ipynb").write_text(content)
        if student in LATE:
            (place / "timestamp.txt").write_text(LATE[student])
    (folder / "submitted" / "ada" / "ps" / "data.csv").write_text("theirs")
    (folder / "submitted" / "ada" / "ps" / "notes.txt").write_text("mine")
    (folder / "submitted" / "ada" / "ps" / "link.txt").symlink_to(folder / "gradebook.db")
    return folder


@pytest.fixture
def course(made, tmp_path):
    """A course of its own, nothing graded."""
    return shutil.copytree(made, tmp_path / "course", symlinks=True)


@pytest.fixture
def grade(course, lent):
    """Return a function that runs `losscourse grade` here, with the parent that is there."""
    return lambda *arguments, status=1: run(course, *arguments, status=status)


def run(course, *arguments, status):
    done = CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(course), *arguments])
    assert done.exit_code == status, done.output
    return done.output


def rows(course):
    content = export(course).decode().splitlines()
    return {row["student_id"]: row for row in csv.DictReader(content)}


@pytest.fixture(scope="module")
def undisturbed(made, tmp_path_factory):
    """A course that one run has graded, on two parents of its own, and what it said."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("whole") / "course", symlinks=True)
    return folder, run(folder, "--workers", "2", status=1)


def test_each_submission_gets_its_grade_and_its_line(undisturbed):
    folder, said = undisturbed
    got = rows(folder)
    assert {student: float(got[student]["raw_score"]) for student in POINTS} == POINTS
    assert {s for s, row in got.items() if row["status"] == "not graded"} == FAILED
    assert got["absent"]["status"] == "not submitted"
    assert all(got[student]["score"] == "" for student in [*FAILED, "absent"])
    assert float(got["bo"]["late_submission_penalty"]) == 12  # twenty, but no more than the score
    assert all(f"{student}: " in said for student in SUBMISSIONS)
    assert "2 failed" in said
    assert "essay: 9 to mark" in said
    assert re.search(r"^double-test +10 +5\.00 +5 +5 ", said, re.M)
    assert "triple-there" not in said  # no points, nothing to count
    commands = re.findall(r"^  (.+?): ", said.partition("\nNext\n")[2], re.M)
    assert commands == [
        "losscourse grade ps",
        "jupyter lab",
        "nbgrader generate_feedback ps",
        "losscourse export ps FILE",
        "losscourse similar ps",
    ]


def test_only_those_next_commands_are_named_that_make_sense(course, grade):
    said = grade("--student", "hal")
    assert said.partition("\nNext\n")[2].split(":")[0].strip() == "losscourse grade ps"
    assert "generate_feedback" not in said
    said = grade("--student", "lee", "--student", "kim", status=0)
    with book(course) as open_book:
        for student in ("lee", "kim"):
            open_book.find_grade("essay", "ps", "ps", student).manual_score = 1
            open_book.find_grade("essay", "ps", "ps", student).needs_manual_grade = False
        open_book.db.commit()
    said = grade("--student", "lee", status=0)
    assert "losscourse similar ps" in said
    assert "jupyter lab" not in said


def test_a_doubt_that_a_person_must_settle_is_told_once_in_the_summary(course, grade):
    cells = [cell for cell in double_and_triple(**RIGHT).cells if "def double" not in cell.source]
    place = course / "submitted" / "cy" / "ps" / "ps.ipynb"
    nbformat.write(of_python(*cells), place)
    summary = grade("--student", "cy", status=0).partition("A person must look")[2]
    assert summary.count("double: its cell is missing") == 1


def test_the_grades_are_those_of_nbgrader_autograde(course, undisturbed):
    nbgrader(course, "autograde", "ps", status=1)
    assert export(course).decode().splitlines() == export(undisturbed[0]).decode().splitlines()


def test_graded_notebooks_lie_where_nbgrader_looks_for_them(undisturbed):
    folder = undisturbed[0] / "autograded"
    assert {path.name for path in folder.iterdir() if (path / "ps").is_dir()} == (
        SUBMISSIONS.keys() - FAILED
    )
    ada = folder / "ada" / "ps"
    assert sorted(path.name for path in ada.iterdir()) == (
        ["data.csv", "notes.txt", "ps.ipynb", "timestamp.txt"]
    )
    assert (ada / "data.csv").read_text() == "ours"
    nbgrader(undisturbed[0], "generate_feedback", "ps", "--student=bo")
    assert (undisturbed[0] / "feedback" / "bo" / "ps" / "ps.html").exists()


def test_what_is_graded_and_unchanged_is_left_alone(course, grade):
    grade()
    before = export(course)
    again = grade()
    assert "10 graded already and unchanged" in again
    assert "ada: graded" not in again
    assert export(course) == before
    assert "ada: graded" in grade("--again")
    assert export(course) == before


def test_a_changed_submission_is_graded_anew_and_loses_its_score_until_then(course, grade):
    grade("--student", "cy", status=0)
    (course / "submitted" / "cy" / "ps" / "ps.ipynb").write_text(SUBMISSIONS["di"])
    grade("--student", "cy")
    assert rows(course)["cy"]["status"] == "not graded"
    assert not (course / "autograded" / "cy" / "ps").exists()
    (course / "submitted" / "cy" / "ps" / "ps.ipynb").write_text(SUBMISSIONS["ada"])
    grade("--student", "cy", status=0)
    assert float(rows(course)["cy"]["score"]) == 15


def book(course):
    return Gradebook(f"sqlite:///{course}/gradebook.db", "losscourse")


def penalty(course, student):
    return float(rows(course)[student]["late_submission_penalty"])


def test_a_due_date_and_a_policy_change_penalties_without_grading_again(course, grade):
    grade("--student", "bo", "--student", "cy", status=0)
    with book(course) as open_book:
        open_book.update_or_create_assignment("ps", duedate="2026-03-03")
    said = grade("--student", "bo", "--student", "cy", status=0)
    assert "2 graded already and unchanged" in said
    assert "1 late penalty changed" in said
    assert penalty(course, "bo") == 10
    assert "changed, without" not in grade("--student", "bo", status=0)
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nc.PointsPerDay.points_per_day = 11.5\n")
    assert "1 late penalty changed" in grade("--student", "bo", status=0)
    assert penalty(course, "bo") == 11.5
    with book(course) as open_book:
        open_book.find_grade("double-test", "ps", "ps", "bo").manual_score = 2
        open_book.db.commit()
    grade("--student", "bo", status=0)
    assert penalty(course, "bo") == 4  # all that is left to take
    with book(course) as open_book:
        open_book.update_or_create_assignment("ps", duedate=None)
    grade("--student", "bo", status=0)
    assert penalty(course, "bo") == 0


def test_other_time_limits_and_another_sandbox_are_another_grading(course, grade):
    grade("--student", "cy", status=0)
    assert "cy: graded" in grade("--student", "cy", "--sandbox", "none", status=0)
    assert "cy: graded" not in grade("--student", "cy", "--sandbox", "none", status=0)
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nc.RunElsewhere.total_seconds = 200\n")
    assert "cy: graded" in grade("--student", "cy", "--sandbox", "none", status=0)


def test_a_late_policy_that_fails_stops_before_anything_is_graded(course, grade):
    grade("--student", "bo", status=0)
    (course / "policy.py").write_text(
        "from nbgrader.plugins import LateSubmissionPlugin\n"
        "class Odd(LateSubmissionPlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 0\n"
    )
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nimport sys\nsys.path.insert(0, '.')\nfrom policy import Odd\n")
        config.write("c.AssignLatePenalties.plugin_class = Odd\n")
    assert "The late policy fails: ZeroDivisionError" in grade("--again", status=2)
    assert penalty(course, "bo") == 12


def test_a_manual_score_survives(course, grade):
    grade("--student", "lee", "--student", "cy", status=0)
    with Gradebook(f"sqlite:///{course}/gradebook.db", "losscourse") as book:
        book.find_grade("double-test", "ps", "ps", "cy").manual_score = 7
        book.db.commit()
    grade("--student", "cy", "--again", status=0)
    assert float(rows(course)["cy"]["score"]) == 12
    with Gradebook(f"sqlite:///{course}/gradebook.db", "losscourse") as book:
        assert book.find_grade("double-test", "ps", "ps", "cy").needs_manual_grade
        assert book.find_comment("essay", "ps", "ps", "lee").auto_comment == "No response."
        assert book.find_grade("essay", "ps", "ps", "lee").auto_score == 0


def test_what_could_not_start_says_what_to_do(course, grade, monkeypatch):
    done = CliRunner().invoke(cli.app, ["grade", "none", "--course", str(course)])
    assert (done.exit_code, "There is: ps." in done.output) == (2, True)
    (course / "source" / "new").mkdir()
    done = CliRunner().invoke(cli.app, ["grade", "new", "--course", str(course)])
    assert (done.exit_code, "nbgrader generate_assignment new" in done.output) == (2, True)
    assert "handed in nothing" in grade("--student", "nobody", status=2)
    done = CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(course / "none")])
    assert (done.exit_code, "--course FOLDER" in done.output) == (2, True)
    monkeypatch.setattr(sandbox, "missing", lambda: "the sandbox needs a thing")
    assert "--sandbox none" in grade(status=2)
    assert not states_of(course)


@pytest.mark.parametrize("used", [False, True], ids=["never graded with", "graded with before"])
def test_a_gradebook_that_cannot_be_written_is_named_in_a_line(course, grade, monkeypatch, used):
    if used:
        grade("--student", "ada", status=0)
    with (course / "nbgrader_config.py").open("a") as config:
        address = f"sqlite:///file:{course}/gradebook.db?mode=ro&uri=true"
        config.write(f"\nc.CourseDirectory.db_url = {address!r}\n")
    monkeypatch.setattr(gradebook, "_PATIENCE", (0.01,))
    said = grade("--student", "bo", status=1 if used else 2)
    assert "attempt to write a readonly database" in said
    assert ("the same command goes on from here" if used else "cannot be used") in said


def test_without_the_sandbox_the_summary_says_so(course, grade):
    assert "WITHOUT the sandbox" in grade("--student", "ada", "--sandbox", "none", status=0)


def test_what_fails_for_the_graders_own_sake_is_tried_once_more(course, warm, monkeypatch):
    calls = []

    def failing(*args, **named):
        calls.append(args)
        if len(calls) == 1:
            return judge.Report("failed", "the process that judges is gone")
        return warm.grade(*args, **named)

    def make_warm(**_):
        lent = Lent(warm)
        lent.grade = failing
        return lent

    monkeypatch.chdir(course)
    with coordinator.Coordinator("ps", make_warm=make_warm) as one:
        (outcome,) = one.run(one.submissions(["ada"]))
        assert (outcome.state, len(calls)) == ("graded", 2)
        calls.clear()
        warm = Lent(warm)
        warm.grade = lambda *args, **named: judge.Report("failed", "gone again")
        (outcome,) = one.run(one.submissions(["ada"]))
        assert (outcome.state, outcome.reason) == ("failed", "the grader failed: gone again")
        assert one.states()["ada"].state == "failed"
    assert rows(course)["ada"]["status"] == "not graded"


@pytest.mark.parametrize("victim", ["parent", "judge"])
def test_a_process_that_is_killed_costs_nobody_a_grade(course, monkeypatch, victim):
    monkeypatch.chdir(course)
    made = []

    def kill():
        wait_for(lambda: made and children(made[0]._process.pid), 60)
        (judging,) = children(made[0]._process.pid)
        os.kill(made[0]._process.pid if victim == "parent" else judging, signal.SIGKILL)

    def make_warm(**named):
        made.append(Warm(**named))
        return made[-1]

    with coordinator.Coordinator("ps", make_warm=make_warm) as one:
        killer = threading.Thread(target=kill)
        killer.start()
        found = list(one.run(one.submissions(["ed", "bo"])[::-1]))
        killer.join()
    assert [(o.submission.student, o.points) for o in found] == [("ed", 5), ("bo", 12)]
    assert len(made) == (2 if victim == "parent" else 1)
    assert not any(warm.alive for warm in made)


def test_what_cannot_be_saved_fails_alone(course, grade):
    (course / "autograded").mkdir()
    (course / "autograded" / "cy").write_text("a file where a folder should be")
    said = grade()
    assert "cy: failed" in said
    assert rows(course)["cy"]["status"] == "not graded"
    assert float(rows(course)["ada"]["score"]) == 15


def test_a_student_may_have_any_name_that_can_be_printed(course, grade):
    odd = course.rename(course.with_name("[2026] Übung"))
    submitted = odd / "submitted"
    good = ["Jürgen Groß", "o'brien [2]", "x -y", "a,b; 名"]
    for name in [*good, "two\nlines", "x" * 129, os.fsdecode(b"M\xfcller")]:
        shutil.copytree(submitted / "ada", submitted / name, symlinks=True)
    done = CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(odd)])
    assert done.exit_code == 1, done.output
    for name in ["two\\nlines", "x" * 129, "M\\udcfcller"]:
        assert f"'{name}': left out. Rename that folder" in done.output
    got = rows(odd)
    assert {name: float(got[name]["raw_score"]) for name in good} == dict.fromkeys(good, 15)
    assert set(got) == {*SUBMISSIONS, "absent", *good}


def failing(function, where, error):
    """Return the function, but that it fails where a path of its arguments holds these words."""

    def called(*args, **named):
        if any(where in str(arg) for arg in args if isinstance(arg, Path)):
            raise error
        return function(*args, **named)

    return called


@pytest.mark.parametrize(
    ("place", "where", "error"),
    [
        ((coordinator, "handed_in"), "/cy/", PermissionError(13, "Permission denied")),
        ((files.nbformat, "write"), "/cy/", OSError(28, "No space left on device")),
        ((files.shutil, "copyfile"), "/cy/", OSError(5, "Input/output error")),
    ],
    ids=["a folder that cannot be read", "a full disk", "a file that cannot be read"],
)
def test_what_goes_wrong_with_one_submission_stops_no_other(
    course, grade, monkeypatch, place, where, error
):
    (course / "submitted" / "cy" / "ps" / "notes.txt").write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(*place, failing(getattr(*place), where, error))
        said = grade("--student", "ada", "--student", "cy", "--student", "ivy")
    assert f"cy: failed: {type(error).__name__}: {error}" in said
    assert "2 graded, 0 need a person, 1 failed" in said
    assert rows(course)["cy"]["status"] == "not graded"
    assert not list((course / "autograded").glob("*/.*"))
    assert "cy: graded, 5 points" in grade("--student", "cy", status=0)


def test_a_file_whose_bytes_cannot_be_read_still_has_a_digest(tmp_path, monkeypatch):
    (tmp_path / "notes.txt").write_text("mine")
    whole = files.digest(tmp_path, [])
    monkeypatch.setattr(Path, "open", failing(Path.open, "notes", OSError(5, "broken")))
    assert files.digest(tmp_path, []) != whole


def start(course, **named):
    (course / "scratch").mkdir(exist_ok=True)
    command = [sys.executable, "-c", "from losscourse.cli import app; app()", "grade", "ps"]
    return subprocess.Popen(
        [*command, "--workers", "2"],
        cwd=course,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(course / "scratch")},
        **named,
    )


def left_over(course):
    return list((course / "scratch").iterdir())


def test_killed_at_any_moment_it_ends_in_the_same_grades(course, undisturbed, grade):
    moments = random.Random(0)
    for lines in (0, 1, 4):
        process = start(course)
        for _ in range(lines):
            process.stdout.readline()
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.wait()
        process.stdout.close()
        assert left_over(course) or lines == 0
        kept = rows(course)
        assert all(row["status"] != "graded" or row["score"] for row in kept.values())
        assert all(
            float(row["raw_score"]) == POINTS.get(student, float(row["raw_score"]))
            for student, row in kept.items()
            if row["raw_score"]
        )
    grade()
    assert export(course) == export(undisturbed[0])
    leftovers = list((course / "autograded").glob("*/.*"))
    assert not leftovers
    Scratch(course / "scratch").close()
    assert not left_over(course)


def test_ctrl_c_says_how_to_go_on_and_keeps_what_is_graded(course, undisturbed, grade):
    process = start(course)
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not left_over(course)
    assert "the same command goes on from here" in said
    known = states_of(course)
    assert known[first.partition(":")[0]].state in ("graded", "needs a person", "failed")
    assert {state.state for state in known.values()} >= {"queued"}
    assert "running" not in {state.state for state in known.values()}
    grade()
    assert export(course) == export(undisturbed[0])
