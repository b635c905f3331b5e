"""What the wheel carries to a student: the package, the problem sets, no answers."""

import re
import zipfile

import nbformat
import pytest

from tests.book.conftest import ROOT

SOURCES = sorted(ROOT.glob("exercises/source/*/*.ipynb"))
HIDDEN = re.compile(r"### BEGIN HIDDEN TESTS(.*?)### END HIDDEN TESTS", re.DOTALL)
SOLUTION = re.compile(r"### BEGIN SOLUTION(.*?)### END SOLUTION", re.DOTALL)


@pytest.fixture(scope="module")
def wheel():
    (path,) = ROOT.glob("build/site/downloads/*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"losscourse", f"losscourse-{version()}.dist-info"}
    carried = {name for name in wheel.namelist() if name.endswith(".py")}
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("losscourse/**/*.py")}
    assert carried == modules


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_wheel_holds_the_student_notebook_without_answers(wheel, source):
    name = f"losscourse/notebooks/{source.parent.name}/{source.name}"
    student = wheel.read(name).decode()
    download = ROOT / "build" / "site" / "downloads" / source.name
    assert download.read_text() == student
    assert "BEGIN SOLUTION" not in student
    assert "BEGIN HIDDEN" not in student
    assert "raise NotImplementedError" in student
    assert [line for line in secret_lines(source) if line in student] == []


def secret_lines(source) -> list[str]:
    """Return what only the instructor's notebook says: lines of its solutions and hidden tests."""
    cells = [cell.source for cell in nbformat.read(source, as_version=4).cells]
    visible = "\n".join(SOLUTION.sub("", HIDDEN.sub("", cell)) for cell in cells)
    secret = "\n".join("\n".join(p.findall(cell)) for cell in cells for p in (HIDDEN, SOLUTION))
    lines = {line.strip() for line in secret.splitlines()}
    return [line for line in lines if len(line) > 12 and line not in visible]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_there_are_secrets_to_look_for(source):
    assert secret_lines(source)


def version() -> str:
    return re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)[1]
