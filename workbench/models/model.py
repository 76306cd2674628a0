"""The model: structure, parameters, random effects and residual error, as one immutable value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.models import units as unit_templates
from workbench.models.correlations import (
    Correlations,
    Pair,
    blocks_of,
    check_correlations,
    correlation_matrix,
    held_pairs,
    kappa_pairs,
    named_pairs,
    pairs_of_card,
    read_pairs,
    still_named,
)
from workbench.models.covariates import CovariateEffect
from workbench.models.distributions import distributions
from workbench.models.endpoints import (
    Errors,
    check_eta_names,
    endpoints_python,
    errors_by_output,
    errors_card,
    errors_latex,
    errors_python,
    eta_names,
    eta_sds,
    eta_symbol,
    named_endpoints,
    read_errors,
    sigma_names,
    sigma_units,
)
from workbench.models.error import IIV, ResidualError
from workbench.models.eta import EtaShape, read_eta
from workbench.models.occasions import ETA, OCCASION, check_occasion
from workbench.models.parameter import NO_BOUNDS, Parameter, check_shape
from workbench.models.prior import read_prior
from workbench.models.read import read_structure
from workbench.models.structural import StructuralModel, structures
from workbench.models.typeset import individual_parameter, random_effects
from workbench.models.values import argument, names_of_fixed
from workbench.registry import unknown_name

FORMAT = 1
LINE = 100  # characters of a line of Python
PARAMETER_FIELDS = (
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


@dataclass(frozen=True, slots=True, init=False)
class Model:
    """A nonlinear mixed-effects model with its starting values; JSON both ways.

    Parameters
    ----------
    structure : a structural model, or its name
    parameters : name → `LogNormal(...)` or another distribution, one for each structural parameter
    correlations : pairs of parameters whose random effects are correlated, ``[("cl", "v")]``,
        or pairs with a starting correlation, ``{("cl", "v"): 0.4}``; ``wb.Fixed(0.4)`` holds it.
        Pairs that are not named have correlation 0: ("cl", "v") and ("v", "ka") without
        ("cl", "ka") make a block with a fixed zero. The random effect on a residual error is
        ``"ruv"``, of several outputs ``"ruv.cp"``
    error : residual error, ``wb.error.Additive(0.7)``; where the structure has several outputs,
        one for each that is observed, ``{"cp": wb.error.Proportional(0.1), "pca": ...}``
    endpoints : which label of the data (DVID, or CMT of the observations) is which output,
        ``{1: "cp", 2: "pca"}``. Without it labels that are names of outputs stand for these, and
        the others for the outputs in order.
    fixed_correlations : pairs of `correlations` that are held besides those given by `Fixed`
    occasion : where parameters vary between occasions (``iov``): the column of the data with the
        occasion of each row, as numbers or labels; ``"reset"`` where each EVID 3 or 4 begins one,
        ``"dose"`` where each dose does. As of a covariate, the value of a row holds from the time
        of the row before (NONMEM's rule; with ``covariate_interpolation="locf"`` up to the next)
    iov_correlations : pairs of parameters whose kappas are correlated, as `correlations`

    Attributes
    ----------
    errors : output → residual error
    error : that of the only output, or `errors` where the structure has several

    Raises
    ------
    ModelError, UnknownNameError
        Parts that do not fit each other; the message says which and what to do.
    """

    structure: StructuralModel
    parameters: Mapping[str, Parameter]
    correlations: Mapping[Pair, float]
    fixed_correlations: frozenset[Pair]
    errors: Errors
    error: Any  # one of two kinds: mypy cannot know which
    endpoints: Mapping[str, str]
    occasion: str
    iov_correlations: Mapping[Pair, float]
    _card: str = field(repr=False, compare=True)

    def __init__(
        self,
        structure: StructuralModel | str,
        parameters: Mapping[str, Parameter],
        *,
        error: ResidualError | Errors,
        correlations: Correlations | None = (),
        endpoints: Mapping[Any, str] = MappingProxyType({}),
        fixed_correlations: Iterable[Pair] | None = (),
        occasion: str = OCCASION,
        iov_correlations: Correlations | None = (),
    ) -> None:
        if isinstance(structure, str):
            structure = structures.get(structure)
        if not isinstance(structure, StructuralModel):
            raise ModelError(
                f'structure must be wb.pk(...), wb.structure("...") or a name, not {structure!r}.'
            )
        ordered = _in_order(structure, parameters)
        outputs = structure.outputs
        errors = errors_by_output(structure.name, outputs, error)
        check_eta_names(structure.name, structure.parameters, errors)
        sds = {name: ETA.sd(p) for name, p in ordered.items()}
        sds |= {n: sd for n, sd in eta_sds(outputs, errors).items() if n not in sds}
        pairs, held = read_pairs(structure, sds, correlations, ETA)
        of_kappas = kappa_pairs(structure, ordered, iov_correlations)
        held |= held_pairs(structure, sds, pairs, fixed_correlations)
        set_field = object.__setattr__
        set_field(self, "structure", structure)
        set_field(self, "parameters", MappingProxyType(ordered))
        set_field(self, "correlations", MappingProxyType(pairs))
        set_field(self, "fixed_correlations", frozenset(held))
        set_field(self, "errors", errors)
        set_field(self, "error", errors[outputs[0]] if len(outputs) == 1 else errors)
        set_field(self, "endpoints", named_endpoints(structure.name, outputs, endpoints))
        set_field(self, "occasion", check_occasion(occasion))
        set_field(self, "iov_correlations", MappingProxyType(of_kappas))
        set_field(self, "_card", json.dumps(self.to_dict(), sort_keys=True))
        check_correlations(self.etas, self.correlations)
        check_correlations(self.iov, self.iov_correlations)

    def __reduce__(self) -> tuple[Any, ...]:
        return Model.from_json, (self._card,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self._card == other._card

    def __hash__(self) -> int:
        return hash(self._card)

    def __repr__(self) -> str:
        return self.python()

    @property
    def sigma_names(self) -> tuple[str, ...]:
        """Names of the residual parameters, ``additive``, or ``cp.additive`` of several outputs."""
        return sigma_names(self.structure.outputs, self.errors)

    @property
    def etas(self) -> tuple[str, ...]:
        """Parameters with a random effect, in the structure's order, then `scaled` errors."""
        return (*(name for name, p in self.parameters.items() if p.has_eta), *self.scaled)

    @property
    def scaled(self) -> dict[str, str]:
        """Random effects on the residual errors, ``ruv`` or ``ruv.cp``, with their outputs."""
        return eta_names(self.structure.outputs, self.errors)

    def eta_sd(self, name: str) -> float:
        """Return the SD from which a random effect starts."""
        output = self.scaled.get(name)
        return self.parameters[name].iiv if output is None else self.errors[output].iiv

    def holds_eta(self, name: str) -> bool:
        """Say whether the SD of a random effect is held."""
        output = self.scaled.get(name)
        return IIV in (self.parameters[name] if output is None else self.errors[output]).fixed

    @property
    def shaped(self) -> tuple[str, ...]:
        """Parameters whose random effect is not normal, in the structure's order."""
        return tuple(self.eta_shapes)

    @property
    def eta_shapes(self) -> dict[str, EtaShape]:
        """Shapes of the random effects that are not normal, by parameter."""
        parameters = self.parameters.items()
        return {n: p.eta for n, p in parameters if p.has_eta and p.eta is not None}

    @property
    def omega(self) -> NDArray[np.float64]:
        """Starting variance-covariance matrix of eta, (n_eta, n_eta) in the order of `etas`."""
        sd = np.array([self.eta_sd(name) for name in self.etas])
        return correlation_matrix(self.etas, self.correlations) * np.outer(sd, sd)

    @property
    def iov(self) -> tuple[str, ...]:
        """Parameters that vary between occasions, in the structure's order."""
        return tuple(name for name, p in self.parameters.items() if p.has_iov)

    @property
    def omega_iov(self) -> NDArray[np.float64]:
        """Starting variance-covariance matrix of the kappas of one occasion, in order of `iov`."""
        sd = np.array([self.parameters[name].iov for name in self.iov])
        return correlation_matrix(self.iov, self.iov_correlations) * np.outer(sd, sd)

    def without_random_effects(self) -> Model:
        """Return the model with the same typical values and error, and no random effects."""
        plain = {
            name: replace(p, iiv=0.0, iov=0.0, fixed=p.fixed - {"iiv", "iov"})
            for name, p in self.parameters.items()
        }
        errors = {output: replace(error, iiv=0.0) for output, error in self.errors.items()}
        return self.replace(parameters=plain, correlations={}, iov_correlations={}, error=errors)

    def units(self, data_units: Mapping[str, str]) -> dict[str, str]:
        """Return the unit of each parameter, coefficients included; "" where unknown."""
        names = (*self.structure.parameters, *self.sigma_names)
        templates = (*self.structure.units, *sigma_units(self.errors))
        units = {
            name: unit_templates.fill(template, data_units)
            for name, template in zip(names, templates, strict=True)
        }
        for name, parameter in self.parameters.items():
            unitless = distributions.get(parameter.distribution).unitless
            for effect in parameter.covariates:
                unit = effect.unit("" if unitless else units[name], data_units)
                units.update(dict.fromkeys(effect.names(name), unit))
        return units

    @property
    def beta_names(self) -> tuple[str, ...]:
        """Names of the covariates' coefficients, ``beta[cl,WT]``, parameter after parameter."""
        return tuple(
            beta
            for name, p in self.parameters.items()
            for effect in p.covariates
            for beta in effect.names(name)
        )

    @property
    def covariate_columns(self) -> tuple[str, ...]:
        """Covariates of the data that some parameter depends on, each once."""
        effects = (e for p in self.parameters.values() for e in p.covariates)
        return tuple(dict.fromkeys(effect.column for effect in effects))

    def replace(self, **parts: Any) -> Model:
        """Return a model with some parts replaced; they are the arguments of `Model`.

        Other `correlations` keep what is held of those that they name as well.
        """
        now: dict[str, Any] = {
            "structure": self.structure,
            "parameters": self.parameters,
            "correlations": self.correlations,
            "fixed_correlations": self.fixed_correlations,
            "error": self.error,
            "endpoints": self.endpoints,
            "occasion": self.occasion,
            "iov_correlations": self.iov_correlations,
        }
        for name in parts:
            if name not in now:
                raise unknown_name("part of a model", name, now)
        now.update(parts)
        if "fixed_correlations" not in parts:
            now["correlations"] = named_pairs(now["correlations"])
            held = still_named(self.fixed_correlations, now["correlations"])
            now["fixed_correlations"] = held
        return Model(**now)

    def to_dict(self) -> dict[str, Any]:
        """Return the model card: plain dicts, lists, numbers and strings."""
        card = {
            "format": FORMAT,
            "structure": self.structure.card,
            "parameters": {name: p.to_dict() for name, p in self.parameters.items()},
            "correlations": [
                [a, b, r, *(["fixed"] if (a, b) in self.fixed_correlations else [])]
                for (a, b), r in self.correlations.items()
            ],
            "error": errors_card(self.structure.outputs, self.errors),
        }
        if self.endpoints:
            card["endpoints"] = dict(self.endpoints)
        if self.iov or self.occasion != OCCASION:
            card["occasion"] = self.occasion
        if self.iov_correlations:
            card["iov_correlations"] = [[a, b, r] for (a, b), r in self.iov_correlations.items()]
        return card

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> Model:
        """Read a model card.

        Raises
        ------
        ModelError, UnknownNameError
            A part is missing, misspelt or of the wrong kind.
        """
        if not isinstance(card, Mapping):
            raise ModelError(f"A model card is a JSON object, not {type(card).__name__}.")
        if card.get("format", FORMAT) != FORMAT:
            raise ModelError(
                f"This model card has format {card['format']!r}; this version reads {FORMAT}."
            )
        for part in ("structure", "parameters", "error"):
            if part not in card:
                raise ModelError(f'The model card lacks "{part}".')
        known = ["structure", "parameters", "correlations", "error", "endpoints"]
        known += ["occasion", "iov_correlations"]
        for part in card:
            if part not in ("format", *known):
                raise unknown_name("part of a model card", part, known)
        parameters = {
            name: _read_parameter(name, part)
            for name, part in _object(card["parameters"], '"parameters" of the card').items()
        }
        return cls(
            read_structure(card["structure"]),
            parameters,
            error=read_errors(_object(card["error"], '"error" of the card')),
            correlations=pairs_of_card(card.get("correlations", ())),
            endpoints=card.get("endpoints", {}),
            occasion=card.get("occasion", OCCASION),
            iov_correlations=pairs_of_card(card.get("iov_correlations", ())),
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the model card as JSON text, and write it to `path` if one is given."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    @classmethod
    def from_json(cls, text: str | Path) -> Model:
        """Read a model card from JSON text, or from a file.

        Raises
        ------
        ModelError, UnknownNameError
            The text is not JSON (the message gives line and column), or not a model card.
        """
        if isinstance(text, Path):
            try:
                text = text.read_text(encoding="utf-8")
            except OSError as problem:
                raise ModelError(f"{text} cannot be read: {problem.strerror}.") from None
        if not isinstance(text, str):
            raise ModelError(
                f"Model.from_json takes the text of a model card, or the Path of one, not {text!r}."
            )
        try:
            card = json.loads(text)
        except json.JSONDecodeError as problem:
            raise ModelError(
                f"The model card is not valid JSON: {problem.msg} "
                f"(line {problem.lineno}, column {problem.colno})."
            ) from None
        return cls.from_dict(card)

    def python(self) -> str:
        """Return the Python that builds this model."""
        width = max(len(name) for name in self.parameters) + 3
        lines = [
            f"        {_quoted(n):<{width}} {_broken(p.python(), width)},"
            for n, p in self.parameters.items()
        ]
        text = f"wb.Model(\n    structure={self.structure.code},\n"
        text += "    parameters={\n" + "\n".join(lines) + "\n    },\n"
        if self.correlations:
            pairs = ", ".join(
                f"{pair!r}: {argument(r, pair in self.fixed_correlations)}"
                for pair, r in self.correlations.items()
            )
            text += f"    correlations={{{pairs}}},\n"
        text += f"    error={errors_python(self.structure.outputs, self.errors)},\n"
        if self.endpoints:
            text += f"    endpoints={endpoints_python(self.endpoints)},\n"
        if self.occasion != OCCASION:
            text += f"    occasion={self.occasion!r},\n"
        if self.iov_correlations:
            text += f"    iov_correlations={dict(self.iov_correlations)!r},\n"
        return text + ")"

    def equations(self) -> list[tuple[str, str]]:
        """Return (section, mathtext) lines that state the model, for a reader."""
        lines = [("Structural model", line) for line in self.structure.equations]
        symbols = dict(zip(self.structure.parameters, self.structure.symbols, strict=True))
        symbols |= {name: eta_symbol(name) for name in self.scaled}
        for name, parameter in self.parameters.items():
            latex = individual_parameter("{" + symbols[name] + "}", parameter)
            lines.append(("Individual parameters", latex))
        effects = random_effects(self.blocks(), symbols, self.correlations, self.fixed_correlations)
        kappas = blocks_of(self.iov, self.iov_correlations)
        effects += random_effects(kappas, symbols, self.iov_correlations, (), kappa=True)
        lines += [("Random effects", latex) for latex in effects]
        errors = errors_latex(self.structure.outputs, self.errors)
        return lines + [("Residual error", latex) for latex in errors]

    def blocks(self) -> list[tuple[str, ...]]:
        """Return the blocks of omega: groups of parameters whose random effects are correlated."""
        return blocks_of(self.etas, self.correlations)


def _broken(call: str, width: int) -> str:
    """Return the call of a parameter with its covariates on lines of their own, if it is long."""
    if len(call) + width <= LINE - 9 or ", covariates=[" not in call:
        return call
    head, effects = call.split(", covariates=[", 1)
    inner = effects.removesuffix("])").replace(", wb.covariate.", ",\n            wb.covariate.")
    return f"{head}, covariates=[\n            {inner},\n        ])"


def _quoted(name: str) -> str:
    return f"{name!r}:".replace("'", '"')


def _in_order(
    structure: StructuralModel, parameters: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    if not isinstance(parameters, Mapping):
        raise ModelError(
            'parameters names each parameter with its distribution, such as {"cl": '
            f"wb.LogNormal(2.8, iiv=0.3)}}, not {parameters!r}."
        )
    for name, parameter in parameters.items():
        if name not in structure.parameters:
            raise unknown_name(f"parameter of {structure.name}", name, structure.parameters)
        if not isinstance(parameter, Parameter):
            raise ModelError(
                f"Parameter {name!r} must be wb.LogNormal(...), wb.Normal(...) or another "
                f"distribution, not {parameter!r}."
            )
    missing = [name for name in structure.parameters if name not in parameters]
    if missing:
        raise ModelError(
            f"The structural model {structure.name} also needs {', '.join(missing)}. "
            f"Its parameters are {', '.join(structure.parameters)}."
        )
    return {name: parameters[name] for name in structure.parameters}


def _object(value: Any, what: str) -> Mapping[str, Any]:
    """Refuse a part of a model card that is not a JSON object."""
    if isinstance(value, Mapping):
        return value
    kinds = {str: "a text", list: "a list", int: "a number", float: "a number", type(None): "null"}
    found = kinds.get(type(value), type(value).__name__)
    raise ModelError(f"{what} must be an object {{...}}, not {found}.")


def _read_parameter(name: str, part: Any) -> Parameter:
    card = _object(part, f"Parameter {name!r} of the card")
    for key in card:
        if key not in PARAMETER_FIELDS:
            raise unknown_name(f"field of parameter {name!r}", key, list(PARAMETER_FIELDS))
    for key in ("distribution", "typical"):
        if key not in card:
            raise ModelError(f'Parameter {name!r} of the model card lacks "{key}".')
    fixed = names_of_fixed(card.get("fixed", ()), f"parameter {name!r}")
    shape = read_eta(card.get("eta"))
    try:
        made = Parameter(
            str(card["distribution"]),
            card["typical"],
            card.get("iiv", 0.0),
            fixed,
            card.get("bounds", NO_BOUNDS),
            read_prior(card.get("prior")),
            _read_covariates(name, card.get("covariates", [])),
            card.get("lower"),
            card.get("upper"),
            card.get("iov", 0.0),
            shape,
        )
        check_shape(made, shape)
        return made
    except ModelError as problem:
        raise ModelError(f"Parameter {name!r}: {problem}") from None


def _read_covariates(name: str, card: Any) -> tuple[CovariateEffect, ...]:
    if not isinstance(card, list | tuple):
        raise ModelError(f'The "covariates" of parameter {name!r} must be a list, not {card!r}.')
    return tuple(CovariateEffect.from_dict(effect) for effect in card)
