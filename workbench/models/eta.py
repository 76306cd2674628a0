r"""Random effects that are not normal: skewed (Box-Cox), or heavy in the tails (Student's t).

The random effect is :math:`T(\eta_i)` with eta normal, ``iiv`` its SD; `core.shapes` has T. The
typical value stays the median, as T(0) = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from workbench.core.shapes import BOX_COX, STUDENT
from workbench.errors import ModelError
from workbench.models.values import Fixed, argument, number
from workbench.registry import unknown_name

LEAST_DF = 2.0
MOST_DF = 1e5  # so many are normal to five digits; the search goes no further
ROUNDING = 1e-6  # by which the search stays away from these, relative

# name → code of `core.shapes`, constructor, its argument, title, mathtext of T (@: the symbol)
KINDS = {
    "boxcox": (
        BOX_COX,
        "BoxCox",
        "shape",
        "Box–Cox",
        r"T(\eta) = \frac{e^{\lambda_{@}\eta} - 1}{\lambda_{@}}",
    ),
    "student": (
        STUDENT,
        "StudentT",
        "df",
        "Student's t",
        r"T(\eta) \approx t_{\nu_{@}}^{-1}(\Phi(\eta))",
    ),
}


@dataclass(frozen=True, slots=True)
class EtaShape:
    """The shape of a random effect.

    Attributes
    ----------
    kind : ``"boxcox"`` or ``"student"``
    value : of Box-Cox the exponent, of Student's t the degrees of freedom
    fixed : whether it is held

    Raises
    ------
    ModelError, UnknownNameError
        The kind is not known, or the value not possible.
    """

    kind: str
    value: float
    fixed: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("shape of a random effect", str(self.kind), list(KINDS))
        value = number(self.value, f"The {KINDS[self.kind][2]} of a random effect")
        if self.kind == "student" and value <= LEAST_DF:
            raise ModelError(
                f"A t-distributed random effect needs more than {LEAST_DF:g} degrees of freedom to "
                f"have a variance, not {value:g}. Start from 5, say; 30 is nearly normal."
            )
        if self.kind == "student" and value > MOST_DF:
            raise ModelError(
                f"A t-distributed random effect with {value:g} degrees of freedom is normal: leave "
                "eta= out, or start from 5, say."
            )
        object.__setattr__(self, "value", value)

    @property
    def code(self) -> int:
        """The function's code in `core.shapes`."""
        return KINDS[self.kind][0]

    @property
    def title(self) -> str:
        """What a person reads."""
        return KINDS[self.kind][3]

    @property
    def interval(self) -> str:
        """Scale of a Wald interval, see `problem.intervals`."""
        return "log" if self.kind == "student" else "identity"

    @property
    def theta(self) -> float:
        """The shape as an element of theta: the exponent, or the log of the degrees of freedom."""
        return math.log(self.value) if self.kind == "student" else self.value

    @property
    def theta_limits(self) -> tuple[float, float]:
        """Between what the element of theta may be."""
        if self.kind == "student":
            return math.log(LEAST_DF) + ROUNDING, math.log(MOST_DF) - ROUNDING
        return -math.inf, math.inf

    def of_theta(self, theta: float) -> float:
        """Return the shape of an element of theta."""
        return math.exp(theta) if self.kind == "student" else theta

    def theta_slope(self, theta: float) -> float:
        """Return the derivative of `of_theta`."""
        return math.exp(theta) if self.kind == "student" else 1.0

    def with_value(self, value: float) -> EtaShape:
        """Return the same shape with another value."""
        return replace(self, value=value)

    def to_dict(self) -> dict[str, Any]:
        """Return the shape's part of a model card."""
        card: dict[str, Any] = {"kind": self.kind, KINDS[self.kind][2]: self.value}
        return card | ({"fixed": True} if self.fixed else {})

    def python(self) -> str:
        """Return the call that makes it."""
        return f"wb.eta.{KINDS[self.kind][1]}({argument(self.value, self.fixed)})"

    def latex(self, symbol: str) -> str:
        """Return T in mathtext, for a parameter of this symbol."""
        return KINDS[self.kind][4].replace("@", symbol)


def read_eta(card: Any) -> EtaShape | None:
    """Return the shape of a model card.

    Raises
    ------
    ModelError, UnknownNameError
    """
    if card is None:
        return None
    if not isinstance(card, dict) or "kind" not in card:
        raise ModelError(
            f'An "eta" of a model card is such as {{"kind": "boxcox", "shape": 0.5}}, not {card!r}.'
        )
    kind = str(card["kind"])
    if kind not in KINDS:
        raise unknown_name("shape of a random effect", kind, list(KINDS))
    name = KINDS[kind][2]
    for key in card:
        if key not in ("kind", name, "fixed"):
            raise unknown_name("field of an eta", str(key), ["kind", name, "fixed"])
    if name not in card:
        raise ModelError(f'The "eta" of a model card lacks "{name}".')
    return EtaShape(kind, card[name], bool(card.get("fixed", False)))


def BoxCox(shape: float | Fixed) -> EtaShape:  # noqa: N802
    r"""Return a Box-Cox transformed random effect, :math:`(e^{\lambda\eta} - 1)/\lambda`.

    Parameters
    ----------
    shape : the exponent to start from, above 0 for a long right tail, below for a left one; 0 is
        the normal distribution; wrap it in `Fixed` to hold it

    References
    ----------
    Petersson, Hanze, Savic & Karlsson 2009, Pharm Res 26:2174
    """
    return _made("boxcox", shape)


def StudentT(df: float | Fixed) -> EtaShape:  # noqa: N802
    """Return a random effect with a t distribution: more subjects far out than normal.

    Parameters
    ----------
    df : degrees of freedom to start from, above 2; wrap them in `Fixed` to hold them

    Notes
    -----
    It is the expansion of quantiles that Petersson and co-workers use, applied to eta itself: an
    exact t distribution only for iiv = 1 and not too few degrees of freedom.

    References
    ----------
    Petersson, Hanze, Savic & Karlsson 2009, Pharm Res 26:2174
    """
    return _made("student", df)


def _made(kind: str, value: float | Fixed) -> EtaShape:
    if isinstance(value, Fixed):
        return EtaShape(kind, value.value, fixed=True)
    return EtaShape(kind, value)
