r"""Variability between occasions, as a model states it: :math:`\eta_i + \kappa_{ik}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.errors import ModelError
from workbench.models.parameter import Parameter

OCCASION = "OCC"  # NONMEM's usual name of the column


@dataclass(frozen=True, slots=True)
class Effect:
    """One of the two kinds of random effects.

    Attributes
    ----------
    part : of the parameter that has its SD
    title : what a message calls it
    """

    part: str
    title: str

    def sd(self, parameter: Parameter) -> float:
        """Return the SD that a parameter starts from, 0 for none."""
        return float(getattr(parameter, self.part))


ETA = Effect("iiv", "a random effect")
KAPPA = Effect("iov", "a variability between occasions")


def check_occasion(occasion: Any) -> str:
    """Return the name of the column of occasions, or refuse what is none.

    Raises
    ------
    ModelError
    """
    if not isinstance(occasion, str) or not occasion.strip():
        raise ModelError(
            f'occasion is the name of a column, such as "OCC", or "reset" or "dose", not '
            f"{occasion!r}."
        )
    return occasion


def random_terms(*, eta: bool, kappa: bool) -> list[str]:
    r"""Return the random effects of a parameter in mathtext, ``@`` for its symbol."""
    return [r"\eta_{@,i}"] * eta + [r"\kappa_{@,ik}"] * kappa


def with_kappa(latex: str, *, eta: bool, kappa: bool) -> str:
    r"""Return a distribution's mathtext with the random effects that a parameter has.

    Parameters
    ----------
    latex : with ``\eta_{@,i}`` where the random effect stands
    """
    if not eta and not kappa:
        return r"@_i = @_{pop}"
    terms = random_terms(eta=eta, kappa=kappa)
    latex = latex.replace(r"\eta_{@,i}", " + ".join(terms))
    return latex.replace("@_i ", "@_{ik} ") if kappa else latex
