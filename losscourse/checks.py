"""What a graded cell calls: comparisons that say in words what is wrong.

A test cell calls the student's function on plain data and says what must come back:

    from losscourse import checks

    checks.call(huber, predictions, targets, delta=2.0).gives(expected, why="linear beyond delta")
    checks.call(squared_error, row, column).raises(ValueError)

`call` runs the function once, on copies of its inputs, with warnings off and prints kept aside
(nbgrader gives no points to a cell that writes to stderr). What comes back must be plain data of
exact types: a number, a bool, a string, None, a NumPy array, a torch tensor, or lists, tuples and
dicts of them. An object of another class is refused before anything compares it, so that its own
`==` has no say.

`gradient` gives what autograd finds, `make` an object of a student's class, whose methods are
called one by one, and `measure` what a call takes:

    checks.gradient(huber, predictions, targets, wrt=0).gives(expected)
    optimizer = checks.make(SGD, lr=0.1)
    optimizer.call("step", weights, slopes).gives(weights - 0.1 * slopes)
    checks.measure(pairwise, points).at_most(bytes=1e6, why="a block of rows at a time")

While the function runs, calls into a library's finished losses are refused, and every verdict first
makes sure that the functions it stands on are the ones that were there at import.

What this cannot guarantee: the check and the student's code share one process, and Python gives
each of them the means to change the other. The module stops the shortcuts named above and the
likely mistakes; a determined author gets round it. Where grades matter, the verdict belongs in
another process, and so does every test that the student must not read.

NumPy is all that this module imports beyond the standard library.
"""

import builtins
import contextlib
import dis
import functools
import io
import linecache
import math
import os
import re
import secrets
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from operator import is_, itemgetter
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from losscourse import meters

if "_SEAL" in globals():
    raise ImportError("losscourse.checks cannot be reloaded: restart the kernel")

__all__ = [
    "CheckFailed",
    "Elsewhere",
    "Made",
    "Measured",
    "Outcome",
    "call",
    "gradient",
    "make",
    "measure",
    "require",
    "takes",
]


class CheckFailed(AssertionError):
    """A property that the student's work lacks; the message says which, in words."""

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the message alone: the checker's own frames help nobody."""
        return [f"Check failed: {self}"]


def call(function: Callable, /, *args: Any, allow: Sequence[str] = (), **named: Any) -> "Outcome":
    """Run a student's function once and keep what came of it for a verdict.

    Args:
        function: The student's function.
        *args: Its positional arguments: plain data, copied before the call; functions, the test's
            own or the student's; and what `make` returned. A function of the test's gets plain data
            and gives plain data: no gradient flows through it.
        allow: Modules, such as `"losscourse.stable"`, that this function may call although their
            package holds finished losses.
        **named: Its keyword arguments, copied before the call.

    Returns:
        The outcome; nothing is judged until one of its methods is called.

    Raises:
        CheckFailed: `function` cannot be called, or a function that the checks stand on was
            replaced.

    Example:
        >>> def double(x):
        ...     return 2 * x
        >>> call(double, np.asarray([1.0, 2.0])).gives(np.asarray([2.0, 4.0]))
        >>> call(double, 1.5).gives(4.0)
        Traceback (most recent call last):
            ...
        losscourse.checks.CheckFailed: double(x=1.5)
        wrong result
          expected  4
          got       3
    """
    return _outcome(function, args, named, tuple(allow))


def gradient(
    function: Callable, /, *args: Any, wrt: int | str = 0, allow: Sequence[str] = (), **named: Any
) -> "Outcome":
    """Run a student's function on tensors and keep the gradient that autograd finds of its result.

    Args:
        function: The student's function; of a result of several numbers, the sum counts.
        *args: As in `call`.
        wrt: The argument by which the result is differentiated: its place, or its keyword.
        allow: As in `call`.
        **named: As in `call`.

    Returns:
        The outcome, whose result is the gradient: a tensor of that argument's shape and dtype.

    Raises:
        ValueError: `wrt` names no tensor of floating-point numbers among the arguments.
        CheckFailed: As in `call`.

    Example:
        >>> import torch
        >>> def square(x):
        ...     return (x * x).mean()
        >>> gradient(square, torch.tensor([1.0, 3.0])).gives(torch.tensor([1.0, 3.0]))
    """
    args = list(args)
    place, holder = (wrt, args) if type(wrt) is int else (wrt, named)
    known = range(len(args)) if type(wrt) is int else named
    if place not in known or not _is_tensor(holder[place]) or not holder[place].is_floating_point():
        raise ValueError(f"wrt: expected a floating-point tensor among the arguments, got {wrt!r}")
    holder[place] = _tensor(holder[place]).requires_grad_()
    return _outcome(function, tuple(args), named, tuple(allow), wrt)


