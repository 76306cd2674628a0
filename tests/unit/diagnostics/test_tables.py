import numpy as np
import pandas as pd
import pytest

from tests.standins import stand_in
from workbench.diagnostics import table
from workbench.errors import UnknownNameError


def test_random_effects_are_long_and_standardised():
    fit = stand_in(labels=("a", "b"), random=("ka", "v"))
    fit.etas.loc[:] = [[0.3, -0.1], [-0.6, 0.4]]
    found = table("random_effects", fit)
    assert list(found["ID"]) == ["a", "b", "a", "b"]
    assert list(found["parameter"]) == ["ka", "ka", "v", "v"]
    np.testing.assert_allclose(found["omega_sd"], [0.6, 0.6, 0.2, 0.2], rtol=1e-12)
    np.testing.assert_allclose(found["standardised"], [0.5, -1.0, -0.5, 2.0], rtol=1e-12)
    assert list(found["shrinkage_sd"]) == [*fit.shrinkage["sd"].repeat(2)]


def test_random_effects_use_the_variance_not_the_sd():
    fit = stand_in(random=("cl",))
    fit.omega.loc["cl", "cl"] = 0.49
    np.testing.assert_allclose(table("random_effects", fit)["omega_sd"], 0.7, rtol=1e-12)


def test_omega_zero_leaves_no_standardised_value():
    fit = stand_in(random=("cl",))
    fit.omega.loc[:] = 0.0
    found = table("random_effects", fit)
    assert found["standardised"].isna().all()
    assert (found["omega_sd"] == 0).all()


def test_negative_shrinkage_is_passed_on():
    fit = stand_in(random=("cl",))
    fit.shrinkage.loc["cl"] = [-4.0, -8.2]
    found = table("shrinkage", fit)
    assert found.loc[0, ["shrinkage_sd", "shrinkage_var"]].tolist() == [-4.0, -8.2]
    assert list(dict.fromkeys(found["parameter"])) == ["cl", "epsilon"]


def test_individual_keeps_each_subject_together_in_the_datas_order():
    fit = stand_in(labels=("z", "a", 3))
    found = table("individual", fit)
    assert list(dict.fromkeys(found["ID"])) == ["z", "a", 3]
    counts = found.groupby(["ID", "KIND"], sort=False).size()
    assert counts["z", "curve"] == 60
    assert counts["a", "observation"] == 11
    assert counts[3, "dose"] == 1
    mine = found[(found["ID"] == "a") & (found["KIND"] == "observation")]
    expected = fit.predictions[fit.predictions["ID"] == "a"]
    for column in ("TIME", "DV", "PRED", "IPRED", "ROW"):
        np.testing.assert_array_equal(mine[column], expected[column])
    dose = found[(found["ID"] == 3) & (found["KIND"] == "dose")]
    assert dose["AMT"].item() == fit.data.doses["AMT"].iloc[2]
    assert dose[["DV", "PRED", "IPRED"]].isna().all(axis=None)
    assert found.loc[found["KIND"] == "curve", ["DV", "AMT", "ROW"]].isna().all(axis=None)


def test_trace_is_scaled_by_the_last_value():
    fit = stand_in()
    fit.trace = pd.DataFrame(
        {"iteration": [0, 1, 2], "ofv": [9.0, 8, 7], "cl": [6.0, 3, 2], "x": [1.0, 2, 0]}
    )
    found = table("trace", fit).set_index(["quantity", "iteration"])
    assert found.loc["cl", "scaled"].tolist() == [3.0, 1.5, 1.0]
    assert found.loc["x", "scaled"].isna().all()  # its last value is 0
    assert found.loc["ofv", "scaled"].isna().all()
    assert found.loc["ofv", "kind"].unique().tolist() == ["progress"]
    assert found.loc["cl", "kind"].unique().tolist() == ["parameter"]


def test_residuals_that_a_fit_lacks_are_missing_not_an_error():
    fit = stand_in()
    fit.predictions = fit.predictions.drop(columns="CWRES")
    found = table("residuals", fit)
    assert found["CWRES"].isna().all()
    assert found["IWRES"].notna().all()


def test_parameters_carry_their_name_as_a_column():
    assert table("parameters", stand_in())["parameter"].tolist() == ["ka", "cl", "v"]


def test_a_misspelt_diagnostic_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'residuals'"):
        table("residual", stand_in())
