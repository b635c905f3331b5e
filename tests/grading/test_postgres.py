"""The gradebook on a PostgreSQL server: what it is in a file, and for several runs at once."""

import contextlib
import shutil
import sys
import threading
import time

import pytest
from nbgrader.api import Gradebook, Student
from sqlalchemy import create_engine, insert
from typer.testing import CliRunner

from losscourse import cli
from losscourse.grading import execute, gradebook
from losscourse.grading.coordinator import Coordinator
from losscourse.grading.course import CannotStart
from losscourse.grading.gradebook import GradebookGone
from losscourse.grading.states import State
from tests.grading import postgres, runs
from tests.grading.notebooks import double_and_triple
from tests.grading.runs import Lent, nbgrader
from tests.grading.test_coordinator import LATE, SUBMISSIONS

pytestmark = pytest.mark.slow

SOURCES = {"ps": double_and_triple(), "qs": double_and_triple()}
CLASS = {student: SUBMISSIONS[student] for student in SUBMISSIONS if student != "ed"}


@pytest.fixture(scope="module")
def server():
    with postgres.server() as one:
        yield one


@pytest.fixture(scope="module")
def made(server, tmp_path_factory):
    """The same course twice, nothing graded: with its gradebook in a file, and on the server."""
    folder = tmp_path_factory.mktemp("made")
    runs.make(folder / "file", "sqlite:///gradebook.db", SOURCES, CLASS, LATE)
    runs.make(folder / "server", server.create("made"), SOURCES, CLASS, LATE)
    return folder


class Course:
    """A course of a test's own.

    Args:
        folder: Its folder.
        url: The address of its gradebook.
        warm: A parent to grade with.
    """

    def __init__(self, folder, url, warm):
        self.folder, self.url, self._warm = folder, url, warm

    @contextlib.contextmanager
    def coordinator(self, assignment="ps"):
        with (
            contextlib.chdir(self.folder),
            Coordinator(assignment, make_warm=lambda **_: Lent(self._warm)) as one,
        ):
            yield one

    def grade(self, assignment="ps"):
        with self.coordinator(assignment) as one:
            return [outcome.state for outcome in one.run(one.submissions())]

    def export(self):
        return runs.export(self.folder, self.url)


@pytest.fixture
def copy(made, server, warm, tmp_path):
    """Return a function that gives a course of one's own, of one of the two kinds."""

    def one(kind, name=""):
        name = name or f"{kind}_{time.monotonic_ns()}"
        folder = shutil.copytree(made / kind, tmp_path / name)
        url = f"sqlite:///{folder}/gradebook.db" if kind == "file" else server.create(name, "made")
        with (folder / "nbgrader_config.py").open("a") as config:
            config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
        return Course(folder, url, warm)

    return one


def without_ids(found):
    """Return what nbgrader says, without rows' ids and their order: both are drawn by chance."""
    if isinstance(found, dict):
        return {
            key: without_ids(value) for key, value in found.items() if key not in ("id", "index")
        }
    return [without_ids(one) for one in found] if isinstance(found, list) else found


def by_student(found):
    return found.get("student") or found["id"]


def test_nbgrader_finds_the_same_on_a_server_as_in_a_file(copy, warm, monkeypatch):
    monkeypatch.setitem(execute._WARM, True, Lent(warm))
    said = []
    for course in (copy("file"), copy("server")):
        with runs.api(course.folder) as api:
            with api.gradebook as book:
                book.update_or_create_student("lee", last_name="Zorn", first_name="Émile")
                book.update_or_create_student("kim", last_name="Zorn")
                book.update_or_create_student("nobody", last_name="abel")
            log = api.autograde("ps", "ada")
            assert log["success"], log
            course.grade()
            assert course.grade("qs").count("failed") == 2
            log = api.generate_feedback("ps", "bo")
            assert log["success"], log
            said.append(
                without_ids(
                    [
                        api.get_assignments(),
                        api.get_submissions("ps"),
                        sorted(api.get_notebook_submissions("qs", "qs"), key=by_student),
                        sorted(api.get_students(), key=by_student),
                        api.get_student_submissions("bo"),
                        course.export().decode(),
                        sorted(p.name for p in course.folder.glob("feedback/*/*/*")),
                    ]
                )
            )
    assert "bo,,,,12.0,12.0,0.0,20.0,needs marking" in said[0][5]
    assert "ps.html" in said[0][6]
    assert said[0] == said[1]


def test_its_commands_work_on_a_server(copy):
    course = copy("server")
    with Gradebook(course.url, "losscourse") as book:
        book.add_student("zoë", last_name="Ångström")
    nbgrader(course.folder, "autograde", "ps", "--student=cy")
    nbgrader(course.folder, "export", "--to=by_command.csv")
    rows = (course.folder / "by_command.csv").read_text().splitlines()
    assert "ps,2026-03-01 00:00:00,,cy,,,,5.0,0.0,5.0,20.0,needs marking" in rows
    assert any("zoë,Ångström,,,,,,20.0,not submitted" in row for row in rows)


