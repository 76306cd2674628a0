"""House rules for compiled code, read from the syntax tree: nothing is imported or compiled."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "workbench"
MAX_LINES = 80


def is_kernel(node):
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(name, ast.Name) and name.id == "kernel"
        for name in (getattr(decorator, "func", decorator) for decorator in node.decorator_list)
    )


def kernels():
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_kernel(node):
                yield pytest.param(
                    node, id=f"{path.relative_to(PACKAGE)}:{node.name}:{node.lineno}"
                )


def lines_of_code(node):
    """Count the lines of the body after the docstring."""
    first = node.body[1] if len(node.body) > 1 else node.body[0]
    return node.end_lineno - first.lineno + 1


def broken_rules(node):
    """Return what a kernel does that it must not, as sentences."""
    inside = list(ast.walk(node))
    calls = {ast.unparse(call.func) for call in inside if isinstance(call, ast.Call)}
    arguments = node.args.args
    rules = {
        "annotate every argument: it is the compiled signature": any(
            argument.annotation is None for argument in arguments
        ),
        "no defaults, *args or **kwargs: a kernel has one signature": bool(
            node.args.defaults or node.args.kwonlyargs or node.args.vararg or node.args.kwarg
        ),
        "annotate the return": node.returns is None,
        "say what it computes, with units and shapes": not ast.get_docstring(node),
        "return a Status instead of raising": any(
            isinstance(part, ast.Raise | ast.Try | ast.Assert) for part in inside
        ),
        "no print": "print" in calls,
        "use core.linalg: np.linalg raises and compiles slowly": any(
            call.startswith(("np.linalg", "numpy.linalg")) for call in calls
        ),
        "randomness comes in as an argument": any(
            call.startswith(("np.random", "numpy.random", "random.")) for call in calls
        ),
        "no global state": any(isinstance(part, ast.Global | ast.Nonlocal) for part in inside),
        f"at most {MAX_LINES} lines: split it": lines_of_code(node) > MAX_LINES,
        "outputs (Out...) come after the inputs": outputs_before_inputs(arguments),
    }
    return [sentence for sentence, broken in rules.items() if broken]


def outputs_before_inputs(arguments):
    names = [ast.unparse(a.annotation) if a.annotation else "" for a in arguments]
    written = [name.startswith("Out") for name in names]
    read = [name in {"Vec", "Mat", "Cube", "IntVec"} for name in names]
    return any(is_output and any(read[i + 1 :]) for i, is_output in enumerate(written))


@pytest.mark.parametrize("node", list(kernels()))
def test_kernel_keeps_the_rules(node):
    assert broken_rules(node) == []


def test_a_bad_kernel_is_caught():
    source = '''
@kernel
def bad(out: OutVec, x: Vec, k=1):
    """Say nothing."""
    print(np.linalg.inv(x))
    raise ValueError
'''
    (node,) = ast.parse(source).body
    broken = " ".join(broken_rules(node))
    for word in ("annotate every", "annotate the return", "defaults", "raising", "print"):
        assert word in broken
    assert "linalg" in broken
    assert "outputs" in broken


def test_kernels_are_decorated_in_one_way_only():
    for path in PACKAGE.rglob("*.py"):
        if path.name in {"jit.py", "abi.py"}:
            continue
        text = path.read_text(encoding="utf-8")
        for word in ("@njit", "@jit", "@numba", "@vectorize", "@guvectorize", "fastmath"):
            assert word not in text, f"{path.relative_to(PACKAGE)}: {word}; use @kernel"
