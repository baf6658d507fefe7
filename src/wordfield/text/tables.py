"""Tables -> text: one field of every row of JSON lines, CSV, TSV or Parquet, each followed by an LF."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, repeat
from pathlib import PurePath
from threading import Lock
from typing import IO, Any

import msgspec

from wordfield.text.normalization import scalar

CHUNK = 1 << 20  # bytes of a table that are turned into text at once
ROWS = 1024  # rows of a table that are handed on at once
ENDINGS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}
ANOTHER = "name one with --field / field=... (labels: --label-field / label_field=...)"
LONGEST = (1 << 31) - 1  # characters of a field of CSV: what a C long holds everywhere
NO_BYTES = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # the surrogates that stand for no byte of invalid UTF-8

_limit = Lock()


@dataclass(frozen=True)
class Table:
    """A table to read: its bytes are ``head``, then what ``read(size)`` gives; ``file`` is where all of them are
    stored, None if they are compressed there. ``field``: the one that is text.
    """

    name: str
    field: str
    head: bytes
    read: Callable[[int], bytes]
    file: IO[bytes] | None = None

    def whole_lines(self, size: int) -> Iterator[bytes]:
        """All bytes in pieces that end with LF, only the last perhaps not; about ``size`` each, or one longer line."""
        rest = self.head
        while more := self.read(max(size, len(rest))):
            cut = more.rfind(b"\n") + 1
            if cut:
                yield rest + more[:cut]
                rest = b""
            rest += more[cut:]
        if rest:
            yield rest

    def error(self, what: str, line: int) -> ValueError:
        return ValueError(f"{self.name}, line {line}: {what}")

    def missing(self, fields: Iterable[str]) -> str:
        names = [repr(name)[1:-1][:40] for name in fields]
        listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        return f"has no field {self.field!r}; its fields: {listed or 'none'}; {ANOTHER}"


class Chunks(io.RawIOBase):
    """Pieces of bytes as a raw stream, for ``io.BufferedReader``."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As many bytes as one piece has left, at most ``len(buffer)``; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def kind(name: str) -> str:
    """jsonl, csv, tsv or parquet, by the ending of a file's name before that of its compression; "" for plain text."""
    path = PurePath(name.lower())
    return ENDINGS.get(PurePath(path.stem).suffix if path.suffix in COMPRESSED else path.suffix, "")


def text(kind: str, table: Table, chunk: int = CHUNK) -> IO[bytes]:
    """The field of every row in UTF-8 and an LF after each; null is as empty. Invalid UTF-8 stays as it is.

    ``chunk``: bytes that are read at once. What cannot be read is a ``ValueError`` of the stream, naming file and line;
    a missing pyarrow its ``ImportError``.
    """
    return io.BufferedReader(Chunks(READERS[kind](table, chunk)), 1 << 18)


def rows(kind: str, table: Table, other: str | None = None, chunk: int = CHUNK) -> Iterator[tuple[str, Any]]:
    """The text of every row, line ends in it left as they are, and what its field ``other`` holds: None without one.
    Errors as those of ``text``.
    """
    if kind == "jsonl":
        return _json_rows(table, other, chunk)
    if kind == "parquet":
        return _parquet_rows(table, other, chunk)
    return _separated_rows(_csv_rows if kind == "csv" else _tsv_rows, table, other, chunk)


def _json_rows(table: Table, other: str | None, chunk: int) -> Iterator[tuple[str, Any]]:
    lines = chain.from_iterable(io.BytesIO(piece) for piece in table.whole_lines(chunk))
    for number, line in enumerate(lines, 1):
        if not (text := _json_text(table, line, number)):
            continue
        row = json.loads(line.decode("utf-8", "replace")) if other is not None else {}
        if other is not None and other not in row:
            raise table.error(replace(table, field=other).missing(row), number)
        yield text[:-1].decode("utf-8", "replace"), row.get(other)


def _separated_rows(
    rows_of: Callable[[Table, Iterator[str]], Iterator[tuple[int, list[str]]]],
    table: Table,
    other: str | None,
    chunk: int,
) -> Iterator[tuple[str, Any]]:
    lines = chain.from_iterable(
        io.StringIO(piece.decode("utf-8", "replace"), newline="\n") for piece in table.whole_lines(chunk)
    )
    found = _cells(rows_of(table, lines), [table] if other is None else [table, replace(table, field=other)])
    while True:
        with _fields_of_any_length():
            batch = list(islice(found, ROWS))
        if not batch:
            return
        for text, *rest in batch:
            yield text, rest[0] if rest else None


