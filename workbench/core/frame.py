r"""What every structural family's kernel is given, and how its scratch begins.

A family (linear compartments, equations) is one kernel, compiled once; a model of the family is
data. The kernel is called as

``predict(order, p, context, settings, params, covariates, records, out, work)``

* ``order`` 0, 1 or 2: derivatives wanted; ``p`` the number of their directions;
* ``context`` integers: the layout below, then what the family needs;
* ``settings`` numbers: tolerances of a solver;
* ``params`` (n_phi or n_blocks n_phi, parts): the individual parameters as jets, block by block
  where they change with the covariates;
* ``covariates`` (n_blocks, n_cov): values of the data's covariates that equations use;
* ``records`` (n, `records.N_COLUMNS`) of one subject, or its events where they are ready-made;
* ``out`` (n_obs, parts): overwritten with the jet of every observation's prediction;
* ``work``: scratch.

It returns a `core.status.Status`; where that is not 0, `work[0]` is the time that was reached.
"""

import numpy as np
from numpy.typing import NDArray

from workbench.core import events as ev
from workbench.core.abi import at, view
from workbench.core.arrivals import EVENTS, N_COUNTERS, N_QUEUE
from workbench.core.jit import IntVec, Mat, OutVec, kernel
from workbench.core.schedule import N_ROUTE, build

# Places in the context.
N_PHI = 0
MAX_EVENTS = 1
MAX_JETS = 2
MAX_QUEUE = 3
READY = 4  # 1: `records` are events already, see `problem.structure.ready_made`
N_ROUTES = 5
FIRST_ROUTE = 6


@kernel
def family_context(context: IntVec) -> int:
    """Place in the context at which the family's own part begins."""
    return FIRST_ROUTE + context[N_ROUTES] * N_ROUTE


@kernel
def jets_offset(context: IntVec) -> int:
    """Place in the scratch at which the event jets begin; the events stand before them."""
    return context[MAX_EVENTS] * ev.N_COLUMNS


@kernel
def family_offset(context: IntVec, parts: int) -> int:
    """Place in the scratch at which the family's own part begins."""
    return jets_offset(context) + context[MAX_JETS] * parts + context[MAX_QUEUE] * N_QUEUE


@kernel
def make_events(
    order: int,
    p: int,
    n_rows: int,
    context: IntVec,
    params: Mat,
    records: Mat,
    work: OutVec,
) -> tuple[int, int]:
    """Fill the events and their jets at the beginning of `work`.

    `params` has `n_rows` rows for each block; the routes name them. Where no event depends on the
    parameters, they were made beforehand and are only copied.

    Returns
    -------
    status, number of events
    """
    events = view(at(work, 0), (context[MAX_EVENTS], ev.N_COLUMNS))
    if context[READY] == 1:
        for r in range(records.shape[0]):
            for c in range(ev.N_COLUMNS):
                events[r, c] = records[r, c]
        return 0, records.shape[0]
    parts = params.shape[1]
    first = jets_offset(context)
    queue = first + context[MAX_JETS] * parts
    count = np.zeros(N_COUNTERS, np.int64)
    status = build(
        order,
        p,
        n_rows,
        view(at(context, FIRST_ROUTE), (context[N_ROUTES], N_ROUTE)),
        params,
        records,
        view(at(work, first), (context[MAX_JETS], parts)),
        events,
        view(at(work, queue), (context[MAX_QUEUE], N_QUEUE)),
        count,
    )
    return status, count[EVENTS]


def work_size(context: NDArray[np.int64], parts: int) -> int:
    """Return how many numbers of scratch the events need."""
    events, jets, queue = context[MAX_EVENTS : MAX_QUEUE + 1]
    return int(events * ev.N_COLUMNS + jets * parts + queue * N_QUEUE)
