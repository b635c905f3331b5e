"""Grades for Canvas and Moodle, in the CSV that the platform gave out and takes back.

The instructor downloads Canvas's gradebook, or of Moodle an assignment's grading worksheet or the
gradebook's export. `fill` writes the grades into its column and leaves every other byte as it was.
Who has no score keeps the cell as it is: Canvas takes an emptied one for a grade that is deleted.
"""

import codecs
import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry, Student
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from rich.text import Text

from losscourse.grading.course import CannotStart, find, read_config, save
from losscourse.grading.export import Result, read_results
from losscourse.grading.gradebook import open_gradebook

__all__ = ["CannotFill", "Filled", "export", "fill"]

WRITTEN, SOME_LEFT_OUT, NOT_WRITTEN = 0, 1, 2
"""Exit statuses."""


class CannotFill(ValueError):
    """The file cannot be filled in; the message says what was expected and what came."""


@dataclass
class Filled:
    """A platform's file with the grades in it.

    Args:
        platform: Whose layout it has.
        column: The column that holds the grades.
        key: The column by which students were matched.
        content: The file's bytes.
        count: How many grades were written.
        kept: Whose cell was left as it was, and why.
        only_in_file: Who is in the file and not in the gradebook.
        only_in_gradebook: Who is in the gradebook and not in the file, and what they have.
    """

    platform: str
    column: str
    key: str
    content: bytes = b""
    count: int = 0
    kept: list[tuple[str, str]] = field(default_factory=list)
    only_in_file: list[str] = field(default_factory=list)
    only_in_gradebook: list[tuple[str, str]] = field(default_factory=list)


def fill(
    content: bytes,
    assignment: str,
    maximum: float,
    students: Iterable[Student],
    results: Mapping[str, Result],
    *,
    column: str | None = None,
    key: str | None = None,
    missing: float | None = None,
    unmarked: bool = False,
    scale: bool = False,
) -> Filled:
    """Write an assignment's grades into the CSV of a learning platform.

    Args:
        content: The file as it was downloaded.
        assignment: The assignment's name.
        maximum: The points to be had.
        students: The gradebook's students.
        results: What each of them has, by id.
        column: The column for the grades; None for the one that has the assignment's name in its.
        key: The column that says who a student is, by what the gradebook knows as id, email or
            lms_user_id; None for the one that matches most rows.
        missing: The points of those who handed in nothing; None leaves their cells as they are.
        unmarked: Whether a score counts that still lacks what is marked by hand.
        scale: Whether scores are multiplied where the platform's maximum is another one.

    Returns:
        The file with the grades, and who was left out.

    Raises:
        CannotFill: The file is no CSV, its layout or the column is not known, few students match,
            or the maximum is another one.
    """
    sheet = _Sheet(content)
    layout = _layout(sheet.header, column, key)
    place = _grade_column(sheet, layout, assignment, column)
    rows = [row for row in sheet.rows if _is_student(sheet, layout, row)]
    known = _known(students)
    key = _key(sheet, layout, rows, known, key)
    found = Filled(layout.platform, sheet.header[place], key)
    comma = any(re.fullmatch(r"\d+,\d+", sheet.value(row, place)) for row in rows)
    whose = [_whose(sheet, row, key, known) for row in rows]
    times = Counter(student for those in whose for student in those)
    for row, those in zip(rows, whose, strict=True):
        if not those:
            found.only_in_file.append(sheet.value(row, 0) or sheet.value(row, sheet.find(key)))
            continue
        now = sheet.value(row, place)
        result = results[those[0]]
        points, why = _points(result, missing, unmarked)
        if len(those) > 1:
            points, why = None, "have the same name there"
        elif times[those[0]] > 1:
            points, why = None, "is in the file more than once"
        elif now not in ("", "-") and _number(now) is None:
            points, why = None, f"the cell holds {now}"
        elif _number(now) is not None and (points is None or result.status == "not submitted"):
            points, why = None, f"{result.status}; the cell keeps {now}"
        if points is None:
            found.kept.append((" and ".join(those), why))
            continue
        most = _maximum(sheet, layout, row, place)
        grade = _scaled(points, maximum, most, scale, layout)
        sheet.write(row, place, grade.replace(".", ",") if comma or "," in most else grade)
        found.count += 1
    found.only_in_gradebook = [(s, r.status) for s, r in results.items() if not times[s]]
    found.content = sheet.content()
    return found


