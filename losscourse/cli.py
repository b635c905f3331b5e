"""The command `losscourse`: problem sets for students, and what the instructor's machine needs.

Whatever takes long to import is imported by the function that needs it, so that `--help` and
`--version` answer at once.
"""

import contextlib
import json
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module, resources
from pathlib import Path
from subprocess import DEVNULL
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from losscourse import __version__

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from nbformat import NotebookNode
    from rich.console import Console

    from losscourse.grading.judge import Verdict
    from losscourse.grading.warm import Warm

__all__ = ["app"]

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130
"""Exit statuses: a question fails, there is nothing to check, Ctrl-C."""

COURSE = "The folder with nbgrader_config.py. Default: this one, or exercises/."
"""What --course is."""

SAID_BY_TESTS = {"AssertionError", "CheckFailed"}
"""Errors whose message is a test's own words, which need no name before them."""

LONGEST_MESSAGE = 2000
"""Characters of a failed test's message that are shown."""

app = typer.Typer(
    help="Work on the problem sets of the course on loss functions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"losscourse {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def _stop(message: str, status: int = UNUSABLE) -> NoReturn:
    typer.secho(message, err=True, fg="red")
    raise typer.Exit(status)


# --- start ---------------------------------------------------------------------------------------


@app.command()
def start(
    problem_set: Annotated[str, typer.Argument(metavar="SET", help="Its name, such as ps01.")],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew; your old notebook gets another name.")
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only write the notebook; don't start JupyterLab.")
    ] = False,
) -> None:
    """Put a problem set's notebook into this folder and open it in JupyterLab."""
    source = _carried(problem_set)
    if source is None:
        known = ", ".join(_carried_sets())
        _stop(
            f"There is no problem set {problem_set!r}. There is: {known}."
            if known
            else "This installation carries no problem sets. Install the wheel that the course's "
            "site offers; in the repository, run `make exercises`."
        )
    notebook = _existing(Path(problem_set)) or Path(problem_set, f"{problem_set}.ipynb")
    if notebook.exists() and not fresh:
        typer.echo(f"{notebook} is here already and stays as it is (--fresh begins anew).")
    else:
        if notebook.exists():
            typer.echo(f"Your old notebook is now {_put_aside(notebook)}.")
        notebook.parent.mkdir(parents=True, exist_ok=True)
        notebook.write_bytes(source)
        typer.echo(f"Wrote {notebook}.")
    _put_beside(notebook, _carried_files(problem_set))
    if not no_open:
        _open_in_jupyterlab(notebook)


def _carried_folder() -> "Traversable":
    return resources.files("losscourse") / "notebooks"


def _carried_sets() -> list[str]:
    """The problem sets whose notebooks are in the package."""
    folder = _carried_folder()
    if not folder.is_dir():
        return []
    return sorted(x.name for x in folder.iterdir() if (x / f"{x.name}.ipynb").is_file())


def _carried(problem_set: str) -> bytes | None:
    """The notebook of a set as the package carries it, or None for an unknown name."""
    if problem_set not in _carried_sets():
        return None
    return (_carried_folder() / problem_set / f"{problem_set}.ipynb").read_bytes()


def _carried_files(problem_set: str) -> dict[str, bytes]:
    """The files that come with a set's notebook, by their paths from it; notebooks are none."""
    if problem_set not in _carried_sets():
        return {}
    found, folders = {}, [("", _carried_folder() / problem_set)]
    while folders:
        above, folder = folders.pop()
        for entry in folder.iterdir():
            if entry.is_dir():
                folders.append((f"{above}{entry.name}/", entry))
            elif not entry.name.endswith(".ipynb"):
                found[above + entry.name] = entry.read_bytes()
    return found


def _put_beside(notebook: Path, files: dict[str, bytes]) -> None:
    """Write a set's files beside its notebook, but over none that is there."""
    for name, content in sorted(files.items()):
        path = notebook.parent / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            typer.echo(f"Wrote {path}.")
        elif path.read_bytes() != content:
            typer.echo(f"{path} is not the file that came with the set, and stays as it is.")


def _put_aside(notebook: Path) -> Path:
    """Rename a notebook to the first free name of the form ps01-old-1.ipynb."""
    number = 1
    while (aside := notebook.with_name(f"{notebook.stem}-old-{number}.ipynb")).exists():
        number += 1
    return notebook.rename(aside)


def _open_in_jupyterlab(notebook: Path) -> None:
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        _stop(f"JupyterLab is missing here: `pip install jupyterlab`, then open {notebook}.")
    typer.echo("Starting JupyterLab. Ctrl-C here ends it; save your notebook first.")
    LabApp.launch_instance(argv=[str(notebook), f"--ServerApp.root_dir={Path.cwd()}"])


# --- check ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Result:
    """What came of one graded cell."""

    question: str
    test: str
    points: float
    state: str
    message: str = ""
    written: bool = False


@dataclass(frozen=True)
class _Checked:
    """What came of a notebook: of its graded cells, and what else is to be told, with titles."""

    results: list[_Result]
    notes: list[tuple[str, str]]


PASSED = "passed"
FAILS = "failed"
UNANSWERED = "not answered yet"
BY_HAND = "marked by hand"
NOT_RUN = "not run"

COLOURS = {PASSED: "green", FAILS: "red", UNANSWERED: "yellow", BY_HAND: "blue", NOT_RUN: "red"}


@app.command()
def check(
    notebook: Annotated[
        Path, typer.Argument(help="Your notebook: ps01/ps01.ipynb, or ps01 for short.")
    ],
    seconds: Annotated[
        float, typer.Option(min=1, help="The time limit of each cell, in seconds.")
    ] = 60,
) -> None:
    """Run a notebook from top to bottom, as the grader does, and report on every question.

    The exit status is 0 if every question that carries points is answered and passes, else 1.
    """
    from rich.console import Console

    console = Console(highlight=False)
    path = _existing(notebook)
    if path is None and (inside := sorted(notebook.glob("*.ipynb"))):
        _stop(f"{notebook}: is a folder. Name the notebook in it, such as {inside[0]}.")
    if path is None:
        _stop(f"{notebook}: no such notebook in {Path.cwd()}. `losscourse start` makes one.")
    nb = _read(path)
    original = _carried(path.stem)
    release = _parse(original) if original else None
    if not any(_is_test(cell) for book in (nb, release) if book for cell in book.cells):
        _stop(f"{path}: has no graded cells, so it is no problem set's notebook.")
    try:
        checked = _judge(path, nb, release, seconds, console)
        if isinstance(checked, str):
            console.print(f"Checked without the grader's sandbox: {checked}.", markup=False)
            checked = _run_in_kernel(nb, release, _carried_files(path.stem), seconds, console)
    except KeyboardInterrupt:
        _stop("Stopped. Nothing was changed.", INTERRUPTED)
    _report(console, path, checked)
    if any(x.points and x.state not in (PASSED, BY_HAND) for x in checked.results):
        raise typer.Exit(FAILED)


def _existing(path: Path) -> Path | None:
    """The notebook that `path` means, if it is there: itself, or ps01/ps01.ipynb for ps01."""
    inside = path.with_suffix("") / f"{path.stem}.ipynb"
    beside = path.with_suffix(".ipynb")
    return next((x for x in (path, inside, beside) if x.is_file()), None)


def _parse(content: bytes) -> "NotebookNode":
    import nbformat

    return nbformat.reads(content.decode("utf-8"), as_version=4)


def _read(path: Path) -> "NotebookNode":
    """Read a notebook, or say in one line why it cannot be read."""
    import nbformat

    try:
        content = path.read_bytes()
    except OSError as error:
        _stop(f"{path}: cannot be read: {error.strerror}.")
    try:
        json.loads(content)
        nb = _parse(content)
        nbformat.validate(nb)
    except ValueError as error:
        _stop(f"{path}: the file is damaged or no notebook: {_first_line(error)}.")
    except Exception as error:  # nbformat raises AttributeError, KeyError … on JSON of other kinds
        _stop(f"{path}: is JSON, but no notebook: {_first_line(error)}.")
    return nb


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__


def _meta(cell: "NotebookNode") -> dict[str, Any]:
    return cell.metadata.get("nbgrader", {})


def _is_test(cell: "NotebookNode") -> bool:
    """Whether nbgrader scores this cell by running it."""
    meta = _meta(cell)
    return bool(meta.get("grade")) and not meta.get("solution") and cell.cell_type == "code"


def _is_by_hand(cell: "NotebookNode") -> bool:
    meta = _meta(cell)
    return bool(meta.get("grade")) and bool(meta.get("solution"))


# --- check, through the grader ---


_NOT_RUN = re.compile(r"This was not run, for (what happened in .*)", re.DOTALL)
"""How the judge says that the student's process was gone before."""


def _judge(
    path: Path,
    nb: "NotebookNode",
    release: "NotebookNode | None",
    seconds: float,
    console: "Console",
) -> _Checked | str:
    """Let the grader run the notebook with its visible tests, or say why it cannot."""
    from losscourse.doctor import sandbox_lack

    if release is None:
        return "this package carries no problem set of that name"
    if lack := sandbox_lack():
        return lack.partition(": ")[0]
    from losscourse.grading.rebuild import Unreadable, read, rebuild

    try:
        rebuilt = rebuild(release, read(path.read_bytes()))
    except Unreadable as fault:
        _stop(f"{path}: {fault}.")
    with console.status("Running your notebook"), _warm() as warm:
        files = _carried_files(path.stem)
        report = warm.grade(rebuilt.steps, rebuilt.names, files=files, cell_seconds=seconds)
    if report.state == "failed":
        return f"the grader could not go on ({_plain(report.reason)})"
    notes, outcomes, not_run = [], {}, ""
    for verdict in report.verdicts:
        if found := _NOT_RUN.match(verdict.message):
            outcomes[verdict.cell] = NOT_RUN, ""
            not_run = f"Nothing was run after {found[1]}"
        elif verdict.kind == "test":
            outcomes[verdict.cell] = _scored(verdict)
        elif verdict.message and not _is_unwritten(verdict.message):
            title = f"{_place(nb, verdict.cell)} stops with an error"
            notes.append((title, _plain(verdict.message)))
    if not_run:
        notes.append(("The run ended early", _plain(not_run)))
    if rebuilt.notes or rebuilt.doubts:
        notes.append(("Out of order in your notebook", "\n".join(rebuilt.notes + rebuilt.doubts)))
    return _Checked(_results(release, release, rebuilt.texts, outcomes), notes)


@contextlib.contextmanager
def _warm() -> "Iterator[Warm]":
    from losscourse.grading.warm import Warm

    with Warm() as warm:
        yield warm


def _scored(verdict: "Verdict") -> tuple[str, str]:
    """The state and the message of a test that was judged."""
    if _is_unwritten(verdict.message):
        return UNANSWERED, ""
    if verdict.score is None:
        return BY_HAND, _plain(verdict.message)
    if verdict.score < verdict.points or verdict.message:
        part = f"{verdict.score:g} of {verdict.points:g} points."
        return FAILS, _plain(verdict.message or part)
    return PASSED, ""


def _is_unwritten(message: str) -> bool:
    return bool(re.search(r"\bNotImplementedError\b", message))


def _place(nb: "NotebookNode", name: str) -> str:
    """Say where a cell stands that the grader names by its place or as nbgrader does."""
    if found := re.fullmatch(r"cell (\d+)", name):
        return _where(nb, int(found[1]) - 1)
    named = [index for index, cell in enumerate(nb.cells) if _meta(cell).get("grade_id") == name]
    return _where(nb, named[-1]) if named else f"The cell {name}"


# --- check, in a kernel, where the sandbox is not ---


def _silent() -> logging.Logger:
    """Return a logger of our own that says nothing: nbclient's is shared by all that runs here."""
    logger = logging.getLogger("losscourse.check")
    logger.disabled = True
    return logger


def _run_in_kernel(
    nb: "NotebookNode",
    release: "NotebookNode | None",
    files: dict[str, bytes],
    seconds: float,
    console: "Console",
) -> _Checked:
    missing = _restore_tests(nb, release) if release else []
    trouble = _run(nb, files, seconds, console)
    notes = [(f"{where} stops with an error", text) for where, text in _broken_cells(nb)]
    if trouble:
        notes.append(("The run ended early", f"{trouble} The cells after it did not run."))
    texts = {_meta(cell)["grade_id"]: cell.source for cell in nb.cells if _is_by_hand(cell)}
    outcomes = {_meta(cell)["grade_id"]: _outcome(cell) for cell in nb.cells if _is_test(cell)}
    return _Checked([*_results(nb, release, texts, outcomes), *missing], notes)


def _restore_tests(nb: "NotebookNode", release: "NotebookNode") -> list[_Result]:
    """Put the original tests back, as the grader does, and return those with no cell to go to."""
    own = {_meta(cell)["grade_id"]: cell for cell in nb.cells if _meta(cell).get("grade_id")}
    missing = []
    for question, cell in _under_headings(release):
        if not _meta(cell).get("grade"):
            continue
        name = _meta(cell)["grade_id"]
        if name not in own:
            lost = "This cell is gone from your notebook. Copy it back from a fresh notebook."
            missing.append(_Result(question, name, float(_meta(cell)["points"]), FAILS, lost))
        elif _is_test(cell):
            own[name].source = cell.source
    return missing


def _run(nb: "NotebookNode", files: dict[str, bytes], seconds: float, console: "Console") -> str:
    """Execute the notebook in place, in a folder with these files; say what stopped it, if any."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    bar = Progress(
        TextColumn("Running your notebook"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells"),
        console=console,
        transient=True,
    )
    with _folder_with(files) as folder, bar:
        client = NotebookClient(
            nb,
            kernel_name="python3",
            allow_errors=True,
            timeout=seconds,
            resources={"metadata": {"path": folder}},
            log=_silent(),
        )
        task = bar.add_task("", total=len(nb.cells))
        # What the kernel itself prints, as on Ctrl-C, would only puzzle: outputs are in the cells.
        with client.setup_kernel(stdout=DEVNULL, stderr=DEVNULL):
            for index, cell in enumerate(nb.cells):
                try:
                    client.execute_cell(cell, index)
                except CellTimeoutError:
                    return f"{_where(nb, index)} ran for more than {seconds:g} s."
                except DeadKernelError:
                    return f"{_where(nb, index)} ended the Python process (too much memory?)."
                bar.advance(task)
    return ""


@contextlib.contextmanager
def _folder_with(files: dict[str, bytes]) -> Iterator[str]:
    """A temporary folder: the grader has no other files of the student's, so the check has none."""
    folder = tempfile.mkdtemp(prefix="losscourse-check-")
    try:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _where(nb: "NotebookNode", index: int) -> str:
    code_cells = sum(cell.cell_type == "code" for cell in nb.cells[: index + 1])
    return f"Code cell {code_cells}, under “{_headings(nb)[index]}”,"


def _headings(nb: "NotebookNode") -> list[str]:
    """For each cell, the last heading at or above it."""
    headings, current = [], "the top of the notebook"
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+\s+(.+?)\s*#*$", cell.source, flags=re.MULTILINE)
            current = found[-1] if found else current
        headings.append(current)
    return headings


def _under_headings(nb: "NotebookNode") -> Iterator[tuple[str, "NotebookNode"]]:
    return zip(_headings(nb), nb.cells, strict=True)


def _results(
    nb: "NotebookNode",
    release: "NotebookNode | None",
    texts: dict[str, str],
    outcomes: dict[str, tuple[str, str]],
) -> list[_Result]:
    """The result of each graded cell of `nb`, of the written answers and the tests' outcomes."""
    untouched = {
        _meta(cell)["grade_id"]: cell.source
        for cell in (release.cells if release else [])
        if _is_by_hand(cell)
    }
    results = []
    for question, cell in _under_headings(nb):
        name = _meta(cell).get("grade_id", "")
        if _is_test(cell):
            state, message = outcomes[name]
        elif _is_by_hand(cell):
            blank = texts[name].strip() in ("", untouched.get(name, "").strip())
            state, message = (UNANSWERED if blank else BY_HAND), ""
        else:
            continue
        points = float(_meta(cell)["points"])
        results.append(_Result(question, name, points, state, message, _is_by_hand(cell)))
    return results


def _outcome(cell: "NotebookNode") -> tuple[str, str]:
    """The state and the message of an executed test; what it prints or warns of changes nothing."""
    for output in cell.outputs:
        if output.output_type == "error":
            if _is_unwritten(f"{output.ename} {output.evalue}"):
                return UNANSWERED, ""
            if output.ename == "KeyboardInterrupt":
                return FAILS, "It did not end in time: is there an endless loop?"
            prefix = "" if output.ename in SAID_BY_TESTS else f"{output.ename}: "
            return FAILS, _plain(prefix + (output.evalue or "the test failed"))
    return (NOT_RUN, "") if cell.execution_count is None else (PASSED, "")


def _broken_cells(nb: "NotebookNode") -> list[tuple[str, str]]:
    """Where the student's own cells stop, and with what."""
    return [
        (_where(nb, index), _plain(f"{output.ename}: {output.evalue}"))
        for index, cell in enumerate(nb.cells)
        if cell.cell_type == "code" and not _is_test(cell)
        for output in cell.outputs
        if output.output_type == "error" and output.ename != "NotImplementedError"
    ]


def _plain(text: str) -> str:
    """Text without terminal colours, of bounded length."""
    text = re.sub(r"[\x1b\ufffd]\[[0-9;]*[A-Za-z]", "", text).strip()
    return text if len(text) <= LONGEST_MESSAGE else text[:LONGEST_MESSAGE] + " …"


# --- check, the report ---


def _report(console: "Console", path: Path, checked: _Checked) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(title=escape(str(path)), title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("Question and test", overflow="fold")
    table.add_column("Points", justify="right")
    table.add_column("Result", no_wrap=True)
    question = None
    for result in checked.results:
        if result.question != question:
            question = result.question
            table.add_row(Text(question, style="bold"))
        state = Text(result.state, style=COLOURS[result.state])
        table.add_row(Text(f"  {result.test}"), f"{result.points:g}", state)
    console.print(table)

    messages = [(result.test, result.message) for result in checked.results if result.message]
    for title, text in [*checked.notes, *messages]:
        console.print(Text.assemble("\n", (title, "bold"), "\n", text))
    _summary(console, checked.results)


def _summary(console: "Console", results: list[_Result]) -> None:
    tests = [result for result in results if result.points and not result.written]
    passed = sum(result.state == PASSED for result in tests)
    console.print(
        f"\n{passed} of {len(tests)} tests pass. These are the visible ones; when your work is "
        "graded, hidden tests of the same requirements come on top."
    )


# --- grade ---------------------------------------------------------------------------------------


@app.command()
def grade(
    problem_set: Annotated[str, typer.Argument(metavar="SET", help="Its name, such as ps01.")],
    course: Annotated[Path | None, typer.Option(help=COURSE)] = None,
    student: Annotated[
        list[str] | None, typer.Option(help="Only this student; may be given several times.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many at a time. Default: one a core.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that are graded and unchanged.")
    ] = False,
    sandbox: Annotated[
        str, typer.Option(metavar="on|none", help="none runs students' code with all your rights.")
    ] = "on",
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Grade on a Dask cluster: its scheduler's address, as tcp://host:8786, or file.",
        ),
    ] = None,
) -> None:
    """Grade what a class has handed in, on all cores; stopped or killed, it goes on where it was.

    The exit status is 0 if all are graded, 1 if some failed, 2 if it could not start.
    """
    if sandbox not in ("on", "none"):
        _stop(f"--sandbox is on or none, not {sandbox}.")
    status = _teaching("evening").grade(
        problem_set,
        course=course,
        students=student or [],
        workers=workers,
        again=again,
        confined=sandbox == "on",
        cluster=cluster,
    )
    raise typer.Exit(status)


