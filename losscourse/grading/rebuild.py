"""A submission, put together anew: the source's cells, with the student's text in them.

Nothing of a submitted notebook is trusted but the text of its cells. The instructor's cells come
from the source, whatever the submission made of them. A solution is found by the name that nbgrader
gave its cell; where a platform has dropped the names, by what stands around it and by what it
defines. Cells that a student added run where they stand.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from losscourse.grading.judge import Step, student_names

__all__ = ["MOST_BYTES", "Rebuilt", "Unreadable", "read", "rebuild"]

MOST_BYTES = 20 * 2**20
"""The largest notebook that is read; figures in outputs make an honest one a few million bytes."""

_HIDDEN = re.compile(
    r"^[^\S\n]*### BEGIN HIDDEN TESTS.*?^[^\S\n]*### END HIDDEN TESTS[^\S\n]*\n?", re.S | re.M
)


class Unreadable(ValueError):
    """A submission whose text cannot be found; the message says why, and what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell of a submission: its kind, its text, and the name that nbgrader gave it, if any."""

    kind: str
    text: str
    name: str | None


@dataclass
class Rebuilt:
    """What is run and kept of a submission.

    Args:
        steps: The cells to run, in order.
        names: What the source's solution cells define.
        texts: The student's text by solution cell, code and prose.
        notes: What was out of order, for the instructor.
    """

    steps: list[Step] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(data: bytes) -> list[Cell]:
    """Return the cells of a submitted notebook, of any version of the format.

    Args:
        data: The file's bytes.

    Returns:
        Its code and prose cells, in order.

    Raises:
        Unreadable: There is no notebook in the bytes.

    Example:
        >>> read(b'{"cells": [{"cell_type": "code", "source": "x = 1"}]}')
        [Cell(kind='code', text='x = 1', name=None)]
    """
    if len(data) > MOST_BYTES:
        raise Unreadable(
            f"it has {len(data) / 2**20:.0f} MiB, more than {MOST_BYTES // 2**20}: clear the "
            "outputs and hand it in again"
        )
    text = _decoded(data)
    if not text.strip():
        raise Unreadable("it is empty: save the notebook and hand it in again")
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(_why_no_json(text)) from None
    return [cell for cell in map(_cell, _raw_cells(tree)) if cell is not None]


def _decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8 or, with its mark, UTF-16; anything else in Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _why_no_json(text: str) -> str:
    if re.search(r"^(<{7}|>{7}|={7})", text, re.MULTILINE):
        return "it holds the marks of a merge (<<<<<<<): settle the conflict and hand it in again"
    if text.lstrip().startswith("<"):
        return "it is a web page: download the notebook itself (.ipynb) and hand that in"
    if text.lstrip().startswith("{"):
        return "it is cut off or damaged: save the notebook and hand it in again"
    return "it is no notebook: hand in the .ipynb file"


def _raw_cells(tree: Any) -> list[Any]:
    """Return the cells of a notebook of format 4, or of 3 with its worksheets."""
    if isinstance(tree, dict):
        sheets = tree.get("worksheets")
        if isinstance(sheets, list):
            cells = [
                c for sheet in sheets if isinstance(sheet, dict) for c in sheet.get("cells", [])
            ]
        else:
            cells = tree.get("cells")
        if isinstance(cells, list) and cells:
            return cells
    raise Unreadable("it has no cells: hand in the notebook that you worked in")


def _cell(raw: Any) -> Cell | None:
    """Return a cell whose text can be read, or None."""
    if not isinstance(raw, dict):
        return None
    source = raw.get("source", raw.get("input"))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    metadata = raw.get("metadata")
    grader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = grader.get("grade_id") if isinstance(grader, dict) else None
    kind = "code" if raw.get("cell_type") == "code" else "prose"
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    return Cell(kind, text, name if isinstance(name, str) else None)


def rebuild(source: Any, submitted: Sequence[Cell]) -> Rebuilt:
    """Return the source's cells with the student's text in its solution cells.

    Args:
        source: The instructor's notebook, with solutions and hidden tests.
        submitted: The submission's cells.

    Returns:
        The steps to run, and what was out of order.

    Raises:
        Unreadable: None of the assignment's cells is in the submission.
    """
    known = {_data(cell)["grade_id"]: cell for cell in source.cells if _data(cell)}
    places = _places(source, submitted, known)
    if not any(places):
        raise Unreadable("it holds no cell of this assignment: was the right file handed in?")
    found = Rebuilt()
    before, after = _extras(submitted, places)
    found.steps += before
    for cell in source.cells:
        data = _data(cell)
        name = data.get("grade_id")
        texts = [c.text for c, place in zip(submitted, places, strict=True) if place == name]
        if data.get("solution"):
            _take_solution(found, cell, name, texts)
        elif cell.cell_type == "code" and data.get("grade"):
            found.steps.append(Step("test", name, cell.source, float(data["points"])))
        elif cell.cell_type == "code":
            found.steps.append(Step("setup", name or "", cell.source))
        found.steps += after.get(name, [])
    return found


def _data(cell: Any) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


def _take_solution(found: Rebuilt, cell: Any, name: str, texts: list[str]) -> None:
    """Add a solution cell's text; of copies, all run in their order, as in the student's kernel."""
    if not texts:
        found.notes.append(f"{name}: the cell is missing")
    elif len(texts) > 1:
        found.notes.append(f"{name}: {len(texts)} cells have this name; all were taken, in order")
    text = "\n\n".join(texts)
    found.texts[name] = text
    if cell.cell_type == "code":
        found.names += student_names(cell.source)
        found.steps.append(Step("student", name, text))


def _extras(
    submitted: Sequence[Cell], places: Sequence[str | None]
) -> tuple[list[Step], dict[str, list[Step]]]:
    """Return the student's own code cells: those before any known cell, and those after each."""
    before: list[Step] = []
    after: dict[str, list[Step]] = {}
    last = None
    for number, (cell, place) in enumerate(zip(submitted, places, strict=True), start=1):
        if place is not None:
            last = place
        elif cell.kind == "code" and cell.text.strip():
            step = Step("student", f"cell {number}", cell.text)
            (before if last is None else after.setdefault(last, [])).append(step)
    return before, after


