r"""Functions for generated equations: powers, gamma family, and choices, safe at their edges.

The partial derivatives of :math:`x^y`, y > 0, have limits at x = 0 that the plain formulas miss
(:math:`0 \cdot \log 0`). Where a partial has no finite limit there (:math:`y x^{y-1}` for y < 1),
it is given as 0: what is 0 for every parameter value, such as a compartment before the first
dose, then has derivatives 0 with respect to the parameters, instead of infinity times 0.

Values outside a domain are NaN or infinite, never an exception.
"""

import math
from collections.abc import Callable
from math import erfc, floor, pi

import numpy as np

from workbench.core.jit import JIT_DISABLED, kernel

# Compiled code gives NaN or infinity where Python's math raises and NumPy does not.
_Function = Callable[[float], float]
exp: _Function = np.exp if JIT_DISABLED else math.exp
expm1: _Function = np.expm1 if JIT_DISABLED else math.expm1
log: _Function = np.log if JIT_DISABLED else math.log
log10: _Function = np.log10 if JIT_DISABLED else math.log10
log2: _Function = np.log2 if JIT_DISABLED else math.log2
log1p: _Function = np.log1p if JIT_DISABLED else math.log1p
sqrt: _Function = np.sqrt if JIT_DISABLED else math.sqrt
sin: _Function = np.sin if JIT_DISABLED else math.sin
cos: _Function = np.cos if JIT_DISABLED else math.cos
tan: _Function = np.tan if JIT_DISABLED else math.tan
asin: _Function = np.arcsin if JIT_DISABLED else math.asin
acos: _Function = np.arccos if JIT_DISABLED else math.acos
atan: _Function = np.arctan if JIT_DISABLED else math.atan
sinh: _Function = np.sinh if JIT_DISABLED else math.sinh
cosh: _Function = np.cosh if JIT_DISABLED else math.cosh
tanh: _Function = np.tanh if JIT_DISABLED else math.tanh

INFINITE = np.float64(np.inf)
NOT_A_NUMBER = np.float64(np.nan)
ZERO, ONE = np.float64(0.0), np.float64(1.0)
FAR = 10.0  # from here the asymptotic series of the psi functions hold to rounding


@kernel
def select(condition: bool, first: float, second: float) -> float:
    """`first` where the condition holds, otherwise `second`."""
    return np.float64(first) if condition else np.float64(second)


@kernel
def vanish(factor: float, other: float) -> float:
    """Product that is 0 where `factor` is 0, also when `other` is infinite or not a number."""
    return factor * other if factor != 0.0 else ZERO


@kernel
def power(x: float, y: float) -> float:
    r""":math:`x^y`; NaN for x < 0 unless y is a whole number."""
    return np.float64(x) ** np.float64(y)


@kernel
def power_less(p: float, x: float, y: float) -> float:
    r""":math:`x^{y-1}`, given p = :math:`x^y`; at x = 0 it is 1 for y = 1, otherwise 0.

    .. math:: \partial x^y / \partial x = y x^{y-1}, \quad
        \partial^2 x^y / \partial x^2 = y (y - 1) x^{y-2}
    """
    if x != 0.0:
        return p / x
    return ONE if y == 1.0 else ZERO


@kernel
def edge_log(x: float) -> float:
    r""":math:`\log x`, and 0 at x = 0: a factor of :math:`\partial x^y / \partial y`."""
    return log(x) if x != 0.0 else ZERO


@kernel
def edge_reciprocal(x: float) -> float:
    """1/x, and 0 at x = 0: derivative of `edge_log`."""
    return 1.0 / x if x != 0.0 else ZERO


@kernel
def gamma(x: float) -> float:
    r""":math:`\Gamma(x)`; NaN at 0, -1, -2, ..."""
    if x <= 0.0 and x == floor_of(x):
        return NOT_A_NUMBER
    if x > 171.7:
        return INFINITE
    return np.float64(math.gamma(x))


@kernel
def lgamma(x: float) -> float:
    r""":math:`\log |\Gamma(x)|`; infinite at 0, -1, -2, ..."""
    if x <= 0.0 and x == floor_of(x):
        return INFINITE
    if x > 2.5e305:
        return INFINITE
    return np.float64(math.lgamma(x))


@kernel
def floor_of(x: float) -> float:
    """Largest whole number up to x, also for what is no integer: infinity, not a number."""
    return np.float64(floor(x)) if abs(x) < 1e18 else np.float64(x)


@kernel
def digamma(x: float) -> float:
    r""":math:`\psi(x) = d \log \Gamma(x) / dx`; NaN at 0, -1, -2, ...

    Recurrence up to x >= 10, then the asymptotic series; for x < 0 the reflection formula.
    [Abramowitz & Stegun 1964, 6.3.5, 6.3.7, 6.3.18]
    """
    if x <= 0.0:
        if x == floor_of(x):
            return NOT_A_NUMBER
        reflected, x = -pi / tan(pi * (x - floor_of(x))), 1.0 - x
    else:
        reflected = 0.0
    shift = 0.0
    while x < FAR:
        shift += 1.0 / x
        x += 1.0
    u = 1.0 / (x * x)
    series = 1 / 12 - u * (
        1 / 120 - u * (1 / 252 - u * (1 / 240 - u * (1 / 132 - u * (691 / 32760 - u / 12))))
    )
    return np.float64(log(x) - 0.5 / x - u * series - shift + reflected)


@kernel
def trigamma(x: float) -> float:
    r""":math:`\psi'(x) = d^2 \log \Gamma(x) / dx^2`; infinite at 0, -1, -2, ...

    As `digamma`. [Abramowitz & Stegun 1964, 6.4.6, 6.4.7, 6.4.12]
    """
    sign, reflected = 1.0, 0.0
    if x <= 0.0:
        if x == floor_of(x):
            return INFINITE
        sine = sin(pi * (x - floor_of(x)))
        sign, reflected, x = -1.0, pi * pi / (sine * sine), 1.0 - x
    shift = 0.0
    while x < FAR:
        shift += 1.0 / (x * x)
        x += 1.0
    u = 1.0 / (x * x)
    series = 1 / 6 - u * (
        1 / 30 - u * (1 / 42 - u * (1 / 30 - u * (5 / 66 - u * (691 / 2730 - u * 7 / 6))))
    )
    return np.float64(sign * (1.0 / x + 0.5 * u + u / x * series + shift) + reflected)


@kernel
def phi(x: float) -> float:
    r"""Normal distribution function, :math:`\Phi(x)`."""
    return np.float64(0.5 * erfc(-x / math.sqrt(2.0)))


__all__ = [
    "acos",
    "asin",
    "atan",
    "cos",
    "cosh",
    "digamma",
    "edge_log",
    "edge_reciprocal",
    "exp",
    "expm1",
    "gamma",
    "lgamma",
    "log",
    "log10",
    "log1p",
    "log2",
    "phi",
    "power",
    "power_less",
    "select",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trigamma",
    "vanish",
]
