r"""Covariate effects bound to data: references, checks and the design matrix.

:math:`\psi_i = X_i \theta + \eta_i` with theta the typical values followed by the coefficients;
:math:`X_i` is the identity with the covariates' columns g(x_i, reference) beside it, each in the
row of its parameter.

A covariate that changes within a subject has no column there: its coefficient is a direction of
its own (`core.mixing`), and g(x, reference) its weight, row by row of the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.core.mixing import FACTOR, LINEAR
from workbench.data.columns import did_you_mean
from workbench.data.dataset import Dataset
from workbench.data.doses import first_rows
from workbench.errors import DataError, ModelError
from workbench.models.covariate import covariate_kinds
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.endpoints import label_key
from workbench.models.model import Model

Floats = NDArray[np.float64]


def with_references(model: Model, data: Dataset) -> Model:
    """Return the model with every reference and level of its covariates written out.

    A reference that is not given becomes the median over subjects (of their first values, where
    the covariate changes), or the most frequent level (the first of these in order; counted over
    rows, where it changes); levels that are not given are those of the data.

    Raises
    ------
    DataError
        A covariate is not there, or is missing for a subject.
    """
    if all(e.resolved for p in model.parameters.values() for e in p.covariates):
        return model
    parameters = {
        name: replace(p, covariates=tuple(resolved(effect, data) for effect in p.covariates))
        for name, p in model.parameters.items()
    }
    return model.replace(parameters=parameters)


def resolved(effect: CovariateEffect, data: Dataset) -> CovariateEffect:
    """Return an effect with its reference and levels, see `with_references`."""
    if effect.resolved:
        return effect
    if not covariate_kinds.get(effect.kind).categorical:
        first = first_rows(data.table)[positions(effect, data)]
        return replace(effect, reference=float(np.median(effect_numbers(effect, data)[first])))
    levels = effect_levels(effect, data)
    counts = pd.Series(levels).value_counts()
    names = sorted(counts.index, key=_order)
    reference = effect.reference
    if reference is None:
        free = [name for name in names if name not in effect.levels]
        if not free:
            raise ModelError(
                f"effects of {effect.column} names every level of {data.name}, so no level is left "
                "to be the reference. Leave out one."
            )
        reference = max(free, key=lambda name: counts[name])
    if effect.levels:
        return replace(effect, reference=reference)
    others = tuple(name for name in names if name != reference)
    if not others:
        raise ModelError(
            f"{effect.column} is {names[0]} in all subjects of {data.name}: an effect of it cannot "
            "be told from the typical value. Drop the effect."
        )
    fixed = frozenset(others) if "" in effect.fixed else effect.fixed
    return replace(
        effect, reference=reference, levels=others, values=effect.values * len(others), fixed=fixed
    )


def design_matrix(model: Model, data: Dataset, *, estimable: bool) -> Floats:
    """Return the design, (n_sub or 1, n_phi, n_theta); 0 for covariates that change.

    Parameters
    ----------
    model : with its references (see `with_references`)
    estimable : whether to refuse a coefficient that these data cannot tell, because its column
        of the design does not vary

    Raises
    ------
    DataError, ModelError
        A covariate does not fit the model; the message says where and what to do.
    """
    names = list(model.parameters)
    n_phi = len(names)
    effects = [(k, e) for k, p in enumerate(model.parameters.values()) for e in p.covariates]
    if not effects and not model.shaped:
        return np.eye(n_phi)[None]
    n_theta = n_phi + sum(len(effect.levels) for _, effect in effects) + len(model.shaped)
    design = np.zeros((data.n_sub if effects else 1, n_phi, n_theta))
    design[:, :, :n_phi] = np.eye(n_phi)
    place = n_phi
    for k, effect in effects:
        columns = effect_columns(effect, data)
        if estimable:
            _check_varies(effect, columns, data)
        if not changes(effect, data) and not is_factor(effect, model, k):
            design[:, k, place : place + len(effect.levels)] = columns
        place += len(effect.levels)
    return design


class Changing(NamedTuple):
    """A coefficient whose covariate changes within subjects, or that acts by a factor.

    Attributes
    ----------
    parameter : number of the parameter it acts on
    place : in theta
    weight : (n_rows,)  g(x, reference) on every row of the data
    kind : that of its term, see `core.mixing`
    """

    parameter: int
    place: int
    weight: Floats
    kind: int = LINEAR


def changing_effects(model: Model, data: Dataset) -> list[Changing]:
    """Return the coefficients whose covariates change within subjects, or that act by a factor."""
    found, place = [], len(model.parameters)
    for k, parameter in enumerate(model.parameters.values()):
        for effect in parameter.covariates:
            kind = FACTOR if is_factor(effect, model, k) else LINEAR
            if changes(effect, data) or kind == FACTOR:
                columns = effect_columns(effect, data)
                if not changes(effect, data):
                    columns = columns[np.cumsum(first_rows(data.table)) - 1]
                if kind == FACTOR:
                    _check_factor(effect, columns[:, 0], data)
                found += [
                    Changing(k, place + c, column, kind) for c, column in enumerate(columns.T)
                ]
            place += len(effect.levels)
    return found


def is_factor(effect: CovariateEffect, model: Model, k: int) -> bool:
    """Whether an effect multiplies parameter k by 1 + β g(x), which is not linear in psi."""
    parameter = list(model.parameters.values())[k]
    kind = covariate_kinds.get(effect.kind)
    return kind.plus_one and distributions.get(parameter.distribution).positive


def _check_factor(effect: CovariateEffect, weight: Floats, data: Dataset) -> None:
    """Refuse a coefficient that makes a positive parameter zero or negative in some subject."""
    factor = 1.0 + effect.values[0] * weight
    worst = int(np.argmin(factor))
    if factor[worst] > 0:
        return
    table = data.table
    low, high = weight.min(), weight.max()
    limits = [f"above {-1 / high:.4g}"] * bool(high > 0) + [f"below {-1 / low:.4g}"] * bool(low < 0)
    raise ModelError(
        f"The linear effect of {effect.column} multiplies by 1 + β (x - reference) = "
        f"{factor[worst]:.3g} in ID {table['ID'].iloc[worst]} (row {table['ROW'].iloc[worst]}), "
        f"but a log-normal parameter is positive. Let β be {' and '.join(limits)} for these data, "
        "or use wb.covariate.Exponential."
    )


def spreads(model: Model, design: Floats, changing: Sequence[Changing] = ()) -> Floats:
    """Return the SD over subjects of each coefficient's column, (n_beta,); 1 for a level.

    Where the covariate changes it is that over the rows.
    """
    found, place = [], len(model.parameters)
    weights = {one.place: one.weight for one in changing}
    for k, parameter in enumerate(model.parameters.values()):
        for effect in parameter.covariates:
            categorical = covariate_kinds.get(effect.kind).categorical
            for _ in effect.levels:
                column = weights.get(place, design[:, k, place])
                sd = 1.0 if categorical else float(column.std())
                found.append(sd if sd > 0 else 1.0)
                place += 1
    return np.array(found)


def coefficient_sizes(model: Model, data: Dataset) -> dict[str, float]:
    """Return each coefficient's size by name: over one SD of its covariate psi moves by 1.

    The parameter's typical value is the unit of psi where the parameter is normal.
    """
    design = design_matrix(model, data, estimable=False)
    sd = spreads(model, design, changing_effects(model, data))
    units = [
        1.0 if distributions.get(p.distribution).unitless else abs(p.typical) or 1.0
        for p in model.parameters.values()
        for effect in p.covariates
        for _ in effect.levels
    ]
    return dict(zip(model.beta_names, np.array(units) / sd, strict=True))


def mean_effects(model: Model, data: Dataset) -> Floats:
    """Return the mean over subjects of what the covariates add to psi, (n_phi,).

    Of covariates that change it is the mean over the rows.
    """
    n_phi = len(model.parameters)
    part = design_matrix(model, data, estimable=False)[:, :, n_phi:]
    part = part[:, :, : part.shape[2] - len(model.shaped)]
    effects = [e for p in model.parameters.values() for e in p.covariates]
    beta = np.array([value for effect in effects for value in effect.values])
    added = (part @ beta).mean(axis=0)
    for one in changing_effects(model, data):
        value = one.weight * beta[one.place - n_phi]
        added[one.parameter] += (np.log1p(value) if one.kind == FACTOR else value).mean()
    return np.asarray(added)


def changes(effect: CovariateEffect, data: Dataset) -> bool:
    """Whether the effect's covariate changes within a subject."""
    return effect.column in data.time_varying


