"""Checks by simulation: visual and numerical predictive check, distribution, variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd
from matplotlib.axes import Axes

from workbench import plots
from workbench.diagnostics import PredictionDistribution, Vpc
from workbench.errors import OptionError, WorkbenchError
from workbench.plots import CheckPlot, Drawn, Lens, Margins, Palette, Sight
from workbench.plots.theme import PALETTES
from workbench.widgets.checks import Check, looked_at
from workbench.widgets.downloads import Downloads, File
from workbench.widgets.figure import FigureView
from workbench.widgets.markup import fixed, html, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.panels._look_controls import LookControls
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session

NAME = "vpc"
EMPTY = "Fit the model to compare the data with simulations from it."
MARGINS = Margins(top=30)
FRAME, ROW = 110, 120  # CSS pixels round the numerical check, and of one of its rows
SHARP = 2  # pixels per CSS pixel of a saved picture


@dataclass(frozen=True, slots=True)
class View:
    """One of the pictures of the tab.

    Attributes
    ----------
    title : on its button
    part : what is simulated for it
    plot : how it is drawn
    rows : the table to be downloaded
    """

    title: str
    part: str
    plot: CheckPlot
    rows: Callable[[Any], pd.DataFrame]


def _table(found: Any) -> pd.DataFrame:
    return found.table


VIEWS = {
    "vpc": View("VPC", "vpc", plots.VPC, _table),
    "npc": View("Numerical check", "vpc", plots.NPC, lambda found: found.npc),
    "distribution": View("Prediction distribution", "distribution", plots.DISTRIBUTION, _table),
    "variance": View("Variance", "variance", plots.VARIANCE, _table),
}


class CheckTab:
    """The widgets of the tab; it simulates when it is opened, in the background."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._looked: tuple[tuple[Any, ...], Any] = ((), None)
        self._sight: dict[tuple[Any, Lens], Sight] = {}  # of the fit and lens on view
        self._why = ""  # it cannot be looked at in the way of the state
        self._drawn: tuple[Any, ...] = ()  # what the picture shows
        self.controls = LookControls(session)
        self.pick = styled(
            W.ToggleButtons(options=[(view.title, name) for name, view in VIEWS.items()]),
            "wb-segments",
        )
        self.view = FigureView(self._draw)
        self.view.margins = MARGINS
        self.words = html("", "wb-note")
        self.simulate = W.Button(description="Simulate", tooltip="Simulate with these settings")
        self.cancel = W.Button(description="Cancel", tooltip="Keep the replicates so far")
        self.downloads = Downloads(self.files, self._complain)
        self.downloads.entries = [
            ["Picture (PNG)", "png"],
            ["Drawing (SVG)", "svg"],
            ["Numbers (CSV)", "csv"],
            ["Copy as Python", "python"],
        ]
        self.npc = html("", "wb-results")
        self.picture = styled(W.VBox([self.view]), "wb-card")
        self.table = styled(W.Box([self.npc]), "wb-document")
        bar = [self.pick, self.simulate, self.cancel, self.words, self.downloads]
        self.place = styled(W.Box([self.picture]), "wb-one")
        page = [self.controls.widget, styled(W.HBox(bar), "wb-check-words"), self.place]
        empty = html(EMPTY, "wb-empty")
        self.widget = W.Stack([empty, styled(W.Box(page), "wb-check-page")], selected_index=0)
        self._listen()
        self._choose()

    @property
    def chosen(self) -> View:
        """The picture on show."""
        return VIEWS[self.pick.value]

    def _listen(self) -> None:
        self.pick.observe(self._choose, "value")
        self.view.observe(lambda _change: self._render(), "size")
        self.simulate.on_click(lambda _button: self.session.simulate_check(self.chosen.part))
        self.cancel.on_click(lambda _button: self.session.cancel_check())
        self.state.observe(self._follow, ["fit", "tab", "check", "look", "lens", "theme"])

    def _choose(self, _change: object = None) -> None:
        npc = self.pick.value == "npc"
        self.place.children = (self.picture, self.table) if npc else (self.picture,)
        (self.place.add_class if npc else self.place.remove_class)("wb-npc")
        (self.place.remove_class if npc else self.place.add_class)("wb-one")
        self.view.alt = self.chosen.plot.alt
        self.picture.layout.min_height = None
        self._follow()

    def _follow(self, _change: object = None) -> None:
        state, view = self.state, self.chosen
        self.widget.selected_index = 0 if state.fit is None else 1
        if state.fit is None or state.tab != NAME:
            return
        check: Check | None = state.check
        if check is None or (
            not check.running
            and check.of(view.part, state.look, state.lens) is None
            and not check.complaint(view.part, state.look, state.lens)
        ):
            self.session.simulate_check(view.part)
            return  # the change of the state comes back here
        if check.running and self._of_others(check, view.part):
            self.session.simulate_check(view.part)
            return
        self._show_words(check)
        self._render()

    def _of_others(self, check: Check, part: str) -> bool:
        """Say whether what is being simulated is not what is looked at."""
        known = check.of(part, self.state.look, self.state.lens)
        return check.running != part and known is None

    def _outcome(self) -> Any:
        """Return what the picture shows, None if it is not there yet."""
        check: Check | None = self.state.check
        if check is None or check.fit is not self.state.fit:
            return None
        found = check.of(self.chosen.part, self.state.look, self.state.lens)
        key = (found, self.state.look, self.state.lens)
        if self._looked[0] != key:
            try:
                self._looked, self._why = (key, self._seen(found)), ""
            except WorkbenchError as error:
                self._looked, self._why = (key, None), str(error)
        return self._looked[1]

    def _seen(self, found: Any) -> Any:
        """Return an outcome as the page looks at it."""
        if isinstance(found, Vpc):
            return plots.seen(looked_at(found, self.state.look), self.sight())
        if isinstance(found, PredictionDistribution):
            return plots.within(found, self.sight())
        return found

    def sight(self) -> Sight:
        """Return what the page's lens makes of the fit, worked out once for each."""
        key = (self.state.fit, self.state.lens)
        if key not in self._sight:
            self._sight = {key: plots.look(self.state.lens, self.state.fit, strict=False)}
        return self._sight[key]

    def _render(self) -> None:
        """Draw, if there is something new to draw and the tab is open."""
        if self.state.tab != NAME or self.state.fit is None:
            return
        found = self._outcome()
        state = self.state
        now = (self.pick.value, found, state.look.log, state.lens, state.theme, *self.view.size)
        if found is None or now == self._drawn or not self.view.visible:
            return
        self._drawn = now
        if self.pick.value == "npc":
            self.npc.value = npc_html(found.npc, found.ci)
            n = len(found.npc.drop_duplicates(["STRATUM", "ENDPOINT"]))
            self.picture.layout.min_height = f"{FRAME + ROW * n}px" if n > 1 else None
        self.view.set_palette(PALETTES[self.state.theme])
        self.view.render()

    def _draw(self, ax: Axes, palette: Palette, selected: Label | None) -> Drawn:
        found, sight = self._outcome(), self.sight()
        options = {"log": self.state.look.log} if self.pick.value in ("vpc", "distribution") else {}
        plot = self.chosen.plot
        return plots.draw_seen(
            ax, plot, found, sight, palette=palette, selected=selected, **options
        )

    def _show_words(self, check: Check) -> None:
        running = bool(check.running)
        self.cancel.layout.display = "" if running else "none"
        self.simulate.layout.display = "none" if running else ""
        if running:
            share = f"{check.done:,} of {check.asked:,} replicates" if check.done else "…"
            self.words.value = f"<span role='status' data-check='running'>Simulating {share}</span>"
            return
        found = self._outcome()
        why = check.complaint(self.chosen.part, self.state.look, self.state.lens)
        why = why or self._why
        if why and found is None:
            self.words.value = f"<span role='alert' data-check='failed'>{escape(why)}</span>"
            return
        self.words.value = f"<span data-check='done'>{escape(summary(found))}</span>"

    def files(self, what: str) -> list[File] | str:
        """Return the picture or the table on show as a file, or the lines that make it."""
        found, view = self._outcome(), self.chosen
        if what == "python":
            code = str(self.state.fit.python())
            return code + self.state.look.python(self.state.lens, self.pick.value)
        if found is None:
            raise OptionError("Nothing has been simulated yet.")
        name = f"{self.state.dataset.name}-{self.pick.value}".replace(" ", "_")
        if what == "csv":
            text = view.rows(found).to_csv(index=False)
            return [File(f"{name}.csv", "text/csv", text.encode())]
        picture = self.view.drawn_anew(SHARP)
        if what == "svg":
            return [File(f"{name}.svg", "image/svg+xml", picture.svg())]
        return [File(f"{name}.png", "image/png", picture.png())]

    def _complain(self, error: Exception) -> None:
        self.state.say(f"It could not be saved. {type(error).__name__}: {error}", "error")


