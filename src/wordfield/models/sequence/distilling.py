"""A network made into a table: each token alone goes through it once, and what comes out is the token's vector from
then on; a text is the mean of its tokens, many times faster.

After Model2Vec (Tulkens and van Dongen 2024, https://github.com/MinishLab/model2vec): principal components, and rare
tokens count more, by the weight a / (a + p) of a token of probability p (Arora, Liang and Ma 2017). There p is guessed
from the place of a token in the vocabulary, as if that were in the order of frequency; BERT's Chinese vocabulary is in
the order of code points, so that 的 would count 300 times too much. Here p is what a corpus says.

V tokens, D dimension.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.models.sequence.contextual import ContextualModel
from wordfield.models.sequence.masking import UNUSED
from wordfield.models.sequence.tokens import ALSO, UNKNOWNS, Tokens, cut
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.pooling import Pooling
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

RARE = 1e-4
"""The probability at which a token counts half."""
AT_ONCE = 4096
"""Tokens that go through the network between two reports."""


def distil(
    model: ContextualModel, corpus: Corpus | Any, dim: int = 256, *, rare: float = RARE, progress: Progress = silent
) -> StaticModel:
    """The table of a network: of each token that is text the vector that the network gives it alone, of ``dim``
    principal components at most, times its weight, which is one half for a token of the probability ``rare``; of the
    others zeros. How often tokens occur is counted in ``corpus``, or what one is made of. Texts get unit length.

    ``ValueError`` for a corpus that has none of the tokens, a dimension below 1, and an ELMo.
    """
    if not isinstance(model.tokens, Tokens):
        raise ValueError("an ELMo has a table of its words already, what both directions read: convert it")
    if dim < 1 or not rare > 0:
        raise ValueError(f"dim={dim} must be at least 1, rare={rare} above 0")
    names = model.tokens.vocabulary.words[: len(model.words)]
    apart = {*UNKNOWNS, *(name for names in ALSO.values() for name in names)}
    kept = [row for row, name in enumerate(names) if name not in apart and UNUSED.fullmatch(name) is None]
    counts = counted(model, corpus, names)
    vectors = np.zeros((len(names), model.dim), np.float32)
    for first in range(0, len(kept), AT_ONCE):
        some = kept[first : first + AT_ONCE]
        vectors[some] = np.concatenate(model.states([[row] for row in some]))
        progress(min(first + AT_ONCE, len(kept)), len(kept))
    table = np.zeros((len(names), min(dim, model.dim, len(kept))), np.float32)
    table[kept] = components(vectors[kept], table.shape[1]) * weights(counts[kept], rare)[:, None]
    recipe = {"model": "distil", "dim": table.shape[1], "rare": rare, "of": model.recipe}
    told = {"corpus": Corpus.of(corpus).name, "known_tokens": int(counts.sum())}
    words = WordVectors(Vocabulary(names, counts), Dense(table))
    unknown = next((name for name in UNKNOWNS if name in names), None)
    pooling = Pooling(whole=True, unknown=unknown, normalize=True)
    return StaticModel(words, model.tokenizer, recipe, told, {}, pooling)


def counted(model: ContextualModel, corpus: Corpus | Any, names: list[str]) -> NDArray[np.int64]:
    """How often each token occurs in a corpus, (V,)."""
    text = cut(Corpus.of(corpus), model.tokenizer)
    with text.scan() as scan:
        seen = dict(zip(scan.words_seen, scan.counts.tolist(), strict=True))
    counts = np.array([seen.get(name, 0) for name in names], np.int64)
    if not counts.any():
        raise ValueError(f"{text.name} has none of the {len(names)} tokens: how frequent they are cannot be told")
    return counts


def weights(counts: NDArray[np.int64], rare: float) -> NDArray[np.float32]:
    """How much each token counts, (V,): a / (a + p)."""
    found: NDArray[np.float32] = (rare / (rare + counts / counts.sum())).astype(np.float32)
    return found


def components(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """The first principal components of vectors (V, D), (V, dim)."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    found: NDArray[np.float32] = (centred @ directions[:, ::-1][:, :dim]).astype(np.float32)
    return found
