"""How an individual parameter phi follows from psi, the scale on which eta is added.

psi = X theta + Z eta, and phi = h(psi) parameter by parameter; h is named by a code, so a model
chooses it as data and nothing is compiled.
"""

from math import exp

from workbench.core.jit import IntVec, OutVec, Vec, kernel

IDENTITY = 0  # phi = psi            (normal)
EXP = 1  # phi = exp(psi)       (log-normal)


@kernel
def transform(codes: IntVec, psi: Vec, phi: OutVec, first: OutVec, second: OutVec) -> None:
    r"""Individual parameters and their derivatives with respect to psi.

    .. math:: \phi_k = h_k(\psi_k)

    Parameters
    ----------
    codes : (n_phi,)  one of the codes above for each parameter
    psi : (n_phi,)
    phi, first, second : (n_phi,)  overwritten with h, h' and h''
    """
    for k in range(codes.shape[0]):
        if codes[k] == EXP:
            value = exp(psi[k])
            phi[k] = value
            first[k] = value
            second[k] = value
        else:
            phi[k] = psi[k]
            first[k] = 1.0
            second[k] = 0.0
