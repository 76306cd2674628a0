"""Transformations of both sides against high-precision arithmetic, and their inverses."""

import mpmath
import numpy as np
import pytest
from scipy.stats import norm

import workbench as wb
from workbench.core import both_sides as scale
from workbench.problem import error_scale

LAMBDAS = (-1.3, 0.0, 1e-9, 0.3, 1.0, 2.0, 2.6)
H = mpmath.mpf(10) ** -15


def bent(x, lam, outer):
    """Box-Cox and Yeo-Johnson as in their papers."""
    x, lam = mpmath.mpf(x), mpmath.mpf(lam)

    def power(s, m):
        return mpmath.log(s) if m == 0 else (s**m - 1) / m

    if outer == scale.IDENTITY:
        return x
    if outer == scale.BOX_COX:
        return power(x, lam)
    return power(x + 1, lam) if x >= 0 else -power(1 - x, 2 - lam)


def inner(x, lower, upper, which):
    share = (mpmath.mpf(x) - lower) / (upper - lower)
    if which == scale.LOG:
        return mpmath.log(x)
    if which == scale.LOGIT:
        return mpmath.log(share / (1 - share))
    if which == scale.PROBIT:
        return mpmath.sqrt(2) * mpmath.erfinv(2 * share - 1)
    return mpmath.mpf(x)


def twin(x, lam, which, outer, lower=-1.0, upper=12.0):
    """g with its derivatives by central differences in 60 digits."""
    with mpmath.workdps(60):

        def g(dx, dl):
            return bent(inner(mpmath.mpf(x) + dx, lower, upper, which), mpmath.mpf(lam) + dl, outer)

        mixed = g(H, H) - g(-H, H) - g(H, -H) + g(-H, -H)
        return [
            float(part)
            for part in (
                g(0, 0),
                (g(H, 0) - g(-H, 0)) / (2 * H),
                (g(H, 0) - 2 * g(0, 0) + g(-H, 0)) / H**2,
                (g(0, H) - g(0, -H)) / (2 * H),
                mixed / (4 * H * H),
            )
        ]


@pytest.mark.parametrize("lam", LAMBDAS)
@pytest.mark.parametrize(
    ("which", "outer", "points"),
    [
        (scale.LOG, scale.IDENTITY, (0.01, 3.0)),
        (scale.IDENTITY, scale.BOX_COX, (0.01, 0.5, 3.0, 40.0)),
        (scale.IDENTITY, scale.YEO_JOHNSON, (-30.0, -0.2, 0.01, 3.0)),
        (scale.LOGIT, scale.IDENTITY, (-0.99, 5.5, 11.9)),
        (scale.PROBIT, scale.IDENTITY, (-0.99, 5.0, 11.999)),
        (scale.LOGIT, scale.YEO_JOHNSON, (-0.5, 4.0, 11.0)),
        (scale.PROBIT, scale.YEO_JOHNSON, (-0.5, 4.0, 11.0)),
    ],
)
def test_value_and_derivatives_against_sixty_digits(which, outer, points, lam):
    """The differences' own error, about H², is far below; lambda + H must not pass 0 unseen."""
    for x in points:
        out = np.zeros(scale.N_PARTS)
        scale.transformed(which, outer, -1.0, 12.0, lam, x, out)
        expected = twin(x, lam, which, outer)
        size = np.maximum(np.abs(expected), 1e-12)
        np.testing.assert_array_less(np.abs(out - expected) / size, 3e-12)


@pytest.mark.parametrize("p", [1e-300, 1e-20, 1e-5, 0.02, 0.3, 0.5, 0.7])
def test_the_normal_quantile_is_exact_in_both_tails(p):
    assert scale.normal_quantile(p, 1.0 - p) == pytest.approx(norm.ppf(p), rel=1e-15, abs=1e-15)
    assert scale.normal_quantile(1.0 - p, p) == pytest.approx(norm.isf(p), rel=1e-15, abs=1e-15)


def test_outside_its_domain_there_is_no_value():
    out = np.zeros(scale.N_PARTS)
    for which, outer, x in (
        (scale.LOG, 0, -1.0),
        (scale.IDENTITY, scale.BOX_COX, -1.0),
        (scale.LOGIT, 0, 2.0),
        (scale.PROBIT, 0, -0.1),
    ):
        scale.transformed(which, outer, 0.0, 1.0, 0.5, x, out)
        assert np.isnan(out[scale.G])
    for which, x, end in ((scale.LOG, 0.0, -np.inf), (scale.LOGIT, 1.0, np.inf)):
        with np.errstate(invalid="ignore"):
            scale.transformed(which, 0, 0.0, 1.0, 1.0, x, out)
        assert out[scale.G] == end


TRANSFORMS = {
    "log": wb.transform.Log(),
    "boxcox": wb.transform.BoxCox(0.4),
    "boxcox_below_0": wb.transform.BoxCox(-0.4),
    "boxcox_at_0": wb.transform.BoxCox(0.0),
    "yeojohnson": wb.transform.YeoJohnson(0.4),
    "yeojohnson_at_2": wb.transform.YeoJohnson(2.0),
    "logit": wb.transform.Logit(-3, 12),
    "probit": wb.transform.Probit(-3, 12),
    "logit_yeojohnson": wb.transform.Logit(-3, 12, yeo_johnson=0.4),
    "probit_yeojohnson": wb.transform.Probit(-3, 12, yeo_johnson=1.6),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_inverse_gives_the_data_back(name):
    error = wb.error.Additive(0.3, transform=TRANSFORMS[name])
    own = np.array(error.values)
    signed = np.array([-2.5, -0.3, 0.2, 1.0, 7.0])
    y = signed if error_scale.in_domain(error, signed).all() else np.array([0.02, 0.9, 7.0, 11.0])
    f = np.full(len(y), 3.0)
    e = error_scale.modelled(error, y, own) - error_scale.modelled(error, f, own)
    np.testing.assert_allclose(error_scale.observed(error, f, e, own), y, rtol=1e-12)


def test_errors_that_lead_out_of_the_scale_end_at_its_end():
    error = wb.error.Additive(1.0, transform=wb.transform.BoxCox(0.5))
    own, f = np.array(error.values), np.array([1.0])
    assert error_scale.observed(error, f, np.array([-3.0]), own) == 0.0
    error = wb.error.Additive(1.0, transform=wb.transform.BoxCox(-0.5))
    assert np.isinf(error_scale.observed(error, f, np.array([3.0]), np.array(error.values)))
