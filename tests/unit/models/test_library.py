"""Every model of the library against scipy, by equations written here a second time."""

from functools import lru_cache
from itertools import pairwise
from math import factorial

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.special import gamma, gammainc, gammaln

from tests.structures import dose, in_order, predict, record
from workbench.models.pk import pk
from workbench.models.structural import Solver, equations, structures

TIMES = np.array([0.0, 0.3, 1.1, 2.7, 5.2, 9.1, 11.9, 13.3, 20.0, 37.0, 70.0])
SECOND = 12.0  # time of the second dose
AMOUNTS = (100.0, 60.0)


def solved(slope, start, into, *, method="LSODA", **tolerances):
    """States at TIMES: doses into state `into` (None: no doses) at 0 and SECOND."""
    options = {"method": method, "rtol": 1e-10, "atol": 1e-12} | tolerances
    x, states = np.array(start, float), []
    for begin, end, amount in ((0.0, SECOND, AMOUNTS[0]), (SECOND, TIMES[-1], AMOUNTS[1])):
        if into is not None:
            x[into] += amount
        last = end == TIMES[-1]
        inside = [t for t in TIMES if begin <= t < end or (last and t == end)]
        grid = inside if last else [*inside, end]
        run = solve_ivp(slope, (begin, end), x, t_eval=grid, **options)
        assert run.success
        states.append(run.y[:, : len(inside)])
        x = run.y[:, -1]
    return np.hstack(states)


def observed(model, endpoint, into):
    doses = [] if into is None else [dose(0.0, AMOUNTS[0]), dose(SECOND, AMOUNTS[1])]
    rows = in_order([*doses, *(record(t, endpoint=endpoint) for t in TIMES)])
    return predict(model, np.array(model.typical), rows)[:, 0]


def assert_same(model, expected, into=0, rtol=1e-6):
    """Each output relative to its largest magnitude."""
    assert len(expected) == len(model.outputs)
    for endpoint, curve in enumerate(expected):
        found = observed(model, endpoint, into)
        np.testing.assert_allclose(found, curve, rtol=0, atol=rtol * np.abs(curve).max())


def values(model):
    return dict(zip(model.parameters, model.typical, strict=True))


# --- pharmacokinetics ------------------------------------------------------------------------


@pytest.mark.parametrize("absorption", [None, "first_order"])
@pytest.mark.parametrize("compartments", [1, 2, 3])
@pytest.mark.parametrize("elimination", ["linear", "michaelis_menten", "parallel"])
def test_elimination(elimination, compartments, absorption):
    model = pk(
        compartments=compartments, absorption=absorption, elimination=elimination, form="ode"
    )
    p = values(model)
    v = p["v"] if compartments == 1 else p["v1"]
    links = {1: (), 2: ((p.get("q"), p.get("v2")),)}.get(
        compartments, ((p.get("q2"), p.get("v2")), (p.get("q3"), p.get("v3")))
    )

    def slope(_, x):
        c = x[1] / v
        loss = p.get("cl", 0.0) * c
        if elimination != "linear":
            loss += p["vmax"] * c / (p["km"] + c)
        flows = [q * (c - x[2 + j] / volume) for j, (q, volume) in enumerate(links)]
        absorbed = p.get("ka", 0.0) * x[0]
        return [-absorbed, absorbed - loss - sum(flows), *flows]

    into = 0 if absorption else 1
    states = solved(slope, np.zeros(1 + compartments), into)
    assert_same(model, [states[1] / v])


@pytest.mark.parametrize("elimination", ["linear", "michaelis_menten"])
def test_transit_absorption(elimination):
    """The sum over doses here, the last dose only in the model: the first has all arrived."""
    model = pk(absorption="transit", elimination=elimination)
    p = values(model)
    ktr = (p["n"] + 1) / p["mtt"]

    def slope(t, x):
        rate = 0.0
        for time, amount in zip((0.0, SECOND), AMOUNTS, strict=True):
            if t > time:
                s = ktr * (t - time)
                rate += amount * ktr * s ** p["n"] * np.exp(-s) / gamma(p["n"] + 1)
        c = x[1] / p["v"]
        loss = p["cl"] * c if elimination == "linear" else p["vmax"] * c / (p["km"] + c)
        return [rate - p["ka"] * x[0], p["ka"] * x[0] - loss]

    states = solved(slope, [0.0, 0.0], None, max_step=0.05, method="DOP853")
    assert_same(model, [states[1] / p["v"]])


