"""Structural models called directly: records of one subject in, predictions and derivatives out."""

import numpy as np

from workbench.core import records as rec
from workbench.core.jets import parts_of
from workbench.problem.structure import pack_context

OBSERVATION, DOSE, OTHER = rec.OBSERVATION, rec.DOSE, rec.OTHER
RESET, RESET_DOSE = rec.RESET, rec.RESET_DOSE


def record(time, kind=OBSERVATION, **columns):
    """One record; columns by their lower-case names: cmt, amt, rate, ii, addl, ss, block."""
    row = np.zeros(rec.N_COLUMNS)
    row[rec.TIME], row[rec.KIND] = time, kind
    for name, value in columns.items():
        row[getattr(rec, name.upper())] = value
    return row


def dose(time, amount, cmt=1, **columns):
    """A dose record."""
    return record(time, columns.pop("kind", DOSE), amt=amount, cmt=cmt, **columns)


def in_order(rows):
    """Sort records by time, keeping the order of equal times."""
    rows = np.array(rows)
    return rows[np.argsort(rows[:, rec.TIME], kind="stable")]


def predict(model, phi, records, order=0, *, covariates=None):
    """Return the jets (n_obs, parts) of one subject; directions are the parameters themselves."""
    p = len(model.parameters)
    parts = parts_of(2, p)
    blocks = np.zeros((1, 0)) if covariates is None else np.array(covariates, dtype=float)
    context, n_work = pack_context(model, records, np.array([0, len(records)]))
    params = np.zeros((p, parts))
    params[:, 0] = phi
    params[:, 1 : 1 + p] = np.eye(p)
    out = np.full((int(np.sum(records[:, rec.KIND] == OBSERVATION)), parts), np.nan)
    inputs = (context, model.family.settings(), params, blocks, records)
    for array in inputs:
        array.flags.writeable = False  # a kernel that wrote to its inputs would not take these
    work = np.full(n_work, np.nan)
    status = model.family.kernel()(order, p, *inputs, out, work)
    assert status == 0, status
    return out[:, : parts_of(order, p)]


def differences(function, at, k, step=2e-3):
    """Central differences of the sixth order (two Richardson steps)."""

    def central(h):
        up, down = at.copy(), at.copy()
        up[k] += h
        down[k] -= h
        return (function(up) - function(down)) / (up[k] - down[k])

    h = step * at[k]
    return (64 * central(h / 4) - 20 * central(h / 2) + central(h)) / 45
