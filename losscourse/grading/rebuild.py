"""A submission, put together anew: the source's cells, with the student's text in them.

Nothing of a submitted notebook is trusted but the text of its cells. The instructor's cells come
from the source, whatever the submission made of them. A solution is found by the name that nbgrader
gave its cell; where a platform has dropped the names, by what it defines, or by its place between
cells that are known. All that a student wrote is run, in order. Where two texts answer a question,
or none does, no point is lost before a person has looked.
"""

import builtins
import json
import re
import symtable
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from losscourse.grading.judge import Report, Step, student_names

__all__ = [
    "MOST_BYTES",
    "MOST_CELLS",
    "Cell",
    "Rebuilt",
    "Unreadable",
    "choose",
    "handed_in",
    "read",
    "rebuild",
    "solution_names",
]

MOST_BYTES = 20 * 2**20
"""The largest notebook that is read; figures in outputs make an honest one a few million bytes."""

MOST_CELLS = 2_000
"""The most cells that are read; a problem set has some seventy."""

_MOST_FILES = 20  # notebooks in one folder
_MOST_PARTS = 10**6  # lists and dicts in the file: each takes memory when it is read
_HIDDEN = re.compile(
    r"^[^\S\n]*### BEGIN HIDDEN TESTS.*?^[^\S\n]*### END HIDDEN TESTS[^\S\n]*\n?", re.S | re.M
)
_ANSWER = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.S)
_STUB = (
    r" ?(?:(?:# your code here\.? )?raise NotImplementedError(?:\(\))?"
    r"|\*?your answer here\.?\*?) ?"
)
_MERGE = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.M)
_OPAQUE = re.compile(r"^\s*[%!]|import\s*\*|\b(?:exec|globals|locals|vars)\(", re.M)
"""Code of which nobody can say what it defines without running it."""
_DEFINED = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w[\w, \t]*?)(?::[^=\n]*)?=(?!=)", re.M
)


class Unreadable(ValueError):
    """A submission whose text cannot be found; the message says why, and what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell of a submission.

    Args:
        kind: "code" or "prose".
        text: What stands in it.
        name: What nbgrader named it, None where it has no name.
    """

    kind: str
    text: str
    name: str | None


@dataclass
class Rebuilt:
    """What is run and kept of a submission.

    Args:
        steps: The cells to run, in order.
        names: What is the student's to define, as `solution_names` finds it.
        texts: The student's text by solution cell, code and prose.
        notes: What was out of order, for the instructor.
        doubts: What may cost points that the student has earned: of two texts the wrong one may
            have counted, or a text was not found.
    """

    steps: list[Step] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def marked(self, report: Report) -> Report:
        """Return the report with these notes; where a doubt may have cost points, for a person.

        Args:
            report: What came of the steps.
        """
        report = replace(report, notes=[*report.notes, *self.notes, *self.doubts])
        lost = any(v.kind == "test" and (v.score or 0.0) < v.points for v in report.verdicts)
        prose = self.texts.keys() - {v.cell for v in report.verdicts}
        blank = not all(self.texts[name] for name in prose)
        if not self.doubts or not (lost or blank) or report.state == "failed":
            return report
        reasons = [report.reason, *self.doubts] if report.reason else self.doubts
        return replace(report, state="needs a person", reason="; ".join(reasons))


# --- the file -------------------------------------------------------------------------------------


def handed_in(folder: Path, others: Collection[str] = ()) -> dict[str, bytes]:
    """Return a student's notebooks by their names: real files, and of each no more than is read.

    Args:
        folder: What the student handed in for an assignment.
        others: The names of the assignment's other notebooks.

    Returns:
        Their bytes; one that is too large is cut just beyond what `read` takes.

    Raises:
        Unreadable: The folder is a link, or holds too many.
    """
    if folder.is_symlink():
        raise Unreadable("it is a link to another folder: hand in the notebook itself")
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() == ".ipynb"
        and path.name not in others
        and path.is_file()
        and not path.is_symlink()
    ]
    if len(paths) > _MOST_FILES:
        raise Unreadable(f"it has {len(paths)} notebooks: hand in the one that counts")
    found = {}
    for path in paths:
        with path.open("rb") as file:
            found[path.name] = file.read(MOST_BYTES + 1)
    return found


