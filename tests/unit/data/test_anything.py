"""Whatever stands in the cells: a data set that holds together, or a DataError in words."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import records as rec
from workbench.data import read_dataset
from workbench.errors import DataError

CELLS = {
    "ID": ["1", "1", "1", "2", "3", ""],
    "TIME": ["0", "1", "2.5", "24", ".", "-1", "08:00", "2024-03-01 08:00", "x"],
    "DV": ["1", "2.5", ".", "0", "BLQ"],
    "AMT": ["0", "0", "10", ".", "-3"],
    "EVID": ["0", "1", "2", "3", "4", ".", "7"],
    "CMT": ["1", "2", "central", ".", "0", "-1", "1.5"],
    "RATE": ["0", "5", "-1", "-2", ".", "-9"],
    "TINF": ["0", "2", "."],
    "II": ["0", "12", "."],
    "ADDL": ["0", "3", ".", "1.5"],
    "SS": ["0", "1", "2", ".", "3"],
    "DVID": ["1", "2", "cp", "."],
    "DATE": ["2024-03-01", "2024-03-02", "1/2/2024", "5", "."],
    "MDV": ["0", "1", "."],
    "WT": ["70", "71", ".", "heavy"],
}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_cells(data):
    rare = data.draw(st.sets(st.sampled_from(list(CELLS)[2:])))
    names = ["ID", "TIME", *sorted(rare)]
    n = data.draw(st.integers(1, 6))
    # Mostly from the harmless cells at the start of each list, so that many files are accepted.
    strange = data.draw(st.booleans())
    columns = {
        name: data.draw(
            st.lists(
                st.sampled_from(CELLS[name] if strange else CELLS[name][:3]), min_size=n, max_size=n
            )
        )
        for name in names
    }
    columns["ID"] = sorted(columns["ID"])
    rule = data.draw(st.sampled_from(["nocb", "locf"]))
    design = data.draw(st.booleans())
    text = pd.DataFrame(columns).to_csv(index=False).encode()
    try:
        read = read_dataset(
            text,
            design=design,
            covariate_interpolation=rule,
            keep_unobserved=data.draw(st.booleans()),
        )
    except DataError:
        return
    population = read.population
    for i in range(population.n_sub):
        span = slice(population.record_start[i], population.record_start[i + 1])
        assert np.all(np.diff(population.records[span, rec.TIME]) >= 0)
        blocks = population.records[span, rec.BLOCK]
        n_blocks = population.block_start[i + 1] - population.block_start[i]
        assert sorted(set(blocks)) == list(range(n_blocks))
    kind = population.records[:, rec.KIND]
    assert np.sum(kind == rec.OBSERVATION) == population.n_obs == len(read.observations)
    assert design or np.isfinite(population.dv).all()
    assert np.all(read.time_after_dose[np.isfinite(read.time_after_dose)] >= 0)
    assert set(read.doses["ROW"]) == set(read.table["ROW"][read.table["EVID"].isin([1, 4])])
    again = read_dataset(
        read.table, design=design, covariate_interpolation=rule, keep_unobserved=True
    )
    np.testing.assert_array_equal(again.population.records, population.records)
    assert again.endpoints == read.endpoints
