"""The dashboard: composes session, panels and page; shows itself in a cell or under Voilà."""

from __future__ import annotations

from IPython.display import display

from workbench.data import Dataset
from workbench.widgets.page import Page
from workbench.widgets.session import Session

DEFAULT_DATASET = "theophylline"


class Workbench(Session):
    """The interactive page, and everything that can be done on it as methods.

    Parameters
    ----------
    data : what to open; Theophylline with its suggested model by default

    Examples
    --------
    >>> page = Workbench()  # doctest: +SKIP
    >>> page.set_error("combined2")  # doctest: +SKIP
    >>> page.fit()  # doctest: +SKIP
    """

    def __init__(self, data: Dataset | None = None) -> None:
        super().__init__()
        if data is None:
            self.load_dataset(DEFAULT_DATASET)
        else:
            self.set_dataset(data)
        self.page = Page(self)
        self.warm_up()

    def _ipython_display_(self) -> None:
        display(self.page.root)
