"""What every panel file exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import ipywidgets as W

from workbench.widgets.markup import html, styled
from workbench.widgets.session import Session


@dataclass(frozen=True, slots=True)
class PanelView:
    """One panel as it stands on a page.

    Attributes
    ----------
    widget : what the page shows
    draw : brings it up to date; called when it is on view and what it shows has changed. None
        when the panel follows the state by itself
    selectable : views in it that take part in the selection
    """

    widget: W.Widget
    draw: Callable[[], object] | None = None
    selectable: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: it shows the state and changes it through the session's public calls.

    Attributes
    ----------
    name : registry key; equals the file name
    title : the heading of its section, or the name of its tab
    place : the rail at the left, its foot (always in view), a tab at the right, or the bar beside
        the tabs' names
    order : position in its place
    build : makes the panel for one page
    """

    name: str
    title: str
    place: Literal["rail", "foot", "tab", "bar"]
    order: int
    build: Callable[[Session], PanelView]


def section(title: str, *children: W.Widget) -> W.Widget:
    """Return children under a heading of the rail."""
    heading = html(f"<h2 class='wb-heading'>{title}</h2>")
    return styled(W.VBox([heading, *children]), "wb-section")


def labelled(label: str, control: W.Widget) -> W.Widget:
    """Return a control with its name before it."""
    return styled(W.HBox([html(f"<span>{label}</span>", "wb-label"), control]), "wb-labelled")
