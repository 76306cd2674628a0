"""Every single dose, and the time since the last one, for all kinds of dose records."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data import Dataset

COLUMNS = ("ID", "TIME", "DV", "AMT", "EVID", "RATE", "II", "ADDL", "SS")


def dataset(*rows):
    return Dataset.from_frame(pd.DataFrame(list(rows), columns=list(COLUMNS)))


def obs(time, subject=1):
    return (subject, time, 1.0, 0, 0, 0, 0, 0, 0)


def dose(time, evid=1, amt=10, rate=0, ii=0, addl=0, ss=0):
    return (1, time, np.nan, amt, evid, rate, ii, addl, ss)


def tad(*rows):
    return dataset(*rows).observations["TAD"].tolist()


def test_a_dose_at_steady_state_counts_from_its_record():
    assert tad(dose(10, ii=12, ss=1), obs(15), obs(40)) == [5, 30]
    assert tad(dose(10, ii=12, addl=1, ss=1), obs(40)) == [18]
    assert tad(dose(10, amt=0, rate=5, ss=1), obs(15)) == [5]


def test_after_a_reset_there_is_no_last_dose():
    found = tad(dose(0), obs(1), dose(2, evid=3, amt=0), obs(3), dose(4, evid=4), obs(5))
    np.testing.assert_array_equal(found, [1, np.nan, 1])


def test_a_reset_and_a_first_steady_state_dose_cancel_what_was_to_come():
    """Guide VI of NONMEM: pending additional doses are cancelled by SS 1 (not SS 2) and resets."""
    rows = [dose(0, ii=12, addl=5), obs(30), dose(36, evid=3, amt=0), obs(50), obs(90)]
    data = dataset(*rows)
    np.testing.assert_array_equal(data.observations["TAD"], [6, np.nan, np.nan])
    assert data.doses["TIME"].tolist() == [0, 12, 24]
    assert dataset(*rows[:2], dose(31, ii=8, ss=1), obs(50)).doses["TIME"].tolist() == [
        *(0, 12, 24, 31)
    ]
    assert dataset(*rows[:2], dose(31, ii=8, ss=2), obs(50)).doses["TIME"].tolist() == [
        *(0, 12, 24, 31, 36, 48, 60)
    ]


def test_order_at_one_time_decides():
    found = tad(obs(4), dose(4), obs(4), obs(5))
    np.testing.assert_array_equal(found, [np.nan, 0, 1])


def test_an_additional_dose_meets_an_observation_in_spite_of_rounding():
    assert 3 * 0.1 > 0.3  # the trap
    assert tad(dose(0, ii=0.1, addl=3), obs(0.3)) == [0]


def test_doses_of_all_kinds():
    doses = dataset(
        dose(0, amt=100, rate=40, ii=12, addl=1, ss=1),
        dose(30, rate=-1),
        dose(31, rate=-2),
        dose(32, amt=0, rate=5, ss=1),
        dose(40, evid=4),
        obs(50),
    ).doses
    assert doses.columns.tolist() == ["ROW", "ID", "TIME", "AMT", "CMT", "RATE", "DURATION", "SS"]
    assert doses["TIME"].tolist() == [0, 12, 30, 31, 32, 40]
    assert doses["RATE"].tolist() == [40, 40, -1, -2, 5, 0]
    np.testing.assert_array_equal(doses["DURATION"], [2.5, 2.5, np.nan, np.nan, np.nan, 0])
    assert doses["SS"].tolist() == [1, 0, 0, 0, 1, 0]


def test_times_that_start_again_list_the_doses_in_order():
    doses = dataset(dose(0, ii=12, addl=9), obs(30), dose(0, evid=4, ii=6, addl=1), obs(9)).doses
    assert doses["TIME"].tolist() == [0, 12, 24, 0, 6]


def naive_tad(rows):
    """The last dose, record by record."""
    found, pending = [], []
    for _, time, _, _, evid, _, ii, addl, ss in rows:
        if evid in (3, 4) or (evid == 1 and ss == 1):
            pending = []
        if evid in (1, 4):
            pending += [(time + k * ii, k > 0) for k in range(addl + 1)]
        if evid == 0:
            past = [t for t, _ in pending if t <= time * (1 + 1e-9)]
            found.append(max(time - max(past), 0.0) if past else np.nan)
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_time_after_dose_against_a_walk_through_the_records(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for time in np.sort(rng.integers(0, 40, 15)):
        kind = rng.integers(0, 7)
        repeats = int(rng.integers(0, 4))
        every = float(rng.integers(1, 9))
        if kind < 3:
            rows.append(obs(time))
        elif kind == 3:
            rows.append(dose(time, evid=3, amt=0))
        else:
            steady = int(rng.integers(0, 3)) if kind > 5 else 0
            every = every if repeats or steady else 0.0
            evid = 4 if kind == 4 else 1
            rows.append(dose(time, evid=evid, ii=every, addl=repeats, ss=steady))
    rows.append(obs(41))
    np.testing.assert_allclose(tad(*rows), naive_tad(rows), atol=1e-9)
