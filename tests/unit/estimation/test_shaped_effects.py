"""SAEM's step for random effects that are not normal: its score, what it holds, what it moves."""

from dataclasses import replace

import numpy as np
import pytest

import workbench as wb
from tests import cases
from workbench.estimation._shaped_effects import ShapedEffects
from workbench.problem import Problem

ETAS = {"boxcox": wb.eta.BoxCox(0.6), "student": wb.eta.StudentT(4.0)}


@pytest.fixture(params=ETAS)
def case(request):
    """Shapes on ka and cl, cl with a covariate; theta, precision and eta anywhere."""
    base = cases.oral_model("proportional", correlations={("ka", "cl"): 0.4})
    weight = wb.covariate.Power("WT", reference=70, exponent=0.75)
    ka = replace(base.parameters["ka"], eta=ETAS[request.param])
    cl = replace(base.parameters["cl"], eta=wb.eta.BoxCox(-0.3), covariates=(weight,))
    model = base.replace(parameters={**base.parameters, "ka": ka, "cl": cl})
    problem = Problem(model, cases.covariate_data(6), estimable=True)
    values = problem.space.values(problem.space.start)
    eta = 0.4 * np.random.default_rng(5).standard_normal((problem.n_sub, 2, problem.space.n_eta))
    return ShapedEffects(problem), values.theta, values.precision, eta


def test_moves_what_acts_through_these_effects_alone(case):
    own = case[0].problem.space
    names = [own.entries[k].name for k in case[0].elements]
    assert names == ["ka", "cl", "beta[cl,WT]", "shape[ka]", "shape[cl]"]


def test_score_equals_differences_where_individual_parameters_are_held(case):
    """1e-7: central differences."""
    effects, theta, precision, eta = case
    z, moved = effects.places(theta, eta), eta.copy()

    def misfit(at):
        effects.follow(at, z, moved)
        return effects.misfit(at, precision, moved)

    score = effects.scores(theta, precision, eta).sum(axis=(0, 1))
    for k in effects.elements:
        step = np.zeros(len(theta))
        step[k] = 1e-5
        slope = (misfit(theta + step) - misfit(theta - step)) / 2e-5
        assert -slope == pytest.approx(score[k], rel=1e-7, abs=1e-7)


def test_a_step_keeps_individual_parameters_and_raises_the_likelihood(case):
    effects, theta, precision, eta = case
    held, misfit = effects.places(theta, eta), effects.misfit(theta, precision, eta)
    moved = eta.copy()
    there = effects.move(theta, precision, moved, 1.0)
    for one, other in zip(held, effects.places(there, moved), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-12)
    assert effects.misfit(there, precision, moved) < misfit - 1e-3
    others = np.setdiff1d(np.arange(len(theta)), effects.elements)
    np.testing.assert_array_equal(there[others], theta[others])
    assert not np.allclose(there[effects.elements], theta[effects.elements])
