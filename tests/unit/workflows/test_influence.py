"""Fits without each subject: they are what a fit of the other data is, and none is lost."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import workbench as wb
from tests import cases
from workbench.errors import EstimationError, OptionError
from workbench.estimation import subject_gradients
from workbench.workflows import influence as module
from workbench.workflows.influence import conspicuous, cost


@pytest.fixture(scope="module")
def fit():
    return wb.fit(cases.iv_model("proportional"), cases.iv_data(8))


@pytest.fixture(scope="module")
def result(fit):
    return wb.influence(fit)


@pytest.fixture(scope="module")
def theophylline():
    data = wb.load_dataset("theophylline")
    return wb.fit(wb.Model.from_dict(data.info.suggested_model), data)


# --- the numbers -----------------------------------------------------------------------------


def test_refits_are_fits_of_the_other_subjects(fit, result):
    """From the model's own start, on data read from a file without the subject: 1e-4 in OFV."""
    frame = cases.iv_frame(8)
    for row in result.table.itertuples():
        others = wb.read_dataset(frame[frame["ID"] != row.ID], name="others")
        alone = wb.fit(fit.model, others)
        assert row.ofv == pytest.approx(alone.ofv, abs=1e-4)
        assert row.verdict == alone.verdict
        np.testing.assert_allclose(
            result.estimates.loc[row.ID], alone.parameters["estimate"], rtol=2e-3
        )


def test_theophylline_without_its_most_influential_subject(theophylline):
    others = theophylline.data.select([s for s in theophylline.data.subjects if s != 5])
    alone = wb.fit(theophylline.model, others)
    result = wb.influence(theophylline, [5])
    assert result.table["ofv"].iloc[0] == pytest.approx(alone.ofv, abs=1e-4)
    assert result.table["n_obs"].iloc[0] == 11


def test_the_columns_are_their_formulas(fit, result):
    free = fit.parameters[~fit.parameters["fixed"]]
    c = fit.covariance.to_numpy()
    for row in result.table.itertuples():
        moved = result.estimates.loc[row.ID].to_numpy(float) - free["estimate"].to_numpy()
        assert row.cook == pytest.approx(moved @ np.linalg.inv(c) @ moved, rel=1e-8)
        np.testing.assert_allclose(result.changes.loc[row.ID], moved / free["se"], rtol=1e-12)
        left = fit.ofv - fit.individual_ofv[row.ID]
        assert row.delta_ofv == pytest.approx(left - row.ofv, abs=1e-9)
        again = wb.fit(fit.updated_model, fit.data.select(set(fit.data.subjects) - {row.ID}))
        ratio = np.sqrt(np.linalg.det(again.covariance) / np.linalg.det(c))
        assert row.covariance_ratio == pytest.approx(ratio, rel=1e-6)
    assert (result.table["delta_ofv"] > -1e-6).all()


def test_an_outlying_subject_stands_out():
    """A clearance of four times the others', 5 SD away."""
    frame = cases.iv_frame(12, cl=(3.0, 0.1))
    one = (frame["ID"] == 4) & (frame["EVID"] == 0)
    frame.loc[one, "DV"] *= np.exp(-0.25 * frame.loc[one, "TIME"])
    fit = wb.fit(cases.iv_model("proportional"), wb.read_dataset(frame, name="odd"))
    table = wb.influence(fit).table.set_index("ID")
    assert table["cook"].idxmax() == 4
    assert table["delta_ofv"].idxmax() == 4
    assert conspicuous(fit, 1) == [4]


