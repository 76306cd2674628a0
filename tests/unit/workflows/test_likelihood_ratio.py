"""The likelihood ratio test: nested or not, which distribution, and every refusal in words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import workbench as wb
from tests import cases
from workbench.errors import IncomparableError
from workbench.workflows._nesting import nesting
from workbench.workflows.likelihood_ratio import mixture_p_value, null_distribution

CORRELATED = [("ka", "cl"), ("ka", "v"), ("cl", "v")]


@pytest.fixture(scope="module")
def data():
    return cases.iv_data(20)


@pytest.fixture(scope="module")
def fits(data):
    """Fits of an intravenous bolus: of what they differ in, the tests are made."""
    model = cases.iv_model("proportional")
    models = {
        "base": model,
        "no v": changed(model, v={"iiv": 0.0}),
        "no eta": model.without_random_effects(),
        "block": model.replace(correlations=[("cl", "v")]),
        "cl held": changed(model, cl={"typical": 3.0, "fixed": frozenset({"typical"})}),
        "combined1": model.replace(error=wb.error.Combined(0.05, 0.1, kind=1)),
        "combined2": model.replace(error=wb.error.Combined(0.05, 0.1)),
        "additive": model.replace(error=wb.error.Additive(0.3)),
    }
    return {name: wb.fit(m, data) for name, m in models.items()}


def changed(model, **parameters):
    new = {name: replace(model.parameters[name], **parts) for name, parts in parameters.items()}
    return model.replace(
        parameters={**model.parameters, **new},
        correlations={
            pair: r
            for pair, r in model.correlations.items()
            if all({**model.parameters, **new}[name].has_eta for name in pair)
        },
    )


def altered(fit, **parts):
    return replace(fit, **parts)


# --- the formula -----------------------------------------------------------------------------


@pytest.mark.parametrize("difference", [0.3, 2.706, 3.84, 6.63, 10.8])
def test_p_values_are_the_tails_of_the_mixtures(difference):
    chi2 = stats.chi2
    for k in (1, 2, 5):
        assert mixture_p_value(difference, ((1.0, k),)) == pytest.approx(
            chi2.sf(difference, k), rel=1e-12
        )
        expected = 0.5 * chi2.sf(difference, k) + 0.5 * chi2.sf(difference, k + 1)
        assert mixture_p_value(difference, ((0.5, k), (0.5, k + 1))) == pytest.approx(
            expected, rel=1e-12
        )
    half = mixture_p_value(difference, ((0.5, 0), (0.5, 1)))
    assert half == pytest.approx(0.5 * chi2.sf(difference, 1), rel=1e-12)


def test_critical_values_of_one_variance_at_zero():
    """2.706 and 5.412 are the 5 % and 1 % points of ½χ²₀ + ½χ²₁ (Self & Liang 1987); by hand."""
    weights = ((0.5, 0), (0.5, 1))
    assert mixture_p_value(2.7055, weights) == pytest.approx(0.05, abs=1e-4)
    assert mixture_p_value(5.4119, weights) == pytest.approx(0.01, abs=1e-5)
    assert mixture_p_value(0.0, weights) == 1.0


def test_critical_value_of_a_random_effect_with_one_covariance():
    """5.138 is the 5 % point of ½χ²₁ + ½χ²₂ (Fitzmaurice, Laird & Ware 2004, table C.1: 5.14)."""
    assert mixture_p_value(5.138, ((0.5, 1), (0.5, 2))) == pytest.approx(0.05, abs=1e-4)


def test_the_mixture_is_what_a_half_line_gives():
    """The null distribution for one variance: the square of a normal number cut off at zero."""
    z = np.random.default_rng(1).standard_normal(200_000)
    drawn = np.maximum(z, 0.0) ** 2
    for value in (0.5, 2.0, 5.0):
        share = float((drawn >= value).mean())
        assert share == pytest.approx(mixture_p_value(value, ((0.5, 0), (0.5, 1))), abs=0.003)


# --- nested pairs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("small", "large", "weights", "restriction"),
    [
        ("no v", "base", ((0.5, 0), (0.5, 1)), "omega[v] = 0"),
        ("no v", "block", ((0.5, 1), (0.5, 2)), "omega[v] = 0 with corr[cl,v]"),
        ("base", "block", ((1.0, 1),), "corr[cl,v] = 0"),
        ("cl held", "base", ((1.0, 1),), "cl = 3"),
        ("base", "combined1", ((1.0, 1),), "sigma[additive] = 0"),
        ("base", "combined2", ((0.5, 0), (0.5, 1)), "sigma[additive] = 0"),
        ("additive", "combined1", ((1.0, 1),), "sigma[proportional] = 0"),
        ("additive", "combined2", ((0.5, 0), (0.5, 1)), "sigma[proportional] = 0"),
    ],
)
def test_nested_pairs(fits, small, large, weights, restriction):
    test = wb.likelihood_ratio_test(fits[small], fits[large], names=(small, large))
    assert test.weights == weights
    assert test.restrictions == (restriction,)
    assert test.df == fits[large].n_parameters - fits[small].n_parameters
    difference = fits[small].m2ll - fits[large].m2ll
    assert test.difference == pytest.approx(max(difference, 0.0), abs=1e-12)
    expected = sum(
        w * (stats.chi2.sf(test.difference, k) if k else float(test.difference <= 0))
        for w, k in weights
    )
    assert test.p_value == pytest.approx(expected, rel=1e-10)
    assert test.p_lower == test.p_upper == test.p_value
    assert not test.conservative
    assert restriction in test.sentence
    assert repr(test).startswith(f"{small} against {large}")


def test_several_variances_at_zero_give_an_upper_limit(fits):
    test = wb.likelihood_ratio_test(fits["no eta"], fits["base"])
    assert test.conservative
    assert test.weights == ((1.0, 2),)
    assert any("upper limit" in note for note in test.notes)
    assert "p ≤" in test.sentence or "p < " in test.sentence


def test_a_pooled_fit_is_the_model_without_random_effects(fits, data):
    pooled = wb.fit(cases.iv_model("proportional"), data, method="pooled")
    test = wb.likelihood_ratio_test(pooled, fits["base"])
    assert test.df == 2
    assert test.difference == pytest.approx(fits["no eta"].m2ll - fits["base"].m2ll, abs=1e-4)


@pytest.mark.parametrize(
    ("removed", "df", "mixture"), [("v", 3, (2, 3)), ("cl", 3, (2, 3)), ("ka", 3, (2, 3))]
)
def test_a_random_effect_goes_with_all_its_correlations(removed, df, mixture):
    """Stram & Lee 1994, case 3 with q = 2: ½χ²₂ + ½χ²₃."""
    large = cases.oral_model(correlations=CORRELATED)
    found = nesting(changed(large, **{removed: {"iiv": 0.0}}), large)
    assert found.reason == ""
    assert found.df == df
    weights, conservative = null_distribution(found.restrictions)
    assert weights == ((0.5, mixture[0]), (0.5, mixture[1]))
    assert not conservative


def test_a_variance_and_a_fixed_value_at_once():
    large = cases.oral_model("additive")
    small = changed(large, v={"iiv": 0.0}, ka={"fixed": frozenset({"typical"})})
    found = nesting(small, large)
    assert null_distribution(found.restrictions)[0] == ((0.5, 1), (0.5, 2))


def test_starting_values_and_unused_names_do_not_matter():
    one = cases.oral_model("additive")
    other = changed(one, cl={"typical": 9.0, "iiv": 0.9})
    assert nesting(one, other).reason == ""
    assert nesting(one, other).df == 0


def test_the_same_structure_by_its_name_and_by_its_options():
    named = cases.oral_model("additive")
    by_options = named.replace(structure=wb.pk(compartments=1, absorption="first_order"))
    assert nesting(named, by_options).reason == ""


def test_equations_differ_by_their_text_only():
    def line(text, **more):
        return cases.line_model().replace(structure=wb.equations(text, outputs=["y"], **more))

    plain = line("y = a + b*t")
    assert nesting(plain, line("y = a + b*t", units={"a": "mg"})).reason == ""
    assert "structural models differ" in nesting(plain, line("y = a + 2*b*t")).reason


@pytest.mark.parametrize(
    ("small", "large", "reason"),
    [
        ({"cl": {"fixed": {"typical"}}}, {"cl": {"fixed": {"typical"}, "typical": 9.0}}, "at 9"),
        ({}, {"cl": {"fixed": {"typical"}}}, "cl is fixed in the larger model"),
        ({}, {"cl": {"iiv": 0.0}}, "cl has a random effect in the smaller model only"),
        ({"cl": {"iiv": 0.0}}, {"cl": {"fixed": {"iiv"}}}, "does not contain zero"),
        ({}, {"cl": {"fixed": {"iiv"}}}, "variance of cl is fixed in the larger"),
        ({"cl": {"fixed": {"iiv"}}}, {"cl": {"fixed": {"iiv"}, "iiv": 0.9}}, "variance of cl is"),
        ({"cl": {"distribution": "normal"}}, {}, "cl is normal in one and lognormal"),
        ({}, {"cl": {"bounds": (2.0, 4.0)}}, "bounds of cl are narrower"),
    ],
)
def test_parts_that_are_not_nested(small, large, reason):
    model = cases.oral_model("additive")

    def with_parts(parts):
        held = {
            name: {**p, **({"fixed": frozenset(p["fixed"])} if "fixed" in p else {})}
            for name, p in parts.items()
        }
        return changed(model, **held)

    assert reason in nesting(with_parts(small), with_parts(large)).reason


def test_errors_that_are_not_nested():
    def reason(small, large):
        return nesting(
            cases.oral_model().replace(error=small), cases.oral_model().replace(error=large)
        ).reason

    e = wb.error
    assert "not known to be a special case" in reason(e.Additive(1), e.Proportional(0.1))
    assert "not known to be a special case" in reason(e.LogNormal(0.2), e.Combined(1, 0.1))
    assert "sigma[proportional] is fixed at 0.1" in reason(
        e.Additive(1), e.Combined(1, wb.Fixed(0.1))
    )
    assert "fixed in the larger model and estimated" in reason(
        e.Additive(1), e.Additive(wb.Fixed(1))
    )
    assert "different values" in reason(e.Additive(wb.Fixed(1)), e.Additive(wb.Fixed(2)))
    assert reason(e.Additive(wb.Fixed(1)), e.Additive(1)) == ""


# --- refusals --------------------------------------------------------------------------------


def refused(small, large, words):
    with pytest.raises(IncomparableError) as caught:
        wb.likelihood_ratio_test(small, large)
    assert words in str(caught.value)
    assert str(caught.value)[0] in "TB−O"  # a sentence begins with a capital


def test_not_nested(fits):
    refused(fits["base"], fits["additive"], "AIC and BIC compare models that are not nested")
    refused(fits["base"], fits["no v"], "exchange the two")
    refused(fits["base"], fits["base"], "There is nothing to test")


def test_another_structure(fits, data):
    two = wb.Model(
        wb.pk(compartments=2),
        {
            "cl": wb.LogNormal(3.0, iiv=0.3),
            "v1": wb.LogNormal(15.0, iiv=0.2),
            "q": wb.LogNormal(1.0),
            "v2": wb.LogNormal(5.0),
        },
        error=wb.error.Proportional(0.1),
    )
    refused(fits["base"], wb.fit(two, data, max_iter=5), "the structural models differ")


def test_a_larger_model_with_a_higher_m2ll_has_not_converged(fits):
    worse = altered(fits["block"], m2ll=fits["base"].m2ll + 0.5)
    refused(fits["base"], worse, "has not reached its minimum")
    refused(fits["base"], worse, "start=fit_small")
    equal = altered(fits["block"], m2ll=fits["base"].m2ll + 0.005)
    test = wb.likelihood_ratio_test(fits["base"], equal)
    assert (test.difference, test.p_value) == (0.0, 1.0)


def test_likelihoods_of_different_kinds(fits, data):
    fo = wb.fit(cases.iv_model("proportional"), data, method="fo")
    refused(fits["no v"], fo, "by FOCEI, that of the larger model by FO")
    refused(fits["no v"], fo, 'method=["focei", "imp"]')


def test_fits_that_did_not_maximise(fits, data):
    model = cases.iv_model("proportional")
    refused(fits["no v"], wb.fit(model, data, method="its"), "fitted by its")
    refused(fits["no v"], wb.evaluate(model, data), "only evaluated")
    prior = changed(model, cl={"prior": wb.Prior(3.0, sd=0.1)})
    refused(fits["no v"], wb.fit(prior, data), "has priors")
    failed = altered(fits["base"], verdict="failed", reasons=("No finite objective.",))
    refused(fits["no v"], failed, "failed: No finite objective.")


def test_no_number_is_no_likelihood(fits):
    refused(fits["no v"], altered(fits["base"], m2ll=float("nan")), "has no −2LL")


def data_like(change):
    frame = cases.iv_frame(20)
    return wb.read_dataset(change(frame), name="other")


def test_other_data_are_told_by_their_content(fits):
    model = changed(cases.iv_model("proportional"), v={"iiv": 0.0})

    def small(change):
        return wb.fit(model, data_like(change), max_iter=3)

    def other_value(frame):
        observed = frame.index[frame["EVID"] == 0][2]
        return frame.assign(DV=frame["DV"].mask(frame.index == observed, 9.0))

    same = small(lambda frame: frame)
    assert same.data is not fits["base"].data
    assert wb.likelihood_ratio_test(same, fits["base"]).df == 1
    refused(small(other_value), fits["base"], "differ in 1 of 100 rows, first at ID 1, TIME 5: DV")
    refused(small(lambda f: f[f["ID"] != 3]), fits["base"], "fitted to 19 subjects")
    refused(small(lambda f: f.drop(index=f.index[-1])), fits["base"], "99 observations")
    refused(small(lambda f: f.assign(AMT=2 * f["AMT"])), fits["base"], "doses of the smaller model")


def test_transformed_data_are_other_data(fits):
    """A fit of log DV: its -2LL lacks the Jacobian."""
    log = data_like(lambda f: f.assign(DV=np.log(f["DV"])))
    text = "d/dt(central) = -cl/v*central\ny = log(central/v)"
    model = wb.Model(
        wb.equations(text, outputs=["y"]),
        {"cl": wb.LogNormal(3.0, iiv=0.3), "v": wb.LogNormal(20.0)},
        error=wb.error.Additive(0.1),
    )
    fit = wb.fit(model, log, max_iter=2)
    refused(fit, fits["base"], "One is the logarithm of the other")
    refused(fit, fits["base"], "wb.error.LogNormal")


def test_log_normal_error_is_an_error_of_dv(data, fits):
    """Its -2LL includes the Jacobian, so that the fits can be put side by side."""
    fit = wb.fit(cases.iv_model("lognormal"), data)
    table = wb.compare([fits["base"], fit]).table
    assert table["delta_ofv"].notna().all()


def test_subjects_in_another_order_are_the_same_data(fits):
    def turned(frame):
        return frame.sort_values("ID", ascending=False, kind="stable")

    model = changed(cases.iv_model("proportional"), v={"iiv": 0.0})
    small = wb.fit(model, data_like(turned))
    test = wb.likelihood_ratio_test(small, fits["base"])
    again = wb.likelihood_ratio_test(fits["no v"], fits["base"])
    assert test.difference == pytest.approx(again.difference, abs=1e-5)


# --- Monte Carlo -----------------------------------------------------------------------------


def test_the_monte_carlo_error_becomes_an_interval_of_p(fits):
    small = altered(fits["no v"], likelihood="IS", likelihood_se=0.3)
    m2ll = small.m2ll - 4.0
    large = altered(fits["base"], likelihood="IS", likelihood_se=0.4, m2ll=m2ll)
    test = wb.likelihood_ratio_test(small, large)
    assert test.se == pytest.approx(0.5)
    assert test.p_value == pytest.approx(0.5 * stats.chi2.sf(4.0, 1), rel=1e-9)
    low, high = 4.0 - 1.959964 * 0.5, 4.0 + 1.959964 * 0.5
    assert test.p_upper == pytest.approx(0.5 * stats.chi2.sf(low, 1), rel=1e-6)
    assert test.p_lower == pytest.approx(0.5 * stats.chi2.sf(high, 1), rel=1e-6)
    assert "± 0.5 (SE)" in test.sentence
    assert "by the Monte-Carlo error" in test.sentence
    above = altered(large, m2ll=small.m2ll + 0.9)  # within the error: no contradiction
    assert wb.likelihood_ratio_test(small, above).p_value == 1.0
    refused(small, altered(large, m2ll=small.m2ll + 1.1), "has not reached its minimum")


def test_doubtful_fits_and_fo_are_noted(fits):
    large = altered(fits["base"], verdict="doubtful", reasons=("At a bound.",), likelihood="FO")
    small = altered(fits["no v"], likelihood="FO")
    notes = " ".join(wb.likelihood_ratio_test(small, large).notes)
    assert "doubtful: At a bound." in notes
    assert "Wählby" in notes


def test_the_error_of_an_output_without_data_does_not_count():
    """Every fit holds it at its value, which differs here."""
    structure = wb.equations("y = a + b*t\nz = a - b*t", outputs=["y", "z"])
    fits = [
        wb.fit(
            wb.Model(
                structure,
                {"a": wb.Normal(8.0, iiv=1.5), "b": wb.Normal(1.0, iiv=b)},
                error={"y": wb.error.Additive(1.0), "z": wb.error.Additive(sd)},
            ),
            cases.line_data(12),
        )
        for b, sd in ((0.0, 1.0), (0.8, 2.0))
    ]
    assert wb.likelihood_ratio_test(*fits).df == 1
