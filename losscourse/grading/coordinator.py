"""`losscourse grade`: a class's submissions, graded on all cores, and none of them lost.

A thread for each warm parent reads a submission, lets the parent grade it and writes the graded
notebook beside its place. The main thread alone touches the gradebook: it puts the notebook in its
place, then writes state, scores, comments and penalty in one transaction. Whatever is killed, and
whenever, the next run grades what has no grades yet.
"""

import contextlib
import hashlib
import os
import queue
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.paths import jupyter_config_path
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from losscourse.grading import sandbox, states
from losscourse.grading.execute import RunElsewhere, fill_in, solution_names, steps_of
from losscourse.grading.intake import put_together, read_source
from losscourse.grading.judge import Report
from losscourse.grading.rebuild import Unreadable, choose, handed_in
from losscourse.grading.states import State
from losscourse.grading.warm import Warm

__all__ = ["CannotStart", "Coordinator", "GradebookGone", "Outcome", "Question", "Submission"]

_PATIENCE = (0.5, 2.0, 5.0, 10.0)  # seconds between two attempts to reach the gradebook


class CannotStart(Exception):
    """Nothing was graded; the message says what to do."""


class GradebookGone(Exception):
    """The gradebook cannot be reached any more; the message says why."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Args:
        student: Whose it is.
        folder: Where it lies.
        digest: Of its files and of the assignment's source.
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
        scores: The automatic score, and whether a person must look, by notebook and cell.
        blank: The cells without a response, by notebook; a notebook that is not there is missing.
    """

    submission: Submission
    state: str = "graded"
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    scores: dict[str, dict[str, tuple[float | None, bool]]] = field(default_factory=dict)
    blank: dict[str, set[str]] = field(default_factory=dict)

    @property
    def points(self) -> float:
        """The points of all cells that have a score."""
        return sum(score or 0.0 for cells in self.scores.values() for score, _ in cells.values())


@dataclass
class Question:
    """The scores of one graded cell over the class.

    Args:
        cell: Its name.
        most: The points to be had.
        scores: One for each submission that has one.
        to_mark: How many submissions await a person.
    """

    cell: str
    most: float
    scores: list[float] = field(default_factory=list)
    to_mark: int = 0


@dataclass(frozen=True)
class _Notebook:
    """A notebook of the assignment, in plain data that threads may read.

    Args:
        name: Its name, without ".ipynb".
        row: Its id in the gradebook.
        source: The instructor's notebook.
        checksums: Of its cells as they were handed out.
        graded: The ids of its graded cells.
        commented: The ids of the cells that a comment can be given to.
    """

    name: str
    row: str
    source: nbformat.NotebookNode
    checksums: dict[str, str]
    graded: dict[str, str]
    commented: dict[str, str]