def positions(effect: CovariateEffect, data: Dataset) -> NDArray[np.int64]:
    """Return the rows of the table that hold the effect's covariate.

    They are the first of each subject, or all of them where it changes.
    """
    every = np.arange(len(data.table))
    return every if changes(effect, data) else every[first_rows(data.table)]


def effect_columns(effect: CovariateEffect, data: Dataset) -> Floats:
    """Return g(x, reference), (number of `positions`, number of coefficients)."""
    kind = covariate_kinds.get(effect.kind)
    if kind.column is not None:
        return kind.column(effect_numbers(effect, data), float(effect.reference or 0.0))[:, None]
    levels = effect_levels(effect, data)
    known = (effect.reference, *effect.levels)
    strange = [name for name in dict.fromkeys(levels) if name not in known]
    if strange:
        who = _who(effect, data, levels.index(strange[0]))
        raise DataError(
            f"{effect.column} is {strange[0]} in ID {who}, but the model knows only "
            f"{', '.join(map(str, known))}. Give this level an effect, or put it into a group with "
            "another one (groups={...})."
        )
    return np.array([[float(name == level) for level in effect.levels] for name in levels])


def effect_numbers(effect: CovariateEffect, data: Dataset) -> Floats:
    """Return a continuous covariate at its `positions`."""
    kind = covariate_kinds.get(effect.kind)
    values = _values(effect, data)
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(_not_numbers(effect, values, data)) from None
    bad = np.flatnonzero(numbers <= 0)
    if kind.positive_data and len(bad):
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        raise DataError(
            f"{effect.column} is {numbers[bad[0]]:g} in ID {_who(effect, data, bad[0])}{more}, but "
            f"a {kind.title.lower()} effect needs values above 0. Correct the value, or use "
            "wb.covariate.Exponential."
        )
    return numbers


