r"""How an individual parameter phi follows from psi, the scale on which eta is added.

psi = X theta + Z eta, and phi = h(psi) parameter by parameter; h is named by a code, so a model
chooses it as data and nothing is compiled. With lower bound a and width w = b - a,

.. math::
    h(\psi) = a + w\,P, \quad h' = w\,P (1 - P), \quad h'' = h' (1 - 2 P), \qquad
    P = \frac{1}{1 + e^{-\psi}} \qquad \text{(logit-normal)}

.. math::
    h(\psi) = a + w\,\Phi(\psi), \quad h' = w\,\varphi(\psi), \quad h'' = -\psi\,h'
    \qquad \text{(probit-normal)}

Both are computed from the nearer bound, so that neither tail loses digits.
"""

from math import erfc, exp, pi, sqrt

from workbench.core.jit import IntVec, Mat, OutVec, Vec, kernel

IDENTITY = 0  # phi = psi            (normal)
EXP = 1  # phi = exp(psi)       (log-normal)
LOGIT = 2  # phi = a + w / (1 + exp(-psi))  (logit-normal)
PROBIT = 3  # phi = a + w Phi(psi)   (probit-normal)

ROOT_HALF = sqrt(0.5)
NORMAL_PEAK = 1.0 / sqrt(2.0 * pi)


@kernel
def between_bounds(
    k: int, code: int, ranges: Mat, x: float, phi: OutVec, first: OutVec, second: OutVec
) -> None:
    """Write h, h' and h'' of a logit- or probit-normal parameter k at psi = x."""
    lower, upper = ranges[k, 0], ranges[k, 1]
    width, distance = upper - lower, abs(x)
    if code == LOGIT:
        e = exp(-distance)
        tail = e / (1.0 + e)  # the share of the farther side
        slope = width * tail / (1.0 + e)
        bend = slope * (1.0 - e) / (1.0 + e)  # falls above the middle, rises below
        second[k] = -bend if x > 0.0 else bend
    else:
        tail = 0.5 * erfc(distance * ROOT_HALF)
        slope = width * NORMAL_PEAK * exp(-0.5 * x * x)
        second[k] = -x * slope
    first[k] = slope
    phi[k] = upper - width * tail if x > 0.0 else lower + width * tail


@kernel
def transform(
    codes: IntVec, ranges: Mat, psi: Vec, phi: OutVec, first: OutVec, second: OutVec
) -> None:
    r"""Individual parameters and their derivatives with respect to psi.

    .. math:: \phi_k = h_k(\psi_k)

    Parameters
    ----------
    codes : (n_phi,)  one of the codes above for each parameter
    ranges : (n_phi, 2)  lower and upper bound of each; only those of LOGIT and PROBIT are read
    psi : (at least n_phi,)  may be `phi`
    phi, first, second : (at least n_phi,)  overwritten with h, h' and h''
    """
    for k in range(codes.shape[0]):
        if codes[k] == EXP:
            value = exp(psi[k])
            phi[k] = value
            first[k] = value
            second[k] = value
        elif codes[k] == IDENTITY:
            phi[k] = psi[k]
            first[k] = 1.0
            second[k] = 0.0
        else:
            between_bounds(k, codes[k], ranges, psi[k], phi, first, second)
