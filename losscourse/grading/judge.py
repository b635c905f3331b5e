"""Grading one submission: the instructor's cells run here, the student's in another process.

The process that judges holds the tests, and never runs a line of the student's. What a test says of
a student's function crosses the wire: `checks.call` asks the other process, plain data come back,
and the verdict falls here.
"""

import ast
import contextlib
import functools
import io
import os
import re
import secrets
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from losscourse.checks import CheckFailed, Elsewhere, Made
from losscourse.grading import wire

__all__ = ["Gone", "Judge", "Report", "Step", "Verdict", "measures", "student_names"]

_MOST_TEXT = 20_000
_BETWEEN_LOOKS = 0.05  # seconds between two requests' looks at what the student's process has taken
_GRACE = 3.0  # seconds beyond the end: a call that is stopped then says so itself
_KILLED = (
    "the student's process was killed: by a person, by itself, or by the system, which may have "
    "too little memory"
)
_MORE_SECONDS, _MORE_BYTES = 0.25, 64 * 2**20
"""What a process may take beyond what its own meters say."""
_LESS = " (it has less time once it did not end)"
_INSIDE = "Measured in the process of your code:"
_DOUBTFUL = (
    "A person must look: from outside, your code took more than its own meters say, see above."
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of surrogate pairs."""

_NO_FILE = re.compile(r"\bFileNotFoundError\b|\bPermission denied: '")
_FILES = "\nThe grader's copy has the files that came with the notebook beside it, and no others."


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
        inside: Whether it stands on a meter in the student's process, which can be deceived.
    """

    cell: str
    kind: str
    points: float = 0.0
    score: float | None = None
    message: str = ""
    printed: str = ""
    seconds: float = 0.0
    inside: bool = False


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
        ended: The place of the cell with which the student's process came to its end; None where it
            lived on, or was ended for an answer that it forged.
    """

    state: str
    reason: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sandbox: bool = True
    ended: int | None = None

    @classmethod
    def of(cls, verdicts: list[Verdict], *, sandbox: bool, ended: int | None = None) -> "Report":
        """Return the report on a submission whose cells have all been judged.

        Args:
            verdicts: One for each cell, in order.
            sandbox: As in the class.
            ended: As in the class.
        """
        unscored = [v.cell for v in verdicts if v.kind == "test" and v.score is None]
        if unscored:
            reason = f"a person must score {', '.join(unscored)}"
            return cls("needs a person", reason, verdicts, sandbox=sandbox, ended=ended)
        return cls("graded", verdicts=verdicts, sandbox=sandbox, ended=ended)

    def continued(self, later: "Report") -> "Report":
        """Return this report up to the cell with which the process ended, and another from there.

        Args:
            later: What came of the same cells in a new process, which left that cell out.
        """
        if later.state == "failed" or self.ended is None:
            return later
        last = self.verdicts[self.ended]
        if last.kind == "student":
            told = f"{last.message} The cells after this one were run without it."
            last = replace(last, message=told)
        verdicts = [*self.verdicts[: self.ended], last, *later.verdicts[self.ended + 1 :]]
        return Report.of(verdicts, sandbox=self.sandbox, ended=later.ended)

    @property
    def score(self) -> float:
        """The points of all cells that have a score."""
        return sum(v.score or 0.0 for v in self.verdicts)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> "Report":
        """Return the report of plain data.

        Args:
            data: What `plain` returned.
        """
        return cls(**{**data, "verdicts": [Verdict(**v) for v in data["verdicts"]]})


class Gone(Exception):
    """The student's process has ended; the text says how."""


class _TimeUp(BaseException):
    """A test's time is up: not to be held by its `except AssertionError`, or `except Exception`."""


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
    return list(_student_names(code))


@functools.lru_cache(maxsize=512)  # the source's cells are asked for with each submission
def _student_names(code: str) -> tuple[str, ...]:
    found: list[str] = []
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
            found += [name.id for name in names if isinstance(name.ctx, ast.Store)]
    return tuple(dict.fromkeys(found))


def measures(code: str) -> bool:
    """Return whether a test cell stands on `checks.measure`, whose meters the student can deceive.

    Args:
        code: Python.

    Example:
        >>> measures("from losscourse import checks\\nchecks.measure(f, 2).at_most(bytes=8)")
        True
        >>> measures("measure = 2")
        False
    """
    nodes = list(ast.walk(ast.parse(code)))
    used = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    return "measure" in used + [node.name for node in nodes if isinstance(node, ast.alias)]


class Judge:
    """Runs the steps of one submission against the student's process.

    Args:
        student: The channel to that process.
        pid: Its number, to stop it.
        names: What the solution cells define: in tests, these names are the student's.
        cell_seconds: How long one cell, or one call of a student's function, may take. A function
            that has not ended in time once has a tenth of it from then on, and a second at least:
            an endless loop does not cost the class its evening.
        total_seconds: How long the whole submission may take.
        excess: Says what that process has taken too much of, or "" where nothing.
    """

    def __init__(
        self,
        student: wire.Channel,
        pid: int,
        names: Sequence[str],
        *,
        cell_seconds: float = 30.0,
        total_seconds: float = 300.0,
        excess: Callable[[], str] = str,
    ):
        self._student, self._pid, self._names = student, pid, list(names)
        self._cell_seconds, self._end = cell_seconds, time.monotonic() + total_seconds
        self._slow: set[str] = set()  # functions that did not end in time once
        self._killed = False  # and not for anything that it did
        self._gone = self._late = ""  # why there is no answer: any more, or within this test
        self._excess, self._next_look = excess, 0.0
        student.watch = self._look
        self._stopped: list[tuple[str, str]] = []  # cells that did not run to their end, and why
        self._bound: list[str] = []  # names that are the student's in this cell
        self._space: dict[str, Any] = {"__name__": "__main__"}
        self._place, self._cell, self._withheld = 0, "", False
        self._gone_in = ""
        self._measured: list[str] = []  # within this test, by meters in the student's process
        self._doubtful = False  # whether these disagree with what was seen from outside
        self._functions: list[Callable] = []  # of the tests', which the student's code may call
        self._calling_back = False
        self._fault: AssertionError | None = None  # of a check in a function called back
        self.ended: int | None = None

    def run(self, steps: Sequence[Step], without: Collection[int] = ()) -> list[Verdict]:
        """Run the steps, whatever the student's code does.

        Args:
            steps: The cells, in order.
            without: The places of cells with which a student's process has ended before: here they
                run none of the student's code.

        Returns:
            A verdict for each.

        Raises:
            Gone: The student's process did not start, or was killed for nothing that it did.
        """
        self._ask_ready()
        verdicts = []
        for self._place, step in enumerate(steps):
            self._cell, self._withheld = step.cell, self._place in without
            verdicts.append(self._timed(step))
            if self._killed:
                raise Gone(_KILLED)
        return verdicts

    def _ask_ready(self) -> None:
        answer = self._student.receive(timeout=60.0)  # nothing of the student's has run yet
        if answer != {"ready": True}:
            raise Gone(f"the student's process did not start: {_text(answer, 'unavailable')}")

    def _timed(self, step: Step) -> Verdict:
        start = time.monotonic()
        verdict = {"student": self._run_student, "setup": self._run_setup, "test": self._run_test}[
            step.kind
        ](step)
        verdict.message, verdict.printed = _clean(verdict.message), _clean(verdict.printed)
        if _NO_FILE.search(verdict.message):
            verdict.message += _FILES
        verdict.seconds = round(time.monotonic() - start, 4)
        return verdict

    def _run_student(self, step: Step) -> Verdict:
        verdict = Verdict(step.cell, step.kind)
        try:
            answer = self._ask({"do": "run", "code": step.code})
            self._look()  # else the next cell would pay for what this one took
            verdict.printed = _text(answer, "printed")
            verdict.message = _error_text(answer.get("error"))
        except (Gone, CheckFailed, wire.NotPlain) as error:
            verdict.message = str(error)
        if verdict.message:
            self._stopped.append((step.code, verdict.message))
        return verdict

    def _run_setup(self, step: Step) -> Verdict:
        verdict = self._run_student(step)
        tree = _parsed(step.code, step.cell)
        theirs = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        theirs &= set(self._names)
        try:
            if theirs:
                self._bind_names()
            with (
                contextlib.redirect_stdout(io.StringIO()),  # the same is in the verdict already
                _alarm(self._cell_seconds + _GRACE),
            ):
                _execute(step.code, self._space, step.cell)
        except (Exception, _TimeUp) as error:
            if not theirs:
                raise  # the fault is ours, not the student's
            verdict.message = verdict.message or f"{type(error).__name__}: {error}"
        return verdict

    def _run_test(self, step: Step) -> Verdict:
        verdict = Verdict(step.cell, step.kind, step.points)
        printed, self._late = io.StringIO(), ""
        self._measured, self._doubtful = [], False
        try:
            self._bind_names()
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                _alarm(self._end - time.monotonic() + _GRACE),
            ):
                value = _execute(step.code, self._space, step.cell)
            if why := self._gone or self._late:  # a test that expects an error may have caught it
                raise Gone(why)
            verdict.score, verdict.message = _points(value, step.points)
        except (CheckFailed, Gone, _TimeUp) as error:
            verdict.score, verdict.message = 0.0, str(error)
        except BaseException as error:
            verdict.score, verdict.message = 0.0, self._in_words(error)
        verdict.printed = printed.getvalue()
        if self._measured:
            verdict.inside = True
            verdict.printed += "\n".join([_INSIDE, *self._measured, ""])
        if self._doubtful and verdict.score:
            verdict.score, verdict.message = None, _DOUBTFUL
        return verdict

    def _in_words(self, error: BaseException) -> str:
        """Say which error ended a test: the student's code raised it, or the test itself."""
        if isinstance(error.__cause__, CheckFailed):
            return str(error.__cause__)
        if not isinstance(error, NameError):
            return f"{type(error).__name__}: {error}"
        defines = re.compile(rf"\b(?:def|class)\s+{error.name}\b|\b{error.name}\s*=")
        for code, why in self._stopped:
            if defines.search(code):
                return f"{error}: its cell stopped with this error: {why}"
        return f"{error}: has its cell been run to the end?"

    def _bind_names(self) -> None:
        """Let the student's names mean what the other process has under them by now."""
        for name in self._names:
            self._space.pop(name, None)
        kinds = self._ask({"do": "names", "names": self._names})
        self._bound = [name for name in self._names if name in kinds]
        for name in self._names:
            if kinds.get(name) == "function":
                self._space[name] = Elsewhere(name, self._call)
            elif kinds.get(name) == "value":
                answer = self._ask({"do": "get", "name": name})
                if "value" in answer:
                    self._space[name] = answer["value"]
                else:
                    raise CheckFailed(f"{name}: {_text(answer, 'refused')}")

    def _call(
        self, name: str, args: tuple, named: dict[str, Any], allow: tuple, **more: Any
    ) -> Any:
        """Ask for a call or, by `do` and what goes with it, for something else of a name."""
        request: dict[str, Any] = {"do": "call", "name": name, **more}
        if request["do"] != "get":
            request["args"] = _sent(args, self._functions)
            request["named"] = _sent(named, self._functions)
            request["allow"] = allow
            request["deleted"] = [one for one in self._bound if one not in self._space]
        answer = self._measure(request) if request["do"] == "measure" else self._ask(request)
        if "failed" in answer or "refused" in answer:
            raise CheckFailed(_text(answer, "failed") or _text(answer, "refused"))
        return answer

    def _measure(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask for a measure, look from outside meanwhile, and compare."""
        self._ask({"do": "measure", "what": request["what"]})
        before = _Usage.of(self._pid)
        answer = self._ask(request)
        after, sent = _Usage.of(self._pid), len(wire.encode(request))
        told, doubt = _compared(request["what"], answer.get("took"), before, after, sent)
        self._measured.append(f"{request['name']}: {told}")
        self._doubtful |= doubt
        return answer

    # --- talking to the student's process -------------------------------------------------------

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer to it, a dict.

        Whatever else comes ends the process. A request's number cannot be guessed: an answer that
        was sent before its question, or to another one, is none. Until it answers, the student's
        code may have functions called that tests have given it, now or before.
        """
        if self._calling_back:
            raise CheckFailed(
                "a function of the test's cannot call the student's code, which waits for it"
            )
        if self._gone:
            raise Gone(f"This was not run, for what happened in {self._gone_in}: {self._gone}")
        if self._withheld and request["do"] not in ("names", "get"):
            raise Gone("With this cell, an earlier process of this code has ended.")
        if time.monotonic() > self._next_look:
            self._look()
        number = secrets.token_hex(8)
        name = request.get("name", "")
        seconds, less = min(self._cell_seconds, self._end - time.monotonic()), ""
        if name in self._slow:
            seconds, less = min(seconds, max(self._cell_seconds / 10, 1.0)), _LESS
        seconds = max(seconds, 0.01)
        overdue = f"{name or 'It'} did not end within {round(seconds, 1):g} s"
        try:
            self._student.send({**request, "number": number}, timeout=seconds)
            end = time.monotonic() + seconds
            answer, in_time = self._receive(seconds)
            while _is_call_back(answer, number, len(self._functions)):
                if not in_time or time.monotonic() > end:  # interrupted within a message, or late
                    raise wire.Overdue
                if time.monotonic() > self._next_look:
                    self._look()
                self._call_back(answer, end)
                answer = self._student.receive(timeout=max(end - time.monotonic(), 0.01))
        except wire.Overdue:
            self._stop(f"{overdue}, and was stopped.")
        except wire.Closed:
            how = self._excess() or _how_it_ended(self._pid)
            self._killed = how == _KILLED
            self._stop(how)
        except wire.BadFrame as error:
            self._stop(f"Your code answered in the place of the grader ({error}).", forged=True)
        sent = answer.pop("number", None) if type(answer) is dict else None
        if type(sent) is not str or sent != number:
            self._stop("Your code answered in the place of the grader.", forged=True)
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        if not in_time:
            self._slow |= {name} - {""}
            self._late = f"{overdue}{less}: is there an endless loop?"
            raise CheckFailed(self._late)
        return answer

    def _call_back(self, request: dict[str, Any], end: float) -> None:
        """Call a function of the test's for the student's code, and answer.

        A check that fails in it fails the test, whatever the student's code makes of the error. Its
        time is the student's: they have chosen the arguments.
        """
        function, seconds = self._functions[request["function"]], end - time.monotonic()
        self._calling_back = True
        try:
            with _alarm(seconds):
                reply = {"value": function(*request["args"], **request["named"])}
        except _TimeUp:
            raise wire.Overdue from None
        except AssertionError as fault:
            self._fault = self._fault or fault
            reply = {"raised": str(fault)}
        except Exception as error:
            reply = {"raised": f"{type(error).__name__}: {error}"}
        finally:
            self._calling_back = False
        try:
            self._student.send(reply, timeout=seconds)
        except wire.NotPlain as error:
            self._student.send({"raised": f"TypeError: {error}"}, timeout=seconds)

    def _receive(self, seconds: float) -> tuple[Any, bool]:
        """Return the next answer, and whether it came in time or only after an interrupt."""
        try:
            return self._student.receive(timeout=seconds), True
        except wire.Overdue:
            os.kill(self._pid, signal.SIGINT)
            return self._student.receive(timeout=2.0), False

    def _look(self) -> None:
        """Stop the student's process if it has taken too much."""
        self._next_look = time.monotonic() + _BETWEEN_LOOKS
        if reason := self._excess():
            self._stop(reason)

    def _stop(self, reason: str, *, forged: bool = False) -> None:
        """End the student's process for good, and say why from now on."""
        os.kill(self._pid, signal.SIGKILL)  # not reaped before the end: the number is still its own
        self._gone, self._gone_in = reason, self._cell
        self.ended = None if forged else self._place
        raise Gone(reason)


def _execute(code: str, space: dict[str, Any], name: str) -> Any:
    """Run an instructor's cell; return the value of its last line, where that is an expression."""
    tree = _parsed(code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"<{name}>", "exec"), space)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), f"<{name}>", "eval"), space)


