"""Slow, obvious twins of the compiled core, written from the published formulas.

Nothing here is shared with the package: predictions are sums of single doses (superposition),
derivatives are complex steps, matrices are dense, modes come from scipy. Formulas: Gibaldi &
Perrier (1982) for one compartment; Wang (2007) and the conventions of NONMEM for the objectives;
Hooker, Staatz & Karlsson (2007) for CWRES.
"""

from __future__ import annotations

import mpmath
import numpy as np
import scipy.linalg
import scipy.optimize

DEPOT = "depot"
CENTRAL = "central"


# --- predictions -----------------------------------------------------------------------------


def one_dose(t, amount, rate, into, ka, cl, v, exp=np.exp):
    """Concentration at a time t > 0 (or 0) after one dose; rate 0 is a bolus."""
    k = cl / v
    if into == CENTRAL and rate == 0:
        return amount / v * exp(-k * t)
    end = amount / rate if rate else 0.0
    stop = min(t, end)
    if into == CENTRAL:
        return rate / cl * (exp(-k * (t - stop)) - exp(-k * t))
    if rate == 0:
        return amount * ka / (v * (ka - k)) * (exp(-k * t) - exp(-ka * t))
    slow = (exp(-k * (t - stop)) - exp(-k * t)) / k
    fast = (exp(-ka * (t - stop)) - exp(-ka * t)) / ka
    return rate * ka / (v * (ka - k)) * (slow - fast)


def concentrations(times, doses, *, ka=None, cl, v):
    """Superpose the doses (time, amount, rate, compartment); a dose at its own time counts."""
    out = np.zeros(len(times), dtype=np.result_type(float, *[p for p in (ka, cl, v) if p]))
    for j, t in enumerate(times):
        for start, amount, rate, into in doses:
            if t >= start:
                out[j] += one_dose(t - start, amount, rate, into, ka, cl, v)
    return out


def precise_concentrations(times, doses, *, ka=None, cl, v):
    """Return the same in 60 digits, so that ka close to cl/v loses nothing."""
    with mpmath.workdps(60):
        cl, v = mpmath.mpf(cl), mpmath.mpf(v)
        ka = None if ka is None else mpmath.mpf(ka)
        if ka is not None and abs(ka - cl / v) < mpmath.mpf(10) ** -25:
            ka = cl / v * (1 + mpmath.mpf(10) ** -25)  # the limit, to 25 digits
        out = []
        for t in times:
            total = mpmath.mpf(0)
            for start, amount, rate, into in doses:
                if t >= start:
                    since = mpmath.mpf(t) - mpmath.mpf(start)
                    dose, speed = mpmath.mpf(amount), mpmath.mpf(rate)
                    total += one_dose(since, dose, speed, into, ka, cl, v, mpmath.exp)
            out.append(float(total))
    return np.array(out)


# --- residual error --------------------------------------------------------------------------


def variance(error, f, sigma):
    if error == "additive":
        return sigma[0] ** 2 + 0 * f
    if error == "proportional":
        return (sigma[0] * f) ** 2
    if error == "combined1":
        return (sigma[0] + sigma[1] * f) ** 2
    if error == "combined2":
        return sigma[0] ** 2 + (sigma[1] * f) ** 2
    if error == "power":
        return sigma[0] ** 2 * (f * f) ** sigma[1]
    if error == "lognormal":
        return sigma[0] ** 2 + 0 * f
    if error == "combined1_power":
        return (sigma[0] + sigma[1] * (f * f) ** (0.5 * sigma[2])) ** 2
    if error == "combined2_power":
        return sigma[0] ** 2 + sigma[1] ** 2 * (f * f) ** sigma[2]
    raise ValueError(error)


def transformed(error, y):
    return np.log(y) if error == "lognormal" else y


def log_jacobian(error, y):
    """Sum of log |h'(y)|."""
    return -np.sum(np.log(y)) if error == "lognormal" else 0.0


