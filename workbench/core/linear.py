r"""Linear compartment models in closed form, by advancing scalar exponential modes over events.

The central concentration of any linear compartment model is a sum of modes,

.. math::
    c(t) = \sum_i m_i(t), \qquad m_i' = -\lambda_i m_i + C_i (R_c + k_a d),
    \qquad d' = -k_a d + R_d

with d the amount in an absorption depot, :math:`R_c, R_d` infusion rates into the central
compartment and the depot, :math:`\lambda_i` the disposition rates and :math:`C_i` the
coefficients of the unit-bolus response (Gibaldi & Perrier 1982, Pharmacokinetics, ch. 1-2). A
bolus into the central compartment adds :math:`C_i` times its amount to each mode. Over an
interval without events everything has a closed form, so the cost is linear in the number of
events. With the jets of `core.jets` in place of numbers, the derivatives are exact too.

A structural model fills the rows `rate_row`, `coefficient_row` (and `KA_ROW`), then calls
`advance`.
"""

from math import exp, factorial

from workbench.core.events import AMT, BOLUS, CMT, INFUSION, KIND, OBSERVATION, RATE, TIME
from workbench.core.jets import add_scaled, clear, compose, compose2, multiply, n_parts, reciprocal
from workbench.core.jit import Mat, OutMat, kernel

# Rows of the jet matrix, for n modes: fixed ones first, then four blocks of n.
KA_ROW = 0  # absorption rate constant
DEPOT_ROW = 1  # amount in the depot
SPARE_ROW = 2  # two rows of scratch
FIRST_MODE_ROW = 4
BLOCKS = 4  # of n rows: rates, coefficients, coefficients times ka, present values


@kernel
def rate_row(i: int) -> int:
    """Row of the disposition rate of mode i."""
    return FIRST_MODE_ROW + i


@kernel
def coefficient_row(n_modes: int, i: int) -> int:
    """Row of the unit-bolus coefficient of mode i."""
    return FIRST_MODE_ROW + n_modes + i


@kernel
def absorption_row(n_modes: int, i: int) -> int:
    """Row of the unit-bolus coefficient of mode i times ka."""
    return FIRST_MODE_ROW + 2 * n_modes + i


@kernel
def mode_row(n_modes: int, i: int) -> int:
    """Row of the present value of mode i."""
    return FIRST_MODE_ROW + 3 * n_modes + i


def n_rows(n_modes: int, n_parameters: int) -> int:
    """Rows that a model needs: modes, scratch, and one for each of its parameters."""
    return FIRST_MODE_ROW + BLOCKS * n_modes + n_parameters


@kernel
def parameter_row(n_modes: int, k: int) -> int:
    """Row in which a model keeps the jet of its parameter k."""
    return FIRST_MODE_ROW + BLOCKS * n_modes + k


# Taylor coefficients of the third moment, (-1)^k / (k! (k + 3)); 16 terms leave less than 1e-17
# below the switch.
_SWITCH = 0.7
_C = tuple((-1.0) ** k / (factorial(k) * (k + 3)) for k in range(16))


@kernel
def third_moment_series(x: float) -> float:
    """Sum the series of the third moment in pairs of pairs, so that the terms do not wait."""
    x2 = x * x
    x4 = x2 * x2
    low = (_C[0] + _C[1] * x) + x2 * (_C[2] + _C[3] * x)
    low += x4 * ((_C[4] + _C[5] * x) + x2 * (_C[6] + _C[7] * x))
    high = (_C[8] + _C[9] * x) + x2 * (_C[10] + _C[11] * x)
    high += x4 * ((_C[12] + _C[13] * x) + x2 * (_C[14] + _C[15] * x))
    return low + x4 * x4 * high


@kernel
def moments(x: float, e: float) -> tuple[float, float, float]:
    r"""Integrals :math:`\int_0^1 s^n e^{-x s} ds` for n = 0, 1, 2, with x >= 0 and e = exp(-x).

    Integration by parts links them, :math:`x a_{n+1} = (n+1) a_n - e^{-x}`. Upwards this loses
    digits as x goes to 0, downwards it is stable: below 0.7 the last one is a power series.
    """
    if x > _SWITCH:
        a0 = (1.0 - e) / x
        a1 = (a0 - e) / x
        return a0, a1, (2.0 * a1 - e) / x
    a2 = third_moment_series(x)
    a1 = 0.5 * (x * a2 + e)
    return x * a1 + e, a1, a2


@kernel
def decay(order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, out: int) -> None:
    r"""Jet of :math:`e = e^{-\lambda \Delta t}`."""
    compose(order, p, jets, e, -dt * e, dt * dt * e, rate, out)


@kernel
def infused(order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, out: int) -> None:
    r"""Jet of :math:`(1 - e) / \lambda`, the response to a unit input rate."""
    a0, a1, a2 = moments(jets[rate, 0] * dt, e)
    compose(order, p, jets, dt * a0, -dt * dt * a1, dt * dt * dt * a2, rate, out)


@kernel
def absorbed(
    order: int, p: int, jets: OutMat, rate: int, dt: float, e: float, e_depot: float, out: int
) -> None:
    r"""Jet of the divided difference :math:`(e^{-\lambda t} - e^{-k_a t}) / (k_a - \lambda)`.

    Written as :math:`t e^{-r t} \int_0^1 e^{-x s} ds` with r the slower of the two rates and
    :math:`x = |k_a - \lambda| t`, it has no singularity at :math:`k_a = \lambda`.
    """
    slow, fast, e_slow, e_fast = rate, KA_ROW, e, e_depot
    if jets[KA_ROW, 0] < jets[rate, 0]:
        slow, fast, e_slow, e_fast = KA_ROW, rate, e_depot, e
    x = (jets[fast, 0] - jets[slow, 0]) * dt
    # The ratio saves an exponential where neither underflows.
    a0, a1, a2 = moments(x, e_fast / e_slow if e_fast > 1e-290 else exp(-x))
    q = dt * e_slow
    q1, q2 = -dt * q, dt * dt * q
    compose2(
        order,
        p,
        jets,
        q * a0,
        q1 * (a0 - a1),
        q1 * a1,
        q2 * (a0 - 2.0 * a1 + a2),
        q2 * (a1 - a2),
        q2 * a2,
        slow,
        fast,
        out,
    )


