"""What the recipes of this family have in common: the fields of a training, and the way from a corpus to a model.

A recipe says what its network is, what examples it makes of a stream of tokens, and what model comes of it. Annotations
are no strings here: who reads the fields of a recipe looks their names up in its own file.
"""

import logging
import math
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import Bounds, check
from wordfield.models.runs import INTERRUPTED, Enough, Trial, same, thread_count
from wordfield.models.sequence import missing
from wordfield.models.sequence.streams import Noise, Stream, everything, split
from wordfield.models.sequence.tokens import cut
from wordfield.progress import Progress, silent
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan

if TYPE_CHECKING:
    from wordfield.models.sequence.contextual import ContextualModel
    from wordfield.models.sequence.training import Examples, Measured, Plan
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint"
"""Why a model is not at its end whose training goes on meanwhile."""
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
LEAST = {
    "dim": 2,
    "layers": 1,
    "context": 2,
    "min_count": 1,
    "max_vocab": 3,
    "batch": 1,
    "accumulate": 1,
    "epochs": 1,
    "checks": 1,
    "patience": 0,
    "threads": 1,
    "seed": 0,
}
SHARE = ("a share, from 0 to below 1", lambda share: 0 <= share < 1)
NUMBERS: Bounds = {
    "dropout": SHARE,
    "heldout": SHARE,
    "warmup": SHARE,
    "final_rate": ("a share of the learning rate, from 0 to 1", lambda share: 0 <= share <= 1),
    "learning_rate": ("above 0", lambda rate: 0 < rate < math.inf),
    "weight_decay": ("0 or more", lambda decay: 0 <= decay < math.inf),
    "clip": ("0 (none) or more", lambda norm: 0 <= norm < math.inf),
}


