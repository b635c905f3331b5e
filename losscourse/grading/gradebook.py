"""The rows of one assignment in nbgrader's gradebook: read, and written whole or not at all.

What is to be known of a submission, its scores, comments, penalty and state, is written in one
transaction. A database that is locked, or away for a moment, is waited for.
"""

import functools
import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.plugins import LateSubmissionPlugin
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError

from losscourse.grading import states
from losscourse.grading.course import CannotStart
from losscourse.grading.states import State

__all__ = ["GradebookGone", "Grades", "HandedOut", "Marks", "Question", "open_gradebook"]

_PATIENCE = (0.5, 2.0, 5.0, 10.0)  # seconds between two attempts to reach the gradebook


class GradebookGone(Exception):
    """The gradebook cannot be reached any more; the message says why."""


def open_gradebook(url: str, course: str) -> Gradebook:
    """Open a gradebook, or say why it cannot be opened.

    Args:
        url: Its address, of `c.CourseDirectory.db_url`.
        course: The course's id.

    Returns:
        nbgrader's gradebook, to be closed by the caller.

    Raises:
        CannotStart: The address means nothing, its driver is missing, or nobody answers.
    """
    try:
        return Gradebook(url, course)
    except ModuleNotFoundError as error:
        need = "python -m pip install 'losscourse[postgresql]'"
        why = f"{error.name} is missing. For PostgreSQL: {need}, and postgresql+psycopg://…"
    except SQLAlchemyError as error:
        why = _first_line(error.orig if isinstance(error, DBAPIError) else error)
    raise CannotStart(f"The gradebook of c.CourseDirectory.db_url cannot be opened: {why}")


@dataclass(frozen=True)
class HandedOut:
    """A notebook of the assignment as it was handed out, in plain data that threads may read.

    Args:
        name: Its name, without ".ipynb".
        row: Its id in the gradebook.
        sources: The text of its cells, by their names.
        checksums: Of its cells.
        graded: The ids of its graded cells.
        commented: The ids of the cells that a comment can be given to.
    """

    name: str
    row: str
    sources: dict[str, str]
    checksums: dict[str, str]
    graded: dict[str, str]
    commented: dict[str, str]


@dataclass
class Marks:
    """What is written of one notebook of a submission.

    Args:
        scores: The automatic score of each cell, and whether a person must look.
        blank: The cells without a response.
    """

    scores: dict[str, tuple[float | None, bool]] = field(default_factory=dict)
    blank: set[str] = field(default_factory=set)


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


