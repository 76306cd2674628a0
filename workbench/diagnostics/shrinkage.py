"""How far the individual estimates shrink towards the population."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.diagnostics._base import Diagnostic

if TYPE_CHECKING:
    from workbench.results import FitResult

Row = tuple[str, str, float, float, str]
COLUMNS = ("parameter", "definition", "shrinkage_sd", "shrinkage_var", "formula")

#: Formula of the variance version by definition; the SD version is 1 - sqrt(1 - that).
FORMULAS = {
    "ebe": "1 - Σ(η̂ - mean η̂)² / (N - 1) / ω²",
    "ebe_population": "1 - Σ(η̂ - mean η̂)² / N / ω²",
    "ebe_about_zero": "1 - Σ η̂² / N / ω²",
    "ebv": "mean of [(Σ w g gᵀ + Ω⁻¹)⁻¹] at η̂ / ω²",
    "ebv_sampled": "mean of the sampled Var(η | y) / ω²",
    "predicted": "mean of [(Σ w g gᵀ + Ω⁻¹)⁻¹] over η ~ N(0, Ω) / ω²",
    "predicted_at_zero": "mean of [(Gᵀ R⁻¹ G + Ω⁻¹)⁻¹] at η = 0 / ω²",
    "iwres": "1 - Σ IWRES² / n",
    "iwres_centred": "1 - Σ(IWRES - mean IWRES)² / (n - 1)",
}


def table(fit: FitResult) -> pd.DataFrame:
    r"""Return one row per random effect (and residual error) and definition.

    Columns: parameter, definition, shrinkage_sd, shrinkage_var (percent), formula. The formula is
    that of shrinkage_var; the SD version is 1 - sqrt(1 - that). Definitions of eta-shrinkage:

    - "ebe": from the EBEs about their mean, divisor N - 1: the fit's, and NONMEM's ETASHRINKSD
      and ETASHRINKVR (Savic & Karlsson 2009, AAPS J. 11:558);
    - "ebe_population": the same with divisor N; "ebe_about_zero": about 0, where the model says
      that the mean is;
    - "ebv": the mean conditional variance over :math:`\omega^2` (NONMEM's EBVSHRINKVR), from the
      Hessian at the modes, or as sampled by the method ("ebv_sampled"). What the EBEs lack in
      variance is in their uncertainty: in a linear model both agree on average;
    - "predicted", "predicted_at_zero": what design and parameters lead one to expect, without any
      observed value; see `FitResult.predicted_shrinkage` (Combes et al. 2013, Pharm Res 30:2355).
      A realised shrinkage far above it says that omega is too large, or the fit bad.

    Of the residual error ("epsilon", and "epsilon[cp]" of one of several outputs):
    "iwres" about 0 (NONMEM's EPSSHRINKSD) and "iwres_centred". Above some 30 % plots of EBEs or
    IPRED mislead: they show the population more than the subjects.
    """
    rows = [*_etas(fit), *_epsilons(fit)]
    words = dict.fromkeys(COLUMNS, object)
    numbers = {"shrinkage_sd": float, "shrinkage_var": float}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({**words, **numbers})


def _etas(fit: FitResult) -> Iterator[Row]:
    names = [str(name) for name in fit.etas.columns]
    if not names:
        return
    eta, omega = fit.etas.to_numpy(float), np.diag(fit.omega.loc[names, names].to_numpy(float))
    usable = np.where(omega > 0, omega, np.nan)
    conditional = fit.conditional_variances().to_numpy(float).mean(axis=0) / usable
    predicted = fit.predicted_shrinkage()
    found = {
        "ebe_population": 1 - eta.var(axis=0) / usable,
        "ebe_about_zero": 1 - (eta**2).mean(axis=0) / usable,
        "ebv_sampled" if len(fit.eta_sd) else "ebv": conditional,
        "predicted": predicted["eta_simulated"].to_numpy(float),
        "predicted_at_zero": predicted["eta_zero"].to_numpy(float),
    }
    for k, name in enumerate(names):
        sd, variance = (float(fit.shrinkage[kind].loc[name]) for kind in ("sd", "variance"))
        yield name, "ebe", sd, variance, FORMULAS["ebe"]
        for definition, share in found.items():
            yield name, definition, *_percent(float(share[k])), FORMULAS[definition]


def _epsilons(fit: FitResult) -> Iterator[Row]:
    iwres = fit.predictions["IWRES"].to_numpy(float)
    groups = {"epsilon": np.ones(len(iwres), dtype=bool)}
    if "ENDPOINT" in fit.predictions:
        of = fit.predictions["ENDPOINT"].to_numpy(object)
        groups |= {f"epsilon[{name}]": of == name for name in dict.fromkeys(of)}
    for name, rows in groups.items():
        seen = iwres[rows & np.isfinite(iwres)]
        about_zero = 1 - float(np.mean(seen**2)) if len(seen) else np.nan
        centred = 1 - float(np.var(seen, ddof=1)) if len(seen) > 1 else np.nan
        for definition, share in (("iwres", about_zero), ("iwres_centred", centred)):
            yield name, definition, *_percent(share), FORMULAS[definition]


def _percent(share: float) -> tuple[float, float]:
    """Return the SD and the variance version in percent, given that of the variance."""
    return 100 * (1 - float(np.sqrt(max(1 - share, 0.0)))), 100 * share


DIAGNOSTIC = Diagnostic(name="shrinkage", title="Shrinkage", table=table)
