"""SAEM against NONMEM's and Monolix' SAEM, and against the maximum that FOCEI approximates."""

from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests.objectives import marginal_by_quadrature

# FOCEI estimates of Theophylline with additive error, see test_theophylline.
LOG_THETA = {"ka": 0.4639, "cl": 1.0121, "v": 3.4598}
OMEGA = {"ka": 0.4024, "cl": 0.0691, "v": 0.0192}


@pytest.fixture(scope="module")
def theophylline():
    data = wb.load_dataset("theophylline")
    return wb.Model.from_dict(data.info.suggested_model), data


@pytest.fixture(scope="module")
def runs(theophylline):
    return [
        wb.fit(*theophylline, method="saem", seed=seed, likelihood="linearisation")
        for seed in range(5)
    ]


def test_theophylline_estimates(theophylline, runs):
    """The mean of five seeds within 0.25 SE of FOCEI, whose own bias is 0.15 SE (log V).

    -2LL by FOCEI at the estimates cannot be below FOCEI's own minimum, 116.8034.
    """
    reference = wb.fit(*theophylline).parameters
    for fit in runs:
        assert fit.verdict == "converged", fit.reasons
        assert 116.803 <= fit.ofv <= 117.1
    mean = np.mean([fit.parameters["estimate"] for fit in runs], axis=0)
    assert np.abs((mean - reference["estimate"]) / reference["se"]).max() < 0.25


def test_theophylline_spread_over_seeds_is_small(runs):
    """Below a quarter of a standard error for every parameter."""
    spread = np.std([fit.parameters["estimate"] for fit in runs], axis=0, ddof=1)
    assert (spread / runs[0].parameters["se"]).max() < 0.25


def test_theophylline_standard_errors(theophylline, runs):
    """By linearisation against the Hessian of FOCEI, 15 %; by Louis' formula as well."""
    reference = wb.fit(*theophylline).parameters["se"]
    louis = wb.fit(*theophylline, method="saem", covariance="stochastic", draws=400)
    for fit in (runs[0], louis):
        assert (fit.parameters["se"] / reference).between(0.85, 1.2).all()


def test_phenobarbital_against_nonmem(records, references):
    """By the exact -2LL, and estimates within 0.7 SE: the likelihood is flat in omega[cl].

    At NONMEM's SAEM estimates the exact -2LL without constant is 729.1306 by the record's
    evaluator and, with a coarser grid, here; a converged run is at most 0.3 above it.
    """
    record = records["pheno_saem"]
    expected, se = record["expected"]["estimates"], record["expected"]["se"]
    data = wb.read_dataset(references / record["dataset_csv"])
    start = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(0.008, iiv=0.5), "v": wb.LogNormal(1.0, iiv=0.5)},
        error=wb.error.Proportional(0.2),
    )
    fit = wb.fit(start, data, method="saem", seed=1)
    assert fit.verdict == "converged", fit.reasons
    assert marginal_by_quadrature(fit.final_model, data) <= 729.1306 + 0.3
    found = {"THETA1": fit.theta["cl"], "THETA2": fit.theta["v"]}
    found |= {"OMEGA(1,1)": fit.omega.loc["cl", "cl"], "OMEGA(2,2)": fit.omega.loc["v", "v"]}
    found["SIGMA(1,1)"] = fit.sigma["proportional"] ** 2
    for name, value in found.items():
        assert abs(value - expected[name]) < 0.7 * se[name], name


def test_phenobarbital_block_against_monolix(records, references):
    """Correlated cl and v, additive error: at least as likely as Monolix' estimates.

    FOCEI -2LL at theirs is 975.193; the maximum (973.39) lies at a correlation of 0.998, so they
    (0.90) are not quite there, and only what is far from that boundary is compared: to 0.5 SE.
    """
    record = records["mlx_pheno_block"]
    expected, se = record["expected"]["estimates"], record["expected"]["se"]
    data = wb.read_dataset(references / record["dataset_csv"])
    start = wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(0.01, iiv=0.4), "v": wb.LogNormal(1.0, iiv=0.4)},
        correlations=[("cl", "v")],
        error=wb.error.Additive(4.0),
    )
    fit = wb.fit(start, data, method="saem", seed=1, likelihood="linearisation")
    assert 973.39 < fit.m2ll < record["verified_by_evaluator"]["FOCEI_equals_lin"]
    for name in ("cl", "v"):
        theirs = f"{name}_pop"
        assert abs(fit.theta[name] - expected[theirs]) < 0.5 * se[theirs]
        sd = np.sqrt(fit.omega.loc[name, name])
        assert abs(sd - expected[f"omega_{name}"]) < 0.5 * se[f"omega_{name}"]


def test_theophylline_combined_error_against_monolix(records, references):
    """Combined 1, the copy without t = 0, doses per kilogram; within 0.5 SE of their estimates."""
    record = records["mlx_theo_combined1"]
    expected, se = record["expected"]["estimates"], record["expected"]["se"]
    data = wb.read_dataset(references / record["dataset_csv"], columns={"DV": "CONC"})
    start = wb.Model(
        "pk_1cmt_oral",
        {
            "ka": wb.LogNormal(1.0, iiv=0.5),
            "cl": wb.LogNormal(0.1, iiv=0.5),
            "v": wb.LogNormal(1.0, iiv=0.5),
        },
        error=wb.error.Combined(additive=0.5, proportional=0.1, kind=1),
    )
    fit = wb.fit(start, data, method="saem", seed=1)
    assert fit.verdict == "converged", fit.reasons
    found = fit.parameters
    pairs = {"ka": "ka_pop", "cl": "Cl_pop", "v": "V_pop", "sigma[additive]": "a"}
    pairs["sigma[proportional]"] = "b"
    for ours, theirs in pairs.items():
        away = (found.loc[ours, "estimate"] - expected[theirs]) / se[theirs]
        assert abs(away) < 0.5, (ours, away)
        assert found.loc[ours, "se"] == pytest.approx(se[theirs], rel=0.3), ours
    for ours, theirs in (("ka", "ka"), ("cl", "Cl"), ("v", "V")):
        sd = found.loc[f"omega[{ours}]", "sd"]
        assert abs(sd - expected[f"omega_{theirs}"]) / se[f"omega_{theirs}"] < 0.5, ours


@pytest.mark.parametrize("covariance", ["linearisation", "none"])
def test_the_flip_flop_minimum_of_theophylline_is_doubtful(theophylline, covariance):
    """Started with ka below cl/v, the variance of ka creeps to zero: never called converged."""
    model, data = theophylline
    factors = {"ka": 1 / 4, "cl": 3.5, "v": 1 / 4}
    start = model.replace(
        parameters={
            name: replace(p, typical=p.typical * factors[name])
            for name, p in model.parameters.items()
        }
    )
    fit = wb.fit(start, data, method="saem", seed=1, covariance=covariance)
    assert fit.theta["ka"] < fit.theta["cl"] / fit.theta["v"]
    assert fit.verdict == "doubtful", fit.reasons
    assert "omega[ka]" in fit.reasons[0]
