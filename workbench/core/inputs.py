r"""Inputs of the linear family: boluses and changes of input rates, at times that may move.

An event at :math:`\tau(\phi)` is handled at its value :math:`\tau_0`. With
:math:`\delta = \tau - \tau_0` (a jet without value) and x' = A x + b R, what it adds to the state
is carried back to :math:`\tau_0`:

.. math::
    \text{bolus } m:\quad e^{-A\delta} b\, m = (I - A\delta + \tfrac12 A^2\delta^2) b\, m, \qquad
    \text{rate } r:\quad -\int_0^\delta e^{-As} ds\; b\, r = -(I\delta - \tfrac12 A\delta^2) b\, r

exactly, because third powers of :math:`\delta` have no derivatives of the orders that are kept.
"""

from workbench.core import events as ev
from workbench.core.jets import add_scaled, clear, copy, copy_from, multiply, reciprocal
from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.core.modes import (
    AMOUNT,
    COEFFICIENT,
    DELTA,
    DEPOT,
    DEPOT_REST,
    FACTOR,
    INPUT,
    INPUT_RATE,
    KA,
    N_STATES,
    RATE,
    SPARE,
    TERM,
    UPTAKE,
    VALUE,
    mode_row,
)


@kernel
def take_value(order: int, p: int, event: Vec, event_jets: Mat, jets: OutMat) -> None:
    """Fill AMOUNT, and DELTA where the time moves."""
    if event[ev.VALUE_JET] >= 0.0:
        copy_from(order, p, event_jets, int(event[ev.VALUE_JET]), jets, AMOUNT)
    else:
        clear(order, p, jets, AMOUNT)
        jets[AMOUNT, 0] = event[ev.VALUE]
    if event[ev.TIME_JET] >= 0.0:
        copy_from(order, p, event_jets, int(event[ev.TIME_JET]), jets, DELTA)


@kernel
def geometric(order: int, p: int, jets: OutMat, rate: int, half: float) -> None:
    """Fill FACTOR with 1 + half (rate delta), plus half its square where half is 1."""
    multiply(order, p, jets, rate, DELTA, TERM)
    clear(order, p, jets, FACTOR)
    jets[FACTOR, 0] = 1.0
    add_scaled(order, p, jets, TERM, half, FACTOR)
    if half == 1.0:
        multiply(order, p, jets, TERM, TERM, TERM)
        add_scaled(order, p, jets, TERM, 0.5, FACTOR)


@kernel
def add_product(order: int, p: int, jets: OutMat, a: int, b: int, scale: float, out: int) -> None:
    """Add scale times a product of two jets; TERM is overwritten."""
    multiply(order, p, jets, a, b, TERM)
    add_scaled(order, p, jets, TERM, scale, out)


@kernel
def add_bolus(order: int, p: int, n: int, event: Vec, event_jets: Mat, jets: OutMat) -> None:
    """Add a bolus to the state."""
    state = int(event[ev.STATE])
    fixed = event[ev.VALUE_JET] < 0.0 and event[ev.TIME_JET] < 0.0
    if fixed and state == 0:
        jets[DEPOT, 0] += event[ev.VALUE]
        return
    if fixed:
        for i in range(n):
            row = mode_row(n, COEFFICIENT + state - 1, i)
            add_scaled(order, p, jets, row, event[ev.VALUE], mode_row(n, VALUE, i))
        return
    take_value(order, p, event, event_jets, jets)
    moves = event[ev.TIME_JET] >= 0.0 and order > 0
    if state == 0 and moves:
        feed_moved_depot(order, p, jets, n)
    elif state == 0:
        add_scaled(order, p, jets, AMOUNT, 1.0, DEPOT)
    else:
        for i in range(n):
            row = mode_row(n, COEFFICIENT + state - 1, i)
            multiply(order, p, jets, row, AMOUNT, SPARE)
            if moves:
                geometric(order, p, jets, mode_row(n, RATE, i), 1.0)
                multiply(order, p, jets, SPARE, FACTOR, SPARE)
            add_scaled(order, p, jets, SPARE, 1.0, mode_row(n, VALUE, i))


@kernel
def feed_moved_depot(order: int, p: int, jets: OutMat, n: int) -> None:
    r"""Add a bolus into the depot whose time moves.

    The depot gains :math:`m(1 + k_a\delta + \tfrac12 k_a^2\delta^2)` and mode i
    :math:`-m k_a C_i \delta(1 + \tfrac12 (k_a + \lambda_i)\delta)`.
    """
    for i in range(n):
        copy(order, p, jets, KA, SPARE)
        add_scaled(order, p, jets, mode_row(n, RATE, i), 1.0, SPARE)
        geometric(order, p, jets, SPARE, 0.5)
        multiply(order, p, jets, FACTOR, DELTA, FACTOR)
        multiply(order, p, jets, FACTOR, AMOUNT, FACTOR)
        add_product(order, p, jets, FACTOR, mode_row(n, UPTAKE, i), -1.0, mode_row(n, VALUE, i))
    geometric(order, p, jets, KA, 1.0)
    add_product(order, p, jets, FACTOR, AMOUNT, 1.0, DEPOT)


@kernel
def add_rate(order: int, p: int, n: int, event: Vec, event_jets: Mat, jets: OutMat) -> None:
    r"""Change an input rate.

    Where the time moves, the depot gains :math:`-r\delta(1 + \tfrac12 k_a\delta)`, a mode with
    coefficient C that is driven directly :math:`-C r\delta(1 + \tfrac12\lambda\delta)`, and one
    driven through the depot :math:`\tfrac12 k_a C r\delta^2`.
    """
    state = int(event[ev.STATE])
    take_value(order, p, event, event_jets, jets)
    add_scaled(order, p, jets, AMOUNT, 1.0, INPUT_RATE + state)
    if event[ev.TIME_JET] < 0.0 or order == 0:
        return
    multiply(order, p, jets, AMOUNT, DELTA, AMOUNT)  # r delta
    if state == 0:
        multiply(order, p, jets, AMOUNT, DELTA, SPARE)
        for i in range(n):
            add_product(order, p, jets, SPARE, mode_row(n, UPTAKE, i), 0.5, mode_row(n, VALUE, i))
        geometric(order, p, jets, KA, 0.5)
        add_product(order, p, jets, FACTOR, AMOUNT, -1.0, DEPOT)
        return
    for i in range(n):
        geometric(order, p, jets, mode_row(n, RATE, i), 0.5)
        multiply(order, p, jets, FACTOR, AMOUNT, FACTOR)
        row = mode_row(n, COEFFICIENT + state - 1, i)
        add_product(order, p, jets, FACTOR, row, -1.0, mode_row(n, VALUE, i))


@kernel
def refresh_inputs(order: int, p: int, jets: OutMat, n: int, depot: bool) -> None:
    """Compute what the input rates do to depot and modes."""
    for i in range(n):
        row = mode_row(n, INPUT, i)
        clear(order, p, jets, row)
        for s in range(N_STATES):
            # What goes into the depot arrives in the central compartment.
            coefficient = mode_row(n, COEFFICIENT + max(s - 1, 0), i)
            if jets[INPUT_RATE + s, 0] != 0.0:
                add_product(order, p, jets, INPUT_RATE + s, coefficient, 1.0, row)
    if depot:
        reciprocal(order, p, jets, KA, SPARE)
        multiply(order, p, jets, INPUT_RATE, SPARE, DEPOT_REST)


@kernel
def add_constant(order: int, p: int, n: int, event: Vec, event_jets: Mat, jets: OutMat) -> None:
    """Add the state at rest under a constant input rate."""
    state = int(event[ev.STATE])
    take_value(order, p, event, event_jets, jets)
    if state == 0:
        reciprocal(order, p, jets, KA, SPARE)
        add_product(order, p, jets, SPARE, AMOUNT, 1.0, DEPOT)
    for i in range(n):
        row = mode_row(n, COEFFICIENT + max(state - 1, 0), i)
        reciprocal(order, p, jets, mode_row(n, RATE, i), SPARE)
        multiply(order, p, jets, SPARE, AMOUNT, SPARE)
        add_product(order, p, jets, SPARE, row, 1.0, mode_row(n, VALUE, i))
