"""A reader at a terminal: runs a guide's ```bash blocks one after another, as they stand."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ROOT / "book" / "guides"

# The repository's own environment stays out: the guides make theirs.
BASE_PYTHON = Path(sys._base_executable).parent
OWN_BIN = Path(sys.prefix, "bin")


def blocks(page: str, section: str | None = None) -> list[str]:
    """The ```bash blocks of a guide, in order: of one section, or of the whole page."""
    text = (GUIDES / page).read_text(encoding="utf-8")
    if section is not None:
        found = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.M | re.S)
        if found is None:
            raise ValueError(f"{page}: expected a section {section!r}, found none")
        text = found[1]
    return re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)


class Terminal:
    """Keeps the folder and the environment from block to block, as a terminal does."""

    def __init__(self, folder: Path, home: Path, **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        home.mkdir(parents=True, exist_ok=True)
        self.folder, self.home, self.state = folder, home, home / "terminal-state"
        path = [str(BASE_PYTHON), *os.environ["PATH"].split(os.pathsep)]
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VIRTUAL_ENV", "PYTHON", "JUPYTER"))
        } | {
            "HOME": str(home),
            "PATH": os.pathsep.join(part for part in path if Path(part) != OWN_BIN),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "BROWSER": "true",
            "COLUMNS": "120",
            **_pip_settings(),
            **settings,
        }

    @property
    def _restore(self) -> str:
        return f"[ ! -f '{self.state}' ] || . '{self.state}'"

    @property
    def _keep(self) -> str:
        folder = 'printf "cd %q\\n" "$PWD"'
        return f"""trap '{{ export -p; {folder}; }} > "{self.state}"' EXIT"""

    def run(self, block: str, status: int = 0, timeout: float = 900) -> str:
        """Run a block, demand its exit status, and return what it printed."""
        with self.start(f"{self._keep}\n{block}") as process:
            output, _ = process.communicate(timeout=timeout)
        assert process.returncode == status, (
            f"exit status {process.returncode}, expected {status}, of\n{block}\n{output}"
        )
        return output

    @contextlib.contextmanager
    def start(self, block: str) -> Iterator[subprocess.Popen]:
        """Run a block that stays, such as JupyterLab; leave nothing of it behind."""
        process = subprocess.Popen(
            ["bash", "-e", "-c", f"{self._restore}\n{block}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)

    def write_jupyter_config(self, name: str, text: str) -> None:
        """Write a configuration file that only this terminal's programs read."""
        folder = self.home / "jupyter"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")

    def let_jupyter_run(self, port: int) -> None:
        """What a test needs of JupyterLab: this port, no token, and to run as root in CI."""
        self.write_jupyter_config(
            "jupyter_server_config.py",
            f"c.ServerApp.port = {port}\n"
            "c.ServerApp.port_retries = 0\n"
            "c.ServerApp.allow_root = True\n"
            "c.IdentityProvider.token = ''\n",
        )


def _pip_settings() -> dict[str, str]:
    """The home folder is a fresh one, pip's settings and cache are not."""
    home = Path.home()
    settings = {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(home / ".cache" / "pip"))}
    for config in (home / ".config" / "pip" / "pip.conf", home / ".pip" / "pip.conf"):
        if config.is_file() and "PIP_CONFIG_FILE" not in os.environ:
            settings["PIP_CONFIG_FILE"] = str(config)
    return settings


def _end(process: subprocess.Popen) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        for child in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(signal.SIGTERM)
        _, alive = psutil.wait_procs(started, timeout=10)
        for child in alive:
            child.kill()
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def wait_for(url: str, process: subprocess.Popen, seconds: float = 60) -> str:
    """The content at `url`, once something answers there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended before it served:\n{process.stdout.read()}"
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return urllib.request.urlopen(url, timeout=10).read().decode()
        time.sleep(0.3)
    raise AssertionError(f"nothing answered at {url} in {seconds} s")


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return met
