"""What models made of equations cost: one subject, a fit, a new model."""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numba import cfunc, types
from scipy.integrate import odeint, solve_ivp

import workbench as wb
from benchmarks.measure import Row, best_of, run_python
from workbench.core import records as rec
from workbench.core.jets import parts_of
from workbench.models.structural import StructuralModel, structures
from workbench.problem.structure import pack_context

RTOL, ATOL = 1e-6, 1e-9  # ours is relative to a state's greatest value
TIMES = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 18.0, 24.0])

# Fits of six subjects, each model's until its first iteration; prints the seconds of the last.
FIRST_ITERATION = """
import sys, time
import workbench as wb

class Reached(Exception):
    pass

def first(progress):
    raise Reached

data = wb.load_dataset("indomethacin")
for text, values in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    start = time.perf_counter()
    structure = wb.equations(text, ["cp"])
    pairs = zip(structure.parameters, map(float, values.split(",")), strict=True)
    parameters = {name: wb.LogNormal(value, iiv=0.2) for name, value in pairs}
    model = wb.Model(structure, parameters, error=wb.error.Proportional(0.3))
    try:
        wb.fit(model, data, method="focei", on_iteration=first)
    except Reached:
        seconds = time.perf_counter() - start
print(seconds)
"""
OTHER_MODEL = """
d/dt(central) = -cl/v*central
cp = central/v
"""
OTHER = (OTHER_MODEL, "9,12")
NEW_MODEL = """
c = central/v
d/dt(central) = -vmax*c/(km + c) - q*(c - near/v2) - q3*(c - far/v3)
d/dt(near) = q*(c - near/v2)
d/dt(far) = q3*(c - far/v3)
cp = c
"""
NEW = (NEW_MODEL, "9,6,6,8,0.5,3,10")


def prepared(
    structure: StructuralModel,
    phi: Sequence[float],
    order: int,
    times: np.ndarray,
    rtol: float = RTOL,
) -> Callable[[], int]:
    """Return what predicts one subject after a bolus of 100 into the first compartment."""
    solver = replace(structure.family.solver, rtol=rtol, atol=ATOL)  # type: ignore[attr-defined]
    model = replace(structure, family=replace(structure.family, solver=solver))  # type: ignore[type-var]
    records = np.zeros((1 + len(times), rec.N_COLUMNS))
    records[0, [rec.KIND, rec.CMT, rec.AMT]] = rec.DOSE, 1, 100.0
    records[1:, rec.TIME] = times
    p = len(phi)
    parts = parts_of(2, p)
    context, n_work = pack_context(model, records, np.array([0, len(records)]))
    params, out = np.zeros((p, parts)), np.zeros((len(times), parts))
    params[:, 0], params[:, 1 : 1 + p] = phi, np.eye(p)
    blocks, work = np.zeros((1, 0)), np.zeros(n_work)
    settings, predict = model.family.settings(), model.family.kernel()

    def call() -> int:
        return predict(order, p, context, settings, params, blocks, records, out, work)

    if call():
        raise RuntimeError(f"{model.name}: the solver failed")
    return call


def seconds_each(work: Callable[[], object], n: int) -> float:
    """Return the least mean time of `n` calls."""

    def many() -> None:
        for _ in range(n):
            work()

    return best_of(7, many).wall / n


def saturable(x: np.ndarray, t: float, ka: float, vmax: float, km: float, v: float) -> list[float]:  # noqa: ARG001
    """Oral absorption, Michaelis-Menten elimination: states and their sensitivities."""
    depot, central = x[0], x[1]
    c = central / v
    loss, by_c = vmax * c / (km + c), vmax * km / (km + c) ** 2
    slopes = [-ka * depot, ka * depot - loss]
    direct = ((-depot, depot), (0.0, -c / (km + c)), (0.0, loss / (km + c)), (0.0, by_c * c / v))
    for k, (first, second) in enumerate(direct):
        s0, s1 = x[2 + 2 * k], x[3 + 2 * k]
        slopes += [first - ka * s0, second + ka * s0 - by_c / v * s1]
    return slopes


