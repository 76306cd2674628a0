"""Lines of mathtext that state a parameter and the random effects, for a reader."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from workbench.models.distributions import distributions
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
    if kind.limited:
        eta = [rf"\eta_{{{symbol},i}}"] if parameter.has_eta else []
        left, right = (_linked(kind.link, name, parameter) for name in (symbol + "_i", typical))
        return f"{left} = " + " + ".join([right, *effects, *eta])
    latex = kind.latex if parameter.has_eta else r"@_i = @_{pop}"
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
) -> list[str]:
    """Return the distribution of the random effects, block by block.

    Parameters
    ----------
    blocks : groups of parameters whose random effects are correlated
    symbols : mathtext of the parameters
    correlations : named pairs with their correlations
    fixed : those of them that are held
    """
    lines = []
    for block in blocks:
        if len(block) == 1:
            name = symbols[block[0]]
            lines.append(rf"\eta_{{{name}}} \sim \mathcal{{N}}(0,\ \omega_{{{name}}}^2)")
            continue
        names = r",\ ".join(rf"\eta_{{{symbols[n]}}}" for n in block)
        label = ",".join(symbols[n] for n in block)
        lines.append(rf"({names}) \sim \mathcal{{N}}(0,\ \Omega_{{{label}}})")
        for a, b in combinations(block, 2):
            if (a, b) in correlations and (a, b) not in fixed:
                continue
            value = correlations.get((a, b), 0.0)
            lines.append(
                rf"\mathrm{{corr}}(\eta_{{{symbols[a]}}},\ \eta_{{{symbols[b]}}}) = {value:.4g}"
            )
    return lines
