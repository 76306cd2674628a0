"""Bad inputs: refused in words that name row, subject and column, or repaired as documented."""

import gzip
import io
import zipfile

import numpy as np
import pandas as pd
import pytest

from workbench.data import Dataset, read_dataset
from workbench.errors import DataError, OptionError

HEADER = "ID,TIME,DV,AMT,EVID,MDV,CMT"
GOOD = ["1,0,.,100,1,1,1", "1,1,5.5,.,0,0,.", "2,0,.,100,1,1,1", "2,1,6.5,.,0,0,."]


def csv(*rows, header=HEADER):
    return "\n".join([header, *rows]).encode()


def changed(row, text, header=HEADER):
    """The good file with one file row (2 = first) replaced."""
    rows = list(GOOD)
    rows[row - 2] = text
    return csv(*rows, header=header)


def with_column(name, *values):
    """The good file with one more column."""
    rows = [f"{row},{value}" for row, value in zip(GOOD, values, strict=True)]
    return csv(*rows, header=f"{HEADER},{name}")


def with_columns(names, *values):
    """The good file with more columns."""
    rows = [f"{row},{value}" for row, value in zip(GOOD, values, strict=True)]
    return csv(*rows, header=f"{HEADER},{names}")


def times(*three):
    """Observations at three times: two of subject 1, one of subject 2."""
    rows = [f"{i},{time},5" for i, time in zip((1, 1, 2), three, strict=True)]
    return csv(*rows, header="ID,TIME,DV")


def with_date(*three):
    """Observations at 8:00 on three dates: two of subject 1, one of subject 2."""
    rows = [f"{i},08:00,5,{date}" for i, date in zip((1, 1, 2), three, strict=True)]
    return csv(*rows, header="ID,TIME,DV,DATE")


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "ID,TIME\n")
    return buffer.getvalue()


