"""Conditions on the fields of documents, as they are written: lang=zh, year>=2000, draft!=true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast, get_args

Sign = Literal["=", "!=", "<", "<=", ">", ">="]
SIGNS = sorted(get_args(Sign), key=len, reverse=True)


@dataclass(frozen=True)
class Condition:
    """A field, a sign, and a value. What is a number is compared as a number; a document without the field, or with
    another kind of value there, does not meet it, but for !=.
    """

    field: str
    sign: Sign
    value: str | float | bool

    @classmethod
    def of(cls, written: str) -> Condition:
        """``ValueError`` that shows how it is written."""
        here = min((place for sign in SIGNS if (place := written.find(sign)) > 0), default=-1)
        if here < 0:
            raise ValueError(f"{written!r} is no condition: write field=value, with =, !=, <, <=, > or >=")
        sign = next(sign for sign in SIGNS if written.startswith(sign, here))
        return cls(written[:here].strip(), cast(Sign, sign), _value(written[here + len(sign) :].strip()))


def _value(written: str) -> str | float | bool:
    if written in ("true", "false"):
        return written == "true"
    try:
        number = float(written)
    except ValueError:
        return written
    return number if number == number and abs(number) != float("inf") else written
