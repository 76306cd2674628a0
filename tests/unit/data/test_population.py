"""Packing: the records say what the rows say."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import records as rec
from workbench.data import Dataset

DOSE, OBSERVATION, OTHER = rec.DOSE, rec.OBSERVATION, rec.OTHER
RESET, RESET_DOSE = rec.RESET, rec.RESET_DOSE


def dataset(*rows, columns=("ID", "TIME", "DV", "AMT", "EVID"), **options):
    return Dataset.from_frame(pd.DataFrame(list(rows), columns=list(columns)), **options)


def column(population, *columns):
    return population.records[:, columns].tolist()


def test_records_of_a_bolus_and_two_observations():
    population = dataset((7, 0, np.nan, 100, 1), (7, 1, 5, 0, 0), (7, 3, 4, 0, 0)).population
    np.testing.assert_array_equal(
        population.records,
        [
            [0, DOSE, 1, 100, 0, 0, 0, 0, 0, 0],
            [1, OBSERVATION, 0, 0, 0, 0, 0, 0, 0, 0],
            [3, OBSERVATION, 0, 0, 0, 0, 0, 0, 0, 0],
        ],
    )
    assert population.subjects == (7,)
    assert population.record_start.tolist() == [0, 3]
    assert population.record_row.tolist() == [0, 1, 2]
    assert population.obs_start.tolist() == [0, 2]
    assert population.dv.tolist() == [5, 4]
    assert population.obs_time.tolist() == [1, 3]
    assert population.obs_row.tolist() == [1, 2]
    assert population.obs_endpoint.tolist() == [0, 0]
    assert population.block_start.tolist() == [0, 1]
    assert population.block_covariates.shape == (1, 0)


EVERYTHING = ("ID", "TIME", "DV", "AMT", "EVID", "CMT", "RATE", "II", "ADDL", "SS")


def test_every_kind_of_dose_record_is_packed_as_it_stands():
    rows = [
        (1, 0, np.nan, 100, 1, 2, 40, 12, 5, 1),
        (1, 1, np.nan, 100, 1, 1, -1, 24, 0, 2),
        (1, 2, np.nan, 100, 1, 1, -2, 0, 0, 0),
        (1, 3, np.nan, 0, 1, 2, 5, 0, 0, 1),
        (1, 4, np.nan, 0, 3, 0, 0, 0, 0, 0),
        (1, 5, np.nan, 50, 4, 1, 0, 0, 0, 0),
        (1, 6, 3.0, 0, 0, 2, 0, 0, 0, 0),
    ]
    population = dataset(*rows, columns=EVERYTHING).population
    assert column(population, rec.KIND, rec.CMT, rec.AMT, rec.RATE, rec.II, rec.ADDL, rec.SS) == [
        [DOSE, 2, 100, 40, 12, 5, 1],
        [DOSE, 1, 100, -1, 24, 0, 2],
        [DOSE, 1, 100, -2, 0, 0, 0],
        [DOSE, 2, 0, 5, 0, 0, 1],
        [RESET, 0, 0, 0, 0, 0, 0],
        [RESET_DOSE, 1, 50, 0, 0, 0, 0],
        [OBSERVATION, 0, 0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("name", ["TINF", "DUR", "Duration"])
def test_a_duration_becomes_a_rate(name):
    columns = ("ID", "TIME", "DV", "AMT", "EVID", name)
    data = dataset((1, 0, np.nan, 100, 1, 2.5), (1, 1, 5, 0, 0, 0), columns=columns)
    assert data.population.records[0, rec.RATE] == 40
    assert data.table["RATE"].tolist() == [40, 0]
    assert name not in data.table
    assert data.doses["DURATION"].tolist() == [2.5]


def test_rate_wins_over_a_duration_that_is_rounded():
    columns = ("ID", "TIME", "DV", "AMT", "EVID", "TINF", "RATE")
    data = dataset((1, 0, np.nan, 100, 1, 0.333, 300), (1, 1, 5, 0, 0, 0, 0), columns=columns)
    assert data.population.records[0, rec.RATE] == 300


def test_rows_of_one_time_stay_in_file_order():
    rows = [
        (1, 4, 1.0, 0, 0),
        (1, 4, np.nan, 30, 1),
        (1, 4, 2.0, 0, 0),
        (1, 0, np.nan, 10, 1),
    ]
    population = dataset(*rows).population
    assert column(population, rec.TIME, rec.KIND, rec.AMT) == [
        [0, DOSE, 10],
        [4, OBSERVATION, 0],
        [4, DOSE, 30],
        [4, OBSERVATION, 0],
    ]


def test_rows_without_effect_are_kept_as_other_records():
    columns = ("ID", "TIME", "DV", "EVID", "MDV")
    rows = [(1, 0, 1.0, 0, 0), (1, 1, np.nan, 2, 1), (1, 2, 9.0, 0, 1)]
    population = dataset(*rows, columns=columns).population
    assert population.records[:, rec.KIND].tolist() == [OBSERVATION, OTHER, OTHER]
    assert population.dv.tolist() == [1.0]


def test_time_that_starts_again_at_a_reset_goes_on_in_the_records():
    rows = [
        (1, 0, np.nan, 10, 1),
        (1, 8, 1.0, 0, 0),
        (1, 2, np.nan, 10, 4),
        (1, 5, 2.0, 0, 0),
        (1, 0, np.nan, 0, 3),
        (1, 1, 3.0, 0, 0),
        (2, 1, 4.0, 0, 0),
    ]
    data = dataset(*rows)
    population = data.population
    assert population.records[:, rec.TIME].tolist() == [0, 8, 8, 11, 11, 12, 1]
    assert population.record_shift.tolist() == [0, 0, 6, 6, 11, 11, 0]
    assert population.obs_time.tolist() == [8, 5, 1, 1]
    np.testing.assert_array_equal(data.observations["TAD"], [8, 3, np.nan, np.nan])


def test_resets_keep_rows_behind_them_in_order_too():
    rows = [(1, 9, 1.0, 0, 0), (1, 0, np.nan, 5, 4), (1, 3, 2.0, 0, 0), (1, 1, 3.0, 0, 0)]
    data = dataset(*rows)
    assert data.table["TIME"].tolist() == [9, 0, 1, 3]
    assert (data.audit["LEVEL"] == "repair").sum() == 1


def test_arrays_are_contiguous_and_read_only_after_copying_too(random_frame):
    population = Dataset.from_frame(random_frame(4)).population
    for twin in (population, pickle.loads(pickle.dumps(population)), copy.deepcopy(population)):
        arrays = [getattr(twin, name) for name in twin.__slots__]
        arrays = [array for array in arrays if isinstance(array, np.ndarray)]
        assert len(arrays) == 13
        for array in [*arrays, *twin.covariates.values()]:
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
def test_additional_doses_are_the_same_as_rows_written_out(seed):
    frame = make_frame(seed)
    short, long = Dataset.from_frame(frame), Dataset.from_frame(written_out(frame))
    np.testing.assert_array_equal(short.population.dv, long.population.dv)
    pd.testing.assert_frame_equal(
        short.doses.drop(columns="ROW"), long.doses.drop(columns="ROW"), check_dtype=False
    )
    np.testing.assert_allclose(short.observations["TAD"], long.observations["TAD"], atol=1e-9)


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
    observed = population.records[:, rec.KIND] == OBSERVATION
    np.testing.assert_array_equal(population.records[observed, rec.TIME], population.obs_time)
    rows = data.table.iloc[population.obs_row]
    np.testing.assert_array_equal(rows["DV"], population.dv)
    np.testing.assert_array_equal(rows["TIME"], population.obs_time)
    for i in range(population.n_sub):
        times = population.records[
            population.record_start[i] : population.record_start[i + 1], rec.TIME
        ]
        assert np.all(np.diff(times) >= 0)
