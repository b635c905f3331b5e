"""The late policy: points off for each day begun."""

import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

__all__ = ["PointsPerDay"]


class PointsPerDay(LateSubmissionPlugin):
    """Take off `points_per_day` for each day begun, for `c.AssignLatePenalties.plugin_class`."""

    points_per_day = Float(10.0, min=0.0, help="Points off for each day begun.").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float:
        """Return the points to take off; nbgrader takes no more than the score."""
        return self.points_per_day * math.ceil(total_seconds_late / 86400)
