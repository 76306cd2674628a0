"""The data as a model's kernels see them: compartments by number, covariates in blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.mixing import N_TERM
from workbench.core.packed import Subjects
from workbench.core.residuals import OBSERVED
from workbench.core.schedule import R_DURATION, R_RATE
from workbench.data.dataset import Dataset
from workbench.data.missing import missing_subjects
from workbench.data.population import Population
from workbench.errors import DataError
from workbench.models.model import Model
from workbench.models.structural import StructuralModel
from workbench.problem.covariates import missing_covariate
from workbench.problem.directions import Directions
from workbench.problem.endpoints import with_outputs
from workbench.problem.space import frozen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Packed(NamedTuple):
    """The subjects, and the population that they were made from."""

    subjects: Subjects
    population: Population


def pack_subjects(
    model: Model, data: Dataset, outputs: Ints, directions: Directions | None = None
) -> Packed:
    """Return the records of all subjects, checked against the structural model.

    Parameters
    ----------
    outputs : (n_obs,)  number of the output that each observation is of
    directions : None for the parameters alone, without covariates

    Raises
    ------
    DataError
        A dose goes where the model takes none, its rate or duration is to be modelled but the
        model has no parameter for it, or a covariate that the equations use is missing.
    """
    structure = model.structure
    changing = {} if directions is None else directions.columns
    population = data.population_with(changing).with_blocks_of((*structure.covariates, *changing))
    _check_covariates(structure, data, population)
    records = with_outputs(population.records, outputs).copy()
    dosed = np.isin(records[:, rec.KIND], (rec.DOSE, rec.RESET_DOSE))
    compartment = data.resolve_compartments(
        structure.compartments, model=structure.name, population=population
    )
    records[dosed, rec.CMT] = compartment[dosed]
    _check_rates(structure, data, records, population.record_row)
    n_covariates = len(structure.covariates)
    start, terms = frozen(np.zeros(0, dtype=np.int64)), frozen(np.zeros((0, N_TERM)))
    if directions is not None:
        start, terms = directions.terms(population.block_covariates[:, n_covariates:])
    subjects = Subjects(
        population.record_start,
        frozen(records),
        population.obs_start,
        population.dv,
        outputs,
        population.obs_kind,
        population.obs_limit,
        int(population.obs_kind.max(initial=OBSERVED)),
        frozen(np.eye(len(model.parameters))[None]) if directions is None else directions.design,
        population.block_start,
        frozen(population.block_covariates[:, :n_covariates]),
        start,
        terms,
    )
    return Packed(subjects, population)


def _at(table: pd.DataFrame, position: int) -> str:
    row, subject, time = (table[name].iloc[position] for name in ("ROW", "ID", "TIME"))
    return f"row {row} (ID {subject}, TIME {time:g})"


def _check_rates(structure: StructuralModel, data: Dataset, records: Floats, row: Ints) -> None:
    """Refuse a rate or duration that is to be modelled where the model has no parameter for it."""
    routes = structure.family.routes
    for code, column, what in ((-1.0, R_RATE, "rate"), (-2.0, R_DURATION, "duration")):
        served = routes[routes[:, column] >= 0, 0]
        wrong = (records[:, rec.RATE] == code) & ~np.isin(records[:, rec.CMT], served)
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            name = structure.compartments[int(records[first, rec.CMT]) - 1]
            raise DataError(
                f"{data.name}: RATE = {code:g} at {_at(data.table, int(row[first]))} asks for a "
                f"modelled {what} of the dose into {name}, but {structure.name} has no parameter "
                f"for it. Use wb.pk({what}=True, …), write "
                f"{'dur' if code == -2 else 'rate'}({name}) = … in equations, or give RATE as a "
                "number."
            )


def _check_covariates(structure: StructuralModel, data: Dataset, population: Population) -> None:
    """Refuse missing values of covariates that the equations use."""
    missing = np.isnan(population.block_covariates[:, : len(structure.covariates)])
    if missing.any():
        block, column = (int(k) for k in np.argwhere(missing)[0])
        subject = int(np.searchsorted(population.block_start, block, "right")) - 1
        n = len(np.unique(np.searchsorted(population.block_start, np.nonzero(missing)[0], "right")))
        name = structure.covariates[column]
        if name in data.covariate_names and data.table[name].isna().any():
            gone = missing_subjects(data.table, name)
            who = [data.subjects[i] for i in np.flatnonzero(gone)]
            raise DataError(f"{data.name}: {missing_covariate(name, who, data)}")
        raise DataError(
            f"{data.name}: the covariate {name}, which the equations use, is missing for {n} "
            f"subjects, first for ID {population.subjects[subject]}. Give it, or leave these "
            "subjects out."
        )
