"""A class on a Dask cluster: real processes on this machine, some of them killed."""

import asyncio
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import dask.config
import pytest
from distributed import Client
from typer.testing import CliRunner

import losscourse
from benchmarks.cluster import local_cluster
from losscourse import cli
from losscourse.grading import cluster as clusters
from losscourse.grading import wire, worker
from losscourse.grading.cluster import Cluster
from losscourse.grading.coordinator import Coordinator, GradersGone
from losscourse.grading.course import CannotStart
from losscourse.grading.judge import Step
from tests.grading import runs
from tests.grading.notebooks import double_and_triple, text
from tests.grading.runs import children, export, wait_for

pytestmark = pytest.mark.slow

DOUBLE, TRIPLE = "def double(x):\n    return 2 * x", "def triple(x):\n    return 3 * x"
KINDS = [
    {"double": DOUBLE, "triple": TRIPLE},
    {"double": "def double(x):\n    return x", "triple": "def triple(x): return abs(3 * x)"},
    {"double": "import time\ntime.sleep(0.2)\n" + DOUBLE, "triple": ""},
    {"double": "def double(x) return", "triple": TRIPLE, "essay": "*Your answer here.*"},
    {"double": "import os\nos.abort()", "triple": TRIPLE},
]
CLASS = {f"student-{n:02}": text(**KINDS[n % len(KINDS)]) for n in range(30)}
CLASS["student-11"] = CLASS["student-00"][:700]
STEPS = [
    Step("student", "read", "def read():\n    return open('data.csv').read()"),
    Step("test", "t", "from losscourse import checks\nchecks.call(read).gives('1,2')", 5),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course whose class has handed in, nothing graded."""
    folder = tmp_path_factory.mktemp("made") / "course"
    return runs.make(folder, "sqlite:///gradebook.db", {"ps": double_and_triple()}, CLASS, {})


@pytest.fixture
def course(made, tmp_path):
    """A course of its own, nothing graded."""
    return shutil.copytree(made, tmp_path / "course")


@pytest.fixture(scope="module")
def undisturbed(made, tmp_path_factory):
    """The exported grades of a run on this machine."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("whole") / "course")
    assert grade(folder).exit_code == 1
    scores = {
        row["student_id"]: row["raw_score"]
        for row in csv.DictReader(export(folder).decode().splitlines())
    }
    assert (scores["student-00"], scores["student-01"], scores["student-11"]) == ("15.0", "2.0", "")
    return export(folder)


@pytest.fixture(scope="module")
def two():
    """A cluster of two workers, for the tests that leave it two."""
    with local_cluster(workers=2) as cluster:
        yield cluster


def grade(course, *arguments):
    return CliRunner().invoke(cli.app, ["grade", "ps", "--course", str(course), *arguments])


def state_of(course):
    return {name: one.state for name, one in runs.states_of(course).items()}


def offspring(pid):
    """Return the processes that a process has started, and those that they have."""
    found = children(pid)
    return found + [below for child in found for below in offspring(child)]


def test_a_worker_killed_on_the_way_costs_nobody_a_grade(course, two, undisturbed, monkeypatch):
    monkeypatch.chdir(course)
    said, outcomes = [], []
    victim = two.workers[0]
    with (
        Cluster(str(two.file), tell=said.append) as cluster,
        Coordinator("ps", make_warm=cluster.ready, remote=True) as coordinator,
    ):
        wait_for(lambda: cluster.ready().hands == 4, 120)
        for outcome in coordinator.run(coordinator.submissions(), workers=lambda: cluster.hands):
            outcomes.append(outcome)
            if len(outcomes) == 8:
                warm = offspring(victim.pid)
                victim.kill()
        wait_for(lambda: len(said) >= 2, 60)
    two.replace(victim)
    assert warm
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in warm), 60)
    assert [line for line in said if line.startswith("1 worker ")]
    assert len(outcomes) == len(CLASS)
    assert export(course) == undisturbed
    assert not list((course / "autograded").glob("*/.*"))


