"""The sandbox around a student's code: what this process may read, write, use and reach, for good.

`confine` takes hold of the process that calls it, which is forked for one submission. Files are
closed by Landlock (through `sandlock`), system calls by a seccomp filter, appetite by resource
limits. It fails closed: where a part of it cannot be had, it raises `Unavailable`, and no student's
code runs.

What is left to the code: it reads the interpreter's libraries and the folders that are named, and
writes to one scratch folder. It opens no socket, starts no program and no other process, looks into
none, signals none and slows none down.

What is not closed: the code can learn whether a file exists whose path it guesses, its size and its
dates, for Landlock does not guard `stat`.
"""

import ctypes
import os
import platform
import struct
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Limits",
    "Unavailable",
    "confine",
    "excess",
    "interpreter_paths",
    "limit_memory",
    "missing",
]


class Unavailable(RuntimeError):
    """A part of the sandbox that this machine does not have; the message says which, and why."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Args:
        memory: Bytes of address space beyond what the process has when it is confined.
        file: Bytes of one file.
        open_files: Descriptors.
        cpu: Seconds of processor time in all.
        disk: Bytes in the scratch folder.
        entries: Files and folders in it.
        threads: Threads at one time.
    """

    memory: int = 2 * 2**30
    file: int = 32 * 2**20
    open_files: int = 64
    cpu: int = 600
    disk: int = 256 * 2**20
    entries: int = 2000
    threads: int = 64


def confine(scratch: Path, *, readable: Sequence[Path] = (), limits: Limits | None = None) -> None:
    """Confine this process, and whatever it becomes, irreversibly.

    Args:
        scratch: The one folder that it may write to.
        readable: More that it may read, beside the interpreter's libraries.
        limits: What it may use.

    Raises:
        Unavailable: A part of the sandbox cannot be had. The process must then end.
    """
    _limit(limits or Limits())
    _close_files(scratch, [*interpreter_paths(), *readable])
    _filter_calls()


def missing() -> str | None:
    """Say what this machine lacks for the sandbox and how to get it, or return None.

    Returns:
        One sentence, or None where `confine` can work.
    """
    if sys.platform != "linux":
        return f"the sandbox needs Linux, this is {platform.system()}: grade in a virtual machine"
    if platform.machine() not in _ARCHITECTURES:
        return f"the sandbox knows {', '.join(_ARCHITECTURES)}, this is {platform.machine()}"
    try:
        import sandlock
    except ImportError:
        return "the sandbox needs the package sandlock: python -m pip install sandlock"
    have, need = sandlock.landlock_abi_version(), sandlock.min_landlock_abi()
    if have < need:
        return (
            f"the sandbox needs Landlock {need}, which Linux has since 6.12; this kernel, "
            f"{platform.release()}, has {'none' if have < 1 else have}"
        )
    return None


def excess(pid: int, scratch: Path, limits: Limits) -> str:
    """Say what a confined process has taken too much of, seen from outside; nothing, if it has not.

    The system counts no bytes of a folder and no threads of one process, so somebody has to look.

    Args:
        pid: The process.
        scratch: Its folder.
        limits: What it may use.

    Returns:
        A sentence for the student, or "".
    """
    size = entries = 0
    folders = [str(scratch)]
    try:
        while folders and entries <= limits.entries and size <= limits.disk:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    if entries > limits.entries:
                        break
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    except FileNotFoundError:
        pass  # removed while we looked
    except OSError:
        return "Your code made folders that cannot be read."
    if size > limits.disk or entries > limits.entries:
        return (
            f"Your code wrote more than {limits.disk // 2**20} MiB or {limits.entries} files, and "
            "was stopped."
        )
    try:
        threads = len(os.listdir(f"/proc/{pid}/task"))
        user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    except OSError:
        return ""  # it has ended
    if threads > limits.threads:
        return f"Your code ran {threads} threads at once, and was stopped."
    if (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") >= limits.cpu:
        return f"Your code used more than {limits.cpu} s of processor time, and was stopped."
    return ""


def interpreter_paths() -> list[Path]:
    """Return what Python and its libraries are read from: nothing of the course, no home."""
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    paths += [sys.base_prefix + "/lib", "/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo"]
    paths += ["/usr/share/fonts", "/usr/local/share/fonts"]  # matplotlib knows of them
    paths += ["/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/zero"]
    found = {Path(path).resolve() for path in paths if path and Path(path).exists()}
    return sorted(found)


def limit_memory(more: int) -> None:
    """Limit this process's address space.

    Args:
        more: Bytes beyond what it has now.
    """
    import resource  # not on Windows, where the rest of the grader can still be imported

    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + more, size + more))


