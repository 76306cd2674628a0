"""Words for what stands for a subject: its mode, its mean, or draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workbench.plots._cells import pixels

TITLE_LETTER = 8.0  # CSS pixels of a letter in a title, at most

MANY_EACH = 4  # marks of one subject in a place from which they are drawn smaller

SUFFIXES = {"ebe": "", "mean": " (mean)", "draws": " (draws)"}
NAMES = {"ebe": "EBEs", "mean": "conditional means", "draws": "draws from p(η | y)"}


def kind_of(table: pd.DataFrame) -> str:
    """Return "ebe", "mean" or "draws"."""
    return str(table["individual"].iloc[0]) if len(table) else "ebe"


def beside(table: pd.DataFrame) -> str:
    """Return what an axis label says after the quantity: nothing of EBEs."""
    return SUFFIXES[kind_of(table)]


def named(table: pd.DataFrame) -> str:
    """Return what the values are, as part of a title."""
    return NAMES[kind_of(table)]


def titled(ax: Axes, what: str, table: pd.DataFrame) -> str:
    """Return ``"Random effects: EBEs"``, or as much of it as the axes are wide."""
    words = named(table)
    choices = (f"{what}: {words}", words[:1].upper() + words[1:])
    wide = pixels(ax)[0]
    return next((each for each in choices if TITLE_LETTER * len(each) <= wide), "")


def draw_words(table: pd.DataFrame) -> list[str]:
    """Return the beginning of each row's tip: ``"ID 5"``, or ``"ID 5 · draw 3"``."""
    labels = table["ID"].tolist()
    if kind_of(table) != "draws":
        return [f"ID {label}" for label in labels]
    draws = table["DRAW"].tolist()
    return [f"ID {label} · draw {draw}" for label, draw in zip(labels, draws, strict=True)]


def parameters_of(table: pd.DataFrame) -> list[str]:
    """Return the parameters of a long table, in order."""
    return [str(name) for name in dict.fromkeys(table["parameter"])]


def of_parameter(table: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return the rows of one parameter."""
    return table[np.asarray(table["parameter"] == parameter, dtype=bool)]
