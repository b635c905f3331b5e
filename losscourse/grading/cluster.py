"""`losscourse grade --cluster`: a class graded on more than one machine, by a Dask cluster.

A worker gets bytes, a submission's cells in a frame of `wire`, and gives back bytes, its report.
It keeps a warm parent for them, with the sandbox of its own machine. Files and gradebook are the
coordinator's alone.

Dask pickles what it says itself. Whoever reaches the scheduler's port can run code on each machine
of the cluster, the coordinator's too, and read the hidden tests as they pass. So the network must
be trusted, or closed by TLS: the address is then tls://host:8786, and the certificates are those of
Dask's configuration, `distributed.comm.tls`, on all machines. Students' code reaches no network.
"""

import contextlib
import hashlib
import json
import logging
import platform
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, get_worker

import losscourse
from losscourse.grading import sandbox, wire
from losscourse.grading.coordinator import GradersGone
from losscourse.grading.course import CannotStart
from losscourse.grading.judge import Report, Step
from losscourse.grading.warm import Warm

__all__ = ["Cluster", "versions"]

_PATIENCE = 10.0  # seconds in which a scheduler must answer
_GLANCE = 1.0  # seconds between two looks at who is there
_LIMITS = wire.Limits(frame=2**30, tree=2**30, items=10**8)
"""For frames between the coordinator and a worker, who trust each other."""


def versions() -> dict[str, str]:
    """Return what coordinator and workers must have in common for a score to be the same.

    Returns:
        The versions by name; that of the course with a digest of its code.
    """
    return dict(_VERSIONS)


def _digest() -> str:
    total = hashlib.sha256()
    for path in sorted(Path(losscourse.__file__).parent.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:8]


def _version(package: str) -> str:
    try:
        return metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return "none"


_VERSIONS = {
    "Python": ".".join(platform.python_version_tuple()[:2]),
    "losscourse": f"{losscourse.__version__} ({_digest()})",
    "numpy": _version("numpy"),
    "torch": _version("torch"),
}
"""As of the import: a worker says so that runs older code than lies on its disk."""


# --- with the coordinator -------------------------------------------------------------------------


