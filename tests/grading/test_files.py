"""What lies in a submission's folder: plain files count, and no folder stops the others."""

import datetime
import os
import subprocess
import time
from pathlib import Path

from nbgrader import utils
from nbgrader.coursedir import CourseDirectory

from losscourse.grading import coordinator, files


def test_a_time_is_read_from_a_small_file_alone(tmp_path):
    file, own = tmp_path / "timestamp.txt", CourseDirectory()
    file.write_text("2026-03-01 12:00:00")
    assert coordinator._timestamp(own, tmp_path) == datetime.datetime(2026, 3, 1, 12)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")  # it may lead to /dev/zero
    assert coordinator._timestamp(own, tmp_path) is None
    file.unlink()
    file.write_text("2026-03-01 12:00:00" + " " * 2000)
    assert coordinator._timestamp(own, tmp_path) is None


def test_a_file_too_deep_for_the_system_stops_nobody(tmp_path, monkeypatch):
    whole = files.digest(tmp_path, [])
    monkeypatch.chdir(tmp_path)
    for _ in range(16):
        os.mkdir("d" * 250)
        os.chdir("d" * 250)
    Path("f" * 200).touch()
    try:
        assert files.digest(tmp_path, []) == whole
    finally:  # pytest's own clean-up cannot
        subprocess.run(["rm", "-rf", tmp_path / ("d" * 250)], check=True)


def test_many_files_are_listed_in_little_time(tmp_path):
    for number in range(3000):
        (tmp_path / f"{number}.txt").touch()
    start = time.process_time()
    assert len(files.plain_files(tmp_path, ["*.pyc", ".git", "__pycache__"])) == 3000
    assert time.process_time() - start < 1.0


def test_what_is_ignored_is_what_nbgrader_ignores(tmp_path):
    for name in ("a.py", "a.pyc", ".b.pyc", ".git/x", "d/a.pyc", "d/[x]", "d/y.ipynb", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    ignore = ["*.pyc", ".git", "[[]x[]]"]
    theirs = utils.find_all_files(str(tmp_path), [*ignore, "*.ipynb"])
    ours = files.plain_files(tmp_path, ignore)
    assert ours == sorted(os.path.relpath(path, tmp_path) for path in theirs)
    assert ours == [".b.pyc", ".hidden", "a.py"]
