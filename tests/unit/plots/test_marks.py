import numpy as np
import pandas as pd
import pytest

from workbench.plots._cells import Cell
from workbench.plots._marks import labelled, observation_tips, points, quantity, room
from workbench.plots._subjects import Subjects


def test_units_in_words():
    assert labelled("DV", "mg/L") == "DV (mg/L)"
    assert labelled("DV", "") == labelled("DV", None) == "DV"
    assert quantity(11.8912, "mg/L") == "11.89 mg/L"
    assert quantity(3.0, "") == "3"


def test_tips_of_observations():
    table = pd.DataFrame(
        {"ID": [5, "a"], "TIME": [2.0, 0.25], "DV": [11.89, 3], "CWRES": [-1, 2.5]}
    )
    units = {"TIME": "h", "DV": "mg/L"}
    assert observation_tips(table, "DV", units) == [
        "ID 5 · 2 h · DV 11.89 mg/L",
        "ID a · 0.25 h · DV 3 mg/L",
    ]
    assert observation_tips(table, "CWRES", units)[1] == "ID a · 0.25 h · CWRES 2.5"
    assert observation_tips(table, "DV", {})[0] == "ID 5 · TIME 2 · DV 11.89"


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([0, 10], (-0.3, 0), (10, 11)),
        ([1, 10], 0, (10, 11)),
        ([95, 100], (94, 95), (100, 101)),
        ([5, 5], (4, 5), (5, 6)),
        ([0, 0], (-1.1, 0), (0, 1.1)),
        ([-3, 4], (-4, -3), (4, 5)),
    ],
)
def test_limits_leave_some_air(values, low, high):
    found = room(np.array(values, float))
    for value, allowed in zip(found, (low, high), strict=True):
        lowest, highest = allowed if isinstance(allowed, tuple) else (allowed, allowed)
        assert lowest <= value <= highest
    assert found[1] > found[0]


def test_limits_of_nothing():
    assert room(np.array([np.nan])) == (0.0, 1.0)


def test_points_without_a_place_are_left_out():
    found = points(np.array([1, np.nan]), np.array([2.0, 3]), ["a", "b"], ["t", "u"])
    assert found.to_dict("list") == {"x": [1.0], "y": [2.0], "ID": ["a"], "tip": ["t"]}


def test_a_cell_maps_its_corners():
    cell = Cell(0.2, 0.1, 0.5, 0.4).scaled((10, 20), (-1, 1), most=(5, 5))
    np.testing.assert_allclose(cell.x(np.array([10, 20])), [0.2, 0.7])
    np.testing.assert_allclose(cell.y(np.array([-1, 1])), [0.1, 0.5])
    assert ((cell.xticks >= 10) & (cell.xticks <= 20)).all()
    assert len(cell.xticks) >= 3


def test_rows_of_a_subject_whatever_the_order():
    table = pd.DataFrame({"ID": ["b", "a", "b"], "x": [1, 2, 3]})
    subjects = Subjects(table)
    assert subjects.labels == ["b", "a"]
    assert subjects.rows("b")["x"].tolist() == [1, 3]
    assert subjects.select(["a", "b"])["x"].tolist() == [2, 1, 3]
    assert [part.tolist() for part in subjects.split(table["x"].to_numpy())] == [[1, 3], [2]]
