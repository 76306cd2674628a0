"""Missing covariates: every method against values worked out by hand, and what is said."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.data import Dataset
from workbench.data.regression import draw
from workbench.errors import DataError, OptionError

NAN = np.nan
HEIGHT = np.array([100.0, 120.0, 140.0, 160.0, 200.0, 150.0])
WEIGHT = HEIGHT**2 / 200.0  # 50, 72, 98, 128, 200, 112.5


def dataset(rows=2, **covariates):
    """Give each subject some observations and one value of every covariate."""
    n = len(next(iter(covariates.values())))
    who = np.repeat(np.arange(n), rows)
    frame = pd.DataFrame(
        {"ID": [f"s{i + 1}" for i in who], "TIME": np.tile(np.arange(rows, dtype=float), n)}
    )
    frame["DV"] = 1.0
    for name, values in covariates.items():
        frame[name] = np.array(values, dtype=object)[who]
    return Dataset.from_frame(frame, name="made up")


def values(data, name):
    return data.covariates[name].tolist()


def said(data, row):
    return data.audit.loc[data.audit["ROW"] == row, "MESSAGE"].tolist()


@pytest.fixture
def weights():
    """The third weighs 98, which a power of height tells exactly."""
    weight = WEIGHT.copy()
    weight[2] = NAN
    return dataset(WT=weight, HT=HEIGHT)


# --- who misses what -------------------------------------------------------------------------


def test_who_misses_what():
    data = dataset(WT=[NAN, 70, 60, NAN], SEX=["F", None, "M", "M"], AGE=[1, 2, 3, 4], X=[NAN] * 4)
    table = data.missing_covariates.set_index("covariate")
    assert list(table.index) == ["WT", "SEX", "X"]
    assert table["n_missing"].tolist() == [2, 1, 4]
    assert table["percent"].tolist() == [50, 25, 100]
    assert table["subjects"].tolist()[:2] == [("s1", "s4"), ("s2",)]
    assert table["all_missing"].tolist() == [False, False, True]
    assert not table["time_varying"].any()


def test_nobody_misses_anything():
    assert len(dataset(WT=[60, 70]).missing_covariates) == 0


def test_a_covariate_that_changes_says_so():
    frame = pd.DataFrame({"ID": [1, 1, 2, 2], "TIME": [0, 1, 0, 1], "DV": 1.0})
    data = Dataset.from_frame(frame.assign(CR=[1.0, 2.0, NAN, NAN]))
    assert data.missing_covariates["time_varying"].tolist() == [True]
    with pytest.raises(DataError, match="CR changes within subjects"):
        data.impute("median", "CR")
    same = data.impute("median")
    assert same.covariate_names == ("CR",)
    assert any(
        "CR changes within subjects" in line and "Left as it" in line for line in said(same, 0)
    )
    assert data.impute("complete_case", "CR").subjects == (1,)


# --- the methods, by hand --------------------------------------------------------------------


def test_median_of_subjects(weights):
    done = weights.impute("median")
    assert values(done, "WT") == [50, 72, 112.5, 128, 200, 112.5]
    assert not len(done.missing_covariates)
    assert np.isnan(values(weights, "WT")[2])  # the old data are as they were
    np.testing.assert_array_equal(done.population.covariates["WT"], values(done, "WT"))


def test_the_most_frequent_of_text_and_of_codes():
    data = dataset(
        SEX=["F", None, "M", "F", "M"], GROUP=[1, 2, NAN, 2, 1], WT=[60.0, 61, 62, 63, 64]
    )
    done = data.impute("median")
    assert values(done, "SEX") == ["F", "F", "M", "F", "M"]  # two each: the first in order
    assert values(done, "GROUP") == [1, 2, 1, 2, 1]  # not 1.5


def test_complete_cases(weights):
    done = weights.impute("complete_case")
    assert done.subjects == ("s1", "s2", "s4", "s5", "s6")
    assert done.n_obs == 10
    assert any("1 subject of 6 left out for want of WT (ID s3)" in line for line in said(done, 0))
    row = int(weights.table.loc[weights.table["ID"] == "s3", "ROW"].iloc[0])
    assert said(done, row) == ["The subject was left out, because it has no WT (complete_case)."]


def test_indicator(weights):
    done = weights.impute("indicator", ["WT"])
    assert done.covariate_names == ("WT", "HT", "WT_MISSING")
    assert values(done, "WT")[2] == 112.5
    assert values(done, "WT_MISSING") == [0, 0, 1, 0, 0, 0]
    assert done.units["WT_MISSING"] == ""
    with pytest.raises(DataError, match="WT_MISSING, but the data have a column"):
        dataset(WT=[1.0, NAN, 3], WT_MISSING=[0, 1, 0]).impute("indicator", "WT")


def test_regression_finds_a_power_of_another_covariate(weights):
    done = weights.impute("regression")
    assert values(done, "WT")[2] == pytest.approx(98.0, rel=1e-12)


def test_regression_is_least_squares():
    """x and y with zeros, so that no logarithm is taken: numpy's lstsq is the judge."""
    x = np.array([0.0, 1.5, 2, 3, 4, 5.5])
    y = np.array([0.0, 1, NAN, 2.5, 2, 4])
    site = ["a", "b", "a", "b", "a", "a"]
    done = dataset(X=x, Y=y, SITE=site).impute("regression", "Y")
    design = np.column_stack([np.ones(6), x, [s == "b" for s in site]])
    keep = ~np.isnan(y)
    beta = np.linalg.lstsq(design[keep], y[keep], rcond=None)[0]
    assert values(done, "Y")[2] == pytest.approx(float(design[2] @ beta), rel=1e-12)


