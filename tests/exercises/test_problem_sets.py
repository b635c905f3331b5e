"""Every problem set: its source is clean, and its wrong answers get the points they should.

The tests take their assignments from `exercises/source/`; a new one needs no new test.
"""

import ast
import json
import re
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from tests.exercises import problem_sets as sets

BASE = {"numpy", "matplotlib", "sklearn", "sympy", "losscourse"}
"""What the wheel brings along: a student's notebook imports nothing else but Python's own."""

MARKER = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", re.DOTALL)
SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", re.DOTALL)
MINUTE = 60
COMMON = 25
"""Lines shorter than this, such as `return params`, stand in many places and give nothing away."""


@pytest.fixture(scope="module", params=sets.ASSIGNMENTS)
def assignment(request):
    return request.param


@pytest.fixture(scope="module")
def path(assignment):
    return sets.ROOT / "source" / assignment / f"{assignment}.ipynb"


@pytest.fixture(scope="module")
def source(assignment):
    return sets.read_source(assignment)


@pytest.fixture(scope="module")
def mutants(assignment):
    return sets.read_mutants(assignment)


@pytest.fixture(scope="module")
def released(assignment, tmp_path_factory):
    return sets.make_course(tmp_path_factory.mktemp("course"), assignment)


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def hidden_inputs(source):
    """Return the lines of hidden tests that hold a seed or the numbers of an input."""
    regions = [region for cell in source.cells for region in HIDDEN.findall(cell.source)]
    lines = {line.strip() for region in regions for line in region.splitlines()}
    return {line for line in lines if re.search(r"default_rng\(\d|checks\.call\(.*\d\.\d", line)}


def solution_lines(source):
    """Return the lines of solutions that stand nowhere else, long enough to tell something."""
    regions = [region for cell in source.cells for region in SOLUTION.findall(cell.source)]
    lines = {line.strip() for region in regions for line in region.splitlines()}
    public = "\n".join(outside_regions(cell.source) for cell in source.cells)
    return {line for line in lines if len(line) >= COMMON and line not in public}


def outside_regions(text):
    return SOLUTION.sub("", HIDDEN.sub("", text))


# ---------------------------------------------------------------- the source


def test_source_is_clean(path, source):
    nbformat.validate(source)
    assert source.nbformat == 4
    assert source.nbformat_minor >= 5
    assert source.metadata.kernelspec.name == "python3"
    dirty = [c.id for c in code_of(source) if c.outputs or c.execution_count is not None]
    assert not dirty, f"outputs in {dirty}: run jupyter nbconvert --clear-output --inplace {path}"
    assert set(source.metadata) <= {"kernelspec", "language_info"}
    assert set(source.metadata.language_info) == {"name"}, "kernel versions make diffs of nothing"


def test_cells_are_named_by_their_grade_id(source):
    for cell in source.cells:
        data = sets.grader_data(cell)
        assert data, f"{cell.id}: every cell is locked, a solution or a test"
        assert data["grade_id"] == cell.id
    ids = [cell.id for cell in source.cells]
    assert len(set(ids)) == len(ids)


def test_metadata_is_what_nbgrader_expects(source):
    for cell in source.cells:
        data = sets.grader_data(cell)
        assert set(cell.metadata) == {"nbgrader"}
        assert data["schema_version"] == 3
        assert all(type(data[key]) is bool for key in ("grade", "locked", "solution", "task"))
        assert data["locked"] or data["solution"], f"{cell.id}: a student could change this cell"
        assert ("points" in data) == (data["grade"] or data["task"])


def test_points_sum_to_100(source):
    points = [sets.grader_data(cell)["points"] for cell in sets.grade_cells(source)]
    assert sum(points) == 100
    assert all(type(p) is int and p >= 0 for p in points)


def test_headings_state_the_points(source):
    """The points in a heading are those of the cells up to the next heading."""
    stated, counted = {}, {}
    heading = None
    for cell in source.cells:
        if found := re.search(r"^## (.*) \((\d+) points\)$", cell.source, re.MULTILINE):
            heading = found[1]
            stated[heading], counted[heading] = int(found[2]), 0
        points = sets.grader_data(cell).get("points", 0)
        if points:
            counted[heading] += points
    assert stated == counted
    assert sum(stated.values()) == 100


@pytest.mark.slow
def test_solutions_start_from_a_stub(source, released):
    for cell in sets.solution_cells(source):
        functions = ast.parse(cell.source).body
        assert all(isinstance(f, ast.FunctionDef) and ast.get_docstring(f) for f in functions)
        assert cell.source.count("### BEGIN SOLUTION") == len(functions)
    for cell in sets.solution_cells(released):
        for function in ast.parse(cell.source).body:
            assert ast.unparse(function.body[-1]) == "raise NotImplementedError"


