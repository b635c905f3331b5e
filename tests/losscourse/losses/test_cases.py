"""The table of cases has no hole: every public loss, with all that the suites need of it."""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest

from losscourse import losses
from losscourse.catalogue import CATALOGUE
from tests.losscourse.losses.cases import CASES, HELPERS
from tests.losscourse.losses.named_means import NAMED_MEANS
from tests.losscourse.losses.suites import SUITES, compiles_whole

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
MODULES = [
    importlib.import_module(f"losscourse.losses.{found.name}")
    for found in pkgutil.iter_modules(losses.__path__)
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_function_has_a_case(module):
    covered = {case.loss for case in CASES} | {case.gradient for case in CASES}
    covered |= {mean.function for mean in NAMED_MEANS} | {helper.function for helper in HELPERS}
    missing = [name for name in module.__all__ if getattr(module, name) not in covered]
    assert not missing, f"{module.__name__}: no case for {missing}"


def test_every_case_is_public_and_in_the_catalogue_once():
    public = {getattr(module, name) for module in MODULES for name in module.__all__}
    assert all(function in public for case in CASES for function in case.functions)
    assert sorted(case.name for case in CASES) == sorted(CATALOGUE)


@CASE
def test_gradient_takes_the_arguments_of_its_loss(case):
    module = inspect.getmodule(case.loss)
    if case.gradient is None:
        assert f"{case.name}_grad" not in module.__all__
        return
    assert case.gradient.__name__ == f"{case.name}_grad"
    assert case.gradient.__module__ == case.loss.__module__
    theirs = inspect.signature(case.gradient).parameters
    assert theirs == inspect.signature(case.loss).parameters


@CASE
def test_settings_hold_the_defaults_and_the_catalogues_examples(case):
    assert {} in case.settings
    for name, parameter in CATALOGUE[case.name].parameters.items():
        tested = {setting.get(name, parameter.default) for setting in case.settings}
        assert tested >= {*parameter.examples}
        assert all(value in parameter.domain for value in tested)


@CASE
def test_case_is_complete(case):
    assert case.identities
    kinds = {"loss"} if case.gradient is None else {"loss", "gradient"}
    assert {wrong.of for wrong in case.wrongs} == kinds
    wrong_losses = [w for w in case.wrongs if w.of == "loss" and not w.unchecked]
    assert len(wrong_losses) >= 3
    kinked = any(case.kinks(**setting) for setting in case.settings)
    assert kinked or CATALOGUE[case.name].smoothness > 0, "a kink without declared subgradient"


@CASE
def test_wrong_values_are_declared(case):
    """Integers have a range; signs and probabilities too."""
    rng = np.random.default_rng(0)
    for name, array in zip(case.arrays, case.draw(rng, max(case.batches), 1.0), strict=True):
        refused = case.wrong_values.get(name, ())
        if np.issubdtype(array.dtype, np.integer):
            assert -1 in refused
            assert name in case.groups or max(refused) > array.max()
        if "signs" in name:
            assert 0 in refused
        if name == "probs" or (name.endswith("_probs") and "log" not in name):
            assert min(refused) < 0
            assert max(refused) > 1
    assert set(case.wrong_values) <= set(case.arrays)
    assert set(case.groups) <= set(case.arrays)


@CASE
def test_suites_are_left_out_by_name(case):
    names = {suite.__name__ for suite in (*SUITES, compiles_whole)}
    assert set(case.left_out) <= names
    assert set(case.without) <= names
