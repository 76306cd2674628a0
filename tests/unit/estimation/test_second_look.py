"""The search that is repeated when a variance has gone to zero."""

import numpy as np
import pytest

from tests import cases
from workbench.core.optimize import Minimum
from workbench.estimation import _likelihood
from workbench.problem import Problem

FIRST = Minimum(np.zeros(1), 5.0, np.zeros((2, 1)), 3, 4, 0.0, "converged")


def look(search):
    trace = [{"ofv": 6.0}, {"ofv": 5.0}]

    def recorded(start):
        trace.append({"ofv": 5.5})
        return search(start)

    return _likelihood._second_look(recorded, np.ones(1), FIRST, trace), trace


def test_a_better_minimum_replaces_the_first():
    better = Minimum(np.ones(1), 4.0, np.zeros((2, 1)), 3, 4, 0.0, "converged")
    found, trace = look(lambda _start: better)
    assert found is better
    assert len(trace) == 3


def test_a_worse_one_leaves_no_trace():
    worse = Minimum(np.ones(1), 5.5, np.zeros((2, 1)), 3, 4, 0.0, "max_iter")
    found, trace = look(lambda _start: worse)
    assert found is FIRST
    assert trace[-1]["ofv"] == FIRST.value


def test_the_first_minimum_survives_a_start_without_an_objective():
    def nowhere(start):
        raise ValueError("not finite")

    assert look(nowhere)[0] is FIRST


def test_a_lost_variance_is_given_back_and_others_are_left():
    problem = Problem(cases.oral_model("additive"), cases.oral_data())
    space = problem.space
    assert _likelihood.revived(problem, space.start) is None
    lost = space.start.copy()
    lost[space.n_theta + 1] = np.log(1e-6)
    back = np.sqrt(np.diag(space.omega(_likelihood.revived(problem, lost))))
    start = np.sqrt(np.diag(space.omega(space.start)))
    assert back[1] == pytest.approx(0.5 * start[1])
    np.testing.assert_allclose(back[[0, 2]], start[[0, 2]])