@kernel
def advance_mode(
    order: int,
    p: int,
    n_modes: int,
    jets: OutMat,
    i: int,
    dt: float,
    rate_in: float,
    depot: bool,
    e_depot: float,
) -> None:
    """Advance mode i over an interval `dt` with constant input `rate_in`, fed by the depot."""
    mode = mode_row(n_modes, i)
    rate = rate_row(i)
    e = exp(-jets[rate, 0] * dt)
    decay(order, p, jets, rate, dt, e, SPARE_ROW)
    multiply(order, p, jets, mode, SPARE_ROW, mode)
    if rate_in != 0.0:
        infused(order, p, jets, rate, dt, e, SPARE_ROW)
        multiply(order, p, jets, SPARE_ROW, coefficient_row(n_modes, i), SPARE_ROW)
        add_scaled(order, p, jets, SPARE_ROW, rate_in, mode)
    if depot:
        absorbed(order, p, jets, rate, dt, e, e_depot, SPARE_ROW)
        multiply(order, p, jets, SPARE_ROW, absorption_row(n_modes, i), SPARE_ROW)
        multiply(order, p, jets, SPARE_ROW, DEPOT_ROW, SPARE_ROW)
        add_scaled(order, p, jets, SPARE_ROW, 1.0, mode)


@kernel
def advance_all(
    order: int,
    p: int,
    n_modes: int,
    jets: OutMat,
    dt: float,
    central_rate: float,
    depot_rate: float,
    depot: bool,
) -> None:
    r"""Advance depot and modes over an interval without events.

    With an infusion into the depot, :math:`d - R_d/k_a` decays like a depot without one, and
    the central compartment sees :math:`R_c + R_d`.
    """
    e_depot = exp(-jets[KA_ROW, 0] * dt) if depot else 0.0
    if depot and depot_rate != 0.0:
        reciprocal(order, p, jets, KA_ROW, SPARE_ROW + 1)
        add_scaled(order, p, jets, SPARE_ROW + 1, -depot_rate, DEPOT_ROW)
    for i in range(n_modes):
        advance_mode(order, p, n_modes, jets, i, dt, central_rate + depot_rate, depot, e_depot)
    if depot:
        decay(order, p, jets, KA_ROW, dt, e_depot, SPARE_ROW)
        multiply(order, p, jets, DEPOT_ROW, SPARE_ROW, DEPOT_ROW)
        if depot_rate != 0.0:
            add_scaled(order, p, jets, SPARE_ROW + 1, depot_rate, DEPOT_ROW)


@kernel
def start_empty(order: int, p: int, n_modes: int, has_depot: bool, jets: OutMat) -> None:
    """Set depot and modes to zero, and prepare the products with ka."""
    clear(order, p, jets, DEPOT_ROW)
    for i in range(n_modes):
        clear(order, p, jets, mode_row(n_modes, i))
        if has_depot:
            row = coefficient_row(n_modes, i)
            multiply(order, p, jets, row, KA_ROW, absorption_row(n_modes, i))


@kernel
def advance(
    order: int, p: int, n_modes: int, has_depot: bool, records: Mat, out: OutMat, jets: OutMat
) -> int:
    """Run one subject's records and write the concentration at each observation.

    Parameters
    ----------
    order : 0, 1 or 2  derivatives wanted
    p : number of structural parameters
    has_depot : compartment 1 is the depot and 2 the central one; otherwise 1 is the central one
    records : (n, events.N_COLUMNS)  in time order
    out : (n_obs, parts)  overwritten: one jet for each observation
    jets : (rows, parts)  rates, coefficients (and ka) filled in; the rest is overwritten

    Returns
    -------
    int
        0; nothing can fail here, bad values show as infinite or NaN predictions.
    """
    start_empty(order, p, n_modes, has_depot, jets)
    central = 2 if has_depot else 1
    central_rate, depot_rate, depot_used = 0.0, 0.0, False
    now = records[0, TIME] if records.shape[0] > 0 else 0.0
    parts = n_parts(order, p)
    j = 0
    for r in range(records.shape[0]):
        dt = records[r, TIME] - now
        if dt > 0.0:
            advance_all(order, p, n_modes, jets, dt, central_rate, depot_rate, depot_used)
            now = records[r, TIME]
        kind = records[r, KIND]
        if kind == OBSERVATION:
            for k in range(parts):
                total = 0.0
                for i in range(n_modes):
                    total += jets[mode_row(n_modes, i), k]
                out[j, k] = total
            j += 1
        elif kind == BOLUS and records[r, CMT] == central:
            for i in range(n_modes):
                row = coefficient_row(n_modes, i)
                add_scaled(order, p, jets, row, records[r, AMT], mode_row(n_modes, i))
        elif kind == BOLUS:
            jets[DEPOT_ROW, 0] += records[r, AMT]
            depot_used = True
        elif kind == INFUSION and records[r, CMT] == central:
            central_rate += records[r, RATE]
        elif kind == INFUSION:
            depot_rate += records[r, RATE]
            depot_used = True
    return 0