def measure(
    function: Callable, /, *args: Any, allow: Sequence[str] = (), **named: Any
) -> "Measured":
    """Run a student's function as `call` does; `at_most` runs it again and measures what it takes.

    The meters watch from inside the student's process, and its code can deceive them. The grader
    compares time and memory with what it sees from outside: where that is much more, a person must
    look. A verdict that stands on meters is marked, and such tests carry less than a third of a
    problem set's points.

    Args:
        function: The student's function.
        *args: As in `call`.
        allow: As in `call`.
        **named: As in `call`.

    Returns:
        The outcome, of which one can ask what the call takes.

    Raises:
        CheckFailed: As in `call`.

    Example:
        >>> def ones(n):
        ...     return np.ones((n, n)).sum()
        >>> measure(ones, 1000).at_most(bytes=9e6)
        >>> measure(ones, 1000).at_most(bytes=1e6, why="a row at a time is enough")
        Traceback (most recent call last):
            ...
        losscourse.checks.CheckFailed: ones(n=1000)
        expected at most 1 MB of memory at once, it took 8 MB.
        a row at a time is enough
    """
    return Measured(_outcome(function, args, named, tuple(allow)), function, args, named)


def make(kind: Callable, /, *args: Any, allow: Sequence[str] = (), **named: Any) -> "Made":
    """Make an object of a student's class, to call its methods and look at its attributes.

    Args:
        kind: The student's class, or a function of theirs that returns such an object.
        *args: As in `call`.
        allow: As in `call`.
        **named: As in `call`.

    Returns:
        A handle of the object.

    Raises:
        CheckFailed: The object could not be made.

    Example:
        >>> class Counter:
        ...     def __init__(self, start):
        ...         self.count = start
        ...     def add(self, n):
        ...         self.count += n
        >>> counter = make(Counter, 2)
        >>> counter.call("add", 3).gives(None)
        >>> counter.get("count")
        5
    """
    if type(kind) is Elsewhere:
        return Made(kind.__name__, kind.make(args, named, tuple(allow)))
    outcome = _outcome(kind, args, named, tuple(allow))
    return Made(outcome._name, outcome._made())


class Made:
    """An object of a student's class. Made by `make`.

    Args:
        name: What it was made from.
        thing: The object or, where it lives in another process, its `Elsewhere`.
    """

    __slots__ = ("_name", "_thing")

    def __init__(self, name: str, thing: Any):
        self._name, self._thing = name, thing

    @property
    def handle(self) -> str | None:
        """By what the other process knows the object; None where it is in this one."""
        return self._thing.handle if type(self._thing) is Elsewhere else None

    def call(
        self, method: str, /, *args: Any, allow: Sequence[str] = (), **named: Any
    ) -> "Outcome":
        """Call one of its methods; see the function `call`.

        Args:
            method: The method's name.
            *args: As in the function `call`.
            allow: As in the function `call`.
            **named: As in the function `call`.

        Returns:
            The outcome.

        Raises:
            CheckFailed: It has no such method.
        """
        if type(self._thing) is Elsewhere:
            return _outcome(self._thing.method(method), args, named, tuple(allow))
        return _outcome(self._attribute(method)._made(), args, named, tuple(allow))

    def get(self, name: str) -> Any:
        """Return one of its attributes as plain data.

        Args:
            name: The attribute's name.

        Raises:
            CheckFailed: It has no such attribute, or it is no plain data.
        """
        if type(self._thing) is Elsewhere:
            return _plain(self._thing.method(name).get())
        return self._attribute(name).value()

    def _attribute(self, name: str) -> "Outcome":
        def read():
            return getattr(self._thing, name)

        read.__name__ = f"{self._name}.{name}"
        return _outcome(read, (), {}, ())


def _outcome(function, args, named, allow, wrt=None) -> "Outcome":
    """Run a function once; return what came of it or, with `wrt`, the gradient of that."""
    if type(function) is Elsewhere:
        return function.outcome(args, named, allow, wrt)
    _verify()
    if not callable(function):
        raise CheckFailed(f"expected a function, got {_type_name(type(function))}")
    name, inputs = _signature(function, args, named)
    if wrt is not None:
        name = f"gradient by {_label(wrt, inputs, args)} of {name}"
    work = _copy((args, named))
    watch = _Watch(allow)
    with _quiet() as printed:
        result, error = _run(function, *work, watch, wrt)
        story = _story(error)
    changed = [
        key
        for key, value in _signature(function, *work)[1].items()
        if not _identical(value, inputs[key])
    ]
    return Outcome(name, inputs, changed, result, error, story, watch.offence, printed.getvalue())


