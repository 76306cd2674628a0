"""Three compartments with doses into the central one (bolus or infusion), linear elimination."""

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
        V_1 \frac{dc}{dt} = R(t) - CL\, c - Q_2 (c - c_2) - Q_3 (c - c_3), \qquad
        V_2 \frac{dc_2}{dt} = Q_2 (c - c_2),\ V_3 \frac{dc_3}{dt} = Q_3 (c - c_3)

    Parameters
    ----------
    phi : (6,)  cl, v1, q2, v2, q3, v3; all > 0
    records, out, jets : see `core.linear.advance`
    """
    for k in range(6):
        variable(order, 6, jets, _row(3, k), k, phi[k])
    _disposition(order, 6, 3, 6, 0, jets)
    return _advance(order, 6, 3, False, records, out, jets)


MODEL = StructuralModel(
    name="pk_3cmt_iv",
    title="3 compartments, intravenous",
    parameters=("cl", "v1", "q2", "v2", "q3", "v3"),
    symbols=("CL", "V_1", "Q_2", "V_2", "Q_3", "V_3"),
    units=(
        "{VOLUME}/{TIME}",
        "{VOLUME}",
        "{VOLUME}/{TIME}",
        "{VOLUME}",
        "{VOLUME}/{TIME}",
        "{VOLUME}",
    ),
    meanings=(
        "clearance",
        "volume of the central compartment",
        "clearance to the first peripheral compartment",
        "volume of the first peripheral compartment",
        "clearance to the second peripheral compartment",
        "volume of the second peripheral compartment",
    ),
    typical=(1.0, 10.0, 1.0, 20.0, 0.1, 50.0),
    compartments=("central",),
    observed=1,
    equations=(
        r"\frac{dA_1}{dt} = R(t) - CL\,c_1 - Q_2 (c_1 - c_2) - Q_3 (c_1 - c_3)",
        r"\frac{dA_2}{dt} = Q_2 (c_1 - c_2)",
        r"\frac{dA_3}{dt} = Q_3 (c_1 - c_3)",
        r"c_j = A_j / V_j, \quad f(t) = c_1(t)",
    ),
    predict=predict,
    n_jets=linear.n_rows(3, 6) + mammillary.SCRATCH,
)
