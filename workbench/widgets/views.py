"""How the fit is looked at: what stands for a subject, the lens, the cards, the pages."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import replace
from typing import Any, Literal

from workbench.errors import OptionError
from workbench.plots import Condition, Lens, plots, variables
from workbench.registry import unknown_name
from workbench.results.individuals import checked
from workbench.widgets.paging import n_pages, subject_pages
from workbench.widgets.state import LAYOUTS, WorkbenchState


class Views:
    """What a person can do to the views of a page; a part of `Session`."""

    state: WorkbenchState

    def set_individual(self, kind: Literal["ebe", "mean", "draws"]) -> None:
        """Let conditional modes (EBE), means or draws stand for the subjects in every view."""
        self.state.individual = checked(kind)

    def set_pager(self, **changes: Any) -> None:
        """Change which individual fits are shown, and how; `changes` are parts of `Pager`.

        Another order, or another number of subjects, begins at page 1.
        """
        now = self.state.pager
        changed = replace(now, **changes)
        if changed.per_page < 1 or changed.per_page != int(changed.per_page):
            raise OptionError("A page holds a whole number of subjects, at least 1.")
        order = (changed.per_page, changed.sort_by, changed.descending)
        if order != (now.per_page, now.sort_by, now.descending) and "page" not in changes:
            changed = replace(changed, page=1)
        last = n_pages(self.state, int(changed.per_page))
        self.state.pager = replace(changed, page=int(min(max(changed.page, 1), last)))

    def turn_page(self, step: int) -> None:
        """Go some pages of the individual fits on, or back; not beyond the first or the last."""
        self.set_pager(page=self.state.pager.page + step)

    def show_subject(self, subject: Hashable) -> None:
        """Go to the page of the individual fits that a subject is on."""
        if self.state.fit is not None:
            self.set_pager(page=subject_pages(self.state).page_of(subject))

    def colour_by(self, name: str = "") -> None:
        """Colour every view by a covariate, an individual parameter or an eta; "" for none."""
        self._look(colour_by=name)

    def split_by(self, name: str = "", cut: int | str | Collection[float] = "median") -> None:
        """Split every view by the same; a continuous variable is cut (see `Lens.of`)."""
        self._look(split_by=name, cut=Lens.of(cut=cut).cut)

    def filter(self, column: str, wanted: Any = None) -> None:
        """Keep what is wanted of a variable, or of TIME, TAD or ENDPOINT; None keeps everything.

        Raises
        ------
        OptionError
            What is wanted is no level, no list of levels and no pair (low, high).
        """
        others = tuple(c for c in self.state.lens.where if c.column != column)
        added = () if wanted is None else (Condition.of(column, wanted),)
        self._look(where=(*others, *added))

    def clear_view(self) -> None:
        """Look at everything, in one colour and in one piece."""
        self.state.lens = Lens()

    def _look(self, **changes: Any) -> None:
        """Change the lens; what it had and a new fit does not know is dropped."""
        before = self.state.lens
        lens = replace(before, **changes)
        source = self.state.fit if self.state.fit is not None else self.state.dataset
        if source is not None:
            known = variables(source)
            lens.check([*known, *before.names])
            lens, _ = lens.known(known)
        self.state.lens = lens

    def show_plot(self, card: int, name: str, variant: str = "") -> None:
        """Choose what a card of the diagnostics shows.

        Parameters
        ----------
        card : from 0, row by row
        variant : of the plot; its first by default

        Raises
        ------
        UnknownNameError, OptionError
            There is no such plot, variant or card.
        """
        plot = plots.get(name)
        if variant and variant not in plot.variants:
            raise unknown_name(f"variant of {name}", variant, plot.variants)
        gallery = list(self.state.gallery)
        if not 0 <= card < len(gallery):
            raise OptionError(f"There is no card {card}. They are 0 to {len(gallery) - 1}.")
        gallery[card] = (name, variant or next(iter(plot.variants), ""))
        self.state.gallery = tuple(gallery)

    def set_layout(self, layout: Literal["1", "2x2", "2x3"]) -> None:
        """Choose how many cards the diagnostics show."""
        if layout not in LAYOUTS:
            raise unknown_name("layout", layout, LAYOUTS)
        self.state.layout = layout
