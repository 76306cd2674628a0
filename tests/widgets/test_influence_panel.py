"""Fits without each subject, from the page: in the background, cancelled, abandoned, shown."""

import threading

import ipywidgets as controls
import numpy as np
import pytest

import workbench as wb
from tests import cases
from tests.widgets.test_panels import children, find
from tests.widgets.test_runs import words
from workbench.widgets import runs
from workbench.widgets.downloads import Downloads
from workbench.widgets.table import SubjectTable


@pytest.fixture
def small(opened):
    """Five subjects, fitted, on the tab."""
    opened.session.set_dataset(cases.iv_data(5))
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_error("proportional")
    opened.lay_out()
    opened.fit()
    assert opened.state.status == "done", opened.state.message
    opened.session.open_tab("influence")
    return opened


def button(opened):
    for widget in children(opened.page.views["influence"].widget):
        if isinstance(widget, controls.Button) and widget.description.startswith("Refit"):
            return widget
    raise LookupError


def table(opened):
    views = opened.page.views["influence"].selectable
    return next(view for view in views if isinstance(view, SubjectTable))


def pictures(opened):
    """The distances and the changes."""
    return opened.page.views["influence"].selectable[1:3]


def test_the_lens_colours_and_filters_the_pictures_and_the_table(small):
    distances, changes = pictures(small)
    plain = distances.png, changes.png
    everybody = small.state.dataset.subjects
    small.session.colour_by("cl")
    assert distances.png != plain[0]
    small.session.filter("ID", list(everybody[:3]))
    assert changes.png != plain[1]
    assert not distances.error
    hits = np.frombuffer(distances.hits, "f4").reshape(-1, 3)
    assert sorted(hits[:, 2]) == [0, 1, 2]
    assert [row[0] for row in table(small).rows] == [str(label) for label in everybody[:3]]
    small.session.filter("ID", [999])
    assert not distances.error
    assert not changes.error
    assert table(small).rows == []


def test_pictures_are_saved(small):
    small.session.filter("ID", list(small.state.dataset.subjects[:3]))
    menus = [w for w in children(small.page.views["influence"].widget) if isinstance(w, Downloads)]
    for menu, begins in zip(menus[1:], (b"ID,n_obs,verdict", b"ID,"), strict=True):
        (numbers,) = menu._make("csv")
        assert numbers.content.startswith(begins)
        assert numbers.content.count(b"\n") == 4
        assert menu._make("png")[0].content.startswith(b"\x89PNG")
        assert menu._make("svg")[0].content.startswith(b"<?xml")
        assert "wb.influence(fit, refit=False)" in menu._make("python")


def test_contributions_are_drawn_and_linked_to_the_selection(small):
    view = small.page.views["influence"].selectable[0]
    view.size = [640, 300, 1]
    assert view.png
    assert not view.error
    small.session.select(3)
    assert view.label == 3
    assert "5 fits of about" in words(small, "influence")


def test_refits_are_made_and_shown_and_the_fit_stays(small):
    fit, called, trace = small.state.fit, small.state.fitted_with, small.state.trace
    small.session.set_error("additive")  # the settings move on: the fit on view decides
    button(small).click()
    small.session.runner.join(60)
    found = small.state.influence
    assert found is not None, small.state.message
    assert small.state.fit is fit
    assert small.state.fitted_with == called
    assert small.state.stale
    assert len(small.state.runs) == 1
    assert (small.state.status, small.state.progress) == ("done", 1.0)
    assert "5 of 5 fits without a subject are done" in small.state.message.text
    np.testing.assert_array_equal(found.table["ofv"], wb.influence(fit).table["ofv"])
    assert all(view.png and not view.error for view in pictures(small))
    assert len(table(small).rows) == 5
    assert table(small).head[:3] == ["ID", "ΔOFV of the others", "Cook's distance"]
    assert small.state.trace == trace


def test_the_trace_on_view_is_that_of_the_fit(small):
    small.state.trace = ()  # as after a run was opened again
    small.session.leave_out()
    small.session.runner.join(60)
    assert small.state.trace == ()
    assert small.page.views["trace"].widget.selected_index == 1


def test_another_fit_drops_what_was_found(small):
    small.session.leave_out()
    small.session.runner.join(60)
    assert small.state.influence is not None
    small.fit()
    assert small.state.influence is None
    assert "Predicted by one Newton step" in words(small, "influence")