def test_the_command_waits_for_workers_and_goes_on_after_ctrl_c(
    course, undisturbed, tmp_path, monkeypatch
):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("TMPDIR", tempfile.tempdir)
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
    with local_cluster(workers=0) as cluster:
        run = runs.start(course, cluster=cluster.address)
        wait_for(lambda: "No worker at" in said(course), 120)
        first = cluster.add_worker()
        wait_for(lambda: graded(course) > 3, 120)
        first.kill()
        wait_for(lambda: said(course).count("No worker at") == 2, 120)
        before = graded(course)
        cluster.add_worker()
        wait_for(lambda: graded(course) > before + 2, 120)
        os.kill(run.pid, signal.SIGINT)
        run.join(120)
        assert run.exitcode == 130
        assert "the same command goes on from here" in said(course)
        failed = [line for line in said(course).splitlines() if ": failed" in line]
        assert all(line.startswith("student-11: ") for line in failed)  # it is cut off
        assert set(state_of(course).values()) <= {"queued", "graded", "needs a person", "failed"}
        assert "queued" in state_of(course).values()

        assert grade(course, "--cluster", str(cluster.file)).exit_code == 1
        processes = [cluster.scheduler.pid, *(worker.pid for worker in cluster.workers)]
        processes += [pid for process in processes for pid in offspring(process)]
    assert export(course) == undisturbed
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), 60)
    left = [path.name for path in (tmp_path / "tmp").iterdir()]
    assert not [name for name in left if not name.startswith("pymp-")]  # multiprocessing's own


def graded(course):
    return said(course).count(": graded")


def said(course):
    return (course / "said").read_text() if (course / "said").exists() else ""


def test_files_of_the_assignment_reach_the_worker(two):
    with Cluster(two.address) as cluster:
        cluster.ready()
        files = {"data.csv": b"1,2"}
        reports = [cluster.grade(STEPS, ["read"], files=files) for _ in range(2)]
        without = cluster.grade(STEPS, ["read"])
    assert [(report.state, report.score) for report in reports] == [("graded", 5)] * 2
    assert without.score == 0
    assert "data.csv" in without.verdicts[1].message


def test_where_the_scheduler_goes_the_run_stops_and_nobody_has_failed(course, monkeypatch):
    monkeypatch.chdir(course)
    monkeypatch.setattr(clusters, "_PATIENCE", 1.0)
    with (
        local_cluster(workers=0) as alone,
        Cluster(alone.address, tell=lambda _: alone.scheduler.kill()) as cluster,
        Coordinator("ps", make_warm=cluster.ready, remote=True) as coordinator,
    ):
        with pytest.raises(GradersGone, match=rf"scheduler at {alone.address} is gone"):
            list(coordinator.run(coordinator.submissions(), workers=lambda: cluster.hands))
        coordinator.requeue()
    assert set(state_of(course).values()) == {"queued"}


