"""The warm parent: libraries imported once, a fresh pair of processes for each submission.

`python -m losscourse.grading.warm FD` imports what the courses use, then waits. For each request it
forks a process that judges, which forks the student's before it has read anything of the
instructor's: the tests are nowhere in the student's memory.
"""

import contextlib
import ctypes
import functools
import gc
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from losscourse.grading import judge, sandbox, student, wire
from losscourse.grading.scratch import Scratch, remove

__all__ = ["Warm"]

_PR_SET_PDEATHSIG = 1
_MOST_RESTARTS = 10
"""How often a submission runs once more because a cell ended its process: a function that crashes
does so in each of its tests, and must not cost the questions after it."""
_PASSED = re.compile(
    r"PATH|PYTHON\w+|LD_LIBRARY_PATH|LANG|LC_\w+|TZ|TMPDIR|HOME|(OMP|MKL|OPENBLAS)_\w+"
)
"""The environment that students' code may read: no keys, no address of a database."""


class Warm:
    """A parent process that is ready to grade.

    Args:
        confined: Whether the students' code runs in the sandbox.
        limits: What one submission may use.
        readable: Folders of data that students' code may read.
        scratch: Where the parent's scratch folder is made, instead of the system's place. It goes
            when the parent is closed, and if the grading is killed, with the next one.
    """

    _command = (sys.executable, "-m", __name__)

    def __init__(
        self,
        *,
        confined: bool = True,
        limits: sandbox.Limits | None = None,
        readable: Sequence[Path] = (),
        scratch: Path | None = None,
    ):
        if confined and (lack := sandbox.missing()):
            raise sandbox.Unavailable(lack)
        settings = {
            "confined": confined,
            "limits": asdict(limits or sandbox.Limits()),
            "readable": [str(path) for path in readable],
        }
        self.confined = confined
        self._scratch = Scratch(scratch)
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [*self._command, str(theirs.fileno()), json.dumps(settings)],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd="/",  # Python looks for modules where it starts: not among submitted files
            env=_environment() | {"TMPDIR": str(self._scratch.path)},
            process_group=0,  # Ctrl-C in a terminal is for the coordinator
        )
        theirs.close()

    def grade(
        self,
        steps: Sequence[judge.Step],
        names: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        cell_seconds: float = 30.0,
        total_seconds: float = 300.0,
    ) -> judge.Report:
        """Grade one submission in a pair of processes of its own.

        Where a cell ends the student's process, the cells run once more in a new pair without that
        one: what it defines is lost, and no more. So the whole may run a few times.

        Args:
            steps: Its cells, in order.
            names: What its solution cells define.
            files: The assignment's own, by their paths from the notebook: each process has a copy.
            cell_seconds: How long one cell, or one call, may take.
            total_seconds: How long all of it may take.

        Returns:
            The report; "failed", with the reason, where the processes could not do their work.
        """
        job = {
            "steps": [asdict(step) for step in steps],
            "names": list(names),
            "files": dict(files or {}),
            "cell_seconds": cell_seconds,
        }
        end = time.monotonic() + total_seconds
        report = self._grade(job, [], total_seconds)
        without: list[int] = []
        while report.ended is not None and len(without) < _MOST_RESTARTS:
            left = end - time.monotonic()
            if left < 1.0 or report.ended <= max(without, default=-1):
                break  # no time, or it ends now here, now there
            without.append(report.ended)
            report = report.continued(self._grade(job, without, left))
        return report

    def _grade(self, job: dict[str, Any], without: list[int], seconds: float) -> judge.Report:
        """Grade it in one pair of processes; the cells at some places run none of its code."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._socket, [b"1"], [theirs.fileno()])
        except OSError as error:
            return judge.Report("failed", f"the warm parent is gone: {error}")
        finally:
            theirs.close()
        channel = wire.Channel(ours, wire.TRUSTED)
        try:
            channel.send(job | {"without": without, "total_seconds": seconds})
            return judge.Report.from_plain(channel.receive(timeout=seconds + 90.0))
        except (wire.Closed, wire.Overdue, wire.BadFrame) as error:
            return judge.Report("failed", f"the process that judges is gone: {error}")
        finally:
            channel.close()

    @property
    def alive(self) -> bool:
        """Whether the parent can still grade."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the parent, and with it all that it has forked."""
        self._socket.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.close()

    def __enter__(self) -> "Warm":
        """Return the parent itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()


def _main(descriptor: int, settings: dict[str, Any]) -> None:
    """Wait for requests and fork for each; end when the other side does."""
    _import_all()
    listening = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # reaped by the system
    while True:
        message, descriptors, _, _ = socket.recv_fds(listening, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            listening.close()
            try:
                _judge(descriptors[0], settings)
            finally:
                os._exit(0)
        os.close(descriptors[0])


def _import_all() -> None:
    """Import what notebooks use, run nothing with it, and keep it out of the collector's way."""
    os.environ["MPLBACKEND"] = "agg"
    import matplotlib.pyplot  # its fonts are listed once, here
    import numpy.linalg  # noqa: F401

    from losscourse import checks  # noqa: F401

    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
    matplotlib.pyplot.switch_backend("agg")
    with contextlib.suppress(ImportError):
        import sandlock  # noqa: F401
    student.fresh_shell()
    gc.collect()
    gc.freeze()


