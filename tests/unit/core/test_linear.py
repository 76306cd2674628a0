"""The modal state advance against superposed single doses, computed in 60 digits."""

import mpmath
import numpy as np
import pytest

from tests import naive
from tests.structures import OTHER, differences, dose, in_order, predict, record
from workbench.core import linear
from workbench.models.structural import structures

ORAL, IV = structures.get("pk_1cmt_oral"), structures.get("pk_1cmt_iv")
TIMES = np.array([0.0, 0.3, 1.0, 1.7, 2.0, 4.0, 7.0, 12.0, 30.0])

C, D = naive.CENTRAL, naive.DEPOT
# (time, amount, rate, compartment); rate 0 is a bolus
REGIMENS = {
    "oral": [(0.0, 100.0, 0.0, D)],
    "bolus": [(0.0, 100.0, 0.0, C)],
    "infusion": [(0.5, 100.0, 40.0, C)],
    "overlapping infusions": [(0.0, 100.0, 25.0, C), (1.0, 60.0, 20.0, C), (2.0, 10.0, 50.0, C)],
    "infusion into the depot": [(0.5, 100.0, 40.0, D)],
    "overlapping depot infusions": [(0.0, 100.0, 25.0, D), (1.0, 60.0, 20.0, D)],
    "everything": [
        (0.0, 100.0, 0.0, D),
        (0.5, 50.0, 30.0, D),
        (1.0, 40.0, 20.0, C),
        (2.0, 30.0, 0.0, C),
        (2.0, 30.0, 0.0, D),
        (6.0, 80.0, 16.0, C),
    ],
}
# ka, cl, v
ORDINARY = (1.5, 2.0, 30.0)
PARAMETERS = {
    "ordinary": ORDINARY,
    "flip-flop": (0.05, 6.0, 20.0),
    "ka = k": (0.1, 2.0, 20.0),
    "ka nearly k": (0.1 * (1 + 1e-9), 2.0, 20.0),
    "ka near k": (0.1 * (1 + 1e-4), 2.0, 20.0),
    "fast absorption": (80.0, 2.0, 20.0),
    "fast elimination": (1.5, 400.0, 20.0),
    "slow elimination": (1.5, 2e-7, 20.0),
}


def records(times, doses, compartments):
    """At equal times, doses before observations."""
    rows = [dose(t, a, compartments.index(into) + 1, rate=r) for t, a, r, into in doses]
    return in_order(rows + [record(t) for t in times])


@pytest.mark.parametrize("regimen", REGIMENS)
@pytest.mark.parametrize("values", PARAMETERS)
def test_oral_predictions_against_superposition(regimen, values):
    """1e-12: some ten roundings per event; absolute 1e-14 of the largest where it has decayed."""
    ka, cl, v = PARAMETERS[values]
    doses = REGIMENS[regimen]
    truth = naive.precise_concentrations(TIMES, doses, ka=ka, cl=cl, v=v)
    found = predict(ORAL, (ka, cl, v), records(TIMES, doses, ORAL.compartments))[:, 0]
    np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-14 * truth.max())


@pytest.mark.parametrize("regimen", ["bolus", "infusion", "overlapping infusions"])
@pytest.mark.parametrize("values", ["ordinary", "fast elimination", "slow elimination"])
def test_iv_predictions_against_superposition(regimen, values):
    _, cl, v = PARAMETERS[values]
    doses = REGIMENS[regimen]
    truth = naive.precise_concentrations(TIMES, doses, cl=cl, v=v)
    found = predict(IV, (cl, v), records(TIMES, doses, IV.compartments))[:, 0]
    np.testing.assert_allclose(found, truth, rtol=1e-12, atol=1e-14 * truth.max())


