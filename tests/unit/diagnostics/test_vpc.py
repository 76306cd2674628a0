"""Visual and numerical predictive checks: against plain computations, and at the edges."""

from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, outputs
from workbench.diagnostics import Vpc
from workbench.diagnostics import _simulated_data as simulation
from workbench.diagnostics._percentiles import row_percentiles, seen, spread_over
from workbench.errors import DataError, OptionError, UnknownNameError
from workbench.problem import Problem
from workbench.simulation import replicate

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])
COLUMNS = ["LOWER", "MEDIAN", "UPPER"]


def design(n_sub=24, *, labels=None, times=TIMES, doses=(50.0, 100.0, 200.0)):
    """Oral doses of several sizes, with a sex, a weight and a constant covariate."""
    rows = []
    for i in range(n_sub):
        label = i + 1 if labels is None else labels[i]
        covariates = (i % 2, 55.0 + 3 * (i % 12), 1.0)
        rows.append((label, 0.0, doses[i % len(doses)], 1, np.nan, *covariates))
        rows += [(label, t + 0.01 * (i % 5), 0.0, 0, 1.0, *covariates) for t in times]
    columns = ["ID", "TIME", "AMT", "EVID", "DV", "SEX", "WT", "SITE"]
    return pd.DataFrame(rows, columns=columns)


def observed(model=None, seed=3, **options):
    """A design with observations simulated from the model."""
    frame, model = design(**options), model or cases.oral_model()
    posed = Problem(model, wb.read_dataset(frame, design=True))
    drawn = replicate(posed, 1, seed).dv[0]
    frame.loc[frame["EVID"] == 0, "DV"] = drawn
    return wb.read_dataset(frame, name="made up", units={"TIME": "h", "DV": "mg/L"})


@pytest.fixture(scope="module")
def check():
    return wb.vpc(cases.oral_model(), observed(), replicates=120, seed=5)


def test_the_table_is_tidy(check):
    table = check.table
    assert list(table) == [
        *("STRATUM", "ENDPOINT", "BIN", "X_LOW", "X_HIGH", "X_MEDIAN", "N"),
        *("PERCENTILE", "OBSERVED", "LOWER", "MEDIAN", "UPPER", "OUTSIDE"),
    ]
    assert (table["LOWER"] <= table["MEDIAN"]).all()
    assert (table["MEDIAN"] <= table["UPPER"]).all()
    assert table.drop_duplicates("BIN")["N"].sum() == 24 * 6
    table["OBSERVED"] = 0.0
    assert (check.table["OBSERVED"] != 0).all()


def plain(check, edges, correct=None, groups=None):
    """The table computed with pandas and numpy alone, replicate by replicate."""
    points, out = check.simulated.points, []
    groups = np.full(len(points), "") if groups is None else np.asarray(groups)
    for group in dict.fromkeys(groups):
        for low, high in pairwise(edges):
            rows = np.flatnonzero(
                (groups == group) & (points["TIME"] >= low) & (points["TIME"] < high)
            )
            pred = points["PRED"].to_numpy()[rows]
            middle = np.median(pred)
            sets = [points["DV"].to_numpy()[rows], *check.simulated.values[:, rows]]
            if correct in ("ratio", "variance"):
                sets = [y * middle / pred for y in sets]
            elif correct == "difference":
                sets = [y + middle - pred for y in sets]
            if correct == "variance":
                sd = np.std(np.array(sets[1:]), axis=0, ddof=1)
                sets = [middle + (y - middle) * np.median(sd) / sd for y in sets]
            quantiles = np.array([np.quantile(y, [0.05, 0.5, 0.95]) for y in sets])
            bands = np.quantile(quantiles[1:], [0.025, 0.5, 0.975], axis=0)
            out += [[*row] for row in np.column_stack([quantiles[0], bands.T])]
    return np.array(out)


EDGES = (0.0, 0.9, 1.9, 3.0, 6.0, 13.0)


@pytest.mark.parametrize(
    ("correct", "options"),
    [
        (None, None),
        ("ratio", {}),
        ("difference", {"log": True}),
        ("variance", {"variance": True}),
    ],
)
def test_values_against_a_plain_computation(check, correct, options):
    """Bergstrand 2011, eqs. 1-4, written out with loops: equal to rounding."""
    look = check.rebin(edges=EDGES)
    if options is not None:
        look = look.correct(**options)
    table = look.table[["OBSERVED", *COLUMNS]].to_numpy()
    np.testing.assert_allclose(table, plain(check, EDGES, correct), rtol=1e-10)


