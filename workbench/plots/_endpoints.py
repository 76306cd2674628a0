"""Tables that tell several endpoints apart, taken apart for drawing."""

from __future__ import annotations

import pandas as pd


def endpoints_of(table: pd.DataFrame) -> list[str]:
    """Return the endpoints of a table in the order in which they appear; [""] where it has one."""
    if "ENDPOINT" not in table:
        return [""]
    found = [str(name) for name in table["ENDPOINT"].dropna().unique()]
    return found if len(found) > 1 else [""]


def of_endpoint(table: pd.DataFrame, endpoint: str) -> pd.DataFrame:
    """Return the rows of an endpoint; all rows for ""."""
    if not endpoint:
        return table
    return table[(table["ENDPOINT"].astype(str) == endpoint).to_numpy()]


def called(endpoint: str, text: str) -> str:
    """Return the text with the endpoint before it, where there are several."""
    return f"{endpoint}: {text}" if endpoint else text
