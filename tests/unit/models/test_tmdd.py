"""Target-mediated disposition as an option: written a second time, its limits, its balances."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.structures import differences, dose, in_order, predict, record
from workbench.errors import ModelError
from workbench.models.pk import CHOICES, options_of, pk
from workbench.models.read import read_structure
from workbench.models.structural import Solver, equations, structures

BINDINGS = ("full", "qe", "qss", "mm")
ABSORPTION = CHOICES["absorption"]
TIMES = np.array([0.0, 0.3, 1.1, 2.7, 5.2, 9.1, 11.9, 13.3, 20.0, 37.0, 70.0, 120.0])
SECOND = 12.0  # time of the second dose
TIGHT = Solver(rtol=1e-11, atol=1e-15)


def values(model, **others):
    known = dict(zip(model.parameters, model.typical, strict=True)) | others
    return {name: known[name] for name in model.parameters}


def curves(model, phi, doses, times=TIMES):
    """One row for each output."""
    rows = [record(t, endpoint=k) for k in range(len(model.outputs)) for t in times]
    found = [
        predict(model, np.array(list(phi.values())), in_order([*doses, *rows[a : a + len(times)]]))
        for a in range(0, len(rows), len(times))
    ]
    return dict(zip(model.outputs, np.array(found)[:, :, 0], strict=True))


def tight(model):
    return replace(model, family=replace(model.family, solver=TIGHT))


@lru_cache(maxsize=64)
def built(**options):
    return tight(pk(**options))


def boluses(compartment=1):
    return [dose(0.0, 100.0, compartment), dose(SECOND, 60.0, compartment)]


# --- written a second time ---------------------------------------------------------------------


def free_of(total, target, constant):
    """Free drug as the complement of the complex, the smaller root by Newton's method."""
    bound = 0.5 * min(total, target)
    for _ in range(60):
        gap = (total - bound) * (target - bound) - constant * bound
        bound -= gap / (2 * bound - total - target - constant)
    return total - bound


def slopes(binding, links, p):
    """Right-hand side: depot, central, target, complex, peripherals as concentrations."""
    v = p.get("v", p.get("v1"))

    def slope(_, x):
        depot, drug, target, bound, *others = x
        if binding in ("qe", "qss"):
            c = free_of(drug, target, p["kd"] if binding == "qe" else p["kss"])
            lost = p["kint"] * (drug - c)
            turnover = p["ksyn"] - p["kdeg"] * (target - drug + c) - lost
            complexes = 0.0
        elif binding == "full":
            c, net = drug, p["kon"] * drug * target - p["koff"] * bound
            lost, turnover = net, p["ksyn"] - p["kdeg"] * target - net
            complexes = net - p["kint"] * bound
        else:
            c, turnover, complexes = drug, 0.0, 0.0
            lost = p["vmax"] * c / (p["km"] + c) / v
        flows = [q * (c - other) for (q, _), other in zip(links, others, strict=True)]
        absorbed = p.get("ka", 0.0) * depot
        into = (absorbed - p["cl"] * c - sum(flows)) / v - lost
        spread = [flow / volume for flow, (_, volume) in zip(flows, links, strict=True)]
        return [-absorbed, into, turnover, complexes, *spread]

    return slope


@pytest.mark.parametrize(
    ("compartments", "absorption"), [(1, None), (1, "first_order"), (2, None), (3, "first_order")]
)
@pytest.mark.parametrize("binding", BINDINGS)
def test_against_scipy(binding, compartments, absorption):
    """To the tolerance of scipy's stiff solver, 1e-10, some of which 100 h lose."""
    model = built(compartments=compartments, absorption=absorption, tmdd=binding)
    p = values(model)
    links = {1: [], 2: [("q", "v2")], 3: [("q2", "v2"), ("q3", "v3")]}[compartments]
    links = [(p[q], p[volume]) for q, volume in links]
    v = p.get("v", p.get("v1"))
    slope = slopes(binding, links, p)
    x = np.zeros(4 + len(links))
    x[2] = p["ksyn"] / p["kdeg"] if binding != "mm" else 0.0
    parts = []
    for begin, end, amount in ((0.0, SECOND, 100.0), (SECOND, TIMES[-1], 60.0)):
        x[0 if absorption else 1] += amount if absorption else amount / v
        grid = [t for t in TIMES if begin <= t < end] + [end]
        run = solve_ivp(slope, (begin, end), x, "Radau", grid, rtol=1e-10, atol=1e-12)
        x = run.y[:, -1]
        parts.append(run.y if end == TIMES[-1] else run.y[:, :-1])
    drug, target, bound = np.hstack(parts)[1:4]
    if binding in ("qe", "qss"):
        constant = p["kd"] if binding == "qe" else p["kss"]
        c = np.array([free_of(a, b, constant) for a, b in zip(drug, target, strict=True)])
        expected = {"c": c, "ctot": drug, "rtot": target}
    elif binding == "full":
        expected = {"c": drug, "target": target, "complex": bound, "ctot": drug + bound}
    else:
        expected = {"c": drug}
    found = curves(model, p, boluses())
    assert list(found) == list(expected)
    for name, curve in expected.items():
        np.testing.assert_allclose(found[name], curve, rtol=0, atol=3e-8 * curve.max())


