"""Build one page, and take its pictures: `make page PAGE=regression/huber`.

Only this page is executed; the others are there for its links. The page need not be in `_toc.yml`
yet. Its pictures, in both themes and at a phone's width, are in pieces that a screen shows whole.
A warning about the page is a failure here as in `make book`.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import sync_playwright

from tests.browser import QUIET, ROOT, find_chromium, serving

BOOK = ROOT / "book"
VIEWS = {"light": ("light", 1280), "dark": ("dark", 1280), "narrow": ("light", 360)}
PIECE = 1600  # pixels of a page's height in one picture


def build(page: str, folder: Path) -> Path:
    """Build the site with one page executed; return its folder, or exit with what is wrong.

    Args:
        page: As in `_toc.yml`.
        folder: Where to.
    """
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text())
    others = [name for name in _files(toc) if name != page]
    if page not in _files(toc):
        toc.get("parts", [toc])[-1]["chapters"].append({"file": page})
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["execute"] |= {
        "execute_notebooks": "force",
        "exclude_patterns": [f"{name}.*" for name in others],
    }
    config["sphinx"]["local_extensions"] = {"course": str(BOOK / "_ext")}  # not beside this config
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in (("_toc.yml", toc), ("_config.yml", config)):
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
    command = [
        *(Path(sys.executable).with_name("jupyter-book"), "build", BOOK, "-n", "--keep-going"),
        *("--toc", folder / "_toc.yml", "--config", folder / "_config.yml"),
        *("--path-output", folder),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = re.sub(r"\x1b\[[\d;]*m", "", done.stderr)
    wrong = [line for line in said.splitlines() if f"{BOOK / page}." in line]
    site = folder / "_build" / "html"
    if "Executing notebook failed" in said or not (site / f"{page}.html").exists():
        sys.exit(said)
    if wrong:
        sys.exit("\n".join(wrong))
    print("\n".join(re.findall(r"Executed notebook in .* seconds", done.stdout + said)))
    return site


def _files(part: Any) -> list[str]:
    """Return the pages that a table of contents names, in order."""
    if isinstance(part, list):
        return [name for one in part for name in _files(one)]
    if not isinstance(part, dict):
        return []
    below = [name for key in ("parts", "chapters", "sections") for name in _files(part.get(key))]
    return [part[key] for key in ("root", "file") if key in part] + below


def pictures(page: str, site: Path, folder: Path) -> Iterator[Path]:
    """Yield pictures of a built page, top to bottom, for each of `VIEWS`.

    Args:
        page: As in `_toc.yml`.
        site: The built site.
        folder: Where to.
    """
    with serving(site) as address, sync_playwright() as playwright:
        chromium = find_chromium(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        for view, (scheme, width) in VIEWS.items():
            tab = browser.new_page(viewport={"width": width, "height": PIECE}, color_scheme=scheme)
            tab.goto(f"{address}/{page}.html", wait_until="networkidle")
            tab.evaluate("() => window.MathJax?.startup?.promise")
            height = tab.evaluate("() => document.documentElement.scrollHeight")
            tab.set_viewport_size({"width": width, "height": height})
            for number, top in enumerate(range(0, height, PIECE)):
                clip = {"x": 0, "y": top, "width": width, "height": min(PIECE, height - top)}
                to = folder / f"{view}-{number:02}.png"
                tab.screenshot(path=to, clip=clip)
                yield to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("page", help="as in _toc.yml: regression/huber")
    page = parser.parse_args().page.removeprefix("book/").removesuffix(".md")
    if not (BOOK / f"{page}.md").is_file():
        sys.exit(f"PAGE must be a page of book/, as regression/huber; there is no book/{page}.md")
    folder = ROOT / "build" / "page" / page
    site = build(page, folder)
    print(f"The page: {site.relative_to(ROOT)}/{page}.html")
    names = [picture.name for picture in pictures(page, site, folder)]
    print(f"{len(names)} pictures: {folder.relative_to(ROOT)}/{names[0]} to {names[-1]}")


if __name__ == "__main__":
    main()
