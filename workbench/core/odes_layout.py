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
PRESENT = 6  # method in use, EXPLICIT or STIFF
STIFF_SIGNS = 7
CALM_SIGNS = 8
OBSERVED = 9  # observations written
AT = 10  # next event
DRIVEN = 11  # 1: there are input rates
N_FIRST = 12  # nonzero first derivatives of parameters and dose inputs
N_ENTRIES = 13  # these and the second ones
# then offsets of the pieces of the scratch,
X = 14  # present state
KEPT_X = 15
RATE = 16  # input rates
KEPT_RATE = 17
Z = 18
VALUE = 19
JACOBIAN = 20  # four matrices: present state and three stages
JACOBIAN_OUT = 21
HESSIAN = 22
SLOPES = 23  # seven matrices of jets
STAGE = 24
NEXT = 25
SCALE = 26  # largest magnitude of each state so far
WEIGHT = 27  # magnitude of one over each direction's parameter
INPUT = 28  # nonzero derivatives of parameters and dose inputs
SLOT = 29  # jets of the dose inputs
JET = 30
HALF = 31  # half of the second derivatives, as a square matrix
BIG = 32  # matrix of the implicit step
BIG_RHS = 33
STAGES = 34
SMALL = 35
NUMBERS = 36  # ten vectors of the states' length
PERIODIC = 37  # state at the ends of a dosing interval
MONODROMY = 38  # its derivative by itself, one interval earlier
# addresses of the caller's arrays, and their sizes,
EVENTS = 39
N_EVENTS = 40
EVENT_JETS = 41
JET_COLUMNS = 42
PARAMS = 43
PARAM_ROWS = 44
PARAM_COLUMNS = 45
COVS = 46
COV_ROWS = 47
COV_COLUMNS = 48
OUT = 49
OUT_COLUMNS = 50
# offsets into the vector itself,
PIVOTS = 51
START = 52  # first entry of each input in the list of their nonzero first derivatives
SOURCE = 53  # input that each entry of the list belongs to
COLUMN = 54  # part of the jet that each entry is
TABLE = 55  # dose inputs
# and the system.
SYSTEM = 56
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
OPERATIONS = SYSTEM + 12  # addresses of kernels, see `odes.pack_system`
SET_INPUTS = OPERATIONS
THROUGH = OPERATIONS + 1
FACTOR = OPERATIONS + 2
BACK = OPERATIONS + 3
FIRST_STEP = OPERATIONS + 4
INTEGRATE = OPERATIONS + 5  # the explicit integrator; then the stiff one
CORRECT = OPERATIONS + 7
DIFFERENTIATE = OPERATIONS + 8
TRY_STAGES = OPERATIONS + 9
WALK = OPERATIONS + 10
RUN_INTERVAL = OPERATIONS + 11
FIND_PERIODIC = OPERATIONS + 12
HOLD_CYCLE = OPERATIONS + 13
HOLD_CONSTANT = OPERATIONS + 14
TRIPLETS = OPERATIONS + 15  # (component, a, b) of rhs, output and initial; then the dose inputs

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
SETTINGS = 9
RTOL = SETTINGS
ATOL = SETTINGS + 1
MAX_STEPS = SETTINGS + 2
METHOD = SETTINGS + 3  # one of the three below
N_SETTINGS = 4
STIFF_RTOL = SETTINGS + N_SETTINGS  # tolerances in the stiff method's own terms
STIFF_ATOL = STIFF_RTOL + 1
N_HEADER = STIFF_ATOL + 1

ANY_LENGTH = 2**40  # of the two vectors, where they are given by their addresses

AUTOMATIC = 0  # begin with the explicit method, change over where that pays
EXPLICIT = 1
STIFF = 2


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
        (SLOPES, 7 * m),
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
