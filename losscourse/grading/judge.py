"""Grading one submission: the instructor's cells run here, the student's in another process.

The process that judges holds the tests, and never runs a line of the student's. What a test says of
a student's function crosses the wire: `checks.call` asks the other process, plain data come back,
and the verdict falls here.
"""

import ast
import contextlib
import io
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from losscourse import checks
from losscourse.grading import wire

__all__ = ["Judge", "Report", "Step", "Verdict", "student_names"]


@dataclass(frozen=True)
class Step:
    """One cell to run.

    Args:
        kind: "student" (their text), "setup" (the instructor's, run on both sides) or "test".
        cell: The cell's name.
        code: Its code.
        points: What a test is worth.
    """

    kind: str
    cell: str
    code: str
    points: float = 0.0


@dataclass
class Verdict:
    """What came of one cell.

    Args:
        cell: The cell's name.
        kind: As of its step.
        points: What it is worth.
        score: From 0 to `points`; None where a person must look, and for cells without points.
        message: What is wrong, in words for the student; empty where nothing is.
        printed: What the cell printed.
        seconds: How long it took.
    """

    cell: str
    kind: str
    points: float = 0.0
    score: float | None = None
    message: str = ""
    printed: str = ""
    seconds: float = 0.0


@dataclass
class Report:
    """What came of a submission.

    Args:
        state: "graded"; "needs a person", where a cell has no score; or "failed", where the grader
            itself could not go on: that is never the student's fault, and never a 0.
        reason: Why, where the state is not "graded".
        verdicts: One for each cell, in order.
        notes: What was found in the notebook, for the instructor.
        sandbox: Whether the student's code was confined.
    """

    state: str
    reason: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sandbox: bool = True

    @property
    def score(self) -> float:
        """The points of all cells that have a score."""
        return sum(v.score or 0.0 for v in self.verdicts)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> "Report":
        """Return the report of plain data."""
        return cls(**{**data, "verdicts": [Verdict(**v) for v in data["verdicts"]]})


class Gone(Exception):
    """The student's process has ended; the text says how."""


def student_names(code: str) -> list[str]:
    """Return the names that a cell defines at its top level: functions, classes and values.

    Args:
        code: Python.

    Returns:
        The names, in order.

    Example:
        >>> student_names("def f(x): return x; import os\\nrate, y = 0.1, 2")
        ['f', 'rate', 'y']
    """
    found: list[str] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
            found += [name.id for name in names if isinstance(name.ctx, ast.Store)]
    return list(dict.fromkeys(found))


