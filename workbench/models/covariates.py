"""Effects of covariates on parameters, with their starting values.

The functions are what a user types: ``wb.covariate.Power("WT", reference=70, exponent=0.75)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import ModelError
from workbench.models.covariate import CovariateKind, covariate_kinds
from workbench.models.distributions import Distribution
from workbench.models.endpoints import label_key
from workbench.models.values import Fixed, argument, names_of_fixed, number
from workbench.registry import unknown_name

Groups = tuple[tuple[str, tuple[str, ...]], ...]
LISTED = 1  # levels, beside the reference, that an equation shows one by one
LEVEL_TEST = r"\,[#_i\,=\,~]"
CARD_FIELDS = ("kind", "column", "reference", "groups", "fixed")


@dataclass(frozen=True, slots=True)
class CovariateEffect:
    """The effect of one covariate on one parameter.

    Attributes
    ----------
    kind : name in the registry of kinds
    column : name of the covariate in the data
    reference : value (or level, as text) at which the typical value holds; None for the median
        (or the most frequent level) of the subjects, which is filled in when the model is bound
        to data
    levels : what each coefficient belongs to: ``("",)`` for a continuous covariate, the levels
        or groups other than the reference for a categorical one; none until they are taken from
        the data
    values : one coefficient for each level; one start for all while there are no levels yet
    fixed : levels whose coefficient is held ("" for a continuous covariate, or for all)
    groups : names of groups with the levels in each; a level of no group stands for itself

    Raises
    ------
    ModelError
        A value is not finite, a level is named twice, or the reference has an effect.
    """

    kind: str
    column: str
    reference: float | str | None
    levels: tuple[str, ...]
    values: tuple[float, ...]
    fixed: frozenset[str] = frozenset()
    groups: Groups = ()

    def __post_init__(self) -> None:
        kind = covariate_kinds.get(self.kind)
        if not isinstance(self.column, str) or not self.column.strip():
            raise ModelError(
                f"A covariate is named by its column, such as 'WT', not {self.column!r}."
            )
        what = f"The {kind.argument} of {self.column}"
        object.__setattr__(self, "values", tuple(number(value, what) for value in self.values))
        if not kind.categorical:
            object.__setattr__(self, "reference", _reference(self.reference, self.column, kind))
            return
        _check_groups(self.column, self.groups)
        for level in (*self.levels, *([] if self.reference is None else [str(self.reference)])):
            group = self.group_of(level)
            if group != level:
                what = "effects" if level in self.levels else "reference"
                raise ModelError(
                    f"{what} of {self.column} names the level {level}, which is in the group "
                    f"{group!r}. Name the group: {what}="
                    + (f"{{{group!r}: …}}." if what == "effects" else f"{group!r}.")
                )
        for level in sorted(self.fixed):
            if level not in (self.levels or ("",)):
                raise unknown_name(f"level of {self.column} with an effect", level, self.levels)
        if self.reference is not None and self.reference in self.levels:
            raise ModelError(
                f"The level {self.reference} of {self.column} is the reference, so it has no "
                "effect of its own. Leave it out of effects, or choose another reference."
            )

    @property
    def resolved(self) -> bool:
        """Whether reference and levels are known; if not, they come from the data."""
        return self.reference is not None and bool(self.levels)

    @property
    def held(self) -> tuple[bool, ...]:
        """Of each coefficient, whether it is held."""
        return tuple(level in self.fixed for level in self.levels or ("",))

    def names(self, parameter: str) -> tuple[str, ...]:
        """Return the coefficients' names: ``beta[cl,WT]`` or ``beta[cl,SEX=1]``."""
        return tuple(
            f"beta[{parameter},{self.column}{'=' + level if level else ''}]"
            for level in self.levels
        )

    def group_of(self, level: str) -> str:
        """Return the name of the group that a level of the data belongs to."""
        for name, members in self.groups:
            if level in members:
                return name
        return level

    def with_values(self, values: Iterable[float]) -> CovariateEffect:
        """Return the effect with other coefficients, one for each level."""
        return replace(self, values=tuple(float(value) for value in values))

    def unit(self, parameter: str, data_units: Mapping[str, str]) -> str:
        """Return the unit of the coefficients, "" where unknown.

        Parameters
        ----------
        parameter : unit of the parameter; "" for a log-normal one, whose logarithm moves
        data_units : of the covariates
        """
        template = covariate_kinds.get(self.kind).coefficient_unit
        covariate = data_units.get(self.column, "")
        unknown = ("{COVARIATE}" in template and not covariate) or (
            "{PARAMETER}" in template and not parameter
        )
        return "" if unknown else template.format(COVARIATE=covariate, PARAMETER=parameter)

    def to_dict(self) -> dict[str, Any]:
        """Return the effect's part of a model card."""
        kind = covariate_kinds.get(self.kind)
        card: dict[str, Any] = {"kind": self.kind, "column": self.column}
        card["reference"] = self.reference
        card[kind.argument] = (
            dict(zip(self.levels, self.values, strict=True))
            if kind.categorical and self.levels
            else self.values[0]
        )
        if self.groups:
            card["groups"] = {name: list(members) for name, members in self.groups}
        if self.fixed:
            card["fixed"] = sorted(self.fixed)
        return card

    @classmethod
    def from_dict(cls, card: Any) -> CovariateEffect:
        """Read the effect's part of a model card.

        Raises
        ------
        ModelError, UnknownNameError
            The card names no kind, an unknown one, or has missing or extra parts.
        """
        if not isinstance(card, Mapping) or "kind" not in card or "column" not in card:
            raise ModelError(
                'A covariate effect of a model card needs a "kind" and a "column", such as '
                f'{{"kind": "power", "column": "WT", "exponent": 0.75}}, not {card!r}.'
            )
        kind = covariate_kinds.get(str(card["kind"]))
        known = [name for name in (*CARD_FIELDS, kind.argument) if name != "groups"]
        known += ["groups"] if kind.categorical else []
        for name in card:
            if name not in known:
                raise unknown_name(f"field of a {kind.title} effect", str(name), known)
        fixed = names_of_fixed(card.get("fixed", ()), f"the effect of {card['column']}")
        start = card.get(kind.argument, 0.0)
        if not kind.categorical:
            held = frozenset({""}) if fixed else frozenset[str]()
            reference = card.get("reference")
            return cls(kind.name, card["column"], reference, ("",), (start,), held)
        levels, values = tuple[str, ...](), (start,)
        if isinstance(start, Mapping):
            levels, values = tuple(label_key(k) for k in start), tuple(start.values())
        reference = card.get("reference")
        return cls(
            kind.name,
            card["column"],
            None if reference is None else label_key(reference),
            levels,
            values,
            fixed,
            _groups(card.get("groups", {})),
        )

    def python(self) -> str:
        """Return the call that makes this effect."""
        kind = covariate_kinds.get(self.kind)
        arguments = [json.dumps(self.column, ensure_ascii=False)]
        if self.reference is not None:
            arguments.append(f"reference={_plain(self.reference)}")
        starts = [argument(v, h) for v, h in zip(self.values, self.held, strict=True)]
        if kind.categorical and self.levels:
            pairs = ", ".join(f"{_plain(n)}: {v}" for n, v in zip(self.levels, starts, strict=True))
            arguments.append(f"{kind.argument}={{{pairs}}}")
        else:
            arguments.append(f"{kind.argument}={starts[0]}")
        if self.groups:
            groups = [f"{n!r}: [{', '.join(map(_plain, members))}]" for n, members in self.groups]
            arguments.append(f"groups={{{', '.join(groups)}}}")
        return f"wb.covariate.{kind.constructor}({', '.join(arguments)})"

    def latex(self, symbol: str, *, positive: bool, limited: bool = False) -> str:
        """Return the effect in mathtext: factors of a log-normal parameter, or added terms.

        Parameters
        ----------
        symbol : of the parameter
        positive : whether the parameter is log-normal
        limited : whether it lies between bounds, so that terms are added on a logit or probit scale
        """
        kind = covariate_kinds.get(self.kind)
        template = kind.factor if positive else kind.link_term if limited else kind.term
        name = rf"\mathrm{{{_mathtext(self.column)}}}"
        reference = r"\mathrm{ref}" if self.reference is None else _number(self.reference)
        parts = []
        if len(self.levels) > LISTED:  # β of the level that the subject has, 0 at the reference
            short = template.replace(LEVEL_TEST, "")
            return short.replace("@", rf"\beta_{{{symbol},{name}_i}}")
        for level in self.levels or ("",):
            at = rf"{name}={_number(level)}" if level else name
            coefficient = rf"\beta_{{{symbol},{at}}}"
            if self.held[0] and not kind.categorical:
                coefficient = _number(self.values[0])
            filled = template.replace("#", name).replace("&", reference)
            level_text = _number(level) if level else r"\mathrm{level}"
            parts.append(filled.replace("~", level_text).replace("@", coefficient))
        return r"\,".join(parts) if positive else " + ".join(parts)


