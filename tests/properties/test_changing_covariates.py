"""Effects of covariates that change within a subject, on its parameters."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import naive
from tests.objectives import check_gradient
from workbench.errors import DataError
from workbench.problem import Problem

EFFECTS = {
    "power": wb.covariate.Power("WT", reference=70, exponent=0.6),
    "exponential": wb.covariate.Exponential("WT", reference=70, coefficient=0.01),
    "categorical": wb.covariate.Categorical("DRUG", reference="no", effects={"yes": 0.4}),
}


def frame(n_sub=5, seed=2):
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(1, n_sub + 1):
        weight = 60 + 30 * rng.random()
        events = [(0.0, 1), *((t, 0) for t in (0.5, 2.0, 6.0, 11.0))]
        events += [(12.0, 1), *((t, 0) for t in (13.0, 18.0, 30.0))]
        for t, evid in events:
            weight += 3 * rng.standard_normal()
            drug = "yes" if t > 5 * (1 + i % 3) else "no"
            rows.append((i, t, 1.0, 100.0 * evid, evid, weight, drug, 40.0 + i))
    names = ["ID", "TIME", "DV", "AMT", "EVID", "WT", "DRUG", "AGE"]
    return pd.DataFrame(rows, columns=names)


def model(*names, error=None, structure="pk_1cmt_oral", on="cl", iiv=(0.4, 0.3, 0.2)):
    values = {"ka": 1.2, "cl": 3.0, "v": 30.0}
    parameters = {
        name: wb.LogNormal(value, iiv=sd)
        for (name, value), sd in zip(values.items(), iiv, strict=True)
    }
    effects = tuple(EFFECTS[name] for name in names)
    parameters[on] = replace(parameters[on], covariates=effects)
    return wb.Model(structure, parameters, error=error or wb.error.Proportional(0.12))


def simulated(truth, rows, seed=1, **options):
    design = wb.read_dataset(rows, design=True, name="changing", **options)
    rows = rows.copy()
    drawn = wb.simulate(truth, design, replicates=1, seed=seed)
    rows.loc[rows["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.read_dataset(rows, name="changing", **options)


@pytest.fixture(scope="module")
def data():
    return simulated(model("power"), frame())


def shift(row):
    """What each effect adds to the logarithm of its parameter on a row."""
    return {
        "power": 0.6 * np.log(row["WT"] / 70),
        "exponential": 0.01 * (row["WT"] - 70),
        "categorical": 0.4 * (row["DRUG"] == "yes"),
    }


@pytest.mark.parametrize("method", ["fo", "foce", "focei"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_objective_against_a_hand_coded_twin(data, method, effect):
    """1e-8: the parameters of a row hold from the time of the row before (NONMEM)."""
    own = model(effect)
    shifts = {k: {"cl": shift(row)[effect]} for k, row in data.table.iterrows()}
    expected = [s.ofv(method) for s in naive.subjects_by_row(own, data, shifts)]
    found = wb.evaluate(own, data, method=method)
    np.testing.assert_allclose(found.individual_ofv, expected, atol=1e-8)


@pytest.mark.parametrize("method", ["fo", "foce", "focei", "laplace"])
@pytest.mark.parametrize("on", ["cl", "v"])
def test_gradient_is_that_of_the_objective(data, method, on):
    own = model("power", "categorical", on=on, iiv=(0.4, 0.3, 0.0))
    check_gradient(own, data, method)


def test_gradient_beside_a_constant_covariate_and_occasions(data):
    table = data.table.drop(columns="ROW").assign(OCC=1 + (data.table["TIME"] >= 12.0))
    both = wb.read_dataset(table, name="both")
    own = model("power")
    cl = own.parameters["cl"]
    constant = wb.covariate.Power("AGE", reference=42, exponent=0.3)
    cl = replace(cl, covariates=(*cl.covariates, constant), iov=0.2)
    check_gradient(own.replace(parameters={**own.parameters, "cl": cl}), both, "focei")


def test_closed_form_is_the_equations(data):
    closed = model("power", "categorical")
    equations = closed.replace(structure=wb.pk(absorption="first_order", form="ode"))
    a, b = (wb.evaluate(m, data, method="focei") for m in (closed, equations))
    np.testing.assert_allclose(a.individual_ofv, b.individual_ofv, atol=1e-6)


def test_the_other_rule_holds_values_until_the_next_row(data):
    """With locf, rows carry the values of the row before, except that a dose has its own."""
    rows = frame(1)
    rows = rows[rows["TIME"] <= 11]
    forward = wb.read_dataset(rows, covariate_interpolation="locf", name="forward")
    moved = rows.assign(WT=rows["WT"].shift(1).bfill())
    backward = wb.read_dataset(moved, name="backward")
    own = model("power", iiv=(0.0, 0.0, 0.0))
    a, b = (wb.simulate(own, d, ruv=False)["IPRED"].to_numpy() for d in (forward, backward))
    # The prediction at a record divides by the volume of its own values, which here is constant.
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_covariate_that_stays_gives_the_constant_effect(data):
    table = data.table.drop(columns="ROW")
    first = table.groupby("ID")[["WT", "DRUG"]].transform("first")
    still = wb.read_dataset(table.assign(WT=first["WT"], DRUG=first["DRUG"]))
    nearly = still.table.drop(columns="ROW")
    last = nearly.index[nearly["ID"] != nearly["ID"].shift(-1)]
    nearly.loc[last[0], "WT"] *= 1 + 1e-13  # changes, but by nothing
    changing = wb.read_dataset(nearly)
    assert changing.time_varying
    assert not still.time_varying
    found, expected = (wb.evaluate(model("power"), d) for d in (changing, still))
    np.testing.assert_allclose(found.individual_ofv, expected.individual_ofv, atol=1e-9)


@pytest.mark.parametrize("method", ["focei", "saem"])
def test_the_truth_is_recovered(method):
    many = simulated(model("power"), frame(40, seed=5), seed=4)
    fit = wb.fit(model("power"), many, method=method, seed=1)
    row = fit.parameters.loc["beta[cl,WT]"]
    assert abs(row["estimate"] - 0.6) < 3 * row["se"]


def test_the_reference_is_the_median_of_first_values(data):
    effect = replace(EFFECTS["power"], reference=None)
    own = model("power")
    cl = replace(own.parameters["cl"], covariates=(effect,))
    problem = Problem(own.replace(parameters={**own.parameters, "cl": cl}), data)
    first = data.table.groupby("ID")["WT"].first()
    assert problem.model.parameters["cl"].covariates[0].reference == pytest.approx(first.median())


def test_individual_parameters_over_time(data):
    fit = wb.evaluate(model("power"), data)
    table = fit.individual_parameters_over_time()
    first = table.groupby("ID").first()
    np.testing.assert_allclose(first["cl"], fit.individual_parameters["cl"], rtol=1e-12)
    weight = data.table.groupby("ID")["WT"].first()
    expected = 3.0 * np.exp(fit.etas["cl"]) * (weight / 70) ** 0.6
    np.testing.assert_allclose(fit.individual_parameters["cl"], expected, rtol=1e-12)
    assert len(table) == len(data.table)


def test_a_missing_value_is_refused(data):
    rows = frame()
    rows.loc[rows["ID"] == 2, "WT"] = np.nan
    with pytest.raises(DataError, match="missing for 1 of 5 subjects"):
        Problem(model("power"), wb.read_dataset(rows))
