"""What came of one call of a student's function, and the verdicts on it."""

import builtins
import math
from typing import Any

import numpy as np

from losscourse.checks.compare import Tolerance, difference, form_difference
from losscourse.checks.plain import CheckFailed, Fault, is_number, plain, short, show
from losscourse.checks.seal import verify

__all__ = ["Outcome", "is_unwritten"]


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
        tolerance = Tolerance(rtol, atol)
        fault = difference(self.value(), expected, "", tolerance, self._inputs)
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
            self._fail(f"expected {expected.__name__}, but it returned {show(self.value())}.", why)
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
        if type(self._result) is Fault:
            self._fail(self._result.text)
        try:
            return plain(self._result)
        except CheckFailed as fault:
            self._fail(str(fault))

    def number(self) -> float:
        """Return the result as one finite float.

        Raises:
            CheckFailed: The result is no finite number.
        """
        value = self.value()
        if not is_number(value) or not math.isfinite(value):
            self._fail(f"expected one finite number, got {show(value)}.")
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
        fault = form_difference(value, shape, np.dtype(dtype), "")
        if not fault and not np.isfinite(value).all():
            fault = f"expected finite numbers, got {show(value)}."
        if fault:
            self._fail(fault)
        return value

    def parts(self) -> dict[str, Any]:
        """Return the outcome as plain data, for another process to judge."""
        try:
            result = {"value": None if self._error is not None else plain(self._result)}
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
            "printed": short(self._printed, 2000),
        }

    def _made(self) -> Any:
        """Return the result itself, whatever it is."""
        self._check_honest()
        if self._error is not None:
            self._fail(f"it {self._story}")
        return self._result

    def _check_honest(self) -> None:
        if not self._told:
            verify()
        if self._offence:
            self._fail(self._offence)
        if is_unwritten(self._error):
            raise CheckFailed(f"{self._name} is not written yet: it raises NotImplementedError.")

    def _fail(self, fault: str, why: str = "") -> None:
        shown = (f"{key}={show(value)}" for key, value in self._inputs.items())
        lines = [f"{self._name}({', '.join(shown)})", fault, why]
        if self._printed:
            lines.append(f"Your code printed: {short(self._printed)}")
        raise CheckFailed("\n".join(line for line in lines if line)) from None


def is_unwritten(error: BaseException | None) -> bool:
    """Whether an error is that of a function as it was handed out.

    Args:
        error: What the student's function raised; None where it returned.
    """
    return issubclass(type(error), NotImplementedError)
