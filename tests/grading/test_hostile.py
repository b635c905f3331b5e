"""Hostile submissions: none scores a point it did not earn, reads a byte it should not, or stays.

Each file of `hostile/` is one submission, in Python; their names end in `.txt` so that nothing ever
imports one. Its head says what it tries, what it scores, how it ends
(a pattern of the state and of what the verdicts say), and what it is guarded by:

    sandbox     what the student's process may do; off, the deed is done
    limits      what it may use; off, it uses more
    processes   the verdict falls in another process; off, tests and answers share one
    rebuild     nothing of a notebook but the solutions is taken; off, it is run as submitted
    wire        what the student's process says is not believed; off, it is

An attack is on the small problem set; one whose head says `on: wide` is on another, whose tests
give the student's code functions, measure it, open files, and ask for gradients and objects.

Each runs twice: guarded, where all that the head says must hold, and with that guard off, where it
must not: else the attack, or this test, would be idle.
"""

import contextlib
import copy
import faulthandler
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from losscourse.grading.judge import Report, Step, Verdict
from losscourse.grading.rebuild import Unreadable, read, rebuild
from losscourse.grading.sandbox import Limits
from losscourse.grading.warm import Warm
from tests.grading.weakened import Weakened

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the sandbox is Linux's; elsewhere grading refuses to start"
)

SECRET, CANARY, MARK = "opal-lantern-4821", "canary-7731", "PYTHON_HOSTILE_TESTS"
TIGHT = Limits(memory=2**29, file=2**22, open_files=48, cpu=60, disk=2**24, entries=300, threads=40)
LOOSE = Limits(memory=2**40, disk=2**40, entries=10**9, threads=10**6)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")

# ---------------------------------------------------------------- the problem set

SOLUTIONS = {
    "rate": "rate = 0.25",
    "square": "def square(x):\n    return x * x",
    "half": "def half(x):\n    if np.any(np.asarray(x) < 0):\n        raise ValueError('negative')"
    "\n    return x / 2",
}
TESTS = {
    "t-rate": (1, "assert rate == 0.25", "assert 0.2 < rate < 0.3"),
    "t-square": (
        2,
        "checks.call(square, np.asarray([1.0, -3.0])).gives(np.asarray([1.0, 9.0]))",
        "checks.call(square, np.asarray([0.5, 7.0])).gives(np.asarray([0.25, 49.0]))",
    ),
    "t-direct": (
        1,
        "assert np.allclose(square(1.5), 2.25)",
        f"password = '{SECRET}'\nassert np.allclose(square(np.asarray([4.0, 5.0])), [16.0, 25.0])",
    ),
    "t-module": (
        1,
        "import statistics\nassert statistics.fmean(square(np.asarray([1.0, 3.0]))) == 5.0",
        "assert statistics.fmean([square(2.0)]) == 4.0 or statistics.fmean([]) == 5.0",
    ),
    "t-half": (
        2,
        "checks.call(half, 3.0).gives(1.5)\nchecks.call(half, -1.0).raises(ValueError)",
        "call = checks.call(half, np.asarray([2.0, 5.0]))\ncall.keeps_inputs()\n"
        "call.gives(np.asarray([1.0, 2.5]))",
    ),
    "t-part": (1, "half(1.0) / 0.5", ""),
}
FULL = sum(points for points, _, _ in TESTS.values())
WIDE_SOLUTIONS = {
    "descend": "def descend(slope, x):\n    return x - 0.25 * slope(x)",
    "energy": "def energy(x):\n    return (x * x).sum()",
    "Counter": "class Counter:\n    def __init__(self, start):\n        self.count = start\n"
    "    def add(self, n):\n        self.count += n\n        return {'count': self.count}",
    "total": "def total(n):\n    return float(n * (n - 1) // 2)",
}
WIDE_TESTS = {
    "t-descend": (
        2,
        "checks.call(descend, lambda x: 2 * x, 4.0).gives(2.0)",
        f"password = '{SECRET}'\ndef slope(x):\n    return (x, password)[0]\n"
        "checks.call(descend, slope, 8.0).gives(6.0)",
    ),
    "t-loop": (1, "assert all(map(lambda x: descend(abs, x) == 0.75 * x, [1.0, 2.0]))", ""),
    "t-energy": (
        2,
        "x = torch.tensor([1.0, 3.0])\nchecks.gradient(energy, x).gives(2 * x)",
        "assert torch.allclose(energy(torch.tensor([2.0, 2.0])), torch.tensor(8.0))",
    ),
    "t-counter": (
        2,
        "counter = checks.make(Counter, 2)\ncounter.call('add', 3).gives({'count': 5})\n"
        "assert counter.get('count') == 5",
        "checks.make(Counter, 0).call('add', -1).gives({'count': -1})",
    ),
    "t-file": (1, "assert total(int(np.loadtxt('sizes.csv'))) == 45.0", ""),
    "t-memory": (
        1,
        "call = checks.measure(total, 10**7)\ncall.gives(49999995000000.0)\n"
        "call.at_most(bytes=1e6)",
        "",
    ),
}
WIDE_FILES = {"sizes.csv": b"10\n"}


