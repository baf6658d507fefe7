"""Python's pickles read as plain data: nothing that a file names is imported, called or made.

A pickle is a program for a machine with a stack (PEP 307, 3154 and 574; what each instruction does is told in CPython's
``pickletools``). This machine follows the programs of protocols 2 to 5. It makes numbers, texts, bytes, lists, tuples,
dictionaries and sets; where the program would have a class made or a function called, it notes that as a ``Record`` and
goes on. What a record means, its reader decides by the name, from a list of its own.

Memory: bytes are not copied; nothing is taken that the file does not have; at most ``DEEPEST`` values wait on the stack
and ``MOST`` containers are made. What refers to itself a million times is one value, and nobody may walk through all of
it: a reader looks only at what it knows the way to.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

from wordfield.formats.faults import Faults
from wordfield.formats.restricted_machine import Damaged, Machine, Record
from wordfield.formats.source import Source
from wordfield.formats.table import FormatError

DEEPEST = 1 << 20
"""Values that may wait to be put into others. Python writes lists a thousand at a time."""
AT_ONCE = 1000
"""Instructions that are followed without looking up each."""
NUMBERED, WHOLE = 0x94, {ord("K"): 1, ord("M"): 2, ord("J"): 4}
"""The instruction that numbers a value, and those of whole numbers with their bytes."""
NEWEST = 5
"""The protocol."""
MADE_AGAIN = ("copyreg._reconstructor", "copy_reg._reconstructor")
"""What makes an object of the class that it is given."""
PERSISTENT = "persistent"
"""The name of a record for an object that the program asks for by a value of its own."""
ATOMS = (str, int, float, type(None))


def read(path: Path, faults: Faults) -> Any:
    """What the pickle at ``path`` says. ``FormatError`` with the byte where it is damaged, cut, larger than can be, or
    asks for what only a program that unpickles could know.
    """
    source = Source(path)
    found, here = follow(source, 0, len(source.data))
    if here < len(source.data):
        faults.found(f"byte {here}", f"{len(source.data) - here} bytes follow the end of the pickle")
    return found


def follow(source: Source, begin: int, end: int, *, persistent: bool = False) -> tuple[Any, int]:
    """What the pickle between two bytes of a file says, and the byte behind it. ``persistent``: whether objects that it
    asks for by a number, or another value, are noted as records of the name ``PERSISTENT``; else they are refused.
    """
    machine = Machine(source, begin, end, persistent)
    try:
        return _run(machine), machine.here
    except (Damaged, IndexError, KeyError, ValueError, OverflowError, RecursionError) as error:
        why = str(error) if isinstance(error, Damaged) else f"damaged ({type(error).__name__})"
        raise FormatError(f"{source.path}: byte {machine.begin}: {why}") from error


def _run(machine: Machine) -> Any:
    """Follow the program to its end."""
    view, size, stack = machine.view, machine.size, machine.stack
    while len(stack) <= DEEPEST:
        machine.begin = here = machine.here
        if here >= size:
            raise Damaged("truncated: the pickle does not end")
        machine.here = here + 1
        follow = INSTRUCTIONS[view[here]]
        if follow is None:
            if view[here] == STOP:
                return stack.pop()
            what = f"{bytes(view[here : here + 1])!r} is no instruction of protocol 2 to {NEWEST}"
            raise Damaged(REFUSED.get(view[here], what))
        follow(machine)
    raise Damaged(f"more than {DEEPEST} values that wait for others: no model needs them")


Instruction: TypeAlias = Callable[[Machine], None]


def _value(value: Any) -> Instruction:
    return lambda machine: machine.stack.append(value)


def _number(size: int, signed: bool = False) -> Instruction:
    def follow(machine: Machine) -> None:
        begin, machine.here = machine.here, machine.here + size
        if machine.here > machine.size:
            raise Damaged("truncated: a number is cut")
        machine.stack.append(int.from_bytes(machine.view[begin : machine.here], "little", signed=signed))

    return follow


def _long(size: int) -> Instruction:
    return lambda machine: machine.stack.append(machine.number(machine.number(size), True))


def _text(size: int, code: int) -> Instruction:
    """A text, and those that follow at once, each numbered before: so words are written."""

    def follow(machine: Machine) -> None:
        view, here = machine.view, machine.here
        for left in range(AT_ONCE, 0, -1):
            begin = here + size
            here = begin + (view[here] if size == 1 else int.from_bytes(view[here:begin], "little"))
            if here > machine.size:
                raise Damaged(f"truncated or damaged: a text of {here - begin} bytes goes beyond the end")
            machine.stack.append(str(view[begin:here], "utf-8", "surrogatepass"))
            if left == 1 or here + 1 >= machine.size or view[here] != NUMBERED or view[here + 1] != code:
                break
            machine.memo.append(machine.stack[-1])
            here += 2
        machine.here = here

    return follow


def _latin(size: int) -> Instruction:
    """What Python 2 calls a string, as gensim reads it."""
    return lambda machine: machine.stack.append(str(machine.taken(machine.number(size)), "latin-1"))


def _bytes(size: int) -> Instruction:
    return lambda machine: machine.stack.append(machine.taken(machine.number(size)))


def _tuple(size: int) -> Instruction:
    def follow(machine: Machine) -> None:
        if size > len(machine.stack):
            raise Damaged("damaged: fewer values than are asked for")
        found = tuple(machine.stack[-size:])
        del machine.stack[-size:]
        machine.new(found)

    return follow


def _container(made: Callable[[list[Any]], Any], marked: bool = False) -> Instruction:
    return lambda machine: machine.new(made(machine.marked() if marked else []))


def _dictionary(values: list[Any]) -> dict[Any, Any]:
    return dict(_pairs(values))


def _pairs(values: list[Any]) -> Iterable[tuple[Any, Any]]:
    if len(values) % 2:
        raise Damaged("damaged: a key without a value")
    return zip(map(_key, values[::2]), values[1::2], strict=True)


def _key(value: Any) -> Any:
    """A key as it is, or something in its place that no reader asks for: to hash what is nested may take forever."""
    return value if isinstance(value, ATOMS) else Record("", (value,))


def _append(machine: Machine) -> None:
    _extend(machine, [machine.stack.pop()])


def _appends(machine: Machine) -> None:
    _extend(machine, machine.marked())


def _extend(machine: Machine, values: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, list):
        target.extend(values)
    elif not isinstance(target, Record):
        raise Damaged(f"damaged: {type(target).__name__} is no list")


def _set_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _update(machine, [key, value])


def _set_items(machine: Machine) -> None:
    _update(machine, machine.marked())


def _update(machine: Machine, values: list[Any]) -> None:
    target = machine.stack[-1]
    if isinstance(target, Record):
        target.items = target.items or {}
        target = target.items
    if not isinstance(target, dict):
        raise Damaged(f"damaged: {type(target).__name__} is no dictionary")
    target.update(_pairs(values))


def _add_items(machine: Machine) -> None:
    values = machine.marked()
    if not isinstance(machine.stack[-1], set):
        raise Damaged(f"damaged: {type(machine.stack[-1]).__name__} is no set")
    machine.stack[-1].update(map(_key, values))


def _pop(machine: Machine) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.stack.pop()


def _memoize(machine: Machine) -> None:
    machine.memo.append(machine.stack[-1])


def _put(size: int) -> Instruction:
    def follow(machine: Machine) -> None:
        here = machine.number(size)
        if not machine.memo and here == 1:  # Python 2 counts from 1
            machine.memo.append(None)
        if here > len(machine.memo):
            raise Damaged(f"damaged: value {here} is numbered before value {len(machine.memo)}")
        machine.memo[here : here + 1] = [machine.stack[-1]]

    return follow


def _get(size: int, code: int) -> Instruction:
    """A value with a number, and those that follow at once, a whole number between: so rows of words are written."""

    def follow(machine: Machine) -> None:
        view, here, stack, memo = machine.view, machine.here, machine.stack, machine.memo
        for left in range(AT_ONCE, 0, -1):
            end = here + size
            place = int.from_bytes(view[here:end], "little")
            if end > machine.size or place >= len(memo):
                raise Damaged(f"truncated or damaged: there is no value {place}")
            stack.append(memo[place])
            here = end
            wide = WHOLE.get(view[end]) if end < machine.size else None
            if left == 1 or wide is None or end + wide + 1 >= machine.size or view[end + wide + 1] != code:
                break
            stack.append(int.from_bytes(view[end + 1 : end + 1 + wide], "little", signed=wide == 4))
            here = end + wide + 2
        machine.here = here

    return follow


def _named(machine: Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.new(Record(f"{module}.{name}"))


def _named_above(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise Damaged("damaged: a class is named by two texts")
    machine.new(Record(f"{module}.{name}"))


def _call(keywords: bool) -> Instruction:
    """What would call something, and what makes an object of a class, is all the same: it is noted."""

    def follow(machine: Machine) -> None:
        if keywords:
            machine.stack.pop()
        given, called = machine.stack.pop(), machine.stack.pop()
        if not isinstance(given, tuple):
            raise Damaged(f"damaged: {type(given).__name__} where what is given to a function is a tuple")
        name = called.name if isinstance(called, Record) and called.given is None else ""
        if name in MADE_AGAIN and given and isinstance(given[0], Record):
            name = given[0].name
        machine.new(Record(name, given))

    return follow


def _build(machine: Machine) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Record):
        machine.stack[-1].state = state


def _persistent(machine: Machine) -> None:
    if not machine.persistent:
        raise Damaged(BY_NUMBER)
    machine.new(Record(PERSISTENT, (machine.stack.pop(),)))


def _nothing(_: Machine) -> None:
    """Bytes that may not be changed: they never are."""


def _protocol(machine: Machine) -> None:
    version = machine.number(1)
    if version > NEWEST:
        raise Damaged(f"protocol {version} of pickles; 2 to {NEWEST} are read")


STOP = ord(".")
ASKS = "the pickle asks for {}, which only the program that wrote it knows"
BY_NUMBER = ASKS.format("an object by its number")
REFUSED = {
    ord(code): ASKS.format(what)
    for codes, what in (
        ("P", "an object by its number"),
        ("\x82\x83\x84", "an object of a registry"),
        ("\x97", "bytes"),
    )
    for code in codes
}
KNOWN: dict[str, Instruction] = {
    "\x80": _protocol,
    "\x95": lambda machine: (machine.taken(8), None)[1],
    "\x98": _nothing,
    "(": lambda machine: machine.marks.append(len(machine.stack)),
    "0": _pop,
    "1": lambda machine: (machine.marked(), None)[1],
    "2": lambda machine: machine.stack.append(machine.stack[-1]),
    "N": _value(None),
    "\x88": _value(True),
    "\x89": _value(False),
    "K": _number(1),
    "M": _number(2),
    "J": _number(4, True),
    "\x8a": _long(1),
    "\x8b": _long(4),
    "G": lambda machine: machine.stack.append(struct.unpack(">d", machine.taken(8))[0]),
    "\x8c": _text(1, 0x8C),
    "X": _text(4, ord("X")),
    "\x8d": _text(8, 0x8D),
    "U": _latin(1),
    "T": _latin(4),
    "C": _bytes(1),
    "B": _bytes(4),
    "\x8e": _bytes(8),
    "\x96": _bytes(8),
    "]": _container(list),
    ")": _container(tuple),
    "}": _container(_dictionary),
    "\x8f": _container(set),
    "l": _container(list, True),
    "t": _container(tuple, True),
    "d": _container(_dictionary, True),
    "\x91": _container(lambda values: frozenset(map(_key, values)), True),
    "\x85": _tuple(1),
    "\x86": _tuple(2),
    "\x87": _tuple(3),
    "a": _append,
    "e": _appends,
    "s": _set_item,
    "u": _set_items,
    "\x90": _add_items,
    "\x94": _memoize,
    "q": _put(1),
    "r": _put(4),
    "h": _get(1, ord("h")),
    "j": _get(4, ord("j")),
    "c": _named,
    "\x93": _named_above,
    "R": _call(False),
    "\x81": _call(False),
    "\x92": _call(True),
    "b": _build,
    "Q": _persistent,
}
INSTRUCTIONS: list[Instruction | None] = [KNOWN.get(chr(code)) for code in range(256)]
"""By their bytes."""