def _parsed(code: str, name: str) -> ast.Module:
    """Return a cell's tree, without lines that only a shell runs, such as %matplotlib inline."""
    try:
        return ast.parse(code, f"<{name}>")
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        body = re.sub(r"\A\s*%%(?:time|capture)\b.*", "", code)
        tree = ast.parse(TransformerManager().transform_cell(body), f"<{name}>")
        tree.body = [x for x in tree.body if not ast.unparse(x).startswith("get_ipython()")]
        return tree


class _Usage(NamedTuple):
    """What a process has taken, as the system says: its own word is not asked."""

    seconds: float  # of processor time, in all
    peak: int  # bytes in memory at most, since this was looked at last
    now: int  # bytes in memory

    @classmethod
    def of(cls, pid: int) -> "_Usage | None":
        """Look at a process, and let its peak begin anew; None where the system does not say."""
        folder = Path("/proc") / str(pid)
        try:
            times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
            lines = (folder / "status").read_text().splitlines()
            (folder / "clear_refs").write_text("5")
        except OSError:
            return None
        status = dict(line.split(":", 1) for line in lines)
        if "VmHWM" not in status:  # it has ended, and has no memory any more
            return None
        peak, now = (int(status[key].split()[0]) * 1024 for key in ("VmHWM", "VmRSS"))
        return cls(sum(map(int, times)) / os.sysconf("SC_CLK_TCK"), peak, now)


