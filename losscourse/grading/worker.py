"""What a Dask worker does for `cluster`: it takes a submission as bytes and gives back its report.

It keeps a warm parent, with the sandbox of its own machine, and knows nothing of nbgrader.
"""

import hashlib
import platform
import threading
from importlib import metadata
from pathlib import Path
from typing import Any

from distributed import get_worker

import losscourse
from losscourse.grading import sandbox, wire
from losscourse.grading.judge import Report, Step
from losscourse.grading.warm import Warm

__all__ = ["VERSIONS", "grade", "lack"]


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


VERSIONS = {
    "Python": ".".join(platform.python_version_tuple()[:2]),
    "losscourse": f"{losscourse.__version__} ({_digest()})",
    "numpy": _version("numpy"),
    "torch": _version("torch"),
}
"""What coordinator and worker must have in common for a score to be the same.

As of the import: a worker that runs older code than lies on its disk says so.
"""

_WARM: dict[bool, Warm] = {}
"""The worker's warm parents: one with the sandbox, one without. They end with its process."""
_STARTING = threading.Lock()


async def lack(
    versions: dict[str, str], confined: bool, resource: str, dask_worker: Any = None
) -> str:
    """Say what this worker lacks, and offer a resource where it lacks nothing.

    Args:
        versions: The coordinator's.
        confined: Whether students' code is to run in the sandbox.
        resource: What to offer Dask, as often as the worker has threads.
        dask_worker: The worker, given by Dask.

    Returns:
        Two sentences at most; "" where it can grade.
    """
    for name, version in versions.items():
        if VERSIONS.get(name) != version:
            return f"It has {name} {VERSIONS.get(name)}; the coordinator has {version}."
    if confined and (why := sandbox.missing()):
        return f"It has no sandbox: {why}."
    if resource not in dask_worker.state.total_resources:
        await dask_worker.set_resources(**{resource: dask_worker.state.nthreads})
    return ""


def grade(job: bytes, data: bytes) -> bytes:
    """Grade one submission, all in bytes.

    Args:
        job: A frame with what `Warm.grade` takes but the files, and whether to confine.
        data: A frame with the assignment's files; empty where there are none.

    Returns:
        A frame with the report.
    """
    asked = wire.decode(job, wire.TRUSTED)
    steps = [Step(**step) for step in asked["steps"]]
    named = asked["times"] | {"files": wire.decode(data, wire.TRUSTED) if data else {}}
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
