"""Plots of residuals: what they say of their numbers, and that each endpoint has its place."""

import numpy as np
import pytest
from scipy import stats

import workbench.plots as wp
from tests.standins import odd_cases, stand_in
from workbench.plots._lowess import lowess
from workbench.plots.iwres_pred import MEDIAN

CASES = odd_cases()


def texts(figure):
    found = figure.findobj(lambda a: hasattr(a, "get_text"))
    return [artist.get_text() for artist in found if artist.get_text()]


@pytest.fixture
def fit():
    return stand_in()


def test_the_histogram_has_an_area_of_one_and_says_what_it_leaves_out():
    figure = wp.show("residual_distribution", CASES["wild outlier"], variant="CWRES")
    assert any("1 beyond ±6" in text for text in texts(figure))
    assert any(text.startswith("mean ") for text in texts(figure))


def test_points_of_the_qq_plot_of_normal_scores_lie_on_the_line(fit):
    """Residuals that are exactly the normal scores: sample and theory agree, x(y) is a line."""
    n = len(fit.predictions)
    fit.predictions["NPDE"] = stats.norm.ppf((np.arange(n) + 0.5) / n)
    plot = wp.plots.get("residual_distribution")
    figure = wp.show("residual_distribution", fit, variant="NPDE")
    drawn = plot.draw(
        figure.axes[0],
        {"residuals": fit.predictions},
        units=fit.units,
        palette=wp.LIGHT,
        variant="NPDE",
    )
    x, y = drawn.points[["x", "y"]].to_numpy(float).T
    np.testing.assert_allclose(np.polyval(np.polyfit(x, y, 1), x), y, atol=1e-12)


def test_the_line_of_absolute_residuals_is_their_median():
    assert pytest.approx(stats.halfnorm.median(), abs=1e-4) == MEDIAN
    rng = np.random.default_rng(0)
    _, curve = lowess(rng.uniform(size=1500), np.abs(rng.normal(size=1500)))
    assert curve.mean() == pytest.approx(MEDIAN, abs=0.1)


def test_time_after_dose_without_a_dose_says_so(fit):
    fit.predictions["TAD"] = np.nan
    assert any(
        "no time after dose" in t.replace("\n", " ") for t in texts(wp.show("residuals_tad", fit))
    )


@pytest.mark.parametrize(
    "name", ["residuals_time", "residuals_pred", "residuals_tad", "iwres_pred"]
)
def test_endpoints_stand_side_by_side(name):
    figure = wp.show(name, CASES["two endpoints"])
    assert {"cp", "effect"} <= set(texts(figure))


@pytest.mark.parametrize("variant", ["NPDE", "NPD", "PWRES", "CWRESI"])
@pytest.mark.parametrize("name", ["residuals_time", "residuals_pred", "residual_panels"])
def test_simulated_residuals_may_be_chosen(fit, name, variant):
    figure = wp.show(name, fit, variant=variant)
    assert any(text.startswith(variant) for text in texts(figure))


def test_a_fit_without_a_residual_says_its_name(fit):
    fit.predictions["NPDE"] = np.nan
    said = " ".join(texts(wp.show("residual_distribution", fit, variant="NPDE"))).replace("\n", " ")
    assert "normalised prediction distribution error" in said
