"""Equations of individual parameters as the page shows them: of one, or with one effect alone."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from workbench.data import Dataset
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.models.parameter import Parameter
from workbench.models.typeset import individual_parameter
from workbench.widgets import equations

COVARIATE = re.compile(r"\\mathrm\{([^{}]*)\}_i")  # a covariate of a subject, not one in an index


def of_parameter(model: Model, name: str, data: Dataset | None) -> str:
    """Return the equation of an individual parameter, typeset."""
    return typeset(_of(model, name, model.parameters[name]), data)


def of_effect(model: Model, name: str, effect: CovariateEffect, data: Dataset | None) -> str:
    """Return the same equation with one effect alone, typeset; dots stand for the rest."""
    own = model.parameters[name]
    alone = replace(
        own, covariates=(effect,), iiv=0.0, iov=0.0, eta=None, fixed=frozenset[str](), prior=None
    )
    between = r"\," if distributions.get(own.distribution).positive else " + "
    return typeset(rf"{_of(model, name, alone)}{between}\ldots", data)


def _of(model: Model, name: str, parameter: Parameter) -> str:
    symbol = model.structure.symbols[model.structure.parameters.index(name)]
    return individual_parameter("{" + symbol + "}", parameter)


def typeset(latex: str, data: Dataset | None) -> str:
    """Return mathtext as HTML, as it is written where it cannot be typeset."""
    shown = in_time(latex, data)
    try:
        return equations.svg(shown)
    except ValueError:
        return f"<code>{escape(shown)}</code>"


def in_time(latex: str, data: Dataset | None) -> str:
    """Mark the covariates that change within a subject as functions of time."""
    changing = {_letters(name) for name in data.time_varying} if data is not None else set()

    def marked(found: re.Match[str]) -> str:
        return found.group() + "(t)" * (_letters(found[1]) in changing)

    return COVARIATE.sub(marked, latex)


def _letters(name: str) -> str:
    """Return the letters and digits of a name, which mathtext does not change."""
    return "".join(letter for letter in name if letter.isalnum())
