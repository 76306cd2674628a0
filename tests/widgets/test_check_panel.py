"""The tab of checks by simulation: it simulates in the background and looks without simulating."""

import io

import ipywidgets as controls
import numpy as np
import pandas as pd
import pytest

from workbench.errors import OptionError, UnknownNameError
from workbench.widgets import checks
from workbench.widgets.checks import Look, looked_at, usual_look
from workbench.widgets.downloads import Downloads


def children(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from children(child)


class Tab:
    """The tab of a fitted page, opened, with few replicates."""

    def __init__(self, fitted, replicates=40):
        self.page, self.session, self.state = fitted.page, fitted.session, fitted.state
        self.session.set_look(replicates=replicates)
        self.session.open_tab("vpc")
        self.session.checks.join(60)
        self.widget = self.page.views["vpc"].widget
        (self.figure,) = self.page.views["vpc"].selectable

    def words(self):
        return " ".join(w.value for w in children(self.widget) if isinstance(w, controls.HTML))

    def show(self, name):
        (picker,) = (w for w in children(self.widget) if isinstance(w, controls.ToggleButtons))
        picker.value = name
        self.session.checks.join(60)

    def wait(self):
        """Wait until nothing is simulated any more: a change meanwhile begins anew."""
        while True:
            self.session.checks.join(60)
            if not self.state.check.running:
                return

    def menu(self, kind):
        """Ask the menu for a file, or a line of Python, as the browser does."""
        (menu,) = (w for w in children(self.widget) if isinstance(w, Downloads))
        sent = []
        menu.send = lambda content, buffers=(): sent.append({**content, "buffers": buffers})
        menu._handle_custom_msg({"wanted": kind}, [])
        return sent.pop()

    def rows(self):
        """The table behind the picture, as the menu saves it."""
        (data,) = self.menu("csv")["buffers"]
        return pd.read_csv(io.BytesIO(data), keep_default_na=False, na_values=[""])

    def found(self, part="vpc"):
        return self.state.check.of(part, self.state.look)


@pytest.fixture
def tab(fitted):
    return Tab(fitted)


def test_nothing_is_simulated_before_the_tab_is_opened(fitted):
    assert fitted.state.check is None
    assert "Fit the model" in " ".join(
        w.value for w in children(fitted.page.views["vpc"].widget) if isinstance(w, controls.HTML)
    )


def test_opening_the_tab_simulates_and_draws(tab):
    assert tab.found().simulated.n_replicates == 40
    assert tab.figure.png.startswith(b"\x89PNG")
    assert "40 replicates, seed 1" in tab.words()
    assert "11 bins" in tab.words()
    assert "data-check='done'" in tab.words()


def test_another_look_draws_and_does_not_simulate(tab, monkeypatch):
    monkeypatch.setattr(checks, "vpc", None)
    before, check = tab.figure.png, tab.state.check
    for changes in (
        {"binning": "equal_count", "n_bins": 4},
        {"edges": (0.0, 1.0, 30.0)},
        {"correction": "variance"},
        {"x": "PRED"},
        {"percents": (10.0, 90.0)},
        {"log": True},
    ):
        tab.session.set_look(**changes)
        assert tab.figure.png != before
        assert tab.figure.error == ""
        before = tab.figure.png
    assert tab.state.check is check


def test_the_lens_filters_splits_and_colours_without_simulating(tab, monkeypatch):
    monkeypatch.setattr(checks, "vpc", None)
    before, check = tab.figure.png, tab.state.check
    weights = tab.state.dataset.covariates.set_index("ID")["WT"]
    for look in (
        lambda: tab.session.filter("WT", (70, None)),
        lambda: tab.session.filter("TIME", (0, 12)),
        lambda: tab.session.split_by("WT", "tertiles"),
        lambda: tab.session.colour_by("cl"),
    ):
        look()
        assert tab.figure.png != before
        assert tab.figure.error == ""
        before = tab.figure.png
    assert tab.state.check is check
    hits = np.frombuffer(tab.figure.hits, "f4").reshape(-1, 3)
    kept = {code for code, label in enumerate(tab.state.dataset.subjects) if weights[label] >= 70}
    assert set(hits[:, 2]) == kept
    low, high = np.quantile(weights, [1 / 3, 2 / 3])
    parts = [f"{low:.3g} < WT ≤ {high:.3g} kg", f"WT > {high:.3g} kg"]
    assert list(dict.fromkeys(tab.rows()["STRATUM"])) == parts
    tab.session.filter("WT", (1000, None))
    assert tab.figure.error == ""
    assert len(tab.rows()) == 0


@pytest.mark.parametrize("part", ["distribution", "variance"])
def test_what_is_not_kept_as_simulated_is_simulated_anew_through_the_lens(tab, part):
    tab.show(part)
    everybody = tab.rows()
    tab.session.split_by("WT")
    tab.session.filter("TIME", (0, 12))
    tab.wait()
    split = tab.rows()
    assert len(set(split["STRATUM"])) == 2
    last = "TIME" if part == "distribution" else "X_HIGH"
    assert split[last].max() <= 12 < everybody[last].max()
    assert tab.figure.error == ""
    tab.session.filter("WT", (1000, None))
    tab.wait()
    assert len(tab.rows()) == 0
    assert tab.figure.error == ""
    assert "data-check='done'" in tab.words()


@pytest.mark.parametrize("picture", ["vpc", "npc", "distribution", "variance"])
def test_the_lines_of_a_picture_through_the_lens_run(tab, picture):
    tab.session.split_by("WT")
    tab.session.colour_by("WT")
    tab.session.filter("TIME", (0, 12))
    tab.show(picture)
    tab.wait()
    code = tab.menu("python")["text"]
    found = {}
    exec(code.replace("print(", "str("), found)  # noqa: S102  our own words, to see that they run
    assert found["figure"] is not None
    name = {"distribution": "bands", "variance": "parts"}.get(picture, "vpc")
    made = found[name]
    if picture in ("vpc", "npc"):
        made = found["wb"].plots.through(made, split_by="WT", where={"TIME": (0, 12)})
    table = made.npc if picture == "npc" else made.table
    if picture == "distribution":
        table = table[table["TIME"] <= 12].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, tab.rows(), check_dtype=False)


