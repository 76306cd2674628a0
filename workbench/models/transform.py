r"""Transformations of both sides for residual errors: ``wb.transform.BoxCox(0.5)``.

Data and prediction are compared on a scale of their own, :math:`g(y) = g(f) + \sqrt v\,\varepsilon`
(Carroll & Ruppert 1984), and -2LL is that of y: it counts the Jacobian :math:`g'(y)`. The
functions and their sources are in `core.both_sides`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.core.both_sides import BOX_COX, IDENTITY, LOG, LOGIT, PROBIT, YEO_JOHNSON
from workbench.errors import ModelError
from workbench.models.values import Estimated, Fixed, held_argument, hold, number
from workbench.registry import unknown_name


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of transformations: inner and outer function, and how it is written.

    Attributes
    ----------
    name : in model cards
    title : what a person reads in a picker
    constructor : the public call
    inner, outer : numbers of the functions, see `core.both_sides`
    latex : g of x, with @ for x, in mathtext
    """

    name: str
    title: str
    constructor: str
    inner: int
    outer: int
    latex: str

    @property
    def bounded(self) -> bool:
        """Whether it maps an interval, whose ends must be given."""
        return self.inner in (LOGIT, PROBIT)

    @property
    def bent(self) -> bool:
        """Whether it has a parameter lambda."""
        return self.outer != IDENTITY


_LOGIT = r"\log\,\frac{@ - #}{& - @}"
_PROBIT = r"\Phi^{-1}\left(\frac{@ - #}{& - #}\right)"
_BENT = r"\mathrm{YJ}_\lambda\left(%s\right)"
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("log", "Logarithm", "Log", LOG, IDENTITY, r"\log\,@"),
        Shape("boxcox", "Box–Cox", "BoxCox", IDENTITY, BOX_COX, r"\frac{@^\lambda - 1}{\lambda}"),
        Shape(
            "yeojohnson",
            "Yeo–Johnson",
            "YeoJohnson",
            IDENTITY,
            YEO_JOHNSON,
            r"\mathrm{YJ}_\lambda(@)",
        ),
        Shape("logit", "Logit", "Logit", LOGIT, IDENTITY, _LOGIT),
        Shape("probit", "Probit", "Probit", PROBIT, IDENTITY, _PROBIT),
        Shape(
            "logit_yeojohnson",
            "Logit, then Yeo–Johnson",
            "Logit",
            LOGIT,
            YEO_JOHNSON,
            _BENT % _LOGIT,
        ),
        Shape(
            "probit_yeojohnson",
            "Probit, then Yeo–Johnson",
            "Probit",
            PROBIT,
            YEO_JOHNSON,
            _BENT % _PROBIT,
        ),
    )
}
MAX_LAMBDA = 10.0


