"""The seal: what the checks and the tests stand on must be what it was when they were imported."""

import builtins
import math
import sys
from operator import is_, itemgetter
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from losscourse.checks.plain import CheckFailed

__all__ = ["seal", "verify"]

if "_SEAL" in globals():
    raise ImportError("losscourse.checks cannot be reloaded: restart the kernel")


class _Sealed(ModuleType):
    """A module whose names cannot be assigned, and are compared with the originals when read."""

    def __getattribute__(self, name):
        _verify_own()
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        raise AttributeError(f"losscourse.checks is sealed: {name} cannot be replaced")

    def __delattr__(self, name):
        raise AttributeError(f"losscourse.checks is sealed: {name} cannot be removed")


class _Package(ModuleType):
    """The package around this module, which keeps the name `checks` for it."""

    def __setattr__(self, name, value):
        if name == "checks" and value is not _SEALED[0]:
            raise AttributeError("losscourse.checks is sealed: it cannot be replaced")
        super().__setattr__(name, value)


def verify() -> None:
    """Make sure that what the checks and the tests stand on is what it was at import.

    Raises:
        CheckFailed: Something was replaced; the message names it.
    """
    _verify_own()
    for owner, namespace, read, originals in _TRUSTED:
        try:
            if _every(_each(is_, read(namespace), originals.values())):
                continue
        except KeyError:
            pass  # a name is gone
        for name, original in originals.items():
            if namespace.get(name) is not original:
                raise CheckFailed(
                    f"{owner}.{name} was replaced. The checks judge your work with the original: "
                    "restart the kernel and leave it as it is."
                )


def _verify_own() -> None:
    for namespace, name, original in _SEAL:
        if namespace.get(name) is not original:
            raise CheckFailed(f"losscourse.checks was changed at {name}: restart the kernel.")
    for function, code, defaults in _BODIES:
        if function.__code__ is not code or function.__defaults__ is not defaults:
            raise CheckFailed(f"losscourse.checks was changed at {function.__name__}.")


# The prompt replaces `input` and hides `exit` and `quit`; nothing here calls them.
_PROMPT = {"input", "exit", "quit"}
_ORIGINALS = [
    (module.__name__, vars(module), [k for k, value in vars(module).items() if callable(value)])
    for module in (builtins, math, np, np.linalg, np.random)
]
_TRUSTED = [
    (owner, namespace, itemgetter(*names), {name: namespace[name] for name in names})
    for owner, namespace, callables in [
        *_ORIGINALS,
        ("sys.modules", sys.modules, ["math", "numpy"]),
    ]
    for names in [[k for k in callables if not k.startswith("_") and k not in _PROMPT]]
]
_every, _each = all, map  # by names of their own: the built-in names are among what is verified

_SEAL: list[tuple[Any, str, Any]] = []
"""Namespaces of the sealed modules and classes, with what is under each name."""

_BODIES: list[tuple[FunctionType, Any, Any]] = []
"""Their functions, with code and defaults."""

_SEALED: list[ModuleType] = []
"""The package that is sealed, and its modules."""


def seal(package: str) -> None:
    """Seal a package and its modules as they are now, once and for all.

    Args:
        package: Its name, which its last statement gives.

    Raises:
        ImportError: It is sealed already: code that runs again would take what it finds for the
            originals.
    """
    if _SEALED:
        raise ImportError(f"{package} cannot be reloaded: restart the kernel")
    names = [name for name in sys.modules if f"{name}.".startswith(f"{package}.")]
    modules = [sys.modules[package], *(sys.modules[name] for name in names if name != package)]
    classes = dict.fromkeys(
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and f"{value.__module__}.".startswith(f"{package}.")
    )
    namespaces = [vars(owner) for owner in (*modules, *classes)]
    functions = dict.fromkeys(
        value
        for namespace in namespaces
        for value in namespace.values()
        if type(value) is FunctionType
    )
    _SEALED.extend(modules)
    _BODIES.extend((value, value.__code__, value.__defaults__) for value in functions)
    _SEAL.extend(
        (namespace, name, value)
        for namespace in namespaces
        for name, value in namespace.items()
        if not name.startswith("__") or name in ("__init__", "__call__", "__getattribute__")
    )
    for module in modules:
        module.__class__ = _Sealed
    sys.modules[package.rpartition(".")[0]].__class__ = _Package
