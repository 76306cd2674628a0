"""Simulated trials of any size, the same for the same size."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb

TIMES = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 24.0])
DOSE = 320.0


def simulated(n_sub: int) -> wb.Dataset:
    """Return `n_sub` subjects with one oral dose and ten observations, combined error."""
    draw = np.random.default_rng(20)
    ka, cl, v = (
        typical * np.exp(sd * draw.standard_normal((n_sub, 1)))
        for typical, sd in ((1.5, 0.5), (2.8, 0.3), (32.0, 0.2))
    )
    k = cl / v
    f = DOSE * ka / (v * (ka - k)) * (np.exp(-k * TIMES) - np.exp(-ka * TIMES))
    sd = np.sqrt(0.2**2 + (0.1 * f) ** 2)
    dv = f + sd * draw.standard_normal(f.shape)
    n_row = len(TIMES) + 1
    zero = np.zeros((n_sub, 1))
    table = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(1, n_sub + 1), n_row),
            "TIME": np.tile(np.concatenate([[0.0], TIMES]), n_sub),
            "DV": np.hstack([zero * np.nan, dv]).ravel(),
            "AMT": np.hstack([zero + DOSE, np.zeros_like(dv)]).ravel(),
            "EVID": np.hstack([zero + 1, np.zeros_like(dv)]).ravel().astype(int),
        }
    )
    return wb.read_dataset(table, name=f"simulated, {n_sub} subjects")


def model() -> wb.Model:
    """Return the generating model, started away from the truth."""
    return wb.Model(
        structure=wb.pk(compartments=1, absorption="first_order"),
        parameters={
            "ka": wb.LogNormal(1.0, iiv=0.4),
            "cl": wb.LogNormal(4.0, iiv=0.4),
            "v": wb.LogNormal(40.0, iiv=0.4),
        },
        error=wb.error.Combined(additive=0.3, proportional=0.2, kind=2),
    )