def test_cancel_keeps_what_is_done(small, monkeypatch):
    real, going = runs.influence, threading.Event()

    def slow(fit, n, *, on_fit, cancel):
        def after(done, total, subject):
            on_fit(done, total, subject)
            if done == 2:
                going.set()
                assert cancel._event.wait(10)

        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            return real(fit, n, on_fit=after, cancel=cancel, executor=pool)

    monkeypatch.setattr(runs, "influence", slow)
    small.session.leave_out()
    assert going.wait(30)
    small.session.cancel()
    small.session.runner.join(60)
    assert small.state.status == "cancelled"
    assert len(small.state.influence.table) == 2
    assert "after 2 of 5" in words(small, "influence")
    shown = table(small).rows
    assert len(shown) == 5
    assert shown[4][1] == "–"


def test_cancelled_before_the_first(small, monkeypatch):
    real = runs.influence

    def stopped(fit, n, *, on_fit, cancel):
        cancel.set()
        return real(fit, n, on_fit=on_fit, cancel=cancel)

    monkeypatch.setattr(runs, "influence", stopped)
    small.session.leave_out()
    small.session.runner.join(60)
    assert small.state.status == "cancelled"
    assert small.state.influence is None
    assert "before a fit" in small.state.message.text


def test_refits_of_abandoned_data_are_dropped(small, monkeypatch):
    real, release = runs.influence, threading.Event()

    def slow(fit, n, *, on_fit, cancel):
        assert release.wait(10)
        return real(fit, n, on_fit=on_fit, cancel=wb.CancelToken())

    monkeypatch.setattr(runs, "influence", slow)
    small.session.leave_out()
    small.session.load_dataset("theophylline")
    release.set()
    small.session.runner.join(60)
    assert small.state.influence is None
    assert small.state.fit is None
    assert small.state.status == "idle"


def test_changes_are_predicted_before_any_refit(small):
    text = words(small, "influence")
    assert "Predicted by one Newton step" in text
    assert all(view.png and not view.error for view in pictures(small))
    predicted = wb.influence(small.state.fit, refit=False)
    assert [row[2] for row in table(small).rows] == [f"{c:.2f}" for c in predicted.table["cook"]]
    small.session.leave_out()
    small.session.runner.join(60)
    assert "Predicted" not in words(small, "influence")


def test_why_there_is_no_prediction(opened):
    opened.session.set_options(covariance="none")
    opened.fit()
    opened.session.open_tab("influence")
    assert "There is no prediction: the fit has no standard errors" in words(opened, "influence")
    menus = [w for w in children(opened.page.views["influence"].widget) if hasattr(w, "entries")]
    assert len(menus) == 1  # of the contributions: no empty frames below


def test_nothing_is_predicted_while_the_tab_is_closed(opened, monkeypatch):
    from workbench.widgets.panels import influence as panel

    monkeypatch.setattr(panel, "influence", lambda *_args, **_options: pytest.fail("too early"))
    opened.fit()


def test_the_most_influential_only(small):
    small.session.leave_out(2)
    small.session.runner.join(60)
    assert len(small.state.influence.table) == 2


def test_many_subjects_are_offered_a_choice(opened):
    opened.session.set_dataset(cases.iv_data(150, times=(2.0, 6.0)))
    opened.session.set_structure("pk_1cmt_iv")
    opened.session.set_error("proportional")
    few = find(
        opened, "influence", controls.Button, "Those whose predicted distance is the highest"
    )
    opened.state.fit = wb.fit(opened.state.model, opened.state.dataset, max_iter=1)
    assert few.layout.display == ""
    opened.session.set_dataset(cases.iv_data(3))
    opened.state.fit = wb.fit(opened.state.model, opened.state.dataset, max_iter=1)
    assert few.layout.display == "none"


def test_one_subject_and_no_fit_are_said(opened):
    opened.session.leave_out()
    assert "Fit the model first" in opened.state.message.text
    one = cases.iv_data(1)
    opened.session.set_dataset(one)
    model = cases.iv_model("proportional", cl=(3.0, 0.0), v=(20.0, 0.0))
    opened.state.model = model
    opened.state.fit = wb.fit(model, one)
    opened.session.leave_out()
    assert "one subject only" in opened.state.message.text
    assert "one subject only" in words(opened, "influence")
    assert button(opened).layout.display == "none"
