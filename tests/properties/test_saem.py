"""SAEM on simulated data: combined errors, parameters without random effects, several outputs."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases


@pytest.fixture(scope="module")
def simulated():
    """100 subjects from a model with combined error whose v has no random effect."""
    truth = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0)},
        error=cases.error("combined2", (0.15, 0.1)),
    )
    design = cases.iv_data(100, times=(0.5, 2, 5, 9, 14, 20, 30))
    table = wb.simulate(truth, design=design, replicates=1, seed=3)
    frame = design.table.copy()
    frame.loc[frame["MDV"] == 0, "DV"] = table["DV"].to_numpy()
    return truth, wb.read_dataset(frame.drop(columns="ROW"), name="simulated")


@pytest.mark.parametrize("kind", [1, 2])
def test_combined_error_and_a_parameter_without_random_effect(simulated, kind):
    """From values off by two; FOCEI is nearly exact here (rich data): 0.35 SE, SEs to 20 %."""
    truth, data = simulated
    start = truth.replace(
        parameters={"cl": wb.LogNormal(6.0, iiv=0.6), "v": wb.LogNormal(10.0)},
        error=wb.error.Combined(additive=0.5, proportional=0.3, kind=kind),
    )
    fit, expected = (wb.fit(start, data, method=method) for method in ("saem", "focei"))
    assert fit.verdict == "converged", fit.reasons
    se = expected.parameters["se"]
    away = (fit.parameters["estimate"] - expected.parameters["estimate"]) / se
    assert away.abs().max() < 0.35, away
    assert (fit.parameters["se"] / se).between(0.8, 1.2).all()
    if kind == 2:
        true = [3.0, 20.0, 0.09, 0.15, 0.1]
        assert (np.abs(fit.parameters["estimate"] - true) / se).max() < 3.0


def test_standard_errors_by_louis_where_scoring_is_used(simulated):
    """Trap: the SE of a parameter without random effect; against the Hessian to 15 %."""
    truth, data = simulated
    fit = wb.fit(truth, data, method="saem", covariance="stochastic")
    expected = wb.fit(truth, data)
    ratio = fit.parameters["se"] / expected.parameters["se"]
    assert ratio.between(0.85, 1.15).all(), ratio


def test_standard_errors_by_louis_where_a_shape_is_estimated():
    """Against the Hessian of Laplace's likelihood to 15 %."""
    own = wb.LogNormal(3.0, iiv=0.4, eta=wb.eta.BoxCox(0.6))
    base = cases.iv_model("combined2", cl=(3.0, 0.4), v=(20.0, 0.2))
    truth = base.replace(parameters={**base.parameters, "cl": own})
    design = cases.iv_data(80, times=(0.5, 2, 5, 9, 14, 20, 30))
    data = wb.read_dataset(cases.drawn(truth, design, seed=2), name="skewed")
    fit = wb.fit(truth, data, method="saem", draws=400)
    assert any("would take random effects for normal" in text for text in fit.warnings)
    expected = wb.fit(truth, data, method="laplace")
    ratio = fit.parameters["se"] / expected.parameters["se"]
    assert ratio.between(0.85, 1.15).all(), ratio


def test_two_outputs_have_their_own_errors():
    """Concentrations and an effect proportional to them, errors additive and log-normal."""
    frame = cases.iv_frame(40, times=(0.5, 2, 5, 9))
    second = frame[frame["EVID"] == 0].copy()
    rng = np.random.default_rng(3)
    second["DV"] = 2.0 * second["DV"] + 0.3 * rng.standard_normal(len(second))
    frame["DVID"], second["DVID"] = 1, 2
    both = pd.concat([frame, second]).sort_values(["ID", "TIME"], kind="stable")
    data = wb.read_dataset(both, name="two")
    text = "d/dt(central) = -cl/v*central\ncp = central/v\neffect = slope*cp"
    model = wb.Model(
        wb.equations(text, outputs=["cp", "effect"]),
        {
            "cl": wb.LogNormal(2.0, iiv=0.3),
            "v": wb.LogNormal(25.0, iiv=0.3),
            "slope": wb.LogNormal(1.0),
        },
        error={"cp": wb.error.LogNormal(0.3), "effect": wb.error.Additive(1.0)},
    )
    fit, expected = (wb.fit(model, data, method=method) for method in ("saem", "focei"))
    away = (fit.parameters["estimate"] - expected.parameters["estimate"]) / expected.parameters[
        "se"
    ]
    assert away.abs().max() < 0.4, away
    assert (fit.parameters["se"] / expected.parameters["se"]).between(0.8, 1.25).all()
