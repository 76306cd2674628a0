"""Two fits side by side, and fits without each subject, as a person makes them."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DONE = 60_000


def fit(page):
    page.click(".wb-fit")
    page.wait_for_selector("[data-status=done]", timeout=DONE)


def test_two_runs_are_compared_and_tested(page):
    fit(page)
    page.get_by_role("button", name="Runs", exact=True).click()
    page.wait_for_selector("[data-run='Run 1']")
    errors = page.locator("select").filter(has_text="Combined 1").first
    errors.select_option(label="Combined 1 (SD = a + b·f)")
    fit(page)
    page.wait_for_selector("[data-run='Run 2'].wb-current")
    page.locator("select[aria-label='The smaller model']").select_option(value="Run 1")
    page.locator("select[aria-label='The larger model']").select_option(value="Run 2")
    page.get_by_text("Run 1 against Run 2 (sigma[proportional] = 0)").last.wait_for()
    page.locator("select[aria-label='The run on view']").select_option(value="Run 1")
    page.wait_for_selector("[data-run='Run 1'].wb-current")
    assert abs(float(page.get_attribute("[data-ofv]", "data-ofv")) - 116.803) < 0.01


def test_fits_without_each_subject_are_linked_to_the_selection(page):
    fit(page)
    page.get_by_role("button", name="Influence", exact=True).click()
    page.get_by_text("Predicted by one Newton step").wait_for()
    page.wait_for_selector(".wb-influence .wb-figure-box img")
    page.get_by_role("button", name="Refit without each subject").click()
    page.get_by_text("12 of 12 fits without a subject are done").wait_for(timeout=DONE)
    page.get_by_text("Predicted by one Newton step").wait_for(state="detached")
    rows = page.locator(".wb-influence .wb-clickable tbody tr")
    assert rows.count() == 12
    rows.nth(4).click()
    page.wait_for_selector(".wb-influence .wb-clickable tr.wb-selected")
    assert page.locator(".wb-influence .wb-clickable").get_attribute("data-selected") == "5"
