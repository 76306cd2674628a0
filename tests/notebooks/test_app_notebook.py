"""The notebook behind the dashboard runs in a kernel and shows the page."""

from importlib.resources import files

import nbformat
import pytest
from nbclient import NotebookClient

FIT = """
import asyncio
page._ready.wait(300)
page.fit()
for _ in range(6000):
    await asyncio.sleep(0.05)
    if page.state.status not in ("warming", "running"):
        break
print(page.state.status, f"{page.state.fit.ofv:.2f}")
"""
LIVE = """
seen = []
page.state.observe(lambda change: seen.append(change.new), "status")
page.fit()
blocked = page.state.fit is None
await asyncio.sleep(5)
print(seen)
"""

pytestmark = [pytest.mark.notebook, pytest.mark.slow]


@pytest.fixture(scope="module")
def executed():
    notebook = nbformat.read(files("workbench") / "notebooks" / "app.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed with outputs"
    notebook.cells += [nbformat.v4.new_code_cell(FIT), nbformat.v4.new_code_cell(LIVE)]
    NotebookClient(notebook, timeout=400, kernel_name="python3").execute()
    return notebook


def printed(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_page_is_shown_as_a_widget(executed):
    shown = executed.cells[0].outputs
    assert any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in shown)


def test_a_fit_in_the_background_reaches_the_state_through_the_kernel_s_loop(executed):
    assert printed(executed.cells[-2]).strip() == "done 116.80"


def test_the_fit_goes_through_its_states_while_the_kernel_is_free(executed):
    assert printed(executed.cells[-1]).strip() == "['running', 'done']"
