r"""Tails of the normal distribution, to rounding however far out.

With :math:`Q(t) = P(Z > t)`, :math:`T(t) = -\log Q(t)` and :math:`D = Z - t \mid Z > t`, its
excess,

.. math:: T' = \varphi/Q = t + \delta, \quad \delta = E[D], \quad T'' = T' \delta,
          \quad T''' = T'' \delta + T' (T'' - 1).

Everything is written in delta, which loses no digits where phi and Q are both next to nothing.
"""

from math import erfc, exp, expm1, log, log1p, pi, sqrt

import numpy as np

from workbench.core.jit import kernel

FAR = 4.0  # from here by the continued fraction
LEVELS = 60  # of the continued fraction
REMOTE = 10.0  # from here moments by their series
SERIES = 30  # terms of the series; at t = REMOTE the last is below 1e-16 of the sum
_HALF_LOG_2_PI = 0.5 * log(2.0 * pi)


@kernel
def hazard(t: float) -> float:
    r"""Return :math:`\varphi(t)/Q(t)`, for t below FAR."""
    return exp(-0.5 * t * t - _HALF_LOG_2_PI) / (0.5 * erfc(t / sqrt(2.0)))


@kernel
def excess(t: float) -> float:
    r"""Return :math:`\delta(t) = E[Z - t \mid Z > t]`, positive.

    For large t by Laplace's continued fraction,
    :math:`\delta = 1/(t + 2/(t + 3/(t + \dots)))`. [Abramowitz & Stegun 1964, 26.2.14]
    """
    if t < FAR:
        return hazard(t) - t
    below = t
    for k in range(LEVELS, 1, -1):
        below = t + k / below
    return 1.0 / below


@kernel
def surprise(t: float) -> float:
    r"""Return :math:`T(t) = -\log P(Z > t)`."""
    if t < -1.0:
        return -log1p(-0.5 * erfc(-t / sqrt(2.0)))
    if t < FAR:
        return -log(0.5 * erfc(t / sqrt(2.0)))
    return 0.5 * t * t + _HALF_LOG_2_PI + log(t + excess(t))


@kernel
def tail(t: float) -> tuple[float, float, float]:
    r"""Return :math:`T', T'', T'''` at t."""
    delta = excess(t)
    first = hazard(t) if t < FAR else t + delta
    second = first * delta
    return first, second, second * delta + first * (second - 1.0)


@kernel
def between(low: float, high: float) -> tuple[float, float, float]:
    r"""Return :math:`-\log P` and :math:`\varphi(low)/P, \varphi(high)/P`, P = P(low < Z < high).

    Both limits are mirrored so that they lie in the upper tail; then
    :math:`P = Q(low) (1 - \rho)` with :math:`\rho = Q(high)/Q(low)` has no cancellation but that
    of a narrow interval.
    """
    mirrored = low + high < 0.0
    a, b = (-high, -low) if mirrored else (low, high)
    at_a, at_b = surprise(a), surprise(b)
    share = -expm1(at_a - at_b)  # 1 - rho
    value = at_a - log(share) if share > 0.0 else np.inf
    by_a = tail(a)[0] / share
    by_b = tail(b)[0] * exp(at_a - at_b) / share
    return (value, by_b, by_a) if mirrored else (value, by_a, by_b)


@kernel
def moments(t: float) -> tuple[float, float, float, float, float]:
    r"""Return the first five moments of the excess D beyond t >= 1.

    :math:`M_{k+1} = k M_{k-1} - t M_k`, and beyond REMOTE, where that cancels, the series of
    :math:`\int_0^\infty x^k e^{-tx - x^2/2} dx` in 1/t.
    """
    if t < REMOTE:
        one = excess(t)
        two = 1.0 - t * one
        three = 2.0 * one - t * two
        four = 3.0 * two - t * three
        return one, two, three, four, 4.0 * three - t * four
    whole = _laplace_integral(0, t)
    return (
        _laplace_integral(1, t) / whole,
        _laplace_integral(2, t) / whole,
        _laplace_integral(3, t) / whole,
        _laplace_integral(4, t) / whole,
        _laplace_integral(5, t) / whole,
    )


@kernel
def _laplace_integral(k: int, t: float) -> float:
    r"""Return :math:`\sum_n (-1)^n (k + 2n)! / (n!\, 2^n\, t^{k + 2n})`."""
    term = 1.0
    for m in range(1, k + 1):
        term *= m / t
    total = term
    for n in range(1, SERIES + 1):
        term *= -(k + 2 * n) * (k + 2 * n - 1) / (2.0 * n * t * t)
        total += term
    return total


@kernel
def truncated_spread(t: float) -> tuple[float, float, float, float, float, float, float]:
    r"""Return the covariances of X and X squared, given Z > t, and their slopes in t.

    X is the excess D for t >= 1 and Z itself below: each where it cancels nothing. The moments
    of D have :math:`M_k' = M_1 M_k - M_{k+1}`; those of Z, with :math:`\lambda = \varphi/Q`,
    :math:`m_k' = \lambda (m_k - t^k)`.

    Returns
    -------
    shift, var X, cov(X, X^2), var X^2, and the slopes of these three; X = Z - shift
    """
    if t >= 1.0:
        one, two, three, four, five = moments(t)
        one_t, two_t = one * one - two, one * two - three
        three_t, four_t = one * three - four, one * four - five
        shift = t
    else:
        rate = hazard(t)
        one, two, three = rate, 1.0 + t * rate, (t * t + 2.0) * rate
        four = 3.0 + (t * t * t + 3.0 * t) * rate
        one_t, two_t = rate * (one - t), rate * (two - t * t)
        three_t, four_t = rate * (three - t**3), rate * (four - t**4)
        shift = 0.0
    return (
        shift,
        two - one * one,
        three - one * two,
        four - two * two,
        two_t - 2.0 * one * one_t,
        three_t - one_t * two - one * two_t,
        four_t - 2.0 * two * two_t,
    )
