"""Jets of a block's parameters in the directions, against differences of their values."""

import numpy as np
import pytest

from workbench.core.jets import parts_of
from workbench.core.mixing import FACTOR, LINEAR, block_parameters, seed_block
from workbench.core.shapes import BOX_COX, STUDENT
from workbench.core.transforms import EXP, IDENTITY
from workbench.problem.space import frozen

CODES = frozen(np.array([EXP, IDENTITY]))
RANGES = frozen(np.zeros((2, 2)))
U = frozen(np.array([0.3, 1.2, 0.4, -0.2, 1.5]))
# Each acts on one of the two parameters: (parameter, direction, weight, kind, its shape's).
TERMS = {
    "linear": (0, 2, 1.7, LINEAR, 0),
    "factor": (0, 2, 0.9, FACTOR, 0),
    "Box-Cox": (1, 3, 1.0, BOX_COX, 4),
    "Student": (0, 3, 1.0, STUDENT, 4),
}
STEP = 1e-4


def values(term, u):
    phi, slope, bend = np.zeros(2), np.zeros(2), np.zeros(2)
    terms = frozen(np.array([term], dtype=float))
    block_parameters(CODES, RANGES, terms, 0, 1, frozen(u), phi, slope, bend)
    return phi


def moved(term, *steps):
    u = np.array(U)
    for direction, size in steps:
        u[direction] += size
    return values(term, u)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", TERMS)
def test_jets_against_differences(name, order):
    term, p = TERMS[name], len(U)
    params = np.full((3, parts_of(2, p)), np.nan)
    room = [np.zeros(2) for _ in range(3)]
    terms = frozen(np.array([term], dtype=float))
    seed_block(order, CODES, RANGES, terms, 0, 1, U, 1, *room, params)
    assert np.isnan(params[0]).all()  # rows of other blocks are left alone
    jets, h = params[1:], STEP
    np.testing.assert_array_equal(jets[:, 0], values(term, U))
    for d in range(p if order > 0 else 0):
        slope = (moved(term, (d, h)) - moved(term, (d, -h))) / (2 * h)
        np.testing.assert_allclose(jets[:, 1 + d], slope, rtol=1e-6, atol=1e-7)
        for g in range(d + 1 if order > 1 else 0):
            corners = [
                a * b * moved(term, (d, a * h), (g, b * h)) for a in (1, -1) for b in (1, -1)
            ]
            bend = sum(corners) / (4 * h * h)
            found = jets[:, 1 + p + d * (d + 1) // 2 + g]
            np.testing.assert_allclose(found, bend, rtol=1e-5, atol=1e-6)