def test_a_worker_with_other_code_or_no_sandbox_is_not_used(course, tmp_path):
    other, bare = tmp_path / "other", tmp_path / "bare"
    shutil.copytree(Path(losscourse.__file__).parent, other / "losscourse")
    with (other / "losscourse" / "grading" / "judge.py").open("a") as code:
        code.write("\nReport.plain = lambda self: {'state': 'failed', 'verdicts': []}\n")
    bare.mkdir()
    (bare / "sandlock.py").write_text("min_landlock_abi = lambda: 6\nlandlock_abi_version = int\n")
    with local_cluster(workers=0) as cluster:
        for folder in (other, bare):
            path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
            cluster.add_worker(PYTHONPATH=path)
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
            done = grade(course, "--cluster", cluster.address)
            assert done.exit_code == 2
            assert f"the coordinator has {worker.VERSIONS['losscourse']}" in done.output
            assert "this kernel" in done.output
            assert "can be used" in done.output
            assert not state_of(course)

            with Cluster(cluster.address) as unsafe, ThreadPoolExecutor(6) as threads:
                assert unsafe.ready(confined=False).hands == 2  # the one without the sandbox
                ask = partial(unsafe.grade, STEPS, ["read"], files={"data.csv": b"1,2"})
                answers = [threads.submit(ask) for _ in range(6)]
                reports = [answer.result() for answer in answers]
            assert [(one.score, one.sandbox) for one in reports] == [(5, False)] * 6

            by_process = {pid: address for address, pid in client.run(os.getpid).items()}
            address = by_process[cluster.workers[1].pid]
            job = {"steps": [], "names": [], "times": {}, "confined": True}
            answer = client.submit(
                worker.grade, wire.encode(job), b"", workers=[address], pure=False
            ).result()
    report = wire.decode(answer)
    assert report["state"] == "failed"
    assert f"worker {address}: Unavailable" in report["reason"]


def test_what_is_no_cluster_is_said_to_be_none(course, two, tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "_PATIENCE", 1.0)
    with Client(two.address, set_as_default=False) as client:
        client.wait_for_workers(1)
        a_worker = next(iter(client.scheduler_info()["workers"]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "notes.json").write_text("{}")
    for where, words in {
        f"tcp://127.0.0.1:{port}": "No Dask scheduler answers at tcp://127.0.0.1",
        "pigeon://coop": "No Dask scheduler answers at pigeon://coop",
        a_worker: "it is the address of a Worker",
        "somewhere.json": "no file somewhere.json",
        str(tmp_path / "notes.json"): "is no scheduler file",
    }.items():
        done = grade(course, "--cluster", where)
        assert (done.exit_code, words in " ".join(done.output.split())) == (2, True), done.output
    assert not state_of(course)


def test_where_nobody_answers_no_client_is_made_that_closes_while_another_starts(monkeypatch):
    made = []
    monkeypatch.setattr(clusters, "Client", lambda *arguments, **named: made.append(arguments))
    with pytest.raises(CannotStart):
        Cluster("pigeon://coop")
    assert not made


def test_a_scheduler_is_asked_where_a_loop_runs_already():
    async def try_it():
        with pytest.raises(CannotStart, match="unknown address scheme 'pigeon'"):
            Cluster("pigeon://coop")

    with ThreadPoolExecutor(1) as thread:  # in this one a browser's loop may run
        thread.submit(asyncio.run, try_it()).result()


def test_over_tls_who_has_no_certificate_does_not_get_in(tmp_path, monkeypatch):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=course -keyout key -out cert"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    files = {"ca-file": "cert"}
    for role in ("scheduler", "worker", "client"):
        files |= {f"{role}.cert": "cert", f"{role}.key": "key"}
    tls = {f"distributed.comm.tls.{name}": str(tmp_path / file) for name, file in files.items()}
    for name, file in tls.items():
        variable = name.replace(".", "__").replace("-", "_").upper()
        monkeypatch.setenv(f"DASK_{variable}", file)
    monkeypatch.setattr(clusters, "_PATIENCE", 2.0)
    with local_cluster(workers=1, protocol="tls") as cluster:
        assert cluster.address.startswith("tls://")
        with dask.config.set(tls), Cluster(str(cluster.file)) as there:
            wait_for(lambda: there.ready().hands == 2, 120)
        for address in (cluster.address, cluster.address.replace("tls", "tcp")):
            with pytest.raises(CannotStart, match="No Dask scheduler answers"):
                Cluster(address)


def test_without_dask_the_command_that_installs_it_is_named(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "losscourse.grading.cluster")
    done = grade(course, "--cluster", "tcp://127.0.0.1:1")
    assert done.exit_code == 2
    assert "pip install 'losscourse[cluster]'" in done.output
