"""Reading a submission: one that cannot be graded is named in one line, and stops no other."""

import logging
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat.reader import NotJSONError
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors.execute import UnresponsiveKernelError
from sqlalchemy.exc import OperationalError

__all__ = ["SubmissionExporter", "UngradableNotebook"]


class UngradableNotebook(Exception):
    """A submission that a person must look at before it can be graded."""


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook, for `c.Autograde.exporter_class`.

    nbgrader prints a traceback for a notebook that it cannot read, and ends the whole run at one
    whose metadata it does not know, a copied test cell among them. Here the first becomes one
    line, the second a failure of that notebook alone, and copies are graded as if they were the
    student's own cells.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Make nbgrader's log say in a line what it would say in a traceback."""
        super().__init__(**kwargs)
        self.log.addFilter(_one_line)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Convert the notebook, or say whose it is, what is wrong and what to do."""
        try:
            nb = nbformat.read(filename, as_version=4)
            _forget_copies(nb)
            return self.from_notebook_node(nb, resources=self._with_name(filename, resources))
        except (UnresponsiveKernelError, OperationalError):
            raise  # nbgrader has its own words for these
        except Exception as error:
            self.log.debug("The cause:", exc_info=True)
            raise UngradableNotebook(_explain(filename, resources, error)) from error

    def _with_name(self, filename: str, resources: Any) -> Any:
        resources = {} if resources is None else resources
        path = Path(filename)
        resources.setdefault("metadata", {}).update(name=path.stem, path=str(path.parent))
        return resources


def _forget_copies(nb: nbformat.NotebookNode) -> None:
    """Keep nbgrader's metadata on the last cell of each name, the one that nbgrader scores."""
    seen = set()
    for cell in reversed(nb.cells):
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in seen:
            del cell.metadata["nbgrader"]
        elif name is not None:
            seen.add(name)


def _explain(filename: str, resources: Any, error: Exception) -> str:
    student = resources["nbgrader"]["student"]
    assignment = resources["nbgrader"]["assignment"]
    return (
        f"{student} is not graded: {filename} cannot be used ({_reason(error)}). Ask {student} for "
        f"the notebook again, put it there, and run: nbgrader autograde {assignment} "
        f"--student={student}"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, NotJSONError):
        return "it is no JSON: cut off on the way, or no notebook"
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def _one_line(record: logging.LogRecord) -> bool:
    """Replace the traceback of a submission's failure by its message; drop no record."""
    error = sys.exc_info()[1]
    if isinstance(error, UngradableNotebook | NbGraderException) and str(record.msg).startswith(
        "Traceback"
    ):
        record.msg, record.args = str(error), ()
    return True
