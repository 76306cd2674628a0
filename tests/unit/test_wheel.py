"""The wheel carries all that it needs, and works from an empty environment in another folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command, cwd, env=None):
    """Run a command and return its standard output; a failure shows both streams."""
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, ROOT, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_carries_every_tracked_file_of_the_package(names):
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "workbench").rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and ".ipynb_checkpoints" not in path.parts
    }
    assert expected <= names
    for kind in (".py", ".js", ".css", ".ipynb", "py.typed"):
        assert any(name.endswith(kind) for name in expected), f"no {kind} file in the package"


def test_the_wheel_carries_the_datasets(names):
    expected = {
        f"workbench/_datasets/{path.relative_to(ROOT / 'datasets').as_posix()}"
        for path in (ROOT / "datasets").rglob("*")
        if path.suffix in {".csv", ".json", ".md"}
    }
    assert any(name.endswith("theophylline.csv") for name in expected)
    assert expected <= names


def test_the_wheel_carries_nothing_else(names):
    top = {name.split("/")[0] for name in names}
    assert all(name == "workbench" or name.endswith(".dist-info") for name in top), top
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the bin folder of an environment that holds the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder.parent)
    yield programs
    shutil.rmtree(folder)


@pytest.fixture
def elsewhere(tmp_path):
    """Return keywords for `run`: another folder, and no way back to this one."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return {"cwd": tmp_path, "env": env | {"WORKBENCH_CACHE_DIR": str(tmp_path / "kernels")}}


@pytest.mark.slow
def test_the_library_loads_a_dataset(installed, elsewhere):
    code = (
        "import workbench as wb; d = wb.load_dataset('theophylline');"
        "print(wb.__file__); print(d.n_sub, d.n_obs)"
    )
    where, counts = run(installed / "python", "-c", code, **elsewhere).splitlines()
    assert str(ROOT / "workbench") not in where
    assert counts == "12 132"


@pytest.mark.slow
def test_the_app_notebook_is_installed(installed, elsewhere):
    code = (
        "from importlib.resources import files;"
        "print((files('workbench') / 'notebooks' / 'app.ipynb').is_file())"
    )
    assert run(installed / "python", "-c", code, **elsewhere).strip() == "True"


@pytest.mark.slow
def test_the_console_lists_the_datasets(installed, elsewhere):
    listing = run(installed / "workbench", "datasets", **elsewhere)
    for name in ("theophylline", "phenobarbital", "indomethacin"):
        assert name in listing
