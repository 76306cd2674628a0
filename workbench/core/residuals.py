"""What a residual-error kernel writes for each observation, and what is said about it.

The residual is r = h(y) - h(f) for a transformation h (the identity, or the logarithm), with
variance v(f, sigma). One row per observation: r and v with their derivatives with respect to
the prediction f, then what kind of observation it is, then for each sigma the derivatives of v
and r. A residual-error kernel writes r, v and their derivatives; KIND, OTHER, SCALED and
OTHER_S are written for it (`table.residual_table`). The estimators need nothing else
(`observation`), so a new error model is one kernel.
"""

R = 0  # r
R_F = 1  # dr/df = -h'(f)
R_FF = 2
V = 3  # variance of r
V_F = 4
V_FF = 5
KIND = 6  # of the observation, one of those below
OTHER = 7  # r at the other limit, for kinds that have two; degrees of freedom of STUDENT
SCALED = 8  # 1 + direction of the random effect on log SD (`scale_effects`), 0 without one
FIRST_SIGMA = 9  # from here a group of SIGMA_WIDTH columns for each sigma

# Places within the group of a sigma s.
V_S = 0  # dv/ds
V_FS = 1  # d2v/(df ds)
R_S = 2  # dr/ds, 0 unless s is a parameter of h
R_FS = 3  # d2r/(df ds), likewise
OTHER_S = 4  # dr/ds at the other limit, or of the degrees of freedom: of OTHER
SIGMA_WIDTH = 5

# Kinds of observations; y is the data's value, l its other limit.
OBSERVED = 0  # the value is y
BELOW = 1  # the value is below y (left-censored)
ABOVE = 2  # the value is above y (right-censored)
BETWEEN = 3  # the value is between y and l (interval-censored)
TRUNCATED = 4  # the value is y, and could not have been below l
BELOW_TRUNCATED = 5  # the value is below y, and could not have been below l
STUDENT = 6  # the value is y, and its error has Student's t distribution
TWO_LIMITS = BETWEEN  # kinds from this one on have two
DENSITY = (OBSERVED, TRUNCATED)  # kinds of which the likelihood is a density, not a probability


def n_columns(n_sigma: int) -> int:
    """Columns of the table for a model with `n_sigma` residual parameters."""
    return FIRST_SIGMA + SIGMA_WIDTH * n_sigma
