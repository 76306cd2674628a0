"""The tables of tests: what is tested, what is left out, and why."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import workbench as wb
from tests.standins import odd_cases, stand_in
from workbench.diagnostics import table
from workbench.errors import OptionError

CASES = odd_cases()


@pytest.fixture(scope="module")
def fit():
    data = wb.load_dataset("theophylline")
    return wb.fit(wb.Model.from_dict(data.info.suggested_model), data)


def test_residuals_have_the_four_tests_and_a_global_one(fit):
    found = table("residual_tests", fit)
    assert list(found) == ["residual", "test", "statistic", "p", "n", "note"]
    npde = found[found["residual"] == "NPDE"].set_index("test")["p"]
    values = table("residuals", fit)["NPDE"]
    assert npde["mean 0 (t)"] == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-8)
    three = [npde[name] for name in npde.index if name.split()[0] in ("variance", "normality")]
    three.append(npde["mean 0 (Wilcoxon)"])
    assert npde["global (Bonferroni)"] == pytest.approx(min(1, 3 * min(three)), rel=1e-12)


def test_each_endpoint_has_its_own_tests():
    found = table("residual_tests", CASES["two endpoints"])
    assert found["ENDPOINT"].unique().tolist() == ["cp", "effect"]
    assert (found.groupby("ENDPOINT").size() == 7 * 5).all()


def test_missing_residuals_are_said():
    found = table("residual_tests", CASES["residuals missing"])
    lost = found[found["residual"] == "CWRES"]
    assert lost["p"].isna().all()
    assert (lost["n"] == 0).all()
    assert lost["note"].str.len().gt(0).all()


def test_a_missing_effect_of_weight_is_found():
    """60 subjects, CL and V proportional to weight, fitted without: p < 0.001 by both; not ka."""
    structure = wb.equations(
        """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central
cp = central/v*70/WT
""",
        outputs=["cp"],
        covariates=["WT"],
    )
    values = {
        "ka": wb.LogNormal(1.0, iiv=0.3),
        "cl": wb.LogNormal(3.0, iiv=0.15),
        "v": wb.LogNormal(30.0, iiv=0.15),
    }
    rng = np.random.default_rng(8)
    weight, sex = rng.normal(70, 18, 60).clip(30), np.array(["F", "M"] * 30)
    rows = [
        (f"P{i}", t, 100.0 * (t == 0), int(t == 0), weight[i], sex[i], 1)
        for i in range(60)
        for t in (0, 0.5, 1, 2, 4, 8, 12)
    ]
    design = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "WT", "SEX", "SITE"])
    error = wb.error.Proportional(0.1)
    drawn = wb.simulate(wb.Model(structure, values, error=error), design, seed=2)
    design.loc[design["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    fit = wb.fit(
        wb.Model(wb.pk(absorption="first_order"), values, error=error), wb.read_dataset(design)
    )
    for draws in (0, 20):
        found = table("covariate_tests", fit, draws=draws).set_index(["parameter", "covariate"])
        assert found.loc[("v", "WT"), "p"] < 0.001
        assert found.loc[("v", "WT"), "kind"] == "continuous"
        assert found.loc[("v", "SEX"), "test"] == "ANOVA"
        assert found.loc[("ka", "SEX"), "p"] > 0.001
        assert found.loc[("v", "SITE"), "note"] == "the covariate is the same in all subjects"
        assert (found["draws"] == draws).all()
        assert (found["n"] == 60).all()


def test_correlations_of_random_effects_say_whether_the_model_has_them(fit):
    found = table("eta_tests", fit)
    pairs = found[found["other"] != ""]
    assert list(zip(pairs["parameter"], pairs["other"], strict=True)) == [
        ("ka", "cl"),
        ("ka", "v"),
        ("cl", "v"),
    ]
    assert not pairs["modelled"].any()
    r = stats.pearsonr(fit.etas["cl"], fit.etas["v"])
    assert pairs["p"].iloc[2] == pytest.approx(r.pvalue, rel=1e-8)


def test_draws_are_seeded(fit):
    one, two = (table("eta_tests", fit, draws=5, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert not table("eta_tests", fit, draws=5, seed=4)["p"].equals(one["p"])
    with pytest.raises(OptionError, match="must be a whole number of at least 0"):
        table("covariate_tests", fit, draws=-1)


def test_effects_without_variance_are_not_tested():
    for name in ("eta_tests", "covariate_tests"):
        found = table(name, CASES["omega zero"])
        assert found["p"].isna().all()
        notes = {"ω is 0", "the covariate is the same in all subjects"}
        assert set(found["note"]) <= notes
        assert "ω is 0" in set(found["note"])
    assert table("eta_tests", CASES["no random effects"]).empty


def test_covariates_are_numbers_or_groups():
    fit = stand_in()
    n = len(fit.etas)
    covariates = pd.DataFrame({"ID": list(fit.etas.index)}).assign(
        WT=70.0 + 3.7 * np.arange(n),
        SEX=pd.Series(["F", "M"] * n, dtype=object)[:n],
        STUDY=1.0,
        AGE=np.arange(n) + 20.0,
        RACE=np.arange(n) % 3 + 1.0,
        FLAG=np.arange(n) % 2 == 0,
    )
    covariates.loc[2, "AGE"] = np.nan
    covariates.loc[3, "SEX"] = None
    fit.data.covariates = covariates
    found = table("covariate_tests", fit).drop_duplicates("covariate").set_index("covariate")
    kinds = found["kind"].to_dict()
    assert {name for name, kind in kinds.items() if kind == "continuous"} == {"WT", "AGE"}
    assert found["n"].to_dict() == {"WT": n, "SEX": n - 1, "STUDY": n} | {
        "AGE": n - 1,
        "RACE": n,
        "FLAG": n,
    }


def test_effects_of_covariates_have_wald_s_test():
    fit = stand_in()
    fit.parameters = pd.DataFrame(
        {
            "kind": ["theta", "beta", "covariate", "beta", "beta"],
            "estimate": [3.0, 0.75, -0.2, 1.0, 0.5],
            "se": [0.1, 0.25, 0.3, np.nan, 0.1],
            "fixed": [False, False, False, False, True],
        },
        index=["cl", "cl~WT", "v~SEX", "v~AGE", "ka~AGE"],
    )
    found = table("parameter_tests", fit).set_index("parameter")
    assert "cl" not in found.index
    assert found.loc["cl~WT", "statistic"] == pytest.approx(3.0)
    assert found.loc["cl~WT", "p"] == pytest.approx(2 * stats.norm.sf(3.0))
    assert found.loc["v~AGE", "note"] == "there is no standard error"
    assert found.loc["ka~AGE", "note"] == "the value is fixed"
    assert found.loc[["v~AGE", "ka~AGE"], "p"].isna().all()
