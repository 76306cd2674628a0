"""The derivative of each subject's part of the objective in the parameters, at given values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.core.conditional import conditional_range
from workbench.core.status import Status
from workbench.data.dataset import Dataset
from workbench.estimation._uncertainty import free_names
from workbench.models.model import Model
from workbench.problem import Problem
from workbench.problem.workers import Workers


def subject_gradients(model: Model, data: Dataset) -> pd.DataFrame:
    r"""Return :math:`\partial OFV_i / \partial u`, (n_sub, n_free), at the values of a model.

    OFV is FOCEI's, with its exact gradient (Almquist, Leander, Jirstrand 2015, J. Pharmacokinet.
    Pharmacodyn. 42:191); u are the estimated parameters as a person reads them, typical values
    on the natural scale, variances and correlations of omega, sigma. At FOCEI's estimates the
    columns sum to zero. A subject whose objective does not exist has missing values.
    """
    problem = Problem(model, data)
    space = problem.space
    x = space.start
    values, out = space.values(x), problem.objective_arrays()
    cancel = np.zeros(1, dtype=np.int64)
    with Workers(None, problem.n_sub, problem.n_obs) as workers:
        workers.run(
            lambda first, last: conditional_range(
                first,
                last,
                True,
                True,
                problem.structure,
                problem.subjects,
                values,
                cancel,
                out,
            )
        )
    gradients = space.gradient(x, values, out)
    gradients[out.status > Status.MAX_ITER] = np.nan
    slopes = space.jacobian(x)[space.free]
    natural = np.linalg.solve(slopes.T, gradients.T).T
    index = pd.Index(data.subjects, name="ID", dtype=object)
    return pd.DataFrame(natural, index=index, columns=free_names(space))
