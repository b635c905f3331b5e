"""`losscourse grade`: a class's submissions, graded on all cores, and none of them lost.

A thread for each warm parent reads a submission, lets the parent grade it and writes the graded
notebook beside its place. The main thread alone touches the gradebook: it puts the notebook in its
place, then writes state, scores, comments and penalty in one transaction. Whatever is killed, and
whenever, the next run grades what has no grades yet.
"""

import contextlib
import queue
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties

from losscourse.grading import sandbox, states
from losscourse.grading.course import CannotStart, read_config
from losscourse.grading.execute import RunElsewhere, fill_in, steps_of
from losscourse.grading.files import Folders, TooMuchData, digest
from losscourse.grading.gradebook import (
    GradebookGone,
    Grades,
    HandedOut,
    Marks,
    Question,
    open_gradebook,
)
from losscourse.grading.intake import put_together, read_source
from losscourse.grading.judge import Report
from losscourse.grading.rebuild import Unreadable, choose, handed_in, solution_names
from losscourse.grading.states import State
from losscourse.grading.warm import Warm

__all__ = ["Coordinator", "GradersGone", "Outcome", "Submission"]


_MOST_TIMESTAMP = 1000  # bytes of a timestamp.txt


class GradersGone(Exception):
    """Nobody is left to grade, and nobody will come; the message says why."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Args:
        student: Whose it is.
        folder: Where it lies.
        digest: Of its files, the assignment's source and the settings that a score depends on.
    """

    student: str
    folder: Path
    digest: str


@dataclass
class Outcome:
    """What came of one submission.

    Args:
        submission: The submission.
        state: "graded", "needs a person" or "failed".
        reason: Why, for the last two.
        notes: What was out of order in its notebooks.
        marks: By notebook; one that is not there is missing.
    """

    submission: Submission
    state: str = "graded"
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    marks: dict[str, Marks] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """The points of all cells that have a score."""
        return sum(s or 0.0 for marks in self.marks.values() for s, _ in marks.scores.values())


