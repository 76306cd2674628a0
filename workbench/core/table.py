r"""The residual-error table of one subject: every observation's row of `core.residuals`.

The error models' kernels write r, v and their derivatives; here outputs are told apart, both sides
transformed, limits placed, laws marked, and random effects on the error applied.
"""

import numpy as np

from workbench.core.abi import at, call_residual
from workbench.core.both_sides import fill_both_sides, finish_rows, is_transformed
from workbench.core.jit import Mat, OutMat, OutVec, Vec, kernel
from workbench.core.packed import Scratch, Structure, Subjects
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
from workbench.core.scale_effects import scale_rows


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
