"""Search among 8 covariates on 4 parameters where two effects were simulated.

``python -m benchmarks.scm [--subjects 60] [--seed 1]`` prints the search, its time and what the
ranking by draws of the first fit would have said.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable

import numpy as np
import pandas as pd

import workbench as wb
from workbench.data.dataset import Dataset

TRUTH = {("cl", "CRCL"), ("v1", "WT")}
TIMES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
OMEGA_SD = {"cl": 0.25, "v1": 0.2, "q": 0.3, "v2": 0.25}


def model() -> wb.Model:
    """Return the model without covariates, started near the truth."""
    typical = {"cl": 4.0, "v1": 12.0, "q": 5.0, "v2": 25.0}
    parameters = {name: wb.LogNormal(value, iiv=0.3) for name, value in typical.items()}
    return wb.Model(
        "pk_2cmt_iv",
        parameters,
        error=wb.error.Proportional(0.15),
    )


def covariates(n_sub: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw eight covariates; height goes with weight, albumin and AST with nothing."""
    weight = 72 * np.exp(0.2 * rng.standard_normal(n_sub))
    return pd.DataFrame(
        {
            "ID": np.arange(1, n_sub + 1),
            "WT": weight,
            "HT": 172 * (weight / 72) ** 0.15 * np.exp(0.03 * rng.standard_normal(n_sub)),
            "AGE": rng.uniform(20, 80, n_sub),
            "CRCL": 90 * np.exp(0.3 * rng.standard_normal(n_sub)),
            "ALB": 40 * np.exp(0.1 * rng.standard_normal(n_sub)),
            "AST": 30 * np.exp(0.4 * rng.standard_normal(n_sub)),
            "SEX": np.where(rng.random(n_sub) < 0.5, "F", "M"),
            "RACE": rng.choice(["A", "B", "C"], n_sub, p=[0.6, 0.25, 0.15]),
        }
    )


def data(n_sub: int, seed: int) -> Dataset:
    """Simulate cl ~ (CRCL/90)^0.6 and v1 ~ (WT/70)^1."""
    rng = np.random.default_rng(seed)
    known = covariates(n_sub, rng)
    z = {name: np.exp(sd * rng.standard_normal(n_sub)) for name, sd in OMEGA_SD.items()}
    cl = 4 * (known["CRCL"] / 90) ** 0.6 * z["cl"]
    v1, q, v2 = 12 * (known["WT"] / 70) * z["v1"], 5 * z["q"], 25 * z["v2"]
    rows = []
    for i, who in enumerate(known["ID"]):
        k, k12, k21 = cl[i] / v1[i], q[i] / v1[i], q[i] / v2[i]
        total = k + k12 + k21
        root = np.sqrt(total**2 - 4 * k * k21)
        fast, slow = (total + root) / 2, (total - root) / 2
        first = (fast - k21) / (fast - slow)
        t = np.array(TIMES)
        f = 100 / v1[i] * (first * np.exp(-fast * t) + (1 - first) * np.exp(-slow * t))
        y = f * (1 + 0.1 * rng.standard_normal(len(t)))
        rows.append({"ID": who, "TIME": 0.0, "DV": np.nan, "AMT": 100.0, "EVID": 1})
        rows += [
            {"ID": who, "TIME": at, "DV": value, "AMT": 0.0, "EVID": 0}
            for at, value in zip(t, y, strict=True)
        ]
    return wb.read_dataset(pd.DataFrame(rows).merge(known, on="ID"), name="8 covariates")


def main(arguments: Iterable[str] | None = None) -> int:
    """Search once and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(None if arguments is None else list(arguments))
    simulated = data(given.subjects, given.seed)
    base = wb.fit(model(), simulated)
    candidates = wb.covariate_candidates(model(), simulated)
    began = time.perf_counter()
    search = wb.scm(model(), simulated, candidates, start=base)
    seconds = time.perf_counter() - began
    print(search)
    began = time.perf_counter()
    few = wb.scm(model(), simulated, candidates, start=base, top=4)
    print(f"\ntop=4: {few.sentence}")
    print(f"{len(few.ladder)} rows in {time.perf_counter() - began:.1f} s")
    found = {candidate.place for candidate in search.included}
    print(f"\n{len(search.ladder)} rows in {seconds:.1f} s ({base.seconds:.2f} s the first fit)")
    print(f"found {sorted(found)}; simulated {sorted(TRUTH)}")
    print(wb.rank_covariates(base, candidates).head(8).to_string(index=False))
    return 0 if found == TRUTH else 1


if __name__ == "__main__":
    raise SystemExit(main())
