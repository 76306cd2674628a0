"""Every registered plot obeys the contract of `Plot` and survives what real life produces."""

import copy
import io
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import workbench.plots
from tests.standins import odd_cases, stand_in
from workbench.diagnostics import diagnostics, tables
from workbench.plots import DARK, LIGHT, all_units, plots, rc
from workbench.plots._base import POINT_COLUMNS

NAMES = plots.names()
VERMILION = [0xD5, 0x5E, 0x00]
CASES = odd_cases()
WITH_SUBJECTS = [name for name in NAMES if plots.get(name).group != "estimation"]
BY_INDIVIDUAL = [
    name
    for name in NAMES
    if any(diagnostics.get(table).by_individual for table in plots.get(name).diagnostics)
]
CHOICES = [
    pytest.param(name, variant, id=f"{name}-{variant}" if variant else name)
    for name in NAMES
    for variant in plots.get(name).variants or ("",)
]


@cache
def tables_of(case, names, individual="ebe"):
    """Return tables of a case, made once: no plot may change them, which a test below sees to."""
    return tables(names, CASES[case], individual=individual)


def draw(
    name,
    fit,
    *,
    selected=None,
    variant="",
    palette=LIGHT,
    size=(540, 300),
    found=None,
    individual="ebe",
):
    """Draw as the interface does; return what was drawn, the axes and the PNG."""
    plot = plots.get(name)
    width, height = size
    margins = plot.margins
    options = {"variant": variant} if variant else {}
    with rc_context(rc(palette)):
        figure = Figure((width / 100, height / 100), dpi=100)
        FigureCanvasAgg(figure)
        ax = figure.add_axes(
            (
                margins.left / width,
                margins.bottom / height,
                1 - (margins.left + margins.right) / width,
                1 - (margins.top + margins.bottom) / height,
            )
        )
        drawn = plot.draw(
            ax,
            tables(plot.diagnostics, fit, individual=individual) if found is None else found,
            units=all_units(fit),
            palette=palette,
            selected=selected,
            **options,
        )
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return drawn, ax, buffer.getvalue()


def assert_hits_inside(points, ax):
    for side, limits in (("x", sorted(ax.get_xlim())), ("y", sorted(ax.get_ylim()))):
        air = 1e-9 * (limits[1] - limits[0])
        values = points[side].to_numpy(float)
        assert np.isfinite(values).all()
        assert ((values >= limits[0] - air) & (values <= limits[1] + air)).all()


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name):
    plot = plots.get(name)
    assert plot.name == name
    assert plot.title
    assert len(plot.alt.split()) > 4
    assert plot.group
    assert set(plot.diagnostics) <= set(diagnostics.names())


def test_no_plugin_hides_a_function_of_the_package():
    assert not set(NAMES) & set(workbench.plots.__all__)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("name", "variant"), CHOICES)
def test_draws_every_case(name, variant, case):
    fit = CASES[case]
    found = tables_of(case, plots.get(name).diagnostics)
    drawn, ax, png = draw(name, fit, variant=variant, selected=fit.data.subjects[0], found=found)
    assert tuple(drawn.points.columns) == POINT_COLUMNS
    assert drawn.points["x"].dtype == drawn.points["y"].dtype == np.float64
    assert_hits_inside(drawn.points, ax)
    assert {label for label in drawn.points["ID"] if label is not None} <= set(fit.data.subjects)
    assert all(isinstance(tip, str) and tip and "nan" not in tip for tip in drawn.points["tip"])
    assert len(png) > 1000
    texts = [artist.get_text() for artist in ax.figure.findobj(lambda a: hasattr(a, "get_text"))]
    assert not any("()" in text or "nan" in text or "None" in text for text in texts)


