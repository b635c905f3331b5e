"""Whatever is killed, and however often: after the next run the grades are those of a calm night.

The seed decides what is killed, and how far the class has come by then; the system, when exactly.
"""

import contextlib
import glob
import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from nbgrader.api import Comment, Grade, Gradebook

from losscourse.grading import states
from losscourse.grading.judge import Step
from losscourse.grading.sandbox import Limits
from losscourse.grading.warm import Warm
from tests.grading import runs
from tests.grading.notebooks import double_and_triple, text
from tests.grading.postgres import server
from tests.grading.runs import children, wait_for

pytestmark = pytest.mark.slow

SOURCE = double_and_triple()
DOUBLE, TRIPLE = "def double(x):\n    return 2 * x", "def triple(x):\n    return 3 * x"
KINDS = [
    {"double": DOUBLE, "triple": TRIPLE},
    {"double": "def double(x):\n    return x + x", "triple": "def triple(x): return abs(3 * x)"},
    {"double": "def double(x):\n    return x", "triple": TRIPLE},
    {"double": DOUBLE, "triple": "def triple(x) return"},
    {"double": "print('é' * 30_000)\n" + DOUBLE, "triple": TRIPLE},
    {"double": "import warnings\nwarnings.warn('x')\n" + DOUBLE, "triple": ""},
    {"double": DOUBLE, "triple": TRIPLE, "essay": "*Your answer here.*"},
    {"double": "def double(x):\n    raise NotImplementedError", "triple": TRIPLE},
    {"double": DOUBLE, "triple": TRIPLE, "extra": ["print('hello')", "1 / 0"]},
    {"double": "open('mine.txt', 'w').write('x' * 100)\n" + DOUBLE, "triple": "triple = 3"},
]
CLASS = {f"student-{n:03}": text(**KINDS[n % len(KINDS)]) for n in range(200)}
CLASS["student-017"] = CLASS["student-102"] = CLASS["student-000"][:700]
CLASS["student-055"] = ""
for n in (29, 77, 140):
    endless = "import time\ndef double(x):\n    while True: time.sleep(0.1)"
    CLASS[f"student-{n:03}"] = text(double=endless, triple=TRIPLE)
for n in (61, 133):
    CLASS[f"student-{n:03}"] = text(
        double="import os\n" + DOUBLE, triple=TRIPLE, extra=["os.abort()"]
    )
FAILED = {"student-017", "student-102", "student-055"}
LATE = dict.fromkeys(list(CLASS)[::7], "2026-03-02 12:00:00")

KILLS = {
    "postgresql": {
        "coordinator": 7,
        "warm parent": 7,
        "judge": 11,
        "student": 11,
        "connections": 8,
    },
    "sqlite": {"coordinator": 5, "warm parent": 3, "judge": 4, "student": 4},
}
"""How many of each kind are killed, by what the gradebook is in."""


def below(pid, depth):
    pids = [pid]
    for _ in range(depth):
        pids = [child for one in pids for child in children(one)]
    return pids


DEPTH = {"coordinator": 0, "warm parent": 1, "judge": 2, "student": 3}
"""How many processes stand between the run and its victim."""


class Night:
    """A run that is disturbed, and started again when it has ended.

    Args:
        course: The course's folder.
        disconnect: Ends the run's connections to the gradebook; returns how many there were.
        chosen: Makes the choices.
    """

    def __init__(self, course, disconnect, chosen):
        self._course, self._disconnect, self._chosen = course, disconnect, chosen
        self._run = runs.start(course, workers=2)
        self.seen = set()

    def kill(self, victim):
        """Kill one of this kind as soon as there is one."""
        wait_for(lambda: self._killed(victim))

    def _killed(self, victim):
        if not self._run.is_alive():
            self._run = runs.start(self._course, workers=2)
        if victim == "connections":
            return self._disconnect()
        found = below(self._run.pid, DEPTH[victim])
        self.seen.update(found)
        if not found:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._chosen.choice(found), signal.SIGKILL)
            return True
        return False

    def wait_for(self, graded):
        """Wait until so many notebooks lie graded."""

        def enough():
            if not self._run.is_alive():
                self._run = runs.start(self._course, workers=2)
            return len(list(self._course.glob("autograded/*/ps"))) >= graded

        wait_for(enough)

    def end(self):
        """Let the run end, and run once more; return the exit status."""
        self._run.join()
        self._run = runs.start(self._course, workers=2)
        self._run.join()
        return self._run.exitcode


