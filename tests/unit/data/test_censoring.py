"""Values beyond limits of quantification: reading, marking, and Beal's methods."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.core.residuals import (
    ABOVE,
    BELOW,
    BELOW_TRUNCATED,
    BETWEEN,
    OBSERVED,
    TRUNCATED,
)
from workbench.data.blq import guessed_limits, limits_by_row
from workbench.errors import DataError, DataWarning, OptionError

COLUMNS = ["ID", "TIME", "DV", "AMT", "CENS", "LIMIT"]
ROWS = [
    (1, 0.0, np.nan, 100.0, 0, np.nan),
    (1, 1.0, 0.5, 0.0, 1, np.nan),
    (1, 2.0, 8.0, 0.0, 0, np.nan),
    (1, 3.0, 0.5, 0.0, 1, 0.1),
    (1, 4.0, 0.5, 0.0, 1, np.nan),
    (2, 0.0, np.nan, 100.0, 0, np.nan),
    (2, 1.0, 9.0, 0.0, -1, np.nan),
    (2, 2.0, 9.0, 0.0, -1, 12.0),
    (2, 3.0, 2.0, 0.0, 0, np.nan),
    (2, 4.0, 0.5, 0.0, 1, np.nan),
]


def frame(*, above=True):
    table = pd.DataFrame(ROWS, columns=COLUMNS)
    return table if above else table[table["CENS"] != -1]


@pytest.fixture
def data():
    return wb.read_dataset(frame(), name="limits")


def test_kinds_and_limits(data):
    population = data.population
    expected = [BELOW, OBSERVED, BETWEEN, BELOW, ABOVE, BETWEEN, OBSERVED, BELOW]
    assert population.obs_kind.tolist() == expected
    assert population.dv.tolist() == [0.5, 8.0, 0.5, 0.5, 9.0, 9.0, 2.0, 0.5]
    assert population.obs_limit.tolist() == [0.5, 8.0, 0.1, 0.5, 9.0, 12.0, 2.0, 0.5]
    assert (data.blq, data.n_below, data.n_above) == ("M3", 4, 2)
    notes = " ".join(data.audit["MESSAGE"])
    assert "4 values known only to be below DV (CENS 1), 1 of them with" in notes
    assert "2 values known only to be above DV (CENS -1)" in notes
    assert "4 below the limit of quantification (M3)" in repr(data)
    assert list(data.observations["CENS"]) == [1, 0, 1, 1, -1, -1, 0, 1]


@pytest.mark.parametrize(
    ("method", "dv"),
    [
        ("M1", [8.0, 9.0, 9.0, 2.0]),
        ("M5", [0.25, 8.0, 0.25, 0.25, 9.0, 9.0, 2.0, 0.25]),
        ("M6", [0.25, 8.0, 0.25, 9.0, 9.0, 2.0, 0.25]),
        ("M7", [0.0, 8.0, 0.0, 0.0, 9.0, 9.0, 2.0, 0.0]),
    ],
)
def test_methods_that_discard_or_replace(data, method, dv):
    """Values above a limit keep their likelihood."""
    other = data.with_blq(method)
    assert other.population.dv.tolist() == dv
    assert other.observations["DV"].tolist() == dv
    kinds = other.population.obs_kind
    assert set(kinds.tolist()) == {OBSERVED, ABOVE, BETWEEN}
    assert (kinds != OBSERVED).sum() == 2
    assert other.audit["MESSAGE"].iloc[-1].startswith(f"{method}: 4 values below the limit")
    assert other.python().endswith(f".with_blq({method!r})")
    assert data.blq == "M3"  # nothing is changed


def test_m6_keeps_the_first_of_a_run(data):
    """Rows 5 and 6 are below the limit one after the other: row 6 goes."""
    assert data.observations["ROW"].tolist() == [3, 4, 5, 6, 8, 9, 10, 11]
    assert data.with_blq("M6").observations["ROW"].tolist() == [3, 4, 5, 8, 9, 10, 11]


def test_every_method_begins_from_what_was_measured(data):
    there = data.with_blq("M1").with_blq("M5").with_blq("M3")
    assert there.population.dv.tolist() == data.population.dv.tolist()
    assert there.population.obs_kind.tolist() == data.population.obs_kind.tolist()


def test_m2_truncates_at_the_limit_of_quantification():
    data = wb.read_dataset(frame(above=False)).with_blq("M2")
    assert data.population.obs_kind.tolist() == [TRUNCATED, TRUNCATED]
    assert data.population.obs_limit.tolist() == [0.5, 0.5]
    # A subject without values below the limit is truncated at the same one.
    assert data.select([2]).population.obs_limit.tolist() == [0.5]


def test_m4_conditions_on_positive_values():
    data = wb.read_dataset(frame(above=False)).with_blq("M4")
    kinds = data.population.obs_kind.tolist()
    expected = [BELOW_TRUNCATED, TRUNCATED, BELOW_TRUNCATED, BELOW_TRUNCATED, TRUNCATED]
    assert kinds == [*expected, BELOW_TRUNCATED]
    assert set(data.population.obs_limit.tolist()) == {0.0}
    moved = data.with_blq("M4", limit=0.2)
    assert set(moved.population.obs_limit.tolist()) == {0.2}


def test_limits_by_endpoint():
    table = frame(above=False).assign(DVID=[1, 1, 1, 2, 1, 1, 2, 2])
    data = wb.read_dataset(table).with_blq("M2")
    kinds = dict(zip(data.population.obs_row.tolist(), data.population.obs_kind, strict=True))
    assert set(kinds.values()) == {TRUNCATED}
    only = wb.read_dataset(table).with_blq("M2", limit={2: 0.5})
    assert only.population.obs_kind.tolist() == [OBSERVED, TRUNCATED]
    with pytest.raises(OptionError, match="no endpoint 3"):
        wb.read_dataset(table).with_blq("M2", limit={3: 0.5})


def test_marking_values_beyond_limits():
    table = pd.DataFrame(ROWS, columns=COLUMNS).drop(columns=["CENS", "LIMIT"])
    data = wb.read_dataset(table).censor(lloq=1.0, uloq=8.5)
    seen = data.observations
    assert seen["CENS"].tolist() == [1, 0, 1, 1, -1, -1, 0, 1]
    assert seen["DV"].tolist() == [1.0, 8.0, 1.0, 1.0, 8.5, 8.5, 2.0, 1.0]
    assert data.audit["MESSAGE"].iloc[-2] == "censor: 4 values below lloq marked as censored."
    assert data.python().endswith(".censor(lloq=1.0, uloq=8.5)")
    again = data.censor(lloq=1.0)
    assert again.observations["DV"].tolist() == seen["DV"].tolist()


def test_limits_that_leave_no_value_are_refused(data):
    for lloq, uloq in ((5, 1), (5, 5), ({"DV": 5}, 1)):
        with pytest.raises(OptionError, match="lloq must be below uloq, but they are 5 and"):
            data.censor(lloq=lloq, uloq=uloq)


def test_marking_nothing_is_said(data):
    table = pd.DataFrame(ROWS, columns=COLUMNS).drop(columns=["CENS", "LIMIT"])
    plain = wb.read_dataset(table)
    with pytest.warns(DataWarning, match=r"no value lies beyond lloq=0.0001, so nothing was mark"):
        plain.censor(lloq=0.0001)
    data.censor(lloq=0.0001)  # rows that are marked already are not nothing


@pytest.mark.parametrize("wrong", ["a", None, [1, 2], True, np.inf])
def test_a_limit_that_is_no_number_is_refused(data, wrong):
    for give in (
        lambda: data.censor({"DV": wrong}),
        lambda: wb.read_dataset(frame(above=False)).with_blq("M4", limit={"DV": wrong}),
    ):
        with pytest.raises(OptionError, match="A limit of quantification is a number, not"):
            give()


def two_assays():
    """Subjects of assay A (limit 0.1), of assay B (0.8), and one without a censored row."""
    rows = []
    for subject, limit in ((1, 0.1), (2, 0.8), (3, None)):
        rows.append((subject, 0.0, np.nan, 100.0, 1, 0))
        rows += [(subject, 1.0, 3.0, 0.0, 0, 0), (subject, 5.0, 1.0, 0.0, 0, 0)]
        if limit is not None:
            rows.append((subject, 20.0, limit, 0.0, 0, 1))
    return wb.read_dataset(
        pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID", "CENS"]), name="assays"
    )


def test_each_subject_has_its_own_limit_of_quantification():
    """The largest limit of all once held for everybody."""
    data = two_assays()
    limit = limits_by_row(data)[data.population.obs_row]
    assert limit.tolist() == [0.1] * 3 + [0.8] * 3 + [0.1] * 2
    (said,) = guessed_limits(data)
    assert "several limits of quantification (0.1, 0.8). 2 observations" in said
    assert "took the lowest" in said


def test_one_limit_holds_for_the_whole_endpoint():
    data = two_assays().select([1, 3])
    assert set(limits_by_row(data)[data.population.obs_row]) == {0.1}
    assert guessed_limits(data) == []


def test_of_upper_limits_the_highest_is_possible():
    table = two_assays().table
    data = wb.read_dataset(table.assign(CENS=-table["CENS"]), name="assays")
    limit = limits_by_row(data, -1)[data.population.obs_row]
    assert limit.tolist() == [0.1] * 3 + [0.8] * 3 + [0.8] * 2
    assert "upper limits" in guessed_limits(data)[0]


def test_a_limit_of_one_endpoint():
    table = pd.DataFrame(ROWS, columns=COLUMNS).drop(columns=["CENS", "LIMIT"])
    data = wb.read_dataset(table.assign(DVID=[1, 1, 1, 1, 1, 2, 2, 2, 2, 2])).censor({1: 1.0})
    assert data.observations["CENS"].tolist() == [1, 0, 1, 1, 0, 0, 0, 0]


def with_row(**change):
    table = frame()
    for name, value in change.items():
        table.loc[1, name] = value
    return table


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (with_row(CENS=2), ["CENS is neither 0, 1 nor -1 (2)", "row 3 (ID 1)"]),
        (with_row(LIMIT=0.5), ["LIMIT is not below DV", "(0.5)", "row 3 (ID 1)"]),
        (with_row(LIMIT=3.0), ["LIMIT is not below DV", "row 3 (ID 1)"]),
        (with_row(CENS=-1, LIMIT=0.2), ["LIMIT is not above DV", "row 3 (ID 1)"]),
        (with_row(DV=np.nan), ["DV is missing though CENS", "row 3 (ID 1)"]),
    ],
)
def test_nonsense_is_refused(table, words):
    with pytest.raises(DataError) as caught:
        wb.read_dataset(table)
    for word in words:
        assert word in str(caught.value)


def test_a_flag_on_a_row_that_is_left_out_is_said():
    """BLQ rows flagged by CENS and MDV both were discarded without a word."""
    table = frame(above=False).assign(MDV=0)
    table.loc[table["AMT"] > 0, "MDV"] = 1
    flagged = table.copy()
    flagged.loc[flagged["CENS"] == 1, "MDV"] = 1
    flagged.loc[flagged["AMT"] > 0, "CENS"] = 1
    audit = wb.read_dataset(flagged).audit
    said = audit[(audit["COLUMN"] == "CENS") & (audit["LEVEL"] == "warning")]
    out = said[said["MESSAGE"].str.contains("MDV is 1, so the row is left out")]
    expected = np.flatnonzero((table["CENS"] == 1).to_numpy()) + 2  # rows of the file
    assert out["ROW"].tolist() == expected.tolist()
    doses = said[said["MESSAGE"].str.contains("not used on a row that is not an observation")]
    assert len(doses) == (table["AMT"] > 0).sum()
    plain = wb.read_dataset(table).audit
    assert not (plain["LEVEL"] == "warning").any()


def test_an_infinite_limit_is_none():
    table = with_row(LIMIT=-np.inf)
    assert wb.read_dataset(table).population.obs_kind[0] == BELOW


def test_limit_of_a_measured_value_is_not_used():
    data = wb.read_dataset(with_row(CENS=0, LIMIT=0.1))
    assert data.population.obs_kind[0] == OBSERVED
    assert any("LIMIT is not used on 1 row" in text for text in data.audit["MESSAGE"])


def test_what_a_method_cannot_do_is_refused(data):
    with pytest.raises(OptionError, match=r"no method 'M8'.*M3: used by the likelihood"):
        data.with_blq("M8")
    with pytest.raises(OptionError, match="limit= goes with M2 and M4"):
        data.with_blq("M5", limit=0.1)
    with pytest.raises(
        DataError, match=r"this one is above one: DV 9 at row 8 \(ID 2\) and 1 more"
    ):
        data.with_blq("M4")
    with pytest.raises(DataError, match="no row has CENS 1"):
        wb.read_dataset(frame()[frame()["CENS"] == 0]).with_blq("M1")
    negative = frame(above=False)
    negative.loc[2, "DV"] = -0.1
    with pytest.raises(DataError, match=r"that it is below: DV -0.1 at row 4"):
        wb.read_dataset(negative).with_blq("M4")
    several = frame(above=False)
    several.loc[3, "DV"] = 0.7
    with pytest.raises(DataError, match=r"there are 2 \(0.5, 0.7\). Say which: limit=0.7"):
        wb.read_dataset(several).with_blq("M2")
    with pytest.raises(DataError, match="M1 leaves no observation"):
        wb.read_dataset(frame()[lambda t: (t["CENS"] == 1) | (t["AMT"] > 0)]).with_blq("M1")
    with pytest.raises(OptionError, match="lloq= or uloq="):
        data.censor()
    with pytest.raises(OptionError, match="is a number, not nan"):
        data.censor(np.nan)


def test_a_subject_without_a_value_left_is_told_of(data):
    table = frame().drop(index=[2])
    other = wb.read_dataset(table).with_blq("M1")
    assert other.audit["MESSAGE"].iloc[-1] == "M1: 1 subject without any observation left."


def test_a_design_has_nothing_censored():
    data = wb.read_dataset(frame(), design=True)
    assert not data.population.obs_kind.any()
