"""The view of the page in real Chromium: colour, split, filter, gallery and files."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_dashboard import MARKS, fit, views

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DRAWN = "() => [...document.querySelectorAll('.wb-grid .wb-figure-box')].map(b => b.dataset.drawn)"


def choose(page, label, value):
    """Choose in a list of the bar, and wait until the views of many subjects are drawn anew."""
    before = page.evaluate(DRAWN)
    page.locator(f"select[aria-label='{label}']").select_option(value)
    page.wait_for_function(
        f"(before) => ({DRAWN})().slice(0, 3).every((now, i) => now !== before[i])", arg=before
    )


def save(page, card, entry):
    page.locator(".wb-grid .wb-downloads > button").nth(card).click()
    with page.expect_download() as download:
        page.locator(".wb-grid [role=menuitem]:visible", has_text=entry).click()
    return download.value


def test_a_split_and_coloured_page_is_still_linked(page):
    fit(page)
    choose(page, "Colour by", "WT")
    choose(page, "Split by", "WT")
    assert views(page).count() == 4
    page.locator("select[title='Highlight a subject']").select_option(label="ID 5")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wb-grid .wb-figure-box')]"
        ".every((box) => box.dataset.selected === '5')"
    )
    marks = page.evaluate(MARKS)
    assert all(mark["n"] > 20 for mark in marks)
    # A click on a mark of a part keeps the subject, one on nothing clears it everywhere.
    page.mouse.click(*marks[0]["first"])
    expect(views(page).nth(3)).to_have_attribute("data-selected", "5")
    box = views(page).nth(0).bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    expect(views(page).nth(3)).to_have_attribute("data-selected", "")


def test_what_is_saved_is_what_is_shown(page):
    fit(page)
    page.locator(".wb-view-controls button", has_text="Filter").click()
    page.locator("select[aria-label='Filter by']").select_option("WT")
    page.locator(".wb-range input").first.fill("70")
    page.keyboard.press("Enter")
    expect(page.locator(".wb-condition")).to_contain_text("WT ≥ 70")
    png = save(page, 1, "PNG")
    assert png.suggested_filename == "theophylline_residual_panels_CWRES.png"
    size = views(page).nth(1).bounding_box()
    wide, high = Image.open(io.BytesIO(png.path().read_bytes())).size
    assert wide == pytest.approx(2 * size["width"], abs=3)
    assert high == pytest.approx(2 * size["height"], abs=3)
    csv = pd.read_csv(io.BytesIO(save(page, 1, "CSV").path().read_bytes()))
    assert 0 < csv["ID"].nunique() < 12
    assert np.isfinite(csv["CWRES"]).all()
    svg = save(page, 1, "SVG").path().read_text()
    assert "PRED (mg/L)" in svg


def test_the_gallery_shows_any_plot_and_keeps_it(page):
    fit(page)
    page.locator(".wb-layouts button", has_text="2×3").click()
    expect(views(page)).to_have_count(6)
    page.locator(".wb-grid .wb-card-choice select").nth(5).select_option("dv_pred|log")
    expect(views(page).nth(5)).to_have_attribute("aria-label", re.compile("against population"))
    page.locator(".wb-layouts button", has_text="2×2").click()
    expect(views(page)).to_have_count(4)
    page.locator(".wb-layouts button", has_text="2×3").click()
    expect(views(page)).to_have_count(6)
    chosen = page.locator(".wb-grid .wb-card-choice select").nth(5)
    expect(chosen).to_have_value("dv_pred|log")
