"""Checks by simulation: visual and numerical predictive check, distribution, variance."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as W
import pandas as pd
from matplotlib.axes import Axes

from workbench import plots
from workbench.diagnostics import Vpc
from workbench.errors import WorkbenchError
from workbench.plots import Drawn, Margins, Palette
from workbench.plots.theme import PALETTES
from workbench.widgets.checks import Check, looked_at
from workbench.widgets.figure import FigureView
from workbench.widgets.markup import fixed, html, styled, table
from workbench.widgets.panels._base import Panel, PanelView
from workbench.widgets.panels._look_controls import LookControls
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session

NAME = "vpc"
EMPTY = "Fit the model to compare the data with simulations from it."
MARGINS = Margins(top=30)


@dataclass(frozen=True, slots=True)
class View:
    """One of the pictures of the tab.

    Attributes
    ----------
    title : on its button
    part : what is simulated for it
    alt : for those who cannot see it
    draw : draws the outcome on an axes
    figure : draws it as a figure, to be downloaded
    rows : the table to be downloaded
    """

    title: str
    part: str
    alt: str
    draw: Callable[..., Drawn]
    figure: Callable[..., Any]
    rows: Callable[[Any], pd.DataFrame]


VIEWS = {
    "vpc": View(
        "VPC",
        "vpc",
        "Percentiles of the observations over bands of the percentiles of simulated data",
        lambda ax, found, palette, log: plots.draw_vpc(ax, found, palette=palette, log=log),
        plots.vpc,
        lambda found: found.table,
    ),
    "npc": View(
        "Numerical check",
        "vpc",
        "Share of the observations outside their prediction intervals, over what is expected",
        lambda ax, found, palette, log: plots.draw_npc(ax, found, palette=palette),  # noqa: ARG005
        plots.npc,
        lambda found: found.npc,
    ),
    "distribution": View(
        "Prediction distribution",
        "distribution",
        "Percentiles of the predicted distribution over time, with the observations",
        lambda ax, found, palette, log: plots.draw_distribution(
            ax, found, palette=palette, log=log
        ),
        plots.prediction_distribution,
        lambda found: found.table,
    ),
    "variance": View(
        "Variance",
        "variance",
        "Variance of the observations over time by its parts, with the observed variance",
        lambda ax, found, palette, log: plots.draw_variance(ax, found, palette=palette),  # noqa: ARG005
        plots.variance_decomposition,
        lambda found: found.table,
    ),
}


class CheckTab:
    """The widgets of the tab; it simulates when it is opened, in the background."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self._looked: tuple[Any, Any, Vpc | None] = (None, None, None)
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
        self.save = W.Button(description="Download …", tooltip="The table as CSV, the picture")
        self.links = html("", "wb-links")
        self.npc = html("", "wb-results")
        self.picture = styled(W.VBox([self.view]), "wb-card")
        self.table = styled(W.Box([self.npc]), "wb-document")
        bar = [self.pick, self.simulate, self.cancel, self.save, self.links, self.words]
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
        self.save.on_click(lambda _button: self._offer_files())
        self.state.observe(self._follow, ["fit", "tab", "check", "look", "theme"])

    def _choose(self, _change: object = None) -> None:
        npc = self.pick.value == "npc"
        self.place.children = (self.picture, self.table) if npc else (self.picture,)
        (self.place.add_class if npc else self.place.remove_class)("wb-npc")
        (self.place.remove_class if npc else self.place.add_class)("wb-one")
        self.view.alt = self.chosen.alt
        self._follow()

    def _follow(self, _change: object = None) -> None:
        state, view = self.state, self.chosen
        self.widget.selected_index = 0 if state.fit is None else 1
        if state.fit is None or state.tab != NAME:
            return
        check: Check | None = state.check
        if check is None or (
            not check.running
            and check.of(view.part, state.look) is None
            and not check.complaint(view.part, state.look)
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
        return check.running != part and check.of(part, self.state.look) is None

    def _outcome(self) -> Any:
        """Return what the picture shows, None if it is not there yet."""
        check: Check | None = self.state.check
        if check is None or check.fit is not self.state.fit:
            return None
        found = check.of(self.chosen.part, self.state.look)
        if not isinstance(found, Vpc):
            return found
        known, look, seen = self._looked
        if known is not found or look != self.state.look:
            try:
                seen, self._why = looked_at(found, self.state.look), ""
            except WorkbenchError as error:
                seen, self._why = None, str(error)
            self._looked = (found, self.state.look, seen)
        return seen

    def _render(self) -> None:
        """Draw, if there is something new to draw and the tab is open."""
        if self.state.tab != NAME or self.state.fit is None:
            return
        found = self._outcome()
        now = (self.pick.value, found, self.state.look.log, self.state.theme, tuple(self.view.size))
        if found is None or now == self._drawn or not self.view.visible:
            return
        if now[:-1] != self._drawn[:-1]:
            self.links.value = ""  # of another picture
        self._drawn = now
        if self.pick.value == "npc":
            self.npc.value = npc_html(found.npc, found.ci)
        self.view.set_palette(PALETTES[self.state.theme])
        self.view.render()

    def _draw(self, ax: Axes, palette: Palette, _selected: Label | None) -> Drawn:
        return self.chosen.draw(ax, self._outcome(), palette, self.state.look.log)

    def _show_words(self, check: Check) -> None:
        running = bool(check.running)
        self.cancel.layout.display = "" if running else "none"
        self.simulate.layout.display = "none" if running else ""
        self.save.disabled = self._outcome() is None
        if running:
            share = f"{check.done:,} of {check.asked:,} replicates" if check.done else "…"
            self.words.value = f"<span role='status' data-check='running'>Simulating {share}</span>"
            return
        found = self._outcome()
        why = check.complaint(self.chosen.part, self.state.look) or self._why
        if why and found is None:
            self.words.value = f"<span role='alert' data-check='failed'>{escape(why)}</span>"
            return
        self.words.value = f"<span data-check='done'>{escape(summary(found))}</span>"

    def _offer_files(self) -> None:
        """Offer the table and the picture on show as files."""
        found, view = self._outcome(), self.chosen
        if found is None:
            return
        name = f"{self.state.dataset.name}-{self.pick.value}"
        files = {"csv": ("text/csv", view.rows(found).to_csv(index=False).encode())}
        options: dict[str, Any] = {"theme": self.state.theme, "size": (900, 520)}
        if view.draw is VIEWS["vpc"].draw or view.part == "distribution":
            options["log"] = self.state.look.log
        figure = view.figure(found, **options)
        for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **({"dpi": 200} if kind == "png" else {}))
            files[kind] = (mime, buffer.getvalue())
        self.links.value = "".join(
            f"<a download='{escape(name, quote=True)}.{kind}' "
            f"href='data:{mime};base64,{b64encode(content).decode()}'>{kind.upper()}</a>"
            for kind, (mime, content) in files.items()
        )


def summary(found: Any) -> str:
    """Return in a line what was simulated, and what it says."""
    if isinstance(found, Vpc):
        source, rows = found.simulated, found.table
        head = f"{source.n_replicates:,} replicates, seed {source.seed}, {source.seconds:.2f} s"
        n_bins = len(rows.drop_duplicates(["STRATUM", "ENDPOINT", "BIN"]))
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
