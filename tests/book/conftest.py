"""What the site's tests share: its pages, and visits to them."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import ROOT, SITE, find_chromium

__all__ = ["PAGES", "ROOT", "SITE", "Visit", "find_chromium"]

PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.rglob("*.html"))
PAGES = [page for page in PAGES if not page.startswith("_static/")] or ["index.html"]


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


@pytest.fixture(scope="module", params=PAGES)
def path(request: pytest.FixtureRequest) -> str:
    """Each page of the site in turn: the tests of one come together."""
    return request.param


@pytest.fixture(scope="module")
def looked_at(path: str, browser: Browser, address: str) -> Iterator[Visit]:
    """A page with its folded answers open, for tests that change but its theme and width.

    One page at a time is open: a browser with all of them is slow.
    """
    with browser.new_context() as context:
        visited = Visit(context.new_page())
        visited.page.goto(f"{address}/{path}", wait_until="networkidle")
        visited.page.evaluate(
            "() => document.querySelectorAll('details').forEach((d) => (d.open = true))"
        )
        yield visited
