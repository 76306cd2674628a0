"""The words that tell runs apart: titles that people know, and what has changed."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.workflows._run_words import data_in_short, differences, model_in_short


@dataclass
class Fit:
    """What the words are made from."""

    model: wb.Model
    data: wb.Dataset
    method: str = "focei"
    given: dict = field(default_factory=dict)


DATA = cases.oral_data().censor(lloq=1.3)
BASE = wb.Model(
    wb.pk(compartments=1, absorption="first_order"),
    {
        "ka": wb.LogNormal(1.0, iiv=0.5),
        "cl": wb.LogNormal(0.4, iiv=0.3),
        "v": wb.LogNormal(0.7, iiv=0.2),
    },
    error=wb.error.Additive(0.5),
)


def with_cl(parameter):
    return BASE.replace(parameters={**BASE.parameters, "cl": parameter})


def with_error(error):
    return BASE.replace(error=error)


def with_weight():
    frame = DATA.table.drop(columns="ROW").assign(WT=70.0)
    frame.loc[frame["ID"] == frame["ID"].iloc[0], "WT"] = np.nan
    return wb.read_dataset(frame, name="weights")


def test_a_model_has_the_titles_that_people_know():
    assert model_in_short(BASE) == (
        "1 compartment, first-order absorption · η ka, cl, v · additive"
    )
    error = wb.error.Combined(0.5, 0.1, kind=1, exponent=1.0)
    assert model_in_short(with_error(error)).endswith("· combined 1 with exponent")
    shaped = with_cl(wb.LogNormal(0.4, iiv=0.3, eta=wb.eta.BoxCox(0.5)))
    assert "η ka, cl (Box–Cox), v" in model_in_short(shaped)
    assert "cl logit-normal 0 to 1" in model_in_short(with_cl(wb.LogitNormal(0.4, iiv=0.3)))
    between = with_cl(wb.LogNormal(0.4, iiv=0.3, iov=0.1)).replace(occasion="reset")
    assert "κ cl by reset" in model_in_short(between)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (with_cl(wb.Normal(0.4, iiv=0.3)), "cl normal"),
        (with_cl(wb.LogitNormal(0.4, iiv=0.3)), "cl logit-normal 0 to 1"),
        (with_cl(wb.ProbitNormal(0.4, iiv=0.3)), "cl probit-normal 0 to 1"),
        (with_cl(wb.LogNormal(0.4, iiv=0.3, eta=wb.eta.BoxCox(0.5))), "η cl (Box–Cox)"),
        (with_cl(wb.LogNormal(0.4, iiv=0.3, eta=wb.eta.StudentT(5))), "η cl (Student's t)"),
        (with_cl(wb.LogNormal(0.4)), "no η cl"),
        (with_cl(wb.LogNormal(0.4, iiv=0.3, iov=0.1)), "κ cl, occasions by OCC"),
        (with_cl(wb.LogNormal(wb.Fixed(0.4), iiv=0.3)), "cl fixed"),
        (BASE.replace(correlations=[("cl", "v")]), "correlation cl–v"),
        (with_error(wb.error.Proportional(0.1)), "error: proportional"),
        (
            with_error(wb.error.Additive(0.5, transform=wb.transform.YeoJohnson(0.5))),
            "error: additive + Yeo–Johnson scale",
        ),
        (with_error(wb.error.Additive(0.5, df=4)), "error: additive + Student-t"),
        (with_error(wb.error.Additive(0.5, iiv=0.2)), "η ruv"),
        (with_cl(wb.LogNormal(0.5, iiv=0.3)), "starting values, bounds or priors"),
        (BASE, "nothing"),
    ],
)
def test_what_differs_in_the_model(model, words):
    assert differences(Fit(BASE, DATA), Fit(model, DATA)) == words


def test_what_is_gone_is_said():
    effect = [wb.covariate.Power("WT", reference=70)]
    weighed = with_cl(wb.LogNormal(0.4, iiv=0.3, covariates=effect))
    assert differences(Fit(BASE, DATA), Fit(weighed, DATA)) == "WT on cl (power)"
    assert differences(Fit(weighed, DATA), Fit(BASE, DATA)) == "no WT on cl (power)"
    normal = with_cl(wb.Normal(0.4, iiv=0.3))
    assert differences(Fit(normal, DATA), Fit(BASE, DATA)) == "cl log-normal"


def test_other_equations_of_the_same_parameters():
    one, other = (wb.equations(f"y = a {sign} b*t", outputs=["y"]) for sign in "+-")
    parameters = {"a": wb.Normal(1.0), "b": wb.Normal(1.0)}
    error = wb.error.Additive(1.0)
    models = [wb.Model(s, parameters, error=error) for s in (one, other)]
    assert differences(*(Fit(model, DATA) for model in models)) == "other equations"


def test_what_differs_in_the_data():
    m1, gaps = DATA.with_blq("M1"), with_weight()
    said = differences(Fit(BASE, DATA), Fit(BASE, m1))
    assert said == f"M1, {m1.n_sub} subjects, {m1.n_obs} observations"
    assert differences(Fit(BASE, gaps), Fit(BASE, gaps.impute("median"))) == "median imputation"
    fewer = differences(Fit(BASE, gaps), Fit(BASE, gaps.impute("complete_case")))
    assert fewer.startswith("complete cases, ")
    assert data_in_short(m1) == f"{DATA.name} · M1"
    assert data_in_short(gaps.impute("median")) == "weights · M3 · median imputation"
    moved = replace(DATA, table=DATA.table.assign(TIME=DATA.table["TIME"] * 2))
    assert differences(Fit(BASE, DATA), Fit(BASE, moved)) == "other values in the data"
    assert differences(Fit(BASE, DATA), Fit(BASE, gaps)) == "weights"


def test_what_differs_in_the_method():
    one = Fit(BASE, DATA, "focei", {"max_iter": 50})
    assert differences(one, Fit(BASE, DATA, "laplace", {"nodes": 3})) == "LAPLACE"
    assert differences(one, Fit(BASE, DATA, "focei", {"max_iter": 5})) == "max iter 5"
    assert differences(one, Fit(BASE, DATA, "focei", {})) == "default max iter"
    chain = Fit(BASE, DATA, "saem+imp", {"imp": {"max_iter": 0}, "seed": 1})
    other = Fit(BASE, DATA, "saem+imp", {"imp": {"max_iter": 9}, "seed": 1})
    assert differences(chain, other) == "IMP max iter 9"


def test_many_differences_are_counted():
    parameters = {"ka": wb.Normal(1.0), "cl": wb.Normal(0.4), "v": wb.Normal(0.7)}
    other = BASE.replace(parameters=parameters, error=wb.error.Proportional(0.1))
    said = differences(Fit(BASE, DATA), Fit(other, DATA, "fo"))
    assert said.endswith("more")
    assert said.count(",") == 5
