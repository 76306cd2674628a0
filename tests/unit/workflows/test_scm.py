"""The stepwise search: it finds what was simulated, never what is worse, and can be continued."""

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases
from workbench.errors import (
    DataError,
    EstimationError,
    IncomparableError,
    OptionError,
    WorkbenchError,
)
from workbench.workflows import _candidate_fits, _search_steps
from workbench.workflows._search_steps import LADDER
from workbench.workflows.scm import CovariateSearch

POWER, CATEGORICAL = wb.covariate.Power, wb.covariate.Categorical
CANDIDATES = {
    "cl": [POWER("WT"), POWER("AGE"), CATEGORICAL("SEX")],
    "v": [POWER("WT"), POWER("AGE"), CATEGORICAL("SEX")],
}
TRUTH = [("cl", "WT"), ("v", "SEX")]


def simulated(n_sub=40, seed=11):
    """Return a bolus each; cl ~ (WT/70)^0.9 and v ~ exp(-0.4 for women); AGE does nothing."""
    rng = np.random.default_rng(seed)
    weight = np.exp(np.log(70) + 0.25 * rng.standard_normal(n_sub))
    age = rng.uniform(20, 70, n_sub).round()
    sex = np.where(rng.random(n_sub) < 0.5, "F", "M")
    cl = 3 * (weight / 70) ** 0.9 * np.exp(0.2 * rng.standard_normal(n_sub))
    v = 20 * np.exp(-0.4 * (sex == "F") + 0.15 * rng.standard_normal(n_sub))
    frame = cases.iv_frame(n_sub, seed, cl=(3.0, 0.0), v=(20.0, 0.0), sd=0.0)
    who = frame["ID"].to_numpy() - 1
    time = frame["TIME"].to_numpy(float)
    f = 100 / v[who] * np.exp(-cl[who] / v[who] * time)
    y = f * np.exp(0.1 * rng.standard_normal(len(frame)))
    frame["DV"] = np.where(frame["EVID"] == 0, y, np.nan)
    return frame.assign(WT=weight[who], AGE=age[who], SEX=sex[who])


@pytest.fixture(scope="module")
def data():
    return wb.read_dataset(simulated(), name="two effects")


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional")


@pytest.fixture(scope="module")
def base(model, data):
    return wb.fit(model, data)


@pytest.fixture(scope="module")
def search(model, data, base):
    return wb.scm(model, data, CANDIDATES, start=base)


def places(search):
    return [candidate.place for candidate in search.included]


# --- what is found ---------------------------------------------------------------------------


def test_the_simulated_effects_are_found_and_nothing_else(search):
    assert sorted(places(search)) == TRUTH
    assert search.complete
    assert search.fit.verdict == "converged"
    beta = search.model.parameters["cl"].covariates[0].values[0]
    assert beta == pytest.approx(0.9, abs=0.3)  # about 2 SE: 0.2 / (0.25 sqrt(40)) = 0.13


def test_the_ladder_is_tidy(search):
    ladder = search.ladder
    assert list(ladder) == LADDER
    assert ladder["step"].is_monotonic_increasing
    assert (ladder.groupby("step")["chosen"].sum() <= 1).all()
    forward = ladder[ladder["direction"] == "forward"]
    assert forward.groupby("step").size().tolist() == [6, 5, 4]
    assert set(ladder["effect"]) == {"add", "drop"}
    assert (ladder["reason"] != "").all()
    assert len(search.steps) == ladder["step"].max()


def test_each_step_takes_the_smallest_significant_p(search):
    for step, rows in search.ladder.groupby("step"):
        chosen = rows[rows["chosen"]]
        able = rows[rows["p"] < 0.05] if rows["direction"].iloc[0] == "forward" else rows[:0]
        if len(able):
            assert chosen["p"].iloc[0] == able["p"].min()
            assert search.steps[step - 1].chosen.place == able.sort_values("p")[
                ["parameter", "covariate"]
            ].iloc[0].pipe(tuple)
        else:
            assert chosen.empty
            assert search.steps[step - 1].chosen is None


