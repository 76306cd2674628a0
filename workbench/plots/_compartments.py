"""The diagram of a structural model: compartments, what flows between them, doses and effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from workbench.models.structural import StructuralModel
from workbench.plots._cells import pixels
from workbench.plots._figures import Picture
from workbench.plots._flows import Dose, Flow, Reading, read
from workbench.plots._places import Cell, places
from workbench.plots.theme import Palette, palette_of, rc

# Sizes in CSS pixels (1/100 inch).
WIDTH = 320
BOX_HEIGHT = 34
ROW_GAP = 42
STUB = 25  # length of an arrow from or to outside
ABOVE, BELOW, SIDE = 44, 32, 6
WIDEST, NARROWEST_GAP = 78, 30
APART = 4.5  # half the distance of two arrows between the same boxes
POINTS = 0.72  # in one CSS pixel
NAME_SIZE, TAG_SIZE, LABEL_SIZE = 8.2, 8.6, 9.2

Point = tuple[float, float]


def compartment_diagram(
    structure: StructuralModel, ax: Axes | None = None, *, theme: str | Palette = "light"
) -> Figure | Axes:
    """Draw the compartments of a structural model and what flows between them.

    Solid arrows carry something, dashed ones act on a rate or an output. The label is the
    parameter. Coloured names below a compartment are the outputs observed there.

    Parameters
    ----------
    structure : of `wb.pk`, `wb.structure` or `wb.equations`
    ax : axes to draw on instead of a new figure; it is returned
    theme : "light", "dark" or a Palette
    """
    palette = palette_of(theme)
    reading = read(structure)
    with rc_context(rc(palette)):
        plan = _Plan(reading)
        target = ax
        if target is None:
            figure = Picture(WIDTH, plan.height, palette)
            target = figure.add_axes((0, 0, 1, 1))
        _Drawing(target, plan, palette, reading).draw()
        return ax if ax is not None else figure


@dataclass(frozen=True, slots=True)
class _Box:
    x: float  # centre
    y: float
    width: float

    def edge(self, towards: Point) -> Point:
        """Return where the line from the centre towards a point leaves the box."""
        dx, dy = towards[0] - self.x, towards[1] - self.y
        scale = min(
            self.width / 2 / abs(dx) if dx else math.inf,
            BOX_HEIGHT / 2 / abs(dy) if dy else math.inf,
        )
        return self.x + scale * dx, self.y + scale * dy


class _Plan:
    """Where everything stands, in CSS pixels, y down."""

    def __init__(self, reading: Reading) -> None:
        cells = places(reading)
        columns = 1 + max((column for column, _ in cells.values()), default=0)
        rows = 1 + max((row for _, row in cells.values()), default=0)
        pitch = min((WIDTH - 2 * SIDE) / columns, 118)
        width = min(WIDEST, pitch - NARROWEST_GAP)
        left = (WIDTH - pitch * columns) / 2
        top = ABOVE if self._stubs_above(reading, cells) else 8
        self.cells = cells
        self.boxes = {
            name: _Box(
                left + pitch * (column + 0.5),
                top + BOX_HEIGHT / 2 + row * (BOX_HEIGHT + ROW_GAP),
                width,
            )
            for name, (column, row) in cells.items()
        }
        leaving = {flow.source for flow in reading.flows if not flow.target}
        ends = any(cells[name][1] == rows - 1 for name in leaving)
        bottom = BELOW if ends else 8
        self.caption = top + rows * BOX_HEIGHT + (rows - 1) * ROW_GAP + bottom
        self.height = self.caption + (20 if reading.others and cells else 0)

    @staticmethod
    def _stubs_above(reading: Reading, cells: dict[str, Cell]) -> bool:
        entering = {f.target for f in reading.flows if not f.source}
        entering |= {dose.state for dose in reading.doses}
        return any(cells[name][1] == 0 for name in entering)


class _Drawing:
    def __init__(self, ax: Axes, plan: _Plan, palette: Palette, reading: Reading) -> None:
        self.ax, self.plan, self.palette, self.reading = ax, plan, palette, reading
        ax.set_axis_off()
        ax.set(xlim=(0, WIDTH), ylim=(plan.height, 0), aspect="equal")
        wide, high = pixels(ax)
        self.scale = min(wide / WIDTH, high / plan.height)
        self.taken: list[Bbox] = []
        self.sides: dict[str, set[str]] = {name: set() for name in plan.boxes}

    def draw(self) -> None:
        for name in self.plan.boxes:
            self.box(name)
        if not self.plan.boxes:
            self.curve()
            return
        lines = list(_pairs(self.reading.flows))
        for pair in lines:
            self.note_sides(pair[0])
        jobs = [job for pair in lines for job in self.connect(pair)]
        for name in self.plan.boxes:
            jobs += self.outside(name)
        for words, spots, color in jobs:  # labels last: they know of all lines' ends and boxes
            self.label(words, spots, color)
        if self.reading.others:
            words = f"also predicted: {', '.join(self.reading.others)}"
            self.write(
                WIDTH / 2, self.plan.caption + 10, words, size=TAG_SIZE, color=self.palette.muted
            )

    # Boxes

    def box(self, name: str) -> None:
        place, palette = self.plan.boxes[name], self.palette
        response = name in self.reading.responses
        tags = (name,) if response else self.reading.observed.get(name, ())
        patch = FancyBboxPatch(
            (place.x - place.width / 2, place.y - BOX_HEIGHT / 2),
            place.width,
            BOX_HEIGHT,
            boxstyle=f"round,pad=0,rounding_size={BOX_HEIGHT / 2 if response else 6}",
            facecolor=palette.background,
            edgecolor=palette.point if tags else palette.axis,
            linewidth=1.2 * self.scale,
            clip_on=False,
        )
        self.ax.add_patch(patch)
        self.taken.append(self.area(place))
        if response:
            self.write(place.x, place.y, name, size=NAME_SIZE, fit=place, color=palette.point)
            return
        tags = tuple(tag for tag in tags if tag != name)
        self.write(
            place.x, place.y - (6 if tags else 0), _words(name), size=NAME_SIZE, fit=place,
            color=palette.ink if tags or name not in self.reading.observed else palette.point,
        )  # fmt: skip
        if tags:
            self.write(
                place.x, place.y + 8, ", ".join(tags), size=TAG_SIZE, fit=place, color=palette.point
            )

    def curve(self) -> None:
        """Draw what has no states: outputs that are functions of time."""
        names = ", ".join(self.reading.others)
        place = _Box(WIDTH / 2, 8 + BOX_HEIGHT / 2, 150)
        patch = FancyBboxPatch(
            (place.x - place.width / 2, place.y - BOX_HEIGHT / 2), place.width, BOX_HEIGHT,
            boxstyle=f"round,pad=0,rounding_size={BOX_HEIGHT / 2}",
            facecolor=self.palette.background, edgecolor=self.palette.point,
            linewidth=1.2 * self.scale, clip_on=False,
        )  # fmt: skip
        self.ax.add_patch(patch)
        self.write(place.x, place.y, f"time → {names}", size=NAME_SIZE, fit=place)

    def area(self, place: _Box) -> Bbox:
        corners = [
            (place.x - place.width / 2, place.y - BOX_HEIGHT / 2),
            (place.x + place.width / 2, place.y + BOX_HEIGHT / 2),
        ]
        return Bbox(self.ax.transData.transform(corners)).frozen()

    # Arrows between boxes

    def note_sides(self, flow: Flow) -> None:
        """Note which sides of its boxes an arrow takes."""
        a, b = self.plan.cells[flow.source], self.plan.cells[flow.target]
        across, down = b[0] - a[0], b[1] - a[1]
        if down == 0:
            names = ("right", "left") if across > 0 else ("left", "right")
        elif across == 0:
            names = ("bottom", "top") if down > 0 else ("top", "bottom")
        else:
            names = ("corner", "corner")
        self.sides[flow.source].add(names[0])
        self.sides[flow.target].add(names[1])

    def connect(self, pair: Sequence[Flow]) -> Iterable[tuple[str, list[_Spot], str]]:
        """Draw one arrow, or two side by side, and return their labels."""
        both = len(pair) > 1
        labels = [flow.label for flow in pair]
        shared = both and (labels[1].startswith(labels[0]) or labels[0].startswith(labels[1]))
        if shared:  # one label, above the two or right of them
            ahead = [self._goes_ahead(flow) for flow in pair]
            labels = [min(labels, key=len) if first else "" for first in ahead]
        for flow, label in zip(pair, labels, strict=True):
            a, b = self.plan.boxes[flow.source], self.plan.boxes[flow.target]
            start, end = a.edge((b.x, b.y)), b.edge((a.x, a.y))
            dx, dy = end[0] - start[0], end[1] - start[1]
            long = math.hypot(dx, dy) or 1.0
            aside = APART if both else 0.0
            nx, ny = dy / long * aside, -dx / long * aside
            start, end = (start[0] + nx, start[1] + ny), (end[0] + nx, end[1] + ny)
            self.arrow(start, end, acts=flow.acts)
            if label:
                yield label, _along(start, end, both), self.colour(flow)

    def _goes_ahead(self, flow: Flow) -> bool:
        """Whether an arrow runs to the right, or straight up."""
        a, b = self.plan.cells[flow.source], self.plan.cells[flow.target]
        return (b[0], -b[1]) > (a[0], -a[1])

    def arrow(self, start: Point, end: Point, *, acts: bool = False, heavy: bool = False) -> None:
        palette = self.palette
        color = palette.muted if acts else palette.ink
        self.bar(start, end)
        self.ax.add_patch(
            FancyArrowPatch(
                start, end, arrowstyle="-|>", mutation_scale=9 * self.scale, shrinkA=0, shrinkB=1,
                linestyle=(0, (3.2, 2.2)) if acts else "-", color=color, clip_on=False,
                linewidth=(2.2 if heavy else 1.1) * self.scale,
            )
        )  # fmt: skip

    def bar(self, start: Point, end: Point) -> None:
        """Keep labels off a line."""
        n = max(2, round(math.hypot(end[0] - start[0], end[1] - start[1]) / 5))
        for k in range(n + 1):
            x, y = (a + k / n * (b - a) for a, b in zip(start, end, strict=True))
            corners = self.ax.transData.transform([(x - 1.5, y + 1.5), (x + 1.5, y - 1.5)])
            self.taken.append(Bbox(corners).frozen())

    # Arrows from and to outside

    def outside(self, name: str) -> Iterable[tuple[str, list[_Spot], str]]:
        place, sides = self.plan.boxes[name], self.sides[name]
        doses = [dose for dose in self.reading.doses if dose.state == name]
        entering = [f for f in self.reading.flows if not f.source and f.target == name]
        for k, dose in enumerate(doses):
            shift = self.port(place, k, len(doses), crowded="top" in sides)
            yield self.dose(dose, place, shift)
        crowded = bool(doses) or "top" in sides or self.is_below_an_exit(name)
        for flow in entering:
            start, end = self.way_in(name, crowded=crowded)
            crowded = True
            self.arrow(start, end)
            upright = start[0] == end[0]
            spots = _beside(start, end) if upright else _along(start, end)
            yield flow.label, spots, self.palette.ink
        for flow in self.reading.flows:
            if flow.source == name and not flow.target:
                bottom = place.y + BOX_HEIGHT / 2
                shift = -0.28 * place.width if "bottom" in sides else 0
                start, end = (place.x + shift, bottom), (place.x + shift, bottom + STUB)
                self.arrow(start, end)
                spots = _beside(start, end, left=shift < 0)
                spots.append(_Spot((end[0], end[1] + 2), "center", "top"))
                yield flow.label, spots, self.palette.ink

    def is_below_an_exit(self, name: str) -> bool:
        """Whether something leaves the box above towards this one."""
        column, row = self.plan.cells[name]
        leaving = (f.source for f in self.reading.flows if not f.target)
        return any(self.plan.cells[source] == (column, row - 1) for source in leaving)

    def way_in(self, name: str, *, crowded: bool) -> tuple[Point, Point]:
        """Return an arrow from outside: from above, or from a side that is free."""
        place, sides = self.plan.boxes[name], self.sides[name]
        column, row = self.plan.cells[name]
        taken = self.plan.cells.values()
        top, half = place.y - BOX_HEIGHT / 2, place.width / 2
        if not crowded:
            return (place.x, top - STUB), (place.x, top)
        for side, sign in (("left", -1), ("right", 1)):
            edge = place.x + sign * half
            room = edge if sign < 0 else WIDTH - edge
            beside_a_box = (column + sign, row) in taken  # which the arrow would seem to leave
            if side not in sides and room > STUB - 8 and not beside_a_box:
                sides.add(side)
                length = min(STUB, room - 2)
                return (edge + sign * length, place.y), (edge, place.y)
        x = place.x + 0.34 * place.width
        return (x, top - STUB), (x, top)

    @staticmethod
    def port(place: _Box, k: int, n: int, *, crowded: bool) -> float:
        """Return how far from the middle the k-th of n arrows enters at the top."""
        ports = {1: [0.0], 2: [-0.3, 0.3]}.get(n, [-0.36, 0.0, 0.36])
        if crowded:
            ports = [-0.34, 0.34, 0.2]
        return place.width * ports[min(k, len(ports) - 1)]

    def dose(self, dose: Dose, place: _Box, shift: float) -> tuple[str, list[_Spot], str]:
        top, x = place.y - BOX_HEIGHT / 2, place.x + shift
        start, end = (x, top - STUB - 4), (x, top)
        if dose.transit:
            start = (x, top - STUB - 13)
        self.arrow((x, start[1] + 19) if dose.transit else start, end, heavy=True)
        if dose.zero_order or dose.transit:
            self.bar((x - 8, start[1]), (x + 8, start[1]))
        if dose.zero_order:  # a bar over the arrow: a rate that is switched on and off
            self.ax.plot(
                [x - 7, x + 7], [start[1]] * 2, color=self.palette.ink, clip_on=False,
                linewidth=2.2 * self.scale, solid_capstyle="butt",
            )  # fmt: skip
        if dose.transit:
            self.ax.plot(
                [x] * 3, [start[1] + d for d in (3, 9.5, 16)], "o", ms=4.2 * self.scale,
                mfc=self.palette.background, mec=self.palette.ink, mew=self.scale, clip_on=False,
            )  # fmt: skip
        marks = r",\, ".join(dose.marks)
        name = r"\mathsf{dose}" if dose is self.reading.doses[0] else ""
        words = rf"{name}\;\; {marks}" if name and marks else name or marks
        return words, _beside(start, end, high=True), self.palette.ink

    # Words

    def colour(self, flow: Flow) -> str:
        return self.palette.muted if flow.acts else self.palette.ink

    def label(self, latex: str, spots: Sequence[_Spot], color: str) -> None:
        """Write a label where it covers nothing; leave it out if there is no such spot."""
        if not latex:
            return
        text = self.ax.text(
            0, 0, f"${latex}$", fontsize=LABEL_SIZE * POINTS * 1.25 * self.scale, color=color,
            math_fontfamily="cm", clip_on=False,
        )  # fmt: skip
        (left, low), (right, high) = self.ax.transData.transform(
            [(0, self.plan.height), (WIDTH, 0)]
        )
        frame = Bbox.from_extents(left, low - 1, right, high + 1)
        for spot in spots:
            text.set(position=spot.at, ha=spot.ha, va=spot.va)
            box = text.get_window_extent()
            inside = frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)
            if inside and not any(box.overlaps(other) for other in self.taken):
                self.taken.append(box)
                return
        text.remove()

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float,
        color: str = "",
        fit: _Box | None = None,
    ) -> Text:
        """Write words in a box, smaller and then cut where they would not fit."""
        text = self.ax.text(
            x, y, words, ha="center", va="center", fontsize=size * self.scale,
            color=color or self.palette.ink, clip_on=False, parse_math=False,
        )  # fmt: skip
        room = 0.0 if fit is None else self.area(fit).width - 6 * self.scale
        points = size * self.scale
        while room and text.get_window_extent().width > room and points > 6.4 * self.scale:
            points -= 0.4 * self.scale
            text.set_fontsize(points)
        while room and len(words) > 2 and text.get_window_extent().width > room:
            words = words[:-1]
            text.set_text(f"{words}…")
        return text


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a label may stand."""

    at: Point
    ha: str
    va: str