def test_a_lower_bound_is_where_correction_leaves_values_alone():
    x, pred = np.array([1.0, 1.0, 1.0]), np.array([4.0, 6.0, 10.0])
    values = np.array([[3.0, 7.0, 2.0], [5.0, 6.0, 9.0]])
    look = Vpc.from_arrays(x, values[0], values, pred=pred).correct(lower=2.0)
    np.testing.assert_allclose(look.points["DV"], [2 + 1 * 4 / 2, 2 + 5 * 4 / 4, 2.0])


def test_strata_against_a_plain_computation(check):
    sexes = check.simulated.points["SEX"]
    look = check.rebin(edges=EDGES).correct().stratify("SEX")
    assert look.table["STRATUM"].unique().tolist() == ["SEX 0", "SEX 1"]
    order = np.argsort(sexes, kind="stable")
    groups = sexes.to_numpy()
    expected = plain(check, EDGES, "ratio", groups)
    assert groups[order][0] == 0
    np.testing.assert_allclose(look.table[["OBSERVED", *COLUMNS]].to_numpy(), expected, rtol=1e-10)


def test_the_order_of_the_calls_does_not_matter(check):
    steps = [
        lambda v: v.rebin("jenks", 4),
        lambda v: v.correct(variance=True),
        lambda v: v.stratify("SEX"),
        lambda v: v.against("TAD"),
        lambda v: v.percentiles((10, 90), ci=0.8),
    ]
    tables = []
    for order in permutations(steps):
        look = check
        for step in order:
            look = step(look)
        tables.append(look.table)
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)


def test_another_look_simulates_nothing_and_leaves_the_first_alone(check, monkeypatch):
    before = check.table
    monkeypatch.setattr(simulation, "replicate_blocks", None)
    for look in (check.rebin("equal_count", 3), check.correct(), check.stratify("WT")):
        assert look.simulated is check.simulated
        assert not look.table.equals(before)
    pd.testing.assert_frame_equal(check.table, before)


def test_taking_choices_back_gives_the_first_look(check):
    back = check.rebin(edges=EDGES).correct().stratify("SEX").against("PRED")
    back = back.rebin().correct(False).stratify().against("TIME")
    pd.testing.assert_frame_equal(back.table, check.table, check_exact=True)


def test_the_same_seed_gives_the_same_table_and_another_another(check):
    data, model = observed(), cases.oral_model()
    same = wb.vpc(model, data, replicates=120, seed=5, threads=2)
    pd.testing.assert_frame_equal(same.table, check.table, check_exact=True)
    other = wb.vpc(model, data, replicates=120, seed=6)
    assert not other.table.equals(check.table)


@pytest.mark.slow
def test_about_five_percent_of_the_percentiles_lie_outside_under_the_true_model():
    """150 data sets of the model itself, 18 percentiles each, which are correlated within one.

    The SD of the share over the data sets is some 6 %, so that of the mean is 0.5 %: within 1.6.
    """
    model, shares, npc = cases.oral_model(), [], []
    for seed in range(150):
        look = wb.vpc(model, observed(model, seed + 100), replicates=300, seed=seed)
        shares.append(look.rebin("equal_count", 6).table["OUTSIDE"].mean())
        npc.append(look.npc["OUTSIDE"].mean())
    assert 100 * np.mean(shares) == pytest.approx(5.0, abs=1.6)
    assert 100 * np.mean(npc) == pytest.approx(5.0, abs=2.5)


def test_a_wrong_model_is_found_out():
    data = observed()
    slow = cases.oral_model()
    slow = slow.replace(parameters={**slow.parameters, "cl": wb.LogNormal(8.0, iiv=0.3)})
    assert wb.vpc(slow, data, replicates=200).correct().table["OUTSIDE"].mean() > 0.3


# Covariates and axes


def test_a_continuous_covariate_is_cut_at_the_median_of_the_subjects(check):
    assert check.stratify("WT").table["STRATUM"].unique().tolist() == ["WT < 71.5", "WT ≥ 71.5"]
    by_four = check.stratify("WT", cuts=4).table["STRATUM"].unique()
    assert len(by_four) == 4
    by_hand = check.stratify("WT", cuts=[60, 80]).table["STRATUM"].unique().tolist()
    assert by_hand == ["WT < 60", "WT 60 to 80", "WT ≥ 80"]