def _cells(rows: Iterator[tuple[int, list[str]]], tables: list[Table]) -> Iterator[list[str]]:
    """The columns that are the fields of ``tables``, of every row below the header."""
    number, header = next(rows, (1, None))
    if header is None:
        raise tables[0].error("no header; the first line must name the columns", number)
    columns = [_place(table, header, number) for table in tables]
    for number, row in rows:
        for table, column in zip(tables, columns, strict=True):
            _refuse_short(table, row, column, number)
        yield [row[column] for column in columns]


def _jsonl(table: Table, chunk: int) -> Iterator[bytes]:
    decoder, number = _json_decoder(table.field), 1
    for lines in table.whole_lines(chunk):
        ends = lines.count(b"\n")
        texts = _json_texts(decoder, lines, ends + (not lines.endswith(b"\n")))
        if texts is None:
            texts = b"".join(_json_text(table, line, at) for at, line in enumerate(io.BytesIO(lines), number))
        yield texts
        number += ends


def _json_decoder(field: str) -> msgspec.json.Decoder[Any] | None:
    """Of objects whose ``field`` is their ``text``; None for a name with quotes or the like, which msgspec refuses."""
    try:
        return msgspec.json.Decoder(msgspec.defstruct("Row", [("text", str | None)], rename={"text": field}, gc=False))
    except ValueError:
        return None


def _json_texts(decoder: msgspec.json.Decoder[Any] | None, lines: bytes, count: int) -> bytes | None:
    """The texts of ``count`` lines at once, or None where a closer look is needed: at an error, a blank line, half a
    pair of surrogates.
    """
    if decoder is None:
        return None
    try:
        texts = [row.text or "" for row in decoder.decode_lines(lines)]
        return ("\n".join(texts) + "\n").encode() if len(texts) == count else None
    except (ValueError, RecursionError):
        return None


def _json_text(table: Table, line: bytes, number: int) -> bytes:
    if not line.strip():
        return b""
    source = line.decode("utf-8", "surrogateescape")
    try:
        row = json.loads(source)
    except (ValueError, RecursionError) as error:
        why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
        raise table.error(f'not JSON ({why}); each line must be an object such as {{"text": "..."}}', number) from None
    if not isinstance(row, dict):
        raise table.error(f'{_type(row)} where an object such as {{"text": "..."}} is needed', number)
    if table.field not in row:
        raise table.error(table.missing(row), number)
    text = row[table.field]
    if text is None:
        return b"\n"
    if not isinstance(text, str):
        raise table.error(f"field {table.field!r} is {_type(text)}, not a string; {ANOTHER}", number)
    if scalar(source) == source:
        return scalar(text).encode() + b"\n"
    return NO_BYTES.sub("\ufffd", text).encode("utf-8", "surrogateescape") + b"\n"


