"""Fits from many starts: what is random, what is reported, what is never lost."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.figure import Figure

import workbench as wb
from tests import cases
from workbench.errors import EstimationError, OptionError, UnknownNameError
from workbench.workflows.multistart import random_start


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(20)


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional")


@pytest.fixture(scope="module")
def result(model, data):
    return wb.multistart(model, data, n=8, seed=2, covariance="none")


# --- starting values -------------------------------------------------------------------------


def test_the_first_start_is_the_model_itself(model):
    assert random_start(model, 0, seed=1, spread=5.0, iiv_spread=3.0) == model


def test_factors_are_log_uniform_and_within_bounds(model):
    starts = [random_start(model, k, seed=1, spread=5.0, iiv_spread=3.0) for k in range(1, 2001)]
    for name, p in model.parameters.items():
        typical = np.log([s.parameters[name].typical / p.typical for s in starts]) / np.log(5.0)
        iiv = np.log([s.parameters[name].iiv / p.iiv for s in starts]) / np.log(3.0)
        for u in (typical, iiv):
            assert np.abs(u).max() <= 1.0
            assert np.mean(u) == pytest.approx(0.0, abs=0.05)  # 4 SD of the mean
            assert np.var(u) == pytest.approx(1 / 3, rel=0.08)
        assert abs(np.corrcoef(typical, iiv)[0, 1]) < 0.09


def test_fixed_values_and_zeros():
    model = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(wb.Fixed(3.0), iiv=wb.Fixed(0.3)), "v": wb.Normal(0.0, iiv=2.0)},
        error=wb.error.Additive(1.0),
    )
    start = random_start(model, 5, seed=1, spread=5.0, iiv_spread=3.0)
    assert start.parameters["cl"] == model.parameters["cl"]
    assert 0 < abs(start.parameters["v"].typical) <= 2.0


# --- the result ------------------------------------------------------------------------------


def test_all_starts_agree_on_an_easy_problem(result, model, data):
    alone = wb.fit(model, data, covariance="none")
    assert result.verdict == "converged", result.reasons
    assert result.agreement == 1.0
    assert result.table["ofv"].iloc[0] == alone.ofv
    assert result.best.ofv == pytest.approx(alone.ofv, abs=1e-6)
    assert result.best_converged is result.best
    assert "8 of 8 starts" in result.reasons[0]
    assert "8 of 8 starts" in repr(result)
    assert len(result.minima) == 1
    assert result.minima["starts"].iloc[0] == 8


def test_the_table_tells_start_and_end(result, model):
    table = result.table
    assert list(table["start"]) == list(range(8))
    assert table["cl_start"].iloc[0] == model.parameters["cl"].typical
    assert table["omega[v]_start"].iloc[0] == pytest.approx(0.04)
    assert table["cl_start"].nunique() == 8
    np.testing.assert_allclose(table["cl"], result.best.theta["cl"], rtol=1e-4)
    assert table["reason"].str.len().min() > 10


def test_same_seed_same_starts_on_any_executor(result, model, data):
    with ThreadPoolExecutor(2) as pool:
        other = wb.multistart(model, data, n=8, seed=2, covariance="none", executor=pool)
    for column in ("cl_start", "omega[cl]_start", "ofv", "cl"):
        np.testing.assert_array_equal(other.table[column], result.table[column])
    third = wb.multistart(model, data, n=2, seed=3, covariance="none")
    assert third.table["cl_start"].iloc[1] != result.table["cl_start"].iloc[1]


def test_flip_flop_is_found_and_makes_the_result_doubtful():
    """Theophylline has a second minimum with ka < cl/v, where the variance of ka is zero."""
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    result = wb.multistart(model, data, n=24, spread=5, iiv_spread=3, seed=1, covariance="none")
    assert result.verdict == "doubtful"
    lower, right = result.minima["ofv"].to_numpy()
    assert lower == pytest.approx(110.335, abs=0.01)
    assert right == pytest.approx(116.803, abs=0.01)
    assert list(result.minima["converged"] == 0) == [True, False]
    assert result.best.ofv == pytest.approx(lower)
    assert result.best_converged.ofv == pytest.approx(right)
    said = " ".join(result.reasons)
    for words in ("other minima", "Fewer than half", "lowest OFV that converged is 116.803"):
        assert words in said
    worse = result.table[result.table["difference"] > 0.01]
    assert set(np.round(worse.loc[worse["verdict"] == "converged", "ofv"], 2)) == {116.80}


def test_a_start_that_cannot_be_fitted_is_a_row(data):
    """An SD of 60 for a volume of 20 and log-normal error: some starts have no likelihood."""

    class Broken(ThreadPoolExecutor):
        def submit(self, function, task, start, cancel):
            if start.parameters["cl"].typical > 3.0:
                future = Future()
                future.set_exception(RuntimeError("the worker died"))
                return future
            return super().submit(function, task, start, cancel)

    with Broken(1) as pool:
        result = wb.multistart(
            cases.iv_model("proportional"), data, n=6, executor=pool, covariance="none"
        )
    lost = result.table["verdict"] == "failed"
    assert 0 < lost.sum() < 6
    assert result.table.loc[lost, "reason"].str.contains("worker died").all()
    assert result.table.loc[lost, "ofv"].isna().all()
    assert any("failed" in reason for reason in result.reasons)


def test_nothing_but_failures_is_an_error_that_says_why(data):
    model = cases.iv_model("additive").replace(
        parameters={"cl": wb.Normal(-1e6, iiv=1.0), "v": wb.LogNormal(1e-6, iiv=0.1)}
    )
    with pytest.raises(EstimationError, match="None of the 2 starts"):
        wb.multistart(model, data, n=2)


def test_cancel_and_progress(model, data):
    token, seen = wb.CancelToken(), []

    def stop(done, n, ofv):
        seen.append((done, n))
        assert np.isfinite(ofv)
        if done == 2:
            token.set()

    result = wb.multistart(model, data, n=5, on_fit=stop, cancel=token, covariance="none")
    assert seen == [(1, 5), (2, 5)]
    assert len(result.table) == 2
    assert any("2 of 5" in reason for reason in result.reasons)


def test_several_methods_in_a_row(model, data):
    result = wb.multistart(model, data, n=2, method=["fo", "focei"], focei={"covariance": "none"})
    assert result.best.method == "fo+focei"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"n": 0}, OptionError),
        ({"spread": 0.5}, OptionError),
        ({"max_iter": -1}, OptionError),
        ({"max_itr": 3}, UnknownNameError),
        ({"method": "focie"}, UnknownNameError),
    ],
)
def test_wrong_arguments_are_refused(model, data, arguments, kind):
    with pytest.raises(kind):
        wb.multistart(model, data, **{"n": 2} | arguments)


# --- the picture -----------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_picture(result, theme):
    figure = wb.plots.multistart(result, theme=theme)
    left, right = figure.axes
    assert left.get_ylabel() == "OFV − best OFV"
    assert "converged (8)" in [text.get_text() for text in left.get_legend().get_texts()]
    assert right.get_xlabel().startswith("cl")
    assert right.get_ylabel().startswith("v")
    figure.canvas.draw()


def test_picture_of_other_parameters_or_on_given_axes(result):
    figure = wb.plots.multistart(result, ("omega[cl]", "v"))
    assert figure.axes[1].get_xlabel().startswith("omega[cl]")
    with pytest.raises(OptionError, match="Known: cl, v"):
        wb.plots.multistart(result, ("ka", "v"))
    ax = Figure().add_subplot()
    assert wb.plots.multistart(result, ax=ax) is ax