class Outcome:
    """What came of one call of a student's function. Made by `call`."""

    __slots__ = (
        "_changed",
        "_error",
        "_inputs",
        "_name",
        "_offence",
        "_printed",
        "_result",
        "_story",
        "_told",
    )

    def __init__(self, name, inputs, changed, result, error, story, offence, printed, told=False):
        """Keep the parts; nothing is judged yet."""
        self._name, self._inputs, self._changed = name, inputs, changed
        self._result, self._error, self._story = result, error, story
        self._offence, self._printed = offence, printed
        self._told = told  # by another process: nothing of the student's has run in this one

    def gives(
        self, expected: Any, *, rtol: float | None = None, atol: float | None = None, why: str = ""
    ) -> None:
        """Check the result against an expected one, and every type, shape and dtype in it.

        Args:
            expected: Plain data. An array or a tensor asks for its own shape and dtype; a float
                for one number of any real dtype; NaN and inf where they stand for the same there.
            rtol: Allowed error relative to the expected number. Default: 1e-9 for float64, 1e-5
                for float32, 1e-2 for float16 and 5e-2 for bfloat16 (1e-5 where one float is
                expected: the student may choose its dtype); none for integers.
            atol: Allowed error beyond that. Default: a thousandth of the default `rtol`.
            why: A sentence that helps a student who fails: the property, not the solution.

        Raises:
            CheckFailed: The result differs, or there is none.
        """
        tolerance = _Tolerance(rtol, atol)
        fault = _fault(self.value(), expected, "", tolerance, self._inputs)
        if fault:
            self._fail(fault, why)

    def raises(self, expected: type[Exception], *, why: str = "") -> None:
        """Check that the call raised `expected`.

        Args:
            expected: The class of exception; a subclass does as well.
            why: A sentence that helps a student who fails.

        Raises:
            CheckFailed: It raised another exception, or none.
        """
        self._check_honest()
        if self._error is None:
            self._fail(f"expected {expected.__name__}, but it returned {_show(self.value())}.", why)
        if not issubclass(type(self._error), expected):
            self._fail(f"expected {expected.__name__}, but it {self._story}", why)

    def keeps_inputs(self, *, why: str = "") -> None:
        """Check that the call returned and left its arguments as they were.

        Args:
            why: A sentence that helps a student who fails.

        Raises:
            CheckFailed: An argument was changed in place.
        """
        self.value()
        if self._changed:
            self._fail(
                f"it changed its argument {' and '.join(self._changed)} in place. The caller "
                "still needs the old values: build a new array.",
                why,
            )

    def value(self) -> Any:
        """Return the result as plain data, for a property that the test computes itself.

        Raises:
            CheckFailed: The call raised, or its result is not plain data.
        """
        self._check_honest()
        if self._error is not None:
            self._fail(f"it {self._story}")
        if type(self._result) is _Fault:
            self._fail(self._result.text)
        try:
            return _plain(self._result)
        except CheckFailed as fault:
            self._fail(str(fault))

    def number(self) -> float:
        """Return the result as one finite float.

        Raises:
            CheckFailed: The result is no finite number.
        """
        value = self.value()
        if not _is_number(value) or not math.isfinite(value):
            self._fail(f"expected one finite number, got {_show(value)}.")
        return float(value)

    def array(self, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
        """Return the result as an array of finite numbers of this shape and dtype.

        Args:
            shape: The shape that the result must have.
            dtype: The dtype that it must have.

        Raises:
            CheckFailed: The result is no such array.
        """
        value = self.value()
        fault = _form_fault(value, shape, np.dtype(dtype), "")
        if not fault and not np.isfinite(value).all():
            fault = f"expected finite numbers, got {_show(value)}."
        if fault:
            self._fail(fault)
        return value

    def parts(self) -> dict[str, Any]:
        """Return the outcome as plain data, for another process to judge."""
        try:
            result = {"value": None if self._error is not None else _plain(self._result)}
        except CheckFailed as fault:
            result = {"fault": str(fault)}
        kinds = type(self._error).__mro__ if self._error is not None else ()
        names = [kind.__name__ for kind in kinds if vars(builtins).get(kind.__name__) is kind]
        return result | {
            "name": self._name,
            "labels": list(self._inputs),
            "changed": list(self._changed),
            "error": names,
            "story": self._story,
            "offence": self._offence,
            "printed": _short(self._printed, 2000),
        }

    def _made(self) -> Any:
        """Return the result itself, whatever it is."""
        self._check_honest()
        if self._error is not None:
            self._fail(f"it {self._story}")
        return self._result

    def _check_honest(self) -> None:
        if not self._told:
            _verify()
        if self._offence:
            self._fail(self._offence)
        if _unwritten(self._error):
            raise CheckFailed(f"{self._name} is not written yet: it raises NotImplementedError.")

    def _fail(self, fault: str, why: str = "") -> None:
        shown = (f"{key}={_show(value)}" for key, value in self._inputs.items())
        lines = [f"{self._name}({', '.join(shown)})", fault, why]
        if self._printed:
            lines.append(f"Your code printed: {_short(self._printed)}")
        raise CheckFailed("\n".join(line for line in lines if line)) from None


class Measured(Outcome):
    """What came of a call, and what such a call takes. Made by `measure`."""

    __slots__ = ("_call",)

    def __init__(self, outcome, function, args, named):
        """Keep the parts of the outcome, and the call."""
        for part in Outcome.__slots__:
            setattr(self, part, getattr(outcome, part))
        self._call = function, args, named

    def at_most(
        self,
        *,
        seconds: float | None = None,
        bytes: float | None = None,
        flops: float | None = None,
        why: str = "",
    ) -> None:
        """Check that the call took no more than this.

        Args:
            seconds: Of processor time; where CUDA is in use, until the device is done.
            bytes: Held at once, beyond what was there before the call.
            flops: Floating-point operations, of those that torch counts.
            why: A sentence that helps a student who fails.

        Raises:
            CheckFailed: It took more, or the call raised.
        """
        self._made()
        for what, most in {"seconds": seconds, "bytes": bytes, "flops": flops}.items():
            if most is not None and (took := self.takes(what)) > most:
                unit, noun = _UNITS[what]
                short = noun.partition(" ")[0]
                told = f"{most / unit:.4g} {noun}, it took {took / unit:.3g} {short}"
                self._fail(f"expected at most {told}.", why)

    def takes(self, what: str) -> float:
        """Measure the call, which runs once more on new copies of its arguments.

        Args:
            what: "seconds", "bytes" or "flops", as in `at_most`.

        Returns:
            How many of them.

        Raises:
            CheckFailed: What came from another process is no measure.
        """
        return takes(what, *self._call)


def takes(what: str, function: Callable, args: tuple, named: dict[str, Any]) -> float:
    """Measure one call of a function, on copies of its arguments.

    Args:
        what: As in `Measured.takes`.
        function: The student's function.
        args: Its positional arguments.
        named: Its keyword arguments.

    Returns:
        As `Measured.takes`.

    Raises:
        CheckFailed: As in `Measured.takes`.
    """
    if type(function) is Elsewhere:
        return function.takes(what, args, named)
    work = _copy((args, named))
    with _quiet():
        return _METERS[what](lambda: function(*work[0], **work[1]))


_METERS = {"seconds": meters.seconds, "bytes": meters.memory, "flops": meters.flops}
_UNITS = {
    "seconds": (1e-3, "ms of processor time"),
    "bytes": (1e6, "MB of memory at once"),
    "flops": (1e6, "million floating-point operations"),
}


class Elsewhere:
    """A student's function that runs in another process, under the name that the student gave it.

    Args:
        name: The function's name.
        ask: `ask(name, args, named, allow)` runs it there and returns the `parts` of its outcome,
            which come from a stranger: only their exact types have been checked. `do=` and what
            goes with it ask for something else than a call.
        handle: Where it is an attribute of an object there, which object; or the object itself.
    """

    def __init__(self, name: str, ask: Callable[..., Any], handle: str | None = None):
        self.__name__, self._ask, self.handle = name, ask, handle

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Return the plain result of a call that a test makes by itself.

        Raises:
            CheckFailed: There is no result that could be judged.
            Exception: The student's code raised an error: it is of Python's own class, so that a
                test may catch it, and its cause is the `CheckFailed` that says the rest in words.
                In place of StopIteration it is a RuntimeError: the other would end a test's own
                loop over `map` in silence, and with it what that loop asserts.
        """
        outcome = self.outcome(args, named, ())
        try:
            return outcome.value()
        except CheckFailed as fault:
            error = outcome._error
            if error is None or outcome._offence or _unwritten(error):
                raise
            if isinstance(error, (StopIteration, StopAsyncIteration)):  # PEP 479 says why
                raise RuntimeError(f"{self.__name__} raised {type(error).__name__}") from fault
            raise error from fault

    def outcome(
        self,
        args: tuple,
        named: dict[str, Any],
        allow: tuple[str, ...],
        wrt: int | str | None = None,
    ) -> Outcome:
        """Return what came of one call.

        Args:
            args: Its positional arguments.
            named: Its keyword arguments.
            allow: As in `call`.
            wrt: As in `gradient`; None asks for the result itself.

        Raises:
            CheckFailed: What came is no outcome of a call.
        """
        more = {"of": self.handle} if self.handle else {}
        if wrt is not None:
            more |= {"do": "gradient", "wrt": wrt}
        parts = self._ask(self.__name__, args, named, allow, **more)
        _require_parts(parts, len(args) + len(named))
        inputs = dict(zip(parts["labels"], [*args, *named.values()], strict=True))
        error = _rebuilt_error(parts["error"])
        result = _Fault(parts["fault"]) if "fault" in parts else parts["value"]
        return Outcome(
            parts["name"], inputs, parts["changed"], result, error,
            parts["story"], parts["offence"], parts["printed"], told=True,
        )  # fmt: skip

    def takes(self, what: str, args: tuple, named: dict[str, Any]) -> float:
        """Return what a call takes, as the meter there says.

        Args:
            what: As in `Measured.takes`.
            args: As in `outcome`.
            named: As in `outcome`.

        Raises:
            CheckFailed: What came is no measure.
        """
        answer = self._ask(self.__name__, args, named, (), do="measure", what=what)
        took = answer.get("took") if type(answer) is dict else None
        if type(took) not in (int, float) or not 0 <= took < math.inf:
            raise CheckFailed(_FORGED)
        return took

    def make(self, args: tuple, named: dict[str, Any], allow: tuple[str, ...]) -> "Elsewhere":
        """Let it make an object there.

        Args:
            args: As in `outcome`.
            named: As in `outcome`.
            allow: As in `outcome`.

        Returns:
            Where it is.

        Raises:
            CheckFailed: No object was made.
        """
        handle = f"{self.__name__} {secrets.token_hex(8)}"
        self._ask(self.__name__, args, named, allow, do="make", handle=handle)
        return Elsewhere(self.__name__, self._ask, handle)

    def method(self, name: str) -> "Elsewhere":
        """Return what the object there has under a name.

        Args:
            name: The name of a method, or of another attribute.
        """
        return Elsewhere(name, self._ask, self.handle)

    def get(self) -> Any:
        """Return the attribute's value, whatever came as such.

        Raises:
            CheckFailed: It is no plain data.
        """
        answer = self._ask(self.__name__, (), {}, (), do="get", of=self.handle)
        if type(answer) is not dict or "value" not in answer:
            raise CheckFailed(_FORGED)
        return answer["value"]


class _Fault(NamedTuple):
    """In place of a result that is not plain: what is wrong with it."""

    text: str


_FORGED = "Your code answered in the place of the grader: nothing was judged."


def _require_parts(parts: Any, arguments: int) -> None:
    """Raise unless these are the parts of an outcome."""
    kinds = {
        "name": str, "labels": list, "changed": list, "error": list, "story": str, "printed": str,
    }  # fmt: skip
    fits = (
        type(parts) is dict
        and all(type(parts.get(key)) is kind for key, kind in kinds.items())
        and type(parts.get("offence")) in (str, type(None))
        and ("value" in parts) != ("fault" in parts)
        and type(parts.get("fault", "")) is str
        and all(type(x) is str for key in ("labels", "changed", "error") for x in parts[key])
        and len(set(parts["labels"])) == len(parts["labels"]) == arguments
    )
    if not fits:
        raise CheckFailed(_FORGED)


def _rebuilt_error(names: list[str]) -> BaseException | None:
    """Return an error of the most special class of Python's own that the student's had."""
    for name in names:
        kind = vars(builtins).get(name)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            try:
                return kind.__new__(kind) if issubclass(kind, Exception) else Exception()
            except TypeError:  # a group of exceptions asks for its members
                return Exception()
    return None


def require(condition: bool, message: str) -> None:
    """Check a property that the test has computed itself, from plain data.

    Args:
        condition: Whether the property holds.
        message: What is wrong where it does not: which property, for which input, what was
            expected and what came.

    Raises:
        TypeError: `condition` is no bool.
        CheckFailed: The property does not hold.

    Example:
        >>> require(1 < 2, "1 is expected to lie below 2")
    """
    _verify()
    if type(condition) not in (bool, np.bool_):
        raise TypeError(f"condition: expected a bool, got {type(condition).__name__}")
    if not condition:
        raise CheckFailed(message)


# ---------------------------------------------------------------- running the student's function


class _Watch:
    """A profile hook that stops calls which would do the student's task for them.

    Python calls it at every function call below the student's. It raises at the first offence,
    before the offending body runs, and remembers it, should the student's code catch that. A
    function whose code leads to NumPy and plain data alone runs without it: see `_survey`. Threads
    that are started as usual, as a progress bar does, have it too.
    """

    def __init__(self, allow: tuple[str, ...]):
        self.allow, self.offence = (*_OWN, *allow), None
        self._judged: dict[tuple[str, str], str | None] = {}

    def __call__(self, frame, event, arg):
        if event == "call":
            module, name = _module_of(frame), frame.f_code.co_name
        elif event == "c_call" and frame.f_code not in (_run.__code__, _START):
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
        if root in _FINISHED or (root == "torch" and _TORCH_LOSS.search(f"{module}.{name}")):
            return f"it calls {module}.{name}. Here the task is to write that yourself."
        if root in _NOTEBOOK and name != "_modified_open":  # the `open` of a notebook's cells
            return "it writes to the notebook's output. Return the result; print() to debug."
        if name in _HOOKS:
            return f"it calls {name}, which a check cannot follow. Write it without."
        return None


_FINISHED = {"jax", "keras", "losscourse", "optax", "scipy", "sklearn", "tensorflow"}
_TORCH_LOSS = re.compile(r"modules\.loss|_loss|cross_entropy|kl_div")
_NOTEBOOK = {"IPython", "ipykernel"}
_HOOKS = {
    "setprofile", "settrace", "_setprofileallthreads", "_settraceallthreads",
    "start_new_thread", "start_joinable_thread",
}  # fmt: skip
_START = threading.Thread.start.__code__
_OWN = ("losscourse.arrays", "losscourse.checks", "losscourse.grading")
_HOME = os.path.dirname(__file__) + os.sep


def _module_of(frame) -> Any:
    """Name a frame's module; this package's by its file, since a module's name can be changed."""
    path = frame.f_code.co_filename
    if path.startswith(_HOME):
        return "losscourse." + path[len(_HOME) :].removesuffix(".py").replace(os.sep, ".")
    return frame.f_globals.get("__name__")


def _run(function, args, named, watch, wrt=None):
    compiled, free = _survey(function, [*args, *named.values()])
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


# ---------------------------------------------------------------- what a function can reach


def _survey(function, inputs) -> tuple[str | None, bool]:
    """Look at all that a function reaches by the names in its code, before it runs.

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
        elif kind in _CONTAINERS and len(value) <= _MANY:
            todo += [*value, *value.values()] if kind is dict else value
        elif kind not in _ATOMS and not _is_numeric(value):
            free = False
    return None, free


def _is_finished(function: FunctionType) -> bool:
    """Whether a function is one of a library that the hook refuses."""
    name = function.__globals__.get("__name__")
    module = sys.modules.get(name) if type(name) is str else None
    return (
        type(module) is ModuleType
        and name.partition(".")[0] in _FINISHED - {"scipy", "losscourse"}
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


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield printed


def _story(error: BaseException | None) -> str:
    """Say which error the student's code raised, and in which of its lines."""
    if error is None:
        return ""
    try:
        text = "".join((str(error), ""))
    except BaseException:
        text = "an error whose own text cannot be read"
    story = f"raised {_type_name(type(error))}: {_short(text)}"
    step = error.__traceback__ and error.__traceback__.tb_next
    home = step and step.tb_frame.f_code.co_filename
    while step and step.tb_next and step.tb_next.tb_frame.f_code.co_filename == home:
        step = step.tb_next
    line = step and linecache.getline(home, step.tb_lineno).strip()
    return f"{story}\n  in line {step.tb_lineno} of the cell: {line}" if line else story


def _unwritten(error: BaseException | None) -> bool:
    return issubclass(type(error), NotImplementedError)


def _signature(function, args, named) -> tuple[str, dict[str, Any]]:
    """Name the function and its arguments as the student wrote them."""
    within, hidden = function, 0
    if type(function) is MethodType:
        within, hidden = function.__func__, 1
    elif isinstance(function, type):
        within, hidden = vars(function).get("__init__"), 1
    name = _type_name(function if isinstance(function, type) else type(function))
    known = ()
    if type(within) is FunctionType:
        code = within.__code__
        known = code.co_varnames[hidden : code.co_argcount]
        name = name if within.__name__ == "__init__" else within.__name__
    labels = [known[i] if i < len(known) else f"argument {i + 1}" for i in range(len(args))]
    return name, dict(zip(labels, args, strict=True)) | named


# ---------------------------------------------------------------- plain data

_SCALARS = frozenset(np.sctypeDict.values()) - {np.object_, np.void, np.str_, np.bytes_}
_ATOMS = frozenset({float, int, bool, str, type(None)}) | _SCALARS
_CONTAINERS = frozenset({list, tuple, dict})
_type_name = type.__dict__["__name__"].__get__
_DEEPEST = 8


def _plain(value: Any, depth: int = 0) -> Any:
    """Return `value` rebuilt from exact types, or fail."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is np.ndarray and value.dtype.kind in "biufc":
        return value.copy()
    if kind is _Fault:
        raise CheckFailed(value.text)
    if _is_tensor(value):
        return _tensor(value)
    if kind in _CONTAINERS and depth < _DEEPEST:
        if kind is not dict:
            return kind(_plain(item, depth + 1) for item in value)
        if all(type(key) in (str, int) for key in value):
            return {key: _plain(item, depth + 1) for key, item in value.items()}
    came = f"an array of dtype {value.dtype}" if kind is np.ndarray else _type_name(kind)
    raise CheckFailed(
        "expected plain data: a number, bool, string, None, a NumPy array of numbers, a torch "
        f"tensor, or lists, tuples and dicts of them; got {came}."
    )


def _copy(value: Any) -> Any:
    """Copy the arrays and containers of a test's own input."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    if type(value) is Made:
        return value._thing
    if _is_tensor(value):
        return _tensor(value).requires_grad_(value.requires_grad)
    return value.copy() if type(value) is np.ndarray else value


def _identical(left: Any, right: Any) -> bool:
    """Whether two inputs agree bit for bit."""
    if type(left) is Made:
        return left._thing is right
    if _is_tensor(left) and _is_tensor(right):
        kept = left.requires_grad == right.requires_grad
        return kept and left.dtype == right.dtype and _identical(_numbers(left), _numbers(right))
    if type(left) is not type(right):
        return False
    if type(left) is np.ndarray:
        form = left.shape == right.shape and left.dtype == right.dtype
        return form and left.tobytes() == right.tobytes()
    if type(left) is dict:
        return left.keys() == right.keys() and all(_identical(left[k], right[k]) for k in left)
    if type(left) in (list, tuple):
        return len(left) == len(right) and all(map(_identical, left, right))
    return left is right or left == right


_MANY = 1000  # elements of a container: to look at more takes longer than the hook
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


# ---------------------------------------------------------------- tensors, where torch is there

_DTYPES = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128",
}  # fmt: skip