def test_in_a_linear_model_one_step_predicts_the_change():
    """The mean of a known-variance sample: leaving out i moves it by -(y_i - mean)/(n - 1)."""
    data = pd.DataFrame({"ID": range(1, 9), "TIME": 0.0, "DV": [1, 2, 3, 4, 5, 6, 7, 12.0]})
    model = wb.Model(
        wb.equations("y = m + 0*t", outputs=["y"]),
        {"m": wb.Normal(5.0, iiv=wb.Fixed(1.0))},
        error=wb.error.Additive(wb.Fixed(1.0)),
    )
    fit = wb.fit(model, wb.read_dataset(data, name="means"), method="linear")
    result = wb.influence(fit)
    y, variance = data["DV"].to_numpy(), 2.0
    moved = -(y - y.mean()) / 7
    np.testing.assert_allclose(result.estimates["m"], y.mean() + moved, rtol=1e-7)
    np.testing.assert_allclose(result.table["cook"], moved**2 / (variance / 8), rtol=1e-5)
    expected = [
        ((np.delete(y, i) - y.mean()) ** 2).sum() - 7 * np.delete(y, i).var() for i in range(8)
    ]
    np.testing.assert_allclose(result.table["delta_ofv"], np.array(expected) / variance, atol=1e-7)
    np.testing.assert_allclose(result.table["covariance_ratio"], np.sqrt(8 / 7), rtol=1e-5)


def test_any_executor_gives_the_same(fit, result):
    with ThreadPoolExecutor(3) as pool:
        other = wb.influence(fit, executor=pool)
    pd.testing.assert_frame_equal(other.estimates, result.estimates)
    kept = result.table.columns.drop("seconds")
    pd.testing.assert_frame_equal(other.table[kept], result.table[kept])


def test_method_options_and_seed_are_those_of_the_fit():
    data = cases.iv_data(5)
    whole = wb.fit(
        cases.iv_model("proportional"), data, method=["fo", "focei"], focei={"covariance": "none"}
    )
    result = wb.influence(whole)
    assert result.changes.isna().all(axis=None)
    assert result.table["cook"].isna().all()
    assert "no standard errors" in result.notes[0]
    assert result.estimates.notna().all(axis=None)
    alone = wb.fit(whole.model, data.select([2, 3, 4, 5]))
    assert result.table["ofv"].iloc[0] == pytest.approx(alone.ofv, abs=1e-4)


def test_monte_carlo_is_noted():
    data = cases.iv_data(5)
    short = {"exploration": 20, "smoothing": 10}
    whole = wb.fit(cases.iv_model("proportional"), data, method="saem", seed=3, **short)
    result = wb.influence(whole, [2])
    assert any("Monte-Carlo error" in note for note in result.notes)
    again = wb.influence(whole, [2])
    pd.testing.assert_frame_equal(result.estimates, again.estimates)


# --- without refits --------------------------------------------------------------------------


def test_the_prediction_is_one_newton_step(theophylline):
    """Exact to first order: correlated 0.99 with what the refits find, and in the same order."""
    predicted = wb.influence(theophylline, refit=False)
    found = wb.influence(theophylline)
    for name in found.changes:
        r = np.corrcoef(predicted.changes[name], found.changes[name])[0, 1]
        assert r > 0.99, name
    highest = [r.table.sort_values("cook")["ID"].tolist()[-3:] for r in (predicted, found)]
    assert highest[0] == highest[1]
    np.testing.assert_array_equal(found.table["cook_predicted"], predicted.table["cook"])
    assert set(predicted.table["verdict"]) == {"predicted"}
    assert "the size of large changes is rough" in predicted.notes[0]
    assert repr(predicted).startswith("12 predicted fits")


def test_a_sandwich_is_taken_apart(theophylline):
    """The step needs R, not the sandwich: it is the same whatever covariance the fit has."""
    model, data = theophylline.model, theophylline.data
    robust = wb.fit(model, data, covariance="sandwich")
    one, other = (wb.influence(fit, refit=False) for fit in (theophylline, robust))
    np.testing.assert_allclose(one.estimates, other.estimates, rtol=1e-4)
    np.testing.assert_allclose(one.table["delta_ofv"], other.table["delta_ofv"], rtol=1e-3)
    moved = other.estimates.loc[5] - robust.parameters["estimate"]
    expected = moved @ np.linalg.inv(robust.covariance) @ moved
    assert other.table.set_index("ID").loc[5, "cook"] == pytest.approx(expected, rel=1e-8)
    np.testing.assert_allclose(one.table["delta_ofv"], one.table["cook"], rtol=1e-9)


