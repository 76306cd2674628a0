"""Which covariates of the data can act on which parameter, and how: what the page offers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from workbench.data.dataset import Dataset
from workbench.errors import ModelError
from workbench.models.covariate import CovariateKind, covariate_kinds
from workbench.models.covariates import CovariateEffect, applies
from workbench.models.distributions import distributions
from workbench.models.endpoints import label_key
from workbench.models.parameter import Parameter

FEW_LEVELS = 5  # whole numbers that take no more values than this are categories at first
MOST_LISTED = 12  # levels in a message
ORDER = ("power", "exponential", "linear", "categorical")  # of what is offered first


def subject_column(data: Dataset, column: str) -> pd.Series:
    """Return a covariate's values, one for each subject that has one; all where it changes."""
    source = data.table if column in data.time_varying else data.covariates
    return source[column].dropna()


def unusable(data: Dataset) -> dict[str, str]:
    """Return why each covariate cannot act on a parameter; "" when it can."""
    why = {}
    for column in data.covariate_names:
        if data.table[column].isna().all():
            why[column] = "is missing for all subjects"
        else:
            same = subject_column(data, column).nunique() < 2
            why[column] = "is the same in all subjects" if same else ""
    return why


def with_values(data: Dataset, column: str) -> Dataset:
    """Return the subjects that have a covariate: they tell its reference and its levels."""
    if column not in data.covariate_names or column in data.time_varying:
        return data
    some = data.covariates[column].isna().any() and not data.covariates[column].isna().all()
    return data.impute("complete_case", [column]) if some else data


def is_label(data: Dataset, column: str) -> bool:
    """Whether a covariate holds text, so that it can only be categorical."""
    return not pd.api.types.is_numeric_dtype(data.table[column])


def why_not(kind: CovariateKind, parameter: Parameter, data: Dataset, column: str) -> str:
    """Return why a kind of effect is not possible; empty when it is."""
    distribution = distributions.get(parameter.distribution)
    if not applies(kind, distribution):
        return f"not for a {distribution.title.lower()} parameter"
    if not kind.categorical and is_label(data, column):
        return f"{column} holds labels"
    if kind.positive_data and (subject_column(data, column) <= 0).any():
        return f"{column} is not above 0 in all subjects"
    return ""


def first_effect(parameter: Parameter, data: Dataset, column: str) -> CovariateEffect:
    """Return the effect that one click adds: the usual kind for this covariate and parameter."""
    names = [name for name in ORDER if name in covariate_kinds.names()]
    names += [name for name in covariate_kinds.names() if name not in names]
    if _looks_categorical(data, column):
        names.sort(key=lambda name: not covariate_kinds.get(name).categorical)
    for name in names:
        if not why_not(covariate_kinds.get(name), parameter, data, column):
            return new_effect(name, column)
    return new_effect("categorical", column)


def new_effect(kind: str, column: str) -> CovariateEffect:
    """Return an effect of zero whose reference and levels come from the data."""
    levels = () if covariate_kinds.get(kind).categorical else ("",)
    return CovariateEffect(kind, column, None, levels, (0.0,))


def _looks_categorical(data: Dataset, column: str) -> bool:
    values = subject_column(data, column)
    if is_label(data, column):
        return True
    numbers = values.to_numpy(dtype=np.float64)
    whole = bool((numbers == np.round(numbers)).all())
    return len(np.unique(numbers)) <= 2 or (whole and len(np.unique(numbers)) <= FEW_LEVELS)


def groups_text(effect: CovariateEffect) -> str:
    """Return the groups of levels as a person types them: ``low = 1, 2; high = 3, 4``."""
    return "; ".join(f"{name} = {', '.join(members)}" for name, members in effect.groups)


def check_groups(groups: Mapping[str, Iterable[str]], data: Dataset, column: str) -> None:
    """Refuse groups with a level that the data do not have.

    Raises
    ------
    ModelError
    """
    if column not in data.covariate_names:
        return
    known = list(dict.fromkeys(label_key(value) for value in subject_column(data, column)))
    unknown = [level for members in groups.values() for level in members if level not in known]
    if unknown:
        listed = ", ".join(sorted(known)[:MOST_LISTED]) + (" …" if len(known) > MOST_LISTED else "")
        raise ModelError(
            f"Nobody has the {'level' if len(unknown) == 1 else 'levels'} {', '.join(unknown)} of "
            f"{column}. The data have {listed}."
        )


def read_groups(text: str) -> dict[str, list[str]]:
    """Read groups of levels from text such as ``low = 1, 2; high = 3, 4``; spaces serve as well.

    Raises
    ------
    ModelError
        A part has no name or no levels, or a name is there twice.
    """
    groups: dict[str, list[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, members = (piece.strip() for piece in part.partition("="))
        levels = [m.strip() for m in members.split(",")] if "," in members else members.split()
        if not (name and equals and all(levels) and levels):
            raise ModelError(
                f"{part!r} is no group of levels. Type a name and its levels, such as "
                "low = 1, 2; high = 3, 4."
            )
        if name in groups:
            raise ModelError(f"The group {name} is there twice. Give the other one another name.")
        groups[name] = levels
    return groups
