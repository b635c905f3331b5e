"""Every page of the built site, as a reader's browser meets it."""

from pathlib import Path

import pytest

from tests.browser import FAINT_TEXT

pytestmark = [pytest.mark.browser, pytest.mark.slow]  # one page: -k its-name

# Elements of the text that reach beyond the screen, where no box of theirs scrolls.
WIDER_THAN_SCREEN = """() => {
  const boxed = (e) => {
    for (let box = e; box && box !== document.body; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    }
    return false;
  };
  return [...document.querySelectorAll("article *, footer *")]
    .filter((e) => !e.closest("mjx-assistive-mml, svg"))
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !boxed(e))
    .map((e) => e.outerHTML.slice(0, 120));
}"""

# Pictures that say nothing to someone who cannot see them. An icon in a button is decoration.
MUTE_PICTURES = """() => [
  ...[...document.querySelectorAll("img")].filter((e) => !e.alt.trim()),
  ...[...document.querySelectorAll("svg")].filter(
    (e) => !e.closest("[aria-label]:not([aria-label=''])") && !e.closest("summary, button, a")
  ),
].map((e) => e.outerHTML.slice(0, 120))"""

VISIBLE_SEARCH_FIELDS = """() => [...document.querySelectorAll(
  "input[type=search], .search-button-field, .search-button"
)].filter((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })).length"""


# Formulas that MathJax left as text, or set as an error.
UNTYPESET_FORMULAS = """() => [...document.querySelectorAll(".math")]
  .filter((e) => !e.querySelector("mjx-container") || e.querySelector("mjx-merror"))
  .map((e) => e.textContent.slice(0, 120))"""


def test_a_page_asks_only_its_own_site_and_nothing_fails(looked_at, address, path):
    own = (f"{address}/", "data:", f"blob:{address}/")
    assert looked_at.requested[0] == f"{address}/{path}"
    assert [url for url in looked_at.requested if not url.startswith(own)] == []
    assert looked_at.complaints == []


def test_a_page_has_one_search_field_and_no_mute_picture(looked_at):
    page = looked_at.show()
    assert page.evaluate(VISIBLE_SEARCH_FIELDS) == 1
    assert page.evaluate(MUTE_PICTURES) == []


def test_the_mathematics_of_a_page_is_typeset(looked_at):
    page = looked_at.show()
    if page.locator(".math").count():
        page.wait_for_function("() => window.MathJax?.startup?.promise")
        page.evaluate("() => MathJax.startup.promise")
    assert page.evaluate(UNTYPESET_FORMULAS) == []


def test_a_phone_shows_the_page_without_scrolling_sideways(looked_at):
    page = looked_at.show(width=360)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert page.evaluate(WIDER_THAN_SCREEN) == []
    assert page.evaluate(VISIBLE_SEARCH_FIELDS) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_reads_well_in_both_themes(looked_at, tmp_path: Path, scheme):
    page = looked_at.show(scheme=scheme)
    page.screenshot(path=tmp_path / f"{scheme}.png")
    assert page.evaluate(FAINT_TEXT, "article *, nav *, footer *") == []


def test_the_theme_button_changes_the_theme(visit):
    page = visit("intro.html").page
    grounds = set()
    for _ in range(3):  # auto, light, dark in turn
        grounds.add(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
        page.locator(".theme-switch-button").first.click()
    assert len(grounds) == 2


def test_a_page_without_mathematics_or_charts_is_light(visit, site: Path):
    """A slow line: what a first visit fetches, uncompressed."""
    sizes = [
        int(site.joinpath(url.split("?")[0].split("/", 3)[3]).stat().st_size)
        for url in visit("about/bibliography.html").requested
    ]
    assert sum(sizes) < 1_000_000
