"""The compartment diagram as SVG within the page: it takes the colours of the text around it."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html import escape

from matplotlib import rc_context

from workbench.models.structural import StructuralModel
from workbench.plots import LIGHT, compartment_diagram
from workbench.widgets.picture import DPI, alone

# Colours that stand for tokens of the style sheet until the picture is drawn.
TOKENS = {
    "#010101": "currentColor",
    "#020202": "var(--wb-muted)",
    "#030303": "var(--wb-field-line)",
    "#040404": "var(--wb-accent)",
    "#050505": "var(--wb-card)",
}
INK, MUTED, AXIS, ACCENT, CARD = TOKENS
PALETTE = replace(
    LIGHT, name="page", ink=INK, muted=MUTED, axis=AXIS, point=ACCENT, background=CARD
)
HEAD = re.compile(r"^.*?<svg [^>]*>", re.DOTALL)
UNWANTED = re.compile(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", re.DOTALL)
PAGE = re.compile(r'<g id="patch_1">.*?</g>', re.DOTALL)  # the sheet below the picture


def svg(structure: StructuralModel) -> str:
    """Return the diagram of a structural model as an SVG element."""
    buffer = io.StringIO()
    with alone(PALETTE), rc_context({"svg.fonttype": "path"}):
        figure = compartment_diagram(structure, theme=PALETTE)
        figure.canvas.print_figure(buffer, format="svg")  # type: ignore[union-attr]
    width, height = (side * DPI for side in figure.get_size_inches())  # type: ignore[union-attr]
    text = PAGE.sub("", UNWANTED.sub("", HEAD.sub("", buffer.getvalue())), count=1)
    text = re.sub(r' id="(figure|axes|patch|text|line2d)_\d+"', "", text)
    for color, token in TOKENS.items():
        text = text.replace(color, token)
    alt = escape(f"Compartments of the model: {structure.title}", quote=True)
    return (
        f'<svg class="wb-compartments" role="img" aria-label="{alt}" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {0.72 * width:.2f} {0.72 * height:.2f}" '
        f'stroke-linejoin="round" stroke-linecap="butt">{text}'
    )
