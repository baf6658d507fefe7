"""What a network reads: text as rows of its table, the row that ends a text, and that of what is unknown.

Of pieces of words the rows are the ids of their tokenizer.json. Whole words have rows in the order of their frequency,
after those of the tokens that are no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wordfield.formats.tokenizer_json import special_token
from wordfield.text import subwords
from wordfield.text.codepoints import ALONES, SPACELESS
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.normalization import lower, scalar
from wordfield.text.pieces import spaceless
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordfield.text.sampling import Sample

END = "<eos>"
ENDS = (END, "</s>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "[SEP]")
"""What tokens are called that end a text, in vocabularies that were made elsewhere."""
UNKNOWNS = ("<unk>", "[UNK]", "<unknown>")
ALSO = {END: ENDS, "[PAD]": ("[PAD]", "<pad>"), "[CLS]": ("[CLS]", "<s>"), "[SEP]": ("[SEP]", "</s>")}
ALSO |= {"[MASK]": ("[MASK]", "<mask>")}
"""What tokens that are no text may be called instead, in vocabularies that were made elsewhere."""

OFTEN = 100
"""How often a word counts at most where pieces are only learnt to see how many a text has."""


@dataclass(frozen=True)
class Reading:
    """What a family of networks asks of its tokens."""

    kind: subwords.Kind
    """How pieces of words are learnt."""
    names: tuple[str, ...]
    """The tokens that are no text."""
    end: str
    """The one that ends a text."""


CAUSAL = Reading("bpe", (END, "<unk>"), END)
"""A network that reads forwards: each token from those before it."""
MASKED = Reading("wordpiece", ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), "[SEP]")
"""A network that reads in both directions and guesses tokens that were taken out."""


class Read(NamedTuple):
    """A text as tokens. W words, T tokens."""

    words: list[str]
    """The words as given (W)."""
    rows: list[Any]
    """The tokens (T)."""
    tokens: list[list[int]]
    """Which of the tokens each word is made of, at least one (W)."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of a network: ``tokenizer`` cuts text into words of the ``vocabulary``, whose places are the rows."""

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    end: int
    """The row of the token that ends a text, and stands before its first."""

    @cached_property
    def unknown(self) -> int | None:
        """The row of words that the vocabulary does not have; None where all text can be made of it."""
        index = self.vocabulary.index
        return next((index[name] for name in UNKNOWNS if name in index), None)

    def rows(self, text: str) -> list[int]:
        """The tokens of a text, without ends."""
        pieces = self.tokenizer.name == "subwords"
        return self._rows(self.tokenizer.pieces_of(text) if pieces else self.tokenizer.tokenize(text))

    def read(self, text: str | Sequence[str]) -> Read:
        """The words of a text, or the words given, and the tokens of each: one at least, if need be the one for what is
        unknown. Words of a text are what its tokenizer makes them or, of one that cuts into pieces, what stands between
        spaces, and each character of a script that puts no spaces.
        """
        if self.tokenizer.name != "subwords":
            words = self.tokenizer.tokenize(text) if isinstance(text, str) else given(text)
            cut = [[word] if isinstance(text, str) else self.tokenizer.tokenize(word) for word in words]
            return self._one_by_one(words, [self._rows(each) for each in cut])
        if isinstance(text, str):
            found = [(match.start(), match.end()) for match in _spaced().finditer(text)]
        else:
            ends = np.cumsum([len(word) + 1 for word in given(text)])
            found = [(int(end) - 1 - len(word), int(end) - 1) for word, end in zip(text, ends, strict=True)]
            text = " ".join(text)
        words = [text[begin:end] for begin, end in found]
        if self.tokenizer.nfkc or self.tokenizer.script:  # places in the text are not those in what it is made of
            return self._one_by_one(words, [self.rows(word) for word in words])
        return self._aligned(text, words, found)

    def told(self, row: int) -> tuple[str, int | None]:
        """What a token is called, and its row."""
        return self.vocabulary.words[row], row

    def knows(self, row: int) -> bool:
        """Whether it is any but the token for what is unknown."""
        return row != self.unknown

    def text(self, rows: Sequence[int]) -> str:
        """The text that tokens stand for; an end is a line feed."""
        lines: list[list[str]] = [[]]
        for row in rows:
            if row == self.end:
                lines.append([])
            else:
                lines[-1].append(self.vocabulary.words[row])
        join = self.tokenizer.pieces.text if self.tokenizer.name == "subwords" else _joined
        return "\n".join(join(line) for line in lines)

    def _rows(self, words: Sequence[str]) -> list[int]:
        index, unknown = self.vocabulary.index, self.unknown
        rows = [index.get(word, unknown) for word in words]
        return [row for row in rows if row is not None]

    def _one_by_one(self, words: list[str], rows: list[list[int]]) -> Read:
        instead = self.end if self.unknown is None else self.unknown
        full = [each or [instead] for each in rows]
        ends = np.cumsum([len(each) for each in full]).tolist()
        tokens = [[*range(end - len(each), end)] for each, end in zip(full, ends, strict=True)]
        return Read(words, [row for each in full for row in each], tokens)

    def _aligned(self, text: str, words: list[str], places: list[tuple[int, int]]) -> Read:
        """Give each word the pieces that have a character of it."""
        pieces = self.tokenizer.pieces.spans(lower(scalar(text)) if self.tokenizer.lowercase else scalar(text))
        index = self.vocabulary.index
        rows, tokens, at = [index[name] for name, _, _ in pieces], list[list[int]](), 0
        shift = 0  # tokens put in for words that no piece has a part of
        for begin, end in places:
            while at < len(pieces) and pieces[at][2] <= begin:
                at += 1
            here = at
            while here < len(pieces) and pieces[here][1] < end:
                here += 1
            if here == at:
                rows.insert(at + shift, self.end if self.unknown is None else self.unknown)
                tokens.append([at + shift])
                shift += 1
            else:
                tokens.append([*range(at + shift, here + shift)])
        return Read(words, rows, tokens)


