"""The command `losscourse doctor`, where all is there, and where a part is missing."""

import shutil
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from losscourse import cli, doctor
from losscourse.doctor import LACKING, NOTED, THERE

linux = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course in the current folder, as the instructor's guide makes it."""
    root = Path(__file__).parents[2] / "exercises"
    shutil.copy(root / "nbgrader_config.py", tmp_path)
    (tmp_path / "source" / "mini").mkdir(parents=True)
    (tmp_path / "source" / "mini" / "mini.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def without(monkeypatch):
    """Return a function that makes packages vanish, or gives them another version."""
    real, given = metadata.version, {}

    def version(name):
        if given.get(name, "") is None:
            raise metadata.PackageNotFoundError(name)
        return given.get(name) or real(name)

    def remove(**packages):
        given.update(packages)
        for name in (name for name, found in packages.items() if found is None):
            monkeypatch.setitem(sys.modules, name, None)

    monkeypatch.setattr(metadata, "version", version)
    return remove


def run(*args):
    result = CliRunner().invoke(cli.app, ["doctor", *args], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def found(folder=None, **how):
    """Return the findings by what they are about."""
    return {x.what: x for x in doctor.examine(folder or Path.cwd(), ["ps01"], **how)}


@linux
def test_all_is_here(course):
    result = run()
    assert result.exit_code == 0, result.output
    assert "All that grading needs is here." in result.output
    assert f"{course}: mini" in result.output
    assert "missing" not in result.output


@linux
def test_without_torch_nbgrader_and_sandlock_it_names_one_command(course, without):
    without(torch=None, nbgrader=None, sandlock=None)
    result = run()
    assert result.exit_code == 1
    assert 'python -m pip install "nbgrader>=' in result.output
    assert '"sandlock>=' in result.output
    assert "PyTorch is not installed" in result.output
    assert "Not all that grading needs is here." in result.output


def test_an_old_package_is_found(course, without):
    without(numpy="1.26.4")
    packages = found(student=True)["Packages"]
    assert packages.state == LACKING
    assert "numpy is 1.26.4; the course needs >=2" in packages.found
    assert packages.mend.startswith('python -m pip install "numpy>=2')


def test_a_student_needs_neither_nbgrader_nor_a_course_nor_the_sandbox(
    tmp_path, monkeypatch, without
):
    without(torch=None, nbgrader=None, sandlock=None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_carried_sets", lambda: ["ps01"])
    result = run("--student")
    assert result.exit_code == 0, result.output
    assert "All that you need is here." in result.output


def test_a_student_needs_problem_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "_carried_sets", list)
    result = run("--student")
    assert result.exit_code == 1
    assert "make exercises" in result.output


def test_an_old_python_is_found(course, monkeypatch):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.9.6")
    assert found(student=True)["Python"].state == LACKING


@pytest.mark.parametrize("name", ["losscourse", "packaging"])
def test_what_the_doctor_stands_on_may_be_missing(course, monkeypatch, name):
    def refuse(*_):
        raise metadata.PackageNotFoundError("losscourse")

    if name == "losscourse":
        monkeypatch.setattr(metadata, "requires", refuse)
        monkeypatch.setattr(metadata, "metadata", refuse)
    else:
        for module in ("packaging.specifiers", "packaging.requirements"):
            monkeypatch.setitem(sys.modules, module, None)
    packages = found(student=True)["Packages"]
    assert packages.state == LACKING
    assert packages.mend.startswith("python -m pip install")


# --- the sandbox ---


@linux
def test_a_sandbox_that_does_not_hold_is_found(course, monkeypatch):
    trial = doctor._TRIAL.replace("sandbox.confine(scratch)", "")
    assert trial != doctor._TRIAL
    monkeypatch.setattr(doctor, "_TRIAL", trial)
    sandbox = found()["Sandbox"]
    assert sandbox.state == LACKING
    for attempt in ("read a file of yours", "change a file of yours", "open a socket"):
        assert attempt in sandbox.found


@linux
def test_a_sandbox_that_the_system_refuses_is_found(course, monkeypatch):
    refuses = "raise sandbox.Unavailable('Landlock refused: not here')"
    trial = doctor._TRIAL.replace("sandbox.confine(scratch)", refuses)
    monkeypatch.setattr(doctor, "_TRIAL", trial)
    sandbox = found()["Sandbox"]
    assert sandbox.state == LACKING
    assert "Landlock refused: not here" in sandbox.found
    assert sandbox.mend


def test_elsewhere_than_on_linux_there_is_no_sandbox(course, monkeypatch):
    monkeypatch.setattr(doctor, "sandbox_lack", lambda: "the sandbox needs Linux, this is Darwin")
    sandbox = found()["Sandbox"]
    assert sandbox.state == LACKING
    assert "virtual machine" in sandbox.mend


def test_where_no_part_of_the_sandbox_can_be_imported(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "losscourse.grading.sandbox", None)
    monkeypatch.delattr("losscourse.grading.sandbox", raising=False)
    assert "needs Linux" in found()["Sandbox"].found


def test_settings_that_turn_the_sandbox_off_are_told(course, monkeypatch):
    with Path("nbgrader_config.py").open("a") as settings:
        settings.write("\nc.RunElsewhere.sandbox = False\n")
    monkeypatch.setattr(doctor, "_tried", str)
    assert found()["Sandbox"].state == NOTED
    monkeypatch.setattr(doctor, "sandbox_lack", lambda: "the sandbox needs Linux, this is Darwin")
    assert found()["Sandbox"].state == NOTED


# --- the course, the disk, the GPU ---


@pytest.fixture
def no_trial(monkeypatch):
    monkeypatch.setattr(doctor, "_sandbox", lambda off: doctor.Finding("Sandbox", ""))


@pytest.mark.usefixtures("no_trial")
def test_the_course_may_be_in_exercises(course):
    (course / "exercises").mkdir()
    for name in ("nbgrader_config.py", "source"):
        (course / name).rename(course / "exercises" / name)
    assert found()["Course"].found == f"{course / 'exercises'}: mini"


@pytest.mark.usefixtures("no_trial")
def test_a_course_that_is_not_there_is_missed(tmp_path):
    assert found(tmp_path)["Course"].state == LACKING


@pytest.mark.usefixtures("no_trial")
def test_a_course_without_problem_sets_is_none(course):
    shutil.rmtree(course / "source")
    assert "no problem set" in found()["Course"].found


@pytest.mark.usefixtures("no_trial")
def test_a_course_that_grades_in_a_kernel_is_found(course):
    Path("nbgrader_config.py").write_text("c = get_config()\n")
    assert found()["Course"].state == LACKING
    assert "without the sandbox" in found()["Course"].found


def test_a_full_disk_is_found(course, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    assert found(student=True)["Disk"].state == LACKING


def cuda(count, properties):
    return SimpleNamespace(
        __version__="2.6",
        cuda=SimpleNamespace(device_count=lambda: count, get_device_properties=properties),
    )


def broken(_):
    raise RuntimeError("the driver is too old")


@pytest.mark.parametrize(
    ("torch", "state", "told"),
    [
        (cuda(1, lambda _: SimpleNamespace(name="H100", total_memory=80 * 2**30)), THERE, "80 GiB"),
        (cuda(0, None), NOTED, "none that PyTorch 2.6 can use"),
        (cuda(1, broken), NOTED, "the driver is too old"),
    ],
    ids=["there", "none", "broken"],
)
@pytest.mark.usefixtures("no_trial")
def test_the_gpu_is_named_and_never_missed(course, monkeypatch, torch, state, told):
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert found()["GPU"].state == state
    assert told in found()["GPU"].found
