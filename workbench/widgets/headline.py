"""The bar of headline numbers above the tabs, and the chips of the page's head."""

from __future__ import annotations

from html import escape
from typing import Any

from workbench.widgets.markup import fixed
from workbench.widgets.page_words import on_the_page
from workbench.widgets.state import WorkbenchState

STATUS_WORDS = {
    "idle": "ready",
    "warming": "warming up",
    "running": "fitting",
    "cancelling": "cancelling",
    "done": "fitted",
    "cancelled": "cancelled",
    "failed": "failed",
}


def status_chip(state: WorkbenchState) -> str:
    """Return what the page is doing."""
    words = STATUS_WORDS[state.status]
    if state.status == "done" and state.fit is None:  # a search, say
        words = "done"
    return (
        f"<span class='wb-chip wb-status {state.status}' data-status='{state.status}'>"
        f"<i></i>{words}</span>"
    )


def numbers(state: WorkbenchState) -> str:
    """Return the headline numbers of the fit, or what to do to get some."""
    fit = state.fit
    if fit is None:
        dataset = state.dataset
        if dataset is None:
            return ""
        cells = [
            _cell("Subjects", str(dataset.n_sub)),
            _cell("Observations", str(dataset.n_obs)),
            _cell("Fit", "none yet", "press Fit"),
        ]
        return f"<div class='wb-numbers'>{''.join(cells)}</div>"
    cells = [
        _cell("OFV", fixed(fit.ofv, 2), data=("ofv", fit.ofv)),
        _cell("−2LL", fixed(fit.m2ll, 2), fit.obtained, data=("m2ll", fit.m2ll)),
        _cell("AIC", fixed(fit.aic, 1), data=("aic", fit.aic)),
        _cell("BIC", fixed(fit.bic, 1), data=("bic", fit.bic)),
        _cell("Method", method_words(fit.method), _time(fit)),
        _cell("Verdict", fit.verdict, kind=fit.verdict, hint=on_the_page(" ".join(fit.reasons))),
    ]
    stale = "The settings have changed since this fit." if state.stale else ""
    note = f"<div class='wb-stale' role='note'>{stale}</div>" if stale else ""
    return f"<div class='wb-numbers'>{''.join(cells)}{note}</div>"


def method_words(method: str) -> str:
    """Return a method, or a chain of methods, as a person reads it."""
    return " → ".join(name.replace("_", "-").upper() for name in method.split("+"))


def _time(fit: Any) -> str:
    return f"{1e3 * fit.seconds:.0f} ms" if fit.seconds < 1 else f"{fit.seconds:.1f} s"


def _cell(
    name: str,
    value: str,
    small: str = "",
    *,
    kind: str = "",
    hint: str = "",
    data: tuple[str, float] | None = None,
) -> str:
    attribute = f" data-{data[0]}='{data[1]:.6f}'" if data is not None else ""
    return (
        f"<div class='wb-number-cell {escape(kind)}' title='{escape(hint)}'{attribute}>"
        f"<span>{escape(name)}</span><b>{escape(value)}</b><em>{escape(small)}</em></div>"
    )