# --- whose cell is it? ----------------------------------------------------------------------------


def _places(source: Any, submitted: Sequence[Cell], known: dict[str, Any]) -> list[str | None]:
    """Return, for each submitted cell, the name of the source's cell that it is, or None."""
    places: list[str | None] = [
        cell.name if cell.name in known and _kind(known[cell.name]) == cell.kind else None
        for cell in submitted
    ]
    taken = {place for place in places if place}
    for name, cell in known.items():
        if name not in taken and (number := _found(cell, submitted, places)) is not None:
            places[number] = name
    return places


def _kind(cell: Any) -> str:
    return "code" if cell.cell_type == "code" else "prose"


def _found(cell: Any, submitted: Sequence[Cell], places: Sequence[str | None]) -> int | None:
    """Return which nameless submitted cell is the source's: by its text, or what it defines."""
    free = [
        number
        for number, (theirs, place) in enumerate(zip(submitted, places, strict=True))
        if place is None and theirs.kind == _kind(cell)
    ]
    shown = _squeezed(_HIDDEN.sub("", cell.source))
    for number in free:
        if not _data(cell).get("solution") and _squeezed(submitted[number].text) == shown:
            return number
    if not _data(cell).get("solution") or _kind(cell) != "code":
        return None
    wanted = set(student_names(cell.source))
    shares = {number: _shared(wanted, submitted[number].text) for number in free}
    best = max(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] > 0.5 else None


def _shared(wanted: set[str], text: str) -> float:
    """Return the part of these names that a text defines, whether or not it parses."""
    try:
        names = set(student_names(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = set(re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", text, re.MULTILINE))
        names = {name for pair in names for name in pair if name}
    return len(wanted & names) / len(wanted) if wanted else 0.0


def _squeezed(text: str) -> str:
    return " ".join(text.split())
