"""A lag gives subjects several modes: the lowest must be found, whatever the parameters."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.core.conditional import conditional_range
from workbench.problem import Problem

N_SUB, N_DRAWS = 30, 4000


def model(text=False):
    parameters = {
        "ka": wb.LogNormal(1.0, iiv=0.6),
        "cl": wb.LogNormal(3.0, iiv=0.3),
        "v": wb.LogNormal(30.0, iiv=0.2),
        "tlag": wb.LogNormal(0.8, iiv=0.6),
    }
    structure = wb.pk(absorption="first_order", lag=True)
    if text:
        structure = wb.equations(
            "late = tlag\nlag(depot) = late\nd/dt(depot) = -ka*depot\n"
            "d/dt(central) = ka*depot - cl/v*central\ncp = central/v\n",
            outputs=["cp"],
        )
    return wb.Model(structure, parameters, error=wb.error.Combined(0.05, 0.1, kind=2))


@pytest.fixture(scope="module")
def data():
    times = np.array([0.5, 1.0, 1.5, 2.0, 3.0, 6.0, 12.0])
    doses = pd.DataFrame({"ID": np.arange(1, N_SUB + 1), "TIME": 0.0, "AMT": 100.0, "EVID": 1})
    seen = pd.DataFrame(
        {"ID": np.repeat(doses["ID"], len(times)), "TIME": np.tile(times, N_SUB), "EVID": 0}
    )
    design = pd.concat([doses, seen]).sort_values(["ID", "TIME"], kind="stable")
    drawn = wb.simulate(model(), design, seed=3)
    design.loc[design["EVID"] == 0, "DV"] = drawn["DV"].to_numpy()
    return wb.read_dataset(design, name="lagged")


def modes(problem, values, structure):
    out = problem.objective_arrays()
    cancel = np.zeros(1, dtype=np.int64)
    args = (True, False, structure, problem.subjects, values, cancel, out)
    assert conditional_range(0, problem.n_sub, *args) == 0
    return out


def joint(problem, values, eta):
    """J of every subject at eta (n_sub, n_eta), by its formula."""
    r, v, _ = problem.residuals(problem.values(values.theta, eta), values.sigma)
    terms = 0.5 * (r**2 / v + np.log(v))
    by_subject = np.add.reduceat(terms, problem.data.population.obs_start[:-1])
    return by_subject + 0.5 * np.einsum("ia,ab,ib->i", eta, values.precision, eta)


@pytest.mark.parametrize("text", [False, True], ids=["closed", "equations"])
def test_the_search_scans_random_effects_on_a_lag(data, text):
    problem = Problem(model(text), data)
    assert [problem.space.etas[k] for k in problem.structure.scan] == ["tlag"]


def test_no_draw_lies_below_the_mode(data):
    problem = Problem(model(), data)
    values = problem.space.values(problem.space.start)
    found = joint(problem, values, modes(problem, values, problem.structure).eta)
    low = np.linalg.cholesky(problem.model.omega)
    rng = np.random.default_rng(1)
    lowest = np.full(N_SUB, np.inf)
    for _ in range(N_DRAWS):
        eta = rng.standard_normal((N_SUB, 4)) @ low.T
        lowest = np.minimum(lowest, joint(problem, values, eta))
    assert (found <= lowest + 1e-9).all()


def test_a_search_from_zero_alone_misses_modes_and_the_scan_never_ends_higher(data):
    problem = Problem(model(), data)
    values = problem.space.values(problem.space.start)
    alone = problem.structure._replace(scan=problem.structure.scan[:0])
    once = joint(problem, values, modes(problem, values, alone).eta)
    scanned = joint(problem, values, modes(problem, values, problem.structure).eta)
    assert (scanned <= once + 1e-9).all()
    assert (scanned < once - 0.01).sum() >= 3
