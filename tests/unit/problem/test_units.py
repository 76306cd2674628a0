"""Units of parameters where endpoints have units of their own."""

import pytest

import workbench as wb
from tests import cases
from workbench.errors import OptionError
from workbench.problem.units import units_of


@pytest.fixture(scope="module")
def warfarin():
    data = wb.load_dataset("warfarin_simulated")
    return wb.Model.from_dict(data.info.suggested_model), data


def test_each_endpoint_of_warfarin_has_its_unit(warfarin):
    units = units_of(*warfarin)
    assert units["c.additive"] == "mg/L"
    assert units["e.additive"] == "%"
    assert units["kin"] == "%/h"
    assert (units["ic50"], units["cl"], units["v"]) == ("mg/L", "L/h", "L")
    assert warfarin[1].units["DV"] == ""  # of both together: none rather than a wrong one


def test_a_single_unit_of_dv_is_that_of_every_output(warfarin):
    model, data = warfarin
    one = wb.read_dataset(data.table, units={"TIME": "h", "DV": "mg/L", "AMT": "mg"})
    assert units_of(model, one) == model.units(one.units)


def test_units_of_endpoints_go_with_the_logarithm_and_stay_with_a_fit(warfarin):
    model, data = warfarin
    assert "pca" not in data.log_dv().units
    at = wb.evaluate(model, data, method="focei")
    assert at.parameters.loc["sigma[e.additive]", "unit"] == "%"
    assert at.units["kin"] == "%/h"


def test_a_unit_of_an_endpoint_that_is_not_there_is_refused(warfarin):
    with pytest.raises(OptionError, match="pcb"):
        wb.read_dataset(warfarin[1].table, units={"pcb": "%"})
    with pytest.raises(OptionError, match="not a column with a unit"):
        wb.read_dataset(cases.iv_frame(2), units={"1": "mg/L"})
