"""A student's function that runs in another process, of which plain data alone are believed."""

import builtins
import math
import secrets
from collections.abc import Callable
from typing import Any

from losscourse.checks.outcome import Outcome, is_unwritten
from losscourse.checks.plain import CheckFailed, Fault

__all__ = ["Elsewhere"]


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
            if error is None or outcome._offence or is_unwritten(error):
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
        result = Fault(parts["fault"]) if "fault" in parts else parts["value"]
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
