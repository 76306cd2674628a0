r"""One subject's conditional likelihood, with exact derivatives in the random effects.

Everything the linearising estimators share: predictions and their derivatives in the directions of
`core.mixing` (psi, for short, for without mixing they are psi's), the residual-error
table, and half of minus twice the log joint density,

.. math::
    J(\eta) = \sum_j \ell_j + \tfrac12 \eta^\top \Omega^{-1} \eta

with :math:`\ell_j = \tfrac12 (r_j^2/v_j + \log v_j)` for a plain observation and what
`core.observation` says for the other kinds; r and v are as in `core.residuals`. Constants
(n log 2 pi, log |Omega|) are left out here. With `interaction`, v follows the prediction at eta;
without, it is frozen at eta = 0, in J and in everything derived from it (Wang 2007, J
Pharmacokinet Pharmacodyn 34:575).
"""

# Long because predictions and the residual-error table need the same few types.

from typing import NamedTuple

import numpy as np

from workbench.core.abi import at, call_predict, call_residual
from workbench.core.both_sides import fill_both_sides, finish_rows, is_transformed
from workbench.core.jets import n_parts
from workbench.core.jit import Cube, IntMat, IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.core.mixing import seed_block, seed_plain
from workbench.core.observation import curvature, slope, value, weight
from workbench.core.records import N_COLUMNS
from workbench.core.residuals import (
    ABOVE,
    BELOW,
    BELOW_TRUNCATED,
    BETWEEN,
    FIRST_SIGMA,
    KIND,
    OBSERVED,
    OTHER,
    OTHER_S,
    R_S,
    SIGMA_WIDTH,
    TRUNCATED,
    TWO_LIMITS,
    V_F,
    V_FF,
    V_FS,
    V_S,
    R,
    V,
)
from workbench.core.scale_effects import add_scale_to_joint, scale_rows
from workbench.core.transforms import transform


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


@kernel
def directions(
    structure: Structure, subjects: Subjects, i: int, theta: Vec, eta: Vec, scratch: Scratch
) -> None:
    """Fill scratch.psi with the values of subject i's directions."""
    who = i if subjects.design.shape[0] > 1 else 0
    for k in range(structure.eta_index.shape[0]):
        s = 0.0
        for t in range(theta.shape[0]):
            s += subjects.design[who, k, t] * theta[t]
        if structure.eta_index[k] >= 0:
            s += eta[structure.eta_index[k]]
        scratch.psi[k] = s


@kernel
def seed_parameters(
    order: int, structure: Structure, subjects: Subjects, i: int, scratch: Scratch
) -> int:
    """Write the individual parameters of subject i as jets to scratch.params.

    Returns the number of rows: n_phi, or that for each block where the parameters are mixed.
    """
    codes, n_phi = structure.codes, structure.codes.shape[0]
    if subjects.mix_start.shape[0] == 0:
        transform(codes, structure.ranges, scratch.psi, scratch.phi, scratch.first, scratch.second)
        p = scratch.psi.shape[0]
        seed_plain(codes, scratch.phi, scratch.first, scratch.second, p, scratch.params)
        return n_phi
    first, last = subjects.block_start[i], subjects.block_start[i + 1]
    for b in range(first, last):
        seed_block(
            order,
            codes,
            structure.ranges,
            subjects.mix,
            subjects.mix_start[b],
            subjects.mix_start[b + 1],
            scratch.psi,
            (b - first) * n_phi,
            scratch.phi,
            scratch.first,
            scratch.second,
            scratch.params,
        )
    return n_phi * (last - first)


@kernel
def predict_subject(
    order: int,
    structure: Structure,
    subjects: Subjects,
    i: int,
    theta: Vec,
    eta: Vec,
    scratch: Scratch,
    f: OutMat,
) -> int:
    """Write the predictions of subject i, with derivatives in the directions to `order`, to `f`.

    Returns the structural kernel's status.
    """
    directions(structure, subjects, i, theta, eta, scratch)
    rows = seed_parameters(order, structure, subjects, i, scratch)
    row, block = subjects.record_start[i], subjects.block_start[i]
    p, n_covariates = scratch.psi.shape[0], subjects.covariates.shape[1]
    return int(
        call_predict(
            structure.predict,
            order,
            p,
            at(structure.context, 0),
            structure.context.shape[0],
            at(structure.settings, 0),
            structure.settings.shape[0],
            at(scratch.params, 0),
            rows,
            at(subjects.covariates, block * n_covariates),
            subjects.block_start[i + 1] - block,
            n_covariates,
            at(subjects.records, row * N_COLUMNS),
            subjects.record_start[i + 1] - row,
            N_COLUMNS,
            at(f, 0),
            subjects.obs_start[i + 1] - subjects.obs_start[i],
            f.shape[1],
            at(scratch.work, 0),
            scratch.work.shape[0],
        )
    )


