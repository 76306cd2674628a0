import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import workbench as wb
import workbench.plots as wp
from tests.standins import stand_in, two_endpoints
from workbench.errors import OptionError, UnknownNameError
from workbench.plots import DARK, LIGHT, Lens, plots
from workbench.plots._cells import Cell, log_values
from workbench.plots._colours import Scale
from workbench.plots._lens import Condition
from workbench.plots._parts import look
from workbench.plots._variables import variables


@pytest.fixture(scope="module")
def fit():
    return stand_in()


def test_variables_are_covariates_and_random_effects(fit):
    known = variables(fit)
    assert list(known) == ["SEX", "WT", "SITE", "AGE", "CENS", "eta[ka]", "eta[cl]", "eta[v]"]
    assert known["SEX"].levels == ("F", "M")
    assert not known["WT"].categorical
    assert known["SITE"].why == "constant"
    assert known["eta[cl]"].values[3] == fit.etas.loc[3, "cl"]


def test_covariates_that_change_are_taken_at_the_first_record():
    frame = pd.DataFrame(
        {
            "ID": [1] * 3 + [2] * 3,
            "TIME": [0.0, 1, 2] * 2,
            "AMT": [100.0, 0, 0] * 2,
            "DV": [0.0, 5, 4, 0, 6, 3],
            "EVID": [1, 0, 0] * 2,
            "CRCL": [90.0, 80, 70, 60, 65, 70],
        }
    )
    known = variables(wb.read_dataset(frame, name="x"))
    assert known["CRCL"].values.tolist() == [90.0, 60.0]


def test_whole_numbers_of_few_values_are_levels():
    known = variables(wb.load_dataset("warfarin_simulated"))
    assert known["SEX"].levels == (0.0, 1.0)
    assert not known["AGE"].categorical


@pytest.mark.parametrize(
    ("wanted", "words", "kept"),
    [
        ("F", "SEX F", [True, False, False]),
        (["F", "M"], "SEX F, M", [True, True, False]),
        ((10, 20), "SEX 10 to 20", [False, False, True]),
        ((None, 20), "SEX ≤ 20", [False, False, True]),
        ((16, None), "SEX ≥ 16", [False, False, False]),
        (15, "SEX 15", [False, False, True]),
        ("15", "SEX 15", [False, False, True]),
    ],
)
def test_conditions(wanted, words, kept):
    condition = Condition.of("SEX", wanted)
    assert str(condition) == words
    values = np.array([np.nan, np.nan, 15.0]) if isinstance(wanted, tuple) else None
    values = np.array(["F", "M", 15.0], dtype=object) if values is None else values
    assert condition.keep(values).tolist() == kept


@pytest.mark.parametrize("wanted", [[], {"a": 1}, (20, 10)])
def test_conditions_that_cannot_be_understood(wanted):
    with pytest.raises(OptionError, match="WT"):
        Condition.of("WT", wanted)


@pytest.mark.parametrize("cut", [1, 7, [], [1, 2, 3, 4, 5, 6]])
def test_impossible_cuts(cut):
    with pytest.raises(OptionError, match="cut="):
        Lens.of(split_by="WT", cut=cut)


def test_names_that_are_unknown(fit):
    with pytest.raises(UnknownNameError, match="Did you mean 'SEX'"):
        wp.show("dv_pred", fit, colour_by="SEXX")
    with pytest.raises(UnknownNameError, match="Known: SEX, WT"):
        wp.gof(fit, split_by="TIME")
    with pytest.raises(UnknownNameError, match="No cut is named 'thirds'"):
        wp.show("dv_pred", fit, split_by="WT", cut="thirds")
    with pytest.raises(UnknownNameError, match=r"No endpoint is named 'pca'.*cp, effect"):
        wp.show("dv_pred", two_endpoints(), where={"ENDPOINT": "pca"})


def test_a_page_leaves_out_what_it_does_not_know(fit):
    sight = look(Lens.of("nothing", "SEX", where={"CRCL": 3, "WT": (0, 60)}), fit, strict=False)
    assert sight.lens == Lens.of("", "SEX", where={"WT": (0, 60)})
    assert sight.notes == ("no nothing, CRCL here",)


