"""What the recipes of encoders have in common: how large the network is, and which of two architectures it has.

Annotations are no strings here, see ``recipe``.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from wordfield.models.checks import check
from wordfield.models.sequence.tokens import MASKED
from wordfield.models.sequence.transforming import Transforming

if TYPE_CHECKING:
    from wordfield.models.sequence.encoder import Shape


class Size(NamedTuple):
    """How large a network is."""

    layers: int
    dim: int
    heads: int


SIZES = {"tiny": Size(2, 128, 2), "mini": Size(4, 256, 4), "small": Size(4, 512, 8)}
"""As the miniatures of Turc, Chang, Lee and Toutanova (2019, arXiv 1908.08962)."""


@dataclass(frozen=True)
class Encoding(Transforming):
    """A transformer that sees a text on both sides."""

    READING = MASKED

    size: Literal["tiny", "mini", "small"] = "tiny"
    """How large the network is: 2 layers of 128 numbers, 4 of 256, 4 of 512."""
    dim: int = 0
    """Numbers in a token's vector; 0: as `size` says."""
    layers: int = 0
    """Layers of the network; 0: as `size` says."""
    heads: int = 0
    """Attention heads, which divide `dim`; 0: as `size` says."""
    inner: int | None = None
    """Numbers inside the network after attention; unset: 4 times `dim`, of the gated one 8/3."""
    architecture: Literal["modern", "classic"] = "modern"
    """As ModernBERT has it (rotary positions, gated, no biases), or as BERT."""
    pieces: int = 16000
    """Pieces of words (WordPiece) that are learnt from the corpus where no tokenizer is named."""
    weight_decay: float = 0.01
    """How strongly the matrices are pulled to zero; tables and norms are not."""

    def __post_init__(self) -> None:
        least = {"dim": 0, "layers": 0, "heads": 0}
        check(self, least, {"size": (*SIZES,), "architecture": ("modern", "classic")}, {})
        if self.dim and self.layers and self.heads:
            super().__post_init__()
        else:
            self.sized()

    def sized(self) -> Self:
        """The recipe with the numbers that `size` says."""
        size = SIZES[self.size]
        return replace(
            self, dim=self.dim or size.dim, layers=self.layers or size.layers, heads=self.heads or size.heads
        )

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return super(Encoding, self.sized()).described()

    def shape(self, rows: int) -> "Shape":
        """What the network for so many tokens is built of."""
        from wordfield.models.sequence.encoder import Shape

        sized, classic = self.sized(), self.architecture == "classic"
        return Shape(
            style=self.architecture,
            vocabulary=rows,
            dim=sized.dim,
            layers=sized.layers,
            heads=sized.heads,
            inner=self.inner or (4 * sized.dim if classic else sized.inside()),
            context=self.context,
            epsilon=1e-12 if classic else 1e-5,
            types=2 if classic else 0,
            local=() if classic else (False,) * sized.layers,
            near=0 if classic else self.context,
        )
