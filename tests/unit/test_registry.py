"""What an unknown name is told."""

import pytest

from workbench.errors import UnknownNameError
from workbench.estimation import estimators
from workbench.models.structural import structures
from workbench.registry import unknown_name


@pytest.mark.parametrize(
    ("name", "nearest"), [("focie", "foce"), ("FOCEI", "focei"), ("fo ", "fo"), ("Foce", "foce")]
)
def test_the_nearest_name_is_suggested_in_any_case(name, nearest):
    with pytest.raises(UnknownNameError, match=f"named '{name}'.*Did you mean '{nearest}'.*fo, "):
        estimators.get(name)


@pytest.mark.parametrize("name", ["xyz2000", "", 3, None])
def test_what_resembles_nothing_gets_the_list_only(name):
    with pytest.raises(UnknownNameError, match="Known: agq, fo, foce, focei") as caught:
        estimators.get(name)
    assert "Did you mean" not in str(caught.value)


def test_the_suggestion_is_spelt_as_it_must_be_typed():
    assert "Did you mean 'TIME'" in str(unknown_name("column", "tiem", ["ID", "TIME"]))


def test_the_sentence_is_shown_as_it_is():
    """A KeyError would show it in quotes."""
    assert str(unknown_name("column", "x", ["ID"])) == "No column is named 'x'. Known: ID."


def test_names_are_files_and_private_files_are_not_among_them():
    assert "pk_1cmt_oral" in structures.names()
    assert structures.get("pk_1cmt_oral").name == "pk_1cmt_oral"
    with pytest.raises(UnknownNameError):
        structures.get("_base")
    structures.names().clear()
    assert structures.names()
