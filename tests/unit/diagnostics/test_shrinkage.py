"""Definitions of shrinkage by hand, and the predicted one against simulation."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.standins import stand_in
from workbench.diagnostics import table


def by_definition(fit):
    return table("shrinkage", fit).set_index(["parameter", "definition"])


def test_every_definition_by_hand():
    fit = stand_in(labels=("a", "b", "c"), times=[1.0, 2.0], random=("cl",))
    fit.etas["cl"] = [0.1, -0.2, 0.4]  # mean 0.1, squares about it 0.18, about zero 0.21
    fit.omega.loc[:] = 0.1
    fit.shrinkage.loc["cl"] = [100 * (1 - 0.9**0.5), 10.0]
    fit.predictions["IWRES"] = [0.5, -0.5, 1.0, 0.0, 0.5, 1.5]  # squares 4.0, mean 0.5
    found = by_definition(fit)
    share = found["shrinkage_var"] / 100
    assert share["cl", "ebe"] == pytest.approx(1 - 0.18 / 2 / 0.1)
    assert share["cl", "ebe_population"] == pytest.approx(1 - 0.18 / 3 / 0.1)
    assert share["cl", "ebe_about_zero"] == pytest.approx(1 - 0.21 / 3 / 0.1)
    assert share["cl", "ebv"] == pytest.approx(0.2)  # the stand-in's
    assert share["epsilon", "iwres"] == pytest.approx(1 - 4.0 / 6)
    assert share["epsilon", "iwres_centred"] == pytest.approx(1 - 2.5 / 5)
    sd = found["shrinkage_sd"] / 100
    np.testing.assert_allclose(sd, 1 - np.sqrt(1 - share), rtol=1e-12)
    assert found["formula"].str.len().gt(5).all()


def test_omega_zero_has_no_shrinkage_and_one_subject_no_spread():
    fit = stand_in(labels=(1,), random=("cl",))
    fit.omega.loc[:] = 0.0
    fit.shrinkage.loc[:] = np.nan
    found = by_definition(fit).loc["cl"]
    assert found.loc[["ebe", "ebe_about_zero", "ebv"], "shrinkage_var"].isna().all()


def model(**changes):
    """Intravenous, log-normal, combined error: the variance depends on the prediction."""
    values = {"cl": 0.3, "v": 0.2, **changes}
    return wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(3.0, iiv=values["cl"]), "v": wb.LogNormal(20.0, iiv=values["v"])},
        error=wb.error.Combined(additive=0.05, proportional=0.15, kind=2),
    )


def simulated(n_sub, times, seed):
    rows = [
        {"ID": i, "TIME": t, "AMT": 100.0 if t == 0 else 0.0, "EVID": int(t == 0), "DV": np.nan}
        for i in range(1, n_sub + 1)
        for t in (0.0, *times)
    ]
    design = wb.read_dataset(pd.DataFrame(rows), design=True, name="design")
    drawn = wb.simulate(model(), design, seed=seed)
    frame = pd.DataFrame(rows)
    frame.loc[frame["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.read_dataset(frame, name="simulated")


@pytest.mark.parametrize(
    ("times", "curvature"), [((1.0, 3.0, 8.0, 16.0), 0.02), ((2.0,), 0.05)], ids=["rich", "sparse"]
)
def test_predicted_shrinkage_is_that_of_data_simulated_at_the_truth(times, curvature):
    """1,000 subjects: var(EBE) / omega² has a relative standard error of sqrt(2 / 1000) = 4.5 %.

    Three of them, and what the curvature of the model adds to what a linear one would give: little
    where four observations pin a subject down, more where there is one, with proportional error.
    """
    at = wb.evaluate(model(), simulated(1000, times, seed=4))
    share = by_definition(at)["shrinkage_var"] / 100
    for name in ("cl", "v"):
        noise = 3 * 0.045 * (1 - share[name, "ebe"]) + curvature
        assert abs(share[name, "ebe"] - share[name, "predicted"]) < noise
        assert share[name, "ebv"] == pytest.approx(share[name, "predicted"], abs=curvature)


def test_predicted_shrinkage_of_a_linear_model_is_exact():
    """With f = constant + eta and n observations it is sigma² / (sigma² + n omega²)."""
    structure = wb.equations("d/dt(a) = 0\ncp = base + 0*a", outputs=["cp"])
    linear = wb.Model(structure, {"base": wb.Normal(10.0, iiv=2.0)}, error=wb.error.Additive(3.0))
    frame = pd.DataFrame(
        [{"ID": i, "TIME": float(t), "DV": 10.0 + i - t} for i in range(4) for t in range(5)]
    )
    at = wb.evaluate(linear, wb.read_dataset(frame, name="linear"))
    share = by_definition(at)["shrinkage_var"] / 100
    exact = 9.0 / (9.0 + 5 * 4.0)
    for definition in ("ebv", "predicted", "predicted_at_zero"):
        assert share["base", definition] == pytest.approx(exact, rel=1e-9)


def test_the_prediction_does_not_look_at_the_observations():
    data = simulated(20, (1.0, 3.0, 8.0), seed=4)
    other = wb.read_dataset(
        data.table.assign(DV=data.table["DV"] * 1.5).drop(columns="ROW"), name="other"
    )
    one, two = (wb.evaluate(model(), one).predicted_shrinkage() for one in (data, other))
    pd.testing.assert_frame_equal(one, two)
