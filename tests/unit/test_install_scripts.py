"""What `make app` and `make test` say on a machine that lacks something."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tools"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shell scripts")


@pytest.fixture
def bare(tmp_path):
    """Return a function that runs a script on a PATH with next to nothing on it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "id", "mktemp", "rm", "tail", "env"):
        (programs / name).symlink_to(shutil.which(name))

    def run(script, *arguments, **fakes):
        for name, text in fakes.items():
            fake = programs / name
            fake.write_text(f"#!{shutil.which('bash')}\n{text}\n", encoding="utf-8")
            fake.chmod(0o755)
        return subprocess.run(
            [programs / "bash", TOOLS / script, *arguments],
            env={"PATH": str(programs)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_missing_python_is_named_with_what_to_install(bare, tmp_path):
    done = bare("install.sh", str(tmp_path / "venv"))
    assert done.returncode != 0
    assert "Python 3.11 or newer" in done.stderr
    assert "apt-get install python3" in done.stderr


def test_an_old_python_is_refused_by_its_version(bare, tmp_path):
    old = 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac'
    done = bare("install.sh", str(tmp_path / "venv"), python3=old)
    assert done.returncode != 0
    assert "Found: Python 3.9.2" in done.stderr


def test_a_missing_venv_module_is_named_with_what_to_install(bare, tmp_path):
    split = f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac'
    done = bare("install.sh", str(tmp_path / "venv"), python3=split)
    assert done.returncode != 0
    assert "python3-venv" in done.stderr


def test_a_missing_browser_is_named_with_what_to_do(bare):
    done = bare("install_browser.sh", "yes")
    assert done.returncode != 0
    assert "apt-get install chromium" in done.stderr
    assert "BROWSER=no" in done.stderr


def test_the_browser_is_not_asked_for_without_browser_tests(bare):
    assert bare("install_browser.sh", "no").returncode == 0


def test_a_browser_that_is_there_is_left_alone(bare):
    done = bare("install_browser.sh", "yes", chromium="exit 0")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("target", ["app", "test", "lint", "bench", "wheel-test", "clean"])
def test_every_target_of_the_readme_is_explained(target):
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"make {target} " in done