def choose(source: Any, files: Mapping[str, bytes], name: str) -> Rebuilt:
    """Return what is run of the files that a student handed in for one notebook.

    The notebook of the right name counts. Where it is missing or cannot be read, another file does,
    if it alone holds answers.

    Args:
        source: The instructor's notebook, with solutions and hidden tests.
        files: Each file's bytes by its name, as `handed_in` returns them.
        name: The notebook's name, such as "ps01.ipynb".

    Returns:
        The steps to run, and what was out of order.

    Raises:
        Unreadable: No file holds answers, or several do and none has the name.
    """
    found: dict[str, Rebuilt] = {}
    faults: dict[str, str] = {}
    for file, data in files.items():
        try:
            found[file] = rebuild(source, read(data))
        except Unreadable as fault:
            faults[file] = str(fault)
    if not found:
        only = next(iter(faults.values())) if len(faults) == 1 else ""
        raise Unreadable(faults.get(name) or only or f"there is no notebook: hand in {name}")
    chosen = name if name in found else min(found)
    others = [file for file in sorted(found) if found[file].texts != found[chosen].texts]
    if chosen != name and others:
        every = " and ".join(map(_printable, [chosen, *others]))
        raise Unreadable(f"{every} hold different answers, {name} has none: hand in one, as {name}")
    if chosen != name:
        why = f"which cannot be read: {faults[name]}" if name in faults else "which is missing"
        who = _printable(chosen)
        found[chosen].notes.append(f"{who} was graded in the place of {name}, {why}")
    beside = map(_printable, others)
    found[chosen].doubts += [f"{who}, handed in beside it, holds other answers" for who in beside]
    return found[chosen]


def _printable(name: str) -> str:
    """Return a file's name for people: a student's may steer a terminal, or be in no encoding."""
    return name if name.isprintable() else ascii(name)


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
            f"it has more than {MOST_BYTES // 2**20} MiB: clear the outputs and hand it in again"
        )
    text = _decoded(data).strip("\0\ufeff \t\r\n")
    if not text:
        raise Unreadable("it is empty: save the notebook and hand it in again")
    if text.count("{") + text.count("[") > _MOST_PARTS:
        raise Unreadable("it is too large inside: clear the outputs and hand it in again")
    try:
        tree = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise Unreadable(_why_no_json(text)) from None
    cells = [cell for cell in map(_cell, _raw_cells(tree)) if cell is not None]
    if len(cells) > MOST_CELLS:
        raise Unreadable(
            f"it has {len(cells)} cells with text, and a notebook has 1 to {MOST_CELLS}: hand in "
            "the notebook that you worked in"
        )
    return cells


def _decoded(data: bytes) -> str:
    """Return the text of a file in any UTF, with its mark or without, or as old editors wrote it.

    A file in UTF-8 with some broken bytes keeps its other letters: they are valid by no accident.
    """
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
    broken = text.count("\ufffd")
    kept = sum(ord(letter) > 127 for letter in text) - broken
    return text if kept > broken else data.decode("cp1252", errors="replace")


def _why_no_json(text: str) -> str:
    if _MERGE.search(text):
        return "it holds the marks of a merge (<<<<<<<): settle the conflict and hand it in again"
    if text.startswith("<"):
        return "it is a web page: download the notebook itself (.ipynb) and hand that in"
    if text.startswith("PK\x03\x04"):
        return "it is an archive: unpack it and hand in the notebook (.ipynb) itself"
    if text.startswith("{"):
        return (
            "it is cut off or damaged: see that it opens in Jupyter, save it there and hand it in "
            "again"
        )
    return "it is no notebook: hand in the .ipynb file"


def _raw_cells(tree: Any) -> list[Any]:
    """Return the cells of a notebook of format 4, or of 2 and 3 with their worksheets."""
    if isinstance(tree, dict):
        sheets = tree.get("worksheets")
        if not isinstance(sheets, list):
            sheets = [tree]
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for cells in lists if isinstance(cells, list) for cell in cells]
    return []


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
    return Cell(kind, _clean(source), name if isinstance(name, str) else None)