class Coordinator:
    """Grades an assignment's submissions.

    Args:
        assignment: Its name.
        course: The folder with nbgrader_config.py; the process must be in it, as for nbgrader.
        confined: Whether students' code runs in the sandbox.
        make_warm: Makes a warm parent, or what stands for one.
        remote: Whether that is on other machines, which have sandboxes of their own.

    Raises:
        CannotStart: There is no such assignment, it is not generated, the sandbox is missing, or
            the gradebook cannot be opened.
    """

    def __init__(
        self,
        assignment: str,
        *,
        course: Path = Path(),
        confined: bool = True,
        make_warm: Callable[..., Warm] = Warm,
        remote: bool = False,
    ):
        self.assignment = assignment
        self._config = read_config(course)
        self._course = CourseDirectory(config=self._config)
        elsewhere = RunElsewhere(config=self._config)
        self.confined = confined and elsewhere.sandbox
        if self.confined and not remote and (lack := sandbox.missing()):
            raise CannotStart(
                f"Nothing is graded without the sandbox: {lack}. To run students' code with all "
                "your rights, which it can then use, say --sandbox none."
            )
        self._make_warm = make_warm
        self._seconds = {
            "cell_seconds": elsewhere.cell_seconds,
            "total_seconds": elsewhere.total_seconds,
        }
        own = self._config.get("Autograde", {}).get("exclude_overwriting", {})
        self._folders = Folders(self._course, assignment, own.get(assignment, []))
        source = self._folders.source
        if not source.is_dir():
            known = sorted(path.name for path in source.parent.glob("*") if path.is_dir())
            there = f"There is: {', '.join(known)}." if known else f"See {source.parent}."
            raise CannotStart(f"There is no assignment {assignment!r}. {there}")
        late = AssignLatePenalties(config=self._config)
        late.init_plugin()
        book = open_gradebook(self._course.db_url, self._course.course_id)
        self._grades = Grades(book, assignment, late.plugin_inst)
        self._sources = self._read_sources()
        try:
            self._data = self._folders.data()
        except TooMuchData as error:
            raise CannotStart(str(error)) from None

    def close(self) -> None:
        """Close the gradebook."""
        self._grades.close()

    def hold(self) -> None:
        """Hold the assignment until this is closed, on all machines that share the gradebook.

        Raises:
            CannotStart: Another run holds it.
        """
        if not self._grades.hold():
            raise CannotStart(f"{self.assignment} is being graded already, on another machine.")

    def __enter__(self) -> "Coordinator":
        """Return the coordinator itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    # --- what there is to do ----------------------------------------------------------------------

    def _read_sources(self) -> dict[str, nbformat.NotebookNode]:
        """Return the instructor's notebooks by their names, as they were handed out."""
        again = f"Run: nbgrader generate_assignment {self.assignment}"
        if not self._grades.notebooks:
            raise CannotStart(f"{self.assignment} is not in the gradebook yet. {again}")
        found = {}
        for notebook in self._grades.notebooks:
            names = {"assignment": self.assignment, "notebook": notebook.name}
            try:
                source = read_source(self._config, {"nbgrader": names})
            except FileNotFoundError:
                raise CannotStart(
                    f"{self._folders.source} holds no {notebook.name}.ipynb. {again}"
                ) from None
            except NbGraderException as error:
                raise CannotStart(f"{error}.") from None
            if changed := _changed(source, notebook):
                raise CannotStart(
                    f"{notebook.name}.ipynb has changed at {changed} since it was handed out. "
                    f"{again} --force"
                )
            found[notebook.name] = source
        return found

    def submissions(self, students: Sequence[str] = ()) -> list[Submission]:
        """Return what was handed in, in the order of the students' names.

        Args:
            students: Whose; none for all.

        Raises:
            CannotStart: One of them has handed in nothing, or nobody has.
        """
        found, pattern = self._folders.handed_in(), self._folders.submitted
        found = {name: folder for name, folder in found.items() if _can_be_named(name)}
        if absent := sorted(set(students) - set(found)):
            raise CannotStart(f"{', '.join(absent)}: handed in nothing at {pattern}")
        excluded = set(self._course.student_id_exclude.split(","))
        chosen = sorted(set(students or found) - excluded)
        if not chosen:
            raise CannotStart(f"Nobody has handed in {self.assignment}: {pattern} matches nothing.")
        settings = f"{self._seconds} {self.confined}"
        same = digest(self._folders.source, self._course.ignore, settings, links=True)
        return [
            Submission(name, found[name], digest(found[name], self._course.ignore, same))
            for name in chosen
        ]

    def misnamed(self) -> list[str]:
        """Return the submissions that are left out, because no student can have their names."""
        return sorted(ascii(name) for name in self._folders.handed_in() if not _can_be_named(name))

    def states(self) -> dict[str, State]:
        """Return how far each student's submission has come."""
        return self._grades.states()

    def questions(self) -> list[Question]:
        """Return the class's scores, question by question, of all submissions with grades."""
        return self._grades.questions()

    def penalise(self, submissions: Iterable[Submission]) -> list[str]:
        """Set the late penalties anew, by the due date and the late policy of now; run nothing.

        Args:
            submissions: Of which.

        Returns:
            The students whose penalty is another now.

        Raises:
            CannotStart: The late policy fails.
            GradebookGone: The gradebook cannot be reached any more.
        """
        try:
            return self._grades.penalise({one.student for one in submissions})
        except GradebookGone:
            raise
        except Exception as error:  # of a plugin
            raise CannotStart(f"The late policy fails: {type(error).__name__}: {error}") from error

    def requeue(self) -> None:
        """Say of what was running that it waits."""
        self._grades.requeue()

    def pending(self, submissions: Iterable[Submission], *, again: bool) -> list[Submission]:
        """Return those that have no grades for what they hold now.

        Args:
            submissions: Out of which.
            again: Return all of them.
        """
        known = self.states()
        return [one for one in submissions if again or not self._is_done(one, known)]

    def _is_done(self, submission: Submission, known: dict[str, State]) -> bool:
        state = known.get(submission.student)
        return (
            state is not None
            and state.state in states.DONE
            and state.digest == submission.digest
            and self._folders.autograded(submission.student).is_dir()
        )

    # --- the run ----------------------------------------------------------------------------------

    def run(
        self, submissions: Sequence[Submission], *, workers: Callable[[], int] | int = 1
    ) -> Iterator[Outcome]:
        """Grade submissions; yield each outcome when it is in the gradebook.

        Closing the iterator, as an exception in its loop does, ends the parents and all that they
        run.

        Args:
            submissions: Which.
            workers: How many warm parents; a function is asked again after each outcome, and more
                are made when it says so.

        Raises:
            GradebookGone: The gradebook cannot be reached any more.
            GradersGone: Nobody is left to grade.
        """
        waiting = list(reversed(submissions))
        jobs: queue.SimpleQueue[Submission] = queue.SimpleQueue()
        done: queue.SimpleQueue[Outcome | GradersGone] = queue.SimpleQueue()
        hands: list[_Hand] = []

        def take(free: int) -> list[Submission]:
            """Return what so many free hands take next, and new ones where there are too few."""
            taken = [waiting.pop() for _ in range(min(free, len(waiting)))]
            while waiting and len(hands) < (workers if isinstance(workers, int) else workers()):
                hands.append(_Hand(self, jobs, done))
                hands[-1].start()
                taken.append(waiting.pop())
            return taken

        try:
            first = take(0) + take(1)  # one ahead: no hand waits while a gradebook is written
            self._grades.enqueue([_state(one, "queued") for one in submissions])
            self._grades.record(*(_state(one, "running") for one in first))
            for submission in first:
                jobs.put(submission)
            for _ in submissions:
                outcome = done.get()
                if isinstance(outcome, GradersGone):
                    raise outcome
                following = take(1)
                for submission in following:
                    jobs.put(submission)
                self._save(outcome, [_state(one, "running") for one in following])
                yield outcome
        finally:
            for hand in hands:
                hand.close()

    def _save(self, outcome: Outcome, others: Sequence[State]) -> None:
        """Put the graded notebooks in their place, then all that is to be known in the gradebook.

        What goes wrong with this submission alone, such as a folder's rights, is its outcome.
        """
        one = outcome.submission
        try:
            self._folders.put_in_place(one.student, there=outcome.state != "failed")
            state = _state(one, outcome.state, outcome.reason)
            when = _timestamp(self._course, one.folder)
            self._grades.save(state, outcome.marks, when, *others)
        except GradebookGone:
            raise
        except Exception as error:
            outcome.state = "failed"
            outcome.reason = f"its grades were not saved: {type(error).__name__}: {error}"
            self._grades.record(_state(one, "failed", outcome.reason), *others)

    # --- in a thread of its own -------------------------------------------------------------------

    def examine(self, submission: Submission, grade: Callable[..., Report]) -> Outcome:
        """Grade a submission, and leave the graded notebooks beside their place.

        Args:
            submission: The submission.
            grade: `Warm.grade`, or what stands for it.

        Returns:
            What came of it; whatever goes wrong is its state, and no exception.

        Raises:
            GradersGone: Nobody is left to grade it.
        """
        outcome = Outcome(submission)
        try:
            graded = self._grade(submission, grade, outcome)
            if outcome.state != "failed":
                self._folders.write(submission.student, submission.folder, graded)
        except Unreadable as error:
            outcome.state, outcome.reason = "failed", str(error)
        except GradersGone:
            raise
        except Exception as error:
            outcome.state, outcome.reason = "failed", f"{type(error).__name__}: {error}"[:2000]
        return outcome

    def _grade(
        self, submission: Submission, grade: Callable[..., Report], outcome: Outcome
    ) -> dict[str, nbformat.NotebookNode]:
        graded, reasons = {}, []
        names = {f"{name}.ipynb" for name in self._sources}
        for notebook in self._grades.notebooks:
            source = self._sources[notebook.name]
            mine = handed_in(submission.folder, names - {f"{notebook.name}.ipynb"})
            if not mine and len(names) > 1:
                outcome.notes.append(f"{notebook.name}.ipynb is missing, and counts as 0")
                continue
            rebuilt = choose(source, mine, f"{notebook.name}.ipynb")
            nb = put_together(source, rebuilt)
            asked = solution_names(source)
            report = grade(steps_of(nb), asked, files=self._data, **self._seconds)
            report = rebuilt.marked(report)
            outcome.notes += report.notes
            if report.state == "failed":
                outcome.state, outcome.reason = "failed", f"the grader failed: {report.reason}"
                return {}
            if report.state != "graded":
                outcome.state = report.state
                reasons.append(report.reason)
            fill_in(nb, report)
            for cell in nb.cells:
                if name := cell.metadata.get("nbgrader", {}).get("grade_id"):
                    cell.metadata.nbgrader["checksum"] = notebook.checksums[name]
            outcome.marks[notebook.name] = Marks(
                _scores(nb, report, bool(rebuilt.doubts)), _blank(nb)
            )
            graded[notebook.name] = nb
        if not graded:
            raise Unreadable("there is no notebook of this assignment")
        outcome.reason = "; ".join(reasons)
        return graded


