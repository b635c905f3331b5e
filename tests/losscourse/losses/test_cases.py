"""The table of cases has no hole: every public loss, with all that the suites need of it."""

import importlib
import inspect
import pkgutil

import pytest

from losscourse import losses
from losscourse.catalogue import CATALOGUE
from tests.losscourse.losses.cases import CASES
from tests.losscourse.losses.named_means import NAMED_MEANS

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
MODULES = [
    importlib.import_module(f"losscourse.losses.{found.name}")
    for found in pkgutil.iter_modules(losses.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_function_has_a_case(module):
    covered = {case.loss for case in CASES} | {case.gradient for case in CASES}
    covered |= {mean.function for mean in NAMED_MEANS}
    missing = [name for name in module.__all__ if getattr(module, name) not in covered]
    assert not missing, f"{module.__name__}: no case for {missing}"


def test_every_case_is_public_and_in_the_catalogue_once():
    public = {getattr(module, name) for module in MODULES for name in module.__all__}
    assert all(case.loss in public and case.gradient in public for case in CASES)
    assert sorted(case.name for case in CASES) == sorted(CATALOGUE)


@CASE
def test_gradient_takes_the_arguments_of_its_loss(case):
    assert case.gradient.__name__ == f"{case.name}_grad"
    assert case.gradient.__module__ == case.loss.__module__
    theirs = inspect.signature(case.gradient).parameters
    assert theirs == inspect.signature(case.loss).parameters


@CASE
def test_settings_hold_the_defaults_and_the_catalogues_examples(case):
    assert {} in case.settings
    for name, parameter in CATALOGUE[case.name].parameters.items():
        tested = {setting[name] for setting in case.settings if name in setting}
        assert tested >= {parameter.default, *parameter.examples}
        assert all(value in parameter.domain for value in tested)


@CASE
def test_case_is_complete(case):
    assert case.identities
    assert {wrong.of for wrong in case.wrongs} == {"loss", "gradient"}
    assert len([wrong for wrong in case.wrongs if not wrong.unchecked]) >= 3
    assert all(case.limits(**setting) for setting in case.settings)
    kinked = any(case.kinks(**setting) for setting in case.settings)
    assert kinked or CATALOGUE[case.name].smoothness > 0, "a kink without declared subgradient"
