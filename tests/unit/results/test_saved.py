"""A saved fit comes back whole, in another process too; a damaged file is refused by name."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests import cases, outputs
from workbench.errors import DataError

ROOT = Path(__file__).parents[3]
FRAMES = (
    "parameters",
    "covariance",
    "etas",
    "individual_parameters",
    "predictions",
    "shrinkage",
    "trace",
)
VALUES = (
    "model",
    "final_model",
    "method",
    "options",
    "given",
    "seed",
    "estimated",
    "ofv",
    "m2ll",
    "n_parameters",
    "verdict",
    "reasons",
    "warnings",
    "seconds",
    "epsilon_shrinkage",
    "aic",
    "bic",
    "units",
)


def text_ids():
    """Labels for ID; covariates that are labels, missing, or change; a subject without a dose."""
    frame = cases.iv_frame(5)
    frame["ID"] = [f"P-0{i}" for i in frame["ID"]]
    frame["SEX"] = np.where(frame["ID"] == "P-03", "f", "m")
    frame["WT"] = np.where(frame["ID"] == "P-02", np.nan, 70.5)
    frame["CRCL"] = np.arange(len(frame)) * 0.5
    drop = (frame["ID"] == "P-05") & (frame["EVID"] == 1)
    units = {"TIME": "h", "AMT": "mg", "DV": "mg/L"}
    return wb.read_dataset(
        frame[~drop], name="labels & <ids>", units=units, covariate_interpolation="locf"
    )


FITS = {
    "theophylline": lambda: wb.fit(
        cases.oral_model("combined2", correlations=[("cl", "v")]),
        wb.load_dataset("theophylline"),
        covariance="sandwich",
    ),
    "without standard errors": lambda: wb.fit(
        cases.iv_model("additive"), cases.iv_data(), method="foce", covariance="none", seed=3
    ),
    "unfinished": lambda: wb.fit(
        cases.iv_model("proportional", cl=(9.0, 0.9)), cases.iv_data(), method="fo", max_iter=1
    ),
    "evaluated": lambda: wb.evaluate(cases.oral_model("lognormal"), cases.oral_data()),
    "labels": lambda: wb.fit(cases.iv_model("additive"), text_ids()),
    "two outputs": lambda: wb.fit(
        outputs.model("apart", cases.error("combined1"), cases.error("lognormal"), e0_iiv=0.2),
        outputs.data("apart", 12).select([1, 2, 4, 5, 6, 7, 8, 9, 10]),
    ),
    "no random effects": lambda: wb.fit(
        cases.oral_model("proportional", iiv=(0.0, 0.0, 0.0)), cases.oral_data()
    ),
}


@pytest.fixture(scope="module", params=FITS)
def fit(request):
    with pytest.MonkeyPatch.context() as patch:
        outputs.register(patch)
        yield FITS[request.param]()


@pytest.fixture(scope="module")
def theophylline():
    return FITS["theophylline"]()


def same_frame(found, expected, name):
    """Equal to the last bit; an axis without a label has no type worth keeping."""
    pd.testing.assert_frame_equal(
        found,
        expected,
        check_exact=True,
        check_index_type="equiv" if len(expected) else False,
        check_column_type="equiv" if len(expected.columns) else False,
        obj=name,
    )


def same(found, fit):
    for name in VALUES:
        assert getattr(found, name) == getattr(fit, name), name
    for name in FRAMES:
        same_frame(getattr(found, name), getattr(fit, name), name)
    pd.testing.assert_series_equal(found.individual_ofv, fit.individual_ofv, check_exact=True)
    np.testing.assert_equal(found.condition_number, fit.condition_number)


def test_everything_comes_back_to_the_last_bit(fit, tmp_path):
    fit.save(tmp_path / "run.json")
    found = wb.load_fit(tmp_path / "run.json")
    same(found, fit)
    assert repr(found) == repr(fit)
    assert found._repr_html_() == fit._repr_html_()
    assert found.python() == fit.python()


def test_the_data_come_back_with_their_audit_and_their_population(fit, tmp_path):
    fit.save(tmp_path / "run.json")
    found, data = wb.load_fit(tmp_path / "run.json").data, fit.data
    same_frame(found.table, data.table, "table")
    same_frame(found.audit, data.audit, "audit")
    same = ("name", "covariate_names", "code", "info", "subjects", "endpoints", "time_varying")
    for name in (*same, "covariate_interpolation"):
        assert getattr(found, name) == getattr(data, name), name
    assert dict(found.units) == dict(data.units)
    np.testing.assert_array_equal(found.population.records, data.population.records)
    np.testing.assert_array_equal(found.population.dv, data.population.dv)


def test_a_reopened_fit_can_be_worked_with(fit, tmp_path):
    """Curves, a second save, and a fit that goes on from its estimates."""
    fit.save(tmp_path / "run.json")
    found = wb.load_fit(str(tmp_path / "run.json"))
    pd.testing.assert_frame_equal(found.curves(20), fit.curves(20), check_exact=True)
    found.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "run.json").read_bytes()
    at = wb.evaluate(found.final_model, found.data, method=found.method)
    assert at.ofv == pytest.approx(fit.ofv, rel=1e-12)


def test_the_file_is_strict_json(fit, tmp_path):
    """NaN and Infinity are no JSON; other programs could not read them."""
    fit.save(tmp_path / "run.json")

    def refuse(word):
        raise AssertionError(word)

    json.loads((tmp_path / "run.json").read_text(encoding="utf-8"), parse_constant=refuse)


IN_ANOTHER_PROCESS = """
import sys
import workbench as wb
fit = wb.load_fit(sys.argv[1])
again = {"__name__": "script"}
exec(fit.python(), again)
print("---")
for one in (fit, again["fit"]):
    print(one.ofv.hex(), one.verdict, *one.reasons, sep="\\n")
    print(one.parameters.to_csv(), one.predictions.to_csv(), one.etas.to_csv(), sep="\\n")
