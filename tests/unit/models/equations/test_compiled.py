"""Compiled systems: the calling contract, piecewise definitions, and values at the edges."""

import numpy as np
import pytest

from workbench.core.abi import at, call_vector
from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.models.equations import compile_system, parse

ORAL = """
d/dt(depot) = -ka*depot
d/dt(central) = ka*depot - cl/v*central
d/dt(effect) = ke0*(cp - effect)
central(0) = base*v
lag(depot) = tlag
f(depot) = fr*(WT/70)^0.75
dur(central) = d0 + 0.01*t
cp = central/v
e = e0 + emax*effect^hill/(ec50^hill + effect^hill)
"""


@pytest.fixture(scope="module")
def oral():
    return compile_system(parse(ORAL, ["cp", "e"], ["AGE", "WT"]))


@kernel
def call(
    address: int,
    order: int,
    t: float,
    z: Vec,
    value: OutVec,
    jacobian: OutMat,
    hessian: OutVec,
) -> int:
    """Call a vector function by address, as the solvers do."""
    return call_vector(
        address,
        order,
        t,
        at(z, 0),
        z.shape[0],
        at(value, 0),
        value.shape[0],
        at(jacobian, 0),
        at(hessian, 0),
        hessian.shape[0],
    )


def by_address(function, t, z, order):
    value = np.full(function.k, 7.0)
    jacobian = np.full((function.k, function.n_z), 7.0)
    hessian = np.full(function.nnz, 7.0)
    assert call(function.address, order, t, z, value, jacobian, hessian) == 0
    return value, jacobian, hessian


def some_z(system, seed=1):
    return np.random.default_rng(seed).uniform(0.5, 2.0, len(system.z))


def central_difference(f, x, h=1e-3):
    """Derivative of fourth order: error about h^4, 1e-12."""
    return (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)


def assert_derivatives_equal_differences(function, t, z):
    _, jacobian, hessian = function.evaluate(t, z)
    last = function.n_z - 1

    def moved(i, x, part):
        there = z.copy()
        there[i] = x
        return function.evaluate(x if i == last else t, there)[part]

    for i in range(function.n_z):
        start = t if i == last else z[i]
        for exact, part in ((jacobian[:, i], 0), (hessian[:, :, i], 1)):
            difference = central_difference(lambda x, p=part, i=i: moved(i, x, p), start)
            np.testing.assert_allclose(exact, difference, rtol=1e-8, atol=1e-8)


def test_entries_of_z(oral):
    assert oral.system.z == (
        "depot", "central", "effect", "ka", "cl", "v", "ke0", "base", "tlag", "fr", "d0",
        "e0", "emax", "hill", "ec50", "WT", "t",
    )  # fmt: skip
    assert oral.system.dosing == (("lag", "depot"), ("f", "depot"), ("dur", "central"))


def test_values_of_the_four_functions(oral):
    z = some_z(oral.system)
    named = dict(zip(oral.system.z, z, strict=True))
    g = type("Named", (), named)
    cp = g.central / g.v
    power = g.effect**g.hill
    expected = {
        "rhs": [-g.ka * g.depot, g.ka * g.depot - g.cl / g.v * g.central, g.ke0 * (cp - g.effect)],
        "output": [cp, g.e0 + g.emax * power / (g.ec50**g.hill + power)],
        "initial": [0.0, g.base * g.v, 0.0],
        "dosing": [g.tlag, g.fr * (g.WT / 70) ** 0.75, g.d0 + 0.01 * 3.0],
    }
    for name, values in expected.items():
        for order in (0, 1, 2):
            value, *_ = by_address(getattr(oral, name), 3.0, z, order)
            np.testing.assert_allclose(value, values, rtol=1e-14)


@pytest.mark.parametrize("name", ["rhs", "output", "initial", "dosing"])
def test_derivatives_equal_differences(oral, name):
    assert_derivatives_equal_differences(getattr(oral, name), 1.5, some_z(oral.system))


