"""Theophylline (R's Theoph, 12 subjects, 132 observations): NONMEM, nlmixr2 and an evaluator.

The numbers stand in the convention notes of the reference results; log parameters are printed
to four digits, so estimates are compared to half a unit of the last one.
"""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests import naive

OFV, M2LL = 116.8034, 359.4032
LOG_THETA = {"ka": 0.4639, "cl": 1.0121, "v": 3.4598}
OMEGA = {"ka": 0.4024, "cl": 0.0691, "v": 0.0192}
SIGMA = 0.6945


@pytest.fixture(scope="module")
def data():
    return wb.load_dataset("theophylline")


def model(theta=None, error=None):
    theta = theta or {name: np.exp(value) for name, value in LOG_THETA.items()}
    return wb.Model(
        wb.pk(compartments=1, absorption="first_order"),
        {name: wb.LogNormal(theta[name], iiv=np.sqrt(OMEGA[name])) for name in LOG_THETA},
        error=error or wb.error.Additive(SIGMA),
    )


def test_evaluation_at_the_estimates(data):
    """FOCEI to 1e-3 (four-digit parameters near a minimum); FO's -2LL is printed to 1e-3.

    FO is not at its minimum there, so the rounding of the parameters shows: its gradient times
    half a digit is about 0.01.
    """
    assert wb.evaluate(model(), data).ofv == pytest.approx(OFV, abs=1e-3)
    assert wb.evaluate(model(), data, method="fo").m2ll == pytest.approx(366.871, abs=0.02)


@pytest.mark.parametrize(("nodes", "expected"), [(5, 360.7257), (9, 360.7216), (11, 360.7212)])
def test_quadrature_at_the_estimates(data, nodes, expected):
    """Printed to four decimals, at FOCEI's estimates: those are refitted, for -2LL has a slope
    there; 1e-4 for what the printed digits leave of it.
    """
    at = wb.fit(model(), data, method="focei").final_model
    found = wb.evaluate(at, data, method="agq", nodes=nodes)
    assert found.m2ll == pytest.approx(expected, abs=1e-4)
    assert found.likelihood == f"AGQ({nodes})"


def test_importance_sampling_at_the_estimates_against_quadrature(data):
    """AGQ with 11³ nodes gives 360.7212; three Monte-Carlo errors, and their size."""
    at = wb.evaluate(model(), data, method="imp", draws=20000, seed=1)
    assert abs(at.m2ll - 360.7212) < 3 * at.likelihood_se
    assert at.likelihood_se < 0.025


def check(fit):
    assert fit.verdict == "converged", fit.reasons
    assert fit.ofv == pytest.approx(OFV, abs=2e-4)
    assert fit.m2ll == pytest.approx(M2LL, abs=2e-4)
    for name, value in LOG_THETA.items():
        assert np.log(fit.theta[name]) == pytest.approx(value, abs=2e-4)
        assert fit.omega.loc[name, name] == pytest.approx(OMEGA[name], abs=2e-4)
    assert fit.sigma["additive"] == pytest.approx(SIGMA, abs=1e-4)


def test_fit_from_the_suggested_model(data):
    check(wb.fit(wb.Model.from_dict(data.info.suggested_model), data, method="focei"))


CORNERS = list(itertools.product((1 / 3, 3.0), repeat=3))
FLIP_FLOP = (1 / 3, 3.0, 1 / 3)  # the one corner where ka < cl/v


def started_at(factors):
    logs = LOG_THETA.items()
    return model({n: g * np.exp(value) for (n, value), g in zip(logs, factors, strict=True)})


@pytest.mark.parametrize("factors", [c for c in CORNERS if c != FLIP_FLOP])
def test_fit_from_starting_values_off_by_three(data, factors):
    check(wb.fit(started_at(factors), data, method="focei"))


def test_fit_that_starts_with_ka_below_k_ends_there_and_says_so(data):
    """Starting with ka < cl/v leads to the flip-flop minimum, which is a real one.

    Its objective is lower, 110.335 (confirmed by the naive twin), but the variance of ka is
    zero there, so it must not be called converged.
    """
    fit = wb.fit(started_at(FLIP_FLOP), data, method="focei")
    assert fit.theta["ka"] < fit.theta["cl"] / fit.theta["v"]
    assert fit.verdict == "doubtful"
    assert any("variance of eta on ka went to zero" in reason for reason in fit.reasons)
    assert fit.ofv == pytest.approx(110.3348, abs=1e-3)
    assert naive.ofv(fit.final_model, data, "focei").sum() == pytest.approx(fit.ofv, abs=1e-6)


@pytest.mark.parametrize("factor", [1 / 3, 3.0])
def test_fit_from_variabilities_off_by_three(data, factor):
    start = model()
    parameters = {n: replace(p, iiv=p.iiv * factor) for n, p in start.parameters.items()}
    error = wb.error.Additive(SIGMA * factor)
    check(wb.fit(start.replace(parameters=parameters, error=error), data, method="focei"))


def test_combined_error_against_nonmem(data):
    """FOCEI with SD² = a² + b²f²: 104.3221 is the value that other tools report."""
    start = model(error=wb.error.Combined(additive=0.5, proportional=0.1, kind=2))
    fit = wb.fit(start, data, method="focei")
    assert fit.verdict == "converged", fit.reasons
    assert fit.ofv == pytest.approx(104.3221, abs=2e-4)


def test_doses_per_kilogram_change_units_only(data):
    """cl and v per kilogram are other parameters; the objective of that model is another one."""
    per_kg = wb.load_dataset("theophylline_mgkg")
    np.testing.assert_array_equal(per_kg.population.dv, data.population.dv)


def test_monolix_linearised_likelihood_brackets_ours(references, records):
    """Monolix, combined 1, 120 observations: FOCEI at its estimates by an independent evaluator."""
    record = records["mlx_theo_combined1"]
    values, path = record["params"], references / record["dataset_csv"]
    frame = wb.read_dataset(path, columns={"DV": "CONC"})
    at = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(values["ka_pop"], iiv=values["omega_ka"]),
            "cl": wb.LogNormal(values["Cl_pop"], iiv=values["omega_Cl"]),
            "v": wb.LogNormal(values["V_pop"], iiv=values["omega_V"]),
        },
        error=wb.error.Combined(additive=values["a"], proportional=values["b"], kind=1),
    )
    expected = record["verified_by_evaluator"]["FOCEI"]
    assert wb.evaluate(at, frame).m2ll == pytest.approx(expected, abs=1e-3)