@pytest.mark.parametrize(("cut", "n"), [("median", 2), ("tertiles", 3), ("quartiles", 4), (5, 5)])
def test_quantiles_cut_into_equal_parts(fit, cut, n):
    parts = look(Lens.of(split_by="WT", cut=cut), fit).parts
    assert len(parts) == n
    sizes = [len(part.subjects) for part in parts]
    assert sum(sizes) == 12
    assert max(sizes) - min(sizes) <= 1


def test_cuts_do_not_move_with_the_filter(fit):
    every = look(Lens.of(split_by="WT"), fit).parts
    some = look(Lens.of(split_by="WT", where={"SEX": "F"}), fit).parts
    assert [part.name for part in some] == [part.name for part in every]
    assert every[0].name == "WT ≤ 59.4"
    assert every[1].name == "WT > 59.4"


def test_points_of_ones_own_cut(fit):
    parts = look(Lens.of(split_by="WT", cut=[55, 60]), fit).parts
    assert [part.name for part in parts] == ["WT ≤ 55", "55 < WT ≤ 60", "WT > 60"]
    weight = variables(fit)["WT"].values
    assert parts[1].subjects == set(weight.index[(weight > 55) & (weight <= 60)])


def test_rounded_names_of_cuts_are_true():
    """A name says on which side every subject is, however close they lie."""
    fit = stand_in(labels=(1, 2, 3, 4))
    fit.data.covariates["WT"] = [70.001, 70.002, 70.003, 70.004]
    first, second = look(Lens.of(split_by="WT"), fit).parts
    point = float(first.name.split()[-1])
    assert first.subjects == {1, 2}
    assert second.subjects == {3, 4}
    assert 70.002 <= point < 70.003


def test_missing_is_a_part_of_its_own(fit):
    parts = look(Lens.of(split_by="AGE"), fit).parts
    assert parts[-1].name == "AGE missing"
    assert parts[-1].subjects == {1, 5, 9}


def test_many_levels_share_a_part():
    fit = stand_in(labels=tuple(range(40)))
    fit.data.covariates["SEX"] = [f"site {k % 9}" for k in range(40)]
    parts = look(Lens.of(split_by="SEX"), fit).parts
    assert len(parts) == 6
    assert parts[-1].name == "SEX other"
    assert sum(len(part.subjects) for part in parts) == 40


def test_what_cannot_be_split_says_so(fit):
    assert look(Lens.of(split_by="SITE"), fit).notes == ("not split: SITE is constant",)
    one = look(Lens.of(split_by="SEX", where={"SEX": "F"}), fit)
    assert one.notes == ("not split: SEX is the same in all subjects shown",)


def test_population_quantities_stay_when_subjects_are_filtered(fit):
    table = wb.diagnostics.table("random_effects", fit)
    kept = look(Lens.of(where={"SEX": "F"}), fit).tables({"random_effects": table})
    kept = kept["random_effects"]
    assert set(kept["ID"]) == {1, 4, 7, 10}
    for column in ("omega_sd", "shrinkage_sd"):
        assert set(kept[column]) == set(table[column])


def test_rows_are_filtered_by_time_and_endpoint():
    fit = two_endpoints()
    names = {name: wb.diagnostics.table(name, fit) for name in ("gof", "individual")}
    lens = Lens.of(where={"TIME": (1, 7), "ENDPOINT": "cp"})
    kept = look(lens, fit).tables(names)
    assert kept["gof"]["TIME"].between(1, 7).all()
    assert set(kept["gof"]["ENDPOINT"]) == {"cp"}
    assert kept["individual"]["TIME"].between(1, 7).all()
    doses = look(Lens.of(where={"ENDPOINT": "cp"}), fit).tables(names)["individual"]
    assert (doses["KIND"] == "dose").sum() == 12  # they belong to every endpoint


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_do_not_depend_on_the_filter_and_leave_vermilion_alone(fit, palette):
    for name in ("SEX", "WT", "AGE"):
        scale = Scale(variables(fit)[name], palette)
        labels = np.array(fit.data.subjects, dtype=object)
        every = scale.rgba(labels)
        np.testing.assert_array_equal(every[2:5], scale.rgba(labels[2:5]))
        vermilion = np.array([0xD5, 0x5E, 0x00]) / 255
        assert (np.abs(every[:, :3] - vermilion).sum(axis=1) > 0.2).all()
        assert palette.selected not in palette.categories


