"""The loop that trains static vectors: chunks of the corpus to threads, the falling learning rate, the loss, held-out
text, Ctrl-C.

Threads write to the same tables without locks (Hogwild: Recht, Re, Wright and Niu 2011), so only one thread repeats bit
for bit.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress
from wordfield.text.ids import Ids
from wordfield.text.vocabulary import Bags

log = logging.getLogger(__name__)

LARGEST_CHUNK, SMALLEST_CHUNK = (
    65_536,
    1_024,
)  # tokens; a step takes milliseconds, so that Ctrl-C and progress are prompt
CHUNKS = 512  # at least so many in all, as far as the smallest allows: threads finish together

Span = tuple[int, int]
Job = TypeVar("Job")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Plan:
    """How to go over a corpus: what every recipe of this family asks of the loop."""

    epochs: int
    learning_rate: float
    final_rate: float
    threads: int
    seed: int
    heldout: float = 0.0
    patience: int = 0


@dataclass
class History:
    """What training saw: a figure an epoch, in nats for each prediction; how many of the planned tokens are
    done, and how many of these before it was resumed.
    """

    loss: list[float] = field(default_factory=list)
    heldout: list[float] = field(default_factory=list)
    tokens: int = 0
    planned: int = 0
    resumed: int = 0
    threads: int = 1
    stopped: str = ""
    predictions: int = 0
    """How many were asked for so far."""
    unfinished: tuple[float, int] = (0.0, 0)
    """Loss and predictions of the epoch that was interrupted."""


Step = Callable[[Any, Any, Any, np.uint64], tuple[float, int]]
"""A kernel with its tables: (chunk, rates, scratch, state) -> (loss, predictions)."""


def keep(counts: NDArray[np.int64], threshold: float) -> NDArray[np.uint32]:
    """For each word, the largest of 32 random bits with which it is kept: sqrt(t / f) + t / f of all, f its share
    (word2vec.c).
    """
    if not threshold:
        return np.full(len(counts), 0xFFFFFFFF, np.uint32)
    ratio = threshold * counts.sum() / np.maximum(counts, 1)
    keep: NDArray[np.uint32] = (np.minimum(1, np.sqrt(ratio) + ratio) * 0xFFFFFFFF).astype(np.uint32)
    return keep


def windowed(
    tables: Any, reading: Any, bags: Bags, loss: str, negatives: int, answers: Any, cbow: bool, shared: bool
) -> Step:
    """The step in which a word, the mean of its rows, predicts its neighbours, or (``cbow``) the mean of all rows of
    the neighbours a word. ``answers``: what the loss asks for, see ``kernels.bags.trainer``.
    """
    from wordfield.kernels.bags import trainer
    from wordfield.kernels.bags import windowed as examples

    train = trainer(tables.input.shape[1], loss, negatives, shared)

    def step(chunk: Any, rates: Any, scratch: Any, state: np.uint64) -> tuple[float, int]:
        asked, state = examples(chunk, reading, bags.starts, bags.rows, cbow, scratch, state)
        return train(tables, asked, answers, rates, np.uint64(state))

    return step


def shared(
    jobs: Iterator[Job], worker: Callable[[int], Callable[[Job], Done]], threads: int, late: Callable[[Done], None]
) -> Generator[Done, None, None]:
    """What ``threads`` threads make of ``jobs``, as it comes. The main thread only listens, so that it hears Ctrl-C.

    ``worker`` gives each thread, by its number, what does a job. Where the generator is closed early, or a thread
    fails, all threads end first; ``late`` then gets what they finished meanwhile.
    """
    results: SimpleQueue[Any] = SimpleQueue()
    stop, lock = threading.Event(), threading.Lock()

    def work(number: int) -> None:
        try:
            do = worker(number)
            while not stop.is_set():
                with lock:
                    job = next(jobs, None)
                if job is None:
                    break
                results.put((do(job),))
            results.put(None)
        except BaseException as error:
            results.put(error)

    running = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(threads)]
    for thread in running:
        thread.start()
    left = len(running)
    try:
        while left:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if result is None:
                left -= 1
            else:
                yield result[0]
    finally:
        stop.set()
        for thread in running:
            thread.join()
        while not results.empty():
            if isinstance(result := results.get(), tuple):
                late(result[0])


class Loop:
    """One training run over ``ids``; ``history`` is true at any moment, also when `run` is interrupted."""

    def __init__(self, ids: Ids, step: Step, plan: Plan, progress: Progress) -> None:
        self.ids, self.step, self.plan, self.progress = ids, step, plan, progress
        size = max(SMALLEST_CHUNK, min(LARGEST_CHUNK, ids.tokens * plan.epochs // CHUNKS))
        self.spans, self.kept_aside = _split(ids.chunks(size), plan.heldout, plan.seed)
        self.longest = max(last - first for first, last in self.spans + self.kept_aside)
        tokens = sum(last - first for first, last in self.spans)
        self.history = History(planned=tokens * plan.epochs, threads=plan.threads)

    def resume(self, before: dict[str, Any]) -> None:
        """Go on where a run of the same plan over the same corpus was interrupted, as its ``history`` tells."""
        self.history.loss, self.history.heldout = list(before["loss"]), list(before["heldout"])
        self.history.tokens = self.history.resumed = before["tokens"]
        self.history.unfinished = tuple(before["unfinished"])

    def run(
        self, keep_best: Callable[[], None] = lambda: None, restore_best: Callable[[], None] = lambda: None
    ) -> None:
        """Train until the epochs are done, or the held-out loss has not fallen for ``patience`` epochs: then the best
        is restored.

        ``FloatingPointError`` when the loss is no longer a number. What ``progress`` raises, and Ctrl-C, pass through
        once all threads have ended.
        """
        history, plan = self.history, self.plan
        best, since = min(history.heldout, default=math.inf), 0
        for epoch in range(len(history.loss), plan.epochs):
            try:
                history.loss.append(self._epoch(epoch))
            except FloatingPointError as error:
                if not plan.patience or best == math.inf:
                    raise
                history.stopped, since = f"in epoch {epoch + 1}: {error}", 1
                break
            history.unfinished = (0.0, 0)
            if not self.kept_aside:
                continue
            history.heldout.append(self._measure())
            self.progress(history.tokens, history.planned, epoch=epoch + 1, heldout=history.heldout[-1])
            if history.heldout[-1] < best:
                best, since = history.heldout[-1], 0
                if plan.patience:
                    keep_best()
                continue
            since += 1
            if plan.patience and since >= plan.patience:
                history.stopped = f"after epoch {epoch + 1}: the held-out loss had not fallen for {since} epochs"
                break
        if since and plan.patience:
            restore_best()
        if not history.predictions:
            log.warning("there was nothing to learn from: no word kept a neighbour; try subsample=0, or more text")

    def _epoch(self, epoch: int) -> float:
        """Train on all spans: the mean loss."""
        history = self.history
        with closing(self._pass(self.spans, epoch, training=True)) as results:
            for tokens, loss, predictions in results:
                self._count(tokens, loss, predictions)
                mean = history.unfinished[0] / max(history.unfinished[1], 1)
                if not math.isfinite(mean):
                    rate = self.plan.learning_rate
                    raise FloatingPointError(f"the loss of epoch {epoch + 1} is no number: lower learning_rate, {rate}")
                self.progress(history.tokens, history.planned, epoch=epoch + 1, loss=mean)
        return history.unfinished[0] / max(history.unfinished[1], 1)

    def _measure(self) -> float:
        """The mean loss on the text kept aside, with the same random choices every time."""
        with closing(self._pass(self.kept_aside, 0, training=False)) as results:
            measured = list(results)
        return math.fsum(loss for _, loss, _ in measured) / max(sum(predictions for _, _, predictions in measured), 1)

    def _count(self, tokens: int, loss: float, predictions: int) -> None:
        before = self.history.unfinished
        self.history.tokens += tokens
        self.history.predictions += predictions
        self.history.unfinished = (before[0] + loss, before[1] + predictions)

    def _pass(self, spans: Sequence[Span], epoch: int, training: bool) -> Generator[tuple[int, float, int], None, None]:
        """One pass over ``spans`` by all threads: tokens, loss and predictions of each."""

        def worker(number: int) -> Callable[[Any], tuple[int, float, int]]:
            scratch = self._scratch(number)

            def step(job: tuple[Span, Any, np.uint64]) -> tuple[int, float, int]:
                span, rates, state = job
                return span[1] - span[0], *self.step(self._chunk(*span), rates, scratch, state)

            return step

        late = (lambda result: self._count(*result)) if training else (lambda _: None)
        return shared(self._jobs(spans, epoch, training), worker, min(self.history.threads, len(spans)), late)

    def _jobs(self, spans: Sequence[Span], epoch: int, training: bool) -> Iterator[tuple[Span, Any, np.uint64]]:
        """Each span still to do, its rates, and the seed of its random choices: of nothing but the recipe's seed and
        its place.
        """
        from wordfield.kernels.sampling import Rates

        reached = self.history.tokens if training else 0
        done = sum(last - first for first, last in spans) * epoch
        for place, span in enumerate(spans):
            after = done + span[1] - span[0]
            if after > reached:
                rates = Rates(self._rate(done), self._rate(after)) if training else Rates(0.0, 0.0)
                seed = np.random.SeedSequence((self.plan.seed, training, epoch, place))
                yield span, rates, seed.generate_state(1, np.uint64)[0]
            done = after

    def _rate(self, done: int) -> float:
        return self.plan.learning_rate * (1 - (1 - self.plan.final_rate) * done / self.history.planned)

    def _chunk(self, first: int, last: int) -> Any:
        """Tokens ``first:last`` with the starts of the sentences among them; the first may have begun before, the last
        go on after.
        """
        from wordfield.kernels.sampling import Chunk

        starts = self.ids.starts
        inside = starts[np.searchsorted(starts, first, "right") : np.searchsorted(starts, last, "left")]
        bounds: NDArray[np.int64] = np.concatenate(([0], inside - first, [last - first])).astype(np.int64)
        return Chunk(np.array(self.ids.window(first, last)), bounds)

    def _scratch(self, thread: int) -> Any:
        from wordfield.kernels.sampling import Windows

        kept, low, high = (np.empty(self.longest + 1, np.int32) for _ in range(3))
        return Windows(kept, low, high, thread)


def _split(spans: list[Span], share: float, seed: int) -> tuple[list[Span], list[Span]]:
    """The spans to train on and, drawn at random, a ``share`` of them to keep aside, at least one if any."""
    if not share:
        return spans, []
    if len(spans) < 2:
        raise ValueError(
            f"heldout={share} needs a longer corpus: all of it fits into one chunk of {SMALLEST_CHUNK} tokens"
        )
    count = min(max(1, round(share * len(spans))), len(spans) - 1)
    aside = set(np.random.default_rng(seed).choice(len(spans), count, replace=False).tolist())
    return [s for i, s in enumerate(spans) if i not in aside], [s for i, s in enumerate(spans) if i in aside]
