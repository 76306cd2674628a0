"""Residual error of a model: which error model, with which values, on which scale.

The functions are what a user types: ``wb.error.Combined(additive=0.5, proportional=0.1)``. Each
takes three more things: a transformation of both sides, ``transform=wb.transform.Log()``, the
degrees of freedom of Student-t residuals, ``df=4``, and the SD of a random effect on the log of
its SD, ``iiv=0.3``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import ModelError
from workbench.models import error_text
from workbench.models.residual import ErrorModel, error_models
from workbench.models.transform import Transform, WithLambda, check_lambda
from workbench.models.values import (
    Estimated,
    Fixed,
    argument,
    held_argument,
    hold,
    names_of_fixed,
    number,
    unfix,
)
from workbench.registry import unknown_name

LAMBDA, DF = "lambda", "df"  # names of the parameters that a scale and a distribution bring
PREDICTION, TRANSFORMED = "prediction", "transformed"  # what the SD follows
IIV = "iiv"  # in `fixed` and on a card: the SD of the random effect on the error
RUV = "ruv"  # name of that random effect, as "residual unexplained variability"


@dataclass(frozen=True, slots=True)
class ResidualError:
    r"""A residual error model with its starting values.

    With a transformation g, :math:`g(y) = g(f) + \mathrm{SD}\,\varepsilon`: the SDs are on the
    scale of g, and -2LL counts the Jacobian. With degrees of freedom, :math:`\varepsilon` has
    Student's t distribution and the SDs are its scale. With a random effect, the SD of a subject
    is :math:`\mathrm{SD}\,e^{\eta_i}` (Karlsson, Jonsson, Wiltse & Wade 1998, J Pharmacokinet
    Biopharm 26:207).

    Attributes
    ----------
    model : name in the registry of error models
    values : one number per parameter: those of that model, each an SD or a fraction; then lambda
        of the transformation and the degrees of freedom, where there are any
    fixed : names of the parameters that are held; ``"iiv"`` for the SD of the random effect
    transform : of both sides; None models DV itself
    of : ``"prediction"`` where the SD follows f, ``"transformed"`` where it follows \|g(f)\|
    student : whether the residuals have Student's t distribution
    expression : the SD as text, for the model ``"expression"``; "" for the others
    iiv : SD of the random effect on log SD; 0 without one

    Raises
    ------
    ModelError
        A wrong number of values; a value that is not finite or not positive where it must be; a
        transformation of what is transformed already.
    """

    model: str
    values: tuple[float, ...]
    fixed: frozenset[str] = frozenset()
    transform: Transform | None = None
    of: str = PREDICTION
    student: bool = False
    expression: str = ""
    iiv: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.transform, Transform | None):
            raise ModelError(
                f"transform must be one of wb.transform's, such as wb.transform.Log(), not "
                f"{self.transform!r}."
            )
        kind = self.kind
        if len(self.values) != len(self.names):
            raise ModelError(
                f"The {kind.title} error model has {len(self.names)} parameters "
                f"({', '.join(self.names)}), not {len(self.values)}."
            )
        for name, value, scale in zip(self.names, self.values, self.scales, strict=True):
            if number(value, f"The residual error parameter {name!r}") <= 0 and scale == "log":
                what = (
                    "Student's t needs degrees of freedom above 0; many of them are normal."
                    if name == DF
                    else "It is a standard deviation (or a fraction), not a variance."
                )
                raise ModelError(
                    f"The residual error parameter {name!r} must be a number above 0, not {value}. "
                    f"{what}"
                )
        if all(value == 0 for value in self.values[: len(kind.parameters)]):
            raise ModelError("The residual error cannot be zero: give at least one SD above 0.")
        self._check_scale()
        self._set_iiv()
        unknown = set(self.fixed) - {*self.names, IIV}
        if unknown:
            raise unknown_name(
                f"parameter of the {kind.title} error model", sorted(unknown)[0], self.names
            )
        object.__setattr__(self, "values", tuple(float(v) for v in self.values))

    def _set_iiv(self) -> None:
        """Check the random effect; one that there is not is not held."""
        iiv = number(self.iiv, "The iiv of a residual error")
        if iiv < 0:
            raise ModelError(
                f"The iiv of a residual error is the SD of a random effect on the log of its SD, "
                f"a number above 0 (or 0 for none), not {iiv:g}."
            )
        fixed = frozenset(self.fixed) - ({IIV} if iiv == 0 else set())
        object.__setattr__(self, "iiv", iiv)
        object.__setattr__(self, "fixed", fixed)

    def _check_scale(self) -> None:
        if self.of not in (PREDICTION, TRANSFORMED):
            raise ModelError(
                f"of must be {PREDICTION!r} (the SD follows the prediction) or {TRANSFORMED!r} "
                f"(it follows the transformed prediction), not {self.of!r}."
            )
        if self.transform is None:
            if self.of != PREDICTION:
                raise ModelError(
                    f"of={self.of!r} needs a transformation: give transform=wb.transform.…, or "
                    "leave it out."
                )
            return
        if self.kind.positive_data:
            raise ModelError(
                f"The {self.kind.title} error model is a transformation already. Use "
                "wb.error.Additive(…, transform=…)."
            )
        if self.transform.shape.bent:
            check_lambda(self.parameters[LAMBDA])

    @property
    def kind(self) -> ErrorModel:
        """The error model."""
        return error_kind(self.model, self.expression)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters."""
        bent = self.transform is not None and self.transform.shape.bent
        return self.kind.parameters + (LAMBDA,) * bent + (DF,) * self.student

    @property
    def scales(self) -> tuple[str, ...]:
        """How each parameter is estimated, ``"log"`` or ``"identity"``."""
        return self.kind.scales + tuple(
            "identity" if name == LAMBDA else "log" for name in self.names[len(self.kind.scales) :]
        )

    @property
    def units(self) -> tuple[str, ...]:
        """Unit template of each parameter; "" on the scale of a transformation."""
        own = self.kind.units if self.transform is None else ("",) * len(self.kind.units)
        return own + ("",) * (len(self.names) - len(own))

    @property
    def parameters(self) -> dict[str, float]:
        """Names and values."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def title(self) -> str:
        """What a person reads: the error model, its transformation, its distribution."""
        parts = [self.kind.title]
        if self.transform is not None:
            parts.append(f"{self.transform.shape.title} of both sides")
        if self.of == TRANSFORMED:
            parts.append("SD of the transformed prediction")
        if self.student:
            parts.append("Student-t")
        if self.has_eta:
            parts.append("random effect on its SD")
        return ", ".join(parts)

    @property
    def short(self) -> str:
        """Its names in a line of few words."""
        parts = [f"SD = {self.expression}" if self.expression else self.model]
        if self.transform is not None:
            parts.append(self.transform.name)
        return " ".join(parts + ["student"] * self.student + ["iiv"] * self.has_eta)

    @property
    def has_eta(self) -> bool:
        """Whether its SD differs between subjects."""
        return self.iiv > 0

    def is_shape(self, name: str) -> bool:
        """Whether a parameter, ``sigma[lambda]`` or ``lambda``, is a shape: no SD, no fraction."""
        own = name.removeprefix("sigma[").removesuffix("]").rpartition(".")[2]
        return own in (*self.kind.shapes, LAMBDA, DF)

    def with_values(self, values: Iterable[float]) -> ResidualError:
        """Return the same error with other values."""
        return replace(self, values=tuple(values))

    def like(self, other: ResidualError) -> bool:
        """Whether another error is the same but for values, random effect and what is held."""
        same_law = (self.student, self.of) == (other.student, other.of)
        mine = (self.model, self.expression, self.transform)
        return same_law and mine == (other.model, other.expression, other.transform)

    def with_free(self, values: Sequence[float]) -> ResidualError:
        """Return the same error with other values of what is not held."""
        return self.with_values(
            old if name in self.fixed else new
            for (name, old), new in zip(self.parameters.items(), values, strict=True)
        )

    def scaled(self, factor: float) -> ResidualError:
        """Return the error with SDs times `factor`; shapes and what is held stay."""
        return self.with_values(
            value if self.is_shape(name) or name in self.fixed else value * factor
            for name, value in self.parameters.items()
        )

    def latex(self, eta: str = RUV) -> list[str]:
        """Return the error in mathtext, a line for each equation.

        Parameters
        ----------
        eta : mathtext of the name of its random effect
        """
        lines = self._latex()
        if self.has_eta:
            factor = rf"e^{{\eta_{{{eta},i}}}}\,\varepsilon_{{ij}}"
            lines[0] = lines[0].replace(r"\varepsilon_{ij}", factor)
        return lines

    def _latex(self) -> list[str]:
        if self.transform is None:
            return [self.kind.latex]
        sd = self.kind.sd
        if self.of == TRANSFORMED:
            sd = sd.replace("f_{ij}", r"|g(f_{ij})|")
        return [
            rf"g(y_{{ij}}) = g(f_{{ij}}) + {sd}\,\varepsilon_{{ij}}",
            rf"g(y) = {self.transform.latex('y')}",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the error's part of a model card."""
        card: dict[str, Any] = {"model": self.model, **self.parameters}
        card["fixed"] = sorted(self.fixed)
        if self.expression:
            card["expression"] = self.expression
        if self.transform is not None:
            card["transform"] = self.transform.to_dict()
        if self.has_eta:
            card[IIV] = self.iiv
        return card | ({"of": self.of} if self.of != PREDICTION else {})

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
        expression = str(card.get("expression", ""))
        kind = error_kind(str(card["model"]), expression)
        transform = Transform.from_dict(card["transform"]) if "transform" in card else None
        bent = transform is not None and transform.shape.bent
        names = kind.parameters + (LAMBDA,) * bent + (DF,) * (DF in card)
        given = {k: v for k, v in card.items() if k not in PARTS}
        for name in given:
            if name not in names:
                raise unknown_name(f"parameter of {kind.title} error", name, names)
        missing = [name for name in names if name not in given]
        if missing:
            raise ModelError(f"The {kind.title} error model lacks {', '.join(missing)}.")
        values = tuple(given[name] for name in names)
        fixed = names_of_fixed(card.get("fixed", ()), f"the {kind.title} error model")
        of = str(card.get("of", PREDICTION))
        iiv = card.get(IIV, 0.0)
        return cls(kind.name, values, fixed, transform, of, DF in card, expression, iiv)

    def python(self) -> str:
        """Return the call that makes this residual error."""
        own = {name: self.parameters[name] for name in self.kind.parameters}
        values = {name: argument(value, name in self.fixed) for name, value in own.items()}
        arguments = [f"{name}={value}" for name, value in values.items()]
        if self.expression:
            arguments = [f"{{{', '.join(f'{n!r}: {value}' for n, value in values.items())}}}"]
        call = "wb.error." + self.kind.constructor.replace("...", ", ".join(arguments))
        more = []
        if self.transform is not None:
            lam = self.parameters.get(LAMBDA)
            more.append(f"transform={self.transform.python(lam, LAMBDA in self.fixed)}")
        if self.of != PREDICTION:
            more.append(f"of={self.of!r}")
        if self.student:
            more.append(f"df={held_argument(self.parameters[DF], DF in self.fixed)}")
        if self.has_eta:
            more.append(f"iiv={argument(self.iiv, IIV in self.fixed)}")
        return f"{call[:-1]}, {', '.join(more)})" if more else call


