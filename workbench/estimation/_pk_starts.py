"""From the non-compartmental analysis to the parameters of `wb.pk` structures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log
from typing import Any

import numpy as np

from workbench.data.dataset import Dataset
from workbench.estimation._nca import Summary, profiles, summarise, typical
from workbench.models.model import Model
from workbench.models.pk import options_of
from workbench.problem.endpoints import observed_outputs

# Limits of an SD of eta that is taken from the scatter of the subjects' values.
LEAST_SD, LARGEST_SD = 0.1, 0.7


@dataclass(frozen=True, slots=True)
class Derived:
    """Starting values, the scatter of the subjects, and how each value was derived.

    Attributes
    ----------
    values : parameter → typical value
    sd : parameter → SD of the subjects' logarithms, where each had a value
    how : parameter → words
    n : subjects with a usable profile
    """

    values: Mapping[str, float]
    sd: Mapping[str, float]
    how: Mapping[str, str]
    n: int


def derive(model: Model, data: Dataset) -> Derived | None:
    """Return starting values by non-compartmental analysis, None where it does not apply.

    It needs a structure of `wb.pk` and at least two subjects (or a third of them) with four
    concentrations after a first dose and before the next.
    """
    options = options_of(model.structure)
    if options is None or not data.population.n_obs:
        return None
    concentrations = (observed_outputs(model, data) == 0).astype(np.int64)
    extravascular = options["absorption"] is not None
    single = profiles(data.population, concentrations)
    found = [summarise(profile, extravascular=extravascular) for profile in single]
    usable = [summary for summary in found if summary is not None]
    if len(usable) < max(2, data.population.n_sub // 3):
        return None
    return _parameters(model, options, usable)


def _parameters(model: Model, options: Mapping[str, Any], found: list[Summary]) -> Derived:
    f = model.parameters["f"].typical if "f" in model.parameters else 1.0
    each = [individual(options, summary, f) for summary in found]
    values, sd = {}, {}
    for name in each[0]:
        if name in model.parameters:
            values[name], scatter = typical([own[name] for own in each])
            sd[name] = min(max(scatter, LEAST_SD), LARGEST_SD)
    return Derived(values, sd, {name: HOW[name] for name in values}, len(found))


# What the values of a parameter were derived from.
HOW = {
    "cl": "dose / AUC",
    "v": "clearance / terminal slope",
    "v1": "dose / C(0), or half of clearance / terminal slope",
    "k": "clearance / volume",
    "ka": "time of the maximum and terminal slope",
    "tk0": "time of the maximum",
    "mtt": "half the time of the maximum",
    "tlag": "times before the first concentration found",
    "vmax": "dose / AUC at half the maximum",
    "km": "maximum concentration",
} | dict.fromkeys(
    ("q", "v2", "q2", "q3", "v3", "k12", "k21", "k13", "k31"), "first and terminal slope"
)


def individual(options: Mapping[str, Any], s: Summary, f: float) -> dict[str, float]:
    """Return one subject's parameters of disposition and absorption; some may not be needed.

    Parameters
    ----------
    options : of `wb.pk`, all of them
    s : the subject's non-compartmental analysis
    f : bioavailability
    """
    n, oral = options["compartments"], options["absorption"] is not None
    cl = f * s.cl
    v = cl / s.lambda_z
    own = {"cl": cl, "v": v, "km": s.cmax, "vmax": cl * 1.5 * s.cmax}
    if options["elimination"] == "parallel":
        own["cl"], own["vmax"] = 0.5 * cl, 0.5 * own["vmax"]
    if n > 1:
        v = _central_volume(s, f, v, oral=oral)
        q, v2 = _exchange(s, cl, v)
        own |= {"v": v, "v1": v, "q": q, "q2": q, "v2": v2, "q3": 0.25 * q, "v3": 2.0 * v2}
        own |= {"k12": q / v, "k21": q / v2, "k13": 0.25 * q / v, "k31": 0.125 * q / v2}
    own["k"] = cl / v
    # Whatever arrives late cannot arrive after the first concentration that was found.
    tlag = max(0.8 * s.zero_until, 0.05 * s.tmax) if options["lag"] else 0.0
    tmax = max(s.tmax - tlag, 0.05 / s.lambda_z)
    own |= {"tlag": tlag, "tk0": tmax, "mtt": 0.5 * tmax}
    own["ka"] = absorption_rate(tmax, s.lambda_z)
    if options["absorption"] in ("transit", "mixed"):
        own["ka"] *= 1.5  # the other part of the absorption takes its time too
    return own


def absorption_rate(tmax: float, k: float) -> float:
    r"""Return the ka > k at which :math:`t_{max} = \log(k_a/k) / (k_a - k)`.

    It falls from 1/k to 0 as ka grows from k, so later maxima than 1/k have none: then 1.5 k.
    """
    low, high = log(1.5 * k), log(1e3 * k)

    def later(log_ka: float) -> float:
        ka = exp(log_ka)
        return log(ka / k) / (ka - k) - tmax

    if later(low) <= 0:
        return 1.5 * k
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if later(middle) > 0 else (low, middle)
    return exp(0.5 * (low + high))


def _central_volume(s: Summary, f: float, v: float, *, oral: bool) -> float:
    if oral:
        return 0.5 * v
    first = s.c0 if s.c0 > 0 else s.cmax
    return min(f * s.dose / first, 0.9 * v)


def _exchange(s: Summary, cl: float, v1: float) -> tuple[float, float]:
    """Return clearance of exchange and peripheral volume from the two slopes.

    With slopes alpha > beta: alpha + beta = k + k12 + k21 and alpha·beta = k·k21.
    """
    alpha, k = max(s.first_slope, 2.0 * s.lambda_z), cl / v1
    k21 = alpha * s.lambda_z / k
    k12 = alpha + s.lambda_z - k - k21
    if k12 <= 0.05 * k or k21 <= s.lambda_z:
        return 0.5 * cl, v1
    return k12 * v1, v1 * k12 / k21
