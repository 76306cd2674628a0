r"""Jets through a system's vector functions: values, first and second derivatives.

With Z the jets of :math:`z = [x, \phi, c, t]`, J and H the derivatives of a function f,

.. math:: f_{,i} = J Z_{,i}, \qquad f_{,ij} = J Z_{,ij} + Z_{,i}^\top H Z_{,j}

The states' jets are dense; those of the other inputs have few entries (a parameter depends on
its own direction), which are listed input by input, first derivatives before second.

All kernels of the solver share two vectors, `place` and `work`; `core.odes_layout` tells what is
where. Jets lie in `work`, one matrix (states, parts) after the other, and are named by offsets.
Some kernels are operations (`core.abi.export_operation`), which others call by address: compiled
into each of its callers, the family would take three times as long to compile.
"""

from workbench.core import events as ev
from workbench.core.abi import (
    address_of,
    at,
    call_operation,
    call_vector,
    floats_at,
    ints_at,
    view,
)
from workbench.core.jit import IntVec, Mat, OutIntVec, OutVec, kernel
from workbench.core.odes_layout import (
    ANY_LENGTH,
    AT,
    BLOCK,
    COLUMN,
    COV_COLUMNS,
    COV_ROWS,
    COVS,
    D_TIME,
    DRIVEN,
    EVENTS,
    FLOW_KNOWN,
    HALF,
    HESSIAN,
    INPUT,
    JACOBIAN_OUT,
    JET,
    N_COV,
    N_DOSE_INPUT,
    N_DOSE_INPUTS,
    N_ENTRIES,
    N_EVENTS,
    N_FIRST,
    N_INPUTS,
    N_OUT,
    N_PHI,
    N_X,
    OBSERVED,
    ORDER,
    OUT,
    OUT_COLUMNS,
    OWN,
    PARAM_COLUMNS,
    PARAM_ROWS,
    PARAMS,
    PARTS,
    RATE,
    RHS,
    RHS_NNZ,
    SET_INPUTS,
    SLOT,
    SOURCE,
    START,
    TABLE,
    THROUGH,
    TRIPLETS,
    VALUE,
    WEIGHT,
    P,
    X,
    Z,
)

_OK = 0


@kernel
def list_row(
    low: int, high: int, u: int, row: int, jets: Mat, place: OutIntVec, work: OutVec
) -> None:
    """List columns low to high - 1 of the jet of input `u`, a row of `jets`, where not zero."""
    count = place[N_ENTRIES]
    for k in range(low, high):
        if jets[row, k] != 0.0:
            place[place[COLUMN] + count] = k
            place[place[SOURCE] + count] = u
            work[place[INPUT] + count] = jets[row, k]
            count += 1
    place[N_ENTRIES] = count


