"""A covariate search written as JSON: its fits, each once, their data once, and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.models.covariates import CovariateEffect
from workbench.results import FitResult
from workbench.results.reopened import fit_of_card
from workbench.results.saved import fit_card
from workbench.workflows._candidates import Candidate
from workbench.workflows._search_steps import Step

if TYPE_CHECKING:
    from workbench.workflows.scm import CovariateSearch

KIND = "nlme-workbench covariate search"
FORMAT = 1


def search_card(search: CovariateSearch) -> dict[str, Any]:
    """Return a search as JSON values."""
    fits: list[FitResult] = []
    for fit in (
        search.base,
        search.fit,
        *search._made.values(),
        *(step.fit for step in search.steps),
    ):
        if not any(fit is known for known in fits):
            fits.append(fit)

    def number(fit: FitResult) -> int:
        return next(k for k, known in enumerate(fits) if known is fit)

    cards = [fit_card(fit) for fit in fits]
    data = cards[0]["data"]  # that of all fits: they are of one data set
    return {
        "kind": KIND,
        "format": FORMAT,
        "data": data,
        "fits": [{name: part for name, part in card.items() if name != "data"} for card in cards],
        "base": number(search.base),
        "fit": number(search.fit),
        "made": {key: number(fit) for key, fit in search._made.items()},
        "steps": [
            {
                "number": step.number,
                "direction": step.direction,
                "rows": [{name: _plain(v) for name, v in row.items()} for row in step.rows],
                "chosen": None if step.chosen is None else _candidate_card(step.chosen),
                "fit": number(step.fit),
                "sentence": step.sentence,
            }
            for step in search.steps
        ],
        "included": [_candidate_card(candidate) for candidate in search.included],
        "complete": search.complete,
        "notes": list(search.notes),
        "forward": search.forward,
        "backward": search.backward,
        "asked": search._asked,
        "settings": list(search._settings),
    }


def parts_of_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a `CovariateSearch` from JSON values, but for its ladder.

    Raises
    ------
    WorkbenchError, AttributeError, KeyError, TypeError, ValueError, IndexError
        The card is damaged.
    """
    first = fit_of_card({**card["fits"][0], "data": card["data"]})
    fits = [first, *(fit_of_card(one, first.data) for one in card["fits"][1:])]
    names, seed, options = card["settings"]
    return {
        "steps": tuple(
            Step(
                one["number"],
                one["direction"],
                tuple({name: _number(v) for name, v in row.items()} for row in one["rows"]),
                None if one["chosen"] is None else _candidate(one["chosen"]),
                fits[one["fit"]],
                one["sentence"],
            )
            for one in card["steps"]
        ),
        "fit": fits[card["fit"]],
        "base": fits[card["base"]],
        "included": tuple(_candidate(one) for one in card["included"]),
        "complete": card["complete"],
        "notes": tuple(card["notes"]),
        "forward": card["forward"],
        "backward": card["backward"],
        "_made": {key: fits[number] for key, number in card["made"].items()},
        "_asked": card["asked"],
        "_settings": (tuple(names), seed, options),
    }


def _candidate_card(candidate: Candidate) -> list[Any]:
    return [candidate.parameter, candidate.effect.to_dict()]


def _candidate(card: list[Any]) -> Candidate:
    return Candidate(str(card[0]), CovariateEffect.from_dict(card[1]))


def _plain(value: Any) -> Any:
    """Return a value of a row as JSON has it: a missing number is null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _number(value: Any) -> Any:
    return np.nan if value is None else value