@pytest.mark.parametrize("name", ["rhs", "output", "initial", "dosing"])
def test_orders_write_what_they_promise_and_no_more(oral, name):
    function, z = getattr(oral, name), some_z(oral.system)
    full = by_address(function, 1.0, z, 2)
    assert np.any(full[0] != 7.0)
    for order in (0, 1):
        parts = by_address(function, 1.0, z, order)
        for part, (got, complete) in enumerate(zip(parts, full, strict=True)):
            np.testing.assert_array_equal(got, complete if part <= order else 7.0)


def test_indices_list_the_entries_that_are_not_zero(oral):
    function = oral.rhs
    _, jacobian, packed = by_address(function, 1.0, some_z(oral.system), 2)
    assert {tuple(i) for i in function.jacobian_index} == {
        tuple(map(int, i)) for i in np.argwhere(jacobian)
    }
    _, a, b = function.hessian_index.T
    assert np.all(a >= b)
    assert len({tuple(i) for i in function.hessian_index}) == function.nnz == len(packed)
    assert np.all(packed != 0.0)
    assert not function.hessian_index.flags.writeable


def test_what_is_not_set_is_zero():
    compiled = compile_system(parse("d/dt(x) = -k*x", ["x"]))
    z = np.array([2.0, 3.0, 0.0])
    value, jacobian, _ = by_address(compiled.initial, 0.0, z, 2)
    assert value.tolist() == [0.0]
    assert not jacobian.any()
    assert compiled.dosing.k == compiled.dosing.nnz == 0
    by_address(compiled.dosing, 0.0, z, 2)


def test_curve_without_odes():
    compiled = compile_system(parse("y = asym/(1+exp(-(t-xmid)/scal))", ["y"]))
    assert compiled.system.states == ()
    assert compiled.system.parameters == ("asym", "xmid", "scal")
    assert compiled.rhs.k == compiled.initial.k == 0
    z = np.array([10.0, 4.0, 1.5, 3.0])
    value, *_ = by_address(compiled.output, 3.0, z, 2)
    np.testing.assert_allclose(value, 10 / (1 + np.exp(1 / 1.5)), rtol=1e-15)
    assert_derivatives_equal_differences(compiled.output, 3.0, z)


def test_the_time_is_the_argument_not_the_entry_of_z():
    compiled = compile_system(parse("y = a*t + time + TIME", ["y"]))
    value, jacobian, _ = compiled.output.evaluate(5.0, np.array([2.0, -99.0]))
    assert value.tolist() == [20.0]
    assert jacobian.tolist() == [[5.0, 4.0]]


# -- piecewise --------------------------------------------------------------------------------


PIECEWISE = """
if (t < 5) { kin = a } else if (t < 8 && !(a > 3)) { kin = a^2 } else { kin = 7; extra = 1 }
one = kin
bump = 1
if (a > 1) { bump = bump + a; bump = 2*bump } else { if (t == 5) { bump = 0 } }
flat = ifelse(t >= 5 or a != a, 3, a)
low = min(a, 2, t); high = max(a, 2, t); size = abs(a - 2)
truth = (a > 1) + 2*(t > 5)
flag = a > 1
if (flag) { chosen = a } else { chosen = -a }
guarded = ifelse(a > 0, log(a), 0)
"""


@pytest.fixture(scope="module")
def piecewise():
    text = PIECEWISE.replace("; extra = 1", "")
    names = "one bump flat low high size truth chosen guarded".split()  # noqa: SIM905
    compiled = compile_system(parse(text, names))

    def evaluate(a, t):
        value, jacobian, hessian = compiled.output.evaluate(t, np.array([a, t]))
        return {name: (value[i], jacobian[i, 0], hessian[i, 0, 0]) for i, name in enumerate(names)}

    return evaluate


