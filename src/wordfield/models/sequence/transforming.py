"""What the recipes of transformers have in common: their tokens, of which those that are no words have names of their
own, and the numbers of their layers.

Annotations are no strings here, see ``recipe``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from wordfield.models.checks import check
from wordfield.models.sequence.recipe import NetworkRecipe
from wordfield.models.sequence.tokens import Reading, Tokens, chosen, expected, found, of_names
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan

if TYPE_CHECKING:
    from wordfield.text.sampling import Sample

LEAST = {"heads": 1, "inner": 1, "pieces": 2}


@dataclass(frozen=True)
class Transforming(NetworkRecipe):
    """A transformer. Tokens are words as the corpus cuts them if it names a tokenizer or is lists of words, else pieces
    of words that are learnt from it.
    """

    READING: ClassVar[Reading]
    """What the network asks of its tokens."""

    heads: int = 4
    """Attention heads, which divide `dim`."""
    inner: int | None = None
    """Numbers inside the gated network; unset: 8/3 of `dim`, a multiple of 32."""
    pieces: int = 8000
    """Pieces of words that are learnt from the corpus where no tokenizer is named."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self, LEAST, {}, {})
        if self.dim % self.heads or self.dim // self.heads % 2:
            raise ValueError(f"dim must be an even number for each of heads={self.heads}, not {self.dim} for all")

    def prepared(self, corpus: Corpus) -> Corpus:
        """The corpus, cut into words or pieces of words."""
        return chosen(corpus, self.pieces, self.READING)

    def tokens(self, scan: Scan) -> Tokens:
        """The tokens of a corpus that was scanned."""
        return found(scan, self.min_count, self.max_vocab, self.READING)

    def supposed(self, sample: "Sample") -> tuple[Any, int]:
        """See ``NetworkRecipe``; pieces of words are learnt from the words of the sample."""
        rows, count = expected(sample, self.pieces, self.min_count, self.max_vocab, self.READING)
        return of_names(map(str, range(len(self.READING.names), rows)), self.READING), count

    def inside(self) -> int:
        """Numbers inside the gated network."""
        return self.inner or max(32, round(8 * self.dim / 96) * 32)