def applies(effect: CovariateKind, kind: Distribution) -> bool:
    """Whether a kind of effect exists for parameters of a distribution."""
    if kind.positive:
        return bool(effect.factor)
    return bool(effect.link_term if kind.limited else effect.term)


def check_effects(effects: Any, kind: Distribution) -> tuple[CovariateEffect, ...]:
    """Return a parameter's effects as a tuple, checked against its distribution.

    Raises
    ------
    ModelError
        One is no effect, does not apply to the distribution, or uses a covariate again.
    """
    if isinstance(effects, CovariateEffect | str) or not isinstance(effects, Iterable):
        raise ModelError(
            'covariates is a list of effects, such as [wb.covariate.Power("WT", reference=70)], '
            f"not {effects!r}."
        )
    found: list[CovariateEffect] = []
    for effect in effects:
        if not isinstance(effect, CovariateEffect):
            raise ModelError(
                f'A covariate effect is wb.covariate.Power("WT"), …, not {effect!r}. Known: '
                f"{', '.join(covariate_kinds.get(n).constructor for n in covariate_kinds.names())}."
            )
        own = covariate_kinds.get(effect.kind)
        if not applies(own, kind):
            raise ModelError(
                f"A {own.title.lower()} effect ({effect.column}) does not apply to a "
                f"{kind.title.lower()} parameter. {own.advice}"
            )
        if any(effect.column == other.column for other in found):
            raise ModelError(
                f"{effect.column} has two effects on the same parameter. Keep one: they could not "
                "be told apart."
            )
        found.append(effect)
    return tuple(found)


