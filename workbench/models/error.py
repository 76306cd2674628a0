"""Residual error of a model: which error model, with which values.

The functions are what a user types: ``wb.error.Combined(additive=0.5, proportional=0.1)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError
from workbench.models.residual import error_models
from workbench.models.values import Fixed, argument, names_of_fixed, number, unfix
from workbench.registry import unknown_name


@dataclass(frozen=True, slots=True)
class ResidualError:
    """A residual error model with its starting values.

    Attributes
    ----------
    model : name in the registry of error models
    values : one number per parameter of that model, each an SD or a fraction
    fixed : names of the parameters that are held

    Raises
    ------
    ModelError
        A wrong number of values, or a value that is not finite or not positive where it must be.
    """

    model: str
    values: tuple[float, ...]
    fixed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        kind = error_models.get(self.model)
        if len(self.values) != len(kind.parameters):
            raise ModelError(
                f"The {kind.title} error model has {len(kind.parameters)} parameters "
                f"({', '.join(kind.parameters)}), not {len(self.values)}."
            )
        for name, value, scale in zip(kind.parameters, self.values, kind.scales, strict=True):
            if number(value, f"The residual error parameter {name!r}") <= 0 and scale == "log":
                raise ModelError(
                    f"The residual error parameter {name!r} must be a number above 0, not {value}. "
                    "It is a standard deviation (or a fraction), not a variance."
                )
        if all(value == 0 for value in self.values):
            raise ModelError("The residual error cannot be zero: give at least one SD above 0.")
        unknown = set(self.fixed) - set(kind.parameters)
        if unknown:
            raise unknown_name(
                f"parameter of the {kind.title} error model", sorted(unknown)[0], kind.parameters
            )
        object.__setattr__(self, "values", tuple(float(v) for v in self.values))
        object.__setattr__(self, "fixed", frozenset(self.fixed))

    @property
    def parameters(self) -> dict[str, float]:
        """Names and values."""
        return dict(zip(error_models.get(self.model).parameters, self.values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the error's part of a model card."""
        return {"model": self.model, **self.parameters, "fixed": sorted(self.fixed)}

    @classmethod
    def from_dict(cls, card: Mapping[str, Any]) -> ResidualError:
        """Read the error's part of a model card.

        Raises
        ------
        ModelError, UnknownNameError
            The card names no model, an unknown one, or has missing or extra values.
        """
        if "model" not in card:
            raise ModelError('The "error" part of a model card needs a "model".')
        kind = error_models.get(str(card["model"]))
        given = {k: v for k, v in card.items() if k not in ("model", "fixed")}
        for name in given:
            if name not in kind.parameters:
                raise unknown_name(f"parameter of {kind.title} error", name, kind.parameters)
        missing = [name for name in kind.parameters if name not in given]
        if missing:
            raise ModelError(f"The {kind.title} error model lacks {', '.join(missing)}.")
        values = tuple(given[name] for name in kind.parameters)
        fixed = names_of_fixed(card.get("fixed", ()), f"the {kind.title} error model")
        return cls(kind.name, values, fixed)

    def python(self) -> str:
        """Return the call that makes this residual error."""
        arguments = [
            f"{name}={argument(value, name in self.fixed)}"
            for name, value in self.parameters.items()
        ]
        constructor = error_models.get(self.model).constructor
        return "wb.error." + constructor.replace("...", ", ".join(arguments))


def _make(model: str, **values: float | Fixed) -> ResidualError:
    plain, fixed = unfix(**values)
    return ResidualError(model, tuple(plain.values()), fixed)


def Additive(additive: float | Fixed) -> ResidualError:  # noqa: N802
    """Return additive error, SD = additive (in the unit of DV)."""
    return _make("additive", additive=additive)


def Proportional(proportional: float | Fixed) -> ResidualError:  # noqa: N802
    """Return proportional error, SD = proportional · f (a fraction: 0.2 is 20 %)."""
    return _make("proportional", proportional=proportional)


def Combined(  # noqa: N802
    additive: float | Fixed, proportional: float | Fixed, *, kind: int = 2
) -> ResidualError:
    """Return combined error.

    Parameters
    ----------
    additive : SD in the unit of DV
    proportional : fraction
    kind : 2 for SD² = additive² + proportional²·f² (NONMEM's ``F + F*EPS(1) + EPS(2)``),
        1 for SD = additive + proportional·f (Monolix's default)
    """
    if kind not in (1, 2):
        raise ModelError(f"Combined error is of kind 1 or 2, not {kind!r}.")
    return _make(f"combined{kind}", additive=additive, proportional=proportional)


def Power(coefficient: float | Fixed, exponent: float | Fixed) -> ResidualError:  # noqa: N802
    """Return power error, SD = coefficient · f^exponent.

    Parameters
    ----------
    coefficient : SD where the prediction is 1
    exponent : 0 is additive error, 1 proportional; `Fixed` holds it
    """
    return _make("power", coefficient=coefficient, exponent=exponent)


def LogNormal(sd: float | Fixed) -> ResidualError:  # noqa: N802
    """Return log-normal (exponential) error: log DV has the constant SD `sd`."""
    return _make("lognormal", sd=sd)