@kernel
def move_sigma(own: int, before: int, row: OutVec) -> None:
    """Move the sigma columns of an error model to their places among those of all of them.

    Parameters
    ----------
    own : number of columns of this error model, which stand first
    before : number of columns of those that stand before it
    row : of the residual-error table; the columns of the other error models become zero
    """
    for c in range(own - 1, -1, -1):
        row[FIRST_SIGMA + before + c] = row[FIRST_SIGMA + c]
    for c in range(FIRST_SIGMA, FIRST_SIGMA + before):
        row[c] = 0.0
    for c in range(FIRST_SIGMA + before + own, row.shape[0]):
        row[c] = 0.0


@kernel
def mixed_table(
    structure: Structure,
    subjects: Subjects,
    start: int,
    n_obs: int,
    sigma: Vec,
    y: Vec,
    prediction: OutVec,
    table: OutMat,
) -> None:
    """Fill the residual-error table where there are several outputs, run by run of the same one.

    Parameters
    ----------
    start : first observation of the subject
    y : (n_obs of all subjects,)
    prediction : (at least n_obs,)
    """
    first = 0
    while first < n_obs:
        output = subjects.endpoint[start + first]
        last = first + 1
        while last < n_obs and subjects.endpoint[start + last] == output:
            last += 1
        offset = structure.sigma_start[output]
        n_sigma = structure.sigma_start[output + 1] - offset
        own = SIGMA_WIDTH * n_sigma
        for j in range(first, last):  # what another error model left there
            for c in range(FIRST_SIGMA, FIRST_SIGMA + own):
                table[j, c] = 0.0
        if is_transformed(structure.how[output]):
            fill_both_sides(
                structure.residuals[output],
                structure.how[output],
                structure.ends[output],
                sigma[offset : offset + n_sigma],
                y,
                start,
                prediction,
                first,
                last,
                table,
            )
        else:
            call_residual(
                structure.residuals[output],
                at(y, start + first),
                at(prediction, first),
                last - first,
                at(sigma, offset),
                n_sigma,
                at(table, first * table.shape[1]),
                table.shape[1],
            )
        for j in range(first, last):
            move_sigma(own, SIGMA_WIDTH * offset, table[j])
        first = last


@kernel
def residual_at(
    structure: Structure,
    subjects: Subjects,
    start: int,
    n_obs: int,
    sigma: Vec,
    y: Vec,
    prediction: OutVec,
    table: OutMat,
) -> None:
    """Fill what residual-error kernels write, with `y` in the place of the observations.

    The path of one output reads no array of the structure: measured, that would cost 2 %.
    """
    if structure.residual == 0:
        mixed_table(structure, subjects, start, n_obs, sigma, y, prediction, table)
        return
    call_residual(
        structure.residual,
        at(y, start),
        at(prediction, 0),
        n_obs,
        at(sigma, 0),
        sigma.shape[0],
        at(table, 0),
        table.shape[1],
    )


@kernel
def place_limit(kind: int, limit: Vec, row: OutVec) -> None:
    """Write the kind of an observation, and its other limit on the modelled scale, to its row.

    A limit that is infinitely far away there (0 on the logarithmic scale) is none.

    Parameters
    ----------
    limit : row of the table at the other limit; read for kinds that have one
    """
    row[KIND] = kind
    if kind < TWO_LIMITS:
        return
    row[OTHER] = limit[R]
    for c in range(FIRST_SIGMA, row.shape[0], SIGMA_WIDTH):
        row[c + OTHER_S] = limit[c + R_S]
    if not abs(limit[R]) < np.inf:
        if kind == TRUNCATED:
            row[KIND] = OBSERVED
        elif kind == BELOW_TRUNCATED or (kind == BETWEEN and limit[R] < 0.0):
            row[KIND] = BELOW
        else:
            row[KIND] = ABOVE
        row[OTHER] = 0.0


@kernel(inline=False)
def place_limits(
    structure: Structure,
    subjects: Subjects,
    start: int,
    n_obs: int,
    sigma: Vec,
    prediction: OutVec,
    table_limit: OutMat,
    table: OutMat,
) -> None:
    """Fill the columns of the table that say what kind an observation is."""
    if subjects.kinds >= TWO_LIMITS:
        residual_at(
            structure, subjects, start, n_obs, sigma, subjects.limit, prediction, table_limit
        )
    for j in range(n_obs):
        place_limit(subjects.kind[start + j], table_limit[j], table[j])


@kernel(inline=False)
def finish_table(
    structure: Structure,
    subjects: Subjects,
    start: int,
    n_obs: int,
    sigma: Vec,
    table: OutMat,
) -> None:
    """Count the Jacobian of transformed outputs and mark what is not normal, run by run."""
    first = 0
    while first < n_obs:
        output = subjects.endpoint[start + first]
        last = first + 1
        while last < n_obs and subjects.endpoint[start + last] == output:
            last += 1
        if subjects.kinds == OBSERVED:
            for j in range(first, last):  # what another subject's observation left there
                table[j, KIND] = OBSERVED
        offset = structure.sigma_start[output]
        finish_rows(
            structure.how[output],
            structure.ends[output],
            sigma[offset : structure.sigma_start[output + 1]],
            offset,
            subjects.dv,
            start,
            first,
            last,
            table,
        )
        first = last


