"""Tables of p values, coloured by size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from workbench.widgets.markup import NOTHING

CLASSES = ((0.001, "wb-p001", "***"), (0.01, "wb-p01", "**"), (0.05, "wb-p05", "*"))
LEGEND = (
    "<p class='wb-note wb-p-legend'>p values: <span class='wb-p05'>below 0.05 *</span> "
    "<span class='wb-p01'>below 0.01 **</span> <span class='wb-p001'>below 0.001 ***</span>"
    ", not corrected for the number of tests; residuals of a subject are taken as independent, "
    "which NPD are not</p>"
)


@dataclass(frozen=True, slots=True)
class PValue:
    """A p value, with what a pointer over it tells.

    Attributes
    ----------
    p : NaN where there is none
    tip : the statistic, or why there is no p
    beside : a few characters before it, such as the correlation
    """

    p: float
    tip: str = ""
    beside: str = ""


def p_table(head: Sequence[str], rows: Iterable[Sequence[str | PValue]], *, caption: str) -> str:
    """Return an HTML table whose first column holds words; texts are escaped here."""
    heads = "".join(
        f"<th{' class=wb-word' if i == 0 else ''}>{escape(text)}</th>"
        for i, text in enumerate(head)
    )
    body = "".join(
        f"<tr>{''.join(_cell(cell, word=i == 0) for i, cell in enumerate(row))}</tr>"
        for row in rows
    )
    return (
        f"<div class='wb-scroll'><table class='wb-table wb-p-table'>"
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(cell: str | PValue, *, word: bool) -> str:
    if isinstance(cell, str):
        return f"<td{' class=wb-word' if word else ''}>{escape(cell)}</td>"
    name, stars = p_class(cell.p)
    beside = f"<small>{escape(cell.beside)}</small> " if cell.beside else ""
    tip = f" title='{escape(cell.tip, quote=True)}'" if cell.tip else ""
    classes = f" class='{name}'" if name else ""
    return f"<td{classes}{tip}>{beside}{p_words(cell.p)}{f' {stars}' if stars else ''}</td>"


def p_class(p: float) -> tuple[str, str]:
    """Return the class of a p value and its stars."""
    for limit, name, stars in CLASSES:
        if p < limit:
            return name, stars
    return "", ""


def p_words(p: float) -> str:
    """Return ``"0.031"``, or ``"&lt; 0.001"``."""
    if not math.isfinite(p):
        return NOTHING
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"
