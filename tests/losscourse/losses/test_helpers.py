"""The families' public functions that are no losses, through their checks, and their mutants."""

import pytest

from tests.losscourse.losses.cases import HELPERS
from tests.losscourse.mutants import Mutant, assert_rejected

CHECKS = [
    pytest.param(helper, check, id=f"{helper.name}-{check.__name__}")
    for helper in HELPERS
    for check in helper.checks
]


@pytest.mark.parametrize(("helper", "check"), CHECKS)
def test_helper(helper, check):
    check(helper.function)


@pytest.mark.parametrize("helper", HELPERS, ids=lambda helper: helper.name)
def test_mutants_are_rejected(request, helper):
    mutants = [Mutant(name, function) for name, function in helper.mutants.items()]
    assert_rejected(request, helper.name, helper.checks, mutants, table=f"helper {helper.name}")
