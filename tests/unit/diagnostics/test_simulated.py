"""`wb.npde`: simulation, gaps with their reasons, and the cache behind the residual table."""

import gc
import time
import weakref
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, outputs
from workbench.diagnostics import _simulated, table
from workbench.errors import OptionError

COLUMNS = ["ROW", "ID", "TIME", "TAD", "DV", "PRED", "YPRED", "PWRES", "PD", "NPD", "PDE", "NPDE"]
SIMULATED = ["PWRES", "NPD", "NPDE"]


@pytest.fixture(scope="module")
def fit():
    data = wb.load_dataset("theophylline")
    return wb.evaluate(wb.Model.from_dict(data.info.suggested_model), data)


def fitted(subjects, times, error=None, label=str, **parameters):
    """Evaluate a model at the values that the data were simulated from."""
    given = {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(30.0, iiv=0.2), **parameters}
    model = wb.Model(wb.pk(), given, error=error or wb.error.Proportional(0.1))
    rows = [
        (label(i), t, 100.0 * (t == 0), int(t == 0))
        for i in range(1, subjects + 1)
        for t in (0.0, *times)
    ]
    design = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID"])
    drawn = wb.simulate(model, design, seed=5)
    design.loc[design["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.evaluate(model, wb.read_dataset(design))


def test_one_row_for_each_observation(fit):
    found = wb.npde(fit, 200, seed=3)
    assert list(found.table) == COLUMNS
    assert len(found.table) == 132
    assert (found.replicates, found.seed, found.decorrelation) == (200, 3, "cholesky")
    assert found.notes == ()
    assert np.isfinite(found.table[["YPRED", *SIMULATED]]).all(axis=None)
    pd.testing.assert_series_equal(found.table["DV"], fit.predictions["DV"])
    assert "200 replicates, seed 3, cholesky" in repr(found)


def test_the_seed_decides(fit):
    first, again, other = (wb.npde(fit, 100, seed=seed).table for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first["NPDE"], other["NPDE"])


def test_decorrelation_changes_npde_only(fit):
    cholesky, inverse = (wb.npde(fit, 100, decorrelation=d).table for d in ("cholesky", "inverse"))
    assert not np.allclose(cholesky["NPDE"], inverse["NPDE"])
    pd.testing.assert_frame_equal(
        cholesky.drop(columns=["PDE", "NPDE"]), inverse.drop(columns=["PDE", "NPDE"])
    )


def test_pwres_is_near_wres_where_the_model_is_nearly_linear():
    """Small omega: the linearisation of WRES is then the truth; 4,000 replicates, 3 SD."""
    found = fitted(6, [1, 4, 9], cl=wb.LogNormal(3.0, iiv=0.02), v=wb.LogNormal(30.0, iiv=0.02))
    simulated = wb.npde(found, 4000).table
    np.testing.assert_allclose(simulated["PWRES"], found.predictions["WRES"], atol=0.15)
    np.testing.assert_allclose(simulated["YPRED"], simulated["PRED"], rtol=0.01)


def test_log_normal_error_is_compared_on_the_logarithm():
    """Without random effects PWRES, NPD and NPDE are then all nearly WRES."""
    none = {"cl": wb.LogNormal(3.0), "v": wb.LogNormal(30.0)}
    found = fitted(20, [1, 4, 9], error=wb.error.LogNormal(0.5), **none)
    simulated = wb.npde(found, 4000).table
    for name in SIMULATED:
        np.testing.assert_allclose(simulated[name], found.predictions["WRES"], atol=0.25)
    assert (simulated["YPRED"] > 1.05 * simulated["PRED"]).all()  # the mean of a log-normal


@pytest.mark.parametrize(
    ("subjects", "times"), [(1, [1, 4, 9]), (12, [3]), (1, [2]), (3, [0.5, 1, 2, 4, 8, 12, 24])]
)
def test_small_data_have_all_residuals(subjects, times):
    found = table("residuals", fitted(subjects, times, label=lambda i: f"PAT-{i}"))
    assert np.isfinite(found[["RES", "WRES", "CWRES", "CWRESI", *SIMULATED]]).all(axis=None)


def test_pooled_and_two_stage_fits_have_residuals(fit):
    for method in ("pooled", "two_stage"):
        other = wb.fit(fit.model, fit.data, method=method)
        found = table("residuals", other)
        assert np.isfinite(found[[*SIMULATED, "CWRES", "CWRESI"]]).all(axis=None), method


def test_a_random_effect_fixed_near_zero():
    found = fitted(4, [1, 4], cl=wb.LogNormal(3.0, iiv=wb.Fixed(1e-8)))
    assert np.isfinite(wb.npde(found, 100).table["NPDE"]).all()


def test_observations_without_variability_are_named():
    """A concentration of 0 before an oral dose, with proportional error."""
    model = wb.Model(
        wb.pk(absorption="first_order"),
        {
            "ka": wb.LogNormal(1.0, iiv=0.3),
            "cl": wb.LogNormal(3.0, iiv=0.3),
            "v": wb.LogNormal(30.0, iiv=0.2),
        },
        error=wb.error.Combined(additive=1e-9, proportional=0.1),
    )
    data = pd.DataFrame(
        {
            "ID": ["a"] * 4 + ["b"] * 4,
            "TIME": [0, 0, 2, 6] * 2,
            "AMT": [0, 100, 0, 0] * 2,
            "EVID": [0, 1, 0, 0] * 2,
            "DV": [0, np.nan, 2.0, 1.5] * 2,
        }
    )
    found = wb.npde(wb.evaluate(model, wb.read_dataset(data)), 100)
    assert np.isfinite(found.table["NPDE"].iloc[[1, 2, 4, 5]]).all()


def test_more_observations_than_replicates_is_said():
    found = wb.npde(fitted(2, np.linspace(0.5, 24, 30)), 20)
    assert found.table["NPDE"].isna().all()
    assert found.table["NPD"].notna().all()
    assert "60 observations (of 2 subjects: 1, 2)" in found.notes[0]
    assert "simulate more" in found.notes[0]


def test_a_fit_that_cannot_be_simulated_keeps_its_table(fit, monkeypatch):
    def broken(*_):
        raise np.linalg.LinAlgError("Matrix is not positive definite")

    monkeypatch.setattr(_simulated, "replicate", broken)
    found = wb.npde(fit)
    assert found.table[SIMULATED].isna().all(axis=None)
    assert found.table["PRED"].notna().all()
    assert "not positive definite" in found.notes[0]


def test_censored_observations_have_values_below_their_limit(fit):
    dv = fit.predictions["DV"].to_numpy()
    found = wb.npde(fit, 300, censored=dv < 2, limit=2.0).table
    plain = wb.npde(fit, 300).table
    assert np.isfinite(found["NPDE"]).all()
    assert (found["PD"] != plain["PD"])[dv < 2].any()
    np.testing.assert_array_equal(found["PD"][dv >= 2], plain["PD"][dv >= 2])
    with pytest.raises(OptionError, match="132 observations"):
        wb.npde(fit, 50, censored=dv < 2, limit=[1.0, 2.0])


def test_options_out_of_range_are_refused(fit):
    with pytest.raises(OptionError, match="replicates= must be a whole number of at least 2"):
        wb.npde(fit, 1)
    with pytest.raises(OptionError, match="seed= must be a whole number of at least 0"):
        wb.npde(fit, seed=-1)
    with pytest.raises(OptionError, match="Known: 'cholesky'"):
        wb.npde(fit, decorrelation="eigen")


def test_the_number_of_replicates_follows_the_size_of_the_data():
    assert _simulated.replicates_for(np.full(12, 11)) == 1000
    assert _simulated.replicates_for(np.full(2000, 10)) == 200
    assert _simulated.replicates_for(np.full(800, 10)) == 500
    assert _simulated.replicates_for(np.array([150, 3])) == 1500
    assert _simulated.replicates_for(np.array([], dtype=np.int64)) == 1000


def test_the_residual_table_simulates_once_for_each_fit(fit, monkeypatch):
    own, calls = _simulated.replicate, []
    monkeypatch.setattr(_simulated, "replicate", lambda *a: calls.append(a) or own(*a))
    one, two = replace(fit), replace(fit)
    first = table("residuals", one)
    pd.testing.assert_frame_equal(first, table("residuals", one))
    assert len(calls) == 1
    first["NPDE"] = 0.0
    assert (table("residuals", one)["NPDE"] != 0).any()
    table("residuals", two)
    assert len(calls) == 2
    gone = weakref.ref(one)
    del one, calls[:]
    gc.collect()
    assert gone() is None


def test_the_table_says_how_it_was_simulated_and_what_is_missing(fit, monkeypatch):
    found = table("residuals", fit)
    assert found.attrs == {"simulated": "1000 replicates, seed 0, cholesky", "notes": ()}

    def broken(*_):
        raise np.linalg.LinAlgError("omega is singular")

    monkeypatch.setattr(_simulated, "replicate", broken)
    other = table("residual_tests", replace(fit))
    assert "omega is singular" in other.attrs["notes"][0]
    picture = wb.plots.show("residual_distribution", replace(fit), variant="NPDE")
    words = [artist.get_text() for artist in picture.axes[0].texts]
    assert any("omega is singular" in text.replace("\n", " ") for text in words)


def test_the_same_quantity_as_two_endpoints_has_the_same_residuals():
    """Both outputs are the concentration with the same error: splitting them changes nothing."""
    error = outputs.error("combined1")
    two = wb.evaluate(
        outputs.model("same", error, error), wb.read_dataset(outputs.frame("same"), name="two")
    )
    pooled = outputs.frame("same").drop(columns="DVID")
    one = wb.evaluate(cases.iv_model("combined1"), wb.read_dataset(pooled, name="one"))
    apart, together = wb.npde(two, 100).table, wb.npde(one, 100).table
    assert set(apart["ENDPOINT"]) == {"cp", "effect"}
    np.testing.assert_allclose(apart[SIMULATED], together[SIMULATED], atol=1e-8)


def test_a_fit_read_back_has_the_same_residuals(fit, tmp_path):
    fit.save(tmp_path / "fit.json")
    again = table("residuals", wb.load_fit(tmp_path / "fit.json"))
    pd.testing.assert_frame_equal(again, table("residuals", fit))


def test_every_estimator_has_every_residual(fit):
    """At fixed values; linear mixed models and sampling have their own ways to the modes."""
    for method in ("fo", "foce", "focei", "laplace", "agq", "its", "imp", "saem"):
        found = table("residuals", wb.evaluate(fit.model, fit.data, method=method))
        numbers = found[["RES", "IRES", "WRES", "IWRES", "CWRES", "CWRESI", *SIMULATED]]
        assert np.isfinite(numbers).all(axis=None), method


def test_residuals_that_a_fit_brings_are_not_simulated(fit, monkeypatch):
    monkeypatch.setattr(_simulated, "replicate", None)
    own = fit.predictions.assign(PWRES=1.0, NPD=2.0, NPDE=3.0)
    assert (table("residuals", replace(fit, predictions=own))["NPDE"] == 3.0).all()


def test_residuals_of_theophylline_are_quick(fit):
    """The budget is 0.1 s on an idle machine; ten times that where others work too."""
    start = time.perf_counter()
    table("residuals", replace(fit))
    assert time.perf_counter() - start < 1.0
