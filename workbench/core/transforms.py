"""How an individual parameter phi follows from psi, the scale on which eta is added.

psi = X theta + Z eta, and phi = h(psi) parameter by parameter; h is named by a code, so a model
chooses it as data and nothing is compiled.
"""

from math import exp

from workbench.core.jit import IntVec, OutVec, Vec, kernel

IDENTITY = 0  # phi = psi            (normal)
EXP = 1  # phi = exp(psi)       (log-normal)


@kernel
def transform_one(code: int, psi: float) -> tuple[float, float, float]:
    """Return h, h' and h'' of one parameter."""
    if code == EXP:
        value = exp(psi)
        return value, value, value
    return psi, 1.0, 0.0


@kernel
def transform(codes: IntVec, psi: Vec, phi: OutVec, first: OutVec, second: OutVec) -> None:
    r"""Individual parameters and their derivatives with respect to psi.

    .. math:: \phi_k = h_k(\psi_k)

    Parameters
    ----------
    codes : (n_phi,)  one of the codes above for each parameter
    psi : (at least n_phi,)
    phi, first, second : (at least n_phi,)  overwritten with h, h' and h''
    """
    for k in range(codes.shape[0]):
        phi[k], first[k], second[k] = transform_one(codes[k], psi[k])
