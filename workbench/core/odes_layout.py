r"""A system of differential equations as plain numbers, and the places of the solver's scratch.

A model reaches the solver as vector functions by address (`core.abi.export_vector`) of

.. math:: z = [\text{states}, \phi, \text{covariates}, t]

with the places of their nonzero second derivatives. `pack_system` turns all of that into one
vector of integers, so every kernel of the family is compiled once for all models.
"""

from workbench.core.jets import n_parts
from workbench.core.jit import IntVec, OutIntVec, kernel

# Places in the vector of integers that the kernels share. First numbers that change on the way,
PARTS = 0  # numbers in a jet
ORDER = 1  # derivatives carried
P = 2  # directions
OWN = 3  # 1: the directions are those of the parameters; 0: those of the initial state
BLOCK = 4  # set of covariate values in force
FRESH = 5  # 0: the slope at the present state is known; 1: not; 2: neither is a good step
PRESENT = 6  # method in use, EXPLICIT, STIFF or LINEAR
STIFF_SIGNS = 7
CALM_SIGNS = 8
OBSERVED = 9  # observations written
AT = 10  # next event
DRIVEN = 11  # 1: there are input rates
N_FIRST = 12  # nonzero first derivatives of parameters and dose inputs
N_ENTRIES = 13  # these and the second ones
FLOW_KNOWN = 14  # 1: the matrix of a linear system is that of the present parameters
# then offsets of the pieces of the scratch,
X = 15  # present state
KEPT_X = 16
RATE = 17  # input rates
KEPT_RATE = 18
Z = 19
VALUE = 20
JACOBIAN = 21  # four matrices: present state and three stages
JACOBIAN_OUT = 22
HESSIAN = 23
SLOPES = 24  # sixteen matrices of jets
STAGE = 25
NEXT = 26
SCALE = 27  # largest magnitude of each state so far
WEIGHT = 28  # magnitude of one over each direction's parameter
INPUT = 29  # nonzero derivatives of parameters and dose inputs
SLOT = 30  # jets of the dose inputs
JET = 31
HALF = 32  # half of the second derivatives, as a square matrix
BIG = 33  # matrix of the implicit step
BIG_RHS = 34
STAGES = 35
SMALL = 36
NUMBERS = 37  # ten vectors of the states' length
PERIODIC = 38  # state at the ends of a dosing interval
MONODROMY = 39  # its derivative by itself, one interval earlier
FLOW = 40  # matrix of a linear system
INFLOW = 41  # its slope at zero
ENTRY = 42  # values of the nonzero elements of FLOW
ENTRY_PLACE = 43  # where each writes and reads in a matrix of jets, as integers
CROSS = 44  # what the derivatives of FLOW add, number by number
CROSS_PLACE = 45  # where each of these writes and reads, as integers
# addresses of the caller's arrays, and their sizes,
EVENTS = 46
N_EVENTS = 47
EVENT_JETS = 48
JET_COLUMNS = 49
PARAMS = 50
PARAM_ROWS = 51
PARAM_COLUMNS = 52
COVS = 53
COV_ROWS = 54
COV_COLUMNS = 55
OUT = 56
OUT_COLUMNS = 57
# offsets into the vector itself,
PIVOTS = 58
START = 59  # first entry of each input in the list of their nonzero first derivatives
SOURCE = 60  # input that each entry of the list belongs to
COLUMN = 61  # part of the jet that each entry is
TABLE = 62  # dose inputs
N_ENTRY = 63  # how many there are
N_CROSS = 64
# and the system.
SYSTEM = 65
N_X = SYSTEM  # states
N_PHI = SYSTEM + 1  # parameters
N_COV = SYSTEM + 2  # covariates, those filled by doses included
N_INPUTS = SYSTEM + 3  # parameters, covariates and time
N_OUT = SYSTEM + 4  # outputs
RHS = SYSTEM + 5  # addresses
OUTPUT = SYSTEM + 6
INITIAL = SYSTEM + 7
RHS_NNZ = SYSTEM + 8  # nonzero second derivatives
OUTPUT_NNZ = SYSTEM + 9
INITIAL_NNZ = SYSTEM + 10
N_DOSE_INPUTS = SYSTEM + 11
IS_LINEAR = SYSTEM + 12  # 1: linear in the states, with constant coefficients
OPERATIONS = SYSTEM + 13  # addresses of kernels, see `odes.pack_system`
SET_INPUTS = OPERATIONS
THROUGH = OPERATIONS + 1
FACTOR = OPERATIONS + 2
BACK = OPERATIONS + 3
FIRST_STEP = OPERATIONS + 4
INTEGRATE = OPERATIONS + 5  # the explicit integrator, the stiff one, that of linear systems
CORRECT = OPERATIONS + 8
DIFFERENTIATE = OPERATIONS + 9
TRY_STAGES = OPERATIONS + 10
WALK = OPERATIONS + 11
RUN_INTERVAL = OPERATIONS + 12
FIND_PERIODIC = OPERATIONS + 13
HOLD_CYCLE = OPERATIONS + 14
HOLD_CONSTANT = OPERATIONS + 15
TRIPLETS = OPERATIONS + 16  # (component, a, b) of rhs, output and initial; then the dose inputs