@pytest.mark.parametrize(
    ("name", "a", "t", "expected"),
    [
        ("one", 2.0, 4.0, (2, 1, 0)),
        ("one", 2.0, 5.0, (4, 4, 2)),
        ("one", 3.5, 5.0, (7, 0, 0)),
        ("one", 2.0, 9.0, (7, 0, 0)),
        ("bump", 3.0, 0.0, (8, 2, 0)),
        ("bump", 0.5, 5.0, (0, 0, 0)),
        ("bump", 0.5, 6.0, (1, 0, 0)),
        ("flat", 1.5, 5.0, (3, 0, 0)),
        ("flat", 1.5, 4.0, (1.5, 1, 0)),
        ("low", 1.5, 4.0, (1.5, 1, 0)),
        ("low", 3.0, 1.0, (1, 0, 0)),
        ("low", 3.0, 4.0, (2, 0, 0)),
        ("high", 3.0, 1.0, (3, 1, 0)),
        ("high", 1.0, 1.0, (2, 0, 0)),
        ("size", 0.5, 0.0, (1.5, -1, 0)),
        ("size", 2.5, 0.0, (0.5, 1, 0)),
        ("truth", 2.0, 6.0, (3, 0, 0)),
        ("chosen", 2.0, 0.0, (2, 1, 0)),
        ("chosen", 0.5, 0.0, (-0.5, -1, 0)),
        ("guarded", -1.0, 0.0, (0, 0, 0)),
        ("guarded", 2.0, 0.0, (np.log(2), 0.5, -0.25)),
    ],
)
def test_derivative_of_a_branch_is_that_of_the_branch(piecewise, name, a, t, expected):
    np.testing.assert_allclose(piecewise(a, t)[name], expected, rtol=1e-15)


def test_nan_is_not_hidden_by_max_of_a_constant():
    compiled = compile_system(parse("y = max(0, a); z = max(a, 0); w = min(a, 1)", ["y", "z", "w"]))
    value, *_ = compiled.output.evaluate(0.0, np.array([np.nan, 0.0]))
    assert np.isnan(value).all()


# -- edges ------------------------------------------------------------------------------------

EDGES = """
hill = emax*c^g/(ec50^g + c^g)
hill2 = emax*c^2/(ec50^2 + c^2)
root = sqrt(c)
growth = a/(1 + exp(-(t - mid)/width))
inverse = 1/c
savic = exp(log(c) + n*log(a*t) - a*t - lgamma(n + 1))
savic2 = c*a*(a*t)^n*exp(-a*t)/gamma(n + 1)
log_c = log(c)
"""
NAMES = [line.split()[0] for line in EDGES.strip().splitlines()]


@pytest.fixture(scope="module")
def edges():
    compiled = compile_system(parse(EDGES, NAMES))
    system = compiled.system

    def evaluate(name, t=0.0, **at):
        values = dict.fromkeys(system.z, 2.0) | {"c": 0.0, "t": t} | at
        z = np.array([values[one] for one in system.z])
        value, jacobian, hessian = compiled.output.evaluate(t, z)
        row = NAMES.index(name)
        used = [system.z.index(one) for one in at if one != "t"]
        return value[row], jacobian[row], hessian[row], used

    return evaluate


@pytest.mark.parametrize("g", [1.0, 2.0, 2.5, 3.0, 7.3])
def test_sigmoid_emax_of_nothing(edges, g):
    value, jacobian, hessian, _ = edges("hill", g=g)
    assert value == 0.0
    assert np.isfinite(jacobian).all()
    assert np.isfinite(hessian).all()


def test_sigmoid_emax_of_nothing_has_the_derivatives_of_its_limit(edges):
    _, jacobian, hessian, _ = edges("hill", g=2.0, ec50=4.0, emax=3.0)
    _, expected, expected_2, _ = edges("hill2", ec50=4.0, emax=3.0)
    np.testing.assert_allclose(jacobian, expected)
    np.testing.assert_allclose(hessian, expected_2)
    assert hessian.max() == pytest.approx(2 * 3.0 / 16)


