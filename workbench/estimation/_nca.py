r"""Non-compartmental analysis of single-dose profiles, for starting values.

AUC by the linear trapezoid while concentrations rise and the logarithmic one while they fall,
extrapolated by C_last / lambda_z; lambda_z by log-linear regression of the last points, as many
of them (at least three, after the maximum) as give the best adjusted R²; MRT = AUMC / AUC
(Gabrielsson & Weiner 2012, Methods Mol Biol 929:377).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core import records as rec
from workbench.core.residuals import DENSITY
from workbench.data.population import Population

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_POINTS = 4


@dataclass(frozen=True, slots=True)
class Profile:
    """One subject's concentrations after a single dose.

    Attributes
    ----------
    dose, duration : amount, and length of an infusion (0 for a bolus)
    time, c : (n,)  times since the dose and concentrations above 0, in order of time
    zero_until : last time before the first of them at which nothing was found; 0 without
    """

    dose: float
    duration: float
    time: Floats
    c: Floats
    zero_until: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What a profile says.

    Attributes
    ----------
    dose : amount
    cl : dose / AUC, extrapolated to infinity
    lambda_z : terminal slope
    first_slope : slope of the first two points after the maximum, at least lambda_z
    mrt : mean residence time of the drug in the body, absorption included, infusion not
    c0 : concentration extrapolated to the time of the dose by the first two points
    cmax, tmax : the largest concentration and its time
    zero_until : see `Profile`
    """

    dose: float
    cl: float
    lambda_z: float
    first_slope: float
    mrt: float
    c0: float
    cmax: float
    tmax: float
    zero_until: float


def profiles(population: Population, observed: Ints) -> list[Profile]:
    """Return the profiles of subjects whose first dose has enough samples before the next.

    Parameters
    ----------
    observed : (n_obs,)  1 for the concentrations, 0 for other observations
    """
    found = []
    for i in range(population.n_sub):
        rows = population.records[population.record_start[i] : population.record_start[i + 1]]
        start, stop = population.obs_start[i], population.obs_start[i + 1]
        known = np.isin(population.obs_kind[start:stop], DENSITY)
        profile = _profile(rows, population.dv[start:stop], observed[start:stop] * known)
        if profile is not None:
            found.append(profile)
    return found


def _profile(rows: Floats, dv: Floats, observed: Ints) -> Profile | None:
    doses = rows[np.isin(rows[:, rec.KIND], (rec.DOSE, rec.RESET_DOSE))]
    if not len(doses) or doses[0, rec.SS] or not doses[0, rec.AMT] > 0 or doses[0, rec.RATE] < 0:
        return None
    begin, following = doses[0, rec.TIME], np.inf
    if len(doses) > 1:
        following = doses[1, rec.TIME]
    if doses[0, rec.ADDL] > 0:
        following = min(following, begin + doses[0, rec.II])
    time = rows[rows[:, rec.KIND] == rec.OBSERVATION, rec.TIME]
    use = (observed > 0) & (time >= begin) & (time <= following) & np.isfinite(dv)
    rate = doses[0, rec.RATE]
    duration = doses[0, rec.AMT] / rate if rate > 0 else 0.0
    t, c = time[use] - begin, dv[use]
    positive = c > 0
    if positive.sum() < LEAST_POINTS:
        return None
    first = t[positive][0]
    zero_until = float(t[(t < first) & ~positive].max(initial=0.0))
    return Profile(float(doses[0, rec.AMT]), float(duration), t[positive], c[positive], zero_until)


def summarise(profile: Profile, *, extravascular: bool) -> Summary | None:
    """Return what a profile says, None when no terminal slope can be seen.

    Parameters
    ----------
    extravascular : the dose is absorbed, so the concentration begins at zero
    """
    t, c = profile.time, profile.c
    top = int(np.argmax(c))
    if not extravascular and profile.duration > 0:
        top = max(top, int(np.searchsorted(t, profile.duration * (1 - 1e-9))))
    lambda_z = _terminal_slope(t[top:], c[top:])
    if not lambda_z > 0:
        return None
    first = lambda_z
    if top + 1 < len(t) and t[top + 1] > t[top]:
        first = max(lambda_z, float(np.log(c[top] / c[top + 1]) / (t[top + 1] - t[top])))
    rises = extravascular or profile.duration > 0
    c0 = 0.0 if rises else float(c[0] * np.exp(first * t[0]))
    if t[0] > 0:
        t, c = np.concatenate([[0.0], t]), np.concatenate([[c0], c])
    auc, aumc = _areas(t, c)
    last, at = c[-1], t[-1]
    auc += last / lambda_z
    aumc += last * at / lambda_z + last / lambda_z**2
    return Summary(
        dose=profile.dose,
        cl=profile.dose / auc,
        lambda_z=lambda_z,
        first_slope=first,
        mrt=max(aumc / auc - 0.5 * profile.duration, 0.1 / lambda_z),
        c0=c0,
        cmax=float(profile.c.max()),
        tmax=float(profile.time[np.argmax(profile.c)]),
        zero_until=profile.zero_until,
    )


def _terminal_slope(t: Floats, c: Floats) -> float:
    """Return the slope of log c over the last points, NaN where it does not fall."""
    best, slope = -np.inf, np.nan
    for n in range(min(3, len(t)), len(t) + 1):
        if n < 2 or t[-n] == t[-1]:
            continue
        x, y = t[-n:] - t[-n:].mean(), np.log(c[-n:])
        b = float(x @ y / (x @ x))
        total = float(np.sum((y - y.mean()) ** 2))
        rest = total - b * b * float(x @ x)
        fit = 1.0 - (rest / max(total, 1e-300)) * (n - 1) / max(n - 2, 1)
        if b < 0 and fit > best + 1e-4:
            best, slope = fit, -b
    return slope


def _areas(t: Floats, c: Floats) -> tuple[float, float]:
    """Return AUC and AUMC from the first to the last point, linear up and logarithmic down."""
    auc = aumc = 0.0
    for k in range(len(t) - 1):
        dt, a, b = t[k + 1] - t[k], c[k], c[k + 1]
        if dt <= 0:
            continue
        if b < a and b > 0:
            slope = np.log(a / b) / dt
            auc += (a - b) / slope
            aumc += (t[k] * a - t[k + 1] * b) / slope + (a - b) / slope**2
        else:
            auc += 0.5 * dt * (a + b)
            aumc += 0.5 * dt * (t[k] * a + t[k + 1] * b)
    return float(auc), float(aumc)


def typical(values: Sequence[float]) -> tuple[float, float]:
    """Return geometric mean and SD of the logarithms (0 of a single value)."""
    logs = np.log([value for value in values if value > 0])
    spread = float(np.std(logs, ddof=1)) if len(logs) > 1 else 0.0
    return float(np.exp(np.mean(logs))), spread
