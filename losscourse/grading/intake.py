"""Reading a submission: one that cannot be graded is named in one line, and stops no other."""

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.v4 import new_code_cell
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import OperationalError
from traitlets.log import get_logger

from losscourse.grading.course import read_config
from losscourse.grading.judge import Step
from losscourse.grading.rebuild import Rebuilt, Unreadable, choose, handed_in

__all__ = [
    "SubmissionExporter",
    "UngradableNotebook",
    "find_notebooks",
    "one_line",
    "put_together",
    "read_source",
]


class UngradableNotebook(Exception):
    """A submission that a person must look at before it can be graded."""


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook, for `c.Autograde.exporter_class`.

    A submission is never parsed as a notebook: the instructor's cells come from the source, with
    the student's text in its solution cells, so that nothing else of the file reaches nbgrader.
    Where that text cannot be found, one line says whose it is and what to do; nbgrader would print
    a traceback, or end the whole run.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make nbgrader's log say in a line what it would say in a traceback."""
        super().__init__(**kwargs)
        self.log.addFilter(one_line)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Convert the notebook, or say whose it is, what is wrong and what to do."""
        try:
            nb = self._read(Path(filename), resources)
            return self.from_notebook_node(nb, resources=self._with_name(filename, resources))
        except (OperationalError, NbGraderException):
            raise  # of the database, the source or the grader: no fault of the student's
        except Exception as error:
            self.log.debug("The cause:", exc_info=True)
            raise UngradableNotebook(_explain(filename, resources, error)) from error

    def _read(self, path: Path, resources: dict[str, Any]) -> nbformat.NotebookNode:
        """Return the submission put together anew, or what nbgrader has made of it since."""
        course = CourseDirectory(config=self.config)
        names = resources["nbgrader"]
        folder = course.format_path(
            course.submitted_directory, names["student"], names["assignment"]
        )
        if path.parent.resolve() != Path(folder).resolve():
            return nbformat.read(path, as_version=4)
        source = read_source(self.config, resources)
        sources = course.format_path(course.source_directory, ".", names["assignment"])
        others = {file.name for file in Path(sources).glob("*.ipynb")} - {path.name}
        rebuilt = choose(source, handed_in(path.parent, others), path.name)
        for note in rebuilt.notes + rebuilt.doubts:
            self.log.warning("%s, %s: %s", names["student"], names["assignment"], note)
        return put_together(source, rebuilt)

    def _with_name(self, filename: str, resources: Any) -> Any:
        resources = {} if resources is None else resources
        path = Path(filename)
        resources.setdefault("metadata", {}).update(name=path.stem, path=str(path.parent))
        return resources


def find_notebooks(*, assignment: str, student: str, notebooks: list[str]) -> None:
    """Let nbgrader grade answers in a file of another name, for `c.Autograde.pre_convert_hook`.

    nbgrader passes over what has no name of the assignment's. The name that it should have is put
    in its place: `SubmissionExporter` finds the text. Where it cannot be found, one line says whose
    it is and what to do, and nbgrader fails that submission.

    Args:
        assignment: The assignment's name.
        student: What nbgrader was asked for, which may be all.
        notebooks: The paths of one student's, out of which nbgrader takes what it grades.
    """
    course = CourseDirectory(config=read_config(Path()))
    sources = Path(course.format_path(course.source_directory, ".", assignment))
    wanted = {path.name for path in sources.glob("*.ipynb")}
    folder = os.path.dirname(notebooks[0])
    if len(notebooks) < len(list(Path(folder).glob("*.ipynb"))):  # --notebook says which
        return
    found = [path for path in notebooks if os.path.basename(path) in wanted]
    for name in sorted(wanted.difference(map(os.path.basename, found))):
        path = os.path.join(folder, name)
        try:
            if files := handed_in(Path(folder), wanted - {name}):
                choose(nbformat.read(sources / name, as_version=4), files, name)
                found.append(path)
        except Unreadable as error:
            student = course.format_path(course.submitted_directory, "(.*)", assignment, True)
            names = {"student": re.match(student, folder)[1], "assignment": assignment}
            get_logger().error(_explain(path, {"nbgrader": names}, error))
            found = [path for path in notebooks if path not in found]
            break
    notebooks[:] = found or notebooks


def read_source(config: Any, resources: dict[str, Any]) -> nbformat.NotebookNode:
    """Return the instructor's notebook of a submission.

    Args:
        config: The configuration that nbgrader runs with.
        resources: What nbgrader says of the submission: its assignment and its notebook.

    Raises:
        NbGraderException: It is written in another language than Python.
    """
    names = resources["nbgrader"]
    course = CourseDirectory(config=config)
    folder = course.format_path(course.source_directory, ".", names["assignment"])
    path = Path(folder, f"{names['notebook']}.ipynb")
    source = nbformat.read(path, as_version=4)
    language = source.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise NbGraderException(f"{path} is written in {language}: the grader runs Python")
    return source


def put_together(source: nbformat.NotebookNode, rebuilt: Rebuilt) -> nbformat.NotebookNode:
    """Return the source with the student's text in it, and the student's own cells between.

    Args:
        source: The instructor's notebook.
        rebuilt: What is run and kept of the submission.
    """
    nb = nbformat.from_dict(source)
    nb.metadata["notes"], nb.metadata["doubts"] = rebuilt.notes, rebuilt.doubts
    steps = list(rebuilt.steps)
    cells = []
    for cell in nb.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in rebuilt.texts:
            cell.source = rebuilt.texts[name]
        if cell.cell_type == "code":
            while steps and steps[0].cell != (name or ""):
                cells.append(_own(steps.pop(0)))
            steps = steps[1:]
        cells.append(cell)
    nb.cells = cells + [_own(step) for step in steps]
    return nb


def _own(step: Step) -> nbformat.NotebookNode:
    """Return a cell of the student's own, marked as such."""
    return new_code_cell(step.code, metadata={"student": True})


def _explain(filename: str, resources: Any, error: Exception) -> str:
    student = resources["nbgrader"]["student"]
    assignment = resources["nbgrader"]["assignment"]
    return (
        f"{student} is not graded: {filename} cannot be used ({_reason(error)}). Ask {student} for "
        f"the notebook again, put it there, and run: nbgrader autograde {assignment} "
        f"--student={student}"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, Unreadable):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def one_line(record: logging.LogRecord) -> bool:
    """Replace the traceback of a submission's failure by its message; drop no record.

    Args:
        record: What nbgrader logs while it handles the failure.

    Returns:
        True, for logging to go on with the record.
    """
    error = sys.exc_info()[1]
    if isinstance(error, UngradableNotebook | NbGraderException) and str(record.msg).startswith(
        "Traceback"
    ):
        record.msg, record.args = str(error), ()
    return True