ONE = {
    "full": """
c = central/v
d/dt(central) = INPUT - cl*c - v*kon*c*target + v*koff*complex
d/dt(target) = ksyn - kdeg*target - kon*c*target + koff*complex
d/dt(complex) = kon*c*target - koff*complex - kint*complex
target(0) = ksyn/kdeg
""",
    "qss": """
total = central/v
c = 0.5*(total - rtot - kss) + 0.5*sqrt((total - rtot - kss)^2 + 4*kss*total)
d/dt(central) = INPUT - cl*c - v*kint*(total - c)
d/dt(rtot) = ksyn - kdeg*rtot - (kint - kdeg)*(total - c)
rtot(0) = ksyn/kdeg
""",
}
INPUTS = {
    None: ("0", "", {}),
    "first_order": ("ka*depot", "d/dt(depot) = -ka*depot\n", {}),
    "zero_order": ("0", "dur(central) = tk0\n", {"rate": -2}),
    "transit": (
        "ka*depot",
        "d/dt(depot) = dose(depot)*exp(n*log((n + 1)/mtt*tad(depot)) - (n + 1)/mtt*tad(depot)"
        " - lgamma(n + 1))*(n + 1)/mtt - ka*depot\n",
        {},
    ),
}


@pytest.mark.parametrize("absorption", INPUTS)
@pytest.mark.parametrize("binding", ONE)
def test_every_absorption_equals_equations_of_ones_own(binding, absorption):
    model = built(absorption=absorption, tmdd=binding)
    into, lines, columns = INPUTS[absorption]
    text = lines + ONE[binding].replace("INPUT", into)
    own = equations(text, ["c"], solver=TIGHT)
    p = values(model)
    typed = {name: p[name] for name in own.parameters}
    state = "depot" if "depot" in own.compartments else "central"
    number = own.compartments.index(state) + 1
    expected = curves(own, typed, [dose(0.0, 100.0, number, **columns)])["c"]
    found = curves(model, p, [dose(0.0, 100.0)])["c"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * expected.max())


@pytest.mark.parametrize("binding", ["full", "qss"])
def test_mixed_absorption_is_its_two_parts(binding):
    """A depot that takes Fr of the dose, and an infusion of the rest that lasts Tk0."""
    mixed, plain = (
        built(absorption="mixed", tmdd=binding),
        built(absorption="first_order", tmdd=binding),
    )
    p = values(mixed, fr=0.3, tk0=2.5)
    whole = curves(mixed, p, [dose(0.0, 100.0)])
    doses = [dose(0.0, 30.0), dose(0.0, 70.0, 2, rate=70.0 / 2.5)]
    parts = curves(plain, {name: p[name] for name in plain.parameters}, doses)
    for name, curve in parts.items():
        np.testing.assert_allclose(whole[name], curve, rtol=0, atol=1e-8 * curve.max())


@pytest.mark.parametrize("binding", ["full", "qss"])
def test_lag_and_bioavailability_belong_to_the_dose(binding):
    plain = built(tmdd=binding, absorption="first_order")
    model = built(tmdd=binding, absorption="first_order", lag=True, bioavailability=True)
    p = values(plain)
    later = [dose(0.75, 60.0), dose(SECOND + 0.75, 36.0)]
    expected = curves(plain, p, later)["c"]
    found = curves(model, values(model, **p, tlag=0.75, f=0.6), boluses())["c"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * expected.max())


