"""Several endpoints, named compartments, designs, and subjects without observations."""

import numpy as np
import pandas as pd
import pytest

import workbench.data
from workbench.core import records as rec
from workbench.data import Dataset, read_dataset
from workbench.errors import DataError


def frame(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"ID": 1, "TIME": np.arange(n, dtype=float), "DV": 1.0} | columns)


def endpoint(data):
    return data.population.records[:, rec.ENDPOINT].tolist()


def test_data_that_name_no_endpoint_have_one():
    data = Dataset.from_frame(frame(AMT=[9, 0, 0], DV=[np.nan, 1, 2]))
    assert data.endpoints == ("DV",)
    assert endpoint(data) == [0, 0, 0]


def test_dvid_by_number_is_ascending_and_ignored_on_doses():
    data = Dataset.from_frame(frame(AMT=[9, 0, 0, 0], DV=[np.nan, 1, 2, 3], DVID=[0, 2, 1, 2]))
    assert data.endpoints == (1, 2)
    assert endpoint(data) == [0, 1, 0, 1]
    assert data.population.obs_endpoint.tolist() == [1, 0, 1]
    assert data.observations["DVID"].tolist() == [2, 1, 2]
    assert "endpoints 1, 2" in repr(data)


def test_dvid_blank_on_doses_keeps_whole_numbers():
    data = read_dataset(b"ID,TIME,DV,AMT,DVID\n1,0,.,9,.\n1,1,5,.,1\n1,2,6,.,2\n")
    assert data.endpoints == (1, 2)


def test_dvid_by_label_is_in_order_of_appearance():
    data = Dataset.from_frame(frame(DVID=["pca", "cp", "pca"]))
    assert data.endpoints == ("pca", "cp")
    assert endpoint(data) == [0, 1, 0]


def test_the_compartment_tells_endpoints_apart_where_there_is_no_dvid():
    data = Dataset.from_frame(frame(AMT=[9, 0, 0], DV=[np.nan, 1, 2], CMT=[1, 3, 2]))
    assert data.endpoints == (2, 3)
    assert endpoint(data) == [0, 1, 0]
    assert Dataset.from_frame(frame(CMT=[2, 2])).endpoints == (2,)
    assert Dataset.from_frame(frame(CMT=["effect", "central"])).endpoints == ("effect", "central")


def test_selected_subjects_keep_the_numbers_of_the_endpoints():
    data = Dataset.from_frame(frame(ID=[1, 1, 2, 2], DVID=[1, 2, 2, 2]))
    only = data.select([2])
    assert only.endpoints == (1, 2)
    assert only.population.obs_endpoint.tolist() == [1, 1]


NAMED = pd.DataFrame(
    {
        "ID": [1, 1, 1, 2],
        "TIME": [0.0, 1.0, 2.0, 0.0],
        "DV": [np.nan, np.nan, 5.0, 6.0],
        "AMT": [10, 20, 0, 0],
        "CMT": ["Central", "1", "", None],
    }
)


def test_compartments_by_name_or_number():
    data = Dataset.from_frame(NAMED)
    assert data.table["CMT"].tolist() == ["Central", "1", "0", "0"]
    assert np.isnan(data.population.records[:2, rec.CMT]).all()
    assert data.resolve_compartments(["depot", "central"]).tolist() == [2, 1, 0, 0]
    assert data.endpoints == ("DV",)
    numbers = Dataset.from_frame(NAMED.assign(CMT=[2, 1, 0, 0]))
    assert numbers.resolve_compartments(["depot", "central"]).tolist() == [2, 1, 0, 0]
    with_locf = Dataset.from_frame(
        NAMED.assign(WT=[70, 71, 72, 60]), covariate_interpolation="locf"
    )
    assert with_locf.resolve_compartments(["depot", "central"]).tolist() == [2, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("cmt", "words"),
    [
        ("centrl", ["compartment centrl", "row 3, ID 1, TIME 1", "Did you mean 'central'?"]),
        ("3", ["compartment 3", "row 3, ID 1", "1 = depot, 2 = central"]),
        ("gut", ["compartment gut", "1 = depot, 2 = central", "Correct CMT"]),
    ],
)
def test_compartments_that_the_model_lacks_are_refused(cmt, words):
    data = Dataset.from_frame(NAMED.assign(CMT=["central", cmt, "", ""]), name="trial")
    with pytest.raises(DataError) as caught:
        data.resolve_compartments(["depot", "central"], model="oral")
    message = str(caught.value)
    assert not [
        word for word in ["trial: a dose", "oral does not have", *words] if word not in message
    ]