def _compared(
    what: str, took: Any, before: _Usage | None, after: _Usage | None, sent: int
) -> tuple[str, bool]:
    """Return a measure as its meter and the system tell it, and whether these disagree.

    What the system sees holds more than the call: the arguments as they came, and their copies.

    Args:
        what: As in `checks.Measured.takes`.
        took: What the meter in the student's process says.
        before: What that process had taken before.
        after: What it had taken afterwards.
        sent: Bytes of the request.
    """
    if type(took) not in (int, float):
        return "no measure", False  # and so no points
    if before is None or after is None:
        return "the system does not let the grader look at it from outside", True
    if what == "seconds":
        seen = after.seconds - before.seconds
        told = f"{1000 * took:.4g} ms; from outside {1000 * seen:.0f} ms"
        return told, not seen <= 2 * took + _MORE_SECONDS
    if what == "bytes":
        seen = after.peak - before.now
        told = f"{took / 1e6:.4g} MB; from outside {seen / 1e6:.4g} MB"
        return told, not seen <= 1.5 * took + 4 * sent + _MORE_BYTES
    return f"{took:.4g} floating-point operations, which nobody sees from outside", False


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Stop what a test computes by itself: a student's value may make it go on for ever.

    One alarm may stand within another that would ring later. Where a test catches even this, a
    second ring ends the process.
    """

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise _TimeUp("It did not end in the time that it has.")

    before, start = signal.signal(signal.SIGALRM, stop), time.monotonic()
    later, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.01), _GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if later:
            left = later - (time.monotonic() - start)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01), _GRACE)


def _points(value: Any, points: float) -> tuple[float | None, str]:
    """Return the score that a test's last value means, None where a person must say."""
    if value is None:
        return points, ""
    kind = str(getattr(value, "dtype", type(value).__name__))
    with contextlib.suppress(Exception):
        if not re.search("bool|str|bytes", kind) and 0 <= (part := float(value)) <= points:
            return part, ""
    return None, f"A person must look: the test's value is {value!r}, not a number of points."