REFUSED = {
    # Columns
    "missing column": (
        csv("1,0,1", header="ID,TIME,AMT"),
        ["no column DV", "columns=", "ID, TIME, AMT"],
    ),
    "missing ID": (csv("0,1,1", header="TIME,DV,AMT"), ["no column ID", "columns="]),
    "several missing columns": (csv("0,1", header="A,B"), ["3 problems", "ID", "TIME", "DV"]),
    "duplicate header": (csv(header="ID,TIME,DV,DV"), ["'DV' more than once", "3, 4"]),
    "two candidates": (
        csv("1,0,2,3", header="ID,TIME,CONC,Y"),
        ["data: DV could be any", "CONC, Y", "Say which"],
    ),
    "no header": (csv("1,1,6", header="1,0,5"), ["row 1", "column names"]),
    "column without a name": (csv("1,0,5,9", header="ID,TIME,DV,"), ["column 4", "no name"]),
    # Cells
    "text in DV": (changed(3, "1,1,BLQ,.,0,0,."), ["DV", "'BLQ'", "row 3 (ID 1)", "'.'"]),
    "text in AMT": (changed(4, "2,0,.,100mg,1,1,1"), ["AMT", "'100mg'", "row 4 (ID 2)"]),
    "repeated header": (changed(4, HEADER), ["data: row 4 repeats the header"]),
    "infinite DV": (changed(3, "1,1,inf,.,0,0,."), ["DV is infinite", "row 3 (ID 1)"]),
    "quoted thousands": (
        changed(3, '1,1,"1,234",.,0,0,.'),
        ["DV", "'1,234'", "row 3 (ID 1)", "thousands"],
    ),
    "missing ID cell": (changed(5, ".,1,6.5,.,0,0,."), ["ID is missing", "row 5"]),
    "ragged row": (changed(4, "2,0,.,100,1,1,1,7"), ["header has 7 columns", "row 4 has 8"]),
    "short row": (changed(4, "2,0,."), ["header has 7 columns", "row 4 has 3"]),
    "mixed decimals": (b"ID;TIME;DV\n1;0,5;2\n1;1.5;3\n", ["Both decimal signs", "'0,5'", "row 3"]),
    # Times
    "negative time": (changed(2, "1,-1,.,100,1,1,1"), ["TIME is negative", "row 2 (ID 1)"]),
    "missing time": (changed(5, "2,.,6.5,.,0,0,."), ["TIME is missing", "row 5 (ID 2)"]),
    "clock time among numbers": (
        changed(3, "1,09:30,5.5,.,0,0,."),
        ["a clock time ('09:30') here", "a number in row 2 ('0')", "at row 3 (ID 1)", "one way"],
    ),
    "date among numbers": (changed(3, "1,2024-05-01,5.5,.,0,0,."), ["a date", "row 3 (ID 1)"]),
    "dates with and without a clock": (
        times("2024-05-01 08:00", "2024-05-02", "2024-05-01 08:00"),
        ["a date ('2024-05-02') here", "row 3 (ID 1)"],
    ),
    "25 hours": (times("08:00", "25:10", "08:00"), ["'25:10'", "row 3 (ID 1)", "00:00 to 24:00"]),
    "61 minutes": (times("08:00", "08:61", "08:00"), ["'08:61'", "row 3 (ID 1)"]),
    "afternoon": (times("8:00 AM", "1:00 PM", "9:00"), ["'8:00 AM'", "20:30", "row 2 (ID 1)"]),
    "time zone": (
        times("2024-05-01T08:00Z", "2024-05-01T09:00Z", "2024-05-01T09:00Z"),
        ["time zone", "row 2 (ID 1)"],
    ),
    "timedelta": (times("0 days 08:00:00", "1 days", "2 days"), ["total_seconds", "row 2"]),
    "words in TIME": (times("predose", "1", "2"), ["TIME is not a time ('predose')", "row 2"]),
    "day or month first": (
        times("01/02/2024 08:00", "02/02/2024 08:00", "03/02/2024 08:00"),
        ["month/day/year or day/month/year ('01/02/2024')", "row 2 (ID 1)", "units=", "2024-03-01"],
    ),
    "no such day": (
        times("2024-02-28 08:00", "2024-02-30 08:00", "2024-03-01 08:00"),
        ["'2024-02-30'", "row 3 (ID 1)"],
    ),
    "dates of several forms": (
        with_date("2024-05-01", "01-MAY-2024", "2024-05-02"),
        ["DATE", "'01-MAY-2024' here", "row 3 (ID 1)"],
    ),
    "DATE is no date": (
        with_date("2024-05-01", "day 2", "2024-05-02"),
        ["'day 2'", "row 3 (ID 1)"],
    ),
    "DATE missing": (with_date("2024-05-01", ".", "2024-05-02"), ["DATE is missing", "row 3"]),
    "dates without a year go back": (
        with_date("12/31", "01/15", "12/31"),
        ["no year and goes back", "row 3 (ID 1)", "Give the year"],
    ),
    "two columns of dates": (
        csv("1,08:00,1,5/1/24,1/5/24", header="ID,TIME,DV,DATE,DAT1"),
        ["DATE, DAT1", "Keep one"],
    ),
    "back behind a reset": (
        csv("1,0,1,0", "1,9,1,0", "1,5,.,3", "1,3,2,0", header="ID,TIME,DV,EVID"),
        ["before that of the reset", "row 5 (ID 1)"],
    ),
    # Events
    "EVID 5": (changed(2, "1,0,.,100,5,1,1"), ["EVID", "0…4", "(5)", "row 2 (ID 1)"]),
    "EVID 101": (changed(2, "1,0,.,100,101,1,1"), ["(101)", "row 2 (ID 1)", "nlmixr2"]),
    "AMT on a reset": (
        changed(4, "2,0,.,9,3,1,1"),
        ["reset row (EVID 3)", "row 4 (ID 2)", "EVID 4"],
    ),
    "EVID 4 without AMT": (changed(4, "2,0,.,.,4,1,1"), ["AMT is missing", "row 4 (ID 2)"]),
    "MDV 2": (changed(3, "1,1,5.5,.,0,2,."), ["MDV is neither 0 nor 1", "row 3 (ID 1)"]),
    "DV missing, MDV 0": (changed(3, "1,1,.,.,0,0,."), ["DV is missing", "MDV is 0", "row 3"]),
    "dose without AMT": (changed(4, "2,0,.,.,1,1,1"), ["AMT is missing", "row 4 (ID 2)", "EVID"]),
    "negative AMT": (changed(4, "2,0,.,-5,1,1,1"), ["AMT is negative", "row 4 (ID 2)"]),
    "AMT on an observation": (changed(3, "1,1,5.5,9,0,0,1"), ["AMT", "EVID 0", "row 3 (ID 1)"]),
    "dose and DV in one row": (csv("1,0,3,10", header="ID,TIME,DV,AMT"), ["Both AMT and DV"]),
    "EVID 1 without column AMT": (csv("1,0,.,1", header="ID,TIME,DV,EVID"), ["no column AMT"]),
    "CMT 1.5": (changed(2, "1,0,.,100,1,1,1.5"), ["CMT", "(1.5)", "row 2 (ID 1)"]),
    "CMT -1": (changed(2, "1,0,.,100,1,1,-1"), ["CMT", "(-1)", "row 2 (ID 1)"]),
    "compartment turned off": (
        csv(*GOOD, "2,2,.,.,2,1,-1"),
        ["CMT", "(-1)", "turns a compartment off", "row 6 (ID 2)"],
    ),
    "compartment turned off by name": (
        csv("1,0,.,9,1,1,depot", "1,1,5,.,0,0,.", "1,2,.,.,2,1,-depot"),
        ["(-depot)", "turns a compartment off", "row 4 (ID 1)"],
    ),
    "RATE -7": (with_column("RATE", -7, 0, 0, 0), ["RATE is negative", "row 2 (ID 1)"]),
    "RATE without AMT": (with_column("RATE", 0, 5, 0, 0), ["RATE", "without an AMT", "row 3"]),
    "RATE -2 without AMT": (
        csv("1,0,.,.,-2,1", "1,1,5,.,.,0", header="ID,TIME,DV,AMT,RATE,EVID"),
        ["RATE", "without an AMT", "row 2 (ID 1)"],
    ),
    "RATE -1 on an observation": (with_column("RATE", 0, 0, 0, -1), ["without an AMT", "row 5"]),
    "SS without II": (with_column("SS", 1, 0, 0, 0), ["SS", "without II", "row 2 (ID 1)"]),
    "SS 3": (with_columns("SS,II", "3,12", "0,0", "0,0", "0,0"), ["SS is not 0, 1 or 2 (3)"]),
    "SS on an observation": (
        with_columns("SS,II", "0,0", "1,12", "0,0", "0,0"),
        ["SS", "row that is no dose", "row 3 (ID 1)"],
    ),
    "SS infusion without II": (
        with_columns("SS,II,RATE", "1,0,20", "0,0,0", "0,0,0", "0,0,0"),
        ["without II", "row 2 (ID 1)", "gone on for ever"],
    ),
    "endless infusion with II": (
        csv("1,0,.,0,1,1,12,5", "1,1,5,0,0,0,0,0", header="ID,TIME,DV,AMT,EVID,SS,II,RATE"),
        ["SS and II are given without an AMT", "row 2 (ID 1)"],
    ),
    "SS without AMT and RATE": (
        csv("1,0,.,0,1,1,12", "1,1,5,0,0,0,0", header="ID,TIME,DV,AMT,EVID,SS,II"),
        ["SS", "without AMT and RATE", "row 2 (ID 1)"],
    ),
    "ADDL on an endless infusion": (
        csv("1,0,.,0,1,1,3,5", "1,1,5,0,0,0,0,0", header="ID,TIME,DV,AMT,EVID,SS,ADDL,RATE"),
        ["ADDL is given without II", "row 2 (ID 1)"],
    ),
    "negative TINF": (with_column("TINF", 0, 0, -1, 0), ["TINF is negative", "row 4 (ID 2)"]),
    "TINF against RATE": (
        with_columns("TINF,RATE", "2,40", "0,0", "0,0", "0,0"),
        ["contradict", "AMT / RATE = 2.5", "TINF = 2", "row 2 (ID 1)"],
    ),
    "TINF with RATE -2": (
        with_columns("TINF,RATE", "2,-2", "0,0", "0,0", "0,0"),
        ["TINF", "RATE -2", "row 2 (ID 1)"],
    ),
    "TINF without AMT": (
        csv("1,0,.,0,2,1", "1,1,5,0,0,0", header="ID,TIME,DV,AMT,TINF,EVID"),
        ["TINF is given without an AMT", "row 2 (ID 1)"],
    ),
    "ADDL without II": (with_column("ADDL", 3, 0, 0, 0), ["ADDL", "without II", "row 2 (ID 1)"]),
    "negative ADDL": (with_column("ADDL", 0, 0, -1, 0), ["ADDL", "(-1)", "row 4 (ID 2)"]),
    "fractional ADDL": (with_column("ADDL", 1.5, 0, 0, 0), ["ADDL", "(1.5)", "row 2 (ID 1)"]),
    "huge ADDL": (with_column("ADDL", 1e6, 0, 0, 0), ["ADDL is above", "row 2 (ID 1)"]),
    "negative II": (with_column("II", -12, 0, 0, 0), ["II is negative", "row 2 (ID 1)"]),
    "CENS 2": (with_column("CENS", 0, 2, 0, 0), ["CENS is neither 0, 1 nor -1", "row 3 (ID 1)"]),
    "DVID on some observations": (
        with_column("DVID", ".", 1, ".", "."),
        ["DVID is missing on an observation", "row 5 (ID 2)"],
    ),
    "CMT on some observations": (
        csv(*GOOD, "2,2,7,.,0,0,2", "2,3,7,.,0,0,3"),
        ["CMT is missing on an observation", "row 3 (ID 1)"],
    ),
    "infinite covariate": (
        with_column("WT", 70, 70, "inf", 60),
        ["WT is infinite", "row 4 (ID 2)"],
    ),
    # The whole
    "labels that collide": (
        csv(*(f"{i},0,1" for i in ("1", "2", "1", "1 (2)")), header="ID,TIME,DV"),
        ["both be called", "row 5"],
    ),
    "no observation": (csv(GOOD[0], GOOD[2]), ["no observation", "2 are doses"]),
    "sorted by time": (
        csv(*(f"{i},{t},1" for t in (1, 2, 3) for i in (1, 2)), header="ID,TIME,DV"),
        ["sorted by TIME", "Sort the rows by ID"],
    ),
    "empty": (b"", ["is empty"]),
    "blank": (b" \n\n  \n", ["is empty"]),
    "only comments": (b"# a\n# b\n", ["only comments"]),
    "header only": (csv(), ["no data rows", "ID, TIME"]),
    "NUL bytes": (b"ID,TIME,DV\n1,0,\x005\n", ["NUL byte in row 2"]),
    "xlsx or zip": (zipped(), ["Excel", "Save the sheet as CSV"]),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 rest", ["old Excel"]),
    "parquet": (b"PAR1\x15\x04", ["Parquet", "read_parquet"]),
    "gzip": (gzip.compress(b"ID,TIME,DV\n"), ["gzip", "Unpack"]),
    "web page": (b"<!DOCTYPE html><html></html>", ["web page"]),
    "not data": (42, ["type int", "DataFrame"]),
    "text, not a path": ("ID,TIME,DV\n1,0,2", ["content of a file", "encode"]),
}


