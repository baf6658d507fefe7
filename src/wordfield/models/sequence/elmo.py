"""ELMo: vectors of words in context, out of two language models over words that are read by their characters.

After Peters, Neumann, Iyyer, Gardner, Clark, Lee and Zettlemoyer (2018, arXiv 1802.05365) and the program that they
trained it with (allenai/bilm-tf), but that losses are exact, stretches of text are read from an empty state, and AdamW
takes the steps. See ``bilm`` for the network.

Annotations are no strings here, see ``recipe``.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.elmo_parts import BEGIN, END, OUTPUT, UNKNOWN
from wordfield.formats.table import Network
from wordfield.models.checks import check
from wordfield.models.sequence.bidirectional_language_model import (
    WARM,
    BidirectionalLanguageModel,
    total_losses,
    warmed,
)
from wordfield.models.sequence.llm import Foreseeing
from wordfield.models.sequence.recipe import NetworkRecipe
from wordfield.models.sequence.spelling import NAMES, Spelling, Spelt
from wordfield.models.sequence.streams import Stream
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.bilm import BiLM
    from wordfield.models.sequence.training import Measured
    from wordfield.text.sampling import Sample

Filters = tuple[tuple[int, int], ...]

SMALL: Filters = ((1, 16), (2, 32), (3, 48), (4, 64), (5, 96))
WHOLE: Filters = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))
LETTERS = 5
"""How often a character occurs at least that has numbers of its own."""
AT_ONCE = 512
"""Words whose characters are read together."""
CONTEXT = 200
"""Tokens that are read for the state in which texts are begun."""


class Size(NamedTuple):
    """How large a network is."""

    dim: int
    cell: int
    filters: Filters
    highways: int


SIZES = {
    "tiny": Size(256, 256, SMALL, 1),
    "small": Size(256, 1024, WHOLE, 1),
    "original": Size(1024, 4096, WHOLE, 2),
}
"""The latter two as allenai has published them."""


@dataclass(frozen=True)
class ELMo(NetworkRecipe):
    """Vectors of words in context, by two LSTM language models over words that are read by their characters."""

    MODEL = "elmo"
    FORMAT = "elmo"

    size: Literal["tiny", "small", "original"] = "tiny"
    """How large the network is: 128, 128 or 512 numbers in each direction, cells of 256, 1024 or 4096, 256 filters
    over characters or 2048."""
    dim: int = 0
    """Numbers in a word's vector, half of them of each direction; 0: as `size` says."""
    cell: int = 0
    """Numbers in a cell of the LSTM; 0: as `size` says."""
    layers: int = 2
    """Layers of LSTM in each direction."""
    spelling: Literal["bytes", "characters"] = "bytes"
    """What words are read by: bytes, as the original, or characters, which suits Chinese."""
    longest: int = 50
    """Characters of a word that are read, two marks with them."""
    output: Literal["full", "adaptive"] = "full"
    """What words are foreseen with, one for both directions: a table, or an adaptive one, for large vocabularies."""
    bound: float = 3.0
    """How large numbers in cells and outputs may become, either way; 0: any."""
    context: int = 20
    """Tokens that are read together."""
    batch: int = 32
    """Stretches of `context` tokens a step."""
    min_count: int = 1
    """Words that occur less often are read, but foreseen as the unknown one."""
    learning_rate: float = 3e-3
    """Step size at its highest."""
    dropout: float = 0.1
    """Share of numbers set to zero at random while training; more for a small corpus that is read often."""

    def __post_init__(self) -> None:
        choices = {"size": (*SIZES,), "spelling": ("bytes", "characters"), "output": ("full", "adaptive")}
        bounds = {"bound": ("0 (any) or more", lambda bound: bound >= 0)}
        check(self, {"dim": 0, "cell": 0, "longest": 10}, choices, bounds)
        if not (self.dim and self.cell):
            self.sized()
            return
        super().__post_init__()
        if self.dim % 2:
            raise ValueError(f"dim must be even, a half for each direction, not {self.dim}")

    def sized(self) -> Self:
        """The recipe with the numbers that `size` says."""
        size = SIZES[self.size]
        return replace(self, dim=self.dim or size.dim, cell=self.cell or size.cell)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return super(ELMo, self.sized()).described()

    def prepared(self, corpus: Corpus) -> Corpus:
        """The corpus as it is cut into words. ``ValueError`` for one that is cut into pieces of words."""
        if corpus.cutter.name == "subwords":
            raise ValueError("ELMo reads whole words by their characters: give a tokenizer of words, not of pieces")
        return corpus

    def tokens(self, scan: Scan) -> Spelt:
        """The words of a corpus that was scanned, all of them, the most frequent first."""
        many = None if self.max_vocab is None else max(1, self.max_vocab - len(NAMES))
        known = [word for word in scan.vocabulary(self.min_count, many).words if word not in NAMES]
        return _completed(scan, [*NAMES, *known])

    def taken(self, start: Any, scan: Scan) -> Spelt:
        """The words of the model to go on from, and others of the corpus that are read but not foreseen."""
        return _completed(scan, start.words.vocabulary.words)

    def supposed(self, sample: "Sample") -> tuple[Spelt, int]:
        """See ``NetworkRecipe``."""
        scan = sample.scan
        every, known = len(sample.vocabulary(1, None)), len(sample.vocabulary(self.min_count, self.max_vocab))
        vocabulary = Vocabulary([*NAMES, *map(str, range(every))])
        return Spelt(scan.tokenizer, vocabulary, len(NAMES) + known), sample.tokens + round(
            scan.sentences / sample.share
        )

    def network(self, tokens: Spelt) -> "BiLM":
        """The network for these words, as it is before training."""
        import torch

        from wordfield.models.sequence.bilm import BiLM, Shape
        from wordfield.models.sequence.projected_lstm import Bounds

        sized, size, spelling = self.sized(), SIZES[self.size], self._spelling(tokens)
        made = BiLM(
            Shape(
                characters=spelling.size,
                width=16,
                filters=size.filters,
                highways=size.highways,
                dim=sized.dim // 2,
                cell=sized.cell,
                layers=self.layers,
                bounds=Bounds(self.bound, self.bound),
                outputs=tokens.outputs,
                groups=groups(tokens.outputs) if self.output == "adaptive" else (),
            )
        )
        made.begin(torch.Generator().manual_seed(self.seed))
        made.spelt = torch.from_numpy(spelling.numbers(tokens.vocabulary.words))
        return made

    def examples(self, stream: Stream, tokens: Any) -> Foreseeing:
        """Stretches of the stream."""
        del tokens
        return Foreseeing(stream, self.context + 1, self.batch, self.seed, overlap=1)

    def shown(self, network: "BiLM", stream: Stream) -> None:
        """Keep the text that is read for the state in which texts are begun."""
        network.canonical = stream.read(0, min(CONTEXT, len(stream))).tolist()

    def measured(self, network: "BiLM", heldout: Stream, tokens: Any) -> "Measured":
        """The mean loss of all tokens, of both directions."""
        from wordfield.models.sequence.training import Measured

        del tokens
        both = total_losses(network, heldout, network.spelt)
        return Measured(sum(both) / 2 / (len(heldout) - 1))

    def continued(self, start: Any, tokens: Any) -> "BiLM":
        """The network of a model of the same words."""
        import torch

        from wordfield.models.sequence import layouts

        if not isinstance(start, BidirectionalLanguageModel):
            raise ValueError("ELMo goes on from an ELMo only: give one as start, or none")
        made: BiLM = layouts.read(start.network.config, start.network.tensors).train()
        if not made.shape.outputs:
            raise ValueError("the ELMo to go on from has nothing that foresees words, as files of the original")
        made.spelt = torch.from_numpy(start.spelling.numbers(tokens.vocabulary.words))
        return made

    def result(
        self,
        network: "BiLM",
        tokens: Spelt,
        told: dict[str, Any],
        state: dict[str, NDArray[Any]],
    ) -> BidirectionalLanguageModel:
        """The model as trained so far."""
        from wordfield.models.sequence import layouts
        from wordfield.models.sequence.layouts import elmo

        spelling = self._spelling(tokens)
        config = elmo.options(network.shape, spelling.longest, spelling.characters).config()
        tensors = layouts.tensors(network, config)
        count = tokens.outputs
        vectors, read = (_vectors(network, rows) for rows in (range(count), network.canonical))
        tensors[WARM] = warmed(network, read)
        output = Dense(tensors[OUTPUT]) if OUTPUT in tensors else None
        vocabulary = tokens.vocabulary
        counts = None if vocabulary.counts is None else vocabulary.counts[:count]
        words = WordVectors(Vocabulary(vocabulary.words[:count], counts), Dense(vectors))
        return BidirectionalLanguageModel(
            words, tokens.tokenizer, Network(config, tensors, output), self.described(), told, state
        )

    def _spelling(self, tokens: Spelt) -> Spelling:
        if self.spelling == "bytes":
            return Spelling(self.longest)
        found: dict[str, int] = {}
        counts = tokens.vocabulary.counts
        times = [1] * len(tokens.vocabulary) if counts is None else counts.tolist()
        for word, count in zip(tokens.vocabulary.words[len(NAMES) :], times[len(NAMES) :], strict=True):
            for character in word:
                found[character] = found.get(character, 0) + count
        often = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return Spelling(self.longest, "".join(character for character, count in often if count >= LETTERS) or "e")