def summary(found: Any) -> str:
    """Return in a line what was simulated, and what it says."""
    if isinstance(found, Vpc):
        source, rows = found.simulated, found.table
        head = f"{source.n_replicates:,} replicates, seed {source.seed}, {source.seconds:.2f} s"
        n_bins = len(rows.drop_duplicates(["STRATUM", "ENDPOINT", "BIN"]))
        if not n_bins:
            return f"{head} · nothing is left to compare"
        parts = [head, f"{n_bins} bins"]
        parts.append(f"{int(rows['OUTSIDE'].sum())} of {len(rows)} percentiles outside")
    else:
        head = f"{found.replicates:,} replicates, seed {found.seed}, {found.seconds:.2f} s"
        parts = [head]
    return " · ".join([*parts, *found.notes])


def npc_html(npc: pd.DataFrame, ci: float) -> str:
    """Return the table of the numerical predictive check, one for each panel."""
    simulated = f"{100 * ci:g} % of simulations"
    head = ("Interval %", "Expected %", "Below %", simulated, "Above %", simulated)
    found = []
    for (stratum, endpoint), rows in npc.groupby(["STRATUM", "ENDPOINT"], sort=False):
        sides = [rows[rows["SIDE"] == side].to_dict("records") for side in ("below", "above")]
        cells = [
            [
                f"{low['INTERVAL']:g}",
                f"{low['EXPECTED']:g}",
                *(cell for one in (low, high) for cell in _observed(one)),
            ]
            for low, high in zip(*sides, strict=True)
        ]
        words = " · ".join(part for part in (str(endpoint), str(stratum)) if part)
        title = f"{words}: share of {rows['N'].iloc[0]} observations beyond their intervals"
        found.append(f"<div class='wb-scroll'>{table(head, cells, caption=title, words=0)}</div>")
    return "".join(found)


def _observed(row: dict[Any, Any]) -> list[str]:
    """Return the observed share, marked where it is outside, and its range."""
    mark = " *" if row["OUTSIDE"] else ""
    return [
        f"{fixed(row['OBSERVED'], 1)}{mark}",
        f"{fixed(row['LOWER'], 1)} to {fixed(row['UPPER'], 1)}",
    ]


def build(session: Session) -> PanelView:
    """Make the tab."""
    tab = CheckTab(session)
    return PanelView(styled(tab.widget, "wb-stack"), selectable=(tab.view,))


PANEL = Panel(NAME, "VPC", "tab", 25, build)
