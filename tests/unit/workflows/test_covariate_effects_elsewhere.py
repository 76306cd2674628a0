"""Covariate effects where fits are compared, tested and looked at."""

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.diagnostics import table as table_of
from workbench.estimation import subject_gradients
from workbench.workflows._nesting import nesting

WEIGHT = wb.covariate.Power("WT", reference=70, exponent=0.5)
HELD = wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))
GRADE = wb.covariate.Categorical("GRADE", reference=1, effects={2: 0.0, 3: 0.0})


def on_cl(*effects, typical=2.5):
    model = cases.oral_model("additive")
    cl = wb.LogNormal(typical, iiv=0.3, covariates=effects)
    return model.replace(parameters={**model.parameters, "cl": cl})


@pytest.mark.parametrize(
    ("small", "large", "words"),
    [
        ((), (WEIGHT,), ["beta[cl,WT] = 0"]),
        ((), (GRADE,), ["beta[cl,GRADE=2] = 0", "beta[cl,GRADE=3] = 0"]),
        ((WEIGHT,), (GRADE, WEIGHT), ["beta[cl,GRADE=2] = 0", "beta[cl,GRADE=3] = 0"]),
        ((HELD,), (WEIGHT,), ["beta[cl,WT] = 0.75"]),
        ((HELD,), (HELD,), []),
        ((WEIGHT,), (wb.covariate.Power("WT", reference=1),), []),
        ((HELD,), (wb.covariate.Power("WT", reference=1),), ["beta[cl,WT] = 0.75"]),
        ((GRADE,), (wb.covariate.Categorical("GRADE", reference=2, effects={1: 0, 3: 0}),), []),
        ((), (wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0)),), []),
    ],
)
def test_what_the_larger_model_adds(small, large, words):
    found = nesting(on_cl(*small), on_cl(*large))
    assert found.reason == ""
    assert [r.words for r in found.restrictions] == words
    assert not any(r.boundary for r in found.restrictions)


@pytest.mark.parametrize(
    ("small", "large", "reason"),
    [
        ((WEIGHT,), (), "smaller model only"),
        ((), (HELD,), "fixed at 0.75 in the larger"),
        ((WEIGHT,), (HELD,), "fixed in the larger model and estimated"),
        ((WEIGHT,), (wb.covariate.Exponential("WT", reference=70),), "another kind"),
        (
            (HELD,),
            (wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(1)),),
            "0.75 in one and at 1",
        ),
        (
            (GRADE,),
            (
                wb.covariate.Categorical(
                    "GRADE", reference=1, effects={"h": 0}, groups={"h": [2, 3]}
                ),
            ),
            "other groups",
        ),
        (
            (GRADE,),
            (wb.covariate.Categorical("GRADE", reference=2, effects={1: wb.Fixed(0), 3: 0}),),
            "another reference",
        ),
    ],
)
def test_why_models_are_not_nested(small, large, reason):
    assert reason in nesting(on_cl(*small), on_cl(*large)).reason


def test_another_reference_is_not_the_same_where_the_typical_value_is_fixed():
    one = on_cl(WEIGHT, typical=wb.Fixed(2.5))
    other = on_cl(wb.covariate.Power("WT", reference=1), typical=wb.Fixed(2.5))
    assert "another reference" in nesting(one, other).reason


def test_likelihood_ratio_test_comparison_and_criteria():
    """df 1, chi-squared; BICc counts the coefficient with the subjects (Delattre et al. 2014)."""
    data = cases.covariate_data(24, seed=8)
    small, large = (wb.fit(on_cl(*effects), data) for effects in ((), (WEIGHT,)))
    test = wb.likelihood_ratio_test(small, large)
    assert test.df == 1
    assert test.difference == pytest.approx(small.ofv - large.ofv)
    assert "beta[cl,WT] = 0" in test.sentence
    added = (large.bicc - large.m2ll) - (small.bicc - small.m2ll)
    assert added == pytest.approx(np.log(data.n_sub))
    assert "cl ~ WT" in repr(wb.compare([small, large]))


def test_influence_and_wald_tests_take_coefficients():
    """Gradients of the coefficient sum to zero at the estimates, to 1e-3 of their size."""
    data = cases.covariate_data(24, seed=8)
    fit = wb.fit(on_cl(WEIGHT), data)
    found = subject_gradients(fit.final_model, data)
    slopes = found["beta[cl,WT]"]
    assert abs(slopes.sum()) < 1e-3 * slopes.abs().sum()
    table = table_of("parameter_tests", fit)
    assert "beta[cl,WT]" in table.astype(str).to_numpy()


def test_density_of_a_parameter_is_the_mean_over_the_subjects():
    """Its integral is 1 and its mean that of the subjects' log-normals, to 1e-3."""
    data = cases.covariate_data(24, seed=8)
    fit = wb.evaluate(on_cl(WEIGHT), data)
    found = table_of("population_density", fit)
    rows = found[found["parameter"] == "cl"]
    x, density = rows["value"].to_numpy(), rows["density"].to_numpy()
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=1e-3)
    centres = 2.5 * (data.covariates["WT"] / 70) ** 0.5
    mean = float((centres * np.exp(0.3**2 / 2)).mean())
    assert np.trapezoid(x * density, x) == pytest.approx(mean, rel=1e-3)
