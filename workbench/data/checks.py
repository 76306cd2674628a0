"""The rules a data set must keep: one small function each, listed in `RULES`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.data.dose_checks import (
    additional_doses,
    amount_column,
    amount_given,
    amount_on_dose_rows,
    compartments,
    infusion_duration,
    infusion_rate,
    steady_state,
)
from workbench.data.draft import Draft
from workbench.data.endpoints import observed_places
from workbench.data.findings import NOTE, WARNING, Findings, count, first_value, not_in

Rule = Callable[[Draft, Findings], None]


def run_checks(draft: Draft, findings: Findings) -> None:
    """Apply every rule, then refuse with all that was found.

    Raises
    ------
    DataError
        Lists up to five problems and counts all.
    """
    for rule in RULES:
        rule(draft, findings)
    findings.stop_if_refused()


def time_given(draft: Draft, findings: Findings) -> None:
    """TIME is there on every row, and not negative."""
    time = draft.given["TIME"]
    findings.refuse("TIME", "TIME is missing", np.isnan(time), "Give the time of every row.")
    findings.refuse(
        "TIME",
        "TIME is negative",
        time < 0,
        "Count from the subject's first record: add the same number to all of the subject's times.",
    )


def evid_known(draft: Draft, findings: Findings) -> None:
    """EVID is 0, 1, 2, 3 or 4."""
    evid = draft.evid
    wrong = not_in(evid, (0, 1, 2, 3, 4))
    advice = (
        "EVID is 0 (observation), 1 (dose), 2 (other), 3 (reset) or 4 (reset and dose). A dose "
        "given by another code (nlmixr2 has 101, 10101 …) is EVID 1 with CMT and RATE."
    )
    findings.refuse("EVID", f"EVID is not in 0…4 ({first_value(evid, wrong)})", wrong, advice)


def mdv_known(draft: Draft, findings: Findings) -> None:
    """MDV is 0 or 1."""
    wrong = not_in(draft.given["MDV"], (0, 1))
    text = f"MDV is neither 0 nor 1 ({first_value(draft.given['MDV'], wrong)})"
    findings.refuse("MDV", text, wrong, "Write 0 where DV is an observation, else 1.")


def dv_given(draft: Draft, findings: Findings) -> None:
    """A row with MDV 0 has a DV (a design needs none)."""
    if draft.design:
        return
    wrong = (draft.evid == 0) & (draft.given["MDV"] == 0) & np.isnan(draft.given["DV"])
    advice = "Give the value, or set MDV to 1 if there was no measurement."
    findings.refuse("DV", "DV is missing although MDV is 0", wrong, advice)


def _unused_flags(draft: Draft, findings: Findings) -> None:
    """Say where CENS marks a row that is no observation: it is not used there."""
    cens = draft.given["CENS"]
    marked = ~np.isnan(cens) & (cens != 0) & ~draft.is_observed & (not draft.design)
    text = (
        "CENS says that the value lies beyond a limit, but MDV is 1, so the row is left out, as M1 "
        "would do. Set MDV to 0, with the limit in DV, to use it by its likelihood (M3)."
    )
    findings.add(WARNING, "CENS", text, marked & (draft.evid == 0))
    text = "CENS is not used on a row that is not an observation."
    findings.add(WARNING, "CENS", text, marked & (draft.evid != 0))


def censoring(draft: Draft, findings: Findings) -> None:
    """CENS is 0, 1 or -1, its rows have their limit in DV, and LIMIT is on the other side of it."""
    cens, dv, limit = draft.given["CENS"], draft.given["DV"], draft.given["LIMIT"]
    wrong = not_in(cens, (0, 1, -1))
    text = f"CENS is neither 0, 1 nor -1 ({first_value(cens, wrong)})"
    meaning = "0: DV was measured; 1: the value is below DV; -1: it is above DV."
    findings.refuse("CENS", text, wrong, meaning)
    known = ~np.isnan(cens) & (cens != 0) & (draft.evid == 0)
    findings.refuse(
        "DV",
        "DV is missing though CENS says that the value lies beyond it",
        known & np.isnan(dv) & (draft.given["MDV"] != 1) & (not draft.design),
        "Write the limit of quantification in DV.",
    )
    _unused_flags(draft, findings)
    censored = known & draft.is_observed & (not draft.design)
    with np.errstate(invalid="ignore"):
        high = censored & (cens == 1) & (limit >= dv)
        low = censored & (cens == -1) & (limit <= dv)
    advice = "LIMIT is the other bound of the value; write '.' where there is none."
    text = "LIMIT is not below DV, though CENS 1 says that the value is below DV"
    findings.refuse("LIMIT", f"{text} ({first_value(limit, high)})", high, advice)
    text = "LIMIT is not above DV, though CENS -1 says that the value is above DV"
    findings.refuse("LIMIT", f"{text} ({first_value(limit, low)})", low, advice)
    for code, what in ((1, "below DV (CENS 1)"), (-1, "above DV (CENS -1)")):
        of_code = censored & (cens == code)
        n, between = int(of_code.sum()), int((of_code & ~np.isnan(limit)).sum())
        if n:
            more = f", {between} of them with the other bound in LIMIT" if between else ""
            findings.add(NOTE, "CENS", f"{count(n, 'value')} known only to be {what}{more}.")
    unused = ~np.isnan(limit) & ~censored & draft.is_observed
    if unused.any():
        text = f"LIMIT is not used on {count(int(unused.sum()), 'row')} that are not censored."
        findings.add(NOTE, "LIMIT", text)


def endpoints(draft: Draft, findings: Findings) -> None:
    """DVID, or the observations' CMT, tells endpoints apart on every observation or on none."""
    observed = draft.is_observed & (draft.evid == 0)
    column, labels, given = observed_places(draft)
    findings.refuse(
        column,
        f"{column} is missing on an observation, though it tells endpoints apart on others",
        observed & ~given,
        f"Give {column} on every observation, or on none.",
    )
    kinds = pd.unique(pd.Series(labels[observed & given], dtype=object))
    listed = ", ".join(f"{kind:g}" if isinstance(kind, float) else str(kind) for kind in kinds[:5])
    if len(kinds) > 1:
        more = " …" if len(kinds) > 5 else ""
        text = f"{column} tells {len(kinds)} endpoints apart: {listed}{more}."
        findings.add(NOTE if len(kinds) <= 5 else WARNING, column, text)
    places = pd.unique(pd.Series(draft.compartment[observed]))
    if column == "DVID" and len(kinds) == 1 and len(places) > 1:
        text = "The observations have different CMT but one DVID: they count as one endpoint."
        findings.add(WARNING, "CMT", text)