@dataclass(frozen=True)
class NetworkRecipe:
    """A network that reads words in context."""

    MODEL: ClassVar[str]
    """The line of the lineage."""
    FORMAT: ClassVar[str] = "checkpoint"
    """What its models are written as."""

    dim: int = 256
    """Numbers in a token's vector."""
    layers: int = 4
    """Layers of the network."""
    context: int = 128
    """Tokens that are read together."""
    min_count: int = 5
    """Whole words that occur less often become the unknown one."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent whole words, the tokens that are no words with them."""
    batch: int = 32
    """Stretches of `context` tokens a step."""
    accumulate: int = 1
    """Parts that a batch is read in one after the other, where memory is short."""
    epochs: int = 5
    """Passes over the corpus."""
    budget: str | None = None
    """Time to train for, at most, such as 20min or 1.5h: the learning rate falls with it."""
    learning_rate: float = 3e-3
    """Step size at its highest."""
    warmup: float = 0.03
    """Share of the training in which the learning rate rises."""
    final_rate: float = 0.02
    """Share of the learning rate left at the end of its linear fall."""
    weight_decay: float = 0.1
    """How strongly the matrices are pulled to zero; tables and norms are not."""
    clip: float = 1.0
    """Longest gradient that is followed in full; 0: any."""
    dropout: float = 0.1
    """Share of numbers set to zero at random while training; more for a small corpus that is read often."""
    heldout: float = 0.01
    """Share of the corpus kept aside to measure the loss on, about 100,000 tokens at most, where no text for it is
    given."""
    checks: int = 20
    """How often, in the whole training, the held-out loss is measured."""
    patience: int = 0
    """Stop after this many checks without a better held-out loss, and return the best; 0 trains to the end."""
    device: str = "auto"
    """cpu, cuda, or auto: the GPU where there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """What matrices are multiplied in; auto: bfloat16 where the device has such arithmetic."""
    threads: int | None = None
    """Threads that train; unset: one a processor. The same number and seed give the same model, bit for bit."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        check(self, LEAST, {"precision": ("auto", "float32", "bfloat16")}, NUMBERS)
        self.seconds()

    def prepared(self, corpus: Corpus) -> Corpus:
        """The corpus, cut into what the network reads."""
        raise NotImplementedError

    def tokens(self, scan: Scan) -> Any:
        """The tokens of a corpus that was scanned."""
        raise NotImplementedError

    def taken(self, start: Any, scan: Scan) -> Any:
        """The tokens of a model to go on from."""
        del scan
        return start.tokens

    def supposed(self, sample: "Sample") -> tuple[Any, int]:
        """Tokens of no meaning, as many as are expected of a corpus, and how many it has, ends of sentences with
        them.
        """
        raise NotImplementedError

    def network(self, tokens: Any) -> Any:
        """The network for these tokens, as it is before training."""
        raise NotImplementedError

    def examples(self, stream: Stream, tokens: Any) -> "Examples":
        """What is learnt from."""
        raise NotImplementedError

    def shown(self, network: Any, stream: Stream) -> None:
        """Called once with the text that is to be learnt from."""

    def measured(self, network: Any, heldout: Stream, tokens: Any) -> "Measured":
        """What a network makes of text that was kept aside: the mean loss, in nats a prediction."""
        raise NotImplementedError

    def continued(self, start: Any, tokens: Any) -> Any:
        """The network of ``start``, to train on; ``ValueError`` where this recipe is not for it."""
        raise NotImplementedError

    def passed(self, network: Any, share: float) -> None:
        """Called with the ``share`` of the training that is done, before each step."""

    def result(self, network: Any, tokens: Any, told: dict[str, Any], state: dict[str, NDArray[Any]]) -> Any:
        """The model as trained so far; ``told``: its history."""
        raise NotImplementedError

    def fit(
        self,
        corpus: Corpus | Iterable[Any],
        progress: Progress = silent,
        start: Any | None = None,
        validation: Corpus | Iterable[Any] | None = None,
        checkpoint: Callable[[Any], None] | None = None,
    ) -> Any:
        """Train on ``corpus``, or what one is made of.

        ``validation``: text to measure the loss on, instead of a share of the corpus. ``start``: a model to go on from,
        with its tokens. One whose training was interrupted goes on where it stopped, if recipe and corpus are the same:
        the result is that of a run without the interruption, bit for bit on a processor with as many threads, unless
        there is a budget. ``checkpoint``: is given the model as it is every five minutes.

        ``ValueError`` if the corpus has no words, or fewer tokens than a context. ``KeyboardInterrupt``, and
        ``FloatingPointError`` where the loss is no number, carry what was learnt so far as their ``partial``.
        """
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise missing(error) from error
        begun, plan = time.perf_counter(), self.plan()
        corpus = Corpus.of(corpus)
        text = self.prepared(corpus) if start is None else cut(corpus, _tokenizer(start))
        with text.scan(progress) as scan:
            corpus.invalid = scan.invalid
            tokens = self.tokens(scan) if start is None else self.taken(start, scan)
            ids = scan.encode(tokens.vocabulary, tokens.unknown)
            aside = None if validation is None else cut(Corpus.of(validation), tokens.tokenizer).scan()
            try:
                kept, held = split(ids, self.heldout if aside is None else 0.0, self.seed)
                heldout = Stream(ids, held, tokens.end) if held else None
                if aside is not None:
                    other = aside.encode(tokens.vocabulary, tokens.unknown)
                    heldout = Stream(other, everything(other), tokens.end)
                    if len(heldout) < 2:
                        raise ValueError("there are no words in the text for validation")
                stream = Stream(ids, kept, tokens.end)
                self._check_length(stream)
                network = self.network(tokens) if start is None else self.continued(start, tokens)
                self.shown(network, stream)
                run = Run(
                    self,
                    plan,
                    network,
                    self.examples(stream, tokens),
                    start,
                    progress,
                    made=lambda told, state: self.result(network, tokens, told, state),
                    measure=None if heldout is None else lambda: self.measured(network, heldout, tokens),
                    checkpoint=checkpoint,
                )
                run.told = {"corpus": corpus.name, "corpus_tokens": scan.tokens, "known_tokens": ids.tokens}
                return run.result(time.perf_counter() - begun)
            finally:
                if aside is not None:
                    aside.close()

    def _check_length(self, stream: Stream) -> None:
        if len(stream) <= 2 * self.context:
            raise ValueError(
                f"the corpus has {len(stream)} tokens to train on, ends of sentences with them: context={self.context} "
                f"needs more than {2 * self.context}; give more text, or a smaller context"
            )

    def rehearse(self, sample: "Sample") -> "Rehearsal":
        """Train for a moment on tokens of no meaning, with a network of the size that the corpus asks for. Pieces of
        words are learnt from the words of the sample. Early stopping and the budget are not foreseen.
        """
        from wordfield.models.sequence.training import Loop, copies
        from wordfield.text.sampling import Rehearsal, resident

        before = resident() + sample.memory
        tokens, count = self.supposed(sample)
        plan, network, trial = replace(self.plan(), budget=None), self.network(tokens), Trial()
        size = sum(parameter.nbytes for parameter in network.parameters())
        with suppress(Enough):
            Loop(network, self.examples(Noise(count, len(tokens.vocabulary)), tokens), plan, trial).run()
        memory = max(before, resident()) + size * copies(network, plan)
        return Rehearsal(len(tokens.vocabulary), count, self.epochs * count / trial.rate, memory, size)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": self.MODEL, **asdict(self)}

    def seconds(self) -> float | None:
        """The budget in seconds."""
        if self.budget is None:
            return None
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", str(self.budget))
        if match is None or not float(match[1]):
            raise ValueError(f"budget must be a time such as 90s, 20min or 1.5h, not {self.budget!r}")
        return float(match[1]) * UNITS[match[2]]

    def plan(self) -> "Plan":
        """How to train."""
        from wordfield.models.sequence.training import Plan, device_of, precision_of

        device = device_of(self.device)
        names = ("epochs", "batch", "accumulate", "learning_rate", "final_rate", "warmup", "weight_decay", "clip")
        given = {name: getattr(self, name) for name in (*names, "dropout", "checks", "patience", "seed")}
        precision = precision_of(self.precision, device)
        threads = thread_count(self.threads)
        return Plan(**given, threads=threads, device=device, precision=precision, budget=self.seconds())


