"""The grader gives every reference, blank and wrong answer the scores that it must get."""

import json

import pytest

from losscourse.grading.rebuild import read, rebuild
from losscourse.grading.warm import Warm
from tests.exercises import problem_sets as sets


def scores(warm, source, notebook):
    """Return the state, and the score of each test cell, of a submission."""
    rebuilt = rebuild(source, read(json.dumps(notebook).encode()))
    report = warm.grade(rebuilt.steps, rebuilt.names)
    return report.state, {v.cell: v.score for v in report.verdicts if v.kind == "test"}


def by_tests(expected):
    """Return the expected scores of the cells that a test decides."""
    return {cell: score for cell, score in expected.items() if score is not None}


@pytest.mark.slow
@pytest.mark.parametrize("assignment", sets.ASSIGNMENTS)
def test_every_wrong_answer_gets_its_scores(assignment, tmp_path):
    source, mutants = sets.read_source(assignment), sets.read_mutants(assignment)
    released, reference = sets.make_course(tmp_path, assignment), sets.reference_answers(source)
    answers = {sets.REFERENCE: reference} | {m.name: reference | m.cells for m in mutants}
    expected = sets.expectations(source, mutants)
    wrong = {}
    with Warm() as warm:
        for name, cells in answers.items():
            state, given = scores(warm, source, sets.submission(released, cells))
            if state != "graded" or given != by_tests(expected[name]):
                wrong[name] = state, sets.differences(by_tests(expected[name]), given)
        nameless = sets.submission(released, reference)
        for cell in nameless.cells:
            cell.metadata = {}
        hosted = scores(warm, source, nameless)
        state, given = scores(warm, source, released)
    assert not wrong
    assert hosted == ("graded", by_tests(expected[sets.REFERENCE]))
    assert state == "graded"
    assert set(given.values()) == {0.0}
