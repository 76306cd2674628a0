"""Packing: the event records say what the rows say."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import events
from workbench.data import Dataset

BOLUS, INFUSION, OBSERVATION, OTHER = (
    events.BOLUS,
    events.INFUSION,
    events.OBSERVATION,
    events.OTHER,
)


def dataset(*rows, columns=("ID", "TIME", "DV", "AMT", "EVID")):
    return Dataset.from_frame(pd.DataFrame(list(rows), columns=list(columns)))


def test_records_of_a_bolus_and_two_observations():
    population = dataset((7, 0, np.nan, 100, 1), (7, 1, 5, 0, 0), (7, 3, 4, 0, 0)).population
    np.testing.assert_array_equal(
        population.records,
        [[0, BOLUS, 1, 100, 0], [1, OBSERVATION, 0, 0, 0], [3, OBSERVATION, 0, 0, 0]],
    )
    assert population.subjects == (7,)
    assert population.record_start.tolist() == [0, 3]
    assert population.obs_start.tolist() == [0, 2]
    assert population.dv.tolist() == [5, 4]
    assert population.obs_time.tolist() == [1, 3]
    assert population.obs_row.tolist() == [1, 2]


def test_an_infusion_starts_and_ends():
    columns = ("ID", "TIME", "DV", "AMT", "EVID", "RATE", "CMT")
    rows = [(1, 1, np.nan, 100, 1, 40, 2), (1, 2, 5, 0, 0, 0, 0), (1, 9, 4, 0, 0, 0, 0)]
    records = dataset(*rows, columns=columns).population.records
    np.testing.assert_array_equal(
        records,
        [
            [1, INFUSION, 2, 0, 40],
            [2, OBSERVATION, 0, 0, 0],
            [3.5, INFUSION, 2, 0, -40],
            [9, OBSERVATION, 0, 0, 0],
        ],
    )


def test_order_at_one_time_is_the_files_but_additional_doses_and_ends_come_first():
    columns = ("ID", "TIME", "DV", "AMT", "EVID", "RATE", "II", "ADDL")
    rows = [
        (1, 0, np.nan, 10, 1, 0, 4, 1),  # second dose at 4
        (1, 2, np.nan, 20, 1, 10, 0, 0),  # ends at 4
        (1, 4, 1.0, 0, 0, 0, 0, 0),
        (1, 4, np.nan, 30, 1, 0, 0, 0),
        (1, 4, 2.0, 0, 0, 0, 0, 0),
    ]
    records = dataset(*rows, columns=columns).population.records
    at_4 = records[records[:, events.TIME] == 4][:, [events.KIND, events.AMT, events.RATE]]
    assert at_4.tolist() == [
        [BOLUS, 10, 0],
        [INFUSION, 0, -10],
        [OBSERVATION, 0, 0],
        [BOLUS, 30, 0],
        [OBSERVATION, 0, 0],
    ]


def test_an_additional_dose_meets_an_observation_in_spite_of_rounding():
    columns = ("ID", "TIME", "DV", "AMT", "EVID", "II", "ADDL")
    rows = [(1, 0, np.nan, 10, 1, 0.1, 3), (1, 0.3, 5, 0, 0, 0, 0)]
    assert 3 * 0.1 > 0.3  # the trap
    records = dataset(*rows, columns=columns).population.records
    assert records[-1, events.KIND] == OBSERVATION
    assert records[-2, events.TIME] == 0.3


def test_rows_without_effect_are_kept_as_other_records():
    columns = ("ID", "TIME", "DV", "EVID", "MDV")
    rows = [(1, 0, 1.0, 0, 0), (1, 1, np.nan, 2, 1), (1, 2, 9.0, 0, 1)]
    population = dataset(*rows, columns=columns).population
    assert population.records[:, events.KIND].tolist() == [OBSERVATION, OTHER, OTHER]
    assert population.dv.tolist() == [1.0]


def test_arrays_are_contiguous_and_read_only_after_copying_too(random_frame):
    population = Dataset.from_frame(random_frame(4)).population
    for twin in (population, pickle.loads(pickle.dumps(population)), copy.deepcopy(population)):
        arrays = [twin.record_start, twin.records, twin.obs_start, twin.dv, twin.obs_time]
        for array in [*arrays, twin.obs_row, *twin.covariates.values()]:
            assert array.flags.c_contiguous
            assert not array.flags.writeable
    assert population.records.dtype == np.float64
    assert population.obs_row.dtype == population.obs_start.dtype == np.int64


@pytest.fixture
def random_frame():
    return make_frame


def make_frame(seed, n_sub=5):
    """Subjects with boluses, infusions, additional doses and observations, rows in time order."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(1, n_sub + 1):
        weight = round(rng.uniform(50, 90), 1)
        for _ in range(rng.integers(1, 4)):
            addl = int(rng.integers(0, 5))
            rate = round(rng.uniform(1, 20), 2) if rng.random() < 0.5 else 0.0
            start, amount = round(rng.uniform(0, 48), 2), round(rng.uniform(1, 100), 1)
            rows.append((subject, start, np.nan, amount, 1, rate, 12.0 * (addl > 0), addl, weight))
        for time in np.round(rng.uniform(0, 72, rng.integers(1, 6)), 2):
            dv = rng.lognormal()
            rows.append((subject, time, dv, 0.0, 0, 0.0, 0.0, 0, weight))
    columns = ["ID", "TIME", "DV", "AMT", "EVID", "RATE", "II", "ADDL", "WT"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["ID", "TIME"], kind="stable", ignore_index=True)


