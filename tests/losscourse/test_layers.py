"""The floors: imports point downwards, the losses load little, no loss is picked by a string."""

import ast
import graphlib
import statistics
import subprocess
import sys

import pytest

from tests.losscourse.sources import Module, dependencies, modules

FLOORS = (
    ("arrays", "stable", "reduce"),
    ("losses",),
    ("catalogue", "gradients", "optimizers", "regularizers", "schedules", "weighting"),
    ("figures", "datasets", "environments", "intervals", "meters", "surfaces"),
    ("grading", "labs", "checks"),
    ("cli", "doctor"),
)
"""The first part of a module's name under `losscourse`, by floor."""

MODULES = modules()
KNOWN = {module.name for module in MODULES}

FLAGS = {"from_logits", "loss_type", "reduction", "size_average", "reduce"}


def floor(name: str) -> int | None:
    """Return a module's floor; the package itself lies below all, holding the version."""
    if name == "losscourse":
        return -1
    part = name.split(".")[1]
    return next((level for level, parts in enumerate(FLOORS) if part in parts), None)


def upward_imports(module: Module, known: set[str]) -> list[str]:
    """Return what a module imports from a higher floor, or from no floor."""
    own = floor(module.name)
    return sorted(
        target
        for target in dependencies(module, known)
        if floor(target) is None or floor(target) > own
    )


def string_choices(module: Module) -> list[str]:
    """Return where a module lets a string or a flag say which loss is meant."""
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            for argument in arguments:
                annotation = ast.unparse(argument.annotation) if argument.annotation else ""
                is_string = "str" in annotation.split("Callable")[0].replace("[", " ").split()
                if argument.arg in FLAGS or (
                    argument.arg in ("loss", "function", "kind", "name_of_loss") and is_string
                ):
                    found.append(f"{node.name}({argument.arg})")
        # The catalogue is indexed by the name of a function that the caller holds.
        if (
            isinstance(node, ast.Subscript)
            and ast.unparse(node.value).endswith("CATALOGUE")
            and not ast.unparse(node.slice).endswith(".__name__")
        ):
            found.append(ast.unparse(node))
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "getattr"
            and "losses" in ast.unparse(node.args[0])
        ):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_module_has_a_floor(module):
    assert floor(module.name) is not None, f"give {module.name} a floor in FLOORS"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_imports_point_downwards(module):
    assert upward_imports(module, KNOWN) == []


def test_imports_within_a_floor_form_no_circle():
    graph = {module.name: dependencies(module, KNOWN) for module in MODULES}
    order = list(graphlib.TopologicalSorter(graph).static_order())
    assert set(order) >= KNOWN


@pytest.mark.parametrize("name", ["judge", "rebuild", "sandbox", "student", "warm", "worker"])
def test_what_students_and_workers_run_knows_nothing_of_nbgrader(name):
    by_name = {module.name: module for module in MODULES}
    needed, waiting = set(), {f"losscourse.grading.{name}"}
    while waiting:
        needed |= waiting
        found = set().union(*(dependencies(by_name[one], KNOWN) for one in waiting))
        waiting = found - needed
    imported = {target for one in needed for target, _ in by_name[one].imports()}
    assert not [target for target in imported if target.partition(".")[0] == "nbgrader"]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_no_string_picks_a_loss(module):
    assert string_choices(module) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("losscourse.arrays", "from losscourse import reduce, catalogue"),
        ("losscourse.stable", "import losscourse.losses.regression"),
        ("losscourse.reduce", "from losscourse.losses.regression import mse"),
        ("losscourse.losses.regression", "def f():\n    from losscourse.catalogue import Loss"),
        ("losscourse.losses.regression", "from ..catalogue import CATALOGUE"),
        ("losscourse.losses.regression", "from .. import catalogue"),
        ("losscourse.catalogue", "from losscourse import figures"),
        ("losscourse.datasets", "from losscourse.cli import app"),
        ("losscourse.checks", "import losscourse.nowhere"),
    ],
)
def test_an_upward_import_is_found(name, source):
    assert upward_imports(Module(name, source), KNOWN)


@pytest.mark.parametrize(
    "source",
    [
        "def fit(x, loss: str): ...",
        "def fit(x, *, reduction='mean'): ...",
        "def fit(x, from_logits: bool = False): ...",
        "def fit(x, name):\n    return CATALOGUE[name].function(x)",
        "def fit(x):\n    return catalogue.CATALOGUE['huber'].function(x)",
        "def fit(x, name):\n    return getattr(losses.regression, name)(x)",
    ],
)
def test_a_loss_picked_by_a_string_is_found(source):
    assert string_choices(Module("losscourse.figures", source))


IMPORT = """
import sys, time
start = set(sys.modules)
import numpy
before = time.perf_counter()
import losscourse.losses.regression
seconds = time.perf_counter() - before
third = {name.partition(".")[0] for name in set(sys.modules) - start} - sys.stdlib_module_names
print(seconds, *sorted(third))
"""


def _import_losses() -> tuple[float, set[str]]:
    """Import the losses in a fresh interpreter; return the seconds and the packages loaded."""
    result = subprocess.run(
        [sys.executable, "-c", IMPORT],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seconds, *loaded = result.stdout.split()
    return float(seconds), set(loaded)


def test_losses_load_numpy_and_the_array_api_alone():
    assert _import_losses()[1] == {"losscourse", "numpy", "array_api_compat"}


def test_losses_import_within_three_tenths_of_a_second():
    """The design's bound, beyond NumPy's own import; the median bears a busy machine."""
    seconds = statistics.median(_import_losses()[0] for _ in range(5))
    assert seconds < 0.3
