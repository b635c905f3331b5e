"""Explorers in the browser: a still without scripts; with them a slider, keys and a button."""

import json

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLIDER = "regression/huber.html"
WALK = "optimization/gradient-descent.html"


def live(page: Page, selector: str) -> Locator:
    """Return the first explorer that matches, its charts drawn."""
    figure = page.locator(selector).first
    expect(figure.locator(".slider")).to_be_visible()
    return figure


def positions(figure: Locator) -> list[dict]:
    data = figure.locator('script[type="application/json"]').text_content()
    return json.loads(data)["positions"]


@pytest.mark.parametrize("path", [SLIDER, WALK])
def test_without_scripts_a_still_stands_in_its_place(browser: Browser, address: str, path):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/{path}")
        figure = page.locator("figure.explorer").first
        assert figure.locator(".view svg").first.is_visible()
        assert not figure.locator(".slider").is_visible()
        assert figure.locator(".reading").inner_text()


def test_a_slider_is_moved_by_keys_and_redraws(visit):
    figure = live(visit(SLIDER).show(), "figure.explorer")
    said = positions(figure)
    slider, output = figure.get_by_role("slider"), figure.locator("output")
    start = int(slider.input_value())
    drawn = figure.locator(".view").first.inner_html()
    slider.press("ArrowRight")
    expect(output).to_have_text(said[start + 1]["label"])
    expect(figure.locator(".reading")).to_have_text(said[start + 1]["reading"])
    assert slider.get_attribute("aria-valuetext") == said[start + 1]["label"]
    expect(figure.locator(".view").first).not_to_have_js_property("innerHTML", drawn)
    slider.press("Home")
    expect(output).to_have_text(said[0]["label"])


def test_a_walk_plays_to_its_end_and_can_be_stopped(visit):
    figure = live(visit(WALK).show(), "figure.explorer:has(.slider button)")
    said = positions(figure)
    button, slider = figure.get_by_role("button"), figure.get_by_role("slider")
    slider.press("End")
    button.click()  # at the end it begins again
    expect(button).to_have_text("Pause")
    expect(slider).not_to_have_value(f"{len(said) - 1}")
    expect(slider).not_to_have_value("0")
    button.click()
    expect(button).to_have_text("Play")
    stopped = int(slider.input_value())
    assert 0 < stopped < len(said) - 1
    figure.page.wait_for_timeout(500)
    assert int(slider.input_value()) == stopped
    expect(figure.locator(".reading")).to_have_text(said[stopped]["reading"])
    button.click()
    expect(slider).to_have_value(f"{len(said) - 1}", timeout=30_000)
    expect(button).to_have_text("Play")
    expect(figure.locator("output")).to_have_text(said[-1]["label"])


def test_a_hand_on_the_slider_stops_the_play(visit):
    figure = live(visit(WALK).show(), "figure.explorer:has(.slider button)")
    button, slider = figure.get_by_role("button"), figure.get_by_role("slider")
    slider.press("Home")
    button.click()
    expect(slider).not_to_have_value("0")
    slider.press("ArrowLeft")
    expect(button).to_have_text("Play", timeout=1000)  # long before its end
    held = slider.input_value()
    figure.page.wait_for_timeout(500)
    assert slider.input_value() == held
