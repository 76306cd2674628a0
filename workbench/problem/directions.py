"""The directions in which kernels differentiate: parameters, then what does not just add to psi.

`core.mixing` has the equations. In order: one direction for each parameter, one for each residual
error with a random effect (`core.scale_effects`; no prediction moves in it), one for each
coefficient of a covariate that changes within a subject or acts by a factor 1 + β g(x), two for
each random effect that is not normal (itself and its shape), and one for each parameter with
variability between occasions and number of an occasion, occasion after occasion. Random effects
are in the order eta, then the kappas as their directions are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.core.mixing import DIRECTION, KIND, N_TERM, PARAMETER, SHAPE, WEIGHT
from workbench.data.dataset import Dataset
from workbench.models.model import Model
from workbench.problem.covariates import Changing, changing_effects, design_matrix
from workbench.problem.occasions import Occasions
from workbench.problem.space import frozen

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Directions:
    """What the directions of a model are, for a data set.

    Attributes
    ----------
    design : (n_sub or 1, p, n_theta)
    eta_index : (p,)  number of each direction's random effect, -1 without one
    changing : coefficients of covariates that change
    with_iov : (n_iov,)  numbers of the parameters with variability between occasions
    occasions : None without these
    scaled : (n_outputs,)  direction of the random effect on each output's error, -1 without one
    shaped : (parameter, direction of its random effect, kind of `core.shapes`) of each random
        effect that is not normal; the direction of its shape is the next one
    """

    design: Floats
    eta_index: Ints
    changing: tuple[Changing, ...]
    with_iov: tuple[int, ...]
    occasions: Occasions | None
    scaled: Ints
    shaped: tuple[tuple[int, int, int], ...] = ()

    @property
    def columns(self) -> Mapping[str, Floats]:
        """What changes from row to row, by a name that no column of the data has."""
        found = {f"(weight {c})": one.weight for c, one in enumerate(self.changing)}
        if self.occasions is not None:
            found["(occasion)"] = self.occasions.of_row.astype(np.float64)
        return found

    def terms(self, values: Floats) -> tuple[Ints, Floats]:
        """Return the terms of the blocks, as `Subjects` has them: mix_start, mix.

        Parameters
        ----------
        values : (n_blocks, number of `columns`)
        """
        if not self.columns and not self.shaped:
            return frozen(np.zeros(0, dtype=np.int64)), frozen(np.zeros((0, N_TERM)))
        n_blocks, n_changing = len(values), len(self.changing)
        n_between = n_changing + 2 * len(self.shaped)
        first = len(self.eta_index) - len(self.with_iov) * (
            0 if self.occasions is None else self.occasions.most
        )
        n_terms = n_changing + len(self.with_iov) + len(self.shaped)
        terms = np.zeros((n_blocks, n_terms, N_TERM))
        for c, one in enumerate(self.changing):
            terms[:, c, PARAMETER], terms[:, c, DIRECTION] = one.parameter, first - n_between + c
            terms[:, c, WEIGHT], terms[:, c, KIND] = values[:, c], one.kind
        for j, k in enumerate(self.with_iov):
            terms[:, n_changing + j, PARAMETER] = k
            terms[:, n_changing + j, DIRECTION] = first + values[:, -1] * len(self.with_iov) + j
            terms[:, n_changing + j, WEIGHT] = 1.0
        for j, (k, direction, kind) in enumerate(self.shaped, n_terms - len(self.shaped)):
            terms[:, j, PARAMETER], terms[:, j, DIRECTION] = k, direction
            terms[:, j, KIND], terms[:, j, SHAPE] = kind, direction + 1
        start = np.arange(n_blocks + 1) * terms.shape[1]
        return frozen(start.astype(np.int64)), frozen(terms.reshape(-1, N_TERM))


def make_directions(
    model: Model, data: Dataset, occasions: Occasions | None, *, estimable: bool
) -> Directions:
    """Return the directions of a model with its references (`covariates.with_references`).

    Raises
    ------
    DataError, ModelError
        A covariate does not fit the model; the message says where and what to do.
    """
    design = design_matrix(model, data, estimable=estimable)
    changing = changing_effects(model, data)
    names, etas = list(model.parameters), model.etas
    own = [name for name in etas if name not in model.shaped]
    index = [etas.index(name) if name in own else -1 for name in names]
    scaled = np.full(len(model.structure.outputs), -1, dtype=np.int64)
    for name, output in model.scaled.items():
        scaled[model.structure.outputs.index(output)] = len(index)
        index.append(etas.index(name))
    first = len(index)
    index += [-1] * len(changing)
    shaped = []
    for name, shape in model.eta_shapes.items():
        shaped.append((names.index(name), len(index), shape.code))
        index += [etas.index(name), -1]
    if occasions is not None:
        index += [len(etas) + k for k in range(len(model.iov) * occasions.most)]
    if len(index) > len(names):
        wide = np.zeros((len(design), len(index), design.shape[2]))
        wide[:, : len(names)] = design
        for c, one in enumerate(changing):
            wide[:, first + c, one.place] = 1.0
        for j, (_, direction, _) in enumerate(shaped):
            wide[:, direction + 1, design.shape[2] - len(shaped) + j] = 1.0
        design = wide
    return Directions(
        frozen(design),
        frozen(np.array(index, dtype=np.int64)),
        tuple(changing),
        tuple(names.index(name) for name in model.iov),
        occasions,
        frozen(scaled),
        tuple(shaped),
    )