# Columns of a dose input.
D_STATE = 0  # boluses into this state are recorded
D_TIME = 1  # covariate that holds the time of the last one
D_AMOUNT = 2  # covariate that holds its amount
D_CONSUMED = 3  # 1: the state itself receives nothing
N_DOSE_INPUT = 4

# The scratch begins with numbers, the first three for whoever has to explain a failure.
REACHED = 0  # time reached
STEPS = 1  # steps tried
REJECTED = 2  # of these, steps rejected
STEP = 3  # length of the next step
MEMORY = 4  # error of the last step
LAST_STEP = 5  # length of the last step, 0: none
ORIGIN = 6  # time of the record that opened a dosing interval, 0 outside
TRIED = 7  # length of the step that is tried
ERROR = 8  # its error in units of the tolerance
SIZE = 9  # norm of a linear system's matrix
SETTINGS = 10
RTOL = SETTINGS
ATOL = SETTINGS + 1
MAX_STEPS = SETTINGS + 2
METHOD = SETTINGS + 3  # one of the four below
N_SETTINGS = 4
STIFF_RTOL = SETTINGS + N_SETTINGS  # tolerances in the stiff method's own terms
STIFF_ATOL = STIFF_RTOL + 1
N_HEADER = STIFF_ATOL + 1

ANY_LENGTH = 2**40  # of the two vectors, where they are given by their addresses

AUTOMATIC = 0  # LINEAR where possible; else EXPLICIT first, changing over where that pays
EXPLICIT = 1
STIFF = 2
LINEAR = 3


@kernel
def n_places(system: IntVec, order: int, p: int) -> int:
    """Length of the shared vector of integers."""
    n, n_inputs = system[N_X - SYSTEM], system[N_INPUTS - SYSTEM]
    parts = max(n_parts(order, p), 1 + n)
    return SYSTEM + system.size + 4 * n + n_inputs + 1 + 2 * n_inputs * parts


@kernel
def lay_out(system: IntVec, order: int, p: int, place: OutIntVec) -> int:
    """Give every piece of the scratch its place; return the length of the scratch.

    There is room for the directions of the parameters, or for those of the initial state.
    """
    for k in range(system.size):
        place[SYSTEM + k] = system[k]
    n, n_inputs = place[N_X], place[N_INPUTS]
    parts = max(n_parts(order, p), 1 + n)
    tall, m = max(n, place[N_OUT]), n * parts
    entries = n * n if place[IS_LINEAR] == 1 else 0
    crosses = entries * (parts - 1 + p * p)
    end = N_HEADER
    for piece, size in (
        (X, m),
        (KEPT_X, m),
        (RATE, m),
        (KEPT_RATE, m),
        (Z, n + n_inputs),
        (VALUE, tall),
        (JACOBIAN, 4 * n * (n + n_inputs)),
        (JACOBIAN_OUT, tall * (n + n_inputs)),
        (HESSIAN, max(place[RHS_NNZ], place[OUTPUT_NNZ], place[INITIAL_NNZ])),
        (SLOPES, 16 * m),
        (STAGE, m),
        (NEXT, m),
        (SCALE, n),
        (WEIGHT, parts),
        (INPUT, n_inputs * parts),
        (SLOT, 2 * place[N_DOSE_INPUTS] * parts),
        (JET, parts),
        (HALF, p * p),
        (BIG, 9 * n * n),
        (BIG_RHS, 3 * m),
        (STAGES, 3 * m),
        (SMALL, n * n),
        (NUMBERS, 10 * n),
        (PERIODIC, m),
        (MONODROMY, n * n),
        (FLOW, n * m),
        (INFLOW, m),
        (ENTRY, entries),
        (ENTRY_PLACE, 2 * entries),
        (CROSS, crosses),
        (CROSS_PLACE, 2 * crosses),
    ):
        place[piece] = end
        end += size
    place[TABLE] = TRIPLETS + 3 * (place[RHS_NNZ] + place[OUTPUT_NNZ] + place[INITIAL_NNZ])
    place[PIVOTS] = SYSTEM + system.size
    place[START] = place[PIVOTS] + 4 * n
    place[SOURCE] = place[START] + n_inputs + 1
    place[COLUMN] = place[SOURCE] + n_inputs * parts
    # Windows that begin at a later column of a jet reach beyond the last one.
    return end + parts