@pytest.mark.parametrize("kind", ["file", "server"])
def test_two_runs_on_two_problem_sets_at_once_are_as_one_after_the_other(copy, kind):
    course, alone = copy(kind), copy("file")
    both = [runs.start(course.folder, name, workers=1) for name in SOURCES]
    for run in both:
        run.join()
    said = (course.folder / "said").read_text()
    assert [run.exitcode for run in both] == [1, 1], said
    assert said.count("9 graded, 0 need a person, 2 failed") == 2
    for name in SOURCES:
        alone.grade(name)
    assert course.export() == alone.export()


def command(course, *options):
    return CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(course.folder), *options])


def test_a_second_run_on_the_same_set_is_refused_on_another_machine_too(copy, tmp_path):
    course = copy("server")
    elsewhere = Course(shutil.copytree(course.folder, tmp_path / "elsewhere"), course.url, None)
    with course.coordinator() as one:
        one.hold()
        done = command(elsewhere, "--student", "hal")
        assert (done.exit_code, "being graded already" in done.output) == (2, True), done.output
        with course.coordinator("qs") as other:
            other.hold()
    done = command(elsewhere, "--student", "hal")
    assert (done.exit_code, "hal: failed: it is empty" in done.output) == (1, True), done.output


def test_a_server_that_restarts_is_waited_for(copy, server):
    course, calm = copy("server"), copy("file")
    with course.coordinator() as one:
        for number, _ in enumerate(one.run(one.submissions())):
            if number in (2, 5):
                server.stop()
                server.start()
            if number in (3, 7):
                assert server.disconnect(course.folder.name)
    calm.grade()
    assert course.export() == calm.export()


def test_a_server_that_is_gone_ends_the_run_and_loses_nothing(copy, server, monkeypatch):
    course, calm = copy("server"), copy("file")
    monkeypatch.setattr(gradebook, "_PATIENCE", (0.1, 0.1))
    with course.coordinator() as one:
        outcomes = one.run(one.submissions())
        first = [next(outcomes).submission.student for _ in range(4)]
        server.stop()
        with pytest.raises(GradebookGone, match=r"cannot be reached: .*No such file or directory"):
            next(outcomes)
    done = command(course)
    assert (done.exit_code, "cannot be opened" in done.output) == (2, True), done.output
    server.start()
    with course.coordinator() as one:
        assert {s for s, state in one.states().items() if state.state in ("graded", "failed")} == (
            set(first)
        )
        waiting = one.pending(one.submissions(), again=False)
        assert len(waiting) == len(CLASS) - len({"ada", "bo", "cy"})
        list(one.run(waiting))
    calm.grade()
    assert course.export() == calm.export()


def test_the_summary_survives_a_lost_connection(copy, server):
    course = copy("server")
    course.grade()
    with course.coordinator() as one:
        known, questions = one.states(), one.questions()
        server.disconnect(course.folder.name)
        assert one.states() == known
        server.disconnect(course.folder.name)
        assert one.questions() == questions


def test_two_runs_may_add_the_same_student_at_once(copy, server):
    course = copy("server")
    waiting = "SELECT FROM pg_stat_activity WHERE datname = :name AND wait_event_type = 'Lock'"
    with course.coordinator() as one, create_engine(course.url).connect() as other:
        other.execute(insert(Student).values(id="new"))
        thread = threading.Thread(target=one._grades.enqueue, args=([State("new", "queued")],))
        thread.start()
        while thread.is_alive() and not server.run(waiting, name=course.folder.name):
            time.sleep(0.01)
        assert thread.is_alive()
        other.commit()
        thread.join()
        assert one.states()["new"].state == "queued"


def test_what_a_server_does_not_take_is_bounded_or_named(copy):
    course = copy("server")
    with course.coordinator() as one:
        one._grades.record(State("ada", "failed", "nul: \0, half: \ud800, " + "long " * 5000))
        assert one.states()["ada"].reason.startswith("nul: , half: ?, long long")
    long = "x" * 129
    shutil.copytree(course.folder / "submitted" / "ada", course.folder / "submitted" / long)
    done = command(course)
    assert (done.exit_code, "left out. Rename that folder" in done.output) == (1, True), done.output
    assert "128" in done.output


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+psycopg://course:secret@127.0.0.1:1/grades", "Connection refused"),
        ("postgresql+nothing://course:secret@127.0.0.1/grades", "nothing"),
        ("course:secret", "parse"),
    ],
)
def test_an_address_that_leads_nowhere_is_named_without_its_password(url, says):
    with pytest.raises(CannotStart) as error:
        gradebook.open_gradebook(url, "losscourse")
    assert says in str(error.value)
    assert "secret" not in str(error.value)


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CannotStart, match=r"psycopg is missing.*pip install .losscourse\[postgr"):
        gradebook.open_gradebook("postgresql+psycopg:///grades", "losscourse")
