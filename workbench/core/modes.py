"""Rows of the jet matrix in which the linear family keeps a subject's state."""

from workbench.core.jit import kernel

N_STATES = 4  # depot, central compartment, two peripheral ones

KA = 0  # absorption rate constant
DEPOT = 1  # amount in the depot
DEPOT_REST = 2  # amount at which the depot rests under its input rate
SPARE = 3  # scratch of the advance
AMOUNT = 4  # scratch of an input: its value
DELTA = 5  # the derivatives of its time
FACTOR = 6
TERM = 7
KEPT_DEPOT = 8  # state outside of a dosing interval at steady state
INPUT_RATE = 9  # one row for each state
KEPT_RATE = INPUT_RATE + N_STATES
FIRST_MODE = KEPT_RATE + N_STATES

# Blocks of n rows, one row for each mode.
RATE = 0  # disposition rate
COEFFICIENT = 1  # of the response to a unit bolus into the central compartment
SECOND = 2  # the same for the first peripheral compartment
THIRD = 3  # and for the second
UPTAKE = 4  # the coefficient times ka
VALUE = 5  # present value
KEPT = 6  # value outside of a dosing interval at steady state
INPUT = 7  # input rates times coefficients
N_BLOCKS = 8


@kernel
def mode_row(n: int, block: int, i: int) -> int:
    """Row of mode i of n in a block."""
    return FIRST_MODE + block * n + i


@kernel
def n_rows(n: int) -> int:
    """Return how many rows n modes need."""
    return FIRST_MODE + N_BLOCKS * n
