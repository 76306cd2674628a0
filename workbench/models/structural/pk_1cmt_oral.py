"""One compartment with first-order absorption from a depot, linear elimination."""

from workbench.core import linear
from workbench.core.jets import multiply, reciprocal, variable
from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.models.structural._base import StructuralModel

_rate = linear.rate_row
_coefficient = linear.coefficient_row
_row = linear.parameter_row
_advance = linear.advance
_KA = linear.KA_ROW


@kernel
def predict(order: int, phi: Vec, records: Mat, out: OutMat, jets: OutMat) -> int:
    r"""Concentration in the central compartment.

    .. math::
        \frac{dA_d}{dt} = R_d(t) - k_a A_d, \qquad
        V \frac{dc}{dt} = R_c(t) + k_a A_d - CL\, c

    For one oral dose this is the Bateman function (Bateman 1910, Proc. Camb. Phil. Soc. 15).

    Parameters
    ----------
    phi : (3,)  ka (1/time), cl (volume/time), v (volume), all > 0
    records, out, jets : see `core.linear.advance`
    """
    variable(order, 3, jets, _KA, 0, phi[0])
    variable(order, 3, jets, _row(1, 1), 1, phi[1])
    variable(order, 3, jets, _row(1, 2), 2, phi[2])
    reciprocal(order, 3, jets, _row(1, 2), _coefficient(1, 0))
    multiply(order, 3, jets, _row(1, 1), _coefficient(1, 0), _rate(0))
    return _advance(order, 3, 1, True, records, out, jets)


MODEL = StructuralModel(
    name="pk_1cmt_oral",
    title="1 compartment, first-order absorption",
    parameters=("ka", "cl", "v"),
    symbols=("k_a", "CL", "V"),
    units=("1/{TIME}", "{VOLUME}/{TIME}", "{VOLUME}"),
    meanings=("absorption rate constant", "clearance (CL/F)", "volume of distribution (V/F)"),
    typical=(1.0, 1.0, 10.0),
    compartments=("depot", "central"),
    observed=2,
    equations=(
        r"\frac{dA_d}{dt} = -k_a A_d",
        r"\frac{dA_c}{dt} = k_a A_d - \frac{CL}{V}\,A_c",
        r"f(t) = \frac{A_c(t)}{V}",
    ),
    predict=predict,
    n_jets=linear.n_rows(1, 3),
)
