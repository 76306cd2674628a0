"""Where the boxes of a compartment diagram stand: a grid of columns and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from workbench.plots._flows import Reading

COLUMNS = 4  # at most
OVER = 0.35  # a line so near to the centre of a box runs over it; in cells

Cell = tuple[int, int]  # column, row


def places(reading: Reading) -> dict[str, Cell]:
    """Return the column and the row of each state and each response."""
    grid = _Grid()
    near = _neighbours(reading)
    for state in _start_order(reading):
        if state in grid.cells:
            continue
        grid.put(state, _beside_driver(reading, state, grid))
        waiting = [state]
        while waiting:
            one = waiting.pop(0)
            for other in near.get(one, ()):
                if other not in grid.cells:
                    onward = any(b not in grid.cells for b in near.get(other, ()))
                    grid.put(other, grid.next_to(one, onward=onward))
                    waiting.append(other)
    for response in reading.responses:
        grid.put(response, _beside_driver(reading, response, grid))
    left = min((column for column, _ in grid.cells.values()), default=0)
    return {name: (column - left, row) for name, (column, row) in grid.cells.items()}


class _Grid:
    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}

    @property
    def rows(self) -> int:
        return 1 + max((row for _, row in self.cells.values()), default=-1)

    def put(self, name: str, cell: Cell) -> None:
        self.cells[name] = cell

    def is_free(self, cell: Cell) -> bool:
        columns = [column for column, _ in self.cells.values()] + [cell[0]]
        fits = max(columns) - min(columns) < COLUMNS and cell[1] >= 0
        return fits and cell not in self.cells.values()

    def first_free(self, cells: Iterable[Cell]) -> Cell:
        return next((cell for cell in cells if self.is_free(cell)), (0, self.rows))

    def next_to(self, name: str, *, onward: bool) -> Cell:
        """Return the next free cell to the right, or in the column there, or anywhere below.

        What leads `onward` stands straight below, so that there is room beside it.
        """
        column, row = self.cells[name]
        below = (column, row + 1)
        aside = [(column + 1, row + 1), below]
        return self.first_free(
            [
                (column + 1, row),
                *(reversed(aside) if onward else aside),
                (column + 1, row + 2),
                (column - 1, row + 1),
            ]
        )

    def crosses(self, cell: Cell, names: Sequence[str]) -> bool:
        """Whether a straight line from one of these boxes to a cell runs over another box."""
        return any(
            _is_between(self.cells[name], cell, other)
            for name in names
            for other in self.cells.values()
            if other not in (self.cells[name], cell)
        )


def _is_between(start: Cell, end: Cell, cell: Cell) -> bool:
    """Whether the line between the centres of two cells runs over the box in a third one."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    x, y = cell[0] - start[0], cell[1] - start[1]
    share = (x * dx + y * dy) / (dx * dx + dy * dy)
    return 0 < share < 1 and abs(x * dy - y * dx) < OVER * max(abs(dx), abs(dy))


def _neighbours(reading: Reading) -> Mapping[str, Sequence[str]]:
    """Return what each state gives to, then what it receives from."""
    near: dict[str, dict[str, None]] = {}
    carried = [f for f in reading.flows if not f.acts and f.source and f.target]
    for flow in carried:
        near.setdefault(flow.source, {})[flow.target] = None
    for flow in carried:
        near.setdefault(flow.target, {})[flow.source] = None
    order = {state: k for k, state in enumerate(reading.states)}
    return {state: sorted(others, key=order.__getitem__) for state, others in near.items()}


def _start_order(reading: Reading) -> list[str]:
    dosed = [dose.state for dose in reading.doses]
    return [*dict.fromkeys([*dosed, *reading.states])]


def _beside_driver(reading: Reading, name: str, grid: _Grid) -> Cell:
    """Return a cell near what acts on this one, or below everything."""
    drivers = [f.source for f in reading.flows if f.acts and f.target == name]
    drivers = [one for one in drivers if one in grid.cells]
    if not drivers:
        return (0, grid.rows)
    column, row = grid.cells[drivers[0]]
    if name in reading.responses:
        near = [cell for driver in drivers for cell in _around(grid.cells[driver])]
    else:
        near = [(column, row + 1), (column + 1, row + 1), (column + 1, row), (column - 1, row + 1)]
    below = (min(column, COLUMNS - 1), grid.rows)
    rest = sorted(
        product(range(COLUMNS), range(grid.rows + 1)),
        key=lambda cell: ((cell[0] - column) ** 2 + (cell[1] - row) ** 2, -cell[1]),
    )
    free = [cell for cell in (*near, below, *rest) if grid.is_free(cell)]
    return next((cell for cell in free if not grid.crosses(cell, drivers)), free[0])


def _around(cell: Cell) -> list[Cell]:
    column, row = cell
    return [
        (column + 1, row),
        (column, row + 1),
        (column + 1, row + 1),
        (column - 1, row + 1),
    ]