class Judge:
    """Runs the steps of one submission against the student's process.

    Args:
        student: The channel to that process.
        pid: Its number, to stop it.
        names: What the solution cells define: in tests, these names are the student's.
        cell_seconds: How long one cell, or one call of a student's function, may take.
        total_seconds: How long the whole submission may take.
    """

    def __init__(
        self,
        student: wire.Channel,
        pid: int,
        names: Sequence[str],
        *,
        cell_seconds: float = 30.0,
        total_seconds: float = 300.0,
    ):
        self._student, self._pid, self._names = student, pid, list(names)
        self._cell_seconds, self._end = cell_seconds, time.monotonic() + total_seconds
        self._gone = ""
        self._space: dict[str, Any] = {"__name__": "__main__"}

    def run(self, steps: Sequence[Step]) -> list[Verdict]:
        """Run the steps in order; return a verdict for each, whatever the student's code does."""
        self._ask_ready()
        return [self._timed(step) for step in steps]

    def _ask_ready(self) -> None:
        answer = self._receive(60.0)
        if answer != {"ready": True}:
            raise Gone("the student's process did not start")

    def _timed(self, step: Step) -> Verdict:
        start = time.monotonic()
        verdict = {"student": self._run_student, "setup": self._run_setup, "test": self._run_test}[
            step.kind
        ](step)
        verdict.seconds = round(time.monotonic() - start, 4)
        return verdict

    def _run_student(self, step: Step) -> Verdict:
        verdict = Verdict(step.cell, step.kind)
        try:
            answer = self._ask({"do": "run", "code": step.code})
            verdict.printed = _text(answer, "printed")
            verdict.message = _error_text(answer.get("error"))
        except (Gone, wire.BadFrame, checks.CheckFailed) as error:
            verdict.message = str(error)
        return verdict

    def _run_setup(self, step: Step) -> Verdict:
        verdict = self._run_student(step)
        with contextlib.redirect_stdout(io.StringIO()):  # the same is in the verdict already
            _execute(step.code, self._space, step.cell)  # a fault here is ours, not the student's
        return verdict

    def _run_test(self, step: Step) -> Verdict:
        verdict = Verdict(step.cell, step.kind, step.points)
        printed = io.StringIO()
        try:
            self._bind_names()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = _execute(step.code, self._space, step.cell)
            verdict.score, verdict.message = _points(value, step.points)
        except checks.CheckFailed as fault:
            verdict.score, verdict.message = 0.0, str(fault)
        except (Gone, wire.BadFrame) as error:
            verdict.score, verdict.message = 0.0, str(error)
        except NameError as error:
            verdict.score, verdict.message = 0.0, f"{error}: has its cell been run to the end?"
        except BaseException as error:
            verdict.score = 0.0
            verdict.message = f"{type(error).__name__}: {error}"[:2000]
        verdict.printed = printed.getvalue()[:20_000]
        return verdict

    def _bind_names(self) -> None:
        """Let the student's names mean what the other process has under them by now."""
        for name in self._names:
            self._space.pop(name, None)
        kinds = self._ask({"do": "names", "names": self._names})
        for name in self._names:
            if kinds.get(name) == "function":
                self._space[name] = checks.Elsewhere(name, self._call)
            elif kinds.get(name) == "value":
                answer = self._ask({"do": "get", "name": name})
                if "value" in answer:
                    self._space[name] = answer["value"]
                else:
                    raise checks.CheckFailed(f"{name}: {_text(answer, 'refused')}")

    def _call(self, name: str, args: tuple, named: dict[str, Any], allow: tuple) -> Any:
        answer = self._ask(
            {
                "do": "call",
                "name": name,
                "args": _by_name(args),
                "named": _by_name(named),
                "allow": allow,
            }
        )
        if "failed" in answer or "refused" in answer:
            raise checks.CheckFailed(_text(answer, "failed") or _text(answer, "refused"))
        return answer

    # --- talking to the student's process -------------------------------------------------------

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer, a dict; whatever else comes ends the process."""
        if self._gone:
            raise Gone(self._gone)
        left = min(self._cell_seconds, self._end - time.monotonic())
        try:
            self._student.send(request, timeout=max(left, 0.01))
            answer = self._receive(max(left, 0.01))
        except wire.BadFrame as error:
            self._stop(f"Your code answered in the place of the grader ({error}).")
        if type(answer) is not dict:
            self._stop("Your code answered in the place of the grader.")
        return answer

    def _receive(self, seconds: float) -> Any:
        try:
            return self._student.receive(timeout=seconds)
        except wire.Overdue:
            return self._interrupted(seconds)
        except wire.Closed:
            self._stop(_how_it_ended(self._pid))

    def _interrupted(self, seconds: float) -> Any:
        """Interrupt what takes too long; it may go on with the next cell if it obeys."""
        os.kill(self._pid, signal.SIGINT)
        try:
            self._student.receive(timeout=2.0)
        except (wire.Overdue, wire.Closed, wire.BadFrame):
            self._stop(f"It did not end within {seconds:.0f} s, and was stopped.")
        raise checks.CheckFailed(
            f"It did not end within {seconds:.0f} s: is there an endless loop?"
        )

    def _stop(self, reason: str) -> None:
        """End the student's process for good, and say why from now on."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._gone = reason
        raise Gone(reason)


def _execute(code: str, space: dict[str, Any], name: str) -> Any:
    """Run an instructor's cell; return the value of its last line, where that is an expression."""
    tree = ast.parse(code, filename=f"<{name}>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"<{name}>", "exec"), space)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), f"<{name}>", "eval"), space)


def _points(value: Any, points: float) -> tuple[float | None, str]:
    """Return the score that a test's last value means, None where a person must say."""
    if value is None:
        return points, ""
    with contextlib.suppress(Exception):
        if not isinstance(value, bool) and 0 <= (part := float(value)) <= points:
            return part, ""
    return None, f"A person must look: the test's value is {value!r}, not a number of points."


def _by_name(value: Any) -> Any:
    """Return an argument with the names of the student's own functions in their place."""
    if type(value) is checks.Elsewhere:
        return {"function of the student": value.__name__}
    if type(value) is dict:
        return {key: _by_name(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_by_name(item) for item in value)
    return value


def _text(answer: dict[str, Any], key: str) -> str:
    """Return a text out of a stranger's answer."""
    value = answer.get(key, "")
    return value[:20_000] if type(value) is str else ""


def _error_text(error: Any) -> str:
    """Return an error that a student's cell raised, in words."""
    if type(error) is not dict:
        return ""
    lines = error.get("lines")
    told = [x for x in lines if type(x) is str] if type(lines) is list else []
    return "\n".join([f"{_text(error, 'kind')}: {_text(error, 'text')}", *told])[:4000]


def _how_it_ended(pid: int) -> str:
    """Say how the student's process ended."""
    for _ in range(100):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        return "Your code closed the connection to the grader."
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGKILL):
            return "Your code used more processor time or memory than it may, and was stopped."
        return f"Your code crashed Python ({signal.Signals(number).name})."
    return "Your code ended Python, so that nothing after it could be run."