@kernel
def list_inputs(
    low: int, high: int, first: int, params: Mat, place: OutIntVec, work: OutVec
) -> None:
    """List columns low to high - 1 of the jets of all inputs."""
    n_phi = place[N_PHI]
    slots = view(at(work, place[SLOT]), (2 * place[N_DOSE_INPUTS], place[PARTS]))
    for u in range(place[N_INPUTS]):
        if low == 1:
            place[place[START] + u] = place[N_ENTRIES]
        if u < n_phi:
            list_row(low, high, u, first + u, params, place, work)
        for k in range(2 * place[N_DOSE_INPUTS]):
            slot = place[place[TABLE] + k // 2 * N_DOSE_INPUT + D_TIME + k % 2]
            if u == n_phi + slot:
                list_row(low, high, u, k, slots, place, work)


@kernel
def weigh_directions(first: int, params: Mat, place: IntVec, work: OutVec) -> None:
    """Set WEIGHT to the magnitude of one over each direction's parameter."""
    p = place[P]
    weight = view(at(work, place[WEIGHT]), (1 + p,))
    for d in range(1, 1 + p):
        weight[d] = 0.0
        for u in range(place[N_PHI]):
            value, size = abs(params[first + u, 0]), abs(params[first + u, d])
            weight[d] = max(weight[d], size / value if value > 0.0 else size)


@kernel
def set_inputs_operation(
    _t: float, _a: int, _b: int, _c: int, _d: int, _e: int, ints: int, floats: int
) -> int:
    """Bring the present block's parameters and covariates, and the dose inputs, into force."""
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    n, n_phi, n_cov, block = place[N_X], place[N_PHI], place[N_COV], place[BLOCK]
    z = view(at(work, place[Z] + n), (place[N_INPUTS],))
    params = view(floats_at(place[PARAMS]), (place[PARAM_ROWS], place[PARAM_COLUMNS]))
    covs = view(floats_at(place[COVS]), (place[COV_ROWS], place[COV_COLUMNS]))
    first = block * n_phi if params.shape[0] > n_phi else 0
    for k in range(n_phi):
        z[k] = params[first + k, 0]
    row = block if covs.shape[0] > 1 else 0
    for k in range(n_cov):
        z[n_phi + k] = covs[row, k] if k < covs.shape[1] else 0.0
    for k in range(2 * place[N_DOSE_INPUTS]):
        slot = place[place[TABLE] + k // 2 * N_DOSE_INPUT + D_TIME + k % 2]
        z[n_phi + slot] = work[place[SLOT] + k * place[PARTS]]
    place[N_ENTRIES] = place[FLOW_KNOWN] = 0
    second = 1 + place[P]
    if place[ORDER] > 0 and place[OWN] == 1:
        list_inputs(1, second, first, params, place, work)
        weigh_directions(first, params, place, work)
    place[N_FIRST] = place[N_ENTRIES]
    place[place[START] + place[N_INPUTS]] = place[N_ENTRIES]
    if place[ORDER] > 1 and place[OWN] == 1:
        list_inputs(second, place[PARTS], first, params, place, work)
    return _OK


@kernel
def set_inputs(place: IntVec, work: OutVec) -> None:
    """Bring the present block's parameters and covariates, and the dose inputs, into force."""
    ints, floats = address_of(place), address_of(work)
    call_operation(place[SET_INPUTS], 0.0, 0, 0, 0, 0, 0, ints, floats)


@kernel
def evaluate(
    order: int, t: float, which: int, x: int, jacobian: int, place: IntVec, work: OutVec
) -> int:
    """Call a vector function (0 rhs, 1 output, 2 initial) at the values of the jets at `x`."""
    n, parts = place[N_X], place[PARTS]
    n_z = n + place[N_INPUTS]
    z = view(at(work, place[Z]), (n_z,))
    states = view(at(work, x), (n, parts))
    for i in range(n):
        z[i] = states[i, 0]
    z[n_z - 1] = t
    return call_vector(
        place[RHS + which],
        order,
        t,
        at(work, place[Z]),
        n_z,
        at(work, place[VALUE]),
        place[N_OUT] if which == 1 else n,
        at(work, jacobian),
        at(work, place[HESSIAN]),
        place[RHS_NNZ + which],
    )


@kernel
def linear_parts(
    low: int,
    width: int,
    rows: int,
    jacobian: int,
    x: int,
    f: int,
    place: IntVec,
    work: OutVec,
) -> None:
    """Set columns low to low + width - 1 of the jets at offset `f` to J Z.

    They are all the columns, the first derivatives, or the second ones.
    """
    n, n_inputs, parts = place[N_X], place[N_INPUTS], place[PARTS]
    jac = view(at(work, jacobian), (rows, n + n_inputs))
    source = view(at(work, x + low), (n, parts))
    target = view(at(work, f + low), (rows, parts))
    first = 0 if low == 1 else place[N_FIRST]
    n_entries = (place[N_ENTRIES] if low + width == parts else place[N_FIRST]) - first
    entries = view(at(work, place[INPUT] + first), (n_entries,))
    column = view(at(place, place[COLUMN] + first), (n_entries,))
    inputs = view(at(place, place[SOURCE] + first), (n_entries,))
    for i in range(rows):
        row = target[i]
        for c in range(width // 4):
            s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
            for k in range(n):
                a = jac[i, k]
                if a != 0.0:
                    s0 += a * source[k, 4 * c]
                    s1 += a * source[k, 4 * c + 1]
                    s2 += a * source[k, 4 * c + 2]
                    s3 += a * source[k, 4 * c + 3]
            row[4 * c], row[4 * c + 1], row[4 * c + 2], row[4 * c + 3] = s0, s1, s2, s3
        for c in range(width // 4 * 4, width):
            s0 = 0.0
            for k in range(n):
                s0 += jac[i, k] * source[k, c]
            row[c] = s0
        for e in range(n_entries):
            row[column[e] - low] += jac[i, n + inputs[e]] * entries[e]


@kernel
def fold(row: int, place: IntVec, work: OutVec) -> None:
    """Add HALF and its transpose to the second derivatives of the jet at `row`; clear it."""
    p, parts = place[P], place[PARTS]
    half = view(at(work, place[HALF]), (p, p))
    second = view(at(work, row + 1 + p), (parts - 1 - p,))
    k = 0
    for i in range(p):
        for j in range(i):
            second[k + j] += half[i, j] + half[j, i]
            half[i, j] = 0.0
            half[j, i] = 0.0
        second[k + i] += 2.0 * half[i, i]
        half[i, i] = 0.0
        k += i + 1


@kernel
def add_states(p: int, h: float, a: int, b: int, place: IntVec, work: OutVec) -> None:
    """Add h times the outer product of two vectors, at offsets a and b, to HALF."""
    half = view(at(work, place[HALF]), (p, p))
    left, right = view(at(work, a), (p,)), view(at(work, b), (p,))
    for i in range(p):
        row, size = half[i], h * left[i]
        for j in range(p):
            row[j] += size * right[j]


@kernel
def curvature(which: int, only: int, x: int, f: int, place: IntVec, work: OutVec) -> None:
    """Add the second derivatives that come from H: of all components, or of `only` one.

    Each element of H brings the outer product of the first derivatives of its two arguments, and
    the transpose. For each component the products are gathered in a full matrix, row by row,
    whatever the kinds of the arguments; a is an input wherever one of them is.
    """
    n, p, parts, nnz = place[N_X], place[P], place[PARTS], place[RHS_NNZ + which]
    triplet = TRIPLETS
    for k in range(which):
        triplet += 3 * place[RHS_NNZ + k]
    hessian = view(at(work, place[HESSIAN]), (nnz,))
    half = view(at(work, place[HALF]), (p, p))
    first = view(at(work, x + 1), (n, parts))
    entries = view(at(work, place[INPUT]), (place[N_FIRST],))
    column = view(at(place, place[COLUMN]), (place[N_FIRST],))
    start = view(at(place, place[START]), (place[N_INPUTS] + 1,))
    component = -1
    for k in range(nnz):
        out, a, b = place[triplet], place[triplet + 1], place[triplet + 2]
        triplet += 3
        h = 0.5 * hessian[k] if a == b else hessian[k]
        if h == 0.0 or (only >= 0 and out != only):
            continue
        if out != component and component >= 0:
            fold(f + component * parts, place, work)
        component = out
        if a < n:
            add_states(p, h, x + 1 + a * parts, x + 1 + b * parts, place, work)
            continue
        for g in range(start[a - n], start[a - n + 1]):
            row, size = half[column[g] - 1], h * entries[g]
            if b < n:
                other = first[b]
                for j in range(p):
                    row[j] += size * other[j]
            else:
                for e in range(start[b - n], start[b - n + 1]):
                    row[column[e] - 1] += size * entries[e]
    if component >= 0:
        fold(f if only >= 0 else f + component * parts, place, work)


@kernel
def through(
    t: float,
    which: int,
    only: int,
    source: int,
    target: int,
    jacobian: int,
    ints: int,
    floats: int,
) -> int:
    """Take the jets at offset `source` through a vector function, to the jets at `target`.

    Parameters
    ----------
    which : 0 rhs and input rates, 1 output, 2 initial
    only : the component wanted, whose jet alone is written; -1: all
    jacobian : offset of a matrix whose elements are zero where the function writes none
    ints, floats : addresses of `place` and `work`

    Returns
    -------
    int
        Status of the function.
    """
    place = view(ints_at(ints), (ANY_LENGTH,))
    work = view(floats_at(floats), (ANY_LENGTH,))
    if place[N_X] == 0 and which != 1:
        return _OK
    order, parts = place[ORDER], place[PARTS]
    status = evaluate(order, t, which, source, jacobian, place, work)
    skipped = max(only, 0)
    rows = 1 if only >= 0 else place[N_X]
    value = view(at(work, place[VALUE] + skipped), (rows,))
    f = view(at(work, target), (rows, parts))
    for i in range(rows):
        f[i, 0] = value[i]
    if order > 0:
        row = jacobian + skipped * (place[N_X] + place[N_INPUTS])
        linear_parts(1, parts - 1, rows, row, source, target, place, work)
    if order > 1:
        curvature(which, only, source, target, place, work)
    if which == 0 and place[DRIVEN] == 1:
        m = rows * parts
        sum_ = view(at(work, target), (m,))
        rate = view(at(work, place[RATE]), (m,))
        for k in range(m):
            sum_[k] += rate[k]
    return status


@kernel
def slope(t: float, source: int, target: int, jacobian: int, place: IntVec, work: OutVec) -> int:
    """Set the jets at offset `target` to dx/dt at the jets at offset `source`."""
    ints, floats = address_of(place), address_of(work)
    return call_operation(place[THROUGH], t, 0, -1, source, target, jacobian, ints, floats)


@kernel
def pass_by(source: int, place: OutIntVec, work: OutVec) -> int:
    """Go past the next event, which changes nothing, and write it if it is an observation."""
    event = view(floats_at(place[EVENTS]), (place[N_EVENTS], ev.N_COLUMNS))[place[AT]]
    place[AT] += 1
    if event[ev.KIND] != ev.OBSERVATION:
        return _OK
    jac, target = place[JACOBIAN_OUT], place[JET]
    for k in range(jac, place[HESSIAN]):
        work[k] = 0.0
    t, endpoint = event[ev.TIME], int(event[ev.ENDPOINT])
    ints, floats = address_of(place), address_of(work)
    status = call_operation(place[THROUGH], t, 1, endpoint, source, target, jac, ints, floats)
    out = view(floats_at(place[OUT]), (place[OBSERVED] + 1, place[OUT_COLUMNS]))
    for k in range(place[PARTS]):
        out[place[OBSERVED], k] = work[target + k]
    place[OBSERVED] += 1
    return status


@kernel
def start_state(t: float, place: OutIntVec, work: OutVec) -> int:
    """Set the state to its initial value, and the input rates to zero."""
    jac, source, target = place[JACOBIAN_OUT], place[RATE], place[X]
    for k in range(place[N_X] * place[PARTS]):
        work[source + k] = 0.0
    place[DRIVEN] = 0
    for k in range(jac, place[HESSIAN]):
        work[k] = 0.0
    ints, floats = address_of(place), address_of(work)
    return call_operation(place[THROUGH], t, 2, -1, source, target, jac, ints, floats)