def Power(  # noqa: N802
    column: str, *, reference: float | None = None, exponent: float | Fixed = 0.0
) -> CovariateEffect:
    r"""Return a power effect on a log-normal parameter, :math:`\phi\,(x/x_{ref})^\beta`.

    On a logit- or probit-normal parameter :math:`\beta \log(x/x_{ref})` is added to psi.

    Parameters
    ----------
    column : a covariate of the data, > 0
    reference : value at which the typical value holds; None for the subjects' median
    exponent : β to start from; ``wb.Fixed(0.75)`` holds it
    """
    return _continuous("power", column, reference, exponent)


def Exponential(  # noqa: N802
    column: str, *, reference: float | None = None, coefficient: float | Fixed = 0.0
) -> CovariateEffect:
    r"""Return an exponential effect on a log-normal parameter, :math:`\phi\,e^{\beta(x-x_{ref})}`.

    Parameters
    ----------
    column : a covariate of the data
    reference : value at which the typical value holds; None for the subjects' median
    coefficient : β to start from, per unit of the covariate; wrap it in `Fixed` to hold it
    """
    return _continuous("exponential", column, reference, coefficient)


def Linear(  # noqa: N802
    column: str, *, reference: float | None = None, coefficient: float | Fixed = 0.0
) -> CovariateEffect:
    r"""Return a linear effect on a normal parameter, :math:`\phi + \beta\,(x - x_{ref})`.

    A log-normal parameter is multiplied by :math:`1 + \beta\,(x - x_{ref})` (PsN's linear effect),
    which must be positive in every subject; β is then per unit of x.
    On a logit- or probit-normal parameter the term is added to psi, and β is per unit of x.

    Parameters
    ----------
    column : a covariate of the data
    reference : value at which the typical value holds; None for the subjects' median
    coefficient : β to start from, in the parameter's unit per unit of the covariate; wrap it in
        `Fixed` to hold it
    """
    return _continuous("linear", column, reference, coefficient)


