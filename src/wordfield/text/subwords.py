"""Words -> pieces of words, by a vocabulary that was learnt: byte-pair encoding (Sennrich, Haddow and Birch 2016, arXiv
1508.07909), a unigram language model (Kudo 2018, arXiv 1804.10959), or WordPiece, as BERT has it (Devlin, Chang, Lee
and Toutanova 2019, arXiv 1810.04805).

Vocabularies are those of two libraries: a tokenizer.json of Hugging Face ``tokenizers``, or a model of SentencePiece.
"""

from __future__ import annotations

import mmap
import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from json import loads
from pathlib import Path
from typing import Any, Literal, final, get_args
from unicodedata import category

Kind = Literal["bpe", "unigram", "wordpiece"]
BASE64 = "sentencepiece:"
UNKNOWN = "<unk>"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
"""The tokens of a WordPiece vocabulary that are no text, as BERT's have them."""
EXTRA = "is not installed: pip install 'wordfield[subwords]'"
MARK = "▁"
"""Stands for a space in the names of pieces, as SentencePiece has it."""
PRINTED = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
"""The bytes that a byte-level vocabulary writes as the characters of the same numbers."""
LETTERS = {byte: chr(byte) for byte in PRINTED} | {
    byte: chr(0x100 + place) for place, byte in enumerate(sorted({*range(0x100)} - {*PRINTED}))
}
"""Byte -> the character that a byte-level vocabulary writes for it (Radford et al. 2019, the encoder of GPT-2)."""
BYTES = {letter: byte for byte, letter in LETTERS.items()}
SPACE = LETTERS[0x20]