def _type(value: object) -> str:
    """What JSON calls it."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


def _separated(
    rows_of: Callable[[Table, Iterator[str]], Iterator[tuple[int, list[str]]]], table: Table, chunk: int
) -> Iterator[bytes]:
    """One column of the rows, which come with the numbers of their first lines."""
    lines = chain.from_iterable(
        io.StringIO(piece.decode("utf-8", "surrogateescape"), newline="\n") for piece in table.whole_lines(chunk)
    )
    texts = _column(table, rows_of(table, lines))
    while True:
        batch, size = [], 0
        with _fields_of_any_length():
            for text in texts:
                batch.append(text)
                size += len(text) + 1
                if size >= chunk:
                    break
        if not batch:
            return
        yield ("\n".join(batch) + "\n").encode("utf-8", "surrogateescape")


def _column(table: Table, rows: Iterator[tuple[int, list[str]]]) -> Iterator[str]:
    number, header = next(rows, (1, None))
    if header is None:
        raise table.error("no header; the first line must name the columns", number)
    column = _place(table, header, number)
    for number, row in rows:
        _refuse_short(table, row, column, number)
        yield row[column]


def _refuse_short(table: Table, row: list[str], column: int, number: int) -> None:
    if len(row) <= column:
        raise table.error(
            f"{len(row)} columns, but field {table.field!r} is column {column + 1}; give the row as many as the "
            "header has",
            number,
        )


def _place(table: Table, header: list[str], number: int) -> int:
    """Where the field is: by its name, or else by its number, which counts from 1."""
    if table.field in header:
        return header.index(table.field)
    if re.fullmatch("[0-9]{1,9}", table.field) and 1 <= int(table.field) <= len(header):
        return int(table.field) - 1
    raise table.error(table.missing(header), number)


def _csv_rows(table: Table, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """RFC 4180, and nothing that reads in two ways."""
    reader, number = csv.reader(lines, strict=True), 1
    try:
        for row in reader:
            if row:
                yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise table.error(
            f"not CSV ({error}); quote a field that holds quotes, commas or line ends, and double the quotes in it",
            number,
        ) from None


def _tsv_rows(_: Table, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """A quote is a character like any other."""
    for number, line in enumerate(lines, 1):
        if row := line.removesuffix("\n").removesuffix("\r"):
            yield number, row.split("\t")


@contextmanager
def _fields_of_any_length() -> Iterator[None]:
    """The limit of ``csv`` holds for the whole process, so it is raised only for as long as needed."""
    with _limit:
        before = csv.field_size_limit(LONGEST)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _parquet(table: Table, chunk: int) -> Iterator[bytes]:
    for batch in _batches(table, [], chunk):
        yield _joined(batch.column(table.field))


def _parquet_rows(table: Table, other: str | None, chunk: int) -> Iterator[tuple[str, Any]]:
    for batch in _batches(table, [] if other is None else [other], chunk):
        texts = ["" if text is None else text for text in batch.column(table.field).to_pylist()]
        rest = repeat(None) if other is None else batch.column(other).to_pylist()
        yield from zip(texts, rest)  # noqa: B905 - one of them may be endless


def _batches(table: Table, others: list[str], chunk: int) -> Iterator[Any]:
    """Rows of a Parquet file: its field and the ``others``."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(f"{table.name} is a Parquet file; to read it: pip install 'wordfield[corpus]'") from error
    if table.file is None:
        raise ValueError(
            f"{table.name} is compressed as a whole, but Parquet is compressed inside; decompress it first"
        )
    row = 1
    try:
        file = parquet.ParquetFile(table.file, buffer_size=CHUNK)
        _check_type(table, file.schema_arrow)
        for other in others:
            if other not in file.schema_arrow.names:
                raise ValueError(f"{table.name} {replace(table, field=other).missing(file.schema_arrow.names)}")
        for batch in file.iter_batches(-(-chunk // 1024), columns=[table.field, *others], use_threads=False):
            yield batch
            row += len(batch)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{table.name}, from row {row}: not Parquet, or damaged or cut short ({error}); fetch or write it again"
        ) from error


def _check_type(table: Table, schema: Any) -> None:
    """``ValueError`` unless the field is text, plain or as a dictionary."""
    from pyarrow import types

    place = schema.get_field_index(table.field)
    if place < 0:
        raise ValueError(f"{table.name} {table.missing(schema.names)}")
    found = schema.field(place).type
    plain = found.value_type if types.is_dictionary(found) else found
    if not (types.is_string(plain) or types.is_large_string(plain) or types.is_string_view(plain)):
        raise ValueError(f"{table.name}: field {table.field!r} is {found}, not string; {ANOTHER}")


def _joined(column: Any) -> bytes:
    """A column of text, each followed by LF, as bytes that nobody has validated."""
    import pyarrow as pa
    from pyarrow import compute

    texts = compute.fill_null(column.cast(pa.large_string()), "")
    lines = pa.LargeListArray.from_arrays([0, len(texts)], texts)
    joined = compute.binary_join(lines, pa.scalar("\n", pa.large_string()))
    return bytes(joined[0].as_buffer().to_pybytes() + b"\n")


READERS: dict[str, Callable[[Table, int], Iterator[bytes]]] = {
    "jsonl": _jsonl,
    "csv": partial(_separated, _csv_rows),
    "tsv": partial(_separated, _tsv_rows),
    "parquet": _parquet,
}
