"""What a result belongs to, and how it is kept."""

import datetime
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["about", "write"]


def about(packages: Sequence[str]) -> dict[str, Any]:
    """Return the date, the machine, and the versions of Python and of packages.

    Args:
        packages: Their names as they are installed by.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def _processor() -> str:
    """Return the processor's model where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def write(path: Path, results: dict[str, Any]) -> None:
    """Replace a file of results at once, so that it is never half written.

    Args:
        path: The file.
        results: What it holds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)