def _completed(scan: Scan, known: list[str]) -> Spelt:
    """Words that can be foreseen, and after them all others of a corpus, the most frequent first."""
    listed, seen = {*known}, dict(zip(scan.words_seen, scan.counts.tolist(), strict=True))
    rare = [word for word in scan.vocabulary(1).words if word not in listed]
    counts = dict.fromkeys((BEGIN, END), scan.sentences) | {UNKNOWN: sum(seen[word] for word in rare)}
    words = [*known, *rare]
    vocabulary = Vocabulary(words, [counts[word] if word in counts else seen.get(word, 0) for word in words])
    return Spelt(scan.tokenizer, vocabulary, len(known))


def groups(outputs: int) -> tuple[int, ...]:
    """Where the groups of words begin in an adaptive output of so many: a tenth of the words, which most of a text is
    made of, are foreseen at once.
    """
    found = tuple(each for each in (outputs // 10, outputs // 3) if each >= len(NAMES))
    return tuple(sorted({*found})) or (outputs - 1,)


def _vectors(network: "BiLM", rows: Any) -> NDArray[np.float32]:
    """The vectors of some rows by themselves."""
    import torch

    spelt = network.spelt[torch.tensor([*rows])]
    with torch.inference_mode():
        found = torch.cat([network.words(some) for some in spelt.split(AT_ONCE)])
    return found.float().cpu().numpy()
