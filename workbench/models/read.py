"""The structure that a model card names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import ModelError
from workbench.models.pk import from_options
from workbench.models.structural import StructuralModel, structures
from workbench.models.structural._equations import from_card


def read_structure(card: Any) -> StructuralModel:
    """Return the structure that a model card names.

    Parameters
    ----------
    card : the name of a library model, ``{"pk": options}`` or ``{"equations": {"text": …}}``

    Raises
    ------
    ModelError, UnknownNameError
        There is no such structure.
    """
    if isinstance(card, str):
        return structures.get(card)
    if isinstance(card, Mapping) and len(card) == 1:
        (kind, content), *_ = card.items()
        if kind == "pk" and isinstance(content, Mapping):
            return from_options(content)
        if kind == "equations" and isinstance(content, Mapping):
            return from_card(content)
    raise ModelError(
        'The "structure" of a model card is the name of a structural model, {"pk": {options}} or '
        f'{{"equations": {{"text": …, "outputs": […]}}}}, not {card!r}.'
    )
