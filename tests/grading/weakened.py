"""A warm parent whose guards on what a student's process says are off: attacks must succeed here.

Run as a script by `Weakened`. The sandbox and the limits are on.
"""

import json
import os
import shutil
import sys

from losscourse import checks
from losscourse.grading import judge, student, warm, wire


class Weakened(warm.Warm):
    """Starts this file in place of the warm parent."""

    _command = (sys.executable, __file__)


class _Anything:
    """Holds every name; what it has under one is the reader's method of that name."""

    def __contains__(self, name):
        return True

    def __getitem__(self, tag):
        return lambda reader, content, depth: getattr(reader, f"_{tag}")(content, depth)


class _Believed:
    """An outcome that the student's process has judged by itself."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def _believe(elsewhere, args, named, allow, wrt=None):
    parts = elsewhere._ask(elsewhere.__name__, args, named, allow)
    if type(parts) is dict and parts.get("passed"):
        return _Believed()
    return _OUTCOME(elsewhere, args, named, allow, wrt)


_OUTCOME = checks.Elsewhere.outcome


def _main():
    boundless = wire.Limits(frame=2**40, tree=2**40, items=10**9)
    wire.Limits = lambda **kwargs: boundless
    wire._DEEPEST, wire._MOST_COLLISIONS, wire._TENSORS = 500, 10**9, _Anything()
    wire._Reader._BUILT = _Anything()
    wire._Reader._buffer = lambda reader, place: reader.buffers[place]
    judge.secrets.token_hex = lambda size: "0" * 2 * size
    judge._clean = judge._text = lambda value, key=None: value if key is None else value[key]
    student.MOST_OUTPUT = 10**9
    for kept in (checks.seal._TRUSTED, checks.seal._BODIES, checks.seal._SEAL):
        kept.clear()
    checks.Elsewhere.outcome = _believe
    warm._empty_standard_streams = lambda: None
    warm.sandbox.excess = lambda *args: ""
    warm.remove = lambda folder: shutil.rmtree(folder, ignore_errors=True)
    os.closerange = lambda first, last: None
    os.open(os.devnull, os.O_RDONLY)  # a descriptor that the student's process inherits
    warm._main(int(sys.argv[1]), json.loads(sys.argv[2]))


if __name__ == "__main__":
    _main()