def _sent(value: Any, functions: list[Callable]) -> Any:
    """Return an argument with what stands for functions and objects in their place.

    The test's own functions are appended to `functions`, each once: they stay here.
    """
    if type(value) is Elsewhere:
        return {"function of the student": value.__name__}
    if type(value) is Made:
        return {"object of the student": value.handle}
    if type(value) is dict:
        return {key: _sent(item, functions) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_sent(item, functions) for item in value)
    if callable(value) and not isinstance(value, type):
        if not any(one is value for one in functions):
            functions.append(value)
        return {"function of the test": next(n for n, f in enumerate(functions) if f is value)}
    return value


def _is_call_back(answer: Any, number: str, functions: int) -> bool:
    """Whether a stranger's message asks, within a request, for a call of one of the functions."""
    return (
        type(answer) is dict
        and answer.keys() == {"function", "args", "named", "number"}
        and type(answer["number"]) is str
        and answer["number"] == number
        and type(answer["function"]) is int
        and 0 <= answer["function"] < functions
        and type(answer["args"]) is tuple
        and type(answer["named"]) is dict
        and all(type(key) is str for key in answer["named"])
    )


def _text(answer: dict[str, Any], key: str) -> str:
    """Return a text out of a stranger's answer."""
    value = answer.get(key, "")
    return value[:_MOST_TEXT] if type(value) is str else ""


def _clean(text: str) -> str:
    """Return the beginning of a text without what would steer a terminal, or is in no encoding."""
    text = text[:_MOST_TEXT].replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _error_text(error: Any) -> str:
    """Return an error that a student's cell raised, in words."""
    if type(error) is not dict:
        return ""
    lines = error.get("lines")
    told = [x for x in lines if type(x) is str] if type(lines) is list else []
    return "\n".join([f"{_text(error, 'kind')}: {_text(error, 'text')}", *told])[:4000]


def _how_it_ended(pid: int) -> str:
    """Say how the student's process ended; it is left to be reaped."""
    for _ in range(100):
        if end := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.01)
    else:
        return "Your code closed the connection to the grader."
    if end.si_code in (os.CLD_KILLED, os.CLD_DUMPED):
        number = end.si_status
        if number == signal.SIGKILL:
            return _KILLED  # by another: we stop it only while it answers
        return f"Your code crashed Python ({signal.Signals(number).name})."
    return "Your code ended Python."