def test_gradients_are_differences_of_the_objective(theophylline):
    """Of each subject's part, in each estimate, by central differences: 1e-5."""
    final, data = theophylline.final_model, theophylline.data
    gradients = subject_gradients(final, data)
    assert gradients.sum().abs().max() < 1e-3
    for name in ("cl", "v"):
        step = 1e-4 * theophylline.theta[name]

        def part(by, name=name):
            typical = final.parameters[name].typical + by
            moved = {**final.parameters, name: replace(final.parameters[name], typical=typical)}
            return wb.evaluate(final.replace(parameters=moved), data).individual_ofv

        slope = (part(step) - part(-step)) / (2 * step)
        np.testing.assert_allclose(gradients[name], slope, rtol=1e-5, atol=1e-5)


def test_in_a_linear_model_the_prediction_has_a_formula():
    """The mean of n numbers: leaving out i moves it by (mean - y_i)/n in one step."""
    y = np.array([1, 2, 3, 4, 5, 6, 7, 12.0])
    data = pd.DataFrame({"ID": range(1, 9), "TIME": 0.0, "DV": y})
    model = wb.Model(
        wb.equations("y = m + 0*t", outputs=["y"]),
        {"m": wb.Normal(5.0, iiv=wb.Fixed(1.0))},
        error=wb.error.Additive(wb.Fixed(1.0)),
    )
    fit = wb.fit(model, wb.read_dataset(data, name="means"))
    predicted = wb.influence(fit, refit=False)
    np.testing.assert_allclose(predicted.estimates["m"], y.mean() + (y.mean() - y) / 8, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda fit: replace(fit, covariance=pd.DataFrame()), "no standard errors"),
        (
            lambda fit: replace(fit, final_model=fit.model),
            "not close to a minimum of FOCEI's objective",
        ),
    ],
)
def test_why_nothing_can_be_predicted(fit, change, words):
    other = change(fit)
    with pytest.raises(EstimationError, match=words):
        wb.influence(other, refit=False)
    found = wb.influence(other, [1])
    assert found.table["cook_predicted"].isna().all()
    assert len(conspicuous(other, 2)) == 2  # by the residuals


def test_two_thousand_subjects_are_predicted_at_once():
    fit = wb.fit(cases.iv_model("proportional"), cases.iv_data(2000))
    predicted = wb.influence(fit, refit=False)
    assert len(predicted.table) == 2000
    two = predicted.table.nlargest(2, "cook")["ID"].tolist()
    found = wb.influence(fit, 2)
    assert sorted(two) == found.table["ID"].tolist()
    np.testing.assert_allclose(found.table["cook_predicted"], found.table["cook"], rtol=0.1)


# --- which subjects --------------------------------------------------------------------------


def test_some_subjects_in_the_order_of_the_data(fit, result):
    some = wb.influence(fit, [5, 2])
    assert some.table["ID"].tolist() == [2, 5]
    assert some.table["ofv"].iloc[1] == result.table["ofv"].iloc[4]


def test_the_most_conspicuous(fit):
    found = wb.influence(fit, 2)
    assert found.table["ID"].tolist() == conspicuous(fit, 2)
    assert found.n_asked == 2


def test_labels_that_are_text():
    frame = cases.iv_frame(4)
    frame["ID"] = [f"PAT-{i}" for i in frame["ID"]]
    fit = wb.fit(cases.iv_model("proportional"), wb.read_dataset(frame, name="text"))
    assert wb.influence(fit, "PAT-3").table["ID"].tolist() == ["PAT-3"]


@pytest.mark.parametrize(
    ("subjects", "words"),
    [([9], "no subject 9"), (0, "at least 1"), ([], "No subject")],
)
def test_wrong_subjects_are_refused(fit, subjects, words):
    with pytest.raises(OptionError, match=words):
        wb.influence(fit, subjects)


def test_one_subject_cannot_be_left_out():
    fit = wb.fit(cases.iv_model("proportional", cl=(3.0, 0.0), v=(20.0, 0.0)), cases.iv_data(1))
    with pytest.raises(OptionError, match="one subject only"):
        wb.influence(fit)


def test_without_estimates_there_is_nothing_to_change(fit):
    with pytest.raises(EstimationError, match="an evaluation only"):
        wb.influence(wb.evaluate(fit.model, fit.data))
    with pytest.raises(EstimationError, match=r"failed: No finite objective\."):
        wb.influence(replace(fit, verdict="failed", reasons=("No finite objective.",)))


