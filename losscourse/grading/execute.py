"""nbgrader's autograde through the grader: what stands in place of running a kernel.

`nbgrader autograde`, on the command line and behind formgrader's button, uses these by
configuration. The students' code runs in the sandbox; if that cannot be had, nothing is graded,
unless `c.RunElsewhere.sandbox = False` says so, and then every notebook does too.
"""

import atexit
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Float, default

from losscourse.grading.files import Folders
from losscourse.grading.intake import read_source
from losscourse.grading.judge import Report, Step, Verdict
from losscourse.grading.rebuild import solution_names
from losscourse.grading.warm import Warm

__all__ = ["NotGraded", "RunElsewhere", "SaveScores", "fill_in", "steps_of"]


class NotGraded(NbGraderException):
    """The grader itself could not go on: the submission stays without a score."""


_WARM: dict[bool, Warm] = {}
"""The warm parents of this process: one with the sandbox, one without."""


class RunElsewhere(NbGraderPreprocessor):
    """Runs a notebook in a pair of processes of its own, in place of nbgrader's `Execute`."""

    sandbox = Bool(True, help="Whether students' code is confined.").tag(config=True)
    cell_seconds = Float(
        help="Seconds for one cell, or one call of it. Default: c.Execute.timeout, as in nbgrader."
    ).tag(config=True)
    total_seconds = Float(300.0, help="Seconds for a whole submission.").tag(config=True)

    @default("cell_seconds")
    def _timeout(self) -> float:
        seconds = Execute(parent=self).timeout
        return seconds if seconds and seconds > 0 else self.total_seconds

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Fill in the outputs of a notebook, from which nbgrader takes the scores.

        Raises:
            NotGraded: The grader's own processes failed; it is not the student's fault.
            TooMuchData: The assignment's own files are too many or too large.
        """
        if not Execute(parent=self).enabled:
            self.log.warning("--no-execute has no effect: a file's own outputs are no score")
        source, names = read_source(self.config, resources), resources["nbgrader"]
        report = self._warm().grade(
            steps_of(nb),
            solution_names(source),
            files=Folders(CourseDirectory(config=self.config), names["assignment"]).data(),
            cell_seconds=self.cell_seconds,
            total_seconds=self.total_seconds,
        )
        if report.state == "failed":
            raise NotGraded(f"the grader failed, and can be run again: {report.reason}")
        fill_in(nb, report)
        resources["to be scored by a person"] = {
            v.cell for v in report.verdicts if v.kind == "test" and v.score is None
        }
        resources["to be looked at by a person"] = {
            v.cell
            for v in report.verdicts
            if nb.metadata.get("doubts") and v.kind == "test" and (v.score or 0.0) < v.points
        }
        if not self.sandbox:
            self.log.warning("%s ran without a sandbox", names["student"])
        return nb, resources

    def _warm(self) -> Warm:
        if self.sandbox not in _WARM:
            _WARM[self.sandbox] = Warm(confined=self.sandbox)
            atexit.register(_WARM[self.sandbox].close)
        return _WARM[self.sandbox]


class SaveScores(SaveAutoGrades):
    """Saves the scores as nbgrader does.

    A test that gave no number of points awaits a person, and so does one that lost points in a
    notebook that leaves a doubt (see `Rebuilt.doubts`); the latter keeps its score until then.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Save the scores of a notebook."""
        self._open = resources.get("to be scored by a person", set())
        self._doubted = resources.get("to be looked at by a person", set())
        return super().preprocess(nb, resources)

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        if name in self._open | self._doubted:
            grade = self.gradebook.find_grade(
                name, self.notebook_id, self.assignment_id, self.student_id
            )
            grade.needs_manual_grade = True
            if name in self._open:
                grade.auto_score = None
            self.gradebook.db.commit()


def steps_of(nb: NotebookNode) -> list[Step]:
    """Return the code cells of a rebuilt notebook as steps.

    Args:
        nb: The source's cells with a student's text, as `intake.SubmissionExporter` makes it.

    Returns:
        One step for each code cell, in order, named by its grade_id or, a student's own, its place.
    """
    steps = []
    for number, cell in enumerate(nb.cells, start=1):
        if cell.cell_type == "code":
            data = cell.metadata.get("nbgrader", {})
            theirs = data.get("solution") or cell.metadata.get("student")
            kind = "student" if theirs else "test" if data.get("grade") else "setup"
            points = float(data.get("points", 0)) if kind == "test" else 0.0
            steps.append(Step(kind, data.get("grade_id", f"cell {number}"), cell.source, points))
    return steps


def fill_in(nb: NotebookNode, report: Report) -> None:
    """Write each verdict into its cell's outputs, in the form that nbgrader reads as its score.

    The notebook's metadata say whether the student's code was confined.

    Args:
        nb: The notebook whose cells were the steps.
        report: What came of them.
    """
    nb.metadata["sandbox"] = report.sandbox
    verdicts = iter(report.verdicts)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = _outputs(next(verdicts))


def _outputs(verdict: Verdict) -> list[NotebookNode]:
    outputs = []
    if verdict.printed:
        outputs.append(new_output("stream", name="stdout", text=verdict.printed))
    if verdict.message and verdict.score is None and verdict.kind == "test":
        outputs.append(new_output("stream", name="stdout", text=verdict.message))
    elif verdict.message:
        head = verdict.message.partition("\n")[0]
        outputs.append(
            new_output("error", ename="Check failed", evalue=head, traceback=[verdict.message])
        )
    elif verdict.kind == "test" and 0 < (verdict.score or 0) < verdict.points:
        score = {"text/plain": repr(verdict.score)}
        outputs.append(new_output("execute_result", data=score, execution_count=None))
    elif verdict.kind == "test" and verdict.points and verdict.score == 0:
        outputs.append(new_output("error", ename="No points", evalue="", traceback=["No points."]))
    return outputs