def binding(x: np.ndarray, t: float, phi: Sequence[float]) -> list[float]:  # noqa: ARG001
    """Target-mediated disposition: states and their sensitivities."""
    cl, v, q, v2, kon, koff, kint, ksyn, kdeg = phi
    a, b, r, rc = x[:4]
    c = a / v
    jacobian = np.array(
        [
            [-cl / v - q / v - kon * r, q / v2, -kon * a, v * koff],
            [q / v, -q / v2, 0.0, 0.0],
            [-kon * r / v, 0.0, -kdeg - kon * c, koff],
            [kon * r / v, 0.0, kon * c, -koff - kint],
        ]
    )
    direct = np.zeros((4, 9))
    direct[0] = [-c, cl * c / v + q * c / v, -(c - b / v2), -q * b / v2**2, -a * r, v * rc, 0, 0, 0]
    direct[0, 1] += koff * rc
    direct[1, 1:4] = -q * c / v, c - b / v2, q * b / v2**2
    direct[2] = [0, kon * c * r / v, 0, 0, -c * r, rc, 0, 1, -r]
    direct[3] = [0, -kon * c * r / v, 0, 0, c * r, -rc, -rc, 0, 0]
    flow = q * (c - b / v2)
    free = kon * c * r - koff * rc
    slopes = [-cl * c - flow - v * free, flow, ksyn - kdeg * r - free, free - kint * rc]
    return [*slopes, *(jacobian @ x[4:].reshape(4, 9) + direct).ravel()]


def saturable_states(
    t: float,  # noqa: ARG001
    x: np.ndarray,
    ka: float,
    vmax: float,
    km: float,
    v: float,
) -> list[float]:
    """Oral absorption, Michaelis-Menten elimination: the states alone."""
    c = x[1] / v
    return [-ka * x[0], ka * x[0] - vmax * c / (km + c)]


def called_by_pointers() -> Callable[..., np.ndarray]:
    """Return `saturable_states` compiled, called through ctypes with arrays as pointers.

    So were called what the goal of 50 times was measured against (5.3 ms where Dormand-Prince
    with sensitivities took 50 us).
    """
    pointer = ctypes.POINTER(ctypes.c_double)
    numbers = types.CPointer(types.double)

    @cfunc(types.void(types.double, numbers, numbers, numbers))
    def slopes(t, x, p, out):  # type: ignore[no-untyped-def]  # noqa: ARG001
        c = x[1] / p[3]
        out[0] = -p[0] * x[0]
        out[1] = p[0] * x[0] - p[1] * c / (p[2] + c)

    compiled = ctypes.CFUNCTYPE(None, ctypes.c_double, pointer, pointer, pointer)(slopes.address)
    compiled.keeps = slopes  # type: ignore[attr-defined]  # the address is good while it lives
    room = np.empty(2)

    def call(t: float, x: np.ndarray, *phi: float) -> np.ndarray:
        x, p = np.ascontiguousarray(x), np.array(phi)
        compiled(t, *(a.ctypes.data_as(pointer) for a in (x, p, room)))
        return room.copy()

    return call


