"""The process in which a student's code runs: it confines itself, then does what it is asked.

It holds the student's cells and nothing of the instructor's tests. What it is asked comes over one
socket, and what it answers is believed by nobody: the process that judges sees plain data alone.
"""

import builtins
import contextlib
import functools
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from losscourse import checks
from losscourse.checks.calls import Beginning
from losscourse.grading import wire

__all__ = ["MOST_OUTPUT", "fresh_shell", "serve"]

MOST_OUTPUT = 20_000
"""Characters of a cell's output that are kept."""


def serve(channel: wire.Channel, scratch: Path, confine: Callable[[Path], None] | None) -> None:
    """Answer requests until the other side closes.

    Args:
        channel: To the process that judges.
        scratch: The folder that the code works in.
        confine: What confines this process for good, such as `sandbox.confine`; None leaves it
            free.

    Raises:
        sandbox.Unavailable: The sandbox cannot be had; nothing of the student's has run.
    """
    os.chdir(scratch)
    sys.path.append(str(scratch))  # a module beside the notebook
    os.environ.update(HOME=str(scratch), TMPDIR=str(scratch))
    tempfile.tempdir = str(scratch)
    shell, busy = fresh_shell(), _Busy()
    shell.home_dir = str(scratch)
    signal.signal(signal.SIGINT, busy.interrupt)
    if confine is not None:
        try:
            confine(scratch)
        except Exception as error:
            channel.send({"unavailable": str(error)})
            raise
    channel.send({"ready": True})
    asked = _Asked(shell, channel)
    with contextlib.suppress(wire.Closed):
        while True:
            request = channel.receive()
            asked.number, do = request.pop("number"), getattr(asked, request.pop("do"))
            with busy:
                answer = do(**request)
            try:
                channel.send(answer | {"number": asked.number})
            except (wire.NotPlain, MemoryError) as error:
                channel.send({"refused": str(error) or "it is too large", "number": asked.number})


class _Busy:
    """Whether the student's code runs: only then does an interrupt mean anything."""

    _now = False

    def __enter__(self) -> None:
        self._now = True

    def __exit__(self, *exception: object) -> None:
        self._now = False

    def interrupt(self, number: int, frame: object) -> None:
        if self._now:
            raise KeyboardInterrupt


@functools.cache
def fresh_shell() -> Any:
    """Return this process's IPython shell, which keeps no history and writes no files.

    The warm parent makes one and runs nothing of anybody's in it: each process that it forks has
    its own, as fresh as that.
    """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    with tempfile.TemporaryDirectory() as folder:  # for the files that it makes at its start
        shell = InteractiveShell.instance(config=config, ipython_dir=folder)
    shell.db = {}  # where %cd and its like keep what they know
    shell.showtraceback = lambda *args, **kwargs: None
    _ignore_surroundings(shell)
    shell.run_cell("pass", store_history=False)  # the first cell imports what every cell needs
    return shell


def _ignore_surroundings(shell: Any) -> None:
    """Let what a cell asks of the machine around it pass without effect; an answer may follow it.

    `!pip install`, `%matplotlib inline` and their like work in a notebook. Here there is no other
    program and no screen, and a line that fails would cost the definitions below it.
    """

    def program(*args: Any, **kwargs: Any) -> list[str]:
        print("Not run: the grader starts no other program.")
        return []

    def screen(*args: Any, **kwargs: Any) -> None:
        pass

    def nobody(prompt: str = "") -> str:
        raise EOFError("nobody answers input() when it is graded: write the value into the code")

    builtins.input = nobody
    shell.system = shell.getoutput = program
    shell.enable_gui = screen
    for name in ("pip", "conda"):
        shell.register_magic_function(program, "line", name)
    for name in ("bash", "sh", "script"):
        shell.register_magic_function(program, "cell", name)
    for name in ("matplotlib", "autosave"):
        shell.register_magic_function(screen, "line", name)


