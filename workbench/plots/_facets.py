"""Any plot through a lens: filtered, split into parts side by side, its points coloured.

No plot needs to know. What is left out and what the parts have in common is done to the tables
before `Plot.draw`; colours are painted over the points that `Drawn.points` gives back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from workbench.plots._base import Drawn, Label, Margins, PartTables, Plot, no_points
from workbench.plots._cells import pixels
from workbench.plots._colours import Scale, paint
from workbench.plots._marks import Values, labelled, say
from workbench.plots._parts import Part, Sight, Tables
from workbench.plots.theme import Palette, dress

STRIP = 17  # CSS pixels below the picture for legend and notes
HEAD = 15  # CSS pixels above a part for its name
NARROWEST, LOWEST = 96, 56  # CSS pixels of an axes that can be read
EDGE = 8
BAR = (92, 8)  # width and height of the colour bar, CSS pixels
LETTER = 5.6  # CSS pixels that a letter takes, about
SIZE = 7.5


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in CSS pixels from the bottom left of the whole picture."""

    left: float
    bottom: float
    width: float
    height: float

    def within(self, margins: Margins) -> Box:
        """Return what the margins leave."""
        return Box(
            self.left + margins.left,
            self.bottom + margins.bottom,
            max(self.width - margins.left - margins.right, 1.0),
            max(self.height - margins.top - margins.bottom, 1.0),
        )


@dataclass(frozen=True, slots=True)
class Strip:
    """A part of the frame in which coordinates are CSS pixels from its bottom left.

    Attributes
    ----------
    ax : the frame's axes
    box : where in the whole picture
    margins, size : of the axes, in CSS pixels
    """

    ax: Axes
    box: Box
    margins: Margins
    size: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return a place in the coordinates of the axes."""
        return (
            (self.box.left + x - self.margins.left) / self.size[0],
            (self.box.bottom + y - self.margins.bottom) / self.size[1],
        )

    def write(self, x: float, text: str, color: str, *, ha: str = "left") -> None:
        """Write at half height."""
        px, py = self.at(x, self.box.height / 2)
        self.ax.text(px, py, text, ha=ha, va="center_baseline", fontsize=SIZE, color=color)

    def dot(self, x: float, color: str) -> None:
        """Draw a point at half height."""
        px, py = self.at(x, self.box.height / 2)
        (mark,) = self.ax.plot([px], [py], "o", markersize=4.6, color=color)
        mark.set(markeredgecolor="none", clip_on=False)

    def fill(self, color: str) -> None:
        """Fill the box."""
        (x, y), (right, top) = self.at(0, 0), self.at(self.box.width, self.box.height)
        patch = Rectangle((x, y), right - x, top - y, color=color, linewidth=0, clip_on=False)
        self.ax.add_patch(patch)

    def ramp(self, x: float, width: float, height: float, colors: Values) -> None:
        """Draw a colour bar at half height; colors: (n, 4)."""
        y = (self.box.height - height) / 2
        (left, low), (right, top) = self.at(x, y), self.at(x + width, y + height)
        bar = self.ax.imshow(
            colors[None, :, :],
            extent=(left, right, low, top),
            aspect="auto",
            interpolation="bilinear",
        )
        bar.set(clip_on=False)
        self.ax.set(xlim=(0, 1), ylim=(0, 1))


class Frame:
    """An axes as the ground on which others stand; it has the coordinates of the points."""

    def __init__(self, ax: Axes, margins: Margins, palette: Palette) -> None:
        dress(ax, palette, grid=None)
        ax.set_axis_off()
        ax.set(xlim=(0, 1), ylim=(0, 1))
        self.ax, self.margins = ax, margins
        self.wide, self.high = pixels(ax)
        self.whole = Box(
            0,
            0,
            self.wide + margins.left + margins.right,
            self.high + margins.top + margins.bottom,
        )

    def add(self, box: Box) -> Axes:
        """Return a new axes in a box."""
        return self.ax.inset_axes(
            (
                (box.left - self.margins.left) / self.wide,
                (box.bottom - self.margins.bottom) / self.high,
                box.width / self.wide,
                box.height / self.high,
            )
        )

    def strip(self, box: Box) -> Strip:
        """Return a box to write in; no axes of its own, which would take some ms to make."""
        return Strip(self.ax, box, self.margins, (self.wide, self.high))

    def here(self, ax: Axes, points: pd.DataFrame) -> pd.DataFrame:
        """Return points of another axes in the coordinates of this one."""
        if points.empty:
            return points
        way = ax.transData + self.ax.transData.inverted()
        xy = way.transform(points[["x", "y"]].to_numpy(float))
        return points.assign(x=xy[:, 0], y=xy[:, 1])


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be drawn, and with what."""

    plot: Plot
    tables: Tables
    sight: Sight
    units: Mapping[str, str]
    palette: Palette
    selected: Label | None
    options: Mapping[str, Any]

    @property
    def about_subjects(self) -> bool:
        """Whether any of the tables tells subjects apart."""
        return any("ID" in table for table in self.tables.values())

    def on(self, ax: Axes, tables: Tables) -> Drawn:
        """Draw the plot itself."""
        return self.plot.draw(
            ax,
            tables,
            units=self.units,
            palette=self.palette,
            selected=self.selected,
            **self.options,
        )


