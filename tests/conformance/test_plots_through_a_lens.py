"""Every registered plot can be filtered, split and coloured, or says in a few words why not."""

import io
import time
from functools import cache

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from tests.standins import odd_cases, stand_in
from workbench.diagnostics import tables
from workbench.plots import DARK, LIGHT, Lens, all_units, plots, rc
from workbench.plots._base import POINT_COLUMNS
from workbench.plots._colours import COLOURED
from workbench.plots._facets import Task, draw_through
from workbench.plots._parts import look

NAMES = plots.names()
CASES = odd_cases()
LENSES = {
    "categorical": Lens.of("SEX", "SEX"),
    "continuous": Lens.of("WT", "WT", cut="tertiles"),
    "constant": Lens.of("SITE", "SITE"),
    "missing": Lens.of("AGE", "AGE"),
    "eta and filter": Lens.of("SEX", "WT", where={"TIME": (0, 12), "SEX": ["F", "M"]}),
    "nothing left": Lens.of("SEX", "SEX", where={"SEX": "X"}),
    "no time left": Lens.of("", "SEX", where={"TIME": (1e6, None)}),
}
#: They show as many covariates as have room, and name the others.
AS_ROOM_ALLOWS = ("eta_covariates", "parameter_covariates")
#: These meet the lenses that every plot has to bear, and half of the others.
HARDEST = ("ordinary", "one subject", "one observation each", "etas all zero", "failed")
BORNE = ("categorical", "continuous", "eta and filter")
WITH_COVARIATES = [case for case in CASES if case != "no covariates"]  # else it is refused


def trials():
    """Return plot, case and lens.

    Every plot meets every case, and every pair of case and lens is met by several plots, each by
    others: what a lens does is done before the plot, which sees fewer rows, not the lens.
    """
    found = []
    for p, name in enumerate(NAMES):
        for i, case in enumerate(WITH_COVARIATES):
            for k, lens in enumerate(LENSES):
                if case in HARDEST:
                    met = lens in BORNE or (k + i + p) % 2 == 0
                else:
                    met = (k - i - p) % len(LENSES) == 0
                if met:
                    found.append(pytest.param(name, case, lens, id=f"{name}-{case}-{lens}"))
    return found


@cache
def tables_of(case, name):
    """Return the tables of a plot, made once: no plot may change them (`test_plots` sees to it)."""
    return tables(plots.get(name).diagnostics, CASES[case])


def draw(name, fit, lens, *, selected=None, palette=LIGHT, size=(540, 300), dpi=50, found=None):
    """Draw as the interface does; return what was drawn, the axes and how long it took."""
    plot = plots.get(name)
    width, height = size
    m = plot.margins
    start = time.perf_counter()
    with rc_context(rc(palette)):
        figure = Figure((width / 100, height / 100), dpi=dpi)
        FigureCanvasAgg(figure)
        ax = figure.add_axes(
            (
                m.left / width,
                m.bottom / height,
                1 - (m.left + m.right) / width,
                1 - (m.top + m.bottom) / height,
            )
        )
        found = tables(plot.diagnostics, fit) if found is None else found
        task = Task(plot, found, look(lens, fit), all_units(fit), palette, selected, {})
        drawn = draw_through(ax, task)
        figure.savefig(io.BytesIO(), format="png")
    return drawn, ax, time.perf_counter() - start


def words(ax):
    return [a.get_text() for a in ax.figure.findobj(lambda a: hasattr(a, "get_text"))]


def about_subjects(name):
    return any("ID" in t for t in tables(plots.get(name).diagnostics, stand_in()).values())


