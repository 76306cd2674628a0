"""Simulation: repeatable, of the stated distribution, and fitted back to what it came from."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import ModelError, OptionError
from workbench.problem import Problem
from workbench.simulation import replicate, replicate_blocks

TIMES = [0.5, 1.0, 2.0, 4.0, 8.0, 12.0]
DESIGN = pd.DataFrame(
    [(i, 0.0, 100.0, 1) for i in range(1, 21)]
    + [(i, t, 0.0, 0) for i in range(1, 21) for t in TIMES],
    columns=["ID", "TIME", "AMT", "EVID"],
).sort_values(["ID", "TIME"], kind="stable")


def model(**changes):
    parts = {
        "structure": "pk_1cmt_oral",
        "parameters": {
            "ka": wb.LogNormal(1.2, iiv=0.4),
            "cl": wb.LogNormal(3.0, iiv=0.3),
            "v": wb.LogNormal(25.0, iiv=0.2),
        },
        "correlations": {("cl", "v"): 0.6, ("ka", "cl"): 0.1, ("ka", "v"): 0.1},
        "error": wb.error.Combined(additive=0.05, proportional=0.1),
    }
    return wb.Model(**{**parts, **changes})


def test_one_row_for_each_observation_and_replicate():
    table = wb.simulate(model(), DESIGN, replicates=3, seed=1)
    assert list(table) == ["REPLICATE", "ID", "TIME", "DV", "IPRED", "PRED"]
    assert len(table) == 3 * 20 * len(TIMES)
    assert table["REPLICATE"].unique().tolist() == [1, 2, 3]
    one = table[table["REPLICATE"] == 2]
    assert one["TIME"].tolist() == TIMES * 20
    assert np.isfinite(table["DV"]).all()


def test_the_seed_decides_and_more_replicates_begin_with_the_same():
    first = wb.simulate(model(), DESIGN, replicates=2, seed=7)
    pd.testing.assert_frame_equal(first, wb.simulate(model(), DESIGN, replicates=2, seed=7))
    more = wb.simulate(model(), DESIGN, replicates=5, seed=7)
    pd.testing.assert_frame_equal(first, more.iloc[: len(first)])
    assert not np.allclose(first["DV"], wb.simulate(model(), DESIGN, replicates=2, seed=8)["DV"])


def test_without_variability_everyone_is_typical():
    table = wb.simulate(model(), DESIGN, iiv=False, ruv=False)
    np.testing.assert_array_equal(table["DV"], table["PRED"])
    np.testing.assert_array_equal(table["IPRED"], table["PRED"])
    noisy = wb.simulate(model(), DESIGN, iiv=False, seed=2)
    np.testing.assert_array_equal(noisy["IPRED"], noisy["PRED"])
    assert (noisy["DV"] != noisy["PRED"]).all()


@pytest.mark.parametrize(
    ("error", "spread"),
    [
        (wb.error.Additive(0.3), lambda f: 0.3 * np.ones_like(f)),
        (wb.error.Proportional(0.2), lambda f: 0.2 * f),
        (wb.error.Combined(0.3, 0.2, kind=1), lambda f: 0.3 + 0.2 * f),
        (wb.error.Combined(0.3, 0.2, kind=2), lambda f: np.sqrt(0.09 + 0.04 * f**2)),
    ],
)
def test_the_residual_error_has_its_spread(error, spread):
    """48,000 draws: the SD of a standard normal is within 1.5 % (4.6 standard errors)."""
    table = wb.simulate(model(error=error), DESIGN, replicates=400, seed=3)
    z = (table["DV"] - table["IPRED"]) / spread(table["IPRED"].to_numpy())
    assert abs(z.mean()) < 0.02
    assert z.std() == pytest.approx(1.0, abs=0.015)


def test_lognormal_error_is_normal_on_the_logarithm():
    table = wb.simulate(model(error=wb.error.LogNormal(0.25)), DESIGN, replicates=400, seed=4)
    z = np.log(table["DV"] / table["IPRED"]) / 0.25
    assert abs(z.mean()) < 0.02
    assert z.std() == pytest.approx(1.0, abs=0.015)


def test_random_effects_have_the_covariance_of_omega():
    """8,000 subjects; log(C) right after a bolus is -log V, so its SD is that of eta on V."""
    iv = model(
        structure="pk_1cmt_iv",
        parameters={"cl": wb.LogNormal(1e-6, iiv=0.3), "v": wb.LogNormal(20.0, iiv=0.25)},
        correlations={},
    )
    bolus = DESIGN[DESIGN["TIME"].isin([0.0, 0.5])]
    table = wb.simulate(iv, bolus, replicates=400, seed=5, ruv=False)
    eta = -np.log(table["IPRED"] / table["PRED"])
    assert eta.std() == pytest.approx(0.25, rel=0.03)
    assert abs(eta.mean()) < 0.012


def test_a_fit_simulates_from_its_estimates():
    data = wb.load_dataset("theophylline")
    fit = wb.fit(wb.Model.from_dict(data.info.suggested_model), data)
    table = wb.simulate(fit, data, ruv=False, iiv=False)
    np.testing.assert_allclose(table["PRED"], fit.predictions["PRED"], rtol=1e-12)


def test_simulated_data_are_fitted_back():
    """20 subjects: within three standard errors of the truth."""
    table = wb.simulate(model(), DESIGN, seed=11)
    rows = DESIGN.assign(DV=np.nan)
    rows.loc[rows["EVID"] == 0, "DV"] = table["DV"].to_numpy()
    fit = wb.fit(model(), wb.read_dataset(rows, name="simulated"))
    assert fit.verdict == "converged"
    for name, truth in (("ka", 1.2), ("cl", 3.0), ("v", 25.0), ("sigma[proportional]", 0.1)):
        row = fit.parameters.loc[name]
        assert abs(row["estimate"] - truth) < 3.0 * row["se"], name


def test_dense_curves_pass_through_the_design():
    table = wb.simulate(model(), DESIGN, dense=50, seed=1, replicates=2)
    assert "DV" not in table
    assert table.groupby(["REPLICATE", "ID"]).size().min() >= 50
    at = wb.simulate(model(), DESIGN, seed=1, replicates=2, ruv=False)
    both = at.merge(table, on=["REPLICATE", "ID", "TIME"], suffixes=("", "_curve"))
    assert len(both) >= len(at)
    np.testing.assert_allclose(both["IPRED"], both["IPRED_curve"], rtol=1e-12)


def test_values_beyond_the_limits_of_the_design_are_at_them():
    """As they would be measured; without residual error there is no measurement."""
    drawn = wb.simulate(model(), DESIGN, seed=5)
    measured = DESIGN.assign(DV=np.nan)
    measured.loc[measured["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    low, high = drawn["DV"].quantile([0.2, 0.9])
    limited = wb.read_dataset(measured).censor(lloq=low, uloq=high)
    free = wb.simulate(model(), DESIGN, replicates=3, seed=6)
    found = wb.simulate(model(), limited, replicates=3, seed=6)
    expected = np.select([free["DV"] < low, free["DV"] > high], [1, -1], 0)
    assert set(expected) == {-1, 0, 1}
    assert found["CENS"].tolist() == expected.tolist()
    np.testing.assert_array_equal(found["DV"], free["DV"].clip(low, high))
    assert "CENS" not in wb.simulate(model(), limited, ruv=False)


def test_several_outputs_are_named():
    structure = wb.pk(response="emax")
    parameters = {
        name: wb.LogNormal(value, iiv=0.1)
        for name, value in zip(structure.parameters, structure.typical, strict=True)
    }
    error = {"c": wb.error.Proportional(0.1), "e": wb.error.Additive(1.0)}
    design = DESIGN.assign(DVID=np.where(DESIGN["TIME"] > 3.0, "e", "c"))
    table = wb.simulate(wb.Model(structure, parameters, error=error), design, seed=1)
    assert table["ENDPOINT"].unique().tolist() == ["c", "e"]
    baseline = structure.typical[structure.parameters.index("e0")]
    assert (table.loc[table["ENDPOINT"] == "e", "PRED"] > baseline).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicates": 0},
        {"replicates": "3"},
        {"seed": -1},
        {"seed": 1.5},
        {"seed": True},
        {"seed": "a"},
        {"seed": None},
        {"dense": 0},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(OptionError, match=f"{next(iter(wrong))}= must be a whole number of at"):
        wb.simulate(model(), DESIGN, **wrong)


@pytest.mark.parametrize(
    ("source", "design", "words"),
    [
        (None, DESIGN, "needs a model or a fit, not a NoneType"),
        (DESIGN, DESIGN, "needs a model or a fit, not a DataFrame"),
        ("model", None, "The design must be a data set, not NoneType"),
        ("model", "design.csv", "The design must be a data set, not str.*read_dataset"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words(source, design, words):
    with pytest.raises(ModelError, match=words):
        wb.simulate(model() if isinstance(source, str) else source, design)


def test_a_limit_of_quantification_may_be_given_for_a_design():
    free = wb.simulate(model(), DESIGN, replicates=2, seed=6)
    low = free["DV"].quantile(0.3)
    found = wb.simulate(model(), DESIGN, replicates=2, seed=6, lloq=low)
    assert found["CENS"].tolist() == (free["DV"] < low).astype(int).tolist()
    np.testing.assert_array_equal(found["DV"], free["DV"].clip(lower=low))


def problem(**changes):
    return Problem(model(**changes), wb.read_dataset(DESIGN, design=True))


def test_replicates_are_the_predictions_at_their_random_effects_plus_error():
    """Exactly those that `problem.values` gives one by one."""
    posed = problem()
    theta = posed.space.values(posed.space.start).theta
    drawn = replicate(posed, 60, 3)
    one_by_one = np.array([posed.values(theta, eta) for eta in drawn.eta])
    np.testing.assert_array_equal(drawn.ipred, one_by_one)
    assert (drawn.dv != drawn.ipred).all()


def test_numbers_do_not_depend_on_threads_or_blocks(monkeypatch):
    posed = problem()
    whole = replicate(posed, 40, 9)
    monkeypatch.setattr("workbench.simulation.BLOCK", 500)
    for threads in (1, 2, 3):
        blocks = list(replicate_blocks(posed, 40, 9, threads=threads))
        assert len(blocks) > 5
        for name in ("eta", "ipred", "dv"):
            parts = np.concatenate([getattr(block, name) for block in blocks])
            np.testing.assert_array_equal(parts, getattr(whole, name))
    np.testing.assert_array_equal(replicate(posed, 7, 9).dv, whole.dv[:7])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_cancelled_simulation_is_the_beginning_of_the_whole(monkeypatch, threads):
    posed, token = problem(), wb.CancelToken()
    monkeypatch.setattr("workbench.simulation.BLOCK", 240)
    whole, found = replicate(posed, 40, 9), []
    for block in replicate_blocks(posed, 40, 9, threads=threads, cancel=token):
        found.append(block)
        token.set()
    some = np.concatenate([block.dv for block in found])
    assert 0 < len(some) < 40
    np.testing.assert_array_equal(some, whole.dv[: len(some)])


def test_a_singular_omega_can_be_simulated_from():
    """Correlation 1: the random effects lie on a line."""
    posed = problem(
        parameters={
            "ka": wb.LogNormal(1.2),
            "cl": wb.LogNormal(3.0, iiv=0.3),
            "v": wb.LogNormal(25.0, iiv=0.2),
        },
        correlations={("cl", "v"): 0.6},
    )
    omega = np.array([[0.09, 0.06], [0.06, 0.04]])
    none = np.zeros((0, 0))
    posed.model = type("Model", (), {"omega": omega, "omega_iov": none})()
    eta = replicate(posed, 50, 1).eta.reshape(-1, 2)
    np.testing.assert_allclose(eta[:, 0], 1.5 * eta[:, 1], atol=1e-7)
    assert eta[:, 1].std() == pytest.approx(0.2, rel=0.1)
