"""Objects that look like a fit to diagnostics and plots, so that any odd case can be made."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd

from workbench.models.parameter import LogNormal

TIMES = np.array([0, 0.25, 0.5, 1, 2, 3.5, 5, 7, 9, 12, 24.0])
THETA = {"ka": 1.5, "cl": 2.8, "v": 32.0}
OMEGA_SD = {"ka": 0.6, "cl": 0.3, "v": 0.2}
UNITS = {"TIME": "h", "DV": "mg/L", "AMT": "mg", "ka": "1/h", "cl": "L/h", "v": "L"}


def bateman(time, dose, ka, cl, v):
    k = cl / v
    return dose * ka / (v * (ka - k)) * (np.exp(-k * time) - np.exp(-ka * time))


@dataclass(eq=False)
class FitStandIn:
    """The attributes of a FitResult that diagnostics read; change any of them in a test."""

    data: SimpleNamespace
    predictions: pd.DataFrame
    etas: pd.DataFrame
    omega: pd.DataFrame
    shrinkage: pd.DataFrame
    trace: pd.DataFrame
    parameters: pd.DataFrame
    dense: pd.DataFrame
    individual_ofv: pd.Series
    epsilon_shrinkage: float = 11.9
    units: dict = field(default_factory=lambda: dict(UNITS))

    def curves(self, *, subjects=None, individual="ebe", band=None):  # noqa: ARG002
        chosen = self.dense if subjects is None else self.dense[self.dense["ID"].isin(subjects)]
        if band is None:
            return chosen
        return chosen.assign(LOWER=chosen["IPRED"] - 1.2, UPPER=chosen["IPRED"] + 1.2)

    def etas_by(self, individual="ebe"):
        """Draws are the etas with noise of a third of omega's SD, three a subject."""
        eta = self.etas.to_numpy(float)[None]
        if individual == "draws":
            spread = np.sqrt(np.diag(self.omega))[: eta.shape[2]] / 3
            eta = eta + np.random.default_rng(3).normal(size=(3, *eta.shape[1:])) * spread
        return self._long(eta, list(self.etas.columns))

    def individual_parameters_by(self, individual="ebe"):
        etas = self.etas_by(individual)
        typical = [self.final_model.parameters[name].typical for name in self.etas.columns]
        values = np.exp(etas[list(self.etas.columns)].to_numpy(float)) * np.array(typical)
        n_draws = int(etas["DRAW"].max())
        shape = (len(self.etas), n_draws, len(typical))
        return self._long(values.reshape(shape).transpose(1, 0, 2), list(self.etas.columns))

    def _long(self, values, names):
        n_draws, n_sub, _ = values.shape
        labels = np.array(self.data.subjects, dtype=object)
        table = pd.DataFrame({"ID": pd.Series(np.repeat(labels, n_draws), dtype=object)})
        table["DRAW"] = np.tile(np.arange(1, n_draws + 1), n_sub)
        flat = values.transpose(1, 0, 2).reshape(n_draws * n_sub, len(names))
        return table.assign(**dict(zip(names, flat.T, strict=True)))

    def predictions_by(self, individual="ebe"):  # noqa: ARG002
        return self.predictions

    def conditional_variances(self):
        spread = np.diag(self.omega)[: len(self.etas.columns)]
        return pd.DataFrame(0.2 * spread + 0 * self.etas, self.etas.index, self.etas.columns)

    def predicted_shrinkage(self):
        names = pd.Index(self.etas.columns, name="parameter")
        return pd.DataFrame({"eta_zero": 0.25, "eta_simulated": 0.3}, index=names)

    @property
    def eta_sd(self):
        return self.etas.iloc[:0]

    @property
    def final_model(self):
        names = [*THETA, *(name for name in self.etas.columns if name not in THETA)]
        parameters = {name: LogNormal(THETA.get(name, 2.0)) for name in names}
        return SimpleNamespace(parameters=parameters)


