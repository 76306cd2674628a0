r"""When the two phases of SAEM have done their work.

Exploration is over when the sequence of estimates is stationary: over the last `WINDOW`
iterations, the means of `BATCHES` batches have no linear trend that a t-test (1 %) would see, for
any parameter. The window must lie after the annealing, whose end is a trend of its own.

Smoothing averages: its gain is 1/k, with one addition. The end of exploration is noisy, and with
gain 1/k its error decays as slowly as :math:`k^{-(1-f)}`, f the largest fraction of missing
information. So the gain does not fall below `LEAST_GAIN` in the first `FORGET` iterations (a
geometric forgetting), and is 1/(k - FORGET + 1/LEAST_GAIN) after them. From there on the estimate
is, to first order, the mean of one-iteration estimates

.. math:: y_k = x_{k-1} + (x_k - x_{k-1}) / \gamma_k,

so its Monte-Carlo standard error follows from batch means of y (as for any output of a Markov
chain: Flegal, Haran & Jones 2008, Stat Sci 23:250). Smoothing is over when, after at least
`LEAST_SMOOTHING` iterations, that error is below `tolerance` times the standard error which the
parameter would have if the random effects were observed (a lower bound of its real one), and y
has no trend.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WINDOW = 50
BATCHES = 10
CRITICAL = 3.355  # of t with BATCHES - 2 degrees of freedom, 1 % two-sided
LEAST_SMOOTHING = 150
LEAST_GAIN = 0.1
FORGET = 50
UNINFORMED = 1.0  # complete-data standard error in x, which is of order one
EVERY = 10  # iterations between two looks


def batch_means(y: Floats) -> Floats:
    """Return the means of BATCHES batches of rows, (BATCHES, n); first rows are left over."""
    length = len(y) // BATCHES
    return y[len(y) - length * BATCHES :].reshape(BATCHES, length, -1).mean(axis=1)


def trend(means: Floats) -> Floats:
    """Return the t statistics of a linear trend in batch means, (n,)."""
    time = np.arange(len(means)) - 0.5 * (len(means) - 1)
    slope = time @ means / (time @ time)
    rest = means - means.mean(axis=0) - np.outer(time, slope)
    variance = (rest**2).sum(axis=0) / (len(means) - 2) / (time @ time)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = slope / np.sqrt(variance)
    return np.where(slope == 0.0, 0.0, t)


def informed(yardstick: Floats) -> NDArray[np.bool_]:
    """Say which parameters the data inform at all; the others cannot settle, nor need they.

    An example is the additive part of a combined error when it has gone to zero.
    """
    return np.asarray(yardstick < UNINFORMED)


def explored(x: Floats, yardstick: Floats) -> bool:
    """True when exploration may end.

    Parameters
    ----------
    x : (WINDOW, n_free)  the last estimates
    yardstick : (n_free,)  complete-data standard errors
    """
    t = trend(batch_means(x))[informed(yardstick)]
    return bool((np.abs(t) < CRITICAL).all())


def smoothing_gain(k: int) -> float:
    """Return the gain of iteration k = 1, 2, ... of the smoothing phase."""
    if k <= FORGET:
        return max(1.0 / k, LEAST_GAIN)
    return 1.0 / (k - FORGET + 1.0 / LEAST_GAIN)


def one_iteration_estimates(x: Floats) -> Floats:
    """Return y of the module docstring, of the iterations after the forgetting, (k - FORGET, n).

    Parameters
    ----------
    x : (k + 1, n)  the estimates of the smoothing phase; row 0 is the last one before it
    """
    gain = np.array([smoothing_gain(k) for k in range(FORGET + 1, len(x))])[:, None]
    return x[FORGET:-1] + np.diff(x[FORGET:], axis=0) / gain


def long_enough(x: Floats) -> bool:
    """True when a path is long enough to say something about its error."""
    return len(x) > FORGET + BATCHES


def monte_carlo_error(x: Floats) -> Floats:
    """Return the Monte-Carlo standard errors of the last row of a smoothing path, (n,)."""
    y = one_iteration_estimates(x)
    means = batch_means(y)
    per_iteration = means.std(axis=0, ddof=1) * np.sqrt(len(y) // BATCHES)
    return np.asarray(per_iteration * np.sqrt(smoothing_gain(len(x) - 1)))


def drift(x: Floats) -> Floats:
    """Return the t statistics of a trend over a smoothing path, (n,)."""
    return trend(batch_means(one_iteration_estimates(x)))


def settled(x: Floats, yardstick: Floats, tolerance: float) -> bool:
    """True when smoothing may end.

    Parameters
    ----------
    x : (k + 1, n)  the path, see `one_iteration_estimates`
    yardstick : (n,)  complete-data standard errors
    """
    if len(x) - 1 < LEAST_SMOOTHING:
        return False
    known = informed(yardstick)
    precise = monte_carlo_error(x)[known] < tolerance * yardstick[known]
    return bool(precise.all() and (np.abs(drift(x)[known]) < CRITICAL).all())