def _not_numbers(effect: CovariateEffect, values: NDArray[Any], data: Dataset) -> str:
    """Return that a covariate holds labels, or which of its values is none of the numbers."""
    column, title = effect.column, covariate_kinds.get(effect.kind).title.lower()
    labels = np.flatnonzero(pd.isna(pd.to_numeric(pd.Series(values), errors="coerce")))
    if 2 * len(labels) > len(values):
        return (
            f"{column} of {data.name} holds labels, such as {values[labels[0]]!r}, so it cannot "
            f"have a {title} effect. Use wb.covariate.Categorical."
        )
    label, table = values[labels[0]], data.table
    who = table["ID"].iloc[int(positions(effect, data)[labels[0]])]
    rows = table["ROW"][(table["ID"] == who) & (table[column] == label)].tolist()
    where = f"row {rows[0]}" if len(rows) == 1 else f"rows {rows[0]} to {rows[-1]}"
    others = sorted({str(v) for v in values[labels]} - {str(label)})
    more = f" (and {', '.join(map(repr, others[:3]))} elsewhere)" if others else ""
    return (
        f"{column} of {data.name} is {label!r} in ID {who} ({where}){more}, but a {title} effect "
        "needs numbers, as its other values are. Correct it, or write '.' where the value is "
        "missing."
    )


def effect_levels(effect: CovariateEffect, data: Dataset) -> list[str]:
    """Return a categorical covariate as levels or groups, at its `positions`."""
    found = [label_key(value) for value in _values(effect, data)]
    unknown = [m for _, members in effect.groups for m in members if m not in found]
    if len(unknown) == sum(len(members) for _, members in effect.groups) > 0 and not data.design:
        raise DataError(
            f"None of the levels {', '.join(unknown)} that groups= names occurs in {effect.column} "
            f"of {data.name}. It has {', '.join(sorted(set(found), key=_order)[:10])}."
        )
    return [effect.group_of(level) for level in found]


