"""The command line, on a problem set of two functions and one written answer."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from losscourse import __version__, cli, doctor
from losscourse.grading.judge import Report

STUBS = {
    "double": "def double(x):\n    raise NotImplementedError",
    "half": "def half(x):\n    raise NotImplementedError",
}
RIGHT = {"double": "def double(x):\n    return 2 * x", "half": "def half(x):\n    return x / 2"}
PROMPT = "*Your answer here.*"


def answer(name):
    return {
        "nbgrader": {
            "grade": False,
            "grade_id": name,
            "locked": False,
            "schema_version": 3,
            "solution": True,
        }
    }


def graded(name, points, *, solution=False):
    return {
        "nbgrader": {
            "grade": True,
            "grade_id": name,
            "locked": not solution,
            "points": points,
            "schema_version": 3,
            "solution": solution,
        }
    }


def mini(answers=STUBS, essay=PROMPT):
    """The problem set's notebook with these answers in it."""
    test = "value = {0}(3.0)\nassert value == {1}, f'{0}(3.0): expected {1}, got {{value}}'"
    cells = [
        new_markdown_cell("# Mini\n\nTwo functions."),
        new_markdown_cell("## 1. Double"),
        new_code_cell(answers["double"], metadata=answer("double")),
        new_code_cell(test.format("double", 6.0), metadata=graded("double-value", 10)),
        new_markdown_cell("## 2. Half"),
        new_code_cell(answers["half"], metadata=answer("half")),
        new_code_cell(test.format("half", 1.5), metadata=graded("half-value", 5)),
        new_markdown_cell(essay, metadata=graded("essay", 5, solution=True)),
    ]
    return new_notebook(cells=cells)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty current folder, and a package that carries the set `mini`."""
    carried = tmp_path / "carried"
    (carried / "mini").mkdir(parents=True)
    nbformat.write(mini(), carried / "mini" / "mini.ipynb")
    monkeypatch.setattr(cli, "_carried_folder", lambda: carried)
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def parent():
    """The one warm parent of this module's tests."""
    with cli._warm() as warm:
        yield warm


@pytest.fixture(params=["sandbox", "kernel"])
def way(request, monkeypatch):
    """Check through the grader, and as it is done where there is no sandbox."""
    if request.param == "kernel":
        monkeypatch.setattr(doctor, "sandbox_lack", lambda: "the sandbox needs Linux: leave")
    elif lack := doctor.sandbox_lack():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lack)  # CI must try the sandbox
    else:
        warm = request.getfixturevalue("parent")
        monkeypatch.setattr(cli, "_warm", lambda: contextlib.nullcontext(warm))
    return request.param


sandbox = pytest.mark.parametrize("way", ["sandbox"], indirect=True)
kernel = pytest.mark.parametrize("way", ["kernel"], indirect=True)


