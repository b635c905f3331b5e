"""What a test cell asks for: a call, a gradient, a measure, an object of the student's."""

import contextlib
import io
import linecache
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from losscourse import meters
from losscourse.checks.elsewhere import Elsewhere
from losscourse.checks.outcome import Outcome
from losscourse.checks.plain import (
    CheckFailed,
    as_array,
    detached,
    is_tensor,
    plain,
    short,
    type_name,
)
from losscourse.checks.seal import verify
from losscourse.checks.watch import Watch, run

__all__ = [
    "Beginning",
    "Made",
    "Measured",
    "call",
    "gradient",
    "make",
    "measure",
    "require",
    "takes",
]

_MOST_PRINTED = 20_000  # characters that are kept of one call


def call(function: Callable, /, *args: Any, allow: Sequence[str] = (), **named: Any) -> Outcome:
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
) -> Outcome:
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
    if place not in known or not is_tensor(holder[place]) or not holder[place].is_floating_point():
        raise ValueError(f"wrt: expected a floating-point tensor among the arguments, got {wrt!r}")
    holder[place] = detached(holder[place]).requires_grad_()
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
    verify()
    if type(condition) not in (bool, np.bool_):
        raise TypeError(f"condition: expected a bool, got {type(condition).__name__}")
    if not condition:
        raise CheckFailed(message)


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

    def call(self, method: str, /, *args: Any, allow: Sequence[str] = (), **named: Any) -> Outcome:
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
            return plain(self._thing.method(name).get())
        return self._attribute(name).value()

    def _attribute(self, name: str) -> Outcome:
        def read():
            return getattr(self._thing, name)

        read.__name__ = f"{self._name}.{name}"
        return _outcome(read, (), {}, ())


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
                told = f"{most / unit:.4g} {noun}, it took {took / unit:.3g} {noun.split()[0]}"
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


# --- one call -------------------------------------------------------------------------------------


def _outcome(function, args, named, allow, wrt=None) -> Outcome:
    """Run a function once; return what came of it or, with `wrt`, the gradient of that."""
    if type(function) is Elsewhere:
        return function.outcome(args, named, allow, wrt)
    verify()
    if not callable(function):
        raise CheckFailed(f"expected a function, got {type_name(type(function))}")
    name, inputs = _signature(function, args, named)
    if wrt is not None:
        name = f"gradient by {_label(wrt, inputs, args)} of {name}"
    work = _copy((args, named))
    watch = Watch(allow)
    with _quiet() as printed:
        result, error = run(function, *work, watch, wrt)
        story = _story(error)
    changed = [
        key
        for key, value in _signature(function, *work)[1].items()
        if not _identical(value, inputs[key])
    ]
    return Outcome(name, inputs, changed, result, error, story, watch.offence, printed.getvalue())


def _signature(function, args, named) -> tuple[str, dict[str, Any]]:
    """Name the function and its arguments as the student wrote them."""
    within, hidden = function, 0
    if type(function) is MethodType:
        within, hidden = function.__func__, 1
    elif isinstance(function, type):
        within, hidden = vars(function).get("__init__"), 1
    name = type_name(function if isinstance(function, type) else type(function))
    known = ()
    if type(within) is FunctionType:
        code = within.__code__
        known = code.co_varnames[hidden : code.co_argcount]
        name = name if within.__name__ == "__init__" else within.__name__
    labels = [known[i] if i < len(known) else f"argument {i + 1}" for i in range(len(args))]
    return name, dict(zip(labels, args, strict=True)) | named


def _label(wrt: int | str, inputs: dict[str, Any], args: tuple) -> str:
    return list(inputs)[wrt] if type(wrt) is int and wrt < len(args) else str(wrt)


class Beginning(io.StringIO):
    """Keeps the first characters of what is written, and swallows the rest.

    Args:
        most: How many it keeps.
    """

    def __init__(self, most: int):
        super().__init__()
        self._most = most

    def write(self, text: str) -> int:
        """Keep what still fits.

        Args:
            text: What is written.

        Returns:
            Its length, as if all were kept.
        """
        room = self._most - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    printed = Beginning(_MOST_PRINTED)
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
    story = f"raised {type_name(type(error))}: {short(text)}"
    step = error.__traceback__ and error.__traceback__.tb_next
    home = step and step.tb_frame.f_code.co_filename
    while step and step.tb_next and step.tb_next.tb_frame.f_code.co_filename == home:
        step = step.tb_next
    line = step and linecache.getline(home, step.tb_lineno).strip()
    return f"{story}\n  in line {step.tb_lineno} of the cell: {line}" if line else story


def _copy(value: Any) -> Any:
    """Copy the arrays and containers of a test's own input."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    if type(value) is Made:
        return value._thing
    if is_tensor(value):
        return detached(value).requires_grad_(value.requires_grad)
    return value.copy() if type(value) is np.ndarray else value


def _identical(left: Any, right: Any) -> bool:
    """Whether two inputs agree bit for bit."""
    if type(left) is Made:
        return left._thing is right
    if is_tensor(left) and is_tensor(right):
        kept = left.requires_grad == right.requires_grad
        return kept and left.dtype == right.dtype and _identical(as_array(left), as_array(right))
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
