import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import workbench.plots as wp
from tests.standins import stand_in
from workbench.errors import OptionError


@pytest.fixture(scope="module")
def fit():
    return stand_in()


FUNCTIONS = [wp.gof, wp.residuals, wp.etas, wp.individual_fits, wp.trace]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_function_returns_a_figure(function, theme, fit):
    figure = function(fit, theme=theme)
    assert isinstance(figure, Figure)
    png, size = figure._repr_png_()
    assert png[:4] == b"\x89PNG"
    assert size["width"] == round(figure.get_size_inches()[0] * 100)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_draws_on_an_axes_it_is_given(function, fit):
    ax = Figure().add_subplot()
    assert function(fit, ax=ax) is ax
    assert ax.get_children()


def test_gof_has_four_panels_with_units(fit):
    figure = wp.gof(fit, selected=4)
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]
    assert labels == [
        ("PRED (mg/L)", "DV (mg/L)"),
        ("IPRED (mg/L)", "DV (mg/L)"),
        ("Time (h)", "CWRES"),
        ("PRED (mg/L)", "CWRES"),
    ]


def test_one_subject_is_the_one_asked_for(fit):
    figure = wp.individual(fit, 7)
    (ax,) = figure.axes
    assert ax.get_title(loc="left").startswith("ID 7 · ")
    observed = next(line for line in ax.lines if line.get_label() == "DV")
    mine = fit.predictions[fit.predictions["ID"] == 7]
    np.testing.assert_array_equal(observed.get_ydata(), mine["DV"])


def test_individual_fits_shows_only_the_subjects_asked_for(fit):
    figure = wp.individual_fits(fit, [2, 11], columns=2)
    words = {text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))}
    assert {"ID 2", "ID 11"} <= words
    assert "ID 3" not in words


def test_individual_fits_keeps_the_number_of_columns(fit):
    figure = wp.individual_fits(fit, columns=5)
    (ax,) = figure.axes
    lefts = {round(t.get_position()[0], 6) for t in ax.texts if t.get_text().startswith("ID ")}
    assert len(lefts) == 5


def test_raw_data_needs_no_fit(fit):
    class Data:
        units = fit.data.units
        subjects = fit.data.subjects
        endpoints = fit.data.endpoints
        observations = fit.data.observations
        doses = fit.data.doses

    figure = wp.data(Data(), variant="log", selected=2)
    assert figure.axes[0].get_yscale() == "log"


def test_the_logarithmic_scale_says_what_it_hides():
    fit = stand_in()
    fit.data.observations.loc[[0, 4], "DV"] = [0.0, -1.0]
    figure = wp.data(fit, variant="log")
    assert "2 at or below 0 not shown" in figure.axes[0].get_title(loc="left")


def test_unknown_subjects_and_variants_are_refused(fit):
    with pytest.raises(OptionError, match=r"no subject 99.*Subjects: 1, 2, 3"):
        wp.individual(fit, 99)
    with pytest.raises(OptionError, match="no subject 99"):
        wp.individual_fits(fit, [1, 99])
    with pytest.raises(OptionError, match="'CWRES', 'IWRES'"):
        wp.show("residuals_time", fit, variant="EWRES")


def test_a_large_population_says_which_page_it_shows():
    fit = stand_in(labels=tuple(range(100)), times=[1.0, 2.0])
    ax = wp.show("individual_grid", fit, selected=60).axes[0]
    assert ax.get_title(loc="left") == "Individual fits · subjects 49 to 72 of 100"


def test_plots_never_import_pyplot_or_widgets():
    code = (
        "import sys, workbench.plots as p; [p.plots.get(n) for n in p.plots.names()]; "
        "print([m for m in sys.modules if m in ('matplotlib.pyplot', 'ipywidgets', 'IPython')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_new_plugin_does_not_hide_a_function(fit):
    for name in wp.plots.names():
        wp.plots.get(name)
    assert all(callable(getattr(wp, name)) for name in ("gof", "data", "trace", "residuals"))
