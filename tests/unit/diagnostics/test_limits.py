"""What the checks and tables make of values that the data mark as beyond a limit."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

import workbench as wb
from tests import cases
from workbench.diagnostics import table
from workbench.diagnostics._censored import impute_above
from workbench.errors import DataWarning, OptionError

LLOQ, ULOQ = 0.9, 4.0


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional", sigma=(0.15,))


@pytest.fixture(scope="module")
def whole(model):
    """Simulated from the model: what was there before any limit."""
    rows = []
    for i in range(1, 61):
        rows.append((i, 0.0, np.nan, 100.0, 1, 1, 0.0, 0.0, 0))
        rows += [(i, t, 1.0, 0.0, 0, 1, 0.0, 0.0, 0) for t in (1.0, 5.0, 10.0, 16.0, 24.0)]
    design = cases.frame(rows)
    drawn = wb.simulate(model, design, seed=8)
    design.loc[design["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.read_dataset(design, name="simulated")


@pytest.fixture(scope="module")
def fit(model, whole):
    return wb.evaluate(model, whole.censor(lloq=LLOQ, uloq=ULOQ), method="laplace")


def test_simulated_data_look_like_measured_ones(model, whole):
    plain = wb.simulate(model, whole, replicates=3, seed=2)
    limited = wb.simulate(model, whole.censor(lloq=LLOQ, uloq=ULOQ), replicates=3, seed=2)
    expected = np.where(plain["DV"] < LLOQ, 1, np.where(plain["DV"] > ULOQ, -1, 0))
    assert limited["CENS"].tolist() == expected.tolist()
    np.testing.assert_array_equal(limited["DV"], plain["DV"].clip(LLOQ, ULOQ))
    np.testing.assert_array_equal(limited["IPRED"], plain["IPRED"])
    assert "CENS" not in plain


def test_a_design_that_discards_is_simulated_as_measured(model, whole):
    data = whole.censor(lloq=LLOQ)
    assert len(wb.simulate(model, data.with_blq("M1"))) == whole.n_obs


def test_npde_of_censored_data_are_normal_under_the_model(fit, model, whole):
    found = wb.npde(fit, 500, seed=1)
    cens = fit.data.observations["CENS"]
    assert (cens != 0).mean() > 0.3
    assert found.table["NPDE"].notna().all()
    # A normal sample of this size has a p-value below 0.001 once in 1,000 times.
    assert kstest(found.table["NPDE"], "norm").pvalue > 0.001
    assert kstest(found.table["NPD"], "norm").pvalue > 1e-3
    # Where nothing is censored, npd is that of the data before the limits.
    before = wb.npde(wb.evaluate(model, whole, method="laplace"), 500, seed=1)
    seen = (cens == 0).to_numpy()
    np.testing.assert_allclose(found.table["NPD"][seen], before.table["NPD"][seen], atol=0.05)
    # What lies below its limit has a discrepancy below the probability of that.
    below, above = (cens == 1).to_numpy(), (cens == -1).to_numpy()
    assert found.table["PD"][below].median() < 0.5 < found.table["PD"][above].median()


def test_npde_after_a_replaced_value_takes_it_as_measured(model, whole):
    data = whole.censor(lloq=LLOQ).with_blq("M5")
    found = wb.npde(wb.evaluate(model, data, method="laplace"), 200, seed=1)
    assert (found.table["DV"] == LLOQ / 2).sum() == data.n_below
    written = whole.table.assign(DV=whole.table["DV"].where(~(whole.table["DV"] < LLOQ), LLOQ / 2))
    plain = wb.evaluate(model, wb.read_dataset(written.drop(columns="ROW")), method="laplace")
    np.testing.assert_array_equal(found.table["PD"], wb.npde(plain, 200, seed=1).table["PD"])


def test_imputing_above_is_the_mirror_image():
    generator = np.random.default_rng(1)
    simulated = generator.standard_normal((4000, 3))
    marks = np.array([True, False, True])
    done = impute_above(np.array([1.0, 0.2, 1.0]), simulated, marks, np.full(3, 1.0), seed=3)
    assert (done.observed[marks] > 0.99).all()
    assert done.observed[1] == 0.2
    assert (done.pd[marks] > 0.8).all()
    # The simulated values keep their distribution.
    assert kstest(done.simulated[:, 0], "norm").pvalue > 0.01


def test_vpc_knows_the_limits(fit, whole):
    check = wb.vpc(fit, replicates=50, seed=1)
    below = whole.population.dv < LLOQ
    np.testing.assert_array_equal(check.simulated.censored, below)
    assert (check.simulated.lloq == LLOQ).all()
    assert check.simulated.values.max() == ULOQ
    assert not check.blq.empty
    assert any("upper limit" in sentence for sentence in check.notes)


@pytest.fixture(scope="module")
def assays(whole):
    """Subjects 1 to 20 by an assay with a limit of 0.5, 21 to 40 of 1.5, and 41 to 60 by either."""
    table = whole.table.copy()
    limit = table["ID"].map(lambda i: 0.5 if i <= 20 or i % 2 else 1.5).to_numpy()
    known = table["ID"].to_numpy() <= 40
    below = (table["EVID"] == 0).to_numpy() & known & (table["DV"].to_numpy() < limit)
    table["CENS"] = below.astype(int)
    table.loc[below, "DV"] = limit[below]
    kept = ~((table["ID"] > 40) & (table["EVID"] == 0) & (table["DV"] < 1.5))
    return wb.read_dataset(table[kept.to_numpy()], name="assays")


def test_simulations_are_censored_at_the_limit_of_each_subject(model, assays):
    with pytest.warns(DataWarning, match=r"several limits of quantification \(0.5, 1.5\)"):
        drawn = wb.simulate(model, assays, seed=3)
    limits = drawn[drawn["CENS"] == 1].groupby("ID")["DV"].agg(["min", "max"])
    assert (limits["min"] == limits["max"]).all()
    assert set(limits["min"]) == {0.5, 1.5}
    own = assays.observations.query("CENS == 1").groupby("ID")["DV"].first()
    both = limits.join(own, how="inner")
    assert len(both) > 20
    assert (both["min"] == both["DV"]).all()
    one = wb.simulate(model, assays, seed=3, lloq=0.5)
    assert set(one.loc[one["CENS"] == 1, "DV"]) == {0.5}


def test_checks_take_the_limit_of_each_subject(model, assays):
    check = wb.vpc(model, assays, replicates=20, seed=1)
    points = check.simulated.points.assign(LLOQ=check.simulated.lloq)
    marked = points["CENS"] == 1
    np.testing.assert_array_equal(check.simulated.censored, marked)
    assert (points[marked]["LLOQ"] == points[marked]["DV"]).all()
    assert points.groupby("ID")["LLOQ"].nunique().max() == 1
    assert any("took the lowest" in sentence for sentence in check.notes)
    one = wb.vpc(model, assays, replicates=20, seed=1, lloq=0.5)
    assert (one.simulated.lloq == 0.5).all()
    assert not any("took the lowest" in sentence for sentence in one.notes)
    errors = wb.npde(wb.evaluate(model, assays, method="laplace"), 300, seed=1)
    assert any("took the lowest" in sentence for sentence in errors.notes)


def test_a_limit_of_a_check_that_is_no_number_is_refused(model, whole):
    with pytest.raises(OptionError, match=r"lloq= of .* must be a number, not 'a'"):
        wb.vpc(model, whole, replicates=2, lloq="a")


def test_vpc_of_a_fit_that_discarded_has_all_values(model, whole):
    data = whole.censor(lloq=LLOQ)
    fit = wb.evaluate(model, data.with_blq("M1"), method="focei")
    check = wb.vpc(fit, replicates=20, seed=1)
    assert len(check.simulated.points) == whole.n_obs
    assert check.simulated.censored.sum() == data.n_below
    assert any("treated them by M1" in sentence for sentence in check.notes)


def test_individual_curves_mark_them(fit):
    found = table("individual", fit)
    seen = found[found["KIND"] == "observation"]
    assert seen["CENSORED"].tolist() == (fit.data.observations["CENS"] != 0).tolist()
    assert set(seen["LLOQ"]) == {LLOQ}


def test_raw_data_mark_them(fit):
    long = table("data", fit.data)
    assert long["CENS"].tolist()[: fit.data.n_obs] == fit.data.observations["CENS"].tolist()
    ax = wb.plots.data(fit.data).axes[0]
    marks = [line for line in ax.lines if line.get_gid() == "censored"]
    assert [len(line.get_xdata()) for line in marks] == [fit.data.n_below, fit.data.n_above]
    plain = wb.plots.data(wb.load_dataset("theophylline")).axes[0]
    assert not [line for line in plain.lines if line.get_gid() == "censored"]


def test_goodness_of_fit_marks_them(fit):
    found = table("gof", fit)
    assert found["CENS"].tolist() == fit.data.observations["CENS"].tolist()
    figure = wb.plots.gof(fit)
    marks = [line for ax in figure.axes for line in ax.lines if line.get_gid() == "censored"]
    assert sum(len(line.get_xdata()) for line in marks) == 2 * (fit.data.n_below + fit.data.n_above)


def test_a_saved_fit_keeps_the_method(fit, tmp_path):
    for one in (fit.data.with_blq("M1"), cases.oral_data().censor(lloq=1.3).with_blq("M2")):
        subject = wb.evaluate(
            cases.iv_model("proportional") if one.name == "simulated" else cases.oral_model(),
            one,
            method="focei",
        )
        subject.save(tmp_path / "run.json")
        back = wb.load_fit(tmp_path / "run.json")
        assert (back.data.blq, back.data.n_obs) == (one.blq, one.n_obs)
        assert back.data.blq_limit == one.blq_limit
        again = wb.evaluate(back.final_model, back.data, method="focei")
        pd.testing.assert_series_equal(again.individual_ofv, subject.individual_ofv)
