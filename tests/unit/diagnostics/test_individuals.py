"""Tables of single subjects: kinds of covariates, densities, correlations, censoring, quality."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.standins import stand_in
from workbench.diagnostics import diagnostics, table


class TestCovariates:
    def kinds(self, fit):
        found = table("covariates", fit)
        return found.drop_duplicates("covariate").set_index("covariate")["kind"].to_dict()

    def test_are_told_apart(self):
        assert self.kinds(stand_in()) == {
            "SEX": "categorical",
            "WT": "continuous",
            "SITE": "constant",
            "AGE": "continuous",
            "FORM": "categorical",
            "CENS": "categorical",
            "LLOQ": "constant",
        }

    def test_few_numbers_are_categories_only_where_subjects_share_them(self):
        """Three subjects with three weights have no categories; five whole numbers of 12 do."""
        assert self.kinds(stand_in(labels=(1, 2, 3)))["FORM"] == "continuous"
        fit = stand_in()
        who = pd.factorize(fit.data.table["ID"])[0]
        fit.data.table["FORM"] = who % 5 + 0.5
        assert self.kinds(fit)["FORM"] == "continuous"
        fit.data.table["FORM"] = who % 6
        assert self.kinds(fit)["FORM"] == "continuous"
        fit.data.table["FORM"] = who % 5
        assert self.kinds(fit)["FORM"] == "categorical"

    def test_changing_ones_have_their_first_value(self):
        fit = stand_in()
        found = table("covariates", fit)
        mine = found[found["covariate"] == "CENS"]
        first = fit.data.table.drop_duplicates("ID")["CENS"]
        assert mine["varies"].all()
        np.testing.assert_array_equal(mine["value"], first)

    def test_of_real_data(self):
        data = wb.load_dataset("phenobarbital")
        found = table("covariates", data)
        assert len(found) == 59 * 2
        weights = found.loc[found["covariate"] == "WT", "value"]
        np.testing.assert_array_equal(weights, data.covariates["WT"])

    def test_missing_for_some_or_for_all(self):
        fit = stand_in()
        fit.data.table.loc[fit.data.table["ID"] == 3, "WT"] = np.nan
        fit.data.table["SEX"] = None
        assert self.kinds(fit)["SEX"] == "missing"
        found = table("covariates", fit).set_index(["covariate", "ID"])
        assert np.isnan(found.loc[("WT", 3), "value"])


def test_the_density_is_log_normal_and_integrates_to_one():
    """99.994 % lie within 4 SDs; the trapezoid over 241 points is good to 1e-4."""
    found = table("population_density", stand_in(random=("cl",)))
    x, density = found["value"].to_numpy(), found["density"].to_numpy()
    expected = np.exp(-0.5 * (np.log(x / 2.8) / 0.3) ** 2) / (x * 0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density, expected, rtol=2e-3)
    area = np.sum(0.5 * (density[1:] + density[:-1]) * np.diff(x))
    assert area == pytest.approx(1.0, abs=1e-3)


def test_correlations_with_their_interval_and_that_of_the_model():
    fit = stand_in(labels=tuple(range(6)), random=("cl", "v"))
    fit.etas.loc[:] = [[1, 2], [2, 1], [3, 4], [4, 3], [5, 6], [6, 5]]
    fit.omega.loc["cl", "v"] = fit.omega.loc["v", "cl"] = 0.5 * 0.3 * 0.2
    (row,) = table("eta_correlations", fit).to_dict("records")
    r = np.corrcoef(fit.etas.to_numpy().T)[0, 1]
    assert (row["first"], row["second"]) == ("cl", "v")
    assert row["correlation"] == pytest.approx(r)
    assert row["model"] == pytest.approx(0.5)
    half = 1.959963984540054 / np.sqrt(3)
    assert row["lower"] == pytest.approx(np.tanh(np.arctanh(r) - half))
    assert row["upper"] == pytest.approx(np.tanh(np.arctanh(r) + half))


def test_draws_have_shrinkage_and_correlations_of_their_own():
    fit = stand_in(random=("cl", "v"))
    drawn = table("random_effects", fit, individual="draws")
    mine = drawn[drawn["parameter"] == "cl"]
    share = 1 - mine["eta"].std(ddof=1) / 0.3
    np.testing.assert_allclose(mine["shrinkage_sd"], 100 * share, rtol=1e-10)
    wide = drawn.pivot_table(index=["ID", "DRAW"], columns="parameter", values="eta")
    (row,) = table("eta_correlations", fit, individual="draws").to_dict("records")
    assert row["correlation"] == pytest.approx(wide.corr().loc["cl", "v"])


class TestSubjects:
    def test_quality_parameters_etas_and_covariates(self):
        fit = stand_in()
        found = table("subjects", fit).set_index(["quantity", "ID"])["value"]
        squares = (fit.predictions["IWRES"] ** 2).groupby(fit.predictions["ID"]).mean()
        for label in (1, 7, 12):
            assert found["rms_iwres", label] == pytest.approx(np.sqrt(squares[label]))
            assert found["ofv_per_obs", label] == pytest.approx(fit.individual_ofv[label] / 11)
            assert found["eta_cl", label] == fit.etas.loc[label, "cl"]
            assert found["cl", label] == pytest.approx(2.8 * np.exp(fit.etas.loc[label, "cl"]))
        assert found["n_obs"].tolist() == [11.0] * 12

    def test_labels_are_ordered_by_alphabet(self):
        found = table("subjects", stand_in())
        mine = found[found["quantity"] == "SEX"]
        assert dict(zip(mine["level"], mine["value"], strict=True)) == {"M": 1.0, "F": 0.0}

    def test_draws_are_averaged(self):
        fit = stand_in()
        found = table("subjects", fit, individual="draws").set_index(["quantity", "ID"])["value"]
        drawn = fit.etas_by("draws")
        assert found["eta_v", 5] == pytest.approx(drawn.loc[drawn["ID"] == 5, "v"].mean())


class TestIndividual:
    individual = staticmethod(diagnostics.get("individual").table)

    def test_of_some_subjects_is_part_of_the_whole(self):
        fit = stand_in()
        whole, some = self.individual(fit), self.individual(fit, subjects=[9, 3])
        part = whole[whole["ID"].isin([3, 9])].reset_index(drop=True)
        pd.testing.assert_frame_equal(some, part)

    def test_censoring_is_read_from_the_data_by_row(self):
        fit = stand_in()
        found = self.individual(fit)
        observed = found[found["KIND"] == "observation"]
        np.testing.assert_array_equal(observed["CENSORED"], observed["DV"] < 0.5)
        assert (observed["LLOQ"] == 0.5).all()
        assert not found.loc[found["KIND"] != "observation", "CENSORED"].any()

    def test_data_without_such_columns_have_no_censoring(self):
        fit = stand_in()
        fit.data.table = fit.data.table.drop(columns=["CENS", "LLOQ"])
        found = self.individual(fit)
        assert not found["CENSORED"].any()
        assert found["LLOQ"].isna().all()

    def test_the_band_belongs_to_curves(self):
        found = self.individual(stand_in(), band=0.9)
        curve = found["KIND"] == "curve"
        assert (found.loc[curve, "LOWER"] < found.loc[curve, "UPPER"]).all()
        assert found.loc[~curve, ["LOWER", "UPPER"]].isna().all(axis=None)
        assert (found["band"] == 0.9).all()

    def test_of_a_real_fit_by_every_kind(self):
        data = wb.load_dataset("theophylline")
        at = wb.evaluate(wb.Model.from_dict(data.info.suggested_model), data)
        for kind in ("ebe", "mean", "draws"):
            found = self.individual(at, individual=kind, subjects=[2, 5], band=0.8)
            assert set(found["ID"]) == {2, 5}
            curve = found[found["KIND"] == "curve"]
            assert (curve["LOWER"] < curve["IPRED"]).all()
            assert (curve["IPRED"] < curve["UPPER"]).all()


def test_text_labels_of_subjects_and_one_observation_each():
    """A real fit: labels that are text, one observation, EBEs that shrink a lot."""
    rows = [
        {"ID": f"P{i}", "TIME": t, "AMT": 100 * (t == 0), "EVID": int(t == 0), "DV": 3.0 + 0.1 * i}
        for i in range(6)
        for t in (0.0, 4.0)
    ]
    model = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0, iiv=0.2)},
        error=wb.error.Proportional(0.2),
    )
    at = wb.evaluate(model, wb.read_dataset(pd.DataFrame(rows), name="one each"))
    for name in diagnostics.names():
        if diagnostics.get(name).by_individual:
            for kind in ("ebe", "mean", "draws"):
                assert len(table(name, at, individual=kind)), name
    share = table("shrinkage", at).set_index(["parameter", "definition"])["shrinkage_var"]
    assert share["cl", "ebe"] > 50
    assert share["cl", "predicted"] > 50
