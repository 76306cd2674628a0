"""Serving the dashboard by Voilà, set up in Python: one page, no files, no outside links."""

from workbench.serving.server import Serving, free_port, serve

__all__ = ["Serving", "free_port", "serve"]
