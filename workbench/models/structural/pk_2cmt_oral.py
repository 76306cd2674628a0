"""Two compartments with first-order absorption from a depot, linear elimination."""

from workbench.core import linear, mammillary
from workbench.core.jets import variable
from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.models.structural._base import StructuralModel

_row = linear.parameter_row
_advance = linear.advance
_disposition = mammillary.disposition
_KA = linear.KA_ROW


@kernel
def predict(order: int, phi: Vec, records: Mat, out: OutMat, jets: OutMat) -> int:
    r"""Concentration in the central compartment.

    .. math::
        V_1 \frac{dc}{dt} = R(t) + k_a A_d - CL\, c - Q (c - c_2), \qquad
        V_2 \frac{dc_2}{dt} = Q (c - c_2)

    Parameters
    ----------
    phi : (5,)  ka, cl, v1, q, v2; all > 0
    records, out, jets : see `core.linear.advance`
    """
    for k in range(5):
        variable(order, 5, jets, _row(2, k), k, phi[k])
    variable(order, 5, jets, _KA, 0, phi[0])
    _disposition(order, 5, 2, 5, 1, jets)
    return _advance(order, 5, 2, True, records, out, jets)


MODEL = StructuralModel(
    name="pk_2cmt_oral",
    title="2 compartments, first-order absorption",
    parameters=("ka", "cl", "v1", "q", "v2"),
    symbols=("k_a", "CL", "V_1", "Q", "V_2"),
    units=("1/{TIME}", "{VOLUME}/{TIME}", "{VOLUME}", "{VOLUME}/{TIME}", "{VOLUME}"),
    meanings=(
        "absorption rate constant",
        "clearance",
        "volume of the central compartment",
        "inter-compartmental clearance",
        "volume of the peripheral compartment",
    ),
    typical=(1.0, 1.0, 10.0, 0.5, 20.0),
    compartments=("depot", "central"),
    observed=2,
    equations=(
        r"\frac{dA_d}{dt} = -k_a A_d",
        r"\frac{dA_1}{dt} = k_a A_d - CL\,c_1 - Q (c_1 - c_2)",
        r"\frac{dA_2}{dt} = Q (c_1 - c_2)",
        r"c_j = A_j / V_j, \quad f(t) = c_1(t)",
    ),
    predict=predict,
    n_jets=linear.n_rows(2, 5) + mammillary.SCRATCH,
)
