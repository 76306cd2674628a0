"""The two integrators: measured orders, stiff systems, the change from one to the other."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from tests.systems import (
    ORAL,
    POL,
    TMDD,
    TURNOVER,
    attempt,
    differences,
    event,
    in_order,
    jets,
    observations,
    refer,
    solve,
)
from workbench.core import events as ev
from workbench.core import odes
from workbench.core import odes_layout as lay
from workbench.core.jit import OutMat, OutVec, Vec, kernel
from workbench.core.odes_explicit import accept_step, try_step
from workbench.core.odes_jets import slope
from workbench.core.odes_stiff import differentiate_stages, guess, slope_here, try_stages

PHI = (1.5, 2.0, 0.5)


@kernel
def fixed_start(
    order: int, t: float, z: Vec, value: OutVec, jacobian: OutMat, hessian: OutVec
) -> int:
    """A turnover system that begins at 2, whatever its parameters."""
    value[0] = 0.0
    value[1] = 0.0
    value[2] = 2.0
    return 0


def explicit_step(t, h, place, work):
    slope(t, place[lay.X], place[lay.SLOPES], place[lay.JACOBIAN], place, work)
    assert try_step(t, h, place, work) == 0
    accept_step(place, work)


def stiff_step(t, h, place, work):
    work[lay.TRIED] = h
    slope_here(t, place, work)
    guess(h, place, work)
    vectors = place.ctypes.data, work.ctypes.data
    assert try_stages(t, 0, 0, 0, 0, 0, *vectors) == 0
    # The step is too long for the tolerance, which makes Newton's method precise.
    second = 1 + place[lay.P], place[lay.PARTS]
    assert differentiate_stages(t, *second, 0, 0, 0, *vectors) == 0
    m = place[lay.N_X] * place[lay.PARTS]
    third = place[lay.SLOPES] + 3 * m
    work[place[lay.X] : place[lay.X] + m] = work[third : third + m]


@pytest.mark.parametrize(
    ("step", "order", "number"), [(explicit_step, 8, 5), (stiff_step, 5, 40)], ids=["8", "5"]
)
def test_order_of_the_method(step, order, number):
    """Values and both derivatives of van der Pol's equation at t = 2, by steps of one length.

    Measured where the number of steps is doubled; a twentieth less is allowed.
    """
    end = 2.0
    events = np.array([event(0.0, ev.OTHER), *observations([end])])
    system, params = POL.pack(), jets(PHI, 2)
    known = solve(system, params, events, 2, rtol=1e-13, atol=1e-15)[0]
    errors = []
    for n in (number, 2 * number):
        place, work = refer(system, params, events, 2)
        for k in range(n):
            step(k * end / n, end / n, place, work)
        found = work[place[lay.X] : place[lay.X] + place[lay.PARTS]]
        errors.append(np.abs(found - known))
    parts = [slice(0, 1), slice(1, 4), slice(4, None)]
    orders = [np.log2(errors[0][part].max() / errors[1][part].max()) for part in parts]
    assert min(orders) > 0.95 * order, orders


@pytest.mark.parametrize("method", [odes.EXPLICIT, odes.STIFF], ids=["explicit", "stiff"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-6, 1e-8])
def test_error_is_of_the_size_of_the_tolerance(rtol, method):
    """Of the largest value: 10 tolerances for values, 100 for first derivatives."""
    times = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 48.0])
    events = in_order([event(0.0, ev.BOLUS, 0, 100.0)], observations(times))
    params = jets((1.0, 2.0, 20.0, 4.0, 0.2, 0.5), 1, log=True)
    system = TURNOVER.pack()
    known = solve(system, params, events, 1, rtol=1e-13, atol=1e-15)
    found = solve(system, params, events, 1, rtol=rtol, atol=0.01 * rtol, method=method)
    error = np.abs(found - known).max(axis=0) / known[:, 0].max()
    assert error[0] < 10.0 * rtol
    assert error[1:].max() < 100.0 * rtol


TMDD_PHI = (0.02, 10.0, 1.0, 1.0, 0.1, 0.05, 3.0)
TMDD_TIMES = np.array([0.5, 1.0, 4.0, 8.0, 24.0, 48.0, 72.0, 120.0, 168.0, 240.0, 336.0, 504.0])


def tmdd_events(endpoint=0):
    return in_order([event(0.0, ev.BOLUS, 0, 300.0)], observations(TMDD_TIMES, endpoint))


@pytest.mark.parametrize("method", [odes.AUTOMATIC, odes.STIFF], ids=["automatic", "stiff"])
@pytest.mark.parametrize("endpoint", [0, 1])
def test_fast_binding_against_scipy(endpoint, method):
    """Full target-mediated disposition, eigenvalues from 1e-2 to 1e3; 1e-8 of the largest."""
    kel, kon, koff, ksyn, kdeg, kint, v = TMDD_PHI

    def rhs(_, x):
        bound = kon * x[0] / v * x[1] - koff * x[2]
        return [-kel * x[0] - bound * v, ksyn - kdeg * x[1] - bound, bound - kint * x[2]]

    path = solve_ivp(
        rhs,
        (0.0, TMDD_TIMES[-1]),
        [300.0, ksyn / kdeg, 0.0],
        method="Radau",
        rtol=1e-12,
        atol=1e-12,
        t_eval=TMDD_TIMES,
    ).y
    known = path[0] / v if endpoint == 0 else path[1]
    found = solve(
        TMDD.pack(), jets(TMDD_PHI, 0), tmdd_events(endpoint), rtol=1e-9, atol=1e-11, method=method
    )
    np.testing.assert_allclose(found[:, 0], known, rtol=0, atol=1e-8 * known.max())


def test_fast_binding_derivatives_agree_with_differences():
    """Differences of order 6, step 1e-3; relative to the largest of all."""
    system, events = TMDD.pack(), tmdd_events(1)

    def at(x, order=0):
        return solve(
            system, jets(np.exp(x), order, log=True), events, order, rtol=1e-12, method=odes.STIFF
        )

    here = np.log(TMDD_PHI)
    found = at(here, 2)
    first = differences(lambda x: at(x)[:, 0], here, 1e-3)
    second = differences(lambda x: at(x, 1)[:, 1:], here, 1e-3)
    rows, columns = np.tril_indices(7)
    for known, mine in ((first, found[:, 1:8]), (second[:, rows, columns], found[:, 8:])):
        np.testing.assert_allclose(mine, known, rtol=0, atol=1e-7 * np.abs(known).max())


def steps(system, params, events, method, max_steps=100_000, rtol=1e-6):
    settings = (rtol, 0.01 * rtol, max_steps, method)
    status, _, work = attempt(system, params, events, 0, None, ((),), None, settings)
    assert status == 0
    return work[odes.STEPS]


def test_a_stiff_system_is_left_to_the_stiff_method():
    system, params = TMDD.pack(), jets(TMDD_PHI, 0)
    automatic = steps(system, params, tmdd_events(), odes.AUTOMATIC)
    assert automatic < 300
    assert steps(system, params, tmdd_events(), odes.EXPLICIT) > 30 * automatic


def test_a_system_that_is_not_stiff_stays_with_the_explicit_method():
    times = np.linspace(1.0, 100.0, 50)
    oral, pol = (ORAL, (1.2, 2.0, 20.0), 100.0), (POL, (1.0, 2.0, 0.0), 0.0)
    for system, phi, amount in (oral, pol):
        packed, params = system.pack(), jets(phi, 0)
        events = in_order([event(0.0, ev.BOLUS, 0, amount)], observations(times))
        explicit = steps(packed, params, events, odes.EXPLICIT)
        assert steps(packed, params, events, odes.AUTOMATIC) == explicit


def test_very_stiff_van_der_pol_is_solved():
    """mu = 1000, nearly two jumps; against scipy's Radau."""
    times = np.array([100.0, 400.0, 800.0, 1200.0, 1500.0])
    events = in_order([event(0.0, ev.OTHER)], observations(times))
    found = solve(POL.pack(), jets((1000.0, 2.0, 0.0), 0), events, rtol=1e-9, atol=1e-11)[:, 0]
    known = solve_ivp(
        lambda _, x: [x[1], 1000.0 * (1 - x[0] ** 2) * x[1] - x[0]],
        (0.0, 1500.0),
        [2.0, 0.0],
        method="Radau",
        rtol=1e-11,
        atol=1e-12,
        t_eval=times,
    ).y[0]
    np.testing.assert_allclose(found, known, rtol=1e-6)


def test_derivatives_are_guarded_where_values_rest():
    """kin / kout equals the first value by chance: values rest, derivatives move.

    Without the guard one step would span everything, far beyond the limit of stability.
    """
    times = np.array([1.0, 10.0, 100.0])
    events = in_order([event(0.0, ev.OTHER)], observations(times))
    # d/dt x = a - b x with x(0) = c: rests at a / b = c
    a, b = 6.0, 3.0
    params = np.zeros((6, 4))
    # turnover's kin and kout, with the initial value from parameters that do not move
    params[:, 0] = 1.0, 1.0, 1.0, a, b, 1.0
    params[3, 1], params[4, 2] = 1.0, 1.0
    frozen = TURNOVER._replace(initial=fixed_start, initial_hessian=[])
    found = solve(frozen.pack(), params, events, 1, p=3, rtol=1e-6, atol=1e-8, method=odes.EXPLICIT)
    decay = 1.0 - np.exp(-b * times)
    np.testing.assert_allclose(found[:, 0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], decay / b, rtol=1e-4)
    np.testing.assert_allclose(found[:, 2], -2.0 * decay / b, rtol=1e-4)
