"""How help, progress and results look on a terminal, and in a pipe: plain text, columns aligned, nothing cut short."""

from __future__ import annotations

import logging
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from json import dumps
from time import monotonic
from typing import TYPE_CHECKING, Any

from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
WIDEST = 110
"""Characters in a line of help, at most."""
NAMES = 26
"""Characters for names in help; a longer one has a line to itself."""
PAUSE = 2.0
"""Seconds between two lines of progress where there is no terminal."""
PATIENCE = 2.0
"""Seconds after Ctrl-C in which another one is not heard."""


class Help:
    """Draws the help of cyclopts as two columns: names, and what they mean."""

    def __call__(self, console: Console, options: object, panel: HelpPanel) -> None:
        """One group of commands or options."""
        del options
        if not panel.entries:
            return
        lines = [f"{panel.title}:"]
        for entry in panel.entries:
            lines += entry_lines(entry, min(console.width, WIDEST))
        write(console, "\n".join(lines))

    def render_usage(self, console: Console, _: object, usage: Any) -> None:
        """How the command is called."""
        write(console, f"Usage: {' '.join(plain(usage).split())}")

    def render_description(self, console: Console, _: object, description: Any) -> None:
        """What the command does."""
        width = min(console.width, WIDEST)
        write(console, "\n".join(textwrap.fill(line, width) for line in plain(description).splitlines()))


def entry_lines(entry: HelpEntry, width: int) -> list[str]:
    """One command or option."""
    names = ", ".join(entry.display_labels_with_metavar if entry.metavar else entry.display_labels)
    words = " ".join(plain(entry.description).split())
    choices, default = entry.choices or (), entry.default
    notes = ["|".join(choices)] if choices else []
    notes += [f"default: {default}"] if default is not None else []
    notes += ["required"] if entry.required and names.startswith("--") else []
    lines = textwrap.wrap(words + "".join(f" [{note}]" for note in notes), max(width - NAMES - 4, NAMES)) or [""]
    first = [f"  {names:{NAMES}}  {lines.pop(0)}".rstrip()] if len(names) <= NAMES else [f"  {names}"]
    return first + [" " * (NAMES + 4) + line for line in lines]


def plain(text: Any) -> str:
    """The characters of what cyclopts made of a docstring."""
    text = getattr(text, "primary_renderable", text)
    return str(getattr(text, "plain", text) or "").strip()


def write(console: Console, text: str) -> None:
    """A paragraph, and an empty line after it."""
    if text:
        console.print(text, end="\n\n", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def reporting(wanted: bool | None) -> Iterator[Progress]:
    """How a command reports: a bar on a terminal, plain lines on any other stderr if ``wanted``, or nothing."""
    terminal = sys.stderr.isatty()
    if not (terminal if wanted is None else wanted):
        yield silent
    elif terminal:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("", total=None)

            def report(done: int, total: int, **measures: Any) -> None:
                bars.update(task, completed=done, total=total or None, description=described(measures))

            yield report
    else:
        yield Lines()


class Warnings(logging.Handler):
    """What the library logs, as lines on the stderr of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        with suppress(OSError):
            print("warning:", record.getMessage(), file=sys.stderr)


@contextmanager
def warning() -> Iterator[None]:
    """Show what the library warns of while the block lasts."""
    logger, handler = logging.getLogger("wordfield"), Warnings(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Hear the first Ctrl-C, but not the next within ``PATIENCE``, so that what the first set going, such as keeping
    what was learnt, comes to its end. After an interrupt it stays so, until the process ends.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    heard: list[float] = []

    def hear(*_: object) -> None:
        if not heard or monotonic() >= heard[-1] + PATIENCE:
            heard.append(monotonic())
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        if not heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class Lines:
    """Progress for a stderr that is no terminal: a line every two seconds, and one at the end."""

    def __init__(self) -> None:
        self.next = 0.0

    def __call__(self, done: int, total: int, **measures: Any) -> None:
        """Print one line, if it is time."""
        if monotonic() >= self.next or done == total:
            self.next = monotonic() + PAUSE
            print(f"{done / total:4.0%}" if total else f"{done:,}", described(measures), file=sys.stderr, flush=True)


def described(measures: dict[str, Any]) -> str:
    """Measures in one line: loss 2.31  epoch 3."""
    return "  ".join(
        f"{name.replace('_', ' ')} {short(value)}" for name, value in measures.items() if value is not None
    )


def short(value: Any) -> str:
    """A number as people read it."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def flat(result: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Rows of a nested object, names joined by a point."""
    for name, value in result.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, (", ".join(map(short, value)) or "-") if isinstance(value, list) else short(value)


def print_table(rows: Iterable[tuple[Any, ...]], bold: Collection[tuple[int, int]] = ()) -> None:
    """Columns of text, two spaces apart; a Chinese character takes two places. On a terminal those cells (row, column)
    are in bold that ``bold`` names.
    """
    from rich.cells import cell_len

    lines = [[CONTROL.sub(escaped, str(cell)) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for number, line in enumerate(lines):
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        if any(row == number for row, _ in bold) and sys.stdout.isatty():
            print_bold(padded, {column for row, column in bold if row == number})
        else:
            print("  ".join(padded).rstrip())


def print_bold(cells: list[str], bold: Collection[int]) -> None:
    """One row of a table on a terminal."""
    from rich.console import Console
    from rich.text import Text

    parts = [Text(cell, "bold" if column in bold else "") for column, cell in enumerate(cells)]
    Console(highlight=False).print(Text("  ").join(parts), soft_wrap=True)


def note(message: str) -> None:
    """A line on stderr that belongs to a result but is no part of it."""
    with suppress(OSError):
        print("note:", CONTROL.sub(escaped, message), file=sys.stderr)


def shown(character: str, instead: str) -> str:
    """The character, or another where stdout cannot show it."""
    try:
        character.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return instead
    return character


def escaped(found: re.Match[str]) -> str:
    """A control character as Python writes it: a line feed in a word would break the table, others the terminal."""
    return found[0].encode("unicode_escape").decode()


def print_json(result: Any) -> None:
    """One object on one line; a number that JSON does not know is null."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(dumps(finite(result), ensure_ascii=not unicode, allow_nan=False))


def finite(value: Any) -> Any:
    """``value`` with null for NaN and infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, (list, tuple)) else value
