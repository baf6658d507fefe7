"""What training ELMo gives: vectors of words in context out of two language models, of any word that can be written,
and how surprised both are by a text.

V words, P numbers of a direction, D = 2 P, T words of a text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.elmo_parts import BEGIN, END, UNKNOWN, parsed
from wordfield.formats.table import Table
from wordfield.models.sequence.contextual import ContextualModel, Floats, Layer, Part, Share, mixed
from wordfield.models.sequence.language_model import Surprise
from wordfield.models.sequence.spelling import Spelling, Spelt
from wordfield.models.sequence.streams import Stream, everything
from wordfield.progress import Progress, silent
from wordfield.storage import Computed
from wordfield.text.corpus import Corpus
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.bilm import BiLM
    from wordfield.models.sequence.projected_lstm import State

Begin = Literal["warm", "zero", "carry"]

WARM = "warm_state"
"""What the tensor is called that has the state from which sentences begin: (directions, layers, P + C)."""
CANONICAL = (
    'The committee met on Monday to discuss the plan . ( It had been put off twice . ) " We need more time , " said '
    'Mr. Smith , " but in 1998 we had less than 5 % of it . " The river rises in the mountains and flows into the sea .'
)
"""Text that is read before any other where the model brings no state to begin with."""
STEPS = 128
"""Words of a long text that are read together, the state handed on."""
LANES, LONG = 32, 512
"""Stretches of a text that are read side by side to measure its losses, and how long they are at least."""
TYPES = 1 << 17
"""Words whose vectors are kept, so that their characters need not be read again."""
TYPES_AT_ONCE = 512
"""Words whose characters are read together."""


class Directions(NamedTuple):
    """How well both language models foresee a text."""

    forwards: Surprise
    backwards: Surprise


@final
@dataclass(frozen=True, eq=False)
class BidirectionalLanguageModel(ContextualModel):
    """Two language models over words that are read by their characters, and the vectors of the words themselves, which
    are what both read: `words` has those of the vocabulary. A vector of a word in context (D) is that of the forward
    model, then that of the backward model.
    """

    KIND = "bidirectional language model"
    POOLING = "mean"

    begin: Begin = "warm"
    """In which state a text is begun. warm: always the same one, that after a text which the model knows, so that the
    vectors depend on nothing but the text. zero: none, as before the very first text. carry: the one in which the text
    before has left it, of many texts the one at the same place in the call before, as the original has it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.begin not in get_args(Begin):
            raise ValueError(f"state must be one of {', '.join(get_args(Begin))}, not {self.begin!r}")

    @classmethod
    def of(cls, table: Table) -> Self:
        """What a format has read, as a model: where the file has no vectors of its words they are computed when they
        are needed.
        """
        made = super().of(table)
        if isinstance(table.storage, Computed):
            vocabulary = made.words.vocabulary
            storage = Computed(table.storage.shape, lambda: made.vectors(vocabulary.words))
            object.__setattr__(made, "words", WordVectors(vocabulary, storage).cut_by(made.tokenizer))
        return made

    @property
    def dim(self) -> int:
        """Numbers in a vector of a word in context, D."""
        return 2 * self.words.dim

    @cached_property
    def tokens(self) -> Spelt:
        """How text becomes words."""
        vocabulary = self.words.vocabulary
        return Spelt(self.tokenizer, Vocabulary(vocabulary.words), len(vocabulary))

    @cached_property
    def spelling(self) -> Spelling:
        """How words become numbers."""
        said = parsed(self.network.config)
        return Spelling(said.longest, said.characters)

    @property
    def bilm(self) -> BiLM:
        """The network in PyTorch."""
        return self.module

    def table(self) -> Table:
        """All of the model, as a format writes it, the state with it from which texts are begun."""
        found = super().table()
        network = self.network
        found.network = replace(network, tensors={**network.tensors, WARM: self._warm})
        return found

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it."""
        return super().info() | {"dim": self.dim}

    def beginning(self, how: Begin) -> Self:
        """The same model, which begins texts in another state; see ``begin``."""
        return replace(self, begin=how)

    def parts(self, rows: Sequence[str]) -> Iterator[Part]:
        """The text between a beginning and an end, however long it is."""
        yield Part([BEGIN, *rows, END], 1, 0, len(rows))

    def states(self, texts: Sequence[Sequence[Any]], layer: Layer = -1) -> list[Floats]:
        """See ``ContextualModel``; layer 0 is the vectors of the words themselves, twice."""
        if self.begin != "carry":
            return super().states(texts, layer)
        layers = self._layers(layer)
        found = self.through([[BEGIN, *rows, END] for rows in texts], layers) if texts else []
        return [states[1:-1] for states in found]

    def through(self, texts: Sequence[Sequence[str]], layers: Sequence[Share]) -> list[Floats]:
        """See ``ContextualModel``: shorter texts are filled up behind the word that each direction reads last."""
        import torch

        sizes = [len(words) for words in texts]
        flat = self.vectors([word for words in texts for word in words])
        padded = np.zeros((len(texts), max(sizes), self.words.dim), np.float32)
        for row, vectors in zip(padded, np.split(flat, np.cumsum(sizes[:-1])), strict=True):
            row[: len(vectors)] = vectors
        x = torch.from_numpy(padded)
        with self._reading():
            ways = [self._read(x, torch.tensor(sizes), backwards, layers) for backwards in (False, True)]
            both = torch.cat(ways, -1).float().numpy()
        return [states[:size] for states, size in zip(both, sizes, strict=True)]

    def vectors(self, words: Sequence[str]) -> Floats:
        """The vectors of words by themselves (words, P), whatever they are; of each word the characters are read
        once.
        """
        places: dict[str, int] = {}
        inverse = [places.setdefault(word, len(places)) for word in words]
        types, known = [*places], self._known
        new = [word for word in types if word not in known]
        if len(new) + len(known) > TYPES:
            known, new = {}, types
            object.__setattr__(self, "_known", known)
        for first in range(0, len(new), TYPES_AT_ONCE):
            some = new[first : first + TYPES_AT_ONCE]
            known |= zip(some, self._spelt(some), strict=True)
        rows = np.empty((len(types), self.words.dim), np.float32)
        for place, word in enumerate(types):
            rows[place] = known[word]
        return rows[inverse]

    def surprise(self, corpus: Corpus | Any, progress: Progress = silent) -> Directions:
        """How well both models foresee a corpus, or what one is made of: each word, and each end of a sentence, from
        all before it, or after it. ``ValueError`` where the model has no output, as files of the original.
        """
        import torch

        if not self.bilm.shape.outputs:
            raise ValueError("the model has no output that foresees words: its file has only what makes vectors")
        corpus = Corpus.of(corpus).cut_by(self.tokenizer)
        with corpus.scan() as scan:
            known = self.tokens.vocabulary
            more = [word for word in scan.words_seen if word not in known]
            seen = Vocabulary([*known.words, *more])
            ids = scan.encode(seen, self.tokens.unknown)
            stream = Stream(ids, everything(ids), self.tokens.end)
            if len(stream) < 2:
                raise ValueError(f"there are no words in {corpus.name}: nothing to foresee")
            spelt = torch.from_numpy(self.spelling.numbers(seen.words))
            found = total_losses(self.bilm, stream, spelt, progress)
            count = len(stream) - 1
            size = max(scan.bytes, 1)
        return Directions(*(Surprise(count, loss / count, loss / math.log(2) / size) for loss in found))

    @cached_property
    def _known(self) -> dict[str, Floats]:
        """Vectors of words that were read before."""
        return {}

    @cached_property
    def _left(self) -> dict[tuple[bool, int, int], NDArray[np.float32]]:
        """The state in which each text has left each layer of each direction."""
        return {}

    @cached_property
    def _warm(self) -> Floats:
        """The state from which texts are begun, (directions, layers, P + C)."""
        stored = self.network.tensors.get(WARM)
        return warmed(self.bilm, self.vectors([BEGIN, *CANONICAL.split(), END])) if stored is None else stored

    def _spelt(self, words: Sequence[str]) -> Floats:
        """The vectors of words, from their characters."""
        import torch

        numbers, known = torch.from_numpy(self.spelling.numbers(words)), None
        if self.bilm.shape.lexicon[1]:
            index, unknown = self.tokens.vocabulary.index, self.tokens.vocabulary.index[UNKNOWN]
            known = torch.tensor([index.get(word, unknown) for word in words])
        with torch.inference_mode():
            found: Floats = self.bilm.words(numbers, known).numpy()
        return found

    def _read(self, x: Any, sizes: Any, backwards: bool, layers: Sequence[Share]) -> Any:
        """What one direction makes of texts (B, T, P), in the order of the text: the mean of some layers."""
        import torch

        texts, longest = x.shape[:2]
        places = torch.arange(longest)
        order = (sizes[:, None] - 1 - places).clamp(min=0) if backwards else places.expand(texts, -1)
        read = x.gather(1, order[:, :, None].expand(x.shape)).transpose(0, 1)
        states, found = self._begun(texts, backwards), []
        for first in range(0, longest, STEPS):
            outputs, cells = self.bilm.read(read[first : first + STEPS], backwards, states)
            every = [read[first : first + STEPS], *outputs]
            found.append(mixed(every, layers))
            if self.begin == "carry":
                self._leave(cells, sizes, first, backwards)
            states = [type(each)(each.output[-1], each.cell[-1]) for each in cells]
        whole = torch.cat(found).transpose(0, 1)
        return whole.gather(1, order[:, :, None].expand(whole.shape)) if backwards else whole

    def _begun(self, texts: int, backwards: bool) -> list[State]:
        """The state in which each layer begins each of so many texts."""
        import torch

        from wordfield.models.sequence.projected_lstm import State

        nothing = self.bilm.nothing(texts)
        if self.begin == "zero":
            return nothing
        found = []
        for layer, state in enumerate(nothing):
            if self.begin == "warm":
                both = torch.tensor(self._warm[int(backwards), layer]).expand(texts, -1)
            else:
                both = torch.cat(state, 1)
                for text in range(texts):
                    if (stored := self._left.get((backwards, layer, text))) is not None:
                        both[text] = torch.from_numpy(stored)
            found.append(State(*both.split([state.output.shape[1], state.cell.shape[1]], 1)))
        return found

    def _leave(self, cells: Sequence[State], sizes: Any, first: int, backwards: bool) -> None:
        """Note the state of each layer behind the last word of each text that ends here."""
        import torch

        for layer, state in enumerate(cells):
            for text, size in enumerate(sizes.tolist()):
                if first < size <= first + len(state.output):
                    last = size - first - 1
                    both = torch.cat([state.output[last, text], state.cell[last, text]])
                    self._left[backwards, layer, text] = both.float().numpy()


def warmed(network: BiLM, vectors: Floats) -> Floats:
    """The state of each layer of both directions after a text, (directions, layers, P + C), by the vectors (T, P) of
    its words.
    """
    import torch

    with torch.inference_mode():
        x = torch.from_numpy(vectors)[:, None]
        ways = [network.read(x.flip(0) if back else x, back, network.nothing(1))[1] for back in (False, True)]
        found: Floats = torch.stack(
            [torch.stack([torch.cat([each.output[-1, 0], each.cell[-1, 0]]) for each in way]) for way in ways]
        ).numpy()
    return found


def total_losses(network: BiLM, stream: Stream, spelt: Any, progress: Progress = silent) -> tuple[float, float]:
    """The sum of the losses of all tokens of a stream, of the first one of all forwards, of the last one backwards left
    out, in nats: forwards, and backwards. ``spelt``: the characters of each row. The stream is read in some stretches
    side by side, the state handed on, as the original does it.
    """
    import torch

    total, sums = len(stream) - 1, [0.0, 0.0]
    size = -(-total // max(1, min(LANES, total // LONG)))
    firsts = range(0, total, size)
    with torch.inference_mode():
        for backwards in (False, True):
            states = network.nothing(len(firsts))
            for at in range(0, size, STEPS):
                steps = min(STEPS, size - at)
                rows = np.full((len(firsts), steps + 1), stream.end, np.int64)
                counts = [max(0, min(steps, total - first - at)) for first in firsts]
                for row, first, count in zip(rows, firsts, counts, strict=True):
                    begin, last = first + at, first + at + count + 1
                    if backwards:
                        row[steps - count :] = stream.read(total + 1 - last, total + 1 - begin) if count else stream.end
                    elif count:
                        row[: count + 1] = stream.read(begin, last)
                batch = torch.from_numpy(rows).to(network.table.device)
                losses, states = network.losses_of(batch, spelt, backwards, states)
                for row, count in zip(losses.double(), counts, strict=True):
                    sums[int(backwards)] += (row[steps - count :] if backwards else row[:count]).sum().item()
                progress((int(backwards) * size + at + steps) * total // (2 * size), total)
    return sums[0], sums[1]
