"""Texts made to break out, to hang or to fill the memory: a clean error, or a quick answer."""

import contextlib
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import special
from workbench.errors import EquationError
from workbench.models.equations import compile_system, parse
from workbench.models.equations.lowering import lower
from workbench.models.equations.source import write

SECONDS = 3.0  # each takes well under one on an idle machine

CODE = [
    "__import__('os').system('true')", "().__class__.__bases__[0]", "eval('1')", "exec('1')",
    "open('f')", "lambda: 0", "[x for x in ()]", "{1: 2}", "f'{y}'", "globals()", "y.__dict__",
    "print(1)", "getattr(y, 'a')", "import os", "a if b else c", "a := 3", "yield", "await a",
    "__builtins__", "`ls`", "$(ls)", "\\n", "y; import os", "1; 2", "a\n  b", "%s", "{0}",
]  # fmt: skip


@pytest.mark.parametrize("text", CODE)
def test_code_is_refused(text):
    with pytest.raises(EquationError):
        parse(f"y = {text}", ["y"])


def states(n, terms):
    return "\n".join(
        f"d/dt(x{i}) = " + "+".join(f"k{j}*x{(i * 7 + j * 3) % n}*x{j}/(1+x{j})" for j in terms)
        for i in range(n)
    )


LARGE = {
    "one megabyte": "y = a + " * 130_000,
    "lines": "\n" * 600,
    "long sum": "y = " + "+".join(["a"] * 9000),
    "long product": "y = " + "*".join(["a"] * 9000),
    "long quotient": "y = " + "/".join(["a"] * 9000),
    "long comparison": "y = " + "&&".join(["a<b"] * 3000),
    "many parameters": "y = " + "+".join(f"p{i}" for i in range(3000)),
    "product of all": "y = " + "*".join(f"p{i}" for i in range(100)),
    "all with all": "y = exp(" + "+".join(f"p{i}*p{i + 1}" for i in range(99)) + ")",
    "chain": "a0 = k\n" + "\n".join(f"a{i + 1} = a{i}*a{i}" for i in range(450)) + "\ny = a450",
    "chain of functions": "a0 = k*m\n"
    + "\n".join(f"a{i + 1} = exp(a{i}/q)*a{i}^m" for i in range(450))
    + "\ny = a450",
    "states": states(50, range(12)) + "\ny = x0",
    "dense states": "\n".join(
        f"d/dt(x{i}) = exp(-(" + "+".join(f"x{(j + i) % 50}" for j in range(50)) + "))"
        for i in range(50)
    )
    + "\ny = x0",
    "else if": "if (t<0) {y=0}" + "".join(f" else if (t<{i}) {{y=a*{i}}}" for i in range(700)),
    "names in branches": "if (a<"
    + "+".join(["b"] * 4000)
    + ") {"
    + ";".join(f"n{i}=1" for i in range(800))
    + "} else {"
    + ";".join(f"n{i}=2" for i in range(800))
    + "}; y=n1",
    "nested blocks": "y=0;" + "if(a){y=y+b;" * 49 + "y=y+1" + "}" * 49,
    "nested ifelse": "y = " + "ifelse(a<1," * 49 + "b" + ",c)" * 49,
    "nested max": "y = " + "max(" * 49 + "a,b" + ",c)" * 49,
    "parentheses": "y = " + "(" * 19_000,
    "closing": "y = " + ")" * 19_000,
    "blocks": "if(a){" * 3000,
    "tower of numbers": "y = " + "9^" * 45 + "9",
    "tower of names": "y = " + "a^" * 45 + "b",
    "huge power": "y = 2**(10**9) + 9^9^9^9 + 10^-10^10^10",
    "huge gamma": "y = gamma(10^300) + lgamma(10^300)",
    "minus": "y = " + "-" * 19_000 + "a",
    "not": "y = " + "!" * 19_000 + "a",
    "powers": "y = " + "+".join(f"(a+{i})^(b+{i})" for i in range(1000)),
    "sigmoids": "y = " + "*".join(f"a^g/(b^g+a^g+{i})" for i in range(600)),
    "gammas": "y = " + "+".join(f"lgamma(a*{i}+b)" for i in range(900)),
    "alike names": "\n".join(f"abcdef{i} = abcdfe{i % 90}" for i in range(490))
    + "\ny = "
    + "+".join(f"abcdef{i}" for i in range(490)),
    "long name": "y = " + "a" * 19_000,
    "long number": "y = " + "1" * 19_000,
    "comment": "#" + "x" * 19_000 + "\ny = a",
    "error at the end": "y = " + "a+" * 9000 + "$",
    "semicolons": ";" * 19_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_text_is_answered_quickly(name):
    """Everything up to the compiler; how much it is given is bounded, and tested below."""
    start = time.process_time()
    with contextlib.suppress(EquationError):
        system = parse(LARGE[name], ["y"])
        system.latex()
        lowered = lower(system)
        write("output", lowered.graph, lowered.output, len(system.z))
        write("rhs", lowered.graph, lowered.rhs, len(system.z))
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize("name", ["states", "dense states", "powers", "gammas", "all with all"])
def test_what_would_take_minutes_to_compile_is_refused(name):
    start = time.process_time()
    with pytest.raises(EquationError, match="operations; at most 6,000 are compiled"):
        compile_system(parse(LARGE[name], ["y"]))
    assert time.process_time() - start < SECONDS


def test_a_megabyte_is_refused_before_it_is_looked_at():
    text = LARGE["one megabyte"]
    start = time.process_time()
    with pytest.raises(EquationError):
        parse(text, ["y"])
    assert time.process_time() - start < 0.05


def test_the_deepest_text_needs_little_of_the_stack():
    """A page calls from a stack that is some 100 calls deep already."""
    text = "y = 1; if (t < 1) {y = " + "a||b&&c<1+2*-exp(" * 49 + "a" + ")" * 49 + "}"

    def deeper(n):
        if n:
            return deeper(n - 1)
        system = parse(text, ["y"])
        system.latex()
        return lower(system)

    deeper(200)


def test_nothing_typed_gets_into_the_source():
    text = """
    d/dt(secret_state) = -secret_rate*secret_state   # secret_comment
    secret_definition = secret_state/secret_volume*secret_column
    lag(secret_state) = secret_lag
    """
    compiled = compile_system(parse(text, ["secret_definition"], ["secret_column"]))
    assert "secret" not in compiled.source
    allowed = {
        "Generated", "from", "the", "equations", "of", "a", "model", "do", "not", "edit", "import",
        "numpy", "as", "np", "workbench", "core", "special", "jit", "OutMat", "OutVec", "Vec",
        "kernel", "def", "rhs", "output", "dosing", "order", "int", "t", "float", "z", "value",
        "jacobian", "hessian", "Value", "x", "packed", "if", "return", "for", "i", "j", "in",
        "range", "float64", "and", *special.__all__,
    }  # fmt: skip
    words = set(re.findall(r"[A-Za-z_]\w*", compiled.source))
    assert {word for word in words if not re.fullmatch(r"a\d+", word)} <= allowed


PIECES = [
    "a", "x", "y", "t", "d/dt(x)", "x(0)", "lag(x)", "tad(x)", "=", "==", "+", "-", "*", "/", "^",
    "**", "(", ")", "{", "}", ",", ";", "\n", "if", "else", "<", "&&", "!", "exp(", "max(",
    "ifelse(", "0", "1.5", "2e3", "#", "//", "$", "é", "_", ".", "y = ", "if (a) {", "} else {",
]  # fmt: skip


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_is_read_or_refused(pieces):
    text = " ".join(pieces)
    for candidate in (text, "y = " + text):
        try:
            system = parse(candidate, ["y"])
        except EquationError:
            continue
        assert parse(**system.to_dict()) == system
        system.latex()
        lower(system)
