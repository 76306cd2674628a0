"""The catalogue: data sets that come with the package, each with source, licence and citation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.data import Dataset, DatasetInfo, read_dataset
from workbench.errors import DataError
from workbench.registry import unknown_name


def datasets_folder() -> Path:
    """Return the folder of the data files: in the wheel, or at the top of a source checkout.

    Raises
    ------
    DataError
        Neither is there; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_datasets", package.parent / "datasets"):
        if (folder / "theophylline.json").is_file():
            return folder
    raise DataError(
        f"The data sets that belong to the package were not found beside {package}. "
        "Install the package again."
    )


def dataset_names() -> list[str]:
    """Return the names in the catalogue."""
    return sorted(path.stem for path in datasets_folder().glob("*.json"))


def load_dataset(name: str) -> Dataset:
    """Return a data set of the catalogue; its `info` holds source, licence and citation.

    Parameters
    ----------
    name : one of `list_datasets().index`

    Raises
    ------
    UnknownNameError
        The catalogue has no such name; the message names the nearest.
    """
    card = _card(name)
    fields = ("title", "description", "source", "licence", "citation", "provenance")
    info = DatasetInfo(
        name=name,
        units=card["units"],
        suggested_model=card["suggested_model"],
        **{field: card[field] for field in fields},
    )
    data = read_dataset(datasets_folder() / f"{name}.csv", units=card["units"], name=name)
    return replace(data, info=info, code=f"wb.load_dataset({name!r})")


def list_datasets() -> pd.DataFrame:
    """Return the catalogue, one row per data set, indexed by the name to load."""
    names = dataset_names()
    cards = [_card(name) for name in names]
    columns = ("title", "subjects", "observations", "description", "source", "licence")
    rows = [{column: card[column] for column in columns} for card in cards]
    return pd.DataFrame(rows, index=pd.Index(names, name="name"), columns=list(columns))


def _card(name: str) -> dict[str, Any]:
    """Return the description that lies beside a data file."""
    if name not in dataset_names():
        raise unknown_name("data set", name, dataset_names())
    text = (datasets_folder() / f"{name}.json").read_text(encoding="utf-8")
    card: dict[str, Any] = json.loads(text)
    return card
