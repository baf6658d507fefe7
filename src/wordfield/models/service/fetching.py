"""Vectors of many texts from one service: several requests on their way at once, and nothing asked for in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue

from wordfield.models.service.answers import Vectors
from wordfield.models.service.exchange import Keep, Refused, ServiceError
from wordfield.models.service.work import Work
from wordfield.progress import Progress, silent

Ask = Callable[[Sequence[str], Sequence[int], Keep], None]
"""``Exchange.ask``."""
GRACE = 5.0
"""Seconds in which, after Ctrl-C, the answers that are on their way may still come."""
HOPELESS = 3
"""Single texts that may be refused before any is accepted, until the request itself is taken to be at fault."""


def fetch(
    ask: Ask,
    texts: Sequence[str],
    sizes: Sequence[int],
    work: Work,
    concurrency: int,
    keep: Keep,
    progress: Progress = silent,
) -> None:
    """``ask`` for the vectors of ``texts``, of about so many tokens each, as ``work`` hands them out, with up to
    ``concurrency`` requests at once. ``keep`` is given what has come, by place, in the thread that received it.

    ``ServiceError`` that has the places of the texts at fault, after all others have come; at once where the service
    cannot be asked at all. Whatever ``progress`` raises stops it: answers that are on their way are still kept.
    """
    events: SimpleQueue[int | BaseException | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_serve, args=(ask, texts, sizes, work, keep, events), daemon=True)
        for _ in range(max(1, min(concurrency, len(texts))))
    ]
    for thread in threads:
        thread.start()
    came, running, faults = 0, len(threads), list[ServiceError]()
    try:
        while running:
            event = events.get()
            if event is None:
                running -= 1
            elif isinstance(event, int):
                came += event
                progress(came, len(texts))
            elif isinstance(event, ServiceError) and event.places:
                faults.append(event)
                if not came and len(faults) == HOPELESS:
                    raise ServiceError(str(event))
            else:
                raise event
    except BaseException:
        work.stop()
        for thread in threads:
            thread.join(GRACE / len(threads))
        raise
    if faults:
        raise ServiceError(str(faults[0]), sorted(place for fault in faults for place in fault.places))


def _serve(
    ask: Ask,
    texts: Sequence[str],
    sizes: Sequence[int],
    work: Work,
    keep: Keep,
    events: SimpleQueue[int | BaseException | None],
) -> None:
    """What a thread does: ask for what is handed out until nothing is, and tell how many vectors came, or what failed.

    Texts whose vectors are wrong time and again are told by their places, as are single ones that are refused.
    """
    while (batch := work.take()) is not None:

        def kept(vectors: Mapping[int, Vectors], tokens: int, batch: range = batch) -> None:
            keep({batch[here]: vector for here, vector in vectors.items()}, tokens)
            events.put(len(vectors))

        try:
            ask([texts[place] for place in batch], [sizes[place] for place in batch], kept)
        except Refused as error:
            if len(batch) > 1:
                work.refused(batch, str(error))
                continue
            events.put(ServiceError(str(error), batch))
        except ServiceError as error:
            events.put(ServiceError(str(error), [batch[here] for here in error.places]))
        except BaseException as error:
            events.put(error)
        work.done()
    events.put(None)