def draw_through(ax: Axes, task: Task, *, strip: bool = True) -> Drawn:
    """Draw a plot as its lens shows it; what comes back obeys the contract of `Plot.draw`.

    Parameters
    ----------
    ax : becomes the ground for the axes that are drawn on, with coordinates from 0 to 1
    strip : whether legend and notes are written below the picture
    """
    sight, plot = task.sight, task.plot
    if sight.lens.plain and not sight.notes:
        return task.on(ax, task.tables)
    frame = Frame(ax, plot.margins, task.palette)
    ground = frame.whole
    if strip:
        ground = replace(ground, bottom=STRIP, height=ground.height - STRIP)
    if not task.about_subjects:
        child = frame.add(ground.within(plot.margins))
        drawn = _converted(frame, child, task.on(child, task.tables))
        notes = ["of the whole fit: not filtered, split or coloured"]
    else:
        drawn, notes = _draw_parts(frame, ground, task)
    if strip:
        write_strip(frame.strip(Box(0, 0, ground.width, STRIP)), task, notes)
    return drawn


def _draw_parts(frame: Frame, ground: Box, task: Task) -> tuple[Drawn, list[str]]:
    """Draw every part, or the whole, and colour it; return what to say about it."""
    sight, plot = task.sight, task.plot
    notes = [*sight.notes]
    whole = sight.tables(task.tables)
    if not any(len(table) for table in whole.values() if "ID" in table):
        child = frame.add(ground.within(plot.margins))
        say(child, f"The filter leaves nothing to draw: {sight.say(task.tables)}.", task.palette)
        return Drawn(), notes
    if plot.one_subject:
        child = frame.add(ground.within(plot.margins))
        if sight.lens.colour_by or sight.lens.split_by:
            notes = ["one subject: not split or coloured"]
        return _converted(frame, child, task.on(child, whole)), notes
    parts: Sequence[Part | None] = sight.parts or (None,)
    boxes = _boxes(ground, plot, len(parts), heads=bool(sight.parts))
    found: list[tuple[Axes, Drawn]] = []
    for part, box in zip(parts, boxes, strict=True):
        if part is not None:
            _head(frame, box, part, task.palette)
        child = frame.add(box.within(_margins(plot, heads=part is not None)))
        mine = whole if part is None else PartTables(sight.tables(task.tables, part), whole)
        found.append((child, _draw_part(child, task, mine, part)))
    _share_limits(found)
    if sight.lens.colour_by and not _colour(found, task):
        notes.append("no points of subjects: not coloured")
    hits = [frame.here(child, drawn.points) for child, drawn in found]
    hits = [points for points in hits if len(points)]
    if len(found) == 1:
        return _converted(frame, *found[0]), notes
    return Drawn(pd.concat(hits, ignore_index=True) if hits else no_points()), notes


