"""What a click does to the state, and what it leaves alone."""

import pytest

from workbench.errors import ModelError, OptionError, UnknownNameError


def test_opens_with_the_suggested_model(opened):
    state = opened.state
    assert state.dataset.name == "theophylline"
    assert state.model.structure.name == "pk_1cmt_oral"
    assert state.status == "idle"
    assert state.fit is None


def test_fit_puts_the_reference_ofv_into_the_state(fitted):
    # 116.803: FOCEI, additive error, eta on ka, CL and V; the tolerance is that of the issue.
    assert fitted.state.fit.ofv == pytest.approx(116.803, abs=0.005)
    assert fitted.state.message.level == "info"
    assert not fitted.state.stale


def test_changing_the_model_after_a_fit_keeps_the_fit_and_says_it_is_stale(fitted):
    fit = fitted.state.fit
    fitted.session.set_parameter("cl", typical=3.0)
    assert fitted.state.fit is fit
    assert fitted.state.stale
    assert "changed since this fit" in fitted.page.numbers.value
    fitted.session.set_parameter("cl", typical=fit.model.parameters["cl"].typical)
    assert not fitted.state.stale


def test_other_data_drop_fit_and_selection(fitted):
    fitted.session.select(fitted.state.dataset.subjects[3])
    fitted.session.load_dataset("phenobarbital")
    state = fitted.state
    assert (state.fit, state.selected) == (None, None)
    assert state.model.structure.name == "pk_1cmt_iv"
    assert {view.selected for view in fitted.views} == {-1}


def test_full_omega_follows_the_random_effects(opened):
    session, state = opened.session, opened.state
    session.set_omega("full")
    assert len(state.model.correlations) == 3
    session.set_parameter("ka", iiv=0.0)
    assert list(state.model.correlations) == [("cl", "v")]
    session.set_parameter("ka", iiv=0.5)
    assert len(state.model.correlations) == 3
    session.set_omega("diagonal")
    assert not state.model.correlations


def test_another_structure_keeps_parameters_of_the_same_name(opened):
    opened.session.set_parameter("cl", typical=2.5, fixed=["typical"])
    opened.session.set_structure("pk_1cmt_iv")
    assert list(opened.state.model.parameters) == ["cl", "v"]
    assert opened.state.model.parameters["cl"].typical == 2.5
    assert opened.state.model.parameters["cl"].fixed == {"typical"}


def test_another_error_model_keeps_values_of_the_same_name(opened):
    opened.session.set_error_value("additive", 0.3)
    opened.session.set_error("combined1")
    assert opened.state.model.error.parameters["additive"] == 0.3
    assert opened.state.model.error.parameters["proportional"] > 0


def test_start_from_the_estimates(fitted):
    fitted.session.use_estimates()
    estimate = fitted.state.fit.theta["cl"]
    assert fitted.state.model.parameters["cl"].typical == pytest.approx(estimate)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda s: s.set_parameter("cl", typical=0.0), ModelError),
        (lambda s: s.set_parameter("cl", iiv=-0.1), ModelError),
        (lambda s: s.set_error_value("additive", -1.0), ModelError),
        (lambda s: s.set_options(max_iter=0), OptionError),
        (lambda s: s.set_options(covariance="bread"), OptionError),
        (lambda s: s.set_structure("pk_3cmt"), UnknownNameError),
        (lambda s: s.set_method("magic"), UnknownNameError),
    ],
)
def test_refused_changes_leave_the_state_as_it_was(opened, call, error):
    state = opened.state
    before = (state.model, state.method, dict(state.options))
    with pytest.raises(error):
        call(opened.session)
    assert (state.model, state.method, dict(state.options)) == before


def test_units_given_at_the_page_reach_the_parameters_and_the_code(opened):
    opened.session.set_units(DV="ng/mL")
    assert opened.state.dataset.units["DV"] == "ng/mL"
    assert "'DV': 'ng/mL'" in opened.session.python()
    assert opened.state.dataset.n_obs == 132


def test_the_python_tab_repeats_the_fit_exactly(fitted):
    names = {}
    exec(fitted.session.python(), names)  # noqa: S102  the code that the page offers to copy
    assert names["fit"].ofv == fitted.state.fit.ofv


def test_the_python_tab_shows_settings_that_have_not_been_fitted(opened):
    opened.session.set_error("combined2")
    opened.session.set_options(max_iter=7)
    names = {}
    exec(opened.session.python(), names)  # noqa: S102
    assert names["fit"].model == opened.state.model
    assert names["fit"].options["max_iter"] == 7
