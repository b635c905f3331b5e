"""The course as nbgrader sees it: `nbgrader` commands are run in this folder."""

import warnings

from sqlalchemy.exc import SAWarning

# About nbgrader's own use of SQLAlchemy: nothing that an instructor can act on.
warnings.filterwarnings("ignore", category=SAWarning)

c = get_config()  # noqa: F821 - nbgrader defines it

c.CourseDirectory.course_id = "losscourse"

c.ClearSolutions.code_stub = {"python": "# Your code here.\nraise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# The tests run in one process, the student's code in a sandbox in another; neither is a kernel.
c.Autograde.autograde_preprocessors = [
    "losscourse.grading.execute.RunElsewhere",
    "losscourse.grading.execute.SaveScores",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Seconds for one cell, or one call of a student's function: an endless loop costs this much.
c.Execute.timeout = 30

# An upload named ada_ps01.ipynb is Ada's; ada_2026-03-04-10-00-00_ps01.ipynb says when it came.
c.FileNameCollectorPlugin.named_regexp = (
    r".*[/\\](?P<student_id>[^_/\\]+)"
    r"(?:_(?P<timestamp>\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}))?_(?P<file_id>[^_/\\]+)\.ipynb$"
)

# The student's text in the instructor's notebook; what cannot be read is named in one line.
c.Autograde.exporter_class = "losscourse.grading.intake.SubmissionExporter"
c.Autograde.pre_convert_hook = "losscourse.grading.intake.find_notebooks"
c.OverwriteCells.add_missing_cells = True

# The late policy.
c.AssignLatePenalties.plugin_class = "losscourse.grading.late.PointsPerDay"
c.PointsPerDay.points_per_day = 10

# Feedback: one page a student, made anew on each call, so that no mark on it is an old one.
c.GenerateFeedback.exporter_class = "losscourse.grading.feedback.FeedbackExporter"
c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.force = True
# c.FeedbackExporter.site = "https://example.org/loss"  # where the pages' names shall link to

# Grades with a status beside the score.
c.ExportApp.plugin_class = "losscourse.grading.export.CsvWithStatus"