def Categorical(  # noqa: N802
    column: str,
    *,
    reference: Any = None,
    effects: Mapping[Any, float | Fixed] | float | Fixed = 0.0,
    groups: Mapping[str, Sequence[Any]] | None = None,
) -> CovariateEffect:
    r"""Return the effect of a categorical covariate: each level but the reference has its own β.

    A log-normal parameter is multiplied by exp(β), a normal one moves by β, a logit- or
    probit-normal one by β on that scale. Where NONMEM code
    multiplies by 1 + θ, θ = exp(β) - 1.

    Parameters
    ----------
    column : a covariate of the data, numbers or labels
    reference : level (or group) at which the typical value holds; None for the most frequent one
    effects : level → β to start from, or one start for all levels; wrap in `Fixed` to hold
    groups : name → levels that share one effect, ``{"low": [1, 2, 3, 4]}``
    """
    if isinstance(effects, Mapping):
        keys = [label_key(level) for level in effects]
        _unique(column, keys)
        if not keys:
            raise ModelError(
                f"effects of {column} names no level. Leave it out to take all of them."
            )
        values = tuple(v.value if isinstance(v, Fixed) else v for v in effects.values())
        held = [k for k, v in zip(keys, effects.values(), strict=True) if isinstance(v, Fixed)]
    else:
        keys, held = [], [""] if isinstance(effects, Fixed) else []
        values = (effects.value if isinstance(effects, Fixed) else effects,)
    return CovariateEffect(
        "categorical",
        column,
        None if reference is None else label_key(reference),
        tuple(keys),
        values,
        frozenset(held),
        _groups(groups or {}),
    )


def _continuous(
    kind: str, column: str, reference: float | None, value: float | Fixed
) -> CovariateEffect:
    held = isinstance(value, Fixed)
    plain = value.value if isinstance(value, Fixed) else value
    fixed = frozenset({""}) if held else frozenset[str]()
    return CovariateEffect(kind, column, reference, ("",), (plain,), fixed)


def _reference(value: Any, column: str, kind: CovariateKind) -> float | None:
    if value is None:
        return None
    found = number(value, f"The reference of {column}")
    if kind.positive_data and found <= 0:
        raise ModelError(
            f"The reference of {column} must be above 0 for a {kind.title.lower()} effect, not "
            f"{found:g}."
        )
    return found


def _groups(groups: Any) -> Groups:
    if not isinstance(groups, Mapping):
        raise ModelError(
            f'groups names groups with their levels, {{"low": [1, 2]}}, not {groups!r}.'
        )
    made = []
    for name, members in groups.items():
        if isinstance(members, str) or not isinstance(members, Iterable):
            raise ModelError(f"The levels of the group {name!r} must be a list, not {members!r}.")
        made.append((str(name), tuple(label_key(member) for member in members)))
    return tuple(made)


def _check_groups(column: str, groups: Groups) -> None:
    _unique(column, [member for _, members in groups for member in members])
    empty = [name for name, members in groups if not members]
    if empty:
        raise ModelError(f"The group {empty[0]} of {column} has no levels. Name them, or drop it.")


def _unique(column: str, levels: Sequence[str]) -> None:
    twice = [level for level in levels if levels.count(level) > 1]
    if twice:
        raise ModelError(f"The level {twice[0]} of {column} is named twice. Keep one.")


def _mathtext(text: str) -> str:
    for special in r"\_#%&$^{}":
        text = text.replace(special, " " if special in r"\^{}$" else "\\" + special)
    return text.replace(" ", r"\ ")


def _plain(level: float | str) -> str:
    """Return a reference or level as Python: text that is a whole number without quotes."""
    whole = isinstance(level, str) and level.isdecimal() and level == str(int(level))
    return str(level) if whole else repr(level)


def _number(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else rf"\mathrm{{{_mathtext(value)}}}"
