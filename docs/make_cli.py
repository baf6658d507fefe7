"""Writes docs/cli.md from what ``--help`` prints. Run it after a change of the commands; a test compares the two."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from wordfield.cli import COMMANDS, application
from wordfield.models import LINEAGE

PAGE = Path(__file__).parent / "cli.md"
WIDTH = 100
OPENING = """\
# Command line

Made from `--help` by `make docs`; do not edit.

Results go to stdout, progress and errors to stderr. Every command that prints a result takes `--json`: one object on
stdout, nothing else there. Progress is shown when stderr is a terminal, or with `--progress`.

| exit status | meaning |
| --- | --- |
| 0 | done |
| 1 | error: one line `error: ...` on stderr |
| 2 | the command was not called as it should be: also one line |
| 130 | Ctrl-C; `train` keeps what was learnt in `OUT.partial` |
| 141 | the reader of the output went away |
"""


def page() -> str:
    """The whole page."""
    commands: list[list[str]] = [[]]
    below = {"train": [["train", recipe] for recipe in LINEAGE], "tune": [["tune"], ["tune", "classifier"]]}
    for name in COMMANDS:
        commands += below.get(name, [[name]])
    return OPENING + "".join(section(command) for command in commands)


def section(command: list[str]) -> str:
    """What one command says of itself."""
    text = io.StringIO()
    application().help_print(command, console=Console(file=text, width=WIDTH))
    return f"\n## {' '.join(['wordfield', *command])}\n\n```text\n{text.getvalue().strip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
