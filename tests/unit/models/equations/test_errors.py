"""Every complaint names its place, and says what to do."""

import pytest

from workbench.errors import EquationError, ModelError
from workbench.models.equations import parse

ODE = "d/dt(depot) = -ka*depot\n"

# text, line, column, words of the message
BAD = [
    # what does not belong to the language
    ("y = os.system", 1, 7, "no attributes"),
    ("y = a[0]", 1, 6, "no brackets"),
    ("y = 'abc'", 1, 5, "no quoted texts"),
    ('y = "abc"', 1, 5, "no quoted texts"),
    ("import os", 1, 1, "'import' is a reserved word"),
    ("y = lambda", 1, 5, "'lambda' is a reserved word"),
    ("y = None", 1, 5, "'None' is a reserved word"),
    ("y = __import__('os')", 1, 5, "begins with a letter"),
    ("y = _a", 1, 5, "begins with a letter"),
    ("_y = a", 1, 1, "begins with a letter"),
    ("y = λ", 1, 5, "U+03BB"),
    ("y = a − b", 1, 7, "Write '-' instead"),
    ("y = a ≤ b", 1, 7, "Write '<=' instead"),
    ("y = a\x00b", 1, 6, "control character 0x00"),
    ("y = @a", 1, 5, "no meaning here"),
    ("y = a %% b", 1, 7, "not differentiable"),
    ("y = a ? b : c", 1, 7, "ifelse(condition, a, b)"),
    ("y = a & b", 1, 7, "'&&'"),
    ("y ~ add(3)", 1, 3, "Residual error"),
    ("y := 3", 1, 3, "Definitions use '='"),
    ("y = " + "a" * 41, 1, 5, "at most 40 characters"),
    ("y = 1e999", 1, 5, "too large"),
    ("y = 2x", 1, 6, "write 2*x"),
    ("y = 1.2.3", 1, 8, "right after the number 1.2"),
    # expressions
    ("y = a*(b+c", 1, 11, "The text ends where ')' was expected. The '(' of line 1, column 7"),
    ("y = (a\n+ b\nz = 3", 3, 1, "The '(' of line 1, column 5 is still open"),
    ("y = a +", 1, 8, "a number, a name or '(' was expected"),
    ("y = a b", 1, 7, "To multiply, write a*b"),
    ("y = a (b)", 1, 5, "write a*(...)"),
    ("y = sin x", 1, 9, "sin(...)"),
    ("y = (a, b)", 1, 7, "Found ',' where ')'"),
    ("y = a < b < c", 1, 11, "Write a < b && b < c"),
    ("y = a = b", 1, 7, "compared with '=='"),
    ("y = if (a) 1 else 2", 1, 5, "ifelse(condition, a, b)"),
    ("y = )", 1, 5, "Found ')'"),
    ("y = ", 1, 5, "The text ends"),
    ("y =\nx = 3", 1, 4, "The line ends"),
    # functions
    ("y = expp(a)", 1, 5, "Did you mean 'exp'?"),
    ("y = EXP(a)", 1, 5, "Did you mean 'exp'?"),
    ("y = eval(a)", 1, 5, "no function 'eval'"),
    ("y = exec(a)", 1, 5, "no function 'exec'"),
    ("y = cl(a)", 1, 5, "To multiply, write cl*(...)"),
    ("y = floor(a)", 1, 5, "it has no derivative"),
    ("y = exp(a, b)", 1, 5, "takes 1 argument, not 2"),
    ("y = exp()", 1, 5, "takes 1 argument, not 0"),
    ("y = max(a)", 1, 5, "takes 2 to 20 arguments"),
    ("y = ifelse(a, b)", 1, 5, "takes 3 arguments"),
    ("y = x(0)", 1, 5, "can be set, not read"),
    ("y = d/dt(x)", 1, 7, "on the left of '=' only"),
    ("y = lag(x)", 1, 5, "set for a state on the left"),
    # statements
    ("= 3", 1, 1, "a name, d/dt(...) or 'if'"),
    ("y == 3", 1, 3, "'=' after the name"),
    ("y <- 3", 1, 3, "'=' instead of '<-'"),
    ("y = 3 }", 1, 7, "Found '}'"),
    ("d/dt x = 3", 1, 6, "'('"),
    ("d/dt(3) = 3", 1, 6, "the name of a state"),
    ("d/dt(x = 3", 1, 8, "')'"),
    ("lagg(depot) = 1", 1, 1, "Did you mean 'lag'?"),
    (ODE + "depot(1) = 1", 2, 7, "Only the value at the start"),
    ("if t < 5 { y = 1 }", 1, 4, "'(' after 'if'"),
    ("if (t < 5) y = 1", 1, 12, "'{' to begin the block"),
    ("if (t = 5) { y = 1 }", 1, 7, "compared with '=='"),
    ("if (t < 5) { y = 1", 1, 19, "'}' was expected. The '{' of line 1, column 12"),
    ("else { y = 1 }", 1, 1, "follows no 'if"),
    # what is set, and when
    (ODE + "d/dt(depot) = 1", 2, 6, "set twice, first in line 1"),
    ("x = 1\nx = 2", 2, 1, "'x' is set twice, first in line 1"),
    ("if (t < 5) { y = 1 } else { y = 2 }\ny = 3", 2, 1, "set twice"),
    ("t = 3", 1, 1, "is the time"),
    ("TIME = 3", 1, 1, "is the time"),
    ("d/dt(t) = 1", 1, 6, "is the time"),
    (ODE + "depot = 3", 2, 1, "is a state"),
    ("WT = 3", 1, 1, "column of the data"),
    ("d/dt(WT) = 3", 1, 6, "column of the data"),
    (ODE + "lag(depo) = 1", 2, 5, "Did you mean 'depot'?"),
    ("z(0) = 3", 1, 1, "no d/dt(z)"),
    ("init(z) = 3", 1, 6, "no d/dt(z)"),
    (ODE + "y = tad(depo)", 2, 5, "Did you mean 'depot'?"),
    (ODE + "d/dt(x) = podo", 2, 11, "podo(state)"),
    (ODE + "y = tad()", 2, 9, "the name of a state"),
    ("y = a; a = b; b = c; c = a", 1, 26, "a -> b -> c -> a"),
    ("y = a; b = c; c = b", 1, 19, "b -> c -> b"),  # also where it is not needed
    ("y = y + 1", 1, 5, "'y' is defined by itself"),
    (ODE + "depot(0) = depot", 2, 12, "the state 'depot'"),
    (ODE + "u = 3*depot\nw = u\nlag(depot) = w", 4, 14, "(through 'u') (through 'w')"),
    (ODE + "f(depot) = dose(depot)", 2, 12, "dose(depot) is not known"),
    ("if (t < 5) { y = 1 }", 1, 14, "in some branches only"),
    ("if (t < 5) { y = 1 } else { z = 1 }", 1, 14, "in some branches only"),
    ("if (a) { if (b) { y = 1 } } else { y = 3 }", 1, 19, "in some branches only"),
    ("if (a) { y = z; z = 1 } else { y = 2; z = 3 }", 1, 14, "no value yet"),
    ("if (a) { d/dt(y) = 1 }", 1, 15, "cannot be set inside an if block"),
    # size
    ("y = " + "(" * 60 + "a" + ")" * 60, 1, 55, "more than 50 deep"),
    ("y = " + "2^" * 60 + "2", 1, 106, "more than 50 deep"),
    ("if(a){" * 60, 1, 301, "more than 50 deep"),
    ("\n".join(f"d/dt(x{i}) = 1" for i in range(51)), 51, 6, "At most 50 states"),
    ("y = " + "+".join(f"p{i}" for i in range(101)), 1, 395, "At most 100 parameters"),
]