@pytest.mark.parametrize("method", ["auto", "stiff"])
@pytest.mark.parametrize("given", ["infusion", "production"])
def test_a_long_chain_fills_from_empty(given, method):
    """State 7 starts as the seventh power of time: no step is short enough relative to itself."""
    chain = "\n".join(f"d/dt(a{i}) = k*(a{i - 1} - a{i})" for i in range(2, 8))
    made = "20" if given == "production" else "0"
    text = f"d/dt(a1) = {made} - k*a1\n{chain}"
    model = equations(text, ["a7"], solver=Solver(method=method))
    times = np.array([0.0, 0.1, 1.0, 3.0, 4.9])
    rows = [dose(0.0, 100.0, rate=20.0)] * (given == "infusion") + [record(t) for t in times]
    found = predict(model, np.array([1.3]), in_order(rows))[:, 0]
    expected = 20.0 / 1.3 * gammainc(7, 1.3 * times)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * expected.max())


@pytest.mark.parametrize("method", ["auto", "stiff"])
@pytest.mark.parametrize("power", [2, 4, 6, 9, 15])
def test_an_input_that_starts_as_a_power_of_time(power, method):
    """The slope of the empty system is zero at first, and nothing tells its magnitude.

    Its series in powers of k: n! t^(n+1) times the sum of (-kt)^j / (n + 1 + j)!.
    """
    model = equations(f"d/dt(a) = t^{power} - k*a", ["a"], solver=Solver(method=method))
    times = np.array([0.0, 0.1, 0.5, 1.0, 2.0, 3.0])
    found = predict(model, np.array([0.7]), in_order([record(t) for t in times]))[:, 0]
    series = sum((-0.7 * times) ** j / factorial(power + 1 + j) for j in range(30))
    expected = factorial(power) * times ** (power + 1) * series
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-8 * expected.max())


@pytest.mark.parametrize("response", [None, "indirect_1"])
@pytest.mark.parametrize("last", [24.0, 168.0, 2000.0])
@pytest.mark.parametrize("n", [0.5, 1.0, 3.0, 12.0, 60.0])
def test_a_transit_input_is_not_passed_over(n, last, response):
    """A system at rest, an input of an hour, the next event a week away: a step may see nothing.

    The concentration is the gamma density of the arrivals folded with a Bateman function.
    """
    model = pk(absorption="transit", response=response)
    p = values(model) | {"n": n}
    times = np.array([0.0, 0.5, 1.0, 2.0, 4.0, last])
    rows = in_order([dose(0.0, 100.0), *(record(t) for t in times)])
    found = predict(model, np.array(list(p.values())), rows)[:, 0]
    ktr, k = (n + 1) / p["mtt"], p["cl"] / p["v"]

    def folded(u, t):
        arriving = ktr * np.exp(n * np.log(ktr * u) - ktr * u - gammaln(n + 1))
        bateman = np.exp(-k * (t - u)) - np.exp(-p["ka"] * (t - u))
        return 100.0 * arriving * p["ka"] / (p["ka"] - k) * bateman / p["v"]

    def expected_at(t):
        parts = [0.0, *(b for b in (0.5, 1.0, 2.0, 4.0, 8.0, 30.0) if b < t), min(t, 30.0)]
        return sum(quad(folded, a, b, (t,), epsabs=1e-11)[0] for a, b in pairwise(parts))

    expected = [expected_at(t) for t in times]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-7 * max(expected))


# --- responses ---------------------------------------------------------------------------------


def response(name, c, e, p, precursor):
    """Effect, or slopes of (precursor, effect)."""
    emax = p.get("emax", 0.0) * c / (p.get("ec50", 1.0) + c)
    imax = p.get("imax", 0.0) * c / (p.get("ic50", 1.0) + c)
    power = p.get("gam", 1.0)
    direct = {
        "linear": lambda: p["e0"] + p["slope"] * c,
        "log_linear": lambda: p["e0"] + p["slope"] * np.log1p(c),
        "emax": lambda: p["e0"] + emax,
        "sigmoid_emax": lambda: p["e0"] + p["emax"] / (1 + (p["ec50"] / c) ** power),
        "imax": lambda: p["e0"] - p["e0"] * imax,
        "sigmoid_imax": lambda: p["e0"] * (1 - p["imax"] / (1 + (p["ic50"] / c) ** power)),
    }
    if name in direct:
        return direct[name]()
    if name == "precursor":
        out = p["kp"] * (1 + emax) * precursor
        return [p["kin"] - out, out - p["kout"] * e]
    made, lost = p["kin"], p["kout"] * e
    made *= {"indirect_1": 1 - imax, "indirect_3": 1 + emax}.get(name, 1.0)
    lost *= {"indirect_2": 1 - imax, "indirect_4": 1 + emax}.get(name, 1.0)
    return [0.0, made - lost]


