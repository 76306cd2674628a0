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
Correlations = Mapping[Pair, float | Fixed] | Iterable[Pair]


def named_pairs(correlations: Correlations | None) -> Mapping[Pair, float | Fixed]:
    """Return correlations by pair; pairs without a value start at 0.

    Raises
    ------
    ModelError
        They are no pairs at all.
    """
    if isinstance(correlations, Mapping):
        return correlations
    given: Any = () if correlations is None else correlations
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ModelError(
            f'Correlations are pairs of parameters, such as [("cl", "v")], not {given!r}. Leave '
            "them out where there are none."
        )
    return dict.fromkeys([tuple(pair) if isinstance(pair, list) else pair for pair in given], 0.0)


def still_named(held: Iterable[Pair], pairs: Mapping[Pair, Any]) -> frozenset[Pair]:
    """Return those held pairs that are among other pairs, either way round."""
    return frozenset(pair for pair in held if pair in pairs or pair[::-1] in pairs)


def held_pairs(
    structure: StructuralModel,
    sds: Mapping[str, float],
    pairs: Mapping[Pair, float],
    fixed: Iterable[Pair] | None,
) -> set[Pair]:
    """Return the pairs that `fixed_correlations` names, in the order that they have in `pairs`.

    Raises
    ------
    ModelError, UnknownNameError
        One is no pair, names a parameter that there is not, or has no correlation.
    """
    held = set()
    for a, b in (_pair(pair) for pair in named_pairs(fixed)):
        for name in (a, b):
            if name not in sds:
                raise unknown_name(f"parameter of {structure.name}", name, [*sds])
        key = (a, b) if (a, b) in pairs else (b, a)
        if key not in pairs:
            raise ModelError(
                f"fixed_correlations holds the correlation of {a} with {b}, but correlations does "
                f'not name that pair: it is 0. Give its value, correlations={{("{a}", "{b}"): '
                "wb.Fixed(0.4)}, or leave it out of fixed_correlations."
            )
        held.add(key)
    return held


def _pair(pair: Any) -> Pair:
    """Refuse what is no pair of names."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise ModelError(
            f'Correlations are pairs of parameters, such as [("cl", "v")]; {pair!r} is none.'
        )
    return pair


def pairs_of_card(card: Any) -> dict[Pair, float | Fixed]:
    """Read the "correlations" of a model card.

    Raises
    ------
    ModelError
        They are not of the form that a card has them in.
    """
    rows = card if isinstance(card, list | tuple) else [card]
    for row in rows:
        if not isinstance(row, list | tuple) or not (
            len(row) == 3 or (len(row) == 4 and row[3] == "fixed")
        ):
            raise ModelError(
                'The "correlations" of a model card are a list such as [["cl", "v", 0.4]], or '
                f'["cl", "v", 0.4, "fixed"] for one that is held; {row!r} is not of that form.'
            )
    return {(str(row[0]), str(row[1])): row[2] if len(row) == 3 else Fixed(row[2]) for row in rows}


def read_pairs(
    structure: StructuralModel,
    sds: Mapping[str, float],
    correlations: Correlations | None,
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
    order = {name: k for k, name in enumerate(sds)}
    pairs: dict[Pair, float] = {}
    held: set[Pair] = set()
    for pair, given in named_pairs(correlations).items():
        value = given.value if isinstance(given, Fixed) else given
        a, b = _pair(pair)
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
