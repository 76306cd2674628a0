"""Objectives called directly, and their gradients against differences."""

import importlib

import numpy as np

import workbench as wb
from workbench.estimation._likelihood import MarginalLikelihood
from workbench.problem import Problem
from workbench.problem.sampler import Sampler, Sweep
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


def marginal_by_quadrature(model, data, nodes=15):
    """-2 log of the marginal, without n log 2 pi, by Gauss-Hermite nodes around the modes.

    The spread of the nodes is that of the conditional distributions, from draws; the result does
    not depend on it but for the error of the quadrature.
    """
    problem = Problem(model, data)
    space = problem.space
    values, n_eta = space.values(space.start), space.n_eta
    fit = wb.evaluate(model, data)
    draws = fit.draws(200)[list(fit.etas)].to_numpy().reshape(problem.n_sub, 200, n_eta)
    center = draws.mean(axis=1)
    spread = np.einsum("nda,ndb->nab", draws - center[:, None], draws - center[:, None]) / 200
    low = np.linalg.cholesky(spread)
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.stack([g.ravel() for g in np.meshgrid(*[x] * n_eta, indexing="ij")], axis=1)
    weights = np.prod(np.meshgrid(*[w] * n_eta, indexing="ij"), axis=0).ravel()
    run = Sampler(
        problem,
        Workers(1, problem.n_sub, problem.n_obs),
        seed=0,
        purpose=0,
        n_chains=len(points),
        sweep=Sweep(),
    )
    run.eta[:] = center[:, None, :] + np.einsum("nab,db->nda", low, points)
    misfit = run.complete(values, order=0).misfit
    prior = 0.5 * np.einsum("nda,ab,ndb->nd", run.eta, values.precision, run.eta)
    logs = np.log(weights) + 0.5 * (points**2).sum(axis=1) - misfit - prior
    top = logs.max(axis=1)
    total = top + np.log(np.exp(logs - top[:, None]).sum(axis=1))
    total += np.linalg.slogdet(low)[1] - 0.5 * n_eta * np.log(2 * np.pi)
    return float(np.sum(values.log_det_omega - 2.0 * total + problem.jacobian))
