"""Correlations between random effects: pairs of parameters, and the blocks that they form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.models.occasions import KAPPA, Effect
from workbench.models.parameter import Parameter
from workbench.models.structural import StructuralModel
from workbench.models.values import Fixed, number
from workbench.registry import unknown_name

Pair = tuple[str, str]


def read_pairs(
    structure: StructuralModel,
    sds: Mapping[str, float],
    correlations: Mapping[Pair, float | Fixed] | Iterable[Pair],
    effect: Effect,
) -> tuple[dict[Pair, float], set[Pair]]:
    """Return the correlations by pair, in order, and which of them are held.

    Parameters
    ----------
    sds : SD of the random effect of this kind on each parameter (and residual error), 0 for none

    Raises
    ------
    ModelError, UnknownNameError
        A pair is none, has no random effects of this kind, or is given twice.
    """
    if not isinstance(correlations, Mapping):
        named = [tuple(pair) if isinstance(pair, list) else pair for pair in correlations]
        correlations = dict.fromkeys(named, 0.0)
    order = {name: k for k, name in enumerate(sds)}
    pairs: dict[Pair, float] = {}
    held: set[Pair] = set()
    for pair, given in correlations.items():
        value = given.value if isinstance(given, Fixed) else given
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ModelError(
                f'Correlations are pairs of parameters, such as [("cl", "v")]; {pair!r} is none.'
            )
        a, b = pair
        for name in (a, b):
            if name not in sds:
                raise unknown_name(f"parameter of {structure.name}", name, [*sds])
            if not sds[name] > 0:
                raise ModelError(
                    f"A correlation of {a} with {b} needs {effect.title} on both, but {name} has "
                    f"none. Give it an {effect.part} above 0, or drop the correlation."
                )
        if a == b:
            raise ModelError(f"A parameter cannot be correlated with itself ({a}).")
        r = number(value, f"The correlation of {a} with {b}")
        if not -1 < r < 1:
            raise ModelError(f"The correlation of {a} with {b} must lie between -1 and 1, not {r}.")
        key = (a, b) if order[a] < order[b] else (b, a)
        if pairs.get(key, r) != r:
            raise ModelError(
                f"The correlation of {key[0]} with {key[1]} is given twice, as {pairs[key]} and "
                f"as {r}. Keep one."
            )
        pairs[key] = r
        held |= {key} if isinstance(given, Fixed) else set()
    ordered = sorted(pairs.items(), key=lambda item: (order[item[0][0]], order[item[0][1]]))
    return dict(ordered), held


def blocks_of(etas: tuple[str, ...], pairs: Iterable[Pair]) -> list[tuple[str, ...]]:
    """Return groups of random effects that are correlated, in order."""
    group = {name: {name} for name in etas}
    for a, b in pairs:
        joined = group[a] | group[b]
        for name in joined:
            group[name] = joined
    seen: list[tuple[str, ...]] = []
    for name in etas:
        block = tuple(n for n in etas if n in group[name])
        if block not in seen:
            seen.append(block)
    return seen


def correlation_matrix(etas: tuple[str, ...], pairs: Mapping[Pair, float]) -> NDArray[np.float64]:
    """Return the correlation matrix of random effects."""
    matrix = np.eye(len(etas))
    for (a, b), r in pairs.items():
        i, j = etas.index(a), etas.index(b)
        matrix[i, j] = matrix[j, i] = r
    return matrix


def check_correlations(etas: tuple[str, ...], pairs: Mapping[Pair, float]) -> None:
    """Refuse correlations that contradict each other."""
    # Of the correlations, not of omega: a variance close to zero contradicts nothing.
    if pairs and np.linalg.eigvalsh(correlation_matrix(etas, pairs)).min() <= 0:
        raise ModelError(
            "The starting correlations contradict each other: omega is not positive definite. "
            "Choose smaller ones. (A pair that is not named has correlation 0.)"
        )


def kappa_pairs(
    structure: StructuralModel, parameters: Mapping[str, Parameter], correlations: Any
) -> dict[Pair, float]:
    """Return the correlations of kappas by pair, in order.

    Raises
    ------
    ModelError, UnknownNameError
        As of `read_pairs`; or one is held.
    """
    sds = {name: KAPPA.sd(p) for name, p in parameters.items()}
    pairs, held = read_pairs(structure, sds, correlations, KAPPA)
    if held:
        a, b = sorted(held)[0]
        raise ModelError(
            f"The correlation of {a} with {b} between occasions cannot be fixed. Estimate it, or "
            "leave the pair out, which makes it 0."
        )
    return pairs
