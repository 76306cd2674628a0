"""A structural model of two outputs, made from a linear one for tests.

Its first output, ``cp``, is the central concentration. The second, ``effect``, is what its kind
says:

* ``"same"``: the concentration once more;
* ``"log"``: log(1 + concentration);
* ``"apart"``: e0 exp(-t / 10), which knows nothing of the concentration.
"""

import sys
from dataclasses import dataclass
from math import exp, log1p
from types import SimpleNamespace

import numpy as np
import pandas as pd

import workbench as wb
from tests import cases, naive
from workbench.core import linear
from workbench.core import records as rec
from workbench.core.jit import IntVec, Mat, OutMat, OutVec, Vec, kernel
from workbench.models.structural import StructuralModel, structures

KINDS = ("same", "log", "apart")
SAME, LOG, APART = range(3)
E0 = 2  # number of the parameter e0
OUTPUTS = ("cp", "effect")


@kernel
def compose_row(p: int, value: float, first: float, second: float, row: OutVec) -> None:
    """Replace a jet of f by that of g(f), given g and its derivatives at f."""
    at_pair = 1 + p
    for k in range(p):
        for q in range(k + 1):
            row[at_pair] = first * row[at_pair] + second * row[1 + k] * row[1 + q]
            at_pair += 1
    for k in range(p):
        row[1 + k] *= first
    row[0] = value


@kernel
def predict(
    order: int,
    p: int,
    context: IntVec,
    settings: Vec,
    params: Mat,
    covariates: Mat,
    records: Mat,
    out: OutMat,
    work: OutVec,
) -> int:
    """Predict the concentration, or the second output where that was observed."""
    status = linear.predict(order, p, context, settings, params, covariates, records, out, work)
    j = 0
    for r in range(records.shape[0]):
        if records[r, rec.KIND] != rec.OBSERVATION:
            continue
        if records[r, rec.ENDPOINT] == 1.0:
            if settings[0] == LOG:
                c = 1.0 + out[j, 0]
                compose_row(p, log1p(out[j, 0]), 1.0 / c, -1.0 / (c * c), out[j])
            elif settings[0] == APART:
                for k in range(out.shape[1]):
                    out[j, k] = exp(-0.1 * records[r, rec.TIME]) * params[E0, k]
        j += 1
    return status


@dataclass(frozen=True)
class TwoOutputs:
    """The linear family of a model, with a second output."""

    base: object
    kind: int

    @property
    def routes(self):
        return self.base.routes

    def kernel(self):
        return predict

    def context(self, n_blocks):
        return self.base.context(n_blocks)

    def lags(self):
        return ()

    def settings(self):
        return np.array([float(self.kind)])

    def work_size(self, parts, n_blocks):
        return self.base.work_size(parts, n_blocks)


def structure(kind):
    """Return the intravenous one-compartment model with a second output."""
    base = structures.get("pk_1cmt_iv")
    name = f"two_outputs_{kind}"
    return StructuralModel(
        name=name,
        title=f"Two outputs, {kind}",
        parameters=(*base.parameters, "e0"),
        symbols=(*base.symbols, "E_0"),
        units=(*base.units, ""),
        meanings=(*base.meanings, "effect at time 0"),
        typical=(*base.typical, 10.0),
        compartments=base.compartments,
        observed=0,
        equations=(*base.equations, "E = g(c)"),
        family=TwoOutputs(base.family, KINDS.index(kind)),
        outputs=OUTPUTS,
        card=name,
        code=f"wb.structure({name!r})",
    )


def register(monkeypatch):
    """Make the structures known by their names, so that cards and saved fits can be read."""
    known = structures.names()
    for kind in KINDS:
        module = f"{structures.package}.two_outputs_{kind}"
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(MODEL=structure(kind)))
    more = [f"two_outputs_{kind}" for kind in KINDS]
    monkeypatch.setattr(structures, "_names", (*known, *more))


def model(kind, cp, effect, *, e0_iiv=0.0, correlations=(), **parts):
    """Return a model of two outputs with the residual errors of both."""
    parameters = {
        "cl": wb.LogNormal(3.0, iiv=0.3),
        "v": wb.LogNormal(20.0, iiv=0.2),
        "e0": wb.LogNormal(8.0, iiv=e0_iiv) if kind == "apart" else wb.LogNormal(wb.Fixed(8.0)),
    }
    errors = {"cp": cp, "effect": effect}
    given = {name: error for name, error in errors.items() if error is not None}
    return wb.Model(structure(kind), parameters, error=given, correlations=correlations, **parts)


def frame(kind, n_sub=6, seed=5, *, labels=(1, 2)):
    """Observations of both outputs, alternating and in runs; some subjects have only one."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(1, n_sub + 1):
        rows.append((i, 0.0, np.nan, 100.0, 1, 1, 0.0, 0.0, 0, labels[0]))
        times = np.array([0.5, 1.0, 2.0, 4.0, 7.0, 12.0])
        values = {name: v * np.exp(s * rng.standard_normal()) for name, v, s in _TYPICAL}
        c = naive.concentrations(
            times, [(0.0, 100.0, 0.0, naive.CENTRAL)], cl=values["cl"], v=values["v"]
        )
        effect = {"same": c, "log": np.log1p(c), "apart": values["e0"] * np.exp(-0.1 * times)}[kind]
        for t, first, second in zip(times, c, effect, strict=True):
            if i != 3:
                y = first * np.exp(0.1 * rng.standard_normal())
                rows.append((i, t, y, 0.0, 0, 1, 0.0, 0.0, 0, labels[0]))
            if i != 5 and (t > 1.5 or i % 2):
                y = second * np.exp(0.1 * rng.standard_normal())
                rows.append((i, t, y, 0.0, 0, 1, 0.0, 0.0, 0, labels[1]))
    names = ["ID", "TIME", "DV", "AMT", "EVID", "CMT", "RATE", "II", "ADDL", "DVID"]
    return pd.DataFrame(rows, columns=names)


_TYPICAL = (("cl", 3.0, 0.3), ("v", 20.0, 0.2), ("e0", 8.0, 0.25))


def data(kind, *args, name="two endpoints", **kwargs):
    """Return the data set of `frame`."""
    return wb.read_dataset(frame(kind, *args, **kwargs), name=name)


def twins(model, data, kind):
    """Return one `naive.Several` for each subject."""
    out = []
    for label in data.subjects:
        observed = data.observations[data.observations["ID"] == label]
        doses = data.doses[data.doses["ID"] == label]
        given = [(row.TIME, row.AMT, row.RATE, naive.CENTRAL) for row in doses.itertuples()]
        times = observed["TIME"].to_numpy(float)
        which = [data.endpoints.index(e) for e in observed["DVID"]]

        def predict(values, times=times, given=given, which=which):
            c = naive.concentrations(times, given, cl=values["cl"], v=values["v"])
            second = {"same": c, "log": np.log1p(c)}.get(kind, values["e0"] * np.exp(-0.1 * times))
            return np.where(np.array(which) == 1, second, c)

        out.append(
            naive.Several(
                predict,
                observed["DV"].to_numpy(float),
                {n: (p.typical, p.distribution) for n, p in model.parameters.items()},
                list(model.etas),
                model.omega,
                [(e.model, e.values) for e in model.errors.values()],
                which,
            )
        )
    return out


def error(name, scale=1.0):
    """Return a residual error with the values that other tests use, those with a unit scaled."""
    return cases.error(name, tuple(scale * value for value in cases.SIGMA[name]))
