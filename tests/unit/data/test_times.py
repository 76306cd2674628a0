"""TIME from clock times and dates: hours since the subject's first record."""

import numpy as np
import pandas as pd
import pytest

from workbench.data import Dataset, read_dataset
from workbench.errors import DataError, OptionError


def times(*cells, ids=None, date=None, columns=("TIME", "DATE"), **options):
    """TIME of the table read from cells of TIME, and of a column of dates."""
    frame = pd.DataFrame({"ID": ids or [1] * len(cells), columns[0]: cells, "DV": 1.0})
    if date is not None:
        frame[columns[1]] = date
    return Dataset.from_frame(frame, **options).table["TIME"].tolist()


def test_clock_times_count_from_the_first_record_of_each_subject():
    assert times("08:00", "09:30", "23:15", "10:00", ids=[1, 1, 2, 2]) == [0, 1.5, 0, 10.75]
    assert times("8:00", "08:00:36", "24:00") == [0, 0.01, 16]


def test_a_clock_that_goes_back_is_the_next_day():
    assert times("22:00", "06:00", "23:00", "05:00") == [0, 8, 25, 31]


def test_clock_times_with_dates():
    days = ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert times("08:00", "08:00", "09:00", date=days) == [0, 24, 49]


@pytest.mark.parametrize(
    ("cells", "options"),
    [
        (["2/28/2024", "2/29/2024"], {}),
        (["28/2/2024", "29/2/2024"], {}),
        (["28-Feb-2024", "29-FEB-24"], {}),
        (["28FEB2024", "29FEB2024"], {}),
        (["2024/2/28", "2024/2/29"], {}),
        (["20240228", "20240229"], {}),
        ([20240228, 20240229], {}),
        (["58", "59"], {}),
        (["2/27", "2/28"], {}),
        (["1/2/2024", "2/2/2024"], {"units": {"DATE": "dd/mm/yyyy"}}),
        (["02.01.24", "02.02.24"], {"units": {"DATE": "month/day/year"}}),
        (["24-02-28", "24-02-29"], {"units": {"DATE": "year/month/day"}}),
    ],
)
def test_dates_in_several_orders(cells, options):
    assert times("08:00", "08:00", date=cells, **options) == [0, 24]


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("DAT1", ["1/2/24", "2/2/24"]),
        ("DAT2", ["24/1/2", "24/1/3"]),
        ("DAT3", ["24/1/2", "24/2/2"]),
        ("DAT1", ["30/4", "1/5"]),
    ],
)
def test_nonmems_columns_of_dates_say_the_order(column, cells):
    assert times("08:00", "08:00", date=cells, columns=("TIME", column)) == [0, 24]


def test_years_of_two_digits_are_those_of_1951_to_2050():
    cells = ["12/31/50", "1/1/51"]
    found = times("00:00", "00:00", date=cells, units={"DATE": "month/day/year", "TIME": "day"})
    assert max(found) == (pd.Timestamp("2050-12-31") - pd.Timestamp("1951-01-01")).days


def test_an_order_that_makes_no_difference_is_not_asked_for():
    assert times("08:00", "09:00", date=["3/4/2024", "3/4/2024"]) == [0, 1]
    with pytest.raises(DataError, match=r"month/day/year or day/month/year .'3/4/2024'."):
        times("08:00", "09:00", date=["3/4/2024", "4/4/2024"])


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-03-01 08:30", "2024-03-02 20:30"],
        ["2024-03-01T08:30:00", "2024-03-02T20:30:00"],
        ["01MAR2024:08:30:00", "02MAR2024:20:30:00"],
        ["14/03/2024 08:30", "15/03/2024 20:30"],
    ],
)
def test_dates_with_clock_times(cells):
    assert times(*cells) == [0, 36]


def test_dates_alone_are_whole_days():
    assert times("2024-03-01", "2024-03-03", units={"TIME": "day"}) == [0, 2]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_datetimes_of_a_frame(zone):
    moments = pd.to_datetime(["2024-03-30 12:00", "2024-03-31 12:00"])
    found = times(*moments.tz_localize(zone))
    assert found == [0, 24 if zone is None else 23]  # the clocks went forward that night


@pytest.mark.parametrize(
    ("unit", "factor"), [("h", 1), ("hours", 1), ("min", 60), ("d", 1 / 24), ("day", 1 / 24)]
)
def test_the_unit_of_time_is_what_is_produced(unit, factor):
    frame = pd.DataFrame({"ID": 1, "TIME": ["08:00", "20:00"], "DV": 1.0})
    data = Dataset.from_frame(frame, units={"TIME": unit})
    np.testing.assert_allclose(data.table["TIME"], [0, 12 * factor], rtol=1e-15)
    assert data.units["TIME"] == unit
    assert Dataset.from_frame(frame).units["TIME"] == "h"


def test_other_units_are_refused_for_clock_times_only():
    with pytest.raises(OptionError, match=r"'week', but TIME holds clock.*min, h, day"):
        times("08:00", "20:00", units={"TIME": "week"})
    assert times(0.0, 1.0, units={"TIME": "week"}) == [0, 1]


def test_a_headers_unit_is_used():
    data = read_dataset(b"ID,Time (min),DV\n1,08:00,1\n1,08:30,2\n")
    assert data.table["TIME"].tolist() == [0, 30]
    assert read_dataset(b"ID,Time (hh:mm),DV\n1,08:00,1\n").units["TIME"] == "h"


def test_rows_out_of_order_count_from_the_earliest():
    assert times("2024-03-01 09:00", "2024-03-01 08:00") == [0, 1]


def test_decimal_hours_of_the_day_with_dates_as_in_nonmem():
    days = ["2024-03-01", "2024-03-02", "2024-03-02"]
    assert times(22.5, 8.0, 9.0, date=days) == [0, 9.5, 10.5]


def test_elapsed_time_stays_beside_dates():
    days = ["2024-03-01", "2024-03-01", "2024-03-02"]
    assert times(0.0, 2.0, 20.0, date=days) == [0, 2, 20]
    assert times(0.0, 24.0, 50.0, date=["2024-03-01", "2024-03-02", "2024-03-03"]) == [0, 24, 50]
    assert times(0.0, 2.0, 20.0, date=["a", "b", "c"]) == [0, 2, 20]


def test_dates_are_not_covariates_and_the_audit_says_what_was_done():
    frame = pd.DataFrame({"ID": 1, "TIME": ["08:00", "20:00"], "DV": 1.0, "DATE": "2024-03-01"})
    data = Dataset.from_frame(frame)
    assert data.covariate_names == ()
    assert "DATE" not in data.table
    message = data.audit.loc[data.audit["COLUMN"] == "TIME", "MESSAGE"].tolist()
    assert message == [
        "TIME is a clock time ('08:00') with the dates in DATE: converted to h since the first "
        "record of each subject."
    ]


def test_converted_data_read_back_the_same():
    frame = pd.DataFrame({"ID": 1, "TIME": ["08:00", "20:20"], "DV": 1.0, "DATE": "2024-03-01"})
    data = Dataset.from_frame(frame)
    again = Dataset.from_frame(data.table)
    assert again.table["TIME"].tolist() == data.table["TIME"].tolist()
