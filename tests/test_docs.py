"""The pages do not lie: their Python runs, their shell commands run, and the page of commands is up to date."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from support import JIT_OFF, ROOT, Ran
from wordfield.cli import COMMANDS

PAGES = [*sorted(ROOT.glob("README*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
slow = pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def program(page: Path) -> str:
    """What the Python of a page does, comments apart."""
    return "".join(ast.dump(ast.parse(block)) for block in blocks(page, "python"))


def commands(page: Path) -> str:
    """The shell commands of a page, comments apart."""
    lines = "".join(blocks(page, "sh")).splitlines()
    return "\n".join(shlex.join(shlex.split(line, comments=True)) for line in lines)


def once(done: Callable[[Path], str]) -> pytest.MarkDecorator:
    """Of the pages that do the same, as most do in both languages, the first."""
    first: dict[str, Path] = {}
    for page in PAGES:
        first.setdefault(done(page), page)
    return pytest.mark.parametrize("page", first.values(), ids=[str(page.relative_to(ROOT)) for page in first.values()])


@slow
@once(program)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "page"}
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec"), space)


@slow
@once(commands)
def test_the_commands_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Ran]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in commands(page).splitlines():
        name, *arguments = shlex.split(line)
        if name == "wordfield":
            ran = run(*arguments)
            assert ran.status == 0, f"{line}\n{ran.err}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


@pytest.mark.parametrize("target", ["demo", "test", "peers", "check", "bench"])
def test_make_has_the_targets_that_the_pages_name(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert f"make {target}" in (ROOT / "README.md").read_text("utf-8")
    assert f"make {target}" in (ROOT / "README.zh.md").read_text("utf-8")


def test_both_readmes_show_the_same_commands() -> None:
    english, chinese = ("".join(blocks(ROOT / name, "sh")) for name in ("README.md", "README.zh.md"))
    strip = re.compile(r"\s+#.*")
    assert strip.sub("", english) == strip.sub("", chinese)


def test_the_page_of_commands_is_what_help_says() -> None:
    written = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert written == runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["page"](), "stale: run make docs"
    assert all(f"## wordfield {name}" in written for name in COMMANDS)


def test_no_page_names_a_place_of_the_workshop() -> None:
    for page in PAGES:
        assert not re.search(r"/(work|tmp|root|home)/", page.read_text("utf-8")), page