def test_regression_uses_what_each_subject_has():
    weight, height = WEIGHT.copy(), HEIGHT.copy()
    weight[[2, 4]] = NAN
    height[4] = NAN
    done = dataset(WT=weight, HT=height).impute("regression", "WT")
    assert values(done, "WT")[2] == pytest.approx(98.0, rel=1e-12)
    assert values(done, "WT")[4] == np.median([50, 72, 128, 112.5])
    lines = done.audit.loc[(done.audit["ID"] == "s5") & (done.audit["LEVEL"] == "repair")]
    assert "no other covariate tells it, so there is no regression" in lines["MESSAGE"].item()


def test_regression_with_too_few_subjects_says_so():
    done = dataset(WT=[60.0, 70, NAN], HT=[150.0, 160, 170]).impute("regression")
    assert values(done, "WT")[2] == 65
    assert "too few subjects have WT, HT" in " ".join(done.audit["MESSAGE"])


def test_a_level_is_that_of_the_nearest_subjects():
    height = [150.0, 151, 152, 153, 154, 180, 181, 182, 183, 184, 152.5, 182.5]
    sex = ["F"] * 5 + ["M"] * 5 + [None, None]
    done = dataset(SEX=sex, HT=height).impute("regression")
    assert values(done, "SEX")[-2:] == ["F", "M"]


def test_a_level_that_no_donor_has_counts_as_the_mean():
    site = ["a", "a", "b", "b", "c", "a"]
    done = dataset(Y=[0.0, 1, 3, 4, NAN, 2], SITE=site).impute("regression")
    assert values(done, "Y")[4] == pytest.approx(2.0, rel=1e-12)


# --- draws -----------------------------------------------------------------------------------


def big(n=400, seed=5, share=0.3):
    random = np.random.default_rng(seed)
    height = 170 * np.exp(0.06 * random.standard_normal(n))
    weight = 70 * (height / 170) ** 2 * np.exp(0.1 * random.standard_normal(n))
    sex = np.where(height + 6 * random.standard_normal(n) > 170, "M", "F").astype(object)
    weight[random.random(n) < share] = NAN
    sex[random.random(n) < share] = None
    return dataset(rows=1, WT=weight, HT=height, SEX=sex)


def test_draws_are_those_of_their_seed_and_number():
    data = big(40)
    first, again = (data.impute("stochastic", seed=3, draw=2) for _ in range(2))
    pd.testing.assert_frame_equal(first.table, again.table)
    for other in ({"seed": 3, "draw": 1}, {"seed": 4, "draw": 2}):
        assert not first.table.equals(data.impute("stochastic", **other).table)


def test_draws_have_the_spread_and_the_relation_of_the_data():
    """Residual SD of log weight is 0.1 and its slope 2, in drawn ones as in known ones."""
    data = big()
    gone = np.isnan(data.covariates["WT"].to_numpy(float))
    slopes, spreads, share = [], [], []
    for number in range(20):
        own = data.impute("stochastic", seed=1, draw=number).covariates
        x, y = (np.log(own[name].to_numpy(float))[gone] for name in ("HT", "WT"))
        slope, level = np.polyfit(x, y, 1)
        slopes.append(slope)
        spreads.append(np.std(y - slope * x - level))
        share.append(np.corrcoef(own["HT"], own["SEX"] == "M")[0, 1])
    assert np.mean(slopes) == pytest.approx(2.0, abs=0.25)
    assert np.mean(spreads) == pytest.approx(0.1, rel=0.12)
    known = data.covariates.dropna()
    assert np.mean(share) == pytest.approx(
        np.corrcoef(known["HT"], known["SEX"] == "M")[0, 1], abs=0.08
    )


def test_the_variance_of_drawn_means_is_that_of_rubin():
    r"""Without predictors a mean of n_1 draws varies by E(s²*) (1/n + 1/n_1), n known.

    E(s²*) = s² (n - 1) / (n - 3). Tolerance: 4 SD of a variance of 2,000 means.
    """
    random = np.random.default_rng(2)
    y = np.concatenate([random.normal(0.0, 1.0, 15), np.full(5, NAN)])
    y[0] = -1.0  # not all positive
    gone = np.isnan(y)
    means = [np.mean(draw(y, None, ~gone, gone, random)) for _ in range(2000)]
    expected = np.var(y[:15], ddof=1) * 14 / 12 * (1 / 15 + 1 / 5)
    assert np.var(means) == pytest.approx(expected, rel=4 * np.sqrt(2 / 2000))