def _values(effect: CovariateEffect, data: Dataset) -> NDArray[Any]:
    """Return the covariate at its `positions`, refused where it is missing."""
    column = effect.column
    check_covariate(column, data)
    rows = positions(effect, data)
    values = data.table[column].to_numpy()[rows]
    missing = dict.fromkeys(data.table["ID"].to_numpy()[rows[pd.isna(values)]])
    if missing:
        raise DataError(missing_covariate(column, list(missing), data))
    return np.asarray(values)


def check_covariate(column: str, data: Dataset) -> None:
    """Refuse a covariate that the data do not have.

    Raises
    ------
    DataError
    """
    if column not in data.covariate_names:
        advice = did_you_mean(column, data.covariate_names)
        raise DataError(
            f"{data.name} has no covariate {column!r}. "
            + (advice if data.covariate_names else "It has none at all.")
        )


def missing_covariate(column: str, subjects: Sequence[Any], data: Dataset) -> str:
    """Return that a covariate is missing which the model uses, and what helps in that case."""
    if data.table[column].isna().all():
        return (
            f"{column} is missing in all subjects of {data.name}, and the model uses it. Give the "
            "values, or take its effects out of the model: nothing tells what they could be."
        )
    who = ", ".join(str(label) for label in subjects[:5]) + " …" * (len(subjects) > 5)
    said = (
        f"{column} is missing for {len(subjects)} of {data.n_sub} subjects (ID {who}), and the "
        "model uses it."
    )
    if column in data.time_varying:
        return (
            f"{said} It changes within subjects, so it is not filled in from others. Give each of "
            "these at least one value, which is then carried to their other rows, or leave them "
            f'out with data.impute("complete_case", ["{column}"]).'
        )
    return (
        f"{said} Give the values, leave these subjects out with data.select(...), or fill the "
        "values in with data.impute(...)."
    )


def group_notes(model: Model, data: Dataset) -> list[str]:
    """Return a sentence for each level that a group names and nobody has."""
    found = []
    for name, parameter in model.parameters.items():
        for effect in parameter.covariates:
            levels = {label_key(value) for value in _values(effect, data)} if effect.groups else {}
            strange = [m for _, members in effect.groups for m in members if m not in levels]
            if strange:
                found.append(
                    f"groups= of {effect.column} on {name} names {', '.join(strange)}, which "
                    f"nobody in {data.name} has."
                )
    return list(dict.fromkeys(found))


def _who(effect: CovariateEffect, data: Dataset, place: int) -> str:
    """Name the subject of one of the `positions`, with the row where the covariate changes."""
    position = int(positions(effect, data)[place])
    who = str(data.table["ID"].iloc[position])
    row = data.table["ROW"].iloc[position]
    return f"{who} (row {row})" if changes(effect, data) else who


def _check_varies(effect: CovariateEffect, columns: Floats, data: Dataset) -> None:
    """Refuse an estimated coefficient whose column says the same of all subjects."""
    kind = covariate_kinds.get(effect.kind)
    for level, held, column in zip(effect.levels, effect.held, columns.T, strict=True):
        if held or np.ptp(column) > 0:
            continue
        if kind.categorical and not column.any():
            raise ModelError(
                f"No subject of {data.name} has {effect.column} = {level}, so its effect cannot be "
                "estimated. Leave this level out, or fix its coefficient (wb.Fixed)."
            )
        raise ModelError(
            f"{effect.column} is the same in all {data.n_sub} subjects of {data.name}, so its "
            "effect cannot be told from the typical value. Drop the effect, or fix its coefficient "
            "(wb.Fixed)."
        )
    if kind.categorical and not any(effect.held) and not (columns == 0).all(axis=1).any():
        raise ModelError(
            f"No subject of {data.name} has the reference level {effect.reference} of "
            f"{effect.column}, so the typical value cannot be estimated. Choose one of the other "
            f"levels as reference: {', '.join(effect.levels)}."
        )


def _order(level: str) -> tuple[bool, float, str]:
    """Sort numbers by size, then labels by name."""
    try:
        return (False, float(level), level)
    except ValueError:
        return (True, 0.0, level)