@pytest.mark.parametrize("binding", ["full", "qss", "mm"])
def test_rate_constants_are_clearances_over_volumes(binding):
    options = {"compartments": 3, "absorption": "first_order", "tmdd": binding}
    by_clearance, by_rates = built(**options), built(**options, parametrisation="rates")
    p = values(by_clearance)
    v = p["v1"]
    rates = {"v": v, "k": p["cl"] / v}
    for j in (2, 3):
        rates |= {f"k1{j}": p[f"q{j}"] / v, f"k{j}1": p[f"q{j}"] / p[f"v{j}"]}
    expected = curves(by_clearance, p, boluses())
    found = curves(by_rates, values(by_rates, **p | rates), boluses())
    for name, curve in expected.items():
        np.testing.assert_allclose(found[name], curve, rtol=0, atol=1e-8 * curve.max())


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_library_is_the_option_with_two_compartments(binding):
    library = tight(structures.get(f"tmdd_{binding}"))
    option = built(compartments=2, tmdd=binding)
    assert library.outputs == option.outputs
    expected = curves(library, values(library), boluses())
    p = values(library)
    found = curves(option, values(option, **p, v1=p["v"]), boluses())
    for name, curve in expected.items():
        np.testing.assert_array_equal(found[name], curve)


# --- limits and balances -------------------------------------------------------------------------


@pytest.mark.parametrize("absorption", [None, "first_order"])
def test_fast_binding_is_quasi_equilibrium(absorption):
    """Kon and koff a thousandfold: the difference is of the order kint/koff, and a moment."""
    full, limit = (pk(absorption=absorption, tmdd=name) for name in ("full", "qe"))
    p = values(limit)
    q = values(full, **p, kon=1e3, koff=1e3 * p["kd"])
    found, expected = curves(full, q, boluses()), curves(limit, p, boluses())
    later = TIMES != 0.0
    for name in ("c", "ctot"):
        np.testing.assert_allclose(found[name][later], expected[name][later], rtol=3e-3)
    total = found["target"] + found["complex"]
    np.testing.assert_allclose(total[later], expected["rtot"][later], rtol=3e-3)


@pytest.mark.parametrize("absorption", [None, "first_order"])
def test_little_target_of_fast_turnover_is_michaelis_menten(absorption):
    """Equal losses of target and complex: rtot stays R0; R0 far below Km: little drug is bound."""
    qss, limit = (built(absorption=absorption, tmdd=name) for name in ("qss", "mm"))
    p = values(qss, kint=1e4, kdeg=1e4)
    v, r0 = p["v"], p["ksyn"] / p["kdeg"]
    q = values(limit, **p, vmax=v * p["ksyn"], km=p["kss"])
    found, expected = curves(qss, p, boluses()), curves(limit, q, boluses())
    np.testing.assert_allclose(found["rtot"], r0, rtol=1e-9)
    size = expected["c"].max()
    np.testing.assert_allclose(found["c"], expected["c"], rtol=2e-3, atol=1e-6 * size)


@pytest.mark.parametrize("binding", ["full", "qss"])
@pytest.mark.parametrize("compartments", [1, 3])
def test_without_target_it_is_linear(compartments, binding):
    """Against the closed form; the solver's tolerance is 1e-11 of a step."""
    model = built(compartments=compartments, absorption="first_order", tmdd=binding)
    p = values(model, ksyn=1e-13)
    linear = pk(compartments=compartments, absorption="first_order")
    expected = curves(linear, {name: p[name] for name in linear.parameters}, boluses())["c"]
    found = curves(model, p, boluses())["c"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * expected.max())


@pytest.mark.parametrize("binding", ["full", "qss", "mm"])
def test_no_drug_is_made_or_lost(binding):
    """The dose is what is in the compartments, bound, eliminated and internalised."""
    text = pk(compartments=2, absorption="transit", tmdd=binding).family.system.text
    taken = {"full": "v1*kint*complex", "mm": "vmax*c/(km + c)"}.get(binding, "v1*kint*complex")
    bound = " + v1*complex" if binding == "full" else ""
    text += f"\nd/dt(gone) = cl*c + {taken}\nall = depot + central + peripheral + gone{bound}\n"
    model = equations(text, ["all"], solver=TIGHT)
    p = values(pk(compartments=2, absorption="transit", tmdd=binding))
    number = model.compartments.index("depot") + 1
    phi = {name: p[name] for name in model.parameters}
    late = np.array([20.0, 40.0, 90.0])
    found = curves(model, phi, [dose(0.0, 100.0, number)], late)["all"]
    np.testing.assert_allclose(found, 100.0, rtol=1e-8)