def _is_tensor(value: Any) -> bool:
    """Whether a value is a tensor or a parameter of torch's own class, no subclass of it."""
    torch = sys.modules.get("torch")
    return torch is not None and type(value) in (torch.Tensor, torch.nn.Parameter)


def _tensor(value: Any) -> Any:
    """Return a copy of a tensor's numbers, without what they were computed from, or fail."""
    torch = sys.modules["torch"]
    where, form = value.device.type, str(value.layout)
    if where != "cpu" or form != "torch.strided" or _dtype_name(value) not in _DTYPES:
        raise CheckFailed(
            f"expected a dense tensor on the CPU, got one on {where}, {form.removeprefix('torch.')}"
            f", of dtype {_dtype_name(value)}."
        )
    try:
        dense = torch.Tensor.detach(value).resolve_conj().resolve_neg()
        return dense.clone(memory_format=torch.contiguous_format)
    except RuntimeError as error:
        raise CheckFailed(f"expected a tensor that can be copied: {_short(str(error))}") from None


def _numbers(value: Any) -> np.ndarray:
    """Return a tensor's numbers as an array; bfloat16, which NumPy lacks, as float32."""
    tensor = _tensor(value)
    return (tensor.float() if _dtype_name(tensor) == "bfloat16" else tensor).numpy()


