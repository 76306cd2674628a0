"""A simulation study of the estimators: ``python -m benchmarks.study [--out FILE]``.

Data sets are simulated at known values and fitted from starting values that are off by 1.3, by
each estimator. The table gives bias and root mean squared error of the estimates, relative to the
truth, and how often the 95 % interval holds it. It takes about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb

METHODS = ("fo", "focei", "laplace", "saem")
OFF = 1.3  # factor of the starting values
# Two chains a subject give 80 to 200 chains in all; the likelihood is not asked for here.
OPTIONS: dict[str, dict[str, object]] = {"saem": {"n_chains": 2, "likelihood": "linearisation"}}


@dataclass(frozen=True, slots=True)
class Design:
    """What is simulated: a model at the true values, and who is observed when."""

    title: str
    model: wb.Model
    rows: tuple[tuple[float, ...], ...]  # observation times of each subject
    dose: float
    occasions: tuple[int, ...] = ()  # of each subject, each with its dose and these times


def designs() -> dict[str, Design]:
    """Return the designs."""
    oral = wb.Model(
        wb.pk(compartments=1, absorption="first_order"),
        {
            "ka": wb.LogNormal(1.0, iiv=0.4),
            "cl": wb.LogNormal(4.0, iiv=0.3),
            "v": wb.LogNormal(40.0, iiv=0.25),
        },
        error=wb.error.Proportional(0.15),
    )
    bolus = wb.Model(
        wb.pk(compartments=1),
        {"cl": wb.LogNormal(4.0, iiv=0.3), "v": wb.LogNormal(40.0, iiv=0.25)},
        error=wb.error.Additive(0.15),
    )
    noisy = wb.Model(
        wb.pk(compartments=1),
        {"cl": wb.LogNormal(4.0, iiv=0.5), "v": wb.LogNormal(40.0, iiv=0.4)},
        error=wb.error.Proportional(0.3),
    )
    emax = wb.Model(
        wb.equations("e = e0 + emax*t^gam/(ed50^gam + t^gam)", outputs=["e"]),
        {
            "e0": wb.LogNormal(5.0, iiv=0.3),
            "emax": wb.LogNormal(30.0, iiv=0.4),
            "ed50": wb.LogNormal(300.0, iiv=0.5),
            "gam": wb.LogNormal(2.0),
        },
        error=wb.error.Additive(2.0),
    )
    varying = wb.Model(
        wb.pk(compartments=1),
        {"cl": wb.LogNormal(4.0, iiv=0.3, iov=0.2), "v": wb.LogNormal(40.0, iiv=0.25, iov=0.15)},
        error=wb.error.Proportional(0.15),
    )
    every = (0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 24.0)
    pairs = [(1.0, 12.0), (2.0, 18.0), (4.0, 24.0), (0.5, 8.0)]
    triples = [(1.0, 6.0, 16.0), (0.5, 4.0, 12.0), (2.0, 9.0, 24.0), (1.0, 8.0, 20.0)]
    return {
        "rich": Design("Rich: 40 subjects, 9 samples, oral", oral, (every,) * 40, 100.0),
        "sparse": Design(
            "Sparse: 100 subjects, 3 samples, bolus",
            bolus,
            tuple(triples[i % 4] for i in range(100)),
            100.0,
        ),
        "noisy": Design(
            "Too sparse and noisy: 2 samples, IIV of 50 and 40 %, error of 30 %",
            noisy,
            tuple(pairs[i % 4] for i in range(100)),
            100.0,
        ),
        "occasions": Design(
            "Occasions: 40 subjects, 2 to 4 occasions of 4 samples, bolus",
            varying,
            ((1.0, 6.0, 12.0, 23.0),) * 40,
            100.0,
            tuple(2 + i % 3 for i in range(40)),
        ),
        "emax": Design(
            "Sigmoid Emax: 80 subjects, 5 dose levels (as TIME)",
            emax,
            ((1.0, 100.0, 300.0, 500.0, 1000.0),) * 80,
            0.0,
        ),
    }


def simulated(design: Design, replicate: int) -> wb.Dataset:
    """Return one data set of a design."""
    rows = []
    for i, times in enumerate(design.rows, 1):
        for k in range(design.occasions[i - 1] if design.occasions else 1):
            begins = 24.0 * k
            if design.dose:
                rows.append((i, begins, np.nan, design.dose, 1, k + 1))
            rows += [(i, begins + t, np.nan, 0.0, 0, k + 1) for t in times]
    frame = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "AMT", "EVID", "OCC"])
    if not design.dose:
        frame = frame[["ID", "TIME", "DV"]]
    made = wb.simulate(design.model, frame, seed=1000 + replicate)
    observed = frame["EVID"] == 0 if design.dose else frame["DV"].isna()
    frame.loc[observed, "DV"] = made["DV"].to_numpy()
    return wb.read_dataset(frame, name=f"replicate {replicate}")


def start_of(model: wb.Model) -> wb.Model:
    """Return the model with every value off by a factor."""
    parameters = {
        name: replace(p, typical=p.typical * OFF, iiv=p.iiv * OFF, iov=p.iov * OFF)
        for name, p in model.parameters.items()
    }
    return model.replace(parameters=parameters)


def one(task: tuple[str, int, tuple[str, ...]]) -> list[dict[str, object]]:
    """Fit one data set by every method; one row per parameter and method."""
    name, replicate, methods = task
    design = designs()[name]
    truth = wb.evaluate(design.model, simulated(design, 0), method="fo").parameters["estimate"]
    data, start = simulated(design, replicate), start_of(design.model)
    rows: list[dict[str, object]] = []
    for method in methods:
        began = time.perf_counter()
        try:
            fit = wb.fit(start, data, method=method, seed=1, **OPTIONS.get(method, {}))
        except wb.errors.WorkbenchError as problem:
            rows.append(
                {"design": name, "method": method, "verdict": "failed", "why": str(problem)}
            )
            continue
        seconds = time.perf_counter() - began
        for parameter, row in fit.parameters.iterrows():
            true = truth[parameter]
            rows.append(
                {
                    "design": name,
                    "replicate": replicate,
                    "method": method,
                    "parameter": parameter,
                    "error": (row["estimate"] - true) / true,
                    "covered": (
                        float(row["lower"] <= true <= row["upper"])
                        if np.isfinite(row["se"])
                        else np.nan
                    ),
                    "verdict": fit.verdict,
                    "seconds": seconds,
                }
            )
    return rows


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return bias, RMSE and coverage, in percent, with the Monte-Carlo error of the bias."""
    known = rows.dropna(subset=["error"])
    groups = known.groupby(["design", "parameter", "method"], sort=False)
    return pd.DataFrame(
        {
            "bias %": 100 * groups["error"].mean(),
            "± %": 100 * groups["error"].std() / np.sqrt(groups["error"].count()),
            "RMSE %": 100 * np.sqrt(groups["error"].agg(lambda e: (e**2).mean())),
            "coverage %": 100 * groups["covered"].mean(),
        }
    )