# --- one subject -----------------------------------------------------------------------------


class Subject:
    """One subject's data and the model, for one set of population parameters.

    Parameters
    ----------
    predict : function of {name: value} returning the predictions, complex-safe
    typical : name -> (typical value, "lognormal" or "normal")
    etas : names with a random effect, in omega's order
    """

    def __init__(self, predict, y, typical, etas, omega, error, sigma):
        self.predict, self.y, self.typical, self.etas = predict, y, typical, etas
        self.omega, self.error, self.sigma = omega, error, sigma
        self.precision = np.linalg.inv(omega)

    def f(self, eta):
        values = {}
        for name, (value, distribution) in self.typical.items():
            e = eta[self.etas.index(name)] if name in self.etas else 0.0
            values[name] = value * np.exp(e) if distribution == "lognormal" else value + e
        return self.predict(values)

    def z(self):
        return transformed(self.error, self.y)

    def h(self, eta):
        return transformed(self.error, self.f(eta))

    def variance_at(self, f):
        return variance(self.error, f, self.sigma)

    def v(self, eta):
        return self.variance_at(self.f(eta))

    def slopes(self, function, eta):
        """Columns d function / d eta by complex steps: exact to rounding."""
        columns = []
        for k in range(len(self.etas)):
            moved = np.array(eta, dtype=complex)
            moved[k] += 1e-40j
            columns.append(function(moved).imag / 1e-40)
        return np.array(columns).reshape(len(self.etas), len(self.y)).T

    def joint(self, eta, interaction):
        """-2 log of the joint density, without constants; complex-safe."""
        v = self.v(eta) if interaction else self.v(np.zeros(len(self.etas)))
        r = self.z() - self.h(eta)
        return np.sum(r * r / v + np.log(v)) + eta @ self.precision @ eta

    def joint_gradient(self, eta, interaction):
        gradient = []
        for k in range(len(eta)):
            moved = np.array(eta, dtype=complex)
            moved[k] += 1e-40j
            gradient.append(self.joint(moved, interaction).imag / 1e-40)
        return np.array(gradient)

    def mode(self, interaction):
        """Conditional mode from eta = 0: scipy's BFGS, then its root finder on the gradient."""
        start = np.zeros(len(self.etas))
        if not len(start):
            return start
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # far steps
            found = scipy.optimize.minimize(
                lambda e: np.nan_to_num(float(self.joint(e, interaction)), nan=np.inf),
                start,
                jac=lambda e: self.joint_gradient(e, interaction),
                method="BFGS",
                options={"gtol": 1e-7},
            )
        polished = scipy.optimize.root(
            self.joint_gradient, found.x, args=(interaction,), method="hybr", tol=1e-13
        )
        moved = np.max(np.abs(polished.x - found.x))
        assert moved < 1e-3, f"the root finder left the minimum by {moved}"
        return polished.x

    def fo(self):
        zero = np.zeros(len(self.etas))
        g = self.slopes(self.h, zero)
        c = g @ self.omega @ g.T + np.diag(self.v(zero))
        r = self.z() - self.h(zero)
        return r @ np.linalg.solve(c, r) + np.linalg.slogdet(c)[1]

    def conditional(self, interaction):
        """FOCE or FOCEI, by the Hessian per subject."""
        eta = self.mode(interaction)
        a = self.slopes(self.h, eta)
        v = self.v(eta) if interaction else self.v(np.zeros(len(eta)))
        hessian = a.T @ (a / v[:, None]) + self.precision
        if interaction:
            c = self.slopes(self.v, eta)
            hessian += 0.5 * c.T @ (c / v[:, None] ** 2)
        return (
            float(self.joint(eta, interaction))
            + np.linalg.slogdet(self.omega)[1]
            + np.linalg.slogdet(hessian)[1]
        )

    def ofv(self, method):
        return self.fo() if method == "fo" else self.conditional(method == "focei")

    def exact(self, nodes=60):
        """-2 log of the marginal by Gauss-Hermite quadrature around the mode; one or two etas."""
        eta = self.mode(True)
        n = len(eta)
        a = self.slopes(self.h, eta)
        hessian = a.T @ (a / self.v(eta)[:, None]) + self.precision
        low = np.linalg.cholesky(np.linalg.inv(hessian))
        x, w = np.polynomial.hermite_e.hermegauss(nodes)
        grids = np.meshgrid(*[x] * n, indexing="ij")
        weights = np.prod(np.meshgrid(*[w] * n, indexing="ij"), axis=0).ravel()
        points = np.stack([g.ravel() for g in grids], axis=1)
        logs = np.array(
            [-0.5 * self.joint(eta + low @ z, True) + 0.5 * z @ z for z in points], dtype=float
        )
        top = logs.max()
        total = np.log(np.sum(weights * np.exp(logs - top))) + top
        logdet = np.linalg.slogdet(low)[1]
        normal = 0.5 * n * np.log(2 * np.pi) + 0.5 * np.linalg.slogdet(self.omega)[1]
        return -2.0 * (total + logdet - normal)

    def wres(self):
        zero = np.zeros(len(self.etas))
        g = self.slopes(self.h, zero)
        r = self.z() - self.h(zero)
        return whitened(r, g @ self.omega @ g.T + np.diag(self.v(zero)))

    def cwres(self, interaction):
        eta = self.mode(interaction)
        g = self.slopes(self.h, eta)
        r = self.z() - (self.h(eta) - g @ eta)
        v = self.v(eta) if interaction else self.v(np.zeros(len(eta)))
        return whitened(r, g @ self.omega @ g.T + np.diag(v))

    def cwresi(self, interaction):
        """The residual variance is its mean over f ~ N(m, diag), by Gauss-Hermite quadrature."""
        eta = self.mode(interaction)
        g, g_f = self.slopes(self.h, eta), self.slopes(self.f, eta)
        mean, spread = self.f(eta) - g_f @ eta, np.sqrt(np.diag(g_f @ self.omega @ g_f.T))
        x, w = np.polynomial.hermite_e.hermegauss(7)
        v = sum(
            b * self.variance_at(mean + a * spread) for a, b in zip(x, w / w.sum(), strict=True)
        )
        r = self.z() - (self.h(eta) - g @ eta)
        return whitened(r, g @ self.omega @ g.T + np.diag(v))

    def iwres(self, interaction):
        eta = self.mode(interaction)
        r = self.z() - self.h(eta)
        return r / np.sqrt(self.v(eta))