class Blocks:
    """Stretches of a stream, in another order and cut at other places in each epoch. ``length``: tokens of one;
    ``overlap``: how many it shares with the next.
    """

    def __init__(self, stream: Stream, length: int, batch: int, seed: int, overlap: int = 0) -> None:
        self._stream, self._step, self._overlap, self._seed = stream, length - overlap, overlap, seed
        self._blocks = (len(stream) - length) // self._step
        self.steps = max(1, self._blocks // batch)
        self._order: tuple[int, int, Any] = (-1, 0, None)

    def read(self, epoch: int, step: int, size: int) -> NDArray[np.int64]:
        """``size`` stretches, (size, length)."""
        if self._order[0] != epoch:
            random = np.random.default_rng((self._seed, epoch))
            spare = len(self._stream) - self._overlap - self._blocks * self._step
            self._order = (epoch, int(random.integers(spare + 1)), random.permutation(self._blocks))
        _, shift, order = self._order
        firsts = [shift + int(block) * self._step for block in order[step * size : (step + 1) * size]]
        return np.stack([self._stream.read(first, first + self._step + self._overlap) for first in firsts])


class Run:
    """One training run: the network, what it reads, and the model as trained so far.

    ``made``: the model, of its history and the arrays from which training goes on. ``measure``: what the network makes
    of text that was kept aside, None where there is none. ``start``: the model to go on from, if it was interrupted.
    """

    def __init__(
        self,
        recipe: NetworkRecipe,
        plan: "Plan",
        network: Any,
        examples: "Examples",
        start: "ContextualModel | None",
        progress: Progress,
        *,
        made: Callable[[dict[str, Any], dict[str, NDArray[Any]]], Any],
        measure: "Callable[[], Measured] | None",
        checkpoint: Callable[[Any], None] | None,
    ) -> None:
        from wordfield.models.sequence.training import Loop

        self.told, self.seconds, self._made, self._plan = dict[str, Any](), dict[str, float](), made, plan
        network.to(plan.device)
        self.loop = Loop(
            network,
            examples,
            plan,
            progress,
            measure=None if measure is None else lambda: self._measured(measure),
            passed=lambda share: recipe.passed(network, share),
            checkpoint=lambda: None if checkpoint is None else checkpoint(self._model(CHECKPOINT)),
        )
        history = {} if start is None else start.history
        if start is not None and history.get("stopped") in (INTERRUPTED, CHECKPOINT):
            if history["steps"] and not start.state:
                log.warning("the model to go on from has lost the state of its training: only its weights are taken")
            elif same(start.recipe, recipe.described()):
                self.loop.resume(history, start.state)
            elif start.recipe.get("model") == recipe.MODEL:
                log.warning("the training to go on from had other settings: its weights are taken, its course is not")

        self._before = self.loop.history.spent

    def result(self, reading: float) -> Any:
        """Train, and return the model."""
        self.seconds["read"] = reading
        try:
            self.loop.run()
        except (KeyboardInterrupt, FloatingPointError) as stop:
            stop.partial = self._model(INTERRUPTED)  # type: ignore[union-attr]
            raise
        return self._model("")

    def _measured(self, measure: "Callable[[], Measured]") -> "Measured":
        import torch

        from wordfield.models.sequence.training import allotted, autocast

        with allotted(self._plan.threads), autocast(self._plan), torch.inference_mode():
            return measure()

    def _model(self, stopped: str) -> Any:
        """The model as trained so far; where training goes on from it, with what that needs."""
        history = self.loop.history
        seconds = {"seconds": self.seconds | {"train": history.spent - self._before}}
        state = self.loop.state() if stopped else {}
        return self._made(self.told | asdict(history) | seconds | {"stopped": stopped or history.stopped}, state)


def _tokenizer(start: Any) -> Any:
    """What cuts text for the model to go on from; ``ValueError`` for one that is no network."""
    from wordfield.models.sequence.contextual import ContextualModel

    if not isinstance(start, ContextualModel):
        raise ValueError("a network goes on from a network only: give one as start, or none")
    return start.tokenizer
