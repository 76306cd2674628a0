"""Small data sets and models that several test files share; every number is made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

import workbench as wb
from tests import naive
from workbench.errors import ModelError
from workbench.models.error import ResidualError
from workbench.models.residual import error_models

ERRORS = ("additive", "proportional", "combined1", "combined2", "lognormal")
METHODS = ("fo", "foce", "focei")
SIGMA = {
    "additive": (0.4,),
    "proportional": (0.15,),
    "combined1": (0.2, 0.1),
    "combined2": (0.3, 0.12),
    "lognormal": (0.2,),
    "power": (0.2, 0.8),
    "combined1_power": (0.2, 0.1, 0.8),
    "combined2_power": (0.3, 0.12, 0.8),
}


def error(name, values=None, fixed=()):
    return ResidualError(name, values or SIGMA[name], frozenset(fixed))


def oral_model(
    name="combined2", *, distributions=("lognormal",) * 3, correlations=(), iiv=(0.5, 0.3, 0.2)
):
    typical = (1.4, 2.5, 30.0)
    parameters = {}
    for parameter, d, value, sd in zip(("ka", "cl", "v"), distributions, typical, iiv, strict=True):
        if d == "lognormal":
            parameters[parameter] = wb.LogNormal(value, iiv=sd)
        else:
            parameters[parameter] = wb.Normal(value, iiv=0.4 * sd * value)
    return wb.Model("pk_1cmt_oral", parameters, error=error(name), correlations=correlations)


def iv_model(name="combined2", *, cl=(3.0, 0.3), v=(20.0, 0.2), correlations=(), sigma=None):
    return wb.Model(
        "pk_1cmt_iv",
        {"cl": wb.LogNormal(cl[0], iiv=cl[1]), "v": wb.LogNormal(v[0], iiv=v[1])},
        error=error(name, sigma),
        correlations=correlations,
    )


def frame(rows):
    """Rows of (ID, TIME, DV, AMT, EVID, CMT, RATE, II, ADDL)."""
    names = ["ID", "TIME", "DV", "AMT", "EVID", "CMT", "RATE", "II", "ADDL"]
    return pd.DataFrame(rows, columns=names)


def oral_frame(n_sub=6, seed=3):
    """One oral dose each, an infusion into the central compartment for every third subject."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(1, n_sub + 1):
        times = np.array([0.5, 1.0, 2.5, 6.0, 12.0, 24.0])[: 3 + i % 4]
        doses = [(0.0, 100.0 + 10 * i, 0.0, naive.DEPOT)]
        rows.append((i, 0.0, np.nan, doses[0][1], 1, 1, 0.0, 0.0, 0))
        if i % 3 == 0:
            doses.append((3.0, 60.0, 30.0, naive.CENTRAL))
            rows.append((i, 3.0, np.nan, 60.0, 1, 2, 30.0, 0.0, 0))
        f = naive.concentrations(
            times,
            doses,
            ka=1.4 * np.exp(0.4 * rng.standard_normal()),
            cl=2.5 * np.exp(0.3 * rng.standard_normal()),
            v=30.0 * np.exp(0.2 * rng.standard_normal()),
        )
        y = f * np.exp(0.15 * rng.standard_normal(len(times)))
        rows += [(i, t, value, 0.0, 0, 2, 0.0, 0.0, 0) for t, value in zip(times, y, strict=True)]
    return frame(rows).sort_values(["ID", "TIME"], kind="stable").reset_index(drop=True)


def oral_data(n_sub=6, seed=3):
    return wb.read_dataset(oral_frame(n_sub, seed), name="oral")


def iv_frame(n_sub=20, seed=5, *, cl=(3.0, 0.3), v=(20.0, 0.2), sd=0.1, times=(0.5, 2, 5, 9, 14)):
    """Simulate a bolus for each subject with log-normal cl and v and exponential error."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(1, n_sub + 1):
        rows.append((i, 0.0, np.nan, 100.0, 1, 1, 0.0, 0.0, 0))
        f = naive.concentrations(
            times,
            [(0.0, 100.0, 0.0, naive.CENTRAL)],
            cl=cl[0] * np.exp(cl[1] * rng.standard_normal()),
            v=v[0] * np.exp(v[1] * rng.standard_normal()),
        )
        y = f * np.exp(sd * rng.standard_normal(len(times)))
        rows += [(i, t, value, 0.0, 0, 1, 0.0, 0.0, 0) for t, value in zip(times, y, strict=True)]
    return frame(rows)


def iv_data(*args, **kwargs):
    return wb.read_dataset(iv_frame(*args, **kwargs), name="iv")


def drawn(truth, design, seed):
    """Return the design's records with one simulated set of observations."""
    table = wb.simulate(truth, design=design, replicates=1, seed=seed)
    frame = design.table.copy()
    frame.loc[frame["MDV"] == 0, "DV"] = table["DV"].to_numpy()
    return frame.drop(columns="ROW")


