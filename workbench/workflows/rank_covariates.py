"""Which effects of covariates one fit points at, before any other is made."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbench.arguments import checked_seed, whole_number
from workbench.diagnostics import table as diagnostic
from workbench.errors import EstimationError, OptionError
from workbench.results import FitResult, check_fit
from workbench.workflows._candidates import Candidate, Candidates, checked_candidates
from workbench.workflows.covariate_candidates import covariate_candidates

DRAWS = 20
COLUMNS = ["rank", "parameter", "covariate", "kind", "test", "statistic", "p", "n", "draws", "note"]


def rank_covariates(
    fit: FitResult, candidates: Candidates | None = None, *, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    r"""Order parameters × covariates by how much the random effects still depend on them.

    Draws of eta from the conditional distributions of one fit are tested against each covariate,
    Pearson's correlation or one-way analysis of variance (the diagnostic ``covariate_tests`` has
    the formulas); the smallest p comes first. It is the order in which COSSAC tries candidates
    (Ayral, Si Abdallah, Magnard & Chauvin 2021, CPT Pharmacometrics Syst Pharmacol 10:318). It
    tells where to look: p are of random effects, one at a time, and take no account of
    correlated covariates; `scm` tests by likelihood.

    Parameters
    ----------
    fit : of the model without the candidates
    candidates : parameter → effects, as in `scm`; None for what `covariate_candidates` proposes
    draws : per subject; 0 tests the empirical Bayes estimates, which mislead where they shrink
    seed : of the draws

    Returns
    -------
    DataFrame
        rank (from 1), parameter, covariate, kind (continuous, categorical), test, statistic, p,
        n, draws, note. Where there is no p (a parameter without random effect, a covariate that
        changes within subjects) the rows come last, with the reason as note.

    Raises
    ------
    EstimationError
        The fit failed.
    OptionError, UnknownNameError, ModelError, DataError
        As in `scm`; or the fit has no random effects.
    """
    check_fit(fit, "fit")
    whole_number("draws", draws)
    checked_seed(seed)
    if fit.verdict == "failed":
        raise EstimationError(
            f"The fit failed, so its random effects say nothing: {' '.join(fit.reasons)}"
        )
    if candidates is None and not fit.final_model.etas:
        raise OptionError(
            f"The fit (by {fit.method}) has no random effects, and covariates are ranked by them. "
            'Fit the model with random effects, by method="focei", say.'
        )
    if candidates is None:
        candidates = covariate_candidates(fit.final_model, fit.data)
    tried = checked_candidates(fit.final_model, fit.data, candidates)
    return ranking(fit, tried, draws, seed)


def ranking(fit: FitResult, tried: Sequence[Candidate], draws: int, seed: int) -> pd.DataFrame:
    """Return the table of `rank_covariates` for candidates that are checked."""
    places = list(dict.fromkeys(candidate.place for candidate in tried))
    asked = pd.DataFrame(places, columns=["parameter", "covariate"])
    tests = diagnostic("covariate_tests", fit, draws=draws, seed=seed)
    found = asked.merge(tests, how="left", on=["parameter", "covariate"])
    untested = found["test"].isna()
    found.loc[untested, "note"] = "the parameter has no random effect"
    changes = untested & found["covariate"].isin(fit.data.time_varying)
    found.loc[changes, "note"] = "the covariate changes within subjects"
    found = found.sort_values("p", kind="stable", na_position="last", ignore_index=True)
    found.insert(0, "rank", range(1, len(found) + 1))
    return found[COLUMNS]
