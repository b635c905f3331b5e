"""Look whether a machine has what the course needs, and name the command that mends what it lacks.

Nothing here needs more than Python itself: what is asked after may be missing.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["LACKING", "NOTED", "THERE", "Finding", "examine", "sandbox_lack"]

THERE = "there"
NOTED = "note"
LACKING = "missing"

LEAST_DISK = 2**29
"""Bytes that must be free: twice what one submission may write."""

_SANDBOX_OFF = re.compile(r"^\s*c\.RunElsewhere\.sandbox\s*=\s*False\b", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing.

    Args:
        what: The thing.
        found: What there is of it, in words.
        state: `THERE`; `LACKING`, where the work cannot go on without it; or `NOTED`, where it can.
        mend: A command, or a sentence where no command helps; empty where nothing is to be done.
    """

    what: str
    found: str
    state: str = THERE
    mend: str = ""


def examine(folder: Path, carried: Sequence[str], *, student: bool = False) -> list[Finding]:
    """Return what there is on this machine of all that is needed.

    Args:
        folder: Where to look for a course.
        carried: The problem sets whose notebooks the package carries.
        student: Look at what a student needs, and not at what grading does.

    Returns:
        The findings, in the order in which they are told.
    """
    if student:
        return [_python(), *_packages([]), _problem_sets(carried), *_disks([folder])]
    settings = _settings(folder)
    return [
        _python(),
        *_packages(["teach"]),
        _sandbox(off=settings is not None and bool(_SANDBOX_OFF.search(_text(settings)))),
        _course(settings),
        *_disks([folder, Path(tempfile.gettempdir())]),
        _gpu(),
    ]


# --- Python and its packages ----------------------------------------------------------------------


def _python() -> Finding:
    from losscourse import __version__

    found = f"{platform.python_version()} in {sys.prefix}, losscourse {__version__}"
    try:
        from packaging.specifiers import SpecifierSet

        asked = metadata.metadata("losscourse")["Requires-Python"]
        if platform.python_version() not in SpecifierSet(asked, prereleases=True):
            return Finding("Python", f"{found}; the course needs {asked}", LACKING, _NEW_PYTHON)
    except (ImportError, metadata.PackageNotFoundError):
        pass  # the packages' line says so
    return Finding("Python", found)


_NEW_PYTHON = "Install a newer Python, and make the environment anew with it."


def _packages(extras: Iterable[str]) -> list[Finding]:
    """Look for what `pyproject.toml` asks, as the installation has noted it."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        mend = "python -m pip install packaging"
        return [Finding("Packages", "packaging is not installed, which compares", LACKING, mend)]
    try:
        asked = [Requirement(text) for text in metadata.requires("losscourse") or []]
    except metadata.PackageNotFoundError:
        mend = "python -m pip install -e ."
        return [Finding("Packages", "losscourse itself is not installed", LACKING, mend)]
    needed = [
        requirement
        for requirement in asked
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ["", *extras])
    ]
    faults = {f"{r.name}{r.specifier}": fault for r in needed if (fault := _fault(r))}
    if not faults:
        return [Finding("Packages", f"all {len(needed)} that are needed, new enough")]
    mend = "python -m pip install " + " ".join(f'"{asked}"' for asked in faults)
    first, *others = faults.values()
    rest = [Finding("", fault, LACKING) for fault in others]
    return [Finding("Packages", first, LACKING, mend), *rest]


def _fault(requirement) -> str:
    """Say what is wrong with a package; nothing, where it is as it must be."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} is {version}; the course needs {requirement.specifier}"


def _problem_sets(carried: Sequence[str]) -> Finding:
    if carried:
        return Finding("Problem sets", ", ".join(carried))
    mend = "Install the wheel that the course's site offers; in the repository: make exercises"
    return Finding("Problem sets", "the package carries none", LACKING, mend)


# --- the sandbox ----------------------------------------------------------------------------------

_TRIAL = """
import json, pathlib, socket, sys
from losscourse.grading import sandbox
scratch, other = map(pathlib.Path, sys.argv[1:])
sandbox.confine(scratch)
(scratch / "own").write_text("x")
done = []
for name, attempt in {
    "read a file of yours": other.read_text,
    "change a file of yours": lambda: other.write_text("x"),
    "open a socket": socket.socket,
}.items():
    try:
        attempt()
    except OSError:
        continue
    done.append(name)
print(json.dumps(done))
"""
"""What a confined process tries: writing in its folder must go, the rest must not."""


