"""Every loss through every suite, and every mutant of a loss through the suites that reject it."""

import numpy as np
import pytest

from tests.losscourse.losses.cases import CASES
from tests.losscourse.losses.suites import SUITES, compiles_whole
from tests.losscourse.mutants import Mutant, assert_rejected

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
ALL = {suite.__name__: suite for suite in (*SUITES, compiles_whole)}
APPLICABLE = [
    pytest.param(
        case,
        suite,
        id=f"{case.name}-{name}",
        marks=[pytest.mark.slow] if suite is compiles_whole else [],
    )
    for case in CASES
    for name, suite in ALL.items()
    if name not in case.left_out
]


@pytest.mark.parametrize(("case", "suite"), APPLICABLE)
def test_loss(case, suite):
    suite(case)


@CASE
def test_what_is_left_out_could_not_hold(case):
    """A suite may be left out for a reason alone; one that would pass has none."""
    for name, reason in case.without.items():
        assert reason.strip(), f"{case.name}: say why {name} is left out"
        with pytest.raises((Exception, pytest.fail.Exception)), np.errstate(all="ignore"):
            ALL[name](case)


@pytest.mark.slow
@CASE
def test_mutants_are_rejected(request, case):
    mutants = [
        Mutant(f"{wrong.of}: {wrong.name}", case.mutated(wrong))
        for wrong in (*case.wrongs, *case.common_wrongs)
    ]
    suites = [suite for suite in SUITES if suite.__name__ not in case.left_out]
    declared = [[case.name, name, reason] for name, reason in case.without.items()]
    request.node.user_properties.extend(("left out", row) for row in declared)
    assert_rejected(request, case.name, suites, mutants, table="losses")
