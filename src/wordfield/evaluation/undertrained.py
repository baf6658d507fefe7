"""Tokens whose vectors training has never, or hardly ever, touched (Land and Bartolo 2024, arXiv 2405.05417): a
vocabulary is learnt from one text and the network from another, so that some tokens are in the table and in no text.

Some rows are known to be untouched, and nobody has to list them: those beyond the tokens, to which the table was filled
up; tokens that are called unused or reserved; and, where single bytes are tokens, the bytes that UTF-8 never has. What
is near the mean of these was not trained either. It is measured by three numbers:

norm: the length of a row. Rows that go in, and are never met, keep the small numbers with which they began, or lose
them to weight decay.
distance: from a row to the mean of the untouched ones.
cosine: 1 less the cosine of a row and the mean of the untouched ones, the mean of all rows taken off first. Rows by
which the next token is found are moved each time that they are not the next token, all in the same way; what they have
in common tells nothing, so it is taken off (section 2.2 there).

V words, R rows, D dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import architecture
from wordfield.formats.architecture import Side
from wordfield.formats.table import Table, composed
from wordfield.storage import BLOCK, Dense, Shared, Storage
from wordfield.text.normalization import lower
from wordfield.text.tokenizers import Tokenizer

Indicator: TypeAlias = Literal["norm", "distance", "cosine"]
Floats: TypeAlias = NDArray[np.float64]
INDICATORS: tuple[Indicator, ...] = get_args(Indicator)

RESERVED = re.compile(r"[<\[]\|?_?(?:unused|reserved|dummy|placeholder|extra_token)[\w ]*\|?[>\]]", re.IGNORECASE)
"""What tokens are called that were put aside for later."""
NEVER = frozenset(f"<0x{byte:02X}>" for byte in (0xC0, 0xC1, *range(0xF5, 0x100)))
"""The bytes that no UTF-8 has, as tokens."""
SINGLE = re.compile("<0x[0-9A-F]{2}>")
BEFORE = ("", "«", "a", "x", "1", "的")
"""What a token is tried behind: many do not begin a text."""
LIKELY = 0.95
"""The share of the untouched rows that the limit lets pass, below which a word is taken for one of them."""


TWINS = 10
"""Words with the same row that are named, at most."""


class References(NamedTuple):
    """Rows that nothing can have touched."""

    vectors: NDArray[np.float32]
    """Those among them that are not zeros."""
    words: NDArray[np.int64]
    """The words among them, by their places."""
    counts: dict[str, int]
    """How many there are of which kind: padding, reserved, bytes."""


def examine(table: Table, k: int = 50, side: Side = "input", indicator: Indicator | None = None) -> dict[str, Any]:
    """The ``k`` words of a table whose vectors look least trained, and what else is wrong with its tokens.

    side: of a network its input or its output table. indicator: "norm", "distance" or "cosine"; None: "cosine" for a
    table that is output, too, "distance" for one that is only input; "norm" where no row is known to be untouched.
    ``ValueError`` for the other two there.

    Returns table (the side), words, indicator, references (how many of each kind), limit (what ``LIKELY`` of the
    references do not exceed; None without them), below (how many words do not either), zeros (rows of zeros),
    unreachable (words that the tokenizer never made of their own text, None where its library is missing), duplicates
    (how many words have the row of another), and ``tokens``, least trained first, the references left out: objects of
    word, row (of the file's table: a token's id), text, kind (special, byte, partial, token), value, quantile (the
    share of words whose value is not higher), norm, reachable (None: it cannot be told) and duplicates (others with the
    same row, ``TWINS`` at most).
    """
    if k < 1:
        raise ValueError(f"k is how many tokens to show, at least 1, not {k}")
    if indicator is not None and indicator not in INDICATORS:
        raise ValueError(f"unknown indicator {indicator!r}; known: {', '.join(INDICATORS)}")
    tokenizer = table.tokenizer or Tokenizer.for_words(table.words)
    storage = _vectors(architecture.chosen(table, side))
    references = _references(table, storage, side, tokenizer)
    there = len(references.vectors) > 0
    network = table.network
    goes_out = side == "output" or (network is not None and architecture.is_tied(network))
    chosen = indicator or (("cosine" if goes_out else "distance") if there else "norm")
    if chosen != "norm" and not there:
        raise ValueError(f"no row is known to be untouched, so there is nothing to measure the {chosen} from: use norm")
    values, own = _values(storage, references.vectors, chosen)
    limit = float(np.quantile(own, LIKELY)) if there else None
    reachable = _reachable(tokenizer, table.words)
    twins = _twins(storage)
    order = np.argsort(values, kind="stable")
    places = np.searchsorted(values[order], values, side="right") / max(1, len(values))
    shown = order[~np.isin(order, references.words)][:k].tolist()
    special, ids = _special(tokenizer), _ids(storage)
    told = [
        {
            "word": (word := table.words[row]),
            "row": int(ids[row]),
            "text": _text(tokenizer, word),
            "kind": _kind(word, special),
            "value": float(values[row]),
            "quantile": float(places[row]),
            "norm": float(storage.norms[row]),
            "reachable": None if reachable is None or _kind(word, special) in ("byte", "partial") else reachable[row],
            "duplicates": [table.words[other] for other in twins.get(row, [])[: TWINS + 1] if other != row][:TWINS],
        }
        for row in shown
    ]
    return {
        "table": side,
        "words": len(table.words),
        "indicator": chosen,
        "references": references.counts,
        "limit": limit,
        "below": None if limit is None else int((np.delete(values, references.words) <= limit).sum()),
        "zeros": int((storage.norms == 0).sum()),
        "unreachable": None if reachable is None else _unreachable(table.words, special, reachable),
        "duplicates": sum(len(each) - 1 for row, each in twins.items() if each[0] == row),
        "tokens": told,
    }


def _vectors(table: Table) -> Storage:
    """One row a word."""
    if table.ngrams is None:
        return table.storage
    return Dense(composed(table.storage, table.vocabulary.bags(table.words)))


def _references(table: Table, storage: Storage, side: Side, tokenizer: Tokenizer) -> References:
    """The rows that nothing can have touched: of the file those without words, and of the words those that are named
    so, and, of pieces, the bytes that are never met.
    """
    pieces = tokenizer.name == "subwords"
    reserved = [row for row, word in enumerate(table.words) if pieces and RESERVED.fullmatch(word)]
    single = [row for row, word in enumerate(table.words) if pieces and word in NEVER]
    padding = _padding(table, storage, side)
    named = np.array([*reserved, *single], np.int64)
    vectors = np.concatenate([padding, storage.take(named)])
    counts = {"padding": len(padding), "reserved": len(reserved), "bytes": len(single)}
    return References(vectors[vectors.any(axis=1)], named, counts)


def _padding(table: Table, storage: Storage, side: Side) -> NDArray[np.float32]:
    """The rows of the network's table that have no word."""
    nothing = np.zeros((0, storage.shape[1]), np.float32)
    if table.network is None:
        return nothing
    shapes = architecture.shapes_of(table.network)
    said = architecture.said(table.network.config, architecture.ROWS)
    name = architecture.input_name(shapes, said[0] if said else None)
    if name is not None and side == "output" and table.network.output is not None:
        name = architecture.output_name(shapes, shapes[name][0])
    if name is None:
        return nothing
    without = np.setdiff1d(np.arange(shapes[name][0]), _ids(storage))
    if not len(without):
        return nothing
    all_tensors: Any = table.network.tensors
    if hasattr(all_tensors, "table"):
        rows: NDArray[np.float32] = all_tensors.table(name).take(without)
        return rows
    return np.asarray(all_tensors[name][without], np.float32)


