"""SAEM where a plain scheme settles slowly: it must end where other methods do, and know it."""

import pytest

import workbench as wb
from tests import cases
from tests.properties import test_occasions as occasions


def apart(model, data, kinds):
    """Return SAEM's distance from Laplace's estimates, in standard errors.

    Without steps of their own the coefficient is 0.29 away, the variances 0.4 to 0.7.
    """
    other = wb.fit(model, data, method="laplace").parameters
    fit = wb.fit(model, data, method="saem", seed=1, likelihood="linearisation")
    assert fit.verdict == "converged", fit.reasons
    known = other[other["kind"].isin(kinds)]
    return ((fit.parameters.loc[known.index, "estimate"] - known["estimate"]) / known["se"]).abs()


def test_the_coefficient_of_a_linear_effect_on_a_log_normal_parameter():
    effect = wb.covariate.Linear("WT", reference=70, coefficient=0.01)
    model = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(1.0, iiv=0.3),
            "cl": wb.LogNormal(3.0, iiv=0.25, covariates=[effect]),
            "v": wb.LogNormal(30.0, iiv=0.2),
        },
        error=wb.error.Proportional(0.03),
    )
    frame = cases.covariate_frame(n_sub=40)
    made = wb.simulate(model, wb.read_dataset(frame, name="design"), seed=5)
    frame.loc[frame["EVID"] == 0, "DV"] = made["DV"].to_numpy()
    data = wb.read_dataset(frame, name="linear effect")
    assert apart(model, data, ["beta"]).max() < 0.25


@pytest.mark.parametrize("correlated", [False, True])
def test_variances_between_subjects_and_between_occasions(correlated):
    model = occasions.model(ka=wb.LogNormal(1.2), correlated=correlated)
    rows = occasions.frame([4, 3] * 20, times=(0.5, 2.0, 8.0, 16.0))
    data = occasions.simulated(model, rows, seed=4)
    assert apart(model, data, ["omega", "omega_iov"]).max() < 0.2


def test_the_shape_of_a_random_effect_and_its_typical_value():
    """Without a step of its own the typical value is 0.32 away."""
    own = wb.LogNormal(3.0, iiv=0.4, eta=wb.eta.BoxCox(0.6))
    base = cases.iv_model("combined2", correlations={("cl", "v"): 0.3})
    model = base.replace(parameters={**base.parameters, "cl": own})
    design = cases.iv_data(40, times=(0.5, 2, 5, 9, 14, 20, 30))
    data = wb.read_dataset(cases.drawn(model, design, seed=3), name="skewed")
    assert apart(model, data, ["shape", "theta", "omega"]).max() < 0.25