def _judge(descriptor: int, settings: dict[str, Any]) -> None:
    """Be the process that judges one submission: fork the student's, then read the tests."""
    _die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    folder = Path(tempfile.mkdtemp(prefix="submission-"))
    scratch, own = folder / "student", folder / "tests"
    scratch.mkdir()
    own.mkdir()
    mine, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        _be_student(theirs, mine, descriptor, scratch, settings)
    theirs.close()
    outward = wire.Channel(socket.socket(fileno=descriptor), wire.TRUSTED)
    limits = sandbox.Limits(**settings["limits"])
    excess = functools.partial(sandbox.excess, pid, scratch, limits)
    if settings["confined"]:
        sandbox.limit_memory(2 * limits.memory)  # a student's value may be a test's number of items
    try:
        job = outward.receive(timeout=60.0)
        for place in (scratch, own):  # the student's process waits: nothing of theirs has run yet
            _put(job["files"], place)
        os.chdir(own)
        sys.path.append(str(own))
        report = _report(wire.Channel(mine), pid, job, settings["confined"], excess)
    except (OSError, ValueError) as error:  # such as a full disk
        report = judge.Report("failed", f"{type(error).__name__}: {error}")
    finally:
        _end(pid)
        remove(folder)
    outward.send(report.plain(), timeout=60.0)


def _report(
    channel: wire.Channel, pid: int, job: dict[str, Any], confined: bool, excess: Callable[[], str]
) -> judge.Report:
    steps = [judge.Step(**step) for step in job["steps"]]
    times = {key: job[key] for key in ("cell_seconds", "total_seconds")}
    one = judge.Judge(channel, pid, job["names"], excess=excess, **times)
    try:
        verdicts = one.run(steps, job["without"])
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return judge.Report("failed", reason[:2000], sandbox=confined)
    return judge.Report.of(verdicts, sandbox=confined, ended=one.ended)


def _be_student(
    sock: socket.socket,
    other_end: socket.socket,
    outward: int,
    scratch: Path,
    settings: dict[str, Any],
) -> None:
    """Be the student's process, from here to its end."""
    try:
        _die_with_parent()
        other_end.close()
        os.close(outward)
        os.setsid()
        _empty_standard_streams()
        os.closerange(3, sock.fileno())
        os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        confine = functools.partial(
            sandbox.confine,
            readable=[Path(path) for path in settings["readable"]],
            limits=sandbox.Limits(**settings["limits"]),
        )
        student.serve(wire.Channel(sock), scratch, confine if settings["confined"] else None)
    finally:
        os._exit(0)


def _empty_standard_streams() -> None:
    """Let 0, 1 and 2 be /dev/null: a student's code writes past Python's streams to nobody."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)


def _environment() -> dict[str, str]:
    """Return what the parent may know; one thread for linear algebra: submissions share cores."""
    own = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
    own["NBGRADER_EXECUTION"] = "autograde"  # as nbgrader tells a notebook why it runs
    own["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"  # large pages: a fork takes half the time
    return own | {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}


def _die_with_parent() -> None:
    if sys.platform != "linux":  # there the end of the connection must do
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end(pid: int) -> None:
    """End the student's process and, where it was not confined, the group that it leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _put(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files below a folder."""
    for name, content in files.items():
        inner = PurePosixPath(name)
        if inner.is_absolute() or ".." in inner.parts:
            raise ValueError(f"expected a path from the notebook, got {name!r}")
        path = folder / inner
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    _main(int(sys.argv[1]), json.loads(sys.argv[2]))
