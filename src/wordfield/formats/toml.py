"""Metadata as TOML (toml.io, version 1.0), of what JSON can hold: read by Python, written here."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date, time
from typing import Any

import numpy as np

BARE = re.compile(r"[A-Za-z0-9_-]+")


class Literal:
    """A value that TOML cannot hold, written as one text of JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value


def read(text: bytes) -> dict[str, Any]:
    """The entries of a text, dates and times as text; ``ValueError`` for what is no TOML."""
    try:
        read: dict[str, Any] = _plain(tomllib.loads(text.decode()))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return read


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case date() | time():
            return value.isoformat()
    return value


def written(entries: dict[str, Any]) -> bytes:
    """The entries as TOML, tables after all others; what is None is left out."""
    lines = list(_lines(entries, ""))
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _lines(entries: dict[str, Any], prefix: str) -> list[str]:
    tables = {name: value for name, value in entries.items() if isinstance(value, dict)}
    lines = [
        f"{_key(name)} = {_value(value)}" for name, value in entries.items() if _held(value) and name not in tables
    ]
    for name, table in tables.items():
        lines += [f"[{prefix}{_key(name)}]", *_lines(table, f"{prefix}{_key(name)}.")]
    return lines


def _held(value: Any) -> bool:
    return value is not None


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            return repr(value)
        case list() | tuple():
            return "[" + ", ".join(_value(each) for each in value if _held(each)) + "]"
        case dict():
            return (
                "{" + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items() if _held(each)) + "}"
            )
        case Literal():
            return _literal(value.value)
    raise TypeError(f"the metadata holds {value!r}, which TOML cannot")


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """A text in quotes, with escapes that JSON and TOML share."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _literal(value: Any) -> str:
    """JSON between single quotes, in which nothing is escaped for TOML."""
    text = json.dumps(value, ensure_ascii=False, default=_given)
    if any("\ud800" <= character <= "\udfff" for character in text):  # a file name that is no valid Unicode
        text = json.dumps(value, default=_given)
    return "'" + text.replace("'", "\\u0027").replace("\x7f", "\\u007f") + "'"


def _given(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"the configuration holds {value!r}, which JSON cannot")
