"""The list of fits made on a page: kept, named, opened again, tested against each other."""

from dataclasses import replace
from types import SimpleNamespace

import ipywidgets as controls
import pytest

import workbench as wb
from tests.widgets.test_panels import children, find
from workbench.errors import OptionError, UnknownNameError
from workbench.widgets.choice import Choice
from workbench.widgets.runs import MOST_RUNS
from workbench.widgets.session import Session


def names(opened):
    return [run.name for run in opened.state.runs]


def words(opened, panel="runs"):
    return " ".join(
        str(widget.value)
        for widget in children(opened.page.views[panel].widget)
        if isinstance(widget, controls.HTML)
    )


def choice(opened, label):
    for widget in children(opened.page.views["runs"].widget):
        if isinstance(widget, Choice) and widget.label == label:
            return widget
    raise LookupError(label)


@pytest.fixture
def two(fitted):
    """Theophylline with additive error, then with combined error, on the tab of the runs."""
    fitted.session.open_tab("runs")
    fitted.session.set_error("combined1")
    fitted.fit()
    return fitted


def test_every_fit_is_kept(two):
    assert names(two) == ["Run 1", "Run 2"]
    assert two.session.open_run_name == "Run 2"
    assert [run.fit.model.error.model for run in two.state.runs] == ["additive", "combined1"]


def test_the_table_shows_runs_differences_and_nested_pairs(two):
    text = words(two)
    for part in ("Run 1", "Run 2", "116.80", "17.75", "converged", "additive", "combined 1"):
        assert part in text
    assert "Run 1 against Run 2 (sigma[proportional] = 0): ΔOFV 17.748, 1 df, χ²₁" in text
    assert text.count("wb-current") == 1


def test_the_table_says_in_what_a_run_differs_from_the_one_before(two):
    text = words(two)
    assert "1 compartment, first-order absorption" in text
    assert "Differs from Run 1 by error: combined 1" in text
    two.session.set_parameter("ka", eta={"kind": "boxcox", "shape": 0.5})
    two.fit()
    assert "Differs from Run 2 by η ka (Box–Cox)" in words(two)


def test_what_cannot_be_compared_gets_no_difference_and_a_reason(two):
    two.session.set_method("fo")
    two.fit()
    text = words(two)
    assert "Run 3: no differences. −2LL of Run 1 was obtained by FOCEI" in text


def test_the_table_is_made_only_on_view(fitted):
    assert "Run 1" not in words(fitted)
    fitted.session.open_tab("runs")
    assert "Run 1" in words(fitted)


def test_opening_a_run_brings_back_its_data_model_and_settings(two):
    state, first = two.state, two.state.runs[0]
    choice(two, "The run on view").value = "Run 1"
    assert state.fit is first.fit
    assert state.model == first.fit.model
    assert not state.stale
    assert state.status == "done"
    assert two.session.python() == first.fit.python()
    assert names(two) == ["Run 1", "Run 2"]  # it is not a new one


def test_opening_a_run_of_other_data(two):
    two.session.select(3)
    two.session.load_dataset("phenobarbital")
    two.fit()
    assert names(two) == ["Run 1", "Run 2", "Run 3"]
    two.session.open_run("Run 1")
    assert two.state.dataset.name == "theophylline"
    assert two.state.selected is None
    assert "was fitted to 12 subjects" in words(two)


@pytest.mark.parametrize(
    ("method", "chain", "options"),
    [
        ("focei", {}, {"max_iter": 50}),
        ("fo", {"then": "focei"}, {"covariance": "none"}),
        ("focei", {"sampling": True}, {}),
        ("saem", {"then": "focei", "sampling": True}, {"seed": 4, "exploration": 30}),
    ],
)
def test_settings_come_back_as_they_were(opened, method, chain, options):
    session, state = opened.session, opened.state
    session.set_method(method)
    session.set_chain(**chain) if chain.get("then") else session.set_chain("", **chain)
    session.set_options(**options)
    call, settings = state.call, (state.method, dict(state.options), state.then, state.sampling)
    fit = wb.fit(state.model, state.dataset, max_iter=1)
    state.fitted_with = (state.model, *call)
    state.fit = fit
    session.set_method("laplace")
    session.set_chain("imp")
    session.set_structure("pk_2cmt_oral")
    state.fit = wb.fit(fit.model, fit.data, max_iter=2)
    assert len(state.runs) == 2
    session.open_run("Run 1")
    assert state.call == call
    assert (state.method, dict(state.options), state.then, state.sampling) == settings
    assert not state.stale


