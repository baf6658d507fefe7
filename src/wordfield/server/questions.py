"""What a client asks for, read from the body of its request, or a fault that says what is wrong with it.

After OpenAI's API reference, "Create embeddings": ``input`` is a text, a list of texts, the ids of the tokens of one,
or a list of such lists; ``encoding_format`` float or base64; ``dimensions``; ``user`` is taken and not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

import msgspec

from wordfield.server.faults import Fault


@final
@dataclass(frozen=True)
class Limits:
    """What a request may have, and how much may wait."""

    body: int = 16 << 20
    """Bytes of a request."""
    inputs: int = 2048
    """Texts in a request."""
    characters: int = 2_000_000
    """In all its texts together."""
    waiting: int = 512
    """Requests that wait for the same model; further ones are turned away."""


@final
class Question(msgspec.Struct):
    """The body of a request for embeddings."""

    input: str | list[str | int | list[int]]
    model: str
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


Tokens = list[list[int]]
_DECODER = msgspec.json.Decoder(Question)


def read(body: bytes, limits: Limits) -> tuple[Question, list[str] | Tokens]:
    """The question, and its texts, or the tokens of each; ``Fault`` where it cannot be answered."""
    try:
        question = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$")
        where = place.strip("`.")
        raise Fault(400, f"{said}{' in ' + where if where else ''}", where or None) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Fault(400, f"the body is no valid JSON: {error}") from None
    texts = _texts(question.input)
    if not texts:
        raise Fault(400, "there is nothing in input: give a text or a list of texts", "input")
    if len(texts) > limits.inputs:
        raise Fault(
            400, f"input has {len(texts):,} texts, and at most {limits.inputs} inputs are taken in a request", "input"
        )
    size = 0
    for number, each in enumerate(texts):
        if not each or (isinstance(each, str) and not each.strip()):
            raise Fault(400, f"input {number} is empty", "input")
        size += len(each)
    if size > limits.characters:
        said = f"input has {size:,} characters, and at most {limits.characters:,} are taken in a request"
        raise Fault(413, said, "input")
    if question.dimensions is not None and question.dimensions < 1:
        raise Fault(400, f"dimensions must be 1 or more, not {question.dimensions}", "dimensions")
    return question, texts


def _texts(given: Any) -> list[str] | Tokens:
    """A list of texts, or of the tokens of texts, however it was put."""
    if isinstance(given, str):
        return [given]
    kinds = {type(each) for each in given}
    if len(kinds) > 1:
        raise Fault(400, "input has texts and tokens in one list: give lists of one kind", "input")
    made: list[str] | Tokens = [given] if kinds == {int} else given
    return made