def _clean(text: str) -> str:
    """Return a text with one kind of line end, and without what no Python program may hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- the steps ------------------------------------------------------------------------------------


def rebuild(source: Any, submitted: Sequence[Cell]) -> Rebuilt:
    """Return the source's cells with the student's text in its solution cells.

    Args:
        source: The instructor's notebook, with solutions and hidden tests.
        submitted: The submission's cells.

    Returns:
        The steps to run, and what was out of order.

    Raises:
        Unreadable: None of the assignment's answers is in the submission.
    """
    places = _places(source.cells, submitted)
    answers = {number for number, cell in enumerate(source.cells) if _data(cell).get("solution")}
    if answers and not answers & set(places):
        if not submitted:
            raise Unreadable("it has no cells with text: hand in the notebook that you worked in")
        raise Unreadable("it holds no answer to this assignment: was the right file handed in?")
    found = Rebuilt(names=solution_names(source))
    extras = _extras(submitted, places)
    nameless: list[str] = []
    _run_own(found, extras.get(None, []))
    for number, cell in enumerate(source.cells):
        theirs = [
            (f"cell {count}", copy)
            for count, (copy, place) in enumerate(zip(submitted, places, strict=True), start=1)
            if place == number
        ]
        if number in answers:
            if _take_solution(found, cell, theirs):
                nameless.append(_data(cell)["grade_id"])
        elif cell.cell_type == "code":
            _take_ours(found, cell, theirs)
        _run_own(found, extras.get(number, []))
    if nameless:
        lost = "cell has lost its name" if len(nameless) == 1 else "cells have lost their names"
        how = "found by text or place, and graded like any other"
        found.notes.append(f"{', '.join(nameless)}: {lost}; {how}")
    return found


def solution_names(source: Any) -> list[str]:
    """Return the names that are the student's to define: in a test they are theirs.

    They are what the source's solution cells define. A source without solutions leaves what its
    tests use and no cell of the instructor's defines.

    Args:
        source: The instructor's notebook.
    """
    code = [cell for cell in source.cells if cell.cell_type == "code"]
    answers = [cell.source for cell in code if _data(cell).get("solution")]
    names = [name for text in answers for name in student_names(text)]
    if names or not answers:
        return names
    ours = [cell for cell in code if not _data(cell).get("solution")]
    if any(_OPAQUE.search(cell.source) for cell in ours):
        return []
    given = set(vars(builtins)).union(*(_globals(cell.source, given=True) for cell in ours))
    tests = [cell.source for cell in ours if _data(cell).get("grade")]
    return sorted(set().union(*(_globals(text, given=False) for text in tests)) - given)


def _globals(code: str, *, given: bool) -> set[str]:
    """Return the notebook's names that a cell defines or, otherwise, uses."""
    names, tables = set(), [symtable.symtable(code, "cell", "exec")]
    for table in tables:
        tables += table.get_children()
        names |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if (table.get_type() == "module" or symbol.is_global())
            and (symbol.is_assigned() or symbol.is_imported()) == given
        }
    return names


def _data(cell: Any) -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


def _take_solution(found: Rebuilt, cell: Any, copies: list[tuple[str, Cell]]) -> bool:
    """Add the answers to a question, in their order as in the student's kernel; the last counts.

    A copy as it was handed out is no answer, and one of the other kind is none beside one that the
    student's kernel runs.

    Returns:
        Whether any of them has lost its cell's name.
    """
    name, code = _data(cell)["grade_id"], cell.cell_type == "code"
    copies = [copy for copy in copies if not _untouched(cell, copy[1].text)] or copies[:1]
    copies = [copy for copy in copies if copy[1].kind == _kind(cell)] or copies
    concerns = found.doubts if code else found.notes  # prose is read by a person in any case
    if not copies:
        found.doubts.append(f"{name}: its cell is missing, and its text was not found elsewhere")
        copies = [("", Cell(_kind(cell), "", name))]
    if len({copy.text for _, copy in copies}) > 1:
        places = ", ".join(place for place, _ in copies)
        concerns.append(f"{name}: {places} all answer it; they count in this order")
    if any(copy.kind != _kind(cell) for _, copy in copies):
        concerns.append(f"{name}: its cell was turned into {'prose' if code else 'code'}")
    if code and any(_MERGE.search(copy.text) for _, copy in copies):
        found.doubts.append(f"{name}: it holds the marks of a merge")
    if code and any("\ufffd" in copy.text for _, copy in copies):
        found.doubts.append(f"{name}: some of its letters could not be read")
    if code:
        found.steps += [Step("student", place, copy.text) for place, copy in copies[:-1]]
        found.steps.append(Step("student", name, copies[-1][1].text))
        found.texts[name] = copies[-1][1].text
    else:
        found.texts[name] = "\n\n".join(dict.fromkeys(copy.text for _, copy in copies))
    return any(copy.name != name for _, copy in copies)


def _take_ours(found: Rebuilt, cell: Any, copies: list[tuple[str, Cell]]) -> None:
    """Add a cell of the instructor's; what a student made of it runs before, as their own."""
    name = _data(cell).get("grade_id", "")
    known = {"", _squeezed(cell.source), _shown(cell)}
    edited = [copy for copy in copies if _squeezed(copy[1].text) not in known]
    _run_own(found, edited)
    if edited and _data(cell).get("locked"):
        found.notes.append(f"{name}: it was edited; the original counts")
    if _data(cell).get("grade"):
        found.steps.append(Step("test", name, cell.source, float(_data(cell)["points"])))
    else:
        found.steps.append(Step("setup", name, cell.source))


def _extras(
    submitted: Sequence[Cell], places: Sequence[int | None]
) -> dict[int | None, list[tuple[str, Cell]]]:
    """Return the student's own cells by the source's cell before them, None where none is."""
    extras: dict[int | None, list[tuple[str, Cell]]] = {}
    last = None
    for count, (cell, place) in enumerate(zip(submitted, places, strict=True), start=1):
        if place is None:
            extras.setdefault(last, []).append((f"cell {count}", cell))
        elif place != _IDLE:
            last = place
    return extras