class _Hand(threading.Thread):
    """A thread with a warm parent: takes submissions until there are no more."""

    def __init__(self, coordinator: Coordinator, jobs: queue.SimpleQueue, done: queue.SimpleQueue):
        super().__init__(daemon=True)
        self._coordinator, self._jobs, self._done = coordinator, jobs, done
        self._closed, self._lock = False, threading.Lock()
        self._warm = self._new()

    def _new(self) -> Warm:
        return self._coordinator._make_warm(confined=self._coordinator.confined)

    def run(self) -> None:
        while not self._closed:
            try:
                self._done.put(self._coordinator.examine(self._jobs.get(), self._grade))
            except GradersGone as gone:
                self._done.put(gone)

    def _grade(self, *args: Any, **named: Any) -> Report:
        """Grade; once more, in a new parent if the old one died, where the grader itself failed."""
        report = self._warm.grade(*args, **named)
        if report.state != "failed":
            return report
        with self._lock:
            if self._closed:
                return report
            if not self._warm.alive:
                self._warm.close()
                self._warm = self._new()
        return self._warm.grade(*args, **named)

    def close(self) -> None:
        """End the parent and, when it next looks, the thread."""
        with self._lock:
            self._closed = True
            self._warm.close()


def _can_be_named(name: str) -> bool:
    """Whether a student can be named so in every gradebook and on every terminal."""
    return name.isprintable() and len(name) <= 128


