"""Truth recovered, option by option: ``python -m benchmarks.recovery [--out FILE]``.

For each option of the statistical model (distribution, occasions, covariates, residual error,
censoring) data sets are simulated at known values and fitted by FOCEI (Laplace where values are
censored) and SAEM, from starting values that are off by 1.3. The table gives truth, mean estimate,
mean standard error, SD of the estimates, and how often the 95 % interval holds the truth.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb

OFF = 1.3  # factor of the starting values
SAEM: dict[str, object] = {"likelihood": "linearisation", "covariance": "stochastic"}
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)
DOSE = 100.0


@dataclass(frozen=True, slots=True)
class Option:
    """What is simulated and fitted.

    Attributes
    ----------
    title : the option in words
    model : at the true values
    design : the columns ID, TIME, AMT, EVID and covariates
    data : from the simulated frame (with DV) to the data set of the fit
    methods : the estimators
    """

    title: str
    model: wb.Model
    design: pd.DataFrame
    data: Callable[[pd.DataFrame], wb.Dataset] = wb.read_dataset
    methods: tuple[str, ...] = ("focei", "saem")


def design(
    n: int, times: tuple[float, ...] = TIMES, doses: tuple[float, ...] = (0.0,)
) -> pd.DataFrame:
    """Return doses and sampling times; each dose is followed by the same times."""
    rows = []
    for i in range(1, n + 1):
        for occasion, dosed in enumerate(doses, 1):
            rows.append((i, dosed, np.nan, DOSE, 1, occasion))
            rows += [(i, dosed + t, np.nan, 0.0, 0, occasion) for t in times]
    return pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID", "OCC"])


def with_covariates(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a weight (40 to 110 kg) and a sex for each subject."""
    rng = np.random.default_rng(7)
    ids = frame["ID"].to_numpy()
    n = int(ids.max())
    weight, sex = np.round(rng.uniform(40, 110, n), 1), rng.permutation(np.arange(n) % 2)
    return frame.assign(WT=weight[ids - 1], SEX=sex[ids - 1])


def oral(**changes: object) -> wb.Model:
    """Return one compartment after a first-order absorption, with parts exchanged."""
    parameters = {
        "ka": wb.LogNormal(1.0, iiv=0.4),
        "cl": wb.LogNormal(4.0, iiv=0.3),
        "v": wb.LogNormal(40.0, iiv=0.25),
    }
    parameters.update({k: p for k, p in changes.items() if k in parameters})
    rest = {k: p for k, p in changes.items() if k not in parameters}
    rest.setdefault("error", wb.error.Proportional(0.15))
    return wb.Model(wb.pk(compartments=1, absorption="first_order"), parameters, **rest)


def bolus(**changes: object) -> wb.Model:
    """Return one compartment after a bolus, with parts exchanged."""
    parameters = {"cl": wb.LogNormal(4.0, iiv=0.3), "v": wb.LogNormal(40.0, iiv=0.25)}
    parameters.update({k: p for k, p in changes.items() if k in parameters})
    rest = {k: p for k, p in changes.items() if k not in parameters}
    rest.setdefault("error", wb.error.Proportional(0.15))
    return wb.Model(wb.pk(compartments=1), parameters, **rest)


@cache
def options() -> dict[str, Option]:
    """Return every option by name."""
    rich = design(40)
    covariates = with_covariates(design(60))
    cov = wb.covariate
    return {
        "full_omega": Option(
            "Ω: full block, correlations 0.5, 0.3 and 0.2",
            oral(correlations={("cl", "v"): 0.5, ("ka", "cl"): 0.3, ("ka", "v"): 0.2}),
            design(60),
        ),
        "power": Option(
            "Covariate: power of weight on CL and V",
            oral(
                cl=wb.LogNormal(4.0, iiv=0.3, covariates=[cov.Power("WT", 70, exponent=0.75)]),
                v=wb.LogNormal(40.0, iiv=0.25, covariates=[cov.Power("WT", 70, exponent=1.0)]),
            ),
            covariates,
        ),
        "categorical": Option(
            "Covariates: exponential of weight on CL, sex on V",
            oral(
                cl=wb.LogNormal(
                    4.0, iiv=0.3, covariates=[cov.Exponential("WT", 70, coefficient=0.01)]
                ),
                v=wb.LogNormal(
                    40.0, iiv=0.25, covariates=[cov.Categorical("SEX", 0, effects={"1": -0.3})]
                ),
            ),
            covariates,
        ),
        "power_error": Option(
            "Residual error: power", oral(error=wb.error.Power(0.25, exponent=0.6)), rich
        ),
        "combined1": Option(
            "Residual error: combined 1",
            oral(error=wb.error.Combined(additive=0.05, proportional=0.1, kind=1)),
            rich,
        ),
        "combined2": Option(
            "Residual error: combined 2",
            oral(error=wb.error.Combined(additive=0.05, proportional=0.1, kind=2)),
            rich,
        ),
        "lognormal": Option(
            "Residual error: log-normal", oral(error=wb.error.LogNormal(0.2)), rich
        ),
    }


def simulated(option: Option, replicate: int) -> wb.Dataset:
    """Return one data set."""
    frame = option.design.copy()
    made = wb.simulate(option.model, frame, seed=1000 + replicate)
    frame.loc[frame["EVID"] == 0, "DV"] = made["DV"].to_numpy()
    return option.data(frame)