def export(
    assignment: str, file: Path, *, course: Path | None = None, to: Path | None = None, **how: Any
) -> int:
    """Fill in the file that an instructor has downloaded, and tell them what was left out.

    Args:
        assignment: The assignment's name.
        file: The file of Canvas or Moodle; it stays as it is.
        course: The folder with nbgrader_config.py; None looks here and in exercises/.
        to: The file to write; None for one beside it, gradebook-ps01.csv for gradebook.csv.
        **how: As for `fill`.

    Returns:
        The exit status: 0 if all who have a grade are in the file, 1 if someone is not, 2 if
        nothing was written.
    """
    console = Console(highlight=False, soft_wrap=True)
    to = to or file.with_name(f"{file.stem}-{assignment}{file.suffix}")
    try:
        filled = _filled(_read(file, to), assignment, find(course), how)
        save(to, filled.content)
    except (CannotStart, CannotFill) as reason:
        console.print(Text(str(reason), style="red"))
        return NOT_WRITTEN
    where = f"{filled.platform}'s column “{filled.column}”"
    console.print(Text(f"{to}: {filled.count} grade{'s' * (filled.count != 1)} in {where}."))
    console.print(Text(f"Students are matched by “{filled.key}”."))
    _list(console, "Left as they were", filled.kept)
    unknown = [(name, "no such student") for name in filled.only_in_file]
    _list(console, "In the file, not in the gradebook", unknown)
    _list(console, "In the gradebook, not in the file", filled.only_in_gradebook)
    lost = any(what in ("graded", "needs marking") for _, what in filled.only_in_gradebook)
    return SOME_LEFT_OUT if lost else WRITTEN


