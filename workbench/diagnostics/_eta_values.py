"""The random effects that tests look at: empirical Bayes estimates, or conditional draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.arguments import checked_seed, whole_number

if TYPE_CHECKING:
    from workbench.results import FitResult

Floats = NDArray[np.float64]


def eta_values(fit: FitResult, draws: int, seed: int) -> dict[str, Floats]:
    """Return the random effects by name, each (max(draws, 1), n_sub).

    Parameters
    ----------
    draws : from each subject's conditional distribution; 0 takes the empirical Bayes estimates
    seed : of the draws

    Raises
    ------
    OptionError
        `draws` or `seed` is no whole number from 0 on.
    """
    whole_number("draws", draws)
    checked_seed(seed)
    names = [str(name) for name in fit.etas.columns]
    if draws == 0 or not names:
        return dict(zip(names, fit.etas.to_numpy(float).T[:, None, :], strict=True))
    table = fit.draws(draws, seed=seed)
    return {name: table[name].to_numpy(float).reshape(-1, draws).T for name in names}


def testable(values: Floats, *, omega: float) -> str:
    """Return why a random effect cannot be tested; "" where it can.

    Parameters
    ----------
    values : (n_draws, n_sub)
    omega : its variance
    """
    if not omega > 0:
        return "ω is 0" if omega == 0 else "ω is not known"
    return "" if np.isfinite(values).all() else "some random effects are not finite"
