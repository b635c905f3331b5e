"""The atlas in the browser: whole without scripts, sorted and filtered with them."""

import pytest
from playwright.sync_api import Browser, Page

from losscourse.catalogue import CATALOGUE
from tests.book.conftest import SITE

pytestmark = pytest.mark.browser


@pytest.fixture
def atlas(visit) -> Page:
    return visit("atlas.html").show()


def names(page: Page) -> list[str]:
    """Return the functions in the rows that show, top to bottom."""
    return [cell.inner_text() for cell in page.locator("tr:visible td:nth-child(9)").all()]


def test_every_loss_is_there_without_scripts(browser: Browser, address: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/atlas.html")
    assert names(page) == list(CATALOGUE)
    assert page.locator("table.atlas button").count() == 0
    context.close()


def test_a_loss_leads_to_its_page_where_that_is_written(atlas: Page):
    links = atlas.locator("table.atlas td:first-child a")
    found = {link.inner_text(): link.get_attribute("href") for link in links.all()}
    assert found["Huber loss"].startswith("regression/huber.html")
    written = [loss for loss in CATALOGUE.values() if (SITE / f"{loss.page}.html").exists()]
    assert list(found) == [loss.title for loss in written]


def test_a_title_sorts_and_sorts_the_other_way_round(atlas: Page):
    button = atlas.get_by_role("button", name="losscourse")
    button.focus()
    atlas.keyboard.press("Enter")
    assert names(atlas) == sorted(CATALOGUE)
    assert atlas.locator("th[aria-sort=ascending]").inner_text().startswith("losscourse")
    atlas.keyboard.press("Enter")
    assert names(atlas) == sorted(CATALOGUE, reverse=True)
    assert atlas.locator("th[aria-sort]").count() == 1


def test_rows_without_a_value_come_last_either_way(atlas: Page):
    button = atlas.get_by_role("button", name="At chance")
    for smallest in (True, False):
        button.press("Enter")
        first = float(atlas.locator("tbody tr:first-child td:nth-child(7)").inner_text())
        assert (first == 0) == smallest


def test_the_table_speaks_and_scrolls_by_key(atlas: Page):
    frame = atlas.get_by_role("region", name="Losses")
    frame.focus()
    atlas.keyboard.press("ArrowRight")
    atlas.wait_for_function("document.activeElement.scrollLeft > 0")
    assert atlas.get_by_role("rowheader").count() == len(CATALOGUE)


def test_a_loss_is_found_by_its_other_names(atlas: Page):
    for alias, loss in (("MAE", "absolute_error"), ("L2", "squared_error"), ("GIoU", "giou_loss")):
        atlas.get_by_label("Words in a row").fill(alias)
        assert loss in names(atlas)


def test_the_fields_leave_the_rows_that_fit_all_of_them(atlas: Page):
    atlas.get_by_label("Convex").select_option("no")
    atlas.get_by_label("Bounded pull").select_option("yes")
    expected = [name for name, loss in CATALOGUE.items() if loss.robust and not loss.convex]
    assert names(atlas) == expected
    assert atlas.locator("output").inner_text() == f"{len(expected)} of {len(CATALOGUE)} losses"
    atlas.get_by_label("Words in a row").fill("outliers REGRESSION")
    assert 0 < len(names(atlas)) < len(expected)
    assert all(CATALOGUE[name].function.__module__.endswith("regression") for name in names(atlas))
    atlas.get_by_label("Words in a row").fill("zebra")
    assert names(atlas) == []
