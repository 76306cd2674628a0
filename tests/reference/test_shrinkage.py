"""Shrinkage predicted from a design: the documented example of PopED.

PopED's article "Examples", section Shrinkage (inst/examples/ex.13.shrinkage.R, after example 1.4.2
of PFIM): ``shrinkage(poped.db)`` prints shrink_var 0.504, 0.367, 0.424 and shrink_sd 0.295, 0.205,
0.241 for KA, K and V, first order at eta = 0. Three digits are printed.
"""

import numpy as np
import pandas as pd

import workbench as wb
from workbench.diagnostics import table


def test_predicted_shrinkage_against_poped():
    model = wb.Model(
        wb.pk(absorption="first_order", parametrisation="rates"),
        {
            "ka": wb.LogNormal(2.0, iiv=1.0),
            "k": wb.LogNormal(0.25, iiv=0.5),
            "v": wb.LogNormal(15.0, iiv=np.sqrt(0.1)),
        },
        error=wb.error.Combined(additive=0.5, proportional=0.15, kind=1),
    )
    dose = {"ID": 1, "TIME": 0.0, "AMT": 100.0, "EVID": 1}
    samples = [{"ID": 1, "TIME": t, "EVID": 0, "DV": 3.0} for t in (1.0, 3.0, 8.0)]
    at = wb.evaluate(model, wb.read_dataset(pd.DataFrame([dose, *samples]), name="PFIM 1.4.2"))
    found = table("shrinkage", at).set_index(["definition", "parameter"])
    found = found.loc["predicted_at_zero"].loc[["ka", "k", "v"]]
    np.testing.assert_allclose(found["shrinkage_var"] / 100, [0.504, 0.367, 0.424], atol=5.1e-4)
    np.testing.assert_allclose(found["shrinkage_sd"] / 100, [0.295, 0.205, 0.241], atol=1.1e-3)
