"""`losscourse similar`: whose solutions are more alike than is usual in their class.

A list of pairs for a person to look at. It accuses nobody: it says that two students share what few
others wrote, and not why.

Texts are compared by their k-grams, the fingerprints of Schleimer, Wilkerson and Aiken ("Winnowing:
local algorithms for document fingerprinting", SIGMOD 2003); a problem set is short enough to keep
them all. Code is read twice: word for word, and without comments and docstrings, with one name for
every name but Python's own and attributes, one number and one string. In prose the words count.
What the source hands out or its solution says is no trace of anybody, and a k-gram counts the less
the more of the class wrote it.

How alike two answers are means little by itself: a short formula is written alike by many. So each
question's likeness is measured against the class. A pair that is more alike than all but one pair
in a thousand gets 3 points, the negative logarithm; the sum over the questions is its score, as in
Fisher's method of combining tests. No code of a student's is run.
"""

import builtins
import contextlib
import csv
import functools
import hashlib
import io
import json
import keyword
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text
from scipy.sparse import csr_array

from losscourse.grading.course import CannotStart, find, read_config, save
from losscourse.grading.export import harmless
from losscourse.grading.feedback import template, visible
from losscourse.grading.files import Folders
from losscourse.grading.rebuild import Unreadable, choose, handed_in

__all__ = ["FEWEST_STUDENTS", "Answer", "Comparison", "Pair", "compare", "similar"]

CODE_GRAM, PROSE_GRAM = 6, 5
"""How many tokens of code, and how many words, a k-gram holds."""

FEWEST_STUDENTS = 10
"""The smallest class of which anything can be called usual."""

LEAST_LIMIT = 3.0
"""The least score that stands out, in whatever class."""