def stand_in(labels=tuple(range(1, 13)), times=TIMES, random=("ka", "cl", "v"), seed=1):
    """Simulate one-compartment oral data of one dose per subject."""
    rng = np.random.default_rng(seed)
    n_sub, n_times = len(labels), len(times)
    spread = np.array([OMEGA_SD[name] for name in random])
    eta = rng.normal(size=(n_sub, len(random))) * spread
    dose = rng.uniform(200, 400, n_sub)
    typical = np.array(list(THETA.values()))
    phi = np.tile(typical, (n_sub, 1))
    for column, name in enumerate(random):
        phi[:, list(THETA).index(name)] *= np.exp(eta[:, column])
    who = np.repeat(np.arange(n_sub), n_times)
    label = pd.Series(np.array(labels, dtype=object)[who], dtype=object)
    time = np.tile(np.asarray(times, float), n_sub)
    pred, ipred = bateman(time, dose[who], *typical), bateman(time, dose[who], *phi[who].T)
    dv = np.abs(ipred + rng.normal(0, 0.7, len(time)))
    predictions = pd.DataFrame(
        {"ROW": 2 + np.arange(len(time)), "ID": label, "TIME": time, "TAD": time, "DV": dv}
    ).assign(PRED=pred, IPRED=ipred, RES=dv - pred, IRES=dv - ipred)
    predictions["WRES"] = predictions["RES"] / 1.2
    predictions["IWRES"] = predictions["IRES"] / 0.7
    predictions["CWRES"] = predictions["RES"] / 1.3
    predictions["PWRES"] = predictions["RES"] / 1.25
    predictions["CWRESI"] = predictions["RES"] / 1.35
    predictions["NPD"] = np.clip(predictions["RES"] / 1.2, -3.3, 3.3)
    predictions["NPDE"] = np.clip(predictions["RES"] / 1.4, -3.3, 3.3)
    grid = np.linspace(0, max(1.0, float(np.max(times))), 60)
    dense_who = np.repeat(np.arange(n_sub), len(grid))
    dense_time = np.tile(grid, n_sub)
    dense = pd.DataFrame(
        {"ID": pd.Series(np.array(labels, dtype=object)[dense_who], dtype=object)}
    ).assign(
        TIME=dense_time,
        PRED=bateman(dense_time, dose[dense_who], *typical),
        IPRED=bateman(dense_time, dose[dense_who], *phi[dense_who].T),
    )
    doses = pd.DataFrame(
        {"ROW": 1, "ID": pd.Series(labels, dtype=object), "TIME": 0.0, "AMT": dose}
    ).assign(CMT=1, RATE=0.0, DURATION=0.0)
    names = list(random)
    sd = 100 * (1 - eta.std(axis=0) / spread) if names else np.empty(0)
    iteration = np.arange(8)
    trace = pd.DataFrame({"iteration": iteration, "ofv": 116.8 + 40 * np.exp(-iteration)})
    trace = trace.assign(gradient=np.exp(-iteration), step=np.exp(-iteration))
    for name, value in THETA.items():
        trace[name] = value * (1 + np.exp(-iteration))
    return FitStandIn(
        data=SimpleNamespace(
            subjects=tuple(labels),
            endpoints=("DV",),
            units={name: UNITS[name] for name in ("TIME", "DV", "AMT")},
            observations=predictions[["ROW", "ID", "TIME", "TAD", "DV"]].copy(),
            doses=doses,
            covariates=_covariates(labels),
            **_table(predictions, _covariates(labels)),
        ),
        predictions=predictions,
        etas=pd.DataFrame(eta, index=pd.Index(labels, name="ID", dtype=object), columns=names),
        omega=pd.DataFrame(np.diag(spread**2)[: len(names), : len(names)], names, names),
        shrinkage=pd.DataFrame(
            {"sd": sd, "variance": 100 * (1 - (1 - sd / 100) ** 2)},
            index=pd.Index(names, name="parameter"),
        ),
        trace=trace,
        parameters=pd.DataFrame(
            {"kind": "theta", "estimate": list(THETA.values())},
            index=pd.Index(list(THETA), name="parameter"),
        ),
        dense=dense,
        individual_ofv=pd.Series(
            (predictions["IRES"].to_numpy().reshape(n_sub, n_times) ** 2 / 0.49 - 0.7).sum(axis=1),
            index=pd.Index(labels, name="ID", dtype=object),
            name="ofv",
        ),
    )


def _covariates(labels):
    """A text, a number, one that never varies and one that is missing in some subjects."""
    order = np.arange(len(labels))
    return pd.DataFrame({"ID": pd.Series(labels, dtype=object)}).assign(
        SEX=np.where(order % 3 == 0, "F", "M"),
        WT=50.0 + 1.7 * order,
        SITE=1.0,
        AGE=np.where(order % 4 == 0, np.nan, 20.0 + order),
    )


def _table(predictions, covariates):
    """Return the table of a Dataset with these covariates and more, and what it says of them."""
    number = pd.factorize(predictions["ID"].to_numpy(object))[0]
    more = {name: covariates[name].to_numpy()[number] for name in covariates.columns.drop("ID")}
    table = predictions[["ROW", "ID", "TIME", "DV"]].assign(
        **more,
        FORM=number % 3 + 1,
        CENS=(predictions["DV"] < 0.5).astype(int),
        LLOQ=0.5,
    )
    names = (*more, "FORM", "CENS", "LLOQ")
    return {"table": table, "covariate_names": names, "time_varying": ("CENS",)}


