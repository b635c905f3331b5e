"""What a page costs in CPU is what its own kernel used."""

import subprocess
import sys

import pytest
from nbclient.exceptions import CellExecutionError

from book import seconds


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return a function that writes a page of one cell and returns its name."""
    monkeypatch.setattr(seconds, "BOOK", tmp_path)
    front = "---\nkernelspec:\n  display_name: Python 3\n  name: python3\n---\n"

    def write(code: str) -> str:
        (tmp_path / "one.md").write_text(f"{front}\n```{{code-cell}} ipython3\n{code}\n```\n")
        return "one"

    return write


BURN = "import time\nwhile time.process_time() < 3: pass"


def test_work_counts_and_waiting_does_not(page):
    assert seconds.cpu_seconds(page(BURN)) >= 3
    assert seconds.cpu_seconds(page("import time\ntime.sleep(4)")) < 3


def test_a_child_counts_once_it_has_ended(page):
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}], check=True)"
    assert seconds.cpu_seconds(page(code)) >= 3


def test_a_failing_cell_is_an_error(page):
    with pytest.raises(CellExecutionError, match="no such thing"):
        seconds.cpu_seconds(page("raise ValueError('no such thing')"))


def test_what_is_no_page_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "book.seconds", "nothing"],
        cwd=seconds.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "PAGE must be a page of book/ that runs code; nothing is none\n"
