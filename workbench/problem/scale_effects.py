r"""What a bound problem knows of random effects on its residual errors.

The SD of an observation is :math:`\mathrm{SD}(f, \sigma)\, e^{\eta}` with eta that of its output's
error (`core.scale_effects`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.core.packed import Subjects
from workbench.core.residuals import FIRST_SIGMA, SCALED, SIGMA_WIDTH, V_F, V_FF, V_FS, V_S, V
from workbench.problem.endpoints import Endpoint

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class WithScaleEffects:
    """The part of `Problem` that deals with random effects on residual errors."""

    n_obs: int
    subjects: Subjects
    endpoints: tuple[Endpoint, ...]
    eta_index: Ints
    _scaled: Ints

    @property
    def is_scaled(self) -> bool:
        """Whether some residual error has a random effect."""
        return bool((self._scaled >= 0).any())

    @property
    def scaling_eta(self) -> Ints:
        """Number of the random effect on each observation's error, (n_obs,); -1 without one."""
        out = np.full(self.n_obs, -1, dtype=np.int64)
        for endpoint in self.endpoints:
            direction = self._scaled[endpoint.number]
            if direction >= 0:
                out[endpoint.rows] = self.eta_index[direction]
        return out

    def scale(self, eta: Floats) -> Floats:
        r"""Return the factors :math:`e^\eta` on the SDs, (..., n_obs).

        Parameters
        ----------
        eta : (..., n_sub, n_eta)
        """
        log = np.zeros((*eta.shape[:-2], self.n_obs))
        if self.is_scaled:
            which = self.scaling_eta
            rows = np.flatnonzero(which >= 0)
            who = np.repeat(np.arange(eta.shape[-2]), np.diff(self.subjects.obs_start))
            log[..., rows] = eta[..., who[rows], which[rows]]
        return np.asarray(np.exp(log))

    def scale_table(self, table: Floats, eta: Floats | None) -> Floats:
        """Return the residual-error table with the variances at `eta`; at 0 without it."""
        if not self.is_scaled:
            return table
        out = table.copy()
        for endpoint in self.endpoints:
            out[endpoint.rows, SCALED] = self._scaled[endpoint.number] + 1
        if eta is not None:
            square = self.scale(eta)[:, None] ** 2
            out[:, [V, V_F, V_FF]] *= square
            out[:, FIRST_SIGMA + V_S :: SIGMA_WIDTH] *= square
            out[:, FIRST_SIGMA + V_FS :: SIGMA_WIDTH] *= square
        return out