def _run_own(found: Rebuilt, cells: Iterable[tuple[str, Cell]]) -> None:
    """Add code that a student wrote outside the solution cells."""
    for place, cell in cells:
        if cell.kind == "code":
            found.steps.append(Step("student", place, cell.text))
            if again := sorted(_defined(cell.text) & set(found.names)):
                found.doubts.append(f"{place} defines {', '.join(again)} as well")


# --- whose cell is it? ----------------------------------------------------------------------------

_IDLE = -1  # the place of a cell that holds nothing of the student's, and says nothing of others


def _places(cells: Sequence[Any], submitted: Sequence[Cell]) -> list[int | None]:
    """Return, for each submitted cell, the number of the source's cell that it is, or None."""
    named = {_data(cell)["grade_id"]: number for number, cell in enumerate(cells) if _data(cell)}
    places = [named.get(cell.name) for cell in submitted]
    _find_ours(cells, submitted, places)
    _find_by_names(cells, submitted, places)
    _find_by_neighbours(cells, submitted, places)
    return places


def _find_ours(cells: Sequence[Any], submitted: Sequence[Cell], places: list[int | None]) -> None:
    """Place the nameless cells that are the instructor's word for word; one text may be several."""
    ours: dict[tuple[str, str], int] = {}
    for number, cell in enumerate(cells):
        if not _data(cell).get("solution"):
            key = _kind(cell), _shown(cell)
            ours[key] = _IDLE if key in ours else number
    for index, cell in enumerate(submitted):
        if places[index] is None:
            text = _squeezed(cell.text)
            places[index] = ours.get((cell.kind, text)) if text else _IDLE


def _find_by_names(
    cells: Sequence[Any], submitted: Sequence[Cell], places: list[int | None]
) -> None:
    """Place nameless code that defines half or more of what one question alone asks for."""
    asked = {
        number: set(student_names(cell.source))
        for number, cell in enumerate(cells)
        if _data(cell).get("solution") and cell.cell_type == "code"
    }
    times = Counter(name for names in asked.values() for name in names)
    given = {
        index: _defined(cell.text)
        for index, cell in enumerate(submitted)
        if places[index] is None and cell.kind == "code"
    }
    for number in sorted(asked.keys() - set(places)):
        own = {name for name in asked[number] if times[name] == 1}
        for index, names in given.items():
            if own and places[index] is None and 2 * len(own & names) >= len(own):
                places[index] = number


def _find_by_neighbours(
    cells: Sequence[Any], submitted: Sequence[Cell], places: list[int | None]
) -> None:
    """Place a nameless cell that stands alone where one answer lacks, between known cells.

    Prose, and code of which no name is asked: other code runs where it stands in any case.
    """
    answers = {
        number
        for number, cell in enumerate(cells)
        if _data(cell).get("solution")
        and not (_kind(cell) == "code" and student_names(cell.source))
    }
    lacking = answers - set(places)
    known = [(index, place) for index, place in enumerate(places) if place not in (None, _IDLE)]
    gaps = {
        number: (
            max((index for index, place in known if place < number), default=-1),
            min((index for index, place in known if place > number), default=len(submitted)),
        )
        for number in lacking
    }
    rivals = Counter(gaps.values())
    for number, (start, end) in gaps.items():
        free = [
            index
            for index in range(start + 1, end)
            if places[index] is None and submitted[index].kind == _kind(cells[number])
        ]
        if known and len(free) == 1 and rivals[start, end] == 1:
            places[free[0]] = number


def _kind(cell: Any) -> str:
    return "code" if cell.cell_type == "code" else "prose"


def _defined(text: str) -> set[str]:
    """Return the names that a text defines at its top level, whether or not it parses."""
    found = (match[1] or match[2] for match in _DEFINED.finditer(text))
    return {name.strip() for names in found for name in names.split(",")}


def _untouched(cell: Any, text: str) -> bool:
    """Whether a text is empty, or a solution cell's as it was handed out."""
    parts = [_squeezed(part) for part in _ANSWER.split(cell.source)]
    parts = parts if len(parts) > 1 else ["", ""]
    as_released = _STUB.join(map(re.escape, parts))
    text = _squeezed(text)
    return not text or bool(re.fullmatch(as_released, text, re.IGNORECASE))


def _shown(cell: Any) -> str:
    """Return a cell of the instructor's as students see it."""
    return _squeezed(_HIDDEN.sub("", cell.source))


def _squeezed(text: str) -> str:
    return " ".join(text.split())
