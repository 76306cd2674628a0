import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from workbench.errors import UnknownNameError
from workbench.plots import DARK, LIGHT, rc
from workbench.plots.theme import dress, palette_of, tick_words


def luminance(color):
    """WCAG 2.2 relative luminance."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_text_and_marks_stand_out(palette):
    # WCAG 2.2: 4.5 for text (1.4.3), 3 for marks that carry meaning (1.4.11).
    for text in (palette.ink, palette.muted):
        assert contrast(text, palette.background) >= 4.5
    for mark in (palette.point, palette.selected, palette.line, palette.population):
        assert contrast(mark, palette.background) >= 3.0


def test_the_selected_subject_is_vermilion():
    assert LIGHT.selected == DARK.selected == "#D55E00"


def test_settings_are_valid_and_leave_nothing_behind():
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context(rc(DARK)):
        assert matplotlib.rcParams["axes.facecolor"] == DARK.background
    assert dict(matplotlib.rcParams) == before


def test_an_axes_made_elsewhere_is_dressed_too():
    ax = Figure().add_subplot()
    dress(ax, DARK)
    assert matplotlib.colors.same_color(ax.get_facecolor(), DARK.background)
    tick = ax.xaxis.get_major_ticks()[0]
    assert matplotlib.colors.same_color(tick.label1.get_color(), DARK.muted)


def test_a_misspelt_theme_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'light'"):
        palette_of("ligt")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], []),
        ([0, 5, 10], ["0", "5", "10"]),
        ([0, 0.5, 1.0], ["0.0", "0.5", "1.0"]),
        ([-0.25, 0, 0.25], ["−0.25", "0.00", "0.25"]),
        ([116, 116.5], ["116.0", "116.5"]),
        ([0, 20000, 40000], ["0", "20000", "40000"]),
        ([0, 50000, 150000], ["0", "5e4", "1.5e5"]),
        ([0, 0.002, 0.004], ["0", "2e−3", "4e−3"]),
        ([-20000, 0], ["−2e4", "0"]),
        ([-0.0, 1.0], ["0", "1"]),
    ],
)
def test_tick_labels_are_short(values, words):
    assert tick_words(np.array(values)) == words
