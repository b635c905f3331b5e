"""A class of ps01 on a Dask cluster of two worker processes, one of which is killed on the way.

`python -m benchmarks.cluster --class 1000` grades the same class on this machine's cores and on the
cluster, and writes to `results/cluster.json` how long each took and whether the exported grades are
the same byte for byte. Where they differ it exits with status 1.

The cluster is one on this machine, as `dask scheduler` and `dask worker` start it by hand.
"""

import contextlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import nbformat
import typer

__all__ = ["LocalCluster", "local_cluster"]

RESULT = Path(__file__).parent / "results" / "cluster.json"
PROBLEM_SET = "ps01"
WORKERS = 2


class LocalCluster:
    """A scheduler and workers, each a process of its own.

    Args:
        folder: Where they may write.
        protocol: "tcp", or "tls" with the certificates of Dask's configuration.
    """

    def __init__(self, folder: Path, protocol: str = "tcp"):
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen] = []
        self.scheduler = self._start(
            "scheduler",
            f"--protocol={protocol}",
            "--host=127.0.0.1",
            "--port=0",
            "--no-dashboard",
            "--idle-timeout=300",  # the workers end with it, should nobody be left to end it
        )
        self.address = self._wait_for_address()

    def _start(
        self, what: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen:
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", what, *arguments, f"--scheduler-file={self.file}"],
                cwd=self.folder,
                env=os.environ
                | {"DASK_TEMPORARY_DIRECTORY": str(self.folder)}
                | (environment or {}),
                stdout=log,
                stderr=log,
            )

    def _wait_for_address(self, seconds: float = 60.0) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.scheduler.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                return json.loads(self.file.read_text())["address"]
            time.sleep(0.05)
        raise RuntimeError("no scheduler: " + (self.folder / "log.txt").read_text())

    def add_worker(self, *, threads: int = 1, **environment: str) -> subprocess.Popen:
        """Start one more worker, and return its process.

        Args:
            threads: How many submissions it grades at a time.
            environment: Variables of its environment.
        """
        worker = self._start(
            "worker",
            "--no-nanny",  # a worker that is killed stays away
            "--no-dashboard",
            "--host=127.0.0.1",
            f"--nthreads={threads}",
            "--memory-limit=0",
            environment=environment,
        )
        self.workers.append(worker)
        return worker

    def replace(self, worker: subprocess.Popen) -> None:
        """Start a worker in the place of one that was killed.

        Args:
            worker: Its process.
        """
        worker.wait()
        self.workers.remove(worker)
        self.add_worker()

    def close(self) -> None:
        """End all its processes."""
        for process in [*self.workers, self.scheduler]:
            process.terminate()
        for process in [*self.workers, self.scheduler]:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def local_cluster(
    workers: int = 2, *, threads: int = 1, protocol: str = "tcp"
) -> Iterator[LocalCluster]:
    """Yield a cluster on loopback ports that are free; nothing of it stays.

    Args:
        workers: How many worker processes.
        threads: How many submissions each grades at a time.
        protocol: As of `LocalCluster`.
    """
    with tempfile.TemporaryDirectory(prefix="losscourse-") as folder:
        cluster = LocalCluster(Path(folder), protocol)
        try:
            for _ in range(workers):
                cluster.add_worker(threads=threads)
            yield cluster
        finally:
            cluster.close()


# --- the class ------------------------------------------------------------------------------------


def make_class(folder: Path, size: int) -> None:
    """Make a course whose class has handed in the set's reference, blank and wrong answers in turn.

    Args:
        folder: An empty folder.
        size: How many submissions; no two are the same text.
    """
    from tests.exercises import problem_sets as sets

    released = sets.make_course(folder, PROBLEM_SET)
    source, mutants = sets.read_source(PROBLEM_SET), sets.read_mutants(PROBLEM_SET)
    reference = sets.reference_answers(source)
    answers = [reference, {}, *(reference | mutant.cells for mutant in mutants)]
    for n in range(size):
        nb = sets.submission(released, answers[n % len(answers)])
        for cell in sets.solution_cells(nb):
            cell.source += f"\n# student {n}"
        place = folder / "submitted" / f"student-{n:04}" / PROBLEM_SET
        place.mkdir(parents=True)
        nbformat.write(nb, place / f"{PROBLEM_SET}.ipynb")


def grade(
    course: Path, each: Callable[[int], None] = lambda _: None, **where: Any
) -> tuple[bytes, dict[str, Any]]:
    """Grade the class; return its exported grades and what is to be known of the run.

    Args:
        course: The folder of the course.
        each: Is told, after each submission, how many are graded.
        **where: For `Coordinator`; a `workers` for its run.
    """
    from nbgrader.api import Gradebook

    from losscourse.grading.coordinator import Coordinator
    from losscourse.grading.export import CsvWithStatus

    workers = where.pop("workers")
    began, states = time.perf_counter(), Counter()
    with contextlib.chdir(course), Coordinator(PROBLEM_SET, **where) as coordinator:
        for outcome in coordinator.run(coordinator.submissions(), workers=workers):
            states[outcome.state] += 1
            each(states.total())
    seconds = time.perf_counter() - began
    grades = course / "grades.csv"
    with Gradebook(f"sqlite:///{course}/gradebook.db", "losscourse") as book:
        CsvWithStatus(to=str(grades), student=[], assignment=[]).export(book)
    return grades.read_bytes(), {
        "seconds": round(seconds, 1),
        "states": dict(sorted(states.items())),
    }


def main(
    size: Annotated[int, typer.Option("--class", min=10, help="How many submissions.")] = 1000,
    out: Annotated[Path, typer.Option(help="Where the result is written.")] = RESULT,
) -> None:
    """Grade a class here and on a cluster, one of whose two workers is killed when half is done."""
    from losscourse.grading.cluster import Cluster

    with tempfile.TemporaryDirectory(prefix="losscourse-") as folder:
        here, there = Path(folder, "here"), Path(folder, "there")
        here.mkdir()
        make_class(here, size)
        shutil.copytree(here, there)
        expected, local = grade(here, _counter("here", size), workers=WORKERS)
        with local_cluster(WORKERS) as cluster, Cluster(cluster.address, tell=typer.echo) as dask:
            count = _counter("on the cluster", size)

            def each(done: int) -> None:
                count(done)
                if done == size // 2:
                    cluster.workers[0].kill()

            where = {"make_warm": dask.ready, "remote": True, "workers": lambda: dask.hands}
            given, remote = grade(there, each, **where)
            ended = [worker.poll() is not None for worker in cluster.workers]
    result = {
        "submissions": size,
        "workers": WORKERS,
        "killed": sum(ended),
        "same grades": given == expected,
        "here": local,
        "on the cluster": remote,
        "versions": {name: version(name) for name in ("losscourse", "distributed", "nbgrader")}
        | {"python": platform.python_version()},
        "cores": os.cpu_count(),
    }
    out.write_text(json.dumps(result, indent=2) + "\n")
    typer.echo(json.dumps(result, indent=2))
    if given != expected or sum(ended) != 1:
        raise typer.Exit(1)


def _counter(where: str, size: int) -> Callable[[int], None]:
    """Return a function that tells each tenth of the class."""

    def tell(done: int) -> None:
        if done % (size // 10) == 0:
            typer.echo(f"{where}: {done} of {size}")

    return tell


if __name__ == "__main__":
    typer.run(main)
