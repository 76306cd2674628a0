r"""Disposition of mammillary models: rates and coefficients of the unit-bolus response as jets.

A central compartment exchanges with one or two peripheral ones. With the rate constants
:math:`k_{10}, k_{12}, k_{21}, k_{13}, k_{31}` the disposition rates :math:`\lambda_i` are the
roots of

.. math:: \lambda^2 - (k_{10} + k_{12} + k_{21})\lambda + k_{10} k_{21}

for two compartments and of the corresponding cubic for three, and the concentration after a unit
bolus is :math:`\sum_i C_i e^{-\lambda_i t}` with

.. math:: C_i = \frac1V \frac{\prod_j (k_{j1} - \lambda_i)}{\prod_{m \ne i} (\lambda_m - \lambda_i)}

(Gibaldi & Perrier 1982, Pharmacokinetics, app. B). This form has no singularity where an
exchange vanishes.
"""

from math import acos, cos, pi, sqrt

from workbench.core.jets import add_scaled, clear, compose, copy, copy_from, multiply, reciprocal
from workbench.core.jit import IntVec, Mat, OutMat, kernel
from workbench.core.modes import COEFFICIENT, KA, N_BLOCKS, RATE, SECOND, UPTAKE, mode_row

# Scratch rows behind those of the modes.
SCRATCH = 9
K10, K12, K21, K13, K31, _ONE, _TWO, _THREE, INVERSE_V = range(SCRATCH)

# The family's part of the context.
N_MODES = 0  # compartments, 1 to 3
ABSORPTION = 1  # parameter ka, -1: none
BY_RATES = 2  # 0: clearances and volumes, 1: rate constants and the central volume
PERIPHERAL = 3  # 1: doses go into a peripheral compartment
FIRST_ROLE = 4  # parameters CL V Q V2 Q3 V3, or k V k12 k21 k13 k31
N_CONTEXT = 10


@kernel
def combine(
    order: int, p: int, jets: OutMat, a: int, scale_a: float, b: int, scale_b: float, out: int
) -> None:
    """Set a jet to ``scale_a * a + scale_b * b``; `out` may not be `a` or `b`."""
    clear(order, p, jets, out)
    add_scaled(order, p, jets, a, scale_a, out)
    add_scaled(order, p, jets, b, scale_b, out)


@kernel
def divide(order: int, p: int, jets: OutMat, a: int, b: int, spare: int, out: int) -> None:
    """Quotient a / b; `spare` is overwritten and must be neither `a` nor `out`."""
    reciprocal(order, p, jets, b, spare)
    multiply(order, p, jets, a, spare, out)


@kernel
def rate_constants(
    order: int, p: int, context: IntVec, own: int, params: Mat, jets: OutMat, work: int
) -> None:
    """Fill the rate constants and 1/V from the parameters."""
    n, role = context[own + N_MODES], own + FIRST_ROLE
    if context[own + BY_RATES] == 1:
        copy_from(order, p, params, context[role], jets, work + K10)
        copy_from(order, p, params, context[role + 1], jets, work + _ONE)
        reciprocal(order, p, jets, work + _ONE, work + INVERSE_V)
        for j in range(2 * (n - 1)):
            copy_from(order, p, params, context[role + 2 + j], jets, work + K12 + j)
        return
    copy_from(order, p, params, context[role], jets, work + K10)
    copy_from(order, p, params, context[role + 1], jets, work + _ONE)
    reciprocal(order, p, jets, work + _ONE, work + INVERSE_V)
    multiply(order, p, jets, work + K10, work + INVERSE_V, work + K10)
    for j in range(n - 1):
        out, back = work + K12 + 2 * j, work + K21 + 2 * j
        copy_from(order, p, params, context[role + 2 + 2 * j], jets, work + _TWO)
        copy_from(order, p, params, context[role + 3 + 2 * j], jets, work + _THREE)
        multiply(order, p, jets, work + _TWO, work + INVERSE_V, out)
        divide(order, p, jets, work + _TWO, work + _THREE, work + _ONE, back)


@kernel
def two_rates(order: int, p: int, jets: OutMat, work: int) -> None:
    """Roots of the quadratic: the fast one from its formula, the slow one from the product."""
    fast, slow = mode_row(2, RATE, 0), mode_row(2, RATE, 1)
    combine(order, p, jets, work + K10, 1.0, work + K12, 1.0, work + _ONE)
    add_scaled(order, p, jets, work + K21, 1.0, work + _ONE)
    multiply(order, p, jets, work + K10, work + K21, work + _TWO)
    multiply(order, p, jets, work + _ONE, work + _ONE, work + _THREE)
    add_scaled(order, p, jets, work + _TWO, -4.0, work + _THREE)
    x = jets[work + _THREE, 0]
    root = sqrt(x)
    compose(order, p, jets, root, 0.5 / root, -0.25 / (x * root), work + _THREE, work + _THREE)
    combine(order, p, jets, work + _ONE, 0.5, work + _THREE, 0.5, fast)
    divide(order, p, jets, work + _TWO, fast, work + _ONE, slow)


