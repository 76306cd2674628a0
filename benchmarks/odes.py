"""The equation solver on single subjects: `python -m benchmarks.odes`.

One subject, 12 observation times; a system that is not stiff (first-order absorption, saturable
elimination) and a stiff one (target-mediated disposition, fast binding), with and without first
and second derivatives. Beside them scipy's LSODA with a right-hand side in Python: states alone,
and, for the first system, states with first derivatives.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.integrate import solve_ivp

from tests.systems import SATURABLE, TMDD, event, in_order, jets, observations
from workbench.core import events as ev
from workbench.core import odes

TIMES = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 36.0])
SLOW = np.array([0.5, 1.0, 4.0, 8.0, 24.0, 48.0, 72.0, 120.0, 168.0, 240.0, 336.0, 504.0])


def shortest(call, repeats):
    """Microseconds of the fastest of several calls."""
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return 1e6 * best


def ours(system, phi, dose, times, rtol, method):
    """Microseconds for orders 0, 1, 2, and the largest errors of each."""
    packed = system.pack()
    events = in_order([event(0.0, ev.BOLUS, 0, dose)], observations(times))
    found, costs, steps = None, [], 0
    for order in (0, 1, 2):
        params = jets(phi, order, log=True)
        settings = np.array([rtol, 0.01 * rtol, 1e6, method])
        out = np.zeros((len(times), params.shape[1]))
        work = np.zeros(odes.work_size(packed, order, len(phi)))
        arguments = (params, np.zeros((1, 0)), events, len(events), np.zeros((0, params.shape[1])))

        def call(order=order, settings=settings, arguments=arguments, out=out, work=work):
            odes.solve(order, len(phi), packed, settings, *arguments, out, work)

        call()
        costs.append(shortest(call, 200))
        found, steps = out, work[odes.STEPS]
    return costs, steps, found


def errors(found, known, p):
    """Largest errors of values, first and second derivatives, of the largest value."""
    size = np.abs(known[:, 0]).max()
    parts = np.abs(found - known).max(axis=0) / size
    return parts[0], parts[1 : 1 + p].max(), parts[1 + p :].max()


def saturable(x, _t, ka, vmax, km, v):
    """First-order absorption and saturable elimination."""
    c = x[1] / v
    return [-ka * x[0], ka * x[0] - vmax * c / (km + c)]


def binding(x, _t, kel, kon, koff, ksyn, kdeg, kint, v):
    """Target-mediated disposition."""
    bound = kon * x[0] / v * x[1] - koff * x[2]
    return [-kel * x[0] - bound * v, ksyn - kdeg * x[1] - bound, bound - kint * x[2]]


def with_derivatives(x, t, *phi):
    """States and their derivatives by the logarithms of the parameters, for `saturable`."""
    ka, vmax, km, v = phi
    sensitivity = x[2:].reshape(2, 4)
    c = x[1] / v
    slope = vmax * km / (km + c) ** 2
    jacobian = np.array([[-ka, 0.0], [ka, -slope / v]])
    by_phi = np.array(
        [
            [-ka * x[0], 0.0, 0.0, 0.0],
            [ka * x[0], -vmax * c / (km + c), km * vmax * c / (km + c) ** 2, slope * c],
        ]
    )
    change = jacobian @ sensitivity + by_phi
    return np.concatenate([saturable(x, t, *phi), change.ravel()])


def lsoda(rhs, start, times, phi, rtol, atol):
    """Microseconds of scipy's `solve_ivp`."""

    def call():
        solve_ivp(
            lambda t, x: rhs(x, t, *phi),
            (0.0, times[-1]),
            start,
            method="LSODA",
            t_eval=times,
            rtol=rtol,
            atol=atol,
        )

    return shortest(call, 10)


def main():
    """Print one line for each system and tolerance."""
    fast = (1.2, 8.0, 0.8, 20.0)
    slow = (0.02, 10.0, 1.0, 1.0, 0.1, 0.05, 3.0)
    cases = [
        ("saturable", SATURABLE, fast, 100.0, TIMES, saturable, [100.0, 0.0]),
        ("fast binding", TMDD, slow, 300.0, SLOW, binding, [300.0, 10.0, 0.0]),
    ]
    for name, system, phi, dose, times, rhs, start in cases:
        method = odes.STIFF if system is TMDD else odes.EXPLICIT
        _, _, known = ours(system, phi, dose, times, 1e-12, method)
        for rtol in (1e-4, 1e-6, 1e-8):
            costs, steps, found = ours(system, phi, dose, times, rtol, odes.AUTOMATIC)
            value, first, second = errors(found, known, len(phi))
            peer = lsoda(rhs, start, times, phi, rtol, 0.01 * rtol * dose)
            line = (
                f"{name:13s} rtol {rtol:.0e}: order 0/1/2 "
                f"{costs[0]:5.0f} {costs[1]:5.0f} {costs[2]:5.0f} us, {steps:4.0f} steps, "
                f"errors {value:.0e} {first:.0e} {second:.0e}; "
                f"LSODA {peer:6.0f} us = {peer / costs[0]:.0f} x order 0"
            )
            if rhs is saturable:
                more = [*start, *np.zeros(8)]
                peer = lsoda(with_derivatives, more, times, phi, rtol, 0.01 * rtol * dose)
                line += f"; with derivatives {peer:6.0f} us = {peer / costs[1]:.0f} x order 1"
            print(line)


if __name__ == "__main__":
    main()
