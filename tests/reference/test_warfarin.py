"""Warfarin (O'Reilly 1968; 32 subjects): NONMEM's FOCEI without a lag, Monolix with one.

NONMEM's runs are those of nonmem2rx (run000; as equations, ADVAN13, run006: 423.327289 and
423.327282), with SDs in the model: W = sqrt((THETA4 F)^2 + THETA5^2).
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb

OFV = 423.32729


@pytest.fixture(scope="module")
def plasma(references):
    """Concentrations of the tutorials' version of the data; four zeros at 0.5 h included."""
    rows = pd.read_csv(references / "data/nonmem_runs/warfarin_pks/warfarin_PKS.csv")
    return wb.read_dataset(rows.drop(columns="SPARSE"), name="warfarin")


def by_nonmem(records, form):
    found = records["warfarin_combined2_focei"]["params"]
    parameters = {
        name: wb.LogNormal(np.exp(found[f"THETA{k}"]), iiv=np.sqrt(found[f"OMEGA({k},{k})"]))
        for k, name in enumerate(("ka", "cl", "v"), start=1)
    }
    error = wb.error.Combined(additive=found["THETA5"], proportional=found["THETA4"], kind=2)
    structure = wb.pk(absorption="first_order", form=form)
    return wb.Model(structure, parameters, error=error)


@pytest.mark.parametrize("form", ["closed", "ode"])
def test_objective_at_the_estimates_against_nonmem(records, plasma, form):
    """Six digits of the parameters at a minimum: 1e-4, and ADVAN13 differs by 7e-6."""
    fit = wb.evaluate(by_nonmem(records, form), plasma, method="focei")
    assert fit.ofv == pytest.approx(OFV, abs=1e-4)


@pytest.mark.parametrize("form", ["closed", "ode"])
def test_fit_against_nonmem(records, plasma, form):
    """From starting values off by a half; NONMEM stops at three significant digits."""
    model, expected = by_nonmem(records, form), records["warfarin_combined2_focei"]["expected"]
    moved = {
        name: replace(parameter, typical=1.5 * parameter.typical, iiv=1.3 * parameter.iiv)
        for name, parameter in model.parameters.items()
    }
    error = wb.error.Combined(additive=0.5, proportional=0.15, kind=2)
    fit = wb.fit(model.replace(parameters=moved, error=error), plasma, method="focei")
    assert fit.verdict == "converged", fit.reasons
    assert fit.ofv == pytest.approx(OFV, abs=1e-3)
    for k, name in enumerate(("ka", "cl", "v"), start=1):
        typical = np.exp(expected["estimates"][f"THETA{k}"])
        assert fit.theta[name] == pytest.approx(typical, rel=2e-3)
        assert fit.omega.loc[name, name] == pytest.approx(
            expected["estimates"][f"OMEGA({k},{k})"], rel=0.01
        )
        relative_se = fit.parameters.loc[name, "se"] / fit.theta[name]
        assert relative_se == pytest.approx(expected["se"][f"THETA{k}"], rel=0.3)


# --- Monolix: other methods, hence tolerances by the precision of the estimates ---------------


def with_a_lag(references, records):
    """Monolix's data (concentrations only) and its model at its estimates."""
    record = records["mlx_warf_w1"]
    frame = pd.read_csv(references / record["dataset_csv"])
    frame = frame[(frame["dvid"].astype(str) == "1") | (frame["amt"].astype(str) != ".")]
    data = wb.read_dataset(frame.rename(columns=str.upper), name="warfarin")
    values = record["params"]
    names = {"ka": "ka", "cl": "Cl", "v": "V", "tlag": "Tlag"}
    parameters = {
        ours: wb.LogNormal(values[f"{theirs}_pop"], iiv=values[f"omega_{theirs}"])
        for ours, theirs in names.items()
    }
    error = wb.error.Combined(additive=values["a"], proportional=values["b"], kind=1)
    return wb.Model(wb.pk(absorption="first_order", lag=True), parameters, error=error), data


def test_random_effects_with_several_modes(references, records):
    """A lag gives subjects several modes: FOCEI is 654.4 at the right ones, 705.9 at others.

    By quadrature an evaluator has 658.44; Monolix's importance sampling 657.36 (SE 0.13), ours
    within three of both errors. Quadrature lies around one mode only.
    """
    model, data = with_a_lag(references, records)
    assert wb.evaluate(model, data).m2ll == pytest.approx(654.4, abs=0.05)
    agq = wb.evaluate(model, data, method="agq", nodes=9)
    checked = records["mlx_warf_w1"]["verified_by_evaluator"]
    assert agq.m2ll == pytest.approx(checked["AGQ9"], abs=0.1)
    theirs = records["mlx_warf_w1"]["expected"]["minus2LL"]
    found = wb.evaluate(model, data, method="imp", draws=10_000, df=2, scale=1.5, seed=1)
    spread = np.hypot(found.likelihood_se, theirs["se"])
    assert abs(found.m2ll - theirs["importance_sampling"]) < 3 * spread