PARTS = ("model", "fixed", "transform", "of", "expression", IIV)  # of a card, that are no values


def error_kind(model: str, expression: str = "") -> ErrorModel:
    """Return an error model by name; ``"expression"`` has its SD as text.

    Raises
    ------
    ModelError, UnknownNameError
        There is no such model, or an SD was given to one that has its own, or to none.
    """
    if (model == error_text.NAME) != bool(expression):
        raise ModelError(
            f'The error model "{error_text.NAME}" takes its SD as text, such as "a*f/(f + 5)", '
            "and no other model does."
        )
    return error_text.expression_model(expression) if expression else error_models.get(model)


def _make(
    model: str,
    values: Mapping[str, float | Fixed],
    transform: WithLambda | None,
    df: float | Fixed | Estimated | None,
    iiv: float | Fixed,
    of: str = PREDICTION,
    expression: str = "",
) -> ResidualError:
    given = {**values, IIV: iiv}
    bare: Any = transform  # None, or what ResidualError refuses in words
    if isinstance(transform, WithLambda):
        bare = transform.transform
        if transform.lam is not None:
            given[LAMBDA] = transform.lam
    if df is not None:
        given[DF] = hold(df)
    plain, fixed = unfix(**given)
    sd, student = plain.pop(IIV), df is not None
    return ResidualError(model, tuple(plain.values()), fixed, bare, of, student, expression, sd)


