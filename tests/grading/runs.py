"""A course in a folder, and runs of `losscourse grade` in processes that a test may kill.

A run is forked from a process that has imported the grader already: it starts at once.
"""

import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI

from losscourse.grading.course import read_config
from losscourse.grading.export import CsvWithStatus

CONFIG = Path(__file__).parents[2] / "exercises" / "nbgrader_config.py"

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["losscourse.grading.evening"])


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


def export(url: str, to: Path) -> bytes:
    """Return the exported grades of a gradebook.

    Args:
        url: Its address.
        to: The file that they are written to.
    """
    with Gradebook(url, "losscourse") as book:
        CsvWithStatus(to=str(to), student=[], assignment=[]).export(book)
    return to.read_bytes()