@pytest.mark.parametrize(("text", "line", "column", "words"), BAD, ids=[b[0][:40] for b in BAD])
def test_bad_text_is_refused_with_its_place(text, line, column, words):
    output = "depot" if "depot" in text else "y" if "y" in text else "x"
    with pytest.raises(EquationError) as caught:
        parse(text, [output], ["WT"])
    error = caught.value
    assert (error.line, error.column) == (line, column)
    assert isinstance(error, ModelError)
    sentence, shown, caret = str(error).split("\n")
    assert words in sentence
    assert sentence.startswith(f"Line {line}, column {column}: ")
    assert len(shown) < 100
    # the caret stands under the character that the text has there
    source = (text.split("\n")[line - 1] + " ")[column - 1]
    assert (shown + " ")[caret.index("^")] == (source if source.isprintable() else " ")


@pytest.mark.parametrize(
    ("text", "outputs", "covariates", "words"),
    [
        ("", ["y"], [], "defines nothing"),
        ("# only a comment", ["y"], [], "defines nothing"),
        ("y = 1", [], [], "at least one output"),
        ("cp = a", ["cpp"], [], "Did you mean 'cp'?"),
        ("y = a", ["a"], [], "not defined by the equations"),
        ("y = a", "y", [], "list of names"),
        ("y = a", ["y"], "WT", "list of names"),
        ("y = a", ["y", "y"], [], "given twice"),
        ("y = a", [3], [], "list of names"),
        (b"y = a", ["y"], [], "not bytes"),
        ("y = a" * 5000, ["y"], [], "at most 20,000"),
        ("y = a\n" * 501, ["y"], [], "at most 500"),
    ],
)
def test_errors_without_a_place(text, outputs, covariates, words):
    with pytest.raises(EquationError) as caught:
        parse(text, outputs, covariates)
    assert words in str(caught.value)
    assert caught.value.line is None
    assert caught.value.column is None


def test_the_message_as_a_whole():
    with pytest.raises(EquationError) as caught:
        parse("k = cl/v\ncp = expp(-k*t)   # typo", ["cp"])
    first, *rest = str(caught.value).split("\n")
    assert first.startswith("Line 2, column 6: There is no function 'expp'. Did you mean 'exp'?")
    assert rest == ["    cp = expp(-k*t)   # typo", "         ^"]
    assert (caught.value.found, caught.value.expected) == ("expp", "the name of a function")


def test_a_long_line_is_shown_around_the_place():
    with pytest.raises(EquationError) as caught:
        parse("y = " + "a + " * 100 + "$ + b" + " + a" * 100, ["y"])
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "$"
    assert shown.strip().startswith("... ")
    assert shown.strip().endswith(" ...")
