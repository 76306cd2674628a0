"""Pictures of simulation-based checks: they survive real life, and show what they should."""

import io

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import workbench as wb
from tests import cases, outputs
from tests.unit.diagnostics.test_vpc import observed
from workbench.diagnostics import Vpc
from workbench.plots import DARK, LIGHT, draw_distribution, draw_npc, draw_variance, draw_vpc, rc
from workbench.plots._base import POINT_COLUMNS
from workbench.plots._panels import YScale, y_scale

VERMILION = [0xD5, 0x5E, 0x00]
ALERT = [0xE6, 0x9F, 0x00]
SIZES = [(640, 380), (300, 240)]


def two_outputs():
    model = outputs.model("log", cp=outputs.error("proportional"), effect=outputs.error("additive"))
    return model, outputs.data("log")


def checks():
    model, data = cases.oral_model(), observed()
    ordinary = wb.vpc(model, data, replicates=60)
    several = wb.vpc(*two_outputs(), replicates=40)
    small = wb.vpc(model, observed(n_sub=1, times=np.array([2.0])), replicates=20)
    text = wb.vpc(model, observed(labels=[f"PAT-{k} (2)" for k in range(24)]), replicates=20)
    censored = wb.vpc(model, data, replicates=60, lloq=1.0)
    values = np.random.default_rng(1).normal(size=(30, 12))
    return {
        "ordinary": ordinary,
        "corrected": ordinary.correct(),
        "both corrections": ordinary.correct(variance=True),
        "by sex": ordinary.stratify("SEX"),
        "by sex and weight": ordinary.stratify("SEX", "WT"),
        "one bin": ordinary.rebin("jenks", 1),
        "over PRED": ordinary.against("PRED"),
        "many percentiles": ordinary.percentiles((5, 25, 50, 75, 95)),
        "no median": ordinary.percentiles((10, 90)),
        "two endpoints": several,
        "one observation": small,
        "text labels": text,
        "below the limit": censored,
        "below the limit by sex": censored.stratify("SEX"),
        "all below the limit": Vpc.from_arrays(np.ones(12), values[0], values, lloq=50.0),
        "constant": Vpc.from_arrays(np.ones(12), np.ones(12), np.ones((5, 12))),
        "negative": Vpc.from_arrays(np.arange(12), values[0] - 9, values - 9),
        "open edges": ordinary.rebin(edges=[-np.inf, 3.0, np.inf]),
        "nothing in a bin": ordinary.rebin(edges=[100.0, 200.0]),
    }


CHECKS = checks()


def on_axes(draw, palette=LIGHT, size=(640, 380)):
    """Draw as the interface does; return what was drawn, the axes and the pixels."""
    width, height = size
    with rc_context(rc(palette)):
        figure = Figure((width / 100, height / 100), dpi=100)
        FigureCanvasAgg(figure)
        ax = figure.add_axes((58 / width, 38 / height, 1 - 70 / width, 1 - 68 / height))
        drawn = draw(ax, palette)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return drawn, ax, np.asarray(Image.open(buffer).convert("RGB")).astype(int)


def near(pixels, color):
    return int((np.abs(pixels - color).sum(axis=2) < 24).sum())


