"""What a function can reach by the names in its code, looked at before it runs."""

import builtins
import dis
import functools
import math
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from losscourse.checks.plain import ATOMS, CONTAINERS

__all__ = ["FINISHED", "survey"]

FINISHED = {"jax", "keras", "losscourse", "optax", "scipy", "sklearn", "tensorflow"}
"""Libraries whose losses are finished: a student's function may not call them."""

_MANY = 1000  # elements of a container: to look at more takes longer than the hook


def survey(function: Any, inputs: Sequence[Any]) -> tuple[str | None, bool]:
    """Look at all that a function reaches by the names in its code, before it runs.

    Args:
        function: The student's function.
        inputs: The arguments of its call.

    Returns:
        A compiled loss of SciPy that it mentions, for the profile hook sees no ufunc; and whether
        it reaches NumPy, plain data and functions like itself alone. Then it needs no hook, which
        would make NumPy's small calls four times as slow.
    """
    ready = {
        id(value): f"scipy.special.{name}"
        for name, value in vars(sys.modules.get("scipy.special", ModuleType(""))).items()
        if type(value) is np.ufunc
    }
    space = getattr(function, "__globals__", None)
    todo, seen, free = [function, *inputs, *_methods(function)], set(), True
    while todo:
        value = todo.pop()
        if id(value) in seen or id(value) in _INERT:
            continue
        seen.add(id(value))
        if id(value) in ready:
            return ready[id(value)], False
        kind = type(value)
        if kind is ModuleType and value.__name__.partition(".")[0] == "scipy":
            return value.__name__, False
        if kind is FunctionType and _is_finished(value):
            free = False  # the hook knows it by its own name
        elif kind is FunctionType:
            names = set(_names(value.__code__))
            if imported := sorted(name for name in names if name.partition(".")[0] == "scipy"):
                return imported[0], False
            todo += [value.__globals__[name] for name in names & value.__globals__.keys()]
            todo += [cell.cell_contents for cell in value.__closure__ or ()]
            todo += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
            free = free and value.__globals__ is space and _is_plain_code(value)
        elif kind in CONTAINERS and len(value) <= _MANY:
            todo += [*value, *value.values()] if kind is dict else value
        elif kind not in ATOMS and not _is_numeric(value):
            free = False
    return None, free


def _is_finished(function: FunctionType) -> bool:
    """Whether a function is one of a library that the hook refuses."""
    name = function.__globals__.get("__name__")
    module = sys.modules.get(name) if type(name) is str else None
    return (
        type(module) is ModuleType
        and name.partition(".")[0] in FINISHED - {"scipy", "losscourse"}
        and vars(module) is function.__globals__
    )


def _methods(function) -> list[FunctionType]:
    """Return the methods beside a method, or of a class."""
    owner = type(function.__self__) if type(function) is MethodType else function
    own = vars(owner).values() if isinstance(owner, type) else ()
    return [value for value in own if type(value) is FunctionType]


def _is_numeric(value: Any) -> bool:
    kind = type(value)
    return kind is np.random.Generator or (kind is np.ndarray and value.dtype.kind in "biufc")


def _is_plain_code(function: FunctionType) -> bool:
    """Whether a function's only ways to other objects are its globals, and attributes known here.

    A built-in function that is not inert, such as `getattr` or `__import__`, is another way.
    """
    names = _globals_of(function.__code__)
    original = vars(builtins)
    return (
        names is not None
        and not function.__dict__
        and function.__builtins__ is original
        and all(name in function.__globals__ or id(original.get(name)) in _INERT for name in names)
    )


@functools.cache
def _globals_of(code: CodeType) -> frozenset[str] | None:
    """Return the global names that a code mentions, or None where it mentions unknown attributes.

    That, and whatever else could lead out of what its globals offer, leaves the code to the hook.
    """
    found: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            found.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            if step.argval != "numpy":
                return None
        elif step.opcode in dis.hasname:
            if step.argval not in _ATTRIBUTES or step.opname.startswith(("STORE", "DELETE")):
                return None
        elif step.opname == "MATCH_CLASS":  # it reads attributes too
            return None
    for constant in code.co_consts:
        if type(constant) is CodeType:
            if (within := _globals_of(constant)) is None:
                return None
            found |= within
    return frozenset(found)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from _names(constant)


# --- what is known to stay among NumPy and plain data ---------------------------------------------

_OPEN = (np, np.linalg, np.random, math)
_UNKNOWN = {"info", "load", "test"}  # of NumPy: they run other code than their own
_BUILTINS = "abs all any divmod isinstance iter len max min next pow print repr round sorted sum"
_OFFERED = [
    (name, value)
    for module in _OPEN
    for name, value in vars(module).items()
    if not name.startswith("_") and not isinstance(value, ModuleType) and name not in _UNKNOWN
]
_ATTRIBUTES = {"linalg", "random", *dict(_OFFERED)} | {
    name
    for kind in (
        bool, complex, dict, float, int, list, set, str, tuple, np.ndarray, np.random.Generator
    )
    for name in dir(kind)
    if not name.startswith("_")
}  # fmt: skip
_INERT = {
    id(value): value
    for value in (
        *_OPEN,
        *(value for _, value in _OFFERED),
        *(vars(builtins)[name] for name in _BUILTINS.split()),
        *(kind for name, kind in vars(builtins).items() if type(kind) is type and name[0] != "_"),
    )
}
"""What a function may reach and stay among NumPy and plain data, by its address."""