def Additive(  # noqa: N802
    additive: float | Fixed,
    *,
    transform: WithLambda | None = None,
    df: float | Fixed | Estimated | None = None,
    iiv: float | Fixed = 0,
) -> ResidualError:
    """Return additive error, SD = additive.

    Parameters
    ----------
    additive : in the unit of DV, or on the scale of `transform`
    transform : of both sides, such as ``wb.transform.BoxCox(0.5)``; None models DV itself
    df : degrees of freedom of Student-t residuals, held (`Estimated` estimates them); None for
        normal residuals. The SD is then the scale of the distribution
    iiv : SD of a random effect on the log of the SD, so that it differs between subjects; 0 for
        none, `Fixed` holds it
    """
    return _make("additive", {"additive": additive}, transform, df, iiv)


def Proportional(  # noqa: N802
    proportional: float | Fixed,
    *,
    transform: WithLambda | None = None,
    of: str = PREDICTION,
    df: float | Fixed | Estimated | None = None,
    iiv: float | Fixed = 0,
) -> ResidualError:
    """Return proportional error, SD = proportional · f (a fraction: 0.2 is 20 %).

    Parameters
    ----------
    transform, df, iiv : see `Additive`
    of : what the SD is proportional to, ``"prediction"`` (f itself, also where both sides are
        transformed) or ``"transformed"`` (the absolute value of g(f))
    """
    return _make("proportional", {"proportional": proportional}, transform, df, iiv, of)