@pytest.mark.parametrize(("binding", "constant"), [("qe", "kd"), ("qss", "kss")])
def test_the_balance_holds_where_almost_all_is_bound(binding, constant):
    """The textbook root, (root + excess)/2, is off by 3e-7 where c is 4e-11 of the target."""
    model = built(tmdd=binding)
    p = values(model, **{constant: 1e-4}, kint=0.3)
    late = np.array([0.0, 30.0, 60.0, 90.0])
    found = curves(model, p, [dose(0.0, 2.0)], late)
    c, bound, rtot = found["c"], found["ctot"] - found["c"], found["rtot"]
    assert c[-1] < 1e-7 * rtot[-1]
    np.testing.assert_allclose(c * (rtot - bound), p[constant] * bound, rtol=1e-12)


# --- with the other options -----------------------------------------------------------------------


@pytest.mark.parametrize("binding", ["full", "qss"])
def test_a_response_is_driven_by_the_free_drug(binding):
    model = built(tmdd=binding, response="emax")
    assert model.outputs[0] == "c"
    assert model.outputs[-1] == "e"
    p = values(model)
    found = curves(model, p, boluses())
    c = found["c"]
    expected = p["e0"] + p["emax"] * c / (p["ec50"] + c)
    np.testing.assert_allclose(found["e"], expected, rtol=1e-12)


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("absorption", ABSORPTION)
@pytest.mark.parametrize("compartments", CHOICES["compartments"])
@pytest.mark.parametrize("parametrisation", CHOICES["parametrisation"])
def test_every_combination_is_declared(compartments, absorption, binding, parametrisation):
    options = {
        "compartments": compartments,
        "absorption": absorption,
        "tmdd": binding,
        "parametrisation": parametrisation,
        "lag": True,
    }
    model = pk(**options)
    assert {k: options_of(model)[k] for k in options} == options
    assert read_structure(model.card) is model
    assert not model.family.system.warnings
    assert len(set(model.parameters)) == len(model.parameters)
    assert all(model.meanings)
    assert all(value > 0 for value in model.typical)
    assert not {"target", "complex", "rtot"} & set(model.compartments)
    assert "target-mediated disposition" in model.title


@pytest.mark.parametrize("elimination", ["michaelis_menten", "parallel"])
@pytest.mark.parametrize("binding", BINDINGS)
def test_saturable_elimination_is_refused_in_words(binding, elimination):
    with pytest.raises(ModelError, match="target is what saturates"):
        pk(tmdd=binding, elimination=elimination)


@pytest.mark.parametrize(
    "options",
    [
        {"tmdd": "full", "absorption": "first_order", "lag": True, "bioavailability": True},
        {"tmdd": "qss", "absorption": "zero_order", "compartments": 2, "rate": True},
        {"tmdd": "qe", "absorption": "transit", "parametrisation": "rates"},
        {"tmdd": "mm", "absorption": "mixed", "response": "indirect_1"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_derivatives_equal_differences(options):
    model = built(**options)
    p = np.array(model.typical) * 1.07
    rows = [dose(0.0, 100.0), dose(12.0, 60.0, addl=2, ii=9.0), *(record(t) for t in TIMES[1:])]
    records = in_order(rows)
    jets = predict(model, p, records, 1)
    for k in range(len(p)):
        slope = differences(lambda at: predict(model, at, records, 0), p, k)[:, 0]
        size = np.abs(slope).max() + 1e-4 * jets[:, 0].max() / p[k]
        np.testing.assert_allclose(jets[:, 1 + k] / size, slope / size, rtol=0, atol=1e-5)


@pytest.mark.parametrize("binding", ["full", "qss"])
def test_steady_state_is_where_repeated_doses_lead(binding):
    model = built(tmdd=binding, absorption="first_order")
    p = values(model)
    late = np.array([1.0, 6.0, 23.0])
    steady = curves(model, p, [dose(0.0, 100.0, ss=1, ii=24.0)], late)
    doses = [dose(-24.0 * 40, 100.0, addl=40, ii=24.0)]
    repeated = curves(model, p, doses, late)
    for name, curve in repeated.items():
        np.testing.assert_allclose(steady[name], curve, rtol=1e-6)
