"""A covariate search, and missing covariates, in real Chromium."""

import re

import pandas as pd
import pytest
from playwright.sync_api import expect

import workbench as wb
from tests.browser.test_dashboard import fit, open_tab, upload

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def done(page):
    expect(page.locator("[data-status]")).to_have_attribute("data-status", "done", timeout=180_000)


def test_a_search_is_followed_step_by_step_and_taken_over_with_one_click(page):
    chooser = page.locator(".wb-rail select").first
    names = chooser.locator("option").all_inner_texts()
    chooser.select_option(label=next(name for name in names if "henobarb" in name))
    expect(page.locator(".wb-numbers")).to_contain_text("59")
    fit(page)
    open_tab(page, "Covariate search")
    page.locator("[title='Try APGR on v (power)'] input, [title^='Try APGR on v']").first.click()
    page.locator(".wb-search button", has_text="Search").first.click()
    page.wait_for_selector(".wb-ladder[data-steps]", timeout=180_000)
    done(page)
    expect(page.locator(".wb-ladder")).to_have_attribute("data-steps", re.compile("[3-9]"))
    expect(page.locator(".wb-search .wb-said")).to_contain_text("v ~ WT (power), cl ~ WT (power)")
    expect(page.locator(".wb-search .wb-code")).to_contain_text("wb.scm(model, data, candidates")
    page.locator(".wb-search button", has_text="Take over").click()
    expect(page.locator("[data-ofv]")).to_have_attribute("data-ofv", re.compile(r"^589\.6"))
    expect(page.locator(".wb-effect")).to_have_count(2)
    expect(page.locator(".wb-search button", has_text="Take over")).to_be_hidden()


def test_missing_covariates_are_shown_filled_in_and_taken_back(page, tmp_path):
    table = wb.load_dataset("phenobarbital").table.drop(columns="ROW")
    table.loc[table["ID"].isin([2, 5]), "WT"] = float("nan")
    path = tmp_path / "gaps.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    upload(page, path)
    open_tab(page, "Data")
    missing = page.locator(".wb-missing:not(.wb-below)")
    expect(missing).to_contain_text("ID 2, 5")
    page.locator("select[aria-label='What to do about missing covariates']").select_option("median")
    missing.locator("button", has_text="Apply").click()
    expect(missing).to_contain_text("WT was filled in for 2 subjects of 59")
    expect(missing.locator(".wb-code")).to_contain_text(".impute('median', ['WT'])")
    missing.locator("button", has_text="Take back").click()
    expect(missing).not_to_contain_text("was filled in")
