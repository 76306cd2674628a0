"""One compartment, doses into it (bolus or infusion), linear elimination."""

from workbench.core import linear
from workbench.core.jets import multiply, reciprocal, variable
from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.models.structural._base import StructuralModel

_rate = linear.rate_row
_coefficient = linear.coefficient_row
_row = linear.parameter_row
_advance = linear.advance


@kernel
def predict(order: int, phi: Vec, records: Mat, out: OutMat, jets: OutMat) -> int:
    r"""Concentration in the central compartment.

    .. math:: V \frac{dc}{dt} = R(t) - CL\, c, \qquad \lambda = CL / V, \qquad C = 1 / V

    Parameters
    ----------
    phi : (2,)  cl (volume/time), v (volume), both > 0
    records, out, jets : see `core.linear.advance`
    """
    variable(order, 2, jets, _row(1, 0), 0, phi[0])
    variable(order, 2, jets, _row(1, 1), 1, phi[1])
    reciprocal(order, 2, jets, _row(1, 1), _coefficient(1, 0))
    multiply(order, 2, jets, _row(1, 0), _coefficient(1, 0), _rate(0))
    return _advance(order, 2, 1, False, records, out, jets)


MODEL = StructuralModel(
    name="pk_1cmt_iv",
    title="1 compartment, intravenous",
    parameters=("cl", "v"),
    symbols=("CL", "V"),
    units=("{VOLUME}/{TIME}", "{VOLUME}"),
    meanings=("clearance", "volume of distribution"),
    typical=(1.0, 10.0),
    compartments=("central",),
    observed=1,
    equations=(
        r"\frac{dA}{dt} = R(t) - \frac{CL}{V}\,A",
        r"f(t) = \frac{A(t)}{V}",
    ),
    predict=predict,
    n_jets=linear.n_rows(1, 2),
)
