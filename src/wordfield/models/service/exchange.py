"""One request to a service: sent, sent again where that may help, and read."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import httpx2
import msgspec
import stamina

from wordfield.models.service.answers import Answer, AnswerError, Vectors, read
from wordfield.models.service.batches import TOO_MUCH
from wordfield.models.service.keys import Key
from wordfield.models.service.pacing import Bucket, retry_after
from wordfield.models.service.providers import Provider

PASSING = frozenset({408, 409, 425, 429})
"""What services answer, besides 500 and above, that may answer otherwise the next time."""
LONGEST = 120.0
"""Seconds that a service may make us wait; where it asks for more, it is better to stop and say so."""
WIDEST = 30.0
"""Seconds between two tries of the same, at most, where the service does not say; all tries together outlast a minute,
by which services count.
"""
Keep = Callable[[Mapping[int, Vectors], int], None]
SHOWN = 300
"""Characters of a service's own words that are repeated in an error."""


class ServiceError(OSError):
    """What a service answered, or why there was no answer. Keys never stand in it.

    ``places``: those of the texts at fault, where it is theirs.
    """

    def __init__(self, said: str, places: Sequence[int] = ()) -> None:
        super().__init__(said)
        self.places = list(places)


@final
class Refused(ServiceError):
    """The service will not have these texts, or so many of them."""


@final
class _Passing(Exception):
    """What may go better the next time, and the seconds after which, where the service said."""

    def __init__(self, said: str, after: float | None = None, places: Sequence[int] = ()) -> None:
        super().__init__(said)
        self.after, self.places = after, places


@final
@dataclass(frozen=True, eq=False)
class Exchange:
    """Asks one model of one service. Several threads may use it at once."""

    provider: Provider
    model: str
    key: Key | None = None
    dimensions: int | None = None
    timeout: float = 60.0
    attempts: int = 8
    requests: Bucket = field(default_factory=lambda: Bucket(0))
    tokens: Bucket = field(default_factory=lambda: Bucket(0))
    transport: httpx2.BaseTransport | None = field(default=None, repr=False)
    http: httpx2.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        made = httpx2.Client(auth=_signing(self.key), timeout=self.timeout, transport=self.transport)
        object.__setattr__(self, "http", made)
        weakref.finalize(self, made.close)

    def ask(
        self, texts: Sequence[str], sizes: Sequence[int], keep: Keep, more: Mapping[str, Any] | None = None
    ) -> None:
        """Get the vectors of ``texts``, which have about so many tokens each. As they come ``keep`` is given them, by
        their places among ``texts``, and what the request took; where an answer has only some that are right, the
        others are asked for again. ``more``: parameters besides.

        ``Refused`` for what the service will not have, ``ServiceError`` where it cannot be asked, or did not answer in
        ``attempts`` tries.
        """
        places = list(range(len(texts)))
        retries = stamina.retry_context(
            on=_pause, attempts=self.attempts, timeout=None, wait_initial=0.5, wait_max=WIDEST, wait_jitter=0.5
        )
        try:
            for attempt in retries:
                with attempt:
                    held = sum(sizes[place] for place in places)
                    self.requests.draw()
                    self.tokens.draw(held)
                    answer = self._once(self.question([texts[place] for place in places]) | dict(more or {}))
                    came = {places[here]: vector for here, vector in answer.vectors.items()}
                    keep(came, held if answer.tokens is None else answer.tokens)
                    places = [places[here] for here in answer.faults]
                    if answer.faults:
                        raise _Passing(f"a text has no right vector: {min(answer.faults.items())[1]}", places=places)
        except _Passing as error:
            raise ServiceError(f"{self.provider.name}: {error} (tried {self.attempts} times)", error.places) from None

    def question(self, texts: Sequence[str]) -> dict[str, Any]:
        """What is sent, in the dialect of the service."""
        asked: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.provider.dialect == "ollama":
            asked["truncate"] = False
        else:
            asked[self.provider.encoding_name] = self.provider.encoding
        return asked if self.dimensions is None else asked | {self.provider.dimensions_name: self.dimensions}

    def _once(self, question: dict[str, Any]) -> Answer:
        path = "/embed" if self.provider.dialect == "ollama" else "/embeddings"
        try:
            answer = self.http.post(
                self.provider.address + path,
                content=msgspec.json.encode(question),
                headers={"Content-Type": "application/json"},
            )
        except httpx2.TransportError as error:
            raise _Passing(f"no answer from {self.provider.address}: {self._clean(str(error))}") from None
        if answer.is_success:
            try:
                return read(answer.content, len(question["input"]), self.dimensions)
            except AnswerError as error:
                raise _Passing(str(error)) from None
        said = f"{answer.status_code} {answer.reason_phrase}: {self._clean(answer.text)[:SHOWN]}"
        if answer.status_code in PASSING or answer.status_code >= 500:
            after = retry_after(answer.headers)
            if after is not None and after > LONGEST:
                raise ServiceError(f"{self.provider.name} asks to wait {after:,.0f} seconds: {said}")
            raise _Passing(said, after)
        if answer.status_code in TOO_MUCH:
            raise Refused(f"{self.provider.name}: {said}")
        hint = ""
        if answer.status_code in (401, 403):
            hint = f"; is the key in {self.provider.variable or 'use'} right?"
        elif answer.status_code == 404:
            hint = f"; does it have the model {self.model}?"
        raise ServiceError(f"{self.provider.name}: {said}{hint}")

    def _clean(self, text: str) -> str:
        """A text without the key, which services repeat in their errors."""
        text = " ".join(text.split())
        return text if self.key is None else text.replace(self.key.revealed(), "***")


def _signing(key: Key | None) -> Callable[[httpx2.Request], httpx2.Request]:
    """Puts the key into requests, and nothing else: no password of a .netrc file."""

    def signed(request: httpx2.Request) -> httpx2.Request:
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key.revealed()}"
        return request

    return signed


def _pause(error: Exception) -> bool | float:
    """Whether to ask again after an error, or the seconds after which."""
    if not isinstance(error, _Passing):
        return False
    return True if error.after is None else error.after
