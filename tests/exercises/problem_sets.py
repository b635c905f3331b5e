"""Grade a problem set's wrong answers through nbgrader and compare each cell's score.

    python -m tests.exercises.problem_sets [ps01 ...]

prints, for every mutant, the points expected and given. A mutant is a Python file in
`exercises/mutants/<assignment>/`: the reference with some solution cells replaced.

    # What is wrong, in a sentence.
    # loses: the test cells that give 0 points, by grade_id; all others give full points
    # cell: the grade_id of the solution cell that the code below replaces

A file may hold several `# cell:` parts. `# loses: nothing` is for a right answer unlike ours.
"""

import argparse
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from losscourse.grading.judge import measures

ROOT = Path(__file__).parents[2] / "exercises"
ASSIGNMENTS = sorted(path.name for path in (ROOT / "source").iterdir() if path.is_dir())
REFERENCE, UNTOUCHED = "reference", "untouched"

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Mutant:
    """A wrong answer, or a right one unlike the reference.

    Args:
        name: Its file's name, which is also the student's in the gradebook.
        about: What is wrong, in a sentence.
        loses: The test cells that give it no points.
        cells: The code that replaces solution cells, by grade_id.
    """

    name: str
    about: str
    loses: frozenset[str]
    cells: dict[str, str] = field(hash=False)


def grader_data(cell: NotebookNode) -> dict:
    """Return a cell's nbgrader metadata; empty where it has none."""
    return cell.metadata.get("nbgrader", {})


def solution_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that a student writes."""
    return [c for c in notebook.cells if c.cell_type == "code" and grader_data(c).get("solution")]


def grade_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that carry points: tests, and answers marked by hand."""
    return [cell for cell in notebook.cells if grader_data(cell).get("grade")]


def tests_by_question(notebook: NotebookNode) -> dict[str, list[str]]:
    """Return the test cells with points that follow each solution cell, by grade_id."""
    questions, question = {}, None
    for cell in notebook.cells:
        data = grader_data(cell)
        if cell.cell_type == "code" and data.get("solution"):
            question = data["grade_id"]
            questions[question] = []
        elif cell.cell_type == "code" and data.get("grade") and data["points"]:
            questions[question].append(data["grade_id"])
    return questions


def measured_share(notebook: NotebookNode) -> float:
    """Return the share of the points that meters in the student's process decide."""
    cells = grade_cells(notebook)
    measured = [cell for cell in cells if cell.cell_type == "code" and measures(cell.source)]
    total, within = (sum(grader_data(c)["points"] for c in some) for some in (cells, measured))
    return within / total


def read_source(assignment: str) -> NotebookNode:
    """Read the instructor's notebook of an assignment."""
    return nbformat.read(ROOT / "source" / assignment / f"{assignment}.ipynb", as_version=4)


def read_mutants(assignment: str) -> list[Mutant]:
    """Read the wrong answers that ship with an assignment."""
    paths = sorted((ROOT / "mutants" / assignment).glob("*.py"))
    return [parse_mutant(path.stem, path.read_text()) for path in paths]


def parse_mutant(name: str, text: str) -> Mutant:
    """Parse one mutant's file.

    Raises:
        ValueError: The file has no description, no `# loses:` or no `# cell:`.
    """
    about, loses, cells, cell = [], None, {}, None
    for line in text.splitlines():
        if line.startswith("# loses:"):
            loses = (loses or []) + line.removeprefix("# loses:").split()
        elif line.startswith("# cell:"):
            cell = line.removeprefix("# cell:").strip()
            cells[cell] = []
        elif cell is None:
            about.append(line.removeprefix("#").strip())
        else:
            cells[cell].append(line)
    if not any(about) or loses is None or not cells:
        raise ValueError(f"{name}: expected a description, '# loses:' and '# cell:' lines")
    return Mutant(
        name=name,
        about=" ".join(about),
        loses=frozenset(loses) - {"nothing"},
        cells={key: "\n".join(lines).strip() for key, lines in cells.items()},
    )


