"""What all tests share: Hypothesis's settings, and the summary of the mutants."""

import os
import signal
import sys
from collections import defaultdict
from pathlib import Path
from string import ascii_letters

from hypothesis import settings

# Here alone: imported in two folders, a fixture of the session would start a second browser in one
# process, which Playwright refuses.
from tests.browser import address, browser, site

__all__ = ["address", "browser", "site"]

# nbgrader calls alembic by name; the tests also run where no environment is active.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# A script's background jobs ignore Ctrl-C, and so would what the tests start there and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A test's tensors are small: torch's threads would cost more than they do, most of all where
# several tests run at a time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, on a machine however busy: a red test is then the code's doing.
settings.register_profile("course", derandomize=True, deadline=None)
settings.load_profile("course")


def pytest_terminal_summary(terminalreporter):
    """Print, for each mutated function, how many of its mutants each check rejects."""
    rows = _reported(terminalreporter, "mutants")
    if not rows:
        return
    terminalreporter.write_sep("-", "mutants rejected, by function and check")
    tables = defaultdict(list)
    for table, function, counts, rejected, total in rows:
        tables[table].append((function, counts, f"{rejected}/{total}"))
    for name, table in sorted(tables.items()):
        terminalreporter.write_line(name)
        _write_table(terminalreporter, table)
    left_out = _reported(terminalreporter, "left out")
    if left_out:
        terminalreporter.write_line("checks that cannot apply, and why")
        for function, check, reason in sorted(left_out):
            terminalreporter.write_line(f"  {function}: {check}: {reason}")


def _reported(terminalreporter, kind):
    """Return what the tests that ran have put in their report."""
    return [
        row
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "when", None) == "call"
        for name, row in report.user_properties
        if name == kind
    ]


def _write_table(terminalreporter, table):
    """Print the functions that share their checks: a letter for each check, a row for each one."""
    checks = sorted({check for _, counts, _ in table for check in counts})
    width = max(len(function) for function, _, _ in table)
    for letter, check in zip(ascii_letters, checks, strict=False):
        terminalreporter.write_line(f"  {letter} {check}")
    letters = "".join(f"{letter:>4}" for letter in ascii_letters[: len(checks)])
    terminalreporter.write_line(f"{'':{width}}{letters}   rejected/mutants")
    for function, counts, total in sorted(table):
        cells = "".join(f"{counts.get(check, '-'):>4}" for check in checks)
        terminalreporter.write_line(f"{function:{width}}{cells}   {total}")
