"""The corpus that every Python brings along: the docstrings of its standard library and its help topics, one paragraph
a line.
"""

from __future__ import annotations

import ast
import inspect
import re
import sysconfig
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "turtledemo", "_bundled", "__pycache__"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BLANK_LINE = re.compile(r"\n[ \t]*\n")


@cache
def python_docs() -> bytes:
    """The text, UTF-8. Sorted by file and line, so that the same Python always gives the same. ``FileNotFoundError``
    where there is none.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    texts = [text for file in _sources(folder) for text in _docstrings(file)] + _topics()
    if not texts:
        raise FileNotFoundError(
            f"builtin:python-docs: this Python came without the sources of its standard library in {folder}"
        )
    paragraphs = (" ".join(paragraph.split()) for text in texts for paragraph in BLANK_LINE.split(text))
    return "".join(f"{paragraph}\n" for paragraph in paragraphs if paragraph).encode("utf-8", "replace")


def _sources(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.name in LEFT_OUT or file.name.startswith((".", "config-")):
            continue
        if file.is_dir():
            yield from _sources(file)
        elif file.suffix == ".py" and file.parent.name != "pydoc_data":
            yield file


def _docstrings(file: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):  # templates and tests of broken source are part of some installations
        return
    open_nodes: list[ast.AST] = [tree]
    while open_nodes:
        node = open_nodes.pop()
        body: list[ast.stmt] = getattr(node, "body", [])
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node, clean=False)):
            yield inspect.cleandoc(text)
        open_nodes += (
            [child for child in reversed(body) if isinstance(child, ast.stmt)] if isinstance(body, list) else []
        )


def _topics() -> list[str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:
        return []
    return [topics[name] for name in sorted(topics)]