def Combined(  # noqa: N802
    additive: float | Fixed,
    proportional: float | Fixed,
    *,
    kind: int = 2,
    exponent: float | Fixed | None = None,
    transform: WithLambda | None = None,
    of: str = PREDICTION,
    df: float | Fixed | Estimated | None = None,
    iiv: float | Fixed = 0,
) -> ResidualError:
    """Return combined error.

    Parameters
    ----------
    additive : SD in the unit of DV
    proportional : fraction
    kind : 2 for SD² = additive² + proportional²·f² (NONMEM's ``F + F*EPS(1) + EPS(2)``),
        1 for SD = additive + proportional·f (Monolix's default)
    exponent : of f, which then takes the place of f above; None leaves f as it is
    transform, of, df, iiv : see `Proportional`
    """
    if kind not in (1, 2):
        raise ModelError(f"Combined error is of kind 1 or 2, not {kind!r}.")
    values = {"additive": additive, "proportional": proportional}
    if exponent is None:
        return _make(f"combined{kind}", values, transform, df, iiv, of)
    values["exponent"] = exponent
    return _make(f"combined{kind}_power", values, transform, df, iiv, of)


def Power(  # noqa: N802
    coefficient: float | Fixed,
    exponent: float | Fixed,
    *,
    transform: WithLambda | None = None,
    of: str = PREDICTION,
    df: float | Fixed | Estimated | None = None,
    iiv: float | Fixed = 0,
) -> ResidualError:
    """Return power error, SD = coefficient · f^exponent.

    Parameters
    ----------
    coefficient : SD where the prediction is 1
    exponent : 0 is additive error, 1 proportional; `Fixed` holds it
    transform, of, df, iiv : see `Proportional`
    """
    values = {"coefficient": coefficient, "exponent": exponent}
    return _make("power", values, transform, df, iiv, of)


def LogNormal(  # noqa: N802
    sd: float | Fixed, *, df: float | Fixed | Estimated | None = None, iiv: float | Fixed = 0
) -> ResidualError:
    """Return log-normal (exponential) error: log DV has the constant SD `sd`.

    It is ``Additive(sd, transform=wb.transform.Log())``.

    Parameters
    ----------
    df, iiv : see `Additive`
    """
    return _make("lognormal", {"sd": sd}, None, df, iiv)


def Expression(  # noqa: N802
    sd: str,
    values: Mapping[str, float | Fixed],
    *,
    transform: WithLambda | None = None,
    of: str = PREDICTION,
    df: float | Fixed | Estimated | None = None,
    iiv: float | Fixed = 0,
) -> ResidualError:
    """Return an error whose SD is an expression, ``Expression("a*f/(f + c)", {"a": 1, "c": 5})``.

    Parameters
    ----------
    sd : in the language of `wb.equations`, f being the prediction; all other names are parameters
    values : starting value of each parameter; `Fixed` holds it
    transform, of, df, iiv : see `Proportional`

    Raises
    ------
    EquationError, ModelError, UnknownNameError
        The expression cannot be read, or values are missing or extra.
    """
    names = error_text.expression_model(sd).parameters
    for name in values:
        if name not in names:
            raise unknown_name(f"parameter of the SD {sd!r}", str(name), names)
    missing = [name for name in names if name not in values]
    if missing:
        raise ModelError(f"The SD {sd!r} lacks the values of {', '.join(missing)}.")
    ordered = {name: values[name] for name in names}
    return _make(error_text.NAME, ordered, transform, df, iiv, of, sd.strip())
