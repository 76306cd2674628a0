"""How far results depend on starts and seeds: ``python -m benchmarks.robustness [--out FILE]``.

From 100 random starts (typical values × or ÷ up to 5, SDs of eta × or ÷ up to 3) on Theophylline
and Phenobarbital: the share that ends at the best objective, and what the verdict says of the
others. From 10 seeds: the spread of SAEM beside the standard errors, and beside FOCEI and
quadrature.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

import workbench as wb
from workbench.workflows.multistart import Multistart

SPREAD, SD_SPREAD = 5.0, 3.0
SAME = 0.01  # in OFV, for methods without Monte Carlo
NODES = 9  # of the quadrature that judges ends of methods with Monte Carlo
NOISE = 0.5  # in OFV by quadrature: a generous Monte-Carlo error of SAEM's estimates


@dataclass(frozen=True, slots=True)
class Case:
    """A data set with its suggested model."""

    name: str
    data: wb.Dataset
    model: wb.Model


def case(name: str) -> Case:
    """Return a data set of the catalogue."""
    data = wb.load_dataset(name)
    assert data.info is not None
    return Case(name, data, wb.Model.from_dict(data.info.suggested_model))


def starts(
    which: Case, method: str, n: int, pool: ProcessPoolExecutor
) -> tuple[Multistart, pd.DataFrame]:
    """Fit from `n` random starts; return the outcome and how each end is judged."""
    found = wb.multistart(
        which.model,
        which.data,
        n=n,
        method=method,
        seed=1,
        spread=SPREAD,
        iiv_spread=SD_SPREAD,
        executor=pool,
        covariance="none" if method != "focei" else "hessian",
        **({} if method == "focei" else {"likelihood": "linearisation"}),
    )
    table = found.table
    if method != "focei":
        exact = [_exact(which, row) for _, row in table.iterrows()]
        table = table.assign(ofv=exact)
    best = table.loc[table["verdict"] == "converged", "ofv"].min()
    return found, table.assign(above=table["ofv"] - best)


def _exact(which: Case, row: pd.Series) -> float:
    """Return the OFV by quadrature where a fit ended."""
    names = which.model.parameters
    try:
        parameters = {
            name: wb.LogNormal(row[name], iiv=float(np.sqrt(row[f"omega[{name}]"])))
            for name in names
        }
        error = which.model.error
        sigma = [row[f"sigma[{part}]"] for part in error.parameters]
        model = which.model.replace(
            parameters=parameters, error=type(error)(error.model, tuple(sigma), error.fixed)
        )
        return wb.evaluate(model, which.data, method="agq", nodes=NODES).ofv
    except (wb.errors.WorkbenchError, ValueError):
        return np.nan


def said_of(table: pd.DataFrame, within: float) -> str:
    """Return one row of the report."""
    there = table["above"].abs() <= within
    lower, other = table["above"] < -within, ~there & ~(table["above"] < -within)
    false = (~there & (table["verdict"] == "converged")).sum()
    return (
        f"{100 * there.mean():.0f} % | {int(lower.sum())} lower, {int(other.sum())} higher or "
        f"without a value | {int(false)}"
    )


def seeds(which: Case, n: int) -> str:
    """Compare SAEM from `n` seeds with FOCEI and quadrature."""
    focei = wb.fit(which.model, which.data, method="focei")
    exact = wb.fit(focei.final_model, which.data, method="agq", nodes=NODES)
    runs = [wb.fit(which.model, which.data, method="saem", seed=s) for s in range(1, n + 1)]
    estimates = np.array([run.parameters["estimate"] for run in runs])
    lines = [
        f"| parameter | FOCEI | AGQ({NODES}) | SE | SAEM, mean | SD over seeds | SD ÷ SE |",
        "|---|---|---|---|---|---|---|",
    ]
    for k, name in enumerate(focei.parameters.index):
        se = exact.parameters["se"].iloc[k]
        lines.append(
            f"| {name} | {focei.parameters['estimate'].iloc[k]:.4g} | "
            f"{exact.parameters['estimate'].iloc[k]:.4g} | {se:.2g} | {estimates[:, k].mean():.4g} "
            f"| {estimates[:, k].std(ddof=1):.2g} | {estimates[:, k].std(ddof=1) / se:.2f} |"
        )
    verdicts = pd.Series([run.verdict for run in runs]).value_counts().to_dict()
    lines += ["", f"Verdicts of the {n} SAEM runs: {verdicts}."]
    return "\n".join(lines)


def report(n_starts: int, n_seeds: int, workers: int) -> str:
    """Return the page."""
    lines = [
        "# Starts and seeds",
        "",
        f"`python -m benchmarks.robustness --starts {n_starts} --seeds {n_seeds}` makes this page. "
        f"Random starts: typical values × or ÷ up to {SPREAD:g}, SDs of eta × or ÷ up to "
        f"{SD_SPREAD:g}. The best is the lowest OFV of a fit called converged; FOCEI's ends are "
        f"compared to {SAME} in its OFV, SAEM's to {NOISE} in the OFV by quadrature with {NODES} "
        "nodes (its estimates carry Monte-Carlo error).",
        "",
        "| data | method | ends at the best | other ends | of these called converged |",
        "|---|---|---|---|---|",
    ]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for name in ("theophylline", "phenobarbital"):
            which = case(name)
            for method, within in (("focei", SAME), ("saem", NOISE)):
                _, table = starts(which, method, n_starts, pool)
                lines.append(f"| {name} | {method.upper()} | {said_of(table, within)} |")
    lines += [
        "",
        "## SAEM from several seeds: Theophylline",
        "",
        seeds(case("theophylline"), n_seeds),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Iterable[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the page")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    page = report(chosen.starts, chosen.seeds, chosen.workers)
    if chosen.out is not None:
        chosen.out.write_text(page, encoding="utf-8")
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
