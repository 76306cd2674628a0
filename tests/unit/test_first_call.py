"""The first call of a kernel, which compiles it, from several threads and with wrong types."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

THREADS = """
import threading
import numpy as np
from workbench.core.linalg import cholesky

barrier, failures = threading.Barrier(8), []

def call():
    low = np.zeros((2, 2))
    barrier.wait()
    try:
        cholesky(4.0 * np.eye(2), 2, low)
        assert low[1, 1] == 2.0
    except BaseException as error:
        failures.append(error)

threads = [threading.Thread(target=call) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failures)
"""
WRONG_TYPE = """
import numpy as np
from workbench.core.linalg import cholesky

try:
    cholesky(np.eye(2, dtype=np.int64), 2, np.zeros((2, 2)))
except TypeError as error:
    print(error)
"""


def run_with_empty_cache(code, folder):
    env = os.environ | {"WORKBENCH_CACHE_DIR": str(folder)}
    env.pop("NUMBA_DISABLE_JIT", None)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    ).stdout


def test_threads_may_meet_at_the_first_call(tmp_path):
    assert run_with_empty_cache(THREADS, tmp_path).strip() == "[]"


def test_an_array_of_whole_numbers_is_refused_not_reinterpreted(tmp_path):
    message = run_with_empty_cache(WRONG_TYPE, tmp_path)
    assert "cholesky" in message
    assert "int64" in message