def assert_sound(drawn, ax):
    assert tuple(drawn.points.columns) == POINT_COLUMNS
    for side, limits in (("x", ax.get_xlim()), ("y", ax.get_ylim())):
        values = drawn.points[side].to_numpy(float)
        assert np.isfinite(values).all()
        assert ((values >= limits[0] - 1e-9) & (values <= limits[1] + 1e-9)).all()
    texts = [artist.get_text() for artist in ax.figure.findobj(lambda a: hasattr(a, "get_text"))]
    odd = ("()", "nan", "None", "[", "{")
    assert not [text for text in texts if any(part in text for part in odd)]
    assert all(isinstance(tip, str) and "nan" not in tip for tip in drawn.points["tip"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("case", CHECKS)
def test_every_check_can_be_drawn(case, log, size):
    check = CHECKS[case]
    drawn, ax, pixels = on_axes(
        lambda ax, palette: draw_vpc(ax, check, palette=palette, log=log), size=size
    )
    assert_sound(drawn, ax)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("case", CHECKS)
def test_every_numerical_check_can_be_drawn(case):
    drawn, ax, _ = on_axes(lambda ax, palette: draw_npc(ax, CHECKS[case], palette=palette))
    assert_sound(drawn, ax)
    assert set(drawn.points["ID"]) == {None}


@pytest.mark.parametrize("kind", ["observation", "individual"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("source", "options"),
    [
        ((cases.oral_model(), observed()), {}),
        ((cases.oral_model(), observed()), {"by": ("SEX",)}),
        ((cases.oral_model(), observed(n_sub=1)), {"percents": (50,)}),
        (two_outputs(), {}),
    ],
)
def test_every_distribution_can_be_drawn(source, options, log, kind):
    found = wb.prediction_distribution(*source, replicates=30, **options)
    for size in SIZES:
        drawn, ax, _ = on_axes(
            lambda ax, palette: draw_distribution(ax, found, palette=palette, kind=kind, log=log),
            size=size,
        )
        assert_sound(drawn, ax)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ((cases.oral_model(), observed()), {}),
        ((cases.oral_model(), observed(n_sub=1)), {"n": 1}),
        (two_outputs(), {}),
    ],
)
def test_every_decomposition_can_be_drawn(source, options):
    found = wb.variance_decomposition(*source, replicates=30, **options)
    for size in SIZES:
        drawn, ax, _ = on_axes(
            lambda ax, palette: draw_variance(ax, found, palette=palette), size=size
        )
        assert_sound(drawn, ax)
        assert len(drawn.points) == len(found.table) * 2


def test_where_an_observed_percentile_leaves_its_band_it_is_marked():
    values = np.random.default_rng(1).normal(10, 1, size=(200, 40))
    x = np.repeat([1.0, 2.0, 3.0, 4.0], 10)
    for shift, marked in ((0.0, False), (4.0, True)):
        check = Vpc.from_arrays(x, values[0] + shift, values)
        assert check.table["OUTSIDE"].any() == marked
        _, _, pixels = on_axes(lambda ax, palette, c=check: draw_vpc(ax, c, palette=palette))
        assert (near(pixels, ALERT) > 20) == marked


def test_the_selected_subject_shows_and_can_be_hit():
    check = CHECKS["by sex"]
    plain, marked = (
        on_axes(lambda ax, palette, s=s: draw_vpc(ax, check, palette=palette, selected=s))
        for s in (None, 3)
    )
    assert near(marked[2], VERMILION) > near(plain[2], VERMILION) + 20
    assert set(plain[0].points["ID"]) == set(range(1, 25))
    assert plain[0].points["tip"][0].startswith("ID 1 · 0.5 h · DV")


def test_dark_pictures_are_dark_and_every_picture_is_the_same_every_time():
    for draw in (draw_vpc, draw_npc):
        work = lambda ax, palette, d=draw: d(ax, CHECKS["ordinary"], palette=palette)  # noqa: E731
        _, _, pixels = on_axes(work, palette=DARK)
        surface = [int(DARK.background[k : k + 2], 16) for k in (1, 3, 5)]
        assert near(pixels, surface) > 0.4 * 640 * 380
        assert near(pixels, [255, 255, 255]) < 0.01 * 640 * 380
        np.testing.assert_array_equal(pixels, on_axes(work, palette=DARK)[2])


def test_what_a_logarithmic_scale_cannot_show_is_counted():
    check = CHECKS["negative"]
    _, ax, _ = on_axes(lambda ax, palette: draw_vpc(ax, check, palette=palette, log=True))
    assert any("12 at or below 0 not shown" in text.get_text() for text in ax.texts)


def test_a_check_without_bins_says_so():
    check = CHECKS["nothing in a bin"]
    _, ax, _ = on_axes(lambda ax, palette: draw_vpc(ax, check, palette=palette))
    assert any("no observation in any bin" in t.get_text().replace("\n", " ") for t in ax.texts)


def test_the_functions_of_the_package_draw_figures_and_on_axes():
    check = CHECKS["ordinary"]
    distribution = wb.prediction_distribution(cases.oral_model(), observed(), replicates=5)
    parts = wb.variance_decomposition(cases.oral_model(), observed(), replicates=5)
    for draw, found in (
        (wb.plots.vpc, check),
        (wb.plots.npc, check),
        (wb.plots.prediction_distribution, distribution),
        (wb.plots.variance_decomposition, parts),
    ):
        figure = draw(found, theme="dark", size=(500, 300))
        assert figure._repr_png_()[1] == {"width": 500, "height": 300}
        ax = Figure().add_axes((0.1, 0.1, 0.8, 0.8))
        assert draw(found, ax=ax) is ax


@pytest.mark.parametrize(("low", "high"), [(0.01, 90.0), (1.2, 4.4), (3.0, 3.3), (1e-5, 1e5)])
def test_logarithmic_ticks_are_few_and_within_the_scale(low, high):
    places, words = YScale(low, high, True).ticks(6)
    assert len(places) == len(words) <= 6
    assert ((places >= low) & (places <= high)).all()


def test_a_logarithmic_scale_without_positive_values_still_is_one():
    assert y_scale(np.array([-1.0, 0.0, np.nan]), log=True).log