def graded_cell(name, text, *, points=0, solution=False):
    data = {"grade_id": name, "grade": points > 0, "solution": solution, "locked": not solution}
    data |= {"schema_version": 3, "task": False} | ({"points": points} if points else {})
    return new_code_cell(text, metadata={"nbgrader": data})


def make_notebook(answers=SOLUTIONS, *, hidden=True, wide=False):
    """Return the source, or what a student hands in."""
    imports = "import numpy as np\nfrom losscourse import checks" + "\nimport torch" * wide
    cells = [
        new_markdown_cell("A small problem set."),
        graded_cell("setup", imports),
    ]
    for name in WIDE_SOLUTIONS if wide else SOLUTIONS:
        cells.append(graded_cell(name, answers.get(name, ""), solution=True))
    for name, (points, shown, kept) in (WIDE_TESTS if wide else TESTS).items():
        kept = f"### BEGIN HIDDEN TESTS\n{kept}\n### END HIDDEN TESTS\n" if hidden else ""
        text = f"{kept}{shown}" if name == "t-part" else f"{shown}\n{kept}"
        cells.append(graded_cell(name, text, points=points))
    return new_notebook(cells=cells)


SOURCE, WIDE = make_notebook(), make_notebook(WIDE_SOLUTIONS, wide=True)

# ---------------------------------------------------------------- the attacks


@dataclass(frozen=True)
class Attack:
    name: str
    scores: float
    ends: str
    guard: str
    seconds: float
    wide: bool
    answers: dict[str, str]
    notebook: str

    @classmethod
    def parse(cls, path):
        head, answers, part = {}, {}, "square"
        for line in path.read_text().splitlines():
            key, colon, value = line.removeprefix("# ").partition(":")
            if (
                line.startswith("# ")
                and colon
                and key in ("scores", "ends", "guarded by", "seconds", "on")
            ):
                head[key] = value.strip()
            elif line.startswith("# cell:"):
                part = value.strip()
            else:
                answers[part] = answers.get(part, "") + line + "\n"
        return cls(
            path.stem,
            float(head["scores"]),
            head["ends"],
            head["guarded by"],
            float(head.get("seconds", 10.0)),
            head.get("on") == "wide",
            {name: text for name, text in answers.items() if name != "notebook"},
            answers.get("notebook", ""),
        )

    def submitted(self, world):
        """Return the notebook that is handed in; its first cell knows what there is to attack."""
        nb = make_notebook(self.answers, hidden=False, wide=self.wide)
        cells = {c.metadata.nbgrader.grade_id: c for c in nb.cells if "nbgrader" in c.metadata}
        exec(
            self.notebook, {"nb": nb, "cells": cells, "copy": copy, "new_code_cell": new_code_cell}
        )
        nb.cells.insert(0, new_code_cell(world.told()))
        return nb


ATTACKS = [Attack.parse(p) for p in sorted(Path(__file__).with_name("hostile").glob("*.txt"))]


