"""The shape of the code: layers, kernels, imports, and the one table that commands, functions and names follow from."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import wordfield
from support import ROOT
from wordfield import api, cli
from wordfield.models import LINEAGE

SOURCES = sorted((ROOT / "src" / "wordfield").rglob("*.py"))


def imported_by(statement: str) -> set[str]:
    """The top-level modules that a fresh Python holds after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_imports_obey_the_layers() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_shared_decorator_compiles(path: Path) -> None:
    if path.name == "jit.py":
        return
    compilers = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil"}
    names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)}
    names |= {
        alias.name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba"
        for alias in node.names
    }
    assert not names & compilers


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_does_not_print_and_unpickles_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert "print" not in called or path.name == "terminal.py" or path.parent.name == "cli"
    assert not modules & {"pickle", "marshal", "shelve", "dill", "joblib"}


@pytest.mark.parametrize("statement", ["import wordfield", "import wordfield.api", "import wordfield.models"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    assert not imported_by(statement) & {"numpy", "numba", "llvmlite", "scipy", "torch", "rich", "safetensors", "regex"}


def test_help_loads_neither_numpy_nor_numba() -> None:
    statement = "from wordfield.cli import main; assert main(['--help']) == 0"
    assert not imported_by(statement) & {"numpy", "numba", "scipy", "torch", "safetensors"}


def test_help_of_a_recipe_compiles_nothing() -> None:
    statement = "from wordfield.cli import main; assert main(['train', 'word2vec', '--help']) == 0"
    assert not imported_by(statement) & {"numba", "scipy", "torch"}


def test_commands_are_the_functions_of_api() -> None:
    own = {
        name
        for name, function in inspect.getmembers(api, inspect.isfunction)
        if function.__module__.startswith(f"{api.__name__}.") and name in api.__all__
    }
    commands = {name.replace("-", "_") for name in cli.COMMANDS}
    assert commands - {"serve"} == own - {"load", "save", "plan"}  # plan is train --dry-run; serve is the server


def test_public_names_are_the_lineage_and_what_it_needs() -> None:
    recipes = {line.partition(":")[2] for line in LINEAGE.values()}
    assert set(wordfield.__all__) == recipes | {"Corpus", "Unknown", "Vocabulary", "WordVectors", "load", "save"}
    assert all(getattr(wordfield, name) is not None for name in wordfield.__all__)
    assert set(wordfield.__all__) <= set(dir(wordfield))


def test_a_wrong_public_name_is_refused_with_the_right_ones() -> None:
    with pytest.raises(AttributeError, match="Word2Vec"):
        wordfield.Word3Vec  # noqa: B018
