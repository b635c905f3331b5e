"""`losscourse grade` on a real terminal: the bar, the time left, what failed above it, Ctrl-C."""

import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import sys
import termios
import time

import nbformat
import pytest
from nbgrader.api import Gradebook

from losscourse.grading import states
from tests.grading import runs
from tests.grading.notebooks import half

pytestmark = pytest.mark.slow

RUN = "from losscourse.cli import app; app()"
SLOW = nbformat.writes(half("import time\ntime.sleep(0.4)\ndef half(x):\n    return x / 2"))
CLASS = {f"ada{number:02}": SLOW for number in range(30)} | {"bo": SLOW[:200]}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "course"
    return runs.make(folder, "sqlite:///gradebook.db", {"ps": half()}, CLASS, {})


@pytest.fixture
def course(made, tmp_path):
    (tmp_path / "scratch").mkdir()
    return shutil.copytree(made, tmp_path / "course")


class Terminal:
    """A terminal of 100 columns in which a command runs."""

    def __init__(self, *command, cwd, **environment):
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.environ.update(TERM="xterm-256color", **environment)
            os.environ.pop("CI", None)
            os.execv(command[0], command)
        size = struct.pack("HHHH", 30, 100, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self._raw = b""

    def frames(self):
        """Return what stood on each line, one after another, without colours."""
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._raw.decode(errors="ignore"))
        return [frame for line in text.split("\r\n") for frame in line.split("\r") if frame]

    def read_until(self, pattern, seconds=120.0):
        """Read until a line is there that the pattern fits, or to the end where that is None."""
        end = time.monotonic() + seconds
        while pattern is None or not any(re.search(pattern, frame) for frame in self.frames()):
            assert time.monotonic() < end, self.frames()[-5:]
            if not select.select([self._terminal], [], [], 1.0)[0]:
                continue
            read = b""
            with contextlib.suppress(OSError):  # the other side has closed it
                read = os.read(self._terminal, 2**16)
            if not read:
                assert pattern is None, self.frames()[-5:]
                break
            self._raw += read

    def press(self, key):
        os.write(self._terminal, key)

    def close(self):
        """Return the exit status."""
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def grade(course):
    scratch = str(course.parent / "scratch")
    command = [sys.executable, "-c", RUN, "grade", "ps", "--workers", "2"]
    return Terminal(*command, cwd=course, TMPDIR=scratch)


def test_a_bar_shows_how_far_it_is_and_what_failed_stands_above(course):
    terminal = grade(course)
    terminal.read_until(None)
    assert terminal.close() == 1
    frames = terminal.frames()
    bars = [re.fullmatch(r"(\w+) +[━╸╺ ]+ +(\d+)/31 took (\S+) left (\S+)", f) for f in frames]
    bars = [bar.groups() for bar in bars if bar]
    done = [int(count) for _, count, _, _ in bars]
    assert bars[0][:2] == ("Starting", "0")
    assert bars[-1][:2] == ("Grading", "31")
    assert done == sorted(done)
    assert len(set(done)) > 5
    middle = [left for _, count, _, left in bars if 10 < int(count) < 31]
    assert any(re.fullmatch(r"0:00:\d\d", left) for left in middle)
    assert any(frame.startswith("bo: failed: it is cut off") for frame in frames)
    assert not any(frame.startswith("ada") for frame in frames)
    assert "30 graded, 0 need a person, 1 failed" in frames


@pytest.mark.parametrize("presses", [1, 3])
def test_ctrl_c_stops_it_and_says_how_to_go_on(course, presses):
    terminal = grade(course)
    terminal.read_until(r" [1-9]/31 ")
    for _ in range(presses):
        terminal.press(b"\x03")
        time.sleep(0.02)
    terminal.read_until(None)
    assert terminal.close() == 130
    frames = terminal.frames()
    assert frames[-1] == "Stopped. What is graded is kept; the same command goes on from here."
    assert "Traceback" not in "".join(frames)
    assert not list((course.parent / "scratch").iterdir())
    with Gradebook(f"sqlite:///{course}/gradebook.db", "losscourse") as book:
        known = states.read(book.engine, "ps").values()
    assert {state.state for state in known} == {"graded", "queued"}