class Several(Subject):
    """One subject with several endpoints.

    Parameters
    ----------
    errors : one (error model, sigma) per endpoint
    which : number of the endpoint of each observation
    """

    def __init__(self, predict, y, typical, etas, omega, errors, which):
        super().__init__(predict, y, typical, etas, omega, None, None)
        self.errors, self.which = errors, np.asarray(which)

    def each(self, function, values):
        out = np.array(values)
        for number, error in enumerate(self.errors):
            mine = self.which == number
            out[mine] = function(error, np.asarray(values)[mine])
        return out

    def z(self):
        return self.each(lambda error, y: transformed(error[0], y), self.y)

    def h(self, eta):
        return self.each(lambda error, f: transformed(error[0], f), self.f(eta))

    def variance_at(self, f):
        return self.each(lambda error, own: variance(error[0], own, error[1]), f)


def whitened(residual, covariance):
    """Multiply by the inverse symmetric square root."""
    return np.linalg.solve(scipy.linalg.sqrtm(covariance).real, residual)


# --- a whole data set ------------------------------------------------------------------------


def subjects(model, data):
    """One `Subject` for each of the data set's, from the model's values."""
    into = model.structure.compartments
    out = []
    for label in data.subjects:
        doses = data.doses[data.doses["ID"] == label]
        given = [
            (row.TIME, row.AMT, row.RATE, into[int(row.CMT) - 1]) for row in doses.itertuples()
        ]
        observed = data.observations[data.observations["ID"] == label]
        times = observed["TIME"].to_numpy(float)

        def predict(values, times=times, given=given):
            return concentrations(times, given, **values)

        typical = {n: (p.typical, p.distribution) for n, p in model.parameters.items()}
        out.append(
            Subject(
                predict,
                observed["DV"].to_numpy(float),
                typical,
                list(model.etas),
                model.omega,
                model.error.model,
                model.error.values,
            )
        )
    return out


