"""LLM: the table of token vectors inside a language model, learnt by foreseeing the next token; input and output share
one matrix, or each has its own.

A compact decoder as large language models are built today, see ``decoder``. After Bengio, Ducharme, Vincent and Jauvin
(2003), who learnt word vectors this way first, and Press and Wolf (2017, arXiv 1608.05859) and Inan, Khosravi and
Socher (2017, arXiv 1611.01462), who tied both tables.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wordfield.formats.table import Network
from wordfield.models.checks import Bounds, check
from wordfield.models.runs import INTERRUPTED, Enough, Trial, same, thread_count
from wordfield.models.sequence import missing
from wordfield.models.sequence.language_model import LanguageModel, total_loss
from wordfield.models.sequence.streams import Stream, everything, split
from wordfield.models.sequence.tokens import Tokens, chosen, cut, expected, found
from wordfield.progress import Progress, silent
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.decoder import Decoder
    from wordfield.models.sequence.training import Plan
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint"
"""Why a model is not at its end whose training goes on meanwhile."""
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
LEAST = {
    "dim": 2,
    "layers": 1,
    "heads": 1,
    "inner": 1,
    "context": 2,
    "pieces": 2,
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
class LLM:
    """Vectors of tokens, and of words in context, by a causal transformer that foresees the next token."""

    dim: int = 256
    """Numbers in a token's vector."""
    layers: int = 4
    """Layers of the network."""
    heads: int = 4
    """Attention heads, which divide `dim`."""
    inner: int | None = None
    """Numbers inside the gated network; unset: 8/3 of `dim`, a multiple of 32."""
    context: int = 128
    """Tokens that are read together."""
    tied: bool | str = True
    """Whether the input and the output table are one matrix; "until:0.66": until this share of the training."""
    pieces: int = 8000
    """Pieces of words (BPE) that are learnt from the corpus where no tokenizer is named."""
    min_count: int = 5
    """Whole words that occur less often become <unk>."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent whole words, <eos> and <unk> with them."""
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
    """Share of the corpus kept aside to measure the loss on, where no text for it is given."""
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
        if self.dim % self.heads or self.dim // self.heads % 2:
            raise ValueError(f"dim must be an even number for each of heads={self.heads}, not {self.dim} for all")
        self.until()
        self.seconds()

    def fit(
        self,
        corpus: Corpus | Iterable[Any],
        progress: Progress = silent,
        start: LanguageModel | None = None,
        validation: Corpus | Iterable[Any] | None = None,
        checkpoint: Callable[[LanguageModel], None] | None = None,
    ) -> LanguageModel:
        """Train on ``corpus``, or what one is made of. Tokens are words as the corpus cuts them if it names a tokenizer
        or is lists of words, else pieces of words that are learnt from it.

        ``validation``: text to measure the loss on, instead of a share of the corpus. ``start``: a model to go on from,
        of the same shape, with its tokens. One whose training was interrupted goes on where it stopped, if recipe and
        corpus are the same: the result is that of a run without the interruption, bit for bit on a processor with as
        many threads, unless there is a budget. ``checkpoint``: is given the model as it is every five minutes.

        ``ValueError`` if the corpus has no words, or fewer tokens than a context. ``KeyboardInterrupt``, and
        ``FloatingPointError`` where the loss is no number, carry what was learnt so far as their ``partial``.
        """
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise missing(error) from error
        if start is not None and not isinstance(start, LanguageModel):
            raise ValueError("a network goes on from a language model only: give one as start, or none")
        begun, plan = time.perf_counter(), self.plan()
        corpus = Corpus.of(corpus)
        text = chosen(corpus, self.pieces) if start is None else cut(corpus, start.tokenizer)
        with text.scan(progress) as scan:
            corpus.invalid = scan.invalid
            tokens = found(scan, self.min_count, self.max_vocab) if start is None else start.tokens
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
                run = _Run(self, plan, tokens, Stream(ids, kept, tokens.end), heldout, start, progress, checkpoint)
                run.told = {"corpus": corpus.name, "corpus_tokens": scan.tokens, "known_tokens": ids.tokens}
                return run.result(time.perf_counter() - begun)
            finally:
                if aside is not None:
                    aside.close()

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Train for a moment on tokens of no meaning, with a network of the size that the corpus asks for. Pieces of
        words are learnt from the words of the sample. Early stopping and the budget are not foreseen.
        """
        from wordfield.models.sequence.training import Loop, copies
        from wordfield.text.sampling import Rehearsal, resident

        before = resident() + sample.memory
        rows, tokens = expected(sample, self.pieces, self.min_count, self.max_vocab)
        plan, decoder, trial = replace(self.plan(), budget=None), self.decoder(rows), Trial()
        examples = _Meaningless(rows, self.context, max(1, tokens // (self.batch * self.context)))
        with suppress(Enough):
            Loop(decoder, examples, plan, trial).run()
        size = sum(parameter.nbytes for parameter in decoder.parameters())
        memory = max(before, resident()) + size * copies(decoder, plan)
        return Rehearsal(rows, tokens, self.epochs * tokens / trial.rate, memory, size)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "llm", **asdict(self)}

    def until(self) -> float:
        """The share of the training up to which both tables are one: 0 is never, 1 always."""
        if isinstance(self.tied, bool):
            return float(self.tied)
        match = re.fullmatch(r"until:(0?\.\d+)", str(self.tied))
        if match is None:
            raise ValueError(f'tied must be True, False, or "until:" and a share such as until:0.66, not {self.tied!r}')
        return float(match[1])

    def seconds(self) -> float | None:
        """The budget in seconds."""
        if self.budget is None:
            return None
        match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", str(self.budget))
        if match is None or not float(match[1]):
            raise ValueError(f"budget must be a time such as 90s, 20min or 1.5h, not {self.budget!r}")
        return float(match[1]) * UNITS[match[2]]

    def plan(self) -> Plan:
        """How to train."""
        from wordfield.models.sequence.training import Plan, device_of, precision_of

        device = device_of(self.device)
        names = ("epochs", "batch", "accumulate", "learning_rate", "final_rate", "warmup", "weight_decay", "clip")
        given = {name: getattr(self, name) for name in (*names, "dropout", "checks", "patience", "seed")}
        precision = precision_of(self.precision, device)
        threads = thread_count(self.threads)
        return Plan(**given, threads=threads, device=device, precision=precision, budget=self.seconds())

    def decoder(self, vocabulary: int) -> Decoder:
        """The network for so many tokens, as it is before training."""
        import torch

        from wordfield.models.sequence.decoder import Decoder, Shape

        inner = self.inner or max(32, round(8 * self.dim / 96) * 32)
        shape = Shape(
            vocabulary=vocabulary,
            dim=self.dim,
            layers=self.layers,
            heads=self.heads,
            groups=self.heads,
            width=self.dim // self.heads,
            inner=inner,
            context=self.context,
            tied=self.until() > 0,
        )
        made = Decoder(shape)
        made.begin(torch.Generator().manual_seed(self.seed))
        return made


class Blocks:
    """Stretches of a stream, in another order and cut at other places in each epoch."""

    def __init__(self, stream: Stream, context: int, batch: int, seed: int) -> None:
        self._stream, self._context, self._seed = stream, context, seed
        self._blocks = (len(stream) - context) // context
        self.steps = max(1, self._blocks // batch)
        self._order: tuple[int, int, Any] = (-1, 0, None)

    def batch(self, epoch: int, step: int, size: int) -> Any:
        """``size`` stretches of context + 1 tokens, (size, context + 1)."""
        import torch

        if self._order[0] != epoch:
            random = np.random.default_rng((self._seed, epoch))
            spare = len(self._stream) - 1 - self._blocks * self._context
            self._order = (epoch, int(random.integers(spare + 1)), random.permutation(self._blocks))
        _, shift, order = self._order
        firsts = [shift + int(block) * self._context for block in order[step * size : (step + 1) * size]]
        return torch.from_numpy(np.stack([self._stream.read(first, first + self._context + 1) for first in firsts]))


class _Meaningless:
    """Tokens drawn at random, as many steps as asked for."""

    def __init__(self, rows: int, context: int, steps: int) -> None:
        self._rows, self._context, self.steps = rows, context, steps

    def batch(self, epoch: int, step: int, size: int) -> Any:
        """(size, context + 1) tokens."""
        import torch

        del epoch, step
        return torch.randint(self._rows, (size, self._context + 1))


class _Run:
    """One training run: the network, what it reads, and the model as trained so far."""

    def __init__(
        self,
        recipe: LLM,
        plan: Plan,
        tokens: Tokens,
        stream: Stream,
        heldout: Stream | None,
        start: LanguageModel | None,
        progress: Progress,
        checkpoint: Callable[[LanguageModel], None] | None,
    ) -> None:
        from wordfield.models.sequence.training import Loop

        if len(stream) <= 2 * recipe.context:
            raise ValueError(
                f"the corpus has {len(stream)} tokens to train on, ends of sentences with them: context="
                f"{recipe.context} needs more than {2 * recipe.context}; give more text, or a smaller context"
            )
        self.recipe, self.tokens, self.told = recipe, tokens, dict[str, Any]()
        self.decoder = recipe.decoder(len(tokens.vocabulary)) if start is None else _copy(start, recipe)
        self.decoder.to(plan.device)
        self.seconds: dict[str, float] = {}
        self.loop = Loop(
            self.decoder,
            Blocks(stream, recipe.context, recipe.batch, recipe.seed),
            plan,
            progress,
            measure=None if heldout is None else lambda: self._measure(heldout, plan),
            passed=self._passed,
            checkpoint=lambda: None if checkpoint is None else checkpoint(self._model(CHECKPOINT)),
        )
        history = {} if start is None else start.history
        if start is not None and history.get("stopped") in (INTERRUPTED, CHECKPOINT):
            if history["steps"] and not start.state:
                log.warning("the model to go on from has lost the state of its training: only its weights are taken")
            elif same(start.recipe, recipe.described()):
                self.loop.resume(history, start.state)
            else:
                log.warning("the training to go on from had other settings: its weights are taken, its course is not")

        self._before = self.loop.history.spent

    def result(self, reading: float) -> LanguageModel:
        """Train, and return the model."""
        self.seconds["read"] = reading
        try:
            self.loop.run()
        except (KeyboardInterrupt, FloatingPointError) as stop:
            stop.partial = self._model(INTERRUPTED)  # type: ignore[union-attr]
            raise
        return self._model("")

    def _passed(self, share: float) -> None:
        until = self.recipe.until()
        if self.decoder.tied and until < 1 and share >= until:
            self.decoder.untie()

    def _measure(self, heldout: Stream, plan: Plan) -> float:
        from wordfield.models.sequence.training import allotted, autocast

        with allotted(plan.threads), autocast(plan):
            return total_loss(self.decoder, heldout, self.recipe.context) / (len(heldout) - 1)

    def _model(self, stopped: str) -> LanguageModel:
        """The model as trained so far; where training goes on from it, with what that needs."""
        from wordfield.models.sequence import llama

        history, decoder = self.loop.history, self.decoder
        shape = replace(decoder.shape, tied=decoder.tied)
        tensors = llama.tensors(decoder)
        output = None if decoder.tied else Dense(tensors[llama.OUTPUT])
        network = Network(llama.config(shape, self.tokens.end), tensors, output)
        words = WordVectors(self.tokens.vocabulary, Dense(tensors[llama.TABLE]))
        seconds = {"seconds": self.seconds | {"train": history.spent - self._before}}
        state = self.loop.state() if stopped else {}
        told = self.told | asdict(history) | seconds | {"stopped": stopped or history.stopped}
        return LanguageModel(words, self.tokens.tokenizer, network, self.recipe.described(), told, state)


def _copy(start: LanguageModel, recipe: LLM) -> Decoder:
    """The network of ``start``, to train on. ``ValueError`` where it is of another shape than the recipe's."""
    from wordfield.models.sequence import llama

    made = llama.decoder(start.network.config, start.network.tensors)
    asked, there = recipe.decoder(len(start.words)).shape, made.shape
    if replace(asked, tied=there.tied) != there:
        raise ValueError(f"the model to go on from has {there}, the recipe asks for {asked}: give its dim and so on")
    return made