def all_error_models():
    """Return every registered error model; a new one joins the tests by itself."""
    return tuple(error_models.names())


def suited(method):
    """Return a small model and data set that an estimator takes: most take the first."""
    model, data = oral_model("additive"), oral_data()
    try:
        wb.evaluate(model, data, method=method)
    except ModelError:
        return line_model(), line_data()
    return model, data


LINE_TIMES = (0.0, 1.0, 2.0, 3.0, 5.0)


def line_data(n_sub=30, seed=1, *, sd=0.5):
    """Straight lines with correlated Gaussian intercepts and slopes: everything has a formula."""
    rng = np.random.default_rng(seed)
    low = np.linalg.cholesky(np.array([[1.0, 0.3], [0.3, 0.25]]))
    rows = []
    for i in range(1, n_sub + 1):
        a, b = np.array([10.0, 2.0]) + low @ rng.standard_normal(2)
        rows += [(i, t, a + b * t + sd * rng.standard_normal()) for t in LINE_TIMES]
    return wb.read_dataset(pd.DataFrame(rows, columns=["ID", "TIME", "DV"]), name="lines")


def line_model(*, correlations=(("a", "b"),), error=None, **parameters):
    """y = a + b·t with normal a and b."""
    parameters = {"a": wb.Normal(8.0, iiv=1.5), "b": wb.Normal(1.0, iiv=0.8), **parameters}
    return wb.Model(
        wb.equations("y = a + b*t", outputs=["y"]),
        parameters,
        error=error or wb.error.Additive(1.0),
        correlations=correlations,
    )


def covariate_frame(n_sub=6, seed=3):
    """Return the oral data with weight, age, sex (labels) and a grade from 1 to 3."""
    rows = oral_frame(n_sub, seed)
    who = rows["ID"].to_numpy() - 1
    rng = np.random.default_rng(100 + seed)
    rows["WT"] = np.round(50.0 + 40.0 * rng.random(n_sub), 1)[who]
    rows["AGE"] = np.round(20.0 + 50.0 * rng.random(n_sub))[who]
    rows["SEX"] = np.where(who % 2 == 0, "F", "M")
    rows["GRADE"] = 1 + who % 3
    return rows


def covariate_data(n_sub=6, seed=3):
    return wb.read_dataset(covariate_frame(n_sub, seed), name="oral with covariates")


# One of each kind, by the distribution of the parameter that it can act on.
EFFECTS = {
    "power": ("lognormal", wb.covariate.Power("WT", reference=70, exponent=0.6)),
    "exponential": (
        "lognormal",
        wb.covariate.Exponential("AGE", reference=40, coefficient=-0.01),
    ),
    "linear": ("normal", wb.covariate.Linear("WT", reference=70, coefficient=0.01)),
    "categorical": (
        "lognormal",
        wb.covariate.Categorical("GRADE", reference=1, effects={2: 0.2, 3: -0.3}),
    ),
    "categorical normal": (
        "normal",
        wb.covariate.Categorical("SEX", reference="F", effects={"M": 0.3}),
    ),
    "grouped": (
        "lognormal",
        wb.covariate.Categorical("GRADE", reference="1", effects=0.2, groups={"high": [2, 3]}),
    ),
    "fixed": ("lognormal", wb.covariate.Power("WT", reference=70, exponent=wb.Fixed(0.75))),
}


def covariate_model(*effects, error="combined2", on="cl", iiv=(0.5, 0.3, 0.2), correlations=()):
    """Return the oral model with effects (names of EFFECTS) on one parameter."""
    kind = EFFECTS[effects[0]][0]
    model = oral_model(
        error,
        distributions=tuple(kind if n == on else "lognormal" for n in ("ka", "cl", "v")),
        iiv=iiv,
        correlations=correlations,
    )
    own = replace(model.parameters[on], covariates=tuple(EFFECTS[name][1] for name in effects))
    return model.replace(parameters={**model.parameters, on: own})