def test_test_cells_import_the_checks_themselves(source):
    for cell in sets.grade_cells(source):
        if cell.cell_type == "code":
            assert "from losscourse import checks\n" in cell.source, cell.id
            assert ("np." not in cell.source) or "import numpy as np\n" in cell.source, cell.id


def test_only_the_wheels_dependencies_are_imported(source):
    allowed = BASE | set(sys.stdlib_module_names)
    for cell in code_of(source):
        for node in ast.walk(ast.parse(cell.source)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in allowed, f"{cell.id} imports {name}"


def test_a_tested_question_has_hidden_and_visible_tests(source):
    for cell in sets.grade_cells(source):
        if cell.cell_type == "code":
            assert HIDDEN.search(cell.source), f"{cell.id}: no hidden tests"
            assert "checks." in outside_regions(cell.source).split("checks\n", 1)[1], cell.id


# ---------------------------------------------------------------- what a student gets


def test_the_students_version_holds_no_secret(source, released):
    text = json.dumps(released, ensure_ascii=False)
    assert not MARKER.search(text)
    cells = "\n".join(cell.source for cell in released.cells)
    for secrets in (hidden_inputs(source), solution_lines(source)):
        assert len(secrets) > 20
        assert not {line for line in secrets if line in cells}
    assert all(not cell.outputs for cell in code_of(released))
    keys = {key for cell in released.cells for key in cell.metadata}
    assert keys == {"nbgrader", "deletable", "editable"}


def test_the_package_holds_no_hidden_test(source):
    """The package does hold the formulas; it must not hold the questions put to them."""
    package = Path(sets.ROOT.parent, "losscourse").rglob("*.py")
    text = "\n".join(path.read_text() for path in package)
    assert not {line for line in hidden_inputs(source) if line in text}


# ---------------------------------------------------------------- the mutants


def test_every_question_has_three_wrong_answers(source, mutants):
    for question, tests in sets.tests_by_question(source).items():
        wrong = [m.name for m in mutants if question in m.cells and m.loses & set(tests)]
        assert len(wrong) >= 3 or not tests, f"{question}: only {wrong}"


def test_every_test_cell_is_failed_by_a_wrong_answer(source, mutants):
    lost = frozenset().union(*(mutant.loses for mutant in mutants))
    tests = sets.tests_by_question(source).values()
    assert {test for cells in tests for test in cells} == lost


def test_meters_decide_less_than_a_third_of_the_points(source):
    assert sets.measured_share(source) < 1 / 3


def test_a_test_that_measures_counts_as_such_however_it_is_called():
    texts = {
        "checks.measure(f, 2).at_most(bytes=8)": 2,
        "from losscourse.checks import measure as take\ntake(f).at_most(seconds=1)": 1,
        "### BEGIN HIDDEN TESTS\nused = checks.measure(f)\n### END HIDDEN TESTS": 1,
        "checks.call(f, 'measure').gives(2)": 4,
    }
    cells = [nbformat.v4.new_code_cell(text) for text in texts]
    for cell, points in zip(cells, texts.values(), strict=True):
        cell.metadata["nbgrader"] = {"grade": True, "points": points, "solution": False}
    assert sets.measured_share(nbformat.v4.new_notebook(cells=cells)) == 0.5


def test_a_mutant_without_a_header_is_refused():
    with pytest.raises(ValueError, match="# loses:"):
        sets.parse_mutant("bare", "# Wrong.\n# cell: huber\ndef huber(): ...\n")


def test_a_mutant_of_no_solution_cell_is_refused(source):
    with pytest.raises(ValueError, match="no-such-cell"):
        sets.submission(source, {"no-such-cell": "pass"})


# ---------------------------------------------------------------- the grades


@pytest.fixture(scope="module")
def scores(assignment, mutants):
    return sets.grade_all(assignment, mutants)[1]


@pytest.mark.slow
def test_each_submission_gets_its_points(assignment, source, mutants, scores):
    expected = sets.expectations(source, mutants)
    Console(width=110).print(sets.report(assignment, expected, scores))
    faults = {name: sets.differences(expected[name], scores[name]) for name in expected}
    faults = {name: lines for name, lines in faults.items() if lines}
    assert not faults, json.dumps(faults, indent=2)


@pytest.mark.slow
def test_a_second_grading_gives_the_same(assignment, mutants, scores):
    sample = mutants[::20]
    _, again = sets.grade_all(assignment, sample)
    assert again == {name: scores[name] for name in again}


@pytest.mark.slow
def test_the_reference_runs_within_a_minute(source):
    from time import perf_counter

    from nbconvert.preprocessors import ExecutePreprocessor

    start = perf_counter()
    ExecutePreprocessor(timeout=MINUTE, kernel_name="python3").preprocess(deepcopy(source), {})
    assert perf_counter() - start < MINUTE
