"""The picture itself: size, sharpness, and what happens when it cannot be drawn."""

import io

import pytest
from PIL import Image

from workbench.plots import DARK


def size_of(figure):
    return Image.open(io.BytesIO(figure.png)).size


def test_the_picture_has_the_browser_s_size_and_pixel_ratio(opened):
    figure = opened.figures[-2]
    for figure in opened.figures:
        figure.size = [400, 300, 2]
    drawn = [figure for figure in opened.figures if figure.png]
    assert drawn
    assert {size_of(figure) for figure in drawn} == {(800, 600)}


def test_nothing_is_drawn_for_a_hidden_tab(opened):
    opened.lay_out()
    opened.fit()
    grid = opened.page.views["individual_fits"].selectable[0]
    assert grid.renders == 0
    opened.session.open_tab("individual_fits")
    assert grid.renders == 1
    opened.session.open_tab("diagnostics")
    opened.session.open_tab("individual_fits")
    assert grid.renders == 1  # nothing has changed meanwhile


def test_dark_pictures_are_dark(fitted):
    fitted.session.set_theme("dark")
    background = tuple(int(DARK.background[i : i + 2], 16) for i in (1, 3, 5))
    for figure in fitted.figures[:4]:  # those on view
        assert Image.open(io.BytesIO(figure.png)).getpixel((1, 1)) == background


def test_a_plot_that_fails_says_so_in_its_card_and_leaves_the_rest(opened, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("no ink")

    first, *others = opened.figures
    monkeypatch.setattr(first, "draw", broken)
    opened.lay_out()
    opened.fit()
    assert "no ink" in first.error
    assert opened.state.status == "done"
    assert opened.state.fit is not None
    drawn = [figure for figure in others if figure.png]
    assert len(drawn) >= 3
    assert not any(figure.error for figure in drawn)


def test_a_repaired_plot_forgets_its_error(opened, monkeypatch):
    figure = opened.figures[0]
    good = figure.draw
    monkeypatch.setattr(figure, "draw", lambda *_: 1 / 0)
    opened.lay_out()
    opened.fit()
    assert figure.error
    monkeypatch.setattr(figure, "draw", good)
    figure.render()
    assert figure.error == ""
    assert figure.png


@pytest.mark.parametrize("size", [[0, 0, 1], [30, 400, 1]])
def test_sizes_of_a_page_being_laid_out_draw_nothing(fitted, size):
    figure = fitted.figures[0]
    renders = figure.renders
    figure.size = size
    assert figure.renders == renders