def test_numbers_are_those_of_the_likelihood_ratio_test(model, data, base, search):
    """Fits from the model's own values: 1e-3 in OFV."""
    first = search.ladder[search.ladder["step"] == 1].set_index(["parameter", "covariate"])
    for place, effect in ((("cl", "WT"), POWER("WT")), (("v", "SEX"), CATEGORICAL("SEX"))):
        own = replace(model.parameters[place[0]], covariates=(effect,))
        large = wb.fit(model.replace(parameters={**model.parameters, place[0]: own}), data)
        test = wb.likelihood_ratio_test(base, large)
        assert first.loc[place, "ofv"] == pytest.approx(large.ofv, abs=1e-3)
        assert first.loc[place, "delta_ofv"] == pytest.approx(test.difference, abs=1e-3)
        assert first.loc[place, "df"] == test.df
        assert first.loc[place, "p"] == pytest.approx(test.p_value, rel=1e-3)
    final = wb.likelihood_ratio_test(search.base, search.fit)
    assert final.df == 2


def test_a_mild_forward_step_is_taken_back(model, data, base):
    """At 0.999 nearly everything enters; backward at 1e-4 leaves the simulated effects."""
    some = {"cl": [POWER("WT"), POWER("AGE")], "v": [CATEGORICAL("SEX")]}
    search = wb.scm(model, data, some, start=base, forward=0.999, backward=1e-4)
    assert len(search.ladder.query("direction == 'forward' and chosen")) == 3
    dropped = search.ladder.query("direction == 'backward' and chosen")
    assert dropped[["parameter", "covariate"]].to_numpy().tolist() == [["cl", "AGE"]]
    assert sorted(places(search)) == TRUTH
    two = [p.covariates for p in search.fit.model.parameters.values()]
    assert [len(effects) for effects in two] == [1, 1]


def test_nothing_significant_leaves_the_model_as_it_is(model, data, base):
    search = wb.scm(model, data, {"cl": [POWER("AGE")]}, start=base, forward=1e-6)
    assert search.fit is base
    assert search.included == ()
    assert "none" in search.sentence
    assert search.steps[0].sentence == "Step 1, forward: no candidate has p < 1e-06."


def test_of_two_kinds_one_is_taken(model, data, base):
    both = {"cl": [POWER("WT"), wb.covariate.Exponential("WT")]}
    search = wb.scm(model, data, both, start=base)
    assert len(search.included) == 1
    assert search.ladder["step"].max() == 2  # nothing left to add; then backward
    assert search.ladder["direction"].tolist() == ["forward", "forward", "backward"]


def test_the_summary_is_readable(search):
    words = repr(search)
    assert words.startswith("Selected: ")
    assert "cl ~ WT (power)" in words
    page = search._repr_html_()
    assert "ΔOFV" in page
    assert "✓" in page
    assert page.count("<li>") == len(search.steps)


# --- stopping and going on -------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 3, 8])
def test_a_stopped_search_goes_on_to_the_same_end(model, data, base, search, after, monkeypatch):
    """And fits nothing again that it has: counted over both parts, but for fits cut short."""
    whole, made = len(search._made), []
    inner = _candidate_fits.fit
    monkeypatch.setattr(_candidate_fits, "fit", lambda *a, **k: made.append(1) or inner(*a, **k))
    token, seen = wb.CancelToken(), []

    def stop(done, of, title):
        seen.append((done, of, title))
        if len(seen) == after:
            token.set()

    part = wb.scm(model, data, CANDIDATES, start=base, on_fit=stop, cancel=token)
    assert not part.complete
    assert "Stopped" in part.sentence
    assert part.notes
    assert len(part._made) == after
    kept = part.ladder
    pd.testing.assert_frame_equal(kept, search.ladder.head(len(kept)), check_dtype=False)
    before = len(made)
    ended = wb.scm(model, data, CANDIDATES, resume=part)
    assert ended.complete
    assert len(made) - before == whole - after
    pd.testing.assert_frame_equal(ended.ladder, search.ladder)
    pd.testing.assert_frame_equal(ended.fit.parameters, search.fit.parameters)
    assert seen[0][1] == 6


