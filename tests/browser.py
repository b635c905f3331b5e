"""The built site served on a free port, and Chromium: fixtures that several folders import."""

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

__all__ = [
    *("FAINT_TEXT", "QUIET", "ROOT", "SITE"),
    *("address", "browser", "find_chromium", "serving", "site"),
]

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / os.environ.get("SITE", "build/html")

QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

FAINT_TEXT = """(where) => {
  const parse = (css) => {
    const [r, g, b, a = 1] = css.match(/[\\d.]+/g).map(Number);
    return css.startsWith("color(srgb") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
  const ground = (e) => {
    if (!e) return [255, 255, 255];
    const colour = parse(getComputedStyle(e).backgroundColor);
    return colour[3] === 1 ? colour.slice(0, 3) : over(colour, ground(e.parentElement));
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb
      .map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const e of document.querySelectorAll(where)) {
    const texts = [...e.childNodes].filter((n) => n.nodeType === 3);
    const text = texts.map((n) => n.data).join("").trim();
    if (!text || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (e.matches(".headerlink, script, style") || e.closest("mjx-assistive-mml")) continue;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ink = e.closest("svg") ? style.fill : style.color;
    const behind = ground(e);
    const lights = [luminance(over(parse(ink), behind)), luminance(behind)];
    const [low, high] = lights.sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) faint.push([ratio.toFixed(2), text.slice(0, 60)]);
  }
  return faint;
}"""
"""The texts of the selected elements whose contrast is below WCAG AA, as [ratio, text]."""


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
    with serving(site) as where:
        yield where


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port, and yield where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
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
