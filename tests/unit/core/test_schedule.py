"""What dose records mean: each against the plain doses and infusions it stands for."""

import numpy as np
import pytest

from tests.structures import (
    OTHER,
    RESET,
    RESET_DOSE,
    differences,
    dose,
    in_order,
    predict,
    record,
)
from workbench.core import records as rec
from workbench.models.pk import pk
from workbench.models.structural import equations

TIMES = np.array([0.0, 0.4, 1.0, 2.5, 5.0, 6.0, 7.8, 12.0, 15.5, 24.0, 40.0])
CYCLES = 400  # dosing intervals that stand for steady state
LAG, F, RATE, DUR = 1.3, 0.7, 35.0, 2.9

OPTIONS = [
    {"compartments": n, "absorption": a, "parametrisation": p}
    for n in (1, 2, 3)
    for a in (None, "first_order")
    for p in ("clearance", "rates")
]
NAMES = ["{compartments}-{absorption}-{parametrisation}".format(**o) for o in OPTIONS]


def observed(doses, times=TIMES):
    """Doses first where the times are equal."""
    return in_order([*doses, *(record(t) for t in times)])


def typical(model, **values):
    known = dict(zip(model.parameters, model.typical, strict=True)) | values
    return np.array([known[name] for name in model.parameters])


def plain(model, values, records):
    """Predict with the same disposition and no dosing parameters."""
    options = model.card["pk"] if isinstance(model.card, dict) else None
    kept = {k: v for k, v in options.items() if k in ("compartments", "absorption")}
    simple = pk(parametrisation=options.get("parametrisation", "clearance"), **kept)
    known = dict(zip(model.parameters, values, strict=True))
    return predict(simple, [known[n] for n in simple.parameters], records)[:, 0]