@pytest.mark.parametrize(("source", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_in_words(source, words):
    with pytest.raises(DataError) as caught:
        read_dataset(source)
    message = str(caught.value)
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in: {message}"


def audit_of(source, **options):
    data = read_dataset(source, **options)
    return data, data.audit


def only(audit, level, column):
    """The audit's lines of one level and column."""
    return audit[(audit["LEVEL"] == level) & (audit["COLUMN"] == column)]


REPAIRED = {
    "latin-1": (with_column("µ", *"7777").decode().encode("latin-1"), "repair", "", "cp1252"),
    "utf-16": ((HEADER + "\n" + "\n".join(GOOD)).encode("utf-16"), "repair", "", "utf-16"),
    "utf-16 without mark": (
        (HEADER + "\n" + "\n".join(GOOD)).encode("utf-16-le"),
        "repair",
        "",
        "utf-16-le",
    ),
    "decimal comma": (b"ID;TIME;DV\n1;0,5;2\n1;1;3\n", "repair", "TIME", "Decimal commas"),
    "blank row": (csv(*GOOD, ",,,,,,"), "repair", "", "blank and was skipped"),
    "unsorted": (csv(GOOD[1], GOOD[0], *GOOD[2:]), "repair", "TIME", "sorted"),
    "MDV 0 on a dose": (changed(2, "1,0,.,100,1,0,1"), "repair", "MDV", "set to 1"),
    "no AMT": (csv("1,0,2", "1,1,3", header="ID,TIME,DV"), "note", "AMT", "no doses"),
    "no EVID": (csv("1,0,.,9", "1,1,3,.", header="ID,TIME,DV,AMT"), "note", "EVID", "1 row with"),
    "DV missing without MDV": (csv("1,0,.", "1,1,3", header="ID,TIME,DV"), "note", "DV", "MDV set"),
    "two doses at a time": (csv("1,0,.,50,1,1,1", *GOOD), "note", "AMT", "same time"),
    "copied dose": (csv(GOOD[0], *GOOD), "warning", "AMT", "repeats an earlier dose"),
    "copied observation": (csv(*GOOD, GOOD[3]), "warning", "DV", "repeats an earlier"),
    "no observations in one": (csv(*GOOD, "3,0,.,9,1,1,1"), "warning", "ID", "left out"),
    "LIMIT": (with_column("LIMIT", *"..11"), "note", "LIMIT", "not used"),
    "scattered rows": (
        csv(*(f"{i},{t},1" for t in (3, 2, 4) for i in (1, 2)), header="ID,TIME,DV"),
        "warning",
        "ID",
        "comes again",
    ),
    "IDs repeat": (csv(*GOOD, *GOOD[:2]), "note", "ID", "comes again"),
    "dose of 0": (changed(2, "1,0,.,0,1,1,1"), "warning", "AMT", "dose is 0"),
    "II alone": (with_column("II", 12, 0, 0, 0), "note", "II", "ADDL is 0"),
    "NaN covariate": (with_column("WT", 70, 70, ".", "."), "warning", "WT", "WT is missing"),
    "gap in a covariate": (with_column("WT", 70, ".", 60, 60), "repair", "WT", "other rows"),
    "covariate all missing": (with_column("WT", *"...."), "warning", "WT", "all rows"),
    "covariate changes": (with_column("WT", 70, 71, 60, 60), "note", "WT", "row 3 (ID 1)"),
    "two endpoints": (with_column("DVID", 0, 1, 0, 2), "note", "DVID", "2 endpoints apart: 1, 2"),
    "one DVID of several CMT": (
        csv("1,1,5,1,1", "1,2,6,2,1", header="ID,TIME,DV,CMT,DVID"),
        "warning",
        "CMT",
        "one endpoint",
    ),
    "mere reset": (changed(4, "2,0,.,0,4,1,1"), "warning", "AMT", "mere reset"),
    "TIME starts again": (
        csv("1,0,1,0", "1,9,1,0", "1,0,.,3", "1,3,2,0", header="ID,TIME,DV,EVID"),
        "note",
        "TIME",
        "starts again",
    ),
    "clock": (times("08:00", "09:30", "10:00"), "note", "TIME", "('08:00'): converted to h"),
    "past midnight": (times("23:00", "00:30", "10:00"), "note", "TIME", "next day"),
    "day first": (
        with_date("14/2/2024", "15/2/2024", "16/2/2024"),
        "note",
        "DATE",
        "day/month/year",
    ),
    "DATE beside elapsed time": (
        with_column("DATE", *["2024-05-01"] * 4),
        "note",
        "DATE",
        "elapsed time",
    ),
    "DATE against elapsed time": (
        csv("1,0,1,2024-05-01", "1,30,2,2024-05-09", header="ID,TIME,DV,DATE"),
        "warning",
        "DATE",
        "do not agree",
    ),
    "word in a covariate": (with_column("WT", 70, 70, 60, "?"), "warning", "WT", "mostly numbers"),
    "-99": (with_column("WT", 70, 70, -99, -99), "warning", "WT", "missing value"),
    "dose on every row": (
        csv("1,0,2,320", "1,1,3,320", header="ID,TIME,DV,DOSE"),
        "warning",
        "DOSE",
        "taken as a covariate",
    ),
    "units row": (csv(",h,mg/L", "1,0,2", header="ID,TIME,DV"), "note", "", "units"),
    "marked units row": (csv("#,h,mg/L", "1,0,2", header="ID,TIME,DV"), "note", "", "TIME in h"),
    "comment rows": (csv(GOOD[0], "# note", *GOOD[1:]), "note", "", "comment"),
    "restart with OCC": (
        csv("1,0,1,1", "1,9,2,1", "1,0,1,2", "1,9,2,2", header="ID,TIME,DV,OCC"),
        "warning",
        "TIME",
        "occasion",
    ),
    "IGNORE=C": (csv("C,1,0,9", ".,1,0,2", header="C,ID,TIME,DV"), "note", "C", "left out: 2"),
    "infusion duration": (with_column("TINF", 1, 0, 1, 0), "note", "TINF", "RATE = AMT / TINF"),
    "DUR": (with_column("DUR", 1, 0, 1, 0), "note", "TINF", "duration of infusions"),
    "DUR on every row": (with_column("DUR", 1, 1, 2, 2), "warning", "DUR", "as a covariate"),
    "TINF on an observation": (with_column("TINF", 1, 1, 1, 0), "note", "TINF", "is not used"),
}


@pytest.mark.parametrize(
    ("source", "level", "column", "words"), REPAIRED.values(), ids=REPAIRED.keys()
)
def test_repaired_or_noted_in_the_audit(source, level, column, words):
    data, audit = audit_of(source)
    messages = only(audit, level, column)["MESSAGE"].tolist()
    assert any(words in message for message in messages), audit.to_string()
    assert data.n_obs > 0


def test_rows_out_of_order_are_sorted_and_named():
    data, audit = audit_of(csv(GOOD[1], GOOD[0], *GOOD[2:]))
    line = only(audit, "repair", "TIME").iloc[0]
    assert (line["ROW"], line["ID"]) == (3, 1)
    assert data.table["ROW"].tolist() == [3, 2, 4, 5]
    assert data.table["TIME"].tolist() == [0, 1, 0, 1]


def test_decimal_commas_are_read_as_points():
    data = read_dataset(b"ID;TIME;DV\n1;0,25;2,5\n1;1;1e-1\n")
    assert data.observations["TIME"].tolist() == [0.25, 1.0]
    assert data.observations["DV"].tolist() == [2.5, 0.1]


def test_a_subject_without_observations_is_named_and_left_out():
    data, audit = audit_of(csv(*GOOD, "3,0,.,9,1,1,1"))
    assert data.subjects == (1, 2)
    line = only(audit, "warning", "ID").iloc[0]
    assert (line["ROW"], line["ID"]) == (6, 3)
    assert 3 not in data.doses["ID"].tolist()


def test_ids_that_repeat_are_other_subjects():
    assert read_dataset(csv(*GOOD, *GOOD[:2])).subjects == ("1", "2", "1 (2)")


def test_a_missing_covariate_is_reported_by_row_and_subject():
    _, audit = audit_of(with_column("WT", 70, 70, ".", "."))
    lines = only(audit, "warning", "WT")
    assert lines["ROW"].tolist() == [4, 5]
    assert lines["ID"].tolist() == [2, 2]


def test_row_numbers_count_skipped_rows():
    with pytest.raises(DataError, match=r"row 5 \(ID 1\)"):
        read_dataset(b"# title\n\nID,TIME,DV\n1,0,2\n1,1,x\n1,2,3\n")


def test_several_problems_are_reported_at_once():
    rows = ["1,-1,5,.,0,0,.", "1,1,5,.,7,0,.", "2,0,.,.,1,1,1", "2,1,6,.,0,3,.", "2,2,.,.,0,0,1.5"]
    with pytest.raises(DataError) as caught:
        read_dataset(csv(*rows))
    message = str(caught.value)
    assert message.startswith("data: 7 problems.")
    assert [f"  {k}. " in message for k in (1, 2, 3, 4, 5, 6)] == [True] * 5 + [False]
    assert "and 2 more" in message


def test_a_missing_path_suggests_the_nearest(tmp_path):
    (tmp_path / "trial.csv").write_bytes(csv(*GOOD))
    with pytest.raises(DataError, match=r"Did you mean 'trial\.csv'"):
        read_dataset(tmp_path / "trail.csv")


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "trial.csv").write_bytes(csv(*GOOD))
    with pytest.raises(DataError, match=r"is a folder.*trial\.csv"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"columns": {"IDD": "ID"}}, OptionError, "Did you mean 'ID'"),
        ({"columns": {"ID": "SUBJ"}}, DataError, "'SUBJ', which is not in the data"),
        ({"columns": {"DV": "TIME", "TIME": "TIME"}}, DataError, "more than one column"),
        ({"units": {"TIM": "h"}}, OptionError, "Did you mean 'TIME'"),
        ({"units": {"DATE": "European"}}, OptionError, "month/day/year, day/month/year"),
        ({"covariate_interpolation": "linear"}, OptionError, "There are: nocb, locf"),
    ],
)
def test_misspelt_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        read_dataset(csv(*GOOD), **options)


