"""Whether one model is a special case of another, and which parameters the larger one adds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.models.covariates import CovariateEffect
from workbench.models.error import DF, LAMBDA, ResidualError
from workbench.models.model import Model
from workbench.models.occasions import ETA, KAPPA, Effect
from workbench.models.parameter import Parameter
from workbench.models.pk import options_of

KNOWN_PARTS = (
    "format",
    "structure",
    "parameters",
    "correlations",
    "iov_correlations",
    "occasion",
    "error",
)
KNOWN_FIELDS = (
    "distribution",
    "typical",
    "iiv",
    "iov",
    "fixed",
    "bounds",
    "prior",
    "covariates",
    "lower",
    "upper",
    "eta",
)
NUMERICAL = ("typical", "units", "solver")  # of a card of equations: they do not change the model

# smaller error model, larger one -> (parameter of the larger, its value in the smaller, whether
# that lies at the boundary). The b of SD² = a² + b² f² enters as b², which cannot be negative;
# that of SD = a + b f may have either sign.
SPECIAL_CASES: dict[tuple[str, str], tuple[str, float, bool]] = {
    ("additive", "combined1"): ("proportional", 0.0, False),
    ("proportional", "combined1"): ("additive", 0.0, False),
    ("additive", "combined2"): ("proportional", 0.0, True),
    ("proportional", "combined2"): ("additive", 0.0, True),
    ("combined1", "combined1_power"): ("exponent", 1.0, False),
    ("combined2", "combined2_power"): ("exponent", 1.0, False),
}


@dataclass(frozen=True, slots=True)
class Restriction:
    """One thing that the smaller model holds and the larger one estimates.

    Attributes
    ----------
    words : such as ``"omega[v] = 0"``
    boundary : the value lies at the edge of what the larger model allows, as a variance of zero
    attached : further parameters of the larger model that go with it: the correlations of a random
        effect
    """

    words: str
    boundary: bool = False
    attached: tuple[str, ...] = ()

    @property
    def df(self) -> int:
        """Number of parameters."""
        return 1 + len(self.attached)


@dataclass(frozen=True, slots=True)
class Nesting:
    """What makes the smaller model of the larger one, or why nothing does.

    Attributes
    ----------
    restrictions : none if the models are the same
    reason : why the smaller model is no special case; "" if it is one
    """

    restrictions: tuple[Restriction, ...] = ()
    reason: str = ""

    @property
    def df(self) -> int:
        """Number of parameters that the larger model has besides."""
        return sum(restriction.df for restriction in self.restrictions)


class _NotNestedError(Exception):
    """Carries the reason out of the comparison of the parts."""


def nesting(small: Model, large: Model, *, unseen: Collection[str] = ()) -> Nesting:
    """Compare two models part by part; starting values do not matter, fixed values do.

    Parameters
    ----------
    small, large : with the values at which what is fixed was held
    unseen : outputs that the data do not show; their residual errors do not matter
    """
    try:
        _same_structure(small, large)
        found: list[Restriction] = []
        for name, p in small.parameters.items():
            found += _typical(name, p, large.parameters[name])
            found += _effects(name, p, large.parameters[name])
        found += _random_effects(small, large, ETA)
        found += _random_effects(small, large, KAPPA)
        found += _errors(small, large, unseen)
    except _NotNestedError as problem:
        return Nesting(reason=str(problem))
    return Nesting(tuple(found))


def _same_structure(small: Model, large: Model) -> None:
    if _structure(small) != _structure(large):
        raise _NotNestedError(
            f"the structural models differ ({small.structure.title}; {large.structure.title})"
        )
    cards = small.to_dict(), large.to_dict()
    for part in {*cards[0], *cards[1]} - {*KNOWN_PARTS}:
        if cards[0].get(part) != cards[1].get(part):
            raise _NotNestedError(f'the models differ in "{part}"')
    for name in small.parameters:
        ours, theirs = (card["parameters"][name] for card in cards)
        for key in {*ours, *theirs} - {*KNOWN_FIELDS}:
            if ours.get(key) != theirs.get(key):
                raise _NotNestedError(f"{name} differs in its {key}")


def _structure(model: Model) -> Any:
    """Return what makes the structure: options of `pk`, a name, or the text of equations."""
    options = options_of(model.structure)
    if options is not None:
        return options
    card = model.structure.card
    if isinstance(card, Mapping) and isinstance(card.get("equations"), Mapping):
        return {k: v for k, v in card["equations"].items() if k not in NUMERICAL}
    return card


def _typical(name: str, small: Parameter, large: Parameter) -> list[Restriction]:
    varies = small.has_eta or large.has_eta
    if small.distribution != large.distribution and varies:
        raise _NotNestedError(
            f"{name} is {small.distribution} in one and {large.distribution} in the other"
        )
    if small.range != large.range and varies:
        raise _NotNestedError(f"{name} lies between other bounds in the larger model")
    shape = _shape(name, small, large) if varies else []
    held, free = "typical" in small.fixed, "typical" not in large.fixed
    if not held and not free:
        raise _NotNestedError(f"{name} is fixed in the larger model and estimated in the smaller")
    if held and not free:
        if small.typical != large.typical:
            raise _NotNestedError(
                f"{name} is fixed at {small.typical:g} in one and at {large.typical:g} in the other"
            )
        return shape
    (low, high), (lowest, highest) = small.limits, large.limits
    if held:
        low = high = small.typical
    if low < lowest or high > highest:
        raise _NotNestedError(f"the bounds of {name} are narrower in the larger model")
    return shape + ([Restriction(f"{name} = {small.typical:.4g}")] if held else [])


def _shape(name: str, small: Parameter, large: Parameter) -> list[Restriction]:
    """Compare the shapes of the random effects."""
    ours, theirs = small.eta, large.eta
    if ours is None and theirs is None:
        return []
    if ours is None or theirs is None or ours.kind != theirs.kind:
        raise _NotNestedError(f"the random effect of {name} has another shape in the larger model")
    if theirs.fixed and (not ours.fixed or ours.value != theirs.value):
        raise _NotNestedError(f"shape[{name}] is fixed at {theirs.value:g} in the larger model")
    held = ours.fixed and not theirs.fixed
    return [Restriction(f"shape[{name}] = {ours.value:.4g}")] if held else []


def _effects(name: str, small: Parameter, large: Parameter) -> list[Restriction]:
    """Compare the effects of covariates; without one its coefficients are zero."""
    found: list[Restriction] = []
    ours = {effect.column: effect for effect in small.covariates}
    theirs = {effect.column: effect for effect in large.covariates}
    for column in ours:
        if column not in theirs:
            raise _NotNestedError(f"{column} acts on {name} in the smaller model only")
    for column, effect in theirs.items():
        if column in ours:
            free = "typical" not in small.fixed | large.fixed
            found += _effect(name, ours[column], effect, free=free)
            continue
        parts = zip(effect.names(name), effect.values, effect.held, strict=True)
        for beta, value, held in parts:
            if held and value != 0:
                raise _NotNestedError(
                    f"{beta} is fixed at {value:g} in the larger model, which does not contain zero"
                )
            found += [] if held else [Restriction(f"{beta} = 0")]
    return found


def _effect(
    name: str, small: CovariateEffect, large: CovariateEffect, *, free: bool
) -> list[Restriction]:
    """Compare two effects of one covariate; `free` says that the typical value can take up any."""
    what = f"the effect of {small.column} on {name}"
    if small.kind != large.kind or small.groups != large.groups:
        raise _NotNestedError(f"{what} is of another kind or has other groups")
    if {small.reference, *small.levels} != {large.reference, *large.levels} and any(small.levels):
        raise _NotNestedError(f"{what} has other levels")
    moved = small.reference != large.reference
    held = any(small.held) or any(large.held)
    if moved and not (free and (not any(small.levels) or not held)):
        raise _NotNestedError(f"{what} has another reference while something is fixed")
    if moved and any(small.levels):
        return []
    mine = dict(zip(small.levels, zip(small.values, small.held, strict=True), strict=True))
    found = []
    for level, beta, theirs, fixed in zip(
        large.levels, large.names(name), large.values, large.held, strict=True
    ):
        value, ours_fixed = mine[level]
        if ours_fixed and not fixed:
            found.append(Restriction(f"{beta} = {value:.4g}"))
        elif fixed and not ours_fixed:
            raise _NotNestedError(
                f"{beta} is fixed in the larger model and estimated in the smaller"
            )
        elif fixed and value != theirs:
            raise _NotNestedError(
                f"{beta} is fixed at {value:g} in one and at {theirs:g} in the other"
            )
    return found


def _random_effects(small: Model, large: Model, effect: Effect) -> list[Restriction]:
    """Compare the random effects of one kind, eta or kappa."""
    if effect is ETA:
        letter, found = "", _held_correlations(small, large)
        pairs, named = large.correlations, {*small.correlations, *large.fixed_correlations}
    else:
        letter, found = "_iov", _occasions(small, large)
        pairs, named = large.iov_correlations, {*small.iov_correlations}
    left = [pair for pair in pairs if pair not in named]
    for name, (mine, held), (other, kept) in _sds(small, large, effect):
        free = not kept
        what = f"the variance of {name}" + ("" if effect is ETA else " between occasions")
        if mine > 0 and not other > 0:
            raise _NotNestedError(f"{name} has {effect.title} in the smaller model only")
        if not other > 0:
            continue
        if not mine > 0:
            if not free:
                raise _NotNestedError(
                    f"{what} is fixed at {other**2:g} in the larger model, which does not contain "
                    "zero"
                )
            own = [pair for pair in left if name in pair]
            left = [pair for pair in left if name not in pair]
            words = tuple(f"corr{letter}[{a},{b}]" for a, b in own)
            found.append(Restriction(f"omega{letter}[{name}] = 0", boundary=True, attached=words))
        elif held and free:
            found.append(Restriction(f"omega{letter}[{name}] = {mine**2:.4g}"))
        elif not held and not free:
            raise _NotNestedError(
                f"{what} is fixed in the larger model and estimated in the smaller"
            )
        elif held and mine != other:
            raise _NotNestedError(
                f"{what} is fixed at {mine**2:g} in one and at {other**2:g} in the other"
            )
    found += [Restriction(f"corr{letter}[{a},{b}] = 0") for a, b in left]
    return found


def _sds(
    small: Model, large: Model, effect: Effect
) -> list[tuple[str, tuple[float, bool], tuple[float, bool]]]:
    """Return name, SD and whether it is held, in both models, of the random effects of one kind."""
    both = [
        {n: (effect.sd(p), effect.part in p.fixed) for n, p in model.parameters.items()}
        for model in (small, large)
    ]
    if effect is ETA:
        for found, model in zip(both, (small, large), strict=True):
            found |= {n: (model.eta_sd(n), model.holds_eta(n)) for n in model.scaled}
    none = (0.0, False)
    return [(n, both[0].get(n, none), both[1].get(n, none)) for n in {**both[1], **both[0]}]


def _occasions(small: Model, large: Model) -> list[Restriction]:
    """Refuse models whose occasions differ, and correlations of the smaller one only."""
    if small.iov and large.iov and small.occasion != large.occasion:
        raise _NotNestedError(
            f"occasions are those of {small.occasion} in one and of {large.occasion} in the other"
        )
    for pair in small.iov_correlations:
        if pair not in large.iov_correlations:
            raise _NotNestedError(
                f"the kappas of {' and '.join(pair)} are correlated in the smaller model only"
            )
    return []


def _held_correlations(small: Model, large: Model) -> list[Restriction]:
    """Compare the correlations that both models have, and refuse those of the smaller one only."""
    found = []
    for pair, value in small.correlations.items():
        if pair not in large.correlations:
            raise _NotNestedError(
                f"the random effects of {' and '.join(pair)} are correlated in the smaller model "
                "only"
            )
        held, free = pair in small.fixed_correlations, pair not in large.fixed_correlations
        words = f"corr[{pair[0]},{pair[1]}]"
        if held and free:
            found.append(Restriction(f"{words} = {value:.4g}"))
        elif not free and (not held or value != large.correlations[pair]):
            raise _NotNestedError(f"{words} is fixed at {large.correlations[pair]:g} in the larger")
    for pair in large.fixed_correlations - set(small.correlations):
        if large.correlations[pair] != 0.0:
            raise _NotNestedError(
                f"corr[{pair[0]},{pair[1]}] is fixed at {large.correlations[pair]:g} in the larger "
                "model, which does not contain zero"
            )
    return found


def _errors(small: Model, large: Model, unseen: Collection[str]) -> list[Restriction]:
    found = []
    for output in small.structure.outputs:
        ours, theirs = small.errors.get(output), large.errors.get(output)
        if output in unseen or (ours is None and theirs is None):
            continue
        if ours is None or theirs is None:
            raise _NotNestedError(f"only one of the models has a residual error for {output}")
        several = len(small.structure.outputs) > 1
        found += _error(ours, theirs, f"{output}." if several else "")
    return found


# Scales without lambda that are one with it at some value: (small, large) → that value.
AT_LAMBDA: dict[tuple[str, str], float] = {
    ("", "boxcox"): 1.0,
    ("log", "boxcox"): 0.0,
    ("", "yeojohnson"): 1.0,
    ("logit", "logit_yeojohnson"): 1.0,
    ("probit", "probit_yeojohnson"): 1.0,
}


def _scale(small: ResidualError, large: ResidualError, prefix: str) -> list[Restriction]:
    """Return what the transformation and the distribution hold in the smaller model."""
    found = []
    ours, theirs = small.transform, large.transform
    names = tuple("" if t is None else t.name for t in (ours, theirs))
    unlike = _NotNestedError(
        f"the residual error {small.title} is not known to be a special case of {large.title}"
    )
    if small.expression != large.expression:
        raise unlike
    if ours != theirs:
        at = AT_LAMBDA.get((names[0], names[1]))
        ends = [(t.lower, t.upper) for t in (ours, theirs) if t is not None]
        if at is None or (len(set(ends)) > 1 and theirs is not None and theirs.shape.bounded):
            raise unlike
        if LAMBDA not in large.fixed:
            found.append(Restriction(f"sigma[{prefix}{LAMBDA}] = {at:g}"))
        elif large.parameters[LAMBDA] != at:
            raise unlike
    if small.of != large.of or (small.student and not large.student):
        raise unlike
    if large.student and not small.student:
        if DF in large.fixed:
            raise unlike
        found.append(Restriction(f"sigma[{prefix}{DF}] = ∞", boundary=True))
    return found


def _error(small: ResidualError, large: ResidualError, prefix: str) -> list[Restriction]:
    found, values = [], dict(small.parameters)
    held = set(small.fixed)
    found += _scale(small, large, prefix)
    if small.model != large.model:
        case = SPECIAL_CASES.get((small.model, large.model))
        if case is None:
            titles = [error.title for error in (small, large)]
            raise _NotNestedError(
                f"the residual error {titles[0]} is not known to be a special case of {titles[1]}"
            )
        extra, value, boundary = case
        if extra in large.fixed and large.parameters[extra] != value:
            at = f"{large.parameters[extra]:g}"
            raise _NotNestedError(f"sigma[{prefix}{extra}] is fixed at {at} in the larger model")
        if extra not in large.fixed:
            found.append(Restriction(f"sigma[{prefix}{extra}] = {value:g}", boundary=boundary))
    for name, value in values.items():
        free = name not in large.fixed
        if name in held and free:
            found.append(Restriction(f"sigma[{prefix}{name}] = {value:.4g}"))
        elif name not in held and not free:
            raise _NotNestedError(
                f"sigma[{prefix}{name}] is fixed in the larger model and estimated in the smaller"
            )
        elif name in held and value != large.parameters[name]:
            raise _NotNestedError(f"sigma[{prefix}{name}] is fixed at different values")
    return found