def assert_means(model, records, explicit, rtol=1e-11):
    """The records predict what the explicit ones do, and their derivatives are right."""
    phi = typical(model, tlag=LAG, f=F, rate=RATE, dur=DUR)
    jet = predict(model, phi, records, 2)
    expected = plain(model, phi, explicit)
    np.testing.assert_allclose(jet[:, 0], expected, rtol=rtol, atol=1e-13 * expected.max())
    np.testing.assert_array_equal(jet[:, :1], predict(model, phi, records, 0))
    p = len(phi)
    np.testing.assert_array_equal(jet[:, : 1 + p], predict(model, phi, records, 1))
    for k in range(p):
        slope = differences(lambda at: predict(model, at, records, 1), phi, k)
        size = np.abs(slope).max(axis=0) + 1e-9 * np.abs(jet[:, 0]).max() / phi[k]
        np.testing.assert_allclose(jet[:, 1 + k] / size[0], slope[:, 0] / size[0], atol=1e-6)
        for q in range(k + 1):
            pair = jet[:, 1 + p + k * (k + 1) // 2 + q]
            found, expected = pair / size[1 + q], slope[:, 1 + q] / size[1 + q]
            np.testing.assert_allclose(found, expected, atol=1e-6)


def steady(ii, amount, rate=0.0, *, after=()):
    """Doses of a long time, the last of them `ii` before time 0."""
    return [dose(-ii * k, amount, rate=rate) for k in range(CYCLES, 0, -1)] + list(after)


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_lag_and_bioavailability_of_boluses(options):
    model = pk(lag=True, bioavailability=True, **options)
    given = [dose(0.0, 100.0), dose(5.0, 60.0)]
    assert_means(
        model, observed(given), observed([dose(LAG, 100.0 * F), dose(5.0 + LAG, 60.0 * F)])
    )


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_bioavailability_shortens_an_infusion_of_given_rate(options):
    model = pk(lag=True, bioavailability=True, **options)
    given = [dose(0.0, 100.0, rate=40.0), dose(5.0, 60.0, rate=30.0)]
    meant = [dose(LAG, 100.0 * F, rate=40.0), dose(5.0 + LAG, 60.0 * F, rate=30.0)]
    assert_means(model, observed(given), observed(meant))


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
def test_modelled_rate_and_duration(options):
    model = pk(lag=True, bioavailability=True, rate=True, duration=True, **options)
    given = [dose(0.0, 100.0, rate=-1), dose(5.0, 60.0, rate=-2), dose(12.0, 10.0)]
    meant = [
        dose(LAG, 100.0 * F, rate=RATE),
        dose(5.0 + LAG, 60.0 * F, rate=60.0 * F / DUR),
        dose(12.0 + LAG, 10.0 * F),
    ]
    assert_means(model, observed(given), observed(meant))


@pytest.mark.parametrize("options", OPTIONS, ids=NAMES)
@pytest.mark.parametrize("kind", ["bolus", "infusion", "long infusion", "very long infusion"])
def test_steady_state(options, kind):
    """400 intervals of 6; the slowest typical half-life is 35 (three compartments: more)."""
    rate = {"bolus": 0.0, "infusion": 40.0, "long infusion": 12.0, "very long infusion": 5.0}[kind]
    model = pk(bioavailability=True, **options)
    values = {
        "k31": 0.05,
        "q3": 0.6,
        "v3": 12.0,
    }  # steady state is reached within the 400 intervals
    phi = typical(model, f=F, **values)
    given = observed([dose(0.0, 100.0, rate=rate, ss=1, ii=6.0), dose(12.0, 50.0)])
    meant = observed(
        steady(6.0, 100.0 * F, rate, after=[dose(0.0, 100.0 * F, rate=rate), dose(12.0, 50.0 * F)])
    )
    expected = plain(model, phi, meant)
    np.testing.assert_allclose(predict(model, phi, given)[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("rate", [0.0, 40.0, 12.0, -1.0, -2.0])
@pytest.mark.parametrize("lag", [0.0, 1.3, 5.9, 6.0, 14.0])
@pytest.mark.parametrize("options", OPTIONS[2:6], ids=NAMES[2:6])
def test_lagged_steady_state_shows_the_tail_of_the_interval_before(options, rate, lag):
    model = pk(lag=True, bioavailability=True, rate=True, duration=True, **options)
    phi = typical(model, tlag=lag, f=F, rate=12.0, dur=7.5)
    given = observed([dose(0.0, 100.0, rate=rate, ss=1, ii=6.0, addl=2)])
    real = {-1.0: 12.0, -2.0: 100.0 * F / 7.5}.get(rate, rate)
    doses = [dose(6.0 * k + lag, 100.0 * F, rate=real) for k in range(-CYCLES, 3)]
    expected = plain(model, phi, observed(doses))
    np.testing.assert_allclose(predict(model, phi, given)[:, 0], expected, rtol=1e-9)


@pytest.mark.parametrize("rate", [0.0, 40.0, 12.0, -1.0, -2.0])
@pytest.mark.parametrize("options", OPTIONS[2:6], ids=NAMES[2:6])
def test_derivatives_through_steady_state(options, rate):
    """Lag, bioavailability, rate and duration included; no event passes an observation."""
    model = pk(lag=True, bioavailability=True, rate=True, duration=True, **options)
    records = observed([dose(0.0, 100.0, rate=rate, ss=1, ii=6.0), dose(12.0, 50.0, ss=2, ii=8.0)])
    phi = typical(model, tlag=LAG, f=F, rate=11.3, dur=7.3)
    jet, p = predict(model, phi, records, 2), len(phi)
    for k in range(p):
        slope = differences(lambda at: predict(model, at, records, 1), phi, k)
        size = np.abs(slope).max(axis=0) + 1e-9 * np.abs(jet[:, 0]).max() / phi[k]
        np.testing.assert_allclose(jet[:, 1 + k] / size[0], slope[:, 0] / size[0], atol=1e-6)
        for q in range(k + 1):
            pair = jet[:, 1 + p + k * (k + 1) // 2 + q]
            found, expected = pair / size[1 + q], slope[:, 1 + q] / size[1 + q]
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_steady_state_of_a_constant_infusion_ends_at_the_record():
    """NONMEM: AMT = 0, RATE > 0, II = 0."""
    for options in OPTIONS:
        model = pk(bioavailability=True, **options)
        phi = typical(model, f=F)
        given = observed([dose(0.0, 0.0, rate=20.0, ss=1)])
        found = predict(model, phi, given)[:, 0]
        long = plain(model, phi, observed([dose(-2e4, 4e5, rate=20.0)]))
        np.testing.assert_allclose(found, long, rtol=1e-7)


def test_steady_state_of_kind_two_adds_to_what_is_there():
    for options in OPTIONS:
        model = pk(**options, bioavailability=True)
        phi = typical(model, f=F)
        before = [dose(-3.0, 80.0), dose(-1.0, 100.0, rate=20.0)]
        together = predict(model, phi, observed([*before, dose(0.0, 50.0, ss=2, ii=6.0)]))
        apart = predict(model, phi, observed(before))
        apart = apart + predict(model, phi, observed([dose(0.0, 50.0, ss=1, ii=6.0)]))
        np.testing.assert_allclose(together, apart, rtol=1e-12)


def test_steady_state_of_kind_one_forgets_what_was_there():
    model = pk(compartments=2, absorption="first_order", lag=True)
    phi = typical(model, tlag=LAG)
    last = dose(0.0, 50.0, ss=1, ii=6.0)
    # The first of the earlier doses has arrived, the second is under way, the third goes on.
    before = [dose(-3.0, 80.0), dose(-1.0, 80.0), dose(-0.5, 100.0, 2, rate=20.0)]
    together = predict(model, phi, observed([*before, last]))
    np.testing.assert_array_equal(together, predict(model, phi, observed([last])))


def test_additional_doses_are_doses():
    model = pk(compartments=2, absorption="first_order", lag=True, bioavailability=True)
    given = [dose(0.5, 100.0, addl=5, ii=4.0), dose(1.0, 30.0, 2, rate=20.0, addl=3, ii=5.0)]
    meant = [dose(0.5 + LAG + 4.0 * k, 100.0 * F) for k in range(6)]
    meant += [dose(1.0 + 5.0 * k, 30.0, 2, rate=20.0) for k in range(4)]
    assert_means(model, observed(given), observed(meant))


def test_an_additional_dose_comes_before_the_record_at_its_time():
    """As in NONMEM, also where 3 times 0.1 misses 0.3 by rounding."""
    model = pk(bioavailability=True)
    phi = typical(model, f=1.0, cl=1e-9)
    records = in_order([dose(0.0, 10.0, addl=5, ii=0.1), record(0.3)])
    np.testing.assert_allclose(predict(model, phi, records)[0, 0], 4.0, rtol=1e-8)


def test_a_dose_row_follows_the_row_before_it_at_the_same_time():
    model = pk(lag=True)
    phi = typical(model, tlag=0.0)
    rows = np.array([record(2.0), dose(2.0, 50.0), record(2.0)])
    np.testing.assert_allclose(predict(model, phi, rows)[:, 0], [0.0, 5.0])


def test_a_reset_empties_everything_and_forgets_what_is_under_way():
    model = pk(compartments=2, absorption="first_order", lag=True)
    phi = typical(model, tlag=LAG)
    before = [dose(0.0, 100.0, addl=9, ii=2.0), dose(3.5, 40.0, 2, rate=8.0), dose(4.0, 20.0)]
    times = np.array([4.2, 4.9, 7.0, 9.0, 12.0])
    after = [record(4.5, RESET), dose(6.0, 70.0)]
    rows = observed([*before, *after], times)
    expected = predict(model, phi, observed([dose(6.0, 70.0)], times))
    found = predict(model, phi, rows)
    assert found[0, 0] > 0
    np.testing.assert_array_equal(found[1:], expected[1:])
    rows = observed([*before, dose(6.0, 70.0, kind=RESET_DOSE)], times)
    np.testing.assert_array_equal(predict(model, phi, rows)[2:], expected[2:])


def test_zero_order_absorption_is_an_infusion_of_modelled_duration():
    model = pk(compartments=2, absorption="zero_order", lag=True, bioavailability=True)
    phi = typical(model, tlag=LAG, f=F, tk0=3.3)
    found = predict(model, phi, observed([dose(0.0, 100.0), dose(12.0, 50.0)]))[:, 0]
    simple = pk(compartments=2)
    doses = [(0.0, 100.0), (12.0, 50.0)]
    meant = observed([dose(t + LAG, a * F, rate=a * F / 3.3) for t, a in doses])
    known = dict(zip(model.parameters, phi, strict=True))
    expected = predict(simple, [known[n] for n in simple.parameters], meant)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_mixed_absorption_splits_the_dose():
    model = pk(compartments=2, absorption="mixed", lag=True)
    phi = typical(model, tlag=LAG, fr=0.3, tk0=3.3)
    found = predict(model, phi, observed([dose(0.0, 100.0)]))[:, 0]
    simple = pk(compartments=2, absorption="first_order")
    meant = observed([dose(LAG, 30.0), dose(LAG, 70.0, 2, rate=70.0 / 3.3)])
    known = dict(zip(model.parameters, phi, strict=True))
    expected = predict(simple, [known[n] for n in simple.parameters], meant)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert_right_slopes(model, phi, observed([dose(0.0, 100.0)]))


def assert_right_slopes(model, phi, records):
    jet = predict(model, phi, records, 1)
    for k in range(len(phi)):
        slope = differences(lambda at: predict(model, at, records, 0), phi, k)[:, 0]
        np.testing.assert_allclose(jet[:, 1 + k], slope, atol=1e-6 * np.abs(slope).max())


def test_events_that_cannot_be_made_give_a_status_and_no_number():
    model = pk(lag=True)
    for phi in ([1.0, 10.0, -0.1], [1.0, 10.0, np.nan]):
        with pytest.raises(AssertionError, match="3"):
            predict(model, np.array(phi), observed([dose(0.0, 100.0)]))


def test_other_records_change_nothing_but_rounding():
    model = pk(lag=True)
    phi = typical(model, tlag=LAG)
    rows = observed([dose(0.0, 100.0)])
    more = in_order([*rows, *(record(t, OTHER) for t in (0.7, 1.3, 9.9))])
    np.testing.assert_allclose(predict(model, phi, more), predict(model, phi, rows), rtol=1e-13)
    assert (rows[:, rec.KIND] != OTHER).all()


def test_a_subject_begins_at_its_first_record_even_if_that_dose_arrives_later():
    """An equation that is not at rest: x = exp(-t) from time 0, whatever the lag."""
    structure = equations("d/dt(x) = -x\nx(0) = 1\nlag(x) = tlag", ["x"])
    rows = np.array([dose(0.0, 5.0), record(1.0), record(4.0)])
    found = predict(structure, [2.5], rows)[:, 0]
    expected = np.exp([-1.0, -4.0]) + np.array([0.0, 5.0 * np.exp(-1.5)])
    np.testing.assert_allclose(found, expected, rtol=1e-7)