def frame(**changes):
    columns = {"ID": [1, 1], "TIME": [0.0, 1.0], "DV": [2.0, 3.0]} | changes
    return pd.DataFrame(columns)


FRAMES = {
    "lists in cells": (frame(DV=[[1, 2], 3]), ["DV holds a list", "row 2"]),
    "no rows": (frame().iloc[:0], ["no rows"]),
    "no columns": (pd.DataFrame(), ["no columns"]),
    "several levels": (pd.DataFrame({("a", "b"): [1]}), ["several levels", "Flatten"]),
    "same name twice": (frame().set_axis(["ID", "TIME", "TIME"], axis=1), ["more than once"]),
    "durations": (frame(TIME=pd.to_timedelta([0, 1], unit="h")), ["total_seconds", "row 2"]),
    "infinite": (frame(DV=[np.inf, 1.0]), ["DV is infinite", "row 2 (ID 1)"]),
    "complex": (frame(DV=[1j, 1.0]), ["DV is not a number"]),
    "missing ID": (frame(ID=[1, None]), ["ID is missing", "row 3"]),
}


@pytest.mark.parametrize(("source", "words"), FRAMES.values(), ids=FRAMES.keys())
def test_bad_frames_are_refused(source, words):
    with pytest.raises(DataError) as caught:
        Dataset.from_frame(source)
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)


def test_booleans_are_read_as_numbers():
    data = Dataset.from_frame(frame(MDV=[True, False]))
    assert data.n_obs == 1
    assert "read as 1 and 0" in only(data.audit, "note", "MDV")["MESSAGE"].iloc[0]
