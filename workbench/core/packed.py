"""What kernels see: the model, the data, values of the parameters, and working memory."""

from typing import NamedTuple

import numpy as np

from workbench.core.jets import n_parts
from workbench.core.jit import Cube, IntMat, IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.residuals import (
    FIRST_SIGMA,
    SIGMA_WIDTH,
)


class Structure(NamedTuple):
    """The model as compiled code sees it: addresses and some data."""

    predict: int  # address of the structural kernel
    residual: int  # address of the only output's residual-error kernel, 0 with several outputs
    residuals: IntVec  # (n_outputs,) address of each output's kernel, 0 for none
    sigma_start: IntVec  # (n_outputs + 1,) offsets of the outputs' parts of sigma
    context: IntVec  # see core.frame
    settings: Vec  # of the structural kernel, such as a solver's tolerances
    n_work: int  # numbers of scratch of the structural kernel
    codes: IntVec  # (n_phi,) transformation of each parameter
    eta_index: IntVec  # (p,) number of the random effect of each direction, -1 without one
    precision: float  # relative error of predictions, 0 for rounding
    draft: Vec  # settings of predictions that cost less; without elements: there are none
    draft_precision: float
    scan: IntVec  # random effects along which a subject may have several modes, as with a lag
    unusual: int  # 1 where some output is transformed, or its error not normal
    how: IntMat  # (n_outputs, both_sides.HOW) scale and distribution of each output's error
    ends: Mat  # (n_outputs, 2) ends of the interval that logit and probit map
    ranges: Mat  # (n_phi, 2) bounds of the parameters that have some, see core.transforms
    is_scaled: int  # 1 where the SD of some output differs between subjects
    scaled: IntVec  # (n_outputs,) direction of the log of the factor on its SD, -1 without one


class Subjects(NamedTuple):
    """The data as compiled code sees them; rows of subject i are start[i]:start[i + 1]."""

    record_start: IntVec  # (n_sub + 1,)
    records: Mat  # (n_rec, records.N_COLUMNS), or events where they are ready-made
    obs_start: IntVec  # (n_sub + 1,)
    dv: Vec  # (n_obs,)
    endpoint: IntVec  # (n_obs,) number of the output that was observed
    kind: IntVec  # (n_obs,) kind of the observation, see core.residuals
    limit: Vec  # (n_obs,) its other limit; dv for kinds that have none
    kinds: int  # the largest kind: 0 where every observation is plain
    design: Cube  # (n_sub or 1, p, n_theta): directions u = design theta + eta
    block_start: IntVec  # (n_sub + 1,)
    covariates: Mat  # (n_blocks, n_cov): values that equations use, constant over each block
    mix_start: IntVec  # (n_blocks + 1,) offsets of the blocks' terms; without elements: no mixing
    mix: Mat  # (n_terms, mixing.N_TERM)


class Values(NamedTuple):
    """Population parameters at which the likelihood is asked for."""

    theta: Vec  # (n_theta,) on the psi scale
    precision: Mat  # (n_eta, n_eta) inverse of omega
    log_det_omega: float
    sigma: Vec  # (n_sigma,)


class Scratch(NamedTuple):
    """Working memory of one thread; allocated once per range of subjects."""

    psi: OutVec  # (p,) values of the directions
    phi: OutVec  # (p,) individual parameters first, as first and second derivatives
    first: OutVec
    second: OutVec
    params: OutMat  # jets of the individual parameters in the directions, block by block
    work: OutVec  # scratch of the structural kernel
    prediction: OutVec
    f: OutMat  # predictions and their psi-derivatives at eta
    f_zero: OutMat  # the same at eta = 0
    table: OutMat  # residual-error table at eta
    table_zero: OutMat  # the same at eta = 0
    table_limit: OutMat  # the same at the observations' other limits
    table_moved: OutMat  # the same at another sigma
    gradient: OutVec  # dJ/dpsi without the prior
    weights: OutMat  # expected information in psi (no second derivatives)
    hessian: OutMat  # observed Hessian in psi
    spread: OutMat  # H^-1 spread out to psi
    trace: OutVec  # d log|H| / dpsi
    leverage: OutVec  # per observation
    matrix: OutMat  # in eta
    low: OutMat
    inverse: OutMat
    eta_gradient: OutVec
    step: OutVec
    trial: OutVec
    base: OutVec  # a mode, while others are sought
    restart: OutVec
    is_scaled: int  # that of the structure


@kernel
def most_of(start: IntVec, first: int, last: int) -> int:
    """Largest number of rows (observations, blocks) of one subject in a range, at least 1."""
    most = 1
    for i in range(first, last):
        most = max(most, start[i + 1] - start[i])
    return most


@kernel
def make_scratch(
    structure: Structure, subjects: Subjects, first: int, last: int, n_eta: int, n_sigma: int
) -> Scratch:
    """Allocate the working memory of one thread, for subjects first..last-1."""
    max_obs = most_of(subjects.obs_start, first, last)
    p = structure.eta_index.shape[0]
    rows = structure.codes.shape[0]
    if subjects.mix_start.shape[0] > 0:
        rows *= most_of(subjects.block_start, first, last)
    parts = n_parts(2, p)
    columns = FIRST_SIGMA + SIGMA_WIDTH * n_sigma
    return Scratch(
        np.zeros(p),
        np.zeros(p),
        np.zeros(p),
        np.zeros(p),
        np.zeros((rows, parts)),
        np.zeros(structure.n_work),
        np.zeros(max_obs),
        np.zeros((max_obs, parts)),
        np.zeros((max_obs, parts)),
        np.zeros((max_obs, columns)),
        np.zeros((max_obs, columns)),
        np.zeros((max_obs, columns)),
        np.zeros((max_obs, columns)),
        np.zeros(p),
        np.zeros((p, p)),
        np.zeros((p, p)),
        np.zeros((p, p)),
        np.zeros(p),
        np.zeros(max_obs),
        np.zeros((n_eta, n_eta)),
        np.zeros((n_eta, n_eta)),
        np.zeros((n_eta, n_eta)),
        np.zeros(n_eta),
        np.zeros(n_eta),
        np.zeros(n_eta),
        np.zeros(n_eta),
        np.zeros(n_eta),
        structure.is_scaled,
    )