@kernel(inline=False)
def scale_table(
    structure: Structure,
    subjects: Subjects,
    start: int,
    n_obs: int,
    psi: Vec,
    table: OutMat,
) -> None:
    """Let random effects on the residual errors scale the variances of a subject's table."""
    scale_rows(structure.scaled, subjects.endpoint, start, n_obs, psi, table)


@kernel
def residual_table(
    structure: Structure,
    subjects: Subjects,
    i: int,
    sigma: Vec,
    f: Mat,
    scratch: Scratch,
    table: OutMat,
) -> None:
    """Fill the residual-error table of subject i for the predictions in column 0 of `f`.

    Parameters
    ----------
    scratch : psi, where the predictions are, is read where an SD differs between subjects;
        prediction and table_limit are overwritten
    """
    start = subjects.obs_start[i]
    n_obs = subjects.obs_start[i + 1] - start
    prediction = scratch.prediction
    for j in range(n_obs):
        prediction[j] = f[j, 0]
    residual_at(structure, subjects, start, n_obs, sigma, subjects.dv, prediction, table)
    if subjects.kinds != OBSERVED:
        place_limits(
            structure, subjects, start, n_obs, sigma, prediction, scratch.table_limit, table
        )
    if structure.unusual != 0:
        finish_table(structure, subjects, start, n_obs, sigma, table)
    if structure.is_scaled != 0:
        scale_table(structure, subjects, start, n_obs, scratch.psi, table)


@kernel
def freeze_variance(n_obs: int, at_zero: Mat, table: OutMat) -> None:
    """Replace the variance by the one at eta = 0: a constant as far as eta is concerned."""
    for j in range(n_obs):
        table[j, V] = at_zero[j, V]
        table[j, V_F] = 0.0
        table[j, V_FF] = 0.0
        for c in range(FIRST_SIGMA, table.shape[1], SIGMA_WIDTH):
            table[j, c + V_S] = at_zero[j, c + V_S]
            table[j, c + V_FS] = 0.0


@kernel
def prior_term(precision: Mat, eta: Vec) -> float:
    r"""Return :math:`\tfrac12 \eta^\top \Omega^{-1} \eta`."""
    total = 0.0
    for k in range(eta.shape[0]):
        for q in range(eta.shape[0]):
            total += 0.5 * eta[k] * precision[k, q] * eta[q]
    return total


@kernel
def joint(n_obs: int, table: Mat, precision: Mat, eta: Vec) -> float:
    """Return J(eta), NaN where a variance is not positive."""
    total = prior_term(precision, eta)
    for j in range(n_obs):
        total += value(table[j])
    return total


@kernel
def joint_derivatives(n_obs: int, scratch: Scratch) -> None:
    """Fill gradient, weights (expected) and hessian (observed) in psi, without the prior."""
    p = scratch.psi.shape[0]
    for k in range(p):
        scratch.gradient[k] = 0.0
        for q in range(p):
            scratch.weights[k, q] = 0.0
            scratch.hessian[k, q] = 0.0
    f = scratch.f
    for j in range(n_obs):
        row = scratch.table[j]
        lf, lff, w = slope(row), curvature(row), weight(row)
        at_pair = 1 + p
        for k in range(p):
            fk = f[j, 1 + k]
            scratch.gradient[k] += lf * fk
            for q in range(k + 1):
                fkq = fk * f[j, 1 + q]
                scratch.weights[k, q] += w * fkq
                scratch.hessian[k, q] += lff * fkq + lf * f[j, at_pair]
                at_pair += 1
    if scratch.is_scaled != 0:
        add_scale_to_joint(
            n_obs, scratch.table, f, scratch.gradient, scratch.weights, scratch.hessian
        )
    for k in range(p):
        for q in range(k):
            scratch.weights[q, k] = scratch.weights[k, q]
            scratch.hessian[q, k] = scratch.hessian[k, q]


@kernel
def with_prior(in_psi: Mat, eta_index: IntVec, precision: Mat, out: OutMat) -> None:
    """Gather a psi matrix into eta and add the precision of the prior."""
    n_eta = precision.shape[0]
    for a in range(n_eta):
        for b in range(n_eta):
            out[a, b] = precision[a, b]
    for k in range(eta_index.shape[0]):
        a = eta_index[k]
        if a >= 0:
            for q in range(eta_index.shape[0]):
                b = eta_index[q]
                if b >= 0:
                    out[a, b] += in_psi[k, q]