@final
class Stored:
    """The text of a tokenizer.json that stays in its file, mapped, until text is to be cut: ``str`` reads it. The file
    may be replaced by another, but not written into.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def __str__(self) -> str:
        return bytes(self._data).decode()

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"a tokenizer.json of {len(self):,} bytes"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Stored) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


class Pieces:
    """Cuts lines into pieces as the library does that the vocabulary belongs to; special tokens are not added, and what
    is unknown is the vocabulary's piece for that.

    ``vocabulary``: what ``read`` gives, or the text of a tokenizer.json. ``ValueError`` if it is none, ``ImportError``
    naming the extra where the library is missing.
    """

    def __init__(self, vocabulary: str | Stored) -> None:
        vocabulary = str(vocabulary)
        self._hugging_face = not vocabulary.startswith(BASE64)
        self._library: Any
        if self._hugging_face:
            self._library, given = _tokenizer(vocabulary)
            ids = self._library.get_vocab()
            added = [token.content for token in self._library.get_added_tokens_decoder().values()]
            self._names = dict(zip(ids.values(), names([*ids], added, given), strict=True))
            model = given["model"]
            unknown = model.get("unk_id") if isinstance(model["vocab"], list) else ids.get(model.get("unk_token"))
        else:
            self._library = _sentencepiece(b64decode(vocabulary.removeprefix(BASE64)))
            self._names = dict(enumerate(self._library.id_to_piece(list(range(self._library.get_piece_size())))))
            unknown = self._library.unk_id()

        self.unknown: str | None = self._names.get(unknown)
        """The piece for what no other stands for, where there is one."""
        self._ids = {name: id_ for id_, name in self._names.items()}

    def __len__(self) -> int:
        return len(self._names)

    def tokenize_lines(self, lines: Sequence[str]) -> list[list[str]]:
        """The pieces of each line."""
        names, library = self._names, self._library
        if self._hugging_face:
            found = library.encode_batch_fast(list(lines), add_special_tokens=False)
            return [[names[id_] for id_ in each.ids] for each in found]
        return [[names[id_] for id_ in ids] for ids in library.encode(list(lines), out_type=int)]

    def listed(self) -> list[str]:
        """All pieces by their ids; an id that none has is called ``<unused 7>``."""
        return [self._names.get(id_, f"<unused {id_}>") for id_ in range(max(self._names, default=-1) + 1)]

    def spans(self, text: str) -> list[tuple[str, int, int]]:
        """The pieces of a text, and the characters that each is made of, from the first to behind the last.
        ``ValueError`` for a SentencePiece model.
        """
        if not self._hugging_face:
            raise ValueError(
                "where its pieces stand in a text a SentencePiece model does not tell: use a tokenizer.json"
            )
        found = self._library.encode(text, add_special_tokens=False)
        return [(self._names[id_], *span) for id_, span in zip(found.ids, found.offsets, strict=True)]

    def text(self, pieces: Sequence[str]) -> str:
        """The text that the pieces came from, as far as they tell: a unigram or byte-pair vocabulary of ours gives it
        back in NFKC, with one space for several.
        """
        library = self._library
        if not self._hugging_face:
            return str(library.decode_pieces(list(pieces)))
        ids = [self._ids[piece] for piece in pieces if piece in self._ids]
        return str(library.decode(ids, skip_special_tokens=False))


def byte_level(given: Mapping[str, Any]) -> bool:
    """Whether the tokens of a tokenizer.json are bytes, each written as a character: whether there is a ByteLevel among
    what cuts text, or what puts it together again.
    """

    def there(part: Any) -> bool:
        if not isinstance(part, Mapping):
            return False
        inner = part.get("pretokenizers") or part.get("decoders")
        return part.get("type") == "ByteLevel" or (isinstance(inner, list) and any(map(there, inner)))

    return there(given.get("pre_tokenizer")) or there(given.get("decoder"))


def names(tokens: Sequence[str], added: Collection[str], given: Mapping[str, Any]) -> list[str]:
    """What the tokens of a tokenizer.json are called here, no two alike: themselves, or, where they are bytes, the text
    of these, see ``readable``. Those that were ``added`` to the vocabulary are text already. Where two would be called
    alike, the second keeps its own name. ``dict(zip(names, tokens))`` leads back.
    """
    if not byte_level(given):
        return list(tokens)
    kept = set(added)
    found = [token if token in kept else name for token, name in zip(tokens, _readable(tokens), strict=True)]
    if len(set(found)) == len(found):
        return found
    taken = {token for token in tokens if token in kept}
    for place, (token, name) in enumerate(zip(tokens, found, strict=True)):
        if token not in kept:
            free = (each for each in (name, token, *(f"{token}<{count}>" for count in range(len(found)))))
            found[place] = next(each for each in free if each not in taken)
            taken.add(found[place])
    return found


def told(vocabulary: str | Stored) -> str:
    """What a vocabulary is and how large, to be told to people."""
    if isinstance(vocabulary, Stored):
        return repr(vocabulary)
    if vocabulary.startswith(BASE64):
        return f"a SentencePiece model of {len(b64decode(vocabulary.removeprefix(BASE64))):,} bytes"
    return f"a tokenizer.json of {len(vocabulary.encode()):,} bytes"


def added(vocabulary: str | Stored) -> list[str]:
    """The tokens that were added to the vocabulary of a tokenizer.json, special ones and others."""
    if isinstance(vocabulary, str) and vocabulary.startswith(BASE64):
        return []
    return [str(entry["content"]) for entry in loads(str(vocabulary)).get("added_tokens") or ()]


def readable(token: str) -> str:
    """The text of a token of a byte-level vocabulary, Ġthe as ▁the and ä½ł as 你: spaces as ▁; bytes that are no whole
    characters, control characters and other white space as <0xE4>. A token that is not made of bytes stays.
    """
    bare = token.removeprefix(SPACE)
    if bare.isascii():
        return token if bare == token else MARK + bare
    try:
        text = bytes([BYTES[letter] for letter in token]).decode("utf-8", "surrogateescape")
    except KeyError:
        return token
    text = text.replace(" ", MARK)
    return text if text.isprintable() else "".join(map(_visible, text))


def _readable(tokens: Sequence[str]) -> list[str]:
    """The texts of many tokens at once, as ``readable`` has them."""
    import numpy as np

    letters = np.full(1 << 16, -1, np.int16)
    letters[[ord(letter) for letter in BYTES]] = [*BYTES.values()]
    letters[[ord(LETTERS[0x0A]), 0x0A]] = 0x0D, 0x0A  # between tokens are line feeds; theirs are no text either way
    codes = letters[np.frombuffer("\n".join(tokens).encode("utf-16-le", "surrogatepass"), np.uint16)]
    if (codes < 0).any():
        return [readable(token) for token in tokens]
    text = codes.astype(np.uint8).tobytes().decode("utf-8", "surrogateescape").replace(" ", MARK)
    found = text.split("\n") if tokens else []
    return [name if name.isprintable() else readable(token) for token, name in zip(tokens, found, strict=True)]


def written(name: str) -> str:
    """The token of a byte-level vocabulary that is called so: the way back from ``readable``, but for a token that
    holds ▁ or <0xE4> as text.
    """
    parts = re.split("(<0x[0-9A-F]{2}>)", name.replace(MARK, " "))
    data = [bytes([int(part[3:5], 16)]) if place % 2 else part.encode() for place, part in enumerate(parts)]
    return "".join(LETTERS[byte] for byte in b"".join(data))


def _visible(character: str) -> str:
    """A character as it can be shown, a byte that was no part of one, or the bytes of what cannot be seen."""
    if "\udc80" <= character <= "\udcff" or character.isspace() or category(character) == "Cc":
        return "".join(f"<0x{byte:02X}>" for byte in character.encode("utf-8", "surrogateescape"))
    return character


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
    lines: Iterable[str], size: int = 8000, kind: Kind = "bpe", *, lowercase: bool | None = False, min_count: int = 2
) -> str:
    """A vocabulary of at most ``size`` pieces learnt from ``lines``, as the text of a tokenizer.json.

    Text is put into NFKC; a piece that begins a word begins with ▁, as SentencePiece has it; pieces hold characters,
    not bytes, so that people can read them. ``min_count``: how often a pair must be seen to be joined (``bpe`` and
    ``wordpiece``). ``lowercase``: None is to lower-case what is cut where the lines have no capital letters.

    ``wordpiece``: text is cleaned and cut as BERT's, each Chinese character by itself; lower case takes the accents
    off; a piece that goes on with a word begins with ##, and of a word the longest piece is taken first. The pieces
    are those that pairs by frequency give: how Google learnt its own was never published.

    ``ValueError`` for lines without text, and for a size that cannot hold what a vocabulary needs.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
    special = SPECIAL if kind == "wordpiece" else [UNKNOWN]
    if size <= len(special):
        raise ValueError(f"size must be at least {len(special) + 1}, {' '.join(special)} and one piece, not {size}")
    library = _tokenizers()
    from tokenizers import decoders, models, pre_tokenizers, trainers

    options: Any = {
        "vocab_size": size,
        "special_tokens": special,
        "show_progress": False,
    }
    cut: Any = pre_tokenizers.Metaspace()
    join: Any = decoders.Metaspace()
    if kind == "wordpiece":
        model: Any = models.WordPiece(unk_token=SPECIAL[1], max_input_chars_per_word=100)
        trainer: Any = trainers.WordPieceTrainer(**options, min_frequency=min_count, limit_alphabet=max(1, size // 2))
        cut, join = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    elif kind == "bpe":
        model = models.BPE(unk_token=UNKNOWN)
        # Chinese has thousands of characters: those beyond half the vocabulary, the rarest, are unknown.
        trainer = trainers.BpeTrainer(**options, min_frequency=min_count, limit_alphabet=max(1, size // 2))
    else:
        model, trainer = models.Unigram(), trainers.UnigramTrainer(**options, unk_token=UNKNOWN)
    made = library.Tokenizer(model)
    made.normalizer, made.pre_tokenizer, made.decoder = _normalizer(kind, bool(lowercase)), cut, join
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
    if lowercase is None and all(name == name.lower() for name in {*made.get_vocab()} - {*special}):
        made.normalizer = _normalizer(kind, True)
    if kind == "wordpiece":
        from tokenizers import processors

        ends = [(name, made.token_to_id(name)) for name in ("[SEP]", "[CLS]")]
        made.post_processor = processors.BertProcessing(*ends)
    return str(made.to_str())


def _normalizer(kind: Kind, lowercase: bool) -> Any:
    """What a text goes through before it is cut."""
    from tokenizers import Regex, normalizers

    if kind == "wordpiece":
        return normalizers.BertNormalizer(lowercase=lowercase, strip_accents=lowercase)
    steps: list[Any] = [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    return normalizers.Sequence(steps + [normalizers.Lowercase()] * lowercase)


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


def version(vocabulary: str | Stored) -> str:
    """Which library reads the vocabulary, with its version."""
    from importlib.metadata import version

    stored = isinstance(vocabulary, Stored) or not vocabulary.startswith(BASE64)
    name = "tokenizers" if stored else "sentencepiece"
    return f"{name} {version(name)}"


def _tokenizer(vocabulary: str) -> tuple[Any, dict[str, Any]]:
    """The library's object, and what the JSON says."""
    library = _tokenizers()
    try:
        given = loads(vocabulary)
        made = library.Tokenizer.from_str(vocabulary)
    except Exception as error:  # the library knows no finer class
        raise ValueError(f"not a tokenizer.json that Hugging Face tokenizers can read: {error}") from None
    made.no_truncation()
    made.no_padding()
    return made, given


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
