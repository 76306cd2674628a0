"""One evaluation and one drawing of every plot that nobody sees.

Compiled code is loaded, fonts are found and modules imported before the first click, which is
then as quick as the second. Under Voilà this happens in a kernel that still waits for its page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnostics import tables
from workbench.estimation import fit
from workbench.plots import LIGHT, plots
from workbench.widgets.picture import Picture

if TYPE_CHECKING:
    from workbench.data import Dataset
    from workbench.models.model import Model

SIZE = (400, 300, 1.0)


def rehearse(model: Model, dataset: Dataset, method: str) -> None:
    """Run one iteration of a fit and draw its plots once.

    Raises
    ------
    WorkbenchError
        The model cannot be fitted to these data.
    """
    result = fit(model, dataset, method=method, max_iter=1)
    for name in plots.names():
        plot = plots.get(name)
        found = tables(plot.diagnostics, result)
        Picture(
            lambda ax, palette, label, plot=plot, found=found: plot.draw(  # type: ignore[misc]
                ax, found, units=result.units, palette=palette, selected=label
            ),
            SIZE,
            margins=plot.margins,
            palette=LIGHT,
            label=None,
        ).png()
