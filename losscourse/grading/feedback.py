"""What a student gets back: one page that says what was tested, what was expected and what came.

`nbgrader generate_feedback`, on the command line and behind formgrader's button, makes it by
configuration. The page needs nothing beside it and runs no script. Of a test that is partly hidden
it shows what the student's notebook shows, and the message. Whatever a student had a hand in is
escaped by the template, and bounded here.
"""

import functools
import re
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mistune
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry, SubmittedNotebook
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearHiddenTests
from pygments import highlight
from pygments.filters import Filter
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, Text
from traitlets import Unicode

from losscourse.grading.intake import one_line

__all__ = ["Cell", "FeedbackExporter", "Question", "template", "visible"]

_MOST_CODE = 300, 15_000
"""Lines and characters of a cell that are shown; of the rest it is said how much there is."""
_MOST_SAID = 40, 4_000
"""The same for what a cell printed, and for a message."""
_MOST_WRITTEN = 300, 15_000
"""The same for a written answer."""
_MOST_OWN = 20
"""Cells of the student's own that are shown in one question."""
_MOST_NOTES = 20
"""Notes of what was out of order."""


@dataclass
class Cell:
    """A cell of the notebook, as the page shows it.

    Args:
        kind: "answer" (the student's, code or prose), "own" (beside those asked for), "test", or
            "setup" (the instructor's, where it has points or stopped with an error).
        name: Its name.
        code: What stands in it: the student's highlighted, a test without what is hidden.
        prose: What stands in it as HTML, for prose.
        points: Its points, None where it has none yet.
        most: The points to be had, None where it has no points.
        state: How it went, for a cell with points; a key of `STATES`.
        message: What is wrong, in words.
        printed: What it printed.
        advice: What such a message means, and what to do.
        comment: The marker's, as HTML.
        hidden: Whether a part of the test is hidden.
        blank: Whether the student left it as it was handed out, or empty.
    """

    kind: str
    name: str
    code: str = ""
    prose: str = ""
    points: float | None = None
    most: float | None = None
    state: str = ""
    message: str = ""
    printed: str = ""
    advice: str = ""
    comment: str = ""
    hidden: bool = False
    blank: bool = False


@dataclass
class Question:
    """What stands under one heading.

    Args:
        number: Its place on the page, from 1.
        title: The heading, without the points.
        pages: The course's pages that it names: title and place.
        cells: Its cells.
        more: How many of the student's own cells are not shown.
    """

    number: int
    title: str
    pages: list[tuple[str, str]] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    more: int = 0

    @property
    def graded(self) -> list[Cell]:
        """The cells with points."""
        return [cell for cell in self.cells if cell.most is not None]

    @property
    def points(self) -> float:
        """The points so far."""
        return sum(cell.points or 0.0 for cell in self.cells)

    @property
    def most(self) -> float:
        """The points to be had."""
        return sum(cell.most or 0.0 for cell in self.cells)

    @property
    def lost(self) -> list[Cell]:
        """The cells that lost points by themselves, without a person."""
        kept = ("passed", "marked", "waits")
        return [cell for cell in self.graded if cell.most and cell.state not in kept]

    @property
    def unmarked(self) -> bool:
        """Whether no cell has its points yet."""
        return all(cell.points is None for cell in self.graded)

    @property
    def others(self) -> dict[str, list[Cell]]:
        """The cells with points that did not pass, by how they went."""
        found: dict[str, list[Cell]] = {}
        for cell in self.graded:
            if cell.state != "passed":
                found.setdefault(cell.state, []).append(cell)
        return found


STATES = {
    "passed": ("✓", "passed"),
    "part": ("◐", "passed in part"),
    "failed": ("✗", "not passed"),
    "unwritten": ("–", "not written"),
    "not run": ("–", "not run"),
    "waits": ("…", "to be marked by a person"),
    "marked": ("✎", "marked by a person"),
}
"""How a cell with points went: a sign and words."""