def some_observation(draft: Draft, findings: Findings) -> None:
    """There is something to fit (a design may be without, for curves alone)."""
    if draft.design:
        if not draft.is_observed.any():
            text = "There is no row with EVID 0 or 2: no time is given to predict at."
            findings.add(WARNING, "TIME", text)
        return
    if not draft.is_observed.any():
        n = int(np.sum(draft.is_dose))
        findings.refuse(
            "DV",
            f"There is no observation: of {draft.n} rows, {n} are doses and the others have "
            "no DV or MDV 1",
            advice="Observations are rows with EVID 0, MDV 0 and a DV. Read times to be "
            "simulated with design=True.",
        )


def sorted_by_subject(draft: Draft, findings: Findings) -> None:
    """The rows of a subject stand together (a file sorted by time alone is refused)."""
    n_blocks = int(draft.block[-1]) + 1
    n_ids = len(set(draft.ids.tolist()))
    time = draft.given["TIME"]
    if n_blocks > 2 * n_ids and n_ids > 1 and bool(np.all(np.diff(time) >= 0)):
        findings.refuse(
            "ID",
            f"The rows are sorted by TIME, not by subject ({n_ids} subjects in {n_blocks} blocks)",
            advice="Sort the rows by ID, then by TIME: a subject is a block of rows that stand "
            "together.",
        )


def repeated_rows(draft: Draft, findings: Findings) -> None:
    """Rows that say the same twice are pointed out."""
    keys = {"block": draft.block, "time": draft.given["TIME"], "evid": draft.evid}
    keys |= {name: draft.given[name] for name in ("DV", "AMT", "SS")}
    keys |= {"cmt": draft.compartment, "rate": draft.rate}
    if draft.has("DVID"):
        keys["dvid"] = draft.raw.columns["DVID"]
    frame = pd.DataFrame(keys)
    measured = draft.is_observed & ~np.isnan(draft.given["DV"])
    twice = frame.duplicated().to_numpy() & (measured | draft.is_dose)
    dose = twice & draft.is_dose
    text = "The row repeats an earlier dose of the subject (same time and amount): both are kept."
    findings.add(WARNING, "AMT", text, dose)
    text = "The row repeats an earlier observation (same time and DV): both are kept."
    findings.add(WARNING, "DV", text, twice & ~dose)
    doses = frame.loc[draft.is_dose, ["block", "time"]]
    same_time = np.zeros(draft.n, dtype=bool)
    same_time[draft.is_dose] = doses.duplicated().to_numpy()
    text = "Two doses of the subject have the same time: both are given, in file order."
    findings.add(NOTE, "AMT", text, same_time & ~dose)


RULES: tuple[Rule, ...] = (
    time_given,
    evid_known,
    mdv_known,
    dv_given,
    amount_column,
    amount_given,
    amount_on_dose_rows,
    infusion_rate,
    infusion_duration,
    steady_state,
    additional_doses,
    compartments,
    censoring,
    endpoints,
    some_observation,
    sorted_by_subject,
    repeated_rows,
)
