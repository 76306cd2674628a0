"""Dataset: the tidy tables, reading and writing, selecting, and names of columns."""

import io
import json
import pickle
import time

import numpy as np
import pandas as pd
import pytest

import workbench.data
from workbench.data import Dataset, read_dataset
from workbench.errors import DataError

CSV = b"""ID,TIME,DV,AMT,EVID,II,ADDL,WT,SEX
1,0,.,100,1,12,2,70,M
1,1,5,.,0,.,.,70,M
1,30,2,.,0,.,.,70,M
2,0,3,.,0,.,.,60,F
2,5,.,50,1,.,.,60,F
2,7,4,.,0,.,.,60,F
"""


@pytest.fixture
def data():
    return read_dataset(CSV, units={"TIME": "h", "DV": "mg/L"})


def test_table_has_canonical_columns_and_file_rows(data):
    assert list(data.table) == [
        *("ROW", "ID", "TIME", "DV", "AMT", "EVID", "MDV", "CMT", "II", "ADDL", "WT", "SEX")
    ]
    assert data.table["ROW"].tolist() == [2, 3, 4, 5, 6, 7]
    assert data.table["MDV"].tolist() == [1, 0, 0, 0, 1, 0]
    assert data.table["CMT"].tolist() == [1, 0, 0, 0, 1, 0]


def test_time_after_dose_counts_from_the_last_dose_written_or_additional(data):
    np.testing.assert_array_equal(data.observations["TAD"], [1, 6, np.nan, 2])
    assert data.observations["ROW"].tolist() == [3, 4, 5, 7]


def test_doses_are_written_out(data):
    assert data.doses[["ROW", "ID", "TIME", "AMT"]].to_numpy().tolist() == [
        [2, 1, 0, 100],
        [2, 1, 12, 100],
        [2, 1, 24, 100],
        [6, 2, 5, 50],
    ]


def test_durations_of_infusions():
    frame = pd.DataFrame({"ID": 1, "TIME": [0, 1], "DV": [np.nan, 1], "AMT": [10, 0]})
    doses = Dataset.from_frame(frame.assign(RATE=[4, 0])).doses
    assert doses[["RATE", "DURATION"]].to_numpy().tolist() == [[4, 2.5]]


def test_covariates_numbers_and_labels(data):
    assert data.covariate_names == ("WT", "SEX")
    assert data.covariates.to_numpy().tolist() == [[1, 70, "M"], [2, 60, "F"]]
    assert list(data.population.covariates) == ["WT"]
    assert data.population.covariates["WT"].tolist() == [70, 60]


def test_covariates_that_vary_in_time_stay_in_the_table_only():
    data = read_dataset(b"ID,TIME,DV,CRP\n1,0,1,5\n1,1,2,6\n2,0,1,5\n")
    assert data.table["CRP"].tolist() == [5, 6, 5]
    assert list(data.covariates) == ["ID"]
    assert dict(data.population.covariates) == {}


def test_a_missing_covariate_is_nan_for_its_subject_only():
    data = read_dataset(b"ID,TIME,DV,WT\n1,0,1,70\n2,0,1,.\n")
    np.testing.assert_array_equal(data.population.covariates["WT"], [70, np.nan])


def test_units_come_from_the_caller_then_from_the_file():
    data = read_dataset(b"ID,Time (h),DV [mg/L],WT\n1,0,1,70\n", units={"DV": "ug/mL", "WT": "kg"})
    assert data.units == {"TIME": "h", "DV": "ug/mL", "AMT": "", "WT": "kg"}


def test_writing_and_reading_gives_the_same_data(data, tmp_path):
    data.to_csv(tmp_path / "again.csv")
    again = read_dataset(tmp_path / "again.csv")
    pd.testing.assert_frame_equal(again.table, data.table)
    np.testing.assert_array_equal(again.population.records, data.population.records)


def test_python_reads_the_data_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_bytes(CSV.replace(b"ID,", b"NO,"))
    data = read_dataset("a.csv", columns={"ID": "NO"}, units={"TIME": "h"})
    code = data.select([2]).python()
    assert code == "wb.read_dataset('a.csv', columns={'ID': 'NO'}, units={'TIME': 'h'}).select([2])"
    again = eval(code, {"wb": workbench.data})  # noqa: S307
    pd.testing.assert_frame_equal(again.table, data.select([2]).table)


def test_select_keeps_the_order_of_the_data_and_the_file_rows(data):
    one = data.select(["2"])
    assert one.subjects == (2,)
    assert one.table["ROW"].tolist() == [5, 6, 7]
    assert data.select([2, 1]).subjects == (1, 2)
    np.testing.assert_array_equal(
        one.population.records, data.population.records[data.population.record_start[1] :]
    )
    with pytest.raises(DataError, match=r"no subject 3.*There are: 1, 2"):
        data.select([3])
    with pytest.raises(DataError, match="No subject"):
        data.select([])


def test_a_dataset_survives_pickling(data):
    again = pickle.loads(pickle.dumps(data))
    pd.testing.assert_frame_equal(again.table, data.table)
    assert again.units == data.units
    assert not again.population.dv.flags.writeable


def test_the_audit_is_plain_values_in_file_order():
    data = read_dataset(b"ID,TIME,DV,WT\n1,1,2,.\n1,0,.,.\n2,0,3,60\n")
    assert data.audit.columns.tolist() == ["ROW", "ID", "COLUMN", "LEVEL", "MESSAGE"]
    rows = data.audit["ROW"].tolist()
    assert rows == sorted(rows)
    assert rows[0] == 0  # no column AMT: about the whole file
    assert set(rows) == {0, 2, 3}
    json.dumps(data.audit.to_dict("list"))
    assert data.select([2]).audit["ROW"].tolist() == [0]