class Coordinator:
    """Grades an assignment's submissions.

    Args:
        assignment: Its name.
        course: The folder with nbgrader_config.py; the process must be in it, as for nbgrader.
        confined: Whether students' code runs in the sandbox.
        make_warm: Makes a warm parent.

    Raises:
        CannotStart: There is no such assignment, it is not generated, or the sandbox is missing.
    """

    def __init__(
        self,
        assignment: str,
        *,
        course: Path = Path(),
        confined: bool = True,
        make_warm: Callable[..., Warm] = Warm,
    ):
        self.assignment = assignment
        self._config = _read_config(course)
        self._course = CourseDirectory(config=self._config)
        elsewhere = RunElsewhere(config=self._config)
        self.confined = confined and elsewhere.sandbox
        if self.confined and (lack := sandbox.missing()):
            raise CannotStart(
                f"Nothing is graded without the sandbox: {lack}. To run students' code with all "
                "your rights, which it can then use, say --sandbox none."
            )
        self._make_warm = make_warm
        self._seconds = {
            "cell_seconds": elsewhere.cell_seconds,
            "total_seconds": elsewhere.total_seconds,
        }
        self._source = self._folder(self._course.source_directory, ".")
        if not self._source.is_dir():
            known = sorted(path.name for path in self._source.parent.glob("*") if path.is_dir())
            there = f"There is: {', '.join(known)}." if known else f"See {self._source.parent}."
            raise CannotStart(f"There is no assignment {assignment!r}. {there}")
        self._late = AssignLatePenalties(config=self._config)
        self._late.init_plugin()
        self._gradebook = Gradebook(self._course.db_url, self._course.course_id)
        states.create(self._gradebook.engine)
        self._notebooks = self._read_notebooks()
        with self._gradebook.db() as db:
            self._row = db.scalars(_assignment_row(assignment)).one().id

    def close(self) -> None:
        """Close the gradebook."""
        self._gradebook.close()

    def __enter__(self) -> "Coordinator":
        """Return the coordinator itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    # --- what there is to do ----------------------------------------------------------------------

    def _folder(self, step: str, student: str) -> Path:
        return Path(self._course.format_path(step, student, self.assignment))

    def _read_notebooks(self) -> list[_Notebook]:
        """Return the assignment's notebooks as generate_assignment left them in the gradebook."""
        again = f"Run: nbgrader generate_assignment {self.assignment}"
        try:
            rows = self._gradebook.find_assignment(self.assignment).notebooks
        except MissingEntry:
            rows = []
        if not rows:
            raise CannotStart(f"{self.assignment} is not in the gradebook yet. {again}")
        found = []
        for row in rows:
            names = {"assignment": self.assignment, "notebook": row.name}
            try:
                source = read_source(self._config, {"nbgrader": names})
            except FileNotFoundError:
                raise CannotStart(f"{self._source} holds no {row.name}.ipynb. {again}") from None
            known = {cell.name: cell for cell in row.source_cells}
            for cell in source.cells:
                data = cell.metadata.get("nbgrader", {})
                if not data.get("grade_id"):
                    continue
                as_known = known.get(data["grade_id"])
                locked = utils.is_locked(cell) and utils.is_grade(cell)
                if as_known is None or (locked and as_known.source != cell.source):
                    raise CannotStart(
                        f"{row.name}.ipynb has changed at {data['grade_id']} since it was handed "
                        f"out. {again} --force"
                    )
            found.append(
                _Notebook(
                    row.name,
                    row.id,
                    source,
                    {name: cell.checksum for name, cell in known.items()},
                    {cell.name: cell.id for cell in [*row.grade_cells, *row.task_cells]},
                    {cell.name: cell.id for cell in [*row.solution_cells, *row.task_cells]},
                )
            )
        self._gradebook.db.remove()
        return found

    def submissions(self, students: Sequence[str] = ()) -> list[Submission]:
        """Return what was handed in, in the order of the students' names.

        Args:
            students: Whose; none for all.

        Raises:
            CannotStart: One of them has handed in nothing, or nobody has.
        """
        pattern = self._folder(self._course.submitted_directory, "*")
        steps = str(pattern).split("*")
        place = len(Path(steps[0] + "x").parts) - 1
        folders = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
        excluded = set(self._course.student_id_exclude.split(","))
        found = {path.parts[place]: path for path in folders if path.is_dir() or path.is_symlink()}
        found = {name: path for name, path in found.items() if not name.startswith(".")}
        if strange := [name for name in found if not name.isprintable()]:
            raise CannotStart(f"No student can be named {strange[0]!a}: rename that folder.")
        if absent := sorted(set(students) - set(found)):
            raise CannotStart(f"{', '.join(absent)}: handed in nothing at {pattern}")
        chosen = sorted(set(students or found) - excluded)
        if not chosen:
            raise CannotStart(f"Nobody has handed in {self.assignment}: {pattern} matches nothing.")
        source = _digest(self._source, self._course.ignore)
        return [
            Submission(name, found[name], _digest(found[name], self._course.ignore, source))
            for name in chosen
        ]

    def states(self) -> dict[str, State]:
        """Return how far each student's submission has come."""
        return states.read(self._gradebook.engine, self.assignment)

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
            and self._folder(self._course.autograded_directory, submission.student).is_dir()
        )

    # --- the run ----------------------------------------------------------------------------------

    def run(self, submissions: Sequence[Submission], *, workers: int = 1) -> Iterator[Outcome]:
        """Grade submissions; yield each outcome when it is in the gradebook.

        Closing the iterator, as an exception in its loop does, ends the parents and all that they
        run.

        Args:
            submissions: Which.
            workers: How many warm parents.

        Raises:
            GradebookGone: The gradebook cannot be reached any more.
        """
        waiting = list(reversed(submissions))
        jobs: queue.SimpleQueue[Submission] = queue.SimpleQueue()
        done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        hands = [_Hand(self, jobs, done) for _ in range(min(workers, len(waiting)))]
        try:
            self._patiently(self._enqueue, submissions)
            first = [waiting.pop() for _ in hands]
            self._patiently(self._mark, "running", first)
            for hand, submission in zip(hands, first, strict=True):
                jobs.put(submission)
                hand.start()
            for _ in submissions:
                outcome = done.get()
                following = [waiting.pop()] if waiting else []
                for submission in following:
                    jobs.put(submission)
                try:
                    self._patiently(self._save, outcome, following)
                except GradebookGone:
                    raise
                except Exception as error:  # of this submission alone, such as a folder's rights
                    outcome.state = "failed"
                    outcome.reason = f"its grades were not saved: {type(error).__name__}: {error}"
                    self._patiently(self._save_state, outcome, following)
                yield outcome
        finally:
            for hand in hands:
                hand.close()

    def requeue(self) -> None:
        """Say of what was running that it waits."""
        db = self._gradebook.db()
        running = [state for state in self.states().values() if state.state == "running"]
        states.write(db, self.assignment, *(replace(one, state="queued") for one in running))
        db.commit()
        self._gradebook.db.remove()

    def _patiently(self, write: Callable[..., None], *args: Any) -> None:
        """Write to the gradebook, more than once if it is locked or away for a moment."""
        for pause in (*_PATIENCE, None):
            try:
                write(*args)
                return
            except OperationalError as error:
                self._gradebook.db.rollback()
                if pause is None:
                    why = str(error).partition("\n")[0]
                    raise GradebookGone(f"The gradebook cannot be reached: {why}") from error
                time.sleep(pause)
            finally:
                self._gradebook.db.remove()

    def _enqueue(self, submissions: Sequence[Submission]) -> None:
        """Record what waits; a score that speaks of another text of the student's goes."""
        db, known = self._gradebook.db(), self.states()
        there = set(db.scalars(select(Student.id)))
        db.add_all(Student(id=one.student) for one in submissions if one.student not in there)
        for one in submissions:
            if one.student in known and known[one.student].digest != one.digest:
                self._forget_scores(db, one.student)
        self._mark_in(db, "queued", submissions)
        db.commit()

    def _forget_scores(self, db: Any, student: str) -> None:
        notebooks = (
            select(SubmittedNotebook.id)
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .where(
                SubmittedAssignment.assignment_id == self._row,
                SubmittedAssignment.student_id == student,
            )
        )
        db.execute(
            update(Grade)
            .where(Grade.notebook_id.in_(notebooks))
            .values(auto_score=None, needs_manual_grade=True)
            .execution_options(synchronize_session=False)
        )

    def _mark(self, state: str, submissions: Sequence[Submission]) -> None:
        db = self._gradebook.db()
        self._mark_in(db, state, submissions)
        db.commit()

    def _mark_in(self, db: Any, state: str, submissions: Sequence[Submission]) -> None:
        marks = [State(one.student, state, digest=one.digest) for one in submissions]
        states.write(db, self.assignment, *marks)

    # --- in a thread of its own -------------------------------------------------------------------

    def examine(self, submission: Submission, grade: Callable[..., Report]) -> Outcome:
        """Grade a submission, and leave the graded notebooks beside their place.

        Args:
            submission: The submission.
            grade: `Warm.grade`, or what stands for it.

        Returns:
            What came of it; whatever goes wrong is its state, and no exception.
        """
        outcome = Outcome(submission)
        try:
            graded = self._grade(submission, grade, outcome)
            if outcome.state != "failed":
                self._write(submission, graded)
        except Unreadable as error:
            outcome.state, outcome.reason = "failed", str(error)
        except Exception as error:
            outcome.state, outcome.reason = "failed", f"{type(error).__name__}: {error}"[:2000]
        return outcome

    def _grade(
        self, submission: Submission, grade: Callable[..., Report], outcome: Outcome
    ) -> dict[str, nbformat.NotebookNode]:
        graded, reasons = {}, []
        names = {f"{notebook.name}.ipynb" for notebook in self._notebooks}
        for notebook in self._notebooks:
            mine = handed_in(submission.folder, names - {f"{notebook.name}.ipynb"})
            if not mine and len(names) > 1:
                outcome.notes.append(f"{notebook.name}.ipynb is missing, and counts as 0")
                continue
            rebuilt = choose(notebook.source, mine, f"{notebook.name}.ipynb")
            nb = put_together(notebook.source, rebuilt)
            asked = solution_names(notebook.source)
            report = rebuilt.marked(grade(steps_of(nb), asked, **self._seconds))
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
            outcome.scores[notebook.name] = _scores(nb, report, bool(rebuilt.doubts))
            outcome.blank[notebook.name] = _blank(nb)
            graded[notebook.name] = nb
        if not graded:
            raise Unreadable("there is no notebook of this assignment")
        outcome.reason = "; ".join(reasons)
        return graded

    def _write(self, submission: Submission, graded: dict[str, nbformat.NotebookNode]) -> None:
        """Write the graded notebooks and the files that came with them beside their place."""
        place = self._beside(submission.student, "new")
        _remove(place)
        place.mkdir(parents=True)
        own = self._config.get("Autograde", {}).get("exclude_overwriting", {})
        theirs = set(own.get(self.assignment, []))
        ours = [name for name in _files(self._source, self._course.ignore) if name not in theirs]
        _copy(self._source, ours, place)
        _copy(submission.folder, _files(submission.folder, self._course.ignore), place)
        for name, nb in graded.items():
            nbformat.write(nb, place / f"{name}.ipynb")
        mode = 0o664 if self._course.groupshared else 0o444
        for path in place.rglob("*"):
            if path.is_dir():
                path.chmod(0o2775 if self._course.groupshared else 0o755)
            else:
                path.chmod(mode)

    def _beside(self, student: str, what: str) -> Path:
        folder = self._folder(self._course.autograded_directory, student)
        return folder.with_name(f".{folder.name}.{what}")

    # --- the gradebook ----------------------------------------------------------------------------

    def _save(self, outcome: Outcome, following: Sequence[Submission]) -> None:
        """Put the graded notebooks in their place, then all that is to be known in one commit."""
        submission = outcome.submission
        self._put_in_place(submission.student, there=outcome.state != "failed")
        db = self._gradebook.db()
        row = self._row_of(db, submission)
        for notebook in self._notebooks:
            theirs = self._notebook_row(db, row, notebook)
            grades = {grade.cell_id: grade for grade in theirs.grades}
            scores = outcome.scores.get(notebook.name)
            for name, cell in notebook.graded.items():
                grade = grades.get(cell) or _added(db, Grade(cell_id=cell, notebook=theirs))
                if outcome.state == "failed":
                    grade.auto_score, grade.needs_manual_grade = None, True
                elif scores is None:
                    grade.auto_score, grade.needs_manual_grade = 0.0, False
                elif name in scores:
                    grade.auto_score, look = scores[name]
                    grade.needs_manual_grade = look or grade.manual_score is not None
            comments = {comment.cell_id: comment for comment in theirs.comments}
            blank = outcome.blank.get(notebook.name, set())
            for name, cell in notebook.commented.items():
                comment = comments.get(cell) or _added(db, Comment(cell_id=cell, notebook=theirs))
                comment.auto_comment = "No response." if name in blank else None
            db.flush()
            self._penalise(db, row, theirs)
        self._save_state(outcome, following)

    def _save_state(self, outcome: Outcome, following: Sequence[Submission]) -> None:
        """Commit, with how far this submission and the next have come."""
        db, own = self._gradebook.db(), outcome.submission
        last = State(own.student, outcome.state, outcome.reason, own.digest)
        states.write(db, self.assignment, last)
        self._mark_in(db, "running", following)
        db.commit()

    def _put_in_place(self, student: str, *, there: bool) -> None:
        """Let the new folder take the place of the old one; a try after this one finds it done."""
        place = self._folder(self._course.autograded_directory, student)
        new, old = self._beside(student, "new"), self._beside(student, "old")
        if there and not new.exists():
            return
        _remove(old)
        if place.exists():
            place.rename(old)
        if there:
            new.rename(place)
        _remove(new)
        _remove(old)

    def _row_of(self, db: Any, submission: Submission) -> SubmittedAssignment:
        ours = select(SubmittedAssignment).where(
            SubmittedAssignment.assignment_id == self._row,
            SubmittedAssignment.student_id == submission.student,
        )
        row = db.scalars(ours).one_or_none()
        if row is None:
            row = SubmittedAssignment(assignment_id=self._row, student_id=submission.student)
            db.add(row)
            db.flush()
        if timestamp := _timestamp(self._course, submission.folder):
            row.timestamp = timestamp
        return row

    def _notebook_row(
        self, db: Any, row: SubmittedAssignment, notebook: _Notebook
    ) -> SubmittedNotebook:
        ours = select(SubmittedNotebook).where(
            SubmittedNotebook.assignment_id == row.id, SubmittedNotebook.notebook_id == notebook.row
        )
        theirs = db.scalars(ours).one_or_none()
        if theirs is None:
            theirs = SubmittedNotebook(notebook_id=notebook.row, assignment_id=row.id)
            db.add(theirs)
        return theirs

    def _penalise(self, db: Any, row: SubmittedAssignment, notebook: SubmittedNotebook) -> None:
        """Set the late penalty as nbgrader does, by the plugin of the configuration."""
        notebook.late_submission_penalty = None
        db.flush()
        late = row.total_seconds_late
        if late > 0:
            db.refresh(notebook)
            plugin = self._late.plugin_inst
            penalty = plugin.late_submission_penalty(row.student_id, notebook.score, late)
            if penalty is not None:
                notebook.late_submission_penalty = min(max(penalty, 0.0), notebook.score)

    def questions(self) -> list[Question]:
        """Return the class's scores, question by question, of all submissions with grades."""
        db = self._gradebook.db()
        done = {s.student for s in self.states().values() if s.state in states.DONE}
        found = []
        for notebook in self._gradebook.find_assignment(self.assignment).notebooks:
            for cell in [*notebook.grade_cells, *notebook.task_cells]:
                question = Question(cell.name, cell.max_score)
                rows = (
                    select(
                        Grade.score, Grade.auto_score, Grade.manual_score, Grade.needs_manual_grade
                    )
                    .join(SubmittedNotebook, SubmittedNotebook.id == Grade.notebook_id)
                    .join(
                        SubmittedAssignment,
                        SubmittedAssignment.id == SubmittedNotebook.assignment_id,
                    )
                    .where(Grade.cell_id == cell.id, SubmittedAssignment.student_id.in_(done))
                )
                for score, auto, manual, look in db.execute(rows):
                    if auto is not None or manual is not None:
                        question.scores.append(score)
                    question.to_mark += look
                found.append(question)
        self._gradebook.db.remove()
        return found


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
            self._done.put(self._coordinator.examine(self._jobs.get(), self._grade))

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