def test_a_finished_search_is_repeated_without_a_fit(model, data, search, monkeypatch):
    monkeypatch.setattr(_candidate_fits, "fit", None)
    again = wb.scm(model, data, CANDIDATES, resume=search)
    pd.testing.assert_frame_equal(again.ladder, search.ladder)


def test_stopped_before_the_first_fit(model, data):
    token = wb.CancelToken()
    token.set()
    with pytest.raises(EstimationError, match="before the model without candidates"):
        wb.scm(model, data, CANDIDATES, cancel=token)


def test_only_the_same_search_is_resumed(model, data, search):
    with pytest.raises(OptionError, match="a method, options or a seed other"):
        wb.scm(model, data, CANDIDATES, resume=search, method="foce")
    with pytest.raises(OptionError, match="had data other"):
        wb.scm(model, data.select(data.subjects[:30]), CANDIDATES, resume=search)
    other = cases.iv_model("proportional", cl=(4.0, 0.3))
    with pytest.raises(OptionError, match="a model or starting values"):
        wb.scm(other, data, CANDIDATES, resume=search)


# --- fits that go astray ---------------------------------------------------------------------


@pytest.fixture
def spoilt(monkeypatch):
    """Return a way to change fits of models for which a rule holds; the n-th only, or all."""
    inner = _candidate_fits.fit

    def spoil(holds, change, most=10**6):
        count = [0]

        def made(model, *args, **kwargs):
            found = inner(model, *args, **kwargs)
            if holds(model) and count[0] < most:
                count[0] += 1
                return change(found)
            return found

        monkeypatch.setattr(_candidate_fits, "fit", made)

    return spoil


def has(name, column):
    return lambda model: any(e.column == column for e in model.parameters[name].covariates)


def worse(found):
    return replace(found, ofv=found.ofv + 1e3, m2ll=found.m2ll + 1e3)


SMALL = {"cl": [POWER("WT"), POWER("AGE")]}


def test_a_fit_above_the_current_one_is_made_again(model, data, base, spoilt):
    spoilt(has("cl", "WT"), worse, most=1)
    search = wb.scm(model, data, SMALL, start=base)
    first = search.ladder.iloc[0]
    assert first["chosen"]
    assert first["reason"] == "Smallest p. Fitted again from another start."
    assert places(search) == [("cl", "WT")]


def test_one_that_stays_above_is_never_chosen(model, data, base, spoilt):
    spoilt(has("cl", "WT"), worse)
    search = wb.scm(model, data, SMALL, start=base, forward=0.999)
    row = search.ladder.iloc[0]
    assert row["verdict"] == "doubtful"
    assert np.isnan(row["p"])
    assert "above that of the model without the effect" in row["reason"]
    assert search.ladder["chosen"].tolist()[:2] == [False, True]
    assert places(search) == []  # AGE is dropped again


def test_a_failed_fit_is_a_row(model, data, base, spoilt):
    def broken(found):
        raise EstimationError("No finite objective.")

    spoilt(has("cl", "WT"), broken)
    search = wb.scm(model, data, SMALL, start=base)
    row = search.ladder.iloc[0]
    assert row["verdict"] == "failed"
    assert np.isnan(row["ofv"])
    assert "No finite objective." in row["reason"]
    assert not row["chosen"]


def test_a_doubtful_fit_is_chosen_only_in_words(model, data, base, spoilt):
    def doubtful(found):
        return replace(found, verdict="doubtful", reasons=("Gradient too large.",))

    spoilt(has("cl", "WT"), doubtful)
    search = wb.scm(model, data, SMALL, start=base)
    assert places(search) == [("cl", "WT")]
    assert "chosen although doubtful" in search.ladder["reason"].iloc[0]
    assert any("The last fit is doubtful: Gradient too large." in note for note in search.notes)
    both = {"cl": [POWER("WT")], "v": [CATEGORICAL("SEX")]}
    first = wb.scm(model, data, both, start=base).ladder.head(2)
    assert first["chosen"].tolist() == [False, True]  # a converged one goes first
    assert first["reason"].iloc[0].startswith("Doubtful: a converged fit goes first.")


