"""Lines of mathtext that state a parameter and the random effects, for a reader."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from workbench.models.distributions import distributions
from workbench.models.occasions import random_terms, with_kappa
from workbench.models.parameter import Parameter

Pair = tuple[str, str]


def individual_parameter(symbol: str, parameter: Parameter) -> str:
    """Return the equation of an individual parameter.

    Parameters
    ----------
    symbol : of the parameter, in braces
    """
    kind = distributions.get(parameter.distribution)
    effects = [
        effect.latex(symbol, positive=kind.positive, limited=kind.limited)
        for effect in parameter.covariates
    ]
    typical = symbol + "_{pop}"
    if parameter.has_eta and parameter.eta is not None:
        plain = individual_parameter(symbol, replace(parameter, eta=None))
        effect = rf"\eta_{{{symbol},i}}"
        return plain.replace(effect, f"T({effect})") + r",\ " + parameter.eta.latex(symbol)
    if kind.limited:
        random = [
            term.replace("@", symbol)
            for term in random_terms(eta=parameter.has_eta, kappa=parameter.has_iov)
        ]
        own = symbol + ("_{ik}" if parameter.has_iov else "_i")
        left, right = (_linked(kind.link, name, parameter) for name in (own, typical))
        return f"{left} = " + " + ".join([right, *effects, *random])
    latex = with_kappa(kind.latex, eta=parameter.has_eta, kappa=parameter.has_iov)
    between = r"\," if kind.positive else " + "
    return latex.replace("@", symbol).replace(typical, between.join([typical, *effects]))


def _linked(link: str, name: str, parameter: Parameter) -> str:
    """Return the link of a parameter's place between its bounds."""
    lower, upper = parameter.range
    if (lower, upper) == (0.0, 1.0):
        return rf"{link}({name})"
    above = name if lower == 0.0 else rf"{name} {-lower:+g}"
    return rf"{link}\left(\frac{{{above}}}{{{upper - lower:g}}}\right)"


def random_effects(
    blocks: Sequence[Sequence[str]],
    symbols: Mapping[str, str],
    correlations: Mapping[Pair, float],
    fixed: Collection[Pair],
    *,
    kappa: bool = False,
) -> list[str]:
    """Return the distribution of the random effects, block by block.

    Parameters
    ----------
    blocks : groups of parameters whose random effects are correlated
    symbols : mathtext of the parameters
    correlations : named pairs with their correlations
    fixed : those of them that are held
    kappa : the random effects are those of occasions
    """
    lines = []
    letter, suffix = (r"\kappa", r"\mathrm{,iov}") if kappa else (r"\eta", "")
    for block in blocks:
        if len(block) == 1:
            name = symbols[block[0]]
            spread = rf"\omega_{{{name}{suffix}}}^2"
            lines.append(rf"{letter}_{{{name}}} \sim \mathcal{{N}}(0,\ {spread})")
            continue
        names = r",\ ".join(rf"{letter}_{{{symbols[n]}}}" for n in block)
        label = ",".join(symbols[n] for n in block) + suffix
        lines.append(rf"({names}) \sim \mathcal{{N}}(0,\ \Omega_{{{label}}})")
        for a, b in combinations(block, 2):
            if (a, b) in correlations and (a, b) not in fixed:
                continue
            value = correlations.get((a, b), 0.0)
            lines.append(
                rf"\mathrm{{corr}}({letter}_{{{symbols[a]}}},\ {letter}_{{{symbols[b]}}}) = "
                rf"{value:.4g}"
            )
    return lines
