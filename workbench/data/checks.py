"""The rules a data set must keep: one small function each, listed in `RULES`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from workbench.data.draft import Draft, Floats, Mask
from workbench.data.findings import NOTE, WARNING, Findings
from workbench.data.numbers import to_numbers

MAX_ADDL = 10_000
MAX_RECORDS = 10_000_000

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


def _not_in(values: Floats, allowed: tuple[float, ...]) -> Mask:
    """Mark the given values that are none of the allowed ones."""
    return ~np.isnan(values) & ~np.isin(values, allowed)


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
    """EVID is 0, 1 or 2; resets (3, 4) are not supported yet."""
    evid = draft.evid
    wrong = _not_in(evid, (0, 1, 2, 3, 4))
    advice = "EVID is 0 (observation), 1 (dose) or 2 (other)."
    findings.refuse("EVID", f"EVID is not in 0…4 ({_first(evid, wrong)})", wrong, advice)
    resets = np.isin(evid, (3, 4))
    findings.refuse(
        "EVID",
        f"EVID {_first(evid, resets)} (reset) is not supported yet; found",
        resets,
        "Give the time after the reset to a subject of its own (another ID).",
    )


def mdv_known(draft: Draft, findings: Findings) -> None:
    """MDV is 0 or 1."""
    wrong = _not_in(draft.given["MDV"], (0, 1))
    text = f"MDV is neither 0 nor 1 ({_first(draft.given['MDV'], wrong)})"
    findings.refuse("MDV", text, wrong, "Write 0 where DV is an observation, else 1.")


def dv_given(draft: Draft, findings: Findings) -> None:
    """A row with MDV 0 has a DV."""
    wrong = (draft.evid == 0) & (draft.given["MDV"] == 0) & np.isnan(draft.given["DV"])
    advice = "Give the value, or set MDV to 1 if there was no measurement."
    findings.refuse("DV", "DV is missing although MDV is 0", wrong, advice)


def amount_column(draft: Draft, findings: Findings) -> None:
    """Where anything speaks of doses, there is a column AMT."""
    if draft.has("AMT"):
        if not np.any(draft.is_dose):
            findings.add(NOTE, "AMT", "There is no dose in the data.")
        return
    advice = 'Name the column of amounts: columns={"AMT": "…"}.'
    said = draft.is_dose.copy()
    for name in ("RATE", "II", "ADDL", "SS"):
        said |= draft.filled(name) != 0
    text = "There is no column AMT, but EVID, RATE, II, ADDL or SS speaks of doses"
    findings.refuse("AMT", text, said, advice)
    if not said.any():
        findings.add(NOTE, "AMT", "There is no column AMT: the data have no doses.")


def amount_given(draft: Draft, findings: Findings) -> None:
    """A dose has an amount that is not negative."""
    if not draft.has("AMT"):
        return
    amt = draft.given["AMT"]
    findings.refuse(
        "AMT",
        "AMT is missing on a dose row (EVID 1)",
        draft.is_dose & np.isnan(amt),
        "Give the amount, or set EVID to 0 if the row is an observation.",
    )
    findings.refuse("AMT", "AMT is negative", amt < 0, "Amounts are 0 or more.")
    zero = draft.is_dose & (amt == 0) & (draft.filled("RATE") == 0)
    findings.add(WARNING, "AMT", "The dose is 0: it has no effect.", zero)


def amount_on_dose_rows(draft: Draft, findings: Findings) -> None:
    """A row is a dose or an observation, never both."""
    amount = draft.filled("AMT") > 0
    findings.refuse(
        "AMT",
        "AMT is given on a row that is no dose (EVID 0 or 2)",
        amount & np.isin(draft.evid, (0, 2)),
        "Set EVID to 1, or AMT to 0. A dose and an observation at one time are two rows.",
    )
    undecided = np.isnan(draft.given["EVID"]) & (draft.given["MDV"] != 1)
    findings.refuse(
        "AMT",
        "Both AMT and DV are given",
        amount & undecided & (draft.filled("DV") != 0),
        "A row is a dose or an observation: write two rows, or add EVID (1 for the dose). "
        "If the column repeats the subject's dose on every row, it is a covariate, not AMT.",
    )
    told = draft.is_dose & (draft.filled("DV") != 0)
    findings.add(NOTE, "DV", "The row is a dose: its DV is not used.", told)


def rate_supported(draft: Draft, findings: Findings) -> None:
    """RATE is 0 or positive, and stands on dose rows only."""
    rate = draft.filled("RATE")
    modelled = np.isin(rate, (-1, -2))
    findings.refuse(
        "RATE",
        f"RATE {_first(rate, modelled)} (rate or duration estimated) is not supported yet; found",
        modelled,
        "Give the rate of the infusion as a number (RATE = AMT / duration).",
    )
    negative = (rate < 0) & ~modelled
    findings.refuse("RATE", "RATE is negative", negative, "Give 0 for a bolus.")
    alone = (rate > 0) & ~(draft.filled("AMT") > 0)
    if draft.has("AMT"):
        advice = "An infusion needs AMT and RATE on the same row."
        findings.refuse("RATE", "RATE is given without an AMT", alone, advice)


def steady_state(draft: Draft, findings: Findings) -> None:
    """Steady-state doses are not supported yet."""
    findings.refuse(
        "SS",
        "SS (dose at steady state) is not supported yet; found",
        draft.filled("SS") != 0,
        "Write the earlier doses out (ADDL and II), enough of them to reach steady state.",
    )


def additional_doses(draft: Draft, findings: Findings) -> None:
    """ADDL is a whole number of doses, II the time between them."""
    addl, ii = draft.filled("ADDL"), draft.filled("II")
    findings.refuse("II", "II is negative", ii < 0, "II is the time between doses.")
    wrong = (addl < 0) | (np.mod(addl, 1) != 0)
    text = f"ADDL is not a whole number of doses ({_first(addl, wrong)})"
    findings.refuse("ADDL", text, wrong, "ADDL counts the doses after the first: 0, 1, 2 …")
    advice = "Give II, the time between the doses, or set ADDL to 0."
    findings.refuse("ADDL", "ADDL is given without II", (addl > 0) & (ii == 0), advice)
    if draft.has("AMT"):
        stray = (addl > 0) & ~draft.is_dose
        findings.refuse("ADDL", "ADDL is given on a row that is no dose", stray, "Set it to 0.")
    huge = addl > MAX_ADDL
    text = f"ADDL is above {MAX_ADDL} ({_first(addl, huge)})"
    findings.refuse("ADDL", text, huge, "Check the number; only doses up to the last row matter.")
    if float(np.sum(np.clip(addl, 0, MAX_ADDL))) > MAX_RECORDS:
        findings.refuse("ADDL", f"ADDL adds more than {MAX_RECORDS} doses in all")
    idle = (ii > 0) & (addl == 0) & (draft.filled("SS") == 0)
    findings.add(NOTE, "II", "II has no effect: ADDL is 0.", idle)


def compartment_numbers(draft: Draft, findings: Findings) -> None:
    """CMT is a whole number, 0 (the default compartment) or more."""
    cmt = draft.filled("CMT")
    wrong = (np.mod(cmt, 1) != 0) | (cmt < 0) | (cmt > 1000)
    text = f"CMT is not a compartment number ({_first(cmt, wrong)})"
    findings.refuse("CMT", text, wrong, "Compartments are numbered 1, 2, 3 …; 0 is the default.")


def censoring(draft: Draft, findings: Findings) -> None:
    """CENS is 0 everywhere: censored observations are not supported yet."""
    cens = draft.given["CENS"]
    wrong = _not_in(cens, (0, 1))
    text = f"CENS is neither 0 nor 1 ({_first(cens, wrong)})"
    findings.refuse("CENS", text, wrong, "0: DV was measured; 1: DV is below the limit.")
    findings.refuse(
        "CENS",
        "CENS 1 (below the limit of quantification) is not supported yet, and such a row must "
        "not be fitted as if it had been measured; found",
        (cens == 1) & draft.is_observed,
        "Leave the row out with MDV 1 and keep in mind what that does to the estimates.",
    )
    if draft.has("LIMIT"):
        findings.add(NOTE, "LIMIT", "LIMIT is not used: no observation is censored.")


def one_endpoint(draft: Draft, findings: Findings) -> None:
    """Observations are all of one kind: several endpoints are not supported yet."""
    if draft.has("DVID"):
        numbers, words = to_numbers(draft.raw.columns["DVID"])
        labels = draft.raw.columns["DVID"] if words.any() else numbers
        kinds = pd.unique(pd.Series(labels[draft.is_observed]))
        if len(kinds) > 1:
            listed = ", ".join(str(kind).removesuffix(".0") for kind in kinds[:5])
            advice = "Keep the rows of one DVID (set MDV to 1 on the others)."
            text = f"DVID tells several endpoints apart ({listed}); this is not supported yet"
            findings.refuse("DVID", text, advice=advice)
            return
    places = np.unique(draft.filled("CMT")[draft.is_observed])
    if len(places) > 1:
        listed = ", ".join(f"{place:g}" for place in places[:5])
        text = f"Observations come from several compartments (CMT {listed}); not supported yet"
        findings.refuse("CMT", text, advice="Keep the observations of one CMT (MDV 1 on others).")


def some_observation(draft: Draft, findings: Findings) -> None:
    """There is something to fit."""
    if not draft.is_observed.any():
        n = int(np.sum(draft.is_dose))
        findings.refuse(
            "DV",
            f"There is no observation: of {draft.n} rows, {n} are doses and the others have "
            "no DV or MDV 1",
            advice="Observations are rows with EVID 0, MDV 0 and a DV.",
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
    keys |= {name: draft.given[name] for name in ("DV", "AMT", "CMT", "RATE")}
    if draft.has("DVID"):
        keys["dvid"] = draft.raw.columns["DVID"]
    frame = pd.DataFrame(keys)
    twice = frame.duplicated().to_numpy() & (draft.is_observed | draft.is_dose)
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


def _first(values: Floats, mask: Mask) -> str:
    """Return the first marked value, for a message."""
    return f"{values[mask][0]:g}" if mask.any() else ""


RULES: tuple[Rule, ...] = (
    time_given,
    evid_known,
    mdv_known,
    dv_given,
    amount_column,
    amount_given,
    amount_on_dose_rows,
    rate_supported,
    steady_state,
    additional_doses,
    compartment_numbers,
    censoring,
    one_endpoint,
    some_observation,
    sorted_by_subject,
    repeated_rows,
)