def _limit(limits: Limits) -> None:
    """Set the resource limits; no core dump, so that memory never lands in a file."""
    import resource

    limit_memory(limits.memory)
    for kind, most in (
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CPU, limits.cpu + 1),  # a kill; by then `excess` sees why
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _close_files(scratch: Path, readable: Sequence[Path]) -> None:
    """Let Landlock close all files but these, and signals and abstract sockets of others."""
    if lack := missing():
        raise Unavailable(lack)
    import sandlock

    policy = sandlock.Sandbox(
        fs_readable=[str(path) for path in readable], fs_writable=[str(scratch)]
    )
    try:
        sandlock.confine(policy)
    except Exception as error:
        raise Unavailable(f"Landlock refused: {error}") from error


# --- system calls ---------------------------------------------------------------------------------

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH of the machines whose call numbers are known here."""

_DENIED = {
    "x86_64": {
        "socket": 41, "connect": 42, "bind": 49, "listen": 50, "vfork": 58, "fork": 57,
        "execve": 59, "kill": 62, "ptrace": 101, "mount": 165, "umount2": 166, "swapon": 167,
        "reboot": 169, "init_module": 175, "chroot": 161, "pivot_root": 155, "acct": 163,
        "setpgid": 109, "setsid": 112, "keyctl": 250, "add_key": 248, "request_key": 249,
        "unshare": 272, "perf_event_open": 298, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "bpf": 321, "execveat": 322,
        "userfaultfd": 323, "io_uring_setup": 425, "pidfd_send_signal": 424, "pidfd_open": 434,
        "pidfd_getfd": 438, "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240,
        "setrlimit": 160, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297,
        "shmat": 30, "shmctl": 31, "semop": 65, "semctl": 66, "semtimedop": 220, "msgsnd": 69,
        "msgrcv": 70, "msgctl": 71, "mq_unlink": 241, "memfd_create": 319, "memfd_secret": 447,
        "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144,
        "sched_setaffinity": 203, "sched_setattr": 314, "ioprio_set": 251, "migrate_pages": 256,
        "move_pages": 279, "syslog": 103, "settimeofday": 164, "clock_settime": 227,
        "adjtimex": 159, "clock_adjtime": 305, "sethostname": 170, "open_by_handle_at": 304,
        "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300, "setxattr": 188,
        "lsetxattr": 189, "fsetxattr": 190, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193,
        "removexattr": 197, "lremovexattr": 198, "fremovexattr": 199, "setxattrat": 463,
        "getxattrat": 464, "removexattrat": 466, "file_setattr": 469,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "bind": 200, "listen": 201, "execve": 221, "kill": 129,
        "ptrace": 117, "mount": 40, "umount2": 39, "swapon": 224, "reboot": 142,
        "init_module": 105, "chroot": 51, "pivot_root": 41, "acct": 89, "setpgid": 154,
        "setsid": 157, "keyctl": 219, "add_key": 217, "request_key": 218, "unshare": 97,
        "perf_event_open": 241, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
        "kcmp": 272, "finit_module": 273, "bpf": 280, "execveat": 281, "userfaultfd": 282,
        "io_uring_setup": 425, "pidfd_send_signal": 424, "pidfd_open": 434, "pidfd_getfd": 438,
        "shmget": 194, "msgget": 186, "semget": 190, "mq_open": 180, "setrlimit": 164, "tkill": 130,
        "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "shmat": 196, "shmctl": 195,
        "semop": 193, "semctl": 191, "semtimedop": 192, "msgsnd": 189, "msgrcv": 188,
        "msgctl": 187, "mq_unlink": 181, "memfd_create": 279, "memfd_secret": 447,
        "setpriority": 140, "sched_setparam": 118, "sched_setscheduler": 119,
        "sched_setaffinity": 122, "sched_setattr": 274, "ioprio_set": 30, "migrate_pages": 238,
        "move_pages": 239, "syslog": 116, "settimeofday": 170, "clock_settime": 112,
        "adjtimex": 171, "clock_adjtime": 266, "sethostname": 161, "open_by_handle_at": 265,
        "inotify_init1": 26, "fanotify_init": 262, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7,
        "getxattr": 8, "lgetxattr": 9, "fgetxattr": 10, "removexattr": 14, "lremovexattr": 15,
        "fremovexattr": 16, "setxattrat": 463, "getxattrat": 464, "removexattrat": 466,
        "file_setattr": 469,
    },
}  # fmt: skip
"""Calls that fail with EPERM: they reach other processes, other programs, or the network."""

_PRETENDED = {
    "x86_64": {
        "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "lchown": 94, "utime": 132,
        "utimes": 235, "fchownat": 260, "futimesat": 261, "fchmodat": 268, "utimensat": 280,
        "fchmodat2": 452,
    },
    "aarch64": {
        "fchmod": 52, "fchmodat": 53, "fchownat": 54, "fchown": 55, "utimensat": 88,
        "fchmodat2": 452,
    },
}  # fmt: skip
"""Calls that do nothing and say that they did: Landlock guards no modes and dates of files."""

_CLONE = {"x86_64": 56, "aarch64": 220}
_PRLIMIT = {"x86_64": 302, "aarch64": 261}
_PRCTL, _PR_SET_PDEATHSIG = {"x86_64": 157, "aarch64": 167}, 1
_SOCKETPAIR, _SOCK_DGRAM = {"x86_64": 53, "aarch64": 199}, 2
_CLONE3, _CLONE_THREAD = 435, 0x00010000
_EPERM, _ENOSYS = 1, 38
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_SECCOMP_SET_MODE_FILTER, _TSYNC, _PR_SET_NO_NEW_PRIVS = 1, 1, 38
_SECCOMP = {"x86_64": 317, "aarch64": 277}


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    """Return the filter: which architecture, which call; a thread may be cloned, limits be read.

    The signal that comes with the parent's death stays. A pair of sockets may be streams alone: a
    datagram socket, though one of a pair, sends to any path.

    A call of another architecture, such as x86's 32-bit ones, kills the process: its numbers mean
    other calls. `clone3` keeps its flags in memory, where a filter cannot look; refused as unknown,
    the C library takes `clone`.
    """
    denied = sorted(_DENIED[machine].values())
    program = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
    ]
    if machine == "x86_64":  # x32 numbers are these with bit 30 set
        program += [(0x35, 0, 1, 0x40000000), (_RETURN, 0, 0, _KILL)]
    program += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    program += [
        (_EQUAL, 0, 4, _CLONE[machine]),
        (_LOAD, 0, 0, 16),
        (_SET, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]
    program += [
        (_EQUAL, 0, 6, _PRLIMIT[machine]),
        (_LOAD, 0, 0, 32),  # the new limits' address, in two halves: none, where they are only read
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, 36),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | _EPERM),
    ]
    for number, place, test in (
        (_PRCTL[machine], 16, (_EQUAL, 0, 1, _PR_SET_PDEATHSIG)),
        (_SOCKETPAIR[machine], 24, (_SET, 0, 1, _SOCK_DGRAM)),
    ):
        program += [(_EQUAL, 0, 4, number), (_LOAD, 0, 0, place), test]
        program += [(_RETURN, 0, 0, _ERRNO | _EPERM), (_RETURN, 0, 0, _ALLOW)]
    for number in sorted(_PRETENDED[machine].values()):
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO)]
    for number in denied:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _EPERM)]
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _filter_calls() -> None:
    """Install the filter on all threads of this process."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise Unavailable(missing() or f"no system calls are known for {machine}")
    steps = _program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise Unavailable(f"prctl refused: {os.strerror(ctypes.get_errno())}")
    done = libc.syscall(
        _SECCOMP[machine], _SECCOMP_SET_MODE_FILTER, _TSYNC, ctypes.create_string_buffer(program)
    )
    if done:
        raise Unavailable(f"seccomp refused: {os.strerror(ctypes.get_errno())}")