SOLUTION = re.compile(r"### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
"""What stands in a source between its marks."""

_MOST_LETTERS = 20_000  # of one answer
_MOST_ROWS, _MOST_PAIRS = 30, 100  # pairs on the screen, and on the page
_MOST_BINS = 30  # of the page's histogram
_KEPT = frozenset(keyword.kwlist) | frozenset(dir(builtins))
_TOKEN = re.compile(
    r"""(?P<space>\s+|\\)|(?P<comment>\#[^\n]*)
    |(?P<string>[rbfuRBFU]{0,2}(?:\"{3}(?:\\.|[^\\])*?(?:\"{3}|\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\Z)
        |"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))
    |(?P<number>\.?\d(?:[eE][+-]|[\w.])*)
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>\*\*|//|->|[=!<>:+*/-]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Answer:
    """An answer and its k-grams.

    Args:
        text: What the student wrote.
        grams: A number for each k-gram.
        places: Where in the text each of them begins and ends.
    """

    text: str
    grams: np.ndarray
    places: np.ndarray

    @classmethod
    def of_code(cls, text: str) -> "Answer":
        """Return code, read once without what is changed at no cost, and once word for word.

        Args:
            text: The code; it need not be right.
        """
        text = text[:_MOST_LETTERS]
        bare, exact = [], []
        for found in _TOKEN.finditer(text):
            kind, token = found.lastgroup, found[0]
            if kind == "space":
                continue
            exact.append(("=" + token, *found.span()))
            if kind == "comment" or (kind == "string" and _is_docstring(text, found)):
                continue
            if kind == "name" and token not in _KEPT and [last[0] for last in bare[-1:]] != ["."]:
                token = "name"
            bare.append((token if kind in ("name", "sign") else kind, *found.span()))
        return cls(text, *_grams(CODE_GRAM, bare, exact))

    @classmethod
    def of_prose(cls, text: str) -> "Answer":
        """Return prose, of which the words are read.

        Args:
            text: The prose.
        """
        text = text[:_MOST_LETTERS]
        words = [(found[0].casefold(), *found.span()) for found in _WORD.finditer(text)]
        return cls(text, *_grams(PROSE_GRAM, words))


def _grams(length: int, *sequences: list[tuple[str, int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers and the places of the k-grams of tokens that stand at these places."""
    grams, places = [np.empty(0, np.uint64)], [np.empty((0, 2), int)]
    for tokens in sequences:
        if len(tokens) >= length:
            numbers = np.array([_number(token) for token, _, _ in tokens], np.uint64)
            windows = np.lib.stride_tricks.sliding_window_view(numbers, length)
            grams.append((windows * _FACTORS[:length]).sum(axis=1, dtype=np.uint64))
            starts = [start for _, start, _ in tokens[: len(windows)]]
            ends = [end for _, _, end in tokens[length - 1 :]]
            places.append(np.column_stack([starts, ends]))
    return np.concatenate(grams), np.concatenate(places)


def _is_docstring(text: str, found: re.Match[str]) -> bool:
    """Whether a string stands at a line's beginning, in three quotation marks."""
    before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    return not before.strip() and found[0].lstrip("rbfuRBFU")[:3] in ('"' * 3, "'" * 3)


_FACTORS = np.random.default_rng(2003).integers(2**64, size=8, dtype=np.uint64) | np.uint64(1)


@functools.cache
def _number(token: str) -> int:
    digest = hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


# --- the comparison -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """Two students whose answers are alike.

    Args:
        first: A student.
        second: Another one.
        score: How unusual it is in their class that two are so much alike.
        questions: What each question adds to the score, the most first.
    """

    first: str
    second: str
    score: float
    questions: dict[str, float]


@dataclass
class Comparison:
    """What came of comparing a class.

    Args:
        works: The answers by student and question.
        pairs: The pairs that stand out, the most alike first.
        nearest: For each student, the score with whoever is nearest.
        limit: The score from which a pair stands out.
        counted: By question, the numbers of the k-grams that count.
    """

    works: Mapping[str, Mapping[str, Answer]]
    pairs: list[Pair]
    nearest: dict[str, float]
    limit: float
    counted: dict[str, np.ndarray] = field(repr=False)

    def shared(self, student: str, other: str, question: str) -> list[tuple[int, int]]:
        """Return where in a student's answer stands what counts and another has as well.

        Args:
            student: Whose answer.
            other: The other student.
            question: Which answer.
        """
        mine, theirs = self.works[student][question], self.works[other][question]
        common = np.intersect1d(theirs.grams, self.counted[question])
        spans: list[tuple[int, int]] = []
        for start, end in sorted(mine.places[np.isin(mine.grams, common)].tolist()):
            if spans and start <= spans[-1][1]:
                start, end = spans[-1][0], max(spans.pop()[1], end)
            spans.append((start, end))
        return spans


def compare(
    works: Mapping[str, Mapping[str, Answer]], known: Mapping[str, Sequence[Answer]]
) -> Comparison:
    """Compare every two students of a class, question by question.

    Args:
        works: The answers by student and question.
        known: By question, the texts that are nobody's own: what is handed out, and the solution.

    Returns:
        The pairs that stand out, and what is usual.

    Raises:
        ValueError: The class is too small to call anything usual.
    """
    students = list(works)
    if len(students) < FEWEST_STUDENTS:
        raise ValueError(
            f"expected {FEWEST_STUDENTS} students or more, to know what is usual, got "
            f"{len(students)}"
        )
    first, second = np.triu_indices(len(students), 1)
    counted, added = {}, {}
    for question, ours in known.items():
        likeness, counted[question] = _likeness([works[s].get(question) for s in students], ours)
        added[question] = _unusual(likeness[first, second])
    scores = np.sum(list(added.values()), axis=0)
    nearest = np.zeros(len(students))
    np.maximum.at(nearest, first, scores)
    np.maximum.at(nearest, second, scores)
    limit = _limit(nearest)
    above = np.flatnonzero(scores >= limit)
    pairs = []
    for number in above[np.argsort(-scores[above], kind="stable")]:
        parts = {q: float(values[number]) for q, values in added.items() if values[number]}
        ordered = dict(sorted(parts.items(), key=lambda part: -part[1]))
        names = students[first[number]], students[second[number]]
        pairs.append(Pair(*names, float(scores[number]), ordered))
    by_student = dict(zip(students, nearest.tolist(), strict=True))
    return Comparison(works, pairs, by_student, limit, counted)


def _likeness(
    answers: Sequence[Answer | None], ours: Sequence[Answer]
) -> tuple[np.ndarray, np.ndarray]:
    """Return how alike each two answers to a question are, from 0 to 1, and which k-grams count.

    It is the Jaccard index of their k-grams, each weighted by how rare it is: 1 where two have it,
    0 from a quarter of the class on.
    """
    none = np.empty(0, np.uint64)
    sets = [none if answer is None else np.unique(answer.grams) for answer in answers]
    grams, places = np.unique(np.concatenate(sets), return_inverse=True)
    counts = np.bincount(places, minlength=len(grams))
    students = len(answers)
    rare = (counts >= 2) & (counts <= max(2, students // 4))
    rare &= ~np.isin(grams, np.concatenate([none, *(text.grams for text in ours)]))
    weights = np.where(rare, np.log(students / counts) / np.log(students / 2), 0.0)
    owners = np.repeat(np.arange(students), [len(one) for one in sets])
    have = csr_array((np.sqrt(weights[places]), (owners, places)), shape=(students, len(grams)))
    have.eliminate_zeros()
    both = (have @ have.T).toarray()
    each = both.diagonal()
    either = each[:, None] + each - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0), grams[rare]


def _unusual(likeness: np.ndarray) -> np.ndarray:
    """Return for each pair how few pairs are as much alike: 1 for one in ten, 2 for one in 100."""
    rounded = likeness.round(6)
    as_alike = len(rounded) - np.searchsorted(np.sort(rounded), rounded, "left")
    return np.where(rounded > 0, -np.log10(as_alike / len(rounded)), 0.0)


def _limit(nearest: np.ndarray) -> float:
    """Return the score that stands out: Tukey's fence over the students' scores with the nearest.

    Up to a quarter of the class may be much alike and does not move it much.
    """
    low, high = np.quantile(nearest, [0.25, 0.75])
    return float(max(LEAST_LIMIT, high + 1.5 * (high - low)))


# --- for people -----------------------------------------------------------------------------------


def similar(assignment: str, *, course: Path | None = None, to: Path | None = None) -> int:
    """Compare what a class has handed in, and tell the instructor who is alike.

    Args:
        assignment: The assignment's name.
        course: The folder with nbgrader_config.py; None looks here and in exercises/.
        to: A file for the report: a page with the texts side by side, or the pairs as JSON or CSV,
            as its name ends.

    Returns:
        The exit status: 0, or 2 if it could not start.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        comparison, unread = _compare_class(console, assignment, course, to)
        if to is not None:
            save(to, _WRITERS[to.suffix](assignment, comparison, unread).encode())
    except CannotStart as reason:
        console.print(Text(str(reason), style="red"))
        return 2
    _tell(console, comparison, unread, to)
    return 0


def _compare_class(
    console: Console, assignment: str, course: Path | None, to: Path | None
) -> tuple[Comparison, dict[str, str]]:
    """Return what came of comparing a class, and what could not be read."""
    if to is not None and to.suffix not in _WRITERS:
        raise CannotStart(f"--to ends in {', '.join(_WRITERS)}, not in {to.suffix or to.name!r}.")
    with contextlib.chdir(find(course)):
        works, known, unread = _read_class(console, assignment)
    if len(works) < FEWEST_STUDENTS:
        raise CannotStart(
            f"{len(works)} submissions of {assignment} can be read. {FEWEST_STUDENTS} are needed "
            "to know what is usual."
        )
    return compare(works, known), unread


def _read_class(
    console: Console, assignment: str
) -> tuple[dict[str, dict[str, Answer]], dict[str, list[Answer]], dict[str, str]]:
    """Return a class's answers, the texts that are nobody's own, and what could not be read."""
    config = read_config(Path())
    directory = CourseDirectory(config=config)
    folders = Folders(directory, assignment)
    sources = {
        path.name: nbformat.read(path, as_version=4)
        for path in sorted(folders.source.glob("*.ipynb"))
    }
    if not sources:
        raise CannotStart(f"There is no notebook of {assignment!r} in {folders.source}.")
    kinds, known = _known(sources, ClearSolutions(config=config).code_stub["python"])
    works, unread = {}, {}
    excluded = directory.student_id_exclude.split(",")
    handed_in_by = sorted(folders.handed_in().items())
    for student, folder in track(
        handed_in_by, "Reading", console=console, disable=not console.is_terminal, transient=True
    ):
        try:
            texts = {} if student in excluded else _texts(sources, folder)
        except (Unreadable, OSError) as error:
            unread[student] = str(error)
        else:
            answers = {question: kinds[question](text) for question, text in texts.items()}
            works |= {student: answers} if answers else {}
    return works, known, unread


def _texts(sources: Mapping[str, NotebookNode], folder: Path) -> dict[str, str]:
    """Return what a student wrote, by the names of the source's solution cells."""
    texts = {}
    for name, source in sources.items():
        files = handed_in(folder, sources.keys() - {name})
        if files or len(sources) == 1:
            answers = choose(source, files, name).texts
            texts |= {_question(sources, name, each): text for each, text in answers.items()}
    return texts


def _question(sources: Mapping[str, NotebookNode], notebook: str, name: str) -> str:
    """Return a solution cell's name in the assignment, of which two notebooks may have one."""
    return name if len(sources) == 1 else f"{notebook.removesuffix('.ipynb')}, {name}"


def _known(
    sources: Mapping[str, NotebookNode], stub: str
) -> tuple[dict[str, Callable[[str], Answer]], dict[str, list[Answer]]]:
    """Return how each question's answer is read, and the texts of it that are nobody's own."""
    kinds, known = {}, {}
    for notebook, source in sources.items():
        prose = "\n".join(cell.source for cell in source.cells if cell.cell_type == "markdown")
        for cell in source.cells:
            data = cell.metadata.get("nbgrader", {})
            if not data.get("solution"):
                continue
            name = _question(sources, notebook, data["grade_id"])
            is_code = cell.cell_type == "code"
            kinds[name] = Answer.of_code if is_code else Answer.of_prose
            texts = [cell.source, SOLUTION.sub(stub, cell.source)] if is_code else [prose]
            known[name] = [kinds[name](text) for text in texts]
    return kinds, known


def _tell(
    console: Console, comparison: Comparison, unread: Mapping[str, str], to: Path | None
) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("Students", "Score", "Most alike in"):
        table.add_column(name, justify="right" if name == "Score" else "left", overflow="fold")
    for pair in comparison.pairs[:_MOST_ROWS]:
        who = f"{visible(pair.first)}, {visible(pair.second)}"
        table.add_row(Text(who), f"{pair.score:.1f}", Text(", ".join([*pair.questions][:4])))
    count = len(comparison.pairs)
    out = "1 pair stands" if count == 1 else f"{count or 'no'} pairs stand"
    limit = f"(a score of {comparison.limit:.1f} or more)"
    console.print(f"{len(comparison.works)} students, {out} out {limit}.")
    if count:
        console.print(table)
    if count > _MOST_ROWS:
        console.print(f"… and {count - _MOST_ROWS} more.")
    if count:
        console.print(
            "They share what few others wrote; why, this cannot say. Look at the texts before you "
            "think of anything else."
        )
    for student, why in unread.items():
        console.print(Text(f"Left out: {visible(student)}: {visible(why)}"))
    console.print(Text(f"The report is in {to}." if to else "With the texts: --to report.html"))


def _as_json(assignment: str, comparison: Comparison, unread: Mapping[str, str]) -> str:
    found = {
        "assignment": assignment,
        "limit": comparison.limit,
        "pairs": [vars(pair) for pair in comparison.pairs],
        "nearest": comparison.nearest,
        "left_out": dict(unread),
    }
    return json.dumps(found, indent=1)


def _as_csv(assignment: str, comparison: Comparison, unread: Mapping[str, str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["first", "second", "score", "questions"])
    for pair in comparison.pairs:
        questions = "; ".join(f"{name} {points:.2f}" for name, points in pair.questions.items())
        who = harmless(pair.first), harmless(pair.second)
        writer.writerow([*who, f"{pair.score:.2f}", harmless(questions)])
    return file.getvalue()


def _as_html(assignment: str, comparison: Comparison, unread: Mapping[str, str]) -> str:
    width = 1 + int(max(comparison.nearest.values())) // _MOST_BINS
    bins = Counter(int(score) // width * width for score in comparison.nearest.values())
    return template("similarity.html").render(
        assignment=assignment,
        students=len(comparison.works),
        count=len(comparison.pairs),
        pairs=comparison.pairs[:_MOST_PAIRS],
        limit=comparison.limit,
        bins=[
            (start, start + width, bins[start], start >= comparison.limit)
            for start in range(min(bins), max(bins) + 1, width)
        ],
        most=max(bins.values()),
        parts=functools.partial(_parts, comparison),
        unread=unread,
    )


def _parts(
    comparison: Comparison, student: str, other: str, question: str
) -> list[tuple[str, bool]]:
    """Return an answer in parts, and of each whether the other student has it."""
    text, parts, place = comparison.works[student][question].text, [], 0
    for start, end in comparison.shared(student, other, question):
        parts += [(text[place:start], False), (text[start:end], True)]
        place = end
    return [*parts, (text[place:], False)]


_WRITERS = {".html": _as_html, ".json": _as_json, ".csv": _as_csv}
