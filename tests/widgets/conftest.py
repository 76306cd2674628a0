"""A page without a browser: the traits are driven as the browser would drive them."""

import pytest

from workbench.widgets.page import Page
from workbench.widgets.session import Session


class OpenPage:
    """A session with its page, opened on Theophylline, and shortcuts into it."""

    def __init__(self):
        self.session = Session()
        self.state = self.session.state
        self.session.load_dataset("theophylline")
        self.page = Page(self.session)
        self.views = [view for panel in self.page.views.values() for view in panel.selectable]
        self.figures = [view for view in self.views if hasattr(view, "png")]

    def lay_out(self, size=(420, 320, 1)):
        """Give every figure a size, as the browser does once it shows them."""
        for figure in self.figures:
            figure.size = list(size)

    def fit(self):
        """Fit, and wait for it (without an event loop reports are delivered at once)."""
        self.session.fit()
        self.session.runner.join(60)
        return self.state.fit


@pytest.fixture
def opened():
    return OpenPage()


@pytest.fixture
def fitted(opened):
    opened.lay_out()
    opened.fit()
    assert opened.state.status == "done", opened.state.message
    return opened
