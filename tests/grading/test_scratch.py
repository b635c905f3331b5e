"""Scratch folders go with their owner, and what a killed owner left goes with the next."""

import os
import signal
import subprocess
import sys

import pytest

from losscourse.grading import scratch
from losscourse.grading.scratch import Scratch

pytest.importorskip("fcntl", reason="the grader's processes are of Unix")

HOLD = """
import sys
from pathlib import Path
from losscourse.grading.scratch import Scratch

held = Scratch(Path(sys.argv[1]))
(held.path / "left").mkdir()
print(held.path.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process, and the name of the folder that it holds."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_goes_when_it_is_closed(tmp_path):
    with Scratch(tmp_path) as held:
        deep = held.path / "a" / "b"
        deep.mkdir(parents=True)
        deep.parent.chmod(0)
        assert names(tmp_path) == [held.path.name]
        assert held.path.stat().st_mode & 0o077 == 0
    assert not names(tmp_path)
    held.close()


def test_the_folder_of_another_that_lives_stays(tmp_path, other):
    _, theirs = other
    with Scratch(tmp_path) as held:
        assert names(tmp_path) == sorted([theirs, held.path.name])
        with Scratch(tmp_path):
            assert held.path.is_dir()
    assert names(tmp_path / theirs) == ["left"]


def test_the_folder_of_one_that_was_killed_goes_with_the_next(tmp_path, other):
    process, theirs = other
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert names(tmp_path) == [theirs]
    with Scratch(tmp_path) as held:
        assert names(tmp_path) == [held.path.name]


def test_what_is_no_folder_of_ours_stays(tmp_path, monkeypatch):
    (tmp_path / "kept").mkdir()
    (tmp_path / "losscourse-run-link").symlink_to(tmp_path / "kept")
    (tmp_path / "losscourse-run-file").write_text("")
    (tmp_path / "losscourse-run-other").mkdir()
    before = names(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: 12345)
        with pytest.raises(PermissionError):
            scratch._lock(tmp_path / "losscourse-run-other")
    (tmp_path / "losscourse-run-other").rmdir()
    before.remove("losscourse-run-other")
    Scratch(tmp_path).close()
    assert names(tmp_path) == before


@pytest.mark.parametrize("late", [False, True])
def test_a_folder_that_is_taken_away_while_it_is_made_is_made_again(tmp_path, monkeypatch, late):
    lock, taken = scratch._lock, []

    def slow(folder):
        descriptor = lock(folder) if late else None
        if not taken:
            taken.append(folder)
            folder.rmdir()
        return lock(folder) if descriptor is None else descriptor

    monkeypatch.setattr(scratch, "_lock", slow)
    with Scratch(tmp_path) as held:
        assert taken
        assert held.path not in taken
        assert held.path.is_dir()