def _transaction(write: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method one transaction: all of it is committed, or it is tried again from the start.

    It is tried again where the database is locked or away, or another run has just written the same
    row. The method gets a session; it raises GradebookGone when the database cannot be reached.
    """

    @functools.wraps(write)
    def patiently(self: "Grades", *args: Any, **named: Any) -> Any:
        pauses = iter(_PATIENCE)
        while True:
            try:
                db = self._gradebook.db()
                found = write(self, db, *args, **named)
                db.commit()
                return found
            except DBAPIError as error:
                away = isinstance(error, OperationalError) or error.connection_invalidated
                if not away and not isinstance(error, IntegrityError):
                    raise
                if (pause := next(pauses, None)) is None:
                    if not away:
                        raise
                    why = f"The gradebook cannot be reached: {_first_line(error.orig)}"
                    raise GradebookGone(why) from error
                self._gradebook.db.remove()
                time.sleep(pause)
            finally:
                self._gradebook.db.remove()

    return patiently


class Grades:
    """One assignment's rows.

    Args:
        gradebook: nbgrader's.
        assignment: The assignment's name.
        late: nbgrader's plugin with the late policy.

    Raises:
        CannotStart: The gradebook cannot be read, or it takes no table of the course's.
    """

    def __init__(self, gradebook: Gradebook, assignment: str, late: LateSubmissionPlugin):
        self._gradebook, self._assignment, self._late = gradebook, assignment, late
        self._held: Connection | None = None
        try:
            states.create(gradebook.engine)
            self.notebooks = self._read_notebooks()
        except DBAPIError as error:
            gradebook.close()
            raise CannotStart(f"The gradebook cannot be used: {_first_line(error.orig)}") from error

    def close(self) -> None:
        """Close the gradebook."""
        if self._held is not None:
            self._held.close()
        self._gradebook.close()

    def hold(self) -> bool:
        """Hold the assignment until the gradebook is closed, on all machines that share a server.

        PostgreSQL lets go of it when the connection ends, as a killed run's soon does. SQLite's
        gradebook is a file of one machine: there is nothing to hold.

        Returns:
            Whether it is held; otherwise another run holds it.
        """
        if self._gradebook.engine.dialect.name != "postgresql":
            return True
        name = f"losscourse {self._gradebook.course_id} {self._assignment}"
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        held = self._gradebook.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        held.detach()  # not to be lent to anybody else
        for _ in range(50):
            if held.scalar(select(func.pg_try_advisory_lock(key))):
                self._held = held
                return True
            time.sleep(0.1)
        held.close()
        return False

    # --- reading ----------------------------------------------------------------------------------

    @_transaction
    def _read_notebooks(self, db: Any) -> list[HandedOut]:
        """Return the notebooks as generate_assignment left them; none, if it has not run yet."""
        try:
            assignment = self._gradebook.find_assignment(self._assignment)
        except MissingEntry:
            return []
        self._row = assignment.id
        return [
            HandedOut(
                row.name,
                row.id,
                {cell.name: cell.source for cell in row.source_cells},
                {cell.name: cell.checksum for cell in row.source_cells},
                {cell.name: cell.id for cell in [*row.grade_cells, *row.task_cells]},
                {cell.name: cell.id for cell in [*row.solution_cells, *row.task_cells]},
            )
            for row in assignment.notebooks
        ]

    @_transaction
    def states(self, db: Any) -> dict[str, State]:
        """Return how far each student's submission has come.

        Args:
            db: The session, given by the transaction, as to each of these methods.
        """
        return self._states()

    def _states(self) -> dict[str, State]:
        return states.read(self._gradebook.engine, self._assignment)

    @_transaction
    def questions(self, db: Any) -> list[Question]:
        """Return the class's scores, question by question, of all submissions with grades.

        Args:
            db: The session.
        """
        done = states.done(self._assignment)
        found = []
        for notebook in self._gradebook.find_assignment(self._assignment).notebooks:
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
        return found

    # --- writing ----------------------------------------------------------------------------------

    @_transaction
    def enqueue(self, db: Any, waiting: Sequence[State]) -> None:
        """Record what waits; a score that speaks of another text of the student's goes.

        Args:
            db: The session.
            waiting: The states of the submissions.
        """
        known = self._states()
        there = set(db.scalars(select(Student.id)))
        db.add_all(Student(id=one.student) for one in waiting if one.student not in there)
        for one in waiting:
            if one.student in known and known[one.student].digest != one.digest:
                self._forget_scores(db, one.student)
        states.write(db, self._assignment, *waiting)

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

    @_transaction
    def record(self, db: Any, *now: State) -> None:
        """Record how far submissions have come, and nothing else of them.

        Args:
            db: The session.
            *now: Their states.
        """
        states.write(db, self._assignment, *now)

    @_transaction
    def save(
        self, db: Any, state: State, marks: Mapping[str, Marks], timestamp: Any, *others: State
    ) -> None:
        """Record all that is to be known of a submission.

        Args:
            db: The session.
            state: How far it has come.
            marks: By notebook; one that is not there is missing, and counts as 0.
            timestamp: When it came; None if that is not known.
            *others: How far other submissions have come.
        """
        row = self._submission(db, state.student)
        if timestamp:
            row.timestamp = timestamp
        for notebook in self.notebooks:
            theirs = self._notebook(db, row, notebook)
            if state.state == "failed":
                found = Marks(dict.fromkeys(notebook.graded, (None, True)))
            else:
                missing = Marks(dict.fromkeys(notebook.graded, (0.0, False)))
                found = marks.get(notebook.name, missing)
            self._mark(db, theirs, notebook, found)
            db.flush()
            db.refresh(theirs)  # its score is the sum of the cells'
            self._penalise(row, theirs)
        states.write(db, self._assignment, state, *others)

    @_transaction
    def penalise(self, db: Any, students: Collection[str]) -> list[str]:
        """Set the late penalties anew: a due date, an extension, the policy or a score may differ.

        Args:
            db: The session.
            students: Whose submissions.

        Returns:
            The students whose penalty is another now.
        """
        rows = (
            select(SubmittedAssignment, SubmittedNotebook)
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .where(SubmittedAssignment.assignment_id == self._row)
        )
        changed = set()
        for row, notebook in db.execute(rows):
            before = notebook.late_submission_penalty
            if row.student_id in students and self._penalise(row, notebook) != before:
                changed.add(row.student_id)
        return sorted(changed)

    def requeue(self) -> None:
        """Record of what was running that it waits; the database is asked once."""
        db = self._gradebook.db()
        running = [state for state in self._states().values() if state.state == "running"]
        states.write(db, self._assignment, *(replace(one, state="queued") for one in running))
        db.commit()
        self._gradebook.db.remove()

    def _submission(self, db: Any, student: str) -> SubmittedAssignment:
        ours = select(SubmittedAssignment).where(
            SubmittedAssignment.assignment_id == self._row,
            SubmittedAssignment.student_id == student,
        )
        row = db.scalars(ours).one_or_none()
        if row is None:
            row = SubmittedAssignment(assignment_id=self._row, student_id=student)
            db.add(row)
            db.flush()
        return row

    def _notebook(
        self, db: Any, row: SubmittedAssignment, notebook: HandedOut
    ) -> SubmittedNotebook:
        ours = select(SubmittedNotebook).where(
            SubmittedNotebook.assignment_id == row.id, SubmittedNotebook.notebook_id == notebook.row
        )
        theirs = db.scalars(ours).one_or_none()
        if theirs is None:
            theirs = SubmittedNotebook(notebook_id=notebook.row, assignment_id=row.id)
            db.add(theirs)
        return theirs

    def _mark(self, db: Any, theirs: SubmittedNotebook, notebook: HandedOut, marks: Marks) -> None:
        grades = {grade.cell_id: grade for grade in theirs.grades}
        for name, cell in notebook.graded.items():
            grade = grades.get(cell) or _added(db, Grade(cell_id=cell, notebook=theirs))
            if name in marks.scores:
                grade.auto_score, look = marks.scores[name]
                grade.needs_manual_grade = look or grade.manual_score is not None
        comments = {comment.cell_id: comment for comment in theirs.comments}
        for name, cell in notebook.commented.items():
            comment = comments.get(cell) or _added(db, Comment(cell_id=cell, notebook=theirs))
            comment.auto_comment = "No response." if name in marks.blank else None

    def _penalise(self, row: SubmittedAssignment, notebook: SubmittedNotebook) -> float | None:
        """Set and return the late penalty as nbgrader does, by the plugin of the configuration."""
        penalty, late = None, row.total_seconds_late
        if late > 0:
            penalty = self._late.late_submission_penalty(row.student_id, notebook.score, late)
        if penalty is not None:
            penalty = min(max(penalty, 0.0), notebook.score)
        notebook.late_submission_penalty = penalty
        return penalty


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]


def _added(db: Any, row: Any) -> Any:
    db.add(row)
    return row
