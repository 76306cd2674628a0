"""A card: one plot of the library, kept up to date with the fit (or with the data)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as W
import pandas as pd
from matplotlib.axes import Axes

from workbench.diagnostics import diagnostics
from workbench.plots import Drawn, Palette, Plot, Sight, Task, draw_through, look, plots
from workbench.plots.theme import PALETTES
from workbench.widgets.choice import Choice, Entry
from workbench.widgets.downloads import Downloads, File
from workbench.widgets.figure import FigureView
from workbench.widgets.markup import styled
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session

SHARP = 2  # pixels per CSS pixel of a saved picture
#: Groups of plots in the order in which a picker lists them; others follow.
GROUPS = (
    "goodness of fit",
    "residuals",
    "random effects",
    "individuals",
    "estimation",
    "data",
)
#: Groups whose plots tell more of the selected subject than the browser's marks do.
SUBJECTS_SHOWN = ("individuals", "data")


class PlotCard:
    """One plot, or a choice of several in one place.

    Tables are made when the plot is drawn, once for each fit. What fails, in the table or in the
    picture, shows in this card and nowhere else.

    Parameters
    ----------
    tab : the tab that the card lies on; it is drawn only while that is open
    names : plots to choose from; the first is shown. One with variants appears once for each
    fit : what to show in the place of the state's fit
    with_selection : draw anew for another subject, where the picture tells more about the
        selected one than the browser's marks do
    variant : what the first plot shows at first, where it has variants
    when : whether the card is on view while its tab is open
    slot : number of the card whose plot the state keeps, in ``gallery``; None for a card that
        keeps its own choice
    """

    def __init__(
        self,
        session: Session,
        tab: str,
        *names: str,
        fit: Callable[[], Any] | None = None,
        with_selection: bool = False,
        when: Callable[[], bool] = lambda: True,
        variant: str = "",
        slot: int | None = None,
    ) -> None:
        self._when = when
        self._session, self._state, self._main = session, session.state, session.main
        self._fit = fit or (lambda: session.state.fit)
        self._tab, self._slot, self._with_selection = tab, slot, with_selection
        self._stale = True
        self._choices = {
            choice_key(name, how): (title, plots.get(name), how)
            for name in names
            for title, how in _choices(plots.get(name))
        }
        self._tables: dict[str, tuple[object, str, pd.DataFrame]] = {}  # source, kind, its table
        self._sight: tuple[object, object, Sight] | None = None  # source, lens, what it shows
        first = plots.get(names[0]).variants
        self._now = choice_key(names[0], variant if variant in first else next(iter(first), ""))
        self.choice = Choice(label="What this card shows")
        self.choice.offer(_entries(self._choices))
        styled(self.choice, "wb-card-choice")
        self.view = FigureView(self._draw, with_selection=with_selection)
        self.downloads = Downloads(self.files, self._complain)
        several = [self.choice] if len(self._choices) > 1 else []
        self.head = styled(W.HBox([*several, self.downloads]), "wb-card-head")
        self.widget = styled(W.VBox([self.head, self.view]), "wb-card")
        self._follow_gallery()
        self._show_choice()
        self.choice.observe(self._chosen, "value")
        self.view.observe(lambda _change: self.render(), "size")
        self._state.observe(self._turn, "selected")
        watched = ["dataset", "fit", "theme", "tab", "lens", "layout", "individual"]
        self._state.observe(self._changed, watched)
        if slot is not None:
            self._state.observe(self._follow_gallery, "gallery")

    @property
    def plot(self) -> Plot:
        """The plot on show."""
        return self._choices[self._now][1]

    @property
    def variant(self) -> str:
        """What of it is on show; "" where there is no choice."""
        return self._choices[self._now][2]

    @property
    def needs_fit(self) -> bool:
        """Whether there is nothing to draw without a fit."""
        return any(diagnostics.get(name).needs == "fit" for name in self.plot.diagnostics)

    def render(self) -> None:
        """Draw anew from the state, if there is something to draw."""
        if self._state.dataset is None or (self.needs_fit and self._fit() is None):
            return
        self.view.set_palette(PALETTES[self._state.theme])
        self.view.render()
        self._stale = not self.view.visible

    def refresh(self) -> None:
        """Draw anew if the tab is open, else when it is opened."""
        self._stale = True
        if self.on_view:
            self.render()

    @property
    def on_view(self) -> bool:
        """Whether a person can see the card."""
        return self._state.tab == self._tab and self._when()

    def files(self, what: str) -> list[File] | str:
        """Return what is on show as files ("png", "svg", "csv"), or as a line of "python"."""
        if what == "python":
            return self.python()
        name = f"{self._state.dataset.name}_{self._now.strip('|').replace('|', '_')}"
        name = "".join(letter if letter.isalnum() else "_" for letter in name)
        if what == "csv":
            several = len(self.plot.diagnostics) > 1
            return [
                File(f"{name}_{key}.csv" if several else f"{name}.csv", "text/csv", _csv(table))
                for key, table in self.numbers().items()
            ]
        picture = self.view.drawn_anew(SHARP)
        if what == "svg":
            return [File(f"{name}.svg", "image/svg+xml", picture.svg())]
        return [File(f"{name}.png", "image/png", picture.png())]

    def numbers(self) -> dict[str, pd.DataFrame]:
        """Return the tables that the picture is made of: the rows that are kept.

        What it is coloured and split by stands in columns of its own.
        """
        task = self._task(PALETTES[self._state.theme], None)
        lens, found = task.sight.lens, {}
        for key, table in task.sight.tables(task.tables).items():
            for name in dict.fromkeys((lens.colour_by, lens.split_by)):
                if name and "ID" in table and name not in table:
                    values = task.sight.known[name].of(table["ID"].to_numpy(object))
                    table = table.assign(**{name: values})  # noqa: PLW2901
            found[key] = table
        return found

    def python(self) -> str:
        """Return the line that draws the same in a notebook."""
        said = {"variant": self.variant} if self.variant else {}
        if self.by_individual and self._state.individual != "ebe":
            said["individual"] = self._state.individual
        said |= self._state.lens.arguments()
        words = "".join(f", {key}={value!r}" for key, value in said.items())
        source = "fit" if self.needs_fit else "data"
        return f"wb.plots.show({self.plot.name!r}, {source}{words})"

    def _draw(self, ax: Axes, palette: Palette, selected: Label | None) -> Drawn:
        return draw_through(ax, self._task(palette, selected))

    def _task(self, palette: Palette, selected: Label | None) -> Task:
        extra = {"variant": self.variant} if self.variant else {}
        tables = {name: self._table(name) for name in self.plot.diagnostics}
        return Task(self.plot, tables, self._seen(), self._units(), palette, selected, extra)

    def _seen(self) -> Sight:
        """Return what the lens makes of the fit, worked out once for each."""
        fit, lens = self._fit(), self._state.lens
        source = fit if hasattr(fit, "data") else self._state.dataset
        known = self._sight
        if known is None or known[0] is not source or known[1] is not lens:
            known = self._sight = (source, lens, look(lens, source, strict=False))
        return known[2]

    def _table(self, name: str) -> pd.DataFrame:
        """Return a diagnostic table, made once for each fit or dataset."""
        diagnostic = diagnostics.get(name)
        source = self._fit() if diagnostic.needs == "fit" else self._state.dataset
        kind = self._state.individual if diagnostic.by_individual else ""
        known = self._tables.get(name)
        if known is None or known[0] is not source or known[1] != kind:
            extra = {"individual": kind} if kind else {}
            known = self._tables[name] = (source, kind, diagnostic.table(source, **extra))
        return known[2]

    def _units(self) -> dict[str, str]:
        units = dict(self._state.dataset.units)
        fit = self._fit()
        return units if fit is None else {**units, **fit.units}

    def _complain(self, error: Exception) -> None:
        text = f"{self.plot.title} could not be saved. {type(error).__name__}: {error}"
        self._state.say(text, "error")

    def _show_choice(self) -> None:
        self.choice.value = self._now
        self.view.alt = self.plot.alt.rstrip(".")
        self.view.margins = self.plot.margins
        shows_all = self.plot.group in SUBJECTS_SHOWN and not self.plot.one_subject
        self.view.with_selection = self._with_selection or shows_all
        numbers = "Numbers (CSV)" if len(self.plot.diagnostics) == 1 else "Numbers (CSV files)"
        self.downloads.entries = [
            ["Picture (PNG)", "png"],
            ["Drawing (SVG)", "svg"],
            [numbers, "csv"],
            ["Copy as Python", "python"],
        ]

    def _chosen(self, change: dict[str, str]) -> None:
        wanted = change["new"]
        if wanted == self._now or wanted not in self._choices:
            return
        if self._slot is not None:
            _, plot, how = self._choices[wanted]
            self._session.show_plot(self._slot, plot.name, how)
            return
        self._turn_to_plot(wanted)

    def _follow_gallery(self, _change: object = None) -> None:
        """Show the plot that the state names for this card."""
        if self._slot is None:
            return
        wanted = choice_key(*self._state.gallery[self._slot])
        if wanted != self._now and wanted in self._choices:
            self._turn_to_plot(wanted)

    def _turn_to_plot(self, wanted: str) -> None:
        self._now = wanted
        self._show_choice()
        self.refresh()

    @property
    def by_individual(self) -> bool:
        """Whether the plot shows single subjects by what the state says stands for them."""
        return any(diagnostics.get(name).by_individual for name in self.plot.diagnostics)

    def _changed(self, change: dict[str, object]) -> None:
        if change["name"] == "individual" and not self.by_individual:
            return
        if self._stale or change["name"] not in ("tab", "layout"):
            self.refresh()

    def _turn(self, change: dict[str, Label | None]) -> None:
        if not self.on_view or self._stale:
            self._stale = self._stale or self.view.dynamic or self.view.with_selection
        elif self.view.dynamic:
            self.view.turn_to(change["new"])
        elif self.view.with_selection:
            self._main.once(self.refresh)


def choice_key(name: str, variant: str) -> str:
    """Return the name of a choice: of a plot and its variant."""
    return f"{name}|{variant}"


def _choices(plot: Plot) -> list[tuple[str, str]]:
    """Title and variant of everything that a plot can show."""
    if not plot.variants:
        return [(plot.title, "")]
    return [(f"{plot.title}: {variant}", variant) for variant in plot.variants]


def _entries(choices: dict[str, tuple[str, Plot, str]]) -> list[Entry]:
    """Return what a picker lists, group by group where there are several."""
    groups = list(dict.fromkeys([*GROUPS, *(plot.group for _, plot, _ in choices.values())]))
    several = len({plot.group for _, plot, _ in choices.values()}) > 1
    entries = [
        Entry(title, key, plot.group.capitalize() if several else "")
        for key, (title, plot, _) in choices.items()
    ]
    order = {key: groups.index(plot.group) for key, (_, plot, _) in choices.items()}
    return sorted(entries, key=lambda entry: order[entry.value])


def _csv(table: pd.DataFrame) -> bytes:
    """Return a table as a file that spreadsheets read."""
    return bytes(table.to_csv(index=False), "utf-8")