def submission(released: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """Return the student's notebook with the given text in its solution cells."""
    notebook = copy.deepcopy(released)
    known = {grader_data(c)["grade_id"]: c for c in notebook.cells if grader_data(c)}
    for grade_id, text in answers.items():
        if grade_id not in known or not grader_data(known[grade_id])["solution"]:
            raise ValueError(f"{grade_id}: expected the grade_id of a solution cell")
        known[grade_id].source = text
    return notebook


def reference_answers(source: NotebookNode) -> dict[str, str]:
    """Return the text of the solution cells, without their markers, by grade_id."""
    answers = {}
    for cell in source.cells:
        if grader_data(cell).get("solution"):
            lines = [
                line for line in cell.source.splitlines() if not line.strip().startswith("###")
            ]
            answers[grader_data(cell)["grade_id"]] = "\n".join(lines)
    return answers


def run_nbgrader(course: Path, *arguments: str) -> str:
    """Run one nbgrader command in a course folder and return what it logged.

    Raises:
        RuntimeError: The command failed; the message holds its log.
    """
    command = [sys.executable, "-m", "nbgrader", *arguments]
    # The student's kernel must import the package that stands beside these tests.
    settings = os.environ | {"PYTHONPATH": str(ROOT.parent), "IPYTHONDIR": str(course / ".ipython")}
    done = subprocess.run(command, cwd=course, env=settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def make_course(folder: Path, assignment: str) -> NotebookNode:
    """Make a course in an empty folder; return the student's version of the assignment."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "source" / assignment, folder / "source" / assignment)
    run_nbgrader(folder, "generate_assignment", assignment)
    return nbformat.read(folder / "release" / assignment / f"{assignment}.ipynb", as_version=4)


def grade(course: Path, assignment: str, work: dict[str, NotebookNode]) -> dict[str, Scores]:
    """Autograde submissions in a course folder.

    Args:
        course: A folder made by `make_course`.
        assignment: The assignment's name.
        work: Notebooks by student.

    Returns:
        The automatic score of each cell that carries points, by student and grade_id; None where
        a person must mark it.
    """
    from nbgrader.api import Gradebook

    for student, notebook in work.items():
        folder = course / "submitted" / student / assignment
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{assignment}.ipynb")
    run_nbgrader(course, "autograde", assignment)
    scores = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for student in work:
            (notebook,) = gradebook.find_submission(assignment, student).notebooks
            scores[student] = {grade.name: grade.auto_score for grade in notebook.grades}
    return scores


def grade_all(
    assignment: str, mutants: Iterable[Mutant], *, workers: int = 2
) -> tuple[NotebookNode, dict[str, Scores]]:
    """Grade the reference, the untouched notebook and the mutants, in parallel courses.

    Returns:
        The student's version of the notebook, and the scores by student.
    """
    reference = reference_answers(read_source(assignment))
    with tempfile.TemporaryDirectory() as folder:
        courses = [Path(folder, f"course{i}") for i in range(workers)]
        courses[0].mkdir()
        released = make_course(courses[0], assignment)
        for course in courses[1:]:
            shutil.copytree(courses[0], course)
        work = {REFERENCE: submission(released, reference), UNTOUCHED: released} | {
            mutant.name: submission(released, reference | mutant.cells) for mutant in mutants
        }
        students = list(work)
        shares = [{s: work[s] for s in students[i::workers]} for i in range(workers)]
        with ThreadPoolExecutor(workers) as pool:
            graded = pool.map(grade, courses, [assignment] * workers, shares)
            scores = {student: cells for share in graded for student, cells in share.items()}
    return released, {student: scores[student] for student in students}


def expected_scores(source: NotebookNode, loses: Iterable[str]) -> Scores:
    """Return the score of every cell that carries points for work that loses the given ones."""
    return {
        grader_data(cell)["grade_id"]: None
        if grader_data(cell)["solution"]
        else 0.0
        if grader_data(cell)["grade_id"] in loses
        else float(grader_data(cell)["points"])
        for cell in grade_cells(source)
    }


def untouched_scores(source: NotebookNode) -> Scores:
    """Return the scores of a notebook handed in as it was released: 0 everywhere."""
    return {grader_data(cell)["grade_id"]: 0.0 for cell in grade_cells(source)}


def differences(expected: Scores, given: Scores) -> list[str]:
    """Say for which cells the given scores are not the expected ones."""
    return [
        f"{cell}: expected {expected.get(cell)}, given {given.get(cell)}"
        for cell in sorted(expected.keys() | given.keys())
        if cell not in expected or cell not in given or expected[cell] != given[cell]
    ]


def expectations(source: NotebookNode, mutants: Iterable[Mutant]) -> dict[str, Scores]:
    """Return the scores that each student of `grade_all` must get."""
    return {REFERENCE: expected_scores(source, ()), UNTOUCHED: untouched_scores(source)} | {
        mutant.name: expected_scores(source, mutant.loses) for mutant in mutants
    }


def report(assignment: str, expected: dict[str, Scores], given: dict[str, Scores]) -> Table:
    """Return a table of points expected and given, student by student."""
    table = Table("student", "expected", "given", "cells that differ", title=assignment)
    for student in expected:
        points = [sum(filter(None, s[student].values())) for s in (expected, given)]
        faults = differences(expected[student], given[student])
        table.add_row(student, *(f"{p:g}" for p in points), "\n".join(faults))
    return table


def main() -> None:
    """Print the table of each assignment; exit with 1 where a score is not the expected one."""
    parser = argparse.ArgumentParser(description="Grade the wrong answers of problem sets.")
    parser.add_argument("assignments", nargs="*", default=ASSIGNMENTS, metavar="ps01")
    failed = False
    for assignment in parser.parse_args().assignments:
        if assignment not in ASSIGNMENTS:
            parser.error(f"expected an assignment of {', '.join(ASSIGNMENTS)}, got {assignment}")
        source, mutants = read_source(assignment), read_mutants(assignment)
        expected = expectations(source, mutants)
        _, given = grade_all(assignment, mutants)
        Console(width=110).print(report(assignment, expected, given))
        failed |= expected != given
    sys.exit(failed)


if __name__ == "__main__":
    main()