def _teaching(module: str) -> ModuleType:
    """Import a module of the grader, or say what an instructor's machine lacks for it."""
    try:
        return import_module(f"losscourse.grading.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("losscourse"):
            raise
        _stop(f"Grading needs {error.name}: python -m pip install 'losscourse[teach]'")


# --- export ---------------------------------------------------------------------------------------


@app.command()
def export(
    problem_set: Annotated[str, typer.Argument(metavar="SET", help="Its name, such as ps01.")],
    file: Annotated[
        Path, typer.Argument(help="The CSV that you downloaded from Canvas or Moodle.")
    ],
    to: Annotated[
        Path | None, typer.Option(help="The file to write. Default: NAME-SET.csv beside it.")
    ] = None,
    course: Annotated[Path | None, typer.Option(help=COURSE)] = None,
    column: Annotated[
        str | None, typer.Option(help="The grades' column. Default: the one that names SET.")
    ] = None,
    match: Annotated[
        str | None,
        typer.Option(help="The column with the gradebook's id, email or lms_user_id of a student."),
    ] = None,
    missing: Annotated[
        float | None, typer.Option(min=0, help="The points of those who handed in nothing.")
    ] = None,
    unmarked: Annotated[
        bool, typer.Option("--unmarked", help="Also scores that still lack a written answer's.")
    ] = False,
    scale: Annotated[
        bool, typer.Option("--scale", help="Multiply the scores where the maximum there differs.")
    ] = False,
) -> None:
    """Write a problem set's grades into the CSV of Canvas or Moodle, ready to be uploaded.

    No other byte of the file changes, and a student without a grade keeps the cell as it is. The
    exit status is 0 if all who have a grade are in the file, 1 if someone is not, 2 if nothing was
    written.
    """
    status = _teaching("platforms").export(
        problem_set,
        file,
        course=course,
        to=to,
        column=column,
        key=match,
        missing=missing,
        unmarked=unmarked,
        scale=scale,
    )
    raise typer.Exit(status)


# --- similar --------------------------------------------------------------------------------------


@app.command()
def similar(
    problem_set: Annotated[str, typer.Argument(metavar="SET", help="Its name, such as ps01.")],
    to: Annotated[
        Path | None,
        typer.Option(help="A file: report.html with the texts, or the pairs as .json or .csv."),
    ] = None,
    course: Annotated[Path | None, typer.Option(help=COURSE)] = None,
) -> None:
    """List whose solutions are more alike than is usual in the class, for a person to look at.

    It accuses nobody, and runs no code. The exit status is 0, or 2 if it could not start.
    """
    raise typer.Exit(_teaching("similarity").similar(problem_set, course=course, to=to))


# --- doctor --------------------------------------------------------------------------------------


@app.command()
def doctor(
    student: Annotated[
        bool, typer.Option("--student", help="Look only at what a student needs.")
    ] = False,
) -> None:
    """See whether all that grading needs is here, and what mends the rest.

    The exit status is 0 if nothing is missing, else 1.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from losscourse.doctor import LACKING, NOTED, THERE, examine

    findings = examine(Path.cwd(), _carried_sets(), student=student)
    colours = {THERE: "green", NOTED: "yellow", LACKING: "red"}
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for finding in findings:
        state = Text(finding.state, style=colours[finding.state])
        table.add_row(Text(finding.what, style="bold"), state, Text(finding.found))
    console = Console(highlight=False)
    console.print(table)
    mends = [finding.mend for finding in findings if finding.mend]
    for line in ["\nWhat to do:", *(f"  {mend}" for mend in mends)] if mends else []:
        console.print(Text(line), soft_wrap=True)
    lacking = any(finding.state == LACKING for finding in findings)
    whom = "you need" if student else "grading needs"
    console.print(f"\n{'Not all' if lacking else 'All'} that {whom} is here.")
    if lacking:
        raise typer.Exit(FAILED)