def test_several_covariates_cross_and_a_constant_one_changes_nothing_but_the_label(check):
    crossed = check.stratify("SEX", "WT").table["STRATUM"].unique().tolist()
    assert crossed == [f"SEX {s}, WT {w} 71.5" for s in (0, 1) for w in ("<", "≥")]
    constant = check.stratify("SITE").table
    assert constant["STRATUM"].unique().tolist() == ["SITE 1"]
    pd.testing.assert_frame_equal(
        constant.drop(columns="STRATUM"), check.table.drop(columns="STRATUM"), check_exact=True
    )


def test_values_without_an_x_are_left_out_and_counted():
    values = np.random.default_rng(1).normal(size=(50, 4))
    look = Vpc.from_arrays([1.0, 1.0, np.nan, 9.0], values[0], values).rebin(edges=[0, 2])
    assert look.table["N"].tolist() == [2, 2, 2]
    assert any("1 observations have no TIME" in note for note in look.notes)
    assert any("1 observations lie outside the bins" in note for note in look.notes)
    assert look.points["BIN"].tolist() == [1, 1, 0, 0]


def test_other_axes(check):
    by_pred = check.against("PRED").rebin("equal_count", 5).table
    assert by_pred["X_MEDIAN"].is_monotonic_increasing
    assert by_pred["X_HIGH"].max() == pytest.approx(check.simulated.points["PRED"].max())
    assert check.against("WT").table["X_LOW"].min() == 55.0


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (lambda v: v.stratify("SEKS"), UnknownNameError, "SEX, WT, SITE"),
        (lambda v: v.stratify("WT", cuts=1), OptionError, "2 groups"),
        (lambda v: v.stratify("WT", cuts=[3, 2]), OptionError, "ascending"),
        (lambda v: v.against("DOSE"), UnknownNameError, "TAD"),
        (lambda v: v.percentiles((0, 50)), OptionError, "between 0 and 100"),
        (lambda v: v.percentiles(ci=95), OptionError, "between 0 and 1"),
        (lambda v: v.rebin("jenks", 0), OptionError, "at least 1"),
        (lambda v: v.rebin(edges=[2, 1]), OptionError, "ascending"),
        (lambda v: v.rebin("by_eye"), UnknownNameError, "equal_count"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(check, wrong, error, words):
    with pytest.raises(error, match=words):
        wrong(check)


def test_correction_needs_predictions_and_variability_two_replicates():
    values = np.ones((1, 3))
    with pytest.raises(OptionError, match="no PRED"):
        Vpc.from_arrays([1, 2, 3], [1, 1, 1], values).correct()
    with pytest.raises(OptionError, match="two replicates"):
        Vpc.from_arrays([1, 2, 3], [1, 1, 1], values, pred=[1, 1, 1]).correct(variance=True)
    with pytest.raises(OptionError, match="shape"):
        Vpc.from_arrays([1, 2], [1, 1, 1], values)


def test_predictions_of_zero_cannot_be_corrected_and_are_counted():
    values = np.random.default_rng(1).normal(5, 1, size=(50, 3))
    look = Vpc.from_arrays([1, 1, 1], values[0], values, pred=[0.0, 4.0, 6.0]).correct()
    assert look.points["DV"][0] == values[0, 0]
    assert any("1 observations have no PRED" in note for note in look.notes)


def test_a_negative_prediction_is_warned_of():
    values = np.random.default_rng(1).normal(5, 1, size=(50, 3))
    look = Vpc.from_arrays([1, 1, 1], values[0], values, pred=[-1.0, 4.0, 6.0])
    assert any("log=True" in note for note in look.correct().notes)
    assert not any("log=True" in note for note in look.correct(log=True).notes)


# Percentiles


def test_percentiles_are_numpys_and_leave_missing_values_out():
    values = np.random.default_rng(4).normal(size=(6, 31))
    np.testing.assert_allclose(
        row_percentiles(values, (0, 5, 50, 97.5, 100)),
        np.quantile(values, [0, 0.05, 0.5, 0.975, 1], axis=1).T,
        rtol=1e-12,
    )
    values[2, :7], values[4] = np.nan, np.nan
    found = row_percentiles(values, (5, 50))
    np.testing.assert_allclose(found[2], np.quantile(values[2, 7:], [0.05, 0.5]), rtol=1e-12)
    assert np.isnan(found[4]).all()


def test_percentiles_among_censored_values_are_missing():
    values = np.array([[-np.inf, -np.inf, 3.0, 4.0, 5.0]])
    np.testing.assert_array_equal(
        seen(row_percentiles(values, (10, 37.5, 50, 75))), [[np.nan, np.nan, 3.0, 4.0]]
    )
    low, middle, high = spread_over(np.array([[-np.inf], [-np.inf], [2.0], [3.0]]), 0.5)
    assert np.isneginf(low).all()
    assert np.isneginf(middle).all()
    assert high[0] == 2.25


# Below the limit of quantification


def test_values_below_the_limit_count_as_censored(check):
    lloq = 0.8
    look = wb.vpc(cases.oral_model(), observed(), replicates=120, seed=5, lloq=lloq)
    table, whole = look.table, check.table
    points = check.simulated.points
    last = points["TIME"] > 7
    for column in ("OBSERVED", *COLUMNS):  # what is well above the limit is as before
        assert (table[column].dropna() >= lloq).all()
        above = whole[column] > 1.5 * lloq
        np.testing.assert_allclose(table.loc[above, column], whole.loc[above, column], rtol=1e-12)
    assert table["OBSERVED"].isna().any()
    share = look.rebin(edges=[0, 7, 13]).blq
    assert share["OBSERVED"][1] == pytest.approx((points.loc[last, "DV"] < lloq).mean())
    below = check.simulated.values[:, last.to_numpy()] < lloq
    np.testing.assert_allclose(
        share[COLUMNS].to_numpy()[1], np.quantile(below.mean(axis=1), [0.025, 0.5, 0.975])
    )
    assert look.points["BLQ"].sum() == (points["DV"] < lloq).sum()
    assert look.points["DV"].isna().sum() == look.points["BLQ"].sum()
    assert check.blq.empty


def test_an_observed_percentile_below_the_limit_is_outside_a_band_above_it():
    values = np.random.default_rng(2).normal(5, 0.1, size=(100, 9))
    look = Vpc.from_arrays(np.ones(9), np.zeros(9), values, lloq=1.0)
    assert look.table["OBSERVED"].isna().all()
    assert look.table["OUTSIDE"].all()


def test_rows_that_the_data_mark_are_below_and_their_dv_is_the_limit(check):
    points = check.simulated.points.assign(CENS=0.0)
    points.loc[[3, 8], ["CENS", "DV"]] = [1.0, 0.3]
    limit, censored, notes = simulation.limits(points, None)
    assert notes == []
    assert (limit == 0.3).all()
    assert censored[[3, 8]].all()
    assert censored.sum() == (points["DV"] < 0.3).sum() + 2


def test_the_limit_of_an_unknown_endpoint_is_refused():
    with pytest.raises(OptionError, match="endpoints are"):
        wb.vpc(cases.oral_model(), observed(), replicates=2, lloq={"effect": 1.0})


# Numerical predictive check


def test_npc_against_a_plain_computation(check):
    npc, values = check.npc, check.simulated.values
    dv = check.simulated.points["DV"].to_numpy()
    assert npc["INTERVAL"].unique().tolist() == [0, 20, 40, 50, 60, 80, 90, 95]
    for interval in (0, 50, 90):
        tail = (100 - interval) / 200
        below = dv < np.quantile(values, tail, axis=0)
        above = dv > np.quantile(values, 1 - tail, axis=0)
        rows = npc[npc["INTERVAL"] == interval].set_index("SIDE")
        assert (rows["EXPECTED"] == 100 * tail).all()
        assert rows["OBSERVED"]["below"] == pytest.approx(100 * below.mean())
        assert rows["OBSERVED"]["above"] == pytest.approx(100 * above.mean())
        counts = 100 * (values < np.quantile(values, tail, axis=0)).mean(axis=1)
        limits = np.quantile(counts, [0.025, 0.5, 0.975])
        np.testing.assert_allclose(rows.loc["below", COLUMNS].to_numpy(float), limits)


def test_npc_does_not_change_with_bins_or_correction_but_with_strata(check):
    same = check.rebin("equal_count", 2).correct(variance=True).npc
    pd.testing.assert_frame_equal(same, check.npc)
    by_sex = check.stratify("SEX").npc
    assert by_sex.groupby("STRATUM")["N"].first().tolist() == [72, 72]


# What real life produces


def test_a_fit_is_simulated_at_its_estimates():
    data = wb.load_dataset("theophylline")
    fit = wb.fit(wb.Model.from_dict(data.info.suggested_model), data)
    look = wb.vpc(fit, replicates=50)
    pd.testing.assert_frame_equal(look.table, wb.vpc(fit.final_model, data, replicates=50).table)
    np.testing.assert_allclose(look.simulated.points["PRED"], fit.predictions["PRED"])
    assert "50 replicates (seed 1" in repr(look)
    assert any("few" in note for note in look.notes)
    assert not wb.vpc(fit, replicates=250).notes


def test_a_doubtful_fit_is_checked_and_said_to_be_doubtful():
    fit = wb.fit(cases.oral_model(), observed(), max_iter=1)
    assert fit.verdict != "converged"
    assert any(f"The fit is {fit.verdict}" in note for note in wb.vpc(fit, replicates=5).notes)


def test_several_endpoints_have_bins_of_their_own():
    model = outputs.model("log", cp=outputs.error("proportional"), effect=outputs.error("additive"))
    look = wb.vpc(model, outputs.data("log"), replicates=40, lloq={"cp": 1.0})
    table = look.table
    assert table["ENDPOINT"].unique().tolist() == ["cp", "effect"]
    of_effect = table[table["ENDPOINT"] == "effect"]
    assert of_effect["OBSERVED"].notna().all()
    assert look.blq["ENDPOINT"].unique().tolist() == ["cp"]
    assert look.npc["ENDPOINT"].unique().tolist() == ["cp", "effect"]
    counts = look.simulated.points["ENDPOINT"].value_counts()
    assert of_effect.drop_duplicates("BIN")["N"].sum() == counts["effect"]


@pytest.mark.parametrize(
    "options",
    [
        {"n_sub": 1},
        {"times": np.array([2.0])},
        {"n_sub": 1, "times": np.array([2.0])},
        {"labels": [f"PAT-{k} (2)" for k in range(24)]},
    ],
)
def test_small_and_odd_data(options):
    look = wb.vpc(cases.oral_model(), observed(**options), replicates=30)
    for one in (look, look.correct(variance=True), look.stratify("SEX"), look.rebin("jenks", 3)):
        assert np.isfinite(one.table[["OBSERVED", *COLUMNS]].to_numpy()).all()
        assert len(one.npc)


def test_without_random_effects_only_the_residual_error_varies():
    model = cases.oral_model("additive", iiv=(0, 0, 0))
    look = wb.vpc(model, observed(), replicates=400)
    values = look.simulated.values - look.simulated.points["PRED"].to_numpy()
    assert values.std() == pytest.approx(cases.SIGMA["additive"][0], rel=0.02)


def test_two_thousand_subjects():
    look = wb.vpc(cases.oral_model(), observed(n_sub=2000), replicates=60)
    assert look.simulated.values.shape == (60, 12_000)
    assert len(look.correct().stratify("WT").table) > 10


def test_values_that_do_not_exist_are_left_out_and_counted(monkeypatch):
    def broken(*args, **kwargs):
        for block in original(*args, **kwargs):
            block.dv[::4, :5] = np.nan
            yield block

    original = simulation.replicate_blocks
    monkeypatch.setattr(simulation, "replicate_blocks", broken)
    look = wb.vpc(cases.oral_model(), observed(), replicates=40)
    lost = int(np.isnan(look.simulated.values).sum())
    assert lost >= 50
    assert any(f"{lost} simulated values" in note for note in look.notes)
    assert np.isfinite(look.table[COLUMNS].to_numpy()).all()


def test_progress_is_told_and_a_cancelled_simulation_keeps_what_it_has(monkeypatch):
    monkeypatch.setattr("workbench.simulation.BLOCK", 1000)
    token, told = wb.CancelToken(), []

    def listen(done, asked):
        told.append((done, asked))
        if done >= 50:
            token.set()

    look = wb.vpc(cases.oral_model(), observed(), replicates=500, on_progress=listen, cancel=token)
    assert [asked for _, asked in told] == [500] * len(told)
    n = look.simulated.n_replicates
    assert 50 <= n == told[-1][0] < 500
    whole = wb.vpc(cases.oral_model(), observed(), replicates=500)
    np.testing.assert_array_equal(look.simulated.values, whole.simulated.values[:n])
    assert any(f"Cancelled after {n} of 500" in note for note in look.notes)


def test_what_is_no_check_is_refused():
    with pytest.raises(OptionError, match="data="):
        wb.vpc(cases.oral_model())
    with pytest.raises(OptionError, match="not a Dataset"):
        wb.vpc(observed())
    for replicates in (0, 2.5, True):
        with pytest.raises(OptionError, match="replicates="):
            wb.vpc(cases.oral_model(), observed(), replicates=replicates)
    with pytest.raises(OptionError, match="seed="):
        wb.vpc(cases.oral_model(), observed(), seed=-1)
    with pytest.raises(DataError, match="design"):
        wb.vpc(cases.oral_model(), wb.read_dataset(design(), design=True), replicates=2)
