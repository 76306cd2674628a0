"""The page: head, rail of settings, tabs of results; panels are found by their files."""

from __future__ import annotations

import ipywidgets as W

from workbench.widgets import headline
from workbench.widgets.linking import Selection
from workbench.widgets.markup import html, styled
from workbench.widgets.panels import Panel, PanelView, panels
from workbench.widgets.session import Session
from workbench.widgets.theme import PageTheme

BRAND = "<h1 class='wb-brand'>NLME <b>workbench</b></h1>"
THEME_WORDS = {"light": "Dark", "dark": "Light"}


class Page:
    """Builds every panel once and shows the tab that the state names."""

    def __init__(self, session: Session) -> None:
        self.session, self.state = session, session.state
        self.numbers = html()
        # Before the panels: the numbers are there while the pictures are still being drawn.
        self.state.observe(
            self._show_numbers, ["fit", "dataset", "model", "method", "options", "fitted_with"]
        )
        known = sorted((panels.get(name) for name in panels.names()), key=lambda p: p.order)
        self.views: dict[str, PanelView] = {panel.name: panel.build(session) for panel in known}
        self._tabs = [panel for panel in known if panel.place == "tab"]
        self.theme = PageTheme()
        self.stack = styled(W.Stack(self._widgets(known, "tab"), selected_index=0), "wb-stack")
        self.tabs = styled(
            W.ToggleButtons(
                options=[(panel.title, panel.name) for panel in self._tabs], value=self.state.tab
            ),
            "wb-tabs",
        )
        self.bar = styled(W.VBox(self._widgets(known, "bar")), "wb-view-bar")
        bar = styled(W.HBox([self.tabs, self.bar]), "wb-bar")
        main = styled(W.VBox([self.numbers, bar, self.stack]), "wb-main")
        rail = styled(W.VBox(self._widgets(known, "rail")), "wb-rail")
        foot = styled(W.VBox(self._widgets(known, "foot")), "wb-foot")
        side = styled(W.VBox([rail, foot]), "wb-side")
        self.root = styled(W.Box([self._head(), side, main]), "wb")
        selectable = [view for panel in self.views.values() for view in panel.selectable]
        self.selection = Selection(self.state, selectable)
        self._listen()

    def _widgets(self, known: list[Panel], place: str) -> list[W.Widget]:
        return [self.views[panel.name].widget for panel in known if panel.place == place]

    def _head(self) -> W.Widget:
        self.status = html()
        self.theme_button = styled(W.Button(tooltip="Change between light and dark"), "wb-quiet")
        self.theme_button.on_click(lambda _button: self._toggle_theme())
        space = styled(W.Box(), "wb-space")
        parts = [self.theme, html(BRAND), self.status, space, self.theme_button]
        return styled(W.HBox(parts), "wb-head")

    def _listen(self) -> None:
        state = self.state
        self.tabs.observe(lambda change: self.session.open_tab(change["new"]), "value")
        self.theme.observe(self._host_theme, "dark")
        state.observe(self._show_tab, "tab")
        state.observe(self._show_theme, "theme")
        state.observe(self._show_status, "status")
        self._show_tab()
        self._show_theme()
        self._show_status()
        self._show_numbers()

    def _toggle_theme(self) -> None:
        self.session.set_theme("light" if self.state.theme == "dark" else "dark")

    def _host_theme(self, change: dict[str, bool]) -> None:
        self.session.set_theme("dark" if change["new"] else "light")

    def _show_tab(self, _change: object = None) -> None:
        names = [panel.name for panel in self._tabs]
        self.stack.selected_index = names.index(self.state.tab)
        self.tabs.value = self.state.tab
        shown = self.views[self.state.tab]
        pictures = any(hasattr(view, "png") for view in shown.selectable)
        self.bar.layout.display = "" if pictures else "none"

    def _show_theme(self, _change: object = None) -> None:
        self.theme.dark = self.state.theme == "dark"
        self.theme_button.description = THEME_WORDS[self.state.theme]

    def _show_status(self, _change: object = None) -> None:
        self.status.value = headline.status_chip(self.state)

    def _show_numbers(self, _change: object = None) -> None:
        self.numbers.value = headline.numbers(self.state)
