"""One view for the whole page: the bar, the cards of the diagnostics, what can be saved."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import workbench as wb
from workbench.errors import OptionError, UnknownNameError
from workbench.plots import Lens, plots
from workbench.widgets.card import PlotCard
from workbench.widgets.panels.view import FilterEditor, ViewBar
from workbench.widgets.session import Session


def hits(figure):
    return np.frombuffer(figure.hits, "f4").reshape(-1, 3)


def drawn(opened):
    return [figure for figure in opened.figures if figure.renders and figure.png]


@pytest.fixture
def card(fitted):
    def make(name, **options):
        made = PlotCard(fitted.session, "diagnostics", name, **options)
        made.view.set_subjects(fitted.state.dataset.subjects)
        made.view.size = [500, 340, 1]
        return made

    return make


# The lens


def test_every_view_of_the_open_tab_is_coloured_and_split(fitted):
    shown = drawn(fitted)
    before = [figure.png for figure in shown]
    fitted.session.colour_by("WT")
    fitted.session.split_by("WT", "tertiles")
    assert not any(figure.error for figure in shown)
    changed = [figure.png != png for figure, png in zip(shown, before, strict=True)]
    assert sum(changed) == 4  # those of the grid; the data alone are out of sight
    for figure in shown[:4]:
        xy = hits(figure)[:, :2]
        assert ((xy >= 0) & (xy <= 1)).all()


def test_hit_points_of_a_split_picture_lie_on_the_marks(card, fitted):
    """The selected subject's points are vermilion in the saved picture, where the hits say."""
    fitted.session.split_by("WT")
    fitted.session.colour_by("WT")
    for name in ("dv_pred", "residual_panels", "eta_distributions", "individual_grid"):
        one = card(name)
        subject = fitted.state.dataset.subjects[4]
        picture = one.view.drawn_anew(1)
        fitted.session.select(subject)
        one.view.selected = 4
        picture = one.view.drawn_anew(1)
        pixels = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB")).astype(int)
        mine = (picture.points["ID"] == subject).to_numpy()
        assert mine.any()
        places = picture.places()[mine]
        columns = (places[:, 0] * 500).astype(int)
        rows = (places[:, 1] * 340).astype(int)
        vermilion = np.abs(pixels[rows, columns] - [0xD5, 0x5E, 0x00]).sum(axis=1) < 40
        assert vermilion.mean() > 0.7, name


def test_a_filter_takes_subjects_out_of_every_view(fitted):
    fitted.session.filter("WT", (70, None))
    weight = fitted.state.dataset.covariates.set_index("ID")["WT"]
    kept = {i for i, s in enumerate(fitted.state.dataset.subjects) if weight[s] >= 70}
    assert 0 < len(kept) < 12
    for figure in drawn(fitted)[:4]:
        assert set(hits(figure)[:, 2].astype(int)) <= kept


def test_the_individual_view_still_turns_while_filtered(fitted):
    fitted.session.filter("WT", (None, 75))
    view = next(figure for figure in drawn(fitted) if figure.dynamic)
    weight = fitted.state.dataset.covariates["WT"].to_numpy()
    code = int(np.flatnonzero(weight <= 75)[-1])
    view.selected = code
    assert set(hits(view)[:, 2].astype(int)) == {code}


def test_changes_are_checked_and_can_be_taken_back(fitted):
    with pytest.raises(UnknownNameError, match="Did you mean 'WT'"):
        fitted.session.colour_by("WTT")
    with pytest.raises(OptionError, match="keeps nothing"):
        fitted.session.filter("WT", (80, 70))
    assert fitted.state.lens.plain
    fitted.session.filter("WT", (60, 70))
    fitted.session.filter("TIME", (0, 10))
    fitted.session.filter("WT")
    assert [c.column for c in fitted.state.lens.where] == ["TIME"]
    fitted.session.clear_view()
    assert fitted.state.lens == Lens()


def test_other_data_are_looked_at_plainly(fitted):
    fitted.session.colour_by("WT")
    fitted.session.load_dataset("indomethacin")
    assert fitted.state.lens.plain


def test_what_a_new_fit_does_not_have_is_left_out_with_a_word(fitted):
    fitted.session.colour_by("eta[ka]")
    fitted.session.set_parameter("ka", iiv=None)
    fitted.fit()
    assert fitted.state.status == "done", fitted.state.message
    assert "ka" not in fitted.state.fit.etas
    assert not any(figure.error for figure in drawn(fitted))
    fitted.session.filter("WT", (60, None))  # what is gone does not stand in the way of the rest
    assert fitted.state.lens == Lens.of(where={"WT": (60, None)})


def test_four_views_of_theophylline_are_quick(fitted):
    """Budget 0.3 s; a generous limit here, for the machine may be busy."""
    fitted.session.colour_by("WT")
    spent = []
    for _ in range(3):
        fitted.session.set_theme("dark" if fitted.state.theme == "light" else "light")
        spent.append(sum(figure.milliseconds for figure in drawn(fitted)[:4]))
    assert min(spent) < 1500


# The bar


def bar(opened):
    return ViewBar(opened.session)


