"""Panels: one file each, exporting PANEL. The rail holds the settings, the tabs the results."""

from workbench.registry import Registry
from workbench.widgets.panels._base import Panel, PanelView

panels: Registry[Panel] = Registry(__name__, "PANEL", Panel, "panel")

__all__ = ["Panel", "PanelView", "panels"]
