"""Requests that come at the same time are answered together: a model reads many texts sooner than one after the other.

While a model reads, further requests wait; when it is free it takes all that wait, up to a number of texts. So nothing
waits for company, and the busier the server is, the larger the batches are. The model reads in a thread of its own,
and the server goes on listening.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from wordfield.server.faults import Fault

Matrix = NDArray[np.float32]
Read = Callable[[Sequence[str]], tuple[Matrix, Sequence[int]]]
"""Texts -> vectors (len(texts), dim), and how many tokens each has."""


class Waiting(NamedTuple):
    """A request that waits."""

    texts: Sequence[str]
    answer: asyncio.Future[tuple[Matrix, int]]


@final
class Batcher:
    """The line before one model: at most ``most`` requests wait, the next is turned away."""

    def __init__(self, read: Read, most: int, together: int) -> None:
        self._read, self._most, self._together = read, most, together
        self._line: deque[Waiting] = deque()
        self._working: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1)

    def __len__(self) -> int:
        return len(self._line)

    async def ask(self, texts: Sequence[str]) -> tuple[Matrix, int]:
        """The vectors of ``texts``, and how many tokens they have; ``Fault`` 429 where too many wait already.

        Cancelled, as when the client has gone, a request that still waits is never read.
        """
        if len(self._line) >= self._most:
            said = f"{len(self._line)} requests wait already: come again a little later"
            raise Fault(429, said, code="rate_limit_exceeded")
        waiting = Waiting(texts, asyncio.get_running_loop().create_future())
        self._line.append(waiting)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await waiting.answer

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        """Give the model what waits, until nothing does."""
        while self._line:
            batch: list[Waiting] = []
            count = 0
            while self._line and (not batch or count + len(self._line[0].texts) <= self._together):
                if not (waiting := self._line.popleft()).answer.done():
                    batch.append(waiting)
                    count += len(waiting.texts)
            if batch:
                await self._answer(batch)

    async def _answer(self, batch: Sequence[Waiting]) -> None:
        """Give each request its part, or, alone where they failed together, its error."""
        texts = [text for waiting in batch for text in waiting.texts]
        try:
            vectors, sizes = await asyncio.get_running_loop().run_in_executor(self._thread, self._read, texts)
        except Exception as error:
            if len(batch) > 1:  # one of them may be at fault
                for waiting in batch:
                    await self._answer([waiting])
            elif not batch[0].answer.done():
                batch[0].answer.set_exception(error)
            return
        start = 0
        for waiting in batch:
            end = start + len(waiting.texts)
            if not waiting.answer.done():
                waiting.answer.set_result((vectors[start:end], sum(sizes[start:end])))
            start = end
