"""Where a new observation is to be expected, from the individual predictions and their error."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from workbench.problem.endpoints import Endpoint

Floats = NDArray[np.float64]

POINTS = 10  # values of the error that go with each draw of eta, where etas are mixed


def prediction_interval(
    endpoint: Endpoint,
    prediction: Floats,
    sigma: Floats,
    level: float,
    scale: Floats | float = 1.0,
) -> tuple[Floats, Floats]:
    r"""Return lower and upper limit of a new observation at each point, each (n_points,).

    With one prediction a point, they are the quantiles of

    .. math:: y = h^{-1}\bigl(h(f) + \sqrt{v(f)}\, z\bigr), \quad z \sim N(0, 1)

    (z of Student's t distribution where the error has it).

    With several (one for each of D draws of eta) they are the quantiles of the mixture: draw d goes
    with the `POINTS` quantiles of z at (m + (d + 1/2) / D) / POINTS, m = 0, 1 …

    Parameters
    ----------
    prediction : (n_draws, n_points)
    sigma : (n_sigma,)  residual parameters of all outputs
    level : probability of the interval, such as 0.9
    scale : (n_draws, n_points)  factor on the SD, of a random effect on it
    """
    flat = np.ascontiguousarray(prediction.ravel())
    with np.errstate(invalid="ignore"):
        sd = endpoint.sd(flat, sigma) * np.broadcast_to(scale, prediction.shape).ravel()
    tail = 0.5 * (1.0 - level)
    if len(prediction) == 1:
        z = _normal_quantile(np.array([tail]))[0]
        lower, upper = (
            endpoint.observed(flat, np.full(len(flat), s * z), sd, sigma) for s in (1.0, -1.0)
        )
        return lower, upper
    n_draws, n_points = prediction.shape
    place = (np.arange(n_draws) + 0.5) / n_draws
    z = _normal_quantile((np.add.outer(np.arange(POINTS), place) / POINTS).ravel())
    error = np.repeat(z.reshape(POINTS, n_draws), n_points, axis=1)
    mixed = np.array([endpoint.observed(flat, one, sd, sigma) for one in error])
    mixed = mixed.reshape(POINTS * n_draws, n_points)
    lower, upper = np.quantile(mixed, [tail, 1.0 - tail], axis=0)
    return lower, upper


def _normal_quantile(probability: Floats) -> Floats:
    """Return standard normal quantiles."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(p)) for p in probability])
