"""A model behind an API: one vector a text, asked for once, whoever asks and however often."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, final, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.models.service.answers import Vectors
from wordfield.models.service.batches import Limits, at_least, estimated, shortened
from wordfield.models.service.cache import Cache, Digest, digest
from wordfield.models.service.keys import Key, key_given, key_of
from wordfield.models.service.pacing import Bucket
from wordfield.models.service.providers import ANY, PROVIDERS, Kind, Provider, service_of
from wordfield.models.service.work import Work
from wordfield.places import cache_root
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.models.service.exchange import Exchange

FILE = "services.db"
"""In the cache folder: the vectors that were received from services."""
NAMED = 5
"""Texts that an error names, at most."""


@final
@dataclass(frozen=True)
class Estimate:
    """What asking for the vectors of some texts would take."""

    texts: int
    distinct: int
    kept: int
    """Of the distinct ones: those that are on disk already, and cost nothing."""
    requests: int
    tokens: int
    """About; rather too many."""
    cost: float | None
    """None where the price is not known here."""
    currency: str


@final
@dataclass(frozen=True, eq=False)
class HostedModel:
    """A model of a service. Nothing is sent, and no key is read, before the first text is asked for.

    A text whose vector was ever received is not sent again: it is in ``cache``, shared by processes. Texts that are
    alike are sent once. ``usage`` of ``wordfield.api`` tells what was used up.
    """

    provider: Provider
    model: str
    dimensions: int | None = None
    """Numbers that a vector is to have, of models that can make shorter ones."""
    truncate: bool = False
    """Cut texts that are longer than the model reads; else they are an error."""
    concurrency: int = 4
    """Requests on their way at once."""
    timeout: float = 60.0
    """Seconds without an answer after which a request counts as lost."""
    attempts: int = 8
    """Times that a request is sent, of what may go better the next time."""
    cache: Path | None = field(default_factory=lambda: cache_root() / FILE)
    """The file of vectors that were received; None: nothing is kept."""

    _learnt: list[Limits] = field(default_factory=list, init=False, repr=False)
    """The limits that its answers have shown."""

    def __post_init__(self) -> None:
        for name in ("dimensions", "concurrency", "attempts", "timeout"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, not {value!r}")

    @classmethod
    def named(cls, name: str, **options: Any) -> HostedModel:
        """The model that siliconflow:BAAI/bge-m3 or http://host/v1#model means; ``options``: fields of this class.

        The service's own limits, such as ``inputs`` or ``tokens_a_minute``, can be given too.
        """
        provider, model = service_of(name)
        known = set(Provider.__dataclass_fields__) - {"name", "address"}
        own = {option: options.pop(option) for option in list(options) if option in known}
        return cls(replace(provider, **own), model, **options)

    @property
    def name(self) -> str:
        """How it is asked for."""
        known = self.provider.name in PROVIDERS
        return f"{self.provider.name}:{self.model}" if known else f"{self.provider.address}#{self.model}"

    @cached_property
    def dim(self) -> int:
        """Numbers in a vector; where they are not given, those of the vector of a short text, which is asked for."""
        return self.dimensions or self.embed(["dimension"]).shape[1]

    def save(self, path: str | Path, format: str | None = None) -> NoReturn:
        """There is nothing here to be written."""
        del format
        raise ValueError(f"{path}: a model behind an API cannot be saved; keep its name, {self.name}")

    def info(self) -> dict[str, Any]:
        """What is known of it without asking: kind, name, dimension, address, the variable of its key, and limits."""
        family = self.provider.family(self.model)
        return {
            "kind": "hosted model",
            "model": self.name,
            "dim": self.dimensions,
            "address": self.provider.address,
            "key": self.provider.variable or None,
            "inputs": self.provider.inputs,
            "longest": family.longest,
            "price": family.price,
            "currency": family.currency,
            "history": {},
        }

    def embed(self, texts: Sequence[str], kind: Kind | None = None, progress: Progress = silent) -> NDArray[np.float32]:
        """One vector a text, (len(texts), dim) float32, in the order of the texts, as the service makes them.

        ``kind``: whether the texts are questions or answer them, which models that were trained for search make other
        vectors of. ``ValueError`` that names the places of texts that are empty, too long or no text;
        ``ServiceError`` that names those that the service refuses, after the others have been received and kept.
        """
        asked, rows = self._distinct(texts)
        digests = [self._digest(text, kind) for text in asked]
        store = None if self.cache is None else Cache(self.cache)
        came: dict[Digest, Vectors] = {} if store is None else store.take(digests)
        missing = [row for row, known in enumerate(digests) if known not in came]
        lock = threading.Lock()

        def keep(vectors: Mapping[int, Vectors], tokens: int) -> None:
            received = {digests[missing[here]]: vector for here, vector in vectors.items()}
            with lock:
                self._check_alike([*received.values(), *islice(came.values(), 1)])
                if store is not None:
                    store.keep(received.items(), self.provider.name, self.model, tokens)
                came.update(received)

        if missing:
            try:
                self._fetch([self._sent(asked[row], kind) for row in missing], kind, keep, progress)
            except OSError as error:
                if places := getattr(error, "places", None):
                    faulty = np.flatnonzero(np.isin(rows, [missing[here] for here in places]))
                    error.args = (f"{_named(faulty, texts)}: {error}",)
                    error.places = faulty.tolist()  # type: ignore[attr-defined]
                raise
        if not came:
            return np.zeros((0, self.dimensions or 0), np.float32)
        self._check_alike(came.values())
        return np.stack([came[known] for known in digests])[rows]

    def estimate(self, texts: Sequence[str], kind: Kind | None = None) -> Estimate:
        """What ``embed`` of these texts would take, without asking anybody; no key is needed."""
        asked, _ = self._distinct(texts)
        kept = {} if self.cache is None else Cache(self.cache).take([self._digest(text, kind) for text in asked])
        sizes = [estimated(self._sent(text, kind)) for text in asked if self._digest(text, kind) not in kept]
        family = self.provider.family(self.model)
        return Estimate(
            texts=len(texts),
            distinct=len(asked),
            kept=len(kept),
            requests=sum(1 for _ in self._limits.batches(sizes)),
            tokens=sum(sizes),
            cost=None if family.price is None else sum(sizes) * family.price / 1e6,
            currency=family.currency,
        )

    @property
    def _limits(self) -> Limits:
        return self._learnt[-1] if self._learnt else Limits(self.provider.inputs, self.provider.tokens)

    @cached_property
    def _exchange(self) -> Exchange:
        """The line to the service, with the key; ``ImportError`` that names the extra without its libraries."""
        try:
            from wordfield.models.service.exchange import Exchange
        except ImportError as error:
            raise ImportError(
                f"to ask {self.name} {error.name} is needed, which is not installed: pip install 'wordfield[api]'"
            ) from error
        provider = self.provider
        return Exchange(
            provider,
            self.model,
            self._key(),
            self.dimensions,
            self.timeout,
            self.attempts,
            Bucket(provider.requests_a_minute),
            Bucket(provider.tokens_a_minute),
        )

    def _key(self) -> Key | None:
        variable = self.provider.variable
        if not variable or (variable == ANY and not key_given(variable)):
            return None
        return key_of(variable, self.provider.keys_at)

    def _fetch(self, texts: list[str], kind: Kind | None, keep: Any, progress: Progress) -> None:
        """Ask for the vectors of texts, as they are sent."""
        exchange = self._exchange
        from wordfield.models.service.fetching import fetch

        sizes = [estimated(text) for text in texts]
        work = Work(sizes, self._limits)
        task = dict(self.provider.tasks).get(kind) if kind else None
        more = {"task": task} if task else {}
        try:
            fetch(partial(exchange.ask, more=more), texts, sizes, work, self.concurrency, keep, progress)
        finally:
            self._learnt[:] = [work.limits]

    def _distinct(self, texts: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
        """The different texts, cut where that was asked for, and of each text which of them it is."""
        if isinstance(texts, str):
            raise TypeError("embed takes a list of texts, not one: embed([text])")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text is a str, not {type(text).__name__}: {text!r:.60}")
        longest = self.provider.family(self.model).longest
        longest = self.provider.family(self.model).longest
        over = f"longer than the {longest:,} tokens that {self.name} reads; truncate=True (--truncate) cuts such texts"
        self._refuse(texts, [not text.strip() for text in texts], "there is nothing in it")
        self._refuse(texts, [not _whole(text) for text in texts], "half a character (a lone surrogate) cannot be sent")
        if not self.truncate:
            self._refuse(texts, [at_least(text) > longest for text in texts], over)
        rows: dict[str, int] = {}
        cut = [shortened(text, longest) if self.truncate else text for text in texts]
        places = [rows.setdefault(text, len(rows)) for text in cut]
        return list(rows), np.array(places, np.intp)

    @staticmethod
    def _refuse(texts: Sequence[str], wrong: list[bool], fault: str) -> None:
        """``ValueError`` that names the texts at fault, if there are any."""
        if any(wrong):
            raise ValueError(f"{_named(np.flatnonzero(wrong), texts)}: {fault}")

    def _digest(self, text: str, kind: Kind | None) -> Digest:
        meant = (self.provider.name, self.provider.address, self.model, self.dimensions)
        return digest(text, *meant, self._prompt(kind), dict(self.provider.tasks).get(kind) if kind else None)

    def _prompt(self, kind: Kind | None) -> str:
        if kind not in (None, *get_args(Kind)):
            raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
        family = self.provider.family(self.model)
        return family.query if kind == "query" else family.document if kind == "document" else ""

    def _sent(self, text: str, kind: Kind | None) -> str:
        return self._prompt(kind) + text

    def _check_alike(self, vectors: Iterable[Vectors]) -> None:
        """``ValueError`` where not all have the same number of numbers: it is another model than it was."""
        if len(sizes := {len(vector) for vector in vectors}) > 1:
            raise ValueError(
                f"{self.name} gives vectors of {' and of '.join(map(str, sorted(sizes)))} numbers: it is not the model "
                f"that it was; with another cache, or without {self.cache}, all is asked for again"
            )


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(places: Sequence[int] | NDArray[np.intp], texts: Sequence[str]) -> str:
    """Some texts by their places, from 0, and the beginning of the first."""
    shown = ", ".join(map(str, places[:NAMED])) + (f" and {len(places) - NAMED} more" if len(places) > NAMED else "")
    return f"text{'s' if len(places) > 1 else ''} {shown} ({texts[places[0]][:40]!r})"
