"""Where the other tools' numbers are: absent on most machines, required on CI."""

import json
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "references"


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.reference)


@pytest.fixture(scope="session")
def references():
    """Folder of the reference data; a skip without it, a failure where CI says it must be."""
    if not (FOLDER / "open.json").is_file():
        if os.environ.get("CI"):
            pytest.fail(f"CI is set, but there are no reference results in {FOLDER}.")
        pytest.skip(f"The reference results are not on this machine ({FOLDER}).")
    return FOLDER


@pytest.fixture(scope="session")
def records(references):
    """The records of open.json by id."""
    text = (references / "open.json").read_text(encoding="utf-8")
    return {record["id"]: record for record in json.loads(text)["records"]}
