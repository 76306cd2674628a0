"""Small pieces of HTML: everything that comes from data is escaped here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

import ipywidgets as W

NOTHING = "–"


def html(text: str = "", *classes: str) -> W.HTML:
    """Return an HTML widget with our classes."""
    widget = W.HTML(text)
    for name in ("wb-html", *classes):
        widget.add_class(name)
    return widget


def styled(widget: W.Widget, *classes: str) -> W.Widget:
    """Add classes to a widget and return it."""
    for name in classes:
        widget.add_class(name)
    return widget


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many significant digits, a true minus sign, no exponent if short."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 6:
        return f"{value:.{digits - 1}e}".replace("-", "−")
    return f"{value:.{max(0, digits - 1 - magnitude)}f}".replace("-", "−")


def fixed(value: float | None, decimals: int = 2) -> str:
    """Return a number with so many decimals; what rounds to zero has no sign."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:z.{decimals}f}".replace("-", "−")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str = "", words: int = 1
) -> str:
    """Return an HTML table.

    Parameters
    ----------
    head, rows : plain text, escaped here
    words : how many leading columns hold words (aligned left); the others hold numbers
    """

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=wb-word' if i < words else ''}>{escape(str(cell))}</{tag}>"
            for i, cell in enumerate(row)
        )

    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f"<table class='wb-table'>{title}<thead><tr>{cells(head, 'th')}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def chip(text: str, kind: str = "") -> str:
    """Return a small rounded label."""
    return f"<span class='wb-chip {escape(kind)}'>{escape(text)}</span>"
