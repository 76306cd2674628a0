"""Groups of one's own, and a lens: the check of a part is the check of that part alone."""

import numpy as np
import pandas as pd
import pytest

from workbench import plots
from workbench.diagnostics import Vpc
from workbench.errors import OptionError, UnknownNameError

N, REPLICATES = 60, 200
RANDOM = np.random.default_rng(4)
X = np.tile([0.0, 1.0, 2.0, 4.0, 8.0], N // 5)
PRED = 10 * np.exp(-0.2 * X) * RANDOM.uniform(0.5, 2.0, N)
SIMULATED = PRED * np.exp(0.3 * RANDOM.standard_normal((REPLICATES, N)))
OBSERVED = PRED * np.exp(0.3 * RANDOM.standard_normal(N))
WEIGHT = RANDOM.uniform(50, 90, N).round(1)
SEX = np.where(RANDOM.random(N) < 0.5, "F", "M")


def check(rows=slice(None), **options):
    return Vpc.from_arrays(
        X[rows],
        OBSERVED[rows],
        SIMULATED[:, rows],
        pred=PRED[rows],
        covariates={"WT": WEIGHT[rows], "SEX": SEX[rows]},
        **options,
    )


LOOKS = {
    "plain": lambda vpc: vpc,
    "corrected": lambda vpc: vpc.correct(),
    "variability": lambda vpc: vpc.correct(variance=True),
    "bins": lambda vpc: vpc.rebin("equal_count", 3),
    "percentiles": lambda vpc: vpc.percentiles((10, 90), ci=0.8),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("limit", [None, 4.0])
def test_a_filter_is_the_check_of_what_is_kept(look, limit):
    kept = SEX == "F"
    options = {} if limit is None else {"lloq": limit}
    whole = LOOKS[look](plots.through(check(**options), where={"SEX": "F"}))
    alone = LOOKS[look](check(kept, **options))
    pd.testing.assert_frame_equal(whole.table, alone.table, check_exact=True)
    pd.testing.assert_frame_equal(whole.npc, alone.npc, check_exact=True)
    pd.testing.assert_frame_equal(whole.blq, alone.blq, check_exact=True)
    np.testing.assert_array_equal(whole.points["DV"], alone.points["DV"])
    assert f"{(~kept).sum()} of {N} observations are in no group" in " ".join(whole.notes)


def test_a_filter_of_rows_keeps_those_rows():
    whole = plots.through(check(), where={"TIME": (1, 4)})
    alone = check((X >= 1) & (X <= 4))
    pd.testing.assert_frame_equal(whole.table, alone.table, check_exact=True)


def test_each_part_of_a_split_is_the_check_of_that_part():
    split = plots.through(check(), split_by="WT", cut="tertiles")
    low, high = np.quantile(WEIGHT, [1 / 3, 2 / 3])
    parts = [low >= WEIGHT, (low < WEIGHT) & (high >= WEIGHT), high < WEIGHT]
    names = list(dict.fromkeys(split.table["STRATUM"]))
    assert len(names) == 3
    assert names[0].startswith("WT ≤")
    assert names[2].startswith("WT >")
    for name, rows in zip(names, parts, strict=True):
        mine = split.table[split.table["STRATUM"] == name].drop(columns="STRATUM")
        alone = check(rows).table.drop(columns="STRATUM")
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), alone, check_exact=True)


def test_cuts_stay_where_they_are_when_a_filter_takes_some_away():
    every = plots.through(check(), split_by="WT")
    some = plots.through(check(), split_by="WT", where={"SEX": "F"})
    assert set(some.table["STRATUM"]) == set(every.table["STRATUM"])


def test_groups_and_strata_go_together_in_any_order():
    groups = {subject: "a" if subject % 2 else "b" for subject in range(1, N + 1)}
    one = check().group(groups).stratify("SEX")
    other = check().stratify("SEX").group(groups)
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    assert "a, SEX F" in set(one.table["STRATUM"])
    assert check().group(groups).group(None).table.equals(check().table)


def test_nothing_kept_is_an_empty_table_and_a_sentence():
    empty = plots.through(check(), where={"SEX": "X"})
    assert empty.table.empty
    assert empty.npc.empty
    figure = plots.vpc(check(), where={"SEX": "X"})
    assert any("leaves nothing" in text.get_text() for text in texts(figure))


def texts(figure):
    return figure.findobj(lambda artist: hasattr(artist, "get_text"))


def test_a_picture_says_what_it_leaves_out_and_what_its_colours_mean():
    figure = plots.vpc(check(), colour_by="WT", split_by="SEX", where={"WT": (60, None)})
    said = " ".join(text.get_text() for text in texts(figure))
    assert f"WT ≥ 60 · {(WEIGHT >= 60).sum()} of {N} subjects" in said
    assert "SEX F" in said
    said = " ".join(text.get_text() for text in texts(plots.npc(check(), split_by="SEX")))
    assert "SEX M · above" in said


def test_what_cannot_be_is_refused_in_words():
    with pytest.raises(UnknownNameError, match="AGE"):
        plots.vpc(check(), split_by="AGE")
    with pytest.raises(OptionError, match="60 observations"):
        check().group(["a"])
