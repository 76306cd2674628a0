"""Whether equations are linear in the states, with coefficients that only doses could change."""

from __future__ import annotations

from workbench.models.equations.derivatives import Derivatives
from workbench.models.equations.graph import Graph

_CONDITIONS = frozenset({"compare", "and", "or", "not"})


def is_linear(graph: Graph, rhs: tuple[int, ...], n_states: int, moving: frozenset[int]) -> bool:
    """Tell from the graph itself, so exactly: no expression of another kind is taken for linear.

    Parameters
    ----------
    rhs : time derivative of each state
    n_states : states, the first entries of z
    moving : entries of z that change between or at doses: the time and the last doses
    """
    states = frozenset(range(n_states))
    inside = graph.reachable(rhs)
    conditions = [node for node in inside if graph.nodes[node].operation in _CONDITIONS]
    slopes = [
        slope
        for gradient in Derivatives(graph).of(rhs)
        for column, slope in gradient.items()
        if column in states
    ]
    return not (_entries(graph, rhs) & moving or _entries(graph, [*conditions, *slopes]) & states)


def _entries(graph: Graph, nodes: tuple[int, ...] | list[int]) -> frozenset[int]:
    """Return the entries of z that the nodes need."""
    needed = (graph.nodes[node] for node in graph.reachable(nodes))
    return frozenset(int(one.data[0]) for one in needed if one.operation == "variable")