class World:
    """What is around a submission: files, a process and listeners that it must not touch."""

    def __init__(self, folder):
        self.folder = folder
        self.canary, self.source = folder / "canary.txt", folder / "source.ipynb"
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.unix.bind(str(folder / "listener"))
        self.tcp.setblocking(False)
        self.unix.setblocking(False)
        self.victim = None
        self.reset()

    def reset(self):
        if self.victim:
            self.victim.kill()
            self.victim.wait()
        for path in self.folder.iterdir():
            if path.name != "listener":
                path.unlink()
        self.canary.write_text(CANARY)
        self.canary.chmod(0o640)
        self.source.write_text(json.dumps(SOURCE))
        self.victim = subprocess.Popen(["sleep", "600"], env={})
        self.before = self.state()

    def told(self):
        port, victim = self.tcp.getsockname()[1], self.victim.pid
        return (
            f"CANARY, BESIDE, SOURCE = {str(self.canary)!r}, {str(self.folder)!r}, "
            f"{str(self.source)!r}\nPORT, VICTIM = {port}, {victim}"
        )

    def state(self):
        files = [(p.name, os.lstat(p)) for p in sorted(self.folder.iterdir())]
        victim = self.victim.poll()
        if victim is None:
            pid = self.victim.pid
            victim = (os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid))
        return (
            [(name, s.st_mode, s.st_mtime_ns, s.st_nlink, s.st_size) for name, s in files],
            os.listxattr(self.canary) if self.canary.exists() else None,
            victim,
            [self._came(self.tcp.accept), self._came(lambda: self.unix.recv(10))],
        )

    def changes(self):
        now = self.state()
        return [f"{a} became {b}" for a, b in zip(self.before, now, strict=True) if a != b]

    def close(self):
        self.victim.kill()
        self.victim.wait()
        self.tcp.close()
        self.unix.close()

    @staticmethod
    def _came(look):
        with contextlib.suppress(BlockingIOError):
            return bool(look())
        return False


def faults(attack, report, world, scratch):
    """Say which promises do not hold after a submission."""
    texts = [report.state, report.reason]
    texts += [text for v in report.verdicts for text in (v.message, v.printed)]
    whole = "\n".join(texts)
    found = world.changes()
    if not re.search(attack.ends, whole):
        found.append(f"it does not end with {attack.ends!r}: {whole[:3000]!r}")
    if report.score != attack.scores:
        found.append(f"it scores {report.score:g}, not {attack.scores:g}: {whole[:3000]!r}")
    for word in (SECRET, CANARY, "DONE"):
        if word in whole:
            found.append(f"it shows {word}: {whole[:1000]!r}")
    if CONTROL.search(whole) or any(len(text) > 20_000 for text in texts):
        found.append("a text is too long, or steers the terminal")
    if paths := left_over(scratch):
        found.append(f"it leaves {paths}")
    if pids := left_behind():
        found.append(f"it leaves processes {pids}")
    return found


def left_over(scratch):
    """Return what is in the folders that the warm parents hold, or beside them."""
    held = [warm._scratch.path for warm in STARTED.values()]
    return [path for folder in [scratch, *held] for path in folder.iterdir() if path not in held]


def left_behind():
    """Return the processes that a warm parent has forked and that are still there."""
    for _ in range(40):
        pids = marked() - PARENTS
        if not pids:
            break
        time.sleep(0.05)
    return pids


PARENTS: set[int] = set()
STARTED: dict[str, Warm] = {}


def marked():
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={os.getpid()}\0".encode() in path.read_bytes():
                found.add(int(path.parent.name))
    return found


def sweep(scratch):
    """Remove what an attack without its guard has left."""
    for pid in marked() - PARENTS:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-rf", *left_over(scratch)], check=True)