@pytest.mark.parametrize("individual", ["mean", "draws"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", BY_INDIVIDUAL)
def test_draws_every_case_by_means_and_draws(name, case, individual):
    fit = CASES[case]
    found = tables_of(case, plots.get(name).diagnostics, individual)
    drawn, ax, png = draw(name, fit, selected=fit.data.subjects[0], found=found)
    assert_hits_inside(drawn.points, ax)
    assert {label for label in drawn.points["ID"] if label is not None} <= set(fit.data.subjects)
    assert all(isinstance(tip, str) and tip and "nan" not in tip for tip in drawn.points["tip"])
    assert len(png) > 1000


@pytest.mark.parametrize("name", NAMES)
def test_leaves_its_tables_alone(name):
    fit = stand_in()
    found = tables(plots.get(name).diagnostics, fit)
    before = {key: table.copy(deep=True) for key, table in found.items()}
    drawn, _, _ = draw(name, fit, found=found, selected=3)
    if drawn.update:
        drawn.update(4)
    for key, table in found.items():
        pd.testing.assert_frame_equal(table, before[key])


@pytest.mark.parametrize(("name", "variant"), CHOICES)
def test_is_the_same_every_time(name, variant):
    fit = stand_in()
    first, second = (draw(name, fit, variant=variant, selected=3) for _ in range(2))
    assert first[2] == second[2]
    pd.testing.assert_frame_equal(first[0].points, second[0].points)


@pytest.mark.parametrize("name", NAMES)
def test_every_observation_or_subject_can_be_hit(name):
    fit = stand_in()
    drawn, _, _ = draw(name, fit)
    if plots.get(name).group == "estimation":
        assert set(drawn.points["ID"]) == {None}
    elif drawn.update:
        assert set(drawn.points["ID"]) == {1}
        assert set(drawn.update(5)["ID"]) == {5}
    else:
        assert set(drawn.points["ID"]) == set(fit.data.subjects)


@pytest.mark.parametrize("name", WITH_SUBJECTS)
def test_the_selection_shows_in_vermilion(name):
    fit = stand_in()
    plain, marked = (vermilion(draw(name, fit, selected=label)[2]) for label in (None, 3))
    assert marked > plain + 20


@pytest.mark.parametrize("size", [(360, 240), (900, 600)])
@pytest.mark.parametrize("name", WITH_SUBJECTS)
def test_hit_points_lie_on_the_marks_of_the_selected_subject(name, size):
    drawn, ax, png = draw(name, stand_in(), selected=3, size=size)
    mine = drawn.points[[label == 3 for label in drawn.points["ID"]]]
    assert len(mine)
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    places = ax.transData.transform(mine[["x", "y"]].to_numpy(float))
    columns, rows = places[:, 0].astype(int), size[1] - 1 - places[:, 1].astype(int)
    assert (
        np.abs(pixels[rows, columns] - VERMILION).sum(axis=1) < 24
    ).mean() > 0.7  # neighbours overlap


def vermilion(png):
    """Return how many pixels have the colour of the selected subject."""

    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return int((np.abs(pixels - VERMILION).sum(axis=2) < 24).sum())


@pytest.mark.parametrize("name", NAMES)
def test_dark_theme_has_no_light_surface(name):

    fit = stand_in()
    pixels = Image.open(io.BytesIO(draw(name, fit, palette=DARK)[2])).convert("RGB")
    surface = tuple(int(DARK.background[i : i + 2], 16) for i in (1, 3, 5))
    counts = pixels.getcolors(maxcolors=1 << 24)
    share = {color: n / (540 * 300) for n, color in counts}
    assert share[surface] > 0.5
    assert share.get((255, 255, 255), 0) < 0.01


@pytest.mark.parametrize("name", NAMES)
def test_dynamic_artists_come_with_an_update(name):
    drawn, ax, _ = draw(name, stand_in())
    assert (drawn.dynamic is None) == (drawn.update is None)
    for artist in drawn.dynamic or ():
        assert isinstance(artist, Artist)
        assert artist.axes is ax
    if drawn.update:
        for label in (1, 12, None, "unknown"):
            assert_hits_inside(drawn.update(label), ax)


@pytest.mark.parametrize("name", NAMES)
def test_two_thousand_subjects(name):
    fit = stand_in(labels=tuple(range(2000)), times=np.linspace(0.5, 24, 10))
    drawn, ax, _ = draw(name, fit, selected=1500)
    assert_hits_inside(drawn.points, ax)
    if plots.get(name).group != "estimation":
        assert 1500 in set(drawn.points["ID"])


@pytest.mark.parametrize("name", ["individual_fit", "individual_grid"])
@pytest.mark.parametrize("size", [(360, 260), (900, 600)])
def test_curves_of_several_endpoints_pass_by_their_own_observations(name, size):
    """Observed and drawn values of each endpoint agree where the data lie on IPRED."""
    fit = CASES["two endpoints"]
    exact = copy.copy(fit)
    exact.predictions = fit.predictions.assign(DV=fit.predictions["IPRED"])
    drawn, ax, _ = draw(name, exact, selected=3, size=size)
    mine = drawn.points[[label == 3 for label in drawn.points["ID"]]]
    assert len(mine) == 2 * 11
    curves = [line.get_xydata() for line in ax.lines] + [
        path.vertices for group in ax.collections for path in group.get_paths()
    ]
    long = [curve for curve in curves if len(curve) >= 60]
    for x, y in mine[["x", "y"]].to_numpy(float):
        height = [np.interp(x, *curve.T) for curve in long if curve[:, 0].min() <= x + 1e-9]
        assert np.abs(np.array(height) - y).min() < 0.02 * (1 if y <= 1 else y)


def test_tips_name_the_endpoint():
    drawn, _, _ = draw("dv_pred", CASES["two endpoints"])
    assert any(" · cp · DV " in tip for tip in drawn.points["tip"])
    assert any(" · effect · DV " in tip for tip in drawn.points["tip"])


def test_each_endpoint_has_its_own_scale():
    """Points of the smaller one fill its cell as those of the larger one do."""
    drawn, _, _ = draw("dv_predictions", CASES["two endpoints"], size=(900, 600))
    for endpoint in ("cp", "effect"):
        mine = drawn.points[[f" {endpoint} " in tip for tip in drawn.points["tip"]]]
        assert mine["y"].max() - mine["y"].min() > 0.3
