"""Mutants: plausible wrong versions of a function, each of which some check must reject.

A check is a function of the thing under test that raises where it is wrong. A mutant that passes
every check shows that the checks cannot fail there.
"""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Mutant:
    """A wrong version: what is wrong with it, and the function or the case that has it."""

    name: str
    subject: Any

    def on(self, owner: Any, attribute: str) -> "Mutant":
        """Return the mutant of a dataclass that holds the function as an attribute."""
        return Mutant(self.name, dataclasses.replace(owner, **{attribute: self.subject}))


def rejecting(checks: Sequence[Check], subject: Any) -> list[str]:
    """Return the names of the checks that the subject fails."""
    return [check.__name__ for check in checks if not _passes(check, subject)]


def _passes(check: Check, subject: Any) -> bool:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mutant that overflows need not say so
            check(subject)
    except (Exception, pytest.fail.Exception):  # a mutant may also break in the call
        return False
    return True


def assert_rejected(
    request: pytest.FixtureRequest,
    function: str,
    checks: Sequence[Check],
    mutants: Sequence[Mutant],
    *,
    table: str,
) -> None:
    """Fail if a mutant passes every check, or if a check rejects no mutant.

    A check that rejects nothing is not shown to be able to fail. The verdicts go into a table
    of the run's summary.
    """
    verdicts = {mutant.name: rejecting(checks, mutant.subject) for mutant in mutants}
    counts = {
        check.__name__: sum(check.__name__ in by for by in verdicts.values()) for check in checks
    }
    rejected = sum(map(bool, verdicts.values()))
    row = [table, function, counts, rejected, len(mutants)]
    request.node.user_properties.append(("mutants", row))
    assert len(verdicts) == len(mutants), f"{function}: two mutants have one name"
    assert len(mutants) >= 3, f"{function}: expected at least 3 mutants, got {len(mutants)}"
    survivors = [name for name, by in verdicts.items() if not by]
    assert not survivors, f"{function}: no check rejects {survivors}"
    idle = [name for name, count in counts.items() if not count]
    assert not idle, f"{function}: no mutant is rejected by {idle}"
