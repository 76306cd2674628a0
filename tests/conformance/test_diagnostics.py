"""Every registered diagnostic gives a tidy table and leaves its source alone."""

import copy
import inspect

import pandas as pd
import pytest

from tests.standins import odd_cases, stand_in
from workbench.diagnostics import diagnostics, table, tables
from workbench.results.individuals import INDIVIDUAL

NAMES = diagnostics.names()
BY_INDIVIDUAL = [name for name in NAMES if diagnostics.get(name).by_individual]
CASES = odd_cases()


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name):
    diagnostic = diagnostics.get(name)
    assert diagnostic.name == name
    assert diagnostic.title
    assert diagnostic.needs in ("fit", "dataset")
    assert len(diagnostic.table.__doc__) > 80


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", NAMES)
def test_gives_a_tidy_table(name, case):
    found = table(name, CASES[case])
    assert isinstance(found, pd.DataFrame)
    assert found.columns.is_unique
    assert list(found.index) == list(range(len(found)))
    assert all(isinstance(column, str) for column in found.columns)
    columns = [column for column in found.columns if column != "ENDPOINT" or "endp" not in case]
    assert columns == list(table(name, CASES["ordinary"]).columns)


@pytest.mark.parametrize("individual", INDIVIDUAL)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", BY_INDIVIDUAL)
def test_shows_subjects_by_every_kind_of_individual_estimate(name, case, individual):
    """Modes are the default, and means and draws have the same columns of the same types."""
    fit = CASES[case]
    modes, found = diagnostics.get(name).table(fit), table(name, fit, individual=individual)
    assert list(found.index) == list(range(len(found)))
    assert list(found.columns) == list(modes.columns)
    if "ID" in modes:
        assert set(found["ID"]) == set(modes["ID"])
    if individual == "ebe":
        pd.testing.assert_frame_equal(found, modes)
    if "individual" in found and len(found):
        assert set(found["individual"]) == {individual}
    if "DRAW" in found and len(found):
        draws = found.groupby("ID", sort=False)["DRAW"].nunique()
        assert (draws == draws.iloc[0]).all()
        assert (draws.iloc[0] > 1) == (individual == "draws")


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BY_INDIVIDUAL)))
def test_takes_no_kind_of_individual_estimate_unless_it_says_so(name):
    fit = stand_in()
    pd.testing.assert_frame_equal(table(name, fit), table(name, fit, individual="draws"))
    assert "individual" not in inspect.signature(diagnostics.get(name).table).parameters


@pytest.mark.parametrize("name", NAMES)
def test_leaves_the_fit_alone_and_gives_its_own_table(name):
    fit = stand_in()
    before = copy.deepcopy(fit)
    found = table(name, fit)
    found.loc[:, found.select_dtypes("number").columns] = 0
    for part in ("predictions", "etas", "omega", "shrinkage", "trace", "parameters", "dense"):
        pd.testing.assert_frame_equal(getattr(fit, part), getattr(before, part))
    pd.testing.assert_frame_equal(fit.data.doses, before.data.doses)
    pd.testing.assert_frame_equal(fit.data.observations, before.data.observations)


def test_tables_of_a_dataset_need_no_fit():
    fit = stand_in()
    pd.testing.assert_frame_equal(table("data", fit.data), table("data", fit))


def test_tables_come_by_name():
    assert list(tables(("gof", "trace"), stand_in())) == ["gof", "trace"]
