"""Grades as CSV, in which a submission that was not graded is no zero."""

import csv
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    GradeCell,
    MissingEntry,
    Student,
    SubmittedAssignment,
)
from nbgrader.plugins import ExportPlugin

from losscourse.grading import states
from losscourse.grading.states import State

__all__ = ["CsvWithStatus"]

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


class CsvWithStatus(ExportPlugin):
    """nbgrader's CSV and a column `status`, for `c.ExportApp.plugin_class`.

    The status is `graded`, `needs marking` (the score still lacks what is marked by hand),
    `not graded` or `not submitted`; the last two have no score.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write grades.csv, or the file that `--to` names."""
        destination = Path(self.to or "grades.csv")
        known = {a.name: states.read(gradebook.engine, a.name) for a in gradebook.assignments}
        rows = [
            _row(gradebook, assignment, student, known[assignment.name].get(student.id))
            for assignment in gradebook.assignments
            if not self.assignment or assignment.name in map(str, self.assignment)
            for student in gradebook.students
            if not self.student or student.id in map(str, self.student)
        ]
        with destination.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        self.log.info("Wrote %s rows to %s", len(rows), destination)
        for row in rows:
            if row["status"] == "not graded":
                name, student = row["assignment"], row["student_id"]
                state = known[name].get(student)
                why = f": {state.reason}" if state and state.state == "failed" else ""
                self.log.warning("%s: %s is not graded%s", name, student, why)


def _row(
    gradebook: Gradebook, assignment: Assignment, student: Student, state: State | None
) -> dict:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": assignment.max_score,
    }
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return row | {"status": "not graded" if state else "not submitted"}
    row |= {"timestamp": submission.timestamp, "status": _status(submission)}
    if row["status"] == "not graded":
        return row
    penalty = submission.late_submission_penalty or 0.0
    return row | {
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
    }


def _status(submission: SubmittedAssignment) -> str:
    """How far the grading has come; a test without a score is one that did not run."""
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    if not grades or any(map(_lacks_score, grades)):
        return "not graded"
    return "needs marking" if submission.needs_manual_grade else "graded"


def _lacks_score(grade: Grade) -> bool:
    by_hand = {cell.name for cell in grade.notebook.notebook.solution_cells}
    is_test = isinstance(grade.cell, GradeCell) and grade.name not in by_hand
    return is_test and grade.auto_score is None and grade.manual_score is None
