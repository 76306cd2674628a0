"""Several fits side by side: what each costs, how well it describes the data, which are nested."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import IncomparableError, OptionError
from workbench.results import FitResult
from workbench.workflows._comparable import EXACT, Run, make_run, why_incomparable
from workbench.workflows._run_words import data_in_short, differences, model_in_short
from workbench.workflows.likelihood_ratio import (
    LikelihoodRatioTest,
    likelihood_ratio_test,
    nested,
    tested,
    why_no_test,
)

CRITERIA = ("ofv", "aic", "bic", "bicc")
TEST_COLUMNS = (
    *("small", "large", "delta_ofv", "se", "df", "distribution"),
    *("p_value", "p_lower", "p_upper", "sentence"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Fits side by side.

    Attributes
    ----------
    table : one row per run (the index): model and data (in short), differs (in what, from the run
        before; "" for the first), method, likelihood (how -2LL was obtained), ofv, m2ll, m2ll_se
        (Monte Carlo), n_parameters, aic, bic, bicc, then
        delta_ofv, delta_aic, delta_bic and delta_bicc from the lowest of the runs that can be
        compared (missing for the others), condition_number, eta_shrinkage (the largest, % of the
        SD, with its parameter in eta_shrinkage_of), epsilon_shrinkage (%), verdict, seconds
    tests : one row per pair of nested runs, see `LikelihoodRatioTest`; where the test is refused
        the p-value is missing and `sentence` says why
    notes : sentences on what cannot be compared, and why
    fits : the fits by name
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    notes: tuple[str, ...]
    fits: dict[str, FitResult]

    def test(self, small: str, large: str) -> LikelihoodRatioTest:
        """Return the likelihood ratio test of two of the runs.

        Raises
        ------
        IncomparableError
            They cannot be tested; the message says why.
        OptionError
            There is no run of that name.
        """
        for name in (small, large):
            if name not in self.fits:
                raise OptionError(f"There is no run {name!r}. Runs: {', '.join(self.fits)}.")
        return likelihood_ratio_test(self.fits[small], self.fits[large], names=(small, large))

    def _shown(self) -> pd.DataFrame:
        """Columns that a summary shows."""
        names = ["model", "method", "likelihood", "ofv", "n_parameters", "aic", "bic", "bicc"]
        return self.table[[*names, "delta_ofv", "condition_number", "verdict"]]

    def __repr__(self) -> str:
        shown = self._shown().to_string(na_rep="–", float_format=lambda v: f"{v:.2f}")
        lines = [shown, *(f"note: {note}" for note in self.notes)]
        return "\n".join([*lines, *self.tests["sentence"]])

    def _repr_html_(self) -> str:
        shown = self._shown().to_html(na_rep="–", float_format=lambda v: f"{v:.2f}", border=0)
        notes = "".join(f"<br><i>{html.escape(note)}</i>" for note in self.notes)
        tests = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.tests["sentence"])
        return f"<div>{shown}{notes}<ul>{tests}</ul></div>"


def compare(fits: Sequence[FitResult], names: Sequence[str] | None = None) -> Comparison:
    """Put fits side by side.

    Differences are given among the runs whose -2LL can be compared: the same observations, by
    content, and -2LL obtained in the same way. Where there are several such groups it is the
    largest (of equal ones that of the first run); the others are named in `notes`.

    Parameters
    ----------
    fits : one or more
    names : what to call them; "1", "2", … by default

    Raises
    ------
    OptionError
        There is no fit, something is not a fit, or the names are not one for each, all different.
    """
    runs = _runs(fits, names)
    group, notes = _group(runs)
    before = [None, *runs[:-1]]
    rows = [_row(run, prior) for run, prior in zip(runs, before, strict=True)]
    table = pd.DataFrame(rows).set_index("run")
    members = [run.name for run in group]
    place = list(table.columns).index("condition_number")
    for k, name in enumerate(CRITERIA):
        values = table[name].where(table.index.isin(members))
        lowest = values.min() if members else np.nan
        table.insert(place + k, f"delta_{name}", values - lowest)
    return Comparison(table, _tests(runs), notes, {run.name: run.fit for run in runs})


def _runs(fits: Sequence[FitResult], names: Sequence[str] | None) -> list[Run]:
    fits = [fits] if isinstance(fits, FitResult) else list(fits)
    for fit in fits:
        if not isinstance(fit, FitResult):
            raise OptionError(f"compare takes fits of wb.fit, not {type(fit).__name__}.")
    if not fits:
        raise OptionError("There is no fit to compare: give a list, wb.compare([fit1, fit2]).")
    called = [str(k) for k in range(1, len(fits) + 1)] if names is None else [*map(str, names)]
    if len(called) != len(fits):
        raise OptionError(f"There are {len(fits)} fits, but {len(called)} names.")
    if len(set(called)) < len(called):
        raise OptionError(f"The names must differ: {', '.join(called)}.")
    return [make_run(name, fit) for name, fit in zip(called, fits, strict=True)]


def _group(runs: Sequence[Run]) -> tuple[list[Run], tuple[str, ...]]:
    """Return the runs that can be compared with each other, and sentences on the others."""
    notes = [
        f"{run.name}: no differences, the fit failed: {' '.join(run.fit.reasons)}"
        for run in runs
        if run.fit.verdict == "failed"
    ]
    usable = [run for run in runs if run.fit.verdict != "failed"]
    best: list[Run] = []
    reasons: dict[str, str] = {}
    # What is exact agrees with every method, but does not make the methods agree.
    references = [run for run in usable if run.fit.likelihood != EXACT] or usable
    for reference in references:
        why = {run.name: why_incomparable(reference, run) for run in usable}
        members = [run for run in usable if not why[run.name]]
        if len(members) > len(best):
            best, reasons = members, why
    notes += [f"{name}: no differences. {why}" for name, why in reasons.items() if why]
    notes += [
        f"{run.name}: the estimates weigh the data against priors; AIC and BIC take −2LL alone."
        for run in best
        if run.fit.penalty
    ]
    notes += [
        f"{run.name} was only evaluated, not fitted: it is compared as it stands."
        for run in best
        if not run.fit.estimated
    ]
    return best, tuple(notes)


def _row(run: Run, before: Run | None) -> dict[str, Any]:
    fit = run.fit
    shrinkage = fit.shrinkage["sd"].dropna()
    return {
        "run": run.name,
        "model": model_in_short(fit.final_model),
        "data": data_in_short(fit.data),
        "differs": "" if before is None else differences(before.fit, fit),
        "method": fit.method,
        "likelihood": fit.likelihood,
        "ofv": fit.ofv,
        "m2ll": fit.m2ll,
        "m2ll_se": fit.likelihood_se,
        "n_parameters": fit.n_parameters,
        "aic": fit.aic,
        "bic": fit.bic,
        "bicc": fit.bicc,
        "condition_number": fit.condition_number,
        "eta_shrinkage": float(shrinkage.max()) if len(shrinkage) else np.nan,
        "eta_shrinkage_of": str(shrinkage.idxmax()) if len(shrinkage) else "",
        "epsilon_shrinkage": fit.epsilon_shrinkage,
        "verdict": fit.verdict,
        "seconds": fit.seconds,
    }


def _tests(runs: Sequence[Run]) -> pd.DataFrame:
    """Test every pair of nested runs; a refusal is a row too."""
    rows = []
    for large in runs:
        for small in runs:
            if small is large or why_no_test(small, large):
                continue
            found = nested(small, large)
            if found.reason:
                continue
            row: dict[str, Any] = {"small": small.name, "large": large.name, "df": found.df}
            try:
                test = tested(small, large, found)
            except IncomparableError as problem:
                row |= {"sentence": str(problem)}
            else:
                row |= {
                    "delta_ofv": test.difference,
                    "se": test.se,
                    "distribution": test.distribution,
                    "p_value": test.p_value,
                    "p_lower": test.p_lower,
                    "p_upper": test.p_upper,
                    "sentence": test.sentence,
                }
            rows.append(row)
    return pd.DataFrame(rows, columns=list(TEST_COLUMNS))