def _sandbox(*, off: bool) -> Finding:
    state = NOTED if off else LACKING
    if lack := sandbox_lack():
        mend = "" if "pip install" in lack else _NO_SANDBOX  # the packages' line has the command
        return Finding("Sandbox", lack, state, mend)
    if fault := _tried():
        return Finding("Sandbox", fault, state, _NO_SANDBOX)
    if off:
        found = "works here, but the course's settings turn it off"
        return Finding("Sandbox", found, NOTED, "Take c.RunElsewhere.sandbox out of the settings.")
    return Finding("Sandbox", "tried: no file of yours is read or changed, no socket opened")


_NO_SANDBOX = "Grade on Linux 6.12 or newer, such as Debian 13; a virtual machine will do."


def sandbox_lack() -> str | None:
    """Say what this machine lacks for the sandbox; on any system, unlike `sandbox.missing`.

    Returns:
        One sentence, or None where the sandbox can work.
    """
    try:
        from losscourse.grading import sandbox
    except ImportError:  # Windows has none of what it stands on
        return f"the sandbox needs Linux, this is {platform.system()}"
    return sandbox.missing()


def _tried() -> str:
    """Confine a process and let it try what it must not; say what went wrong, if anything did."""
    with tempfile.TemporaryDirectory(prefix="losscourse-doctor-") as name:
        scratch, other = Path(name, "scratch"), Path(name, "other")
        scratch.mkdir()
        other.write_text("yours")
        # -P: a module beside the notebooks must not stand in for one of Python's own.
        command = [sys.executable, "-P", "-c", _TRIAL, str(scratch), str(other)]
        try:
            trial = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "its trial did not end"
    if trial.returncode:
        last = trial.stderr.strip().splitlines()[-1:] or [f"exit status {trial.returncode}"]
        return f"its trial failed: {last[0][:300]}"
    done = json.loads(trial.stdout)
    return f"it does not hold: a confined process could {', '.join(done)}" if done else ""


# --- the course, the disk, the GPU ----------------------------------------------------------------


def _settings(folder: Path) -> Path | None:
    """Return nbgrader's settings of the course here or in `exercises`, if there is one."""
    places = (folder / "nbgrader_config.py", folder / "exercises" / "nbgrader_config.py")
    return next((place for place in places if place.is_file()), None)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _course(settings: Path | None) -> Finding:
    if settings is None:
        mend = "Go to your course folder: it holds nbgrader_config.py and source/."
        return Finding("Course", "none in this folder or in exercises/", LACKING, mend)
    source = settings.with_name("source")
    sets = sorted(x.parent.name for x in source.glob("*/*.ipynb") if x.parent.name == x.stem)
    if not sets:
        mend = "Put each problem set's notebook there: source/ps01/ps01.ipynb."
        return Finding("Course", f"no problem set in {source}", LACKING, mend)
    if "RunElsewhere" not in _text(settings):
        mend = "Take c.Autograde.autograde_preprocessors over from the course's repository."
        found = f"{settings} runs students' code in nbgrader's own kernel, without the sandbox"
        return Finding("Course", found, LACKING, mend)
    return Finding("Course", f"{settings.parent}: {', '.join(sets)}")


def _disks(folders: Iterable[Path]) -> list[Finding]:
    """Look at the free space where these folders are, each disk once."""
    findings = []
    disks: dict[int, Path] = {}
    for folder in folders:
        disks.setdefault(folder.stat().st_dev, folder)
    for folder in disks.values():
        free = shutil.disk_usage(folder).free
        found = f"{free / 2**30:.1f} GiB free in {folder}"
        if free < LEAST_DISK:
            findings.append(Finding("Disk", found, LACKING, "python -m pip cache purge"))
        else:
            findings.append(Finding("Disk", found))
    return findings


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        found = "not looked for: PyTorch is not installed, which few problem sets need"
        return Finding("GPU", found, NOTED)
    except Exception as error:  # a library that does not load, such as CUDA's
        return Finding("GPU", f"PyTorch does not load: {error}"[:300], NOTED)
    try:
        cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    except Exception as error:  # a driver that does not fit
        return Finding("GPU", f"PyTorch {torch.__version__} cannot use it: {error}"[:300], NOTED)
    if not cards:
        return Finding("GPU", f"none that PyTorch {torch.__version__} can use", NOTED)
    told = (f"{card.name}, {card.total_memory / 2**30:.0f} GiB" for card in cards)
    return Finding("GPU", f"{'; '.join(told)} (PyTorch {torch.__version__})")
