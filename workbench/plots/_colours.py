"""A colour for every subject by one of their variables, and the legend that explains it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, to_rgba

from workbench.plots._marks import Values
from workbench.plots._variables import MISSING, Variable, level_word
from workbench.plots.theme import Palette

OTHERS = "other"
COLOURED = "coloured"  # gid of the points


@lru_cache(maxsize=4)
def _ramp(palette: Palette) -> Colormap:
    """Return the sequential colours that stand out on a theme's background."""
    name, first, last = palette.sequential
    return ListedColormap(matplotlib.colormaps[name](np.linspace(first, last, 128)))


@dataclass(frozen=True, slots=True)
class Scale:
    """Which colour stands for which value of a variable, in all views alike.

    It is made from all subjects, so colours stay where they are when a filter takes some away.
    """

    variable: Variable
    palette: Palette

    def groups(self) -> list[tuple[str, str, Values]]:
        """Return name, colour and subjects of each level (of a categorical variable)."""
        values, colors = self.variable.values, self.palette.categories
        levels = self.variable.levels
        shown = self._largest()
        found = [
            (level_word(level), colors[i], (values == level).to_numpy())
            for i, level in enumerate(shown)
        ]
        rest = values.isin([level for level in levels if level not in shown]).to_numpy()
        lost = values.isna().to_numpy()
        for name, mine in ((OTHERS, rest), (MISSING, lost)):
            if mine.any():
                found.append((name, self.palette.muted, mine))
        subjects = values.index.to_numpy()
        return [(name, color, subjects[mine]) for name, color, mine in found]

    def _largest(self) -> list[object]:
        """Return the levels that have a colour of their own, in order."""
        levels, most = self.variable.levels, len(self.palette.categories)
        if len(levels) <= most:
            return list(levels)
        counts = self.variable.values.value_counts()
        kept = set(sorted(levels, key=lambda level: -int(counts.get(level, 0)))[:most])
        return [level for level in levels if level in kept]

    @property
    def limits(self) -> tuple[float, float]:
        """Least and greatest value of a continuous variable."""
        numbers = self.variable.values.to_numpy(float)
        seen = numbers[np.isfinite(numbers)]
        return (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)

    def rgba(self, labels: Values) -> Values:
        """Return the colours of these subjects, (n, 4)."""
        if self.variable.categorical:
            color = {
                label: to_rgba(color) for _, color, mine in self.groups() for label in mine.tolist()
            }
            other = to_rgba(self.palette.muted)
            return np.array([color.get(label, other) for label in labels]).reshape(-1, 4)
        numbers = np.asarray(self.variable.of(labels), float)
        low, high = self.limits
        share = (numbers - low) / (high - low) if high > low else np.full(len(numbers), 0.5)
        lost = ~np.isfinite(share)
        colors = _ramp(self.palette)(np.where(lost, 0.0, np.clip(share, 0, 1)))
        colors[lost] = to_rgba(self.palette.muted)
        return np.asarray(colors)

    def ramp(self, n: int) -> Values:
        """Return the colours between the limits, (n, 4)."""
        return np.asarray(_ramp(self.palette)(np.linspace(0, 1, n)))

    def key(self) -> list[tuple[str, str]]:
        """Return name and colour of all that has one colour: levels, and what is missing."""
        if self.variable.categorical:
            return [(name, color) for name, color, _ in self.groups()]
        return [(MISSING, self.palette.muted)] if self.variable.values.isna().any() else []


def paint(ax: Axes, x: Values, y: Values, labels: Values, scale: Scale, size: float) -> None:
    """Draw coloured points over the plain ones, below the trend and the selected subject."""
    n = len(x)
    many = n > 1500
    alpha = 0.85 if not many else 0.7
    if not scale.variable.categorical:
        cloud = ax.scatter(
            x, y, s=size**2, c=scale.rgba(labels), linewidths=0, alpha=alpha, zorder=3.9
        )
        cloud.set(rasterized=many, gid=COLOURED)
        return
    groups = scale.groups()
    codes = {label: i for i, (_, _, mine) in enumerate(groups) for label in mine.tolist()}
    which = np.array([codes.get(label, -1) for label in labels])
    counts = np.bincount(which[which >= 0], minlength=len(groups))
    for i in np.argsort(-counts, kind="stable"):  # the rarest lie on top
        color, mine = groups[i][1], which == i
        if mine.any():
            (dots,) = ax.plot(x[mine], y[mine], "o", markersize=size, color=color, alpha=alpha)
            dots.set(markeredgecolor="none", zorder=3.9, rasterized=many, gid=COLOURED)