def test_the_bar_offers_what_is_known_and_says_why_not(fitted):
    view = bar(fitted)
    values = [entry["value"] for entry in view.colour.options]
    assert values == ["", "WT", "ka", "cl", "v", "eta[ka]", "eta[cl]", "eta[v]"]
    assert {entry["group"] for entry in view.colour.options[1:]} == {
        "Covariates",
        "Individual parameters",
        "Random effects",
    }
    assert not view.colour.disabled


def plain_data(**columns):
    frame = pd.DataFrame(
        {
            "ID": np.repeat([1, 2, 3], 4),
            "TIME": [0.0, 1, 2, 4] * 3,
            "AMT": [100.0, 0, 0, 0] * 3,
            "DV": [0, 5, 4, 2, 0, 6, 4, 3, 0, 5, 3, 1],
            "EVID": [1, 0, 0, 0] * 3,
            **columns,
        }
    )
    return wb.read_dataset(frame, name="plain")


def test_without_covariates_the_lists_say_why_they_are_disabled(opened):
    opened.session.set_dataset(plain_data())
    view = bar(opened)
    assert view.colour.disabled
    assert "no covariates" in view.colour.hint
    opened.session.set_dataset(plain_data(WT=[70.0] * 12))
    assert view.colour.disabled
    assert "differs" in view.colour.hint
    (entry,) = [e for e in view.colour.options if e["value"] == "WT"]
    assert entry["why"] == "WT is constant in these data."


def test_an_empty_session_has_a_bar():
    view = ViewBar(Session())
    assert view.colour.disabled
    assert view.colour.hint == "Open a dataset first."


def test_the_bar_writes_and_follows_the_state(fitted):
    view = bar(fitted)
    view.colour.value = "cl"
    view.split.value = "WT"
    assert (fitted.state.lens.colour_by, fitted.state.lens.split_by) == ("cl", "WT")
    assert view.cut.layout.display == ""
    view.cut.value = "3"
    assert fitted.state.lens.cut == 3
    fitted.session.clear_view()
    assert (view.colour.value, view.split.value) == ("", "")
    assert view.cut.layout.display == "none"
    view.layouts.value = "2x3"
    assert fitted.state.layout == "2x3"


def test_a_categorical_split_is_not_cut(opened):
    opened.session.load_dataset("warfarin_simulated")
    view = bar(opened)
    view.split.value = "SEX"
    assert view.cut.layout.display == "none"


def test_the_filter_s_range(fitted):
    editor = FilterEditor(fitted.session)
    editor.column.value = "WT"
    assert editor.note.value == "54.6 to 86.4 kg"
    editor.low.entry.value = "60"
    editor.high.entry.value = "80"
    (condition,) = fitted.state.lens.where
    assert (condition.low, condition.high) == (60, 80)
    editor.low.entry.value = ""
    assert str(fitted.state.lens.where[0]) == "WT ≤ 80"
    editor.low.entry.value = "90"
    assert "keeps nothing" in editor.low.message
    (chip,) = editor.set.children
    chip.click()
    assert fitted.state.lens.plain
    assert editor.high.entry.value == ""


def test_the_filter_s_levels(opened):
    opened.session.load_dataset("warfarin_simulated")
    editor = FilterEditor(opened.session)
    editor.column.value = "SEX"
    women, men = editor.levels.children
    assert (women.words, men.words) == ("0", "1")
    women.value = False
    assert str(opened.state.lens.where[0]) == "SEX 1"
    editor.levels.children[1].value = False  # nobody: everybody comes back
    assert opened.state.lens.plain
    assert all(box.value for box in editor.levels.children)
    editor.column.value = "ENDPOINT"
    assert [box.words for box in editor.levels.children] == ["pca", "cp"]
    editor.levels.children[0].value = False
    opened.lay_out()
    assert not any(figure.error for figure in opened.figures)


def test_the_bar_is_out_of_the_way_where_there_are_no_pictures(fitted):
    assert fitted.page.bar.layout.display == ""
    fitted.session.open_tab("python_code")
    assert fitted.page.bar.layout.display == "none"
    fitted.session.open_tab("individual_fits")
    assert fitted.page.bar.layout.display == ""


# The gallery


def test_any_plot_can_be_chosen_in_any_card_and_survives_a_refit(fitted):
    first = fitted.figures[0]
    for name in plots.names():
        fitted.session.show_plot(0, name)
        assert first.alt == plots.get(name).alt.rstrip(".")
        assert not first.error, first.error
    fitted.session.show_plot(2, "dv_ipred", "log")
    fitted.fit()
    assert fitted.state.gallery[2] == ("dv_ipred", "log")
    assert fitted.figures[2].alt == plots.get("dv_ipred").alt.rstrip(".")


def test_the_picker_of_a_card_is_grouped_and_writes_the_state(fitted):
    card = PlotCard(fitted.session, "diagnostics", *plots.names(), slot=1)
    groups = list(dict.fromkeys(entry["group"] for entry in card.choice.options))
    assert groups[:3] == ["Goodness of fit", "Residuals", "Random effects"]
    assert card.choice.value == "residual_panels|CWRES"
    card.choice.value = "dv_pred|log"
    assert fitted.state.gallery[1] == ("dv_pred", "log")