def test_another_seed_simulates_anew(tab):
    before = tab.found()
    tab.session.set_look(seed=7)
    tab.session.checks.join(60)
    assert tab.found() is not before
    assert tab.found().simulated.seed == 7


def test_the_controls_change_the_look(tab):
    entries = {w.tooltip: w for w in children(tab.widget) if isinstance(w, controls.Text)}
    entries["Edges of the bins"].value = "0, 2 8; 25"
    assert tab.state.look.edges == (0.0, 2.0, 8.0, 25.0)
    entries["Edges of the bins"].value = ""
    entries["Number of bins"].value = "3"
    assert (tab.state.look.edges, tab.state.look.n_bins) == ((), 3)
    entries["Percentiles"].value = "10 50 90"
    assert tab.state.look.percents == (10.0, 50.0, 90.0)
    choices = {w.label: w for w in children(tab.widget) if hasattr(w, "offer")}
    choices["Correction"].value = "prediction"
    assert tab.state.look.correction == "prediction"


@pytest.mark.parametrize(
    ("field", "entry", "words"),
    [
        ("Edges of the bins", "3 2", "ascending"),
        ("Edges of the bins", "a", "not a number"),
        ("Number of bins", "2.5", "whole number"),
        ("Number of bins", "0", "at least 1"),
        ("Percentiles", "0 50", "between 0 and 100"),
        ("Replicates", "0", "at least 1"),
        ("Seed", "-1", "at least 0"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(tab, field, entry, words):
    before = tab.state.look
    (typed,) = (w for w in children(tab.widget) if getattr(w, "tooltip", "") == field)
    typed.value = entry
    assert tab.state.look == before
    assert words in tab.words()
    assert "role='alert'" in tab.words()


def test_a_limit_of_quantification_simulates_anew_and_adds_a_strip(tab):
    tab.session.set_look(lloq=1.0)
    tab.session.checks.join(60)
    assert len(tab.found().blq)


def test_the_other_pictures(tab):
    pictures = {tab.figure.png}
    for name in ("npc", "distribution", "variance"):
        tab.show(name)
        assert tab.figure.error == ""
        assert "data-check='done'" in tab.words()
        pictures.add(tab.figure.png)
    assert len(pictures) == 4
    tab.show("npc")
    assert "share of 132 observations beyond their intervals" in tab.words()


def test_what_is_on_show_can_be_saved(tab):
    (menu,) = (w for w in children(tab.widget) if isinstance(w, Downloads))
    sent = []
    menu.send = lambda content, buffers=(): sent.append((content, buffers))
    for name in ("vpc", "npc", "distribution", "variance"):
        tab.show(name)
        for kind, begins in (("csv", b"STRATUM,ENDPOINT"), ("png", b"\x89PNG"), ("svg", b"<?xml")):
            menu._handle_custom_msg({"wanted": kind}, [])
            content, (data,) = sent.pop()
            assert content["files"][0]["name"] == f"theophylline-{name}.{kind}"
            assert data.startswith(begins)
    menu._handle_custom_msg({"wanted": "python"}, [])
    assert "wb.variance_decomposition(fit" in sent.pop()[0]["text"]


def test_a_new_fit_is_simulated_anew_while_the_tab_is_open(tab):
    first = tab.state.check
    tab.session.fit()
    tab.session.runner.join(60)
    tab.session.checks.join(60)
    assert tab.state.check.fit is tab.state.fit
    assert tab.state.check.fit is not first.fit
    assert tab.found() is not None


def test_other_data_drop_the_check_and_the_look(tab):
    tab.session.set_look(log=True)
    tab.session.split_by("WT")
    tab.session.load_dataset("phenobarbital")
    assert tab.state.check is None
    assert tab.state.look == Look()


def test_cancelling_keeps_the_replicates_so_far(tab, monkeypatch):
    monkeypatch.setattr("workbench.simulation.BLOCK", 132 * 10)
    original = checks.vpc

    def stopped(fit, *, on_progress, cancel, **options):
        def listen(done, asked):
            on_progress(done, asked)
            tab.session.cancel_check()

        return original(fit, on_progress=listen, cancel=cancel, threads=1, **options)

    monkeypatch.setattr(checks, "vpc", stopped)
    tab.session.set_look(replicates=500)
    tab.session.checks.join(60)
    assert 0 < tab.found().simulated.n_replicates < 500
    assert "Cancelled after" in tab.words()


def test_an_abandoned_simulation_writes_nothing(tab, monkeypatch):
    original = checks.vpc

    def late(fit, **options):
        tab.state.fit = None  # other data were opened meanwhile
        return original(fit, **options)

    monkeypatch.setattr(checks, "vpc", late)
    tab.session.set_look(seed=3)
    tab.session.checks.join(60)
    assert tab.state.check is None


@pytest.mark.parametrize("error", [OptionError("No such thing."), ZeroDivisionError("x")])
def test_a_failed_simulation_says_why_and_leaves_the_fit(tab, monkeypatch, error):
    def fails(*_args, **_options):
        raise error

    fit = tab.state.fit
    monkeypatch.setattr(checks, "vpc", fails)
    tab.session.set_look(seed=9)
    tab.session.checks.join(60)
    assert str(error) in tab.words()
    assert "data-check='failed'" in tab.words()
    assert tab.state.fit is fit
    assert tab.state.status == "done"


def test_very_large_data_begin_with_fewer_replicates():
    assert usual_look(1_000).replicates == 1000
    assert usual_look(20_000).replicates == 500
    assert usual_look(10_000_000).replicates == 100


def test_a_look_is_checked(tab):
    with pytest.raises(UnknownNameError):
        looked_at(tab.found(), Look(x="SEX"))
    with pytest.raises(OptionError):
        looked_at(tab.found(), Look(correction="all"))


def test_subjects_can_be_selected_in_the_picture(tab):
    hits = np.frombuffer(tab.figure.hits, "f4").reshape(-1, 3)
    assert set(hits[:, 2]) == set(range(12))
    assert ((hits[:, :2] >= 0) & (hits[:, :2] <= 1)).all()


def test_the_page_shows_the_lines_that_make_the_check(tab):
    tab.session.set_look(edges=(0.0, 2.0, 30.0), correction="prediction", x="TAD", log=True)
    code = tab.session.python()
    assert code.startswith(tab.state.fit.python())
    shown = tab.page.views["python_code"].widget.children[1]
    assert shown.text == code
    found = {}
    exec(code.replace("print(", "str("), found)  # noqa: S102  our own words, to see that they run
    expected = looked_at(tab.found(), tab.state.look).table
    assert found["vpc"].table.equals(expected)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(), "wb.vpc(fit, replicates=1000, seed=1)\n"),
        (Look(lloq=0.5), "seed=1, lloq=0.5)"),
        (Look(binning="jenks", n_bins=4), ".rebin('jenks', 4)"),
        (Look(binning="kmeans"), ".rebin('kmeans')"),
        (Look(percents=(10.0,), ci=0.9), ".percentiles((10.0,), ci=0.9)"),
        (Look(correction="variance"), ".correct(variance=True)"),
    ],
)
def test_only_what_differs_is_in_the_lines(look, words):
    assert words in look.python()
