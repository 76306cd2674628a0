"""Covariates in real Chromium: one tick, a fit, and its coefficient."""

import pytest
from playwright.sync_api import expect

expect.set_options(timeout=20_000)
pytestmark = [pytest.mark.browser, pytest.mark.slow]

INSIDE = """() => [...document.querySelectorAll('.wb-effect, .wb-effect *')].every((node) => {
  const rail = document.querySelector('.wb-rail').getBoundingClientRect();
  const own = node.getBoundingClientRect();
  return own.width === 0 || (own.left >= rail.left - 1 && own.right <= rail.right + 1);
})"""


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_a_tick_adds_an_effect_that_is_fitted(page, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    expect(page.locator(".wb-rail")).to_contain_text("a new tick adds log(WT/70.5)")
    page.locator(".wb-ticks label", has_text="cl").locator("input").click()
    effect = page.locator(".wb-effect")
    expect(effect.locator(".wb-formula")).to_have_count(1)
    assert page.evaluate(INSIDE)
    page.locator(".wb-fit").click()
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "done", timeout=180_000)
    page.locator(".wb-tabs button", has_text="Parameters").click()
    expect(page.locator(".wb-results")).to_contain_text("beta[cl,WT]")
    page.locator(".wb-ticks label", has_text="cl").locator("input").click()
    expect(effect).to_have_count(0)