def test_two_subjects_leave_one():
    fit = wb.fit(cases.iv_model("proportional", cl=(3.0, 0.0), v=(20.0, 0.0)), cases.iv_data(2))
    result = wb.influence(fit)
    assert len(result.table) == 2
    alone = wb.fit(fit.model, fit.data.select([2]))
    assert result.table["ofv"].iloc[0] == pytest.approx(alone.ofv, abs=1e-4)


def test_the_cost_is_said_beforehand(fit):
    many = replace(fit, seconds=2.0)
    assert cost(many).startswith("8 fits of about 2 s each")
    assert "wb.influence(fit, 20)" not in cost(many)


def test_the_cost_of_two_thousand_subjects_comes_with_a_way_out():
    data = cases.iv_data(2000, times=(1.0,))
    at = replace(wb.evaluate(cases.iv_model("proportional"), data), seconds=1.0)
    assert cost(at).startswith("2000 fits of about 1 s each")
    assert "wb.influence(fit, 20)" in cost(at)
    assert "20 fits" in cost(at, 20)
    assert len(conspicuous(at, 20)) == 20


def test_an_output_that_is_left_without_data():
    """Only subject 1 has seen the second output: without it its error cannot be estimated."""
    lines = cases.line_data(6).table
    rows = lines[["ID", "TIME", "DV"]].assign(DVID=1)
    second = rows[rows["ID"] == 1].assign(DVID=2)
    second["DV"] = 20.0 - second["DV"] + [0.1, -0.1, 0.2, 0.0, -0.2]
    frame = pd.concat([rows, second]).sort_values(["ID", "TIME"], kind="stable")
    model = wb.Model(
        wb.equations("y = a + b*t\nz = 20 - y", outputs=["y", "z"]),
        {"a": wb.Normal(8.0, iiv=1.5), "b": wb.Normal(1.0, iiv=0.8)},
        error={"y": wb.error.Additive(1.0), "z": wb.error.Additive(1.0)},
    )
    fit = wb.fit(model, wb.read_dataset(frame, name="rare"))
    result = wb.influence(fit, [1, 2])
    assert np.isnan(result.estimates.loc[1, "sigma[z.additive]"])
    assert np.isnan(result.table["cook"].iloc[0])
    assert np.isfinite(result.table["cook"].iloc[1])


# --- what goes wrong -------------------------------------------------------------------------


def test_a_refit_that_fails_is_a_row(fit):
    class Broken(ThreadPoolExecutor):
        def submit(self, function, whole, subject, cancel):
            if subject in (3, 4):
                future = Future()
                future.set_exception(RuntimeError("the worker died"))
                return future
            return super().submit(function, whole, subject, cancel)

    with Broken(1) as pool:
        result = wb.influence(fit, executor=pool)
    assert result.failed["ID"].tolist() == [3, 4]
    assert result.failed["reason"].str.contains("the worker died").all()
    assert result.table["cook"].isna().sum() == 2
    assert result.changes.loc[[3, 4]].isna().all(axis=None)
    assert any("2 refits ended failed: without ID 3, 4" in note for note in result.notes)
    assert "worker died" not in repr(result)


def test_a_refit_that_is_refused_says_why(fit, monkeypatch):
    def refuse(*_args, **_options):
        raise EstimationError("No finite objective.")

    monkeypatch.setattr(module, "fit", refuse)
    result = wb.influence(fit, [1])
    assert result.table["verdict"].tolist() == ["failed"]
    assert result.table["reason"].tolist() == ["No finite objective."]


def test_a_refit_above_its_start_is_noted(fit, monkeypatch):
    def worse(model, data, **_options):
        found = wb.evaluate(model, data)
        return replace(found, ofv=found.ofv + 1.0)

    monkeypatch.setattr(module, "fit", worse)
    result = wb.influence(fit, [1, 2])
    assert any("have not reached their minimum" in note for note in result.notes)


def test_progress_and_cancel_keep_what_is_done(fit):
    token, seen = wb.CancelToken(), []

    def stop(done, total, subject):
        seen.append((done, total, subject))
        if done == 3:
            token.set()

    with ThreadPoolExecutor(1) as pool:
        result = wb.influence(fit, on_fit=stop, cancel=token, executor=pool)
    assert seen == [(1, 8, 1), (2, 8, 2), (3, 8, 3)]
    assert result.table["ID"].tolist() == [1, 2, 3]
    assert any("after 3 of 8" in note for note in result.notes)