def test_one_subject_is_too_few_to_draw_from():
    with pytest.raises(DataError, match="known for 1 subject only"):
        dataset(WT=[60.5, NAN, NAN]).impute("stochastic")


# --- what is said, and said again ------------------------------------------------------------


def test_the_audit_names_row_subject_value_and_source(weights):
    row = int(weights.table.loc[weights.table["ID"] == "s3", "ROW"].iloc[0])
    assert any("will refuse this subject" in line for line in said(weights, row))
    done = weights.impute("median", "WT")
    line = done.audit[done.audit["ROW"] == row]
    assert line[["ID", "COLUMN", "LEVEL"]].to_numpy().tolist() == [["s3", "WT", "repair"]]
    assert line["MESSAGE"].item() == (
        "WT was missing: 112.5 was filled in, the median of 5 subjects."
    )
    assert not done.audit["MESSAGE"].str.contains("will refuse").any()
    assert "impute('median'): WT was filled in for 1 subject of 6." in said(done, 0)
    told = " ".join(weights.impute("regression").audit["MESSAGE"])
    assert "98 was filled in, predicted by the regression of WT on HT in 5 subjects" in told


@pytest.mark.parametrize("method", ["complete_case", "median", "regression", "indicator"])
def test_the_script_makes_the_same_data_again(tmp_path, weights, method):
    path = tmp_path / "data.csv"
    weights.to_csv(path)
    done = wb.read_dataset(path).impute(method)
    assert done.python().endswith(f".impute('{method}', ['WT'])")
    again = eval(done.python(), {"wb": wb})  # noqa: S307
    pd.testing.assert_frame_equal(again.table, done.table)
    pd.testing.assert_frame_equal(again.audit, done.audit)


def test_the_script_of_a_draw_names_it(weights):
    code = weights.impute("stochastic", seed=4, draw=2).python()
    assert code.endswith(".impute('stochastic', ['WT'], seed=4, draw=2)")


def test_what_cannot_be_imputed_is_refused_or_said():
    data = dataset(WT=[60.0, NAN, 70], X=[NAN] * 3)
    with pytest.raises(DataError, match="X is missing in all subjects"):
        data.impute("median", ["WT", "X"])
    done = data.impute("median")
    assert any("X is missing in all subjects" in line for line in said(done, 0))
    assert done.missing_covariates["covariate"].tolist() == ["X"]


def test_nothing_missing_is_a_note():
    done = dataset(WT=[60.0, 70]).impute("median", "WT")
    assert "impute('median'): WT is missing for nobody." in said(done, 0)
    assert "no covariate is missing" in said(dataset(WT=[60.0, 70]).impute("regression"), 0)[-1]


def test_wrong_names(weights):
    with pytest.raises(OptionError, match="Did you mean 'median'"):
        weights.impute("medain")
    with pytest.raises(OptionError, match=r"no covariate 'WTT'.*Did you mean 'WT'"):
        weights.impute("median", "WTT")
    with pytest.raises(OptionError, match="seed= must be a whole number"):
        weights.impute("stochastic", seed=-1)
    with pytest.raises(DataError, match="no subject has all of WT, HT"):
        dataset(WT=[1.0, NAN], HT=[NAN, 1.0]).impute("complete_case")


def test_one_subject():
    with pytest.raises(DataError, match="WT is missing in all subjects"):
        dataset(WT=[NAN], HT=[170.0]).impute("median", "WT")


def test_constant_covariates_predict_nothing():
    done = dataset(WT=[60.5, 70, 81, NAN], SITE=[1.0] * 4).impute("regression")
    assert values(done, "WT")[3] == 70


def test_copies_of_a_predictor_change_nothing(weights):
    twice = dataset(WT=values(weights, "WT"), HT=HEIGHT, CM=HEIGHT)
    assert values(twice.impute("regression"), "WT")[2] == pytest.approx(98.0, rel=1e-9)


def test_endpoints_and_designs_stay_as_they_are():
    frame = pd.DataFrame({"ID": [1, 1, 2, 2, 3], "TIME": [0, 1, 0, 1, 0], "DV": 1.0})
    frame = frame.assign(DVID=["cp", "pca", "cp", "cp", "cp"], WT=[NAN, NAN, 60.5, 60.5, 70])
    done = Dataset.from_frame(frame).impute("complete_case")
    assert done.endpoints == ("cp", "pca")
    assert done.subjects == (2, 3)
    design = Dataset.from_frame(frame.drop(columns=["DV", "DVID"]), design=True).impute("median")
    assert design.design
    assert values(design, "WT") == [65.25, 60.5, 70]


def test_two_thousand_subjects():
    done = big(2000).impute("regression")
    assert not len(done.missing_covariates)
