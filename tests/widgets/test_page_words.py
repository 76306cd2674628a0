"""Messages of the library in the words of the page."""

import re
from pathlib import Path

import pytest

import workbench as wb
from tests import cases
from workbench.widgets.page_words import ON_THE_PAGE, on_the_page

ROOT = Path(wb.__file__).parent
BELOW = ("problem", "models", "data", "estimation", "workflows", "diagnostics")


@pytest.fixture(scope="module")
def said():
    """All strings of the package below the page, as they are said: without breaks of lines."""
    text = "\n".join(
        source.read_text() for folder in BELOW for source in (ROOT / folder).rglob("*.py")
    )
    return re.sub(r"""["']\n\s*f?["']""", "", text)


@pytest.mark.parametrize("python", ON_THE_PAGE)
def test_what_is_put_in_other_words_is_still_said(said, python):
    filled = {"rate=True": "{what}=True", "duration=True": "{what}=True"}
    for given, template in filled.items():
        python = python.replace(given, template)
    python = python.replace('"reset"', '"{RESET}"').replace('"dose"', '"{DOSE}"')
    assert python in said


def test_the_words_of_the_page_are_no_python():
    assert not any(re.search(r"wb\.|\w=|\(\.\.\.\)", words) for words in ON_THE_PAGE.values())


def test_the_call_that_names_a_covariate_is_put_in_other_words(said):
    assert on_the_page('leave them out with data.impute("complete_case", ["WT"]).') == (
        "leave them out on the Data tab."
    )
    assert """out with data.impute("complete_case", ["{column}"])""" in said


def test_the_foot_and_the_fields_speak_of_the_page(opened):
    opened.session.set_dataset(wb.read_dataset(cases.iv_frame(4)))
    opened.session.set_parameter("cl", iov=0.2)
    opened.session.set_occasion("PERIOD")
    opened.fit()
    assert opened.state.status == "failed"
    assert "Choose at “Occasions”" in opened.state.message.text
    assert "wb." not in opened.state.message.text
    assert on_the_page("Plain words.") == "Plain words."
