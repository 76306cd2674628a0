"""Each subject's part of the objective, and the chi-square of its residuals."""

import numpy as np
import pytest
from scipy import stats

import workbench as wb
from tests import cases
from tests.standins import stand_in
from workbench.diagnostics import table


@pytest.fixture(scope="module")
def truth():
    """400 subjects at the values that made them."""
    return wb.evaluate(cases.iv_model("lognormal", sigma=(0.1,)), cases.iv_data(400, seed=11))


def test_the_parts_make_the_whole(truth):
    found = table("individual_ofv", truth)
    assert found["ofv"].sum() == pytest.approx(truth.ofv, rel=1e-12)
    assert found["n_obs"].sum() == truth.data.n_obs
    np.testing.assert_allclose(found["ofv_per_obs"], found["ofv"] / 5, rtol=1e-14)


def test_p_values_are_those_of_the_chi_square(truth):
    found = table("individual_ofv", truth)
    squares = (truth.predictions["CWRES"] ** 2).groupby(truth.predictions["ID"]).sum()
    np.testing.assert_allclose(found["squares"], squares, rtol=1e-12)
    np.testing.assert_allclose(found["p_value"], stats.chi2.sf(squares, 5), rtol=1e-9)


def test_p_values_are_uniform_where_the_model_is_right(truth):
    """400 subjects: the Kolmogorov-Smirnov distance stays below its 1 % point, 0.081."""
    p = table("individual_ofv", truth)["p_value"]
    assert stats.kstest(p, "uniform").statistic < 0.081
    assert table("individual_ofv", truth)["flagged"].sum() <= 2


def test_a_subject_with_a_gross_error_is_flagged():
    frame = cases.iv_frame(30)
    row = frame.index[(frame["ID"] == 7) & (frame["EVID"] == 0)][2]
    frame.loc[row, "DV"] *= 3.0
    fit = wb.fit(cases.iv_model("lognormal"), wb.read_dataset(frame, name="gross"))
    found = table("individual_ofv", fit)
    assert found.loc[found["flagged"], "ID"].tolist() == [7]


def test_missing_residuals_do_not_count():
    fit = stand_in(labels=("a", "b"))
    fit.predictions.loc[:3, "CWRES"] = np.nan
    fit.predictions.loc[fit.predictions["ID"] == "b", "CWRES"] = np.nan
    found = table("individual_ofv", fit)
    squares = float((fit.predictions["CWRES"] ** 2).sum())
    assert found["p_value"].iloc[0] == pytest.approx(stats.chi2.sf(squares, 7), rel=1e-9)
    assert np.isnan(found["p_value"].iloc[1])
    assert not found["flagged"].iloc[1]
    assert found["n_obs"].tolist() == [11, 11]
