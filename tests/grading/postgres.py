"""A PostgreSQL server of the tests' own, in a temporary folder.

Debian's package `postgresql` has the programs; `tests/grading/postgresql.sh` installs it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

NOBODY = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"]
"""Who runs the server where the tests are root's: PostgreSQL refuses root."""


class Server:
    """A server that is reached through a socket in its folder, and ends with this process.

    Args:
        programs: The folder of PostgreSQL's programs.
        folder: Where all that it writes is to be; empty.
    """

    def __init__(self, programs: Path, folder: Path):
        self._programs, self._folder = programs, folder
        if os.getuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        done = subprocess.run(
            self._command("initdb", "--auth=trust", "--username=course", "--locale=C", "-EUTF8"),
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _command(self, program: str, *options: str) -> list[str]:
        other = NOBODY if os.getuid() == 0 else []
        data = ["-D", str(self._folder / "data")]
        return ["setpriv", "--pdeathsig=INT", *other, self._programs / program, *data, *options]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
        }
        command = self._command("postgres", *(f"--{name}={settings[name]}" for name in settings))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1")
                return
            except OperationalError:
                assert time.monotonic() < end, (self._folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, as a crash does: whoever is connected, and with nothing put in order."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def create(self, name: str, like: str = "template1") -> str:
        """Make a database, a copy of another; return its address."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the address of a database, for `c.CourseDirectory.db_url`."""
        return f"postgresql+psycopg://course@/{name}?host={self._folder}"

    def run(self, statement: str, **values: Any) -> list:
        """Run a statement in a connection of its own; return its rows."""
        engine = create_engine(self.url("postgres"), poolclass=NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            done = connection.execute(text(statement), values)
            return done.all() if done.returns_rows else []

    def disconnect(self, name: str) -> int:
        """End all connections to a database; return how many there were."""
        ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        return len(self.run(ends, name=name))


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Run a server; where PostgreSQL is missing, skip the test, or fail it in CI."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    path = map(Path, os.environ["PATH"].split(os.pathsep))
    programs = next((p for p in [*reversed(debian), *path] if (p / "initdb").exists()), None)
    if programs is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "PostgreSQL is missing: sh tests/grading/postgresql.sh"
        )
    with tempfile.TemporaryDirectory(prefix="postgresql-", dir="/tmp") as folder:
        one = Server(programs, Path(folder))
        one.start()
        try:
            yield one
        finally:
            one.stop()