def test_the_first_four_views_are_those_of_old(opened):
    assert [name for name, _ in opened.state.gallery[:4]] == [
        "dv_predictions",
        "residual_panels",
        "eta_distributions",
        "individual_fit",
    ]
    assert opened.state.layout == "2x2"
    for name, variant in opened.state.gallery:
        assert variant in (plots.get(name).variants or ("",))


def test_cards_out_of_sight_are_not_drawn(fitted):
    cards = fitted.figures[:6]
    assert [bool(figure.renders) for figure in cards] == [True] * 4 + [False] * 2
    fitted.session.set_layout("2x3")
    assert all(figure.renders for figure in cards)
    before = [figure.renders for figure in cards]
    fitted.session.set_layout("1")
    fitted.session.set_theme("dark")
    after = [figure.renders for figure in cards]
    assert after[0] > before[0]
    assert after[1:] == before[1:]
    fitted.session.set_layout("2x2")
    assert [figure.renders for figure in cards[1:4]] == [n + 1 for n in before[1:4]]


def test_unknown_plots_cards_and_layouts_are_refused(fitted):
    with pytest.raises(UnknownNameError, match="dv_pred"):
        fitted.session.show_plot(0, "dv_prd")
    with pytest.raises(UnknownNameError, match="linear, log"):
        fitted.session.show_plot(0, "dv_pred", "logg")
    with pytest.raises(OptionError, match="0 to 5"):
        fitted.session.show_plot(9, "dv_pred")
    with pytest.raises(UnknownNameError, match="2x2"):
        fitted.session.set_layout("3x3")


def test_plots_of_many_subjects_turn_their_page_with_the_selection(fitted):
    fitted.session.show_plot(0, "individual_grid")
    assert fitted.figures[0].with_selection
    fitted.session.show_plot(0, "dv_pred")
    assert not fitted.figures[0].with_selection


# Files


def test_a_picture_is_saved_twice_as_sharp(card):
    (file,) = card("dv_pred").files("png")
    assert Image.open(io.BytesIO(file.content)).size == (1000, 680)
    assert (file.name, file.type) == ("theophylline_dv_pred_linear.png", "image/png")


def test_a_drawing_keeps_its_words(card, fitted):
    fitted.session.split_by("WT")
    (file,) = card("dv_pred").files("svg")
    text = file.content.decode()
    assert text.startswith("<?xml")
    assert "PRED (mg/L)" in text
    assert "WT &gt; 70.5 kg" in text or "WT > 70.5 kg" in text


def test_the_numbers_are_those_on_show(card, fitted):
    fitted.session.colour_by("eta[ka]")
    fitted.session.filter("WT", (70, None))
    fitted.session.filter("TIME", (0, 5))
    (file,) = card("residuals_time").files("csv")
    table = pd.read_csv(io.BytesIO(file.content))
    assert {"ID", "TIME", "CWRES", "eta[ka]"} <= set(table.columns)
    weight = fitted.state.dataset.covariates.set_index("ID")["WT"]
    assert (table["ID"].map(weight) >= 70).all()
    assert table["TIME"].max() <= 5
    eta = fitted.state.fit.etas["ka"]
    np.testing.assert_allclose(table["eta[ka]"], table["ID"].map(eta))


def test_every_plot_can_be_saved(card):
    for name in plots.names():
        one = card(name)
        assert all(file.content for what in ("png", "svg", "csv") for file in one.files(what))


def test_the_line_of_python_draws_the_same(card, fitted):
    fitted.session.colour_by("WT")
    fitted.session.split_by("WT", "tertiles")
    fitted.session.filter("TIME", (None, 12))
    line = card("dv_pred").files("python")
    assert line == (
        "wb.plots.show('dv_pred', fit, variant='linear', colour_by='WT', split_by='WT', cut=3, "
        "where={'TIME': (None, 12.0)})"
    )
    eval(line, {"wb": wb, "fit": fitted.state.fit})  # noqa: S307


def listen(widget):
    sent = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    return sent


def test_the_browser_asks_and_is_answered(card):
    downloads = card("dv_pred").downloads
    sent = listen(downloads)
    downloads._handle_custom_msg({"wanted": "csv"}, [])
    ((content, buffers),) = sent
    assert content["files"] == [{"name": "theophylline_dv_pred_linear.csv", "type": "text/csv"}]
    assert buffers[0].startswith(b"ROW,ID,TIME")


def test_a_file_that_cannot_be_made_is_said_so(card, fitted, monkeypatch):
    one = card("dv_pred")
    sent = listen(one.downloads)
    monkeypatch.setattr(one.view, "draw", lambda *_: 1 / 0)
    one.downloads._handle_custom_msg({"wanted": "png"}, [])
    assert sent == []
    assert fitted.state.message.level == "error"
    assert "could not be saved" in fitted.state.message.text
    one.downloads._handle_custom_msg({"wanted": "secrets"}, [])
    assert sent == []