def _dtype_name(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _slope(result: Any, wrt: int | str, args: tuple, named: dict[str, Any]) -> Any:
    """Return the gradient of a result's sum by one of the arguments, or what is wrong with it."""
    if not _is_tensor(result):
        return _Fault(f"expected a tensor to differentiate, got {_type_name(type(result))}.")
    torch = sys.modules["torch"]
    found = None
    if result.requires_grad:
        argument = args[wrt] if type(wrt) is int else named[wrt]
        (found,) = torch.autograd.grad(torch.sum(result), argument, allow_unused=True)
    if found is None:
        return _Fault(
            "expected a result that autograd can follow back to this argument: is it computed from "
            "it by torch's operations alone, without detach(), item() or NumPy?"
        )
    return found


def _label(wrt: int | str, inputs: dict[str, Any], args: tuple) -> str:
    return list(inputs)[wrt] if type(wrt) is int and wrt < len(args) else str(wrt)


# ---------------------------------------------------------------- comparing


_RTOL = {"float16": 1e-2, "float32": 1e-5, "complex64": 1e-5}
_RTOL_BFLOAT16 = 5e-2


class _Tolerance(NamedTuple):
    rtol: float | None
    atol: float | None

    def allowed(self, expected: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Return the largest error that is allowed for each element."""
        default = _RTOL.get(dtype.name, 1e-9 if dtype.kind in "fc" else 0.0)
        rtol = self.rtol if self.rtol is not None else default
        atol = self.atol if self.atol is not None else rtol / 1000
        return atol + rtol * np.abs(expected)


def _fault(got, expected, path, tolerance, inputs) -> str | None:
    """Say how `got` differs from `expected`, or return None."""
    at = f" at {path}" if path else ""
    if type(expected) in _CONTAINERS:
        if type(got) is not type(expected):
            return f"expected a {type(expected).__name__}{at}, got {_show(got)}."
        if type(expected) is dict:
            if got.keys() != expected.keys():
                return f"expected the keys {sorted(expected)}{at}, got {sorted(got, key=str)}."
            pairs = [(f"{path}[{key!r}]", got[key], expected[key]) for key in expected]
        else:
            if len(got) != len(expected):
                return f"expected {len(expected)} elements{at}, got {len(got)}."
            pairs = [
                (f"{path}[{i}]", *pair) for i, pair in enumerate(zip(got, expected, strict=True))
            ]
        faults = (_fault(a, b, where, tolerance, {}) for where, a, b in pairs)
        return next(filter(None, faults), None)
    if type(expected) is np.ndarray:
        form = _form_fault(got, expected.shape, expected.dtype, at)
        return form or _element_fault(got, expected, at, tolerance, inputs)
    if _is_tensor(expected):
        if tolerance.rtol is None and _dtype_name(expected) == "bfloat16":
            tolerance = tolerance._replace(rtol=_RTOL_BFLOAT16)
        form = _tensor_form_fault(got, expected, at)
        return form or _element_fault(_numbers(got), _numbers(expected), at, tolerance, inputs)
    if type(expected) is float:
        if not _is_number(got):
            return f"expected one number{at}, got {_show(got)}."
        got = (
            _numbers(got) if _is_tensor(got) else np.asarray(got)
        )  # a coarser dtype, which the student may choose, buys no tolerance
        got = got.astype(np.result_type(got, np.float32))
        return _element_fault(got, np.asarray(expected), at, tolerance, {})
    if type(got) is not type(expected) or got != expected:
        return f"wrong result{at}\n  expected  {_show(expected)}\n  got       {_show(got)}"
    return None


def _form_fault(got, shape, dtype, at) -> str | None:
    if type(got) is not np.ndarray:
        if shape == () and type(got) is dtype.type:
            return None
        return f"expected an array of shape {shape}{at}, got {_show(got)}."
    if got.shape != shape:
        return f"expected shape {shape}{at}, got shape {got.shape}."
    if got.dtype != dtype:
        return f"expected dtype {dtype}{at}, got {got.dtype}."
    return None


def _tensor_form_fault(got, expected, at) -> str | None:
    if not _is_tensor(got):
        return f"expected a tensor of shape {tuple(expected.shape)}{at}, got {_show(got)}."
    if got.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}{at}, got shape {tuple(got.shape)}."
    if got.dtype != expected.dtype:
        return f"expected dtype {_dtype_name(expected)}{at}, got {_dtype_name(got)}."
    return None


def _element_fault(got, expected, at, tolerance, inputs) -> str | None:
    """Report the worst element of two arrays of one shape."""
    got = np.asarray(got)
    with np.errstate(all="ignore"):
        allowed = tolerance.allowed(expected, got.dtype)
        excess = np.abs(np.subtract(got, expected, dtype=np.result_type(got, expected, float)))
        excess = excess - allowed
    same = (got == expected) | ((got != got) & (expected != expected))
    finite = np.isfinite(got) & np.isfinite(expected)
    excess = np.where(same, -np.inf, np.where(finite, excess, np.inf))
    wrong = int(np.sum(excess > 0))
    if not wrong:
        return None
    worst = np.unravel_index(np.argmax(excess), expected.shape)
    index = ", ".join(str(int(i)) for i in worst)
    inputs = {k: _numbers(value) if _is_tensor(value) else value for k, value in inputs.items()}
    rows = {
        f"{key}[{index}]": value[worst]
        for key, value in inputs.items()
        if type(value) is np.ndarray and value.shape == expected.shape != ()
    }
    rows |= {"expected": expected[worst], "got": got[worst]}
    width = max(map(len, rows))
    table = "".join(f"\n  {key:{width}}  {_show(value)}" for key, value in rows.items())
    if expected.ndim == 0:
        return f"wrong result{at}{table}"
    right = expected.size - wrong
    return f"wrong at index [{index}]{at}; {right} of {expected.size} elements are right{table}"


def _is_number(value: Any) -> bool:
    """Whether a plain value is one real number; a bool is none."""
    return (
        type(value) in (float, int)
        or type(value) in _SCALARS
        or ((type(value) is np.ndarray or _is_tensor(value)) and value.ndim == 0)
    ) and np.asarray(_numbers(value) if _is_tensor(value) else value).dtype.kind in "iuf"


def _show(value: Any) -> str:
    """Write plain data for a message, briefly."""
    if _is_tensor(value) and value.numel() > 8:
        return f"<{_dtype_name(value)} tensor of shape {tuple(value.shape)}>"
    if _is_tensor(value):
        return f"tensor {_show(_numbers(value).astype(float))} ({_dtype_name(value)})"
    if type(value) is np.ndarray and value.size > 8:
        return f"<{value.dtype} array of shape {value.shape}>"
    if type(value) is np.ndarray:
        text = np.array2string(value, separator=",", formatter={"float_kind": _show})
        text = ", ".join(text.replace("\n", "").replace(" ", "").split(","))
        return text if value.dtype == float else f"{text} ({value.dtype})"
    if type(value) in (float, np.float64, np.float32, np.float16):
        return f"{value:.10g}"
    if type(value) in _ATOMS:
        return _short(repr(value.item() if type(value) in _SCALARS else value))
    return _short(repr(value)) if type(value) in _CONTAINERS else _type_name(type(value))


def _short(text: str, most: int = 300) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


# ---------------------------------------------------------------- the seal


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
        if name == "checks" and value is not _SELF:
            raise AttributeError("losscourse.checks is sealed: it cannot be replaced")
        super().__setattr__(name, value)


def _verify() -> None:
    """Make sure that what the checks and the tests stand on is what it was at import."""
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
_SELF = sys.modules[__name__]
_OWN_CLASSES = (
    CheckFailed,
    Outcome,
    Measured,
    Elsewhere,
    Made,
    _Watch,
    _Fault,
    _Tolerance,
    _Sealed,
    _Package,
)
_BODIES = [
    (value, value.__code__, value.__defaults__)
    for namespace in (globals(), *map(vars, _OWN_CLASSES))
    for value in list(namespace.values())
    if type(value) is FunctionType
]
_SEAL = [
    (namespace, name, value)
    for namespace in (globals(), *map(vars, _OWN_CLASSES))
    for name, value in list(namespace.items())
    if not name.startswith("__") or name in ("__init__", "__call__", "__getattribute__")
]
_SELF.__class__ = _Sealed
sys.modules[__package__].__class__ = _Package
