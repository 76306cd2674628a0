"""The reference page: its examples are read and compiled, its lists are complete."""

import re
from pathlib import Path

import numpy as np
import pytest

from workbench.models.equations import compile_system, functions, grammar, meaning, parse, tokens

PAGE = (Path(__file__).parents[4] / "docs" / "equations.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```equations\n(.*?)```", PAGE, flags=re.DOTALL)


def listed(example, word):
    match = re.search(rf"^# {word}: (.*)$", example, flags=re.MULTILINE)
    return match.group(1).split(", ") if match else []


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"example {i}" for i in range(len(EXAMPLES))])
def test_examples_compile_and_give_numbers(example):
    system = parse(example, listed(example, "outputs"), listed(example, "covariates"))
    assert system.warnings == ()
    assert system.covariates == tuple(listed(example, "covariates"))
    compiled = compile_system(system)
    z = np.linspace(0.5, 1.5, len(system.z))
    for function in (compiled.rhs, compiled.output, compiled.initial, compiled.dosing):
        for part in function.evaluate(3.0, z):
            assert np.isfinite(part).all()


def test_every_function_is_listed():
    for name in (*functions.ARGUMENTS, *functions.LAST_DOSE, *functions.LEFT_SIDES):
        assert re.search(rf"`{name}\b", PAGE), name


def test_limits_are_those_of_the_code():
    for number, words in [
        (tokens.MAX_CHARACTERS, "characters"),
        (tokens.MAX_LINES, "lines"),
        (grammar.MAX_DEPTH, "levels of nesting"),
        (meaning.MAX_STATES, "states"),
        (meaning.MAX_PARAMETERS, "parameters"),
        (meaning.MAX_OUTPUTS, "outputs"),
    ]:
        assert f"{number:,} {words}" in PAGE
    assert f"up to {tokens.MAX_NAME} characters" in PAGE