def test_missing_values_are_muted(fit):
    rgba = Scale(variables(fit)["AGE"], LIGHT).rgba(np.array([1, 2], dtype=object))
    muted = [int(LIGHT.muted[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    np.testing.assert_allclose(rgba[0, :3], muted)
    assert not np.allclose(rgba[1, :3], muted)


def test_arguments_describe_the_lens_as_a_person_would():
    lens = Lens.of("SEX", "WT", cut="tertiles", where={"AGE": (None, 40), "SEX": ["F"]})
    said = lens.arguments()
    assert Lens.of(**said) == lens
    assert said["cut"] == 3


@pytest.mark.parametrize("variant", ["linear", "log", "full"])
def test_gof_through_a_lens(fit, variant):
    figure = wp.gof(fit, variant, colour_by="WT", split_by="SEX", where={"TIME": (0.1, None)})
    words = {a.get_text() for a in figure.findobj(lambda a: hasattr(a, "get_text"))}
    assert "WT" in words
    assert any(text.startswith("SEX F") for text in words)
    assert "TIME ≥ 0.1" in words


def test_gof_refuses_what_it_does_not_know(fit):
    with pytest.raises(UnknownNameError, match="linear, log, full"):
        wp.gof(fit, "wide")


def test_an_axes_of_ones_own_can_be_split(fit):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert wp.show("dv_pred", fit, split_by="SEX", ax=left) is left
    assert len(left.child_axes) == 2
    assert not right.child_axes


def test_logarithmic_predictions_say_what_they_hide(fit):
    odd = stand_in()
    odd.predictions.loc[[0, 20], "DV"] = [0.0, -1.0]
    n = int((odd.predictions[["DV", "PRED"]] <= 0).any(axis=1).sum())
    for name in ("dv_pred", "dv_predictions"):
        words = [
            a.get_text()
            for a in wp.show(name, odd, variant="log").findobj(lambda a: hasattr(a, "get_text"))
        ]
        assert f"{n} at or below 0 not shown" in words
    ax = wp.show("dv_ipred", odd, variant="log").axes[0]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    odd.predictions["DV"] = -1.0
    words = [
        a.get_text()
        for a in wp.show("dv_pred", odd, variant="log").findobj(lambda a: hasattr(a, "get_text"))
    ]
    assert any("logarithmic scale cannot" in text.replace("\n", " ") for text in words)


def test_parts_share_their_limits(fit):
    for name in ("dv_pred", "residuals_time"):
        (ax,) = wp.show(name, fit, split_by="WT").axes
        drawn = [child for child in ax.child_axes if child.axison]
        assert len(drawn) == 2
        assert drawn[0].get_xlim() == drawn[1].get_xlim()
        assert drawn[0].get_ylim() == drawn[1].get_ylim()


def test_a_logarithmic_cell_puts_decades_at_equal_distances():
    cell = Cell(0.1, 0.2, 0.8, 0.6).scaled((1.0, 100.0), (0.1, 1000.0), most=(5, 5), log=True)
    np.testing.assert_allclose(cell.x([1, 10, 100]), [0.1, 0.5, 0.9])
    np.testing.assert_allclose(cell.y([0.1, 10, 1000]), [0.2, 0.5, 0.8])
    assert cell.yticks.tolist() == [0.1, 1, 10, 100, 1000]
    assert log_values((3.0, 30.0), 6).tolist() == [5, 10, 20]


@pytest.mark.parametrize("name", ["dv_pred", "dv_predictions"])
def test_hit_points_of_logarithmic_scales_lie_on_the_marks(name):
    fit = stand_in(times=[1.0, 2.0, 4.0, 8.0])
    figure = wp.show(name, fit, variant="log", selected=3)
    (ax,) = figure.axes
    drawn = plots.get(name).draw(
        ax, {"gof": wb.diagnostics.table("gof", fit)}, units={}, palette=LIGHT, variant="log"
    )
    mine = drawn.points[drawn.points["ID"].eq(3)]
    marks = [line for line in ax.lines if line.get_markerfacecolor() == LIGHT.selected]
    places = np.concatenate([line.get_xydata() for line in marks])
    np.testing.assert_allclose(
        np.sort(ax.transData.transform(places), axis=0),
        np.sort(ax.transData.transform(mine[["x", "y"]].to_numpy(float)), axis=0),
    )
