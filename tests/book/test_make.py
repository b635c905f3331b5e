"""The Makefile: what a second call does, and what it says when something is missing."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.book.conftest import ROOT

PAGE = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

# {title}

```{{code-cell}} ipython3
{code}
```
"""


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
        timeout=120,
    )


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says what is wrong; make's own line that it stopped is the other."""
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def built_course(tmp_path_factory) -> Path:
    """A copy of the course with two pages that run code, built in this virtual environment."""
    course = tmp_path_factory.mktemp("course")
    for name in ("Makefile", "_config.yml", "pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy2(ROOT / name, course)
    shutil.copy2(ROOT / "LICENSE", course)
    shutil.copytree(ROOT / "book", course / "book", ignore=shutil.ignore_patterns("*.md"))
    for folder in ("losscourse", "tests"):
        (course / folder).mkdir()
        (course / folder / "__init__.py").touch()
    shutil.copy2(ROOT / "tests" / "browser.py", course / "tests")
    borrow_environment(course / ".venv")
    (course / "book" / "_toc.yml").write_text("format: jb-book\nroot: a\nchapters:\n- file: b\n")
    for name in "ab":
        write_page(course, name)
    built = make("book", folder=course)
    assert built.returncode == 0, built.stdout + built.stderr
    assert executed(built) == ["a", "b"]
    return course


def borrow_environment(folder: Path) -> None:
    """Make this test's virtual environment the course's, marked as installed so that it stays."""
    folder.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != ".installed":
            (folder / entry.name).symlink_to(entry)
    (folder / ".installed").touch()


@pytest.fixture
def course(built_course: Path) -> Iterator[Path]:
    """The small course, for a test to change its pages, which are put back afterwards."""
    yield built_course
    for name in "ab":
        write_page(built_course, name)


def write_page(course: Path, name: str, code: str | None = None, title: str = "A page") -> None:
    code = code or f"print({name!r})"
    (course / "book" / f"{name}.md").write_text(PAGE.format(title=title, code=code))


def executed(result: subprocess.CompletedProcess[str]) -> list[str]:
    output = result.stdout + result.stderr
    return sorted(re.findall(r"/(\w+)\.md: Executed notebook", output))


@pytest.mark.slow
def test_make_executes_only_what_changed(course: Path):
    assert "Nothing to be done" in make("book", folder=course).stdout

    write_page(course, "b", "print('changed')")
    assert executed(make("book", folder=course)) == ["b"]

    (course / "losscourse" / "__init__.py").write_text("changed = True\n")
    assert executed(make("book", folder=course)) == ["a", "b"]


@pytest.mark.slow
def test_a_cell_that_raises_fails_the_build(course: Path):
    write_page(course, "b", "1 / 0")
    result = make("book", folder=course)
    assert result.returncode != 0
    assert "ZeroDivisionError" in result.stdout + result.stderr


@pytest.mark.slow
def test_a_warning_fails_the_build_again_and_again_until_it_is_repaired(course: Path):
    write_page(course, "a", title="A {ref}`place-that-is-not`, a [page](missing.md)")
    write_page(course, "b", "import sys; print(1, file=sys.stderr)", "{cite:t}`nobody1900`")
    for _ in range(2):
        result = make("book", folder=course)
        assert result.returncode != 0
        for fault in ("place-that-is-not", "missing.md", "stderr was found", "nobody1900"):
            assert fault in result.stderr
    write_page(course, "a")
    write_page(course, "b")
    repaired = make("book", folder=course)
    assert repaired.returncode == 0
    assert "a" not in executed(repaired)  # its code is the one that ran before


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_is_built_alone_with_pictures_of_it_before_it_is_in_the_contents(course: Path):
    write_page(course, "a", "1 / 0")
    write_page(course, "c", "print('x' * 3)")
    try:
        result = make("page", "PAGE=c", folder=course)
        assert result.returncode == 0, result.stdout + result.stderr
        folder = course / "build" / "page" / "c"
        assert "xxx" in (folder / "_build" / "html" / "c.html").read_text()
        assert {file.name for file in folder.glob("*-00.png")} == {
            f"{view}-00.png" for view in ("light", "dark", "narrow")
        }
        write_page(course, "c", title="A {ref}`place-that-is-not`")
        assert "place-that-is-not" in make("page", "PAGE=c", folder=course).stderr
        write_page(course, "c", "1 / 0")
        assert "ZeroDivisionError" in make("page", "PAGE=c", folder=course).stderr
    finally:
        (course / "book" / "c.md").unlink()


def test_a_page_that_is_not_there_is_named():
    assert "no book/nowhere.md" in make("page", "PAGE=nowhere").stderr


def test_nothing_is_left_to_do_once_the_book_is_built():
    result = make("--question", "book")
    assert result.returncode == 0, "the site is older than its sources: run `make book`"


def test_a_taken_port_is_named_before_anything_is_built(taken_port):
    line = complaint(make("serve", f"PORT={taken_port}"))
    assert f"{taken_port} is in use" in line
    assert f"PORT={taken_port + 1}" in line


@pytest.mark.parametrize("port", ["eighty", "0", "70000"])
def test_a_port_that_is_none_is_named(port):
    assert f"from 1 to 65535, got '{port}'" in complaint(make("serve", f"PORT={port}"))


def test_an_old_python_is_named(tmp_path: Path):
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 3.9\n")
    old.chmod(0o755)
    line = complaint(make("book", f"VENV={tmp_path}/venv", f"PYTHON={old}"))
    assert "needs Python 3.11 or newer" in line
    assert "is 3.9" in line


def test_every_pin_installs_on_the_oldest_python():
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    asked = {name: metadata(name).get("Requires-Python") or "" for name in pins}
    assert len(asked) > 100
    assert {name: p for name, p in asked.items() if "3.11.0" not in SpecifierSet(p)} == {}


def test_a_missing_python_is_named(tmp_path: Path):
    line = complaint(make("book", f"VENV={tmp_path}/venv", "PYTHON=python9"))
    assert "python9 is not on the PATH" in line


@pytest.mark.slow
def test_make_serve_prints_the_address_and_ends_quietly(course: Path, free_port):
    address = f"http://127.0.0.1:{free_port}"
    server = subprocess.Popen(
        ["make", "--no-print-directory", "serve", f"PORT={free_port}"],
        cwd=course,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert any(address in line for line in server.stdout)
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == (course / "build/html/index.html").read_bytes()
    finally:
        os.killpg(server.pid, signal.SIGINT)
        rest, _ = server.communicate(timeout=10)
    assert "Traceback" not in rest
