"""Methods in a row: each starts where the last one ended, and none is lost."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.errors import ModelError, OptionError, UnknownNameError
from workbench.estimation._chain import restarted, stage_names


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(20)


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional", cl=(4.0, 0.4), v=(15.0, 0.3))


@pytest.fixture(scope="module")
def fit(model, data):
    return wb.fit(model, data, method=["fo", "focei"], focei={"covariance": "sandwich"}, seed=3)


def test_a_stage_starts_where_the_last_one_ended(fit, model, data):
    first = wb.fit(model, data, method="fo")
    second = wb.fit(first.final_model, data, method="focei", covariance="sandwich")
    assert fit.ofv == second.ofv
    np.testing.assert_array_equal(fit.parameters["estimate"], second.parameters["estimate"])
    np.testing.assert_array_equal(fit.parameters["se"], second.parameters["se"])
    assert fit.likelihood == "FOCEI"
    assert fit.model == model
    assert fit.method == "fo+focei"


def test_the_stages_are_told(fit):
    stages = fit.stages
    assert list(stages["method"]) == ["fo", "focei"]
    assert list(stages["stage"]) == [1, 2]
    assert list(stages["likelihood"]) == ["FO", "FOCEI"]
    assert stages["ofv"].iloc[-1] == fit.ofv
    assert stages["m2ll"].iloc[-1] == fit.m2ll
    assert stages["iterations"].iloc[-1] == len(fit.trace) - 1
    assert (stages["verdict"] == "converged").all()
    assert stages["seconds"].sum() <= fit.seconds + 1e-3


def test_a_single_method_has_no_stages(model, data):
    assert wb.fit(model, data, method=["focei"]).stages.empty
    assert wb.fit(model, data, method=["focei"]).method == "focei"


def test_it_is_saved_and_repeated(fit, model, data, tmp_path):
    fit.save(tmp_path / "chain.json")
    again = wb.load_fit(tmp_path / "chain.json")
    assert again.stages.equals(fit.stages)
    assert again.method == fit.method
    assert "method=['fo', 'focei'], focei={'covariance': 'sandwich'}, seed=3" in fit.python()
    assert again.python() == fit.python()
    words = wb.fit(model, data, method="fo+focei", focei={"covariance": "sandwich"}, seed=3)
    assert words.ofv == fit.ofv


def test_a_last_stage_may_only_evaluate(fit, model, data):
    exact = wb.fit(model, data, method=["focei", "imp"], imp={"max_iter": 0, "draws": 2000})
    assert exact.likelihood == "IS"
    assert exact.verdict == "converged"
    assert exact.reasons[0].startswith("The estimates are those of focei")
    np.testing.assert_allclose(exact.parameters["estimate"], fit.parameters["estimate"], rtol=1e-5)
    assert exact.parameters["se"].notna().all()


def test_evaluating_does_not_make_doubtful_estimates_certain(model, data):
    chain = wb.fit(model, data, method=["focei", "imp"], focei={"max_iter": 1}, imp={"max_iter": 0})
    assert chain.verdict == "doubtful"
    assert any("limit of 1" in reason for reason in chain.reasons)


def test_a_stage_that_cannot_run_does_not_lose_the_others(model, data):
    chain = wb.fit(model, data, method=["focei", "linear"])
    alone = wb.fit(model, data, method="focei")
    assert chain.ofv == alone.ofv
    assert list(chain.stages["method"]) == ["focei"]
    assert any("Stage 2 (linear) could not run" in note for note in chain.warnings)
    with pytest.raises(ModelError, match="not linear"):
        wb.fit(model, data, method=["linear", "focei"])


def test_cancel_ends_the_chain_with_what_there_is(model, data):
    token = wb.CancelToken()

    def stop(progress):
        token.set()

    chain = wb.fit(model, data, method=["focei", "imp"], on_iteration=stop, cancel=token)
    assert list(chain.stages["method"]) == ["focei"]
    assert chain.verdict == "doubtful"
    assert any("imp was not run" in note for note in chain.warnings)


def test_a_doubtful_stage_is_mentioned(model, data):
    chain = wb.fit(model, data, method=["fo", "focei"], fo={"max_iter": 1})
    assert chain.verdict == "converged"
    assert any(note.startswith("Stage 1 (fo) ended doubtful") for note in chain.warnings)


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"max_iter": 3}, UnknownNameError, 'belong to a stage: focei={"max_iter": 3}'),
        ({"focie": {}}, UnknownNameError, "Did you mean 'focei'"),
        ({"focei": 3}, OptionError, "are a mapping"),
        ({"focei": {"max_itr": 3}}, UnknownNameError, "Did you mean 'max_iter'"),
    ],
)
def test_wrong_options_are_refused_before_anything_runs(model, data, arguments, kind, words):
    def never(progress):
        raise AssertionError("a stage was run")

    with pytest.raises(kind, match=words):
        wb.fit(model, data, method=["fo", "focei"], on_iteration=never, **arguments)


def test_wrong_chains_are_refused(model, data):
    with pytest.raises(OptionError, match="list of names"):
        wb.fit(model, data, method=[])
    with pytest.raises(UnknownNameError, match="Did you mean 'foce'"):
        wb.fit(model, data, method=["fo", "focie"])
    with pytest.raises(OptionError, match="evaluate takes one method"):
        wb.evaluate(model, data, method="fo+focei")
    assert stage_names("saem+focei") == ("saem", "focei")


def test_a_variance_at_zero_gets_another_chance(model):
    gone = {**model.parameters, "v": wb.LogNormal(14.0, iiv=1e-9)}
    again, notes = restarted(model, model.replace(parameters=gone))
    assert again.parameters["v"].iiv == pytest.approx(0.2 * 0.3)
    assert again.parameters["v"].typical == 14.0
    assert "eta on v" in notes[0]
    assert restarted(model, model) == (model, [])