def _changed(source: nbformat.NotebookNode, notebook: HandedOut) -> str | None:
    """Return the first cell that a source has gained, or changed where no student writes."""
    for cell in source.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        locked = utils.is_locked(cell) and utils.is_grade(cell)
        if name and name not in notebook.sources:
            return name
        if name and locked and notebook.sources[name] != cell.source:
            return name
    return None


def _state(submission: Submission, state: str, reason: str = "") -> State:
    return State(submission.student, state, reason, submission.digest)


def _scores(
    nb: nbformat.NotebookNode, report: Report, doubtful: bool
) -> dict[str, tuple[float | None, bool]]:
    """Return each graded cell's score as nbgrader finds it, and whether a person must look."""
    tests = {v.cell: v for v in report.verdicts if v.kind == "test"}
    found: dict[str, tuple[float | None, bool]] = {}
    for cell in filter(utils.is_grade, nb.cells):
        name = cell.metadata.nbgrader["grade_id"]
        score, most = utils.determine_grade(cell)
        if name in tests:
            score = tests[name].score
        lost = name in tests and doubtful and (score or 0.0) < most
        found[name] = score, score is None or lost
    return found


def _blank(nb: nbformat.NotebookNode) -> set[str]:
    """Return the solution cells that are as they were handed out."""
    return {
        cell.metadata.nbgrader["grade_id"]
        for cell in filter(utils.is_solution, nb.cells)
        if cell.metadata.nbgrader["checksum"] == utils.compute_checksum(cell)
    }


def _timestamp(course: CourseDirectory, folder: Path) -> Any:
    """Return when a submission came; an unreadable timestamp.txt says nothing, and a link none."""
    with contextlib.suppress(Exception):
        file = (folder / "timestamp.txt").lstat()
        if stat.S_ISREG(file.st_mode) and file.st_size <= _MOST_TIMESTAMP:
            return course.get_existing_timestamp(str(folder))
    return None
