"""The sandbox: each thing that it forbids is tried inside it, and shown to work without it."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from losscourse.grading import sandbox

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the sandbox is Linux's; elsewhere grading refuses to start"
)

RUN = """
import os, sys, pathlib, socket, subprocess, threading, ctypes, signal
import numpy as np
from losscourse.grading import sandbox
scratch, secret, victim = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
os.chdir(scratch)
if sys.argv[4] == "confined":
    sandbox.confine(scratch, limits=sandbox.Limits(memory=2**29, file=2**20, open_files=64, cpu=5))
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

try:
    exec(sys.argv[5])
except (OSError, MemoryError, ValueError) as error:
    print("REFUSED", type(error).__name__, error)
else:
    print("DONE")
"""

FORBIDDEN = {
    "read another's file": "secret.read_text()",
    "read through a link": "os.symlink(secret, 'link'); open('link').read()",
    "read through a hard link": "os.link(secret, 'link'); open('link').read()",
    "read through /proc/self/root": "open(f'/proc/self/root{secret}').read()",
    "list the folder beside": "os.listdir(secret.parent)",
    "list the root": "os.listdir('/')",
    "read the users": "open('/etc/passwd').read()",
    "read the environment of a process": "open(f'/proc/{victim}/environ', 'rb').read()",
    "read the memory of a process": "open(f'/proc/{victim}/mem', 'rb')",
    "write beside the scratch folder": "(scratch.parent / 'new').write_text('x')",
    "write over another's file": "secret.write_text('x')",
    "delete another's file": "secret.unlink()",
    "rename another's file": "secret.rename('mine')",
    "make a folder outside": "(scratch.parent / 'folder').mkdir()",
    "truncate another's file": "os.truncate(secret, 0)",
    "write into the libraries": "pathlib.Path(np.__file__).with_name('evil.py').write_text('x')",
    "connect": "socket.socket().connect_ex(('127.0.0.1', 9))",
    "listen": "socket.socket().bind(('127.0.0.1', 0))",
    "send a datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "a socket by its call number": "call(41 if os.uname().machine == 'x86_64' else 198, 2, 1, 0)",
    "fork": "os.fork() or os._exit(0)",
    "start a program": "subprocess.run(['true'])",
    "become a program": "os.posix_spawn('/bin/true', ['true'], {}) or 1",
    "signal a process": "os.kill(victim, 0)",
    "signal a group": "os.killpg(os.getpgid(victim), 0)",
    "leave the group": "os.setpgid(0, 0)",
    "trace a process": "call(101 if os.uname().machine == 'x86_64' else 117, 16, victim, 0, 0)",
    "set its own limits": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
    "a large file": "pathlib.Path('big').write_bytes(b'x' * 2**21)",
    "much memory": "np.ones(2**30, dtype=np.uint8)",
    "many open files": "files = [open('/dev/null') for _ in range(200)]",
}
ALLOWED = {
    "write and read in the scratch folder": "pathlib.Path('a').write_text('x'); open('a').read()",
    "import a library": "import sklearn.linear_model, xml.dom.minidom",
    "threads": "t = threading.Thread(target=print); t.start(); t.join()",
    "linear algebra": "np.linalg.svd(np.random.default_rng(0).normal(size=(200, 200)))",
    "random numbers of the system": "os.urandom(8)",
    "a moderate array": "np.ones(2**26, dtype=np.uint8)",
    "read its own limits": "import resource; resource.getrlimit(resource.RLIMIT_AS)",
    "time": "import time; time.sleep(0.01)",
}


@pytest.fixture
def attempt(tmp_path):
    """Return a function that runs code in a process of its own, confined or not."""
    scratch, secret = tmp_path / "scratch", tmp_path / "others" / "secret.txt"
    scratch.mkdir()
    secret.parent.mkdir()
    secret.write_text("the hidden test")
    victim = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    def run(code, how):
        command = [sys.executable, "-c", RUN, scratch, secret, victim.pid, how, code]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
        return done, secret

    yield run
    victim.kill()
    victim.wait()


@pytest.mark.parametrize("code", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_is_forbidden_is_refused(attempt, code):
    done, secret = attempt(code, "confined")
    assert done.stdout.startswith("REFUSED"), done.stdout + done.stderr
    assert secret.read_text() == "the hidden test"
    assert sorted(p.name for p in secret.parent.parent.iterdir()) == ["others", "scratch"]
    assert not Path(np_folder(), "evil.py").exists()


@pytest.mark.parametrize("name", [n for n in FORBIDDEN if n != "write into the libraries"])
def test_without_the_sandbox_it_can_be_done(attempt, name):
    """Else the test above would pass whatever the sandbox does."""
    done, _ = attempt(FORBIDDEN[name], "free")
    assert "DONE" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("code", ALLOWED.values(), ids=ALLOWED)
def test_honest_work_goes_on(attempt, code):
    done, _ = attempt(code, "confined")
    assert "DONE" in done.stdout, done.stdout + done.stderr


def test_a_shell_comes_to_nothing(attempt):
    done, secret = attempt(
        f"os.system('cp others/secret.txt stolen; echo > {os.devnull}')", "confined"
    )
    assert not (secret.parent.parent / "scratch" / "stolen").exists()
    assert "DONE" in done.stdout  # os.system reports its failure as a status alone


@pytest.mark.slow
def test_processor_time_has_an_end(attempt):
    done, _ = attempt("while True: pass", "confined")
    assert done.returncode < 0  # killed by the system, SIGXCPU or SIGKILL


def test_a_missing_part_stops_the_grading(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sandlock", None)
    assert "pip install sandlock" in sandbox.missing()
    monkeypatch.setattr(sandbox, "_limit", lambda limits: None)
    monkeypatch.setattr(sandbox, "_filter_calls", lambda: None)
    with pytest.raises(sandbox.Unavailable, match="sandlock"):
        sandbox.confine(tmp_path)


def test_an_unknown_machine_stops_the_grading(monkeypatch):
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "sparc")
    assert "this is sparc" in sandbox.missing()


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),  # aarch64 has no numbers of its own
}


def numbers_known(machine):
    """Return every call's number that the filter of a machine knows, by name."""
    single = {"clone": "_CLONE", "prctl": "_PRCTL", "prlimit64": "_PRLIMIT", "seccomp": "_SECCOMP"}
    single |= {"socketpair": "_SOCKETPAIR"}
    tables = sandbox._DENIED[machine] | sandbox._PRETENDED[machine] | {"clone3": sandbox._CLONE3}
    return tables | {name: getattr(sandbox, table)[machine] for name, table in single.items()}