def start_of(model: wb.Model) -> wb.Model:
    """Return the model with typical values and SDs of random effects off by a factor."""

    def moved(p: wb.Parameter) -> wb.Parameter:
        typical = p.typical if "typical" in p.fixed else p.typical * OFF
        return replace(p, typical=typical, iiv=p.iiv * OFF)

    return model.replace(parameters={name: moved(p) for name, p in model.parameters.items()})


def one(task: tuple[str, int]) -> list[dict[str, object]]:
    """Fit one data set by every method; one row per parameter and method."""
    name, replicate = task
    option = options()[name]
    data, start = simulated(option, replicate), start_of(option.model)
    truth = wb.evaluate(option.model, data, method=option.methods[0]).parameters["estimate"]
    rows: list[dict[str, object]] = []
    for method in option.methods:
        began = time.perf_counter()
        key = {"option": name, "replicate": replicate, "method": method}
        try:
            fit = wb.fit(start, data, method=method, seed=1, **(SAEM if method == "saem" else {}))
        except wb.errors.WorkbenchError as problem:
            rows.append({**key, "verdict": "failed", "why": str(problem)})
            continue
        seconds = time.perf_counter() - began
        for parameter, row in fit.parameters.iterrows():
            if parameter not in truth or row.get("fixed", False):
                continue
            true, known = truth[parameter], np.isfinite(row["se"])
            rows.append(
                {
                    **key,
                    "parameter": parameter,
                    "truth": true,
                    "estimate": row["estimate"],
                    "se": row["se"],
                    "covered": float(row["lower"] <= true <= row["upper"]) if known else np.nan,
                    "verdict": fit.verdict,
                    "seconds": seconds,
                }
            )
    return rows


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return truth, mean estimate, its Monte-Carlo error, mean SE, SD and coverage."""
    groups = rows.dropna(subset=["estimate"]).groupby(["option", "parameter", "method"], sort=False)
    sd = groups["estimate"].std()
    return pd.DataFrame(
        {
            "truth": groups["truth"].first(),
            "estimate": groups["estimate"].mean(),
            "mc": sd / np.sqrt(groups["estimate"].count()),
            "se": groups["se"].median(),
            "sd": sd,
            "covered": 100 * groups["covered"].mean(),
        }
    )


def section(name: str, rows: pd.DataFrame) -> list[str]:
    """Return the lines of one option."""
    option, result = options()[name], table(rows)
    lines = ["", f"## {option.title}", ""]
    each = rows.drop_duplicates(["replicate", "method"])
    said = []
    for method in option.methods:
        own = each[each["method"] == method]
        share = 100 * (own["verdict"] == "converged").mean()
        said.append(f"{method.upper()} {own['seconds'].median():.2f} s, {share:.0f} % converged")
    lines += ["Median time of a fit, and verdicts: " + "; ".join(said) + ".", ""]
    head = " | ".join(f"{m.upper()} estimate ± | SE | SD | 95 % CI" for m in option.methods)
    lines += [f"| parameter | truth | {head} |", "|---" * (2 + 4 * len(option.methods)) + "|"]
    for parameter in dict.fromkeys(result.index.get_level_values("parameter")):
        cells, true = [], np.nan
        for method in option.methods:
            row = result.loc[(name, parameter, method)]
            true = row["truth"]
            covered = f"{row['covered']:.0f}" if np.isfinite(row["covered"]) else "–"
            cells.append(
                f"{row['estimate']:.4g} ± {row['mc']:.2g} | {row['se']:.2g} | {row['sd']:.2g} | "
                f"{covered}"
            )
        lines.append(f"| {parameter} | {true:.4g} | {' | '.join(cells)} |")
    return lines


def main(arguments: Iterable[str] | None = None) -> int:
    """Run what was asked for; a page of an earlier run keeps the options that were not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--options", nargs="*", default=list(options()))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the page")
    parser.add_argument("--rows", type=Path, help="where rows are kept (CSV), to add options later")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    tasks = [(name, r) for name in chosen.options for r in range(1, chosen.replicates + 1)]
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
        rows = pd.DataFrame([row for found in pool.map(one, tasks, chunksize=4) for row in found])
    if chosen.rows is not None:
        if chosen.rows.exists():
            old = pd.read_csv(chosen.rows)
            rows = pd.concat([old[~old["option"].isin(chosen.options)], rows])
        rows.to_csv(chosen.rows, index=False)
    page = report(rows, chosen.replicates)
    if chosen.out is not None:
        chosen.out.write_text(page, encoding="utf-8")
    print(page)
    return 0


def report(rows: pd.DataFrame, replicates: int) -> str:
    """Return the page."""
    half = 100 * 1.96 * np.sqrt(0.95 * 0.05 / replicates)
    lines = [
        "# Recovery of known values",
        "",
        f"`python -m benchmarks.recovery --replicates {replicates}` makes it. {replicates} data "
        f"sets of each option; fits start {OFF} times too high. ± is the Monte-Carlo error of the "
        "mean estimate, SE the median standard error, SD that of the estimates over the data "
        f"sets. The share of 95 % intervals that hold the truth has a Monte-Carlo error of "
        f"{half:.1f} (1.96 SE). SEs: Hessian; SAEM by Louis' formula.",
    ]
    for name in options():
        mine = rows[rows["option"] == name]
        if len(mine):
            lines += section(name, mine)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
