"""Units of parameters, derived from the units of the data."""

from __future__ import annotations

from collections.abc import Mapping


def volume(amount: str, concentration: str) -> str:
    """Return the unit of amount / concentration, e.g. mg and mg/L give L.

    Units that cannot be divided on sight are written as a fraction; without either unit the
    answer is empty.
    """
    if not amount or not concentration:
        return ""
    top, *amount_per = amount.split("/")
    bottom, *concentration_per = concentration.split("/")
    if top != bottom or not concentration_per:
        return f"{amount}/({concentration})"
    return "/".join(["·".join(concentration_per), *amount_per])


def fill(template: str, units: Mapping[str, str]) -> str:
    """Fill a unit template such as ``{VOLUME}/{TIME}``; empty when a unit is unknown."""
    known = {name: units.get(name, "") for name in ("TIME", "DV", "AMT")}
    known["VOLUME"] = volume(known["AMT"], known["DV"])
    if any("{" + name + "}" in template and not unit for name, unit in known.items()):
        return ""
    return template.format(**known)