def ofv(model, data, method):
    """Each subject's objective, without n log 2 pi; that of DV's transformation as it is."""
    return np.array([s.ofv(method) for s in subjects(model, data)])


def pooled_m2ll(model, data):
    """Complete -2 log L without random effects."""
    total = 0.0
    for s in subjects(model, data):
        zero = np.zeros(len(s.etas))
        r = transformed(s.error, s.y) - s.h(zero)
        v = s.v(zero)
        total += np.sum(r * r / v + np.log(2 * np.pi * v)) - 2 * log_jacobian(s.error, s.y)
    return total


# --- parameters that change within a subject -------------------------------------------------


def stepwise_concentrations(rows, parameters):
    """One-compartment oral model by amounts, record after record, as NONMEM's ADVAN2 goes.

    Parameters
    ----------
    rows : (time, dose into the depot or 0, observed or not) in time order
    parameters : of each row (ka, cl, v), which hold from the time of the row before; complex-safe
    """
    kind = np.result_type(float, *[value for own in parameters for value in own])
    depot, central, out, now = kind.type(0), kind.type(0), [], rows[0][0]
    for (time, amount, observed), (ka, cl, v) in zip(rows, parameters, strict=True):
        k, dt = cl / v, time - now
        fed = depot * ka / (ka - k) * (np.exp(-k * dt) - np.exp(-ka * dt))
        depot, central, now = depot * np.exp(-ka * dt), central * np.exp(-k * dt) + fed, time
        depot = depot + amount
        if observed:
            out.append(central / v)
    return np.array(out)


def subjects_by_row(model, data, shifts, occasions=None):
    """One `Subject` for each: parameters row by row, kappas as effects of their own.

    Parameters
    ----------
    shifts : table position -> {parameter: shift of its logarithm}, of covariates
    occasions : table position -> label, None without them
    """
    out = []
    names, iov = list(model.parameters), list(model.iov) if occasions else []
    for label in data.subjects:
        own = data.table[data.table["ID"] == label]
        own_labels = list(dict.fromkeys(occasions[k] for k in own.index)) if occasions else []
        rows = [(r.TIME, r.AMT if r.EVID == 1 else 0.0, r.EVID == 0) for r in own.itertuples()]

        def predict(values, own=own, rows=rows):
            parameters = []
            for k in own.index:
                moved = []
                for name in names:
                    psi = shifts[k].get(name, 0.0)
                    psi += values[f"{name}@{occasions[k]}"] if name in iov else 0.0
                    moved.append(values[name] * np.exp(psi))
                parameters.append(moved)
            return stepwise_concentrations(rows, parameters)

        kappas = [f"{name}@{occasion}" for occasion in own_labels for name in iov]
        typical = {n: (p.typical, p.distribution) for n, p in model.parameters.items()}
        typical |= dict.fromkeys(kappas, (0.0, "normal"))
        omega = scipy.linalg.block_diag(model.omega, *[model.omega_iov] * len(own_labels))
        out.append(
            Subject(
                predict,
                own.loc[own["EVID"] == 0, "DV"].to_numpy(float),
                typical,
                [*model.etas, *kappas],
                omega,
                model.error.model,
                model.error.values,
            )
        )
    return out
