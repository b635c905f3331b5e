"""`losscourse grade --cluster`: a class graded on more than one machine, by a Dask cluster.

A worker gets bytes, a submission's cells in a frame of `wire`, and gives back bytes, its report:
see `worker`. Files and gradebook are the coordinator's alone.

Dask pickles what it says itself. Whoever reaches the scheduler's port can run code on each machine
of the cluster, the coordinator's too, and read the hidden tests as they pass. So the network must
be trusted, or closed by TLS: the address is then tls://host:8786, and the certificates are those of
Dask's configuration, `distributed.comm.tls`, on all machines. Students' code reaches no network.
"""

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, Security
from distributed.core import rpc

from losscourse.grading import wire, worker
from losscourse.grading.coordinator import GradersGone
from losscourse.grading.course import CannotStart
from losscourse.grading.judge import Report, Step

__all__ = ["Cluster"]

_PATIENCE = 10.0  # seconds in which a scheduler must answer
_GLANCE = 1.0  # seconds between two looks at who is there


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
            with ThreadPoolExecutor(1) as thread:  # here a loop may run already, as in a notebook
                thread.submit(asyncio.run, _reach(self.address)).result()
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
            self._resource = f"grading by losscourse {worker.VERSIONS['losscourse']} {how}"
            self._look()
            if self._refused and not self._threads:
                raise CannotStart(
                    f"No worker at {self.address} can be used. Install there what is here, and "
                    "start the workers again."
                )
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
                died = error.allowed_failures + 1
                return Report("failed", f"each worker that had it died, {died} in a row")
            except Exception:
                if self.alive:
                    raise

    def _answer(self, job: bytes, data: bytes) -> Any:
        with self._lock:
            files = self._shared(data) if data else data
            future = self._submit(worker.grade, job, files, pure=False)
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
        if (
            self._watch is not None
        ):  # first: what it waits for would never come from a closed client
            self._watch.join(timeout=5)
        self._client.close(timeout=5)

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
        while not self._closed.wait(_GLANCE) and self._client.status != "closed":
            try:
                self._look()
            except OSError:
                continue  # the scheduler does not answer just now
            except Exception:
                if self.alive and not self._closed.is_set():  # else the client went while we looked
                    raise

    def _look(self) -> None:
        """Take in the workers that have come, and strike out those that have gone."""
        identity = self._client.sync(self._client.scheduler.identity, n_workers=-1)
        there = {(name, one["id"]): one["nthreads"] for name, one in identity["workers"].items()}
        usable = {one: threads for one, threads in self._threads.items() if one in there}
        if self._threads and not usable:
            self._ask_again()
        new = [one for one in there if one not in usable and one not in self._refused]
        answers = self._ask(new)
        for one in new:
            lack = answers.get(one[0])
            if lack == "":
                usable[one] = there[one]
            elif lack is not None:
                self._refused[one] = lack
                self._tell(f"Not used: the worker {one[0]}. {lack}")
        before, self._threads = self._threads, usable
        if usable:
            self._usable.set()
        if usable.keys() != before.keys():
            self._tell(_there(usable.values(), self.address))

    def _ask(self, workers: Sequence[tuple[str, str]]) -> dict[str, str | None]:
        """Return what each worker lacks; None for one that does not answer."""
        if not workers:
            return {}
        answers = self._client.run(
            worker.lack,
            worker.VERSIONS,
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


async def _reach(address: str) -> None:
    """Raise what is wrong with a scheduler's address.

    A `Client` that could not start closes when it is collected as garbage. Where that happens while
    the next one starts, it waits for ever for a lock that its own thread holds.
    """
    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=_PATIENCE, connection_args=arguments) as there:
        found = await asyncio.wait_for(there.identity(), _PATIENCE)
    if found["type"] != "Scheduler":
        raise ValueError(f"it is the address of a {found['type']}")


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
        return f"It cannot say what it has, and needs losscourse as it is here: {answer}"
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
        return Report.from_plain(wire.decode(answer, wire.TRUSTED))
    except (wire.BadFrame, TypeError, LookupError) as error:
        return Report("failed", f"a worker's answer is no report: {error}")