# --- a few at a time, other executors, other labels ---------------------------------------------


def test_a_few_at_a_time_find_the_same_with_fewer_fits(model, data, base, search):
    few = wb.scm(model, data, CANDIDATES, start=base, top=2)
    assert sorted(places(few)) == TRUTH
    assert few.fit.ofv == pytest.approx(search.fit.ofv, abs=1e-3)
    sizes = few.ladder.groupby("step").size().tolist()
    assert sizes == [2, 2, 4, 2]  # all that is left before a direction ends
    with pytest.raises(OptionError, match="top= must be a whole number of at least 1"):
        wb.scm(model, data, CANDIDATES, start=base, top=0)


def test_a_ranking_that_fails_does_not_lose_the_search(model, data, base, monkeypatch):
    def broken(*args):
        raise EstimationError("No draws.")

    monkeypatch.setattr(_search_steps, "ranking", broken)
    few = wb.scm(model, data, CANDIDATES, start=base, top=2)
    assert few.complete
    assert few.notes[0].endswith("their own order: No draws.")


def test_any_executor_gives_the_same(model, data, base, search):
    with ThreadPoolExecutor(3) as pool:
        other = wb.scm(model, data, CANDIDATES, start=base, executor=pool)
    pd.testing.assert_frame_equal(other.ladder, search.ladder)


def test_a_doubtful_first_fit_is_noted(model, data, base):
    odd = replace(base, verdict="doubtful", reasons=("Gradient too large.",))
    search = wb.scm(model, data, {"cl": [POWER("AGE")]}, start=odd)
    assert search.notes == ("The fit without candidates is doubtful: Gradient too large.",)


def test_a_search_on_disk_is_resumed(model, data, search, monkeypatch):
    kept = pickle.loads(pickle.dumps(search))
    monkeypatch.setattr(_candidate_fits, "fit", None)
    again = wb.scm(model, data, CANDIDATES, resume=kept)
    pd.testing.assert_frame_equal(again.ladder, search.ladder)


def test_a_saved_search_is_resumed_in_another_session(model, search, tmp_path, monkeypatch):
    search.save(tmp_path / "search.json")
    kept = wb.load_search(tmp_path / "search.json")
    pd.testing.assert_frame_equal(kept.ladder, search.ladder)
    assert repr(kept) == repr(search)
    assert (kept.included, kept._settings, kept._asked) == (
        search.included,
        search._settings,
        search._asked,
    )
    assert kept.model == search.model
    same = wb.read_dataset(simulated(), name="two effects")  # read again, as there
    monkeypatch.setattr(_candidate_fits, "fit", None)
    again = wb.scm(model, same, CANDIDATES, resume=kept)
    pd.testing.assert_frame_equal(again.ladder, search.ladder)
    assert again.fit.ofv == search.fit.ofv


def test_what_is_no_saved_search_is_refused(base, search, tmp_path):
    path = tmp_path / "other.json"
    base.save(path)
    with pytest.raises(DataError, match="not a covariate search"):
        wb.load_search(path)
    with pytest.raises(DataError, match="no file"):
        wb.load_search(tmp_path / "none.json")
    with pytest.raises(DataError, match="path of a saved covariate search is a text"):
        wb.load_search(None)
    with pytest.raises(OptionError, match=r"search cannot be saved as /nope/x\.json"):
        search.save("/nope/x.json")
    search.save(path)
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"format": 9}))
    with pytest.raises(DataError, match="format 9"):
        wb.load_search(path)
    path.write_text(json.dumps(card | {"fits": card["fits"][:1]}))
    with pytest.raises(DataError, match="damaged"):
        wb.load_search(path)