_ADVICE = {
    r"^\w+ did not end (?:with)?in ": (
        "Does every loop come to its end? Call the function in your notebook on three numbers and "
        "print what changes in each round. A loop over many examples may also just be slow: NumPy "
        "does the same in one expression."
    ),
    r"^Your code used more|\bMemoryError\b": (
        "An array grew too large, or the work has no end. Print the shapes: (N,) against (N, 1) "
        "makes an (N, N) table."
    ),
    r"^Your code crashed Python": (
        "Python itself died. Look for what is done outside Python here: os.abort(), a signal, a "
        "library used on the wrong data."
    ),
    r"^Your code ended Python": "Look for exit(), quit() or sys.exit(), and take it out.",
    r"^This was not run, for what happened in": "Mend that cell first.",
    r"\bRecursionError\b": "The function calls itself without end: which call is the last one?",
    r"^name '\w+' is not defined: its cell stopped": "Mend that cell first.",
    r"^name '\w+' is not defined": (
        "The test needs exactly this name: is the cell gone, or another name in it?"
    ),
    r"\bSyntaxError\b|\bIndentationError\b|\bTabError\b": (
        "Python could not read the cell, so nothing in it was run. Look at the line that it names, "
        "and at the one above."
    ),
    r"\bNameError\b": (
        "Your notebook may know this name from a cell that is gone. Restart the kernel, run all "
        "cells, and see."
    ),
    r"\bModuleNotFoundError\b|\bImportError\b": (
        "The grader has what the problem set asks for and no more: do it without this import."
    ),
}
"""By the beginning or a word of a message: what it means, and what to do."""


class FeedbackExporter(Exporter):
    """Makes a student's page from a graded notebook, for `c.GenerateFeedback.exporter_class`.

    The same grades make the same bytes: nbgrader tells students of new feedback by them.
    """

    site = Unicode("", help="Address of the course's site, to which pages link.").tag(config=True)

    file_extension = Unicode(".html", help="Of the page.").tag(config=True)
    output_mimetype = "text/html"

    def __init__(self, **kwargs: Any) -> None:
        """Make nbgrader's log say in a line what it would say in a traceback."""
        super().__init__(**kwargs)
        self.log.addFilter(one_line)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Convert a graded notebook.

        Args:
            filename: Where it lies.
            resources: What nbgrader says of the submission, in `resources["nbgrader"]`: student,
                assignment, notebook and gradebook.
            **kwargs: nbconvert's own.

        Returns:
            The page and the resources.

        Raises:
            NbGraderException: The submission has no grades.
        """
        self._make_room(resources["nbgrader"])
        return super().from_filename(filename, resources=resources, **kwargs)

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kwargs: Any) -> Any:
        """Convert a graded notebook; arguments, returns and errors as of `from_filename`."""
        nb, resources = super().from_notebook_node(nb, resources=resources, **kwargs)
        names = resources["nbgrader"]
        course_id = CourseDirectory(config=self.config).course_id
        with Gradebook(names["db_url"], course_id) as gradebook:
            try:
                graded = gradebook.find_submission_notebook(
                    names["notebook"], names["assignment"], names["student"]
                )
            except MissingEntry:
                raise _not_graded(names) from None
            title, questions = self._read(nb, graded)
            tests = [cell for one in questions for cell in one.graded if cell.kind == "test"]
            if tests and all(cell.points is None for cell in tests):  # they wait for a new run
                raise _not_graded(names)
            late = graded.assignment.total_seconds_late
            page = template("feedback.html").render(
                names=names,
                title=title or names["notebook"],
                questions=questions,
                score=graded.score,
                most=graded.max_score,
                penalty=graded.late_submission_penalty or 0.0,
                late=_duration(late) if late > 0 else "",
                notes=_few([*nb.metadata.get("notes", []), *nb.metadata.get("doubts", [])]),
                sandbox=nb.metadata.get("sandbox", True),
                site=self.site.rstrip("/"),
                states=STATES,
            )
        return page, resources

    def _make_room(self, names: dict[str, str]) -> None:
        """Remove what nbgrader copied to the page's place: a student's own file of its name."""
        course = CourseDirectory(config=self.config)
        folder = course.format_path(
            course.feedback_directory, names["student"], names["assignment"]
        )
        place = Path(folder, names["notebook"] + self.file_extension)
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)

    def _read(self, nb: NotebookNode, graded: SubmittedNotebook) -> tuple[str, list[Question]]:
        """Return the notebook's title and its questions with something to show."""
        _ = graded.notebook.grade_cells  # all cells at once: each grade would ask for its own
        grades = {grade.name: grade for grade in graded.grades}
        comments = {comment.name: comment for comment in graded.comments}
        title, questions = "", [Question(1, "Before the first question")]
        told = {""}
        for number, cell in enumerate(nb.cells, start=1):
            data = cell.metadata.get("nbgrader", {})
            if cell.cell_type != "code" and not data.get("solution"):
                for heading in _headings(cell.source):
                    if title:
                        questions.append(Question(len(questions) + 1, _without_points(heading)))
                    title = title or heading
                questions[-1].pages += _PAGE.findall(cell.source)
            name = data.get("grade_id", f"cell {number}")
            shown = self._show(cell, name, grades.get(name), comments.get(name))
            if shown and shown.advice in told:
                shown.advice = ""  # once on a page
            elif shown:
                told.add(shown.advice)
            if shown and shown.kind == "own" and _count_own(questions[-1]) >= _MOST_OWN:
                questions[-1].more += 1
            elif shown:
                questions[-1].cells.append(shown)
        kept = [question for question in questions if question.cells]
        for number, question in enumerate(kept, start=1):
            question.number = number
        return title, kept

    def _show(self, cell: NotebookNode, name: str, grade: Any, comment: Any) -> Cell | None:
        """Return what the page shows of a cell, None where that is nothing."""
        printed, message = _said(cell)
        if utils.is_solution(cell):
            shown = Cell("answer", name, blank=_is_blank(cell, comment))
        elif cell.metadata.get("student"):
            shown = Cell("own", name)
        elif utils.is_grade(cell):
            shown = Cell("test", name)
        elif utils.is_task(cell) or message:
            shown = Cell("setup", name)
        else:
            return None
        if shown.kind == "test":
            shown.code, shown.hidden = self._visible_part(cell)
        elif shown.kind != "setup" and cell.cell_type == "code":
            shown.code = _highlighted(cell.source)
        elif shown.kind != "setup":
            shown.prose = _rendered(cell.source)
        shown.printed = _bounded(printed, _MOST_SAID)
        shown.message = _bounded(message, _MOST_SAID)
        if comment and comment.comment and not (shown.blank and not comment.manual_comment):
            shown.comment = _rendered(comment.comment)
        if grade is not None:
            _score(shown, grade)
        if shown.state not in ("not run", "unwritten"):
            shown.advice = next((a for p, a in _ADVICE.items() if re.search(p, message, re.M)), "")
        return shown

    def _visible_part(self, cell: NotebookNode) -> tuple[str, bool]:
        """Return a test's code as the student's notebook has it, and whether more was tested."""
        visible = NotebookNode(cell, source=cell.source)
        try:
            ClearHiddenTests(config=self.config).preprocess_cell(visible, {}, 0)
        except RuntimeError:  # it cannot tell where the hidden part ends
            return "", True
        return _bounded(visible.source, _MOST_CODE), visible.source != cell.source


