"""LaTeX (mathtext) typeset as SVG: offline, sharp, in the colour of the text around it."""

from __future__ import annotations

from functools import lru_cache
from html import escape

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SIZE = 15.0  # px
PADDING = 1.5  # px round the ink
# Code of a path segment: SVG's letter, and how many points it takes.
COMMANDS = {
    Path.MOVETO: ("M", 1),
    Path.LINETO: ("L", 1),
    Path.CURVE3: ("Q", 2),
    Path.CURVE4: ("C", 3),
    Path.CLOSEPOLY: ("Z", 0),
}


@lru_cache(maxsize=1024)
def svg(latex: str) -> str:
    """Return one formula as an SVG element that takes the current text colour.

    Raises
    ------
    ValueError
        mathtext cannot read `latex`.
    """
    path = TextPath((0, 0), f"${latex}$", size=SIZE, prop=FontProperties(math_fontfamily="cm"))
    # The points that steer the curves, not the curves: nearly the same, and much quicker.
    ink = np.asarray(path.vertices)[np.asarray(path.codes) != Path.CLOSEPOLY]
    (left, low), (right, high) = ink.min(axis=0), ink.max(axis=0)
    x, y = left - PADDING, -high - PADDING
    width, height = right - left + 2 * PADDING, high - low + 2 * PADDING
    return (
        f'<svg class="wb-formula" role="img" aria-label="{escape(latex)}" fill="currentColor" '
        f'width="{width:.1f}" height="{height:.1f}" '
        f'viewBox="{x:.2f} {y:.2f} {width:.2f} {height:.2f}"><path d="{_outline(path)}"/></svg>'
    )


def _outline(path: Path) -> str:
    """Return the path in SVG's words; y points down there."""
    points = [f"{x:.2f} {-y:.2f}" for x, y in np.asarray(path.vertices).tolist()]
    codes, words, k = np.asarray(path.codes).tolist(), [], 0
    while k < len(codes):
        letter, n = COMMANDS[codes[k]]
        words.append(letter + " ".join(points[k : k + n]))
        k += max(1, n)
    return "".join(words)
