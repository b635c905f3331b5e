"""What a student's feedback leaves out: the code of the hidden tests."""

import re
from typing import Any

from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool

__all__ = ["HideHiddenTests"]

HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.M | re.S)


class HideHiddenTests(Preprocessor):
    """Cut hidden tests, and the tracebacks that quote them, from the feedback.

    The message of the test that failed stays. For `c.GenerateFeedback.preprocessors`.
    """

    enabled = Bool(True, help="Whether feedback leaves hidden tests out.").tag(config=True)

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, cell_index: int
    ) -> tuple[NotebookNode, Any]:
        """Clean a test cell; a student's own cells stay as they are."""
        if not is_grade(cell) or is_solution(cell):
            return cell, resources
        cell.source = HIDDEN.sub("", cell.source)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources
