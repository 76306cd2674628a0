r"""Linear compartments where the parameters change: from modes to amounts, and back.

The modes are coordinates of the state that belong to the parameters; the amounts do not. With
:math:`A_1 = V \sum_i m_i` in the central compartment, and without inputs,

.. math::
    y_1 = \dot A_1 + K A_1 = k_{21} A_2 + k_{31} A_3, \qquad
    y_2 = (k_{12} k_{21} + k_{13} k_{31}) A_1 - \ddot A_1 - K \dot A_1
        = k_{21}^2 A_2 + k_{31}^2 A_3

with :math:`K = k_{10} + k_{12} + k_{13}` and :math:`\dot A_1 = -V \sum \lambda_i m_i`, so the
peripheral amounts follow. The new modes are the responses to them:
:math:`m_i = \sum_s C_{si} A_s`. Two peripheral compartments of the same rate constant back
(k21 = k31) are one compartment to the central one: their amounts cannot be told apart, and the
result is not finite.
"""

from workbench.core.jets import add_scaled, clear, multiply, reciprocal
from workbench.core.jit import OutMat, kernel
from workbench.core.mammillary import (
    INVERSE_V,
    K10,
    K12,
    K13,
    K21,
    K31,
    coefficients,
)
from workbench.core.modes import (
    COEFFICIENT,
    FACTOR,
    INPUT,
    N_BLOCKS,
    RATE,
    SECOND,
    SPARE,
    TERM,
    VALUE,
    mode_row,
)


@kernel
def fill_peripheral(order: int, p: int, n: int, jets: OutMat) -> None:
    """Fill the coefficients of the responses to peripheral amounts, after `disposition`."""
    for j in range(n - 1):
        coefficients(order, p, n, SECOND + j, jets, mode_row(n, N_BLOCKS, 0))


@kernel
def central_derivative(order: int, p: int, n: int, power: int, jets: OutMat, out: int) -> None:
    r"""Set a jet to :math:`V \sum_i (-\lambda_i)^{power} m_i`; SPARE and TERM are overwritten."""
    clear(order, p, jets, TERM)
    for i in range(n):
        clear(order, p, jets, SPARE)
        add_scaled(order, p, jets, mode_row(n, VALUE, i), 1.0, SPARE)
        for _ in range(power):
            multiply(order, p, jets, SPARE, mode_row(n, RATE, i), SPARE)
        add_scaled(order, p, jets, SPARE, 1.0 if power != 1 else -1.0, TERM)
    reciprocal(order, p, jets, mode_row(n, N_BLOCKS, 0) + INVERSE_V, SPARE)
    multiply(order, p, jets, TERM, SPARE, out)


@kernel
def add_times(order: int, p: int, jets: OutMat, a: int, b: int, scale: float, out: int) -> None:
    """Add scale times a product of two jets; SPARE is overwritten."""
    multiply(order, p, jets, a, b, SPARE)
    add_scaled(order, p, jets, SPARE, scale, out)


@kernel
def to_amounts(order: int, p: int, n: int, jets: OutMat) -> None:
    """Write the amounts to the rows INPUT, which are made again afterwards."""
    work = mode_row(n, N_BLOCKS, 0)
    k10, k12, k21, k13, k31 = work + K10, work + K12, work + K21, work + K13, work + K31
    central = mode_row(n, INPUT, 0)
    central_derivative(order, p, n, 0, jets, central)
    if n == 1:
        return
    y1 = mode_row(n, INPUT, 1)
    central_derivative(order, p, n, 1, jets, y1)
    if n == 2:
        add_times(order, p, jets, k10, central, 1.0, y1)
        add_times(order, p, jets, k12, central, 1.0, y1)
        reciprocal(order, p, jets, k21, SPARE)
        multiply(order, p, jets, y1, SPARE, y1)
        return
    y2 = mode_row(n, INPUT, 2)
    central_derivative(order, p, n, 2, jets, FACTOR)
    clear(order, p, jets, y2)
    add_scaled(order, p, jets, FACTOR, -1.0, y2)
    clear(order, p, jets, TERM)
    for k in range(3):  # K
        add_scaled(order, p, jets, k10 if k == 0 else (k12 if k == 1 else k13), 1.0, TERM)
    add_times(order, p, jets, TERM, y1, -1.0, y2)
    add_times(order, p, jets, TERM, central, 1.0, y1)
    clear(order, p, jets, TERM)
    add_times(order, p, jets, k12, k21, 1.0, TERM)
    add_times(order, p, jets, k13, k31, 1.0, TERM)
    add_times(order, p, jets, TERM, central, 1.0, y2)
    # A2 = (y2 - k31 y1) / (k21 (k21 - k31)), A3 = (y2 - k21 y1) / (k31 (k31 - k21))
    clear(order, p, jets, FACTOR)
    add_scaled(order, p, jets, y2, 1.0, FACTOR)
    add_times(order, p, jets, k21, y1, -1.0, FACTOR)
    add_times(order, p, jets, k31, y1, -1.0, y2)
    divide_by_gap(order, p, jets, k21, k31, y2, y1)
    divide_by_gap(order, p, jets, k31, k21, FACTOR, y2)


@kernel
def divide_by_gap(order: int, p: int, jets: OutMat, own: int, other: int, a: int, out: int) -> None:
    """Set a jet to a / (own (own - other)); SPARE and TERM are overwritten."""
    clear(order, p, jets, TERM)
    add_scaled(order, p, jets, own, 1.0, TERM)
    add_scaled(order, p, jets, other, -1.0, TERM)
    multiply(order, p, jets, TERM, own, TERM)
    reciprocal(order, p, jets, TERM, SPARE)
    multiply(order, p, jets, a, SPARE, out)


@kernel
def to_modes(order: int, p: int, n: int, jets: OutMat) -> None:
    """Set the modes to those of the amounts in the rows INPUT."""
    for i in range(n):
        value = mode_row(n, VALUE, i)
        clear(order, p, jets, value)
        for s in range(n):
            amount, response = mode_row(n, INPUT, s), mode_row(n, COEFFICIENT + s, i)
            add_times(order, p, jets, amount, response, 1.0, value)