class _Asked:
    """What the process that judges may ask; each of its requests is a method."""

    def __init__(self, shell: Any, channel: wire.Channel):
        self._shell, self._channel = shell, channel
        self._objects: dict[str, checks.Made] = {}
        self._calling = threading.Lock()
        self.number = ""  # of the request that is being answered

    def run(self, code: str) -> dict[str, Any]:
        """Run a cell as a notebook does; return what it printed, and its error in words."""
        printed = Beginning(MOST_OUTPUT)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            done = self._shell.run_cell(code, store_history=True)  # in memory: for _, In and Out
        error = done.error_before_exec or done.error_in_exec
        return {"printed": printed.getvalue(), "error": None if error is None else _told(error)}

    def names(self, names: list[str]) -> dict[str, str]:
        """Return which of these names the student's code has defined: functions, or values."""
        space = self._shell.user_ns
        found = {name: space[name] for name in names if name in space}
        return {name: "function" if callable(value) else "value" for name, value in found.items()}

    def get(self, name: str, of: str | None = None) -> dict[str, Any]:
        """Return the value of a name, or of an object's attribute."""
        if of is None:
            return {"value": self._shell.user_ns[name]}
        try:
            return {"value": self._objects[of].get(name)}
        except BaseException as error:
            return {"failed": _why(error)}

    def call(self, name: str, of: str | None = None, **request: Any) -> dict[str, Any]:
        """Call a function, or an object's method, under the eyes of `checks`; return the parts."""
        if of is None:
            return self._checked(checks.call, name, **request)
        return self._checked(self._objects[of].call, name, own=False, **request)

    def gradient(self, name: str, **request: Any) -> dict[str, Any]:
        """Return the parts of the gradient of what a function returns."""
        return self._checked(checks.gradient, name, **request)

    def make(self, name: str, handle: str, **request: Any) -> dict[str, Any]:
        """Make an object of a class and keep it under a handle."""

        def keep(*args: Any, **named: Any) -> None:
            self._objects[handle] = checks.make(*args, **named)

        return self._checked(keep, name, **request)

    def measure(
        self, what: str, name: str = "", args: tuple = (), named: dict | None = None, **rest: Any
    ) -> dict[str, Any]:
        """Return what a call takes; without a name, of nothing: a meter's own needs come first."""
        args, named = self._resolved(args), self._resolved(named or {})
        function = self._shell.user_ns[name] if name else int
        try:
            return {"took": checks.takes(what, function, args, named)}
        except BaseException as error:
            return {"failed": _why(error)}

    def _checked(
        self,
        check: Callable[..., Any],
        name: str,
        *,
        args: tuple,
        named: dict[str, Any],
        deleted: list[str],
        own: bool = True,
        **options: Any,
    ) -> dict[str, Any]:
        """Return the parts of a check of one name: the student's own, or an object's.

        Names that the test has deleted are missing in the meantime: so a test may ask whether one
        function uses another.
        """
        space = self._shell.user_ns
        first = space.get(name) if own else name
        args, named = self._resolved(args), self._resolved(named)
        kept = {key: space.pop(key) for key in deleted if key in space}
        try:
            outcome = check(first, *args, **options, **named)
            return {"made": True} if outcome is None else outcome.parts()
        except BaseException as error:
            return {"failed": _why(error)}
        finally:
            space.update(kept)

    def _resolved(self, value: Any) -> Any:
        """Return an argument with functions and objects in place of what stands for them."""
        if type(value) is dict:
            if set(value) == {"function of the student"}:
                return self._shell.user_ns[value["function of the student"]]
            if set(value) == {"object of the student"}:
                return self._objects[value["object of the student"]]
            if set(value) == {"function of the test"}:
                return functools.partial(self._call_back, value["function of the test"])
            return {key: self._resolved(item) for key, item in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self._resolved(item) for item in value)
        return value

    def _call_back(self, function: int, /, *args: Any, **named: Any) -> Any:
        """Let the process that judges call a function of the test's; return what that gives."""
        with self._calling:  # threads of the student's may call at one time
            request = {"function": function, "args": args, "named": named, "number": self.number}
            self._channel.send(request)
            answer = self._channel.receive()
        if "value" in answer:
            return answer["value"]
        raise RuntimeError(answer["raised"])


def _why(error: BaseException) -> str:
    """Say why a check gave nothing; one that failed has said it already."""
    kind = "" if type(error) is checks.CheckFailed else f"{type(error).__name__}: "
    return f"{kind}{error}"[:20_000]


def _told(error: BaseException) -> dict[str, Any]:
    """Return an error's class, its text, and the lines of the student's cells that led to it."""
    with contextlib.suppress(BaseException):
        frames = [
            f"line {step.lineno}: {(step.line or '').strip()}"
            for step in traceback.extract_tb(error.__traceback__)
            if "ipykernel" in step.filename or "ipython-input" in step.filename
        ]
        text = "".join((str(error), ""))[:2000]
        if isinstance(error, PermissionError) and error.filename is None:
            text += ": when your code is graded, it has no other process and no network"
        if isinstance(error, SyntaxError) and not frames:
            text, frames = error.msg, [f"line {error.lineno}: {(error.text or '').strip()}"]
        return {"kind": type(error).__name__, "text": text, "lines": frames[-5:]}
    return {"kind": "an error that cannot be read", "text": "", "lines": []}
