"""What a service answers, read and doubted: as many vectors as texts, each in its place, of one length, finite, not
zero. Ollama has been seen to answer 200 with vectors of zeros, others with half a batch.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import msgspec
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class AnswerError(ValueError):
    """An answer that is not to be believed; it may be right when asked for again."""


@final
@dataclass(frozen=True)
class Answer:
    """The vectors of the texts of one request, in their order, and what it took."""

    vectors: Vectors
    """(texts, dim), float32."""
    tokens: int | None
    """As the service counts them, None where it does not say."""


def read(body: bytes, texts: int, dim: int | None = None) -> Answer:
    """The answer to a request of so many texts, in the shape of OpenAI or of Ollama, numbers as JSON or in base64.

    ``dim``: the numbers that a vector must have, where that is known. ``AnswerError`` that says what is wrong.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerError(f"the answer is no JSON, or was cut short: {error}") from None
    if not isinstance(told, Mapping):
        raise AnswerError("the answer is no JSON object")
    if isinstance(told.get("embeddings"), list):
        rows, tokens = told["embeddings"], told.get("prompt_eval_count")
    else:
        rows, tokens = _ordered(told.get("data")), _counted(told.get("usage"))
    if len(rows) != texts:
        raise AnswerError(f"{len(rows)} vectors came for {texts} texts")
    vectors = [_vector(row, place) for place, row in enumerate(rows)]
    for place, vector in enumerate(vectors):
        if len(vector) != (dim or len(vectors[0])):
            raise AnswerError(f"vector {place} has {len(vector)} numbers, not {dim or len(vectors[0])}")
        if not np.isfinite(vector).all():
            raise AnswerError(f"vector {place} has numbers that are not finite")
        if not vector.any():
            raise AnswerError(f"vector {place} is all zeros")
    counted = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None
    return Answer(np.stack(vectors) if vectors else np.zeros((0, dim or 0), np.float32), counted)


def _ordered(data: Any) -> list[Any]:
    """The vectors by their index, which need not be the order in which they come."""
    if not isinstance(data, list) or not all(isinstance(each, Mapping) and "embedding" in each for each in data):
        raise AnswerError('the answer has no "data" with an "embedding" in each entry')
    places = [each.get("index", here) for here, each in enumerate(data)]
    if any(isinstance(place, bool) or not isinstance(place, int) for place in places):
        raise AnswerError("an index in the answer is no whole number")
    if sorted(places) != list(range(len(data))):
        raise AnswerError(f"the answer has the indices {sorted(places)[:8]}..., not 0 to {len(data) - 1} once each")
    by_place = dict(zip(places, data, strict=True))
    return [by_place[place]["embedding"] for place in range(len(data))]


def _counted(usage: Any) -> Any:
    return (usage.get("total_tokens") or usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None


def _vector(row: Any, place: int) -> Vectors:
    """The numbers of one vector, from a list or from base64 of little-endian float32."""
    try:
        if isinstance(row, str):
            return np.frombuffer(base64.b64decode(row, validate=True), "<f4").astype(np.float32)
        if isinstance(row, list) and row and all(type(number) in (int, float) for number in row):
            with np.errstate(over="ignore"):
                return np.array(row, dtype=np.float32)
    except (binascii.Error, ValueError, OverflowError):
        pass
    raise AnswerError(f"vector {place} is neither a list of numbers nor float32 in base64")