def chosen(corpus: Corpus, pieces: int, reading: Reading) -> Corpus:
    """``corpus`` cut as its owner has said or, where nobody has, into pieces of words that are learnt from it, at most
    as many as given; a vocabulary of pieces gets the tokens of ``reading`` that it lacks.
    """
    if corpus.uncut:
        learnt = subwords.learn(corpus.lines(), pieces, reading.kind, lowercase=None)
        corpus = corpus.cut_by(Tokenizer(**_described(learnt)))
    tokenizer = corpus.cutter
    if tokenizer.name == "subwords":
        if str(tokenizer.subwords).startswith(subwords.BASE64):
            raise ValueError(
                "a network needs a tokenizer.json, which a SentencePiece model is not: learn one (subwords)"
            )
        full = _completed(str(tokenizer.subwords), reading)
        return cut(corpus, Tokenizer(**tokenizer.describe() | _described(full)))
    return corpus


def cut(corpus: Corpus, tokenizer: Tokenizer) -> Corpus:
    """``corpus``, cut by another tokenizer: by one that cuts into pieces also the words of lists, which a corpus leaves
    as they are.
    """
    whole = bool(corpus.parts) or tokenizer.name != "subwords"
    return (corpus if whole else Corpus([*corpus.lines()])).cut_by(tokenizer)


def found(scan: Scan, min_count: int, max_vocab: int | None, reading: Reading) -> Tokens:
    """The tokens of a corpus that was scanned, with their counts."""
    tokenizer = scan.tokenizer
    counts = dict(zip(scan.words_seen, scan.counts.tolist(), strict=True))
    if tokenizer.name == "subwords":
        names = tokenizer.pieces.listed()
        end = next(row for row, name in enumerate(names) if name in ALSO[reading.end])
        times = [scan.sentences if row == end else counts.get(name, 0) for row, name in enumerate(names)]
        return Tokens(tokenizer, Vocabulary(names, times), end)
    known = scan.vocabulary(min_count, None if max_vocab is None else max(1, max_vocab - len(reading.names)))
    words = [word for word in known.words if word not in reading.names]
    seen = {name: counts.get(name, 0) for name in reading.names} | {word: counts[word] for word in words}
    rare = scan.tokens - sum(seen.values())
    made = of_names(words, reading, tokenizer)
    more = {reading.end: scan.sentences} | dict.fromkeys(UNKNOWNS, rare)
    vocabulary = Vocabulary(made.vocabulary.words, [seen[name] + more.get(name, 0) for name in made.vocabulary.words])
    return Tokens(tokenizer, vocabulary, made.end)