def two_endpoints(**options):
    """A fit of two outputs: the concentration, and ten times its logarithm + 1."""
    fit, names = stand_in(**options), np.array(["cp", "effect"], dtype=object)

    def both(table, column, values):
        second = table.copy()
        for name in values:
            second[name] = 10 * np.log1p(np.abs(table[name]))
        whole = pd.concat([table.assign(**{column: "cp"}), second.assign(**{column: "effect"})])
        return whole.sort_values(["ID", column], kind="stable", ignore_index=True)

    fit.predictions = both(fit.predictions, "ENDPOINT", ["DV", "PRED", "IPRED"])
    fit.dense = both(fit.dense, "OUTPUT", ["PRED", "IPRED"])
    fit.data.observations = fit.predictions[["ROW", "ID", "TIME", "TAD", "DV"]].copy()
    fit.data.endpoints = (1, 2)
    number = (fit.predictions["ENDPOINT"] == names[1]).to_numpy(int)
    fit.data.population = SimpleNamespace(obs_endpoint=number)
    return fit


def odd_cases():
    """Return fits that real life produces and that pictures must survive, by name."""
    cases = {
        "ordinary": stand_in(),
        "one subject": stand_in(labels=(7,)),
        "one observation": stand_in(labels=("A",), times=[2.0]),
        "one observation each": stand_in(times=[2.0]),
        "two observations each": stand_in(times=[2.0, 4.0]),
        "text labels": stand_in(labels=tuple(f"PAT-{i} (2)" for i in range(9))),
        "no random effects": stand_in(random=()),
        "eight random effects": _many_effects(),
    }
    zero = cases["etas all zero"] = stand_in()
    zero.etas.loc[:] = 0.0
    gone = cases["omega zero"] = stand_in()
    gone.etas.loc[:] = 0.0
    gone.omega.loc[:] = 0.0
    gone.shrinkage.loc[:] = np.nan
    lost = cases["residuals missing"] = stand_in()
    lost.predictions[["CWRES", "WRES", "IWRES"]] = np.nan
    some = cases["some residuals missing"] = stand_in()
    some.predictions.loc[::3, ["CWRES", "IWRES", "PRED"]] = np.nan
    plain = cases["no covariates"] = stand_in()
    plain.data.covariate_names, plain.data.time_varying = (), ()
    plain.data.table = plain.data.table[["ROW", "ID", "TIME", "DV"]]
    gaps = cases["covariates missing"] = stand_in()
    gaps.data.table = gaps.data.table.assign(SEX=None, WT=np.nan)
    bare = cases["no units"] = stand_in()
    bare.units, bare.data.units = {}, {}
    flat = cases["constant data"] = stand_in()
    flat.predictions[["DV", "PRED", "IPRED"]] = 5.0
    flat.data.observations["DV"] = 5.0
    below = cases["negative data"] = stand_in()
    below.predictions[["DV", "PRED", "IPRED"]] -= 20.0
    below.data.observations["DV"] -= 20.0
    undosed = cases["no doses"] = stand_in()
    undosed.data.doses = undosed.data.doses.iloc[:0]
    evaluated = cases["evaluated only"] = stand_in()
    evaluated.trace = evaluated.trace.iloc[:1]
    silent = cases["no trace"] = stand_in()
    silent.trace = silent.trace.iloc[:0]
    cases["two endpoints"] = two_endpoints()
    cases["two endpoints, one of them rare"] = _rare_endpoint()
    failed = cases["failed"] = stand_in()
    failed.predictions.iloc[:, list(failed.predictions).index("PRED") :] = np.nan
    failed.dense[["PRED", "IPRED"]] = np.nan
    failed.etas.loc[:] = failed.omega.loc[:] = failed.shrinkage.loc[:] = np.nan
    failed.trace.iloc[:, 1:] = np.nan
    wild = cases["wild outlier"] = stand_in()
    wild.predictions.loc[5, ["DV", "CWRES", "IWRES"]] = [1e6, 400.0, -300.0]
    return cases


def _rare_endpoint():
    """The second output is observed in one subject only."""
    fit = two_endpoints()
    keep = (fit.predictions["ENDPOINT"] == "cp") | (fit.predictions["ID"] == 3)
    fit.predictions = fit.predictions[keep].reset_index(drop=True)
    fit.data.observations = fit.data.observations[keep].reset_index(drop=True)
    fit.data.population.obs_endpoint = fit.data.population.obs_endpoint[keep]
    return fit


def _many_effects():
    fit = stand_in()
    names = [f"p{i}" for i in range(8)]
    rng = np.random.default_rng(2)
    fit.etas = pd.DataFrame(rng.normal(size=(12, 8)), fit.etas.index, names)
    fit.omega = pd.DataFrame(np.eye(8), names, names)
    fit.shrinkage = pd.DataFrame({"sd": 5.0, "variance": -3.0}, index=names)
    return fit