def report(rows: pd.DataFrame, replicates: int) -> str:
    """Return the study as a page of documentation."""
    half = 100 * 1.96 * np.sqrt(0.95 * 0.05 / replicates)
    lines = [
        "# Simulation study",
        "",
        f"`python -m benchmarks.study --replicates {replicates}` makes it. {replicates} data "
        f"sets of each design; fits start {OFF} times too high. Bias and RMSE are relative to the "
        "truth; ± is the Monte-Carlo error of the bias. Coverage of the 95 % interval has a "
        f"Monte-Carlo error of {half:.1f} (1.96 SE). FO, FOCEI and Laplace intervals come from the "
        "Hessian, SAEM's (two chains a subject) from the linearised model.",
    ]
    result = table(rows)
    for name, design in designs().items():
        if name not in result.index.get_level_values("design"):
            continue
        part = result.loc[name]
        mine = rows[rows["design"] == name]
        lines += ["", f"## {design.title}", ""]
        methods = list(dict.fromkeys(mine["method"]))
        each = mine.drop_duplicates(["replicate", "method"])
        said = []
        for method in methods:
            own = each[each["method"] == method]
            share = 100 * (own["verdict"] == "converged").mean()
            said.append(
                f"{method.upper()} {own['seconds'].median():.2f} s, {share:.0f} % converged"
            )
        lines += ["Median time of a fit, and verdicts: " + "; ".join(said) + ".", ""]
        head = " | ".join(f"{m.upper()} bias ± | RMSE | coverage" for m in methods)
        lines += [f"| parameter | {head} |", "|---" * (1 + 3 * len(methods)) + "|"]
        for parameter in dict.fromkeys(part.index.get_level_values("parameter")):
            cells = []
            for method in methods:
                row = part.loc[(parameter, method)]
                covered = row["coverage %"]
                cells.append(
                    f"{row['bias %']:+.1f} ± {row['± %']:.1f} | {row['RMSE %']:.1f} | "
                    + (f"{covered:.0f}" if np.isfinite(covered) else "–")
                )
            lines.append(f"| {parameter} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Iterable[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--designs", nargs="*", default=list(designs()))
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the page")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    tasks = [
        (name, r, tuple(chosen.methods))
        for name in chosen.designs
        for r in range(1, chosen.replicates + 1)
    ]
    one((chosen.designs[0], 1, tuple(chosen.methods)))  # compiles what is not yet compiled
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
        rows = pd.DataFrame([row for found in pool.map(one, tasks, chunksize=4) for row in found])
    page = report(rows, chosen.replicates)
    if chosen.out is not None:
        chosen.out.write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
