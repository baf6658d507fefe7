"""The text of sparse vectors, as Chinese Word Vectors (Li, Zhao, Hu, Li, Liu and Du 2018) has those of PPMI: on each
line a word and its entries ``column:number``, between spaces; perhaps a line "V D" before.

Columns count from 0. A line of a word alone is a row of zeros; without a first line the table is as wide as its largest
column asks for. Nine digits are written: every float32 comes back as it was.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import text_rows, word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.formats.text_rows import LINES, Block, Reading, blocks_of, by_line, spread, unsure
from wordfield.formats.word2vec_text import UNSAFE
from wordfield.storage import Sparse

HOLDS: frozenset[str] = frozenset()
STEP = 1 << 12  # rows written at a time
WIDTH = 1 << 20
"""Columns that a table may have, or as many as the file has bytes: a row of them is made in memory."""
LONGEST = 1 << 28
"""Bytes of a line after which nobody waits for its end."""
ENTRY = re.compile(rb"(\d{1,18}):(" + word2vec.NUMBER.pattern + rb")")

FIELD = re.compile(rb"[^ \t\r]+")

check_target = check_file


class Entries(NamedTuple):
    """The entries of rows: columns and values (E,), and where those of each row end (R,)."""

    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    ends: NDArray[np.int64]


NONE = Entries(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64))


class Rows(Reading[Entries]):
    """Rows of entries."""

    def __init__(self, faults: Faults, line: int, promised: int) -> None:
        super().__init__(faults, line, promised)
        self.columns: list[NDArray[np.int64]] = []
        self.values: list[NDArray[np.float32]] = []
        self.sizes: list[NDArray[np.int64]] = []

    def store(self, values: Entries, first: int, last: int) -> None:
        ends = np.concatenate([[0], values.ends])[first : last + 1]
        self.columns.append(values.columns[ends[0] : ends[-1]])
        self.values.append(values.values[ends[0] : ends[-1]])
        self.sizes.append(np.diff(ends))

    def store_line(self, line: bytes) -> bytes | str:
        found = split(line)
        if found is None:
            return f"{line[:60]!r}; a word and entries such as 12:0.5 are needed"
        word, entries = found
        with np.errstate(over="ignore"):
            self.values.append(np.array([float(entry[2]) for entry in entries]).astype(np.float32))
        self.columns.append(np.array([int(entry[1]) for entry in entries], np.int64))
        self.sizes.append(np.array([len(entries)]))
        return word


def sniff(path: Path, head: bytes) -> bool:
    """Lines of a word and entries, after a line "V D" if there is one."""
    if path.is_dir() or word2vec.CONTROL.search(head):
        return False
    *lines, cut = head.split(b"\n")
    if lines and word2vec.header(lines[0]) is not None:
        lines = lines[1:]
    rows = [line for line in lines if line.strip(b" \r")] or [cut.rpartition(b" ")[0]]
    found = [split(row) for row in rows]
    return None not in found and 2 * sum(bool(row and row[1]) for row in found) > len(found)


def load(path: Path, faults: Faults) -> Table:
    """Read the whole file; ``FormatError`` names the line that is damaged."""
    with opened(path) as (stream, _):
        first = stream.readline(100)
        shape = word2vec.header(first)
        reading = Rows(faults, *((1, 0) if shape is None else (2, shape[0])))
        ended = True
        for block in spread(parsed, blocks_of(stream, faults, LONGEST, first if shape is None else b"")):
            reading.add(block)
            ended = block.data.endswith(b"\n")
        words, kept = reading.settled("a word and entries")
        matrix = _matrix(reading, shape, max(WIDTH, path.stat().st_size))
        if reading.seen < reading.promised:
            what = f"line 1 promises {reading.promised} words, line {reading.last} is the last of {reading.seen}"
            faults.found(f"line {reading.last}", f"truncated, or a wrong header: {what}")
        if not ended:
            unsure(faults)
    return Table(words, Sparse(matrix if kept is None else matrix[kept]))


def save(table: Table, path: Path) -> None:
    """Write the words and what is not zero; ``FormatError`` for a word with white space, at which readers would cut
    it.
    """
    from scipy.sparse import csr_array

    names = word2vec.encoded(table.words, UNSAFE, "the text format of sparse vectors")
    storage = table.storage
    rows, dim = storage.shape
    with replacing(path) as stream:
        stream.write(f"{rows} {dim}\n".encode())
        for start in range(0, rows, STEP):
            block = storage.matrix[start : start + STEP]
            csr = block if isinstance(storage, Sparse) else csr_array(np.asarray(block))
            columns, values, ends = csr.indices.tolist(), csr.data.tolist(), csr.indptr.tolist()
            for row, name in enumerate(names[start : start + STEP]):
                here = slice(ends[row], ends[row + 1])
                pairs = zip(columns[here], values[here], strict=True)
                stream.write(name + b"".join(b" %d:%.9g" % pair for pair in pairs) + b"\n")


def split(line: bytes) -> tuple[bytes, list[re.Match[bytes]]] | None:
    """The word of a line and its entries, seen from the right, so that the word may hold spaces; one without entries
    holds none. None where the line is something else.
    """
    entries = []
    begin = len(line)
    for field in reversed([*FIELD.finditer(line)]):
        entry = ENTRY.fullmatch(field[0])
        if entry is None or not field.start():  # the word itself may look like an entry
            break
        entries.append(entry)
        begin = field.start()
    word = line[:begin].rstrip(b" \t\r")
    return (word, entries[::-1]) if word and (entries or len(word.split()) == 1) else None


def parsed(data: bytes) -> Block[Entries]:
    """A block with its rows, or, where it is small, with its lines."""
    if len(data) < text_rows.SMALL:
        return by_line(data, NONE)
    from wordfield.kernels.rows import sparse

    most = data.count(b":") + 1
    array, columns, values = np.frombuffer(data, np.uint8), np.empty(most, np.int64), np.empty(most, np.float32)
    names, here, entries, count, put = np.empty(len(data) + 1, np.uint8), 0, 0, 0, 0
    bounds, rows, ends = [], [], [np.empty(0, np.int64)]
    while here < len(data):
        end, some, which = np.empty(LINES, np.int64), np.empty((LINES, 2), np.int64), np.empty(LINES, np.int64)
        held = columns[entries:], values[entries:], end, names[put:], some, which
        lines, found, written, here = sparse(array, here, *held)
        bounds.append(some[:lines])
        rows.append(np.where(which[:lines] < 0, -1, which[:lines] + count))
        ends.append(end[:found] + entries)
        entries = int(ends[-1][-1]) if found else entries
        count, put = count + found, put + written
    name = names[: max(0, put - 1)].tobytes()
    return Block(
        data, np.concatenate(bounds), np.concatenate(rows), name, Entries(columns, values, np.concatenate(ends))
    )


def _matrix(reading: Rows, shape: tuple[int, int] | None, widest: int) -> Any:
    """All rows, as ``csr_array``."""
    from scipy.sparse import csr_array

    path = reading.faults.path
    columns = np.concatenate(reading.columns)
    largest = int(columns.max(initial=-1))
    dim = largest + 1 if shape is None else shape[1]
    if largest >= dim or not 1 <= dim <= widest:
        what = f"column {largest} of {dim}" if largest >= dim else f"{dim} columns; 1 to {widest} can be read"
        raise FormatError(f"{path}: {what}: damaged, or a wrong header")
    ends = np.concatenate([[0], np.cumsum(np.concatenate(reading.sizes))])
    csr = csr_array((np.concatenate(reading.values), columns, ends), shape=(len(ends) - 1, dim))
    csr.sort_indices()
    same = np.flatnonzero(csr.indices[1:] == csr.indices[:-1])
    twice = same[~np.isin(same + 1, csr.indptr)]
    if len(twice):
        row = int(np.searchsorted(csr.indptr, twice[0], side="right")) - 1
        line = int(np.concatenate(reading.numbers)[row])
        raise FormatError(f"{path}: line {line}: column {csr.indices[twice[0]]} stands there twice")
    return csr
