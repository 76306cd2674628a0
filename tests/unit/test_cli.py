"""The console: what it prints, and how it refuses, in one line and with exit code 2."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import workbench as wb
from workbench import cli
from workbench.errors import WorkbenchError

GOOD = "ID,TIME,DV,AMT,EVID\n1,0,0,100,1\n1,1,5,0,0\n1,2,4,0,0\n2,0,0,100,1\n2,1,6,0,0\n2,3,3,0,0\n"


@pytest.fixture
def console(monkeypatch, capsys):
    """Run a command in this process; return (exit code, standard output, standard error)."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(wb.load_dataset("theophylline").info.suggested_model))
    return path


def test_version(console):
    assert console("--version") == (0, f"nlme-workbench {wb.__version__}\n", "")


def test_datasets(console):
    code, out, _ = console("datasets")
    assert code == 0
    for name in ("theophylline", "phenobarbital", "indomethacin"):
        assert name in out


def test_fit_prints_the_reference_values_and_saves_them(console, card, tmp_path):
    run = tmp_path / "run.json"
    code, out, _ = console(
        "fit", "theophylline", "--model", card, "--method", "focei", "--out", run
    )
    assert code == 0
    assert "OFV 116.803" in out
    assert "-2LL 359.403" in out
    assert "converged" in out
    assert wb.load_fit(run).ofv == pytest.approx(116.803, abs=0.005)


def test_evaluate_estimates_nothing(console, card):
    code, out, _ = console("evaluate", "theophylline", "--model", card)
    model = wb.Model.from_json(card)
    at = wb.evaluate(model, wb.load_dataset("theophylline"), method="focei")
    assert code == 0
    assert f"OFV {at.ofv:.3f}" in out


def test_options_reach_the_estimator(console):
    _, out, _ = console("fit", "theophylline", "--option", "covariance=none")
    assert "NaN" not in out
    code, _, err = console("fit", "theophylline", "--option", "covariance=bread")
    assert code == cli.BAD_INPUT
    assert "hessian" in err


def test_values_below_a_limit_get_the_treatment_that_is_named(console):
    """M1 leaves them out; without a name they count by their likelihood, as M3."""
    data = wb.load_dataset("theophylline").censor(lloq=2.0)
    model = wb.Model.from_dict(data.info.suggested_model)
    common = ("evaluate", "theophylline", "--lloq", "2.0", "--method", "laplace")
    for arguments, treated in (((), data), (("--blq", "M1"), data.with_blq("M1"))):
        _, out, _ = console(*common, *arguments)
        assert f"OFV {wb.evaluate(model, treated, method='laplace').ofv:.3f}" in out
    code, _, err = console(*common, "--blq", "M9")
    assert code == 2
    assert "M9" in err


def test_columns_can_be_mapped(console, card, tmp_path):
    odd = tmp_path / "odd.csv"
    odd.write_text(GOOD.replace("ID,TIME,DV", "WHO,WHEN,WHAT"))
    mapped = ["--columns", "ID=WHO", "--columns", "TIME=WHEN", "--columns", "DV=WHAT"]
    code, out, _ = console("evaluate", odd, "--model", card, *mapped)
    assert code == 0
    assert "2 subjects, 4 observations" in out


BAD_FILES = {
    "empty": ("", "empty"),
    "only a header": ("ID,TIME,DV,AMT\n", "no data rows"),
    "text in DV": (GOOD.replace("1,1,5", "1,1,five"), "five"),
    "no ID": (GOOD.replace("ID", "X"), "ID"),
    "twice a name": (GOOD.replace("EVID\n", "DV\n"), "more than once"),
    "ragged": (GOOD + "2,4\n", "row 8"),
    "infinite time": (GOOD.replace("2,3,3", "2,inf,3"), "TIME"),
    "no observations": ("ID,TIME,DV,AMT,EVID\n1,0,.,100,1\n", "observation"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused_in_one_message_without_traceback(console, card, tmp_path, name):
    content, words = BAD_FILES[name]
    path = tmp_path / "bad.csv"
    path.write_text(content)
    code, out, err = console("fit", path, "--model", card)
    assert code == cli.BAD_INPUT
    assert out == ""
    assert err.startswith("Error: ")
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fit", "nothing.csv"], "no file"),
        (["fit", "theophyline"], "theophyline"),
        (["fit", "theophylline", "--method", "focex"], "focei"),
        (["fit", "theophylline", "--model", "missing.json"], "missing.json"),
        (["fit", "theophylline", "--option", "max_itr=5"], "max_iter"),
        (["fit", "theophylline", "--option", "max_iter"], "KEY=VALUE"),
        (["fit", "theophylline", "--option", "max_iter=-1"], "at least 0"),
        (["fit", "theophylline", "--columns", "ID"], "KEY=VALUE"),
        (["fit", "theophylline", "--out", "/nowhere/run.json"], "no folder"),
        (["--host", "0.0.0.0", "--no-browser"], "run any code"),
        (["--host", "192.0.2.7", "--no-browser"], "--allow-remote"),
    ],
)
def test_bad_arguments_are_refused_with_the_remedy(console, arguments, words):
    code, _, err = console(*arguments)
    assert code == cli.BAD_INPUT
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [["fit"], ["nonsense"], ["--port", "0"], ["--theme", "pink"], ["--pool", "-1"]]
)
def test_misuse_of_the_command_line_exits_with_2(console, arguments):
    code, _, err = console(*arguments)
    assert code == 2
    assert err


def test_a_broken_model_card_is_named_with_line_and_column(console, tmp_path):
    card = tmp_path / "model.json"
    card.write_text('{"structure": "pk_1cmt_oral",\n "parameters": }')
    code, _, err = console("fit", "theophylline", "--model", card)
    assert code == cli.BAD_INPUT
    assert "line 2" in err


def test_data_without_a_suggested_model_need_one(console, tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    code, _, err = console("fit", path)
    assert code == cli.BAD_INPUT
    assert "--model" in err


def test_a_dose_into_a_missing_compartment_is_refused(console, card, tmp_path):
    path = tmp_path / "doses.csv"
    path.write_text(GOOD.replace("EVID", "CMT").replace("100,1", "100,7"))
    code, _, err = console("fit", path, "--model", card)
    assert code == cli.BAD_INPUT
    assert "7" in err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.5"])
def test_loopback_hosts_need_no_permission(host):
    cli._refuse_remote(host, allowed=False)


def test_allow_remote_warns_that_a_page_can_run_code(capsys):
    cli._refuse_remote("0.0.0.0", allowed=True)
    assert "run any code" in capsys.readouterr().err


def test_errors_that_are_not_ours_are_not_hidden(monkeypatch):
    def broken():
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_every_error_of_ours_is_caught(monkeypatch, capsys):
    def refuse():
        raise WorkbenchError("This cannot be.")

    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.BAD_INPUT
    assert capsys.readouterr().err == "Error: This cannot be.\n"


def test_the_installed_command_answers():
    command = Path(sys.executable).with_name("workbench")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"nlme-workbench {wb.__version__}\n"


def test_the_module_is_the_same_command():
    command = [sys.executable, "-m", "workbench.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"nlme-workbench {wb.__version__}\n"