@kernel
def cubic_root(a2: float, a1: float, a0: float, k: int) -> float:
    r"""Root number k of :math:`x^3 - a_2 x^2 + a_1 x - a_0` with three real roots (Viète)."""
    third = a2 / 3.0
    minus_p = third * a2 - a1
    q = -2.0 * third * third * third + a1 * third - a0
    radius = sqrt(max(minus_p, 0.0) / 3.0)
    cosine = -0.5 * q / (radius * radius * radius) if radius > 0.0 else 1.0
    angle = acos(min(1.0, max(-1.0, cosine)))
    x = third + 2.0 * radius * cos((angle - 2.0 * pi * k) / 3.0)
    for _ in range(3):
        slope = (3.0 * x - 2.0 * a2) * x + a1
        if slope != 0.0:
            x -= (((x - a2) * x + a1) * x - a0) / slope
    return x


@kernel
def three_rates(order: int, p: int, jets: OutMat, work: int) -> None:
    """Roots of the cubic; two Newton steps in jets make the derivatives exact."""
    a2, a1, a0 = work + _ONE, work + _TWO, work + _THREE
    spare, value = mode_row(3, RATE, 2), mode_row(3, COEFFICIENT, 0)
    slope = mode_row(3, COEFFICIENT, 1)
    combine(order, p, jets, work + K10, 1.0, work + K12, 1.0, a2)
    add_scaled(order, p, jets, work + K13, 1.0, a2)
    combine(order, p, jets, a2, 1.0, work + K31, 1.0, spare)
    multiply(order, p, jets, work + K21, spare, a1)  # k21 (k10 + k12 + k13 + k31)
    multiply(order, p, jets, work + K21, work + K12, spare)
    add_scaled(order, p, jets, spare, -1.0, a1)
    combine(order, p, jets, work + K10, 1.0, work + K12, 1.0, spare)
    multiply(order, p, jets, spare, work + K31, spare)
    add_scaled(order, p, jets, spare, 1.0, a1)
    multiply(order, p, jets, work + K10, work + K21, a0)
    multiply(order, p, jets, a0, work + K31, a0)
    add_scaled(order, p, jets, work + K21, 1.0, a2)
    add_scaled(order, p, jets, work + K31, 1.0, a2)
    spare = mode_row(3, COEFFICIENT, 2)
    for k in range(3):
        root = mode_row(3, RATE, k)
        clear(order, p, jets, root)
        jets[root, 0] = cubic_root(jets[a2, 0], jets[a1, 0], jets[a0, 0], k)
        for _ in range(2):
            combine(order, p, jets, root, 1.0, a2, -1.0, value)
            multiply(order, p, jets, value, root, value)
            add_scaled(order, p, jets, a1, 1.0, value)
            multiply(order, p, jets, value, root, value)
            add_scaled(order, p, jets, a0, -1.0, value)
            combine(order, p, jets, root, 3.0, a2, -2.0, slope)
            multiply(order, p, jets, slope, root, slope)
            add_scaled(order, p, jets, a1, 1.0, slope)
            divide(order, p, jets, value, slope, spare, value)
            add_scaled(order, p, jets, value, -1.0, root)


@kernel
def coefficients(order: int, p: int, n: int, block: int, jets: OutMat, work: int) -> None:
    r"""Coefficients of the central response to a unit bolus, into the compartment of a block.

    For a peripheral compartment the factor :math:`k_{j1} - \lambda_i` of its own becomes
    :math:`k_{j1}`.
    """
    for i in range(n):
        out = mode_row(n, block, i)
        copy(order, p, jets, work + INVERSE_V, out)
        for j in range(n - 1):
            back = work + (K21 if j == 0 else K31)
            if block == SECOND + j:
                multiply(order, p, jets, out, back, out)
            else:
                combine(order, p, jets, back, 1.0, mode_row(n, RATE, i), -1.0, work + _ONE)
                multiply(order, p, jets, out, work + _ONE, out)
        for m in range(n):
            if m != i:
                other, own = mode_row(n, RATE, m), mode_row(n, RATE, i)
                combine(order, p, jets, other, 1.0, own, -1.0, work + _ONE)
                divide(order, p, jets, out, work + _ONE, work + _TWO, out)


@kernel
def disposition(order: int, p: int, context: IntVec, own: int, params: Mat, jets: OutMat) -> None:
    """Fill the rates and coefficients that `linear.run` needs, from the parameters.

    Parameters
    ----------
    order, p : derivatives wanted, number of their directions
    context, own : the family's part begins at place `own`
    params : jets of the parameters
    jets : with `SCRATCH` rows behind those of the modes
    """
    n = context[own + N_MODES]
    work = mode_row(n, N_BLOCKS, 0)
    rate_constants(order, p, context, own, params, jets, work)
    if n == 1:
        copy(order, p, jets, work + K10, mode_row(1, RATE, 0))
    elif n == 2:
        two_rates(order, p, jets, work)
    else:
        three_rates(order, p, jets, work)
    coefficients(order, p, n, COEFFICIENT, jets, work)
    if context[own + PERIPHERAL] == 1:
        for j in range(n - 1):
            coefficients(order, p, n, SECOND + j, jets, work)
    if context[own + ABSORPTION] >= 0:
        copy_from(order, p, params, context[own + ABSORPTION], jets, KA)
        for i in range(n):
            row = mode_row(n, UPTAKE, i)
            multiply(order, p, jets, mode_row(n, COEFFICIENT, i), KA, row)
