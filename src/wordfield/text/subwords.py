"""Words -> pieces of words, by a vocabulary that was learnt: byte-pair encoding (Sennrich, Haddow and Birch 2016, arXiv
1508.07909) or a unigram language model (Kudo 2018, arXiv 1804.10959).

Vocabularies are those of two libraries: a tokenizer.json of Hugging Face ``tokenizers``, or a model of SentencePiece.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from json import loads
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["bpe", "unigram"]
BASE64 = "sentencepiece:"
UNKNOWN = "<unk>"
EXTRA = "is not installed: pip install 'wordfield[subwords]'"


class Pieces:
    """Cuts lines into pieces as the library does that the vocabulary belongs to; special tokens are not added, and what
    is unknown is the vocabulary's piece for that.

    ``vocabulary``: what ``read`` gives, or the text of a tokenizer.json. ``ValueError`` if it is none, ``ImportError``
    naming the extra where the library is missing.
    """

    def __init__(self, vocabulary: str) -> None:
        self._hugging_face = not vocabulary.startswith(BASE64)
        self._library: Any
        if self._hugging_face:
            self._library = _tokenizer(vocabulary)
            self._names = {id_: piece for piece, id_ in self._library.get_vocab().items()}
        else:
            self._library = _sentencepiece(b64decode(vocabulary.removeprefix(BASE64)))
            self._names = dict(enumerate(self._library.id_to_piece(list(range(self._library.get_piece_size())))))

    def __len__(self) -> int:
        return len(self._names)

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        """The pieces of each line."""
        names, library = self._names, self._library
        if self._hugging_face:
            found = library.encode_batch_fast(list(lines), add_special_tokens=False)
            return [[names[id_] for id_ in each.ids] for each in found]
        return [[names[id_] for id_ in ids] for ids in library.encode(list(lines), out_type=int)]

    def text(self, pieces: Sequence[str]) -> str:
        """The text that the pieces came from, as far as they tell: a unigram or byte-pair vocabulary of ours gives it
        back in NFKC, with one space for several.
        """
        library = self._library
        if not self._hugging_face:
            return str(library.decode_pieces(list(pieces)))
        ids = [library.token_to_id(piece) for piece in pieces]
        return str(library.decode([id_ for id_ in ids if id_ is not None], skip_special_tokens=False))


def read(path: str | Path) -> str:
    """The vocabulary in a file, a tokenizer.json or a SentencePiece model, recognised by its content, as one string.

    ``ValueError`` naming the file if it is neither; ``ImportError`` naming the extra where its library is missing.
    """
    data = Path(path).read_bytes()
    text = data.decode(errors="replace")
    vocabulary = text if text.lstrip("\ufeff \t\r\n").startswith("{") else BASE64 + b64encode(data).decode()
    try:
        Pieces(vocabulary)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return vocabulary


def learn(
    lines: Iterable[str], size: int = 8000, kind: Kind = "bpe", *, lowercase: bool = False, min_count: int = 2
) -> str:
    """A vocabulary of at most ``size`` pieces learnt from ``lines``, as the text of a tokenizer.json.

    Text is put into NFKC; a piece that begins a word begins with ▁, as SentencePiece has it; pieces hold characters,
    not bytes, so that people can read them. ``min_count``: how often a pair must be seen to be joined (``bpe``).

    ``ValueError`` for lines without text, and for a size that cannot hold what a vocabulary needs.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
    if size < 2:
        raise ValueError(f"size must be at least 2, {UNKNOWN} and one piece, not {size}")
    library = _tokenizers()
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    options: Any = {
        "vocab_size": size,
        "special_tokens": [UNKNOWN],
        "show_progress": False,
    }
    if kind == "bpe":
        model: Any = models.BPE(unk_token=UNKNOWN)
        # Chinese has thousands of characters: those beyond half the vocabulary, the rarest, are unknown.
        trainer: Any = trainers.BpeTrainer(**options, min_frequency=min_count, limit_alphabet=max(1, size // 2))
    else:
        model, trainer = models.Unigram(), trainers.UnigramTrainer(**options, unk_token=UNKNOWN)
    made = library.Tokenizer(model)
    steps: list[Any] = [normalizers.NFKC(), normalizers.Replace(library.Regex(r"\s+"), " "), normalizers.Strip()]
    made.normalizer = normalizers.Sequence(steps + [normalizers.Lowercase()] * lowercase)
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    seen = _Seen(line.replace("\0", " ") for line in lines)
    try:
        made.train_from_iterator(seen, trainer)
    except Exception as error:  # the library knows no finer class
        if not isinstance(error, (KeyboardInterrupt, OSError, ValueError)) and type(error) is Exception:
            raise ValueError(
                f"no vocabulary of {size} pieces could be learnt from {seen.lines} lines: {error}"
            ) from None
        raise
    if not seen.text:
        raise ValueError("no pieces can be learnt: the lines have no text")
    return str(made.to_str())


class _Seen:
    """Lines on their way to the library: how many there were, and whether any had text."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.lines, self.text = 0, False

    def __iter__(self) -> _Seen:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.lines += 1
        self.text = self.text or bool(line.strip())
        return line


def version(vocabulary: str) -> str:
    """Which library reads the vocabulary, with its version."""
    from importlib.metadata import version

    name = "sentencepiece" if vocabulary.startswith(BASE64) else "tokenizers"
    return f"{name} {version(name)}"


def _tokenizer(vocabulary: str) -> Any:
    library = _tokenizers()
    try:
        loads(vocabulary)
        made = library.Tokenizer.from_str(vocabulary)
    except Exception as error:  # the library knows no finer class
        raise ValueError(f"not a tokenizer.json that Hugging Face tokenizers can read: {error}") from None
    made.no_truncation()
    made.no_padding()
    return made


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError(f"a tokenizer.json needs the library tokenizers, which {EXTRA}") from error
    return tokenizers


def _sentencepiece(model: bytes) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(f"a SentencePiece model needs the library sentencepiece, which {EXTRA}") from error
    made = sentencepiece.SentencePieceProcessor()
    with suppress(RuntimeError):
        if model and made.LoadFromSerializedProto(model) and made.get_piece_size():
            return made
    raise ValueError("neither a tokenizer.json nor a SentencePiece model")