DIRECT = ("linear", "log_linear", "emax", "sigmoid_emax", "imax", "sigmoid_imax")
TURNOVER = ("indirect_1", "indirect_2", "indirect_3", "indirect_4", "precursor")


@pytest.mark.parametrize("effect_compartment", [False, True])
@pytest.mark.parametrize("name", DIRECT + TURNOVER)
def test_response(name, effect_compartment):
    model = pk(absorption="first_order", response=name, effect_compartment=effect_compartment)
    p = values(model)

    def slope(_, x):
        c = x[1] / p["v"]
        ce = x[2] if effect_compartment else c
        pd = [0.0, 0.0] if name in DIRECT else response(name, ce, x[4], p, x[3])
        link = p["ke0"] * (c - ce) if effect_compartment else 0.0
        return [-p["ka"] * x[0], p["ka"] * x[0] - p["cl"] * c, link, *pd]

    start = [0.0] * 5
    if name in TURNOVER:
        start[3], start[4] = p["kin"] / p.get("kp", 1.0), p["kin"] / p["kout"]
    states = solved(slope, start, 0)
    c = states[1] / p["v"]
    driver = states[2] if effect_compartment else c
    with np.errstate(divide="ignore"):
        e = states[4] if name in TURNOVER else response(name, driver, None, p, None)
    assert_same(model, [c, e])


# --- the others --------------------------------------------------------------------------------


def test_parent_metabolite():
    model = structures.get("parent_metabolite")
    p = values(model)

    def slope(_, x):
        out, gone = p["cl"] * x[1] / p["v"], p["clm"] * x[2] / p["vm"]
        return [-p["ka"] * x[0], p["ka"] * x[0] - out, p["fm"] * out - gone]

    x = solved(slope, np.zeros(3), 0)
    assert_same(model, [x[1] / p["v"], x[2] / p["vm"]])


@lru_cache(maxsize=4)
def full_binding(kon, koff):
    """Concentrations of free drug, free target and complex of the full model."""
    p = values(structures.get("tmdd_full"))

    def slope(_, x):
        a, b, target, bound = x
        c = a / p["v"]
        flow, free = p["q"] * (c - b / p["v2"]), kon * c * target - koff * bound
        return [
            -p["cl"] * c - flow - p["v"] * free,
            flow,
            p["ksyn"] - p["kdeg"] * target - free,
            free - p["kint"] * bound,
        ]

    x = solved(slope, [0.0, 0.0, p["ksyn"] / p["kdeg"], 0.0], 0, method="Radau", rtol=1e-9)
    return np.array([x[0] / p["v"], x[2], x[3]])


def test_tmdd_full():
    model = structures.get("tmdd_full")
    p = values(model)
    free, target, bound = full_binding(p["kon"], p["koff"])
    assert_same(model, [free, target, bound, free + bound])


@pytest.mark.parametrize("name", ["tmdd_qe", "tmdd_qss"])
def test_tmdd_approximations(name):
    """Here the free concentration is the root of a quadratic in another form."""
    model = structures.get(name)
    p = values(model)
    constant = p["kd"] if name == "tmdd_qe" else p["kss"]

    def free(total, target):
        gap = target + constant - total
        root = np.sqrt(gap**2 + 4 * constant * total)
        return np.where(gap > 0, 2 * constant * total / (root + np.abs(gap)), (root - gap) / 2)

    def slope(_, x):
        total = x[0] / p["v"]
        c = float(free(total, x[2]))
        bound, flow = total - c, p["q"] * (c - x[1] / p["v2"])
        return [
            -p["cl"] * c - flow - p["v"] * p["kint"] * bound,
            flow,
            p["ksyn"] - p["kdeg"] * (x[2] - bound) - p["kint"] * bound,
        ]

    x = solved(slope, [0.0, 0.0, p["ksyn"] / p["kdeg"]], 0)
    assert_same(model, [free(x[0] / p["v"], x[2]), x[0] / p["v"], x[2]])


def test_tmdd_michaelis_menten():
    model = structures.get("tmdd_mm")
    p = values(model)

    def slope(_, x):
        c = x[0] / p["v"]
        flow = p["q"] * (c - x[1] / p["v2"])
        return [-p["cl"] * c - flow - p["vmax"] * c / (p["km"] + c), flow]

    assert_same(model, [solved(slope, [0.0, 0.0], 0)[0] / p["v"]])