def _converted(frame: Frame, child: Axes, drawn: Drawn) -> Drawn:
    """Return what was drawn on an axes in the coordinates of the frame."""
    update = drawn.update
    if update is None:
        return Drawn(frame.here(child, drawn.points), drawn.dynamic)
    return Drawn(
        frame.here(child, drawn.points),
        drawn.dynamic,
        lambda label: frame.here(child, update(label)),
    )


def _draw_part(ax: Axes, task: Task, tables: Tables, part: Part | None) -> Drawn:
    """Draw one part. That it cannot be drawn is no reason to lose the others."""
    if part is None:
        return task.on(ax, tables)
    if not any(len(table) for table in tables.values() if "ID" in table):
        say(ax, "The filter leaves nothing here.", task.palette)
        return Drawn()
    try:
        return task.on(ax, tables)
    except Exception as error:  # noqa: BLE001  whatever a plot makes of few subjects
        ax.clear()
        say(ax, f"{part.name} could not be drawn. {type(error).__name__}: {error}", task.palette)
        return Drawn()


def _margins(plot: Plot, *, heads: bool) -> Margins:
    """Return the room round the axes of a part."""
    return replace(plot.margins, top=plot.margins.top + HEAD) if heads else plot.margins


def _boxes(ground: Box, plot: Plot, n: int, *, heads: bool) -> list[Box]:
    """Return where n parts stand, row by row: in a shape that suits the plot."""
    margins = _margins(plot, heads=heads)
    best, least = (1, n), np.inf
    for columns in range(1, n + 1):
        rows = -(-n // columns)
        wide = ground.width / columns - margins.left - margins.right
        high = ground.height / rows - margins.top - margins.bottom
        narrowest = NARROWEST * max(plot.shape / 1.3, 1.0)  # wide plots are of several panels
        crowded = max(narrowest / max(wide, 1), LOWEST / max(high, 1), 1.0)
        odd = abs(np.log(max(wide, 1) / max(high, 1) / plot.shape))
        cost = odd + 4 * np.log(crowded) + 0.25 * (rows * columns - n)
        if cost < least:
            best, least = (rows, columns), cost
    rows, columns = best
    width, height = ground.width / columns, ground.height / rows
    return [
        Box(
            ground.left + (i % columns) * width,
            ground.bottom + ground.height - (i // columns + 1) * height,
            width,
            height,
        )
        for i in range(n)
    ]


def _head(frame: Frame, box: Box, part: Part, palette: Palette) -> None:
    """Write a part's name, and how many subjects it has, on a band above it."""
    band = frame.strip(Box(box.left + 4, box.bottom + box.height - HEAD, box.width - 8, HEAD))
    band.fill(palette.grid)
    n = len(part.subjects)
    count = f"  ({n} subject{'s' if n > 1 else ''})"
    fits = len(part.name) + len(count) <= (band.box.width - 8) / LETTER
    text = part.name + (count if fits else f"  ({n})")
    band.write(band.box.width / 2, text, palette.ink, ha="center")


def _share_limits(found: Sequence[tuple[Axes, Drawn]]) -> None:
    """Give parts with axes of their own the same limits, so that they can be compared."""
    drawn = [ax for ax, _ in found if ax.axison]
    kinds = {(ax.get_xscale(), ax.get_yscale()) for ax in drawn}
    if len(drawn) < 2 or len(kinds) > 1:
        return
    x = np.array([ax.get_xlim() for ax in drawn])
    y = np.array([ax.get_ylim() for ax in drawn])
    if (np.diff(x) < 0).any() or (np.diff(y) < 0).any():
        return
    for ax in drawn:
        ax.set(xlim=(x[:, 0].min(), x[:, 1].max()), ylim=(y[:, 0].min(), y[:, 1].max()))


def _colour(found: Sequence[tuple[Axes, Drawn]], task: Task) -> bool:
    """Colour the points of all parts; return whether there were any."""
    scale = Scale(task.sight.known[task.sight.lens.colour_by], task.palette)
    n = sum(len(drawn.points) for _, drawn in found)
    size = float(np.clip(4.8 - 0.5 * np.log10(max(n, 100) / 100), 2.3, 4.8))
    seen = False
    for ax, drawn in found:
        mine = drawn.points[drawn.points["ID"].notna().to_numpy()]
        if mine.empty:
            continue
        seen = True
        x, y = mine["x"].to_numpy(float), mine["y"].to_numpy(float)
        limits = ax.get_xlim(), ax.get_ylim()
        paint(ax, x, y, mine["ID"].to_numpy(object), scale, size)
        for lines, whose in drawn.paths:
            lines.set_color(scale.rgba(np.array([*whose, None], dtype=object)[:-1]))
        ax.set(xlim=limits[0], ylim=limits[1])
    return seen


def write_strip(strip: Strip, task: Task, notes: Sequence[str]) -> None:
    """Write the legend at the left and the notes at the right."""
    sight, palette = task.sight, task.palette
    width, about = strip.box.width, task.about_subjects
    text = " · ".join(filter(None, [sight.say(task.tables) if about else "", *notes]))
    coloured = sight.lens.colour_by and about and not task.plot.one_subject
    coloured = coloured and not any("not coloured" in note for note in notes)
    scale = Scale(sight.known[sight.lens.colour_by], palette) if coloured else None
    room = width - 2 * EDGE - (_legend_width(scale) if scale else 0)
    short = text.replace(" subjects", "")
    text = next((t for t in (text, short) if LETTER * len(t) <= room), _cut(short, room))
    if scale is not None:
        taken = LETTER * len(text) + EDGE if text else 0
        _legend(strip, scale, width - EDGE - taken)
    if text:
        strip.write(width - EDGE, text, palette.muted, ha="right")


def _cut(text: str, room: float) -> str:
    """Return as much of a text as there is room for, at least a word of it."""
    return f"{text[: max(int(room / LETTER) - 1, 9)]}…"


def _legend_width(scale: Scale) -> float:
    """Return the CSS pixels that a legend needs, at least."""
    title = LETTER * len(labelled(scale.variable.name, scale.variable.unit)) + 9
    if scale.variable.categorical:
        names = [name for name, _ in scale.key()]
        return title + min(sum(LETTER * len(name) + 21 for name in names), 120)
    return title + BAR[0] + 10 + LETTER * sum(len(word) for word in _ends(scale))


def _ends(scale: Scale) -> tuple[str, ...]:
    """Return the least and the greatest value as words."""
    return tuple(f"{value:.3g}".replace("-", "\N{MINUS SIGN}") for value in scale.limits)


def _legend(strip: Strip, scale: Scale, end: float) -> None:
    """Explain the colours; levels for which there is no room before `end` become dots."""
    variable, palette = scale.variable, scale.palette
    title = labelled(variable.name, variable.unit)
    strip.write(EDGE, title, palette.muted)
    x = EDGE + LETTER * len(title) + 9
    if not variable.categorical:
        low, high = _ends(scale)
        wide = max(min(BAR[0], end - x - LETTER * (len(low) + len(high)) - 10), 12)
        strip.write(x, low, palette.ink)
        x += LETTER * len(low) + 5
        strip.ramp(x, wide, BAR[1], scale.ramp(64))
        x += wide + 5
        strip.write(x, high, palette.ink)
        x += LETTER * len(high) + 12
    for name, color in scale.key():
        if x + 9 + LETTER * len(name) > end:
            strip.write(x, "…", palette.muted)
            return
        strip.dot(x + 3, color)
        strip.write(x + 9, name, palette.ink)
        x += LETTER * len(name) + 21