class Cluster:
    """A Dask cluster in the place of warm parents: threads may call `grade` at the same time.

    A worker grades once it was found to have the same versions as the coordinator, and the sandbox.
    It then offers Dask a resource that each submission asks for, so that Dask sends none elsewhere,
    nor more at a time than the worker has threads. What a lost worker had is graded by another.

    Args:
        where: The scheduler's address, or the path of its scheduler file.
        tell: Is told, in a sentence, when workers come, go or cannot be used.

    Raises:
        CannotStart: No scheduler answers there.
    """

    def __init__(self, where: str, *, tell: Callable[[str], None] = lambda _: None):
        for name in ("distributed", "distributed.client"):  # what they would say, we say
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self.address = _address(where)
        self._tell = tell
        try:
            self._client = Client(self.address, timeout=_PATIENCE, set_as_default=False)
        except Exception as error:  # a wrong scheme, no such host, nobody there, certificates
            why = f"{type(error).__name__}: {error}"
            raise CannotStart(f"No Dask scheduler answers at {self.address}: {why}") from None
        self._confined, self._resource = True, ""
        self._threads: dict[tuple[str, str], int] = {}  # of each worker that may grade
        self._refused: dict[tuple[str, str], str] = {}  # and why the others may not
        self._asked: set[Future] = set()
        self._data: dict[str, Future] = {}
        self._lock = threading.Lock()
        self._usable, self._closed = threading.Event(), threading.Event()
        self._watch: threading.Thread | None = None

    def ready(self, *, confined: bool = True) -> "Cluster":
        """Look at the workers, from now until the cluster is closed.

        Args:
            confined: Whether students' code runs in the sandbox.

        Returns:
            The cluster itself.

        Raises:
            CannotStart: There are workers, and none can be used.
        """
        if self._watch is None:
            self._confined = confined
            how = "in the sandbox" if confined else "without the sandbox"
            self._resource = f"grading by losscourse {_VERSIONS['losscourse']} {how}"
            self._look()
            if self._refused and not self._threads:
                raise CannotStart(f"No worker at {self.address} can be used.")
            if not self._threads:
                self._tell(_there(self._threads.values(), self.address))
            self._watch = threading.Thread(target=self._keep_looking, daemon=True)
            self._watch.start()
        return self

    @property
    def hands(self) -> int:
        """How many submissions to keep on the way: one more a worker than it has threads."""
        return max(1, sum(self._threads.values()) + len(self._threads))

    def grade(
        self,
        steps: Sequence[Step],
        names: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        cell_seconds: float = 30.0,
        total_seconds: float = 300.0,
    ) -> Report:
        """Grade one submission on a worker; wait where there is none.

        Args:
            steps: Its cells, in order.
            names: What its solution cells define.
            files: The assignment's own, by their paths from the notebook; Dask sends a worker what
                it does not have yet.
            cell_seconds: How long one cell, or one call, may take.
            total_seconds: How long all of it may take.

        Returns:
            The report; "failed", with the reason and the worker, where that could not grade.

        Raises:
            GradersGone: The scheduler is gone, or the cluster closed.
        """
        job = wire.encode(
            {
                "steps": [asdict(step) for step in steps],
                "names": list(names),
                "times": {"cell_seconds": cell_seconds, "total_seconds": total_seconds},
                "confined": self._confined,
            }
        )
        data = wire.encode(dict(files)) if files else b""
        while True:
            self._await_worker()
            try:
                return _report(self._answer(job, data))
            except CancelledError:
                continue  # the workers are gone, or the scheduler
            except KilledWorker as error:
                return Report("failed", f"{len(error.allowed_failures)} workers died of it")

    def _answer(self, job: bytes, data: bytes) -> Any:
        with self._lock:
            files = self._shared(data) if data else data
            future = self._submit(_grade, job, files, pure=False)
            self._asked.add(future)
        try:
            return future.result()
        finally:
            with self._lock:
                self._asked.discard(future)

    def _shared(self, data: bytes) -> Future:
        """Return data that are sent once: a task, which Dask runs again where a worker is lost."""
        key = f"files-{hashlib.sha256(data).hexdigest()}"
        if key not in self._data:
            self._data[key] = self._submit(bytes, data, key=key)
        return self._data[key]

    def _submit(self, function: Callable[..., bytes], *args: Any, **named: Any) -> Future:
        return self._client.submit(function, *args, resources={self._resource: 1}, **named)

    @property
    def alive(self) -> bool:
        """Whether the scheduler is there."""
        return self._client.status == "running"

    def close(self) -> None:
        """Leave the cluster; a worker ends what it has begun, and the rest is forgotten."""
        self._closed.set()
        self._client.close(timeout=5)
        if self._watch is not None:
            self._watch.join()

    def __enter__(self) -> "Cluster":
        """Return the cluster itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    # --- who is there -----------------------------------------------------------------------------

    def _await_worker(self) -> None:
        """Return when a worker can grade."""
        while not self._closed.is_set() and self._client.status in ("running", "connecting"):
            if self._usable.wait(_GLANCE) and self.alive:
                return
            time.sleep(_GLANCE / 10)  # the client looks for a scheduler that it has lost
        raise GradersGone(f"The Dask scheduler at {self.address} is gone.")

    def _keep_looking(self) -> None:
        while not self._closed.wait(_GLANCE):
            with contextlib.suppress(OSError):  # the scheduler does not answer just now
                self._look()

    def _look(self) -> None:
        """Take in the workers that have come, and strike out those that have gone."""
        before = dict(self._threads)
        identity = self._client.sync(self._client.scheduler.identity, n_workers=-1)
        workers = identity["workers"]
        there = {(address, worker["id"]): worker["nthreads"] for address, worker in workers.items()}
        self._threads = {one: threads for one, threads in self._threads.items() if one in there}
        if before and not self._threads:
            self._ask_again()
        new = [one for one in there if one not in self._threads and one not in self._refused]
        answers = self._ask(new)
        for one in new:
            lack = answers.get(one[0])
            if lack == "":
                self._threads[one] = there[one]
            elif lack is not None:
                self._refused[one] = lack
                self._tell(f"Not used: the worker {one[0]}. {lack}")
        if self._threads:
            self._usable.set()
        if self._threads.keys() != before.keys():
            self._tell(_there(self._threads.values(), self.address))

    def _ask(self, workers: Sequence[tuple[str, str]]) -> dict[str, str | None]:
        """Return what each worker lacks; None for one that does not answer."""
        if not workers:
            return {}
        answers = self._client.run(
            _lack,
            _VERSIONS,
            self._confined,
            self._resource,
            workers=[address for address, _ in workers],
            on_error="return",
        )
        return {address: _reading(answer) for address, answer in answers.items()}

    def _ask_again(self) -> None:
        """Ask anew for all that is on the way.

        Dask keeps what it could send to nobody, and does not look at it when a worker gains the
        resource that it lacked.
        """
        with self._lock:
            self._usable.clear()
            for future in (*self._asked, *self._data.values()):
                future.release()
            self._data.clear()


def _address(where: str) -> str:
    """Return a scheduler's address, of itself or of a scheduler file."""
    if "://" in where:
        return where
    try:
        return str(json.loads(Path(where).read_bytes())["address"])
    except FileNotFoundError:
        raise CannotStart(
            f"--cluster is an address, as tcp://host:8786, or a scheduler file: no file {where}"
        ) from None
    except (OSError, ValueError, LookupError, TypeError) as error:
        came = f"{type(error).__name__}: {error}"
        raise CannotStart(f"{where} is no scheduler file of Dask's: {came}") from None


