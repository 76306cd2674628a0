"""Methods for values below the limit side by side on the page."""

import ipywidgets as controls
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from tests.widgets.conftest import OpenPage
from tests.widgets.test_panels import children, find
from tests.widgets.test_runs import words
from workbench.errors import OptionError
from workbench.widgets import below_limit
from workbench.widgets.markup import number
from workbench.widgets.switch import Switch

NAME = "data_table"


@pytest.fixture
def page():
    opened = OpenPage()
    opened.session.set_dataset(cases.oral_data().censor(lloq=1.3))
    opened.session.open_tab(NAME)
    return opened


def section(page):
    (found,) = (w for w in children(page.page.views[NAME].widget) if "wb-below" in w._dom_classes)
    return found


def ticks(page):
    return {w.words: w for w in children(section(page)) if isinstance(w, Switch)}


def compare(page):
    find(page, NAME, controls.Button, "Fit the model by each of these methods").click()
    page.session.runner.join(120)


def test_it_is_offered_where_values_are_below_a_limit(page):
    assert section(page).layout.display == ""
    assert list(ticks(page)) == ["M1", "M2", "M3", "M4", "M5", "M6", "M7"]
    assert [name for name, tick in ticks(page).items() if tick.value] == ["M1", "M3", "M5", "M7"]
    find(
        page,
        "dataset",
        controls.Button,
        "Fit by several methods, side by side on the Data tab",
    ).click()
    assert page.state.tab == NAME
    page.session.load_dataset("theophylline")
    assert section(page).layout.display == "none"


def test_the_methods_chosen_are_those_of_compare_blq_side_by_side(page):
    for name in ("M5", "M7"):
        ticks(page)[name].value = False
    before = page.state.dataset
    seen = []
    page.state.observe(lambda change: seen.append(change["new"]), "below_limit")
    compare(page)
    assert page.state.status == "done", page.state.message
    assert page.state.dataset is before
    assert page.state.fit is None
    found = page.state.below_limit.found
    assert page.state.below_limit.complete
    assert [len(one.found.fits) for one in seen if one.found is not None] == [1, 2, 2]
    own = wb.compare_blq(page.state.model, before, methods=("M1", "M3"))
    pd.testing.assert_frame_equal(found.table, own.table)
    text = words(page, NAME)
    assert "data-methods='2'" in text
    for method, fit in found.fits.items():
        assert f"{method} <span class='wb-chip {fit.verdict}'" in text
        row = fit.parameters.loc["cl"]
        assert f"{number(row['estimate'])} ({number(row['se'], 3)})" in text
        assert f"{number(row['lower'], 3)} to {number(row['upper'], 3)}" in text
    assert "cannot be compared" in text
    assert "wb.compare_blq(model, data, methods=('M1', 'M3')" in page.session.blq_python(
        ("M1", "M3")
    )


def test_what_one_method_cannot_do_does_not_lose_the_others(page):
    page.session.set_method("fo")
    ticks(page)["M5"].value = ticks(page)["M7"].value = False
    compare(page)
    assert page.state.status == "done"
    assert "M3 failed." in page.state.message.text
    text = words(page, NAME)
    assert "M3 failed: FO takes every observation" in text
    assert text.count("wb-chip failed") == 1
    assert "M1 or M5, in the Data section" in text


def test_when_nothing_can_be_fitted_the_reason_is_said(page):
    page.session.set_method("fo")
    page.session.compare_blq(("M3",))
    page.session.runner.join(60)
    assert page.state.status == "failed"
    assert "FO takes every observation" in page.state.message.text
    assert "being fitted" not in words(page, NAME)
    with pytest.raises(OptionError, match="one or more"):
        page.session.compare_blq(())


def stopped_after(monkeypatch, n):
    real = below_limit.compare_blq

    def stopped(*arguments, on_fit, cancel, **options):
        def after(done, total, found):
            on_fit(done, total, found)
            if done == n:
                cancel.set()

        if n == 0:
            cancel.set()
        return real(*arguments, on_fit=after, cancel=cancel, **options)

    monkeypatch.setattr(below_limit, "compare_blq", stopped)


def test_what_is_done_is_kept_when_it_is_cancelled(page, monkeypatch):
    stopped_after(monkeypatch, 1)
    compare(page)
    assert page.state.status == "cancelled"
    assert list(page.state.below_limit.found.fits) == ["M1"]
    assert "Stopped: 1 of 4 methods are finished." in words(page, NAME)


def test_cancelled_before_the_first_there_is_nothing(page, monkeypatch):
    stopped_after(monkeypatch, 0)
    compare(page)
    assert page.state.status == "cancelled"
    assert page.state.below_limit is None


def test_a_fit_is_taken_over_and_the_comparison_stays_until_the_data_differ(page):
    page.session.compare_blq(("M1", "M5"))
    page.session.runner.join(60)
    compared = page.state.below_limit
    find(page, NAME, controls.Button, "Bring the fit by M5 on view").click()
    assert page.state.fit is compared.found.fits["M5"]
    assert page.state.dataset.blq == "M5"
    assert not page.state.stale
    assert page.session.open_run_name == "Run 1"
    page.session.set_blq("M1")
    assert page.state.below_limit is compared
    with pytest.raises(OptionError, match="no fit by M3"):
        page.session.use_blq_fit("M3")
    page.session.set_dataset(cases.oral_data())
    assert page.state.below_limit is None


def test_it_is_marked_when_the_model_has_changed(page):
    page.session.compare_blq(("M1", "M5"))
    page.session.runner.join(60)
    assert "Of an earlier model" not in words(page, NAME)
    page.session.set_error("combined2")
    assert "Of an earlier model" in words(page, NAME)


def test_a_refused_entry_stops_it(page):
    find(page, "parameters", controls.Text, "Typical value of cl").value = "two"
    compare(page)
    assert page.state.below_limit is None
    assert not page.state.busy
