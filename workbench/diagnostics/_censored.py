r"""Values in the place of observations that are known only to be below a limit.

For an observation below its limit of quantification the model gives the probability
:math:`p_{LOQ} = P(y < LOQ)`. Its prediction discrepancy is drawn from U(0, p_LOQ), and the value
is the quantile of the simulated observations there. Simulated values below the limit are replaced
in the same way, so that under the model both have one distribution. (The method "cdf" of Nguyen,
Comets & Mentré 2012, J Pharmacokinet Pharmacodyn 39:499.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.errors import OptionError

Floats = NDArray[np.float64]

_PURPOSE = 17  # of the random numbers, beside those of the simulation


@dataclass(frozen=True, slots=True)
class Imputed:
    """Observations (n_obs,) and simulations (K, n_obs) without gaps.

    Attributes
    ----------
    pd : (n_obs,)  the prediction discrepancies drawn; NaN where nothing was censored
    """

    observed: Floats
    simulated: Floats
    pd: Floats


def impute_above(
    observed: Floats,
    simulated: Floats,
    censored: NDArray[np.bool_],
    limit: Floats | float | None,
    *,
    seed: int = 0,
) -> Imputed:
    """Return the data with a value drawn for everything above its upper limit: the mirror image.

    Parameters are those of `impute`.
    """
    mirrored = None if limit is None else -np.asarray(limit, float)
    done = impute(-observed, -simulated, censored, mirrored, seed=seed, purpose=_PURPOSE + 1)
    return Imputed(-done.observed, -done.simulated, 1.0 - done.pd)


def impute(
    observed: Floats,
    simulated: Floats,
    censored: NDArray[np.bool_],
    limit: Floats | float | None,
    *,
    seed: int = 0,
    purpose: int = _PURPOSE,
) -> Imputed:
    """Return the data with a value drawn for everything below its limit.

    Parameters
    ----------
    observed : (n_obs,)  what stands at censored observations is not used
    simulated : (K, n_obs)
    censored : (n_obs,)
    limit : (n_obs,) or one for all; NaN where there is none. Give the limits of the observations
        above them too: simulated values are censored where observed ones would have been
    seed, purpose : of the random numbers

    Raises
    ------
    OptionError
        A censored observation has no limit, or shapes do not fit.
    """
    censored = np.asarray(censored, dtype=bool)
    if limit is None or censored.shape != observed.shape:
        raise OptionError(
            f"Censored observations need a mark for each of the {len(observed)} observations and "
            "their limit."
        )
    limits = np.array(np.broadcast_to(np.asarray(limit, float), observed.shape))
    if np.isnan(limits[censored]).any():
        first = int(np.flatnonzero(censored & np.isnan(limits))[0])
        raise OptionError(f"Observation {first + 1} is censored, but has no limit.")
    replicates = len(simulated)
    generator = np.random.Generator(np.random.Philox(key=[seed, purpose]))
    uniform = generator.uniform(size=len(observed))
    y, completed, pd = observed.copy(), simulated.copy(), np.full(len(observed), np.nan)
    middles = (np.arange(replicates) + 0.5) / replicates
    for j in np.flatnonzero(~np.isnan(limits)):
        below = simulated[:, j] < limits[j]
        share = float(below.mean())
        ordered = np.sort(simulated[:, j])
        drawn = share * generator.uniform(size=int(below.sum()))
        completed[below, j] = np.interp(drawn, middles, ordered)
        if censored[j]:
            pd[j] = share * uniform[j]
            y[j] = np.interp(pd[j], middles, ordered)
    return Imputed(y, completed, pd)