def written_out(frame):
    """ADDL written out as explicit rows, placed before the file's rows of the same time."""
    rows = []
    for row in frame.to_dict("records"):
        later = range(1, int(row["ADDL"]) + 1)
        rows.extend(row | {"TIME": row["TIME"] + k * row["II"], "first": 0} for k in later)
        rows.append(row | {"first": 1})
    explicit = pd.DataFrame(rows).assign(ADDL=0, II=0.0)
    return explicit.sort_values(["ID", "TIME", "first"], kind="stable").drop(columns="first")


seeds = st.integers(0, 10_000)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_packing_preserves_the_total_dose_of_every_subject(seed):
    frame = make_frame(seed)
    population = Dataset.from_frame(frame).population
    for i in range(population.n_sub):
        rec = population.records[population.record_start[i] : population.record_start[i + 1]]
        boluses = rec[rec[:, events.KIND] == BOLUS, events.AMT].sum()
        infusions = rec[rec[:, events.KIND] == INFUSION]
        # The amount infused is -sum(rate change × time): each start has its end.
        infused = -np.sum(infusions[:, events.RATE] * infusions[:, events.TIME])
        own = frame[(frame["ID"] == population.subjects[i]) & (frame["EVID"] == 1)]
        total = (own["AMT"] * (own["ADDL"] + 1)).sum()
        assert boluses + infused == pytest.approx(total, rel=1e-10)
        assert infusions[:, events.RATE].sum() == pytest.approx(0, abs=1e-9)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_additional_doses_are_the_same_as_rows_written_out(seed):
    frame = make_frame(seed)
    short, long = Dataset.from_frame(frame), Dataset.from_frame(written_out(frame))
    np.testing.assert_allclose(
        _sorted(short.population.records), _sorted(long.population.records), rtol=1e-12
    )
    np.testing.assert_array_equal(short.population.dv, long.population.dv)
    pd.testing.assert_frame_equal(
        short.doses.drop(columns="ROW"), long.doses.drop(columns="ROW"), check_dtype=False
    )
    np.testing.assert_allclose(short.observations["TAD"], long.observations["TAD"], atol=1e-9)


def _sorted(records):
    """Records by time, kind and size: the order among doses at one time does not matter."""
    return records[np.lexsort((records[:, 4], records[:, 3], records[:, 1], records[:, 0]))]


@given(seeds, st.permutations(range(1, 6)))
@settings(max_examples=30, deadline=None)
def test_the_order_of_subjects_changes_nothing_else(seed, order):
    frame = make_frame(seed)
    shuffled = pd.concat([frame[frame["ID"] == label] for label in order])
    one = Dataset.from_frame(frame).population
    two = Dataset.from_frame(shuffled).population
    assert two.subjects == tuple(order)
    for i, label in enumerate(order):
        k = one.subjects.index(label)
        np.testing.assert_array_equal(
            two.records[two.record_start[i] : two.record_start[i + 1]],
            one.records[one.record_start[k] : one.record_start[k + 1]],
        )
        np.testing.assert_array_equal(
            two.dv[two.obs_start[i] : two.obs_start[i + 1]],
            one.dv[one.obs_start[k] : one.obs_start[k + 1]],
        )
        assert two.covariates["WT"][i] == one.covariates["WT"][k]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_observation_records_stand_in_the_order_of_dv(seed):
    data = Dataset.from_frame(make_frame(seed))
    population = data.population
    observed = population.records[:, events.KIND] == OBSERVATION
    np.testing.assert_array_equal(population.records[observed, events.TIME], population.obs_time)
    rows = data.table.iloc[population.obs_row]
    np.testing.assert_array_equal(rows["DV"], population.dv)
    np.testing.assert_array_equal(rows["TIME"], population.obs_time)
    for i in range(population.n_sub):
        times = population.records[
            population.record_start[i] : population.record_start[i + 1], events.TIME
        ]
        assert np.all(np.diff(times) >= 0)