def numbers_in(header):
    """Return the calls' numbers that a header of the kernel defines, by name."""
    found = re.findall(r"^#define __NR_(\w+)\s+(\d+)\s*$", header.read_text(), re.M)
    return {name: int(number) for name, number in found}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernels_headers(machine):
    if not HEADERS[machine].exists():
        pytest.skip("the headers of linux-libc-dev are not here")
    known, theirs = numbers_known(machine), numbers_in(HEADERS[machine])
    later = {name: n for name, n in known.items() if n > max(theirs.values())}
    assert {name: theirs.get(name) for name in known if name not in later} == {
        name: n for name, n in known.items() if name not in later
    }
    others = [numbers_known(other) for other in HEADERS]
    for name, number in later.items():  # calls younger than the headers: one number for all
        assert [other[name] for other in others] == [number] * len(others)


@pytest.mark.parametrize("table", ["_DENIED", "_PRETENDED"])
def test_both_machines_refuse_the_same_calls(table):
    """A call may be missing in a table only where that machine's kernel has none of that name."""
    if not all(header.exists() for header in HEADERS.values()):
        pytest.skip("the headers of linux-libc-dev are not here")
    names = {machine: set(getattr(sandbox, table)[machine]) for machine in HEADERS}
    for machine, header in HEADERS.items():
        elsewhere = set().union(*names.values()) - names[machine]
        assert not elsewhere & numbers_in(header).keys(), machine


@pytest.mark.slow
def test_without_what_linux_alone_has_the_grader_is_imported_and_says_what_it_needs():
    code = """
        import builtins, importlib, pkgutil, platform, sys
        only_here, load = {"fcntl", "grp", "posix", "pwd", "resource", "termios"}, __import__
        def without(name, globals=None, *rest, **more):
            ours = str((globals or {}).get("__name__")).startswith("losscourse")
            if ours and name in only_here:
                raise ModuleNotFoundError(name)
            return load(name, globals, *rest, **more)
        builtins.__import__ = without
        import losscourse.grading as package
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"losscourse.grading.{module.name}")
        from losscourse.grading import sandbox, warm
        sys.platform, platform.system = "win32", lambda: "Windows"
        try:
            warm.Warm()
        except sandbox.Unavailable as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert "the sandbox needs Linux, this is Windows" in done.stdout, done.stderr


def np_folder():
    import numpy

    return Path(numpy.__file__).parent