"""


def test_a_fresh_process_reads_it_and_its_script_repeats_the_fit_to_the_bit(theophylline, tmp_path):
    fit = theophylline
    fit.save(tmp_path / "run.json")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_ANOTHER_PROCESS, str(tmp_path / "run.json")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed, found = done.stdout.split("---\n")
    assert printed == f"{fit}\n"
    tables = (fit.parameters.to_csv(), fit.predictions.to_csv(), fit.etas.to_csv())
    expected = "\n".join([fit.ofv.hex(), fit.verdict, *fit.reasons, *tables]) + "\n"
    assert found == 2 * expected


# --- damaged files ---------------------------------------------------------------------------


def without(*path):
    def damage(card):
        for key in path[:-1]:
            card = card[key]
        del card[path[-1]]

    return damage


def having(value, *path):
    def damage(card):
        for key in path[:-1]:
            card = card[key]
        card[path[-1]] = value

    return damage


NEEDED = ("ofv", "model", "final_model", "data", "parameters", "reasons", "verdict", "seed")
DAMAGE = {
    "short column": (having([1.0], "predictions", "columns", "DV", "values"), "damaged: .*length"),
    "data without times": (
        without("data", "table", "columns", "TIME"),
        "damaged: its data lack the columns TIME",
    ),
    "unknown structure": (having("pk_9cmt", "model", "structure"), "damaged: .*'pk_9cmt'"),
    "half a model": (without("final_model", "parameters", "ka"), "damaged: .*also needs ka"),
    "no table": (having("gone", "etas"), "damaged"),
    "text for numbers": (having("gone", "etas", "columns", "ka", "values", 0), "damaged: .*gone"),
    "version": (having(2, "format"), "was saved in format 2; this version reads 1"),
    "kind": (having("something else", "kind"), "not a fit saved by this package"),
    **{f"lacks {key}": (without(key), f'damaged: it lacks "{key}"') for key in NEEDED},
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused_by_name(theophylline, tmp_path, name):
    path = tmp_path / "my run.json"
    theophylline.save(path)
    card = json.loads(path.read_text(encoding="utf-8"))
    damage, words = DAMAGE[name]
    damage(card)
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        wb.load_fit(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_a_file_cut_short_is_refused_by_name(theophylline, tmp_path, part):
    path = tmp_path / "run.json"
    theophylline.save(path)
    text = path.read_bytes()
    path.write_bytes(text[: int(part * len(text))])
    with pytest.raises(DataError, match=r"run\.json is not a saved fit: it is not JSON"):
        wb.load_fit(path)


def test_json_that_is_no_fit_is_refused_by_name(theophylline, tmp_path):
    path = tmp_path / "card.json"
    for text in (theophylline.model.to_json(), "[1, 2]", "null"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"card\.json is JSON, but not a fit saved by this"):
            wb.load_fit(path)


@pytest.mark.parametrize("content", [b"", b"ID,TIME\n1,0\n", b"\xff\xfe\x00", b"PK\x03\x04zip"])
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, content):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.csv is not a saved fit: it is not JSON"):
        wb.load_fit(path)


def test_no_file_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"no file .*gone\.json"):
        wb.load_fit(tmp_path / "gone.json")
    with pytest.raises(DataError, match=f"{tmp_path.name} cannot be read"):
        wb.load_fit(tmp_path)
