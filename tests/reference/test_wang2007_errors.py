"""Wang's 20 observations under every residual error and transformation of the references.

The open records state the model in mathematics: h(Y) = h(f) + e, e ~ N(0, V); OFV is -2LL without
n log 2 pi, the Jacobian counted. FO, FOCE and FOCEI are printed to three decimals, and an evaluator
that reproduces them to five; Laplace (true Hessian) and the exact marginal to four.
"""

import re

import numpy as np
import pytest

import workbench as wb
from tests.reference.test_wang2007 import S, model, wang

F = "f"
TRANSFORMS = {
    "h(x)=x": None,
    "h(x)=log(x)": wb.transform.Log(),
    "h(x)=(x^0.5-1)/0.5": wb.transform.BoxCox(0.5),
    "h(x)=x-1 (Box-Cox lambda=1)": wb.transform.BoxCox(1.0),
    "h(x)=((x+1)^0.5-1)/0.5 for x>=0 (Yeo-Johnson)": wb.transform.YeoJohnson(0.5),
    "h(x)=logit((x-0)/(12-0))": wb.transform.Logit(0, 12),
    "h(x)=qnorm((x-0)/(12-0))": wb.transform.Probit(0, 12),
    "h(x)=YJ_0.5(logit(x/12))": wb.transform.Logit(0, 12, yeo_johnson=0.5),
    "h(x)=YJ_0.5(qnorm(x/12))": wb.transform.Probit(0, 12, yeo_johnson=0.5),
}
A = "(sqrt(0.1))"
ERRORS = {
    f"{A}^2": lambda **o: wb.error.Additive(S, **o),
    f"({A}*(f))^2": lambda **o: wb.error.Proportional(S, **o),
    f"({A}*(|h(f)|))^2": lambda **o: wb.error.Proportional(S, of="transformed", **o),
    f"({A}*(f)^(0.5))^2": lambda **o: wb.error.Power(S, 0.5, **o),
    f"({A}*(|h(f)|)^(0.5))^2": lambda **o: wb.error.Power(S, 0.5, of="transformed", **o),
    f"(sqrt(0.1) + {A}*(f))^2": lambda **o: wb.error.Combined(S, S, kind=1, **o),
    f"{A}^2 + ({A}*(f))^2": lambda **o: wb.error.Combined(S, S, kind=2, **o),
    f"(sqrt(0.1) + {A}*(f)^(0.5))^2": lambda **o: wb.error.Combined(
        S, S, kind=1, exponent=0.5, **o
    ),
    f"{A}^2 + ({A}*(f)^(0.5))^2": lambda **o: wb.error.Combined(S, S, kind=2, exponent=0.5, **o),
}


def residual_error(record):
    """Return our error for a record, None where its variance is none of our models'."""
    stated = record["model"]
    variance = stated["residual"].split("V = ")[1]
    make = ERRORS.get(variance)
    return make and make(transform=TRANSFORMS[stated["transform"]])