def _ids(storage: Storage) -> NDArray[np.int64]:
    """The row of each word in the file's table."""
    return storage.rows if isinstance(storage, Shared) else np.arange(storage.shape[0])


def _values(storage: Storage, references: NDArray[np.float32], indicator: Indicator) -> tuple[Floats, Floats]:
    """The indicator of each row, (V,), and of each reference."""
    if indicator == "norm":
        return storage.norms.astype(np.float64), np.linalg.norm(references.astype(np.float64), axis=1)
    mean = references.mean(axis=0, dtype=np.float64)
    common = np.zeros_like(mean)
    if indicator == "cosine":
        common = sum((block.sum(axis=0) for _, block in _blocks(storage)), common) / max(1, storage.shape[0])

    def measured(rows: Floats) -> Floats:
        if indicator == "distance":
            found: Floats = np.linalg.norm(rows - mean, axis=1)
            return found
        moved, direction = rows - common, mean - common
        lengths = np.linalg.norm(moved, axis=1) * np.linalg.norm(direction)
        cosines: Floats = np.divide(moved @ direction, lengths, out=np.zeros(len(rows)), where=lengths > 0)
        return 1 - cosines

    with np.errstate(over="ignore", invalid="ignore"):
        values = [measured(block) for _, block in _blocks(storage)]
    return np.concatenate([np.zeros(0), *values]), measured(references.astype(np.float64))


