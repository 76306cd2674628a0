"""Rules for files as a whole: names, lengths, what must never be in the repository."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "workbench").rglob("*.py"))
MAX_LINES = 400  # of code, docstrings not counted; a longer file says "# Long because ..."


def tracked_files():
    """Return the files of the project that git knows, or all that are not hidden."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def lines_of_code(source):
    """Count lines that are neither blank, comment nor docstring."""
    tree = ast.parse(source)
    prose = set()
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            prose.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return sum(
        bool(line.strip()) and not line.strip().startswith("#")
        for number, line in enumerate(source.splitlines(), 1)
        if number not in prose
    )


def imported_modules(path):
    """Return the dotted names that a file imports, `from a import b` as a and a.b."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def test_lines_of_code_leaves_out_docstrings_comments_and_blanks():
    assert lines_of_code('"""One\ntwo."""\n\n# three\nx = 1\n') == 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
class TestSourceFile:
    def test_is_named_after_a_concept(self, path):
        assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "tools"}

    def test_is_short(self, path):
        source = path.read_text(encoding="utf-8")
        length = lines_of_code(source)
        assert length <= MAX_LINES or "# Long because " in source, (
            f"{length} lines of code: split the file, or say why in a comment '# Long because ...'"
        )

    def test_says_what_it_is_for(self, path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not tree.body or ast.get_docstring(tree), "the first line says what the file holds"

    def test_holds_no_unfinished_work(self, path):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)


PLUGIN_FOLDERS = {
    "models.structural": (),
    "models.residual": (),
    "models.distributions": (),
    "estimation": (),
    "diagnostics": (),
    "plots": ("theme",),  # shared by all plots
    "widgets.panels": (),
}


@pytest.mark.parametrize("folder", PLUGIN_FOLDERS)
def test_plugins_of_one_folder_do_not_know_each_other(folder):
    """They may share the folder's private files (`_base.py`), which know no plugin either."""
    package = f"workbench.{folder}"
    place = ROOT / package.replace(".", "/")
    public = {path.stem for path in place.glob("*.py") if not path.stem.startswith("_")}
    assert public, f"{package} holds no plugin"
    plugins = {f"{package}.{name}" for name in public - set(PLUGIN_FOLDERS[folder])}
    for path in place.glob("*.py"):
        if path.stem != "__init__":
            known = plugins & set(imported_modules(path)) - {f"{package}.{path.stem}"}
            assert not known, f"{path.relative_to(ROOT)} imports {', '.join(known)}"


def test_no_absolute_paths_of_somebodys_machine():
    pattern = re.compile(r"(?<![\w.])/(?:home|Users|work|root|tmp)/\w|[A-Z]:\\\\?Users")
    skipped = {".png", ".jpg", ".csv", ".svg", ".ico"}
    for path in tracked_files():
        if path.suffix in skipped or path == Path(__file__):
            continue
        found = pattern.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: {found.group()}"


def test_notebooks_are_kept_without_outputs():
    for path in tracked_files():
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            with_output = [i for i, cell in enumerate(cells) if cell.get("outputs")]
            assert not with_output, f"{path.relative_to(ROOT)}: run nbstripout"


def test_every_imported_distribution_is_a_declared_dependency():
    """A package that happens to come along with another one may leave with it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    declared = {
        re.match(r"[\w-]+", name).group().replace("-", "_").lower()
        for name in project["dependencies"] + extras
    }
    # Modules that always come with a declared distribution, in their only sensible version.
    with_another = {
        "IPython": "ipykernel",
        "traitlets": "ipywidgets",
        "llvmlite": "numba",
        "PIL": "matplotlib",
    }
    with_another |= {"tornado": "ipykernel", "jupyter_server": "voila", "jupyter_client": "voila"}
    with_another |= {"jupyter_core": "voila", "nbformat": "voila", "click": "typer"}
    known = declared | {"workbench", "__future__"}
    known |= {module for module, owner in with_another.items() if owner in declared}
    for path in SOURCES:
        for module in imported_modules(path):
            top = module.split(".")[0]
            assert top in known or top in sys.stdlib_module_names, (
                f"{path.relative_to(ROOT)} imports {module}: declare it in pyproject.toml"
            )
