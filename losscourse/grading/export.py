"""Grades as CSV, in which a submission that was not graded is no zero."""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.plugins import ExportPlugin
from sqlalchemy import Select, and_, case, func, select

from losscourse.grading import states

__all__ = ["CsvWithStatus", "Result", "harmless", "read_results"]

COLUMNS = [
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
    "status",
]


@dataclass(frozen=True)
class Result:
    """What a student has for an assignment.

    Args:
        status: "graded", "needs marking" (the score still lacks what is marked by hand),
            "not graded" or "not submitted"; the last two have no score.
        reason: Why it is not graded, where that is known.
        timestamp: When the submission came, where that is known.
        raw_score: The points before the penalty.
        penalty: The points that being late costs.
    """

    status: str
    reason: str = ""
    timestamp: datetime | None = None
    raw_score: float | None = None
    penalty: float | None = None

    @property
    def score(self) -> float | None:
        """The points that count."""
        return None if self.raw_score is None else max(0.0, self.raw_score - self.penalty)


class CsvWithStatus(ExportPlugin):
    """nbgrader's CSV and a column `status`, for `c.ExportApp.plugin_class`.

    The status is `graded`, `needs marking` (the score still lacks what is marked by hand),
    `not graded` or `not submitted`; the last two have no score.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write grades.csv, or the file that `--to` names."""
        destination = Path(self.to or "grades.csv")
        rows = []
        for assignment in sorted(gradebook.assignments, key=_by_date):
            if self.assignment and assignment.name not in map(str, self.assignment):
                continue
            results = read_results(gradebook, assignment)
            for student in sorted(gradebook.students, key=_by_name):
                if self.student and student.id not in map(str, self.student):
                    continue
                result = results[student.id]
                rows.append(_row(assignment, student, result))
                if result.status == "not graded":
                    why = f": {result.reason}" if result.reason else ""
                    self.log.warning("%s: %s is not graded%s", assignment.name, student.id, why)
        with destination.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        self.log.info("Wrote %s rows to %s", len(rows), destination)


def _by_date(assignment: Assignment) -> tuple[datetime, str]:
    """Return what puts assignments in one order, which a database leaves open."""
    return assignment.duedate or datetime.min, assignment.name


def _by_name(student: Student) -> tuple[str, str, str]:
    """Return what puts students in one order: databases differ over names that are not known."""
    return student.last_name or "", student.first_name or "", student.id


def _row(assignment: Assignment, student: Student, result: Result) -> dict:
    return {
        "assignment": harmless(assignment.name),
        "duedate": assignment.duedate,
        "timestamp": result.timestamp,
        "student_id": harmless(student.id),
        "last_name": harmless(student.last_name),
        "first_name": harmless(student.first_name),
        "email": harmless(student.email),
        "raw_score": result.raw_score,
        "late_submission_penalty": result.penalty,
        "score": result.score,
        "max_score": assignment.max_score,
        "status": result.status,
    }


def harmless(text: str | None) -> str | None:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before one.

    Also where a formula would begin a cell to a spreadsheet that splits lines at semicolons, as
    those of many countries do, and before the wide signs of East Asian keyboards.

    Args:
        text: A cell of a CSV file, which a student may have had a hand in.

    Example:
        >>> harmless("=1+1"), harmless("Ada")
        ("'=1+1", 'Ada')
    """
    return text and _FORMULA.sub(r"\1'", text)


_FORMULA = re.compile(r"(\A|;\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])|\A(?=[\t\r\n])")


def read_results(gradebook: Gradebook, assignment: Assignment) -> dict[str, Result]:
    """Return what each student of the gradebook has for an assignment, by a handful of queries.

    Args:
        gradebook: The gradebook.
        assignment: The assignment, out of it.
    """
    known = states.read(gradebook.engine, assignment.name)
    found = {}
    for student in gradebook.db.scalars(select(Student.id)):
        state = known.get(student)
        reason = state.reason if state and state.state == "failed" else ""
        found[student] = Result("not graded" if state else "not submitted", reason)
    for row in gradebook.db.execute(_sums(assignment)):
        reason = found[row.student_id].reason
        if not row.grades or row.lacking:
            found[row.student_id] = Result("not graded", reason, row.timestamp)
        else:
            status = "needs marking" if row.to_mark else "graded"
            score = round(row.score, 9)  # the database adds in any order
            found[row.student_id] = Result(status, "", row.timestamp, score, row.penalty or 0.0)
    return found


def _sums(assignment: Assignment) -> Select:
    """Select what each submission's grades come to; lacking are tests that have no score.

    A test without a score is one that did not run.
    """
    submission, notebook = SubmittedAssignment, SubmittedNotebook
    tests = []
    for each in assignment.notebooks:
        by_hand = {cell.name for cell in each.solution_cells}
        tests += [cell.id for cell in each.grade_cells if cell.name not in by_hand]
    lacking = and_(
        Grade.cell_id.in_(tests), Grade.auto_score.is_(None), Grade.manual_score.is_(None)
    )
    penalties = (
        select(notebook.assignment_id, func.sum(notebook.late_submission_penalty).label("points"))
        .group_by(notebook.assignment_id)
        .subquery()
    )
    return (
        select(
            submission.student_id,
            submission.timestamp,
            func.count(Grade.id).label("grades"),
            func.sum(Grade.score).label("score"),
            func.sum(case((lacking, 1), else_=0)).label("lacking"),
            func.sum(case((Grade.needs_manual_grade, 1), else_=0)).label("to_mark"),
            func.max(penalties.c.points).label("penalty"),
        )
        .outerjoin(notebook, notebook.assignment_id == submission.id)
        .outerjoin(Grade, Grade.notebook_id == notebook.id)
        .outerjoin(penalties, penalties.c.assignment_id == submission.id)
        .where(submission.assignment_id == assignment.id)
        .group_by(submission.id)
    )
