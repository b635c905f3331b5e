"""The course on the instructor's machine: its folder, and nbgrader's settings in it."""

import contextlib
import os
from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

__all__ = ["CannotStart", "find", "read_config", "save"]


class CannotStart(Exception):
    """A command cannot do its work; the message says what to do."""


def find(course: Path | None) -> Path:
    """Return the folder of the course.

    Args:
        course: The folder with nbgrader_config.py; None looks here and in exercises/.

    Raises:
        CannotStart: There is none.
    """
    places = [Path(), Path("exercises")] if course is None else [course]
    for place in places:
        if (place / "nbgrader_config.py").is_file():
            return place
    where = " or ".join(str(place.resolve()) for place in places)
    raise CannotStart(f"No nbgrader_config.py in {where}. Say where it is: --course FOLDER")


def read_config(course: Path) -> Config:
    """Return the configuration that nbgrader would have in this folder.

    Args:
        course: The folder with nbgrader_config.py.
    """
    config = Config()
    for folder in [*reversed(jupyter_config_path()), str(course.resolve())]:
        with contextlib.suppress(ConfigFileNotFound):
            config.merge(PyFileConfigLoader("nbgrader_config.py", path=folder).load_config())
    return config


def save(path: Path, content: bytes) -> None:
    """Write a file that the instructor has asked for, whole or not at all.

    Args:
        path: Where.
        content: What it is to hold.

    Raises:
        CannotStart: It cannot be written; what was there is as it was.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotStart(f"{path}: cannot be written: {error.strerror}.") from None