# ---------------------------------------------------------------- grading them


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def parents(scratch):
    """Return the warm parents, each of which starts when it is first asked for."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("TMPDIR", str(scratch))
        patch.setenv(MARK, str(os.getpid()))
        patch.setenv("DATABASE_PASSWORD", CANARY)

        def start(name):
            if name not in STARTED:
                STARTED[name] = stack.enter_context(_start(name))
                PARENTS.add(STARTED[name]._process.pid)
            return STARTED[name]

        yield start
    STARTED.clear()


def _start(name):
    if name == "guarded":
        return Warm(limits=TIGHT)
    if name == "free":
        return Warm(confined=False, limits=LOOSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("losscourse.grading.warm._environment", lambda: dict(os.environ))
        return Weakened(limits=LOOSE_MEMORY)


LOOSE_MEMORY = Limits(memory=2**31, disk=2**40, entries=10**9, threads=10**6)


@pytest.fixture(scope="module")
def _world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


@pytest.fixture
def world(_world, scratch):
    yield _world
    sweep(scratch)
    _world.reset()


def grade(warm, nb, seconds=10.0, *, wide=False):
    try:
        rebuilt = rebuild(WIDE if wide else SOURCE, read(json.dumps(nb).encode()))
    except Unreadable as error:
        return Report("failed", str(error))
    return warm.grade(
        rebuilt.steps,
        rebuilt.names,
        files=WIDE_FILES if wide else {},
        cell_seconds=seconds,
        total_seconds=60.0,
    )


def grade_in_one_process(cells, folder):
    """Grade as one kernel does in which answers and tests share a namespace."""
    from IPython.core.interactiveshell import InteractiveShell

    end, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            signal.alarm(20)
            faulthandler.disable()
            os.chdir(folder)
            sys.path.insert(0, "")
            os.dup2(os.open(os.devnull, os.O_RDWR), 2)
            InteractiveShell.clear_instance()
            shell = InteractiveShell.instance()
            shell.showtraceback = lambda *args, **kwargs: None
            verdicts = [_run_cell(shell, cell) for cell in cells if cell.cell_type == "code"]
            with open(theirs, "w") as pipe:
                json.dump(Report("graded", "", verdicts).plain(), pipe)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(end, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return Report.from_plain(json.loads(data)) if data else Report("failed", "no answer")


def _run_cell(shell, cell):
    data = cell.metadata.get("nbgrader", {})
    verdict = Verdict(data.get("grade_id", ""), "test", data.get("points", 0))
    if "skip-execution" in cell.metadata.get("tags", []):
        verdict.score = verdict.points
        return verdict
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        done = shell.run_cell(cell.source, store_history=False)
    verdict.printed = printed.getvalue()[:20_000]
    if data.get("grade"):
        part = done.result if isinstance(done.result, float) else None
        part = part if part is not None and 0 <= part <= verdict.points else verdict.points
        verdict.score = part if done.success else 0.0
    return verdict


def with_tests_of_source(nb, source):
    """Return a submission with the instructor's tests put back, as an autograder does."""
    nb, theirs = (
        copy.deepcopy(nb),
        {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in source.cells},
    )
    for cell in nb.cells:
        data = cell.metadata.get("nbgrader", {})
        if data and not data.get("solution"):
            cell.source = theirs[data["grade_id"]].source
    return nb


def unguarded(attack, nb, parents, tmp_path, monkeypatch):
    if attack.guard == "processes":
        for name, content in WIDE_FILES.items():
            (tmp_path / name).write_bytes(content)
        source = WIDE if attack.wide else SOURCE
        return grade_in_one_process(with_tests_of_source(nb, source).cells, tmp_path)
    if attack.guard == "rebuild":
        return grade_in_one_process(nb.cells, tmp_path)
    if attack.guard == "limits":
        monkeypatch.setattr("losscourse.grading.rebuild.MOST_BYTES", 2**40)
        return grade(parents("free"), nb, wide=attack.wide)
    warm = parents({"sandbox": "free", "wire": "weakened"}[attack.guard])
    return grade(warm, nb, attack.seconds, wide=attack.wide)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_it_gains_nothing_and_leaves_nothing(attack, parents, world, scratch):
    warm = parents("guarded")
    report = grade(warm, attack.submitted(world), attack.seconds, wide=attack.wide)
    assert not faults(attack, report, world, scratch)
    after = grade(warm, make_notebook(hidden=False))
    assert (after.state, after.score) == ("graded", FULL), after


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_without_its_guard_it_would(attack, parents, world, scratch, tmp_path, monkeypatch):
    report = unguarded(attack, attack.submitted(world), parents, tmp_path, monkeypatch)
    assert "warm parent is gone" not in report.reason
    assert faults(attack, report, world, scratch)