def _along(start: Point, end: Point, fellow: bool = False) -> list[_Spot]:
    """Return spots beside an arrow: above or right of it, then on the other side.

    An arrow beside its `fellow` has its label on its own side.
    """
    (x0, y0), (x1, y1) = start, end
    flat = abs(x1 - x0) >= 2.5 * abs(y1 - y0)
    upright = abs(y1 - y0) >= 2.5 * abs(x1 - x0)
    spots = []
    for share in (0.5, 0.36, 0.64, 0.25, 0.75):
        x, y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        if flat:
            order = [(0.0, -4.0, "center", "bottom"), (0.0, 4.0, "center", "top")]
            if fellow and x1 < x0:
                order.reverse()
        elif upright:
            order = [(5.0, 0.0, "left", "center"), (-5.0, 0.0, "right", "center")]
            if fellow and y1 < y0:
                order.reverse()
        else:
            rising = (x1 - x0) * (y1 - y0) < 0
            order = [
                (4.0, -2.0, "left", "bottom") if not rising else (-4.0, -2.0, "right", "bottom"),
                (-4.0, 2.0, "right", "top") if not rising else (4.0, 2.0, "left", "top"),
            ]
            if fellow and x1 < x0:
                order.reverse()
        spots += [_Spot((x + dx, y + dy), ha, va) for dx, dy, ha, va in order]
    return spots


def _beside(start: Point, end: Point, *, left: bool = False, high: bool = False) -> list[_Spot]:
    """Return spots right and left of an upright arrow (`left` first if so)."""
    spots: list[_Spot] = []
    for share in (0.3, 0.5, 0.1) if high else (0.55, 0.35, 0.75):
        y = start[1] + share * (end[1] - start[1])
        sides = [
            _Spot((start[0] + 7, y), "left", "center"),
            _Spot((start[0] - 7, y), "right", "center"),
        ]
        spots += reversed(sides) if left else sides
    return spots


def _pairs(flows: Sequence[Flow]) -> Iterable[tuple[Flow, ...]]:
    """Return the arrows between boxes, two that run to and fro together."""
    inner = [flow for flow in flows if flow.source and flow.target]
    done: set[int] = set()
    for k, flow in enumerate(inner):
        if k in done:
            continue
        back = next(
            (
                j
                for j, other in enumerate(inner)
                if j > k
                and j not in done
                and {other.source, other.target} == {flow.source, flow.target}
            ),
            None,
        )
        if back is None:
            yield (flow,)
        else:
            done.add(back)
            yield (flow, inner[back])


def _words(name: str) -> str:
    return name.replace("_", " ")
