"""Effects of covariates that are worth trying, proposed from model and data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.dataset import Dataset
from workbench.data.doses import first_rows
from workbench.diagnostics.covariate_tests import CATEGORICAL, kind_of
from workbench.estimation import check_arguments
from workbench.models.covariates import (
    Categorical,
    CovariateEffect,
    Exponential,
    Linear,
    Power,
)
from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.registry import unknown_name
from workbench.workflows._candidates import why_not


@dataclass(frozen=True, slots=True)
class CovariateCandidates(Mapping[str, tuple[CovariateEffect, ...]]):
    """Proposed effects, by parameter; change them with ``dict(candidates)``.

    Attributes
    ----------
    effects : parameter → effects
    notes : sentences on what is not proposed, and why
    """

    effects: Mapping[str, tuple[CovariateEffect, ...]]
    notes: tuple[str, ...]

    def __getitem__(self, parameter: str) -> tuple[CovariateEffect, ...]:
        return self.effects[parameter]

    def __iter__(self) -> Iterator[str]:
        return iter(self.effects)

    def __len__(self) -> int:
        return len(self.effects)

    def __repr__(self) -> str:
        lines = [
            f"{name}: {', '.join(effect.python() for effect in effects)}"
            for name, effects in self.effects.items()
        ]
        return "\n".join([*(lines or ["No candidate."]), *(f"note: {n}" for n in self.notes)])


def covariate_candidates(
    model: Model,
    data: Dataset,
    parameters: Iterable[str] | None = None,
    covariates: Iterable[str] | None = None,
) -> CovariateCandidates:
    """Propose effects of covariates to search among.

    Of a continuous covariate `Power` where it is positive and the parameter log-normal,
    `Exponential` where it is not positive, `Linear` on a normal parameter; `Categorical` of a
    categorical one (labels, or at most six different whole numbers). What the data cannot tell is
    left out with the reason in `notes`: a covariate that is missing for a subject, changes within
    one, is the same in all or has a level of its own for more than every other subject, and one
    that acts already, on the parameter or in the equations.

    Parameters
    ----------
    model : may have effects already
    data : whose covariates are meant
    parameters : names; None for those with a random effect
    covariates : names; None for all

    Raises
    ------
    UnknownNameError
        A parameter or a covariate is misspelt.
    ModelError, DataError
        The model is none, or the data are none or a design.
    """
    check_arguments(model, data)
    varying = [name for name, p in model.parameters.items() if p.has_eta]
    chosen = _known("parameter", parameters, list(model.parameters), varying)
    columns = _known("covariate", covariates, list(data.covariate_names), data.covariate_names)
    notes: list[str] = []
    if parameters is None and len(varying) < len(model.parameters):
        others = [name for name in model.parameters if name not in varying]
        notes.append(f"Without a random effect, so not proposed: {', '.join(others)}.")
    usable = []
    for column in columns:
        why = _why_unusable(column, model, data)
        notes += [why] if why else []
        usable += [] if why else [column]
    found: dict[str, tuple[CovariateEffect, ...]] = {}
    for name in chosen:
        effects = []
        for column in usable:
            effect = _effect(column, data, positive=_positive(model, name))
            why = why_not(effect, model, data, name)
            if why:
                if why not in notes:
                    notes.append(why)
            else:
                effects.append(effect)
        if effects:
            found[name] = tuple(effects)
    return CovariateCandidates(found, tuple(notes))


def _known(
    kind: str, asked: Iterable[str] | None, known: Sequence[str], default: Sequence[str]
) -> list[str]:
    if asked is None:
        return list(default)
    names = [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in known:
            raise unknown_name(kind, str(name), known)
    return names


def _positive(model: Model, name: str) -> bool:
    return distributions.get(model.parameters[name].distribution).positive


def _why_unusable(column: str, model: Model, data: Dataset) -> str:
    """Return why a covariate is proposed for no parameter, "" if that depends on it."""
    if column in model.structure.covariates:
        return f"{column} acts in the equations already."
    if column in data.time_varying:
        return f"{column} changes within subjects: its effect is not searched for."
    values = data.table[column][first_rows(data.table)]
    missing = int(values.isna().sum())
    if missing:
        return f"{column} is missing for {missing} of {data.n_sub} subjects."
    seen = values.nunique()
    if seen < 2:
        return f"{column} is the same in all subjects."
    if kind_of(values) == CATEGORICAL and 2 * seen > max(data.n_sub, 4):
        return f"{column} has {seen} levels for {data.n_sub} subjects."
    return ""


def _effect(column: str, data: Dataset, *, positive: bool) -> CovariateEffect:
    values = data.table[column][first_rows(data.table)]
    if kind_of(values) == CATEGORICAL:
        return Categorical(column)
    if not positive:
        return Linear(column)
    return Power(column) if (values.to_numpy(np.float64) > 0).all() else Exponential(column)