def test_cancel_from_another_thread_leaves_no_half_fit(fit):
    """What was cut short is no fit: a result holds finished ones only."""
    token = wb.CancelToken()

    def stop(done, _total, _subject):
        if done == 1:
            threading.Thread(target=token.set).start()

    result = wb.influence(fit, on_fit=stop, cancel=token)
    assert 1 <= len(result.table) <= 8
    assert set(result.table["verdict"]) == {"converged"}


def test_cancelled_before_the_first(fit):
    token = wb.CancelToken()
    token.set()
    with pytest.raises(EstimationError, match="Stopped on request"):
        wb.influence(fit, cancel=token)


def test_a_doubtful_fit_is_noted(fit):
    doubtful = replace(fit, verdict="doubtful", reasons=("A variance is close to zero.",))
    result = wb.influence(doubtful, [1])
    assert any("The fit itself is doubtful" in note for note in result.notes)


def test_a_covariance_that_is_not_positive_definite_is_said(fit):
    flat = pd.DataFrame(1.0, index=fit.covariance.index, columns=fit.covariance.columns)
    result = wb.influence(replace(fit, covariance=flat), [1])
    assert any("not positive definite" in note for note in result.notes)
    assert result.table["cook"].isna().all()


def test_text(result):
    text = repr(result)
    assert text.startswith("8 fits of pk_1cmt_iv on iv by FOCEI, each without one subject")
    assert "delta_ofv" in text


# --- the picture -----------------------------------------------------------------------------


def texts(figure):
    found = figure.findobj(lambda a: hasattr(a, "get_text"))
    return [artist.get_text() for artist in found]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_picture(result, theme):
    figure = wb.plots.influence(result, theme=theme, selected=3)
    left, right = figure.axes
    assert left.get_ylabel() == "Cook's distance"
    assert left.get_xlabel() == "Subject left out (ID)"
    highest = result.table.set_index("ID")["cook"].idxmax()
    assert str(highest) in [text.get_text() for text in left.texts]
    assert right.get_title(loc="left") == "Change ÷ SE"
    assert "ω² cl" in [label.get_text() for label in right.get_xticklabels()]
    figure.canvas.draw()


def test_picture_without_standard_errors_or_fits(fit, result):
    bare = replace(result, table=result.table.assign(cook=np.nan), changes=result.changes * np.nan)
    left = wb.plots.influence(bare).axes[0]
    assert left.get_ylabel() == "ΔOFV of the others"
    lost = replace(bare, table=bare.table.assign(delta_ofv=np.nan, verdict="failed"))
    assert any("No fit without a subject" in text for text in texts(wb.plots.influence(lost)))


def test_failed_and_doubtful_refits_are_marked(result):
    table = result.table.copy()
    table.loc[1, "verdict"] = "doubtful"
    table.loc[2, ["verdict", "cook"]] = ["failed", np.nan]
    figure = wb.plots.influence(replace(result, table=table))
    assert "◇ 1 doubtful · × 1 failed" in texts(figure)


def test_picture_of_two_thousand_subjects():
    n = 2000
    rng = np.random.default_rng(1)
    fit = wb.evaluate(cases.iv_model("proportional"), cases.iv_data(2))
    labels = [f"PATIENT-{i}" for i in range(n)]
    table = pd.DataFrame({"ID": labels, "verdict": "converged", "cook": rng.exponential(size=n)})
    changes = pd.DataFrame(rng.normal(size=(n, 5)), index=labels, columns=list("abcde"))
    many = module.Influence(table, changes, changes, fit, (), n)
    figure = wb.plots.influence(many)
    figure.canvas.draw()
    assert "18 highest of 2000" in texts(figure)


def test_picture_on_given_axes_and_of_an_unknown_subject(result):
    ax = Figure().add_subplot()
    assert wb.plots.influence(result, ax=ax) is ax
    with pytest.raises(OptionError, match="not among those"):
        wb.plots.influence(result, selected=99)