def test_fast_binding_is_quasi_equilibrium():
    """With kon and koff thousandfold, in the ratio of kd, the full model is its limit, to 1/1000.

    After a dose the full model needs a moment for the equilibrium: the first sample is left out.
    """
    model = structures.get("tmdd_qe")
    kd = values(model)["kd"]
    free, target, bound = full_binding(1e3, 1e3 * kd)
    limit = [observed(model, k, 0)[1:] for k in range(3)]
    for found, expected in zip((free, free + bound, target + bound), limit, strict=True):
        np.testing.assert_allclose(found[1:], expected, rtol=2e-3)


CURVES = {
    "growth_logistic": lambda t, p: p["asym"] / (1 + np.exp((p["xmid"] - t) / p["scal"])),
    "growth_gompertz": lambda t, p: p["asym"] * np.exp(-np.exp((p["xmid"] - t) / p["scal"])),
    "tumour_exponential": lambda t, p: p["y0"] * np.exp(p["kg"] * t),
    "tumour_logistic": lambda t, p: (
        p["ymax"] / (1 + (p["ymax"] / p["y0"] - 1) * np.exp(-p["kg"] * t))
    ),
    "tumour_gompertz": lambda t, p: p["ymax"] * (p["y0"] / p["ymax"]) ** np.exp(-p["kg"] * t),
}


@pytest.mark.parametrize("name", CURVES)
def test_growth_is_its_formula(name):
    model = structures.get(name)
    assert_same(model, [CURVES[name](TIMES, values(model))], None)


def test_tumour_claret():
    """The solution of Claret's equation is in closed form; EXPOSURE is 1.3."""
    model = structures.get("tumour_claret")
    p = values(model)
    rows = in_order([record(t) for t in TIMES])
    found = predict(model, np.array(model.typical), rows, covariates=[[1.3]])[:, 0]
    drift = 1.3 * p["kd"] * np.exp(-p["lam"] * TIMES[0]) / p["lam"]
    loss = drift * (1 - np.exp(-p["lam"] * (TIMES - TIMES[0])))
    expected = p["y0"] * np.exp(p["kl"] * (TIMES - TIMES[0]) - loss)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_tumour_simeoni():
    model = structures.get("tumour_simeoni")
    p = values(model)

    def slope(_, x):
        a, x1, x2, x3, x4 = x
        kill = p["k2"] * a / p["v"] * x1
        growth = p["l0"] * x1 / (1 + (p["l0"] / p["l1"] * sum(x[1:])) ** 20) ** 0.05
        k1 = p["k1"]
        return [
            -p["cl"] / p["v"] * a,
            growth - kill,
            kill - k1 * x2,
            k1 * (x2 - x3),
            k1 * (x3 - x4),
        ]

    x = solved(slope, [0.0, p["w0"], 0.0, 0.0, 0.0], 0)
    assert_same(model, [x[1:].sum(axis=0), x[0] / p["v"]])


def test_viral_dynamics():
    """The virus falls by many orders of magnitude: scipy's absolute tolerance is smaller still."""
    model = structures.get("viral_tiv")
    p = values(model)

    def slope(_, x):
        new = p["beta"] * x[0] * x[2]
        return [-new, new - p["delta"] * x[1], p["p"] * x[1] - p["c"] * x[2]]

    x = solved(slope, [p["t0"], 0.0, p["v0"]], None, atol=1e-9, method="Radau")
    assert_same(model, [np.log10(np.maximum(x[2], 1e-6))], None, rtol=1e-5)


def test_hiv_under_treatment():
    model = structures.get("hiv_target_cell")
    p = values(model)
    healthy = p["delta"] * p["c"] / (p["beta"] * p["p"])
    virus = (p["lam"] - p["d"] * healthy) / (p["beta"] * healthy)

    def slope(_, x):
        new = (1 - p["eff"]) * p["beta"] * x[0] * x[2]
        made = p["lam"] - p["d"] * x[0]
        return [made - new, new - p["delta"] * x[1], p["p"] * x[1] - p["c"] * x[2]]

    x = solved(slope, [healthy, p["c"] * virus / p["p"], virus], None)
    assert_same(model, [np.log10(x[2]), x[0]], None)


def test_every_model_of_the_library_is_here():
    here = {"parent_metabolite", "tmdd_full", "tmdd_qe", "tmdd_qss", "tmdd_mm", *CURVES}
    here |= {"tumour_simeoni", "tumour_claret", "viral_tiv", "hiv_target_cell"}
    closed = {n for n in structures.names() if n.startswith("pk_")}  # tests/properties
    assert here | closed == set(structures.names())
