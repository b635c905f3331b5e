"""Folders for what runs, that leave nothing behind: not even when their owner is killed.

Who makes a folder holds a lock on it, which the system takes back when its process ends, however it
ends. A folder that nobody holds is left over, and goes when the next one is made.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["Scratch", "remove"]

_PREFIX = "losscourse-run-"


class Scratch:
    """A new folder that is held by this process, until it is closed.

    Args:
        place: Where it is made; None for the system's place for temporary files.

    Attributes:
        path: The folder.
    """

    def __init__(self, place: Path | None = None):
        above = Path(place or tempfile.gettempdir())
        for old in above.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                _remove_if_left(old)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above))
            # Another process may take it for a leftover before it is held.
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                self._descriptor = _lock(self.path)
                if self.path.is_dir():
                    return
                os.close(self._descriptor)

    def close(self) -> None:
        """Remove the folder and let go of it; a second call does nothing."""
        if self._descriptor >= 0:
            remove(self.path)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> "Scratch":
        """Return the folder's holder itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()


def remove(folder: Path) -> None:
    """Remove a folder, however deep it is and whatever its modes.

    Args:
        folder: The folder; one that is not there is no error.
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        subprocess.run(["chmod", "-R", "u+rwX", folder], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", folder], stderr=subprocess.DEVNULL)


def _lock(folder: Path) -> int:
    """Return a descriptor that holds a folder of this user's.

    Raises:
        OSError: Another process holds it, or it is another user's, a link, or gone.
    """
    import fcntl  # not on every system

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            raise PermissionError(f"{folder} is another user's")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_if_left(folder: Path) -> None:
    """Remove a folder that no process holds."""
    descriptor = _lock(folder)
    try:
        remove(folder)
    finally:
        os.close(descriptor)
