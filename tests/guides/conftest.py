import contextlib
import functools
import http.server
import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from tests.guides.terminal import ROOT


@pytest.fixture
def folder():
    """An empty folder that goes when the test ends: an environment weighs 700 MB."""
    with tempfile.TemporaryDirectory(
        prefix="losscourse-guide-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def site():
    """The address of the built site, served while the test runs."""
    folder = ROOT / "build" / "html"
    if not (folder / "index.html").exists():
        pytest.fail("The site is not built: expected build/html/index.html. Run `make book`.")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def chromium():
    """A function that opens Chromium for a `with` block and gives a page."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)

    @contextlib.contextmanager
    def page():
        with sync_playwright() as playwright:
            path = found or playwright.chromium.executable_path
            if not os.path.exists(path):
                missing = "Chromium is missing: `make chromium`"
                pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
            browser = playwright.chromium.launch(
                executable_path=path,
                args=[
                    "--no-sandbox",
                    "--disable-background-networking",
                    "--no-first-run",
                    "--disable-component-update",
                    "--disable-sync",
                ],
            )
            try:
                yield browser.new_page(viewport={"width": 1280, "height": 900})
            finally:
                browser.close()

    return page