def test_a_doubtful_first_fit_is_made_again_backward(model, data, base):
    """Stopped after one iteration it is too high, and would make the effect look larger."""
    off = wb.fit(model, data, max_iter=1)
    assert off.verdict == "doubtful"
    search = wb.scm(model, data, {"cl": [POWER("WT")]}, start=off, max_iter=1)
    assert search.base is off
    assert "Fitted in an earlier step" not in search.ladder["reason"].iloc[-1]


def test_one_subject_has_no_candidates(model):
    data = wb.read_dataset(simulated(1), name="one")
    found = wb.covariate_candidates(model, data)
    assert len(found) == 0
    assert "WT is the same in all subjects." in found.notes
    with pytest.raises(OptionError, match="no candidate to search among"):
        wb.scm(model, data, found)


def test_an_effect_that_makes_it_worse_is_dropped(model, data, base, spoilt):
    """Fits without it are made 9 lower than the first one was, as if that had stopped early."""

    odd = replace(base, verdict="doubtful", reasons=("Gradient too large.",))
    spoilt(lambda m: not m.beta_names, lambda found: replace(found, m2ll=found.m2ll - 9))
    some = {"cl": [POWER("AGE")]}
    search = wb.scm(model, data, some, start=odd, forward=0.999)
    assert search.included == ()
    assert "Without the effect the OFV is lower" in search.ladder["reason"].iloc[-1]


def test_labels_that_are_text(model):
    frame = simulated(16)
    frame["ID"] = [f"PAT-{i}" for i in frame["ID"]]
    data = wb.read_dataset(frame, name="text")
    search = wb.scm(model, data, {"cl": [POWER("WT")], "v": [POWER("WT")]})
    assert places(search) == [("cl", "WT")]


def test_a_parameter_without_random_effect_may_have_one(data):
    model = cases.iv_model("proportional", v=(20.0, 0.0))
    search = wb.scm(model, data, {"v": [CATEGORICAL("SEX")]}, top=1)
    assert places(search) == [("v", "SEX")]


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ({}, "no candidate to search among"),
        ({"cl": []}, "no candidate to search among"),
        ([POWER("WT")], "names parameters with effects"),
        ({"clr": [POWER("WT")]}, "No parameter is named 'clr'"),
        ({"cl": [POWER("WTT")]}, "no covariate 'WTT'"),
        ({"cl": ["WT"]}, "A covariate effect is"),
        ({"cl": [POWER("WT"), POWER("WT")]}, "given twice"),
        ({"cl": [POWER("WT", exponent=wb.Fixed(0.75))]}, "nothing to test"),
        ({"cl": [POWER("ONE")]}, "the same in all 40 subjects"),
    ],
)
def test_wrong_candidates_are_refused(model, candidates, words):
    data = wb.read_dataset(simulated().assign(ONE=2.0), name="refused")
    with pytest.raises(WorkbenchError, match=words):
        wb.scm(model, data, candidates)


def test_a_kind_that_does_not_apply_is_refused(model):
    data = wb.read_dataset(simulated(), name="refused")
    normal = model.replace(parameters={**model.parameters, "v": wb.Normal(20.0, iiv=4.0)})
    with pytest.raises(WorkbenchError, match="does not apply to"):
        wb.scm(normal, data, {"v": [POWER("WT")]})


def test_an_effect_that_is_in_the_model_is_refused(model, data):
    own = replace(model.parameters["cl"], covariates=(POWER("WT"),))
    has_it = model.replace(parameters={**model.parameters, "cl": own})
    with pytest.raises(OptionError, match="in the model already"):
        wb.scm(has_it, data, {"cl": [POWER("WT")]})


@pytest.mark.parametrize("level", [0, 1, -0.1, 5])
def test_levels_are_probabilities(model, data, level):
    with pytest.raises(OptionError, match="forward is a level"):
        wb.scm(model, data, CANDIDATES, forward=level)