@dataclass(frozen=True, slots=True)
class Transform:
    """A transformation of both sides, but for the value of its lambda.

    Attributes
    ----------
    name : one of `SHAPES`
    lower, upper : ends of the interval that logit and probit map; 0 and 1 for the others

    Raises
    ------
    ModelError, UnknownNameError
        There is no such transformation, or the ends are no interval.
    """

    name: str
    lower: float = 0.0
    upper: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in SHAPES:
            raise unknown_name("transformation", self.name, SHAPES)
        lower = number(self.lower, "The lower end of the transformation")
        upper = number(self.upper, "The upper end of the transformation")
        if not self.shape.bounded and (lower, upper) != (0.0, 1.0):
            raise ModelError(f"The {self.shape.title} transformation takes no lower and upper end.")
        if not lower < upper:
            raise ModelError(
                f"The {self.shape.title} transformation maps the data from between two ends, "
                f"lower below upper, not from {lower:g} to {upper:g}. Give the least and the "
                "largest value that the data can have."
            )
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @property
    def shape(self) -> Shape:
        """Its family."""
        return SHAPES[self.name]

    def latex(self, x: str) -> str:
        """Return g(x) in mathtext."""
        start = "" if self.lower == 0 else f" {'+' if self.lower < 0 else '-'} {abs(self.lower):g}"
        text = self.shape.latex.replace(" - #", start)
        return text.replace("&", f"{self.upper:g}").replace("@", x)

    def to_dict(self) -> dict[str, Any]:
        """Return the transformation's part of a model card."""
        card: dict[str, Any] = {"name": self.name}
        return card | ({"lower": self.lower, "upper": self.upper} if self.shape.bounded else {})

    @classmethod
    def from_dict(cls, card: Any) -> Transform:
        """Read the transformation's part of a model card.

        Raises
        ------
        ModelError, UnknownNameError
            It is no object, or names no transformation, an unknown one or an unknown part.
        """
        if not isinstance(card, Mapping) or "name" not in card:
            raise ModelError('The "transform" of a model card is an object with a "name".')
        for part in card:
            if part not in ("name", "lower", "upper"):
                raise unknown_name("part of a transformation", str(part), ("name", "lower"))
        return cls(str(card["name"]), card.get("lower", 0.0), card.get("upper", 1.0))

    def python(self, lam: float | None, fixed: bool) -> str:
        """Return the call that makes it, with lambda where it has one."""
        parts = []
        if self.shape.bounded:
            parts = [f"{self.lower!r}", f"{self.upper!r}"]
        if self.shape.bent and lam is not None:
            value = held_argument(lam, fixed)
            parts.append(f"yeo_johnson={value}" if self.shape.bounded else value)
        return f"wb.transform.{self.shape.constructor}({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class WithLambda:
    """A transformation with the value of its lambda: what the functions below return.

    Attributes
    ----------
    transform : without the value
    lam : lambda, None where the transformation has none
    """

    transform: Transform
    lam: float | Fixed | None = None

    def __post_init__(self) -> None:
        value = self.lam.value if isinstance(self.lam, Fixed) else self.lam
        if value is not None:
            check_lambda(value)


def check_lambda(value: Any) -> float:
    """Return lambda, or refuse what is no number of a sensible size."""
    lam = number(value, "lambda of the transformation")
    if math.fabs(lam) > MAX_LAMBDA:
        raise ModelError(
            f"lambda of the transformation must lie between -{MAX_LAMBDA:g} and {MAX_LAMBDA:g}, "
            f"not at {lam:g}: 1 leaves the data as they are, 0 takes logarithms."
        )
    return lam


def Log() -> WithLambda:  # noqa: N802
    """Return g(y) = log y, for data above 0."""
    return WithLambda(Transform("log"))


def BoxCox(lam: float | Fixed | Estimated) -> WithLambda:  # noqa: N802
    r"""Return :math:`g(y) = (y^\lambda - 1)/\lambda`, for data above 0 (Box & Cox 1964).

    Parameters
    ----------
    lam : lambda, held; `Estimated` estimates it. 0 is the logarithm, 1 leaves y as it is
    """
    return WithLambda(Transform("boxcox"), hold(lam))


def YeoJohnson(lam: float | Fixed | Estimated) -> WithLambda:  # noqa: N802
    r"""Return the transformation of Yeo & Johnson (2000), Box-Cox's for data of any sign.

    Parameters
    ----------
    lam : lambda, held; `Estimated` estimates it. 1 leaves y as it is
    """
    return WithLambda(Transform("yeojohnson"), hold(lam))


def Logit(  # noqa: N802
    lower: float, upper: float, *, yeo_johnson: float | Fixed | Estimated | None = None
) -> WithLambda:
    r"""Return :math:`g(y) = \log\frac{y - a}{b - y}`, for data between a and b.

    Parameters
    ----------
    lower, upper : a and b, in the unit of DV
    yeo_johnson : lambda of a Yeo-Johnson transformation of the logit, held; `Estimated`
        estimates it
    """
    return _between("logit", lower, upper, yeo_johnson)


def Probit(  # noqa: N802
    lower: float, upper: float, *, yeo_johnson: float | Fixed | Estimated | None = None
) -> WithLambda:
    r"""Return :math:`g(y) = \Phi^{-1}\big(\frac{y - a}{b - a}\big)`, for data between a and b.

    Parameters are those of `Logit`.
    """
    return _between("probit", lower, upper, yeo_johnson)


def _between(
    name: str, lower: float, upper: float, lam: float | Fixed | Estimated | None
) -> WithLambda:
    if lam is None:
        return WithLambda(Transform(name, lower, upper))
    return WithLambda(Transform(f"{name}_yeojohnson", lower, upper), hold(lam))
