"""The functions of the language, and the words that look like functions but are refused."""

from __future__ import annotations

MANY = 20  # arguments of min and max

# name → (fewest arguments, most arguments)
ARGUMENTS: dict[str, tuple[int, int]] = {
    "exp": (1, 1), "log": (1, 1), "ln": (1, 1), "log10": (1, 1), "log2": (1, 1),
    "log1p": (1, 1), "expm1": (1, 1), "sqrt": (1, 1), "abs": (1, 1),
    "sin": (1, 1), "cos": (1, 1), "tan": (1, 1), "asin": (1, 1), "acos": (1, 1), "atan": (1, 1),
    "sinh": (1, 1), "cosh": (1, 1), "tanh": (1, 1),
    "gamma": (1, 1), "lgamma": (1, 1), "phi": (1, 1),
    "pow": (2, 2), "min": (2, MANY), "max": (2, MANY), "ifelse": (3, 3),
}  # fmt: skip

ALIASES = {"ln": "log"}

# Functions of a state that need to know the doses.
LAST_DOSE = {"dose": "amount", "podo": "amount", "tad": "time"}

# Left sides: what may be set for a state.
DOSING = {"lag": "lag", "alag": "lag", "f": "f", "bio": "f", "rate": "rate", "dur": "dur"}
LEFT_SIDES = ("init", *DOSING)

_STEPS = "it jumps, so it has no derivative; use ifelse(condition, a, b)"
REFUSED = {
    **dict.fromkeys(("floor", "ceil", "round", "trunc", "int", "sign", "mod"), _STEPS),
    "dt": "d/dt(...) stands on the left of '=' only; repeat the expression, or give it a name",
    "init": "give the expression of an initial value a name, and use that",
    **dict.fromkeys(
        ("lag", "alag", "rate", "dur", "bio", "f"),
        "it is set for a state on the left of '='; it is not a function",
    ),
    "transit": "write the transit chain out; docs/equations.md has it",
}