def _read_config(course: Path) -> Config:
    """Return the configuration that nbgrader would have in this folder."""
    config = Config()
    for folder in [*reversed(jupyter_config_path()), str(course.resolve())]:
        with contextlib.suppress(ConfigFileNotFound):
            config.merge(PyFileConfigLoader("nbgrader_config.py", path=folder).load_config())
    return config


def _added(db: Any, row: Any) -> Any:
    db.add(row)
    return row


def _assignment_row(name: str) -> Any:
    return select(Assignment).where(Assignment.name == name)


def _files(folder: Path, ignore: Sequence[str]) -> list[str]:
    """Return the plain files below a folder but notebooks, by their relative names, in order.

    A link is none of them, whatever it leads to.
    """
    found = utils.find_all_files(str(folder), [*ignore, "*.ipynb"])
    plain = (path for path in found if stat.S_ISREG(os.lstat(path).st_mode))
    return sorted(os.path.relpath(path, folder) for path in plain)


def _copy(folder: Path, names: Iterable[str], place: Path) -> None:
    """Copy files, except over one that is there, or below it."""
    for name in names:
        target = place / name
        above = [path for path in target.parents if place in path.parents]
        if not target.exists() and not any(path.is_file() for path in above):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target)


def _digest(folder: Path, ignore: Sequence[str], before: str = "") -> str:
    """Return a digest of a folder's files."""
    total = hashlib.sha256(before.encode())
    if folder.is_symlink():
        return total.hexdigest()
    notebooks = [path.name for path in folder.glob("*.ipynb") if path.is_file()]
    for name in sorted([*_files(folder, ignore), *notebooks]):
        if not (folder / name).is_symlink():
            with (folder / name).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{name!r} {content}\n".encode())
    return total.hexdigest()


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
    """Return when a submission came; an unreadable timestamp.txt says nothing."""
    with contextlib.suppress(Exception):
        return course.get_existing_timestamp(str(folder))
    return None


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
