"""What no workflow can use is refused in the package's own words, before anything is fitted."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.errors import (
    DataError,
    ModelError,
    OptionError,
    UnknownNameError,
    WorkbenchError,
)

POWER = wb.covariate.Power
CL = {"cl": [POWER("WT")]}


@pytest.fixture(scope="module")
def frame():
    table = cases.iv_frame(8)
    return table.assign(WT=60.0 + table["ID"], CRCL=90.0 + table["TIME"])


@pytest.fixture(scope="module")
def data(frame):
    return wb.read_dataset(frame, name="trial")


@pytest.fixture(scope="module")
def model():
    return cases.iv_model("proportional")


def with_effect(model, column):
    cl = wb.LogNormal(3.0, iiv=0.3, covariates=[POWER(column)])
    return model.replace(parameters={**model.parameters, "cl": cl})


@pytest.mark.parametrize(
    "call",
    [
        lambda m, d: wb.scm(m, d, CL),
        wb.multiple_imputation,
        wb.compare_blq,
        wb.covariate_candidates,
        wb.multistart,
    ],
    ids=["scm", "multiple_imputation", "compare_blq", "covariate_candidates", "multistart"],
)
def test_a_table_or_path_is_no_data_set_and_none_no_model(call, model, frame, data):
    for wrong in (frame, "trial.csv", None):
        with pytest.raises(ModelError, match=r"must be a data set, not .*wb.read_dataset"):
            call(model, wrong)
    with pytest.raises(ModelError, match=r"must be a wb.Model, not NoneType"):
        call(None, data)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"forward": "0.05"}, "forward is a level between 0 and 1, such as 0.05, not '0.05'"),
        ({"forward": None}, "forward is a level between 0 and 1"),
        ({"backward": np.nan}, "backward is a level between 0 and 1"),
        ({"top": "2"}, "top= must be a whole number of at least 1, not '2'"),
        ({"resume": "x"}, "resume= is an earlier search, what wb.scm returned, not a str"),
        ({"executor": 4}, r"executor= is one of concurrent\.futures.*not 4"),
        ({"seed": -1}, "seed= must be a whole number of at least 0, not -1"),
    ],
)
def test_options_of_a_search(model, data, wrong, words):
    with pytest.raises(OptionError, match=words):
        wb.scm(model, data, CL, **wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"n": 0}, "n= must be a whole number of at least 1, not 0"),
        ({"n": True}, "n= must be a whole number"),
        ({"seed": "a"}, "seed= must be a whole number of at least 0, not 'a'"),
        ({"spread": "wide"}, "spread is a factor of at least 1, not 'wide'"),
        ({"iiv_spread": 0.5}, "iiv_spread is a factor of at least 1, not 0.5"),
        ({"executor": 4}, "executor="),
    ],
)
def test_options_of_many_starts(model, data, wrong, words):
    with pytest.raises(OptionError, match=words):
        wb.multistart(model, data, **wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"m": 1}, "m= must be a whole number of at least 2, not 1"),
        ({"seed": 1.5}, "seed= must be a whole number of at least 0, not 1.5"),
        ({"executor": 4}, "executor="),
        ({"covariates": 3}, "covariates are names of columns"),
        ({"covariates": []}, "No covariate was named"),
    ],
)
def test_options_of_a_multiple_imputation(model, frame, wrong, words):
    missing = wb.read_dataset(frame.assign(WT=frame["WT"].where(frame["ID"] != 2)))
    with pytest.raises(OptionError, match=words):
        wb.multiple_imputation(with_effect(model, "WT"), missing, **wrong)


def test_a_covariate_that_cannot_be_imputed_is_named_with_the_reason(model, frame):
    missing = frame.assign(
        WT=np.nan, CRCL=frame["CRCL"].where(frame["ID"] != 3), AGE=20.0 + frame["ID"]
    )
    data = wb.read_dataset(missing, name="trial")
    for column, words in (
        ("WTX", r"trial has no covariate 'WTX'. Did you mean 'WT'"),
        ("WT", r"WT is missing in all subjects of trial.*take its effects out of the model"),
        ("CRCL", r"CRCL is missing for 1 of 8 subjects \(ID 3\).*changes within subjects.*comple"),
    ):
        changed = with_effect(model, column)
        for call in (wb.fit, wb.multiple_imputation):
            with pytest.raises(DataError, match=words):
                call(changed, data)


def test_methods_that_there_are_not_are_refused_before_the_first_fit(model, data):
    for methods, words in (
        (("M1", "M9"), "there is no method 'M9'.*M1, M2"),
        (None, "names one or more"),
        ((), "names one or more"),
        (3, "names one or more"),
    ):
        with pytest.raises(OptionError, match=words):
            wb.compare_blq(model, data, methods=methods)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda fit: wb.rank_covariates(fit.model), "fit must be a fit, .* not a Model"),
        (lambda fit: wb.rank_covariates(fit, draws="a"), "draws= must be a whole number"),
        (lambda fit: wb.rank_covariates(fit, seed=None), "seed= must be a whole number"),
        (lambda fit: wb.likelihood_ratio_test("a", fit), "fit_small must be a fit"),
        (lambda fit: wb.likelihood_ratio_test(fit, None), "fit_large must be a fit"),
        (lambda _: wb.npde("fit"), "fit must be a fit"),
        (lambda fit: wb.npde(fit, "a"), "replicates= must be a whole number of at least 2"),
        (lambda fit: wb.npde(fit, seed=2**70), "seed= must be a whole number of at most"),
        (lambda fit: fit.draws("a"), "n= must be a whole number of at least 1"),
        (lambda fit: fit.draws(2, seed=-1), "seed= must be a whole number"),
        (lambda fit: fit.save("/nope/x.json"), "cannot be saved as /nope/x.json: No such file"),
        (lambda fit: fit.save(None), "cannot be saved as None: that is no path"),
        (lambda _: wb.load_fit(None), "path of a saved fit is a text or a Path, not None"),
    ],
)
def test_what_is_no_fit_number_or_path(model, data, call, words):
    fit = wb.evaluate(model, data)
    with pytest.raises(WorkbenchError, match=words):
        call(fit)


def test_ranking_says_why_there_is_no_test(model, data):
    fit = wb.evaluate(model, data)
    table = wb.rank_covariates(fit, {"cl": [POWER("CRCL"), POWER("WT")]}, draws=0)
    note = table.set_index("covariate")["note"]
    assert note["CRCL"] == "the covariate changes within subjects"
    assert note["WT"] == ""
    pooled = wb.evaluate(model, data, method="pooled")
    with pytest.raises(OptionError, match=r"by pooled\) has no random effects.*focei"):
        wb.rank_covariates(pooled)


def test_columns_are_named_one_by_one(frame):
    for wrong in ({"columns": ["ID"]}, {"units": "h"}):
        with pytest.raises(OptionError, match="names columns one by one"):
            wb.read_dataset(frame, **wrong)
    with pytest.raises((OptionError, UnknownNameError)):
        wb.read_dataset(frame, columns={"IDD": "ID"})