def test_fit_with_a_lag_against_monolix(references, records):
    """SAEM without approximation against FOCEI, 0.6 SE at most; -2LL by importance sampling.

    Clearance and volume, which the data fix well, agree to 0.3 %; ka, with an SD of 0.9 between
    subjects of whom 13 have samples on the first day, to 20 %. FOCEI's -2LL is 4 lower than the
    exact one.
    The fit starts at Monolix's estimates: where the lag varies between subjects, theirs may pass
    a sample, and FOCEI's objective has several minima.
    """
    rows = pd.read_csv(references / "data/monolix_runs/cov/data/warfarin_data.csv", na_values=".")
    rows = rows.rename(columns=str.upper)
    rows = rows[rows["AMT"].notna() | (rows["DVID"] == 1)]
    rows = rows.assign(EVID=rows["AMT"].notna().astype(int), AMT=rows["AMT"].fillna(0.0))
    data = wb.read_dataset(rows.drop(columns="DVID"), name="warfarin")
    assert (data.n_sub, data.n_obs) == (32, 247)
    expected = records["mlx_warf_w1"]["expected"]
    start = expected["estimates"]
    names = {"ka": "ka", "cl": "Cl", "v": "V", "tlag": "Tlag"}
    model = wb.Model(
        wb.pk(absorption="first_order", lag=True),
        {n: wb.LogNormal(start[f"{m}_pop"], iiv=start[f"omega_{m}"]) for n, m in names.items()},
        error=wb.error.Combined(additive=start["a"], proportional=start["b"], kind=1),
    )
    fit = wb.fit(model, data, method="focei")
    assert fit.verdict == "converged", fit.reasons
    for name, theirs in names.items():
        value, se = expected["estimates"][f"{theirs}_pop"], expected["se"][f"{theirs}_pop"]
        assert fit.theta[name] == pytest.approx(value, abs=0.6 * se)
    for name, theirs in (("cl", "Cl"), ("v", "V")):
        assert fit.theta[name] == pytest.approx(expected["estimates"][f"{theirs}_pop"], rel=5e-3)
        sd = np.sqrt(fit.omega.loc[name, name])
        assert sd == pytest.approx(expected["estimates"][f"omega_{theirs}"], rel=0.03)
    assert fit.sigma["additive"] == pytest.approx(expected["estimates"]["a"], rel=0.06)
    assert fit.sigma["proportional"] == pytest.approx(expected["estimates"]["b"], rel=0.06)
    exact = expected["minus2LL"]["importance_sampling"]
    assert fit.m2ll == pytest.approx(exact, abs=5.0)


@pytest.mark.slow
def test_fit_of_a_turnover_response_against_monolix(references, records):
    """PK and response together, 483 observations.

    Monolix's model has a transit compartment where ours has a lag, and estimates the greatest
    inhibition (0.989) where ours is 1; so what depends on neither agrees to 1 %, the volume to
    2 % and the potency to 10 %.
    """
    folder = references / "data/nonmem_runs/babel_pk.turnover.emax4-nonmem"
    rows = pd.read_csv(folder / "pk.turnover.emax4.csv", na_values=".")
    rows = rows.drop(columns=["CMT", "nlmixrRowNums"]).assign(AMT=rows["AMT"].fillna(0.0))
    data = wb.read_dataset(rows, name="warfarin")
    model = wb.Model(
        wb.pk(absorption="first_order", lag=True, response="indirect_1"),
        {
            "ka": wb.LogNormal(0.6, iiv=0.6),
            "cl": wb.LogNormal(0.13, iiv=0.3),
            "v": wb.LogNormal(8.0, iiv=0.2),
            "tlag": wb.LogNormal(0.8),
            "kin": wb.LogNormal(5.0, iiv=0.05),
            "kout": wb.LogNormal(0.05, iiv=0.08),
            "imax": wb.LogNormal(wb.Fixed(1.0)),
            "ic50": wb.LogNormal(1.0, iiv=0.4),
        },
        error={
            "c": wb.error.Combined(additive=0.5, proportional=0.1, kind=2),
            "e": wb.error.Additive(4.0),
        },
        endpoints={1: "c", 2: "e"},
    )
    fit = wb.fit(model, data, method="focei", covariance="none")
    expected = records["mlx_turnover_emax3"]["expected"]["estimates"]
    assert fit.verdict == "converged", fit.reasons
    theta = fit.theta
    assert theta["cl"] == pytest.approx(expected["cl_pop"], rel=0.01)
    assert theta["kout"] == pytest.approx(expected["kout_pop"], rel=0.01)
    assert theta["kin"] / theta["kout"] == pytest.approx(expected["e0_pop"], rel=0.01)
    assert theta["v"] == pytest.approx(expected["v_pop"], rel=0.02)
    assert theta["ic50"] == pytest.approx(expected["ec50_pop"], rel=0.10)
