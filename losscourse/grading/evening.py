"""`losscourse grade` on the screen: progress while it runs, and a summary for the instructor."""

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from losscourse.grading.coordinator import Coordinator, GradersGone, Outcome, Submission
from losscourse.grading.course import CannotStart, find
from losscourse.grading.gradebook import GradebookGone, Question
from losscourse.grading.states import DONE, State

__all__ = ["grade"]

GRADED, SOME_FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""

_NAME = "a student's name has at most 128 characters, all of which can be printed."
_BARS = " ▁▂▃▄▅▆▇█"
_BINS = 6  # of a histogram: no points, four quarters, all points


def grade(
    assignment: str,
    *,
    course: Path | None = None,
    students: Sequence[str] = (),
    workers: int | None = None,
    again: bool = False,
    confined: bool = True,
    cluster: str | None = None,
) -> int:
    """Grade a problem set's submissions, and tell the instructor.

    Args:
        assignment: Its name.
        course: The folder with nbgrader_config.py; None looks here and in exercises/.
        students: Whose submissions; none for all.
        workers: How many at a time; None for one a core, or for what a cluster's workers can take.
        again: Whether those that are graded and unchanged are graded again.
        confined: Whether students' code runs in the sandbox.
        cluster: A Dask scheduler's address or file, to grade there; None grades here.

    Returns:
        The exit status: 0 if all are graded, 1 if some failed, 2 if it could not start, 130 after
        Ctrl-C.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        folder = find(course)
        with (
            _graders(cluster, workers, console) as (hands, where),
            contextlib.chdir(folder),
            _alone(assignment),
            Coordinator(assignment, confined=confined, **where) as coordinator,
        ):
            coordinator.hold()
            chosen = coordinator.submissions(students)
            pending = coordinator.pending(chosen, again=again)
            _penalise(console, coordinator, chosen)
            return _run(console, coordinator, chosen, pending, hands)
    except CannotStart as reason:
        console.print(Text(str(reason), style="red"))
        return NOT_STARTED
    except GradebookGone as gone:
        console.print(Text(str(gone), style="red"))
        return SOME_FAILED


@contextlib.contextmanager
def _graders(
    cluster: str | None, most: int | None, console: Console
) -> Iterator[tuple[Callable[[], int] | int, dict[str, Any]]]:
    """Yield how many submissions to grade at a time, and what the coordinator must know of where.

    Raises:
        CannotStart: The cluster cannot be reached.
    """
    if cluster is None:
        yield most or _cores(), {}
        return
    try:
        from losscourse.grading.cluster import Cluster
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("losscourse"):
            raise
        need = f"--cluster needs {error.name}: python -m pip install 'losscourse[cluster]'"
        raise CannotStart(need) from None
    with Cluster(cluster, tell=lambda sentence: console.print(Text(sentence))) as there:

        def hands() -> int:
            return min(there.hands, most or there.hands)

        yield hands, {"make_warm": there.ready, "remote": True}


@contextlib.contextmanager
def _alone(assignment: str) -> Iterator[None]:
    """Hold the problem set for this run; the system lets go of it when the process ends."""
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    with Path(f".grading-{Path(assignment).name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"{assignment} is being graded already, by another run.") from None
        yield


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(
    console: Console,
    coordinator: Coordinator,
    chosen: Sequence[Submission],
    pending: Sequence[Submission],
    workers: Callable[[], int] | int,
) -> int:
    for name in coordinator.misnamed():
        console.print(Text(f"{name}: left out. Rename that folder: {_NAME}", style="red"))
    if skipped := len(chosen) - len(pending):
        console.print(f"{skipped} graded already and unchanged: left as they are.")
    notes: list[tuple[str, str]] = []
    status = None
    outcomes = coordinator.run(pending, workers=workers)
    with _one_interrupt():
        try:
            with _progress(console, len(pending)) as tell:
                for outcome in outcomes:
                    notes += [(outcome.submission.student, note) for note in outcome.notes]
                    tell(outcome)
        except KeyboardInterrupt:
            status = INTERRUPTED
        except (GradebookGone, GradersGone) as gone:
            console.print(Text(str(gone), style="red"))
            status = SOME_FAILED
        finally:
            outcomes.close()
        if status is not None:
            with contextlib.suppress(Exception):
                coordinator.requeue()
            console.print("Stopped. What is graded is kept; the same command goes on from here.")
            return status
    return _summary(console, coordinator, chosen, notes)


def _penalise(console: Console, coordinator: Coordinator, chosen: Sequence[Submission]) -> None:
    """Bring the late penalties of what is graded up to date."""
    if changed := coordinator.penalise(chosen):
        which = "penalty" if len(changed) == 1 else "penalties"
        console.print(f"{len(changed)} late {which} changed, without grading again.")


@contextlib.contextmanager
def _one_interrupt() -> Iterator[None]:
    """Let the first Ctrl-C stop what runs, and no other disturb the stopping."""

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[Outcome], None]]:
    """Show a bar with the time left on a terminal, else give a line for each submission."""
    if not console.is_terminal or not total:
        yield lambda outcome: console.print(_line(outcome))
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("took"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("Starting", total=total)

        def tell(outcome: Outcome) -> None:
            if outcome.state != "graded":
                bar.console.print(_line(outcome))
            bar.update(task, description="Grading", advance=1)

        yield tell


def _line(outcome: Outcome) -> Text:
    said = f": {outcome.reason}" if outcome.reason else f", {outcome.points:g} points"
    return Text(f"{outcome.submission.student}: {outcome.state}{said}")


def _summary(
    console: Console,
    coordinator: Coordinator,
    chosen: Sequence[Submission],
    notes: Sequence[tuple[str, str]],
) -> int:
    known = coordinator.states()
    mine = [known[one.student] for one in chosen]
    counts = Counter(state.state for state in mine)
    names = ("graded", "needs a person", "failed")
    console.print("\n" + ", ".join(f"{counts[name]} {_many(name, counts[name])}" for name in names))
    if not coordinator.confined:
        console.print("Students' code ran WITHOUT the sandbox (--sandbox none).", style="bold red")
    questions = coordinator.questions()
    console.print()
    console.print(_table(questions))
    for name, title in (("failed", "Not graded"), ("needs a person", "A person must look")):
        _list(console, title, [(s.student, s.reason) for s in mine if s.state == name])
    to_mark = [(q.cell, f"{q.to_mark} to mark") for q in questions if q.to_mark]
    _list(console, "To mark in formgrader", to_mark)
    said = {state.student: state.reason for state in mine}
    new = [(who, note) for who, note in notes if note not in said[who]]
    _list(console, "Out of order, for your information", new)
    _list(console, "Next", _next(coordinator.assignment, known.values(), bool(to_mark)))
    return SOME_FAILED if counts["failed"] or coordinator.misnamed() else GRADED


def _next(assignment: str, known: Iterable[State], to_mark: bool) -> list[tuple[str, str]]:
    """Return the commands that come after this one, and what for."""
    counts = Counter(state.state for state in known)
    graded = sum(counts[name] for name in DONE)
    steps = []
    if counts["failed"]:
        steps.append((f"losscourse grade {assignment}", "when the failed have handed in anew"))
    if to_mark:
        steps.append(("jupyter lab", "what waits for a mark, at Nbgrader → Formgrader"))
    if graded:
        steps.append((f"nbgrader generate_feedback {assignment}", "a page for each student"))
        steps.append((f"losscourse export {assignment} FILE", "the grades, for Canvas or Moodle"))
    if graded > 1:
        steps.append((f"losscourse similar {assignment}", "whose solutions are alike"))
    return steps


def _many(name: str, count: int) -> str:
    return "need a person" if name == "needs a person" and count != 1 else name


def _table(questions: Sequence[Question]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("Question", overflow="fold")
    for name in ("Points", "Mean", "None", "Full"):
        table.add_column(name, justify="right")
    table.add_column("From none to full")
    for question in filter(lambda question: question.most, questions):
        scores, most = question.scores, question.most
        mean = f"{sum(scores) / len(scores):.2f}" if scores else "–"
        none, full = (sum(s == end for s in scores) for end in (0, most))
        row = [f"{most:g}", mean, str(none), str(full), f"|{_histogram(scores, most)}|"]
        table.add_row(Text(question.cell), *row)
    return table


def _histogram(scores: Sequence[float], most: float) -> str:
    """Return bars: how many have no points, how many each quarter of them, how many all."""
    counts = Counter(_bin(score, most) for score in scores)
    highest = max(counts.values(), default=1)
    return "".join(_BARS[-(-8 * counts[place] // highest)] for place in range(_BINS))


def _bin(score: float, most: float) -> int:
    if score >= most:
        return _BINS - 1
    return 0 if score <= 0 else 1 + int((_BINS - 2) * score / most)


def _list(console: Console, title: str, lines: Sequence[tuple[str, str]]) -> None:
    if lines:
        console.print(Text(f"\n{title}", style="bold"))
    for who, what in lines:
        console.print(Text(f"  {who}: {what}"))