def of_names(words: Iterable[str], reading: Reading, tokenizer: Tokenizer | None = None) -> Tokens:
    """Tokens that are whole words, those that are no text before them."""
    names = [*reading.names, *words]
    return Tokens(tokenizer or Tokenizer.of("whitespace"), Vocabulary(names), names.index(reading.end))


def expected(sample: Sample, pieces: int, min_count: int, max_vocab: int | None, reading: Reading) -> tuple[int, int]:
    """How many rows a network for a corpus is expected to have, and how many tokens the corpus, the ends of sentences
    with them. ``pieces``: that many are to be learnt where nobody has said what the words are, here from those of the
    sample.
    """
    scan = sample.scan
    ends = round(scan.sentences / sample.share)
    if scan.tokenizer.name == "subwords":
        completed = _completed(str(scan.tokenizer.subwords), reading)
        return len(subwords.Pieces(completed)), sample.tokens + ends
    if not sample.uncut:
        return len(sample.vocabulary(min_count, max_vocab)) + len(reading.names), sample.tokens + ends
    words, counts = [*scan.words_seen], scan.counts
    often = (f"{word} " * min(count, OFTEN) for word, count in zip(words, counts.tolist(), strict=True))
    made = subwords.Pieces(_completed(subwords.learn(often, pieces, reading.kind), reading))
    sizes = np.array([len(each) for each in made.tokenize_lines(words)])
    return len(made), round(float(sizes @ counts) / sample.share) + ends


def end_of(vocabulary: Vocabulary, told: Any) -> int:
    """The row of the token that ends a text: the one that a config.json names, or one that is called so.
    ``ValueError`` where there is none.
    """
    row = told[0] if isinstance(told, list) and told else told
    if isinstance(row, int) and 0 <= row < len(vocabulary):
        return row
    for name in ENDS:
        if name in vocabulary:
            return vocabulary.index[name]
    raise ValueError(f'none of the {len(vocabulary)} tokens ends a text: the config.json has no "eos_token_id"')


def _described(vocabulary: str) -> dict[str, Any]:
    return {"name": "subwords", "lowercase": False, "subwords": vocabulary, "version": subwords.version(vocabulary)}


def _completed(vocabulary: str, reading: Reading) -> str:
    """A tokenizer.json with the tokens that are no text, those added that it lacks; what is unknown it has itself, or
    has no need of.
    """
    given = json.loads(vocabulary)
    added = [*(given.get("added_tokens") or [])]
    there = {token.get("content") for token in added}
    rows = len(subwords.Pieces(vocabulary))
    missing = [name for name in reading.names if name not in UNKNOWNS and not there & {*ALSO[name]}]
    if not missing:
        return vocabulary
    added += [special_token(name, row) for row, name in enumerate(missing, rows)]
    return json.dumps(given | {"added_tokens": added}, ensure_ascii=False)


@cache
def _spaced() -> Any:
    """What finds words in a text: a character of a script without spaces, with the marks upon it, or what stands
    between spaces.
    """
    import regex

    return regex.compile(rf"{ALONES}\p{{M}}*|(?:(?!{SPACELESS})\S)+", regex.VERSION1)


def given(words: Sequence[str]) -> list[str]:
    """Words that were cut elsewhere; ``TypeError`` for what is none."""
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"words are str, not {type(word).__name__}: {word!r:.60}")
    return [*words]


def _joined(words: Sequence[str]) -> str:
    """Words with spaces between them, none between two characters of a script that puts none."""
    text = ""
    for word in words:
        text += word if not text or (spaceless(word[0]) and spaceless(text[-1])) else f" {word}"
    return text
