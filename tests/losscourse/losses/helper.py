"""What is stated about a public function of a family that is no loss: its checks, its mutants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[Callable[..., Any]], None]


@dataclass(frozen=True)
class Helper:
    """One function and its tests.

    Args:
        function: The public function.
        checks: Each takes the function and fails where it is wrong.
        mutants: Wrong versions by what is wrong with them, at least three; each is rejected by a
            check, and each check rejects one.
    """

    function: Callable[..., Any]
    checks: tuple[Check, ...]
    mutants: Mapping[str, Callable[..., Any]]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.__name__
