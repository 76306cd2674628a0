"""What a residual-error kernel writes for each observation.

The residual is r = h(y) - h(f) for a transformation h (the identity, or the logarithm), with
variance v(f, sigma). One row per observation: r and v with their derivatives with respect to
the prediction f, then for each sigma the derivative of v and of v_f with respect to it. The
estimators need nothing else, so a new error model is one kernel.
"""

R = 0  # r
R_F = 1  # dr/df = -h'(f)
R_FF = 2
V = 3  # variance of r
V_F = 4
V_FF = 5
FIRST_SIGMA = 6  # then, for sigma k: dv/dsigma at 6 + 2k, d2v/(df dsigma) at 7 + 2k


def n_columns(n_sigma: int) -> int:
    """Columns of the table for a model with `n_sigma` residual parameters."""
    return FIRST_SIGMA + 2 * n_sigma
