r"""Truncated Taylor arithmetic: a value with its first and second derivatives.

A jet is one row of a matrix: the value, its p first derivatives with respect to the structural
parameters phi, then the p(p+1)/2 second derivatives as the packed lower triangle
(0,0), (1,0), (1,1), (2,0) ... `order` says how many of these are carried: 0, 1 or 2. Closed-form
structural models are written with these few operations, so their derivatives are exact and
need no formulas of their own.

Every operation allows its output row to be one of its input rows.
"""

from math import isqrt

from workbench.core.jit import Mat, OutMat, kernel


@kernel
def n_parts(order: int, p: int) -> int:
    """Return how many numbers a jet of this order holds."""
    if order == 0:
        return 1
    if order == 1:
        return 1 + p
    return 1 + p + p * (p + 1) // 2


def parts_of(order: int, p: int) -> int:
    """Return `n_parts` without compiling it."""
    return (1, 1 + p, 1 + p + p * (p + 1) // 2)[order]


def directions_of(parts: int) -> int:
    """Return the number of directions of a jet of order 2 that holds `parts` numbers."""
    return (isqrt(8 * parts + 1) - 3) // 2


@kernel
def clear(order: int, p: int, jets: OutMat, out: int) -> None:
    """Set a jet to zero."""
    for k in range(n_parts(order, p)):
        jets[out, k] = 0.0


@kernel
def variable(order: int, p: int, jets: OutMat, out: int, index: int, value: float) -> None:
    """Set a jet to parameter number `index`: derivative 1 with respect to itself."""
    clear(order, p, jets, out)
    jets[out, 0] = value
    if order >= 1:
        jets[out, 1 + index] = 1.0


@kernel
def copy(order: int, p: int, jets: OutMat, a: int, out: int) -> None:
    """Copy a jet."""
    for k in range(n_parts(order, p)):
        jets[out, k] = jets[a, k]


@kernel
def copy_from(order: int, p: int, other: Mat, a: int, jets: OutMat, out: int) -> None:
    """Copy a jet of another matrix."""
    for k in range(n_parts(order, p)):
        jets[out, k] = other[a, k]


@kernel
def add_scaled(order: int, p: int, jets: OutMat, a: int, scale: float, out: int) -> None:
    """Add ``scale * a`` to a jet."""
    for k in range(n_parts(order, p)):
        jets[out, k] += scale * jets[a, k]


@kernel
def multiply(order: int, p: int, jets: OutMat, a: int, b: int, out: int) -> None:
    """Product of two jets."""
    if order >= 2:
        k = 1 + p
        for i in range(p):
            for j in range(i + 1):
                jets[out, k] = (
                    jets[a, 0] * jets[b, k]
                    + jets[a, 1 + i] * jets[b, 1 + j]
                    + jets[a, 1 + j] * jets[b, 1 + i]
                    + jets[a, k] * jets[b, 0]
                )
                k += 1
    if order >= 1:
        for i in range(p):
            jets[out, 1 + i] = jets[a, 0] * jets[b, 1 + i] + jets[a, 1 + i] * jets[b, 0]
    jets[out, 0] = jets[a, 0] * jets[b, 0]


@kernel
def compose(
    order: int, p: int, jets: OutMat, f: float, fx: float, fxx: float, x: int, out: int
) -> None:
    """Function of one jet, given its value and derivatives at the jet's value (chain rule)."""
    if order >= 2:
        k = 1 + p
        for i in range(p):
            for j in range(i + 1):
                jets[out, k] = fx * jets[x, k] + fxx * jets[x, 1 + i] * jets[x, 1 + j]
                k += 1
    if order >= 1:
        for i in range(p):
            jets[out, 1 + i] = fx * jets[x, 1 + i]
    jets[out, 0] = f


@kernel
def compose2(
    order: int,
    p: int,
    jets: OutMat,
    f: float,
    fx: float,
    fy: float,
    fxx: float,
    fxy: float,
    fyy: float,
    x: int,
    y: int,
    out: int,
) -> None:
    """Function of two jets, given its value and derivatives at their values (chain rule)."""
    if order >= 2:
        k = 1 + p
        for i in range(p):
            xi, yi = jets[x, 1 + i], jets[y, 1 + i]
            for j in range(i + 1):
                xj, yj = jets[x, 1 + j], jets[y, 1 + j]
                jets[out, k] = (
                    fx * jets[x, k]
                    + fy * jets[y, k]
                    + fxx * xi * xj
                    + fxy * (xi * yj + xj * yi)
                    + fyy * yi * yj
                )
                k += 1
    if order >= 1:
        for i in range(p):
            jets[out, 1 + i] = fx * jets[x, 1 + i] + fy * jets[y, 1 + i]
    jets[out, 0] = f


@kernel
def reciprocal(order: int, p: int, jets: OutMat, x: int, out: int) -> None:
    """One over a jet."""
    f = 1.0 / jets[x, 0]
    compose(order, p, jets, f, -f * f, 2.0 * f * f * f, x, out)
