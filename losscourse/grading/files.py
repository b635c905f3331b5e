"""An assignment's files: what lies in its folders, and how graded notebooks come to their place.

Of what a student hands in, plain files alone are read: a link is none, whatever it leads to.
"""

import fnmatch
import glob
import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nbformat
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from losscourse.grading.scratch import remove

__all__ = ["MOST_DATA", "MOST_FILES", "Folders", "TooMuchData", "digest", "plain_files"]

MOST_DATA = 32 * 2**20
"""Bytes of an assignment's own files, which go with every submission."""

MOST_FILES = 500
"""How many they may be."""


_ANYBODY = "\0"  # in no path: what else is in one is no pattern


class TooMuchData(NbGraderException):
    """An assignment's own files are more than can go with every submission."""


class Folders:
    """The folders of one assignment, as nbgrader lays them out.

    Args:
        course: The course's settings.
        assignment: The assignment's name.
        kept: Files of a student's that count in place of the source's of the same name.
    """

    def __init__(self, course: CourseDirectory, assignment: str, kept: Iterable[str] = ()):
        self._course, self._assignment, self._kept = course, assignment, set(kept)
        self.source = self._folder(course.source_directory, ".")

    def _folder(self, step: str, student: str) -> Path:
        return Path(self._course.format_path(step, student, self._assignment))

    @property
    def submitted(self) -> Path:
        """Where submissions lie: a path with "*" for the student."""
        return self._folder(self._course.submitted_directory, "*")

    def autograded(self, student: str) -> Path:
        """Return where a student's graded notebooks belong.

        Args:
            student: Whose.
        """
        return self._folder(self._course.autograded_directory, student)

    def data(self) -> dict[str, bytes]:
        """Return the assignment's own files, which a notebook may open, by their paths from it.

        They are what nbgrader hands out beside the notebooks; a notebook is none of them.

        Raises:
            TooMuchData: They are too many or too large.
        """
        paths = [
            Path(self.source, name)
            for name in plain_files(self.source, self._course.ignore, links=True)
            if ".ipynb" not in name.lower()  # nor a copy that an editor left
        ]
        sizes = {path: path.stat().st_size for path in paths}
        if sum(sizes.values()) > MOST_DATA or len(paths) > MOST_FILES:
            largest = max(paths, key=sizes.__getitem__)
            raise TooMuchData(
                f"{self.source} holds {sum(sizes.values()) / 2**20:.0f} MiB in {len(paths)} files "
                f"beside the notebooks; at most {MOST_DATA // 2**20} MiB in {MOST_FILES} files can "
                f"go with each submission. The largest is {largest.name}. Make it smaller, or list "
                "what no notebook opens in c.CourseDirectory.ignore."
            )
        return {path.relative_to(self.source).as_posix(): path.read_bytes() for path in paths}

    def handed_in(self) -> dict[str, Path]:
        """Return the folders that hold a submission, or link to one, by student."""
        whole = self._folder(self._course.submitted_directory, _ANYBODY)
        place = next(n for n, part in enumerate(whole.parts) if _ANYBODY in part)
        pattern = glob.escape(str(whole)).replace(_ANYBODY, "*")
        folders = [Path(path) for path in glob.iglob(pattern, include_hidden=True)]
        found = {path.parts[place]: path for path in folders if path.is_dir() or path.is_symlink()}
        return {name: path for name, path in found.items() if not name.startswith(".")}

    def write(
        self, student: str, submitted: Path, graded: Mapping[str, nbformat.NotebookNode]
    ) -> None:
        """Write the graded notebooks, and the files that came with them, beside their place.

        Args:
            student: Whose they are.
            submitted: The folder of the submission.
            graded: The notebooks by their names, without ".ipynb".
        """
        place = self._beside(student, "new")
        remove(place)
        place.mkdir(parents=True)
        ours = plain_files(self.source, self._course.ignore, links=True)
        _copy(self.source, [name for name in ours if name not in self._kept], place)
        _copy(submitted, plain_files(submitted, self._course.ignore), place)
        for name, nb in graded.items():
            nbformat.write(nb, place / f"{name}.ipynb")
        mode = 0o664 if self._course.groupshared else 0o444
        for path in place.rglob("*"):
            if path.is_dir():
                path.chmod(0o2775 if self._course.groupshared else 0o755)
            else:
                path.chmod(mode)

    def put_in_place(self, student: str, *, there: bool) -> None:
        """Let what was written take the place of what was there; a second call finds it done.

        Args:
            student: Whose.
            there: Whether anything was written; else the place is cleared.
        """
        place = self.autograded(student)
        new, old = self._beside(student, "new"), self._beside(student, "old")
        if there and not new.exists():
            return
        remove(old)
        if place.exists():
            place.rename(old)
        if there:
            new.rename(place)
        remove(new)
        remove(old)

    def _beside(self, student: str, what: str) -> Path:
        folder = self.autograded(student)
        return folder.with_name(f".{folder.name}.{what}")


def plain_files(folder: Path, ignore: Sequence[str], *, links: bool = False) -> list[str]:
    """Return the plain files below a folder but notebooks, by their relative names, in order.

    Args:
        folder: Where to look.
        ignore: Patterns of names that do not count.
        links: Whether a link to such a file counts as one.
    """
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_ignored(name, ignore)]
        paths = [os.path.join(place, n) for n in names if not _is_ignored(n, [*ignore, "*.ipynb"])]
        found += [os.path.relpath(path, folder) for path in paths if _is_plain(path, links)]
    return sorted(found)


def _is_ignored(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern of a shell's means a name; nbgrader's own would list its folder for each.

    As there, a name that begins with a dot is meant by no pattern that begins with another sign.
    """
    return any(
        fnmatch.fnmatchcase(name, pattern) and (name[0] != "." or pattern[0] == ".")
        for pattern in patterns
    )


def _is_plain(path: str, links: bool) -> bool:
    """Whether a plain file lies there, and not so deep that the system cannot name it."""
    try:
        return stat.S_ISREG((os.stat if links else os.lstat)(path).st_mode)
    except OSError:
        return False


def digest(folder: Path, ignore: Sequence[str], before: str = "", *, links: bool = False) -> str:
    """Return a digest of a folder's files.

    Args:
        folder: The folder; where it is a link, nothing in it counts.
        ignore: Patterns of names that do not count.
        before: What the digest depends on as well.
        links: Whether a link to a file counts as the file.
    """
    total = hashlib.sha256(before.encode())
    if folder.is_symlink() and not links:
        return total.hexdigest()
    notebooks = [path.name for path in folder.glob("*.ipynb") if path.is_file()]
    for name in sorted([*plain_files(folder, ignore, links=links), *notebooks]):
        if links or not (folder / name).is_symlink():
            try:
                with (folder / name).open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:  # the submission fails, and no other
                content = str(error)
            total.update(f"{name!r} {content}\n".encode())
    return total.hexdigest()


def _copy(folder: Path, names: Iterable[str], place: Path) -> None:
    """Copy files, except over one that is there, or below it."""
    for name in names:
        target = place / name
        above = [path for path in target.parents if place in path.parents]
        if not target.exists() and not any(path.is_file() for path in above):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target)