@pytest.mark.parametrize("g", [0.3, 0.8, 1.5])
def test_sigmoid_emax_with_a_steep_start_stays_finite(edges, g):
    """The limits are infinite; 0 is the convention of core.special."""
    value, jacobian, hessian, _ = edges("hill", g=g)
    assert value == 0.0
    assert np.isfinite(jacobian).all()
    assert np.isfinite(hessian).all()


@pytest.mark.parametrize("name", ["savic", "savic2"])
@pytest.mark.parametrize("at", [{"t": 0.0, "c": 5.0}, {"t": 1.0, "c": 0.0}, {"t": 0.0}])
def test_transit_absorption_before_and_at_the_dose(edges, name, at):
    value, jacobian, hessian, _ = edges(name, n=4.3, **at)
    assert value == 0.0
    assert np.isfinite(jacobian).all()
    assert np.isfinite(hessian).all()


def test_both_ways_to_write_transit_absorption_agree(edges):
    at = {"t": 0.7, "c": 5.0, "n": 4.3, "a": 3.1}
    one, two = edges("savic", **at), edges("savic2", **(at | {"c": 5.0 / 3.1}))
    assert one[0] == pytest.approx(two[0], rel=1e-13)


def test_logistic_curve_far_from_its_middle(edges):
    for t in (-1e6, 1e6):
        value, jacobian, hessian, _ = edges("growth", t=t, mid=0.0, width=0.5)
        assert value == (0.0 if t < 0 else 2.0)
        assert np.isfinite(jacobian).all()
        assert np.isfinite(hessian).all()


def test_division_by_zero_is_a_number():
    compiled = compile_system(
        parse("a = 1/t; b = t/t; c = log(t); d = 1/0; e = (0/0)*k", [*"abcde"])
    )
    value, jacobian, _ = compiled.output.evaluate(0.0, np.array([1.0, 0.0]))
    np.testing.assert_array_equal(value, [np.inf, np.nan, -np.inf, np.inf, np.nan])
    assert jacobian.shape == (5, 2)


def test_square_root_of_nothing(edges):
    value, jacobian, _, _ = edges("root")
    assert value == 0.0
    assert not jacobian.any()


def test_numbers_too_large_to_compute_are_infinite_at_once():
    compiled = compile_system(parse("a = 9^9^9^9; b = 2**(10**9); c = 1e308*1e308*k", [*"abc"]))
    value, *_ = compiled.output.evaluate(0.0, np.array([1.0, 0.0]))
    assert value.tolist() == [np.inf] * 3


# -- last doses -------------------------------------------------------------------------------


def test_last_dose_is_an_input():
    text = """
    d/dt(depot) = -ka*depot + dose(depot)*ktr*(ktr*tad(depot))^n*exp(-ktr*tad(depot))/gamma(n+1)
    d/dt(central) = ka*depot
    """
    compiled = compile_system(parse(text, ["central"]))
    system = compiled.system
    assert [(one.quantity, one.state) for one in system.dose_inputs] == [
        ("time", "depot"), ("amount", "depot"),
    ]  # fmt: skip
    assert system.z == (
        "depot", "central", "ka", "ktr", "n", "__tdose_depot", "__dose_depot", "t",
    )  # fmt: skip
    z = np.array([0.0, 0.0, 1.0, 2.0, 3.0, 10.0, 100.0, 0.0])
    value, *_ = by_address(compiled.rhs, 10.5, z, 2)
    assert value[0] == pytest.approx(100 * 2 * 1.0**3 * np.exp(-1) / 6, rel=1e-14)
    assert_derivatives_equal_differences(compiled.rhs, 10.5, z)


def test_bare_podo_is_that_of_the_only_state():
    text = (
        "d/dt(central) = exp(log(bio*podo)+log(ktr)+n*log(ktr*tad)-ktr*tad-lgamma(n+1)) - k*central"
    )
    system = parse(text, ["central"])
    assert system.parameters == ("bio", "ktr", "n", "k")
    assert len(system.dose_inputs) == 2
