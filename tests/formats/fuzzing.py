"""Damages a file of vectors in every way, and sees that its reader answers each time: with vectors, or with a
``FormatError``; never with another error, a crash, a long wait, or much memory.

    survives(path, "word2vec-text", tmp_path)

tests one file, or one folder file by file. The file should be small: a few words of a few dimensions. The suite tries
some of the mutations; all ten thousand are tried with WORDFIELD_MUTATIONS=10000.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from support import JIT_OFF
from wordfield import formats
from wordfield.formats import FormatError, Table
from wordfield.vectors import WordVectors

MUTATIONS = int(os.environ.get("WORDFIELD_MUTATIONS", "300"))
"""That are tried of one file."""
MEMORY = 1 << 26
"""Bytes that the reading of one small file may take."""
SECONDS = 10
"""That it may take, where the machine is busy; after three times as many it is interrupted."""
CUTS = 1024
"""Places at which one file is cut: each byte of a small one, else all near both ends and others spread evenly."""
SLOWER = 20
"""So many times fewer mutations are tried where kernels run as plain Python."""

NUMBERS = [0, 1, 2, -1, 127, 255, 1 << 15, (1 << 16) - 1, 1 << 24, (1 << 31) - 1, -(1 << 31), 1 << 40, (1 << 63) - 1]
TEXTS = [b"0", b"-1", b"1", b"4294967296", b"99999999999999999", b"1e999", b"nan", b" ", b"\n", b"\t", b"\xff\xfe", b""]


@dataclass
class Outcomes:
    """What came of all the damaged files."""

    read: int = 0
    """Files that were read all the same."""
    repaired: int = 0
    """Files that were refused, and read where repair was asked for."""
    refused: int = 0
    """Files that were refused, repair or not."""
    most: int = 0
    """Bytes that one reading took at most."""
    slowest: float = 0.0
    """Seconds that one reading took at most."""
    messages: Counter[str] = field(default_factory=Counter)
    """Why files were refused: the beginnings of the messages, digits left out, and how often."""

    def __str__(self) -> str:
        return (
            f"{self.read} read, {self.repaired} repaired, {self.refused} refused; at most {self.most:,} bytes and "
            f"{self.slowest:.2f} s; {len(self.messages)} different messages"
        )


def survives(
    path: Path,
    format_name: str,
    tmp_path: Path,
    mutations: int = MUTATIONS,
    seed: int = 1,
    beside: Sequence[Path] = (),
) -> Outcomes:
    """Read ``path`` cut at every byte and mutated ``mutations`` times in all, recognition included; where that is
    refused, once more as ``format_name`` and with repair. ``AssertionError`` for the first file whose reading is
    neither a sound table nor a ``FormatError``; that file is then what lies in ``tmp_path / "fuzz"``.

    A folder's files are damaged and left out in turn. ``beside``: files that go with ``path``, to be damaged too.
    """
    place = tmp_path / "fuzz"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    target = place / path.name
    shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
    for each in beside:
        shutil.copy(each, place / each.name)
    assert formats.recognise(target) == format_name, f"{path} is recognised as {formats.recognise(target)}"
    sound(formats.load(target))
    files = sorted(each for each in place.rglob("*") if each.is_file())
    many = max(1, (mutations // SLOWER if JIT_OFF else mutations) // len(files))
    outcomes = Outcomes()
    with watched():
        for file in files:
            whole = file.read_bytes()
            for what, data in damaged(whole, many, np.random.default_rng(seed)):
                put(file, data)
                attempt(target, format_name, f"{file.name}: {what}", outcomes)
            file.unlink()
            if file != target:
                attempt(target, format_name, f"{file.name}: left out", outcomes)
            put(file, whole)
    assert outcomes.refused + outcomes.repaired, f"no damage to {path} was ever noticed"
    return outcomes


def sound(table: Table) -> None:
    """Whether a table is one: its parts go together, and its first and last vectors can be had."""
    (rows, dim), words = table.storage.shape, len(table.words)
    assert all(isinstance(word, str) for word in table.words)
    assert table.storage.norms.shape == (rows,)
    ends = table.storage.take([0, rows - 1] if rows else [])
    assert ends.shape == (2 if rows else 0, dim)
    assert ends.dtype == np.float32
    vectors = WordVectors.of(table)
    assert len(vectors) == words
    if words and table.vocabulary.table_rows:
        assert vectors[[table.words[0], table.words[-1]]].shape == (2, dim)
    if table.classes is not None:
        assert table.classes.storage.shape == (len(table.classes.labels), dim)


def damaged(whole: bytes, mutations: int, rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Damaged copies of a file, and what was done to each."""
    size = len(whole)
    half = CUTS // 4
    ends = range(size) if size <= CUTS else {*range(half), *range(size - half, size), *range(0, size, 2 * size // CUTS)}
    for end in list(ends)[:: SLOWER if JIT_OFF else 1]:
        yield f"cut to {end} of {size} bytes", whole[:end]
    for number in range(mutations):
        data, done = whole, []
        for _ in range(1 + number % 3):
            change = CHANGES[int(rng.integers(len(CHANGES)))]
            here = spot(len(data), rng)
            data = change(data, here, rng)
            done.append(f"{change.__name__} at byte {here}")
        yield f"mutation {number}: {', '.join(done)}", data


def spot(size: int, rng: np.random.Generator) -> int:
    """A byte of a file: often one of the first or last 64, where headers and directories are."""
    where, near = rng.random(), int(rng.integers(min(64, size) + 1))
    if where < 0.35:
        return near
    return size - near if where < 0.5 else int(rng.integers(size + 1))


def flip(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    some = data[here : here + 1]
    return data[:here] + bytes(each ^ (1 << int(rng.integers(8))) for each in some) + data[here + 1 :]


def insert(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    return data[:here] + rng.bytes(int(rng.integers(1, 9))) + data[here:]


def delete(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    return data[:here] + data[here + int(rng.integers(1, 17)) :]


def fill(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    """Bytes of ones or zeros in the place of some."""
    count = min(int(rng.integers(1, 9)), len(data) - here)
    return data[:here] + (b"\xff", b"\0")[int(rng.integers(2))] * count + data[here + count :]


def number(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    """A number of 2, 4 or 8 bytes, small or as large as can be, in the place of others, of either order."""
    size = int(rng.choice([2, 4, 8]))
    value = NUMBERS[int(rng.integers(len(NUMBERS)))] & ((1 << 8 * size) - 1)
    return data[:here] + value.to_bytes(size, ("little", "big")[int(rng.integers(2))]) + data[here + size :]


def text(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    """Digits or a mark in the place of the digits, or the byte, that stand there."""
    end = here
    while end < len(data) and data[end : end + 1].isdigit():
        end += 1
    return data[:here] + TEXTS[int(rng.integers(len(TEXTS)))] + data[max(end, here + int(rng.integers(2))) :]


def repeat(data: bytes, here: int, rng: np.random.Generator) -> bytes:
    """Some bytes a second time."""
    some = data[here : here + int(rng.integers(1, 65))]
    return data[:here] + some + data[here:]


CHANGES: list[Callable[[bytes, int, np.random.Generator], bytes]] = [flip, insert, delete, fill, number, text, repeat]


def put(file: Path, data: bytes) -> None:
    """A new file of that name: whoever still has the old one mapped keeps it."""
    file.unlink(missing_ok=True)
    file.write_bytes(data)


def attempt(target: Path, format_name: str, what: str, outcomes: Outcomes) -> None:
    """One reading of what was damaged, and where it is refused one with repair."""
    begin = time.perf_counter()
    if can_be_interrupted():
        signal.alarm(3 * SECONDS)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        if isinstance(error := read(target), FormatError):
            outcomes.messages["".join(each for each in str(error)[len(str(target)) :][:60] if not each.isdigit())] += 1
            if read(target, format_name, True) is None:
                outcomes.repaired += 1
            else:
                outcomes.refused += 1
        else:
            outcomes.read += 1
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    outcomes.most = max(outcomes.most, tracemalloc.get_traced_memory()[1] - before)
    outcomes.slowest = max(outcomes.slowest, time.perf_counter() - begin)
    assert outcomes.most <= MEMORY, f"{what}: {outcomes.most:,} bytes were taken; at most {MEMORY:,} are needed"
    assert outcomes.slowest <= SECONDS, f"{what}: {outcomes.slowest:.1f} s"


def read(target: Path, format_name: str | None = None, repair: bool = False) -> FormatError | None:
    """The error with which a file is refused, None where it is read."""
    try:
        table = formats.load(target, format_name, repair=repair)
    except FormatError as error:
        return error
    assert repair or not table.repaired, "something was repaired that nobody asked to repair"
    sound(table)
    return None


def can_be_interrupted() -> bool:
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")


@contextmanager
def watched() -> Iterator[None]:
    """Memory is counted, no more is logged than errors, and what hangs is interrupted."""

    def interrupted(*_: Any) -> None:
        raise TimeoutError(f"no answer after {3 * SECONDS} s")

    before = signal.signal(signal.SIGALRM, interrupted) if can_be_interrupted() else None
    logging.disable(logging.WARNING)
    tracemalloc.start()
    try:
        yield
    finally:
        if can_be_interrupted():
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