@pytest.mark.parametrize(("name", "case", "lens"), trials())
def test_draws_every_case(name, case, lens):
    """A picture or a sentence, for one subject, one observation, etas of zero and all the rest."""
    fit = CASES[case]
    found = tables_of(case, name)
    drawn, ax, _ = draw(name, fit, LENSES[lens], selected=fit.data.subjects[0], found=found)
    assert tuple(drawn.points.columns) == POINT_COLUMNS
    xy = drawn.points[["x", "y"]].to_numpy(float)
    assert np.isfinite(xy).all()
    assert ((xy >= -1e-9) & (xy <= 1 + 1e-9)).all()
    assert {label for label in drawn.points["ID"] if label is not None} <= set(fit.data.subjects)
    said = words(ax)
    assert not any("could not be drawn" in text for text in said), said
    assert not any("nan" in text or "None" in text for text in said), said
    assert any(len(text) > 2 for text in said)


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_leaves_only_its_subjects(name):
    fit = stand_in()
    kept = {1, 4, 7, 10}
    drawn, ax, _ = draw(name, fit, Lens.of(where={"SEX": "F"}))
    if not about_subjects(name):
        assert any("whole fit" in text for text in words(ax))
        return
    assert set(drawn.points["ID"]) <= kept
    assert len(drawn.points) == 0 or plots.get(name).one_subject or set(drawn.points["ID"]) == kept
    assert any("SEX F · 4 of 12 subjects" in text for text in words(ax))


@pytest.mark.parametrize("name", NAMES)
def test_every_part_holds_its_own_subjects(name):
    """Points lie in the part whose name says so, and none is lost."""
    fit = stand_in()
    plain, _, _ = draw(name, fit, Lens())
    split, ax, _ = draw(name, fit, Lens.of("", "SEX"))
    if plots.get(name).one_subject or not about_subjects(name):
        assert any("not split" in t or "not filtered, split" in t for t in words(ax))
        return
    heads = [text for text in words(ax) if text.startswith("SEX ")]
    assert [text.split("  ")[0] for text in heads] == ["SEX F", "SEX M"]
    if name in AS_ROOM_ALLOWS:
        assert set(split.points["ID"]) == set(plain.points["ID"])
    else:
        assert len(split.points) == len(plain.points)
    assert len(ax.child_axes) == 2
    women = split.points["ID"].isin([1, 4, 7, 10]).to_numpy()
    if not len(women):
        return
    x, y = split.points["x"].to_numpy(), split.points["y"].to_numpy()
    apart = x[women].max() < x[~women].min() or y[women].min() > y[~women].max()
    assert apart


@pytest.mark.parametrize(("variable", "theme"), [("SEX", LIGHT), ("WT", DARK)])
@pytest.mark.parametrize("name", NAMES)
def test_points_are_coloured_by_subject_or_it_is_said_why_not(name, variable, theme):
    fit = stand_in()
    drawn, ax, _ = draw(name, fit, Lens.of(variable), palette=theme)
    marks = ax.figure.findobj(lambda a: a.get_gid() == COLOURED)
    if not marks:
        assert any("not coloured" in t or "split or coloured" in t for t in words(ax))
        return
    assert any(text.startswith(variable) for text in words(ax))  # the legend
    points = [m.get_offsets() if isinstance(m, PathCollection) else m.get_xydata() for m in marks]
    assert sum(map(len, points)) == len(drawn.points)


@pytest.mark.parametrize("name", NAMES)
def test_what_turns_with_the_subject_still_turns(name):
    drawn, _, _ = draw(name, stand_in(), Lens.of("SEX", "WT", where={"SEX": "M"}))
    if drawn.update is None:
        return
    assert plots.get(name).one_subject
    for label in (2, 12, None, "unknown", 1):
        points = drawn.update(label)
        assert set(points["ID"]) <= {2, 3, 5, 6, 8, 9, 11, 12}
        xy = points[["x", "y"]].to_numpy(float)
        assert ((xy >= -1e-9) & (xy <= 1 + 1e-9)).all()


@pytest.mark.parametrize("name", NAMES)
def test_two_thousand_subjects(name, record_property):
    fit = stand_in(labels=tuple(range(2000)), times=np.linspace(0.5, 24, 10))
    drawn, _, seconds = draw(name, fit, Lens.of("WT", "SEX"), selected=1500)
    record_property("seconds", round(seconds, 2))  # some at most; not asserted
    if plots.get(name).group != "estimation":
        assert len(drawn.points)


@pytest.mark.parametrize("name", NAMES)
def test_small_cards(name):
    for size in ((300, 220), (440, 300), (900, 600)):
        draw(name, stand_in(), Lens.of("WT", "WT", cut="quartiles"), size=size)
