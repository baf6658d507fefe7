"""Documents from files: a line of text each, or a row of a table (.jsonl .csv .tsv .parquet), the text in a field."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wordfield.documents import Document

TABLES = (".jsonl", ".csv", ".tsv", ".parquet")
ID = "id"
"""The field that a row is known by, where it has one."""


def read(path: Path, field: str = "text") -> Iterator[Document]:
    """The documents of a file. A line is known by the name of the file and its number, from 1; lines without text are
    passed over. ``ValueError`` names the line of a table that cannot be read.
    """
    if path.suffix.lower() not in TABLES:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield Document(f"{path.name}:{number}", line.rstrip("\r\n"))
        return
    for number, row in _rows(path):
        text = row.pop(field, None)
        if not isinstance(text, str):
            there = ", ".join(row) or "nothing"
            raise ValueError(
                f"{path}: row {number} has no text in the field {field!r}; there are: {there}; name it, --field"
            )
        if text.strip():
            known = row.pop(ID, None)
            cells = path.suffix.lower() in (".csv", ".tsv")
            kept = {
                name: _number(value) if cells and isinstance(value, str) else value
                for name, value in row.items()
                if isinstance(value, (str, int, float))
            }
            yield Document(f"{path.name}:{number}" if known is None else str(known), text, kept)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix.lower() == ".parquet":
        yield from enumerate(_parquet(path), 1)
        return
    with path.open(encoding="utf-8-sig", newline="") as stream:
        if path.suffix.lower() == ".jsonl":
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ValueError(f"{path}: line {number} is no JSON: {error}") from None
                if not isinstance(row, dict):
                    raise ValueError(f"{path}: line {number} is no object")
                yield number, row
            return
        tab = "\t" if path.suffix.lower() == ".tsv" else ","
        for number, row in enumerate(csv.DictReader(stream, delimiter=tab), 1):
            yield number, {name: value for name, value in row.items() if name is not None and value is not None}


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file. ``ImportError`` that names the extra without pyarrow."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ImportError(f"{path} is a Parquet file; to read it: pip install 'wordfield[corpus]'") from error
    try:
        for batch in ParquetFile(path).iter_batches(1000):
            yield from batch.to_pylist()
    except ArrowException as error:
        raise ValueError(f"{path} is no Parquet file, or a damaged one: {error}") from None


def _number(cell: str) -> str | float:
    """A cell as a number, where it is written as one."""
    try:
        number = float(cell)
    except ValueError:
        return cell
    return number if number == number and abs(number) != float("inf") else cell
