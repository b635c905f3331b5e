"""A small problem set: three functions that tests judge, 6 points, and two answers in prose."""

import re
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ANSWERS = {
    "double": "def double(x):\n    größe = 2 * x  # ×2\n    return größe\n",
    "halve": "def halve(x):\n    return x / RATE\n",
    "shift": "STEP = 1.0\n\ndef shift(x):\n    return double(x) + STEP\n",
    "limits": "Where x overflows.",
    "why": "Because **halving** undoes doubling.",
}
POINTS = {"double-values": 2.0, "halve-values": 3.0, "shift-values": 1.0}
_HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n.*### END HIDDEN TESTS\n", re.S)


def _cell(kind: str, name: str, text: str, *flags: str, **data: Any) -> NotebookNode:
    make = new_code_cell if kind == "code" else new_markdown_cell
    wholly = {flag: flag in flags for flag in ("grade", "solution", "locked")}
    return make(text, metadata={"nbgrader": wholly | {"grade_id": name, **data}})


def _solution(name: str) -> NotebookNode:
    text = ANSWERS[name].replace("    return", "    ### BEGIN SOLUTION\n    return")
    return _cell("code", name, f"{text}    ### END SOLUTION\n", "solution")


def _test(name: str, shown: str, hidden: str) -> NotebookNode:
    head = "from losscourse import checks\n\n"
    text = f"{head}{shown}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS\n"
    return _cell("code", name, text, "grade", "locked", points=POINTS[name])


def source() -> NotebookNode:
    """Return the instructor's notebook."""
    return new_notebook(
        cells=[
            _cell("prose", "title", "# Doubles and halves", "locked"),
            _cell("code", "setup", "RATE = 2.0\n", "locked"),
            new_markdown_cell("---"),
            _solution("double"),
            _test("double-values", "double(1.5)", "checks.call(double, 1.5).gives(3.0)"),
            new_markdown_cell("---"),
            _solution("halve"),
            _test("halve-values", "halve(3.0)", "checks.call(halve, 3.0).gives(1.5)"),
            new_markdown_cell("Why do they undo each other?"),
            _cell("prose", "why", "Halving.", "grade", "solution", points=2),
            new_markdown_cell("---"),
            _solution("shift"),
            _test("shift-values", "shift(1.0)", "checks.call(shift, 1.0).gives(3.0)"),
            _cell("prose", "limits", "Overflow.", "grade", "solution", points=1),
        ]
    )


def released() -> NotebookNode:
    """Return the students' version."""
    notebook = source()
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("solution") and cell.cell_type == "code":
            start, _, _ = cell.source.partition("    ### BEGIN")
            cell.source = f"{start}    # Your code here.\n    raise NotImplementedError\n"
        elif data.get("solution"):
            cell.source = "*Your answer here.*"
        cell.source = _HIDDEN.sub("", cell.source)
    return notebook


def solved(**answers: str) -> NotebookNode:
    """Return a submission that earns all points, but for the answers given."""
    notebook = from_dict(released())
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = (ANSWERS | answers).get(name, cell.source)
    return notebook
