"""Linear equations within the shared scratch, as operations that are compiled once."""

from workbench.core.abi import address_of, at, call_operation, floats_at, ints_at, view
from workbench.core.jit import IntVec, OutVec, kernel
from workbench.core.linalg import lu_factor, lu_solve
from workbench.core.odes_layout import (
    ANY_LENGTH,
    BACK,
    FACTOR,
    N_X,
    NUMBERS,
    PARTS,
    PIVOTS,
    SMALL,
)

COUNTS = 7  # row of NUMBERS: 1 for states that only count


@kernel
def pivots_of(matrix: int, place: IntVec) -> int:
    """Offset of the pivots of BIG, or of SMALL."""
    return place[PIVOTS] + (3 * place[N_X] if matrix == place[SMALL] else 0)


@kernel
def factor_operation(
    _t: float, matrix: int, n: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Factor BIG or SMALL, at offset `matrix`, with n rows; 0, or the pivot that is zero."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    pivots = view(at(place, pivots_of(matrix, place)), (n,))
    return lu_factor(view(at(work, matrix), (n, n)), n, pivots)


@kernel
def back_operation(
    _t: float, matrix: int, n: int, low: int, high: int, b: int, ints: int, floats: int
) -> int:
    """Solve with the factors of BIG or SMALL, for columns low to high - 1 of the jets at b."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    pivots = view(at(place, pivots_of(matrix, place)), (n,))
    columns = view(at(work, b), (n, place[PARTS]))
    lu_solve(view(at(work, matrix), (n, n)), n, pivots, low, high, columns)
    return 0


@kernel
def note_counter(i: int, coupled: bool, place: IntVec, work: OutVec) -> bool:
    """Keep in mind whether a state only counts: whether nothing has ever depended on it."""
    counts = place[NUMBERS] + COUNTS * place[N_X] + i
    if coupled:
        work[counts] = 0.0
    return work[counts] == 1.0


@kernel
def leave_out_counters(low: int, high: int, b: int, place: IntVec, work: OutVec) -> None:
    """Let the states that only count keep their value: in SMALL, and in columns at offset b."""
    n, parts = place[N_X], place[PARTS]
    a = view(at(work, place[SMALL]), (n, n))
    for i in range(n):
        if work[place[NUMBERS] + COUNTS * n + i] == 1.0:
            for k in range(n):
                a[i, k] = 0.0
            a[i, i] = 1.0
            for c in range(low, high):
                work[b + i * parts + c] = 0.0


@kernel
def factor(matrix: int, n: int, place: IntVec, work: OutVec) -> bool:
    """Factor BIG or SMALL; say whether that was possible."""
    ints, floats = address_of(place), address_of(work)
    return call_operation(place[FACTOR], 0.0, matrix, n, 0, 0, 0, ints, floats) == 0


@kernel
def back(matrix: int, n: int, low: int, high: int, b: int, place: IntVec, work: OutVec) -> None:
    """Solve with the factors, for columns low to high - 1 of the jets at offset b."""
    ints, floats = address_of(place), address_of(work)
    call_operation(place[BACK], 0.0, matrix, n, low, high, b, ints, floats)
