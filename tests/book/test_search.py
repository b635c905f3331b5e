"""The search runs in the reader's browser, from the site alone."""

import pytest

pytestmark = pytest.mark.browser


def test_the_search_page_finds_the_huber_loss(visit, address):
    visited = visit("search.html?q=huber")
    results = visited.page.locator("#search-results li a")
    results.first.wait_for()
    targets = results.evaluate_all("all => all.map((a) => a.pathname)")
    assert "/regression/huber.html" in targets
    assert all(url.startswith(f"{address}/") for url in visited.requested)
    assert visited.complaints == []


def test_the_field_of_any_page_leads_to_the_results(visit):
    page = visit("downloads.html").page
    page.locator(".search-button-field").click()
    page.keyboard.type("huber")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=huber*")
    page.locator("#search-results li a").first.wait_for()


def test_a_word_that_no_page_has_finds_nothing(visit):
    page = visit("search.html?q=zyzzyva").page
    page.get_by_text("did not match any documents").wait_for()
    assert page.locator("#search-results li a").count() == 0
