"""Every link of the built site leads somewhere, and the downloads are what the page says."""

import hashlib
import urllib.request
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from tests.book.conftest import PAGES, ROOT, SITE

# Buttons of themes that point at a repository or a service; there is none yet.
PLACES_THAT_DO_NOT_EXIST = ("github.com", "gitlab", "colab", "mybinder", "example.org")


@cache
def parsed(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_bytes(), "html.parser")


@cache
def anchors(page: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in parsed(page).find_all(id=True))


def references(page: Path) -> list[str]:
    tags = parsed(page).find_all(["a", "link", "script", "img", "source", "iframe"])
    return [tag.get("href") or tag.get("src") or "" for tag in tags]


@pytest.mark.parametrize("path", PAGES)
def test_internal_links_and_anchors_resolve(site, path):
    broken = []
    page = site / path
    for reference in references(page):
        parts = urlsplit(reference)
        if parts.scheme or not reference:
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
        fragment = unquote(parts.fragment) if target.suffix == ".html" else ""
        if not target.is_file() or (fragment and fragment not in anchors(target)):
            broken.append(reference)
    assert broken == []


@pytest.mark.parametrize("path", PAGES)
def test_other_hosts_are_linked_and_never_loaded(site, path):
    for tag in parsed(site / path).find_all(["a", "link", "script", "img", "source", "iframe"]):
        reference = tag.get("href") or tag.get("src") or ""
        if urlsplit(reference).netloc:
            assert tag.name == "a", f"loads from another host: {tag}"
            assert not any(place in reference for place in PLACES_THAT_DO_NOT_EXIST), reference


def test_the_download_page_offers_the_wheel_and_every_problem_set(site, address):
    rows = parsed(site / "downloads.html").select("table.downloads tbody tr")
    offered = {row.a.get_text(): (row.a["href"], row.code.get_text()) for row in rows}
    sets = {f"{source.stem}.ipynb" for source in ROOT.glob("exercises/source/*/*.ipynb")}
    wheels = {name for name in offered if name.endswith(".whl")}
    assert sets
    assert len(wheels) == 1
    assert set(offered) == sets | wheels
    for href, digest in offered.values():
        with urllib.request.urlopen(f"{address}/{href}") as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == digest


def test_the_page_of_versions_names_every_pin(site):
    text = parsed(site / "about" / "executions.html").get_text(" ", strip=True)
    pins = (ROOT / "requirements.txt").read_text().splitlines()
    for name, _, version in (pin.partition("==") for pin in pins if "==" in pin[:60]):
        if not name.startswith("#"):
            assert f"{name} {version.partition(';')[0]}" in text


def test_the_page_of_times_lists_every_page_that_runs_code(site):
    pages = [page for page in (ROOT / "book").rglob("*.md") if "```{code-cell}" in page.read_text()]
    times = parsed(site / "about" / "executions.html").select_one("#times")
    assert pages
    for page in pages:
        target = page.relative_to(ROOT / "book").with_suffix(".html").as_posix()
        assert times.select(f'a[href="../{target}"]'), f"no time of {target}"


def test_the_built_site_is_there():
    assert SITE.is_dir(), "run `make book` first"
    assert len(PAGES) > 10
