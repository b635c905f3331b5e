"""What the site's tests share: the built site, a server for it, a browser."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "build" / "html"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith("_static/")] or ["index.html"]

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


class Visit:
    """A page opened in the browser, with everything that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requested: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("requestfailed", lambda request: self._note("failed", request.url))
        page.on("response", lambda answer: answer.ok or self._note(answer.status, answer.url))
        page.on("pageerror", lambda error: self._note("script error", error))
        page.on("console", lambda line: line.type == "error" and self._note("console", line.text))

    def _note(self, kind: object, what: object) -> None:
        self.complaints.append(f"{kind}: {what}")

    def show(self, *, scheme: str = "light", width: int = 1280) -> Page:
        """Return the page in a theme, at a width."""
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.wait_for_function(
            "scheme => document.documentElement.dataset.theme === scheme", arg=scheme
        )
        return self.page


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


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[[str], Visit]]:
    """Open a page of the site in a browser that has seen none."""
    contexts = []

    def open_page(path: str) -> Visit:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 800}))
        visited = Visit(contexts[-1].new_page())
        visited.page.goto(f"{address}/{path}", wait_until="networkidle")
        return visited

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def look(browser: Browser, address: str) -> Callable[[str], Visit]:
    """Open a page once per worker: for tests that change nothing but its theme and width."""

    @cache
    def open_page(path: str) -> Visit:
        visited = Visit(browser.new_context().new_page())
        visited.page.goto(f"{address}/{path}", wait_until="networkidle")
        return visited

    return open_page
