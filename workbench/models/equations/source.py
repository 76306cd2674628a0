"""Python source of the compiled functions.

Nothing that a user typed gets into it: it consists of indices, numbers and the functions of
`core.special`, so it cannot do anything but arithmetic.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from workbench.models.equations.derivatives import Derivatives
from workbench.models.equations.graph import Graph

MAX_INLINE = 6  # levels of an expression that are written into one line
MAX_TERMS = 12  # of a sum in one line
LOOP = 8  # additions that take as long to compile as one of these:
_WITH_LOOPS = frozenset({"gamma", "lgamma", "digamma", "trigamma"})

HEADER = '''"""Generated from the equations of a model; do not edit."""

import numpy as np

from workbench.core import special
from workbench.core.jit import OutMat, OutVec, Vec, kernel

'''


@dataclass(frozen=True, slots=True)
class Source:
    """One vector function.

    Attributes
    ----------
    text : Python source
    jacobian_index : (row, column) of the entries that are not 0 everywhere
    hessian_index : (component, a, b) of the packed second derivatives, a >= b
    work : what it costs to compile, counted in operations
    """

    text: str = ""
    jacobian_index: tuple[tuple[int, int], ...] = ()
    hessian_index: tuple[tuple[int, int, int], ...] = ()
    work: int = 0


def write(name: str, graph: Graph, values: tuple[int, ...], n_z: int) -> Source:
    """Write one vector function with its derivatives.

    Parameters
    ----------
    name : of the function
    values : its components
    n_z : length of z
    """
    derivatives = Derivatives(graph)
    first = [
        (row, column, node)
        for row, gradient in enumerate(derivatives.of(values))
        for column, node in sorted(gradient.items())
        if node != graph.zero
    ]
    second = [
        (row, a, b, node)
        for (row, b, _), gradient in zip(
            first, derivatives.of(node for _, _, node in first), strict=True
        )
        for a, node in sorted(gradient.items())
        if a >= b and node != graph.zero
    ]
    stages = [
        [(f"value[{row}]", node) for row, node in enumerate(values)],
        [(f"jacobian[{row}, {column}]", node) for row, column, node in first],
        [(f"hessian[{i}]", node) for i, (_, _, _, node) in enumerate(second)],
    ]
    printer = _Printer(name, graph, stages, n_z)
    return Source(
        printer.text(),
        tuple((row, column) for row, column, _ in first),
        tuple((row, a, b) for row, a, b, _ in second),
        printer.work(),
    )


class _Printer:
    """Writes the stages one after another; each returns early if its order is all that is asked."""

    def __init__(
        self, name: str, graph: Graph, stages: list[list[tuple[str, int]]], n_z: int
    ) -> None:
        self.name, self.graph, self.stages, self.n_z = name, graph, stages, n_z
        roots = [[node for _, node in stage] for stage in stages]
        every = graph.reachable(node for stage in roots for node in stage)
        self.stage = dict.fromkeys(every, 2)
        for number in (1, 0):
            inside = [node for stage in roots[: number + 1] for node in stage]
            self.stage.update(dict.fromkeys(graph.reachable(inside), number))
        self.uses = Counter(part for node in every for part in graph.nodes[node].parts)
        self.uses.update(node for stage in roots for node in stage)
        self.written: dict[int, str] = {}  # node → what stands for it
        self.levels: dict[int, int] = {}
        self.lines: list[str] = []

    def text(self) -> str:
        n_values = len(self.stages[0])
        self.lines = [
            "@kernel",
            f"def {self.name}(",
            "    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec",
            ") -> int:",
            f'    """Value ({n_values}), jacobian ({n_values} x {self.n_z}), packed hessian."""',
        ]
        for number, stage in enumerate(self.stages):
            if number:
                self.lines += [f"    if order == {number - 1}:", "        return 0"]
            if number == 1 and len(stage) < n_values * self.n_z:
                self.lines += [
                    f"    for i in range({n_values}):",
                    f"        for j in range({self.n_z}):",
                    "            jacobian[i, j] = 0.0",
                ]
            for node in sorted(self.stage):
                if self.stage[node] == number:
                    self.write_node(node)
            self.lines += [f"    {target} = {self.written[node]}" for target, node in stage]
        return "\n".join([*self.lines, "    return 0", ""])

    def work(self) -> int:
        """Return the number of operations and entries; a function with a loop counts for many."""
        nodes = [self.graph.nodes[node] for node in self.stage]
        loops = sum(node.operation == "call" and node.data[0] in _WITH_LOOPS for node in nodes)
        operations = sum(max(1, len(node.parts) - 1) for node in nodes if node.parts)
        return operations + LOOP * loops + sum(map(len, self.stages))

    def write_node(self, node: int) -> None:
        operation, parts, data = self.graph.nodes[node]
        if operation == "number":
            self.written[node] = _number(float(data[0]))
            return
        level = 1 + max((self.levels.get(part, 0) for part in parts), default=-1)
        if operation == "add" and len(parts) > MAX_TERMS:
            written = self.long_sum(node)
        else:
            written = self.expression(node)
        if self.uses[node] > 1 or level > MAX_INLINE:
            name = f"a{node}"
            self.lines.append(f"    {name} = {written}")
            self.written[node], self.levels[node] = name, 0
            return
        self.levels[node] = level
        self.written[node] = written if operation in ("variable", "call") else f"({written})"

    def long_sum(self, node: int) -> str:
        """Write a sum in pieces: Python's compiler cannot read a thousand terms at once."""
        _, parts, data = self.graph.nodes[node]
        name = f"s{node}"
        for start in range(0, len(parts), MAX_TERMS):
            piece = slice(start, start + MAX_TERMS)
            terms = _sum(
                0.0 if start else float(data[0]),
                [float(one) for one in data[1:][piece]],
                [self.written[part] for part in parts[piece]],
            )
            self.lines.append(f"    {name} = {f'{name} + ({terms})' if start else terms}")
        return name

    def expression(self, node: int) -> str:
        operation, parts, data = self.graph.nodes[node]
        inner = [self.written[part] for part in parts]
        if operation == "variable":
            return "np.float64(t)" if data[0] == self.n_z - 1 else f"z[{data[0]}]"
        if operation == "add":
            return _sum(float(data[0]), [float(one) for one in data[1:]], inner)
        if operation == "integer_power":
            return f"{inner[0]} ** {data[0]}"
        if operation == "call":
            return f"special.{data[0]}({', '.join(inner)})"
        if operation in ("vanish", "choice"):
            return f"special.{'select' if operation == 'choice' else 'vanish'}({', '.join(inner)})"
        if operation == "not":
            return f"not {inner[0]}"
        signs = {"multiply": "*", "divide": "/", "and": "&", "or": "|"}
        sign = str(data[0]) if operation == "compare" else signs[operation]
        return f" {sign} ".join(inner)


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value) if value >= 0.0 else f"({value!r})"
    if math.isnan(value):
        return "special.NOT_A_NUMBER"
    return "special.INFINITE" if value > 0.0 else "(-special.INFINITE)"


def _sum(constant: float, coefficients: list[float], terms: list[str]) -> str:
    written = ""
    for coefficient, term in zip(coefficients, terms, strict=True):
        size = abs(coefficient)
        one = term if size == 1.0 else f"{_number(size)} * {term}"
        minus = coefficient < 0.0
        written += (" - " if minus else " + ") + one if written else ("-" if minus else "") + one
    if constant != 0.0:
        written += f" + {_number(constant)}"
    return written
