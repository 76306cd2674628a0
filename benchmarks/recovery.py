"""Truth recovered, option by option: ``python -m benchmarks.recovery [--out FILE]``.

For each option of the statistical model (distribution, occasions, covariates, residual error,
censoring) data sets are simulated at known values and fitted by FOCEI and SAEM (and Laplace where
values are censored), from starting values that are off by 1.3. The table gives truth, mean
estimate, mean standard error, SD of the estimates, and how often the 95 % interval holds the truth.
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
SAEM: dict[str, object] = {"likelihood": "linearisation"}
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)
HALF_A_DAY = (0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0)
EVERY_HOUR = tuple(float(hour) for hour in range(1, 25))
DOSE = 100.0
LLOQ, ULOQ = 0.6, 2.1


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


def shares(parameter: wb.Parameter) -> wb.Model:
    """Return a share that rises with time to a plateau between 0 and 1."""
    return wb.Model(
        wb.equations("y = top*(1 - exp(-k*t))", outputs=["y"]),
        {"top": parameter, "k": wb.LogNormal(0.3, iiv=0.3)},
        error=wb.error.Additive(0.04),
    )


def censored(method: str) -> Callable[[pd.DataFrame], wb.Dataset]:
    """Return what marks values below LLOQ and treats them by a method."""
    return lambda frame: wb.read_dataset(frame).censor(lloq=LLOQ).with_blq(method)


def above(frame: pd.DataFrame) -> wb.Dataset:
    """Return the data with what is above an upper limit marked."""
    return wb.read_dataset(frame).censor(uloq=ULOQ)


def between(frame: pd.DataFrame) -> wb.Dataset:
    """Return the data with values below LLOQ known to lie between it and 0 (LIMIT)."""
    low = (frame["EVID"] == 0) & (frame["DV"] < LLOQ)
    marked = frame.assign(CENS=low.astype(int), LIMIT=np.where(low, 0.0, np.nan))
    return wb.read_dataset(marked.assign(DV=frame["DV"].mask(low, LLOQ)))


def of_distributions() -> dict[str, Option]:
    """Return distributions of the parameters and shapes of omega."""
    rich, more = design(40), design(60)
    visits = design(40).query("EVID == 0")[["ID", "TIME", "DV", "EVID"]]
    return {
        "full_omega": Option(
            "Ω: full block, correlations 0.5, 0.3 and 0.2",
            oral(correlations={("cl", "v"): 0.5, ("ka", "cl"): 0.3, ("ka", "v"): 0.2}),
            more,
        ),
        "zero_omega": Option(
            "Ω: ka with CL 0.4 and V with CL 0.5, ka with V 0",
            oral(correlations={("cl", "v"): 0.5, ("ka", "cl"): 0.4}),
            more,
        ),
        "logit": Option(
            "Logit-normal between 0 and 1", shares(wb.LogitNormal(0.6, iiv=0.7)), visits
        ),
        "probit": Option(
            "Probit-normal between 0 and 1", shares(wb.ProbitNormal(0.6, iiv=0.4)), visits
        ),
        "boxcox_eta": Option(
            "Box-Cox distributed eta of CL, shape 0.6 known",
            oral(cl=wb.LogNormal(4.0, iiv=0.4, eta=wb.eta.BoxCox(wb.Fixed(0.6)))),
            rich,
        ),
        "t_eta": Option(
            "Student-t distributed eta of CL, 4 degrees of freedom known",
            oral(cl=wb.LogNormal(4.0, iiv=0.3, eta=wb.eta.StudentT(wb.Fixed(4.0)))),
            rich,
        ),
        "boxcox_eta_free": Option(
            "Box-Cox distributed eta of CL, shape estimated from 150 subjects",
            oral(cl=wb.LogNormal(4.0, iiv=0.4, eta=wb.eta.BoxCox(0.6))),
            design(150),
        ),
    }


def of_occasions() -> dict[str, Option]:
    """Return occasions, and covariates that change within a subject."""
    three = design(40, times=(1.0, 2.0, 4.0, 8.0, 12.0), doses=(0.0, 24.0, 48.0))
    renal = three.assign(CRCL=60.0 + 30.0 * np.sin(three["ID"] * 1.7 + three["OCC"] * 2.1))
    both = {"cl": wb.LogNormal(4.0, iiv=0.3, iov=0.2), "ka": wb.LogNormal(1.0, iiv=0.4, iov=0.3)}
    changing = wb.covariate.Power("CRCL", reference=60, exponent=0.6)
    return {
        "iov": Option("Occasions: CL and ka vary between 3", oral(occasion="OCC", **both), three),
        "time_varying": Option(
            "Covariate that changes within a subject, on CL",
            oral(cl=wb.LogNormal(4.0, iiv=0.3, covariates=[changing])),
            renal,
        ),
    }


def of_covariates() -> dict[str, Option]:
    """Return covariates that are constant."""
    frame, cov = with_covariates(design(60)), wb.covariate
    return {
        "power": Option(
            "Covariate: power of weight on CL and V",
            oral(
                cl=wb.LogNormal(
                    4.0, iiv=0.3, covariates=[cov.Power("WT", reference=70, exponent=0.75)]
                ),
                v=wb.LogNormal(
                    40.0, iiv=0.25, covariates=[cov.Power("WT", reference=70, exponent=1.0)]
                ),
            ),
            frame,
        ),
        "categorical": Option(
            "Covariates: exponential of weight on CL, sex on V",
            oral(
                cl=wb.LogNormal(
                    4.0, iiv=0.3, covariates=[cov.Exponential("WT", reference=70, coefficient=0.01)]
                ),
                v=wb.LogNormal(
                    40.0,
                    iiv=0.25,
                    covariates=[cov.Categorical("SEX", reference=0, effects={"1": -0.3})],
                ),
            ),
            frame,
        ),
        "linear": Option(
            "Covariate: linear in weight, on log-normal CL",
            oral(
                cl=wb.LogNormal(
                    4.0, iiv=0.3, covariates=[cov.Linear("WT", reference=70, coefficient=0.01)]
                )
            ),
            frame,
        ),
    }


def of_errors() -> dict[str, Option]:
    """Return residual error models."""
    rich, error, transform = design(40), wb.error, wb.transform
    models = {
        "power_error": ("power", error.Power(0.25, exponent=0.6)),
        "combined1": ("combined 1", error.Combined(0.05, 0.1, kind=1)),
        "combined2": ("combined 2", error.Combined(0.05, 0.1, kind=2)),
        "lognormal": ("log-normal", error.LogNormal(0.2)),
        "yeo_johnson": (
            "additive after Yeo-Johnson, lambda -0.5 known",
            error.Additive(0.08, transform=transform.YeoJohnson(-0.5)),
        ),
        "logit_error": (
            "additive on the logit scale, 0 to 6",
            error.Additive(0.3, transform=transform.Logit(0.0, 6.0)),
        ),
        "student": ("Student-t, 4 degrees of freedom", error.Proportional(0.15, df=4)),
    }
    options = {
        name: Option(f"Residual error: {title}", oral(error=model), rich)
        for name, (title, model) in models.items()
    }
    # Simulated values beyond the end of Box-Cox's scale become 0: none after half a day.
    boxcox = error.Additive(0.2, transform=transform.BoxCox(wb.Estimated(0.5)))
    title = "Residual error: additive after Box-Cox, lambda 0.5 estimated"
    options["boxcox"] = Option(title, oral(error=boxcox), design(40, HALF_A_DAY))
    differing = oral(error=error.Proportional(0.15, iiv=0.35))
    for name, times in (("ruv", TIMES), ("ruv_rich", EVERY_HOUR)):
        title = f"Residual error: differs between subjects, {len(times)} samples"
        options[name] = Option(title, differing, design(40, times))
    return options


def of_censoring() -> dict[str, Option]:
    """Return treatments of values below the limit, a quarter of all."""
    frame, methods = design(40), ("focei", "laplace", "saem")
    additive, positive = bolus(error=wb.error.Additive(0.15)), bolus()
    options = {
        method: Option(
            f"A quarter below the limit: {method}", additive, frame, censored(method), methods
        )
        for method in ("M1", "M2", "M3", "M5", "M6", "M7")
    }
    positives = {
        "M4": ("A quarter below the limit, all positive: M4", censored("M4")),
        "between": ("A quarter between 0 and the limit, by LIMIT", between),
        "above": ("A quarter above an upper limit", above),
    }
    for name, (title, treated) in positives.items():
        options[name] = Option(title, positive, frame, treated, methods)
    return options


@cache
def options() -> dict[str, Option]:
    """Return every option by name."""
    return {
        **of_distributions(),
        **of_occasions(),
        **of_covariates(),
        **of_errors(),
        **of_censoring(),
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

    errors = {output: replace(e, iiv=e.iiv * OFF) for output, e in model.errors.items()}
    parameters = {name: moved(p) for name, p in model.parameters.items()}
    return model.replace(parameters=parameters, error=errors)


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
    rows = pd.DataFrame()
    if chosen.rows is not None and chosen.rows.exists():
        rows = pd.read_csv(chosen.rows)
        rows = rows[~rows["option"].isin(chosen.options)]
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
        for name in chosen.options:
            tasks = [(name, r) for r in range(1, chosen.replicates + 1)]
            found = [row for each in pool.map(one, tasks, chunksize=4) for row in each]
            rows = pd.concat([rows, pd.DataFrame(found)])
            print(f"{name}: {len(found)} rows", file=sys.stderr, flush=True)
            if chosen.rows is not None:
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
        f"{half:.1f} (1.96 SE). SEs: Hessian; SAEM's from the linearised model "
        "(by Louis' formula where residuals are Student-t, their SD has a random effect, or a "
        "shape of eta is estimated).",
    ]
    for name in options():
        mine = rows[rows["option"] == name]
        if len(mine):
            lines += section(name, mine)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