def test_honest_answers_to_the_wide_set_score_all(parents):
    nb = make_notebook(WIDE_SOLUTIONS, hidden=False, wide=True)
    report = grade(parents("guarded"), nb, wide=True)
    assert (report.state, report.score) == ("graded", 9.0), report


def test_there_are_enough_of_every_kind():
    assert len(ATTACKS) >= 60
    assert {a.guard for a in ATTACKS} == {"sandbox", "limits", "processes", "rebuild", "wire"}


def test_a_test_that_takes_any_error_gives_no_points_for_an_end_or_a_delay(parents):
    careless = "try:\n    half(-1.0)\nexcept Exception:\n    pass\nelse:\n    raise AssertionError"
    ends = {"raise ValueError": 1.0, "import os; os._exit(0)": 0.0}
    ends["\n  while True: pass"] = 0.0
    for body, score in ends.items():
        steps = [Step("student", "half", f"def half(x): {body}"), Step("test", "t", careless, 1.0)]
        report = parents("guarded").grade(steps, ["half"], cell_seconds=0.5)
        assert (report.state, report.score) == ("graded", score)


@pytest.mark.slow
@pytest.mark.parametrize(
    "test",
    [
        "for _ in range(rate): pass",
        "for _ in range(rate):\n    try:\n        list(range(10**5))\n    except Exception: pass",
        "np.ones(rate)",
    ],
)
def test_a_value_cannot_make_a_test_go_on_for_ever(parents, test):
    steps = [
        Step("setup", "setup", "import numpy as np"),
        Step("student", "rate", "rate = 10**11"),
        Step("test", "t", test, 1.0),
    ]
    report = parents("guarded").grade(steps, ["rate"], total_seconds=1.0)
    assert (report.state, report.score) == ("graded", 0.0), report


@pytest.mark.slow
def test_a_test_that_catches_everything_does_not_go_on_for_ever(parents):
    held = "while rate:\n    try:\n        for _ in range(10**6): pass\n    except:\n        pass"
    steps = [Step("student", "rate", "rate = 1"), Step("test", "t", held, 1.0)]
    start = time.monotonic()
    report = parents("guarded").grade(steps, ["rate"], total_seconds=1.0)
    assert (report.state, time.monotonic() - start < 30) == ("failed", True), report
    assert left_behind() == set()


@pytest.mark.slow
def test_a_parent_takes_no_module_from_the_folder_in_which_it_is_started(tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    (tmp_path / "json.py").write_text(f"open({str(seen)!r}, 'w').close()\nraise SystemExit")
    subprocess.run([*Warm._command, "0", "{}"], cwd=tmp_path, check=False)
    assert seen.exists()
    seen.unlink()
    monkeypatch.chdir(tmp_path)
    with Warm() as warm:
        report = grade(warm, make_notebook(hidden=False))
    assert (report.state, report.score, seen.exists()) == ("graded", FULL, False)


@pytest.mark.slow
def test_another_environment_that_is_active_lends_no_module(tmp_path, monkeypatch):
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = tmp_path / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "colorsys.py").write_text("rgb_to_hsv = None")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    test = "from losscourse import checks\nchecks.call(value, 1.0, 1.0, 1.0).gives(1.0)"
    code = "import colorsys\ndef value(*rgb):\n    return colorsys.rgb_to_hsv(*rgb)[2]"
    with Warm() as warm:
        report = warm.grade([Step("student", "code", code), Step("test", "t", test, 1)], ["value"])
    assert (report.state, report.score) == ("graded", 1.0), report.verdicts
