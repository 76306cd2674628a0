"""Every subject's observations with the predictions, as small multiples, page by page."""

from __future__ import annotations

from dataclasses import asdict

import ipywidgets as W

from workbench.diagnostics import diagnostics
from workbench.plots import Palette, Task, sort_keys
from workbench.widgets.card import PlotCard
from workbench.widgets.markup import html, styled
from workbench.widgets.paging import n_pages, subject_pages, subjects_table
from workbench.widgets.panels._base import Panel, PanelView, labelled
from workbench.widgets.selectable import Label
from workbench.widgets.session import Session
from workbench.widgets.state import Pager
from workbench.widgets.switch import Switch

NAME = "individual_fits"
PER_PAGE = (4, 6, 9, 12, 16, 20, 30)
BAND = 0.9
SHOWN = {"ofv_per_obs": "OFV per observation", "rms_iwres": "RMS IWRES", "n_obs": "observations"}
HEADS = {"fit": "fit", "parameter": "parameter", "eta": "random effect", "covariate": "covariate"}


class PagedFits(PlotCard):
    """The card: one page of individual fits, drawn anew when the state asks for another."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, NAME, "individual_grid", with_selection=True)
        self.head.children = [self.downloads]  # the bar has the choices
        self._state.observe(lambda _change: self.refresh(), "pager")

    @property
    def variant(self) -> str:
        """The scale, as the pager has it."""
        return "log" if self._state.pager.log else "linear"

    def python(self) -> str:
        """Return the line that draws the same page in a notebook."""
        now, usual = asdict(self._state.pager), {**asdict(Pager()), "per_page": 60}
        if self._state.individual != "ebe":
            now["individual"] = self._state.individual
        kept = self._seen().kept
        if len(kept) < len(self._state.dataset.subjects):
            now["subjects"] = [label for label in self._state.dataset.subjects if label in kept]
        words = "".join(
            f", {key}={value!r}" for key, value in now.items() if usual.get(key) != value
        )
        return f"wb.plots.individual_fits(fit{words})"

    def _task(self, palette: Palette, selected: Label | None) -> Task:
        state, pager = self._state, self._state.pager
        ordered = subject_pages(state)
        number = min(pager.page, len(ordered))
        shown = ordered.page(number)
        long = diagnostics.get("individual").table(
            state.fit,
            individual=state.individual,
            subjects=shown,
            band=BAND if pager.band else None,
        )
        options = {"variant": self.variant, "page": shown, "notes": ordered.notes}
        options["title"] = ordered.title(number)
        tables = {"individual": long}
        return Task(self.plot, tables, self._seen(), self._units(), palette, selected, options)


class Bar:
    """The controls above the figure; each is one call of the session."""

    def __init__(self, session: Session) -> None:
        self._session, self._state = session, session.state
        self._following = False
        self.back = styled(W.Button(description="‹", tooltip="Page before"), "wb-quiet", "wb-step")
        self.on = styled(W.Button(description="›", tooltip="Next page"), "wb-quiet", "wb-step")
        self.number = styled(W.BoundedIntText(min=1, max=1, value=1), "wb-page-number")
        self.number.tooltip = "Page"
        self.of = html("", "wb-page-of")
        self.per_page = W.Dropdown(options=PER_PAGE, value=12, tooltip="Subjects on a page")
        self.sort = W.Dropdown(options=[("ID", "ID")], value="ID", tooltip="Order of the subjects")
        self.order = styled(W.Button(description="↑"), "wb-quiet", "wb-step")
        self.band = Switch(words="90 % band", hint="Where 90 % of new observations would lie")
        self.log = Switch(words="log", hint="Logarithmic scale")
        self.jump = styled(W.Button(description="→"), "wb-quiet")
        paging = styled(W.HBox([self.back, self.number, self.of, self.on]), "wb-paging")
        self.widget = styled(
            W.HBox(
                [
                    paging,
                    styled(labelled("per page", self.per_page), "wb-per-page"),
                    labelled("sort by", styled(W.HBox([self.sort, self.order]), "wb-sort")),
                    self.band,
                    self.log,
                    self.jump,
                ]
            ),
            "wb-pager",
        )
        self._listen()
        self.follow()

    def _listen(self) -> None:
        session = self._session
        self.back.on_click(lambda _button: session.turn_page(-1))
        self.on.on_click(lambda _button: session.turn_page(1))
        self.order.on_click(
            lambda _button: session.set_pager(descending=not self._state.pager.descending)
        )
        self.jump.on_click(lambda _button: session.show_subject(self._state.selected))
        for control, name in (
            (self.number, "page"),
            (self.per_page, "per_page"),
            (self.sort, "sort_by"),
            (self.band, "band"),
            (self.log, "log"),
        ):
            control.observe(lambda change, name=name: self._change(name, change["new"]), "value")
        self._state.observe(self._new_fit, ["fit", "individual", "tab"])
        self._state.observe(self.follow, ["dataset", "pager", "selected", "lens"])

    def _change(self, name: str, value: object) -> None:
        if not self._following and value is not None:
            self._session.set_pager(**{name: value})

    def _new_fit(self, _change: object = None) -> None:
        """Offer what the subjects of this fit can be sorted by."""
        state = self._state
        if state.fit is None or state.tab != NAME:
            return
        known = subjects_table(state)
        heads = dict(zip(known["quantity"], known["kind"], strict=True))
        options = [(_worded(name, heads.get(name, "")), name) for name in sort_keys(known)]
        if tuple(options) != tuple(self.sort.options):
            self._following = True
            try:
                self.sort.options = options
            finally:
                self._following = False
        if state.pager.sort_by not in heads and state.pager.sort_by != "ID":
            self._session.set_pager(sort_by="ID")
        self.follow()

    def follow(self, _change: object = None) -> None:
        """Show the pager as the state has it."""
        state, pager = self._state, self._state.pager
        last = n_pages(state, pager.per_page)
        self._following = True
        try:
            self.number.max = last
            self.number.value = min(pager.page, last)
            self.of.value = f"<span>of {last}</span>"
            self.back.disabled, self.on.disabled = pager.page <= 1, pager.page >= last
            if pager.per_page not in self.per_page.options:
                self.per_page.options = sorted({*PER_PAGE, pager.per_page})
            self.per_page.value = pager.per_page
            if pager.sort_by in [value for _, value in self.sort.options]:
                self.sort.value = pager.sort_by
            self.order.description = "↓" if pager.descending else "↑"
            self.order.tooltip = "Largest first" if pager.descending else "Smallest first"
            self.band.value, self.log.value = pager.band, pager.log
            self._show_jump()
        finally:
            self._following = False

    def _show_jump(self) -> None:
        """Offer to go to the selected subject where it is on another page."""
        state = self._state
        away = False
        if state.fit is not None and state.selected is not None and state.tab == NAME:
            away = subject_pages(state).page_of(state.selected) != state.pager.page
        self.jump.description = f"→ ID {state.selected}" if away else "→"
        self.jump.tooltip = "Go to the page of the selected subject"
        self.jump.layout.display = "" if away else "none"


def _worded(quantity: str, kind: str) -> str:
    """Return an entry of the list: ``"cl (parameter)"``."""
    if not kind:
        return quantity
    name = SHOWN.get(quantity, quantity)
    if kind == "eta":
        name = f"η {quantity.removeprefix('eta_')}"
    return name if kind in ("fit", "eta") else f"{name} ({HEADS[kind]})"


def build(session: Session) -> PanelView:
    """Make the tab."""
    state = session.state
    fits, bar = PagedFits(session), Bar(session)
    empty = html("Fit the model to see each subject with its predictions.", "wb-empty")
    body = styled(W.VBox([bar.widget, fits.widget]), "wb-paged")
    stack = W.Stack([empty, body], selected_index=0)

    def follow(_change: object = None) -> None:
        stack.selected_index = 0 if state.fit is None else 1

    state.observe(follow, "fit")
    return PanelView(styled(stack, "wb-stack"), selectable=(fits.view,))


PANEL = Panel(NAME, "Individual fits", "tab", 20, build)
