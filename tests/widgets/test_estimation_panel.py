"""The estimation section: every method with its options, a second stage, and the call of it."""

from types import SimpleNamespace

import pytest

import workbench as wb
from tests.widgets.test_panels import children
from workbench.errors import OptionError, UnknownNameError
from workbench.estimation import Progress, estimators
from workbench.widgets.choice import Choice
from workbench.widgets.panels.trace import live
from workbench.widgets.session import Session
from workbench.widgets.switch import Switch

MODEL = wb.Model(
    "pk_1cmt_iv",
    {"cl": wb.LogNormal(1.0, iiv=0.3), "v": wb.LogNormal(10.0)},
    error=wb.error.Additive(0.3),
)


@pytest.fixture
def session(opened):
    return opened.session


def control(opened, label, kind=Choice):
    for widget in children(opened.page.views["estimator"].widget):
        words = getattr(widget, "label", "") or getattr(widget, "words", "")
        if isinstance(widget, kind) and words == label:
            return widget
    raise LookupError(label)


def test_every_estimator_can_be_picked(opened):
    picker = control(opened, "Estimation method")
    assert {entry["value"] for entry in picker.options} == set(estimators.names())
    assert all(entry["group"] for entry in picker.options)


@pytest.mark.parametrize("name", estimators.names())
def test_the_options_of_a_method_are_shown_and_called_with(opened, name):
    opened.session.set_method(name)
    state = opened.session.state
    offered = [c.option for c in estimators.get(name).controls]
    assert list(state.options) == offered
    method, arguments = state.call
    assert method == name
    options = {k: v for k, v in arguments.items() if k != "seed"}
    estimators.get(name).options(**options)


def test_an_option_with_a_value_that_the_next_method_lacks_is_reset(session):
    session.set_options(covariance="sandwich")
    session.set_method("laplace")
    assert session.state.options["covariance"] == "sandwich"
    session.set_method("saem")
    assert session.state.options["covariance"] == "linearisation"


def test_a_switch_and_a_list_change_the_options(opened):
    opened.session.set_method("laplace")
    control(opened, "Interaction", Switch).value = False
    assert opened.session.state.options["interaction"] is False
    control(opened, "Where the standard errors come from").value = "none"
    assert opened.session.state.options["covariance"] == "none"


def test_the_cost_of_quadrature_is_said_beforehand(opened):
    opened.session.set_method("agq")
    opened.session.set_options(nodes=7)
    words = [
        w.value for w in children(opened.page.views["estimator"].widget) if hasattr(w, "value")
    ]
    assert any("343 predictions per subject" in str(text) for text in words)


def test_a_chain_is_one_call(opened):
    opened.session.set_method("saem")
    opened.session.set_options(seed=3)
    control(opened, "A second method that starts where the first ended").value = "focei"
    control(opened, "−2LL by importance sampling at the end", Switch).value = True
    method, arguments = opened.session.state.call
    assert method == "saem+focei+imp"
    assert arguments["seed"] == 3
    assert arguments["imp"] == {"max_iter": 0}
    assert arguments["saem"]["exploration"] == 300
    assert "method='saem+focei+imp'" in opened.session.python()


def test_importance_sampling_after_itself_is_not_offered(opened):
    opened.session.set_method("imp")
    switch = control(opened, "−2LL by importance sampling at the end", Switch)
    assert switch.disabled
    opened.session.set_chain(sampling=True)
    assert opened.session.state.call[0] == "imp"


def test_the_second_method_cannot_be_the_first(session):
    session.set_chain("laplace")
    session.set_method("laplace")
    assert session.state.call[0] == "laplace"


def test_bad_settings_are_refused():
    session = Session()
    with pytest.raises(UnknownNameError, match="focei"):
        session.set_chain("focie")
    session.set_method("saem")
    with pytest.raises(OptionError, match="seed"):
        session.set_options(seed=-1)
    session.set_method("agq")
    with pytest.raises(OptionError, match="nodes"):
        session.set_options(nodes=0)


def test_settings_that_have_moved_on_are_told(opened):
    opened.lay_out()
    opened.fit()
    assert not opened.session.state.stale
    opened.session.set_chain(sampling=True)
    assert opened.session.state.stale


def test_the_live_trace_of_a_chain_goes_on():
    first = [Progress(k, 5, 300.0 - k, 300.0, {"cl": 1.0}, "complete-data −2LL") for k in (1, 2)]
    second = [Progress(k, 5, 120.0 - k, 119.0, {"cl": 1.0}) for k in (0, 1)]
    dataset = SimpleNamespace(units={}, endpoints=())
    trace_of = (*first, *second)
    state = SimpleNamespace(busy=True, trace=trace_of, fit=None, model=MODEL, dataset=dataset)
    trace = live(state).trace
    assert trace["iteration"].tolist() == [1, 2, 3, 4]
    assert "complete_m2ll" not in trace
    assert trace["ofv"].notna().tolist() == [False, False, True, True]


def test_fits_from_many_starts_are_shown(opened):
    opened.lay_out()
    opened.session.try_starts(2)
    opened.session.runner.join(60)
    state = opened.session.state
    assert state.starts is not None, state.message
    assert len(state.starts.table) == 2
    shown = children(opened.page.views["starts"].widget)
    words = [str(widget.value) for widget in shown if hasattr(widget, "value")]
    assert any("2 starts" in text and "data:image/png" in text for text in words)


def test_starting_values_from_the_data(opened):
    opened.session.set_parameter("cl", typical=40.0)
    opened.session.find_start()
    state = opened.session.state
    assert 1.5 < state.model.parameters["cl"].typical < 5.0
    assert "Starting values from the data" in state.message.text