@pytest.mark.parametrize("regimen", REGIMENS)
@pytest.mark.parametrize("values", PARAMETERS)
def test_derivatives_against_central_differences(regimen, values):
    """First derivatives of 60-digit superposition; 1e-9: differences in extended precision.

    Second derivatives: central differences of our first ones, Richardson-extrapolated; about
    1e-7 of their largest element is what double precision leaves.
    """
    phi = np.array(PARAMETERS[values])
    doses = REGIMENS[regimen]
    packed = records(TIMES, doses, ORAL.compartments)
    jet = predict(ORAL, phi, packed, 2)
    np.testing.assert_array_equal(jet[:, :4], predict(ORAL, phi, packed, 1))
    np.testing.assert_array_equal(jet[:, :1], predict(ORAL, phi, packed, 0))
    for k in range(3):
        slope = differences(lambda at: predict(ORAL, at, packed, 0)[:, 0], phi, k)
        # slopes of the values come from our own values, which the tests above have checked
        scale = np.abs(jet[:, 1 + k]).max() + np.abs(jet[:, 0]).max() / phi[k] * 1e-4
        np.testing.assert_allclose(jet[:, 1 + k], slope, atol=2e-8 * scale, rtol=0)
        curve = differences(lambda at: predict(ORAL, at, packed, 1)[:, 1:], phi, k)
        for q in range(3):
            a, b = max(k, q), min(k, q)
            found = jet[:, 4 + a * (a + 1) // 2 + b]
            scale = np.abs(found).max() + np.abs(jet[:, 1 + q]).max() / phi[k] * 1e-4
            np.testing.assert_allclose(found, curve[:, q], atol=2e-8 * scale, rtol=0)


def test_derivatives_do_not_jump_where_ka_passes_k():
    """The divided difference is smooth there; branches differ by rounding only."""
    packed = records(TIMES, REGIMENS["oral"], ORAL.compartments)
    around = (0.1 * (1 - 1e-10), 0.1, 0.1 * (1 + 1e-10))
    below, at, above = (predict(ORAL, (ka, 2.0, 20.0), packed, 2) for ka in around)
    scale = np.abs(at).max(axis=0)
    assert (np.abs(below - at) <= 1e-8 * scale).all()
    assert (np.abs(above - at) <= 1e-8 * scale).all()


@pytest.mark.parametrize(
    "x", [0.0, 1e-300, 1e-12, 1e-5, 0.01, 0.3, 0.6999999, 0.7, 0.7000001, 0.9, 3.0, 40.0, 800.0]
)
def test_moments_against_quadrature_in_extended_precision(x):
    """1e-14 relative, but just above the switch the upward recursion may lose two digits."""
    with mpmath.workdps(40):
        y = mpmath.mpf(x)
        truth = [
            float(mpmath.quad(lambda s, n=n: s**n * mpmath.exp(-y * s), [0, 0.01, 0.1, 1]))
            for n in range(3)
        ]
    found = linear.moments(x, float(np.exp(-x)))
    np.testing.assert_allclose(found, truth, rtol=3e-15 if x < 0.7 else 5e-14)


def test_a_dose_in_the_same_row_order_as_the_file_counts_or_not():
    """A trough row before the dose at its time sees nothing of it; one after sees all."""
    packed = np.array([record(2.0), dose(2.0, 50.0), record(2.0)])
    np.testing.assert_array_equal(predict(IV, (2.0, 20.0), packed)[:, 0], [0.0, 2.5])


def test_records_without_effect_change_only_rounding():
    doses = REGIMENS["everything"]
    packed = records(TIMES, doses, ORAL.compartments)
    more = in_order([*packed, *(record(t, OTHER) for t in (0.7, 3.3, 9.9, 9.9))])
    np.testing.assert_allclose(
        predict(ORAL, ORDINARY, more), predict(ORAL, ORDINARY, packed), rtol=1e-13
    )


def test_an_ended_infusion_leaves_no_rate_behind():
    """A rate of 1/3 started and stopped ten times: what is left decays like a bolus."""
    doses = [(float(i), 1 / 30, 1 / 3, C) for i in range(10)]
    packed = records(np.array([1e4]), doses, IV.compartments)
    assert predict(IV, (2.0, 20.0), packed)[0, 0] < 1e-15


def test_nothing_but_observations_predicts_zero():
    packed = records(TIMES, [], ORAL.compartments)
    np.testing.assert_array_equal(predict(ORAL, ORDINARY, packed, 2), 0.0)
