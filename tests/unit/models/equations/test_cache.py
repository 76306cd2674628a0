"""Compiled code is kept between processes, and the file it comes from is never trusted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.core import jit
from workbench.models.equations import compile_system, modules, parse

ROOT = Path(__file__).parents[4]

TEXT = """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - vmax*central/(km + central)
e = e0 + emax*central^g/(ec50^g + central^g) + lgamma(g) + max(ka, e0) + exp(-t*ka)
"""
RUN = f"""
import json
import numpy as np
from numba.core import event

compiled = []

class Listener(event.Listener):
    def on_start(self, event):
        compiled.append(str(event.data["dispatcher"]))

    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
from workbench.models.equations import compile_system, parse

result = compile_system(parse({TEXT!r}, ["e"]))
z = np.linspace(0.3, 1.7, len(result.system.z))
output = [part.tolist() for part in result.output.evaluate(1.5, z)]
print(json.dumps({{"compiled": compiled, "output": output}}))
"""


def run(folder, **environment):
    env = os.environ | {"WORKBENCH_CACHE_DIR": str(folder)} | environment
    if not environment:
        env.pop("NUMBA_DISABLE_JIT", None)
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A cache folder after the first process, and what that process answered."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, run(folder)


def test_the_second_process_compiles_nothing(first):
    folder, answer = first
    second = run(folder)
    assert any("rhs" in one for one in answer["compiled"])
    assert second["compiled"] == []
    assert second["output"] == answer["output"]


def test_a_tampered_file_is_replaced_and_never_run(first):
    folder, answer = first
    (path,) = folder.glob("*/equations/workbench_equations_*.py")
    text, stat = path.read_text(), path.stat()
    poison = "raise SystemExit('run')\n"
    path.write_text(poison + text[len(poison) :])
    os.utime(path, (stat.st_mtime, stat.st_mtime))
    assert path.stat().st_size == stat.st_size
    assert run(folder)["output"] == answer["output"]
    assert path.read_text() == text


def test_plain_python_gives_what_compiled_code_gives(first):
    folder, answer = first
    plain = run(folder, NUMBA_DISABLE_JIT="1")
    assert plain["compiled"] == []
    for one, other in zip(answer["output"], plain["output"], strict=True):
        # the mathematics libraries of numpy and the compiler may differ in the last bit
        np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-300)


@pytest.mark.slow
def test_processes_may_meet(tmp_path):
    env = os.environ | {"WORKBENCH_CACHE_DIR": str(tmp_path)}
    env.pop("NUMBA_DISABLE_JIT", None)
    together = [
        subprocess.Popen(
            [sys.executable, "-c", RUN], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [json.loads(one.communicate(timeout=120)[0])["output"] for one in together]
    assert answers[0] == answers[1]
    assert not list(tmp_path.glob("*/equations/*.tmp"))


def test_a_module_is_loaded_once(tmp_path, monkeypatch):
    monkeypatch.setattr(modules, "FOLDER", tmp_path)
    text = "VALUE = [1]\n"
    assert modules.load(text) is modules.load(text)
    (path,) = tmp_path.iterdir()
    assert path.read_text() == text


def test_sources_lie_in_the_folder_of_this_version():
    assert modules.FOLDER.parent == jit.CACHE_FOLDER
    compiled = compile_system(parse(TEXT, ["e"]))
    assert Path(sys.modules[compiled.rhs.function.__module__].__file__).parent == modules.FOLDER
