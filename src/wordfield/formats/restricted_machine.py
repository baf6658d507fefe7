"""The machine with a stack with which ``wordfield.formats.restricted`` follows the programs of pickles, and what stands
for what such a program would have made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wordfield.formats.source import Source

MOST = 1 << 25
"""Lists, dictionaries, tuples, sets and records that a file may have."""
LINE = 1 << 16
"""Bytes of a name, at most."""


@dataclass(eq=False, slots=True)
class Record:
    """A class, or what the program would have made by calling one, or a function."""

    name: str
    """Module and name of what is called; "" for something that has none."""
    given: tuple[Any, ...] | None = None
    """With what it is called; None where it is only named."""
    state: Any = None
    """What is set in it: most often its attributes, by name."""
    items: dict[Any, Any] | None = None
    """What it holds, where it is a kind of dictionary."""

    @property
    def attributes(self) -> dict[Any, Any]:
        """Its attributes, none where they are not plain."""
        return self.state if isinstance(self.state, dict) else {}

    def __repr__(self) -> str:
        return self.name or "something without a name"


class Damaged(Exception):
    """What the file says cannot be."""


class Machine:
    """The stack, the marks in it, and the values that the program has numbered to come back to."""

    def __init__(self, source: Source, begin: int = 0, end: int | None = None, persistent: bool = False) -> None:
        self.source, self.view = source, memoryview(source.data)
        self.size = len(source.data) if end is None else end
        self.here = self.begin = begin
        self.made, self.persistent = 0, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: list[Any] = []

    def taken(self, size: int) -> memoryview:
        """The next bytes."""
        begin, self.here = self.here, self.here + size
        if self.here > self.size:
            raise Damaged(f"truncated or damaged: {size} bytes are needed, {max(0, self.size - begin)} are left")
        return self.view[begin : self.here]

    def number(self, size: int, signed: bool = False) -> int:
        """The next bytes as a whole number."""
        return int.from_bytes(self.taken(size), "little", signed=signed)

    def line(self) -> str:
        """The bytes up to the next line feed."""
        end = self.source.data.find(b"\n", self.here, self.here + LINE)
        if end < 0:
            raise Damaged("truncated or damaged: a name that does not end")
        text = str(self.view[self.here : end], "utf-8")
        self.here = end + 1
        return text

    def marked(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        place = self.marks.pop()
        found = self.stack[place:]
        del self.stack[place:]
        return found

    def new(self, value: Any) -> None:
        """Put a container on the stack."""
        self.made += 1
        if self.made > MOST:
            raise Damaged(f"more than {MOST} lists, dictionaries and objects: no model needs them")
        self.stack.append(value)
