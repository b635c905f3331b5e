"""Take the README's picture of the built site: `make picture`.

Serves build/html, opens a page in Chromium and writes book/_static/site.png.
"""

import sys

from playwright.sync_api import sync_playwright

from tests.browser import QUIET, ROOT, SITE, find_chromium, serving

PICTURE = ROOT / "book" / "_static" / "site.png"
PAGE = "regression/huber.html"
SECTION = "Feel delta"
SIZE = {"width": 1280, "height": 860}


def main() -> None:
    if not (SITE / PAGE).exists():
        sys.exit(f"No {PAGE} in build/html: run `make book` first")
    with serving(SITE) as address:
        take(f"{address}/{PAGE}")
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB")


def take(address: str) -> None:
    with sync_playwright() as playwright:
        chromium = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address, wait_until="networkidle")
        page.evaluate("() => window.MathJax?.startup.promise")
        heading = page.get_by_role("heading", name=SECTION).first
        heading.evaluate("(h) => scrollTo({ top: h.offsetTop - 70, behavior: 'instant' })")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