def _blocks(storage: Storage) -> Iterator[tuple[int, Floats]]:
    """Some rows at a time, and the number of the first."""
    rows, dim = storage.shape
    step = max(1, BLOCK // max(1, dim))
    for start in range(0, rows, step):
        yield start, storage.take(np.arange(start, min(start + step, rows))).astype(np.float64)


def _twins(storage: Storage) -> dict[int, list[int]]:
    """The words that have the same numbers as another, by their places: each with all of its kind."""
    rows, dim = storage.shape
    factors = np.random.default_rng(1).integers(1, 1 << 63, dim, np.uint64) | np.uint64(1)
    sums = np.zeros(rows, np.uint64)
    step = max(1, BLOCK // max(1, dim))
    for start in range(0, rows, step):
        block = storage.take(np.arange(start, min(start + step, rows)))
        sums[start : start + len(block)] = (block.view(np.uint32).astype(np.uint64) * factors).sum(axis=1)
    order = np.argsort(sums, kind="stable")
    ends = np.flatnonzero(np.diff(sums[order], append=sums[order][-1:] + np.uint64(1)) != 0) + 1
    found: dict[int, list[int]] = {}
    for group in np.split(order, ends[:-1]) if rows else []:
        if len(group) > 1:
            first = storage.take(group[:1])
            parts = [group[start : start + step] for start in range(0, len(group), step)]
            alike = [row for part in parts for row in part[(storage.take(part) == first).all(axis=1)].tolist()]
            found |= {row: alike for row in alike if len(alike) > 1}
    return found


def _reachable(tokenizer: Tokenizer, words: Sequence[str]) -> list[bool] | None:
    """Whether the tokenizer makes each word of its own text, alone or behind something; None where its library is
    missing.
    """
    if tokenizer.name != "subwords":
        return [tokenizer.tokenize(word) == [word] for word in words]
    try:
        pieces = tokenizer.pieces
    except ImportError:
        return None
    found, left = np.zeros(len(words), bool), np.arange(len(words))
    for before in BEFORE:
        head = pieces.tokenize_lines([before])[0] if before else []
        texts = [pieces.text([*head, words[row]]) for row in left.tolist()]
        texts = [lower(text) if tokenizer.lowercase else text for text in map(tokenizer.normal, texts)]
        cut = pieces.tokenize_lines(texts)
        found[left] = [made == [*head, words[row]] for made, row in zip(cut, left.tolist(), strict=True)]
        left = left[~found[left]]
    return list(map(bool, found))


def _unreachable(words: Sequence[str], special: frozenset[str], reachable: list[bool]) -> int:
    """How many words are never made, but for those of which it cannot be told."""
    told = zip(words, reachable, strict=True)
    return sum(not there and _kind(word, special) == "token" for word, there in told)


def _special(tokenizer: Tokenizer) -> frozenset[str]:
    """The tokens that were added to a vocabulary of pieces."""
    if tokenizer.name != "subwords":
        return frozenset()
    from wordfield.text.subwords import added

    return frozenset(added(tokenizer.subwords))


def _kind(word: str, special: frozenset[str]) -> str:
    if word in special:
        return "special"
    if SINGLE.search(word):
        return "byte" if SINGLE.fullmatch(word) else "partial"
    return "token"


def _text(tokenizer: Tokenizer, word: str) -> str:
    """What a word stands for in a text."""
    if tokenizer.name != "subwords":
        return word
    try:
        return tokenizer.pieces.text([word])
    except ImportError:
        return word
