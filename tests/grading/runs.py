"""A course in a folder, and runs of its commands, some in processes that a test may kill.

A run is forked from a process that has imported the grader already: it starts at once.
"""

import contextlib
import multiprocessing
import multiprocessing.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI

from losscourse.grading import states
from losscourse.grading.course import read_config
from losscourse.grading.export import CsvWithStatus
from losscourse.grading.states import State
from losscourse.grading.warm import Warm

CONFIG = Path(__file__).parents[2] / "exercises" / "nbgrader_config.py"

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["losscourse.grading.evening"])
multiprocessing.util.get_temp_dir()  # now, before a test moves it: a socket's path must be short


def make(
    folder: Path,
    url: str,
    sources: Mapping[str, nbformat.NotebookNode],
    submissions: Mapping[str, str],
    timestamps: Mapping[str, str],
) -> Path:
    """Make a course whose class has handed in the same for every problem set.

    Args:
        folder: Where it is to be.
        url: The address of its gradebook.
        sources: The instructor's notebooks, by problem set.
        submissions: The notebooks that came, as text, by student.
        timestamps: When they came, by student, where that is said.
    """
    folder.mkdir(parents=True)
    shutil.copy(CONFIG, folder)
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.RunElsewhere.cell_seconds = 3\nc.CourseDirectory.db_url = {url!r}\n")
    for name, source in sources.items():
        (folder / "source" / name).mkdir(parents=True)
        nbformat.write(source, folder / "source" / name / f"{name}.ipynb")
        for student, text in submissions.items():
            place = folder / "submitted" / student / name
            place.mkdir(parents=True)
            (place / f"{name}.ipynb").write_text(text)
            if student in timestamps:
                (place / "timestamp.txt").write_text(timestamps[student])
    with api(folder) as ours:
        for name in sources:
            done = ours.generate_assignment(name)
            assert done["success"], done
        with ours.gradebook as book:
            for name in sources:
                book.update_or_create_assignment(name, duedate="2026-03-01")
    return folder


def nbgrader(course: Path, *arguments: str, status: int = 0) -> str:
    """Run a command of nbgrader's, without this machine's own settings; return what it said.

    Args:
        course: The folder of the course.
        *arguments: The command.
        status: The exit status that it must have.
    """
    none = str(course / "none")
    own = {"JUPYTER_CONFIG_DIR": none, "JUPYTER_DATA_DIR": none, "IPYTHONDIR": none}
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        capture_output=True,
        text=True,
        env=os.environ | own,
    )
    said = done.stdout + done.stderr
    assert done.returncode == status, said
    return said


@contextlib.contextmanager
def api(course: Path):
    """Give nbgrader's own API, which formgrader's buttons and lists use, in a course's folder."""
    with contextlib.chdir(course):
        yield NbGraderAPI(config=read_config(course))


def start(course: Path, assignment: str = "ps", **options: Any) -> multiprocessing.Process:
    """Start a run; what it says is added to the course's file `said`.

    Args:
        course: The folder of the course; the run's temporary files go to its folder `scratch`.
        assignment: What to grade.
        **options: For `evening.grade`.
    """
    (course / "scratch").mkdir(exist_ok=True)
    process = _CONTEXT.Process(target=_grade, args=(course, assignment, options))
    process.start()
    return process


def _grade(course: Path, assignment: str, options: dict[str, Any]) -> None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(course / "scratch")
    with (course / "said").open("a") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    from losscourse.grading import evening

    sys.exit(evening.grade(assignment, course=course, **options))


def export(course: Path, url: str = "") -> bytes:
    """Return the exported grades of a course.

    Args:
        course: The folder of the course.
        url: The address of its gradebook; "" for the file in its folder.
    """
    to = course / "grades.csv"
    with Gradebook(url or _file(course), "losscourse") as book:
        CsvWithStatus(to=str(to), student=[], assignment=[]).export(book)
    return to.read_bytes()


def states_of(course: Path) -> dict[str, State]:
    """Return how far each student's submission has come.

    Args:
        course: The folder of the course, with the gradebook in a file.
    """
    with Gradebook(_file(course), "losscourse") as book:
        return states.read(book.engine, "ps")


def _file(course: Path) -> str:
    return f"sqlite:///{course}/gradebook.db"


class Lent:
    """A warm parent that others use as well: closing does not end it.

    Args:
        parent: The parent.
    """

    def __init__(self, parent: Warm):
        self.grade, self.alive = parent.grade, True

    def close(self) -> None:
        """Leave the parent as it is."""


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and not reaped, by any thread of it.

    Args:
        pid: The process.
    """
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, file.read_text().split())
    return found


def wait_for(condition: Callable[[], Any], seconds: float = 120.0) -> None:
    """Wait until something is so, and fail where it does not come.

    Args:
        condition: Whether it is so.
        seconds: How long it may take.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds:g} s"
        time.sleep(0.02)
