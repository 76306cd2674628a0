"""The rules that dose rows must keep: amounts, rates, steady state, additional doses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.data.draft import Draft
from workbench.data.findings import NOTE, WARNING, Findings, first_value, not_in

MAX_ADDL = 10_000
MAX_RECORDS = 10_000_000
SAME_DURATION = 1e-3  # relative difference of AMT / RATE and a given duration that is rounding


def amount_column(draft: Draft, findings: Findings) -> None:
    """Where anything speaks of doses, there is a column AMT."""
    if draft.has("AMT"):
        if not np.any(draft.is_dose):
            findings.add(NOTE, "AMT", "There is no dose in the data.")
        return
    advice = 'Name the column of amounts: columns={"AMT": "…"}.'
    said = draft.is_dose.copy()
    for name in ("RATE", "TINF", "II", "ADDL", "SS"):
        said |= draft.filled(name) != 0
    text = "There is no column AMT, but EVID, RATE, TINF, II, ADDL or SS speaks of doses"
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
        "AMT is missing on a dose row (EVID 1 or 4)",
        draft.is_dose & np.isnan(amt) & ~draft.is_constant,
        "Give the amount, or set EVID to 0 if the row is an observation.",
    )
    findings.refuse("AMT", "AMT is negative", amt < 0, "Amounts are 0 or more.")
    zero = draft.is_dose & (amt == 0) & (draft.rate == 0) & (draft.filled("SS") == 0)
    text = "The dose is 0: it has no effect."
    findings.add(WARNING, "AMT", text, zero & (draft.evid == 1))
    text = "The dose is 0: the row is a mere reset (EVID 3)."
    findings.add(WARNING, "AMT", text, zero & (draft.evid == 4))


def amount_on_dose_rows(draft: Draft, findings: Findings) -> None:
    """A row is a dose or an observation, never both."""
    amount = draft.filled("AMT") > 0
    findings.refuse(
        "AMT",
        "AMT is given on a row that is no dose (EVID 0 or 2)",
        amount & np.isin(draft.evid, (0, 2)),
        "Set EVID to 1, or AMT to 0. A dose and an observation at one time are two rows.",
    )
    findings.refuse(
        "AMT",
        "AMT is given on a reset row (EVID 3)",
        amount & (draft.evid == 3),
        "A reset with a dose is EVID 4.",
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


def infusion_rate(draft: Draft, findings: Findings) -> None:
    """RATE is positive, 0 (bolus), -1 or -2 (modelled), and stands on doses only."""
    rate = draft.filled("RATE")
    negative = (rate < 0) & ~np.isin(rate, (-1, -2))
    findings.refuse(
        "RATE",
        f"RATE is negative ({first_value(rate, negative)})",
        negative,
        "RATE is above 0 (infusion), 0 (bolus), -1 (the rate is a parameter) or -2 (the duration "
        "is a parameter).",
    )
    alone = (rate != 0) & ~negative & ~(draft.filled("AMT") > 0) & ~draft.is_constant
    if draft.has("AMT"):
        advice = (
            "An infusion needs AMT and RATE on the same row (only an endless infusion at steady "
            "state, with SS 1 and RATE, is without AMT)."
        )
        findings.refuse("RATE", "RATE is given without an AMT", alone, advice)


def infusion_duration(draft: Draft, findings: Findings) -> None:
    """TINF is the duration of an infusion; RATE on the same row says the same."""
    if not draft.has("TINF"):
        return
    duration, rate, amount = draft.filled("TINF"), draft.filled("RATE"), draft.filled("AMT")
    findings.refuse("TINF", "TINF is negative", duration < 0, "It is the infusion's duration.")
    told = (duration > 0) & draft.is_dose
    if draft.has("AMT"):
        advice = "An infusion needs AMT and TINF (or RATE) on the same row."
        findings.refuse("TINF", "TINF is given without an AMT", told & ~(amount > 0), advice)
    findings.refuse(
        "TINF",
        f"TINF gives the duration that RATE {first_value(rate, told & (rate < 0))} leaves to the "
        "model",
        told & (rate < 0),
        "Set TINF to 0 (modelled), or RATE to 0 (the duration in TINF).",
    )
    both = told & (rate > 0) & (amount > 0)
    differs = both & (np.abs(rate * duration - amount) > SAME_DURATION * amount)
    if differs.any():
        k = int(np.flatnonzero(differs)[0])
        text = f"RATE and TINF contradict each other (AMT / RATE = {amount[k] / rate[k]:g}, "
        advice = "Correct one of them, or set it to 0."
        findings.refuse("TINF", f"{text}TINF = {duration[k]:g})", differs, advice)
    stray = (duration > 0) & ~draft.is_dose
    findings.add(NOTE, "TINF", "The row is no dose: its TINF is not used.", stray)
    if told.any():
        text = "Infusions by TINF: RATE = AMT / TINF."
        findings.add(NOTE, "TINF", text)


def steady_state(draft: Draft, findings: Findings) -> None:
    """SS stands on doses, with II; an endless infusion (RATE without AMT) has none."""
    ss, ii, rate = draft.filled("SS"), draft.filled("II"), draft.rate
    wrong = not_in(ss, (0, 1, 2))
    findings.refuse(
        "SS",
        f"SS is not 0, 1 or 2 ({first_value(ss, wrong)})",
        wrong,
        "SS is 0, 1 (steady state: earlier doses are forgotten) or 2 (on top of them). Rename the "
        "column if it is something else.",
    )
    if not draft.has("AMT"):
        return
    steady = (ss > 0) & ~wrong
    stray = steady & ~draft.is_dose
    advice = "Set SS to 0, or EVID to 1 if the row is a dose."
    findings.refuse("SS", "SS is given on a row that is no dose", stray, advice)
    steady &= draft.is_dose
    given = draft.filled("AMT") > 0
    findings.refuse(
        "SS",
        "SS (steady state) is given without II, the time between the doses",
        steady & given & (ii == 0),
        "Give II. An infusion that has gone on for ever has RATE, AMT 0 and II 0.",
    )
    findings.refuse(
        "SS",
        "SS and II are given without an AMT",
        steady & draft.is_constant & (ii > 0),
        "Repeated doses need AMT; an infusion that has gone on for ever has RATE and II 0.",
    )
    findings.refuse(
        "SS",
        "SS is given on a dose without AMT and RATE",
        steady & ~given & (rate == 0),
        "Give AMT and II (repeated doses) or RATE (an infusion that has gone on for ever).",
    )


def additional_doses(draft: Draft, findings: Findings) -> None:
    """ADDL is a whole number of doses, II the time between them."""
    addl, ii = draft.filled("ADDL"), draft.filled("II")
    findings.refuse("II", "II is negative", ii < 0, "II is the time between doses.")
    wrong = (addl < 0) | (np.mod(addl, 1) != 0)
    text = f"ADDL is not a whole number of doses ({first_value(addl, wrong)})"
    findings.refuse("ADDL", text, wrong, "ADDL counts the doses after the first: 0, 1, 2 …")
    advice = "Give II, the time between the doses, or set ADDL to 0."
    findings.refuse("ADDL", "ADDL is given without II", (addl > 0) & (ii == 0), advice)
    if draft.has("AMT"):
        stray = (addl > 0) & ~draft.is_dose
        findings.refuse("ADDL", "ADDL is given on a row that is no dose", stray, "Set it to 0.")
    huge = addl > MAX_ADDL
    text = f"ADDL is above {MAX_ADDL} ({first_value(addl, huge)})"
    findings.refuse("ADDL", text, huge, "Check the number; only doses up to the last row matter.")
    if float(np.sum(np.clip(addl, 0, MAX_ADDL))) > MAX_RECORDS:
        findings.refuse("ADDL", f"ADDL adds more than {MAX_RECORDS} doses in all")
    idle = (ii > 0) & (addl == 0) & (draft.filled("SS") == 0)
    findings.add(NOTE, "II", "II has no effect: ADDL is 0.", idle)


def compartments(draft: Draft, findings: Findings) -> None:
    """CMT is a number, 0 (the default compartment) or more, or a name."""
    cmt, place = draft.filled("CMT"), draft.compartment
    negative = cmt < 0
    if place.dtype == object:
        negative |= pd.Series(place).str.startswith("-").to_numpy(dtype=bool)
    shown = str(place[negative][0]).removesuffix(".0") if negative.any() else ""
    findings.refuse(
        "CMT",
        f"CMT is negative ({shown})",
        negative,
        "In NONMEM this turns a compartment off, which is not supported: compartments are "
        "numbered 1, 2, 3 …; 0 is the default.",
    )
    wrong = ((np.mod(cmt, 1) != 0) | (cmt > 1000)) & ~negative
    text = f"CMT is not a compartment number ({first_value(cmt, wrong)})"
    advice = "Compartments are numbered 1, 2, 3 … or named; 0 is the default."
    findings.refuse("CMT", text, wrong, advice)