def _reading(answer: Any) -> str | None:
    """Return what a worker's answer says that it lacks."""
    if isinstance(answer, OSError):
        return None
    if isinstance(answer, Exception):
        return f"It cannot be asked for its versions: {type(answer).__name__}: {answer}"
    return str(answer)


def _there(threads: Collection[int], address: str) -> str:
    workers, total = len(threads), sum(threads)
    if not workers:
        return f"No worker at {address}: waiting for one. Ctrl-C stops, and nothing is lost."
    s = "s" * (workers != 1)
    return f"{workers} worker{s} at {address}, {total} at a time."


def _report(answer: Any) -> Report:
    """Return the report in the bytes that came from a worker."""
    try:
        return Report.from_plain(wire.decode(answer, _LIMITS))
    except (wire.BadFrame, TypeError, LookupError) as error:
        return Report("failed", f"a worker's answer is no report: {error}")


# --- in a worker ----------------------------------------------------------------------------------

_WARM: dict[bool, Warm] = {}
"""The worker's warm parents: one with the sandbox, one without. They end with its process."""
_STARTING = threading.Lock()


async def _lack(
    versions: dict[str, str], confined: bool, resource: str, dask_worker: Any = None
) -> str:
    """Say what this worker lacks; offer the resource and return "" where it lacks nothing."""
    for name, version in versions.items():
        if _VERSIONS.get(name) != version:
            return f"It has {name} {_VERSIONS.get(name)}; the coordinator has {version}."
    if confined and (lack := sandbox.missing()):
        return f"It has no sandbox: {lack}."
    if resource not in dask_worker.state.total_resources:
        await dask_worker.set_resources(**{resource: dask_worker.state.nthreads})
    return ""


def _grade(job: bytes, data: bytes) -> bytes:
    """Grade one submission, all in bytes."""
    asked = wire.decode(job, _LIMITS)
    steps = [Step(**step) for step in asked["steps"]]
    named = asked["times"] | {"files": wire.decode(data, _LIMITS) if data else {}}
    try:
        report = _warm(asked["confined"]).grade(steps, asked["names"], **named)
    except (OSError, sandbox.Unavailable) as error:
        report = Report("failed", f"{type(error).__name__}: {error}")
    if report.state == "failed":
        report.reason = f"worker {get_worker().address}: {report.reason}"
    return wire.encode(report.plain())


def _warm(confined: bool) -> Warm:
    """Return this worker's warm parent, a new one where the old one is dead."""
    with _STARTING:
        if confined in _WARM and not _WARM[confined].alive:
            _WARM.pop(confined).close()
        if confined not in _WARM:
            # Dask removes the worker's folder, and a later worker that of one that was killed.
            scratch = Path(get_worker().local_directory)
            _WARM[confined] = Warm(confined=confined, scratch=scratch)
        return _WARM[confined]