def known(url):
    """Return what the gradebook knows beside what is exported."""
    with Gradebook(url, "losscourse") as book:
        grades = {
            (grade.student.id, grade.name): (grade.auto_score, grade.needs_manual_grade)
            for grade in book.db.query(Grade)
        }
        comments = {
            (comment.student.id, comment.name): comment.auto_comment
            for comment in book.db.query(Comment)
        }
        return grades, comments, states.read(book.engine, "ps")


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The exported grades and the rest of a night without disturbance, on SQLite."""
    folder = tmp_path_factory.mktemp("calm") / "course"
    url = f"sqlite:///{folder}/gradebook.db"
    runs.make(folder, url, {"ps": SOURCE}, CLASS, LATE)
    run = runs.start(folder, workers=2)
    run.join()
    assert run.exitcode == 1, (folder / "said").read_text()
    return runs.export(folder, url), known(url)


@pytest.fixture(params=KILLS)
def database(request, tmp_path):
    """Which database, its address, and a function that ends all connections to it."""
    if request.param == "sqlite":
        yield request.param, f"sqlite:///{tmp_path}/course/gradebook.db", None
        return
    with server() as one:
        yield request.param, one.create("crashes"), lambda: one.disconnect("crashes")


def test_killed_again_and_again_it_ends_in_the_same_grades(database, calm, tmp_path):
    name, url, disconnect = database
    chosen = random.Random(4)
    victims = [victim for victim, count in KILLS[name].items() for _ in range(count)]
    chosen.shuffle(victims)
    moments = sorted(chosen.randrange(len(CLASS) - 20) for _ in victims)
    course = runs.make(tmp_path / "course", url, {"ps": SOURCE}, CLASS, LATE)
    night = Night(course, disconnect, chosen)
    for victim, moment in zip(victims, moments, strict=True):
        night.wait_for(moment)
        time.sleep(chosen.uniform(0, 0.1))
        night.kill(victim)
    assert night.end() == 1, (course / "said").read_text()
    exported, rest = calm
    assert runs.export(course, url) == exported
    assert known(url) == rest
    assert {s for s, state in rest[2].items() if state.state == "failed"} == FAILED
    assert not list(course.glob("autograded/*/.*"))
    assert not list((course / "scratch").iterdir())
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in night.seen))


STEPS = [
    Step("student", "f", "import time\ndef f():\n    open('called', 'w')\n    time.sleep(20)"),
    Step("test", "test", "from losscourse import checks\nchecks.call(f).value()", points=5.0),
]


def test_a_students_process_that_somebody_kills_is_the_graders_failure_and_no_zero(tmp_path):
    with Warm(scratch=tmp_path) as warm, ThreadPoolExecutor() as other:
        report = other.submit(warm.grade, STEPS, ["f"])
        wait_for(lambda: glob.glob(f"{tmp_path}/*/*/student/called"))
        (student,) = below(warm._process.pid, 2)
        os.kill(student, signal.SIGKILL)
        assert report.result().state == "failed"
        assert "was killed: by a person, by itself, or by the system" in report.result().reason


def test_processor_time_is_the_students_and_is_named():
    busy = replace(STEPS[0], code="def f():\n    while True: pass")
    with Warm(limits=Limits(cpu=1)) as warm:
        report = warm.grade([busy, STEPS[1]], ["f"])
    assert (report.state, report.score) == ("graded", 0)
    assert "more than 1 s of processor time" in report.verdicts[1].message