def run(*args):
    result = CliRunner().invoke(cli.app, [str(arg) for arg in args], env={"COLUMNS": "100"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write(nb, path="mini.ipynb"):
    nbformat.write(nb, path)
    return path


def row(result, test):
    return next(line for line in result.output.splitlines() if f" {test} " in line)


# --- the command itself ---


def test_version_names_the_package_version():
    assert run("--version").stdout == f"losscourse {__version__}\n"


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom losscourse.cli import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'nbformat', 'nbclient', 'jupyterlab') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\n[]\n")


# --- start ---


def test_start_writes_the_carried_notebook(desk):
    result = run("start", "mini", "--no-open")
    assert result.exit_code == 0
    assert nbformat.read("mini/mini.ipynb", as_version=4) == mini_as_written(desk)


def mini_as_written(desk):
    return nbformat.read(desk.parent / "carried/mini/mini.ipynb", as_version=4)


def test_start_opens_the_notebook_with_this_folder_as_root(desk, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "jupyterlab.labapp.LabApp.launch_instance", lambda argv: opened.append(argv)
    )
    assert run("start", "mini").exit_code == 0
    assert opened == [[str(Path("mini", "mini.ipynb")), f"--ServerApp.root_dir={desk}"]]


def test_start_never_overwrites(desk):
    Path("mini").mkdir()
    Path("mini/mini.ipynb").write_text("my work")
    result = run("start", "mini", "--no-open")
    assert result.exit_code == 0
    assert Path("mini/mini.ipynb").read_text() == "my work"
    assert "stays as it is" in result.output


def test_start_finds_the_notebook_from_inside_its_folder(desk, monkeypatch):
    run("start", "mini", "--no-open")
    monkeypatch.chdir(desk / "mini")
    assert "stays as it is" in run("start", "mini", "--no-open").output
    assert sorted(os.listdir()) == ["mini.ipynb"]


def test_start_fresh_keeps_every_old_notebook(desk):
    for work in ("first", "second"):
        run("start", "mini", "--no-open", "--fresh")
        Path("mini/mini.ipynb").write_text(work)
    result = run("start", "mini", "--no-open", "--fresh")
    assert "mini-old-2.ipynb" in result.output
    assert Path("mini/mini-old-1.ipynb").read_text() == "first"
    assert Path("mini/mini-old-2.ipynb").read_text() == "second"
    assert nbformat.read("mini/mini.ipynb", as_version=4) == mini_as_written(desk)


def test_start_lists_the_sets_when_the_name_is_unknown(desk):
    result = run("start", "ps99")
    assert result.exit_code == 2
    assert "no problem set 'ps99'. There is: mini." in result.output
    assert not list(desk.iterdir())


@pytest.mark.parametrize("name", ["../mini", "mini/", "", "."])
def test_start_takes_names_and_not_paths(desk, name):
    assert run("start", name, "--no-open").exit_code == 2
    assert not list(desk.iterdir())


def test_start_says_when_the_package_carries_nothing(desk, monkeypatch):
    monkeypatch.setattr(cli, "_carried_folder", lambda: desk / "nowhere")
    result = run("start", "mini")
    assert result.exit_code == 2
    assert "carries no problem sets" in result.output


def test_start_without_jupyterlab_says_what_to_install(desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    result = run("start", "mini")
    assert result.exit_code == 2
    assert "pip install jupyterlab" in result.output
    assert Path("mini/mini.ipynb").exists()


# --- check ---


@pytest.mark.slow
def test_check_passes_right_answers(desk, way):
    result = run("check", write(mini(RIGHT, "Because.")))
    assert result.exit_code == 0
    assert "passed" in row(result, "double-value")
    assert "marked by hand" in row(result, "essay")
    assert "2 of 2 tests pass" in result.output
    assert "hidden tests" in result.output


@pytest.mark.slow
def test_check_leaves_the_loggers_of_others_alone(desk, way):
    from traitlets.log import get_logger

    assert run("check", write(mini(RIGHT, "Because."))).exit_code == 0
    assert not get_logger().disabled


def test_check_tells_wrong_from_unanswered(desk, way):
    result = run("check", write(mini({**STUBS, "half": "def half(x):\n    return x / 3"})))
    assert result.exit_code == 1
    assert "not answered yet" in row(result, "double-value")
    assert "failed" in row(result, "half-value")
    assert "half(3.0): expected 1.5, got 1.0" in result.output
    assert "not answered yet" in row(result, "essay")
    assert "0 of 2 tests pass" in result.output


@pytest.mark.slow
@kernel
def test_check_knows_an_unwritten_answer_in_a_tests_own_words(desk, way):
    says = "class CheckFailed(AssertionError): pass\n\ndef half(x):\n    raise CheckFailed('{}')"
    for text, state in [
        ("half(3): it is not written yet: it raises NotImplementedError.", "not answered yet"),
        ("half(3): it raises NotImplementedError.\\nWhat was wanted.", "not answered yet"),
        ("half(3): expected 1.5, got 1.", "failed"),
    ]:
        result = run("check", write(mini({**RIGHT, "half": says.format(text)})))
        assert state in row(result, "half-value")
    assert "\nhalf(3): expected 1.5, got 1." in result.output


def test_check_lets_an_optional_question_fail(desk, way):
    release, nb = mini(), mini({**RIGHT, "half": STUBS["half"]}, "Because.")
    for book in (release, nb):
        book.cells[6].metadata.nbgrader.points = 0
    write(release, desk.parent / "carried/mini/mini.ipynb")
    result = run("check", write(nb))
    assert result.exit_code == 0
    assert "not answered yet" in row(result, "half-value")
    assert "1 of 1 tests pass" in result.output
    nb.cells[5].source = "def half(x):\n    return x / 3"
    result = run("check", write(nb))
    assert result.exit_code == 0
    assert "failed" in row(result, "half-value")


@sandbox
def test_check_finds_the_notebook_by_the_sets_name(desk, way):
    run("start", "mini", "--no-open")
    assert run("check", "mini").exit_code == 1
    assert "not answered yet" in run("check", "mini.ipynb").output


def test_check_changes_no_file(desk, way):
    path = Path(write(mini({**RIGHT, "half": "open('trace', 'w')\n" + RIGHT["half"]})))
    before = path.read_bytes()
    run("check", path)
    assert path.read_bytes() == before
    assert os.listdir() == ["mini.ipynb"]


TABLE = {"double": "def double(x):\n    return float(open('more/data.csv').read()) * x"}


def test_start_writes_the_sets_files_and_check_runs_with_them(desk, way):
    carried = desk.parent / "carried" / "mini"
    (carried / "more").mkdir()
    (carried / "more" / "data.csv").write_text("2")
    said = run("start", "mini", "--no-open").output
    assert "Wrote mini/more/data.csv." in said
    nbformat.write(mini(RIGHT | TABLE, "An essay."), desk / "mini" / "mini.ipynb")
    (desk / "mini" / "more" / "data.csv").write_text("7")
    assert "not the file that came with the set" in run("start", "mini", "--no-open").output
    assert (desk / "mini" / "more" / "data.csv").read_text() == "7"
    assert "2 of 2 tests pass" in run("check", "mini").output


def test_check_runs_in_an_empty_folder_as_the_grader_does(desk, way):
    Path("helper.py").write_text("def double(x): return 2 * x")
    result = run("check", write(mini({**RIGHT, "double": "from helper import double"})))
    assert result.exit_code == 1
    assert "Code cell 1, under “1. Double”, stops with an error" in result.output
    assert "No module named 'helper'" in result.output


def test_check_runs_the_original_test_when_it_was_edited(desk, way):
    nb = mini({**RIGHT, "half": STUBS["half"]}, "Because.")
    nb.cells[6].source = "pass"
    result = run("check", write(nb))
    assert "not answered yet" in row(result, "half-value")
    assert result.exit_code == 1


@kernel
def test_check_reports_a_deleted_test(desk, way):
    nb = mini(RIGHT, "Because.")
    del nb.cells[6]
    result = run("check", write(nb))
    assert result.exit_code == 1
    assert "failed" in row(result, "half-value")
    assert "gone from your notebook" in result.output


@sandbox
def test_check_runs_a_deleted_test_as_the_grader_does(desk, way):
    nb = mini({**RIGHT, "half": "def half(x):\n    return x / 3"}, "Because.")
    del nb.cells[6]
    result = run("check", write(nb))
    assert result.exit_code == 1
    assert "half(3.0): expected 1.5, got 1.0" in result.output


def test_check_lets_a_warning_pass_as_the_grader_does(desk, way):
    noisy = "import warnings\ndef half(x):\n    warnings.warn('overflow')\n    return x / 2"
    result = run("check", write(mini({**RIGHT, "half": noisy}, "Because.")))
    assert result.exit_code == 0
    assert "passed" in row(result, "half-value")


ENDLESS = "while True:\n    pass"


@kernel
def test_check_stops_an_endless_cell_and_says_where(desk, way):
    start = time.monotonic()
    result = run("check", write(mini({**RIGHT, "half": ENDLESS})), "--seconds", "1")
    assert time.monotonic() - start < 20
    assert result.exit_code == 1
    assert "under “2. Half”, ran for more than 1 s" in result.output
    assert "passed" in row(result, "double-value")
    assert "not run" in row(result, "half-value")


@sandbox
def test_check_goes_on_after_an_endless_cell(desk, way):
    start = time.monotonic()
    nb = mini({**RIGHT, "double": ENDLESS})
    result = run("check", write(nb), "--seconds", "1")
    assert time.monotonic() - start < 20
    assert result.exit_code == 1
    assert "Code cell 1, under “1. Double”, stops with an error" in result.output
    assert "is there an endless loop?" in result.output
    assert "failed" in row(result, "double-value")
    assert "passed" in row(result, "half-value")


@kernel
def test_check_survives_a_kernel_that_dies(desk, way):
    result = run("check", write(mini({**RIGHT, "half": "import os\nos._exit(9)"})))
    assert result.exit_code == 1
    assert "under “2. Half”, ended the Python process" in result.output
    assert "not run" in row(result, "half-value")


@sandbox
def test_check_survives_code_that_ends_python(desk, way):
    result = run("check", write(mini({**RIGHT, "half": "import os\nos._exit(9)"})))
    assert result.exit_code == 1
    assert "under “2. Half”, stops with an error\nYour code ended Python" in result.output
    assert "passed" in row(result, "double-value")
    assert "failed" in row(result, "half-value")


@sandbox
def test_check_says_of_each_function_that_ends_python(desk, way):
    ends = "import os\ndef {0}(x):\n    os._exit(9)"
    nb = mini({name: ends.format(name) for name in ("double", "half")})
    result = run("check", write(nb))
    for test in ("double-value", "half-value"):
        assert "failed" in row(result, test)
        assert f"\n{test}\nYour code ended Python" in result.output


@sandbox
def test_check_says_once_what_was_not_run(desk, way):
    nb = mini(RIGHT)
    nb.cells[4:4] = [new_code_cell("import os\nos._exit(9)") for _ in range(20)]
    result = run("check", write(nb))
    assert result.exit_code == 1
    assert "passed" in row(result, "double-value")
    assert "not run" in row(result, "half-value")
    assert result.output.count("Nothing was run after what happened in cell ") == 1
    assert "This was not run" not in result.output


@kernel
def test_check_says_that_a_test_was_stopped(desk, way):
    endless = "def half(x):\n    while True:\n        pass"
    result = run("check", write(mini({**RIGHT, "half": endless})), "--seconds", "1")
    assert "half-value\nIt did not end in time: is there an endless loop?" in result.output
    assert "KeyboardInterrupt" not in result.output


@sandbox
def test_check_confines_the_code(desk, way):
    Path("mine.txt").write_text("mine")
    reads = f"text = open({str(desk / 'mine.txt')!r}).read()\n{RIGHT['half']}"
    result = run("check", write(mini({**RIGHT, "half": reads})))
    assert result.exit_code == 1
    assert "PermissionError" in result.output
    assert "without the grader's sandbox" not in result.output


def test_check_says_where_a_cell_of_ones_own_stops(desk, way):
    nb = mini(RIGHT, "Because.")
    nb.cells.insert(4, new_code_cell("1 / 0"))
    result = run("check", write(nb))
    assert result.exit_code == 0
    assert "Code cell 3, under “1. Double”, stops with an error\nZeroDivision" in result.output


@sandbox
def test_check_tells_what_the_grader_would_ask_a_person(desk, way):
    nb = mini(RIGHT, "Because.")
    nb.cells.insert(6, new_code_cell("def half(x):\n    return x / 3"))
    result = run("check", write(nb))
    assert "cell 7 defines half as well" in result.output


@kernel
def test_check_says_when_it_goes_without_the_sandbox(desk, way):
    result = run("check", write(mini(RIGHT, "Because.")))
    line = "Checked without the grader's sandbox: the sandbox needs Linux.\n"
    assert result.output.startswith(line)


def test_check_goes_on_where_the_grader_cannot(desk, monkeypatch):
    failed = SimpleNamespace(grade=lambda *_, **__: Report("failed", "no processes left"))
    monkeypatch.setattr(doctor, "sandbox_lack", lambda: None)
    monkeypatch.setattr(cli, "_warm", lambda: contextlib.nullcontext(failed))
    result = run("check", write(mini(RIGHT, "Because.")))
    assert result.exit_code == 0
    assert "no processes left" in result.output


@sandbox
def test_check_refuses_a_notebook_of_the_right_name_without_answers(desk, way):
    nb = mini()
    nb.cells = [cell for cell in nb.cells if not cell.metadata.get("nbgrader", {}).get("solution")]
    result = run("check", write(nb))
    assert result.exit_code == 2
    assert "was the right file handed in?" in result.output


def test_check_shows_what_looks_like_markup_as_it_is(desk, way):
    nasty = "def half(x):\n    raise ValueError('[bold]shape[/] \\x1b[31m(3,)')"
    result = run("check", write(mini({**RIGHT, "half": nasty})))
    assert "ValueError: [bold]shape[/] (3,)" in result.output


def test_check_bounds_a_long_message(desk, way):
    result = run(
        "check", write(mini({**RIGHT, "half": "def half(x):\n    raise ValueError('a' * 10**6)"}))
    )
    assert len(result.output) < 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"cells": [', "damaged or no notebook"),
        (b"\xff\xfe\x00", "damaged or no notebook"),
        (b"", "damaged or no notebook"),
        (b"[]", "no notebook"),
        (b'{"a": 1}', "no notebook"),
        (b'{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "no notebook"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "no graded cells"),
    ],
)
def test_check_refuses_what_is_no_notebook_in_one_line(desk, content, message):
    Path("other.ipynb").write_bytes(content)
    result = run("check", "other.ipynb")
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.splitlines()) == 1


def test_check_says_where_it_looked_for_a_missing_file(desk):
    result = run("check", "mini.ipynb")
    assert result.exit_code == 2
    assert f"no such notebook in {desk}" in result.output


def test_check_of_a_folder_names_the_notebook_in_it(desk):
    Path("week1").mkdir()
    Path("week1/mini.ipynb").touch()
    result = run("check", "week1")
    assert result.exit_code == 2
    assert f"week1: is a folder. Name the notebook in it, such as {Path('week1/mini.ipynb')}." in (
        result.output
    )


def runs_in(folder):
    """Whether the cell has begun; unlike `rglob`, a walk goes on where a folder has just gone."""
    return any("running" in files for _, _, files in os.walk(folder))


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT, which Windows does not have")
def test_check_ends_cleanly_on_ctrl_c(desk, way):
    write(mini({**RIGHT, "double": "open('running', 'w').close()\nimport time\ntime.sleep(300)"}))
    code = textwrap.dedent(
        """
        import tempfile, sys
        tempfile.tempdir = sys.argv[1]
        from pathlib import Path
        from losscourse import cli, doctor
        cli._carried_folder = lambda: Path(sys.argv[2])
        if sys.argv[3] == "kernel":
            doctor.sandbox_lack = lambda: "the sandbox is not here"
        cli.app(["check", "mini.ipynb"])
        """
    )
    scratch = desk.parent / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(scratch), str(desk.parent / "carried"), way],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not runs_in(scratch) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert runs_in(scratch)
        kernels = children(process.pid)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Stopped. Nothing was changed." in output
    assert "Traceback" not in output
    assert not list(scratch.iterdir())
    assert kernels
    assert not [kernel for kernel in kernels if runs(kernel)]


def children(pid):
    import psutil

    return psutil.Process(pid).children(recursive=True)


def runs(process):
    """Whether a process has not ended; one that nobody has reaped yet has."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
