"""Laplace and adaptive quadrature: exact gradients, limits, purity."""

import numpy as np
import pytest

import workbench as wb
from tests import cases, naive
from tests.objectives import check_gradient, likelihood
from workbench.errors import OptionError
from workbench.models.residual import error_models

BLOCK = {("cl", "v"): 0.4}
KINDS = {
    "laplace": ("laplace", {}),
    "laplace without interaction": ("laplace", {"interaction": False}),
    "agq": ("agq", {"nodes": 3}),
    "agq observed": ("agq", {"nodes": 2, "scale": "observed"}),
    "agq without interaction": ("agq", {"nodes": 2, "interaction": False}),
}


@pytest.fixture(scope="module")
def data():
    return cases.oral_data()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", error_models.names())
def test_gradient_is_that_of_the_objective(data, kind, error):
    """1e-8, as for FOCEI: third derivatives by differences leave 1e-11 of the curvature."""
    method, options = KINDS[kind]
    check_gradient(cases.oral_model(error, correlations=BLOCK), data, method, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_when_parameters_lack_random_effects(data, kind):
    method, options = KINDS[kind]
    model = cases.oral_model("combined2", iiv=(0.0, 0.3, 0.0))
    check_gradient(model, data, method, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_with_normal_parameters(data, kind):
    method, options = KINDS[kind]
    model = cases.oral_model("combined1", distributions=("normal", "lognormal", "normal"))
    check_gradient(model, data, method, **options)


@pytest.mark.parametrize("error", error_models.names())
@pytest.mark.parametrize("interaction", [True, False])
def test_one_node_by_the_expected_hessian_is_foce(data, error, interaction):
    """Equal but for the order of sums."""
    model = cases.oral_model(error, correlations=BLOCK)
    foce = wb.evaluate(model, data, method="focei" if interaction else "foce")
    one = wb.evaluate(model, data, method="agq", nodes=1, interaction=interaction)
    np.testing.assert_allclose(one.individual_ofv, foce.individual_ofv, rtol=1e-12)


@pytest.mark.parametrize("error", error_models.names())
def test_one_node_by_the_observed_hessian_is_laplace(data, error):
    model = cases.oral_model(error)
    laplace = wb.evaluate(model, data, method="laplace")
    one = wb.evaluate(model, data, method="agq", nodes=1, scale="observed")
    assert one.ofv == laplace.ofv


def laplace_twin(subject, interaction):
    """-2 log L with the Hessian by differences of complex-step gradients."""
    eta, h = subject.mode(interaction), 1e-5
    rows = [
        (
            subject.joint_gradient(eta + h * unit, interaction)
            - subject.joint_gradient(eta - h * unit, interaction)
        )
        / (2 * h)
        for unit in np.eye(len(eta))
    ]
    value = float(subject.joint(eta, interaction)) + np.linalg.slogdet(subject.omega)[1]
    return value + np.linalg.slogdet(0.5 * np.array(rows))[1]


@pytest.mark.parametrize("error", error_models.names())
@pytest.mark.parametrize("interaction", [True, False])
def test_laplace_against_the_naive_twin(data, error, interaction):
    """1e-7: the twin's Hessian comes from differences."""
    model = cases.oral_model(error, correlations=BLOCK)
    fit = wb.evaluate(model, data, method="laplace", interaction=interaction)
    expected = [
        laplace_twin(s, interaction) - 2 * naive.log_jacobian(error, s.y)
        for s in naive.subjects(model, data)
    ]
    np.testing.assert_allclose(fit.individual_ofv, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("error", error_models.names())
def test_many_nodes_are_the_integral(error):
    """Two random effects, sparse data: 60 nodes a dimension, as the twin has, laid out apart."""
    data, model = cases.iv_data(4, times=(0.5, 5)), cases.iv_model(error, sigma=cases.SIGMA[error])
    found = wb.evaluate(model, data, method="agq", nodes=60).individual_ofv
    expected = [s.exact() - 2 * naive.log_jacobian(error, s.y) for s in naive.subjects(model, data)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_objective_depends_on_its_arguments_alone(data, kind):
    """Bit for bit: repeated, after other evaluations, on two threads."""
    method, options = KINDS[kind]
    model = cases.oral_model("combined2", correlations=BLOCK)
    target = likelihood(model, data, method, **options)
    x = target.problem.space.start + 0.1
    value, gradient = target(x)
    for other in (x + 0.7, x - 0.5, x):
        again, gradient_again = target(other)
    assert again == value
    np.testing.assert_array_equal(gradient_again, gradient)
    cold, cold_gradient = likelihood(model, data, method, threads=2, **options)(x)
    assert cold == value
    np.testing.assert_array_equal(cold_gradient, gradient)


def test_far_tails_do_not_overflow():
    """Sums of exponentials in the logarithmic domain: 40 observations fitted badly."""
    data = cases.iv_data(3, times=tuple(np.linspace(0.5, 30, 40)))
    model = cases.iv_model("additive", cl=(30.0, 0.3), sigma=(0.002,))
    fit = wb.evaluate(model, data, method="agq", nodes=9)
    assert np.isfinite(fit.individual_ofv).all()
    assert fit.ofv > 1e5


def test_too_many_nodes_are_refused_with_their_number(data):
    with pytest.raises(OptionError, match=r"8,000,000 predictions"):
        wb.evaluate(cases.oral_model(), data, method="agq", nodes=200)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"nodes": 0}, "nodes"), ({"nodes": 2.5}, "nodes"), ({"scale": "none"}, "scale")],
)
def test_options_are_checked(data, options, words):
    with pytest.raises(OptionError, match=words):
        wb.evaluate(cases.oral_model(), data, method="agq", **options)


def test_a_fit_by_quadrature_is_at_its_own_minimum():
    """Sparse data, where FOCEI and the integral disagree: each has the lower value of its own."""
    data, model = cases.iv_data(12, sd=0.25, times=(0.5, 3, 8)), cases.iv_model("proportional")
    agq = wb.fit(model, data, method="agq", nodes=9)
    focei = wb.fit(model, data, method="focei")
    assert agq.verdict == "converged", agq.reasons
    assert agq.likelihood == "AGQ(9)"
    assert agq.ofv < wb.evaluate(focei.final_model, data, method="agq", nodes=9).ofv
    assert focei.ofv < wb.evaluate(agq.final_model, data, method="focei").ofv
