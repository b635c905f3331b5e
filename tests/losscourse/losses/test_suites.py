"""Every loss through every suite, and every mutant of a loss through the suites that reject it."""

import pytest

from tests.losscourse.losses.cases import CASES
from tests.losscourse.losses.suites import SUITES, compiles_whole
from tests.losscourse.mutants import Mutant, assert_rejected

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.mark.parametrize("suite", [*SUITES, compiles_whole], ids=lambda suite: suite.__name__)
@CASE
def test_loss(case, suite):
    suite(case)


@CASE
def test_mutants_are_rejected(request, case):
    mutants = [
        Mutant(f"{wrong.of}: {wrong.name}", case.mutated(wrong))
        for wrong in (*case.wrongs, *case.common_wrongs)
    ]
    needless = {
        "kink_takes_declared_subgradient": not any(case.kinks(**s) for s in case.settings),
        "rejects_wrong_hyperparameters": not case.hyperparameters,
    }
    suites = [suite for suite in SUITES if not needless.get(suite.__name__)]
    assert_rejected(request, case.name, suites, mutants, table="losses")