def _not_graded(names: dict[str, str]) -> NbGraderException:
    return NbGraderException(
        f"{names['student']} gets no feedback: {names['assignment']} is not graded. Run: "
        f"losscourse grade {names['assignment']} --student={names['student']}"
    )


def _score(shown: Cell, grade: Any) -> None:
    """Fill in a cell's points, and how it went."""
    shown.points, shown.most = grade.score, float(grade.max_score)
    by_hand = grade.manual_score is not None
    if not by_hand and (grade.auto_score is None or grade.needs_manual_grade):
        shown.state, shown.points = "waits", grade.auto_score
    elif shown.kind != "test":
        shown.state = "unwritten" if shown.blank and not grade.score else "marked"
    elif by_hand and grade.manual_score != grade.auto_score:
        shown.state = "marked"
    elif _NOT_RUN.match(shown.message):
        shown.state = "not run"
    elif _UNWRITTEN.search(shown.message):
        shown.state = "unwritten"
    elif grade.score < grade.max_score and grade.score > 0:
        shown.state = "part"
    else:
        shown.state = "failed" if shown.message or grade.score < grade.max_score else "passed"


_NOT_RUN = re.compile(r"This was not run\b")
_UNWRITTEN = re.compile(r"\bNotImplementedError\b")


def _is_blank(cell: NotebookNode, comment: Any) -> bool:
    """Whether a student left a cell as it was handed out, which the grader notes, or empty."""
    return bool(comment and comment.auto_comment) or not cell.source.strip()


def _said(cell: NotebookNode) -> tuple[str, str]:
    """Return what a cell printed, and its message: the grader's words, and no traceback."""
    printed = message = ""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            printed += output.text
        elif output.output_type == "error" and output.ename == "Check failed":
            message = "\n".join(output.traceback)
        elif output.output_type == "error":
            message = f"{output.ename}: {output.evalue}"
    return printed, message


# --- the notebook's own words ---------------------------------------------------------------------

_FENCED = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.M)
_POINTS = re.compile(r"[ \t]*\(\d+ points?\)$")
_PAGE = re.compile(r"\*([^*\n]+)\*\s+\(`([\w-]+/[\w/-]+)`\)")
"""As problem sets name a page of the course: *Huber loss* (`regression/huber`)."""


