"""The FO objective, which is the exact one of a model without random effects."""

import numpy as np
from numpy.typing import NDArray

from workbench.core.conditional import Objective
from workbench.core.first_order import first_order_range
from workbench.core.packed import Values
from workbench.estimation._likelihood import RangeObjective, interaction_objective
from workbench.problem import Problem


def first_order(
    first: int,
    last: int,
    want_gradient: bool,
    problem: Problem,
    values: Values,
    cancel: NDArray[np.int64],
    out: Objective,
) -> int:
    """Objective linearised at eta = 0."""
    return first_order_range(
        first, last, want_gradient, problem.structure, problem.subjects, values, cancel, out
    )


def exact_without_etas(problem: Problem) -> RangeObjective:
    """Return FO's objective, or one that knows what is not normal: without random effects the same.

    That are values known by a limit, and Student-t residuals.
    """
    student = any(endpoint.spec.student for endpoint in problem.endpoints)
    return interaction_objective if problem.subjects.kinds or student else first_order
