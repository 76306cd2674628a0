"""Two compartments with doses into the central one (bolus or infusion), linear elimination."""

from workbench.core import linear, mammillary
from workbench.core.jets import variable
from workbench.core.jit import Mat, OutMat, Vec, kernel
from workbench.models.structural._base import StructuralModel

_row = linear.parameter_row
_advance = linear.advance
_disposition = mammillary.disposition


@kernel
def predict(order: int, phi: Vec, records: Mat, out: OutMat, jets: OutMat) -> int:
    r"""Concentration in the central compartment.

    .. math::
        V_1 \frac{dc}{dt} = R(t) - CL\, c - Q (c - c_2), \qquad
        V_2 \frac{dc_2}{dt} = Q (c - c_2)

    Parameters
    ----------
    phi : (4,)  cl, v1, q, v2; all > 0
    records, out, jets : see `core.linear.advance`
    """
    for k in range(4):
        variable(order, 4, jets, _row(2, k), k, phi[k])
    _disposition(order, 4, 2, 4, 0, jets)
    return _advance(order, 4, 2, False, records, out, jets)


MODEL = StructuralModel(
    name="pk_2cmt_iv",
    title="2 compartments, intravenous",
    parameters=("cl", "v1", "q", "v2"),
    symbols=("CL", "V_1", "Q", "V_2"),
    units=("{VOLUME}/{TIME}", "{VOLUME}", "{VOLUME}/{TIME}", "{VOLUME}"),
    meanings=(
        "clearance",
        "volume of the central compartment",
        "inter-compartmental clearance",
        "volume of the peripheral compartment",
    ),
    typical=(1.0, 10.0, 0.5, 20.0),
    compartments=("central",),
    observed=1,
    equations=(
        r"\frac{dA_1}{dt} = R(t) - CL\,c_1 - Q (c_1 - c_2)",
        r"\frac{dA_2}{dt} = Q (c_1 - c_2)",
        r"c_j = A_j / V_j, \quad f(t) = c_1(t)",
    ),
    predict=predict,
    n_jets=linear.n_rows(2, 4) + mammillary.SCRATCH,
)
