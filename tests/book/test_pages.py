"""Every page of the built site, as a reader's browser meets it."""

from pathlib import Path

import pytest

from tests.book.conftest import PAGES

pytestmark = pytest.mark.browser

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

# Text whose contrast with what lies behind it is below WCAG AA, as [ratio, text].
FAINT_TEXT = """() => {
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
  for (const e of document.querySelectorAll("article *, nav *, footer *")) {
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


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_only_its_own_site_and_nothing_fails(look, address, path):
    visited = look(path)
    own = (f"{address}/", "data:", f"blob:{address}/")
    assert visited.requested[0] == f"{address}/{path}"
    assert [url for url in visited.requested if not url.startswith(own)] == []
    assert visited.complaints == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_search_field_and_no_mute_picture(look, path):
    page = look(path).show()
    assert page.evaluate(VISIBLE_SEARCH_FIELDS) == 1
    assert page.evaluate(MUTE_PICTURES) == []


@pytest.mark.parametrize("path", PAGES)
def test_the_mathematics_of_a_page_is_typeset(look, path):
    page = look(path).show()
    if page.locator(".math").count():
        page.wait_for_function("() => window.MathJax?.startup?.promise")
        page.evaluate("() => MathJax.startup.promise")
    assert page.evaluate(UNTYPESET_FORMULAS) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_the_page_without_scrolling_sideways(look, path):
    page = look(path).show(width=360)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    assert page.evaluate(WIDER_THAN_SCREEN) == []
    assert page.evaluate(VISIBLE_SEARCH_FIELDS) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_reads_well_in_both_themes(look, tmp_path: Path, path, scheme):
    page = look(path).show(scheme=scheme)
    page.evaluate("() => document.querySelectorAll('details').forEach((d) => (d.open = true))")
    page.screenshot(path=tmp_path / f"{scheme}.png")
    assert page.evaluate(FAINT_TEXT) == []


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
