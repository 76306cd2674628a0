"""Visual predictive check against the R package vpc 1.2.4 (fixed bins, 100 replicates).

The simulations are the package's own `simple_data`, so nothing random is left: the tables differ
by rounding only (1e-9). Bins are closed at the left, percentiles of R's type 7.
"""

import numpy as np
import pandas as pd
import pytest

from workbench.diagnostics import Vpc

EDGES = (0, 1, 2, 4, 6, 8, 10, 12, 16, 24.5)


@pytest.fixture(scope="module")
def check(references):
    folder = references / "data/vpc"
    observed, simulated = (pd.read_csv(folder / f"simple_data_{k}.csv") for k in ("obs", "sim"))
    observed, simulated = observed[observed["MDV"] == 0], simulated[simulated["MDV"] == 0]
    first = simulated[simulated["REP"] == 1]
    for name in ("ID", "TIME"):  # the replicates are in the order of the observations
        np.testing.assert_array_equal(first[name], observed[name])
    return Vpc.from_arrays(
        observed["TIME"],
        observed["DV"],
        simulated["DV"].to_numpy().reshape(100, -1),
        pred=first["PRED"],
        covariates={"ISM": observed["ISM"].to_numpy()},
    )


def test_fixed_bins_against_vpc(references, records, check):
    expected = records["vpc_fixedbins"]["expected"]
    of_data, of_model = (pd.read_csv(references / expected[key]) for key in ("obs", "sim"))
    table = check.rebin(edges=EDGES).percentiles((5, 50, 95), ci=0.9).table
    assert len(table) == 3 * len(of_data)
    for percent in (5, 50, 95):
        mine = table[table["PERCENTILE"] == percent]
        assert mine["BIN"].tolist() == of_data["bin"].tolist()
        np.testing.assert_allclose(mine["OBSERVED"], of_data[f"obs{percent}"], rtol=1e-9)
        for name, end in (("LOWER", "low"), ("MEDIAN", "med"), ("UPPER", "up")):
            theirs = of_model[f"q{percent}.{end}"]
            np.testing.assert_allclose(mine[name], theirs, rtol=1e-9)
    np.testing.assert_allclose(
        table.drop_duplicates("BIN")[["X_LOW", "X_HIGH"]], of_data[["bin_min", "bin_max"]]
    )