def test_the_tables_handed_out_are_copies(data):
    observations = data.observations
    observations.loc[0, "DV"] = 99.0
    assert data.observations["DV"].tolist() == [5, 2, 3, 4]


def test_short_texts(data):
    assert repr(data) == (
        "<Dataset 'data': 2 subjects, 4 observations, 2 dose rows, covariates WT, SEX>"
    )
    assert "4 observations" in data._repr_html_()
    assert "<script" not in read_dataset(CSV, name="<script>")._repr_html_()


@pytest.mark.parametrize(
    "source",
    [CSV, bytearray(CSV), memoryview(CSV), io.BytesIO(CSV), io.StringIO(CSV.decode())],
    ids=["bytes", "bytearray", "memoryview", "binary file", "text file"],
)
def test_every_kind_of_source_gives_the_same_table(source, data):
    pd.testing.assert_frame_equal(read_dataset(source).table, data.table)


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_other_separators(separator, data):
    text = CSV.decode().replace(",", separator).encode()
    pd.testing.assert_frame_equal(read_dataset(text).table, data.table)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_byte_order_mark_and_quotes(end, data):
    text = CSV.decode().replace("\n", end).replace("ID,TIME", '"ID", "TIME"')
    pd.testing.assert_frame_equal(read_dataset(text.encode("utf-8-sig")).table, data.table)


@pytest.mark.parametrize(
    ("header", "dv"),
    [("subj,time,conc", "conc"), ("USUBJID,Time,Y", "Y"), ("Subject_ID,TAFD,LIDV", "LIDV")],
)
def test_names_are_found_by_alias_with_a_note(header, dv):
    data = read_dataset(f"{header}\n1,0,2\n".encode())
    assert list(data.table)[:4] == ["ROW", "ID", "TIME", "DV"]
    notes = data.audit[data.audit["LEVEL"] == "note"]["MESSAGE"].tolist()
    assert f"The column {dv} was taken as DV." in notes


def test_the_callers_map_wins_over_the_files_own_name():
    data = read_dataset(b"ID,TIME,DV,LNDV\n1,0,2,0.7\n", columns={"DV": "LNDV"})
    assert data.population.dv.tolist() == [0.7]
    assert "DV" not in data.covariate_names
    assert "columns= takes it from LNDV" in data.audit["MESSAGE"].iloc[0]


def test_dose_is_an_amount_only_where_it_stands_on_rows_of_its_own():
    own_rows = read_dataset(b"ID,TIME,DV,DOSE\n1,0,.,100\n1,1,5,.\n")
    assert own_rows.doses["AMT"].tolist() == [100]
    every_row = read_dataset(b"ID,TIME,DV,DOSE\n1,0,3,100\n1,1,5,100\n")
    assert every_row.doses.empty
    assert every_row.population.covariates["DOSE"].tolist() == [100]


def test_named_index_levels_of_a_frame_are_columns(data):
    frame = pd.read_csv(io.BytesIO(CSV), na_values=".").set_index(["ID", "TIME"])
    pd.testing.assert_frame_equal(Dataset.from_frame(frame).table, data.table)


def test_code_of_uploads_frames_and_named_files():
    assert read_dataset(CSV, name="trial.csv").python() == "wb.read_dataset('trial.csv')"
    frame = pd.read_csv(io.BytesIO(CSV), na_values=".")
    assert read_dataset(frame, name="A").python() == "wb.read_dataset(frame, name='A')"


def test_one_endpoint_written_in_two_ways_is_one():
    data = read_dataset(b"ID,TIME,DV,DVID\n1,0,2,1\n1,1,3,1.0\n")
    assert data.table["DVID"].tolist() == [1, 1]


def test_labels_of_subjects():
    assert read_dataset(b"ID,TIME,DV\n1.0,0,2\n2.0,0,3\n").subjects == (1, 2)
    assert read_dataset(b"ID,TIME,DV\n01,0,2\n1,0,3\n").subjects == ("01", "1")
    assert read_dataset(b"ID,TIME,DV\nA-1,0,2\nA-2,0,3\n").subjects == ("A-1", "A-2")


def test_an_audit_of_many_rows_is_cut_and_counted():
    rows = "".join(f"1,{k},.\n" for k in range(1, 251))
    audit = read_dataset(f"ID,TIME,DV\n1,0,2\n{rows}".encode()).audit
    lines = audit[audit["COLUMN"] == "DV"]
    assert len(lines) == 101
    assert lines["MESSAGE"].iloc[-1].endswith("(and 150 more rows)")


def test_ten_thousand_subjects_are_read_in_good_time():
    n, k = 10_000, 12
    frame = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(n), k),
            "TIME": np.tile(np.arange(k) * 1.25, n),
            "DV": np.where(np.arange(n * k) % k, 1.5, np.nan),
            "AMT": np.where(np.arange(n * k) % k, 0.0, 100.0),
            "WT": np.repeat(np.linspace(50, 90, n).round(1), k),
        }
    )
    text = frame.to_csv(index=False, na_rep=".").encode()
    start = time.process_time()
    data = read_dataset(text)
    seconds = time.process_time() - start
    assert (data.n_sub, data.n_obs) == (n, n * (k - 1))
    assert seconds < 3.0  # about 0.8 s; a loop over rows would take 10
