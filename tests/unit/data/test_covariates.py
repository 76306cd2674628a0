"""Covariates that change in time: gaps, blocks, and the two ways to carry them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import records as rec
from workbench.data import Dataset
from workbench.errors import DataError

NAN = np.nan


def dataset(rule="nocb", **columns):
    """One subject unless ID is given, a row an hour, all observations."""
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"ID": 1, "TIME": np.arange(n, dtype=float), "DV": 1.0} | columns)
    return Dataset.from_frame(frame, covariate_interpolation=rule)


def test_a_subject_with_constant_covariates_has_one_block():
    data = dataset(ID=[1, 1, 2, 2], WT=[70, 70, 60, 60], AGE=[30, 30, 40, 40])
    population = data.population
    assert data.time_varying == ()
    assert population.block_start.tolist() == [0, 1, 2]
    assert population.block_names == ("WT", "AGE")
    assert population.block_covariates.tolist() == [[70, 30], [60, 40]]
    assert population.records[:, rec.BLOCK].tolist() == [0, 0, 0, 0]


def test_a_block_begins_where_any_covariate_changes():
    data = dataset(ID=[1, 1, 1, 2, 2, 2], WT=[70, 70, 71, 60, 61, 60], AGE=[30] * 3 + [40] * 3)
    population = data.population
    assert data.time_varying == ("WT",)
    assert population.block_start.tolist() == [0, 2, 5]
    assert population.block_covariates[:, 0].tolist() == [70, 71, 60, 61, 60]
    assert population.records[:, rec.BLOCK].tolist() == [0, 0, 1, 0, 1, 2]
    assert list(population.covariates) == ["AGE"]


def test_with_locf_a_record_before_the_change_keeps_the_old_values():
    data = dataset("locf", WT=[70.0, 71.0, 71.0, 72.0])
    population = data.population
    columns = [rec.TIME, rec.KIND, rec.BLOCK]
    assert population.records[:, columns].tolist() == [
        [0, rec.OBSERVATION, 0],
        [1, rec.OTHER, 0],
        [1, rec.OBSERVATION, 1],
        [2, rec.OBSERVATION, 1],
        [3, rec.OTHER, 1],
        [3, rec.OBSERVATION, 2],
    ]
    assert population.record_row.tolist() == [0, 1, 1, 2, 3, 3]
    assert population.record_start.tolist() == [0, 6]
    assert population.obs_row.tolist() == [0, 1, 2, 3]
    assert population.block_covariates.tolist() == [[70], [71], [72]]


def test_with_locf_rows_of_one_time_need_no_record_between():
    data = dataset("locf", TIME=[0.0, 1.0, 1.0], WT=[70.0, 70.0, 71.0])
    assert len(data.population.records) == 3
    assert data.population.records[:, rec.BLOCK].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("rule", "filled"),
    [("nocb", [70, 70, 72, 72, 72]), ("locf", [70, 70, 70, 72, 72])],
)
def test_gaps_are_filled_as_the_covariate_is_carried(rule, filled):
    data = dataset(rule, WT=[NAN, 70, NAN, 72, NAN])
    assert data.table["WT"].tolist() == filled
    repairs = data.audit[data.audit["LEVEL"] == "repair"]
    assert repairs["ROW"].tolist() == [2, 4, 6]
    words = ("next", "last") if rule == "nocb" else ("last", "next")
    edge = 2 if rule == "nocb" else 0
    for k, text in enumerate(repairs["MESSAGE"]):
        lacking = f" (there is no {words[0]} one)" if k == edge else ""
        word = words[1] if k == edge else words[0]
        assert text == f"WT is missing here: the {word} value of the subject{lacking} was used."


def test_gaps_are_filled_in_order_of_time_not_of_the_file():
    data = dataset(TIME=[3.0, 1.0, 2.0, 0.0], WT=[73, 71, NAN, 70])
    assert data.table["WT"].tolist() == [70, 71, 73, 73]


def test_gaps_are_not_filled_from_another_subject():
    data = dataset(ID=[1, 1, 2, 2, 3, 3], WT=[70, 71, NAN, NAN, 50, 51])
    np.testing.assert_array_equal(data.table["WT"], [70, 71, NAN, NAN, 50, 51])
    np.testing.assert_array_equal(data.population.block_covariates[:, 0], [70, 71, NAN, 50, 51])


def test_labels_that_change_are_named_but_in_no_block():
    data = dataset(FOOD=["fed", "fasted", None])
    assert data.time_varying == ("FOOD",)
    assert data.table["FOOD"].tolist() == ["fed", "fasted", "fasted"]
    assert data.population.block_names == ()
    assert "FOOD" not in data.covariates


def test_the_audit_names_the_rule_that_is_used():
    for rule, words in (
        ("nocb", "next observation carried backward"),
        ("locf", "last observation"),
    ):
        audit = dataset(rule, WT=[70, 71]).audit
        assert audit.loc[audit["COLUMN"] == "WT", "LEVEL"].tolist() == ["note"]
        assert words in audit.loc[audit["COLUMN"] == "WT", "MESSAGE"].iloc[0]
    assert dataset("locf", WT=[70, 71]).python().endswith("covariate_interpolation='locf')")


def test_selected_subjects_keep_the_rule():
    data = dataset("locf", ID=[1, 1, 2, 2], WT=[70, 71, 60, 61])
    assert len(data.select([2]).population.records) == 3


def test_blocks_of_some_covariates():
    data = dataset(ID=[1, 1, 1, 2], WT=[70, 71, 71, 60], AGE=[30, 30, 31, 40], X=[1, 2, 3, 4])
    population = data.population.with_blocks_of(["AGE"])
    assert population.block_names == ("AGE",)
    assert population.block_covariates.tolist() == [[30], [31], [40]]
    assert population.block_start.tolist() == [0, 2, 3]
    assert population.records[:, rec.BLOCK].tolist() == [0, 0, 1, 0]
    none = data.population.with_blocks_of([])
    assert none.block_covariates.shape == (2, 0)
    assert not none.records[:, rec.BLOCK].any()
    with pytest.raises(DataError, match=r"no numeric covariate 'WTT'.*Did you mean 'WT'"):
        data.population.with_blocks_of(["WTT"])


@given(st.integers(0, 10_000), st.sampled_from(["nocb", "locf"]))
@settings(max_examples=40, deadline=None)
def test_blocks_say_what_the_rows_say(seed, rule):
    """Over (time before, time of the row] NOCB has the row's values, LOCF those before it."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    frame = pd.DataFrame(
        {
            "ID": np.sort(rng.integers(1, 5, n)),
            "TIME": rng.integers(0, 9, n).astype(float),
            "DV": 1.0,
            "A": rng.integers(0, 3, n).astype(float),
            "B": rng.choice([1.0, 2.0, NAN], n),
        }
    )
    frame = frame.sort_values(["ID", "TIME"], kind="stable", ignore_index=True)
    data = Dataset.from_frame(frame, covariate_interpolation=rule)
    population = data.population
    table = data.table[["A", "B"]].to_numpy()
    for i in range(population.n_sub):
        span = slice(population.record_start[i], population.record_start[i + 1])
        records, rows = population.records[span], population.record_row[span]
        values = population.block_covariates[
            population.block_start[i] + records[:, rec.BLOCK].astype(int)
        ]
        own = records[:, rec.KIND] == rec.OBSERVATION
        np.testing.assert_array_equal(values[own], table[rows[own]])
        for r in range(1, len(records)):
            if records[r, rec.TIME] > records[r - 1, rec.TIME] and rule == "locf":
                np.testing.assert_array_equal(values[r], values[r - 1])
    reblocked = population.with_blocks_of(["A"])
    chosen = np.repeat(reblocked.block_start[:-1], np.diff(reblocked.record_start))
    chosen = chosen + reblocked.records[:, rec.BLOCK].astype(int)
    old = np.repeat(population.block_start[:-1], np.diff(population.record_start))
    old = old + population.records[:, rec.BLOCK].astype(int)
    np.testing.assert_array_equal(
        reblocked.block_covariates[chosen, 0], population.block_covariates[old, 0]
    )