def test_a_method_of_other_aims_is_refused(model, data):
    with pytest.raises(IncomparableError, match="not those of the highest likelihood"):
        wb.scm(model, data, CANDIDATES, method="its")


# --- what is proposed, and in which order ----------------------------------------------------


def test_proposed_candidates(model, data):
    found = wb.covariate_candidates(model, data)
    assert {name: [e.python() for e in effects] for name, effects in found.items()} == {
        name: [e.python() for e in effects] for name, effects in CANDIDATES.items()
    }
    assert found.notes == ()


def test_what_is_not_proposed_has_a_reason(model):
    frame = simulated(20)
    who = frame["ID"].to_numpy()
    frame = frame.assign(
        ONE=1.0,
        GONE=np.where(who == 3, np.nan, who * 1.5),
        MOVES=frame["TIME"] * 1.0,
        NAME=[f"S{i}" for i in who],
        SHIFT=np.round(np.sin(who), 3),
        GROUP=who % 3,
    )
    data = wb.read_dataset(frame, name="odd")
    own = replace(model.parameters["cl"], covariates=(POWER("WT"),))
    fixed = replace(model.parameters["v"], iiv=0.0)
    odd = model.replace(parameters={"cl": own, "v": fixed})
    found = wb.covariate_candidates(odd, data)
    assert list(found) == ["cl"]
    assert [(e.kind, e.column) for e in found["cl"]] == [
        ("power", "AGE"),
        ("categorical", "SEX"),
        ("exponential", "SHIFT"),
        ("categorical", "GROUP"),
    ]
    notes = " ".join(found.notes)
    for words in (
        "ONE is the same in all subjects",
        "GONE is missing for 1 of 20",
        "MOVES changes within subjects",
        "NAME has 20 levels for 20 subjects",
        "WT has an effect on cl in the model already",
        "not proposed: v",
    ):
        assert words in notes
    assert list(wb.covariate_candidates(odd, data, ["v"], ["WT"])) == ["v"]
    with pytest.raises(WorkbenchError, match="No covariate is named 'WTT'"):
        wb.covariate_candidates(odd, data, covariates=["WTT"])


def test_a_normal_parameter_gets_linear_effects(data):
    model = cases.iv_model("proportional")
    normal = model.replace(parameters={**model.parameters, "v": wb.Normal(20.0, iiv=4.0)})
    assert wb.covariate_candidates(normal, data, ["v"], ["WT"])["v"][0].kind == "linear"


def test_the_ranking_points_at_the_simulated_effects(base):
    found = wb.rank_covariates(base, draws=10)
    assert found["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert sorted(found[["parameter", "covariate"]].head(2).to_numpy().tolist()) == [
        list(place) for place in TRUTH
    ]
    assert found["p"].is_monotonic_increasing
    pd.testing.assert_frame_equal(found, wb.rank_covariates(base, draws=10))


def test_a_parameter_without_random_effect_has_no_rank_by_p(data):
    model = cases.iv_model("proportional", v=(20.0, 0.0))
    fit = wb.fit(model, data)
    found = wb.rank_covariates(fit, {"v": [POWER("WT")], "cl": [POWER("WT")]}, draws=0)
    assert found["parameter"].tolist() == ["cl", "v"]
    assert found["note"].iloc[1] == "the parameter has no random effect"


def test_a_failed_fit_ranks_nothing(base):
    with pytest.raises(EstimationError, match="The fit failed"):
        wb.rank_covariates(replace(base, verdict="failed", reasons=("No.",)))


@pytest.mark.parametrize(
    ("change", "words"), [(-0.0001, "(+0.000)"), (4.2, "(+4.200)"), (-4.2, "(−4.200)")]
)
def test_the_sentence_has_no_negative_zero(change, words):
    stub = SimpleNamespace(
        included=(),
        base=SimpleNamespace(ofv=100.0),
        fit=SimpleNamespace(ofv=100.0 + change),
        complete=True,
        steps=(),
        forward=0.05,
        backward=0.01,
    )
    assert words in CovariateSearch.sentence.fget(stub)
