"""Where the boxes of a compartment diagram stand: a grid of columns and rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workbench.plots._flows import Reading

COLUMNS = 4  # at most

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
                    grid.put(other, grid.next_to(one))
                    waiting.append(other)
    for response in reading.responses:
        grid.put(response, _beside_driver(reading, response, grid))
    return grid.cells


class _Grid:
    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}

    @property
    def rows(self) -> int:
        return 1 + max((row for _, row in self.cells.values()), default=-1)

    def put(self, name: str, cell: Cell) -> None:
        self.cells[name] = cell

    def is_free(self, cell: Cell) -> bool:
        return 0 <= cell[0] < COLUMNS and cell[1] >= 0 and cell not in self.cells.values()

    def first_free(self, cells: Iterable[Cell]) -> Cell:
        return next((cell for cell in cells if self.is_free(cell)), (0, self.rows))

    def next_to(self, name: str) -> Cell:
        """Return the next free cell to the right, or in the column there, or anywhere below."""
        column, row = self.cells[name]
        return self.first_free(
            [
                (column + 1, row),
                *((column + 1, lower) for lower in range(row + 1, row + 3)),
                (column, row + 1),
                (column - 1, row + 1),
            ]
        )


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
        near = [(column + 1, row), (column, row + 1), (column + 1, row + 1)]
    else:
        near = [(column, row + 1), (column + 1, row + 1), (column + 1, row)]
    free = [cell for cell in near if grid.is_free(cell)]
    return free[0] if free else (min(column, COLUMNS - 1), grid.rows)
