"""LaTeX (mathtext) typeset as SVG: offline, sharp, in the colour of the text around it."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

SIZE = 15.0  # px
PADDING = 1.5  # px round the ink
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


@lru_cache(maxsize=256)
def svg(latex: str) -> str:
    """Return one formula as an SVG element that takes the current text colour.

    Raises
    ------
    ValueError
        mathtext cannot read `latex`.
    """
    path = TextPath((0, 0), f"${latex}$", size=SIZE, prop=FontProperties(math_fontfamily="cm"))
    box = path.get_extents()
    x, y = box.x0 - PADDING, -box.y1 - PADDING
    width, height = box.width + 2 * PADDING, box.height + 2 * PADDING
    return (
        f'<svg class="wb-formula" role="img" aria-label="{escape(latex)}" fill="currentColor" '
        f'width="{width:.1f}" height="{height:.1f}" '
        f'viewBox="{x:.2f} {y:.2f} {width:.2f} {height:.2f}"><path d="{_outline(path)}"/></svg>'
    )


def _outline(path: Path) -> str:
    """Return the path in SVG's words; y points down there."""
    words = []
    for vertices, code in path.iter_segments(curves=True, simplify=False):
        if code == Path.CLOSEPOLY:
            words.append("Z")
            continue
        points = vertices.reshape(-1, 2)
        words.append(COMMANDS[code] + " ".join(f"{x:.2f} {-y:.2f}" for x, y in points))
    return "".join(words)
