"""Running a student's function under a profile hook, which stops what would do its task for it."""

import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

from losscourse.checks.plain import CheckFailed, Fault, is_tensor, type_name
from losscourse.checks.survey import FINISHED, survey

__all__ = ["Watch", "run"]


class Watch:
    """A profile hook that stops calls which would do the student's task for them.

    Python calls it at every function call below the student's. It raises at the first offence,
    before the offending body runs, and remembers it, should the student's code catch that. A
    function whose code leads to NumPy and plain data alone runs without it: see `survey`. Threads
    that are started as usual, as a progress bar does, have it too.

    Args:
        allow: Modules that may be called although their package holds finished losses.

    Attributes:
        offence: What the student's code did that it may not; None where nothing.
    """

    def __init__(self, allow: tuple[str, ...]):
        self.allow, self.offence = (*_OWN, *allow), None
        self._judged: dict[tuple[str, str], str | None] = {}

    def __call__(self, frame, event, arg):
        """Judge a call, as `sys.setprofile` tells of it."""
        if event == "call":
            module, name = _module_of(frame), frame.f_code.co_name
        elif event == "c_call" and frame.f_code not in (run.__code__, _START):
            module, name = getattr(arg, "__module__", None), arg.__name__
        else:
            return
        if type(module) is not str:
            return
        if (module, name) not in self._judged:
            self._judged[module, name] = self._judge(module, name)
        if fault := self._judged[module, name]:
            self.offence = fault
            raise CheckFailed(fault)

    def _judge(self, module: str, name: str) -> str | None:
        root = module.partition(".")[0]
        if any(module == known or module.startswith(f"{known}.") for known in self.allow):
            return None
        if root in FINISHED or (root == "torch" and _TORCH_LOSS.search(f"{module}.{name}")):
            return f"it calls {module}.{name}. Here the task is to write that yourself."
        if root in _NOTEBOOK and name != "_modified_open":  # the `open` of a notebook's cells
            return "it writes to the notebook's output. Return the result; print() to debug."
        if name in _HOOKS:
            return f"it calls {name}, which a check cannot follow. Write it without."
        return None


_TORCH_LOSS = re.compile(r"modules\.loss|_loss|cross_entropy|kl_div")
_NOTEBOOK = {"IPython", "ipykernel"}
_HOOKS = {
    "setprofile", "settrace", "_setprofileallthreads", "_settraceallthreads",
    "start_new_thread", "start_joinable_thread",
}  # fmt: skip
_START = threading.Thread.start.__code__
_OWN = ("losscourse.arrays", "losscourse.checks", "losscourse.grading")
_HOME = os.path.dirname(os.path.dirname(__file__)) + os.sep  # of losscourse


def _module_of(frame) -> Any:
    """Name a frame's module; this package's by its file, since a module's name can be changed."""
    path = frame.f_code.co_filename
    if path.startswith(_HOME):
        return "losscourse." + path[len(_HOME) :].removesuffix(".py").replace(os.sep, ".")
    return frame.f_globals.get("__name__")


def run(
    function: Callable,
    args: tuple,
    named: dict[str, Any],
    watch: Watch,
    wrt: int | str | None = None,
) -> tuple[Any, BaseException | None]:
    """Run a student's function under the hook, or without it where it cannot get anywhere.

    Args:
        function: The student's function.
        args: Its positional arguments.
        named: Its keyword arguments.
        watch: The hook, which then holds the offence if there was one.
        wrt: The argument by which the result is differentiated; None for the result itself.

    Returns:
        The result, or the error that it raised.
    """
    compiled, free = survey(function, [*args, *named.values()])
    if compiled:
        watch.offence = f"it uses {compiled}. Here the task is to write that yourself."
        return None, None
    before, before_threads = sys.getprofile(), threading.getprofile()
    if not free:
        threading.setprofile(watch)
        sys.setprofile(watch)
    try:
        result, error = function(*args, **named), None
        if wrt is not None:
            result = _slope(result, wrt, args, named)
    except KeyboardInterrupt:
        raise
    except BaseException as caught:
        result, error = None, caught
    finally:
        watched = free or sys.getprofile() is threading.getprofile() is watch
        sys.setprofile(before)
        threading.setprofile(before_threads)
    if not watched and not watch.offence and not isinstance(error, RecursionError):
        watch.offence = "it removes the check's profile hook."
    return result, error


def _slope(result: Any, wrt: int | str, args: tuple, named: dict[str, Any]) -> Any:
    """Return the gradient of a result's sum by one of the arguments, or what is wrong with it."""
    if not is_tensor(result):
        return Fault(f"expected a tensor to differentiate, got {type_name(type(result))}.")
    torch = sys.modules["torch"]
    found = None
    if result.requires_grad:
        argument = args[wrt] if type(wrt) is int else named[wrt]
        (found,) = torch.autograd.grad(torch.sum(result), argument, allow_unused=True)
    if found is None:
        return Fault(
            "expected a result that autograd can follow back to this argument: is it computed from "
            "it by torch's operations alone, without detach(), item() or NumPy?"
        )
    return found
