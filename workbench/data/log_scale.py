"""DV on the logarithmic scale and back, where a data set holds one and a model wants the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.data.findings import AUDIT_COLUMNS, NOTE
from workbench.errors import DataError

if TYPE_CHECKING:
    from workbench.data.dataset import Dataset


def log_dv(data: Dataset) -> Dataset:
    """Return the data with log DV in the place of DV, see `Dataset.log_dv`."""
    dv = data.table["DV"].to_numpy(float)
    observed = np.zeros(len(dv), dtype=bool)
    observed[data.population.obs_row] = True
    bad = np.flatnonzero(observed & ~(dv > 0))
    if len(bad):
        row, who = data.table["ROW"].iloc[bad[0]], data.table["ID"].iloc[bad[0]]
        raise DataError(
            f"{data.name}: DV is {dv[bad[0]]:g} at row {row} (ID {who}), and {len(bad)} of "
            f"{int(observed.sum())} observations have no logarithm. Drop these rows (MDV = 1), or "
            "say that they are below a limit."
        )
    gone = {"DV", *(str(label) for label in data.endpoints)}
    units = {name: unit for name, unit in data.units.items() if name not in gone}
    return _changed(replace(data, units=units), np.log, "log_dv", "DV was replaced by log DV.")


def exp_dv(data: Dataset) -> Dataset:
    """Return the data with exp DV in the place of DV, see `Dataset.exp_dv`."""
    said = "DV, a logarithm, was replaced by exp DV."
    found = _changed(data, np.exp, "exp_dv", said)
    if not np.isfinite(found.population.dv).all():
        raise DataError(f"{data.name}: exp DV is infinite. DV is no logarithm; leave it as it is.")
    return found


def _changed(
    data: Dataset, function: Callable[[pd.Series[float]], pd.Series[float]], name: str, said: str
) -> Dataset:
    table = data.table.copy()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for column in ("DV", "LIMIT"):
            if column in table:
                table[column] = function(table[column].astype(float))
    line = pd.DataFrame([(0, "", "DV", NOTE, f"{name}(): {said}")], columns=list(AUDIT_COLUMNS))
    audit = pd.concat([data.audit, line], ignore_index=True)
    return replace(data, table=table, audit=audit, code=f"{data.code}.{name}()")
