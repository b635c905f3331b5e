"""The built site served on a free port, and Chromium: fixtures that several folders import."""

import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = ["ROOT", "SITE", "address", "browser", "find_chromium", "site"]

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "build" / "html"

QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site's folder."""
    if not SITE.is_dir():
        pytest.fail(f"no built site in {SITE.relative_to(ROOT)}: run `make book` first")
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the built site is served, without a final slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def find_chromium(installed_by_playwright: str) -> str | None:
    """Return the Chromium on the PATH, else Playwright's own, else None."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None and Path(installed_by_playwright).exists():
        return installed_by_playwright
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, one per worker. Without one the test skips, and fails where CI is set."""
    with sync_playwright() as playwright:
        chromium = find_chromium(playwright.chromium.executable_path)
        if chromium is None:
            stop = pytest.fail if os.environ.get("CI") else pytest.skip
            stop("Chromium is missing: apt-get install chromium, or playwright install chromium")
        launched = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield launched
        launched.close()