def test_renaming(two):
    name = find(two, "runs", controls.Text, "Name of the run on view")
    name.value = "combined"
    assert names(two) == ["Run 1", "combined"]
    assert "combined" in words(two)
    with pytest.raises(OptionError, match="another run named Run 1"):
        two.session.rename_run("combined", "Run 1")
    with pytest.raises(OptionError, match="needs a name"):
        two.session.rename_run("combined", "  ")
    with pytest.raises(UnknownNameError, match="no run 'Run 2'"):
        two.session.rename_run("Run 2", "x")
    name.value = "Run 1"
    assert "another run named Run 1" in words(two)
    assert names(two) == ["Run 1", "combined"]


def test_names_from_a_person_are_shown_as_text(two):
    two.session.rename_run("Run 2", "<b>x</b>")
    assert "<b>x</b>" not in words(two)


def test_removing_the_run_on_view_shows_another(two):
    two.session.test_runs("Run 1", "Run 2")
    find(two, "runs", controls.Button, "Forget the run on view").click()
    assert names(two) == ["Run 1"]
    assert two.state.fit is two.state.runs[0].fit
    assert two.state.tested == ()
    two.session.remove_run("Run 1")
    assert (names(two), two.state.fit, two.state.status) == ([], None, "idle")
    assert two.page.views["runs"].widget.selected_index == 0


def test_a_run_that_is_not_on_view_can_be_removed(two):
    fit = two.state.fit
    two.session.remove_run("Run 1")
    assert names(two) == ["Run 2"]
    assert two.state.fit is fit
    two.session.set_error("additive")
    two.fit()
    assert names(two) == ["Run 2", "Run 3"]


def test_while_a_fit_runs_nothing_is_opened_or_removed(two):
    two.state.status = "running"
    two.session.open_run("Run 1")
    two.session.remove_run("Run 1")
    assert two.session.open_run_name == "Run 2"
    assert names(two) == ["Run 1", "Run 2"]
    assert "A fit is running" in two.state.message.text


def test_the_oldest_runs_go_when_there_are_too_many(fitted):
    fit = fitted.state.fit
    fitted.session.open_tab("python_code")  # nothing to draw there
    for _ in range(MOST_RUNS):
        fitted.state.fit = replace(fit)
    assert len(names(fitted)) == MOST_RUNS
    assert names(fitted)[0] == "Run 2"
    assert names(fitted)[-1] == f"Run {MOST_RUNS + 1}"


def test_a_test_of_two_chosen_runs(two):
    choice(two, "The smaller model").value = "Run 1"
    choice(two, "The larger model").value = "Run 2"
    assert two.state.tested == ("Run 1", "Run 2")
    assert "<b>Run 1 against Run 2 (sigma[proportional] = 0)" in words(two)
    two.session.test_runs("Run 2", "Run 1")
    assert "Run 2 is not a special case of Run 1" in words(two)
    assert "exchange the two" in words(two)
    assert choice(two, "The smaller model").value == "Run 2"
    two.session.test_runs("Run 1", "Run 1")
    assert "There is nothing to test" in words(two)
    with pytest.raises(UnknownNameError):
        two.session.test_runs("Run 1", "Run 9")


def test_what_is_no_fit_is_not_kept():
    session = Session()
    session.state.fit = SimpleNamespace(verdict="converged")
    assert session.state.runs == ()