def _read(file: Path, to: Path) -> bytes:
    if to.resolve() == file.resolve():
        raise CannotStart(f"{file} stays as it is: give another name with --to.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotStart(f"{file}: cannot be read: {error.strerror}.") from None


def _filled(content: bytes, assignment: str, course: Path, how: Mapping[str, Any]) -> Filled:
    with contextlib.chdir(course):
        directory = CourseDirectory(config=read_config(Path()))
        with open_gradebook(directory.db_url, directory.course_id) as gradebook:
            try:
                found = gradebook.find_assignment(assignment)
            except MissingEntry:
                known = ", ".join(one.name for one in gradebook.assignments) or "none"
                raise CannotStart(
                    f"There is no assignment {assignment!r} in the gradebook. There is: {known}."
                ) from None
            results = read_results(gradebook, found)
            return fill(content, assignment, found.max_score, gradebook.students, results, **how)


def _list(console: Console, title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Say who is concerned, in a line for each reason."""
    names: dict[str, list[str]] = {}
    for who, why in pairs:
        names.setdefault(why, []).append(who)
    if names:
        console.print(Text(f"\n{title}", style="bold"))
    for why, those in names.items():
        count = f" ({len(those)})" if len(those) > 1 else ""
        console.print(Text(f"  {why}{count}: {', '.join(those)}"))


def _points(result: Result, missing: float | None, unmarked: bool) -> tuple[float | None, str]:
    """Return the points that a student gets, or None and why there are none."""
    if result.status == "not submitted":
        return missing, "not submitted, --missing 0 gives 0"
    if result.status == "needs marking" and not unmarked:
        return None, "needs marking, --unmarked counts what is there"
    return result.score, f"{result.status}: {result.reason}" if result.reason else result.status


def _scaled(points: float, maximum: float, most: str, scale: bool, layout: "_Layout") -> str:
    """Return the grade as it is written: exact, with no more than two decimals."""
    grade, theirs = Decimal(str(points)), _number(most)
    if theirs is not None and theirs != Decimal(str(maximum)):
        if not scale:
            raise CannotFill(
                f"{layout.maximum} is {most} on {layout.platform}, and {maximum:g} here. Change it "
                "there and download the file again, or say --scale to multiply the scores."
            )
        grade *= theirs / Decimal(str(maximum))
    text = str(grade.quantize(Decimal("0.01"), ROUND_HALF_UP))
    return text.rstrip("0").rstrip(".")


def _number(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if re.fullmatch(r"-?\d+([.,]\d+)?", text) else None


# --- the platforms --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    """How a platform lays out its file.

    Args:
        platform: Its name.
        columns: Columns by which the file is known.
        keys: Columns that say who a student is, the best first.
        maximum: The column, in Canvas the row, that holds the points to be had.
    """

    platform: str
    columns: frozenset[str]
    keys: tuple[str, ...]
    maximum: str = ""


_PEOPLE = ("Email address", "Username", "ID number")
_CANVAS = _Layout(
    "Canvas",
    frozenset({"ID", "Section"}),
    ("SIS Login ID", "SIS User ID", "Integration ID", "ID"),
    "Points Possible",
)
_WORKSHEET = _Layout(
    "Moodle", frozenset({"Identifier", "Grade"}), (*_PEOPLE, "Identifier"), "Maximum Grade"
)
_EXPORT = _Layout("Moodle", frozenset({"Email address"}), _PEOPLE)


def _layout(header: list[str], column: str | None, key: str | None) -> _Layout:
    for layout in (_CANVAS, _WORKSHEET, _EXPORT):
        if layout.columns <= set(header):
            return layout
    if column and key:
        return _Layout("the platform", frozenset(), (key,))
    raise CannotFill(
        "This is not the gradebook of Canvas (it has columns ID and Section), nor a grading "
        "worksheet (Identifier, Grade) or a grade export (Email address) of Moodle in English. Of "
        "any other CSV, say which column is for the grades and which says who a student is: "
        f"--column NAME --match NAME. {_there_is(header)}"
    )


def _there_is(columns: Iterable[str]) -> str:
    return f"There is: {', '.join(columns)}."


def _grade_column(sheet: "_Sheet", layout: _Layout, assignment: str, column: str | None) -> int:
    """Return the place of the column for the grades."""
    first = sheet.find("Section") + 1 if layout is _CANVAS else 0
    possible = [
        place
        for place, name in enumerate(sheet.header)
        if place >= first and name not in layout.keys and not _is_read_only(sheet, layout, place)
    ]
    names = {place: re.sub(r" \(\d+\)$", "", sheet.header[place]) for place in possible}
    if column:
        found = [p for p in possible if column in (sheet.header[p], names[p])]
    elif layout is _WORKSHEET:
        found = [p for p in possible if sheet.header[p] == "Grade"]
    else:
        word = re.compile(rf"(?<!\w){re.escape(assignment)}(?!\w)", re.IGNORECASE)
        found = [p for p in possible if word.search(names[p])]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} columns are" if found else "No column for grades is"
    raise CannotFill(
        f"{many} named {column or assignment}. Say which one: --column NAME. "
        f"{_there_is(sheet.header[place] for place in possible)}"
    )


def _is_read_only(sheet: "_Sheet", layout: _Layout, place: int) -> bool:
    return any(
        "read only" in sheet.value(row, place)
        for row in sheet.rows
        if layout is _CANVAS and _holds_maximum(sheet, row)
    )


def _holds_maximum(sheet: "_Sheet", row: int) -> bool:
    return "Points Possible" in sheet.value(row, 0)


def _maximum(sheet: "_Sheet", layout: _Layout, row: int, place: int) -> str:
    """Return the points to be had on the platform as the file has them, or nothing."""
    if layout is _CANVAS:
        return next((sheet.value(r, place) for r in sheet.rows if _holds_maximum(sheet, r)), "")
    return sheet.value(row, sheet.find(layout.maximum)) if layout.maximum in sheet.header else ""


def _is_student(sheet: "_Sheet", layout: _Layout, row: int) -> bool:
    """Whether a row is a student's; Canvas has others above them."""
    if layout is _CANVAS and _holds_maximum(sheet, row):
        return False
    keys = [sheet.find(name) for name in layout.keys if name in sheet.header]
    return any(sheet.value(row, place) for place in (0, *keys))


# --- who is who -----------------------------------------------------------------------------------


def _known(students: Iterable[Student]) -> dict[str, set[str]]:
    """Return the students by each of the names that the gradebook has for them."""
    known: dict[str, set[str]] = {}
    for student in students:
        for name in (student.id, student.email, student.lms_user_id):
            if name:
                known.setdefault(name.strip().casefold(), set()).add(student.id)
    return known


def _whose(sheet: "_Sheet", row: int, key: str, known: dict[str, set[str]]) -> list[str]:
    """Return the students that a row names, in order."""
    name = sheet.value(row, sheet.find(key)).casefold()
    if key == "Identifier":  # "Participant 12345"
        name = re.split(r"\D", name)[-1]
    return sorted(known.get(name, ()))


def _key(
    sheet: "_Sheet",
    layout: _Layout,
    rows: list[int],
    known: dict[str, set[str]],
    key: str | None,
) -> str:
    """Return the column by which students are matched."""
    if key and key not in sheet.header:
        raise CannotFill(f"No column is named {key}. {_there_is(sheet.header)}")
    keys = [key] if key else [name for name in layout.keys if name in sheet.header]
    counts = {name: sum(bool(_whose(sheet, row, name, known)) for row in rows) for name in keys}
    best = max(counts, key=counts.__getitem__, default="")
    everyone = min(len(rows), len(set().union(*known.values())))
    if counts and counts[best] and (key or 2 * counts[best] >= everyone):
        return best
    matched = ", ".join(f"{count} by {name}" for name, count in counts.items()) or "none"
    raise CannotFill(
        f"Of {len(rows)} students in the file, few or none are in the gradebook: {matched}. Say "
        "which column holds the gradebook's id, email or lms_user_id: --match NAME. "
        f"{_there_is(sheet.header)}"
    )


# --- the file -------------------------------------------------------------------------------------


class _Sheet:
    """A CSV file, cell by cell as it is written, so that one can change and no other byte does."""

    def __init__(self, content: bytes):
        self._bom, self._encoding = _encoding(content)
        text = content[len(self._bom) :].decode(self._encoding)
        first = re.split(r"[\r\n]", text, maxsplit=1)[0]
        self._delimiter = max(",;\t", key=first.count)
        self._rows = self._parse(text)
        self.header = [_unquoted(cell) for cell in self._rows[0][::2]]
        if not any(self.header):
            raise CannotFill("The file is empty: download it again.")
        self.rows = [
            number
            for number, row in enumerate(self._rows)
            if number and any(map(_unquoted, row[::2]))
        ]
        for number in self.rows:
            if len(self._rows[number]) != len(self._rows[0]):
                raise CannotFill(
                    f"Row {number + 1} has {len(self._rows[number]) // 2} cells, and the first has "
                    f"{len(self.header)}: download the file again."
                )

    def _parse(self, text: str) -> list[list[str]]:
        """Return the rows; in each, a cell and what ends it take turns."""
        mark = re.escape(self._delimiter)
        cell = re.compile(rf'("(?:[^"]|"")*"|[^"{mark}\r\n][^{mark}\r\n]*|)({mark}|\r\n?|\n|\Z)')
        rows: list[list[str]] = [[]]
        place, end = 0, None
        while end != "":
            found = cell.match(text, place)
            if found is None:
                raise CannotFill(f"Row {len(rows)} is no CSV: a quotation mark is out of place.")
            rows[-1] += found.groups()
            place, end = found.end(), found[2]
            if end not in (self._delimiter, ""):
                rows.append([])
        return rows

    def find(self, name: str) -> int:
        """Return the place of a column."""
        return self.header.index(name)

    def value(self, row: int, place: int) -> str:
        """Return what a cell says."""
        return _unquoted(self._rows[row][2 * place])

    def write(self, row: int, place: int, value: str) -> None:
        """Let a cell say something else, in quotation marks where it had some or needs them."""
        quoted = self._rows[row][2 * place].startswith('"') or self._delimiter in value
        self._rows[row][2 * place] = f'"{value}"' if quoted else value

    def content(self) -> bytes:
        """Return the file."""
        text = "".join(part for row in self._rows for part in row)
        return self._bom + text.encode(self._encoding)


def _unquoted(cell: str) -> str:
    return (cell[1:-1].replace('""', '"') if cell.startswith('"') else cell).strip()


def _encoding(content: bytes) -> tuple[bytes, str]:
    """Return the byte-order mark and an encoding by which each byte comes back as it was."""
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(bom):
            return bom, encoding
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1"
    return b"", "utf-8"
