"""Small problem sets for the tests of the grader, and what a student hands in of them."""

from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

__all__ = ["data", "double_and_triple", "half", "of_python", "solution", "text"]

TEST = "from losscourse import checks\nchecks.call({0}, 3.0).gives({1})"
PART = (
    "checks.call(triple, 1.0).gives(3.0)\n"
    "### BEGIN HIDDEN TESTS\n"
    "2 if checks.call(triple, -1.0).value() != -3.0 else 5\n"
    "### END HIDDEN TESTS"
)


def data(name: str, *, points: float | None = None, solution: bool = False) -> dict[str, Any]:
    """Return the metadata of one of nbgrader's cells.

    Args:
        name: The cell's name.
        points: What it is worth; None where it is not graded.
        solution: Whether students write in it.
    """
    meta = {"grade_id": name, "grade": points is not None, "solution": solution, "task": False}
    meta |= {"locked": not solution, "schema_version": 3}
    return {"nbgrader": meta if points is None else meta | {"points": points}}


def of_python(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook of Python.

    Args:
        *cells: Its cells.
    """
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=list(cells), metadata={"kernelspec": kernel})


def solution(function: str, value: str) -> str:
    """Return a function of x with a solution, as an instructor writes it.

    Args:
        function: Its name.
        value: What it returns.
    """
    return f"def {function}(x):\n    ### BEGIN SOLUTION\n    return {value}\n    ### END SOLUTION"


def half(answer: str = solution("half", "x / 2")) -> nbformat.NotebookNode:
    """Return a problem set of one function and 3 points, or a submission.

    Args:
        answer: What stands in the solution cell.
    """
    return of_python(
        new_code_cell(answer, metadata=data("half", solution=True)),
        new_code_cell(TEST.format("half", 1.5), metadata=data("half-test", points=3)),
    )


def double_and_triple(
    double: str = solution("double", "2 * x"),
    triple: str = solution("triple", "3 * x"),
    essay: str = "Solution.",
    extra: tuple[str, ...] | list[str] = (),
) -> nbformat.NotebookNode:
    """Return a problem set of two functions and an essay, 20 points in all, or a submission.

    Args:
        double: What stands in the first solution cell: 10 points.
        triple: In the second: 5 points, of which a hidden test may take 3.
        essay: In the third: 5 points, given by hand.
        extra: Code cells of the student's own, at the end.
    """
    return of_python(
        new_code_cell(double, metadata=data("double", solution=True)),
        new_code_cell(TEST.format("double", 6.0), metadata=data("double-test", points=10)),
        new_code_cell(triple, metadata=data("triple", solution=True)),
        new_code_cell(PART, metadata=data("triple-test", points=5)),
        new_code_cell("assert triple", metadata=data("triple-there", points=0)),
        new_markdown_cell(essay, metadata=data("essay", points=5, solution=True)),
        *map(new_code_cell, extra),
    )


def text(**cells: Any) -> str:
    """Return a submission of `double_and_triple` as a file's text; its essay is answered.

    Args:
        **cells: As for `double_and_triple`.
    """
    return nbformat.writes(double_and_triple(**{"essay": "Because."} | cells))