def one_subject() -> Iterator[Row]:
    """Predict with first derivatives; scipy's LSODA solves the same equations and tolerances.

    The goal is set against `solve_ivp`, which is given the states alone, compiled and called by
    pointers; given plain Python it is quicker for two states. `odeint`, which has less of Python
    around the same LSODA, solves the sensitivities too.
    """
    phi = (1.0, 10.0, 2.0, 10.0)
    structure = wb.pk(absorption="first_order", elimination="michaelis_menten")
    grid = np.concatenate([[0.0], TIMES])
    start = np.zeros(10)
    start[0] = 100.0

    def by_scipy() -> object:
        return odeint(saturable, start, grid, args=phi, rtol=RTOL, atol=ATOL * 100.0)

    def states_by_scipy(equations: Callable[..., object] = saturable_states) -> object:
        return solve_ivp(
            equations,
            (0.0, TIMES[-1]),
            start[:2],
            method="LSODA",
            t_eval=TIMES,
            args=phi,
            rtol=RTOL,
            atol=ATOL * 100.0,
        )

    peer, states = seconds_each(by_scipy, 3), seconds_each(states_by_scipy, 3)
    by_pointers = called_by_pointers()
    compiled = seconds_each(lambda: states_by_scipy(by_pointers), 3)
    ours = seconds_each(prepared(structure, phi, 1, TIMES), 500)
    note = (
        f"scipy's LSODA: solve_ivp without sensitivities {compiled / ours:.0f} × longer (goal 50), "
        f"by Python equations {states / ours:.0f} ×; odeint with sensitivities {peer / ours:.0f} ×"
    )
    yield Row("saturable oral, 12 times, d/dphi, rtol 1e-6", ours, 60e-6, note=note)
    yield Row("  values only", seconds_each(prepared(structure, phi, 0, TIMES), 500), None)
    yield Row("  second derivatives", seconds_each(prepared(structure, phi, 2, TIMES), 500), None)
    stiff = structures.get("tmdd_full")
    phi = tuple(
        100.0 if n == "kon" else x for n, x in zip(stiff.parameters, stiff.typical, strict=True)
    )
    times = 7.0 * TIMES
    start = np.zeros(40)
    start[0], start[2] = 100.0, phi[7] / phi[8]
    start[4 + 2 * 9 + 7], start[4 + 2 * 9 + 8] = 1.0 / phi[8], -phi[7] / phi[8] ** 2

    def stiff_by_scipy() -> object:
        grid = np.concatenate([[0.0], times])
        scale = np.repeat([100.0, 100.0, 5.0, 5.0], [1, 1, 1, 1])
        atol = ATOL * np.concatenate([scale, np.repeat(scale, 9)])
        return odeint(binding, start, grid, args=(phi,), rtol=RTOL, atol=atol, mxstep=100_000)

    peer = seconds_each(stiff_by_scipy, 1)
    ours = seconds_each(prepared(stiff, phi, 1, times), 50)
    note = f"LSODA, Python equations: {peer / ours:.0f} × longer"
    yield Row("stiff TMDD, kon = 100, 12 times, d/dphi", ours, None, note=note)


def fits() -> Iterator[Row]:
    """Fit theophylline by FOCEI in closed form and as equations."""
    data = wb.load_dataset("theophylline")
    model = wb.Model.from_dict(data.info.suggested_model)
    solved = model.replace(structure=wb.pk(absorption="first_order", form="ode"))

    def closed() -> wb.FitResult:
        return wb.fit(model, data, method="focei", covariance="none")

    def equations() -> wb.FitResult:
        return wb.fit(solved, data, method="focei", covariance="none")

    error = abs(closed().ofv - equations().ofv)
    if error > 1e-4:
        raise RuntimeError(f"the OFVs differ by {error:.1e}")
    peer, cost = best_of(20, closed), best_of(5, equations)
    note = f"OFVs differ by {error:.0e}"
    yield Row("Theophylline FOCEI by equations", cost.wall, None, cost=cost, note=note)
    yield Row("  over closed form", cost.wall / peer.wall, 6.0, "×")
    iiv = {"ka": (1.5, 0.6), "vmax": (40.0, 0.3), "v": (32.0, 0.2)}
    parameters = {name: wb.LogNormal(value, iiv=sd) for name, (value, sd) in iiv.items()}
    eliminated = model.replace(
        structure=wb.pk(absorption="first_order", elimination="michaelis_menten"),
        parameters=parameters | {"km": wb.LogNormal(wb.Fixed(10.0))},
    )
    cost = best_of(5, lambda: wb.fit(eliminated, data, method="focei", covariance="none"))
    yield Row("  Michaelis-Menten, over linear closed form", cost.wall / peer.wall, None, "×")


def new_model() -> Iterator[Row]:
    """Time a new model from text to a fit's first iteration, in a process that has fitted."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"WORKBENCH_CACHE_DIR": folder}

        def seconds(*models: str) -> float:
            return float(run_python("-c", FIRST_ITERATION, *models, env=env)[1])

        yield Row("first model of equations, empty cache", seconds(*OTHER), None)
        again = min(seconds(*OTHER) for _ in range(3))
        yield Row("  in the next process (loads all kernels)", again, None)
        new = seconds(*OTHER, *NEW)
        yield Row("new model, 3 states: text → first iteration", new, 2.0)
        again = min(seconds(*OTHER, *NEW) for _ in range(3))
        yield Row("  in the next process", again, 0.2)


SECTIONS = (one_subject, fits, new_model)
