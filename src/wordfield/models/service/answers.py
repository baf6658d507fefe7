"""What a service answers, read and doubted: each vector in its place, of one length, finite, not zero. Ollama has been
seen to answer 200 with vectors of zeros, others with half a batch: what is right in such an answer is paid for, and
kept.
"""

from __future__ import annotations

import base64
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
    """What one request has brought, and what it took."""

    vectors: dict[int, Vectors]
    """By the place of its text in the request: (dim,) float32 each, those that can be believed."""
    faults: dict[int, str]
    """By its place, what is wrong with the vector of each other text: missing, not finite, all zeros ..."""
    tokens: int | None
    """As the service counts them, None where it does not say."""


def read(body: bytes, texts: int, dim: int | None = None) -> Answer:
    """The answer to a request of so many texts, in the shape of OpenAI or of Ollama, numbers as JSON or in base64.

    ``dim``: the numbers that a vector must have; None: as many as the first has. ``AnswerError`` where it cannot be
    told which vector is of which text.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerError(f"the answer is no JSON, or was cut short: {error}") from None
    if not isinstance(told, Mapping):
        raise AnswerError("the answer is no JSON object")
    if isinstance(told.get("embeddings"), list):
        rows, tokens = dict(enumerate(told["embeddings"])), told.get("prompt_eval_count")
        if len(rows) != texts:
            raise AnswerError(f"{len(rows)} vectors came for {texts} texts")
    else:
        rows, tokens = _placed(told.get("data"), texts), _counted(told.get("usage"))
    vectors: dict[int, Vectors] = {}
    faults = dict.fromkeys(range(texts), "no vector came for it")
    for place, row in sorted(rows.items()):
        vector = _vector(row)
        if fault := _fault(vector, dim):
            faults[place] = fault
        elif vector is not None:
            vectors[place], dim = vector, len(vector)
            del faults[place]
    counted = tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None
    return Answer(vectors, faults, counted)


def _placed(data: Any, texts: int) -> dict[int, Any]:
    """The vectors by their index, which need not be the order in which they come, nor of all texts; without an index
    all must have come, in the order of the texts.
    """
    if not isinstance(data, list) or not all(isinstance(each, Mapping) and "embedding" in each for each in data):
        raise AnswerError('the answer has no "data" with an "embedding" in each entry')
    if not any("index" in each for each in data) and len(data) == texts:
        return {here: each["embedding"] for here, each in enumerate(data)}
    places = [each.get("index") for each in data]
    if any(isinstance(place, bool) or not isinstance(place, int) for place in places):
        raise AnswerError("an index in the answer is no whole number")
    if len(set(places)) < len(places) or not all(0 <= place < texts for place in places):
        raise AnswerError(f"the indices in the answer are not from 0 to {texts - 1}, each once")
    return {place: each["embedding"] for place, each in zip(places, data, strict=True)}


def _counted(usage: Any) -> Any:
    return (usage.get("total_tokens") or usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None


def _vector(row: Any) -> Vectors | None:
    """The numbers of one vector, from a list or from base64 of little-endian float32; None where it is neither."""
    try:
        if isinstance(row, str):
            return np.frombuffer(base64.b64decode(row, validate=True), "<f4").astype(np.float32)
        if isinstance(row, list) and all(type(number) in (int, float) for number in row):
            with np.errstate(over="ignore"):
                return np.array(row, dtype=np.float32)
    except (ValueError, OverflowError):
        pass
    return None


def _fault(vector: Vectors | None, dim: int | None) -> str:
    """What is wrong with a vector, or nothing."""
    if vector is None or not len(vector):
        return "its vector is neither a list of numbers nor float32 in base64"
    if dim is not None and len(vector) != dim:
        return f"its vector has {len(vector)} numbers, not {dim}"
    if not np.isfinite(vector).all():
        return "its vector has numbers that are not finite"
    return "" if vector.any() else "its vector is all zeros"
