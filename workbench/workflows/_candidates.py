"""Effects of covariates that a search may add to a model, checked against model and data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from workbench.data.dataset import Dataset
from workbench.errors import OptionError, WorkbenchError
from workbench.models.covariates import CovariateEffect, check_effects
from workbench.models.distributions import distributions
from workbench.models.model import Model
from workbench.problem.covariates import design_matrix, resolved
from workbench.registry import unknown_name

Candidates = Mapping[str, Iterable[CovariateEffect]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An effect that may be added to a parameter.

    Attributes
    ----------
    parameter : name of the parameter
    effect : with its reference and levels
    """

    parameter: str
    effect: CovariateEffect

    @property
    def title(self) -> str:
        """Such as ``"cl ~ WT (power)"``."""
        return f"{self.parameter} ~ {self.effect.column} ({self.effect.kind})"

    @property
    def place(self) -> tuple[str, str]:
        """Parameter and covariate, between which there is one effect at most."""
        return self.parameter, self.effect.column

    @property
    def df(self) -> int:
        """Number of coefficients that are estimated."""
        return len(self.effect.held) - sum(self.effect.held)

    def added_to(self, model: Model) -> Model:
        """Return the model with the effect, at its own starting values."""
        own = model.parameters[self.parameter]
        return self._changed(model, (*own.covariates, self.effect))

    def dropped_from(self, model: Model) -> Model:
        """Return the model without the effect."""
        kept = model.parameters[self.parameter].covariates
        return self._changed(model, tuple(e for e in kept if e.column != self.effect.column))

    def _changed(self, model: Model, effects: tuple[CovariateEffect, ...]) -> Model:
        own = replace(model.parameters[self.parameter], covariates=effects)
        return model.replace(parameters={**model.parameters, self.parameter: own})


def checked_candidates(
    model: Model, data: Dataset, candidates: Candidates
) -> tuple[Candidate, ...]:
    """Return the candidates in order, each with its reference and levels.

    Raises
    ------
    OptionError, UnknownNameError, ModelError, DataError
        There is none, one names an unknown parameter or covariate, is in the model already, is
        given twice, or cannot be estimated from the data.
    """
    if not isinstance(candidates, Mapping):
        raise OptionError(
            'candidates names parameters with effects to try, {"cl": [wb.covariate.Power("WT")]}, '
            f"not {type(candidates).__name__}. wb.covariate_candidates(model, data) proposes some."
        )
    found: list[Candidate] = []
    for name, effects in candidates.items():
        if name not in model.parameters:
            raise unknown_name("parameter", str(name), list(model.parameters))
        for effect in [effects] if isinstance(effects, CovariateEffect) else effects:
            new = _checked(model, data, name, effect)
            if any(new.title == c.title and effect.groups == c.effect.groups for c in found):
                raise OptionError(f"The candidate {new.title} is given twice. Keep one.")
            found.append(new)
    if not found:
        raise OptionError(
            "There is no candidate to search among. Give some, such as "
            'candidates={"cl": [wb.covariate.Power("WT")]}, or let '
            "wb.covariate_candidates(model, data) propose them."
        )
    return tuple(found)


def _checked(model: Model, data: Dataset, name: str, effect: CovariateEffect) -> Candidate:
    own = model.parameters[name]
    check_effects([effect], distributions.get(own.distribution))
    if any(other.column == effect.column for other in own.covariates):
        raise OptionError(
            f"{effect.column} has an effect on {name} in the model already, so it cannot be a "
            "candidate. Leave it out here, or drop it from the model."
        )
    candidate = Candidate(name, resolved(effect, data))
    if not candidate.df:
        raise OptionError(
            f"Every coefficient of the candidate {candidate.title} is fixed: there is nothing to "
            "test. Let one be estimated."
        )
    design_matrix(candidate.added_to(_alone(model)), data, estimable=True)
    return candidate


def _alone(model: Model) -> Model:
    """Return the model without effects, in whose place a candidate is checked by itself."""
    parameters = {name: replace(p, covariates=()) for name, p in model.parameters.items()}
    return model.replace(parameters=parameters)


def why_not(effect: CovariateEffect, model: Model, data: Dataset, name: str) -> str:
    """Return why an effect is no candidate for a parameter, "" if it is one."""
    try:
        _checked(model, data, name, effect)
    except WorkbenchError as problem:
        return str(problem)
    return ""
