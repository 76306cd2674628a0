"""Objectives called directly, and their gradients against differences."""

import importlib

import numpy as np

from workbench.estimation._likelihood import MarginalLikelihood
from workbench.problem import Problem
from workbench.problem.workers import Workers


def likelihood(model, data, method, threads=1, **options):
    problem = Problem(model, data)
    module = importlib.import_module(f"workbench.estimation.{method}")
    objective = module.marginal(problem, module.ESTIMATOR.options(**options)).objective
    return MarginalLikelihood(problem, objective, Workers(threads, problem.n_sub, problem.n_obs))


def differences(function, x, h=2e-3):
    """Central differences of sixth order (Richardson on steps h, h/2, h/4)."""
    columns = []
    for k in range(len(x)):
        unit = np.eye(len(x))[k]

        def central(size, unit=unit):
            return (function(x + size * unit) - function(x - size * unit)) / (2 * size)

        columns.append((64 * central(h / 4) - 20 * central(h / 2) + central(h)) / 45)
    return np.array(columns).T


def check_gradient(model, data, method, **options):
    """1e-8 of each subject's largest slope: rounding of the objective (1e-14) over h."""
    target = likelihood(model, data, method, **options)
    x = target.problem.space.start
    x = x + 0.05 * np.cos(np.arange(len(x)))  # away from the model's round values
    _, gradient = target(x)
    numeric = differences(lambda at: target.arrays(at, gradient=False)[1].ofv.copy(), x)
    scale = np.abs(numeric).max(axis=1, keepdims=True)
    np.testing.assert_array_less(np.abs(gradient - numeric) / scale, 1e-8)