def test_a_blank_compartment_of_a_dose_is_the_first():
    data = Dataset.from_frame(NAMED.assign(CMT=["central", None, None, None]))
    assert data.resolve_compartments(["depot", "central"]).tolist() == [2, 1, 0, 0]


def test_a_design_needs_no_dv():
    design = pd.DataFrame({"ID": [1, 1, 1, 2], "TIME": [0, 1, 2, 0], "AMT": [9, 0, 0, 9]})
    data = read_dataset(design, design=True)
    assert data.design
    assert data.subjects == (1, 2)
    assert data.n_obs == 2
    assert data.population.records[:, rec.KIND].tolist() == [
        *(rec.DOSE, rec.OBSERVATION, rec.OBSERVATION, rec.DOSE)
    ]
    assert np.isnan(data.population.dv).all()
    assert data.observations["TAD"].tolist() == [1, 2]
    assert data.table["MDV"].tolist() == [1, 1, 1, 1]
    assert repr(data) == "<Dataset 'data': 2 subjects, 2 times to predict, 2 dose rows>"
    assert data.python() == "wb.read_dataset(frame, design=True)"
    with pytest.raises(DataError, match="no column DV"):
        read_dataset(design)


def test_a_design_predicts_at_rows_of_evid_0_and_2_whatever_their_mdv():
    design = frame(
        EVID=[1, 0, 0, 2, 3], AMT=[9, 0, 0, 0, 0], MDV=[1, 0, 1, 1, 1], DV=[0, np.nan, 2, 0, 0]
    )
    data = read_dataset(design, design=True)
    assert data.observations["TIME"].tolist() == [1, 2, 3]
    assert data.select([1]).n_obs == 3
    assert read_dataset(design.assign(DV=1.0)).n_obs == 1


def test_a_design_of_doses_alone_is_for_curves():
    data = read_dataset(frame(EVID=[1], AMT=[9]), design=True)
    assert data.n_obs == 0
    assert "no time is given to predict at" in data.audit["MESSAGE"].str.cat()


def test_a_design_takes_doses_from_dose_without_dv():
    data = read_dataset(
        pd.DataFrame({"ID": 1, "TIME": [0, 1], "EVID": [1, 0], "DOSE": [9, 0]}), design=True
    )
    assert data.doses["AMT"].tolist() == [9]


def test_subjects_without_observations_can_be_kept():
    rows = frame(ID=[1, 1, 2], AMT=[9, 0, 9], DV=[np.nan, 2, np.nan])
    assert read_dataset(rows).subjects == (1,)
    kept = read_dataset(rows, keep_unobserved=True)
    assert kept.subjects == (1, 2)
    assert kept.population.obs_start.tolist() == [0, 1, 1]
    assert kept.python() == "wb.read_dataset(frame, keep_unobserved=True)"
    with pytest.raises(DataError, match=r"no observation.*design=True"):
        read_dataset(rows.assign(DV=np.nan), keep_unobserved=True)


def test_code_with_every_option_reads_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(AMT=[9, 0], WT=[70, 71]).drop(columns="DV").to_csv("design.csv", index=False)
    data = read_dataset("design.csv", design=True, covariate_interpolation="locf")
    again = eval(data.python(), {"wb": workbench.data})  # noqa: S307
    pd.testing.assert_frame_equal(again.table, data.table)
    np.testing.assert_array_equal(again.population.records, data.population.records)