def _headings(text: str) -> list[str]:
    return _HEADING.findall(_FENCED.sub("", text))


def _without_points(heading: str) -> str:
    return _POINTS.sub("", heading)


def _count_own(question: Question) -> int:
    return sum(cell.kind == "own" for cell in question.cells)


# --- texts of a stranger --------------------------------------------------------------------------

_ANSI = re.compile("[\x1b\ufffd]\\[[0-9;?]*[A-Za-z]")
_JOINERS = "\u200c\u200d"  # in the spelling of some languages, and within an emoji


def visible(text: str) -> str:
    """Return a text without terminal colours, and with a name in place of what cannot be seen.

    Args:
        text: A text of a student's.
    """
    text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(map(_name_of_invisible, text))


def _name_of_invisible(letter: str) -> str:
    if letter in "\n\t" or letter in _JOINERS:
        return letter
    return f"⟨U+{ord(letter):04X}⟩" if unicodedata.category(letter) in _INVISIBLE else letter


_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format such as a turn of writing, half pairs


def _cut(text: str, lines: int, letters: int) -> tuple[str, str]:
    """Return the beginning of a text, and a line that says how much more there is."""
    text = text.rstrip()
    kept = "\n".join(text[:letters].split("\n")[:lines])
    rest = text[len(kept) :]
    if more := rest.count("\n"):
        return visible(kept), f"\n… {more:,} more line{'s' * (more > 1)}"
    return visible(kept), f"\n… {len(rest):,} more characters" if rest else ""


def _bounded(text: str, limits: tuple[int, int]) -> str:
    return "".join(_cut(text, *limits))


def _few(notes: list[str]) -> list[str]:
    """Return the first notes, and how many more there are."""
    more = len(notes) - _MOST_NOTES
    kept = [_bounded(note, (1, 500)) for note in notes[:_MOST_NOTES]]
    return [*kept, f"… {more} more"] if more > 0 else kept


class _FewColours(Filter):
    """Names only the kinds of words that get a colour; the others need no tag in the page."""

    kinds = (Keyword, String, Number, Comment, Name.Function, Name.Class)

    def filter(self, lexer: Any, stream: Iterable[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
        for kind, text in stream:
            if kind in Operator.Word:
                kind = Keyword
            yield next((few for few in self.kinds if kind in few), Text), text


@functools.cache
def _lexer() -> PythonLexer:
    lexer = PythonLexer(stripnl=False)
    lexer.add_filter(_FewColours())
    return lexer


def _highlighted(code: str) -> Markup:
    shown, rest = _cut(code, *_MOST_CODE)
    return Markup(highlight(shown, _lexer(), HtmlFormatter(nowrap=True)).rstrip()) + rest


class _Harmless(mistune.HTMLRenderer):
    """Markdown without raw HTML, pictures, headings that would disturb the page's, or scripts."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f"<p><strong>{text}</strong></p>\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return f"[picture: {text}]"

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not re.match(r"https?://|mailto:", url, re.I):
            return f"{text} ({escape(url)})"
        return f'<a href="{escape(url)}" rel="noopener noreferrer">{text}</a>'

    def inline_math(self, text: str) -> str:
        return f'<code class="math">${escape(text)}$</code>'

    def block_math(self, text: str) -> str:
        return f'<pre class="math">{escape(text.strip())}</pre>\n'


def _rendered(text: str) -> Markup:
    """Return a text in Markdown as HTML; one that the parser gives up on as it is written."""
    text = _bounded(text, _MOST_WRITTEN)
    try:
        return Markup(_markdown()(text))
    except RecursionError:
        return Markup("<pre>{}</pre>").format(text)


@functools.cache
def _markdown() -> mistune.Markdown:
    plugins = ["math", "strikethrough", "table"]
    return mistune.create_markdown(renderer=_Harmless(escape=True), plugins=plugins)


# --- the page -------------------------------------------------------------------------------------


@functools.cache
def template(name: str) -> Any:
    """Return a page's template, in which all that is put in is escaped.

    Args:
        name: Of a file in `templates`.
    """
    environment = Environment(
        loader=PackageLoader("losscourse.grading"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["visible"] = visible
    return environment.get_template(name)


def _duration(seconds: float) -> str:
    """Return a time in words, such as "1 day 10 hours"."""
    minutes = max(round(seconds / 60), 1)
    parts = {"day": minutes // 1440, "hour": minutes // 60 % 24, "minute": minutes % 60}
    told = [f"{n} {unit}{'s' * (n > 1)}" for unit, n in parts.items() if n]
    return " ".join(told[:2])
